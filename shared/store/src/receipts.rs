//! The furthest receipt of each station for each log. There is one for each log and station, however many
//! entries there are, so they stay in memory.

use std::collections::BTreeMap;

use sanji_log::{LogId, Receipt, StationCode};

/// Receipts of other stations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Receipts(BTreeMap<LogId, BTreeMap<StationCode, Receipt>>);

impl Receipts {
    /// Keeps a receipt unless one that is signed with the same key and at least as far is kept. Which key of a station
    /// counts is the committer's to know. Returns whether it was kept.
    pub(crate) fn keep(&mut self, receipt: &Receipt) -> bool {
        let of_log = self.0.entry(receipt.head.log).or_default();
        let is_as_far = |kept: &Receipt| kept.key == receipt.key && kept.head.seq >= receipt.head.seq;
        if of_log.get(&receipt.station).is_some_and(is_as_far) {
            return false;
        }
        of_log.insert(receipt.station, receipt.clone());
        true
    }

    /// Those of one log, by station.
    pub(crate) fn of(&self, log: &LogId) -> Vec<Receipt> {
        self.0.get(log).map(|of_log| of_log.values().cloned().collect()).unwrap_or_default()
    }
}
