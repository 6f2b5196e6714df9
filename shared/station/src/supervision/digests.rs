//! Cases in short, remembered: reckoned when they are first asked for, forgotten when their case, the day or the
//! district's data change. Nothing is added to the commit path: what changed is read off the logs on the next look.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use sanji_domain::supervision::{Digest, digest};
use sanji_log::{CaseId, LogId};

use super::arrivals::arrivals;
use crate::core::rows::{Work, case_of_work_key, shelves};
use crate::core::scan::Which;
use crate::core::{Reader, ReferenceData};
use crate::error::{Error, store};

/// Most digests that are remembered: some 40 MB. Beyond that they are reckoned each time.
const REMEMBERED_MAX: usize = 200_000;
/// Entries since the last look beyond which it is cheaper to forget everything.
const ENTRIES_MAX: u64 = 50_000;
/// Bytes read of a log at a time.
const READ_BYTES: usize = 1 << 20;
/// Keys of a work list read at a time.
const PAGE: usize = 1024;

/// What is remembered. One for each running station.
#[derive(Default)]
pub struct Digests(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    /// What they were reckoned with.
    reference: Option<Arc<ReferenceData>>,
    /// For which day; none: nothing is remembered.
    day: Option<Date>,
    /// Up to where the logs were looked at.
    seen: BTreeMap<LogId, u64>,
    digests: HashMap<CaseId, Kept>,
}

struct Kept {
    /// Encoded, since a hundred thousand of them are kept.
    bytes: Box<[u8]>,
    /// The day changes nothing: the case is closed and no alert waits for an answer.
    settled: bool,
}

impl Digests {
    /// Visits the cases that were opened at `since_ms` or later (milliseconds since 1970-01-01 UTC), as they stand on
    /// a day. Nothing here asks who may see what.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn walk(
        &self,
        reader: &Reader,
        which: Which,
        since_ms: u64,
        today: Date,
        mut visit: impl FnMut(Digest),
    ) -> Result<(), Error> {
        self.look(reader, today)?;
        let reference = reader.reference();
        let works: &[Work] = match which {
            // Open ones first: a case that is closed meanwhile is visited twice rather than not at all.
            Which::All => &[Work::Open, Work::Closed],
            Which::Open => &[Work::Open],
            Which::Closed => &[Work::Closed],
        };
        for work in works {
            for list in shelves(reader, *work, |_| true) {
                let mut after = [&[0], since_ms.to_be_bytes().as_slice()].concat();
                loop {
                    let page = reader.store().rows(&list, Some(&after), false, PAGE);
                    let page = page.map_err(store("read a work list"))?;
                    let Some((last, _)) = page.last() else { break };
                    after.clone_from(last);
                    for id in page.iter().filter_map(|(key, _)| case_of_work_key(key)) {
                        if let Some(digest) = self.digest(reader, &reference, &id, today)? {
                            visit(digest);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn digest(
        &self,
        reader: &Reader,
        reference: &ReferenceData,
        id: &CaseId,
        today: Date,
    ) -> Result<Option<Digest>, Error> {
        let kept = self.remembered().digests.get(id).and_then(|kept| postcard::from_bytes(&kept.bytes).ok());
        if kept.is_some() {
            return Ok(kept);
        }
        let (Some(rules), Some(case)) = (reference.rules(), reader.case(id)?) else { return Ok(None) };
        let Some(digest) = digest(&case, &rules, &arrivals(reader, &case), today) else { return Ok(None) };
        let settled = digest.open.is_none() && digest.alerts.iter().all(|alert| !alert.waits());
        let mut remembered = self.remembered();
        if remembered.digests.len() < REMEMBERED_MAX
            && let Ok(bytes) = postcard::to_allocvec(&digest)
        {
            remembered.digests.insert(*id, Kept { bytes: bytes.into(), settled });
        }
        Ok(Some(digest))
    }

    /// Forgets what is no longer so.
    fn look(&self, reader: &Reader, today: Date) -> Result<(), Error> {
        let have = reader.store().have();
        // What is committed is shown from here on.
        reader.indexed()?;
        let reference = reader.reference();
        let mut remembered = self.remembered();
        if !remembered.reference.as_ref().is_some_and(|known| known.reckons_as(&reference)) {
            remembered.digests.clear();
        }
        remembered.reference = Some(reference);
        if remembered.day != Some(today) {
            remembered.digests.retain(|_, kept| kept.settled);
            remembered.day = Some(today);
        }
        let moved: Vec<(LogId, u64, u64)> = have
            .heads()
            .map(|head| (head.log, remembered.seen.insert(head.log, head.seq).unwrap_or(0), head.seq))
            .filter(|(_, seen, seq)| seen < seq)
            .collect();
        let entries: u64 = moved.iter().map(|(_, seen, seq)| seq - seen).sum();
        if entries > ENTRIES_MAX {
            remembered.digests.clear();
        }
        if remembered.digests.is_empty() {
            return Ok(());
        }
        for (log, seen, _) in moved {
            for case in changed(reader, &log, seen + 1)? {
                remembered.digests.remove(&case);
            }
        }
        Ok(())
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cases of the entries of a log from one on.
fn changed(reader: &Reader, log: &LogId, from: u64) -> Result<BTreeSet<CaseId>, Error> {
    let mut cases = BTreeSet::new();
    let mut next = from;
    loop {
        let run = reader.store().read(log, next, READ_BYTES).map_err(store("read a log"))?;
        let Some(run) = run.filter(|run| !run.entries.is_empty()) else { return Ok(cases) };
        for bytes in &run.entries {
            next += 1;
            cases.extend(bytes.decode().ok().and_then(|entry| entry.case));
        }
    }
}
