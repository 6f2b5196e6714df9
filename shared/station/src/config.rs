//! Configuration: one TOML file a station, every field with a default.
//!
//! A village needs no file at all: its code, its district and where it links to came with enrolment. The
//! documented samples `config/hub.toml` and `config/node.toml` are what `config example` prints; tests keep
//! them equal to the defaults below.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::folder::DataFolder;

/// Why a configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be read.
    #[error("can't read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not TOML, or a field is unknown or of a wrong type.
    #[error("{path}, line {line}: {problem}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// What is wrong, in one line.
        problem: String,
    },
    /// A value is well-formed but can't be meant.
    #[error("{path}: {field} {problem}")]
    Value {
        /// The file.
        path: PathBuf,
        /// Dotted name of the field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Which of the two programs reads the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The district's hub.
    Hub,
    /// A township's or a village's node.
    Node,
}

impl Program {
    /// As people type it.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Hub => "sanji-hub",
            Self::Node => "sanji-node",
        }
    }

    /// As it stands in a status report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Node => "node",
        }
    }

    /// The command that makes a station.
    #[must_use]
    pub fn made_by(self) -> &'static str {
        match self {
            Self::Hub => "sanji-hub init",
            Self::Node => "sanji-node enrol",
        }
    }

    /// The documented sample, whose values are the defaults.
    #[must_use]
    pub fn example(self) -> &'static str {
        match self {
            Self::Hub => include_str!("config/hub.toml"),
            Self::Node => include_str!("config/node.toml"),
        }
    }
}

/// The value of `upstream` for a station without a line, which lives by bundles alone.
pub const NO_UPSTREAM: &str = "none";

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where a node links to, "host:port"; empty: as enrolment said; [`NO_UPSTREAM`]: nowhere.
    pub upstream: String,
    /// The way round a township that is away; villages only.
    pub detour: DetourConfig,
    /// Addresses to listen on.
    pub listen: Listen,
    /// Addresses told to others.
    pub advertise: Advertise,
    /// Where the records are; hub only.
    pub store: StoreConfig,
    /// What is logged.
    pub log: Log,
    /// Bounds on load.
    pub limits: Limits,
    /// Files that people hand in.
    pub attachments: Attachments,
    /// Steps that stations write by themselves.
    pub deadlines: Deadlines,
}

/// The way round a township that is away.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetourConfig {
    /// The hub's links, "host:port"; empty: as enrolment said; [`NO_UPSTREAM`]: never.
    pub address: String,
    /// How long the township must be away, in seconds.
    pub after_seconds: u64,
}

impl Default for DetourConfig {
    fn default() -> Self {
        Self { address: String::new(), after_seconds: 300 }
    }
}

/// Addresses to listen on. Port 0: any free one; `run/address.json` in the data folder says which.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Links of stations below, mutual TLS.
    pub link: SocketAddr,
    /// Enrolment; hub only.
    pub enrolment: SocketAddr,
    /// The web desk.
    pub desk: SocketAddr,
    /// The case service, plain HTTP/2: keep it on loopback.
    pub api: SocketAddr,
    /// `/metrics` and `/readyz`: keep it on loopback.
    pub metrics: SocketAddr,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            link: ([0, 0, 0, 0], 7100).into(),
            enrolment: ([0, 0, 0, 0], 7101).into(),
            desk: ([127, 0, 0, 1], 7180).into(),
            api: ([127, 0, 0, 1], 7190).into(),
            metrics: ([127, 0, 0, 1], 7191).into(),
        }
    }
}

/// Addresses told to others, where they differ from those listened on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Advertise {
    /// "host:port" at which townships reach the hub's link; empty: the address listened on.
    pub link: String,
    /// Address of the district's public pages, `https://hub.example`: printed in the codes of papers. Empty: they carry
    /// the signed line alone.
    pub public: String,
}

/// Where a hub's records are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
    /// A connection string of PostgreSQL; empty: in the data folder.
    pub database: String,
    /// File with the certificates, in PEM, of the authority that vouches for the database's server; empty where that is on
    /// this machine.
    pub authority: PathBuf,
}

impl StoreConfig {
    /// Whether they are in the data folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.database.is_empty()
    }

    /// Where they are, in a word.
    #[must_use]
    pub fn place(&self) -> &'static str {
        if self.is_folder() { "the data folder" } else { "a PostgreSQL database" }
    }

    /// As it stands in sanji.toml.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let authority = self.authority.to_string_lossy();
        format!("[store]\ndatabase = {}\nauthority = {}", quoted(&self.database), quoted(&authority))
    }
}

/// What is logged, to standard error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Filter directives, for example "info" or "info,sanji_link=debug".
    pub level: String,
    /// Lines of JSON in place of text.
    pub json: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), json: false }
    }
}

/// Bounds on load.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Links of stations below that are served at once.
    pub links: usize,
    /// Links from one network address.
    pub links_per_address: usize,
    /// Calls of the case service that are worked on at once.
    pub api_calls: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { links: 512, links_per_address: 64, api_calls: 64 }
    }
}

/// Files that people hand in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attachments {
    /// Largest file that is taken, in MB (of 1,048,576 bytes).
    pub max_mb: u64,
    /// After so many hours a file is removed that no application or step has named.
    pub unnamed_hours: u64,
}

/// Steps that stations write by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    /// A tacit approval that a station below owes is written by the hub after so many days; hub only.
    pub tacit_grace_days: u32,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { tacit_grace_days: 7 }
    }
}

/// What the contract allows.
const ATTACHMENT_MAX_MB: u64 = 50;

impl Default for Attachments {
    fn default() -> Self {
        Self { max_mb: ATTACHMENT_MAX_MB, unnamed_hours: 24 }
    }
}

impl Config {
    /// That of a data folder: its sanji.toml if it is there, or the defaults.
    ///
    /// # Errors
    /// [`Error`].
    pub fn of(data: &DataFolder, program: Program) -> Result<Self, Error> {
        let file = data.config_file();
        if file.exists() { Self::read(&file, program) } else { Ok(Self::default()) }
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(path: &Path, program: Program) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path, program)
    }

    /// Reads and checks the text of a file; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::Syntax`] or [`Error::Value`].
    pub fn parse(text: &str, path: &Path, program: Program) -> Result<Self, Error> {
        let config: Self = toml::from_str(text).map_err(|fault| Error::Syntax {
            path: path.to_owned(),
            line: line_at(text, fault.span().map_or(0, |span| span.start)),
            problem: fault.message().lines().collect::<Vec<_>>().join(" "),
        })?;
        config.check(path, program)?;
        Ok(config)
    }

    /// Checks values that were put together; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::Value`].
    pub fn check(&self, path: &Path, program: Program) -> Result<(), Error> {
        match self.fault(program) {
            Some((field, problem)) => Err(Error::Value { path: path.to_owned(), field, problem }),
            None => Ok(()),
        }
    }

    /// The first value that can't be meant.
    fn fault(&self, program: Program) -> Option<(&'static str, &'static str)> {
        let positive = "must be at least 1";
        let host_port = "must be \"host:port\"";
        let loopback = "must be a loopback address: it is served without TLS";
        let node = program == Program::Node;
        [
            (program == Program::Hub && !self.upstream.is_empty(), "upstream", "is not for a hub: nothing is above it"),
            (
                !["", NO_UPSTREAM].contains(&self.upstream.as_str()) && !is_host_port(&self.upstream),
                "upstream",
                "must be \"host:port\" or \"none\"",
            ),
            (!node && self.detour != DetourConfig::default(), "detour", "is for a village only"),
            (
                !["", NO_UPSTREAM].contains(&self.detour.address.as_str()) && !is_host_port(&self.detour.address),
                "detour.address",
                "must be \"host:port\" or \"none\"",
            ),
            (self.detour.after_seconds == 0, "detour.after_seconds", positive),
            (!self.advertise.link.is_empty() && !is_host_port(&self.advertise.link), "advertise.link", host_port),
            (
                node && !self.advertise.link.is_empty(),
                "advertise.link",
                "is for a hub only: see `station add --link-address`",
            ),
            (node && self.store != StoreConfig::default(), "store", "is for a hub only"),
            (
                self.store.is_folder() && !self.store.authority.as_os_str().is_empty(),
                "store.authority",
                "is for a database: none is named",
            ),
            (!is_web_address(&self.advertise.public), "advertise.public", "must be \"https://host\", without a path"),
            (node && self.listen.enrolment != Listen::default().enrolment, "listen.enrolment", "is for a hub only"),
            (!self.listen.api.ip().is_loopback(), "listen.api", loopback),
            (!self.listen.metrics.ip().is_loopback(), "listen.metrics", loopback),
            (self.limits.links == 0, "limits.links", positive),
            (self.limits.links_per_address == 0, "limits.links_per_address", positive),
            (self.limits.api_calls == 0, "limits.api_calls", positive),
            (
                !(1..=ATTACHMENT_MAX_MB).contains(&self.attachments.max_mb),
                "attachments.max_mb",
                "must be 1 to 50: other stations take no larger ones",
            ),
            (self.attachments.unnamed_hours == 0, "attachments.unnamed_hours", positive),
            (
                node && self.deadlines != Deadlines::default(),
                "deadlines",
                "is for a hub only: a node writes what it owes at once",
            ),
            (self.deadlines.tacit_grace_days == 0, "deadlines.tacit_grace_days", positive),
            (crate::telemetry::filter(&self.log.level).is_err(), "log.level", "is not a list of filter directives"),
        ]
        .into_iter()
        .find_map(|(wrong, field, problem)| wrong.then_some((field, problem)))
    }
}

/// Whether a text names a host and a port other than 0.
#[must_use]
pub fn is_host_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(char::is_whitespace) && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Empty, or scheme and host without a path: codes on papers are in capitals, which a path might mind.
fn is_web_address(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
    let host = host.map(|host| host.trim_end_matches('/'));
    text.is_empty() || host.is_some_and(|host| !host.is_empty() && host.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(text: &str, program: Program, expect: &str) {
        let fault = Config::parse(text, Path::new("sanji.toml"), program).unwrap_err();
        assert_eq!(fault.to_string(), expect);
    }

    #[test]
    fn the_samples_are_the_defaults() {
        for program in [Program::Hub, Program::Node] {
            let sample = Config::parse(program.example(), Path::new("sample"), program).unwrap();
            assert_eq!(sample, Config::default());
        }
    }

    #[test]
    fn faults_name_their_line() {
        check(
            "# a comment\n[listen]\nlinc = \"0.0.0.0:1\"\n",
            Program::Node,
            "sanji.toml, line 3: unknown field `linc`, expected one of `link`, `enrolment`, `desk`, `api`, `metrics`",
        );
        check(
            "[limits]\nlinks = \"many\"\n",
            Program::Hub,
            "sanji.toml, line 2: invalid type: string \"many\", expected usize",
        );
        check("[listen]\ndesk = \"nowhere\"\n", Program::Hub, "sanji.toml, line 2: invalid socket address syntax");
        let fault = Config::parse("upstream = ", Path::new("sanji.toml"), Program::Node).unwrap_err().to_string();
        assert!(fault.starts_with("sanji.toml, line 1: ") && !fault.contains('\n'), "{fault}");
    }

    #[test]
    fn values_that_cannot_be_meant_are_refused() {
        check("upstream = \"hub\"", Program::Node, "sanji.toml: upstream must be \"host:port\" or \"none\"");
        assert!(Config::parse("upstream = \"none\"", Path::new("sanji.toml"), Program::Node).is_ok());
        check("upstream = \"hub:7100\"", Program::Hub, "sanji.toml: upstream is not for a hub: nothing is above it");
        check("[listen]\nenrolment = \"127.0.0.1:1\"", Program::Node, "sanji.toml: listen.enrolment is for a hub only");
        check(
            "[listen]\napi = \"0.0.0.0:7190\"",
            Program::Hub,
            "sanji.toml: listen.api must be a loopback address: it is served without TLS",
        );
        check(
            "[attachments]\nmax_mb = 51",
            Program::Node,
            "sanji.toml: attachments.max_mb must be 1 to 50: other stations take no larger ones",
        );
        check("[limits]\nlinks = 0", Program::Hub, "sanji.toml: limits.links must be at least 1");
        check(
            "[log]\nlevel = \"sanji=loud\"",
            Program::Hub,
            "sanji.toml: log.level is not a list of filter directives",
        );
    }
}
