//! Relay: 20,000 entries written at the village, until the last is durable at the hub.

use super::line::{CASES, Line};
use super::sheet::{Row, Sheet};
use super::writers::Order;
use super::{Setting, books};
use crate::Error;

/// Entries that wait for their commit at once, both ways.
const IN_FLIGHT: usize = 256;
/// Entries that one writer hands over together.
const TOGETHER: usize = 64;
/// Characters of a note whose entry has about 1 KB: text of unrelated characters shrinks to half of its 3 bytes each.
pub const CHARACTERS: usize = 540;

const NAME: &str = "relay";

struct Way {
    together: usize,
    to_hub: Row,
    at_village: Row,
    processor: Row,
}

const WAYS: [Way; 2] = [
    Way {
        together: 1,
        to_hub: Row::at_least(NAME, "256 writers, one entry each: to the hub", "entries/s", 25_000.0),
        at_village: Row::told(NAME, "256 writers, one entry each: at the village", "entries/s"),
        processor: Row::told(NAME, "256 writers, one entry each: processor, 3 stations", "µs/entry"),
    },
    Way {
        together: TOGETHER,
        to_hub: Row::at_least(NAME, "64 entries a commit: to the hub", "entries/s", 40_000.0),
        at_village: Row::told(NAME, "64 entries a commit: at the village", "entries/s"),
        processor: Row::at_most(NAME, "64 entries a commit: processor, 3 stations", "µs/entry", 35.0),
    },
];

/// Runs the workload.
///
/// # Errors
/// Where a station fails, or an entry is lost or doubled.
pub async fn measure(setting: &Setting, sheet: &mut Sheet) -> Result<(), Error> {
    let (notes, cases) = (setting.size(20_000, 1_000), setting.size(CASES, 200));
    let mut line = Line::start(setting).await?;
    line.open_cases(cases).await?;
    for run in 0..setting.runs {
        for way in &WAYS {
            setting.tell(&format!("relay: run {}, {} together", run + 1, way.together));
            line.foreman.order(&Order::Prepare { notes, characters: CHARACTERS }).await?;
            let written = line.write(notes, IN_FLIGHT / way.together, way.together).await?;
            sheet.note(way.to_hub, notes as f64 / written.at_hub.as_secs_f64());
            sheet.note(way.at_village, notes as f64 / written.village.seconds);
            sheet.note(way.processor, written.busy.as_secs_f64() * 1e6 / notes as f64);
        }
    }
    let written = notes * WAYS.len() * setting.runs;
    line.finish(&books::Expected::from([("step.submitted", cases), ("side.note", written)])).await
}
