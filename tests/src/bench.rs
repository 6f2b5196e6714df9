//! The benchmark: how fast a district of real processes is, over mutual TLS, each tier durable before it acknowledges.
//!
//! | module | holds |
//! | --- | --- |
//! | [`relay`], [`submissions`], [`trip`], [`catch_up`], [`fan_in`], [`thin`], [`attachments`], [`herd`], [`store`] | the workloads, one a file |
//! | [`mod@line`] | the village, township and hub that most of them run on |
//! | [`writers`] | a village's station with writers in its process |
//! | [`books`] | nothing lost, nothing doubled: checked at the end of each workload |
//! | [`sheet`] | figures, their targets, the table |
//! | [`text`], [`form`] | what is written |
//!
//! The load runs on the same processors as the stations. Figures say so: they are those of the whole machine.

pub mod attachments;
pub mod books;
pub mod catch_up;
pub mod fan_in;
pub mod form;
pub mod herd;
pub mod line;
pub mod relay;
pub mod sheet;
pub mod store;
pub mod submissions;
pub mod text;
pub mod thin;
pub mod trip;
pub mod writers;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tempfile::TempDir;

use crate::Error;
use crate::binaries::Binaries;
use crate::machine::Machine;
use sheet::Sheet;

/// What can be measured, in the order in which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// Entries from the village to the hub, as fast as they go
    Relay,
    /// Applications by gRPC, each a case
    Submissions,
    /// There and back at 50 a second
    Trip,
    /// A township comes back after its village has written 20,000 entries
    #[value(alias = "catchup")]
    CatchUp,
    /// 200 villages under 20 townships
    #[value(alias = "fanin")]
    FanIn,
    /// 64 kbit/s, 600 ms, 5 % loss
    Thin,
    /// 20 files of 2 MB while applications go on
    Attachments,
    /// 400 nodes return to a restarted hub
    Herd,
    /// The store alone, up to 2,000,000 entries
    Store,
}

/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// A small part of the work, to see that every workload runs; its figures mean little
    #[arg(long)]
    pub quick: bool,
    /// Only these workloads
    #[arg(long, value_name = "WORKLOAD", value_delimiter = ',')]
    pub only: Vec<Workload>,
    /// Measure so many times; the table shows the median and the range
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub runs: u8,
    /// On the line of three stations, keep the hub's records in a PostgreSQL server that the benchmark starts
    #[arg(long)]
    pub database: bool,
    /// Write the figures and the machine's facts to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// What workloads are given.
#[derive(Debug)]
pub struct Setting {
    /// The programs of hub and nodes.
    pub binaries: Binaries,
    /// The bench program itself, which can be a village's station with writers.
    pub program: PathBuf,
    /// How often each figure is measured.
    pub runs: usize,
    /// Whether the hub of a line has its records in PostgreSQL.
    pub database: bool,
    quick: bool,
    progress: ProgressBar,
}

impl Setting {
    /// The size of something: whole, or for a quick look.
    #[must_use]
    pub fn size(&self, whole: usize, quick: usize) -> usize {
        if self.quick { quick } else { whole }
    }

    /// A folder for a workload's stations, gone when it is dropped.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn folder(&self) -> Result<TempDir, Error> {
        tempfile::tempdir().map_err(|source| Error::Io { operation: "make a temporary folder", source })
    }

    /// Waits until stations have done what they put off while they were at work: they tell their index of it in a calm.
    pub async fn rest(&self) {
        self.tell("until all is at rest");
        tokio::time::sleep(Duration::from_secs(self.size(15, 1) as u64)).await;
    }

    /// Says on standard error what is being done.
    pub fn tell(&self, what: &str) {
        if std::io::stderr().is_terminal() {
            self.progress.set_message(what.to_owned());
        } else {
            tell_plainly(what);
        }
    }
}

#[allow(clippy::print_stderr)]
fn tell_plainly(what: &str) {
    eprintln!("{what}");
}

#[derive(Serialize)]
struct Report<'r> {
    machine: Machine,
    quick: bool,
    runs: u8,
    #[serde(flatten)]
    sheet: &'r Sheet,
}

/// Measures what is asked for. A workload that fails does not keep the others from being measured.
///
/// # Errors
/// Where the programs can't be built or the figures can't be written.
pub async fn run(options: &Options) -> Result<(Machine, Sheet), Error> {
    let program = std::env::current_exe().map_err(|source| Error::Io { operation: "find this program", source })?;
    let progress = ProgressBar::new_spinner();
    progress.set_style(ProgressStyle::default_spinner());
    progress.enable_steady_tick(Duration::from_millis(200));
    let setting = Setting {
        binaries: Binaries::build(true)?,
        program,
        runs: options.runs.into(),
        database: options.database,
        quick: options.quick,
        progress,
    };
    let mut sheet = Sheet::default();
    for workload in <Workload as clap::ValueEnum>::value_variants() {
        if !options.only.is_empty() && !options.only.contains(workload) {
            continue;
        }
        let measured = match workload {
            Workload::Relay => relay::measure(&setting, &mut sheet).await,
            Workload::Submissions => submissions::measure(&setting, &mut sheet).await,
            Workload::Trip => trip::measure(&setting, &mut sheet).await,
            Workload::CatchUp => catch_up::measure(&setting, &mut sheet).await,
            Workload::FanIn => fan_in::measure(&setting, &mut sheet).await,
            Workload::Thin => thin::measure(&setting, &mut sheet).await,
            Workload::Attachments => attachments::measure(&setting, &mut sheet).await,
            Workload::Herd => herd::measure(&setting, &mut sheet).await,
            Workload::Store => store::measure(&setting, &mut sheet).await,
        };
        if let Err(error) = measured {
            let mut why = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(below) = cause {
                why = format!("{why}: {below}");
                cause = below.source();
            }
            let name = clap::ValueEnum::to_possible_value(workload);
            sheet.fail(name.as_ref().map_or("", |name| name.get_name()), why);
        }
    }
    setting.progress.finish_and_clear();
    let machine = Machine::read();
    if let Some(file) = &options.json {
        let report = Report { machine: machine.clone(), quick: options.quick, runs: options.runs, sheet: &sheet };
        let text = serde_json::to_string_pretty(&report).map_err(|source| Error::Json { what: "the table", source })?;
        std::fs::write(file, text).map_err(|source| Error::Io { operation: "write the figures", source })?;
    }
    Ok((machine, sheet))
}

/// A percentile in milliseconds.
fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let place = times.len().saturating_sub(1) * percent / 100;
    times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}

/// The value in the middle, or between the two in the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len() % 2, values.get(middle.wrapping_sub(1)), values.get(middle)) {
        (0, Some(below), Some(above)) => f64::midpoint(*below, *above),
        (_, _, Some(value)) => *value,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]).to_bits(), 2.5f64.to_bits());
        assert_eq!(median(&mut [7.0]).to_bits(), 7.0f64.to_bits());
    }

    #[test]
    fn of_a_hundred_times_the_99th_percentile_is_the_second_longest() {
        let mut times: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!((percentile(&mut times, 50), percentile(&mut times, 99)), (50.0, 99.0));
    }
}
