//! When a case was at the station that it was handed to, as far as receipts say.

use sanji_domain::case::Case;
use sanji_domain::supervision::Arrivals;

use crate::core::Reader;

/// Only the furthest receipt of a station for a log is kept, so of older entries receipts don't say when they arrived;
/// where that was late, the station that got them has noted it in the case. The last step, for which the station that it
/// hands the case over to has given no receipt that is known here, is on its way.
pub(super) fn arrivals(reader: &Reader, case: &Case) -> Arrivals {
    let mut arrivals = Arrivals::default();
    let mut handed: Vec<(sanji_log::Hash, Option<u64>)> = Vec::new();
    for facts in case.steps().filter(|facts| facts.body.holder != facts.writer) {
        let receipts = reader.store().receipts(&facts.log);
        let receipt = receipts.iter().find(|receipt| receipt.station == facts.body.holder);
        match receipt {
            Some(receipt) if receipt.head.seq == facts.seq => handed.push((facts.hash, Some(receipt.time_ms))),
            Some(receipt) if receipt.head.seq > facts.seq => {}
            _ if facts.body.holder != reader.me() && case.last() == Some(facts.hash) => handed.push((facts.hash, None)),
            _ => {}
        }
    }
    for (step, at_ms) in handed {
        match at_ms {
            Some(at_ms) => arrivals.arrived(step, at_ms),
            None => arrivals.on_the_way(step),
        }
    }
    arrivals
}
