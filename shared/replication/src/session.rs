//! The session between two stations: a pure state machine over one link.
//!
//! The shell feeds every [`Event`] to [`Session::on`] and carries out the [`Action`]s in their order. A session
//! lives as long as its stream; what the next one needs is in the stations' logs.
//!
//! | module | answers |
//! | --- | --- |
//! | `handshake` | who is there, and do we speak the same protocol |
//! | `pulse` | is the peer alive, and what does its clock show |
//! | `heads` | what does each side hold |
//! | `sending` | what is sent next, and how much may be under way |
//! | `pace` | how large a batch is |
//! | `receiving` | what is taken, and when is it acknowledged |
//! | `refusal` | which logs stop, and when are they asked for again |
//! | `branches` | what becomes evidence of a log that has forked |
//! | `again` | entries that were held and are damaged |
//! | `revoked` | what a revoked station may still deliver |
//! | `receipts` | which receipts are believed and passed on |
//! | `conditions` | how stations are: what is told of it when, and what is believed |

mod again;
mod branches;
mod conditions;
mod event;
mod handshake;
mod heads;
mod pace;
mod pulse;
mod receipts;
mod receiving;
mod refusal;
mod revoked;
mod sending;

use std::mem;

use sanji_log::planted::{Bug, planted};
use sanji_log::{Head, PublicKey, StationCode};

use crate::limits::{COME_BACK_MAX_MS, TEXT_MAX_BYTES, cut};
use crate::verify::Ends;
use crate::{Directory, Entries, Goodbye, Message};
use conditions::Told;
pub use event::{Action, Event, VerifiedRun};
use heads::Heads;
use pulse::Pulse;
use receipts::PeerReceipts;
use receiving::{Again, Receiving};
use sending::Sending;

/// What a session is told when it begins.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This station.
    pub me: StationCode,
    /// The station that the peer's certificate names.
    pub peer: StationCode,
    /// The key in the peer's certificate.
    pub peer_key: PublicKey,
    /// This station's software version, for people.
    pub software: String,
    /// Drawn anew at each start of this station's process; none: not told.
    pub instance: Option<[u8; 16]>,
    /// A fingerprint of how this station compresses private parts; none where it takes none laid bare.
    pub compression: Option<u64>,
    /// How long it took to shake hands, in milliseconds: what is known of the line before anything was said.
    pub handshake_ms: u64,
    /// Most bytes of entries sent and not yet acknowledged; a larger single run goes alone.
    pub window_bytes: usize,
    /// Bytes of entries after which a batch is sent at the latest; a link begins with less.
    pub batch_bytes: usize,
    /// A sign of life is sent after this long without another message, in milliseconds.
    pub heartbeat_ms: u64,
    /// The link is closed after this long without a message of the peer, in milliseconds.
    pub silence_ms: u64,
}

impl Settings {
    /// Settings with the usual limits.
    #[must_use]
    pub fn new(me: StationCode, peer: StationCode, peer_key: PublicKey) -> Self {
        Self {
            me,
            peer,
            peer_key,
            software: env!("CARGO_PKG_VERSION").to_owned(),
            instance: None,
            compression: None,
            handshake_ms: 0,
            window_bytes: 2 << 20,
            batch_bytes: 256 << 10,
            heartbeat_ms: 15_000,
            silence_ms: 45_000,
        }
    }
}

/// How far the session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing happened.
    New,
    /// Our `Hello` and `Have` are sent; the peer's `Hello` is awaited.
    Greeting,
    /// The peer's `Have` is awaited.
    Introduced,
    /// Entries flow.
    Open,
    /// Over: every event is ignored.
    Closed,
}

/// One side of a link.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    phase: Phase,
    pulse: Pulse,
    heads: Heads,
    /// Receipts that the peer needs not be sent.
    peer_receipts: PeerReceipts,
    sending: Sending,
    receiving: Receiving,
    /// Version that both speak; 0 before the peer's `Hello`.
    protocol: u32,
    /// The peer can seal again what is laid bare here.
    takes_bare: bool,
    /// Reads of branches that the peer has asked for.
    branches_asked: u32,
    /// The peer's key is revoked: it may deliver what it wrote, and hears nothing.
    peer_is_revoked: bool,
    /// When the last entries of a revoked peer came: milliseconds since 1970-01-01 UTC.
    delivered_ms: u64,
    /// When it was first known on this link to be revoked, on the same clock.
    delivering_since_ms: u64,
    /// How stations are, as the peer was told.
    told: Told,
    /// A further `Have` is due at the end of this event.
    ask_again: bool,
    /// What the current event has led to.
    actions: Vec<Action>,
}

impl Session {
    /// A session whose stream is about to open.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let ends = Ends { me: settings.me, peer: settings.peer };
        Self {
            sending: Sending::new(settings.window_bytes, settings.batch_bytes, settings.handshake_ms),
            settings,
            phase: Phase::New,
            pulse: Pulse::default(),
            heads: Heads::new(ends),
            peer_receipts: PeerReceipts::default(),
            receiving: Receiving::default(),
            protocol: 0,
            takes_bare: false,
            branches_asked: 0,
            peer_is_revoked: false,
            delivered_ms: 0,
            delivering_since_ms: 0,
            told: Told::default(),
            ask_again: false,
            actions: Vec::new(),
        }
    }

    /// Takes an event and says what to do.
    ///
    /// `directory` is what is known of keys now, `now_ms` the wall clock in milliseconds since 1970-01-01 UTC.
    pub fn on(&mut self, event: Event<'_>, directory: &Directory, now_ms: u64) -> Vec<Action> {
        if self.phase == Phase::Closed {
            return Vec::new();
        }
        match event {
            Event::Started { have } => {
                self.look_the_peer_up(directory, now_ms);
                self.start(have, now_ms);
            }
            Event::Received(message) => {
                self.pulse.heard(now_ms);
                self.receive(message, directory, now_ms);
            }
            Event::Local { heads } => heads.into_iter().for_each(|head| self.advanced(head)),
            Event::Loaded { log, run, case_keys } => {
                let batches = self.sending.loaded(log, run, case_keys, &self.heads, now_ms);
                batches.into_iter().for_each(|batch| self.send(Message::Entries(batch)));
            }
            Event::Stored { batch, receipts, refused } => {
                let refused = self.receiving.stored(batch, receipts, refused, &mut self.heads);
                refused.into_iter().for_each(|refused| self.refuse(refused));
                self.acknowledge();
            }
            Event::KeptAside { batch } => {
                self.receiving.kept_aside(batch);
                self.acknowledge();
            }
            Event::Receipts(receipts) => self.pass_on(receipts),
            Event::DirectoryChanged => {
                self.look_the_peer_up(directory, now_ms);
                self.learn_waiting_receipts(directory);
                match self.receiving.reconsider(directory) {
                    Some(Again::Passes) => self.ask_again = true,
                    Some(Again::Admitted) => self.begin_anew("what was kept aside was admitted"),
                    None => {}
                }
            }
            Event::BranchNeeded { log, from } => self.ask_for_branch(log, from),
            Event::BranchLoaded { run, case_keys } => self.send(Message::Branch { run, case_keys }),
            Event::EntriesNeeded { log, from } => self.ask_for_entries(log, from),
            Event::LoadedAgain { run, case_keys } => self.send(Message::EntriesAgain { run, case_keys }),
            Event::Conditions(conditions) => self.tell_conditions(conditions, now_ms),
            Event::FilesExpected => self.expect_files(now_ms),
            Event::AskAgain { log } => {
                if self.receiving.forgets(&log) {
                    self.begin_anew("a person asks to try again");
                }
            }
            Event::Tick => self.tick(now_ms),
            Event::Closing { reason, come_back_after_ms } => self.leave(reason, come_back_after_ms),
        }
        self.pump();
        if self.actions.iter().any(|action| matches!(action, Action::Send(_))) {
            self.pulse.sent(now_ms);
        }
        mem::take(&mut self.actions)
    }

    /// Whether nothing is known to be missing on either side and nothing is under way. Logs that are stopped for
    /// good on this link (forked, forged) don't count.
    #[must_use]
    pub fn in_sync(&self) -> bool {
        self.phase == Phase::Open && self.sending.is_idle() && self.receiving.is_idle(&self.heads)
    }

    /// Whether the peer acknowledges what is sent so soon that making it shorter saves nobody time.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        self.sending.is_quick()
    }

    /// Whether entries are to be sent with their private parts laid bare: that takes work at both ends, so it is for thin
    /// lines, and the peer has said that it seals them again as this station would.
    #[must_use]
    pub fn lays_bare(&self) -> bool {
        self.takes_bare && self.sending.is_thin()
    }

    /// Version of the protocol that both sides speak; 0 before the peer's `Hello`.
    #[must_use]
    pub fn protocol(&self) -> u32 {
        self.protocol
    }

    fn receive(&mut self, message: Message, directory: &Directory, now_ms: u64) {
        match (self.phase, message) {
            (_, Message::Goodbye(goodbye)) => self.close(goodbye),
            (Phase::Greeting, Message::Hello(hello)) => self.greeted(&hello, now_ms),
            (Phase::Introduced, Message::Have(heads)) => self.open(heads),
            (Phase::Open, Message::Have(heads)) => self.asked_again(&heads.into_iter().collect()),
            (Phase::Open, Message::Entries(entries)) => self.take(entries, directory, now_ms),
            (Phase::Open, Message::Ack(ack)) => self.acknowledged(ack, now_ms),
            (Phase::Open, Message::Receipts(receipts)) => self.learn_receipts(receipts, directory),
            (Phase::Open, Message::LogRefused(refused)) => self.refused_by_peer(refused),
            (Phase::Open, Message::BranchWanted { log, from }) => self.asked_for_branch(log, from),
            (Phase::Open, Message::Branch { run, case_keys }) => self.take_branch(run, case_keys),
            (Phase::Open, Message::EntriesWanted { log, from, until }) => self.asked_for_entries(log, from, until),
            (Phase::Open, Message::EntriesAgain { run, case_keys }) => self.take_again(run, case_keys),
            (Phase::Open, Message::Conditions(conditions)) => self.take_conditions(conditions),
            (Phase::Open, Message::Ping { clock_ms }) => self.note_clock(clock_ms, now_ms),
            _ => self.leave("a message out of order".to_owned(), 0),
        }
    }

    fn take(&mut self, mut entries: Entries, directory: &Directory, now_ms: u64) {
        let batch = entries.batch;
        if self.peer_is_revoked {
            self.delivered_ms = now_ms;
            self.leave_to_others(&mut entries);
        }
        let logs: Vec<_> = entries.runs.iter().map(|run| run.log).collect();
        match self.receiving.take(entries, &mut self.heads, directory, self.peer_is_revoked) {
            Ok(outcome) => {
                logs.into_iter().for_each(|log| self.sending.reconsider(log, &self.heads));
                outcome.refused.into_iter().for_each(|refused| self.refuse(refused));
                self.actions.extend(outcome.introduced.into_iter().map(Action::Introduce));
                if !outcome.aside.is_empty() {
                    let (runs, case_keys) = (outcome.aside, outcome.aside_keys);
                    self.actions.push(Action::KeepAside { batch, runs, case_keys });
                }
                outcome.runs.iter().for_each(|run| self.peer_receipts.delivered(run.run.head()));
                if !outcome.runs.is_empty() {
                    self.actions.push(Action::Store { batch, runs: outcome.runs, case_keys: outcome.case_keys });
                }
                self.acknowledge();
            }
            Err(reason) => self.leave(reason.to_owned(), 0),
        }
    }

    /// A log of this station has moved durably.
    fn advanced(&mut self, head: Head) {
        if planted(Bug::LoseWakeUp) && !self.sending.is_idle() {
            return;
        }
        if self.heads.advance_ours(head) {
            self.receiving.moved(&head.log, &self.heads);
            self.sending.reconsider(head.log, &self.heads);
        }
    }

    /// Says what is due and reads what the window has room for.
    fn pump(&mut self) {
        if self.phase != Phase::Open {
            return;
        }
        if mem::take(&mut self.ask_again) {
            self.send(Message::Have(self.heads.our_have()));
        }
        if self.peer_is_revoked {
            return;
        }
        while let Some(load) = self.sending.next_load(&self.heads) {
            self.actions.push(Action::Load { log: load.log, from: load.from, max_bytes: load.max_bytes });
        }
    }

    fn acknowledge(&mut self) {
        while let Some(ack) = self.receiving.acknowledgement() {
            self.send(Message::Ack(ack));
        }
    }

    /// A peer that was told that a log is refused for good sends none of it on this link, whatever it hears later.
    fn begin_anew(&mut self, reason: &str) {
        self.leave(reason.to_owned(), 0);
    }

    fn send(&mut self, message: Message) {
        self.actions.push(Action::Send(message));
    }

    /// Closes with a last word to the peer.
    fn leave(&mut self, reason: String, come_back_after_ms: u64) {
        self.leave_with(Goodbye { reason: cut(reason, TEXT_MAX_BYTES), come_back_after_ms, revoked: false });
    }

    fn leave_with(&mut self, goodbye: Goodbye) {
        self.send(Message::Goodbye(goodbye.clone()));
        self.close(Goodbye { come_back_after_ms: 0, revoked: false, ..goodbye });
    }

    /// What the goodbye asks for is asked of this station.
    fn close(&mut self, Goodbye { reason, come_back_after_ms, revoked }: Goodbye) {
        self.phase = Phase::Closed;
        let come_back_after_ms = come_back_after_ms.min(COME_BACK_MAX_MS);
        self.actions.push(Action::Close { reason, come_back_after_ms, revoked });
    }
}
