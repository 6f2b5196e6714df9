//! A whole district of real processes: initialised, enrolled and linked the way a real one is.

mod first;
mod holdings;
mod many;
mod places;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sanji_log::{StationCode, Tier};

use crate::client::Client;
use crate::namespace::Host;
use crate::process::{Process, Waiting};
use crate::sample::{self, Sample};
use crate::{Error, binaries::Binaries};

pub use holdings::Place;

/// Password of every member of staff of a demo or test district.
pub const PASSWORD: &str = "sanji-demo-2026";

/// File with the stations' addresses: a station that was enrolled dials where its parent listened then, so they
/// stay the same from run to run.
const ADDRESSES: &str = "addresses.json";

/// Which stations a district has.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The hub.
    pub hub: StationCode,
    /// Townships, each followed by nothing: villages stand in their own list.
    pub townships: Vec<StationCode>,
    /// Villages; the township of each must be in the plan.
    pub villages: Vec<StationCode>,
}

fn code(text: &str) -> Result<StationCode, Error> {
    text.parse().map_err(|_| Error::Sample(format!("station {text}")))
}

impl Plan {
    /// The demo's district: a hub, two townships, three villages.
    ///
    /// # Errors
    /// [`Error::Sample`] never, unless this function itself is wrong.
    pub fn demo() -> Result<Self, Error> {
        Ok(Self {
            hub: code("990106000000")?,
            townships: vec![code("990106100000")?, code("990106101000")?],
            villages: vec![code("990106100203")?, code("990106101202")?, code("990106101208")?],
        })
    }

    /// One station of each tier.
    ///
    /// # Errors
    /// As for [`Plan::demo`].
    pub fn line() -> Result<Self, Error> {
        Ok(Self {
            hub: code("990106000000")?,
            townships: vec![code("990106101000")?],
            villages: vec![code("990106101208")?],
        })
    }

    /// All stations, parents before children.
    pub fn stations(&self) -> impl Iterator<Item = StationCode> + '_ {
        std::iter::once(self.hub).chain(self.townships.iter().copied()).chain(self.villages.iter().copied())
    }
}

/// A district in a folder: `DIR/CODE` is the data folder of a station, `DIR/CODE.log` its log.
#[derive(Debug)]
pub struct District {
    /// Which stations it has.
    pub plan: Plan,
    /// The people.
    pub sample: Sample,
    folder: PathBuf,
    sample_folder: PathBuf,
    binaries: Binaries,
    running: BTreeMap<StationCode, Process>,
    without_line: BTreeSet<StationCode>,
    /// Programs that serve a station in place of `sanji-hub` or `sanji-node`.
    served_by: BTreeMap<StationCode, PathBuf>,
    /// Of stations that another process has taken over.
    data_folders: BTreeMap<StationCode, PathBuf>,
    /// Stations on a host of their own, and the address there at which others reach them.
    hosts: BTreeMap<StationCode, (Host, IpAddr)>,
    /// Kept over a restart, so that stations below and open browser windows find their way back.
    addresses: BTreeMap<StationCode, crate::process::Addresses>,
}

impl District {
    /// Opens the district of a folder. Nothing is started yet.
    ///
    /// # Errors
    /// [`Error::Sample`] where the sample can't be read, [`Error::Io`] where the folder can't be made.
    pub fn new(folder: &Path, plan: Plan, binaries: Binaries) -> Result<Self, Error> {
        Self::of_sample(folder, plan, binaries, sample::folder())
    }

    /// As [`District::new`], with another sample's files and people.
    ///
    /// # Errors
    /// As for [`District::new`].
    pub fn of_sample(folder: &Path, plan: Plan, binaries: Binaries, sample: PathBuf) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(|source| Error::Io { operation: "make the folder", source })?;
        let addresses = match std::fs::read(folder.join(ADDRESSES)) {
            Ok(kept) => {
                serde_json::from_slice(&kept).map_err(|source| Error::Json { what: "the list of addresses", source })?
            }
            Err(_) => BTreeMap::new(),
        };
        Ok(Self {
            plan,
            sample: Sample::of(&sample)?,
            folder: folder.to_owned(),
            sample_folder: sample,
            binaries,
            running: BTreeMap::new(),
            without_line: BTreeSet::new(),
            served_by: BTreeMap::new(),
            data_folders: BTreeMap::new(),
            hosts: BTreeMap::new(),
            addresses,
        })
    }

    /// Gives a station no line to the station above: it enrols by files, and bundles are all it has.
    #[must_use]
    pub fn without_line(mut self, station: StationCode) -> Self {
        self.without_line.insert(station);
        self
    }

    /// Lets another program serve a station from its next start. It takes `serve` and its options as `sanji-node`
    /// does.
    pub fn set_served_by(&mut self, station: StationCode, program: PathBuf) {
        self.served_by.insert(station, program);
    }

    /// The data folder of a station.
    #[must_use]
    pub fn data(&self, station: StationCode) -> PathBuf {
        self.data_folders.get(&station).cloned().unwrap_or_else(|| self.folder.join(station.to_string()))
    }

    /// The program of a station.
    #[must_use]
    pub fn program(&self, station: StationCode) -> &Path {
        if station == self.plan.hub { &self.binaries.hub } else { &self.binaries.node }
    }

    /// Brings every station up, parents first: makes what does not exist yet, starts the rest. `tell` hears what
    /// is being done.
    ///
    /// # Errors
    /// The first command that fails.
    pub fn start(&mut self, tell: &dyn Fn(&str)) -> Result<(), Error> {
        let stations: Vec<_> = self.plan.stations().collect();
        for station in stations {
            if !self.data(station).join("keys").exists() {
                tell(&format!("{station}: {}", if station == self.plan.hub { "init" } else { "enrol" }));
                if station == self.plan.hub {
                    self.initialise()?
                } else if self.without_line.contains(&station) {
                    self.enrol_by_file(station)?
                } else {
                    self.enrol(station)?
                }
            }
            tell(&format!("{station}: serve"));
            self.serve(station)?;
        }
        Ok(())
    }

    /// Makes the hub alone, with a configuration, and starts it.
    ///
    /// # Errors
    /// Where it can't be made or does not get ready.
    pub fn make_hub(&mut self, configuration: &str) -> Result<(), Error> {
        self.initialise()?;
        self.configure(self.plan.hub, configuration)?;
        self.serve(self.plan.hub)
    }

    fn initialise(&self) -> Result<(), Error> {
        let mut arguments: Vec<String> = ["init", "--district"].map(String::from).to_vec();
        arguments.push(self.plan.hub.to_string());
        arguments.extend(["--data".into(), self.data(self.plan.hub).display().to_string()]);
        arguments.extend(["--sample".into(), self.sample_folder.display().to_string()]);
        arguments.extend(["--demo-password".into(), PASSWORD.into()]);
        for station in self.plan.stations() {
            arguments.extend(["--staff-of".into(), station.to_string()]);
        }
        self.run(self.plan.hub, arguments).map(|_| ())
    }

    /// Issues a one-time code at the hub and trades it at the station, as two people would.
    fn enrol(&self, station: StationCode) -> Result<(), Error> {
        let code = self.code(station, &["station", "add"])?;
        let mut arguments = vec!["enrol".to_owned(), "--station".into(), station.to_string()];
        arguments.extend(self.with_code(station, code)?);
        self.run(station, arguments).map(|_| ())
    }

    /// Replaces a station whose data folder is gone, and enrols its successor in the same place.
    ///
    /// # Errors
    /// The first command that fails.
    pub fn replace(&self, station: StationCode) -> Result<(), Error> {
        let code = self.code(station, &["station", "replace", "--reason", "its disk died"])?;
        let mut arguments = vec!["enrol".to_owned(), "--station".into(), station.to_string()];
        arguments.extend(self.with_code(station, code)?);
        self.run(station, arguments).map(|_| ())
    }

    /// Replaces a station whose data folder is gone, and restores its successor from a backup.
    ///
    /// # Errors
    /// The first command that fails.
    pub fn replace_from(&self, station: StationCode, opener: &[String]) -> Result<(), Error> {
        let code = self.code(station, &["station", "replace", "--reason", "its disk died"])?;
        let mut arguments = vec!["restore".to_owned()];
        arguments.extend(opener.iter().cloned());
        arguments.extend(self.with_code(station, code)?);
        self.run(station, arguments).map(|_| ())
    }

    /// Runs a command of a station's program on its data folder; its answer as JSON.
    ///
    /// # Errors
    /// Those of the command.
    pub fn command(&self, station: StationCode, arguments: &[&str]) -> Result<serde_json::Value, Error> {
        let data = self.data(station).display().to_string();
        self.run_json(station, arguments.iter().copied().chain(["--json", "--data", &data]))
    }

    /// Where a new life of a station trades its code.
    fn with_code(&self, station: StationCode, code: String) -> Result<Vec<String>, Error> {
        let hub = self.address(self.plan.hub)?;
        let enrolment = hub.enrolment.ok_or_else(|| Error::Sample("enrolment address".into()))?;
        let data = self.data(station).display().to_string();
        Ok(["--data".into(), data, "--hub".into(), enrolment.to_string(), "--code".into(), code].to_vec())
    }

    /// A one-time code for a station, as the hub's command gives it.
    fn code(&self, station: StationCode, command: &[&str]) -> Result<String, Error> {
        let mut add: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        add.extend([station.to_string(), "--json".into(), "--data".into()]);
        add.push(self.data(self.plan.hub).display().to_string());
        let parent = station.parent().ok_or_else(|| Error::Sample("parent".into()))?;
        // Where no township ever ran, its villages link to the hub.
        let above = self.addresses.get(&parent).map_or_else(|| self.address(self.plan.hub), Ok)?;
        if let Some(link) = above.link {
            add.extend(["--upstream".into(), link.to_string()]);
        }
        let added = self.run_json(self.plan.hub, add)?;
        added["code"].as_str().map(str::to_owned).ok_or_else(|| Error::Sample("one-time code".into()))
    }

    /// Writes a station's configuration, which holds from its next start.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn configure(&self, station: StationCode, text: &str) -> Result<(), Error> {
        std::fs::write(self.data(station).join("sanji.toml"), text)
            .map_err(|source| Error::Io { operation: "write a configuration", source })
    }

    /// The same by files that somebody carries: invitation, request, answer.
    fn enrol_by_file(&self, station: StationCode) -> Result<(), Error> {
        let file = |name: &str| self.folder.join(format!("{station}-{name}")).display().to_string();
        let (invitation, request, answer) = (file("invitation.pem"), file("request"), file("answer"));
        let hub = self.data(self.plan.hub).display().to_string();
        let data = self.data(station).display().to_string();
        let named = station.to_string();
        let add = ["station", "add", &named, "--invitation", &invitation, "--json", "--data", &hub];
        let added = self.run_json(self.plan.hub, add)?;
        let one_time = added["code"].as_str().ok_or_else(|| Error::Sample("one-time code".into()))?;
        let ask = ["enrol-by-file", "request", "--data", &data, "--station", &named];
        let with = ["--invitation", &invitation, "--code", one_time, "--request", &request];
        self.run(station, ask.into_iter().chain(with))?;
        let reply = ["station", "answer", "--request", &request, "--file", &answer, "--data", &hub];
        self.run(self.plan.hub, reply)?;
        let open = ["enrol-by-file", "open", "--data", &data, "--answer", &answer];
        self.run(station, open).map(|_| ())
    }

    /// Starts one station. One that ran before listens where it did.
    ///
    /// # Errors
    /// [`Error::NotReady`].
    pub fn serve(&mut self, station: StationCode) -> Result<(), Error> {
        let process = self.launch(station)?;
        self.admit([process])
    }

    fn launch(&self, station: StationCode) -> Result<Process, Error> {
        let extra = self.listening(station);
        let extra: Vec<&str> = extra.iter().map(String::as_str).collect();
        let log = self.folder.join(format!("{station}.log"));
        let program = self.served_by.get(&station).map_or_else(|| self.program(station), PathBuf::as_path);
        let data = self.data(station);
        self.at(station, || Process::start(program, station, &data, &extra, log))
    }

    /// Starts a second process of a station on a data folder of its own. It gets ready when the first has ended, and
    /// listens where that one did.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn standby(&self, station: StationCode, data: &Path) -> Result<Waiting, Error> {
        let extra = self.listening(station);
        let extra: Vec<&str> = extra.iter().map(String::as_str).collect();
        self.at(station, || Waiting::start(self.program(station), station, data, &extra, data.with_extension("log")))
    }

    /// Waits until a second process is the station from now on, with its data folder. What was the first is returned, if
    /// it was not killed.
    ///
    /// # Errors
    /// [`Error::NotReady`].
    pub fn take_over(&mut self, standby: Waiting, data: &Path) -> Result<Option<Process>, Error> {
        let process = standby.ready()?;
        let former = self.running.remove(&process.station);
        self.data_folders.insert(process.station, data.to_owned());
        self.admit([process])?;
        Ok(former)
    }

    /// Moves the records of the hub into a database, and lets it go on there.
    ///
    /// # Errors
    /// The first command that fails.
    pub fn move_hub(&mut self, database: &str) -> Result<serde_json::Value, Error> {
        let hub = self.plan.hub;
        self.stop(hub)?;
        let moved = self.command(hub, &["store", "move", "--to", database])?;
        self.configure(hub, moved["configuration"].as_str().unwrap_or_default())?;
        self.serve(hub)?;
        Ok(moved)
    }

    /// Where a station is to listen: where it did before.
    fn listening(&self, station: StationCode) -> Vec<String> {
        let mut extra = Vec::new();
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let reached_at = self.hosts.get(&station).map_or(loopback, |(_, address)| *address);
        let mut listen = |name: &str, address: Option<SocketAddr>, wanted: bool| {
            if wanted {
                let at = if ["link", "enrolment"].contains(&name) { reached_at } else { loopback };
                extra.push(format!("--listen-{name}"));
                extra.push(address.unwrap_or_else(|| SocketAddr::new(at, free_port(at))).to_string());
            }
        };
        let before = self.addresses.get(&station);
        listen("desk", before.map(|addresses| addresses.desk), true);
        listen("api", before.map(|addresses| addresses.api), true);
        listen("metrics", before.map(|addresses| addresses.metrics), true);
        listen("link", before.and_then(|addresses| addresses.link), station.tier() != Tier::Village);
        listen("enrolment", before.and_then(|addresses| addresses.enrolment), station == self.plan.hub);
        extra
    }

    fn admit(&mut self, started: impl IntoIterator<Item = Process>) -> Result<(), Error> {
        for process in started {
            self.addresses.insert(process.station, process.addresses.clone());
            self.running.insert(process.station, process);
        }
        let kept = serde_json::to_vec(&self.addresses)
            .map_err(|source| Error::Json { what: "the list of addresses", source })?;
        std::fs::write(self.folder.join(ADDRESSES), kept)
            .map_err(|source| Error::Io { operation: "keep the list of addresses", source })
    }

    /// Stops one station cleanly.
    ///
    /// # Errors
    /// Those of [`Process::stop`].
    pub fn stop(&mut self, station: StationCode) -> Result<(), Error> {
        self.running.remove(&station).map_or(Ok(()), Process::stop)
    }

    /// Ends one station as a power cut would.
    pub fn kill(&mut self, station: StationCode) {
        if let Some(process) = self.running.remove(&station) {
            process.kill();
        }
    }

    /// Stops every station cleanly, children first.
    ///
    /// # Errors
    /// The first that does not stop; the others are stopped all the same.
    pub fn stop_all(&mut self) -> Result<(), Error> {
        let stations: Vec<_> = self.plan.stations().collect();
        let mut outcome = Ok(());
        for station in stations.into_iter().rev() {
            let stopped = self.stop(station);
            if outcome.is_ok() {
                outcome = stopped;
            }
        }
        outcome
    }

    /// Where a station listens, or listened when it last ran.
    ///
    /// # Errors
    /// [`Error::Sample`] where it never ran.
    pub fn address(&self, station: StationCode) -> Result<&crate::process::Addresses, Error> {
        self.addresses.get(&station).ok_or_else(|| Error::Sample(format!("running station {station}")))
    }

    /// Whether a station has ever run.
    #[must_use]
    pub fn has_run(&self, station: StationCode) -> bool {
        self.addresses.contains_key(&station)
    }

    /// Process id of a running station.
    #[must_use]
    pub fn process_id(&self, station: StationCode) -> Option<u32> {
        self.running.get(&station).map(Process::id)
    }

    /// A client with a fresh token for a member of staff of a station.
    ///
    /// # Errors
    /// Those of the `token` command and of connecting.
    pub async fn client(&self, station: StationCode, department: &str, role: &str) -> Result<Client, Error> {
        let staff = self.sample.staff_of(station, department, role)?;
        Client::connect(self.address(station)?.api, &self.token(station, &staff.id)?).await
    }

    /// A client of the station's keeper.
    ///
    /// # Errors
    /// As for [`District::client`].
    pub async fn keeper(&self, station: StationCode) -> Result<Client, Error> {
        Client::connect(self.address(station)?.api, &self.token(station, "keeper")?).await
    }

    /// Issues a token for a member of staff, or for the keeper, by the station's command line.
    ///
    /// # Errors
    /// Those of the `token` command.
    pub fn token(&self, station: StationCode, staff: &str) -> Result<String, Error> {
        let data = self.data(station).display().to_string();
        let issued = self.run_json(station, ["token", "issue", staff, "--json", "--data", &data])?;
        issued["token"].as_str().map(str::to_owned).ok_or_else(|| Error::Sample("token".into()))
    }

    /// Waits until a station's entries are confirmed by the station above and it lacks nothing that it knows of.
    ///
    /// # Errors
    /// [`Error::Timeout`].
    pub async fn in_sync(&self, station: StationCode, within: Duration) -> Result<(), Error> {
        let mut keeper = self.keeper(station).await?;
        crate::story::until(&format!("{station} in sync"), within, async || {
            let status = keeper.health.status(sanji_proto::v1::StatusRequest {}).await.ok()?.into_inner();
            let linked = status.upstream.as_ref().is_none_or(|upstream| upstream.connected);
            (linked && status.entries_unconfirmed == 0 && status.attachments_missing == 0).then_some(())
        })
        .await
    }
}

/// A port below those that the system gives to outgoing connections: one of these could take it while the station is down.
/// No port twice, since what it is given to listens only later. 0, any, where none can be found from here.
fn free_port(at: IpAddr) -> u16 {
    const PORTS: u32 = 22_000;
    static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(rand::random_range(0..PORTS)));
    let next = || u16::try_from(10_000 + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS).unwrap_or(0);
    let mut ports = std::iter::repeat_with(next).take(1000);
    ports.find(|port| TcpListener::bind((at, *port)).is_ok()).unwrap_or(0)
}
