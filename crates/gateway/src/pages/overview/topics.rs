//! What was asked most, and whether it is asked more and more. Pure.

use api::knowledge::v1::HotPassage;

use super::{
    table::{Cell, Table},
    view::{ROWS_DRAWN, Section, View, arrow},
};
use crate::pages::{
    chart::{self, Bar},
    library,
};

impl View<'_> {
    pub(super) fn topics(&self, hot: &[HotPassage]) -> Section {
        let mut table = Table::new([
            (self.t("question"), false),
            (self.t("field"), false),
            (self.t("overview-times"), true),
            (self.t("overview-whole-days"), true),
            (self.t("overview-asked-before"), true),
            (self.t("overview-trend"), false),
        ]);
        let mut bars = Vec::new();
        for one in hot {
            let passage = one.passage.clone().unwrap_or_default();
            let trend = runtime::trend(one.times_on_whole_days, one.times_before).trend;
            let href = library::path_of(&passage.id);
            table.rows.push(vec![
                Cell { href: href.clone(), ..Cell::name(&passage.question) },
                Cell::name(self.field(&passage.field)),
                Cell::count(one.times, href),
                Cell::number(one.times_on_whole_days.to_string()),
                Cell::number(one.times_before.to_string()),
                Cell::name(self.trend(trend)),
            ]);
            let shown = format!("{} {}", one.times, arrow(trend)).trim().to_owned();
            bars.push(Bar { label: passage.question, value: one.times.into(), shown, tone: "" });
        }
        bars.truncate(ROWS_DRAWN);
        self.section("chu-de", self.draw("chu-de", |caption| chart::rows(caption, &bars, 0.0)), table)
    }
}

#[cfg(test)]
mod tests {
    use api::{analytics::v1::GetOverviewResponse, knowledge::v1::PublishedPassage};

    use super::super::{chosen::Chosen, view::Live};
    use super::*;
    use crate::{language::Language, organisation::Organisation};

    #[test]
    fn what_grows_beyond_chance_is_said_to_grow() {
        let hot = |id: &str, times_on_whole_days, times_before| HotPassage {
            passage: Some(PublishedPassage {
                id: id.into(),
                question: "Vì <sao>?".into(),
                ..Default::default()
            }),
            times: times_on_whole_days + 1,
            times_on_whole_days,
            times_before,
        };
        let hot = [hot("a", 20, 3), hot("b", 12, 11), hot("c", 2, 0)];
        let chosen = Chosen { days: 7, unit: String::new(), field: String::new() };
        let figures = GetOverviewResponse::default();
        let live = Live::new(Language::Vietnamese, &Organisation::default(), &chosen, &figures, &hot);
        let topics = live.section("chu-de").unwrap();
        let told = topics.table.rows.iter().map(|row| row[5].text.as_str());
        let few = Language::Vietnamese.say("trend-few");
        assert_eq!(told.collect::<Vec<_>>(), ["↑ tăng", "→ chưa rõ khác", few.as_ref()]);
        assert_eq!(topics.table.rows[0][2].href, "/thu-vien/a");
        assert!(topics.picture.contains("Vì &lt;sao&gt;?") && !topics.picture.contains("<sao>"));
    }
}
