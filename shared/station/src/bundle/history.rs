//! What was exchanged last with each station by bundles, for whoever asks at the desk or the command line whether a
//! stick has to be carried. A note for people: nothing is decided by it, and a station that lost it goes on.

use std::path::PathBuf;

use sanji_link::bundle::{ExportSummary, ImportSummary};
use sanji_log::StationCode;
use serde::{Deserialize, Serialize};

use crate::command::chain;
use crate::folder::{self, DataFolder};

/// Beginning of the files' names; the rest is the other station's code.
const PREFIX: &str = "last-";

/// The last bundles to and from one station.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The last one written for it.
    pub exported: Option<Exported>,
    /// The last one of it that was read.
    pub imported: Option<Imported>,
}

/// A bundle that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// When: this station's clock, milliseconds since 1970-01-01 UTC.
    pub time_ms: u64,
    /// Entries in it.
    pub entries: u64,
    /// Receipts in it.
    pub receipts: u64,
    /// Attachments in it.
    pub attachments: u64,
    /// Attachments for which there was no room, or which are not here.
    pub attachments_left: u64,
}

/// A bundle that was read, to its end or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// When: this station's clock, milliseconds since 1970-01-01 UTC.
    pub time_ms: u64,
    /// When it was written, by the sender's clock: milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
    /// Entries taken.
    pub entries: u64,
    /// Receipts in it.
    pub receipts: u64,
    /// Attachments that it made complete.
    pub attachments: u64,
    /// Why it could be read in part only, in English; empty: it was read to its end.
    pub refused: String,
}

impl Exported {
    pub(super) fn new(summary: &ExportSummary, time_ms: u64) -> Self {
        let ExportSummary { entries, receipts, attachments, attachments_left, .. } = *summary;
        Self { time_ms, entries, receipts, attachments, attachments_left }
    }
}

impl Imported {
    pub(super) fn new(summary: &ImportSummary, time_ms: u64, refused: String) -> Self {
        let ImportSummary { created_ms, entries, receipts, attachments, .. } = *summary;
        Self { time_ms, created_ms, entries, receipts, attachments, refused }
    }
}

/// The notes of a data folder, one file a station.
#[derive(Debug, Clone)]
pub struct History(PathBuf);

impl History {
    pub(super) fn new(data: &DataFolder) -> Self {
        Self(data.bundles())
    }

    /// Every station with which a bundle was exchanged, by code. A note that can't be read is left out.
    #[must_use]
    pub fn all(&self) -> Vec<(StationCode, Exchange)> {
        let Ok(files) = std::fs::read_dir(&self.0) else { return Vec::new() };
        let station = |name: &str| name.strip_prefix(PREFIX)?.parse().ok();
        let mut stations: Vec<StationCode> =
            files.filter_map(|file| station(file.ok()?.file_name().to_str()?)).collect();
        stations.sort_unstable();
        stations.into_iter().filter_map(|station| Some((station, self.read(station)?))).collect()
    }

    pub(super) fn exported(&self, to: StationCode, exported: Exported) {
        self.change(to, |exchange| exchange.exported = Some(exported));
    }

    pub(super) fn imported(&self, from: StationCode, imported: Imported) {
        self.change(from, |exchange| exchange.imported = Some(imported));
    }

    fn file(&self, station: StationCode) -> PathBuf {
        self.0.join(format!("{PREFIX}{station}"))
    }

    fn read(&self, station: StationCode) -> Option<Exchange> {
        serde_json::from_slice(&folder::read(&self.file(station)).ok()??).ok()
    }

    fn change(&self, station: StationCode, change: impl FnOnce(&mut Exchange)) {
        let mut exchange = self.read(station).unwrap_or_default();
        change(&mut exchange);
        let json = serde_json::to_vec(&exchange).unwrap_or_default();
        if let Err(error) = folder::replace(&self.file(station), &json) {
            tracing::warn!(error = chain(&error), "can't note what a bundle carried");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_station_has_its_last_bundle_either_way() {
        let root = tempfile::tempdir().unwrap();
        let history = History::new(&DataFolder::new(root.path()));
        assert_eq!(history.all(), []);
        let exported = |time_ms| Exported { time_ms, entries: 3, receipts: 2, attachments: 1, attachments_left: 0 };
        let imported = Imported {
            time_ms: 7,
            created_ms: 6,
            entries: 1,
            receipts: 0,
            attachments: 0,
            refused: "the bundle is damaged or was cut off".to_owned(),
        };
        let [township, village] = ["990106101000", "990106101203"].map(|code| code.parse().unwrap());
        history.exported(village, exported(1));
        history.exported(township, exported(4));
        history.exported(village, exported(5));
        history.imported(village, imported.clone());
        std::fs::write(root.path().join("bundles/last-990106101204"), "{").unwrap();
        std::fs::write(root.path().join("bundles/asked-990106101203"), "x").unwrap();
        let both = Exchange { exported: Some(exported(5)), imported: Some(imported) };
        let sent = Exchange { exported: Some(exported(4)), imported: None };
        assert_eq!(history.all(), [(township, sent), (village, both)]);
    }
}
