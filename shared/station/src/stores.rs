//! Which store a station has: journal and index in its data folder, or, for a hub, tables in PostgreSQL; and moving the
//! records from one to the other.
//!
//! Only one of two stores may go on, or the station's logs would part. So what was moved says so where it was, and is not
//! opened any more; and a database without records is not taken for a hub's.

use std::sync::Arc;

use sanji_store::copy::{Copied, copy};
use sanji_store::{DiskStore, Error, Store};

use crate::config::StoreConfig;
use crate::folder::DataFolder;

/// Opens the store of a station, and locks it. Where it is a database into which another hub process writes, `may_wait`
/// is asked again and again: while it says yes, this one waits to take over.
///
/// # Errors
/// Those of the store; [`Error::Moved`] where the records are elsewhere; [`Error::Database`] where the database has none.
pub fn open(
    data: &DataFolder,
    config: &StoreConfig,
    may_wait: &mut dyn FnMut() -> bool,
) -> Result<Arc<dyn Store>, Error> {
    let store = open_any(data, config, may_wait)?;
    if !config.is_folder() && store.have().0.is_empty() {
        return Err(unfit("it has no records: `sanji-hub store move` brings them there"));
    }
    Ok(store)
}

/// Moves all records of a stopped station from one store to another, which must be empty. `progress` hears of the entries
/// moved and of all. What was there stays there, and is not opened any more.
///
/// # Errors
/// Those of both stores.
pub fn move_records(
    data: &DataFolder,
    from: &StoreConfig,
    to: &StoreConfig,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Copied, Error> {
    if from == to {
        return Err(Error::Invalid { what: "the records are there already" });
    }
    let never = &mut || false;
    let source = open(data, from, never)?;
    let target = open_any(data, to, never)?;
    let copied = copy(&*source, &*target, progress)?;
    source.mark_moved(to.place())?;
    Ok(copied)
}

fn open_any(
    data: &DataFolder,
    config: &StoreConfig,
    may_wait: &mut dyn FnMut() -> bool,
) -> Result<Arc<dyn Store>, Error> {
    if config.is_folder() {
        return Ok(Arc::new(DiskStore::open(data.path(), sanji_store::Options::default())?));
    }
    open_database(config, may_wait)
}

#[cfg(feature = "postgres")]
fn open_database(config: &StoreConfig, may_wait: &mut dyn FnMut() -> bool) -> Result<Arc<dyn Store>, Error> {
    use sanji_store::postgres::{Options, PostgresStore};

    let authority = Some(config.authority.clone()).filter(|path| !path.as_os_str().is_empty());
    let options = Options { url: config.database.clone(), authority };
    Ok(Arc::new(PostgresStore::open(&options, may_wait)?))
}

#[cfg(not(feature = "postgres"))]
fn open_database(_: &StoreConfig, _: &mut dyn FnMut() -> bool) -> Result<Arc<dyn Store>, Error> {
    Err(unfit("this program is made without PostgreSQL"))
}

fn unfit(why: &str) -> Error {
    Error::Database { operation: "use the database", source: why.into() }
}
