//! A new district: keys and authority, the hub's own certificate, the published files, the staff.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use prost::Message as _;
use sanji_domain::Staff;
use sanji_link::{Authority, Identity, VALID_DAYS};
use sanji_log::seal::public_key;
use sanji_log::{Reach, StationCode, Tier};
use sanji_proto::v1::{self as proto, Kind, station_record::Record};
use sanji_station::clock::now_ms;
use sanji_station::command::print_line;
use sanji_station::core::Core;
use sanji_station::folder::{self, DataFolder};
use sanji_station::keys::{self, Keys, Membership};
use sanji_station::run::station_keys;
use sanji_station::station::Administrative;
use sanji_store::DiskStore;

use crate::error::Error;
use crate::files::{DistrictFiles, read_staff};
use crate::register::{directory_entry, file_entry};
use crate::staff::{self, Passwords};

/// Make a new district: its hub, its certificate authority, its files and staff
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  sanji-hub init --data hub --district 990106000000 --sample tests/sample --passwords first-passwords.tsv"
)]
pub(crate) struct Arguments {
    /// Data folder of the hub; it must not hold anything but sanji.toml.
    #[arg(long, value_name = "DIR", env = "SANJI_DATA")]
    data: PathBuf,
    /// Division code of the district, 12 digits.
    #[arg(long, value_name = "CODE")]
    district: StationCode,
    /// The district's files: a folder with catalogue/, organisation/ and calendar/.
    #[arg(long, value_name = "DIR")]
    sample: PathBuf,
    /// Write a first password for each member of staff to this new file, which only its owner can read.
    #[arg(long, value_name = "FILE")]
    passwords: Option<PathBuf>,
    /// Give all staff this password: for a demonstration only.
    #[arg(long, value_name = "PASSWORD", conflicts_with = "passwords")]
    demo_password: Option<String>,
    /// Import the staff of this station only; may be repeated. Without it, all staff.
    #[arg(long, value_name = "CODE")]
    staff_of: Vec<StationCode>,
}

/// Makes a district.
pub(crate) async fn init(arguments: Arguments) -> Result<(), Error> {
    // Hashing and syncing block for long.
    let made = tokio::task::spawn_blocking(move || make(&arguments));
    made.await.unwrap_or_else(|_| Err(Error::Input("init was interrupted".to_owned())))
}

fn make(arguments: &Arguments) -> Result<(), Error> {
    let (files, staff) = check(arguments)?;
    let data = DataFolder::new(&arguments.data);
    data.create()?;
    empty(&data)?;
    let (authority, authority_key) =
        Authority::generate(arguments.district, now_ms()).map_err(certificate("make an authority"))?;
    let keys = make_keys(&data, arguments.district, &authority)?;
    say("keys and certificate authority made")?;
    let passwords = match (&arguments.passwords, &arguments.demo_password) {
        (Some(path), _) => Passwords::Listed(path),
        (None, Some(same)) => Passwords::Same(same),
        (None, None) => Passwords::None,
    };
    let records = staff::records(&staff, passwords, &mut progress(staff.len()))?;
    write(&data, &keys, &files, &records)?;
    folder::replace(&data.keys().join("authority.key"), authority_key.as_bytes())?;
    // Last: from now on the folder holds a station.
    keys.write(&data, now_ms())?;
    say(&format!("district {} is ready: sanji-hub serve --data {}", arguments.district, data.path().display()))
}

/// Everything that can be wrong, before anything is written.
fn check(arguments: &Arguments) -> Result<(DistrictFiles, Vec<Staff>), Error> {
    if arguments.district.tier() != Tier::District {
        return Err(Error::Input(format!("{} is not the code of a district", arguments.district)));
    }
    let files = DistrictFiles::read(&arguments.sample)?;
    let organisation = files.check()?.organisation;
    if organisation.district.code != arguments.district {
        return Err(Error::Input(format!("the files are those of district {}", organisation.district.code)));
    }
    if let Some(unknown) = arguments.staff_of.iter().find(|station| organisation.station(station).is_none()) {
        return Err(Error::Input(format!("the organisation lists no station {unknown}")));
    }
    if arguments.passwords.as_deref().is_some_and(Path::exists) {
        return Err(Error::Input("the file for passwords is there already".to_owned()));
    }
    let mut staff = read_staff(&arguments.sample, &organisation)?;
    staff.retain(|person| arguments.staff_of.is_empty() || arguments.staff_of.contains(&person.place));
    Ok((files, staff))
}

/// An init that broke off left something behind that must not be mixed with a new district.
fn empty(data: &DataFolder) -> Result<(), Error> {
    let fault = |source| Error::File { operation: "read", path: data.path().to_owned(), source };
    for entry in std::fs::read_dir(data.path()).map_err(fault)? {
        let name = entry.map_err(fault)?.file_name();
        if name != "sanji.toml" {
            return Err(Error::Input(format!("{} is not empty: it has {}", data.path().display(), name.display())));
        }
    }
    Ok(())
}

fn make_keys(data: &DataFolder, district: StationCode, authority: &Authority) -> Result<Keys, Error> {
    let signing_key = keys::new_signing_key(data)?;
    let hub_key = public_key(&signing_key);
    let certificate_der =
        authority.issue(district, hub_key, now_ms(), VALID_DAYS).map_err(certificate("issue the hub's certificate"))?;
    Ok(Keys {
        membership: Membership { station: district, hub_key, upstream: None, detour: None },
        identity: Identity { certificate_der, authority_der: authority.certificate_der().to_vec(), signing_key },
        master: keys::new_master_key(data)?,
    })
}

/// The district's first entries. The hub's own certificate comes first: it says whose word the others are.
fn write(data: &DataFolder, keys: &Keys, files: &DistrictFiles, staff: &[proto::StaffRecord]) -> Result<(), Error> {
    let hub = keys.membership.station;
    let store =
        DiskStore::open(data.path(), sanji_store::Options::default()).map_err(|source| Error::Store { source })?;
    let mut core = Core::open(Arc::new(store), station_keys(keys)).map_err(station("open the station"))?;
    let enrolled = proto::StationEnrolled {
        key: keys.membership.hub_key.0.to_vec(),
        certificate: keys.identity.certificate_der.clone(),
    };
    let mut entries = vec![directory_entry(hub, Record::Enrolled(enrolled))];
    entries.extend(files.iter().map(|(path, text)| file_entry(hub, path, 1, text)));
    let published = entries.len() - 1;
    for person in staff {
        let home = StationCode::from_number(person.place).map_err(|fault| Error::Input(fault.to_string()))?;
        entries.push(Administrative { home, reach: Reach::Private, kind: Kind::Staff, body: person.encode_to_vec() });
    }
    for entry in entries {
        if core.is_full() {
            core.commit(now_ms()).map_err(station("commit the district's first entries"))?;
        }
        core.write(entry.home, entry.reach, "", entry.kind as u32, entry.body, now_ms())
            .map_err(|source| Error::Write { operation: "write the district's first entries", source })?;
    }
    core.commit(now_ms()).map_err(station("commit the district's first entries"))?;
    say(&format!("{published} files published, {} members of staff imported", staff.len()))
}

/// Tells of every tenth of the passwords: each takes a moment.
fn progress(all: usize) -> impl FnMut(usize) {
    move |done| {
        if done == all || (all >= 20 && done.is_multiple_of(all / 10)) {
            let _ = print_line(&format!("{done} of {all} accounts made"));
        }
    }
}

fn say(line: &str) -> Result<(), Error> {
    Ok(print_line(line)?)
}

fn certificate(operation: &'static str) -> impl FnOnce(sanji_link::Error) -> Error {
    move |source| Error::Certificate { operation, source }
}

fn station(operation: &'static str) -> impl FnOnce(sanji_station::Error) -> Error {
    move |source| Error::Station { operation, source }
}
