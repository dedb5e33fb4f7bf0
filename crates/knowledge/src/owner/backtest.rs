//! How well would questions find their owner? Cross-validated over a labelled file: each part is
//! asked of a model that saw only the others, which also chose its own cut.

mod figures;
mod neighbours;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub use self::figures::{Figures, Recall};
use self::{figures::Asked, neighbours::Likeness};
use super::{Example, Model, Owner, part_of};
use crate::{
    backtest::{Error, Progress, read},
    embed::Embedder,
    text::Text,
    vocabulary::Vocabulary,
};

/// Parts of the file; each is asked once.
const FOLDS: u32 = 10;

/// Texts embedded between two calls of the progress callback.
const BATCH: usize = 32;

/// One line of the labelled file.
#[derive(Debug, Clone, Deserialize)]
struct Line {
    text: String,
    label: String,
    /// Whose it is since the reorganisation of 2025.
    #[serde(default)]
    label_2025: Option<String>,
    #[serde(default)]
    kind: String,
}

/// Which of the labels is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Labels {
    /// As the source says.
    Label,
    /// Since the reorganisation of 2025, where the file knows.
    #[serde(rename = "label_2025")]
    Label2025,
}

#[derive(Debug, Clone)]
pub struct Options {
    pub labels: Labels,
    /// The most of the questions, 0 to 1, that may go to the desk.
    pub desk_max: f64,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub model: String,
    pub labels: Labels,
    pub desk_max: f64,
    /// The cut that the folds chose: the mean.
    pub confidence_min: f64,
    #[serde(flatten)]
    pub own: Method,
    pub baselines: BTreeMap<&'static str, Method>,
}

/// The figures of one way to find the owner.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Method {
    #[serde(flatten)]
    pub all: Figures,
    pub kinds: BTreeMap<String, Figures>,
}

/// Where one question was placed.
#[derive(Debug, Clone, Default)]
struct Placed {
    /// The best owners' numbers, the likeliest first.
    best: Vec<usize>,
    /// It went to the first of them, not to the desk.
    alone: bool,
}

struct Data {
    examples: Vec<Example>,
    kinds: Vec<String>,
    /// Sorted; an owner's number is its place.
    owners: Vec<Owner>,
    truth: Vec<usize>,
    folds: Vec<u32>,
}

/// Reads the file, embeds its texts and asks each of them.
pub async fn run(
    file: &Path,
    embedder: &Embedder,
    options: Options,
    progress: Progress<'_>,
) -> Result<Report, Error> {
    let lines: Vec<Line> = read(file)?;
    if lines.is_empty() {
        return Err(Error::Empty { path: PathBuf::from(file) });
    }
    let data = Arc::new(embedded(lines, embedder, options.labels, progress).await?);
    let (mut cuts, mut own) = (Vec::new(), vec![Placed::default(); data.examples.len()]);
    for fold in 0..FOLDS {
        let (shared, desk_max) = (Arc::clone(&data), options.desk_max);
        let (placed, cut) = tokio::task::spawn_blocking(move || shared.ask(fold, desk_max)).await?;
        for (at, placed) in placed {
            own[at] = placed;
        }
        cuts.extend(cut);
        progress("asking", fold as usize + 1, FOLDS as usize);
    }
    let (shared, desk_max) = (Arc::clone(&data), options.desk_max);
    let neighbours = tokio::task::spawn_blocking(move || shared.ask_neighbours(desk_max)).await?;
    let baselines = [("majority", data.ask_majority()), ("neighbours", neighbours)];
    #[expect(clippy::cast_precision_loss, reason = "a few folds")]
    let confidence_min = cuts.iter().sum::<f64>() / cuts.len().max(1) as f64;
    Ok(Report {
        model: embedder.id().to_owned(),
        labels: options.labels,
        desk_max: options.desk_max,
        confidence_min,
        own: data.method(&own),
        baselines: baselines.map(|(name, placed)| (name, data.method(&placed))).into(),
    })
}

async fn embedded(
    lines: Vec<Line>,
    embedder: &Embedder,
    labels: Labels,
    progress: Progress<'_>,
) -> Result<Data, Error> {
    // Only diacritics are learned from all of the file: no label has a part in it.
    let mut vocabulary = Vocabulary::default();
    for line in &lines {
        vocabulary.learn(&Text::read(&line.text), "");
    }
    let (total, mut examples, mut kinds) = (lines.len(), Vec::new(), Vec::new());
    for batch in lines.chunks(BATCH) {
        let texts: Vec<Text> =
            batch.iter().map(|line| Text::read(&line.text).restored(&vocabulary.restorer)).collect();
        let vectors = embedder.embed(texts.iter().map(|text| text.normal.clone()).collect()).await?;
        for ((line, text), vector) in batch.iter().zip(texts).zip(vectors) {
            let today = line.label_2025.as_ref().filter(|_| labels == Labels::Label2025);
            let owner = Owner { unit: today.unwrap_or(&line.label).clone(), ..Owner::default() };
            examples.push(Example { text, dense: vector.dense, owner, weight: 1.0 });
            kinds.push(line.kind.clone());
        }
        progress("embedding", examples.len(), total);
    }
    Ok(Data::new(examples, kinds))
}

impl Data {
    fn new(examples: Vec<Example>, kinds: Vec<String>) -> Self {
        let mut owners: Vec<Owner> = examples.iter().map(|example| example.owner.clone()).collect();
        owners.sort();
        owners.dedup();
        let number = |example: &Example| owners.binary_search(&example.owner).unwrap_or_default();
        let truth = examples.iter().map(number).collect();
        let folds = examples.iter().map(|example| part_of(&example.text, FOLDS)).collect();
        Self { examples, kinds, owners, truth, folds }
    }

    /// Asks the questions of one fold: where each was placed; and the cut.
    fn ask(&self, fold: u32, desk_max: f64) -> (Vec<(usize, Placed)>, Option<f64>) {
        let (asked, known): (Vec<usize>, Vec<usize>) =
            (0..self.examples.len()).partition(|at| self.folds[*at] == fold);
        let known: Vec<Example> = known.into_iter().map(|at| self.examples[at].clone()).collect();
        let Some(model) = Model::fit(&known) else { return (Vec::new(), None) };
        let cut = model.confidence_min(desk_max);
        let place = |at: usize| {
            let ranked = model.rank(&self.examples[at].text, &self.examples[at].dense);
            let number = |owner: &Owner| self.owners.binary_search(owner).unwrap_or_default();
            let best = ranked.iter().take(3).map(|(owner, _)| number(owner)).collect();
            (at, Placed { best, alone: ranked.first().is_some_and(|(_, confidence)| *confidence >= cut) })
        };
        (asked.into_iter().map(place).collect(), Some(cut))
    }

    /// Everything to the commonest owner of the other folds.
    fn ask_majority(&self) -> Vec<Placed> {
        let commonest = |fold: u32| {
            let mut counts = vec![0_u32; self.owners.len()];
            let known = self.truth.iter().zip(&self.folds).filter(|(_, own)| **own != fold);
            known.for_each(|(truth, _)| counts[*truth] += 1);
            let mut best: Vec<usize> = (0..counts.len()).collect();
            best.sort_by_key(|owner| std::cmp::Reverse(counts[*owner]));
            best.truncate(3);
            Placed { best, alone: true }
        };
        let placed: Vec<Placed> = (0..FOLDS).map(commonest).collect();
        self.folds.iter().map(|fold| placed[*fold as usize].clone()).collect()
    }

    /// The ten nearest of the other folds vote, and their agreement is the confidence.
    fn ask_neighbours(&self, desk_max: f64) -> Vec<Placed> {
        let likeness = Likeness::of(&self.examples);
        let mut placed = vec![Placed::default(); self.examples.len()];
        for fold in 0..FOLDS {
            let known: Vec<usize> = (0..self.folds.len()).filter(|at| self.folds[*at] != fold).collect();
            // What is known votes on itself to find the cut.
            let itself = known.iter().map(|at| likeness.vote(*at, &known, &self.truth).1).collect();
            let cut = super::least_confidence(itself, desk_max);
            for at in (0..self.folds.len()).filter(|at| self.folds[*at] == fold) {
                let (best, confidence) = likeness.vote(at, &known, &self.truth);
                placed[at] = Placed { best, alone: confidence >= cut };
            }
        }
        placed
    }

    fn method(&self, placed: &[Placed]) -> Method {
        let asked: Vec<Asked<'_>> = (self.kinds.iter().zip(&self.truth).zip(placed))
            .map(|((kind, truth), placed)| Asked { kind, truth: *truth, placed })
            .collect();
        let mut kinds: Vec<&String> = self.kinds.iter().collect();
        kinds.sort();
        kinds.dedup();
        let of_kind = |kind: &String| {
            let own: Vec<Asked<'_>> = asked.iter().filter(|asked| asked.kind == kind).copied().collect();
            (kind.clone(), Figures::of(&own, &self.owners))
        };
        Method { all: Figures::of(&asked, &self.owners), kinds: kinds.into_iter().map(of_kind).collect() }
    }
}
