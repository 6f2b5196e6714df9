//! The same answers from the data folder of a stopped station. The store's lock makes sure that it is stopped.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::sync::Arc;

use indicatif::ProgressBar;
use sanji_domain::StaffId;
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_store::Store;
use zeroize::Zeroizing;

use super::{Error, chain};
use crate::bundle::Bundles;
use crate::clock::now_ms;
use crate::config::{Config, Program};
use crate::core::Core;
use crate::dump;
use crate::folder::{self, DataFolder};
use crate::keys::Keys;
use crate::run::station_keys;
use crate::service;
use crate::station::Station;
use crate::stores;
use crate::tokens::{Holder, Tokens};

/// Opens the store of a station that is there and stopped.
pub(super) fn open(data: &DataFolder, program: Program) -> Result<Arc<dyn Store>, Error> {
    // Opening would make a store where there is none.
    if !data.holds_station() {
        return Err(folder::Error::Vacant { path: data.path().to_owned(), command: "init` or `enrol" }.into());
    }
    let config = Config::of(data, program)?;
    stores::open(data, &config.store, &mut || false)
        .map_err(|source| Error::Store { operation: "open the store", source })
}

/// Gives every entry to `print`.
pub(super) fn dump(
    data: &DataFolder,
    program: Program,
    print: impl Fn(proto::DumpedEntry) -> Result<(), Error>,
) -> Result<(), Error> {
    let store = open(data, program)?;
    let mut printed = Ok(());
    let read = dump::dump(&*store, &mut |entry| {
        printed = print(entry);
        printed.is_ok()
    });
    printed.and(read.map_err(|source| Error::Store { operation: "read the store", source }))
}

/// Checks the whole store.
pub(super) fn verify(data: &DataFolder, program: Program) -> Result<proto::VerifyReply, Error> {
    let found = open(data, program)?.verify(&mut |_, _| {});
    found.map(dump::verify_reply).map_err(|source| Error::Store { operation: "check the store", source })
}

/// Issues a token; a member of staff must work at this station.
pub(super) fn issue_token(data: &DataFolder, program: Program, holder: Holder) -> Result<Zeroizing<String>, Error> {
    if let Holder::Staff(id) = &holder {
        let keys = Keys::read(data, program.made_by())?;
        let station = keys.membership.station;
        let core = Core::open(open(data, program)?, station_keys(&keys)).map_err(Error::Station)?;
        let reference = core.reader().reference();
        let known = id.parse::<StaffId>().ok().and_then(|id| reference.staff(&id).cloned());
        if !known.is_some_and(|known| known.staff.place == station && !known.inactive) {
            return Err(Error::Input(format!("no '{id}' works at this station")));
        }
    }
    Ok(Tokens::new(data).issue(holder, now_ms())?)
}

/// Writes a bundle into a file, durably.
pub(super) async fn export(
    data: &DataFolder,
    program: Program,
    to: StationCode,
    attachments_max_bytes: Option<u64>,
    path: &Path,
    bar: ProgressBar,
) -> Result<proto::ExportedBundle, Error> {
    let fault = |source| Error::File { operation: "write", path: path.to_owned(), source };
    let file = File::create(path).map_err(fault)?;
    let exported = with_bundles(data, program, move |bundles| {
        let output = BufWriter::new(bar.wrap_write(&file));
        let summary = bundles.export(to, attachments_max_bytes, output);
        bar.finish_and_clear();
        summary.map(|summary| (summary, file))
    });
    let (summary, file) = exported.await?.map_err(|fault| Error::Bundle(chain(&fault)))?;
    file.sync_all().map_err(fault)?;
    Ok(service::bundles::exported(summary))
}

/// Reads a bundle from a file.
pub(super) async fn import(
    data: &DataFolder,
    program: Program,
    path: &Path,
    bar: ProgressBar,
) -> Result<proto::ImportBundleReply, Error> {
    let file = File::open(path).map_err(|source| Error::File { operation: "read", path: path.to_owned(), source })?;
    let (taken, read) = with_bundles(data, program, move |bundles| {
        let read = bundles.import("", bar.wrap_read(BufReader::new(file)));
        bar.finish_and_clear();
        read
    })
    .await?;
    Ok(service::bundles::imported(taken, &read))
}

/// Opens the station without its links and services, and closes it when the work is done.
async fn with_bundles<T: Send + 'static>(
    data: &DataFolder,
    program: Program,
    work: impl FnOnce(Bundles) -> T + Send + 'static,
) -> Result<T, Error> {
    let keys = Keys::read(data, program.made_by())?;
    let station = Station::open(open(data, program)?, station_keys(&keys), program).await.map_err(Error::Station)?;
    let bundles = Bundles::new(station.clone(), keys.identity, data.clone());
    let done = tokio::task::spawn_blocking(move || work(bundles)).await;
    station.close().await;
    done.map_err(|_| Error::Bundle("the work broke off".to_owned()))
}
