//! Backups of a running or a stopped station, and what node and hub share of their restoration.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sanji_proto::v1 as proto;
use sanji_store::DurableFile;
use serde_json::json;

use super::{At, Error, Output, bundles::bar, stopped, words};
use crate::backup::{self, Lock, Manifest, Opener, Source};
use crate::clock::now_ms;
use crate::config::{Config, Program};
use crate::folder::{DataFolder, folder_of};
use crate::keys::{self, Keys};

/// Commands on backups.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Copy the station into one encrypted file, while it runs or when it is stopped
    ///
    /// Holds all entries up to a durable position, the complete attachments, the settings and the keys, but for the
    /// signing key: what is restored begins a new life. Keep the passphrase, or the recipient's identity, elsewhere.
    #[command(
        after_help = "Example:\n  sanji-node backup --file /media/usb/village.backup --passphrase-file pass --data village\n  \
        sanji-hub backup --file hub.backup --recipient age1… --data hub --json"
    )]
    Backup {
        /// The file, which must not be there yet, outside the data folder.
        #[arg(long)]
        file: PathBuf,
        /// How it is encrypted.
        #[command(flatten)]
        lock: LockArguments,
        /// Which station.
        #[command(flatten)]
        at: At,
        /// In which form the answer is printed.
        #[command(flatten)]
        output: Output,
    },
}

/// How a backup is encrypted.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct LockArguments {
    /// Encrypt with the first line of this file, 12 characters or more.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Encrypt to this age recipient.
    #[arg(long, value_name = "AGE1…")]
    recipient: Option<String>,
}

/// How a backup is opened.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct OpenerArguments {
    /// Decrypt with the first line of this file.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Decrypt with the age identity in this file.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

impl LockArguments {
    fn read(&self) -> Result<Lock, Error> {
        match (&self.passphrase_file, &self.recipient) {
            (Some(file), _) => Ok(Lock::passphrase(file)?),
            (None, Some(recipient)) => Ok(Lock::recipient(recipient)?),
            (None, None) => Err(Error::Input("say --passphrase-file or --recipient".to_owned())),
        }
    }
}

impl OpenerArguments {
    fn read(&self) -> Result<Opener, Error> {
        match (&self.passphrase_file, &self.identity) {
            (Some(file), _) => Ok(Opener::passphrase(file)?),
            (None, Some(file)) => Ok(Opener::identity(file)?),
            (None, None) => Err(Error::Input("say --passphrase-file or --identity".to_owned())),
        }
    }
}

impl Command {
    pub(super) async fn run(self, program: Program) -> Result<(), Error> {
        let Self::Backup { file, lock, at, output } = self;
        let data = at.folder()?;
        let station = Keys::read(&data, program.made_by())?.membership.station;
        check_place(&file, &data)?;
        if !Config::of(&data, program)?.store.is_folder() {
            let instead = "the records are in a database: back that up with pg_dump or its own means, and keep a copy of \
                           keys/, without signing.key, and sanji.toml; `sanji-hub store renew` begins anew on them";
            return Err(Error::Input(instead.to_owned()));
        }
        let lock = lock.read()?;
        // A stopped station stays locked, so that nobody starts it meanwhile.
        let (checkpoint, _locked) = match at.connect_if_running().await? {
            Some(client) => (client.keeper().checkpoint(proto::CheckpointRequest {}).await?.into_inner(), None),
            None => {
                let store = stopped::open(&data, program)?;
                let listed = crate::dump::checkpoint(&*store);
                (listed.map_err(|source| Error::Store { operation: "look at the store", source })?, Some(store))
            }
        };
        let durable = checkpoint.files.into_iter();
        let source = Source {
            data: &data,
            station,
            program: program.name(),
            durable: durable
                .map(|file| DurableFile { path: file.path.into(), bytes: file.bytes, size: file.size })
                .collect(),
            entries: checkpoint.entries,
            now_ms: now_ms(),
        };
        let manifest = tokio::task::block_in_place(|| write(source, lock, &file))?;
        output.print(&told(&manifest), |_| {
            format!(
                "backed up {}: {} entries, {} files, {} bytes",
                manifest.station,
                manifest.entries,
                manifest.files.len(),
                manifest.bytes()
            )
        })
    }
}

/// Unpacks a backup into an empty folder. It is a station without a signing key afterwards.
///
/// # Errors
/// [`Error::Backup`], [`Error::File`].
pub fn restore(file: &Path, opener: &OpenerArguments, data: &DataFolder, program: Program) -> Result<Manifest, Error> {
    let opener = opener.read()?;
    let fault = |source| Error::File { operation: "read", path: file.to_owned(), source };
    let input = BufReader::new(File::open(file).map_err(fault)?);
    let bar = bar(None);
    let restored = backup::restore(input, &opener, data, program.name(), &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let manifest = restored?;
    match keys::membership(data)? {
        Some(membership) if membership.station == manifest.station => Ok(manifest),
        _ => Err(Error::Input(format!("the backup has no keys of {}", manifest.station))),
    }
}

/// A restored backup in words.
#[must_use]
pub fn restored(manifest: &Manifest) -> String {
    format!("restored {} as of {}: {} entries", manifest.station, words::time(manifest.created_ms), manifest.entries)
}

/// A backup as JSON.
#[must_use]
pub fn told(manifest: &Manifest) -> serde_json::Value {
    json!({
        "station": manifest.station.to_string(),
        "program": manifest.program,
        "created_ms": manifest.created_ms,
        "entries": manifest.entries,
        "files": manifest.files.len(),
        "bytes": manifest.bytes(),
    })
}

/// A backup in the folder that it is of would be lost with it, and would be in the next one.
fn check_place(file: &Path, data: &DataFolder) -> Result<(), Error> {
    if file.exists() {
        return Err(Error::Input(format!("{} is there already", file.display())));
    }
    let folder = folder_of(file);
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { operation: "look at", path, source }
    };
    let folder = folder.canonicalize().map_err(fault(folder))?;
    if folder.starts_with(data.path().canonicalize().map_err(fault(data.path()))?) {
        return Err(Error::Input("a backup does not belong into the data folder".to_owned()));
    }
    Ok(())
}

/// Writes beside the file and renames when all is there and durable.
fn write(source: Source<'_>, lock: Lock, file: &Path) -> Result<Manifest, Error> {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    let beside = PathBuf::from(name);
    let fault = |source| Error::File { operation: "write", path: file.to_owned(), source };
    let bar = bar(None);
    let written = File::create(&beside).map_err(fault).and_then(|output| {
        let mut output = BufWriter::new(output);
        let manifest = backup::write(source, lock, &mut output, &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        })?;
        output.flush().and_then(|()| output.get_ref().sync_all()).map_err(fault)?;
        std::fs::rename(&beside, file).map_err(fault)?;
        Ok(manifest)
    });
    bar.finish_and_clear();
    if written.is_err() {
        // What is left of it helps nobody; that it can't be removed is no further news.
        let _ = std::fs::remove_file(&beside);
    }
    written
}
