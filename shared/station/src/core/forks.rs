//! Evidence of cloned data folders: what is kept of a branch that is not the log's, and what the decision which
//! branch counts changes.
//!
//! The log itself is append-only and stays as it came. Where the district decides for another branch, the cases that
//! either touches are folded anew: without the entries of the log from the parting on, with those in evidence. Where it
//! does not admit what a revoked station had written, a station below may have taken it before it heard of the revocation:
//! there the cases are folded without it, so that they read as they do everywhere.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message;
use sanji_log::{CaseId, Entry, EntryBytes, EntryDraft, LogId, Reach, Run, StationCode};
use sanji_proto::v1 as proto;
use sanji_replication::CaseKeyMessage;

use super::fold::Fold;
use super::reader::Reader;
use super::receive::CaseKeys;
use super::reference::forks::{Evidence, piece};
use super::rows::{MISSING, UNCONFIRMED, missing_key, no_row};
use super::{Core, Random};
use crate::error::{Error, store, stored};

/// Bytes of entries in one piece of evidence: with its frame it fits into an entry.
const PIECE_BYTES: usize = 128 << 10;
/// Most pieces kept of one log: whoever has its key must not fill the disks of the stations above.
const PIECES_MAX: usize = 512;
/// How far before the known parting a branch is asked for at first; doubled until it meets what is held.
const REACH_BACK: u64 = 64;

/// What counts instead of what stands in the log: a branch in evidence, or nothing.
pub(super) struct CountingBranch {
    pub(super) seq: u64,
    pub(super) entries: Vec<EntryBytes>,
}

/// By the log that holds another.
pub(super) type CountingBranches = BTreeMap<LogId, CountingBranch>;

impl Reader {
    /// From where on a peer's version of a forked log is wanted. None: this station's own, or not held.
    #[must_use]
    pub fn branch_wanted(&self, log: &LogId, seq: u64) -> Option<u64> {
        if log.key == self.key() {
            return None;
        }
        let (head, _) = self.store().head(log)?;
        let kept =
            self.reference().forks().get(log).and_then(|fork| fork.evidence.iter().map(|piece| piece.last.0).max());
        // A third branch is met there too: what does not follow is asked for from further back.
        Some(kept.map_or_else(|| seq.min(head).saturating_sub(REACH_BACK).max(1), |last| last + 1))
    }

    /// What counts of logs that hold something else.
    pub(super) fn counting_branches(&self) -> Result<CountingBranches, Error> {
        let mut counting = BTreeMap::new();
        for (log, fork) in self.reference().forks() {
            let Some(decided) = fork.decided else { continue };
            let pieces = fork.branch(&decided.hash);
            let held = unless_damaged(self.store().entry(log, decided.seq).map_err(store("read an entry")))?;
            // What is in the log is no evidence.
            let is_in_the_log =
                held.map_or(pieces.is_empty(), |held| held.is_none_or(|held| held.hash() == decided.hash));
            if is_in_the_log {
                continue;
            }
            let entries = self.evidence(&pieces)?;
            counting.insert(*log, CountingBranch { seq: decided.seq, entries });
        }
        for (log, rest) in self.reference().rests().iter().filter(|(_, rest)| !rest.admitted) {
            let branch = counting.entry(*log).or_insert(CountingBranch { seq: rest.from, entries: Vec::new() });
            branch.entries.truncate(usize::try_from(rest.from.saturating_sub(branch.seq)).unwrap_or(usize::MAX));
            branch.seq = branch.seq.min(rest.from);
        }
        Ok(counting)
    }

    /// The entry at a position of a decided log, where it counts.
    pub(super) fn counting_entry(&self, log: &LogId, seq: u64) -> Result<Option<EntryBytes>, Error> {
        match self.counting_branches()?.remove(log).filter(|branch| seq >= branch.seq) {
            Some(branch) => {
                let at = usize::try_from(seq - branch.seq).unwrap_or(usize::MAX);
                Ok(branch.entries.into_iter().nth(at))
            }
            None => self.store().entry(log, seq).map_err(store("read an entry")),
        }
    }

    /// The entries of pieces, in their order.
    pub(crate) fn evidence(&self, pieces: &[Evidence]) -> Result<Vec<EntryBytes>, Error> {
        let bodies = self.evidence_bodies(pieces)?;
        let read = bodies.iter().filter_map(|body| piece(body)?.1);
        Ok(read.flat_map(|piece| piece.entries).collect())
    }

    /// The encoded runs of pieces, with the writer's seals.
    pub(crate) fn signed_evidence(&self, pieces: &[Evidence]) -> Result<Vec<Vec<u8>>, Error> {
        let bodies = self.evidence_bodies(pieces)?;
        let runs = bodies.into_iter().filter_map(|body| proto::ForkSeen::decode(body).ok());
        Ok(runs.map(|seen| seen.run).collect())
    }

    fn evidence_bodies(&self, pieces: &[Evidence]) -> Result<Vec<Bytes>, Error> {
        let mut bodies = Vec::new();
        for at in pieces {
            let bytes = self.store().entry(&at.place.log, at.place.seq).map_err(store("read an entry"))?;
            let Some(bytes) = bytes else { continue };
            bodies.push(bytes.decode().map_err(stored("entry"))?.body);
        }
        Ok(bodies)
    }
}

impl Core {
    /// Stages a piece of a peer's version of a log as evidence, if it differs from what is held here and its writer
    /// signed it. Returns from where on more is wanted.
    ///
    /// # Errors
    /// [`Error::Store`]; the group is lost.
    pub fn keep_branch(
        &mut self,
        peer: StationCode,
        run: Run,
        case_keys: &[CaseKeyMessage],
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<Option<u64>, Error> {
        let log = run.log;
        let Some((head, _)) = self.have.get(&log).filter(|_| log.key != self.reader.key()) else { return Ok(None) };
        let first = run.entries.first().and_then(|first| first.decode().ok());
        let Some(first) = first else { return Ok(None) };
        let before = first.prev.map(|prev| (first.seq.saturating_sub(1), prev));
        let Ok(entries) = run.verify(before) else {
            tracing::warn!(peer.station = %peer, log = %log, "evidence that its writer did not sign is dropped");
            return Ok(None);
        };
        let reference = self.reference();
        let known = reference.forks().get(&log);
        let follows_evidence = known.is_some_and(|fork| fork.evidence.iter().any(|piece| Some(piece.last) == before));
        if !follows_evidence
            && let Some((seq, hash)) = before
            && self.hash_at(&log, seq)? != Some(hash)
        {
            let back = head.saturating_sub(first.seq) + REACH_BACK;
            return Ok((first.seq > 1).then(|| first.seq.saturating_sub(2 * back).max(1)));
        }
        let next = run.seal.seq + 1;
        let mut same = 0;
        for entry in &entries {
            if follows_evidence || self.hash_at(&log, entry.seq)? != Some(entry.hash) {
                break;
            }
            same += 1;
        }
        let differing = entries.get(same..).unwrap_or_default();
        let Some(parting) = differing.first() else { return Ok(Some(next).filter(|next| *next <= head)) };
        // What goes on where the log ends is no other branch: the link will bring it.
        if !follows_evidence && parting.seq > head {
            return Ok(None);
        }
        let kept = known.map_or(0, |fork| fork.evidence.len());
        let is_known = known.is_some_and(|fork| fork.evidence.iter().any(|piece| piece.first.1 == parting.hash));
        if is_known || kept >= PIECES_MAX {
            return Ok(Some(next).filter(|_| is_known));
        }
        self.stage_evidence(&run, same, now_ms)?;
        self.take_branch_keys(peer, log, differing, case_keys, now_ms, random)?;
        tracing::warn!(peer.station = %peer, log = %log, log.seq = parting.seq, "a branch of a forked log is kept");
        Ok(Some(next))
    }

    fn stage_evidence(&mut self, run: &Run, from: usize, now_ms: u64) -> Result<(), Error> {
        let mut piece: Vec<Bytes> = Vec::new();
        let mut size = 0;
        let rest = run.entries.get(from..).unwrap_or_default();
        for (at, bytes) in rest.iter().enumerate() {
            size += bytes.0.len();
            piece.push(bytes.0.clone());
            if size >= PIECE_BYTES || at + 1 == rest.len() {
                let part = proto::Run {
                    log: Some(run.log.into()),
                    entries: std::mem::take(&mut piece),
                    seal: Some(run.seal.into()),
                };
                self.stage_fork_seen(run.log, part.encode_to_vec(), now_ms)?;
                size = 0;
            }
        }
        Ok(())
    }

    /// Notes that two machines were linked with the key of a station. Once.
    ///
    /// # Errors
    /// As for [`Core::write`].
    pub fn note_clone(&mut self, log: LogId, now_ms: u64) -> Result<(), Error> {
        if self.reference().forks().contains_key(&log) {
            return Ok(());
        }
        self.stage_fork_seen(log, Vec::new(), now_ms)
    }

    fn stage_fork_seen(&mut self, log: LogId, run: Vec<u8>, now_ms: u64) -> Result<(), Error> {
        let seen = proto::ForkSeen { log: Some(log.into()), run, seen_ms: now_ms };
        let draft = EntryDraft {
            case: None,
            actor: String::new(),
            kind: proto::Kind::Fork as u32,
            body: seen.encode_to_vec().into(),
            attachments: Vec::new(),
            opens_case: false,
        };
        self.stage(self.log_of_evidence(log), &draft, now_ms).map(|_| ())
    }

    /// Evidence goes where the stations that hold the log will see it.
    fn log_of_evidence(&self, forked: LogId) -> LogId {
        let me = self.reader.me();
        self.own_log(if forked.home.within(me) { forked.home } else { me }, Reach::Private)
    }

    /// Keeps the keys of cases that a branch opens, and writes an entry with which each goes on to the stations above.
    fn take_branch_keys(
        &mut self,
        peer: StationCode,
        log: LogId,
        entries: &[Entry],
        case_keys: &[CaseKeyMessage],
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<(), Error> {
        let keys: CaseKeys = case_keys.iter().filter_map(|message| Some((message.case, message.key?))).collect();
        self.take_keys(peer, entries, &keys, random)?;
        for case in entries.iter().filter(|entry| entry.opens_case).filter_map(|entry| entry.case) {
            let draft = EntryDraft {
                case: Some(case),
                actor: String::new(),
                kind: proto::Kind::Fork as u32,
                body: Bytes::new(),
                attachments: Vec::new(),
                opens_case: true,
            };
            self.stage(self.log_of_evidence(log), &draft, now_ms)?;
        }
        Ok(())
    }

    /// Folds every case anew that a decision of the district on a log touches. What it changes is derived, and derived
    /// again on opening.
    pub(super) fn settle_decisions(&self) -> Result<Vec<CaseId>, Error> {
        let reference = self.reader.reference();
        let mut touched = Vec::new();
        let mut touch = |bytes: EntryBytes| touched.extend(bytes.decode().ok());
        // An admitted rest, too: it may have been rejected before.
        let rests = reference.rests().iter().map(|(log, rest)| (log, rest.from));
        let forks = reference.forks().iter().filter_map(|(log, fork)| Some((log, fork.decided?.seq)));
        for (log, from) in rests.chain(forks) {
            let head = self.store().head(log).map_or(0, |(seq, _)| seq);
            for seq in from..=head {
                let held = self.store().entry(log, seq).map_err(store("read an entry"));
                unless_damaged(held)?.flatten().into_iter().for_each(&mut touch);
            }
        }
        for fork in reference.forks().values().filter(|fork| fork.decided.is_some()) {
            let evidence = unless_damaged(self.reader.evidence(&fork.evidence))?;
            evidence.into_iter().flatten().for_each(&mut touch);
        }
        let Some(branches) = unless_damaged(self.reader.counting_branches())? else { return Ok(Vec::new()) };
        let mut fold = Fold::default();
        let (mut cases, mut matters, mut named) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        for entry in touched {
            let Some(case) = entry.case else { continue };
            let of_matter = sanji_domain::matter::codec::is_matter(entry.kind);
            if of_matter { &mut matters } else { &mut cases }.insert(case);
            if !entry.attachments.is_empty() {
                let of_case: &mut BTreeSet<_> = named.entry(case).or_default();
                of_case.extend(entry.attachments.iter().map(|attachment| attachment.id));
            }
        }
        // Of attachments, too, only those are wanted that an entry names which counts.
        for (case, named) in named {
            let Some(counting) = unless_damaged(self.reader.counting_entries(&case, &branches))? else { continue };
            for id in &named {
                let key = missing_key(&case, id);
                fold.rows.extend([MISSING, UNCONFIRMED].map(|list| no_row((list.to_vec(), key.clone()))));
            }
            for entry in counting {
                let writer = self.reader.writer(&reference, &entry);
                for attachment in entry.attachments.iter().filter(|attachment| named.contains(&attachment.id)) {
                    fold.attachment(&self.reader, &case, attachment, writer)?;
                }
            }
        }
        for case in &cases {
            unless_damaged(fold.anew(&self.reader, case, &branches))?;
        }
        for matter in &matters {
            unless_damaged(fold.matter_anew(&self.reader, matter, &branches))?;
        }
        self.reader.show(fold);
        Ok(cases.into_iter().collect())
    }
}

/// A station with a damaged record starts and goes on all the same: when that has healed, the cases that it touches are
/// derived again.
pub(super) fn unless_damaged<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Err(Error::Store { source: sanji_store::Error::Damaged { .. }, .. }) => Ok(None),
        read => read.map(Some),
    }
}
