//! What a case shows of its flow: departments that run in parallel, what is left to be made up, marks, outside bodies,
//! papers with their numbers. All of it is in the clear: process, no personal data.

use sanji_domain::calendar::date_number;
use sanji_domain::case::{
    self, Body, Case, Context, Mark, Marked, SideEvent, SideFacts, StepEvent, StepFacts, my_stages, transfer_targets,
    variant,
};
use sanji_domain::catalogue::CaseType;
use sanji_domain::organisation::Seat;
use sanji_domain::{DepartmentCode, Item, StaffId};
use sanji_log::Hash;
use sanji_proto::v1 as proto;

use crate::core::ReferenceData;

/// Adds it to the view of a case.
pub(super) fn add(
    view: &mut proto::CaseView,
    case: &Case,
    item: &Item,
    reference: &ReferenceData,
    today: &Context<'_>,
) {
    view.joint = joint(case, item, reference, today);
    view.duties = duties(case, item, reference);
    view.variant = case.variant().zip(variant::chosen(case, item)).map(|(number, variant)| proto::VariantView {
        variant: number,
        name: variant.name.clone(),
        effect: variant.effect.clone(),
    });
    view.variant_wanted = case.variant_wanted().unwrap_or_default();
    view.urgent = case.marked(Mark::Urgent).map(mark);
    view.priority = case.marked(Mark::Priority).map(mark);
    view.outside = case.outside().map(outside);
    view.review = case.review().map(|review| proto::ReviewView {
        asked_ms: review.asked.millis(),
        until: case::review_until(case, reference.calendar()).and_then(Result::ok).map_or(0, date_number),
        answered: review.upheld.is_some(),
        upheld: review.upheld.unwrap_or_default(),
    });
    let targets = transfer_targets(case, today);
    view.transfer_to = targets.into_iter().map(|code| named(reference, &code)).collect();
    let stages = my_stages(case, today);
    let name = |id: &sanji_domain::StageId| item.stage(id).map(|stage| stage.name.clone()).unwrap_or_default();
    view.my_stages = stages.iter().map(|id| proto::NamedCode { code: id.to_string(), name: name(id) }).collect();
}

/// The documents that a step has issued.
pub(super) fn documents(case: &Case, step: &Hash) -> Vec<proto::DocumentView> {
    let of_step = case.documents().into_iter().filter(|issued| issued.step == *step);
    let view = |issued: case::CaseDocument| proto::DocumentView {
        kind: issued.document.kind.number(),
        number: issued.document.to_string(),
        void: issued.void,
    };
    of_step.map(view).collect()
}

/// Name of the stage at which a step returned the case.
pub(super) fn stage_left(body: &Body, item: Option<&Item>) -> String {
    let Body::Step(step) = body else { return String::new() };
    let StepEvent::Returned { stage, .. } = &step.event else { return String::new() };
    let known = item.and_then(|item| item.stage(stage));
    known.map_or_else(|| stage.to_string(), |stage| stage.name.clone())
}

/// What a step gives back to the applicant.
pub(super) fn materials_back(body: &Body, item: Option<&Item>) -> Vec<proto::MaterialView> {
    let Body::Step(step) = body else { return Vec::new() };
    let back = match &step.event {
        StepEvent::Returned { materials_back, .. } | StepEvent::Withdrawn { materials_back } => materials_back,
        _ => return Vec::new(),
    };
    let view = |given: &case::MaterialProvided| {
        let listed = usize::try_from(given.material).ok().zip(item).and_then(|(at, item)| item.materials.get(at));
        proto::MaterialView {
            material: given.material,
            name: listed.map(|material| material.name.clone()).unwrap_or_default(),
            originals: given.originals,
            copies: given.copies,
            ..proto::MaterialView::default()
        }
    };
    back.iter().map(view).collect()
}

fn joint(case: &Case, item: &Item, reference: &ReferenceData, context: &Context<'_>) -> Option<proto::JointView> {
    let consulted = case::consulted(case, &context.reference);
    if item.case_type != CaseType::Joint || consulted.is_empty() {
        return None;
    }
    let accepted = case.accepted_at().map(|time| local(time.millis()));
    let limit = context.reference.defaults.joint.limit;
    let until = accepted.and_then(|day| reference.calendar().deadline(day, limit).ok());
    let department = |consulted: case::Consulted| {
        let signed = consulted.signed.and_then(|hash| said(case, &hash));
        let answered = consulted.answer.and_then(|(hash, _)| said(case, &hash));
        proto::ConsultedView {
            stage: consulted.stage.to_string(),
            stage_name: item.stage(&consulted.stage).map(|stage| stage.name.clone()).unwrap_or_default(),
            department: consulted.department.to_string(),
            department_name: department_name(reference, &consulted.department),
            copied_ms: consulted.copied.millis(),
            reply_until: consulted.reply_until.map_or(0, date_number),
            tacit: consulted.tacit,
            signed_by: signed.as_ref().map(|said| said.name.clone()).unwrap_or_default(),
            signed_ms: signed.map_or(0, |said| said.millis),
            opinion: consulted.answer.map(|(_, opinion)| opinion.term().to_owned()).unwrap_or_default(),
            seat: answered.as_ref().map(|said| seat(reference, said)).unwrap_or_default(),
            answered_ms: answered.as_ref().map_or(0, |said| said.millis),
            answered_by: answered.map(|said| said.name).unwrap_or_default(),
            answer: consulted.answer.map(|(hash, _)| hash.0.to_vec()).unwrap_or_default(),
            part: consulted.part.map(|part| part_name(reference, &part)).unwrap_or_default(),
        }
    };
    Some(proto::JointView {
        lead: department_name(reference, &item.department),
        departments: consulted.into_iter().map(department).collect(),
        visits: visits(case, reference),
        until: until.map_or(0, date_number),
    })
}

fn part_name(reference: &ReferenceData, part: &sanji_domain::catalogue::PartWork) -> String {
    let item = part.as_str().parse().ok();
    let item = item.and_then(|code| reference.catalogue().latest(&code));
    item.map_or_else(|| part.as_str().to_owned(), |(_, item)| item.name.clone())
}

fn visits(case: &Case, reference: &ReferenceData) -> Vec<proto::VisitView> {
    let mut visits: Vec<(&SideFacts, &case::Visit)> = case
        .sides()
        .filter_map(|facts| match &facts.body.event {
            SideEvent::Visit(visit) => Some((facts, visit)),
            _ => None,
        })
        .collect();
    visits.sort_by_key(|(facts, _)| (facts.time, facts.hash));
    let view = |(facts, visit): (&SideFacts, &case::Visit)| proto::VisitView {
        on: date_number(visit.on),
        place: visit.place.clone(),
        departments: visit.departments.iter().map(|code| department_name(reference, code)).collect(),
        held: visit.held,
        attended: visit.attended.iter().map(|id| staff_name(reference, id)).collect(),
        recorded_by: facts.body.actor.name.clone(),
        recorded_ms: facts.time.millis(),
        hash: facts.hash.0.to_vec(),
    };
    visits.into_iter().map(view).collect()
}

fn duties(case: &Case, item: &Item, reference: &ReferenceData) -> Vec<proto::DutyView> {
    let view = |duty: case::OpenDuty| proto::DutyView {
        words: duty.words,
        until: duty.until.map_or(0, date_number),
        done: duty.done.is_some(),
        done_ms: duty.done.map_or(0, |time| time.millis()),
        variant: duty.material.is_none(),
        material: duty.material.unwrap_or_default(),
    };
    case::duties(case, item, reference.calendar()).into_iter().map(view).collect()
}

fn mark(marked: Marked) -> proto::MarkView {
    proto::MarkView { by: marked.by, since_ms: marked.since.millis(), until: marked.until.map_or(0, date_number) }
}

fn outside(outside: case::Outside) -> proto::OutsideView {
    let (answered_on, answer_number, result) = match outside.answer {
        Some((on, number, true)) => (date_number(on), number, "同意"),
        Some((on, number, false)) => (date_number(on), number, "不同意"),
        None => (0, String::new(), ""),
    };
    proto::OutsideView {
        body: outside.body,
        sent_on: date_number(outside.sent_on),
        outside_number: outside.outside_number,
        chased_on: outside.chased_on.into_iter().map(date_number).collect(),
        answered_on,
        answer_number,
        result: result.to_owned(),
    }
}

/// Who said something, and when.
struct Said {
    name: String,
    acting_for: String,
    staff: String,
    millis: u64,
}

fn said(case: &Case, hash: &Hash) -> Option<Said> {
    let step = case.steps().find(|facts| facts.hash == *hash).map(|facts: &StepFacts| Said {
        name: facts.body.actor.name.clone(),
        acting_for: facts.body.actor.acting_for.clone(),
        staff: facts.actor.clone(),
        millis: facts.time.millis(),
    });
    let side = || {
        case.sides().find(|facts| facts.hash == *hash).map(|facts| Said {
            name: facts.body.actor.name.clone(),
            acting_for: facts.body.actor.acting_for.clone(),
            staff: facts.actor.clone(),
            millis: facts.time.millis(),
        })
    };
    step.or_else(side)
}

/// B角 where the record says that somebody acted for another; else as the person's record has it now.
fn seat(reference: &ReferenceData, said: &Said) -> String {
    if !said.acting_for.is_empty() {
        return "B角".to_owned();
    }
    let staff = said.staff.parse().ok();
    match staff.and_then(|id: StaffId| reference.staff(&id)).and_then(|entry| entry.staff.seat) {
        Some(Seat::A) => "A角".to_owned(),
        Some(Seat::B) => "B角".to_owned(),
        None => String::new(),
    }
}

fn staff_name(reference: &ReferenceData, id: &StaffId) -> String {
    reference.staff(id).map_or_else(|| id.to_string(), |entry| entry.staff.name.clone())
}

fn named(reference: &ReferenceData, code: &DepartmentCode) -> proto::NamedCode {
    proto::NamedCode { code: code.to_string(), name: department_name(reference, code) }
}

fn department_name(reference: &ReferenceData, code: &DepartmentCode) -> String {
    let known = reference.organisation().and_then(|organisation| organisation.department(code));
    known.map_or_else(|| code.to_string(), |department| department.name.clone())
}

fn local(millis: u64) -> jiff::civil::Date {
    sanji_domain::calendar::local_date(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// Whether something said beside the route names an attachment.
pub(super) fn names_attachment(event: &SideEvent, id: &sanji_log::AttachmentId) -> bool {
    match event {
        SideEvent::Visit(visit) => visit.attachments.contains(id),
        SideEvent::DutyDone { materials, .. } => materials.iter().any(|given| given.attachments.contains(id)),
        _ => false,
    }
}
