//! A limit that runs, and the levels that it reaches: a prompt shortly before its end, yellow when most of it is
//! used, red when it is over.

use jiff::civil::Date;

use super::rule::Level;
use crate::calendar::{Calendar, MissingYear};
use crate::catalogue::SupervisionRules;
use crate::limit::{Limit, Unit};

/// A limit with its end as far as pauses are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The limit.
    pub(super) limit: Limit,
    /// Its last day.
    pub(super) due: Date,
    /// The day on which what it is for was done; none: not yet.
    pub(super) ended: Option<Date>,
}

/// What is done on the spot has no days to count: it is late by working days.
pub(super) fn counting(unit: Unit) -> Unit {
    if unit == Unit::OnTheSpot { Unit::WorkingDay } else { unit }
}

/// The days of a unit after `from` up to and including `to`.
pub(super) fn days(calendar: &Calendar, from: Date, to: Date, unit: Unit) -> Result<Vec<Date>, MissingYear> {
    let mut days = Vec::new();
    let mut day = from;
    while day < to {
        day = day.tomorrow().map_err(|_| MissingYear(day.year()))?;
        if unit != Unit::WorkingDay || calendar.is_working_day(day)? {
            days.push(day);
        }
    }
    Ok(days)
}

impl Run {
    /// The last day on which it ran, seen from a day.
    pub(super) fn last(&self, today: Date) -> Date {
        self.ended.unwrap_or(today).min(today)
    }

    /// The levels that it has reached by a day, in rising order, and since when.
    pub(super) fn levels(
        &self,
        calendar: &Calendar,
        rules: &SupervisionRules,
        today: Date,
    ) -> Result<Vec<(Level, Date)>, MissingYear> {
        let mut levels = Vec::new();
        // What is done on the very day on which a warning would come needs none.
        let warned = |since: Date| self.ended.map_or(since <= today, |ended| since < ended.min(today));
        if self.limit.unit != Unit::OnTheSpot {
            let used = (u64::from(self.limit.days) * u64::from(rules.yellow_at_percent)).div_ceil(100);
            let left = self.limit.days.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX));
            let since = before(calendar, self.due, Limit { days: left, ..self.limit })?;
            let prompt = before(calendar, self.due, rules.prompt_before_deadline)?;
            // Of a long limit most is used before the day of the prompt: then that would say less than is known.
            if rules.prompt_before_deadline.days < self.limit.days && prompt < since {
                levels.extend(warned(prompt).then_some((Level::Prompt, prompt)));
            }
            levels.extend(warned(since).then_some((Level::Yellow, since)));
        }
        if self.last(today) > self.due {
            levels.push((Level::Red, self.due.tomorrow().unwrap_or(self.due)));
        }
        Ok(levels)
    }

    /// By how many days it is over, in its unit; at least one where it is. 0: it is not.
    pub(super) fn delay(&self, calendar: &Calendar, today: Date) -> Result<u32, MissingYear> {
        let last = self.last(today);
        if last <= self.due {
            return Ok(0);
        }
        calendar.days_between(self.due, last, counting(self.limit.unit)).map(|days| days.max(1))
    }
}

/// The day so long before another; where working days count, a working day.
fn before(calendar: &Calendar, day: Date, span: Limit) -> Result<Date, MissingYear> {
    let counts = |day: Date| if span.unit == Unit::WorkingDay { calendar.is_working_day(day) } else { Ok(true) };
    let (mut at, mut left) = (day, span.days);
    while left > 0 || (span.days > 0 && !counts(at)?) {
        left -= u32::from(left > 0 && counts(at)?);
        at = at.yesterday().map_err(|_| MissingYear(at.year()))?;
    }
    Ok(at)
}
