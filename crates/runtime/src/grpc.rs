//! gRPC in and out: keep-alive, tokens, trace context.

use std::time::Duration;

use opentelemetry::propagation::{Extractor, Injector};
use tonic::{
    Request, Status,
    metadata::{MetadataKey, MetadataMap, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{Clock, Context, Refusal, Tokens};

/// A client's connection to another service.
pub type Peer = InterceptedService<Channel, Outgoing>;

/// How long a service's own token is good: one call.
const OWN_TOKEN_TTL: chrono::Duration = chrono::Duration::minutes(5);

/// Without keep-alive, also while idle, a channel never recovers from a silent partition.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects when first used, and again whenever needed.
pub(crate) fn channel(url: &str) -> anyhow::Result<Channel> {
    Ok(Endpoint::from_shared(url.to_owned())?
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_lazy())
}

/// Adds the token and the trace context to each call.
#[derive(Clone)]
pub struct Outgoing(Bearer);

#[derive(Clone)]
enum Bearer {
    /// This process's own.
    Own(Tokens, Clock),
    /// The caller's, passed on.
    Passing(Option<String>),
}

impl Outgoing {
    pub(crate) fn own(tokens: Tokens, clock: Clock) -> Self {
        Self(Bearer::Own(tokens, clock))
    }

    pub(crate) fn passing(bearer: Option<&str>) -> Self {
        Self(Bearer::Passing(bearer.map(str::to_owned)))
    }
}

impl Interceptor for Outgoing {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let bearer = match &self.0 {
            Bearer::Own(tokens, clock) => Some(
                tokens
                    .sign(&Context::own_principal(), OWN_TOKEN_TTL, clock.now())
                    .map_err(|error| Status::internal(error.to_string()))?,
            ),
            Bearer::Passing(bearer) => bearer.clone(),
        };
        if let Some(bearer) = bearer {
            let value = MetadataValue::try_from(format!("Bearer {bearer}"))
                .map_err(|_| Refusal::unauthenticated("TOKEN_INVALID", "the bearer token is not valid"))?;
            request.metadata_mut().insert("authorization", value);
        }
        let context = tracing::Span::current().context();
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut Metadata(request.metadata_mut()));
        });
        Ok(request)
    }
}

/// Finds out who is calling: no token is nobody, a bad one is refused.
#[derive(Clone)]
pub(crate) struct Incoming {
    pub tokens: Tokens,
    pub clock: Clock,
}

impl Interceptor for Incoming {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let Some(header) = request.metadata().get("authorization") else { return Ok(request) };
        let token = header.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        let principal = self.tokens.verify(token.unwrap_or_default(), self.clock.now())?;
        request.extensions_mut().insert(principal);
        Ok(request)
    }
}

/// A span for an incoming call, continuing the caller's trace.
pub(crate) fn server_span(request: &http::Request<()>) -> tracing::Span {
    let path = request.uri().path();
    if path.starts_with("/grpc.") {
        return tracing::Span::none(); // health and reflection
    }
    let span = tracing::info_span!("rpc", otel.name = path, otel.kind = "server", rpc.system = "grpc");
    let context = opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract(&Headers(request.headers()))
    });
    // Fails only where no OpenTelemetry layer is installed: then there is no trace to continue.
    let _ = span.set_parent(context);
    span
}

struct Metadata<'a>(&'a mut MetadataMap);

impl Injector for Metadata<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) =
            (MetadataKey::from_bytes(key.as_bytes()), MetadataValue::try_from(value))
        {
            self.0.insert(key, value);
        }
    }
}

pub(crate) struct Headers<'a>(pub &'a http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
