//! How the links of this station are, and which logs were refused on them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sanji_link::{Distrust, LinkState};
use sanji_log::{LogId, PublicKey, StationCode};
use sanji_proto::v1 as proto;
use sanji_replication::RefusalReason;

/// Refusals that are kept for show.
const REFUSED_MAX: usize = 100;
/// Former processes of a station that are remembered.
const INSTANCES_MAX: usize = 16;

#[derive(Default)]
pub(crate) struct Links(Mutex<State>);

#[derive(Default)]
struct State {
    links: BTreeMap<StationCode, LinkState>,
    refused: VecDeque<proto::RefusedLog>,
    on_record: BTreeSet<(LogId, RefusalReason)>,
    instances: BTreeMap<PublicKey, Instances>,
    /// Peers whose private parts could not be sealed again here.
    not_restored: BTreeSet<StationCode>,
}

/// The processes that were linked with one key since this station started.
#[derive(Default)]
struct Instances {
    now: [u8; 16],
    former: VecDeque<[u8; 16]>,
}

/// A refusal as status and bundles tell it.
pub(crate) fn refused_log(
    log: LogId,
    seq: u64,
    reason: RefusalReason,
    detail: String,
    time_ms: u64,
) -> proto::RefusedLog {
    proto::RefusedLog { log: Some(log.into()), seq, reason: reason_name(reason), detail, time_ms }
}

/// The name of a reason, for example "FORK".
pub(crate) fn reason_name(reason: RefusalReason) -> String {
    let name = proto::RefusalReason::from(reason).as_str_name();
    name.trim_start_matches("REFUSAL_REASON_").to_owned()
}

impl Links {
    /// Whether private parts that this peer lays bare can be sealed again here, as far as is known.
    pub(crate) fn can_restore(&self, peer: StationCode) -> bool {
        !self.lock().not_restored.contains(&peer)
    }

    /// They can't be. Forgotten at the next start: it may be another release then.
    pub(crate) fn restore_no_more(&self, peer: StationCode) {
        self.lock().not_restored.insert(peer);
    }

    pub(crate) fn changed(&self, peer: StationCode, mut link: LinkState) {
        let mut state = self.lock();
        if let Some(before) = state.links.get(&peer) {
            // On a link that could not be opened nobody was heard; on the one before it perhaps.
            if link.last_heard_ms == 0 {
                link.last_heard_ms = before.last_heard_ms;
            }
            // A clock is off by as much as it was until the peer says otherwise.
            link.clock_offset_ms = link.clock_offset_ms.or(before.clock_offset_ms);
            // A key that is revoked stays so, however the link that said it has ended, until the peer says otherwise.
            if !link.believed {
                link.distrust = before.distrust.filter(|known| *known == Distrust::Revoked).or(link.distrust);
            }
        }
        state.links.insert(peer, link);
    }

    /// A peer has said in a bundle that this station's key is revoked; there may be no link to it at all.
    pub(crate) fn told_revoked(&self, peer: StationCode) {
        self.lock().links.entry(peer).or_default().distrust = Some(Distrust::Revoked);
    }

    /// Notes which process is linked with a key. False: one that another had taken the place of is back, so that both
    /// live. A station that was started again has a new instance, and its old one never returns.
    pub(crate) fn greeted(&self, key: PublicKey, instance: [u8; 16]) -> bool {
        let mut state = self.lock();
        let instances = state.instances.entry(key).or_default();
        if instances.now == instance {
            return true;
        }
        let is_back = instances.former.contains(&instance);
        let before = std::mem::replace(&mut instances.now, instance);
        instances.former.push_front(before);
        instances.former.truncate(INSTANCES_MAX);
        !is_back
    }

    /// Notes a refusal. True for the first of its log and reason: that one goes on record.
    pub(crate) fn refused(&self, log: LogId, seq: u64, reason: RefusalReason, detail: String, now_ms: u64) -> bool {
        let refused = refused_log(log, seq, reason, detail, now_ms);
        let mut state = self.lock();
        state.refused.retain(|known| known.log != refused.log || known.reason != refused.reason);
        state.refused.push_front(refused);
        state.refused.truncate(REFUSED_MAX);
        state.on_record.insert((log, reason))
    }

    /// Refusals, newest first.
    pub(crate) fn all_refused(&self) -> Vec<proto::RefusedLog> {
        self.lock().refused.iter().cloned().collect()
    }

    /// Links to stations above or below `me`.
    pub(crate) fn statuses(&self, of: impl Fn(StationCode) -> bool) -> Vec<proto::LinkStatus> {
        let state = self.lock();
        let chosen = state.links.iter().filter(|(peer, _)| of(**peer));
        chosen.map(|(peer, link)| status(*peer, link)).collect()
    }

    /// The link to a station above `me`: the one that is up, or else the one that changed last. A village may link
    /// straight to the hub while its township does not answer.
    pub(crate) fn upstream(&self, me: StationCode) -> Option<proto::LinkStatus> {
        let above = self.statuses(|peer| peer != me && me.within(peer));
        above.into_iter().max_by_key(|link| (link.connected, link.since_ms))
    }

    /// Whether a station above has said that this one's key is revoked.
    pub(crate) fn is_revoked(&self, me: StationCode) -> bool {
        let state = self.lock();
        let mut above = state.links.iter().filter(|(peer, _)| **peer != me && me.within(**peer));
        above.any(|(_, link)| link.distrust == Some(Distrust::Revoked))
    }

    /// Stations whose link is up and on which nothing is known to be missing.
    pub(crate) fn in_sync(&self, of: impl Fn(StationCode) -> bool) -> BTreeSet<StationCode> {
        let state = self.lock();
        let chosen = state.links.iter().filter(|(peer, link)| link.connected && link.in_sync && of(**peer));
        chosen.map(|(peer, _)| *peer).collect()
    }

    /// When the neighbour on the way to a station was last heard; 0: never.
    pub(crate) fn last_heard_ms(&self, me: StationCode, station: StationCode) -> u64 {
        let above = !station.within(me);
        let state = self.lock();
        let on_the_way = state
            .links
            .iter()
            .filter(|(peer, _)| if above { me.within(**peer) } else { **peer != me && station.within(**peer) });
        on_the_way.map(|(_, link)| link.last_heard_ms).max().unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn status(peer: StationCode, link: &LinkState) -> proto::LinkStatus {
    proto::LinkStatus {
        station: peer.number(),
        connected: link.connected,
        since_ms: link.since_ms,
        last_heard_ms: link.last_heard_ms,
        clock_offset_ms: link.clock_offset_ms.unwrap_or(0),
        last_error: link.last_error.clone().unwrap_or_default(),
        distrust: match link.distrust {
            None => proto::Distrust::Unspecified,
            Some(Distrust::Revoked) => proto::Distrust::Revoked,
            Some(Distrust::Expired) => proto::Distrust::Expired,
        }
        .into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_process_that_comes_back_after_another_proves_a_clone_and_a_restart_does_not() {
        let links = Links::default();
        let key = PublicKey([1; 32]);
        assert!(links.greeted(key, [1; 16]) && links.greeted(key, [1; 16]), "a broken line");
        assert!(links.greeted(key, [2; 16]), "a restart, or the first of a clone");
        assert!(links.greeted(PublicKey([2; 32]), [1; 16]), "another key");
        assert!(!links.greeted(key, [1; 16]), "both live");
    }

    #[test]
    fn a_link_that_is_up_goes_before_a_township_that_does_not_answer() {
        let code = |text: &str| text.parse::<StationCode>().unwrap();
        let (village, township, hub) = (code("990106101208"), code("990106101000"), code("990106000000"));
        let links = Links::default();
        assert_eq!(links.upstream(village), None);
        let down = LinkState { since_ms: 20, last_error: Some("refused".to_owned()), ..LinkState::default() };
        links.changed(township, down);
        assert_eq!(links.upstream(village).unwrap().station, township.number());
        links.changed(hub, LinkState { connected: true, since_ms: 10, ..LinkState::default() });
        assert_eq!(links.upstream(village).unwrap().station, hub.number());
        links.changed(hub, LinkState { since_ms: 30, ..LinkState::default() });
        assert_eq!(links.upstream(village).unwrap().station, hub.number(), "the one that changed last");

        links.changed(township, LinkState { connected: true, last_heard_ms: 40, ..LinkState::default() });
        links.changed(township, LinkState { since_ms: 50, ..LinkState::default() });
        assert_eq!(links.last_heard_ms(village, township), 40, "it is down, and was heard before");

        let said = |distrust| LinkState { distrust: Some(distrust), ..LinkState::default() };
        links.changed(township, said(Distrust::Expired));
        assert!(!links.is_revoked(village), "a certificate that has ended can be renewed");
        links.changed(township, said(Distrust::Revoked));
        links.changed(township, LinkState { connected: true, ..LinkState::default() });
        assert!(links.is_revoked(village) && !links.is_revoked(hub), "it stays so, and only those above decide");
        links.changed(township, LinkState { connected: true, believed: true, ..LinkState::default() });
        assert!(!links.is_revoked(village), "whoever said it says otherwise");

        let by_stick = Links::default();
        by_stick.told_revoked(township);
        by_stick.changed(township, LinkState::default());
        assert!(by_stick.is_revoked(village), "a bundle says it as a link does");
    }
}
