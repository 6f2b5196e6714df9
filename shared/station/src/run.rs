//! A station's run, in parts that a program puts together as a list: open, link, services, desk, ready, and
//! stop in the same order, so that nothing new begins, what has begun is finished, and the links say goodbye.

mod arguments;
mod error;
mod open_files;
mod uploads;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sanji_link::{AcceptLimits, Detour, Host, Trust};
use sanji_log::Tier;
use sanji_store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

pub use arguments::Arguments;
pub use error::Error;

use crate::addresses::{self, Addresses};
use crate::bundle::Bundles;
use crate::command::{chain, print_line};
use crate::config::{Config, NO_UPSTREAM, Program, StoreConfig};
use crate::core::StationKeys;
use crate::folder::DataFolder;
use crate::keys::Keys;
use crate::metrics::{Commits, Measured};
use crate::station::Station;
use crate::tokens::Tokens;
use crate::{follow, metrics, recovery, service, stores, telemetry, timers};

/// How long parts may take to finish once the station is to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// How long the desk waits for its port.
const PORT_FREE_WITHIN: Duration = Duration::from_secs(5);
/// How long a hub that has taken over waits for its ports: the former process may be on this machine, and looks every two
/// seconds whether it is still the one that writes.
const FORMER_GONE_WITHIN: Duration = Duration::from_secs(15);

/// A running station and its parts.
pub struct Run {
    /// Which program runs it.
    pub program: Program,
    /// Its data folder.
    pub data: DataFolder,
    /// Its configuration.
    pub config: Config,
    /// Its keys.
    pub keys: Keys,
    /// Whom it believes.
    pub trust: Arc<Trust>,
    /// The station itself.
    pub station: Station,
    /// Reads and writes its bundles.
    pub bundles: Bundles,
    /// Tokens of programs.
    pub tokens: Tokens,
    /// Cancelled when the station is to stop.
    pub shutdown: CancellationToken,
    addresses: Listening,
    commits: Commits,
    json: bool,
    /// Where a page was served before there was a station.
    page: Option<TcpListener>,
    /// How long ports are waited for that are taken.
    patience: Duration,
    parts: JoinSet<(&'static str, Result<(), Error>)>,
}

/// Where the parts that were started listen.
#[derive(Debug, Default)]
struct Listening {
    link: Option<SocketAddr>,
    enrolment: Option<SocketAddr>,
    desk: Option<SocketAddr>,
    api: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
}

impl Run {
    /// Configuration, logging, keys; then lock the data folder, open the store, open the station on it.
    ///
    /// # Errors
    /// [`Error`]; a second process on the same data folder is one of them.
    pub async fn open(program: Program, arguments: Arguments) -> Result<Self, Error> {
        let data = DataFolder::new(&arguments.data);
        let config = arguments.config(program, &data)?;
        telemetry::start(&config.log);
        telemetry::abort_on_panic();
        open_files::allow_many();
        let keys = Keys::read(&data, program.made_by())?;
        let trust =
            Trust::new(&keys.identity).map_err(|source| Error::Link { operation: "use the station's keys", source })?;
        let commits = Commits::default();
        let (store, has_taken_over) = open_or_take_over(&data, &config.store).await?;
        let store = Arc::new(Measured::new(store, commits.clone()));
        let station = Station::open(store, station_keys(&keys), program).await.map_err(Error::Station)?;
        if station.store().may_lack() {
            station.hold_back(&data)?;
        }
        station.read_healing(&data)?;
        station.limit_attachments(config.attachments.max_mb << 20);
        tracing::info!(station.code = %keys.membership.station, version = env!("CARGO_PKG_VERSION"), "station opened");
        Ok(Self {
            program,
            tokens: Tokens::new(&data),
            bundles: Bundles::new(station.clone(), keys.identity.clone(), data.clone()),
            data,
            config,
            keys,
            trust: Arc::new(trust),
            station,
            shutdown: CancellationToken::new(),
            addresses: Listening::default(),
            commits,
            json: arguments.json,
            page: None,
            patience: if has_taken_over { FORMER_GONE_WITHIN } else { Duration::ZERO },
            parts: JoinSet::new(),
        })
    }

    /// The directory is followed; unnamed uploads are removed; what is due is written; stations below are served; the station above is dialed.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub async fn link(&mut self) -> Result<(), Error> {
        let following = follow::follow(
            self.station.clone(),
            self.trust.clone(),
            self.keys.identity.clone(),
            self.data.clone(),
            self.shutdown.clone(),
        );
        self.part("directory", async move {
            following.await;
            Ok(())
        });
        let sweeping = uploads::sweep(
            self.station.clone(),
            Duration::from_hours(self.config.attachments.unnamed_hours),
            self.shutdown.clone(),
        );
        self.part("uploads", async move {
            sweeping.await;
            Ok(())
        });
        let recovering = recovery::recover(self.station.clone(), self.shutdown.clone());
        self.part("recovery", async move { recovering.await.map_err(|source| Error::Lost { source }) });
        let timers = timers::keep(self.station.clone(), self.config.deadlines.tacit_grace_days, self.shutdown.clone());
        self.part("timers", async move {
            timers.await;
            Ok(())
        });
        let host: Arc<dyn Host> = Arc::new(self.station.clone());
        if self.keys.membership.station.tier() != Tier::Village {
            let listener = listen_soon("links", self.config.listen.link, self.patience).await?;
            self.addresses.link = local(&listener);
            let accepting = sanji_link::accept(
                listener,
                self.trust.clone(),
                host.clone(),
                self.accept_limits(),
                self.shutdown.clone(),
            );
            self.part("links", async move {
                accepting.await.map_err(|source| Error::Link { operation: "serve links", source })
            });
        }
        let configured = Some(self.config.upstream.clone()).filter(|upstream| !upstream.is_empty());
        let upstream = configured.or_else(|| self.keys.membership.upstream.clone());
        if upstream.as_deref() == Some(NO_UPSTREAM) {
            tracing::info!("no line to the station above: bundles carry everything");
            self.station.live_by_bundles();
        } else if let Some(upstream) = upstream {
            let (trust, shutdown, detour) = (self.trust.clone(), self.shutdown.clone(), self.detour(&upstream));
            self.part("upstream", async move {
                match detour {
                    Some(detour) => sanji_link::dial_with_detour(upstream, detour, trust, host, shutdown).await,
                    None => sanji_link::dial(upstream, trust, host, shutdown).await,
                }
                Ok(())
            });
        } else if self.program == Program::Node {
            tracing::warn!("nothing says where to link to: set `upstream` in the configuration");
        }
        Ok(())
    }

    /// The way round the township of a village, where there is one.
    fn detour(&self, upstream: &str) -> Option<Detour> {
        let configured = Some(self.config.detour.address.clone()).filter(|address| !address.is_empty());
        let address = configured.or_else(|| self.keys.membership.detour.clone())?;
        let is_village = self.keys.membership.station.tier() == Tier::Village;
        let after = Duration::from_secs(self.config.detour.after_seconds);
        (is_village && address != NO_UPSTREAM && address != upstream).then_some(Detour { address, after })
    }

    /// The case service for programs, with what the program adds to it; `/metrics` and `/readyz`.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub async fn services(&mut self, add: impl FnOnce(&Self, Routes) -> Routes) -> Result<(), Error> {
        let listener = listen_soon("the case service", self.config.listen.api, self.patience).await?;
        self.addresses.api = local(&listener);
        let routes = add(self, service::routes(&self.station, &self.bundles, &self.tokens, &self.shutdown));
        let serving = service::serve(routes, listener, self.config.limits.api_calls, self.shutdown.clone());
        self.part("case service", async move { serving.await.map_err(|source| Error::Service { source }) });
        let listener = listen_soon("metrics", self.config.listen.metrics, self.patience).await?;
        self.addresses.metrics = local(&listener);
        let serving = metrics::serve(listener, self.station.clone(), self.commits.clone(), self.shutdown.clone());
        self.part("metrics", async move { serving.await.map_err(|source| Error::Listen { what: "metrics", source }) });
        Ok(())
    }

    /// The desk goes on where a page was served before there was a station, so that browsers find it.
    pub fn go_on_at(&mut self, page: TcpListener) {
        if let Some(address) = local(&page) {
            self.config.listen.desk.set_port(address.port());
        }
        self.page = Some(page);
    }

    /// The web desk, which `serve` runs on the listener it is given.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub async fn desk<F, E>(
        &mut self,
        serve: impl FnOnce(Station, TcpListener, CancellationToken) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let address = self.config.listen.desk;
        // Whoever connects in between waits in this listener's queue. Only where the desk is for other machines too must
        // the port be given up first.
        let listener = match self.page.take().filter(|page| local(page) == Some(address)) {
            Some(page) => page,
            None => listen_soon("the desk", address, self.patience.max(PORT_FREE_WITHIN)).await?,
        };
        self.addresses.desk = local(&listener);
        let serving = serve(self.station.clone(), listener, self.shutdown.clone());
        self.part("desk", async move { serving.await.map_err(|source| Error::Desk { source: Box::new(source) }) });
        Ok(())
    }

    /// A listener for enrolment, at a hub.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub async fn enrolment_listener(&mut self) -> Result<TcpListener, Error> {
        let listener = listen_soon("enrolment", self.config.listen.enrolment, self.patience).await?;
        self.addresses.enrolment = local(&listener);
        Ok(listener)
    }

    /// Runs something as a part of the station: when it fails, the station stops.
    pub fn part(&mut self, name: &'static str, work: impl Future<Output = Result<(), Error>> + Send + 'static) {
        self.parts.spawn(async move { (name, work.await) });
    }

    /// Bounds for listeners of other stations.
    #[must_use]
    pub fn accept_limits(&self) -> AcceptLimits {
        AcceptLimits {
            connections: self.config.limits.links,
            connections_per_address: self.config.limits.links_per_address,
            ..AcceptLimits::default()
        }
    }

    /// Where links of stations below are served.
    #[must_use]
    pub fn link_address(&self) -> Option<SocketAddr> {
        self.addresses.link
    }

    /// Where enrolment is served.
    #[must_use]
    pub fn enrolment_address(&self) -> Option<SocketAddr> {
        self.addresses.enrolment
    }

    /// Says where the station listens, then serves until it is told to stop or a part fails; then stops.
    ///
    /// # Errors
    /// Why a part failed.
    pub async fn until_stopped(mut self) -> Result<(), Error> {
        self.tell_ready()?;
        let result = self.wait().await;
        tracing::info!("station stops");
        self.shutdown.cancel();
        let finished = tokio::time::timeout(STOP_WITHIN, async {
            while let Some(ended) = self.parts.join_next().await {
                if let Ok((part, Err(fault))) = ended {
                    tracing::warn!(part, error = chain(&fault), "part ended with a fault");
                }
            }
        });
        if finished.await.is_err() {
            tracing::warn!("parts that did not finish in time are dropped");
            self.parts.abort_all();
        }
        self.station.close().await;
        addresses::clear(&self.data)?;
        tracing::info!("station stopped");
        result
    }

    fn tell_ready(&self) -> Result<(), Error> {
        let Listening { link, enrolment, desk: Some(desk), api: Some(api), metrics: Some(metrics) } = self.addresses
        else {
            return Err(Error::Incomplete);
        };
        let all = Addresses { station: self.keys.membership.station, link, enrolment, desk, api, metrics };
        addresses::write(&self.data, &all)?;
        tracing::info!(station.code = %all.station, desk = %desk, api = %api, "station ready");
        let line = if self.json {
            serde_json::to_string(&all).unwrap_or_default()
        } else {
            format!(
                "{} is ready: desk http://{desk}/, case service {api}, metrics http://{metrics}/metrics",
                all.station
            )
        };
        print_line(&line).map_err(|source| Error::Output { source: Box::new(source) })
    }

    /// Until a signal comes or a part ends.
    async fn wait(&mut self) -> Result<(), Error> {
        let told = told_to_stop();
        tokio::pin!(told);
        loop {
            tokio::select! {
                told = &mut told => return told,
                Some(ended) = self.parts.join_next() => match ended {
                    Ok((part, Ok(()))) => tracing::debug!(part, "part ended"),
                    Ok((part, Err(fault))) => {
                        tracing::error!(part, error = chain(&fault), "part failed");
                        return Err(fault);
                    }
                    // A panic has ended the process before; a part is cancelled by nobody else.
                    Err(_) => {}
                },
            }
        }
    }
}

/// Waits until the process is told to stop: SIGTERM or Ctrl-C.
///
/// # Errors
/// [`Error::Signals`].
pub async fn told_to_stop() -> Result<(), Error> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|source| Error::Signals { source })?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(|source| Error::Signals { source }),
    }
}

/// What the core needs of a station's keys.
#[must_use]
pub fn station_keys(keys: &Keys) -> StationKeys {
    StationKeys {
        station: keys.membership.station,
        signing: keys.identity.signing_key.clone(),
        master: keys.master.clone(),
        authority_der: keys.identity.authority_der.clone(),
    }
}

/// Opens the store of a data folder, and locks it.
///
/// # Errors
/// [`Error::Store`], also where another process has the folder open.
pub async fn open_store(data: &DataFolder) -> Result<Arc<dyn Store>, Error> {
    open_or_take_over(data, &StoreConfig::default()).await.map(|(store, _)| store)
}

/// Where another hub process writes into the database, this one waits until it can take over, or is told to stop. Whether
/// it has waited.
async fn open_or_take_over(data: &DataFolder, config: &StoreConfig) -> Result<(Arc<dyn Store>, bool), Error> {
    let (data, config) = (data.clone(), config.clone());
    let stopping = CancellationToken::new();
    let told = stopping.clone();
    let mut opening = tokio::task::spawn_blocking(move || {
        let mut waits = false;
        let opened = stores::open(&data, &config, &mut || {
            if !std::mem::replace(&mut waits, true) {
                tracing::info!("another hub process works on the database; this one waits to take over");
            }
            !told.is_cancelled()
        });
        opened.map(|store| (store, waits))
    });
    let opened = tokio::select! {
        opened = &mut opening => opened,
        told = told_to_stop() => {
            stopping.cancel();
            told?;
            opening.await
        }
    };
    match opened {
        Ok(opened) => opened.map_err(|source| Error::Store { source }),
        Err(_) => Err(Error::Incomplete),
    }
}

async fn listen(what: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Bind { what, address, source })
}

/// The same where the port was somebody's until just now who ends by itself: the page before the station, a former hub.
async fn listen_soon(what: &'static str, address: SocketAddr, within: Duration) -> Result<TcpListener, Error> {
    let until = tokio::time::Instant::now() + within;
    loop {
        match listen(what, address).await {
            Err(Error::Bind { source, .. })
                if source.kind() == std::io::ErrorKind::AddrInUse && tokio::time::Instant::now() < until =>
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            bound => return bound,
        }
    }
}

fn local(listener: &TcpListener) -> Option<SocketAddr> {
    listener.local_addr().ok()
}
