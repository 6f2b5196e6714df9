//! What a person asks for: opening a case, and the actions of `ActRequest`.

use jiff::civil::Date;
use sanji_log::{AttachmentId, AttachmentRef, Hash, RequestId, StationCode};

use super::body::{Body, DeliveryMethod, FaultKind, Mandate, MaterialProvided, Opinion, ReturnReason};
use super::private::Private;
use crate::code::{ItemCode, StaffId};
use crate::supervision::Office;

/// What a rule gives for one new entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it says in the clear.
    pub body: Body,
    /// What is to be sealed; none: nothing.
    pub private: Option<Private>,
    /// The attachments that it refers to.
    pub attachments: Vec<AttachmentRef>,
    /// Whether it opens its case.
    pub opens_case: bool,
}

/// An attachment that has been stored and that a command may refer to.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredAttachment {
    /// As an entry names it.
    pub reference: AttachmentRef,
    /// Its name as handed in.
    pub file_name: String,
    /// For example `image/jpeg`.
    pub media_type: String,
}

/// A material as handed in.
pub type MaterialInput = MaterialProvided;

/// The applicant as typed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApplicantInput {
    /// Official name.
    pub name: String,
    /// Citizen identity number or unified social credit code.
    pub id_number: String,
    /// Empty: not given.
    pub telephone: String,
    /// Empty: not given.
    pub address: String,
}

/// An application to be opened as a case.
#[derive(Clone, PartialEq, Eq)]
pub struct Submission {
    /// The caller's request.
    pub request: RequestId,
    /// The item applied for.
    pub item: ItemCode,
    /// Who applies.
    pub applicant: ApplicantInput,
    /// Answers of the form: label of the field and value.
    pub answers: Vec<(String, String)>,
    /// What was handed in.
    pub materials: Vec<MaterialInput>,
    /// The mandate of the agent; none: the applicant came in person.
    pub mandate: Option<Mandate>,
    /// The two witnesses where the applicant can't write; empty: signed in person.
    pub witnesses: String,
    /// The applicant's village; none: this station, if it is one.
    pub village: Option<StationCode>,
    /// Six digits, made outside from randomness.
    pub query_code: String,
    /// The attachments that were stored for this request.
    pub attachments: Vec<StoredAttachment>,
}

/// One thing that is wrong with an application, as typed.
#[derive(Clone, PartialEq, Eq)]
pub struct FaultInput {
    /// Position in the item's list, from 0, or [`Fault::FORM`](super::Fault::FORM).
    pub material: u32,
    /// What is wrong.
    pub kind: FaultKind,
    /// What has to be done.
    pub requirement: String,
}

/// An action on a case, as in `ActRequest`.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// 受理
    Accept,
    /// 不予受理
    RefuseAcceptance {
        /// Why.
        reason: String,
        /// Title and article.
        basis: String,
        /// Empty: no office is.
        competent_office: String,
    },
    /// 一次性告知补正
    RequestCorrection {
        /// Everything that is wrong.
        faults: Vec<FaultInput>,
    },
    /// 补正
    SupplyCorrection {
        /// Materials that replace those of the same position.
        materials: Vec<MaterialInput>,
        /// Answers that replace those of the same field.
        answers: Vec<(String, String)>,
        /// The attachments that were stored for it.
        attachments: Vec<StoredAttachment>,
    },
    /// 完成当前环节
    FinishStage {
        /// What was found.
        opinion: Opinion,
        /// The opinion in words.
        words: String,
        /// Number of an outside body's document or of a bank's receipt.
        outside_number: String,
        /// Those who took part besides the actor.
        together_with: Vec<StaffId>,
        /// Materials that came in with it.
        materials: Vec<MaterialInput>,
        /// The attachments that were stored for it.
        attachments: Vec<StoredAttachment>,
    },
    /// 张贴公示
    PostPublicity {
        /// Where; empty: as the item says.
        place: String,
        /// Photographs of it.
        photographs: Vec<AttachmentId>,
        /// The attachments that were stored for it.
        attachments: Vec<StoredAttachment>,
    },
    /// 公示期满
    EndPublicity {
        /// Whether somebody objected.
        objection: bool,
        /// What was objected.
        words: String,
    },
    /// 进入特别程序
    Suspend {
        /// Kind as in the item.
        kind: String,
        /// Why.
        reason: String,
        /// How long it will take, in the unit of the item's procedure; 0: as long as the item allows.
        expected_days: u32,
        /// Day on which the applicant was told in writing; none: today.
        told_on: Option<Date>,
    },
    /// 恢复计时
    Resume {
        /// Number of a report; empty: none.
        outside_number: String,
    },
    /// 准予 or 不予
    Decide {
        /// 准予
        approved: bool,
        /// Why; required where not approved.
        reason: String,
        /// Title and article; required where not approved.
        basis: String,
        /// Position in the item's `refuse_when`, from 1; 0: none.
        ground: u32,
        /// Number of the document; empty: none.
        document_number: String,
    },
    /// 退回
    Return {
        /// Why.
        reason: ReturnReason,
        /// Why, in words.
        words: String,
        /// Law or policy.
        basis: String,
    },
    /// 送达
    Deliver {
        /// How.
        method: DeliveryMethod,
        /// Name of the person who signed.
        receiver: String,
        /// Day of signature; none: today.
        signed_on: Option<Date>,
    },
    /// A remark.
    AddNote {
        /// The remark.
        words: String,
    },
    /// 催办
    Remind,
    /// 申请撤回
    RequestWithdrawal {
        /// Why; may be empty.
        words: String,
    },
    /// 同意撤回
    ConfirmWithdrawal,
    /// 评价
    Rate {
        /// 1 (worst) to 5 (best).
        satisfaction: u32,
        /// May be empty.
        words: String,
    },
    /// 延长办理期限
    Extend(ExtensionInput),
    /// 收回
    Reclaim {
        /// Why.
        reason: String,
    },
    /// 移交
    HandOver {
        /// To which station on the way; none: not a division code.
        to: Option<StationCode>,
        /// Why.
        reason: String,
    },
    /// 核对被取代的步骤
    CheckSuperseded {
        /// The entry that holds the step.
        step: Hash,
        /// What it did was done again.
        redone: bool,
        /// What was found.
        words: String,
    },
    /// 预警回复
    AnswerAlert {
        /// The alert, as text.
        alert: String,
        /// How it came about and what is done.
        words: String,
    },
    /// 预警申诉
    AppealAlert {
        /// The alert, as text.
        alert: String,
        /// Why it is wrong.
        words: String,
    },
    /// 预警审核: 核销 or 维持
    ReviewAlert {
        /// The alert, as text.
        alert: String,
        /// 核销
        revoked: bool,
        /// Why.
        words: String,
    },
    /// 督办
    IssueOrder {
        /// The office that must answer; none: the one whose turn it is.
        office: Option<Office>,
        /// Last day to answer.
        until: Date,
        /// What is ordered.
        words: String,
    },
    /// 督办反馈
    AnswerOrder {
        /// The entry that issued the order.
        order: Hash,
        /// What was done.
        words: String,
    },
}

/// An extension as entered.
#[derive(Clone, PartialEq, Eq)]
pub struct ExtensionInput {
    /// Why.
    pub reason: String,
    /// How the applicant was told in writing.
    pub told_by: DeliveryMethod,
    /// When; none: today.
    pub told_on: Option<Date>,
    /// Number of a government's approval; may be empty.
    pub approval_number: String,
}

macro_rules! actions {
    ($($(#[$meta:meta])* $variant:ident = $name:literal $title:literal,)+) => {
        /// The name of a command without its content.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$meta])* #[doc = concat!("(", $title, ")")] $variant,)+
        }

        impl Action {
            /// Every action, in the order in which a desk offers them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name, as in `ActRequest.action`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The words on a button.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

actions! {
    /// Begins the promised limit.
    Accept = "accept" "受理",
    /// Asks for everything that is missing, once.
    RequestCorrection = "request_correction" "一次性告知补正",
    /// Does not accept.
    RefuseAcceptance = "refuse_acceptance" "不予受理",
    /// Ends it without a decision.
    Return = "return" "退回",
    /// Hands in what was asked for.
    SupplyCorrection = "supply_correction" "补正",
    /// Hands on to the next stage.
    FinishStage = "finish_stage" "完成本环节",
    /// Hangs the public notice.
    PostPublicity = "post_publicity" "张贴公示",
    /// Takes it down.
    EndPublicity = "end_publicity" "公示期满",
    /// Stops the clock.
    Suspend = "suspend" "进入特别程序",
    /// Lets it run again.
    Resume = "resume" "恢复计时",
    /// Decides.
    Decide = "decide" "作出决定",
    /// Hands over the result.
    Deliver = "deliver" "送达",
    /// Lets the applicant withdraw.
    ConfirmWithdrawal = "confirm_withdrawal" "同意撤回",
    /// Asks to withdraw.
    RequestWithdrawal = "request_withdrawal" "申请撤回",
    /// Urges the holder on.
    Remind = "remind" "催办",
    /// Adds a remark.
    AddNote = "add_note" "备注",
    /// Rates the service.
    Rate = "rate" "评价",
    /// Extends the limits, once.
    Extend = "extend" "延长办理期限",
    /// Takes the case from a station below that is lost.
    Reclaim = "reclaim" "收回",
    /// Hands the case to another station on its way.
    HandOver = "hand_over" "移交其他站点",
    /// Says that a superseded step was looked at.
    CheckSuperseded = "check_superseded" "核对被取代的步骤",
    /// Answers an alert.
    AnswerAlert = "answer_alert" "回复预警",
    /// Says that an alert is wrong.
    AppealAlert = "appeal_alert" "预警申诉",
    /// Revokes an alert.
    RevokeAlert = "revoke_alert" "核销预警",
    /// Upholds an alert.
    UpholdAlert = "uphold_alert" "维持预警",
    /// Orders an office to act.
    IssueOrder = "issue_order" "督办",
    /// Answers an order.
    AnswerOrder = "answer_order" "督办反馈",
}

impl Action {
    /// Whether it belongs to supervision.
    #[must_use]
    pub fn is_supervision(self) -> bool {
        matches!(
            self,
            Self::AnswerAlert
                | Self::AppealAlert
                | Self::RevokeAlert
                | Self::UpholdAlert
                | Self::IssueOrder
                | Self::AnswerOrder
        )
    }

    /// Whether it moves the case on; the others are said beside its route.
    #[must_use]
    pub fn is_step(self) -> bool {
        !matches!(
            self,
            Self::RequestWithdrawal | Self::Remind | Self::AddNote | Self::Rate | Self::Extend | Self::CheckSuperseded
        ) && !self.is_supervision()
    }
}

impl Command {
    /// Which action it is.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::Accept => Action::Accept,
            Self::RefuseAcceptance { .. } => Action::RefuseAcceptance,
            Self::RequestCorrection { .. } => Action::RequestCorrection,
            Self::SupplyCorrection { .. } => Action::SupplyCorrection,
            Self::FinishStage { .. } => Action::FinishStage,
            Self::PostPublicity { .. } => Action::PostPublicity,
            Self::EndPublicity { .. } => Action::EndPublicity,
            Self::Suspend { .. } => Action::Suspend,
            Self::Resume { .. } => Action::Resume,
            Self::Decide { .. } => Action::Decide,
            Self::Return { .. } => Action::Return,
            Self::Deliver { .. } => Action::Deliver,
            Self::AddNote { .. } => Action::AddNote,
            Self::Remind => Action::Remind,
            Self::RequestWithdrawal { .. } => Action::RequestWithdrawal,
            Self::ConfirmWithdrawal => Action::ConfirmWithdrawal,
            Self::Rate { .. } => Action::Rate,
            Self::Extend(_) => Action::Extend,
            Self::Reclaim { .. } => Action::Reclaim,
            Self::HandOver { .. } => Action::HandOver,
            Self::CheckSuperseded { .. } => Action::CheckSuperseded,
            Self::AnswerAlert { .. } => Action::AnswerAlert,
            Self::AppealAlert { .. } => Action::AppealAlert,
            Self::ReviewAlert { revoked: true, .. } => Action::RevokeAlert,
            Self::ReviewAlert { revoked: false, .. } => Action::UpholdAlert,
            Self::IssueOrder { .. } => Action::IssueOrder,
            Self::AnswerOrder { .. } => Action::AnswerOrder,
        }
    }
}
