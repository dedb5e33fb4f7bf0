//! Near questions of which it is known which are the same: what a pooling learns to tell apart.

use std::collections::{HashMap, HashSet};

use super::examples::Texts;
use crate::{
    backtest::{Answered, Asked, Error, Progress},
    matching::Matcher,
};

/// A store, and what is asked of it.
#[derive(Default)]
pub struct Near {
    pub answered: Vec<Answered>,
    pub asked: Vec<Asked>,
}

/// A question, others that are the same, and near ones that are not: places among the texts.
#[derive(Debug, PartialEq)]
pub struct Contrast {
    pub question: usize,
    pub same: Vec<usize>,
    pub other: Vec<usize>,
}

impl Near {
    /// Without the questions that are `known` from elsewhere, so that what is held back there is not met here,
    /// and without those that nothing is asked of.
    pub fn without(&self, known: impl Fn(&str) -> bool) -> Self {
        let asked: Vec<Asked> = self.asked.iter().filter(|one| !known(&one.text)).cloned().collect();
        let expected: HashSet<&String> = asked.iter().flat_map(|one| &one.expect).collect();
        let is_used = |one: &&Answered| expected.contains(&one.id) && !known(&one.question);
        let answered = self.answered.iter().filter(is_used).cloned().collect();
        Self { answered, asked }
    }

    /// By the places of the stored questions and of those that are asked.
    fn contrasts(&self, of_answered: &[usize], of_asked: &[usize]) -> Vec<Contrast> {
        let contrast = |question: &usize| Contrast { question: *question, same: vec![], other: vec![] };
        let mut contrasts: Vec<Contrast> = of_answered.iter().map(contrast).collect();
        let of_id: HashMap<&String, usize> =
            self.answered.iter().enumerate().map(|(at, one)| (&one.id, at)).collect();
        for (one, text) in self.asked.iter().zip(of_asked) {
            let known = |id| of_id.get(id).copied();
            one.expect.iter().filter_map(known).for_each(|at| contrasts[at].same.push(*text));
            one.forbid.iter().filter_map(known).for_each(|at| contrasts[at].other.push(*text));
        }
        contrasts
    }
}

/// Embeds the questions and adds them to the texts.
pub async fn read(
    near: &Near,
    matcher: &Matcher,
    texts: &mut Texts,
    progress: Progress<'_>,
) -> Result<Vec<Contrast>, Error> {
    let stored = near.answered.iter().map(|one| one.question.as_str());
    let all = stored.chain(near.asked.iter().map(|one| one.text.as_str()));
    let read =
        texts.read(matcher, all, |done, total| progress("reading near questions", done, total)).await?;
    let places: Vec<usize> = read.into_iter().map(|(place, _)| place).collect();
    let (of_answered, of_asked) = places.split_at(near.answered.len());
    Ok(near.contrasts(of_answered, of_asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near() -> Near {
        let answered = |id: &str| {
            let line = format!(r#"{{"id": "{id}", "question": "stored {id}", "answer": "a"}}"#);
            serde_json::from_str(&line).unwrap()
        };
        let asked = |text: &str, expect: &str, forbid: &str| {
            let list = |id: &str| if id.is_empty() { vec![] } else { vec![id.to_owned()] };
            let (expect, forbid) = (list(expect), list(forbid));
            let line = serde_json::json!({
                "id": text, "kind": "k", "text": text, "expect": expect, "forbid": forbid,
            });
            serde_json::from_value(line).unwrap()
        };
        Near {
            answered: vec![answered("a"), answered("b"), answered("c")],
            asked: vec![asked("a same", "a", ""), asked("a other", "", "a"), asked("b same", "b", "nowhere")],
        }
    }

    #[test]
    fn each_question_has_its_own_wordings_and_neighbours() {
        let near = near().without(|_| false);
        let contrasts = near.contrasts(&[10, 11], &[20, 21, 22]);
        let of_a = Contrast { question: 10, same: vec![20], other: vec![21] };
        assert_eq!(contrasts, [of_a, Contrast { question: 11, same: vec![22], other: vec![] }]);
    }

    #[test]
    fn what_is_known_from_elsewhere_is_left_out() {
        let ids = |near: &Near| near.answered.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&near().without(|text| text == "a same")), ["b"]);
        assert_eq!(ids(&near().without(|text| text == "stored b")), ["a"]);
        assert_eq!(near().without(|text| text == "a other").asked.len(), 2);
    }
}
