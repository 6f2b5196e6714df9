//! The books are balanced at the end of a workload: what was written at the villages, and nothing else, is held at
//! every station above them, entry by entry.

use std::collections::BTreeMap;

use sanji_log::{Hash, LogId, StationCode};
use sanji_station::config::{Config, Program};
use sanji_station::dump::dump;
use sanji_station::folder::DataFolder;
use sanji_station::stores;

use crate::Error;
use crate::district::District;

/// How many entries of a kind all villages together must have written, by the kind's name.
pub type Expected = BTreeMap<&'static str, usize>;

/// Private entries of one home, as one store holds them. That the hash of a head is the same says that all entries
/// before it are: each names the hash of the one before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Book {
    heads: BTreeMap<LogId, (u64, Hash)>,
    kinds: BTreeMap<String, usize>,
}

/// Compares the stores of stopped stations: the villages' own, and those above.
///
/// # Errors
/// [`Error::Lost`] where an entry is missing, doubled or another; [`Error::Store`] where a store can't be read.
pub fn compare(district: &District, villages: &[StationCode], expected: &Expected) -> Result<(), Error> {
    let mut above = vec![(district.plan.hub, books(district, district.plan.hub)?)];
    let townships = district.plan.townships.iter().filter(|township| district.has_run(**township));
    for township in townships {
        above.push((*township, books(district, *township)?));
    }
    let mut written: BTreeMap<String, usize> = BTreeMap::new();
    for village in villages {
        let own = books(district, *village)?.remove(village).unwrap_or_default();
        for (station, books) in above.iter().filter(|(station, _)| village.within(*station)) {
            let book = books.get(village).cloned().unwrap_or_default();
            if book != own {
                let (here, there) = (&book.kinds, &own.kinds);
                return Err(Error::Lost(format!("{station} holds {here:?} of {village}, which holds {there:?}")));
            }
        }
        for (kind, count) in own.kinds {
            *written.entry(kind).or_default() += count;
        }
    }
    for (kind, wanted) in expected {
        let found = written.get(*kind).copied().unwrap_or(0);
        if found != *wanted {
            return Err(Error::Lost(format!("{wanted} entries of kind {kind} were written, {found} are held")));
        }
    }
    Ok(())
}

/// What a stopped station holds, by home; every entry is read.
fn books(district: &District, station: StationCode) -> Result<BTreeMap<StationCode, Book>, Error> {
    let fault = |source| Error::Store { station: station.to_string(), source };
    let data = DataFolder::new(district.data(station));
    let program = if station == district.plan.hub { Program::Hub } else { Program::Node };
    let config = Config::of(&data, program).map_err(|fault| Error::Sample(fault.to_string()))?;
    let store = stores::open(&data, &config.store, &mut || false).map_err(fault)?;
    let mut books: BTreeMap<StationCode, Book> = BTreeMap::new();
    for head in store.have().heads() {
        books.entry(head.log.home).or_default().heads.insert(head.log, (head.seq, head.hash));
    }
    let mut count = |entry: sanji_proto::v1::DumpedEntry| {
        let home = entry.log.and_then(|log| StationCode::from_number(log.home).ok());
        if let Some(book) = home.and_then(|home| books.get_mut(&home)) {
            *book.kinds.entry(entry.kind).or_default() += 1;
        }
        true
    };
    dump(&*store, &mut count).map_err(fault)?;
    Ok(books)
}
