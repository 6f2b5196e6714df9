//! What each side holds of the logs that both may hold.

use std::collections::BTreeMap;

use sanji_log::{Hash, Have, Head, LogId};

use crate::limits::HAVE_MAX_HEADS;
use crate::verify::Ends;

/// The durable heads of both sides, as far as they are known here.
#[derive(Debug)]
pub(super) struct Heads {
    pub(super) ends: Ends,
    ours: BTreeMap<LogId, (u64, Hash)>,
    theirs: BTreeMap<LogId, (u64, Hash)>,
}

impl Heads {
    pub(super) fn new(ends: Ends) -> Self {
        Self { ends, ours: BTreeMap::new(), theirs: BTreeMap::new() }
    }

    pub(super) fn ours(&self, log: &LogId) -> Option<(u64, Hash)> {
        self.ours.get(log).copied()
    }

    pub(super) fn our_seq(&self, log: &LogId) -> u64 {
        self.ours.get(log).map_or(0, |(seq, _)| *seq)
    }

    pub(super) fn their_seq(&self, log: &LogId) -> u64 {
        self.theirs.get(log).map_or(0, |(seq, _)| *seq)
    }

    /// Logs of which this station holds anything, public ones first.
    pub(super) fn our_logs(&self) -> impl Iterator<Item = LogId> + '_ {
        self.ours.keys().copied()
    }

    /// Logs in which the peer is ahead.
    pub(super) fn wanted(&self) -> impl Iterator<Item = LogId> + '_ {
        self.theirs.iter().filter(|(log, (seq, _))| self.our_seq(log) < *seq).map(|(log, _)| *log)
    }

    /// What this station tells the peer that it holds.
    pub(super) fn our_have(&self) -> Vec<Head> {
        self.ours.iter().map(|(log, (seq, hash))| Head { log: *log, seq: *seq, hash: *hash }).collect()
    }

    pub(super) fn begin(&mut self, have: &Have) {
        for head in have.heads() {
            self.advance_ours(head);
        }
    }

    /// Our copy of a log reaches at least to here. False where the log is not for both.
    pub(super) fn advance_ours(&mut self, head: Head) -> bool {
        self.ends.share(&head.log) && advance(&mut self.ours, head)
    }

    /// Whether the peer has named more logs than it can hold.
    pub(super) fn are_too_many(&self) -> bool {
        self.theirs.len() > HAVE_MAX_HEADS
    }

    /// The peer's copy of a log reaches at least to here.
    pub(super) fn advance_theirs(&mut self, head: Head) {
        if self.ends.share(&head.log) {
            advance(&mut self.theirs, head);
        }
    }

    /// Whether the two sides have ended a log at the same position with different entries.
    pub(super) fn fork_at(&self, head: &Head) -> Option<Hash> {
        self.ours(&head.log).and_then(|(seq, hash)| (seq == head.seq && hash != head.hash).then_some(hash))
    }
}

fn advance(heads: &mut BTreeMap<LogId, (u64, Hash)>, head: Head) -> bool {
    let known = heads.entry(head.log).or_insert((0, head.hash));
    let further = head.seq > known.0;
    if further {
        *known = (head.seq, head.hash);
    }
    further
}
