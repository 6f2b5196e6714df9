//! Makes a generated year of a whole district: `cargo run --release --bin year -- --data DIR`.
//!
//! What comes out is the data folder of a hub that `sanji-hub serve --data DIR` runs, with everything that its
//! villages and townships did in the year. Everybody's password is that of the demo.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::Date;
use sanji_tests::year::{Order, make};
use sanji_tests::{Error, sample};

/// Makes a year of the sample district: 219 villages, 18 townships, seasons, market days, late people, dead lines.
#[derive(Parser)]
#[command(
    after_help = "Example: year --data /tmp/year-hub --cases 100000\n         sanji-hub serve --data /tmp/year-hub"
)]
struct Arguments {
    /// Folder for the hub's data; it must not exist yet.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// About so many cases.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    cases: u32,
    /// First day.
    #[arg(long, value_name = "DATE", default_value = "2025-11-28")]
    from: Date,
    /// Last day.
    #[arg(long, value_name = "DATE", default_value = "2026-11-27")]
    until: Date,
    /// The same seed gives the same year, but for keys and nonces.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The district's files, as `sanji-hub init --sample` takes them. Without it, the sample district.
    #[arg(long, value_name = "DIR")]
    sample: Option<PathBuf>,
    /// Prints what was made as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut line = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                line.push_str(&format!(": {next}"));
                cause = next.source();
            }
            // Standard error may be closed; there is nobody to tell then.
            let _ = writeln!(io::stderr(), "{line}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    if arguments.data.exists() {
        return Err(Error::Folder { path: arguments.data.clone() });
    }
    let order = Order {
        data: arguments.data.clone(),
        sample: arguments.sample.clone().unwrap_or_else(sample::folder),
        cases: arguments.cases,
        from: arguments.from,
        until: arguments.until,
        seed: arguments.seed,
    };
    let bar = ProgressBar::new(u64::from(arguments.cases));
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} cases, {msg}, {elapsed}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let mut month = 0;
    let made = make(&order, &mut |day, made| {
        bar.set_position(u64::from(made.cases));
        bar.set_message(day.to_string());
        if bar.is_hidden() && month != day.month() {
            month = day.month();
            let _ = writeln!(io::stderr(), "{day}: {} cases", made.cases);
        }
    })?;
    bar.finish_and_clear();
    let shown = if arguments.json { serde_json::to_string(&made) } else { serde_json::to_string_pretty(&made) };
    let shown = shown.map_err(|source| Error::Json { what: "what was made", source })?;
    writeln!(io::stdout(), "{shown}").map_err(|source| Error::Io { operation: "print what was made", source })
}
