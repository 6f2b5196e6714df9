//! 回访: a bad rating of a case opens a follow-up with limits of its own (defaults.toml `[evaluation]`): somebody
//! speaks to the person, and what was wrong is put right. What was done stands beside the case's route.

use jiff::civil::Date;
use sanji_log::HybridTime;

use crate::calendar::{Calendar, MissingYear, local_date};
use crate::case::{Case, FollowUp, SideEvent};
use crate::catalogue::Defaults;

/// A bad rating and what was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadRating {
    /// 1 or 2, as far as the district's rules call that bad.
    pub satisfaction: u32,
    /// When it was given.
    pub rated: HybridTime,
    /// When the person was first spoken to, or tried to be; the latter is no contact.
    pub contacted: Option<HybridTime>,
    /// When and how it was settled.
    pub settled: Option<(HybridTime, FollowUp)>,
}

/// The bad rating of a case; none where it has none.
#[must_use]
pub fn bad_rating(case: &Case, defaults: &Defaults) -> Option<BadRating> {
    let ratings = case.sides().filter_map(|side| match side.body.event {
        SideEvent::Rating { satisfaction } => Some((side.time, side.hash, satisfaction)),
        _ => None,
    });
    // As for the case's rating, the first counts.
    let (rated, _, satisfaction) = ratings.min()?;
    if !is_bad(satisfaction, defaults) {
        return None;
    }
    let done = |wanted: fn(FollowUp) -> bool| {
        let entries = case.sides().filter_map(move |side| match side.body.event {
            SideEvent::FollowedUp { what } if wanted(what) => Some((side.time, what)),
            _ => None,
        });
        entries.min_by_key(|(time, _)| *time)
    };
    let settled = done(|what| matches!(what, FollowUp::Rectified | FollowUp::Unfounded));
    let contacted = done(|what| !matches!(what, FollowUp::NotReached | FollowUp::Unknown)).map(|(time, _)| time);
    Some(BadRating { satisfaction, rated, contacted, settled })
}

/// Whether something has to be done about a case's rating.
#[must_use]
pub fn is_due(case: &Case, defaults: &Defaults) -> bool {
    bad_rating(case, defaults).is_some_and(|bad| bad.settled.is_none())
}

/// Whether the district's rules call a rating bad: 5 is the first of its levels.
#[must_use]
pub fn is_bad(satisfaction: u32, defaults: &Defaults) -> bool {
    let rules = &defaults.evaluation;
    let level = 5_u32.checked_sub(satisfaction).and_then(|index| rules.levels.get(usize::try_from(index).ok()?));
    level.is_some_and(|level| rules.bad_levels.contains(level))
}

impl BadRating {
    /// Last day to speak to the person.
    ///
    /// # Errors
    /// [`MissingYear`] where the calendar lacks a year.
    pub fn contact_until(&self, defaults: &Defaults, calendar: &Calendar) -> Result<Date, MissingYear> {
        calendar.deadline(self.day(), defaults.evaluation.contact_within)
    }

    /// Last day to put right what was wrong.
    ///
    /// # Errors
    /// [`MissingYear`] where the calendar lacks a year.
    pub fn rectify_until(&self, defaults: &Defaults, calendar: &Calendar) -> Result<Date, MissingYear> {
        calendar.deadline(self.day(), defaults.evaluation.rectify_within)
    }

    fn day(&self) -> Date {
        local_date(i64::try_from(self.rated.millis()).unwrap_or(i64::MAX))
    }
}
