//! Walking the cases that this station holds in the order in which they were opened, however many there are: a page
//! of keys for each shelf is in memory, and one case.
//!
//! Nothing here asks who may see what: that is for whoever shows something of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use sanji_domain::DepartmentCode;
use sanji_domain::case::Case;
use sanji_log::{CaseId, StationCode};

use super::reader::Reader;
use super::rows::{Work, case_of_work_key, departments, shelf, time_of_work_key, work_key, work_key_before};
use crate::error::{Error, store};

/// Keys read from a shelf at a time.
const PAGE: usize = 256;

/// Which cases a walk visits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Opened at this time or later: milliseconds since 1970-01-01 UTC.
    pub from_ms: u64,
    /// Opened before this time.
    pub until_ms: u64,
    /// Open ones, closed ones, or both.
    pub which: Which,
    /// Opened at this station or one below it.
    pub within: StationCode,
    /// Whose item one of these departments leads. None: whichever.
    pub departments: Option<BTreeSet<DepartmentCode>>,
    /// From the newest to the oldest, and not the other way round.
    pub newest_first: bool,
    /// Goes on behind this case, which was opened at this time: milliseconds since 1970-01-01 UTC.
    pub after: Option<(u64, CaseId)>,
}

/// Whether there is still something to decide or to deliver; see [`Case::is_open`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Both.
    All,
    /// Only those that are not closed.
    Open,
    /// Only those that are.
    Closed,
}

impl Scan {
    /// All cases of a station and those below it, oldest first.
    #[must_use]
    pub fn all(within: StationCode) -> Self {
        Self {
            from_ms: 0,
            until_ms: u64::MAX,
            which: Which::All,
            within,
            departments: None,
            newest_first: false,
            after: None,
        }
    }
}

/// A walk over cases; see [`Reader::scan`].
pub struct Cases<'r> {
    reader: &'r Reader,
    scan: Scan,
    shelves: Vec<Shelf>,
    /// The next key of each shelf that has one, and which shelf that is.
    next: BTreeMap<Vec<u8>, usize>,
    failed: Option<Error>,
}

/// The open and the closed cases of a department, as far as they are read.
struct Shelf {
    open: Vec<u8>,
    closed: Vec<u8>,
    keys: VecDeque<Vec<u8>>,
    /// Read up to this key; none once there are no more.
    after: Option<Vec<u8>>,
}

impl Reader {
    /// Walks cases. One that changes meanwhile is visited once, as it is when its turn comes. Cases whose item has not
    /// arrived are passed over: nobody can say yet whose they are. The walk ends at the first case that can't be read,
    /// with [`Error::Store`].
    #[must_use]
    pub fn scan(&self, scan: Scan) -> Cases<'_> {
        let wanted = |department: &&DepartmentCode| {
            scan.departments.as_ref().is_none_or(|departments| departments.contains(*department))
        };
        let reference = self.reference();
        let lists = |department: &DepartmentCode| {
            (shelf(self.me(), Work::Open, department), shelf(self.me(), Work::Closed, department))
        };
        // A township has one shelf for all departments.
        let lists: BTreeSet<_> = departments(&reference).filter(wanted).map(lists).collect();
        let start = match &scan.after {
            Some((time_ms, case)) => work_key(0, *time_ms, case),
            None if scan.newest_first => work_key_before(scan.until_ms),
            None => work_key_before(scan.from_ms),
        };
        let shelf = |(open, closed)| Shelf { open, closed, keys: VecDeque::new(), after: Some(start.clone()) };
        let shelves: Vec<Shelf> = lists.into_iter().map(shelf).collect();
        let mut cases = Cases { reader: self, scan, shelves, next: BTreeMap::new(), failed: None };
        for at in 0..cases.shelves.len() {
            if let Err(error) = cases.advance(at) {
                cases.failed = Some(error);
                break;
            }
        }
        cases
    }
}

impl Iterator for Cases<'_> {
    type Item = Result<Arc<Case>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(error) = self.failed.take() {
                self.next.clear();
                return Some(Err(error));
            }
            let (key, at) = if self.scan.newest_first { self.next.pop_last()? } else { self.next.pop_first()? };
            if let Err(error) = self.advance(at) {
                self.failed = Some(error);
            }
            let Some(id) = case_of_work_key(&key).filter(|id| self.is_within(id)) else { continue };
            match self.reader.case(&id) {
                Ok(Some(case)) if self.is_wanted(&case) => return Some(Ok(case)),
                Ok(_) => {}
                Err(error) => self.failed = Some(error),
            }
        }
    }
}

impl Cases<'_> {
    fn is_within(&self, id: &CaseId) -> bool {
        id.home().is_some_and(|home| home.within(self.scan.within))
    }

    fn is_wanted(&self, case: &Case) -> bool {
        let reference = self.reader.reference();
        let lead = case.item().and_then(|(code, version)| reference.catalogue().get(code, version));
        let lead = lead.map(|item| &item.department);
        let of_a_department =
            self.scan.departments.as_ref().is_none_or(|wanted| lead.is_some_and(|lead| wanted.contains(lead)));
        // It may have been closed since its key was read.
        of_a_department
            && match self.scan.which {
                Which::All => true,
                Which::Open => case.is_open(),
                Which::Closed => !case.is_open(),
            }
    }

    /// Puts the next key of a shelf up for choice.
    fn advance(&mut self, at: usize) -> Result<(), Error> {
        let Some(shelf) = self.shelves.get_mut(at) else { return Ok(()) };
        if shelf.keys.is_empty() {
            shelf.fill(self.reader, &self.scan)?;
        }
        if let Some(key) = shelf.keys.pop_front() {
            self.next.insert(key, at);
        }
        Ok(())
    }
}

impl Shelf {
    /// Reads on. A case moves from the open list to the closed one and keeps its key, so the open one is read first:
    /// then it is in one of them at least, and keys that are in both count once.
    fn fill(&mut self, reader: &Reader, scan: &Scan) -> Result<(), Error> {
        while self.keys.is_empty()
            && let Some(after) = self.after.take()
        {
            let mut keys = BTreeSet::new();
            // Where the shorter of the two pages ends: beyond it one list is not known.
            let mut bound: Option<Vec<u8>> = None;
            for (list, excluded) in [(&self.open, Which::Closed), (&self.closed, Which::Open)] {
                if scan.which == excluded {
                    continue;
                }
                let rows = reader.indexed()?.rows(list, Some(&after), scan.newest_first, PAGE);
                let rows = rows.map_err(store("read a work list"))?;
                if let (true, Some((last, _))) = (rows.len() == PAGE, rows.last()) {
                    let nearer = |bound: &Vec<u8>| if scan.newest_first { last > bound } else { last < bound };
                    if bound.as_ref().is_none_or(nearer) {
                        bound = Some(last.clone());
                    }
                }
                keys.extend(rows.into_iter().map(|(key, _)| key));
            }
            let count = keys.len();
            let known = |key: &Vec<u8>| {
                bound.as_ref().is_none_or(|bound| if scan.newest_first { key >= bound } else { key <= bound })
            };
            let in_time = |key: &Vec<u8>| (scan.from_ms..scan.until_ms).contains(&time_of_work_key(key));
            let kept: Vec<Vec<u8>> = keys.into_iter().filter(|key| known(key)).collect();
            let in_order = kept.into_iter().filter(in_time);
            self.keys = if scan.newest_first { in_order.rev().collect() } else { in_order.collect() };
            // Nothing in time behind something that was: the walk has left the period.
            let left_the_period = self.keys.is_empty() && count > 0;
            self.after = bound.filter(|_| !left_the_period);
        }
        Ok(())
    }
}
