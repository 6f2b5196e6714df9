//! Logs that two machines write, since a data folder was cloned: what was seen of it, and what the district decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;
use sanji_log::{Entry, EntryBytes, Hash, LogId, Reach, Seal};
use sanji_proto::v1 as proto;

use super::{Ignored, ReferenceData};
use crate::core::rows::Place;

/// What is known of one fork.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fork {
    /// When it was first seen: milliseconds since 1970-01-01 UTC.
    pub seen_ms: u64,
    /// Pieces of branches that are not in the log where they were seen, in no order.
    pub(crate) evidence: Vec<Evidence>,
    /// What counts.
    pub decided: Option<Decision>,
}

/// A piece of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// The entry that has it.
    pub(crate) place: Place,
    /// Its first position, and the hash there.
    pub(crate) first: (u64, Hash),
    /// Hash of the entry before.
    pub(crate) prev: Option<Hash>,
    /// Its last position, and the hash there.
    pub(crate) last: (u64, Hash),
}

/// The branch that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// First position at which the branches differ.
    pub seq: u64,
    /// Hash of the entry there in the branch that counts.
    pub hash: Hash,
    /// When it was written, which settles which of two decisions counts: the first.
    time: sanji_log::HybridTime,
}

impl Fork {
    /// First position at which the branches differ; 0 where nothing is contradicted yet.
    #[must_use]
    pub fn seq(&self) -> u64 {
        let seen = self.evidence.iter().map(|piece| piece.first.0).min().unwrap_or(0);
        self.decided.map_or(seen, |decision| decision.seq)
    }

    /// The pieces of the branch that begins with a hash, in their order.
    pub(crate) fn branch(&self, begins: &Hash) -> Vec<Evidence> {
        let mut branch: Vec<Evidence> = Vec::new();
        loop {
            let next = self.evidence.iter().find(|piece| match branch.last() {
                None => piece.first.1 == *begins,
                Some(before) => piece.first.0 == before.last.0 + 1 && piece.prev == Some(before.last.1),
            });
            match next {
                Some(piece) => branch.push(*piece),
                None => return branch,
            }
        }
    }

    /// The hashes with which the branches in evidence begin.
    pub(crate) fn beginnings(&self) -> Vec<Hash> {
        let seq = self.seq();
        let mut hashes: Vec<_> =
            self.evidence.iter().filter(|piece| piece.first.0 == seq).map(|piece| piece.first.1).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }
}

/// A piece of evidence as an entry has it: entries, and the seal that covers them or what follows.
pub(crate) struct Piece {
    pub(crate) entries: Vec<EntryBytes>,
    pub(crate) decoded: Vec<Entry>,
    /// Of the last of them, or of one that follows.
    pub(crate) seal: Seal,
}

impl Piece {
    /// Reads an encoded run of a log. None: it is not signed by the log's writer, or not in one piece.
    pub(crate) fn read(log: &LogId, run: &[u8]) -> Option<Self> {
        let run = proto::Run::decode(run).ok()?;
        let seal = Seal::try_from(run.seal?).ok()?;
        let entries: Vec<_> = run.entries.into_iter().map(EntryBytes).collect();
        let decoded: Vec<Entry> = entries.iter().map(EntryBytes::decode).collect::<Result<_, _>>().ok()?;
        let chained = decoded.windows(2).all(|pair| match pair {
            [before, after] => after.seq == before.seq + 1 && after.prev == Some(before.hash),
            _ => true,
        });
        let last = decoded.last()?;
        let covered = last.seq < seal.seq || (last.seq == seal.seq && last.hash == seal.hash);
        let own = decoded.iter().all(|entry| entry.log == *log);
        (chained && covered && own && seal.verify(log).is_ok()).then_some(Self { entries, decoded, seal })
    }

    /// What it is, as whoever keeps it remembers.
    pub(crate) fn evidence(&self, place: Place) -> Option<Evidence> {
        let (first, last) = (self.decoded.first()?, self.decoded.last()?);
        Some(Evidence { place, first: (first.seq, first.hash), prev: first.prev, last: (last.seq, last.hash) })
    }
}

/// Reads the piece of an entry; none where it has none. What is read is signed by the log's writer.
pub(crate) fn piece(body: &[u8]) -> Option<(LogId, Option<Piece>)> {
    let seen = proto::ForkSeen::decode(body).ok()?;
    let log = LogId::try_from(seen.log?).ok()?;
    if seen.run.is_empty() {
        return Some((log, None));
    }
    Some((log, Some(Piece::read(&log, &seen.run)?)))
}

impl ReferenceData {
    /// Logs that have forked, and keys that two machines use.
    #[must_use]
    pub fn forks(&self) -> &BTreeMap<LogId, Fork> {
        &self.forks
    }

    /// Any station that holds the log may have seen it: what it offers in evidence is signed by the log's writer.
    pub(super) fn fold_fork(&mut self, entry: &Entry) -> Result<Vec<u8>, Ignored> {
        let seen = proto::ForkSeen::decode(entry.body.clone()).map_err(|_| Ignored::Malformed)?;
        let (log, piece) = piece(&entry.body).ok_or(Ignored::Malformed)?;
        if self.writer(entry).is_none() {
            return Err(Ignored::NotAuthorised);
        }
        let fork = Arc::make_mut(&mut self.forks).entry(log).or_default();
        fork.seen_ms = if fork.seen_ms == 0 { seen.seen_ms } else { fork.seen_ms.min(seen.seen_ms) };
        let place = Place { log: entry.log, seq: entry.seq };
        if let Some(evidence) = piece.and_then(|piece| piece.evidence(place)) {
            if fork.evidence.iter().any(|known| known.place == evidence.place) {
                return Err(Ignored::Superseded);
            }
            fork.evidence.push(evidence);
        }
        let mut row = entry.log.home.number().to_be_bytes().to_vec();
        row.extend_from_slice(entry.log.key.as_bytes());
        row.extend(entry.seq.to_be_bytes());
        Ok(row)
    }

    pub(super) fn decide_fork(&mut self, entry: &Entry, decided: proto::ForkDecided) -> Result<LogId, Ignored> {
        let log = decided.log.and_then(|log| LogId::try_from(log).ok()).ok_or(Ignored::Malformed)?;
        let hash = Hash::try_from(decided.hash.as_slice()).map_err(|_| Ignored::Malformed)?;
        if !self.written_by_district(entry) {
            return Err(Ignored::NotAuthorised);
        }
        let fork = Arc::make_mut(&mut self.forks).entry(log).or_default();
        if fork.decided.is_some_and(|known| (known.time, known.hash) <= (entry.time, hash)) {
            return Err(Ignored::Superseded);
        }
        fork.decided = Some(Decision { seq: decided.seq, hash, time: entry.time });
        Ok(log)
    }
}

/// The row of a decision.
pub(super) fn row_of(what: u8, log: &LogId) -> Vec<u8> {
    let mut row = vec![what, u8::from(log.reach == Reach::Public)];
    row.extend(log.home.number().to_be_bytes());
    row.extend_from_slice(log.key.as_bytes());
    row
}
