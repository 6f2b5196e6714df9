//! A case (办件) as it follows from the entries held of it.
//!
//! The result depends only on the set of entries, not on their order or on duplicates: [`Case::apply`] keeps what it
//! is given and computes the rest anew. See [`chain`](super::chain) for which steps count.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sanji_log::{CaseId, Hash, HybridTime, LogId, RequestId, StationCode};
use serde::{Deserialize, Serialize};

use super::body::{Body, Channel, DeliveryMethod, Fault, Mandate, MaterialProvided, Side, SideEvent, Step, StepEvent};
use super::chain::{self, Chain, Rejection};
use super::snapshot::{LogMissing, Snapshot};
use super::summary::Summary;
use crate::code::{ItemCode, StageId};

/// An entry of a case as [`Case::apply`] takes it. Its seal has been checked, and that `writer` owned the log's key.
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

/// A step that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub(super) steps: BTreeMap<Hash, StepFacts>,
    pub(super) sides: BTreeMap<Hash, SideFacts>,
    pub(super) rejected: BTreeMap<Hash, RejectedEntry>,
}

/// A case folded from its entries. Holds no personal data; serde gives the snapshot that the store keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Snapshot", into = "Snapshot")]
pub struct Case {
    kept: Kept,
    chain: Chain,
    summary: Summary,
}

/// What became of a case, or is becoming of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// 准予
    Approved,
    /// 不予批准
    Denied,
    /// 不予受理
    NotAccepted,
    /// 退回
    Returned,
    /// 撤回
    Withdrawn,
}

/// Where a case stands, in the words of the service hall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CaseState {
    /// Its opening has not arrived here yet.
    Incomplete,
    /// Registered at the village; the village still has work to do before it goes up.
    Submitted,
    /// Waits for the window.
    AwaitingAcceptance,
    /// Waits for the applicant.
    Correcting,
    /// Is being handled.
    InProgress,
    /// A public notice hangs.
    Publicity,
    /// A special procedure has stopped its clock.
    Suspended,
    /// Waits to be handed over.
    AwaitingDelivery(Outcome),
    /// Approved and delivered.
    Concluded,
    /// Returned and delivered.
    Returned,
    /// Not accepted and delivered.
    NotAccepted,
    /// Denied and delivered.
    Denied,
    /// Withdrawn by the applicant.
    Withdrawn,
}

/// A correction that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The station that asked, to which the answer goes.
    pub asked_by: StationCode,
    /// The stage that waits.
    pub stage: StageId,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
    /// Last day to answer.
    pub until: Date,
}

/// A special procedure that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Its stage.
    pub stage: StageId,
    /// Its kind, as in the item.
    pub kind: String,
    /// Since when.
    pub since: HybridTime,
}

/// A public notice that hangs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicityRun {
    /// Its stage.
    pub stage: StageId,
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
}

/// The decision, by the last deciding stage that has spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// 准予
    pub approved: bool,
    /// The stage that decided.
    pub stage: StageId,
    /// Title and article.
    pub basis: String,
    /// Position in the item's `refuse_when`, from 1; 0: none.
    pub ground: u32,
    /// Number of the document; empty: none.
    pub document_number: String,
    /// When.
    pub time: HybridTime,
}

/// How it was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// How.
    pub method: DeliveryMethod,
    /// Day on which the receiver signed.
    pub signed_on: Date,
    /// An agent or a relative received it.
    pub by_proxy: bool,
}

impl From<Kept> for Case {
    fn from(mut kept: Kept) -> Self {
        let chain = chain::link(&mut kept);
        let summary = Summary::of(&kept, &chain);
        Self { kept, chain, summary }
    }
}

impl TryFrom<Snapshot> for Case {
    type Error = LogMissing;
    fn try_from(snapshot: Snapshot) -> Result<Self, LogMissing> {
        Kept::try_from(snapshot).map(Self::from)
    }
}

impl From<Case> for Snapshot {
    fn from(case: Case) -> Self {
        Self::from(case.kept)
    }
}

impl Case {
    /// A case of which nothing has arrived.
    #[must_use]
    pub fn new(id: CaseId) -> Self {
        Self::from(Kept { id, steps: BTreeMap::new(), sides: BTreeMap::new(), rejected: BTreeMap::new() })
    }

    /// Takes an entry: any entry, in any order, twice too. A step whose predecessor has not come waits; one that
    /// breaks a rule of the chain is kept as rejected; of two on the same predecessor one is superseded.
    pub fn apply(&mut self, entry: &CaseEntry) {
        if self.holds(&entry.hash) {
            return;
        }
        let (hash, log, seq, time, writer) = (entry.hash, entry.log, entry.seq, entry.time, entry.writer);
        if self.kept.id.home() != Some(log.home) {
            let reason = Rejection::OtherHome;
            self.kept.rejected.insert(hash, RejectedEntry { log, seq, time, writer, reason });
            return;
        }
        let actor = entry.actor.clone();
        match &entry.body {
            Body::Step(step) => {
                let body = step.clone();
                self.kept.steps.insert(hash, StepFacts { rev: step.rev, hash, log, seq, time, writer, actor, body });
                self.chain = chain::link(&mut self.kept);
            }
            Body::Side(side) => {
                let body = side.clone();
                self.kept.sides.insert(hash, SideFacts { hash, log, seq, time, writer, actor, body });
            }
        }
        self.summary = Summary::of(&self.kept, &self.chain);
    }

    /// Whether an entry has been taken, whatever became of it.
    #[must_use]
    pub fn holds(&self, hash: &Hash) -> bool {
        self.kept.steps.contains_key(hash)
            || self.kept.sides.contains_key(hash)
            || self.kept.rejected.contains_key(hash)
    }

    // ------------------------------------------------------------------------------------ what it consists of

    /// Its id.
    #[must_use]
    pub fn id(&self) -> CaseId {
        self.kept.id
    }

    /// The station where it was opened. None only for an id that never was one.
    #[must_use]
    pub fn home(&self) -> Option<StationCode> {
        self.kept.id.home()
    }

    /// The steps that count, in order.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &StepFacts> {
        self.chain.applied.iter().filter_map(|hash| self.kept.steps.get(hash))
    }

    /// Side entries, by hash.
    pub fn sides(&self) -> impl Iterator<Item = &SideFacts> {
        self.kept.sides.values()
    }

    /// Steps whose predecessor has not come.
    pub fn waiting(&self) -> impl Iterator<Item = &StepFacts> {
        self.chain.waiting.iter().filter_map(|hash| self.kept.steps.get(hash))
    }

    /// Steps that lost against another on the same predecessor, and what followed them. To be put before a person.
    pub fn superseded(&self) -> impl Iterator<Item = &StepFacts> {
        self.chain.superseded.iter().filter_map(|hash| self.kept.steps.get(hash))
    }

    /// Entries that break a rule of the chain.
    pub fn rejected(&self) -> impl Iterator<Item = (&Hash, &RejectedEntry)> {
        self.kept.rejected.iter()
    }

    /// The rev and hash of the entry that answered a command. For side entries the rev is the case's.
    #[must_use]
    pub fn request(&self, request: &RequestId) -> Option<(u32, Hash)> {
        let steps = self.kept.steps.values().filter(|facts| facts.body.request == Some(*request));
        let sides = self.kept.sides.values().filter(|facts| facts.body.request == Some(*request));
        steps.map(|facts| (facts.rev, facts.hash)).chain(sides.map(|facts| (self.rev(), facts.hash))).next()
    }

    // ------------------------------------------------------------------------------------------ where it stands

    fn last_step(&self) -> Option<&StepFacts> {
        self.chain.applied.last().and_then(|hash| self.kept.steps.get(hash))
    }

    /// The rev of the last step that counts; 0 before the opening has come.
    #[must_use]
    pub fn rev(&self) -> u32 {
        self.last_step().map_or(0, |facts| facts.rev)
    }

    /// How often it was reclaimed.
    #[must_use]
    pub fn term(&self) -> u32 {
        self.last_step().map_or(0, |facts| facts.body.term)
    }

    /// Hash of the last step that counts.
    #[must_use]
    pub fn last(&self) -> Option<Hash> {
        self.last_step().map(|facts| facts.hash)
    }

    /// The station that holds it.
    #[must_use]
    pub fn holder(&self) -> Option<StationCode> {
        self.last_step().map(|facts| facts.body.holder)
    }

    /// The current stage; none once the route has ended, or before the opening has come.
    #[must_use]
    pub fn stage(&self) -> Option<&StageId> {
        self.last_step().and_then(|facts| facts.body.stage.as_ref())
    }

    /// Where it stands, in the words of the service hall.
    #[must_use]
    pub fn state(&self) -> CaseState {
        self.summary.state(self.last_step())
    }

    /// Whether there is still something to decide or to deliver. Follow-up stages after delivery don't count.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(
            self.state(),
            CaseState::Concluded
                | CaseState::Returned
                | CaseState::NotAccepted
                | CaseState::Denied
                | CaseState::Withdrawn
        )
    }

    // --------------------------------------------------------------------------------------------- what is known

    /// The item and the version of it that the case keeps. None before the opening has come.
    #[must_use]
    pub fn item(&self) -> Option<(&ItemCode, u32)> {
        self.summary.submitted.as_ref().map(|submitted| (&submitted.item, submitted.item_version))
    }

    /// Where it was handed in.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.summary.submitted.as_ref().map_or(Channel::Unknown, |submitted| submitted.channel)
    }

    /// The mandate of the agent who filed it.
    #[must_use]
    pub fn mandate(&self) -> Option<&Mandate> {
        self.summary.submitted.as_ref().and_then(|submitted| submitted.mandate.as_ref())
    }

    /// The applicant's village.
    #[must_use]
    pub fn village(&self) -> Option<StationCode> {
        self.summary.submitted.as_ref().and_then(|submitted| submitted.village)
    }

    /// The materials as they are now, by their position in the item's list.
    #[must_use]
    pub fn materials(&self) -> &BTreeMap<u32, MaterialProvided> {
        &self.summary.materials
    }

    /// When it was opened.
    #[must_use]
    pub fn submitted_at(&self) -> Option<HybridTime> {
        self.summary.submitted_at
    }

    /// When it was accepted; a decision without acceptance (即办件) counts as one.
    #[must_use]
    pub fn accepted_at(&self) -> Option<HybridTime> {
        self.summary.accepted_at
    }

    /// Whether it was accepted because nobody answered in time.
    #[must_use]
    pub fn acceptance_deemed(&self) -> bool {
        self.summary.deemed
    }

    /// The decision, by the last deciding stage that has spoken.
    #[must_use]
    pub fn decision(&self) -> Option<&Decision> {
        self.summary.decision.as_ref()
    }

    /// What became of it, or is becoming of it.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.summary.outcome
    }

    /// How it was delivered.
    #[must_use]
    pub fn delivered(&self) -> Option<&Delivered> {
        self.summary.delivered.as_ref()
    }

    /// How often a correction was asked for.
    #[must_use]
    pub fn correction_rounds(&self) -> u32 {
        self.summary.correction_rounds
    }

    /// The correction that is waited for.
    #[must_use]
    pub fn correction(&self) -> Option<&Correction> {
        self.summary.correction.as_ref()
    }

    /// Whether it came back from a correction to the stage where it is now, and goes ahead of the queue.
    #[must_use]
    pub fn ahead(&self) -> bool {
        self.last_step().is_some_and(|facts| matches!(facts.body.event, StepEvent::CorrectionSupplied { .. }))
    }

    /// The special procedure that runs.
    #[must_use]
    pub fn suspension(&self) -> Option<&Suspension> {
        self.summary.suspension.as_ref()
    }

    /// The public notice that hangs.
    #[must_use]
    pub fn publicity(&self) -> Option<&PublicityRun> {
        self.summary.publicity.as_ref()
    }

    /// Whether the applicant has asked to withdraw it.
    #[must_use]
    pub fn withdrawal_requested(&self) -> bool {
        self.kept.sides.values().any(|facts| facts.body.event == SideEvent::WithdrawalRequested)
    }

    /// The rating: of several, the first by time, then by hash.
    #[must_use]
    pub fn rating(&self) -> Option<u32> {
        let ratings = self.kept.sides.values().filter_map(|facts| match facts.body.event {
            SideEvent::Rating { satisfaction } => Some((facts.time, facts.hash, satisfaction)),
            _ => None,
        });
        ratings.min().map(|(_, _, satisfaction)| satisfaction)
    }
}
