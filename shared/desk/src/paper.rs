//! Papers of a case, to be printed: receipt, mandate, and the notices that its steps call for.
//!
//! Fields and wording follow the district's templates. A paper carries the number (文号) that the station gave it when
//! it took the step; steps of older releases have none, and the line is left open.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use qrcode::QrCode;
use qrcode::render::svg;
use sanji_domain::Item;
use sanji_domain::case::DocumentKind;
use sanji_domain::catalogue::{ItemType, SpecialClock};
use sanji_log::{StationCode, Tier};
use sanji_proto::v1 as proto;

use crate::agency;
use crate::frame::{Frame, Tab};
use crate::guard::Person;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::ticks::Ticks;
use crate::words;

/// A kind of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paper {
    Receipt,
    Mandate,
    Accepted,
    NotAccepted,
    Correction,
    Returned,
    Approved,
    Denied,
    Concluded,
    PaymentNotice,
    PaymentReceipt,
    Joint,
    Copy,
    Special,
    Extended,
    Tacit,
}

impl Paper {
    const ALL: [Self; 16] = [
        Self::Receipt,
        Self::Mandate,
        Self::Accepted,
        Self::NotAccepted,
        Self::Correction,
        Self::Returned,
        Self::Approved,
        Self::Denied,
        Self::Concluded,
        Self::PaymentNotice,
        Self::PaymentReceipt,
        Self::Joint,
        Self::Copy,
        Self::Special,
        Self::Extended,
        Self::Tacit,
    ];

    /// Last part of its address.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Mandate => "mandate",
            Self::Accepted => "accepted",
            Self::NotAccepted => "not-accepted",
            Self::Correction => "correction",
            Self::Returned => "returned",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Concluded => "concluded",
            Self::PaymentNotice => "payment-notice",
            Self::PaymentReceipt => "payment-receipt",
            Self::Joint => "joint",
            Self::Copy => "copy",
            Self::Special => "special",
            Self::Extended => "extended",
            Self::Tacit => "tacit",
        }
    }

    /// Its number in a voucher.
    fn number(self) -> proto::Paper {
        match self {
            Self::Receipt => proto::Paper::Receipt,
            Self::Mandate => proto::Paper::Mandate,
            Self::Accepted => proto::Paper::Accepted,
            Self::NotAccepted => proto::Paper::NotAccepted,
            Self::Correction => proto::Paper::Correction,
            Self::Returned => proto::Paper::Returned,
            Self::Approved => proto::Paper::Approved,
            Self::Denied => proto::Paper::Denied,
            Self::Concluded => proto::Paper::Concluded,
            Self::PaymentNotice => proto::Paper::PaymentNotice,
            Self::PaymentReceipt => proto::Paper::PaymentReceipt,
            Self::Joint => proto::Paper::Joint,
            Self::Copy => proto::Paper::Copy,
            Self::Special => proto::Paper::Special,
            Self::Extended => proto::Paper::Extended,
            Self::Tacit => proto::Paper::Tacit,
        }
    }

    /// Its title.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Receipt => "代办登记单（收件凭证）",
            Self::Mandate => "委托代办书",
            Self::Accepted => "受理通知书",
            Self::NotAccepted => "不予受理通知书",
            Self::Correction => "一次性告知书",
            Self::Returned => "退回件通知书",
            Self::Approved => "准予决定书",
            Self::Denied => "不予批准决定书",
            Self::Concluded => "办结通知书",
            Self::PaymentNotice => "缴款通知书",
            Self::PaymentReceipt => "缴款回执",
            Self::Joint => "联办件通知书",
            Self::Copy => "抄告单",
            Self::Special => "特别程序告知书",
            Self::Extended => "延长办理期限通知书",
            Self::Tacit => "超时默认确认书",
        }
    }

    /// The step that calls for it, the newest of its kind.
    fn step(self, case: &proto::CaseView) -> Option<&proto::StepView> {
        let kind = match self {
            Self::Receipt | Self::Mandate => "submitted",
            Self::Accepted | Self::Joint | Self::Copy => "accepted",
            Self::Special => "suspended",
            Self::NotAccepted => "not_accepted",
            Self::Correction => "correction_requested",
            Self::Returned => "returned",
            Self::Approved | Self::Denied => "decided",
            Self::Concluded => "delivered",
            Self::PaymentNotice => "fee_issued",
            Self::PaymentReceipt => "fee_paid",
            Self::Extended => "extended",
            Self::Tacit => "tacitly_approved",
        };
        // A withdrawn case gets the notice of return too.
        let calls = |step: &&proto::StepView| step.kind == kind || (self == Self::Returned && step.kind == "withdrawn");
        let step = case.steps.iter().rev().find(calls)?;
        match self {
            Self::Mandate => case.mandate.is_some().then_some(step),
            Self::Joint | Self::Copy => case.joint.is_some().then_some(step),
            Self::Approved => (!denies(step)).then_some(step),
            Self::Denied => denies(step).then_some(step),
            _ => Some(step),
        }
    }

    /// Number of `DocumentKind` under which the step has numbered it; 0: it carries no number.
    fn document(self) -> i32 {
        let kind = match self {
            Self::Accepted => proto::DocumentKind::Accepted,
            Self::NotAccepted => proto::DocumentKind::NotAccepted,
            Self::Correction => proto::DocumentKind::Correction,
            Self::Returned => proto::DocumentKind::Returned,
            Self::Joint => proto::DocumentKind::Joint,
            Self::Copy => proto::DocumentKind::Copy,
            Self::Special => proto::DocumentKind::Special,
            Self::Approved => proto::DocumentKind::Approved,
            Self::Denied => proto::DocumentKind::Denied,
            Self::Receipt
            | Self::Mandate
            | Self::Concluded
            | Self::PaymentNotice
            | Self::PaymentReceipt
            | Self::Extended
            | Self::Tacit => proto::DocumentKind::Unspecified,
        };
        kind.into()
    }

    /// The papers that a case calls for.
    pub(crate) fn of(case: &proto::CaseView) -> Vec<Self> {
        Self::ALL.into_iter().filter(|paper| paper.step(case).is_some()).collect()
    }
}

/// Whether a decision says no. The document that the station numbered for it says so; steps of older releases have none, and
/// there a refusal is what names its legal basis, which an approval may do too.
fn denies(step: &proto::StepView) -> bool {
    let has = |kind: proto::DocumentKind| step.documents.iter().any(|document| document.kind == i32::from(kind));
    has(proto::DocumentKind::Denied) || !has(proto::DocumentKind::Approved) && !step.basis.is_empty()
}

#[derive(Template)]
#[template(path = "paper.html")]
struct PaperPage {
    frame: Frame,
    kind: Paper,
    case: proto::CaseView,
    applicant: proto::Applicant,
    clock: proto::ClockView,
    ticks: Ticks,
    /// The step that called for the paper.
    step: proto::StepView,
    submitted_on: String,
    /// 文号; empty: none.
    number: String,
    /// The office that signs.
    organ: String,
    /// Whether the 行政许可法 applies.
    licence: bool,
    limits_text: String,
    /// What an agent may and may not do for the item.
    agency: agency::Agency,
    fee_text: String,
    /// Special procedures that stop the clock, with their longest time.
    specials: String,
    result_text: String,
    /// How the case ended.
    result_title: String,
    /// Review and litigation.
    remedy: String,
    /// Mandatory materials that have not been handed in.
    missing: Vec<String>,
    /// By when the office answers whether it accepts; empty once it has.
    answer_by: String,
    /// The payment notice that the paper is about: the newest, or the newest that is paid.
    notice: proto::FeeNoticeView,
    /// The signed line (凭证), in groups that can be typed, and the same as an SVG.
    voucher: String,
    qr: String,
}

/// `GET /desk/case/{number}/paper/{kind}`
pub(crate) async fn show(
    State(desk): State<Desk>,
    Path((number, kind)): Path<(String, String)>,
    person: Person,
) -> Result<Response, Problem> {
    let kind = Paper::ALL.into_iter().find(|paper| paper.path() == kind).ok_or_else(Problem::not_found)?;
    // Papers for the applicant carry names and numbers in full.
    let request = proto::GetRequest { case_number: words::digits(&number), unmasked: true };
    let case = desk.office().case(&person.actor, request).await?;
    let step = kind.step(&case).ok_or_else(Problem::not_found)?.clone();
    let frame = Frame::staff(&desk, &person, Tab::Cases).await;
    let item = desk.office().item(&case.item, case.item_version).map(|(_, item)| item);
    let item = item.as_deref();
    let submitted = case.steps.iter().find(|step| step.kind == "submitted");
    let voucher = voucher(&desk, &person, kind, &case, &step).await?;
    page(&PaperPage {
        kind,
        applicant: case.applicant.clone().unwrap_or_default(),
        clock: case.clock.clone().unwrap_or_default(),
        ticks: Ticks::new(desk.station(), case.home, case.rev, &case.delivery.unwrap_or_default()),
        submitted_on: submitted.map(|step| words::day_of(&step.time_ms)).unwrap_or_default(),
        number: document_number(kind, &step),
        organ: organ(&desk, item, &step),
        licence: item.is_some_and(|item| item.item_type == ItemType::Licence),
        limits_text: item.map(limits_text).unwrap_or_default(),
        agency: agency::Agency::of(case.mandate.as_ref(), item),
        fee_text: item.map(fee_text).unwrap_or_default(),
        specials: item.map(specials).unwrap_or_default(),
        result_text: item.map(result_text).unwrap_or_default(),
        result_title: result_title(&case),
        remedy: remedy(&frame.district),
        missing: item.map(|item| missing(item, &case)).unwrap_or_default(),
        answer_by: answer_by(&case),
        qr: qr(&link(&desk, &voucher)),
        voucher: in_groups(&voucher),
        notice: notice(kind, &case),
        step,
        case,
        frame,
    })
}

/// The number of a paper; empty where it has none. Of several the one that is not void.
fn document_number(kind: Paper, step: &proto::StepView) -> String {
    let wanted = kind.document();
    let issued = step.documents.iter().rev().find(|issued| issued.kind == wanted && !issued.void);
    issued.map(|issued| issued.number.clone()).unwrap_or_default()
}

/// What a kind of document is called.
pub(crate) fn document_name(kind: i32) -> &'static str {
    DocumentKind::from_number(kind).term()
}

/// Who signs: at the district the department in the lead, below it the centre.
fn organ(desk: &Desk, item: Option<&Item>, step: &proto::StepView) -> String {
    let tier = StationCode::from_number(step.station).map(StationCode::tier);
    match (item, tier) {
        (Some(item), Ok(Tier::District)) => desk.office().department_name(item.department.as_str()),
        (_, Ok(tier)) => words::official_name(&step.station_name, tier),
        (_, Err(_)) => step.station_name.clone(),
    }
}

fn limits_text(item: &Item) -> String {
    let promised = format!("承诺期限为{}", item.limits.promised);
    match item.limits.statutory {
        Some(statutory) => format!("本事项法定期限为{statutory}，{promised}。"),
        None => format!("本事项{promised}。"),
    }
}

fn fee_text(item: &Item) -> String {
    let fees: Vec<_> = item
        .fee
        .items()
        .iter()
        .map(|fee| format!("{}{}／{}（{}）", fee.name, words::yuan(&fee.amount_fen), fee.unit, fee.basis))
        .collect();
    if fees.is_empty() {
        return "本事项不收费。".to_owned();
    }
    format!("本事项收费：{}。请持缴款通知书缴款，工作人员不得收取现金。", fees.join("；"))
}

fn specials(item: &Item) -> String {
    let paused = item.special.iter().filter(|special| special.clock == SpecialClock::Paused);
    paused.map(|special| format!("{}不超过{}", special.kind, special.limit)).collect::<Vec<_>>().join("，")
}

fn result_text(item: &Item) -> String {
    format!("{}，{}。领取方式：{}。", item.result.name, item.result.validity, item.result.delivery.join("、"))
}

/// The newest step that ended the case, in its own words.
fn result_title(case: &proto::CaseView) -> String {
    let endings = ["decided", "returned", "not_accepted", "withdrawn"];
    let ending = case.steps.iter().rev().find(|step| endings.contains(&step.kind.as_str()));
    ending.map(|step| step.title.clone()).unwrap_or_else(|| case.state.clone())
}

fn answer_by(case: &proto::CaseView) -> String {
    let clock = case.clock.clone().unwrap_or_default();
    if clock.accepted_on == 0 { words::day(&clock.stage_until) } else { String::new() }
}

/// 行政复议法 art. 20, 行政诉讼法 art. 46.
fn remedy(district: &str) -> String {
    format!(
        "如不服本决定，可以自收到本决定书之日起60日内向{district}人民政府申请行政复议，\
         或者自收到本决定书之日起6个月内依法向有管辖权的人民法院提起行政诉讼。"
    )
}

fn missing(item: &Item, case: &proto::CaseView) -> Vec<String> {
    let handed_in = |index: u32| {
        case.materials.iter().any(|material| {
            material.material == index && (material.originals + material.copies > 0 || !material.attachments.is_empty())
        })
    };
    (0..)
        .zip(&item.materials)
        .filter(|(index, material)| material.mandatory && !handed_in(*index))
        .map(|(_, material)| material.name.clone())
        .collect()
}

/// The line that proves the paper: signed by this station, over the entry that called for it.
async fn voucher(
    desk: &Desk,
    person: &Person,
    kind: Paper,
    case: &proto::CaseView,
    step: &proto::StepView,
) -> Result<String, Problem> {
    let request = proto::SignVoucherRequest {
        case_number: case.case_number.clone(),
        paper: kind.number().into(),
        entry: step.hash.clone(),
    };
    Ok(desk.office().records().sign_voucher(&person.actor, request).await?.text)
}

/// What the code says: a link to the public pages, where this desk knows their address, or the line alone.
fn link(desk: &Desk, voucher: &str) -> String {
    match desk.options().public_address.as_str() {
        "" => voucher.to_owned(),
        // Capitals alone make a code of half the size, and neither scheme nor host minds them.
        address => format!("{}/V/{voucher}", address.trim_end_matches('/').to_ascii_uppercase()),
    }
}

/// The newest notice, for a receipt the newest that is paid.
fn notice(kind: Paper, case: &proto::CaseView) -> proto::FeeNoticeView {
    let fits = |notice: &&proto::FeeNoticeView| kind != Paper::PaymentReceipt || notice.payment.is_some();
    case.fees.iter().rev().find(fits).cloned().unwrap_or_default()
}

/// Eight letters a group.
fn in_groups(line: &str) -> String {
    let letters: Vec<char> = line.chars().collect();
    letters.chunks(8).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn qr(text: &str) -> String {
    let Ok(code) = QrCode::new(text) else { return String::new() };
    let drawing = code.render::<svg::Color<'_>>().min_dimensions(180, 180).build();
    // The drawing stands inside a page, where an XML declaration does not belong.
    drawing.find("<svg").map(|start| drawing[start..].to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn case(kinds: &[(&str, &str)]) -> proto::CaseView {
        let step = |(kind, basis): &(&str, &str)| proto::StepView {
            kind: (*kind).to_owned(),
            basis: (*basis).to_owned(),
            ..Default::default()
        };
        proto::CaseView { steps: kinds.iter().map(step).collect(), ..Default::default() }
    }

    #[test]
    fn a_case_offers_the_papers_that_its_steps_call_for() {
        assert_eq!(Paper::of(&case(&[("submitted", "")])), [Paper::Receipt]);
        let denied = case(&[("submitted", ""), ("accepted", ""), ("decided", "《甲》第一条")]);
        assert_eq!(Paper::of(&denied), [Paper::Receipt, Paper::Accepted, Paper::Denied]);
        let approved = case(&[("submitted", ""), ("decided", ""), ("delivered", "")]);
        assert_eq!(Paper::of(&approved), [Paper::Receipt, Paper::Approved, Paper::Concluded]);
    }

    #[test]
    fn a_voucher_is_drawn_small_and_can_be_typed() {
        let line = format!("SJ{}", "A2".repeat(115));
        let link = format!("HTTPS://HUB.EXAMPLE/V/{line}");
        // With its quiet zone such a code has half a millimetre a module on paper, which any telephone reads.
        assert!(QrCode::new(&link).unwrap().width() <= 65, "{}", QrCode::new(&link).unwrap().width());
        assert!(qr(&line).starts_with("<svg"));
        assert_eq!(in_groups("SJABCDEFGH"), "SJABCDEF GH");
        assert!(qr(&line.repeat(40)).is_empty(), "too long for a code: the line stands below it all the same");
    }

    #[test]
    fn a_notice_of_payment_and_its_receipt_are_papers_of_their_own() {
        let mut case = case(&[("submitted", ""), ("fee_issued", ""), ("fee_paid", ""), ("fee_issued", "")]);
        assert_eq!(Paper::of(&case), [Paper::Receipt, Paper::PaymentNotice, Paper::PaymentReceipt]);
        let paid = proto::FeeNoticeView { number: 1, payment: Some(proto::FeePaid::default()), ..Default::default() };
        case.fees = vec![paid, proto::FeeNoticeView { number: 2, ..Default::default() }];
        assert_eq!((notice(Paper::PaymentNotice, &case).number, notice(Paper::PaymentReceipt, &case).number), (2, 1));
    }
}
