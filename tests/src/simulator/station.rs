//! One station: its core, its store with what a crash would lose, and its ends of streams.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::Rng;
use rand::rngs::StdRng;
use sanji_log::{AttachmentId, CaseId, Hash, LogId, PublicKey, Receipt, Run, StationCode};
use sanji_replication::attachment::{ChunkRequest, Fetch};
use sanji_replication::{CaseKeyMessage, Refused, Session};
use sanji_station::core::Core;
use sanji_store::{MemoryStore, Store};

use super::network::StreamId;
use super::sample::{District, EPOCH_MS, code, public};

/// How long a disk that is well takes for a group, in milliseconds.
const WELL_MS: std::ops::Range<u64> = 1..25;

/// A data folder and what runs on it. A clone is a second one for the same place.
pub struct Station {
    /// Number of the station that it is.
    pub place: usize,
    /// Its code.
    pub code: StationCode,
    /// Which of its keys it has: 0 for the first.
    pub life: usize,
    /// What is on its disk, and what is on the way there.
    pub store: Arc<MemoryStore>,
    /// What runs; none before it is enrolled and after a crash.
    pub running: Option<Running>,
    /// How often it was started.
    pub starts: u32,
    /// Whether it is part of the district.
    pub enrolled: bool,
    /// Switched off for good: a clone that was found, or a disk that is gone for now.
    pub retired: bool,
    /// It has come back with a new key and must hear from its peers before anybody works.
    pub healing: bool,
    /// A copy of the folder, made earlier.
    pub backup: Option<Arc<MemoryStore>>,
    /// How long its disk takes for a group, in milliseconds.
    pub disk_ms: std::ops::Range<u64>,
    /// What stations asked for in their last bundles.
    pub asked: BTreeMap<StationCode, Vec<ChunkRequest>>,
    /// How far its clock is off, in milliseconds.
    pub skew_ms: i64,
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
    /// The attachment that is being fetched over it, with its size.
    pub fetching: Option<(AttachmentId, u64, Fetch)>,
    /// The peer is believed no longer; this end is about to be closed.
    pub doomed: bool,
}

/// Who waits for the open group.
pub enum Waiting {
    /// A person, for what he or she did.
    Person(Deed),
    /// A peer, for what of a batch is kept aside.
    Aside {
        /// On this stream.
        stream: StreamId,
        /// The batch.
        batch: u64,
    },
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
    /// The command that asked for it.
    pub request: Vec<u8>,
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
    pub fn new(place: usize, skew_ms: i64) -> Self {
        Self {
            place,
            code: code(place),
            life: 0,
            store: empty_disk(),
            running: None,
            starts: 0,
            enrolled: false,
            retired: false,
            healing: false,
            backup: None,
            disk_ms: WELL_MS,
            asked: BTreeMap::new(),
            skew_ms,
        }
    }

    /// A second folder of the same station, copied from the disk of the first.
    #[must_use]
    pub fn cloned(&self) -> Self {
        let store = Arc::new(self.store.copy_durable());
        let fresh = Self::new(self.place, self.skew_ms);
        Self { life: self.life, store, enrolled: true, asked: self.asked.clone(), ..fresh }
    }

    /// The key that it signs with.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        public(self.place, self.life)
    }

    /// Starts on what the disk has.
    pub fn start(&mut self) {
        let keys = District::get().keys(self.place, self.life);
        let core = Core::open(self.store.clone(), keys).expect("a station opens on its disk");
        self.store.make_durable();
        self.starts += 1;
        let (ends, waiting) = (BTreeMap::new(), Vec::new());
        self.running = Some(Running { core, ends, waiting, commit_due: false });
    }

    /// Power fails: of what was on its way to the disk the first part is there, perhaps nothing, perhaps all.
    pub fn crash(&mut self, random: &mut StdRng) -> Crash {
        let had_waiting = self.running.take().is_some_and(|running| !running.waiting.is_empty());
        let held_back = self.store.held_back();
        let kept = random.random_range(0..=held_back);
        let mut torn = 0;
        self.store.crash(kept, &mut |chunks| {
            let left = random.random_range(0..=chunks);
            torn += (chunks - left) as u64;
            left
        });
        let index = random.random_bool(0.1);
        if index {
            self.store.forget_projections();
        }
        Crash { lost: had_waiting || kept < held_back, split: kept > 0 && kept < held_back, torn, index }
    }

    /// The disk is gone.
    pub fn lose_disk(&mut self) {
        self.store = empty_disk();
        self.asked.clear();
    }

    /// A disk that takes as long as usual.
    pub fn mend_disk(&mut self) {
        self.disk_ms = WELL_MS;
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Its index: up to date where the station runs, else as the disk has it.
    #[must_use]
    pub fn index(&self) -> &dyn Store {
        if let Some(running) = &self.running {
            running.core.reader().project().expect("the index can be written");
        }
        self.store.as_ref()
    }

    /// All its cases.
    #[must_use]
    pub fn cases(&self) -> Vec<CaseId> {
        self.index().cases_with_prefix(&[], usize::MAX).expect("cases can be listed")
    }

    /// Whether its disk has all of an attachment.
    #[must_use]
    pub fn has_whole(&self, id: &AttachmentId) -> bool {
        self.store.attachment(id).expect("an attachment can be looked up").complete
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
        let reader = self.running.as_ref().map(|running| running.core.reader());
        let keys = run.iter().zip(reader).flat_map(|(run, reader)| case_keys(run, reader)).collect();
        (run, keys)
    }

    /// All receipts that concern a peer.
    #[must_use]
    pub fn receipts_for(&self, peer: StationCode) -> Vec<Receipt> {
        let have = self.store.have().held_by(peer);
        let receipts = have.heads().flat_map(|head| self.store.receipts(&head.log));
        receipts.filter(|receipt| receipt.station != peer).collect()
    }
}

/// What a crash has cost.
pub struct Crash {
    /// Something was lost that somebody waited for.
    pub lost: bool,
    /// A part of what was on its way was kept.
    pub split: bool,
    /// Chunks of unfinished attachments that were lost.
    pub torn: u64,
    /// The index was lost.
    pub index: bool,
}

/// The keys of the cases that the entries of a run open, as far as they are known.
pub fn case_keys(run: &Run, reader: &sanji_station::core::Reader) -> Vec<CaseKeyMessage> {
    let entries = run.entries.iter().map(|bytes| bytes.decode().expect("a stored entry"));
    let cases = entries.filter(|entry| entry.opens_case).filter_map(|entry| entry.case);
    let key = |case: CaseId| {
        let key = reader.case_key(&case).expect("a case key can be read")?;
        Some(CaseKeyMessage { case, key: Some(key.bytes()) })
    };
    cases.filter_map(key).collect()
}

fn empty_disk() -> Arc<MemoryStore> {
    let store = MemoryStore::new();
    store.hold_back();
    Arc::new(store)
}
