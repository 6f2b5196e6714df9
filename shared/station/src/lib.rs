//! One running station: its state, its commit path, its people, its service and its command line. A hub's and
//! a node's station are the same; what only a hub does is in `hub/`.
//!
//! | module | holds |
//! | --- | --- |
//! | [`accounts`] | passwords, sessions, lockout |
//! | [`config`] | the TOML file of a station |
//! | [`folder`] | what lies where in a data folder |
//! | [`telemetry`] | logging, panic hook |
//! | [`tokens`] | tokens of programs on this machine |
//!
//! Not here: rules of cases (`sanji-domain`), what a session on a link does (`sanji-replication`), pages
//! (`sanji-desk`).

pub mod accounts;
pub mod config;
pub mod folder;
pub mod telemetry;
pub mod tokens;
