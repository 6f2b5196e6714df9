//! A station from its backup: unpacked, then enrolled as a new life.

use std::path::PathBuf;

use clap::Args;
use sanji_link::EnrolmentCode;
use sanji_station::command::{backups, print_line};
use sanji_station::config::Program;
use sanji_station::folder::DataFolder;

use crate::enrol;
use crate::error::Error;

/// Restore this station from a backup into an empty folder, and enrol it with a new one-time code
///
/// The code comes from `sanji-hub station replace`, which ends the former life. The station fetches what the others
/// hold beyond the backup before it takes submissions. Without --hub and --code the backup is unpacked only;
/// `sanji-node enrol` goes on from there.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sanji-node restore --file /media/usb/village.backup --passphrase-file pass \
    --data village --hub hub.example:7101 --code 3K8Q-…-…-…-…-…-…")]
pub(crate) struct Arguments {
    /// The backup.
    #[arg(long)]
    file: PathBuf,
    /// Data folder, which must be empty.
    #[arg(long, value_name = "DIR", env = "SANJI_DATA")]
    data: PathBuf,
    #[command(flatten)]
    opener: backups::OpenerArguments,
    /// Address of the hub's enrolment.
    #[arg(long, value_name = "HOST:PORT", requires = "code")]
    hub: Option<String>,
    /// The one-time code: 28 letters and digits.
    #[arg(long, value_name = "CODE", requires = "hub")]
    code: Option<EnrolmentCode>,
}

/// Restores a station.
pub(crate) async fn restore(arguments: Arguments) -> Result<(), Error> {
    let Arguments { file, data, opener, hub, code } = arguments;
    let folder = DataFolder::new(&data);
    let manifest = tokio::task::block_in_place(|| backups::restore(&file, &opener, &folder, Program::Node))?;
    print_line(&backups::restored(&manifest))?;
    let station = manifest.station;
    match (hub, code) {
        (Some(hub), Some(code)) => enrol::enrol(enrol::Arguments { data, station, hub, code }).await,
        _ => Ok(print_line(&format!(
            "now it needs a new one-time code: sanji-node enrol --data {} --station {station} --hub HOST:PORT --code CODE",
            data.display()
        ))?),
    }
}
