//! SQL of what teaches whose a question is: passages and `knowledge.correction`.

use api::TicketId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// A question whose owner is known.
pub struct Known {
    pub question: String,
    pub field: String,
    pub unit: String,
    pub embedding: Option<Vec<f32>>,
}

/// A question that a person assigned.
pub struct Correction {
    pub ticket_id: Uuid,
    pub question: String,
    pub unit: String,
    /// None: not by this model.
    pub embedding: Option<Vec<f32>>,
}

/// The newest published questions that name an owner and are embedded by that model.
pub async fn published(conn: &mut PgConnection, model: &str, limit: i64) -> Result<Vec<Known>, sqlx::Error> {
    sqlx::query_as!(
        Known,
        "select question, field, unit, embedding from knowledge.passage
         where embedded_by = $1 and embedding is not null and state = 'published'
           and (field <> '' or unit <> '')
         order by updated_at desc, passage_id limit $2",
        model,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The newest corrections that stand.
pub async fn corrections(
    conn: &mut PgConnection,
    model: &str,
    limit: i64,
) -> Result<Vec<Correction>, sqlx::Error> {
    sqlx::query_as!(
        Correction,
        "select ticket_id, question, unit, case when embedded_by = $1 then embedding end as embedding
         from knowledge.correction where question <> '' order by corrected_at desc, ticket_id limit $2",
        model,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Keeps what a person assigned, or, with an empty question, that it was given back; what is older
/// than what is kept says nothing.
pub async fn keep_correction(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    version: i32,
    (question, unit): (&str, &str),
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into knowledge.correction (ticket_id, version, question, unit, corrected_at)
         values ($1, $2, $3, $4, $5)
         on conflict (ticket_id) do update set
             version = excluded.version, question = excluded.question, unit = excluded.unit, embedding = null,
             embedded_by = null, corrected_at = excluded.corrected_at
         where correction.version < excluded.version",
        ticket_id.0,
        version,
        question,
        unit,
        at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn keep_embedding(
    conn: &mut PgConnection,
    ticket_id: Uuid,
    embedding: &[f32],
    model: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update knowledge.correction set embedding = $2, embedded_by = $3 where ticket_id = $1",
        ticket_id,
        embedding,
        model,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Differs when there may be something new to learn.
pub async fn state(conn: &mut PgConnection) -> Result<(i64, Option<DateTime<Utc>>), sqlx::Error> {
    let row = sqlx::query!(
        r#"select (select count(*) from knowledge.passage where indexed_at is not null)
                  + (select count(*) from knowledge.correction where question <> '') as "known!",
                  greatest((select max(updated_at) from knowledge.passage),
                           (select max(corrected_at) from knowledge.correction where question <> '')) as newest"#,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.known, row.newest))
}
