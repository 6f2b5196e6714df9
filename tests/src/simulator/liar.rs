//! A township in wrong hands: for a while it tells everybody who is linked to it what is not so, in the messages of the
//! protocol and with its own good key. Then the district believes that key no longer, and the township gets another.
//!
//! It lies by a random source of its own, so that runs without it stay what they were.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{Rng, RngCore, SeedableRng};
use sanji_log::{Hash, Head, LogId, PublicKey, Receipt, SigningKey};
use sanji_replication::{Ack, Entries, Goodbye, Message, RefusalReason, Refused};
use sanji_store::Store;

use super::agenda::Happening;
use super::network::StreamId;
use super::sample::{HUB, STATIONS, parent, signing_key};
use super::tamper;
use super::world::World;

/// How many runs have such a township: one in so many.
const ONE_IN: u32 = 5;
/// Makes its random source another than the run's.
const SALT: u64 = 0x6c69_6172;
/// When the township falls into wrong hands, in milliseconds.
const FROM_MS: std::ops::Range<u64> = 8_000..25_000;
/// For how long it lies, in milliseconds; it may be longer than people work.
const LIES_FOR_MS: std::ops::Range<u64> = 4_000..25_000;
/// How often a message is a lie.
const LIES: f64 = 0.12;

/// The township, and what it needs for its lies.
pub struct Liar {
    random: StdRng,
    place: usize,
    /// The key with which it lies; none before and after.
    key: Option<PublicKey>,
    /// Streams on which it has lied.
    streams: BTreeSet<StreamId>,
}

impl Liar {
    /// The liar of a run, if it has one.
    #[must_use]
    pub fn of_seed(seed: u64) -> Option<Self> {
        let mut random = StdRng::seed_from_u64(seed ^ SALT);
        let townships = (0..STATIONS.len()).filter(|place| parent(*place) == Some(HUB));
        let place = townships.choose(&mut random)?;
        let lies = random.random_ratio(1, ONE_IN);
        lies.then_some(Self { random, place, key: None, streams: BTreeSet::new() })
    }
}

impl World {
    /// Puts down when the township of this run falls into wrong hands.
    pub(super) fn expect_lies(&mut self) {
        if let Some(liar) = &mut self.liar {
            let after = liar.random.random_range(FROM_MS);
            self.agenda.put(after, Happening::TakenOver);
        }
    }

    /// The township falls into wrong hands.
    pub(super) fn taken_over(&mut self) {
        let Some(liar) = &mut self.liar else { return };
        let (at, for_ms) = (liar.place, liar.random.random_range(LIES_FOR_MS));
        if !self.is_working() {
            return;
        }
        if !self.may_be_reborn(at) || !self.stations[at].is_running() || self.is_believed_no_longer(at) {
            return self.agenda.put(1_000, Happening::TakenOver);
        }
        self.counters.takeovers += 1;
        self.note(format_args!("{} falls into wrong hands", self.code(at)));
        let key = self.stations[at].key();
        self.liar.iter_mut().for_each(|liar| liar.key = Some(key));
        self.ledger.lied = true;
        self.agenda.put(for_ms, Happening::Unmasked);
    }

    /// The district hears of it. While people work the township gets a new computer at once.
    pub(super) fn unmasked(&mut self) {
        let Some((at, key)) = self.liar.as_ref().and_then(|liar| Some((liar.place, liar.key?))) else { return };
        let is_same = self.stations[at].key() == key;
        if self.is_working() && is_same && !(self.may_be_reborn(at) && self.stations[HUB].is_running()) {
            return self.agenda.put(1_000, Happening::Unmasked);
        }
        self.liar.iter_mut().for_each(|liar| liar.key = None);
        if !is_same {
            return;
        }
        if !self.ledger.revoked.contains(&key) {
            self.counters.revocations += 1;
            self.revoke(at, key);
        }
        self.lose_computer(at);
        self.counters.replacements += 1;
        if self.is_working() {
            self.rebirth(at);
        }
        self.model.note_losses(&self.stations);
    }

    fn is_believed_no_longer(&self, at: usize) -> bool {
        let key = self.stations[at].key();
        self.ledger.revoked.contains(&key) || self.ledger.cloned.contains(&key)
    }

    /// Whether somebody lied on a stream: whatever is refused or claimed on it may come of that.
    pub(super) fn was_lied_on(&self, stream: StreamId) -> bool {
        self.liar.as_ref().is_some_and(|liar| liar.streams.contains(&stream))
    }

    /// What goes out in place of a message: the message, unless the sender lies.
    pub(super) fn twist(&mut self, at: usize, stream: StreamId, message: Message) -> Vec<Message> {
        let key = self.stations[at].key();
        let working = self.is_working();
        let Some(liar) = self.liar.as_mut().filter(|liar| working && liar.key == Some(key)) else {
            return vec![message];
        };
        if !liar.random.random_bool(LIES) {
            return vec![message];
        }
        liar.streams.insert(stream);
        let station = &self.stations[at];
        let logs: Vec<LogId> = station.store.have().0.into_keys().collect();
        let own = (signing_key(station.place, station.life), station.code);
        let told = match message {
            Message::Have(heads) => vec![Message::Have(liar.heads(heads))],
            Message::Entries(entries) => liar.entries(entries),
            Message::Ack(mut ack) => match liar.random.random_range(0..4) {
                0 => Vec::new(),
                1 => vec![Message::Ack(Ack { batch: ack.batch + 1, ..ack })],
                2 => {
                    let receipts = std::mem::take(&mut ack.receipts).into_iter();
                    ack.receipts = receipts.map(|receipt| liar.receipt(&receipt, &own.0)).collect();
                    vec![Message::Ack(ack)]
                }
                _ => liar.refusal(&logs).into_iter().chain([Message::Ack(ack)]).collect(),
            },
            Message::Receipts(receipts) => match liar.random.random_bool(0.5) {
                true => Vec::new(),
                false => {
                    let receipts = receipts.into_iter().map(|receipt| liar.receipt(&receipt, &own.0)).collect();
                    vec![Message::Receipts(receipts)]
                }
            },
            Message::Ping { clock_ms } => match liar.random.random_range(0..3) {
                0 => {
                    let reason = "go away".to_owned();
                    vec![Message::Goodbye(Goodbye { reason, come_back_after_ms: u64::MAX, revoked: true })]
                }
                1 => vec![Message::Ping { clock_ms: clock_ms / 2 }],
                _ => liar.refusal(&logs).into_iter().collect(),
            },
            message => liar.refusal(&logs).into_iter().chain([message]).collect(),
        };
        self.altered.insert(stream);
        self.counters.lies += 1;
        self.note(format_args!("{} lies", own.1));
        told
    }
}

impl Liar {
    fn hash(&mut self) -> Hash {
        let mut bytes = [0; 32];
        self.random.fill_bytes(&mut bytes);
        Hash(bytes)
    }

    /// It has more, less, or something else.
    fn heads(&mut self, mut heads: Vec<Head>) -> Vec<Head> {
        let hash = self.hash();
        let what = self.random.random_range(0..4);
        let Some(at) = (0..heads.len()).choose(&mut self.random) else { return heads };
        match what {
            0 => heads[at] = Head { seq: heads[at].seq + self.random.random_range(1..5), hash, ..heads[at] },
            1 => heads[at].hash = hash,
            2 => drop(heads.swap_remove(at)),
            _ => heads.clear(),
        }
        heads
    }

    /// It keeps entries back, changes them, or brings them twice.
    fn entries(&mut self, mut entries: Entries) -> Vec<Message> {
        match self.random.random_range(0..4) {
            0 => return Vec::new(),
            1 if entries.runs.len() > 1 => drop(entries.runs.pop()),
            1 | 2 => drop(tamper::alter(&mut entries.runs[0], &mut self.random)),
            _ => return vec![Message::Entries(entries.clone()), Message::Entries(entries)],
        }
        vec![Message::Entries(entries)]
    }

    /// A receipt for what it does not have, signed with its own key.
    fn receipt(&mut self, receipt: &Receipt, signing: &SigningKey) -> Receipt {
        let head = Head { seq: receipt.head.seq + self.random.random_range(1..9), hash: self.hash(), ..receipt.head };
        Receipt::sign(signing, receipt.station, head, receipt.time_ms)
    }

    /// It takes no more of a log, for no reason.
    fn refusal(&mut self, logs: &[LogId]) -> Option<Message> {
        let reasons = [
            RefusalReason::NotYours,
            RefusalReason::UnknownKey,
            RefusalReason::Revoked,
            RefusalReason::BadSeal,
            RefusalReason::Fork,
            RefusalReason::Gap,
            RefusalReason::Malformed,
        ];
        let (log, reason) = (*logs.choose(&mut self.random)?, *reasons.choose(&mut self.random)?);
        let detail = "no".to_owned();
        Some(Message::LogRefused(Refused { log, seq: self.random.random_range(1..9), reason, detail }))
    }
}
