//! Sending without a hand: what each unit lets happen, what stands behind it, and the switch that stops all.

use api::{
    Timestamp,
    analytics::v1::{DriftPoint, GetDriftRequest},
    answering::v1::{
        Automation, AutomationMode, DraftOutcome, DraftUse, Judgement, ListAutomationRequest,
        ListJudgementsRequest, SetAutomationRequest, StopAutomationRequest,
    },
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect},
};
use runtime::RoleName;

use super::{
    Frame, Page,
    marks::{self, Run},
    page, sentence, words,
};
use crate::{
    fields::{Fields, Form, Query},
    language::{Language, Said},
    organisation::Organisation,
    problem::Problem,
    session::SignedIn,
    state::Gateway,
};

const HOME: &str = "/tu-dong";
/// Judgements that are shown: the newest.
const JUDGEMENTS: u32 = 20;
const DRIFT_DAYS: u32 = 90;

#[derive(Template)]
#[template(path = "automation.html")]
struct AutomationPage {
    frame: Frame,
    error: String,
    /// What was just done; empty: nothing.
    done: Said,
    stopped: bool,
    stopped_by: String,
    stop_reason: String,
    may: May,
    rows: Vec<Row>,
    judged: Vec<Judged>,
    drift: Vec<Drift>,
}

/// What the caller's role may do here.
struct May {
    set: bool,
    stop: bool,
    release: bool,
}

impl May {
    fn of(role: RoleName) -> Self {
        Self {
            set: words::edits(role),
            stop: words::has_inbox(role) || words::edits(role),
            release: role == RoleName::Operator,
        }
    }
}

struct Row {
    unit_code: String,
    field_code: String,
    unit: String,
    field: String,
    mode: &'static str,
    target: String,
    /// Of the back-test on file; empty: none.
    test: String,
    bound: String,
    filed: String,
    proven: bool,
    changed: String,
    seen: String,
    shadow: [u32; 3],
    sent: u32,
    sent_rejected: u32,
}

const MODES: [(&str, AutomationMode); 3] =
    [("tat", AutomationMode::Off), ("thu", AutomationMode::Shadow), ("bat", AutomationMode::On)];

impl Row {
    fn new(language: Language, organisation: &Organisation, automation: Automation) -> Self {
        let mode = MODES.iter().find(|(_, mode)| *mode == automation.mode()).map_or("tat", |(code, _)| code);
        let test = automation.back_test.as_ref();
        let figures = |test: &api::answering::v1::BackTest| {
            let values = [("part", test.correct.into()), ("whole", test.drafted.into())];
            language.say_with("overview-of", &values).into_owned()
        };
        Self {
            unit: organisation.unit_name(&automation.unit),
            field: organisation.field_name(&automation.field),
            mode,
            target: if automation.target > 0.0 {
                words::percent(language, automation.target)
            } else {
                String::new()
            },
            test: test.map(figures).unwrap_or_default(),
            bound: test.map(|test| words::percent(language, test.precision_lower)).unwrap_or_default(),
            filed: test.map_or_else(String::new, |test| {
                words::joined([test.filed_by.as_str(), &words::moment(language, test.filed_at.as_ref())])
            }),
            proven: test
                .is_some_and(|test| automation.target > 0.0 && test.precision_lower >= automation.target),
            changed: words::joined([
                automation.changed_by.as_str(),
                &words::moment(language, automation.changed_at.as_ref()),
            ]),
            seen: written(automation.changed_at.unwrap_or_default()),
            shadow: [automation.shadow_accepted, automation.shadow_edited, automation.shadow_rejected],
            sent: automation.sent,
            sent_rejected: automation.sent_rejected,
            unit_code: automation.unit,
            field_code: automation.field,
        }
    }
}

/// A moment as a hidden field has it; that of nothing is 0.
fn written(at: Timestamp) -> String {
    format!("{}.{:09}", at.seconds, at.nanos)
}

/// What such a field says.
fn read(text: &str) -> Option<Timestamp> {
    let (seconds, nanos) = text.split_once('.')?;
    Some(Timestamp { seconds: seconds.parse().ok()?, nanos: nanos.parse().ok()? })
}

/// A draft that was sent or would have been, beside what became of it.
struct Judged {
    place: String,
    at: String,
    outcome: Said,
    question: String,
    draft: Vec<Run>,
    answer: Vec<Run>,
}

impl Judged {
    fn new(language: Language, organisation: &Organisation, judgement: Judgement) -> Self {
        let outcome = judgement.r#use.as_ref().map_or(DraftOutcome::Unspecified, DraftUse::outcome);
        Self {
            place: words::joined([
                organisation.unit_name(&judgement.unit).as_str(),
                &organisation.field_name(&judgement.field),
            ]),
            at: words::moment(language, judgement.judged_at.as_ref()),
            outcome: language.say(match outcome {
                DraftOutcome::Unspecified => "automation-unknown",
                DraftOutcome::Accepted => "automation-accepted",
                DraftOutcome::Edited => "automation-edited",
                DraftOutcome::Rejected => "automation-rejected",
            }),
            draft: marks::differing(&judgement.draft, &judgement.answer),
            answer: marks::differing(&judgement.answer, &judgement.draft),
            question: judgement.question,
        }
    }
}

struct Drift {
    week: String,
    field: String,
    counts: DriftPoint,
    expected: String,
    right: String,
    interval: String,
}

impl Drift {
    fn new(language: Language, organisation: &Organisation, point: DriftPoint) -> Self {
        let share = |share| words::percent(language, share);
        Self {
            week: point.week.clone(),
            field: organisation.field_name(&point.field),
            expected: share(point.expected_share),
            right: share(point.right_share),
            interval: format!("{} – {}", share(point.right_low), share(point.right_high)),
            counts: point,
        }
    }
}

pub(super) async fn show(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Page {
    let done = match query.text("xong").as_str() {
        "dat" => frame.t("automation-was-set"),
        "dung" => frame.t("automation-was-stopped"),
        "tiep" => frame.t("automation-was-released"),
        _ => Said::Borrowed(""),
    };
    shown(&gateway, frame, &caller, done, None).await
}

async fn shown(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    done: Said,
    refused: Option<Problem>,
) -> Page {
    let token = Some(caller.token.as_str());
    let may = May::of(caller.principal.role);
    let (mut automation, mut analytics) = (gateway.automation(token), gateway.analytics(token));
    let (listed, drift) = tokio::try_join!(
        automation.list_automation(gateway.ask(ListAutomationRequest {})),
        analytics.get_drift(gateway.ask(GetDriftRequest { days: DRIFT_DAYS })),
    )?;
    let (listed, drift) = (listed.into_inner(), drift.into_inner());
    // Texts are for desks only.
    let judged = if may.stop {
        let request = ListJudgementsRequest { limit: JUDGEMENTS, automation: true, ..Default::default() };
        automation.list_judgements(gateway.ask(request)).await?.into_inner().judgements
    } else {
        Vec::new()
    };
    let (language, organisation) = (frame.language, gateway.organisation().await);
    let template = AutomationPage {
        error: refused.as_ref().map(|problem| sentence(language, problem)).unwrap_or_default(),
        done,
        stopped: listed.stopped,
        stopped_by: listed.stopped_by,
        stop_reason: listed.stop_reason,
        may,
        rows: listed.automations.into_iter().map(|one| Row::new(language, &organisation, one)).collect(),
        judged: judged.into_iter().map(|one| Judged::new(language, &organisation, one)).collect(),
        drift: drift.points.into_iter().map(|point| Drift::new(language, &organisation, point)).collect(),
        frame,
    };
    page(refused.map_or(StatusCode::OK, |problem| problem.status), &template)
}

pub(super) async fn set(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Form(fields): Form,
) -> Page {
    match try_set(&gateway, &caller, &fields).await {
        Ok(()) => Ok(Redirect::to(&format!("{HOME}?xong=dat")).into_response()),
        Err(problem) => shown(&gateway, frame, &caller, Said::Borrowed(""), Some(problem)).await,
    }
}

async fn try_set(gateway: &Gateway, caller: &SignedIn, fields: &Fields) -> Result<(), Problem> {
    let wanted = fields.text("che-do");
    let mode = MODES.iter().find(|(code, _)| *code == wanted).map(|(_, mode)| *mode);
    let mode = mode.ok_or_else(|| Problem::invalid("MODE_UNKNOWN"))?;
    if mode == AutomationMode::On && !confirmed(fields) {
        return Err(Problem::invalid("NOT_CONFIRMED"));
    }
    let seen_at =
        read(&fields.text("thay")).ok_or_else(|| Problem::new(StatusCode::CONFLICT, "STALE_VERSION"))?;
    let request = SetAutomationRequest {
        unit: fields.text("don-vi"),
        field: fields.text("linh-vuc"),
        mode: mode.into(),
        target: 0.0,
        seen_at: Some(seen_at),
    };
    gateway.automation(Some(&caller.token)).set_automation(gateway.ask(request)).await?;
    Ok(())
}

fn confirmed(fields: &Fields) -> bool {
    fields.text("chac") == "1"
}

/// The kill switch, and its release.
pub(super) async fn stop(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Form(fields): Form,
) -> Page {
    let stopped = fields.text("lam") != "tiep";
    let outcome = if confirmed(&fields) {
        let request = StopAutomationRequest { stopped, reason: fields.text("reason") };
        let answer = gateway.automation(Some(&caller.token)).stop_automation(gateway.ask(request)).await;
        answer.map(|_| ()).map_err(Problem::from)
    } else {
        Err(Problem::invalid("NOT_CONFIRMED"))
    };
    match outcome {
        Ok(()) => {
            let done = if stopped { "dung" } else { "tiep" };
            Ok(Redirect::to(&format!("{HOME}?xong={done}")).into_response())
        }
        Err(problem) => shown(&gateway, frame, &caller, Said::Borrowed(""), Some(problem)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_of_a_form_reads_back() {
        let at = Timestamp { seconds: 1_764_316_800, nanos: 123_456_000 };
        assert_eq!(read(&written(at)), Some(at));
        assert_eq!(read(&written(Timestamp::default())), Some(Timestamp::default()));
        assert_eq!((read(""), read("x.y")), (None, None));
    }

    #[test]
    fn who_may_what_is_as_the_services_say() {
        let may = |role| {
            let May { set, stop, release } = May::of(role);
            [set, stop, release]
        };
        assert_eq!(may(RoleName::Officer), [false, true, false]);
        assert_eq!(may(RoleName::Editor), [true, true, false]);
        assert_eq!(may(RoleName::Analyst), [false, false, false]);
        assert_eq!(may(RoleName::Operator), [true, true, true]);
    }
}
