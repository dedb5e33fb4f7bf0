//! Keeps the registry: the use cases of RegistryService, and the organisation that is in force at
//! each moment, without a restart.

use std::{error::Error, sync::Arc, time::Duration};

use api::routing::v1::{OrganisationChanged, OrganisationStep, PlanOrganisationResponse};
use chrono::{DateTime, Utc};
use runtime::{Context, Refusal};
use sqlx::{PgConnection, PgPool};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Config,
    organisation::Organisation,
    policy::Rules,
    registry::{Fault, Plan, Registry, When},
    service::Routing,
    storage::{
        calendar,
        registry::{self as storage, Application, Version},
    },
};

/// How often to look whether another process has changed the registry.
const POLL: Duration = Duration::from_secs(1);

/// Versions that are listed, at most.
const VERSIONS_MAX: i64 = 100;

/// Who seeds an empty registry.
const CONFIGURATION: &str = "configuration";

#[derive(Clone)]
pub struct Registrar {
    /// With whatever organisation was in force when the process started.
    routing: Routing,
    current: Arc<watch::Sender<Current>>,
    /// The file's, by the version of its calendar.
    rules: Arc<watch::Sender<Arc<Rules>>>,
}

/// The registry, and what of it is in force.
#[derive(Clone)]
pub struct Current {
    pub registry: Arc<Registry>,
    pub organisation: Arc<Organisation>,
    /// When it was looked at, and when that may change.
    pub since: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
}

/// What an application led to.
pub struct Applied {
    pub version: u32,
    pub valid_from: DateTime<Utc>,
    pub steps: Vec<OrganisationStep>,
}

impl Current {
    fn of(registry: Arc<Registry>, now: DateTime<Utc>) -> Option<Self> {
        let organisation = Arc::new(registry.at(now)?);
        let until = registry.next_change(now);
        Some(Self { registry, organisation, since: now, until })
    }

    fn holds(&self, now: DateTime<Utc>) -> bool {
        self.since <= now && self.until.is_none_or(|until| now < until)
    }
}

/// A name in the rules that nobody knows is a slip of the pen, and is refused. One that only the configured
/// file knows is told: the registry has gone on since.
fn check_names(rules: &Rules, in_force: &Organisation, configured: &Organisation) -> anyhow::Result<()> {
    let missing = rules.names_unknown_to(in_force);
    let in_neither = rules.names_unknown_to(configured);
    let unknown: Vec<_> = missing.iter().filter(|name| in_neither.contains(name)).cloned().collect();
    anyhow::ensure!(unknown.is_empty(), "{}", unknown.join("; "));
    for name in missing {
        tracing::warn!(name, "the rules name what is not in force any more");
    }
    Ok(())
}

impl Registrar {
    /// Reads the registry; an empty one is filled from the configured file.
    pub async fn open(ctx: &Context, config: Config) -> anyhow::Result<Self> {
        let (organisation, file) = Organisation::read(&config.organisation)?;
        let routing = Routing::open(ctx, config, organisation.clone())?;
        let mut tx = routing.pool.begin().await?;
        storage::lock_registry(&mut tx).await?;
        let mut registry = storage::load_registry(&mut tx).await?;
        let now = routing.clock.now();
        let planned = registry.plan(&organisation, when(&routing, &organisation, false));
        if registry.version == 0 {
            let plan = planned?;
            let request_id = Uuid::now_v7();
            registry = keep(&mut tx, &registry, &plan, request_id, &file, CONFIGURATION, now).await?;
            tracing::info!(
                steps = plan.steps.len(),
                "the registry was empty: it is what the organisation's file says"
            );
        } else {
            tell_difference(planned);
        }
        tx.commit().await?;
        let current = Current::of(Arc::new(registry), now);
        let current =
            current.ok_or_else(|| anyhow::anyhow!("the registry has versions but no organisation"))?;
        check_names(&routing.rules, &current.organisation, &organisation)?;
        let held = calendar::hold(&routing.pool, &routing.rules.reckoning(), None).await?;
        let rules = Arc::new(routing.rules.of_version(held.version));
        let rules = Arc::new(watch::Sender::new(rules));
        Ok(Self { routing, current: Arc::new(watch::Sender::new(current)), rules })
    }

    pub fn pool(&self) -> &PgPool {
        &self.routing.pool
    }

    pub fn rules(&self) -> Arc<Rules> {
        self.rules.borrow().clone()
    }

    pub fn take_rules(&self, rules: Arc<Rules>) {
        self.rules.send_replace(rules);
    }

    /// What is in force now.
    pub fn current(&self) -> Current {
        let now = self.routing.clock.now();
        let current = self.current.borrow().clone();
        if current.holds(now) {
            return current;
        }
        let Some(next) = Current::of(current.registry.clone(), now) else { return current };
        self.replace(&next);
        next
    }

    /// The use cases, with the organisation and the calendar that are in force now from beginning to end.
    pub fn routing(&self) -> Routing {
        self.routing.clone().within(self.current().organisation, self.rules())
    }

    /// An older registry never takes the place of a newer one.
    fn replace(&self, next: &Current) {
        self.current.send_if_modified(|current| {
            let newer = current.registry.version <= next.registry.version;
            if newer {
                current.clone_from(next);
            }
            newer
        });
    }

    /// Takes up what other processes change, until `shutdown`. A failure is tried again.
    pub async fn run_refresh(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        while !shutdown.is_cancelled() {
            if let Some(Err(error)) = shutdown.run_until_cancelled(self.refresh()).await {
                tracing::warn!(error = &error as &dyn Error, "looking at the registry again after a pause");
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(POLL) => {}
            }
        }
        Ok(())
    }

    async fn refresh(&self) -> Result<(), sqlx::Error> {
        let version = storage::registry_version(&mut *self.routing.pool.acquire().await?).await?;
        if version == self.current.borrow().registry.version {
            return Ok(());
        }
        let mut tx = self.routing.pool.begin().await?;
        storage::lock_registry(&mut tx).await?;
        let registry = storage::load_registry(&mut tx).await?;
        tx.commit().await?;
        self.take(registry);
        Ok(())
    }

    fn take(&self, registry: Registry) {
        if let Some(next) = Current::of(Arc::new(registry), self.routing.clock.now()) {
            tracing::info!(version = next.registry.version, "the registry has changed");
            self.replace(&next);
        }
    }

    /// What a file would change.
    pub async fn plan_organisation(
        &self,
        file: &str,
        replaces: bool,
    ) -> Result<PlanOrganisationResponse, Refusal> {
        let organisation = read(file)?;
        let mut tx = self.routing.pool.begin().await?;
        storage::lock_registry(&mut tx).await?;
        let registry = storage::load_registry(&mut tx).await?;
        tx.commit().await?;
        let plan = registry
            .plan(&organisation, when(&self.routing, &organisation, replaces))
            .map_err(|fault| refused(&fault))?;
        Ok(PlanOrganisationResponse {
            version: registry.version,
            valid_from: Some(api::timestamp(plan.at)),
            steps: plan.steps.iter().map(Into::into).collect(),
            notes: self.routing.rules.names_unknown_to(&organisation),
        })
    }

    /// Does what a file says, if the registry is as the caller saw it.
    pub async fn apply_organisation(
        &self,
        request_id: Uuid,
        file: &str,
        replaces: bool,
        version: u32,
        by: &str,
    ) -> Result<Applied, Refusal> {
        let organisation = read(file)?;
        let mut tx = self.routing.pool.begin().await?;
        storage::lock_registry(&mut tx).await?;
        if let Some((done, earlier)) = storage::find_application(&mut tx, request_id).await? {
            if earlier != file {
                let message = "this request id was used for another file";
                return Err(Refusal::exists("REGISTRY_REQUEST_REUSED", message));
            }
            return Ok(Applied { version: done.version, valid_from: done.valid_from, steps: done.steps });
        }
        let registry = storage::load_registry(&mut tx).await?;
        if registry.version != version {
            let message = format!("the registry has changed; its version is {} now", registry.version);
            return Err(Refusal::stale("STALE_VERSION", message));
        }
        let plan = registry
            .plan(&organisation, when(&self.routing, &organisation, replaces))
            .map_err(|fault| refused(&fault))?;
        let steps = plan.steps.iter().map(Into::into).collect();
        if plan.steps.is_empty() {
            return Ok(Applied { version, valid_from: plan.at, steps });
        }
        let now = self.routing.clock.now();
        let next = keep(&mut tx, &registry, &plan, request_id, file, by, now).await?;
        bus::faults::reach("before-applied", "registry");
        tx.commit().await?;
        let applied = Applied { version: next.version, valid_from: plan.at, steps };
        self.take(next);
        Ok(applied)
    }

    /// The files applied, the newest first.
    pub async fn versions(&self) -> Result<Vec<Version>, Refusal> {
        let mut conn = self.routing.pool.acquire().await?;
        Ok(storage::list_versions(&mut conn, VERSIONS_MAX).await?)
    }
}

/// Saves what a plan makes of the registry, and states it.
async fn keep(
    conn: &mut PgConnection,
    before: &Registry,
    plan: &Plan,
    request_id: Uuid,
    file: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Registry, sqlx::Error> {
    let after = before.apply(plan);
    let steps: Vec<OrganisationStep> = plan.steps.iter().map(Into::into).collect();
    let application =
        Application { request_id, file, valid_from: plan.at, steps: &steps, applied_at: now, applied_by: by };
    storage::save_registry(conn, before, &after, &application).await?;
    let undetailed = steps.into_iter().map(|step| OrganisationStep { detail: String::new(), ..step });
    let fact = OrganisationChanged {
        ticket_id: Uuid::nil().to_string(),
        version: after.version,
        valid_from: Some(api::timestamp(plan.at)),
        steps: undetailed.collect(),
        changed_at: Some(api::timestamp(now)),
    };
    bus::outbox::put(conn, &fact).await?;
    // With the ids that its entries were given.
    storage::load_registry(conn).await
}

fn read(file: &str) -> Result<Organisation, Refusal> {
    Organisation::parse(file)
        .map_err(|error| Refusal::invalid("file", "ORGANISATION_NOT_VALID", format!("{error:#}")))
}

fn when(routing: &Routing, file: &Organisation, replaces: bool) -> When {
    let (calendar, now) = (&routing.rules.calendar, routing.clock.now());
    When {
        now,
        today: calendar.day_start(calendar.local_day(now)),
        from: file.valid_from.map(|day| calendar.day_start(day)),
        replaces,
    }
}

fn refused(fault: &Fault) -> Refusal {
    let message = fault.to_string();
    match fault {
        Fault::Passed => Refusal::invalid("file", "ORGANISATION_DATE_PASSED", message),
        Fault::Planned(_) => Refusal::conflict("ORGANISATION_PLANNED", message),
        _ => Refusal::invalid("file", "ORGANISATION_NOT_VALID", message),
    }
}

/// The registry is what counts; whoever still edits the configured file should know.
fn tell_difference(planned: Result<Plan, Fault>) {
    match planned {
        Ok(plan) if plan.steps.is_empty() => {}
        Ok(plan) => tracing::warn!(
            differences = plan.steps.len(),
            "the organisation's file differs from the registry, which counts: `motcua apply` shows how"
        ),
        Err(fault) => tracing::warn!(
            error = &fault as &dyn Error,
            "the organisation's file differs from the registry, which counts"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{organisation::tests::SMALL, policy::tests::small};

    #[test]
    fn a_name_that_only_the_registry_or_only_the_file_knows_stops_no_start() {
        let all = Organisation::parse(SMALL).unwrap();
        let fewer = SMALL.replace("code = \"policy\"", "code = \"other\"");
        let fewer = Organisation::parse(&fewer).unwrap();
        assert!(!small().names_unknown_to(&fewer).is_empty());
        assert!(check_names(&small(), &all, &fewer).is_ok(), "it was applied since");
        assert!(check_names(&small(), &fewer, &all).is_ok(), "it has ended since");
        assert!(check_names(&small(), &fewer, &fewer).is_err());
    }
}
