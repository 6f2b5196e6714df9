//! Asks for what this station lacks: one attachment at a time, a window of chunks at a time, from the last
//! chunk on that is here. Nothing is kept that was not checked against the id in the case's entry.

use std::sync::Arc;
use std::time::Duration;

use sanji_log::StationCode;
use sanji_log::attachment::{chunk_count, chunk_hash, chunk_hash_in, chunk_length, manifest_matches};
use sanji_proto::v1::ChunkReply;
use tokio::sync::{broadcast, mpsc};

use super::{Outgoing, Request, WINDOW_CHUNKS, send};
use crate::host::{AttachmentState, Change, Host, HostError, WantedAttachment};
use crate::{Error, Result};

/// Attachments looked up at a time.
const LOOK_UP: usize = 16;
/// The station is asked again what it lacks after this long, or when it says that this has changed.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// The stream is opened anew when a chunk takes longer. (32 KiB on 9,600 bit/s take half a minute; entries may
/// go first.)
const CHUNK_DEADLINE: Duration = Duration::from_secs(120);

pub(super) async fn fetch(
    host: Arc<dyn Host>,
    peer: StationCode,
    mut replies: mpsc::Receiver<ChunkReply>,
    outgoing: Outgoing,
) -> Result<()> {
    let mut changes = host.subscribe();
    loop {
        let wanted =
            blocking(&host, "list the attachments wanted", move |host| Ok(host.wanted_attachments(peer, LOOK_UP)))
                .await?;
        let mut completed = false;
        for attachment in wanted {
            completed |= fetch_one(&host, attachment, &mut replies, &outgoing).await?;
        }
        if !completed {
            // There may be more than were looked up, but none of these is to be had now.
            wait_for_change(&mut changes).await;
        }
    }
}

async fn wait_for_change(changes: &mut broadcast::Receiver<Change>) {
    let changed = async {
        loop {
            match changes.recv().await {
                Ok(Change::Attachments) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    // Whether it has changed or time is up: the same is done.
    drop(tokio::time::timeout(ASK_AGAIN, changed).await);
}

/// Whether the attachment was completed; not where it was complete before, or can't be had from this peer.
async fn fetch_one(
    host: &Arc<dyn Host>,
    wanted: WantedAttachment,
    replies: &mut mpsc::Receiver<ChunkReply>,
    outgoing: &Outgoing,
) -> Result<bool> {
    let WantedAttachment { case, id, size } = wanted;
    let mut state = blocking(host, "look an attachment up", move |host| host.attachment_state(&id)).await?;
    if state.complete {
        return Ok(false);
    }
    while !state.complete {
        let first_chunk = state.chunks;
        let count = chunk_count(size).saturating_sub(first_chunk).clamp(1, WINDOW_CHUNKS);
        let want_manifest = state.manifest.is_empty();
        send(outgoing, Request { case, id, first_chunk, count, want_manifest }.into()).await?;
        let mut is_good = true;
        for chunk in first_chunk..first_chunk + count {
            let reply = next_reply(replies, wanted, chunk).await?;
            let is_last = reply.last;
            // The rest of the window still comes, and is passed over.
            is_good = is_good && keep(host, wanted, &mut state, reply).await?;
            if is_last {
                break;
            }
        }
        if !is_good || state.chunks == first_chunk {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn next_reply(
    replies: &mut mpsc::Receiver<ChunkReply>,
    wanted: WantedAttachment,
    chunk: u32,
) -> Result<ChunkReply> {
    let reply = tokio::time::timeout(CHUNK_DEADLINE, replies.recv())
        .await
        .map_err(|_| Error::Timeout { operation: "fetch an attachment" })?
        .ok_or_else(|| Error::Closed { reason: "the stream ended".to_owned() })?;
    if reply.attachment_id != wanted.id.as_bytes() || reply.chunk != chunk {
        return Err(Error::Answer { problem: "a chunk came that was not asked for" });
    }
    Ok(reply)
}

/// Checks a chunk, and the manifest before the first, and keeps both. False where there is nothing to keep: the
/// peer does not have it, or it is not what the case's entry names. The entry itself may be at fault, so the
/// stream goes on with other attachments.
async fn keep(
    host: &Arc<dyn Host>,
    wanted: WantedAttachment,
    state: &mut AttachmentState,
    reply: ChunkReply,
) -> Result<bool> {
    let id = wanted.id;
    if reply.data.is_empty() {
        return Ok(false);
    }
    if state.manifest.is_empty() {
        if reply.size != wanted.size || !manifest_matches(&id, reply.size, &reply.manifest) {
            tracing::warn!(attachment = %id, "a peer's manifest is not the attachment's");
            return Ok(false);
        }
        let (manifest, size) = (reply.manifest.clone(), reply.size);
        blocking(host, "keep a manifest", move |host| host.put_manifest(&id, &manifest, size)).await?;
        (state.manifest, state.size) = (reply.manifest, reply.size);
    }
    let chunk = reply.chunk;
    if chunk_length(state.size, chunk) != Some(reply.data.len())
        || chunk_hash_in(&state.manifest, chunk) != Some(chunk_hash(&reply.data))
    {
        tracing::warn!(attachment = %id, chunk, "a peer's chunk is not the attachment's");
        return Ok(false);
    }
    blocking(host, "keep a chunk", move |host| host.put_chunk(&id, chunk, &reply.data)).await?;
    state.chunks = chunk + 1;
    state.complete = state.chunks == chunk_count(state.size);
    Ok(true)
}

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
