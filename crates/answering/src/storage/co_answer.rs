//! SQL of `answering.co_answer`.

use api::TicketId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::decode;
use crate::co_answer::{CoAnswer, How, State};

/// Whose part it is.
pub async fn ticket_of(conn: &mut PgConnection, id: Uuid) -> Result<Option<TicketId>, sqlx::Error> {
    let found = sqlx::query_scalar!("select ticket_id from answering.co_answer where id = $1", id);
    Ok(found.fetch_optional(conn).await?.map(TicketId))
}

/// All of a question, locked until the transaction ends; the question is locked before.
pub async fn lock_of(conn: &mut PgConnection, ticket_id: TicketId) -> Result<Vec<CoAnswer>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select id, ticket_id, round, unit, holder, request, asked_by, asked_at, due_at, state, ended_by, ended_at, text
         from answering.co_answer where ticket_id = $1 order by asked_at, id for update",
        ticket_id.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(CoAnswer::try_from).collect()
}

/// Those of a question, to look at, the oldest first.
pub async fn list_of(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    limit: i64,
) -> Result<Vec<CoAnswer>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        "select id, ticket_id, round, unit, holder, request, asked_by, asked_at, due_at, state, ended_by, ended_at, text
         from answering.co_answer where ticket_id = $1 order by asked_at, id limit $2",
        ticket_id.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(CoAnswer::try_from).collect()
}

/// What some units, or any, are asked for, with the question's text, the most urgent first.
pub async fn list_open(
    conn: &mut PgConnection,
    units: Option<&[String]>,
    limit: i64,
) -> Result<Vec<(CoAnswer, String)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select id, c.ticket_id, round, c.unit, holder, request, asked_by, asked_at, c.due_at, question ->> 'text' as "question!"
           from answering.co_answer c join answering.answer a on a.ticket_id = c.ticket_id
           where c.state = 'asked' and ($1::text[] is null or c.unit = any($1)) order by c.due_at, id limit $2"#,
        units as _,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let asked = rows.into_iter().map(|row| {
        let asked = CoAnswer {
            id: row.id,
            ticket_id: TicketId(row.ticket_id),
            round: u32::try_from(row.round).map_err(decode)?,
            unit: row.unit,
            holder: row.holder,
            request: row.request,
            asked_by: row.asked_by,
            asked_at: row.asked_at,
            due_at: row.due_at,
            state: State::Asked,
        };
        Ok((asked, row.question))
    });
    asked.collect()
}

/// Saves a new or changed one.
pub async fn save(conn: &mut PgConnection, asked: &CoAnswer) -> Result<(), sqlx::Error> {
    let (state, by, at, text) = match &asked.state {
        State::Asked => ("asked", None, None, None),
        State::Ended { how, by, at, text } => (name(*how), Some(by.as_str()), Some(*at), Some(text.as_str())),
    };
    sqlx::query!(
        "insert into answering.co_answer
             (id, ticket_id, round, unit, holder, request, asked_by, asked_at, due_at, state, ended_by, ended_at, text)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (id) do update
         set state = excluded.state, ended_by = excluded.ended_by, ended_at = excluded.ended_at, text = excluded.text",
        asked.id,
        asked.ticket_id.0,
        i32::try_from(asked.round).unwrap_or(i32::MAX),
        asked.unit,
        asked.holder,
        asked.request,
        asked.asked_by,
        asked.asked_at,
        asked.due_at,
        state,
        by,
        at,
        text,
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct Row {
    id: Uuid,
    ticket_id: Uuid,
    round: i32,
    unit: String,
    holder: String,
    request: String,
    asked_by: String,
    asked_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    state: String,
    ended_by: Option<String>,
    ended_at: Option<DateTime<Utc>>,
    text: Option<String>,
}

impl TryFrom<Row> for CoAnswer {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let how = [How::Given, How::Declined, How::Withdrawn, How::Lapsed];
        let how = how.into_iter().find(|how| name(*how) == row.state);
        let state = match (how, row.ended_at) {
            (None, None) => State::Asked,
            (Some(how), Some(at)) => {
                let (by, text) = (row.ended_by.unwrap_or_default(), row.text.unwrap_or_default());
                State::Ended { how, by, at, text }
            }
            _ => return Err(decode(format!("a part in state {} with other columns", row.state))),
        };
        Ok(Self {
            id: row.id,
            ticket_id: TicketId(row.ticket_id),
            round: u32::try_from(row.round).map_err(decode)?,
            unit: row.unit,
            holder: row.holder,
            request: row.request,
            asked_by: row.asked_by,
            asked_at: row.asked_at,
            due_at: row.due_at,
            state,
        })
    }
}

fn name(how: How) -> &'static str {
    match how {
        How::Given => "given",
        How::Declined => "declined",
        How::Withdrawn => "withdrawn",
        How::Lapsed => "lapsed",
    }
}
