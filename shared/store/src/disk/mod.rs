//! The engine of a running station: the journal is the truth, the index is derived from it, attachments are files.
//!
//! ```text
//! LOCK  FORMAT  RESERVE  journal/segment-00000001 …  index/ (sled)  attachments/ab/…
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use bytes::Bytes;
use sanji_log::{
    AttachmentId, AttachmentRef, CaseId, EntryBytes, Hash, Have, Head, LogId, Receipt, Run, StationCode, Stretch,
};

use crate::attachments::Attachments;
use crate::bounds::{check_bounds, check_head, check_projection};
use crate::contract::{
    AttachmentState, CaseEntry, Commit, DiskRoom, DurableFile, Error, Faults, Halt, HeldKey, HeldSnapshot, Projection,
    Replay, Show, Store, Upload, Visit, WrappedKey,
};
use crate::files::{Folder, SystemFolder, failed};
use crate::index::keys::{self, LogRow};
use crate::index::rows::{self, Placed};
use crate::index::{self, Index};
use crate::journal::{Event, Journal, Position};
use crate::receipts::Receipts;

mod folder;
mod missing;
mod open;
mod read;
mod recover;
mod room;
mod verify;

use missing::Missing;
use room::Room;

/// How a store uses disk and memory.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Largest size of a segment of the journal, in bytes. Disk is taken in steps: the first is of 4 MB at most, each next
    /// one at most twice as large as the last.
    pub segment_bytes: u64,
    /// Size of the index's cache, in bytes.
    pub cache_bytes: u64,
    /// How long opening the index may take before it is given up and built again.
    pub index_open_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, cache_bytes: 16 << 20, index_open_timeout: Duration::from_secs(60) }
    }
}

/// A store in a data folder.
#[derive(Debug)]
pub struct DiskStore {
    path: PathBuf,
    journal: Journal,
    options: Options,
    /// Begun anew where it has failed.
    index: RwLock<Arc<Index>>,
    attachments: Attachments,
    /// Number and head of each log. There are a few for each station, however many entries there are.
    logs: RwLock<BTreeMap<LogId, LogRow>>,
    receipts: RwLock<Receipts>,
    /// Taken by who commits.
    progress: Mutex<Progress>,
    halt: Mutex<Option<Halt>>,
    room: Room,
    missing: Mutex<Missing>,
    /// Places that are known to be damaged, so that the index is searched once for each.
    known_damage: Mutex<BTreeSet<Position>>,
    may_lack: bool,
    /// Dropped last: until then nobody else may open the folder.
    _lock: folder::Lock,
}

/// Opens a folder of the data folder, or makes it.
pub type OpenFolder = dyn Fn(&Path) -> Result<Box<dyn Folder>, Error>;

/// How far the index is.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// Just after the last commit; the default where there is none.
    end: Position,
    /// Up to here the index has the projections.
    projected: Position,
}

impl DiskStore {
    /// Opens the store of a data folder, or makes it. Afterwards the caller brings the index up to date by
    /// [`Store::unprojected`].
    ///
    /// A store whose journal is damaged opens without what can't be read, see [`Store::missing`] and
    /// [`Store::may_lack`].
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Format`], [`Error::Damaged`] where not even reading makes sense, and those of
    /// the disk.
    pub fn open(path: &Path, options: Options) -> Result<Self, Error> {
        Self::open_on(path, options, &open_system_folder)
    }

    /// The same, with the files of journal and attachments wherever `open_folder` puts them.
    ///
    /// # Errors
    /// Those of [`DiskStore::open`].
    pub fn open_on(path: &Path, options: Options, open_folder: &OpenFolder) -> Result<Self, Error> {
        open::open(path, options, open_folder)
    }

    /// Drops the index of a data folder that nobody has open, and opens the store: everything in the index is
    /// derived again from the journal, and [`Store::unprojected`] asks for every projection.
    ///
    /// # Errors
    /// Those of [`DiskStore::open`].
    pub fn rebuild(path: &Path, options: Options) -> Result<Self, Error> {
        let lock = folder::take(path)?;
        index::remove(&path.join("index"))?;
        drop(lock);
        Self::open(path, options)
    }

    /// The data folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until the index thread has caught up. Nothing depends on it: readers see every commit anyway.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub fn settle(&self) -> Result<(), Error> {
        self.index().settle()
    }

    /// Fails where an earlier failure is final. A full disk is none.
    fn check_writable(&self) -> Result<(), Error> {
        match self.read_only() {
            Some(Halt::Failed { reason }) => Err(Error::ReadOnly { reason }),
            Some(Halt::Full) | None => Ok(()),
        }
    }

    /// Fails also where there is no room.
    fn check_room(&self) -> Result<(), Error> {
        self.check_writable()?;
        if self.room.is_enough() {
            self.halt().take_if(|halt| *halt == Halt::Full);
            return Ok(());
        }
        self.halt().get_or_insert(Halt::Full);
        Err(Error::Full { source: std::io::ErrorKind::StorageFull.into() })
    }

    /// Makes the store read-only where an error asks for it.
    fn note_failure(&self, error: Error) -> Error {
        match &error {
            Error::Full { .. } => {
                self.room.was_short();
                self.halt().get_or_insert(Halt::Full);
            }
            Error::Io { .. } | Error::Index { .. } => {
                let mut reason = error.to_string();
                let mut source = error.source();
                while let Some(cause) = source {
                    reason = format!("{reason}: {cause}");
                    source = cause.source();
                }
                let mut halt = self.halt();
                if !matches!(*halt, Some(Halt::Failed { .. })) {
                    *halt = Some(Halt::Failed { reason });
                }
            }
            _ => {}
        }
        error
    }

    fn halt(&self) -> MutexGuard<'_, Option<Halt>> {
        self.halt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> Arc<Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn logs(&self) -> RwLockReadGuard<'_, BTreeMap<LogId, LogRow>> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn heads(&self, wanted: impl Fn(&LogId) -> bool) -> Have {
        let logs = self.logs();
        let wanted = logs.iter().filter(|(log, _)| wanted(log));
        wanted.map(|(log, row)| Head { log: *log, seq: row.seq, hash: row.hash }).collect()
    }

    fn missing_entries(&self) -> MutexGuard<'_, Missing> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_damage(&self) -> MutexGuard<'_, BTreeSet<Position>> {
        self.known_damage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self, log: &LogId) -> Option<LogRow> {
        self.logs().get(log).copied()
    }

    fn append(&self, commit: &Commit, progress: &mut Progress) -> Result<(), Error> {
        for extension in &commit.extensions {
            check_head(extension, self.log(&extension.run.log).map(|row| (row.seq, row.hash)))?;
        }
        if commit.extensions.is_empty() && commit.case_keys.is_empty() && commit.receipts.is_empty() {
            return Ok(());
        }
        let index = self.index();
        index.wait_for_room()?;
        let appended = self.journal.append(commit)?;

        let mut receipts = self.receipts.write().unwrap_or_else(PoisonError::into_inner);
        let placed = Placed {
            time_ms: commit.time_ms,
            write: appended.write,
            end: appended.end,
            runs: appended.runs.iter().copied().zip(commit.extensions.iter().map(|extension| &extension.run)).collect(),
            keys: &appended.keys,
            receipts: commit.receipts.iter().filter(|receipt| receipts.keep(receipt)).collect(),
        };
        // Held until the rows can be read, so that nobody sees a head without its entries.
        let mut logs = self.logs.write().unwrap_or_else(PoisonError::into_inner);
        let mut changes = placed.changes(&mut logs);
        // Receipts and keys say nothing that is projected.
        if commit.extensions.is_empty() && progress.projected == progress.end {
            progress.projected = appended.end;
            changes.push((keys::PROJECTED.into(), Some(keys::position(appended.end).into())));
        }
        progress.end = appended.end;
        index.push(changes);
        Ok(())
    }
}

impl DiskStore {
    /// Shows a projection and how far it reaches, if anywhere new.
    fn show(&self, projection: &Projection, until: Option<Position>) -> Result<(), Error> {
        check_projection(projection)?;
        let index = self.index();
        let mut changes = rows::projection(&index, projection)?;
        if let Some(until) = until {
            changes.push((keys::PROJECTED.into(), Some(keys::position(until).into())));
        }
        index.wait_for_room()?;
        index.push(changes);
        Ok(())
    }

    fn note_projected(&self, until: Position) -> Result<(), Error> {
        self.progress().projected = until;
        self.show(&Projection::default(), Some(until))
    }
}

impl Store for DiskStore {
    fn commit(&self, commit: &Commit) -> Result<(), Error> {
        check_bounds(commit)?;
        let mut progress = self.progress();
        self.check_room()?;
        self.append(commit, &mut progress).map_err(|error| self.note_failure(error))
    }

    fn project(&self, projection: &Projection) -> Result<(), Error> {
        // Held, so that no commit comes between that is not in the projection.
        let mut progress = self.progress();
        let behind = progress.projected < progress.end;
        let shown = self.show(projection, behind.then_some(progress.end));
        if shown.is_ok() {
            progress.projected = progress.end;
        }
        shown.map_err(|error| self.note_failure(error))
    }

    fn project_part(&self, part: &Projection) -> Result<(), Error> {
        let _progress = self.progress();
        self.show(part, None).map_err(|error| self.note_failure(error))
    }

    fn have(&self) -> Have {
        self.heads(|_| true)
    }

    fn have_for(&self, station: StationCode) -> Have {
        self.heads(|log| log.held_by(station))
    }

    fn head(&self, log: &LogId) -> Option<(u64, Hash)> {
        self.logs().get(log).map(|row| (row.seq, row.hash))
    }

    fn read(&self, log: &LogId, from: u64, max_bytes: usize) -> Result<Option<Run>, Error> {
        self.read_run(log, from.max(1), max_bytes)
    }

    fn entry(&self, log: &LogId, seq: u64) -> Result<Option<EntryBytes>, Error> {
        self.read_entry(log, seq)
    }

    fn case_entries(&self, case: &CaseId) -> Result<Vec<CaseEntry>, Error> {
        self.read_case(case)
    }

    fn case_key(&self, case: &CaseId) -> Result<HeldKey, Error> {
        let Some(place) = self.key_places(case)?.pop() else { return Ok(HeldKey::Never) };
        let key = self.journal.key(place, case)?;
        Ok(key.map_or(HeldKey::Destroyed, |bytes| HeldKey::Here(WrappedKey { case: *case, bytes })))
    }

    fn destroy_case_key(&self, case: &CaseId) -> Result<(), Error> {
        let _progress = self.progress();
        self.check_writable()?;
        // Their places stay known: what is there now says that the key was destroyed.
        for place in self.key_places(case)? {
            self.journal.destroy_key(place, case).map_err(|error| self.note_failure(error))?;
        }
        Ok(())
    }

    fn receipts(&self, log: &LogId) -> Vec<Receipt> {
        self.receipts.read().unwrap_or_else(PoisonError::into_inner).of(log)
    }

    fn snapshot(&self, case: &CaseId) -> Result<Option<HeldSnapshot>, Error> {
        rows::snapshot(&self.index(), case)
    }

    fn cases_with_prefix(&self, prefix: &[u8], limit: usize) -> Result<Vec<CaseId>, Error> {
        let from = keys::snapshots(prefix);
        let mut cases = Vec::new();
        self.index().scan(&from, &keys::prefix_end(&from), false, &mut |key, _| {
            if cases.len() < limit {
                cases.extend(keys::parse_snapshot_part(key).filter(|(_, part)| *part == 0).map(|(case, _)| case));
            }
            cases.len() < limit
        })?;
        Ok(cases)
    }

    fn rows(
        &self,
        list: &[u8],
        after: Option<&[u8]>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        let prefix = keys::list(list);
        let (mut from, mut until) = (prefix.clone(), keys::prefix_end(&prefix));
        match after {
            Some(after) if newest_first => until = keys::list_row(list, after),
            // The first key after `after` is `after` and a byte 0.
            Some(after) => from = [&keys::list_row(list, after), [0].as_slice()].concat(),
            None => {}
        }
        let mut found = Vec::new();
        self.index().scan(&from, &until, newest_first, &mut |key, value| {
            if found.len() < limit {
                found.push((key[prefix.len()..].to_vec(), value.to_vec()));
            }
            found.len() < limit
        })?;
        Ok(found)
    }

    fn row(&self, list: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.index().get(&keys::list_row(list, key))?.map(|value| value.to_vec()))
    }

    fn unprojected(&self, replay: &mut dyn Replay) -> Result<u64, Error> {
        let (mut visited, mut all_is_shown) = (0, true);
        let show: &mut Show<'_> = &mut |projection| self.show(projection, None);
        loop {
            let Progress { end, projected } = *self.progress();
            if projected >= end {
                return Ok(visited);
            }
            // The replay may read the store, so nothing is held while it runs.
            self.journal.walk(projected, &mut |event| {
                match event {
                    Event::Commit(committed) => {
                        for (_, extension) in committed.record.runs {
                            all_is_shown = replay.run(extension.run, committed.record.time_ms, show)?;
                            visited += 1;
                        }
                        if all_is_shown {
                            self.note_projected(committed.end)?;
                        }
                    }
                    Event::DamagedKey(_) => {}
                    Event::Damage(found) => tracing::warn!(what = found.what, "entries are left out of the index"),
                }
                Ok(())
            })?;
            replay.end(show)?;
            self.note_projected(end)?;
        }
    }

    fn for_each_run(&self, visit: &mut Visit<'_>) -> Result<Vec<String>, Error> {
        let mut damage = Vec::new();
        self.journal.walk(Position::default(), &mut |event| match event {
            Event::Commit(committed) => committed
                .record
                .runs
                .into_iter()
                .try_for_each(|(_, extension)| visit(extension.run, committed.record.time_ms)),
            Event::DamagedKey(_) => Ok(()),
            Event::Damage(found) => {
                damage.push(found.what);
                Ok(())
            }
        })?;
        Ok(damage)
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Faults, Error> {
        self.verify_all(progress)
    }

    fn durable_files(&self) -> Result<Vec<DurableFile>, Error> {
        // First, since attachments are durable before the entries that name them.
        let segments = self.journal.durable().into_iter();
        let mut files: Vec<_> = segments
            .map(|(name, bytes, size)| DurableFile { path: Path::new("journal").join(name), bytes, size })
            .collect();
        let format = self.path.join("FORMAT");
        for path in self.attachments.durable()?.into_iter().chain([format.clone()]) {
            let size = match std::fs::metadata(&path) {
                Ok(found) => found.len(),
                // An upload that nobody named has expired meanwhile.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && path != format => continue,
                Err(error) => return Err(failed("look at", &path, error)),
            };
            let path = path.strip_prefix(&self.path).map(Path::to_owned).unwrap_or(path);
            files.push(DurableFile { path, bytes: size, size });
        }
        Ok(files)
    }

    fn room(&self) -> Option<DiskRoom> {
        self.room.told()
    }

    fn read_only(&self) -> Option<Halt> {
        self.halt().clone()
    }

    fn recover(&self) -> Result<(), Error> {
        self.try_again()
    }

    fn mark_moved(&self, to: &str) -> Result<(), Error> {
        folder::mark_moved(&self.path, to)
    }

    fn missing(&self) -> Vec<Stretch> {
        self.missing_entries().all()
    }

    fn may_lack(&self) -> bool {
        self.may_lack
    }

    fn heal(&self, run: &Run, time_ms: u64) -> Result<bool, Error> {
        self.heal_run(run, time_ms)
    }

    fn attachment(&self, id: &AttachmentId) -> Result<AttachmentState, Error> {
        self.attachments.state(id)
    }

    fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), Error> {
        self.check_room()?;
        self.attachments.put_manifest(id, manifest, size).map_err(|error| self.note_failure(error))
    }

    fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, Error> {
        self.check_room()?;
        self.attachments.put_chunk(id, chunk, data).map_err(|error| self.note_failure(error))
    }

    fn chunk(&self, id: &AttachmentId, chunk: u32) -> Result<Option<Bytes>, Error> {
        self.attachments.chunk(id, chunk)
    }

    fn damaged_attachments(&self) -> Vec<AttachmentId> {
        self.attachments.damaged()
    }

    fn put_upload(&self, parts: &mut dyn Iterator<Item = Vec<u8>>, note: &[u8]) -> Result<AttachmentRef, Error> {
        self.check_room()?;
        self.attachments.put_upload(parts, note).map_err(|error| self.note_failure(error))
    }

    fn uploads(&self) -> Result<Vec<Upload>, Error> {
        self.attachments.waiting_uploads()
    }

    fn upload_named(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        self.attachments.upload_named(id, note)
    }

    fn drop_upload(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        self.check_writable()?;
        self.attachments.drop_upload(id, note)
    }
}

fn open_system_folder(path: &Path) -> Result<Box<dyn Folder>, Error> {
    Ok(Box::new(SystemFolder::open_or_create(path)?))
}

#[cfg(test)]
mod tests;
