//! Attachments: fetched chunk by chunk on a stream of their own, beside the entries and never before them.
//!
//! Both sides run the same: a reader that sorts what comes in, a `fetch` that asks for what this station lacks,
//! and a `serve` that answers what the peer asks for.

mod fetch;
mod serve;

use std::sync::Arc;

use sanji_log::{AttachmentId, CaseId, StationCode};
use sanji_proto::v1::attachment_message::Message;
use sanji_proto::v1::{AttachmentMessage, ChunkReply, ChunkRequest};
use tokio::sync::{mpsc, watch};
use tonic::{Status, Streaming};

use crate::host::Host;
use crate::pump::to_peer;
use crate::{Error, Result};

/// Messages handed to HTTP/2 and not yet taken by it: few chunks, so that entries need not wait for many.
pub(crate) const OUTGOING: usize = 2;
/// Most chunks that one request may ask for.
const REQUEST_MAX_CHUNKS: u32 = 64;
/// Chunks that this station asks for at a time.
const WINDOW_CHUNKS: u32 = 16;
/// Requests of the peer that may wait. It sends the next when one is answered.
const REQUESTS_WAITING: usize = 4;

/// The attachments of one link.
pub(crate) struct Attachments {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) peer: StationCode,
    pub(crate) incoming: Streaming<AttachmentMessage>,
    pub(crate) outgoing: Outgoing,
    /// Whether entries wait to be sent on this link.
    pub(crate) busy: watch::Receiver<bool>,
}

type Outgoing = mpsc::Sender<std::result::Result<AttachmentMessage, Status>>;

/// Fetches and serves until the stream ends.
///
/// # Errors
/// Where the stream broke, the peer misbehaved, or this station can't keep what it gets.
pub(crate) async fn run(attachments: Attachments) -> Result<()> {
    let Attachments { host, peer, incoming, outgoing, busy } = attachments;
    let (requests, asked) = mpsc::channel(REQUESTS_WAITING);
    let (replies, answered) = mpsc::channel(WINDOW_CHUNKS as usize * 2);
    let ended = tokio::select! {
        ended = read(incoming, requests, replies) => ended,
        ended = serve::serve(host.clone(), peer, asked, outgoing.clone(), busy) => ended,
        ended = fetch::fetch(host, peer, answered, outgoing.clone()) => ended,
    };
    if let Err(error) = &ended {
        // A full queue means that the peer does not read; then it needs no reason either.
        drop(outgoing.try_send(Err(to_peer(error))));
    }
    ended
}

/// Sorts what comes in. Whoever asks or answers more than was agreed is cut.
async fn read(
    mut incoming: Streaming<AttachmentMessage>,
    requests: mpsc::Sender<Request>,
    replies: mpsc::Sender<ChunkReply>,
) -> Result<()> {
    while let Some(message) = incoming.message().await? {
        let has_place = match message.message {
            Some(Message::Request(request)) => requests.try_send(Request::try_from(request)?).is_ok(),
            Some(Message::Reply(reply)) => replies.try_send(reply).is_ok(),
            None => return Err(Error::Answer { problem: "a message about attachments is empty" }),
        };
        if !has_place {
            return Err(Error::Answer { problem: "more messages about attachments than were agreed" });
        }
    }
    Ok(())
}

/// A checked request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Request {
    case: CaseId,
    id: AttachmentId,
    first_chunk: u32,
    count: u32,
    want_manifest: bool,
}

impl TryFrom<ChunkRequest> for Request {
    type Error = Error;

    fn try_from(message: ChunkRequest) -> Result<Self> {
        let wrong = |source| Error::Attachment { source };
        if !(1..=REQUEST_MAX_CHUNKS).contains(&message.count) {
            return Err(Error::Answer { problem: "a request is for no or too many chunks" });
        }
        Ok(Self {
            case: CaseId::from_bytes(&message.case_id).map_err(wrong)?,
            id: AttachmentId::try_from(message.attachment_id.as_slice()).map_err(wrong)?,
            first_chunk: message.first_chunk,
            count: message.count,
            want_manifest: message.want_manifest,
        })
    }
}

impl From<Request> for AttachmentMessage {
    fn from(request: Request) -> Self {
        Self {
            message: Some(Message::Request(ChunkRequest {
                case_id: request.case.0.to_vec(),
                attachment_id: request.id.0.to_vec(),
                first_chunk: request.first_chunk,
                count: request.count,
                want_manifest: request.want_manifest,
            })),
        }
    }
}

/// Hands a message to HTTP/2.
async fn send(outgoing: &Outgoing, message: AttachmentMessage) -> Result<()> {
    let gone = |_| Error::Closed { reason: "the peer went away".to_owned() };
    outgoing.send(Ok(message)).await.map_err(gone)
}
