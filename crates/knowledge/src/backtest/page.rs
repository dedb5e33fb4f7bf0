//! The back-test as one HTML page without scripts: figures, curves as SVG, the worst drafts.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Curve, Figures, Report, WrongDraft};

/// Wrong drafts shown of each kind.
const WORST: usize = 20;

/// A drawing's inner width and height.
const SIDE: f64 = 320.0;

const COLOURS: [&str; 4] = ["#0b5fa5", "#b5541c", "#5b7a1f", "#7a4a9a"];

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse}td,th{padding:.2rem .6rem;border-bottom:1px solid #ccc;text-align:right}\
td:first-child,th:first-child{text-align:left}svg{background:#fff;border:1px solid #ccc}\
li{margin:.6rem 0}small{color:#555}";

impl Report {
    pub fn to_html(&self) -> String {
        let mut page = format!(
            "<!doctype html><html lang=\"vi\"><meta charset=\"utf-8\"><title>Kiểm thử lại việc dùng lại câu trả lời</title>\
             <style>{STYLE}</style><h1>Kiểm thử lại việc dùng lại câu trả lời</h1>\
             <p>{} · kho {} câu · hỏi {} câu · p50 {:.1} ms, p99 {:.1} ms</p>",
            escaped(&self.model),
            self.answered,
            self.all.asked,
            self.p50_ms,
            self.p99_ms,
        );
        let all = BTreeMap::from([("Tất cả".to_owned(), self.all.clone())]);
        page += &table("Tất cả", &all);
        page += &table("Theo loại", &self.kinds);
        page += &table("Theo lĩnh vực của câu gần nhất", &self.fields);
        page += &self.curves();
        page += &reliability(&self.curve);
        page += &worst(&self.wrong_drafts);
        page
    }

    fn curves(&self) -> String {
        let drawn =
            std::iter::once(("motcua", &self.curve)).chain(self.baselines.iter().map(|(name, c)| (*name, c)));
        let drawn: Vec<_> = drawn.zip(COLOURS.iter().cycle()).collect();
        let lines = drawn.iter().map(|((_, curve), colour)| line(&curve.points, colour));
        let mut said =
            format!("<h2>Độ phủ (ngang) và độ chính xác (dọc)</h2>{}", drawing(&lines.collect::<String>()));
        said += "<table><tr><th>Cách xếp<th>độ chính xác ≥<th>dự thảo<th>cận dưới 95 %<th>độ phủ<th>ngưỡng";
        for ((name, curve), colour) in &drawn {
            for at in &curve.at_precision {
                let lower = shown(at.precision_lower);
                let _ = write!(
                    said,
                    "<tr><td><span style=\"color:{colour}\">■</span> {}<td>{:.2}<td>{}<td>{lower}<td>{:.3}<td>{}",
                    escaped(name),
                    at.precision,
                    at.drafts,
                    at.coverage,
                    shown(at.threshold),
                );
            }
        }
        said + "</table>"
    }
}

fn table(title: &str, rows: &BTreeMap<String, Figures>) -> String {
    let mut said = format!(
        "<h2>{title}</h2><table><tr><th><th>hỏi<th>có sẵn<th>dự thảo<th>đúng<th>cấm<th>độ chính xác<th>cận dưới\
         <th>độ phủ<th>thừa<th>gợi ý<th>top-1<th>top-5<th>MRR"
    );
    for (name, one) in rows {
        let _ = write!(
            said,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
            if name.is_empty() { "(không có)".to_owned() } else { escaped(name) },
            one.asked,
            one.answerable,
            one.drafted,
            one.correct,
            one.forbidden,
            shown(one.precision),
            shown(one.precision_lower),
            shown(one.coverage),
            one.false_drafts,
            one.suggested,
            shown(one.top1),
            shown(one.top5),
            shown(one.mrr),
        );
    }
    said + "</table>"
}

/// Points in the unit square as a line.
fn line(points: &[(f64, f64)], colour: &str) -> String {
    let points = points.iter().map(|(x, y)| format!("{:.1},{:.1}", x * SIDE, (1.0 - y) * SIDE));
    let points = points.collect::<Vec<_>>().join(" ");
    format!("<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{points}\"/>")
}

fn drawing(inside: &str) -> String {
    format!(
        "<svg viewBox=\"-8 -8 {0} {0}\" width=\"{0}\" height=\"{0}\" role=\"img\">{inside}</svg>",
        SIDE + 16.0
    )
}

fn reliability(curve: &Curve) -> String {
    let seen: Vec<(f64, f64)> =
        curve.reliability.iter().map(|bin| (bin.mean_probability, bin.right)).collect();
    let inside = line(&[(0.0, 0.0), (1.0, 1.0)], "#ccc") + &line(&seen, COLOURS[0]);
    let mut said = format!("<h2>Xác suất nói (ngang) và tỷ lệ đúng thật (dọc)</h2>{}", drawing(&inside));
    said += "<table><tr><th>từ<th>số câu<th>xác suất trung bình<th>tỷ lệ đúng";
    for bin in &curve.reliability {
        let _ = write!(
            said,
            "<tr><td>{:.1}<td>{}<td>{:.3}<td>{:.3}",
            bin.from, bin.questions, bin.mean_probability, bin.right
        );
    }
    said + "</table>"
}

fn worst(drafts: &[WrongDraft]) -> String {
    let mut kinds: BTreeMap<&str, Vec<&WrongDraft>> = BTreeMap::new();
    for draft in drafts {
        kinds.entry(&draft.kind).or_default().push(draft);
    }
    let mut said = "<h2>Dự thảo sai, chắc chắn nhất trước</h2>".to_owned();
    for (kind, drafts) in kinds {
        let _ = write!(said, "<h3>{} ({})</h3><ol>", escaped(kind), drafts.len());
        for draft in drafts.iter().take(WORST) {
            let _ = write!(
                said,
                "<li>{:.3} {}<br>→ {}<br><small>{} → {}; {}</small>",
                draft.probability,
                escaped(&draft.asked_text),
                escaped(&draft.answered_text),
                escaped(&draft.asked),
                escaped(&draft.answered),
                escaped(&draft.reasons.join("; ")),
            );
        }
        said += "</ol>";
    }
    said
}

fn shown(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{share:.3}"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_typed_is_no_markup() {
        let draft = WrongDraft {
            asked: "a".into(),
            answered: "b".into(),
            kind: "k".into(),
            probability: 0.9,
            asked_text: "<script>".into(),
            answered_text: "x & y".into(),
            reasons: vec!["\"z\"".into()],
        };
        let said = worst(&[draft]);
        assert!(
            said.contains("&lt;script&gt;") && said.contains("x &amp; y") && said.contains("&quot;z&quot;")
        );
        assert!(!said.contains("<script>"));
    }
}
