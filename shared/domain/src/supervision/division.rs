//! How a delay divides. A delay is not the fault of whoever happens to hold the case when it comes due: what counts is
//! where its time was lost.
//!
//! Each day of the limit that a case used lies in a stay. In each stay the office has the days that the item allows;
//! what lies beyond them is lost, as are days on which the case was on the way, and those on which it waited for the
//! applicant. The days of the delay are charged to what was lost, in proportion, by whole days. So they always add
//! up, and nobody answers for more than was lost with them.

use jiff::civil::Date;

use super::course::{Office, Person, Visit};
use super::run::{counting, days};
use crate::calendar::{Calendar, MissingYear};
use crate::catalogue::{Item, Special, SpecialClock, Stage};
use crate::code::StageId;
use crate::limit::Unit;
use crate::term::terms;

terms! {
    /// To what a day of a delay is charged.
    pub enum Cause ("超期归因") {
        /// Whoever handled the stage.
        Person = "个人",
        /// The office: nobody there has acted.
        Office = "部门",
        /// The applicant, who was to correct something.
        Applicant = "申请人",
        /// A special procedure or a public notice.
        Procedure = "特别程序",
        /// The line, or a machine that was off.
        Line = "线路或设备",
        /// Nothing of these.
        Other = "其他",
    }
}

impl Cause {
    /// Whether points are taken for it.
    #[must_use]
    pub fn costs(self) -> bool {
        matches!(self, Self::Person | Self::Office)
    }
}

/// Days that are charged to something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// To what.
    pub cause: Cause,
    /// In which stage.
    pub stage: Option<StageId>,
    /// At which office.
    pub office: Option<Office>,
    /// With whom; for [`Cause::Person`] only.
    pub person: Option<Person>,
    /// How many, in the unit of the limit.
    pub days: u32,
}

/// A delay by what it is charged to. The days add up to the delay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Division(pub Vec<Charge>);

impl Division {
    /// The days charged to a cause.
    #[must_use]
    pub fn of(&self, cause: Cause) -> u32 {
        self.0.iter().filter(|charge| charge.cause == cause).map(|charge| charge.days).sum()
    }

    /// All days.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.iter().map(|charge| charge.days).sum()
    }

    /// The days for which points are taken.
    #[must_use]
    pub fn costly(&self) -> u32 {
        self.0.iter().filter(|charge| charge.cause.costs()).map(|charge| charge.days).sum()
    }

    /// The gravest charge for which points are taken.
    #[must_use]
    pub fn gravest(&self) -> Option<&Charge> {
        let costly = self.0.iter().filter(|charge| charge.cause.costs());
        // Of several alike the first.
        costly.rev().max_by_key(|charge| charge.days)
    }
}

/// The part of a case's time that a limit covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// The day from which it counts; not counted itself.
    pub(super) from: Date,
    /// Its last day.
    pub(super) to: Date,
    /// How its days count.
    pub(super) unit: Unit,
    /// Whether stages that the item does not count are left out.
    pub(super) counted_only: bool,
    /// Whether it is a limit of the whole case, which may run while the applicant has a notice to pay.
    pub(super) whole: bool,
}

/// Divides a delay among what was lost in these stays.
pub(super) fn divide(
    delay: u32,
    visits: &[&Visit],
    item: &Item,
    window: Window,
    calendar: &Calendar,
) -> Result<Division, MissingYear> {
    let mut lost: Vec<Charge> = Vec::new();
    for visit in visits {
        lose(&mut lost, visit, item, window, calendar)?;
    }
    Ok(Division(share(delay, lost)))
}

/// Adds the days that were lost in a stay.
fn lose(
    lost: &mut Vec<Charge>,
    visit: &Visit,
    item: &Item,
    window: Window,
    calendar: &Calendar,
) -> Result<(), MissingYear> {
    let stage = item.stage(&visit.stage);
    if window.counted_only && stage.is_some_and(|stage| !stage.counted) {
        return Ok(());
    }
    let allowed = stage.map_or(0, |stage| stage.limit.days);
    let end = visit.to.unwrap_or(window.to).min(window.to);
    let mut used = 0;
    for day in days(calendar, visit.from, end, counting(window.unit))? {
        let pause = visit.paused_on(day);
        let pays = visit.pays_on(day);
        let stands_for_payment = pays && (!window.whole || stops_for_payment(item, stage));
        if pause.is_some_and(|pause| pause.stops) || stands_for_payment {
            continue;
        }
        let (cause, person) = if visit.waits_for_applicant || pays {
            (Cause::Applicant, None)
        } else if visit.on_the_way || visit.arrived.is_some_and(|arrived| day <= arrived) {
            (Cause::Line, None)
        } else {
            used += 1;
            match (used <= allowed, pause, visit.acts_next(day)) {
                (true, _, _) => continue,
                (_, Some(_), _) => (Cause::Procedure, None),
                (_, None, Some(person)) => (Cause::Person, Some(person)),
                (_, None, None) => (Cause::Office, None),
            }
        };
        if day <= window.from {
            continue;
        }
        let same = |charge: &&mut Charge| {
            charge.cause == cause
                && charge.stage.as_ref() == Some(&visit.stage)
                && charge.office.as_ref() == Some(&visit.office)
                && charge.person.as_ref() == person
        };
        match lost.iter_mut().find(same) {
            Some(charge) => charge.days += 1,
            None => lost.push(Charge {
                cause,
                stage: Some(visit.stage.clone()),
                office: Some(visit.office.clone()),
                person: person.cloned(),
                days: 1,
            }),
        }
    }
    Ok(())
}

/// Whether the limits of the case stand while the applicant pays, as the item says.
fn stops_for_payment(item: &Item, stage: Option<&Stage>) -> bool {
    let stands = |special: &Special| special.kind == "缴费" && special.clock == SpecialClock::Paused;
    stage.is_some_and(|stage| item.special_of(&stage.id).any(stands))
}

/// Whole days in proportion to what was lost, the largest remainders rounded up; what nothing accounts for is other.
fn share(delay: u32, lost: Vec<Charge>) -> Vec<Charge> {
    let all: u64 = lost.iter().map(|charge| u64::from(charge.days)).sum();
    if all <= u64::from(delay) {
        let rest = delay - u32::try_from(all).unwrap_or(delay);
        let other = Charge { cause: Cause::Other, stage: None, office: None, person: None, days: rest };
        return lost.into_iter().chain((rest > 0).then_some(other)).collect();
    }
    let part = |charge: &Charge| u64::from(charge.days) * u64::from(delay);
    let mut given: Vec<u32> = lost.iter().map(|charge| u32::try_from(part(charge) / all).unwrap_or(0)).collect();
    let mut left = delay - given.iter().sum::<u32>();
    let mut by_remainder: Vec<usize> = (0..lost.len()).collect();
    by_remainder.sort_by_key(|at| (std::cmp::Reverse(lost.get(*at).map_or(0, |charge| part(charge) % all)), *at));
    for at in by_remainder {
        if left == 0 {
            break;
        }
        if let Some(days) = given.get_mut(at) {
            *days += 1;
            left -= 1;
        }
    }
    let charged = lost.into_iter().zip(given).map(|(charge, days)| Charge { days, ..charge });
    charged.filter(|charge| charge.days > 0).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lost(days: &[u32]) -> Vec<Charge> {
        let charge = |days: &u32| Charge { cause: Cause::Person, stage: None, office: None, person: None, days: *days };
        days.iter().map(charge).collect()
    }

    #[test]
    fn whole_days_in_proportion() {
        let shared = |delay, days: &[u32]| -> Vec<(Cause, u32)> {
            share(delay, lost(days)).into_iter().map(|charge| (charge.cause, charge.days)).collect()
        };
        assert_eq!(shared(3, &[2, 4]), [(Cause::Person, 1), (Cause::Person, 2)]);
        assert_eq!(shared(1, &[2, 2, 2]), [(Cause::Person, 1)]);
        assert_eq!(shared(5, &[2]), [(Cause::Person, 2), (Cause::Other, 3)]);
        assert_eq!(shared(2, &[]), [(Cause::Other, 2)]);
    }

    proptest! {
        #[test]
        fn the_parts_add_up_and_none_exceeds_what_was_lost(
            delay in 0_u32..400,
            days in proptest::collection::vec(1_u32..90, 0..12),
        ) {
            let shared = share(delay, lost(&days));
            prop_assert_eq!(shared.iter().map(|charge| charge.days).sum::<u32>(), delay);
            let mut most: Vec<u32> = days;
            most.sort_unstable_by(|one, other| other.cmp(one));
            for charge in shared.iter().filter(|charge| charge.cause == Cause::Person) {
                prop_assert!(most.first().is_some_and(|most| charge.days <= *most));
            }
        }
    }
}
