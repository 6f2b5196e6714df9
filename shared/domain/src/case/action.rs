//! The names of the actions: what a desk offers, in its order, and what kind of action each is.

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
    /// Records what was done about a bad rating.
    FollowUp = "follow_up" "回访",
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
    /// Says what is to be paid.
    IssueFee = "issue_fee" "开具缴款通知",
    /// Registers the bank's receipt.
    RegisterPayment = "register_payment" "登记缴款",
    /// Takes a notice back.
    VoidFee = "void_fee" "作废缴款通知",
    /// Ends a case whose fee was not paid.
    AbandonFee = "abandon_fee" "逾期未缴，视为放弃",
    /// Asks for a refund.
    RequestRefund = "request_refund" "申请退付",
    /// Approves a refund.
    DecideRefund = "decide_refund" "审批退付",
    /// Registers that it was paid back.
    RegisterRefund = "register_refund" "登记退付",
    /// Accepts, decides and delivers what is done at once.
    FinishAtOnce = "finish_at_once" "当场办结",
    /// Uses an easier or urgent procedure.
    ChooseVariant = "choose_variant" "选用程序",
    /// Records that it was sent to an outside body.
    SendUp = "send_up" "登记报送",
    /// Records that the outside body was asked.
    Chase = "chase" "登记外部催办",
    /// Records what the higher authority answered.
    RegisterAnswer = "register_answer" "登记批复",
    /// Gives leave for one more correction.
    AllowSecondCorrection = "allow_second_correction" "批准再次补正",
    /// Puts a mistake right while the applicant waits.
    CorrectAtOnce = "correct_at_once" "当场更正",
    /// Hands the stage to another window.
    Transfer = "transfer" "转其他窗口",
    /// Asks the departments that disagree once more.
    ConsultAgain = "consult_again" "重新征求意见",
    /// Says what a draft lacks.
    AnswerPreliminary = "answer_preliminary" "答复预申报",
    /// Makes a draft an application.
    SubmitPreliminary = "submit_preliminary" "转为正式申请",
    /// Puts it first.
    SetMark = "set_mark" "标注急办、重点",
    /// Answers as a consulted department.
    AnswerCopy = "answer_copy" "抄告反馈",
    /// Signs for a copy.
    SignForCopy = "sign_for_copy" "签收抄告单",
    /// Arranges or records a joint visit.
    RecordVisit = "record_visit" "联合踏勘",
    /// Makes up what was left.
    FinishDuty = "finish_duty" "补齐材料、手续",
    /// Objects to a return.
    AskReview = "ask_review" "申请复核",
    /// Answers an objection.
    AnswerReview = "answer_review" "答复复核",
    /// Makes the number of a document void.
    VoidDocument = "void_document" "文书作废",
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
        let aside = matches!(
            self,
            Self::RequestWithdrawal
                | Self::Remind
                | Self::AddNote
                | Self::Rate
                | Self::FollowUp
                | Self::Extend
                | Self::CheckSuperseded
                | Self::SetMark
                | Self::AnswerCopy
                | Self::SignForCopy
                | Self::RecordVisit
                | Self::FinishDuty
                | Self::AskReview
                | Self::AnswerReview
                | Self::VoidDocument
        ) || self.is_supervision();
        let money =
            matches!(self, Self::RegisterPayment | Self::RequestRefund | Self::DecideRefund | Self::RegisterRefund);
        !aside && !money
    }

    /// Whether it is about fees, which have rules of their own on whose turn it is.
    pub(super) fn is_fee(self) -> bool {
        matches!(
            self,
            Self::IssueFee
                | Self::RegisterPayment
                | Self::VoidFee
                | Self::AbandonFee
                | Self::RequestRefund
                | Self::DecideRefund
                | Self::RegisterRefund
        )
    }
}
