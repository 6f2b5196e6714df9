//! Which steps of a case count.
//!
//! A step counts if it is the successor of a step that counts, under these rules:
//!
//! 1. The first step is the opening of the case, written by its home, with rev 1 and term 0.
//! 2. Any other has the rev after its predecessor's, keeps its term, and is written by the station that held the case
//!    after the predecessor.
//! 3. A reclaim raises the term by one, is written by a station above the holder, names it, and takes the case.
//! 4. The case stays on the way from its home to the district, since only those stations hold its logs.
//! 5. Of several such successors of one step the one with the higher term counts, then the one with the lower hash.
//!    They come about where a lost station goes on (the term settles it) or a disk was cloned (the hash does, the
//!    same everywhere). The others, and what follows them, are superseded.
//!
//! Rules 1 to 4 look only at a step and its predecessor, so what they say never changes: a step that breaks them is
//! rejected for good, and what follows it too. Nothing is said of a step before all its predecessors have come.

use std::collections::BTreeMap;

use sanji_log::planted::{Bug, planted};
use sanji_log::{Hash, StationCode};
use serde::{Deserialize, Serialize};

use super::body::{Step, StepEvent};
use super::facts::{Kept, RejectedEntry, StepFacts};

/// Why an entry never counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rejection {
    /// It stands in a log of another home than the case's.
    OtherHome,
    /// It comes first but is not the opening of the case by its home.
    NotAnOpening,
    /// Its rev is not the one after its predecessor's.
    WrongRev,
    /// It opens a case that is open.
    OpensAgain,
    /// Its writer did not hold the case.
    NotHolder,
    /// Its term is not its predecessor's.
    WrongTerm,
    /// It reclaims the case and may not.
    WrongReclaim,
    /// It hands the case to a station that is not on the way from its home to the district.
    OffTheWay,
    /// It follows a rejected step.
    FollowsRejected,
}

/// The steps that count, in order, and the others that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) applied: Vec<Hash>,
    pub(super) waiting: Vec<Hash>,
    pub(super) superseded: Vec<Hash>,
}

impl Chain {
    /// Goes on with a step that is not kept yet, where it follows the last one that counts, breaks no rule, and nothing
    /// waits for it: then everything else stays as it is. False: nothing was done, all must be [linked](link) anew.
    pub(super) fn extend(&mut self, kept: &Kept, facts: &StepFacts) -> bool {
        let last = self.applied.last();
        if !self.waiting.is_empty() || facts.body.previous.as_ref() != last {
            return false;
        }
        let before = last.and_then(|hash| kept.step(hash)).map(|facts| &facts.body);
        let follows = fault(facts, before, kept.id.home()).is_none();
        if follows {
            self.applied.push(facts.hash);
        }
        follows
    }
}

/// Orders the steps that are kept and moves those that break a rule to the rejected.
pub(super) fn link(kept: &mut Kept) -> Chain {
    reject_what_breaks_rules(kept);
    let mut chain = Chain::default();
    let successors = successors(kept);
    // Steps that are linked to the opening, winners and losers alike.
    let mut linked: Vec<Hash> = successors.get(&None).cloned().unwrap_or_default();
    let mut next = 0;
    while let Some(hash) = linked.get(next).copied() {
        linked.extend(successors.get(&Some(hash)).into_iter().flatten());
        next += 1;
    }

    let mut at = None;
    while let Some(hash) = successors.get(&at).and_then(|rivals| winner(kept, rivals)) {
        chain.applied.push(hash);
        at = Some(hash);
    }
    for hash in kept.steps.keys() {
        match (linked.contains(hash), chain.applied.contains(hash)) {
            (_, true) => {}
            (true, false) => chain.superseded.push(*hash),
            (false, false) => chain.waiting.push(*hash),
        }
    }
    chain
}

fn successors(kept: &Kept) -> BTreeMap<Option<Hash>, Vec<Hash>> {
    let mut successors: BTreeMap<Option<Hash>, Vec<Hash>> = BTreeMap::new();
    for (hash, facts) in &kept.steps {
        successors.entry(facts.body.previous).or_default().push(*hash);
    }
    successors
}

/// Rule 5.
fn winner(kept: &Kept, rivals: &[Hash]) -> Option<Hash> {
    let term = |hash: &Hash| kept.steps.get(hash).map_or(0, |facts| facts.body.term);
    if planted(Bug::ApplySuperseded) {
        return rivals.iter().copied().min_by_key(|hash| (term(hash), *hash));
    }
    rivals.iter().copied().min_by_key(|hash| (std::cmp::Reverse(term(hash)), *hash))
}

/// Rules 1 to 4, from the opening outwards. A rejected step is always the first of its line to be found, so the
/// reason doesn't depend on what came when.
fn reject_what_breaks_rules(kept: &mut Kept) {
    let home = kept.id.home();
    let successors = successors(kept);
    let rejected_before: Vec<Hash> = kept.rejected.keys().copied().collect();
    let mut open: Vec<(Option<Hash>, bool)> = vec![(None, true)];
    open.extend(rejected_before.into_iter().map(|hash| (Some(hash), false)));
    while let Some((previous, counts)) = open.pop() {
        for hash in successors.get(&previous).into_iter().flatten() {
            let Some(facts) = kept.steps.get(hash) else { continue };
            let before = previous.and_then(|previous| kept.step(&previous)).map(|facts| &facts.body);
            let fault = if counts { fault(facts, before, home) } else { Some(Rejection::FollowsRejected) };
            if let Some(reason) = fault {
                let entry =
                    RejectedEntry { log: facts.log, seq: facts.seq, time: facts.time, writer: facts.writer, reason };
                kept.rejected.insert(*hash, entry);
                kept.steps.remove(hash);
            }
            open.push((Some(*hash), fault.is_none()));
        }
    }
}

/// What is wrong with a step whose predecessor counts so far.
fn fault(facts: &StepFacts, before: Option<&Step>, home: Option<StationCode>) -> Option<Rejection> {
    match (home, before) {
        (None, _) => Some(Rejection::OtherHome),
        (Some(home), None) => fault_of_first(facts, home),
        (Some(home), Some(before)) => fault_of_successor(facts, before, home),
    }
}

fn fault_of_first(facts: &StepFacts, home: StationCode) -> Option<Rejection> {
    let step = &facts.body;
    let opens = matches!(step.event, StepEvent::Submitted(_)) && step.rev == 1 && step.term == 0;
    if !opens || facts.writer != home {
        Some(Rejection::NotAnOpening)
    } else if !home.within(step.holder) {
        Some(Rejection::OffTheWay)
    } else {
        None
    }
}

fn fault_of_successor(facts: &StepFacts, before: &Step, home: StationCode) -> Option<Rejection> {
    let step = &facts.body;
    if before.rev.checked_add(1) != Some(step.rev) {
        return Some(Rejection::WrongRev);
    }
    if !home.within(step.holder) {
        return Some(Rejection::OffTheWay);
    }
    match step.event {
        StepEvent::Submitted(_) => Some(Rejection::OpensAgain),
        StepEvent::Reclaimed { from } => {
            let above = facts.writer != before.holder && before.holder.within(facts.writer);
            let raises = before.term.checked_add(1) == Some(step.term);
            let takes = step.holder == facts.writer && from == before.holder;
            (!(above && raises && takes)).then_some(Rejection::WrongReclaim)
        }
        _ if step.term != before.term => Some(Rejection::WrongTerm),
        _ if facts.writer != before.holder && !planted(Bug::SkipHolder) => Some(Rejection::NotHolder),
        _ => None,
    }
}
