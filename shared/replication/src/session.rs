//! The session between two stations: a pure state machine over one link.
//!
//! The shell feeds every [`Event`] to [`Session::on`] and carries out the [`Action`]s in their order. A session
//! lives as long as its stream; what the next one needs is in the stations' logs.
//!
//! | module | answers |
//! | --- | --- |
//! | [`handshake`] | who is there, and do we speak the same protocol |
//! | [`pulse`] | is the peer alive |

mod handshake;
mod pulse;

use std::mem;

use sanji_log::{Entry, Hash, Have, Head, LogId, PublicKey, Receipt, Run, StationCode};

use crate::limits::{COME_BACK_MAX_MS, TEXT_MAX_BYTES, cut};
use crate::{CaseKeyMessage, Directory, Goodbye, Message, RefusalReason, Refused};
use pulse::Pulse;

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
    /// Most bytes of entries sent and not yet acknowledged; a larger single run goes alone.
    pub window_bytes: usize,
    /// Bytes of entries after which a batch is sent.
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
            window_bytes: 2 << 20,
            batch_bytes: 256 << 10,
            heartbeat_ms: 15_000,
            silence_ms: 45_000,
        }
    }
}

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// First event: the stream is open.
    Started {
        /// All that this station holds; the session picks what concerns the peer.
        have: &'a Have,
    },
    /// The peer said something.
    Received(Message),
    /// Logs of this station have moved durably: own writes, or received on any link.
    Local {
        /// Their new heads.
        heads: Vec<Head>,
    },
    /// Answer to [`Action::Load`]; every load is answered.
    Loaded {
        /// The log asked for.
        log: LogId,
        /// Entries from the position asked for on. None: damaged or gone; the log is skipped on this link.
        run: Option<Run>,
        /// Keys of the cases that the entries open.
        case_keys: Vec<CaseKeyMessage>,
    },
    /// Answer to [`Action::Store`], once durable; every store is answered.
    Stored {
        /// The batch.
        batch: u64,
        /// Signed for what was accepted.
        receipts: Vec<Receipt>,
        /// What the station did not take. [`RefusalReason::Gap`]: the log has moved meanwhile.
        refused: Vec<Refused>,
    },
    /// Receipts that this station has learned from others.
    Receipts(Vec<Receipt>),
    /// The directory knows more keys.
    DirectoryChanged,
    /// Time passes; at least every few seconds.
    Tick,
    /// This station wants to close the link.
    Closing {
        /// For people, in English.
        reason: String,
        /// The peer shall stay away for this long, in milliseconds; 0: as usual.
        come_back_after_ms: u64,
    },
}

/// What the shell has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send a message, after those before it.
    Send(Message),
    /// Read a log; answered by [`Event::Loaded`].
    Load {
        /// The log.
        log: LogId,
        /// First position wanted.
        from: u64,
        /// Most bytes of entries; a first run that is larger comes whole.
        max_bytes: usize,
    },
    /// Commit what the peer sent, in this order; answered by [`Event::Stored`].
    Store {
        /// Number to answer with.
        batch: u64,
        /// Checked runs. One may extend another of an earlier store that is not yet answered.
        runs: Vec<VerifiedRun>,
        /// Keys of the cases that the entries open.
        case_keys: Vec<CaseKeyMessage>,
    },
    /// Keep receipts whose signature and key were checked, show them, pass them on to other links.
    KeepReceipts(Vec<Receipt>),
    /// Something that supervision should know.
    Alert {
        /// The log concerned.
        log: LogId,
        /// Position concerned.
        seq: u64,
        /// What is wrong.
        reason: RefusalReason,
        /// For people, in English.
        detail: String,
    },
    /// The peer's clock minus this station's, in milliseconds.
    ClockOffset(i64),
    /// Close the stream, after everything before it is sent.
    Close {
        /// For people, in English.
        reason: String,
        /// Do not dial again for this long, in milliseconds; 0: as usual.
        come_back_after_ms: u64,
    },
}

/// A run that passed every check: it may be committed as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRun {
    /// The head that it extends; none for an empty log.
    pub extends: Option<(u64, Hash)>,
    /// The run, without entries that were held before.
    pub run: Run,
    /// Its entries, decoded.
    pub entries: Vec<Entry>,
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
    /// What the current event has led to.
    actions: Vec<Action>,
}

impl Session {
    /// A session whose stream is about to open.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, phase: Phase::New, pulse: Pulse::default(), actions: Vec::new() }
    }

    /// Takes an event and says what to do.
    ///
    /// `directory` is what is known of keys now, `now_ms` the wall clock in milliseconds since 1970-01-01 UTC.
    pub fn on(&mut self, event: Event<'_>, directory: &Directory, now_ms: u64) -> Vec<Action> {
        let _ = directory;
        if self.phase == Phase::Closed {
            return Vec::new();
        }
        match event {
            Event::Started { have } => self.start(have, now_ms),
            Event::Received(message) => {
                self.pulse.heard(now_ms);
                self.receive(message, now_ms);
            }
            Event::Tick => self.tick(now_ms),
            Event::Closing { reason, come_back_after_ms } => self.leave(reason, come_back_after_ms),
            Event::Local { .. }
            | Event::Loaded { .. }
            | Event::Stored { .. }
            | Event::Receipts(_)
            | Event::DirectoryChanged => {}
        }
        if self.actions.iter().any(|action| matches!(action, Action::Send(_))) {
            self.pulse.sent(now_ms);
        }
        mem::take(&mut self.actions)
    }

    /// Whether nothing is known to be missing on either side and nothing is under way.
    #[must_use]
    pub fn in_sync(&self) -> bool {
        self.phase == Phase::Open
    }

    fn receive(&mut self, message: Message, now_ms: u64) {
        match (self.phase, message) {
            (_, Message::Goodbye(Goodbye { reason, come_back_after_ms })) => self.close(reason, come_back_after_ms),
            (Phase::Greeting, Message::Hello(hello)) => self.greeted(&hello, now_ms),
            (Phase::Introduced, Message::Have(_)) => self.phase = Phase::Open,
            (Phase::Open, Message::Ping { clock_ms }) => self.note_clock(clock_ms, now_ms),
            _ => {}
        }
    }

    fn send(&mut self, message: Message) {
        self.actions.push(Action::Send(message));
    }

    /// Closes with a last word to the peer.
    fn leave(&mut self, reason: String, come_back_after_ms: u64) {
        let reason = cut(reason, TEXT_MAX_BYTES);
        self.send(Message::Goodbye(Goodbye { reason: reason.clone(), come_back_after_ms }));
        self.close(reason, 0);
    }

    fn close(&mut self, reason: String, come_back_after_ms: u64) {
        self.phase = Phase::Closed;
        let come_back_after_ms = come_back_after_ms.min(COME_BACK_MAX_MS);
        self.actions.push(Action::Close { reason, come_back_after_ms });
    }
}
