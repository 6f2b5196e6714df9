//! What a link tells the station about itself, and the peer about its end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rand::Rng;
use sanji_log::StationCode;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::Error;
use crate::error::Distrust;
use crate::host::{Host, LinkState};

/// A station that is turned away comes back after this long at the earliest …
const COME_BACK_MIN: Duration = Duration::from_secs(2);
/// … and this long at the latest; spread evenly, so that they don't come back together.
const COME_BACK_MAX: Duration = Duration::from_secs(20);

pub(super) fn come_back_after_ms() -> u64 {
    let spread = rand::rng().random_range(COME_BACK_MIN..COME_BACK_MAX);
    u64::try_from(spread.as_millis()).unwrap_or(u64::MAX)
}

/// The wall clock: milliseconds since 1970-01-01 UTC; 0 for a clock before that.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// An error and what caused it, for a log line or a status page.
pub(crate) fn with_sources(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for error in std::iter::successors(Some(error), |error| error.source()) {
        // A status prints its sources itself, at length.
        let text = match error.downcast_ref::<Box<Status>>() {
            Some(status) => status.message().to_owned(),
            None => error.to_string(),
        };
        if !text.is_empty() && texts.last() != Some(&text) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

/// What the peer is told: its own mistakes in full, this station's faults not at all.
pub(crate) fn to_peer(error: &Error) -> Status {
    match error {
        Error::Message { .. } | Error::Answer { .. } => Status::invalid_argument(with_sources(error)),
        Error::Certificate { .. } => Status::permission_denied(error.to_string()),
        Error::Closed { reason } => Status::aborted(reason.clone()),
        Error::Host { .. } => Status::unavailable("the station can't commit now"),
        Error::Status { source } if source.code() == Code::OutOfRange => Status::out_of_range(source.message()),
        Error::Status { source } if source.code() == Code::Internal => {
            Status::invalid_argument("a message can't be decoded")
        }
        _ => Status::aborted("the link broke"),
    }
}

/// Keeps the station informed of one link, without repeating itself.
pub(super) struct Reporter {
    host: Arc<dyn Host>,
    peer: StationCode,
    /// Another link of the same peer reports now.
    replaced: CancellationToken,
    distrust: KnownDistrust,
    state: LinkState,
    reported: Option<LinkState>,
}

/// Why a parent does not take this station's certificate, from one link to the next. A key that is revoked stays so, though
/// its station may hand over what it has from time to time; until whoever said it says otherwise, for it may have been
/// wrong, or not what it claimed to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownDistrust(Arc<Mutex<Option<Distrust>>>);

impl KnownDistrust {
    pub(crate) fn get(&self) -> Option<Distrust> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, distrust: Option<Distrust>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = distrust;
    }
}

impl Reporter {
    pub(super) fn new(
        host: Arc<dyn Host>,
        peer: StationCode,
        replaced: CancellationToken,
        distrust: KnownDistrust,
    ) -> Self {
        let state = LinkState { distrust: distrust.get(), ..LinkState::default() };
        Self { host, peer, replaced, distrust, state, reported: None }
    }

    pub(super) fn peer(&self) -> StationCode {
        self.peer
    }

    pub(super) fn connected(&mut self) {
        tracing::info!(peer.station = %self.peer, "link is up");
        self.state.connected = true;
        self.state.since_ms = now_ms();
        self.report(false);
    }

    /// The first word is told at once: whoever waits for the line need not wait for a tick more.
    pub(super) fn heard(&mut self) {
        let is_first = self.state.last_heard_ms == 0;
        self.state.last_heard_ms = now_ms();
        if is_first {
            self.report(false);
        }
    }

    /// Told at once: by how much a clock is off must be known before the first entries that bear its times are stored.
    pub(super) fn clock_offset(&mut self, offset_ms: i64) {
        self.state.clock_offset_ms = Some(offset_ms);
        self.report(self.state.in_sync);
    }

    /// Told at once: whoever is at the desk must not go on for nothing.
    pub(super) fn distrusted(&mut self) {
        self.distrust.set(Some(Distrust::Revoked));
        (self.state.distrust, self.state.believed) = (Some(Distrust::Revoked), false);
        self.report(false);
    }

    pub(super) fn believed(&mut self) {
        self.distrust.set(None);
        (self.state.distrust, self.state.believed) = (None, true);
        self.report(self.state.in_sync);
    }

    pub(super) fn disconnected(&mut self, reason: String, distrust: Option<Distrust>) {
        tracing::info!(peer.station = %self.peer, reason, "link is down");
        self.state.connected = false;
        self.state.since_ms = now_ms();
        self.state.last_error = Some(reason);
        if distrust.is_some() {
            self.distrust.set(distrust);
            (self.state.distrust, self.state.believed) = (distrust, false);
        }
        self.report(false);
    }

    pub(super) fn report(&mut self, in_sync: bool) {
        self.state.in_sync = in_sync;
        if self.reported.as_ref() != Some(&self.state) && !self.replaced.is_cancelled() {
            self.host.link_changed(self.peer, self.state.clone());
            self.reported = Some(self.state.clone());
        }
    }
}
