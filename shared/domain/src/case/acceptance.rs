//! 受理、不予受理、退回: the first answer to an application.

use jiff::civil::Date;

use super::action::Action;
use super::body::{MaterialProvided, ReturnReason, StepEvent, Tolerated};
use super::command::{Draft, ToleratedInput};
use super::correction::calendar_missing;
use super::handling::{ART_32, Handling};
use super::input::{self, LONGEST_NAME, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{FieldFault, Refusal, RefusalCode};
use super::turn::Turn;

/// 受理. Where nobody has answered in time the law deems it accepted, and the step says so.
pub(super) fn accept(handling: &Handling<'_>, tolerated: &[ToleratedInput]) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::Accept, None)?;
    let deemed = turn.is_deemed();
    let tolerated = check_tolerated(&turn, tolerated)?;
    Ok(turn.step(StepEvent::Accepted { deemed, tolerated }, turn.onwards(), Private::default(), &[]))
}

/// 容缺受理: an optional material that this case needs may follow by its own day. What every case needs may not.
fn check_tolerated(turn: &Turn<'_>, given: &[ToleratedInput]) -> Result<Vec<Tolerated>, Refusal> {
    input::at_most(given, "tolerated")?;
    let mut faults = Vec::new();
    let mut tolerated: Vec<Tolerated> = Vec::new();
    for (index, input) in given.iter().enumerate() {
        let listed = usize::try_from(input.material).ok().and_then(|at| turn.handling.item.materials.get(at));
        let here = turn.case().materials().get(&input.material).is_some_and(MaterialProvided::is_there);
        let until = match input.until {
            Some(until) => until,
            None => follows_until(turn)?,
        };
        let sentence = match listed {
            None => "材料目录里没有这一项，请重新选择。".to_owned(),
            Some(material) if material.mandatory => {
                format!("“{}”是必要材料，不能容缺受理。", material.name)
            }
            Some(material) if here => format!("“{}”已经收到，不需要容缺。", material.name),
            Some(material) if tolerated.iter().any(|other| other.material == input.material) => {
                format!("“{}”登记了两次，请合并成一项。", material.name)
            }
            Some(_) if until < turn.today() => "补交期限不能早于今天。".to_owned(),
            Some(_) => {
                tolerated.push(Tolerated { material: input.material, until });
                continue;
            }
        };
        faults.push(FieldFault { field: format!("tolerated[{index}]"), sentence });
    }
    if faults.is_empty() { Ok(tolerated) } else { Err(Refusal::of_fields(RefusalCode::InvalidInput, faults)) }
}

/// As long as an applicant has for a correction.
fn follows_until(turn: &Turn<'_>) -> Result<Date, Refusal> {
    let reference = &turn.handling.context.reference;
    let within = reference.defaults.correction.reply_within;
    reference.calendar.deadline(turn.today(), within).map_err(calendar_missing)
}

/// 不予受理
pub(super) fn refuse(
    handling: &Handling<'_>,
    reason: &str,
    basis: &str,
    competent_office: &str,
) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::RefuseAcceptance, None)?;
    let reason = input::required(reason, "reason", LONGEST_TEXT, || {
        input::reason_missing("不予受理应当向申请人说明理由，请填写理由。").because_of(ART_32)
    })?;
    let basis = input::required(basis, "basis", LONGEST_TEXT, || {
        input::basis_missing("不予受理应当有法律依据，请填写法律名称和条款。").because_of(ART_32)
    })?;
    let competent_office = input::optional(competent_office, "competent_office", LONGEST_NAME)?;
    let event = StepEvent::NotAccepted { basis, competent_office };
    Ok(turn.step(event, turn.to_delivery(), Private::of_words(reason), &[]))
}

/// What a notice of return must say (退回件通知书).
pub(super) struct Notice<'a> {
    pub(super) reason: ReturnReason,
    pub(super) words: &'a str,
    pub(super) basis: &'a str,
    /// What the applicant can do now.
    pub(super) what_now: &'a str,
    pub(super) materials_back: &'a [MaterialProvided],
}

/// 退回: instead of acceptance, or where a correction was not made in time. No return without what its notice says.
pub(super) fn send_back(handling: &Handling<'_>, notice: &Notice<'_>) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::Return, None)?;
    let Notice { reason, words, basis, what_now, materials_back } = *notice;
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
        input::reason_missing("退回件应当答复申请人并说明原因，请填写。")
    })?;
    let what_now = input::required(what_now, "what_now", LONGEST_TEXT, || {
        input::reason_missing("退回件通知书要写明今后怎样办（重新申请的条件、向谁申请），请填写。")
    })?;
    let basis = input::required(basis, "basis", LONGEST_TEXT, || {
        input::basis_missing("退回件应当写明政策依据，请填写文件名称和条款。")
    })?;
    let materials_back = going_back(&turn, materials_back)?;
    let event = StepEvent::Returned { reason, stage: turn.stage.id.clone(), basis, materials_back };
    let private = Private { words, requirements: vec![what_now], ..Private::default() };
    Ok(turn.step(event, turn.to_delivery(), private, &[]))
}

/// Materials that go back: no more than came in.
pub(super) fn going_back(turn: &Turn<'_>, given: &[MaterialProvided]) -> Result<Vec<MaterialProvided>, Refusal> {
    input::materials(given, turn.handling.item, &[])?;
    let held = turn.case().materials();
    let fits = |back: &MaterialProvided| {
        let held = held.get(&back.material);
        held.is_some_and(|held| back.originals <= held.originals && back.copies <= held.copies)
    };
    if given.iter().all(fits) {
        return Ok(given.iter().filter(|back| back.is_there()).cloned().collect());
    }
    let sentence = "退还的材料不能多于收到的材料，请核对份数。";
    Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("materials_back"))
}
