//! Stages that are done by saying so (review, site visit, payment, making of a document …) and special procedures.

use jiff::civil::Date;

use super::action::Action;
use super::body::{MaterialProvided, Opinion, StepEvent};
use super::command::{Draft, StoredAttachment};
use super::copy;
use super::handling::Handling;
use super::input::{self, LONGEST_NAME, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::turn::Turn;
use crate::code::{StaffId, StageId};

/// Special procedure in which staff go and look: 行政许可法 wants two.
const SITE_VISIT: &str = "现场勘查";
const ART_45: &str = "《行政许可法》第四十五条";

/// What a person says of a stage that is done.
pub(super) struct Finding<'a> {
    pub(super) opinion: Opinion,
    pub(super) words: &'a str,
    pub(super) outside_number: &'a str,
    pub(super) together_with: &'a [StaffId],
    pub(super) materials: &'a [MaterialProvided],
    pub(super) attachments: &'a [StoredAttachment],
    pub(super) answered_on: Option<Date>,
    /// Which of the stages that run in parallel; none: the actor's first.
    pub(super) stage: Option<&'a StageId>,
}

/// 完成本环节
pub(super) fn finish(handling: &Handling<'_>, finding: &Finding<'_>) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::FinishStage, finding.stage)?;
    let words = copy::words_of(finding.opinion, finding.words)?;
    if finding.opinion == Opinion::ReferUp && handling.route.next_decision(turn.position).is_none() {
        let sentence = "后面没有审批环节，不能选择“同意，但需报上级批准”。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("opinion"));
    }
    let outside_number = outside_number(&turn, finding.outside_number)?;
    let together_with = visitors(&turn, finding.together_with)?;
    input::materials(finding.materials, handling.item, finding.attachments)?;
    let event = StepEvent::StageFinished {
        stage: turn.stage.id.clone(),
        opinion: finding.opinion,
        outside_number,
        together_with,
        materials: finding.materials.to_vec(),
        answered_on: turn.answered_on(finding.answered_on)?,
    };
    let private = Private { words, attachment_names: input::names(finding.attachments), ..Private::default() };
    Ok(turn.step(event, turn.onwards_after(finding.opinion), private, finding.attachments))
}

/// The number under which an outside body answered: nobody here decides in their place.
fn outside_number(turn: &Turn<'_>, given: &str) -> Result<String, Refusal> {
    if !turn.duty.external {
        return input::optional(given, "outside_number", LONGEST_NAME);
    }
    let missing = "请填写外部单位答复的文号或者编号。";
    input::required(given, "outside_number", LONGEST_NAME, || Refusal::new(RefusalCode::OutsideNumberMissing, missing))
}

/// Those who took part, the actor left out. A site visit takes as many as the rules want.
fn visitors(turn: &Turn<'_>, given: &[StaffId]) -> Result<Vec<StaffId>, Refusal> {
    input::at_most(given, "together_with")?;
    let mut others: Vec<StaffId> = given.to_vec();
    others.sort();
    others.dedup();
    others.retain(|other| *other != turn.handling.context.actor.id);
    let wanted = turn.handling.context.reference.defaults.decision.site_visit_min_staff as usize;
    let visit = turn.handling.item.special_of(&turn.stage.id).any(|special| special.kind == SITE_VISIT);
    if visit && others.len() + 1 < wanted {
        let sentence = format!("实地核查应当由{wanted}名以上工作人员进行，请填写一同核查的人员。");
        let refusal = Refusal::new(RefusalCode::TooFewVisitors, sentence).at("together_with");
        return Err(refusal.because_of("《行政许可法》第三十四条第三款"));
    }
    Ok(others)
}

/// What a person says of a special procedure that begins.
pub(super) struct Procedure<'a> {
    pub(super) kind: &'a str,
    pub(super) reason: &'a str,
    pub(super) expected_days: u32,
    pub(super) told_on: Option<Date>,
}

/// 进入特别程序: one that the item names for this stage and that stops the clock. The applicant is told in writing why,
/// and how long it will take.
pub(super) fn suspend(handling: &Handling<'_>, procedure: &Procedure<'_>) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::Suspend, None)?;
    let kinds = turn.special_kinds();
    let Some(kind) = kinds.iter().find(|known| **known == procedure.kind.trim()) else {
        let sentence = format!("本环节可以进入的特别程序是：{}，请选择。", kinds.join("、"));
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("kind"));
    };
    let reason = input::required(procedure.reason, "reason", LONGEST_TEXT, || {
        input::reason_missing("特别程序要书面告知申请人原因和所需时间，请填写原因。").because_of(ART_45)
    })?;
    let special = handling.item.special_of(&turn.stage.id).find(|special| special.kind == *kind);
    if let Some(special) = special.filter(|special| procedure.expected_days > special.limit.days) {
        let sentence = format!("“{kind}”最长{}，预计所需时间不能超过。", special.limit);
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("expected_days").because_of(ART_45));
    }
    if procedure.told_on.is_some_and(|told_on| told_on > turn.today()) {
        let sentence = "告知日期不能晚于今天，请先书面告知申请人。";
        return Err(Refusal::new(RefusalCode::NoticeMissing, sentence).at("told_on").because_of(ART_45));
    }
    let expected_days = match procedure.expected_days {
        0 => special.map_or(0, |special| special.limit.days),
        days => days,
    };
    let event = StepEvent::Suspended {
        stage: turn.stage.id.clone(),
        kind: (*kind).to_owned(),
        expected_days,
        told_on: procedure.told_on,
    };
    Ok(turn.step(event, turn.stay(), Private::of_words(reason), &[]))
}

/// 恢复计时
pub(super) fn resume(handling: &Handling<'_>, outside_number: &str) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::Resume, None)?;
    let outside_number = input::optional(outside_number, "outside_number", LONGEST_NAME)?;
    Ok(turn.step(StepEvent::Resumed { outside_number }, turn.stay(), Private::default(), &[]))
}
