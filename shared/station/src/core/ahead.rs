//! What is durable and not in the index yet. Folding an entry is cheap, writing a case's snapshot and rows is not; so
//! changed cases wait here, and the index is told of many commits at once. Every reader sees them meanwhile. After a
//! crash the store asks for what it was never told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sanji_domain::matter::Matter;
use sanji_log::{CaseId, CaseNumber, RequestId};
use sanji_store::{CaseSnapshot, Projection, Row};

use super::filed::FiledCase;
use super::fold::{Changed, Fold};
use super::matters;
use super::reader::Reader;
use super::rows::{UNFILED, filing, no_row, row};
use crate::error::{Error, store};

/// More changed cases than this are written to the index before anything else is done.
const CASES: usize = 1024;
/// More rows than this are written to the index before anything else is done.
const ROWS: usize = 8192;
/// Cases of one generation that are kept once the index has them. A case takes a few kilobytes.
const SETTLED: usize = 1024;
/// Most cases that are filed anew at once when the catalogue has grown.
const REFILED_AT_ONCE: usize = 1000;

/// What is ahead of the index.
#[derive(Default)]
pub(super) struct Ahead {
    /// Held by whoever commits or projects, so that a projection stands for all that was committed.
    gate: Mutex<()>,
    changes: RwLock<Changes>,
}

#[derive(Default)]
struct Changes {
    cases: BTreeMap<CaseId, Arc<FiledCase>>,
    /// Written to the index lately: likely to change again soon. Two generations, so that those that are used stay.
    settled: [BTreeMap<CaseId, Arc<FiledCase>>; 2],
    matters: BTreeMap<CaseId, Arc<Matter>>,
    requests: BTreeMap<RequestId, CaseId>,
    rows: Vec<Row>,
    /// The reference data has changed, so cases that could not be filed may be now.
    refile: bool,
    /// Entries were committed that say nothing here: the index is told all the same, so that it asks no more.
    committed: bool,
}

impl Ahead {
    /// To be held while something is committed and [taken in](Self::take_in).
    pub(super) fn gate(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A case, where it is here.
    pub(super) fn case(&self, id: &CaseId) -> Option<Arc<FiledCase>> {
        let changes = self.changes();
        let [newer, older] = &changes.settled;
        changes.cases.get(id).or_else(|| newer.get(id)).or_else(|| older.get(id)).cloned()
    }

    /// Cases of a number that are here.
    pub(super) fn cases_of_number(&self, number: &CaseNumber) -> Vec<CaseId> {
        self.changes().cases.range(number.case_ids()).map(|(id, _)| *id).collect()
    }

    /// The case that a request opened, where the index does not know it yet.
    pub(super) fn case_of_request(&self, request: &RequestId) -> Option<CaseId> {
        self.changes().requests.get(request).copied()
    }

    /// A matter, where it is here.
    pub(super) fn matter(&self, id: &CaseId) -> Option<Arc<Matter>> {
        self.changes().matters.get(id).cloned()
    }

    /// Takes in what a commit has made durable, and says by how many there are more open cases. The caller holds the
    /// gate.
    pub(super) fn take_in(&self, fold: Fold, rows: Vec<Row>, reference_changed: bool) -> i64 {
        let mut changes = self.changes_mut();
        let mut opened = 0;
        for (id, Changed { filed, was_open }) in fold.cases {
            opened += i64::from(filed.case.is_open()) - i64::from(was_open);
            changes.cases.insert(id, filed);
        }
        changes.matters.extend(fold.matters);
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

    /// Whether so much waits that the index should be told now.
    pub(super) fn is_full(&self) -> bool {
        let changes = self.changes();
        changes.cases.len() >= CASES || changes.rows.len() >= ROWS
    }

    /// Tells the index. The caller holds the gate, or is the only one who knows the store.
    pub(super) fn project(
        &self,
        reader: &Reader,
        tell: impl FnOnce(Projection) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !self.changes().committed {
            return Ok(());
        }
        let mut cases = self.changes().cases.clone();
        if self.changes().refile {
            for id in unfiled(reader)? {
                if let (false, Some(filed)) = (cases.contains_key(&id), reader.filed(&id)?) {
                    cases.insert(id, filed);
                }
            }
        }
        let reference = reader.reference();
        let mut projection = Projection { cases: Vec::with_capacity(cases.len()), rows: self.changes().rows.clone() };
        let matters = self.changes().matters.clone();
        projection.rows.extend(matters.values().flat_map(|matter| matters::rows_of(matter)));
        let mut settled = BTreeMap::new();
        for (id, filed) in cases {
            let rows = filing(&filed.case, &reference, reader.me());
            projection.rows.extend(filed.rows.iter().filter(|old| !rows.contains(old)).cloned().map(no_row));
            let added = rows.iter().filter(|new| !filed.rows.contains(new)).cloned();
            projection.rows.extend(added.map(|(list, key)| row(&list, key, Vec::new())));
            let filed = FiledCase { case: filed.case.clone(), rows };
            projection.cases.push(CaseSnapshot { case: id, bytes: filed.encode().unwrap_or_default() });
            settled.insert(id, Arc::new(filed));
        }
        tell(projection)?;
        let mut changes = self.changes_mut();
        let [mut newer, mut older] = std::mem::take(&mut changes.settled);
        if newer.len() + settled.len() > SETTLED {
            older = std::mem::take(&mut newer);
        }
        newer.extend(settled);
        *changes = Changes { settled: [newer, older], ..Changes::default() };
        Ok(())
    }

    fn changes(&self) -> RwLockReadGuard<'_, Changes> {
        self.changes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn changes_mut(&self) -> RwLockWriteGuard<'_, Changes> {
        self.changes.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cases that could not be filed for want of their item.
fn unfiled(reader: &Reader) -> Result<Vec<CaseId>, Error> {
    let rows = reader.store().rows(UNFILED, None, false, REFILED_AT_ONCE).map_err(store("read a list"))?;
    Ok(rows.into_iter().filter_map(|(key, _)| CaseId::from_bytes(&key).ok()).collect())
}
