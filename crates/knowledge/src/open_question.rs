//! Questions that wait are compared with each one that comes. PostgreSQL is the truth; the index of
//! those that may be a family's centre is made from it. Every change takes the one turn, writes the
//! index first and commits then: what a crash leaves behind is put right when the fact comes again.

use std::sync::Arc;

use api::{
    TicketId,
    knowledge::v1::{Likeness, QuestionsAlike},
};
use sqlx::PgConnection;
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use uuid::Uuid;

use crate::{
    alike::{self, Published, Waiting},
    embed::{self, Embedded},
    index::{self, Hit, Point, Query, Span, VectorIndex},
    lexical,
    matching::Stored,
    pair::Question,
    service::{Knowledge, small},
    storage::{
        self,
        open_question::{self as rows, OpenQuestion, Row},
    },
    text::Text,
};

/// How many of the nearest are judged.
const CANDIDATES: usize = 32;

/// Questions with the same words that are looked at: the oldest centres are among them.
const SAME_KEY: i64 = 16;

/// Questions of one step when the index is made anew.
const PAGE: i64 = 64;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the index of open questions failed")]
    Index(#[from] index::Error),
    #[error("open questions could not be embedded")]
    Embed(#[from] embed::Error),
}

/// The index, and the turn to change it.
pub struct OpenQuestions {
    index: Arc<dyn VectorIndex>,
    checked: OnceCell<()>,
    /// Within this process; so only one connection waits for the turn among all processes.
    turn: Mutex<()>,
}

impl OpenQuestions {
    pub fn new(index: Arc<dyn VectorIndex>) -> Self {
        Self { index, checked: OnceCell::new(), turn: Mutex::new(()) }
    }
}

impl Knowledge {
    /// This process's turn; the first one sees to it that the index is what the table says.
    pub(crate) async fn open_questions_turn(&self) -> Result<MutexGuard<'_, ()>, Error> {
        self.open.checked.get_or_try_init(|| self.check_open_index()).await?;
        Ok(self.open.turn.lock().await)
    }

    async fn check_open_index(&self) -> Result<(), Error> {
        let (index, model) = (&self.open.index, self.matcher.embedder.id());
        let mut tx = self.pool.begin().await?;
        rows::take_turn(&mut tx).await?;
        index.ensure().await?;
        let (expected, embedded) = rows::indexable(&mut tx, model).await?;
        if embedded && index.count().await? == expected {
            return Ok(());
        }
        tracing::warn!(expected, "the index of open questions is made anew");
        index.clear().await?;
        let mut after = Uuid::nil();
        loop {
            let page = rows::page(&mut tx, after, model, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.ticket_id;
            let mut points = Vec::with_capacity(page.len());
            for row in page {
                let text = self.matcher.read(&row.question);
                let embedded = if let Some(embedded) = row.embedded() {
                    embedded
                } else {
                    let embedded = self.embed(&text).await?;
                    rows::keep_embedding(&mut tx, row.ticket_id, &embedded, model).await?;
                    embedded
                };
                points.push(point(row.ticket_id, &text, embedded.dense, &row.unit));
            }
            index.upsert(points).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(crate) async fn embed(&self, text: &Text) -> Result<Embedded, Error> {
        let mut embedded = self.matcher.embedder.embed(vec![text.normal.clone()]).await?;
        Ok(embedded.pop().ok_or(embed::Error::Stopped)?)
    }

    /// Registers a question that reached a unit, in the caller's turn, and states its likes.
    pub(crate) async fn register(
        &self,
        conn: &mut PgConnection,
        question: &OpenQuestion,
    ) -> Result<(), Error> {
        rows::take_turn(conn).await?;
        if !rows::register(conn, question, self.matcher.embedder.id()).await? {
            return Ok(());
        }
        let Some(embedded) = &question.embedded else {
            return Ok(self.open.index.delete(vec![question.ticket_id.to_string()]).await?);
        };
        let row = Row {
            ticket_id: question.ticket_id.0,
            version: question.version,
            unit: question.unit.clone(),
            field: question.field.clone(),
            question: question.question.clone(),
            embedding: None,
            word_vectors: None,
            awaits: question.ticket_id.0,
        };
        self.admit(conn, &row, embedded.clone()).await
    }

    /// Notes what answering said of a question's family. One whose centre has gone looks for another.
    pub(crate) async fn note_family(
        &self,
        conn: &mut PgConnection,
        ticket_id: TicketId,
        version: i32,
        standing: Standing,
    ) -> Result<(), Error> {
        rows::take_turn(conn).await?;
        let member = standing == Standing::Member;
        let Some(row) = rows::note_family(conn, ticket_id, version, member).await? else { return Ok(()) };
        if member {
            return Ok(self.open.index.delete(vec![ticket_id.to_string()]).await?);
        }
        let Some(embedded) = row.embedded() else { return Ok(()) };
        if standing == Standing::Stranded {
            return self.admit(conn, &row, embedded).await;
        }
        let text = self.matcher.read(&row.question);
        Ok(self.open.index.upsert(vec![point(row.ticket_id, &text, embedded.dense, &row.unit)]).await?)
    }

    /// Notes that a question has its answer, or needs none; a later edition of it goes on waiting.
    pub(crate) async fn close(
        &self,
        conn: &mut PgConnection,
        ticket_id: TicketId,
        round: i32,
    ) -> Result<(), Error> {
        rows::take_turn(conn).await?;
        if !rows::close(conn, ticket_id, round).await? {
            return Ok(());
        }
        Ok(self.open.index.delete(vec![ticket_id.to_string()]).await?)
    }

    /// States the likes of a question that waits, and lets later ones find it.
    async fn admit(&self, conn: &mut PgConnection, row: &Row, embedded: Embedded) -> Result<(), Error> {
        let text = self.matcher.read(&row.question);
        let (likes, awaits) = self.likes(conn, row, &text, &embedded).await?;
        rows::note_awaits(conn, row.ticket_id, awaits).await?;
        if !likes.is_empty() {
            metrics::counter!("motcua_questions_alike_total").increment(1);
            let fact = QuestionsAlike {
                ticket_id: TicketId(row.ticket_id).to_string(),
                version: small(row.version),
                unit: row.unit.clone(),
                field: row.field.clone(),
                likes,
                found_at: Some(api::timestamp(self.clock.now())),
            };
            bus::outbox::put(conn, &fact).await?;
        }
        Ok(self.open.index.upsert(vec![point(row.ticket_id, &text, embedded.dense, &row.unit)]).await?)
    }

    /// The likes of a question, and whose answer it then awaits.
    async fn likes(
        &self,
        conn: &mut PgConnection,
        row: &Row,
        text: &Text,
        embedded: &Embedded,
    ) -> Result<(Vec<Likeness>, Uuid), Error> {
        let itself = TicketId(row.ticket_id);
        let same = rows::with_key(conn, &row.unit, &alike::key(text), itself, SAME_KEY).await?;
        let same: Vec<Waiting> = same.iter().map(|other| waiting(other, None)).collect();
        let mut likes = alike::exact(text, &same);
        if let Some(head) = same.iter().find(|other| is_head(other) && told(&likes, other)) {
            return Ok((likes, head.awaits));
        }
        let query = |field| Query {
            dense: embedded.dense.clone(),
            lexical: lexical::asked(&text.folded),
            field,
            at: Some(self.clock.now().timestamp()),
            limit: CANDIDATES,
            exact: false,
        };
        let hits = self.open.index.search(query(Some(row.unit.clone()))).await?;
        let ids: Vec<Uuid> = hits.iter().filter_map(|hit| hit.id.parse().ok()).collect();
        let others = rows::centres(conn, &row.unit, &ids, itself).await?;
        let hit_of = |row: &Row| hits.iter().find(|hit| hit.id == TicketId(row.ticket_id).to_string());
        let mut near: Vec<Waiting> = others.iter().map(|other| waiting(other, hit_of(other))).collect();
        near.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
        if !near.is_empty() {
            let published = self.published(conn, query(None)).await?;
            let vocabulary = self.matcher.vocabulary();
            let learned = &self.matcher.calibration.learned;
            let asked = Question::read(text, &embedded.words, &vocabulary.rarity, learned);
            likes.extend(alike::near(
                &asked,
                &near,
                &published,
                &vocabulary.rarity,
                &self.matcher.calibration,
            ));
        }
        let first = same.iter().chain(&near).find(|other| told(&likes[..1.min(likes.len())], other));
        Ok((likes, first.map_or(row.ticket_id, |first| first.awaits)))
    }

    async fn published(&self, conn: &mut PgConnection, query: Query) -> Result<Vec<Published>, Error> {
        let hits = self.matcher.index.search(query).await?;
        let ids: Vec<String> = hits.iter().map(|hit| hit.id.clone()).collect();
        let (model, now) = (self.matcher.embedder.id(), self.clock.now());
        let Stored { mut passages, mut words } = storage::reusable(conn, &ids, ids.len(), model, now).await?;
        let published = |hit: &Hit| {
            let passage = passages.remove(&hit.id)?;
            let text = Text::read(&passage.question);
            let words = words.remove(&hit.id).unwrap_or_default();
            Some(Published { passage, text, words, cosine: hit.cosine, lexical: hit.lexical })
        };
        Ok(hits.iter().filter_map(published).collect())
    }
}

/// How a question stands, as answering says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Member,
    Alone,
    /// Alone, because its centre has gone.
    Stranded,
}

fn waiting(row: &Row, hit: Option<&Hit>) -> Waiting {
    Waiting {
        ticket_id: TicketId(row.ticket_id),
        version: small(row.version),
        awaits: row.awaits,
        text: Text::read(&row.question),
        words: row.words(),
        cosine: hit.map_or(0.0, |hit| hit.cosine),
        lexical: hit.map_or(0.0, |hit| hit.lexical),
    }
}

/// Whether it is thought to await an answer of its own: with the same words, nothing nearer is found.
fn is_head(other: &Waiting) -> bool {
    other.awaits == other.ticket_id.0
}

fn told(likes: &[Likeness], other: &Waiting) -> bool {
    let ticket_id = other.ticket_id.to_string();
    likes.iter().any(|like| like.ticket_id == ticket_id)
}

/// Likes are looked for within a unit, so the unit stands where a passage's field does: it is what
/// the index filters by.
fn point(ticket_id: Uuid, text: &Text, dense: Vec<f32>, unit: &str) -> Point {
    Point {
        id: TicketId(ticket_id).to_string(),
        dense,
        lexical: lexical::stored(&text.folded),
        field: unit.to_owned(),
        unit: unit.to_owned(),
        valid: Span::ALWAYS,
    }
}
