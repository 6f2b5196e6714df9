//! A station in memory: enough of one for a link.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use sanji_link::{
    AttachmentState, BoxFuture, Change, ChunkAnswer, Holders, Host, HostError, LinkState, StoreOutcome,
    WantedAttachment,
};
use sanji_log::attachment::{CHUNK_BYTES, chunk_count, manifest, root};
use sanji_log::{
    AttachmentId, AttachmentRef, CaseId, EntryDraft, Have, HybridTime, LogId, Reach, Receipt, Run, Seal, SigningKey,
    StationCode,
};
use sanji_proto::v1 as proto;
use sanji_replication::attachment::ChunkRequest;
use sanji_replication::bundle::FreightItem;
use sanji_replication::{CaseKeyMessage, Directory, RefusalReason, Refused, StationCondition, VerifiedRun};
use tokio::sync::{broadcast, watch};

use crate::support::{code, key, now_ms, signing_key};

pub(crate) struct MemoryHost {
    me: StationCode,
    signing_key: SigningKey,
    directory: Mutex<Arc<Directory>>,
    changes: broadcast::Sender<Change>,
    came: watch::Sender<u64>,
    held: Mutex<Held>,
}

#[derive(Default)]
pub(crate) struct Held {
    pub(crate) logs: BTreeMap<LogId, Vec<Run>>,
    pub(crate) receipts: Vec<Receipt>,
    /// Given by this station itself.
    pub(crate) own_receipts: Vec<Receipt>,
    pub(crate) alerts: Vec<RefusalReason>,
    pub(crate) links: Vec<(StationCode, LinkState)>,
    pub(crate) attachments: BTreeMap<AttachmentId, Content>,
    pub(crate) wanted: Vec<WantedAttachment>,
    /// Chunks handed out, in order.
    pub(crate) served: Vec<u32>,
    /// Attachments that a peer has asked for first.
    pub(crate) wanted_first: Vec<AttachmentId>,
    /// What peers have said about who holds what.
    pub(crate) holders: BTreeMap<AttachmentId, Vec<StationCode>>,
    pub(crate) unconfirmed: Vec<(CaseId, AttachmentId)>,
    pub(crate) lacking_elsewhere: Vec<FreightItem>,
    /// How this station is and those below it, and what others have said of themselves, with who brought it.
    pub(crate) conditions: Vec<StationCondition>,
    pub(crate) heard: Vec<(StationCode, StationCondition)>,
    /// Kept aside of revoked stations.
    pub(crate) aside: Vec<Run>,
    /// Kept as evidence of forks.
    pub(crate) branches: Vec<Run>,
    /// By how much the peer's clock was known to be off when its first entries came.
    pub(crate) offset_then: Option<Option<i64>>,
    /// Commits fail from now on.
    pub(crate) is_broken: bool,
    /// Its life has ended: nobody above takes anything of it.
    pub(crate) has_ended: bool,
    /// How this station compresses. None: it takes nothing laid bare.
    pub(crate) compression: Option<u64>,
    /// What a peer has laid bare can't be undone.
    pub(crate) is_another_library: bool,
    /// Messages laid bare here, undone here, and not undone here.
    pub(crate) bare: [usize; 3],
}

#[derive(Default)]
pub(crate) struct Content {
    pub(crate) size: u64,
    pub(crate) manifest: Vec<u8>,
    pub(crate) chunks: Vec<Vec<u8>>,
}

impl Content {
    fn is_complete(&self) -> bool {
        self.size > 0 && self.chunks.len() == chunk_count(self.size) as usize
    }
}

impl MemoryHost {
    /// `stations`: code and key seed of every station that the directory knows, the own one first.
    pub(crate) fn new(stations: &[(&str, u8)]) -> Arc<Self> {
        Self::with_change_queue(stations, 1024)
    }

    pub(crate) fn with_change_queue(stations: &[(&str, u8)], changes: usize) -> Arc<Self> {
        let mut directory = Directory::default();
        for (station, seed) in stations {
            directory.insert(key(*seed), code(station));
        }
        let (me, seed) = stations[0];
        Arc::new(Self {
            me: code(me),
            signing_key: signing_key(seed),
            directory: Mutex::new(Arc::new(directory)),
            changes: broadcast::channel(changes).0,
            came: watch::Sender::new(0),
            held: Mutex::default(),
        })
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    pub(crate) fn log(&self, home: &str, reach: Reach) -> LogId {
        LogId { home: code(home), reach, key: sanji_log::seal::public_key(&self.signing_key) }
    }

    /// From now on the directory says that a key is revoked.
    pub(crate) fn revoke(&self, seed: u8) {
        let mut directory = self.directory.lock().unwrap();
        Arc::make_mut(&mut directory).revoke(key(seed));
    }

    /// Writes entries under one seal.
    pub(crate) fn write(&self, home: &str, reach: Reach, entries: usize) {
        let draft = |seq: u64| EntryDraft {
            case: None,
            actor: String::new(),
            kind: 6,
            body: Bytes::from(vec![seq as u8; 200]),
            attachments: Vec::new(),
            opens_case: false,
        };
        self.write_as(home, reach, entries, draft);
    }

    /// Writes one entry of a case that refers to an attachment.
    pub(crate) fn write_case(&self, case: CaseId, attachment: AttachmentRef) {
        let draft = |_| EntryDraft {
            case: Some(case),
            actor: String::new(),
            kind: 1,
            body: Bytes::from_static(b"case"),
            attachments: vec![attachment],
            opens_case: true,
        };
        self.write_as(&case.home().unwrap().to_string(), Reach::Private, 1, draft);
    }

    fn write_as(&self, home: &str, reach: Reach, entries: usize, draft: impl Fn(u64) -> EntryDraft) {
        let log = self.log(home, reach);
        let mut held = self.held();
        let runs = held.logs.entry(log).or_default();
        let mut head = runs.last().map(|run| (run.seal.seq, run.seal.hash));
        let mut written = Vec::new();
        for _ in 0..entries {
            let seq = head.map_or(1, |(seq, _)| seq + 1);
            let entry = draft(seq).chain(log, head, HybridTime::from_number(seq));
            head = Some((seq, entry.hash()));
            written.push(entry);
        }
        let (seq, hash) = head.unwrap();
        let run = Run { log, entries: written, seal: Seal::sign(&self.signing_key, &log, seq, hash) };
        let head = run.head();
        runs.push(run);
        drop(held);
        let _ = self.changes.send(Change::Heads(vec![head]));
    }

    /// Takes a content in as a whole.
    pub(crate) fn attach(&self, content: &[u8]) -> AttachmentId {
        let (size, manifest) = (content.len() as u64, manifest(content));
        let id = root(size, &manifest);
        let chunks = content.chunks(CHUNK_BYTES).map(<[u8]>::to_vec).collect();
        self.held().attachments.insert(id, Content { size, manifest, chunks });
        id
    }

    pub(crate) fn want(&self, wanted: WantedAttachment) {
        self.held().wanted.push(wanted);
        let _ = self.changes.send(Change::Attachments);
    }

    pub(crate) fn all_heads(&self) -> Have {
        self.held().logs.values().filter_map(|runs| runs.last()).map(Run::head).collect()
    }

    pub(crate) fn seq(&self, log: &LogId) -> u64 {
        self.held().logs.get(log).and_then(|runs| runs.last()).map_or(0, |run| run.seal.seq)
    }

    /// The end of a log is gone: so many runs are left.
    pub(crate) fn lose(&self, log: &LogId, left: usize) {
        self.held().logs.entry(*log).or_default().truncate(left);
    }

    pub(crate) fn link(&self) -> LinkState {
        self.held().links.last().map(|(_, state)| state.clone()).unwrap_or_default()
    }

    /// From now on this station says that so many things are in quarantine at each of these.
    pub(crate) fn say(&self, quarantined: u64, stations: &[&str]) {
        let wire = |station: &&str| proto::StationCondition {
            station: code(station).number(),
            quarantined,
            ..proto::StationCondition::default()
        };
        self.held().conditions = stations.iter().map(|station| wire(station).try_into().unwrap()).collect();
    }

    /// Waits until something holds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..1500 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{}: never came true within 15 s: {what}; links: {:?}", self.me, self.held().links);
    }
}

impl Host for MemoryHost {
    fn me(&self) -> StationCode {
        self.me
    }

    fn compression(&self, _peer: StationCode) -> Option<u64> {
        self.held().compression
    }

    fn lay_bare(&self, entries: proto::Entries) -> Result<proto::BareEntries, proto::Entries> {
        self.held().bare[0] += 1;
        Ok(proto::BareEntries { entries: Some(entries), ..proto::BareEntries::default() })
    }

    fn restore(&self, _peer: StationCode, bare: proto::BareEntries) -> Result<proto::Entries, HostError> {
        let mut held = self.held();
        if held.is_another_library {
            held.bare[2] += 1;
            held.compression = None;
            return Err("that gives other bytes here".into());
        }
        held.bare[1] += 1;
        Ok(bare.entries.unwrap())
    }

    fn has_ended(&self) -> bool {
        self.held().has_ended
    }

    fn have(&self, peer: StationCode) -> Have {
        self.all_heads().held_by(peer)
    }

    fn directory(&self) -> Arc<Directory> {
        self.directory.lock().unwrap().clone()
    }

    fn load(&self, log: &LogId, from: u64, _max_bytes: usize) -> Result<Option<(Run, Vec<CaseKeyMessage>)>, HostError> {
        let held = self.held();
        let run = held.logs.get(log).and_then(|runs| runs.iter().find(|run| run.seal.seq >= from)).cloned();
        Ok(run.map(|mut run| {
            run.entries.drain(..(from - run.first_seq()) as usize);
            (run, Vec::new())
        }))
    }

    fn store(
        &self,
        peer: StationCode,
        runs: Vec<VerifiedRun>,
        _case_keys: Vec<CaseKeyMessage>,
    ) -> BoxFuture<'_, Result<StoreOutcome, HostError>> {
        {
            let mut held = self.held();
            let known = held.links.iter().rev().find(|(of, _)| *of == peer).and_then(|(_, link)| link.clock_offset_ms);
            held.offset_then.get_or_insert(known);
        }
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut outcome = StoreOutcome::default();
            let mut heads = Vec::new();
            let mut held = self.held();
            if held.is_broken {
                return Err("the disk is gone".into());
            }
            for VerifiedRun { extends, run, .. } in runs {
                let kept = held.logs.entry(run.log).or_default();
                if extends != kept.last().map(|run| (run.seal.seq, run.seal.hash)) {
                    let (log, seq) = (run.log, run.first_seq());
                    outcome.refused.push(Refused { log, seq, reason: RefusalReason::Gap, detail: String::new() });
                    continue;
                }
                heads.push(run.head());
                outcome.receipts.push(Receipt::sign(&self.signing_key, self.me, run.head(), now_ms()));
                kept.push(run);
            }
            held.own_receipts.extend(outcome.receipts.iter().cloned());
            drop(held);
            let _ = self.changes.send(Change::Heads(heads));
            Ok(outcome)
        })
    }

    fn keep_aside(
        &self,
        _peer: StationCode,
        runs: Vec<Run>,
        _case_keys: Vec<CaseKeyMessage>,
    ) -> BoxFuture<'_, Result<(), HostError>> {
        self.held().aside.extend(runs);
        Box::pin(async { Ok(()) })
    }

    /// Takes a branch from its first entry on, and what follows it.
    fn keep_branch(&self, _peer: StationCode, run: Run, _case_keys: Vec<CaseKeyMessage>) -> BoxFuture<'_, Option<u64>> {
        let mut held = self.held();
        let before = held.branches.iter().rev().find(|kept| kept.log == run.log).map_or(0, |kept| kept.seal.seq);
        let is_met = run.first_seq() == before + 1;
        let wanted = if is_met { run.seal.seq + 1 } else { 1 };
        held.branches.extend(is_met.then_some(run));
        Box::pin(async move { Some(wanted) })
    }

    fn introduce(&self, _peer: StationCode, _run: Run) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn keep_receipts(&self, _peer: StationCode, receipts: Vec<Receipt>) {
        self.held().receipts.extend(receipts.iter().cloned());
        let _ = self.changes.send(Change::Receipts(receipts));
    }

    fn alert(&self, _peer: StationCode, _log: LogId, _seq: u64, reason: RefusalReason, _detail: String) {
        self.held().alerts.push(reason);
    }

    fn receipts_for(&self, _peer: StationCode) -> Vec<Receipt> {
        let held = self.held();
        held.receipts.iter().chain(&held.own_receipts).cloned().collect()
    }

    fn receipts_of(&self, station: StationCode) -> Vec<Receipt> {
        self.held().receipts.iter().filter(|receipt| receipt.station == station).cloned().collect()
    }

    fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn conditions(&self) -> Vec<StationCondition> {
        self.held().conditions.clone()
    }

    fn keep_conditions(&self, peer: StationCode, conditions: Vec<StationCondition>) {
        self.held().heard.extend(conditions.into_iter().map(|condition| (peer, condition)));
    }

    fn link_changed(&self, peer: StationCode, state: LinkState) {
        self.held().links.push((peer, state));
    }

    fn wanted_attachments(&self, _peer: StationCode, limit: usize) -> Vec<WantedAttachment> {
        let held = self.held();
        let is_lacking = |wanted: &&WantedAttachment| {
            held.attachments
                .get(&wanted.id)
                .is_none_or(|content| content.chunks.len() < chunk_count(wanted.size) as usize)
        };
        held.wanted.iter().filter(is_lacking).take(limit).copied().collect()
    }

    fn attachment_chunks(&self, _peer: StationCode, request: ChunkRequest) -> Result<ChunkAnswer, HostError> {
        let mut held = self.held();
        let Some(content) = held.attachments.get(&request.id) else { return Ok(ChunkAnswer::default()) };
        let first = request.first_chunk as usize;
        let chunks = content.chunks.iter().skip(first).take(request.count as usize).cloned().map(Bytes::from);
        let chunks: Vec<_> = chunks.collect();
        let manifest = if request.want_manifest { content.manifest.clone().into() } else { Bytes::new() };
        let answer = ChunkAnswer { manifest, size: content.size, chunks };
        held.served.extend((request.first_chunk..).take(answer.chunks.len()));
        Ok(answer)
    }

    fn attachment_state(&self, id: &AttachmentId) -> Result<AttachmentState, HostError> {
        let held = self.held();
        Ok(held.attachments.get(id).map_or_else(AttachmentState::default, |content| AttachmentState {
            chunks: content.chunks.len() as u32,
            size: content.size,
            manifest: content.manifest.clone().into(),
            complete: content.is_complete(),
        }))
    }

    fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), HostError> {
        let content = Content { size, manifest: manifest.to_vec(), chunks: Vec::new() };
        assert!(self.held().attachments.insert(*id, content).is_none(), "a manifest came twice");
        Ok(())
    }

    fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, HostError> {
        let mut held = self.held();
        let content = held.attachments.get_mut(id).unwrap();
        assert_eq!(content.chunks.len(), chunk as usize, "chunks come in order");
        content.chunks.push(data.to_vec());
        let is_complete = content.is_complete();
        drop(held);
        self.came.send_modify(|count| *count += 1);
        if is_complete {
            let _ = self.changes.send(Change::Attachments);
        }
        Ok(is_complete)
    }

    fn chunks_came(&self) -> watch::Receiver<u64> {
        self.came.subscribe()
    }

    fn want_first(&self, _case: CaseId, id: AttachmentId) {
        let mut held = self.held();
        held.wanted_first.push(id);
        held.wanted.iter_mut().filter(|wanted| wanted.id == id).for_each(|wanted| wanted.urgent = true);
        held.wanted.sort_by_key(|wanted| !wanted.urgent);
        let _ = self.changes.send(Change::Attachments);
    }

    fn attachment_holders(&self, _peer: StationCode, _case: CaseId, id: &AttachmentId) -> Result<Holders, HostError> {
        let held = self.held();
        let mut held_by = held.holders.get(id).cloned().unwrap_or_default();
        held_by.extend(held.attachments.get(id).filter(|content| content.is_complete()).map(|_| self.me));
        Ok(Holders { held_by, all: false })
    }

    fn unconfirmed_attachments(&self, _peer: StationCode, limit: usize) -> Vec<(CaseId, AttachmentId)> {
        self.held().unconfirmed.iter().take(limit).copied().collect()
    }

    fn attachments_lacking_at(&self, _station: StationCode, limit: usize) -> Vec<FreightItem> {
        self.held().lacking_elsewhere.iter().take(limit).copied().collect()
    }

    fn keep_holders(&self, _case: CaseId, id: AttachmentId, held_by: Vec<StationCode>) {
        self.held().holders.insert(id, held_by);
        let _ = self.changes.send(Change::Attachments);
    }
}
