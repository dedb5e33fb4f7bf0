//! Pages of the public library, kept until the library changes. Before each view knowledge is asked for the library's
//! version, which grows in the transaction of each change: what was withdrawn is gone with the next view.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use api::knowledge::v1::{GetLibraryVersionRequest, GetLibraryVersionResponse};
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::compression::CompressionLayer;

use crate::{assets, organisation::Organisation, problem::Problem, state::Gateway};

/// Pages that are kept; past it all are written anew. And the longest address of one, in bytes.
const PAGES_MAX: usize = 1_000;
const ADDRESS_MAX: usize = 300;
const PAGE_BYTES_MAX: usize = 8 << 20;
/// A page must not wait long for the version: it can be written without.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a page came out as.
pub(crate) enum Made {
    Text(String),
    /// Not to be kept: it leads elsewhere, or there is nothing.
    Once(Response),
}

/// A page with the tag of its bytes, and as it is packed for those who take gzip: packing costs more than all else.
#[derive(Clone)]
pub(crate) struct Kept {
    bytes: Bytes,
    gzip: Option<Bytes>,
    pub tag: String,
}

impl Kept {
    async fn new(text: String) -> Self {
        let (tag, bytes) = (assets::tag(&text), Bytes::from(text));
        Self { gzip: packed(bytes.clone()).await, bytes, tag }
    }

    /// For whoever sent these headers.
    pub fn response(self, headers: &HeaderMap) -> Response {
        match self.gzip {
            Some(gzip) if takes_gzip(headers) => ([(header::CONTENT_ENCODING, "gzip")], gzip).into_response(),
            _ => self.bytes.into_response(),
        }
    }
}

/// As the compression of all answers would do it each time. `None`: it would not.
async fn packed(bytes: Bytes) -> Option<Bytes> {
    let page = service_fn(move |_: Request| {
        let bytes = bytes.clone();
        async move { Ok::<_, Infallible>(Response::new(Body::from(bytes))) }
    });
    let request = Request::builder().header(header::ACCEPT_ENCODING, "gzip").body(Body::empty()).ok()?;
    let response = CompressionLayer::new().layer(page).oneshot(request).await.ok()?;
    response.headers().get(header::CONTENT_ENCODING)?;
    axum::body::to_bytes(Body::new(response.into_body()), PAGE_BYTES_MAX).await.ok()
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = accepted.flat_map(|line| line.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f64>);
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_ok_and(|weight| weight > 0.0)
    })
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
        let kept = Kept::new(text).await;
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
        let kept = Kept { bytes: Bytes::from_static(b"page"), gzip: None, tag: "t".into() };
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

    #[tokio::test]
    async fn a_page_is_packed_for_those_who_take_it() {
        let kept = Kept::new("một cửa ".repeat(100)).await;
        let length = async |accepted: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, accepted.parse().unwrap())]);
            let response = kept.clone().response(&headers);
            let packed = response.headers().contains_key(header::CONTENT_ENCODING);
            (packed, axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap().len())
        };
        let (packed, bytes) = length("br, gzip;q=0.8").await;
        assert!(packed && bytes < 100, "{bytes}");
        for accepted in ["identity", "gzip;q=0", "*", "xgzip"] {
            assert_eq!(length(accepted).await, (false, 1200), "{accepted}");
        }
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
