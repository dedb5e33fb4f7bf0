//! The three reports as tables, and as sheets.

use std::collections::HashMap;

use api::analytics::v1::{
    GetDeadlinesRequest, GetHotnessRequest, GetSatisfactionRequest, HotnessPoint, SatisfactionGroup,
    TicketsOf, UnitDeadlines,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    Frame, Page,
    overview::{
        chosen::{self, Chosen},
        table::{Cell, Table},
    },
    page, words,
};
use crate::{
    fields::{Fields, Query},
    language::{Language, Said},
    organisation::Organisation,
    problem::Problem,
    session::SignedIn,
    sheet,
    state::Gateway,
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
    tables: [Report; 2],
}

struct Hot {
    field: String,
    asked: u32,
    most: u32,
}

/// A report whose figures lead to what they count.
struct Report {
    code: &'static str,
    title: Said,
    table: Table,
}

fn hottest(language: Language, points: Vec<HotnessPoint>, organisation: &Organisation) -> Vec<Hot> {
    let mut by_field: HashMap<String, u32> = HashMap::new();
    for point in points {
        *by_field.entry(point.field).or_default() += point.asked;
    }
    let most = by_field.values().copied().max().unwrap_or_default();
    let mut hot: Vec<_> = by_field
        .into_iter()
        .map(|(field, asked)| Hot { field: named(language, organisation, &field), asked, most })
        .collect();
    hot.sort_by(|a, b| b.asked.cmp(&a.asked).then_with(|| a.field.cmp(&b.field)));
    hot
}

fn named(language: Language, organisation: &Organisation, field: &str) -> String {
    match field {
        "" => language.say("library-others").into_owned(),
        code => organisation.field_name(code),
    }
}

/// The address of what a figure counts; empty where the overview has no such period.
fn list(days: u32, of: TicketsOf, unit: &str, field: Option<&str>) -> String {
    // What waits is counted whenever it was sent.
    let days = if matches!(of, TicketsOf::Open | TicketsOf::Overdue) { chosen::PERIODS[0] } else { days };
    let chosen = Chosen { days, unit: String::new(), field: String::new() };
    let listed = chosen::PERIODS.contains(&days);
    if listed { chosen.list_of(of, Some(unit), field) } else { String::new() }
}

fn deadlines(frame: &Frame, organisation: &Organisation, days: u32, units: &[UnitDeadlines]) -> Report {
    let mut table = Table::new([
        (frame.t("unit"), false),
        (frame.t("reports-on-time"), true),
        (frame.t("reports-late"), true),
        (frame.t("reports-extended-on-time"), true),
        (frame.t("reports-extended-late"), true),
        (frame.t("reports-open"), true),
        (frame.t("reports-open-overdue"), true),
        (frame.t("reports-on-time-share"), true),
    ]);
    for one in units {
        let list = |of| list(days, of, &one.unit, None);
        let share = one.on_time_share.map(|share| words::percent(frame.language, share));
        table.rows.push(vec![
            Cell::name(organisation.unit_name(&one.unit)),
            Cell::count(one.on_time, list(TicketsOf::OnTime)),
            Cell::count(one.late, list(TicketsOf::Late)),
            Cell::count(one.extended_on_time, list(TicketsOf::ExtendedOnTime)),
            Cell::count(one.extended_late, list(TicketsOf::ExtendedLate)),
            Cell::count(one.open, list(TicketsOf::Open)),
            Cell::count(one.open_overdue, list(TicketsOf::Overdue)),
            Cell::share(share.unwrap_or_else(|| "–".to_owned()), list(TicketsOf::Decided)),
        ]);
    }
    Report { code: "han", title: frame.t("reports-deadlines"), table }
}

fn satisfaction(
    frame: &Frame,
    organisation: &Organisation,
    days: u32,
    groups: &[SatisfactionGroup],
) -> Report {
    let mut table = Table::new([
        (frame.t("field"), false),
        (frame.t("unit"), false),
        (frame.t("reports-ratings"), true),
        (frame.t("reports-mean"), true),
        (frame.t("reports-satisfied"), true),
        (frame.t("reports-interval"), true),
    ]);
    for one in groups {
        let rated = || list(days, TicketsOf::Rated, &one.unit, Some(&one.field));
        let percent = |share| words::percent(frame.language, share);
        let few = one.ratings < FEW_RATINGS;
        table.rows.push(vec![
            Cell::name(named(frame.language, organisation, &one.field)),
            Cell::name(organisation.unit_name(&one.unit)),
            Cell {
                note: if few { frame.t("reports-few") } else { Said::default() },
                ..Cell::count(one.ratings, rated())
            },
            Cell::share(words::decimal(frame.language, one.mean_score), rated()),
            Cell::share(percent(one.satisfied_share), rated()),
            Cell::number(format!("{} – {}", percent(one.satisfied_low), percent(one.satisfied_high))),
        ]);
    }
    Report { code: "hai-long", title: frame.t("reports-satisfaction"), table }
}

fn days_of(query: &Fields) -> Result<u32, Problem> {
    Ok(match query.number("days")? {
        0 => DEFAULT_PERIOD,
        days => days,
    })
}

/// All three, of so many days.
async fn found(
    gateway: &Gateway,
    frame: &Frame,
    caller: &SignedIn,
    days: u32,
) -> Result<(Vec<Hot>, [Report; 2]), Problem> {
    let client = || gateway.analytics(Some(&caller.token));
    let (mut hot, mut due, mut rated) = (client(), client(), client());
    let (hot, due, rated) = tokio::try_join!(
        hot.get_hotness(gateway.ask(GetHotnessRequest { days })),
        due.get_deadlines(gateway.ask(GetDeadlinesRequest { days, joined: true })),
        rated.get_satisfaction(gateway.ask(GetSatisfactionRequest { days, joined: true })),
    )?;
    let organisation = gateway.organisation().await;
    let tables = [
        deadlines(frame, &organisation, days, &due.into_inner().units),
        satisfaction(frame, &organisation, days, &rated.into_inner().groups),
    ];
    Ok((hottest(frame.language, hot.into_inner().points, &organisation), tables))
}

pub(super) async fn reports(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Page {
    let days = days_of(&query)?;
    let (hotness, tables) = found(&gateway, &frame, &caller, days).await?;
    page(StatusCode::OK, &ReportsPage { frame, days, periods: PERIODS, hotness, tables })
}

/// One of the reports as a sheet.
pub(super) async fn reports_sheet(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Result<Response, Problem> {
    let (hotness, tables) = found(&gateway, &frame, &caller, days_of(&query)?).await?;
    let wanted = query.text("bang");
    if wanted == "nong" {
        let head = [frame.t("field"), frame.t("reports-asked")];
        let rows = hotness.into_iter().map(|hot| vec![hot.field, hot.asked.to_string()]);
        return Ok(sheet::response("bao-cao-nong", head.iter().map(AsRef::as_ref), rows));
    }
    let report = tables.into_iter().find(|report| report.code == wanted);
    let Report { code, table, .. } = report.ok_or_else(|| Problem::invalid("TABLE_UNKNOWN"))?;
    Ok(table.sheet(&format!("bao-cao-{code}")))
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

    #[test]
    fn figures_lead_to_lists_of_periods_that_the_overview_has() {
        let rated = |days| list(days, TicketsOf::Rated, "a", Some(""));
        assert_eq!(rated(30), "/tong-quan/danh-sach?gi=danh-gia&ky=30&don-vi=a&linh-vuc=-");
        assert_eq!(rated(90), "");
        assert!(list(90, TicketsOf::Overdue, "a", None).contains("gi=qua-han&"), "whenever it was sent");
    }
}
