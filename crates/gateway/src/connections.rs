//! Connections: how many at once, and how long a client may take to say what it wants.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use tower_http::add_extension::AddExtension;

use crate::{Config, limits::Remote};

/// How long to wait when the system has no more sockets to give.
const NO_SOCKET_PAUSE: Duration = Duration::from_millis(200);

/// Serves HTTP/1.1 until `shutdown` is cancelled, then finishes the requests that are under way.
/// Past `connections_max` new connections wait in the listener's queue.
pub(crate) async fn serve(
    router: Router,
    config: &Config,
    listener: TcpListener,
    shutdown: CancellationToken,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(config.header_timeout());
    let places = Arc::new(Semaphore::new(config.connections_max));
    let graceful = GracefulShutdown::new();
    let next = async || {
        let place = Arc::clone(&places).acquire_owned().await;
        (listener.accept().await, place)
    };
    while let Some((accepted, place)) = shutdown.run_until_cancelled(next()).await {
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(NO_SOCKET_PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(AddExtension::new(router.clone(), Remote(remote)));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::*;

    /// What a client reads until the server closes.
    async fn said(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await.unwrap();
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn a_silent_client_gives_its_place_up_and_shutdown_ends_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config { connections_max: 1, header_timeout_ms: 50, ..Config::default() };
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let server = tokio::spawn(async move {
            let router = Router::new().route("/", get(|| async { "here" }));
            serve(router, &config, listener, stop).await;
        });

        let mut silent = TcpStream::connect(address).await.unwrap();
        silent.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        let mut patient = TcpStream::connect(address).await.unwrap();
        patient.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        assert!(said(patient).await.ends_with("here"), "the only place became free");
        assert!(!said(silent).await.contains("200"));

        let idle = TcpStream::connect(address).await.unwrap();
        shutdown.cancel();
        server.await.unwrap();
        drop(idle);
        assert!(TcpStream::connect(address).await.is_err());
    }
}
