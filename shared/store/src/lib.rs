//! The store of a station: where its logs, case keys, receipts and attachments are kept, and the index that
//! is derived from them.
//!
//! | module | holds |
//! | --- | --- |
//! | [`contract`] | [`Store`], the trait that every engine fulfils, and the values it speaks |
//! | [`bounds`] | how large the parts of a commit may be |
//! | [`memory`] | the engine of tests and of the simulator |
//! | `journal` | segments of framed, checksummed records: the truth on disk; `record` says what a frame carries |
//! | `index` | sled: what can be derived from the journal, deleted and rebuilt |
//! | [`disk`] | journal and index together: the engine of a running station |
//! | `postgres` | a hub's store in PostgreSQL, which a second process can take over (feature `postgres`) |
//! | [`mod@copy`] | a store into another of any engine |
//! | `attachments` | content-addressed files |
//! | [`files`] | the few file operations that journal and attachments need, so that tests can put a failing disk in their place |
//! | `conformance` | one suite of checks that every engine passes (feature `conformance`) |
//!
//! Not here: what entries mean. The index rows and snapshots that a commit carries are opaque bytes which
//! the station computes and can compute again.

mod attachments;
pub mod bounds;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod contract;
pub mod copy;
pub mod disk;
pub mod files;
mod index;
mod journal;
pub mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
mod receipts;
mod record;

pub use contract::{
    AttachmentState, CaseEntry, CaseSnapshot, Commit, DiskRoom, DurableFile, Error, Extension, Faults, Halt, HeldKey,
    HeldSnapshot, Projection, Replay, Row, Show, Store, Upload, Visit, WrappedKey,
};
pub use disk::{DiskStore, Options};
pub use index::contains_panics;
pub use memory::MemoryStore;
