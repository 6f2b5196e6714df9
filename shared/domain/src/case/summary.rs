//! What the steps that count amount to.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sanji_log::{HybridTime, StationCode, Tier};

use super::body::{DeliveryMethod, Fault, MaterialProvided, StepEvent, Submitted};
use super::chain::Chain;
use super::facts::{Kept, StepFacts};
use super::preliminary::Preliminary;
use crate::catalogue::DELIVERY_STAGE;
use crate::code::StageId;

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
    /// A draft for checking (预申报).
    Preliminary,
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
    /// Last day to answer, as the notice says; none: nobody knew then, see
    /// [`clock::correction_until`](super::clock::correction_until).
    pub until: Option<Date>,
    /// When it was asked for, by its writer's clock.
    pub since: HybridTime,
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
    /// Last day, as the notice says; none: nobody knew then, see
    /// [`clock::publicity_until`](super::clock::publicity_until).
    pub until: Option<Date>,
    /// When it was posted, by its writer's clock.
    pub since: HybridTime,
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

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) submitted: Option<Submitted>,
    pub(super) preliminary: Option<Preliminary>,
    pub(super) submitted_at: Option<HybridTime>,
    pub(super) accepted_at: Option<HybridTime>,
    pub(super) deemed: bool,
    pub(super) materials: BTreeMap<u32, MaterialProvided>,
    pub(super) correction: Option<Correction>,
    pub(super) correction_rounds: u32,
    pub(super) suspension: Option<Suspension>,
    pub(super) publicity: Option<PublicityRun>,
    pub(super) decision: Option<Decision>,
    pub(super) outcome: Option<Outcome>,
    pub(super) delivered: Option<Delivered>,
}

impl Summary {
    pub(super) fn of(kept: &Kept, chain: &Chain) -> Self {
        let mut summary = Self::default();
        for facts in chain.applied.iter().filter_map(|hash| kept.step(hash)) {
            summary.take(facts);
        }
        summary
    }

    /// Goes on with the step after the last.
    pub(super) fn take(&mut self, facts: &StepFacts) {
        match &facts.body.event {
            StepEvent::Submitted(submitted) => {
                self.submitted_at = Some(facts.time);
                self.replace(&submitted.materials);
                self.preliminary = submitted.preliminary.then_some(Preliminary::Asked);
                self.submitted = Some(submitted.clone());
            }
            StepEvent::PreliminaryAnswered { .. } => self.preliminary = Some(Preliminary::Answered),
            StepEvent::PreliminarySubmitted { materials } => {
                self.preliminary = None;
                self.submitted_at = Some(facts.time);
                self.replace(materials);
            }
            StepEvent::CorrectedAtOnce { materials } => self.replace(materials),
            StepEvent::Accepted { deemed, .. } => {
                self.accepted_at = Some(facts.time);
                self.deemed = *deemed;
            }
            StepEvent::NotAccepted { .. } => self.outcome = Some(Outcome::NotAccepted),
            StepEvent::CorrectionRequested { faults, until, back_to_stage, .. } => {
                self.correction_rounds += 1;
                self.correction = Some(Correction {
                    asked_by: facts.writer,
                    stage: back_to_stage.clone(),
                    faults: faults.clone(),
                    until: *until,
                    since: facts.time,
                });
            }
            StepEvent::CorrectionSupplied { materials } => {
                self.correction = None;
                self.replace(materials);
            }
            StepEvent::StageFinished { materials, .. } => self.replace(materials),
            StepEvent::PublicityPosted { stage, from, until, .. } => {
                self.publicity =
                    Some(PublicityRun { stage: stage.clone(), from: *from, until: *until, since: facts.time });
            }
            StepEvent::PublicityEnded { .. } => self.publicity = None,
            StepEvent::Suspended { stage, kind, .. } => {
                self.suspension = Some(Suspension { stage: stage.clone(), kind: kind.clone(), since: facts.time });
            }
            StepEvent::Resumed { .. } => self.suspension = None,
            StepEvent::Decided { stage, approved, basis, ground, document_number, .. } => {
                self.accepted_at.get_or_insert(facts.time);
                self.outcome = Some(if *approved { Outcome::Approved } else { Outcome::Denied });
                self.decision = Some(Decision {
                    approved: *approved,
                    stage: stage.clone(),
                    basis: basis.clone(),
                    ground: *ground,
                    document_number: document_number.clone(),
                    time: facts.time,
                });
            }
            StepEvent::TacitlyApproved { stage, .. } => {
                (self.correction, self.suspension, self.publicity) = (None, None, None);
                self.accepted_at.get_or_insert(facts.time);
                self.outcome = Some(Outcome::Approved);
                self.decision = Some(Decision {
                    approved: true,
                    stage: stage.clone(),
                    basis: String::new(),
                    ground: 0,
                    document_number: String::new(),
                    time: facts.time,
                });
            }
            StepEvent::Returned { .. } => {
                self.correction = None;
                self.outcome = Some(Outcome::Returned);
            }
            StepEvent::Withdrawn { .. } => {
                self.preliminary = None;
                (self.correction, self.suspension, self.publicity) = (None, None, None);
                self.outcome = Some(Outcome::Withdrawn);
            }
            StepEvent::Delivered { method, signed_on, by_proxy } => {
                self.delivered = Some(Delivered { method: *method, signed_on: *signed_on, by_proxy: *by_proxy });
            }
            StepEvent::FeeAbandoned { .. } => self.outcome = Some(Outcome::Withdrawn),
            StepEvent::Reclaimed { .. }
            | StepEvent::HandedOver { .. }
            | StepEvent::VariantChosen { .. }
            | StepEvent::SentUp { .. }
            | StepEvent::Chased { .. }
            | StepEvent::OutsideAnswered { .. }
            | StepEvent::SecondCorrectionAllowed
            | StepEvent::Transferred { .. }
            | StepEvent::ConsultedAgain { .. }
            | StepEvent::FeeIssued(_)
            | StepEvent::FeePaid(_)
            | StepEvent::FeeVoided { .. }
            | StepEvent::Unknown => {}
        }
    }

    fn replace(&mut self, materials: &[MaterialProvided]) {
        for material in materials {
            self.materials.insert(material.material, material.clone());
        }
    }

    pub(super) fn state(&self, last: Option<&StepFacts>) -> CaseState {
        let Some(last) = last else { return CaseState::Incomplete };
        let delivers = last.body.stage.as_ref().is_some_and(|stage| stage.as_str() == DELIVERY_STAGE);
        match self.outcome {
            Some(Outcome::Withdrawn) => return CaseState::Withdrawn,
            Some(outcome) if self.delivered.is_some() => return concluded(outcome),
            Some(outcome) if delivers => return CaseState::AwaitingDelivery(outcome),
            _ => {}
        }
        let holder = last.body.holder;
        if self.preliminary.is_some() {
            CaseState::Preliminary
        } else if self.correction.is_some() {
            CaseState::Correcting
        } else if self.suspension.is_some() {
            CaseState::Suspended
        } else if self.publicity.is_some() {
            CaseState::Publicity
        } else if self.accepted_at.is_some() {
            CaseState::InProgress
        } else if holder == last.log.home && holder.tier() == Tier::Village {
            CaseState::Submitted
        } else {
            CaseState::AwaitingAcceptance
        }
    }
}

fn concluded(outcome: Outcome) -> CaseState {
    match outcome {
        Outcome::Approved => CaseState::Concluded,
        Outcome::Denied => CaseState::Denied,
        Outcome::NotAccepted => CaseState::NotAccepted,
        Outcome::Returned => CaseState::Returned,
        Outcome::Withdrawn => CaseState::Withdrawn,
    }
}
