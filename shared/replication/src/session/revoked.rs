//! A station whose key is revoked may still hand over what it wrote before it knew: that is kept aside, for a person to
//! decide on. It hears nothing of what is new, and is let go when it has no more.

use super::{Phase, Session};
use crate::limits::{DELIVERED_COME_BACK_MS, DELIVERED_MS};
use crate::{Directory, Goodbye};

impl Session {
    pub(super) fn look_the_peer_up(&mut self, directory: &Directory, now_ms: u64) {
        let revoked = directory.get(&self.settings.peer_key).is_some_and(|record| record.revoked);
        if revoked && !self.peer_is_revoked {
            self.delivered_ms = now_ms;
        }
        self.peer_is_revoked = revoked;
    }

    /// Whether a revoked peer has been silent for so long that nothing more will come.
    pub(super) fn has_delivered(&mut self, now_ms: u64) -> bool {
        self.delivered_ms = self.delivered_ms.min(now_ms);
        let is_open = matches!(self.phase, Phase::Open | Phase::Introduced | Phase::Greeting);
        self.peer_is_revoked && is_open && now_ms - self.delivered_ms >= DELIVERED_MS
    }

    pub(super) fn let_go(&mut self) {
        let reason = "the key of this station is revoked; what it had written is kept aside for the district to decide";
        self.leave_with(Goodbye {
            reason: reason.to_owned(),
            come_back_after_ms: DELIVERED_COME_BACK_MS,
            revoked: true,
        });
    }
}
