//! The same answers from the data folder of a stopped station. The store's lock makes sure that it is stopped.

use std::sync::Arc;

use sanji_domain::StaffId;
use sanji_proto::v1 as proto;
use sanji_store::{DiskStore, Store as _};
use zeroize::Zeroizing;

use super::Error;
use crate::clock::now_ms;
use crate::config::Program;
use crate::core::Core;
use crate::dump;
use crate::folder::{self, DataFolder};
use crate::keys::Keys;
use crate::run::station_keys;
use crate::tokens::{Holder, Tokens};

/// Opens the store of a station that is there and stopped.
pub(super) fn open(data: &DataFolder) -> Result<DiskStore, Error> {
    // Opening would make a store where there is none.
    if !data.holds_station() {
        return Err(folder::Error::Vacant { path: data.path().to_owned(), command: "init` or `enrol" }.into());
    }
    DiskStore::open(data.path(), sanji_store::Options::default())
        .map_err(|source| Error::Store { operation: "open the store", source })
}

/// Gives every entry to `print`.
pub(super) fn dump(data: &DataFolder, print: impl Fn(proto::DumpedEntry) -> Result<(), Error>) -> Result<(), Error> {
    let store = open(data)?;
    let mut printed = Ok(());
    let read = dump::dump(&store, &mut |entry| {
        printed = print(entry);
        printed.is_ok()
    });
    printed.and(read.map_err(|source| Error::Store { operation: "read the store", source }))
}

/// Checks the whole store.
pub(super) fn verify(data: &DataFolder) -> Result<proto::VerifyReply, Error> {
    let found = open(data)?.verify(&mut |_, _| {});
    found.map(dump::verify_reply).map_err(|source| Error::Store { operation: "check the store", source })
}

/// Issues a token; a member of staff must work at this station.
pub(super) fn issue_token(data: &DataFolder, program: Program, holder: Holder) -> Result<Zeroizing<String>, Error> {
    if let Holder::Staff(id) = &holder {
        let keys = Keys::read(data, program.made_by())?;
        let station = keys.membership.station;
        let core = Core::open(Arc::new(open(data)?), station_keys(&keys)).map_err(Error::Station)?;
        let reference = core.reader().reference();
        let known = id.parse::<StaffId>().ok().and_then(|id| reference.staff(&id).cloned());
        if !known.is_some_and(|known| known.staff.place == station && !known.inactive) {
            return Err(Error::Input(format!("no '{id}' works at this station")));
        }
    }
    Ok(Tokens::new(data).issue(holder, now_ms())?)
}
