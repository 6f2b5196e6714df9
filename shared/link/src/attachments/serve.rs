//! Answers what the peer asks for, one request after the other, and only while no entries wait.

use std::sync::Arc;

use sanji_log::StationCode;
use sanji_proto::v1::attachment_message::Message;
use sanji_proto::v1::{AttachmentMessage, ChunkReply};
use tokio::sync::{mpsc, watch};

use super::{Outgoing, Request, send};
use crate::host::{ChunkAnswer, Host};
use crate::{Error, Result};

pub(super) async fn serve(
    host: Arc<dyn Host>,
    peer: StationCode,
    mut asked: mpsc::Receiver<Request>,
    outgoing: Outgoing,
    mut busy: watch::Receiver<bool>,
) -> Result<()> {
    while let Some(request) = asked.recv().await {
        for place in 0..request.count {
            let Some(chunk) = request.first_chunk.checked_add(place) else { break };
            let want_manifest = request.want_manifest && place == 0;
            // The link is over when nobody can tell whether it is busy.
            let closed = |_| Error::Closed { reason: "the link of the attachments closed".to_owned() };
            busy.wait_for(|busy| !busy).await.map_err(closed)?;
            let answer = read(&host, peer, request, chunk, want_manifest).await?;
            let last = answer.is_none() || place + 1 == request.count;
            send(&outgoing, reply(request, chunk, answer.unwrap_or_default(), last)).await?;
            if last {
                break;
            }
        }
    }
    Ok(())
}

async fn read(
    host: &Arc<dyn Host>,
    peer: StationCode,
    request: Request,
    chunk: u32,
    want_manifest: bool,
) -> Result<Option<ChunkAnswer>> {
    const OPERATION: &str = "read an attachment for a peer";
    let host = host.clone();
    let Request { case, id, .. } = request;
    tokio::task::spawn_blocking(move || host.attachment_chunk(peer, case, &id, chunk, want_manifest))
        .await
        .map_err(|source| Error::Host { operation: OPERATION, source: source.into() })?
        .map_err(|source| Error::Host { operation: OPERATION, source })
}

/// An empty answer says: not here.
fn reply(request: Request, chunk: u32, answer: ChunkAnswer, last: bool) -> AttachmentMessage {
    AttachmentMessage {
        message: Some(Message::Reply(ChunkReply {
            attachment_id: request.id.0.to_vec(),
            manifest: answer.manifest,
            size: answer.size,
            chunk,
            data: answer.data.into(),
            last,
        })),
    }
}
