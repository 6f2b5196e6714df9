//! What to send next, and how much may be under way.
//!
//! Public logs go before private ones; within each the logs take turns, a piece of a batch each, so that a long
//! log does not hold up the others. New commits take the same way once the backlog is sent. Bytes are counted
//! from the moment they are asked of the disk until the peer has acknowledged them; their sum stays within the
//! window, except that a single run larger than it goes alone. How large a batch is follows from how soon the ones
//! before were acknowledged (`pace`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use sanji_log::planted::{Bug, planted};
use sanji_log::{Head, LogId, Run};

use super::heads::Heads;
use super::pace::Pace;
use crate::limits::{
    BATCH_MAX_BYTES, BATCH_MAX_CASE_KEYS, BATCH_MAX_RUNS, BATCHES_IN_FLIGHT_MAX, UNREADABLE_MS, WINDOW_MAX_BYTES,
};
use crate::{CaseKeyMessage, Entries, RefusalReason};

/// While so many batches wait for their acknowledgement, a few more entries wait too, and go as one batch with one
/// seal when it comes. On a fast line that is at once; on a thin one many small batches would cost more than what
/// they carry.
const SMALL_BATCHES_IN_FLIGHT: usize = 2;
/// So many entries are worth a batch of their own at any time.
const GATHERED_ENTRIES: u64 = 64;

/// A read that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) log: LogId,
    pub(super) from: u64,
    pub(super) max_bytes: usize,
}

/// Why a log is not sent on this link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The peer refused it.
    Refused(RefusalReason),
    /// Both sides hold it with different entries.
    Forked,
    /// It could not be read here, at this time: milliseconds since 1970-01-01 UTC.
    Unreadable { since_ms: u64 },
}

impl Stop {
    fn is_temporary(self) -> bool {
        matches!(self, Self::Refused(reason) if reason.is_temporary())
    }
}

/// A batch sent and not yet acknowledged.
#[derive(Debug)]
struct Sent {
    /// Milliseconds since 1970-01-01 UTC.
    at_ms: u64,
    bytes: usize,
    /// Bytes that were under way with it.
    under_way: usize,
    heads: Vec<Head>,
}

#[derive(Debug)]
pub(super) struct Sending {
    window_bytes: usize,
    pace: Pace,
    /// Position of each log up to which entries were sent on this link.
    sent: BTreeMap<LogId, u64>,
    stopped: BTreeMap<LogId, Stop>,
    /// Logs that have something to send and are not being read.
    ready: BTreeSet<LogId>,
    /// Logs whose next run needs the window for itself.
    oversized: BTreeSet<LogId>,
    last_served: Option<LogId>,
    /// Reads under way.
    loading: BTreeMap<LogId, Load>,
    /// The batch being filled.
    outbox: Vec<Run>,
    outbox_keys: Vec<CaseKeyMessage>,
    outbox_bytes: usize,
    in_flight: BTreeMap<u64, Sent>,
    in_flight_bytes: usize,
    last_batch: u64,
}

impl Sending {
    pub(super) fn new(window_bytes: usize, batch_bytes: usize, handshake_ms: u64) -> Self {
        let window_bytes = window_bytes.clamp(1, WINDOW_MAX_BYTES);
        Self {
            window_bytes,
            pace: Pace::new(batch_bytes.clamp(1, BATCH_MAX_BYTES.min(window_bytes)), handshake_ms),
            sent: BTreeMap::new(),
            stopped: BTreeMap::new(),
            ready: BTreeSet::new(),
            oversized: BTreeSet::new(),
            last_served: None,
            loading: BTreeMap::new(),
            outbox: Vec::new(),
            outbox_keys: Vec::new(),
            outbox_bytes: 0,
            in_flight: BTreeMap::new(),
            in_flight_bytes: 0,
            last_batch: 0,
        }
    }

    /// Whether the line has room to spare.
    pub(super) fn is_quick(&self) -> bool {
        self.pace.is_quick()
    }

    /// Whether the line is worth much work to send less.
    pub(super) fn is_thin(&self) -> bool {
        self.pace.is_thin()
    }

    /// Whether nothing waits, is read, or is under way, and nothing will be asked for again.
    pub(super) fn is_idle(&self) -> bool {
        self.ready.is_empty()
            && self.loading.is_empty()
            && self.outbox.is_empty()
            && self.in_flight.is_empty()
            && !self.stopped.values().any(|stop| stop.is_temporary())
    }

    /// A log may have something to send, or no longer.
    pub(super) fn reconsider(&mut self, log: LogId, heads: &Heads) {
        let waiting = heads.our_seq(&log) >= self.next_seq(&log, heads)
            && !self.stopped.contains_key(&log)
            && !self.loading.contains_key(&log);
        if waiting {
            self.ready.insert(log);
        } else {
            self.ready.remove(&log);
        }
    }

    /// The next read, while the window has room.
    pub(super) fn next_load(&mut self, heads: &Heads) -> Option<Load> {
        if self.in_flight.len() >= BATCHES_IN_FLIGHT_MAX {
            return None;
        }
        if self.in_flight.len() >= SMALL_BATCHES_IN_FLIGHT && !self.is_worth_a_batch(heads) {
            return None;
        }
        let log = self.next_ready()?;
        let used = self.used_bytes();
        let has_room = used + self.pace.bytes() <= self.window_bytes;
        if !has_room || (self.oversized.contains(&log) && used > 0) {
            return None;
        }
        self.oversized.remove(&log);
        self.ready.remove(&log);
        self.last_served = Some(log);
        let load = Load { log, from: self.next_seq(&log, heads), max_bytes: self.pace.bytes() };
        self.loading.insert(log, load);
        Some(load)
    }

    /// A read is answered. Returns batches that are ready to go.
    pub(super) fn loaded(
        &mut self,
        log: LogId,
        run: Option<Run>,
        case_keys: Vec<CaseKeyMessage>,
        heads: &Heads,
        now_ms: u64,
    ) -> Vec<Entries> {
        let Some(load) = self.loading.remove(&log) else { return Vec::new() };
        let mut batches = Vec::new();
        let wanted = !self.stopped.contains_key(&log) && load.from == self.next_seq(&log, heads);
        match run {
            _ if !wanted => {}
            Some(run) if run.log == log && run.first_seq() == load.from => {
                let used = self.used_bytes();
                if used > 0 && used + run.size() > self.window_bytes {
                    self.oversized.insert(log);
                } else {
                    batches.extend(self.fill(run, case_keys, now_ms));
                }
            }
            _ => {
                self.stopped.insert(log, Stop::Unreadable { since_ms: now_ms });
            }
        }
        self.reconsider(log, heads);
        if self.outbox_bytes >= self.pace.bytes() || self.loading.is_empty() {
            batches.extend(self.flush(now_ms));
        }
        batches
    }

    /// Puts a run into the batch being filled; returns the batch before where it had no room.
    fn fill(&mut self, run: Run, case_keys: Vec<CaseKeyMessage>, now_ms: u64) -> Option<Entries> {
        let full = self.outbox_bytes + run.size() > BATCH_MAX_BYTES
            || self.outbox.len() >= BATCH_MAX_RUNS
            || self.outbox_keys.len() + case_keys.len() > BATCH_MAX_CASE_KEYS
            || self.outbox.iter().any(|other| other.log == run.log);
        let batch = if full { self.flush(now_ms) } else { None };
        self.sent.insert(run.log, run.seal.seq);
        self.outbox_bytes += run.size();
        self.outbox.push(run);
        self.outbox_keys.extend(case_keys);
        batch
    }

    fn flush(&mut self, now_ms: u64) -> Option<Entries> {
        if self.outbox.is_empty() {
            return None;
        }
        self.last_batch += 1;
        let runs = std::mem::take(&mut self.outbox);
        let case_keys = std::mem::take(&mut self.outbox_keys);
        let bytes = std::mem::take(&mut self.outbox_bytes);
        let heads = runs.iter().map(Run::head).collect();
        self.in_flight_bytes += bytes;
        let sent = Sent { at_ms: now_ms, bytes, under_way: self.in_flight_bytes, heads };
        self.in_flight.insert(self.last_batch, sent);
        Some(Entries { batch: self.last_batch, runs, case_keys })
    }

    /// Logs that could not be read are tried again from time to time: they may have been healed, or the disk is well.
    pub(super) fn try_unreadable(&mut self, heads: &Heads, now_ms: u64) {
        let is_due = |stop: &Stop| match stop {
            Stop::Unreadable { since_ms } => now_ms.abs_diff(*since_ms) >= UNREADABLE_MS,
            Stop::Refused(_) | Stop::Forked => false,
        };
        let due: Vec<LogId> = self.stopped.iter().filter(|(_, stop)| is_due(stop)).map(|(log, _)| *log).collect();
        for log in due {
            self.stopped.remove(&log);
            self.reconsider(log, heads);
        }
    }

    /// The peer has all batches up to this one. None where no such batch was sent.
    pub(super) fn acknowledged(&mut self, batch: u64, now_ms: u64) -> Option<Vec<Head>> {
        if batch > self.last_batch {
            return None;
        }
        let later = self.in_flight.split_off(&(batch + 1));
        let done = std::mem::replace(&mut self.in_flight, later);
        self.in_flight_bytes -= done.values().map(|sent| sent.bytes).sum::<usize>();
        for sent in done.values() {
            self.pace.acknowledged(sent.under_way, now_ms.saturating_sub(sent.at_ms));
        }
        Some(done.into_values().flat_map(|sent| sent.heads).collect())
    }

    /// The peer takes no more of a log. False where that was known.
    pub(super) fn refused(&mut self, log: LogId, reason: RefusalReason) -> bool {
        self.stop(log, Stop::Refused(reason))
    }

    /// The two copies of a log differ. False where that was known.
    pub(super) fn forked(&mut self, log: LogId) -> bool {
        self.stop(log, Stop::Forked)
    }

    fn stop(&mut self, log: LogId, stop: Stop) -> bool {
        if self.stopped.get(&log).is_some_and(|known| !known.is_temporary()) {
            return false;
        }
        let news = self.stopped.insert(log, stop) != Some(stop);
        self.ready.remove(&log);
        self.outbox.retain(|run| run.log != log);
        self.outbox_bytes = self.outbox.iter().map(Run::size).sum();
        // An acknowledgement of these batches says nothing of this log.
        for sent in self.in_flight.values_mut() {
            sent.heads.retain(|head| head.log != log);
        }
        news
    }

    /// The logs that a further `Have` asks for again; they are sent from there on.
    pub(super) fn resume(&mut self) -> Vec<LogId> {
        let resumed: Vec<_> =
            self.stopped.iter().filter(|(_, stop)| stop.is_temporary()).map(|(log, _)| *log).collect();
        for log in &resumed {
            self.stopped.remove(log);
            self.sent.remove(log);
        }
        resumed
    }

    fn next_seq(&self, log: &LogId, heads: &Heads) -> u64 {
        self.sent.get(log).copied().unwrap_or(0).max(heads.their_seq(log)) + 1
    }

    /// Whether enough entries wait, over all logs that are not being read. Looks at no more logs than it must.
    fn is_worth_a_batch(&self, heads: &Heads) -> bool {
        let mut waiting = 0;
        self.ready.iter().any(|log| {
            waiting += (heads.our_seq(log) + 1).saturating_sub(self.next_seq(log, heads));
            waiting >= GATHERED_ENTRIES
        })
    }

    fn used_bytes(&self) -> usize {
        if planted(Bug::IgnoreWindow) {
            return 0;
        }
        let reserved: usize = self.loading.values().map(|load| load.max_bytes).sum();
        self.in_flight_bytes + self.outbox_bytes + reserved
    }

    /// The log whose turn it is.
    fn next_ready(&self) -> Option<LogId> {
        let reach = self.ready.first()?.reach;
        let of_reach = |log: &&LogId| log.reach == reach;
        let after = self.last_served.filter(|log| log.reach == reach);
        let next = after.and_then(|log| self.ready.range((Excluded(log), Unbounded)).find(of_reach));
        next.or_else(|| self.ready.first()).copied()
    }
}
