//! 简易、紧急程序: a variant of the item that a case uses.
//!
//! It is chosen before the case is accepted, by whoever accepts it, with a reason; the applicant may ask for it with
//! the application. From then on the variant's promise counts in place of the item's, its stages are left out, and
//! what has to be made up afterwards is a duty that stays open, also after the case is concluded.

use super::action::Action;
use super::body::StepEvent;
use super::command::Draft;
use super::handling::Handling;
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::state::Case;
use crate::catalogue::{Item, Variant};
use crate::limit::Limit;

impl Case {
    /// The variant that it uses: its position in the item's list, from 1.
    #[must_use]
    pub fn variant(&self) -> Option<u32> {
        self.steps().rev().find_map(|facts| match facts.body.event {
            StepEvent::VariantChosen { variant } => Some(variant),
            _ => None,
        })
    }

    /// The variant that the applicant asked for, from 1.
    #[must_use]
    pub fn variant_wanted(&self) -> Option<u32> {
        self.steps().find_map(|facts| match &facts.body.event {
            StepEvent::Submitted(submitted) if submitted.variant > 0 => Some(submitted.variant),
            _ => None,
        })
    }
}

/// The variant that a case uses.
#[must_use]
pub fn chosen<'i>(case: &Case, item: &'i Item) -> Option<&'i Variant> {
    listed(item, case.variant()?)
}

/// The promise that counts for a case: its variant's, or the item's.
#[must_use]
pub fn promised(case: &Case, item: &Item) -> Limit {
    chosen(case, item).and_then(|variant| variant.promised).unwrap_or(item.limits.promised)
}

/// A variant by its position, from 1.
pub(super) fn listed(item: &Item, number: u32) -> Option<&Variant> {
    item.variants.get(usize::try_from(number).ok()?.checked_sub(1)?)
}

/// 选用程序
pub(super) fn choose(handling: &Handling<'_>, number: u32, reason: &str) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::ChooseVariant, None)?;
    if listed(handling.item, number).is_none() {
        let names: Vec<&str> = handling.item.variants.iter().map(|variant| variant.name.as_str()).collect();
        let sentence = format!("本事项可以选用的程序是：{}，请选择。", names.join("、"));
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("variant"));
    }
    let reason = input::required(reason, "reason", LONGEST_TEXT, || {
        input::reason_missing("选用简易或者紧急程序要写明符合哪种情形，请填写理由。")
    })?;
    Ok(turn.step(StepEvent::VariantChosen { variant: number }, turn.stay(), Private::of_words(reason), &[]))
}
