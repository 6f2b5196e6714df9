//! The simulator proves itself: each bug that is planted is found within 1,000 seeds, and the seed that finds it
//! passes without it.
//!
//! `cargo test -p sanji-tests --features planted-bugs --test planted -- --nocapture`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::sync::Mutex;
use std::thread;

use sanji_log::planted::Bug;
use sanji_tests::simulator::{Failure, Trace, attempt, plant};

const SEEDS_MAX: u64 = 1000;

/// The first seed that fails with a bug.
fn find(bug: Bug) -> Option<Failure> {
    plant(Some(bug));
    let found = (0..SEEDS_MAX).find_map(|seed| attempt(seed, Trace::kept()).err());
    plant(None);
    found
}

#[test]
fn every_planted_bug_is_found() {
    let left = Mutex::new(Bug::ALL.to_vec());
    let work = || {
        while let Some(bug) = { left.lock().unwrap().pop() } {
            let failure = find(bug).unwrap_or_else(|| panic!("{SEEDS_MAX} seeds don't find {bug:?}"));
            println!("{bug:?} after {} seeds: {}", failure.seed + 1, failure.found);
            let without = attempt(failure.seed, Trace::kept());
            assert!(without.is_ok(), "seed {} fails without the bug: {:?}", failure.seed, without.err());
        }
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}
