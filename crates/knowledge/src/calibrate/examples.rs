//! From files to examples: every question is asked of an index, and each neighbour is described.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    Labelled, LabelledPair,
    contrasts::{self, Contrast},
    desks::Couple,
    fold,
    small_stores::SmallStores,
};
use crate::{
    backtest::{self, Answered, Asked, BATCH, Error, Progress},
    calibration::{Bands, Blend, Calibration, Curve, Fitted},
    edits::{Edit, Editor},
    embed::{Embedded, Embedder},
    index::{EdgeIndex, VectorIndex as _},
    learned::Learned,
    matching::{Matcher, Stored},
    reuse::Described,
    text,
    trees::{Example, Trees},
    words::WordVectors,
};

/// Candidates of a question with a known answer that become examples; of one without, fewer, since
/// all of them say no.
const NEIGHBOURS: usize = 8;
const NEIGHBOURS_OF_STRANGERS: usize = 3;

/// How much each sort of example counts.
pub(super) const RIGHT: f32 = 1.0;
pub(super) const WRONG: f32 = 0.5;
pub(super) const STRANGER: f32 = 0.3;
pub(super) const FORBIDDEN: f32 = 3.0;
const LABELLED: f32 = 1.0;
const EDITED: f32 = 0.2;

/// How much an example counts without its diacritics, beside itself.
const UNDIACRITISED: f32 = 0.5;

/// Edits of one stored question: tried, each of another question and of the same.
const EDITS: usize = 2;

/// Edits in all, at most, so that a large store does not drown what people labelled.
const EDITS_MAX: usize = 6_000;

/// Stored questions of more words than this are not edited.
const EDITED_WORDS_MAX: usize = 35;

/// One described neighbour.
pub struct Row {
    pub example: Example,
    /// Questions that have to do with each other are of one fold: the asked one's, and the stored one's.
    pub fold: u64,
    pub stored_fold: u64,
    pub of: Of,
    /// A slot disagrees: never above `suggest`.
    pub guarded: bool,
    pub forbidden: bool,
    /// Places of the two questions among [`Known::texts`].
    pub asked: usize,
    pub stored: usize,
}

/// Whose neighbour a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// The asked question at this place.
    Asked {
        at: usize,
        sort: Sort,
    },
    /// The same without diacritics, as many people type.
    Undiacritised {
        at: usize,
        sort: Sort,
    },
    Pair {
        domain: String,
    },
    Edit,
    /// An asked question in a small store, by the number of the asking.
    SmallStore {
        at: usize,
        sort: Sort,
    },
}

/// What is known of an asked question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A stored answer is right.
    Answerable,
    /// None is, and one is labelled as another question's.
    Hard,
    /// None is.
    Stranger,
}

impl Sort {
    fn of(one: &Asked) -> Self {
        match (one.expect.is_empty(), one.forbid.is_empty()) {
            (false, _) => Self::Answerable,
            (true, false) => Self::Hard,
            (true, true) => Self::Stranger,
        }
    }
}

/// How much the stored question of this id counts as an example of what was asked.
pub(super) fn weight(one: &Asked, id: &str) -> f32 {
    match (one.expect.contains(id), one.forbid.contains(id)) {
        (true, _) => RIGHT,
        (_, true) => FORBIDDEN,
        _ if Sort::of(one) == Sort::Stranger => STRANGER,
        _ => WRONG,
    }
}

/// All examples.
pub struct Known {
    pub rows: Vec<Row>,
    pub edits: usize,
    /// How often a question was asked of a small store.
    pub in_small_stores: usize,
    /// The words of all questions that rows, contrasts and couples speak of.
    pub texts: Vec<WordVectors>,
    pub contrasts: Vec<Contrast>,
    /// What was asked of desks.
    pub couples: Vec<Couple>,
}

/// What the store has for one question, best first.
pub(super) struct Answers {
    asked: usize,
    described: Vec<Candidate>,
}

struct Candidate {
    id: String,
    stored: usize,
    fold: u64,
    described: Described,
}

/// The word vectors that are kept for fitting.
#[derive(Default)]
pub(super) struct Texts {
    words: Vec<WordVectors>,
    /// Passage id → place.
    of_stored: HashMap<String, usize>,
}

impl Texts {
    fn add(&mut self, words: WordVectors) -> usize {
        self.words.push(words);
        self.words.len() - 1
    }

    /// Embeds texts and adds their words: the place and the sentence's vector of each, in their order.
    pub(super) async fn read(
        &mut self,
        matcher: &Matcher,
        all: impl Iterator<Item = &str>,
        progress: impl Fn(usize, usize),
    ) -> Result<Vec<(usize, Vec<f32>)>, Error> {
        let all: Vec<String> = all.map(|text| matcher.read(text).normal).collect();
        // Texts of like length together: the model computes as long as the longest of a batch.
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|at| all[*at].len());
        let mut read = vec![(0, Vec::new()); all.len()];
        for (done, batch) in order.chunks(BATCH).enumerate() {
            let embedded = matcher.embedder.embed(batch.iter().map(|at| all[*at].clone()).collect()).await?;
            for (at, Embedded { dense, words }) in batch.iter().zip(embedded) {
                read[*at] = (self.add(words), dense);
            }
            progress(done * BATCH + batch.len(), all.len());
        }
        Ok(read)
    }

    /// Asks, and describes what was found.
    pub(super) async fn found(
        &mut self,
        matcher: &Matcher,
        stored: &Stored,
        groups: &mut Groups,
        text: &str,
    ) -> Result<Answers, Error> {
        let nearest = matcher.nearest(text, None, 1, None).await?;
        let described = matcher.describe(&nearest, stored);
        let asked = self.add(nearest.words().clone());
        let candidate = |(id, described): (String, Described)| Candidate {
            stored: self.stored(&id, stored),
            fold: fold(groups.of(&text::normalise(&stored.passages[&id].question))),
            id,
            described,
        };
        let described = described.into_iter().map(candidate).collect();
        Ok(Answers { asked, described })
    }

    fn stored(&mut self, id: &str, stored: &Stored) -> usize {
        if let Some(at) = self.of_stored.get(id) {
            return *at;
        }
        let at = self.add(stored.words.get(id).cloned().unwrap_or_default());
        self.of_stored.insert(id.to_owned(), at);
        at
    }
}

/// Asks everything and describes the neighbours.
pub async fn gather(
    answered: Vec<Answered>,
    labelled: &Labelled,
    embedder: Arc<Embedder>,
    progress: Progress<'_>,
) -> Result<Known, Error> {
    let Labelled { asked, pairs, near, desks } = labelled;
    let edits = edits_of(&answered);
    let of_id: HashMap<String, String> =
        answered.iter().map(|one| (one.id.clone(), text::normalise(&one.question))).collect();
    let (stored_as, added) = place_pairs(&answered, pairs);
    let mut groups = Groups::of_all(asked, pairs, &of_id);
    // At once: what is joined later would leave the folds that were told before.
    groups.join_all(&desks.asked, &desks.of_id());
    let folder = tempfile::tempdir().map_err(Error::Folder)?;
    let index = Arc::new(EdgeIndex::open(folder.path())?);
    index.ensure().await?;
    let calibration = Arc::new(nothing_known());
    let matcher = Matcher { embedder, index, calibration, vocabulary: Arc::default() };
    let mut small = SmallStores::split(&answered);
    let mut stored = backtest::store(&matcher, answered, progress).await?;
    let (mut rows, mut texts) = (Vec::new(), Texts::default());
    let total = asked.len() + pairs.len() + edits.len();
    for (at, one) in asked.iter().enumerate() {
        let found = texts.found(&matcher, &stored, &mut groups, &one.text).await?;
        small.will_ask(one, &found.described.iter().map(|candidate| &candidate.id).collect::<Vec<_>>());
        let group = groups.of(&text::normalise(&one.text));
        rows.extend(of_asked(at, one, found, group));
        let found = texts.found(&matcher, &stored, &mut groups, &text::fold(&one.text)).await?;
        rows.extend(of_asked(at, one, found, group).into_iter().map(undiacritised));
        progress("asking", at + 1, total);
    }
    for (at, (id, edit)) in edits.iter().enumerate() {
        let found = texts.found(&matcher, &stored, &mut groups, &edit.text).await?;
        rows.extend(one_row(found, id, edit.same(), EDITED, groups.of(&of_id[id]), &Of::Edit));
        progress("asking", asked.len() + at + 1, total);
    }
    // Only now: the others are asked of the store as it is.
    let added = backtest::store(&matcher, added, progress).await?;
    stored.passages.extend(added.passages);
    stored.words.extend(added.words);
    for (at, (pair, id)) in pairs.iter().zip(&stored_as).enumerate() {
        let found = texts.found(&matcher, &stored, &mut groups, &pair.a).await?;
        let of = Of::Pair { domain: pair.domain.clone() };
        let group = groups.of(&text::normalise(&pair.a));
        rows.extend(one_row(found, id, pair.label == 1, LABELLED, group, &of));
        progress("asking", asked.len() + edits.len() + at + 1, total);
    }
    let near = near.without(|question| groups.knows(&text::normalise(question)));
    small.add_strangers(&near);
    let gathered = small.ask(&matcher, &mut texts, &mut groups, progress).await?;
    let in_small_stores = gathered.asked;
    rows.extend(gathered.rows);
    let contrasts = contrasts::read(&near, &matcher, &mut texts, progress).await?;
    let couples = desks.couples(&matcher, &mut texts, &mut groups, progress).await?;
    Ok(Known { rows, edits: edits.len(), in_small_stores, texts: texts.words, contrasts, couples })
}

/// Under which id each pair's second question is stored, and those that the store does not have yet.
fn place_pairs(answered: &[Answered], pairs: &[LabelledPair]) -> (Vec<String>, Vec<Answered>) {
    let mut places: HashMap<String, String> =
        answered.iter().map(|one| (text::normalise(&one.question), one.id.clone())).collect();
    let (mut stored_as, mut added) = (Vec::with_capacity(pairs.len()), Vec::new());
    for (at, pair) in pairs.iter().enumerate() {
        let id = places.entry(text::normalise(&pair.b)).or_insert_with(|| {
            let id = format!("pair:{at}");
            let (question, answer, none) = (pair.b.clone(), id.clone(), String::new);
            let (field, unit, source) = (none(), none(), none());
            added.push(Answered { id: id.clone(), question, answer, field, unit, source });
            id
        });
        stored_as.push(id.clone());
    }
    (stored_as, added)
}

/// For a matcher that only describes.
fn nothing_known() -> Calibration {
    let fitted = Fitted {
        data: String::new(),
        asked: 0,
        pairs: 0,
        edits: 0,
        in_small_stores: 0,
        near: 0,
        at_desks: 0,
        target: 1.0,
        drafts: 0,
        precision: 0.0,
        precision_lower: 0.0,
        coverage: 0.0,
    };
    Calibration {
        fingerprint: String::new(),
        model: String::new(),
        fitted,
        bands: Bands { reuse: 1.0, suggest: 1.0 },
        curve: Curve { slope: 1.0, intercept: 0.0 },
        inputs: Vec::new(),
        blend: Blend { trees: 1.0, comparer: 0.0 },
        learned: Learned::blind(),
        trees: Trees::fit(&[], &[], &super::GROWTH),
    }
}

/// Stored id and edit, some of each question.
fn edits_of(answered: &[Answered]) -> Vec<(String, Edit)> {
    let normal: Vec<(&String, String)> =
        answered.iter().map(|one| (&one.id, text::normalise(&one.question))).collect();
    let editor = Editor::new(normal.iter().map(|(_, question)| question.as_str()));
    let mut rng = StdRng::seed_from_u64(7);
    let mut edits = Vec::new();
    for (id, question) in
        normal.iter().filter(|(_, question)| question.split(' ').count() <= EDITED_WORDS_MAX)
    {
        for _ in 0..EDITS {
            let other = editor.another(question, &mut rng);
            let same = editor.edit(question, crate::edits::Kind::Paraphrase, &mut rng);
            edits.extend(other.into_iter().chain(same).map(|edit| ((*id).clone(), edit)));
        }
    }
    // Evenly over the store, whatever its size.
    let every = edits.len().div_ceil(EDITS_MAX).max(1);
    edits.into_iter().step_by(every).collect()
}

pub(super) fn of_asked(at: usize, one: &Asked, found: Answers, group: usize) -> Vec<Row> {
    let sort = Sort::of(one);
    let near = if sort == Sort::Stranger { NEIGHBOURS_OF_STRANGERS } else { NEIGHBOURS };
    let asked = found.asked;
    let rows = found.described.into_iter().enumerate().filter_map(|(place, candidate)| {
        let (yes, forbidden) = (one.expect.contains(&candidate.id), one.forbid.contains(&candidate.id));
        if place >= near && !yes && !forbidden {
            return None;
        }
        let row = row(asked, &candidate, yes, weight(one, &candidate.id), group, Of::Asked { at, sort });
        Some(Row { forbidden, ..row })
    });
    rows.collect()
}

fn undiacritised(mut row: Row) -> Row {
    row.example.weight *= UNDIACRITISED;
    if let Of::Asked { at, sort } = row.of {
        row.of = Of::Undiacritised { at, sort };
    }
    row
}

fn one_row(found: Answers, id: &str, yes: bool, weight: f32, group: usize, of: &Of) -> Option<Row> {
    let asked = found.asked;
    let candidate = found.described.into_iter().find(|candidate| candidate.id == id)?;
    Some(row(asked, &candidate, yes, weight, group, of.clone()))
}

fn row(asked: usize, candidate: &Candidate, yes: bool, weight: f32, group: usize, of: Of) -> Row {
    let Candidate { stored, fold: stored_fold, described, .. } = candidate;
    let example = Example { inputs: described.inputs.to_vec(), yes, weight };
    let guarded = !described.compared.disagreements.is_empty();
    Row {
        example,
        fold: fold(group),
        of,
        guarded,
        forbidden: false,
        asked,
        stored: *stored,
        stored_fold: *stored_fold,
    }
}

/// Questions joined into groups (union-find).
#[derive(Default)]
pub(super) struct Groups {
    places: HashMap<String, usize>,
    above: Vec<usize>,
}

impl Groups {
    fn of_all(asked: &[Asked], pairs: &[LabelledPair], of_id: &HashMap<String, String>) -> Self {
        let mut groups = Self::default();
        groups.join_all(asked, of_id);
        for pair in pairs {
            groups.join(&text::normalise(&pair.a), &text::normalise(&pair.b));
        }
        groups
    }

    pub fn join_all(&mut self, asked: &[Asked], of_id: &HashMap<String, String>) {
        for one in asked {
            let key = text::normalise(&one.text);
            let others = one.expect.iter().chain(&one.forbid).filter_map(|id| of_id.get(id));
            others.for_each(|other| self.join(&key, other));
        }
    }

    fn knows(&self, question: &str) -> bool {
        self.places.contains_key(question)
    }

    pub fn of(&mut self, question: &str) -> usize {
        if let Some(at) = self.places.get(question) {
            return self.top(*at);
        }
        let at = self.above.len();
        self.places.insert(question.to_owned(), at);
        self.above.push(at);
        at
    }

    fn top(&mut self, mut at: usize) -> usize {
        let mut seen = HashSet::new();
        while self.above[at] != at && seen.insert(at) {
            self.above[at] = self.above[self.above[at]];
            at = self.above[at];
        }
        at
    }

    fn join(&mut self, one: &str, other: &str) {
        let (one, other) = (self.of(one), self.of(other));
        self.above[one] = other;
    }
}
