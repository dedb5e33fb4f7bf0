use uuid::Uuid;

use super::*;
use crate::{organisation::tests::SMALL, policy::tests::small as rules};

fn small() -> Organisation {
    Organisation::parse(SMALL).unwrap()
}

fn at_desk() -> Assignment {
    let id = TicketId(Uuid::from_u128(1));
    let choice = Choice::desk(&small(), "");
    Assignment::first(id, 1, Question::default(), &choice, &small(), &rules(), DateTime::UNIX_EPOCH)
}

fn moves() -> Moves {
    Moves::usual()
}

fn assign(assignment: Assignment, unit: &str) -> Result<Option<Assignment>, NotAssigned> {
    assignment.assign("", unit, false, &small(), DateTime::UNIX_EPOCH)
}

/// The unit that has it gives it back, in that version.
fn give_back(assignment: Assignment, from: &str, suggested: &str, version: u32) -> Option<Assignment> {
    let given = GivenBack { from, suggested, forwarded: false };
    let at = DateTime::UNIX_EPOCH;
    assignment.after_return(&Question::default(), version, &given, &moves(), &small(), at)
}

#[test]
fn assigning_moves_it_once_and_keeps_the_deadline() {
    let desk = at_desk();
    assert_eq!(desk.version, 2);
    let law = assign(desk.clone(), "law").unwrap().unwrap();
    assert_eq!((law.unit.as_str(), law.version, &law.deadline), ("law", 3, &desk.deadline));
    assert_eq!(assign(law.clone(), "law"), Ok(None));
    let seen_with = |from: &str| law.clone().assign(from, "desk", false, &small(), DateTime::UNIX_EPOCH);
    assert_eq!(seen_with("desk"), Err(NotAssigned::Moved));
    assert_eq!(seen_with("law"), assign(law.clone(), "desk"));
    let answered = law.answer(&Question::default(), 4, DateTime::UNIX_EPOCH).unwrap();
    assert_eq!(assign(answered, "desk"), Err(NotAssigned::Answered));
}

#[test]
fn reopening_counts_once_and_past_rounds_are_over() {
    let start = DateTime::UNIX_EPOCH;
    let answered = at_desk().answer(&Question::default(), 3, start).unwrap();
    let question = Question { follow_ups: vec!["chưa rõ".into()], ..Question::default() };
    let again = answered.reopen(question.clone(), 5, "law", &small(), &rules(), start).unwrap();
    assert_eq!((again.version, again.answered, again.unit.as_str()), (6, false, "law"));
    assert_eq!((again.deadline.version, again.deadline.round, again.deadline.ended_at), (2, 1, None));
    assert_eq!(again.clone().reopen(question, 5, "law", &small(), &rules(), start), None);
    assert_eq!(again.clone().answer(&Question::default(), 99, start), None);
    assert_eq!(give_back(again, "law", "desk", 99), None);
}

#[test]
fn a_return_by_a_unit_that_lost_it_meanwhile_leaves_it_where_it_is() {
    let law = assign(at_desk(), "law").unwrap().unwrap();
    let stays = give_back(law.clone(), "desk", "", 4).unwrap();
    assert_eq!((stays.unit.as_str(), stays.version, stays.moves), ("law", 5, 0));
    let back = give_back(law, "law", "", 4).unwrap();
    assert_eq!((back.unit.as_str(), back.version, back.moves), ("desk", 5, 1));
}

#[test]
fn after_too_many_moves_the_arbiter_decides_and_that_binds() {
    // The desk's handing on is no move, the units' is.
    let mut assignment = at_desk();
    for moved in 0..moves().max {
        let version = assignment.version + 1;
        let unit = assign(assignment, "law").unwrap().unwrap();
        assert_eq!((unit.moves, unit.binding), (moved, Binding::Free));
        assignment = give_back(unit, "law", "", version + 1).unwrap();
    }
    let unit = assign(assignment, "law").unwrap().unwrap();
    let version = unit.version + 1;
    let arbiter = give_back(unit, "law", "desk", version).unwrap();
    assert_eq!((arbiter.unit.as_str(), arbiter.reason), ("desk", RoutingReason::Arbiter));
    assert_eq!((arbiter.binding, arbiter.moves), (Binding::Arbiter, moves().max));
    // It names nobody: it still has it.
    let version = arbiter.version + 1;
    let still = give_back(arbiter.clone(), "desk", "", version).unwrap();
    assert_eq!((still.unit.as_str(), still.binding), ("desk", Binding::Arbiter));
    // By hand-on or by assignment: the unit is bound.
    let assigned = assign(still, "law").unwrap().unwrap();
    let bound = give_back(arbiter, "desk", "law", version).unwrap();
    for bound in [assigned, bound] {
        assert_eq!((bound.unit.as_str(), bound.reason), ("law", RoutingReason::Arbitrated));
        assert_eq!(bound.binding, Binding::Bound);
        assert_eq!(assign(bound.clone(), "desk"), Err(NotAssigned::Bound));
        let version = bound.version + 1;
        assert_eq!(give_back(bound.clone(), "law", "desk", version).unwrap().unit, "law");
        let freed = bound.assign("", "desk", true, &small(), DateTime::UNIX_EPOCH).unwrap().unwrap();
        assert_eq!((freed.unit.as_str(), freed.binding), ("desk", Binding::Free));
    }
}

#[test]
fn a_reopened_question_may_move_again_unless_its_unit_is_bound() {
    let question = Question { follow_ups: vec!["chưa rõ".into()], ..Question::default() };
    let reopen = |binding| {
        let answered = Assignment { binding, moves: 2, unit: "law".into(), answered: true, ..at_desk() };
        answered.reopen(question.clone(), 9, "law", &small(), &rules(), DateTime::UNIX_EPOCH).unwrap()
    };
    let (free, bound) = (reopen(Binding::Arbiter), reopen(Binding::Bound));
    assert_eq!((free.binding, free.moves), (Binding::Free, 0));
    assert_eq!((bound.binding, bound.moves), (Binding::Bound, 0));
}

#[test]
fn amended_it_stays_where_it_is_and_what_was_answered_before_waits_again() {
    let (start, later) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + chrono::Duration::hours(1));
    let law = assign(at_desk(), "law").unwrap().unwrap();
    let amended = Question { revision: 1, ..Question::default() };
    let again = law.clone().amend(amended.clone(), 9, &small(), start).unwrap();
    assert_eq!((again.unit.as_str(), again.version, &again.deadline), ("law", 10, &law.deadline));
    assert_eq!(again.clone().amend(amended.clone(), 9, &small(), start), None, "once");
    assert_eq!(again.clone().answer(&Question::default(), 11, start), None, "of what was asked before");
    let crossed = law.answer(&Question::default(), 4, start).unwrap();
    let open = crossed.amend(amended.clone(), 5, &small(), later).unwrap();
    assert_eq!((open.answered, open.deadline.ended_at), (false, None));
    assert!(open.answer(&amended, 9, later).unwrap().answered);
}

#[test]
fn withdrawn_it_is_over_unless_it_is_answered() {
    let start = DateTime::UNIX_EPOCH;
    let question = Question::default;
    let withdrawn = at_desk().withdraw(question(), 5, start).unwrap();
    assert!(withdrawn.answered && withdrawn.withdrawn && withdrawn.deadline.ended_at == Some(start));
    assert_eq!(withdrawn.clone().withdraw(question(), 5, start), None);
    assert_eq!(assign(withdrawn.clone(), "law"), Err(NotAssigned::Answered));
    let answered = withdrawn.answer(&question(), 6, start).unwrap();
    assert!(answered.answered && !answered.withdrawn);
    assert_eq!(answered.withdraw(question(), 7, start), None);
    let ahead = Question { revision: 1, ..Question::default() };
    let withdrawn = at_desk().withdraw(ahead.clone(), 5, start).unwrap();
    assert_eq!(withdrawn.amend(ahead, 4, &small(), start), None, "heard after the withdrawal");
}
