use std::{
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    ops::RangeInclusive,
    time::Duration,
};

use axum::http::{HeaderMap, header};
use runtime::{RoleName, Secret};
use serde::{Deserialize, Serialize};

use crate::pages;

/// What `desk_form_max_bytes` and `import_max_bytes` can be.
const DESK_FORM_BYTES: RangeInclusive<usize> = 64 * 1024..=4 * 1024 * 1024;
const IMPORT_BYTES: RangeInclusive<usize> = 1024 * 1024..=32 * 1024 * 1024;

/// The section `[gateway]` of the configuration.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Largest request body, in bytes.
    pub body_max_bytes: usize,
    /// Largest form of officers and editors, in bytes: a letter of their long answers takes up to twelve in it.
    pub desk_form_max_bytes: usize,
    /// Largest file of answered questions, in bytes.
    pub import_max_bytes: usize,
    /// Longest time for one request, in milliseconds.
    pub timeout_ms: u64,
    /// How long an officer's session lasts however busy it is, in hours.
    pub session_hours: u32,
    /// How long it lasts when nobody works in it, in minutes.
    pub session_idle_minutes: NonZeroU32,
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
    /// Searches of one client that is not signed in, and looks for the like of what is being typed, per minute.
    pub client_searches_per_minute: NonZeroU32,
    /// Attempts of one client to sign in, per minute.
    pub client_sign_ins_per_minute: NonZeroU32,
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
    /// How long a screen on a wall stays open, in days, 1 to 366: it is never renewed.
    pub wall_days: u32,
    /// Sign-in by the agency's own accounts.
    pub oidc: Oidc,
    /// Askers who show who they are.
    pub asker_oidc: AskerOidc,
}

/// The OpenID provider whose accounts officers sign in with, and what its claims mean here.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct Oidc {
    /// Like https://dang-nhap.tinh.gov.vn; empty: there is none.
    pub issuer: String,
    pub client_id: String,
    /// Empty: the client is a public one.
    pub client_secret: Secret,
    /// What to ask for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that gives the role: its name, or a JSON pointer (RFC 6901) that begins with a slash. Its
    /// value is a text or a list of texts.
    pub role_claim: String,
    /// As `role_claim`, of the unit; empty: no claim gives one.
    pub unit_claim: String,
    /// The first that fits gives the role.
    pub roles: Vec<RoleOf>,
    /// Units whose code differs from the claim's value.
    pub units: Vec<UnitOf>,
}

/// The OpenID provider that says who askers are, where their kind of question demands it (`intake.demands`).
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct AskerOidc {
    /// As of officers; empty: nobody shows who they are.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Secret,
    pub scopes: Vec<String>,
    /// What the pages call it, like VNeID.
    pub name: String,
}

impl Default for AskerOidc {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: Secret::default(),
            scopes: vec!["profile".to_owned()],
            name: String::new(),
        }
    }
}

/// A value of the role's claim.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct RoleOf {
    pub value: String,
    pub role: RoleName,
    /// Whether it needs no unit, and then is not limited to one.
    #[serde(default)]
    pub all_units: bool,
}

/// A value of the unit's claim.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct UnitOf {
    pub value: String,
    pub unit: String,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: Secret::default(),
            scopes: vec!["profile".to_owned()],
            role_claim: "groups".to_owned(),
            unit_claim: String::new(),
            roles: Vec::new(),
            units: Vec::new(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            body_max_bytes: 64 * 1024,
            desk_form_max_bytes: 256 * 1024,
            import_max_bytes: 8 * 1024 * 1024,
            timeout_ms: 15_000,
            session_hours: 12,
            session_idle_minutes: NonZeroU32::new(30).expect("not zero"),
            secure_cookies: false,
            concurrency_max: 512,
            connections_max: 4096,
            header_timeout_ms: 30_000,
            public_url: String::new(),
            proxies: 0,
            client_requests_per_minute: NonZeroU32::new(600).expect("not zero"),
            client_changes_per_minute: NonZeroU32::new(60).expect("not zero"),
            client_searches_per_minute: NonZeroU32::new(120).expect("not zero"),
            client_sign_ins_per_minute: NonZeroU32::new(10).expect("not zero"),
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
            wall_days: 30,
            oidc: Oidc::default(),
            asker_oidc: AskerOidc::default(),
        }
    }
}

impl Config {
    /// Refuses what would shut officers out, or let one request fill the memory.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for (key, bytes, bounds) in [
            ("desk_form_max_bytes", self.desk_form_max_bytes, DESK_FORM_BYTES),
            ("import_max_bytes", self.import_max_bytes, IMPORT_BYTES),
        ] {
            let (least, most) = (bounds.start(), bounds.end());
            anyhow::ensure!(bounds.contains(&bytes), "gateway.{key} is {bytes}, not {least} to {most}");
        }
        let days = self.wall_days;
        anyhow::ensure!((1..=366).contains(&days), "gateway.wall_days is {days}, not 1 to 366");
        Ok(())
    }

    /// The largest form that may be sent to a path.
    pub(crate) fn form_max_bytes(&self, path: &str) -> usize {
        if pages::is_desk(path) { self.desk_form_max_bytes } else { self.body_max_bytes }
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// How long a session lasts when nobody works in it.
    pub(crate) fn idle(&self) -> chrono::Duration {
        chrono::Duration::minutes(self.session_idle_minutes.get().into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_desks_may_send_long_forms() {
        let config = Config::default();
        for path in ["/can-bo/phieu/x/duyet", "/bien-tap/gop", "/tu-dong", "/tu-dong/dung"] {
            assert_eq!(config.form_max_bytes(path), 256 * 1024, "{path}");
        }
        for path in ["/ask", "/theo-doi/x/danh-gia", "/dang-nhap", "/can-bosh", "/api/v1/questions"] {
            assert_eq!(config.form_max_bytes(path), 64 * 1024, "{path}");
        }
    }

    #[test]
    fn limits_have_limits() {
        assert!(Config::default().check().is_ok());
        for desk_form_max_bytes in [0, 64 * 1024 - 1, 4 * 1024 * 1024 + 1] {
            let error = Config { desk_form_max_bytes, ..Config::default() }.check().unwrap_err();
            assert!(error.to_string().contains("gateway.desk_form_max_bytes"), "{error}");
        }
        assert!(Config { import_max_bytes: 1 << 30, ..Config::default() }.check().is_err());
    }
}
