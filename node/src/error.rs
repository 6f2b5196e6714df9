//! What can go wrong while a node becomes part of a district.

use std::path::PathBuf;

use sanji_log::StationCode;
use sanji_station::{Failure, folder, run};

/// Why a node can't enrol.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What was typed can't be meant.
    #[error("{0}")]
    Input(String),
    /// The data folder has another station's backup.
    #[error("the data folder has the backup of {0}")]
    Backup(StationCode),
    /// The data folder can't be used.
    #[error("the data folder can't be used")]
    Folder(#[from] folder::Error),
    /// The hub did not enrol the station.
    #[error("can't enrol at {hub}")]
    Enrol { hub: String, source: Box<sanji_link::Error> },
    /// A file of an enrolment without a line will not do.
    #[error("can't use {}", path.display())]
    File { path: PathBuf, source: Box<sanji_link::Error> },
    /// The hub's answer makes this a station, but what else it brings can't be taken.
    #[error("the station is enrolled, but has not all of the answer; bring it again with `sanji-node import`")]
    Import { source: sanji_station::bundle::Error },
    /// The store or the station can't be opened.
    #[error(transparent)]
    Run(#[from] run::Error),
    /// What the hub gave can't be kept.
    #[error("can't keep what the hub gave")]
    Adopt { source: Failure },
    /// Nobody reads the answer.
    #[error(transparent)]
    Output(#[from] sanji_station::command::Error),
}
