//! SQL of `routing.registry_*`.

use api::routing::v1::OrganisationStep;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::registry::{Entry, Kind, Registry};

/// A file that was applied.
pub struct Version {
    pub version: u32,
    pub valid_from: DateTime<Utc>,
    pub applied_at: DateTime<Utc>,
    pub applied_by: String,
    pub steps: Vec<OrganisationStep>,
}

/// What asked for a version.
pub struct Application<'a> {
    pub request_id: Uuid,
    pub file: &'a str,
    pub valid_from: DateTime<Utc>,
    pub steps: &'a [OrganisationStep],
    pub applied_at: DateTime<Utc>,
    pub applied_by: &'a str,
}

/// Lets one change of the registry follow the other, also of an empty one.
pub async fn lock_registry(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!("lock table routing.registry_version in share row exclusive mode").execute(conn).await?;
    Ok(())
}

/// The newest version's number; 0: there is none.
pub async fn registry_version(conn: &mut PgConnection) -> Result<u32, sqlx::Error> {
    let version = sqlx::query_scalar!("select max(version) from routing.registry_version").fetch_one(conn);
    number(version.await?.unwrap_or_default())
}

/// All of it, by a caller that holds the lock: number and entries belong together.
pub async fn load_registry(conn: &mut PgConnection) -> Result<Registry, sqlx::Error> {
    let version = registry_version(&mut *conn).await?;
    let rows = sqlx::query_as!(
        Row,
        "select id, thing, valid_from, valid_until, version from routing.registry_entry order by id",
    )
    .fetch_all(conn)
    .await?;
    let entry = |row: Row| -> Result<Entry, sqlx::Error> {
        let thing = serde_json::from_value(row.thing).map_err(|error| sqlx::Error::Decode(error.into()))?;
        let Row { id, valid_from: from, valid_until: until, version, .. } = row;
        Ok(Entry { id, thing, from, until, version: number(version)? })
    };
    let entries = rows.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Registry { version, entries })
}

/// Saves what an application made of the registry.
pub async fn save_registry(
    conn: &mut PgConnection,
    before: &Registry,
    after: &Registry,
    application: &Application<'_>,
) -> Result<(), sqlx::Error> {
    let version = i32::try_from(after.version).unwrap_or(i32::MAX);
    sqlx::query!(
        "insert into routing.registry_version
             (version, request_id, file, valid_from, steps, applied_at, applied_by)
         values ($1, $2, $3, $4, $5, $6, $7)",
        version,
        application.request_id,
        application.file,
        application.valid_from,
        serde_json::to_value(application.steps).expect("steps serialise"),
        application.applied_at,
        application.applied_by,
    )
    .execute(&mut *conn)
    .await?;
    // Ends first: a thing lasts in one form only.
    let both = before.entries.iter().zip(&after.entries);
    let mut changed: Vec<_> = both.filter(|(was, is)| was.until != is.until).collect();
    changed.sort_by_key(|(_, is)| is.until.is_none());
    for (was, is) in changed {
        sqlx::query!("update routing.registry_entry set valid_until = $2 where id = $1", was.id, is.until,)
            .execute(&mut *conn)
            .await?;
    }
    for entry in after.entries.iter().skip(before.entries.len()) {
        let (kind, code) = entry.thing.key();
        sqlx::query!(
            "insert into routing.registry_entry (kind, code, thing, valid_from, valid_until, version)
             values ($1, $2, $3, $4, $5, $6)",
            name(kind),
            code,
            serde_json::to_value(&entry.thing).expect("a thing serialises"),
            entry.from,
            entry.until,
            version,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// What a request led to, and the file that it brought.
pub async fn find_application(
    conn: &mut PgConnection,
    request_id: Uuid,
) -> Result<Option<(Version, String)>, sqlx::Error> {
    let row = sqlx::query!(
        "select version, file, valid_from, applied_at, applied_by, steps
         from routing.registry_version where request_id = $1",
        request_id,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let version = Version {
        version: number(row.version)?,
        valid_from: row.valid_from,
        applied_at: row.applied_at,
        applied_by: row.applied_by,
        steps: steps(row.steps)?,
    };
    Ok(Some((version, row.file)))
}

/// The newest versions, the newest first.
pub async fn list_versions(conn: &mut PgConnection, limit: i64) -> Result<Vec<Version>, sqlx::Error> {
    let rows = sqlx::query!(
        "select version, valid_from, applied_at, applied_by, steps
         from routing.registry_version order by version desc limit $1",
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Version {
                version: number(row.version)?,
                valid_from: row.valid_from,
                applied_at: row.applied_at,
                applied_by: row.applied_by,
                steps: steps(row.steps)?,
            })
        })
        .collect()
}

struct Row {
    id: i64,
    thing: serde_json::Value,
    valid_from: DateTime<Utc>,
    valid_until: Option<DateTime<Utc>>,
    version: i32,
}

fn steps(json: serde_json::Value) -> Result<Vec<OrganisationStep>, sqlx::Error> {
    serde_json::from_value(json).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn number(version: i32) -> Result<u32, sqlx::Error> {
    u32::try_from(version).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Agency => "agency",
        Kind::Unit => "unit",
        Kind::Field => "field",
        Kind::Rules => "rules",
        Kind::Desk => "desk",
        Kind::Former => "former",
    }
}
