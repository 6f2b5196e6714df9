//! Rules about how a case is handled, and about what it must fulfil. Most of this the station refuses; what a station
//! of another release has written all the same is found here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use sanji_log::Tier;

use super::limits::is_handed_over;
use super::watch::{Hit, Watch};
use crate::case::words::date_words;
use crate::case::{MaterialProvided, Opinion, StepEvent, StepFacts, duty_at};
use crate::catalogue::{Item, MaterialForm, SupervisedLink};
use crate::code::StageId;
use crate::limit::Limit;
use crate::organisation::Role;

/// Special procedure in which staff go and look.
const SITE_VISIT: &str = "现场勘查";

/// 跳过环节: the case went on though a stage between had not been done. Stages that a variant may leave out are not
/// missed.
pub(super) fn skipped(watch: &Watch<'_>) -> Vec<Hit> {
    let item = watch.item;
    let may_skip: BTreeSet<&StageId> = item.variants.iter().flat_map(|variant| &variant.skip).collect();
    let mut hits = Vec::new();
    let mut done: BTreeSet<&StageId> = BTreeSet::new();
    let mut at: Option<usize> = None;
    for (step, facts) in watch.case.steps().enumerate() {
        done.extend(stage_of(&facts.body.event));
        done.extend(at.and_then(|at| item.stages.get(at)).map(|stage| &stage.id));
        let next = facts.body.stage.as_ref().and_then(|stage| item.position(stage));
        let missed: Vec<usize> = match (at, next) {
            (Some(from), Some(to)) if goes_on(facts) && to > from + 1 && !objects(item, facts, to) => {
                (from + 1..to).collect()
            }
            _ => Vec::new(),
        };
        for stage in missed.into_iter().filter_map(|position| item.stages.get(position)) {
            // Stages of one group may be answered in any order.
            let same_group = stage.group.is_some()
                && at.and_then(|at| item.stages.get(at)).is_some_and(|before| before.group == stage.group);
            if !done.contains(&stage.id) && !may_skip.contains(&stage.id) && !same_group {
                let words = format!("没有办理“{}”环节就转入后面的环节", stage.name);
                hits.push(watch.wrong(step, facts, Some(stage.id.clone()), words));
            }
        }
        at = next.or(at);
    }
    hits
}

/// Whether a department disagrees, which puts the case before whoever decides without what stands between.
fn objects(item: &Item, facts: &StepFacts, to: usize) -> bool {
    let decides = item.stages.get(to).is_some_and(|stage| stage.link == SupervisedLink::Approval);
    decides && matches!(facts.body.event, StepEvent::StageFinished { opinion: Opinion::Disagree, .. })
}

/// The stage that an event says is done.
fn stage_of(event: &StepEvent) -> Option<&StageId> {
    match event {
        StepEvent::StageFinished { stage, .. }
        | StepEvent::Decided { stage, .. }
        | StepEvent::TacitlyApproved { stage, .. }
        | StepEvent::PublicityEnded { stage, .. } => Some(stage),
        _ => None,
    }
}

/// Whether a step takes a case on along its route; the others end it, send it back, or are not understood here.
fn goes_on(facts: &StepFacts) -> bool {
    match &facts.body.event {
        StepEvent::Accepted { .. }
        | StepEvent::StageFinished { .. }
        | StepEvent::TacitlyApproved { .. }
        | StepEvent::Delivered { .. } => true,
        StepEvent::PublicityEnded { objection, .. } => !objection,
        StepEvent::Decided { approved, .. } => *approved,
        _ => false,
    }
}

/// 未公示或公示天数不足
pub(super) fn notice(watch: &Watch<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut posted: Option<(Date, Option<Date>)> = None;
    let mut at: Option<&StageId> = None;
    for (step, facts) in watch.case.steps().enumerate() {
        let publicity = at.and_then(|stage| watch.item.publicity_of(stage));
        match &facts.body.event {
            StepEvent::PublicityPosted { until, .. } => posted = Some((watch.day(step), *until)),
            _ => {
                let leaves = goes_on(facts) && facts.body.stage.as_ref() != at;
                if let Some(publicity) = publicity.filter(|_| leaves) {
                    let words = match posted {
                        None => Some("应当公示而没有公示".to_owned()),
                        Some((on, until)) => too_short(watch, publicity.limit, on, until, watch.day(step)),
                    };
                    hits.extend(words.map(|words| watch.wrong(step, facts, at.cloned(), words)));
                }
            }
        }
        if facts.body.stage.as_ref() != at {
            posted = None;
        }
        at = facts.body.stage.as_ref();
    }
    hits
}

fn too_short(watch: &Watch<'_>, wanted: Limit, posted: Date, until: Option<Date>, ended: Date) -> Option<String> {
    let taken_down = ended.yesterday().unwrap_or(ended);
    let hung = until.map_or(taken_down, |until| until.min(taken_down));
    let days = watch.reference.calendar.days_between(posted, hung, wanted.unit).ok()?;
    let short = days < wanted.days;
    short.then(|| format!("应当公示{wanted}，{}张贴，只公示了{days}个{}", date_words(posted), wanted.unit))
}

/// 实地核查不足两人
pub(super) fn visitors(watch: &Watch<'_>, least: u32) -> Vec<Hit> {
    let wrong = |(at, facts): (usize, &StepFacts)| {
        let StepEvent::StageFinished { stage, together_with, .. } = &facts.body.event else { return None };
        if !watch.item.special_of(stage).any(|special| special.kind == SITE_VISIT) {
            return None;
        }
        let others: BTreeSet<&str> =
            together_with.iter().map(|id| id.as_str()).filter(|id| *id != facts.actor).collect();
        let went = u32::try_from(others.len()).unwrap_or(u32::MAX).saturating_add(1);
        let words = format!("实地核查只有{went}人参加，应当有{least}人以上");
        (went < least).then(|| watch.wrong(at, facts, Some(stage.clone()), words))
    };
    watch.case.steps().enumerate().filter_map(wrong).collect()
}

/// 未出具文书即办结: approved and handed over, though no number of a document was ever given.
pub(super) fn document(watch: &Watch<'_>, kinds: &[String]) -> Vec<Hit> {
    if !is_handed_over(watch) || !kinds.contains(&watch.item.result.kind) {
        return Vec::new();
    }
    let numbered = watch.case.steps().any(|facts| match &facts.body.event {
        StepEvent::Decided { document_number, .. } => !document_number.is_empty(),
        // The document is made in a stage of its own; the number of a bank's receipt is none.
        StepEvent::StageFinished { stage, outside_number, .. } => {
            let makes = watch.item.stage(stage).is_some_and(|stage| {
                stage.role != Role::Cashier
                    && matches!(stage.link, SupervisedLink::Approval | SupervisedLink::Conclusion)
            });
            makes && !outside_number.is_empty()
        }
        _ => false,
    });
    if numbered {
        return Vec::new();
    }
    let delivered = watch.case.steps().enumerate();
    let delivered = delivered.filter(|(_, facts)| matches!(facts.body.event, StepEvent::Delivered { .. }));
    let words = format!("没有登记《{}》的编号或文号就送达办结", watch.item.result.name);
    delivered.map(|(at, facts)| watch.wrong(at, facts, None, words.clone())).collect()
}

/// 无权限人员审批: the decision names a department or a role that does not decide in this stage.
pub(super) fn power(watch: &Watch<'_>) -> Vec<Hit> {
    let wrong = |(at, facts): (usize, &StepFacts)| {
        let StepEvent::Decided { stage, .. } = &facts.body.event else { return None };
        if facts.actor.is_empty() {
            return None;
        }
        let duty = duty_at(watch.case, watch.reference, stage, facts.writer)?;
        let actor = &facts.body.actor;
        let centre = facts.writer.tier() == Tier::Township && actor.department == "township";
        let of_office = actor.department == duty.department.as_str() || centre;
        let role = Role::from_term(&actor.role);
        let decides = |role: Role| matches!(role, Role::Approver | Role::ChiefRepresentative);
        let in_role = role.is_some_and(|role| role == duty.role || (decides(role) && decides(duty.role)));
        let name = watch.item.stage(stage).map_or_else(|| stage.to_string(), |stage| stage.name.clone());
        let words = format!("“{name}”由“{}”的“{}”作出决定，没有这项权限", actor.department, actor.role);
        (!(of_office && in_role)).then(|| watch.wrong(at, facts, Some(stage.clone()), words))
    };
    watch.case.steps().enumerate().filter_map(wrong).collect()
}

/// 必要材料缺失仍受理或准予
pub(super) fn material(watch: &Watch<'_>) -> Vec<Hit> {
    let mut held: BTreeMap<u32, &MaterialProvided> = BTreeMap::new();
    let mut hits = Vec::new();
    for (at, facts) in watch.case.steps().enumerate() {
        let handed_in: &[MaterialProvided] = match &facts.body.event {
            StepEvent::Submitted(submitted) => &submitted.materials,
            StepEvent::CorrectionSupplied { materials } | StepEvent::StageFinished { materials, .. } => materials,
            _ => &[],
        };
        held.extend(handed_in.iter().map(|material| (material.material, material)));
        let passes = match &facts.body.event {
            // The law deems it accepted, whatever is missing.
            StepEvent::Accepted { deemed, .. } => !deemed,
            StepEvent::Decided { approved, .. } => *approved,
            _ => false,
        };
        if !passes {
            continue;
        }
        let is_missing = |position: u32| held.get(&position).is_none_or(|material| !material.is_there());
        let missing: Vec<&str> = (0_u32..)
            .zip(&watch.item.materials)
            .filter(|(_, material)| material.mandatory && material.form != MaterialForm::Shared)
            .filter(|(position, _)| is_missing(*position))
            .map(|(_, material)| material.name.as_str())
            .collect();
        if !missing.is_empty() {
            let stage = watch.visit_of(at).map(|visit| visit.stage.clone());
            let words = format!("缺少必要材料：{}", missing.join("、"));
            hits.push(watch.wrong(at, facts, stage, words));
        }
    }
    hits
}

/// 不予受理或不予批准未说明理由
pub(super) fn reason(watch: &Watch<'_>) -> Vec<Hit> {
    let wrong = |(at, facts): (usize, &StepFacts)| {
        let what = match &facts.body.event {
            StepEvent::NotAccepted { basis, .. } if basis.trim().is_empty() => "不予受理",
            StepEvent::Decided { approved: false, basis, ground: 0, .. } if basis.trim().is_empty() => "不予批准",
            StepEvent::Returned { basis, .. } if basis.trim().is_empty() => "退回",
            _ => return None,
        };
        let stage = watch.visit_of(at).map(|visit| visit.stage.clone());
        Some(watch.wrong(at, facts, stage, format!("{what}没有写明理由和依据")))
    };
    watch.case.steps().enumerate().filter_map(wrong).collect()
}
