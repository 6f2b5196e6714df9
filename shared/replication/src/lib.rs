//! Pure: what two stations say to each other over a link.
//!
//! | module | holds |
//! | --- | --- |
//! | [`message`] | [`Message`]: the messages of the link, checked |
//! | [`limits`] | every bound of the link |
//! | [`directory`] | [`Directory`]: which key belongs to which station |
//! | [`condition`] | [`StationCondition`]: how a station is, by its own word |
//! | [`verify`] | what is checked of a run before it counts |
//! | [`attachment`] | [`attachment::Fetcher`]: which chunks to ask for next, what is checked of them |
//! | [`bundle`] | what goes into a file for a station without a line |
//! | [`session`] | [`Session`]: the state machine, `on(event, now) -> actions` |
//!
//! Not here: streams, timers, disks (`sanji-link` carries the actions out), what entries mean
//! (`sanji-domain`), where they are kept (`sanji-store`). No clock and no randomness: equal input gives
//! equal output.

pub mod attachment;
pub mod bundle;
pub mod condition;
pub mod directory;
pub mod limits;
pub mod message;
pub mod session;
pub mod verify;

pub use condition::StationCondition;
pub use directory::{Directory, KeyRecord, Rest};
pub use message::{Ack, CaseKeyMessage, Entries, Goodbye, Hello, Message, RefusalReason, Refused};
pub use session::{Action, Event, Session, Settings, VerifiedRun};

/// Why a message of a peer is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The message has no content, or one that a later release has added.
    #[error("a message of the link without a known content")]
    Empty,
    /// A field is missing or out of range.
    #[error("field '{field}' of {message} {problem}")]
    Field {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A value inside the message is wrong.
    #[error("a value in {message} is wrong")]
    Log {
        /// The message.
        message: &'static str,
        /// Which value and why.
        source: sanji_log::Error,
    },
}

pub(crate) fn field(message: &'static str, field: &'static str, problem: &'static str) -> Error {
    Error::Field { message, field, problem }
}
