//! The hub's side of enrolment: a port of its own, without client certificates.

use std::net::SocketAddr;
use std::sync::Arc;

use sanji_proto::v1 as proto;
use sanji_proto::v1::enrolment_server::{Enrolment, EnrolmentServer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use super::{CheckedEnrolRequest, EnrolReply, Refusal};
use crate::listener::{AcceptLimits, Door, PeerInfo, incoming};
use crate::{Error, Result, Trust};

/// A request has a few hundred bytes.
const REQUEST_MAX_BYTES: usize = 4096;

/// Decides who is enrolled: owns the one-time codes and counts attempts.
pub trait Enroller: Send + Sync + 'static {
    /// Checks the code, uses it up, and gives the station its certificate. May block.
    ///
    /// # Errors
    /// The [`Refusal`] that the station is told.
    fn enrol(&self, request: CheckedEnrolRequest, peer: SocketAddr) -> std::result::Result<EnrolReply, Refusal>;
}

/// Serves enrolment on `listener` until `shutdown`. The hub shows the identity of `trust`.
///
/// # Errors
/// [`Error::Transport`] where HTTP/2 can't be served at all; what single peers do wrong is logged.
pub async fn serve_enrolment(
    listener: TcpListener,
    trust: Arc<Trust>,
    enroller: Arc<dyn Enroller>,
    limits: AcceptLimits,
    shutdown: CancellationToken,
) -> Result<()> {
    let connections = incoming(listener, Door::Enrolment, trust, limits, shutdown.clone());
    let service = EnrolmentServer::new(Service { enroller })
        .send_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(REQUEST_MAX_BYTES);
    Server::builder()
        .max_concurrent_streams(1)
        .add_service(service)
        .serve_with_incoming_shutdown(connections, shutdown.cancelled_owned())
        .await
        .map_err(|source| Error::Transport { operation: "serve enrolment", source })
}

struct Service {
    enroller: Arc<dyn Enroller>,
}

#[tonic::async_trait]
impl Enrolment for Service {
    async fn enrol(
        &self,
        request: Request<proto::EnrolRequest>,
    ) -> std::result::Result<Response<proto::EnrolReply>, Status> {
        let peer = request.extensions().get::<PeerInfo>().copied().ok_or_else(|| Status::internal("no peer"))?;
        let checked = CheckedEnrolRequest::try_from(request.into_inner())?;
        let (station, key) = (checked.station, checked.key);
        let enroller = self.enroller.clone();
        let answer = tokio::task::spawn_blocking(move || enroller.enrol(checked, peer.address))
            .await
            .map_err(|_| Refusal::Unavailable)?;
        match answer {
            Ok(reply) => {
                tracing::info!(peer.station = %station, peer.key = ?key, "station enrolled");
                Ok(Response::new(reply.into()))
            }
            Err(refusal) => {
                tracing::warn!(peer.station = %station, peer.address = %peer.address, reason = %refusal, "enrolment refused");
                Err(refusal.into())
            }
        }
    }
}

impl From<EnrolReply> for proto::EnrolReply {
    fn from(reply: EnrolReply) -> Self {
        Self {
            certificate: reply.certificate,
            authority: reply.authority,
            hub_key: reply.hub_key.0.to_vec(),
            district: reply.district.number(),
            upstream: reply.upstream.unwrap_or_default(),
            detour: reply.detour.unwrap_or_default(),
            runs: reply.runs.into_iter().map(Into::into).collect(),
        }
    }
}
