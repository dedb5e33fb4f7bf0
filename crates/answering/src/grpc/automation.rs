//! `AutomationService` on the wire.

use api::answering::v1::{
    self, AutomationMode, FileBackTestRequest, FileBackTestResponse, ListAutomationRequest,
    ListAutomationResponse, ListJudgementsRequest, ListJudgementsResponse, SetAutomationRequest,
    SetAutomationResponse, StopAutomationRequest, StopAutomationResponse,
    automation_service_server::AutomationService,
};
use runtime::{Refusal, RoleName, require};
use tonic::{Request, Response, Status};

use super::Grpc;
use crate::{
    automating::{FileBackTest, SetAutomation},
    automation::{BackTest, Mode},
    storage::automation::{Judgement, Listed},
};

/// Who sees how drafts fare.
const READERS: [RoleName; 5] =
    [RoleName::Officer, RoleName::Dispatcher, RoleName::Editor, RoleName::Analyst, RoleName::Operator];

/// Who may read the texts themselves, and may stop all sending. Analysts work with codes and numbers.
const DESKS: [RoleName; 4] = [RoleName::Officer, RoleName::Dispatcher, RoleName::Editor, RoleName::Operator];

#[tonic::async_trait]
impl AutomationService for Grpc {
    async fn list_automation(
        &self,
        request: Request<ListAutomationRequest>,
    ) -> Result<Response<ListAutomationResponse>, Status> {
        let caller = require(&request, &READERS)?;
        let (switch, listed) = self.0.list_automation(&caller).await?;
        Ok(Response::new(ListAutomationResponse {
            stopped: switch.stopped,
            stopped_by: switch.by,
            stop_reason: switch.reason,
            automations: listed.into_iter().map(automation).collect(),
        }))
    }

    async fn set_automation(
        &self,
        request: Request<SetAutomationRequest>,
    ) -> Result<Response<SetAutomationResponse>, Status> {
        let caller = require(&request, &[RoleName::Editor, RoleName::Operator])?;
        let request = request.into_inner();
        let mode = match request.mode() {
            AutomationMode::Off => Mode::Off,
            AutomationMode::Shadow => Mode::Shadow,
            AutomationMode::On => Mode::On,
            AutomationMode::Unspecified => {
                let message = "mode is AUTOMATION_MODE_OFF, AUTOMATION_MODE_SHADOW or AUTOMATION_MODE_ON";
                return Err(Refusal::invalid("mode", "MODE_UNKNOWN", message).into());
            }
        };
        let SetAutomationRequest { unit, field, target, seen_at, .. } = request;
        let seen_at = api::time(seen_at.as_ref());
        let set = SetAutomation { unit, field, mode, target, seen_at };
        let listed = self.0.set_automation(&caller, set).await?;
        Ok(Response::new(SetAutomationResponse { automation: Some(automation(listed)) }))
    }

    async fn file_back_test(
        &self,
        request: Request<FileBackTestRequest>,
    ) -> Result<Response<FileBackTestResponse>, Status> {
        let caller = require(&request, &[RoleName::Operator])?;
        let FileBackTestRequest { unit, field, drafted, correct, calibration } = request.into_inner();
        let filed = FileBackTest { unit, field, drafted, correct, calibration };
        let test = self.0.file_back_test(&caller, filed).await?;
        Ok(Response::new(FileBackTestResponse { back_test: Some(back_test(test)) }))
    }

    async fn stop_automation(
        &self,
        request: Request<StopAutomationRequest>,
    ) -> Result<Response<StopAutomationResponse>, Status> {
        let caller = require(&request, &DESKS)?;
        let StopAutomationRequest { stopped, reason } = request.into_inner();
        self.0.stop_automation(&caller, stopped, &reason).await?;
        Ok(Response::new(StopAutomationResponse {}))
    }

    async fn list_judgements(
        &self,
        request: Request<ListJudgementsRequest>,
    ) -> Result<Response<ListJudgementsResponse>, Status> {
        let caller = require(&request, &DESKS)?;
        let ListJudgementsRequest { limit, page_token, automation } = request.into_inner();
        let before = match page_token.as_str() {
            "" => None,
            token => Some(token.parse().map_err(|_| {
                let message = "pageToken is not one that was given out";
                Refusal::invalid("pageToken", "PAGE_TOKEN_NOT_VALID", message)
            })?),
        };
        let (found, more) = self.0.list_judgements(&caller, limit, automation, before).await?;
        let next_page_token = match found.last() {
            Some(last) if more => last.seq.to_string(),
            _ => String::new(),
        };
        let judgements = found.into_iter().map(judgement).collect();
        Ok(Response::new(ListJudgementsResponse { judgements, next_page_token }))
    }
}

fn automation(listed: Listed) -> v1::Automation {
    let Listed { unit, field, policy, changed_by, changed_at, shadow, sent, sent_rejected } = listed;
    let [shadow_accepted, shadow_edited, shadow_rejected] = shadow;
    v1::Automation {
        unit,
        field,
        mode: AutomationMode::from(policy.mode).into(),
        target: policy.target,
        back_test: policy.back_test.map(back_test),
        changed_by,
        changed_at: changed_at.map(api::timestamp),
        shadow_accepted,
        shadow_edited,
        shadow_rejected,
        sent,
        sent_rejected,
    }
}

fn back_test(test: BackTest) -> v1::BackTest {
    v1::BackTest {
        drafted: test.drafted,
        correct: test.correct,
        precision_lower: test.precision_lower(),
        calibration: test.calibration,
        filed_by: test.filed_by,
        filed_at: Some(api::timestamp(test.filed_at)),
    }
}

fn judgement(judgement: Judgement) -> v1::Judgement {
    v1::Judgement {
        ticket_id: judgement.ticket_id.to_string(),
        unit: judgement.unit,
        field: judgement.field,
        question: judgement.question,
        r#use: Some(judgement.draft_use),
        draft: judgement.draft,
        answer: judgement.answer,
        mode: AutomationMode::from(judgement.automation).into(),
        judged_at: Some(api::timestamp(judgement.judged_at)),
    }
}
