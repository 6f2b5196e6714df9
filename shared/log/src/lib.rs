//! Pure: the logs that stations replicate. Division codes and scopes, entries and their chain, seals,
//! receipts, hybrid time, and what two stations must send each other.
//!
//! | module | holds |
//! | --- | --- |
//! | [`code`] | [`StationCode`], [`Tier`]: who is above whom is in the digits |
//! | [`id`] | [`LogId`], [`PublicKey`], [`struct@Hash`], [`CaseId`], [`CaseNumber`], [`AttachmentId`] |
//! | [`time`] | [`HybridTime`] and its rule |
//! | [`entry`] | [`Entry`], [`EntryBytes`], chaining |
//! | [`seal`] | [`Seal`] and [`Receipt`]: what is signed, signing, checking |
//! | [`attest`] | what a station signs beside its logs |
//! | [`voucher`] | [`Voucher`]: the signed line on a printed paper |
//! | [`run`] | [`Run`]: consecutive entries up to a seal, checked as a whole |
//! | [`have`] | [`Have`]: the heads a station holds, and the diff of two |
//! | [`planted`] | bugs that tests plant; nothing of it in a program |
//! | [`attachment`] | chunks, manifest and root hash of an attachment |
//!
//! Not here: what an entry means (`sanji-domain`), where it is kept (`sanji-store`), how it travels
//! (`sanji-replication`). No clock, no randomness, no I/O: times and keys come from the caller.

pub mod attachment;
pub mod attest;
pub mod code;
pub mod entry;
pub mod have;
pub mod id;
pub mod planted;
pub mod run;
pub mod seal;
pub mod time;
pub mod voucher;

pub use code::{StationCode, Tier};
pub use entry::{AttachmentRef, Entry, EntryBytes, EntryDraft};
pub use have::{Gap, Have, Head, Stretch};
pub use id::{AttachmentId, CaseId, CaseNumber, Hash, LogId, PublicKey, Reach, RequestId};
pub use run::Run;
pub use seal::{Receipt, Seal, SigningKey};
pub use time::HybridTime;
pub use voucher::{Voucher, VoucherDraft};

/// Why bytes or text are not what they claim to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A division code is not 12 digits of a known structure.
    #[error("'{0}' is not a 12-digit division code")]
    StationCode(String),
    /// A case number has the wrong length, digits or check digit.
    #[error("'{0}' is not a case number: {1}")]
    CaseNumber(String, &'static str),
    /// A field of a message is missing or out of range.
    #[error("field '{field}' of {message}: {problem}")]
    Field {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Bytes are not a message of the expected type.
    #[error("not a valid {message}")]
    Decode {
        /// The message expected.
        message: &'static str,
        /// The decoder's reason.
        source: prost::DecodeError,
    },
    /// An entry does not follow the one before it.
    #[error("entry {seq} of log {log} does not follow the entry before it")]
    Chain {
        /// The log.
        log: LogId,
        /// Position of the entry that does not fit.
        seq: u64,
    },
    /// A signature does not hold.
    #[error("the {0} has no valid signature")]
    Signature(&'static str),
}

pub(crate) fn field(message: &'static str, field: &'static str, problem: &'static str) -> Error {
    Error::Field { message, field, problem }
}
