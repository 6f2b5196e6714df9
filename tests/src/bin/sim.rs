//! Long runs of the simulator: `cargo run --release -p sanji-tests --bin sim -- --seeds 10000`.
//!
//! Exits with 1 where a seed fails. A seed that ever failed belongs into `tests/simulator-seeds.txt`, with a line
//! that says why; the tests play those first.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use sanji_log::planted::Bug;
use sanji_tests::simulator::{Counters, Failure, Report, Trace, attempt, bug, plant};

/// Plays districts on lines that are cut and disks that lose, one for each seed, and says what it finds.
#[derive(Parser)]
#[command(after_help = "Example: sim --seeds 10000 --from 1000\n         sim --trace 17\n         \
    sim --planted TearCommit   (built with --features planted-bugs)")]
struct Arguments {
    /// How many seeds are played.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Plays one seed and prints what happens in it, line by line.
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "from", "json"])]
    trace: Option<u64>,
    /// Plants a bug, to see how soon it is found; a list where the name is not known.
    #[arg(long, value_name = "BUG", value_parser = bug)]
    planted: Option<Bug>,
    /// Prints the result as JSON.
    #[arg(long)]
    json: bool,
}

/// What a run has shown.
#[derive(Default)]
struct Shown {
    seeds: u64,
    counters: Counters,
    most_in_flight: usize,
    failures: Vec<Failure>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.trace {
        Some(seed) => tell(seed, arguments.planted),
        None => search(&arguments),
    };
    // Standard output may be closed; there is nobody to tell then.
    result.unwrap_or(ExitCode::FAILURE)
}

fn tell(seed: u64, planted: Option<Bug>) -> io::Result<ExitCode> {
    plant(planted);
    match attempt(seed, Trace::printed()) {
        Ok(report) => {
            writeln!(io::stdout(), "seed {seed} passes, trace {}", report.trace.digest())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            writeln!(io::stderr(), "{failure}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn search(arguments: &Arguments) -> io::Result<ExitCode> {
    let began = Instant::now();
    let shown = Mutex::new(Shown::default());
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} seeds, {per_sec}, {msg}");
    let bar = ProgressBar::new(arguments.seeds).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let next = AtomicU64::new(0);
    let work = || {
        plant(arguments.planted);
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let found = arguments.planted.is_some() && !lock(&shown).failures.is_empty();
            if index >= arguments.seeds || found {
                return;
            }
            let played = attempt(arguments.from + index, Trace::kept());
            note(&mut lock(&shown), played, &bar);
        }
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    bar.finish_and_clear();
    let shown = shown.into_inner().unwrap_or_else(PoisonError::into_inner);
    print(arguments, &shown, began.elapsed().as_secs_f64())?;
    Ok(if shown.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn lock(shown: &Mutex<Shown>) -> std::sync::MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(shown: &mut Shown, played: Result<Report, Failure>, bar: &ProgressBar) {
    shown.seeds += 1;
    match played {
        Ok(report) => {
            shown.counters.add(&report.counters);
            shown.most_in_flight = shown.most_in_flight.max(report.most_in_flight);
        }
        Err(failure) => {
            bar.suspend(|| drop(writeln!(io::stderr(), "{failure}")));
            shown.failures.push(failure);
        }
    }
    bar.set_message(format!("{} failed", shown.failures.len()));
    bar.inc(1);
}

fn print(arguments: &Arguments, shown: &Shown, seconds: f64) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if arguments.json {
        let counters: serde_json::Map<_, _> =
            shown.counters.each().into_iter().map(|(name, number)| (name.to_owned(), number.into())).collect();
        let failures: Vec<_> = shown
            .failures
            .iter()
            .map(|failure| serde_json::json!({ "seed": failure.seed, "found": failure.found }))
            .collect();
        let result = serde_json::json!({
            "seeds": shown.seeds,
            "from": arguments.from,
            "seconds": seconds,
            "most_bytes_in_flight": shown.most_in_flight,
            "counters": counters,
            "failures": failures,
        });
        return writeln!(out, "{result:#}");
    }
    for (name, number) in shown.counters.each() {
        writeln!(out, "{number:>12} {name}")?;
    }
    writeln!(out, "{:>12} bytes in flight at the most", shown.most_in_flight)?;
    writeln!(out, "{} seeds in {seconds:.1} s, {} failed", shown.seeds, shown.failures.len())
}
