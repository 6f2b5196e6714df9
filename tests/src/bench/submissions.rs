//! Submissions: the same line as seen by programs. Each application is a call over gRPC, goes through all the rules
//! and opens a case.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use sanji_proto::v1 as proto;

use super::line::Line;
use super::sheet::{Row, Sheet};
use super::{Setting, books};
use crate::Error;
use crate::client::failed;

/// Applications that wait for an answer at once.
const WRITERS: usize = 256;
/// Applications of all runs together: a station has 9,999 case numbers a day.
const CASES: usize = 9_000;

const NAME: &str = "submissions";
const AT_VILLAGE: Row = Row::told(NAME, "by gRPC, 256 in flight: at the village", "cases/s");
const TO_HUB: Row = Row::told(NAME, "by gRPC, 256 in flight: to the hub", "cases/s");
const PROCESSOR: Row = Row::told(NAME, "by gRPC, 256 in flight: processor, 3 stations", "µs/case");

/// Runs the workload.
///
/// # Errors
/// Where a station fails, or an entry is lost or doubled.
pub async fn measure(setting: &Setting, sheet: &mut Sheet) -> Result<(), Error> {
    let cases = setting.size(CASES / setting.runs.max(3), 300);
    let mut line = Line::start(setting).await?;
    let (agent, template) = line.application().await?;
    for run in 0..setting.runs {
        setting.tell(&format!("submissions: run {}", run + 1));
        let before = line.hub_entries().await?;
        let busy_before = line.busy();
        let started = Instant::now();
        let left = Arc::new(AtomicUsize::new(cases));
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..WRITERS {
            let (mut agent, template, left) = (agent.clone(), template.clone(), left.clone());
            writers.spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    let request = rand::random::<[u8; 16]>().to_vec();
                    let submit = proto::SubmitRequest { request, ..template.clone() };
                    agent.cases.submit(submit).await.map_err(failed("Submit"))?;
                }
                Ok::<_, Error>(())
            });
        }
        while let Some(written) = writers.join_next().await {
            written.map_err(|_| Error::Writers("a writer was ended".into()))??;
        }
        let at_village = started.elapsed();
        let at_hub = line.until_at_hub(before + cases as u64).await?.saturating_duration_since(started);
        let busy = line.busy().saturating_sub(busy_before);
        sheet.note(TO_HUB, cases as f64 / at_hub.as_secs_f64());
        sheet.note(AT_VILLAGE, cases as f64 / at_village.as_secs_f64());
        sheet.note(PROCESSOR, busy.as_secs_f64() * 1e6 / cases as f64);
    }
    line.finish(&books::Expected::from([("step.submitted", cases * setting.runs)])).await
}
