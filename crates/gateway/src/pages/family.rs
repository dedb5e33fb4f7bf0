//! The family of a question on the officer's page: its members, joining and separating.

use api::answering::v1::{AttachMemberRequest, DetachMemberRequest, FamilyMember};
use axum::extract::State;

use super::{
    Frame, Page,
    officer::{done, path_of},
    segment,
    typed::Typed,
    words,
};
use crate::{body::PathPart, fields::Form, language::Language, session::SignedIn, state::Gateway};

pub(super) struct Family {
    pub members: Vec<Member>,
    pub size: u32,
    /// Path segment of its own centre; empty: it is nobody's member.
    pub centre: String,
    /// All of it is shown, so who gets the answer can be chosen.
    pub may_choose: bool,
}

pub(super) struct Member {
    pub id: String,
    pub segment: String,
    pub version: u32,
    pub excerpt: String,
    pub asked: String,
    pub due: String,
    pub why: String,
    /// It gets the answer.
    pub chosen: bool,
}

impl Family {
    pub fn new(language: Language, members: Vec<FamilyMember>, size: u32, centre_ticket_id: &str) -> Self {
        Self {
            may_choose: size > 0 && usize::try_from(size) == Ok(members.len()),
            members: members.into_iter().map(|member| Member::new(language, member)).collect(),
            size,
            centre: segment(centre_ticket_id),
        }
    }

    /// With the choice that was made before; `None`: all.
    pub fn chosen(mut self, ids: Option<&[String]>) -> Self {
        for member in &mut self.members {
            member.chosen = ids.is_none_or(|ids| ids.contains(&member.id));
        }
        self
    }
}

impl Member {
    fn new(language: Language, member: FamilyMember) -> Self {
        let mut why = member.reasons;
        if !member.joined_by.is_empty() {
            why.push(member.joined_by);
        } else if !member.exact {
            let share = words::percent(language, member.probability);
            let why_so = language.say_with("reply-member-probability", &[("share", share.into())]);
            why.push(why_so.into_owned());
        }
        Self {
            segment: segment(&member.ticket_id),
            id: member.ticket_id,
            version: member.version,
            excerpt: member.excerpt,
            asked: words::moment(language, member.asked_at.as_ref()),
            due: words::moment(language, member.due_at.as_ref()),
            why: words::joined(why.iter().map(String::as_str)),
            chosen: true,
        }
    }
}

pub(super) async fn attach(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = AttachMemberRequest {
        ticket_id: ticket_id.clone(),
        member_ticket_id: fields.text("member").trim().to_owned(),
        version: fields.number("version")?,
        reason: fields.text("reason"),
    };
    let outcome = gateway.answering(Some(&caller.token)).attach_member(gateway.ask(request)).await;
    let back = path_of(&ticket_id);
    done(&gateway, frame, &caller, ticket_id, outcome, (&back, Typed::of_form("gop", fields))).await
}

pub(super) async fn detach(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let request = DetachMemberRequest {
        ticket_id: ticket_id.clone(),
        member_ticket_id: fields.text("member"),
        version: fields.number("version")?,
        reason: fields.text("reason"),
    };
    let outcome = gateway.answering(Some(&caller.token)).detach_member(gateway.ask(request)).await;
    let back = path_of(&ticket_id);
    done(&gateway, frame, &caller, ticket_id, outcome, (&back, Typed::default())).await
}
