//! Whether there is room on the disk. The store stops while there is still some left: what was committed must get
//! into the index, which takes a full disk badly. For a disk that others fill up meanwhile a file is kept in reserve
//! and given up.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::contract::DiskRoom;
use crate::files::{Folder, failed};
use crate::journal::KEPT_FREE_BYTES;

/// How long an answer of the file system is believed.
const BELIEVED: Duration = Duration::from_millis(100);
/// Bytes of the file in reserve.
const RESERVE_BYTES: u64 = 8 << 20;
/// Beyond what must be free to go on, so that it isn't over at once.
const AGAIN_BYTES: u64 = 8 << 20;

/// Watches the room on the disk of a data folder.
#[derive(Debug)]
pub(super) struct Room {
    folder: Box<dyn Folder>,
    reserve: PathBuf,
    looked: Mutex<Looked>,
}

#[derive(Debug, Default)]
struct Looked {
    at: Option<Instant>,
    short: bool,
}

impl Room {
    pub(super) fn new(folder: Box<dyn Folder>, data: &Path) -> Self {
        let room = Self { folder, reserve: data.join("RESERVE"), looked: Mutex::default() };
        match room.free() {
            ..KEPT_FREE_BYTES => room.was_short(),
            free if free >= KEPT_FREE_BYTES + RESERVE_BYTES => room.keep_reserve(),
            _ => {}
        }
        room
    }

    /// Whether there is room for another commit.
    pub(super) fn is_enough(&self) -> bool {
        let mut looked = self.looked();
        if looked.at.is_none_or(|at| at.elapsed() > BELIEVED) {
            let needed = if looked.short { KEPT_FREE_BYTES + AGAIN_BYTES } else { KEPT_FREE_BYTES };
            let short = self.free() < needed;
            match (looked.short, short) {
                (false, true) => self.give_up_reserve(),
                (true, false) => self.keep_reserve(),
                _ => {}
            }
            *looked = Looked { at: Some(Instant::now()), short };
        }
        !looked.short
    }

    /// A write has found no room.
    pub(super) fn was_short(&self) {
        let mut looked = self.looked();
        self.give_up_reserve();
        *looked = Looked { at: None, short: true };
    }

    /// A file system that doesn't say is taken to have room: it will say when it has none.
    fn free(&self) -> u64 {
        self.told().map_or(u64::MAX, |room| room.free_bytes)
    }

    /// What the file system says. None: it doesn't.
    pub(super) fn told(&self) -> Option<DiskRoom> {
        self.folder.room().ok()
    }

    /// Without it the store goes on all the same.
    fn keep_reserve(&self) {
        let keep = || {
            let file = std::fs::File::options().write(true).create(true).truncate(false).open(&self.reserve)?;
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, RESERVE_BYTES)?;
            file.sync_all()
        };
        if let Err(error) = keep() {
            tracing::debug!(error = %failed("keep", &self.reserve, error), "no room is kept in reserve");
        }
    }

    fn give_up_reserve(&self) {
        // It may not be there.
        let _ = std::fs::remove_file(&self.reserve);
    }

    fn looked(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
