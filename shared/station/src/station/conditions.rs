//! How this station is (站点情况), as it tells the station above, and how those below said that they are. None of it is
//! kept on disk: what counts is how a station is now, and it is told anew whenever a link opens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sanji_log::{Head, StationCode};
use sanji_replication::StationCondition;

use super::Station;
use super::attachments::size_of;
use crate::clock::now_ms;
use crate::core::reference::KeyLife;
use crate::core::rows::{MISSING, UNCONFIRMED};
use crate::core::spread::Spread;
use crate::error::{Error, store};

/// Rows of a list of attachments that are counted: whoever has more waiting knows enough.
const COUNTED_MAX: usize = 20_000;

/// How the stations below said that they are: the newest word of each.
#[derive(Default)]
pub(crate) struct Conditions(Mutex<BTreeMap<StationCode, Heard>>);

struct Heard {
    condition: StationCondition,
    came: Instant,
}

impl Heard {
    fn age_ms(&self, now: Instant) -> u64 {
        self.condition.age_ms.saturating_add(millis(now.saturating_duration_since(self.came)))
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Conditions {
    /// Keeps what is newer than what is known, of stations that live; so there are no more than the directory has.
    fn keep(&self, conditions: Vec<StationCondition>, living: &BTreeSet<StationCode>, now: Instant) {
        let mut heard = self.lock();
        heard.retain(|station, _| living.contains(station));
        for condition in conditions {
            let is_older = heard.get(&condition.station).is_some_and(|known| known.age_ms(now) < condition.age_ms);
            if living.contains(&condition.station) && !is_older {
                heard.insert(condition.station, Heard { condition, came: now });
            }
        }
    }

    /// What is known now.
    fn all(&self, now: Instant) -> Vec<StationCondition> {
        let aged = |heard: &Heard| StationCondition { age_ms: heard.age_ms(now), ..heard.condition.clone() };
        self.lock().values().map(aged).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<StationCode, Heard>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What of a station's work waits.
#[derive(Default)]
struct Waiting {
    entries_unconfirmed: u64,
    unconfirmed_for_ms: u64,
    attachments_missing: u64,
    attachments_unconfirmed: u64,
    attachment_bytes: u64,
    quarantined: u64,
}

impl Station {
    /// How this station is now. Blocks.
    pub(crate) fn condition(&self) -> StationCondition {
        let me = self.reader().me();
        let waiting = self.waiting();
        if let Err(error) = &waiting {
            tracing::warn!(reason = error as &dyn std::error::Error, "what waits here can't be read");
        }
        // A store that can't be read is no better than one that takes no writes, and nobody knows what waits in it.
        let writable = waiting.is_ok() && self.info().read_only.is_none();
        let waiting = waiting.unwrap_or_default();
        let room = self.reader().store().room();
        let upstream = self.links().upstream(me).filter(|link| link.connected);
        StationCondition {
            station: me,
            age_ms: 0,
            software: env!("CARGO_PKG_VERSION").to_owned(),
            entries_unconfirmed: waiting.entries_unconfirmed,
            unconfirmed_for_ms: waiting.unconfirmed_for_ms,
            attachments_missing: waiting.attachments_missing,
            attachments_unconfirmed: waiting.attachments_unconfirmed,
            attachment_bytes: waiting.attachment_bytes,
            disk_free_bytes: room.map_or(0, |room| room.free_bytes),
            disk_total_bytes: room.map_or(0, |room| room.total_bytes),
            clock_offset_ms: upstream.as_ref().map(|link| link.clock_offset_ms.saturating_neg()),
            writable,
            quarantined: waiting.quarantined,
            linked_for_ms: upstream.map_or(0, |link| now_ms().saturating_sub(link.since_ms)),
        }
    }

    /// How the stations below said that they are.
    pub(crate) fn conditions_below(&self) -> Vec<StationCondition> {
        self.0.conditions.all(Instant::now())
    }

    /// Remembers how stations below said that they are.
    pub(crate) fn hear_conditions(&self, mut conditions: Vec<StationCondition>) {
        let me = self.reader().me();
        let reference = self.reference();
        let lives = reference.keys().values().filter(|life| KeyLife::is_living(life));
        let living = lives.map(|life| life.station).collect();
        conditions.retain(|condition| condition.station != me && condition.station.within(me));
        self.0.conditions.keep(conditions, &living, Instant::now());
    }

    fn waiting(&self) -> Result<Waiting, Error> {
        let mut waiting = Waiting { quarantined: self.quarantined()?, ..Waiting::default() };
        self.count_entries(&mut waiting)?;
        self.count_attachments(&mut waiting);
        Ok(waiting)
    }

    /// Entries of this life of the station that no station above has confirmed: whichever is first, since a village may
    /// link straight to the hub.
    fn count_entries(&self, waiting: &mut Waiting) -> Result<(), Error> {
        let reader = self.reader();
        let Some(parent) = reader.me().parent() else { return Ok(()) };
        let have = reader.store().have();
        for Head { log, seq, .. } in have.heads().filter(|head| head.log.key == reader.key()) {
            let receipts = reader.store().receipts(&log);
            let above = receipts.iter().filter(|receipt| parent.within(receipt.station));
            let confirmed = above.map(|receipt| receipt.head.seq).max().unwrap_or(0);
            if confirmed >= seq {
                continue;
            }
            waiting.entries_unconfirmed += seq - confirmed;
            // One that is damaged says nothing of when it was written.
            let oldest = match reader.store().entry(&log, confirmed + 1) {
                Err(sanji_store::Error::Damaged { .. }) => None,
                read => read.map_err(store("read a log"))?.and_then(|entry| entry.decode().ok()),
            };
            let age_ms = oldest.map_or(0, |entry| self.now_ms().saturating_sub(entry.time.millis()));
            waiting.unconfirmed_for_ms = waiting.unconfirmed_for_ms.max(age_ms);
        }
        Ok(())
    }

    fn count_attachments(&self, waiting: &mut Waiting) {
        let me = self.reader().me();
        let (mut bytes, mut missing) = (0, BTreeSet::new());
        self.each_row(MISSING, true, |case, id, size| {
            missing.insert((case, id));
            bytes += size_of(size);
            missing.len() < COUNTED_MAX
        });
        let (mut unconfirmed, mut looked_at) = (0, 0);
        let mut count = |case, id, value: &[u8]| {
            looked_at += 1;
            let spread = Spread::decode(value).filter(|_| !missing.contains(&(case, id)));
            if let Some(spread) = spread.filter(|spread| spread.is_held_by_none_above(&case, me)) {
                (unconfirmed, bytes) = (unconfirmed + 1, bytes + spread.size);
            }
            looked_at < COUNTED_MAX
        };
        if me.parent().is_some() {
            self.each_row(UNCONFIRMED, true, &mut count);
        }
        waiting.attachments_missing = missing.len() as u64;
        waiting.attachments_unconfirmed = unconfirmed;
        waiting.attachment_bytes = bytes;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn condition(station: &str, age_ms: u64, quarantined: u64) -> StationCondition {
        let station = station.parse::<StationCode>().unwrap().number();
        let wire = sanji_proto::v1::StationCondition { station, age_ms, quarantined, ..Default::default() };
        wire.try_into().unwrap()
    }

    #[test]
    fn the_newest_word_of_each_living_station_is_kept_and_grows_old() {
        let (village, other) = ("990106101203", "990106101204");
        let living = [village, other].iter().map(|code| code.parse().unwrap()).collect();
        let known = |conditions: &Conditions, now: Instant| -> Vec<(u64, u64)> {
            conditions.all(now).iter().map(|one| (one.age_ms, one.quarantined)).collect()
        };
        let (conditions, now) = (Conditions::default(), Instant::now());
        conditions.keep(vec![condition(village, 1000, 1), condition("990106101999", 0, 9)], &living, now);
        assert_eq!(known(&conditions, now), [(1000, 1)], "the directory knows no such station");
        let later = now + Duration::from_secs(5);
        assert_eq!(known(&conditions, later), [(6000, 1)]);
        conditions.keep(vec![condition(village, 6001, 2)], &living, later);
        assert_eq!(known(&conditions, later), [(6000, 1)], "an older word came over another path");
        conditions.keep(vec![condition(village, 0, 3), condition(other, 7, 4)], &living, later);
        assert_eq!(known(&conditions, later), [(0, 3), (7, 4)]);
        conditions.keep(Vec::new(), &[other.parse().unwrap()].into(), later);
        assert_eq!(known(&conditions, later), [(7, 4)], "a station that is revoked is forgotten");
    }
}
