//! One running station: its state, its commit path, its people, its service and its command line. A hub's and
//! a node's station are the same; what only a hub does is in `hub/`.
//!
//! | module | holds |
//! | --- | --- |
//! | [`core`] | the state and the only place where entries are made: decide → seal → store |
//! | [`vault`] | keys, and everything that is encrypted |
//! | [`station`] | [`Station`]: the handle for desk, services and links |
//! | `committer`, `news`, `watch` | the thread that writes, and who is told of what it wrote |
//! | `lag` | when the index is told of it |
//! | [`pending`] | attachments that wait for their command |
//! | [`views`] | what people see: cases, work lists, the public query |
//! | [`records`] | ledgers, vouchers, case files, exchange |
//! | `host`, [`bundle`] | what links ask of the station; bundles beside them |
//! | [`supervision`] | electronic supervision: board, alerts, orders, ranking |
//! | [`accounts`] | passwords, sessions, lockout |
//! | [`service`], [`tokens`] | the case service for programs on this machine, and their tokens |
//! | [`run`] | a station's parts as a program puts them together; start and stop |
//! | [`command`] | the command line that hub and node share |
//! | [`config`] | the TOML file of a station |
//! | [`folder`], [`keys`], [`addresses`] | what lies where in a data folder |
//! | [`stores`] | where the records are: data folder or database, and moving them |
//! | [`backup`] | a consistent copy of a station in one file, and its restoration |
//! | [`healing`] | a new life hears its neighbours before it writes |
//! | [`metrics`], [`telemetry`], [`dump`] | how the station is; logging, panic hook; what it holds |
//! | `recovery` | after a full disk, a failed write, or damaged entries |
//! | [`timers`] | what is due by itself: deemed acceptance, tacit answers and approvals |
//! | `follow`, [`clock`] | the directory's word about keys, applied; the wall clock |
//!
//! Not here: rules of cases (`sanji-domain`), what a session on a link does (`sanji-replication`), pages
//! (`sanji-desk`).

pub mod accounts;
pub mod addresses;
pub mod backup;
pub mod bundle;
pub mod clock;
pub mod command;
mod committer;
mod compression;
pub mod config;
pub mod core;
pub mod dump;
mod error;
pub mod folder;
mod follow;
pub mod healing;
mod host;
pub mod keys;
mod lag;
pub mod metrics;
mod news;
pub mod pending;
pub mod records;
mod recovery;
pub mod run;
pub mod service;
pub mod station;
pub mod stores;
pub mod supervision;
pub mod telemetry;
pub mod timers;
pub mod tokens;
pub mod vault;
pub mod views;
mod watch;

pub use error::{Error, Failure};
pub use station::{Actor, Station};
