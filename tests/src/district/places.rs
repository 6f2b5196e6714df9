//! Stations on hosts of their own: everything that is done at a station happens on its host.

use std::ffi::OsStr;
use std::net::IpAddr;

use sanji_log::StationCode;

use super::District;
use crate::namespace::Host;
use crate::{Error, command};

impl District {
    /// Puts a station on a host, where others reach it at `address`. Before it is started for the first time.
    pub fn place(&mut self, station: StationCode, host: Host, address: IpAddr) {
        self.hosts.insert(station, (host, address));
    }

    /// Does something where a station is.
    ///
    /// # Errors
    /// Those of what is done; [`Error::Io`] where the host is gone.
    pub fn at<T: Send>(
        &self,
        station: StationCode,
        work: impl FnOnce() -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        match self.hosts.get(&station) {
            Some((host, _)) => host.run(work)?,
            None => work(),
        }
    }

    /// Runs a command of a station's program where the station is; what it prints.
    ///
    /// # Errors
    /// [`Error::Command`] where it ends with another status than 0.
    pub fn run<I, S>(&self, station: StationCode, arguments: I) -> Result<String, Error>
    where
        I: IntoIterator<Item = S> + Send,
        S: AsRef<OsStr>,
    {
        let program = self.program(station);
        self.at(station, || command::run(program, arguments))
    }

    /// As [`District::run`], for commands that print one JSON value.
    ///
    /// # Errors
    /// As there; [`Error::Json`].
    pub fn run_json<I, S>(&self, station: StationCode, arguments: I) -> Result<serde_json::Value, Error>
    where
        I: IntoIterator<Item = S> + Send,
        S: AsRef<OsStr>,
    {
        let program = self.program(station);
        self.at(station, || command::run_json(program, arguments))
    }
}
