//! Catch-up: the township dies, the village writes 20,000 entries, the township comes back. And the village dies in the
//! middle of its work, when much is in its journal of which its index knows nothing yet.

use std::time::{Duration, Instant};

use super::line::{CASES, Line};
use super::relay::CHARACTERS;
use super::sheet::{Row, Sheet};
use super::writers::Order;
use super::{Setting, books};
use crate::Error;

const NAME: &str = "catch-up";
const READY: Row = Row::told(NAME, "from the township's start until it is ready", "s");
const FIRST: Row = Row::at_most(NAME, "from the township's start: first entry at the hub", "s", 0.5);
const LAST: Row = Row::at_most(NAME, "from the township's start: last entry at the hub", "s", 1.0);
const READY_AGAIN: Row = Row::told(NAME, "killed after 60,000 in a burst: until it is ready again", "s");

/// Runs the workload.
///
/// # Errors
/// Where a station fails, or an entry is lost or doubled.
pub async fn measure(setting: &Setting, sheet: &mut Sheet) -> Result<(), Error> {
    let (notes, cases) = (setting.size(20_000, 1_000), setting.size(CASES, 200));
    let mut line = Line::start(setting).await?;
    line.open_cases(cases).await?;
    for run in 0..setting.runs {
        setting.tell(&format!("catch-up: run {}", run + 1));
        line.foreman.order(&Order::Prepare { notes, characters: CHARACTERS }).await?;
        let before = line.hub_entries().await?;
        line.district.kill(line.township);
        line.foreman.order(&Order::Write { writers: 4, together: 64 }).await?;
        // The line has been away for a while, and the disk is at rest.
        tokio::time::sleep(Duration::from_secs(3)).await;
        if line.hub_entries().await? != before {
            return Err(Error::Lost("entries came to the hub without a township".into()));
        }
        let started = Instant::now();
        let mut hub = line.hub.clone();
        let wanted = before + notes as u64;
        let watching = tokio::spawn(async move {
            let first = super::line::until_entries(&mut hub, before + 1).await?;
            let last = super::line::until_entries(&mut hub, wanted).await?;
            Ok::<_, Error>((first, last))
        });
        let township = line.township;
        // Starting waits for the station's word that it is ready, and would hold up this thread.
        tokio::task::block_in_place(|| line.district.serve(township))?;
        let ready = started.elapsed();
        let watched = watching.await.map_err(|_| Error::Writers("nobody watched".into()))?;
        let (first, last) = watched?;
        sheet.note(READY, ready.as_secs_f64());
        sheet.note(FIRST, first.saturating_duration_since(started).as_secs_f64());
        sheet.note(LAST, last.saturating_duration_since(started).as_secs_f64());
    }
    setting.tell("catch-up: killed in a burst");
    // As many as may wait for the index, less what waits already.
    let (burst, village) = (setting.size(60_000, 3_000), line.village);
    line.foreman.order(&Order::Prepare { notes: burst, characters: CHARACTERS }).await?;
    line.foreman.order(&Order::Write { writers: 4, together: 64 }).await?;
    line.district.kill(village);
    let started = Instant::now();
    tokio::task::block_in_place(|| line.district.serve(village))?;
    sheet.note(READY_AGAIN, started.elapsed().as_secs_f64());
    let written = notes * setting.runs + burst;
    line.finish(&books::Expected::from([("step.submitted", cases), ("side.note", written)])).await
}
