//! What must be true at the end: the model knows only what people were told, and who holds what.

use std::collections::{BTreeMap, BTreeSet};

use sanji_log::{CaseId, LogId};
use sanji_store::{MemoryStore, Store};

use super::station::{Deed, Station};

/// What was acknowledged.
#[derive(Debug, Default)]
pub struct Model {
    deeds: Vec<(usize, Deed)>,
}

impl Model {
    /// A person was told that a deed is kept.
    pub fn acknowledge(&mut self, at: usize, deed: Deed) {
        self.deeds.push((at, deed));
    }

    /// Deeds that people were told are kept.
    #[must_use]
    pub fn deeds(&self) -> &[(usize, Deed)] {
        &self.deeds
    }

    /// All stations agree with one another and with what people were told.
    pub fn check(&self, stations: &[Station]) {
        let logs: BTreeSet<LogId> = stations.iter().flat_map(|station| station.store.have().0.into_keys()).collect();
        for log in &logs {
            check_log(log, stations);
        }
        self.check_deeds(stations);
        check_cases(stations);
    }

    /// Every acknowledged entry is at every station that should hold it, where it was said to stand.
    fn check_deeds(&self, stations: &[Station]) {
        let mut revs: BTreeMap<CaseId, u32> = BTreeMap::new();
        for (at, deed) in &self.deeds {
            for station in stations.iter().filter(|station| deed.log.held_by(station.code)) {
                let held = station.store.entry(&deed.log, deed.seq).expect("an entry can be read");
                let kept = held.is_some_and(|entry| entry.hash() == deed.hash);
                assert!(kept, "{} lacks a deed of {}: {} {}", station.code, stations[*at].code, deed.log, deed.seq);
            }
            check_ticks(*at, deed, stations);
            let rev = revs.entry(deed.case).or_default();
            *rev = deed.rev.max(*rev);
        }
        for (id, rev) in revs {
            for station in holders(&id, stations) {
                let case = case_at(station, &id);
                assert!(case.rev() >= rev, "{} has rev {} of {}, not {rev}", station.code, case.rev(), id.number());
            }
        }
    }
}

/// The station where a person acted has the receipts of all stations above it: its delivery ticks are all there.
fn check_ticks(at: usize, deed: &Deed, stations: &[Station]) {
    let receipts = stations[at].store.receipts(&deed.log);
    for above in stations.iter().filter(|above| stations[at].code.within(above.code) && above.code != stations[at].code)
    {
        let tick = receipts.iter().any(|receipt| receipt.station == above.code && receipt.head.seq >= deed.seq);
        assert!(tick, "{} lacks the receipt of {} for seq {}", stations[at].code, above.code, deed.seq);
    }
}

/// A log is the same, whole and in order, at each station that should hold it, and nowhere else.
fn check_log(log: &LogId, stations: &[Station]) {
    let read = |station: &Station| station.store.read(log, 1, usize::MAX).expect("a log can be read");
    let mut first: Option<Vec<u8>> = None;
    for station in stations {
        if !log.held_by(station.code) {
            assert!(read(station).is_none(), "{} holds {log}, which is not its", station.code);
            continue;
        }
        let entries = whole(log, &station.store);
        let truth = first.get_or_insert_with(|| entries.clone());
        assert!(*truth == entries, "{} holds {log} otherwise than the others", station.code);
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

/// Each case has the same state everywhere, and nothing of it waits or was turned down. Its key is there.
fn check_cases(stations: &[Station]) {
    let mut cases = BTreeSet::new();
    for station in stations {
        cases.extend(station.store.cases_with_prefix(&[], usize::MAX).expect("cases can be listed"));
    }
    for id in cases {
        let mut first = None;
        for station in holders(&id, stations) {
            let case = case_at(station, &id);
            assert_eq!(case.waiting().count(), 0, "steps of {} wait at {}", id.number(), station.code);
            assert_eq!(case.rejected().count(), 0, "steps of {} were turned down at {}", id.number(), station.code);
            let truth = first.get_or_insert_with(|| case.clone());
            assert!(*truth == case, "{} has another state of {}", station.code, id.number());
            let reader = station.running.as_ref().expect("it runs").core.reader();
            assert!(reader.case_key(&id).expect("a key can be read").is_some(), "{} lacks a key", station.code);
        }
    }
}

fn holders<'a>(id: &CaseId, stations: &'a [Station]) -> impl Iterator<Item = &'a Station> + use<'a> {
    let home = id.home().expect("a case has a home");
    stations.iter().filter(move |station| home.within(station.code))
}

fn case_at(station: &Station, id: &CaseId) -> std::sync::Arc<sanji_domain::case::Case> {
    let reader = station.running.as_ref().expect("it runs").core.reader();
    let case = reader.case(id).expect("a case can be read");
    case.unwrap_or_else(|| panic!("{} does not know {}", station.code, id.number()))
}
