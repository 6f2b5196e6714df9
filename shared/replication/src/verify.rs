//! What is checked of a run before it counts: who may hold it, who may write it, chain and seal, and how it fits
//! to what is held.

use sanji_log::planted::{Bug, planted};
use sanji_log::{Error, Hash, LogId, Run, StationCode};

use crate::{Directory, RefusalReason, Refused, Rest, VerifiedRun};

/// The two ends of a link.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// This station.
    pub me: StationCode,
    /// The other.
    pub peer: StationCode,
}

impl Ends {
    /// Whether a log may travel between the two: both may hold it.
    #[must_use]
    pub fn share(&self, log: &LogId) -> bool {
        let beyond = planted(Bug::SendToNeighbour) && log.reach == sanji_log::Reach::Private;
        beyond || (log.held_by(self.me) && log.held_by(self.peer))
    }

    /// Whether the peer stands above this station.
    fn peer_is_above(&self) -> bool {
        self.me != self.peer && self.me.within(self.peer)
    }
}

/// What a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// New: it may be committed. Entries that were held before are cut off its front.
    Fresh(VerifiedRun),
    /// All of it is held already, as happens when it comes over two paths.
    Held,
    /// Of a key that was revoked before it came: well signed, and for a person to decide on.
    Aside(Run),
    /// Not taken.
    Refused(Refused),
}

/// Judges a run. `tail` is where this station's copy of the log ends, with what is on its way to the disk. `delivers`: the
/// peer's own key is revoked, and the run is of that key.
#[must_use]
pub fn verify(ends: Ends, directory: &Directory, delivers: bool, run: Run, tail: Option<(u64, Hash)>) -> Verdict {
    let (log, first) = (run.log, run.first_seq().max(1));
    let refused = |(reason, detail)| Refused { log, seq: first, reason, detail };
    match check_rights(ends, directory, delivers, &log, run.seal.seq) {
        Ok(None) => match check(run, tail) {
            Ok(Some(fresh)) => Verdict::Fresh(fresh),
            Ok(None) => Verdict::Held,
            Err(reason) => Verdict::Refused(refused(reason)),
        },
        // What it follows is for whoever keeps it to see.
        Ok(Some(_)) => match decoded(&run) {
            Ok(_) if tail.is_some_and(|(seq, _)| run.seal.seq <= seq) => Verdict::Held,
            Ok(_) => Verdict::Aside(run),
            Err(reason) => Verdict::Refused(refused(reason)),
        },
        Err(reason) => Verdict::Refused(refused(reason)),
    }
}

type Reason = (RefusalReason, String);

/// Decodes the entries of a run whose chain and seal hold.
fn decoded(run: &Run) -> Result<Vec<sanji_log::Entry>, Reason> {
    let entries = run.entries.first().map(|first| first.decode()).transpose().and_then(|first| {
        let before = first.and_then(|first| first.prev.map(|prev| (first.seq - 1, prev)));
        run.verify(before)
    });
    entries.map_err(|error| (reason_of(&error), error.to_string()))
}

fn check(run: Run, tail: Option<(u64, Hash)>) -> Result<Option<VerifiedRun>, Reason> {
    let mut entries = decoded(&run)?;
    let Some(first) = entries.first() else { return Ok(None) };

    let (tail_seq, tail_hash) = tail.map_or((0, None), |(seq, hash)| (seq, Some(hash)));
    if first.seq > tail_seq + 1 {
        return Err((RefusalReason::Gap, format!("the log ends at {tail_seq} here, the run begins at {}", first.seq)));
    }
    if run.seal.seq < tail_seq {
        return Ok(None);
    }
    let held = usize::try_from(tail_seq + 1 - first.seq).unwrap_or(usize::MAX).min(entries.len());
    let offered = if held == 0 { first.prev } else { entries.get(held - 1).map(|entry| entry.hash) };
    if offered != tail_hash {
        let show = |hash: Option<Hash>| hash.map_or_else(|| "none".to_owned(), |hash| hash.to_hex());
        let detail = format!("seq {tail_seq} is {} here and {} there", show(tail_hash), show(offered));
        return Err((RefusalReason::Fork, detail));
    }
    entries.drain(..held);
    if entries.is_empty() {
        return Ok(None);
    }
    let mut run = run;
    run.entries.drain(..held);
    Ok(Some(VerifiedRun { extends: tail, run, entries }))
}

/// Whether entries of a log up to a position are believed. Some: they are not, but may be kept aside.
fn check_rights(
    ends: Ends,
    directory: &Directory,
    delivers: bool,
    log: &LogId,
    until: u64,
) -> Result<Option<Reason>, Reason> {
    if !ends.share(log) {
        return Err((RefusalReason::NotYours, format!("not held by both {} and {}", ends.me, ends.peer)));
    }
    let Some(writer) = directory.get(&log.key) else {
        return Err((RefusalReason::UnknownKey, "the directory does not know the key".to_owned()));
    };
    if !log.writable_by(writer.station) {
        return Err((RefusalReason::NotYours, format!("{} may not write for {}", writer.station, log.home)));
    }
    // A station above took these entries while the key was good, or it would not hold them; so a replaced
    // station gets its former life back. Whoever stands below may be the thief, or may not know of him; and whoever signs
    // with a revoked key is no witness of himself, wherever he stands.
    if writer.revoked && (delivers || !ends.peer_is_above()) && !planted(Bug::AcceptRevokedKey) {
        let reason = (RefusalReason::Revoked, format!("the key of {} is revoked", writer.station));
        return match directory.rest(log) {
            Some(Rest::Admitted(admitted)) if until <= admitted => Ok(None),
            Some(Rest::Rejected) => Err(reason),
            _ => Ok(Some(reason)),
        };
    }
    Ok(None)
}

fn reason_of(error: &Error) -> RefusalReason {
    match error {
        Error::Chain { .. } | Error::Signature(_) => RefusalReason::BadSeal,
        _ => RefusalReason::Malformed,
    }
}
