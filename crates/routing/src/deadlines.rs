//! The use cases of deadlines, named as the RPCs.

use api::{
    TicketId,
    routing::v1::{DeadlineChange, ExtendDeadlineRequest, PauseDeadlineRequest},
};
use runtime::{Principal, Refusal};

use crate::{
    assignment::{Assignment, Clocked},
    deadline::{Deadline, Extension, Pause, Recomputation, Refused},
    policy::{Case, Urgency, WaitsFor},
    service::Routing,
    storage,
};

/// Longest reason, and longest name of who approved, in characters.
const REASON_CHARS_MAX: usize = 2_000;
const APPROVER_CHARS_MAX: usize = 200;

/// Changes by other calendars that are shown, the newest.
const RECOMPUTATIONS_MAX: i64 = 50;

impl Routing {
    pub async fn get_deadline(
        &self,
        officer: &Principal,
        ticket_id: TicketId,
    ) -> Result<Assignment, Refusal> {
        let mut conn = self.pool.acquire().await?;
        of_unit(officer, storage::find_assignment(&mut conn, ticket_id).await?)
    }

    /// What changed calendars did to a question's present deadline.
    pub async fn recomputations(&self, assignment: &Assignment) -> Result<Vec<Recomputation>, Refusal> {
        let mut conn = self.pool.acquire().await?;
        let (ticket_id, round) = (assignment.ticket_id, assignment.deadline.round);
        Ok(storage::calendar::recomputations(&mut conn, ticket_id, round, RECOMPUTATIONS_MAX).await?)
    }

    pub async fn pause_deadline(
        &self,
        officer: &Principal,
        ticket_id: TicketId,
        request: &PauseDeadlineRequest,
        waits_for: WaitsFor,
    ) -> Result<Assignment, Refusal> {
        let pause = Pause {
            since: self.clock.now(),
            until: None,
            waits_for,
            reason: checked("reason", &request.reason, REASON_CHARS_MAX)?,
            by: officer.subject.clone(),
        };
        self.change(officer, ticket_id, DeadlineChange::Paused, |assignment| {
            assignment.deadline.clone().seen(request.version)?.pause(pause)
        })
        .await
    }

    pub async fn resume_deadline(
        &self,
        officer: &Principal,
        ticket_id: TicketId,
        version: u32,
    ) -> Result<Assignment, Refusal> {
        let now = self.clock.now();
        self.change(officer, ticket_id, DeadlineChange::Resumed, |assignment| {
            assignment.deadline.clone().seen(version)?.resume(&self.rules.calendar, now)
        })
        .await
    }

    pub async fn extend_deadline(
        &self,
        officer: &Principal,
        ticket_id: TicketId,
        request: &ExtendDeadlineRequest,
    ) -> Result<Assignment, Refusal> {
        let now = self.clock.now();
        let approver = checked("approver", &request.approver, APPROVER_CHARS_MAX)?;
        if approver == officer.subject {
            let message = "nobody approves an extension of their own";
            return Err(Refusal::invalid("approver", "APPROVER_IS_CALLER", message));
        }
        if request.number == 0 {
            return Err(Refusal::invalid("number", "EXTENSION_EMPTY", "number is at least 1"));
        }
        let extension = Extension {
            at: now,
            number: request.number,
            due_before: now,
            reason: checked("reason", &request.reason, REASON_CHARS_MAX)?,
            approver,
            by: officer.subject.clone(),
        };
        self.change(officer, ticket_id, DeadlineChange::Extended, |assignment| {
            let seen = assignment.deadline.clone().seen(request.version)?;
            seen.extend(&self.rules.calendar, extension).map(Some)
        })
        .await
    }

    pub async fn hasten_deadline(
        &self,
        dispatcher: &Principal,
        ticket_id: TicketId,
    ) -> Result<Assignment, Refusal> {
        self.change(dispatcher, ticket_id, DeadlineChange::Hastened, |assignment| {
            let case = Case {
                kind: assignment.question.kind(),
                urgency: Urgency::Urgent,
                field: &assignment.field,
                agency: &assignment.agency,
            };
            assignment.deadline.clone().hasten(&self.rules.calendar, self.rules.policy(&case))
        })
        .await
    }

    /// Changes a deadline and states it; nothing is stated where nothing changes.
    async fn change(
        &self,
        officer: &Principal,
        ticket_id: TicketId,
        change: DeadlineChange,
        step: impl FnOnce(&Assignment) -> Result<Option<Deadline>, Refused>,
    ) -> Result<Assignment, Refusal> {
        let mut tx = self.pool.begin().await?;
        let mut assignment = of_unit(officer, storage::lock_assignment(&mut tx, ticket_id).await?)?;
        let Some(deadline) = step(&assignment).map_err(refused)? else { return Ok(assignment) };
        assignment.deadline = deadline;
        storage::save_assignment(&mut tx, &assignment, &self.rules).await?;
        let fact = Clocked::from(&assignment).changed(change, &self.organisation, self.clock.now());
        bus::outbox::put(&mut tx, &fact).await?;
        tx.commit().await?;
        Ok(assignment)
    }
}

/// Another unit's question is, to an officer of a unit, not there.
fn of_unit(officer: &Principal, assignment: Option<Assignment>) -> Result<Assignment, Refusal> {
    assignment
        .filter(|assignment| officer.unit.as_ref().is_none_or(|own| *own == assignment.unit))
        .ok_or_else(|| Refusal::not_found("TICKET_NOT_FOUND", "there is no such question"))
}

fn checked(field: &'static str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::invalid(field, "TEXT_EMPTY", format!("{field} is empty")));
    }
    if text.chars().count() > chars_max {
        let message = format!("{field} has more than {chars_max} characters");
        return Err(Refusal::invalid(field, "TEXT_TOO_LONG", message));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        let message = format!("{field} has a control character");
        return Err(Refusal::invalid(field, "TEXT_CHARACTER_NOT_ALLOWED", message));
    }
    Ok(text.to_owned())
}

fn refused(why: Refused) -> Refusal {
    match why {
        Refused::Ended => Refusal::conflict("ALREADY_ANSWERED", "the question is answered"),
        Refused::Stale(version) => {
            Refusal::stale("STALE_VERSION", format!("the deadline has changed; its version is {version} now"))
        }
        Refused::PauseNotAllowed => {
            Refusal::conflict("PAUSE_NOT_ALLOWED", "the policy does not let the clock stop for this")
        }
        Refused::AlreadyPaused => {
            Refusal::conflict("ALREADY_PAUSED", "the clock stands for another reason; resume it first")
        }
        Refused::ExtensionNotAllowed => {
            Refusal::conflict("EXTENSION_NOT_ALLOWED", "the policy allows no extension")
        }
        Refused::ExtensionTooLong(left) => {
            Refusal::conflict("EXTENSION_TOO_LONG", format!("the policy allows only {left} more"))
        }
        Refused::Passed => {
            Refusal::conflict("DEADLINE_PASSED", "the deadline has passed; it is not extended any more")
        }
        Refused::Extended => Refusal::conflict("ALREADY_EXTENDED", "what was extended is not made urgent"),
    }
}
