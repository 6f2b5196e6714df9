//! The web desk of a station: pages for village agents, township windows and district departments, and on the
//! hub the pages for everybody.
//!
//! A handler parses, calls the station and renders; it knows no rule and no query. Every page works without
//! script. Each file is one screen, with a template of the same name in `templates/`.
//!
//! | module | holds |
//! | --- | --- |
//! | `server` | the listener: timeouts, connection limit, graceful stop |
//! | `routes` | every address, and whom it is for |
//! | `guard`, `headers`, `problem` | sessions and form tokens, headers, errors as pages |
//! | `office`, `exchange`, `oversight`, `records` | what the desk asks of a station, bundles, supervision, records |
//! | `administration_office` | what the hub's desk asks of the register of stations |
//! | `standing`, `condition` | how a station stands and what it says of itself, in plain words |
//! | `incoming` | a file that is taken as it comes |
//! | `refusals` | what a bundle brought and was not taken, in plain words |
//! | `first` | the page of a machine that is no station yet |
//! | `login`, `home`, `items`, `apply`, `case`, `paper`, `public` … | the screens |
//!
//! Not here: rights and rules (`sanji-domain`), sessions and passwords (`sanji-station`).

mod act;
mod administration;
mod administration_office;
mod agency;
mod alerts;
mod apply;
mod assets;
mod attachment;
mod bundles;
mod case;
mod case_actions;
mod case_file;
mod condition;
mod deadlines;
mod exchange;
mod fees;
mod first;
mod flow;
mod form;
mod frame;
mod guard;
mod headers;
mod home;
mod incoming;
mod items;
mod ledgers;
mod login;
mod materials;
mod matter_form;
mod matter_more;
mod matter_office;
mod matter_public;
mod matters;
mod office;
mod oversight;
mod paper;
mod people;
mod people_office;
mod person;
mod problem;
mod public;
mod quarantine;
mod records;
mod refusals;
mod routes;
mod server;
mod staff_requests;
mod standing;
mod state;
mod station;
mod supervision;
#[cfg(test)]
mod tests;
mod ticks;
mod vouchers;
mod words;

use std::sync::Arc;

pub use administration_office::Administration;
pub use first::{Enrolled, Enrolling, Hindrance, Request as EnrolmentRequest, SoFar, Upload, serve_first};
pub use server::serve;

/// What a desk may be told.
#[derive(Debug, Clone, Default)]
pub struct DeskOptions {
    /// Whether the pages for everybody are served (the hub), and not only the desk.
    pub public_pages: bool,
    /// Address of the district's public pages, for the codes on papers: `https://hub.example`. Empty: not known here.
    pub public_address: String,
    /// Whether cookies travel over HTTPS only: true behind a TLS proxy, false on plain HTTP in the office.
    pub secure_cookies: bool,
    /// The register of stations, at the hub alone.
    pub administration: Option<Arc<dyn Administration>>,
}

/// Why a desk can't run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system gives no random bytes.
    #[error("could not draw the secret for form tokens: {0}")]
    Randomness(getrandom::Error),
}
