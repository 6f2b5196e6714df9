//! Refusals: a rule said no. They are data, not errors: a code for programs, one sentence for the person at the desk,
//! the fields concerned, and the law.

use std::fmt;

/// What kind of no it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalClass {
    /// Something that was entered is wrong or missing.
    Input,
    /// The person may not do this.
    Right,
    /// A rule of the item or of the law forbids it now.
    Rule,
    /// The case has moved on since the person looked at it.
    Stale,
}

macro_rules! codes {
    ($($(#[$meta:meta])* $variant:ident = $name:literal $class:ident,)+) => {
        /// Which rule said no.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RefusalCode {
            $($(#[$meta])* $variant,)+
        }

        impl RefusalCode {
            /// The name that programs see.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The kind of no.
            #[must_use]
            pub fn class(self) -> RefusalClass {
                match self { $(Self::$variant => RefusalClass::$class,)+ }
            }
        }
    };
}

codes! {
    /// Fields are missing or wrong; `fields` names each.
    InvalidInput = "invalid_input" Input,
    /// Mandatory materials are missing.
    MaterialMissing = "material_missing" Input,
    /// Something that is given names an attachment that nobody stored.
    AttachmentUnknown = "attachment_unknown" Input,
    /// A refusal, return or suspension without its reason.
    ReasonMissing = "reason_missing" Input,
    /// A refusal or return without its legal basis.
    BasisMissing = "basis_missing" Input,
    /// Public notice without a photograph.
    PhotographMissing = "photograph_missing" Input,
    /// An outside body's number is missing.
    OutsideNumberMissing = "outside_number_missing" Input,
    /// A site visit by fewer people than the law wants.
    TooFewVisitors = "too_few_visitors" Input,
    /// A correction that leaves something out.
    CorrectionIncomplete = "correction_incomplete" Input,
    /// The catalogue has no such item.
    ItemUnknown = "item_unknown" Input,
    /// The person's role or department has no part in this.
    NotEntitled = "not_entitled" Right,
    /// An agent files without the resident's mandate.
    MandateMissing = "mandate_missing" Right,
    /// The mandate does not reach so far, or is over.
    MandateExceeded = "mandate_exceeded" Right,
    /// The item is closed to agents.
    AgentNotAllowed = "agent_not_allowed" Rule,
    /// This station does not take applications for the item.
    NotCompetent = "not_competent" Rule,
    /// Applications are taken in another part of the year.
    WindowClosed = "window_closed" Rule,
    /// Another station holds the case.
    NotHolder = "not_holder" Rule,
    /// Steps of the case have not arrived here yet.
    NotHereYet = "not_here_yet" Rule,
    /// The case has ended.
    CaseEnded = "case_ended" Rule,
    /// The present stage does not know this action.
    WrongStage = "wrong_stage" Rule,
    /// Correction may be asked for once.
    SecondCorrection = "second_correction" Rule,
    /// The time for the correction is over.
    CorrectionOverdue = "correction_overdue" Rule,
    /// The time for the correction is not over.
    CorrectionRunning = "correction_running" Rule,
    /// The law deems the application accepted.
    AcceptanceDeemed = "acceptance_deemed" Rule,
    /// The public notice has not hung long enough.
    PublicityRunning = "publicity_running" Rule,
    /// The calendar lacks a year, and nobody may guess its holidays.
    CalendarMissing = "calendar_missing" Rule,
    /// Nobody has asked to withdraw.
    NoWithdrawalRequest = "no_withdrawal_request" Rule,
    /// It has been asked for, or given, before.
    AlreadyDone = "already_done" Rule,
    /// The item allows no extension of its limits.
    ExtensionNotAllowed = "extension_not_allowed" Rule,
    /// The limit is over, so it can't be extended.
    ExtensionLate = "extension_late" Rule,
    /// The applicant was not told before the limit ended.
    NoticeMissing = "notice_missing" Input,
    /// The number of the government's approval is missing.
    ApprovalMissing = "approval_missing" Input,
    /// The station holds the case and can be reached, or holds nothing that could be reclaimed.
    NothingToReclaim = "nothing_to_reclaim" Rule,
    /// A case can only be handed to a station on its way.
    OffTheWay = "off_the_way" Rule,
    /// A fee that the catalogue does not have, or not so.
    FeeNotLawful = "fee_not_lawful" Rule,
    /// The bank has received another sum than the notice asks for.
    AmountDiffers = "amount_differs" Rule,
    /// The result is handed over only when the fee is paid.
    FeeUnpaid = "fee_unpaid" Rule,
    /// The time to pay is not over.
    PaymentRunning = "payment_running" Rule,
    /// The person is recorded as away; a substitute does the work.
    Away = "away" Right,
    /// A of the seat is on duty, so B does not decide.
    PrincipalOnDuty = "principal_on_duty" Right,
    /// A department disagrees, and stages before the decision have been passed over.
    Disagreed = "disagreed" Rule,
    /// A higher authority has to answer first.
    OutsideAnswerMissing = "outside_answer_missing" Rule,
    /// Materials that were tolerated missing have not followed.
    MaterialOutstanding = "material_outstanding" Rule,
    /// The time for asking for a review is over.
    ReviewOverdue = "review_overdue" Rule,
    /// The case has moved on since.
    Stale = "stale" Stale,
}

/// Something wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// Path of the field as in case.proto, for example `applicant.id_number` or `materials[3]`. For a material that
    /// is missing, the number is its position in the item's list.
    pub field: String,
    /// One sentence for the person at the desk.
    pub sentence: String,
}

/// A rule said no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule.
    pub code: RefusalCode,
    /// One Chinese sentence: what is wrong and what to do.
    pub sentence: String,
    /// The fields concerned.
    pub fields: Vec<FieldFault>,
    /// The law or document behind the rule.
    pub basis: Option<String>,
}

impl Refusal {
    /// A refusal with its sentence.
    #[must_use]
    pub fn new(code: RefusalCode, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into(), fields: Vec::new(), basis: None }
    }

    /// Adds the law behind it.
    #[must_use]
    pub fn because_of(mut self, basis: impl Into<String>) -> Self {
        self.basis = Some(basis.into());
        self
    }

    /// Names a field, with the refusal's own sentence.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.fields.push(FieldFault { field: field.into(), sentence: self.sentence.clone() });
        self
    }

    /// A refusal of several fields at once: everything that is wrong is said in one go.
    #[must_use]
    pub fn of_fields(code: RefusalCode, fields: Vec<FieldFault>) -> Self {
        let sentence = match fields.as_slice() {
            [only] => only.sentence.clone(),
            several => {
                let list: Vec<&str> = several.iter().map(|fault| fault.sentence.trim_end_matches('。')).collect();
                format!("有{}处需要更正：{}。", several.len(), list.join("；"))
            }
        };
        Self { code, sentence, fields, basis: None }
    }

    /// The case has moved on since the caller looked at it.
    #[must_use]
    pub fn stale() -> Self {
        Self::new(RefusalCode::Stale, "该办件刚刚有了新的进展，请刷新后再办理。")
    }
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
