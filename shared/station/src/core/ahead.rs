//! What is durable and not in the index yet. Neither folding an entry nor writing a case's snapshot and rows is needed
//! to acknowledge it; so entries wait here unfolded until somebody looks at their case, changed cases wait until the
//! index is told of many commits at once, and a case that has changed often meanwhile is written once. Every reader sees
//! what has happened all the same. After a crash the store asks for what it was never told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sanji_domain::case::{Body, Case, CaseEntry};
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

/// More changed cases than this, those that wait to be folded counted with them, are written to the index before anything
/// else is done. Folded and encoded, one takes some ten kilobytes. A case of which entries came since it was folded counts
/// twice, so a burst over two thousand cases stays within half of this and is not stopped.
const CASES: usize = 8192;
/// More rows than this are written to the index before anything else is done.
const ROWS: usize = 16_384;
/// When more entries than this wait, folded or not, the index is told of them before anything else is done. Without its
/// private part an entry takes half a kilobyte.
const ENTRIES: usize = 65_536;
/// Cases of one generation that are kept once the index has them. A case takes a few kilobytes.
const SETTLED: usize = 2048;
/// Most cases that are filed anew at once when the catalogue has grown.
const REFILED_AT_ONCE: usize = 1000;

/// What is ahead of the index.
#[derive(Default)]
pub(super) struct Ahead {
    /// Held by whoever commits or ends a projection, so that a projection stands for all that was committed.
    gate: Mutex<()>,
    /// Held by whoever folds, so that no entry is folded twice.
    folding: Mutex<()>,
    changes: RwLock<Changes>,
}

#[derive(Default)]
struct Changes {
    cases: BTreeMap<CaseId, Arc<FiledCase>>,
    /// Entries that come after what `cases` and the index know.
    unfolded: BTreeMap<CaseId, Vec<Arc<CaseEntry>>>,
    /// Entries that the index was not told of, folded or not.
    entries: usize,
    /// Cases with steps among the unfolded: they may have been opened or closed.
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

    fn note_folded(&mut self, id: CaseId, filed: Arc<FiledCase>, entries: usize) {
        self.cases.insert(id, filed);
        let Some(waiting) = self.unfolded.get_mut(&id) else { return };
        let entries = entries.min(waiting.len());
        waiting.drain(..entries);
        if waiting.is_empty() {
            self.unfolded.remove(&id);
            self.steps.remove(&id);
        }
    }

    fn wait(&mut self, id: CaseId, entries: Vec<Arc<CaseEntry>>) {
        // Only steps open and close cases.
        if entries.iter().any(|entry| matches!(entry.body, Body::Step(_))) {
            self.steps.insert(id);
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
            let waiting = changes.unfolded.get(id).cloned();
            // Taken out, so that it is changed in place: nobody looks for it there while entries of it wait.
            (if waiting.is_some() { changes.take_folded(id) } else { changes.folded(id) }, waiting)
        };
        let before = if folded.is_some() { folded } else { stored()? };
        let Some(waiting) = waiting else { return Ok(before) };
        let was_open = before.as_ref().is_some_and(|filed| filed.case.is_open());
        let mut filed = before.unwrap_or_else(|| Arc::new(FiledCase::new(Case::new(*id))));
        let entries = waiting.len();
        FiledCase::fold(&mut filed, waiting);
        self.changes_mut().note_folded(*id, filed.clone(), entries);
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

    /// Cases that may have been opened or closed by what is not folded yet.
    pub(super) fn cases_with_unfolded_steps(&self) -> Vec<CaseId> {
        self.changes().steps.iter().copied().collect()
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
        for (id, Changed { mut filed, was_open }) in fold.cases {
            opened += i64::from(filed.case.is_open()) - i64::from(was_open);
            // The index may have been told of the case since the group has looked at it.
            if let Some(known) = changes.folded(&id).filter(|known| known.rows != filed.rows) {
                Arc::make_mut(&mut filed).rows.clone_from(&known.rows);
            }
            changes.cases.insert(id, filed);
        }
        changes.matters.extend(fold.matters);
        // Whoever has looked at a case will most likely look again, to fold what was written.
        for (id, filed) in fold.looked_at {
            if fold.unfolded.contains_key(&id) && changes.folded(&id).is_none() && changes.projections == fold.begun {
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

    /// Whether so much waits that the index should be told now.
    pub(super) fn is_full(&self) -> bool {
        self.changes().reaches(1)
    }

    /// Whether a good part of what may wait does.
    pub(super) fn is_filling(&self) -> bool {
        self.changes().reaches(2)
    }

    /// Whether rows wait that follow from single entries and not from the state of a case.
    pub(super) fn has_rows(&self) -> bool {
        let changes = self.changes();
        !changes.rows.is_empty() || changes.refile
    }

    /// Tells the index, unless it knows all. Most of the work is done while others may commit.
    pub(super) fn project(
        &self,
        reader: &Reader,
        tell: impl FnOnce(Projection) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !self.changes().committed {
            return Ok(());
        }
        let mut prepared = BTreeMap::new();
        self.prepare(reader, &mut prepared)?;
        let _gate = self.gate();
        self.project_prepared(reader, prepared, tell)
    }

    /// The same. The caller holds the gate.
    fn project_prepared(
        &self,
        reader: &Reader,
        mut prepared: BTreeMap<CaseId, Prepared>,
        tell: impl FnOnce(Projection) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !self.changes().committed {
            return Ok(());
        }
        if self.changes().refile {
            self.refile(reader)?;
            prepared.clear();
        }
        self.prepare(reader, &mut prepared)?;
        let mut projection =
            Projection { cases: Vec::with_capacity(prepared.len()), rows: self.changes().rows.clone() };
        let matters = self.changes().matters.clone();
        projection.rows.extend(matters.values().flat_map(|matter| matters::rows_of(matter)));
        let reference = reader.reference();
        let mut settled = BTreeMap::new();
        for (id, Prepared { of: filed, told, snapshot }) in prepared {
            projection.rows.extend(quarantine::rejected(&filed.case, &reference));
            projection.rows.extend(filed.rows.iter().filter(|old| !told.rows.contains(old)).cloned().map(no_row));
            let added = told.rows.iter().filter(|new| !filed.rows.contains(new)).cloned();
            projection.rows.extend(added.map(|(list, key)| row(&list, key, Vec::new())));
            projection.cases.push(snapshot);
            settled.insert(id, Arc::new(told));
        }
        tell(projection)?;
        let mut changes = self.changes_mut();
        let [mut newer, mut older] = std::mem::take(&mut changes.settled);
        if newer.len() + settled.len() > SETTLED {
            older = std::mem::take(&mut newer);
        }
        for (at, (id, filed)) in settled.into_iter().enumerate() {
            if at < SETTLED {
                newer.insert(id, filed);
            } else {
                // What is kept of it is of before.
                newer.remove(&id);
                older.remove(&id);
            }
        }
        let projections = changes.projections + 1;
        *changes = Changes { settled: [newer, older], projections, ..Changes::default() };
        Ok(())
    }

    /// Folds what waits, and encodes every changed case that was not encoded as it is now.
    fn prepare(&self, reader: &Reader, prepared: &mut BTreeMap<CaseId, Prepared>) -> Result<(), Error> {
        let waiting: Vec<CaseId> = self.changes().unfolded.keys().copied().collect();
        for id in waiting {
            reader.filed(&id)?;
        }
        let changed = self.changes().cases.clone();
        let reference = reader.reference();
        let mut before = std::mem::take(prepared);
        prepared.extend(changed.into_iter().map(|(id, filed)| {
            let same = before.remove(&id).filter(|before| Arc::ptr_eq(&before.of, &filed));
            (id, same.unwrap_or_else(|| Prepared::new(filed, &reference, reader)))
        }));
        Ok(())
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
    /// Whether one `part`-th of what may wait does.
    fn reaches(&self, part: usize) -> bool {
        self.cases.len() + self.unfolded.len() >= CASES / part
            || self.rows.len() >= ROWS / part
            || self.entries >= ENTRIES / part
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
