//! Stations that a person enrols on the first page, in a browser.

use sanji_log::StationCode;

use super::District;
use crate::Error;
use crate::process::Unenrolled;

impl District {
    /// A one-time code for a new station.
    ///
    /// # Errors
    /// Those of the hub's command.
    pub fn code_for(&self, station: StationCode) -> Result<String, Error> {
        self.code(station, &["station", "add"])
    }

    /// The program of a station, serving its first page. `desk`: where its desk shall be.
    ///
    /// # Errors
    /// [`Error::NotReady`].
    pub fn serve_unenrolled(&self, station: StationCode, desk: &str) -> Result<Unenrolled, Error> {
        let others = ["--listen-api", "--listen-metrics", "--listen-link"].map(|name| [name, "127.0.0.1:0"]);
        let extra = [&["--listen-desk", desk], others.as_flattened()].concat();
        let log = self.folder.join(format!("{station}.log"));
        Unenrolled::start(self.program(station), station, &self.data(station), &extra, log)
    }

    /// Waits until what was enrolled on its first page is a running station of the district.
    ///
    /// # Errors
    /// [`Error::NotReady`].
    pub fn enrolled(&mut self, station: Unenrolled) -> Result<(), Error> {
        let process = station.ready()?;
        self.admit([process])
    }
}
