use api::{
    answering::v1::AnswerApproved,
    intake::v1::Question,
    knowledge::v1::{Band, Verdict},
    routing::v1::Binding,
};
use uuid::Uuid;

use super::*;
use crate::answer::{Custody, Draft};

mod world;

const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

fn id(n: u128) -> TicketId {
    TicketId(Uuid::from_u128(n))
}

fn question(round: usize) -> Question {
    Question { text: "hỏi".into(), follow_ups: vec!["chưa rõ".into(); round], ..Question::default() }
}

fn custody(unit: u8) -> Custody {
    let binding = Binding::Unspecified;
    Custody { unit: unit.to_string(), unit_name: String::new(), field: String::new(), due_at: AT, binding }
}

fn draft() -> Draft {
    let verdict = Verdict { band: Band::None.into(), ..Verdict::default() };
    Draft { text: String::new(), verdict, sources: Vec::new() }
}

/// Waits in unit 0 since its routing of version 2.
fn waits(n: u128) -> Relative {
    Relative { answer: Answer::draft(id(n), 2, question(0), custody(0), draft()), membership: None }
}

fn by_itself() -> Joining {
    Joining { likeness: Likeness::default(), by: None, at: AT }
}

fn member_of(n: u128, centre: u128) -> Relative {
    let (answer, membership) = waits(n).join(&waits(centre), by_itself()).unwrap();
    Relative { answer, membership: Some(membership) }
}

fn like(n: u128, identical: bool) -> Like {
    let likeness = Likeness { probability: 0.9, exact: identical, reasons: vec![format!("như {n}")] };
    Like { ticket_id: id(n), version: 2, likeness, identical }
}

fn chosen(likes: &[Like], known: impl IntoIterator<Item = Relative>) -> Choice {
    let relatives = known.into_iter().map(|relative| (relative.answer.ticket_id, relative)).collect();
    choose(id(9), 2, likes, &relatives, &HashSet::new())
}

fn joins(choice: &Choice) -> Option<TicketId> {
    if let Choice::Join { centre_id, .. } = choice { Some(*centre_id) } else { None }
}

#[test]
fn a_question_joins_a_centre_and_never_a_member() {
    assert_eq!(joins(&chosen(&[like(1, false)], [waits(1), waits(9)])), Some(id(1)));
    let known = || [waits(1), member_of(2, 1), waits(9)];
    assert_eq!(chosen(&[like(2, false)], known()), Choice::Stay);
    assert_eq!(joins(&chosen(&[like(2, false), like(1, false)], known())), Some(id(1)));
}

#[test]
fn the_same_words_as_a_members_lead_to_its_centre_with_its_likeness() {
    let mut member = member_of(2, 1);
    member.membership.as_mut().unwrap().likeness = like(1, false).likeness;
    let choice = chosen(&[like(2, true)], [waits(1), member, waits(9)]);
    assert_eq!(
        choice,
        Choice::Join { member_id: id(9), centre_id: id(1), likeness: like(1, false).likeness }
    );
}

#[test]
fn both_must_wait_in_one_unit() {
    let approved = |relative: Relative| {
        let version = relative.answer.version;
        let answer = relative.answer.approve(version, "an", "đáp".into(), &[], AT).unwrap().unwrap();
        Relative { answer, membership: None }
    };
    let mut elsewhere = waits(1);
    elsewhere.answer.custody = custody(1);
    assert_eq!(chosen(&[like(1, true)], [elsewhere.clone(), waits(9)]), Choice::Stay);
    assert_eq!(waits(9).join(&elsewhere, by_itself()), Err(NotJoined::OtherUnit));
    assert_eq!(chosen(&[like(1, true)], [approved(waits(1)), waits(9)]), Choice::Stay);
    assert_eq!(chosen(&[like(1, true)], [waits(1), approved(waits(9))]), Choice::Stay);
    assert_eq!(waits(9).join(&approved(waits(1)), by_itself()), Err(NotJoined::NotWaiting));
    assert_eq!(waits(1).join(&waits(1), by_itself()), Err(NotJoined::Itself));
}

#[test]
fn what_knowledge_has_heard_and_answering_has_not_is_waited_for() {
    assert_eq!(chosen(&[like(1, true)], [waits(1)]), Choice::NotYet);
    assert_eq!(chosen(&[like(1, true)], [waits(9)]), Choice::NotYet);
    let newer = Like { version: 3, ..like(1, true) };
    assert_eq!(chosen(&[newer], [waits(1), waits(9)]), Choice::NotYet);
}

#[test]
fn likeness_is_of_the_routing_and_of_first_rounds() {
    let moved = waits(9).answer.reroute(3, question(0), custody(0), draft()).unwrap();
    let moved = Relative { answer: moved, membership: None };
    assert_eq!(chosen(&[like(1, true)], [waits(1), moved]), Choice::Stay);
    let reopened = waits(1).answer.reroute(9, question(1), custody(0), draft()).unwrap();
    let reopened = Relative { answer: reopened, membership: None };
    assert_eq!(chosen(&[like(1, true)], [reopened, waits(9)]), Choice::Stay);
}

#[test]
fn what_an_officer_took_apart_stays_apart() {
    let relatives: HashMap<_, _> =
        [waits(1), waits(9)].map(|relative| (relative.answer.ticket_id, relative)).into();
    let separated = HashSet::from([(id(9), id(1))]);
    assert_eq!(choose(id(9), 2, &[like(1, true)], &relatives, &separated), Choice::Stay);
}

/// Knowledge may hear of the older question later: only its news names them both.
#[test]
fn of_two_centres_the_younger_joins_whoever_found_the_other() {
    let known = |other: u128| [waits(9), member_of(20, 9), waits(other), member_of(21, other)];
    let join = |member: u128, centre: u128, likeness| Choice::Join {
        member_id: id(member),
        centre_id: id(centre),
        likeness,
    };
    for (other, member, centre) in [(11, 11, 9), (1, 9, 1)] {
        let likeness = like(other, true).likeness;
        assert_eq!(chosen(&[like(other, true)], known(other)), join(member, centre, likeness));
    }
    let relatives = known(11).map(|relative| (relative.answer.ticket_id, relative)).into();
    let separated = HashSet::from([(id(11), id(9))]);
    assert_eq!(choose(id(9), 2, &[like(11, true)], &relatives, &separated), Choice::Stay);
}

#[test]
fn a_repeat_changes_nothing() {
    let again = chosen(&[like(1, true)], [waits(1), member_of(9, 1)]);
    assert_eq!(again, Choice::Stay);
    assert_eq!(member_of(9, 1).join(&waits(1), by_itself()), Err(NotJoined::Already));
    assert_eq!(member_of(9, 2).join(&waits(1), by_itself()), Err(NotJoined::Elsewhere));
}

#[test]
fn joining_leaving_and_being_answered_are_told_with_growing_versions() {
    let member = member_of(9, 1);
    let membership = member.membership.unwrap();
    assert_eq!(membership.joined(&member.answer).version, member.answer.version);
    let before = member.answer.version;
    let (alone, left) = membership.leave(member.answer.clone(), FamilyReason::Officer, AT);
    assert_eq!((alone.version, left.version), (before + 1, before + 1));
    let centre = AnswerApproved { ticket_id: id(1).to_string(), text: "đáp".into(), ..Default::default() };
    let answered = member.answer.answer_with(&centre, "an", AT).unwrap();
    let fact = answered.approved().unwrap();
    assert_eq!((fact.text.as_str(), fact.version), ("đáp", before + 1));
    assert_eq!((fact.ticket_id, fact.centre_ticket_id), (id(9).to_string(), id(1).to_string()));
    assert_eq!(answered.answer_with(&centre, "an", AT), None);
}
