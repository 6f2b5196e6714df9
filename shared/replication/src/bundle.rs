//! Bundles: the link's messages in a file, for a station without a line. The file itself (encryption, framing,
//! signatures) is `sanji-link`'s; here is what goes into it.
//!
//! A bundle is one half of a conversation. Writing it, what is known of the receiver answers for it
//! ([`Packing`]); reading it, a [`Session`](crate::Session) hears it like any peer and its answers are dropped,
//! since receipts go into the next bundle the other way. So a bundle has no checks and no order of its own.
//!
//! | module | holds |
//! | --- | --- |
//! | `frame` | [`Frame`], [`Head`], [`Enrolment`]: what stands in a bundle, checked |
//! | `packing` | [`Packing`]: which entries go in; [`LastHave`]: what the receiver says that it holds |
//! | `freight` | [`Freight`]: which attachments go in |

mod frame;
mod freight;
mod packing;

pub use frame::{Enrolment, FORMAT, Frame, Head};
pub use freight::{ATTACHMENTS_MAX, Freight, FreightItem};
pub use packing::{BATCH_BYTES, LastHave, Packing, known_to_hold};

use crate::limits::MESSAGE_MAX_BYTES;

/// Largest encoded frame, in bytes.
pub const FRAME_MAX_BYTES: usize = MESSAGE_MAX_BYTES + 1024;
/// Most requests for attachments in one bundle; what is left over is asked for in the next.
pub const REQUESTS_MAX: usize = 4096;
/// Most branches of forked logs that one bundle asks for.
pub const BRANCHES_ASKED_MAX: usize = 64;
/// Most stretches of damaged entries that one bundle asks for; a session takes no more requests than
/// [`BRANCHES_MAX`](crate::limits::BRANCHES_MAX).
pub const STRETCHES_MAX: usize = 1024;
