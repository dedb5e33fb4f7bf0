//! Counts and shares of where questions were placed; and as a table.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{Method, Owner, Placed, Report};

/// One question's placing beside the truth.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub kind: &'a String,
    pub truth: usize,
    pub placed: &'a Placed,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub asked: usize,
    /// Not sent to the desk.
    pub routed: usize,
    /// Of those routed, the share that is right; none: nothing was routed.
    pub top1: Option<f64>,
    /// Of all asked, the share whose first suggestion is right: as if none went to the desk.
    pub top1_without_desk: Option<f64>,
    /// Of all asked, the share whose owner is among the first three.
    pub top3: Option<f64>,
    /// The share sent to the desk.
    pub desk: Option<f64>,
    /// By label.
    pub recall: BTreeMap<String, Recall>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recall {
    /// Questions that are this owner's.
    pub asked: usize,
    /// The share of them whose first suggestion is it.
    pub first: f64,
    /// The share of them that came to it without the desk.
    pub routed: f64,
}

impl Figures {
    pub(super) fn of(asked: &[Asked<'_>], owners: &[Owner]) -> Self {
        let count = |want: &dyn Fn(&Asked<'_>) -> bool| asked.iter().filter(|one| want(one)).count();
        let routed = count(&|one| one.placed.alone);
        let label = |(number, owner): (usize, &Owner)| {
            let own = count(&|one| one.truth == number);
            let first = share(count(&|one| one.truth == number && first(one)), own)?;
            let routed = share(count(&|one| one.truth == number && right(one)), own)?;
            Some((owner.unit.clone(), Recall { asked: own, first, routed }))
        };
        Self {
            asked: asked.len(),
            routed,
            top1: share(count(&right), routed),
            top1_without_desk: share(count(&first), asked.len()),
            top3: share(count(&|one| one.placed.best.contains(&one.truth)), asked.len()),
            desk: share(asked.len() - routed, asked.len()),
            recall: owners.iter().enumerate().filter_map(label).collect(),
        }
    }
}

fn first(one: &Asked<'_>) -> bool {
    one.placed.best.first() == Some(&one.truth)
}

fn right(one: &Asked<'_>) -> bool {
    one.placed.alone && first(one)
}

fn share(part: usize, of: usize) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of questions, far below 2^52")]
    let share = part as f64 / of as f64;
    (of > 0).then_some(share)
}

/// A table to read.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, desk_max, confidence_min, .. } = self;
        writeln!(
            f,
            "{model}: at most {desk_max:.2} to the desk, so routed from confidence {confidence_min:.3}"
        )?;
        let [asked, top1, plain, top3, desk] = ["asked", "top1", "no desk", "top3", "desk"];
        writeln!(f, "{:<44}{asked:>7}{top1:>9}{plain:>9}{top3:>9}{desk:>9}", "")?;
        let baselines = self.baselines.iter().map(|(name, method)| (*name, method));
        for (name, method) in std::iter::once(("motcua", &self.own)).chain(baselines) {
            write_method(f, name, method)?;
        }
        write!(f, "recall (first suggestion, routed)")?;
        for (label, Recall { asked, first, routed }) in &self.own.all.recall {
            write!(f, "\n{label:<44}{asked:>7}{first:>9.3}{routed:>9.3}")?;
        }
        Ok(())
    }
}

fn write_method(f: &mut fmt::Formatter<'_>, name: &str, method: &Method) -> fmt::Result {
    let kinds = method.kinds.iter().map(|(kind, figures)| (format!("{name}, {kind}"), figures));
    for (name, one) in std::iter::once((name.to_owned(), &method.all)).chain(kinds) {
        let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
        let [top1, plain] = [share(one.top1), share(one.top1_without_desk)];
        let [top3, desk] = [share(one.top3), share(one.desk)];
        writeln!(f, "{name:<44}{:>7}{top1:>9}{plain:>9}{top3:>9}{desk:>9}", one.asked)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_what_they_say() {
        let owner = |unit: &str| Owner { unit: unit.into(), ..Owner::default() };
        let placed = |best: &[usize], alone| Placed { best: best.to_vec(), alone };
        let all = [
            (0, placed(&[0, 1, 2], true)),
            (0, placed(&[1, 0, 2], true)),
            (0, placed(&[0, 1, 2], false)),
            (1, placed(&[2, 3, 0], false)),
        ];
        let kind = String::new();
        let asked: Vec<Asked<'_>> =
            all.iter().map(|(truth, placed)| Asked { kind: &kind, truth: *truth, placed }).collect();
        let figures = Figures::of(&asked, &[owner("a"), owner("b"), owner("c")]);
        assert_eq!((figures.asked, figures.routed), (4, 2));
        assert_eq!((figures.top1, figures.desk), (Some(0.5), Some(0.5)));
        assert_eq!((figures.top1_without_desk, figures.top3), (Some(0.5), Some(0.75)));
        let recall = &figures.recall["a"];
        assert!((recall.first - 2.0 / 3.0).abs() < 1e-9 && (recall.routed - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(figures.recall.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(Figures::of(&[], &[]).top1, None);
    }
}
