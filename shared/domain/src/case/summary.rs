//! What the steps that count amount to.

use std::collections::BTreeMap;

use sanji_log::HybridTime;

use super::body::{MaterialProvided, StepEvent, Submitted};
use super::chain::Chain;
use super::state::{CaseState, Correction, Decision, Delivered, Kept, Outcome, PublicityRun, StepFacts, Suspension};
use crate::catalogue::DELIVERY_STAGE;

use sanji_log::Tier;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) submitted: Option<Submitted>,
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
        for facts in chain.applied.iter().filter_map(|hash| kept.steps.get(hash)) {
            summary.take(facts);
        }
        summary
    }

    fn take(&mut self, facts: &StepFacts) {
        match &facts.body.event {
            StepEvent::Submitted(submitted) => {
                self.submitted_at = Some(facts.time);
                self.replace(&submitted.materials);
                self.submitted = Some(submitted.clone());
            }
            StepEvent::Accepted { deemed } => {
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
                });
            }
            StepEvent::CorrectionSupplied { materials } => {
                self.correction = None;
                self.replace(materials);
            }
            StepEvent::StageFinished { materials, .. } => self.replace(materials),
            StepEvent::PublicityPosted { stage, from, until, .. } => {
                self.publicity = Some(PublicityRun { stage: stage.clone(), from: *from, until: *until });
            }
            StepEvent::PublicityEnded { .. } => self.publicity = None,
            StepEvent::Suspended { stage, kind } => {
                self.suspension = Some(Suspension { stage: stage.clone(), kind: kind.clone(), since: facts.time });
            }
            StepEvent::Resumed { .. } => self.suspension = None,
            StepEvent::Decided { stage, approved, basis, ground, document_number } => {
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
            StepEvent::Returned { .. } => {
                self.correction = None;
                self.outcome = Some(Outcome::Returned);
            }
            StepEvent::Withdrawn => {
                (self.correction, self.suspension, self.publicity) = (None, None, None);
                self.outcome = Some(Outcome::Withdrawn);
            }
            StepEvent::Delivered { method, signed_on, by_proxy } => {
                self.delivered = Some(Delivered { method: *method, signed_on: *signed_on, by_proxy: *by_proxy });
            }
            StepEvent::Reclaimed { .. } | StepEvent::Unknown => {}
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
        if self.correction.is_some() {
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
