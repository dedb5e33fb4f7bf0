//! How codes, times and numbers read on pages.

use api::{
    Timestamp,
    answering::v1::{AnswerState, CoAnswerState, ReviewStage},
    intake::v1::{Assurance, Kind, Milestone, TicketState},
    knowledge::v1::{Band, Change, PassageState, ReviewReason},
    routing::v1::{Deadline, DeadlineEnding, DeadlineStep, RoutingReason, SpanUnit, WaitsFor},
};
use askama::{Template, filters::HtmlSafe};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Utc};
use runtime::RoleName;

use crate::{
    language::{Language, Said},
    organisation::Choice,
};

const HOUR: i32 = 3600;

/// Asia/Ho_Chi_Minh has had this offset, without summer time, since 1975.
fn local(at: Option<&Timestamp>) -> Option<DateTime<FixedOffset>> {
    Some(api::time(at)?.with_timezone(&FixedOffset::east_opt(7 * HOUR)?))
}

/// Day and time, like `22/11/2026 17:00`; empty when absent.
pub(super) fn moment(language: Language, at: Option<&Timestamp>) -> String {
    let shape = match language {
        Language::Vietnamese => "%d/%m/%Y %H:%M",
        Language::English => "%-d %B %Y, %H:%M",
    };
    local(at).map_or_else(String::new, |at| at.format(shape).to_string())
}

/// A moment as a page has it: in words, and for programs.
#[derive(Template, Default)]
#[template(source = r#"<time datetime="{{ machine }}">{{ words }}</time>"#, ext = "html")]
pub(super) struct Moment {
    machine: String,
    words: String,
}

/// Its template has escaped it.
impl HtmlSafe for Moment {}

impl Moment {
    pub fn new(language: Language, at: Option<&Timestamp>) -> Self {
        Self { machine: local_as(at, "%Y-%m-%dT%H:%M:%S%:z"), words: moment(language, at) }
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

/// In that shape, like `%H:%M`; empty when absent.
pub(super) fn local_as(at: Option<&Timestamp>, shape: &str) -> String {
    local(at).map_or_else(String::new, |at| at.format(shape).to_string())
}

/// The day alone; empty when absent.
pub(super) fn day(language: Language, at: Option<&Timestamp>) -> String {
    let shape = match language {
        Language::Vietnamese => "%d/%m/%Y",
        Language::English => "%-d %B %Y",
    };
    local(at).map_or_else(String::new, |at| at.format(shape).to_string())
}

pub(super) fn is_past(at: Option<&Timestamp>, now: DateTime<Utc>) -> bool {
    api::time(at).is_some_and(|at| at < now)
}

pub(super) fn kind(language: Language, kind: Kind) -> Said {
    match kind {
        Kind::Unspecified => Said::Borrowed(""),
        Kind::Question => language.say("kind-question"),
        Kind::Recommendation => language.say("kind-recommendation"),
        Kind::Report => language.say("kind-report"),
        Kind::Opinion => language.say("kind-opinion"),
    }
}

/// What a kind of question demands of its asker; empty: nothing.
pub(super) fn demand(language: Language, demand: Assurance) -> Said {
    match demand {
        Assurance::Unspecified => Said::Borrowed(""),
        Assurance::Email => language.say("demand-email"),
        Assurance::Identity => language.say("demand-identity"),
    }
}

/// How sure it is who asked.
pub(super) fn assurance(language: Language, assurance: Assurance) -> Said {
    language.say(match assurance {
        Assurance::Unspecified => "assurance-none",
        Assurance::Email => "assurance-email",
        Assurance::Identity => "assurance-identity",
    })
}

pub(super) fn kinds(language: Language) -> Vec<Choice> {
    [Kind::Question, Kind::Recommendation, Kind::Report, Kind::Opinion]
        .map(|k| Choice { code: k.as_str_name().to_owned(), name: kind(language, k).into_owned() })
        .into()
}

pub(super) fn ticket_state(language: Language, state: TicketState) -> Said {
    language.say(match state {
        TicketState::Unspecified => "ticket-unknown",
        TicketState::Received => "ticket-received",
        TicketState::Routed => "ticket-routed",
        TicketState::Answered => "ticket-answered",
        TicketState::Closed => "ticket-closed",
        TicketState::Withdrawn => "ticket-taken-back",
    })
}

pub(super) fn milestone(language: Language, what: Milestone) -> Said {
    language.say(match what {
        Milestone::Unspecified => "milestone-updated",
        Milestone::Received => "milestone-received",
        Milestone::Routed => "milestone-routed",
        Milestone::Returned => "milestone-returned",
        Milestone::Answered => "milestone-answered",
        Milestone::Rated => "milestone-rated",
        Milestone::Reopened => "milestone-reopened",
        Milestone::Corrected => "milestone-corrected",
        Milestone::Withdrawn => "milestone-withdrawn",
        Milestone::Paused => "milestone-paused",
        Milestone::Resumed => "milestone-resumed",
        Milestone::Extended => "milestone-extended",
        Milestone::Hastened => "milestone-hastened",
        Milestone::Forwarded => "milestone-forwarded",
        Milestone::Recomputed => "milestone-recomputed",
        Milestone::Amended => "milestone-amended",
        Milestone::TakenBack => "milestone-taken-back",
        Milestone::Replied => "milestone-replied",
    })
}

/// Empty: the clock runs.
pub(super) fn waits_for(language: Language, what: WaitsFor) -> Said {
    match what {
        WaitsFor::Unspecified => Said::Borrowed(""),
        WaitsFor::Asker => language.say("waits-asker"),
        WaitsFor::OtherBody => language.say("waits-other"),
    }
}

pub(super) fn span_unit(language: Language, unit: SpanUnit) -> Said {
    match unit {
        SpanUnit::Unspecified => Said::Borrowed(""),
        SpanUnit::WorkingHours => language.say("span-hours"),
        SpanUnit::WorkingDays => language.say("span-days"),
        SpanUnit::CalendarDays => language.say("span-calendar"),
    }
}

/// Empty: it has not ended.
pub(super) fn deadline_ending(language: Language, ending: DeadlineEnding) -> Said {
    language.say(match ending {
        DeadlineEnding::Unspecified => return Said::Borrowed(""),
        DeadlineEnding::OnTime => "reports-on-time",
        DeadlineEnding::Late => "reports-late",
        DeadlineEnding::ExtendedOnTime => "reports-extended-on-time",
        DeadlineEnding::ExtendedLate => "reports-extended-late",
    })
}

/// What was last told of a deadline; empty: nothing.
pub(super) fn deadline_step(language: Language, deadline: &Deadline) -> Said {
    match deadline.step() {
        DeadlineStep::Unspecified => Said::Borrowed(""),
        DeadlineStep::Near => language.say("step-near"),
        DeadlineStep::FirstResponseMissed => language.say("step-first-response"),
        DeadlineStep::Due => language.say("step-due"),
        DeadlineStep::Escalated if deadline.leader.is_empty() => language.say("step-long"),
        DeadlineStep::Escalated => {
            language.say_with("step-escalated", &[("leader", deadline.leader.as_str().into())])
        }
    }
}

pub(super) fn answer_state(language: Language, state: AnswerState) -> Said {
    language.say(match state {
        AnswerState::Unspecified => "answer-unknown",
        AnswerState::Drafted => "answer-drafted",
        AnswerState::Approved => "answer-approved",
        AnswerState::Returned => "answer-returned",
        AnswerState::Withdrawn => "ticket-taken-back",
    })
}

pub(super) fn band(language: Language, band: Band) -> Said {
    match band {
        Band::Unspecified => Said::Borrowed(""),
        Band::None => language.say("band-none"),
        Band::Suggest => language.say("band-suggest"),
        Band::Reuse => language.say("band-reuse"),
    }
}

pub(super) fn has_inbox(role: RoleName) -> bool {
    matches!(role, RoleName::Officer | RoleName::Dispatcher | RoleName::Operator)
}

pub(super) fn edits(role: RoleName) -> bool {
    matches!(role, RoleName::Editor | RoleName::Operator)
}

/// As `ListAutomation` allows.
pub(super) fn sees_automation(role: RoleName) -> bool {
    has_inbox(role) || edits(role) || role == RoleName::Analyst
}

pub(super) fn passage_state(language: Language, state: PassageState) -> Said {
    match state {
        PassageState::Unspecified => Said::Borrowed(""),
        PassageState::Published => language.say("passage-published"),
        PassageState::Withdrawn => language.say("passage-withdrawn"),
        PassageState::Superseded => language.say("passage-superseded"),
    }
}

pub(super) fn change(language: Language, change: Change) -> Said {
    match change {
        Change::Unspecified => Said::Borrowed(""),
        Change::Corrected => language.say("change-corrected"),
        Change::Withdrawn => language.say("change-withdrawn"),
        Change::Superseded => language.say("change-superseded"),
        Change::Validity => language.say("change-validity"),
        Change::Imported => language.say("change-imported"),
        Change::Approved => language.say("change-approved"),
    }
}

pub(super) fn review_reason(language: Language, reason: ReviewReason) -> Said {
    match reason {
        ReviewReason::Unspecified => Said::Borrowed(""),
        ReviewReason::Expired => language.say("review-expired"),
        ReviewReason::BasisNotValid => language.say("review-basis"),
    }
}

/// Why a question came to a unit.
pub(super) fn routing_reason(language: Language, reason: RoutingReason) -> Said {
    language.say(match reason {
        RoutingReason::Unspecified => return Said::Borrowed(""),
        RoutingReason::AskerChoice => "moved-asker",
        RoutingReason::Neighbours => "moved-neighbours",
        RoutingReason::Desk => "moved-desk",
        RoutingReason::Assigned => "moved-assigned",
        RoutingReason::Reopened => "moved-reopened",
        RoutingReason::Returned => "moved-returned",
        RoutingReason::Rule => "moved-rule",
        RoutingReason::Reorganised => "moved-reorganised",
        RoutingReason::Forwarded => "moved-forwarded",
        RoutingReason::Arbiter => "moved-arbiter",
        RoutingReason::Arbitrated => "moved-arbitrated",
    })
}

pub(super) fn co_answer_state(language: Language, state: CoAnswerState) -> Said {
    language.say(match state {
        CoAnswerState::Unspecified => return Said::Borrowed(""),
        CoAnswerState::Asked => "part-asked",
        CoAnswerState::Given => "part-given",
        CoAnswerState::Declined => "part-declined",
        CoAnswerState::Withdrawn => "part-withdrawn",
        CoAnswerState::Lapsed => "part-lapsed",
    })
}

/// Empty: no review is under way.
pub(super) fn review_stage(language: Language, stage: ReviewStage) -> Said {
    match stage {
        ReviewStage::Unspecified => Said::Borrowed(""),
        ReviewStage::Submitted => language.say("review-stage-submitted"),
        ReviewStage::Correction => language.say("review-stage-correction"),
    }
}

/// A moment as a form's field for a day and a time has it, in Viet Nam.
pub(super) fn form_moment(at: Option<&Timestamp>) -> String {
    local(at).map_or_else(String::new, |at| at.format("%Y-%m-%dT%H:%M").to_string())
}

/// What such a field says; `None`: it is no moment.
pub(super) fn moment_of(text: &str) -> Option<DateTime<Utc>> {
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok()?;
    let local = local.and_local_timezone(FixedOffset::east_opt(7 * HOUR)?).single()?;
    Some(local.with_timezone(&Utc))
}

/// A day as a form's date field has it.
pub(super) fn form_day(at: Option<&Timestamp>) -> String {
    local(at).map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string())
}

/// The first moment of a form's day, in Viet Nam; `None`: it is no day.
pub(super) fn day_begins(day: &str) -> Option<DateTime<Utc>> {
    let midnight = day.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?;
    let local = midnight.and_local_timezone(FixedOffset::east_opt(7 * HOUR)?).single()?;
    Some(local.with_timezone(&Utc))
}

pub(super) fn role(language: Language, role: RoleName) -> Said {
    language.say(match role {
        RoleName::Officer => "role-officer",
        RoleName::Dispatcher => "role-dispatcher",
        RoleName::Editor => "role-editor",
        RoleName::Analyst => "role-analyst",
        RoleName::Focal => "role-focal",
        RoleName::Operator => "role-operator",
        RoleName::Service => "role-service",
    })
}

/// A form's field as its label reads; `None` for those that no form shows.
pub(super) fn form_field(language: Language, field: &str) -> Option<Said> {
    let key = match field {
        "text" => "ask-text",
        "title" => "saved-name",
        "asker.name" => "ask-name",
        "asker.email" | "email" => "ask-email",
        "asker.phone" => "ask-phone",
        "asker.organisation" => "ask-organisation",
        "comment" => "follow-comment",
        "missing" => "follow-missing",
        "reason" => "form-reason",
        "byId" => "form-by",
        "validFrom" => "form-from",
        "validUntil" => "form-until",
        "basis" => "form-basis",
        "approver" => "clock-approver",
        "number" => "clock-number",
        "noOwnerReason" => "moving-no-owner",
        "request" => "part-request",
        "dueAt" => "reply-due",
        "waitsFor" => "clock-whom",
        "memberTicketId" => "form-member",
        "place" => "ask-coordinates",
        "address" => "ask-address",
        "photo" | "photoIds" => "ask-photos",
        _ => return None,
    };
    Some(language.say(key))
}

/// A share from 0 to 1, like `87,5 %`.
pub(super) fn percent(language: Language, share: f64) -> String {
    match language {
        Language::Vietnamese => format!("{:.1} %", share * 100.0).replace('.', ","),
        Language::English => format!("{:.1}%", share * 100.0),
    }
}

/// Two decimals, like `4,25`.
pub(super) fn decimal(language: Language, number: f64) -> String {
    match language {
        Language::Vietnamese => format!("{number:.2}").replace('.', ","),
        Language::English => format!("{number:.2}"),
    }
}

/// What is known, on one line: `a · b`.
pub(super) fn joined<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_viet_nam() {
        let at = api::timestamp("2026-11-22T18:30:00Z".parse().unwrap());
        assert_eq!(moment(Language::Vietnamese, Some(&at)), "23/11/2026 01:30");
        assert_eq!(moment(Language::English, None), "");
        let shown = Moment::new(Language::Vietnamese, Some(&at)).to_string();
        assert_eq!(shown, r#"<time datetime="2026-11-23T01:30:00+07:00">23/11/2026 01:30</time>"#);
        assert!(Moment::new(Language::English, None).is_empty());
    }

    #[test]
    fn a_day_begins_in_viet_nam() {
        let begins = day_begins("2026-11-24").unwrap();
        assert_eq!(begins.to_rfc3339(), "2026-11-23T17:00:00+00:00");
        assert_eq!(form_day(Some(&api::timestamp(begins))), "2026-11-24");
        assert_eq!((day_begins("24/11/2026"), day_begins("")), (None, None));
    }

    #[test]
    fn a_moment_of_a_form_reads_back() {
        let at = "2026-11-22T18:30:00Z".parse().unwrap();
        assert_eq!(form_moment(Some(&api::timestamp(at))), "2026-11-23T01:30");
        assert_eq!((moment_of("2026-11-23T01:30"), moment_of("23/11/2026")), (Some(at), None));
    }

    #[test]
    fn numbers_have_a_decimal_comma_in_vietnamese() {
        assert_eq!(percent(Language::Vietnamese, 0.875), "87,5 %");
        assert_eq!(decimal(Language::Vietnamese, 4.25), "4,25");
        assert_eq!(percent(Language::English, 0.875), "87.5%");
    }

    #[test]
    fn nothing_known_leaves_no_dot_behind() {
        assert_eq!(joined(["", "Vụ Pháp chế", ""]), "Vụ Pháp chế");
        assert_eq!(joined(["a", "b"]), "a · b");
    }
}
