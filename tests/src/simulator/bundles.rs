//! Bundles: written and read by the product's own code, and carried by people who lose sticks, bring them twice, in
//! another order, or half of what was on them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use sanji_link::bundle::{ExportOptions, Receiver, export, import};
use sanji_link::{
    AttachmentState, BoxFuture, Change, ChunkAnswer, Holders, Host, HostError, LinkState, StoreOutcome,
    WantedAttachment,
};
use sanji_log::{AttachmentId, CaseId, Have, LogId, Receipt, Run, StationCode};
use sanji_replication::attachment::ChunkRequest;
use sanji_replication::bundle::FreightItem;
use sanji_replication::{CaseKeyMessage, Directory, RefusalReason, VerifiedRun};
use sanji_station::core::{Committed, Core};
use sanji_store::{MemoryStore, Store};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{broadcast, watch};

use super::agenda::Happening;
use super::attachments::{Missing, missing_of, unconfirmed_of};
use super::ledger::stands_over;
use super::sample::{District, HUB, STATIONS, parent};
use super::station::case_keys;
use super::world::World;

/// Plain bytes that are encrypted, and so are lost, together.
const SEALED_TOGETHER: usize = (64 << 10) + 16;
/// What a receiver that is new may hear more of than fits into its queue, it looks up.
const NEWS: usize = 64;

/// A file on a stick.
pub struct Bundle {
    bytes: Vec<u8>,
    /// How often it was read.
    read: u32,
}

/// A station as reading and writing bundles see it: everything is durable when a call returns.
struct Shelf {
    me: StationCode,
    core: Mutex<Core>,
    store: Arc<MemoryStore>,
    now_ms: u64,
    random: Mutex<StdRng>,
    committed: Mutex<Vec<Committed>>,
    alerts: Mutex<Vec<(LogId, u64, RefusalReason, String)>>,
    news: broadcast::Sender<Change>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shelf {
    fn commit(&self, core: &mut Core) -> Result<Committed, HostError> {
        let committed = core.commit(self.now_ms)?;
        self.store.make_durable();
        let _ = self.news.send(Change::Heads(committed.heads.clone()));
        if committed.reference_changed {
            let _ = self.news.send(Change::Directory);
        }
        lock(&self.committed).push(committed.clone());
        Ok(committed)
    }

    fn receipts(&self, peer: StationCode, of: impl Fn(&Receipt) -> bool) -> Vec<Receipt> {
        let have = self.store.have().held_by(peer);
        have.heads().flat_map(|head| self.store.receipts(&head.log)).filter(of).collect()
    }
}

impl Host for Shelf {
    fn me(&self) -> StationCode {
        self.me
    }

    fn have(&self, peer: StationCode) -> Have {
        self.store.have_for(peer)
    }

    fn directory(&self) -> Arc<Directory> {
        lock(&self.core).reader().reference().directory().clone()
    }

    fn load(&self, log: &LogId, from: u64, max_bytes: usize) -> Result<Option<(Run, Vec<CaseKeyMessage>)>, HostError> {
        let core = lock(&self.core);
        let run = self.store.read(log, from, max_bytes)?;
        Ok(run.map(|run| {
            let keys = case_keys(&run, core.reader());
            (run, keys)
        }))
    }

    fn store(
        &self,
        peer: StationCode,
        runs: Vec<VerifiedRun>,
        case_keys: Vec<CaseKeyMessage>,
    ) -> BoxFuture<'_, Result<StoreOutcome, HostError>> {
        Box::pin(async move {
            let (mut core, mut random) = (lock(&self.core), lock(&self.random));
            let mut random = |bytes: &mut [u8]| random.fill_bytes(bytes);
            let received = core.receive(peer, runs, &case_keys, self.now_ms, &mut random)?;
            let committed = self.commit(&mut core)?;
            let own = |receipt: &&Receipt| receipt.station == self.me && received.accepted.contains(&receipt.head.log);
            let receipts = committed.receipts.iter().filter(own).cloned().collect();
            Ok(StoreOutcome { receipts, refused: received.refused })
        })
    }

    /// The hub of the simulator has one life.
    fn introduce(&self, _: StationCode, _: Run) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn keep_receipts(&self, _: StationCode, receipts: Vec<Receipt>) {
        let mut core = lock(&self.core);
        core.keep_receipts(receipts);
        self.commit(&mut core).expect("receipts are kept");
    }

    fn alert(&self, _: StationCode, log: LogId, seq: u64, reason: RefusalReason, detail: String) {
        lock(&self.alerts).push((log, seq, reason, detail));
    }

    fn receipts_for(&self, peer: StationCode) -> Vec<Receipt> {
        self.receipts(peer, |receipt| receipt.station != peer)
    }

    fn receipts_of(&self, peer: StationCode) -> Vec<Receipt> {
        self.receipts(peer, |receipt| receipt.station == peer)
    }

    fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.news.subscribe()
    }

    fn link_changed(&self, _: StationCode, _: LinkState) {}

    fn wanted_attachments(&self, peer: StationCode, limit: usize) -> Vec<WantedAttachment> {
        let core = lock(&self.core);
        let index = core.reader().indexed().expect("the index can be written");
        let missing = missing_of(index.as_ref(), peer).into_iter().take(limit);
        let wanted = |Missing { case, id, size }| WantedAttachment { case, id, size, urgent: false };
        missing.map(wanted).collect()
    }

    fn attachment_chunks(&self, peer: StationCode, request: ChunkRequest) -> Result<ChunkAnswer, HostError> {
        let ChunkRequest { case, id, first_chunk, count, want_manifest, .. } = request;
        if !case.home().is_some_and(|home| stands_over(peer, home)) {
            return Ok(ChunkAnswer::default());
        }
        let held = self.store.attachment(&id)?;
        let mut chunks = Vec::new();
        for chunk in (first_chunk..).take(count as usize) {
            let Some(data) = self.store.chunk(&id, chunk)? else { break };
            chunks.push(data);
        }
        let manifest = if want_manifest { held.manifest } else { Bytes::new() };
        Ok(ChunkAnswer { manifest, size: held.size, chunks })
    }

    fn attachment_state(&self, id: &AttachmentId) -> Result<AttachmentState, HostError> {
        let held = self.store.attachment(id)?;
        let sanji_store::AttachmentState { chunks, size, manifest, complete } = held;
        Ok(AttachmentState { chunks, size, manifest, complete })
    }

    fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), HostError> {
        Ok(self.store.put_manifest(id, manifest, size)?)
    }

    fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, HostError> {
        Ok(self.store.put_chunk(id, chunk, data)?)
    }

    /// Nobody waits for chunks while a bundle is written or read.
    fn chunks_came(&self) -> watch::Receiver<u64> {
        watch::Sender::new(0).subscribe()
    }

    fn want_first(&self, _: CaseId, _: AttachmentId) {}

    /// The simulator proves that attachments come, not what stations know of each other's.
    fn attachment_holders(&self, _: StationCode, _: CaseId, _: &AttachmentId) -> Result<Holders, HostError> {
        Ok(Holders { all: true, ..Holders::default() })
    }

    fn unconfirmed_attachments(&self, _: StationCode, _: usize) -> Vec<(CaseId, AttachmentId)> {
        Vec::new()
    }

    /// What is not known to be everywhere goes again with each bundle: one before may have been cut off.
    fn attachments_lacking_at(&self, station: StationCode, limit: usize) -> Vec<FreightItem> {
        let core = lock(&self.core);
        let index = core.reader().indexed().expect("the index can be written");
        let unconfirmed = unconfirmed_of(index.as_ref(), station).into_iter().take(limit);
        unconfirmed.map(|Missing { case, id, .. }| FreightItem { case, id, first_chunk: 0 }).collect()
    }

    fn keep_holders(&self, _: CaseId, _: AttachmentId, _: Vec<StationCode>) {}
}

fn runtime() -> &'static Runtime {
    static RUNTIME: std::sync::OnceLock<Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(1).build().expect("a runtime"))
}

impl World {
    /// Somebody writes a bundle for a station above or below and carries it off.
    pub(super) fn courier(&mut self) {
        let place = self.random.random_range(1..STATIONS.len());
        let place = self.without_line.filter(|_| self.random.random_bool(0.7)).unwrap_or(place);
        let above = if self.random.random_bool(0.3) { HUB } else { parent(place).unwrap_or(HUB) };
        let (from, to) = if self.random.random_bool(0.5) { (place, above) } else { (above, place) };
        if let Some(bundle) = self.write_bundle(from, to) {
            self.carry(bundle, to);
        }
        let next = self.random.random_range(1_000..8_000);
        self.agenda.put(next, Happening::Courier);
    }

    fn carry(&mut self, bundle: usize, to: usize) {
        if self.random.random_bool(0.15) {
            self.counters.lost_bundles += 1;
            return self.note(format_args!("bundle {bundle} is lost"));
        }
        let after = self.random.random_range(200..20_000);
        self.agenda.put(after, Happening::Carried { bundle, at: to });
        if self.random.random_bool(0.2) {
            let again = self.random.random_range(200..25_000);
            self.agenda.put(again, Happening::Carried { bundle, at: to });
        }
    }

    /// Everybody who has no line sends and gets a stick, unharmed.
    pub(super) fn round_of_bundles(&mut self) {
        let Some(at) = self.without_line else { return };
        for above in [parent(at).unwrap_or(HUB), HUB] {
            for (from, to) in [(at, above), (above, at), (at, above)] {
                if let Some(bundle) = self.write_bundle(from, to) {
                    self.read_bundle(bundle, to);
                }
            }
        }
    }

    fn write_bundle(&mut self, from: usize, to: usize) -> Option<usize> {
        let believed = self.stations[from].is_running() && self.stations[to].enrolled;
        if !believed || self.stations[from].healing {
            return None;
        }
        self.commit_now(from);
        let receiver = Receiver { station: self.code(to), key: self.stations[to].key() };
        let asked = self.stations[from].asked.get(&receiver.station).cloned().unwrap_or_default();
        let options = ExportOptions { asked, ..ExportOptions::default() };
        let mut bytes = Vec::new();
        let identity = District::get().identity(self.stations[from].place, self.stations[from].life);
        let written =
            self.on_shelf(from, |shelf| export(shelf, &identity, receiver, &mut bytes, &options, &mut |_| {}))?;
        let (from, to) = (self.code(from), self.code(to));
        match written {
            Ok(summary) => {
                self.counters.bundles += 1;
                let number = self.bundles.len();
                self.note(format_args!("{from} writes bundle {number} for {to}: {} entries", summary.entries));
                self.bundles.push(Bundle { bytes, read: 0 });
                Some(number)
            }
            Err(error) => {
                self.counters.refused_bundles += 1;
                self.note(format_args!("{from} can't write a bundle for {to}: {error}"));
                None
            }
        }
    }

    /// A bundle that was carried may have suffered.
    pub(super) fn carried(&mut self, bundle: usize, at: usize) {
        if !self.stations[at].is_running() {
            return;
        }
        self.counters.overtaken_bundles += u64::from(self.last_bundle.is_some_and(|last| last > bundle));
        self.last_bundle = Some(bundle);
        let whole = self.bundles[bundle].bytes.clone();
        let bytes = &mut self.bundles[bundle].bytes;
        // Counted from the end: the header's length differs from run to run.
        let pieces = bytes.len() / SEALED_TOGETHER;
        let is_harmed = self.random.random_bool(0.2);
        if is_harmed {
            let from_end = self.random.random_range(0..=pieces) * SEALED_TOGETHER + 40;
            let harmed = bytes.len().saturating_sub(from_end);
            if self.random.random_bool(0.5) {
                bytes.truncate(harmed);
            } else if let Some(byte) = bytes.get_mut(harmed) {
                *byte ^= 1;
            }
        }
        let was_read = self.read_bundle(bundle, at);
        self.bundles[bundle].bytes = whole;
        assert!(!(is_harmed && was_read), "{} takes a damaged bundle for a whole one", self.code(at));
        self.counters.damaged_bundles += u64::from(is_harmed);
    }

    /// Reads a bundle. False where it was refused, perhaps after a part of it.
    fn read_bundle(&mut self, bundle: usize, at: usize) -> bool {
        self.commit_now(at);
        let bytes = self.bundles[bundle].bytes.clone();
        let identity = District::get().identity(self.stations[at].place, self.stations[at].life);
        let read = self.on_shelf(at, |shelf| {
            let _inside = runtime().enter();
            import(shelf, &identity, bytes.as_slice(), &mut |_| {})
        });
        let Some(read) = read else { return false };
        let me = self.code(at);
        match read {
            Ok(summary) => {
                self.counters.doubled_bundles += u64::from(self.bundles[bundle].read > 0);
                self.bundles[bundle].read += 1;
                self.counters.bundled_entries += summary.entries;
                self.counters.bundled_attachments += summary.attachments;
                self.note(format_args!("{me} reads bundle {bundle}: {} entries are new", summary.entries));
                if stands_over(summary.sender, me) {
                    self.stations[at].healing &= !self.is_without_line(at);
                }
                self.stations[at].asked.insert(summary.sender, summary.asked);
                true
            }
            Err(error) => {
                self.counters.refused_bundles += 1;
                self.note(format_args!("{me} refuses bundle {bundle}: {error}"));
                false
            }
        }
    }

    /// Lends a running station to the product's code for bundles, and tells its links what that has changed.
    fn on_shelf<T>(&mut self, at: usize, act: impl FnOnce(&Shelf) -> T) -> Option<T> {
        let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
        let running = self.stations[at].running.take()?;
        let super::station::Running { core, ends, waiting, commit_due } = running;
        let shelf = Shelf {
            me: self.code(at),
            core: Mutex::new(core),
            store: self.stations[at].store.clone(),
            now_ms,
            random: Mutex::new(StdRng::seed_from_u64(self.random.next_u64())),
            committed: Mutex::default(),
            alerts: Mutex::default(),
            news: broadcast::Sender::new(NEWS),
        };
        let done = act(&shelf);
        let Shelf { core, committed, alerts, .. } = shelf;
        let core = core.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.stations[at].running = Some(super::station::Running { core, ends, waiting, commit_due });
        for (log, seq, reason, detail) in alerts.into_inner().unwrap_or_else(PoisonError::into_inner) {
            // A gap says that an earlier bundle is missing.
            self.alerted(at, None, (log, seq), reason, &detail);
        }
        for committed in committed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            self.observe_commit(at, &committed);
            self.publish(at, &committed);
        }
        self.finish_attachments(at);
        Some(done)
    }
}
