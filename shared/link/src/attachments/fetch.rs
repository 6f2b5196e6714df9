//! Fetches what this station lacks, from the last chunk on that is here. Nothing is kept that was not checked against
//! the id in the case's entry.
//!
//! One task a link. Chunks are written in batches while the next ones come in; the last ones of an attachment, which
//! make it durable, are written beside the rest.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sanji_log::{AttachmentId, AttachmentRef, StationCode};
use sanji_replication::attachment::{AttachmentMessage, ChunkReply, Fetcher, Heard, Lacking, Piece};
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Budget, Outgoing, blocking, send};
use crate::host::{AttachmentState, Change, Host, HostError, WantedAttachment};
use crate::pump::now_ms;
use crate::{Error, Result};

/// Attachments looked at beyond those that are being fetched.
const LOOK_UP: usize = 32;
/// Attachments of which a peer is asked who holds them.
const WONDER: usize = 256;
/// The station is asked again what it lacks after this long …
const ASK_AGAIN: Duration = Duration::from_secs(15);
/// … or when it says that this has changed, but not more often than this.
const ASK_AT_MOST: Duration = Duration::from_millis(20);
/// The stream is opened anew when a request takes longer. (32 KiB on 9,600 bit/s take half a minute; entries may go
/// first.)
const ANSWER_DEADLINE: Duration = Duration::from_secs(180);
/// Replies taken in at a time.
const BATCH: usize = 32;
/// Attachments whose last chunks are being made durable.
const FINISHING_MAX: usize = 4;

pub(super) async fn fetch(
    host: Arc<dyn Host>,
    peer: StationCode,
    replies: mpsc::Receiver<Box<ChunkReply>>,
    outgoing: Outgoing,
    budget: Budget,
    delivers: Option<watch::Sender<bool>>,
) -> Result<()> {
    // Before the first look at what is lacking, so that nothing falls between the two.
    let changes = host.subscribe();
    let mut fetching = Fetching {
        host,
        peer,
        outgoing,
        budget,
        changes,
        replies,
        fetcher: Fetcher::default(),
        permits: VecDeque::new(),
        finishing: JoinSet::new(),
        look_at: Instant::now(),
        looked_at: Instant::now(),
        has_seen_all: false,
        delivers,
    };
    loop {
        let happening = fetching.next().await?;
        fetching.apply(happening).await?;
    }
}

struct Fetching {
    host: Arc<dyn Host>,
    peer: StationCode,
    outgoing: Outgoing,
    budget: Budget,
    changes: broadcast::Receiver<Change>,
    replies: mpsc::Receiver<Box<ChunkReply>>,
    fetcher: Fetcher,
    /// Of the open requests, oldest first.
    permits: VecDeque<OwnedSemaphorePermit>,
    finishing: JoinSet<std::result::Result<AttachmentId, HostError>>,
    /// When the station is to be asked what it lacks, and when it was.
    look_at: Instant,
    looked_at: Instant,
    /// Whether the last look came to the end of what the station lacks.
    has_seen_all: bool,
    /// A revoked peer is asked for attachments alone: its word on who holds them is worth nothing. Whoever keeps its link
    /// open is told whether more may come.
    delivers: Option<watch::Sender<bool>>,
}

enum Happening {
    #[allow(clippy::vec_box)] // as they come from the queue
    Replied(Vec<Box<ChunkReply>>),
    MayAsk(OwnedSemaphorePermit),
    Finished(AttachmentId),
    Changed,
    Time,
}

impl Fetching {
    /// The one place that waits on the way. Every branch may be dropped at any time without losing anything.
    async fn next(&mut self) -> Result<Happening> {
        let now = now_ms();
        let next_count = self.fetcher.next_count(now).filter(|_| self.finishing.len() < FINISHING_MAX);
        let deadline = self.fetcher.waits_since_ms().map(|since| {
            let waited = Duration::from_millis(now.saturating_sub(since));
            Instant::now() + ANSWER_DEADLINE.saturating_sub(waited)
        });
        let mut replies = Vec::new();
        tokio::select! {
            biased;
            finished = self.finishing.join_next(), if !self.finishing.is_empty() => match finished {
                Some(Ok(Ok(id))) => Ok(Happening::Finished(id)),
                Some(Ok(Err(source))) => Err(Error::Host { operation: "keep an attachment", source }),
                Some(Err(source)) => Err(Error::Host { operation: "keep an attachment", source: source.into() }),
                None => Ok(Happening::Time),
            },
            permit = self.budget.0.clone().acquire_many_owned(next_count.unwrap_or(1)), if next_count.is_some() => {
                permit.map(Happening::MayAsk).map_err(|_| Error::Closed { reason: "the station stops".to_owned() })
            }
            count = self.replies.recv_many(&mut replies, BATCH) => match count {
                0 => Err(Error::Closed { reason: "the stream ended".to_owned() }),
                _ => Ok(Happening::Replied(replies)),
            },
            changed = self.changes.recv() => match changed {
                Ok(Change::Attachments) | Err(broadcast::error::RecvError::Lagged(_)) => Ok(Happening::Changed),
                Ok(_) => Ok(Happening::Time),
                Err(broadcast::error::RecvError::Closed) => {
                    Err(Error::Closed { reason: "the station stops".to_owned() })
                }
            },
            () = tokio::time::sleep_until(self.look_at) => Ok(Happening::Time),
            () = tokio::time::sleep_until(deadline.unwrap_or(self.look_at)), if deadline.is_some() => {
                Err(Error::Timeout { operation: "fetch an attachment" })
            }
        }
    }

    async fn apply(&mut self, happening: Happening) -> Result<()> {
        match happening {
            Happening::Replied(replies) => self.take(replies).await?,
            Happening::MayAsk(permit) => self.ask(permit).await?,
            Happening::Finished(id) => self.fetcher.done(&id),
            Happening::Changed => self.look_at = self.look_at.min(self.looked_at + ASK_AT_MOST),
            Happening::Time => {}
        }
        if self.look_at <= Instant::now() {
            self.look().await?;
        }
        if let Some(may_come) = &self.delivers {
            may_come.send_replace(self.may_more_come());
        }
        Ok(())
    }

    /// Whether something that is wanted is on its way, or the peer has not said yet that it lacks it.
    fn may_more_come(&self) -> bool {
        let is_asked = self.fetcher.open_requests() > 0 || self.fetcher.next_count(now_ms()).is_some();
        is_asked || !self.finishing.is_empty() || !self.has_seen_all
    }

    /// Asks the station what it lacks, and which attachments it wants to know the holders of.
    async fn look(&mut self) -> Result<()> {
        // What the peer lacks must not hide what it has.
        let look_up = LOOK_UP + self.fetcher.standing_back();
        let (peer, wonders) = (self.peer, self.delivers.is_none());
        let wanted = blocking(&self.host, "list the attachments wanted", move |host| {
            let unconfirmed = if wonders { host.unconfirmed_attachments(peer, WONDER) } else { Vec::new() };
            Ok((host.wanted_attachments(peer, look_up), unconfirmed))
        });
        let (wanted, unconfirmed) = wanted.await?;
        self.has_seen_all = wanted.len() < look_up;
        let known: BTreeSet<_> =
            wanted.iter().map(|wanted| wanted.id).filter(|id| self.fetcher.is_fetching(id)).collect();
        let lacking = blocking(&self.host, "look attachments up", move |host| {
            let mut lacking = Vec::new();
            for wanted in wanted {
                let state = match known.contains(&wanted.id) {
                    true => AttachmentState::default(),
                    false => host.attachment_state(&wanted.id)?,
                };
                if !state.complete {
                    lacking.push(lacks(wanted, state));
                }
            }
            Ok(lacking)
        });
        self.fetcher.want(lacking.await?);
        self.fetcher.wonder(unconfirmed);
        self.looked_at = Instant::now();
        self.look_at = self.looked_at + ASK_AGAIN;
        Ok(())
    }

    async fn ask(&mut self, mut permit: OwnedSemaphorePermit) -> Result<()> {
        let granted = u32::try_from(permit.num_permits()).unwrap_or(u32::MAX);
        let Some(request) = self.fetcher.next(granted, now_ms()) else { return Ok(()) };
        drop(permit.split(permit.num_permits().saturating_sub(request.count as usize)));
        self.permits.push_back(permit);
        send(&self.outgoing, AttachmentMessage::Request(request)).await
    }

    async fn take(&mut self, replies: impl IntoIterator<Item = Box<ChunkReply>>) -> Result<()> {
        let mut batch: Vec<(AttachmentRef, Vec<Piece>)> = Vec::new();
        let mut answered = Vec::new();
        for reply in replies {
            let ends = reply.last && !reply.now_here;
            let open = self.fetcher.open_requests();
            let id = reply.id;
            let heard = self.fetcher.hear(*reply, now_ms());
            let heard = heard.map_err(|_| Error::Answer { problem: "a chunk came that was not asked for" })?;
            if ends && self.fetcher.open_requests() < open {
                answered.extend(self.permits.pop_front());
            }
            match heard {
                Heard::Pieces { reference, mut pieces, complete } => {
                    match batch.last_mut().filter(|(last, _)| *last == reference) {
                        Some((_, before)) => before.append(&mut pieces),
                        None => batch.push((reference, pieces)),
                    }
                    if complete && let Some((reference, pieces)) = batch.pop() {
                        self.write(std::mem::take(&mut batch)).await?;
                        let host = self.host.clone();
                        self.finishing
                            .spawn_blocking(move || keep(host.as_ref(), &reference, &pieces).map(|()| reference.id));
                    }
                }
                Heard::Holders { case, id, held_by } => {
                    if !held_by.is_empty() {
                        let keep = move |host: &dyn Host| {
                            host.keep_holders(case, id, held_by);
                            Ok(())
                        };
                        blocking(&self.host, "keep who holds an attachment", keep).await?;
                    }
                }
                Heard::Nothing => {}
                Heard::Wrong(wrong) => tracing::warn!(attachment = %id, "a peer sent {wrong}"),
            }
        }
        self.write(batch).await
    }

    async fn write(&mut self, batch: Vec<(AttachmentRef, Vec<Piece>)>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        blocking(&self.host, "keep an attachment", move |host| {
            batch.iter().try_for_each(|(reference, pieces)| keep(host, reference, pieces))
        })
        .await
    }
}

fn lacks(wanted: WantedAttachment, state: AttachmentState) -> Lacking {
    let WantedAttachment { case, id, size, urgent } = wanted;
    Lacking { case, reference: AttachmentRef { id, size }, urgent, chunks: state.chunks, manifest: state.manifest }
}

fn keep(host: &dyn Host, reference: &AttachmentRef, pieces: &[Piece]) -> std::result::Result<(), HostError> {
    for piece in pieces {
        match piece {
            Piece::Manifest(manifest) => host.put_manifest(&reference.id, manifest, reference.size)?,
            Piece::Chunk { chunk, data } => drop(host.put_chunk(&reference.id, *chunk, data)?),
        }
    }
    Ok(())
}
