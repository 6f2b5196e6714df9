//! Which logs stop on this link, and when they are asked for again.
//!
//! A refusal concerns one log; the others go on. Two reasons pass by themselves: the writer's key becomes known,
//! or a log has moved by another path. Then this side sends a further `Have` and the peer begins again from there.

use sanji_log::{Have, Head};

use super::{Action, Session};
use crate::{Message, RefusalReason, Refused};

impl Session {
    /// This side takes no more of a log.
    pub(super) fn refuse(&mut self, refused: Refused) {
        match refused.reason {
            RefusalReason::Gap => self.ask_again = true,
            RefusalReason::UnknownKey => {}
            _ => self.alert(&refused),
        }
        if refused.reason == RefusalReason::Fork {
            self.sending.forked(refused.log);
        }
        self.send(Message::LogRefused(refused));
    }

    /// The peer takes no more of a log.
    pub(super) fn refused_by_peer(&mut self, refused: Refused) {
        // What is not held here was not sent, and nobody can refuse it.
        if self.peer_is_revoked || self.heads.ours(&refused.log).is_none() {
            return;
        }
        let news = self.sending.refused(refused.log, refused.reason);
        if refused.reason == RefusalReason::Fork {
            self.receiving.refuse(refused.log, RefusalReason::Fork);
        }
        if news && !refused.reason.is_temporary() {
            self.alert(&refused);
        }
    }

    /// A further `Have`: logs whose refusal has passed begin again where the peer's copy ends.
    pub(super) fn asked_again(&mut self, have: &Have) {
        let resumed = self.sending.resume();
        have.heads().for_each(|head| self.note_theirs(head));
        if self.heads.are_too_many() {
            return self.leave("more logs than a station can hold".to_owned(), 0);
        }
        resumed.into_iter().for_each(|log| self.sending.reconsider(log, &self.heads));
    }

    /// The peer's copy of a log ends here. Equal length and another hash is a fork: both sides keep what they
    /// have as evidence, and neither takes or sends more.
    pub(super) fn note_theirs(&mut self, head: Head) {
        if let Some(ours) = self.heads.fork_at(&head) {
            self.receiving.refuse(head.log, RefusalReason::Fork);
            if self.sending.forked(head.log) {
                let detail = format!("seq {} is {} here and {} there", head.seq, ours.to_hex(), head.hash.to_hex());
                self.refuse(Refused { log: head.log, seq: head.seq, reason: RefusalReason::Fork, detail });
            }
        } else {
            self.heads.advance_theirs(head);
            self.sending.reconsider(head.log, &self.heads);
        }
    }

    pub(super) fn alert(&mut self, refused: &Refused) {
        self.actions.push(Action::Alert {
            log: refused.log,
            seq: refused.seq,
            reason: refused.reason,
            detail: refused.detail.clone(),
        });
    }
}
