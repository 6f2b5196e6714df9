//! Electronic supervision (电子监察): what goes wrong with a case, who answers for it, and how offices compare.
//! Pure: everything here is a function of the case's entries, the district's data and a day. Nothing is stored but
//! what people say about an alert, so a replay gives the same alerts on every station.
//!
//! | module | holds |
//! | --- | --- |
//! | [`rule`], [`condition`] | the rules, as a published file: kind, level, condition, points |
//! | [`mod@course`] | how a case went: who had it in which stage, from when to when |
//! | `run` | a limit that runs, and the levels that it reaches |
//! | `watch`, `limits`, `procedure`, `charges` | which rules a case touches |
//! | [`alert`] | an alert, what was said about it, and whether it is answered |
//! | [`division`] | how a delay divides among person, office, applicant, procedure, line and the rest |
//! | [`say`] | answering, appealing, revoking; orders on a case and their answers |
//! | [`mod@responsibility`] | who is responsible for a case that ran over |
//! | [`mod@digest`], [`mod@ranking`] | a case in short, and offices and people compared by it |
//!
//! An alert is known by its [`AlertKey`]: rule, stage and which time it happened there. It keeps it while its level
//! rises, and whatever the order in which entries came.

pub mod alert;
mod charges;
pub mod condition;
pub mod course;
pub mod digest;
pub mod division;
mod limits;
mod procedure;
pub mod ranking;
pub mod responsibility;
pub mod rule;
mod run;
pub mod say;
mod watch;

pub use alert::{Alert, AlertKey, AlertState, Order, Said, Saying, orders};
pub use course::{Arrivals, Office, Person, Visit, course};
pub use digest::{AlertDigest, Digest, OpenDigest, OrderDigest, PartDigest, Turn, digest};
pub use division::{Cause, Charge, Division};
pub use ranking::{Contribution, Period, Row, Subject, contributions, rank};
pub use responsibility::{Held, Responsibility, responsibility};
pub use rule::{Level, Rule, Rules, WatchKind};
pub use watch::alerts;
