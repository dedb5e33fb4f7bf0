//! How well would the store have answered? Runs the real matching over answered and asked
//! questions, with an index of its own and no platform.

mod curve;
mod figures;
mod page;
mod table;

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use api::knowledge::v1::Band;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub(crate) use self::curve::Scored;
use self::figures::{Counts, counts};
pub use self::{
    curve::{AtPrecision, Bin, Curve},
    figures::Figures,
};

use crate::{
    calibration::Calibration,
    embed::{self, Embedded, Embedder},
    index::{self, EdgeIndex, Point, Span, VectorIndex},
    lexical,
    matching::{self, Found, Matcher, Neighbour, Stored},
    passage::Passage,
    text::Text,
};

/// Same answer, other condition: neither a duplicate nor a stranger, so it is told apart and left
/// out of the totals.
pub(crate) const APART: &str = "same_answer:other_condition";

/// Neighbours that are looked at for top-5 and the reciprocal rank.
const NEIGHBOURS: usize = 10;

/// Texts embedded between two calls of the progress callback.
pub(crate) const BATCH: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("line {line} of {path} is malformed")]
    Malformed { path: PathBuf, line: usize, source: serde_json::Error },
    #[error("{path} is empty")]
    Empty { path: PathBuf },
    #[error("the work was broken off")]
    Work(#[from] tokio::task::JoinError),
    #[error("no folder for the index")]
    Folder(#[source] std::io::Error),
    #[error("the answered questions could not be embedded")]
    Embed(#[from] embed::Error),
    #[error("the index failed")]
    Index(#[from] index::Error),
    #[error("a question could not be matched")]
    Match(#[from] matching::Error),
}

/// One line of the answered file.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Answered {
    pub id: String,
    pub question: String,
    pub answer: String,
    #[serde(default)]
    pub field: String,
    #[serde(default)]
    pub unit: String,
    #[serde(default)]
    pub source: String,
}

/// One line of the asked file.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Asked {
    pub id: String,
    pub kind: String,
    pub text: String,
    /// Ids that are right; none: no stored answer is.
    pub expect: HashSet<String>,
    /// Ids that people labelled as another question.
    #[serde(default)]
    pub forbid: HashSet<String>,
    /// Of which store it is asked, where a file has several.
    #[serde(default)]
    pub unit: String,
}

/// One line of the errata: what a reader of a wrong draft found.
#[derive(Debug, Clone, Deserialize)]
struct Erratum {
    asked: String,
    answered: String,
    /// `right`: the answer fits although nobody listed it; `wrong`: it does not although somebody did.
    verdict: Judged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Judged {
    Right,
    Wrong,
}

/// What the back-test is run on.
pub struct Setup {
    pub embedder: Arc<Embedder>,
    pub calibration: Arc<Calibration>,
    /// Corrections of the labels, `{asked, answered, verdict, why}` a line.
    pub errata: Option<PathBuf>,
}

/// What is being done, and how far it is: done, of how many.
pub type Progress<'a> = &'a (dyn Fn(&'static str, usize, usize) + Sync);

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub model: String,
    /// SHA-256 of the calibration, in hexadecimal.
    pub calibration: String,
    pub answered: usize,
    /// Without `same_answer:other_condition`.
    pub all: Figures,
    pub kinds: BTreeMap<String, Figures>,
    /// By the field of the best neighbour; a stored question without one: "".
    pub fields: BTreeMap<String, Figures>,
    /// What a threshold on the probability would give, and how true the probabilities are.
    pub curve: Curve,
    /// The same for plain rankings of the same candidates, each with one cut-off and no guard.
    pub baselines: BTreeMap<&'static str, Curve>,
    /// To be read before they are believed: some are right although nobody listed them. The surest first.
    pub wrong_drafts: Vec<WrongDraft>,
    /// Of matching one question, embedding included, one at a time.
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// A draft from an id that is not among the right ones.
#[derive(Debug, Clone, Serialize)]
pub struct WrongDraft {
    /// The asked question's id.
    pub asked: String,
    /// The answered question's id.
    pub answered: String,
    pub kind: String,
    pub probability: f64,
    pub asked_text: String,
    pub answered_text: String,
    pub reasons: Vec<String>,
}

/// Reads both files, indexes the answered questions in a folder that is then thrown away, and asks.
pub async fn run(
    answered: &Path,
    asked: &Path,
    setup: Setup,
    progress: Progress<'_>,
) -> Result<Report, Error> {
    let answered: Vec<Answered> = read(answered)?;
    let mut asked: Vec<Asked> = read(asked)?;
    if let Some(errata) = &setup.errata {
        correct(&mut asked, &read(errata)?);
    }
    let folder = tempfile::tempdir().map_err(Error::Folder)?;
    let index: Arc<dyn VectorIndex> = Arc::new(EdgeIndex::open(folder.path())?);
    index.ensure().await?;
    let Setup { embedder, calibration, .. } = setup;
    let matcher = Matcher { embedder, index, calibration, vocabulary: Arc::default() };
    let stored = store(&matcher, answered, progress).await?;
    let mut tally = Tally::default();
    for (done, question) in asked.iter().enumerate() {
        let started = Instant::now();
        let nearest = matcher.nearest(&question.text, None, NEIGHBOURS, None).await?;
        let found = matcher.judge(&nearest, &stored, usize::MAX);
        tally.add(question, &found, started.elapsed());
        progress("asking", done + 1, asked.len());
    }
    Ok(tally.report(&matcher, stored.passages.len()))
}

fn correct(asked: &mut [Asked], errata: &[Erratum]) {
    for erratum in errata {
        for one in asked.iter_mut().filter(|one| one.id == erratum.asked) {
            if erratum.verdict == Judged::Right {
                one.forbid.remove(&erratum.answered);
                one.expect.insert(erratum.answered.clone());
            } else {
                one.expect.remove(&erratum.answered);
            }
        }
    }
}

pub(crate) async fn store(
    matcher: &Matcher,
    mut answered: Vec<Answered>,
    progress: Progress<'_>,
) -> Result<Stored, Error> {
    for one in &answered {
        matcher.learn(&Text::read(&one.question), &one.answer);
    }
    // Texts of like length together: the model computes as long as the longest of a batch.
    answered.sort_by_key(|answered| answered.question.len());
    let total = answered.len();
    let mut stored = Stored::default();
    for batch in answered.chunks(BATCH) {
        let texts: Vec<Text> = batch.iter().map(|answered| matcher.read(&answered.question)).collect();
        let embedded = matcher.embedder.embed(texts.iter().map(|text| text.normal.clone()).collect()).await?;
        let mut points = Vec::with_capacity(batch.len());
        for ((answered, text), Embedded { dense, words }) in batch.iter().zip(&texts).zip(embedded) {
            let Answered { id, question, answer, field, unit, source } = answered.clone();
            points.push(Point {
                id: id.clone(),
                dense,
                lexical: lexical::stored(&text.folded),
                field: field.clone(),
                unit: unit.clone(),
                valid: Span::ALWAYS,
            });
            stored.words.insert(id.clone(), words);
            stored.passages.insert(id.clone(), Passage { id, question, answer, field, unit, source });
        }
        matcher.index.upsert(points).await?;
        progress("indexing", stored.passages.len(), total);
    }
    Ok(stored)
}

pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Error> {
    let text =
        std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|source| Error::Malformed {
                path: path.to_owned(),
                line: at + 1,
                source,
            })
        })
        .collect()
}

/// Counts as the questions go by.
#[derive(Default)]
struct Tally {
    kinds: BTreeMap<String, Counts>,
    fields: BTreeMap<String, Counts>,
    wrong_drafts: Vec<WrongDraft>,
    /// By how candidates are ranked: the verdict's own first.
    scored: [Vec<Scored>; 4],
    times: Vec<Duration>,
}

impl Tally {
    fn add(&mut self, question: &Asked, found: &Found, took: Duration) {
        self.times.push(took);
        let counts = counts(question, found);
        self.kinds.entry(question.kind.clone()).or_default().add(&counts);
        if question.kind == APART {
            return;
        }
        let best = found.neighbours.first();
        let field = best.map(|best| best.passage.field.clone()).unwrap_or_default();
        self.fields.entry(field).or_default().add(&counts);
        let right = |neighbour: &Neighbour| question.expect.contains(&neighbour.passage.id);
        if let Some(best) = best {
            let probability = found.verdict.probability;
            if !found.verdict.capped {
                self.scored[0].push(Scored { score: probability, right: right(best) });
            }
            if found.verdict.band == Band::Reuse && !right(best) {
                self.wrong_drafts.push(WrongDraft {
                    asked: question.id.clone(),
                    answered: best.passage.id.clone(),
                    kind: question.kind.clone(),
                    probability,
                    asked_text: question.text.clone(),
                    answered_text: best.passage.question.clone(),
                    reasons: found.verdict.reasons.clone(),
                });
            }
        }
        let plain: [fn(&Neighbour) -> f64; 3] = [|n| n.cosine, |n| n.lexical, |n| n.fused];
        for (scored, score) in self.scored[1..].iter_mut().zip(plain) {
            let best = found.neighbours.iter().max_by(|a, b| score(a).total_cmp(&score(b)));
            scored.extend(best.map(|best| Scored { score: score(best), right: right(best) }));
        }
    }

    fn report(mut self, matcher: &Matcher, answered: usize) -> Report {
        let mut all = Counts::default();
        for (_, counts) in self.kinds.iter().filter(|(kind, _)| kind.as_str() != APART) {
            all.add(counts);
        }
        self.times.sort();
        self.wrong_drafts.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let answerable = all.figures.answerable;
        let [own, cosine, lexical, fused] = self.scored;
        let plain = [("cosine", cosine), ("bm25", lexical), ("fused", fused)];
        let figures = |counts: BTreeMap<String, Counts>| {
            counts.into_iter().map(|(name, counts)| (name, counts.figures())).collect()
        };
        Report {
            model: matcher.embedder.id().to_owned(),
            calibration: matcher.calibration.fingerprint.clone(),
            answered,
            all: all.figures(),
            kinds: figures(self.kinds),
            fields: figures(self.fields),
            curve: Curve::new(own, answerable, true),
            baselines: plain.map(|(name, scored)| (name, Curve::new(scored, answerable, false))).into(),
            wrong_drafts: self.wrong_drafts,
            p50_ms: quantile(&self.times, 50),
            p99_ms: quantile(&self.times, 99),
        }
    }
}

/// The nearest-rank percentile of sorted times, in milliseconds.
fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let times: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!((quantile(&times, 50), quantile(&times, 99), quantile(&[], 50)), (50.0, 99.0, 0.0));
    }

    #[test]
    fn a_malformed_line_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{\"id\":\"a\",\"question\":\"b\",\"answer\":\"c\"}\n{\n").unwrap();
        let error = read::<Answered>(file.path()).unwrap_err();
        assert!(matches!(error, Error::Malformed { line: 2, .. }));
    }
}
