//! Taking in what a peer sent. Chain, seal and rights were checked by the session; what may have changed since is
//! how far this station's log reaches, because another link can have brought the same entries.

use std::collections::BTreeMap;

use sanji_log::planted::{Bug, planted};
use sanji_log::{CaseId, Entry, Hash, LogId, Run, StationCode};
use sanji_proto::v1::Kind;
use sanji_replication::{CaseKeyMessage, RefusalReason, Refused, VerifiedRun};
use sanji_store::HeldKey;

use super::{Core, ReferenceData};
use crate::error::{Error, store};
use crate::vault::{CaseKey, NONCE_BYTES};
use sanji_domain::case::codec;
use sanji_domain::matter;

/// What became of what a peer sent, once the group is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReceiveOutcome {
    /// Logs that are held as far as the peer sent them.
    pub accepted: Vec<LogId>,
    /// What was not taken.
    pub refused: Vec<Refused>,
}

/// Keys that came with a batch. That a key was destroyed elsewhere is no peer's to say.
pub(super) type CaseKeys = BTreeMap<CaseId, [u8; 32]>;

/// How a run lies to the log as it is held.
pub(super) enum Fit {
    /// It begins where the log ends, after so many entries that are held already.
    Extends(usize),
    /// All of it is held.
    Held,
    /// It is not what this station can take.
    Refused(RefusalReason, String),
}

impl Core {
    /// Stages the runs of a peer and the keys of the cases that they open. Nothing is acknowledged before
    /// [`Core::commit`].
    ///
    /// # Errors
    /// [`Error::Store`] where this station's own log can't be read; the group is lost.
    pub fn receive(
        &mut self,
        peer: StationCode,
        runs: Vec<VerifiedRun>,
        case_keys: &[CaseKeyMessage],
        now_ms: u64,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<ReceiveOutcome, Error> {
        let mut outcome = ReceiveOutcome::default();
        let keys: CaseKeys = case_keys.iter().filter_map(|message| Some((message.case, message.key?))).collect();
        for VerifiedRun { run, entries, .. } in runs {
            let log = run.log;
            let first = run.first_seq();
            let refused = match self.fit(&run, &entries)? {
                Fit::Extends(_) if self.reference().contradicts_what_is_admitted(&log, &entries) => {
                    Some((RefusalReason::Fork, "the district has admitted another branch".to_owned()))
                }
                Fit::Extends(held) => {
                    let run = Run { entries: run.entries.into_iter().skip(held).collect(), ..run };
                    let staged = self.stage_run(run, &entries[held.min(entries.len())..], now_ms)?;
                    (!staged).then(|| (RefusalReason::Gap, "more than one commit can take".to_owned()))
                }
                Fit::Held => None,
                Fit::Refused(reason, detail) => Some((reason, detail)),
            };
            match refused {
                None => {
                    for case in self.take_keys(peer, &entries, &keys, random)? {
                        self.reader.seek_key(&case);
                    }
                    self.note_received(log);
                    outcome.accepted.push(log);
                }
                Some((reason, detail)) => outcome.refused.push(Refused { log, seq: first, reason, detail }),
            }
        }
        Ok(outcome)
    }

    pub(super) fn fit(&self, run: &Run, entries: &[Entry]) -> Result<Fit, Error> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(Fit::Refused(RefusalReason::Malformed, "a run without entries".to_owned()));
        };
        let Some((seq, hash)) = self.head(&run.log) else {
            return Ok(if first.seq == 1 { Fit::Extends(0) } else { gap(1) });
        };
        if first.seq > seq + 1 {
            return Ok(gap(seq + 1));
        }
        if first.seq == seq + 1 {
            return Ok(if first.prev == Some(hash) { Fit::Extends(0) } else { fork(seq + 1) });
        }
        if last.seq <= seq {
            let held = self.hash_at(&run.log, last.seq)?;
            return Ok(if held == Some(last.hash) { Fit::Held } else { fork(last.seq) });
        }
        let held = usize::try_from(seq + 1 - first.seq).unwrap_or(usize::MAX);
        let same = held.checked_sub(1).and_then(|at| entries.get(at)).is_some_and(|entry| entry.hash == hash);
        Ok(if same { Fit::Extends(held) } else { fork(seq) })
    }

    pub(super) fn hash_at(&self, log: &LogId, seq: u64) -> Result<Option<Hash>, Error> {
        if let Some((head, hash)) = self.head(log)
            && head == seq
        {
            return Ok(Some(hash));
        }
        if let Some(bytes) = self.staged_entry(log, seq) {
            return Ok(Some(bytes.hash()));
        }
        let bytes = self.reader.store().entry(log, seq).map_err(store("read an entry"))?;
        Ok(bytes.map(|bytes| bytes.hash()))
    }

    /// Keeps the keys of cases that these entries open. A key that is here is never replaced, and one that does not
    /// open the entry is dropped: no peer can make a case unreadable. Nor does one bring back what was destroyed here.
    /// Returns the cases whose keys are still to come.
    pub(super) fn take_keys(
        &mut self,
        peer: StationCode,
        entries: &[Entry],
        keys: &CaseKeys,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Vec<CaseId>, Error> {
        let mut lacking = Vec::new();
        for entry in entries.iter().filter(|entry| entry.opens_case) {
            let Some(case) = entry.case else { continue };
            if !self.lacks_key_of(&case)? || planted(Bug::DropCaseKey) {
                continue;
            }
            let Some(bytes) = keys.get(&case) else {
                lacking.push(case);
                continue;
            };
            let key = CaseKey::from_bytes(*bytes);
            let sealed = codec::decode(entry.kind, &entry.body).ok().flatten().and_then(|body| body.sealed);
            let of_matter =
                || matter::codec::decode(entry.kind, &entry.body).ok().flatten().and_then(|body| body.sealed);
            let sealed = sealed.or_else(of_matter);
            if sealed.is_some_and(|sealed| key.check(&case, &sealed).is_err()) {
                tracing::warn!(peer.station = %peer, case = %case.number(), "a case key does not open its case");
                lacking.push(case);
                continue;
            }
            let mut nonce = [0; NONCE_BYTES];
            random(&mut nonce);
            let wrapped = self
                .reader
                .master()
                .wrap(case, &key, nonce)
                .map_err(|source| Error::Vault { operation: "wrap the key of a case", source })?;
            self.stage_key(wrapped, key);
        }
        Ok(lacking)
    }

    /// Whether a key of a case would be kept: none that can be read is here, and none was destroyed. That a damaged one is
    /// still at hand says nothing: it is gone with the process.
    fn lacks_key_of(&self, case: &CaseId) -> Result<bool, Error> {
        if self.reader.is_key_sought(case) {
            return Ok(!self.is_key_staged(case));
        }
        if self.is_key_staged(case) || self.reader.case_key_at_hand(case).is_some() {
            return Ok(false);
        }
        match self.reader.held_key(case) {
            Err(Error::Store { source: sanji_store::Error::Damaged { .. }, .. }) => Ok(true),
            held => Ok(held? == HeldKey::Never),
        }
    }

    /// Takes in runs that did not come over a link: those of enrolment, or of a medium. Checks what a session would
    /// check. Each run stands for itself: those before one that does not hold are staged.
    ///
    /// # Errors
    /// [`Error::Run`] for the first run whose chain or seal does not hold, [`Error::Entry`] for one that is not for
    /// this station or whose writer is not certified; [`Error::Store`].
    pub fn adopt(
        &mut self,
        runs: Vec<Run>,
        case_keys: &[CaseKeyMessage],
        now_ms: u64,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), Error> {
        for run in runs {
            let log = run.log;
            let invalid = |source| Error::Run { log, source };
            let first = run.entries.first().map(sanji_log::EntryBytes::decode).transpose().map_err(invalid)?;
            let extends = first.and_then(|entry| entry.prev.map(|prev| (entry.seq - 1, prev)));
            let entries = run.verify(extends).map_err(invalid)?;
            if !self.may_adopt(&log, &entries) {
                return Err(Error::Entry { problem: "the district has not certified its writer for this station" });
            }
            let run = VerifiedRun { extends, run, entries };
            let outcome = self.receive(self.reader.me(), vec![run], case_keys, now_ms, random)?;
            if !outcome.refused.is_empty() {
                return Err(Error::Entry { problem: "it does not continue what is held here" });
            }
        }
        Ok(())
    }

    /// Whether a log is for this station and its writer may write it. The run may bring the writer's certificate.
    fn may_adopt(&self, log: &LogId, entries: &[Entry]) -> bool {
        let mut reference = ReferenceData::clone(&self.reference());
        for entry in entries.iter().filter(|entry| entry.kind == Kind::Station as u32) {
            // What does not count proves nothing; the fold says so when the entry is staged.
            let _ = reference.fold(entry, &self.authority_der);
        }
        let writer = reference.directory().get(&log.key);
        log.held_by(self.reader.me()) && writer.is_some_and(|writer| log.writable_by(writer.station) && !writer.revoked)
    }
}

fn gap(expected: u64) -> Fit {
    Fit::Refused(RefusalReason::Gap, format!("the next position here is {expected}"))
}

fn fork(seq: u64) -> Fit {
    Fit::Refused(RefusalReason::Fork, format!("another entry is held at {seq}"))
}
