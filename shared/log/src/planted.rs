//! Bugs that a test plants to prove that it would find them: each breaks one promise at the line that keeps it.
//!
//! Only the feature `planted-bugs` can plant one, and only the tests' crate asks for that feature. Without it
//! [`planted`] is constantly false, so nothing of this is left in a program.

/// A bug and the promise that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// A batch is acknowledged when it has come, not when it is durable.
    AcknowledgeBeforeDurable,
    /// The signature of a seal is not checked.
    SkipSeal,
    /// Entries are taken that do not follow the entry before them.
    SkipPreviousHash,
    /// Entries signed with a revoked key are taken.
    AcceptRevokedKey,
    /// Private logs of the whole district are offered and taken.
    SendToNeighbour,
    /// What was taken over one link is not offered on a link that is busy.
    LoseWakeUp,
    /// A log whose writer was not known is not asked for again when he is.
    ForgetUnknownKey,
    /// More is sent than the window has room for.
    IgnoreWindow,
    /// A chunk of a fetched attachment is passed over.
    DropChunk,
    /// The content of a chunk is not compared with its hash.
    SkipChunkHash,
    /// A power cut leaves the first half of a commit.
    TearCommit,
    /// Receipts are shown but not kept.
    ForgetReceipts,
    /// After a restart a station counts the entries of its own logs from 1 again.
    ReuseSequence,
    /// The same request opens a second case.
    RepeatRequest,
    /// Of two steps on one predecessor that of the older term counts.
    ApplySuperseded,
    /// A step counts whoever wrote it.
    SkipHolder,
    /// The key of a case is not kept where the case comes from a peer.
    DropCaseKey,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::AcknowledgeBeforeDurable,
        Self::SkipSeal,
        Self::SkipPreviousHash,
        Self::AcceptRevokedKey,
        Self::SendToNeighbour,
        Self::LoseWakeUp,
        Self::ForgetUnknownKey,
        Self::IgnoreWindow,
        Self::DropChunk,
        Self::SkipChunkHash,
        Self::TearCommit,
        Self::ForgetReceipts,
        Self::ReuseSequence,
        Self::RepeatRequest,
        Self::ApplySuperseded,
        Self::SkipHolder,
        Self::DropCaseKey,
    ];
}

#[cfg(feature = "planted-bugs")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug in all that this thread does from now on, or none.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted.
#[cfg(feature = "planted-bugs")]
#[must_use]
pub fn planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this bug is planted: never in a program.
#[cfg(not(feature = "planted-bugs"))]
#[must_use]
pub const fn planted(_: Bug) -> bool {
    false
}
