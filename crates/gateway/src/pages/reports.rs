//! The three reports as tables.

use std::collections::HashMap;

use api::analytics::v1::{
    GetDeadlinesRequest, GetHotnessRequest, GetSatisfactionRequest, HotnessPoint, SatisfactionGroup,
    UnitDeadlines,
};
use askama::Template;
use axum::{extract::State, http::StatusCode};

use super::{Frame, Page, page, words};
use crate::{
    fields::Query, language::Language, organisation::Organisation, session::SignedIn, state::Gateway,
};

const PERIODS: [u32; 4] = [7, 30, 90, 366];
const DEFAULT_PERIOD: u32 = 30;
/// Below this many ratings a mean says little.
const FEW_RATINGS: u32 = 5;

#[derive(Template)]
#[template(path = "reports.html")]
struct ReportsPage {
    frame: Frame,
    days: u32,
    periods: [u32; 4],
    hotness: Vec<Hot>,
    deadlines: Vec<Deadlines>,
    satisfaction: Vec<Satisfaction>,
}

struct Hot {
    field: String,
    asked: u32,
    most: u32,
}

struct Deadlines {
    unit: String,
    counts: UnitDeadlines,
    share: String,
}

struct Satisfaction {
    field: String,
    unit: String,
    ratings: u32,
    few: bool,
    mean: String,
    satisfied: String,
    interval: String,
}

fn hottest(language: Language, points: Vec<HotnessPoint>, organisation: &Organisation) -> Vec<Hot> {
    let mut by_field: HashMap<String, u32> = HashMap::new();
    for point in points {
        *by_field.entry(point.field).or_default() += point.asked;
    }
    let most = by_field.values().copied().max().unwrap_or_default();
    let mut hot: Vec<_> = by_field
        .into_iter()
        .map(|(field, asked)| Hot {
            field: match field.as_str() {
                "" => language.say("library-others").into_owned(),
                code => organisation.field_name(code),
            },
            asked,
            most,
        })
        .collect();
    hot.sort_by(|a, b| b.asked.cmp(&a.asked).then_with(|| a.field.cmp(&b.field)));
    hot
}

fn deadlines(language: Language, counts: UnitDeadlines, organisation: &Organisation) -> Deadlines {
    Deadlines {
        unit: organisation.unit_name(&counts.unit),
        share: counts.on_time_share.map_or_else(|| "–".to_owned(), |share| words::percent(language, share)),
        counts,
    }
}

fn satisfaction(language: Language, group: &SatisfactionGroup, organisation: &Organisation) -> Satisfaction {
    Satisfaction {
        field: organisation.field_name(&group.field),
        unit: organisation.unit_name(&group.unit),
        ratings: group.ratings,
        few: group.ratings < FEW_RATINGS,
        mean: words::decimal(language, group.mean_score),
        satisfied: words::percent(language, group.satisfied_share),
        interval: format!(
            "{} – {}",
            words::percent(language, group.satisfied_low),
            words::percent(language, group.satisfied_high)
        ),
    }
}

pub(super) async fn reports(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Page {
    let days = match query.number("days")? {
        0 => DEFAULT_PERIOD,
        days => days,
    };
    let client = || gateway.analytics(Some(&caller.token));
    let (mut hot, mut due, mut rated) = (client(), client(), client());
    let (hot, due, rated) = tokio::try_join!(
        hot.get_hotness(gateway.ask(GetHotnessRequest { days })),
        due.get_deadlines(gateway.ask(GetDeadlinesRequest { days, joined: true })),
        rated.get_satisfaction(gateway.ask(GetSatisfactionRequest { days, joined: true })),
    )?;
    let organisation = gateway.organisation().await;
    let language = frame.language;
    let (due, rated) = (due.into_inner().units, rated.into_inner().groups);
    let template = ReportsPage {
        frame,
        days,
        periods: PERIODS,
        hotness: hottest(language, hot.into_inner().points, &organisation),
        deadlines: due.into_iter().map(|u| deadlines(language, u, &organisation)).collect(),
        satisfaction: rated.iter().map(|g| satisfaction(language, g, &organisation)).collect(),
    };
    page(StatusCode::OK, &template)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hotness_adds_the_days_and_puts_the_hottest_first() {
        let point = |field: &str, asked| HotnessPoint { field: field.into(), day: String::new(), asked };
        let points = vec![point("a", 1), point("", 2), point("a", 3)];
        let hot = hottest(Language::Vietnamese, points, &Organisation::default());
        let seen: Vec<_> = hot.iter().map(|h| (h.field.as_str(), h.asked, h.most)).collect();
        assert_eq!(seen, [("a", 4, 4), ("Chưa rõ lĩnh vực", 2, 4)]);
    }
}
