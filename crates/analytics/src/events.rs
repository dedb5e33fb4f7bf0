//! What is done at every event: its fact is kept, and what it tells of its ticket is merged in.

use api::routing::v1::OrganisationChanged;
use bus::{Failure, Hearer, Received};
use sqlx::PgPool;

use crate::{fact::Readable, storage, succession::Told, webhook::Webhooks};

/// Where facts are kept, and who is told of them.
#[derive(Clone)]
pub struct Hearing {
    pub pool: PgPool,
    pub webhooks: Webhooks,
}

pub fn hear<E: Readable>(hearing: &Hearing) -> Hearer {
    let hearing = hearing.clone();
    bus::hearer("analytics", move |received: Received<E>| {
        let hearing = hearing.clone();
        async move { on_event(&hearing, received).await }
    })
}

/// Also keeps whose figures belong together.
pub fn hear_organisation(hearing: &Hearing) -> Hearer {
    let hearing = hearing.clone();
    bus::hearer("analytics", move |received: Received<OrganisationChanged>| {
        let hearing = hearing.clone();
        async move { on_organisation_changed(&hearing, received).await }
    })
}

async fn on_organisation_changed(
    hearing: &Hearing,
    received: Received<OrganisationChanged>,
) -> Result<(), Failure> {
    let reading = received.event.read(received.occurred_at).map_err(Failure::reject)?;
    let told = Told::of(&received.event, received.occurred_at);
    let Some(mut tx) = received.begin_once(&hearing.pool).await? else { return Ok(()) };
    storage::insert_fact(&mut tx, received.event_id, &reading.fact).await?;
    hearing.webhooks.tell(&mut tx, received.event_id, &reading.fact.name).await?;
    if let Some(after) = told.dropped_after {
        storage::drop_successions(&mut tx, after, received.event.version).await?;
    }
    for succession in &told.successions {
        storage::keep_succession(&mut tx, succession).await?;
    }
    Ok(tx.commit().await?)
}

async fn on_event<E: Readable>(hearing: &Hearing, received: Received<E>) -> Result<(), Failure> {
    let reading = received.event.read(received.occurred_at).map_err(Failure::reject)?;
    let Some(mut tx) = received.begin_once(&hearing.pool).await? else { return Ok(()) };
    storage::insert_fact(&mut tx, received.event_id, &reading.fact).await?;
    hearing.webhooks.tell(&mut tx, received.event_id, &reading.fact.name).await?;
    if let Some(told) = reading.ticket {
        let ticket_id = reading.fact.ticket_id;
        let known = storage::lock_ticket(&mut tx, ticket_id, &told).await?;
        let merged = known.clone().merge(told);
        if merged != known {
            storage::update_ticket(&mut tx, ticket_id, &merged).await?;
        }
    }
    Ok(tx.commit().await?)
}
