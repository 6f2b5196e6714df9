//! What `serve` is told on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Error;
use crate::config::{Config, Program};
use crate::folder::DataFolder;

/// Options of `serve`. Addresses given here go before those of the configuration.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The station's data folder.
    #[arg(long, value_name = "DIR", env = "SANJI_DATA")]
    pub data: PathBuf,
    /// Configuration; without it, sanji.toml in the data folder if it is there.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where links of stations below are served.
    #[arg(long, value_name = "ADDRESS")]
    pub listen_link: Option<SocketAddr>,
    /// Where enrolment is served; hub only.
    #[arg(long, value_name = "ADDRESS")]
    pub listen_enrolment: Option<SocketAddr>,
    /// Where the web desk is served.
    #[arg(long, value_name = "ADDRESS")]
    pub listen_desk: Option<SocketAddr>,
    /// Where the case service is served; loopback only.
    #[arg(long, value_name = "ADDRESS")]
    pub listen_api: Option<SocketAddr>,
    /// Where /metrics and /readyz are served; loopback only.
    #[arg(long, value_name = "ADDRESS")]
    pub listen_metrics: Option<SocketAddr>,
    /// Print the addresses as one line of JSON when the station is ready.
    #[arg(long)]
    pub json: bool,
}

impl Arguments {
    /// The configuration as it holds for this run.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn config(&self, program: Program, data: &DataFolder) -> Result<Config, Error> {
        let file = self.config.clone().or_else(|| Some(data.config_file()).filter(|path| path.exists()));
        let mut config = match &file {
            Some(path) => Config::read(path, program)?,
            None => Config::default(),
        };
        let listen = &mut config.listen;
        for (given, address) in [
            (self.listen_link, &mut listen.link),
            (self.listen_enrolment, &mut listen.enrolment),
            (self.listen_desk, &mut listen.desk),
            (self.listen_api, &mut listen.api),
            (self.listen_metrics, &mut listen.metrics),
        ] {
            *address = given.unwrap_or(*address);
        }
        let named = file.unwrap_or_else(|| "command line".into());
        config.check(&named, program)?;
        Ok(config)
    }
}
