//! Which receipts are believed and passed on.

use sanji_log::Receipt;

use super::{Action, Session};
use crate::limits::RECEIPTS_MAX;
use crate::{Ack, Directory, Message};

impl Session {
    /// The peer has made batches durable. Its own receipts are signed with the key of its certificate.
    pub(super) fn acknowledged(&mut self, ack: Ack, now_ms: u64) {
        let Some(heads) = self.sending.acknowledged(ack.batch, now_ms) else {
            return self.leave("an acknowledgement of what was never sent".to_owned(), 0);
        };
        for head in heads {
            self.heads.advance_theirs(head);
            self.sending.reconsider(head.log, &self.heads);
        }
        let (peer, key) = (self.settings.peer, self.settings.peer_key);
        self.keep(ack.receipts, |receipt| receipt.station == peer && receipt.key == key);
    }

    /// The peer passes on receipts of other stations: the directory says whose keys they are.
    pub(super) fn learn_receipts(&mut self, receipts: Vec<Receipt>, directory: &Directory) {
        let me = self.settings.me;
        self.keep(receipts, |receipt| {
            receipt.station != me
                && directory.get(&receipt.key).is_some_and(|key| key.station == receipt.station && !key.revoked)
        });
    }

    fn keep(&mut self, mut receipts: Vec<Receipt>, is_its_key: impl Fn(&Receipt) -> bool) {
        if self.peer_is_revoked {
            return;
        }
        let me = self.settings.me;
        receipts.retain(|receipt| {
            let log = &receipt.head.log;
            log.held_by(me) && log.held_by(receipt.station) && is_its_key(receipt) && receipt.verify().is_ok()
        });
        if !receipts.is_empty() {
            self.actions.push(Action::KeepReceipts(receipts));
        }
    }

    /// Hands the peer the receipts of third stations for logs that both hold.
    pub(super) fn pass_on(&mut self, mut receipts: Vec<Receipt>) {
        if self.peer_is_revoked {
            return;
        }
        let (ends, peer) = (self.heads.ends, self.settings.peer);
        receipts.retain(|receipt| receipt.station != peer && ends.share(&receipt.head.log));
        for part in receipts.chunks(RECEIPTS_MAX) {
            self.send(Message::Receipts(part.to_vec()));
        }
    }
}
