//! Use cases of reports from the field: photos come before their report, which then names them; what
//! the public, the asker and the unit see; what is near.

use std::{sync::Arc, time::Duration};

use api::{TicketId, intake::v1::Kind};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use runtime::{Principal, Refusal, RoleName};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    album::{Album, Size},
    photo,
    place::Place,
    report::{Config, Field, Fields, Publicity},
    seal::Sealed,
    service::{Intake, no_such_ticket, parse_code},
    storage::{
        self,
        report::{Among, Filed, Near, Photo, Policy, Public, Wanted},
    },
    text,
};

const ADDRESS_CHARS_MAX: usize = 200;
/// Uploads that are received at the same time; others wait before their first byte.
const RECEIVED_AT_ONCE: usize = 8;
const SWEEP: Duration = Duration::from_mins(1);
const SWEPT_AT_ONCE: i64 = 100;
/// Reports in the box whose true distance is looked at.
const CANDIDATES: i64 = 20;
const IDS_MAX: usize = 100;
const DAYS_MAX: i64 = 90;
const PAGE_USUAL: u32 = 50;
const PAGE_MAX: u32 = 100;
const PAGES_MAX: u32 = 200;

/// What reports need beside the database.
#[derive(Clone)]
pub struct Reports {
    pub config: Config,
    pub fields: Arc<Fields>,
    /// `None`: no photos are taken.
    album: Option<Album>,
    receiving: Arc<Semaphore>,
    decoding: Arc<Semaphore>,
}

impl Reports {
    pub fn try_new(config: Config) -> anyhow::Result<Self> {
        config.check()?;
        let fields = Arc::new(Fields::read(&config.fields)?);
        let album = (!config.photos.is_empty()).then(|| Album::open(&config.photos)).transpose()?;
        let decoding = Arc::new(Semaphore::new(config.decoders));
        let receiving = Arc::new(Semaphore::new(RECEIVED_AT_ONCE));
        Ok(Self { config, fields, album, receiving, decoding })
    }

    fn album(&self) -> Result<&Album, Refusal> {
        self.album.as_ref().ok_or_else(|| Refusal::conflict("PHOTOS_NOT_TAKEN", "photos are not taken here"))
    }

    /// Waits for a place to receive a photo in: its bytes are held in memory.
    pub async fn receive(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.album()?;
        self.receiving.acquire().await.map_err(|error| Refusal::internal(&error))
    }
}

/// What a submission says beside its text; only of a report.
#[derive(Debug, Default)]
pub struct Details {
    pub place: Option<Place>,
    pub address: String,
    pub photo_ids: Vec<Uuid>,
}

impl Details {
    fn is_empty(&self) -> bool {
        self.place.is_none() && self.address.is_empty() && self.photo_ids.is_empty()
    }
}

/// What a report has beside its text.
#[derive(Debug, Default)]
pub struct Extras {
    pub address: String,
    pub photos: u32,
}

/// A report as its unit sees it.
pub struct Seen {
    pub filed: Filed,
    pub address: String,
    pub publicity: Publicity,
    pub photos_may_be_public: bool,
    pub nearest: Option<(Near, u32)>,
}

impl Intake {
    /// Checks what a submission of that kind may say beside its text.
    pub fn check_details(&self, kind: Kind, details: &mut Details) -> Result<(), Refusal> {
        details.address = text::optional("address", &details.address, ADDRESS_CHARS_MAX)?;
        if kind != Kind::Report && !details.is_empty() {
            let message = "a place, an address and photos belong to a report";
            return Err(Refusal::invalid("kind", "ONLY_OF_A_REPORT", message));
        }
        let max = self.reports.config.photos_max;
        if details.photo_ids.len() > max {
            let message = format!("a report has at most {max} photos");
            return Err(Refusal::invalid("photoIds", "PHOTOS_TOO_MANY", message));
        }
        let mut sorted = details.photo_ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() < details.photo_ids.len() {
            return Err(no_such_photo());
        }
        Ok(())
    }

    /// What tells these details from others, by what the photos were sent as; empty: there are none.
    pub async fn mark_of(&self, details: &Details) -> Result<Vec<Vec<u8>>, Refusal> {
        if details.is_empty() {
            return Ok(Vec::new());
        }
        let mut parts = Vec::new();
        if !details.photo_ids.is_empty() {
            let mut conn = self.pool.acquire().await?;
            parts = storage::report::digests(&mut conn, &details.photo_ids).await?;
            if parts.len() < details.photo_ids.len() {
                return Err(no_such_photo());
            }
        }
        parts.push(format!("{:?}", details.place).into_bytes());
        parts.push(details.address.clone().into_bytes());
        Ok(parts)
    }

    /// Gives a new ticket its details, in the transaction that makes it.
    pub async fn keep_details(
        &self,
        conn: &mut PgConnection,
        ticket_id: TicketId,
        details: &Details,
    ) -> Result<(), Refusal> {
        if !details.address.is_empty() {
            let sealed = Sealed { text: details.address.clone(), ..Sealed::default() };
            let sealed = self.sealer.seal(ticket_id, &sealed);
            storage::report::keep_address(conn, ticket_id, &sealed).await?;
        }
        let photos = &details.photo_ids;
        if !photos.is_empty() && !storage::report::claim_photos(conn, ticket_id, photos).await? {
            return Err(no_such_photo());
        }
        Ok(())
    }

    /// For the asker.
    pub async fn extras(&self, conn: &mut PgConnection, ticket_id: TicketId) -> Result<Extras, Refusal> {
        let filed = storage::report::filed(conn, ticket_id).await?.ok_or_else(no_such_ticket)?;
        Ok(Extras { address: self.address(ticket_id, &filed)?, photos: filed.photos })
    }

    fn address(&self, ticket_id: TicketId, filed: &Filed) -> Result<String, Refusal> {
        let Some(sealed) = &filed.address else { return Ok(String::new()) };
        let opened = self.sealer.open(ticket_id, sealed).map_err(|error| Refusal::internal(&error))?;
        Ok(opened.text)
    }

    /// Keeps a photo until its report names it. Its row comes before its files, so that whatever is
    /// interrupted is found by the sweep.
    pub async fn upload_photo(&self, bytes: Vec<u8>) -> Result<Photo, Refusal> {
        let album = self.reports.album()?;
        let digest = Sha256::digest(&bytes).to_vec();
        let place = self.reports.decoding.acquire().await.map_err(|error| Refusal::internal(&error))?;
        let pixels_max = self.reports.config.photo_pixels_max;
        let developed = tokio::task::spawn_blocking(move || photo::develop(&bytes, pixels_max)).await;
        drop(place);
        let developed = developed.map_err(|error| Refusal::internal(&error))??;
        let (width, height) = (developed.width, developed.height);
        let photo = Photo { photo_id: Uuid::new_v4(), digest, width, height };
        let (max, now) = (self.reports.config.photos_waiting_max, self.clock.now());
        let mut conn = self.pool.acquire().await?;
        if !storage::report::insert_photo(&mut conn, &photo, max, now).await? {
            let message = "too many photos wait for their reports; try again later";
            return Err(Refusal::exhausted("PHOTOS_WAITING", message));
        }
        drop(conn);
        bus::faults::reach("before-photo", "");
        album.put(photo.photo_id, developed).await.map_err(|error| away(&error))?;
        Ok(photo)
    }

    /// A photo for whoever has the tracking code.
    pub async fn photo_by_code(&self, code: &str, number: u32, size: Size) -> Result<Bytes, Refusal> {
        let code = parse_code(code)?;
        let mut conn = self.pool.acquire().await?;
        let ticket = storage::find_by_code(&mut conn, code.as_str()).await?.ok_or_else(no_such_ticket)?;
        self.photo(&mut conn, ticket.ticket_id, number, size).await
    }

    /// A photo for the unit that has the report, and for anybody if it is public.
    pub async fn photo_by_id(
        &self,
        ticket_id: TicketId,
        caller: Option<&Principal>,
        number: u32,
        size: Size,
    ) -> Result<Bytes, Refusal> {
        let mut conn = self.pool.acquire().await?;
        let filed = storage::report::filed(&mut conn, ticket_id).await?.ok_or_else(no_such_photo)?;
        let public = self.publicity(&filed) == Publicity::Photos && filed.place.is_some();
        if !public && !caller.is_some_and(|caller| sees(caller, &filed)) {
            // Whether there is one is not for the public either.
            return Err(no_such_photo());
        }
        self.photo(&mut conn, ticket_id, number, size).await
    }

    async fn photo(
        &self,
        conn: &mut PgConnection,
        ticket_id: TicketId,
        number: u32,
        size: Size,
    ) -> Result<Bytes, Refusal> {
        let album = self.reports.album()?;
        let id = storage::report::find_photo(conn, ticket_id, number).await?.ok_or_else(no_such_photo)?;
        album.get(id, size).await.map_err(|error| away(&error))
    }

    fn field(&self, code: &str) -> Option<&Field> {
        self.reports.fields.get(code)
    }

    fn publicity(&self, filed: &Filed) -> Publicity {
        Publicity::of(filed.publicity, self.field(&filed.field))
    }

    async fn filed_for(
        &self,
        conn: &mut PgConnection,
        ticket_id: TicketId,
        caller: &Principal,
    ) -> Result<Filed, Refusal> {
        let filed = storage::report::filed(conn, ticket_id).await?;
        filed
            .filter(|filed| sees(caller, filed))
            .ok_or_else(|| Refusal::not_found("TICKET_NOT_FOUND", "there is no such question in your inbox"))
    }

    pub async fn get_report(&self, ticket_id: TicketId, caller: &Principal) -> Result<Seen, Refusal> {
        let mut conn = self.pool.acquire().await?;
        let filed = self.filed_for(&mut conn, ticket_id, caller).await?;
        let address = self.address(ticket_id, &filed)?;
        if !address.is_empty() {
            tracing::info!(ticket.id = %ticket_id, officer = caller.subject, "a sealed address was read");
        }
        let nearest = match filed.place {
            Some(place) if !filed.unit.is_empty() => {
                let fields = [filed.field.clone()];
                let among = Among { at_once: &[], fields: &fields, unit: &filed.unit, but: Some(ticket_id) };
                self.nearest(&mut conn, place, &among).await?
            }
            _ => None,
        };
        let may = self.field(&filed.field).is_some_and(|field| field.photos);
        let publicity = self.publicity(&filed);
        Ok(Seen { publicity, photos_may_be_public: may, address, nearest, filed })
    }

    pub async fn set_publicity(
        &self,
        ticket_id: TicketId,
        set: Option<Publicity>,
        caller: &Principal,
    ) -> Result<Publicity, Refusal> {
        let mut conn = self.pool.acquire().await?;
        let filed = self.filed_for(&mut conn, ticket_id, caller).await?;
        let field = self.field(&filed.field);
        if set == Some(Publicity::Photos) && !field.is_some_and(|field| field.photos) {
            let message = "photos of this field's reports are not made public";
            return Err(Refusal::conflict("PHOTOS_STAY_PRIVATE", message));
        }
        let now = self.clock.now();
        storage::report::set_publicity(&mut conn, ticket_id, set, &caller.subject, now).await?;
        Ok(Publicity::of(set, field))
    }

    /// The nearest one within the configured distance, and how far it is, in metres.
    async fn nearest(
        &self,
        conn: &mut PgConnection,
        place: Place,
        among: &Among<'_>,
    ) -> Result<Option<(Near, u32)>, Refusal> {
        let max = self.reports.config.near_metres;
        let bounds = place.around(max.into());
        let found = storage::report::waiting_in(conn, &bounds, among, CANDIDATES).await?;
        Ok(nearest_of(place, found, max))
    }

    pub async fn find_nearest(&self, place: Place, field: &str) -> Result<Option<(Near, u32)>, Refusal> {
        let (mut fields, at_once) = self.public_fields();
        fields.retain(|code| field.is_empty() || code == field);
        let among = Among { at_once: &at_once, fields: &fields, unit: "", but: None };
        let mut conn = self.pool.acquire().await?;
        self.nearest(&mut conn, place, &among).await
    }

    /// The fields that take reports, and of them those that are public at once.
    fn public_fields(&self) -> (Vec<String>, Vec<String>) {
        let fields = &self.reports.fields;
        (fields.codes(|_| true), fields.codes(|field| field.at_once))
    }

    pub async fn public_report(&self, ticket_id: TicketId) -> Result<Public, Refusal> {
        let asked = Asked { ticket_ids: vec![ticket_id.0], ..Asked::default() };
        let found = self.public_reports(asked).await?.pop();
        found.ok_or_else(|| Refusal::not_found("REPORT_NOT_FOUND", "there is no such public report"))
    }

    pub async fn public_reports(&self, asked: Asked) -> Result<Vec<Public>, Refusal> {
        let (mut fields, at_once) = self.public_fields();
        fields.retain(|code| asked.fields.is_empty() || asked.fields.contains(code));
        let ids = asked.ticket_ids.clone();
        let wanted = asked.wanted(Policy { fields, at_once }, self.clock.now())?;
        let mut conn = self.pool.acquire().await?;
        let ids = if ids.is_empty() { storage::report::public_page(&mut conn, &wanted).await? } else { ids };
        let mut found = storage::report::public(&mut conn, &ids, &wanted.policy).await?;
        for report in &mut found {
            if Publicity::of(report.publicity, self.field(&report.field)) != Publicity::Photos {
                report.photos = 0;
            }
        }
        Ok(found)
    }

    /// Deletes photos that no report named, until `shutdown`. A failure is tried again.
    pub async fn run_photo_sweep(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let Some(album) = self.reports.album.clone() else {
            shutdown.cancelled().await;
            return Ok(());
        };
        while !shutdown.is_cancelled() {
            match shutdown.run_until_cancelled(self.sweep_photos(&album)).await {
                Some(Ok(true)) => continue,
                Some(Ok(false)) | None => {}
                Some(Err(error)) => tracing::warn!(%error, "sweeping photos again after a pause"),
            }
            shutdown.run_until_cancelled(tokio::time::sleep(SWEEP)).await;
        }
        Ok(())
    }

    /// Says whether there may be more to do.
    async fn sweep_photos(&self, album: &Album) -> anyhow::Result<bool> {
        let cutoff = self.clock.now() - TimeDelta::hours(self.reports.config.photo_waits_hours.into());
        let mut conn = self.pool.acquire().await?;
        let leaving = storage::report::part_with(&mut conn, cutoff, SWEPT_AT_ONCE).await?;
        for photo_id in &leaving {
            album.delete(*photo_id).await?;
            storage::report::forget_photo(&mut conn, *photo_id).await?;
        }
        metrics::counter!("motcua_photos_swept_total").increment(leaving.len() as u64);
        Ok(!leaving.is_empty())
    }
}

fn nearest_of(place: Place, found: Vec<Near>, metres_max: u32) -> Option<(Near, u32)> {
    let measured = found.into_iter().map(|near| (place.metres_to(&near.place), near));
    let near = measured.filter(|(metres, _)| *metres <= f64::from(metres_max));
    let (metres, near) = near.min_by(|a, b| a.0.total_cmp(&b.0))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 5,000")]
    Some((near, metres.round() as u32))
}

/// Which public reports are asked for, as they came.
#[derive(Debug, Default)]
pub struct Asked {
    pub ticket_ids: Vec<Uuid>,
    pub fields: Vec<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub open: bool,
    pub closed: bool,
    pub limit: u32,
    pub page: u32,
}

impl Asked {
    fn wanted(self, policy: Policy, now: DateTime<Utc>) -> Result<Wanted, Refusal> {
        let max = TimeDelta::days(DAYS_MAX);
        let (since, until) = match (self.since, self.until) {
            (None, None) => (now - max, now),
            (Some(since), None) => (since, since + max),
            (None, Some(until)) => (until - max, until),
            (Some(since), Some(until)) => (since, until),
        };
        if until < since || until - since > max {
            let message = format!("since is before until, by at most {DAYS_MAX} days");
            return Err(Refusal::invalid("since", "DATES_NOT_VALID", message));
        }
        if self.limit > PAGE_MAX || self.page > PAGES_MAX {
            let message = format!("limit is at most {PAGE_MAX}, page at most {PAGES_MAX}");
            return Err(Refusal::invalid("limit", "LIMIT_TOO_LARGE", message));
        }
        if self.ticket_ids.len() > IDS_MAX || self.fields.len() > IDS_MAX {
            let message = format!("at most {IDS_MAX} ids or fields");
            return Err(Refusal::invalid("ticketIds", "LIMIT_TOO_LARGE", message));
        }
        let limit = i64::from(if self.limit == 0 { PAGE_USUAL } else { self.limit });
        let both = !self.open && !self.closed;
        Ok(Wanted {
            policy,
            since,
            until,
            open: self.open || both,
            closed: self.closed || both,
            limit,
            offset: limit * i64::from(self.page.max(1) - 1),
        })
    }
}

/// Another unit's report is, to an officer of a unit, not there.
fn sees(caller: &Principal, filed: &Filed) -> bool {
    let desk = matches!(caller.role, RoleName::Officer | RoleName::Dispatcher);
    desk && caller.unit.as_ref().is_none_or(|unit| *unit == filed.unit)
}

fn no_such_photo() -> Refusal {
    Refusal::not_found("PHOTO_NOT_FOUND", "there is no such photo")
}

fn away(error: &object_store::Error) -> Refusal {
    tracing::warn!(%error, "the photos' store failed");
    Refusal::unavailable("PHOTOS_AWAY", "photos cannot be kept or read now; try again later")
}

#[cfg(test)]
mod tests;
