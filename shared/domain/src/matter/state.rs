//! A matter as it follows from the entries held of it.
//!
//! The result depends only on the set of entries, not on their order or on duplicates: [`Matter::apply`] keeps what
//! it is given and links the chain anew. A matter has a handful of entries, so that costs nothing.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sanji_log::{CaseId, Hash, HybridTime, LogId, RequestId, StationCode};

use super::body::{
    ComplaintRegistered, Finding, MatterBody, MatterEvent, MatterKind, MatterSide, MatterSideEvent, MatterStep,
    QuestionAsked, RectificationIssued, SurveyOpened,
};
use crate::code::DepartmentCode;

/// An entry as a matter takes it.
#[derive(Debug, Clone)]
pub struct MatterEntry {
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
    pub body: MatterBody,
}

/// A step with its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatterStepFacts {
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
    pub body: MatterStep,
}

/// A side entry with its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatterSideFacts {
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
    pub body: MatterSide,
}

/// Where a matter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatterState {
    /// Its opening has not arrived here yet.
    Incomplete,
    /// A complaint waits for the answer whether it is taken up.
    Registered,
    /// It was taken up.
    Accepted,
    /// A department looks into it.
    Assigned,
    /// The department has said what it found.
    Investigated,
    /// It has ended.
    Concluded(Finding),
    /// It was not taken up.
    Refused,
    /// A letter is on its way to the district.
    Sent,
    /// The district has opened it.
    Opened,
    /// A question waits for its answer.
    Asked,
    /// It was answered.
    Answered,
    /// Something has to be put right.
    Issued,
    /// It has been, says the station; the issuer has to look.
    Reported,
    /// Not well enough.
    SentBack,
    /// It has been put right.
    Closed,
    /// A survey is under way.
    Running,
    /// Its result is public.
    Published,
    /// Taken back by the station that opened it.
    Cancelled,
}

/// A matter folded from its entries. Holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matter {
    id: CaseId,
    steps: BTreeMap<Hash, MatterStepFacts>,
    sides: BTreeMap<Hash, MatterSideFacts>,
    /// Hashes of the steps that count, in order.
    applied: Vec<Hash>,
}

impl Matter {
    /// A matter of which nothing has arrived.
    #[must_use]
    pub fn new(id: CaseId) -> Self {
        Self { id, steps: BTreeMap::new(), sides: BTreeMap::new(), applied: Vec::new() }
    }

    /// Takes an entry: any entry, in any order, twice too. A step whose predecessor has not come waits; of two on
    /// the same predecessor the earlier counts.
    pub fn apply(&mut self, entry: &MatterEntry) {
        if self.id.home() != Some(entry.log.home) {
            return;
        }
        let MatterEntry { hash, log, seq, writer, time, actor, body } = entry.clone();
        match body {
            MatterBody::Step(body) => {
                self.steps.insert(hash, MatterStepFacts { hash, log, seq, writer, time, actor, body });
                self.link();
            }
            MatterBody::Side(body) => {
                self.sides.insert(hash, MatterSideFacts { hash, log, seq, writer, time, actor, body });
            }
        }
    }

    fn link(&mut self) {
        self.applied.clear();
        loop {
            let last = self.applied.last().and_then(|hash| self.steps.get(hash));
            let next =
                self.steps.values().filter(|step| self.follows(last, step)).min_by_key(|step| (step.time, step.hash));
            let Some(next) = next.map(|step| step.hash) else { return };
            self.applied.push(next);
        }
    }

    /// Whether a step may stand behind another: the holder's, of the same kind, and it opens nothing.
    fn follows(&self, last: Option<&MatterStepFacts>, step: &MatterStepFacts) -> bool {
        let body = &step.body;
        let Some(last) = last else { return body.rev == 1 && body.event.opens() };
        let of_kind = body.event.kind().is_none_or(|kind| Some(kind) == self.kind());
        body.rev == last.body.rev + 1
            && body.previous == Some(last.hash)
            && step.writer == last.body.holder
            && of_kind
            && !body.event.opens()
    }

    // ------------------------------------------------------------------------------------ what it consists of

    /// Its id.
    #[must_use]
    pub fn id(&self) -> CaseId {
        self.id
    }

    /// The steps that count, in order.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &MatterStepFacts> {
        self.applied.iter().filter_map(|hash| self.steps.get(hash))
    }

    /// Side entries, by hash.
    pub fn sides(&self) -> impl Iterator<Item = &MatterSideFacts> {
        self.sides.values()
    }

    /// The opening.
    #[must_use]
    pub fn opening(&self) -> Option<&MatterStepFacts> {
        self.steps().next()
    }

    /// Its kind; none while its opening has not arrived.
    #[must_use]
    pub fn kind(&self) -> Option<MatterKind> {
        self.opening()?.body.event.kind()
    }

    /// Number of steps that count.
    #[must_use]
    pub fn rev(&self) -> u32 {
        self.steps().next_back().map_or(0, |step| step.body.rev)
    }

    /// The last step that counts.
    #[must_use]
    pub fn head(&self) -> Option<&MatterStepFacts> {
        self.steps().next_back()
    }

    /// The station that holds it.
    #[must_use]
    pub fn holder(&self) -> Option<StationCode> {
        self.head().map(|step| step.body.holder)
    }

    /// The rev and entry that a request has led to.
    #[must_use]
    pub fn request(&self, request: &RequestId) -> Option<(u32, Hash)> {
        let step = self.steps.values().find(|step| step.body.request == Some(*request));
        let side = || self.sides.values().find(|side| side.body.request == Some(*request));
        step.map(|step| (step.body.rev, step.hash)).or_else(|| side().map(|side| (self.rev(), side.hash)))
    }

    // ------------------------------------------------------------------------------------ what it amounts to

    /// What opened it as a complaint.
    #[must_use]
    pub fn complaint(&self) -> Option<&ComplaintRegistered> {
        match &self.opening()?.body.event {
            MatterEvent::ComplaintRegistered(complaint) => Some(complaint),
            _ => None,
        }
    }

    /// What opened it as a question.
    #[must_use]
    pub fn question(&self) -> Option<&QuestionAsked> {
        match &self.opening()?.body.event {
            MatterEvent::QuestionAsked(question) => Some(question),
            _ => None,
        }
    }

    /// What opened it as a rectification.
    #[must_use]
    pub fn rectification(&self) -> Option<&RectificationIssued> {
        match &self.opening()?.body.event {
            MatterEvent::RectificationIssued(issued) => Some(issued),
            _ => None,
        }
    }

    /// What opened it as a survey.
    #[must_use]
    pub fn survey(&self) -> Option<&SurveyOpened> {
        match &self.opening()?.body.event {
            MatterEvent::SurveyOpened(survey) => Some(survey),
            _ => None,
        }
    }

    /// The department to which a complaint was given last.
    #[must_use]
    pub fn assigned(&self) -> Option<&DepartmentCode> {
        self.steps().rev().find_map(|step| match &step.body.event {
            MatterEvent::ComplaintAssigned { department } => Some(department),
            _ => None,
        })
    }

    /// The last day of a rectification as it was said last.
    #[must_use]
    pub fn rectify_until(&self) -> Option<Date> {
        self.steps().rev().find_map(|step| match &step.body.event {
            MatterEvent::RectificationSentBack { until } => Some(*until),
            MatterEvent::RectificationIssued(issued) => Some(issued.until),
            _ => None,
        })
    }

    /// An answer as published: question and answer.
    #[must_use]
    pub fn published(&self) -> Option<(&str, &str)> {
        self.steps().find_map(|step| match &step.body.event {
            MatterEvent::QuestionAnswered { public_question, public_answer } if !public_answer.is_empty() => {
                Some((public_question.as_str(), public_answer.as_str()))
            }
            _ => None,
        })
    }

    /// Units whose heads are called in after a survey.
    #[must_use]
    pub fn called_in(&self) -> &[String] {
        let closed = self.steps().find_map(|step| match &step.body.event {
            MatterEvent::SurveyClosed { called_in } => Some(called_in.as_slice()),
            _ => None,
        });
        closed.unwrap_or_default()
    }

    /// Whether whoever complained or asked is content, as said last; none: has not been asked.
    #[must_use]
    pub fn rated(&self) -> Option<bool> {
        let rated = self.sides.values().filter_map(|side| match side.body.event {
            MatterSideEvent::Rated { satisfied } => Some((side.time, side.hash, satisfied)),
            _ => None,
        });
        rated.max_by_key(|(time, hash, _)| (*time, *hash)).map(|(_, _, satisfied)| satisfied)
    }

    /// Whether the station that opened it has taken it back.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let opener = self.opening().map(|step| step.writer);
        self.sides.values().any(|side| side.body.event == MatterSideEvent::Cancelled && Some(side.writer) == opener)
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> MatterState {
        if self.is_cancelled() && !self.has_ended() {
            return MatterState::Cancelled;
        }
        self.state_of_chain()
    }

    /// Whether nothing more is expected.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.has_ended() && !self.is_cancelled()
    }

    fn has_ended(&self) -> bool {
        matches!(
            self.state_of_chain(),
            MatterState::Concluded(_)
                | MatterState::Refused
                | MatterState::Opened
                | MatterState::Answered
                | MatterState::Closed
                | MatterState::Published
        )
    }

    fn state_of_chain(&self) -> MatterState {
        let known = self.steps().rev().find(|step| step.body.event != MatterEvent::Unknown);
        match known.map(|step| &step.body.event) {
            None | Some(MatterEvent::Unknown) => MatterState::Incomplete,
            Some(MatterEvent::ComplaintRegistered(_)) => MatterState::Registered,
            Some(MatterEvent::ComplaintAccepted) => MatterState::Accepted,
            Some(MatterEvent::ComplaintRefused) => MatterState::Refused,
            Some(MatterEvent::ComplaintAssigned { .. }) => MatterState::Assigned,
            Some(MatterEvent::ComplaintInvestigated { .. }) => MatterState::Investigated,
            Some(MatterEvent::ComplaintConcluded { finding, .. }) => MatterState::Concluded(*finding),
            Some(MatterEvent::LetterSent { .. }) => MatterState::Sent,
            Some(MatterEvent::LetterOpened) => MatterState::Opened,
            Some(MatterEvent::QuestionAsked(_)) => MatterState::Asked,
            Some(MatterEvent::QuestionAnswered { .. }) => MatterState::Answered,
            Some(MatterEvent::RectificationIssued(_)) => MatterState::Issued,
            Some(MatterEvent::RectificationReported { .. }) => MatterState::Reported,
            Some(MatterEvent::RectificationSentBack { .. }) => MatterState::SentBack,
            Some(MatterEvent::RectificationClosed) => MatterState::Closed,
            Some(MatterEvent::SurveyOpened(_)) => MatterState::Running,
            Some(MatterEvent::SurveyClosed { .. }) => MatterState::Published,
        }
    }
}
