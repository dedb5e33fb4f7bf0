//! The gRPC server of a process's roles, and its operations port.

use std::time::Duration;

use anyhow::Context as _;
use axum::{http::StatusCode, routing::get};
use tokio::net::TcpListener;
use tonic::{
    service::{InterceptorLayer, Routes},
    transport::{Server, server::TcpIncoming},
};

use crate::{
    Context,
    config::Grpc,
    grpc::{self, Incoming},
    health, telemetry,
};

/// As the client's, so that a dead connection is noticed from both ends.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

pub(crate) async fn grpc(
    listener: TcpListener,
    routes: Routes,
    services: Vec<&'static str>,
    context: Context,
    config: Grpc,
) -> anyhow::Result<()> {
    let (reporter, health_server) = tonic_health::server::health_reporter();
    for service in &services {
        reporter.set_service_status(service, tonic_health::ServingStatus::Serving).await;
    }
    let watch = async {
        // A process without services, as the gateway's, has no database either.
        if !services.is_empty() {
            health::watch(reporter, services, context.pool.clone(), context.shutdown.clone()).await;
        }
        Ok(())
    };
    let mut builder = Routes::new(health_server);
    if config.reflection {
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(api::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        builder = builder.add_service(reflection().build_v1()?).add_service(reflection().build_v1alpha()?);
    }
    let routes = Routes::from(
        builder
            .into_axum_router()
            .reset_fallback()
            .merge(routes.into_axum_router().reset_fallback())
            .fallback(|| async {
                tonic::Status::unimplemented("no such method").into_http::<axum::body::Body>()
            }),
    );
    let incoming = Incoming { tokens: context.tokens.clone(), clock: context.clock.clone() };
    let shutdown = context.shutdown.clone();
    let serve = Server::builder()
        .trace_fn(grpc::server_span)
        .timeout(Duration::from_millis(config.timeout_ms))
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .layer(InterceptorLayer::new(incoming))
        .add_routes(routes)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            shutdown.cancelled(),
        );
    let serve = async { serve.await.context("the gRPC server") };
    tokio::try_join!(serve, watch).map(|_| ())
}

/// `/healthz`: the process lives. `/readyz`: its database answers. `/metrics`: Prometheus text.
pub(crate) async fn ops(listener: TcpListener, context: Context) -> anyhow::Result<()> {
    let pool = context.pool.clone();
    let ready = move || {
        let pool = pool.clone();
        async move {
            match sqlx::Connection::ping(
                &mut *pool.acquire().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?,
            )
            .await
            {
                Ok(()) => Ok("ready\n"),
                Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
            }
        }
    };
    let router = axum::Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(|| async { telemetry::metrics_text() }));
    axum::serve(listener, router)
        .with_graceful_shutdown(context.shutdown.cancelled_owned())
        .await
        .context("the operations port")
}
