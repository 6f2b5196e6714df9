//! The furthest receipt of each station for each log. There is one for each log and station, however many
//! entries there are, so they stay in memory.

use std::collections::BTreeMap;

use sanji_log::{LogId, Receipt, StationCode};

/// Receipts of other stations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Receipts(BTreeMap<LogId, BTreeMap<StationCode, Receipt>>);

impl Receipts {
    /// Keeps a receipt unless one at least as far is kept. Returns whether it was kept.
    pub(crate) fn keep(&mut self, receipt: &Receipt) -> bool {
        let of_log = self.0.entry(receipt.head.log).or_default();
        if of_log.get(&receipt.station).is_some_and(|kept| kept.head.seq >= receipt.head.seq) {
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
