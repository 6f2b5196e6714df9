//! A service item (事项).

use jiff::civil::Date;

use super::material::{Fee, Material, ResultDocument};
use super::stage::{Part, Publicity, Special, Stage, SupervisedLink, Variant};
use crate::code::{DepartmentCode, ItemCode, StageId};
use crate::limit::Limit;
use crate::organisation::StageTier;
use crate::term::terms;

/// Id that the stage of delivery has in every item.
pub const DELIVERY_STAGE: &str = "deliver";

terms! {
    /// The legal nature of an item.
    pub enum ItemType ("事项类型") {
        /// A licence under the 行政许可法.
        Licence = "行政许可",
        /// Money or goods.
        Benefit = "行政给付",
        /// A status confirmed.
        Confirmation = "行政确认",
        /// An award.
        Award = "行政奖励",
        /// A dispute decided.
        Ruling = "行政裁决",
        /// Another power of the administration.
        OtherPower = "其他行政权力",
        /// A public service.
        PublicService = "公共服务",
    }
}

terms! {
    /// How cases of an item are handled. 退回件 and 补办件 are what becomes of a case, not types.
    pub enum CaseType ("办件类型") {
        /// Done at once.
        OnTheSpot = "即办件",
        /// Done within a promised limit.
        Promised = "承诺件",
        /// Several departments, one in the lead.
        Joint = "联办件",
        /// Decided above the district; the window sends it up and follows it.
        Referred = "报批件",
    }
}

/// A service item of the catalogue. A case keeps the version that it began with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its code, equal to the file's name.
    pub code: ItemCode,
    /// The official name.
    pub name: String,
    /// The name that people use.
    pub short_name: String,
    /// Other words to find it by.
    pub aliases: Vec<String>,
    /// Its legal nature.
    pub item_type: ItemType,
    /// How its cases are handled.
    pub case_type: CaseType,
    /// Who may apply.
    pub subjects: Vec<String>,
    /// The department in the lead.
    pub department: DepartmentCode,
    /// The other departments.
    pub co_departments: Vec<DepartmentCode>,
    /// Where it is accepted.
    pub accept_tier: StageTier,
    /// Where it is decided.
    pub decide_tier: StageTier,
    /// Whether a village agent may file it for a resident.
    pub agent_allowed: bool,
    /// With what restriction.
    pub agent_limits: Option<String>,
    /// Who signs the application.
    pub apply_by: Vec<String>,
    /// Where it can be handed in.
    pub channels: Vec<String>,
    /// One or two sentences for the guide.
    pub summary: String,
    /// Conditions to be met.
    pub conditions: Vec<String>,
    /// Grounds of refusal. A refusal names one of them or a legal basis.
    pub refuse_when: Vec<String>,
    /// Its limits.
    pub limits: Limits,
    /// Laws and documents it rests on.
    pub legal_basis: Vec<LegalBasis>,
    /// Its route, in order.
    pub stages: Vec<Stage>,
    /// Special procedures of its stages.
    pub special: Vec<Special>,
    /// Public notices of its stages.
    pub publicity: Vec<Publicity>,
    /// What the applicant hands in.
    pub materials: Vec<Material>,
    /// What it costs.
    pub fee: Fee,
    /// What the applicant gets.
    pub result: ResultDocument,
    /// Easier or urgent procedures.
    pub variants: Vec<Variant>,
    /// Parts of a joint item.
    pub parts: Vec<Part>,
    /// The period of the year in which applications are taken.
    pub apply_window: Option<ApplyWindow>,
    /// A remark on public notices.
    pub publicity_note: Option<String>,
    /// What is checked after the case is closed.
    pub post_supervision: Option<String>,
}

/// The limits of an item, counted from acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The limit that a law or document fixes.
    pub statutory: Option<Limit>,
    /// The event that starts it where that is not acceptance.
    pub statutory_from: Option<String>,
    /// The limit that the district promises.
    pub promised: Limit,
    /// By how much the promise may be extended, once, before it ends.
    pub extension: Option<Extension>,
    /// The limit in words.
    pub text: String,
    /// Whether silence at the end of the promise counts as consent (超时默认).
    pub tacit_approval: bool,
    /// Why, or why not.
    pub tacit_reason: String,
}

/// An extension of the promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// By how much.
    pub limit: Limit,
    /// Who approves it, in words.
    pub approver: String,
    /// On what ground.
    pub reason: String,
}

/// A law or document that an item rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegalBasis {
    /// Its title.
    pub title: String,
    /// Its number or year.
    pub document_number: Option<String>,
    /// The articles, where they are certain.
    pub articles: Vec<String>,
    /// A remark.
    pub note: Option<String>,
}

/// A period that comes every year, both days included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyWindow {
    /// Its first day.
    pub from: DayOfYear,
    /// Its last day; before `from` where the period spans the turn of the year.
    pub to: DayOfYear,
    /// What happens outside it, in words.
    pub text: String,
}

impl ApplyWindow {
    /// Whether applications are taken on this day.
    #[must_use]
    pub fn is_open(&self, date: Date) -> bool {
        let day = DayOfYear { month: date.month(), day: date.day() };
        if self.from <= self.to { self.from <= day && day <= self.to } else { self.from <= day || day <= self.to }
    }

    /// The first day on or after this one on which applications are taken; none beyond the end of the calendar.
    #[must_use]
    pub fn next_open_day(&self, date: Date) -> Option<Date> {
        if self.is_open(date) {
            return Some(date);
        }
        let opens = |year: i16| {
            let first = Date::new(year, self.from.month, 1).ok()?;
            // The 29th of February comes in leap years only; in others it opens on the day after the 28th.
            let day = i64::from(self.from.day) - 1;
            first.checked_add(jiff::ToSpan::days(day)).ok()
        };
        [date.year(), date.year().checked_add(1)?].into_iter().filter_map(opens).find(|opens| *opens >= date)
    }
}

/// A day that comes every year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayOfYear {
    /// 1 to 12.
    pub month: i8,
    /// 1 to 31.
    pub day: i8,
}

impl Item {
    /// A stage by its id.
    #[must_use]
    pub fn stage(&self, id: &StageId) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.id == *id)
    }

    /// The position of a stage in the route.
    #[must_use]
    pub fn position(&self, id: &StageId) -> Option<usize> {
        self.stages.iter().position(|stage| stage.id == *id)
    }

    /// The special procedures of a stage.
    pub fn special_of<'a>(&'a self, id: &'a StageId) -> impl Iterator<Item = &'a Special> {
        self.special.iter().filter(move |special| special.stage == *id)
    }

    /// The public notice of a stage.
    #[must_use]
    pub fn publicity_of(&self, id: &StageId) -> Option<&Publicity> {
        self.publicity.iter().find(|publicity| publicity.stage == *id)
    }

    /// The first stage of a link.
    #[must_use]
    pub fn first_of(&self, link: SupervisedLink) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.link == link)
    }
}
