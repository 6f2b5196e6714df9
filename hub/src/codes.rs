//! The hub's one-time codes: one a station at a time, hashed, good for one key and 72 hours, or 30 days where files
//! are carried.
//!
//! They are the hub's own matter and no station's: a small file, not a log. It also remembers at which address the
//! villages of a township reach it.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sanji_log::{PublicKey, StationCode};
use sanji_station::accounts::password;
use sanji_station::folder::{self, DataFolder};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How long a code can be used, in milliseconds.
pub(crate) const VALID_MS: u64 = 72 * 60 * 60 * 1000;
/// The same for a station without a line: somebody carries files there and back.
pub(crate) const VALID_WITHOUT_LINE_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// What the hub knows of a station that was given a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) station: StationCode,
    /// Of the code's secret: Argon2id, PHC format.
    hash: String,
    /// Until when the code can be used: milliseconds since 1970-01-01 UTC.
    pub(crate) until_ms: u64,
    /// Which key has used it, 64 hexadecimal digits.
    used_by: Option<String>,
    /// Where stations below reach its link, "host:port".
    pub(crate) link_address: Option<String>,
    /// Where it shall link to, "host:port", where that was said.
    pub(crate) upstream: Option<String>,
}

impl Invitation {
    /// Whether the code can still be used.
    pub(crate) fn is_open(&self, now_ms: u64) -> bool {
        self.used_by.is_none() && now_ms < self.until_ms
    }
}

/// All invitations, on disk and in memory.
#[derive(Debug)]
pub(crate) struct Codes {
    path: PathBuf,
    all: Mutex<Vec<Invitation>>,
}

impl Codes {
    /// Reads the codes of a hub's data folder.
    pub(crate) fn read(data: &DataFolder) -> Result<Self, Error> {
        let path = data.enrolment().join("codes.json");
        let all = match folder::read(&path)? {
            None => Vec::new(),
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|fault| folder::Error::Damaged { path: path.clone(), problem: fault.to_string() })?,
        };
        Ok(Self { path, all: Mutex::new(all) })
    }

    /// Keeps a new code for a station until a time in milliseconds since 1970-01-01 UTC; an earlier one ends. An
    /// empty address leaves what was known.
    pub(crate) fn issue(
        &self,
        station: StationCode,
        secret: &str,
        link_address: Option<String>,
        upstream: Option<String>,
        until_ms: u64,
    ) -> Result<(), Error> {
        let hash = password::hash(secret).map_err(|fault| Error::Password(fault.to_string()))?;
        let mut all = self.lock();
        let before = all.iter().find(|invitation| invitation.station == station).cloned();
        let link_address = link_address.or_else(|| before.and_then(|before| before.link_address));
        let mut changed: Vec<_> = all.iter().filter(|invitation| invitation.station != station).cloned().collect();
        changed.push(Invitation { station, hash, until_ms, used_by: None, link_address, upstream });
        self.keep(&mut all, changed)
    }

    /// Uses a code up, durably. The same key may show the same code again: its reply may have been lost. None for
    /// every other reason to refuse, after the same time.
    pub(crate) fn redeem(
        &self,
        station: StationCode,
        secret: &str,
        key: PublicKey,
        now_ms: u64,
    ) -> Result<Option<Invitation>, Error> {
        let found = self.of(station);
        if !password::matches(secret, found.as_ref().map(|invitation| invitation.hash.as_str())) {
            return Ok(None);
        }
        let key = key.to_hex();
        let mut all = self.lock();
        let mut changed = all.clone();
        // Looked up again: another request may have come first while the hash was computed.
        let Some(invitation) = changed.iter_mut().find(|invitation| Some(&**invitation) == found.as_ref()) else {
            return Ok(None);
        };
        if now_ms >= invitation.until_ms || invitation.used_by.as_ref().is_some_and(|used_by| *used_by != key) {
            return Ok(None);
        }
        invitation.used_by = Some(key);
        let redeemed = invitation.clone();
        self.keep(&mut all, changed)?;
        Ok(Some(redeemed))
    }

    /// Ends the code of a station.
    pub(crate) fn withdraw(&self, station: StationCode) -> Result<(), Error> {
        let mut all = self.lock();
        let mut changed = all.clone();
        changed.iter_mut().filter(|invitation| invitation.station == station).for_each(|open| open.until_ms = 0);
        self.keep(&mut all, changed)
    }

    /// Ends every code.
    pub(crate) fn withdraw_all(&self) -> Result<(), Error> {
        let mut all = self.lock();
        let mut changed = all.clone();
        changed.iter_mut().for_each(|open| open.until_ms = 0);
        self.keep(&mut all, changed)
    }

    /// What is known of a station.
    pub(crate) fn of(&self, station: StationCode) -> Option<Invitation> {
        self.lock().iter().find(|invitation| invitation.station == station).cloned()
    }

    /// Every station that was ever given a code.
    pub(crate) fn all(&self) -> Vec<Invitation> {
        self.lock().clone()
    }

    fn keep(&self, all: &mut Vec<Invitation>, changed: Vec<Invitation>) -> Result<(), Error> {
        let json = serde_json::to_vec_pretty(&changed)
            .map_err(|fault| folder::Error::Damaged { path: self.path.clone(), problem: fault.to_string() })?;
        folder::replace(&self.path, &json)?;
        *all = changed;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Invitation>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECRET: &str = "0123456789AB";

    fn village() -> StationCode {
        "990106101203".parse().unwrap()
    }

    fn key(byte: u8) -> PublicKey {
        PublicKey([byte; 32])
    }

    #[test]
    fn a_code_is_good_for_one_key_of_one_station_for_three_days() {
        let root = tempfile::tempdir().unwrap();
        let data = DataFolder::new(root.path());
        let codes = Codes::read(&data).unwrap();
        codes.issue(village(), SECRET, None, None, 1 + VALID_MS).unwrap();
        let township = "990106101000".parse().unwrap();
        let redeem = |station, secret, key, now| codes.redeem(station, secret, key, now).unwrap().is_some();
        assert!(!redeem(village(), "0123456789AC", key(1), 2), "wrong");
        assert!(!redeem(township, SECRET, key(1), 2), "of another station");
        assert!(!redeem(village(), SECRET, key(1), 1 + VALID_MS), "expired");
        assert!(redeem(village(), SECRET, key(1), 2));
        assert!(redeem(village(), SECRET, key(1), 3), "the reply was lost");
        assert!(!redeem(village(), SECRET, key(2), 3), "used");
        let again = Codes::read(&data).unwrap();
        assert!(again.redeem(village(), SECRET, key(2), 4).unwrap().is_none(), "used, after a restart too");
    }

    #[test]
    fn a_new_code_ends_the_old_one_and_keeps_the_address() {
        let root = tempfile::tempdir().unwrap();
        let codes = Codes::read(&DataFolder::new(root.path())).unwrap();
        codes.issue(village(), SECRET, Some("village:7100".into()), None, VALID_MS).unwrap();
        codes.issue(village(), "BA9876543210", None, None, VALID_MS).unwrap();
        assert!(codes.redeem(village(), SECRET, key(1), 3).unwrap().is_none());
        let redeemed = codes.redeem(village(), "BA9876543210", key(1), 3).unwrap().unwrap();
        assert_eq!(redeemed.link_address.as_deref(), Some("village:7100"));
        codes.withdraw(village()).unwrap();
        assert!(codes.redeem(village(), "BA9876543210", key(1), 3).unwrap().is_none());
        assert!(!std::fs::read_to_string(root.path().join("enrolment/codes.json")).unwrap().contains("BA9876543210"));
    }
}
