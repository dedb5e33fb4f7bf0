//! The catalogue of laws, policies and guidance that answers rest on.

use api::knowledge::v1::{CatalogueItem, CatalogueKind, ImportRefusal, PutCatalogueItemsResponse};
use runtime::Refusal;

use crate::{
    editing::{Page, page_of, text_of, token_of, truncate},
    life::Validity,
    passage::{ID_MAX, LABEL_MAX},
    service::{Knowledge, small},
    storage::{self, life::Shown},
};

/// Items of one call.
const PUT_MAX: usize = 500;
const TITLE_MAX: usize = 500;
/// Answers that are shown with an item.
const RESTING_MAX: i64 = 100;
const URL_MAX: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub id: String,
    pub kind: CatalogueKind,
    /// As printed on it, like 61/2018/NĐ-CP.
    pub number: String,
    pub title: String,
    pub url: String,
    pub validity: Validity,
    /// The unit that keeps it.
    pub unit: String,
}

impl Item {
    fn checked(item: &CatalogueItem) -> Result<Self, Refusal> {
        let kind = item.kind();
        if kind == CatalogueKind::Unspecified {
            return Err(Refusal::invalid("kind", "CATALOGUE_KIND_UNKNOWN", "kind is missing"));
        }
        let url = text_of("url", &item.url, URL_MAX, false)?;
        if !url.is_empty() && !["https://", "http://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(Refusal::invalid("url", "URL_NOT_VALID", "url begins with https:// or http://"));
        }
        let validity = Validity {
            from: api::time(item.valid_from.as_ref()),
            until: api::time(item.valid_until.as_ref()),
        };
        if !validity.is_possible() {
            let message = "validUntil is not after validFrom";
            return Err(Refusal::invalid("validUntil", "VALIDITY_EMPTY", message));
        }
        Ok(Self {
            id: text_of("id", &item.id, ID_MAX, true)?,
            kind,
            number: text_of("number", &item.number, LABEL_MAX, false)?,
            title: text_of("title", &item.title, TITLE_MAX, true)?,
            url,
            validity,
            unit: text_of("unit", &item.unit, LABEL_MAX, false)?,
        })
    }
}

impl Knowledge {
    /// Stores items; bad ones are refused one by one and the rest goes on.
    #[tracing::instrument(skip_all, fields(items = items.len()))]
    pub async fn put_catalogue_items(
        &self,
        items: Vec<CatalogueItem>,
    ) -> Result<PutCatalogueItemsResponse, Refusal> {
        if items.is_empty() || items.len() > PUT_MAX {
            let message = format!("1 to {PUT_MAX} items can be stored at once");
            return Err(Refusal::invalid("items", "ITEMS_COUNT", message));
        }
        let (mut response, mut changed) = (PutCatalogueItemsResponse::default(), Vec::new());
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let mut good = Vec::new();
        for (index, item) in (0..).zip(items) {
            match Item::checked(&item) {
                Ok(item) => good.push(item),
                Err(refusal) => {
                    response.refused.push(ImportRefusal { index, reason: refusal.to_string() });
                }
            }
        }
        // In one order, so that two imports cannot wait for each other.
        good.sort_by(|a, b| a.id.cmp(&b.id));
        for item in &good {
            if storage::catalogue::put(&mut tx, item, now).await? {
                changed.push(item.id.clone());
            }
        }
        storage::catalogue::touch(&mut tx, &changed).await?;
        tx.commit().await?;
        self.wake.notify_one();
        self.upkeep.notify_one();
        response.stored = small(changed.len());
        response.unchanged = small(good.len() - changed.len());
        Ok(response)
    }

    pub async fn list_catalogue(
        &self,
        part: &str,
        kind: CatalogueKind,
        after: &str,
        limit: u32,
    ) -> Result<Page<Item>, Refusal> {
        let (limit, after) = (page_of(limit)?, token_of(after)?);
        let part = text_of("q", part, TITLE_MAX, false)?;
        let mut conn = self.pool.acquire().await?;
        let mut items = storage::catalogue::page(&mut conn, &part, kind, after, limit + 1).await?;
        Ok(Page { more: truncate(&mut items, limit), items })
    }

    /// One item, and the answers that rest on it and hold now, the newest first.
    pub async fn get_catalogue_item(&self, id: &str) -> Result<(Item, Vec<Shown>), Refusal> {
        let (id, now) = (text_of("id", id, ID_MAX, true)?, self.clock.now());
        let mut conn = self.pool.acquire().await?;
        let item = storage::catalogue::find(&mut conn, &id).await?;
        let item = item.ok_or_else(|| {
            Refusal::not_found("CATALOGUE_ITEM_NOT_FOUND", "the catalogue has no such item")
        })?;
        let ids = storage::catalogue::resting_on(&mut conn, &id, now, RESTING_MAX).await?;
        let mut shown = storage::life::shown(&mut conn, &ids, now).await?;
        shown.sort_by_cached_key(|shown| ids.iter().position(|id| *id == shown.kept.passage.id));
        Ok((item, shown))
    }
}
