//! What an entry of a case says: the checked form of `CaseStep` and `CaseSide` of body.proto, without the part that
//! is sealed (that is [`Private`](super::Private)).

use jiff::civil::Date;
use sanji_log::{AttachmentId, Hash, RequestId, StationCode};
use serde::{Deserialize, Serialize};

use super::numbered::numbered;
use crate::code::{ItemCode, StaffId, StageId};
use crate::limit::Limit;
use crate::supervision::{AlertKey, Level, Office};

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
    },
    /// 退回
    Returned {
        /// Why.
        reason: ReturnReason,
        /// At which stage.
        stage: StageId,
        /// Law or policy.
        basis: String,
    },
    /// The applicant's withdrawal takes effect.
    Withdrawn,
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
            Self::Withdrawn => "withdrawn",
            Self::Delivered { .. } => "delivered",
            Self::Reclaimed { .. } => "reclaimed",
            Self::HandedOver { .. } => "handed_over",
            Self::TacitlyApproved { .. } => "tacitly_approved",
            Self::Unknown => "unknown",
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
            Self::AlertAnswered { .. } => "alert_answered",
            Self::AlertAppealed { .. } => "alert_appealed",
            Self::AlertReviewed { .. } => "alert_reviewed",
            Self::OrderIssued { .. } => "order_issued",
            Self::OrderAnswered { .. } => "order_answered",
            Self::Unknown => "unknown",
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

numbered! {
    /// Where an application was handed in.
    pub enum Channel {
        /// At a village station.
        Village = 1 "村站",
        /// At a township centre.
        Township = 2 "乡镇窗口",
        /// At the district hall.
        District = 3 "区窗口",
        /// By the applicant.
        Online = 4 "网上",
    }
}

numbered! {
    /// What is wrong with a material.
    pub enum FaultKind {
        /// It is not there.
        Missing = 1 "缺少",
        /// It is no longer valid.
        Expired = 2 "过期",
        /// It can't be read.
        Unclear = 3 "不清",
        /// Signature or seal is missing.
        Unsigned = 4 "未签章",
        /// It contradicts another.
        Inconsistent = 5 "前后不一",
    }
}

numbered! {
    /// What the actor of a stage found.
    pub enum Opinion {
        /// In favour.
        Agree = 1 "同意",
        /// Against; the deciding stage decides.
        Disagree = 2 "不同意",
        /// In favour, and a higher authority must decide.
        ReferUp = 3 "同意，但需报上级批准",
        /// The stage only hands on.
        NoOpinion = 4 "无需意见",
    }
}

numbered! {
    /// Why a case is returned without a decision.
    pub enum ReturnReason {
        /// Another level is competent.
        NotCompetent = 1 "不属于本级职权",
        /// A condition is plainly not met.
        ConditionsNotMet = 2 "不符合规定条件",
        /// The applicant did not answer in time.
        CorrectionOverdue = 3 "逾期未补正",
        /// The same is already being handled.
        Duplicate = 4 "重复申请",
    }
}

numbered! {
    /// How something was delivered.
    pub enum DeliveryMethod {
        /// Handed over.
        InPerson = 1 "直接送达",
        /// Handed to the agent who holds a mandate.
        Agent = 2 "委托送达（代办员）",
        /// By post.
        Post = 3 "邮寄送达",
        /// Electronically.
        Electronic = 4 "电子送达",
        /// Left with the person who refused it.
        Left = 5 "留置送达",
        /// By public announcement.
        Announced = 6 "公告送达",
    }
}
