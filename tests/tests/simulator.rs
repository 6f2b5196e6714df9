//! The simulated district: as many seeds as fit into three minutes, in which every kind of fault happens and each of
//! which ends in agreement. Seeds that ever failed come first.
//!
//! One seed, line by line: `cargo run -p sanji-tests --bin sim -- --trace 17`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sanji_tests::simulator::{Counters, Trace, attempt, play};

/// For how long new seeds are begun.
const TIME: Duration = Duration::from_secs(180);
/// Seeds that are played however long it takes: enough for every kind of fault.
const SEEDS_MIN: u64 = 100;
/// Seeds that ever failed, one a line, with the reason.
const FAILED: &str = include_str!("../simulator-seeds.txt");

fn failed_before() -> Vec<u64> {
    let lines = FAILED.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| line.split_whitespace().next().unwrap().parse().expect("a line begins with its seed")).collect()
}

#[test]
fn whatever_fails_all_stations_agree_in_the_end() {
    let (began, before) = (Instant::now(), failed_before());
    let next = AtomicU64::new(0);
    let work = || {
        let (mut counters, mut most_in_flight) = (Counters::default(), 0);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let known = before.get(index as usize).copied();
            let seed = known.unwrap_or_else(|| index - before.len() as u64);
            if known.is_none() && seed >= SEEDS_MIN && began.elapsed() > TIME {
                return (counters, most_in_flight);
            }
            let report = attempt(seed, Trace::kept()).unwrap_or_else(|failure| panic!("{failure}"));
            counters.add(&report.counters);
            most_in_flight = most_in_flight.max(report.most_in_flight);
        }
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut counters = Counters::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (counted, most_in_flight) = worker.join().unwrap();
            assert!(most_in_flight > 0, "entries were under way");
            counters.add(&counted);
        }
    });
    let seeds = next.load(Ordering::Relaxed) - threads as u64;
    println!("{seeds} seeds in {:.0} s: {counters:#?}", began.elapsed().as_secs_f64());
    for (name, number) in counters.each() {
        assert!(number > 0, "in {seeds} seeds there was nothing of: {name}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [1, 2, 3] {
        let (first, second) = (play(seed, Trace::kept()), play(seed, Trace::kept()));
        assert!(first.trace.lines().lines().count() > 100, "a run tells something");
        assert_eq!(first.trace.digest(), second.trace.digest(), "seed {seed}");
        assert_eq!(first.counters, second.counters);
    }
    assert_ne!(play(1, Trace::kept()).trace.digest(), play(2, Trace::kept()).trace.digest());
}
