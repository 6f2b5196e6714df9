//! What must be true after every step. The ledger sees each entry when a disk has it, and knows nothing of how the
//! stations work: it has its own idea of who may hold what and of which steps of a case count.

use std::collections::{BTreeMap, BTreeSet};

use sanji_domain::case::{Body, Case, CaseEntry, codec};
use sanji_log::{CaseId, Entry, Hash, Head, LogId, PublicKey, Reach, StationCode};
use sanji_store::{MemoryStore, Store};

use super::oracle;
use super::station::Station;

/// Every entry that any disk ever had.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By place in a log; more than one only where a key runs twice.
    entries: BTreeMap<(LogId, u64), BTreeSet<Hash>>,
    /// By data folder: how far each log was looked at.
    seen: Vec<BTreeMap<LogId, u64>>,
    /// Steps by case, predecessor and term: one writer at a time leaves one.
    steps: BTreeMap<(CaseId, Option<Hash>, u32), (Hash, PublicKey)>,
    /// Keys that run or ran twice: their logs may fork.
    pub cloned: BTreeSet<PublicKey>,
    /// Keys that the district believes no longer: their last entries may not reach everybody.
    pub revoked: BTreeSet<PublicKey>,
    /// Stations that lost their disk or went back to an older one.
    pub set_back: BTreeSet<StationCode>,
    /// Whether a township lied: what it has signed for need not be so.
    pub lied: bool,
    /// Steps by stations that did not hold the case.
    pub trespasses: BTreeSet<Hash>,
}

/// The part of a division code that names what stands under a station.
fn scope(station: StationCode) -> String {
    let digits = station.to_string();
    let length = if digits.ends_with("000000") {
        6
    } else if digits.ends_with("000") {
        9
    } else {
        12
    };
    digits[..length].to_owned()
}

/// Whether one station stands above another, or is it.
#[must_use]
pub fn stands_over(above: StationCode, below: StationCode) -> bool {
    below.to_string().starts_with(&scope(above))
}

/// Whether a station may hold a log: private ones the home and those above it, public ones those below it too.
#[must_use]
pub fn may_hold(log: &LogId, station: StationCode) -> bool {
    stands_over(station, log.home) || (log.reach == Reach::Public && stands_over(log.home, station))
}

impl Ledger {
    /// Whether all that should hold a log hold all of it, once everything works again.
    #[must_use]
    pub fn must_converge(&self, log: &LogId) -> bool {
        !self.cloned.contains(&log.key) && !self.revoked.contains(&log.key)
    }

    /// A disk was replaced by another.
    pub fn forget(&mut self, at: usize) {
        if let Some(seen) = self.seen.get_mut(at) {
            seen.clear();
        }
    }

    /// Looks at what a disk has that it did not have before.
    pub fn observe(&mut self, at: usize, station: &Station) {
        self.seen.resize_with(self.seen.len().max(at + 1), BTreeMap::new);
        for head in station.store.durable_have().heads() {
            let before = self.seen[at].get(&head.log).copied().unwrap_or(0);
            assert!(head.seq >= before, "{}'s disk had {before} of {}, now {}", station.code, head.log, head.seq);
            for seq in before + 1..=head.seq {
                self.observe_entry(station, &head.log, seq);
            }
            self.seen[at].insert(head.log, head.seq);
        }
    }

    fn observe_entry(&mut self, station: &Station, log: &LogId, seq: u64) {
        let (code, bytes) = (station.code, station.store.durable_entry(log, seq).expect("an entry up to its head"));
        assert!(may_hold(log, code), "{code} holds {log}, which is not its");
        let entry = bytes.decode().expect("an entry that was kept");
        assert!(entry.log == *log && entry.seq == seq, "{code} holds another entry as {seq} of {log}");
        let known = self.entries.entry((*log, seq)).or_default();
        if !known.contains(&entry.hash) {
            assert!(station.key() == log.key, "{code} holds {seq} of {log} as its writer never wrote it");
            let twice = known.is_empty() || self.cloned.contains(&log.key);
            assert!(twice, "{code} has written {seq} of {log} twice");
            known.insert(entry.hash);
            self.observe_step(&entry);
        }
    }

    /// No two stations move a case on from the same step, save that a reclaim raises the term.
    fn observe_step(&mut self, entry: &Entry) {
        let decoded = codec::decode(entry.kind, &entry.body).ok().flatten();
        let Some((id, Body::Step(step))) = entry.case.zip(decoded.map(|decoded| decoded.body)) else { return };
        if self.trespasses.contains(&entry.hash) {
            return;
        }
        let place = (id, step.previous, step.term);
        let (other, writer) = *self.steps.entry(place).or_insert((entry.hash, entry.log.key));
        let excused = [writer, entry.log.key].iter().any(|key| self.cloned.contains(key) || self.revoked.contains(key));
        let one = other == entry.hash || excused || !self.set_back.is_empty();
        assert!(one, "case {} was moved on twice from one step, by {writer:?} and {:?}", id.number(), entry.log.key);
    }

    /// What a receipt or an acknowledgement says is on the disk of who says it.
    pub fn check_durable(&self, head: &Head, station: &Station) {
        let held = station.store.durable_entry(&head.log, head.seq).map(|bytes| bytes.hash());
        let right = held == Some(head.hash) || self.cloned.contains(&head.log.key);
        assert!(right, "{} confirms {} of {} and does not have it", station.code, head.seq, head.log);
    }

    /// After a crash a station has what it has signed for.
    pub fn check_receipts(&self, station: &Station) {
        let receipts = station.store.durable_have().0.into_keys().flat_map(|log| station.store.receipts(&log));
        let own = receipts.filter(|receipt| receipt.key == station.key());
        own.for_each(|receipt| self.check_durable(&receipt.head, station));
    }

    /// A case as a station shows it is what its entries say.
    pub fn check_case(&self, station: &Station, id: &CaseId) {
        let Some(running) = &station.running else { return };
        let reader = running.core.reader();
        let shown = reader.case(id).expect("a case can be read");
        let entries = entries_of(&station.store, id, |entry| {
            reader.reference().directory().get(&entry.log.key).map(|record| record.station)
        });
        let mut replayed = Case::new(*id);
        entries.iter().rev().for_each(|entry| replayed.apply(entry));
        let (code, number) = (station.code, id.number());
        assert!(shown.is_none_or(|shown| *shown == replayed), "{code} shows {number} otherwise than its entries say");
        let counted: Vec<Hash> = replayed.steps().map(|step| step.hash).collect();
        assert!(counted == oracle::chain(id, &entries), "{code} counts the wrong steps of {number}");
    }
}

/// The entries of a case, decoded; without those by writers that are not known.
pub fn entries_of(store: &MemoryStore, id: &CaseId, writer: impl Fn(&Entry) -> Option<StationCode>) -> Vec<CaseEntry> {
    let held = store.case_entries(id).expect("the entries of a case can be read");
    let entries = held.iter().map(|held| held.entry.decode().expect("an entry that was kept"));
    let read = entries.filter_map(|entry| {
        let body = codec::decode(entry.kind, &entry.body).ok()??.body;
        let writer = writer(&entry)?;
        let Entry { hash, log, seq, time, actor, .. } = entry;
        Some(CaseEntry { hash, log, seq, writer, time, actor, body })
    });
    read.collect()
}
