//! Runs: consecutive entries of one log up to a seal. A run is the unit that is stored, sent and checked.

use sanji_proto::v1 as proto;

use crate::entry::ENTRY_MAX_BYTES;
use crate::planted::{Bug, planted};
use crate::{Entry, EntryBytes, Error, Hash, Head, LogId, Seal, field};

/// Most entries of one run.
pub const RUN_MAX_ENTRIES: usize = 4096;
/// Most bytes of the entries of one run, save that one entry always fits.
pub const RUN_MAX_BYTES: usize = 4 << 20;

/// Consecutive entries of one log and the seal of the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The log.
    pub log: LogId,
    /// At least one, oldest first.
    pub entries: Vec<EntryBytes>,
    /// Covers the last entry.
    pub seal: Seal,
}

impl Run {
    /// Position of the first entry.
    #[must_use]
    pub fn first_seq(&self) -> u64 {
        (self.seal.seq + 1).saturating_sub(self.entries.len() as u64)
    }

    /// The head of the log after this run.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { log: self.log, seq: self.seal.seq, hash: self.seal.hash }
    }

    /// Sum of the entries' sizes, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.entries.iter().map(|entry| entry.0.len()).sum()
    }

    /// Checks that the entries decode, stand in this log, follow `after` (position and hash of the head that
    /// the run extends, none for an empty log) without a hole, and are covered by a valid seal.
    ///
    /// # Errors
    /// [`Error::Chain`], [`Error::Signature`], or why an entry does not decode.
    pub fn verify(&self, after: Option<(u64, Hash)>) -> Result<Vec<Entry>, Error> {
        let mut head = after;
        let mut entries = Vec::with_capacity(self.entries.len());
        for bytes in &self.entries {
            let entry = bytes.decode()?;
            let (seq, prev) = head.map_or((1, None), |(seq, hash)| (seq + 1, Some(hash)));
            let follows = entry.prev == prev || planted(Bug::SkipPreviousHash);
            if entry.log != self.log || entry.seq != seq || !follows {
                return Err(Error::Chain { log: self.log, seq });
            }
            head = Some((entry.seq, entry.hash));
            entries.push(entry);
        }
        if entries.is_empty() || head != Some((self.seal.seq, self.seal.hash)) {
            return Err(Error::Chain { log: self.log, seq: self.seal.seq });
        }
        if !planted(Bug::SkipSeal) {
            self.seal.verify(&self.log)?;
        }
        Ok(entries)
    }
}

impl From<Run> for proto::Run {
    fn from(run: Run) -> Self {
        Self {
            log: Some(run.log.into()),
            entries: run.entries.into_iter().map(|entry| entry.0).collect(),
            seal: Some(run.seal.into()),
        }
    }
}

impl TryFrom<proto::Run> for Run {
    type Error = Error;
    fn try_from(message: proto::Run) -> Result<Self, Error> {
        let size: usize = message.entries.iter().map(|entry| entry.len()).sum();
        if message.entries.is_empty() || message.entries.len() > RUN_MAX_ENTRIES {
            return Err(field("Run", "entries", "are none or too many"));
        }
        if size > RUN_MAX_BYTES + ENTRY_MAX_BYTES {
            return Err(field("Run", "entries", "are too large"));
        }
        Ok(Self {
            log: message.log.ok_or(field("Run", "log", "is missing"))?.try_into()?,
            entries: message.entries.into_iter().map(EntryBytes).collect(),
            seal: message.seal.ok_or(field("Run", "seal", "is missing"))?.try_into()?,
        })
    }
}
