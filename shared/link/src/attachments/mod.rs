//! Attachments: fetched chunk by chunk on a stream of their own, beside the entries and never before them.
//!
//! Both sides run the same: a reader that sorts what comes in, a `fetch` that asks for what this station lacks,
//! and a `serve` that answers what the peer asks for. What to ask for is decided by
//! [`Fetcher`](sanji_replication::attachment::Fetcher). A station passes on what it has checked while the rest is
//! still coming in.
//!
//! With a revoked station it goes one way: it is asked for what is wanted of cases that count here, which needs no
//! trust, since every chunk is checked by its hash; whatever it asks for itself it is answered that it is not here.

mod fetch;
mod serve;

use std::sync::Arc;

use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_replication::attachment::{
    AttachmentMessage, ChunkReply, ChunkRequest, REQUESTS_WAITING_MAX, WINDOW_MAX_CHUNKS,
};
use tokio::sync::{Semaphore, mpsc, watch};
use tonic::Streaming;

use crate::host::{Host, HostError};
use crate::pump::to_peer;
use crate::{Error, Result};

/// Messages handed to HTTP/2 and not yet taken by it: few chunks, so that entries need not wait for many.
pub(crate) const OUTGOING: usize = 2;
/// Replies that may wait: what the window lets come, the answers without data, and what the peer tells later.
const REPLIES_WAITING: usize = WINDOW_MAX_CHUNKS as usize + 512;
/// Chunks that all links of a port, or the link to a parent, may have asked for and not yet written: 64 MiB.
const BUDGET_CHUNKS: usize = 2048;

/// Bounds the memory of everything that is fetched at the same time.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

impl Default for Budget {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BUDGET_CHUNKS)))
    }
}

/// The attachments of one link.
pub(crate) struct Attachments {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) peer: StationCode,
    pub(crate) incoming: Streaming<proto::AttachmentMessage>,
    pub(crate) outgoing: Outgoing,
    pub(crate) budget: Budget,
    /// Whether entries wait to be sent on this link.
    pub(crate) busy: watch::Receiver<bool>,
    /// The peer's key is revoked: it delivers and hears nothing. Told whether it may have something yet that is wanted.
    pub(crate) delivers: Option<watch::Sender<bool>>,
}

type Outgoing = crate::pump::Outgoing<proto::AttachmentMessage>;

/// Fetches and serves until the stream ends.
///
/// # Errors
/// Where the stream broke, the peer misbehaved, or this station can't keep what it gets.
pub(crate) async fn run(attachments: Attachments) -> Result<()> {
    let Attachments { host, peer, incoming, outgoing, budget, busy, delivers } = attachments;
    let hears = delivers.is_none();
    let (requests, asked) = mpsc::channel(REQUESTS_WAITING_MAX);
    let (replies, answered) = mpsc::channel(REPLIES_WAITING);
    let serving = async {
        match hears {
            true => serve::serve(host.clone(), peer, asked, outgoing.clone(), busy).await,
            false => serve::turn_away(asked, outgoing.clone()).await,
        }
    };
    let ended = tokio::select! {
        ended = read(incoming, requests, replies) => ended,
        ended = serving => ended,
        ended = fetch::fetch(host.clone(), peer, answered, outgoing.clone(), budget, delivers) => ended,
    };
    if let Err(error) = &ended {
        // A full queue means that the peer does not read; then it needs no reason either.
        drop(outgoing.try_send(Err(to_peer(error))));
    }
    ended
}

/// Sorts what comes in. Whoever asks or answers more than was agreed is cut.
async fn read(
    mut incoming: Streaming<proto::AttachmentMessage>,
    requests: mpsc::Sender<ChunkRequest>,
    replies: mpsc::Sender<Box<ChunkReply>>,
) -> Result<()> {
    while let Some(message) = incoming.message().await? {
        let message = AttachmentMessage::try_from(message).map_err(|source| Error::Message { source })?;
        let has_place = match message {
            AttachmentMessage::Request(request) => requests.try_send(request).is_ok(),
            AttachmentMessage::Reply(reply) => replies.try_send(reply.into()).is_ok(),
        };
        if !has_place {
            return Err(Error::Answer { problem: "more messages about attachments than were agreed" });
        }
    }
    Ok(())
}

/// Hands a message to HTTP/2.
async fn send(outgoing: &Outgoing, message: AttachmentMessage) -> Result<()> {
    let gone = |_| Error::Closed { reason: "the peer went away".to_owned() };
    outgoing.send(Ok(Box::new(message.into()))).await.map_err(gone)
}

/// Asks the station beside the running tasks.
async fn blocking<T: Send + 'static>(
    host: &Arc<dyn Host>,
    operation: &'static str,
    call: impl FnOnce(&dyn Host) -> std::result::Result<T, HostError> + Send + 'static,
) -> Result<T> {
    let host = host.clone();
    tokio::task::spawn_blocking(move || call(host.as_ref()))
        .await
        .map_err(|source| Error::Host { operation, source: source.into() })?
        .map_err(|source| Error::Host { operation, source })
}
