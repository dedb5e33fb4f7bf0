use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const REOPENING: Reopening = Reopening { score_max: 2, times_max: 2 };

fn ticket() -> Ticket {
    let id = TicketId(Uuid::from_u128(1));
    Ticket::receive(id, Kind::Question, "hỏi".into(), String::new(), DateTime::UNIX_EPOCH)
}

fn answer(text: &str) -> Answer {
    Answer { text: text.into(), citations: Vec::new(), answered_at: DateTime::UNIX_EPOCH, automatic: false }
}

fn custody(unit: &str) -> Custody {
    Custody { unit: unit.into(), ..Custody::default() }
}

fn answered() -> Ticket {
    let asked = ticket();
    let question = asked.question();
    asked.answer(&question, 4, custody("a"), answer("đáp")).unwrap()
}

fn rating(score: u32, comment: &str) -> Rating {
    Rating { score, comment: comment.into() }
}

#[test]
fn a_low_rating_with_words_reopens() {
    let Ok(Rated::Reopened(again)) = answered().rate(0, rating(2, "chưa rõ"), &REOPENING) else { panic!() };
    assert_eq!(again.follow_ups, ["chưa rõ"]);
    assert_eq!(again.version, 6);
    assert_eq!(again.clone().rate(0, rating(2, "chưa rõ"), &REOPENING), Ok(Rated::Already(again.clone())));
    assert_eq!(again.rate(0, rating(1, "khác"), &REOPENING), Err(NotRated::NotAnswered));
}

#[test]
fn an_automatic_answer_is_rejected_once_and_a_persons_never() {
    let more = || "chưa đúng".to_owned();
    assert_eq!(answered().reject(1, more()), Err(NotRejected::Personal));
    assert_eq!(ticket().reject(0, more()), Err(NotRejected::Unanswered));
    let asked = ticket();
    let question = asked.question();
    let sent = Answer { automatic: true, ..answer("đáp") };
    let sent = asked.answer(&question, 4, custody("a"), sent).unwrap();
    assert_eq!(sent.clone().reject(2, more()), Err(NotRejected::Older));
    let again = sent.reject(1, more()).unwrap().unwrap();
    assert_eq!((again.follow_ups.len(), &again.state), (1, &State::Received { reopened_by: None }));
    assert_eq!(again.clone().reject(1, more()), Ok(None));
    assert_eq!(again.clone().reject(u32::MAX, more()), Err(NotRejected::Unanswered));
    assert_eq!(again.reject(1, "khác".into()), Err(NotRejected::Unanswered));
}

#[test]
fn reopening_has_an_end() {
    let mut ticket = ticket();
    for n in 0..3 {
        let question = ticket.question();
        ticket = ticket.answer(&question, 4, custody("a"), answer("đáp")).unwrap();
        ticket = match ticket.rate(0, rating(1, "chưa rõ"), &REOPENING).unwrap() {
            Rated::Reopened(ticket) if n < 2 => ticket,
            Rated::Closed(ticket) if n == 2 => ticket,
            other => panic!("{n}: {other:?}"),
        };
    }
}

#[test]
fn a_late_repeat_never_rates_the_next_answer() {
    let low = || rating(1, "chưa rõ");
    let Ok(Rated::Reopened(again)) = answered().rate(1, low(), &REOPENING) else { panic!() };
    assert_eq!(again.clone().rate(1, low(), &REOPENING), Ok(Rated::Already(again.clone())));
    let question = again.question();
    let next = again.answer(&question, 9, custody("a"), answer("mới")).unwrap();
    assert_eq!(next.clone().rate(1, low(), &REOPENING), Err(NotRated::NotNewest));
    assert!(matches!(next.rate(2, rating(5, ""), &REOPENING), Ok(Rated::Closed(_))));
}

#[test]
fn a_rating_counts_once() {
    for (score, comment) in [(5, ""), (3, "tạm"), (1, "")] {
        let Ok(Rated::Closed(closed)) = answered().rate(0, rating(score, comment), &REOPENING) else {
            panic!()
        };
        assert_eq!(
            closed.clone().rate(0, rating(score, comment), &REOPENING),
            Ok(Rated::Already(closed.clone()))
        );
        assert_eq!(closed.rate(0, rating(4, "khác"), &REOPENING), Err(NotRated::RatedBefore));
    }
    assert_eq!(ticket().rate(0, rating(5, ""), &REOPENING), Err(NotRated::NotAnswered));
}

#[test]
fn an_answer_of_an_earlier_round_is_of_the_past() {
    let before = ticket().question();
    let Ok(Rated::Reopened(again)) = answered().rate(0, rating(1, "chưa rõ"), &REOPENING) else { panic!() };
    assert_eq!(again.clone().answer(&before, 99, custody("a"), answer("cũ")), None);
    assert_eq!(again.route(&before, 99, custody("a")), None);
}

#[test]
fn what_waits_for_its_first_answer_is_amended_in_the_revision_that_was_seen() {
    let amended = ticket().amend(0, "hỏi lại".into()).unwrap();
    assert_eq!((amended.text.as_str(), amended.revision, amended.version), ("hỏi lại", 1, 2));
    assert_eq!(amended.clone().amend(0, "khác".into()), Err(NotChanged::Stale));
    assert_eq!(answered().amend(0, "khác".into()), Err(NotChanged::Answered));
    let Ok(Rated::Reopened(again)) = answered().rate(0, rating(1, "chưa rõ"), &REOPENING) else { panic!() };
    assert_eq!(again.clone().amend(0, "khác".into()), Err(NotChanged::Answered));
    assert!(again.withdraw(0).unwrap().is_some());
    let many = (0..REVISIONS_MAX).fold(ticket(), |ticket, n| ticket.amend(n, n.to_string()).unwrap());
    assert_eq!(many.amend(REVISIONS_MAX, "khác".into()), Err(NotChanged::TooOften));
}

#[test]
fn an_answer_to_what_was_asked_before_is_none_to_what_is_asked_now() {
    let before = ticket().question();
    let amended = ticket().amend(0, "khác".into()).unwrap();
    assert_eq!(amended.clone().answer(&before, 9, custody("a"), answer("cũ")), None);
    assert_eq!(amended.clone().route(&before, 9, custody("a")), None);
    let now = amended.question();
    assert!(amended.answer(&now, 9, custody("a"), answer("mới")).is_some());
}

#[test]
fn a_withdrawal_happens_once_and_an_approval_of_the_same_moment_counts() {
    let withdrawn = ticket().withdraw(0).unwrap().unwrap();
    assert_eq!((&withdrawn.state, withdrawn.version), (&State::Withdrawn, 2));
    assert_eq!(withdrawn.clone().withdraw(0), Ok(None));
    assert_eq!(ticket().withdraw(1), Err(NotChanged::Stale));
    assert_eq!(answered().withdraw(0), Err(NotChanged::Answered));
    assert_eq!(withdrawn.clone().amend(0, "khác".into()), Err(NotChanged::Withdrawn));
    assert_eq!(withdrawn.clone().rate(0, rating(5, ""), &REOPENING), Err(NotRated::NotAnswered));
    let question = withdrawn.question();
    assert_eq!(withdrawn.clone().route(&question, 9, custody("a")), None);
    assert!(withdrawn.answer(&question, 9, custody("a"), answer("đáp")).unwrap().published().is_some());
}

#[test]
fn what_is_asked_for_is_given_while_the_clock_stands_for_it() {
    let stands = |waits_for: WaitsFor| Deadline {
        version: 3,
        paused_at: Some(api::timestamp(DateTime::UNIX_EPOCH)),
        waits_for: waits_for.into(),
        pause_reason: "số nhà".into(),
        ..Deadline::default()
    };
    let asked = ticket().with_deadline(Some(&stands(WaitsFor::Asker)));
    let (replied, what) = asked.clone().reply(3).unwrap();
    assert_eq!((replied.version, what.as_str()), (2, "số nhà"));
    assert_eq!(asked.reply(2), Err(NotChanged::Stale));
    assert_eq!(ticket().reply(3), Err(NotChanged::NothingAsked));
    let other = ticket().with_deadline(Some(&stands(WaitsFor::OtherBody)));
    assert_eq!(other.reply(3), Err(NotChanged::NothingAsked));
}

#[derive(Debug, Clone)]
enum Fact {
    Routed(u32),
    Returned(u32),
    Approved(u32),
    Withdrawn,
}

proptest! {
    /// Whatever comes first, twice or late: the answer of the round is published, once.
    #[test]
    fn an_answer_always_arrives(facts in prop::collection::vec(
        prop_oneof![Just(Fact::Withdrawn), (2u32..9).prop_map(Fact::Routed), (2u32..9).prop_map(Fact::Returned), (2u32..9).prop_map(Fact::Approved)], 1..20)
    ) {
        let mut ticket = ticket();
        let question = ticket.question();
        let withdrawn = facts.iter().any(|fact| matches!(fact, Fact::Withdrawn));
        let first = facts.iter().find_map(|f| if let Fact::Approved(v) = f { Some(*v) } else { None });
        for fact in facts {
            let next = match fact {
                Fact::Routed(v) => ticket.clone().route(&question, v, custody("a")),
                Fact::Returned(v) => ticket.clone().return_to_routing(&question, v),
                Fact::Withdrawn => ticket.clone().withdraw(0).ok().flatten(),
                Fact::Approved(v) => ticket.clone().answer(&question, v, custody("a"), answer(&v.to_string())),
            };
            ticket = next.unwrap_or(ticket);
        }
        match (first, ticket.state) {
            (Some(v), State::Answered { answer }) => prop_assert_eq!(answer.text, v.to_string()),
            (None, State::Received { .. } | State::Routed { .. }) => prop_assert!(!withdrawn),
            (None, State::Withdrawn) => prop_assert!(withdrawn),
            (first, state) => prop_assert!(false, "{first:?} {state:?}"),
        }
    }
}

#[test]
fn the_newest_deadline_counts_in_whichever_order_it_is_heard() {
    let deadline = |version, round, minute| Deadline {
        version,
        round,
        due_at: Some(api::timestamp(DateTime::UNIX_EPOCH + chrono::Duration::minutes(minute))),
        ..Deadline::default()
    };
    let (first, longer) = (deadline(1, 0, 5), deadline(2, 0, 9));
    let told = |facts: &[&Deadline]| {
        facts.iter().fold(ticket(), |ticket, deadline| ticket.with_deadline(Some(deadline)))
    };
    for ticket in [told(&[&first, &longer]), told(&[&longer, &first, &longer])] {
        assert_eq!(ticket.custody.due_at, api::time(longer.due_at.as_ref()));
        assert_eq!(ticket.present_deadline(), Some(&longer));
    }
    assert_eq!(told(&[&deadline(3, 1, 5)]).present_deadline(), None, "of another round");
    assert_eq!(ticket().with_deadline(None).present_deadline(), None);
}
