//! A store whose commits are counted and timed.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sanji_log::{
    AttachmentId, AttachmentRef, CaseId, EntryBytes, Hash, Have, LogId, Receipt, Run, StationCode, Stretch,
};
use sanji_store::{
    AttachmentState, CaseEntry, Commit, DiskRoom, DurableFile, Error, Faults, Halt, HeldKey, HeldSnapshot, Projection,
    Replay, Store, Upload, Visit,
};

use super::Commits;

/// Another store, and what is counted of it.
pub struct Measured {
    store: Arc<dyn Store>,
    commits: Commits,
}

impl Measured {
    /// Counts the commits of a store from now on.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, commits: Commits) -> Self {
        Self { store, commits }
    }
}

impl Store for Measured {
    fn commit(&self, commit: &Commit) -> Result<(), Error> {
        let begun = Instant::now();
        let result = self.store.commit(commit);
        match &result {
            Ok(()) => {
                self.commits.seconds.observe(begun.elapsed().as_secs_f64());
                let entries: usize = commit.extensions.iter().map(|extension| extension.run.entries.len()).sum();
                self.commits.entries.inc_by(entries as u64);
            }
            Err(_) => {
                self.commits.failed.inc();
            }
        }
        result
    }

    fn project(&self, projection: &Projection) -> Result<(), Error> {
        self.store.project(projection)
    }

    fn project_part(&self, part: &Projection) -> Result<(), Error> {
        self.store.project_part(part)
    }

    fn have(&self) -> Have {
        self.store.have()
    }

    fn have_for(&self, station: StationCode) -> Have {
        self.store.have_for(station)
    }

    fn head(&self, log: &LogId) -> Option<(u64, Hash)> {
        self.store.head(log)
    }

    fn read(&self, log: &LogId, from: u64, max_bytes: usize) -> Result<Option<Run>, Error> {
        self.store.read(log, from, max_bytes)
    }

    fn entry(&self, log: &LogId, seq: u64) -> Result<Option<EntryBytes>, Error> {
        self.store.entry(log, seq)
    }

    fn case_entries(&self, case: &CaseId) -> Result<Vec<CaseEntry>, Error> {
        self.store.case_entries(case)
    }

    fn case_key(&self, case: &CaseId) -> Result<HeldKey, Error> {
        self.store.case_key(case)
    }

    fn destroy_case_key(&self, case: &CaseId) -> Result<(), Error> {
        self.store.destroy_case_key(case)
    }

    fn receipts(&self, log: &LogId) -> Vec<Receipt> {
        self.store.receipts(log)
    }

    fn snapshot(&self, case: &CaseId) -> Result<Option<HeldSnapshot>, Error> {
        self.store.snapshot(case)
    }

    fn cases_with_prefix(&self, prefix: &[u8], limit: usize) -> Result<Vec<CaseId>, Error> {
        self.store.cases_with_prefix(prefix, limit)
    }

    fn rows(
        &self,
        list: &[u8],
        after: Option<&[u8]>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        self.store.rows(list, after, newest_first, limit)
    }

    fn row(&self, list: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.store.row(list, key)
    }

    fn unprojected(&self, replay: &mut dyn Replay) -> Result<u64, Error> {
        self.store.unprojected(replay)
    }

    fn for_each_run(&self, visit: &mut Visit<'_>) -> Result<Vec<String>, Error> {
        self.store.for_each_run(visit)
    }

    fn mark_moved(&self, to: &str) -> Result<(), Error> {
        self.store.mark_moved(to)
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Faults, Error> {
        self.store.verify(progress)
    }

    fn durable_files(&self) -> Result<Vec<DurableFile>, Error> {
        self.store.durable_files()
    }

    fn room(&self) -> Option<DiskRoom> {
        self.store.room()
    }

    fn read_only(&self) -> Option<Halt> {
        self.store.read_only()
    }

    fn recover(&self) -> Result<(), Error> {
        self.store.recover()
    }

    fn missing(&self) -> Vec<Stretch> {
        self.store.missing()
    }

    fn may_lack(&self) -> bool {
        self.store.may_lack()
    }

    fn heal(&self, run: &Run, time_ms: u64) -> Result<bool, Error> {
        self.store.heal(run, time_ms)
    }

    fn attachment(&self, id: &AttachmentId) -> Result<AttachmentState, Error> {
        self.store.attachment(id)
    }

    fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), Error> {
        self.store.put_manifest(id, manifest, size)
    }

    fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, Error> {
        self.store.put_chunk(id, chunk, data)
    }

    fn chunk(&self, id: &AttachmentId, chunk: u32) -> Result<Option<Bytes>, Error> {
        self.store.chunk(id, chunk)
    }

    fn damaged_attachments(&self) -> Vec<AttachmentId> {
        self.store.damaged_attachments()
    }

    fn put_upload(&self, parts: &mut dyn Iterator<Item = Vec<u8>>, note: &[u8]) -> Result<AttachmentRef, Error> {
        self.store.put_upload(parts, note)
    }

    fn uploads(&self) -> Result<Vec<Upload>, Error> {
        self.store.uploads()
    }

    fn upload_named(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        self.store.upload_named(id, note)
    }

    fn drop_upload(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        self.store.drop_upload(id, note)
    }
}
