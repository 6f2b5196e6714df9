//! What screens, prints and replies call things.

use super::body::{MatterEvent, MatterSideEvent};
use super::state::MatterState;

impl MatterState {
    /// The words on a list.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Incomplete => "资料未到齐",
            Self::Registered => "待受理",
            Self::Accepted => "已受理",
            Self::Assigned => "调查中",
            Self::Investigated => "待答复",
            Self::Concluded(_) => "已办结",
            Self::Refused => "不予受理",
            Self::Sent => "报送中",
            Self::Opened => "区中心已收到",
            Self::Asked => "待答复",
            Self::Answered => "已答复",
            Self::Issued => "整改中",
            Self::Reported => "待验收",
            Self::SentBack => "退回重改",
            Self::Closed => "已销号",
            Self::Running => "进行中",
            Self::Published => "已公布",
            Self::Cancelled => "已撤销",
        }
    }
}

/// Title of a step on a screen.
#[must_use]
pub fn title(event: &MatterEvent) -> String {
    match event {
        MatterEvent::ComplaintRegistered(complaint) => format!("登记投诉（{}）", complaint.way.term()),
        MatterEvent::ComplaintAccepted => "受理".to_owned(),
        MatterEvent::ComplaintRefused => "不予受理".to_owned(),
        MatterEvent::ComplaintAssigned { .. } => "交办".to_owned(),
        MatterEvent::ComplaintInvestigated { finding } => format!("调查结果：{}", finding.term()),
        MatterEvent::ComplaintConcluded { finding, propose_suspension } => {
            let suspension = if *propose_suspension { "，建议待岗" } else { "" };
            format!("办结：{}{suspension}", finding.term())
        }
        MatterEvent::LetterSent { .. } => "登记投诉，密封报送区中心".to_owned(),
        MatterEvent::LetterOpened => "区中心已收到并另行办理".to_owned(),
        MatterEvent::QuestionAsked(question) => format!("提出咨询（{}）", question.way.term()),
        MatterEvent::QuestionAnswered { public_answer, .. } if public_answer.is_empty() => "答复".to_owned(),
        MatterEvent::QuestionAnswered { .. } => "答复并公开".to_owned(),
        MatterEvent::RectificationIssued(issued) => format!("下发整改（{}）", issued.source.term()),
        MatterEvent::RectificationReported { .. } => "报送整改情况".to_owned(),
        MatterEvent::RectificationSentBack { .. } => "退回重改".to_owned(),
        MatterEvent::RectificationClosed => "验收销号".to_owned(),
        MatterEvent::SurveyOpened(_) => "开始调查".to_owned(),
        MatterEvent::SurveyClosed { .. } => "公布结果".to_owned(),
        MatterEvent::Unknown => "其他办理（需升级软件查看）".to_owned(),
    }
}

/// Title of a side entry on a screen; none: it is not shown one by one.
#[must_use]
pub fn side_title(event: &MatterSideEvent) -> Option<&'static str> {
    Some(match event {
        MatterSideEvent::Note => "备注",
        MatterSideEvent::Reminded { .. } => "催办",
        MatterSideEvent::Rated { satisfied: true } => "反映人表示满意",
        MatterSideEvent::Rated { satisfied: false } => "反映人表示不满意",
        MatterSideEvent::Cancelled => "撤销",
        MatterSideEvent::SurveyAnswered { .. } => return None,
        MatterSideEvent::Unknown => "其他记录（需升级软件查看）",
    })
}

/// Title of a step for whoever complained or asked: what was found and by whom it was looked into is told in the
/// reply alone.
#[must_use]
pub fn public_title(event: &MatterEvent) -> &'static str {
    match event {
        MatterEvent::ComplaintRegistered(_) | MatterEvent::LetterSent { .. } => "已登记",
        MatterEvent::ComplaintAccepted => "已受理",
        MatterEvent::ComplaintRefused => "不予受理",
        MatterEvent::ComplaintAssigned { .. } => "已交有关单位调查",
        MatterEvent::ComplaintInvestigated { .. } => "调查结束，正在处理",
        MatterEvent::ComplaintConcluded { .. } => "已办结",
        MatterEvent::LetterOpened => "区中心已收到",
        MatterEvent::QuestionAsked(_) => "已提交",
        MatterEvent::QuestionAnswered { .. } => "已答复",
        _ => "有新的进展",
    }
}
