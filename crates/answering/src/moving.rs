//! The use cases of giving a question away, and of asking other units for their part.

use api::{
    TicketId,
    answering::v1::{CoAnswerChanged, FamilyReason},
    routing::v1::{GetOrganisationRequest, GetOrganisationResponse},
};
use chrono::{DateTime, Utc};
use runtime::{Principal, Refusal};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    answer::{Answer, HandOver, State},
    co_answer::{Asked, Asking, CoAnswer, How, NotAsked, NotEnded},
    family::Ending,
    service::{Answering, Leaving, checked, not_there, of_unit, refused, sees},
    storage::{
        self, co_answer as co_answers, family as families,
        trace::{self as traces, Trace},
    },
};

/// Longest code of a unit, in characters.
const UNIT_CHARS_MAX: usize = 64;

/// Parts that are listed.
const LISTED_MAX: i64 = 200;

/// What a unit is asked for.
pub struct AskCoAnswer {
    pub ticket_id: TicketId,
    pub unit: String,
    pub request: String,
    /// `None`: the question's own.
    pub due_at: Option<DateTime<Utc>>,
    pub version: u32,
}

impl Answering {
    /// Gives the question back to routing, or hands it on.
    pub async fn hand_over(
        &self,
        officer: &Principal,
        ticket_id: TicketId,
        said: HandOver,
        version: u32,
    ) -> Result<Answer, Refusal> {
        let reason = checked("reason", &said.reason, self.config.reason_chars_max)?;
        let field = if said.forwarded { "unit" } else { "suggestedUnit" };
        let no_owner_reason = if said.unit.is_empty() && !said.no_owner_reason.trim().is_empty() {
            checked("noOwnerReason", &said.no_owner_reason, self.config.reason_chars_max)?
        } else {
            String::new()
        };
        if said.forwarded || !said.unit.is_empty() {
            self.check_unit(field, &said.unit).await?;
        }
        let said = HandOver { reason, no_owner_reason, ..said };
        let mut tx = self.pool.begin().await?;
        let answer = of_unit(officer, storage::lock_answer(&mut tx, ticket_id).await?)?;
        let given = answer.clone().hand_over(version, &officer.subject, said, self.clock.now());
        let Some(given) = given.map_err(refused)? else { return Ok(answer) };
        if let Some(fact) = given.returned() {
            bus::outbox::put(&mut tx, &fact).await?;
        }
        families::end(&mut tx, given.ticket_id, &Ending::Left).await?;
        let leaving = Leaving { by: Some(&officer.subject), ..Leaving::because(FamilyReason::Returned) };
        let given = self.leave_family(&mut tx, given, &leaving).await?;
        storage::save_answer(&mut tx, &given).await?;
        if let State::Returned { by, at, hand_over } = &given.state {
            let what = if hand_over.forwarded { "forwarded" } else { "returned" };
            let trace = Trace { what, by, note: &hand_over.reason, at: *at };
            traces::keep(&mut tx, &given, &trace).await?;
        }
        tx.commit().await?;
        Ok(given)
    }

    /// Asks a second unit for its part.
    pub async fn ask_co_answer(
        &self,
        officer: &Principal,
        step: AskCoAnswer,
    ) -> Result<(CoAnswer, String), Refusal> {
        let request = checked("request", &step.request, self.config.reason_chars_max)?;
        self.check_unit("unit", &step.unit).await?;
        let mut tx = self.pool.begin().await?;
        let answer = of_unit(officer, storage::lock_answer(&mut tx, step.ticket_id).await?)?;
        let asked_before = co_answers::lock_of(&mut tx, step.ticket_id).await?;
        let asking = Asking {
            id: Uuid::now_v7(),
            unit: step.unit,
            request,
            due_at: step.due_at,
            seen: step.version,
            by: officer.subject.clone(),
            at: self.clock.now(),
        };
        let text = answer.question.text.clone();
        let max = self.replies.co_answers_max();
        match CoAnswer::ask(&answer, &asked_before, asking, max).map_err(not_asked)? {
            Asked::Now(asked) => {
                co_answers::save(&mut tx, &asked).await?;
                bus::outbox::put(&mut tx, &fact(&asked, &answer, asked.asked_at)).await?;
                tx.commit().await?;
                Ok((asked, text))
            }
            Asked::Before(asked) => Ok((asked, text)),
        }
    }

    /// The asked unit's part, or that it has none.
    pub async fn answer_co_answer(
        &self,
        officer: &Principal,
        id: Uuid,
        how: How,
        text: &str,
    ) -> Result<(CoAnswer, String), Refusal> {
        let text = match how {
            How::Given => checked("text", text, self.config.text_chars_max)?,
            How::Declined | How::Withdrawn | How::Lapsed => {
                checked("reason", text, self.config.reason_chars_max)?
            }
        };
        let duties = self.duties_of(officer).await;
        let mut tx = self.pool.begin().await?;
        let (mut answer, asked) = self.lock_asked(&mut tx, id).await?;
        let theirs = match how {
            How::Withdrawn => sees(officer, &answer),
            How::Given | How::Declined | How::Lapsed => duties.has(&asked.unit),
        };
        if !theirs {
            return Err(no_such_part());
        }
        let question = answer.question.text.clone();
        let ended = asked.clone().end(how, &officer.subject, text, self.clock.now()).map_err(not_ended)?;
        let Some(ended) = ended else { return Ok((asked, question)) };
        if how == How::Given {
            // The holder must see it before the answer is approved.
            answer = answer.seen_anew();
            storage::save_answer(&mut tx, &answer).await?;
            let (by, at) = (officer.subject.as_str(), self.clock.now());
            let trace = Trace { what: "part_given", by, note: "", at };
            traces::keep(&mut tx, &answer, &trace).await?;
        }
        co_answers::save(&mut tx, &ended).await?;
        bus::outbox::put(&mut tx, &fact(&ended, &answer, self.clock.now())).await?;
        tx.commit().await?;
        Ok((ended, question))
    }

    /// What was asked for of a question: its holder sees all, an asked unit its own.
    pub async fn list_co_answers(
        &self,
        officer: &Principal,
        ticket_id: TicketId,
    ) -> Result<Vec<(CoAnswer, String)>, Refusal> {
        let duties = self.duties_of(officer).await;
        let mut conn = self.pool.acquire().await?;
        let answer = storage::find_answer(&mut conn, ticket_id).await?.ok_or_else(not_there)?;
        let mut found = co_answers::list_of(&mut conn, ticket_id, LISTED_MAX).await?;
        if !sees(officer, &answer) {
            found.retain(|asked| duties.has(&asked.unit));
            if found.is_empty() {
                return Err(not_there());
            }
        }
        Ok(found.into_iter().map(|asked| (asked, answer.question.text.clone())).collect())
    }

    /// What the officer's unit is asked for, the most urgent first.
    pub async fn list_asked(&self, officer: &Principal) -> Result<Vec<(CoAnswer, String)>, Refusal> {
        let Duties(units) = self.duties_of(officer).await;
        let mut conn = self.pool.acquire().await?;
        Ok(co_answers::list_open(&mut conn, units.as_deref(), LISTED_MAX).await?)
    }

    /// What is asked of a unit stays to be given when it is merged: by the unit that took it in. While the registry
    /// does not answer, an officer has what was asked of the own unit.
    async fn duties_of(&self, officer: &Principal) -> Duties {
        let Some(own) = &officer.unit else { return Duties(None) };
        let organisation = self.organisation().await.unwrap_or_default();
        let unit = organisation.units.into_iter().find(|unit| unit.code == *own);
        let mut units = unit.map(|unit| unit.predecessors).unwrap_or_default();
        units.push(own.clone());
        Duties(Some(units))
    }

    /// Ends what nobody needs any more. The caller has locked the answer.
    pub(crate) async fn lapse_co_answers(
        &self,
        conn: &mut PgConnection,
        answer: &Answer,
    ) -> Result<(), sqlx::Error> {
        for asked in co_answers::lock_of(conn, answer.ticket_id).await? {
            let at = self.clock.now();
            if let Some(lapsed) = asked.lapse(answer, at) {
                co_answers::save(conn, &lapsed).await?;
                bus::outbox::put(conn, &fact(&lapsed, answer, at)).await?;
            }
        }
        Ok(())
    }

    /// A part with its question, both locked, always in this order.
    async fn lock_asked(&self, conn: &mut PgConnection, id: Uuid) -> Result<(Answer, CoAnswer), Refusal> {
        let ticket_id = co_answers::ticket_of(conn, id).await?.ok_or_else(no_such_part)?;
        let answer = storage::lock_answer(conn, ticket_id).await?.ok_or_else(no_such_part)?;
        let asked = co_answers::lock_of(conn, ticket_id).await?.into_iter().find(|asked| asked.id == id);
        Ok((answer, asked.ok_or_else(no_such_part)?))
    }

    /// That the registry has the unit.
    async fn check_unit(&self, field: &'static str, code: &str) -> Result<(), Refusal> {
        if code.chars().count() > UNIT_CHARS_MAX {
            let message = format!("{field} is a code of at most {UNIT_CHARS_MAX} characters");
            return Err(Refusal::invalid(field, "UNIT_NOT_A_CODE", message));
        }
        let organisation = self.organisation().await?;
        if organisation.units.iter().any(|unit| unit.code == code) {
            return Ok(());
        }
        Err(Refusal::invalid(field, "UNIT_UNKNOWN", format!("there is no unit '{code}'")))
    }

    async fn organisation(&self) -> Result<GetOrganisationResponse, Refusal> {
        let organisation = self.routing.clone().get_organisation(GetOrganisationRequest {}).await;
        let organisation = organisation.map_err(|status| {
            tracing::warn!(code = ?status.code(), "the registry does not answer");
            Refusal::unavailable("REGISTRY_AWAY", "the registry of units does not answer; try again later")
        })?;
        Ok(organisation.into_inner())
    }
}

/// The units whose parts an officer may give; `None`: all.
struct Duties(Option<Vec<String>>);

impl Duties {
    fn has(&self, unit: &str) -> bool {
        self.0.as_ref().is_none_or(|units| units.iter().any(|own| own == unit))
    }
}

fn fact(asked: &CoAnswer, answer: &Answer, at: DateTime<Utc>) -> CoAnswerChanged {
    CoAnswerChanged {
        ticket_id: asked.ticket_id.to_string(),
        version: answer.version,
        co_answer_id: asked.id.to_string(),
        state: asked.wire_state().into(),
        unit: asked.unit.clone(),
        holder: answer.custody.unit.clone(),
        field: answer.custody.field.clone(),
        due_at: Some(api::timestamp(asked.due_at)),
        changed_at: Some(api::timestamp(at)),
    }
}

fn no_such_part() -> Refusal {
    Refusal::not_found("CO_ANSWER_NOT_FOUND", "there is no such request in your unit")
}

fn not_asked(why: NotAsked) -> Refusal {
    match why {
        NotAsked::Refused(why) => refused(why),
        NotAsked::Itself => Refusal::invalid("unit", "UNIT_IS_ITS_OWN", "the unit has the question itself"),
        NotAsked::Already => {
            Refusal::conflict("CO_ANSWER_OPEN", "the unit is asked already, with other words")
        }
        NotAsked::TooMany(max) => {
            Refusal::conflict("TOO_MANY_CO_ANSWERS", format!("at most {max} units are asked for their part"))
        }
        NotAsked::DueOutOfRange => Refusal::invalid(
            "dueAt",
            "CO_ANSWER_DUE_OUT_OF_RANGE",
            "dueAt is after now and not after the question's own deadline",
        ),
    }
}

fn not_ended(NotEnded: NotEnded) -> Refusal {
    Refusal::conflict("CO_ANSWER_ENDED", "the request has ended")
}
