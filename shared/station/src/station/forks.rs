//! Cloned data folders, as people are told of them; lives of a station that are over.

use sanji_log::{EntryBytes, Hash, LogId};
use sanji_proto::v1 as proto;

use super::Station;
use crate::core::reference::Fork;
use crate::error::Error;

impl Station {
    /// Logs that two machines write, those that await a decision first.
    #[must_use]
    pub fn forks(&self) -> Vec<proto::Fork> {
        let reference = self.reference();
        let mut forks: Vec<_> = reference.forks().iter().map(|(log, fork)| self.fork(log, fork)).collect();
        forks.sort_by_key(|fork| (!fork.decided.is_empty(), fork.seen_ms));
        forks
    }

    fn fork(&self, log: &LogId, fork: &Fork) -> proto::Fork {
        let writer = self.reference().directory().get(&log.key).map_or(log.home, |record| record.station);
        proto::Fork {
            log: Some((*log).into()),
            station: writer.number(),
            seq: fork.seq(),
            seen_ms: fork.seen_ms,
            decided: fork.decided.map_or_else(Vec::new, |decided| decided.hash.0.to_vec()),
        }
    }

    /// The branches of a forked log that stand in evidence: their entries, and the signed runs that have them, encoded.
    ///
    /// # Errors
    /// [`Error::Store`].
    #[allow(clippy::type_complexity)]
    pub fn evidence(&self, log: &LogId) -> Result<Vec<(Vec<EntryBytes>, Vec<Vec<u8>>)>, Error> {
        let reference = self.reference();
        let Some(fork) = reference.forks().get(log) else { return Ok(Vec::new()) };
        let branch = |begins: &Hash| {
            let pieces = fork.branch(begins);
            Ok((self.reader().evidence(&pieces)?, self.reader().signed_evidence(&pieces)?))
        };
        fork.beginnings().iter().map(branch).collect()
    }

    /// Since when this life waits for what it has lost of its own records; none where it has not. What a neighbour wrote
    /// before then does not know of the loss, and going on from there would contradict what was lost.
    pub(crate) fn holds_back_since_ms(&self) -> Option<u64> {
        self.0.healing.waiting().filter(|waiting| waiting.holds_back).map(|waiting| waiting.since_ms)
    }

    /// Why this life of the station must not write any more, in words for the desk.
    pub(crate) fn is_over(&self) -> Option<String> {
        let key = self.reader().key();
        if let Some(ended) = self.has_ended() {
            return Some(ended);
        }
        let reference = self.reference();
        let mut own = reference.forks().iter().filter(|(log, _)| log.key == key);
        own.any(|(_, fork)| fork.seq() > 0).then(|| {
            "发现有两台电脑在用本站的同一份数据各自办理，记录已经不一致。本站已停止受理，双方记录均已留存。\
             请停用其中一台，并立即联系区政务服务中心处理。"
                .to_owned()
        })
    }

    /// Why nobody believes this life of the station any more: neither those above nor those below.
    pub(crate) fn has_ended(&self) -> Option<String> {
        let (reference, key) = (self.reference(), self.reader().key());
        let life = reference.keys().get(&key);
        if life.is_some_and(|life| life.ended_ms.is_some()) {
            return Some("本站已由另一台电脑接替，这台电脑不再办理业务。如有疑问，请联系区政务服务中心。".to_owned());
        }
        // What is written now would wait at the hub for somebody's decision, with an applicant who knows nothing of it.
        if life.is_some_and(|life| life.revoked) || self.0.links.is_revoked(self.reader().me()) {
            return Some(
                "本站证书已被区中心吊销，不再受理和办理业务；已存的办件仍可查阅。请联系区政务服务中心重新登记本站。"
                    .to_owned(),
            );
        }
        None
    }
}
