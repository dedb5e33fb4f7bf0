//! A webhook's receiver on loopback, which checks signatures and may fail at first.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
    serve::Listener,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::tls::{Authority, HOST};

/// 24 zero bytes.
pub const SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A call whose signature was right.
#[derive(Debug, Clone)]
pub struct Call {
    pub id: String,
    pub body: Value,
}

#[derive(Default)]
struct Kept {
    calls: Vec<Call>,
    /// Calls whose signature was wrong.
    forged: usize,
    /// So many more are refused.
    failing: usize,
}

#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    kept: Arc<Mutex<Kept>>,
}

impl Receiver {
    /// # Panics
    /// If there is no free port.
    pub async fn start(failing: usize) -> Self {
        let (listener, port) = bound().await;
        Self::serve(listener, format!("http://127.0.0.1:{port}/nhan"), failing)
    }

    /// By TLS.
    ///
    /// # Panics
    /// If there is no free port.
    pub async fn with_tls(authority: &Authority) -> Self {
        let (listener, port) = bound().await;
        let acceptor = TlsAcceptor::from(Arc::clone(&authority.server));
        Self::serve(Secured { listener, acceptor }, format!("https://{HOST}:{port}/nhan"), 0)
    }

    fn serve<L: Listener>(listener: L, url: String, failing: usize) -> Self
    where
        L::Addr: std::fmt::Debug,
    {
        let kept = Arc::new(Mutex::new(Kept { failing, ..Kept::default() }));
        let router = Router::new().route("/nhan", post(take)).with_state(Arc::clone(&kept));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, kept }
    }

    /// The configuration that has a platform call here, for `facts` (none: all).
    pub fn environment(&self, facts: &[&str]) -> (String, String) {
        let facts = facts.iter().map(|fact| format!("\"{fact}\"")).collect::<Vec<_>>().join(", ");
        let url = &self.url;
        let webhook =
            format!("{{name = \"thu\", url = \"{url}\", secret = \"{SECRET}\", facts = [{facts}]}}");
        ("MOTCUA__ANALYTICS__WEBHOOKS".to_owned(), format!("[{webhook}]"))
    }

    /// # Panics
    /// If a call was not signed as it should be.
    pub fn calls(&self) -> Vec<Call> {
        let kept = self.kept.lock().expect("nobody panics with it");
        assert_eq!(kept.forged, 0, "a signature was wrong");
        kept.calls.clone()
    }

    /// Refuses the next `count` calls.
    ///
    /// # Panics
    /// Never.
    pub fn fail(&self, count: usize) {
        self.kept.lock().expect("nobody panics with it").failing = count;
    }
}

async fn bound() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

struct Secured {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            // Whoever doesn't trust the certificate goes away.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

async fn take(State(kept): State<Arc<Mutex<Kept>>>, headers: HeaderMap, body: String) -> StatusCode {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let mut mac = Hmac::<Sha256>::new_from_slice(&[0; 24]).expect("a key");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    let signature = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    let mut kept = kept.lock().expect("nobody panics with it");
    if header("webhook-signature") != signature {
        kept.forged += 1;
        return StatusCode::UNAUTHORIZED;
    }
    if kept.failing > 0 {
        kept.failing -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let body = serde_json::from_str(&body).unwrap_or_default();
    kept.calls.push(Call { id: id.to_owned(), body });
    StatusCode::NO_CONTENT
}
