//! What to take of what the peer sends, and when to acknowledge it.
//!
//! Batches may be handed to the disk one after the other before the first is stored: the tail of a log is where
//! the last of them ends. A batch is acknowledged when it and all before it are stored or refused.

use std::collections::BTreeMap;

use sanji_log::planted::{Bug, planted};
use sanji_log::{CaseId, Hash, Head, LogId, Reach, Receipt, Run};

use super::heads::Heads;
use crate::limits::{RECEIPTS_MAX, RECEIVING_MAX_BYTES};
use crate::verify::{Verdict, verify};
use crate::{Ack, CaseKeyMessage, Directory, Entries, RefusalReason, Refused, Rest, VerifiedRun};

/// Most logs that a peer may have refused on one link before it is taken for broken.
const REFUSED_LOGS_MAX: usize = 4096;

/// Why nothing of a log is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refusal {
    reason: RefusalReason,
    /// Last batch that had come by then; what it and those before it did to the log no longer matters.
    since_batch: u64,
}

/// How logs that were refused come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Again {
    /// The peer waits for a further `Have`.
    Passes,
    /// It was told that nothing of the log is taken, and waits for nothing.
    Admitted,
}

/// A batch that is not yet acknowledged.
#[derive(Debug, Default)]
struct Pending {
    bytes: usize,
    heads: Vec<Head>,
    receipts: Vec<Receipt>,
    waits: Waits,
}

/// What is not durable yet of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Waits {
    stored: bool,
    aside: bool,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) runs: Vec<VerifiedRun>,
    pub(super) case_keys: Vec<CaseKeyMessage>,
    pub(super) refused: Vec<Refused>,
    /// Entries of revoked keys, well signed, and the keys of the cases that they open.
    pub(super) aside: Vec<Run>,
    pub(super) aside_keys: Vec<CaseKeyMessage>,
    /// Beginnings of public logs of unknown writers.
    pub(super) introduced: Vec<Run>,
}

#[derive(Debug, Default)]
pub(super) struct Receiving {
    last_batch: u64,
    pending: BTreeMap<u64, Pending>,
    pending_bytes: usize,
    /// Where logs end, with what is on its way to the disk; only logs that have something on its way.
    tails: BTreeMap<LogId, (u64, Hash)>,
    /// How far logs of revoked keys have come, to be kept aside. They don't count, so they are in no `Have`.
    aside: BTreeMap<LogId, u64>,
    refused: BTreeMap<LogId, Refusal>,
}

impl Receiving {
    /// Whether nothing is on its way to the disk, no key is awaited, and nothing lacks that can still come.
    pub(super) fn is_idle(&self, heads: &Heads) -> bool {
        let reason = |log: &LogId| self.refused.get(log).map(|refusal| refusal.reason);
        self.pending.is_empty()
            && self.refused.values().all(|refusal| refusal.reason != RefusalReason::UnknownKey)
            && heads.wanted().all(|log| {
                reason(&log).is_some_and(|reason| !reason.is_temporary()) || self.had_aside(&log, heads.their_seq(&log))
            })
    }

    /// Judges a batch. `delivers`: the peer's key is revoked.
    ///
    /// # Errors
    /// What the peer did that no station does: the link is closed.
    pub(super) fn take(
        &mut self,
        entries: Entries,
        heads: &mut Heads,
        directory: &Directory,
        delivers: bool,
    ) -> Result<Outcome, &'static str> {
        if entries.batch != self.last_batch + 1 {
            return Err("a batch is missing or came twice");
        }
        let bytes: usize = entries.runs.iter().map(Run::size).sum();
        if self.pending_bytes + bytes > RECEIVING_MAX_BYTES {
            return Err("more entries unacknowledged than a link may have");
        }
        if self.refused.len() > REFUSED_LOGS_MAX {
            return Err("too many logs refused");
        }
        self.last_batch = entries.batch;
        let mut outcome = Outcome::default();
        for run in entries.runs {
            self.take_run(run, heads, directory, delivers, &mut outcome);
        }
        if !outcome.aside.is_empty() {
            outcome.aside_keys = entries.case_keys.clone();
        }
        outcome.case_keys = entries.case_keys;
        outcome.case_keys.retain(|key| outcome.runs.iter().any(|run| opens(run, &key.case)));
        let pending = Pending {
            bytes,
            heads: outcome.runs.iter().map(|run| run.run.head()).collect(),
            receipts: Vec::new(),
            waits: if planted(Bug::AcknowledgeBeforeDurable) {
                Waits::default()
            } else {
                Waits { stored: !outcome.runs.is_empty(), aside: !outcome.aside.is_empty() }
            },
        };
        self.pending_bytes += bytes;
        self.pending.insert(entries.batch, pending);
        Ok(outcome)
    }

    fn take_run(&mut self, run: Run, heads: &mut Heads, directory: &Directory, delivers: bool, outcome: &mut Outcome) {
        let log = run.log;
        let known = self.refused.get(&log).map(|refusal| refusal.reason);
        if known.is_some_and(|reason| reason != RefusalReason::Gap) {
            return;
        }
        if log.reach == Reach::Public && run.first_seq() == 1 && directory.get(&log.key).is_none() {
            outcome.introduced.push(run.clone());
        }
        let head = run.head();
        match verify(heads.ends, directory, delivers, run, self.tail(&log, heads)) {
            Verdict::Fresh(run) => {
                self.refused.remove(&log);
                self.tails.insert(log, (head.seq, head.hash));
                heads.advance_theirs(head);
                outcome.runs.push(run);
            }
            Verdict::Held => {
                self.refused.remove(&log);
                heads.advance_theirs(head);
            }
            // Without a refusal, so that all of it comes: who decides on it must see the whole.
            Verdict::Aside(run) => {
                outcome.aside.push(run);
                self.aside.insert(log, head.seq);
            }
            // Sent before the peer knew that it has to begin again.
            Verdict::Refused(refused) if Some(refused.reason) == known => {}
            Verdict::Refused(refused) => {
                if refused.reason == RefusalReason::Gap {
                    heads.advance_theirs(head);
                }
                self.refuse(log, refused.reason);
                outcome.refused.push(refused);
            }
        }
    }

    /// Whether a log has come as far as this, aside, or will not be taken.
    pub(super) fn has_had(&self, log: &LogId, seq: u64) -> bool {
        self.refused.contains_key(log) || self.had_aside(log, seq)
    }

    fn had_aside(&self, log: &LogId, seq: u64) -> bool {
        self.aside.get(log).is_some_and(|had| *had >= seq)
    }

    /// A batch is durable, except for what the station refused. Returns the refusals that are news.
    pub(super) fn stored(
        &mut self,
        batch: u64,
        receipts: Vec<Receipt>,
        refused: Vec<Refused>,
        heads: &mut Heads,
    ) -> Vec<Refused> {
        let Some(pending) = self.pending.get_mut(&batch) else { return Vec::new() };
        if !std::mem::take(&mut pending.waits.stored) {
            return Vec::new();
        }
        pending.receipts = receipts;
        for head in std::mem::take(&mut pending.heads) {
            if refused.iter().all(|refused| refused.log != head.log) {
                heads.advance_ours(head);
                self.moved(&head.log, heads);
            }
        }
        let mut news = Vec::new();
        for refused in refused {
            let known = self.refused.get(&refused.log);
            let stale = known.is_some_and(|known| !known.reason.is_temporary() || batch <= known.since_batch);
            if !stale {
                self.refuse(refused.log, refused.reason);
                news.push(refused);
            }
        }
        news
    }

    /// What of a batch is for a person to decide on is durable.
    pub(super) fn kept_aside(&mut self, batch: u64) {
        if let Some(pending) = self.pending.get_mut(&batch) {
            pending.waits.aside = false;
        }
    }

    /// The acknowledgement that is due, if any: for as many batches as its receipts have room for.
    pub(super) fn acknowledgement(&mut self) -> Option<Ack> {
        let mut ack: Option<Ack> = None;
        while let Some(first) = self.pending.first_entry() {
            let receipts = ack.as_ref().map_or(0, |ack| ack.receipts.len()) + first.get().receipts.len();
            if first.get().waits != Waits::default() || (ack.is_some() && receipts > RECEIPTS_MAX) {
                break;
            }
            let (batch, pending) = first.remove_entry();
            self.pending_bytes -= pending.bytes;
            let ack = ack.get_or_insert_with(|| Ack { batch, receipts: Vec::new() });
            ack.batch = batch;
            ack.receipts.extend(pending.receipts);
        }
        ack
    }

    /// Our copy of a log has moved, perhaps over another link.
    pub(super) fn moved(&mut self, log: &LogId, heads: &Heads) {
        if self.tails.get(log).is_some_and(|(seq, _)| *seq <= heads.our_seq(log)) {
            self.tails.remove(log);
        }
    }

    /// Takes nothing more of a log, unless the reason passes.
    pub(super) fn refuse(&mut self, log: LogId, reason: RefusalReason) {
        self.tails.remove(&log);
        self.refused.insert(log, Refusal { reason, since_batch: self.last_batch });
    }

    /// The directory has changed: whether logs that were refused may be asked for again.
    pub(super) fn reconsider(&mut self, directory: &Directory) -> Option<Again> {
        let since_batch = self.last_batch;
        let mut again = None;
        for (log, refusal) in &mut self.refused {
            let known = directory.get(&log.key).is_some() && !planted(Bug::ForgetUnknownKey);
            let admitted = refusal.reason == RefusalReason::Revoked && directory.rest(log).is_some_and(is_admitted);
            if (refusal.reason == RefusalReason::UnknownKey && known) || admitted {
                *refusal = Refusal { reason: RefusalReason::Gap, since_batch };
                again = again.max(Some(if admitted { Again::Admitted } else { Again::Passes }));
            }
        }
        again
    }

    /// Whether a log was refused for a reason that a person may have done away with. A fork is for the district to decide.
    pub(super) fn forgets(&self, log: &LogId) -> bool {
        self.refused.get(log).is_some_and(|refusal| refusal.reason != RefusalReason::Fork)
    }

    fn tail(&self, log: &LogId, heads: &Heads) -> Option<(u64, Hash)> {
        self.tails.get(log).copied().or_else(|| heads.ours(log))
    }
}

fn is_admitted(rest: Rest) -> bool {
    matches!(rest, Rest::Admitted(_))
}

fn opens(run: &VerifiedRun, case: &CaseId) -> bool {
    run.entries.iter().any(|entry| entry.opens_case && entry.case.as_ref() == Some(case))
}
