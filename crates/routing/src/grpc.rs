//! Requests to typed values, results to responses.

use api::{
    TicketId,
    routing::v1::{
        self, AssignUnitRequest, AssignUnitResponse, ExplainRoutingRequest, ExplainRoutingResponse,
        GetOrganisationRequest, GetOrganisationResponse, GetRoutingRequest, GetRoutingResponse,
        routing_service_server::RoutingService,
    },
};
use runtime::{Refusal, RoleName, require};
use tonic::{Request, Response, Status};

use crate::{organisation::Organisation, service::Routing};

pub struct Grpc(pub Routing);

#[tonic::async_trait]
impl RoutingService for Grpc {
    async fn get_organisation(
        &self,
        _request: Request<GetOrganisationRequest>,
    ) -> Result<Response<GetOrganisationResponse>, Status> {
        Ok(Response::new(response(&self.0.organisation)))
    }

    async fn assign_unit(
        &self,
        request: Request<AssignUnitRequest>,
    ) -> Result<Response<AssignUnitResponse>, Status> {
        let dispatcher = require(&request, &[RoleName::Dispatcher, RoleName::Operator])?;
        let AssignUnitRequest { ticket_id, unit } = request.into_inner();
        let assignment = self.0.assign_unit(&dispatcher, id(&ticket_id)?, &unit).await?;
        Ok(Response::new(AssignUnitResponse {
            unit: assignment.unit,
            due_at: Some(api::timestamp(assignment.due_at)),
            reason: assignment.reason.into(),
        }))
    }

    async fn get_routing(
        &self,
        request: Request<GetRoutingRequest>,
    ) -> Result<Response<GetRoutingResponse>, Status> {
        let dispatcher = require(&request, &[RoleName::Dispatcher, RoleName::Operator])?;
        let assignment = self.0.get_routing(&dispatcher, id(&request.into_inner().ticket_id)?).await?;
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
        let (choice, suggestions, rule) = self.0.explain_routing(text, field).await?;
        Ok(Response::new(ExplainRoutingResponse {
            unit: choice.unit,
            field: choice.field,
            reason: choice.reason.into(),
            suggestions: suggestions.into_iter().map(Into::into).collect(),
            rule,
        }))
    }
}

fn id(ticket_id: &str) -> Result<TicketId, Refusal> {
    ticket_id.parse().map_err(|_| Refusal::invalid("ticketId", "TICKET_ID_NOT_VALID", "ticketId is a UUID"))
}

fn response(organisation: &Organisation) -> GetOrganisationResponse {
    let agency = |agency: &crate::organisation::Agency| v1::Agency {
        code: agency.code.clone(),
        name: agency.name.clone(),
    };
    let unit = |unit: &crate::organisation::Unit| v1::Unit {
        code: unit.code.clone(),
        agency: unit.agency.clone(),
        name: unit.name.clone(),
    };
    let field = |field: &crate::organisation::Field| v1::Field {
        code: field.code.clone(),
        name: field.name.clone(),
        name_en: field.name_en.clone(),
        unit: field.unit.clone(),
        working_days: organisation.working_days(&field.code),
    };
    GetOrganisationResponse {
        agencies: organisation.agencies.iter().map(agency).collect(),
        units: organisation.units.iter().map(unit).collect(),
        fields: organisation.fields.iter().map(field).collect(),
        desk_unit: organisation.desk().code.clone(),
    }
}
