use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

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
        }
    }
}

impl Config {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub(crate) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }
}
