//! The rules that tie the fields of an item together, and items to the organisation and to one another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Catalogue;
use super::item::{DELIVERY_STAGE, Item};
use super::stage::{PartWork, Stage, SupervisedLink};
use crate::code::{DepartmentCode, ItemCode, StageId};
use crate::limit::{Limit, Unit};
use crate::organisation::{Organisation, Role};
use crate::toml_file::Section;

/// The code is the file's name.
pub(super) fn file_name(item: &Item, file_name: &str, section: &Section<'_>) {
    let last = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    if last.strip_suffix(".toml").unwrap_or(last) != item.code.as_str() {
        section.fault("code", format!("代码“{}”与文件名不一致", item.code));
    }
}

/// The route is one that a case can run through: distinct stages, a decision, one delivery; and whatever hangs on a
/// stage names one of them.
pub(super) fn route(item: &Item, section: &Section<'_>) {
    let mut ids = BTreeSet::new();
    for (index, stage) in item.stages.iter().enumerate() {
        if !ids.insert(&stage.id) {
            section.fault_at(section.line_in("stage", index, "id"), format!("环节“{}”重复", stage.id));
        }
    }
    delivery(item, section);
    payment(item, section);
    groups(item, section);
    if item.first_of(SupervisedLink::Approval).is_none() {
        section.fault("stage", format!("至少要有一个“{}”环节", SupervisedLink::Approval));
    }
    let known = |list: &str, index: usize, field: &str, id: &StageId| {
        if !ids.contains(id) {
            section.fault_at(section.line_in(list, index, field), format!("没有名为“{id}”的环节"));
        }
    };
    for (index, special) in item.special.iter().enumerate() {
        known("special", index, "stage", &special.stage);
    }
    for (index, publicity) in item.publicity.iter().enumerate() {
        known("publicity", index, "stage", &publicity.stage);
    }
    for (index, variant) in item.variants.iter().enumerate() {
        variant.skip.iter().for_each(|id| known("variant", index, "skip", id));
    }
}

/// A stage of payment waits for money, so there must be some to pay.
fn payment(item: &Item, section: &Section<'_>) {
    let free = item.fee.items().is_empty() && item.parts.is_empty();
    for (index, stage) in item.stages.iter().enumerate() {
        if free && stage.role == Role::Cashier {
            let line = section.line_in("stage", index, "role");
            section.fault_at(line, "本事项不收费，不能有收费环节".to_owned());
        }
    }
}

/// Stages that run in parallel stand one after the other: what stood between would be passed over.
fn groups(item: &Item, section: &Section<'_>) {
    let mut ended = BTreeSet::new();
    let mut before: Option<&String> = None;
    for (index, stage) in item.stages.iter().enumerate() {
        let group = stage.group.as_ref();
        if before != group {
            ended.extend(before);
        }
        if let Some(group) = group.filter(|group| ended.contains(group)) {
            section.fault_at(section.line_in("stage", index, "group"), format!("并行环节“{group}”应当相邻"));
        }
        before = group;
    }
}

fn delivery(item: &Item, section: &Section<'_>) {
    let found = item.stages.iter().enumerate().find(|(_, stage)| stage.id.as_str() == DELIVERY_STAGE);
    match found {
        None => section.fault("stage", format!("缺少送达环节“{DELIVERY_STAGE}”")),
        Some((index, stage)) if stage.link != SupervisedLink::Conclusion => {
            let line = section.line_in("stage", index, "link");
            section.fault_at(line, format!("送达环节应属于“{}”", SupervisedLink::Conclusion));
        }
        Some(_) => {}
    }
}

/// The counted stages fit into the promise.
pub(super) fn limits(item: &Item, section: &Section<'_>) {
    let promised = item.limits.promised;
    for (index, stage) in item.stages.iter().enumerate().filter(|(_, stage)| stage.counted) {
        // So many consecutive days never last longer than so many working days; the reverse does not hold.
        if promised.unit == Unit::NaturalDay && stage.limit.unit == Unit::WorkingDay {
            section.fault_at(
                section.line_in("stage", index, "unit"),
                "承诺期限按自然日计算时，计入期限的环节也应按自然日计算",
            );
        }
    }
    let needed = counted_days(&item.stages);
    if needed > promised.days {
        section.fault(
            "limits",
            format!("计入期限的环节共 {needed} 天，超过承诺期限 {} 天（并行环节按最长的计）", promised.days),
        );
    }
}

/// Days of the counted stages one after the other; of a parallel group, those of its longest.
fn counted_days(stages: &[Stage]) -> u32 {
    let mut groups: BTreeMap<&str, u32> = BTreeMap::new();
    let mut days: u32 = 0;
    for Stage { limit: Limit { days: stage_days, .. }, group, .. } in stages.iter().filter(|stage| stage.counted) {
        match group {
            Some(group) => {
                let longest = groups.entry(group).or_default();
                *longest = (*longest).max(*stage_days);
            }
            None => days = days.saturating_add(*stage_days),
        }
    }
    groups.into_values().fold(days, u32::saturating_add)
}

/// An item that does not fit the organisation or the other items. The reason is Chinese, as in
/// [`FileFault`](crate::FileFault).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CatalogueFault {
    /// The item.
    pub item: ItemCode,
    /// The code in its file that is wrong, so that a reader of files can find the line.
    pub named: String,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for CatalogueFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}：{}", self.item, self.reason)
    }
}

impl std::error::Error for CatalogueFault {}

impl Catalogue {
    /// Checks the newest version of every item against the organisation and the other items: departments exist,
    /// parts of joint items are items, a fee code belongs to one item.
    #[must_use]
    pub fn check(&self, organisation: &Organisation) -> Vec<CatalogueFault> {
        let mut faults = Vec::new();
        let mut fees: BTreeMap<&str, &ItemCode> = BTreeMap::new();
        for (_, item) in self.iter() {
            let mut fault = |named: &str, reason: String| {
                faults.push(CatalogueFault { item: item.code.clone(), named: named.to_owned(), reason });
            };
            for code in departments(item).into_iter().filter(|code| organisation.department(code).is_none()) {
                fault(code.as_str(), format!("没有代码为“{code}”的部门"));
            }
            for part in &item.parts {
                if let PartWork::Item(code) = &part.work
                    && self.latest(code).is_none()
                {
                    fault(code.as_str(), format!("联办部分“{code}”不在事项目录中"));
                }
            }
            for fee in item.fee.items() {
                if let Some(other) = fees.insert(&fee.code, &item.code) {
                    fault(&fee.code, format!("收费代码“{}”已用于事项“{other}”", fee.code));
                }
            }
        }
        faults
    }
}

impl Catalogue {
    /// What is not wrong and yet not what its writer will have meant: parts of joint items that no stage does.
    #[must_use]
    pub fn remarks(&self) -> Vec<CatalogueFault> {
        let mut remarks = Vec::new();
        for (_, item) in self.iter() {
            for part in item.parts_without_stage() {
                let work = match &part.work {
                    PartWork::Item(code) => code.to_string(),
                    PartWork::Named(name) => name.clone(),
                };
                let reason = format!(
                    "联办部分“{work}”没有对应的环节：没有同名的、或者由“{}”及其驻乡镇机构审核或者批准的环节；该部分的时限和先后次序不单独计算",
                    part.department
                );
                remarks.push(CatalogueFault { item: item.code.clone(), named: work, reason });
            }
        }
        remarks
    }
}

/// Every department that an item names.
fn departments(item: &Item) -> BTreeSet<&DepartmentCode> {
    let stages = item.stages.iter().map(|stage| &stage.department);
    let parts = item.parts.iter().map(|part| &part.department);
    [&item.department].into_iter().chain(&item.co_departments).chain(stages).chain(parts).collect()
}
