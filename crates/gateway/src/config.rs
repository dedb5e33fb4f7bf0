use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    time::Duration,
};

use axum::http::{HeaderMap, header};
use runtime::Secret;
use serde::{Deserialize, Serialize};

/// The section `[gateway]` of the configuration.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Largest request body, in bytes.
    pub body_max_bytes: usize,
    /// Longest time for one request, in milliseconds.
    pub timeout_ms: u64,
    /// How long a signed-in browser keeps its session, in hours.
    pub session_hours: u32,
    /// Whether the session cookie is sent over HTTPS only. Switch it on behind TLS.
    pub secure_cookies: bool,
    /// Requests handled at once; more are refused with 503.
    pub concurrency_max: usize,
    /// Connections open at once; more wait to be accepted.
    pub connections_max: usize,
    /// Longest time for the head of a request, in milliseconds; also how long a connection may idle.
    pub header_timeout_ms: u64,
    /// Where the site is reached, like https://hoi.tinh.gov.vn; empty: as the request says.
    pub public_url: String,
    /// Proxies in front, each of which adds the address before it to X-Forwarded-For.
    pub proxies: u32,
    /// Requests of one client that is not signed in, per minute.
    pub client_requests_per_minute: NonZeroU32,
    /// Forms and other changes of one client that is not signed in, per minute.
    pub client_changes_per_minute: NonZeroU32,
    /// Share of the words searched for that an answer must have to be shown, 0 to 1 …
    pub search_words_min: f64,
    /// … unless it is the same question with this probability.
    pub search_probability_min: f64,
    /// Largest form with photos, in bytes.
    pub upload_max_bytes: usize,
    /// Largest photo in it, in bytes: no less than `intake.reports.photo_bytes_max`.
    pub photo_max_bytes: usize,
    /// Longest time for such a form, in milliseconds: photos are slow on a slow line.
    pub upload_timeout_ms: u64,
    /// Such forms that are read at once; more are refused with 503.
    pub uploads_max: usize,
    /// Keys of which Open311 asks one before it takes a report; none: it asks for none.
    pub open311_keys: Vec<Secret>,
    /// The `jurisdiction_id` of Open311; empty: whichever is sent.
    pub open311_jurisdiction: String,
    /// How often the overview is counted while somebody looks at it, in milliseconds.
    pub overview_refresh_ms: u64,
    /// Overviews that move by themselves, open at once; and of one person.
    pub streams_max: usize,
    pub streams_per_client_max: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            body_max_bytes: 64 * 1024,
            timeout_ms: 15_000,
            session_hours: 12,
            secure_cookies: false,
            concurrency_max: 512,
            connections_max: 4096,
            header_timeout_ms: 30_000,
            public_url: String::new(),
            proxies: 0,
            client_requests_per_minute: NonZeroU32::new(600).expect("not zero"),
            client_changes_per_minute: NonZeroU32::new(60).expect("not zero"),
            search_words_min: 0.75,
            search_probability_min: 0.3,
            upload_max_bytes: 42 * 1024 * 1024,
            photo_max_bytes: 8 * 1024 * 1024,
            upload_timeout_ms: 120_000,
            uploads_max: 16,
            open311_keys: Vec::new(),
            open311_jurisdiction: String::new(),
            overview_refresh_ms: 3_000,
            streams_max: 200,
            streams_per_client_max: 8,
        }
    }
}

impl Config {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub(crate) fn upload_timeout(&self) -> Duration {
        Duration::from_millis(self.upload_timeout_ms)
    }

    pub(crate) fn overview_refresh(&self) -> Duration {
        // Less would only count the same again.
        Duration::from_millis(self.overview_refresh_ms.max(500))
    }

    pub(crate) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    /// What addresses outside a page begin with, like `https://hoi.tinh.gov.vn`.
    pub(crate) fn origin(&self, headers: &HeaderMap) -> String {
        if !self.public_url.is_empty() {
            return self.public_url.trim_end_matches('/').to_owned();
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let is_host = |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
        let scheme = if self.secure_cookies { "https" } else { "http" };
        format!("{scheme}://{}", host.filter(is_host).unwrap_or("localhost"))
    }
}
