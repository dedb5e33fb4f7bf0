//! From a text to its neighbours and the verdict. The RPCs and the back-test go this one way.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    calibration::Calibration,
    embed::{self, Embedder},
    index::{self, Hit, Query, VectorIndex},
    lexical,
    passage::Passage,
    reuse::{self, Candidate, Verdict},
    text::Text,
};

/// The features of a candidate depend on its company, so always about as many are judged together.
const CANDIDATES: usize = 32;

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
}

/// What the index found; the passages themselves are the store's.
#[derive(Debug)]
pub struct Nearest {
    asked: Text,
    hits: Vec<Hit>,
}

/// A stored question near the asked one.
#[derive(Debug, Clone)]
pub struct Neighbour {
    pub passage: Passage,
    /// Cosine similarity, -1 to 1.
    pub cosine: f64,
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
        let asked = Text::read(text);
        if asked.normal.is_empty() {
            return Ok(Nearest { asked, hits: Vec::new() });
        }
        let mut dense = self.embedder.embed(vec![asked.normal.clone()]).await?;
        self.nearest_to(asked, dense.pop().unwrap_or_default(), field, limit, at).await
    }

    /// As [`Self::nearest`], of a text that is embedded already.
    pub async fn nearest_to(
        &self,
        asked: Text,
        dense: Vec<f32>,
        field: Option<String>,
        limit: usize,
        at: Option<DateTime<Utc>>,
    ) -> Result<Nearest, Error> {
        let query = Query {
            dense,
            lexical: lexical::asked(&asked.folded),
            field,
            at: at.map(|at| at.timestamp()),
            limit: limit.max(CANDIDATES),
            exact: false,
        };
        let hits = self.index.search(query).await?;
        Ok(Nearest { asked, hits })
    }

    /// Ranks what was found and says whether the best one's answer may be reused. A passage that
    /// the store no longer has is left out.
    pub fn judge(&self, nearest: &Nearest, passages: &HashMap<String, Passage>, limit: usize) -> Found {
        let known: Vec<(&Hit, &Passage, Text)> = nearest
            .hits
            .iter()
            .filter_map(|hit| passages.get(&hit.id).map(|p| (hit, p, Text::read(&p.question))))
            .collect();
        let candidates: Vec<Candidate<'_>> = known
            .iter()
            .map(|(hit, passage, question)| Candidate {
                question,
                answer: &passage.answer,
                cosine: hit.cosine,
                lexical: hit.lexical,
            })
            .collect();
        let (ranked, verdict) = reuse::judge(&nearest.asked, &candidates, &self.calibration);
        let neighbour = |(at, probability): (usize, f64)| Neighbour {
            passage: known[at].1.clone(),
            cosine: f64::from(known[at].0.cosine).clamp(-1.0, 1.0),
            probability,
        };
        Found { verdict, neighbours: ranked.into_iter().take(limit).map(neighbour).collect() }
    }
}

impl Nearest {
    /// The passages to look up before judging.
    pub fn ids(&self) -> Vec<String> {
        self.hits.iter().map(|hit| hit.id.clone()).collect()
    }
}
