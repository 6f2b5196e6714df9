//! What a rule looks for: a closed list of conditions with their parameters.

use super::rule::WatchKind;
use crate::limit::Limit;
use crate::term::terms;
use crate::toml_file::Section;

terms! {
    /// The name of a condition, as in the file.
    pub enum Test ("监察条件") {
        /// The promised limit runs out or is over.
        Promised = "promised",
        /// The statutory limit runs out or is over.
        Statutory = "statutory",
        /// The limit of a stage runs out or is over.
        Stage = "stage",
        /// An application waits for the answer whether it is accepted.
        Answer = "answer",
        /// More notices of correction than allowed.
        Corrections = "corrections",
        /// A special procedure takes longer than the item allows.
        Special = "special",
        /// Silence counted as consent.
        Tacit = "tacit",
        /// A stage was left out.
        Skipped = "skipped",
        /// A public notice was not given, or hung too short.
        Notice = "notice",
        /// Too few went to look.
        Visitors = "visitors",
        /// Closed without its document.
        Document = "document",
        /// Decided by somebody without the power.
        Power = "power",
        /// Accepted or approved though a mandatory material is missing.
        Material = "material",
        /// Refused without saying why.
        Reason = "reason",
        /// A fee that the item does not list.
        FeeUnlisted = "fee-unlisted",
        /// An amount that is not the standard's.
        FeeAmount = "fee-amount",
        /// A charge for a free item.
        FeeOfFree = "fee-of-free",
        /// The result was handed over before it was paid for.
        IssuedUnpaid = "issued-unpaid",
        /// Paid for, approved, and not handed over.
        PaidUnissued = "paid-unissued",
    }
}

impl Test {
    /// The kind of rule that may use it.
    #[must_use]
    pub fn kind(self) -> WatchKind {
        match self {
            Self::Promised
            | Self::Statutory
            | Self::Stage
            | Self::Answer
            | Self::Corrections
            | Self::Special
            | Self::Tacit => WatchKind::Limit,
            Self::Skipped | Self::Notice | Self::Visitors | Self::Document | Self::Power => WatchKind::Procedure,
            Self::Material | Self::Reason => WatchKind::Condition,
            Self::FeeUnlisted | Self::FeeAmount | Self::FeeOfFree | Self::IssuedUnpaid | Self::PaidUnissued => {
                WatchKind::Fee
            }
        }
    }
}

/// A condition with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// [`Test::Promised`]
    Promised,
    /// [`Test::Statutory`]
    Statutory,
    /// [`Test::Stage`]
    Stage,
    /// [`Test::Answer`]: within what time.
    Answer(Limit),
    /// [`Test::Corrections`]: how many are allowed.
    Corrections(u32),
    /// [`Test::Special`]
    Special,
    /// [`Test::Tacit`]
    Tacit,
    /// [`Test::Skipped`]
    Skipped,
    /// [`Test::Notice`]
    Notice,
    /// [`Test::Visitors`]: how many must go.
    Visitors(u32),
    /// [`Test::Document`]: kinds of result that have a number.
    Document(Vec<String>),
    /// [`Test::Power`]
    Power,
    /// [`Test::Material`]
    Material,
    /// [`Test::Reason`]
    Reason,
    /// [`Test::FeeUnlisted`]
    FeeUnlisted,
    /// [`Test::FeeAmount`]
    FeeAmount,
    /// [`Test::FeeOfFree`]
    FeeOfFree,
    /// [`Test::IssuedUnpaid`]
    IssuedUnpaid,
    /// [`Test::PaidUnissued`]: within what time.
    PaidUnissued(Limit),
}

impl Condition {
    /// Its name in the file.
    #[must_use]
    pub fn test(&self) -> Test {
        match self {
            Self::Promised => Test::Promised,
            Self::Statutory => Test::Statutory,
            Self::Stage => Test::Stage,
            Self::Answer(_) => Test::Answer,
            Self::Corrections(_) => Test::Corrections,
            Self::Special => Test::Special,
            Self::Tacit => Test::Tacit,
            Self::Skipped => Test::Skipped,
            Self::Notice => Test::Notice,
            Self::Visitors(_) => Test::Visitors,
            Self::Document(_) => Test::Document,
            Self::Power => Test::Power,
            Self::Material => Test::Material,
            Self::Reason => Test::Reason,
            Self::FeeUnlisted => Test::FeeUnlisted,
            Self::FeeAmount => Test::FeeAmount,
            Self::FeeOfFree => Test::FeeOfFree,
            Self::IssuedUnpaid => Test::IssuedUnpaid,
            Self::PaidUnissued(_) => Test::PaidUnissued,
        }
    }

    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        Some(match section.term("test")? {
            Test::Promised => Self::Promised,
            Test::Statutory => Self::Statutory,
            Test::Stage => Self::Stage,
            Test::Answer => Self::Answer(section.section("within", Limit::read)?),
            Test::Corrections => Self::Corrections(section.number("most")?),
            Test::Special => Self::Special,
            Test::Tacit => Self::Tacit,
            Test::Skipped => Self::Skipped,
            Test::Notice => Self::Notice,
            Test::Visitors => Self::Visitors(section.number("least")?),
            Test::Document => Self::Document(section.some_texts("kinds")?),
            Test::Power => Self::Power,
            Test::Material => Self::Material,
            Test::Reason => Self::Reason,
            Test::FeeUnlisted => Self::FeeUnlisted,
            Test::FeeAmount => Self::FeeAmount,
            Test::FeeOfFree => Self::FeeOfFree,
            Test::IssuedUnpaid => Self::IssuedUnpaid,
            Test::PaidUnissued => Self::PaidUnissued(section.section("within", Limit::read)?),
        })
    }
}
