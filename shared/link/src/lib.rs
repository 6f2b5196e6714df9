//! I/O: the link between a child station and its parent, and how a station becomes part of the district.
//!
//! | module | holds |
//! | --- | --- |
//! | [`authority`] | [`Authority`]: the district's certificates; the key of a certificate is the station's signing key |
//! | [`certificate`] | [`check_certificate`]: what a certificate says |
//! | [`trust`] | [`Identity`], [`Trust`]: who this station is, whom it believes; changeable while links are open |
//! | [`host`] | [`Host`]: what a link asks of the running station |
//! | [`accept()`], [`dial()`] | the parent and the child: streams, limits, reconnecting |
//! | `pump` | the one place where the session's actions become I/O |
//! | `attachments` | fetching and handing out chunks beside the entries |
//! | [`bundle`] | the link's messages in a file, for a station without a line |
//! | [`enrolment`] | one-time code, [`enrol`] (the new station), [`serve_enrolment`] (the hub) |
//!
//! Not here: what to send and what to believe of a peer's entries (`sanji-replication`), where entries are kept
//! and what they mean (`sanji-store`, `sanji-domain`; the running station brings them in as a [`Host`]).

mod accept;
mod attachments;
pub mod authority;
pub mod bundle;
pub mod certificate;
mod connect;
mod dial;
pub mod enrolment;
mod error;
pub mod host;
pub mod letter;
mod listener;
mod pump;
mod tls;
pub mod trust;

pub use accept::accept;
pub use authority::{Authority, VALID_DAYS};
pub use certificate::{Certified, check_certificate, server_name};
pub use dial::{Detour, dial, dial_with_detour};
pub use enrolment::{
    CheckedEnrolRequest, EnrolReply, Enroller, EnrolmentCode, Invitation, Refusal as EnrolRefusal, enrol,
    serve_enrolment,
};
pub use error::{Distrust, Error, Flaw, Obstacle, Result};
pub use host::{
    AttachmentState, BoxFuture, Change, ChunkAnswer, Holders, Host, HostError, LinkState, StoreOutcome,
    WantedAttachment,
};
pub use listener::AcceptLimits;
pub use tokio_util::sync::CancellationToken;
pub use trust::{Identity, Trust};
