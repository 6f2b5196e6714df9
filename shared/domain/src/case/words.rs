//! What screens, prints and replies call things, in the words of the service hall.

use jiff::civil::Date;

use super::body::{Body, Side, SideEvent, Step, StepEvent};
use super::state::Case;
use super::summary::{CaseState, Outcome};
use crate::catalogue::Item;
use crate::code::StageId;

impl CaseState {
    /// The words on a list.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Incomplete => "资料未到齐",
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
        Body::Side(side) => side_title(side).to_owned(),
    }
}

/// Title of a step in the progress view.
#[must_use]
pub fn step_title(step: &Step, item: Option<&Item>) -> String {
    let stage =
        |id: &StageId| item.and_then(|item| item.stage(id)).map_or_else(|| id.to_string(), |stage| stage.name.clone());
    match &step.event {
        StepEvent::Submitted(_) => "登记申请".to_owned(),
        StepEvent::Accepted { deemed: false } => "受理".to_owned(),
        StepEvent::Accepted { deemed: true } => "依法视为受理".to_owned(),
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
        StepEvent::Withdrawn => "撤回".to_owned(),
        StepEvent::Delivered { method, .. } => method.term().to_owned(),
        StepEvent::Reclaimed { .. } => "收回办理".to_owned(),
        StepEvent::HandedOver { .. } => "移交办理".to_owned(),
        StepEvent::TacitlyApproved { stage: id, due, .. } => {
            format!("超时默认：{}逾期（应于{}前办结），视为同意", stage(id), date_words(*due))
        }
        StepEvent::Unknown => "新版本步骤（本站软件需要升级）".to_owned(),
    }
}

/// Title of a side entry in the progress view.
#[must_use]
pub fn side_title(side: &Side) -> &'static str {
    match side.event {
        SideEvent::Note => "备注",
        SideEvent::Reminder { .. } => "催办",
        SideEvent::WithdrawalRequested => "申请撤回",
        SideEvent::Rating { .. } => "评价",
        SideEvent::TimeNoted(_) => "时间更正（站点时钟不准）",
        SideEvent::Extended(_) => "延长办理期限",
        SideEvent::SupersededChecked { .. } => "核对被取代的步骤",
        SideEvent::AlertAnswered { .. } => "预警回复",
        SideEvent::AlertAppealed { .. } => "预警申诉",
        SideEvent::AlertReviewed { revoked: true, .. } => "预警核销",
        SideEvent::AlertReviewed { revoked: false, .. } => "预警维持",
        SideEvent::OrderIssued { .. } => "督办",
        SideEvent::OrderAnswered { .. } => "督办反馈",
        SideEvent::Unknown => "新版本记录（本站软件需要升级）",
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
        CaseState::AwaitingDelivery(Outcome::Approved) => "结果已经作出，请领取或者等待送达。".to_owned(),
        CaseState::AwaitingDelivery(_) => {
            "答复已经作出，请领取通知书；不服的，可以依法申请行政复议或者提起行政诉讼。".to_owned()
        }
        CaseState::Returned => "可以按退回件通知书的说明重新申请。".to_owned(),
        CaseState::Concluded | CaseState::Denied | CaseState::NotAccepted if case.rating().is_none() => {
            "请对本次服务作出评价。".to_owned()
        }
        _ => String::new(),
    }
}
