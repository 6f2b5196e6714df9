//! The first page: `serve` on a folder that holds no station yet asks a person, in a browser on this machine, for what the
//! commands `enrol` and `enrol-by-file` ask for, does what they do, and then goes on as the station.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use sanji_desk::{Enrolled, Enrolling, EnrolmentRequest, Hindrance, SoFar, Upload, serve_first};
use sanji_link::{CancellationToken, EnrolRefusal, EnrolmentCode, Flaw, Invitation, Obstacle};
use sanji_log::{StationCode, Tier};
use sanji_station::command::{chain, print_line};
use sanji_station::config::{Program, is_host_port};
use sanji_station::folder::{self, DataFolder};
use sanji_station::keys::{self, Asking};
use sanji_station::run::{self, Arguments};
use sanji_station::telemetry;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;

use crate::error::Error;
use crate::{enrol, enrol_by_file};

/// The page while it is served: it goes on saying that the station starts, until the desk takes its place.
pub(crate) struct Page {
    /// The same socket as the page's: what connects while neither is served waits in its queue.
    listener: TcpListener,
    address: SocketAddr,
    json: bool,
    serving: JoinHandle<Result<(), sanji_desk::Error>>,
    enrolled: CancellationToken,
    shutdown: CancellationToken,
}

impl Page {
    /// Serves the page; none where the folder holds a station.
    pub(crate) async fn open(arguments: &Arguments) -> Result<Option<Self>, run::Error> {
        let data = DataFolder::new(&arguments.data);
        if data.holds_station() {
            return Ok(None);
        }
        let config = arguments.config(Program::Node, &data)?;
        telemetry::start(&config.log);
        telemetry::abort_on_panic();
        let desk = config.listen.desk;
        let at = on_loopback(desk);
        let bound = |source| run::Error::Bind { what: "the first page", address: at, source };
        let listener = std::net::TcpListener::bind(at).map_err(bound)?;
        listener.set_nonblocking(true).map_err(bound)?;
        let pages = listener.try_clone().and_then(TcpListener::from_std).map_err(bound)?;
        let listener = TcpListener::from_std(listener).map_err(bound)?;
        let address = listener.local_addr().map_err(bound)?;
        let (enrolled, shutdown) = (CancellationToken::new(), CancellationToken::new());
        let folder = Folder { data };
        // What a browser had not sent to its end when the machine was switched off.
        folder.drop_answer();
        // A desk on all addresses is on loopback too.
        let elsewhere = !desk.ip().is_loopback() && !desk.ip().is_unspecified();
        let serving = tokio::spawn(serve_first(
            Arc::new(folder),
            pages,
            elsewhere.then(|| SocketAddr::new(desk.ip(), address.port())),
            enrolled.clone(),
            shutdown.clone(),
        ));
        tracing::info!(page = %address, "not enrolled yet: the first page is served");
        Ok(Some(Self { listener, address, json: arguments.json, serving, enrolled, shutdown }))
    }

    /// Says where the page is, and waits until there is a station.
    pub(crate) async fn enrolled(&mut self) -> Result<(), run::Error> {
        tell(self.address, self.json)?;
        tokio::select! {
            () = self.enrolled.cancelled() => Ok(()),
            ended = &mut self.serving => {
                let ended = ended.map_err(|_| run::Error::Incomplete)?;
                Err(ended.map_or_else(|source| run::Error::Desk { source: Box::new(source) }, |()| run::Error::Incomplete))
            }
        }
    }

    /// Gives way to the desk, which goes on with the listener. Nobody waits for browsers that still hold a connection to
    /// the page: what they ask on it is answered as before.
    pub(crate) fn give_way(self) -> TcpListener {
        self.shutdown.cancel();
        self.listener
    }

    /// Ends the page once running requests have ended.
    pub(crate) async fn end(self) {
        self.shutdown.cancel();
        // Why it failed was told while it was served.
        let _ = self.serving.await;
    }
}

/// Who may open the page may make this machine a station, and nobody has a password yet: it is for this machine alone,
/// wherever the desk will be. A desk that is for the whole office is found at the same port afterwards.
fn on_loopback(desk: SocketAddr) -> SocketAddr {
    let loopback = match desk.ip() {
        ip if ip.is_loopback() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(loopback, desk.port())
}

/// One line, as the running station prints one when it is ready. In JSON, `enrolled` tells the two apart.
fn tell(page: SocketAddr, json: bool) -> Result<(), run::Error> {
    let line = if json {
        format!("{{\"enrolled\":false,\"page\":\"{page}\"}}")
    } else {
        format!("not enrolled yet: open http://{page}/ in a browser on this machine")
    };
    print_line(&line).map_err(|source| run::Error::Output { source: Box::new(source) })
}

/// The data folder, as the page sees it.
struct Folder {
    data: DataFolder,
}

#[async_trait]
impl Enrolling for Folder {
    fn so_far(&self) -> Result<SoFar, Hindrance> {
        let unusable = |fault: folder::Error| self.unusable(&fault);
        let backup = keys::membership(&self.data).map_err(unusable)?.map(|backup| backup.station);
        let asked = match Asking::read(&self.data, enrol_by_file::ASK) {
            Ok(asking) => Some(asking.membership.station),
            Err(folder::Error::Vacant { .. }) => None,
            Err(fault) => return Err(unusable(fault)),
        };
        Ok(SoFar { backup, asked })
    }

    async fn enrol(&self, station: &str, hub: &str, code: &str) -> Result<Enrolled, Hindrance> {
        let station = read_station(station)?;
        // `http://…` would be taken for a name and looked up.
        if !is_host_port(hub) || hub.contains('/') {
            return Err(Hindrance::NoAddress);
        }
        let code = read_code(code)?;
        self.outcome(enrol::trade(&self.data, station, hub, &code).await.map(|_| ()), of_line)
    }

    async fn request(&self, station: &str, code: &str, invitation: &str) -> Result<EnrolmentRequest, Hindrance> {
        let (station, code) = (read_station(station)?, read_code(code)?);
        let files = enrol_by_file::Files { invitation: Path::new("invitation"), request: Path::new("request") };
        match enrol_by_file::request(&self.data, station, invitation, &code, files) {
            Ok(bytes) => Ok(EnrolmentRequest { station, bytes: bytes.into() }),
            Err(fault) => Err(self.hindrance(&fault, |fault| of_invitation(fault, invitation))),
        }
    }

    async fn keep_answer(&self, mut answer: Upload<'_>) -> Result<(), Hindrance> {
        let path = self.answer();
        let lost = |fault: std::io::Error| {
            tracing::warn!(error = chain(&fault), "the answer can't be kept");
            Hindrance::Folder
        };
        self.data.create().map_err(|fault| self.unusable(&fault))?;
        let mut file = tokio::fs::File::create(&path).await.map_err(lost)?;
        let kept = async {
            while let Some(part) = answer.next().await {
                let part = part.map_err(|_| Hindrance::Upload)?;
                file.write_all(&part).await.map_err(lost)?;
            }
            file.flush().await.map_err(lost)
        };
        let kept = kept.await;
        if kept.is_err() {
            self.drop_answer();
        }
        kept
    }

    async fn open_answer(&self) -> Result<Enrolled, Hindrance> {
        let opened = enrol_by_file::open(&self.data, &self.answer()).await.map(|_| ());
        self.drop_answer();
        self.outcome(opened, of_answer)
    }
}

impl Folder {
    /// The answer while it is opened.
    fn answer(&self) -> PathBuf {
        self.data.path().join("answer.partial")
    }

    /// Whoever tries again brings it again.
    fn drop_answer(&self) {
        // That it can't be removed is no further news.
        let _ = std::fs::remove_file(self.answer());
    }

    /// Once the keys are in place the folder is a station's, whatever could not be kept beside them.
    fn outcome(
        &self,
        done: Result<(), Error>,
        why: impl Fn(&sanji_link::Error) -> Hindrance,
    ) -> Result<Enrolled, Hindrance> {
        match done {
            Ok(()) => Ok(Enrolled::Whole),
            // A command has enrolled it meanwhile.
            Err(Error::Folder(folder::Error::Occupied { .. })) => Ok(Enrolled::Whole),
            Err(fault) if self.data.holds_station() => {
                tracing::error!(error = chain(&fault), "the station is enrolled, but lacks some of what it was given");
                Ok(Enrolled::Partly)
            }
            Err(fault) => Err(self.hindrance(&fault, why)),
        }
    }

    fn hindrance(&self, fault: &Error, why: impl Fn(&sanji_link::Error) -> Hindrance) -> Hindrance {
        match fault {
            Error::Enrol { source, .. } | Error::File { source, .. } => {
                // Without what was typed: somebody may have typed the code into another field.
                tracing::warn!(error = chain(source), "not enrolled");
                why(source)
            }
            Error::Backup(station) => Hindrance::BackupOf(*station),
            Error::Folder(folder::Error::Vacant { .. }) => Hindrance::NotAsked,
            fault => self.unusable(fault),
        }
    }

    fn unusable(&self, fault: &dyn std::error::Error) -> Hindrance {
        tracing::warn!(error = chain(fault), "the data folder can't be used");
        Hindrance::Folder
    }
}

fn read_station(typed: &str) -> Result<StationCode, Hindrance> {
    let station: StationCode = typed.parse().map_err(|_| Hindrance::NoStation)?;
    if station.tier() == Tier::District { Err(Hindrance::District) } else { Ok(station) }
}

fn read_code(typed: &str) -> Result<EnrolmentCode, Hindrance> {
    let characters = typed.chars().filter(|character| !character.is_whitespace() && *character != '-').count();
    typed.parse().map_err(|_| Hindrance::NoCode { characters })
}

/// What an error of the link means to whoever enrols over the line.
fn of_line(fault: &sanji_link::Error) -> Hindrance {
    use sanji_link::Error as Fault;
    match (fault, fault.obstacle()) {
        (_, Some(Obstacle::Unreachable)) => Hindrance::Unreachable,
        (_, Some(Obstacle::NoHub)) => Hindrance::NoHub,
        (_, Some(Obstacle::OtherDistrict)) => Hindrance::OtherDistrict,
        (_, Some(Obstacle::Clock)) => Hindrance::Clock,
        (_, Some(Obstacle::BrokeOff)) => Hindrance::BrokeOff,
        (Fault::WrongAuthority, None) => Hindrance::WrongAuthority,
        (Fault::EnrolmentRefused { source }, None) => match source {
            EnrolRefusal::Denied => Hindrance::Denied,
            EnrolRefusal::TooManyAttempts { retry_after } => {
                Hindrance::TooManyAttempts { retry_after_s: retry_after.as_secs() }
            }
            EnrolRefusal::Unavailable => Hindrance::HubUnavailable,
            EnrolRefusal::Malformed { .. } => Hindrance::NotUnderstood,
        },
        (Fault::Status { .. }, None) => Hindrance::HubUnavailable,
        _ => Hindrance::NotUnderstood,
    }
}

/// What it means to whoever has chosen an invitation.
fn of_invitation(fault: &sanji_link::Error, chosen: &str) -> Hindrance {
    use sanji_link::Error as Fault;
    match fault {
        Fault::WrongAuthority => Hindrance::WrongInvitation,
        // What can be read as one and is of the code's district can only be of another than the station's.
        Fault::EnrolmentFile { .. } if Invitation::from_pem(chosen).is_ok() => Hindrance::OtherDistrict,
        _ => Hindrance::NoInvitation,
    }
}

/// What it means to whoever has chosen an answer.
fn of_answer(fault: &sanji_link::Error) -> Hindrance {
    use sanji_link::Error as Fault;
    match fault {
        Fault::BundleForAnother { receiver } => Hindrance::AnswerFor(*receiver),
        Fault::Bundle { flaw: Flaw::OtherKey, .. } => Hindrance::AnswerToEarlier,
        Fault::Bundle { flaw: Flaw::Damaged, .. } | Fault::Io { .. } => Hindrance::Damaged,
        Fault::Bundle { flaw: Flaw::Later, .. } => Hindrance::Later,
        _ => Hindrance::NoAnswer,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_page_is_for_this_machine_alone_at_the_desks_port() {
        for (desk, page) in [
            ("127.0.0.1:7180", "127.0.0.1:7180"),
            ("127.0.0.2:0", "127.0.0.2:0"),
            ("0.0.0.0:7180", "127.0.0.1:7180"),
            ("192.168.1.5:80", "127.0.0.1:80"),
            ("[::]:7180", "[::1]:7180"),
        ] {
            assert_eq!(on_loopback(desk.parse().unwrap()).to_string(), page);
        }
    }

    #[test]
    fn what_was_typed_wrong_is_found_before_anybody_is_asked() {
        assert_eq!(read_station("990106000000"), Err(Hindrance::District));
        assert_eq!(read_station("9901"), Err(Hindrance::NoStation));
        let code = |typed: &str| read_code(typed).unwrap_err();
        assert_eq!(code(""), Hindrance::NoCode { characters: 0 });
        assert_eq!(code("3K8Q - 7ZK0"), Hindrance::NoCode { characters: 8 });
        assert_eq!(code(&"1".repeat(28)), Hindrance::NoCode { characters: 28 });
    }

    #[test]
    fn a_folder_tells_how_far_it_is_and_takes_no_other_station_than_its_backups() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder { data: DataFolder::new(root.path()) };
        assert_eq!(folder.so_far(), Ok(SoFar::default()));
        let backup = r#"{"station":990106101203,"hub_key":"KEY","upstream":null}"#.replace("KEY", &"07".repeat(32));
        folder::replace(&folder.data.keys().join("station.json"), backup.as_bytes()).unwrap();
        let station: StationCode = "990106101203".parse().unwrap();
        assert_eq!(folder.so_far(), Ok(SoFar { backup: Some(station), asked: None }));
        let other = enrol::make_folder(&folder.data, "990106101202".parse().unwrap()).unwrap_err();
        assert_eq!(folder.hindrance(&other, of_line), Hindrance::BackupOf(station));
        folder::replace(&folder.data.keys().join("station.json"), b"{").unwrap();
        assert_eq!(folder.so_far(), Err(Hindrance::Folder));
    }
}
