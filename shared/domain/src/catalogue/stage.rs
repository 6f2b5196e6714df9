//! The route of a case: stages, and what may happen in them.

use crate::code::{DepartmentCode, ItemCode, StageId};
use crate::limit::Limit;
use crate::organisation::{Role, StageTier};
use crate::term::terms;

terms! {
    /// The five links (环节) that supervision watches, in their order.
    pub enum SupervisedLink ("监察环节") {
        /// The application comes in.
        Application = "申请",
        /// It is accepted or not.
        Acceptance = "受理",
        /// It is examined.
        Review = "审核",
        /// It is decided.
        Approval = "批准",
        /// The answer is delivered and the case closed.
        Conclusion = "办结",
    }
}

/// A stage of an item, in the item's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Unique in the item.
    pub id: StageId,
    /// The name in the progress view.
    pub name: String,
    /// The supervised link it belongs to.
    pub link: SupervisedLink,
    /// The tier that acts.
    pub tier: StageTier,
    /// The department or kind of station that acts.
    pub department: DepartmentCode,
    /// The role that acts.
    pub role: Role,
    /// Time allowed for it.
    pub limit: Limit,
    /// Whether it uses up the promised limit.
    pub counted: bool,
    /// Stages of the same group run side by side; the longest counts.
    pub group: Option<String>,
    /// Whether silence of this department at the end of the limit counts as agreement.
    pub tacit: bool,
    /// The document or record that it must leave.
    pub output: String,
    /// A remark.
    pub note: Option<String>,
}

terms! {
    /// What a special procedure does to the promised limit.
    pub enum SpecialClock ("计时方式") {
        /// The limit stands still; the applicant is told in writing how long.
        Paused = "暂停",
        /// The limit runs on.
        Running = "照计",
    }
}

/// A special procedure (特别程序) that a stage may need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Special {
    /// Its kind, for example 公示 or 鉴定: an open list.
    pub kind: String,
    /// The stage in which it happens.
    pub stage: StageId,
    /// How long it may take before it raises an alert of its own.
    pub limit: Limit,
    /// What it does to the promised limit.
    pub clock: SpecialClock,
    /// The law or document it rests on.
    pub basis: Option<String>,
    /// A remark.
    pub note: Option<String>,
}

/// A public notice (公示) that a stage must give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publicity {
    /// The stage.
    pub stage: StageId,
    /// Where it is posted.
    pub place: String,
    /// For how long.
    pub limit: Limit,
    /// What may be shown. Anything else stays hidden.
    pub show: Vec<String>,
    /// What must never be shown.
    pub hide: Vec<String>,
    /// How to object.
    pub objection: String,
}

/// An easier or urgent procedure for some cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// When it may be used.
    pub when: String,
    /// What it changes, in words.
    pub effect: String,
    /// The promise that replaces the item's.
    pub promised: Option<Limit>,
    /// Stages left out.
    pub skip: Vec<StageId>,
    /// What has to be made up afterwards.
    pub after: Option<MakeUp>,
}

/// What a variant leaves to be made up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MakeUp {
    /// Within what time.
    pub limit: Limit,
    /// What.
    pub text: String,
}

/// A part of a joint item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What is done.
    pub work: PartWork,
    /// By which department.
    pub department: DepartmentCode,
    /// Within what time.
    pub limit: Limit,
    /// Parts that must be finished first.
    pub after: Vec<PartWork>,
}

/// What a part of a joint item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartWork {
    /// Another item of the catalogue.
    Item(ItemCode),
    /// Work that is no item of its own.
    Named(String),
}
