//! Which key belongs to which station.

use std::collections::{BTreeMap, BTreeSet};

use sanji_log::{LogId, PublicKey, StationCode};

/// What a session knows of keys. The station builds it from the directory's entries, in whatever order they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    stations: BTreeMap<PublicKey, StationCode>,
    revoked: BTreeSet<PublicKey>,
    rests: BTreeMap<LogId, Rest>,
}

/// What the district has decided on what a revoked station had written and not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// The entries up to this position are believed from whoever has them.
    Admitted(u64),
    /// Nothing more of the log is believed.
    Rejected,
}

/// What the directory says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRecord {
    /// The station that signs with it.
    pub station: StationCode,
    /// Whether the station must not sign with it any more.
    pub revoked: bool,
}

impl Directory {
    /// Notes that a key belongs to a station.
    pub fn insert(&mut self, key: PublicKey, station: StationCode) {
        self.stations.insert(key, station);
    }

    /// Notes that a key is revoked, for ever: naming its station again changes nothing.
    pub fn revoke(&mut self, key: PublicKey) {
        self.revoked.insert(key);
    }

    /// Notes what was decided on the rest of a revoked station's log.
    pub fn decide_rest(&mut self, log: LogId, rest: Rest) {
        self.rests.insert(log, rest);
    }

    /// What was decided on the rest of a log.
    #[must_use]
    pub fn rest(&self, log: &LogId) -> Option<Rest> {
        self.rests.get(log).copied()
    }

    /// What is known of a key; none where its station is not known.
    #[must_use]
    pub fn get(&self, key: &PublicKey) -> Option<KeyRecord> {
        let station = *self.stations.get(key)?;
        Some(KeyRecord { station, revoked: self.revoked.contains(key) })
    }
}
