//! 转办: the present stage goes to another window or department of the same station in one step.

use sanji_log::{StationCode, Tier};

use super::action::Action;
use super::body::StepEvent;
use super::command::Draft;
use super::fee;
use super::handling::Handling;
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::state::Case;
use super::turn::Turn;
use crate::code::{DepartmentCode, StageId};
use crate::organisation::{DepartmentKind, Role};

/// The department to which a stage was handed over at a station, until it is done.
pub(super) fn department(case: &Case, stage: &StageId, station: StationCode) -> Option<DepartmentCode> {
    for facts in case.steps().rev() {
        match &facts.body.event {
            StepEvent::Transferred { stage: of, department } if of == stage && facts.writer == station => {
                return Some(department.clone());
            }
            StepEvent::StageFinished { stage: of, .. } | StepEvent::Decided { stage: of, .. } if of == stage => {
                return None;
            }
            _ => {}
        }
    }
    None
}

impl Turn<'_> {
    /// The departments to which this stage may go: those of the same station that the route names. The hall's own
    /// office takes in for everybody, but reviews and decides for nobody.
    pub(super) fn transfer_targets(&self) -> Vec<DepartmentCode> {
        // Money stays with the fee window.
        if self.duty.external || self.holder.tier() == Tier::Village || fee::is_payment(self.stage) {
            return Vec::new();
        }
        let organisation = self.handling.context.reference.organisation;
        let is_hall = |code: &DepartmentCode| {
            organisation.department(code).is_some_and(|department| department.kind == DepartmentKind::Hub)
        };
        let mut targets = self.handling.route.departments_at(self.holder);
        targets.retain(|code| *code != self.duty.department && (self.duty.role == Role::Window || !is_hall(code)));
        targets
    }
}

/// 转办
pub(super) fn transfer(handling: &Handling<'_>, department: &DepartmentCode, reason: &str) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::Transfer, None)?;
    if !turn.transfer_targets().contains(department) {
        let sentence = "只能转给本站参与办理该事项的其他窗口或者部门，请从列表中选择。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("department"));
    }
    let reason = input::required(reason, "reason", LONGEST_TEXT, || input::reason_missing("转办要说明原因，请填写。"))?;
    let event = StepEvent::Transferred { stage: turn.stage.id.clone(), department: department.clone() };
    Ok(turn.step(event, turn.stay(), Private::of_words(reason), &[]))
}
