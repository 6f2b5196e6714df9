//! Fan-in: 200 villages under 20 townships, 221 processes; memory while they are idle, then 100 applications at each
//! village at once, until the last is durable at the hub.

use std::time::Instant;

use prost::Message as _;
use sanji_log::StationCode;
use tokio::task::JoinSet;

use super::line::{ITEM, until_entries};
use super::sheet::{Row, Sheet};
use super::writers::{Foreman, Order};
use super::{Setting, books, median};
use crate::district::District;
use crate::sample::wide;
use crate::{Error, machine, story};

/// Applications of each village, and how many of them wait for their answer at once.
const CASES: usize = 100;
const WRITERS: usize = 16;

const NAME: &str = "fan-in";
const RATE: Row = Row::at_least(NAME, "100 cases at each village: to the hub", "entries/s", 15_000.0);
const RESIDENT: Row = Row::at_most(NAME, "idle village node, resident", "MB", 12.0);
const SHARE: Row = Row::told(NAME, "idle village node, its share of what is shared (PSS)", "MB");
const HUB_LINK: Row = Row::at_most(NAME, "idle link at the hub, each but the first", "KB", 64.0);
const TOWNSHIP_LINK: Row = Row::at_most(NAME, "idle link at a township, each but the first", "KB", 64.0);

/// Runs the workload.
///
/// # Errors
/// Where a station fails, or an entry is lost or doubled.
pub async fn measure(setting: &Setting, sheet: &mut Sheet) -> Result<(), Error> {
    let (townships, each) = (setting.size(20, 3), setting.size(10, 3));
    let folder = setting.folder()?;
    let sample = folder.path().join("sample");
    let plan = wide::write(&sample, townships, each)?;
    let mut district =
        District::of_sample(&folder.path().join("district"), plan.clone(), setting.binaries.clone(), sample)?;
    setting.tell("fan-in: enrolling");
    tokio::task::block_in_place(|| {
        district.make_hub("[limits]\nlinks_per_address = 1024\n")?;
        district.start_many(&plan.townships)?;
        district.start_many(&plan.villages)
    })?;
    all_in_sync(&district)?;
    memory(setting, &mut district, sheet).await?;
    for village in &plan.villages {
        district.set_served_by(*village, setting.program.clone());
    }
    setting.tell("fan-in: starting the villages with their writers");
    tokio::task::block_in_place(|| {
        district.stop_many(&plan.villages)?;
        district.start_many(&plan.villages)
    })?;
    all_in_sync(&district)?;
    district.at_each(&plan.villages, |village| begin(&district, village))?;
    let mut hub = district.keeper(plan.hub).await?;
    for run in 0..setting.runs {
        setting.rest().await;
        setting.tell(&format!("fan-in: run {}", run + 1));
        let before = super::line::entries_of(&mut hub).await?;
        let all = plan.villages.len() * CASES;
        let started = Instant::now();
        let mut writing = JoinSet::new();
        for village in &plan.villages {
            let foreman = Foreman::of(&district.data(*village));
            writing.spawn(async move { foreman.order(&Order::Open { cases: CASES, writers: WRITERS }).await });
        }
        let last = until_entries(&mut hub, before + all as u64).await?;
        while let Some(written) = writing.join_next().await {
            written.map_err(|_| Error::Writers("a village's order was not given".into()))??;
        }
        sheet.note(RATE, all as f64 / last.saturating_duration_since(started).as_secs_f64());
    }
    setting.tell("fan-in: comparing the stores");
    all_in_sync(&district)?;
    tokio::task::block_in_place(|| {
        district.stop_many(&plan.villages)?;
        district.stop_all()?;
        let written = plan.villages.len() * CASES * setting.runs;
        books::compare(&district, &plan.villages, &books::Expected::from([("step.submitted", written)]))
    })
}

/// The resident memory of an idle village, and what a link adds to that of the station above. The first link of each
/// station is not counted: with it comes the program's text for all.
async fn memory(setting: &Setting, district: &mut District, sheet: &mut Sheet) -> Result<(), Error> {
    let plan = district.plan.clone();
    setting.tell("fan-in: memory of idle stations");
    tokio::task::block_in_place(|| {
        district.stop_many(&plan.villages)?;
        district.stop_all()?;
        district.serve(plan.hub)
    })?;
    let (first, rest) = plan.townships.split_at(1);
    let mut at_hub = Vec::new();
    for (townships, linked_now) in [(first, 1), (rest, plan.townships.len())] {
        tokio::task::block_in_place(|| district.start_many(townships))?;
        linked(district, plan.hub, linked_now).await?;
        at_hub.push(settled(district, plan.hub).await);
    }
    let each = plan.villages.len() / plan.townships.len();
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for villages in plan.villages.chunks(each) {
        first.extend(villages.iter().take(1).copied());
        rest.extend(villages.iter().skip(1).copied());
    }
    let mut at_townships = Vec::new();
    for (villages, linked_now) in [(first, 1), (rest, each)] {
        tokio::task::block_in_place(|| district.start_many(&villages))?;
        for township in &plan.townships {
            linked(district, *township, linked_now).await?;
        }
        settled(district, plan.hub).await;
        at_townships.push(plan.townships.iter().map(|township| resident(district, *township)).collect::<Vec<_>>());
    }
    let growth = |now: f64, before: f64, links: usize| (now - before) / (links - 1) as f64;
    if let [with_one, with_all] = at_hub[..] {
        sheet.note(HUB_LINK, growth(with_all, with_one, plan.townships.len()));
    }
    if let [with_one, with_all] = &at_townships[..] {
        let mut links: Vec<f64> = with_all.iter().zip(with_one).map(|(all, one)| growth(*all, *one, each)).collect();
        sheet.note(TOWNSHIP_LINK, median(&mut links));
    }
    let processes = || plan.villages.iter().filter_map(|village| district.process_id(*village));
    let mut residents: Vec<f64> = processes().filter_map(machine::resident_kib).map(|kib| kib as f64).collect();
    let mut shares: Vec<f64> = processes().filter_map(machine::share_kib).map(|kib| kib as f64).collect();
    sheet.note(RESIDENT, median(&mut residents) / 1024.0);
    sheet.note(SHARE, median(&mut shares) / 1024.0);
    Ok(())
}

fn resident(district: &District, station: StationCode) -> f64 {
    district.process_id(station).and_then(machine::resident_kib).map_or(f64::NAN, |kib| kib as f64)
}

/// Resident memory once nothing is going on any more.
async fn settled(district: &District, station: StationCode) -> f64 {
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    resident(district, station)
}

/// Waits until so many stations below are linked.
async fn linked(district: &District, station: StationCode, wanted: usize) -> Result<(), Error> {
    let mut keeper = district.keeper(station).await?;
    story::until("links from below", std::time::Duration::from_secs(180), async || {
        let status = keeper.health.status(sanji_proto::v1::StatusRequest {}).await.ok()?.into_inner();
        (status.downstream.iter().filter(|link| link.connected).count() >= wanted).then_some(())
    })
    .await
}

/// Tells a village's writers who they are.
pub(super) async fn begin(district: &District, village: StationCode) -> Result<(), Error> {
    let staff = district.sample.staff_of(village, "village", "代办员")?.id.clone();
    let mut agent = district.client(village, "village", "代办员").await?;
    let application = story::application(district, &mut agent, village, ITEM).await?;
    let order = Order::Begin { staff, application: application.encode_to_vec() };
    Foreman::of(&district.data(village)).order(&order).await.map(|_| ())
}

fn all_in_sync(district: &District) -> Result<(), Error> {
    let stations: Vec<_> = district.plan.townships.iter().chain(&district.plan.villages).copied().collect();
    district.at_each(&stations, |station| district.in_sync(station, std::time::Duration::from_secs(180)))
}
