//! HTTP for askers, officers and analysts: portal pages and REST/JSON in front of the gRPC
//! services. It has no database: every route calls services on behalf of whoever is calling.

mod assets;
mod body;
mod config;
mod connections;
mod demands;
mod fields;
mod guard;
mod health;
mod language;
mod limits;
mod oidc;
mod open311;
mod organisation;
mod overviews;
mod pages;
mod problem;
mod rest;
mod session;
mod sheet;
mod shelf;
mod standing;
mod state;
mod telemetry;
mod upload;

use axum::{
    Router,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
};
use runtime::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer};

pub use config::Config;
use problem::Problem;
use state::Gateway;

/// Every route: REST under `/api`, pages, assets, and the process's health.
///
/// # Errors
/// If a key of `[gateway]` is out of its bounds, or the section `[gateway.oidc]` cannot be.
pub fn router(context: &Context, config: &Config) -> anyhow::Result<Router> {
    let gateway = Gateway::try_new(context.clone(), config.clone())?;
    let limited = Router::new()
        .merge(rest::routes().router.layer(from_fn_with_state(gateway.clone(), session::bearers)))
        .merge(pages::routes(&gateway))
        .merge(open311::routes())
        .layer(from_fn_with_state(gateway.clone(), guard::limits))
        .layer(from_fn_with_state(gateway.clone(), limits::per_client));
    // The last layer is the outermost: the span and the counters see every answer, and a problem
    // is written only once its status is known.
    let router = Router::new()
        .merge(limited)
        .merge(health::routes())
        .merge(assets::routes())
        .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "ROUTE_UNKNOWN") })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED")
        })
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(from_fn_with_state(gateway.clone(), pages::render_problem))
        .layer(from_fn(open311::render_problem))
        .layer(from_fn(problem::render))
        .layer(from_fn_with_state(gateway.clone(), guard::headers))
        // The last hundred bytes would cost most of the packing.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(from_fn(telemetry::observe))
        .with_state(gateway);
    Ok(router)
}

/// Serves until `shutdown` is cancelled, then finishes the requests that are under way.
pub async fn serve(
    context: Context,
    config: Config,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if !config.public_url.is_empty() && config.proxies == 0 {
        tracing::warn!(
            "gateway.public_url is set and gateway.proxies is 0: if a proxy stands in front, all its clients share one limit"
        );
    }
    connections::serve(router(&context, &config)?, &config, listener, shutdown).await;
    Ok(())
}

#[cfg(test)]
mod tests;
