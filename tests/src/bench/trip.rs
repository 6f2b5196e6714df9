//! Round trip at a steady rate: an application is durable at the village, seen at the hub, accepted there, and the
//! acceptance is seen at the village again.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use sanji_proto::v1::{self as proto, act_request::Action};
use tokio::sync::mpsc;

use super::line::Line;
use super::sheet::{Row, Sheet};
use super::{Setting, books, percentile};
use crate::client::{Client, failed};
use crate::{Error, story};

/// Applications a second.
const RATE: u32 = 50;
/// Applications of a run.
const CASES: usize = 500;
/// An item that a village files and the district accepts: there and back without another hand.
pub(super) const ITEM: &str = "sc-canyin";
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(20);

const NAME: &str = "trip";
const STEPS: [[Row; 2]; 3] = [
    [
        Row::at_most(NAME, "durable at the village, p50", "ms", 1.0),
        Row::at_most(NAME, "durable at the village, p99", "ms", 3.0),
    ],
    [Row::at_most(NAME, "seen at the hub, p50", "ms", 2.5), Row::at_most(NAME, "seen at the hub, p99", "ms", 6.0)],
    [
        Row::at_most(NAME, "the hub's answer at the village, p50", "ms", 5.0),
        Row::at_most(NAME, "the hub's answer at the village, p99", "ms", 9.0),
    ],
];

/// Runs the workload.
///
/// # Errors
/// Where a station fails, or an entry is lost or doubled.
pub async fn measure(setting: &Setting, sheet: &mut Sheet) -> Result<(), Error> {
    let cases = setting.size(CASES, 50);
    let line = Line::start(setting).await?;
    let (mut agent, _) = line.application().await?;
    let template = story::application(&line.district, &mut agent, line.village, ITEM).await?;
    let mut window = line.district.client(line.district.plan.hub, "sc", "窗口受理").await?;
    for run in 0..setting.runs {
        setting.tell(&format!("trip: run {}", run + 1));
        // Cases of earlier runs go on changing: the clerk takes up only what nobody has.
        let mut at_hub = changes(&mut window, 1..=1).await?;
        let mut back = changes(&mut agent, 2..=u32::MAX).await?;
        let (answered, mut accepted) = mpsc::unbounded_channel();
        let clerk = window.clone();
        // The hub's answer: whoever stands at the window accepts at once.
        let answering = tokio::spawn(async move {
            while let Some((number, at)) = at_hub.recv().await {
                let mut clerk = clerk.clone();
                clerk.act(&number, Action::Accept(proto::Accept::default())).await?;
                if answered.send((number, at)).is_err() {
                    break;
                }
            }
            Ok::<_, Error>(())
        });
        let mut at_village = Vec::with_capacity(cases);
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
        let seen = all(&mut accepted, &begun).await;
        let returned = all(&mut back, &begun).await;
        answering.abort();
        if let (Err(_), Ok(Err(refused))) = (&returned, answering.await) {
            return Err(refused);
        }
        for ([p50, p99], mut times) in STEPS.into_iter().zip([at_village, seen?, returned?]) {
            sheet.note(p50, percentile(&mut times, 50));
            sheet.note(p99, percentile(&mut times, 99));
        }
    }
    let all = cases * setting.runs;
    line.finish(&books::Expected::from([("step.submitted", all), ("step.accepted", all)])).await
}

/// Cases that reach one of these revs, and when that was seen.
pub(super) async fn changes(
    client: &mut Client,
    revs: RangeInclusive<u32>,
) -> Result<mpsc::UnboundedReceiver<(String, Instant)>, Error> {
    let request = proto::WatchRequest { case_number: String::new() };
    let mut changes = client.cases.watch(request).await.map_err(failed("Watch"))?.into_inner();
    let (sender, seen) = mpsc::unbounded_channel();
    let mut told = std::collections::HashSet::new();
    tokio::spawn(async move {
        while let Ok(Some(change)) = changes.message().await {
            let at = Instant::now();
            if revs.contains(&change.rev)
                && told.insert(change.case_number.clone())
                && sender.send((change.case_number, at)).is_err()
            {
                return;
            }
        }
    });
    Ok(seen)
}

/// How long each case took until it was seen.
pub(super) async fn all(
    seen: &mut mpsc::UnboundedReceiver<(String, Instant)>,
    begun: &HashMap<String, Instant>,
) -> Result<Vec<Duration>, Error> {
    let mut times = Vec::with_capacity(begun.len());
    while times.len() < begun.len() {
        let Ok(Some((number, at))) = tokio::time::timeout(PATIENCE, seen.recv()).await else {
            let what = format!("{} cases, {} came", begun.len(), times.len());
            return Err(Error::Timeout { what, seconds: PATIENCE.as_secs() });
        };
        // A case of an earlier run may change late.
        if let Some(started) = begun.get(&number) {
            times.push(at.saturating_duration_since(*started));
        }
    }
    Ok(times)
}
