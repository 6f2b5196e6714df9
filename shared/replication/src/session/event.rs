//! What a session hears and what it asks for.

use sanji_log::{Entry, Hash, Have, Head, LogId, Receipt, Run};

use crate::{CaseKeyMessage, Message, RefusalReason, Refused, StationCondition};

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
    /// Answer to [`Action::KeepAside`], once durable.
    KeptAside {
        /// The batch.
        batch: u64,
    },
    /// Receipts that this station has learned from others.
    Receipts(Vec<Receipt>),
    /// The directory knows more keys.
    DirectoryChanged,
    /// The station wants the peer's version of a log that has forked, as evidence.
    BranchNeeded {
        /// The log.
        log: LogId,
        /// First position wanted.
        from: u64,
    },
    /// Answer to [`Action::LoadBranch`], where there is anything.
    BranchLoaded {
        /// Entries from the position asked for on.
        run: Run,
        /// Keys of the cases that the entries open.
        case_keys: Vec<CaseKeyMessage>,
    },
    /// Entries that this station once held are damaged.
    EntriesNeeded {
        /// The log.
        log: LogId,
        /// First position wanted.
        from: u64,
    },
    /// Answer to [`Action::LoadAgain`], where there is anything.
    LoadedAgain {
        /// Entries from the position asked for on.
        run: Run,
        /// Keys of the cases that the entries open.
        case_keys: Vec<CaseKeyMessage>,
    },
    /// How this station is now, and those below it as it last heard them; every few seconds where the session
    /// [hears of it](super::Session::hears_conditions), which decides what of it is told.
    Conditions(Vec<StationCondition>),
    /// Attachments may come yet that are wanted of a revoked peer: it is not to be let go, though it has no more entries.
    FilesExpected,
    /// A person asks to try a refused log again.
    AskAgain {
        /// The log.
        log: LogId,
    },
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
    /// Look whether the beginning of a public log proves whose it is: the district's hub begins a new life by
    /// certifying its own key, which nobody can know before. Where it does, the run is committed, and
    /// [`Event::DirectoryChanged`] and [`Event::Local`] follow.
    Introduce(Run),
    /// Keep receipts whose signature and key were checked, show them, pass them on to other links.
    KeepReceipts(Vec<Receipt>),
    /// Remember how stations are, the peer and those below it, until something newer is heard of them.
    KeepConditions(Vec<StationCondition>),
    /// Read this station's version of a forked log; answered by [`Event::BranchLoaded`].
    LoadBranch {
        /// The log.
        log: LogId,
        /// First position wanted.
        from: u64,
    },
    /// Keep a piece of the peer's version of a forked log as evidence. It is not checked.
    KeepBranch {
        /// The piece.
        run: Run,
        /// Keys of the cases that the entries open.
        case_keys: Vec<CaseKeyMessage>,
    },
    /// Read entries for a peer whose own are damaged; answered by [`Event::LoadedAgain`], or where the peer has
    /// written a bundle, by the next bundle for it.
    LoadAgain {
        /// The log.
        log: LogId,
        /// First position wanted.
        from: u64,
        /// Last position wanted. None: as far as one answer goes.
        until: Option<u64>,
    },
    /// Keep entries in place of those that are damaged here. They are not checked.
    KeepAgain {
        /// The entries.
        run: Run,
        /// Keys of the cases that the entries open.
        case_keys: Vec<CaseKeyMessage>,
    },
    /// Keep entries of a revoked key aside: chain and seal hold. Answered by [`Event::KeptAside`].
    KeepAside {
        /// Number to answer with.
        batch: u64,
        /// The entries.
        runs: Vec<Run>,
        /// Keys of the cases that the entries open.
        case_keys: Vec<CaseKeyMessage>,
    },
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
    /// The peer says that this station's key is revoked, and listens to what it had written.
    Distrusted,
    /// The peer knows nothing against this station's key.
    Believed,
    /// Close the stream, after everything before it is sent.
    Close {
        /// For people, in English.
        reason: String,
        /// Do not dial again for this long, in milliseconds; 0: as usual.
        come_back_after_ms: u64,
        /// The peer says that this station's key is revoked.
        revoked: bool,
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
