//! A serving station as a real process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sanji_log::StationCode;
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

/// A running `serve`.
#[derive(Debug)]
pub struct Process {
    child: Child,
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
        let not_ready = |why: String| Error::NotReady { station: station.to_string(), why };
        let Some(stdout) = child.stdout.take() else { return Err(not_ready("no standard output".into())) };
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let started = Instant::now();
        loop {
            match receiver.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    if let Ok(addresses) = serde_json::from_str(&line) {
                        return Ok(Self { child, station, addresses });
                    }
                }
                Err(_) => {
                    let ended = child.try_wait().map_err(io("watch a station"))?;
                    if ended.is_some() || started.elapsed() > READY_WITHIN {
                        let _ = child.kill();
                        let _ = child.wait();
                        let said = std::fs::read_to_string(&log).unwrap_or_default();
                        return Err(not_ready(said.lines().last().unwrap_or("it said nothing").to_owned()));
                    }
                }
            }
        }
    }

    /// Asks the station to stop, as an operator's Ctrl-C does, and waits for its end.
    ///
    /// # Errors
    /// [`Error::Timeout`] where it goes on; it is killed then. [`Error::Command`] where it ends with a fault.
    pub fn stop(mut self) -> Result<(), Error> {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let started = Instant::now();
        while started.elapsed() < STOP_WITHIN {
            if let Ok(Some(status)) = self.child.try_wait() {
                if status.success() {
                    return Ok(());
                }
                return Err(Error::Command { program: format!("station {}", self.station), said: status.to_string() });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.end();
        Err(Error::Timeout { what: format!("station {} to stop", self.station), seconds: STOP_WITHIN.as_secs() })
    }

    /// Ends the station at once, as a power cut or `kill -9` does to a process.
    pub fn kill(mut self) {
        self.end();
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: nix::sys::signal::Signal) {
        if let Ok(id) = i32::try_from(self.child.id()) {
            // A process that is gone already needs no signal.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal);
        }
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
