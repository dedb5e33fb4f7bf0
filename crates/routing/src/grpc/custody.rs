use api::routing::v1::{
    Binding, CustodyPeriod, GetCustodyRequest, GetCustodyResponse, custody_service_server::CustodyService,
};
use runtime::require;
use tonic::{Request, Response, Status};

use super::{DESK, Grpc, parse};
use crate::custody::Period;

#[tonic::async_trait]
impl CustodyService for Grpc {
    async fn get_custody(
        &self,
        request: Request<GetCustodyRequest>,
    ) -> Result<Response<GetCustodyResponse>, Status> {
        let officer = require(&request, &DESK)?;
        let ticket_id = parse(&request.get_ref().ticket_id)?;
        let routing = self.0.routing();
        let (assignment, periods) = routing.get_custody(&officer, ticket_id).await?;
        let (organisation, moves) = (&routing.organisation, &routing.rules.moves);
        let period = |Period { hand_off, until, worked }| CustodyPeriod {
            unit_name: organisation.unit(&hand_off.to).map(|unit| unit.name.clone()).unwrap_or_default(),
            unit: hand_off.to,
            round: hand_off.round,
            since: Some(api::timestamp(hand_off.at)),
            until: until.map(api::timestamp),
            working_minutes: u32::try_from(worked.num_minutes()).unwrap_or_default(),
            reason: hand_off.reason.into(),
            words: hand_off.words.reason,
            no_owner_reason: hand_off.words.no_owner_reason,
            by: hand_off.words.by,
        };
        Ok(Response::new(GetCustodyResponse {
            periods: periods.into_iter().map(period).collect(),
            binding: Binding::from(assignment.binding).into(),
            moves: assignment.moves,
            moves_max: moves.max,
            arbiter: moves.arbiter(&assignment.agency, organisation).to_owned(),
        }))
    }
}
