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
//! | [`people`] | what people ask for |
//! | [`sample`] | the district's files, keys and certificates |
//! | [`model`] | what must be true at the end |
//! | [`trace`] | what happened, line by line |
//!
//! A run has two parts. First people work while lines and stations fail; then everything is healed, and within
//! [`world::HEALING_MS`] all stations must agree with the model.

// What a test finds wrong it says by a panic.
#![allow(clippy::expect_used, clippy::panic)]

pub mod agenda;
pub mod faults;
pub mod links;
pub mod model;
pub mod network;
pub mod people;
pub mod sample;
pub mod station;
pub mod trace;
pub mod world;

pub use faults::Counters;
pub use trace::Trace;
pub use world::World;

/// What a run has shown.
#[derive(Debug)]
pub struct Report {
    /// How often each thing happened.
    pub counters: Counters,
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
