//! How fast a line of three real stations is: village → township → hub over mutual TLS, durable at each tier.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_tests::binaries::Binaries;
use sanji_tests::client::{Client, failed};
use sanji_tests::district::{District, Plan};
use sanji_tests::machine::{self, Machine};
use sanji_tests::{Error, story};
use serde::Serialize;
use tokio::sync::mpsc;

/// Measures a line of three real stations on this machine and prints a table.
#[derive(Debug, Parser)]
#[command(version, after_help = "Example: cargo run --release --bin bench -- --json bench.json")]
struct Options {
    /// A tenth of the work
    #[arg(long)]
    quick: bool,
    /// Write the figures and the machine's facts to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Submissions that wait for an answer at once in the relay workload. Their number in all stays below 9,999: a
/// station has no more case numbers a day.
const WRITERS: usize = 256;
/// Submissions a second in the latency workload.
const RATE: u32 = 50;

#[derive(Debug, Serialize)]
struct Figures {
    machine: Machine,
    idle_village_kib: u64,
    relay: Relay,
    latency: Latency,
}

#[derive(Debug, Serialize)]
struct Relay {
    cases: usize,
    entries: u64,
    village_seconds: f64,
    hub_seconds: f64,
    cases_per_second_at_village: f64,
    cases_per_second_to_hub: f64,
    processor_microseconds_per_case: f64,
}

#[derive(Debug, Serialize)]
struct Latency {
    cases: usize,
    village_p50_ms: f64,
    village_p99_ms: f64,
    hub_p50_ms: f64,
    hub_p99_ms: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<(), Error> {
    let folder = tempfile::tempdir().map_err(|source| Error::Io { operation: "make a temporary folder", source })?;
    let mut district = District::new(folder.path(), Plan::line()?, Binaries::build(true)?)?;
    eprintln!("starting three stations …");
    district.start(&|_| ())?;
    let [village] = district.plan.villages[..] else { return Err(Error::Sample("one village".into())) };
    district.in_sync(village, Duration::from_secs(30)).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle_village_kib = district.process_id(village).and_then(machine::resident_kib).unwrap_or_default();
    eprintln!("latency …");
    let latency = latency(&district, village, if options.quick { 50 } else { 500 }).await?;
    eprintln!("relay …");
    let relay = relay(&district, village, if options.quick { 1_000 } else { 9_000 }).await?;
    district.stop_all()?;
    let figures = Figures { machine: Machine::read(), idle_village_kib, relay, latency };
    print_table(&figures);
    if let Some(file) = &options.json {
        let text =
            serde_json::to_string_pretty(&figures).map_err(|source| Error::Json { what: "the table", source })?;
        std::fs::write(file, text).map_err(|source| Error::Io { operation: "write the figures", source })?;
    }
    Ok(())
}

async fn hub_entries(keeper: &mut Client) -> Result<u64, Error> {
    Ok(keeper.health.status(proto::StatusRequest {}).await.map_err(failed("Status"))?.into_inner().entries)
}

fn processor_time(district: &District) -> Duration {
    district.plan.stations().filter_map(|station| machine::processor_time(district.process_id(station)?)).sum()
}

/// Many agents submit at once; measured until the last case is durable at the hub.
async fn relay(district: &District, village: StationCode, cases: usize) -> Result<Relay, Error> {
    let mut agent = district.client(village, "village", "代办员").await?;
    let template = story::application(district, &mut agent, village, "rs-canbao").await?;
    let mut keeper = district.keeper(district.plan.hub).await?;
    let before = hub_entries(&mut keeper).await?;
    let busy_before = processor_time(district);
    let started = Instant::now();
    let left = Arc::new(AtomicUsize::new(cases));
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let (mut agent, template, left) = (agent.clone(), template.clone(), left.clone());
        writers.push(tokio::spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                let request = rand::random::<[u8; 16]>().to_vec();
                let submit = proto::SubmitRequest { request, ..template.clone() };
                agent.cases.submit(submit).await.map_err(failed("Submit"))?;
            }
            Ok::<_, Error>(())
        }));
    }
    for writer in writers {
        writer.await.map_err(|_| Error::Sample("writer that ends".into()))??;
    }
    let village_seconds = started.elapsed().as_secs_f64();
    let wanted = before + cases as u64;
    let entries = story::until("the last case at the hub", Duration::from_secs(300), async || {
        hub_entries(&mut keeper).await.ok().filter(|entries| *entries >= wanted)
    })
    .await?;
    let hub_seconds = started.elapsed().as_secs_f64();
    let busy = processor_time(district).saturating_sub(busy_before);
    Ok(Relay {
        cases,
        entries: entries - before,
        village_seconds,
        hub_seconds,
        cases_per_second_at_village: cases as f64 / village_seconds,
        cases_per_second_to_hub: cases as f64 / hub_seconds,
        processor_microseconds_per_case: busy.as_secs_f64() * 1e6 / cases as f64,
    })
}

/// One case at a time, at a steady rate: when the village has it, when the hub shows it.
async fn latency(district: &District, village: StationCode, cases: usize) -> Result<Latency, Error> {
    let mut agent = district.client(village, "village", "代办员").await?;
    let template = story::application(district, &mut agent, village, "rs-canbao").await?;
    let mut department = district.client(district.plan.hub, "rs", "审批").await?;
    let request = proto::WatchRequest { case_number: String::new() };
    let mut changes = department.cases.watch(request).await.map_err(failed("Watch"))?.into_inner();
    let (sender, mut seen) = mpsc::unbounded_channel();
    let watcher = tokio::spawn(async move {
        while let Ok(Some(change)) = changes.message().await {
            if sender.send((change.case_number, Instant::now())).is_err() {
                return;
            }
        }
    });
    let mut at_village = Vec::new();
    let mut begun = HashMap::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / RATE);
    for _ in 0..cases {
        tick.tick().await;
        let submit = proto::SubmitRequest { request: rand::random::<[u8; 16]>().to_vec(), ..template.clone() };
        let started = Instant::now();
        let reply = agent.cases.submit(submit).await.map_err(failed("Submit"))?.into_inner();
        at_village.push(started.elapsed());
        begun.insert(reply.case_number, started);
    }
    let mut at_hub = Vec::new();
    while at_hub.len() < cases {
        let next = tokio::time::timeout(Duration::from_secs(20), seen.recv()).await;
        let Ok(Some((number, at))) = next else {
            return Err(Error::Timeout { what: "all cases at the hub".into(), seconds: 20 });
        };
        if let Some(started) = begun.remove(&number) {
            at_hub.push(at.saturating_duration_since(started));
        }
    }
    watcher.abort();
    Ok(Latency {
        cases,
        village_p50_ms: percentile(&mut at_village, 50),
        village_p99_ms: percentile(&mut at_village, 99),
        hub_p50_ms: percentile(&mut at_hub, 50),
        hub_p99_ms: percentile(&mut at_hub, 99),
    })
}

fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let place = (times.len().saturating_sub(1)) * percent / 100;
    times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}

fn print_table(figures: &Figures) {
    let Figures { machine, idle_village_kib, relay, latency } = figures;
    println!(
        "machine   {} × {}, {} MiB, Linux {}",
        machine.processors, machine.processor, machine.memory_mib, machine.kernel
    );
    println!("idle      village node {:.1} MiB resident", *idle_village_kib as f64 / 1024.0);
    println!(
        "latency   {} cases at {RATE}/s: village durable p50 {:.1} ms p99 {:.1} ms; seen at the hub p50 {:.1} ms p99 {:.1} ms",
        latency.cases, latency.village_p50_ms, latency.village_p99_ms, latency.hub_p50_ms, latency.hub_p99_ms
    );
    println!(
        "relay     {} cases, {WRITERS} in flight: {:.0}/s durable at the village, {:.0}/s to the hub, {:.0} µs processor time a case over all three",
        relay.cases,
        relay.cases_per_second_at_village,
        relay.cases_per_second_to_hub,
        relay.processor_microseconds_per_case
    );
}
