//! The data folder itself: one process at a time, one format.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::contract::Error;
use crate::files::{create_folder, failed, write_whole};

/// Newest format that this program reads, and the one that it writes.
const FORMAT: u32 = 1;
/// A process that is going away may hold the folder a moment longer, and so may a child that it is just starting.
const LOCK_ATTEMPTS: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// Says where the records are that were here.
const MOVED: &str = "MOVED";
const TITLE: &str = "sanji data folder";

/// Holds the folder for this process until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: fs::File,
}

/// Makes the folder where there is none, takes it, and checks its format.
pub(super) fn take(path: &Path) -> Result<Lock, Error> {
    create_folder(path)?;
    let lock = path.join("LOCK");
    let file = fs::File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock)
        .map_err(|error| failed("open", &lock, error))?;
    let mut attempts = 1;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(fs::TryLockError::WouldBlock) if attempts < LOCK_ATTEMPTS => std::thread::sleep(LOCK_PAUSE),
            Err(fs::TryLockError::WouldBlock) => return Err(Error::Locked { path: path.to_owned() }),
            Err(fs::TryLockError::Error(error)) => return Err(failed("lock", &lock, error)),
        }
        attempts += 1;
    }
    let moved = path.join(MOVED);
    if moved.exists() {
        let to = fs::read_to_string(&moved).map_err(|error| failed("read", &moved, error))?;
        return Err(Error::Moved { to: to.trim().to_owned() });
    }
    let format = path.join("FORMAT");
    if format.exists() {
        check_format(path, &format)?
    } else {
        write_whole(&format, content(FORMAT).as_bytes())?
    }
    Ok(Lock { _file: file })
}

/// Notes, durably, that the records are elsewhere.
pub(super) fn mark_moved(folder: &Path, to: &str) -> Result<(), Error> {
    write_whole(&folder.join(MOVED), format!("{to}\n").as_bytes())
}

/// Checks the file that names the format.
pub(super) fn check_format(folder: &Path, file: &Path) -> Result<(), Error> {
    let text = fs::read_to_string(file).map_err(|error| failed("read", file, error))?;
    let found = text.lines().find_map(|line| line.strip_prefix("format ")?.parse().ok());
    match found {
        Some(found) if text == content(found) && found <= FORMAT => Ok(()),
        Some(found) if text == content(found) => {
            Err(Error::Format { path: folder.to_owned(), found, readable: FORMAT })
        }
        _ => Err(Error::Damaged { what: format!("the file {}", file.display()) }),
    }
}

fn content(format: u32) -> String {
    let text = format!("{TITLE}\nformat {format}\n");
    format!("{text}checksum {:08x}\n", crc32c::crc32c(text.as_bytes()))
}
