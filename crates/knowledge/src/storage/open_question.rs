//! SQL of `knowledge.open_question`.

use api::TicketId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{embed::Embedded, words::WordVectors};

/// A question as it is registered.
pub struct OpenQuestion {
    pub ticket_id: TicketId,
    /// The question's edition.
    pub round: i32,
    pub version: i32,
    pub open: bool,
    pub unit: String,
    pub field: String,
    pub question: String,
    pub key: Option<Vec<u8>>,
    pub embedded: Option<Embedded>,
}

/// A question that waits, as it is compared.
pub struct Row {
    pub ticket_id: Uuid,
    pub version: i32,
    pub unit: String,
    pub field: String,
    pub question: String,
    pub embedding: Option<Vec<f32>>,
    pub word_vectors: Option<Vec<u8>>,
    /// Whose answer it is thought to await.
    pub awaits: Uuid,
}

impl Row {
    /// None: it was not embedded, or by another model.
    pub fn embedded(&self) -> Option<Embedded> {
        Some(Embedded { dense: self.embedding.clone()?, words: self.words() })
    }

    pub fn words(&self) -> WordVectors {
        self.word_vectors.as_deref().and_then(WordVectors::from_bytes).unwrap_or_default()
    }
}

/// Waits for the turn to register and look up. Held until the transaction ends, so of two that come
/// at once the later one finds the earlier.
pub async fn take_turn(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('knowledge.open_question', 0))::text")
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// Registers what a routing says; `false`: it is of the past.
pub async fn register(
    conn: &mut PgConnection,
    question: &OpenQuestion,
    model: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into knowledge.open_question
             (ticket_id, round, version, open, unit, field, question, key, embedding, word_vectors, embedded_by,
              awaits)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $1)
         on conflict (ticket_id) do update set
             round = excluded.round, version = excluded.version, open = excluded.open, unit = excluded.unit,
             field = excluded.field, question = excluded.question, key = excluded.key,
             embedding = excluded.embedding, word_vectors = excluded.word_vectors, embedded_by = excluded.embedded_by, member = false,
             awaits = excluded.awaits
         where open_question.round < excluded.round
            or (open_question.round = excluded.round and open_question.open
                and open_question.version < excluded.version)",
        question.ticket_id.0,
        question.round,
        question.version,
        question.open,
        question.unit,
        question.field,
        question.question,
        question.key.as_deref(),
        question.embedded.as_ref().map(|embedded| embedded.dense.as_slice()),
        question.embedded.as_ref().map(|embedded| embedded.words.to_bytes()),
        model,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that the answer of that edition is given, or not needed: nothing of the edition opens it again.
/// `false`: a later one waits.
pub async fn close(conn: &mut PgConnection, ticket_id: TicketId, round: i32) -> Result<bool, sqlx::Error> {
    let closed = sqlx::query!(
        "insert into knowledge.open_question (ticket_id, round, version, open, awaits) values ($1, $2, 0, false, $1)
         on conflict (ticket_id) do update set
             round = excluded.round, open = false, question = '', key = null, embedding = null,
             word_vectors = null
         where open_question.round <= excluded.round",
        ticket_id.0,
        round,
    )
    .execute(conn)
    .await?;
    Ok(closed.rows_affected() == 1)
}

/// Notes whose answer it is thought to await.
pub async fn note_awaits(conn: &mut PgConnection, ticket_id: Uuid, awaits: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("update knowledge.open_question set awaits = $2 where ticket_id = $1", ticket_id, awaits)
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes whether it is a family's member; the question if that is news and it waits.
pub async fn note_family(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    version: i32,
    member: bool,
) -> Result<Option<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        "update knowledge.open_question set member = $3, family_version = $2
         where ticket_id = $1 and family_version < $2 and open
         returning ticket_id, version, unit, field, question, embedding, word_vectors, awaits",
        ticket_id.0,
        version,
        member,
    )
    .fetch_optional(conn)
    .await
}

/// Others that wait in that unit under that key: no members first, of these those that await their own answer (many that
/// come at once are members before this is known here), then the oldest.
pub async fn with_key(
    conn: &mut PgConnection,
    unit: &str,
    key: &[u8],
    except: TicketId,
    limit: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        "select ticket_id, version, unit, field, question, embedding, word_vectors, awaits
         from knowledge.open_question
         where open and unit = $1 and key = $2 and ticket_id <> $3 order by member, awaits <> ticket_id, ticket_id limit $4",
        unit,
        key,
        except.0,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Those of `ids` that wait in that unit and are no members.
pub async fn centres(
    conn: &mut PgConnection,
    unit: &str,
    ids: &[Uuid],
    except: TicketId,
) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        "select ticket_id, version, unit, field, question, embedding, word_vectors, awaits
         from knowledge.open_question
         where open and not member and unit = $1 and ticket_id = any($2) and ticket_id <> $3",
        unit,
        ids,
        except.0,
    )
    .fetch_all(conn)
    .await
}

/// How many questions the index should have, and whether all of them have an embedding of that model.
pub async fn indexable(conn: &mut PgConnection, model: &str) -> Result<(u64, bool), sqlx::Error> {
    let row = sqlx::query!(
        r#"select count(*) as "count!", count(*) filter (where embedded_by is distinct from $1) as "stale!"
           from knowledge.open_question where open and not member"#,
        model,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.count.unsigned_abs(), row.stale == 0))
}

/// A page of the questions that the index should have, after `after`; without an embedding of
/// another model.
pub async fn page(
    conn: &mut PgConnection,
    after: Uuid,
    model: &str,
    limit: i64,
) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        r#"select ticket_id, version, unit, field, question,
                  case when embedded_by = $2 then embedding end as embedding, word_vectors, awaits
           from knowledge.open_question where open and not member and ticket_id > $1
           order by ticket_id limit $3"#,
        after,
        model,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Keeps an embedding that was made anew.
pub async fn keep_embedding(
    conn: &mut PgConnection,
    ticket_id: Uuid,
    embedded: &Embedded,
    model: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update knowledge.open_question set embedding = $2, word_vectors = $3, embedded_by = $4
         where ticket_id = $1",
        ticket_id,
        &embedded.dense,
        embedded.words.to_bytes(),
        model,
    )
    .execute(conn)
    .await?;
    Ok(())
}
