//! How much one client may ask: those who are not signed in, by their address.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering},
};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use governor::{DefaultKeyedRateLimiter, Quota};

use crate::{config::Config, problem::Problem, session::SignedIn, state::Gateway};

/// After so many requests the clients that have been quiet are forgotten.
const FORGET_EVERY: u32 = 10_000;

/// The client's end of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Remote(pub SocketAddr);

pub(crate) struct Limits {
    requests: DefaultKeyedRateLimiter<IpAddr>,
    changes: DefaultKeyedRateLimiter<IpAddr>,
    searches: DefaultKeyedRateLimiter<IpAddr>,
    sign_ins: DefaultKeyedRateLimiter<IpAddr>,
    seen: AtomicU32,
}

impl Limits {
    pub fn new(config: &Config) -> Self {
        Self {
            requests: DefaultKeyedRateLimiter::keyed(Quota::per_minute(config.client_requests_per_minute)),
            changes: DefaultKeyedRateLimiter::keyed(Quota::per_minute(config.client_changes_per_minute)),
            searches: DefaultKeyedRateLimiter::keyed(Quota::per_minute(config.client_searches_per_minute)),
            sign_ins: DefaultKeyedRateLimiter::keyed(Quota::per_minute(config.client_sign_ins_per_minute)),
            seen: AtomicU32::new(0),
        }
    }

    fn allow(&self, client: IpAddr, what: What) -> bool {
        if self.seen.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.requests.retain_recent();
            self.changes.retain_recent();
            self.searches.retain_recent();
            self.sign_ins.retain_recent();
        }
        let more = match what {
            What::Look => None,
            What::Change => Some(&self.changes),
            What::Search => Some(&self.searches),
        };
        self.requests.check_key(&client).is_ok()
            && more.is_none_or(|limiter| limiter.check_key(&client).is_ok())
    }
}

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Look,
    Change,
    /// The model reads a text: the dearest of what anybody may ask.
    Search,
}

impl What {
    fn of(method: &Method, path: &str) -> Self {
        match path {
            "/tra-cuu" | "/goi-y" | "/api/v1/search" => Self::Search,
            _ if matches!(*method, Method::GET | Method::HEAD) => Self::Look,
            _ => Self::Change,
        }
    }
}

/// The client of a request; the machine's own has none.
pub(crate) struct Client(Option<IpAddr>);

impl Client {
    /// Refuses to try passwords for a client that tries too often, signed in or not.
    pub fn may_sign_in(&self, gateway: &Gateway) -> Result<(), Problem> {
        let sign_ins = &gateway.limits().sign_ins;
        match self.0 {
            Some(client) if sign_ins.check_key(&client).is_err() => {
                Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"))
            }
            _ => Ok(()),
        }
    }
}

impl FromRequestParts<Gateway> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Infallible> {
        let remote = parts.extensions.get::<Remote>().map(|remote| remote.0.ip());
        Ok(Self(client(remote, &parts.headers, gateway.config().proxies)))
    }
}

/// Refuses what one client asks too often.
pub(crate) async fn per_client(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let remote = request.extensions().get::<Remote>().map(|remote| remote.0.ip());
    let client = client(remote, request.headers(), gateway.config().proxies);
    let what = What::of(request.method(), request.uri().path());
    if let Some(client) = client
        && !SignedIn::is_known(request.headers(), &gateway)
        && !gateway.limits().allow(client, what)
    {
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS").into_response();
    }
    next.run(request).await
}

/// Whose request it is: the address that the outermost of our own proxies saw. `None`: the machine's
/// own, which has no limit.
fn client(remote: Option<IpAddr>, headers: &HeaderMap, proxies: u32) -> Option<IpAddr> {
    let mut address = remote?;
    let lines = headers.get_all(HeaderName::from_static("x-forwarded-for")).iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    let hops = lines.iter().flat_map(|line| line.split(',')).rev();
    // What stands further to the left was written by the client.
    for hop in hops.take(proxies as usize) {
        match hop.trim().parse() {
            Ok(before) => address = before,
            Err(_) => break,
        }
    }
    (!address.is_loopback()).then(|| network(address.to_canonical()))
}

/// One household has a whole IPv6 network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn of(remote: &str, forwarded: &str, proxies: u32) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        client(Some(remote.parse().unwrap()), &headers, proxies).map(|address| address.to_string())
    }

    #[test]
    fn a_client_cannot_say_who_it_is() {
        assert_eq!(of("203.0.113.9", "198.51.100.1", 0).unwrap(), "203.0.113.9");
        assert_eq!(of("10.0.0.1", "1.1.1.1, 198.51.100.1", 1).unwrap(), "198.51.100.1");
        assert_eq!(of("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", 2).unwrap(), "198.51.100.1");
        assert_eq!(of("10.0.0.1", "not an address", 1).unwrap(), "10.0.0.1");
        assert_eq!(of("127.0.0.1", "", 0), None);
        assert_eq!(of("127.0.0.1", "198.51.100.1", 1).unwrap(), "198.51.100.1");
        assert_eq!(of("2001:db8:1:2:3::4", "", 0).unwrap(), "2001:db8:1:2::");
    }

    #[test]
    fn changes_are_fewer_than_requests() {
        let few = |n| NonZeroU32::new(n).unwrap();
        let limits = Limits::new(&Config {
            client_requests_per_minute: few(4),
            client_changes_per_minute: few(1),
            ..Config::default()
        });
        let (one, other) = ([203, 0, 113, 1].into(), [203, 0, 113, 2].into());
        let (change, look) = (What::Change, What::Look);
        assert!(limits.allow(one, change) && !limits.allow(one, change));
        assert!(limits.allow(one, look) && limits.allow(one, look) && !limits.allow(one, look));
        assert!(limits.allow(other, change), "one client's limit is not another's");
    }

    #[test]
    fn searches_have_a_limit_of_their_own() {
        assert_eq!(What::of(&Method::POST, "/goi-y"), What::Search);
        assert_eq!(What::of(&Method::GET, "/tra-cuu"), What::Search);
        assert_eq!(What::of(&Method::GET, "/"), What::Look);
        assert_eq!(What::of(&Method::POST, "/ask"), What::Change);
        let few = NonZeroU32::new(2).unwrap();
        let limits = Limits::new(&Config { client_searches_per_minute: few, ..Config::default() });
        let one = [203, 0, 113, 1].into();
        assert!(limits.allow(one, What::Search) && limits.allow(one, What::Search));
        assert!(!limits.allow(one, What::Search));
        assert!(limits.allow(one, What::Change), "who has searched may still ask");
    }
}
