//! One station: its core, its store with what a crash would lose, and its ends of streams.

use std::collections::BTreeMap;
use std::sync::Arc;

use sanji_log::{CaseId, Hash, LogId, Receipt, Run, StationCode};
use sanji_replication::{CaseKeyMessage, Refused, Session};
use sanji_station::core::{Core, StationKeys};
use sanji_store::{MemoryStore, Store};

use super::network::StreamId;
use super::sample::EPOCH_MS;

/// A station, running or not.
pub struct Station {
    /// Its code.
    pub code: StationCode,
    /// What is on its disk, and what is on the way there.
    pub store: Arc<MemoryStore>,
    /// What runs; none before it is enrolled and after a crash.
    pub running: Option<Running>,
    /// How often it was started.
    pub life: u32,
    /// Whether it is part of the district.
    pub enrolled: bool,
    keys: StationKeys,
    /// How far its clock is off.
    skew_ms: i64,
}

/// What a crash ends.
pub struct Running {
    /// The station's state.
    pub core: Core,
    /// Its ends of streams.
    pub ends: BTreeMap<StreamId, End>,
    /// Who waits for the open group to be durable.
    pub waiting: Vec<Waiting>,
    /// The open group is on its way to the disk.
    pub commit_due: bool,
}

/// One end of a stream.
pub struct End {
    /// The station at the other end.
    pub peer: usize,
    /// The state machine.
    pub session: Session,
}

/// Who waits for the open group.
pub enum Waiting {
    /// A person, for what he or she did.
    Person(Deed),
    /// A peer, for a batch.
    Peer {
        /// On this stream.
        stream: StreamId,
        /// The batch.
        batch: u64,
        /// Logs that were taken.
        accepted: Vec<LogId>,
        /// Logs that were not.
        refused: Vec<Refused>,
    },
}

/// What a person did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// The case.
    pub case: CaseId,
    /// Where its entry stands.
    pub log: LogId,
    /// Its position.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
    /// The case's rev after it.
    pub rev: u32,
}

impl Station {
    /// A station that is not yet enrolled, with an empty disk.
    #[must_use]
    pub fn new(keys: StationKeys, skew_ms: i64) -> Self {
        let store = Arc::new(MemoryStore::new());
        store.hold_back();
        Self { code: keys.station, store, running: None, life: 0, enrolled: false, keys, skew_ms }
    }

    /// Starts on what the disk has.
    pub fn start(&mut self) {
        let core = Core::open(self.store.clone(), self.keys.clone()).expect("a station opens on its disk");
        self.store.make_durable();
        self.life += 1;
        let (ends, waiting) = (BTreeMap::new(), Vec::new());
        self.running = Some(Running { core, ends, waiting, commit_due: false });
    }

    /// Power fails. True where that loses anything.
    pub fn crash(&mut self) -> bool {
        let lost = self.running.take().is_some_and(|running| !running.waiting.is_empty());
        self.store.crash();
        lost
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Its clock, in milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn clock_ms(&self, now_ms: u64) -> u64 {
        (EPOCH_MS + now_ms).saturating_add_signed(self.skew_ms)
    }

    /// Reads a log for a peer, with the keys of the cases that the entries open.
    #[must_use]
    pub fn load(&self, log: &LogId, from: u64, max_bytes: usize) -> (Option<Run>, Vec<CaseKeyMessage>) {
        let run = self.store.read(log, from, max_bytes).expect("a log can be read");
        let entries = run.iter().flat_map(|run| &run.entries);
        let opened = entries.map(|bytes| bytes.decode().expect("a stored entry")).filter(|entry| entry.opens_case);
        let cases: Vec<CaseId> = opened.filter_map(|entry| entry.case).collect();
        let reader = self.running.as_ref().map(|running| running.core.reader());
        let key = |case: &CaseId| reader.and_then(|reader| reader.case_key(case).expect("a case key can be read"));
        let keys = cases.iter().map(|case| CaseKeyMessage { case: *case, key: key(case).map(|key| key.bytes()) });
        (run, keys.collect())
    }

    /// All receipts that concern a peer.
    #[must_use]
    pub fn receipts_for(&self, peer: StationCode) -> Vec<Receipt> {
        let have = self.store.have().held_by(peer);
        let receipts = have.heads().flat_map(|head| self.store.receipts(&head.log));
        receipts.filter(|receipt| receipt.station != peer).collect()
    }
}
