//! What the index has lost in a crash, computed again. Entries of many commits are folded together, as they are while the
//! station runs: a case that has changed often meanwhile is written once.

use sanji_log::Run;
use sanji_store::{Replay, Show};

use super::Core;
use super::fold::Fold;
use super::reader::Reader;
use crate::error::{Error, store, stored};

/// Entries after which whoever waits is told that it goes on.
const SAY_EVERY: usize = 100_000;

struct Replaying<'a> {
    reader: &'a Reader,
    authority_der: &'a [u8],
    /// Of runs that are not shown yet.
    fold: Fold,
    /// Of all runs so far.
    entries: usize,
    failed: Option<Error>,
}

impl Core {
    pub(super) fn project_what_is_lost(&mut self) -> Result<(), Error> {
        let (reader, authority_der) = (&self.reader, &self.authority_der);
        let mut replaying = Replaying { reader, authority_der, fold: Fold::default(), entries: 0, failed: None };
        let visited = reader.store().unprojected(&mut replaying);
        if let Some(error) = replaying.failed {
            return Err(error);
        }
        let visited = visited.map_err(store("rebuild the index"))?;
        if visited > 0 {
            tracing::info!(store.runs = visited, "the index has caught up with the journal");
        }
        Ok(())
    }
}

impl Replaying<'_> {
    fn take_in(&mut self, run: &Run) -> Result<(), Error> {
        for bytes in &run.entries {
            let entry = bytes.decode().map_err(stored("entry"))?;
            self.fold.entry(self.reader, &entry, self.authority_der)?;
        }
        Ok(())
    }

    /// The store's own errors go back to it; another is kept, since its type is not the store's.
    fn noting<T>(&mut self, run: &str, result: Result<T, Error>) -> Result<T, sanji_store::Error> {
        result.map_err(|error| match error {
            Error::Store { source, .. } => source,
            error => {
                let what = format!("{run}: {error}");
                self.failed = Some(error);
                sanji_store::Error::Damaged { what }
            }
        })
    }

    fn show_all(&mut self, show: &mut Show<'_>) -> Result<(), sanji_store::Error> {
        let fold = std::mem::take(&mut self.fold);
        let shown = self.reader.show_again(fold, show);
        self.noting("what the index has lost", shown)
    }
}

impl Replay for Replaying<'_> {
    fn run(&mut self, run: Run, _: u64, show: &mut Show<'_>) -> Result<bool, sanji_store::Error> {
        let taken = self.take_in(&run);
        self.noting(&format!("run of log {}", run.log), taken)?;
        let before = self.entries;
        self.entries += run.entries.len();
        if self.entries / SAY_EVERY > before / SAY_EVERY {
            tracing::info!(store.entries = self.entries, "the index is catching up with the journal");
        }
        let is_full = self.fold.is_full();
        if is_full {
            self.show_all(show)?;
        }
        Ok(is_full)
    }

    fn end(&mut self, show: &mut Show<'_>) -> Result<(), sanji_store::Error> {
        self.show_all(show)
    }
}
