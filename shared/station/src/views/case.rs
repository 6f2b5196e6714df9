//! One case as a person may see it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sanji_domain::calendar::{date_number, local_date};
use sanji_domain::case::{
    self, ActorFacts, AttachmentName, Body, Case, CaseClock, Context, Private, Side, SideEvent, Sight, Step, StepEvent,
    available, case_clock, words,
};
use sanji_domain::organisation::Staff;
use sanji_domain::{Item, mask};
use sanji_log::{AttachmentId, CaseId, CaseNumber, Hash, HybridTime, StationCode};
use sanji_proto::v1 as proto;

use super::delivery::delivery;
use super::fees;
use super::flow;
use super::timing;
use crate::core::{OF_MATTER, Reader, ReferenceData, context, wrong_number};
use crate::error::{Error, Failure, store};
use crate::vault::CaseKey;

/// A look at a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The case.
    pub case: CaseId,
    /// What the person may see.
    pub view: proto::CaseView,
    /// Personal data was shown in full to somebody who has no hand in the case: that goes on record.
    pub on_record: bool,
}

/// One entry of a case with what it says in private, as far as the person may read it.
struct Line<'a> {
    hash: Hash,
    time: HybridTime,
    writer: StationCode,
    rev: u32,
    body: Body,
    private: Option<Private>,
    case: &'a Case,
}

impl Reader {
    /// One case as a person may see it.
    ///
    /// # Errors
    /// [`Failure::NotFound`] also where it is not theirs.
    pub fn case_view(&self, staff: &Staff, request: &proto::GetRequest, now_ms: u64) -> Result<Look, Failure> {
        let number: CaseNumber = request.case_number.parse().map_err(|_| wrong_number())?;
        let (case, sight) = super::find(self, staff, &number, now_ms)?;
        let reference = self.reference();
        let standing = self.standing(&reference, staff, now_ms);
        let context = context(&reference, self.me(), staff, &standing, now_ms)?;
        let key = if sight == Sight::Full { self.case_key(&case.id())? } else { None };
        let lines = lines(self, &case, key.as_ref())?;
        let actions = available(&case, &context);
        let unmasked = request.unmasked && sight == Sight::Full;
        let on_record = unmasked && !has_a_hand(self, &case, &context);
        let mut view = in_the_clear(self, &reference, &case, now_ms);
        view.superseded = timing::superseded(self, &reference, &case, key.as_ref())?;
        if let Some(item) = item_of(&reference, &case) {
            flow::add(&mut view, &case, item, &reference, &context);
        }
        view.actions = actions.iter().map(|action| (*action).to_owned()).collect();
        view.steps = lines.iter().map(|line| step(line, &reference, unmasked)).collect();
        view.alerts = self.alerts_of(&case, staff, now_ms)?;
        view.orders = self.orders_of(&case, staff, context.today())?;
        if sight == Sight::Full {
            let names = names_of(&lines);
            let private: Vec<&Private> = lines.iter().filter_map(|line| line.private.as_ref()).collect();
            let applicant = private.iter().find_map(|private| private.applicant.as_ref());
            view.applicant = applicant.map(|applicant| applicant_view(applicant, unmasked));
            view.answers = answers(&lines, unmasked);
            view.materials = materials(self, &case, item_of(&reference, &case), &names)?;
            if case.home() == Some(self.me()) {
                view.query_code = private
                    .iter()
                    .map(|private| &private.query_code)
                    .find(|code| !code.is_empty())
                    .cloned()
                    .unwrap_or_default();
            }
        }
        Ok(Look { case: case.id(), view, on_record })
    }
}

impl Reader {
    /// Whether a look at the personal data of a case comes from outside its way, so that it goes on record. A matter has
    /// no way: who may see its files has a part in it.
    pub(crate) fn looks_from_outside(&self, staff: &Staff, case_number: &str, now_ms: u64) -> Result<bool, Failure> {
        if case_number.starts_with(OF_MATTER) {
            return Ok(false);
        }
        let number: CaseNumber = case_number.parse().map_err(|_| wrong_number())?;
        let (case, _) = super::find(self, staff, &number, now_ms)?;
        let reference = self.reference();
        let standing = self.standing(&reference, staff, now_ms);
        let context = context(&reference, self.me(), staff, &standing, now_ms)?;
        Ok(!has_a_hand(self, &case, &context))
    }
}

/// Whether the person has to act on a case, or this station holds it or has written of it.
fn has_a_hand(reader: &Reader, case: &Case, context: &Context<'_>) -> bool {
    let me = reader.me();
    case::is_todo(case, context)
        || case.holder() == Some(me)
        || case.steps().any(|facts| facts.writer == me)
        || case.sides().any(|facts| facts.writer == me)
}

/// What supervisors see too.
fn in_the_clear(reader: &Reader, reference: &ReferenceData, case: &Case, now_ms: u64) -> proto::CaseView {
    let item = item_of(reference, case);
    let stage = case.stage().map(ToString::to_string).unwrap_or_default();
    let stage_name = case.stage().zip(item).and_then(|(id, item)| item.stage(id)).map(|stage| stage.name.clone());
    let duty = reference.rules().and_then(|rules| case::responsible(case, &rules));
    let holder = case.holder();
    proto::CaseView {
        case_number: case.id().number().to_string(),
        item: case.item().map(|(code, _)| code.to_string()).unwrap_or_default(),
        item_version: case.item().map_or(0, |(_, version)| version),
        item_name: item.map(|item| item.name.clone()).unwrap_or_default(),
        case_type: item.map(|item| item.case_type.to_string()).unwrap_or_default(),
        state: case.state().words().to_owned(),
        rev: case.rev(),
        term: case.term(),
        holder: holder.map_or(0, StationCode::number),
        holder_name: holder.map(|holder| reference.station_name(holder)).unwrap_or_default(),
        stage,
        stage_name: stage_name.unwrap_or_default(),
        department: duty.as_ref().map(|duty| duty.department.to_string()).unwrap_or_default(),
        role: duty.as_ref().map(|duty| duty.role.to_string()).unwrap_or_default(),
        delivery: Some(delivery(reader, case)),
        clock: clock(reference, case, item, now_ms)
            .map(|clock| timing::clock_view(&clock, timing::tacit_after(reference, case, item, now_ms))),
        ledger: item.map(|item| timing::ledger(reference, case, item, now_ms)).unwrap_or_default(),
        open_stages: item.map(|item| timing::open_stages(reference, case, item, now_ms)).unwrap_or_default(),
        mandate: case.mandate().map(|mandate| proto::Mandate {
            may_submit: mandate.may_submit,
            may_correct: mandate.may_correct,
            may_sign_for_documents: mandate.may_sign_for_documents,
            may_collect_result: mandate.may_collect_result,
            until: mandate.until.map_or(0, date_number),
        }),
        home: case.home().map_or(0, StationCode::number),
        fees: fees::notices(reference, case, item),
        chargeable: fees::chargeable(reference, case, item, now_ms),
        ..proto::CaseView::default()
    }
}

pub(crate) fn item_of<'a>(reference: &'a ReferenceData, case: &Case) -> Option<&'a Item> {
    let (code, version) = case.item()?;
    reference.catalogue().get(code, version)
}

pub(crate) fn clock(reference: &ReferenceData, case: &Case, item: Option<&Item>, now_ms: u64) -> Option<CaseClock> {
    let today = local_date(i64::try_from(now_ms).unwrap_or(i64::MAX));
    Some(case_clock(case, item?, reference.calendar(), reference.defaults()?, today))
}

/// Steps that count, in order, with what was said beside the route in between.
fn lines<'a>(reader: &Reader, case: &'a Case, key: Option<&CaseKey>) -> Result<Vec<Line<'a>>, Error> {
    let steps = case.steps().map(|facts| {
        let body = Body::Step(facts.body.clone());
        (facts.hash, facts.log, facts.seq, facts.time, facts.writer, facts.rev, body)
    });
    let sides = case.sides().map(|facts| {
        let body = Body::Side(facts.body.clone());
        (facts.hash, facts.log, facts.seq, facts.time, facts.writer, 0, body)
    });
    let mut lines = Vec::new();
    for (hash, log, seq, time, writer, rev, body) in steps.chain(sides) {
        let private = match key {
            Some(key) => reader.private(&case.id(), key, &log, seq)?,
            None => None,
        };
        lines.push(Line { hash, time, writer, rev, body, private, case });
    }
    // Steps keep their order even where a clock was wrong; side entries stand where their time puts them.
    let mut latest = HybridTime::default();
    let mut keyed: Vec<(HybridTime, Line<'_>)> = Vec::new();
    for line in lines {
        if line.rev > 0 {
            latest = latest.max(line.time);
        }
        keyed.push((if line.rev > 0 { latest } else { line.time }, line));
    }
    keyed.sort_by_key(|(time, line)| (*time, line.rev == 0, line.rev, line.hash));
    Ok(keyed.into_iter().map(|(_, line)| line).collect())
}

fn step(line: &Line<'_>, reference: &ReferenceData, unmasked: bool) -> proto::StepView {
    let item = item_of(reference, line.case);
    let (kind, actor, stage, basis) = match &line.body {
        Body::Step(step) => {
            let stage = step.stage.as_ref().map(ToString::to_string).unwrap_or_default();
            (step.event.name(), &step.actor, stage, step.event.basis())
        }
        Body::Side(side) => (side.event.name(), &side.actor, String::new(), side.event.basis()),
    };
    proto::StepView {
        rev: line.rev,
        kind: kind.to_owned(),
        title: words::title(&line.body, item),
        time_ms: line.time.millis(),
        station: line.writer.number(),
        station_name: reference.station_name(line.writer),
        actor_name: actor.name.clone(),
        actor_role: role(actor, reference),
        stage,
        words: line.private.as_ref().map(|private| said(private, &line.body, item, unmasked)).unwrap_or_default(),
        basis: basis.to_owned(),
        hash: line.hash.0.to_vec(),
        until: until(&line.body).map_or(0, date_number),
        documents: flow::documents(line.case, &line.hash),
        stage_left: flow::stage_left(&line.body, item),
        materials_back: flow::materials_back(&line.body, item),
    }
}

/// The role in which somebody acted, and for whom where that was another: "审批，代郑玲凡".
fn role(actor: &ActorFacts, reference: &ReferenceData) -> String {
    if actor.acting_for.is_empty() {
        return actor.role.clone();
    }
    let principal = actor.acting_for.parse().ok().and_then(|id| reference.staff(&id));
    let name = principal.map_or(actor.acting_for.as_str(), |principal| principal.staff.name.as_str());
    format!("{}，代{name}", actor.role)
}

/// The last day that a step sets.
fn until(body: &Body) -> Option<Date> {
    match body {
        Body::Step(step) => match &step.event {
            StepEvent::CorrectionRequested { until, .. } | StepEvent::PublicityPosted { until, .. } => *until,
            _ => None,
        },
        Body::Side(_) => None,
    }
}

/// Words, what the applicant must do, and who signed, as they follow one another on paper. Who signed is mostly the
/// applicant, so the name is masked as theirs is.
fn said(private: &Private, body: &Body, item: Option<&Item>, unmasked: bool) -> String {
    let mut said = vec![private.words.clone()];
    let faults = faults(body, item);
    for (number, requirement) in (1..).zip(&private.requirements) {
        let fault = faults.get(number - 1).map(String::as_str).unwrap_or_default();
        said.push(format!("{number}. {fault}{requirement}"));
    }
    said.extend(told(body, item));
    if !private.receiver.is_empty() {
        let receiver = if unmasked { private.receiver.clone() } else { mask::name(&private.receiver) };
        said.push(format!("签收人：{receiver}"));
    }
    said.retain(|part| !part.is_empty());
    said.join("\n")
}

/// What the applicant was told of an extension or a special procedure.
fn told(body: &Body, item: Option<&Item>) -> Vec<String> {
    match body {
        Body::Side(Side { event: SideEvent::Extended(extended), .. }) => {
            let number = Some(&extended.approval_number).filter(|number| !number.is_empty());
            let number = number.map(|number| format!("批准文号：{number}"));
            let told = format!("告知申请人：{}（{}）", words::date_words(extended.told_on), extended.told_by.term());
            [Some(format!("延长{}", extended.limit)), number, Some(told)].into_iter().flatten().collect()
        }
        Body::Step(Step { event: StepEvent::Suspended { stage, kind, expected_days, .. }, .. })
            if *expected_days > 0 =>
        {
            let special = item.and_then(|item| item.special_of(stage).find(|special| special.kind == *kind));
            let unit = special.map_or("日", |special| special.limit.unit.term());
            vec![format!("预计所需时间：{expected_days}个{unit}")]
        }
        _ => Vec::new(),
    }
}

/// What is wrong with which material, in the order of the requirements: "居民户口簿（过期）：".
fn faults(body: &Body, item: Option<&Item>) -> Vec<String> {
    let Body::Step(step) = body else { return Vec::new() };
    let faults = match &step.event {
        StepEvent::CorrectionRequested { faults, .. } | StepEvent::PreliminaryAnswered { faults } => faults,
        _ => return Vec::new(),
    };
    let name = |material: u32| {
        let listed = usize::try_from(material).ok().zip(item).and_then(|(at, item)| item.materials.get(at));
        listed.map_or("申请表", |material| material.name.as_str())
    };
    faults.iter().map(|fault| format!("{}（{}）：", name(fault.material), fault.kind.term())).collect()
}

pub(super) fn applicant_view(applicant: &case::Applicant, unmasked: bool) -> proto::Applicant {
    if unmasked {
        return proto::Applicant {
            name: applicant.name.clone(),
            id_number: applicant.id_number.clone(),
            telephone: applicant.telephone.clone(),
            address: applicant.address.clone(),
        };
    }
    proto::Applicant {
        name: mask::name(&applicant.name),
        id_number: mask::number(&applicant.id_number),
        telephone: mask::phone(&applicant.telephone),
        address: if applicant.address.is_empty() { String::new() } else { "（已隐藏）".to_owned() },
    }
}

/// Answers of the form, later ones in place of earlier ones of the same field. Nobody knows what people write into a
/// form, so masked they are hidden whole.
fn answers(lines: &[Line<'_>], unmasked: bool) -> Vec<proto::Answer> {
    let mut answers: Vec<proto::Answer> = Vec::new();
    for (field, value) in lines.iter().filter_map(|line| line.private.as_ref()).flat_map(|private| &private.answers) {
        let value = if unmasked { value.clone() } else { "*".repeat(value.chars().count().min(8)) };
        match answers.iter_mut().find(|answer| answer.field == *field) {
            Some(answer) => answer.value = value,
            None => answers.push(proto::Answer { field: field.clone(), value }),
        }
    }
    answers
}

fn materials(
    reader: &Reader,
    case: &Case,
    item: Option<&Item>,
    names: &BTreeMap<AttachmentId, AttachmentName>,
) -> Result<Vec<proto::MaterialView>, Error> {
    let mut views = Vec::new();
    let mut provided = case.materials().clone();
    provided.extend(case.followed().into_iter().map(|(position, (_, material))| (position, material.clone())));
    for provided in provided.values() {
        let listed = usize::try_from(provided.material).ok().zip(item).and_then(|(at, item)| item.materials.get(at));
        let mut attachments = Vec::new();
        for id in &provided.attachments {
            attachments.push(attachment_view(reader, &case.id(), id, names.get(id))?);
        }
        views.push(proto::MaterialView {
            material: provided.material,
            name: listed.map(|material| material.name.clone()).unwrap_or_default(),
            mandatory: listed.is_some_and(|material| material.mandatory),
            originals: provided.originals,
            copies: provided.copies,
            attachments,
        });
    }
    Ok(views)
}

fn attachment_view(
    reader: &Reader,
    case: &CaseId,
    id: &AttachmentId,
    name: Option<&AttachmentName>,
) -> Result<proto::AttachmentView, Error> {
    let held = reader.store().attachment(id).map_err(store("look an attachment up"))?;
    // Before its manifest is here, only the entry's word is known.
    let size = match held.size {
        0 => reader.spread(case, id)?.map_or(0, |spread| spread.size),
        size => size,
    };
    let size_here = (u64::from(held.chunks) * sanji_log::attachment::CHUNK_BYTES as u64).min(size);
    Ok(proto::AttachmentView {
        id: id.0.to_vec(),
        file_name: name.map(|name| name.file_name.clone()).unwrap_or_default(),
        media_type: name.map(|name| name.media_type.clone()).unwrap_or_default(),
        size,
        size_here,
        held_by: reader.holders(case, id)?.into_iter().map(StationCode::number).collect(),
    })
}

/// Whether an entry of a case names an attachment.
pub(crate) fn refers_to(case: &Case, id: &AttachmentId) -> bool {
    let in_materials =
        |materials: &[case::MaterialProvided]| materials.iter().any(|material| material.attachments.contains(id));
    let in_steps = case.steps().any(|facts| match &facts.body.event {
        StepEvent::PublicityPosted { photographs, .. } => photographs.contains(id),
        event => in_materials(event.materials()),
    });
    in_steps || case.sides().any(|facts| flow::names_attachment(&facts.body.event, id))
}

/// Whether an entry of a case or a matter names an attachment, those of newer releases included.
pub(crate) fn names_attachment(reader: &Reader, case: &CaseId, id: &AttachmentId) -> Result<bool, Error> {
    // Quicker than reading all entries. A matter is no case, and nothing is folded under its id.
    if reader.case(case)?.is_some_and(|folded| refers_to(&folded, id)) {
        return Ok(true);
    }
    let entries = reader.store().case_entries(case).map_err(store("read the entries of a case"))?;
    let mut decoded = entries.iter().filter_map(|held| held.entry.decode().ok());
    Ok(decoded.any(|entry| entry.attachments.iter().any(|attachment| attachment.id == *id)))
}

/// The names of a case's attachments.
pub(crate) fn attachment_names(
    reader: &Reader,
    case: &Case,
    key: &CaseKey,
) -> Result<BTreeMap<AttachmentId, AttachmentName>, Error> {
    lines(reader, case, Some(key)).map(|lines| names_of(&lines))
}

fn names_of(lines: &[Line<'_>]) -> BTreeMap<AttachmentId, AttachmentName> {
    let private = lines.iter().filter_map(|line| line.private.as_ref());
    private.flat_map(|private| &private.attachment_names).map(|name| (name.id, name.clone())).collect()
}
