//! A whole district in one thread, driven by a seed: pure sessions, station cores and stores in memory, on lines
//! that are cut and slow, in stations that crash. Time is virtual, so a minute of faults takes less than a second,
//! and the same seed gives the same trace.
//!
//! | module | answers |
//! | --- | --- |
//! | [`agenda`] | what happens next |
//! | [`network`] | which messages arrive, and when |
//! | [`station`] | one station: its core, its store, its sessions |
//! | [`world`] | all of them together: one happening after the other |
//! | [`faults`] | what goes wrong |
//! | [`links`] | what the program around the sessions does |
//! | [`attachments`] | which chunks are asked for, and what comes of them |
//! | [`bundles`] | what people carry on sticks |
//! | [`lives`] | disks that die, folders that run twice, keys that are stolen, cases that are reclaimed |
//! | [`tamper`] | what somebody in between alters |
//! | [`liar`] | a township in wrong hands |
//! | [`people`] | what people ask for |
//! | [`sample`] | the district's files, keys and certificates |
//! | [`ledger`] | what must be true after every step |
//! | [`oracle`] | which steps of a case count, by another way |
//! | [`model`] | what must be true at the end |
//! | [`trace`] | what happened, line by line |
//! | [`attempt`](mod@attempt) | a run whose failure is a value |
//!
//! A run has two parts. First people work while lines and stations fail; then everything is healed, and within
//! [`world::HEALING_MS`] all stations must agree with the model.

// What a test finds wrong it says by a panic.
#![allow(clippy::expect_used, clippy::panic)]

pub mod agenda;
pub mod attachments;
pub mod attempt;
pub mod bundles;
pub mod faults;
pub mod ledger;
pub mod liar;
pub mod links;
pub mod lives;
pub mod model;
pub mod network;
pub mod oracle;
pub mod people;
pub mod sample;
pub mod station;
pub mod tamper;
pub mod trace;
pub mod world;

pub use attempt::{Failure, attempt, bug, plant};
pub use faults::Counters;
pub use trace::Trace;
pub use world::World;

/// What a run has shown.
#[derive(Debug)]
pub struct Report {
    /// How often each thing happened.
    pub counters: Counters,
    /// Most bytes of entries that were under way from one end of a link.
    pub most_in_flight: usize,
    /// What happened.
    pub trace: Trace,
}

/// Plays a seed to its end.
///
/// # Panics
/// Where a station does what it must not, or the stations don't agree after healing: the message says which.
#[must_use]
pub fn play(seed: u64, trace: Trace) -> Report {
    let mut world = World::new(seed, trace);
    world.work();
    world.heal();
    world.check();
    world.into_report()
}
