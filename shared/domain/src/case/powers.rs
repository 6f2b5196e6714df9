//! Who may do what with an item at a station (两集中、两到位): the same question that every step asks, for a list.

use jiff::civil::Date;
use sanji_log::StationCode;

use super::context::Reference;
use super::route::Route;
use crate::catalogue::Item;
use crate::organisation::{Power, Staff};

/// Of these people, those who may accept, review or decide an item at a station on a day, each once.
#[must_use]
pub fn who_may<'s>(
    item: &Item,
    power: Power,
    reference: &Reference<'_>,
    station: StationCode,
    on: Date,
    people: &[&'s Staff],
) -> Vec<&'s Staff> {
    let route = Route { item, home: station, organisation: reference.organisation, skip: &[], today: on };
    let duties: Vec<_> = (0..item.stages.len())
        .filter(|at| route.station(*at, false) == station)
        .filter_map(|at| route.duty(at, station))
        .filter(|duty| Power::of(duty.role) == Some(power))
        .collect();
    let may = |staff: &&&Staff| duties.iter().any(|duty| route.performs(staff, duty));
    people.iter().filter(may).copied().collect()
}
