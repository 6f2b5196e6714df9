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

/// What a station holds from its first hour. Logs in which cases begin come over the link, with the cases' keys.
fn first_hour(store: &dyn Store, station: StationCode) -> Result<Vec<Run>, sanji_store::Error> {
    let mut all = Vec::new();
    for head in store.have().held_by(station).heads() {
        let mut runs = Vec::new();
        let mut from = 1;
        while let Some(run) = store.read(&head.log, from, READ_BYTES)? {
            from = run.head().seq + 1;
            runs.push(run);
        }
        if head.log.reach == Reach::Public || !opens_cases(&runs) {
            all.extend(runs);
        }
    }
    Ok(all)
}

fn opens_cases(runs: &[Run]) -> bool {
    runs.iter().flat_map(|run| &run.entries).any(|entry| entry.decode().is_ok_and(|entry| entry.opens_case))
}
