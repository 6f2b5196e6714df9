//! Where a running station listens: `run/address.json` in its data folder, and the line that `serve --json`
//! prints when it is ready.

use std::net::SocketAddr;

use sanji_log::StationCode;
use serde::{Deserialize, Serialize};

use crate::folder::{self, DataFolder, Error};

/// The addresses of one run of a station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// The station.
    pub station: StationCode,
    /// Links of stations below; none at a village.
    pub link: Option<SocketAddr>,
    /// Enrolment; none but at a hub.
    pub enrolment: Option<SocketAddr>,
    /// The web desk.
    pub desk: SocketAddr,
    /// The case service.
    pub api: SocketAddr,
    /// `/metrics` and `/readyz`.
    pub metrics: SocketAddr,
}

/// Says where the station listens.
///
/// # Errors
/// [`Error::Io`].
pub fn write(data: &DataFolder, addresses: &Addresses) -> Result<(), Error> {
    let path = data.address_file();
    let json = serde_json::to_vec(addresses)
        .map_err(|fault| Error::Damaged { path: path.clone(), problem: fault.to_string() })?;
    folder::replace(&path, &json)
}

/// Where the station listens, or did when it was killed; none where it is stopped.
///
/// # Errors
/// [`Error::Io`], [`Error::Damaged`].
pub fn read(data: &DataFolder) -> Result<Option<Addresses>, Error> {
    let path = data.address_file();
    let parse = |bytes: Vec<u8>| {
        serde_json::from_slice(&bytes)
            .map_err(|fault| Error::Damaged { path: path.clone(), problem: fault.to_string() })
    };
    folder::read(&path)?.map(parse).transpose()
}

/// The station listens no more.
///
/// # Errors
/// [`Error::Io`].
pub fn clear(data: &DataFolder) -> Result<(), Error> {
    folder::remove(&data.address_file()).map(|_| ())
}
