//! How stations are goes up: this one and those below it, once the link is open, soon after something has changed, and
//! else from time to time. It is no part of what is replicated, so it must take next to nothing of a thin line.

use std::collections::BTreeMap;

use sanji_log::StationCode;

use super::{Action, Phase, Session};
use crate::limits::PROTOCOL_CONDITIONS;
use crate::{Message, StationCondition};

/// What has changed is told at most this often, in milliseconds.
const PAUSE_MS: u64 = 60_000;
/// What has not changed is told anew after so long, in milliseconds.
const ANEW_MS: u64 = 600_000;
/// Most stations of one message, about 60 bytes each; and most that are told again at a time.
const AT_ONCE: usize = 16;

/// What the peer was told on this link.
#[derive(Debug, Default)]
pub(super) struct Told {
    stations: BTreeMap<StationCode, ToldOf>,
    /// When anything was told last, by this station's clock: milliseconds since 1970-01-01 UTC.
    at_ms: Option<u64>,
}

/// What the peer was told of one station, and when.
#[derive(Debug)]
struct ToldOf {
    condition: StationCondition,
    at_ms: u64,
}

/// Why something is told, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Never,
    Changed,
    LongAgo,
}

impl ToldOf {
    /// None: the peer knows all of it that matters.
    fn why_again(&self, condition: &StationCondition, now_ms: u64) -> Option<Why> {
        let since_ms = now_ms.saturating_sub(self.at_ms);
        // What the station has not said again since, the peer keeps and lets grow old by itself.
        let is_news = condition.age_ms.saturating_add(PAUSE_MS) <= self.condition.age_ms.saturating_add(since_ms);
        match () {
            () if is_news && condition.differs_noticeably(&self.condition) => Some(Why::Changed),
            () if is_news && since_ms >= ANEW_MS => Some(Why::LongAgo),
            () => None,
        }
    }
}

impl Told {
    /// What is to be told now, in messages.
    fn next(&mut self, conditions: Vec<StationCondition>, now_ms: u64) -> Vec<Vec<StationCondition>> {
        // A wall clock may be set back; then the waiting begins anew instead of lasting until it has caught up.
        self.at_ms = self.at_ms.map(|at_ms| at_ms.min(now_ms));
        self.stations.values_mut().for_each(|told| told.at_ms = told.at_ms.min(now_ms));
        let may_repeat = self.at_ms.is_none_or(|at_ms| now_ms - at_ms >= PAUSE_MS);
        let why = |condition: &StationCondition| match self.stations.get(&condition.station) {
            None => Some((Why::Never, 0)),
            Some(told) if may_repeat => Some((told.why_again(condition, now_ms)?, told.at_ms)),
            Some(_) => None,
        };
        let mut due: Vec<_> =
            conditions.into_iter().filter_map(|condition| Some((why(&condition)?, condition))).collect();
        due.sort_by_key(|(why, condition)| (*why, condition.station));
        let fresh = due.iter().filter(|((why, _), _)| *why == Why::Never).count();
        due.truncate(fresh.max(AT_ONCE));
        let due: Vec<_> = due.into_iter().map(|(_, condition)| condition).collect();
        for condition in due.iter().cloned() {
            self.stations.insert(condition.station, ToldOf { condition, at_ms: now_ms });
            self.at_ms = Some(now_ms);
        }
        due.chunks(AT_ONCE).map(<[_]>::to_vec).collect()
    }
}

impl Session {
    /// Whether the peer is a station above that understands how stations are.
    #[must_use]
    pub fn hears_conditions(&self) -> bool {
        let (me, peer) = (self.settings.me, self.settings.peer);
        self.phase == Phase::Open && self.protocol >= PROTOCOL_CONDITIONS && me != peer && me.within(peer)
    }

    pub(super) fn tell_conditions(&mut self, mut conditions: Vec<StationCondition>, now_ms: u64) {
        if !self.hears_conditions() || self.peer_is_revoked {
            return;
        }
        conditions.retain(|condition| condition.station.within(self.settings.me));
        for part in self.told.next(conditions, now_ms) {
            self.send(Message::Conditions(part));
        }
    }

    /// The peer says how it is and how those below it are. Nobody speaks for others, and nobody above is asked.
    pub(super) fn take_conditions(&mut self, mut conditions: Vec<StationCondition>) {
        let (me, peer) = (self.settings.me, self.settings.peer);
        if self.peer_is_revoked || me.within(peer) {
            return;
        }
        conditions.retain(|condition| condition.station.within(peer));
        if !conditions.is_empty() {
            self.actions.push(Action::KeepConditions(conditions));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::condition::tests::condition;

    const NOW_MS: u64 = 1_782_869_400_000;
    const MINUTE_MS: u64 = 60_000;

    /// A township and so many villages, all well.
    fn stations(villages: u64) -> Vec<StationCondition> {
        (0..=villages).map(|number| condition(&(990_106_101_000 + number).to_string())).collect()
    }

    fn codes(messages: &[Vec<StationCondition>]) -> Vec<u64> {
        messages.iter().flatten().map(|told| told.station.number() % 1000).collect()
    }

    #[test]
    fn all_is_told_at_first_and_then_only_what_is_news() {
        let mut told = Told::default();
        let first = told.next(stations(20), NOW_MS);
        assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [16, 5]);
        assert!(told.next(stations(20), NOW_MS + 9 * MINUTE_MS).is_empty(), "nothing has changed");
        let mut changed = stations(20);
        changed[7].writable = false;
        assert_eq!(codes(&told.next(changed.clone(), NOW_MS + 9 * MINUTE_MS)), [7]);
        changed[8].writable = false;
        assert!(told.next(changed.clone(), NOW_MS + 10 * MINUTE_MS - 1).is_empty(), "not within the same minute");
        changed.push(condition("990106101999"));
        let next = told.next(changed.clone(), NOW_MS + 10 * MINUTE_MS - 1);
        assert_eq!(codes(&next), [999], "who was never told of need not wait");
        let next = told.next(changed.clone(), NOW_MS + 11 * MINUTE_MS);
        assert_eq!(codes(&next)[..3], [8, 0, 1], "what has changed comes first");
        assert_eq!((next.len(), codes(&next).len()), (1, AT_ONCE));
        let rest = codes(&told.next(changed, NOW_MS + 12 * MINUTE_MS));
        assert_eq!(rest, [17, 18, 19, 20], "7 was told not long ago");
    }

    #[test]
    fn what_a_station_has_not_said_again_is_not_repeated() {
        let mut told = Told::default();
        let old = condition("990106101203").held_for(5 * MINUTE_MS);
        assert_eq!(told.next(vec![old.clone()], NOW_MS).len(), 1);
        for minutes in [1, 10, 100] {
            let older = old.clone().held_for(minutes * MINUTE_MS);
            assert!(told.next(vec![older], NOW_MS + minutes * MINUTE_MS).is_empty(), "{minutes}");
        }
        assert_eq!(told.next(vec![old], NOW_MS + 100 * MINUTE_MS).len(), 1, "it was heard again");
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing() {
        let mut told = Told::default();
        assert_eq!(told.next(stations(0), NOW_MS).len(), 1);
        let then = NOW_MS / 2;
        assert!(told.next(stations(0), then).is_empty());
        assert_eq!(told.next(stations(0), then + ANEW_MS).len(), 1);
    }

    #[test]
    fn a_large_township_at_rest_stays_far_below_what_an_idle_line_may_cost() {
        let mut told = Told::default();
        let encoded = |messages: Vec<Vec<StationCondition>>| -> usize {
            use prost::Message as _;
            let wire = |part: Vec<_>| sanji_proto::v1::LinkMessage::from(Message::Conditions(part)).encoded_len();
            messages.into_iter().map(wire).sum()
        };
        let first = encoded(told.next(stations(40), NOW_MS));
        assert!(first < 3000, "{first} bytes");
        let looks = (1..=4 * 60).map(|look| NOW_MS + look * 15_000);
        let bytes: usize = looks.map(|now_ms| encoded(told.next(stations(40), now_ms))).sum();
        assert!((60..=60 * 300).contains(&bytes), "{bytes} bytes an hour");
    }
}
