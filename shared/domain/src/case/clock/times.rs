//! Times that can be trusted.
//!
//! A step bears the time of its writer's clock, and a PC's clock may be wrong by days. Evidence travels with the case:
//! where a station receives from below an entry whose time lies in the future, or while the clock of the station that
//! hands it over is off, it says so in a side entry ([`TimeNoted`]) that all holders of the case get. From those and the
//! steps alone every station works out the same times:
//!
//! 1. An entry was not written after it was first received.
//! 2. Where the clock that wrote it was off, its time is put right by as much. A clock that runs ahead is believed as
//!    long as it does not name the future: the entry may have been written before the clock went wrong.
//! 3. A step was not written before the one that it follows.
//!
//! Clocks are compared with the highest station that has noted something, hop by hop: each note says by how much the
//! clock of the station that handed the entry over differed from the clock of its own.

use std::collections::BTreeMap;

use sanji_log::{Hash, HybridTime, StationCode};

use crate::case::body::{SideEvent, TimeNoted};
use crate::case::state::Case;

/// Clocks that differ by no more than this are taken to agree, in milliseconds: links measure no better, and limits are
/// days.
pub const TOLERANCE_MS: u64 = 10 * 60 * 1000;

/// What stations have noted of the times of a case's entries.
pub(in crate::case) struct Notes<'a>(BTreeMap<Hash, Vec<(StationCode, &'a TimeNoted)>>);

impl<'a> Notes<'a> {
    pub(in crate::case) fn of(case: &'a Case) -> Self {
        let mut notes: BTreeMap<Hash, Vec<(StationCode, &TimeNoted)>> = BTreeMap::new();
        for facts in case.sides() {
            if let SideEvent::TimeNoted(noted) = &facts.body.event {
                notes.entry(noted.entry).or_default().push((facts.writer, noted));
            }
        }
        for notes in notes.values_mut() {
            // The highest station first; of one station the first receipt.
            notes.sort_by_key(|(by, note)| (by.tier(), note.received_ms, note.offset_ms, *by));
        }
        Self(notes)
    }

    /// When an entry was written, in milliseconds since 1970-01-01 UTC, as far as it does not follow another.
    pub(in crate::case) fn time(&self, entry: &Hash, claimed: HybridTime, writer: StationCode) -> u64 {
        let claimed = claimed.millis();
        let Some(notes) = self.0.get(entry) else { return claimed };
        let (mut received, mut offset_ms) = (u64::MAX, 0_i64);
        let mut next = notes.iter().find(|(by, note)| is_above(*by, note, writer));
        while let Some((_, note)) = next {
            received = received.min(shifted(note.received_ms, offset_ms));
            offset_ms = offset_ms.saturating_add(note.offset_ms);
            next = notes.iter().find(|(by, lower)| *by == note.from && is_above(*by, lower, writer));
        }
        let believed = offset_ms > 0 && claimed <= received;
        let time = if believed { claimed } else { shifted(claimed, offset_ms) };
        time.min(received)
    }
}

/// Whether a station above the writer of an entry has noted something of it: nobody else can have received it from below.
fn is_above(by: StationCode, note: &TimeNoted, writer: StationCode) -> bool {
    note.from != by && note.from.within(by) && writer.within(note.from)
}

/// A time by a clock that is off, by the clock against which it was measured.
fn shifted(time_ms: u64, offset_ms: i64) -> u64 {
    if offset_ms < 0 {
        time_ms.saturating_add(offset_ms.unsigned_abs())
    } else {
        time_ms.saturating_sub(offset_ms.unsigned_abs())
    }
}

/// When the steps that count were written, in their order, in milliseconds since 1970-01-01 UTC.
#[must_use]
pub fn trusted_times(case: &Case) -> Vec<u64> {
    let notes = Notes::of(case);
    let mut latest = 0;
    let times = case.steps().map(|facts| {
        latest = notes.time(&facts.hash, facts.time, facts.writer).max(latest);
        latest
    });
    times.collect()
}
