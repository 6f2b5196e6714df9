//! The data folder of a station: what lies where, and writing small files so that a power cut leaves either
//! the old one or the new one.
//!
//! | path | content |
//! | --- | --- |
//! | `journal/ index/ attachments/ FORMAT MOVED` | the store's own |
//! | `keys/` | mode 0700: what makes the station itself; see [`crate::keys`] |
//! | `tokens/` | mode 0700: tokens of programs, hashed; see [`crate::tokens`] |
//! | `bundles/` | what the last bundle of each station asked for and carried; bundles of revoked stations |
//! | `enrolment/` | hub only: one-time codes, hashed |
//! | `healing.json` | a replaced or restored station waits for its neighbours; see [`crate::healing`] |
//! | `run/address.json` | where the running station listens |
//! | `sanji.toml` | its configuration, if any |

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Why a file of the data folder can't be used.
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
    /// A file is not what this program writes.
    #[error("{path} is damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A new station was to be made where one is already.
    #[error("{path} holds a station already")]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// There is no station in the folder.
    #[error("{path} holds no station yet: run `{command}` first")]
    Vacant {
        /// The folder.
        path: PathBuf,
        /// What makes one.
        command: &'static str,
    },
}

/// A station's data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// Names a folder; nothing is read or made.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Signing key, master key, certificate, membership, keeper's token.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// Hashed tokens.
    #[must_use]
    pub fn tokens(&self) -> PathBuf {
        self.0.join("tokens")
    }

    /// The hub's one-time codes.
    #[must_use]
    pub fn enrolment(&self) -> PathBuf {
        self.0.join("enrolment")
    }

    /// What the last bundle of each station asked for, and bundles kept aside.
    #[must_use]
    pub fn bundles(&self) -> PathBuf {
        self.0.join("bundles")
    }

    /// Where the running station listens.
    #[must_use]
    pub fn address_file(&self) -> PathBuf {
        self.0.join("run").join("address.json")
    }

    /// Says that the station waits for its neighbours.
    #[must_use]
    pub fn healing_file(&self) -> PathBuf {
        self.0.join("healing.json")
    }

    /// The configuration that is read where none is named.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.0.join("sanji.toml")
    }

    /// Whether a whole station is here: its signing key is what is written last.
    #[must_use]
    pub fn holds_station(&self) -> bool {
        self.keys().join("signing.key").exists()
    }

    /// Makes the folder, readable for its owner only. It may be there and hold other files, but no station.
    ///
    /// # Errors
    /// [`Error::Occupied`], [`Error::Io`].
    pub fn create(&self) -> Result<(), Error> {
        if self.holds_station() {
            return Err(Error::Occupied { path: self.0.clone() });
        }
        make_private(&self.0)
    }
}

/// Makes a folder and those above it, readable for its owner only where it is new.
///
/// # Errors
/// [`Error::Io`].
pub fn make_private(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| Error::Io {
        operation: "make",
        path: path.to_owned(),
        source,
    })
}

/// Reads a file; none where it is not there.
///
/// # Errors
/// [`Error::Io`].
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Io { operation: "read", path: path.to_owned(), source }),
    }
}

/// Puts a file of mode 0600 in place durably: written beside, synced, renamed, and the folder synced. The
/// folder is made where it is missing.
///
/// # Errors
/// [`Error::Io`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let parent = folder_of(path);
    make_private(parent)?;
    let beside = path.with_extension("partial");
    let fault = |operation, path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { operation, path, source }
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .map_err(fault("write", &beside))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(fault("write", &beside))?;
    fs::rename(&beside, path).map_err(fault("replace", path))?;
    sync_folder(parent)
}

/// Removes a file durably; says whether it was there.
///
/// # Errors
/// [`Error::Io`].
pub fn remove(path: &Path) -> Result<bool, Error> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder(folder_of(path)).map(|()| true),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Error::Io { operation: "remove", path: path.to_owned(), source }),
    }
}

/// The folder that a file is in. Of a bare name that is this one: its parent is empty, and names nothing.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|source| Error::Io {
        operation: "sync",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn files_are_replaced_whole_and_only_their_owner_reads_them() {
        let root = tempfile::tempdir().unwrap();
        let folder = DataFolder::new(root.path().join("a/b"));
        folder.create().unwrap();
        let path = folder.keys().join("signing.key");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some(b"two".as_slice()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(folder.keys()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(folder.keys()).unwrap().count(), 1, "nothing is left beside it");
        assert!(matches!(folder.create(), Err(Error::Occupied { .. })));
        assert!(remove(&path).unwrap());
        assert!(!remove(&path).unwrap());
        assert_eq!(read(&path).unwrap(), None);
    }
}
