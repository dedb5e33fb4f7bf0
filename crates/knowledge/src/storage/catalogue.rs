//! SQL of the catalogue.

use api::knowledge::v1::CatalogueKind;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{catalogue::Item, life::Validity};

/// Stores an item; says whether it is new or changed.
pub async fn put(conn: &mut PgConnection, item: &Item, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into knowledge.catalogue_item as old
             (item_id, kind, number, title, url, valid_from, valid_until, unit, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (item_id) do update set
             kind = excluded.kind, number = excluded.number, title = excluded.title, url = excluded.url,
             valid_from = excluded.valid_from, valid_until = excluded.valid_until, unit = excluded.unit,
             updated_at = excluded.updated_at
         where (old.kind, old.number, old.title, old.url, old.valid_from, old.valid_until, old.unit)
             is distinct from (excluded.kind, excluded.number, excluded.title, excluded.url, excluded.valid_from,
                               excluded.valid_until, excluded.unit)",
        item.id,
        item.kind.as_str_name(),
        item.number,
        item.title,
        item.url,
        item.validity.from,
        item.validity.until,
        item.unit,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Has everything that rests on these items indexed again, with the validity it has now.
pub async fn touch(conn: &mut PgConnection, items: &[String]) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update knowledge.passage p set indexed_at = null
         from knowledge.passage_basis b
         where b.item_id = any($1) and (p.passage_id = b.passage_id or p.copy_of = b.passage_id)",
        items,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How many of these items there are.
pub async fn count(conn: &mut PgConnection, ids: &[String]) -> Result<usize, sqlx::Error> {
    let known = sqlx::query_scalar!(
        r#"select count(*) as "count!" from knowledge.catalogue_item where item_id = any($1)"#,
        ids
    )
    .fetch_one(conn)
    .await?;
    Ok(usize::try_from(known).unwrap_or_default())
}

/// Items after `after`, by id, of that kind (unspecified: all), whose number or title has `part` in it.
pub async fn page(
    conn: &mut PgConnection,
    part: &str,
    kind: CatalogueKind,
    after: &str,
    limit: i64,
) -> Result<Vec<Item>, sqlx::Error> {
    let kind = Some(kind).filter(|kind| *kind != CatalogueKind::Unspecified);
    let rows = sqlx::query_as!(
        Row,
        "select item_id, kind, number, title, url, valid_from, valid_until, unit from knowledge.catalogue_item
         where item_id > $1 and (strpos(lower(number), lower($2)) > 0 or strpos(lower(title), lower($2)) > 0)
           and ($4::text is null or kind = $4)
         order by item_id limit $3",
        after,
        part,
        limit,
        kind.map(|kind| kind.as_str_name()),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Item::from).collect())
}

pub async fn find(conn: &mut PgConnection, id: &str) -> Result<Option<Item>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        "select item_id, kind, number, title, url, valid_from, valid_until, unit
         from knowledge.catalogue_item where item_id = $1",
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Item::from))
}

/// The answers that rest on an item and hold now, the newest first; a copy is shown as its origin.
pub async fn resting_on(
    conn: &mut PgConnection,
    id: &str,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar!(
        "select p.passage_id from knowledge.passage_basis b
         join knowledge.passage p using (passage_id) join knowledge.standing s using (passage_id)
         where b.item_id = $1 and p.copy_of is null
           and s.published and coalesce(s.valid_from <= $2, true) and coalesce($2 < s.valid_until, true)
         order by p.updated_at desc, p.passage_id desc limit $3",
        id,
        now,
        limit,
    )
    .fetch_all(conn)
    .await
}

struct Row {
    item_id: String,
    kind: String,
    number: String,
    title: String,
    url: String,
    valid_from: Option<DateTime<Utc>>,
    valid_until: Option<DateTime<Utc>>,
    unit: String,
}

impl From<Row> for Item {
    fn from(row: Row) -> Self {
        Self {
            id: row.item_id,
            kind: CatalogueKind::from_str_name(&row.kind).unwrap_or_default(),
            number: row.number,
            title: row.title,
            url: row.url,
            validity: Validity { from: row.valid_from, until: row.valid_until },
            unit: row.unit,
        }
    }
}
