//! 调查: questionnaires about groups of units, one for each code, without names; the result and who is called in.

use std::collections::BTreeMap;

use sanji_log::{Hash, HybridTime, RequestId, Tier};

use super::body::{MatterBody, MatterEvent, MatterSide, MatterSideEvent, SurveyOpened};
use super::command::{MatterDraft, SurveyInput};
use super::complaint::{fault, input_fault, opening};
use super::context::MatterContext;
use super::decide::Turn;
use super::private::MatterPrivate;
use super::state::{Matter, MatterState};
use crate::case::input::{LONGEST_NAME, required};
use crate::case::{ActorFacts, Refusal, RefusalCode};
use crate::organisation::Role;

/// Roles that open one.
pub(super) const PUBLISHES: &[Role] = &[Role::Supervisor, Role::Administrator];
/// Most marks of one questionnaire, most codes of a survey: an entry holds them easily.
const MOST_MARKS: usize = 1000;
const MOST_CODES: usize = 2000;

/// Opens a survey.
///
/// # Errors
/// A refusal that says what is missing, or that the person may not.
pub fn open(
    request: Option<RequestId>,
    input: SurveyInput,
    context: &MatterContext<'_>,
) -> Result<MatterDraft, Refusal> {
    context.with_role(PUBLISHES, "调查由监察人员或管理员发起。")?;
    if context.station.tier() != Tier::District {
        return Err(Refusal::new(RefusalCode::NotCompetent, "调查由区中心发起。"));
    }
    let title = required(&input.title, "title", LONGEST_NAME, || input_fault("请填写调查的名称。"))?;
    let (Some(from), Some(until)) = (input.from, input.until) else {
        return Err(fault("until", "请填写调查的起止日期。"));
    };
    if until < from || until < context.today() {
        return Err(fault("until", "调查的截止日期不能早于开始日期，也不能早于今天。"));
    }
    let units: usize = input.groups.iter().map(|group| group.units.len()).sum();
    let named = |name: &String| !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME;
    let units_named = input.groups.iter().all(|group| named(&group.name) && group.units.iter().all(named));
    if units == 0 || !units_named || input.groups.iter().any(|group| group.units.is_empty()) {
        return Err(fault("groups", "请按类别填写被评议的单位，每类至少一个。"));
    }
    if input.questions.is_empty() || !input.questions.iter().all(named) {
        return Err(fault("questions", "请至少填写一个问题，每个问题不超过100个字。"));
    }
    if units * input.questions.len() > MOST_MARKS {
        return Err(fault("questions", "单位和问题太多，请减少后再发起。"));
    }
    if input.code_hashes.is_empty() || input.code_hashes.len() > MOST_CODES {
        return Err(fault("codes", "请填写发放的问卷码数量，1到2000个。"));
    }
    let SurveyInput { groups, questions, code_hashes, .. } = input;
    let event = MatterEvent::SurveyOpened(SurveyOpened { title, groups, questions, from, until, code_hashes });
    Ok(opening(request, event, context.station, MatterPrivate::default(), PUBLISHES, context))
}

/// One questionnaire by somebody who has a code.
///
/// # Errors
/// A refusal: wrong or used code, outside the period, marks that don't fit.
pub fn answer(
    matter: &Matter,
    code_hash: Hash,
    marks: Vec<u8>,
    context: &MatterContext<'_>,
) -> Result<MatterDraft, Refusal> {
    let Some(survey) = matter.survey().filter(|_| matter.state() == MatterState::Running) else {
        return Err(Refusal::new(RefusalCode::CaseEnded, "这项调查已经结束。"));
    };
    let today = context.today();
    if today < survey.from || today > survey.until {
        return Err(Refusal::new(RefusalCode::WindowClosed, "现在不在调查期间内，请在规定的日期内填写。"));
    }
    if !survey.code_hashes.contains(&code_hash) {
        return Err(fault("code", "问卷码不正确，请核对。"));
    }
    let used = matter.sides().any(
        |side| matches!(side.body.event, MatterSideEvent::SurveyAnswered { code_hash: used, .. } if used == code_hash),
    );
    if used {
        return Err(Refusal::new(RefusalCode::AlreadyDone, "这个问卷码已经用过，每码只能填写一次。").at("code"));
    }
    let wanted: usize = survey.groups.iter().map(|group| group.units.len()).sum::<usize>() * survey.questions.len();
    if marks.len() != wanted || marks.iter().any(|mark| *mark > 5) || marks.iter().all(|mark| *mark == 0) {
        return Err(fault("marks", "请至少评议一个单位，每项从1分到5分。"));
    }
    let event = MatterSideEvent::SurveyAnswered { code_hash, marks };
    let side = MatterSide { actor: ActorFacts::default(), request: None, event };
    let private = MatterPrivate::default();
    Ok(MatterDraft { body: MatterBody::Side(side), private, attachments: Vec::new(), opens: false })
}

pub(super) fn close(turn: &Turn<'_>, called_in: &[String]) -> Result<MatterDraft, Refusal> {
    let survey = turn.matter.survey();
    if survey.is_some_and(|survey| turn.context.today() <= survey.until) {
        return Err(Refusal::new(RefusalCode::WindowClosed, "调查期限还没有到，请在截止日期之后公布结果。"));
    }
    let known =
        |unit: &String| survey.is_some_and(|survey| survey.groups.iter().any(|group| group.units.contains(unit)));
    if !called_in.iter().all(known) {
        return Err(fault("called_in", "约谈的单位不在这次调查的名单里，请核对。"));
    }
    Ok(turn.step(MatterEvent::SurveyClosed { called_in: called_in.to_vec() }, MatterPrivate::default()))
}

/// What a survey says of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyResult {
    /// Its group.
    pub group: String,
    /// Its name.
    pub unit: String,
    /// Questionnaires that say something of it.
    pub answers: u32,
    /// Mean mark, in hundredths; 0 without an answer.
    pub mean: u32,
    /// Place within its group, from 1; units with the same mean share one.
    pub place: u32,
}

/// The result of a survey: every unit, in the order of the questionnaire. Of two answers with one code the earlier
/// counts, whatever the order in which they arrived.
#[must_use]
pub fn results(matter: &Matter) -> Vec<SurveyResult> {
    let Some(survey) = matter.survey() else { return Vec::new() };
    let mut by_code: BTreeMap<Hash, (HybridTime, Hash, &[u8])> = BTreeMap::new();
    for side in matter.sides() {
        let MatterSideEvent::SurveyAnswered { code_hash, marks } = &side.body.event else { continue };
        if !survey.code_hashes.contains(code_hash) {
            continue;
        }
        let this = (side.time, side.hash, marks.as_slice());
        let kept = by_code.entry(*code_hash).or_insert(this);
        if (this.0, this.1) < (kept.0, kept.1) {
            *kept = this;
        }
    }
    let mut results = Vec::new();
    let mut position = 0;
    for group in &survey.groups {
        let first = results.len();
        for unit in &group.units {
            let asked = position..position + survey.questions.len();
            position = asked.end;
            let marks_of = |marks: &[u8]| -> Vec<u32> {
                let marks = marks.get(asked.clone()).unwrap_or_default();
                marks.iter().filter(|mark| (1..=5).contains(*mark)).map(|mark| u32::from(*mark)).collect()
            };
            let said: Vec<Vec<u32>> =
                by_code.values().map(|(_, _, marks)| marks_of(marks)).filter(|marks| !marks.is_empty()).collect();
            let (sum, count) = said.iter().flatten().fold((0_u32, 0_u32), |(sum, count), mark| (sum + mark, count + 1));
            let answers = u32::try_from(said.len()).unwrap_or(u32::MAX);
            let mean = (sum * 100 + count / 2).checked_div(count).unwrap_or(0);
            results.push(SurveyResult { group: group.name.clone(), unit: unit.clone(), answers, mean, place: 0 });
        }
        let means: Vec<u32> = results[first..].iter().map(|result| result.mean).collect();
        for result in &mut results[first..] {
            let better = means.iter().filter(|mean| **mean > result.mean).count();
            result.place = u32::try_from(better).unwrap_or(u32::MAX).saturating_add(1);
        }
    }
    results
}
