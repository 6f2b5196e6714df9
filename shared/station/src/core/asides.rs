//! What others sent and this station did not take: noted, and of revoked stations kept as evidence, until somebody
//! decides. What the district admits goes into its log as if it had come in time.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message;
use sanji_log::{Entry, EntryBytes, EntryDraft, Hash, LogId, Reach, Run, StationCode};
use sanji_proto::v1::{self as proto, aside::What};
use sanji_replication::CaseKeyMessage;

use super::receive::{CaseKeys, Fit};
use super::reference::asides::REVOKED;
use super::reference::forks::{Evidence, Piece};
use super::{Core, Random, Reader};
use crate::error::{Error, store, stored};

/// Bytes of entries in one piece: with its frame it fits into an entry.
const PIECE_BYTES: usize = 128 << 10;
/// Most pieces kept of one log: whoever has a stolen machine must not fill the disks of the stations above.
const PIECES_MAX: usize = 512;

impl Reader {
    /// The runs of pieces that follow one another, each under its seal.
    pub(crate) fn aside_runs(&self, log: &LogId, pieces: &[Evidence]) -> Result<Vec<Run>, Error> {
        let (mut runs, mut entries) = (Vec::new(), Vec::<EntryBytes>::new());
        for at in pieces {
            let bytes = self.store().entry(&at.place.log, at.place.seq).map_err(store("read an entry"))?;
            let Some(bytes) = bytes else { continue };
            let Some(piece) = piece_in(log, &bytes)? else { continue };
            entries.extend(piece.entries);
            if piece.decoded.last().is_some_and(|last| last.seq == piece.seal.seq) {
                runs.push(Run { log: *log, entries: std::mem::take(&mut entries), seal: piece.seal });
            }
        }
        Ok(runs)
    }
}

impl Core {
    /// Stages entries of a revoked key as evidence, whose chain and seal were checked, with the keys of their cases.
    ///
    /// # Errors
    /// [`Error::Store`]; the group is lost.
    pub fn keep_aside(
        &mut self,
        peer: StationCode,
        runs: Vec<Run>,
        case_keys: &[CaseKeyMessage],
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<(), Error> {
        let keys: CaseKeys = case_keys.iter().filter_map(|message| Some((message.case, message.key?))).collect();
        for run in runs {
            let first = run.entries.first().map(EntryBytes::decode).transpose().map_err(stored("entry"))?;
            let Some(first) = first else { continue };
            let before = first.prev.map(|prev| (first.seq - 1, prev));
            let entries = run.verify(before).map_err(|source| Error::Run { log: run.log, source })?;
            let reference = self.reference();
            let known = reference.asides().get(&(run.log, REVOKED.to_owned()));
            let pieces = known.map_or(&[][..], |known| known.pieces.as_slice());
            let new = self.first_new(&run.log, pieces, &entries)?;
            let rest = entries.get(new..).unwrap_or_default();
            if rest.is_empty() || pieces.len() >= PIECES_MAX {
                continue;
            }
            tracing::warn!(peer.station = %peer, log = %run.log, entries = rest.len(), "a revoked station's entries are kept aside");
            self.stage_pieces(peer, &run, new, now_ms)?;
            self.take_keys(peer, rest, &keys, random)?;
            for case in rest.iter().filter(|entry| entry.opens_case).filter_map(|entry| entry.case) {
                let draft = EntryDraft { case: Some(case), opens_case: true, ..draft(Bytes::new()) };
                self.stage(self.log_of_aside(run.log), &draft, now_ms)?;
            }
        }
        Ok(())
    }

    /// From which of a run's entries on it is to be kept. A branch that parts within a piece is kept from its beginning:
    /// pieces are joined where they end.
    fn first_new(&self, log: &LogId, pieces: &[Evidence], entries: &[Entry]) -> Result<usize, Error> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(0) };
        let mut held: BTreeSet<Hash> = BTreeSet::new();
        for at in pieces.iter().filter(|piece| piece.first.0 <= last.seq && piece.last.0 >= first.seq) {
            let bytes = match self.staged_entry(&at.place.log, at.place.seq) {
                Some(bytes) => Some(bytes.clone()),
                None => self.reader.store().entry(&at.place.log, at.place.seq).map_err(store("read an entry"))?,
            };
            let Some(piece) = bytes.map(|bytes| piece_in(log, &bytes)).transpose()?.flatten() else { continue };
            held.extend(piece.decoded.iter().map(|entry| entry.hash));
        }
        let new = entries.iter().position(|entry| !held.contains(&entry.hash)).unwrap_or(entries.len());
        let before = new.checked_sub(1).and_then(|at| entries.get(at));
        let joins = before.is_some_and(|before| pieces.iter().any(|piece| piece.last == (before.seq, before.hash)));
        Ok(if joins || new == entries.len() { new } else { 0 })
    }

    fn stage_pieces(&mut self, peer: StationCode, run: &Run, from: usize, now_ms: u64) -> Result<(), Error> {
        let (mut piece, mut size) = (Vec::new(), 0);
        let mut first_seq = run.first_seq() + from as u64;
        let rest = run.entries.get(from..).unwrap_or_default();
        for (at, bytes) in rest.iter().enumerate() {
            size += bytes.0.len();
            piece.push(bytes.0.clone());
            if size >= PIECE_BYTES || at + 1 == rest.len() {
                let count = piece.len() as u64;
                let part = proto::Run {
                    log: Some(run.log.into()),
                    entries: std::mem::take(&mut piece),
                    seal: Some(run.seal.into()),
                };
                let seen = proto::AsideSeen {
                    run: part.encode_to_vec(),
                    ..seen(
                        run.log,
                        first_seq,
                        REVOKED,
                        "written before the key was revoked, and not delivered",
                        peer,
                        now_ms,
                    )
                };
                self.stage_aside(run.log, What::Seen(seen), "", now_ms)?;
                first_seq += count;
                size = 0;
            }
        }
        Ok(())
    }

    /// Notes that entries were not taken and are not kept. Once for a log and reason, until a person settles it.
    ///
    /// # Errors
    /// As for [`Core::write`].
    pub fn note_refused(
        &mut self,
        peer: StationCode,
        log: LogId,
        seq: u64,
        reason: &str,
        detail: &str,
        now_ms: u64,
    ) -> Result<(), Error> {
        let reference = self.reference();
        if reference.asides().get(&(log, reason.to_owned())).is_some_and(|known| !known.is_settled()) {
            return Ok(());
        }
        self.stage_aside(log, What::Seen(seen(log, seq, reason, detail, peer, now_ms)), "", now_ms)
    }

    /// Notes that a person has settled what was aside.
    ///
    /// # Errors
    /// As for [`Core::write`].
    pub fn settle_aside(
        &mut self,
        log: LogId,
        seq: u64,
        reason: &str,
        why: &str,
        actor: &str,
        now_ms: u64,
    ) -> Result<(), Error> {
        let dropped =
            proto::AsideDropped { log: Some(log.into()), seq, reason: reason.to_owned(), why: why.to_owned() };
        self.stage_aside(log, What::Dropped(dropped), actor, now_ms)
    }

    fn stage_aside(&mut self, log: LogId, what: What, actor: &str, now_ms: u64) -> Result<(), Error> {
        let body = proto::Aside { what: Some(what) }.encode_to_vec();
        let draft = EntryDraft { actor: actor.to_owned(), ..draft(body.into()) };
        self.stage(self.log_of_aside(log), &draft, now_ms).map(|_| ())
    }

    /// It goes where the stations that may hold the log will see it.
    fn log_of_aside(&self, log: LogId) -> LogId {
        let me = self.reader.me();
        self.own_log(if log.home.within(me) { log.home } else { me }, Reach::Private)
    }

    /// Logs of which something was admitted that is kept here and not in the log yet.
    pub(crate) fn admitted(reader: &Reader) -> Vec<LogId> {
        let reference = reader.reference();
        let lacks = |log: &LogId, until: u64| reader.store().head(log).is_none_or(|(seq, _)| seq < until);
        let kept =
            |log: &LogId| reference.asides().get(&(*log, REVOKED.to_owned())).is_some_and(|facts| facts.is_kept());
        let rests = reference.rests().iter();
        rests
            .filter(|(log, rest)| rest.admitted && lacks(log, rest.until.0) && kept(log))
            .map(|(log, _)| *log)
            .collect()
    }

    /// Puts what was admitted into its log. How many entries.
    ///
    /// That is the branch that ends in the entry on which the district has decided; of another, which a second machine has
    /// written under the same key, nothing is taken.
    ///
    /// # Errors
    /// [`Error::Store`]; the group is lost.
    pub fn admit(&mut self, log: LogId, now_ms: u64) -> Result<u64, Error> {
        let reference = self.reference();
        let Some(rest) = reference.rests().get(&log).filter(|rest| rest.admitted) else { return Ok(0) };
        let Some(facts) = reference.asides().get(&(log, REVOKED.to_owned())) else { return Ok(0) };
        let mut admitted = 0;
        for run in self.reader.aside_runs(&log, &facts.leading_to(rest.until, self.head(&log)))? {
            let first = run.entries.first().map(EntryBytes::decode).transpose().map_err(stored("entry"))?;
            let before = first.and_then(|first| first.prev.map(|prev| (first.seq - 1, prev)));
            let entries = run.verify(before).map_err(|source| Error::Run { log, source })?;
            // A piece that can't be read leaves a hole, and what is held may be of the other branch.
            let Fit::Extends(held) = self.fit(&run, &entries)? else { break };
            let entries = entries.get(held..).unwrap_or_default();
            let run = Run { entries: run.entries.into_iter().skip(held).collect(), ..run };
            let count = entries.len() as u64;
            if !self.stage_run(run, entries, now_ms)? {
                break;
            }
            self.note_received(log);
            admitted += count;
        }
        Ok(admitted)
    }
}

/// The piece of a log that an entry keeps.
fn piece_in(log: &LogId, bytes: &EntryBytes) -> Result<Option<Piece>, Error> {
    let body = bytes.decode().map_err(stored("entry"))?.body;
    let Ok(proto::Aside { what: Some(What::Seen(seen)) }) = proto::Aside::decode(body) else { return Ok(None) };
    Ok(Piece::read(log, &seen.run))
}

fn draft(body: Bytes) -> EntryDraft {
    EntryDraft {
        case: None,
        actor: String::new(),
        kind: proto::Kind::Aside as u32,
        body,
        attachments: Vec::new(),
        opens_case: false,
    }
}

fn seen(log: LogId, seq: u64, reason: &str, detail: &str, peer: StationCode, now_ms: u64) -> proto::AsideSeen {
    proto::AsideSeen {
        log: Some(log.into()),
        seq,
        reason: reason.to_owned(),
        detail: detail.to_owned(),
        from: peer.number(),
        run: Vec::new(),
        seen_ms: now_ms,
    }
}
