//! Relay: 20,000 entries written at the village, until the last is durable at the hub.

use std::time::Duration;

use sanji_log::StationCode;

use super::line::{CASES, Line};
use super::sheet::{Row, Sheet};
use super::writers::Order;
use super::{Setting, books};
use crate::Error;
use crate::thin_line::{Quality, ThinLine, Way};

/// Entries that wait for their commit at once, both ways.
const IN_FLIGHT: usize = 256;
/// Entries that one writer hands over together.
const TOGETHER: usize = 64;
/// Characters of a note whose entry has about 1 KB: text of unrelated characters shrinks to half of its 3 bytes each.
pub const CHARACTERS: usize = 540;

const NAME: &str = "relay";

/// How entries are handed over, and the rows that tell of it.
struct Manner {
    together: usize,
    to_hub: Row,
    at_village: Row,
    processor: Row,
    /// With what the stations put off until they are at rest.
    afterwards: Row,
}

const MANNERS: [Manner; 2] = [
    Manner {
        together: 1,
        to_hub: Row::at_least(NAME, "256 writers, one entry each: to the hub", "entries/s", 25_000.0),
        at_village: Row::told(NAME, "256 writers, one entry each: at the village", "entries/s"),
        processor: Row::told(NAME, "256 writers, one entry each: processor, 3 stations", "µs/entry"),
        afterwards: Row::told(NAME, "256 writers, one entry each: the same, until all is at rest", "µs/entry"),
    },
    Manner {
        together: TOGETHER,
        to_hub: Row::at_least(NAME, "64 entries a commit: to the hub", "entries/s", 40_000.0),
        at_village: Row::told(NAME, "64 entries a commit: at the village", "entries/s"),
        processor: Row::at_most(NAME, "64 entries a commit: processor, 3 stations", "µs/entry", 35.0),
        afterwards: Row::told(NAME, "64 entries a commit: the same, until all is at rest", "µs/entry"),
    },
];

const WIRE: Row = Row::told(NAME, "on the wire, a link, both ways, 64 a commit", "bytes/entry");

/// Runs the workload.
///
/// # Errors
/// Where a station fails, or an entry is lost or doubled.
pub async fn measure(setting: &Setting, sheet: &mut Sheet) -> Result<(), Error> {
    let (notes, cases) = (setting.size(20_000, 1_000), setting.size(CASES, 200));
    let mut line = Line::start(setting).await?;
    line.open_cases(cases).await?;
    setting.rest().await;
    for run in 0..setting.runs {
        for manner in &MANNERS {
            setting.tell(&format!("relay: run {}, {} together", run + 1, manner.together));
            line.foreman.order(&Order::Prepare { notes, characters: CHARACTERS }).await?;
            let busy_before = line.busy();
            let written = line.write(notes, IN_FLIGHT / manner.together, manner.together).await?;
            setting.rest().await;
            let busy = line.busy().saturating_sub(busy_before);
            sheet.note(manner.to_hub, notes as f64 / written.at_hub.as_secs_f64());
            sheet.note(manner.at_village, notes as f64 / written.village.seconds);
            sheet.note(manner.processor, written.busy.as_secs_f64() * 1e6 / notes as f64);
            sheet.note(manner.afterwards, busy.as_secs_f64() * 1e6 / notes as f64);
        }
    }
    setting.tell("relay: counting the bytes");
    let few = setting.size(CASES, 200) / 10;
    let counted = [counting_line(&line, line.township).await?, counting_line(&line, line.district.plan.hub).await?];
    sheet.note(WIRE, bytes_an_entry(&mut line, &counted, few, notes).await?);
    let written = notes * (MANNERS.len() * setting.runs + 1);
    line.finish(&books::Expected::from([("step.submitted", cases + few), ("side.note", written)])).await
}

/// Once more over lines that count; bytes an entry on one link, both ways, TLS included.
async fn bytes_an_entry(line: &mut Line, counted: &[ThinLine; 2], cases: usize, notes: usize) -> Result<f64, Error> {
    let (village, township, [lower, upper]) = (line.village, line.township, counted);
    line.redirect(township, upper.address())?;
    line.redirect(village, lower.address())?;
    line.district.in_sync(village, Duration::from_secs(60)).await?;
    // The village has started anew, and its writers with it.
    line.open_cases(cases).await?;
    line.foreman.order(&Order::Prepare { notes, characters: CHARACTERS }).await?;
    let bytes = || [lower, upper].map(|line| line.bytes(Way::Up) + line.bytes(Way::Down)).iter().sum::<u64>();
    let before = bytes();
    line.write(notes, IN_FLIGHT / TOGETHER, TOGETHER).await?;
    line.district.in_sync(village, Duration::from_secs(60)).await?;
    Ok((bytes() - before) as f64 / 2.0 / notes as f64)
}

async fn counting_line(line: &Line, parent: StationCode) -> Result<ThinLine, Error> {
    let link = line.district.address(parent)?.link.ok_or_else(|| Error::Sample("listener for links".into()))?;
    let opened = ThinLine::open(link, Quality::PERFECT, 1).await;
    opened.map_err(|source| Error::Io { operation: "open a line", source })
}
