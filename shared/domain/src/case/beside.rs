//! What is said beside the route, in the order in which it was said.
//!
//! Side entries follow no chain, so only their times tell which came first, and a PC's clock may be wrong by days. They
//! are ordered by the times that can be trusted (see [`clock`](super::clock)), so that an answer stands behind what it
//! answers. Where nobody has noted yet that a clock is off, or it is off by less than anybody notes, an answer may still
//! stand first. So whoever folds them drops no answer that finds no question: it waits for one ([`in_turn`]).
//!
//! Some answers are one too many: two people answered one question, neither knowing of the other. Those must not wait,
//! or they would answer the next question, at which nobody has looked. What tells them apart: one life of a station knows
//! what it has written itself, and the rules let it answer a question once ([`Lives`]).

use sanji_log::PublicKey;

use super::body::SideEvent;
use super::clock::Notes;
use super::facts::SideFacts;
use super::state::Case;

impl Case {
    /// The side entries that are picked, in the order in which they were said; of one time, in that of their writers'
    /// clocks and then by hash.
    pub(crate) fn said(&self, picked: impl Fn(&SideEvent) -> bool) -> Vec<&SideFacts> {
        let mut said: Vec<&SideFacts> = self.sides().filter(|facts| picked(&facts.body.event)).collect();
        // Work lists ask this of every case, and few have so much to order.
        if said.len() > 1 {
            let notes = Notes::of(self);
            said.sort_by_cached_key(|facts| {
                (notes.time(&facts.hash, facts.time, facts.writer), facts.time, facts.hash)
            });
        }
        said
    }
}

/// Gives what was said to `take`, one after the other. What it does not take yet waits, and is tried again, the first
/// first, whenever it has taken something. Returns what was never taken.
pub(crate) fn in_turn<T>(said: impl IntoIterator<Item = T>, mut take: impl FnMut(&T) -> bool) -> Vec<T> {
    let mut waiting = Vec::new();
    for next in said {
        if !take(&next) {
            waiting.push(next);
            continue;
        }
        while let Some(at) = waiting.iter().position(&mut take) {
            waiting.remove(at);
        }
    }
    waiting
}

/// The lives of stations, by their keys, that have spoken to a question.
#[derive(Debug, Default)]
pub(crate) struct Lives(Vec<PublicKey>);

impl Lives {
    /// The one that has spoken first, of a new question.
    pub(crate) fn begin(life: PublicKey) -> Self {
        Self(vec![life])
    }

    /// Notes that a life has spoken. False: it had before, so what it says now is about another question.
    pub(crate) fn note(&mut self, life: PublicKey) -> bool {
        let is_new = !self.0.contains(&life);
        if is_new {
            self.0.push(life);
        }
        is_new
    }

    /// Whether nobody has.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
