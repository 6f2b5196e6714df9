//! What a person asks for: opening a case, and the actions of `ActRequest`.

use jiff::civil::Date;
use sanji_log::{AttachmentId, AttachmentRef, Hash, RequestId, StationCode};

use super::action::Action;
use super::body::{
    Body, DeliveryMethod, FaultKind, FollowUp, Mandate, Mark, MaterialProvided, Opinion, ReturnReason, Visit,
};
use super::document::DocumentKind;
use super::fee::{FeeInput, PaymentInput};
use super::private::Private;
use crate::code::{DepartmentCode, ItemCode, StaffId, StageId};
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
    /// The variant that the applicant asks for, from 1; 0: none.
    pub variant: u32,
    /// Why it is urgent; empty: it is not.
    pub urgent_reason: String,
    /// A draft for checking (预申报).
    pub preliminary: bool,
}

/// A material that may follow (容缺), as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToleratedInput {
    /// Position in the item's list, from 0.
    pub material: u32,
    /// Last day to hand it in; none: as long as an applicant has for a correction.
    pub until: Option<Date>,
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
    Accept {
        /// 容缺: optional materials that may follow.
        tolerated: Vec<ToleratedInput>,
    },
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
        /// Day on which an outside body answered; none: today, where one acts.
        answered_on: Option<Date>,
        /// Which of the stages that run in parallel; none: the actor's first.
        stage: Option<StageId>,
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
        /// Day on which an outside body decided; none: today, where one does.
        answered_on: Option<Date>,
        /// Which of the stages that run in parallel; none: the actor's first.
        stage: Option<StageId>,
    },
    /// 退回
    Return {
        /// Why.
        reason: ReturnReason,
        /// Why, in words.
        words: String,
        /// Law or policy.
        basis: String,
        /// What the applicant can do now.
        what_now: String,
        /// Materials that go back.
        materials_back: Vec<MaterialInput>,
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
    ConfirmWithdrawal {
        /// Materials that go back.
        materials_back: Vec<MaterialInput>,
    },
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
    /// 回访
    FollowUp {
        /// What was done.
        what: FollowUp,
        /// What was said or put right.
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

    /// 开具缴款通知
    IssueFee {
        /// What is charged.
        lines: Vec<FeeInput>,
    },
    /// 登记缴款
    RegisterPayment(PaymentInput),
    /// 作废缴款通知
    VoidFee {
        /// Why.
        reason: String,
    },
    /// 逾期未缴，视为放弃
    AbandonFee,
    /// 申请退付
    RequestRefund {
        /// Number of the notice; 0: the one that was paid.
        notice: u32,
        /// In fen.
        amount_fen: u64,
        /// Why.
        reason: String,
        /// Account of the payer.
        account: String,
    },
    /// 审批退付
    DecideRefund {
        /// Number of the notice; 0: the one that waits.
        notice: u32,
        /// Whether the money goes back.
        approved: bool,
        /// Why not; may be empty where approved.
        words: String,
    },
    /// 登记退付
    RegisterRefund {
        /// Number of the notice; 0: the one that was approved.
        notice: u32,
        /// Number of the bank's receipt.
        receipt_number: String,
    },

    /// 当场办结
    FinishAtOnce {
        /// What was found.
        words: String,
        /// Number of the document; empty: none.
        document_number: String,
        /// Name of the person who signed; empty: delivered later.
        receiver: String,
        /// How it is delivered; unknown: in person.
        method: DeliveryMethod,
    },
    /// 选用简易或紧急程序
    ChooseVariant {
        /// Position in the item's list, from 1.
        variant: u32,
        /// Which of its conditions is met.
        reason: String,
    },
    /// 登记报送
    SendUp {
        /// Name of the outside body; empty: the one of the stage.
        body: String,
        /// None: today.
        sent_on: Option<Date>,
        /// Its number there; empty: not known yet.
        outside_number: String,
    },
    /// 登记催办 of an outside body
    Chase {
        /// None: today.
        on: Option<Date>,
        /// How, and with what answer.
        words: String,
    },
    /// 登记批复
    RegisterAnswer {
        /// None: today.
        answered_on: Option<Date>,
        /// Number of the answer.
        outside_number: String,
        /// Whether it agrees.
        approved: bool,
        /// Why not; required where it does not.
        words: String,
    },
    /// 批准再次补正
    AllowSecondCorrection {
        /// Why.
        reason: String,
    },
    /// 当场更正
    CorrectAtOnce {
        /// Materials that replace those of the same position.
        materials: Vec<MaterialInput>,
        /// Answers that replace those of the same field.
        answers: Vec<(String, String)>,
        /// The attachments that were stored for it.
        attachments: Vec<StoredAttachment>,
    },
    /// 转其他窗口（部门）办理
    Transfer {
        /// To whom.
        department: DepartmentCode,
        /// Why.
        reason: String,
    },
    /// 重新征求意见
    ConsultAgain {
        /// Why, and what is to be looked at.
        words: String,
    },
    /// 答复预申报
    AnswerPreliminary {
        /// Everything that is missing.
        faults: Vec<FaultInput>,
        /// A remark; may be empty.
        words: String,
    },
    /// 预申报转为正式申请
    SubmitPreliminary {
        /// Materials that replace those of the same position.
        materials: Vec<MaterialInput>,
        /// Answers that replace those of the same field.
        answers: Vec<(String, String)>,
        /// The attachments that were stored for it.
        attachments: Vec<StoredAttachment>,
    },
    /// 标注紧急件、重点项目件
    SetMark {
        /// Which.
        mark: Mark,
        /// Takes it away.
        remove: bool,
        /// Why.
        reason: String,
        /// Day until which it shall be finished.
        until: Option<Date>,
    },
    /// 抄告反馈
    AnswerCopy {
        /// What was found.
        opinion: Opinion,
        /// The opinion in words.
        words: String,
        /// None: the actor's first.
        stage: Option<StageId>,
    },
    /// 抄告单签收
    SignForCopy {
        /// None: the actor's first.
        stage: Option<StageId>,
    },
    /// 联合踏勘
    RecordVisit {
        /// What is arranged, or took place.
        visit: Visit,
        /// Minutes, or a remark.
        words: String,
        /// The attachments that were stored for it.
        attachments: Vec<StoredAttachment>,
    },
    /// 补齐容缺材料、补办手续
    FinishDuty {
        /// What the variant leaves.
        variant: bool,
        /// What was done.
        words: String,
        /// What was handed in.
        materials: Vec<MaterialInput>,
        /// The attachments that were stored for it.
        attachments: Vec<StoredAttachment>,
    },
    /// 申请复核
    AskReview {
        /// Why.
        words: String,
    },
    /// 答复复核
    AnswerReview {
        /// Whether the objection is right.
        upheld: bool,
        /// The answer.
        words: String,
    },
    /// 文书作废
    VoidDocument {
        /// The entry of the step that issued it.
        step: Hash,
        /// Which of its documents.
        kind: DocumentKind,
        /// Why.
        reason: String,
        /// A new number takes its place.
        replace: bool,
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

impl Command {
    /// Which action it is.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::Accept { .. } => Action::Accept,
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
            Self::ConfirmWithdrawal { .. } => Action::ConfirmWithdrawal,
            Self::Rate { .. } => Action::Rate,
            Self::Extend(_) => Action::Extend,
            Self::Reclaim { .. } => Action::Reclaim,
            Self::HandOver { .. } => Action::HandOver,
            Self::CheckSuperseded { .. } => Action::CheckSuperseded,
            Self::FollowUp { .. } => Action::FollowUp,
            Self::AnswerAlert { .. } => Action::AnswerAlert,
            Self::AppealAlert { .. } => Action::AppealAlert,
            Self::ReviewAlert { revoked: true, .. } => Action::RevokeAlert,
            Self::ReviewAlert { revoked: false, .. } => Action::UpholdAlert,
            Self::IssueOrder { .. } => Action::IssueOrder,
            Self::AnswerOrder { .. } => Action::AnswerOrder,
            Self::IssueFee { .. } => Action::IssueFee,
            Self::RegisterPayment(_) => Action::RegisterPayment,
            Self::VoidFee { .. } => Action::VoidFee,
            Self::AbandonFee => Action::AbandonFee,
            Self::RequestRefund { .. } => Action::RequestRefund,
            Self::DecideRefund { .. } => Action::DecideRefund,
            Self::RegisterRefund { .. } => Action::RegisterRefund,
            Self::FinishAtOnce { .. } => Action::FinishAtOnce,
            Self::ChooseVariant { .. } => Action::ChooseVariant,
            Self::SendUp { .. } => Action::SendUp,
            Self::Chase { .. } => Action::Chase,
            Self::RegisterAnswer { .. } => Action::RegisterAnswer,
            Self::AllowSecondCorrection { .. } => Action::AllowSecondCorrection,
            Self::CorrectAtOnce { .. } => Action::CorrectAtOnce,
            Self::Transfer { .. } => Action::Transfer,
            Self::ConsultAgain { .. } => Action::ConsultAgain,
            Self::AnswerPreliminary { .. } => Action::AnswerPreliminary,
            Self::SubmitPreliminary { .. } => Action::SubmitPreliminary,
            Self::SetMark { .. } => Action::SetMark,
            Self::AnswerCopy { .. } => Action::AnswerCopy,
            Self::SignForCopy { .. } => Action::SignForCopy,
            Self::RecordVisit { .. } => Action::RecordVisit,
            Self::FinishDuty { .. } => Action::FinishDuty,
            Self::AskReview { .. } => Action::AskReview,
            Self::AnswerReview { .. } => Action::AnswerReview,
            Self::VoidDocument { .. } => Action::VoidDocument,
        }
    }
}
