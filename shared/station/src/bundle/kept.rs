//! Attachments of what was admitted of a revoked station: its bundle was read when nothing of it counted yet, so nobody
//! wanted them. Once the district has admitted its entries, and they stand in their log here, the file that is kept is
//! read again. Nobody has to bring the stick a second time, or to know that it would help.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, Weak};
use std::time::Duration;

use sanji_link::{Change, Host as _};
use sanji_log::LogId;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::{Bundles, Inner};

/// Changes come in crowds, and a file may be long.
const SETTLE: Duration = Duration::from_secs(2);

/// Files that were read again, and for what: entries of a log up to a position. Once is enough.
type Read = BTreeSet<(PathBuf, LogId, u64)>;

/// Reads kept files again whenever there is reason to: for as long as there is anybody who reads bundles at all, and after
/// a restart too.
pub(super) async fn look_after(bundles: Weak<Inner>, mut changes: broadcast::Receiver<Change>) {
    let mut read = Read::new();
    loop {
        tokio::time::sleep(SETTLE).await;
        let Some(inner) = bundles.upgrade() else { return };
        let looked = tokio::task::spawn_blocking(move || {
            Bundles(inner).read_again(&mut read);
            read
        });
        match looked.await {
            Ok(so_far) => read = so_far,
            Err(_) => return,
        }
        loop {
            match changes.recv().await {
                Ok(Change::Attachments | Change::Directory) | Err(RecvError::Lagged(_)) => break,
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

impl Bundles {
    /// Reads each file again of whose station something was admitted and attachments are lacking.
    fn read_again(&self, read: &mut Read) {
        let reference = self.0.station.reference();
        for (log, rest) in reference.rests().iter().filter(|(_, rest)| rest.admitted) {
            let until = rest.until.0;
            let counts = self.0.station.store().head(log).is_some_and(|(seq, _)| seq >= until);
            let Some(life) = reference.keys().get(&log.key).filter(|_| counts) else { continue };
            for path in super::aside::kept_of(&self.0.data.bundles(), &life.station.to_string()) {
                let lacks = !self.0.station.wanted_attachments(life.station, 1).is_empty();
                if lacks && read.insert((path.clone(), *log, until)) {
                    self.read_kept(&path);
                }
            }
        }
    }

    fn read_kept(&self, path: &Path) {
        let _reading = self.0.reading.lock().unwrap_or_else(PoisonError::into_inner);
        self.keep_its_entries(path);
    }
}
