//! What can go wrong at a hub beside its station.

use std::path::PathBuf;

use sanji_domain::FileFault;
use sanji_station::{Failure, folder};

/// Why a hub can't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// What was typed can't be meant.
    #[error("{0}")]
    Input(String),
    /// A file or folder can't be read or written.
    #[error("can't {operation} {path}")]
    File { operation: &'static str, path: PathBuf, source: std::io::Error },
    /// The district's files have faults.
    #[error("{}", told(.0))]
    Faults(Vec<FileFault>),
    /// The data folder can't be used.
    #[error("the data folder can't be used")]
    Folder(#[from] folder::Error),
    /// The store can't be opened.
    #[error("can't open the store")]
    Store { source: sanji_store::Error },
    /// The station can't be opened or written.
    #[error("can't {operation}")]
    Station { operation: &'static str, source: sanji_station::Error },
    /// The station refuses to write.
    #[error("can't {operation}")]
    Write { operation: &'static str, source: Failure },
    /// Keys or certificates can't be made.
    #[error("can't {operation}")]
    Certificate { operation: &'static str, source: sanji_link::Error },
    /// A password can't be made or hashed.
    #[error("can't hash a password: {0}")]
    Password(String),
    /// A call to the running hub failed.
    #[error(transparent)]
    Command(#[from] sanji_station::command::Error),
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Command(status.into())
    }
}

/// The first fault, and how many there are besides.
fn told(faults: &[FileFault]) -> String {
    match faults {
        [] => String::new(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more faults)", rest.len()),
    }
}
