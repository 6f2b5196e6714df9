//! The gRPC services of a running station, on loopback: cases for programs, health and keeper for its keeper,
//! and whatever else the program adds.

mod access;
pub mod bundles;
mod cases;
mod deadlines;
mod failure;
mod health;
mod records;
mod supervision;

use sanji_proto::v1::case_service_server::CaseServiceServer;
use sanji_proto::v1::deadline_service_server::DeadlineServiceServer;
use sanji_proto::v1::health_server::HealthServer;
use sanji_proto::v1::keeper_server::KeeperServer;
use sanji_proto::v1::ledger_service_server::LedgerServiceServer;
use sanji_proto::v1::record_service_server::RecordServiceServer;
use sanji_proto::v1::supervision_service_server::SupervisionServiceServer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

pub use access::Access;

use crate::bundle::Bundles;
use crate::station::Station;
use crate::tokens::Tokens;

/// Largest message that is read, in bytes: a form with all its answers, or the district's files to be published.
pub const MESSAGE_MAX_BYTES: usize = 4 << 20;
/// Streams that one program may have open at once.
const STREAMS_MAX: u32 = 256;

/// The services of every station.
#[must_use]
pub fn routes(station: &Station, bundles: &Bundles, tokens: &Tokens, shutdown: &CancellationToken) -> Routes {
    let access = Access::new(station.clone(), tokens.clone());
    let care = || health::Care {
        station: station.clone(),
        bundles: bundles.clone(),
        access: access.clone(),
        tokens: tokens.clone(),
    };
    let records = || records::Records { station: station.clone(), access: access.clone() };
    let deadlines = deadlines::Deadlines { station: station.clone(), access: access.clone() };
    let supervision = supervision::Supervision { station: station.clone(), access: access.clone() };
    let cases = cases::Cases { station: station.clone(), access: access.clone(), shutdown: shutdown.clone() };
    Routes::new(CaseServiceServer::new(cases).max_decoding_message_size(MESSAGE_MAX_BYTES))
        .add_service(DeadlineServiceServer::new(deadlines))
        .add_service(SupervisionServiceServer::new(supervision))
        .add_service(HealthServer::new(care()))
        .add_service(KeeperServer::new(care()))
        .add_service(LedgerServiceServer::new(records()))
        .add_service(RecordServiceServer::new(records()))
}

/// Serves until `shutdown`; calls that have begun are finished.
///
/// # Errors
/// Where HTTP/2 can't be served at all.
pub async fn serve(
    routes: Routes,
    listener: TcpListener,
    calls_at_once: usize,
    shutdown: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    Server::builder()
        .concurrency_limit_per_connection(calls_at_once)
        .max_concurrent_streams(STREAMS_MAX)
        .add_routes(routes)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), shutdown.cancelled_owned())
        .await
}
