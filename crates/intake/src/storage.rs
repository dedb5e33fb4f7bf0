//! SQL of `intake.*`; one function per question asked of the tables.

pub mod change;
pub mod former;
pub mod recall;
pub mod report;
pub mod subscription;
pub mod verification;

use api::{
    TicketId,
    intake::v1::{Assurance, Citation, Kind, Milestone},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    place::Place,
    ticket::{Answer, Custody, Rating, State, Ticket},
};

/// What a submission adds to the ticket itself.
pub struct Submission {
    pub request_id: Uuid,
    pub request_hash: Vec<u8>,
    pub tracking_code: String,
}

/// Inserts a new ticket; `false` if the request id is taken.
pub async fn insert_ticket(
    conn: &mut PgConnection,
    ticket: &Ticket,
    submission: &Submission,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query!(
        "insert into intake.ticket
             (ticket_id, request_id, request_hash, tracking_code, kind, text, field, submitted_at, state, version,
              latitude, longitude, assurance)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'received', $9, $10, $11, $12)
         on conflict on constraint ticket_request_id do nothing",
        ticket.ticket_id.0,
        submission.request_id,
        submission.request_hash,
        submission.tracking_code,
        ticket.kind.as_str_name(),
        ticket.text,
        ticket.field,
        ticket.submitted_at,
        version(ticket.version),
        ticket.place.map(|place| place.latitude),
        ticket.place.map(|place| place.longitude),
        ticket.assurance.as_str_name(),
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// The ticket and hash of an earlier request of that id.
pub async fn find_request(
    conn: &mut PgConnection,
    request_id: Uuid,
) -> Result<Option<(TicketId, Submission)>, sqlx::Error> {
    let row = sqlx::query!(
        "select ticket_id, request_hash, tracking_code from intake.ticket where request_id = $1",
        request_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let submission =
            Submission { request_id, request_hash: row.request_hash, tracking_code: row.tracking_code };
        (TicketId(row.ticket_id), submission)
    }))
}

/// Saves the states that change.
pub async fn save_ticket(conn: &mut PgConnection, ticket: &Ticket) -> Result<(), sqlx::Error> {
    let (state, answer, rating) = match &ticket.state {
        State::Received { reopened_by } => ("received", None, reopened_by.as_ref()),
        State::Routed { reopened_by } => ("routed", None, reopened_by.as_ref()),
        State::Answered { answer } => ("answered", Some(answer), None),
        State::Closed { answer, rating } => ("closed", Some(answer), Some(rating)),
        State::Withdrawn => ("withdrawn", None, None),
    };
    let citations = answer.map(|a| serde_json::to_value(&a.citations).expect("citations serialise"));
    sqlx::query!(
        "update intake.ticket
         set state = $2, version = $3, follow_ups = $4, routed_field = $5, unit = $6, unit_name = $7, due_at = $8,
             answer_text = $9, citations = $10, answered_at = $11, score = $12, comment = $13, automatic = $14, deadline = $15,
             text = $16, revision = $17
         where ticket_id = $1",
        ticket.ticket_id.0,
        state,
        version(ticket.version),
        &ticket.follow_ups,
        ticket.custody.field,
        ticket.custody.unit,
        ticket.custody.unit_name,
        ticket.custody.due_at,
        answer.map(|a| a.text.as_str()),
        citations,
        answer.map(|a| a.answered_at),
        rating.map(|r| i32::try_from(r.score).expect("a score is 1 to 5")),
        rating.map(|r| r.comment.as_str()),
        answer.is_some_and(|a| a.automatic),
        serde_json::to_value(&ticket.deadline).expect("a deadline serialises"),
        ticket.text,
        version(ticket.revision),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The ticket, locked until the transaction ends.
pub async fn lock_ticket(
    conn: &mut PgConnection,
    ticket_id: TicketId,
) -> Result<Option<Ticket>, sqlx::Error> {
    let row = sqlx::query_as!(Row, "select ticket_id, kind, text, field, follow_ups, submitted_at, state, version, routed_field, unit, unit_name, due_at, answer_text, citations, answered_at, score, comment, automatic, deadline, latitude, longitude, revision, assurance from intake.ticket where ticket_id = $1 for update", ticket_id.0)
        .fetch_optional(conn)
        .await?;
    row.map(Ticket::try_from).transpose()
}

/// The ticket of a tracking code, locked until the transaction ends.
pub async fn lock_by_code(
    conn: &mut PgConnection,
    tracking_code: &str,
) -> Result<Option<Ticket>, sqlx::Error> {
    let row = sqlx::query_as!(Row, "select ticket_id, kind, text, field, follow_ups, submitted_at, state, version, routed_field, unit, unit_name, due_at, answer_text, citations, answered_at, score, comment, automatic, deadline, latitude, longitude, revision, assurance from intake.ticket where tracking_code = $1 for update", tracking_code)
        .fetch_optional(conn)
        .await?;
    row.map(Ticket::try_from).transpose()
}

/// The ticket of a tracking code, to look at.
pub async fn find_by_code(
    conn: &mut PgConnection,
    tracking_code: &str,
) -> Result<Option<Ticket>, sqlx::Error> {
    let row = sqlx::query_as!(Row, "select ticket_id, kind, text, field, follow_ups, submitted_at, state, version, routed_field, unit, unit_name, due_at, answer_text, citations, answered_at, score, comment, automatic, deadline, latitude, longitude, revision, assurance from intake.ticket where tracking_code = $1", tracking_code)
        .fetch_optional(conn)
        .await?;
    row.map(Ticket::try_from).transpose()
}

/// One entry of the asker's timeline.
pub struct Entry {
    pub version: u32,
    pub what: Milestone,
    pub at: DateTime<Utc>,
    pub unit_name: String,
}

/// Adds to the timeline; the same entry again changes nothing.
pub async fn add_entry(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    entry: &Entry,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into intake.timeline (ticket_id, version, what, at, unit_name) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
        ticket_id.0,
        version(entry.version),
        entry.what.as_str_name(),
        entry.at,
        entry.unit_name,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The timeline, oldest first.
pub async fn timeline(conn: &mut PgConnection, ticket_id: TicketId) -> Result<Vec<Entry>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select version as "version!", what as "what!", at as "at!", unit_name as "unit_name!"
           from (select version, what, at, unit_name from intake.timeline where ticket_id = $1
                 union all
                 -- After the ticket's own: their versions are the passages'.
                 select 2147483647, what, told_at, '' from intake.notice where ticket_id = $1) entries
           order by at, version"#,
        ticket_id.0
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Entry {
                version: u32::try_from(row.version).map_err(decode)?,
                what: Milestone::from_str_name(&row.what).ok_or_else(|| decode("unknown milestone"))?,
                at: row.at,
                unit_name: row.unit_name,
            })
        })
        .collect()
}

/// What was sealed when the question was asked.
pub async fn first_sealed(conn: &mut PgConnection, ticket_id: TicketId) -> Result<Vec<u8>, sqlx::Error> {
    sqlx::query_scalar!(
        "select sealed from intake.sealed where ticket_id = $1 order by sealed_at, sealed_id limit 1",
        ticket_id.0
    )
    .fetch_one(conn)
    .await
}

/// The code that its asker follows a ticket by.
pub async fn tracking_code(
    conn: &mut PgConnection,
    ticket_id: TicketId,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select tracking_code from intake.ticket where ticket_id = $1", ticket_id.0)
        .fetch_optional(conn)
        .await
}

/// Keeps sealed bytes.
pub async fn insert_sealed(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    sealed: &[u8],
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into intake.sealed (sealed_id, ticket_id, sealed, sealed_at) values ($1, $2, $3, $4)",
        Uuid::now_v7(),
        ticket_id.0,
        sealed,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct Row {
    ticket_id: Uuid,
    kind: String,
    text: String,
    field: String,
    follow_ups: Vec<String>,
    submitted_at: DateTime<Utc>,
    state: String,
    version: i32,
    routed_field: String,
    unit: String,
    unit_name: String,
    due_at: Option<DateTime<Utc>>,
    answer_text: Option<String>,
    citations: Option<serde_json::Value>,
    answered_at: Option<DateTime<Utc>>,
    score: Option<i32>,
    comment: Option<String>,
    automatic: bool,
    deadline: Option<serde_json::Value>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    revision: i32,
    assurance: String,
}

impl TryFrom<Row> for Ticket {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let rating = match (row.score, row.comment) {
            (Some(score), comment) => Some(Rating {
                score: u32::try_from(score).map_err(decode)?,
                comment: comment.unwrap_or_default(),
            }),
            (None, _) => None,
        };
        let answer = match (row.answer_text, row.answered_at) {
            (Some(text), Some(answered_at)) => {
                let citations: Option<Vec<Citation>> =
                    row.citations.map(serde_json::from_value).transpose().map_err(decode)?;
                let (citations, automatic) = (citations.unwrap_or_default(), row.automatic);
                Some(Answer { text, citations, answered_at, automatic })
            }
            _ => None,
        };
        let state = match (row.state.as_str(), answer, rating) {
            ("received", None, reopened_by) => State::Received { reopened_by },
            ("routed", None, reopened_by) => State::Routed { reopened_by },
            ("answered", Some(answer), None) => State::Answered { answer },
            ("closed", Some(answer), Some(rating)) => State::Closed { answer, rating },
            ("withdrawn", None, None) => State::Withdrawn,
            (state, ..) => return Err(decode(format!("a ticket in state {state} with other columns"))),
        };
        Ok(Self {
            ticket_id: TicketId(row.ticket_id),
            kind: Kind::from_str_name(&row.kind).ok_or_else(|| decode("unknown kind"))?,
            text: row.text,
            field: row.field,
            follow_ups: row.follow_ups,
            revision: u32::try_from(row.revision).map_err(decode)?,
            place: place(row.latitude, row.longitude),
            assurance: Assurance::from_str_name(&row.assurance).ok_or_else(|| decode("unknown assurance"))?,
            submitted_at: row.submitted_at,
            version: u32::try_from(row.version).map_err(decode)?,
            custody: Custody {
                field: row.routed_field,
                unit: row.unit,
                unit_name: row.unit_name,
                due_at: row.due_at,
            },
            deadline: row
                .deadline
                .map(serde_json::from_value)
                .transpose()
                .map_err(decode)?
                .unwrap_or_default(),
            state,
        })
    }
}

fn place(latitude: Option<f64>, longitude: Option<f64>) -> Option<Place> {
    Some(Place { latitude: latitude?, longitude: longitude? })
}

fn decode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

fn version(version: u32) -> i32 {
    i32::try_from(version).unwrap_or(i32::MAX)
}
