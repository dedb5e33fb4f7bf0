//! The answer and its states. Pure: no async, no SQL, no clock.
//!
//! Facts may come twice and out of order: within a round (the number of follow-ups) an approved
//! answer ends the matter, and a routing counts only if newer.

use api::{
    TicketId,
    answering::v1::{AnswerApproved, AnswerDrafted, QuestionReturned},
    intake::v1::{Citation, Question},
    knowledge::v1::{Band, Neighbour, Verdict},
    routing::v1::Deadline,
};
use chrono::{DateTime, Utc};

use crate::automation::Mode;

#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub ticket_id: TicketId,
    pub version: u32,
    /// The newest routing's. Routing does not hear of drafts, so its facts are compared with its own.
    pub routed_version: u32,
    pub question: Question,
    pub custody: Custody,
    /// As last heard; version 0: promised before there were policies.
    pub deadline: Deadline,
    pub draft: Draft,
    /// What became of the draft without a hand.
    pub automation: Mode,
    pub state: State,
}

/// Who is to answer, by when.
#[derive(Debug, Clone, PartialEq)]
pub struct Custody {
    pub unit: String,
    pub unit_name: String,
    pub field: String,
    pub due_at: DateTime<Utc>,
}

/// What the officer starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Empty unless the verdict is `reuse`.
    pub text: String,
    pub verdict: Verdict,
    pub sources: Vec<Neighbour>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Drafted,
    Approved {
        by: String,
        at: DateTime<Utc>,
        text: String,
        citations: Vec<Citation>,
        /// The family's centre whose answer it was given.
        with: Option<TicketId>,
    },
    Returned {
        by: String,
        at: DateTime<Utc>,
        reason: String,
    },
}

/// Who approves what is sent without a hand.
const SENT_BY: &str = "motcua";

/// Why an officer's step was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not waiting for an officer any more.
    NotDrafted,
    /// It changed since the officer saw it; the version it has now.
    Stale(u32),
    /// Not one of the draft's sources.
    UnknownSource(String),
}

impl Draft {
    /// From the verdict: the best source's answer if it may be reused.
    pub fn from_verdict(question: &Question, verdict: Verdict, sources: Vec<Neighbour>) -> Self {
        let verdict = if question.follow_ups.is_empty() { verdict } else { second_time(verdict) };
        let text = match (verdict.band(), sources.first()) {
            (Band::Reuse, Some(best)) => best.answer.clone(),
            _ => String::new(),
        };
        Self { text, verdict, sources }
    }
}

/// A reopened question is never answered from the store alone: what was stored did not help.
fn second_time(mut verdict: Verdict) -> Verdict {
    if verdict.band() == Band::Reuse {
        verdict.set_band(Band::Suggest);
    }
    verdict.reasons.push("Người hỏi chưa hài lòng với câu trả lời trước và đã hỏi lại".to_owned());
    verdict
}

impl Answer {
    /// A question that reached a unit for the first time; `version` is the routing's.
    pub fn draft(
        ticket_id: TicketId,
        version: u32,
        question: Question,
        custody: Custody,
        draft: Draft,
    ) -> Self {
        Self {
            ticket_id,
            version: version + 1,
            routed_version: version,
            question,
            custody,
            deadline: Deadline::default(),
            draft,
            automation: Mode::Off,
            state: State::Drafted,
        }
    }

    /// It was routed again, or reopened. `None`: the fact is of the past.
    pub fn reroute(
        mut self,
        version: u32,
        question: Question,
        custody: Custody,
        draft: Draft,
    ) -> Option<Self> {
        let (round, before) = (question.follow_ups.len(), self.question.follow_ups.len());
        let approved = matches!(self.state, State::Approved { .. });
        if round < before || (round == before && (approved || version <= self.routed_version)) {
            return None;
        }
        self.version = self.version.max(version) + 1;
        self.routed_version = version;
        self.question = question;
        self.custody = custody;
        self.draft = draft;
        self.automation = Mode::Off;
        self.state = State::Drafted;
        Some(self)
    }

    /// The deadline as a fact tells it, or as a newer one told it before. What the officer has seen
    /// stays seen.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Option<&Deadline>) -> Self {
        if let Some(deadline) = deadline.filter(|deadline| deadline.version > self.deadline.version) {
            self.deadline = deadline.clone();
        }
        if let Some(due_at) = api::time(self.deadline.due_at.as_ref()) {
            self.custody.due_at = due_at;
        }
        self
    }

    /// A source of its draft has changed. `None`: nothing waits for an officer, or the draft is the same.
    pub fn redraft(mut self, draft: Draft) -> Option<Self> {
        if self.state != State::Drafted || self.draft == draft {
            return None;
        }
        self.version += 1;
        self.draft = draft;
        self.automation = Mode::Off;
        Some(self)
    }

    /// Publishes the draft as it is, without a hand. Only of an answer that was just drafted.
    #[must_use]
    pub fn send(mut self, at: DateTime<Utc>) -> Self {
        let citations = self.draft.sources.first().map(citation).into_iter().collect();
        self.version += 1;
        self.automation = Mode::On;
        let text = self.draft.text.clone();
        self.state = State::Approved { by: SENT_BY.to_owned(), at, text, citations, with: None };
        self
    }

    /// Whether what is published was sent without a hand.
    pub fn is_automatic(&self) -> bool {
        self.automation == Mode::On && matches!(self.state, State::Approved { with: None, .. })
    }

    /// Publishes `text`. `None`: the same approval was made before.
    pub fn approve(
        mut self,
        seen: u32,
        by: &str,
        text: String,
        source_ids: &[String],
        at: DateTime<Utc>,
    ) -> Result<Option<Self>, Refused> {
        match &self.state {
            State::Drafted => {}
            State::Approved { text: before, .. } if *before == text && seen < self.version => {
                return Ok(None);
            }
            State::Approved { .. } | State::Returned { .. } => return Err(Refused::NotDrafted),
        }
        if seen != self.version {
            return Err(Refused::Stale(self.version));
        }
        let citations = self.citations(source_ids)?;
        self.version += 1;
        self.state = State::Approved { by: by.to_owned(), at, text, citations, with: None };
        Ok(Some(self))
    }

    /// The family's centre was answered, and so is this member. `None`: it does not wait any more.
    pub fn answer_with(mut self, centre: &AnswerApproved, by: &str, at: DateTime<Utc>) -> Option<Self> {
        if self.state != State::Drafted {
            return None;
        }
        self.version += 1;
        self.state = State::Approved {
            by: by.to_owned(),
            at,
            text: centre.text.clone(),
            citations: centre.citations.clone(),
            with: centre.ticket_id.parse().ok(),
        };
        Some(self)
    }

    /// Publishes what a working group outside answered; it never saw the draft. `None`: it does not wait
    /// any more.
    pub fn relay(mut self, by: &str, text: String, at: DateTime<Utc>) -> Option<Self> {
        if self.state != State::Drafted {
            return None;
        }
        self.version += 1;
        self.state = State::Approved { by: by.to_owned(), at, text, citations: Vec::new(), with: None };
        Some(self)
    }

    /// Gives it back to routing. `None`: the same return was made before. `seen` 0: not compared.
    pub fn return_to_routing(
        mut self,
        seen: u32,
        by: &str,
        reason: String,
        at: DateTime<Utc>,
    ) -> Result<Option<Self>, Refused> {
        match &self.state {
            State::Drafted => {}
            State::Returned { reason: before, .. } if *before == reason => return Ok(None),
            State::Approved { .. } | State::Returned { .. } => return Err(Refused::NotDrafted),
        }
        if seen != 0 && seen != self.version {
            return Err(Refused::Stale(self.version));
        }
        self.version += 1;
        self.state = State::Returned { by: by.to_owned(), at, reason };
        Ok(Some(self))
    }

    /// The named sources; if none is named, the one the draft was made from.
    fn citations(&self, source_ids: &[String]) -> Result<Vec<Citation>, Refused> {
        if source_ids.is_empty() {
            let made_from = self.draft.sources.first().filter(|_| !self.draft.text.is_empty());
            return Ok(made_from.map(citation).into_iter().collect());
        }
        let stranger = source_ids.iter().find(|id| self.draft.sources.iter().all(|source| source.id != **id));
        if let Some(id) = stranger {
            return Err(Refused::UnknownSource(id.clone()));
        }
        // Each source once, however often it is named: a fact must stay small.
        Ok(self.draft.sources.iter().filter(|source| source_ids.contains(&source.id)).map(citation).collect())
    }

    pub fn drafted(&self, at: DateTime<Utc>) -> AnswerDrafted {
        AnswerDrafted {
            ticket_id: self.ticket_id.to_string(),
            version: self.version,
            unit: self.custody.unit.clone(),
            field: self.custody.field.clone(),
            band: self.draft.verdict.band,
            probability: self.draft.verdict.probability,
            sources: self.draft.sources.iter().map(citation).collect(),
            drafted_at: Some(api::timestamp(at)),
        }
    }

    /// The fact of the approval; `None` in any other state.
    pub fn approved(&self) -> Option<AnswerApproved> {
        let State::Approved { at, text, citations, with, .. } = &self.state else { return None };
        Some(AnswerApproved {
            ticket_id: self.ticket_id.to_string(),
            version: self.version,
            question: Some(self.question.clone()),
            text: text.clone(),
            citations: citations.clone(),
            unit: self.custody.unit.clone(),
            unit_name: self.custody.unit_name.clone(),
            field: self.custody.field.clone(),
            due_at: Some(api::timestamp(self.custody.due_at)),
            approved_at: Some(api::timestamp(*at)),
            centre_ticket_id: with.map(|centre_id| centre_id.to_string()).unwrap_or_default(),
            draft_use: None,
            automatic: self.is_automatic(),
        })
    }

    /// The fact of the return; `None` in any other state.
    pub fn returned(&self, suggested_unit: &str) -> Option<QuestionReturned> {
        let State::Returned { at, reason, .. } = &self.state else { return None };
        Some(QuestionReturned {
            ticket_id: self.ticket_id.to_string(),
            version: self.version,
            question: Some(self.question.clone()),
            unit: self.custody.unit.clone(),
            unit_name: self.custody.unit_name.clone(),
            field: self.custody.field.clone(),
            reason: reason.clone(),
            suggested_unit: suggested_unit.to_owned(),
            returned_at: Some(api::timestamp(*at)),
        })
    }
}

fn citation(source: &Neighbour) -> Citation {
    Citation { id: source.id.clone(), title: source.question.clone(), source: source.source.clone() }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn verdict(band: Band) -> Verdict {
        Verdict { band: band.into(), probability: 0.9, ..Verdict::default() }
    }

    fn source() -> Neighbour {
        Neighbour {
            id: "s1".into(), question: "hỏi?".into(), answer: "đáp".into(), ..Neighbour::default()
        }
    }

    fn custody(unit: &str) -> Custody {
        Custody {
            unit: unit.into(),
            unit_name: String::new(),
            field: String::new(),
            due_at: DateTime::UNIX_EPOCH,
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
        assert_eq!(
            approved.return_to_routing(0, "an", "nhầm".into(), DateTime::UNIX_EPOCH),
            Err(Refused::NotDrafted)
        );
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
        let cite =
            |id: &str| drafted().approve(3, "an", "đáp".into(), &[id.to_owned()], DateTime::UNIX_EPOCH);
        assert!(cite("s1").is_ok());
        let often = vec!["s1".to_owned(); 10_000];
        let approved =
            drafted().approve(3, "an", "đáp".into(), &often, DateTime::UNIX_EPOCH).unwrap().unwrap();
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
}
