//! A serving station as a real process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use sanji_log::StationCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How long a station may take from start to ready.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a station may take to stop cleanly.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// Where a station listens, as it says itself once it is ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Addresses {
    /// The link that stations below dial. None at a village.
    pub link: Option<SocketAddr>,
    /// Enrolment. Only at the hub.
    pub enrolment: Option<SocketAddr>,
    /// The web desk.
    pub desk: SocketAddr,
    /// The gRPC services.
    pub api: SocketAddr,
    /// `/readyz` and `/metrics`.
    pub metrics: SocketAddr,
}

/// A child that ends with the value.
#[derive(Debug)]
struct Running(Child);

impl Running {
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// A `serve` that has not said yet what is waited for.
#[derive(Debug)]
struct Starting {
    child: Running,
    station: StationCode,
    lines: Receiver<String>,
    log: PathBuf,
}

impl Starting {
    fn start(program: &Path, station: StationCode, data: &Path, extra: &[&str], log: PathBuf) -> Result<Self, Error> {
        let io = |operation| move |source| Error::Io { operation, source };
        let log_file = std::fs::File::options().create(true).append(true).open(&log).map_err(io("open a log file"))?;
        let mut child = Command::new(program)
            .args(["serve", "--json", "--data"])
            .arg(data)
            .args(extra)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .map_err(io("start a station"))?;
        let stdout = child.stdout.take();
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child: Running(child), station, lines, log })
    }

    /// Waits until it says something of this form.
    fn said<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let started = Instant::now();
        loop {
            match self.lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    if let Ok(said) = serde_json::from_str(&line) {
                        return Ok(said);
                    }
                }
                Err(_) => {
                    let ended = self.child.0.try_wait();
                    let ended = ended.map_err(|source| Error::Io { operation: "watch a station", source })?;
                    if ended.is_some() || started.elapsed() > READY_WITHIN {
                        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                        let why = said.lines().last().unwrap_or("it said nothing").to_owned();
                        return Err(Error::NotReady { station: self.station.to_string(), why });
                    }
                }
            }
        }
    }

    fn into_process(self, addresses: Addresses) -> Process {
        Process { child: self.child, station: self.station, addresses }
    }
}

/// A `serve` on a folder that holds no station yet: it asks in a browser.
#[derive(Debug)]
pub struct Unenrolled {
    starting: Starting,
    /// Where the first page is.
    pub page: SocketAddr,
}

/// What it says in place of its addresses.
#[derive(Debug, Deserialize)]
struct FirstPage {
    enrolled: bool,
    page: SocketAddr,
}

impl Unenrolled {
    /// Starts `program serve` on a folder for a station to be, and waits until it says where its page is.
    ///
    /// # Errors
    /// As for [`Process::start`]; [`Error::NotReady`] too where there is a station.
    pub fn start(
        program: &Path,
        station: StationCode,
        data: &Path,
        extra: &[&str],
        log: PathBuf,
    ) -> Result<Self, Error> {
        let mut starting = Starting::start(program, station, data, extra, log)?;
        let FirstPage { enrolled, page } = starting.said()?;
        if enrolled {
            return Err(Error::NotReady { station: station.to_string(), why: "it is enrolled".to_owned() });
        }
        Ok(Self { starting, page })
    }

    /// Waits until the same process is the running station.
    ///
    /// # Errors
    /// [`Error::NotReady`].
    pub fn ready(mut self) -> Result<Process, Error> {
        let addresses = self.starting.said()?;
        Ok(self.starting.into_process(addresses))
    }

    /// Tells it to stop before there is a station, and waits for its end.
    ///
    /// # Errors
    /// As for [`Process::stop`].
    pub fn stop(self) -> Result<(), Error> {
        let page = self.page;
        let nowhere = Addresses { link: None, enrolment: None, desk: page, api: page, metrics: page };
        self.starting.into_process(nowhere).stop()
    }
}

/// A `serve` that waits until another process has ended.
#[derive(Debug)]
pub struct Waiting(Starting);

impl Waiting {
    /// Starts `program serve` and returns at once.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn start(
        program: &Path,
        station: StationCode,
        data: &Path,
        extra: &[&str],
        log: PathBuf,
    ) -> Result<Self, Error> {
        Starting::start(program, station, data, extra, log).map(Self)
    }

    /// What it has logged.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn log(&self) -> Result<String, Error> {
        std::fs::read_to_string(&self.0.log).map_err(|source| Error::Io { operation: "read a log file", source })
    }

    /// Waits until it is the running station.
    ///
    /// # Errors
    /// [`Error::NotReady`].
    pub fn ready(mut self) -> Result<Process, Error> {
        let addresses = self.0.said()?;
        Ok(self.0.into_process(addresses))
    }
}

/// A running `serve`.
#[derive(Debug)]
pub struct Process {
    child: Running,
    /// The station.
    pub station: StationCode,
    /// Where it listens.
    pub addresses: Addresses,
}

impl Process {
    /// Starts `program serve` on a data folder and waits until it is ready. Its log goes to `log`.
    ///
    /// # Errors
    /// [`Error::NotReady`] where it ends or stays silent, [`Error::Io`] where it can't be started.
    pub fn start(
        program: &Path,
        station: StationCode,
        data: &Path,
        extra: &[&str],
        log: PathBuf,
    ) -> Result<Self, Error> {
        let mut starting = Starting::start(program, station, data, extra, log)?;
        let addresses = starting.said()?;
        Ok(starting.into_process(addresses))
    }

    /// Asks the station to stop, as an operator's Ctrl-C does, and waits for its end.
    ///
    /// # Errors
    /// [`Error::Timeout`] where it goes on; it is killed then. [`Error::Command`] where it ends with a fault.
    pub fn stop(mut self) -> Result<(), Error> {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let started = Instant::now();
        while started.elapsed() < STOP_WITHIN {
            if let Ok(Some(status)) = self.child.0.try_wait() {
                if status.success() {
                    return Ok(());
                }
                return Err(Error::Command { program: format!("station {}", self.station), said: status.to_string() });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child.end();
        Err(Error::Timeout { what: format!("station {} to stop", self.station), seconds: STOP_WITHIN.as_secs() })
    }

    /// Ends the station at once, as a power cut or `kill -9` does to a process.
    pub fn kill(self) {
        drop(self);
    }

    /// Waits until the station ends by itself. Whether it ended well.
    ///
    /// # Errors
    /// [`Error::Timeout`]; [`Error::Io`].
    pub fn ended(mut self) -> Result<bool, Error> {
        let started = Instant::now();
        while started.elapsed() < READY_WITHIN {
            let ended = self.child.0.try_wait().map_err(|source| Error::Io { operation: "watch a station", source })?;
            if let Some(status) = ended {
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(Error::Timeout { what: format!("station {} to end", self.station), seconds: READY_WITHIN.as_secs() })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    fn signal(&self, signal: nix::sys::signal::Signal) {
        if let Ok(id) = i32::try_from(self.child.0.id()) {
            // A process that is gone already needs no signal.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal);
        }
    }
}
