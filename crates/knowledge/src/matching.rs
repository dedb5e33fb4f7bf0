//! From a text to its neighbours and the verdict. The RPCs and the back-test go this one way.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use chrono::{DateTime, Utc};

use crate::{
    calibration::Calibration,
    embed::{self, Embedded, Embedder},
    index::{self, Hit, Query, VectorIndex},
    lexical,
    pair::Question,
    passage::Passage,
    reuse::{self, Candidate, Described, Read, SHORTLIST, Verdict},
    text::Text,
    vocabulary::Vocabulary,
    words::WordVectors,
};

/// The features of a candidate depend on its company, so always about as many are judged together.
const CANDIDATES: usize = 48;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the question could not be embedded")]
    Embed(#[from] embed::Error),
    #[error("the index could not be searched")]
    Index(#[from] index::Error),
}

/// The model, the index, and what their figures mean.
#[derive(Clone)]
pub struct Matcher {
    pub embedder: Arc<Embedder>,
    pub index: Arc<dyn VectorIndex>,
    pub calibration: Arc<Calibration>,
    pub vocabulary: Arc<RwLock<Vocabulary>>,
}

/// What the index found; the passages themselves are the store's.
#[derive(Debug)]
pub struct Nearest {
    asked: Text,
    words: WordVectors,
    hits: Vec<Hit>,
}

/// What the store has of the hits: passages of all, word vectors of the first.
#[derive(Debug, Default)]
pub struct Stored {
    pub passages: HashMap<String, Passage>,
    pub words: HashMap<String, WordVectors>,
}

/// A stored question near the asked one.
#[derive(Debug, Clone)]
pub struct Neighbour {
    pub passage: Passage,
    /// Cosine similarity, -1 to 1.
    pub cosine: f64,
    /// BM25, 0 or more.
    pub lexical: f64,
    /// Of both, fused by the engine; only its order means something.
    pub fused: f64,
    /// That it is the same question, 0 to 1.
    pub probability: f64,
}

#[derive(Debug)]
pub struct Found {
    pub verdict: Verdict,
    /// Best first.
    pub neighbours: Vec<Neighbour>,
}

impl Matcher {
    /// Looks for what is near `text` and valid `at` (none: whenever), by meaning and by words; at least
    /// `limit` where there are.
    #[tracing::instrument(skip_all)]
    pub async fn nearest(
        &self,
        text: &str,
        field: Option<String>,
        limit: usize,
        at: Option<DateTime<Utc>>,
    ) -> Result<Nearest, Error> {
        let asked = self.read(text);
        if asked.normal.is_empty() {
            return Ok(Nearest { asked, words: WordVectors::default(), hits: Vec::new() });
        }
        let mut embedded = self.embedder.embed(vec![asked.normal.clone()]).await?;
        let embedded = embedded.pop().ok_or(embed::Error::Stopped)?;
        self.nearest_to(asked, embedded, field, limit, at).await
    }

    /// As [`Self::nearest`], of a text that is embedded already.
    pub async fn nearest_to(
        &self,
        asked: Text,
        embedded: Embedded,
        field: Option<String>,
        limit: usize,
        at: Option<DateTime<Utc>>,
    ) -> Result<Nearest, Error> {
        let Embedded { dense, words } = embedded;
        let query = Query {
            dense,
            lexical: lexical::asked(&asked.folded),
            field,
            at: at.map(|at| at.timestamp()),
            limit: limit.max(CANDIDATES),
            exact: false,
        };
        let hits = self.index.search(query).await?;
        Ok(Nearest { asked, words, hits })
    }

    /// Ranks what was found and says whether the best one's answer may be reused. A passage that
    /// the store no longer has is left out.
    pub fn judge(&self, nearest: &Nearest, stored: &Stored, limit: usize) -> Found {
        let known = nearest.known(stored);
        let vocabulary = self.vocabulary();
        let asked =
            Question::read(&nearest.asked, &nearest.words, &vocabulary.rarity, &self.calibration.learned);
        let texts = texts(&known);
        let shortlist = shortlist(&known, &texts, stored);
        let rarity = &vocabulary.rarity;
        let (ranked, verdict) =
            reuse::judge(&asked, &shortlist, &candidates(&known), rarity, &self.calibration);
        let neighbour = |(at, probability): (usize, f64)| Neighbour {
            passage: known[at].1.clone(),
            cosine: f64::from(known[at].0.cosine).clamp(-1.0, 1.0),
            lexical: known[at].0.lexical.into(),
            fused: known[at].0.score.into(),
            probability,
        };
        Found { verdict, neighbours: ranked.into_iter().take(limit).map(neighbour).collect() }
    }

    /// The first of what was found, as the calibration sees them: passage id and description.
    pub fn describe(&self, nearest: &Nearest, stored: &Stored) -> Vec<(String, Described)> {
        let known = nearest.known(stored);
        let vocabulary = self.vocabulary();
        let asked =
            Question::read(&nearest.asked, &nearest.words, &vocabulary.rarity, &self.calibration.learned);
        let texts = texts(&known);
        let shortlist = shortlist(&known, &texts, stored);
        let described = reuse::describe(
            &asked,
            &shortlist,
            &candidates(&known),
            &vocabulary.rarity,
            &self.calibration.learned,
        );
        known.iter().zip(described).map(|((_, passage), one)| (passage.id.clone(), one)).collect()
    }

    /// A question as it is embedded: with diacritics put back where it has none.
    pub fn read(&self, text: &str) -> Text {
        Text::read(text).restored(&self.vocabulary().restorer)
    }

    /// Learns from a stored question and its answer.
    pub fn learn(&self, question: &Text, answer: &str) {
        self.vocabulary.write().unwrap_or_else(PoisonError::into_inner).learn(question, answer);
    }

    pub(crate) fn vocabulary(&self) -> RwLockReadGuard<'_, Vocabulary> {
        self.vocabulary.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hit with its passage.
type Known<'a> = (&'a Hit, &'a Passage);

impl Nearest {
    /// Of the asked question.
    pub const fn words(&self) -> &WordVectors {
        &self.words
    }

    /// The passages to look up before judging.
    pub fn ids(&self) -> Vec<String> {
        self.hits.iter().map(|hit| hit.id.clone()).collect()
    }

    /// Those of `passages` whose word vectors are needed.
    pub fn shortlist(&self, passages: &HashMap<String, Passage>) -> Vec<String> {
        let known = self.hits.iter().filter(|hit| passages.contains_key(&hit.id));
        known.take(SHORTLIST).map(|hit| hit.id.clone()).collect()
    }

    fn known<'a>(&'a self, stored: &'a Stored) -> Vec<Known<'a>> {
        let passage = |hit: &'a Hit| stored.passages.get(&hit.id).map(|passage| (hit, passage));
        self.hits.iter().filter_map(passage).collect()
    }
}

/// Of the shortlist alone: reading is dear, and of the others only figures and answers count.
fn texts(known: &[Known<'_>]) -> Vec<Text> {
    known.iter().take(SHORTLIST).map(|(_, passage)| Text::read(&passage.question)).collect()
}

fn shortlist<'a>(known: &[Known<'a>], texts: &'a [Text], stored: &'a Stored) -> Vec<Read<'a>> {
    static NONE: WordVectors = WordVectors::none();
    let read = |((hit, _), question): (&Known<'a>, &'a Text)| Read {
        question,
        words: stored.words.get(&hit.id).unwrap_or(&NONE),
    };
    known.iter().zip(texts).map(read).collect()
}

fn candidates<'a>(known: &[Known<'a>]) -> Vec<Candidate<'a>> {
    let candidate = |(hit, passage): &Known<'a>| Candidate {
        answer: &passage.answer,
        cosine: hit.cosine,
        lexical: hit.lexical,
    };
    known.iter().map(candidate).collect()
}
