//! `/metrics` (Prometheus) and `/readyz`, on loopback. What can be counted when it is asked for is counted then;
//! only commits are counted as they happen, by [`Measured`].

mod measured;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use sanji_proto::v1 as proto;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use measured::Measured;

use crate::station::Station;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is counted while the station runs.
#[derive(Debug, Clone)]
pub struct Commits {
    seconds: Histogram,
    failed: Counter,
    entries: Counter,
}

impl Default for Commits {
    fn default() -> Self {
        // From a fast disk's 0.25 ms to 4 s.
        let buckets = exponential_buckets(0.000_25, 2.0, 15);
        Self { seconds: Histogram::new(buckets), failed: Counter::default(), entries: Counter::default() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OtherStation {
    station: String,
    direction: &'static str,
}

/// Serves both pages until `shutdown`.
///
/// # Errors
/// The system's error where the listener fails.
pub fn serve(
    listener: TcpListener,
    station: Station,
    commits: Commits,
    shutdown: CancellationToken,
) -> impl Future<Output = std::io::Result<()>> + Send {
    let state = Arc::new(Watched { station, commits });
    let router = Router::new().route("/metrics", get(metrics)).route("/readyz", get(ready)).with_state(state);
    async move { axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await }
}

struct Watched {
    station: Station,
    commits: Commits,
}

async fn ready(State(watched): State<Arc<Watched>>) -> Response {
    let status = watched.station.status().await;
    if status.writable {
        (StatusCode::OK, "ready\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("read-only: {}\n", status.read_only_reason)).into_response()
    }
}

async fn metrics(State(watched): State<Arc<Watched>>) -> Response {
    let mut registry = registry(&watched.station.status().await, &watched.commits);
    let (came, sent) = watched.station.chunk_counts();
    for (name, help, count) in [
        ("attachment_chunks_received", "Chunks of attachments taken from peers since the start", came),
        ("attachment_chunks_sent", "Chunks of attachments given to peers since the start", sent),
    ] {
        let counter = Counter::<u64>::default();
        counter.inc_by(count);
        registry.register(name, help, counter);
    }
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn registry(status: &proto::StatusReply, commits: &Commits) -> Registry {
    let condition = status.condition.clone().unwrap_or_default();
    let mut registry = Registry::with_prefix("sanji");
    registry.register("commit_seconds", "Time until a commit was durable", commits.seconds.clone());
    registry.register("commits_failed", "Commits that the store refused", commits.failed.clone());
    registry.register("entries_committed", "Entries made durable since the start", commits.entries.clone());
    for (name, help, value) in [
        ("entries", "Entries held", status.entries),
        ("logs", "Logs held", status.logs),
        ("open_cases", "Cases that are not concluded", status.open_cases),
        ("entries_unconfirmed", "Own entries that the station above has not confirmed", status.entries_unconfirmed),
        ("unconfirmed_seconds", "Since the oldest of them was written", condition.unconfirmed_for_ms / 1000),
        ("attachments_missing", "Attachments known and not complete", status.attachments_missing),
        ("logs_refused", "Logs refused or stopped, of the newest hundred", status.refused.len() as u64),
        ("forks_undecided", "Logs that two machines write and nobody has decided on", forks_undecided(status)),
        ("entries_missing", "Entries that were found damaged and have not come again", entries_missing(status)),
        ("quarantined", "What others sent, does not count, and nobody has settled", status.quarantined),
        ("healing", "1 while the station waits for what its former life wrote", u64::from(status.healing.is_some())),
        ("writable", "1 while the store takes writes", u64::from(status.writable)),
        ("certificate_until_seconds", "When the certificate ends, Unix time", status.certificate_until_ms / 1000),
        ("disk_free_bytes", "Room on the disk with the data folder", condition.disk_free_bytes),
        ("disk_total_bytes", "Size of that disk; 0: not known", condition.disk_total_bytes),
        ("start_time_seconds", "When the process started, Unix time", status.started_ms / 1000),
        ("resident_memory_bytes", "Memory of the process; 0: not known", resident_memory_bytes()),
    ] {
        let gauge = Gauge::<i64>::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
    let (up, lag) = (Family::<OtherStation, Gauge>::default(), Family::<OtherStation, Gauge>::default());
    let upstream = status.upstream.iter().map(|link| ("up", link));
    for (direction, link) in upstream.chain(status.downstream.iter().map(|link| ("down", link))) {
        let labels = OtherStation { station: format!("{:012}", link.station), direction };
        up.get_or_create(&labels).set(i64::from(link.connected));
        lag.get_or_create(&labels)
            .set(i64::try_from(status.clock_ms.saturating_sub(link.last_heard_ms)).unwrap_or(i64::MAX));
    }
    registry.register("link_up", "1 while the link is open", up);
    registry.register("link_silent_milliseconds", "Since the last message of the other station", lag);
    registry
}

fn forks_undecided(status: &proto::StatusReply) -> u64 {
    status.forks.iter().filter(|fork| fork.decided.is_empty()).count() as u64
}

fn entries_missing(status: &proto::StatusReply) -> u64 {
    status.missing.iter().map(|missing| (missing.until + 1).saturating_sub(missing.from)).sum()
}

/// From Linux; 0 elsewhere.
fn resident_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_page_says_what_the_status_says() {
        let link = proto::LinkStatus { station: 990_106_101_000, connected: true, ..Default::default() };
        let status = proto::StatusReply {
            entries: 42,
            started_ms: 1000,
            condition: Some(proto::StationCondition { disk_free_bytes: 7, ..Default::default() }),
            writable: true,
            upstream: Some(link),
            refused: vec![proto::RefusedLog::default()],
            ..Default::default()
        };
        let commits = Commits::default();
        commits.seconds.observe(0.001);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry(&status, &commits)).unwrap();
        for line in [
            "sanji_entries 42",
            "sanji_writable 1",
            "sanji_disk_free_bytes 7",
            "sanji_logs_refused 1",
            "sanji_start_time_seconds 1",
            "sanji_link_up{station=\"990106101000\",direction=\"up\"} 1",
            "sanji_commit_seconds_count 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
