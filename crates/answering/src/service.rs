//! The use cases, named as the RPCs. Transactions begin here and in `events.rs` only.

use std::sync::Arc;

use api::{
    TicketId,
    answering::v1::{DraftUse, FamilyReason},
    intake::v1::Question,
    knowledge::v1::{FindReusableRequest, knowledge_service_client::KnowledgeServiceClient},
    routing::v1::routing_service_client::RoutingServiceClient,
};
use chrono::{DateTime, Utc};
use runtime::{Clock, Context, Peer, Principal, Refusal, notify::Mailer};
use sqlx::{PgConnection, PgPool};

use crate::{
    Config,
    answer::{Answer, Draft, Refused, State},
    automation,
    digest::plan::Plans,
    family::{Ending, Joining, Likeness, Membership, NotJoined, Relative},
    replies::{Policy, Replies},
    storage::{
        self, Page, Waiting, automation as automations, family as families,
        reply::Reply,
        trace::{self as traces, Trace, Traced},
    },
};

/// Largest and usual page of the inbox.
pub const PAGE_MAX: u32 = 200;
pub const PAGE_USUAL: u32 = 50;

/// What happened since a question was opened: so much is shown, each with so much of what was said.
const CHANGES_SHOWN: i64 = 50;
const NOTE_CHARS: i32 = 300;

/// Members that are shown with their centre, at most.
const MEMBERS_SHOWN: i64 = 200;

/// Members of a family whose members are chosen one by one, at most: all of them are locked at once.
const FAMILY_MAX: i64 = 10_000;

#[derive(Clone)]
pub struct Answering {
    pub pool: PgPool,
    pub clock: Clock,
    pub config: Config,
    pub replies: Arc<Replies>,
    pub plans: Arc<Plans>,
    /// `None`: mail is off.
    pub mailer: Option<Mailer>,
    knowledge: KnowledgeServiceClient<Peer>,
    pub(crate) routing: RoutingServiceClient<Peer>,
}

/// What an officer approves.
pub struct ApproveAnswer {
    pub ticket_id: TicketId,
    pub text: String,
    pub version: u32,
    pub source_ids: Vec<String>,
    /// The officer says that the draft answers another question.
    pub draft_rejected: bool,
    /// Who of its family gets the answer, too; `None`: all.
    pub members: Option<Vec<TicketId>>,
}

/// What an officer joins to a family, or takes out of it.
pub struct MoveMember {
    pub centre_id: TicketId,
    pub member_id: TicketId,
    /// The member's version that the officer saw; 0: not compared.
    pub version: u32,
    pub reason: String,
}

/// A question as the officer sees it.
pub struct Shown {
    pub answer: Answer,
    pub family: Vec<families::Member>,
    pub family_size: u32,
    /// Whose member it is.
    pub centre_id: Option<TicketId>,
    pub policy: Policy,
    /// What the asker gave when asked, oldest first.
    pub replies: Vec<Reply>,
    /// Since it was opened.
    pub changes: Vec<Traced>,
}

/// Why a question leaves its family.
pub struct Leaving<'a> {
    pub reason: FamilyReason,
    /// The officer; `None`: by itself.
    pub by: Option<&'a str>,
    pub note: &'a str,
}

impl Leaving<'_> {
    pub fn because(reason: FamilyReason) -> Self {
        Self { reason, by: None, note: "" }
    }
}

impl Answering {
    pub fn try_new(ctx: &Context, config: Config) -> anyhow::Result<Self> {
        let replies = Arc::new(Replies::read(&config.replies)?);
        let plans = Arc::new(Plans::read(&config.digests)?);
        let knowledge = KnowledgeServiceClient::new(ctx.peer("knowledge"));
        let routing = RoutingServiceClient::new(ctx.peer("routing"));
        let (pool, clock, mailer) = (ctx.pool.clone(), ctx.clock.clone(), ctx.mailer.clone());
        Ok(Self { pool, clock, config, replies, plans, mailer, knowledge, routing })
    }

    /// Asks knowledge what may be reused.
    pub async fn draft(&self, question: &Question) -> Result<Draft, tonic::Status> {
        let request = FindReusableRequest { text: question.text.clone(), limit: self.config.sources_max };
        let found = self.knowledge.clone().find_reusable(request).await?.into_inner();
        Ok(Draft::from_verdict(question, found.verdict.unwrap_or_default(), found.neighbours))
    }

    /// A page of what waits in the caller's unit, and where the next one begins.
    pub async fn list_inbox(
        &self,
        officer: &Principal,
        unit: &str,
        limit: u32,
        members: bool,
        after: Option<(DateTime<Utc>, TicketId)>,
    ) -> Result<(Vec<Waiting>, bool), Refusal> {
        let unit = match (officer.unit.as_deref(), unit) {
            (own, "") => own,
            (Some(own), unit) if own != unit => {
                return Err(Refusal::denied("OTHER_UNIT", "this is another unit's"));
            }
            (_, unit) => Some(unit),
        };
        if limit > PAGE_MAX {
            return Err(Refusal::invalid("limit", "LIMIT_TOO_LARGE", format!("limit is at most {PAGE_MAX}")));
        }
        let limit = if limit == 0 { PAGE_USUAL } else { limit };
        let mut conn = self.pool.acquire().await?;
        // One more than asked for tells whether there is a next page.
        let page = Page { unit, members, after, limit: i64::from(limit) + 1 };
        let mut waiting = storage::list_waiting(&mut conn, page).await?;
        let more = waiting.len() > limit as usize;
        waiting.truncate(limit as usize);
        Ok((waiting, more))
    }

    /// The question, and what happened to it after the version `since` (0: that is not asked).
    pub async fn get_draft(
        &self,
        officer: &Principal,
        ticket_id: TicketId,
        since: u32,
    ) -> Result<Shown, Refusal> {
        let mut conn = self.pool.acquire().await?;
        let answer = of_unit(officer, storage::find_answer(&mut conn, ticket_id).await?)?;
        let family = families::members(&mut conn, ticket_id, MEMBERS_SHOWN).await?;
        let family_size = families::size(&mut conn, ticket_id).await?;
        let membership = families::find_membership(&mut conn, ticket_id).await?;
        let waits_with = membership.filter(|of| of.ending != Some(Ending::Left)).map(|of| of.centre_id);
        let centre_id = match &answer.state {
            State::Approved { with, .. } => *with,
            State::Drafted | State::Returned { .. } | State::Withdrawn { .. } => waits_with,
        };
        let policy = self.policy(&answer).clone();
        let replies = storage::reply::of(&mut conn, ticket_id).await?;
        let changes = match since {
            0 => Vec::new(),
            since => traces::since(&mut conn, ticket_id, since, NOTE_CHARS, CHANGES_SHOWN).await?,
        };
        Ok(Shown { answer, family, family_size, centre_id, policy, replies, changes })
    }

    /// Publishes the answer; the fact leaves only if the state stays. The members of its family are
    /// marked and follow. A member that is approved itself leaves its family.
    pub async fn approve_answer(&self, officer: &Principal, step: ApproveAnswer) -> Result<Answer, Refusal> {
        let text = checked("text", &step.text, self.config.text_chars_max)?;
        let mut tx = self.pool.begin().await?;
        if let Some(members) = &step.members {
            families::lock_family(&mut tx, step.ticket_id, FAMILY_MAX).await?;
            self.leave_others(&mut tx, officer, step.ticket_id, members).await?;
        }
        let answer = of_unit(officer, storage::lock_answer(&mut tx, step.ticket_id).await?)?;
        let approved = answer
            .clone()
            .approve(step.version, &officer.subject, text.clone(), &step.source_ids, self.clock.now())
            .map_err(refused)?;
        let Some(approved) = approved else { return Ok(answer) };
        self.check_release(&mut tx, &officer.subject, &answer, &text, Some(&step.source_ids)).await?;
        let text = approved.approved().map(|fact| fact.text).unwrap_or_default();
        let draft_use = automation::judge(&approved.draft, &text, step.draft_rejected);
        if let Some(draft_use) = &draft_use {
            automations::keep_judgement(&mut tx, &approved, draft_use, &text, self.clock.now()).await?;
        }
        let approved = self.publish(&mut tx, approved, &officer.subject, draft_use).await?;
        tx.commit().await?;
        tracing::info!(ticket.id = %approved.ticket_id, "an answer was approved");
        Ok(approved)
    }

    /// Members that the officer did not choose wait on their own; the family is locked.
    async fn leave_others(
        &self,
        conn: &mut PgConnection,
        officer: &Principal,
        centre_id: TicketId,
        chosen: &[TicketId],
    ) -> Result<(), Refusal> {
        for member in families::members(conn, centre_id, FAMILY_MAX).await? {
            let member_id = member.membership.ticket_id;
            if chosen.contains(&member_id) {
                continue;
            }
            let answer = storage::lock_answer(conn, member_id).await?;
            let answer = answer.filter(|answer| sees(officer, answer)).ok_or_else(not_there)?;
            let leaving = Leaving { by: Some(&officer.subject), ..Leaving::because(FamilyReason::Officer) };
            let answer = self.leave_family(conn, answer, &leaving).await?;
            storage::save_answer(conn, &answer).await?;
        }
        families::refresh_urgency(conn, centre_id).await?;
        Ok(())
    }

    /// Publishes what was approved, in the transaction that locked it: the fact, the family's ending, the
    /// state.
    pub(crate) async fn publish(
        &self,
        conn: &mut PgConnection,
        approved: Answer,
        by: &str,
        draft_use: Option<DraftUse>,
    ) -> Result<Answer, sqlx::Error> {
        if let Some(mut fact) = approved.approved() {
            fact.draft_use = draft_use;
            bus::outbox::put(conn, &fact).await?;
        }
        let ending = Ending::Answered { version: approved.version, by: by.to_owned() };
        families::end(conn, approved.ticket_id, &ending).await?;
        let leaving = Leaving { by: Some(by), ..Leaving::because(FamilyReason::Answered) };
        let approved = self.leave_family(conn, approved, &leaving).await?;
        self.lapse_co_answers(conn, &approved).await?;
        storage::save_answer(conn, &approved).await?;
        let trace = Trace { what: "approved", by, note: "", at: self.clock.now() };
        traces::keep(conn, &approved, &trace).await?;
        Ok(approved)
    }

    /// Has a question answered with another one; returns how many then are.
    pub async fn attach_member(&self, officer: &Principal, step: MoveMember) -> Result<u32, Refusal> {
        let note = self.checked_note(&step.reason)?;
        let mut tx = self.pool.begin().await?;
        let (centre, mut member) = pair(&mut tx, officer, &step).await?;
        if member.membership.as_ref().is_some_and(|of| waits_with(of, &step)) {
            return Ok(families::size(&mut tx, step.centre_id).await?);
        }
        check_seen(&member, &step)?;
        if matches!(&member.membership, Some(of) if !matches!(of.ending, Some(Ending::Answered { .. }))) {
            let leaving = Leaving {
                by: Some(&officer.subject),
                note: &note,
                ..Leaving::because(FamilyReason::Officer)
            };
            member.answer = self.leave_family(&mut tx, member.answer, &leaving).await?;
            member.membership = None;
        }
        let mut reasons = vec!["Cán bộ gộp vào nhóm".to_owned()];
        reasons.extend(Some(note.clone()).filter(|note| !note.is_empty()));
        let likeness = Likeness { reasons, ..Likeness::default() };
        let joining = Joining { likeness, by: Some(officer.subject.clone()), at: self.clock.now() };
        let joined = member.join(&centre, joining).map_err(not_joined)?;
        self.keep_joined(&mut tx, joined, &note).await?;
        let size = families::size(&mut tx, step.centre_id).await?;
        tx.commit().await?;
        Ok(size)
    }

    /// Takes a question out of its family; returns how many are left.
    pub async fn detach_member(&self, officer: &Principal, step: MoveMember) -> Result<u32, Refusal> {
        let note = self.checked_note(&step.reason)?;
        let mut tx = self.pool.begin().await?;
        let (_, member) = pair(&mut tx, officer, &step).await?;
        if !member.membership.as_ref().is_some_and(|of| waits_with(of, &step)) {
            let separated = families::separated(&mut tx, &[step.member_id]).await?;
            if separated.contains(&(step.member_id, step.centre_id)) {
                return Ok(families::size(&mut tx, step.centre_id).await?);
            }
            return Err(Refusal::conflict("NOT_IN_FAMILY", "the question does not wait with this centre"));
        }
        check_seen(&member, &step)?;
        let leaving =
            Leaving { by: Some(&officer.subject), note: &note, ..Leaving::because(FamilyReason::Officer) };
        let member = self.leave_family(&mut tx, member.answer, &leaving).await?;
        storage::save_answer(&mut tx, &member).await?;
        families::refresh_urgency(&mut tx, step.centre_id).await?;
        let size = families::size(&mut tx, step.centre_id).await?;
        tx.commit().await?;
        Ok(size)
    }

    /// Keeps what [`Relative::join`] made, with its fact and trace. What hung on the member is let go.
    pub(crate) async fn keep_joined(
        &self,
        conn: &mut PgConnection,
        (member, membership): (Answer, Membership),
        note: &str,
    ) -> Result<(), sqlx::Error> {
        let fact = membership.joined(&member);
        families::insert(conn, &membership).await?;
        families::end(conn, member.ticket_id, &Ending::Left).await?;
        let by = membership.joined_by.as_deref();
        let (what, reason, at) = ("joined", fact.reason(), membership.joined_at);
        families::keep_trace(conn, &families::Trace { membership: &membership, what, reason, by, note, at })
            .await?;
        bus::outbox::put(conn, &fact).await?;
        storage::save_answer(conn, &member).await?;
        traces::keep(conn, &member, &Trace { what: "joined", by: by.unwrap_or_default(), note, at }).await?;
        families::refresh_urgency(conn, membership.centre_id).await
    }

    /// A locked question leaves its family, if it has one; the caller saves it.
    pub(crate) async fn leave_family(
        &self,
        conn: &mut PgConnection,
        member: Answer,
        leaving: &Leaving<'_>,
    ) -> Result<Answer, sqlx::Error> {
        let Some(membership) = families::take(conn, member.ticket_id).await? else { return Ok(member) };
        let (reason, at) = (leaving.reason, self.clock.now());
        let (member, fact) = membership.leave(member, reason, at);
        let (by, note) = (leaving.by, leaving.note);
        let trace = families::Trace { membership: &membership, what: "left", reason, by, note, at };
        families::keep_trace(conn, &trace).await?;
        bus::outbox::put(conn, &fact).await?;
        traces::keep(conn, &member, &Trace { what: "left", by: by.unwrap_or_default(), note, at }).await?;
        Ok(member)
    }

    /// Members of one transaction.
    pub(crate) fn family_batch(&self) -> i64 {
        i64::from(self.config.family_batch)
    }

    fn checked_note(&self, reason: &str) -> Result<String, Refusal> {
        if reason.trim().is_empty() {
            return Ok(String::new());
        }
        checked("reason", reason, self.config.reason_chars_max)
    }
}

/// The centre and the member, locked.
async fn pair(
    conn: &mut PgConnection,
    officer: &Principal,
    step: &MoveMember,
) -> Result<(Relative, Relative), Refusal> {
    if step.centre_id == step.member_id {
        return Err(not_joined(NotJoined::Itself));
    }
    let mut relatives = families::lock_relatives(conn, &[step.centre_id, step.member_id]).await?;
    let mut take = |ticket_id| {
        let relative = relatives.remove(&ticket_id).filter(|relative| sees(officer, &relative.answer));
        relative.ok_or_else(not_there)
    };
    Ok((take(step.centre_id)?, take(step.member_id)?))
}

fn waits_with(membership: &Membership, step: &MoveMember) -> bool {
    membership.centre_id == step.centre_id && membership.ending.is_none()
}

fn check_seen(member: &Relative, step: &MoveMember) -> Result<(), Refusal> {
    let version = member.answer.version;
    if step.version == 0 || step.version == version { Ok(()) } else { Err(refused(Refused::Stale(version))) }
}

fn not_joined(why: NotJoined) -> Refusal {
    match why {
        NotJoined::Itself => Refusal::invalid(
            "memberTicketId",
            "MEMBER_IS_CENTRE",
            "a question is no member of its own family",
        ),
        NotJoined::OtherUnit => {
            Refusal::conflict("UNITS_DIFFER", "the two questions wait in different units")
        }
        NotJoined::CentreIsMember => {
            Refusal::conflict("CENTRE_IS_MEMBER", "the centre is a member of another family")
        }
        NotJoined::Reopened => {
            Refusal::conflict("QUESTION_REOPENED", "a reopened question is answered by itself")
        }
        NotJoined::NotWaiting | NotJoined::Already | NotJoined::Elsewhere => refused(Refused::NotDrafted),
    }
}

/// Another unit's question is, to an officer of a unit, not there.
pub fn of_unit(officer: &Principal, answer: Option<Answer>) -> Result<Answer, Refusal> {
    answer.filter(|answer| sees(officer, answer)).ok_or_else(not_there)
}

pub fn sees(officer: &Principal, answer: &Answer) -> bool {
    officer.unit.as_ref().is_none_or(|unit| *unit == answer.custody.unit)
}

pub fn not_there() -> Refusal {
    Refusal::not_found("TICKET_NOT_FOUND", "there is no such question in your inbox")
}

pub fn refused(why: Refused) -> Refusal {
    match why {
        Refused::NotDrafted => Refusal::conflict("NOT_WAITING", "the question is not waiting for an answer"),
        Refused::Stale(version) => {
            Refusal::stale("STALE_VERSION", format!("the question has changed; its version is {version} now"))
        }
        Refused::UnknownSource(id) => Refusal::invalid(
            "sourceIds",
            "SOURCE_UNKNOWN",
            format!("'{id}' is not one of the draft's sources"),
        ),
        Refused::OwnerNotNamed => {
            let message = "name the unit that should have it, or say why none is known";
            Refusal::invalid("suggestedUnit", "OWNER_NOT_NAMED", message)
        }
        Refused::ToItself => {
            Refusal::invalid("suggestedUnit", "UNIT_IS_ITS_OWN", "the unit named is the one that has it")
        }
        Refused::ArbiterDecides => {
            Refusal::conflict("ARBITER_DECIDES", "an arbiter names the unit that answers, or answers")
        }
        Refused::Bound => Refusal::conflict("BOUND_BY_ARBITER", "the arbiter decided that this unit answers"),
        Refused::ReviewMissing => {
            Refusal::conflict("REVIEW_MISSING", "a first person submits the text for review")
        }
        Refused::ReviewerIsAuthor => Refusal::denied(
            "REVIEWER_IS_AUTHOR",
            "another person approves what you submitted, or corrects it",
        ),
        Refused::ReviewTextChanged => {
            Refusal::conflict("REVIEW_TEXT_CHANGED", "this is not the text that was submitted for review")
        }
    }
}

pub fn checked(field: &'static str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    if text.is_empty() {
        return Err(Refusal::invalid(field, "TEXT_EMPTY", format!("{field} is empty")));
    }
    if text.chars().count() > chars_max {
        let message = format!("{field} has more than {chars_max} characters");
        return Err(Refusal::invalid(field, "TEXT_TOO_LONG", message));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        let message = format!("{field} holds a control character");
        return Err(Refusal::invalid(field, "TEXT_CHARACTER_NOT_ALLOWED", message));
    }
    Ok(text)
}
