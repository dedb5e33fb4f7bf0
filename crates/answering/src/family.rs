//! Question families: a question that waits may be answered with another one, the family's centre.
//! Pure: no async, no SQL, no clock.
//!
//! Members hang on the centre itself, never on a member: likeness does not carry on, or strangers
//! would be chained together. Only the same words carry on: what is like one is like the other.
//! A member joins while both wait in one unit. An approval marks those who are there then, and they
//! are answered from the mark, so nobody joins between. When a centre is moved or returned, or joins
//! another family itself, its members wait on their own again, and knowledge looks for their likes anew.

use std::collections::{HashMap, HashSet};

use api::{
    TicketId,
    answering::v1::{FamilyJoined, FamilyLeft, FamilyReason},
};
use chrono::{DateTime, Utc};

use crate::answer::{Answer, State};

/// Why a question is thought to be the same as its family's centre.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Likeness {
    /// 0 when an officer joined it.
    pub probability: f64,
    pub exact: bool,
    /// In words an officer can read (Vietnamese).
    pub reasons: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Membership {
    pub ticket_id: TicketId,
    pub centre_id: TicketId,
    pub likeness: Likeness,
    /// The officer; `None`: by itself.
    pub joined_by: Option<String>,
    pub joined_at: DateTime<Utc>,
    pub ending: Option<Ending>,
}

/// What became of the centre; its members follow.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// The fact of its approval has this version.
    Answered { version: u32, by: String },
    /// It was moved or returned, or is a member now.
    Left,
}

/// A question with its place among families.
#[derive(Debug, Clone, PartialEq)]
pub struct Relative {
    pub answer: Answer,
    pub membership: Option<Membership>,
}

/// Why a question did not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotJoined {
    Itself,
    /// One of the two does not wait for an officer.
    NotWaiting,
    /// One of the two was reopened: its answer is for more than its first words.
    Reopened,
    OtherUnit,
    /// The centre is a member: no chains.
    CentreIsMember,
    /// It is that centre's member.
    Already,
    /// It is another centre's member.
    Elsewhere,
}

/// Who joins, for which reason.
pub struct Joining {
    pub likeness: Likeness,
    /// The officer; `None`: by itself.
    pub by: Option<String>,
    pub at: DateTime<Utc>,
}

impl Relative {
    /// Joins the family of `centre`; those that hang on it must be let go of.
    pub fn join(self, centre: &Self, joining: Joining) -> Result<(Answer, Membership), NotJoined> {
        let (member_id, centre_id) = (self.answer.ticket_id, centre.answer.ticket_id);
        let waiting = [&self.answer, &centre.answer].iter().all(|answer| answer.state == State::Drafted);
        let first_rounds =
            [&self.answer, &centre.answer].iter().all(|answer| answer.question.follow_ups.is_empty());
        let refused = match &self.membership {
            _ if member_id == centre_id => Some(NotJoined::Itself),
            Some(Membership { centre_id: of, ending: None, .. }) if *of == centre_id => {
                Some(NotJoined::Already)
            }
            _ if !waiting => Some(NotJoined::NotWaiting),
            _ if !first_rounds => Some(NotJoined::Reopened),
            Some(_) => Some(NotJoined::Elsewhere),
            None if centre.membership.is_some() => Some(NotJoined::CentreIsMember),
            None if self.answer.custody.unit != centre.answer.custody.unit => Some(NotJoined::OtherUnit),
            None => None,
        };
        if let Some(refused) = refused {
            return Err(refused);
        }
        let Joining { likeness, by, at } = joining;
        let mut answer = self.answer;
        answer.version += 1;
        let membership = Membership {
            ticket_id: member_id,
            centre_id,
            likeness,
            joined_by: by,
            joined_at: at,
            ending: None,
        };
        Ok((answer, membership))
    }
}

impl Membership {
    /// The fact that `member` joined.
    pub fn joined(&self, member: &Answer) -> FamilyJoined {
        let reason = if self.joined_by.is_some() { FamilyReason::Officer } else { FamilyReason::Alike };
        FamilyJoined {
            ticket_id: self.ticket_id.to_string(),
            version: member.version,
            centre_ticket_id: self.centre_id.to_string(),
            unit: member.custody.unit.clone(),
            field: member.custody.field.clone(),
            reason: reason.into(),
            probability: self.likeness.probability,
            exact: self.likeness.exact,
            joined_at: Some(api::timestamp(self.joined_at)),
        }
    }

    /// The member leaves; its state stays what it is.
    pub fn leave(&self, mut member: Answer, reason: FamilyReason, at: DateTime<Utc>) -> (Answer, FamilyLeft) {
        member.version += 1;
        let left = FamilyLeft {
            ticket_id: self.ticket_id.to_string(),
            version: member.version,
            centre_ticket_id: self.centre_id.to_string(),
            unit: member.custody.unit.clone(),
            field: member.custody.field.clone(),
            reason: reason.into(),
            left_at: Some(api::timestamp(at)),
        };
        (member, left)
    }
}

/// A question that knowledge found to be the same, by its routing's version.
#[derive(Debug, Clone, PartialEq)]
pub struct Like {
    pub ticket_id: TicketId,
    pub version: u32,
    pub likeness: Likeness,
    /// The same words, with the same diacritics or none.
    pub identical: bool,
}

/// What comes of the news that a question has likes.
#[derive(Debug, PartialEq)]
pub enum Choice {
    Join {
        member_id: TicketId,
        centre_id: TicketId,
        likeness: Likeness,
    },
    /// It is of the past, or none of them can be its centre: it waits on its own.
    Stay,
    /// A routing that knowledge has heard of has not come here yet.
    NotYet,
}

/// Chooses the family of the question `ticket_id`, which has these likes since its routing of that
/// version. `separated` are members and the centres that an officer took them away from.
pub fn choose(
    ticket_id: TicketId,
    version: u32,
    likes: &[Like],
    relatives: &HashMap<TicketId, Relative>,
    separated: &HashSet<(TicketId, TicketId)>,
) -> Choice {
    let Some(newcomer) = relatives.get(&ticket_id) else { return Choice::NotYet };
    match heard(&newcomer.answer, version) {
        Heard::Now if newcomer.answer.routed_version == version => {}
        Heard::NotYet => return Choice::NotYet,
        Heard::Now | Heard::Past => return Choice::Stay,
    }
    let heads = relatives.values().any(
        |other| matches!(&other.membership, Some(of) if of.centre_id == ticket_id && of.ending.is_none()),
    );
    for like in likes {
        let Some(liked) = relatives.get(&like.ticket_id) else { return Choice::NotYet };
        match heard(&liked.answer, like.version) {
            Heard::Now => {}
            Heard::NotYet => return Choice::NotYet,
            Heard::Past => continue,
        }
        let (centre_id, likeness) = match &liked.membership {
            None => (like.ticket_id, like.likeness.clone()),
            Some(of) if like.identical => (of.centre_id, of.likeness.clone()),
            Some(_) => continue,
        };
        let Some(found) = relatives.get(&centre_id) else { return Choice::NotYet };
        // A centre that joins lets its members go, and they look for each other again: only towards
        // older ones, or families could go round for ever. The younger one looked before this one could
        // be found, and will not look again: so it joins now.
        let (member, centre) =
            if heads && centre_id.0 > ticket_id.0 { (found, newcomer) } else { (newcomer, found) };
        let (member_id, centre_id) = (member.answer.ticket_id, centre.answer.ticket_id);
        if separated.contains(&(member_id, centre_id)) {
            continue;
        }
        let joining = Joining { likeness: likeness.clone(), by: None, at: DateTime::UNIX_EPOCH };
        match member.clone().join(centre, joining) {
            Ok(_) => return Choice::Join { member_id, centre_id, likeness },
            Err(NotJoined::Already | NotJoined::Elsewhere) => return Choice::Stay,
            Err(_) => {}
        }
    }
    Choice::Stay
}

enum Heard {
    Now,
    NotYet,
    /// It is answered or withdrawn, or reopened: likeness is of first rounds.
    Past,
}

fn heard(answer: &Answer, version: u32) -> Heard {
    if matches!(answer.state, State::Approved { .. } | State::Withdrawn { .. })
        || !answer.question.follow_ups.is_empty()
    {
        Heard::Past
    } else if answer.routed_version < version {
        Heard::NotYet
    } else {
        Heard::Now
    }
}

#[cfg(test)]
mod tests;
