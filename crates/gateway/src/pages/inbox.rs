//! The officer's inbox.

use api::{
    answering::v1::{InboxItem, ListInboxRequest},
    knowledge::v1::Band,
};
use askama::Template;
use axum::{extract::State, http::StatusCode};
use chrono::{DateTime, Utc};

use super::{
    Frame, Page,
    moving::{self, Part},
    page, segment, words,
};
use crate::{
    fields::Query,
    language::{Language, Said},
    organisation::{Choice, Organisation},
    session::SignedIn,
    state::Gateway,
};

/// Filters and counts are of these, the most urgent.
const PAGE: u32 = 200;

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    frame: Frame,
    notice: String,
    /// The most urgent one that is not the one just dealt with; empty: there is none, or nothing was done.
    next_segment: String,
    filters: Vec<Filter>,
    rows: Vec<Row>,
    /// Parts that the unit is asked for, of others' questions.
    asked: Vec<Part>,
    next: String,
    here: &'static str,
    /// To choose among, for who sees all units' questions.
    units: Vec<Choice>,
    unit: String,
    unit_segment: String,
    first: u32,
}

struct Filter {
    code: &'static str,
    name: Said,
    count: usize,
    here: bool,
}

struct Row {
    segment: String,
    due: String,
    overdue: bool,
    /// What is waited for with the clock stopped; empty: it runs.
    waits_for: Said,
    extended: bool,
    /// What was last told of the deadline; empty: nothing.
    step: Said,
    field: String,
    unit: String,
    excerpt: String,
    drafted: bool,
    band: Said,
    family_size: u32,
    /// Where its review stands; empty: nowhere.
    review: Said,
}

impl Row {
    fn new(language: Language, item: InboxItem, organisation: &Organisation, now: DateTime<Utc>) -> Self {
        let deadline = item.deadline.clone().unwrap_or_default();
        Self {
            segment: segment(&item.ticket_id),
            due: words::moment(language, item.urgent_at.as_ref()),
            // A family is as urgent as its most urgent member, also while its centre's clock stands.
            overdue: words::is_past(item.urgent_at.as_ref(), now)
                && (deadline.paused_at.is_none() || item.urgent_at != item.due_at),
            waits_for: words::waits_for(language, deadline.waits_for()),
            extended: deadline.extensions > 0,
            step: words::deadline_step(language, &deadline),
            field: organisation.field_name(&item.field),
            unit: organisation.unit_name(&item.unit),
            drafted: item.band() == Band::Reuse,
            band: words::band(language, item.band()),
            review: words::review_stage(language, item.review_stage()),
            family_size: item.family_size,
            excerpt: item.excerpt,
        }
    }
}

type Passes = fn(&Row) -> bool;

/// Code in the address, key of its name, and what passes.
const FILTERS: [(&str, &str, Passes); 4] = [
    ("", "inbox-all", |_| true),
    ("qua-han", "inbox-overdue", |row| row.overdue),
    ("du-thao", "inbox-drafted", |row| row.drafted),
    ("nhom", "inbox-families", |row| row.family_size > 0),
];

pub(super) async fn inbox(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Page {
    let language = frame.language;
    let unit = query.text("don-vi");
    let (limit, page_token) = (PAGE, query.text("trang"));
    let request = ListInboxRequest { limit, page_token, members: false, unit: unit.clone() };
    let inbox = gateway.answering(Some(&caller.token)).list_inbox(gateway.ask(request)).await?.into_inner();
    let organisation = gateway.organisation().await;
    let now = gateway.context().clock.now();
    let notice = match query.text("xong").as_str() {
        "duyet" => frame.t("done-approved"),
        "tra-lai" => frame.t("done-returned"),
        "chuyen" => frame.t("done-moved"),
        "phoi-hop" => frame.t("done-part"),
        "trinh" => frame.t("done-submitted"),
        _ => Said::Borrowed(""),
    };
    let wanted = query.text("loc");
    let (here, _, passes) = FILTERS.into_iter().find(|f| f.0 == wanted).unwrap_or(FILTERS[0]);
    let rows = inbox.items.into_iter().map(|item| Row::new(language, item, &organisation, now));
    let mut rows: Vec<Row> = rows.collect();
    let filters = FILTERS.map(|(code, key, passes)| Filter {
        code,
        name: frame.t(key),
        count: rows.iter().filter(|row| passes(row)).count(),
        here: code == here,
    });
    rows.retain(passes);
    // What another service moves is listed for a moment longer.
    let dealt_with = segment(&query.text("phieu"));
    let next = rows.iter().find(|row| !notice.is_empty() && row.segment != dealt_with);
    let asked = moving::asked(&gateway, language, &caller, &organisation).await;
    let template = InboxPage {
        asked,
        frame,
        next_segment: next.map(|row| row.segment.clone()).unwrap_or_default(),
        notice: notice.into_owned(),
        filters: filters.into(),
        rows,
        next: segment(&inbox.next_page_token),
        here,
        units: if caller.principal.unit.is_none() { organisation.units() } else { Vec::new() },
        unit_segment: segment(&unit),
        unit,
        first: PAGE,
    };
    page(StatusCode::OK, &template)
}

/// The inbox after something was done to a question.
pub(super) fn path_after(done: &str, ticket_id: &str) -> String {
    format!("/can-bo?xong={done}&phieu={}", segment(ticket_id))
}
