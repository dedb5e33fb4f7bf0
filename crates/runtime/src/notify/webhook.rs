//! Webhooks as Standard Webhooks has them: an id, a time and a signature over both and the body.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use sha2::Sha256;

use super::{NotSent, Notice, Notifier};
use crate::{Clock, Secret};

const TIMEOUT: Duration = Duration::from_secs(8);

/// Of the secret, in bytes: what the scheme asks for.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What a webhook's calls are signed with.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

impl SigningKey {
    /// From `whsec_` and 24 to 64 bytes in base64.
    pub fn try_new(secret: &Secret) -> anyhow::Result<Self> {
        let bytes = secret.expose().strip_prefix("whsec_").map(|text| BASE64_STANDARD.decode(text));
        let bytes = bytes.context("a webhook's secret begins with whsec_")?;
        let bytes = bytes.ok().context("a webhook's secret is whsec_ and base64")?;
        ensure!(KEY_BYTES.contains(&bytes.len()), "a webhook's secret has 24 to 64 bytes");
        Ok(Self(bytes))
    }

    /// The value of `webhook-signature`.
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// One receiver of facts.
pub struct Webhook {
    client: Client,
    url: Uri,
    key: SigningKey,
    clock: Clock,
}

impl Webhook {
    pub fn try_new(url: &str, secret: &Secret, clock: Clock) -> anyhow::Result<Self> {
        let url: Uri = url.parse().context("a webhook's url")?;
        let loopback = matches!(url.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let scheme = url.scheme_str().unwrap_or_default();
        ensure!(
            scheme == "https" || (scheme == "http" && loopback),
            "a webhook's url is https, beyond this machine"
        );
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls()?).https_or_http().enable_http1().build();
        let client = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { client, url, key: SigningKey::try_new(secret)?, clock })
    }
}

/// TLS by ring, with the machine's own certificates.
fn tls() -> anyhow::Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

impl Notifier for Webhook {
    fn patience(&self) -> Duration {
        TIMEOUT * 2
    }

    async fn send(&self, notice: Notice) -> Result<(), NotSent> {
        let (id, timestamp) = (notice.id.to_string(), self.clock.now().timestamp());
        let signature = self.key.sign(&id, timestamp, &notice.text);
        let request = http::Request::post(&self.url)
            .header("content-type", "application/json")
            .header("user-agent", "motcua")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body(Full::from(notice.text))
            .map_err(|_| NotSent::Never("REQUEST_NOT_VALID".to_owned()))?;
        // Where a redirection leads was not configured: it is no success.
        match tokio::time::timeout(TIMEOUT, self.client.request(request)).await {
            Ok(Ok(response)) if response.status().is_success() => Ok(()),
            Ok(Ok(response)) => Err(NotSent::Later(format!("HTTP_{}", response.status().as_u16()))),
            Ok(Err(_)) => Err(NotSent::Later("RECEIVER_AWAY".to_owned())),
            Err(_) => Err(NotSent::Later("TIMEOUT".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn signatures_are_the_standards() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let key = SigningKey::try_new(&secret).unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn weak_secrets_and_clear_text_are_refused() {
        let good = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let clock = || Clock::fixed(chrono::DateTime::UNIX_EPOCH);
        for secret in ["", "whsec_", "whsec_QUJD", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!"] {
            assert!(Webhook::try_new("https://he-thong.vn/", &Secret::new(secret), clock()).is_err());
        }
        for url in ["http://he-thong.vn/", "ftp://he-thong.vn/", "he-thong", ""] {
            assert!(Webhook::try_new(url, &good, clock()).is_err(), "{url}");
        }
        for url in ["https://he-thong.vn/nhan", "http://127.0.0.1:9/"] {
            assert!(Webhook::try_new(url, &good, clock()).is_ok(), "{url}");
        }
    }
}
