//! What is durable and not in the index yet. Neither folding an entry nor writing a case's snapshot and rows is needed
//! to acknowledge it; so entries wait here unfolded until somebody looks at their case, changed cases wait until the
//! index is told of many commits at once, and a case that has changed often meanwhile is written once. Every reader sees
//! what has happened all the same. After a crash the store asks for what it was never told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sanji_domain::case::{Case, Facts};
use sanji_domain::matter::Matter;
use sanji_log::{CaseId, CaseNumber, RequestId};
use sanji_store::{CaseSnapshot, Projection, Row};

use super::ReferenceData;
use super::filed::FiledCase;
use super::fold::{Changed, Fold};
use super::matters;
use super::quarantine;
use super::reader::Reader;
use super::rows::{UNFILED, filing, no_row, row};
use crate::error::{Error, store};

/// About so many cases are folded, encoded and told at once: what that takes in memory does not grow with what waits.
const PIECE: usize = 256;
/// How often what was committed during the pieces before gets pieces of its own; what is left then is told while nobody may
/// commit.
const PASSES: u32 = 4;
/// When more folded cases than this wait, the index is told before anything else is done. A case takes some kilobytes.
pub(super) const CASES: usize = 8192;
/// The same for rows.
pub(super) const ROWS: usize = 65_536;
/// The same for entries, folded or not. Without its private part an entry takes half a kilobyte.
pub(super) const ENTRIES: usize = 65_536;
/// In parts of a hundred of what may wait: the index must be told before more is committed.
const FULL: usize = 100;
/// In parts of a hundred of what may wait: the index is told of some of it, so that writers need not wait.
const FILLING: usize = 75;
/// So many entries wait at most while somebody looks at lists: they wait until all of them are folded, 50 µs each.
const ENTRIES_LOOKED_AT: usize = 4096;
/// So many cases are folded to count those that are open.
const FEW: usize = 32;
/// Rounds of projecting, of some seconds each, for which somebody who has looked at a list will most likely look again.
const LOOKS_AGAIN: u32 = 12;
/// Cases of one generation that are kept once the index has them. A case takes a few kilobytes.
const SETTLED: usize = 2048;
/// Most cases that are filed anew at once when the catalogue has grown.
const REFILED_AT_ONCE: usize = 1000;

/// What is ahead of the index.
#[derive(Default)]
pub(super) struct Ahead {
    /// Held by whoever commits or ends a projection, so that a projection stands for all that was committed.
    gate: Mutex<()>,
    /// Held by whoever folds or tells the index, so that no entry is folded twice, or forgotten. Taken after the gate.
    folding: Mutex<()>,
    /// Held by whoever tells the index of all that waits, so that no two do the same work. Taken before the gate.
    projecting: Mutex<()>,
    /// For how many rounds more somebody is thought to look at lists.
    looked_at: AtomicU32,
    changes: RwLock<Changes>,
}

#[derive(Default)]
struct Changes {
    cases: BTreeMap<CaseId, Arc<FiledCase>>,
    /// Entries that come after what `cases` and the index know.
    unfolded: BTreeMap<CaseId, Vec<Facts>>,
    /// Entries that the index was not told of, folded or not.
    entries: usize,
    /// Cases of which only the opening is among the unfolded, so that they are open.
    openings: BTreeSet<CaseId>,
    /// Cases with other steps among the unfolded: they may have been opened or closed.
    steps: BTreeSet<CaseId>,
    /// Written to the index lately: likely to change again soon. Two generations, so that those that are used stay.
    settled: [BTreeMap<CaseId, Arc<FiledCase>>; 2],
    matters: BTreeMap<CaseId, Arc<Matter>>,
    requests: BTreeMap<RequestId, CaseId>,
    rows: Vec<Row>,
    /// The reference data has changed, so cases that could not be filed may be now.
    refile: bool,
    /// Entries were committed that say nothing here: the index is told all the same, so that it asks no more.
    committed: bool,
    /// How often the index was told.
    projections: u64,
}

impl Changes {
    /// A case without what waits to be folded, where it is here.
    fn folded(&self, id: &CaseId) -> Option<Arc<FiledCase>> {
        let [newer, older] = &self.settled;
        self.cases.get(id).or_else(|| newer.get(id)).or_else(|| older.get(id)).cloned()
    }

    /// The same, and it is here no longer.
    fn take_folded(&mut self, id: &CaseId) -> Option<Arc<FiledCase>> {
        let [newer, older] = &mut self.settled;
        let (newer, older) = (newer.remove(id), older.remove(id));
        self.cases.remove(id).or(newer).or(older)
    }

    /// Entries to be folded. That some wait still shows, so that whoever looks at the case waits for whoever has taken them.
    fn take_unfolded(&mut self, id: &CaseId) -> Option<Vec<Facts>> {
        self.unfolded.get_mut(id).map(std::mem::take)
    }

    /// Entries that could not be folded wait again, before those that have come since.
    fn give_back(&mut self, id: CaseId, mut entries: Vec<Facts>) {
        let waiting = self.unfolded.entry(id).or_default();
        entries.append(waiting);
        *waiting = entries;
    }

    /// A case with all that was taken.
    fn note_folded(&mut self, id: CaseId, filed: Arc<FiledCase>) {
        self.cases.insert(id, filed);
        if self.unfolded.get(&id).is_some_and(Vec::is_empty) {
            self.unfolded.remove(&id);
            self.openings.remove(&id);
            self.steps.remove(&id);
        }
    }

    fn wait(&mut self, id: CaseId, entries: Vec<Facts>) {
        // Only steps open and close cases.
        for entry in &entries {
            let Facts::Step(step) = entry else { continue };
            if step.rev == 1 && !self.steps.contains(&id) && !self.openings.contains(&id) {
                self.openings.insert(id);
            } else {
                self.openings.remove(&id);
                self.steps.insert(id);
            }
        }
        self.unfolded.entry(id).or_default().extend(entries);
    }
}

/// A case as the index will have it.
struct Prepared {
    of: Arc<FiledCase>,
    told: FiledCase,
    snapshot: CaseSnapshot,
}

/// How much of what was committed a projection shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Some of it.
    Part,
    /// The last of it.
    Rest,
}

/// Tells the index.
pub(super) type Tell<'a> = dyn FnMut(Projection, Extent) -> Result<(), Error> + 'a;

impl Ahead {
    /// To be held while something is committed and [taken in](Self::take_in).
    pub(super) fn gate(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A case with all that is durable of it. `stored` reads it from the index, where it is not here.
    pub(super) fn case(
        &self,
        id: &CaseId,
        stored: impl FnOnce() -> Result<Option<Arc<FiledCase>>, Error>,
        opened: impl FnOnce(i64),
    ) -> Result<Option<Arc<FiledCase>>, Error> {
        let settled = {
            let changes = self.changes();
            (!changes.unfolded.contains_key(id)).then(|| changes.folded(id))
        };
        if let Some(folded) = settled {
            return folded.map_or_else(stored, |filed| Ok(Some(filed)));
        }
        let _folding = self.folding.lock().unwrap_or_else(PoisonError::into_inner);
        let (folded, waiting) = {
            let mut changes = self.changes_mut();
            let waiting = changes.take_unfolded(id);
            // Taken out, so that it is changed in place: nobody looks for it there while entries of it wait.
            (if waiting.is_some() { changes.take_folded(id) } else { changes.folded(id) }, waiting)
        };
        let before = if folded.is_some() { Ok(folded) } else { stored() };
        let Some(waiting) = waiting else { return before };
        let before = match before {
            Ok(before) => before,
            Err(error) => {
                self.changes_mut().give_back(*id, waiting);
                return Err(error);
            }
        };
        let was_open = before.as_ref().is_some_and(|filed| filed.case.is_open());
        let mut filed = before.unwrap_or_else(|| Arc::new(FiledCase::new(Case::new(*id))));
        FiledCase::fold(&mut filed, waiting);
        self.changes_mut().note_folded(*id, filed.clone());
        opened(i64::from(filed.case.is_open()) - i64::from(was_open));
        Ok(Some(filed))
    }

    /// Whether a case has changed lately, so that looking at it seldom needs the disk.
    pub(super) fn is_at_hand(&self, id: &CaseId) -> bool {
        let changes = self.changes();
        let is_in = |cases: &BTreeMap<CaseId, Arc<FiledCase>>| cases.contains_key(id);
        changes.unfolded.contains_key(id) || is_in(&changes.cases) || changes.settled.iter().any(is_in)
    }

    /// Cases of a number that are here; some twice.
    pub(super) fn cases_of_number(&self, number: &CaseNumber) -> Vec<CaseId> {
        let changes = self.changes();
        let folded = changes.cases.range(number.case_ids()).map(|(id, _)| *id);
        folded.chain(changes.unfolded.range(number.case_ids()).map(|(id, _)| *id)).collect()
    }

    /// Cases that may have been opened or closed by what is not folded yet; none of them where they are many.
    pub(super) fn few_with_unfolded_steps(&self) -> Vec<CaseId> {
        let steps = &self.changes().steps;
        if steps.len() <= FEW { steps.iter().copied().collect() } else { Vec::new() }
    }

    /// Cases that are open and not folded yet.
    pub(super) fn unfolded_openings(&self) -> usize {
        self.changes().openings.len()
    }

    /// The case that a request opened, where the index does not know it yet.
    pub(super) fn case_of_request(&self, request: &RequestId) -> Option<CaseId> {
        self.changes().requests.get(request).copied()
    }

    /// A matter, where it is here.
    pub(super) fn matter(&self, id: &CaseId) -> Option<Arc<Matter>> {
        self.changes().matters.get(id).cloned()
    }

    /// Takes in what a commit has made durable, and says by how many there are more open cases, as far as they are
    /// folded. The caller holds the gate.
    pub(super) fn take_in(&self, fold: Fold, rows: Vec<Row>, reference_changed: bool) -> i64 {
        let mut changes = self.changes_mut();
        let mut opened = 0;
        changes.entries += fold.entries;
        let told_since = fold.begun.is_some_and(|begun| begun != changes.projections);
        for (id, Changed { mut filed, was_open }) in fold.cases {
            // The index may have been told of the case since the group has looked at it.
            match changes.folded(&id) {
                Some(known) if known.rows != filed.rows => Arc::make_mut(&mut filed).rows.clone_from(&known.rows),
                // Where it was filed then is known to the index alone.
                None if told_since => {
                    if let Some(entries) = filed.since_told() {
                        changes.wait(id, entries.to_vec());
                        continue;
                    }
                }
                _ => {}
            }
            opened += i64::from(filed.case.is_open()) - i64::from(was_open);
            changes.cases.insert(id, filed);
        }
        changes.matters.extend(fold.matters);
        // Whoever has looked at a case will most likely look again, to fold what was written.
        for (id, filed) in fold.looked_at {
            if fold.unfolded.contains_key(&id) && changes.folded(&id).is_none() && !told_since {
                let [newer, _] = &mut changes.settled;
                newer.insert(id, filed);
            }
        }
        for (id, entries) in fold.unfolded {
            changes.wait(id, entries);
        }
        changes.requests.extend(fold.requests);
        changes.rows.extend(fold.rows);
        changes.rows.extend(rows);
        changes.refile |= reference_changed;
        changes.committed = true;
        opened
    }

    /// Forgets all of it: the store asks for what it was never told. The caller holds the gate.
    pub(super) fn forget(&self) {
        *self.changes_mut() = Changes::default();
    }

    /// Cases that could not be filed are tried again.
    pub(super) fn file_again(&self) {
        let mut changes = self.changes_mut();
        (changes.refile, changes.committed) = (true, true);
    }

    /// How often the index was told.
    pub(super) fn projections(&self) -> u64 {
        self.changes().projections
    }

    /// Whether so much waits that the index must be told before more is committed.
    pub(super) fn is_full(&self) -> bool {
        self.changes().reaches(FULL)
    }

    /// Whether the index should be told now: a good part of what may wait does, or somebody would have to wait for it.
    pub(super) fn is_filling(&self) -> bool {
        let changes = self.changes();
        changes.reaches(FILLING) || self.is_looked_at() && changes.entries >= ENTRIES_LOOKED_AT
    }

    /// Whether somebody has looked at lists lately.
    pub(super) fn is_looked_at(&self) -> bool {
        self.looked_at.load(Ordering::Relaxed) > 0
    }

    /// Notes that somebody looks at lists.
    pub(super) fn note_look(&self) {
        self.looked_at.store(LOOKS_AGAIN, Ordering::Relaxed);
    }

    /// Notes that a round of projecting ends.
    pub(super) fn note_round(&self) {
        let less = |rounds: u32| Some(rounds.saturating_sub(1));
        // The closure always gives a value, so the update can't fail.
        let _ = self.looked_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Tells the index of all that was committed, unless it knows it. In pieces, most of them while others may commit.
    pub(super) fn project(&self, reader: &Reader, tell: &mut Tell<'_>) -> Result<(), Error> {
        // Before the gate, which a commit holds until it is durable.
        if !self.changes().committed {
            return Ok(());
        }
        let _projecting = self.projecting.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..PASSES {
            self.project_pieces(0, reader, tell)?;
        }
        let _gate = self.gate();
        if !self.changes().committed {
            return Ok(());
        }
        if self.changes().refile {
            self.refile(reader)?;
        }
        loop {
            let piece = self.prepare(None, reader)?;
            let extent = if self.changes().waiting() <= piece.len() { Extent::Rest } else { Extent::Part };
            self.tell(reader, piece, extent, tell)?;
            if extent == Extent::Rest {
                return Ok(());
            }
        }
    }

    /// Tells the index of most of what waits now, while others may commit.
    pub(super) fn project_most(&self, reader: &Reader, tell: &mut Tell<'_>) -> Result<(), Error> {
        if self.changes().refile {
            return self.project(reader, tell);
        }
        let _projecting = self.projecting.lock().unwrap_or_else(PoisonError::into_inner);
        self.project_pieces(1, reader, tell)
    }

    /// Goes once over the cases that wait, in whole pieces, but `at_least` so many.
    fn project_pieces(&self, at_least: usize, reader: &Reader, tell: &mut Tell<'_>) -> Result<(), Error> {
        // Counted before, so that those who go on committing keep nobody here for ever.
        let pieces = (self.changes().waiting() / PIECE).max(at_least);
        let mut after = None;
        for _ in 0..pieces {
            let piece = self.prepare(after, reader)?;
            if piece.is_empty() && after.is_some() {
                // The end of the walk.
                return Ok(());
            }
            after = piece.last().map(|last| last.of.case.id());
            let _gate = self.gate();
            // Where a case is filed may have changed since it was prepared.
            if self.changes().refile {
                return Ok(());
            }
            self.tell(reader, piece, Extent::Part, tell)?;
        }
        Ok(())
    }

    /// Tells the index of the rows that follow from single entries and not from the state of a case.
    pub(super) fn project_rows(&self, reader: &Reader, tell: &mut Tell<'_>) -> Result<(), Error> {
        if self.changes().refile {
            return self.project(reader, tell);
        }
        if self.changes().rows.is_empty() {
            return Ok(());
        }
        let _gate = self.gate();
        self.tell(reader, Vec::new(), Extent::Part, tell)
    }

    /// Tells the index of some cases, where they are still as they were prepared, and of everything that is not about
    /// cases. The caller holds the gate.
    fn tell(
        &self,
        reader: &Reader,
        mut piece: Vec<Prepared>,
        extent: Extent,
        tell: &mut Tell<'_>,
    ) -> Result<(), Error> {
        // Until the index is told: a case that somebody folds meanwhile would be taken for the one that was told, and what
        // was folded be forgotten.
        let _folding = self.folding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut projection = Projection::default();
        {
            let changes = self.changes();
            piece.retain(|prepared| changes.is_still(&prepared.of));
            projection.rows.clone_from(&changes.rows);
            projection.rows.extend(changes.matters.values().flat_map(|matter| matters::rows_of(matter)));
        }
        let reference = reader.reference();
        let mut entries = 0;
        let mut settled = Vec::with_capacity(piece.len());
        for Prepared { of: filed, told, snapshot } in piece {
            projection.rows.extend(quarantine::rejected(&filed.case, &reference));
            projection.rows.extend(filed.rows.iter().filter(|old| !told.rows.contains(old)).cloned().map(no_row));
            let added = told.rows.iter().filter(|new| !filed.rows.contains(new)).cloned();
            projection.rows.extend(added.map(|(list, key)| row(&list, key, Vec::new())));
            projection.cases.push(snapshot);
            entries += filed.untold().len();
            settled.push(Arc::new(told));
        }
        tell(projection, extent)?;
        let mut changes = self.changes_mut();
        changes.projections += 1;
        changes.rows.clear();
        changes.matters.clear();
        changes.requests.clear();
        changes.entries = changes.entries.saturating_sub(entries);
        if changes.settled[0].len() + settled.len() > SETTLED {
            changes.settled[1] = std::mem::take(&mut changes.settled[0]);
        }
        for filed in settled {
            changes.cases.remove(&filed.case.id());
            changes.settled[0].insert(filed.case.id(), filed);
        }
        if extent == Extent::Rest {
            (changes.entries, changes.refile, changes.committed) = (0, false, false);
        }
        Ok(())
    }

    /// Folds and encodes the next of the cases that wait.
    fn prepare(&self, after: Option<CaseId>, reader: &Reader) -> Result<Vec<Prepared>, Error> {
        let piece: BTreeSet<CaseId> = {
            let changes = self.changes();
            let next = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
            let (unfolded, folded) = (changes.unfolded.range(next), changes.cases.range(next));
            unfolded.map(|(id, _)| *id).take(PIECE).chain(folded.map(|(id, _)| *id).take(PIECE)).collect()
        };
        let reference = reader.reference();
        let mut prepared = Vec::with_capacity(PIECE);
        for id in piece.into_iter().take(PIECE) {
            if let Some(filed) = reader.filed(&id)? {
                prepared.push(Prepared::new(filed, &reference, reader));
            }
        }
        Ok(prepared)
    }

    /// Counts cases that could not be filed before as changed.
    fn refile(&self, reader: &Reader) -> Result<(), Error> {
        for id in unfiled(reader)? {
            if let Some(filed) = reader.filed(&id)? {
                self.changes_mut().cases.entry(id).or_insert(filed);
            }
        }
        Ok(())
    }

    fn changes(&self) -> RwLockReadGuard<'_, Changes> {
        self.changes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn changes_mut(&self) -> RwLockWriteGuard<'_, Changes> {
        self.changes.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Changes {
    /// Whether so many parts of a hundred wait of what may.
    fn reaches(&self, percent: usize) -> bool {
        let reached = |waiting: usize, most: usize| waiting * 100 >= most * percent;
        reached(self.cases.len(), CASES) || reached(self.rows.len(), ROWS) || reached(self.entries, ENTRIES)
    }

    /// How many cases wait.
    fn waiting(&self) -> usize {
        self.cases.len() + self.unfolded.keys().filter(|id| !self.cases.contains_key(id)).count()
    }

    /// Whether a case is folded as far as it was. More entries of it may wait since.
    fn is_still(&self, filed: &Arc<FiledCase>) -> bool {
        self.cases.get(&filed.case.id()).is_some_and(|now| Arc::ptr_eq(now, filed))
    }
}

impl Prepared {
    fn new(of: Arc<FiledCase>, reference: &ReferenceData, reader: &Reader) -> Self {
        let (snapshot, told) = of.tell(filing(&of.case, reference, reader.me()));
        Self { of, told, snapshot }
    }
}

/// Cases that could not be filed for want of their item.
fn unfiled(reader: &Reader) -> Result<Vec<CaseId>, Error> {
    let rows = reader.store().rows(UNFILED, None, false, REFILED_AT_ONCE).map_err(store("read a list"))?;
    Ok(rows.into_iter().filter_map(|(key, _)| CaseId::from_bytes(&key).ok()).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sanji_domain::case::{ActorFacts, Body, CaseEntry, Side, SideEvent};
    use sanji_log::{Hash, HybridTime, LogId, PublicKey, Reach};

    use super::*;

    fn case() -> CaseId {
        CaseId::new("990106101203".parse().unwrap(), 9678, 1, [7; 7]).unwrap()
    }

    fn note(number: u8) -> Facts {
        let home = case().home().unwrap();
        let side = Side { actor: ActorFacts::default(), request: None, event: SideEvent::Note };
        let entry = CaseEntry {
            hash: Hash([number; 32]),
            log: LogId { home, reach: Reach::Private, key: PublicKey([1; 32]) },
            seq: number.into(),
            writer: home,
            time: HybridTime::from_millis(number.into()),
            actor: String::new(),
            body: Body::Side(side),
        };
        entry.into()
    }

    fn take_in(ahead: &Ahead, facts: Facts) {
        let mut fold = Fold::default();
        fold.entries = 1;
        fold.unfolded.insert(case(), vec![facts]);
        ahead.take_in(fold, Vec::new(), false);
    }

    #[test]
    fn what_can_not_be_folded_since_a_read_fails_waits_on_in_its_order() {
        let ahead = Ahead::default();
        take_in(&ahead, note(1));
        let failed = ahead.case(
            &case(),
            || {
                take_in(&ahead, note(2));
                Err(Error::Stopped)
            },
            |_| {},
        );
        assert!(matches!(failed, Err(Error::Stopped)));
        assert!(ahead.is_at_hand(&case()));
        let filed = ahead.case(&case(), || Ok(None), |_| {}).unwrap().unwrap();
        assert_eq!(filed.untold(), [note(1), note(2)]);
        let again = ahead.case(&case(), || Err(Error::Stopped), |_| {}).unwrap().unwrap();
        assert!(Arc::ptr_eq(&filed, &again), "it is folded once");
        take_in(&ahead, note(3));
        assert_eq!(ahead.case(&case(), || Ok(None), |_| {}).unwrap().unwrap().untold().len(), 3);
    }
}
