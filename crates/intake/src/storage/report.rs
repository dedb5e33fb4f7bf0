//! SQL of reports from the field: photos, what is public, what is near.

use api::{TicketId, intake::v1::TicketState};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::decode;
use crate::{
    place::{Bounds, Place},
    report::Publicity,
};

/// A photo that no report has named yet.
pub struct Photo {
    pub photo_id: Uuid,
    pub digest: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// Keeps a photo unless `waiting_max` wait already.
pub async fn insert_photo(
    conn: &mut PgConnection,
    photo: &Photo,
    waiting_max: u32,
    at: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query!(
        "insert into intake.photo (photo_id, digest, width, height, uploaded_at)
         select $1, $2, $3, $4, $5
         where (select count(*) from intake.photo where ticket_id is null) < $6",
        photo.photo_id,
        photo.digest,
        i32::try_from(photo.width).map_err(decode_int)?,
        i32::try_from(photo.height).map_err(decode_int)?,
        at,
        i64::from(waiting_max),
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// What was sent as these photos, in their order; those that are not there are left out.
pub async fn digests(conn: &mut PgConnection, photo_ids: &[Uuid]) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar!(
        "select digest from unnest($1::uuid[]) with ordinality as named (id, at)
         join intake.photo on photo_id = named.id order by named.at",
        photo_ids
    )
    .fetch_all(conn)
    .await
}

/// Gives the photos to a ticket; `false` if one of them is another's, is leaving, or is not there.
pub async fn claim_photos(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    photo_ids: &[Uuid],
) -> Result<bool, sqlx::Error> {
    let claimed = sqlx::query!(
        "update intake.photo set ticket_id = $1, number = named.at
         from unnest($2::uuid[]) with ordinality as named (id, at)
         where photo_id = named.id and ticket_id is null and not leaving",
        ticket_id.0,
        photo_ids
    )
    .execute(conn)
    .await?;
    Ok(claimed.rows_affected() == photo_ids.len() as u64)
}

/// The id of a ticket's photo.
pub async fn find_photo(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    number: u32,
) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select photo_id from intake.photo where ticket_id = $1 and number = $2",
        ticket_id.0,
        i32::try_from(number).unwrap_or(i32::MAX)
    )
    .fetch_optional(conn)
    .await
}

/// Some photos that waited since before `cutoff` for a report in vain, or whose deletion was begun:
/// from now on no report can name them.
pub async fn part_with(
    conn: &mut PgConnection,
    cutoff: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "update intake.photo set leaving = true where photo_id in (
             select photo_id from intake.photo where ticket_id is null and (leaving or uploaded_at < $1)
             order by uploaded_at limit $2 for update skip locked)
         returning photo_id",
        cutoff,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Forgets a photo whose files are gone.
pub async fn forget_photo(conn: &mut PgConnection, photo_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from intake.photo where photo_id = $1 and leaving", photo_id).execute(conn).await?;
    Ok(())
}

pub async fn keep_address(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    sealed: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query!("update intake.ticket set address = $2 where ticket_id = $1", ticket_id.0, sealed)
        .execute(conn)
        .await?;
    Ok(())
}

/// What a ticket has as a report.
pub struct Filed {
    /// Who has it; empty before the first routing.
    pub unit: String,
    /// The unit's, else the asker's choice.
    pub field: String,
    pub place: Option<Place>,
    pub address: Option<Vec<u8>>,
    /// As an officer set it.
    pub publicity: Option<Publicity>,
    pub photos: u32,
}

pub async fn filed(conn: &mut PgConnection, ticket_id: TicketId) -> Result<Option<Filed>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select unit, coalesce(nullif(routed_field, ''), field) as "field!", latitude, longitude, address, publicity,
                  (select count(*) from intake.photo p where p.ticket_id = t.ticket_id) as "photos!"
           from intake.ticket t where ticket_id = $1"#,
        ticket_id.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Filed {
            unit: row.unit,
            field: row.field,
            place: super::place(row.latitude, row.longitude),
            address: row.address,
            publicity: publicity(row.publicity.as_deref())?,
            photos: u32::try_from(row.photos).map_err(decode)?,
        })
    })
    .transpose()
}

pub async fn set_publicity(
    conn: &mut PgConnection,
    ticket_id: TicketId,
    set: Option<Publicity>,
    by: &str,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update intake.ticket set publicity = $2, publicity_by = $3, publicity_at = $4 where ticket_id = $1",
        ticket_id.0,
        set.map(Publicity::as_str),
        by,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Another report that waits.
pub struct Near {
    pub ticket_id: TicketId,
    pub place: Place,
    pub text: String,
    pub submitted_at: DateTime<Utc>,
}

/// Whose reports are looked at.
pub struct Among<'a> {
    /// Fields whose reports are public at once, and those that take reports at all; of a unit: neither.
    pub at_once: &'a [String],
    pub fields: &'a [String],
    /// Of that unit, whatever the public sees; empty: public ones.
    pub unit: &'a str,
    /// Not that one.
    pub but: Option<TicketId>,
}

/// Reports that wait within the box, those nearest to its middle first.
pub async fn waiting_in(
    conn: &mut PgConnection,
    bounds: &Bounds,
    among: &Among<'_>,
    limit: i64,
) -> Result<Vec<Near>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select ticket_id, latitude as "latitude!", longitude as "longitude!", left(text, 160) as "text!", submitted_at
           from intake.ticket
           where latitude between $1 and $2 and longitude between $3 and $4
             and state in ('received', 'routed') and kind = 'KIND_REPORT'
             and coalesce(nullif(routed_field, ''), field) = any($5)
             and (case when $6 = '' then publicity in ('text', 'photos')
                       or publicity is null and coalesce(nullif(routed_field, ''), field) = any($7)
                  else unit = $6 end)
             and ticket_id is distinct from $8
           order by abs(latitude - ($1 + $2) / 2) + abs(longitude - ($3 + $4) / 2), ticket_id
           limit $9"#,
        bounds.south,
        bounds.north,
        bounds.west,
        bounds.east,
        among.fields,
        among.unit,
        among.at_once,
        among.but.map(|id| id.0),
        limit,
    )
    .fetch_all(conn)
    .await?;
    let near = rows.into_iter().map(|row| Near {
        ticket_id: TicketId(row.ticket_id),
        place: Place { latitude: row.latitude, longitude: row.longitude },
        text: row.text,
        submitted_at: row.submitted_at,
    });
    Ok(near.collect())
}

/// What the public sees of a report.
pub struct Public {
    pub ticket_id: TicketId,
    pub field: String,
    pub state: TicketState,
    pub text: String,
    pub place: Place,
    pub submitted_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub due_at: Option<DateTime<Utc>>,
    pub unit_name: String,
    /// The first 4,000 characters; empty: none, or withdrawn.
    pub answer: String,
    /// As an officer set it.
    pub publicity: Option<Publicity>,
    pub photos: u32,
}

/// Which page of the public reports.
pub struct Wanted {
    pub policy: Policy,
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub open: bool,
    pub closed: bool,
    pub limit: i64,
    pub offset: i64,
}

/// Whose reports are public.
pub struct Policy {
    pub fields: Vec<String>,
    /// Of `fields`: those whose reports are public before an officer says so.
    pub at_once: Vec<String>,
}

/// The ids of a page of public reports, newest first.
pub async fn public_page(conn: &mut PgConnection, wanted: &Wanted) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select ticket_id from intake.ticket
         where latitude is not null and kind = 'KIND_REPORT'
           and coalesce(nullif(routed_field, ''), field) = any($1)
           and (publicity in ('text', 'photos')
                or publicity is null and coalesce(nullif(routed_field, ''), field) = any($2))
           and submitted_at between $3 and $4
           and (state in ('received', 'routed') and $5 or state in ('answered', 'closed') and $6)
         order by submitted_at desc, ticket_id desc
         limit $7 offset $8",
        &wanted.policy.fields,
        &wanted.policy.at_once,
        wanted.since,
        wanted.until,
        wanted.open,
        wanted.closed,
        wanted.limit,
        wanted.offset,
    )
    .fetch_all(conn)
    .await
}

/// Of these reports those that are public, newest first.
pub async fn public(
    conn: &mut PgConnection,
    ticket_ids: &[Uuid],
    policy: &Policy,
) -> Result<Vec<Public>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select ticket_id, coalesce(nullif(routed_field, ''), field) as "field!", state, text,
                  latitude as "latitude!", longitude as "longitude!", submitted_at, due_at, unit_name, publicity,
                  coalesce((select max(at) from intake.timeline e where e.ticket_id = t.ticket_id), submitted_at) as "updated_at!",
                  case when exists (select from intake.notice n where n.ticket_id = t.ticket_id and n.whole
                                    and n.what = 'MILESTONE_WITHDRAWN' and n.answer_number = cardinality(t.follow_ups) + 1)
                       then '' else left(coalesce(answer_text, ''), 4000) end as "answer!",
                  (select count(*) from intake.photo p where p.ticket_id = t.ticket_id) as "photos!"
           from intake.ticket t
           where ticket_id = any($1) and latitude is not null and kind = 'KIND_REPORT' and state <> 'withdrawn'
             and coalesce(nullif(routed_field, ''), field) = any($2)
             and (publicity in ('text', 'photos')
                  or publicity is null and coalesce(nullif(routed_field, ''), field) = any($3))
           order by submitted_at desc, ticket_id desc"#,
        ticket_ids,
        &policy.fields,
        &policy.at_once,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Public {
                ticket_id: TicketId(row.ticket_id),
                field: row.field,
                state: state(&row.state)?,
                text: row.text,
                place: Place { latitude: row.latitude, longitude: row.longitude },
                submitted_at: row.submitted_at,
                updated_at: row.updated_at,
                due_at: row.due_at,
                unit_name: row.unit_name,
                answer: row.answer,
                publicity: publicity(row.publicity.as_deref())?,
                photos: u32::try_from(row.photos).map_err(decode)?,
            })
        })
        .collect()
}

fn state(state: &str) -> Result<TicketState, sqlx::Error> {
    let name = format!("TICKET_STATE_{}", state.to_uppercase());
    TicketState::from_str_name(&name).ok_or_else(|| decode(format!("unknown state {state}")))
}

fn publicity(text: Option<&str>) -> Result<Option<Publicity>, sqlx::Error> {
    let parse = |text| Publicity::parse(text).ok_or_else(|| decode("unknown publicity"));
    text.map(parse).transpose()
}

fn decode_int(error: std::num::TryFromIntError) -> sqlx::Error {
    sqlx::Error::Encode(error.into())
}
