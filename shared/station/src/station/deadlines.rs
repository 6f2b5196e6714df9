//! What the station knows of time: its own clock, how far it is off, and deadlines.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use sanji_domain::case::clock::TOLERANCE_MS;
use sanji_log::{StationCode, Tier};
use sanji_proto::v1 as proto;

use super::{Actor, Station};
use crate::error::Failure;

impl Station {
    /// This machine's clock: milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        (self.0.clock)()
    }

    /// The same, put right by the station above where the two were compared and differ by more than links can tell:
    /// no clock that runs ahead makes days end early.
    #[must_use]
    pub fn trusted_now_ms(&self) -> u64 {
        self.now_ms().saturating_add_signed(self.0.clock_offset_ms.load(Ordering::Relaxed))
    }

    /// Keeps by how much the clock of a station above differs, where it does by more than links can tell.
    pub(crate) fn compare_clocks(&self, peer: StationCode, offset_ms: Option<i64>) {
        let me = self.reader().me();
        if let Some(offset_ms) = offset_ms.filter(|_| peer != me && me.within(peer)) {
            let offset_ms = if offset_ms.unsigned_abs() > TOLERANCE_MS { offset_ms } else { 0 };
            self.0.clock_offset_ms.store(offset_ms, Ordering::Relaxed);
            self.0.clock_compared.store(true, Ordering::Relaxed);
        }
    }

    /// Whether this station's clock was compared with that of a station above since the process began. The district's
    /// clock is its own measure.
    pub(crate) fn is_clock_compared(&self) -> bool {
        self.reader().me().tier() == Tier::District || self.0.clock_compared.load(Ordering::Relaxed)
    }

    /// The clock of a station that is linked, minus this station's, in milliseconds; 0 where it was not measured.
    pub(crate) fn offset_of(&self, peer: StationCode) -> i64 {
        let links = self.links().statuses(|linked| linked == peer);
        links.first().map_or(0, |link| link.clock_offset_ms)
    }

    /// Stations below whose link is up and on which nothing is missing on either side.
    pub(crate) fn in_sync_below(&self) -> BTreeSet<StationCode> {
        let me = self.reader().me();
        self.links().in_sync(|peer| peer != me && peer.within(me))
    }

    /// When the way to a station was last heard; 0: never, or it is this station.
    pub(crate) fn heard_ms(&self, station: u64) -> u64 {
        let me = self.reader().me();
        let other = StationCode::from_number(station).ok().filter(|station| *station != me);
        other.map_or(0, |station| self.links().last_heard_ms(me, station))
    }

    /// Open cases whose deadlines a new calendar has moved.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn moved_deadlines(
        &self,
        actor: &Actor,
        request: proto::ListMovedRequest,
    ) -> Result<proto::ListMovedReply, Failure> {
        let (staff, now_ms) = (actor.staff.clone(), self.trusted_now_ms());
        self.read(move |reader| reader.moved_deadlines(&staff, &request, now_ms)).await
    }

    /// Cases with superseded steps at which nobody has looked.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn superseded_cases(
        &self,
        actor: &Actor,
        request: proto::ListSupersededRequest,
    ) -> Result<proto::ListSupersededReply, Failure> {
        let (staff, now_ms) = (actor.staff.clone(), self.trusted_now_ms());
        self.read(move |reader| reader.superseded_cases(&staff, &request, now_ms)).await
    }
}
