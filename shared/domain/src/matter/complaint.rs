//! 投诉: registered anywhere, handled by the district, looked into by an office that is not complained about
//! (defaults.toml `[complaint]`; 信访工作条例: neither the complaint nor who makes it goes to those complained about).

use sanji_log::{CaseNumber, RequestId, StationCode, Tier};

use super::body::{Against, ComplaintRegistered, Finding, MatterBody, MatterEvent, MatterStep, Way};
use super::command::{ComplaintInput, MatterDraft, Origin};
use super::context::MatterContext;
use super::decide::Turn;
use super::private::MatterPrivate;
use crate::case::input::{LONGEST_NAME, LONGEST_TEXT, optional, required};
use crate::case::{FieldFault, Refusal, RefusalCode};
use crate::organisation::{DepartmentKind, Role};

/// The rule that whoever complains stays hidden from those complained about.
const BYPASS: &str = "《信访工作条例》：检举、控告材料及有关情况不得透露或者转给被检举、控告的人员或者单位";

/// Roles that take complaints down.
pub(super) const TAKES_DOWN: &[Role] =
    &[Role::ComplaintDesk, Role::Agent, Role::FullCourseAgent, Role::Window, Role::JointCoordinator, Role::Supervisor];

/// A complaint with its blanks cut off and its fields checked.
///
/// # Errors
/// A refusal that names every field that is wrong.
pub fn check_complaint(input: ComplaintInput, context: &MatterContext<'_>) -> Result<ComplaintInput, Refusal> {
    if context.actor.is_some() {
        context.with_role(TAKES_DOWN, "投诉由窗口、代办员或投诉受理人员登记。")?;
    }
    let way = match (input.way, context.actor) {
        (_, None) => Way::Online,
        (Some(way), Some(_)) if way != Way::Unknown => way,
        _ => return Err(fault("way", "请选择投诉方式：网上、电话、来访或意见箱。")),
    };
    let words = required(&input.words, "words", LONGEST_TEXT, || input_fault("请写明投诉的内容。"))?;
    let name = optional(&input.name, "name", LONGEST_NAME)?;
    let telephone = optional(&input.telephone, "telephone", LONGEST_NAME)?;
    let address = optional(&input.address, "address", LONGEST_NAME)?;
    let against_words = optional(&input.against_words, "against_words", LONGEST_NAME)?;
    if !name.is_empty() && telephone.is_empty() && address.is_empty() {
        return Err(fault("telephone", "实名投诉请留下电话或住址，以便答复；不愿留名的可以匿名投诉。"));
    }
    let case_number = input.case_number.trim().to_owned();
    if !case_number.is_empty() && case_number.parse::<CaseNumber>().is_err() {
        return Err(fault("case_number", "办件编号不正确，请核对25位编号，或者不填。"));
    }
    check_against(&input.against, &against_words, context)?;
    Ok(ComplaintInput { way: Some(way), words, name, telephone, address, against_words, case_number, ..input })
}

fn check_against(against: &Against, words: &str, context: &MatterContext<'_>) -> Result<(), Refusal> {
    if *against == Against::default() && words.is_empty() {
        return Err(fault("against", "请写明投诉哪个单位或哪个人。"));
    }
    let organisation = context.reference.organisation;
    if against.station.is_some_and(|station| organisation.station(&station).is_none()) {
        return Err(fault("against.station", "没有这个站点，请重新选择被投诉单位。"));
    }
    if against.department.as_ref().is_some_and(|department| organisation.department(department).is_none()) {
        return Err(fault("against.department", "没有这个部门，请重新选择被投诉单位。"));
    }
    Ok(())
}

/// Opens a complaint at the district. `origin` says where one that came in a letter was taken down.
///
/// # Errors
/// As for [`check_complaint`]; also where this station is none of a district.
pub fn register_complaint(
    request: Option<RequestId>,
    input: ComplaintInput,
    origin: Option<Origin>,
    context: &MatterContext<'_>,
) -> Result<MatterDraft, Refusal> {
    if context.station.tier() != Tier::District {
        return Err(Refusal::new(RefusalCode::NotCompetent, "投诉由区中心办理，本站登记后密封报送。"));
    }
    let input = if origin.is_some() { input } else { check_complaint(input, context)? };
    let against = at_the_station(input.against, context.station);
    let complaint = ComplaintRegistered {
        way: input.way.unwrap_or(Way::Unknown),
        against,
        case: input.case_number.parse().ok(),
        anonymous: input.name.is_empty(),
        registered_at: origin.map_or(context.station, |origin| origin.station),
        registered_ms: origin.map_or(context.now_ms, |origin| origin.time_ms),
        letter: origin.map(|origin| origin.letter),
    };
    let private = MatterPrivate {
        name: input.name,
        telephone: input.telephone,
        address: input.address,
        words: input.words,
        query_code: input.query_code,
        against: input.against_words,
        ..MatterPrivate::default()
    };
    Ok(opening(request, MatterEvent::ComplaintRegistered(complaint), context.station, private, TAKES_DOWN, context))
}

/// A department of the district is complained about at the district.
fn at_the_station(against: Against, district: StationCode) -> Against {
    let station = against.station.or_else(|| against.department.is_some().then_some(district));
    Against { station, ..against }
}

/// Sends a complaint up in a letter, which is sealed already.
///
/// # Errors
/// A refusal where the person may not, or this is the district itself.
pub fn send_letter(
    request: Option<RequestId>,
    sealed: Vec<u8>,
    context: &MatterContext<'_>,
) -> Result<MatterDraft, Refusal> {
    context.with_role(TAKES_DOWN, "投诉由窗口、代办员或投诉受理人员登记。")?;
    if context.station.tier() == Tier::District {
        return Err(Refusal::new(RefusalCode::NotCompetent, "区中心直接登记投诉，不需要密封报送。"));
    }
    let event = MatterEvent::LetterSent { sealed };
    let district = context.station.district();
    let private = MatterPrivate::default();
    Ok(MatterDraft { opens: false, ..opening(request, event, district, private, TAKES_DOWN, context) })
}

/// The entry that opens a matter.
pub(super) fn opening(
    request: Option<RequestId>,
    event: MatterEvent,
    holder: StationCode,
    private: MatterPrivate,
    roles: &[Role],
    context: &MatterContext<'_>,
) -> MatterDraft {
    let step = MatterStep { rev: 1, previous: None, holder, request, actor: context.facts(roles), event };
    MatterDraft { body: MatterBody::Step(step), private, attachments: Vec::new(), opens: true }
}

pub(super) fn refuse(turn: &Turn<'_>, reason: &str) -> Result<MatterDraft, Refusal> {
    let reason = required(reason, "reason", LONGEST_TEXT, || {
        Refusal::new(RefusalCode::ReasonMissing, "不予受理投诉的，请写明理由，并告知向哪里反映。")
    })?;
    let private = MatterPrivate { reply: reason, ..MatterPrivate::default() };
    Ok(turn.step(MatterEvent::ComplaintRefused, private))
}

pub(super) fn assign(turn: &Turn<'_>, department: &str, words: &str) -> Result<MatterDraft, Refusal> {
    let words = optional(words, "words", LONGEST_TEXT)?;
    let organisation = turn.context.reference.organisation;
    let known = department.trim().parse().ok().and_then(|code| organisation.department(&code));
    let Some(known) = known.filter(|known| matches!(known.kind, DepartmentKind::District | DepartmentKind::Hub)) else {
        return Err(fault("department", "请选择承办投诉的区级部门。"));
    };
    let against = turn.matter.complaint().map(|complaint| &complaint.against);
    let complained_about = against.is_some_and(|against| {
        against.station == Some(turn.context.station) && against.department.as_ref() == Some(&known.code)
    });
    if complained_about {
        let sentence = "不能把投诉交给被投诉的单位办理，请另选承办单位。";
        return Err(Refusal::new(RefusalCode::NotCompetent, sentence).at("department").because_of(BYPASS));
    }
    let event = MatterEvent::ComplaintAssigned { department: known.code.clone() };
    Ok(turn.step(event, MatterPrivate::of_words(&words)))
}

pub(super) fn investigate(turn: &Turn<'_>, finding: Finding, words: &str) -> Result<MatterDraft, Refusal> {
    check_finding(finding)?;
    let words = required(words, "words", LONGEST_TEXT, || input_fault("请写明调查核实的情况。"))?;
    Ok(turn.step(MatterEvent::ComplaintInvestigated { finding }, MatterPrivate::of_words(&words)))
}

pub(super) fn conclude(
    turn: &Turn<'_>,
    finding: Finding,
    words: &str,
    reply: &str,
    propose_suspension: bool,
) -> Result<MatterDraft, Refusal> {
    check_finding(finding)?;
    let words = required(words, "words", LONGEST_TEXT, || input_fault("请写明处理意见。"))?;
    let reply = optional(reply, "reply", LONGEST_TEXT)?;
    let complaint = turn.matter.complaint();
    if reply.is_empty() && complaint.is_some_and(|complaint| !complaint.anonymous) {
        let sentence = "实名投诉必须答复，请写明给投诉人的答复。";
        return Err(Refusal::new(RefusalCode::ReasonMissing, sentence).at("reply"));
    }
    let person = complaint.and_then(|complaint| complaint.against.person.as_ref());
    if propose_suspension && (!finding.is_upheld() || person.is_none()) {
        let sentence = "只有投诉查实、并且明确到工作人员本人的，才能提出待岗建议。";
        return Err(Refusal::new(RefusalCode::WrongStage, sentence).at("propose_suspension"));
    }
    let private = MatterPrivate { words, reply, ..MatterPrivate::default() };
    Ok(turn.step(MatterEvent::ComplaintConcluded { finding, propose_suspension }, private))
}

fn check_finding(finding: Finding) -> Result<(), Refusal> {
    if finding == Finding::Unknown {
        return Err(fault("finding", "请选择调查结果：属实、部分属实或不属实。"));
    }
    Ok(())
}

pub(super) fn input_fault(sentence: &str) -> Refusal {
    Refusal::new(RefusalCode::InvalidInput, sentence)
}

pub(super) fn fault(field: &str, sentence: &str) -> Refusal {
    let fields = vec![FieldFault { field: field.to_owned(), sentence: sentence.to_owned() }];
    Refusal::of_fields(RefusalCode::InvalidInput, fields)
}
