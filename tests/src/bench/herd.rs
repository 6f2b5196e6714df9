//! Herd: 400 villages that link straight to the hub, since no township runs. The hub goes away, each village writes
//! 200 applications, the hub comes back to all of them at once. All are real processes.

use std::time::{Duration, Instant};

use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::fan_in::begin;
use super::line::{entries_of, until_entries};
use super::sheet::{Row, Sheet};
use super::writers::{Foreman, Order};
use super::{Setting, books, percentile};
use crate::client::{Client, failed};
use crate::district::District;
use crate::sample::wide;
use crate::{Error, machine};

/// How often somebody at the hub's desk opens a page.
const EVERY: Duration = Duration::from_millis(100);
/// How long the herd may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(600);

const NAME: &str = "herd";
const SYNCED: Row = Row::at_most(NAME, "400 nodes, 200 entries each: all at the restarted hub", "s", 60.0);
const ENROLLED: Row = Row::at_most(NAME, "400 nodes enrol: hub's peak resident memory", "MB", 512.0);
const PEAK: Row = Row::at_most(NAME, "hub's peak resident memory", "MB", 512.0);
const DESK: Row = Row::at_most(NAME, "hub's desk meanwhile (page, work list), p95", "ms", 200.0);
const NODES: Row = Row::told(NAME, "nodes, each a process", "");

/// Runs the workload.
///
/// # Errors
/// Where a station fails, or an entry is lost or doubled.
pub async fn measure(setting: &Setting, sheet: &mut Sheet) -> Result<(), Error> {
    let (townships, each) = (setting.size(20, 2), setting.size(20, 5));
    let (cases, away) = (setting.size(200, 20), Duration::from_secs(setting.size(60, 3) as u64));
    let folder = setting.folder()?;
    let sample = folder.path().join("sample");
    let plan = wide::write(&sample, townships, each)?;
    let mut district =
        District::of_sample(&folder.path().join("district"), plan.clone(), setting.binaries.clone(), sample)?;
    for village in &plan.villages {
        district.set_served_by(*village, setting.program.clone());
    }
    setting.tell(&format!("herd: enrolling {} nodes", plan.villages.len()));
    tokio::task::block_in_place(|| {
        district.make_hub("[limits]\nlinks = 1024\nlinks_per_address = 1024\n")?;
        district.start_many(&plan.villages)
    })?;
    district.at_each(&plan.villages, |village| begin_in_sync(&district, village))?;
    sheet.note(ENROLLED, peak_megabytes(&district));
    let all = plan.villages.len() * cases;
    // A village has 9,999 case numbers a day.
    for run in 0..setting.runs {
        setting.tell(&format!("herd: run {}, the hub is away", run + 1));
        let before = entries_of(&mut district.keeper(plan.hub).await?).await?;
        tokio::task::block_in_place(|| district.stop(plan.hub))?;
        let mut writing = JoinSet::new();
        for village in &plan.villages {
            let foreman = Foreman::of(&district.data(*village));
            writing.spawn(async move { foreman.order(&Order::Open { cases, writers: 8 }).await });
        }
        while let Some(written) = writing.join_next().await {
            written.map_err(|_| Error::Writers("a village's order was not given".into()))??;
        }
        tokio::time::sleep(away).await;
        setting.tell(&format!("herd: run {}, the hub is back", run + 1));
        let started = Instant::now();
        tokio::task::block_in_place(|| district.serve(plan.hub))?;
        let mut hub = district.keeper(plan.hub).await?;
        let reviewer = district.client(plan.hub, "rs", "审批").await?;
        let page = district.address(plan.hub)?.desk;
        let (end, ended) = watch::channel(false);
        let desk = tokio::spawn(use_desk(page, reviewer, ended));
        let last = tokio::time::timeout(PATIENCE, until_entries(&mut hub, before + all as u64)).await;
        let last = last.map_err(|_| Error::Timeout { what: "the herd".into(), seconds: PATIENCE.as_secs() })??;
        end.send_replace(true);
        let mut times = desk.await.map_err(|_| Error::Writers("nobody was at the desk".into()))??;
        sheet.note(NODES, plan.villages.len() as f64);
        sheet.note(SYNCED, last.saturating_duration_since(started).as_secs_f64());
        sheet.note(PEAK, peak_megabytes(&district));
        sheet.note(DESK, percentile(&mut times, 95));
    }
    setting.tell("herd: comparing the stores");
    district.at_each(&plan.villages, |village| district.in_sync(village, Duration::from_secs(180)))?;
    tokio::task::block_in_place(|| {
        district.stop_many(&plan.villages)?;
        district.stop(plan.hub)?;
        let written = all * setting.runs;
        books::compare(&district, &plan.villages, &books::Expected::from([("step.submitted", written)]))
    })
}

/// The most memory that the hub's process has had.
fn peak_megabytes(district: &District) -> f64 {
    let peak = district.process_id(district.plan.hub).and_then(machine::peak_resident_kib);
    peak.map_or(f64::NAN, |kib| kib as f64 / 1024.0)
}

async fn begin_in_sync(district: &District, village: StationCode) -> Result<(), Error> {
    district.in_sync(village, Duration::from_secs(180)).await?;
    begin(district, village).await
}

/// Opens the desk's public page and a reviewer's work list in turn until told to end; how long each took.
async fn use_desk(
    page: std::net::SocketAddr,
    mut reviewer: Client,
    mut ended: watch::Receiver<bool>,
) -> Result<Vec<Duration>, Error> {
    let mut times = Vec::new();
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = ended.changed() => return Ok(times),
        }
        let started = Instant::now();
        open_page(page).await.map_err(|source| Error::Io { operation: "open a page of the desk", source })?;
        times.push(started.elapsed());
        let started = Instant::now();
        let list = proto::ListRequest { list: proto::WorkList::Todo.into(), ..Default::default() };
        reviewer.cases.list(list).await.map_err(failed("List"))?;
        times.push(started.elapsed());
    }
}

async fn open_page(address: std::net::SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    if answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.1 303") {
        return Ok(());
    }
    Err(std::io::Error::other("the desk answered with a fault"))
}
