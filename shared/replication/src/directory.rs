//! Which key belongs to which station.

use std::collections::{BTreeMap, BTreeSet};

use sanji_log::{PublicKey, StationCode};

/// What a session knows of keys. The station builds it from the directory's entries, in whatever order they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    stations: BTreeMap<PublicKey, StationCode>,
    revoked: BTreeSet<PublicKey>,
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

    /// What is known of a key; none where its station is not known.
    #[must_use]
    pub fn get(&self, key: &PublicKey) -> Option<KeyRecord> {
        let station = *self.stations.get(key)?;
        Some(KeyRecord { station, revoked: self.revoked.contains(key) })
    }
}
