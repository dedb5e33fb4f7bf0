//! The registry of units and fields, for names on pages.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use api::routing::v1::{GetOrganisationRequest, GetOrganisationResponse};
use tokio::sync::Mutex;

use crate::state::Gateway;

const FRESH: Duration = Duration::from_secs(5);
/// A page must not wait long for names: it is readable with codes.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Default, PartialEq)]
pub(crate) struct Organisation(GetOrganisationResponse);

/// A field of the select box.
pub(crate) struct Choice {
    pub code: String,
    pub name: String,
}

impl Organisation {
    pub fn fields(&self) -> Vec<Choice> {
        let fields = self.0.fields.iter();
        fields.map(|f| Choice { code: f.code.clone(), name: f.name.clone() }).collect()
    }

    pub fn units(&self) -> Vec<Choice> {
        let units = self.0.units.iter();
        units.map(|u| Choice { code: u.code.clone(), name: u.name.clone() }).collect()
    }

    /// The field's name, also of one that is no more, or its code while the registry does not know it.
    pub fn field_name(&self, code: &str) -> String {
        let field = self.0.fields.iter().chain(&self.0.former_fields).find(|f| f.code == code);
        field.map_or(code, |f| &f.name).to_owned()
    }

    /// Whether that unit is the dispatcher's desk.
    pub fn is_desk(&self, unit: &str) -> bool {
        !unit.is_empty() && self.0.desk_unit == unit
    }

    /// As [`Self::field_name`].
    pub fn unit_name(&self, code: &str) -> String {
        let unit = self.0.units.iter().chain(&self.0.former_units).find(|u| u.code == code);
        unit.map_or(code, |u| &u.name).to_owned()
    }
}

#[derive(Default)]
pub(crate) struct Cache(Mutex<Option<(Instant, Arc<Organisation>)>>);

impl Cache {
    /// While routing cannot be reached: what was last heard, or an empty registry.
    pub async fn get(&self, gateway: &Gateway) -> Arc<Organisation> {
        // Held over the call, so that a crowd of pages makes one call.
        let mut cached = self.0.lock().await;
        if let Some((at, organisation)) = &*cached
            && at.elapsed() < FRESH
        {
            return organisation.clone();
        }
        let mut request = tonic::Request::new(GetOrganisationRequest {});
        request.set_timeout(PATIENCE);
        match gateway.routing(None).get_organisation(request).await {
            Ok(response) => {
                let organisation = Arc::new(Organisation(response.into_inner()));
                *cached = Some((Instant::now(), organisation.clone()));
                organisation
            }
            Err(status) => {
                tracing::warn!(code = ?status.code(), "organisation registry not reachable");
                cached.as_ref().map(|(_, old)| old.clone()).unwrap_or_default()
            }
        }
    }
}
