//! `sanji-hub`: the district's station. It is a station like every other, with the district's certificate
//! authority, enrolment, register of stations and published files on top.
//!
//! | module | holds |
//! | --- | --- |
//! | [`init`] | a new district: keys, authority, files, staff |
//! | [`restore`] | the district's hub from its backup: a new life |
//! | [`serve`] | the running hub as a list |
//! | [`files`], [`staff`] | the district's data folder, read and checked as a whole |
//! | [`codes`], [`enroller`] | one-time codes and what they are traded for |
//! | [`register`], [`duties`] | stations added and revoked, files published, while the hub runs |
//! | [`administration`], [`desk`] | the same over gRPC, and at the web desk |
//! | [`evidence`], [`forks`] | data folders that run on two machines: branches, decision |
//! | [`store`] | where the hub's records are: moving them into a database, a new life on one |
//! | [`rests`] | what revoked stations had written and not delivered: the decision |
//! | [`renewal`] | certificates that end soon |
//! | [`stations`] | the commands `station` and `publish` |
//! | [`tools`] | what needs no station: calendar, catalogue, numbers |

mod administration;
mod codes;
mod desk;
mod duties;
mod enroller;
mod error;
mod evidence;
mod files;
mod forks;
mod init;
mod register;
mod renewal;
mod restore;
mod rests;
mod serve;
mod staff;
mod stations;
mod store;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sanji_station::command::{self, Common};
use sanji_station::config::Program;
use sanji_station::run;

/// The district's hub of Sanji.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Arguments),
    Restore(restore::Arguments),
    /// Run the hub until it is told to stop (SIGTERM or Ctrl-C)
    #[command(after_help = "Example:\n  sanji-hub serve --data hub")]
    Serve(run::Arguments),
    /// Add, revoke and list stations, while the hub runs
    #[command(subcommand)]
    Station(stations::Command),
    /// What to do when two machines run one data folder, while the hub runs
    #[command(subcommand)]
    Fork(forks::Command),
    /// Decide what becomes of what a revoked station had written and not delivered, while the hub runs
    #[command(subcommand)]
    Rest(rests::Command),
    /// Where the hub's records are, while it is stopped
    #[command(subcommand)]
    Store(store::Command),
    Publish(stations::Publish),
    /// Give the platform above what it shall have of the cases
    #[command(subcommand)]
    Exchange(command::exchange::Command),
    #[command(flatten)]
    Tools(tools::Command),
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
        Command::Init(arguments) => command::finish(init::init(arguments).await),
        Command::Restore(arguments) => command::finish(restore::restore(arguments).await),
        Command::Serve(arguments) => command::finish(serve::serve(arguments).await),
        Command::Station(stations) => command::finish(stations.run().await),
        Command::Fork(forks) => command::finish(forks.run().await),
        Command::Rest(rests) => command::finish(rests.run().await),
        Command::Store(store) => command::finish(store.run().await),
        Command::Publish(publish) => command::finish(publish.run().await),
        Command::Exchange(exchange) => command::finish(exchange.run().await),
        Command::Tools(tools) => command::finish(tools.run()),
        Command::Common(common) => command::finish(common.run(Program::Hub).await),
    }
}
