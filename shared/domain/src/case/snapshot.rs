//! The form in which the store keeps a case: what is kept, with every log named once. The state is not in it; it is
//! computed anew, so a release that folds otherwise needs no new snapshots.

use std::collections::BTreeSet;

use sanji_log::{CaseId, Hash, HybridTime, LogId, StationCode};
use serde::{Deserialize, Serialize};

use super::body::{Side, Step};
use super::chain::Rejection;
use super::facts::{Kept, RejectedEntry, SideFacts, StepFacts};

/// A case at rest: with what it holds, or with a look at it.
#[derive(Serialize, Deserialize)]
pub(super) struct Snapshot<A = String, P = Step, S = Side> {
    id: CaseId,
    logs: Vec<LogId>,
    steps: Vec<Row<Written<A, P>>>,
    sides: Vec<Row<Written<A, S>>>,
    rejected: Vec<Row<Rejection>>,
}

#[derive(Serialize, Deserialize)]
struct Row<C> {
    hash: Hash,
    /// Position in `logs`.
    log: usize,
    seq: u64,
    time: HybridTime,
    writer: StationCode,
    content: C,
}

#[derive(Serialize, Deserialize)]
struct Written<A, B> {
    actor: A,
    body: B,
}

impl<'a> From<&'a Kept> for Snapshot<&'a str, &'a Step, &'a Side> {
    fn from(kept: &'a Kept) -> Self {
        let logs: BTreeSet<LogId> = (kept.steps.values().map(|facts| facts.log))
            .chain(kept.sides.values().map(|facts| facts.log))
            .chain(kept.rejected.values().map(|entry| entry.log))
            .collect();
        let logs: Vec<LogId> = logs.into_iter().collect();
        // Every log is in the table, so the search never fails.
        let place = |log: &LogId| logs.binary_search(log).unwrap_or_default();
        let steps = kept.steps.values().map(|facts| {
            let StepFacts { rev: _, hash, log, seq, time, writer, actor, body } = &**facts;
            let content = Written { actor: actor.as_str(), body };
            Row { hash: *hash, log: place(log), seq: *seq, time: *time, writer: *writer, content }
        });
        let sides = kept.sides.values().map(|facts| {
            let SideFacts { hash, log, seq, time, writer, actor, body } = &**facts;
            let content = Written { actor: actor.as_str(), body };
            Row { hash: *hash, log: place(log), seq: *seq, time: *time, writer: *writer, content }
        });
        let rejected = kept.rejected.iter().map(|(hash, entry)| {
            let RejectedEntry { log, seq, time, writer, reason } = entry;
            Row { hash: *hash, log: place(log), seq: *seq, time: *time, writer: *writer, content: *reason }
        });
        let (steps, sides, rejected) = (steps.collect(), sides.collect(), rejected.collect());
        Self { id: kept.id, steps, sides, rejected, logs }
    }
}

/// A snapshot that names a log outside its table: it is damaged, and the case must be folded from its entries.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot names a log outside its table")]
pub(super) struct LogMissing;

impl TryFrom<Snapshot> for Kept {
    type Error = LogMissing;
    fn try_from(snapshot: Snapshot) -> Result<Self, LogMissing> {
        let logs = snapshot.logs;
        let log = |place: usize| logs.get(place).copied().ok_or(LogMissing);
        let steps = snapshot.steps.into_iter().map(|row| {
            let Row { hash, log: place, seq, time, writer, content: Written { actor, body } } = row;
            let facts = StepFacts { rev: body.rev, hash, log: log(place)?, seq, time, writer, actor, body };
            Ok((hash, facts.into()))
        });
        let sides = snapshot.sides.into_iter().map(|row| {
            let Row { hash, log: place, seq, time, writer, content: Written { actor, body } } = row;
            Ok((hash, SideFacts { hash, log: log(place)?, seq, time, writer, actor, body }.into()))
        });
        let rejected = snapshot.rejected.into_iter().map(|row| {
            let Row { hash, log: place, seq, time, writer, content: reason } = row;
            Ok((hash, RejectedEntry { log: log(place)?, seq, time, writer, reason }))
        });
        Ok(Self {
            id: snapshot.id,
            steps: steps.collect::<Result<_, _>>()?,
            sides: sides.collect::<Result<_, _>>()?,
            rejected: rejected.collect::<Result<_, _>>()?,
        })
    }
}
