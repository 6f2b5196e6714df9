//! Commands for administrators and scripts that need no running station: they reckon with a folder of data files in
//! the schemas of `tests/sample`, or with nothing but what is typed.
//!
//! | module | holds |
//! | --- | --- |
//! | [`calendar`] | working days of a year; a deadline |
//! | [`catalogue`] | every fault of a data folder |
//! | [`walk`], [`dry_run`], [`stand_in`] | an item's route, walked by the rules of real cases |
//! | [`identity`] | identity numbers and credit codes |

mod calendar;
mod catalogue;
mod dry_run;
mod identity;
mod stand_in;
mod walk;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::error::Error;

/// What can be asked without a station.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Calendar(calendar::Arguments),
    /// Check a folder of data files, or walk an item's route
    #[command(subcommand)]
    Catalogue(catalogue::Command),
    /// Check identity numbers and credit codes
    #[command(subcommand)]
    Id(identity::Command),
}

impl Command {
    pub(crate) fn run(self) -> Result<(), Error> {
        match self {
            Self::Calendar(arguments) => arguments.run(),
            Self::Catalogue(command) => command.run(),
            Self::Id(command) => command.run(),
        }
    }
}

/// Where the data files lie.
#[derive(Debug, Args)]
struct Folder {
    /// Folder of the district's data files: catalogue/, organisation/, calendar/.
    #[arg(long = "folder", value_name = "DIR")]
    path: PathBuf,
}
