//! Why a command fails, and how that is told: one line on standard error.

use std::fmt::Write as _;
use std::path::PathBuf;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{config, folder};

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was typed or given in a file can't be meant.
    #[error("{0}")]
    Input(String),
    /// A file that the command names can't be read or written.
    #[error("can't {operation} {path}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The configuration can't be used.
    #[error("the configuration can't be used")]
    Config(#[from] config::Error),
    /// The data folder can't be used.
    #[error("the data folder can't be used")]
    Folder(#[from] folder::Error),
    /// The station does not answer.
    #[error("no station answers at {address}")]
    Connect {
        /// Its address.
        address: String,
        /// Why.
        source: tonic::transport::Error,
    },
    /// The station refuses.
    #[error("{}", told(.0))]
    Refused(Box<Status>),
    /// The store of a stopped station can't be used, for example because it is not stopped.
    #[error("can't {operation}")]
    Store {
        /// What was tried.
        operation: &'static str,
        /// The store's reason.
        source: sanji_store::Error,
    },
    /// A stopped station can't be read.
    #[error("can't read the station")]
    Station(#[source] crate::Error),
    /// A bundle was refused, or could be read or written in part only.
    #[error("the bundle was not taken to its end: {0}")]
    Bundle(String),
    /// A backup can't be written or read.
    #[error("the backup failed")]
    Backup(#[from] crate::backup::Error),
    /// A check found faults; they were printed.
    #[error("{0} faults found")]
    Faults(usize),
    /// A paper or a case file can't be relied on; why was printed.
    #[error("it can't be relied on as it is")]
    Unproved,
    /// Standard output is gone or the command can't run at all.
    #[error("can't {operation}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

/// A status in words: the sentence, the fields concerned, the legal basis.
fn told(status: &Status) -> String {
    let sentence = match (status.code(), status.message()) {
        (code, "") => code.description().to_owned(),
        (Code::Unauthenticated, message) => format!("no access: {message}"),
        (_, message) => message.to_owned(),
    };
    let details = status.get_error_details();
    let mut told = sentence.replace('\n', " ");
    for violation in details.bad_request().map_or(&[][..], |bad| &bad.field_violations) {
        let _ = write!(told, "; {}: {}", violation.field, violation.description);
    }
    if let Some(basis) = details.error_info().and_then(|info| info.metadata.get("basis")) {
        let _ = write!(told, " [{basis}]");
    }
    told
}

/// An error and what led to it, in one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(line, ": {error}");
        source = error.source();
    }
    line.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;

    #[test]
    fn a_refusal_is_told_with_its_fields_and_basis() {
        let mut details = ErrorDetails::new();
        details.set_bad_request(vec![FieldViolation::new("applicant.id_number", "校验码不对")]);
        details.set_error_info("wrong_input", "sanji", [("basis".to_owned(), "某法第一条".to_owned())]);
        let status = Status::with_error_details(Code::InvalidArgument, "申请人信息有误。", details);
        assert_eq!(chain(&Error::from(status)), "申请人信息有误。; applicant.id_number: 校验码不对 [某法第一条]");
    }

    #[test]
    fn causes_follow_in_one_line() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "no such\nfile");
        let error = Error::from(folder::Error::Io { operation: "read", path: "a/b".into(), source });
        assert_eq!(chain(&error), "the data folder can't be used: can't read a/b: no such file");
    }
}
