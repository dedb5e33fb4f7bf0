use api::analytics::v1::{GetOverviewRequest, ListTicketsRequest, PlaceBox, TicketsOf};
use axum::{extract::State, http::StatusCode};

use super::Reply;
use crate::{body::reply, fields::Query, session::Bearer, state::Gateway};

pub(super) async fn get_overview(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let query = query.only(&["days", "unit", "field"])?;
    let request = GetOverviewRequest {
        days: query.number("days")?,
        unit: query.text("unit"),
        field: query.text("field"),
    };
    let response = gateway.overview(bearer.token()).get_overview(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}

pub(super) async fn list_tickets(
    State(gateway): State<Gateway>,
    bearer: Bearer,
    Query(query): Query,
) -> Reply {
    let query = query.only(&[
        "of",
        "days",
        "since",
        "until",
        "unit",
        "field",
        "south",
        "west",
        "north",
        "east",
        "limit",
        "pageToken",
    ])?;
    let edges =
        [query.decimal("south")?, query.decimal("west")?, query.decimal("north")?, query.decimal("east")?];
    let r#box = match edges {
        [None, None, None, None] => None,
        // An edge that is missing is none that a service takes.
        edges => {
            let [south, west, north, east] = edges.map(|edge| edge.unwrap_or(f64::NAN));
            Some(PlaceBox { south, west, north, east })
        }
    };
    let request = ListTicketsRequest {
        of: TicketsOf::from_str_name(&query.text("of")).unwrap_or_default().into(),
        days: query.number("days")?,
        since: query.moment("since")?,
        until: query.moment("until")?,
        unit: query.text("unit"),
        field: query.text("field"),
        r#box,
        limit: query.number("limit")?,
        page_token: query.text("pageToken"),
    };
    let response = gateway.overview(bearer.token()).list_tickets(gateway.ask(request)).await?;
    reply(StatusCode::OK, response.get_ref())
}
