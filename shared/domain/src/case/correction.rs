//! 补正: one notice that lists everything, and the applicant's answer to it.

use std::collections::BTreeMap;

use super::action::Action;
use super::body::{Fault, FaultKind, MaterialProvided, StepEvent};
use super::command::{Draft, FaultInput, StoredAttachment};
use super::handling::Handling;
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{FieldFault, Refusal, RefusalCode};
use super::state::Case;
use super::turn::Turn;
use crate::calendar::MissingYear;

const ART_32_4: &str = "《行政许可法》第三十二条第一款第（四）项";

/// Asks for everything that is wrong, once. The case goes to where the applicant handed it in, unless an agent did so
/// who may not correct: then the applicant answers at this window. The stage waits.
pub(super) fn request(handling: &Handling<'_>, faults: &[FaultInput]) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::RequestCorrection, None)?;
    if faults.is_empty() {
        let sentence = "请一次列明需要补正的全部内容。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("faults").because_of(ART_32_4));
    }
    check_faults(&turn, faults)?;
    let reference = &handling.context.reference;
    let within = reference.defaults.correction.reply_within;
    // Where nobody knows the working days of that year yet, the last day follows once they are announced.
    let until = reference.calendar.deadline(turn.today(), within).ok();
    let home = handling.route.home;
    let agent_may = turn.case().mandate().is_none_or(|mandate| mandate.may_correct && mandate.holds_on(turn.today()));
    let back_to = if agent_may { home } else { handling.context.station };
    let event = StepEvent::CorrectionRequested {
        faults: faults.iter().map(|fault| Fault { material: fault.material, kind: fault.kind }).collect(),
        until,
        back_to,
        back_to_stage: turn.stage.id.clone(),
    };
    let requirements = faults.iter().map(|fault| fault.requirement.trim().to_owned()).collect();
    let private = Private { requirements, ..Private::default() };
    Ok(turn.step(event, (back_to, Some(turn.stage.id.clone())), private, &[]))
}

/// Each fault names something of the item's list, what is wrong with it, and what has to be done.
pub(super) fn check_faults(turn: &Turn<'_>, faults: &[FaultInput]) -> Result<(), Refusal> {
    input::at_most(faults, "faults")?;
    input::short_together(faults.iter().map(|fault| fault.requirement.as_str()), "faults")?;
    let mut wrong = Vec::new();
    for (index, fault) in faults.iter().enumerate() {
        let sentence = if !on_the_list(turn, fault.material) {
            "材料目录里没有这一项，请重新选择。"
        } else if fault.kind == FaultKind::Unknown {
            "请选择材料存在的问题：缺少、过期、不清、未签章或前后不一。"
        } else if fault.requirement.trim().is_empty() {
            "请写明申请人应当怎样补正。"
        } else if fault.requirement.chars().count() > LONGEST_TEXT {
            "补正要求写得太长，请精简。"
        } else {
            continue;
        };
        wrong.push(FieldFault { field: format!("faults[{index}]"), sentence: sentence.to_owned() });
    }
    if !wrong.is_empty() {
        return Err(Refusal::of_fields(RefusalCode::InvalidInput, wrong).because_of(ART_32_4));
    }
    Ok(())
}

/// The answer: it must make good everything that was listed, and goes straight back to whoever asked.
pub(super) fn supply(
    handling: &Handling<'_>,
    materials: &[MaterialProvided],
    answers: &[(String, String)],
    attachments: &[StoredAttachment],
) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::SupplyCorrection, None)?;
    let Some(correction) = turn.case().correction() else {
        return Err(Refusal::new(RefusalCode::WrongStage, "该办件没有需要补正的内容。"));
    };
    input::materials(materials, handling.item, attachments)?;
    let answers = input::answers(answers)?;
    let supplied: BTreeMap<u32, &MaterialProvided> = materials.iter().map(|given| (given.material, given)).collect();
    let mut open = Vec::new();
    for fault in &correction.faults {
        let made_good = if fault.material == Fault::FORM {
            !answers.is_empty()
        } else {
            supplied.get(&fault.material).is_some_and(|given| given.is_there())
        };
        let field = match fault.material {
            Fault::FORM => "answers".to_owned(),
            material => format!("materials[{material}]"),
        };
        if !made_good && !open.iter().any(|other: &FieldFault| other.field == field) {
            let sentence = format!("“{}”还没有补正。", name_of(&turn, fault.material));
            open.push(FieldFault { field, sentence });
        }
    }
    if !open.is_empty() {
        return Err(Refusal::of_fields(RefusalCode::CorrectionIncomplete, open));
    }
    let event = StepEvent::CorrectionSupplied { materials: materials.to_vec() };
    let private = Private { answers, attachment_names: input::names(attachments), ..Private::default() };
    Ok(turn.step(event, (correction.asked_by, Some(correction.stage.clone())), private, attachments))
}

/// 当场更正: what can be put right while the applicant waits needs no notice, and takes nothing of the one round.
pub(super) fn at_once(
    handling: &Handling<'_>,
    materials: &[MaterialProvided],
    answers: &[(String, String)],
    attachments: &[StoredAttachment],
) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::CorrectAtOnce, None)?;
    input::materials(materials, handling.item, attachments)?;
    let answers = input::answers(answers)?;
    if answers.is_empty() && !materials.iter().any(MaterialProvided::is_there) {
        let sentence = "请登记当场更正的材料或者内容。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("materials"));
    }
    let event = StepEvent::CorrectedAtOnce { materials: materials.to_vec() };
    let private = Private { answers, attachment_names: input::names(attachments), ..Private::default() };
    Ok(turn.step(event, turn.stay(), private, attachments))
}

/// 批准再次补正: by the chief representative, with a reason. It stands on the case, where supervision sees it.
pub(super) fn allow_second(handling: &Handling<'_>, reason: &str) -> Result<Draft, Refusal> {
    let turn = handling.leave()?;
    let reason = input::required(reason, "reason", LONGEST_TEXT, || {
        input::reason_missing("批准再次补正要写明理由。").because_of(ART_32_4)
    })?;
    Ok(turn.step(StepEvent::SecondCorrectionAllowed, turn.stay(), Private::of_words(reason), &[]))
}

impl Turn<'_> {
    /// Whether leave for one more correction makes sense: the round is used up, and acceptance is still open.
    pub(super) fn leave_fits(&self) -> Result<(), Refusal> {
        let case = self.case();
        let rounds = self.handling.context.reference.defaults.correction.max_rounds + case.corrections_allowed();
        if self.accepts() && case.correction().is_none() && case.correction_rounds() >= rounds {
            return Ok(());
        }
        let sentence = "受理前已经补正过一次、确需再次补正的，才需要批准再次补正。";
        Err(Refusal::new(RefusalCode::WrongStage, sentence))
    }
}

impl Case {
    /// How often the chief representative has given leave for one more correction.
    #[must_use]
    pub fn corrections_allowed(&self) -> u32 {
        let leaves = self.steps().filter(|facts| matches!(facts.body.event, StepEvent::SecondCorrectionAllowed));
        u32::try_from(leaves.count()).unwrap_or(u32::MAX)
    }
}

fn on_the_list(turn: &Turn<'_>, material: u32) -> bool {
    material == Fault::FORM || usize::try_from(material).is_ok_and(|at| at < turn.handling.item.materials.len())
}

fn name_of(turn: &Turn<'_>, material: u32) -> String {
    let known = usize::try_from(material).ok().and_then(|at| turn.handling.item.materials.get(at));
    known.map_or_else(|| "申请表".to_owned(), |material| material.name.clone())
}

/// Nobody may guess the holidays of a year that has not been announced.
pub(super) fn calendar_missing(missing: MissingYear) -> Refusal {
    let sentence = format!("本站还没有{}年的工作日历，暂时算不出期限，请联系区中心发布日历后再办理。", missing.0);
    Refusal::new(RefusalCode::CalendarMissing, sentence)
}
