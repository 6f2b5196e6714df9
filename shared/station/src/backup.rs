//! Backups: a consistent copy of a station in one file, made while it runs, and what becomes of it.
//!
//! A backup is a tar archive inside the age format, encrypted with a passphrase or to a recipient, since it holds
//! keys; `age -d` and `tar` read it without this program. Its first file, `BACKUP.json`, says what it is and lists
//! the others: the journal up to a durable position, the complete attachments, and everything else of the data
//! folder that is not derived.
//!
//! Attachments come and go while it is written. One that is gone when its turn comes, though the list promised it, stands
//! in the archive as zeros with no permissions, and restoring leaves it out: the station then lacks it and fetches it
//! again, if a case still names it, while zeros under its name would pass for the whole attachment until somebody reads
//! them. (A release that does not know of this unpacks the zeros, which no hash of a chunk fits.)
//!
//! The signing key is left out, so a backup can't be run as a clone: what comes of it is a new life of the station,
//! under a new key, which heals from its peers before it writes (see [`crate::healing`]).
//!
//! | module | holds |
//! | --- | --- |
//! | `write` | what goes into a backup |
//! | `read` | unpacking into an empty folder |
//! | [`lock`](Lock) | passphrases, recipients and identities |

mod lock;
mod read;
mod write;

use std::path::PathBuf;

use sanji_log::StationCode;
use serde::{Deserialize, Serialize};

pub use lock::{Lock, Opener};
pub use read::restore;
pub use write::{Source, write};

/// Version of the form described here.
const FORMAT: u32 = 1;
/// First file of the archive.
const MANIFEST: &str = "BACKUP.json";
/// Permissions of a file in the archive …
const THERE: u32 = 0o600;
/// … and of one that was gone when its turn came.
const GONE: u32 = 0o000;

/// Why a backup can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("can't {operation} {path}")]
    Io {
        /// What was tried, for example "read".
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It can't be encrypted.
    #[error("can't encrypt the backup")]
    Encrypt {
        /// age's reason.
        source: age::EncryptError,
    },
    /// It can't be decrypted: another passphrase or identity, or no backup.
    #[error("can't decrypt the backup")]
    Decrypt {
        /// age's reason.
        source: age::DecryptError,
    },
    /// A passphrase, recipient or identity is none.
    #[error("{problem}")]
    Secret {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// It was decrypted and is not a whole backup.
    #[error("the backup can't be used: {problem}")]
    Damaged {
        /// What is wrong with it.
        problem: String,
    },
    /// It would be unpacked over other files.
    #[error("{path} is not empty: a backup is restored into an empty folder")]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the form.
    pub format: u32,
    /// The station.
    pub station: StationCode,
    /// "hub" or "node".
    pub program: String,
    /// Version of the software that wrote it.
    pub software: String,
    /// When it was made: milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
    /// Entries in it.
    pub entries: u64,
    /// Its files, in their order. The list in the archive was written before them, so it may name some that were gone
    /// when their turn came; what [`write()`] and [`restore`] return doesn't.
    pub files: Vec<BackedUp>,
}

impl Manifest {
    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUp {
    /// Relative to the data folder.
    pub path: PathBuf,
    /// Bytes in the backup.
    pub bytes: u64,
    /// Length of the file; what follows `bytes` is blank.
    pub size: u64,
}

#[cfg(test)]
mod tests;
