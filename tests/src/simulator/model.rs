//! What must be true at the end: the model knows only what people were told, and who holds what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sanji_domain::case::Case;
use sanji_log::{AttachmentId, CaseId, LogId};
use sanji_store::{MemoryStore, Store};

use super::attachments::{is_right, missing};
use super::ledger::{Ledger, may_hold, stands_over};
use super::sample::STATIONS;
use super::station::{Deed, Station};

/// What was acknowledged.
#[derive(Debug, Default)]
pub struct Model {
    deeds: Vec<Told>,
    /// Attachments whose last whole copy was on a disk that died.
    lost: BTreeSet<AttachmentId>,
}

/// Something that a person was told is kept.
#[derive(Debug)]
struct Told {
    /// By the station with this number.
    at: usize,
    deed: Deed,
    /// Its last copy may have been on a disk that died.
    may_be_lost: bool,
    /// A disk died since: the station may have forgotten the command.
    may_be_forgotten: bool,
    /// The disk that it was written to died: a station that has it brings it back when it links again.
    may_be_away: bool,
}

impl Model {
    /// A person was told that a deed is kept: it is on the disk, and the same command was not carried out before.
    pub fn acknowledge(&mut self, at: usize, deed: Deed, station: &Station) {
        let kept = station.store.durable_entry(&deed.log, deed.seq).map(|entry| entry.hash());
        assert_eq!(kept, Some(deed.hash), "{} says that a deed is kept", station.code);
        let before = self.deeds.iter().find(|told| told.deed.request == deed.request && !told.may_be_forgotten);
        if let Some(before) = before.filter(|told| told.at == at) {
            assert_eq!(before.deed.hash, deed.hash, "{} has carried out one command twice", station.code);
        }
        self.deeds.push(Told { at, deed, may_be_lost: false, may_be_forgotten: false, may_be_away: false });
    }

    /// After a disk died: what no other disk has may be gone.
    pub fn note_losses(&mut self, stations: &[Station]) {
        let disks = || stations.iter().filter(|station| !station.retired);
        for told in &mut self.deeds {
            let Deed { log, seq, hash, .. } = &told.deed;
            // Another disk may hold what the other machine of a cloned station wrote there.
            let has =
                |station: &Station| station.store.durable_entry(log, *seq).is_some_and(|held| held.hash() == *hash);
            told.may_be_lost |= !disks().any(has);
            told.may_be_away |= stations.get(told.at).is_none_or(|station| !has(station));
            told.may_be_forgotten = true;
        }
        for station in stations {
            let wanted = missing(station, station.code);
            self.lost
                .extend(wanted.iter().map(|wanted| wanted.id).filter(|id| !disks().any(|disk| disk.has_whole(id))));
        }
    }

    /// Whether the last whole copy of an attachment was on a disk that died.
    #[must_use]
    pub fn is_lost(&self, id: &AttachmentId) -> bool {
        self.lost.contains(id)
    }

    /// After a restart: what people were told here is here.
    pub fn check_writer(&self, at: usize, station: &Station) {
        for told in self.deeds.iter().filter(|told| told.at == at && !told.may_be_lost && !station.healing) {
            let Deed { log, seq, hash, .. } = &told.deed;
            let kept = station.store.durable_entry(log, *seq).map(|entry| entry.hash());
            if told.may_be_away && kept.is_none() {
                continue;
            }
            assert!(kept == Some(*hash), "{} has lost {seq} of {log}, which it had confirmed", station.code);
        }
    }

    /// All stations agree with one another and with what people were told.
    pub fn check(&self, stations: &[Station], ledger: &Ledger) {
        let stations: Vec<&Station> = stations.iter().filter(|station| !station.retired).collect();
        let logs: BTreeSet<LogId> = stations.iter().flat_map(|station| station.store.have().0.into_keys()).collect();
        for log in &logs {
            check_log(log, &stations, ledger);
        }
        let open = open_cases(&logs, &stations, ledger);
        self.check_deeds(&stations, ledger, &open);
        self.check_cases(&stations, ledger, &open);
    }

    /// Every acknowledged entry is at every station that should hold it, where it was said to stand.
    fn check_deeds(&self, stations: &[&Station], ledger: &Ledger, open: &BTreeSet<CaseId>) {
        let mut revs: BTreeMap<CaseId, u32> = BTreeMap::new();
        for Told { at, deed, .. } in self.deeds.iter().filter(|told| !told.may_be_lost && told.at < STATIONS.len()) {
            if !ledger.must_converge(&deed.log) {
                continue;
            }
            let here = stations[*at];
            for station in stations.iter().filter(|station| may_hold(&deed.log, station.code)) {
                let held = station.store.entry(&deed.log, deed.seq).expect("an entry can be read");
                let kept = held.is_some_and(|entry| entry.hash() == deed.hash);
                assert!(kept, "{} lacks a deed of {}: {} {}", station.code, here.code, deed.log, deed.seq);
            }
            check_ticks(here, deed, stations);
            let rev = revs.entry(deed.case).or_default();
            *rev = deed.rev.max(*rev);
        }
        for (id, rev) in revs.into_iter().filter(|(id, _)| !open.contains(id)) {
            for station in holders(&id, stations) {
                let case = case_at(station, &id);
                let was_overtaken = case.superseded().next().is_some();
                // What opened it stood in the branch of a cloned station, and died with the disk that had taken that one.
                let is_parted = case.rev() == 0 && !ledger.cloned.is_empty();
                let (code, number) = (station.code, id.number());
                let right = case.rev() >= rev || was_overtaken || is_parted;
                assert!(right, "{code} has rev {} of {number}, not {rev}", case.rev());
            }
        }
    }

    /// Each case has the same state everywhere, and nothing of it waits. What breaks a rule was turned down. Its key
    /// and its attachments are there.
    fn check_cases(&self, stations: &[&Station], ledger: &Ledger, open: &BTreeSet<CaseId>) {
        for id in all_cases(stations) {
            let mut first = None;
            for station in holders(&id, stations) {
                if open.contains(&id) && !knows(station, &id) {
                    continue;
                }
                ledger.check_case(station, &id);
                let case = case_at(station, &id);
                let number = id.number();
                for (hash, rejected) in case.rejected() {
                    let expected = ledger.trespasses.contains(hash) || open.contains(&id);
                    assert!(expected, "a step of {number} was turned down at {}: {:?}", station.code, rejected.reason);
                }
                if open.contains(&id) {
                    continue;
                }
                assert_eq!(case.waiting().count(), 0, "steps of {number} wait at {}", station.code);
                let truth = first.get_or_insert_with(|| case.clone());
                assert!(*truth == case, "{} has another state of {number}", station.code);
                let reader = station.running.as_ref().expect("it runs").core.reader();
                assert!(reader.case_key(&id).expect("a key can be read").is_some(), "{} lacks a key", station.code);
                let may_be_lost = !ledger.set_back.is_empty() || !ledger.cloned.is_empty();
                self.check_attachments(station, &id, |id| {
                    may_be_lost && !stations.iter().any(|station| station.has_whole(id))
                });
            }
        }
    }

    fn check_attachments(&self, station: &Station, id: &CaseId, is_gone: impl Fn(&AttachmentId) -> bool) {
        let entries = station.store.case_entries(id).expect("the entries of a case can be read");
        let named = entries.iter().flat_map(|held| held.entry.decode().expect("a kept entry").attachments);
        for attachment in named.filter(|attachment| !self.is_lost(&attachment.id) && !is_gone(&attachment.id)) {
            let right = is_right(&station.store, &attachment.id);
            assert!(right, "{} lacks an attachment of {}", station.code, id.number());
        }
    }

    /// How many steps of all cases lost against another at a station.
    #[must_use]
    pub fn superseded(&self, station: &Station) -> u64 {
        station.cases().iter().map(|id| case_at(station, id).superseded().count() as u64).sum()
    }
}

/// The station where a person acted has the receipts of all stations above it: its delivery ticks are all there.
/// Unless one of them has a new key: what it had before it need not confirm again.
fn check_ticks(here: &Station, deed: &Deed, stations: &[&Station]) {
    if here.life > 0 {
        return;
    }
    let receipts = here.store.receipts(&deed.log);
    let is_above = |above: &&&Station| stands_over(above.code, here.code) && above.code != here.code && above.life == 0;
    for above in stations.iter().filter(is_above) {
        let tick = receipts.iter().any(|receipt| receipt.station == above.code && receipt.head.seq >= deed.seq);
        assert!(tick, "{} lacks the receipt of {} for seq {}", here.code, above.code, deed.seq);
    }
}

/// A log is whole and in order wherever it is; and where it was never stopped, the same at each station that should
/// hold it.
fn check_log(log: &LogId, stations: &[&Station], ledger: &Ledger) {
    let mut first: Option<Vec<u8>> = None;
    for station in stations {
        if !may_hold(log, station.code) {
            let read = station.store.read(log, 1, usize::MAX).expect("a log can be read");
            assert!(read.is_none(), "{} holds {log}, which is not its", station.code);
            continue;
        }
        let entries = whole(log, &station.store);
        if ledger.must_converge(log) {
            let truth = first.get_or_insert_with(|| entries.clone());
            assert!(*truth == entries, "{} holds {log} otherwise than the others", station.code);
        }
    }
}

/// All entries of a log, checked and joined: many runs have to be read where the log is long.
fn whole(log: &LogId, store: &MemoryStore) -> Vec<u8> {
    let (mut bytes, mut head) = (Vec::new(), None);
    while let Some(run) = store.read(log, head.map_or(1, |(seq, _)| seq + 1), usize::MAX).expect("a log can be read") {
        run.verify(head).expect("a log holds");
        head = Some((run.seal.seq, run.seal.hash));
        run.entries.iter().for_each(|entry| bytes.extend_from_slice(&entry.0));
    }
    assert_eq!(head, store.have().get(log), "the head of {log}");
    bytes
}

/// Cases of which entries stand in logs that were stopped, as forked or as revoked, before all had the same of them.
fn open_cases(logs: &BTreeSet<LogId>, stations: &[&Station], ledger: &Ledger) -> BTreeSet<CaseId> {
    let mut open = BTreeSet::new();
    for log in logs.iter().filter(|log| !ledger.must_converge(log)) {
        let holders: Vec<_> = stations.iter().filter(|station| may_hold(log, station.code)).collect();
        let heads = holders.iter().map(|station| station.store.have().get(log).map_or(0, |(seq, _)| seq));
        let (mut seq, most) = (1, heads.max().unwrap_or(0));
        let at = |station: &Station, seq| station.store.entry(log, seq).expect("an entry can be read");
        while seq <= most && holders.windows(2).all(|two| at(two[0], seq) == at(two[1], seq)) {
            seq += 1;
        }
        for (station, seq) in holders.iter().flat_map(|station| (seq..=most).map(move |seq| (station, seq))) {
            let entry = at(station, seq).map(|bytes| bytes.decode().expect("a kept entry"));
            open.extend(entry.and_then(|entry| entry.case));
        }
    }
    open
}

fn all_cases(stations: &[&Station]) -> BTreeSet<CaseId> {
    stations.iter().flat_map(|station| station.cases()).collect()
}

fn holders<'a>(id: &CaseId, stations: &'a [&'a Station]) -> impl Iterator<Item = &'a Station> + use<'a> {
    let home = id.home().expect("a case has a home");
    stations.iter().copied().filter(move |station| stands_over(station.code, home))
}

fn knows(station: &Station, id: &CaseId) -> bool {
    let reader = station.running.as_ref().expect("it runs").core.reader();
    reader.case(id).expect("a case can be read").is_some()
}

fn case_at(station: &Station, id: &CaseId) -> Arc<Case> {
    let reader = station.running.as_ref().expect("it runs").core.reader();
    let case = reader.case(id).expect("a case can be read");
    case.unwrap_or_else(|| panic!("{} does not know {}", station.code, id.number()))
}
