//! Pages of the public library, kept until the library changes. Before each view knowledge is asked for the library's
//! version, which grows in the transaction of each change: what was withdrawn is gone with the next view.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use api::knowledge::v1::{GetLibraryVersionRequest, GetLibraryVersionResponse};
use axum::{body::Bytes, response::Response};

use crate::{assets, organisation::Organisation, problem::Problem, state::Gateway};

/// Pages that are kept; past it all are written anew. And the longest address of one, in bytes.
const PAGES_MAX: usize = 1_000;
const ADDRESS_MAX: usize = 300;
/// A page must not wait long for the version: it can be written without.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a page came out as.
pub(crate) enum Made {
    Text(String),
    /// Not to be kept: it leads elsewhere, or there is nothing.
    Once(Response),
}

/// A page with the tag of its bytes.
#[derive(Clone)]
pub(crate) struct Kept {
    pub bytes: Bytes,
    pub tag: String,
}

struct Entry {
    /// What it was written from.
    version: GetLibraryVersionResponse,
    organisation: Arc<Organisation>,
    kept: Kept,
}

#[derive(Default)]
pub(crate) struct Shelf {
    version: tokio::sync::Mutex<Option<(Instant, GetLibraryVersionResponse)>>,
    entries: Mutex<HashMap<String, Entry>>,
}

impl Shelf {
    /// The page of this address, as it is now.
    pub async fn get(
        &self,
        gateway: &Gateway,
        address: String,
        make: impl Future<Output = Result<Made, Problem>>,
    ) -> Result<Result<Kept, Response>, Problem> {
        // Both before the page is written: it is then at least as new as what it is kept under.
        let version = self.version(gateway).await;
        let organisation = gateway.organisation().await;
        if let Some(version) = &version
            && let Some(kept) = self.find(&address, version, &organisation)
        {
            return Ok(Ok(kept));
        }
        let text = match make.await? {
            Made::Text(text) => text,
            Made::Once(response) => return Ok(Err(response)),
        };
        let kept = Kept { tag: assets::tag(&text), bytes: text.into() };
        if let Some(version) = version {
            self.keep(address, Entry { version, organisation, kept: kept.clone() });
        }
        Ok(Ok(kept))
    }

    /// Not older than the call: those who ask meanwhile share the next answer. `None`: knowledge does not say.
    async fn version(&self, gateway: &Gateway) -> Option<GetLibraryVersionResponse> {
        let arrived = Instant::now();
        let mut known = self.version.lock().await;
        let fresh = known.filter(|(begun, _)| *begun >= arrived);
        if let Some((_, version)) = fresh {
            return holds(gateway, version);
        }
        let begun = Instant::now();
        let mut request = tonic::Request::new(GetLibraryVersionRequest {});
        request.set_timeout(PATIENCE);
        let version = gateway.knowledge(None).get_library_version(request).await.ok()?.into_inner();
        *known = Some((begun, version));
        holds(gateway, version)
    }

    fn find(
        &self,
        address: &str,
        version: &GetLibraryVersionResponse,
        organisation: &Arc<Organisation>,
    ) -> Option<Kept> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(address)?;
        let named = Arc::ptr_eq(&entry.organisation, organisation) || entry.organisation == *organisation;
        (entry.version == *version && named).then(|| entry.kept.clone())
    }

    fn keep(&self, address: String, entry: Entry) {
        if address.len() > ADDRESS_MAX {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= PAGES_MAX && !entries.contains_key(&address) {
            entries.clear();
        }
        entries.insert(address, entry);
    }
}

/// A validity that has begun or ended meanwhile makes another library.
fn holds(gateway: &Gateway, version: GetLibraryVersionResponse) -> Option<GetLibraryVersionResponse> {
    let now = gateway.context().clock.now();
    let changed = api::time(version.changes_at.as_ref()).is_some_and(|at| at <= now);
    (!changed).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(version: u64, organisation: &Arc<Organisation>) -> Entry {
        let version = GetLibraryVersionResponse { version, changes_at: None };
        let kept = Kept { bytes: Bytes::from_static(b"page"), tag: "t".into() };
        Entry { version, organisation: organisation.clone(), kept }
    }

    #[test]
    fn a_page_is_kept_as_long_as_what_it_was_written_from() {
        let (shelf, organisation) = (Shelf::default(), Arc::new(Organisation::default()));
        shelf.keep("a".into(), entry(1, &organisation));
        let found = |version, changes_at| {
            let version = GetLibraryVersionResponse { version, changes_at };
            // Equal names in another answer are the same names.
            shelf.find("a", &version, &Arc::new(Organisation::default())).is_some()
        };
        assert!(found(1, None));
        assert!(!found(2, None) && !found(1, Some(api::Timestamp::default())));
        let version = GetLibraryVersionResponse { version: 1, changes_at: None };
        assert!(shelf.find("b", &version, &organisation).is_none());
    }

    #[test]
    fn strange_addresses_do_not_fill_the_memory() {
        let (shelf, organisation) = (Shelf::default(), Arc::new(Organisation::default()));
        for n in 0..PAGES_MAX * 2 {
            shelf.keep(n.to_string(), entry(1, &organisation));
        }
        shelf.keep("x".repeat(ADDRESS_MAX + 1), entry(1, &organisation));
        let entries = shelf.entries.lock().unwrap();
        assert!(entries.len() <= PAGES_MAX && entries.keys().all(|key| key.len() <= ADDRESS_MAX));
    }
}
