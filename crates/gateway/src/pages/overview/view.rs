//! What the overview shows of the figures. Pure.

use api::{
    analytics::v1::{
        ArrivalPoint, Bottleneck, GetOverviewResponse, HotField, RatingFigures, Standing, TicketsOf, Trend,
        UnitFigures,
    },
    knowledge::v1::HotPassage,
};

use super::{
    chosen::{Chosen, code},
    table::{Cell, Table},
};
use crate::{
    language::{Language, Said},
    organisation::Organisation,
    pages::{
        chart::{self, Bar, Caption, Grid, Interval, Line, Spot},
        words,
    },
};

/// Charts show the first so many; tables all.
pub(super) const ROWS_DRAWN: usize = 6;
/// Characters of each of two names beside each other.
const NAME_CHARS_MAX: usize = 17;
/// Of the map's list.
const CELLS_SHOWN: usize = 100;

/// A figure at the top.
pub(in crate::pages) struct Head {
    pub code: &'static str,
    pub name: Said,
    pub figure: String,
    pub href: String,
    /// What stands below it, and what that counts.
    pub note: String,
    pub note_href: String,
    pub tone: &'static str,
}

/// A chart with the table behind it.
pub(in crate::pages) struct Section {
    pub code: &'static str,
    pub title: Said,
    pub hint: Said,
    pub picture: String,
    pub table: Table,
}

/// All figures; the same on the page, in its stream and on the wall.
pub(in crate::pages) struct Live {
    pub heads: Vec<Head>,
    pub sections: Vec<Section>,
}

impl Live {
    pub fn new(
        language: Language,
        organisation: &Organisation,
        chosen: &Chosen,
        figures: &GetOverviewResponse,
        hot: &[HotPassage],
    ) -> Self {
        let view = View { language, organisation, chosen };
        let standing = figures.standing.unwrap_or_default();
        let ratings = figures.ratings.unwrap_or_default();
        Self {
            heads: view.heads(figures, &standing, &ratings),
            sections: vec![
                view.arrivals(figures.step_seconds, &figures.arrivals),
                view.outcomes(&standing),
                view.units(&figures.units),
                view.fields(&figures.fields),
                view.topics(hot),
                view.bottlenecks(&figures.bottlenecks),
                view.reports(figures),
            ],
        }
    }

    pub fn section(&self, code: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.code == code)
    }
}

pub(super) struct View<'a> {
    pub(super) language: Language,
    organisation: &'a Organisation,
    chosen: &'a Chosen,
}

impl View<'_> {
    pub(super) fn t(&self, key: &str) -> Said {
        self.language.say(key)
    }

    fn unit(&self, code: &str) -> String {
        if code.is_empty() {
            self.t("overview-no-unit").into_owned()
        } else {
            self.organisation.unit_name(code)
        }
    }

    pub(super) fn field(&self, code: &str) -> String {
        if code.is_empty() {
            self.t("library-others").into_owned()
        } else {
            self.organisation.field_name(code)
        }
    }

    fn share(&self, share: f64) -> String {
        words::percent(self.language, share)
    }

    /// `part` of `whole`, in words.
    fn of(&self, part: u32, whole: u32) -> String {
        self.language.say_with("overview-of", &[("part", part.into()), ("whole", whole.into())]).into_owned()
    }

    pub(super) fn draw(&self, code: &str, draw: impl FnOnce(&Caption<'_>) -> String) -> String {
        let (title, text) = (self.t(&format!("overview-{code}")), self.t(&format!("overview-{code}-hint")));
        draw(&Caption { id: code, title: &title, text: &text })
    }

    pub(super) fn section(&self, code: &'static str, picture: String, table: Table) -> Section {
        let (title, hint) = (self.t(&format!("overview-{code}")), self.t(&format!("overview-{code}-hint")));
        Section { code, title, hint, picture, table }
    }

    fn heads(
        &self,
        figures: &GetOverviewResponse,
        standing: &Standing,
        ratings: &RatingFigures,
    ) -> Vec<Head> {
        let list = |of| self.chosen.list(of);
        let waiting = standing.open + standing.overdue;
        let decided = decided(standing);
        let before = ("before", figures.asked_before.into());
        let none = || "–".to_owned();
        let head = |of: TicketsOf, figure: String, note: String, note_href: String, tone| Head {
            code: code(of),
            name: self.t(&format!("overview-head-{}", code(of))),
            figure,
            href: list(of),
            note,
            note_href,
            tone,
        };
        let satisfied = if ratings.ratings == 0 { none() } else { self.share(ratings.satisfied_share) };
        let interval =
            if ratings.ratings == 0 { String::new() } else { format!(" ({})", self.interval(ratings)) };
        vec![
            head(
                TicketsOf::Asked,
                figures.asked.to_string(),
                self.language.say_with("overview-before", &[before]).into_owned(),
                String::new(),
                "",
            ),
            head(TicketsOf::Waiting, waiting.to_string(), String::new(), String::new(), ""),
            head(
                TicketsOf::Overdue,
                standing.overdue.to_string(),
                String::new(),
                String::new(),
                if standing.overdue > 0 { "late" } else { "good" },
            ),
            head(
                TicketsOf::OnTime,
                standing.on_time_share.map_or_else(none, |share| self.share(share)),
                self.of(standing.on_time, decided),
                list(TicketsOf::Decided),
                "",
            ),
            head(
                TicketsOf::Satisfied,
                satisfied,
                self.of(ratings.satisfied, ratings.ratings) + &interval,
                list(TicketsOf::Rated),
                "",
            ),
        ]
    }

    fn interval(&self, ratings: &RatingFigures) -> String {
        format!("{} – {}", self.share(ratings.satisfied_low), self.share(ratings.satisfied_high))
    }

    fn arrivals(&self, step_seconds: u32, points: &[ArrivalPoint]) -> Section {
        let shape = if step_seconds < 86_400 { "%H:%M" } else { "%d/%m" };
        let named = points.iter().map(|point| (words::local_as(point.since.as_ref(), shape), point));
        let mut table = Table::new([(self.t("overview-time"), false), (self.t("reports-asked"), true)]);
        let mut bars = Vec::new();
        for (label, point) in named {
            let since = point.since.map_or(0, |at| at.seconds);
            let until = since + i64::from(step_seconds);
            let href = format!("{}&tu={since}&den={until}", self.chosen.list(TicketsOf::Asked));
            table.rows.push(vec![Cell::name(label.clone()), Cell::count(point.asked, href)]);
            bars.push(Bar { label, value: point.asked.into(), shown: point.asked.to_string(), tone: "" });
        }
        self.section("den", self.draw("den", |caption| chart::columns(caption, &bars)), table)
    }

    fn outcomes(&self, standing: &Standing) -> Section {
        let whole = decided(standing);
        let mut table = Table::new([
            (self.t("overview-outcome"), false),
            (self.t("reports-asked"), true),
            (self.t("overview-share"), true),
        ]);
        let mut bars = Vec::new();
        for (of, key, count, tone) in [
            (TicketsOf::OnTime, "reports-on-time", standing.on_time, "good"),
            (TicketsOf::ExtendedOnTime, "reports-extended-on-time", standing.extended_on_time, "soft"),
            (TicketsOf::Late, "reports-late", standing.late, "late"),
            (TicketsOf::ExtendedLate, "reports-extended-late", standing.extended_late, "late"),
            (TicketsOf::Overdue, "reports-open-overdue", standing.overdue, "late"),
        ] {
            let share = self.share(f64::from(count) / f64::from(whole.max(1)));
            let label = self.t(key).into_owned();
            table.rows.push(vec![
                Cell::name(label.clone()),
                Cell::count(count, self.chosen.list(of)),
                Cell::share(share.clone(), self.chosen.list(TicketsOf::Decided)),
            ]);
            bars.push(Bar { label, value: count.into(), shown: format!("{count} ({share})"), tone });
        }
        let picture = self.draw("ket-qua", |caption| chart::rows(caption, &bars, whole.into()));
        self.section("ket-qua", picture, table)
    }

    fn units(&self, units: &[UnitFigures]) -> Section {
        let mut table = Table::new([
            (self.t("unit"), false),
            (self.t("reports-asked"), true),
            (self.t("overview-head-cho"), true),
            (self.t("overview-head-qua-han"), true),
            (self.t("reports-on-time-share"), true),
            (self.t("reports-ratings"), true),
            (self.t("reports-satisfied"), true),
            (self.t("reports-interval"), true),
        ]);
        let mut drawn = Vec::new();
        for one in units {
            let (standing, ratings) = (one.standing.unwrap_or_default(), one.ratings.unwrap_or_default());
            let list = |of| self.chosen.list_of(of, Some(&one.unit), None);
            let rated = ratings.ratings > 0;
            table.rows.push(vec![
                Cell::name(self.unit(&one.unit)),
                Cell::count(one.asked, list(TicketsOf::Asked)),
                Cell::count(standing.open + standing.overdue, list(TicketsOf::Waiting)),
                Cell::count(standing.overdue, list(TicketsOf::Overdue)),
                Cell::share(
                    standing.on_time_share.map_or_else(|| "–".to_owned(), |share| self.share(share)),
                    list(TicketsOf::Decided),
                ),
                Cell::count(ratings.ratings, list(TicketsOf::Rated)),
                Cell::count(ratings.satisfied, list(TicketsOf::Satisfied)),
                Cell::number(if rated { self.interval(&ratings) } else { String::new() }),
            ]);
            if rated {
                drawn.push(Interval {
                    label: self.unit(&one.unit),
                    low: ratings.satisfied_low,
                    share: ratings.satisfied_share,
                    high: ratings.satisfied_high,
                    shown: format!("{} ({})", self.share(ratings.satisfied_share), ratings.ratings),
                });
            }
        }
        drawn.truncate(ROWS_DRAWN);
        self.section("don-vi", self.draw("don-vi", |caption| chart::intervals(caption, &drawn)), table)
    }

    fn fields(&self, fields: &[HotField]) -> Section {
        let mut table = Table::new([
            (self.t("field"), false),
            (self.t("reports-asked"), true),
            (self.t("overview-asked-before"), true),
            (self.t("overview-trend"), false),
            (self.t("overview-ratio"), true),
        ]);
        let mut drawn = Vec::new();
        for one in fields {
            let trend = self.trend(one.trend());
            let ratio = match (one.ratio_low, one.ratio_high) {
                (Some(low), high) => {
                    let high =
                        high.map_or_else(|| "∞".to_owned(), |high| words::decimal(self.language, high));
                    format!("{} – {high}", words::decimal(self.language, low))
                }
                (None, _) => String::new(),
            };
            table.rows.push(vec![
                Cell::name(self.field(&one.field)),
                Cell::count(one.asked, self.chosen.list_of(TicketsOf::Asked, None, Some(&one.field))),
                Cell::number(one.before.to_string()),
                Cell::name(trend.clone()),
                Cell::number(ratio),
            ]);
            let shown = format!("{} {}", one.asked, arrow(one.trend()));
            drawn.push(Line { label: self.field(&one.field), values: one.series.clone(), shown });
        }
        drawn.truncate(ROWS_DRAWN);
        self.section("nong", self.draw("nong", |caption| chart::lines(caption, &drawn)), table)
    }

    pub(super) fn trend(&self, trend: Trend) -> String {
        let said = self.t(match trend {
            Trend::Unspecified => "trend-few",
            Trend::Steady => "trend-steady",
            Trend::Rising => "trend-rising",
            Trend::Falling => "trend-falling",
        });
        format!("{} {said}", arrow(trend)).trim().to_owned()
    }

    fn bottlenecks(&self, bottlenecks: &[Bottleneck]) -> Section {
        let mut table = Table::new([
            (self.t("field"), false),
            (self.t("unit"), false),
            (self.t("overview-index"), true),
            (self.t("reports-asked"), true),
            (self.t("overview-delayed"), true),
            (self.t("overview-decided"), true),
            (self.t("overview-unsatisfied"), true),
            (self.t("reports-ratings"), true),
        ]);
        let mut bars = Vec::new();
        for one in bottlenecks {
            let list = |of| self.chosen.list_of(of, Some(&one.unit), Some(&one.field));
            let index = words::decimal(self.language, one.index);
            table.rows.push(vec![
                Cell::name(self.field(&one.field)),
                Cell::name(self.unit(&one.unit)),
                Cell::number(index.clone()),
                Cell::count(one.asked, list(TicketsOf::Asked)),
                Cell::count(one.delayed, list(TicketsOf::Delayed)),
                Cell::count(one.decided, list(TicketsOf::Decided)),
                Cell::count(one.unsatisfied, list(TicketsOf::Unsatisfied)),
                Cell::count(one.ratings, list(TicketsOf::Rated)),
            ]);
            let label = format!("{} · {}", first(&self.field(&one.field)), first(&self.unit(&one.unit)));
            bars.push(Bar { label, value: one.index, shown: index, tone: "late" });
        }
        bars.truncate(ROWS_DRAWN);
        self.section("nghen", self.draw("nghen", |caption| chart::rows(caption, &bars, 1.0)), table)
    }

    fn reports(&self, figures: &GetOverviewResponse) -> Section {
        let spots: Vec<_> = figures
            .points
            .iter()
            .filter_map(|point| {
                let place = point.place?;
                let (latitude, longitude) = (place.latitude, place.longitude);
                Some(Spot { latitude, longitude, waits: point.waits, overdue: point.overdue })
            })
            .collect();
        let grid = Grid::over(&spots);
        let mut table = Table::new([
            (self.t("overview-place"), false),
            (self.t("overview-reports"), true),
            (self.t("overview-head-cho"), true),
            (self.t("overview-head-qua-han"), true),
        ]);
        for cluster in grid.clusters.iter().take(CELLS_SHOWN) {
            let [south, west, north, east] = cluster.bounds;
            let bounds = format!("&nam={south:.6}&tay={west:.6}&bac={north:.6}&dong={east:.6}");
            let list = |of| self.chosen.list(of) + &bounds;
            let place = format!(
                "{} {}",
                chart::degrees(cluster.latitude, "N", "S"),
                chart::degrees(cluster.longitude, "E", "W")
            );
            table.rows.push(vec![
                Cell::name(place),
                Cell::count(cluster.count, list(TicketsOf::Reports)),
                Cell::count(cluster.waiting, list(TicketsOf::ReportsWaiting)),
                Cell::count(cluster.overdue, list(TicketsOf::ReportsOverdue)),
            ]);
        }
        self.section("ban-do", self.draw("ban-do", |caption| chart::map(caption, &grid)), table)
    }
}

/// Of a name as much as fits beside another.
fn first(name: &str) -> String {
    if name.chars().count() <= NAME_CHARS_MAX {
        return name.to_owned();
    }
    let cut: String = name.chars().take(NAME_CHARS_MAX - 1).collect();
    format!("{}…", cut.trim_end())
}

fn decided(standing: &Standing) -> u32 {
    let ended = standing.on_time + standing.late + standing.extended_on_time + standing.extended_late;
    ended + standing.overdue
}

pub(super) fn arrow(trend: Trend) -> &'static str {
    match trend {
        Trend::Unspecified => "",
        Trend::Steady => "→",
        Trend::Rising => "↑",
        Trend::Falling => "↓",
    }
}

#[cfg(test)]
mod tests {
    use api::{analytics::v1::ReportPoint, intake::v1::Place};

    use super::*;

    fn live(figures: &GetOverviewResponse) -> Live {
        let chosen = Chosen { days: 7, unit: String::new(), field: String::new() };
        Live::new(Language::Vietnamese, &Organisation::default(), &chosen, figures, &[])
    }

    #[test]
    fn nothing_counted_is_shown_as_nothing() {
        let live = live(&GetOverviewResponse::default());
        let figures: Vec<_> = live.heads.iter().map(|head| head.figure.as_str()).collect();
        assert_eq!(figures, ["0", "0", "0", "–", "–"]);
        let rows: Vec<_> =
            live.sections.iter().map(|section| (section.code, section.table.rows.len())).collect();
        assert_eq!(
            rows,
            [
                ("den", 0),
                ("ket-qua", 5),
                ("don-vi", 0),
                ("nong", 0),
                ("chu-de", 0),
                ("nghen", 0),
                ("ban-do", 0)
            ]
        );
    }

    #[test]
    fn every_count_is_a_link_and_every_row_is_as_long_as_its_head() {
        let point = ReportPoint {
            place: Some(Place { latitude: 21.0285, longitude: 105.8542 }),
            waits: true,
            ..ReportPoint::default()
        };
        let figures = GetOverviewResponse {
            step_seconds: 3_600,
            arrivals: vec![ArrivalPoint { asked: 3, ..ArrivalPoint::default() }],
            units: vec![UnitFigures { unit: "a".into(), asked: 3, ..UnitFigures::default() }],
            fields: vec![HotField { asked: 3, series: vec![3], ..HotField::default() }],
            bottlenecks: vec![Bottleneck { index: 0.5, asked: 7, ..Bottleneck::default() }],
            points: vec![point],
            ..GetOverviewResponse::default()
        };
        let live = live(&figures);
        for section in &live.sections {
            assert!(
                section.picture.starts_with("<svg") || ["don-vi", "chu-de"].contains(&section.code),
                "{}",
                section.code
            );
            for row in &section.table.rows {
                assert_eq!(row.len(), section.table.head.len(), "{}", section.code);
                assert!(row.iter().any(|cell| cell.href.starts_with("/tong-quan/danh-sach?gi=")));
            }
        }
        let map = live.section("ban-do").unwrap();
        let links: Vec<_> = map.table.rows[0][1..].iter().map(|cell| cell.href.as_str()).collect();
        assert!(links.iter().all(|href| href.contains("&nam=21.0")), "{links:?}");
        assert!(links[1].contains("?gi=hien-truong-cho&") && links[2].contains("?gi=hien-truong-qua-han&"));
    }
}
