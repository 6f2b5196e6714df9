//! Measures a district of real processes on this machine and prints a table of figures and their targets.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sanji_station::run::Arguments;
use sanji_tests::bench::{self, Options, writers};

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
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.part {
        Some(Part::Serve(arguments)) => sanji_station::command::finish(writers::serve(arguments).await),
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
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
