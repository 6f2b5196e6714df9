//! Which receipts are believed and passed on.
//!
//! Checking a signature is most of what a receipt costs, so none is sent that the peer has: not those that came from it,
//! and not this station's own for what the peer has sent, which go with the acknowledgement.

use std::collections::BTreeMap;

use sanji_log::{Head, LogId, Receipt, StationCode};

use super::{Action, Session};
use crate::limits::RECEIPTS_MAX;
use crate::{Ack, Directory, Message};

/// Most receipts that are passed on in one message, about 200 bytes each: at both ends of a link a buffer stays as large
/// as the largest message was, and the first look at a district brings hundreds.
const RECEIPTS_AT_ONCE: usize = 16;

/// Up to which position the peer has receipts, or will have them with an acknowledgement.
#[derive(Debug, Default)]
pub(super) struct PeerReceipts {
    /// Receipts that came from the peer and are not yet among those to be passed on.
    by_peer: BTreeMap<(LogId, StationCode), u64>,
    /// Entries that came from the peer on this link.
    delivered: BTreeMap<LogId, u64>,
    /// Signed with keys that the directory does not know yet: on a fresh link receipts come before the entries that say
    /// whose they are.
    unknown: Vec<Receipt>,
}

impl PeerReceipts {
    /// The peer has sent entries that are new here.
    pub(super) fn delivered(&mut self, head: Head) {
        self.delivered.insert(head.log, head.seq);
    }

    fn heard(&mut self, receipt: &Receipt) {
        let Head { log, seq, .. } = receipt.head;
        let known = self.by_peer.entry((log, receipt.station)).or_default();
        *known = seq.max(*known);
    }

    /// Whether the peer needs not be sent it.
    fn include(&mut self, receipt: &Receipt, me: StationCode) -> bool {
        let Head { log, seq, .. } = receipt.head;
        if receipt.station == me {
            return self.delivered.get(&log).is_some_and(|delivered| *delivered >= seq);
        }
        // It is passed on once, so it need not be remembered any longer.
        self.by_peer.remove(&(log, receipt.station)).is_some_and(|heard| heard >= seq)
    }
}

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

    /// The peer passes on receipts of other stations, and its own that are older than this link: the directory says whose
    /// keys they are.
    pub(super) fn learn_receipts(&mut self, receipts: Vec<Receipt>, directory: &Directory) {
        let (me, peer, peer_key) = (self.settings.me, self.settings.peer, self.settings.peer_key);
        let is_peers = |receipt: &Receipt| receipt.station == peer && receipt.key == peer_key;
        let is_known = |receipt: &Receipt| is_peers(receipt) || directory.get(&receipt.key).is_some();
        let (receipts, unknown): (Vec<_>, Vec<_>) = receipts.into_iter().partition(is_known);
        let room = RECEIPTS_MAX.saturating_sub(self.peer_receipts.unknown.len());
        self.peer_receipts.unknown.extend(unknown.into_iter().take(room));
        self.keep(receipts, |receipt| {
            let is_of_directory = |receipt: &Receipt| {
                directory.get(&receipt.key).is_some_and(|key| key.station == receipt.station && !key.revoked)
            };
            receipt.station != me && (is_peers(receipt) || is_of_directory(receipt))
        });
    }

    /// The directory knows more keys, perhaps those of receipts that wait for them.
    pub(super) fn learn_waiting_receipts(&mut self, directory: &Directory) {
        let waiting = std::mem::take(&mut self.peer_receipts.unknown);
        self.learn_receipts(waiting, directory);
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
        receipts.iter().for_each(|receipt| self.peer_receipts.heard(receipt));
        if !receipts.is_empty() {
            self.actions.push(Action::KeepReceipts(receipts));
        }
    }

    /// Hands the peer the receipts of third stations for logs that both hold.
    pub(super) fn pass_on(&mut self, mut receipts: Vec<Receipt>) {
        if self.peer_is_revoked {
            return;
        }
        let (ends, me, peer) = (self.heads.ends, self.settings.me, self.settings.peer);
        receipts.retain(|receipt| {
            receipt.station != peer && ends.share(&receipt.head.log) && !self.peer_receipts.include(receipt, me)
        });
        for part in receipts.chunks(RECEIPTS_AT_ONCE) {
            self.send(Message::Receipts(part.to_vec()));
        }
    }
}
