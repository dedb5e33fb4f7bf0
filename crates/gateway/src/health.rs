//! Whether the process lives, and whether what it needs serves.

use std::time::Duration;

use api::{
    analytics::v1::analytics_service_server::SERVICE_NAME as ANALYTICS,
    answering::v1::answering_service_server::SERVICE_NAME as ANSWERING,
    intake::v1::intake_service_server::SERVICE_NAME as INTAKE,
    knowledge::v1::knowledge_service_server::SERVICE_NAME as KNOWLEDGE,
    routing::v1::routing_service_server::SERVICE_NAME as ROUTING,
};
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::{Value, json};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{problem::Problem, state::Gateway};

/// Peers and the gRPC service that each serves.
const PEERS: [(&str, &str); 5] = [
    ("intake", INTAKE),
    ("routing", ROUTING),
    ("answering", ANSWERING),
    ("knowledge", KNOWLEDGE),
    ("analytics", ANALYTICS),
];
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn routes() -> Router<Gateway> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

async fn ready(State(gateway): State<Gateway>) -> Result<Json<Value>, Problem> {
    let serving =
        futures::future::join_all(PEERS.map(|(peer, service)| serves(&gateway, peer, service))).await;
    let away: Vec<_> =
        PEERS.iter().zip(serving).filter_map(|((peer, _), up)| (!up).then_some(*peer)).collect();
    if away.is_empty() {
        return Ok(Json(json!({"ready": true})));
    }
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "PEERS_AWAY").detail(away.join(", ")))
}

async fn serves(gateway: &Gateway, peer: &str, service: &str) -> bool {
    let mut client = HealthClient::new(gateway.context().peer_as(peer, None));
    let check = client.check(HealthCheckRequest { service: service.to_owned() });
    match tokio::time::timeout(PATIENCE, check).await {
        Ok(Ok(response)) => response.get_ref().status() == ServingStatus::Serving,
        _ => false,
    }
}

async fn metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], runtime::telemetry::metrics_text())
}
