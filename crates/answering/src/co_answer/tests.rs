use api::{intake::v1::Question, knowledge::v1::Verdict, routing::v1::Binding};
use chrono::Duration;
use proptest::prelude::*;

use super::*;
use crate::answer::{Custody, Draft, HandOver};

const MAX: u32 = 2;

fn at(hour: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::hours(hour)
}

fn custody(unit: &str) -> Custody {
    Custody {
        unit: unit.into(),
        unit_name: String::new(),
        field: String::new(),
        due_at: at(100),
        binding: Binding::Unspecified,
    }
}

fn draft() -> Draft {
    Draft { text: String::new(), verdict: Verdict::default(), sources: Vec::new() }
}

fn answer() -> Answer {
    Answer::draft(TicketId(Uuid::from_u128(1)), 2, Question::default(), custody("holder"), draft())
}

fn asking(n: u128, unit: &str, seen: u32) -> Asking {
    Asking {
        id: Uuid::from_u128(n),
        unit: unit.into(),
        request: "Phần của đơn vị?".into(),
        due_at: None,
        seen,
        by: "an".into(),
        at: at(1),
    }
}

fn ask(before: &[CoAnswer], asking: Asking) -> Result<CoAnswer, NotAsked> {
    CoAnswer::ask(&answer(), before, asking, MAX).map(|asked| match asked {
        Asked::Now(asked) | Asked::Before(asked) => asked,
    })
}

#[test]
fn a_unit_is_asked_once_within_the_questions_own_deadline() {
    let asked = ask(&[], asking(1, "b", 3)).unwrap();
    assert_eq!((asked.due_at, asked.holder.as_str()), (at(100), "holder"));
    assert_eq!(ask(std::slice::from_ref(&asked), asking(2, "b", 3)).unwrap(), asked);
    let other = Asking { request: "Khác".into(), ..asking(2, "b", 3) };
    assert_eq!(ask(std::slice::from_ref(&asked), other), Err(NotAsked::Already));
    assert_eq!(ask(&[], asking(1, "holder", 3)), Err(NotAsked::Itself));
    assert_eq!(ask(&[], asking(1, "b", 2)), Err(NotAsked::Refused(Refused::Stale(3))));
    for due_at in [at(1), at(101)] {
        let out = Asking { due_at: Some(due_at), ..asking(1, "b", 3) };
        assert_eq!(ask(&[], out), Err(NotAsked::DueOutOfRange));
    }
    let within = Asking { due_at: Some(at(2)), ..asking(1, "b", 3) };
    assert_eq!(ask(&[], within).unwrap().due_at, at(2));
    let second = ask(std::slice::from_ref(&asked), asking(2, "c", 3)).unwrap();
    assert_eq!(ask(&[asked.clone(), second], asking(3, "d", 3)), Err(NotAsked::TooMany(MAX)));
}

#[test]
fn it_ends_once() {
    let asked = ask(&[], asking(1, "b", 3)).unwrap();
    let given = asked.end(How::Given, "binh", "Phần tôi".into(), at(2)).unwrap().unwrap();
    assert_eq!(given.wire_state(), CoAnswerState::Given);
    assert_eq!(given.clone().end(How::Given, "binh", "Phần tôi".into(), at(3)), Ok(None));
    assert_eq!(given.clone().end(How::Given, "binh", "Khác".into(), at(3)), Err(NotEnded));
    assert_eq!(given.end(How::Withdrawn, "an", "Thôi".into(), at(3)), Err(NotEnded));
}

#[derive(Debug, Clone)]
enum Step {
    Ask(u8),
    End(usize, How),
    HandOn,
    /// Routing answers a hand-on, or says an old thing again.
    Route(u8, bool),
    Approve,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let how = prop::sample::select(vec![How::Given, How::Declined, How::Withdrawn]);
    prop_oneof![
        4 => (0u8..5).prop_map(Step::Ask),
        3 => (any::<usize>(), how).prop_map(|(n, how)| Step::End(n, how)),
        2 => Just(Step::HandOn),
        3 => (0u8..5, any::<bool>()).prop_map(|(unit, old)| Step::Route(unit, old)),
        1 => Just(Step::Approve),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is asked, given, moved, approved and reopened, in any order and again: the holder alone
    /// has the question, at most so many take part in a round, and what has ended stays as it ended.
    #[test]
    fn the_holder_stays_the_holder_and_the_limit_holds(steps in prop::collection::vec(step(), 1..40)) {
        let mut answer = answer();
        let mut parts: Vec<CoAnswer> = Vec::new();
        for (n, step) in steps.into_iter().enumerate() {
            let (before, ended) = (answer.clone(), parts.clone());
            match step {
                Step::Ask(unit) => {
                    let asking = asking(n as u128, &format!("u{unit}"), answer.version);
                    if let Ok(Asked::Now(asked)) = CoAnswer::ask(&answer, &parts, asking, MAX) {
                        parts.push(asked);
                    }
                    prop_assert_eq!(&answer, &before);
                }
                Step::End(which, how) if !parts.is_empty() => {
                    let which = which % parts.len();
                    if let Ok(Some(part)) = parts[which].clone().end(how, "binh", "lời".into(), at(2)) {
                        parts[which] = part;
                    }
                    prop_assert_eq!(&answer.custody, &before.custody);
                }
                Step::HandOn => {
                    let (reason, no_owner_reason) = ("nhầm".to_owned(), String::new());
                    let said = HandOver { reason, unit: "z".into(), no_owner_reason, forwarded: true };
                    let given = answer.clone().hand_over(answer.version, "an", said, at(2));
                    answer = given.ok().flatten().unwrap_or(answer);
                    // Until routing has decided it is nobody else's.
                    prop_assert_eq!(&answer.custody, &before.custody);
                }
                Step::Route(unit, old) => {
                    let version = if old { answer.routed_version } else { answer.version + 1 };
                    let custody = custody(&format!("u{unit}"));
                    let moved = answer.clone().reroute(version, answer.question.clone(), custody, draft());
                    prop_assert!(!old || moved.is_none());
                    answer = moved.unwrap_or(answer);
                }
                Step::Approve => {
                    let approved = answer.clone().approve(answer.version, "an", "đáp".into(), &[], at(3));
                    answer = approved.ok().flatten().unwrap_or(answer);
                }
                Step::Reopen => {
                    let mut question = answer.question.clone();
                    question.follow_ups.push("chưa rõ".into());
                    let reopened = matches!(answer.state, answer::State::Approved { .. }).then(|| {
                        answer.clone().reroute(answer.version + 1, question, answer.custody.clone(), draft())
                    });
                    answer = reopened.flatten().unwrap_or(answer);
                }
                Step::End(..) => {}
            }
            for part in &mut parts {
                if let Some(lapsed) = part.clone().lapse(&answer, at(4)) {
                    *part = lapsed;
                }
            }
            let round = u32::try_from(answer.question.follow_ups.len()).unwrap();
            let taking = parts.iter().filter(|part| part.round == round && part.takes_part());
            prop_assert!(taking.count() <= MAX as usize);
            let open = |part: &&CoAnswer| part.state == State::Asked;
            prop_assert!(parts.iter().filter(open).all(|part| part.unit != answer.custody.unit));
            let approved = matches!(answer.state, answer::State::Approved { .. });
            prop_assert!(!approved || !parts.iter().any(|part| open(&part)));
            for (was, is) in ended.iter().zip(&parts).filter(|(was, _)| was.state != State::Asked) {
                prop_assert_eq!(was, is);
            }
        }
    }
}
