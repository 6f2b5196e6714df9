//! A station from its backup: unpacked, then enrolled as a new life.

use std::path::{Path, PathBuf};

use clap::Args;
use sanji_link::EnrolmentCode;
use sanji_log::StationCode;
use sanji_station::command::{Output, backups};
use sanji_station::config::Program;
use sanji_station::folder::DataFolder;

use crate::enrol;
use crate::error::Error;

/// Restore this station from a backup into an empty folder, and enrol it with a new one-time code
///
/// The code comes from `sanji-hub station replace`, which ends the former life. The station fetches what the others
/// hold beyond the backup before it takes submissions. Without --hub and --code the backup is unpacked only;
/// `sanji-node enrol` goes on from there, or `sanji-node enrol-by-file request` where there is no line.
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
    #[command(flatten)]
    output: Output,
}

/// Restores a station.
pub(crate) async fn restore(arguments: Arguments) -> Result<(), Error> {
    let Arguments { file, data, opener, hub, code, output } = arguments;
    let folder = DataFolder::new(&data);
    let manifest = tokio::task::block_in_place(|| backups::restore(&file, &opener, &folder, Program::Node))?;
    let station = manifest.station;
    let told = backups::told(&manifest);
    match (hub, code) {
        (Some(hub), Some(code)) => {
            output.print(&told, |_| backups::restored(&manifest))?;
            enrol::enrol(enrol::Arguments { data, station, hub, code, output }).await
        }
        _ => Ok(output.print(&told, |_| format!("{}\n{}", backups::restored(&manifest), next(station, &data)))?),
    }
}

/// What is left to do after a backup was unpacked only.
fn next(station: StationCode, data: &Path) -> String {
    let data = data.display();
    format!(
        "now it needs a new one-time code from `sanji-hub station replace {station}`, and then:\n  \
         sanji-node enrol --data {data} --station {station} --hub HOST:PORT --code CODE\n\
         without a line, from `replace --invitation FILE`:\n  \
         sanji-node enrol-by-file request --data {data} --station {station} --invitation FILE --code CODE --request FILE"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_ways_on_from_an_unpacked_backup_are_named() {
        let next = next("990106101203".parse().unwrap(), Path::new("village"));
        for way in ["enrol --data village --station 990106101203 --hub", "enrol-by-file request --data village"] {
            assert!(next.contains(&format!("\n  sanji-node {way}")), "{next}");
        }
    }
}
