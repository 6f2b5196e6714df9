//! The hub from its backup, or on a database that was brought back from one: a new life that the district's authority,
//! which is in the backup, certifies itself.
//!
//! The new key has new logs, so no sequence number is used twice. What the former life wrote after the backup is held
//! by the stations below and comes back from them; until then the hub decides nothing. The directory learns of the
//! new key from the first entry of its log, which carries its certificate, and of the former key's end from the next.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use sanji_link::{Authority, Identity, VALID_DAYS};
use sanji_log::StationCode;
use sanji_log::seal::public_key;
use sanji_proto::v1::{self as proto, station_record::Record};
use sanji_station::clock::now_ms;
use sanji_station::command::{Output, backups};
use sanji_station::config::{Config, Program};
use sanji_station::core::Core;
use sanji_station::folder::{self, DataFolder};
use sanji_station::healing;
use sanji_station::keys::{self, Keys, Membership};
use sanji_station::run::station_keys;
use sanji_station::stores;

use crate::codes::Codes;
use crate::error::Error;
use crate::register::{directory_entry, ending};

/// Restore the hub from a backup into an empty folder
///
/// The hub gets a new key. It takes submissions and administers once it has heard the stations just below it in
/// full; `sanji-hub healing` shows which. Where the backup knows of none, it waits for a first one, which names the
/// others; `sanji-hub healing --end` goes on without. One-time codes that were open are void.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sanji-hub restore --file hub.backup --identity key.txt --data hub")]
pub(crate) struct Arguments {
    /// The backup.
    #[arg(long)]
    file: PathBuf,
    /// Data folder, which must be empty.
    #[arg(long, value_name = "DIR", env = "SANJI_DATA")]
    data: PathBuf,
    #[command(flatten)]
    opener: backups::OpenerArguments,
    #[command(flatten)]
    output: Output,
}

/// Restores the hub.
pub(crate) async fn restore(arguments: Arguments) -> Result<(), Error> {
    // Decrypting and syncing block for long.
    let made = tokio::task::spawn_blocking(move || begin(&arguments));
    made.await.unwrap_or_else(|_| Err(Error::Input("restore was interrupted".to_owned())))
}

fn begin(arguments: &Arguments) -> Result<(), Error> {
    let data = DataFolder::new(&arguments.data);
    let manifest = backups::restore(&arguments.file, &arguments.opener, &data, Program::Hub)?;
    begin_life(&data)?;
    let told = backups::told(&manifest);
    Ok(arguments.output.print(&told, |_| format!("{}\n{}", backups::restored(&manifest), next(&data)))?)
}

/// What a person does then.
pub(crate) fn next(data: &DataFolder) -> String {
    format!("it goes on once the stations below were heard: sanji-hub serve --data {}", data.path().display())
}

/// Begins a new life of the hub on the records that are there, with all keys of the former but its signing key.
pub(crate) fn begin_life(data: &DataFolder) -> Result<StationCode, Error> {
    let missing = |path: PathBuf| folder::Error::Damaged { path, problem: "it is missing or not text".to_owned() };
    let membership = keys::membership(data)?.ok_or_else(|| missing(data.keys().join("station.json")))?;
    let authority = authority(data, &missing)?;
    let signing_key = keys::new_signing_key(data)?;
    let (hub, hub_key) = (membership.station, public_key(&signing_key));
    let certificate_der = authority
        .issue(hub, hub_key, now_ms(), VALID_DAYS)
        .map_err(|source| Error::Certificate { operation: "issue the hub's certificate", source })?;
    let keys = Keys {
        membership: Membership { hub_key, ..membership },
        identity: Identity { certificate_der, authority_der: authority.certificate_der().to_vec(), signing_key },
        master: keys::master_key(data)?,
    };
    write(data, &keys)?;
    // Which of them was used since the backup is not known.
    Codes::read(data)?.withdraw_all()?;
    healing::begin(data, now_ms())?;
    // Last: from now on the folder holds a station.
    keys.write(data, now_ms())?;
    Ok(hub)
}

fn authority(data: &DataFolder, missing: &dyn Fn(PathBuf) -> folder::Error) -> Result<Authority, Error> {
    let read = |name: &str| {
        let path = data.keys().join(name);
        folder::read(&path)?.ok_or_else(|| missing(path))
    };
    let key = String::from_utf8(read("authority.key")?).map_err(|_| missing(data.keys().join("authority.key")))?;
    Authority::load(&read("authority.der")?, &key)
        .map_err(|source| Error::Certificate { operation: "use the authority's key", source })
}

/// The new life's first entries: its certificate, which says whose word the others are, and the end of the former.
fn write(data: &DataFolder, keys: &Keys) -> Result<(), Error> {
    let hub = keys.membership.station;
    let config = Config::of(data, Program::Hub).map_err(|fault| Error::Command(fault.into()))?.store;
    let store = stores::open(data, &config, &mut || false).map_err(|source| Error::Store { source })?;
    let have = store.have();
    let station = |operation| move |source| Error::Station { operation, source };
    let mut core = Core::open(store, station_keys(keys)).map_err(station("open the station"))?;
    let reference = core.reader().reference();
    let former: BTreeMap<_, _> =
        reference.keys().iter().filter(|(_, life)| life.station == hub && life.ended_ms.is_none()).collect();
    let enrolled = proto::StationEnrolled {
        key: keys.membership.hub_key.0.to_vec(),
        certificate: keys.identity.certificate_der.clone(),
    };
    let mut entries = vec![directory_entry(hub, Record::Enrolled(enrolled))];
    entries.extend(former.keys().map(|key| ending(hub, **key, &have, "restored from a backup", now_ms())));
    for entry in entries {
        core.write(entry.home, entry.reach, "", entry.kind as u32, entry.body, now_ms())
            .map_err(|source| Error::Write { operation: "write the new life's first entries", source })?;
    }
    core.commit(now_ms()).map(|_| ()).map_err(station("commit the new life's first entries"))
}
