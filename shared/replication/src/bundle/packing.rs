//! Which entries go into a bundle: the link's own session decides, and what is known of the receiver answers it.

use sanji_log::{Have, Head, LogId, PublicKey, Reach, Receipt, Run, StationCode};

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
    own.chain(confirmed.map(|receipt| receipt.head)).for_each(|head| raise(&mut known, head));
    known
}

fn raise(known: &mut Have, head: Head) {
    let end = known.0.entry(head.log).or_insert((head.seq, head.hash));
    if end.0 < head.seq {
        *end = (head.seq, head.hash);
    }
}

/// What a station's last bundle said that it holds, beside what its receipts and its own logs said by then.
///
/// A station that has lost the end of its journal holds less than it once confirmed, and less than it once wrote: only
/// what it says now can tell. Clocks have no part in it, since that of a station without a line may show anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastHave {
    /// What the bundle said.
    pub have: Have,
    /// [`known_to_hold`] once the bundle was read.
    pub known: Have,
}

impl LastHave {
    /// Notes a receipt that was in the bundle: it says nothing that the bundle does not.
    pub fn note(&mut self, receipt: &Receipt) {
        raise(&mut self.known, receipt.head);
    }

    /// Notes what is known of the station now that its bundle was read.
    pub fn note_known(&mut self, known: &Have) {
        known.heads().for_each(|head| raise(&mut self.known, head));
    }

    /// What the station holds: what it said, and what has become known since, over another path.
    #[must_use]
    pub fn correct(&self, known: &Have) -> Have {
        let known_then = |log: &LogId| self.known.get(log).map_or(0, |(seq, _)| seq);
        let mut holds = self.have.clone();
        known.heads().filter(|head| head.seq > known_then(&head.log)).for_each(|head| raise(&mut holds, head));
        holds
    }

    /// How many entries the station holds that one which holds `have` lacks.
    #[must_use]
    pub fn lacking_in(&self, have: &Have) -> u64 {
        let lacking = |head: Head| head.seq.saturating_sub(have.get(&head.log).map_or(0, |(seq, _)| seq));
        self.have.heads().map(lacking).sum()
    }
}

/// The writing of one bundle.
///
/// Its actions are [`Action::Send`] (a frame), [`Action::Load`] (to be answered with [`Packing::loaded`]; all is
/// packed when none is left), and [`Action::Alert`].
#[derive(Debug)]
pub struct Packing {
    session: Session,
    peer: StationCode,
    peer_key: PublicKey,
    only_public: bool,
    /// The receiver is told that its key is revoked.
    tells_revoked: bool,
}

impl Packing {
    /// A bundle that is about to be written. A frame has one run, so that what the receiver learns from a public
    /// log (a writer's key) is known there before the logs that need it.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let (peer, peer_key) = (settings.peer, settings.peer_key);
        let settings = Settings { window_bytes: BATCH_BYTES, batch_bytes: BATCH_BYTES, ..settings };
        Self { session: Session::new(settings), peer, peer_key, only_public: false, tells_revoked: false }
    }

    /// The same for a life of the receiver that is over: public logs alone, so that it learns what became of it and is
    /// told nothing of people.
    #[must_use]
    pub fn only_public(self) -> Self {
        Self { only_public: true, ..self }
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
        self.tells_revoked = directory.get(&self.peer_key).is_some_and(|record| record.revoked);
        let public = |have: &Have| have.heads().filter(|head| head.log.reach == Reach::Public).collect();
        let (have, known) = if self.only_public { (&public(have), &public(known)) } else { (have, known) };
        // A session has nothing to say to a revoked peer; that it hears what is public was decided here.
        let nobody = Directory::default();
        let directory = if self.only_public { &nobody } else { directory };
        let mut actions = self.session.on(Event::Started { have }, directory, now_ms);
        for answer in [Message::Hello(hello), Message::Have(known.heads().collect())] {
            actions.extend(self.session.on(Event::Received(answer), directory, now_ms));
        }
        for action in &mut actions {
            if let Action::Send(Message::Hello(hello)) = action {
                hello.revoked = self.tells_revoked;
            }
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
    pub fn receipts(&mut self, mut receipts: Vec<Receipt>, directory: &Directory, now_ms: u64) -> Vec<Action> {
        receipts.retain(|receipt| !self.only_public || receipt.head.log.reach == Reach::Public);
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
    use sanji_log::{Hash, SigningKey};

    use super::*;

    const VILLAGE: u64 = 990_106_101_203;

    #[test]
    fn receipts_of_this_life_and_own_logs_say_what_a_station_holds() {
        let public = |seed| sanji_log::seal::public_key(&key(seed));
        let village = station(VILLAGE);
        let head = |seed, seq| head_of(Reach::Private, seed, seq);
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

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn station(number: u64) -> StationCode {
        StationCode::from_number(number).unwrap_or_else(|error| panic!("{error}"))
    }

    fn head_of(reach: Reach, seed: u8, seq: u64) -> Head {
        let log = LogId { home: station(VILLAGE), reach, key: sanji_log::seal::public_key(&key(seed)) };
        Head { log, seq, hash: Hash([seq as u8; 32]) }
    }

    #[test]
    fn what_a_station_says_now_counts_more_than_what_it_once_confirmed() {
        let (village, public) = (station(VILLAGE), sanji_log::seal::public_key(&key(1)));
        let head = |seed, seq| head_of(Reach::Private, seed, seq);
        let have: Have = [head(1, 9), head(5, 7), head(3, 4)].into_iter().collect();
        let receipt = Receipt::sign(&key(1), village, head(5, 7), 1);
        let known = known_to_hold(&have, std::slice::from_ref(&receipt), village, public);
        // It had written nine entries and confirmed seven.
        let said: Have = [head(1, 6), head(5, 2)].into_iter().collect();
        let mut last = LastHave { have: said.clone(), known: [head(1, 9)].into_iter().collect() };
        last.note(&receipt);
        assert_eq!(last.correct(&known), said);
        assert_eq!(last.lacking_in(&have), 0);
        assert_eq!(last.lacking_in(&[head(1, 2)].into_iter().collect()), 4 + 2);

        // What is learned later counts again.
        let later: Have = [head(1, 11), head(5, 7), head(3, 4)].into_iter().collect();
        assert_eq!(last.correct(&later), [head(1, 11), head(5, 2), head(3, 4)].into_iter().collect());
    }

    #[test]
    fn who_is_revoked_is_told_so_and_hears_only_what_is_public() {
        let (village, hub) = (station(VILLAGE), station(990_106_000_000));
        let public = sanji_log::seal::public_key(&key(1));
        let mut directory = Directory::default();
        directory.insert(public, village);
        directory.revoke(public);
        let have: Have = [head_of(Reach::Public, 3, 4), head_of(Reach::Private, 3, 2)].into_iter().collect();
        let mut packing = Packing::new(Settings::new(hub, village, public)).only_public();
        let actions = packing.begin(&have, &Have::default(), &directory, 1);
        let told = actions.iter().any(|action| matches!(action, Action::Send(Message::Hello(hello)) if hello.revoked));
        assert!(told, "{actions:?}");
        let loads: Vec<_> = actions
            .iter()
            .filter_map(|action| match action {
                Action::Load { log, .. } => Some(log.reach),
                Action::Send(Message::Have(heads)) => {
                    assert!(heads.iter().all(|head| head.log.reach == Reach::Public), "{heads:?}");
                    None
                }
                _ => None,
            })
            .collect();
        assert_eq!(loads, [Reach::Public]);
        let receipts =
            [Reach::Public, Reach::Private].map(|reach| Receipt::sign(&key(3), hub, head_of(reach, 3, 2), 1));
        let sent = packing.receipts(receipts.to_vec(), &directory, 1);
        assert!(matches!(&sent[..], [Action::Send(Message::Receipts(sent))] if sent == &receipts[..1]), "{sent:?}");
    }
}
