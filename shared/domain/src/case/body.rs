//! What an entry of a case says: the checked form of `CaseStep` and `CaseSide` of body.proto, without the part that
//! is sealed (that is [`Private`](super::Private)).

use jiff::civil::Date;
use sanji_log::{AttachmentId, Hash, RequestId, StationCode};
use serde::{Deserialize, Serialize};

use super::document::DocumentIssued;
use super::fee::{FeeIssued, Payment};
pub use super::kinds::{Channel, DeliveryMethod, FaultKind, FollowUp, Mark, Opinion, ReturnReason};
pub use super::side::{Extended, Side, SideEvent, TimeNoted, Visit};
use crate::code::{DepartmentCode, ItemCode, StaffId, StageId};

/// A step moves the case on; a side entry is said beside its route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Written by the holder, in a chain.
    Step(Step),
    /// Written by any station that holds the case, in any order.
    Side(Side),
}

/// One step, and where the case stands after it. That is said in full, so applying it needs no catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// 1, 2, 3 … within the case.
    pub rev: u32,
    /// How often the case was reclaimed before.
    pub term: u32,
    /// The entry of the step before; none for the first and only there.
    pub previous: Option<Hash>,
    /// The station that holds the case after this step.
    pub holder: StationCode,
    /// The stage that is current after this step; none once the route has ended.
    pub stage: Option<StageId>,
    /// The command that it answers.
    pub request: Option<RequestId>,
    /// Who acted.
    pub actor: ActorFacts,
    /// The documents that it issues. Their numbers are 0 until the station that writes the step has numbered them.
    pub documents: Vec<DocumentIssued>,
    /// What happened.
    pub event: StepEvent,
}

/// The acting person as they stood then. All empty: the station itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorFacts {
    /// Name, at most 64 bytes.
    pub name: String,
    /// Department code.
    pub department: String,
    /// Role in which the person acted.
    pub role: String,
    /// Id of the member of staff for whom a substitute acted; empty: for oneself.
    pub acting_for: String,
}

/// What happened in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepEvent {
    /// The case was opened.
    Submitted(Submitted),
    /// 受理
    Accepted {
        /// The law deems it accepted because nobody answered in time.
        deemed: bool,
        /// 容缺: optional materials that may follow.
        tolerated: Vec<Tolerated>,
    },
    /// 不予受理
    NotAccepted {
        /// Title and article.
        basis: String,
        /// Empty: no office is.
        competent_office: String,
    },
    /// 一次性告知补正
    CorrectionRequested {
        /// Everything that is wrong.
        faults: Vec<Fault>,
        /// Last day to answer; none: in a year whose working days nobody knew then, see
        /// [`clock::correction_until`](super::clock::correction_until).
        until: Option<Date>,
        /// Where the applicant answers.
        back_to: StationCode,
        /// The stage that waits for the answer.
        back_to_stage: StageId,
    },
    /// The correction was handed in. Replaces the materials named.
    CorrectionSupplied {
        /// What was handed in.
        materials: Vec<MaterialProvided>,
    },
    /// A stage is done.
    StageFinished {
        /// Which.
        stage: StageId,
        /// What the actor found.
        opinion: Opinion,
        /// Number of an outside body's document or of a bank's receipt; empty: none.
        outside_number: String,
        /// Further staff who took part.
        together_with: Vec<StaffId>,
        /// Materials that came in with it.
        materials: Vec<MaterialProvided>,
        /// Day on which an outside body answered; none: no outside body acts here.
        answered_on: Option<Date>,
    },
    /// 公示 was posted.
    PublicityPosted {
        /// In which stage.
        stage: StageId,
        /// First day: the day after it was posted.
        from: Date,
        /// Last day; none: in a year whose working days nobody knew then, see
        /// [`clock::publicity_until`](super::clock::publicity_until).
        until: Option<Date>,
        /// Where it hangs.
        place: String,
        /// Photographs of it.
        photographs: Vec<AttachmentId>,
    },
    /// 公示 is over.
    PublicityEnded {
        /// In which stage.
        stage: StageId,
        /// Somebody objected.
        objection: bool,
    },
    /// A special procedure begins that stops the clock.
    Suspended {
        /// In which stage.
        stage: StageId,
        /// Its kind, as in the item.
        kind: String,
        /// How long it will take, in the unit of the item's procedure: what the applicant was told. 0: not told.
        expected_days: u32,
        /// Day on which the applicant was told in writing; none: the day of the step.
        told_on: Option<Date>,
    },
    /// The clock runs again.
    Resumed {
        /// Number of a report; empty: none.
        outside_number: String,
    },
    /// 准予 or 不予
    Decided {
        /// The deciding stage.
        stage: StageId,
        /// 准予
        approved: bool,
        /// Title and article; never empty where not approved.
        basis: String,
        /// Position in the item's `refuse_when`, from 1; 0: none.
        ground: u32,
        /// Number of the document or certificate; empty: none.
        document_number: String,
        /// Day on which an outside body decided; none: the decision is this station's.
        answered_on: Option<Date>,
    },
    /// 退回
    Returned {
        /// Why.
        reason: ReturnReason,
        /// At which stage.
        stage: StageId,
        /// Law or policy.
        basis: String,
        /// Materials that go back.
        materials_back: Vec<MaterialProvided>,
    },
    /// The applicant's withdrawal takes effect.
    Withdrawn {
        /// Materials that go back.
        materials_back: Vec<MaterialProvided>,
    },
    /// 送达
    Delivered {
        /// How.
        method: DeliveryMethod,
        /// Day on which the receiver signed.
        signed_on: Date,
        /// An agent or a relative received it for the applicant.
        by_proxy: bool,
    },
    /// A parent takes the case from a station that is lost.
    Reclaimed {
        /// The station that is lost.
        from: StationCode,
    },
    /// The holder hands the case to another station on its way, which goes on with the stage.
    HandedOver {
        /// The station that hands it over.
        from: StationCode,
    },
    /// 超时默认: silence at the end of the promise counted as consent, as the item allows.
    TacitlyApproved {
        /// The stage that owed the answer.
        stage: StageId,
        /// Last day of the promise.
        due: Date,
        /// The department that owed the answer, as a code.
        department: String,
    },
    /// A step of a newer release: counted, not understood.
    Unknown,
    /// 开具缴款通知
    FeeIssued(FeeIssued),
    /// 登记缴款 in a stage of payment.
    FeePaid(Payment),
    /// 作废
    FeeVoided {
        /// Number of the notice.
        notice: u32,
        /// Why.
        reason: String,
    },
    /// 逾期未缴，视为放弃
    FeeAbandoned {
        /// Number of the notice.
        notice: u32,
    },

    /// An easier or urgent procedure of the item is used.
    VariantChosen {
        /// Position in the item's list, from 1.
        variant: u32,
    },
    /// 报送 to an outside body.
    SentUp {
        /// In which stage.
        stage: StageId,
        /// Name of the outside body.
        body: String,
        /// When.
        sent_on: Date,
        /// Its number there; empty: not known yet.
        outside_number: String,
    },
    /// The outside body was asked where its answer is.
    Chased {
        /// In which stage.
        stage: StageId,
        /// When.
        on: Date,
    },
    /// The outside body has answered what the deciding stage had sent up.
    OutsideAnswered {
        /// In which stage.
        stage: StageId,
        /// When.
        answered_on: Date,
        /// Number of the answer.
        outside_number: String,
        /// Whether it agrees.
        approved: bool,
    },
    /// The chief representative gives leave for one more correction.
    SecondCorrectionAllowed,
    /// 当场更正. Replaces the materials named.
    CorrectedAtOnce {
        /// What was handed in.
        materials: Vec<MaterialProvided>,
    },
    /// The present stage goes to another window or department of the same station.
    Transferred {
        /// Which stage.
        stage: StageId,
        /// To whom.
        department: DepartmentCode,
    },
    /// After a disagreement the deciding stage asks departments once more.
    ConsultedAgain {
        /// The stages that are to answer.
        stages: Vec<StageId>,
    },
    /// What a draft (预申报) lacks.
    PreliminaryAnswered {
        /// Everything; none: it can be submitted as it is.
        faults: Vec<Fault>,
    },
    /// A draft becomes an application. Replaces the materials named.
    PreliminarySubmitted {
        /// What was handed in.
        materials: Vec<MaterialProvided>,
    },
}

impl StepEvent {
    /// The name that programs use, for example `accepted`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Submitted(_) => "submitted",
            Self::Accepted { .. } => "accepted",
            Self::NotAccepted { .. } => "not_accepted",
            Self::CorrectionRequested { .. } => "correction_requested",
            Self::CorrectionSupplied { .. } => "correction_supplied",
            Self::StageFinished { .. } => "stage_finished",
            Self::PublicityPosted { .. } => "publicity_posted",
            Self::PublicityEnded { .. } => "publicity_ended",
            Self::Suspended { .. } => "suspended",
            Self::Resumed { .. } => "resumed",
            Self::Decided { .. } => "decided",
            Self::Returned { .. } => "returned",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Delivered { .. } => "delivered",
            Self::Reclaimed { .. } => "reclaimed",
            Self::HandedOver { .. } => "handed_over",
            Self::TacitlyApproved { .. } => "tacitly_approved",
            Self::Unknown => "unknown",
            Self::FeeIssued(_) => "fee_issued",
            Self::FeePaid(_) => "fee_paid",
            Self::FeeVoided { .. } => "fee_voided",
            Self::FeeAbandoned { .. } => "fee_abandoned",
            Self::VariantChosen { .. } => "variant_chosen",
            Self::SentUp { .. } => "sent_up",
            Self::Chased { .. } => "chased",
            Self::OutsideAnswered { .. } => "outside_answered",
            Self::SecondCorrectionAllowed => "second_correction_allowed",
            Self::CorrectedAtOnce { .. } => "corrected_at_once",
            Self::Transferred { .. } => "transferred",
            Self::ConsultedAgain { .. } => "consulted_again",
            Self::PreliminaryAnswered { .. } => "preliminary_answered",
            Self::PreliminarySubmitted { .. } => "preliminary_submitted",
        }
    }

    /// The materials that it brings in.
    #[must_use]
    pub fn materials(&self) -> &[MaterialProvided] {
        match self {
            Self::Submitted(Submitted { materials, .. })
            | Self::CorrectionSupplied { materials }
            | Self::StageFinished { materials, .. }
            | Self::CorrectedAtOnce { materials }
            | Self::PreliminarySubmitted { materials } => materials,
            _ => &[],
        }
    }

    /// The law or document that it names; empty: none.
    #[must_use]
    pub fn basis(&self) -> &str {
        match self {
            Self::NotAccepted { basis, .. } | Self::Decided { basis, .. } | Self::Returned { basis, .. } => basis,
            _ => "",
        }
    }
}

/// What opens a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// The item.
    pub item: ItemCode,
    /// The version of it that the case keeps, from 1.
    pub item_version: u32,
    /// Where it was handed in.
    pub channel: Channel,
    /// Under which mandate an agent files; none: the applicant came in person.
    pub mandate: Option<Mandate>,
    /// What was handed in.
    pub materials: Vec<MaterialProvided>,
    /// The applicant's village; none: not known or outside the district.
    pub village: Option<StationCode>,
    /// The variant that the applicant asks for, from 1; 0: none.
    pub variant: u32,
    /// The applicant asks that it be handled as urgent.
    pub urgent: bool,
    /// A draft for checking (预申报): nothing runs before it is submitted.
    pub preliminary: bool,
}

/// An optional material that may follow (容缺).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tolerated {
    /// Position in the item's list, from 0.
    pub material: u32,
    /// Last day to hand it in.
    pub until: Date,
}

/// 委托代办书: what the agent may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// 代为提交申请
    pub may_submit: bool,
    /// 代为补正
    pub may_correct: bool,
    /// 代为签收文书
    pub may_sign_for_documents: bool,
    /// 代为领取证照
    pub may_collect_result: bool,
    /// Its last day; none: until the case is concluded.
    pub until: Option<Date>,
}

impl Mandate {
    /// Whether it holds on a day.
    #[must_use]
    pub fn holds_on(&self, day: Date) -> bool {
        self.until.is_none_or(|until| day <= until)
    }

    /// Whether the agent may receive what is delivered, on a day.
    #[must_use]
    pub fn may_receive(&self, day: Date) -> bool {
        (self.may_sign_for_documents || self.may_collect_result) && self.holds_on(day)
    }
}

/// A material that was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterialProvided {
    /// Position in the item's list, from 0.
    pub material: u32,
    /// How many originals.
    pub originals: u32,
    /// How many copies.
    pub copies: u32,
    /// Scans or photographs of it.
    pub attachments: Vec<AttachmentId>,
}

impl MaterialProvided {
    /// Whether anything was handed in at all.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.originals > 0 || self.copies > 0 || !self.attachments.is_empty()
    }
}

/// One thing that is wrong with an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Position in the item's list, from 0, or [`Fault::FORM`].
    pub material: u32,
    /// What is wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// The place of a fault in the form itself.
    pub const FORM: u32 = u32::MAX;
}
