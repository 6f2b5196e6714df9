//! The commands that hub and node share: everything that a station's keeper or a script does at one station.
//!
//! They talk to the running station over its loopback service, with the rights of the token that is given; the
//! keeper's token is found in the data folder. `dump`, `verify`, `token`, `export` and `import` also work on the data
//! folder of a stopped station. Bad input is one line on standard error and exit status 1 or 2.

mod attachments;
pub mod backups;
mod bundles;
mod cases;
mod client;
mod deadlines;
mod error;
pub mod exchange;
mod json;
mod keeper;
mod matters;
mod output;
mod quarantine;
mod records;
mod staff;
mod stopped;
mod supervision;
pub mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use bundles::{progress_bar, receive, write_new};
pub use client::{At, Client};
pub use error::{Error, chain};
pub use output::{Output, print_line};

use crate::config::Program;

/// What both programs can do.
#[derive(Debug, Subcommand)]
pub enum Common {
    /// What a person does at the desk.
    #[command(flatten)]
    Cases(cases::Command),
    /// What has a life of its own beside cases.
    #[command(flatten)]
    Matters(matters::Command),
    /// Electronic supervision (电子监察): board, alerts, orders, ranking
    #[command(subcommand)]
    Supervision(supervision::Command),
    /// Deadlines.
    #[command(flatten)]
    Deadlines(deadlines::Command),
    /// Exchange without a line.
    #[command(flatten)]
    Bundles(bundles::Command),
    /// Ledgers, papers, case files.
    #[command(flatten)]
    Records(records::Command),
    /// A copy for bad days.
    #[command(flatten)]
    Backups(backups::Command),
    /// The people: who is away, who acts for whom, suspension and changes
    #[command(subcommand)]
    Staff(staff::Command),
    /// What the keeper of the station does.
    #[command(flatten)]
    Keeper(keeper::Command),
    /// What was sent here and does not count: list it, try it again, settle it
    #[command(subcommand)]
    Quarantine(quarantine::Command),
}

impl Common {
    /// Does it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn run(self, program: Program) -> Result<(), Error> {
        match self {
            Self::Cases(command) => command.run().await,
            Self::Matters(command) => command.run().await,
            Self::Supervision(command) => command.run().await,
            Self::Deadlines(command) => command.run().await,
            Self::Bundles(command) => command.run(program).await,
            Self::Records(command) => command.run().await,
            Self::Backups(command) => command.run(program).await,
            Self::Staff(command) => command.run().await,
            Self::Keeper(command) => command.run(program).await,
            Self::Quarantine(command) => command.run().await,
        }
    }
}

/// Reads the command line. Help goes to standard output; what can't be meant is one line on standard error.
///
/// # Errors
/// The exit status with which the process shall end.
pub fn parse<C: Parser>() -> Result<C, ExitCode> {
    C::try_parse().map_err(|fault| {
        if fault.use_stderr() {
            let text = fault.render().to_string();
            // The first paragraph may list missing arguments on lines of their own.
            let paragraph: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
            complain(&format!("{}; see --help", paragraph.join(" ").trim_start_matches("error: ")));
            return ExitCode::from(2);
        }
        // Fails only where standard output is closed: then nobody reads the help.
        let _ = fault.print();
        ExitCode::SUCCESS
    })
}

/// Ends a command: nothing, or one line on standard error and status 1.
pub fn finish<E: std::error::Error>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn complain(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "error: {line}");
}
