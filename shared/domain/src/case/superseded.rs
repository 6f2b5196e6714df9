//! Steps that don't count because the case was reclaimed, or because a disk was cloned: kept, and put before a person of
//! the station that holds the case.

use std::collections::BTreeMap;

use sanji_log::Hash;

use super::body::SideEvent;
use super::command::Draft;
use super::facts::{SideFacts, StepFacts};
use super::handling::{Handling, not_entitled, not_holder};
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::sight::Sight;
use super::state::Case;

/// The superseded steps of a case, by rev, each with what the first person said who looked at it.
#[must_use]
pub fn superseded(case: &Case) -> Vec<(&StepFacts, Option<&SideFacts>)> {
    let mut said: BTreeMap<Hash, &SideFacts> = BTreeMap::new();
    for facts in case.sides() {
        let SideEvent::SupersededChecked { step, .. } = &facts.body.event else { continue };
        let first = said.entry(*step).or_insert(facts);
        if (facts.time, facts.hash) < (first.time, first.hash) {
            *first = facts;
        }
    }
    let mut steps: Vec<_> = case.superseded().map(|facts| (facts, said.get(&facts.hash).copied())).collect();
    steps.sort_by_key(|(facts, _)| (facts.rev, facts.hash));
    steps
}

/// How many superseded steps wait for a person.
#[must_use]
pub fn unchecked(case: &Case) -> usize {
    if case.superseded().next().is_none() {
        return 0;
    }
    superseded(case).iter().filter(|(_, said)| said.is_none()).count()
}

pub(super) fn fits(handling: &Handling<'_>, sight: Sight) -> Result<(), Refusal> {
    let station = handling.context.station;
    match handling.case.holder() {
        _ if sight != Sight::Full => Err(not_entitled()),
        Some(holder) if holder != station => Err(not_holder(handling.context, holder)),
        _ if unchecked(handling.case) == 0 => {
            Err(Refusal::new(RefusalCode::AlreadyDone, "该办件没有需要核对的被取代步骤。"))
        }
        _ => Ok(()),
    }
}

/// 核对: says of one superseded step whether what it did was done again.
pub(super) fn check(handling: &Handling<'_>, step: &Hash, redone: bool, words: &str) -> Result<Draft, Refusal> {
    handling.permits_aside(super::Action::CheckSuperseded)?;
    match superseded(handling.case).iter().find(|(facts, _)| facts.hash == *step) {
        None => {
            let sentence = "没有这一被取代的步骤，请刷新后重新选择。";
            return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("step"));
        }
        Some((_, Some(_))) => {
            return Err(Refusal::new(RefusalCode::AlreadyDone, "这一步骤已经核对过了。").at("step"));
        }
        Some((_, None)) => {}
    }
    let words = input::required(words, "words", LONGEST_TEXT, || {
        input::reason_missing("请写明核对情况：该步骤的内容是否已经重新办理，或者为什么不需要办理。")
    })?;
    Ok(handling.say(SideEvent::SupersededChecked { step: *step, redone }, Private::of_words(words)))
}
