//! How a node without a line becomes part of its district: the same trade as over a line, by files that somebody
//! carries. The hub's invitation comes with the one-time code, the request goes back, the answer is the first bundle.
//!
//! Each step may be repeated: the signing key is kept from the first request with a code on, and nothing is made of an
//! answer that is damaged.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use sanji_link::{EnrolReply, EnrolmentCode, Identity, Invitation};
use sanji_log::{StationCode, Tier};
use sanji_station::bundle::Bundles;
use sanji_station::clock::now_ms;
use sanji_station::command::{Output, write_new};
use sanji_station::config::{NO_UPSTREAM, Program};
use sanji_station::folder::DataFolder;
use sanji_station::healing;
use sanji_station::keys::{self, Asking, Keys, Membership};
use sanji_station::run::{self, open_store, station_keys};
use sanji_station::station::Station;

use crate::attempt;
use crate::enrol::{check_tier, make_folder};
use crate::error::Error;

/// The command that makes a request.
pub(crate) const ASK: &str = "sanji-node enrol-by-file request";

/// Enrol a station that has no line, by files on a USB stick
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the request that goes to the hub, from its invitation and the one-time code
    #[command(after_help = "Example:\n  sanji-node enrol-by-file request --data village --station 990106101203 \
        --invitation /media/usb/invitation.pem --code 3K8Q-…-…-…-…-…-… --request /media/usb/request.sanji")]
    Request {
        /// Data folder of the new station.
        #[arg(long, value_name = "DIR", env = "SANJI_DATA")]
        data: PathBuf,
        /// Division code of the station, 12 digits.
        #[arg(long, value_name = "CODE")]
        station: StationCode,
        /// The hub's invitation.
        #[arg(long, value_name = "FILE")]
        invitation: PathBuf,
        /// The one-time code: 28 letters and digits.
        #[arg(long, value_name = "CODE")]
        code: EnrolmentCode,
        /// The request, which must not be there yet.
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Open the hub's answer: from then on the station can be served
    #[command(after_help = "Example:\n  sanji-node enrol-by-file open --data village --answer /media/usb/answer.sanji")]
    Open {
        /// Data folder of the new station.
        #[arg(long, value_name = "DIR", env = "SANJI_DATA")]
        data: PathBuf,
        /// The hub's answer.
        #[arg(long, value_name = "FILE")]
        answer: PathBuf,
        #[command(flatten)]
        output: Output,
    },
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self {
            Self::Request { data, station, invitation, code, request, output } => {
                ask(&DataFolder::new(data), station, &invitation, &code, &request).await?;
                let line = [("station", station.to_string()), ("request", request.display().to_string())];
                Ok(output.print(&line.into_iter().collect(), |_| {
                    format!("at the hub: sanji-hub station answer --request {} --file FILE", request.display())
                })?)
            }
            Self::Open { data, answer, output } => {
                let (station, entries) = open(&DataFolder::new(&data), &answer).await?;
                Ok(output.print(&opened(station, entries), |_| {
                    format!(
                        "{station} is enrolled with {entries} entries and lives by bundles: sanji-node serve --data {}",
                        data.display()
                    )
                })?)
            }
        }
    }
}

async fn ask(
    data: &DataFolder,
    station: StationCode,
    invitation: &Path,
    code: &EnrolmentCode,
    request: &Path,
) -> Result<(), Error> {
    check_tier(station)?;
    let text = std::fs::read_to_string(invitation).map_err(file("read", invitation))?;
    let bytes = self::request(data, station, &text, code, Files { invitation, request })?;
    write_new(request, async |path| {
        let fault = |source| sanji_station::command::Error::File { operation: "write", path: path.to_owned(), source };
        let mut file = File::create(path).map_err(fault)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(fault)
    })
    .await?;
    Ok(())
}

/// What errors call the two files of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files<'a> {
    pub(crate) invitation: &'a Path,
    pub(crate) request: &'a Path,
}

/// Makes the request from the text of the hub's invitation, and keeps what the answer is checked against.
pub(crate) fn request(
    data: &DataFolder,
    station: StationCode,
    invitation: &str,
    code: &EnrolmentCode,
    files: Files<'_>,
) -> Result<Vec<u8>, Error> {
    check_tier(station)?;
    let refused = |source| Error::File { path: files.invitation.to_owned(), source: Box::new(source) };
    let invitation = Invitation::from_pem(invitation).map_err(refused)?;
    let hub_key = invitation.hub_key(station, code).map_err(refused)?;
    make_folder(data, station)?;
    let signing_key = attempt::signing_key(data, code)?;
    let software = env!("CARGO_PKG_VERSION");
    let bytes = sanji_link::enrolment::write_request(&invitation, station, code, &signing_key, software)
        .map_err(|source| Error::File { path: files.request.to_owned(), source: Box::new(source) })?;
    let membership = Membership { station, hub_key, upstream: None, detour: None };
    Asking { membership, authority_der: invitation.authority, signing_key }.write(data)?;
    Ok(bytes)
}

/// Opens the hub's answer: the station, and how many entries it begins with.
pub(crate) async fn open(data: &DataFolder, answer: &Path) -> Result<(StationCode, u64), Error> {
    // One that is a station already says so.
    data.create()?;
    let asking = Asking::read(data, ASK)?;
    let station = asking.membership.station;
    let read = || File::open(answer).map(BufReader::new).map_err(file("read", answer));
    let reply = sanji_link::enrolment::read_answer(read()?, station, &asking.authority_der, &asking.signing_key)
        .map_err(|source| Error::File { path: answer.to_owned(), source: Box::new(source) })?;
    let keys = make_keys(data, asking, reply)?;
    // Kept before the station is whole: only what the answer brings tells whether it had a former life.
    healing::begin(data, now_ms())?;
    keys.write(data, now_ms())?;
    attempt::over(data)?;
    let entries = import(data, &keys, read()?).await?;
    Ok((station, entries))
}

/// An opened answer as JSON.
fn opened<J: From<String> + From<u64> + FromIterator<(&'static str, J)>>(station: StationCode, entries: u64) -> J {
    [("station", J::from(station.to_string())), ("entries", J::from(entries))].into_iter().collect()
}

fn make_keys(data: &DataFolder, asking: Asking, reply: EnrolReply) -> Result<Keys, Error> {
    Ok(Keys {
        membership: Membership {
            hub_key: reply.hub_key,
            upstream: Some(reply.upstream.unwrap_or_else(|| NO_UPSTREAM.to_owned())),
            ..asking.membership
        },
        identity: Identity {
            certificate_der: reply.certificate,
            authority_der: reply.authority,
            signing_key: asking.signing_key,
        },
        master: keys::master_key(data)?,
    })
}

/// The answer is a bundle: what it brings is taken as from any other.
async fn import(data: &DataFolder, keys: &Keys, answer: BufReader<File>) -> Result<u64, Error> {
    let store = open_store(data).await?;
    let station = Station::open(store, station_keys(keys), Program::Node).await.map_err(run::Error::Station)?;
    let bundles = Bundles::new(station.clone(), keys.identity.clone(), data.clone());
    let read = tokio::task::spawn_blocking(move || bundles.import("", answer)).await;
    let (reference, me, key) = (station.reference(), station.reader().me(), station.reader().key());
    station.close().await;
    let (taken, read) = read.map_err(|_| Error::Input("the reading of the answer broke off".to_owned()))?;
    read.map_err(|source| Error::Import { source })?;
    // The hub has told a village all that there is of its former life; a township waits for its villages.
    let had_former_life = reference.keys().iter().any(|(other, life)| life.station == me && *other != key);
    if !had_former_life || me.tier() == Tier::Village {
        healing::end(data)?;
    }
    Ok(taken.map_or(0, |taken| taken.entries))
}

fn file(operation: &'static str, path: &Path) -> impl Fn(std::io::Error) -> sanji_station::command::Error {
    let path = path.to_owned();
    move |source| sanji_station::command::Error::File { operation, path: path.clone(), source }
}
