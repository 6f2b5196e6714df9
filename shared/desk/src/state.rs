//! What handlers share.

use std::sync::Arc;

use sanji_log::StationCode;

use crate::exchange::Exchange;
use crate::office::Office;
use crate::{DeskOptions, Error};

/// The desk of one station. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

struct Inner {
    office: Box<dyn Office>,
    exchange: Box<dyn Exchange>,
    options: DeskOptions,
    station: StationCode,
    /// Of this process only: forms rendered before a restart must be opened again.
    form_secret: [u8; 32],
}

impl Desk {
    pub(crate) fn new(
        office: Box<dyn Office>,
        exchange: Box<dyn Exchange>,
        options: DeskOptions,
    ) -> Result<Self, Error> {
        let mut form_secret = [0; 32];
        getrandom::fill(&mut form_secret).map_err(Error::Randomness)?;
        let station = office.info().code;
        Ok(Self(Arc::new(Inner { office, exchange, options, station, form_secret })))
    }

    pub(crate) fn office(&self) -> &dyn Office {
        &*self.0.office
    }

    pub(crate) fn exchange(&self) -> &dyn Exchange {
        &*self.0.exchange
    }

    pub(crate) fn options(&self) -> &DeskOptions {
        &self.0.options
    }

    pub(crate) fn station(&self) -> StationCode {
        self.0.station
    }

    pub(crate) fn form_secret(&self) -> &[u8; 32] {
        &self.0.form_secret
    }

    /// Named by the station: browsers send a cookie to every port of a host, and one machine may run several
    /// stations.
    pub(crate) fn session_cookie(&self) -> String {
        format!("{}sanji-session-{}", self.cookie_prefix(), self.0.station)
    }

    pub(crate) fn visitor_cookie(&self) -> String {
        format!("{}sanji-visitor-{}", self.cookie_prefix(), self.0.station)
    }

    /// `__Host-` makes a browser insist on HTTPS and on this very host.
    fn cookie_prefix(&self) -> &'static str {
        if self.0.options.secure_cookies { "__Host-" } else { "" }
    }
}
