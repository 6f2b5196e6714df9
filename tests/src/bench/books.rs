//! The books are balanced at the end of a workload: what was written at the villages, and nothing else, is held at
//! every station above them, entry by entry.

use std::collections::BTreeMap;

use sanji_log::{Hash, LogId, StationCode};
use sanji_station::dump::dump;
use sanji_store::{DiskStore, Store};

use crate::Error;
use crate::district::District;

/// How many entries of a kind all villages together must have written, by the kind's name.
pub type Expected = BTreeMap<&'static str, usize>;

/// Entries of some homes, as one store holds them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Book {
    heads: BTreeMap<LogId, (u64, Hash)>,
    kinds: BTreeMap<String, usize>,
}

/// Compares the stores of stopped stations: the villages' own, and those above.
///
/// # Errors
/// [`Error::Lost`] where an entry is missing, doubled or another; [`Error::Store`] where a store can't be read.
pub fn compare(district: &District, villages: &[StationCode], expected: &Expected) -> Result<(), Error> {
    let mut written: BTreeMap<String, usize> = BTreeMap::new();
    let hub = Shelf::open(district, district.plan.hub)?;
    let mut townships: BTreeMap<StationCode, Shelf> = BTreeMap::new();
    for village in villages {
        let own = Shelf::open(district, *village)?.book(*village)?;
        let mut above = vec![(district.plan.hub, hub.book(*village)?)];
        if let Some(township) = village.parent().filter(|parent| *parent != district.plan.hub) {
            let shelf = match townships.entry(township) {
                std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
                std::collections::btree_map::Entry::Vacant(fresh) => fresh.insert(Shelf::open(district, township)?),
            };
            above.push((township, shelf.book(*village)?));
        }
        for (station, book) in above {
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

struct Shelf {
    station: StationCode,
    store: DiskStore,
}

impl Shelf {
    fn open(district: &District, station: StationCode) -> Result<Self, Error> {
        let opened = DiskStore::open(&district.data(station), sanji_store::Options::default());
        let store = opened.map_err(|source| Error::Store { station: station.to_string(), source })?;
        Ok(Self { station, store })
    }

    /// Private entries of one home, every one read. That the hash of a head is the same says that all entries
    /// before it are: each names the hash of the one before.
    fn book(&self, home: StationCode) -> Result<Book, Error> {
        let mut book = Book::default();
        for head in self.store.have().heads().filter(|head| head.log.home == home) {
            book.heads.insert(head.log, (head.seq, head.hash));
        }
        let mut count = |entry: sanji_proto::v1::DumpedEntry| {
            if entry.log.is_some_and(|log| log.home == home.number()) {
                *book.kinds.entry(entry.kind).or_default() += 1;
            }
            true
        };
        dump(&self.store, &mut count).map_err(|source| Error::Store { station: self.station.to_string(), source })?;
        Ok(book)
    }
}
