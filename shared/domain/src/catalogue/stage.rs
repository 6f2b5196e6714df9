//! The route of a case: stages, and what may happen in them.

use crate::code::{DepartmentCode, ItemCode, StageId};
use crate::limit::Limit;
use crate::organisation::{Role, StageTier};
use crate::term::terms;
use crate::toml_file::Section;

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

impl Stage {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let (id, name, link) = (section.code("id"), section.text("name"), section.term("link"));
        let (tier, department, role) = (section.term("tier"), section.code("department"), section.term("role"));
        let (limit, counted) = (Limit::read(section), section.flag("counted"));
        let (group, tacit) = (section.optional_text("group"), section.optional_flag("tacit"));
        let (output, note) = (section.text("output"), section.optional_text("note"));
        Some(Self {
            id: id?,
            name: name?,
            link: link?,
            tier: tier?,
            department: department?,
            role: role?,
            limit: limit?,
            counted: counted?,
            group,
            tacit,
            output: output?,
            note,
        })
    }
}

impl Special {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let (kind, stage) = (section.text("kind"), section.code("stage"));
        let (limit, clock) = (Limit::read_as("max_days", section), section.term("clock"));
        let (basis, note) = (section.optional_text("basis"), section.optional_text("note"));
        Some(Self { kind: kind?, stage: stage?, limit: limit?, clock: clock?, basis, note })
    }
}

impl Publicity {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let (stage, place, limit) = (section.code("stage"), section.text("where"), Limit::read(section));
        let (show, hide) = (section.some_texts("show"), section.texts("hide"));
        let objection = section.text("objection");
        let publicity =
            Self { stage: stage?, place: place?, limit: limit?, show: show?, hide: hide?, objection: objection? };
        if let Some(both) = publicity.show.iter().find(|shown| publicity.hide.contains(shown)) {
            section.fault("hide", format!("“{both}”不能既公示又隐去"));
        }
        Some(publicity)
    }
}

impl Variant {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let (name, when, effect) = (section.text("name"), section.text("when"), section.text("effect"));
        let promised = section.optional_section("promised", Limit::read);
        let skip = section.optional_codes("skip");
        let after = section.optional_section("after", |section| {
            let (limit, text) = (Limit::read(section), section.text("text"));
            Some(MakeUp { limit: limit?, text: text? })
        });
        Some(Self { name: name?, when: when?, effect: effect?, promised, skip, after })
    }
}

impl Part {
    /// Reads the parts of an item; a part waits for others of the same item by their code or name.
    pub(super) fn read_all(section: &mut Section<'_>) -> Option<Vec<Self>> {
        let parts = section.sections("part", |section| {
            let work = PartWork::read(section);
            let (department, limit) = (section.code("department"), Limit::read(section));
            let after = section.texts("after");
            Some((Self { work: work?, department: department?, limit: limit?, after: Vec::new() }, after?))
        })?;
        let works: Vec<PartWork> = parts.iter().map(|(part, _)| part.work.clone()).collect();
        let resolve = |(index, (part, after)): (usize, (Self, Vec<String>))| {
            // Only parts listed before it: so no circle of parts can wait for one another.
            let before = works.get(..index).unwrap_or_default();
            let found = after.iter().map(|name| {
                let work = before.iter().find(|work| work.as_str() == name);
                if work.is_none() {
                    let line = section.line_in("part", index, "after");
                    section.fault_at(line, format!("“{name}”不是排在前面的联办部分"));
                }
                work.cloned()
            });
            Some(Self { after: found.collect::<Option<_>>()?, ..part })
        };
        parts.into_iter().enumerate().map(resolve).collect()
    }
}

impl PartWork {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        if section.has("item") {
            return section.code("item").map(Self::Item);
        }
        section.text("name").map(Self::Named)
    }

    /// The code or name by which other parts wait for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Item(code) => code.as_str(),
            Self::Named(name) => name,
        }
    }
}
