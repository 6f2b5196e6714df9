//! The engine of tests and of the simulator: everything in ordered maps, nothing on disk, the same behaviour
//! for the same calls.
//!
//! Commits are durable when they return, as in every engine, unless [`MemoryStore::hold_back`] was called:
//! then [`MemoryStore::make_durable`] says when the disk would have them, and [`MemoryStore::crash`] forgets
//! those that it has not, or all but the first of them.
//!
//! Attachments are files of their own, as on disk: manifests are durable at once, chunks once the last has come.
//! What a crash leaves of an unfinished one is for the caller to say.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sanji_log::planted::{Bug, planted};
use sanji_log::{
    AttachmentId, AttachmentRef, CaseId, EntryBytes, Hash, Have, LogId, Receipt, Run, StationCode, attachment,
};

use crate::bounds::{check_bounds, check_head, check_projection};
use crate::contract::{
    AttachmentState, CaseEntry, Commit, Error, Faults, Halt, HeldKey, HeldSnapshot, Projection, Replay, Show, Store,
    Upload, Visit, WrappedKey,
};
use state::State;

mod state;

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    current: State,
    held: Option<Held>,
}

/// What a crash would leave, and what it would lose.
#[derive(Debug)]
struct Held {
    durable: State,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Commit(Box<Commit>),
    DestroyKey(CaseId),
    /// A projection, and how many runs are projected after it.
    Projected(Box<Projection>, usize),
}

impl State {
    fn make(&mut self, change: &Change) {
        match change {
            Change::Commit(commit) => self.commit(commit),
            Change::DestroyKey(case) => {
                self.case_keys.entry(*case).and_modify(|key| *key = None);
            }
            Change::Projected(projection, runs) => {
                self.projected = *runs;
                self.project(projection);
            }
        }
    }
}

impl Inner {
    /// Shows a projection; afterwards so many runs are projected.
    fn show(&mut self, projection: &Projection, runs: impl FnOnce(&State) -> usize) -> Result<(), Error> {
        check_projection(projection)?;
        let held = &self.current.snapshots;
        if projection.cases.iter().any(|snapshot| snapshot.is_addition && !held.contains_key(&snapshot.case)) {
            return Err(Error::Invalid { what: "an addition to a snapshot that is not there" });
        }
        let runs = runs(&self.current);
        self.make(Change::Projected(Box::new(projection.clone()), runs));
        Ok(())
    }

    fn make(&mut self, change: Change) {
        self.current.make(&change);
        if let Some(held) = &mut self.held {
            held.pending.push(change);
        }
    }

    /// A change that waits for no other to become durable.
    fn make_at_once(&mut self, change: impl Fn(&mut State)) {
        change(&mut self.current);
        if let Some(held) = &mut self.held {
            change(&mut held.durable);
        }
    }
}

/// What a torn record would leave, if records could be torn: the first half of a commit's logs.
fn half(change: &Change) -> Change {
    let mut change = change.clone();
    if let Change::Commit(commit) = &mut change {
        commit.extensions.truncate(commit.extensions.len().div_ceil(2));
    }
    change
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on changes are durable only once [`MemoryStore::make_durable`] is called.
    pub fn hold_back(&self) {
        let mut inner = self.inner();
        if inner.held.is_none() {
            let durable = inner.current.clone();
            inner.held = Some(Held { durable, pending: Vec::new() });
        }
    }

    /// Makes durable all that was held back so far; goes on holding back.
    pub fn make_durable(&self) {
        if let Some(held) = &mut self.inner().held {
            for change in held.pending.drain(..) {
                held.durable.make(&change);
            }
        }
    }

    /// How many changes are held back.
    #[must_use]
    pub fn held_back(&self) -> usize {
        self.inner().held.as_ref().map_or(0, |held| held.pending.len())
    }

    /// A power cut: the first `kept` of the changes held back have reached the disk, the others are forgotten. Of
    /// each unfinished attachment as many chunks are left as `chunks_kept` says of how many.
    pub fn crash(&self, kept: usize, chunks_kept: &mut dyn FnMut(usize) -> usize) {
        let mut inner = self.inner();
        let Inner { current, held } = &mut *inner;
        if let Some(held) = held {
            let torn = held.pending.get(kept).filter(|_| planted(Bug::TearCommit)).map(half);
            for change in held.pending.drain(..).take(kept).chain(torn) {
                held.durable.make(&change);
            }
            held.durable.tear(chunks_kept);
            *current = held.durable.clone();
        }
    }

    /// What a copy of the data folder has: all that is durable. The copy holds back as this store does.
    #[must_use]
    pub fn copy_durable(&self) -> Self {
        let inner = self.inner();
        let current = inner.held.as_ref().map_or(&inner.current, |held| &held.durable).clone();
        let held = inner.held.as_ref().map(|_| Held { durable: current.clone(), pending: Vec::new() });
        Self { inner: Mutex::new(Inner { current, held }) }
    }

    /// The heads of all logs as they are on the disk.
    #[must_use]
    pub fn durable_have(&self) -> Have {
        let inner = self.inner();
        inner.held.as_ref().map_or(&inner.current, |held| &held.durable).have()
    }

    /// One entry as it is on the disk.
    #[must_use]
    pub fn durable_entry(&self, log: &LogId, seq: u64) -> Option<EntryBytes> {
        let inner = self.inner();
        inner.held.as_ref().map_or(&inner.current, |held| &held.durable).entry(log, seq).cloned()
    }

    /// Drops snapshots and rows, as a rebuild of the index does: [`Store::unprojected`] then asks for all.
    pub fn forget_projections(&self) {
        let mut inner = self.inner();
        inner.current.forget_projections();
        if let Some(held) = &mut inner.held {
            held.durable.forget_projections();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn commit(&self, commit: &Commit) -> Result<(), Error> {
        check_bounds(commit)?;
        let mut inner = self.inner();
        for extension in &commit.extensions {
            check_head(extension, inner.current.head(&extension.run.log))?;
        }
        inner.make(Change::Commit(Box::new(commit.clone())));
        Ok(())
    }

    fn project(&self, projection: &Projection) -> Result<(), Error> {
        self.inner().show(projection, State::runs)
    }

    fn project_part(&self, part: &Projection) -> Result<(), Error> {
        self.inner().show(part, |state| state.projected)
    }

    fn have(&self) -> Have {
        self.inner().current.have()
    }

    fn have_for(&self, station: StationCode) -> Have {
        self.have().held_by(station)
    }

    fn head(&self, log: &LogId) -> Option<(u64, Hash)> {
        self.inner().current.head(log)
    }

    fn read(&self, log: &LogId, from: u64, max_bytes: usize) -> Result<Option<Run>, Error> {
        Ok(self.inner().current.read(log, from, max_bytes))
    }

    fn entry(&self, log: &LogId, seq: u64) -> Result<Option<EntryBytes>, Error> {
        Ok(self.inner().current.entry(log, seq).cloned())
    }

    fn case_entries(&self, case: &CaseId) -> Result<Vec<CaseEntry>, Error> {
        Ok(self.inner().current.case_entries(case))
    }

    fn case_key(&self, case: &CaseId) -> Result<HeldKey, Error> {
        Ok(match self.inner().current.case_keys.get(case) {
            None => HeldKey::Never,
            Some(None) => HeldKey::Destroyed,
            Some(Some(bytes)) => HeldKey::Here(WrappedKey { case: *case, bytes: bytes.clone() }),
        })
    }

    fn destroy_case_key(&self, case: &CaseId) -> Result<(), Error> {
        self.inner().make(Change::DestroyKey(*case));
        Ok(())
    }

    fn receipts(&self, log: &LogId) -> Vec<Receipt> {
        self.inner().current.receipts.of(log)
    }

    fn snapshot(&self, case: &CaseId) -> Result<Option<HeldSnapshot>, Error> {
        Ok(self.inner().current.snapshots.get(case).cloned())
    }

    fn cases_with_prefix(&self, prefix: &[u8], limit: usize) -> Result<Vec<CaseId>, Error> {
        let inner = self.inner();
        let cases = inner.current.snapshots.keys();
        Ok(cases.filter(|case| case.0.starts_with(prefix)).take(limit).copied().collect())
    }

    fn rows(
        &self,
        list: &[u8],
        after: Option<&[u8]>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        Ok(self.inner().current.rows(list, after, newest_first, limit))
    }

    fn row(&self, list: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let inner = self.inner();
        Ok(inner.current.lists.get(list).and_then(|rows| rows.get(key)).cloned())
    }

    fn unprojected(&self, replay: &mut dyn Replay) -> Result<u64, Error> {
        let show: &mut Show<'_> = &mut |projection| self.project_part(projection);
        let whole = |runs| self.inner().make(Change::Projected(Box::default(), runs));
        let first = self.inner().current.projected;
        let mut next = first;
        loop {
            // The replay may read the store, so the lock is not held while it runs.
            let unprojected = self.inner().current.committed_run(next);
            let Some((run, arrived_ms)) = unprojected else { break };
            next += 1;
            if replay.run(run, arrived_ms, show)? {
                whole(next);
            }
        }
        replay.end(show)?;
        whole(next);
        Ok((next - first) as u64)
    }

    fn for_each_run(&self, visit: &mut Visit<'_>) -> Result<Vec<String>, Error> {
        let mut next = 0;
        loop {
            // What is visited may be read in the store, so the lock is not held meanwhile.
            let found = self.inner().current.committed_run(next);
            let Some((run, arrived_ms)) = found else { return Ok(Vec::new()) };
            next += 1;
            visit(run, arrived_ms)?;
        }
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Faults, Error> {
        let faults = self.inner().current.verify();
        progress(1, 1);
        Ok(faults)
    }

    fn read_only(&self) -> Option<Halt> {
        None
    }

    fn mark_moved(&self, _: &str) -> Result<(), Error> {
        // It is never opened again.
        Ok(())
    }

    fn attachment(&self, id: &AttachmentId) -> Result<AttachmentState, Error> {
        Ok(self.inner().current.attachment(id))
    }

    fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), Error> {
        if !attachment::manifest_matches(id, size, manifest) {
            return Err(Error::Damaged { what: format!("manifest of attachment {id}: it is not that of the id") });
        }
        self.inner().make_at_once(|state| state.put_manifest(id, manifest, size));
        Ok(())
    }

    fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, Error> {
        let mut inner = self.inner();
        let state = inner.current.attachment(id);
        if chunk < state.chunks {
            return Ok(state.complete);
        }
        crate::attachments::check_chunk(id, &state, chunk, data)?;
        let data = Bytes::copy_from_slice(data);
        inner.make_at_once(|state| state.put_chunk(id, data.clone()));
        Ok(chunk + 1 == attachment::chunk_count(state.size))
    }

    fn chunk(&self, id: &AttachmentId, chunk: u32) -> Result<Option<Bytes>, Error> {
        Ok(self.inner().current.chunk(id, chunk))
    }

    fn put_upload(&self, parts: &mut dyn Iterator<Item = Vec<u8>>, note: &[u8]) -> Result<AttachmentRef, Error> {
        let content = parts.collect::<Vec<_>>().concat();
        let (size, manifest) = (content.len() as u64, attachment::manifest(&content));
        let id = attachment::root(size, &manifest);
        if !attachment::manifest_matches(&id, size, &manifest) {
            return Err(Error::Invalid { what: "an attachment without content, or too long" });
        }
        if self.attachment(&id)?.complete {
            return Ok(AttachmentRef { id, size });
        }
        self.put_manifest(&id, &manifest, size)?;
        let held = self.attachment(&id)?.chunks as usize;
        for (chunk, data) in (0..).zip(content.chunks(attachment::CHUNK_BYTES)).skip(held) {
            self.put_chunk(&id, chunk, data)?;
        }
        self.inner().make_at_once(|state| {
            state.uploads.insert((id, note.to_vec()));
        });
        Ok(AttachmentRef { id, size })
    }

    fn uploads(&self) -> Result<Vec<Upload>, Error> {
        let inner = self.inner();
        let waiting = inner.current.uploads.iter();
        Ok(waiting.map(|(id, note)| Upload { id: *id, note: note.clone(), since_ms: 0 }).collect())
    }

    fn upload_named(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        self.inner().make_at_once(|state| {
            state.uploads.remove(&(*id, note.to_vec()));
        });
        Ok(())
    }

    fn drop_upload(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        self.inner().make_at_once(|state| state.drop_upload(id, note));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::conformance::{self, Writer};

    #[test]
    fn the_memory_engine_conforms() {
        conformance::check_all(&mut || Box::new(MemoryStore::new()));
    }

    #[test]
    fn a_crash_forgets_what_was_held_back_and_nothing_else() {
        let store = MemoryStore::new();
        let mut writer = Writer::new(1);
        store.commit(&writer.commit(None, 1, 10)).unwrap();
        store.hold_back();
        store.commit(&writer.commit(None, 1, 10)).unwrap();
        store.make_durable();
        let durable = store.have();
        let mut lost = writer.clone();
        store.commit(&lost.commit(None, 1, 10)).unwrap();
        assert_ne!(store.have(), durable);
        assert_eq!(store.durable_have(), durable);
        let copy = store.copy_durable();
        store.crash(0, &mut |_| 0);
        assert_eq!(store.have(), durable);
        store.commit(&writer.commit(None, 2, 10)).unwrap();
        assert_eq!(store.have().get(&writer.log()), writer.head());
        assert_eq!(copy.have(), durable, "a copy goes its own way");
    }

    #[test]
    fn a_crash_may_leave_the_first_changes_and_the_first_chunks() {
        let store = MemoryStore::new();
        store.hold_back();
        let mut writer = Writer::new(1);
        let heads: Vec<_> = (0..3)
            .map(|_| {
                store.commit(&writer.commit(None, 1, 10)).unwrap();
                writer.head()
            })
            .collect();
        let content = vec![7; 3 * attachment::CHUNK_BYTES];
        let (manifest, size) = (attachment::manifest(&content), content.len() as u64);
        let id = attachment::root(size, &manifest);
        store.put_manifest(&id, &manifest, size).unwrap();
        for (number, chunk) in (0..).zip(content.chunks(attachment::CHUNK_BYTES)).take(2) {
            store.put_chunk(&id, number, chunk).unwrap();
        }
        assert_eq!(store.held_back(), 3);
        store.crash(2, &mut |chunks| chunks - 1);
        assert_eq!(store.have().get(&writer.log()), heads[1]);
        assert_eq!(store.attachment(&id).unwrap().chunks, 1);
        for (number, chunk) in (0..).zip(content.chunks(attachment::CHUNK_BYTES)).skip(1) {
            store.put_chunk(&id, number, chunk).unwrap();
        }
        store.crash(0, &mut |_| 0);
        assert!(store.attachment(&id).unwrap().complete, "the last chunk makes it durable");
    }

    #[test]
    fn forgotten_projections_are_asked_for_in_commit_order() {
        let store = MemoryStore::new();
        let mut writers = [Writer::new(1), Writer::new(2)];
        for round in 0..6 {
            store.commit(&writers[round % 2].commit(None, 1, 10)).unwrap();
        }
        store.forget_projections();
        let mut seen = Vec::new();
        let visited = store.unprojected(&mut |run: Run, _| {
            seen.push((run.log, run.seal.seq));
            Ok(Projection::default())
        });
        assert_eq!(visited.unwrap(), 6);
        let expected: Vec<_> = (0..6).map(|round| (writers[round % 2].log(), round as u64 / 2 + 1)).collect();
        assert_eq!(seen, expected);
    }
}
