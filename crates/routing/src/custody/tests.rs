use api::{TicketId, intake::v1::Question};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{
    assignment::GivenBack,
    choice::Choice,
    moves::Binding,
    organisation::Organisation,
    policy::{WaitsFor, tests::small as rules},
};

const UNITS: [&str; 4] = ["desk", "law", "data", "none"];

fn organisation() -> Organisation {
    let unit = "[[unit]]\n code = \"data\"\n agency = \"a\"\n name = \"Data unit\"\n [[field]]";
    Organisation::parse(&crate::organisation::tests::SMALL.replacen("[[field]]", unit, 1)).unwrap()
}

/// Tuesday of a week without holidays, in Viet Nam.
fn at(hour: i64) -> DateTime<Utc> {
    "2026-03-03T00:00:00+07:00".parse::<DateTime<Utc>>().unwrap() + Duration::hours(hour)
}

fn hand_off(round: u32, to: &str, hour: i64) -> HandOff {
    HandOff {
        round,
        to: to.into(),
        reason: RoutingReason::Desk,
        words: Words::default(),
        at: at(hour),
        pauses: Vec::new(),
    }
}

fn pause(since: i64, until: i64) -> Pause {
    let (by, reason) = (String::new(), String::new());
    Pause { since: at(since), until: Some(at(until)), waits_for: WaitsFor::Asker, reason, by }
}

#[test]
fn each_unit_has_its_worked_time_without_the_stops() {
    let hand_offs = [
        hand_off(0, "desk", 8),
        hand_off(0, "law", 10),
        HandOff { pauses: vec![pause(9, 11)], ..hand_off(0, "", 15) },
        hand_off(1, "law", 24 + 8),
    ];
    let periods = periods(&hand_offs, &[pause(24 + 9, 24 + 10)], &rules().calendar, at(24 + 11));
    // 8 to 10 less 9 to 10; 10 to 11:30 and 13:30 to 15 less 10 to 11; 8 to 11 less 9 to 10.
    let minutes = periods.iter().map(|period| period.worked.num_minutes()).collect::<Vec<_>>();
    assert_eq!(minutes, [60, 120, 120]);
    let ends = periods.iter().map(|period| period.until).collect::<Vec<_>>();
    assert_eq!(ends, [Some(at(10)), Some(at(15)), None]);
}

/// What may happen to a question, seen by routing.
#[derive(Debug, Clone)]
enum Step {
    /// The unit that an officer saw gives it away, naming another.
    GiveAway {
        to: usize,
        forwarded: bool,
    },
    Assign {
        to: usize,
        operator: bool,
    },
    Approve,
    Reopen,
    /// So many hours ago, by the asker; it is heard only now.
    Amend(u8),
    Withdraw(u8),
    /// An earlier fact comes again, or late.
    Again(usize),
    Pass(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..4, any::<bool>()).prop_map(|(to, forwarded)| Step::GiveAway { to, forwarded }),
        2 => (0usize..3, any::<bool>()).prop_map(|(to, operator)| Step::Assign { to, operator }),
        1 => Just(Step::Approve),
        1 => Just(Step::Reopen),
        1 => (0u8..30).prop_map(Step::Amend),
        1 => (0u8..30).prop_map(Step::Withdraw),
        2 => any::<usize>().prop_map(Step::Again),
        3 => (0u8..30).prop_map(Step::Pass),
    ]
}

/// A fact of answering or intake, as routing hears it.
#[derive(Debug, Clone)]
enum Fact {
    Returned { question: Question, version: u32, from: String, to: &'static str, forwarded: bool },
    Approved { question: Question, version: u32, at: DateTime<Utc> },
    Reopened { question: Question, version: u32, by: String },
    Amended { question: Question, version: u32, at: DateTime<Utc> },
    Withdrawn { question: Question, version: u32, at: DateTime<Utc> },
}

fn hear(assignment: Assignment, fact: &Fact, now: DateTime<Utc>) -> Option<Assignment> {
    let (organisation, rules) = (organisation(), rules());
    match fact {
        Fact::Returned { question, version, from, to, forwarded } => {
            let given = GivenBack { from, suggested: to, forwarded: *forwarded };
            assignment.after_return(question, *version, &given, &rules.moves, &organisation, now)
        }
        Fact::Approved { question, version, at } => assignment.answer(question, *version, *at),
        Fact::Reopened { question, version, by } => {
            assignment.reopen(question.clone(), *version, by, &organisation, &rules, now)
        }
        Fact::Amended { question, version, at } => {
            assignment.amend(question.clone(), *version, &organisation, *at)
        }
        Fact::Withdrawn { question, version, at } => assignment.withdraw(question.clone(), *version, *at),
    }
}

/// The fact that a step makes of what answering knows: it has heard all that routing said.
fn fact(step: &Step, seen: &Assignment, now: DateTime<Utc>) -> Option<Fact> {
    let (question, version) = (seen.question.clone(), seen.version + 1);
    match step {
        Step::GiveAway { to, forwarded } if !seen.answered => {
            let (from, to, forwarded) = (seen.unit.clone(), UNITS[*to], *forwarded);
            Some(Fact::Returned { question, version, from, to, forwarded })
        }
        Step::Approve if !seen.answered => Some(Fact::Approved { question, version, at: now }),
        Step::Amend(ago) if !seen.withdrawn => {
            let mut question = question;
            question.revision += 1;
            Some(Fact::Amended { question, version, at: now - Duration::hours(i64::from(*ago)) })
        }
        Step::Withdraw(ago) if !seen.answered => {
            let at = now - Duration::hours(i64::from(*ago));
            Some(Fact::Withdrawn { question, version, at })
        }
        Step::Reopen if seen.answered && !seen.withdrawn => {
            let mut question = question;
            question.follow_ups.push("chưa rõ".into());
            Some(Fact::Reopened { question, version: version + 1, by: seen.unit.clone() })
        }
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// However it is moved, answered and reopened, and however facts come again: one unit has it while
    /// it waits, no more moves than allowed are made, what is bound stays, and custody has no gap.
    #[test]
    fn one_unit_has_it_and_custody_tiles_the_time(steps in prop::collection::vec(step(), 1..40)) {
        let (organisation, rules) = (organisation(), rules());
        let id = TicketId(Uuid::from_u128(1));
        let desk = Choice::desk(&organisation, "");
        let mut now = at(8);
        let mut assignment =
            Assignment::first(id, 1, Question::default(), &desk, &organisation, &rules, now);
        let mut hand_offs = vec![HandOff::between(None, &assignment, Words::default()).unwrap()];
        let mut facts: Vec<Fact> = Vec::new();
        for step in &steps {
            let before = assignment.clone();
            let after = match step {
                Step::Pass(hours) => {
                    now += Duration::hours(i64::from(*hours));
                    None
                }
                Step::Assign { to, operator } => {
                    assignment.clone().assign("", UNITS[*to], *operator, &organisation, now).unwrap_or(None)
                }
                Step::Again(n) if !facts.is_empty() => hear(assignment.clone(), &facts[n % facts.len()], now),
                _ => fact(step, &assignment, now).and_then(|fact| {
                    let after = hear(assignment.clone(), &fact, now);
                    facts.push(fact);
                    after
                }),
            };
            if let Some(after) = after {
                hand_offs.extend(HandOff::between(Some(&before), &after, Words::default()));
                assignment = after;
            }
            prop_assert!(organisation.unit(&assignment.unit).is_some());
            prop_assert!(assignment.moves <= rules.moves.max);
            let freed = matches!(step, Step::Assign { operator: true, .. })
                || before.deadline.round != assignment.deadline.round;
            if before.binding == Binding::Bound && !freed {
                prop_assert_eq!((&before.unit, Binding::Bound), (&assignment.unit, assignment.binding));
            }
        }
        let found = periods(&hand_offs, &assignment.deadline.pauses, &rules.calendar, now);
        let open = found.iter().filter(|period| period.until.is_none()).count();
        prop_assert_eq!(open, usize::from(!assignment.answered));
        let holder = found.last().filter(|last| last.until.is_none()).map(|last| last.hand_off.to.clone());
        prop_assert_eq!(holder, (!assignment.answered).then(|| assignment.unit.clone()));
        for pair in found.windows(2) {
            let (until, next) = (pair[0].until.unwrap(), &pair[1].hand_off);
            prop_assert!(pair[0].hand_off.at <= until && until <= next.at);
            // Answered or withdrawn, nobody has it until the asker reopens or amends it.
            let ended = hand_offs.iter().any(|off| off.to.is_empty() && off.at == until);
            prop_assert!(until == next.at || ended, "a gap while it waits");
        }
        // Without stops, the shares of each round are its whole worked time, less the time when nobody had it.
        for round in 0..=assignment.deadline.round {
            let of_round = found.iter().filter(|period| period.hand_off.round == round).collect::<Vec<_>>();
            let (Some(first), Some(last)) = (of_round.first(), of_round.last()) else { continue };
            let whole = rules.calendar.worked(first.hand_off.at, last.until.unwrap_or(now));
            let nobodys = of_round
                .windows(2)
                .map(|pair| rules.calendar.worked(pair[0].until.unwrap(), pair[1].hand_off.at))
                .sum::<Duration>();
            prop_assert_eq!(of_round.iter().map(|period| period.worked).sum::<Duration>() + nobodys, whole);
        }
    }
}
