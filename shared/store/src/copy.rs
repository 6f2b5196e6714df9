//! Copying a store into another of any engine: what was committed, in the same order and with the same times of arrival.
//!
//! The index is not copied: whoever opens the copy derives it ([`Store::unprojected`]).

use std::collections::BTreeSet;

use sanji_log::attachment::chunk_count;
use sanji_log::{AttachmentId, CaseId, LogId};

use crate::contract::{Commit, Error, Extension, HeldKey, Store, WrappedKey};

/// Bytes of runs in one commit.
const COMMIT_BYTES: usize = 4 << 20;
/// Receipts in one commit.
const RECEIPTS: usize = 1000;

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Entries of all logs.
    pub entries: u64,
    /// Attachments, complete or not.
    pub attachments: u64,
    /// Uploads that no entry names yet.
    pub uploads: u64,
}

/// Copies all of a store that nobody writes into an empty one. `progress` hears of the entries copied and of all.
///
/// # Errors
/// [`Error::Invalid`] where the other is not empty, or entries are damaged here; those of either store. What was copied
/// until then is no store.
pub fn copy(from: &dyn Store, to: &dyn Store, progress: &mut dyn FnMut(u64, u64)) -> Result<Copied, Error> {
    if !to.have().0.is_empty() {
        return Err(Error::Invalid { what: "the store to copy to is not empty" });
    }
    if !from.missing().is_empty() {
        return Err(Error::Invalid { what: "entries are damaged: let them heal first" });
    }
    let all = from.have().heads().map(|head| head.seq).sum();
    let mut copying =
        Copying { from, to, pending: Pending::default(), copied: Copied::default(), named: BTreeSet::new() };
    let damage = from.for_each_run(&mut |run, arrived_ms| {
        copying.take(run, arrived_ms)?;
        progress(copying.copied.entries, all);
        Ok(())
    })?;
    if let Some(what) = damage.into_iter().next() {
        return Err(Error::Damaged { what });
    }
    copying.commit()?;
    copying.receipts()?;
    copying.attachments()?;
    if to.have() != from.have() {
        return Err(Error::Invalid { what: "the store was written while it was copied" });
    }
    Ok(copying.copied)
}

struct Copying<'a> {
    from: &'a dyn Store,
    to: &'a dyn Store,
    pending: Pending,
    copied: Copied,
    /// Attachments that entries name.
    named: BTreeSet<AttachmentId>,
}

/// The next commit: runs that came at one time.
#[derive(Default)]
struct Pending {
    commit: Commit,
    logs: BTreeSet<LogId>,
    bytes: usize,
    /// Cases whose keys were destroyed: noted with an empty key, which is destroyed then.
    destroyed: Vec<CaseId>,
}

impl Copying<'_> {
    fn take(&mut self, run: sanji_log::Run, arrived_ms: u64) -> Result<(), Error> {
        let pending = &self.pending;
        let is_full = pending.bytes + run.size() > COMMIT_BYTES;
        if is_full || pending.commit.time_ms != arrived_ms || pending.logs.contains(&run.log) {
            self.commit()?;
        }
        for bytes in &run.entries {
            let entry = bytes.decode();
            let entry =
                entry.map_err(|fault| Error::Damaged { what: format!("an entry of log {}: {fault}", run.log) })?;
            self.named.extend(entry.attachments.iter().map(|attachment| attachment.id));
            let Some(case) = entry.case.filter(|_| entry.opens_case) else { continue };
            match self.from.case_key(&case)? {
                HeldKey::Here(key) => self.pending.commit.case_keys.push(key),
                HeldKey::Destroyed => {
                    self.pending.commit.case_keys.push(WrappedKey { case, bytes: Vec::new() });
                    self.pending.destroyed.push(case);
                }
                HeldKey::Never => {}
            }
        }
        self.copied.entries += run.entries.len() as u64;
        self.pending.commit.time_ms = arrived_ms;
        self.pending.bytes += run.size();
        self.pending.logs.insert(run.log);
        self.pending.commit.extensions.push(Extension { extends: self.to.head(&run.log), run });
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Error> {
        let pending = std::mem::take(&mut self.pending);
        self.to.commit(&pending.commit)?;
        pending.destroyed.iter().try_for_each(|case| self.to.destroy_case_key(case))
    }

    fn receipts(&self) -> Result<(), Error> {
        let receipts: Vec<_> = self.from.have().heads().flat_map(|head| self.from.receipts(&head.log)).collect();
        for some in receipts.chunks(RECEIPTS) {
            self.to.commit(&Commit { receipts: some.to_vec(), ..Commit::default() })?;
        }
        Ok(())
    }

    /// Those that are named, as far as they have come, and those that wait to be named. What is damaged is left out: the
    /// station fetches it again.
    fn attachments(&mut self) -> Result<(), Error> {
        for id in &self.named {
            let state = self.from.attachment(id)?;
            if state.manifest.is_empty() {
                continue;
            }
            self.to.put_manifest(id, &state.manifest, state.size)?;
            for chunk in 0..state.chunks {
                match self.from.chunk(id, chunk) {
                    Ok(Some(data)) => self.to.put_chunk(id, chunk, &data).map(|_| ())?,
                    Ok(None) | Err(Error::Damaged { .. }) => break,
                    Err(error) => return Err(error),
                }
            }
            self.copied.attachments += 1;
        }
        for upload in self.from.uploads()? {
            let count = chunk_count(self.from.attachment(&upload.id)?.size);
            let chunks: Result<Vec<_>, _> = (0..count).map(|chunk| self.from.chunk(&upload.id, chunk)).collect();
            let content = match chunks {
                Ok(chunks) => chunks.into_iter().collect::<Option<Vec<_>>>(),
                Err(Error::Damaged { .. }) => None,
                Err(error) => return Err(error),
            };
            let Some(content) = content else { continue };
            self.to.put_upload(&mut content.into_iter().map(|chunk| chunk.to_vec()), &upload.note)?;
            self.copied.uploads += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::MemoryStore;
    use crate::conformance::{self, Writer, case};

    #[test]
    fn a_copy_has_all_that_was_committed_and_derives_the_rest() {
        let store = MemoryStore::new();
        conformance::fill(&store);
        let copy = MemoryStore::new();
        let mut heard = Vec::new();
        let copied = super::copy(&store, &copy, &mut |done, all| heard.push((done, all))).unwrap();
        conformance::same(&store, &copy);
        assert_eq!(heard.last(), Some(&(copied.entries, copied.entries)));
        let mut replayed = 0;
        copy.unprojected(&mut |run: sanji_log::Run, _| {
            replayed += run.entries.len() as u64;
            Ok(crate::Projection::default())
        })
        .unwrap();
        assert_eq!(replayed, copied.entries);
    }

    #[test]
    fn nothing_is_copied_over_what_is_there() {
        let (store, other) = (MemoryStore::new(), MemoryStore::new());
        let mut writer = Writer::new(1);
        other.commit(&writer.commit(Some(case(1)), 1, 10)).unwrap();
        assert!(matches!(super::copy(&store, &other, &mut |_, _| ()), Err(Error::Invalid { .. })));
        assert_eq!(other.have().get(&writer.log()), writer.head());
    }
}
