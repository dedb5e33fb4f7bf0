//! Families under any order of steps and facts: the pure transitions with a store, officers, routing
//! and knowledge played by the test.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::answer::HandOver;

const UNITS: u8 = 2;
const TICKETS: u128 = 6;

#[derive(Debug, Clone)]
enum Step {
    Approve(u128),
    Return(u128),
    Move(u128, u8),
    Reopen(u128),
    Attach(u128, u128),
    Detach(u128),
    /// One of the facts under way, in any order. `keep`: it comes once more; `members`: how many are
    /// handled before the process dies and the fact comes again.
    Deliver {
        at: usize,
        keep: bool,
        members: usize,
    },
}

/// A fact under way to answering.
#[derive(Debug, Clone)]
enum Fact {
    Routed {
        ticket: u128,
        version: u32,
        round: usize,
        unit: u8,
    },
    Alike {
        ticket: u128,
        version: u32,
        likes: Vec<Like>,
    },
    Approved(Box<AnswerApproved>),
    /// Drafted, returned or joined: whoever hung on it may have been let go.
    MayRelease(u128),
}

/// Routing's and knowledge's view of a ticket, which are ahead of answering's.
#[derive(Debug, Clone, Copy)]
struct Routing {
    version: u32,
    unit: u8,
    round: usize,
    answered: bool,
}

#[derive(Debug, Default)]
struct World {
    answers: BTreeMap<u128, Answer>,
    members: BTreeMap<u128, Membership>,
    separated: HashSet<(u128, u128)>,
    routings: BTreeMap<u128, Routing>,
    underway: Vec<Fact>,
    /// Who was told what in which round.
    told: Vec<(u128, usize, String)>,
    /// Whose approval was to answer whom, in which round.
    promised: Vec<(u128, usize, String)>,
}

fn number(ticket_id: TicketId) -> u128 {
    ticket_id.0.as_u128()
}

impl World {
    fn new() -> Self {
        let mut world = Self::default();
        for ticket in 1..=TICKETS {
            world.route(ticket, 0, 0);
        }
        world
    }

    /// Routing states it; knowledge hears of it before answering and finds all that wait there.
    fn route(&mut self, ticket: u128, unit: u8, round: usize) {
        let version = self.routings.get(&ticket).map_or(2, |routing| routing.version + 1);
        self.routings.insert(ticket, Routing { version, unit, round, answered: false });
        self.underway.push(Fact::Routed { ticket, version, round, unit });
        self.find_likes(ticket);
    }

    fn find_likes(&mut self, ticket: u128) {
        let own = self.routings[&ticket];
        let likes: Vec<Like> = self
            .routings
            .iter()
            .filter(|(other, routing)| {
                **other != ticket && routing.unit == own.unit && routing.round == 0 && !routing.answered
            })
            .map(|(other, routing)| Like {
                version: routing.version,
                ..like(*other, other % 3 == ticket % 3)
            })
            .collect();
        if own.round == 0 && !own.answered && !likes.is_empty() {
            self.underway.push(Fact::Alike { ticket, version: own.version, likes });
        }
    }

    fn relative(&self, ticket: u128) -> Option<Relative> {
        let answer = self.answers.get(&ticket)?.clone();
        Some(Relative { answer, membership: self.members.get(&ticket).cloned() })
    }

    fn waiting(&self, ticket: u128) -> Option<Answer> {
        self.answers.get(&ticket).filter(|answer| answer.state == State::Drafted).cloned()
    }

    /// It goes its own way: what was promised and has not come is promised no more.
    fn excuse(&mut self, ticket: u128, round: usize) {
        let told = &self.told;
        self.promised.retain(|promise| (promise.0, promise.1) != (ticket, round) || told.contains(promise));
    }

    fn leave(&mut self, ticket: u128, answer: Answer, reason: FamilyReason) -> Answer {
        self.excuse(ticket, answer.question.follow_ups.len());
        match self.members.remove(&ticket) {
            Some(membership) => membership.leave(answer, reason, AT).0,
            None => answer,
        }
    }

    fn end(&mut self, centre: u128, ending: &Ending) {
        for membership in self.members.values_mut() {
            if number(membership.centre_id) == centre && membership.ending.is_none() {
                membership.ending = Some(ending.clone());
            }
        }
    }

    fn approve(&mut self, ticket: u128) -> Option<()> {
        let answer = self.waiting(ticket)?;
        let (version, round) = (answer.version, answer.question.follow_ups.len());
        let text = format!("{ticket}/{version}");
        let answer = answer.approve(version, "an", text.clone(), &[], AT).unwrap()?;
        let fact = answer.approved()?;
        for (member, membership) in &self.members {
            if number(membership.centre_id) == ticket && membership.ending.is_none() {
                let round = self.answers[member].question.follow_ups.len();
                self.promised.push((*member, round, text.clone()));
            }
        }
        self.end(ticket, &Ending::Answered { version: fact.version, by: "an".into() });
        let answer = self.leave(ticket, answer, FamilyReason::Answered);
        self.told.push((ticket, round, text));
        self.answers.insert(ticket, answer);
        self.routings.get_mut(&ticket)?.answered = true;
        self.underway.push(Fact::Approved(Box::new(fact)));
        Some(())
    }

    fn give_back(&mut self, ticket: u128) -> Option<()> {
        let (reason, no_owner_reason) = ("nhầm".into(), String::new());
        let said = HandOver { reason, unit: "z".into(), no_owner_reason, forwarded: false };
        let answer = self.waiting(ticket)?.hand_over(0, "an", said, AT).unwrap()?;
        let round = answer.question.follow_ups.len();
        self.end(ticket, &Ending::Left);
        let answer = self.leave(ticket, answer, FamilyReason::Returned);
        self.answers.insert(ticket, answer);
        self.underway.push(Fact::MayRelease(ticket));
        let unit = self.routings[&ticket].unit;
        self.route(ticket, (unit + 1) % UNITS, round);
        Some(())
    }

    fn reopen(&mut self, ticket: u128) -> Option<()> {
        let answer = self.answers.get(&ticket)?;
        let (unit, round) = (self.routings[&ticket].unit, answer.question.follow_ups.len() + 1);
        if matches!(answer.state, State::Approved { .. }) && self.routings[&ticket].round < round {
            self.route(ticket, unit, round);
        }
        Some(())
    }

    fn attach(&mut self, member: u128, centre: u128) -> Option<()> {
        let (mut joining, centre_of) = (self.relative(member)?, self.relative(centre)?);
        let marked =
            matches!(&joining.membership, Some(of) if matches!(of.ending, Some(Ending::Answered { .. })));
        let stays = joining.membership.as_ref().is_some_and(|of| number(of.centre_id) == centre);
        if marked || stays {
            return None;
        }
        let elsewhere = joining.membership.take();
        let before = joining.answer.clone();
        let by = Joining { by: Some("an".into()), ..by_itself() };
        let (answer, membership) = joining.join(&centre_of, by).ok()?;
        if elsewhere.is_some() {
            self.leave(member, before, FamilyReason::Officer);
        }
        self.separated.remove(&(member, centre));
        self.joined(member, answer, membership);
        Some(())
    }

    fn joined(&mut self, member: u128, answer: Answer, membership: Membership) {
        self.answers.insert(member, answer);
        self.members.insert(member, membership);
        self.end(member, &Ending::Left);
        self.underway.push(Fact::MayRelease(member));
    }

    fn detach(&mut self, member: u128) -> Option<()> {
        let membership = self.members.get(&member).filter(|of| of.ending.is_none())?.clone();
        let answer = self.answers[&member].clone();
        let answer = self.leave(member, answer, FamilyReason::Officer);
        self.answers.insert(member, answer);
        self.separated.insert((member, number(membership.centre_id)));
        Some(())
    }

    /// `false`: it must come again.
    fn deliver(&mut self, fact: &Fact, members: usize) -> bool {
        match fact {
            Fact::Routed { ticket, version, round, unit } => {
                self.hear_routed(*ticket, *version, *round, *unit);
            }
            Fact::Alike { ticket, version, likes } => return self.hear_alike(*ticket, *version, likes),
            Fact::Approved(approved) => return self.answer_members(approved, members),
            Fact::MayRelease(centre) => return self.release_members(*centre, members),
        }
        true
    }

    fn hear_routed(&mut self, ticket: u128, version: u32, round: usize, unit: u8) {
        let next = match self.answers.get(&ticket).cloned() {
            None => Some(Answer::draft(id(ticket), version, question(round), custody(unit), draft())),
            Some(answer) => {
                let Some(answer) = answer.reroute(version, question(round), custody(unit), draft()) else {
                    return;
                };
                self.end(ticket, &Ending::Left);
                self.excuse(ticket, 0);
                Some(self.leave(ticket, answer, FamilyReason::Moved))
            }
        };
        self.answers.extend(next.map(|answer| (ticket, answer)));
        self.underway.push(Fact::MayRelease(ticket));
    }

    fn hear_alike(&mut self, ticket: u128, version: u32, likes: &[Like]) -> bool {
        let relatives = self.answers.keys().filter_map(|n| Some((id(*n), self.relative(*n)?))).collect();
        let separated = self.separated.iter().map(|(member, centre)| (id(*member), id(*centre))).collect();
        match choose(id(ticket), version, likes, &relatives, &separated) {
            Choice::Join { member_id, centre_id, likeness } => {
                let joining = Joining { likeness, ..by_itself() };
                let member = relatives[&member_id].clone();
                let (answer, membership) = member.join(&relatives[&centre_id], joining).unwrap();
                self.joined(number(member_id), answer, membership);
                true
            }
            Choice::Stay => true,
            Choice::NotYet => false,
        }
    }

    fn marked(&self, centre: u128, ending: impl Fn(&Ending) -> bool, members: usize) -> Vec<u128> {
        let of = |(_, of): &(&u128, &Membership)| {
            number(of.centre_id) == centre && of.ending.as_ref().is_some_and(&ending)
        };
        self.members.iter().filter(of).map(|(member, _)| *member).take(members).collect()
    }

    fn answer_members(&mut self, approved: &AnswerApproved, members: usize) -> bool {
        let centre = number(approved.ticket_id.parse().unwrap());
        let ending =
            |of: &Ending| matches!(of, Ending::Answered { version, .. } if *version == approved.version);
        for member in self.marked(centre, ending, members) {
            self.members.remove(&member);
            if let Some(answer) = self.answers[&member].clone().answer_with(approved, "an", AT) {
                self.told.push((member, answer.question.follow_ups.len(), approved.text.clone()));
                self.answers.insert(member, answer);
                self.routings.get_mut(&member).unwrap().answered = true;
            }
        }
        self.marked(centre, ending, 1).is_empty()
    }

    fn release_members(&mut self, centre: u128, members: usize) -> bool {
        for member in self.marked(centre, |of| *of == Ending::Left, members) {
            let answer = self.answers[&member].clone();
            let answer = self.leave(member, answer, FamilyReason::CentreLeft);
            self.answers.insert(member, answer);
            self.find_likes(member);
        }
        self.marked(centre, |of| *of == Ending::Left, 1).is_empty()
    }

    fn take(&mut self, step: &Step) {
        let _ = match step {
            Step::Approve(ticket) => self.approve(*ticket),
            Step::Return(ticket) => self.give_back(*ticket),
            Step::Reopen(ticket) => self.reopen(*ticket),
            Step::Attach(member, centre) => self.attach(*member, *centre),
            Step::Detach(member) => self.detach(*member),
            Step::Move(ticket, unit) => {
                let routing = self.routings[ticket];
                if !routing.answered && routing.unit != *unit {
                    self.route(*ticket, *unit, routing.round);
                }
                None
            }
            Step::Deliver { at, keep, members } => {
                if !self.underway.is_empty() {
                    let fact = self.underway.remove(at % self.underway.len());
                    if !self.deliver(&fact, *members) || *keep {
                        self.underway.push(fact);
                    }
                }
                None
            }
        };
        self.check_always();
    }

    fn settle(&mut self) {
        for _ in 0..10_000 {
            if self.underway.is_empty() {
                return;
            }
            let fact = self.underway.remove(0);
            if !self.deliver(&fact, usize::MAX) {
                self.underway.push(fact);
            }
            self.check_always();
        }
        panic!("facts go round for ever: {:?}", self.underway);
    }

    /// A member that waits hangs on a centre that waits with it, and that hangs on nobody.
    fn check_always(&self) {
        for (member, membership) in self.members.iter().filter(|(_, of)| of.ending.is_none()) {
            let centre = number(membership.centre_id);
            assert!(!self.members.contains_key(&centre), "a chain: {member} → {centre}");
            let (member, centre) = (&self.answers[member], &self.answers[&centre]);
            assert_eq!((&member.state, &centre.state), (&State::Drafted, &State::Drafted));
            assert_eq!(member.custody.unit, centre.custody.unit);
        }
        let mut rounds: Vec<_> = self.told.iter().map(|(ticket, round, _)| (ticket, round)).collect();
        rounds.sort();
        rounds.dedup();
        assert_eq!(rounds.len(), self.told.len(), "told twice: {:?}", self.told);
    }

    /// Nobody is left behind: who was there when the centre was approved has its answer.
    fn check_in_the_end(&self) {
        assert!(self.members.values().all(|of| of.ending.is_none()), "{:?}", self.members);
        for promise in &self.promised {
            assert!(self.told.contains(promise), "{} is left waiting", promise.0);
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let ticket = || 1..=TICKETS;
    prop_oneof![
        2 => ticket().prop_map(Step::Approve),
        1 => ticket().prop_map(Step::Return),
        1 => (ticket(), 0..UNITS).prop_map(|(ticket, unit)| Step::Move(ticket, unit)),
        1 => ticket().prop_map(Step::Reopen),
        1 => (ticket(), ticket()).prop_map(|(member, centre)| Step::Attach(member, centre)),
        1 => ticket().prop_map(Step::Detach),
        9 => (any::<usize>(), any::<bool>(), 0usize..4)
            .prop_map(|(at, keep, members)| Step::Deliver { at, keep, members }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn nobody_is_left_waiting_or_told_twice(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.settle();
        world.check_in_the_end();
    }
}

#[test]
fn when_nothing_else_happens_all_that_are_alike_are_answered_at_once() {
    let mut world = World::new();
    world.settle();
    assert_eq!(world.members.len(), 5, "one family: {:?}", world.members);
    let centre = number(world.members.values().next().unwrap().centre_id);
    world.approve(centre);
    world.settle();
    world.check_in_the_end();
    assert_eq!(world.told.len(), 6);
}
