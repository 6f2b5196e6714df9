//! Bundles: what a link would carry, in a file on a USB stick.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_proto::v1::export_bundle_part::Part;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::{At, Client, Error, Output, json, stopped, words};
use crate::config::Program;

/// Bytes of one part of a stream.
const PART_BYTES: usize = 65_536;
/// Parts read ahead of the station.
const PARTS_AHEAD: usize = 4;

/// Commands on bundles.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a bundle for a station above or below this one: an encrypted, signed file
    ///
    /// Holds everything that the station is not known to hold, so nothing is lost when a stick is. Works on a running
    /// station, which need not have a line, and on the data folder of a stopped one.
    #[command(
        after_help = "Example:\n  sanji-node export --to 990106101000 --file /media/usb/to-township.sanji --data village"
    )]
    Export {
        /// Division code of the receiver.
        #[arg(long, value_name = "CODE")]
        to: StationCode,
        /// The file, which must not be there yet.
        #[arg(long)]
        file: PathBuf,
        /// Most megabytes of attachments; the rest goes into a later bundle. 0: none.
        #[arg(long, value_name = "MB")]
        attachments_max: Option<u64>,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Read a bundle that another station wrote for this one; harmless twice
    ///
    /// Exit status 1 where it was refused, or is damaged: then what stood before the damage was taken. Works on a
    /// running station and on the data folder of a stopped one.
    #[command(after_help = "Example:\n  sanji-node import --file /media/usb/to-village.sanji --data village")]
    Import {
        /// The file.
        #[arg(long)]
        file: PathBuf,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
}

impl Command {
    pub(super) async fn run(self, program: Program) -> Result<(), Error> {
        match self {
            Self::Export { to, file, attachments_max, at, output } => {
                let attachments_max_bytes = attachments_max.map(|megabytes| megabytes.saturating_mul(1_000_000));
                let exported = match at.connect_if_running().await? {
                    Some(client) => {
                        let request = proto::ExportBundleRequest { station: to.number(), attachments_max_bytes };
                        write_new(&file, async |path| {
                            receive(client.keeper().export_bundle(request).await?.into_inner(), path).await
                        })
                        .await?
                    }
                    None => {
                        let data = at.folder()?;
                        write_new(&file, async |path| {
                            stopped::export(&data, program, to, attachments_max_bytes, path, bar(None)).await
                        })
                        .await?
                    }
                };
                output.print(&json::show("ExportedBundle", &exported)?, |_| words::exported(&exported, to))
            }
            Self::Import { file, at, output } => {
                let reply = match at.connect_if_running().await? {
                    Some(client) => import(&client, &file).await?,
                    None => {
                        let bar = bar(bytes_of(&file));
                        stopped::import(&at.folder()?, program, &file, bar).await?
                    }
                };
                output.print(&json::show("ImportBundleReply", &reply)?, |_| words::imported(&reply))?;
                if reply.refused.is_empty() { Ok(()) } else { Err(Error::Bundle(reply.refused)) }
            }
        }
    }
}

/// Writes a file that is not there yet: beside it, and renames when all is there, so that a stick that was pulled
/// has no half file under a whole name.
///
/// # Errors
/// [`Error::Input`] where it is there, [`Error::File`], and those of `write`.
pub async fn write_new<T>(file: &Path, write: impl AsyncFnOnce(&Path) -> Result<T, Error>) -> Result<T, Error> {
    if file.exists() {
        return Err(Error::Input(format!("{} is there already", file.display())));
    }
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    let beside = PathBuf::from(name);
    let finished = write(&beside).await.and_then(|written| {
        let fault = |source| Error::File { operation: "write", path: file.to_owned(), source };
        std::fs::rename(&beside, file).map(|()| written).map_err(fault)
    });
    if finished.is_err() {
        // What is left of it helps nobody; that it can't be removed is no further news.
        let _ = std::fs::remove_file(&beside);
    }
    finished
}

/// Writes the parts of a bundle into a file, durably.
///
/// # Errors
/// [`Error::File`], [`Error::Bundle`] where the station broke off, and what the station says.
pub async fn receive(
    mut parts: Streaming<proto::ExportBundlePart>,
    path: &Path,
) -> Result<proto::ExportedBundle, Error> {
    let fault = |source| Error::File { operation: "write", path: path.to_owned(), source };
    let mut file = File::create(path).map_err(fault)?;
    let bar = bar(None);
    let mut exported = None;
    while let Some(part) = parts.message().await? {
        match part.part {
            Some(Part::Data(data)) => {
                file.write_all(&data).map_err(fault)?;
                bar.inc(data.len() as u64);
            }
            Some(Part::Exported(summary)) => exported = Some(summary),
            None => {}
        }
    }
    file.sync_all().map_err(fault)?;
    bar.finish_and_clear();
    exported.ok_or_else(|| Error::Bundle("the station broke off".to_owned()))
}

async fn import(client: &Client, path: &Path) -> Result<proto::ImportBundleReply, Error> {
    let fault = |source| Error::File { operation: "read", path: path.to_owned(), source };
    let mut file = File::open(path).map_err(fault)?;
    let bar = bar(bytes_of(path));
    let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
    let progress = bar.clone();
    let reading = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        loop {
            let mut data = vec![0; PART_BYTES];
            let count = file.read(&mut data)?;
            data.truncate(count);
            progress.inc(count as u64);
            // The station stops listening where it refuses the bundle.
            if count == 0 || sender.blocking_send(proto::ImportBundlePart { data }).is_err() {
                return Ok(());
            }
        }
    });
    let reply = client.keeper().import_bundle(ReceiverStream::new(receiver)).await;
    bar.finish_and_clear();
    match reading.await {
        Ok(read) => read.map_err(fault)?,
        Err(_) => return Err(Error::Bundle("the reading of the file broke off".to_owned())),
    }
    Ok(reply?.into_inner())
}

fn bytes_of(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|metadata| metadata.len())
}

/// Progress on standard error, where a person looks at it.
/// Shows how many of how many are done, on standard error.
#[must_use]
pub fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    match ProgressStyle::with_template("{bar:40} {human_pos}/{human_len}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

pub(super) fn bar(bytes: Option<u64>) -> ProgressBar {
    let (bar, template) = match bytes {
        Some(bytes) => (ProgressBar::new(bytes), "{bar:40} {bytes}/{total_bytes} {bytes_per_sec}"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} {bytes_per_sec}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
