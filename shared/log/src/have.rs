//! What a station holds, and what another lacks.

use std::collections::BTreeMap;

use sanji_proto::v1 as proto;

use crate::entry::SEQ_MAX;
use crate::{Error, Hash, LogId, StationCode, field};

/// The end of a log as a station holds it. `seq` is at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The log.
    pub log: LogId,
    /// Last sealed position.
    pub seq: u64,
    /// Hash of the entry there.
    pub hash: Hash,
}

impl From<Head> for proto::Head {
    fn from(head: Head) -> Self {
        Self { log: Some(head.log.into()), seq: head.seq, hash: head.hash.0.to_vec() }
    }
}

impl TryFrom<proto::Head> for Head {
    type Error = Error;
    fn try_from(message: proto::Head) -> Result<Self, Error> {
        if message.seq == 0 || message.seq >= SEQ_MAX {
            return Err(field("Head", "seq", "is 0 or too large"));
        }
        Ok(Self {
            log: message.log.ok_or(field("Head", "log", "is missing"))?.try_into()?,
            seq: message.seq,
            hash: Hash::try_from(message.hash.as_slice())?,
        })
    }
}

/// The heads of all logs that a station holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Have(pub BTreeMap<LogId, (u64, Hash)>);

/// A stretch of a log that one station holds and another lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The log.
    pub log: LogId,
    /// First position that is lacking.
    pub from: u64,
    /// Last position that is held.
    pub until: u64,
}

/// Entries that a station once held and can't read any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// The log.
    pub log: LogId,
    /// First position.
    pub from: u64,
    /// Last position.
    pub until: u64,
}

impl Have {
    /// Position and hash of a log's head; none where nothing is held.
    #[must_use]
    pub fn get(&self, log: &LogId) -> Option<(u64, Hash)> {
        self.0.get(log).copied()
    }

    /// The heads in order, public logs first.
    pub fn heads(&self) -> impl Iterator<Item = Head> + '_ {
        self.0.iter().map(|(log, (seq, hash))| Head { log: *log, seq: *seq, hash: *hash })
    }

    /// Only the logs that a station may hold.
    #[must_use]
    pub fn held_by(&self, station: StationCode) -> Self {
        Self(self.0.iter().filter(|(log, _)| log.held_by(station)).map(|(log, head)| (*log, *head)).collect())
    }

    /// What `other` lacks of this: sorted, public logs first. Says nothing of logs in which `other` is ahead.
    #[must_use]
    pub fn missing_in(&self, other: &Self) -> Vec<Gap> {
        self.0
            .iter()
            .filter_map(|(log, (until, _))| {
                let from = other.get(log).map_or(1, |(seq, _)| seq + 1);
                (from <= *until).then_some(Gap { log: *log, from, until: *until })
            })
            .collect()
    }
}

impl FromIterator<Head> for Have {
    fn from_iter<I: IntoIterator<Item = Head>>(heads: I) -> Self {
        Self(heads.into_iter().map(|head| (head.log, (head.seq, head.hash))).collect())
    }
}
