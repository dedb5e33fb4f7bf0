//! How well would the store have answered? Runs the real matching over answered and asked
//! questions, with an index of its own and no platform.

mod curve;
mod page;

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use api::knowledge::v1::Band;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub(crate) use self::curve::Scored;
pub use self::curve::{AtPrecision, Bin, Curve};

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
const BATCH: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("line {line} of {path} is malformed")]
    Malformed { path: PathBuf, line: usize, source: serde_json::Error },
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

/// The figures of one kind of question, or of all.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub asked: usize,
    /// Of these, the store has an answer.
    pub answerable: usize,
    /// The verdict was `reuse`.
    pub drafted: usize,
    /// Drafted from an id that is right.
    pub correct: usize,
    /// Drafted from an id that is labelled as another question.
    pub forbidden: usize,
    /// `correct / drafted`; none when nothing was drafted.
    pub precision: Option<f64>,
    /// Wilson's lower bound of the precision, 95 %.
    pub precision_lower: Option<f64>,
    /// `correct / answerable`; none when there are none.
    pub coverage: Option<f64>,
    /// Drafted although the store has no answer.
    pub false_drafts: usize,
    /// The verdict was `suggest`.
    pub suggested: usize,
    /// Of the answerable: the best neighbour is right.
    pub top1: Option<f64>,
    /// Of the answerable: one of the five best is right.
    pub top5: Option<f64>,
    /// Of the answerable: mean reciprocal rank of the first right one among ten.
    pub mrr: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub model: String,
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
    Ok(tally.report(matcher.embedder.id(), stored.passages.len()))
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

#[derive(Default, Clone)]
struct Counts {
    figures: Figures,
    top1: usize,
    top5: usize,
    reciprocal_ranks: f64,
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

    fn report(mut self, model: &str, answered: usize) -> Report {
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
            model: model.to_owned(),
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

/// One question's.
fn counts(question: &Asked, found: &Found) -> Counts {
    let mut counts = Counts::default();
    let figures = &mut counts.figures;
    figures.asked = 1;
    let ids: Vec<&String> =
        found.neighbours.iter().take(NEIGHBOURS).map(|neighbour| &neighbour.passage.id).collect();
    let answerable = !question.expect.is_empty();
    if answerable {
        figures.answerable = 1;
        if let Some(at) = ids.iter().position(|id| question.expect.contains(*id)) {
            counts.top1 = usize::from(at == 0);
            counts.top5 = usize::from(at < 5);
            counts.reciprocal_ranks = 1.0 / number(at + 1);
        }
    }
    match (found.verdict.band, ids.first()) {
        (Band::Reuse, Some(id)) => {
            figures.drafted = 1;
            figures.correct = usize::from(question.expect.contains(*id));
            figures.forbidden = usize::from(question.forbid.contains(*id));
            figures.false_drafts = usize::from(!answerable);
        }
        (Band::Suggest, _) => figures.suggested = 1,
        _ => {}
    }
    counts
}

impl Counts {
    fn add(&mut self, other: &Self) {
        let (mine, theirs) = (&mut self.figures, &other.figures);
        mine.asked += theirs.asked;
        mine.answerable += theirs.answerable;
        mine.drafted += theirs.drafted;
        mine.correct += theirs.correct;
        mine.forbidden += theirs.forbidden;
        mine.false_drafts += theirs.false_drafts;
        mine.suggested += theirs.suggested;
        self.top1 += other.top1;
        self.top5 += other.top5;
        self.reciprocal_ranks += other.reciprocal_ranks;
    }

    fn figures(self) -> Figures {
        let Self { mut figures, top1, top5, reciprocal_ranks } = self;
        let share = |part: f64, of: usize| (of > 0).then(|| part / number(of));
        figures.precision = share(number(figures.correct), figures.drafted);
        figures.precision_lower = wilson_lower(figures.correct, figures.drafted);
        figures.coverage = share(number(figures.correct), figures.answerable);
        figures.top1 = share(number(top1), figures.answerable);
        figures.top5 = share(number(top5), figures.answerable);
        figures.mrr = share(reciprocal_ranks, figures.answerable);
        figures
    }
}

/// The lower end of Wilson's 95 % interval of `right` in `all`.
pub(crate) fn wilson_lower(right: usize, all: usize) -> Option<f64> {
    const Z: f64 = 1.96;
    let n = number(all);
    let share = number(right) / n;
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    (all > 0).then(|| ((share + Z * Z / (2.0 * n) - spread) / (1.0 + Z * Z / n)).max(0.0))
}

/// The nearest-rank percentile of sorted times, in milliseconds.
fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "counts of questions, far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

/// A table to read.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} answered, {} asked", self.model, self.answered, self.all.asked)?;
        writeln!(
            f,
            "{:<30}{:>6}{:>8}{:>8}{:>7}{:>10}{:>8}{:>9}{:>7}{:>8}{:>7}{:>7}{:>7}",
            "kind",
            "asked",
            "drafted",
            "correct",
            "forbid",
            "precision",
            "lower95",
            "coverage",
            "false",
            "suggest",
            "top1",
            "top5",
            "mrr",
        )?;
        let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
        let all = std::iter::once(("all", &self.all));
        for (kind, one) in all.chain(self.kinds.iter().map(|(kind, figures)| (kind.as_str(), figures))) {
            writeln!(
                f,
                "{kind:<30}{:>6}{:>8}{:>8}{:>7}{:>10}{:>8}{:>9}{:>7}{:>8}{:>7}{:>7}{:>7}",
                one.asked,
                one.drafted,
                one.correct,
                one.forbidden,
                share(one.precision),
                share(one.precision_lower),
                share(one.coverage),
                one.false_drafts,
                one.suggested,
                share(one.top1),
                share(one.top5),
                share(one.mrr),
            )?;
        }
        for (name, curve) in std::iter::once((&"motcua", &self.curve)).chain(&self.baselines) {
            let at = curve.at_precision.iter().map(|at| format!("{:.3} at {:.2}", at.coverage, at.precision));
            writeln!(f, "coverage by {name}: {}", at.collect::<Vec<_>>().join(", "))?;
        }
        write!(f, "one question: p50 {:.1} ms, p99 {:.1} ms", self.p50_ms, self.p99_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_bound_is_wilsons() {
        assert_eq!(wilson_lower(0, 0), None);
        assert!((wilson_lower(90, 100).unwrap() - 0.8256).abs() < 1e-4);
    }

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
