//! What kinds of questions demand of their askers, for the page of asking.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use api::intake::v1::{Assurance, Kind, ListDemandsRequest, ListDemandsResponse};
use tokio::sync::Mutex;

use crate::state::Gateway;

/// They are intake's configuration.
const FRESH: Duration = Duration::from_mins(1);
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(crate) struct Demands(ListDemandsResponse);

impl Demands {
    pub fn of(&self, kind: Kind) -> Assurance {
        let demand = self.0.demands.iter().find(|demand| demand.kind() == kind);
        demand.map_or(Assurance::Unspecified, api::intake::v1::Demand::assurance)
    }

    /// Whether codes can be mailed.
    pub fn mails_codes(&self) -> bool {
        self.0.mails_codes
    }
}

#[derive(Default)]
pub(crate) struct Cache(Mutex<Option<(Instant, Arc<Demands>)>>);

impl Cache {
    /// While intake cannot be reached: what was last heard, or none; intake checks what is sent anyway.
    pub async fn get(&self, gateway: &Gateway) -> Arc<Demands> {
        // Held over the call, so that a crowd of pages makes one call.
        let mut cached = self.0.lock().await;
        if let Some((at, demands)) = &*cached
            && at.elapsed() < FRESH
        {
            return demands.clone();
        }
        let mut request = tonic::Request::new(ListDemandsRequest {});
        request.set_timeout(PATIENCE);
        match gateway.verification().list_demands(request).await {
            Ok(response) => {
                let demands = Arc::new(Demands(response.into_inner()));
                *cached = Some((Instant::now(), demands.clone()));
                demands
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), "what kinds demand is not known");
                cached.as_ref().map(|(_, old)| old.clone()).unwrap_or_default()
            }
        }
    }
}
