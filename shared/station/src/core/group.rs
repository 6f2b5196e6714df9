//! The open group: entries staged by many writers that become durable together, with one seal a log and one
//! commit for all. Until then nothing of it is seen by anybody but the writers that come after in the same group.

use std::collections::{BTreeMap, BTreeSet};

use sanji_log::planted::{Bug, planted};
use sanji_log::run::{RUN_MAX_BYTES, RUN_MAX_ENTRIES};
use sanji_log::{
    AttachmentId, CaseId, Entry, EntryBytes, EntryDraft, Hash, Head, HybridTime, LogId, PublicKey, Reach, Receipt, Run,
    Seal, StationCode,
};
use sanji_store::{Commit, Extension, WrappedKey};

use super::Core;
use super::fold::Fold;
use super::reference::KeyLife;
use crate::compression::Effort;
use crate::error::Error;
use crate::pending::Purpose;
use crate::vault::CaseKey;

/// A group that is larger is committed before anything else is staged, in bytes of entries.
const GROUP_BYTES: usize = 1 << 20;
/// A group that is larger is committed before anything else is staged.
const GROUP_ENTRIES: usize = 2048;
/// A commit of so many entries is one of a crowd.
const CROWD: usize = 16;
/// The clock follows times of other stations that are no further ahead than this: a wrong clock elsewhere must not
/// carry this one away.
const CLOCK_LEAD_MAX_MS: u64 = 10 * 60 * 1000;

/// What is staged and not durable.
#[derive(Default)]
pub(super) struct Group {
    logs: BTreeMap<LogId, Staged>,
    keys: BTreeMap<CaseId, (WrappedKey, CaseKey)>,
    receipts: Vec<Receipt>,
    confirmed: Vec<Confirmed>,
    /// Attachments that wait no longer once the group is durable.
    used: Vec<(Purpose, BTreeSet<AttachmentId>)>,
    extra_rows: Vec<sanji_store::Row>,
    pub(super) fold: Fold,
    /// Logs that others sent or sent again: they get a receipt.
    received: BTreeSet<LogId>,
    entries: usize,
    bytes: usize,
    /// Staging broke off half-way, so the group must not be committed.
    broken: bool,
}

struct Staged {
    extends: Option<(u64, Hash)>,
    head: (u64, Hash),
    entries: Vec<EntryBytes>,
    bytes: usize,
    /// Of the writer, where it was received. Own logs are sealed when the group is committed.
    seal: Option<Seal>,
}

/// What a commit has made durable.
#[derive(Debug, Clone, Default)]
pub struct Committed {
    /// New heads of the logs that have moved.
    pub heads: Vec<Head>,
    /// Receipts of this station for what it has received, and those of others that it keeps.
    pub receipts: Vec<Receipt>,
    /// What receipts of others say that was not known.
    pub confirmed: Vec<Confirmed>,
    /// Cases that have changed.
    pub cases: Vec<CaseId>,
    /// Keys, staff, catalogue, organisation or calendar have changed.
    pub reference_changed: bool,
    /// Attachments are wanted that were not before, or have become complete.
    pub attachments_changed: bool,
}

/// Entries that another station has made durable, as its receipt says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmed {
    /// The log.
    pub log: LogId,
    /// First position that it did not confirm before.
    pub from: u64,
    /// Last position that it confirms.
    pub until: u64,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.logs.is_empty()
            && self.keys.is_empty()
            && self.receipts.is_empty()
            && self.received.is_empty()
            && self.extra_rows.is_empty()
    }
}

impl Core {
    /// Whether the open group should be committed before anything else is staged.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.group.bytes >= GROUP_BYTES || self.group.entries >= GROUP_ENTRIES
    }

    /// Position and hash of a log's head, staged entries included.
    pub(super) fn head(&self, log: &LogId) -> Option<(u64, Hash)> {
        self.group.logs.get(log).map(|staged| staged.head).or_else(|| self.have.get(log))
    }

    /// The reference data, staged changes included.
    pub(super) fn reference(&self) -> std::sync::Arc<super::ReferenceData> {
        self.group.fold.reference(&self.reader)
    }

    /// An entry of the open group.
    pub(super) fn staged_entry(&self, log: &LogId, seq: u64) -> Option<&EntryBytes> {
        let staged = self.group.logs.get(log)?;
        let first = staged.extends.map_or(1, |(seq, _)| seq + 1);
        staged.entries.get(usize::try_from(seq.checked_sub(first)?).ok()?)
    }

    /// This station's own log of a home and reach.
    pub(super) fn own_log(&self, home: StationCode, reach: Reach) -> LogId {
        LogId { home, reach, key: self.reader.key() }
    }

    /// Chains an own entry and stages it.
    pub(super) fn stage(&mut self, log: LogId, draft: &EntryDraft, now_ms: u64) -> Result<Entry, Error> {
        if self.silent {
            return Err(Error::Entry { problem: "where the log ends is asked of the neighbours first" });
        }
        let bytes = draft.chain(log, self.head(&log), self.clock.next(now_ms));
        // Decoding applies every rule that a receiver would apply, so nothing is written that peers refuse.
        let entry = bytes.decode().map_err(|source| Error::Run { log, source })?;
        self.clock = entry.time;
        self.push(log, &[bytes], std::slice::from_ref(&entry), None)?;
        Ok(entry)
    }

    /// Stages the run of another writer, or more of it. The caller has checked that it begins at the head. False:
    /// no room, nothing is staged.
    pub(super) fn stage_run(&mut self, run: Run, entries: &[Entry], now_ms: u64) -> Result<bool, Error> {
        if let Some(staged) = self.group.logs.get(&run.log) {
            let too_many = staged.entries.len() + run.entries.len() > RUN_MAX_ENTRIES;
            if too_many || staged.bytes + run.size() > RUN_MAX_BYTES {
                return Ok(false);
            }
        }
        let lead_max = HybridTime::from_millis(now_ms + CLOCK_LEAD_MAX_MS);
        if let Some(time) = entries.iter().map(|entry| entry.time).filter(|time| *time <= lead_max).max() {
            self.clock = self.clock.max(time);
        }
        self.push(run.log, &run.entries, entries, Some(run.seal))?;
        Ok(true)
    }

    fn push(&mut self, log: LogId, bytes: &[EntryBytes], entries: &[Entry], seal: Option<Seal>) -> Result<(), Error> {
        let extends = self.have.get(&log);
        let Some(last) = entries.last() else { return Ok(()) };
        let head = (last.seq, last.hash);
        let group = &mut self.group;
        let fresh = Staged { extends, head, entries: Vec::new(), bytes: 0, seal: None };
        let staged = group.logs.entry(log).or_insert(fresh);
        (staged.head, staged.seal) = (head, seal);
        for (bytes, entry) in bytes.iter().zip(entries) {
            if let Some(case) = entry.case {
                let number = case.number_prefix();
                if self.numbers.peek(&number).is_some_and(|only| *only != case) {
                    self.numbers.pop(&number);
                }
            }
            let size = bytes.0.len();
            staged.entries.push(bytes.clone());
            staged.bytes += size;
            group.bytes += size;
            group.entries += 1;
            if let Err(error) = group.fold.entry(&self.reader, entry, &self.authority_der) {
                group.broken = true;
                return Err(error);
            }
        }
        Ok(())
    }

    /// A matter as the open group leaves it, where it has changed it.
    pub(super) fn group_matter(&self, id: &CaseId) -> Option<std::sync::Arc<sanji_domain::matter::Matter>> {
        self.group.fold.matters.get(id).cloned()
    }

    /// Matters that the open group has changed.
    pub(super) fn staged_matters(&self) -> impl Iterator<Item = CaseId> {
        self.group.fold.matters.keys().copied()
    }

    /// Stages the key of a case.
    pub(super) fn stage_key(&mut self, wrapped: WrappedKey, key: CaseKey) {
        self.group.keys.insert(wrapped.case, (wrapped, key));
    }

    pub(super) fn is_key_staged(&self, case: &CaseId) -> bool {
        self.group.keys.contains_key(case)
    }

    /// The key of a case, staged ones included.
    pub(super) fn key_of(&self, case: &CaseId) -> Result<Option<CaseKey>, Error> {
        let staged = self.group.keys.get(case).map(|(_, key)| key.clone());
        if let Some(key) = staged.or_else(|| self.reader.case_key_at_hand(case)) {
            return Ok(Some(key));
        }
        let key = self.reader.stored_key(case)?;
        self.reader.keep_keys(key.iter().map(|key| (*case, key.clone())));
        Ok(key)
    }

    /// How hard private parts are compressed now.
    pub(super) fn effort(&self) -> Effort {
        if self.crowded || self.group.entries >= CROWD { Effort::Little } else { Effort::Much }
    }

    /// A receipt is due for a log: a peer has sent it.
    pub(super) fn note_received(&mut self, log: LogId) {
        self.group.received.insert(log);
    }

    /// Stages receipts of other stations, already checked, to be kept. Those that say nothing new are dropped, so
    /// that none goes round in circles. One may come before the entries that it is about: on a fresh link receipts
    /// go first. So it need not be about a log that is held, but it must be about one of the district.
    pub fn keep_receipts(&mut self, receipts: Vec<Receipt>) {
        let reference = self.reference();
        for receipt in receipts {
            let log = receipt.head.log;
            let held = self.have.get(&log).map_or(0, |(seq, _)| seq);
            if held == 0 && reference.directory().get(&log.key).is_none() {
                continue;
            }
            if self.contradicts(&receipt) {
                tracing::warn!(station = %receipt.station, log = %log, seq = receipt.head.seq, "a receipt for what is not so");
                continue;
            }
            let known = self.reader.store().receipts(&log);
            let staged = self.group.receipts.iter().filter(|staged| staged.head.log == log);
            let of_station = known.iter().chain(staged).filter(|known| known.station == receipt.station);
            // What a former life of the station had, it need not have any more. A key that is not known yet is a new one.
            let lives = |key: &PublicKey| reference.keys().get(key).is_none_or(KeyLife::is_living);
            let standing = |receipt: &Receipt| (lives(&receipt.key), receipt.head.seq);
            let before = of_station.map(standing).max();
            if before.is_some_and(|before| standing(&receipt) <= before) {
                continue;
            }
            let (before, until) = (before.map_or(0, |(_, seq)| seq), receipt.head.seq.min(held));
            if before < until {
                self.group.confirmed.push(Confirmed { log, from: before + 1, until });
            }
            self.group.receipts.push(receipt);
        }
    }

    /// Whether a receipt is for another entry than the one that is held, or for more of this station's own log than it has
    /// written: whoever signed it has forked, is wrong, or lies.
    fn contradicts(&self, receipt: &Receipt) -> bool {
        let Head { log, seq, hash } = receipt.head;
        if seq > self.have.get(&log).map_or(0, |(held, _)| held) {
            return log.key == self.reader.key();
        }
        // Receipts are mostly for what has just been sent, up to the end of a run.
        let recently = self.reader.recently_sealed(&log, seq);
        let held = recently.or_else(|| self.hash_at(&log, seq).ok().flatten());
        held.is_some_and(|held| held != hash)
    }

    /// Notes that a command has used attachments that waited for it.
    pub(super) fn note_used(&mut self, purpose: Purpose, named: BTreeSet<AttachmentId>) {
        self.group.used.push((purpose, named));
    }

    /// Stages that an attachment of a case is complete here.
    pub fn attachment_complete(&mut self, case: &CaseId, id: &AttachmentId) {
        let key = (super::rows::MISSING.to_vec(), super::rows::missing_key(case, id));
        self.group.extra_rows.push(super::rows::no_row(key));
    }

    /// What staged commands have named.
    pub(super) fn staged_uses(&self) -> impl Iterator<Item = &BTreeSet<AttachmentId>> {
        self.group.used.iter().map(|(_, named)| named)
    }

    /// Stages a row of the index beside those that entries give.
    pub(super) fn stage_row(&mut self, row: sanji_store::Row) {
        self.group.extra_rows.push(row);
    }

    /// The value of a row that was staged beside the entries; the inner none: it is removed.
    pub(super) fn staged_row(&self, list: &[u8], key: &[u8]) -> Option<Option<&[u8]>> {
        let mut staged = self.group.extra_rows.iter().rev();
        staged.find(|row| row.list == list && row.key == key).map(|row| row.value.as_deref())
    }

    /// Seals every own log of the group, makes all of it durable in one commit, and publishes it; or forgets all
    /// of it.
    ///
    /// # Errors
    /// [`Error::Store`]: nothing of the group is kept.
    pub fn commit(&mut self, now_ms: u64) -> Result<Committed, Error> {
        let group = std::mem::take(&mut self.group);
        if group.is_empty() {
            return Ok(Committed::default());
        }
        let result = self.try_commit(group, now_ms);
        if result.is_err() {
            self.have = self.reader.store().have();
            self.last_serial = None;
            self.documents.clear();
        }
        result
    }

    /// Keeps what is ahead of the index within bounds. To be called after every commit, once its writers are answered.
    pub fn bound_ahead(&self) {
        self.reader.project_if_full();
    }

    fn try_commit(&mut self, mut group: Group, now_ms: u64) -> Result<Committed, Error> {
        if group.broken {
            return Err(Error::Entry { problem: "a part of its group could not be staged" });
        }
        let heads: Vec<Head> = group
            .logs
            .iter()
            .map(|(log, staged)| Head { log: *log, seq: staged.head.0, hash: staged.head.1 })
            .collect();
        let reference = group.fold.settle();
        let received = group.received.iter().filter_map(|log| {
            let head = heads.iter().find(|head| head.log == *log).copied();
            head.or_else(|| self.have.get(log).map(|(seq, hash)| Head { log: *log, seq, hash }))
        });
        let own = received.map(|head| Receipt::sign(&self.signing, self.reader.me(), head, now_ms));
        let receipts: Vec<Receipt> = own.chain(group.receipts).collect();
        let extensions = group.logs.into_iter().map(|(log, staged)| {
            let (seq, hash) = staged.head;
            let seal = staged.seal.unwrap_or_else(|| Seal::sign(&self.signing, &log, seq, hash));
            Extension { extends: staged.extends, run: Run { log, entries: staged.entries, seal } }
        });
        let (case_keys, keys): (Vec<_>, Vec<_>) =
            group.keys.into_iter().map(|(case, (wrapped, key))| (wrapped, (case, key))).unzip();
        let commit = Commit {
            time_ms: now_ms,
            extensions: extensions.collect(),
            case_keys,
            receipts: if planted(Bug::ForgetReceipts) { Vec::new() } else { receipts.clone() },
        };
        self.crowded = group.entries >= CROWD;
        let reference_changed = reference.is_some();
        let mut cases: Vec<CaseId> = group.fold.touched().collect();
        let decisions_touched = group.fold.decisions_touched;
        let attachments_changed = group.fold.attachments_missing || !group.extra_rows.is_empty();
        self.reader.commit(&commit, group.fold, group.extra_rows, reference)?;
        self.reader.keep_recent(commit.extensions.into_iter().map(|extension| extension.run));
        for (purpose, named) in &group.used {
            self.pending.done(purpose, named);
            let note = super::uploads::note(purpose);
            for id in named {
                if let Err(error) = self.reader.store().upload_named(id, &note) {
                    // It is looked up before anything is removed.
                    tracing::debug!(reason = &error as &dyn std::error::Error, "an upload was not noted as named");
                }
            }
        }
        for head in &heads {
            self.have.0.insert(head.log, (head.seq, head.hash));
        }
        self.reader.keep_keys(keys);
        if decisions_touched {
            // Which case of a number counts may be another now.
            self.numbers.clear();
            cases.extend(self.settle_decisions()?);
        }
        Ok(Committed { heads, receipts, confirmed: group.confirmed, cases, reference_changed, attachments_changed })
    }
}
