use api::routing::v1::{
    self, ApplyOrganisationRequest, ApplyOrganisationResponse, GetRegistryRequest, GetRegistryResponse,
    OrganisationChange, OrganisationStep, OrganisationThing, PlanOrganisationRequest,
    PlanOrganisationResponse, registry_service_server::RegistryService,
};
use runtime::{Refusal, RoleName, require};
use tonic::{Request, Response, Status};

use super::Grpc;
use crate::{
    organisation::Organisation,
    registry::{Change, Entry, Kind, Registry, Step, Thing},
    storage::registry::Version,
};

const OPERATOR: [RoleName; 1] = [RoleName::Operator];
const ANYONE: [RoleName; 6] = [
    RoleName::Officer,
    RoleName::Dispatcher,
    RoleName::Editor,
    RoleName::Analyst,
    RoleName::Operator,
    RoleName::Service,
];

#[tonic::async_trait]
impl RegistryService for Grpc {
    async fn plan_organisation(
        &self,
        request: Request<PlanOrganisationRequest>,
    ) -> Result<Response<PlanOrganisationResponse>, Status> {
        require(&request, &OPERATOR)?;
        let PlanOrganisationRequest { file, replace_planned } = request.into_inner();
        Ok(Response::new(self.0.plan_organisation(&file, replace_planned).await?))
    }

    async fn apply_organisation(
        &self,
        request: Request<ApplyOrganisationRequest>,
    ) -> Result<Response<ApplyOrganisationResponse>, Status> {
        let operator = require(&request, &OPERATOR)?;
        let ApplyOrganisationRequest { request_id, file, replace_planned, version } = request.into_inner();
        let invalid = |_| Refusal::invalid("requestId", "REQUEST_ID_NOT_VALID", "requestId is a UUID");
        let request_id = request_id.parse().map_err(invalid)?;
        let by = &operator.subject;
        let applied = self.0.apply_organisation(request_id, &file, replace_planned, version, by).await?;
        Ok(Response::new(ApplyOrganisationResponse {
            version: applied.version,
            valid_from: Some(api::timestamp(applied.valid_from)),
            steps: applied.steps,
        }))
    }

    async fn get_registry(
        &self,
        request: Request<GetRegistryRequest>,
    ) -> Result<Response<GetRegistryResponse>, Status> {
        require(&request, &ANYONE)?;
        let GetRegistryRequest { at, history } = request.into_inner();
        let current = self.0.current();
        let at = match &at {
            None => current.since,
            Some(at) => api::time(Some(at))
                .ok_or_else(|| Refusal::invalid("at", "TIME_NOT_VALID", "at is no time that there is"))?,
        };
        let organisation = current.registry.at(at).unwrap_or_else(|| (*current.organisation).clone());
        let mut response = response(&current.registry, &organisation, |entry| {
            entry.counts() && (history || entry.holds(at))
        });
        if history {
            response.versions = self.0.versions().await?.into_iter().map(Into::into).collect();
        }
        Ok(Response::new(response))
    }
}

fn response(
    registry: &Registry,
    organisation: &Organisation,
    shown: impl Fn(&Entry) -> bool,
) -> GetRegistryResponse {
    let mut response = GetRegistryResponse {
        version: registry.version,
        desk_unit: organisation.desk.unit.clone(),
        ..GetRegistryResponse::default()
    };
    for entry in registry.entries.iter().filter(|entry| shown(entry)) {
        let valid_from = Some(api::timestamp(entry.from));
        let valid_until = entry.until.map(api::timestamp);
        let version = entry.version;
        match entry.thing.clone() {
            Thing::Agency(agency) => response.agencies.push(v1::RegistryAgency {
                code: agency.code,
                name: agency.name,
                leader: agency.leader,
                valid_from,
                valid_until,
                version,
            }),
            Thing::Unit(unit) => response.units.push(v1::RegistryUnit {
                predecessors: organisation.predecessors(&unit.code).into_iter().map(str::to_owned).collect(),
                code: unit.code,
                agency: unit.agency,
                parent: unit.parent,
                name: unit.name,
                leader: unit.leader,
                valid_from,
                valid_until,
                version,
            }),
            Thing::Field(field) => response.fields.push(v1::RegistryField {
                code: field.code,
                name: field.name,
                name_en: field.name_en,
                unit: field.unit,
                valid_from,
                valid_until,
                version,
            }),
            Thing::Former(former) => response.formers.push(v1::RegistryFormer {
                unit: former.unit,
                into: former.into,
                valid_from,
                valid_until,
                version,
            }),
            Thing::Rules(_) | Thing::Desk(_) => {}
        }
    }
    response
}

impl From<Version> for v1::RegistryVersion {
    fn from(version: Version) -> Self {
        Self {
            version: version.version,
            valid_from: Some(api::timestamp(version.valid_from)),
            applied_at: Some(api::timestamp(version.applied_at)),
            applied_by: version.applied_by,
            steps: version.steps,
        }
    }
}

impl From<&Step> for OrganisationStep {
    fn from(step: &Step) -> Self {
        let change = match step.change {
            Change::Added => OrganisationChange::Added,
            Change::Changed => OrganisationChange::Changed,
            Change::Renamed => OrganisationChange::Renamed,
            Change::Merged => OrganisationChange::Merged,
            Change::Split => OrganisationChange::Split,
            Change::Closed => OrganisationChange::Closed,
            Change::Dropped => OrganisationChange::Dropped,
        };
        let thing = match step.kind {
            Kind::Agency => OrganisationThing::Agency,
            Kind::Unit => OrganisationThing::Unit,
            Kind::Field => OrganisationThing::Field,
            Kind::Rules => OrganisationThing::Rules,
            Kind::Desk => OrganisationThing::Desk,
            Kind::Former => OrganisationThing::Former,
        };
        Self {
            change: change.into(),
            thing: thing.into(),
            code: step.code.clone(),
            into: step.into.clone(),
            detail: step.detail.clone(),
        }
    }
}
