//! The catalogue of service items (事项目录): data files that a clerk edits and the district publishes.

use std::collections::BTreeMap;

use crate::code::ItemCode;

mod check;
mod defaults;
mod item;
mod material;
mod part;
mod read;
mod stage;

pub use check::CatalogueFault;
pub use defaults::{
    AcceptanceRules, AgentRules, ComplaintRules, CorrectionRules, DecisionRules, Defaults, EvaluationRules, JointRules,
    SupervisionRules,
};
pub use item::{ApplyWindow, CaseType, DELIVERY_STAGE, DayOfYear, Extension, Item, ItemType, LegalBasis, Limits};
pub use material::{Charges, Fee, FeeItem, Material, MaterialForm, ResultDocument};
pub use read::InvalidDayOfYear;
pub use stage::{MakeUp, Part, PartWork, Publicity, Special, SpecialClock, Stage, SupervisedLink, Variant};

/// Every published version of every item: cases keep the version that they began with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue {
    items: BTreeMap<ItemCode, BTreeMap<u32, Item>>,
}

impl Catalogue {
    /// Adds a published version, from 1; replaces one of the same number.
    pub fn insert(&mut self, version: u32, item: Item) {
        self.items.entry(item.code.clone()).or_default().insert(version, item);
    }

    /// The newest version of an item, with its number.
    #[must_use]
    pub fn latest(&self, code: &ItemCode) -> Option<(u32, &Item)> {
        let (version, item) = self.items.get(code)?.last_key_value()?;
        Some((*version, item))
    }

    /// One version of an item.
    #[must_use]
    pub fn get(&self, code: &ItemCode, version: u32) -> Option<&Item> {
        self.items.get(code)?.get(&version)
    }

    /// The newest version of every item, by code.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Item)> {
        self.items.values().filter_map(|versions| versions.last_key_value().map(|(version, item)| (*version, item)))
    }

    /// Every version of every item, by code, then version.
    pub fn versions(&self) -> impl Iterator<Item = (u32, &Item)> {
        self.items.values().flat_map(|versions| versions.iter().map(|(version, item)| (*version, item)))
    }
}
