//! The listener: what `axum::serve` leaves out. Slow or idle browsers can't hold the desk, and a stop lets
//! running requests end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sanji_station::Station;
use sanji_station::bundle::Bundles;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::guard::ClientAddress;
use crate::state::Desk;
use crate::{DeskOptions, Error, routes};

/// Connections at a time. A browser opens at most six; a hub's public pages see the rest.
const CONNECTIONS: usize = 1024;
/// How long the head of a request may take. Also ends connections that are kept open without a request.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// How long running requests have when the desk stops.
const STOP_TIME: Duration = Duration::from_secs(10);
/// Pause after the system refused a connection (too many open files), so that the loop does not spin.
const REFUSED_PAUSE: Duration = Duration::from_millis(200);

/// Serves the desk of a station, with its bundles, until `shutdown`, then waits for running requests for at most ten seconds.
///
/// # Errors
/// [`Error::Randomness`] where the system gives no random bytes at the start.
pub async fn serve(
    station: Station,
    bundles: Bundles,
    listener: TcpListener,
    options: DeskOptions,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let router = routes::router(Desk::new(Box::new(station), Box::new(bundles), options)?);
    run(router, listener, shutdown).await;
    Ok(())
}

/// Accepts connections until `shutdown`.
pub(crate) async fn run(router: Router, listener: TcpListener, shutdown: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        // The place comes first: with none free, new browsers wait in the system's queue.
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, address)) => {
                let connection = connection(stream, address, router.clone(), shutdown.clone());
                connections.spawn(async move {
                    let _place = place;
                    connection.await;
                });
            }
            Err(error) => {
                tracing::warn!(error = &error as &(dyn std::error::Error + 'static), "desk.accept.failed");
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(STOP_TIME, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "desk.stop.unfinished");
    }
}

async fn connection(stream: TcpStream, address: SocketAddr, router: Router, shutdown: CancellationToken) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ClientAddress(address.ip()));
        router.clone().oneshot(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A browser that goes away in the middle is an everyday thing.
        tracing::debug!(error = &error as &(dyn std::error::Error + 'static), "desk.connection.ended");
    }
}
