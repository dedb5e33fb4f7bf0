//! Requests to typed values, results to responses.

pub mod account;
mod custody;
mod registry;

use api::{
    TicketId,
    intake::v1::Kind,
    routing::v1::{
        self, AssignUnitRequest, AssignUnitResponse, ExplainRoutingRequest, ExplainRoutingResponse,
        ExtendDeadlineRequest, GetDeadlineRequest, GetDeadlineResponse, GetOrganisationRequest,
        GetOrganisationResponse, GetRoutingRequest, GetRoutingResponse, HastenDeadlineRequest,
        PauseDeadlineRequest, ResumeDeadlineRequest, routing_service_server::RoutingService,
    },
};
use runtime::{Refusal, RoleName, require};
use tonic::{Request, Response, Status};

use crate::{
    assignment::Assignment,
    calendar::Span,
    organisation::Organisation,
    policy::{Case, Rules, Urgency, WaitsFor},
    registrar::{Current, Registrar},
};

/// Who sees and changes the deadlines of questions.
const DESK: [RoleName; 3] = [RoleName::Officer, RoleName::Dispatcher, RoleName::Operator];
const DISPATCH: [RoleName; 2] = [RoleName::Dispatcher, RoleName::Operator];

#[derive(Clone)]
pub struct Grpc(pub Registrar);

#[tonic::async_trait]
impl RoutingService for Grpc {
    async fn get_organisation(
        &self,
        _request: Request<GetOrganisationRequest>,
    ) -> Result<Response<GetOrganisationResponse>, Status> {
        Ok(Response::new(response(&self.0.current(), &self.0.routing().rules)))
    }

    async fn assign_unit(
        &self,
        request: Request<AssignUnitRequest>,
    ) -> Result<Response<AssignUnitResponse>, Status> {
        let dispatcher = require(&request, &DISPATCH)?;
        let AssignUnitRequest { ticket_id, unit, from_unit } = request.into_inner();
        let ticket_id = parse(&ticket_id)?;
        let assignment = self.0.routing().assign_unit(&dispatcher, ticket_id, &from_unit, &unit).await?;
        Ok(Response::new(AssignUnitResponse {
            unit: assignment.unit,
            due_at: Some(api::timestamp(assignment.deadline.due_at)),
            reason: assignment.reason.into(),
        }))
    }

    async fn get_deadline(
        &self,
        request: Request<GetDeadlineRequest>,
    ) -> Result<Response<GetDeadlineResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let ticket_id = parse(&request.get_ref().ticket_id)?;
        self.deadline(&self.0.routing().get_deadline(&officer, ticket_id).await?).await
    }

    async fn pause_deadline(
        &self,
        request: Request<PauseDeadlineRequest>,
    ) -> Result<Response<GetDeadlineResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let request = request.into_inner();
        let waits_for = match request.waits_for() {
            v1::WaitsFor::Asker => WaitsFor::Asker,
            v1::WaitsFor::OtherBody => WaitsFor::OtherBody,
            v1::WaitsFor::Unspecified => {
                let message = "waitsFor is WAITS_FOR_ASKER or WAITS_FOR_OTHER_BODY";
                return Err(Refusal::invalid("waitsFor", "WAITS_FOR_UNKNOWN", message).into());
            }
        };
        let ticket_id = parse(&request.ticket_id)?;
        self.deadline(&self.0.routing().pause_deadline(&officer, ticket_id, &request, waits_for).await?).await
    }

    async fn resume_deadline(
        &self,
        request: Request<ResumeDeadlineRequest>,
    ) -> Result<Response<GetDeadlineResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let ResumeDeadlineRequest { ticket_id, version } = request.into_inner();
        self.deadline(&self.0.routing().resume_deadline(&officer, parse(&ticket_id)?, version).await?).await
    }

    async fn extend_deadline(
        &self,
        request: Request<ExtendDeadlineRequest>,
    ) -> Result<Response<GetDeadlineResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let request = request.into_inner();
        let ticket_id = parse(&request.ticket_id)?;
        self.deadline(&self.0.routing().extend_deadline(&officer, ticket_id, &request).await?).await
    }

    async fn hasten_deadline(
        &self,
        request: Request<HastenDeadlineRequest>,
    ) -> Result<Response<GetDeadlineResponse>, Status> {
        let dispatcher = require(&request, &DISPATCH)?;
        let ticket_id = parse(&request.get_ref().ticket_id)?;
        self.deadline(&self.0.routing().hasten_deadline(&dispatcher, ticket_id).await?).await
    }

    async fn get_routing(
        &self,
        request: Request<GetRoutingRequest>,
    ) -> Result<Response<GetRoutingResponse>, Status> {
        let dispatcher = require(&request, &[RoleName::Dispatcher, RoleName::Operator])?;
        let assignment =
            self.0.routing().get_routing(&dispatcher, parse(&request.into_inner().ticket_id)?).await?;
        Ok(Response::new(GetRoutingResponse {
            unit: assignment.unit,
            field: assignment.field,
            reason: assignment.reason.into(),
            suggestions: assignment.suggestions.into_iter().map(Into::into).collect(),
        }))
    }

    async fn explain_routing(
        &self,
        request: Request<ExplainRoutingRequest>,
    ) -> Result<Response<ExplainRoutingResponse>, Status> {
        require(&request, &[RoleName::Dispatcher, RoleName::Operator])?;
        let ExplainRoutingRequest { text, field } = request.into_inner();
        let (choice, suggestions, rule) = self.0.routing().explain_routing(text, field).await?;
        Ok(Response::new(ExplainRoutingResponse {
            unit: choice.unit,
            field: choice.field,
            reason: choice.reason.into(),
            suggestions: suggestions.into_iter().map(Into::into).collect(),
            rule,
        }))
    }
}

impl Grpc {
    async fn deadline(&self, assignment: &Assignment) -> Result<Response<GetDeadlineResponse>, Status> {
        let (routing, deadline) = (self.0.routing(), &assignment.deadline);
        let recomputations = routing.recomputations(assignment).await?;
        let left = deadline.left(&routing.rules.calendar, routing.clock.now());
        let pauses = deadline.pauses.iter().map(|pause| v1::DeadlinePause {
            since: Some(api::timestamp(pause.since)),
            until: pause.until.map(api::timestamp),
            waits_for: v1::WaitsFor::from(pause.waits_for).into(),
            reason: pause.reason.clone(),
            by: pause.by.clone(),
        });
        let extensions = deadline.extensions.iter().map(|extension| v1::DeadlineExtension {
            at: Some(api::timestamp(extension.at)),
            number: extension.number,
            due_before: Some(api::timestamp(extension.due_before)),
            reason: extension.reason.clone(),
            approver: extension.approver.clone(),
            by: extension.by.clone(),
        });
        let recomputations = recomputations.iter().map(|recomputation| v1::DeadlineRecomputation {
            at: Some(api::timestamp(recomputation.at)),
            due_before: Some(api::timestamp(recomputation.due_before)),
            due_at: Some(api::timestamp(recomputation.due_at)),
        });
        let ending = deadline.ending().filter(|_| !assignment.withdrawn);
        let ending = ending.map_or(v1::DeadlineEnding::Unspecified, Into::into);
        Ok(Response::new(GetDeadlineResponse {
            deadline: Some(deadline.snapshot(routing.organisation.leader(&assignment.unit))),
            working_minutes_left: u32::try_from(left.num_minutes()).unwrap_or_default(),
            ending: ending.into(),
            urgent: deadline.urgency == Urgency::Urgent,
            pauses: pauses.collect(),
            extensions: extensions.collect(),
            pause_for: deadline.policy.pause.iter().map(|what| v1::WaitsFor::from(*what).into()).collect(),
            extension_left: deadline.extension_left(),
            unit: unit(deadline.policy.answer).into(),
            recomputations: recomputations.collect(),
        }))
    }
}

fn parse(ticket_id: &str) -> Result<TicketId, Refusal> {
    let invalid = |_| Refusal::invalid("ticketId", "TICKET_ID_NOT_VALID", "ticketId is a UUID");
    ticket_id.parse().map_err(invalid)
}

fn unit(span: Span) -> v1::SpanUnit {
    match span {
        Span::WorkingHours(_) => v1::SpanUnit::WorkingHours,
        Span::WorkingDays(_) => v1::SpanUnit::WorkingDays,
        Span::CalendarDays(_) => v1::SpanUnit::CalendarDays,
    }
}

/// Working days to answer a question of a field; 0: it is counted otherwise.
fn working_days(rules: &Rules, organisation: &Organisation, field: &crate::organisation::Field) -> u32 {
    let agency = organisation.unit(&field.unit).map_or("", |unit| unit.agency.as_str());
    let case = Case { kind: Kind::Question, urgency: Urgency::Normal, field: &field.code, agency };
    match rules.policy(&case).answer {
        Span::WorkingDays(days) => days,
        Span::WorkingHours(_) | Span::CalendarDays(_) => 0,
    }
}

fn response(current: &Current, rules: &Rules) -> GetOrganisationResponse {
    let Current { registry, organisation, since, .. } = current;
    let agency = |agency: &crate::organisation::Agency| v1::Agency {
        code: agency.code.clone(),
        name: agency.name.clone(),
    };
    let unit = |unit: &crate::organisation::Unit| v1::Unit {
        code: unit.code.clone(),
        agency: unit.agency.clone(),
        name: unit.name.clone(),
        parent: unit.parent.clone(),
        predecessors: organisation.predecessors(&unit.code).into_iter().map(str::to_owned).collect(),
    };
    let field = |field: &crate::organisation::Field| v1::Field {
        code: field.code.clone(),
        name: field.name.clone(),
        name_en: field.name_en.clone(),
        unit: field.unit.clone(),
        working_days: working_days(rules, organisation, field),
    };
    GetOrganisationResponse {
        agencies: organisation.agencies.iter().map(agency).collect(),
        units: organisation.units.iter().map(unit).collect(),
        fields: organisation.fields.iter().map(field).collect(),
        desk_unit: organisation.desk().code.clone(),
        former_units: registry.former_units(*since).into_iter().map(unit).collect(),
        former_fields: registry.former_fields(*since).into_iter().map(field).collect(),
        registry_version: registry.version,
    }
}
