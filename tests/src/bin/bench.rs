//! Measures a district of real processes on this machine and prints a table of figures and their targets.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sanji_station::run::Arguments;
use sanji_tests::bench::{self, Options, store, writers};

/// Measures a district of real processes on this machine and prints a table.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  cargo bench-sanji --json bench.json --runs 3\n  cargo bench-sanji --quick --only relay,submissions"
)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What the program is when it starts itself.
#[derive(Debug, Subcommand)]
enum Part {
    /// A village's station with writers in its process
    #[command(hide = true)]
    Serve(Arguments),
    /// A store alone
    #[command(hide = true, subcommand)]
    Store(store::Part),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.part {
        Some(Part::Serve(arguments)) => sanji_station::command::finish(writers::serve(arguments).await),
        Some(Part::Store(part)) => store_alone(&part),
        None => measure(&cli.options).await,
    }
}

async fn measure(options: &Options) -> ExitCode {
    match bench::run(options).await {
        Ok((machine, sheet)) => {
            println!(
                "{} × {}, {} MiB, Linux {}; the load runs on the same processors\n",
                machine.processors, machine.processor, machine.memory_mib, machine.kernel
            );
            print!("{}", sheet.table());
            if sheet.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => fail(&error),
    }
}

/// Prints what a part of the store's workload found, as one line of JSON.
fn store_alone(part: &store::Part) -> ExitCode {
    match store::carry_out(part).map(|told| serde_json::to_string(&told)) {
        Ok(Ok(line)) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Ok(Err(error)) => fail(&error),
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(below) = cause {
        eprintln!("  because: {below}");
        cause = below.source();
    }
    ExitCode::FAILURE
}
