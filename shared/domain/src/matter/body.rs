//! What an entry of a matter says in the clear: the checked form of `MatterStep` and `MatterSide` of matter.proto.

use jiff::civil::Date;
use sanji_log::{AttachmentId, CaseId, CaseNumber, Hash, RequestId, StationCode};

use crate::case::ActorFacts;
use crate::case::numbered::numbered;
use crate::code::{DepartmentCode, ItemCode, StaffId};
use crate::organisation::Staff;

/// A step moves the matter on; a side entry is said beside its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatterBody {
    /// Written by the holder, in a chain.
    Step(MatterStep),
    /// Written by any station that holds the matter, in any order.
    Side(MatterSide),
}

/// One step, and who holds the matter after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatterStep {
    /// 1, 2, 3 … within the matter.
    pub rev: u32,
    /// The entry of the step before; none for the first and only there.
    pub previous: Option<Hash>,
    /// The station that holds the matter after this step.
    pub holder: StationCode,
    /// The command that it answers.
    pub request: Option<RequestId>,
    /// Who acted; all empty: the station itself, as for what the public enters.
    pub actor: ActorFacts,
    /// What happened.
    pub event: MatterEvent,
}

/// Something said beside the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatterSide {
    /// Who said it.
    pub actor: ActorFacts,
    /// The command that it answers.
    pub request: Option<RequestId>,
    /// What was said.
    pub event: MatterSideEvent,
}

/// The kinds of matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatterKind {
    /// 投诉
    Complaint,
    /// 投诉密封件: a complaint on its way to the district.
    Letter,
    /// 咨询
    Question,
    /// 督办整改
    Rectification,
    /// 调查
    Survey,
}

impl MatterKind {
    /// Every kind, in the order of the desk.
    pub const ALL: [Self; 5] = [Self::Complaint, Self::Letter, Self::Question, Self::Rectification, Self::Survey];

    /// The name that programs use, and the index's lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Complaint => "complaint",
            Self::Letter => "letter",
            Self::Question => "question",
            Self::Rectification => "rectification",
            Self::Survey => "survey",
        }
    }

    /// The word on screens and prints.
    #[must_use]
    pub fn term(self) -> &'static str {
        match self {
            Self::Complaint => "投诉",
            Self::Letter => "投诉（密封报送）",
            Self::Question => "咨询",
            Self::Rectification => "督办整改",
            Self::Survey => "调查",
        }
    }

    /// Reads [`MatterKind::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What happened in a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatterEvent {
    /// 登记
    ComplaintRegistered(ComplaintRegistered),
    /// 受理
    ComplaintAccepted,
    /// 不予受理
    ComplaintRefused,
    /// 交办
    ComplaintAssigned {
        /// The department that investigates.
        department: DepartmentCode,
    },
    /// 调查
    ComplaintInvestigated {
        /// What it found.
        finding: Finding,
    },
    /// 办结
    ComplaintConcluded {
        /// What was found.
        finding: Finding,
        /// The person complained about is proposed for suspension.
        propose_suspension: bool,
    },
    /// A complaint set out in a sealed letter.
    LetterSent {
        /// Encrypted to the district's key.
        sealed: Vec<u8>,
    },
    /// The district has opened it.
    LetterOpened,
    /// 咨询
    QuestionAsked(QuestionAsked),
    /// 答复
    QuestionAnswered {
        /// As published; empty: not.
        public_question: String,
        /// As published; empty: not.
        public_answer: String,
    },
    /// 下发
    RectificationIssued(RectificationIssued),
    /// 整改情况
    RectificationReported {
        /// Attachments that show it.
        evidence: Vec<AttachmentId>,
    },
    /// 退回重改
    RectificationSentBack {
        /// The new last day.
        until: Date,
    },
    /// 验收销号
    RectificationClosed,
    /// 调查开始
    SurveyOpened(SurveyOpened),
    /// 结果公布
    SurveyClosed {
        /// Units whose heads are called in.
        called_in: Vec<String>,
    },
    /// Of a newer release: counted, not understood.
    Unknown,
}

impl MatterEvent {
    /// The name that programs use, for example `complaint_accepted`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ComplaintRegistered(_) => "complaint_registered",
            Self::ComplaintAccepted => "complaint_accepted",
            Self::ComplaintRefused => "complaint_refused",
            Self::ComplaintAssigned { .. } => "complaint_assigned",
            Self::ComplaintInvestigated { .. } => "complaint_investigated",
            Self::ComplaintConcluded { .. } => "complaint_concluded",
            Self::LetterSent { .. } => "letter_sent",
            Self::LetterOpened => "letter_opened",
            Self::QuestionAsked(_) => "question_asked",
            Self::QuestionAnswered { .. } => "question_answered",
            Self::RectificationIssued(_) => "rectification_issued",
            Self::RectificationReported { .. } => "rectification_reported",
            Self::RectificationSentBack { .. } => "rectification_sent_back",
            Self::RectificationClosed => "rectification_closed",
            Self::SurveyOpened(_) => "survey_opened",
            Self::SurveyClosed { .. } => "survey_closed",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of matter to which it belongs; none for one that is not understood.
    #[must_use]
    pub fn kind(&self) -> Option<MatterKind> {
        Some(match self {
            Self::ComplaintRegistered(_)
            | Self::ComplaintAccepted
            | Self::ComplaintRefused
            | Self::ComplaintAssigned { .. }
            | Self::ComplaintInvestigated { .. }
            | Self::ComplaintConcluded { .. } => MatterKind::Complaint,
            Self::LetterSent { .. } | Self::LetterOpened => MatterKind::Letter,
            Self::QuestionAsked(_) | Self::QuestionAnswered { .. } => MatterKind::Question,
            Self::RectificationIssued(_)
            | Self::RectificationReported { .. }
            | Self::RectificationSentBack { .. }
            | Self::RectificationClosed => MatterKind::Rectification,
            Self::SurveyOpened(_) | Self::SurveyClosed { .. } => MatterKind::Survey,
            Self::Unknown => return None,
        })
    }

    /// Whether it opens a matter.
    #[must_use]
    pub fn opens(&self) -> bool {
        matches!(
            self,
            Self::ComplaintRegistered(_)
                | Self::LetterSent { .. }
                | Self::QuestionAsked(_)
                | Self::RectificationIssued(_)
                | Self::SurveyOpened(_)
        )
    }
}

/// What opens a complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplaintRegistered {
    /// How it came in.
    pub way: Way,
    /// Whom it is about.
    pub against: Against,
    /// The case that it is about.
    pub case: Option<CaseNumber>,
    /// Nobody has given a name.
    pub anonymous: bool,
    /// Where it was taken down.
    pub registered_at: StationCode,
    /// When, by that station's clock, in milliseconds since 1970-01-01 UTC. Limits run from then.
    pub registered_ms: u64,
    /// The letter in which it came.
    pub letter: Option<CaseId>,
}

/// Whom a complaint is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Against {
    /// The station; none: not known.
    pub station: Option<StationCode>,
    /// The department there; none: the station as a whole.
    pub department: Option<DepartmentCode>,
    /// The person.
    pub person: Option<StaffId>,
}

impl Against {
    /// Whether somebody belongs to what is complained about, and so must neither handle nor see it.
    #[must_use]
    pub fn concerns(&self, staff: &Staff) -> bool {
        if self.person.as_ref() == Some(&staff.id) {
            return true;
        }
        let here = self.station == Some(staff.place);
        here && self.department.as_ref().is_none_or(|department| *department == staff.department)
    }
}

/// What opens a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionAsked {
    /// How it came in.
    pub way: Way,
    /// The item that it is about.
    pub item: Option<ItemCode>,
}

/// What opens a rectification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RectificationIssued {
    /// Where the finding comes from.
    pub source: Source,
    /// The department that has to act; none: the station.
    pub department: Option<DepartmentCode>,
    /// Who issues it and accepts the result.
    pub issuer: StationCode,
    /// The last day.
    pub until: Date,
    /// Number of a case or a complaint behind it; empty: none.
    pub concerns: String,
    /// One line for lists, without personal data.
    pub title: String,
}

/// What opens a survey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyOpened {
    /// Its title.
    pub title: String,
    /// The units that are asked about, by group.
    pub groups: Vec<SurveyGroup>,
    /// The questions that are asked of each unit.
    pub questions: Vec<String>,
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
    /// One hash for each code that was given out.
    pub code_hashes: Vec<Hash>,
}

/// Units that are compared with one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurveyGroup {
    /// Its name.
    pub name: String,
    /// Its units.
    pub units: Vec<String>,
}

/// What was said beside the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatterSideEvent {
    /// 备注
    Note,
    /// 催办
    Reminded {
        /// The station that is reminded.
        station: StationCode,
    },
    /// Whoever complained or asked is content, or not.
    Rated {
        /// Content.
        satisfied: bool,
    },
    /// 撤销
    Cancelled,
    /// One questionnaire.
    SurveyAnswered {
        /// Of the code.
        code_hash: Hash,
        /// From 1 to 5 in the order of groups, units and questions; 0: no answer.
        marks: Vec<u8>,
    },
    /// Of a newer release.
    Unknown,
}

impl MatterSideEvent {
    /// The name that programs use, for example `note`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Reminded { .. } => "reminded",
            Self::Rated { .. } => "rated",
            Self::Cancelled => "cancelled",
            Self::SurveyAnswered { .. } => "survey_answered",
            Self::Unknown => "unknown",
        }
    }
}

numbered! {
    /// How a complaint or a question came in.
    pub enum Way {
        /// By the public page.
        Online = 1 "网上",
        /// By telephone.
        Telephone = 2 "电话",
        /// In person.
        Visit = 3 "来访",
        /// In a box.
        Box = 4 "意见箱",
    }
}

numbered! {
    /// What an investigation found.
    pub enum Finding {
        /// In full.
        Upheld = 1 "属实",
        /// In part.
        PartlyUpheld = 2 "部分属实",
        /// Not.
        NotUpheld = 3 "不属实",
    }
}

impl Finding {
    /// Whether it counts against the goal of no upheld complaint.
    #[must_use]
    pub fn is_upheld(self) -> bool {
        matches!(self, Self::Upheld | Self::PartlyUpheld)
    }
}

numbered! {
    /// Where a finding that must be put right comes from.
    pub enum Source {
        /// A patrol.
        Patrol = 1 "日常巡查",
        /// An inspection, announced or not.
        Inspection = 2 "暗访检查",
        /// A complaint.
        Complaint = 3 "投诉",
        /// A leader's order.
        Order = 4 "领导交办",
        /// A survey or a rating.
        Review = 5 "群众评议",
    }
}
