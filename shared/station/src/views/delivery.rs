//! The ticks of a case: ✓ here, ✓✓ township, ✓✓✓ district.

use std::collections::BTreeMap;

use sanji_domain::case::Case;
use sanji_log::{LogId, StationCode, Tier};
use sanji_proto::v1 as proto;

use crate::core::Reader;

/// The newest entry of a case in one log.
#[derive(Clone, Copy)]
struct Newest {
    seq: u64,
    time_ms: u64,
    writer: StationCode,
}

/// Which stations hold the newest entries of a case, and since when.
pub(crate) fn delivery(reader: &Reader, case: &Case) -> proto::Delivery {
    let mut newest: BTreeMap<LogId, Newest> = BTreeMap::new();
    let steps = case.steps().chain(case.waiting()).map(|facts| (facts.log, facts.seq, facts.time, facts.writer));
    let sides = case.sides().map(|facts| (facts.log, facts.seq, facts.time, facts.writer));
    for (log, seq, time, writer) in steps.chain(sides) {
        let found = newest.entry(log).or_insert(Newest { seq: 0, time_ms: 0, writer });
        if seq > found.seq {
            *found = Newest { seq, time_ms: time.millis(), writer };
        }
    }
    let home = case.home();
    let at = |tier| home.and_then(|home| home.at_tier(tier)).map_or(0, |station| held_since(reader, &newest, station));
    let above = || newest.values().any(|newest| Some(newest.writer) != home);
    proto::Delivery {
        here: true,
        township_ms: at(Tier::Township),
        district_ms: at(Tier::District),
        home_ms: home.filter(|_| above()).map_or(0, |home| held_since(reader, &newest, home)),
    }
}

/// Since when a station holds all of these; 0 while it has not said so. What it wrote itself it holds, and so does
/// this station what it shows.
fn held_since(reader: &Reader, newest: &BTreeMap<LogId, Newest>, station: StationCode) -> u64 {
    let since = |(log, newest): (&LogId, &Newest)| {
        if newest.writer == station {
            return Some(newest.time_ms);
        }
        let receipts = reader.store().receipts(log);
        let receipt = receipts.iter().filter(|receipt| receipt.station == station && receipt.head.seq >= newest.seq);
        let told = receipt.map(|receipt| receipt.time_ms).min();
        told.or_else(|| (station == reader.me()).then_some(newest.time_ms))
    };
    newest.iter().map(since).try_fold(0, |latest, since| Some(latest.max(since?))).unwrap_or(0)
}
