//! Policies and plans are files of their own, so they may name what the organisation has not, or has no more:
//! they bind nothing then. That is said when it is so, at the start and after each change of the registry.

use std::{collections::BTreeSet, time::Duration};

use api::routing::v1::{GetOrganisationRequest, GetOrganisationResponse};
use tokio_util::sync::CancellationToken;

use crate::{digest::plan::Plans, replies::Replies, service::Answering};

const UNTIL_ROUTING_ANSWERS: Duration = Duration::from_secs(5);
const BETWEEN_LOOKS: Duration = Duration::from_mins(1);

/// The codes of today's units and fields.
pub struct Names<'a> {
    units: BTreeSet<&'a str>,
    fields: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(organisation: &'a GetOrganisationResponse) -> Self {
        Self {
            units: organisation.units.iter().map(|unit| unit.code.as_str()).collect(),
            fields: organisation.fields.iter().map(|field| field.code.as_str()).collect(),
        }
    }

    /// What is unknown of the names that `what` gives, in words.
    fn unknown(&self, what: &str, units: &[&str], fields: &[&str]) -> Vec<String> {
        let units = units.iter().filter(|unit| !self.units.contains(*unit));
        let fields = fields.iter().filter(|field| !self.fields.contains(*field));
        let units = units.map(|unit| format!("{what}: no unit {unit}"));
        units.chain(fields.map(|field| format!("{what}: no field {field}"))).collect()
    }

    fn unknown_of(&self, replies: &Replies, plans: &Plans) -> Vec<String> {
        let of_policies = replies.policies().iter().flat_map(|policy| {
            let (unit, field) = (policy.unit.as_deref(), policy.field.as_deref());
            self.unknown(&format!("policy {}", policy.code), unit.as_slice(), field.as_slice())
        });
        let of_plans = plans.plans.iter().flat_map(|plan| {
            let fields: Vec<&str> = plan.fields.iter().map(String::as_str).collect();
            self.unknown(&format!("digest {}", plan.code), &[&plan.unit], &fields)
        });
        of_policies.chain(of_plans).collect()
    }
}

impl Answering {
    /// Warns of unknown names, once for each version of the registry.
    pub async fn watch_names(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut seen = None;
        loop {
            let organisation = self.routing.clone().get_organisation(GetOrganisationRequest {}).await;
            let pause = match organisation {
                Ok(organisation) => {
                    let organisation = organisation.into_inner();
                    if seen.replace(organisation.registry_version) != Some(organisation.registry_version) {
                        self.warn_of_unknown_names(&organisation);
                    }
                    BETWEEN_LOOKS
                }
                Err(_) => UNTIL_ROUTING_ANSWERS,
            };
            if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Ok(());
            }
        }
    }

    fn warn_of_unknown_names(&self, organisation: &GetOrganisationResponse) {
        let unknown = Names::of(organisation).unknown_of(&self.replies, &self.plans);
        let count = u32::try_from(unknown.len()).unwrap_or(u32::MAX);
        metrics::gauge!("motcua_answering_unknown_names").set(f64::from(count));
        for name in unknown {
            tracing::warn!("{name}: it binds nothing");
        }
    }
}

#[cfg(test)]
mod tests {
    use api::routing::v1::{Field, Unit};

    use super::*;

    const PLAN: &str = r#"
        [[digest]]
        code = "covid-19"
        group = "to-cong-tac"
        group_name = "Tổ công tác"
        unit = "closed"
        fields = ["health", "gone"]
        weekdays = ["monday"]
        at = "08:00:00"
        items_max = 200
        answer_within_days = 5
    "#;

    #[test]
    fn what_a_policy_or_plan_names_in_vain_is_said() {
        let unit = |code: &str| Unit { code: code.into(), ..Unit::default() };
        let field = |code: &str| Field { code: code.into(), ..Field::default() };
        let organisation = GetOrganisationResponse {
            units: vec![unit("desk")],
            fields: vec![field("health")],
            ..GetOrganisationResponse::default()
        };
        let text = include_str!("../data/replies.toml").to_owned()
            + "[[policy]]\ncode = \"two\"\nunit = \"old\"\nfield = \"health\"\nsource = \"x\"\n";
        let replies = Replies::parse(&text).unwrap();
        let unknown = Names::of(&organisation).unknown_of(&replies, &Plans::parse(PLAN).unwrap());
        let expected =
            ["policy two: no unit old", "digest covid-19: no unit closed", "digest covid-19: no field gone"];
        assert_eq!(unknown, expected);
    }
}
