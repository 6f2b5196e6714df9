//! Thin line: 64 kbit/s, 600 ms there and back, 5 % loss. Fifty applications of 1 KB, what a line costs that has
//! nothing to carry, and how soon it is of use after it was away.

use std::time::{Duration, Instant};

use sanji_proto::v1 as proto;

use super::form;
use super::line::{Line, entries_of, until_entries};
use super::sheet::{Row, Sheet};
use super::{Setting, books};
use crate::client::{Client, failed};
use crate::thin_line::{Quality, ThinLine, Way};
use crate::{Error, story};

/// Applications written at once.
const CASES: u64 = 50;

const NAME: &str = "thin";
const JSON: Row = Row::told(NAME, "50 forms as JSON", "KB");
const IDLE: Row = Row::at_most(NAME, "idle: both ways", "KB/min", 2.0);
const UP: Row = Row::at_most(NAME, "line there, 50 cases: bytes up", "KB", 26.0);
const LAST: Row = Row::at_most(NAME, "line there, 50 cases: last at the parent", "s", 4.0);
const USABLE: Row = Row::at_most(NAME, "line back after a minute: linked", "s", 3.0);
const FIRST_BACK: Row = Row::told(NAME, "line back, 50 cases waiting: first at the parent", "s");
const LAST_BACK: Row = Row::told(NAME, "line back, 50 cases waiting: last at the parent", "s");
const UP_BACK: Row = Row::told(NAME, "line back, 50 cases waiting: bytes up", "KB");

/// Runs the workload.
///
/// # Errors
/// Where a station fails, or an entry is lost or doubled.
pub async fn measure(setting: &Setting, sheet: &mut Sheet) -> Result<(), Error> {
    let (idle, away) = (setting.size(60, 10) as u64, Duration::from_secs(setting.size(60, 5) as u64));
    let mut line = Line::start(setting).await?;
    let parent = line.district.address(line.township)?.link;
    let parent = parent.ok_or_else(|| Error::Sample("listener for links".into()))?;
    // Another seed each time the program runs would make runs differ more than what is measured.
    let thin = ThinLine::open(parent, Quality::THIN, 64)
        .await
        .map_err(|source| Error::Io { operation: "open a line", source })?;
    let village = line.village;
    line.redirect(village, thin.address())?;
    line.district.in_sync(village, Duration::from_secs(120)).await?;
    let (mut agent, template) = line.application().await?;
    let mut village_keeper = line.district.keeper(village).await?;
    let mut township = line.district.keeper(line.township).await?;
    let mut forms = 0;
    for run in 0..setting.runs {
        setting.tell(&format!("thin: run {}, idle", run + 1));
        tokio::time::sleep(Duration::from_secs(5)).await;
        let before = thin.bytes(Way::Up) + thin.bytes(Way::Down);
        tokio::time::sleep(Duration::from_secs(idle)).await;
        let idled = thin.bytes(Way::Up) + thin.bytes(Way::Down) - before;
        sheet.note(IDLE, idled as f64 / 1000.0 * 60.0 / idle as f64);

        setting.tell(&format!("thin: run {}, 50 cases on the line", run + 1));
        let held = entries_of(&mut township).await?;
        let up_before = thin.bytes(Way::Up);
        let started = Instant::now();
        let bytes = submit(&mut agent, &template, &mut forms).await?;
        let last = until_entries(&mut township, held + CASES).await?;
        sheet.note(JSON, bytes as f64 / 1000.0);
        sheet.note(UP, (thin.bytes(Way::Up) - up_before) as f64 / 1000.0);
        sheet.note(LAST, last.saturating_duration_since(started).as_secs_f64());

        setting.tell(&format!("thin: run {}, the line is away for {} s", run + 1, away.as_secs()));
        line.district.in_sync(village, Duration::from_secs(120)).await?;
        thin.cut();
        submit(&mut agent, &template, &mut forms).await?;
        tokio::time::sleep(away).await;
        let up_before = thin.bytes(Way::Up);
        let back = Instant::now();
        thin.mend();
        let linked = until_linked(&mut village_keeper, &mut township, village.number()).await?;
        let first = until_entries(&mut township, held + CASES + 1).await?;
        let last = until_entries(&mut township, held + CASES * 2).await?;
        sheet.note(USABLE, linked.saturating_duration_since(back).as_secs_f64());
        sheet.note(FIRST_BACK, first.saturating_duration_since(back).as_secs_f64());
        sheet.note(LAST_BACK, last.saturating_duration_since(back).as_secs_f64());
        sheet.note(UP_BACK, (thin.bytes(Way::Up) - up_before) as f64 / 1000.0);
        line.district.in_sync(village, Duration::from_secs(120)).await?;
    }
    line.finish(&books::Expected::from([("step.submitted", forms as usize)])).await
}

/// Writes fifty applications at the village; bytes of their forms as JSON.
async fn submit(agent: &mut Client, template: &proto::SubmitRequest, forms: &mut u64) -> Result<usize, Error> {
    let mut bytes = 0;
    for _ in 0..CASES {
        let form = form::form(*forms);
        *forms += 1;
        bytes += form::json_bytes(&form);
        let answers = form.into_iter().map(|(field, value)| proto::Answer { field, value }).collect();
        let request = rand::random::<[u8; 16]>().to_vec();
        let submit = proto::SubmitRequest { request, answers, ..template.clone() };
        agent.cases.submit(submit).await.map_err(failed("Submit"))?;
    }
    Ok(bytes)
}

/// Waits until both ends say that they are linked, on a link that both have heard of since now.
async fn until_linked(village: &mut Client, township: &mut Client, code: u64) -> Result<Instant, Error> {
    let now_ms = sanji_station::clock::now_ms();
    story::until("the link", Duration::from_secs(180), async || {
        let above = village.health.status(proto::StatusRequest {}).await.ok()?.into_inner().upstream?;
        let below = township.health.status(proto::StatusRequest {}).await.ok()?.into_inner().downstream;
        let below = below.into_iter().find(|link| link.station == code)?;
        let fresh = |link: &proto::LinkStatus| link.connected && link.last_heard_ms >= now_ms;
        (fresh(&above) && fresh(&below)).then(Instant::now)
    })
    .await
}
