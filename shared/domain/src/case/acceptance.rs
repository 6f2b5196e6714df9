//! 受理、不予受理、退回: the first answer to an application.

use super::body::{ReturnReason, StepEvent};
use super::command::{Action, Draft};
use super::handling::{ART_32, Handling};
use super::input::{self, LONGEST_NAME, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};

/// 受理. Where nobody has answered in time the law deems it accepted, and the step says so.
pub(super) fn accept(handling: &Handling<'_>) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::Accept)?;
    let deemed = turn.is_deemed();
    Ok(turn.step(StepEvent::Accepted { deemed }, turn.onwards(), Private::default(), &[]))
}

/// 不予受理
pub(super) fn refuse(
    handling: &Handling<'_>,
    reason: &str,
    basis: &str,
    competent_office: &str,
) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::RefuseAcceptance)?;
    let reason = input::required(reason, "reason", LONGEST_TEXT, || {
        input::reason_missing("不予受理应当向申请人说明理由，请填写理由。").because_of(ART_32)
    })?;
    let basis = input::required(basis, "basis", LONGEST_TEXT, || {
        input::basis_missing("不予受理应当有法律依据，请填写法律名称和条款。").because_of(ART_32)
    })?;
    let competent_office = input::optional(competent_office, "competent_office", LONGEST_NAME)?;
    let event = StepEvent::NotAccepted { basis, competent_office };
    Ok(turn.step(event, turn.to_delivery(), Private::of_words(&reason), &[]))
}

/// 退回: instead of acceptance, or where a correction was not made in time.
pub(super) fn send_back(
    handling: &Handling<'_>,
    reason: ReturnReason,
    words: &str,
    basis: &str,
) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::Return)?;
    let correction = turn.case().correction();
    match correction {
        Some(_) if reason != ReturnReason::CorrectionOverdue => {
            let sentence = "逾期未补正的办件，退回原因请选择“逾期未补正”。";
            return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("reason"));
        }
        Some(_) => {}
        None => {
            if matches!(reason, ReturnReason::Unknown | ReturnReason::CorrectionOverdue) {
                let sentence = "请选择退回原因：不属于本级职权、不符合规定条件或重复申请。";
                return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("reason"));
            }
        }
    }
    let words = input::required(words, "words", LONGEST_TEXT, || {
        input::reason_missing("退回件应当答复申请人并说明原因和今后怎样办，请填写。")
    })?;
    let basis = input::required(basis, "basis", LONGEST_TEXT, || {
        input::basis_missing("退回件应当写明政策依据，请填写文件名称和条款。")
    })?;
    let event = StepEvent::Returned { reason, stage: turn.stage.id.clone(), basis };
    Ok(turn.step(event, turn.to_delivery(), Private::of_words(&words), &[]))
}
