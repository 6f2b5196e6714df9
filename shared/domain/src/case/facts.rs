//! What is kept of a case's entries.

use std::collections::BTreeMap;
use std::sync::Arc;

use sanji_log::{CaseId, Hash, HybridTime, LogId, StationCode};
use serde::{Deserialize, Serialize};

use super::body::{Body, Side, Step};
use super::chain::Rejection;

/// An entry of a case as it was read. Its seal has been checked, and that `writer` owned the log's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseEntry {
    /// Hash of the entry.
    pub hash: Hash,
    /// The log it stands in.
    pub log: LogId,
    /// Its position there.
    pub seq: u64,
    /// The station that wrote it.
    pub writer: StationCode,
    /// When, by its writer's clock.
    pub time: HybridTime,
    /// Staff id; empty for the station itself.
    pub actor: String,
    /// What it says.
    pub body: Body,
}

/// An entry of a case as [`Case::take`](super::Case::take) takes and keeps it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Facts {
    /// It moves the case on.
    Step(Arc<StepFacts>),
    /// It stands beside the route.
    Side(Arc<SideFacts>),
}

impl From<CaseEntry> for Facts {
    fn from(entry: CaseEntry) -> Self {
        let CaseEntry { hash, log, seq, writer, time, actor, body } = entry;
        match body {
            Body::Step(body) => {
                Self::Step(StepFacts { rev: body.rev, hash, log, seq, time, writer, actor, body }.into())
            }
            Body::Side(body) => Self::Side(SideFacts { hash, log, seq, time, writer, actor, body }.into()),
        }
    }
}

/// A step that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFacts {
    /// As in its body.
    pub rev: u32,
    /// Hash of the entry.
    pub hash: Hash,
    /// The log it stands in.
    pub log: LogId,
    /// Its position there.
    pub seq: u64,
    /// When, by its writer's clock.
    pub time: HybridTime,
    /// The station that wrote it.
    pub writer: StationCode,
    /// Staff id; empty for the station itself.
    pub actor: String,
    /// What it says.
    pub body: Step,
}

/// A side entry that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideFacts {
    /// Hash of the entry.
    pub hash: Hash,
    /// The log it stands in.
    pub log: LogId,
    /// Its position there.
    pub seq: u64,
    /// When, by its writer's clock.
    pub time: HybridTime,
    /// The station that wrote it.
    pub writer: StationCode,
    /// Staff id; empty for the station itself.
    pub actor: String,
    /// What it says.
    pub body: Side,
}

/// An entry that breaks a rule of the chain. It never counts; where it stands is kept as evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedEntry {
    /// The log it stands in.
    pub log: LogId,
    /// Its position there.
    pub seq: u64,
    /// When, by its writer's clock.
    pub time: HybridTime,
    /// The station that wrote it.
    pub writer: StationCode,
    /// Which rule.
    pub reason: Rejection,
}

/// Everything that is kept of a case: the set that its state is a function of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) id: CaseId,
    pub(super) steps: BTreeMap<Hash, Arc<StepFacts>>,
    pub(super) sides: BTreeMap<Hash, Arc<SideFacts>>,
    pub(super) rejected: BTreeMap<Hash, RejectedEntry>,
}

impl Kept {
    pub(super) fn step(&self, hash: &Hash) -> Option<&StepFacts> {
        self.steps.get(hash).map(|facts| &**facts)
    }
}
