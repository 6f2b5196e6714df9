//! Taking writes again after a full disk, a failed write or a failed index.

use std::sync::{Arc, PoisonError};

use super::open::{Known, index_options};
use super::{DiskStore, Progress};
use crate::contract::{Error, Halt};
use crate::index::Index;
use crate::journal::{Event, Position};

impl DiskStore {
    pub(super) fn try_again(&self) -> Result<(), Error> {
        // Held, so that nobody commits meanwhile.
        let mut progress = self.progress();
        let halt = self.halt().clone();
        let unreadable = || Halt::Failed { reason: "the index can't be read".to_owned() };
        let Some(halt) = halt.or_else(|| self.index().has_failed().then(unreadable)) else { return Ok(()) };
        if !self.room.is_enough() {
            return Err(Error::Full { source: std::io::ErrorKind::StorageFull.into() });
        }
        if matches!(halt, Halt::Failed { .. }) {
            for damage in self.journal.recover()? {
                tracing::error!(what = damage.what, "an acknowledged record can't be read after a failed write");
                self.note_damage(damage.from, damage.until)?;
            }
            if self.index().has_failed() {
                self.begin_index_anew(&mut progress)?;
            }
            tracing::info!(journal.end = %self.journal.end(), "the store takes writes again");
        }
        *self.halt() = None;
        Ok(())
    }

    /// Derives the index from the journal into an empty folder, and takes it into use.
    fn begin_index_anew(&self, progress: &mut Progress) -> Result<(), Error> {
        tracing::warn!("the index has failed; it is begun anew");
        let index = Index::open_anew(&self.path.join("index"), index_options(self.options))?;
        let mut known = Known::default();
        self.journal.walk(Position::default(), &mut |event| match event {
            Event::Commit(committed) => known.apply(&committed, &index),
            Event::DamagedKey(_) | Event::Damage(_) => Ok(()),
        })?;
        index.settle()?;
        // What the old one knew to be missing has no place in the new one.
        let missing = self.missing_entries().all();
        let changes = missing.iter().flat_map(|stretch| known.missing.note(stretch.log, stretch.from, stretch.until));
        index.push(changes.collect());
        *self.missing_entries() = known.missing;
        *self.logs.write().unwrap_or_else(PoisonError::into_inner) = known.logs;
        let old = std::mem::replace(&mut *self.index.write().unwrap_or_else(PoisonError::into_inner), Arc::new(index));
        // sled may be stuck on the disk that has failed it, so nobody waits for it to let go.
        let dropping = std::thread::Builder::new().name("store-index-drop".to_owned()).spawn(move || drop(old));
        drop(dropping);
        *progress = Progress { end: progress.end, projected: Position::default() };
        Ok(())
    }
}
