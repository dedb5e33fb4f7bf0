//! What a real provider never sends: a provider of our own making, which signs whatever a test wants. The
//! real one is in `tests/tests/sign_in.rs`.

use axum::{
    Json, Router,
    routing::{get, post},
};
use openidconnect::{
    Audience, EmptyAdditionalClaims, StandardClaims, SubjectIdentifier,
    core::{CoreHmacKey, CoreIdTokenClaims, CoreJwsSigningAlgorithm},
};
use runtime::Secret;
use serde_json::json;
use tokio::net::TcpListener;

use super::{claims::Identity, *};
use crate::config::{Oidc, RoleOf};

const SECRET: &str = "a secret of the tests, long enough";
const SITE: &str = "https://hoi.example";

/// What an ID token says.
struct Says {
    audience: &'static str,
    nonce: &'static str,
    seconds_left: i64,
    key: &'static str,
}

const RIGHT: Says = Says { audience: "motcua", nonce: "nonce", seconds_left: 60, key: SECRET };

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::Duration::days(20_000)
}

fn signed(issuer: &str, says: &Says) -> String {
    let claims = CoreIdTokenClaims::new(
        IssuerUrl::new(issuer.to_owned()).unwrap(),
        vec![Audience::new(says.audience.to_owned())],
        now() + chrono::Duration::seconds(says.seconds_left),
        now() - chrono::Duration::minutes(5),
        StandardClaims::new(SubjectIdentifier::new("an".to_owned())),
        EmptyAdditionalClaims {},
    );
    let claims = claims.set_nonce(Some(Nonce::new(says.nonce.to_owned())));
    let key = CoreHmacKey::new(says.key);
    let token = CoreIdToken::new(claims, &key, CoreJwsSigningAlgorithm::HmacSha256, None, None);
    token.unwrap().to_string()
}

/// A provider that answers every code so; the outcome of a sign-in there.
async fn outcome(says: &Says) -> Result<Identity, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["HS256"],
    });
    let token = json!({"access_token": "a", "token_type": "Bearer", "id_token": signed(&issuer, says)});
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(Json(metadata)))
        .route("/jwks", get(Json(json!({"keys": []}))))
        .route("/token", post(Json(token)));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    runtime::tls::install();
    let config = Oidc {
        issuer,
        client_id: "motcua".into(),
        client_secret: Secret::new(SECRET),
        role_claim: "sub".into(),
        roles: vec![RoleOf { value: "an".into(), role: RoleName::Officer, all_units: true }],
        ..Oidc::default()
    };
    let provider = Provider::of_officers(&config).unwrap().unwrap();
    let [state, nonce, verifier, back] = ["state", "nonce", "verifier", ""].map(str::to_owned);
    let pending = Pending { state, nonce, verifier, back };
    let query = Fields::parse(b"state=state&code=code").unwrap();
    let outcome = provider.complete(SITE, &query, &pending, now()).await;
    let outcome = outcome.and_then(|claims| identity(&config, &claims));
    serving.abort();
    outcome.map_err(|problem| problem.reason.into_owned())
}

#[tokio::test]
async fn only_a_token_that_is_signed_for_us_now_and_for_this_sign_in_counts() {
    assert_eq!(outcome(&RIGHT).await.unwrap().principal.role, RoleName::Officer);
    for wrong in [
        Says { seconds_left: -1, ..RIGHT },
        Says { audience: "another", ..RIGHT },
        Says { nonce: "of another sign-in", ..RIGHT },
        Says { key: "another secret of the tests, long", ..RIGHT },
    ] {
        assert_eq!(outcome(&wrong).await, Err("PROVIDER_REFUSED".to_owned()));
    }
}

#[tokio::test]
async fn a_provider_that_nobody_reaches_is_away() {
    runtime::tls::install();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let roles = vec![RoleOf { value: "an".into(), role: RoleName::Officer, all_units: true }];
    let config = Oidc { issuer, client_id: "motcua".into(), roles, ..Oidc::default() };
    let provider = Provider::of_officers(&config).unwrap().unwrap();
    let problem = provider.begin(SITE, String::new()).await.err().unwrap();
    assert_eq!((problem.status, &*problem.reason), (StatusCode::SERVICE_UNAVAILABLE, "PROVIDER_AWAY"));
}
