//! What the facts of routing, knowledge and answering itself do to answers and families.

use std::collections::HashMap;

use api::{
    Event, TicketId,
    answering::v1::{AnswerApproved, AnswerDrafted, FamilyJoined, FamilyReason, QuestionReturned},
    intake::v1::{AskerReplied, QuestionWithdrawn},
    knowledge::v1::QuestionsAlike,
    routing::v1::{Deadline, DeadlineChanged, DeadlineReached, QuestionRouted},
};
use bus::{Failure, Received};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    answer::{Answer, Custody, State},
    family::{self, Choice, Ending, Joining, Like, Likeness, Membership},
    service::{Answering, Leaving},
    storage::{
        self, family as families,
        reply::Reply,
        trace::{self as traces, Trace},
    },
};

impl Answering {
    pub async fn on_question_routed(&self, received: Received<QuestionRouted>) -> Result<(), Failure> {
        let event = received.event.clone();
        let ticket_id = parse(&event.ticket_id)?;
        let (deadline, binding) = (event.deadline.as_ref(), event.binding());
        let (Some(question), Some(due_at)) = (event.question, api::time(event.due_at.as_ref())) else {
            return Err(Failure::Reject(anyhow::anyhow!("the event has no question or no deadline")));
        };
        let heard = self.sources_heard().await?;
        // Slow, so before the transaction.
        let draft = self.draft(&question).await.map_err(Failure::retry)?;
        let custody =
            Custody { unit: event.unit, unit_name: event.unit_name, field: event.field, due_at, binding };
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        self.check_sources(&mut tx, heard, &draft).await?;
        let (answer, again) = match storage::lock_answer(&mut tx, ticket_id).await? {
            None => (Some(Answer::draft(ticket_id, event.version, question, custody, draft)), false),
            Some(before) => {
                let again = before.clone().reroute(event.version, question, custody, draft);
                if let Some(again) = &again {
                    self.told_again(&mut tx, &before, again).await?;
                }
                (again, true)
            }
        };
        if let Some(answer) = answer {
            let mut answer = answer.with_deadline(deadline);
            bus::outbox::put(&mut tx, &answer.drafted(self.clock.now())).await?;
            if again {
                families::end(&mut tx, ticket_id, &Ending::Left).await?;
                families::refresh_urgency(&mut tx, ticket_id).await?;
                answer = self.leave_family(&mut tx, answer, &Leaving::because(FamilyReason::Moved)).await?;
            }
            let answer = self.automate(&mut tx, answer).await?;
            self.lapse_co_answers(&mut tx, &answer).await?;
            storage::save_answer(&mut tx, &answer).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What it means that a question is to be answered again: reopened, its answer did not help; amended,
    /// who has it open learns of it.
    async fn told_again(
        &self,
        conn: &mut PgConnection,
        before: &Answer,
        again: &Answer,
    ) -> Result<(), sqlx::Error> {
        if again.question.follow_ups.len() > before.question.follow_ups.len() {
            self.judge_reopened(conn, before).await?;
        }
        let amended = again.question.revision > before.question.revision;
        let (what, note) = if amended { ("amended", before.question.text.as_str()) } else { ("moved", "") };
        let trace = Trace { what, by: "", note, at: self.clock.now() };
        traces::keep(conn, again, &trace).await
    }

    /// The asker needs no answer any more: it leaves the inbox, its family, its digest. Those who waited
    /// with it wait on their own. Done before it is noted as heard, and again changes nothing.
    pub async fn on_question_withdrawn(&self, received: Received<QuestionWithdrawn>) -> Result<(), Failure> {
        let event = received.event.clone();
        let ticket_id = parse(&event.ticket_id)?;
        let at = api::time(event.withdrawn_at.as_ref()).unwrap_or(received.occurred_at);
        let Some(question) = event.question else {
            return Err(Failure::Reject(anyhow::anyhow!("the event has no question")));
        };
        let mut tx = self.pool.begin().await?;
        let Some(answer) = storage::lock_answer(&mut tx, ticket_id).await? else {
            return Err(Failure::Retry(anyhow::anyhow!("the routing of {ticket_id} is to come")));
        };
        if let Some(answer) = answer.withdraw(question, event.version, at) {
            families::end(&mut tx, ticket_id, &Ending::Left).await?;
            families::refresh_urgency(&mut tx, ticket_id).await?;
            let leaving = Leaving::because(FamilyReason::Withdrawn);
            let answer = self.leave_family(&mut tx, answer, &leaving).await?;
            self.lapse_co_answers(&mut tx, &answer).await?;
            storage::save_answer(&mut tx, &answer).await?;
            let trace = Trace { what: "withdrawn", by: "", note: "", at };
            traces::keep(&mut tx, &answer, &trace).await?;
            tx.commit().await?;
        }
        self.release_members(ticket_id).await?;
        self.done(&received).await
    }

    /// What the asker gave stands beside the draft, and must be seen before an approval.
    pub async fn on_asker_replied(&self, received: Received<AskerReplied>) -> Result<(), Failure> {
        let event = &received.event;
        let ticket_id = parse(&event.ticket_id)?;
        let at = api::time(event.replied_at.as_ref()).unwrap_or(received.occurred_at);
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        let Some(answer) = storage::lock_answer(&mut tx, ticket_id).await? else {
            return Err(Failure::Retry(anyhow::anyhow!("the routing of {ticket_id} is to come")));
        };
        let reply = Reply { asked: event.asked.clone(), text: event.text.clone(), at };
        storage::reply::keep(&mut tx, ticket_id, event.version, &reply).await?;
        if answer.state == State::Drafted {
            let answer = answer.seen_anew();
            storage::save_answer(&mut tx, &answer).await?;
            let trace = Trace { what: "replied", by: "", note: &event.text, at };
            traces::keep(&mut tx, &answer, &trace).await?;
        }
        Ok(tx.commit().await?)
    }

    pub async fn on_deadline_changed(&self, received: Received<DeadlineChanged>) -> Result<(), Failure> {
        let deadline = received.event.deadline.clone();
        self.take_deadline(&received, deadline).await
    }

    pub async fn on_deadline_reached(&self, received: Received<DeadlineReached>) -> Result<(), Failure> {
        let deadline = received.event.deadline.clone();
        self.take_deadline(&received, deadline).await
    }

    async fn take_deadline<E: Event>(
        &self,
        received: &Received<E>,
        deadline: Option<Deadline>,
    ) -> Result<(), Failure> {
        let ticket_id = parse(received.event.ticket_id())?;
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        let mut relatives = families::lock_relatives(&mut tx, &[ticket_id]).await?;
        let Some(own) = relatives.remove(&ticket_id) else {
            return Err(Failure::Retry(anyhow::anyhow!("the routing of {ticket_id} is to come")));
        };
        storage::save_answer(&mut tx, &own.answer.with_deadline(deadline.as_ref())).await?;
        if let Some(membership) = own.membership {
            families::refresh_urgency(&mut tx, membership.centre_id).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A question that waits joins the family of one that it is like.
    pub async fn on_questions_alike(&self, received: Received<QuestionsAlike>) -> Result<(), Failure> {
        let event = &received.event;
        let ticket_id = parse(&event.ticket_id)?;
        let likes = event.likes.iter().map(like).collect::<Result<Vec<Like>, Failure>>()?;
        let ids: Vec<TicketId> = [ticket_id].into_iter().chain(likes.iter().map(|l| l.ticket_id)).collect();
        let Some(mut tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        let mut relatives: HashMap<_, _> = families::lock_relatives(&mut tx, &ids).await?;
        let separated = families::separated(&mut tx, &ids).await?;
        match family::choose(ticket_id, event.version, &likes, &relatives, &separated) {
            Choice::Join { member_id, centre_id, likeness } => {
                if let (Some(member), Some(centre)) =
                    (relatives.remove(&member_id), relatives.get(&centre_id))
                {
                    let joining = Joining { likeness, by: None, at: self.clock.now() };
                    if let Ok(joined) = member.join(centre, joining) {
                        self.keep_joined(&mut tx, joined, "").await?;
                    }
                }
            }
            Choice::Stay => {}
            Choice::NotYet => {
                return Err(Failure::Retry(anyhow::anyhow!("a routing that knowledge heard of is to come")));
            }
        }
        Ok(tx.commit().await?)
    }

    /// The centre's answer goes to each member that was there when it was approved, a few at a time:
    /// a restart goes on with those that are left.
    pub async fn on_answer_approved(&self, received: Received<AnswerApproved>) -> Result<(), Failure> {
        let event = &received.event;
        let centre_id = parse(&event.ticket_id)?;
        let at = api::time(event.approved_at.as_ref()).unwrap_or(received.occurred_at);
        while self.answer_members(centre_id, event, at).await? {
            bus::faults::reach("between-members:answering-AnswerApproved", &AnswerApproved::event_name());
        }
        self.done(&received).await
    }

    /// The centre went back to routing.
    pub async fn on_question_returned(&self, received: Received<QuestionReturned>) -> Result<(), Failure> {
        self.release_members(parse(&received.event.ticket_id)?).await?;
        self.done(&received).await
    }

    /// The centre may have been moved.
    pub async fn on_answer_drafted(&self, received: Received<AnswerDrafted>) -> Result<(), Failure> {
        self.release_members(parse(&received.event.ticket_id)?).await?;
        self.done(&received).await
    }

    /// The centre of others joined a family itself.
    pub async fn on_family_joined(&self, received: Received<FamilyJoined>) -> Result<(), Failure> {
        self.release_members(parse(&received.event.ticket_id)?).await?;
        self.done(&received).await
    }

    async fn done<E>(&self, received: &Received<E>) -> Result<(), Failure> {
        let Some(tx) = received.begin_once(&self.pool).await? else { return Ok(()) };
        Ok(tx.commit().await?)
    }

    /// Answers some of the members; `false`: none is left.
    async fn answer_members(
        &self,
        centre_id: TicketId,
        approved: &AnswerApproved,
        at: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        let mut tx = self.pool.begin().await?;
        let ids = families::to_answer(&mut tx, centre_id, approved.version, self.family_batch()).await?;
        for member in storage::lock_answers(&mut tx, &ids).await? {
            // It may have gone before the lock.
            let Some(membership) = families::find_membership(&mut tx, member.ticket_id).await? else {
                continue;
            };
            let by = match &membership.ending {
                Some(Ending::Answered { version, by })
                    if membership.centre_id == centre_id && *version == approved.version =>
                {
                    by
                }
                _ => continue,
            };
            families::take(&mut tx, member.ticket_id).await?;
            let Some(member) = member.answer_with(approved, by, at) else { continue };
            self.lapse_co_answers(&mut tx, &member).await?;
            storage::save_answer(&mut tx, &member).await?;
            if let Some(fact) = member.approved() {
                bus::outbox::put(&mut tx, &fact).await?;
            }
            let trace = families::Trace {
                membership: &membership,
                what: "answered",
                reason: FamilyReason::Answered,
                by: Some(by),
                note: "",
                at: self.clock.now(),
            };
            families::keep_trace(&mut tx, &trace).await?;
        }
        tx.commit().await?;
        Ok(!ids.is_empty())
    }

    /// Lets the members of a centre that has left wait on their own, a few at a time.
    async fn release_members(&self, centre_id: TicketId) -> Result<(), Failure> {
        loop {
            let mut tx = self.pool.begin().await?;
            let ids = families::to_release(&mut tx, centre_id, self.family_batch()).await?;
            if ids.is_empty() {
                return Ok(());
            }
            for member in storage::lock_answers(&mut tx, &ids).await? {
                let membership = families::find_membership(&mut tx, member.ticket_id).await?;
                let left = |of: &Membership| of.centre_id == centre_id && of.ending == Some(Ending::Left);
                if !membership.as_ref().is_some_and(left) {
                    continue; // it had gone before the lock
                }
                let why = Leaving::because(FamilyReason::CentreLeft);
                let member = self.leave_family(&mut tx, member, &why).await?;
                storage::save_answer(&mut tx, &member).await?;
            }
            tx.commit().await?;
        }
    }
}

fn parse(ticket_id: &str) -> Result<TicketId, Failure> {
    ticket_id.parse().map_err(Failure::reject)
}

fn like(like: &api::knowledge::v1::Likeness) -> Result<Like, Failure> {
    Ok(Like {
        ticket_id: parse(&like.ticket_id)?,
        version: like.version,
        likeness: Likeness {
            probability: like.probability,
            exact: like.exact,
            reasons: like.reasons.clone(),
        },
        identical: like.identical,
    })
}
