//! What stations were sent and did not take: what is known of it, and what became of it.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use prost::Message;
use sanji_log::{Entry, Hash, HybridTime, LogId, StationCode};
use sanji_proto::v1::{self as proto, aside::What};
use sanji_replication::Rest;

use super::forks::{Evidence, Piece};
use super::{Ignored, ReferenceData};
use crate::core::rows::Place;

/// The reason of what a revoked station had written.
pub(crate) const REVOKED: &str = "REVOKED";

/// A log, and why something of it was not taken.
pub(crate) type AsideKey = (LogId, String);

/// What is known of entries that were not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsideFacts {
    /// When it was first seen: milliseconds since 1970-01-01 UTC.
    pub seen_ms: u64,
    /// First position that was not taken.
    pub seq: u64,
    /// For people, in English.
    pub detail: String,
    /// The station that sent them; none where that is not known.
    pub from: Option<StationCode>,
    /// Pieces of the entries, where they are kept; in no order.
    pub(crate) pieces: Vec<Evidence>,
    /// When a person settled it. What is seen later is news again.
    settled: Option<HybridTime>,
    newest: HybridTime,
}

impl AsideFacts {
    /// Whether a person has settled it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.settled.is_some_and(|settled| settled >= self.newest)
    }

    /// Whether the entries are kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// What stands just before the first of the pieces.
    pub(crate) fn beginning(&self) -> Option<(u64, Hash)> {
        let first = self.pieces.iter().min_by_key(|piece| piece.first.0)?;
        first.prev.map(|prev| (first.first.0 - 1, prev))
    }

    /// The pieces that lead from a head to an entry, one after the other; none where they don't. The first may begin
    /// before the head: another station held less when it kept it.
    ///
    /// Two machines may have written under one revoked key, so that pieces of two branches follow one head. Only the
    /// entry's hash says which of them is meant; so the way is looked for backwards, from there.
    pub(crate) fn leading_to(&self, entry: (u64, Hash), head: Option<(u64, Hash)>) -> Vec<Evidence> {
        let mut next: BTreeMap<Option<(u64, Hash)>, Evidence> = BTreeMap::new();
        let mut open = vec![entry];
        while let Some(end) = open.pop() {
            for piece in self.pieces.iter().filter(|piece| piece.last == end) {
                let inside = head.filter(|(seq, _)| (piece.first.0..piece.last.0).contains(seq));
                let before = inside.or_else(|| piece.prev.map(|prev| (piece.first.0 - 1, prev)));
                if let btree_map::Entry::Vacant(free) = next.entry(before) {
                    free.insert(*piece);
                    open.extend(before);
                }
            }
        }
        let way = std::iter::successors(next.get(&head), |piece| next.get(&Some(piece.last)));
        way.copied().collect()
    }

    /// The pieces that follow a head, one after the other. Where branches part, one of them.
    pub(crate) fn following(&self, head: Option<(u64, Hash)>) -> Vec<Evidence> {
        let mut line: Vec<Evidence> = Vec::new();
        loop {
            let before = line.last().map(|piece| piece.last).or(head);
            let (next, prev) = before.map_or((1, None), |(seq, hash)| (seq + 1, Some(hash)));
            match self.pieces.iter().find(|piece| piece.first.0 == next && piece.prev == prev) {
                Some(piece) => line.push(*piece),
                None => return line,
            }
        }
    }
}

/// The district's decision on what a revoked station had not delivered of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestDecision {
    /// First position that the district did not hold.
    pub(crate) from: u64,
    /// Last position, and the hash there.
    pub until: (u64, Hash),
    /// Whether the entries count.
    pub admitted: bool,
    time: HybridTime,
}

impl ReferenceData {
    /// What was not taken, by log and reason.
    #[must_use]
    pub fn asides(&self) -> &BTreeMap<AsideKey, AsideFacts> {
        &self.asides
    }

    /// What was decided on rests of revoked stations.
    #[must_use]
    pub fn rests(&self) -> &BTreeMap<LogId, RestDecision> {
        &self.rests
    }

    /// From where on the district's word decides what counts of a log, and not what stands in it: another branch, or
    /// nothing.
    pub(crate) fn decided_from(&self, log: &LogId) -> Option<u64> {
        let fork = self.forks.get(log).and_then(|fork| fork.decided).map(|decided| decided.seq);
        let rest = self.rests.get(log).filter(|rest| !rest.admitted).map(|rest| rest.from);
        fork.into_iter().chain(rest).min()
    }

    /// Whether the district has decided on any log what counts of it.
    pub(crate) fn has_decisions(&self) -> bool {
        !self.rests.is_empty() || self.forks.values().any(|fork| fork.decided.is_some())
    }

    /// Whether entries stand on another branch of a revoked key's log than that which the district has admitted.
    pub(crate) fn contradicts_what_is_admitted(&self, log: &LogId, entries: &[Entry]) -> bool {
        let Some(rest) = self.rests.get(log).filter(|rest| rest.admitted) else { return false };
        let facts = self.asides.get(&(*log, REVOKED.to_owned()));
        let before = entries.first().and_then(|first| first.prev.map(|prev| (first.seq - 1, prev)));
        let way = facts.map(|facts| facts.leading_to(rest.until, before)).unwrap_or_default();
        let mut known = way.iter().flat_map(|piece| [piece.first, piece.last]).chain([rest.until]);
        known.any(|(seq, hash)| entries.iter().any(|entry| entry.seq == seq && entry.hash != hash))
    }

    /// Any station may have seen it: what it keeps is signed by the log's writer.
    pub(super) fn fold_aside(&mut self, entry: &Entry) -> Result<Vec<u8>, Ignored> {
        let aside = proto::Aside::decode(entry.body.clone()).map_err(|_| Ignored::Malformed)?;
        if self.writer(entry).is_none() {
            return Err(Ignored::NotAuthorised);
        }
        match aside.what.ok_or(Ignored::Malformed)? {
            What::Seen(seen) => self.see_aside(entry, seen)?,
            What::Dropped(dropped) => {
                let log = log_of(dropped.log)?;
                let facts = Arc::make_mut(&mut self.asides).entry((log, dropped.reason));
                let facts = facts.or_insert_with(|| AsideFacts {
                    seen_ms: entry.time.millis(),
                    seq: dropped.seq,
                    detail: String::new(),
                    from: None,
                    pieces: Vec::new(),
                    settled: None,
                    newest: HybridTime::default(),
                });
                facts.settled = facts.settled.max(Some(entry.time));
            }
        }
        let mut row = entry.log.home.number().to_be_bytes().to_vec();
        row.extend_from_slice(entry.log.key.as_bytes());
        row.extend(entry.seq.to_be_bytes());
        Ok(row)
    }

    fn see_aside(&mut self, entry: &Entry, seen: proto::AsideSeen) -> Result<(), Ignored> {
        let log = log_of(seen.log)?;
        let place = Place { log: entry.log, seq: entry.seq };
        let piece = match seen.run.as_slice() {
            [] => None,
            run => Some(Piece::read(&log, run).and_then(|piece| piece.evidence(place)).ok_or(Ignored::Malformed)?),
        };
        let facts = Arc::make_mut(&mut self.asides).entry((log, seen.reason)).or_insert_with(|| AsideFacts {
            seen_ms: seen.seen_ms,
            seq: seen.seq,
            detail: seen.detail.clone(),
            from: StationCode::from_number(seen.from).ok(),
            pieces: Vec::new(),
            settled: None,
            newest: entry.time,
        });
        facts.seen_ms = facts.seen_ms.min(seen.seen_ms);
        facts.seq = facts.seq.min(seen.seq);
        facts.newest = facts.newest.max(entry.time);
        if let Some(piece) = piece {
            if facts.pieces.iter().any(|known| known.place == piece.place) {
                return Err(Ignored::Superseded);
            }
            facts.pieces.push(piece);
        }
        Ok(())
    }

    /// Of two decisions on one log that which reaches further counts, or else the first: more may have come since.
    pub(super) fn decide_rest(&mut self, entry: &Entry, decided: &proto::RestDecided) -> Result<LogId, Ignored> {
        let log = log_of(decided.log.clone())?;
        let hash = Hash::try_from(decided.hash.as_slice()).map_err(|_| Ignored::Malformed)?;
        if decided.from == 0 {
            return Err(Ignored::Malformed);
        }
        if !self.written_by_district(entry) {
            return Err(Ignored::NotAuthorised);
        }
        let (from, until) = (decided.from, (decided.until, hash));
        let decision = RestDecision { from, until, admitted: decided.admitted, time: entry.time };
        let rank = |decision: &RestDecision| (decision.until.0, std::cmp::Reverse(decision.time));
        if self.rests.get(&log).is_some_and(|known| rank(known) >= rank(&decision)) {
            return Err(Ignored::Superseded);
        }
        Arc::make_mut(&mut self.rests).insert(log, decision);
        let rest = if decision.admitted { Rest::Admitted(decided.until) } else { Rest::Rejected };
        Arc::make_mut(&mut self.directory).decide_rest(log, rest);
        Ok(log)
    }
}

fn log_of(log: Option<proto::LogId>) -> Result<LogId, Ignored> {
    log.and_then(|log| LogId::try_from(log).ok()).ok_or(Ignored::Malformed)
}
