//! What people do when it is their turn, in the words of the case service.

use jiff::civil::Date;
use rand::Rng as _;
use rand::rngs::StdRng;
use sanji_domain::case::Case;
use sanji_domain::{Item, StaffId};
use sanji_proto::v1::{self as proto, act_request::Action};

use super::play::{OPENS_AT, moment};

/// What somebody does.
pub enum Deed {
    /// An action that is ready.
    Ready(Action),
    /// One that needs a photograph first.
    WithPhotograph(fn(Vec<u8>) -> Action),
}

/// Chooses among the actions that the rules offer. None: there is nothing here that this year's people know.
pub fn choose(
    offered: &[&'static str],
    case: &Case,
    item: &Item,
    colleagues: &[StaffId],
    today: Date,
    random: &mut StdRng,
) -> Option<Deed> {
    let may = |name: &str| offered.contains(&name);
    let mut chance = |share: f64| random.random_bool(share);
    if let Some(correction) = case.correction() {
        if may("supply_correction") {
            return Some(Deed::Ready(Action::SupplyCorrection(correct(case))));
        }
        return (may("return") && correction.until.is_none_or(|until| today > until))
            .then(|| returned(proto::ReturnReason::CorrectionOverdue, "申请人逾期未补正，可以备齐材料后重新申请。"));
    }
    if may("confirm_withdrawal") {
        return Some(Deed::Ready(Action::ConfirmWithdrawal(proto::ConfirmWithdrawal::default())));
    }
    if may("request_correction") && case.correction_rounds() == 0 && chance(0.07) {
        return Some(Deed::Ready(Action::RequestCorrection(proto::RequestCorrection {
            faults: vec![proto::FaultInput {
                material: 0,
                kind: proto::FaultKind::Unclear.into(),
                requirement: "照片不清楚，请重新提供。".into(),
            }],
        })));
    }
    if may("refuse_acceptance") && chance(0.01) {
        return Some(Deed::Ready(Action::RefuseAcceptance(proto::RefuseAcceptance {
            reason: "申请事项不属于本机关职权范围。".into(),
            basis: "《行政许可法》第三十二条第一款第（二）项".into(),
            competent_office: "区税务局办税服务厅".into(),
        })));
    }
    if may("return") && chance(0.01) {
        return Some(returned(proto::ReturnReason::Duplicate, "同一事项正在办理，不需要重复申请。"));
    }
    if may("accept") {
        return Some(Deed::Ready(Action::Accept(proto::Accept::default())));
    }
    if may("suspend") && chance(0.4) {
        let kind = case.stage().and_then(|stage| item.special_of(stage).next()).map(|special| special.kind.clone());
        let reason = "需要进行特别程序，已书面告知申请人。".to_owned();
        return kind.map(|kind| Deed::Ready(Action::Suspend(proto::Suspend { kind, reason, ..Default::default() })));
    }
    if may("resume") {
        return Some(Deed::Ready(Action::Resume(proto::Resume { outside_number: "报告〔2026〕1号".into() })));
    }
    if may("send_up") {
        let body = "市级主管部门".to_owned();
        return Some(Deed::Ready(Action::SendUp(proto::SendUp { body, ..Default::default() })));
    }
    if may("post_publicity") {
        return Some(Deed::WithPhotograph(|photograph| {
            Action::PostPublicity(proto::PostPublicity { place: String::new(), photographs: vec![photograph] })
        }));
    }
    if may("end_publicity") {
        return Some(Deed::Ready(Action::EndPublicity(proto::EndPublicity::default())));
    }
    let fees = case.fees();
    if may("issue_fee")
        && fees.notices.is_empty()
        && let Some(fee) = item.fee.items().first()
    {
        let line = proto::FeeInput { code: fee.code.clone(), quantity: 1, ..Default::default() };
        return Some(Deed::Ready(Action::IssueFee(proto::IssueFee { lines: vec![line] })));
    }
    if may("register_payment")
        && let Some(notice) = fees.open()
    {
        return Some(Deed::Ready(Action::RegisterPayment(proto::RegisterPayment {
            notice: notice.issued.number,
            receipt_number: format!("电子票据{}", case.payment_code(notice.issued.number)),
            amount_fen: notice.issued.payable_fen(),
            paid_ms: moment(today, OPENS_AT),
            bank: "农村商业银行".into(),
            serial: case.payment_code(notice.issued.number),
        })));
    }
    if may("decide") {
        return Some(Deed::Ready(Action::Decide(decision(item, chance(0.95)))));
    }
    if may("finish_stage") {
        return Some(Deed::Ready(Action::FinishStage(proto::FinishStage {
            opinion: proto::Opinion::Agree.into(),
            words: "经审查，材料属实，符合规定条件。".into(),
            outside_number: "回执〔2026〕1号".into(),
            together_with: colleagues.iter().take(1).map(ToString::to_string).collect(),
            ..Default::default()
        })));
    }
    may("deliver").then(|| {
        Deed::Ready(Action::Deliver(proto::Deliver {
            method: proto::DeliveryMethod::InPerson.into(),
            receiver: "申请人".into(),
            signed_on: 0,
        }))
    })
}

fn correct(case: &Case) -> proto::SupplyCorrection {
    let faults = case.correction().map(|correction| correction.faults.clone()).unwrap_or_default();
    let material = |material| proto::MaterialInput { material, originals: 1, copies: 1, attachments: Vec::new() };
    proto::SupplyCorrection {
        materials: faults.iter().map(|fault| material(fault.material)).collect(),
        ..Default::default()
    }
}

fn returned(reason: proto::ReturnReason, words: &str) -> Deed {
    let basis = "《行政许可法》第三十二条".to_owned();
    Deed::Ready(Action::Return(proto::Return {
        reason: reason.into(),
        words: words.into(),
        basis,
        ..Default::default()
    }))
}

fn decision(item: &Item, approved: bool) -> proto::Decide {
    let ground = u32::from(!approved && !item.refuse_when.is_empty());
    let basis = item.legal_basis.first().map_or_else(String::new, |basis| format!("《{}》", basis.title));
    proto::Decide {
        approved,
        reason: if approved { String::new() } else { "经审查，不符合规定条件。".into() },
        basis: if basis.is_empty() { "《行政许可法》第三十八条".into() } else { basis },
        ground,
        document_number: "准〔2026〕1号".into(),
        ..Default::default()
    }
}
