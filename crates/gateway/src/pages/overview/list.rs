//! What a figure counts: tickets by their ids, without a text and without a person.

use std::fmt::Write as _;

use api::analytics::v1::{
    CountedTicket, ListTicketsRequest, ListTicketsResponse, PlaceBox, TicketOutcome, TicketsOf,
};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use super::{
    chosen::{self, Chosen, HOME},
    segment,
};
use crate::{
    fields::{Fields, Query},
    language::Said,
    organisation::Organisation,
    pages::{Frame, Page, page, words},
    problem::Problem,
    session::SignedIn,
    sheet,
    state::Gateway,
};

const ROWS: u32 = 100;
/// Of a sheet, and how many are asked for at once.
const SHEET_ROWS_MAX: usize = 10_000;
const BATCH: u32 = 1_000;
const EDGES: [&str; 4] = ["nam", "tay", "bac", "dong"];

#[derive(Template)]
#[template(path = "counted.html")]
struct ListPage {
    frame: Frame,
    title: Said,
    about: String,
    total: u32,
    rows: Vec<Row>,
    rated: bool,
    places: bool,
    back: String,
    /// This list's address, without the page.
    query: String,
    next: String,
}

struct Row {
    ticket_id: String,
    /// As a person tells it from others; the whole id is in the sheet.
    short: String,
    asked: String,
    due: String,
    answered: String,
    unit: String,
    field: String,
    outcome: Said,
    late: bool,
    score: u32,
    place: String,
}

impl Row {
    fn new(frame: &Frame, organisation: &Organisation, ticket: CountedTicket) -> Self {
        let moment = |at: Option<&_>| words::moment(frame.language, at);
        let name = |code: &str, none: &str, name: fn(&Organisation, &str) -> String| {
            if code.is_empty() { frame.t(none).into_owned() } else { name(organisation, code) }
        };
        let outcome = ticket.outcome();
        Self {
            asked: moment(ticket.asked_at.as_ref()),
            due: moment(ticket.due_at.as_ref()),
            answered: moment(ticket.answered_at.as_ref()),
            unit: name(&ticket.unit, "overview-no-unit", Organisation::unit_name),
            field: name(&ticket.field, "library-others", Organisation::field_name),
            late: matches!(
                outcome,
                TicketOutcome::Overdue | TicketOutcome::Late | TicketOutcome::ExtendedLate
            ),
            outcome: match outcome {
                TicketOutcome::Unspecified => Said::Borrowed(""),
                TicketOutcome::Open => frame.t("reports-open"),
                TicketOutcome::Overdue => frame.t("reports-open-overdue"),
                TicketOutcome::OnTime => frame.t("reports-on-time"),
                TicketOutcome::Late => frame.t("reports-late"),
                TicketOutcome::ExtendedOnTime => frame.t("reports-extended-on-time"),
                TicketOutcome::ExtendedLate => frame.t("reports-extended-late"),
            },
            score: ticket.score,
            place: ticket
                .place
                .map_or_else(String::new, |p| format!("{:.4}, {:.4}", p.latitude, p.longitude)),
            short: short(&ticket.ticket_id),
            ticket_id: ticket.ticket_id,
        }
    }
}

/// The end of an id: ids of one minute begin alike.
fn short(id: &str) -> String {
    let end = id.rsplit('-').next().unwrap_or_default();
    if end.len() == id.len() { id.to_owned() } else { format!("…{end}") }
}

/// What the address asks for.
struct Asked {
    of: TicketsOf,
    chosen: Chosen,
    request: ListTicketsRequest,
    /// As it stands in an address, without the page.
    query: String,
}

impl Asked {
    fn of(query: &Fields) -> Result<Self, Problem> {
        let of = chosen::of_code(&query.text("gi"))?;
        let chosen = Chosen::of(query)?;
        let mut request = ListTicketsRequest {
            of: of.into(),
            days: chosen.days,
            unit: chosen.unit.clone(),
            field: chosen.field.clone(),
            page_token: query.text("trang"),
            ..ListTicketsRequest::default()
        };
        let mut kept = format!("gi={}&{}", chosen::code(of), chosen.query());
        let (since, until) = (query.number("tu")?, query.number("den")?);
        if until > 0 {
            let moment = |seconds: u32| Some(api::Timestamp { seconds: seconds.into(), nanos: 0 });
            (request.since, request.until) = (moment(since), moment(until));
            let _ = write!(kept, "&tu={since}&den={until}");
        }
        if let [Some(south), Some(west), Some(north), Some(east)] = edges(query)? {
            request.r#box = Some(PlaceBox { south, west, north, east });
            for name in EDGES {
                let _ = write!(kept, "&{name}={}", segment(&query.text(name)));
            }
        }
        Ok(Self { of, chosen, request, query: kept })
    }
}

fn edges(query: &Fields) -> Result<[Option<f64>; 4], Problem> {
    let mut found = [None; 4];
    for (name, edge) in EDGES.into_iter().zip(&mut found) {
        let text = query.text(name);
        if !text.is_empty() {
            *edge = Some(text.parse().map_err(|_| Problem::invalid("BOX_NOT_VALID"))?);
        }
    }
    Ok(found)
}

async fn find(
    gateway: &Gateway,
    caller: &SignedIn,
    request: ListTicketsRequest,
) -> Result<ListTicketsResponse, Problem> {
    let response = gateway.overview(Some(&caller.token)).list_tickets(gateway.ask(request)).await?;
    Ok(response.into_inner())
}

pub(in crate::pages) async fn list(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Page {
    let Asked { of, chosen, mut request, query } = Asked::of(&query)?;
    request.limit = ROWS;
    let found = find(&gateway, &caller, request).await?;
    let organisation = gateway.organisation().await;
    let name = |code: &str, named: String| if code.is_empty() || code == "-" { String::new() } else { named };
    let about = words::joined([
        name(&chosen.unit, organisation.unit_name(&chosen.unit)).as_str(),
        &name(&chosen.field, organisation.field_name(&chosen.field)),
    ]);
    let template = ListPage {
        title: frame.t(&format!("overview-list-{}", chosen::code(of))),
        about,
        total: found.total,
        rows: found.tickets.into_iter().map(|ticket| Row::new(&frame, &organisation, ticket)).collect(),
        rated: is_rating(of),
        places: is_report(of),
        back: format!("{HOME}?{}", chosen.query()),
        query,
        next: segment(&found.next_page_token),
        frame,
    };
    page(StatusCode::OK, &template)
}

fn is_report(of: TicketsOf) -> bool {
    matches!(of, TicketsOf::Reports | TicketsOf::ReportsWaiting | TicketsOf::ReportsOverdue)
}

fn is_rating(of: TicketsOf) -> bool {
    matches!(of, TicketsOf::Rated | TicketsOf::Satisfied | TicketsOf::Unsatisfied)
}

/// The whole list as a sheet.
pub(in crate::pages) async fn list_sheet(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Result<Response, Problem> {
    let Asked { of, mut request, .. } = Asked::of(&query)?;
    request.page_token = String::new();
    request.limit = BATCH;
    let mut tickets = Vec::new();
    while tickets.len() < SHEET_ROWS_MAX {
        let found = find(&gateway, &caller, request.clone()).await?;
        tickets.extend(found.tickets);
        if found.next_page_token.is_empty() {
            break;
        }
        request.page_token = found.next_page_token;
    }
    let organisation = gateway.organisation().await;
    let head = [
        "overview-ticket",
        "overview-asked-at",
        "inbox-due",
        "overview-answered-at",
        "unit",
        "field",
        "overview-outcome",
        "overview-score",
        "overview-place",
    ]
    .map(|key| frame.t(key));
    let rows = tickets.into_iter().map(|ticket| {
        let row = Row::new(&frame, &organisation, ticket);
        let score = if row.score == 0 { String::new() } else { row.score.to_string() };
        let outcome = row.outcome.into_owned();
        vec![row.ticket_id, row.asked, row.due, row.answered, row.unit, row.field, outcome, score, row.place]
    });
    let name = format!("tong-quan-{}", chosen::code(of));
    Ok(sheet::response(&name, head.iter().map(AsRef::as_ref), rows.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<Asked, Problem> {
        Asked::of(&Fields::parse(query.as_bytes()).unwrap())
    }

    #[test]
    fn an_id_is_told_by_its_end() {
        assert_eq!(short("0198c0de-0000-7000-8000-00000000a1b2"), "…00000000a1b2");
        assert_eq!(short("x"), "x");
    }

    #[test]
    fn an_address_keeps_all_that_it_asks_for() {
        let query =
            "gi=hien-truong&ky=30&don-vi=a&linh-vuc=&tu=1000&den=2000&nam=21.0&tay=105.0&bac=22.0&dong=106.0";
        let found = asked(query).unwrap();
        let edges = PlaceBox { south: 21.0, west: 105.0, north: 22.0, east: 106.0 };
        assert_eq!(found.request.r#box, Some(edges));
        assert_eq!(found.request.until.unwrap().seconds, 2000);
        let again = asked(&found.query).unwrap();
        assert_eq!(again.request, found.request);
        assert_eq!(asked("gi=x").err().unwrap().reason, "TICKETS_OF_UNKNOWN");
        assert_eq!(asked("gi=den&nam=x").err().unwrap().reason, "BOX_NOT_VALID");
    }
}
