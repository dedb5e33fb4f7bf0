//! An OpenID Connect relying party, by authorisation code with PKCE (OpenID Connect Core 1.0, RFC 7636, RFC 9207): for
//! officers, by the agency's own accounts, and for askers who show who they are. What the claims mean is `claims.rs`'s.

mod claims;

use std::{
    error::Error,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use axum::http::{Response, StatusCode};
use base64::Engine as _;
use chrono::{DateTime, Utc};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, LogoutRequest,
    Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RequestTokenError, Scope, TokenResponse as _,
    core::{CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreIdToken, CoreTokenResponse},
};
use runtime::{RoleName, Secret};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

pub(crate) use self::claims::{Asker, asker, identity};
use crate::{config, fields::Fields, problem::Problem, session::SIGN_IN};

/// How long the provider's own description of itself and its keys is used without asking again.
const FRESH: Duration = Duration::from_mins(10);

/// Limits on reaching the provider, and on one call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const CALL_TIMEOUT: Duration = Duration::from_secs(4);

/// Largest answer of the provider, in bytes.
const ANSWER_MAX: usize = 512 * 1024;

/// Longest parameter of the provider's redirect, in bytes.
const PARAMETER_MAX: usize = 4 * 1024;

/// Where the provider sends an officer's browser back to, below the site's address; and an asker's.
pub(crate) const RETURN: &str = "/dang-nhap/co-quan/ve";
pub(crate) const ASKER_RETURN: &str = "/xac-thuc/ve";

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What we are to a provider.
struct Party {
    client_id: String,
    client_secret: Secret,
    scopes: Vec<String>,
    back: &'static str,
    /// Claims of which the userinfo endpoint is asked if the ID token lacks one.
    wanted: Vec<String>,
}

/// A configured provider.
pub(crate) struct Provider {
    party: Party,
    issuer: IssuerUrl,
    http: reqwest::Client,
    metadata: Mutex<Option<(Instant, Arc<ProviderMetadataWithLogout>)>>,
}

/// A sign-in under way, which the browser keeps, sealed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pending {
    state: String,
    nonce: String,
    verifier: String,
    /// Where to go after it; empty: the role's first page.
    pub back: String,
}

impl Provider {
    /// The provider of officers, if one is configured.
    pub fn of_officers(config: &config::Oidc) -> anyhow::Result<Option<Self>> {
        if config.issuer.is_empty() {
            return Ok(None);
        }
        ensure!(!config.role_claim.is_empty(), "gateway.oidc.role_claim is not set");
        ensure!(!config.roles.is_empty(), "gateway.oidc.roles names no role: nobody could sign in");
        let own = config.roles.iter().any(|role| role.role == RoleName::Service);
        ensure!(!own, "gateway.oidc.roles: the role service is for the platform's own processes");
        let party = Party {
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            scopes: config.scopes.clone(),
            back: RETURN,
            wanted: vec![config.role_claim.clone(), config.unit_claim.clone()],
        };
        Self::try_new("gateway.oidc", &config.issuer, party).map(Some)
    }

    /// The provider of askers, if one is configured.
    pub fn of_askers(config: &config::AskerOidc) -> anyhow::Result<Option<Self>> {
        if config.issuer.is_empty() {
            return Ok(None);
        }
        let party = Party {
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone(),
            scopes: config.scopes.clone(),
            back: ASKER_RETURN,
            wanted: vec!["name".to_owned()],
        };
        Self::try_new("gateway.asker_oidc", &config.issuer, party).map(Some)
    }

    fn try_new(section: &str, issuer: &str, party: Party) -> anyhow::Result<Self> {
        let issuer = IssuerUrl::new(issuer.to_owned()).with_context(|| format!("{section}.issuer"))?;
        let url = issuer.url();
        let here = url.host_str().is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
        ensure!(url.scheme() == "https" || here, "{section}.issuer must begin with https://");
        ensure!(!party.client_id.is_empty(), "{section}.client_id is not set");
        // Redirects are followed by the browser only: here they would lead the gateway anywhere.
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .build()?;
        Ok(Self { party, issuer, http, metadata: Mutex::default() })
    }

    /// Where to send the browser, and what to keep until it comes back.
    pub async fn begin(&self, site: &str, back: String) -> Result<(String, Pending), Problem> {
        let metadata = self.metadata().await?;
        let client = self.client(&metadata, site)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let (url, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(self.party.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge)
            .url();
        let pending = Pending {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            back,
        };
        Ok((url.into(), pending))
    }

    /// The claims of who came back with the provider's redirect, whose parameters are `query`.
    pub async fn complete(
        &self,
        site: &str,
        query: &Fields,
        pending: &Pending,
        now: DateTime<Utc>,
    ) -> Result<Value, Problem> {
        let [state, code, issuer, error] = ["state", "code", "iss", "error"].map(|name| query.text(name));
        if [&state, &code, &issuer, &error].iter().any(|text| text.len() > PARAMETER_MAX) {
            return Err(Problem::invalid("SIGN_IN_STALE"));
        }
        // Compared as digests, so that the time taken tells nothing.
        let ours = Sha256::digest(&state) == Sha256::digest(&pending.state);
        if !ours || !(issuer.is_empty() || issuer == self.issuer.as_str()) {
            return Err(Problem::invalid("SIGN_IN_STALE"));
        }
        if !error.is_empty() || code.is_empty() {
            tracing::info!("the provider did not sign somebody in");
            return Err(Problem::new(StatusCode::FORBIDDEN, "PROVIDER_REFUSED"));
        }
        let mut metadata = self.metadata().await?;
        let token = self.exchange(&metadata, site, code, pending).await?;
        let id_token = token.id_token().ok_or_else(|| refused(&"there is no ID token"))?;
        let mut checked = self.check(&metadata, site, &token, id_token, pending, now)?;
        if let Err(ClaimsVerificationError::SignatureVerification(_)) = &checked {
            // The provider may have changed its keys. It gave out this code, so this can't be asked for at will.
            *self.metadata.lock().await = None;
            metadata = self.metadata().await?;
            checked = self.check(&metadata, site, &token, id_token, pending, now)?;
        }
        checked.map_err(|error| refused(&error))?;
        self.claims(&metadata, &token, id_token).await
    }

    /// Where the browser ends the provider's own session, if the provider has such a place.
    pub async fn sign_out(&self, site: &str) -> Option<String> {
        let metadata = self.metadata().await.ok()?;
        let end = metadata.additional_metadata().end_session_endpoint.clone()?;
        let after = PostLogoutRedirectUrl::new(format!("{site}{SIGN_IN}")).ok()?;
        let request = LogoutRequest::from(end)
            .set_client_id(ClientId::new(self.party.client_id.clone()))
            .set_post_logout_redirect_uri(after);
        Some(request.http_get_url().into())
    }

    fn client(&self, metadata: &ProviderMetadataWithLogout, site: &str) -> Result<Client, Problem> {
        let party = &self.party;
        let secret = Some(&party.client_secret).filter(|secret| !secret.is_empty());
        let secret = secret.map(|secret| ClientSecret::new(secret.expose().to_owned()));
        let back = RedirectUrl::new(format!("{site}{}", party.back)).map_err(|error| {
            tracing::error!(%error, "gateway.public_url is no address");
            Problem::internal()
        })?;
        let id = ClientId::new(party.client_id.clone());
        Ok(CoreClient::from_provider_metadata(metadata.clone(), id, secret).set_redirect_uri(back))
    }

    async fn exchange(
        &self,
        metadata: &ProviderMetadataWithLogout,
        site: &str,
        code: String,
        pending: &Pending,
    ) -> Result<CoreTokenResponse, Problem> {
        let client = self.client(metadata, site)?;
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| away(&error))?;
        let http = |request: HttpRequest| answer(self.http.clone(), request);
        let verifier = PkceCodeVerifier::new(pending.verifier.clone());
        request.set_pkce_verifier(verifier).request_async(&http).await.map_err(|error| match &error {
            RequestTokenError::ServerResponse(said) => match said.error() {
                CoreErrorResponseType::InvalidGrant => refused(&"the code is used up or not ours"),
                other => {
                    tracing::error!(error = %other, "the provider does not take this client");
                    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "PROVIDER_AWAY")
                }
            },
            _ => away(&error),
        })
    }

    /// Signature, issuer, audience, time, nonce and the access token's hash. The outer error is ours.
    fn check(
        &self,
        metadata: &ProviderMetadataWithLogout,
        site: &str,
        token: &CoreTokenResponse,
        id_token: &CoreIdToken,
        pending: &Pending,
        now: DateTime<Utc>,
    ) -> Result<Result<(), ClaimsVerificationError>, Problem> {
        let client = self.client(metadata, site)?;
        let verifier = client.id_token_verifier().set_time_fn(move || now);
        let claims = match id_token.claims(&verifier, &Nonce::new(pending.nonce.clone())) {
            Ok(claims) => claims,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = id_token.signing_alg().map_err(|error| refused(&error))?;
            let key = id_token.signing_key(&verifier).map_err(|error| refused(&error))?;
            let hash = AccessTokenHash::from_token(token.access_token(), algorithm, key);
            if hash.map_err(|error| refused(&error))? != *expected {
                return Err(refused(&"the access token is another's"));
            }
        }
        Ok(Ok(()))
    }

    /// What the ID token says, which has been checked; and what the userinfo endpoint says if the ID token
    /// does not say enough.
    async fn claims(
        &self,
        metadata: &ProviderMetadataWithLogout,
        token: &CoreTokenResponse,
        id_token: &CoreIdToken,
    ) -> Result<Value, Problem> {
        let text = id_token.to_string();
        let payload = text.split('.').nth(1).unwrap_or_default();
        let payload = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(payload);
        let claims: Value = payload
            .ok()
            .and_then(|payload| serde_json::from_slice(&payload).ok())
            .ok_or_else(|| refused(&"the ID token is no JSON"))?;
        let Some(endpoint) = metadata.userinfo_endpoint() else { return Ok(claims) };
        if claims::suffices(&self.party.wanted, &claims) {
            return Ok(claims);
        }
        let request = axum::http::Request::get(endpoint.as_str())
            .header("authorization", format!("Bearer {}", token.access_token().secret()))
            .header("accept", "application/json")
            .body(Vec::new());
        let response = answer(self.http.clone(), request.map_err(|error| away(&error))?).await;
        let response = response.map_err(|error| away(&error))?;
        let more: Value = serde_json::from_slice(response.body()).map_err(|error| away(&error))?;
        claims::joined(claims, more).ok_or_else(|| refused(&"the userinfo is of another person"))
    }

    /// The provider's description of itself, with its keys.
    async fn metadata(&self) -> Result<Arc<ProviderMetadataWithLogout>, Problem> {
        // Held over the calls, so that a crowd makes one.
        let mut cached = self.metadata.lock().await;
        if let Some((at, metadata)) = &*cached
            && at.elapsed() < FRESH
        {
            return Ok(metadata.clone());
        }
        let http = |request: HttpRequest| answer(self.http.clone(), request);
        match ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &http).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *cached = Some((Instant::now(), metadata.clone()));
                Ok(metadata)
            }
            Err(error) => match &*cached {
                // It can't have moved far; if it is away, the next call finds out.
                Some((_, old)) => Ok(old.clone()),
                None => Err(away(&error)),
            },
        }
    }
}

/// One call: no redirects, a time limit, a limit on the answer.
async fn answer(http: reqwest::Client, request: HttpRequest) -> io::Result<HttpResponse> {
    let request = reqwest::Request::try_from(request).map_err(io::Error::other)?;
    let mut response = http.execute(request).await.map_err(io::Error::other)?;
    let mut answer = Response::builder().status(response.status());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(io::Error::other)? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(io::Error::other(format!("the answer has more than {ANSWER_MAX} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    answer.body(body).map_err(io::Error::other)
}

fn away(error: &(dyn Error + 'static)) -> Problem {
    tracing::warn!(error, "the OpenID provider is away");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "PROVIDER_AWAY")
}

fn refused(why: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(%why, "what the OpenID provider sent was not taken");
    Problem::new(StatusCode::FORBIDDEN, "PROVIDER_REFUSED")
}

#[cfg(test)]
mod tests;
