//! Attachments on their way, as far as only memory needs to know: which case each is for, what somebody waits for,
//! and how far other stations have come. All of it is bounded, and found out again where it is forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sanji_link::WantedAttachment;
use sanji_log::{AttachmentId, CaseId, StationCode};
use sanji_replication::attachment::{WHO_HOLDS, WINDOW_MAX_CHUNKS};
use tokio::sync::watch;

/// Attachments under way that are remembered, and how far others have come with so many.
const REMEMBERED_MAX: usize = 4096;
/// Attachments that somebody waits for; the one asked for longest ago is forgotten first.
const FIRST_MAX: usize = 256;

#[derive(Default)]
pub(crate) struct Movements {
    state: Mutex<State>,
    /// Counts chunks that have come.
    came: watch::Sender<u64>,
    /// Counts chunks handed to peers.
    sent: AtomicU64,
}

#[derive(Default)]
struct State {
    wanted: BTreeMap<AttachmentId, CaseId>,
    /// Asked for last comes first.
    first: VecDeque<(CaseId, AttachmentId)>,
    /// First chunk of the last request of a station.
    asked: BTreeMap<(StationCode, AttachmentId), u32>,
}

impl Movements {
    /// Remembers which cases the attachments are for that links were told to fetch.
    pub(crate) fn want(&self, wanted: &[WantedAttachment]) {
        let mut state = self.lock();
        if state.wanted.len() > REMEMBERED_MAX {
            state.wanted.clear();
        }
        state.wanted.extend(wanted.iter().map(|wanted| (wanted.id, wanted.case)));
    }

    /// The case that a fetched attachment is for. None: forgotten; then the next look for missing ones finds it.
    pub(crate) fn wanted_for(&self, id: &AttachmentId) -> Option<CaseId> {
        self.lock().wanted.remove(id)
    }

    /// Somebody waits for an attachment. False: that was known.
    pub(crate) fn put_first(&self, case: CaseId, id: AttachmentId) -> bool {
        let mut state = self.lock();
        let is_known = state.first.contains(&(case, id));
        state.first.retain(|known| *known != (case, id));
        state.first.push_front((case, id));
        state.first.truncate(FIRST_MAX);
        !is_known
    }

    /// What somebody waits for, asked for last first.
    pub(crate) fn first(&self) -> Vec<(CaseId, AttachmentId)> {
        self.lock().first.iter().copied().collect()
    }

    /// Nobody waits for an attachment any more: it is here.
    pub(crate) fn not_first(&self, id: &AttachmentId) {
        self.lock().first.retain(|(_, known)| known != id);
    }

    /// A station has asked for chunks from one on.
    pub(crate) fn asked(&self, station: StationCode, id: AttachmentId, first_chunk: u32) {
        if first_chunk == WHO_HOLDS {
            return;
        }
        let mut state = self.lock();
        if state.asked.len() > REMEMBERED_MAX {
            state.asked.clear();
        }
        state.asked.insert((station, id), first_chunk);
    }

    /// Chunks that a station holds for certain: what it had asked for before, less what may have been on its way when
    /// it asked.
    pub(crate) fn held_by(&self, station: StationCode, id: &AttachmentId) -> u32 {
        let asked = self.lock().asked.get(&(station, *id)).copied().unwrap_or_default();
        asked.saturating_sub(WINDOW_MAX_CHUNKS)
    }

    /// Chunks have been read for a peer.
    pub(crate) fn chunks_sent(&self, count: usize) {
        self.sent.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Chunks that have come and chunks handed to peers since the start.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (*self.came.borrow(), self.sent.load(Ordering::Relaxed))
    }

    /// A chunk has come.
    pub(crate) fn chunks_came(&self) {
        self.came.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.came.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
