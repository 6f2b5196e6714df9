//! Which entries go into a bundle: the link's own session decides, and what is known of the receiver answers it.

use sanji_log::{Have, LogId, PublicKey, Receipt, Run, StationCode};

use crate::limits::{BATCH_MAX_BYTES, PROTOCOL_MAX, PROTOCOL_MIN};
use crate::{Ack, Action, CaseKeyMessage, Directory, Event, Hello, Message, Session, Settings};

/// Bytes of entries in one frame, save that a single run may be larger.
pub const BATCH_BYTES: usize = BATCH_MAX_BYTES;

/// What a station is known to hold, seen from one that holds `have`: what its receipts say, and every log that it
/// writes itself. Only the life (the key) that will read the bundle counts, since a replaced station begins with
/// nothing.
#[must_use]
pub fn known_to_hold(have: &Have, receipts: &[Receipt], station: StationCode, key: PublicKey) -> Have {
    let own = have.heads().filter(|head| head.log.key == key);
    let confirmed = receipts.iter().filter(|receipt| receipt.station == station && receipt.key == key);
    let mut known = Have::default();
    for head in own.chain(confirmed.map(|receipt| receipt.head)) {
        let end = known.0.entry(head.log).or_insert((head.seq, head.hash));
        if end.0 < head.seq {
            *end = (head.seq, head.hash);
        }
    }
    known
}

/// The writing of one bundle.
///
/// Its actions are [`Action::Send`] (a frame), [`Action::Load`] (to be answered with [`Packing::loaded`]; all is
/// packed when none is left), and [`Action::Alert`].
#[derive(Debug)]
pub struct Packing {
    session: Session,
    peer: StationCode,
}

impl Packing {
    /// A bundle that is about to be written. A frame has one run, so that what the receiver learns from a public
    /// log (a writer's key) is known there before the logs that need it.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let peer = settings.peer;
        let settings = Settings { window_bytes: BATCH_BYTES, batch_bytes: BATCH_BYTES, ..settings };
        Self { session: Session::new(settings), peer }
    }

    /// Begins: `have` is what this station holds, `known` what the receiver is known to hold.
    pub fn begin(&mut self, have: &Have, known: &Have, directory: &Directory, now_ms: u64) -> Vec<Action> {
        let hello = Hello {
            protocol_min: PROTOCOL_MIN,
            protocol_max: PROTOCOL_MAX,
            station: self.peer,
            software: String::new(),
            clock_ms: now_ms,
            instance: None,
            compression: None,
            revoked: false,
        };
        let mut actions = self.session.on(Event::Started { have }, directory, now_ms);
        for answer in [Message::Hello(hello), Message::Have(known.heads().collect())] {
            actions.extend(self.session.on(Event::Received(answer), directory, now_ms));
        }
        only_packing(actions)
    }

    /// Answers a load. A batch that is packed counts as taken: the bundle has no window but the disk.
    pub fn loaded(
        &mut self,
        log: LogId,
        run: Option<Run>,
        case_keys: Vec<CaseKeyMessage>,
        directory: &Directory,
        now_ms: u64,
    ) -> Vec<Action> {
        let mut actions = self.session.on(Event::Loaded { log, run, case_keys }, directory, now_ms);
        let batches: Vec<_> = actions.iter().filter_map(batch_of).collect();
        for batch in batches {
            let ack = Message::Ack(Ack { batch, receipts: Vec::new() });
            actions.extend(self.session.on(Event::Received(ack), directory, now_ms));
        }
        only_packing(actions)
    }

    /// The receipts that go along: this station's own and those of third stations, for logs that both hold.
    pub fn receipts(&mut self, receipts: Vec<Receipt>, directory: &Directory, now_ms: u64) -> Vec<Action> {
        only_packing(self.session.on(Event::Receipts(receipts), directory, now_ms))
    }
}

fn batch_of(action: &Action) -> Option<u64> {
    match action {
        Action::Send(Message::Entries(entries)) => Some(entries.batch),
        _ => None,
    }
}

/// What the session makes of the answers given for the receiver (its clock, say) is nobody's business.
fn only_packing(mut actions: Vec<Action>) -> Vec<Action> {
    actions.retain(|action| matches!(action, Action::Send(_) | Action::Load { .. } | Action::Alert { .. }));
    actions
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use sanji_log::{Hash, Head, Reach, SigningKey};

    use super::*;

    #[test]
    fn receipts_of_this_life_and_own_logs_say_what_a_station_holds() {
        let key = |seed| SigningKey::from_bytes(&[seed; 32]);
        let public = |seed| sanji_log::seal::public_key(&key(seed));
        let village = StationCode::from_number(990_106_101_203).unwrap_or_else(|error| panic!("{error}"));
        let head = |seed, seq| Head {
            log: LogId { home: village, reach: Reach::Private, key: public(seed) },
            seq,
            hash: Hash([seq as u8; 32]),
        };
        let have: Have = [head(1, 9), head(5, 7), head(3, 4)].into_iter().collect();
        let receipts = [
            Receipt::sign(&key(1), village, head(5, 6), 1),
            Receipt::sign(&key(1), village, head(5, 2), 1),
            Receipt::sign(&key(2), village, head(3, 4), 1),
        ];
        let known = known_to_hold(&have, &receipts, village, public(1));
        assert_eq!(known, [head(1, 9), head(5, 6)].into_iter().collect());
        let replaced = known_to_hold(&have, &receipts, village, public(2));
        assert_eq!(replaced, [head(3, 4)].into_iter().collect());
    }
}
