//! The index: what can be derived from the journal, in sled, deleted and rebuilt at any time.
//!
//! sled is never flushed in the commit path. A thread applies changes in groups; until it has, they are read from
//! memory, so that readers see every commit that has returned. See `keys` for the rows.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sled::IVec;

use crate::contract::Error;
use overlay::{Layer, Overlay};

mod engine;
pub(crate) mod keys;
mod overlay;
pub(crate) mod rows;

pub use engine::contains_panics;
pub(crate) use engine::remove;

/// How long the thread gathers changes before it applies them: a row that changes often meanwhile is written once, and
/// the runs of a case get one row together. sled copies a page for every row, so rows are what it costs.
const LINGER: Duration = Duration::from_secs(5);
/// When so many bytes wait they are applied, however short they have waited. What is applied at once is bounded by this:
/// sled frees the pages that it has copied for a batch when the batch ends.
const BATCH_BYTES: usize = 4 << 20;
/// Bytes that may wait or be applied; then commits wait too.
const WAITING_MAX_BYTES: usize = 2 * BATCH_BYTES;
/// Bytes of a row in which the runs of a case stand together.
const MERGED_BYTES: usize = 2048;

/// How sled is to be used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexOptions {
    /// Size of sled's cache, in bytes.
    pub(crate) cache_bytes: u64,
    /// How long opening may take before the index is given up and rebuilt.
    pub(crate) open_timeout: Duration,
}

/// An open index.
#[derive(Debug)]
pub(crate) struct Index {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    tree: sled::Db,
    /// Where `tree` lies.
    file: File,
    waiting: Mutex<Waiting>,
    /// There is something to apply, or the index closes.
    work: Condvar,
    /// Something was applied, or applying has failed.
    applied: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    overlay: Overlay,
    hurry: bool,
    closing: bool,
    failed: Option<sled::Error>,
}

impl Index {
    /// Opens the index, or makes it. An index that can't be opened is set aside and an empty one made.
    pub(crate) fn open(path: &Path, options: IndexOptions) -> Result<Self, Error> {
        Self::of(engine::open(path, options)?, path)
    }

    /// Makes an empty index in place of one that has failed and is still held open.
    pub(crate) fn open_anew(path: &Path, options: IndexOptions) -> Result<Self, Error> {
        Self::of(engine::open_anew(path, options)?, path)
    }

    /// Whether changes can't be applied any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.shared.waiting().failed.is_some()
    }

    /// Until sled has nothing to write any more; it would do so by itself within seconds.
    #[cfg(test)]
    pub(crate) fn rest_for_tests(&self) {
        self.settle().unwrap();
        self.shared.tree.flush().unwrap();
    }

    #[cfg(test)]
    pub(crate) fn fail_for_tests(&self) {
        self.shared.waiting().failed = Some(sled::Error::ReportableBug("it was told to fail".to_owned()));
    }

    fn of(tree: sled::Db, path: &Path) -> Result<Self, Error> {
        let (file, waiting) = (engine::file(path)?, Mutex::default());
        let shared = Arc::new(Shared { tree, file, waiting, work: Condvar::new(), applied: Condvar::new() });
        let worker = shared.clone();
        let thread = std::thread::Builder::new()
            .name("store-index".to_owned())
            .spawn(move || worker.run())
            .map_err(|source| crate::files::failed("start the thread of", path, source))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Adds changes that belong together; readers see them from now on.
    pub(crate) fn push(&self, changes: rows::Changes) {
        let mut waiting = self.shared.waiting();
        let was_empty = waiting.overlay.is_empty();
        waiting.overlay.push(changes);
        // Whoever gathers need not be woken for every commit.
        let has_work = was_empty || waiting.overlay.bytes() >= BATCH_BYTES;
        drop(waiting);
        if has_work {
            self.shared.work.notify_one();
        }
    }

    /// Waits until the lag allows another commit.
    pub(crate) fn wait_for_room(&self) -> Result<(), Error> {
        self.wait_while(|waiting| waiting.overlay.bytes() > WAITING_MAX_BYTES)
    }

    /// Waits until sled has been given everything.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        self.wait_while(|waiting| {
            waiting.hurry = !waiting.overlay.is_empty();
            waiting.hurry
        })
    }

    fn wait_while(&self, mut condition: impl FnMut(&mut Waiting) -> bool) -> Result<(), Error> {
        let mut waiting = self.shared.waiting();
        loop {
            if let Some(source) = waiting.failed.clone() {
                return Err(Error::Index { operation: "apply changes", source });
            }
            if !condition(&mut waiting) {
                return Ok(());
            }
            self.shared.work.notify_one();
            waiting = self.shared.applied.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// One row.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<IVec>, Error> {
        // The overlay first: what leaves it is in sled by then.
        if let Some(value) = self.shared.waiting().overlay.get(key) {
            return Ok(value);
        }
        engine::guarded(|| self.shared.tree.get(key)).map_err(|source| self.unreadable(source))
    }

    /// Gives the rows of `from..until` to `visit` until it returns false; falling keys where `backwards`.
    pub(crate) fn scan(
        &self,
        from: &[u8],
        until: &[u8],
        backwards: bool,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Error> {
        if from >= until {
            return Ok(());
        }
        let waiting = self.shared.waiting();
        let changed = waiting.overlay.range(from, until, backwards);
        let scan = || {
            let stored = self.shared.tree.range(from..until);
            if backwards {
                merge(stored.rev(), changed, |left, right| left > right, visit)
            } else {
                merge(stored, changed, |left, right| left < right, visit)
            }
        };
        let scanned = engine::guarded(scan);
        drop(waiting);
        scanned.map_err(|source| self.unreadable(source))
    }

    /// Damage of the index shows where it is read, so nothing more is built on it: it is begun anew.
    fn unreadable(&self, source: sled::Error) -> Error {
        self.shared.waiting().failed.get_or_insert(source.clone());
        self.shared.work.notify_all();
        self.shared.applied.notify_all();
        Error::Index { operation: "read rows", source }
    }
}

/// Walks over what is stored and what has changed as one: a change hides the stored row of its key.
fn merge<'a>(
    stored: impl Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>>,
    changed: impl Iterator<Item = (&'a IVec, Option<&'a IVec>)>,
    comes_first: impl Fn(&[u8], &[u8]) -> bool,
    visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
) -> sled::Result<()> {
    let mut changed = changed.peekable();
    for row in stored {
        let (key, value) = row?;
        while let Some((changed_key, changed_value)) = changed.next_if(|(other, _)| comes_first(other, &key)) {
            if changed_value.is_some_and(|value| !visit(changed_key, value)) {
                return Ok(());
            }
        }
        let go_on = match changed.next_if(|(other, _)| other[..] == key[..]) {
            Some((_, newer)) => newer.is_none_or(|newer| visit(&key, newer)),
            None => visit(&key, &value),
        };
        if !go_on {
            return Ok(());
        }
    }
    for (key, value) in changed {
        if value.is_some_and(|value| !visit(key, value)) {
            return Ok(());
        }
    }
    Ok(())
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The index thread: applies groups until the index closes.
    fn run(&self) {
        loop {
            let mut waiting = self.waiting();
            while waiting.overlay.is_empty() && !waiting.closing && waiting.failed.is_none() {
                waiting = self.work.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            if waiting.overlay.is_empty() || waiting.failed.is_some() {
                return;
            }
            let gathers =
                |waiting: &mut Waiting| !waiting.closing && !waiting.hurry && waiting.overlay.bytes() < BATCH_BYTES;
            let (mut waiting, _) =
                self.work.wait_timeout_while(waiting, LINGER, gathers).unwrap_or_else(PoisonError::into_inner);
            // Held until readers need not wait any more: dropping thousands of rows takes a while.
            let changes = waiting.overlay.begin_applying();
            drop(waiting);

            let result = self.apply(&changes);
            let mut waiting = self.waiting();
            match result {
                Ok(()) => waiting.overlay.end_applying(),
                Err(error) => waiting.failed = Some(error),
            }
            let failed = waiting.failed.is_some();
            drop(waiting);
            self.applied.notify_all();
            if failed {
                return;
            }
        }
    }

    fn apply(&self, changes: &Layer) -> sled::Result<()> {
        let mut batch = sled::Batch::default();
        let mut rest = changes.iter();
        loop {
            let values = rest.clone().map_while(|(key, value)| Some((&key[..], value.as_deref()?)));
            if let Some((key, value, rows)) = keys::merged(values, MERGED_BYTES) {
                batch.insert(key, value);
                let _ = rest.nth(rows - 1);
                continue;
            }
            match rest.next() {
                Some((key, Some(value))) => batch.insert(key.clone(), value.clone()),
                Some((key, None)) => batch.remove(key.clone()),
                None => break,
            }
        }
        engine::guarded(|| self.tree.apply_batch(batch))?;
        // Until it is written sled keeps it in memory, whatever its cache may hold.
        engine::guarded(|| self.tree.flush())?;
        Ok(self.file.sync_all()?)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.shared.waiting().closing = true;
        self.shared.work.notify_all();
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the index thread has panicked; the index will be brought up to date on opening");
        }
    }
}
