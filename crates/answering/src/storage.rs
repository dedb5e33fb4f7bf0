//! SQL of `answering.*`.

pub mod automation;
pub mod co_answer;
pub mod digest;
pub mod family;
pub mod trace;

use api::{
    TicketId,
    intake::v1::{Citation, Question},
    knowledge::v1::Band,
    routing::v1::{Binding, Deadline},
};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    answer::{Answer, Custody, Draft, HandOver, State},
    review::Review,
};

/// The answer, locked until the transaction ends.
pub async fn lock_answer(
    conn: &mut PgConnection,
    ticket_id: TicketId,
) -> Result<Option<Answer>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select ticket_id, version, routed_version, question, unit, unit_name, field, due_at, draft_text, verdict, sources, state,
                answer_text, citations, ended_by, ended_at, return_reason, answered_with, automation, deadline,
                binding, returned_to, no_owner_reason, forwarded, review
         from answering.answer where ticket_id = $1 for update",
        ticket_id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Answer::try_from).transpose()
}

/// The answers, locked until the transaction ends. Always in one order, so that nobody waits in a ring.
pub async fn lock_answers(conn: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Answer>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select ticket_id, version, routed_version, question, unit, unit_name, field, due_at, draft_text, verdict, sources, state,
                answer_text, citations, ended_by, ended_at, return_reason, answered_with, automation, deadline,
                binding, returned_to, no_owner_reason, forwarded, review
         from answering.answer where ticket_id = any($1) order by ticket_id for update",
        ids,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Answer::try_from).collect()
}

/// The answer, to look at.
pub async fn find_answer(
    conn: &mut PgConnection,
    ticket_id: TicketId,
) -> Result<Option<Answer>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select ticket_id, version, routed_version, question, unit, unit_name, field, due_at, draft_text, verdict, sources, state,
                answer_text, citations, ended_by, ended_at, return_reason, answered_with, automation, deadline,
                binding, returned_to, no_owner_reason, forwarded, review
         from answering.answer where ticket_id = $1",
        ticket_id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(Answer::try_from).transpose()
}

/// Saves a new or changed answer.
pub async fn save_answer(conn: &mut PgConnection, answer: &Answer) -> Result<(), sqlx::Error> {
    let (state, text, citations, by, at, reason) = match &answer.state {
        State::Drafted => ("drafted", None, None, None, None, None),
        State::Approved { by, at, text, citations, .. } => {
            let citations = serde_json::to_value(citations).expect("citations serialise");
            ("approved", Some(text.as_str()), Some(citations), Some(by.as_str()), Some(*at), None)
        }
        State::Returned { by, at, hand_over } => {
            ("returned", None, None, Some(by.as_str()), Some(*at), Some(hand_over.reason.as_str()))
        }
    };
    let hand_over = match &answer.state {
        State::Returned { hand_over, .. } => Some(hand_over),
        State::Drafted | State::Approved { .. } => None,
    };
    sqlx::query!(
        "insert into answering.answer
             (ticket_id, version, question, unit, unit_name, field, due_at, draft_text, verdict, sources, band, state,
              answer_text, citations, ended_by, ended_at, return_reason, routed_version, answered_with, automation, deadline,
              binding, returned_to, no_owner_reason, forwarded, review)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                 $22, $23, $24, $25, $26)
         on conflict (ticket_id) do update
         set version = excluded.version, question = excluded.question, unit = excluded.unit,
             unit_name = excluded.unit_name, field = excluded.field, due_at = excluded.due_at,
             draft_text = excluded.draft_text, verdict = excluded.verdict, sources = excluded.sources,
             band = excluded.band, state = excluded.state, answer_text = excluded.answer_text,
             citations = excluded.citations, ended_by = excluded.ended_by, ended_at = excluded.ended_at,
             return_reason = excluded.return_reason, routed_version = excluded.routed_version,
             answered_with = excluded.answered_with, automation = excluded.automation,
             deadline = excluded.deadline, binding = excluded.binding, returned_to = excluded.returned_to,
             no_owner_reason = excluded.no_owner_reason, forwarded = excluded.forwarded,
             review = excluded.review",
        answer.ticket_id.0,
        i32::try_from(answer.version).unwrap_or(i32::MAX),
        serde_json::to_value(&answer.question).expect("a question serialises"),
        answer.custody.unit,
        answer.custody.unit_name,
        answer.custody.field,
        answer.custody.due_at,
        answer.draft.text,
        serde_json::to_value(&answer.draft.verdict).expect("a verdict serialises"),
        serde_json::to_value(&answer.draft.sources).expect("sources serialise"),
        answer.draft.verdict.band().as_str_name(),
        state,
        text,
        citations,
        by,
        at,
        reason,
        i32::try_from(answer.routed_version).unwrap_or(i32::MAX),
        answered_with(answer).map(|centre_id| centre_id.0),
        answer.automation.name(),
        serde_json::to_value(&answer.deadline).expect("a deadline serialises"),
        answer.custody.binding.as_str_name(),
        hand_over.map_or("", |said| said.unit.as_str()),
        hand_over.map_or("", |said| said.no_owner_reason.as_str()),
        hand_over.is_some_and(|said| said.forwarded),
        answer.review.as_ref().map(|review| serde_json::to_value(review).expect("a review serialises")),
    )
    .execute(&mut *conn)
    .await?;
    digest::withdraw_gone(conn, answer).await
}

/// Questions that wait with a draft which names this source, after `after`.
pub async fn waiting_on(
    conn: &mut PgConnection,
    passage_id: &str,
    after: TicketId,
    limit: i64,
) -> Result<Vec<(TicketId, Question)>, sqlx::Error> {
    let source = serde_json::json!([{ "id": passage_id }]);
    let rows = sqlx::query!(
        "select ticket_id, question from answering.answer
         where state = 'drafted' and sources @> $1 and ticket_id > $2 order by ticket_id limit $3",
        source,
        after.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((TicketId(row.ticket_id), json(row.question)?))).collect()
}

/// Notes that a source changed, when no draft is just being saved.
pub async fn note_source_change(conn: &mut PgConnection, passage_id: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('answering.source_change'))")
        .fetch_one(&mut *conn)
        .await?;
    sqlx::query!(
        "insert into answering.source_change (passage_id) values ($1)
         on conflict (passage_id) do update set seq = default",
        passage_id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The newest change of a source that was heard.
pub async fn newest_source_change(conn: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(r#"select coalesce(max(seq), 0) as "seq!" from answering.source_change"#)
        .fetch_one(conn)
        .await
}

/// Whether one of these sources changed after `seq`. None changes until the transaction ends.
pub async fn changed_since(
    conn: &mut PgConnection,
    seq: i64,
    passage_ids: &[String],
) -> Result<bool, sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock_shared(hashtext('answering.source_change'))")
        .fetch_one(&mut *conn)
        .await?;
    sqlx::query_scalar!(
        r#"select exists (select from answering.source_change where seq > $1 and passage_id = any($2)) as "changed!""#,
        seq,
        passage_ids,
    )
    .fetch_one(conn)
    .await
}

fn answered_with(answer: &Answer) -> Option<TicketId> {
    match &answer.state {
        State::Approved { with, .. } => *with,
        State::Drafted | State::Returned { .. } => None,
    }
}

/// One line of the inbox.
pub struct Waiting {
    pub ticket_id: TicketId,
    pub unit: String,
    pub field: String,
    pub due_at: DateTime<Utc>,
    /// The earliest deadline of the family.
    pub urgent_at: DateTime<Utc>,
    pub text: String,
    pub band: Band,
    pub family_size: u32,
    /// Of a member.
    pub centre_id: Option<TicketId>,
    /// As last heard.
    pub deadline: Deadline,
    /// What was submitted to a second person.
    pub review: Option<Review>,
}

/// Which part of the inbox.
pub struct Page<'a> {
    /// `None`: of all units.
    pub unit: Option<&'a str>,
    /// Members of families too, not only their centres.
    pub members: bool,
    pub after: Option<(DateTime<Utc>, TicketId)>,
    pub limit: i64,
}

/// What waits for an officer, the most urgent first. The statement is a file so that `make bench` shows the
/// plan of this very one.
pub async fn list_waiting(conn: &mut PgConnection, page: Page<'_>) -> Result<Vec<Waiting>, sqlx::Error> {
    let rows = sqlx::query_file!(
        "src/storage/list_waiting.sql",
        page.unit,
        page.after.map(|(urgent_at, _)| urgent_at),
        page.after.map(|(_, ticket_id)| ticket_id.0),
        page.limit,
        page.members,
    )
    .fetch_all(conn)
    .await?;
    let waiting = rows.into_iter().map(|row| {
        Ok(Waiting {
            ticket_id: TicketId(row.ticket_id),
            unit: row.unit,
            field: row.field,
            due_at: row.due_at,
            urgent_at: row.urgent_at,
            text: row.text,
            band: Band::from_str_name(&row.band).unwrap_or_default(),
            family_size: u32::try_from(row.family_size).unwrap_or(u32::MAX),
            centre_id: row.centre_id.map(TicketId),
            deadline: row.deadline.map(json).transpose()?.unwrap_or_default(),
            review: row.review.map(json).transpose()?,
        })
    });
    waiting.collect()
}

struct Row {
    ticket_id: Uuid,
    version: i32,
    routed_version: i32,
    question: serde_json::Value,
    unit: String,
    unit_name: String,
    field: String,
    due_at: DateTime<Utc>,
    draft_text: String,
    verdict: serde_json::Value,
    sources: serde_json::Value,
    state: String,
    answer_text: Option<String>,
    citations: Option<serde_json::Value>,
    ended_by: Option<String>,
    ended_at: Option<DateTime<Utc>>,
    return_reason: Option<String>,
    answered_with: Option<Uuid>,
    automation: String,
    deadline: Option<serde_json::Value>,
    binding: String,
    returned_to: String,
    no_owner_reason: String,
    forwarded: bool,
    review: Option<serde_json::Value>,
}

impl TryFrom<Row> for Answer {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let by = row.ended_by.unwrap_or_default();
        let state = match (row.state.as_str(), row.ended_at, row.answer_text, row.return_reason) {
            ("drafted", None, None, None) => State::Drafted,
            ("approved", Some(at), Some(text), None) => {
                let citations: Option<Vec<Citation>> = row.citations.map(json).transpose()?;
                let with = row.answered_with.map(TicketId);
                State::Approved { by, at, text, citations: citations.unwrap_or_default(), with }
            }
            ("returned", Some(at), None, Some(reason)) => {
                let (unit, no_owner_reason) = (row.returned_to, row.no_owner_reason);
                let hand_over = HandOver { reason, unit, no_owner_reason, forwarded: row.forwarded };
                State::Returned { by, at, hand_over }
            }
            (state, ..) => return Err(decode(format!("an answer in state {state} with other columns"))),
        };
        Ok(Self {
            ticket_id: TicketId(row.ticket_id),
            version: u32::try_from(row.version).map_err(decode)?,
            routed_version: u32::try_from(row.routed_version).map_err(decode)?,
            question: json(row.question)?,
            custody: Custody {
                unit: row.unit,
                unit_name: row.unit_name,
                field: row.field,
                due_at: row.due_at,
                binding: Binding::from_str_name(&row.binding).ok_or_else(|| decode("unknown binding"))?,
            },
            deadline: row.deadline.map(json).transpose()?.unwrap_or_default(),
            draft: Draft { text: row.draft_text, verdict: json(row.verdict)?, sources: json(row.sources)? },
            automation: automation::mode(&row.automation)?,
            review: row.review.map(json).transpose()?,
            state,
        })
    }
}

fn json<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, sqlx::Error> {
    serde_json::from_value(value).map_err(decode)
}

fn decode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
