//! All that a store in memory holds: a plain value that can be cloned.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;
use sanji_log::run::{RUN_MAX_BYTES, RUN_MAX_ENTRIES};
use sanji_log::{AttachmentId, CaseId, EntryBytes, Hash, Have, Head, LogId, Run, Seal, attachment};

use crate::contract::{AttachmentState, CaseEntry, Commit, Faults, HeldSnapshot, Projection};
use crate::receipts::Receipts;

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    logs: BTreeMap<LogId, Log>,
    /// Every run in commit order: log, first position, time of arrival.
    runs: Vec<(LogId, u64, u64)>,
    /// How many of `runs` have their projection in the index.
    pub(super) projected: usize,
    cases: BTreeMap<CaseId, Vec<(LogId, u64, u64)>>,
    /// None: destroyed.
    pub(super) case_keys: BTreeMap<CaseId, Option<Vec<u8>>>,
    pub(super) receipts: Receipts,
    pub(super) snapshots: BTreeMap<CaseId, HeldSnapshot>,
    pub(super) lists: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>>,
    attachments: BTreeMap<AttachmentId, Attachment>,
    /// Attachments that no command has named, with their notes.
    pub(super) uploads: BTreeSet<(AttachmentId, Vec<u8>)>,
}

#[derive(Debug, Clone, Default)]
struct Log {
    entries: Vec<EntryBytes>,
    /// By last position of the run.
    seals: BTreeMap<u64, Seal>,
}

#[derive(Debug, Clone, Default)]
struct Attachment {
    size: u64,
    manifest: Bytes,
    chunks: Vec<Bytes>,
}

impl Log {
    fn head(&self) -> Option<(u64, Hash)> {
        self.seals.last_key_value().map(|(seq, seal)| (*seq, seal.hash))
    }

    /// The entries `first..=seal.seq` under `seal`.
    fn run(&self, log: &LogId, first: u64, seal: &Seal) -> Run {
        let index = |seq: u64| usize::try_from(seq).unwrap_or(usize::MAX);
        let entries = self.entries.get(index(first - 1)..index(seal.seq)).unwrap_or_default();
        Run { log: *log, entries: entries.to_vec(), seal: *seal }
    }
}

impl State {
    pub(super) fn head(&self, log: &LogId) -> Option<(u64, Hash)> {
        self.logs.get(log).and_then(Log::head)
    }

    pub(super) fn have(&self) -> Have {
        let head = |(log, held): (&LogId, &Log)| held.head().map(|(seq, hash)| Head { log: *log, seq, hash });
        self.logs.iter().filter_map(head).collect()
    }

    pub(super) fn commit(&mut self, commit: &Commit) {
        for extension in &commit.extensions {
            let run = &extension.run;
            let log = self.logs.entry(run.log).or_default();
            log.entries.extend(run.entries.iter().cloned());
            log.seals.insert(run.seal.seq, run.seal);
            self.runs.push((run.log, run.first_seq(), commit.time_ms));
            for (seq, entry) in (run.first_seq()..).zip(&run.entries) {
                if let Some(case) = entry.case().case {
                    self.cases.entry(case).or_default().push((run.log, seq, commit.time_ms));
                }
            }
        }
        for key in &commit.case_keys {
            self.case_keys.insert(key.case, Some(key.bytes.clone()));
        }
        for receipt in &commit.receipts {
            self.receipts.keep(receipt);
        }
    }

    /// Number of runs.
    pub(super) fn runs(&self) -> usize {
        self.runs.len()
    }

    pub(super) fn project(&mut self, projection: &Projection) {
        for snapshot in &projection.cases {
            let bytes = Bytes::from(snapshot.bytes.clone());
            match self.snapshots.get_mut(&snapshot.case) {
                Some(held) if snapshot.is_addition => held.additions.push(bytes),
                _ => drop(self.snapshots.insert(snapshot.case, HeldSnapshot { whole: bytes, additions: Vec::new() })),
            }
        }
        for row in &projection.rows {
            let rows = self.lists.entry(row.list.clone()).or_default();
            match &row.value {
                Some(value) => rows.insert(row.key.clone(), value.clone()),
                None => rows.remove(&row.key),
            };
        }
    }

    pub(super) fn forget_projections(&mut self) {
        self.snapshots.clear();
        self.lists.clear();
        self.projected = 0;
    }

    /// A run and the time of its arrival, by how many were committed before it.
    pub(super) fn committed_run(&self, before: usize) -> Option<(Run, u64)> {
        let (log, first, arrived_ms) = self.runs.get(before)?;
        let held = self.logs.get(log)?;
        let (_, seal) = held.seals.range(first..).next()?;
        Some((held.run(log, *first, seal), *arrived_ms))
    }

    pub(super) fn read(&self, log: &LogId, from: u64, max_bytes: usize) -> Option<Run> {
        let held = self.logs.get(log)?;
        let from = from.max(1);
        let (mut end, mut size, mut first) = (None, 0, from);
        for (last, seal) in held.seals.range(from..) {
            size += held.run(log, first, seal).size();
            let fits = size <= max_bytes.min(RUN_MAX_BYTES) && last + 1 - from <= RUN_MAX_ENTRIES as u64;
            if end.is_some() && !fits {
                break;
            }
            (end, first) = (Some(seal), last + 1);
        }
        end.map(|seal| held.run(log, from, seal))
    }

    pub(super) fn entry(&self, log: &LogId, seq: u64) -> Option<&EntryBytes> {
        self.logs.get(log)?.entries.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }

    pub(super) fn case_entries(&self, case: &CaseId) -> Vec<CaseEntry> {
        let places = self.cases.get(case).map(Vec::as_slice).unwrap_or_default();
        let read = |(log, seq, arrived_ms): &(LogId, u64, u64)| {
            Some(CaseEntry { entry: self.entry(log, *seq)?.clone(), arrived_ms: *arrived_ms })
        };
        places.iter().filter_map(read).collect()
    }

    pub(super) fn rows(
        &self,
        list: &[u8],
        after: Option<&[u8]>,
        newest_first: bool,
        limit: usize,
    ) -> Vec<(Vec<u8>, Vec<u8>)> {
        let Some(rows) = self.lists.get(list) else { return Vec::new() };
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let pair = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        if newest_first {
            rows.range::<[u8], _>((Bound::Unbounded, after)).rev().take(limit).map(pair).collect()
        } else {
            rows.range::<[u8], _>((after, Bound::Unbounded)).take(limit).map(pair).collect()
        }
    }

    pub(super) fn verify(&self) -> Faults {
        let mut faults = Faults { logs: self.logs.len() as u64, ..Faults::default() };
        for (log, held) in &self.logs {
            let mut head: Option<(u64, Hash)> = None;
            for seal in held.seals.values() {
                let run = held.run(log, head.map_or(1, |(seq, _)| seq + 1), seal);
                if let Err(error) = run.verify(head) {
                    faults.faults.push(error.to_string());
                }
                faults.entries += run.entries.len() as u64;
                faults.seals += 1;
                head = Some((seal.seq, seal.hash));
            }
        }
        faults.attachments = self.attachments.values().filter(|attachment| attachment.complete()).count() as u64;
        faults
    }

    pub(super) fn attachment(&self, id: &AttachmentId) -> AttachmentState {
        self.attachments.get(id).map_or_else(AttachmentState::default, |attachment| AttachmentState {
            chunks: u32::try_from(attachment.chunks.len()).unwrap_or(u32::MAX),
            size: attachment.size,
            manifest: attachment.manifest.clone(),
            complete: attachment.complete(),
        })
    }

    pub(super) fn put_manifest(&mut self, id: &AttachmentId, manifest: &[u8], size: u64) {
        self.attachments.entry(*id).or_insert_with(|| Attachment {
            size,
            manifest: Bytes::copy_from_slice(manifest),
            chunks: Vec::new(),
        });
    }

    pub(super) fn put_chunk(&mut self, id: &AttachmentId, data: Bytes) {
        self.attachments.entry(*id).or_default().chunks.push(data);
    }

    /// Leaves of each unfinished attachment only its first chunks.
    pub(super) fn tear(&mut self, chunks_kept: &mut dyn FnMut(usize) -> usize) {
        for attachment in self.attachments.values_mut().filter(|attachment| !attachment.complete()) {
            attachment.chunks.truncate(chunks_kept(attachment.chunks.len()));
        }
    }

    pub(super) fn drop_upload(&mut self, id: &AttachmentId, note: &[u8]) {
        self.attachments.remove(id);
        self.uploads.remove(&(*id, note.to_vec()));
    }

    pub(super) fn chunk(&self, id: &AttachmentId, chunk: u32) -> Option<Bytes> {
        self.attachments.get(id)?.chunks.get(usize::try_from(chunk).ok()?).cloned()
    }
}

impl Attachment {
    fn complete(&self) -> bool {
        self.size > 0 && self.chunks.len() as u64 == u64::from(attachment::chunk_count(self.size))
    }
}
