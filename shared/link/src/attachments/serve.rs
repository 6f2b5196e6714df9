//! Answers what the peer asks for, one request after the other, and only while no entries wait. What it can't answer
//! now it remembers, and tells when it can.

use std::collections::BTreeMap;
use std::sync::Arc;

use sanji_log::{AttachmentId, CaseId, StationCode};
use sanji_replication::attachment::{AttachmentMessage, ChunkReply, ChunkRequest, WHO_HOLDS};
use tokio::sync::{broadcast, mpsc, watch};

use super::{Outgoing, blocking, send};
use crate::host::{Change, ChunkAnswer, Holders, Host};
use crate::{Error, Result};

/// Chunks read at a time.
const READ_CHUNKS: u32 = 8;
/// Answers that are owed to a peer. Beyond this it asks again by itself.
const OWED_MAX: usize = 512;

pub(super) async fn serve(
    host: Arc<dyn Host>,
    peer: StationCode,
    mut asked: mpsc::Receiver<ChunkRequest>,
    outgoing: Outgoing,
    busy: watch::Receiver<bool>,
) -> Result<()> {
    // Before the first look at what is here, so that nothing falls between the two.
    let (mut came, mut changes) = (host.chunks_came(), host.subscribe());
    let mut serving =
        Serving { host, peer, outgoing, busy, owed_chunks: BTreeMap::new(), owed_holders: BTreeMap::new() };
    loop {
        tokio::select! {
            request = asked.recv() => match request {
                Some(request) if request.first_chunk == WHO_HOLDS => serving.say_holders(request).await?,
                Some(request) => serving.answer(request).await?,
                None => return Ok(()),
            },
            // The sender lives as long as the station.
            Ok(()) = came.changed(), if !serving.owed_chunks.is_empty() => serving.tell_chunks().await?,
            change = changes.recv(), if !serving.owed_holders.is_empty() => match change {
                Ok(Change::Attachments) | Err(broadcast::error::RecvError::Lagged(_)) => serving.tell_holders().await?,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
        }
    }
}

/// Answers a revoked peer, which is to hear nothing: as if nothing of it were here, nor known to be elsewhere. An answer
/// it gets, since it would take a stream without answers for a broken one, and what is fetched of it with it.
pub(super) async fn turn_away(mut asked: mpsc::Receiver<ChunkRequest>, outgoing: Outgoing) -> Result<()> {
    while let Some(ChunkRequest { id, first_chunk, .. }) = asked.recv().await {
        send(&outgoing, AttachmentMessage::Reply(ChunkReply::without_data(id, first_chunk))).await?;
    }
    Ok(())
}

struct Serving {
    host: Arc<dyn Host>,
    peer: StationCode,
    outgoing: Outgoing,
    busy: watch::Receiver<bool>,
    /// First chunk that the peer asked for in vain.
    owed_chunks: BTreeMap<AttachmentId, u32>,
    /// The case, and the holders that the peer was told.
    owed_holders: BTreeMap<AttachmentId, (CaseId, Vec<StationCode>)>,
}

impl Serving {
    async fn answer(&mut self, request: ChunkRequest) -> Result<()> {
        let end = request.first_chunk.saturating_add(request.count);
        let mut next = request.first_chunk;
        while next < end {
            let want_manifest = request.want_manifest && next == request.first_chunk;
            let part = ChunkRequest { first_chunk: next, count: READ_CHUNKS.min(end - next), want_manifest, ..request };
            let peer = self.peer;
            let answer =
                blocking(&self.host, "read an attachment for a peer", move |host| host.attachment_chunks(peer, part));
            let ChunkAnswer { mut manifest, size, chunks } = answer.await?;
            if chunks.is_empty() {
                return self.lack(request, next).await;
            }
            for data in chunks {
                // The link is over when nobody can tell whether it is busy.
                let closed = |_| Error::Closed { reason: "the link of the attachments closed".to_owned() };
                self.busy.wait_for(|busy| !busy).await.map_err(closed)?;
                let manifest = std::mem::take(&mut manifest).into();
                let last = next + 1 == end;
                let reply = ChunkReply { manifest, size, data, last, ..ChunkReply::without_data(request.id, next) };
                self.reply(reply).await?;
                next += 1;
            }
        }
        Ok(())
    }

    async fn lack(&mut self, request: ChunkRequest, chunk: u32) -> Result<()> {
        let ChunkRequest { case, id, .. } = request;
        if request.urgent {
            blocking(&self.host, "note what somebody waits for", move |host| {
                host.want_first(case, id);
                Ok(())
            })
            .await?;
        }
        if request.tell && self.owed_chunks.len() < OWED_MAX {
            // Requests further on may have been open: the peer waits for the first.
            self.owed_chunks.entry(id).and_modify(|owed| *owed = chunk.min(*owed)).or_insert(chunk);
        }
        self.reply(ChunkReply::without_data(id, chunk)).await
    }

    /// Chunks have come: perhaps those that the peer asked for in vain.
    async fn tell_chunks(&mut self) -> Result<()> {
        let owed: Vec<_> = self.owed_chunks.iter().map(|(id, chunk)| (*id, *chunk)).collect();
        let here = blocking(&self.host, "look attachments up", move |host| {
            let mut here = Vec::new();
            for (id, chunk) in owed {
                if host.attachment_state(&id)?.chunks > chunk {
                    here.push((id, chunk));
                }
            }
            Ok(here)
        });
        for (id, chunk) in here.await? {
            self.owed_chunks.remove(&id);
            self.reply(ChunkReply { now_here: true, ..ChunkReply::without_data(id, chunk) }).await?;
        }
        Ok(())
    }

    async fn say_holders(&mut self, request: ChunkRequest) -> Result<()> {
        let ChunkRequest { case, id, .. } = request;
        let Holders { held_by, all } = self.holders(case, id).await?;
        if request.tell && !all && self.owed_holders.len() < OWED_MAX {
            self.owed_holders.insert(id, (case, held_by.clone()));
        }
        self.reply(ChunkReply { held_by, ..ChunkReply::without_data(id, WHO_HOLDS) }).await
    }

    async fn tell_holders(&mut self) -> Result<()> {
        let owed: Vec<_> = self.owed_holders.iter().map(|(id, (case, told))| (*id, *case, told.clone())).collect();
        for (id, case, told) in owed {
            let Holders { held_by, all } = self.holders(case, id).await?;
            if held_by == told {
                continue;
            }
            match self.owed_holders.get_mut(&id) {
                Some((_, told)) if !all => told.clone_from(&held_by),
                _ => drop(self.owed_holders.remove(&id)),
            }
            self.reply(ChunkReply { held_by, ..ChunkReply::without_data(id, WHO_HOLDS) }).await?;
        }
        Ok(())
    }

    async fn holders(&self, case: CaseId, id: AttachmentId) -> Result<Holders> {
        let peer = self.peer;
        blocking(&self.host, "look up who holds an attachment", move |host| host.attachment_holders(peer, case, &id))
            .await
    }

    async fn reply(&self, reply: ChunkReply) -> Result<()> {
        send(&self.outgoing, AttachmentMessage::Reply(reply)).await
    }
}
