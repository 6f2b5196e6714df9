//! The simulated district: 200 seeds in which every kind of fault happens, each ending in agreement.
//!
//! `SEED=17 cargo test -p sanji-tests --test simulator -- --nocapture` plays one seed and prints what happened.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use sanji_tests::simulator::{Counters, Trace, play};

const SEEDS: u64 = 200;

#[test]
fn whatever_fails_all_stations_agree_in_the_end() {
    if let Ok(seed) = std::env::var("SEED") {
        let report = play(seed.parse().expect("SEED is a number"), Trace::printed());
        return println!("{:#?}", report.counters);
    }
    let next = AtomicU64::new(0);
    let work = || {
        let mut counters = Counters::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= SEEDS {
                return counters;
            }
            let played = thread::Builder::new().name(format!("seed {seed}"));
            match thread::scope(|scope| played.spawn_scoped(scope, || play(seed, Trace::kept())).unwrap().join()) {
                Ok(report) => counters.add(&report.counters),
                Err(_) => panic!("seed {seed} fails; SEED={seed} shows how"),
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut counters = Counters::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| counters.add(&worker.join().unwrap()));
    });
    println!("{counters:#?}");
    for (name, number) in counters.each() {
        assert!(number > 0, "in {SEEDS} seeds there was nothing of: {name}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [1, 2, 3] {
        let (first, second) = (play(seed, Trace::kept()), play(seed, Trace::kept()));
        assert!(first.trace.lines().lines().count() > 100, "a run tells something");
        assert_eq!(first.trace.lines(), second.trace.lines(), "seed {seed}");
        assert_eq!(first.counters, second.counters);
    }
    assert_ne!(play(1, Trace::kept()).trace.lines(), play(2, Trace::kept()).trace.lines());
}
