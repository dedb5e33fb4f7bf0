//! Charts as SVG: pure functions of numbers and labels. Colours are the style sheet's classes, so they follow light
//! and dark. A chart is one image with a title and a description; its figures, as links, are in the table behind it.

mod map;

use std::fmt::Write as _;

pub(super) use map::{Grid, Spot, degrees, map};

/// The width that all are drawn for: a narrow phone's, so that letters are legible there. The style sheet stretches them.
const WIDTH: f64 = 300.0;
/// How wide a letter is at most on average: the style sheet's size is 13.
const LETTER: f64 = 7.2;
/// Characters of a name above a bar, and of one beside a figure in half the width.
const LABEL_CHARS_MAX: usize = 38;
const SHORT_CHARS_MAX: usize = 13;
const ROW: f64 = 36.0;
/// Of a row, for its figure at the end; the bar has the rest.
const FIGURE: f64 = 104.0;

/// What a chart is called, and what it shows in a sentence.
pub(super) struct Caption<'a> {
    /// Unique on the page; a code.
    pub id: &'a str,
    pub title: &'a str,
    pub text: &'a str,
}

/// A figure with its name.
pub(super) struct Bar {
    pub label: String,
    pub value: f64,
    /// As it is written.
    pub shown: String,
    /// A class of the style sheet: `good`, `soft`, `late`, or none.
    pub tone: &'static str,
}

/// A share with its interval, each 0 to 1.
pub(super) struct Interval {
    pub label: String,
    pub low: f64,
    pub share: f64,
    pub high: f64,
    pub shown: String,
}

/// One of the small multiples.
pub(super) struct Line {
    pub label: String,
    pub values: Vec<u32>,
    pub shown: String,
}

/// For HTML and SVG, in text and in attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A label that fits; the whole one is in the table.
fn short(label: &str, chars: usize) -> String {
    if label.chars().count() <= chars {
        return escape(label);
    }
    let cut: String = label.chars().take(chars - 1).collect();
    escape(cut.trim_end()) + "…"
}

/// A text in the middle of `x`, or beside the edge of the picture where it would be cut.
fn beside(drawn: &mut String, x: f64, y: f64, text: &str) {
    let half = number(text.chars().count()) * LETTER / 2.0;
    let (class, x) = if x + half > WIDTH {
        ("end", WIDTH)
    } else if x < half {
        ("start", 0.0)
    } else {
        ("middle", x)
    };
    let _ = write!(drawn, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(text));
}

fn svg(caption: &Caption<'_>, height: f64, drawn: &str) -> String {
    let Caption { id, title, text } = caption;
    format!(
        "<svg class=\"chart\" role=\"img\" viewBox=\"0 0 {WIDTH} {height:.0}\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{drawn}</svg>",
        escape(title),
        escape(text)
    )
}

/// The least round number that is no less: a few steps to each power of ten.
fn round_up(value: f64) -> f64 {
    if !value.is_finite() || value <= 1.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 6.0, 8.0].map(|step| step * power);
    steps.into_iter().find(|round| *round >= value).unwrap_or(10.0 * power)
}

/// A count for arithmetic; one that is too large is drawn as the largest.
fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// Upright bars in their order: counts over time. Empty: nothing to draw.
pub(super) fn columns(caption: &Caption<'_>, bars: &[Bar]) -> String {
    const LEFT: f64 = 44.0;
    const TOP: f64 = 12.0;
    const HIGH: f64 = 130.0;
    if bars.is_empty() {
        return String::new();
    }
    let top = round_up(bars.iter().map(|bar| bar.value).fold(0.0, f64::max));
    let step = (WIDTH - LEFT - 4.0) / number(bars.len());
    let mut drawn = String::new();
    for line in [0.0, 0.5, 1.0] {
        let y = TOP + HIGH * (1.0 - line);
        let value = top * line;
        let _ = write!(drawn, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{WIDTH}\"/>");
        if value.fract() == 0.0 {
            let _ = write!(
                drawn,
                "<text x=\"{:.0}\" y=\"{:.1}\" class=\"end\">{value:.0}</text>",
                LEFT - 6.0,
                y + 4.0
            );
        }
    }
    // As many names below as have room, the first and the last among them.
    let every = (bars.len() - 1).div_ceil(5).max(1);
    for (n, bar) in bars.iter().enumerate() {
        let x = LEFT + step * number(n);
        let high = HIGH * (bar.value / top).clamp(0.0, 1.0);
        let gap = (step * 0.15).min(6.0);
        let _ = write!(
            drawn,
            "<rect class=\"bar {}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{high:.1}\"/>",
            bar.tone,
            x + gap,
            TOP + HIGH - high,
            (step - 2.0 * gap).max(0.5),
        );
        if n % every == 0 {
            beside(&mut drawn, x + step / 2.0, TOP + HIGH + 18.0, &bar.label);
        }
    }
    svg(caption, TOP + HIGH + 26.0, &drawn)
}

/// Lying bars, their names above and their figures beside them. `whole`: how much the full width is; 0: the greatest.
pub(super) fn rows(caption: &Caption<'_>, bars: &[Bar], whole: f64) -> String {
    if bars.is_empty() {
        return String::new();
    }
    let greatest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let whole = if whole > 0.0 { whole } else { greatest.max(f64::MIN_POSITIVE) };
    let mut drawn = String::new();
    for (n, bar) in bars.iter().enumerate() {
        let y = ROW * number(n);
        let track = WIDTH - FIGURE;
        let wide = track * (bar.value / whole).clamp(0.0, 1.0);
        let _ = write!(
            drawn,
            "<text x=\"0\" y=\"{:.1}\">{}</text><text class=\"end strong\" x=\"{WIDTH}\" y=\"{:.1}\">{}</text>\
             <rect class=\"track\" x=\"0\" y=\"{:.1}\" width=\"{track}\" height=\"10\"/>\
             <rect class=\"bar {}\" x=\"0\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"10\"/>",
            y + 13.0,
            short(&bar.label, LABEL_CHARS_MAX),
            y + 28.0,
            escape(&bar.shown),
            y + 18.0,
            bar.tone,
            y + 18.0,
        );
    }
    svg(caption, ROW * number(bars.len()), &drawn)
}

/// Shares as points on a line from 0 to 1, each with its interval.
pub(super) fn intervals(caption: &Caption<'_>, shares: &[Interval]) -> String {
    if shares.is_empty() {
        return String::new();
    }
    let x = |share: f64| 6.0 + (WIDTH - FIGURE - 12.0) * share.clamp(0.0, 1.0);
    let bottom = ROW * number(shares.len());
    let mut drawn = String::new();
    for mark in [0.0, 0.5, 1.0] {
        let _ = write!(drawn, "<path class=\"grid\" d=\"M{:.1} 0V{bottom:.0}\"/>", x(mark));
        beside(&mut drawn, x(mark), bottom + 15.0, &format!("{:.0} %", mark * 100.0));
    }
    for (n, one) in shares.iter().enumerate() {
        let y = ROW * number(n);
        let (low, high) = (x(one.low.min(one.share)), x(one.high.max(one.share)));
        let _ = write!(
            drawn,
            "<text x=\"0\" y=\"{:.1}\">{}</text><text class=\"end strong\" x=\"{WIDTH}\" y=\"{:.1}\">{}</text>\
             <path class=\"whisker\" d=\"M{low:.1} {line:.1}H{high:.1}M{low:.1} {:.1}v8M{high:.1} {:.1}v8\"/>\
             <circle class=\"dot\" cx=\"{:.1}\" cy=\"{line:.1}\" r=\"4.5\"/>",
            y + 13.0,
            short(&one.label, LABEL_CHARS_MAX),
            y + 28.0,
            escape(&one.shown),
            y + 19.0,
            y + 19.0,
            x(one.share),
            line = y + 23.0,
        );
    }
    svg(caption, bottom + 22.0, &drawn)
}

/// Small multiples: lines over the same time, two beside each other, all on one scale.
pub(super) fn lines(caption: &Caption<'_>, lines: &[Line]) -> String {
    const WIDE: f64 = 143.0;
    const HIGH: f64 = 72.0;
    const PLOT: f64 = 40.0;
    if lines.is_empty() {
        return String::new();
    }
    let values = lines.iter().flat_map(|line| &line.values);
    let top = values.copied().map(f64::from).fold(1.0, f64::max);
    let mut drawn = String::new();
    for (n, line) in lines.iter().enumerate() {
        let left = if n % 2 == 0 { 0.0 } else { WIDTH - WIDE };
        let y = HIGH * number(n / 2);
        let floor = y + 22.0 + PLOT;
        // The last point's dot has room.
        let step = (WIDE - 4.0) / number(line.values.len().saturating_sub(1)).max(1.0);
        let at =
            |(n, value): (usize, &u32)| (left + step * number(n), floor - PLOT * f64::from(*value) / top);
        let mut path = String::new();
        for (n, (x, y)) in line.values.iter().enumerate().map(at).enumerate() {
            let _ = write!(path, "{}{x:.1} {y:.1}", if n == 0 { "M" } else { "L" });
        }
        let label = short(&line.label, SHORT_CHARS_MAX);
        let _ = write!(
            drawn,
            "<text x=\"{left:.1}\" y=\"{:.1}\">{label}</text><text class=\"end strong\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
             <path class=\"grid\" d=\"M{left:.1} {floor:.1}h{WIDE}\"/><path class=\"line\" d=\"{path}\"/>",
            y + 14.0,
            left + WIDE,
            y + 14.0,
            escape(&line.shown),
        );
        // A line of one point would be invisible.
        if let Some((x, y)) = line.values.iter().enumerate().next_back().map(at) {
            let _ = write!(drawn, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        }
    }
    svg(caption, HIGH * number(lines.len().div_ceil(2)), &drawn)
}

#[cfg(test)]
mod tests;
