//! What a one-time code is traded for.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sanji_link::bundle::Enrolment;
use sanji_link::{CheckedEnrolRequest, EnrolRefusal, EnrolReply, Enroller};
use sanji_log::{Reach, Run, StationCode, Tier};
use sanji_station::accounts::attempts::{Attempts, Limit};
use sanji_station::clock::now_ms;
use sanji_station::command::chain;
use sanji_store::Store;
use tokio::runtime::Handle;

use crate::codes::Invitation;
use crate::error::Error;
use crate::register::Register;

/// Wrong codes from one address, or for one station. A code has 60 bits: this is for the log and the load.
const LIMIT: Limit = Limit { attempts: 10, window_ms: 10 * 60 * 1000 };
/// Bytes of entries read at once.
const READ_BYTES: usize = 4 << 20;
/// Too few for two: a read gives one run, up to the next seal.
const ONE_RUN: usize = 1;

/// The hub's side of enrolment.
pub(crate) struct HubEnroller {
    register: Register,
    /// Where the hub's own link is reached, "host:port".
    link_address: Option<String>,
    attempts: Mutex<Attempts>,
    runtime: Handle,
}

impl HubEnroller {
    /// To be called on the runtime that the station runs on.
    pub(crate) fn new(register: Register, link_address: Option<String>) -> Self {
        Self { register, link_address, attempts: Mutex::new(Attempts::new(LIMIT)), runtime: Handle::current() }
    }

    /// Answers a request that came in a file.
    pub(crate) fn answer(&self, request: &CheckedEnrolRequest) -> Result<Enrolment, EnrolRefusal> {
        self.judge(&[request.station.to_string()], request, || {
            let Some((invitation, certificate)) = self.certify(request)? else { return Ok(None) };
            let authority = self.register.authority.certificate_der().to_vec();
            Ok(Some(Enrolment { certificate, authority, upstream: invitation.upstream }))
        })
    }

    /// Uses the code up and certifies the key. None: the code or the key will not do.
    fn certify(&self, request: &CheckedEnrolRequest) -> Result<Option<(Invitation, Vec<u8>)>, Error> {
        let station = request.station;
        let codes = &self.register.codes;
        // Durable before anything is given away.
        let Some(invitation) = codes.redeem(station, &request.secret, request.key, now_ms())? else { return Ok(None) };
        let enrolled = self.runtime.block_on(self.register.enrol(station, request.key))?;
        Ok(enrolled.map(|certificate| (invitation, certificate)))
    }

    fn try_enrol(&self, request: &CheckedEnrolRequest) -> Result<Option<EnrolReply>, Error> {
        let station = request.station;
        let Some((invitation, certificate)) = self.certify(request)? else { return Ok(None) };
        let store = self.register.station.store();
        Ok(Some(EnrolReply {
            certificate,
            authority: self.register.authority.certificate_der().to_vec(),
            hub_key: self.register.station.reader().key(),
            district: self.register.hub(),
            upstream: invitation.upstream.or_else(|| self.upstream_of(station)),
            detour: self.link_address.clone().filter(|_| station.tier() == Tier::Village),
            runs: first_hour(&*store, station).map_err(|source| Error::Store { source })?,
        }))
    }

    /// The township's link for a village, if the hub knows it; else the hub's own: a village may link straight to
    /// the hub.
    fn upstream_of(&self, station: StationCode) -> Option<String> {
        let township = station.parent().filter(|parent| parent.tier() == Tier::Township);
        let known = township.and_then(|township| self.register.codes.of(township)?.link_address);
        known.or_else(|| self.link_address.clone())
    }

    /// Does not look at requests of those who tried too often, and counts those that are refused.
    fn judge<T>(
        &self,
        subjects: &[String],
        request: &CheckedEnrolRequest,
        enrol: impl FnOnce() -> Result<Option<T>, Error>,
    ) -> Result<T, EnrolRefusal> {
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let locked_ms = subjects.iter().filter_map(|subject| attempts.locked_for_ms(subject, now_ms())).max();
        drop(attempts);
        if let Some(locked_ms) = locked_ms {
            return Err(EnrolRefusal::TooManyAttempts { retry_after: Duration::from_millis(locked_ms) });
        }
        match enrol() {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(self.refused(request.station, subjects)),
            Err(fault) => {
                tracing::error!(peer.station = %request.station, error = chain(&fault), "can't enrol a station");
                Err(EnrolRefusal::Unavailable)
            }
        }
    }

    fn refused(&self, station: StationCode, subjects: &[String]) -> EnrolRefusal {
        let mut locks = false;
        for subject in subjects {
            locks |= self.attempts.lock().unwrap_or_else(PoisonError::into_inner).wrong(subject, now_ms());
        }
        let detail = if locks { "refused, further attempts are not looked at for a while" } else { "refused" };
        self.register.station.record("enrolment.refused", "", &station.to_string(), detail);
        EnrolRefusal::Denied
    }
}

impl Enroller for HubEnroller {
    fn enrol(&self, request: CheckedEnrolRequest, peer: SocketAddr) -> Result<EnrolReply, EnrolRefusal> {
        let subjects = [peer.ip().to_canonical().to_string(), request.station.to_string()];
        self.judge(&subjects, &request, || self.try_enrol(&request))
    }
}

/// What a station holds from its first hour: what is public, and its staff. Of a private log nothing comes from the
/// first step of a case on, whoever wrote it: that comes over the link with the cases' keys, in pieces, so that a station
/// with years of cases enrols on a thin line too.
fn first_hour(store: &dyn Store, station: StationCode) -> Result<Vec<Run>, sanji_store::Error> {
    let mut all = Vec::new();
    for head in store.have().held_by(station).heads() {
        let (mut from, mut bytes) = (1, READ_BYTES);
        while let Some(run) = store.read(&head.log, from, bytes)? {
            if head.log.reach == Reach::Private && concerns_a_case(&run) {
                if bytes == ONE_RUN {
                    break;
                }
                // Once more and run by run: a log can be cut at a seal only.
                bytes = ONE_RUN;
                continue;
            }
            from = run.head().seq + 1;
            all.push(run);
        }
    }
    Ok(all)
}

/// An entry that can't be read is taken for one of a case: nothing needs it in the first hour.
fn concerns_a_case(run: &Run) -> bool {
    run.entries.iter().any(|entry| entry.decode().map_or(true, |entry| entry.case.is_some()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sanji_log::seal::public_key;
    use sanji_log::{CaseId, EntryDraft, HybridTime, LogId, Seal, SigningKey};
    use sanji_store::{Commit, Extension, MemoryStore};

    use super::*;

    /// A log of the hub about a village: each commit is one run, each entry of a case or not.
    fn write(store: &dyn Store, reach: Reach, village: StationCode, seed: u8, commits: &[&[bool]]) {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let log = LogId { home: village, reach, key: public_key(&key) };
        let (mut head, mut time) = (None, HybridTime::from_millis(1_782_835_200_000));
        for commit in commits {
            let extends = head;
            let mut entries = Vec::new();
            for of_a_case in *commit {
                let draft = EntryDraft {
                    case: of_a_case.then(|| CaseId::new(village, 9678, 1, [7; 7]).unwrap()),
                    actor: String::new(),
                    kind: 1,
                    body: b"content".as_slice().into(),
                    attachments: Vec::new(),
                    // Whoever takes a step of a case that began elsewhere opens nothing.
                    opens_case: false,
                };
                time = time.next(0);
                let entry = draft.chain(log, head, time);
                head = Some((head.map_or(1, |(seq, _)| seq + 1), entry.hash()));
                entries.push(entry);
            }
            let (seq, hash) = head.unwrap();
            let run = Run { log, entries, seal: Seal::sign(&key, &log, seq, hash) };
            store.commit(&Commit { extensions: vec![Extension { extends, run }], ..Commit::default() }).unwrap();
        }
    }

    #[test]
    fn the_first_hour_ends_before_the_first_step_of_a_case() {
        let village: StationCode = "990106101203".parse().unwrap();
        let store = MemoryStore::default();
        // The hub's: staff, a second commit of staff, steps of cases, staff again.
        write(&store, Reach::Private, village, 1, &[&[false, false], &[false], &[false, true], &[false]]);
        // The township's: steps of cases alone.
        write(&store, Reach::Private, village, 2, &[&[true], &[true, true]]);
        // The directory.
        write(&store, Reach::Public, village, 1, &[&[false], &[false]]);
        let runs = first_hour(&store, village).unwrap();
        let mut entries: Vec<_> =
            runs.iter().map(|run| (run.log.reach == Reach::Public, run.first_seq(), run.head().seq)).collect();
        entries.sort_unstable();
        assert_eq!(entries, [(false, 1, 2), (false, 3, 3), (true, 1, 2)]);
        let private: Vec<_> = runs.iter().filter(|run| run.log.reach == Reach::Private).collect();
        private[0].verify(None).unwrap();
        private[1].verify(Some((2, private[0].seal.hash))).unwrap();
    }
}
