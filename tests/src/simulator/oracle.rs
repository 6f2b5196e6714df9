//! Which steps of a case count, said a second time: straight from the rules, without regard for speed. (DESIGN §4;
//! the product's own words are in `sanji_domain::case::chain`.)

use std::cmp::Reverse;

use sanji_domain::case::{Body, CaseEntry, Step, StepEvent};
use sanji_log::{CaseId, Hash, StationCode};

use super::ledger::stands_over;

/// The steps that count, in order.
#[must_use]
pub fn chain(case: &CaseId, entries: &[CaseEntry]) -> Vec<Hash> {
    let Some(home) = case.home() else { return Vec::new() };
    let steps: Vec<(&CaseEntry, &Step)> = entries
        .iter()
        .filter(|entry| entry.log.home == home)
        .filter_map(|entry| match &entry.body {
            Body::Step(step) => Some((entry, step)),
            Body::Side(_) => None,
        })
        .collect();
    let mut counted: Vec<Hash> = Vec::new();
    let mut last: Option<&Step> = None;
    loop {
        let follows = |(entry, step): &&(&CaseEntry, &Step)| {
            step.previous == counted.last().copied() && may_follow(last, step, entry.writer, home)
        };
        let next = steps.iter().filter(follows).min_by_key(|(entry, step)| (Reverse(step.term), entry.hash));
        let Some((entry, step)) = next else { return counted };
        counted.push(entry.hash);
        last = Some(step);
    }
}

fn may_follow(last: Option<&Step>, step: &Step, writer: StationCode, home: StationCode) -> bool {
    let on_the_way = stands_over(step.holder, home);
    let allowed = match (last, &step.event) {
        (None, StepEvent::Submitted(_)) => step.rev == 1 && step.term == 0 && writer == home,
        (None, _) | (Some(_), StepEvent::Submitted(_)) => false,
        (Some(last), StepEvent::Reclaimed { from }) => {
            let above = writer != last.holder && stands_over(writer, last.holder);
            above
                && step.rev == last.rev + 1
                && step.term == last.term + 1
                && step.holder == writer
                && *from == last.holder
        }
        (Some(last), _) => writer == last.holder && step.rev == last.rev + 1 && step.term == last.term,
    };
    on_the_way && allowed
}
