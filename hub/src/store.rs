//! The commands `store`: where the hub's records are.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sanji_station::command::{Output, progress_bar};
use sanji_station::config::{Config, Program, StoreConfig};
use sanji_station::folder::DataFolder;
use sanji_station::stores::move_records;
use serde_json::json;

use crate::error::Error;
use crate::restore;

/// What `--to` says of the data folder.
const FOLDER: &str = "folder";

/// Commands on the hub's store.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Move(Move),
    Renew(Renew),
}

/// Move the records of a stopped hub into a PostgreSQL database, or back into the data folder
///
/// The target must be empty. What was moved stays where it was, and is not opened any more. Afterwards `store.database`
/// in the hub's sanji.toml must say where the records are; the command prints what to write there.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  sanji-hub store move --to postgresql:///sanji --data hub\n  sanji-hub store move --to \
                  postgresql://sanji@db.example/sanji --authority db-ca.pem --data hub\n  sanji-hub store move --to folder --data hub"
)]
pub(crate) struct Move {
    /// A connection string of PostgreSQL, or "folder".
    #[arg(long, value_name = "DATABASE")]
    to: String,
    /// Certificates, in PEM, of the authority that vouches for the database's server. Needed where it is on another
    /// machine.
    #[arg(long, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// The hub's data folder.
    #[arg(long, value_name = "DIR", env = "SANJI_DATA")]
    data: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Begin a new life on a database that was brought back from a backup
///
/// The database may lack what the hub had confirmed, so the hub must not go on under its old key. Bring the data folder's
/// keys/ back too, without keys/signing.key. The hub gets a new key, and takes submissions once it has heard the stations
/// just below it in full, as after `sanji-hub restore`. One-time codes that were open are void.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sanji-hub store renew --data hub")]
pub(crate) struct Renew {
    /// The hub's data folder; `store.database` in its sanji.toml names the database.
    #[arg(long, value_name = "DIR", env = "SANJI_DATA")]
    data: PathBuf,
    #[command(flatten)]
    output: Output,
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Error> {
        // The database is asked by callers that block.
        let done = tokio::task::spawn_blocking(move || match self {
            Self::Move(arguments) => arguments.run(),
            Self::Renew(arguments) => arguments.run(),
        });
        done.await.unwrap_or_else(|_| Err(Error::Input("the work was interrupted".to_owned())))
    }
}

impl Renew {
    fn run(self) -> Result<(), Error> {
        let data = DataFolder::new(&self.data);
        if configured(&data)?.is_folder() {
            let instead = "the records are in the data folder: bring them back with `sanji-hub restore`";
            return Err(Error::Input(instead.to_owned()));
        }
        if data.holds_station() {
            let first = "the hub still has its signing key; if the database was brought back from a backup, remove \
                         keys/signing.key, so that it begins a new life";
            return Err(Error::Input(first.to_owned()));
        }
        let hub = restore::begin_life(&data)?;
        let told = json!({ "station": hub.to_string() });
        Ok(self.output.print(&told, |_| format!("{hub} begins a new life\n{}", restore::next(&data)))?)
    }
}

/// Where the records are.
fn configured(data: &DataFolder) -> Result<StoreConfig, Error> {
    Config::of(data, Program::Hub).map(|config| config.store).map_err(|fault| Error::Command(fault.into()))
}

impl Move {
    fn run(self) -> Result<(), Error> {
        let data = DataFolder::new(&self.data);
        let from = configured(&data)?;
        let database = Some(self.to.clone()).filter(|to| to != FOLDER).unwrap_or_default();
        let to = StoreConfig { database, authority: self.authority.unwrap_or_default() };
        let bar = progress_bar();
        let copied = move_records(&data, &from, &to, &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        });
        bar.finish_and_clear();
        let copied = copied.map_err(|source| Error::Move { source })?;
        let told = json!({
            "entries": copied.entries,
            "attachments": copied.attachments,
            "uploads": copied.uploads,
            "configuration": to.to_toml(),
        });
        let next = format!("now write into {}:\n{}", data.config_file().display(), to.to_toml());
        let line = format!("moved {} entries and {} attachments; {next}", copied.entries, copied.attachments);
        Ok(self.output.print(&told, |_| line)?)
    }
}
