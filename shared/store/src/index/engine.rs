//! sled at arm's length: it may panic or hang on a folder that a power cut has damaged, and syncs neither its
//! configuration nor its folder when it makes them.

use std::cell::Cell;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use super::IndexOptions;
use crate::contract::Error;
use crate::files::{failed, sync_folder};

/// How often to ask for a folder that sled still holds itself: it lets go a little after its handle is dropped.
const LOCK_ATTEMPTS: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(100);
/// How often sled looks for room that it can use again, in milliseconds. It then copies what still counts of older
/// segments, and where half of its file is free it goes on to copy the last segment forward every time, without end: at its
/// own 500 ms a station at rest spent a tenth of a processor on that. It also syncs its file then, changed or not; that we
/// do after each group of changes, so that a station at rest leaves the disk alone.
const CLEAN_EVERY_MS: u64 = 300_000;

/// Opens sled, or makes it durably. A folder that can't be opened is set aside and an empty one made.
pub(super) fn open(path: &Path, options: IndexOptions) -> Result<sled::Db, Error> {
    let existed = path.join("conf").exists();
    let index_error = |source| Error::Index { operation: "open", source };
    match open_guarded(path, options) {
        Ok(tree) if existed => return Ok(tree),
        Ok(tree) => return sync_all(path).map(|()| tree),
        Err(source) if is_locked(&source) => return Err(index_error(source)),
        Err(source) => tracing::warn!(error = %source, "the index can't be opened; it is set aside and built again"),
    }
    open_anew(path, options)
}

/// Sets the folder aside and makes an empty one, durably.
pub(super) fn open_anew(path: &Path, options: IndexOptions) -> Result<sled::Db, Error> {
    set_folder_aside(path)?;
    let tree = open_guarded(path, options).map_err(|source| Error::Index { operation: "open", source })?;
    sync_all(path)?;
    Ok(tree)
}

/// Drops the index: the next opening makes an empty one.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", path, error)),
        _ => {}
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// sled's file in its folder, to be synced: sled can't be asked to.
pub(super) fn file(path: &Path) -> Result<fs::File, Error> {
    let path = path.join("db");
    fs::File::open(&path).map_err(|error| failed("open", &path, error))
}

/// How sled names the threads of its pool.
const POOL: &str = "sled-io-";

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is sled's and becomes an error. A panic hook that ends the process must let it pass:
/// it is called before anything is caught.
#[must_use]
pub fn contains_panics() -> bool {
    // What waits for a thread of the pool panics in its turn when that one is gone, and does so guarded.
    IS_GUARDED.get() || std::thread::current().name().is_some_and(|name| name.starts_with(POOL))
}

/// Runs an operation of sled and turns a panic into an error.
pub(super) fn guarded<T>(operation: impl FnOnce() -> sled::Result<T>) -> sled::Result<T> {
    let was_guarded = IS_GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(operation));
    IS_GUARDED.set(was_guarded);
    result.unwrap_or_else(|_| Err(sled::Error::ReportableBug("the index engine has panicked".to_owned())))
}

fn open_guarded(path: &Path, options: IndexOptions) -> sled::Result<sled::Db> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(options.cache_bytes)
        .mode(sled::Mode::LowSpace)
        .flush_every_ms(Some(CLEAN_EVERY_MS));
    let (sender, receiver) = mpsc::channel();
    let opening = move || {
        let mut result = guarded(|| config.open());
        for _ in 0..LOCK_ATTEMPTS {
            if !result.as_ref().is_err_and(is_locked) {
                break;
            }
            std::thread::sleep(LOCK_PAUSE);
            result = guarded(|| config.open());
        }
        // Nobody listens where opening took too long: then the tree is closed again.
        let _ = sender.send(result);
    };
    // In a thread of its own, which is left behind should it hang.
    std::thread::Builder::new().name("store-index-open".to_owned()).spawn(opening)?;
    receiver.recv_timeout(options.open_timeout).unwrap_or_else(|_| {
        Err(sled::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the index engine hangs while opening")))
    })
}

fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

/// Keeps the damaged folder for inspection, in place of an earlier one.
fn set_folder_aside(path: &Path) -> Result<(), Error> {
    let aside = path.with_extension("damaged");
    remove(&aside)?;
    fs::rename(path, &aside).map_err(|error| failed("rename", path, error))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Syncs every file below a folder, the folders, and the name of the folder itself.
fn sync_all(path: &Path) -> Result<(), Error> {
    let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    for entry in entries.map_err(|error| failed("list", path, error))? {
        let path = entry.path();
        if path.is_dir() {
            sync_all(&path)?;
        } else {
            fs::File::open(&path).and_then(|file| file.sync_all()).map_err(|error| failed("sync", &path, error))?;
        }
    }
    sync_folder(path)?;
    path.parent().map_or(Ok(()), sync_folder)
}
