use uuid::Uuid;

use super::*;

fn verdict(band: Band) -> Verdict {
    Verdict { band: band.into(), probability: 0.9, ..Verdict::default() }
}

fn source() -> Neighbour {
    Neighbour { id: "s1".into(), question: "hỏi?".into(), answer: "đáp".into(), ..Neighbour::default() }
}

fn custody(unit: &str) -> Custody {
    Custody {
        unit: unit.into(),
        unit_name: String::new(),
        field: String::new(),
        due_at: DateTime::UNIX_EPOCH,
        binding: Binding::Unspecified,
    }
}

fn question(follow_ups: &[&str]) -> Question {
    let follow_ups = follow_ups.iter().map(|&text| text.to_owned()).collect();
    Question { text: "hỏi".into(), follow_ups, ..Question::default() }
}

fn drafted() -> Answer {
    let draft = Draft::from_verdict(&question(&[]), verdict(Band::Reuse), vec![source()]);
    Answer::draft(TicketId(Uuid::from_u128(1)), 2, question(&[]), custody("a"), draft)
}

fn approve(answer: Answer, seen: u32, text: &str) -> Result<Option<Answer>, Refused> {
    answer.approve(seen, "an", text.into(), &[], DateTime::UNIX_EPOCH)
}

fn hand_over(unit: &str, forwarded: bool) -> HandOver {
    HandOver { reason: "nhầm".into(), unit: unit.into(), no_owner_reason: String::new(), forwarded }
}

fn give_back(answer: Answer, seen: u32, unit: &str) -> Result<Option<Answer>, Refused> {
    answer.hand_over(seen, "an", hand_over(unit, false), DateTime::UNIX_EPOCH)
}

fn with_binding(binding: Binding) -> Answer {
    let answer = drafted();
    Answer { custody: Custody { binding, ..answer.custody.clone() }, ..answer }
}

#[test]
fn who_gives_it_away_names_another_owner_or_says_why_none() {
    assert_eq!(give_back(drafted(), 0, ""), Err(Refused::OwnerNotNamed));
    assert_eq!(give_back(drafted(), 0, "a"), Err(Refused::ToItself));
    let unknown = HandOver { no_owner_reason: "chưa rõ".into(), ..hand_over("", false) };
    let returned = drafted().hand_over(0, "an", unknown, DateTime::UNIX_EPOCH).unwrap().unwrap();
    assert_eq!(returned.returned().unwrap().no_owner_reason, "chưa rõ");
    let named = give_back(drafted(), 3, "b").unwrap().unwrap();
    assert_eq!((named.version, named.returned().unwrap().suggested_unit), (4, "b".to_owned()));
    assert_eq!(give_back(named.clone(), 3, "b"), Ok(None));
    assert_eq!(give_back(named, 3, "c"), Err(Refused::NotDrafted));
}

#[test]
fn a_hand_on_needs_the_version_that_was_seen() {
    let forward =
        |seen| drafted().hand_over(seen, "an", hand_over("b", true), DateTime::UNIX_EPOCH).map(|_| ());
    assert_eq!((forward(0), forward(2)), (Err(Refused::Stale(3)), Err(Refused::Stale(3))));
    assert_eq!(forward(3), Ok(()));
}

#[test]
fn an_arbiter_decides_and_its_decision_binds() {
    let unknown = HandOver { no_owner_reason: "chưa rõ".into(), ..hand_over("", false) };
    let arbiter = with_binding(Binding::Arbiter);
    let undecided = arbiter.clone().hand_over(0, "an", unknown, DateTime::UNIX_EPOCH);
    assert_eq!(undecided, Err(Refused::ArbiterDecides));
    assert!(give_back(arbiter, 0, "b").is_ok());
    let bound = with_binding(Binding::Bound);
    assert_eq!(give_back(bound.clone(), 0, "b"), Err(Refused::Bound));
    assert!(approve(bound, 3, "đáp").is_ok());
}

#[test]
fn only_reuse_makes_a_draft_and_never_a_second_time() {
    let text = |band, follow_ups: &[&str]| {
        Draft::from_verdict(&question(follow_ups), verdict(band), vec![source()]).text
    };
    assert_eq!(text(Band::Reuse, &[]), "đáp");
    assert_eq!(text(Band::Suggest, &[]), "");
    assert_eq!(text(Band::Reuse, &["chưa rõ"]), "");
}

#[test]
fn an_approval_counts_once_and_only_of_what_was_seen() {
    assert_eq!(approve(drafted(), 2, "đáp"), Err(Refused::Stale(3)));
    let approved = approve(drafted(), 3, "đáp").unwrap().unwrap();
    assert_eq!(approved.approved().unwrap().citations[0].id, "s1");
    assert_eq!(approve(approved.clone(), 3, "đáp"), Ok(None));
    assert_eq!(approve(approved.clone(), 3, "khác"), Err(Refused::NotDrafted));
    assert_eq!(give_back(approved, 0, "b"), Err(Refused::NotDrafted));
}

#[test]
fn a_draft_that_changes_must_be_seen_again() {
    let drop = Draft::from_verdict(&question(&[]), verdict(Band::None), Vec::new());
    let again = drafted().redraft(drop.clone()).unwrap();
    assert_eq!(approve(again.clone(), 3, "đáp"), Err(Refused::Stale(4)));
    assert_eq!(again.clone().redraft(drop.clone()), None);
    let approved = approve(again, 4, "đáp").unwrap().unwrap();
    assert_eq!(approved.redraft(drafted().draft), None);
    assert_eq!(drafted().redraft(drafted().draft), None);
}

#[test]
fn only_the_drafts_sources_can_be_cited() {
    let cite = |id: &str| drafted().approve(3, "an", "đáp".into(), &[id.to_owned()], DateTime::UNIX_EPOCH);
    assert!(cite("s1").is_ok());
    let often = vec!["s1".to_owned(); 10_000];
    let approved = drafted().approve(3, "an", "đáp".into(), &often, DateTime::UNIX_EPOCH).unwrap().unwrap();
    assert_eq!(approved.approved().unwrap().citations.len(), 1);
    assert_eq!(cite("s2"), Err(Refused::UnknownSource("s2".into())));
}

#[test]
fn a_late_routing_does_not_undo_an_approval_but_a_reopening_does() {
    let draft = drafted().draft;
    let approved = approve(drafted(), 3, "đáp").unwrap().unwrap();
    assert_eq!(approved.clone().reroute(99, question(&[]), custody("b"), draft.clone()), None);
    let again = approved.reroute(6, question(&["chưa rõ"]), custody("a"), draft.clone()).unwrap();
    assert_eq!((&again.state, again.version), (&State::Drafted, 7));
    assert_eq!(again.reroute(99, question(&[]), custody("b"), draft), None);
}

#[test]
fn an_older_routing_changes_nothing() {
    let draft = drafted().draft;
    // Routing, which has not heard of the draft (3), says 3 as well.
    let moved = drafted().reroute(3, question(&[]), custody("b"), draft.clone()).unwrap();
    assert_eq!((moved.custody.unit.as_str(), moved.version), ("b", 4));
    assert_eq!(moved.reroute(3, question(&[]), custody("a"), draft), None);
}

#[test]
fn the_newest_deadline_counts_and_makes_nothing_stale() {
    let at = |minute| DateTime::UNIX_EPOCH + chrono::Duration::minutes(minute);
    let deadline = |version, minute| Deadline {
        version,
        due_at: Some(api::timestamp(at(minute))),
        ..Deadline::default()
    };
    let (first, longer) = (deadline(1, 5), deadline(2, 9));
    let told = drafted().with_deadline(Some(&longer)).with_deadline(Some(&first));
    assert_eq!((told.custody.due_at, told.deadline.version), (at(9), 2));
    assert!(approve(told, 3, "đáp").is_ok());
    assert_eq!(drafted().with_deadline(None), drafted());
}

#[test]
fn amended_it_is_drafted_anew_and_what_the_officer_saw_is_stale() {
    let amended = Question { revision: 1, ..question(&[]) };
    let draft = || Draft::from_verdict(&amended, verdict(Band::None), Vec::new());
    let again = drafted().reroute(9, amended.clone(), custody("a"), draft()).unwrap();
    assert_eq!((again.version, &again.state), (10, &State::Drafted));
    assert_eq!(approve(again, 3, "đáp"), Err(Refused::Stale(10)));
    let crossed = approve(drafted(), 3, "đáp").unwrap().unwrap();
    assert_eq!(crossed.reroute(9, amended.clone(), custody("a"), draft()).unwrap().state, State::Drafted);
}

#[test]
fn withdrawn_it_waits_no_more_unless_an_approval_was_first() {
    let at = DateTime::UNIX_EPOCH;
    let withdrawn = drafted().withdraw(question(&[]), 5, at).unwrap();
    assert_eq!((withdrawn.version, &withdrawn.state), (6, &State::Withdrawn { at }));
    assert_eq!(withdrawn.clone().withdraw(question(&[]), 5, at), None);
    assert_eq!(approve(withdrawn.clone(), 6, "đáp"), Err(Refused::NotDrafted));
    let draft = Draft::from_verdict(&question(&[]), verdict(Band::None), Vec::new());
    assert_eq!(withdrawn.reroute(9, question(&[]), custody("a"), draft), None);
    let approved = approve(drafted(), 3, "đáp").unwrap().unwrap();
    assert_eq!(approved.withdraw(question(&[]), 9, at), None);
}
