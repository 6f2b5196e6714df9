//! A station whose key is revoked may still hand over what it wrote before it knew: that is kept aside, for a person to
//! decide on. It hears nothing of what is new, and is let go when it has no more. What the district has admitted counts,
//! so the attachments of those cases are wanted too: they come beside the session, which waits for them a while.

use super::{Action, Phase, Session};
use crate::limits::{DELIVERED_COME_BACK_MS, DELIVERED_MS, DELIVERING_FILES_MS, DELIVERING_MS};
use crate::{Directory, Entries, Goodbye, Message, RefusalReason, Refused};

impl Session {
    pub(super) fn look_the_peer_up(&mut self, directory: &Directory, now_ms: u64) {
        let revoked = directory.get(&self.settings.peer_key).is_some_and(|record| record.revoked);
        if revoked && !self.peer_is_revoked {
            self.delivered_ms = now_ms;
            self.delivering_since_ms = now_ms;
        }
        self.peer_is_revoked = revoked;
    }

    /// A revoked peer that sends attachments is not silent, though no entries come. Not for ever: it may have lost what
    /// is wanted of it, or have been made to say that it has more.
    pub(super) fn expect_files(&mut self, now_ms: u64) {
        self.delivering_since_ms = self.delivering_since_ms.min(now_ms);
        if now_ms - self.delivering_since_ms < DELIVERING_FILES_MS {
            self.delivered_ms = now_ms;
        }
    }

    /// Whether a revoked peer has been silent for so long that nothing more will come.
    pub(super) fn has_delivered(&mut self, now_ms: u64) -> bool {
        self.delivered_ms = self.delivered_ms.min(now_ms);
        let is_open = matches!(self.phase, Phase::Open | Phase::Introduced | Phase::Greeting);
        let wait_ms = if self.phase == Phase::Open && !self.has_handed_over() { DELIVERING_MS } else { DELIVERED_MS };
        self.peer_is_revoked && is_open && now_ms - self.delivered_ms >= wait_ms
    }

    /// Whether all that the peer has said it wrote has come, or was refused.
    fn has_handed_over(&self) -> bool {
        let key = self.settings.peer_key;
        let mut wanted = self.heads.wanted().filter(|log| log.key == key);
        wanted.all(|log| self.receiving.has_had(&log, self.heads.their_seq(&log)))
    }

    /// Takes nothing of a revoked peer that others wrote: they bring it themselves. The peer is told, so that the
    /// acknowledgement of the batch does not stand for it.
    pub(super) fn leave_to_others(&mut self, entries: &mut Entries) {
        let key = self.settings.peer_key;
        for run in entries.runs.extract_if(.., |run| run.log.key != key) {
            let detail = "a revoked station hands over only what it wrote itself".to_owned();
            // A gap: nobody is to be alerted to a log that is sound.
            let refused = Refused { log: run.log, seq: run.first_seq(), reason: RefusalReason::Gap, detail };
            self.actions.push(Action::Send(Message::LogRefused(refused)));
        }
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
