//! The parent's side: serves the links of stations below this one.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sanji_log::PublicKey;
use sanji_proto::v1::link_server::{Link as LinkService, LinkServer};
use sanji_proto::v1::{AttachmentMessage, LinkMessage};
use sanji_replication::limits::MESSAGE_MAX_BYTES;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::codec::CompressionEncoding;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use crate::attachments::{self, Attachments, Budget};
use crate::certificate::Certified;
use crate::connect::{KEEPALIVE, KEEPALIVE_TIMEOUT, WINDOW_BYTES};
use crate::host::Host;
use crate::listener::{AcceptLimits, Door, PeerInfo, incoming};
use crate::pump::{self, KnownDistrust, Link, with_sources};
use crate::{Error, Result, Trust};

/// Streams of one connection: the entries, the attachments, and room for a peer that replaces one.
const STREAMS_MAX: u32 = 8;

/// Serves children on `listener` until `shutdown`; then says goodbye to each and returns when all links are
/// done. A child must show a certificate of the district, not revoked, of a station below this one.
///
/// # Errors
/// [`Error::Transport`] where HTTP/2 can't be served at all; what single peers do wrong is logged.
pub async fn accept(
    listener: TcpListener,
    trust: Arc<Trust>,
    host: Arc<dyn Host>,
    limits: AcceptLimits,
    shutdown: CancellationToken,
) -> Result<()> {
    let links = TaskTracker::new();
    let connections = incoming(listener, Door::Link, trust.clone(), limits, shutdown.clone());
    let service = Service {
        host,
        trust,
        catch_ups: Arc::new(Semaphore::new(limits.catch_ups)),
        open: Arc::default(),
        budget: Budget::default(),
        links: links.clone(),
        shutdown: shutdown.clone(),
    };
    let service = LinkServer::new(service)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(MESSAGE_MAX_BYTES)
        .max_encoding_message_size(MESSAGE_MAX_BYTES);
    let served = Server::builder()
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(service)
        .serve_with_incoming_shutdown(connections, shutdown.cancelled_owned())
        .await
        .map_err(|source| Error::Transport { operation: "serve links", source });
    links.close();
    links.wait().await;
    served
}

struct Service {
    host: Arc<dyn Host>,
    trust: Arc<Trust>,
    catch_ups: Arc<Semaphore>,
    open: Arc<Mutex<BTreeMap<PublicKey, OpenLink>>>,
    budget: Budget,
    links: TaskTracker,
    shutdown: CancellationToken,
}

/// The newest link of a key.
#[derive(Clone)]
struct OpenLink {
    replaced: CancellationToken,
    busy: watch::Receiver<bool>,
    /// Of a revoked station: whether it may have attachments yet that are wanted here.
    files: watch::Sender<bool>,
}

type Answer<T> = Pin<Box<dyn Stream<Item = std::result::Result<T, Status>> + Send>>;

impl Service {
    fn peer<T>(&self, request: &Request<T>) -> std::result::Result<Certified, Status> {
        let peer = request.extensions().get::<PeerInfo>().and_then(|peer| peer.certified);
        let peer = peer.ok_or_else(|| Status::unauthenticated("no certificate"))?;
        if self.trust.is_revoked(&peer.key) && !self.trust.delivers(&peer.key) {
            return Err(Status::permission_denied("the station's key was revoked"));
        }
        Ok(peer)
    }

    /// Enters a link as its key's newest. The one before is a leftover of a line that broke unnoticed.
    fn enter(&self, key: PublicKey, link: OpenLink) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = open.insert(key, link) {
            before.replaced.cancel();
        }
    }

    fn newest(&self, key: &PublicKey) -> Option<OpenLink> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(key).cloned()
    }
}

#[tonic::async_trait]
impl LinkService for Service {
    type ReplicateStream = Answer<LinkMessage>;
    type AttachmentsStream = Answer<AttachmentMessage>;

    async fn replicate(
        &self,
        request: Request<Streaming<LinkMessage>>,
    ) -> std::result::Result<Response<Self::ReplicateStream>, Status> {
        let peer = self.peer(&request)?;
        if self.host.has_ended() {
            return Err(Status::unavailable(pump::ENDED));
        }
        let handshake = request.extensions().get::<PeerInfo>().map_or(Duration::ZERO, |peer| peer.handshake);
        let (outgoing, answer) = pump::outgoing(pump::OUTGOING);
        let (busy, is_busy) = watch::channel(false);
        let replaced = CancellationToken::new();
        let delivers = self.trust.delivers(&peer.key);
        // Until the attachments' stream is open and has looked, nobody knows that there are none.
        let (files, expects_files) = watch::channel(delivers);
        self.enter(peer.key, OpenLink { replaced: replaced.clone(), busy: is_busy, files });
        let link = Link {
            host: self.host.clone(),
            trust: self.trust.clone(),
            peer,
            handshake,
            outgoing,
            turn: self.catch_ups.clone().try_acquire_owned().ok(),
            busy,
            replaced: replaced.clone(),
            delivers,
            files: expects_files,
            distrust: KnownDistrust::default(),
            shutdown: self.shutdown.clone(),
        };
        let (open, incoming) = (self.open.clone(), request.into_inner());
        self.links.spawn(async move {
            if let Err(error) = pump::begin(link).await.run(incoming).await {
                tracing::warn!(peer.station = %peer.station, error = with_sources(&error), "link failed");
            }
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            if !replaced.is_cancelled() {
                open.remove(&peer.key);
            }
            replaced.cancel();
        });
        Ok(Response::new(Box::pin(answer)))
    }

    async fn attachments(
        &self,
        request: Request<Streaming<AttachmentMessage>>,
    ) -> std::result::Result<Response<Self::AttachmentsStream>, Status> {
        let peer = self.peer(&request)?;
        let OpenLink { replaced: ended, busy, files } =
            self.newest(&peer.key).ok_or_else(|| Status::failed_precondition("no link of this station is open"))?;
        let (outgoing, answer) = pump::outgoing(attachments::OUTGOING);
        let attachments = Attachments {
            host: self.host.clone(),
            peer: peer.station,
            incoming: request.into_inner(),
            outgoing,
            budget: self.budget.clone(),
            busy,
            // It hands over what counts here by now, and hears nothing of what others hold.
            delivers: self.trust.delivers(&peer.key).then_some(files),
        };
        let shutdown = self.shutdown.clone();
        self.links.spawn(async move {
            tokio::select! {
                ended = attachments::run(attachments) => if let Err(error) = ended {
                    tracing::info!(peer.station = %peer.station, error = with_sources(&error), "attachments stopped");
                },
                () = ended.cancelled() => {}
                () = shutdown.cancelled() => {}
            }
        });
        Ok(Response::new(Box::pin(answer)))
    }
}
