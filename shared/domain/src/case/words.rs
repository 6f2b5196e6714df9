//! What screens, prints and replies call things, in the words of the service hall.

use jiff::civil::Date;

use super::body::{Body, Side, SideEvent, Step, StepEvent};
use super::preliminary::Preliminary;
use super::state::Case;
use super::summary::{CaseState, Outcome};
use crate::catalogue::Item;
use crate::code::StageId;
use crate::money::in_figures;

impl CaseState {
    /// The words on a list.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Incomplete => "资料未到齐",
            Self::Preliminary => "预申报",
            Self::Submitted => "已登记",
            Self::AwaitingAcceptance => "待受理",
            Self::Correcting => "待补正",
            Self::InProgress => "办理中",
            Self::Publicity => "公示中",
            Self::Suspended => "特别程序中",
            Self::AwaitingDelivery(_) => "待送达",
            Self::Concluded => "已办结",
            Self::Returned => "已退回",
            Self::NotAccepted => "不予受理",
            Self::Denied => "不予批准",
            Self::Withdrawn => "已撤回",
        }
    }
}

impl Outcome {
    /// The words in a result.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Approved => "予以批准",
            Self::Denied => "不予批准",
            Self::NotAccepted => "不予受理",
            Self::Returned => "退回",
            Self::Withdrawn => "申请人撤回",
        }
    }
}

/// A date as in documents: 2026年7月3日.
#[must_use]
pub fn date_words(date: Date) -> String {
    format!("{}年{}月{}日", date.year(), date.month(), date.day())
}

/// Title of an entry in the progress view. `item` names the stages; without it their ids stand.
#[must_use]
pub fn title(body: &Body, item: Option<&Item>) -> String {
    match body {
        Body::Step(step) => step_title(step, item),
        Body::Side(side) => side_title(side, item),
    }
}

/// Title of a step in the progress view.
#[must_use]
pub fn step_title(step: &Step, item: Option<&Item>) -> String {
    let stage =
        |id: &StageId| item.and_then(|item| item.stage(id)).map_or_else(|| id.to_string(), |stage| stage.name.clone());
    match &step.event {
        StepEvent::Submitted(submitted) if submitted.preliminary => "登记预申报".to_owned(),
        StepEvent::Submitted(_) => "登记申请".to_owned(),
        StepEvent::Accepted { deemed: true, .. } => "依法视为受理".to_owned(),
        StepEvent::Accepted { tolerated, .. } if tolerated.is_empty() => "受理".to_owned(),
        StepEvent::Accepted { tolerated, .. } => format!("容缺受理（{}项材料后补）", tolerated.len()),
        StepEvent::NotAccepted { .. } => "不予受理".to_owned(),
        StepEvent::CorrectionRequested { until: Some(until), .. } => {
            format!("一次性告知补正（{}前）", date_words(*until))
        }
        StepEvent::CorrectionRequested { until: None, .. } => "一次性告知补正".to_owned(),
        StepEvent::CorrectionSupplied { .. } => "已补正".to_owned(),
        StepEvent::StageFinished { stage: id, opinion, .. } => format!("{}：{}", stage(id), opinion.term()),
        StepEvent::PublicityPosted { from, until: Some(until), .. } => {
            format!("公示（{}至{}）", date_words(*from), date_words(*until))
        }
        StepEvent::PublicityPosted { from, until: None, .. } => format!("公示（自{}起）", date_words(*from)),
        StepEvent::PublicityEnded { objection: false, .. } => "公示期满，无异议".to_owned(),
        StepEvent::PublicityEnded { objection: true, .. } => "公示有异议，重新调查".to_owned(),
        StepEvent::Suspended { kind, .. } => format!("进入特别程序（{kind}），暂停计时"),
        StepEvent::Resumed { .. } => "特别程序结束，恢复计时".to_owned(),
        StepEvent::Decided { stage: id, approved: true, .. } => format!("{}：准予", stage(id)),
        StepEvent::Decided { stage: id, approved: false, .. } => format!("{}：不予批准", stage(id)),
        StepEvent::Returned { reason, .. } => format!("退回（{}）", reason.term()),
        StepEvent::Withdrawn { .. } => "撤回".to_owned(),
        StepEvent::Delivered { method, .. } => method.term().to_owned(),
        StepEvent::Reclaimed { .. } => "收回办理".to_owned(),
        StepEvent::HandedOver { .. } => "移交办理".to_owned(),
        StepEvent::TacitlyApproved { stage: id, due, .. } => {
            format!("超时默认：{}逾期（应于{}前办结），视为同意", stage(id), date_words(*due))
        }
        StepEvent::Unknown => "新版本步骤（本站软件需要升级）".to_owned(),
        StepEvent::FeeIssued(issued) => {
            format!("开具缴款通知{}（{}元）", issued.number, in_figures(issued.payable_fen()))
        }
        StepEvent::FeePaid(payment) => format!("已缴款（{}元）", in_figures(payment.amount_fen)),
        StepEvent::FeeVoided { notice, .. } => format!("作废缴款通知{notice}"),
        StepEvent::FeeAbandoned { .. } => "逾期未缴款，视为放弃".to_owned(),
        StepEvent::VariantChosen { variant } => {
            let name = item.and_then(|item| super::variant::listed(item, *variant)).map(|variant| &*variant.name);
            format!("选用程序：{}", name.unwrap_or("简易或紧急程序"))
        }
        StepEvent::SentUp { body, sent_on, .. } => format!("报送{body}（{}）", date_words(*sent_on)),
        StepEvent::Chased { on, .. } => format!("催办外部单位（{}）", date_words(*on)),
        StepEvent::OutsideAnswered { approved: true, .. } => "上级批复：同意".to_owned(),
        StepEvent::OutsideAnswered { approved: false, .. } => "上级批复：不同意".to_owned(),
        StepEvent::SecondCorrectionAllowed => "首席代表批准再次补正".to_owned(),
        StepEvent::CorrectedAtOnce { .. } => "当场更正".to_owned(),
        StepEvent::Transferred { stage: id, .. } => format!("{}：转其他窗口（部门）办理", stage(id)),
        StepEvent::ConsultedAgain { stages } => {
            format!("重新征求意见：{}", stages.iter().map(stage).collect::<Vec<_>>().join("、"))
        }
        StepEvent::PreliminaryAnswered { faults } if faults.is_empty() => "预申报答复：可以正式申请".to_owned(),
        StepEvent::PreliminaryAnswered { faults } => format!("预申报答复：{}处需要补充", faults.len()),
        StepEvent::PreliminarySubmitted { .. } => "转为正式申请".to_owned(),
    }
}

/// Title of a side entry in the progress view.
#[must_use]
pub fn side_title(side: &Side, item: Option<&Item>) -> String {
    let stage =
        |id: &StageId| item.and_then(|item| item.stage(id)).map_or_else(|| id.to_string(), |stage| stage.name.clone());
    match &side.event {
        SideEvent::Note => "备注".to_owned(),
        SideEvent::Reminder { .. } => "催办".to_owned(),
        SideEvent::WithdrawalRequested => "申请撤回".to_owned(),
        SideEvent::Rating { .. } => "评价".to_owned(),
        SideEvent::TimeNoted(_) => "时间更正（站点时钟不准）".to_owned(),
        SideEvent::Extended(_) => "延长办理期限".to_owned(),
        SideEvent::SupersededChecked { .. } => "核对被取代的步骤".to_owned(),
        SideEvent::Unknown => "新版本记录（本站软件需要升级）".to_owned(),
        SideEvent::Marked { mark, set: true, .. } => format!("标注为{}", mark.term()),
        SideEvent::Marked { mark, set: false, .. } => format!("取消标注：{}", mark.term()),
        SideEvent::Consulted { stage: id, opinion: None, .. } => format!("{}：抄告单已签收", stage(id)),
        SideEvent::Consulted { stage: id, opinion: Some(opinion), .. } => format!("{}：{}", stage(id), opinion.term()),
        SideEvent::Visit(visit) if visit.held => format!("联合踏勘记录（{}）", date_words(visit.on)),
        SideEvent::Visit(visit) => format!("约定联合踏勘（{}，{}）", date_words(visit.on), visit.place),
        SideEvent::DutyDone { variant: true, .. } => "补办手续".to_owned(),
        SideEvent::DutyDone { variant: false, .. } => "补交容缺材料".to_owned(),
        SideEvent::Review { upheld: None } => "申请复核".to_owned(),
        SideEvent::Review { upheld: Some(true) } => "复核答复：异议成立".to_owned(),
        SideEvent::Review { upheld: Some(false) } => "复核答复：维持退回".to_owned(),
        SideEvent::FollowedUp { .. } => "回访".to_owned(),
        SideEvent::AlertAnswered { .. } => "预警回复".to_owned(),
        SideEvent::AlertAppealed { .. } => "预警申诉".to_owned(),
        SideEvent::AlertReviewed { revoked: true, .. } => "预警核销".to_owned(),
        SideEvent::AlertReviewed { revoked: false, .. } => "预警维持".to_owned(),
        SideEvent::OrderIssued { .. } => "督办".to_owned(),
        SideEvent::OrderAnswered { .. } => "督办反馈".to_owned(),
        SideEvent::FeePaid(_) => "已缴款".to_owned(),
        SideEvent::RefundRequested { .. } => "申请退付".to_owned(),
        SideEvent::RefundDecided { approved: true, .. } => "同意退付".to_owned(),
        SideEvent::RefundDecided { approved: false, .. } => "不同意退付".to_owned(),
        SideEvent::RefundPaid { .. } => "已退付".to_owned(),
        SideEvent::DocumentVoided { kind, .. } => format!("{}作废", kind.term()),
    }
}

/// A rating in words, from 1 to 5 in the order of GB/T 39046-2020.
#[must_use]
pub fn satisfaction(value: u32) -> &'static str {
    match value {
        1 => "非常不满意",
        2 => "不满意",
        3 => "基本满意",
        4 => "满意",
        5 => "非常满意",
        _ => "未评价",
    }
}

/// What the applicant has to do next, if anything.
#[must_use]
pub fn next_for_applicant(case: &Case) -> String {
    match case.state() {
        CaseState::Correcting => match case.correction().and_then(|correction| correction.until) {
            Some(until) => {
                format!("请在{}前按一次性告知书补正材料，逾期未补正的将作退回件处理。", date_words(until))
            }
            None => "请按一次性告知书补正材料，截止日期另行告知。".to_owned(),
        },
        CaseState::Preliminary if case.preliminary() == Some(Preliminary::Answered) => {
            "窗口已经答复预申报，请按答复补充材料后正式申请。".to_owned()
        }
        CaseState::AwaitingDelivery(Outcome::Approved) => "结果已经作出，请领取或者等待送达。".to_owned(),
        CaseState::AwaitingDelivery(_) => {
            "答复已经作出，请领取通知书；不服的，可以依法申请行政复议或者提起行政诉讼。".to_owned()
        }
        CaseState::Returned => {
            "可以按退回件通知书的说明重新申请；有异议的，自收到之日起10个工作日内可以申请复核。".to_owned()
        }
        CaseState::Concluded | CaseState::Denied | CaseState::NotAccepted if case.rating().is_none() => {
            "请对本次服务作出评价。".to_owned()
        }
        _ => String::new(),
    }
}
