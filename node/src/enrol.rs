//! How a node becomes part of its district: it trades a one-time code for a certificate over its own new key, and
//! keeps what it is given to begin with.
//!
//! The signing key is kept before the hub is called. Should the reply be lost, the same command with the same code
//! gets the same answer; another code gets another key (`attempt`).

use std::path::PathBuf;

use clap::Args;
use sanji_link::{EnrolReply, EnrolmentCode, Identity};
use sanji_log::{SigningKey, StationCode, Tier};
use sanji_station::clock::now_ms;
use sanji_station::command::Output;
use sanji_station::config::{Program, is_host_port};
use sanji_station::folder::DataFolder;
use sanji_station::healing;
use sanji_station::keys::{self, Keys, Membership};
use sanji_station::run::{self, open_store, station_keys};
use sanji_station::station::Station;

use crate::attempt;
use crate::error::Error;

/// Enrol this station with the one-time code that the hub gave
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sanji-node enrol --data village --station 990106101203 --hub hub.example:7101 \
    --code 3K8Q-…-…-…-…-…-…")]
pub(crate) struct Arguments {
    /// Data folder of the new station.
    #[arg(long, value_name = "DIR", env = "SANJI_DATA")]
    pub(crate) data: PathBuf,
    /// Division code of the station, 12 digits.
    #[arg(long, value_name = "CODE")]
    pub(crate) station: StationCode,
    /// Address of the hub's enrolment.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) hub: String,
    /// The one-time code: 28 letters and digits.
    #[arg(long, value_name = "CODE")]
    pub(crate) code: EnrolmentCode,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Enrols a station.
pub(crate) async fn enrol(arguments: Arguments) -> Result<(), Error> {
    let data = DataFolder::new(&arguments.data);
    let upstream = trade(&data, arguments.station, &arguments.hub, &arguments.code).await?;
    let line = [("station", Some(arguments.station.to_string())), ("upstream", upstream.clone())];
    Ok(arguments.output.print(&line.into_iter().collect(), |_| {
        let next = match upstream {
            Some(upstream) => format!("links to {upstream}"),
            None => "set `upstream` in sanji.toml: the hub does not know where it links to".to_owned(),
        };
        format!("{} is enrolled, {next}: sanji-node serve --data {}", arguments.station, arguments.data.display())
    })?)
}

/// Trades the code for a station; where it links to.
pub(crate) async fn trade(
    data: &DataFolder,
    station: StationCode,
    hub: &str,
    code: &EnrolmentCode,
) -> Result<Option<String>, Error> {
    check_tier(station)?;
    if !is_host_port(hub) {
        return Err(Error::Input(format!("'{hub}' is not an address \"host:port\"")));
    }
    make_folder(data, station)?;
    let signing_key = attempt::signing_key(data, code)?;
    let software = env!("CARGO_PKG_VERSION");
    let reply = sanji_link::enrol(hub, station, code, &signing_key, software)
        .await
        .map_err(|source| Error::Enrol { hub: hub.to_owned(), source: Box::new(source) })?;
    let upstream = reply.upstream.clone();
    keep(data, station, signing_key, reply).await?;
    Ok(upstream)
}

/// The data folder of a new station; a backup that was unpacked there must be of the same.
pub(crate) fn make_folder(data: &DataFolder, station: StationCode) -> Result<(), Error> {
    data.create()?;
    match keys::membership(data)?.filter(|backup| backup.station != station) {
        Some(backup) => Err(Error::Backup(backup.station)),
        None => Ok(()),
    }
}

/// A district's station is made another way.
pub(crate) fn check_tier(station: StationCode) -> Result<(), Error> {
    match station.tier() {
        Tier::District => {
            Err(Error::Input(format!("{station} is a district: its station is made by `sanji-hub init`")))
        }
        Tier::Township | Tier::Village => Ok(()),
    }
}

async fn keep(
    data: &DataFolder,
    station: StationCode,
    signing_key: SigningKey,
    reply: EnrolReply,
) -> Result<(), Error> {
    let keys = Keys {
        membership: Membership { station, hub_key: reply.hub_key, upstream: reply.upstream, detour: reply.detour },
        identity: Identity { certificate_der: reply.certificate, authority_der: reply.authority, signing_key },
        master: keys::master_key(data)?,
    };
    // Kept before the station is whole: only what the hub gives tells whether it had a former life.
    healing::begin(data, now_ms())?;
    keys.write(data, now_ms())?;
    attempt::over(data)?;
    let store = open_store(data).await?;
    let station = Station::open(store, station_keys(&keys), Program::Node).await.map_err(run::Error::Station)?;
    let adopted = station.adopt(reply.runs).await;
    let (reference, me, key) = (station.reference(), station.reader().me(), station.reader().key());
    station.close().await;
    adopted.map_err(|source| Error::Adopt { source })?;
    if !reference.keys().iter().any(|(other, life)| life.station == me && *other != key) {
        healing::end(data)?;
    }
    Ok(())
}
