//! The line that most workloads run on: a village, its township and the hub, three real processes over mutual TLS,
//! with writers inside the village's.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use prost::Message as _;
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use tempfile::TempDir;

use super::writers::{Done, Foreman, Order};
use super::{Setting, books};
use crate::client::{Client, failed};
use crate::district::{District, Plan};
use crate::postgres::Server;
use crate::{Error, machine, story};

/// How often the hub is asked how many entries it holds. Each time costs it about 0.1 ms.
const ASK_EVERY: Duration = Duration::from_millis(5);
/// Notes go round the cases, so that a case has few, as a real one.
pub const CASES: usize = 4000;
/// The item that cases of the benchmark are about: a village takes it in.
pub const ITEM: &str = "rs-canbao";

/// A line that runs.
#[derive(Debug)]
pub struct Line {
    /// Its three stations.
    pub district: District,
    /// The village.
    pub village: StationCode,
    /// The township.
    pub township: StationCode,
    /// The hub's keeper.
    pub hub: Client,
    /// The village's writers.
    pub foreman: Foreman,
    _folder: TempDir,
    _server: Option<Server>,
}

impl Line {
    /// Starts a line and lets it come to rest.
    ///
    /// # Errors
    /// Where a station does not start or does not come in sync.
    pub async fn start(setting: &Setting) -> Result<Self, Error> {
        let plan = Plan::line()?;
        let (&[village], &[township]) = (&plan.villages[..], &plan.townships[..]) else {
            return Err(Error::Sample("one village".into()));
        };
        let folder = setting.folder()?;
        let mut district = District::new(folder.path(), plan, setting.binaries.clone())?;
        district.set_served_by(village, setting.program.clone());
        district.start(&|_| ())?;
        let server = if setting.database { Some(Server::start(&[])?) } else { None };
        if let Some(server) = &server {
            district.move_hub(&server.database("sanji")?)?;
        }
        district.in_sync(village, Duration::from_secs(60)).await?;
        let hub = district.keeper(district.plan.hub).await?;
        let foreman = Foreman::of(&district.data(village));
        Ok(Self { district, village, township, hub, foreman, _folder: folder, _server: server })
    }

    /// An application by a resident of the village, and the agent who files it.
    ///
    /// # Errors
    /// Where the sample lacks something.
    pub async fn application(&self) -> Result<(Client, proto::SubmitRequest), Error> {
        let mut agent = self.district.client(self.village, "village", "代办员").await?;
        let application = story::application(&self.district, &mut agent, self.village, ITEM).await?;
        Ok((agent, application))
    }

    /// Tells the writers who they are, and lets them open cases.
    ///
    /// # Errors
    /// Where they can't.
    pub async fn open_cases(&mut self, cases: usize) -> Result<(), Error> {
        let (_, application) = self.application().await?;
        let staff = self.district.sample.staff_of(self.village, "village", "代办员")?.id.clone();
        let before = self.hub_entries().await?;
        self.foreman.order(&Order::Begin { staff, application: application.encode_to_vec() }).await?;
        let opened = self.foreman.order(&Order::Open { cases, writers: 256.min(cases) }).await?;
        self.until_at_hub(before + opened.written as u64).await.map(|_| ())
    }

    /// Entries that the hub holds.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn hub_entries(&mut self) -> Result<u64, Error> {
        entries_of(&mut self.hub).await
    }

    /// Waits until the hub holds so many entries; when it was seen to.
    ///
    /// # Errors
    /// [`Error::Timeout`] where no more come for a minute.
    pub async fn until_at_hub(&mut self, wanted: u64) -> Result<Instant, Error> {
        until_entries(&mut self.hub, wanted).await
    }

    /// Lets the writers write so many notes and waits until the last is durable at the hub.
    ///
    /// # Errors
    /// Where something is not written or does not arrive.
    pub async fn write(&mut self, notes: usize, writers: usize, together: usize) -> Result<Written, Error> {
        let before = self.hub_entries().await?;
        let busy_before = self.busy();
        let started = Instant::now();
        let foreman = self.foreman.clone();
        let ordered = tokio::spawn(async move { foreman.order(&Order::Write { writers, together }).await });
        let last = self.until_at_hub(before + notes as u64).await?;
        let village = ordered.await.map_err(|_| Error::Writers("the order was not given".into()))??;
        let busy = self.busy().saturating_sub(busy_before);
        Ok(Written { village, at_hub: last.saturating_duration_since(started), busy })
    }

    /// Lets a station dial another address than its parent's: a line that counts, or a bad one.
    ///
    /// # Errors
    /// Where the station does not start again.
    pub fn redirect(&mut self, station: StationCode, upstream: SocketAddr) -> Result<(), Error> {
        self.district.stop(station)?;
        self.district.configure(station, &format!("upstream = \"{upstream}\"\n"))?;
        self.district.serve(station)
    }

    /// Processor time that the three stations have used.
    #[must_use]
    pub fn busy(&self) -> Duration {
        let stations = self.district.plan.stations();
        stations.filter_map(|station| machine::processor_time(self.district.process_id(station)?)).sum()
    }

    /// Stops the line and compares what the three stores hold: nothing lost, nothing doubled.
    ///
    /// # Errors
    /// [`Error::Lost`].
    pub async fn finish(mut self, expected: &books::Expected) -> Result<(), Error> {
        self.district.in_sync(self.village, Duration::from_secs(60)).await?;
        self.district.stop_all()?;
        books::compare(&self.district, &[self.village], expected)
    }
}

/// How long writing took.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// Until the last entry was durable at the village.
    pub village: Done,
    /// Until the last entry was durable at the hub.
    pub at_hub: Duration,
    /// Processor time of all three stations.
    pub busy: Duration,
}

/// Entries that a station holds.
///
/// # Errors
/// Where it does not answer.
pub async fn entries_of(keeper: &mut Client) -> Result<u64, Error> {
    Ok(keeper.health.status(proto::StatusRequest {}).await.map_err(failed("Status"))?.into_inner().entries)
}

/// Waits until a station holds so many entries; when it was seen to.
///
/// # Errors
/// [`Error::Timeout`] where no more come for a minute.
pub async fn until_entries(keeper: &mut Client, wanted: u64) -> Result<Instant, Error> {
    const STILL: Duration = Duration::from_secs(60);
    let (mut held, mut moved) = (0, Instant::now());
    loop {
        let now_held = entries_of(keeper).await?;
        let now = Instant::now();
        if now_held >= wanted {
            return Ok(now);
        }
        if now_held != held {
            (held, moved) = (now_held, now);
        }
        if moved.elapsed() > STILL {
            return Err(Error::Timeout { what: format!("{wanted} entries, {held} came"), seconds: STILL.as_secs() });
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}
