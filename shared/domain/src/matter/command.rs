//! What people ask of a matter.

use jiff::civil::Date;
use sanji_log::{AttachmentId, CaseId, Hash, StationCode};

use super::body::{Against, Finding, MatterBody, Source, SurveyGroup, Way};
use super::private::MatterPrivate;
use crate::case::StoredAttachment;

/// A complaint as it is taken down.
#[derive(Clone, Default)]
pub struct ComplaintInput {
    /// How it came in.
    pub way: Option<Way>,
    /// Whom it is about.
    pub against: Against,
    /// The person complained about, as whoever complains calls them.
    pub against_words: String,
    /// 25 digits; empty: about no case.
    pub case_number: String,
    /// Empty: anonymous.
    pub name: String,
    /// Empty: not given.
    pub telephone: String,
    /// Empty: not given.
    pub address: String,
    /// The complaint.
    pub words: String,
    /// Six digits for whoever complains.
    pub query_code: String,
}

/// Where and when a complaint that came in a letter was taken down.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The letter.
    pub letter: CaseId,
    /// The station.
    pub station: StationCode,
    /// Milliseconds since 1970-01-01 UTC.
    pub time_ms: u64,
}

/// A question.
#[derive(Clone, Default)]
pub struct QuestionInput {
    /// How it came in.
    pub way: Option<Way>,
    /// Code of an item; empty: none.
    pub item: String,
    /// Empty: not given.
    pub name: String,
    /// Empty: not given.
    pub telephone: String,
    /// The question.
    pub words: String,
    /// The answer where it was given on the spot; empty: it goes to the district.
    pub answer: String,
    /// Six digits for whoever asks.
    pub query_code: String,
}

/// Something that must be put right.
#[derive(Debug, Clone)]
pub struct RectificationInput {
    /// Where the finding comes from.
    pub source: Source,
    /// The station that has to act.
    pub station: StationCode,
    /// Code of its department; empty: the station.
    pub department: String,
    /// The last day; none: not a day.
    pub until: Option<Date>,
    /// Number of a case or a complaint; empty: none.
    pub concerns: String,
    /// One line.
    pub title: String,
    /// What is wrong and what is required.
    pub words: String,
}

/// A questionnaire.
#[derive(Debug, Clone)]
pub struct SurveyInput {
    /// Its title.
    pub title: String,
    /// Units by group.
    pub groups: Vec<SurveyGroup>,
    /// Questions.
    pub questions: Vec<String>,
    /// First day; none: not a day.
    pub from: Option<Date>,
    /// Last day; none: not a day.
    pub until: Option<Date>,
    /// Hashes of the codes that are given out.
    pub code_hashes: Vec<Hash>,
}

/// What is asked of a matter that is there.
#[derive(Clone)]
pub enum MatterCommand {
    /// 受理
    Accept,
    /// 不予受理
    Refuse {
        /// Why.
        reason: String,
    },
    /// 交办
    Assign {
        /// To which department.
        department: String,
        /// What it has to look into.
        words: String,
    },
    /// 调查
    Investigate {
        /// What was found.
        finding: Finding,
        /// In words.
        words: String,
    },
    /// 办结
    Conclude {
        /// What was found.
        finding: Finding,
        /// What is done about it.
        words: String,
        /// What whoever complained is told.
        reply: String,
        /// The person is proposed for suspension.
        propose_suspension: bool,
    },
    /// 启封
    OpenLetter,
    /// 答复
    Answer {
        /// What whoever asked is told.
        reply: String,
        /// For publication; empty: none.
        public_question: String,
        /// For publication; empty: none.
        public_answer: String,
    },
    /// 整改情况
    Report {
        /// The measures.
        words: String,
        /// What shows them.
        evidence: Vec<AttachmentId>,
        /// Those that were stored for it.
        attachments: Vec<StoredAttachment>,
    },
    /// 退回重改
    SendBack {
        /// The new last day; none: not a day.
        until: Option<Date>,
        /// Why.
        words: String,
    },
    /// 验收销号
    Close {
        /// What was seen.
        words: String,
    },
    /// 结果公布
    CloseSurvey {
        /// Units whose heads are called in.
        called_in: Vec<String>,
    },
    /// 备注
    Note {
        /// The remark.
        words: String,
    },
    /// 催办
    Remind,
    /// Whoever complained or asked is content, or not.
    Rate {
        /// Content.
        satisfied: bool,
        /// In words.
        words: String,
    },
    /// 撤销
    Cancel {
        /// Why.
        reason: String,
    },
}

macro_rules! actions {
    ($($variant:ident = $name:literal,)+) => {
        /// A command without what it says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum MatterAction { $($variant,)+ }

        impl MatterAction {
            /// Every action, in the order in which a desk offers them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name that programs use: a field of `ActMatterRequest.action`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

actions! {
    Accept = "accept",
    Refuse = "refuse",
    Assign = "assign",
    Investigate = "investigate",
    Conclude = "conclude",
    OpenLetter = "open_letter",
    Answer = "answer",
    Report = "report",
    Close = "close",
    SendBack = "send_back",
    CloseSurvey = "close_survey",
    Rate = "rate",
    Remind = "remind",
    Note = "note",
    Cancel = "cancel",
}

impl MatterCommand {
    /// Which action it is.
    #[must_use]
    pub fn action(&self) -> MatterAction {
        match self {
            Self::Accept => MatterAction::Accept,
            Self::Refuse { .. } => MatterAction::Refuse,
            Self::Assign { .. } => MatterAction::Assign,
            Self::Investigate { .. } => MatterAction::Investigate,
            Self::Conclude { .. } => MatterAction::Conclude,
            Self::OpenLetter => MatterAction::OpenLetter,
            Self::Answer { .. } => MatterAction::Answer,
            Self::Report { .. } => MatterAction::Report,
            Self::SendBack { .. } => MatterAction::SendBack,
            Self::Close { .. } => MatterAction::Close,
            Self::CloseSurvey { .. } => MatterAction::CloseSurvey,
            Self::Note { .. } => MatterAction::Note,
            Self::Remind => MatterAction::Remind,
            Self::Rate { .. } => MatterAction::Rate,
            Self::Cancel { .. } => MatterAction::Cancel,
        }
    }
}

/// An entry to be written.
#[derive(Clone, PartialEq, Eq)]
pub struct MatterDraft {
    /// What it says in the clear.
    pub body: MatterBody,
    /// What it says under seal.
    pub private: MatterPrivate,
    /// Attachments that it refers to.
    pub attachments: Vec<StoredAttachment>,
    /// Whether the key of the matter travels with it.
    pub opens: bool,
}
