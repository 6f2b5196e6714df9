//! What a side entry says: the checked form of `CaseSide`.

use jiff::civil::Date;
use sanji_log::{AttachmentId, Hash, RequestId, StationCode};
use serde::{Deserialize, Serialize};

use super::body::{ActorFacts, DeliveryMethod, FollowUp, Mark, MaterialProvided, Opinion};
use super::document::{DocumentIssued, DocumentKind};
use super::fee::Payment;
use crate::code::{DepartmentCode, StaffId, StageId};
use crate::limit::Limit;
use crate::supervision::{AlertKey, Level, Office};

/// Something said beside the route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Who said it.
    pub actor: ActorFacts,
    /// The command that it answers.
    pub request: Option<RequestId>,
    /// What was said.
    pub event: SideEvent,
}

/// What was said beside the route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SideEvent {
    /// A remark.
    Note,
    /// 催办
    Reminder {
        /// The station that is reminded.
        station: StationCode,
    },
    /// 撤回申请: takes effect when the holder confirms it.
    WithdrawalRequested,
    /// 评价
    Rating {
        /// 1 (worst) to 5 (best), in the order of GB/T 39046-2020.
        satisfaction: u32,
    },
    /// The time of an entry that came from below can't be right.
    TimeNoted(TimeNoted),
    /// 延长办理期限
    Extended(Extended),
    /// A person has looked at a step that was superseded.
    SupersededChecked {
        /// The entry that holds the step.
        step: Hash,
        /// What the step did was done again.
        redone: bool,
    },
    /// 回访: what was done about a bad rating.
    FollowedUp {
        /// What.
        what: FollowUp,
    },

    /// 预警回复
    AlertAnswered {
        /// The alert.
        alert: AlertKey,
        /// The level that it had then.
        level: Option<Level>,
    },
    /// 预警申诉
    AlertAppealed {
        /// The alert.
        alert: AlertKey,
        /// The level that it had then.
        level: Option<Level>,
    },
    /// 预警核销 or 维持
    AlertReviewed {
        /// The alert.
        alert: AlertKey,
        /// The level that it had then.
        level: Option<Level>,
        /// 核销
        revoked: bool,
    },
    /// 督办单
    OrderIssued {
        /// The office that must answer.
        office: Office,
        /// Last day to answer.
        until: Date,
    },
    /// 督办反馈
    OrderAnswered {
        /// The entry that issued the order.
        order: Hash,
    },
    /// Of a newer release.
    Unknown,
    /// 登记缴款 elsewhere than in a stage of payment.
    FeePaid(Payment),
    /// 申请退付
    RefundRequested {
        /// Number of the notice.
        notice: u32,
        /// In fen.
        amount_fen: u64,
    },
    /// 审批退付
    RefundDecided {
        /// Number of the notice.
        notice: u32,
        /// Whether the money goes back.
        approved: bool,
    },
    /// 登记退付
    RefundPaid {
        /// Number of the notice.
        notice: u32,
        /// Number of the bank's receipt.
        receipt_number: String,
    },
    /// The case is put first, or no longer.
    Marked {
        /// Why.
        mark: Mark,
        /// False: the mark is taken away.
        set: bool,
        /// The day until which it shall be finished.
        until: Option<Date>,
    },
    /// A consulted department has looked at its copy, or answers it while another station holds the case.
    Consulted {
        /// The department's stage.
        stage: StageId,
        /// Rev of the step by which the case came into the stages that run in parallel; 0 before that.
        round: u32,
        /// What it found; none: signed for only.
        opinion: Option<Opinion>,
    },
    /// 联合踏勘
    Visit(Visit),
    /// Something that was left to be made up is done.
    DutyDone {
        /// What the variant leaves.
        variant: bool,
        /// Materials that had been tolerated missing.
        materials: Vec<MaterialProvided>,
    },
    /// 复核 of a returned case.
    Review {
        /// Whether the objection is right; none: it is asked for.
        upheld: Option<bool>,
    },
    /// The number of a document is void.
    DocumentVoided {
        /// The entry of the step that issued it.
        step: Hash,
        /// Which of its documents.
        kind: DocumentKind,
        /// What takes its place.
        replacement: Option<DocumentIssued>,
    },
}

/// A joint visit to the place (联合踏勘): arranged, or held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// The day.
    pub on: Date,
    /// Where.
    pub place: String,
    /// Departments that are asked to come, or came.
    pub departments: Vec<DepartmentCode>,
    /// Whether it took place.
    pub held: bool,
    /// Who came.
    pub attended: Vec<StaffId>,
    /// Photographs and the signed minutes.
    pub attachments: Vec<AttachmentId>,
}

/// What a station noticed of the time of an entry which a station below handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeNoted {
    /// The entry.
    pub entry: Hash,
    /// When it was received, by the clock of the station that notes it: milliseconds since 1970-01-01 UTC.
    pub received_ms: u64,
    /// The station that handed it over.
    pub from: StationCode,
    /// That station's clock minus the clock of the station that notes it, in milliseconds.
    pub offset_ms: i64,
}

/// An extension of the limits of a case. It counts if it came before the promise had ended, and only the first does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extended {
    /// By how much.
    pub limit: Limit,
    /// The promise before it; none: in a year whose working days nobody knew then.
    pub promised_until: Option<Date>,
    /// The promise after it; none: likewise.
    pub extended_until: Option<Date>,
    /// Day on which the applicant was told in writing.
    pub told_on: Date,
    /// How the applicant was told.
    pub told_by: DeliveryMethod,
    /// Number of a government's approval; empty: the actor approves.
    pub approval_number: String,
    /// Title and article.
    pub basis: String,
}

impl SideEvent {
    /// The name that programs use, for example `note`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Reminder { .. } => "reminder",
            Self::WithdrawalRequested => "withdrawal_requested",
            Self::Rating { .. } => "rating",
            Self::TimeNoted(_) => "time_noted",
            Self::Extended(_) => "extended",
            Self::SupersededChecked { .. } => "superseded_checked",
            Self::FollowedUp { .. } => "followed_up",
            Self::AlertAnswered { .. } => "alert_answered",
            Self::AlertAppealed { .. } => "alert_appealed",
            Self::AlertReviewed { .. } => "alert_reviewed",
            Self::OrderIssued { .. } => "order_issued",
            Self::OrderAnswered { .. } => "order_answered",
            Self::Unknown => "unknown",
            Self::FeePaid(_) => "fee_paid",
            Self::RefundRequested { .. } => "refund_requested",
            Self::RefundDecided { .. } => "refund_decided",
            Self::RefundPaid { .. } => "refund_paid",
            Self::Marked { .. } => "marked",
            Self::Consulted { opinion: None, .. } => "copy_signed_for",
            Self::Consulted { opinion: Some(_), .. } => "copy_answered",
            Self::Visit(Visit { held: false, .. }) => "visit_arranged",
            Self::Visit(Visit { held: true, .. }) => "visit_held",
            Self::DutyDone { .. } => "duty_done",
            Self::Review { upheld: None } => "review_asked",
            Self::Review { upheld: Some(_) } => "review_answered",
            Self::DocumentVoided { .. } => "document_voided",
        }
    }

    /// The law or document that it names; empty: none.
    #[must_use]
    pub fn basis(&self) -> &str {
        match self {
            Self::Extended(extended) => &extended.basis,
            _ => "",
        }
    }
}
