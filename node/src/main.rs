//! `sanji-node`: the station of a township or a village.
//!
//! | module | holds |
//! | --- | --- |
//! | [`enrol`] | how it becomes part of its district |
//! | [`attempt`] | the key with which it asks for that |
//! | [`restore`] | how it comes back from a backup |
//! | [`enrol_by_file`] | the same without a line |
//! | [`first`] | the page on which a person does either |
//! | [`serve`] | the running node as a list |
//!
//! Everything else is what every station does: `sanji-station`.

mod attempt;
mod enrol;
mod enrol_by_file;
mod error;
mod first;
mod restore;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sanji_station::command::{self, Common};
use sanji_station::config::Program;
use sanji_station::run;

/// A township's or a village's node of Sanji.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Enrol(enrol::Arguments),
    Restore(restore::Arguments),
    #[command(subcommand)]
    EnrolByFile(enrol_by_file::Command),
    /// Run the node until it is told to stop (SIGTERM or Ctrl-C)
    ///
    /// A folder that holds no station yet is enrolled first, on a page for a browser on this machine.
    #[command(after_help = "Example:\n  sanji-node serve --data village")]
    Serve(run::Arguments),
    #[command(flatten)]
    Common(Common),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli: Cli = match command::parse() {
        Ok(cli) => cli,
        Err(status) => return status,
    };
    match cli.command {
        Command::Enrol(arguments) => command::finish(enrol::enrol(arguments).await),
        Command::Restore(arguments) => command::finish(restore::restore(arguments).await),
        Command::EnrolByFile(step) => command::finish(step.run().await),
        Command::Serve(arguments) => command::finish(serve::serve(arguments).await),
        Command::Common(common) => command::finish(common.run(Program::Node).await),
    }
}
