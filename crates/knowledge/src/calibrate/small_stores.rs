//! Small stores, as a site's is when it begins: whatever is found there stands far above the others, which in
//! a full store is a good sign and in a small one is none. So the stored questions are also spread over small
//! stores, and what is asked is asked again where its nearest ones have come to lie.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use super::{
    contrasts::Near,
    examples::{Groups, Of, Row, Texts, of_asked},
};
use crate::{
    backtest::{self, Answered, Asked, Error, Progress},
    index::{EdgeIndex, VectorIndex as _},
    matching::Matcher,
    text,
};

/// Questions that a store has, one store after the other.
const SIZES: [usize; 3] = [6, 25, 100];

/// Neighbours that become examples, and how much each counts beside one of the whole store.
const NEIGHBOURS: usize = 2;
const WEIGHT: f32 = 0.3;

const SEED: u64 = 3;

/// The small stores, and what will be asked of each.
pub(super) struct SmallStores {
    stores: Vec<Store>,
    /// Id of a stored question → its store.
    places: HashMap<String, usize>,
}

struct Store {
    answered: Vec<Answered>,
    asked: Vec<Asked>,
}

/// What the small stores gave.
pub(super) struct Gathered {
    pub rows: Vec<Row>,
    pub asked: usize,
}

impl SmallStores {
    /// Spreads the questions, by lot.
    pub fn split(answered: &[Answered]) -> Self {
        let mut answered = answered.to_vec();
        answered.shuffle(&mut StdRng::seed_from_u64(SEED));
        let mut spread = Self { stores: Vec::new(), places: HashMap::new() };
        spread.add(answered);
        spread
    }

    fn add(&mut self, mut answered: Vec<Answered>) {
        for size in SIZES.iter().cycle() {
            let answered = answered.split_off(answered.len().saturating_sub(*size));
            if answered.is_empty() {
                break;
            }
            let at = self.stores.len();
            self.places.extend(answered.iter().map(|one| (one.id.clone(), at)));
            self.stores.push(Store { answered, asked: Vec::new() });
        }
    }

    /// Will ask `one` where the best right neighbour lies, the best forbidden one, and the best of the others.
    /// `found` are the neighbours' ids, best first.
    pub fn will_ask(&mut self, one: &Asked, found: &[&String]) {
        let is_right = |id: &String| one.expect.contains(id);
        let is_forbidden = |id: &String| one.forbid.contains(id);
        let sorts: [&dyn Fn(&String) -> bool; 3] =
            [&is_right, &is_forbidden, &|id| !is_right(id) && !is_forbidden(id)];
        let best = sorts.iter().filter_map(|is_such| found.iter().find(|id| is_such(id)));
        let places = best.filter_map(|id| self.places.get(*id).copied());
        for place in places.collect::<BTreeSet<usize>>() {
            self.stores[place].asked.push(one.clone());
        }
    }

    /// Half of the near questions become small stores too, and the other half strangers that are asked there: they
    /// are short, of all sorts, and no two were written as the same.
    pub fn add_strangers(&mut self, near: &Near) {
        let mut strangers = near.answered.clone();
        strangers.shuffle(&mut StdRng::seed_from_u64(SEED));
        let stored = strangers.split_off(strangers.len() / 2);
        let first = self.stores.len();
        self.add(stored);
        for (store, one) in (first..self.stores.len()).cycle().zip(strangers) {
            let Answered { id, question: text, .. } = one;
            let (kind, expect, forbid) = (String::new(), HashSet::new(), HashSet::new());
            self.stores[store].asked.push(Asked { id, kind, text, expect, forbid, unit: String::new() });
        }
    }

    /// Asks, one store after the other.
    pub async fn ask(
        self,
        whole: &Matcher,
        texts: &mut Texts,
        groups: &mut Groups,
        progress: Progress<'_>,
    ) -> Result<Gathered, Error> {
        let total = self.stores.iter().map(|store| store.asked.len()).sum();
        let mut gathered = Gathered { rows: Vec::new(), asked: 0 };
        for store in self.stores.into_iter().filter(|store| !store.asked.is_empty()) {
            let folder = tempfile::tempdir().map_err(Error::Folder)?;
            let index = Arc::new(EdgeIndex::open(folder.path())?);
            index.ensure().await?;
            let matcher = Matcher { index, vocabulary: Arc::default(), ..whole.clone() };
            let stored = backtest::store(&matcher, store.answered, &|_, _, _| ()).await?;
            for one in store.asked {
                let here = in_store(one, |id| stored.passages.contains_key(id));
                let found = texts.found(&matcher, &stored, groups, &here.text).await?;
                let rows = of_asked(gathered.asked, &here, found, groups.of(&text::normalise(&here.text)));
                gathered.rows.extend(rows.into_iter().take(NEIGHBOURS).map(of_small_store));
                gathered.asked += 1;
                progress("asking small stores", gathered.asked, total);
            }
        }
        Ok(gathered)
    }
}

/// The question with what is known of it in one store.
fn in_store(mut one: Asked, has: impl Fn(&String) -> bool) -> Asked {
    one.expect.retain(&has);
    one.forbid.retain(&has);
    one
}

fn of_small_store(mut row: Row) -> Row {
    row.example.weight *= WEIGHT;
    if let Of::Asked { at, sort } = row.of {
        row.of = Of::SmallStore { at, sort };
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(count: usize) -> Vec<Answered> {
        let line = |at| format!(r#"{{"id": "{at}", "question": "question {at}", "answer": "a"}}"#);
        (0..count).map(|at| serde_json::from_str(&line(at)).unwrap()).collect()
    }

    fn asked(expect: &str, forbid: &str) -> Asked {
        let line =
            serde_json::json!({"id": "q", "kind": "k", "text": "t", "expect": [expect], "forbid": [forbid]});
        serde_json::from_value(line).unwrap()
    }

    #[test]
    fn every_question_is_in_one_small_store() {
        let small = SmallStores::split(&answered(140));
        let sizes: Vec<usize> = small.stores.iter().map(|store| store.answered.len()).collect();
        assert_eq!(sizes, [6, 25, 100, 6, 3]);
        assert_eq!(small.places.len(), 140);
        for (at, store) in small.stores.iter().enumerate() {
            assert!(store.answered.iter().all(|one| small.places[&one.id] == at));
        }
    }

    #[test]
    fn it_is_asked_once_in_each_store_that_has_a_best_one() {
        let mut small = SmallStores::split(&answered(140));
        let of_store =
            |at: usize| small.stores[at].answered.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
        let (first, second, third) = (of_store(0), of_store(1), of_store(2));
        let found = [&third[0], &first[0], &first[1], &second[0]];
        small.will_ask(&asked(&first[0], &first[1]), &found);
        let times: Vec<usize> = small.stores.iter().map(|store| store.asked.len()).collect();
        assert_eq!(times, [1, 0, 1, 0, 0], "the second is no best one of any sort");
        let here = in_store(small.stores[0].asked.remove(0), |id| third.contains(id));
        assert!(here.expect.is_empty() && here.forbid.is_empty(), "nothing is right where it is not stored");
    }

    #[test]
    fn half_of_the_near_questions_are_asked_and_never_where_they_lie() {
        let mut small = SmallStores::split(&[]);
        small.add_strangers(&Near { answered: answered(60), asked: Vec::new() });
        let asked: Vec<&Asked> = small.stores.iter().flat_map(|store| &store.asked).collect();
        assert_eq!((asked.len(), small.places.len()), (30, 30));
        assert!(asked.iter().all(|one| one.expect.is_empty() && !small.places.contains_key(&one.id)));
        small.add_strangers(&Near::default());
    }
}
