//! Attachments on their way: what is missing here, what peers get, and how far each has come.

use std::collections::BTreeSet;

use bytes::Bytes;
use sanji_link::{ChunkAnswer, Holders, HostError, WantedAttachment};
use sanji_log::attachment::CHUNK_BYTES;
use sanji_log::{AttachmentId, CaseId, StationCode};
use sanji_proto::v1 as proto;
use sanji_replication::attachment::ChunkRequest;
use sanji_replication::bundle::FreightItem;

use super::Station;
use crate::core::rows::{MISSING, UNCONFIRMED, missing_key, of_missing_key};
use crate::core::spread::{Spread, line};
use crate::error::{Error, Failure, store};
use crate::views;

/// Rows looked at in one go.
const PAGE: usize = 256;

impl Station {
    /// Attachments that are not complete here and that a peer may hold: what somebody waits for, then newest case
    /// first.
    pub(crate) fn missing(&self, peer: StationCode, limit: usize) -> Vec<WantedAttachment> {
        let mut missing: Vec<WantedAttachment> = Vec::new();
        for (case, id) in self.movements().first() {
            match self.row(MISSING, &case, &id) {
                Ok(Some(size)) if shares(peer, &case) => missing.push(wanted(case, id, &size, true)),
                Ok(None) => self.movements().not_first(&id),
                _ => {}
            }
        }
        let urgent = missing.len();
        self.each_row(MISSING, true, |case, id, size| {
            let is_urgent = missing.iter().take(urgent).any(|known| known.id == id);
            if shares(peer, &case) && !is_urgent {
                if self.reader().store().attachment(&id).is_ok_and(|held| held.complete) {
                    // It became complete just before a stop, or its row is being removed.
                    self.attachment_complete(case, id);
                } else {
                    missing.push(wanted(case, id, size, false));
                }
            }
            missing.len() < limit
        });
        missing.truncate(limit);
        missing
    }

    pub(crate) fn chunks_for(&self, peer: StationCode, request: ChunkRequest) -> Result<ChunkAnswer, HostError> {
        let ChunkRequest { case, id, first_chunk, count, want_manifest, .. } = request;
        if !shares(peer, &case) || !self.names(&case, &id)? {
            return Ok(ChunkAnswer::default());
        }
        self.movements().asked(peer, id, first_chunk);
        let store_now = self.reader().store();
        let held = store_now.attachment(&id).map_err(store("look an attachment up"))?;
        let mut chunks = Vec::new();
        for chunk in (first_chunk..).take(count as usize) {
            match store_now.chunk(&id, chunk) {
                Ok(Some(data)) => chunks.push(data),
                // It is fetched again here too; until then it is as if it had not come yet.
                Ok(None) | Err(sanji_store::Error::Damaged { .. }) => break,
                Err(source) => return Err(store("read a chunk")(source).into()),
            }
        }
        self.movements().chunks_sent(chunks.len());
        let manifest = if want_manifest { held.manifest } else { Bytes::new() };
        Ok(ChunkAnswer { manifest, size: held.size, chunks })
    }

    /// Chunks of attachments that have come over links and in bundles, and chunks handed to peers, since the start.
    #[must_use]
    pub fn chunk_counts(&self) -> (u64, u64) {
        self.movements().counts()
    }

    pub(crate) fn keep_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, HostError> {
        let complete = self.reader().store().put_chunk(id, chunk, data).map_err(store("keep a chunk"))?;
        self.movements().chunks_came();
        if complete {
            self.movements().not_first(id);
            if let Some(case) = self.movements().wanted_for(id) {
                self.attachment_complete(case, *id);
            }
        }
        Ok(complete)
    }

    /// Somebody waits for an attachment that is not here: links fetch it before all others.
    pub(crate) fn put_first(&self, case: CaseId, id: AttachmentId) {
        if self.movements().put_first(case, id) {
            self.news().attachments_wanted();
            // What was here once and is gone is not known to be missing.
            self.committer().write_soon(move |core, _| Ok(core.want_if_lost(&case, &id)?));
        }
    }

    /// Wants again what entries name and is not whole here any more: of all attachments, or of those given. How many.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) async fn want_again(&self, found: Option<BTreeSet<AttachmentId>>) -> Result<u64, Failure> {
        let asked = move |id: &AttachmentId| found.as_ref().is_none_or(|found| found.contains(id));
        let lost = self.read(move |reader| Ok(reader.lost_attachments(asked)?)).await?;
        let count = lost.len() as u64;
        if count > 0 {
            self.committer()
                .write(move |core, _| {
                    core.want_again(&lost);
                    Ok(())
                })
                .await?;
        }
        Ok(count)
    }

    pub(crate) fn holders_for(&self, peer: StationCode, case: CaseId, id: &AttachmentId) -> Result<Holders, HostError> {
        if !shares(peer, &case) {
            return Ok(Holders { all: true, ..Holders::default() });
        }
        if !self.names(&case, id)? {
            // The entry that names it may be on its way here: the peer is told when it has come.
            return Ok(Holders::default());
        }
        let held_by = self.reader().holders(&case, id)?;
        Ok(Holders { all: held_by.len() == line(&case).count(), held_by })
    }

    /// Attachments that a station on the peer's side is not known to hold.
    pub(crate) fn unconfirmed(&self, peer: StationCode, limit: usize) -> Vec<(CaseId, AttachmentId)> {
        let me = self.reader().me();
        let on_its_side =
            |station: StationCode| if me.within(peer) { me.within(station) } else { station.within(peer) };
        let mut unconfirmed = Vec::new();
        self.each_row(UNCONFIRMED, true, |case, id, value| {
            let spread = Spread::decode(value).filter(|_| shares(peer, &case));
            if spread.is_some_and(|spread| spread.lacking(&case, me).any(on_its_side)) {
                unconfirmed.push((case, id));
            }
            unconfirmed.len() < limit
        });
        unconfirmed
    }

    /// Attachments that a station is not known to hold, each from the chunk on that it may lack.
    pub(crate) fn lacking_at(&self, station: StationCode, limit: usize) -> Vec<FreightItem> {
        let me = self.reader().me();
        let mut lacking = Vec::new();
        self.each_row(UNCONFIRMED, true, |case, id, value| {
            let spread = Spread::decode(value);
            if spread.is_some_and(|spread| spread.lacking(&case, me).any(|lacks| lacks == station)) {
                lacking.push(FreightItem { case, id, first_chunk: self.movements().held_by(station, &id) });
            }
            lacking.len() < limit
        });
        lacking
    }

    /// Where the queue is full, it is asked for again when the link comes up the next time.
    pub(crate) fn keep_holders(&self, case: CaseId, id: AttachmentId, held_by: Vec<StationCode>) {
        self.committer().write_soon(move |core, _| Ok(core.attachment_held(&case, &id, &held_by)?));
    }

    /// Tells how far each attachment has come that is not complete here, then each that is not known to be complete
    /// elsewhere, until `tell` says that it is enough. Blocks.
    pub(crate) fn attachment_progress(&self, tell: &mut dyn FnMut(proto::AttachmentProgress) -> bool) {
        let me = self.reader().me();
        let first = self.movements().first();
        let progress = |case: CaseId, id: AttachmentId, size: u64, spread: Option<Spread>| {
            let held = self.reader().store().attachment(&id).unwrap_or_default();
            let here = if held.complete { None } else { Some(me) };
            let elsewhere = spread.iter().flat_map(|spread| spread.lacking(&case, me));
            proto::AttachmentProgress {
                case_number: case.number().to_string(),
                id: id.0.to_vec(),
                size,
                size_here: (u64::from(held.chunks) * CHUNK_BYTES as u64).min(size),
                lacking_at: here.into_iter().chain(elsewhere).map(StationCode::number).collect(),
                urgent: first.contains(&(case, id)),
            }
        };
        let mut goes_on = true;
        self.each_row(MISSING, false, |case, id, size| {
            let spread = self.reader().spread(&case, &id).ok().flatten();
            goes_on = tell(progress(case, id, size_of(size), spread));
            goes_on
        });
        self.each_row(UNCONFIRMED, false, |case, id, value| {
            let is_missing = self.row(MISSING, &case, &id).is_ok_and(|row| row.is_some());
            if let Some(spread) = Spread::decode(value).filter(|_| goes_on && !is_missing) {
                goes_on = tell(progress(case, id, spread.size, Some(spread)));
            }
            goes_on
        });
    }

    /// Where the queue is full, the next look for missing attachments finds it again.
    fn attachment_complete(&self, case: CaseId, id: AttachmentId) {
        self.committer().write_soon(move |core, _| {
            core.attachment_complete(&case, &id);
            Ok(())
        });
    }

    /// Whether an entry of the case names the attachment. While it is on its way, a row of the index says so.
    fn names(&self, case: &CaseId, id: &AttachmentId) -> Result<bool, Error> {
        for list in [UNCONFIRMED, MISSING] {
            if self.row(list, case, id)?.is_some() {
                return Ok(true);
            }
        }
        views::names_attachment(self.reader(), case, id)
    }

    fn row(&self, list: &[u8], case: &CaseId, id: &AttachmentId) -> Result<Option<Vec<u8>>, Error> {
        self.reader().noted()?.row(list, &missing_key(case, id)).map_err(store("look an attachment up"))
    }

    /// Visits the rows of a list of attachments, as long as `visit` wants more.
    pub(super) fn each_row(
        &self,
        list: &[u8],
        newest_first: bool,
        mut visit: impl FnMut(CaseId, AttachmentId, &[u8]) -> bool,
    ) {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let rows = self.reader().noted().and_then(|indexed| {
                indexed.rows(list, after.as_deref(), newest_first, PAGE).map_err(store("read a list"))
            });
            let page = match rows {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(reason = &error as &dyn std::error::Error, "a list of attachments can't be read");
                    return;
                }
            };
            let Some((last, _)) = page.last() else { return };
            after = Some(last.clone());
            for (key, value) in page {
                let Some((case, id)) = of_missing_key(&key) else { continue };
                if !visit(case, id, &value) {
                    return;
                }
            }
        }
    }
}

/// Whether a peer above or below shall hold what belongs to a case.
fn shares(peer: StationCode, case: &CaseId) -> bool {
    case.home().is_some_and(|home| home.within(peer))
}

fn wanted(case: CaseId, id: AttachmentId, size: &[u8], urgent: bool) -> WantedAttachment {
    WantedAttachment { case, id, size: size_of(size), urgent }
}

/// The value of a row of [`MISSING`].
pub(super) fn size_of(value: &[u8]) -> u64 {
    <[u8; 8]>::try_from(value).map_or(0, u64::from_be_bytes)
}
