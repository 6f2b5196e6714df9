//! A case (办件) as it follows from the entries held of it.
//!
//! The result depends only on the set of entries, not on their order or on duplicates: [`Case::apply`] keeps what it
//! is given and computes the rest anew, save where a step simply follows the last one. See [`chain`](super::chain) for
//! which steps count.

use std::collections::BTreeMap;
use std::sync::Arc;

use sanji_log::{CaseId, Hash, HybridTime, RequestId, StationCode};
use serde::{Deserialize, Serialize, Serializer};

use super::body::{Channel, Mandate, MaterialProvided, SideEvent, StepEvent};
use super::chain::{self, Chain, Rejection};
use super::facts::{CaseEntry, Facts, Kept, RejectedEntry, SideFacts, StepFacts};
use super::preliminary::Preliminary;
use super::snapshot::{LogMissing, Snapshot};
use super::summary::{CaseState, Correction, Decision, Delivered, Outcome, PublicityRun, Summary, Suspension};
use crate::code::{ItemCode, StageId};

/// A case folded from its entries. Holds no personal data; serde gives the snapshot that the store keeps. Copies share
/// what they hold until one of them changes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Snapshot")]
pub struct Case {
    kept: Kept,
    chain: Chain,
    summary: Arc<Summary>,
    /// The last step that counts: most of what is asked of a case is said there.
    last: Option<Arc<StepFacts>>,
    /// Commands that side entries answer: a case may have very many, and every command asks for its own.
    answered: BTreeMap<RequestId, Hash>,
}

impl From<Kept> for Case {
    fn from(mut kept: Kept) -> Self {
        let chain = chain::link(&mut kept);
        let summary = Summary::of(&kept, &chain).into();
        let mut answered = BTreeMap::new();
        kept.sides.values().for_each(|facts| note_answer(&mut answered, facts));
        let last = last_of(&kept, &chain);
        Self { kept, chain, summary, last, answered }
    }
}

fn last_of(kept: &Kept, chain: &Chain) -> Option<Arc<StepFacts>> {
    chain.applied.last().and_then(|hash| kept.steps.get(hash)).cloned()
}

/// Of several entries that answer one command the one with the lowest hash stands for it.
fn note_answer(answered: &mut BTreeMap<RequestId, Hash>, facts: &SideFacts) {
    if let Some(request) = facts.body.request {
        let first = answered.entry(request).or_insert(facts.hash);
        *first = facts.hash.min(*first);
    }
}

impl TryFrom<Snapshot> for Case {
    type Error = LogMissing;
    fn try_from(snapshot: Snapshot) -> Result<Self, LogMissing> {
        Kept::try_from(snapshot).map(Self::from)
    }
}

impl Serialize for Case {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Snapshot::from(&self.kept).serialize(serializer)
    }
}

impl Case {
    /// A case of which nothing has arrived.
    #[must_use]
    pub fn new(id: CaseId) -> Self {
        Self::from(Kept { id, steps: BTreeMap::new(), sides: BTreeMap::new(), rejected: BTreeMap::new() })
    }

    /// [Takes](Self::take) an entry that nobody else keeps.
    pub fn apply(&mut self, entry: &CaseEntry) {
        self.take(&entry.clone().into());
    }

    /// Takes an entry: any entry, in any order, twice too. A step whose predecessor has not come waits; one that
    /// breaks a rule of the chain is kept as rejected; of two on the same predecessor one is superseded.
    pub fn take(&mut self, facts: &Facts) {
        let (hash, log, seq, time, writer) = match facts {
            Facts::Step(step) => (step.hash, step.log, step.seq, step.time, step.writer),
            Facts::Side(side) => (side.hash, side.log, side.seq, side.time, side.writer),
        };
        if self.holds(&hash) {
            return;
        }
        if self.kept.id.home() != Some(log.home) {
            let reason = Rejection::OtherHome;
            self.kept.rejected.insert(hash, RejectedEntry { log, seq, time, writer, reason });
            return;
        }
        match facts {
            Facts::Step(step) => self.take_step(step.clone()),
            // Side entries change neither which steps count nor what these amount to.
            Facts::Side(side) => {
                note_answer(&mut self.answered, side);
                self.kept.sides.insert(hash, side.clone());
            }
        }
    }

    fn take_step(&mut self, facts: Arc<StepFacts>) {
        let follows = self.chain.extend(&self.kept, &facts);
        self.kept.steps.insert(facts.hash, facts.clone());
        if follows {
            Arc::make_mut(&mut self.summary).take(&facts);
            self.last = Some(facts);
        } else {
            self.chain = chain::link(&mut self.kept);
            self.summary = Summary::of(&self.kept, &self.chain).into();
            self.last = last_of(&self.kept, &self.chain);
        }
    }

    /// Whether an entry has been taken, whatever became of it.
    #[must_use]
    pub fn holds(&self, hash: &Hash) -> bool {
        self.kept.steps.contains_key(hash)
            || self.kept.sides.contains_key(hash)
            || self.kept.rejected.contains_key(hash)
    }

    /// How many entries have been taken, whatever became of them.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.kept.steps.len() + self.kept.sides.len() + self.kept.rejected.len()
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
        self.chain.applied.iter().filter_map(|hash| self.kept.step(hash))
    }

    /// Side entries, by hash.
    pub fn sides(&self) -> impl Iterator<Item = &SideFacts> {
        self.kept.sides.values().map(|facts| &**facts)
    }

    /// Steps whose predecessor has not come.
    pub fn waiting(&self) -> impl Iterator<Item = &StepFacts> {
        self.chain.waiting.iter().filter_map(|hash| self.kept.step(hash))
    }

    /// Steps that lost against another on the same predecessor, and what followed them. To be put before a person.
    pub fn superseded(&self) -> impl Iterator<Item = &StepFacts> {
        self.chain.superseded.iter().filter_map(|hash| self.kept.step(hash))
    }

    /// Entries that break a rule of the chain.
    pub fn rejected(&self) -> impl Iterator<Item = (&Hash, &RejectedEntry)> {
        self.kept.rejected.iter()
    }

    /// The rev and hash of the entry that answered a command, one that counts if there is one. For side entries the
    /// rev is the case's.
    #[must_use]
    pub fn request(&self, request: &RequestId) -> Option<(u32, Hash)> {
        let steps = self.steps().chain(self.kept.steps.values().map(|facts| &**facts));
        let steps = steps.filter(|facts| facts.body.request == Some(*request));
        let step = steps.map(|facts| (facts.rev, facts.hash)).next();
        step.or_else(|| self.answered.get(request).map(|hash| (self.rev(), *hash)))
    }

    // ------------------------------------------------------------------------------------------ where it stands

    fn last_step(&self) -> Option<&StepFacts> {
        self.last.as_deref()
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

    /// How far a draft (预申报) is; none: it is no draft, or no longer one.
    #[must_use]
    pub fn preliminary(&self) -> Option<Preliminary> {
        self.summary.preliminary
    }

    /// When it was opened, or a draft became an application.
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
