//! A generated year of a whole district: the sample's stations and staff, seasons, market days, absences, late people
//! and dead lines, all from one seed.
//!
//! | module | holds |
//! | --- | --- |
//! | [`district`] | the stations: the hub on disk, the others in memory, and the lines between them |
//! | [`demand`] | who applies for what, where, on which day |
//! | [`people`] | who acts, and how soon |
//! | [`act`] | what they do, in the words of the case service |
//! | [`play`] | the year, event by event |
//!
//! The entries are made by the station's own commit path: decide → encrypt → seal → store; what a station sends is
//! verified, stored and receipted as on a link. What is left out are sockets, TLS and the processes of 237 nodes. The
//! hub's data folder is a real one: `sanji-hub serve` runs it.

pub mod act;
pub mod demand;
pub mod district;
pub mod people;
pub mod play;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::Error;

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Order {
    /// Empty folder for the hub's data.
    pub data: PathBuf,
    /// The district's files.
    pub sample: PathBuf,
    /// About so many cases.
    pub cases: u32,
    /// First day on which somebody applies.
    pub from: Date,
    /// Last day on which anything happens.
    pub until: Date,
    /// The same seed gives the same year, but for keys and nonces.
    pub seed: u64,
}

/// What was made.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Made {
    /// Cases that were opened.
    pub cases: u32,
    /// Entries that the hub holds.
    pub entries: u64,
    /// Applications and actions that a rule refused, by code: people try what is not allowed, and are told so.
    pub refused: BTreeMap<String, u32>,
    /// Cases that wait for an action that nobody here knows how to take, by its stage. Empty unless the year has fallen
    /// behind the rules.
    pub stuck: BTreeMap<String, u32>,
    /// Actions taken, by name.
    pub actions: BTreeMap<String, u32>,
    /// Days on which a line was dead, over all stations.
    pub dead_line_days: u32,
    /// Of making it.
    pub seconds: f64,
    /// Size of the hub's data folder.
    pub hub_bytes: u64,
    /// Most memory that this process had, with the stores of all nodes.
    pub memory_bytes: u64,
}

/// Makes a year. `tell` hears of each day.
///
/// # Errors
/// Where a file of the district or the folder can't be used, or a station fails.
pub fn make(order: &Order, tell: &mut dyn FnMut(Date, &Made)) -> Result<Made, Error> {
    let began = std::time::Instant::now();
    let district = district::District::found(order)?;
    let mut made = play::Play::new(order, district)?.run(tell)?;
    made.seconds = began.elapsed().as_secs_f64();
    made.hub_bytes = size_of(&order.data)?;
    Ok(made)
}

fn size_of(folder: &Path) -> Result<u64, Error> {
    let io = |source| Error::Io { operation: "measure the hub's folder", source };
    let mut bytes = 0;
    for file in std::fs::read_dir(folder).map_err(io)? {
        let file = file.map_err(io)?;
        let about = file.metadata().map_err(io)?;
        bytes += if about.is_dir() { size_of(&file.path())? } else { about.len() };
    }
    Ok(bytes)
}
