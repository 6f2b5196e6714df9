//! Working days and deadlines, after the yearly notice of the State Council on public holidays.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Weekday};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

use crate::limit::{Limit, Unit};
use crate::toml_file::{FileFault, Section, read_file};

/// A date lies in a year whose holidays the calendar does not know. Nobody may guess them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the calendar has no year {0}")]
pub struct MissingYear(pub i16);

/// The working days of the years that have been announced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calendar {
    years: BTreeMap<i16, Vec<Break>>,
    makeup: BTreeSet<Date>,
}

/// A public holiday with the days off around it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Break {
    name: String,
    from: Date,
    to: Date,
}

impl Calendar {
    /// Reads a calendar file and checks each year against the totals that it states.
    ///
    /// # Errors
    /// Everything that is wrong with the file, by line.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<FileFault>> {
        read_file(file, text, |section| {
            section.skip(&["country", "sources"]);
            let mut calendar = Self::default();
            let totals = section.some_sections("year", |section| calendar.read_year(section))?;
            for total in totals {
                calendar.check(&total, section);
            }
            Some(calendar)
        })
    }

    fn read_year(&mut self, section: &mut Section<'_>) -> Option<Totals> {
        section.skip(&["notice", "calendar_days"]);
        let year: Option<i16> = section.number("year");
        let line = section.line_of("working_days");
        let working_days = section.number("working_days");
        let by_month = section.numbers("working_days_by_month");
        let breaks = section.some_sections("break", |section| {
            let (name, from, to) = (section.text("name"), section.date("from"), section.date("to"));
            let makeup = section.dates("makeup_workdays");
            let found = Break { name: name?, from: from?, to: to? };
            if found.to < found.from {
                section.fault("to", format!("{}的最后一天早于第一天", found.name));
            }
            self.makeup.extend(makeup?);
            Some(found)
        });
        let year = year?;
        if self.years.insert(year, breaks?).is_some() {
            section.fault("year", format!("{year} 年重复"));
        }
        Some(Totals { year, line, working_days: working_days?, by_month: by_month? })
    }

    fn check(&self, total: &Totals, section: &Section<'_>) {
        let counted: Vec<u32> = (1..=12).map(|month| self.working_days_of_month(total.year, month)).collect();
        if counted != total.by_month {
            section.fault_at(total.line, format!("{} 年各月工作日应为 {counted:?}", total.year));
        }
        let sum: u32 = counted.iter().sum();
        if sum != total.working_days {
            section.fault_at(total.line, format!("{} 年的工作日总数应为 {sum}", total.year));
        }
    }

    fn working_days_of_month(&self, year: i16, month: i8) -> u32 {
        let Ok(first) = Date::new(year, month, 1) else { return 0 };
        let days = first.series(1.day()).take_while(|date| date.month() == month);
        days.filter(|date| self.works(*date)).count() as u32
    }

    /// The file's rule: in a break, no; else made up, yes; else Monday to Friday.
    fn works(&self, date: Date) -> bool {
        // A break may reach into the next year, so all of them are asked.
        if self.years.values().flatten().any(|holiday| holiday.from <= date && date <= holiday.to) {
            return false;
        }
        self.makeup.contains(&date) || !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
    }

    /// The years that the calendar knows.
    pub fn years(&self) -> impl Iterator<Item = i16> {
        self.years.keys().copied()
    }

    /// The public holiday that a day off belongs to.
    #[must_use]
    pub fn holiday(&self, date: Date) -> Option<&str> {
        let mut breaks = self.years.values().flatten();
        breaks.find(|holiday| holiday.from <= date && date <= holiday.to).map(|holiday| holiday.name.as_str())
    }

    /// Whether offices work on a day.
    ///
    /// # Errors
    /// [`MissingYear`] where the year has not been announced.
    pub fn is_working_day(&self, date: Date) -> Result<bool, MissingYear> {
        if self.years.contains_key(&date.year()) { Ok(self.works(date)) } else { Err(MissingYear(date.year())) }
    }

    /// The last day of a limit. The starting day is not counted, and the limit ends with the end of the day
    /// returned. A limit of no days ends on the starting day, whatever day that is.
    ///
    /// # Errors
    /// [`MissingYear`] where working days are counted into a year that has not been announced.
    pub fn deadline(&self, start: Date, limit: Limit) -> Result<Date, MissingYear> {
        match limit.unit {
            Unit::OnTheSpot => Ok(start),
            Unit::NaturalDay => {
                start.checked_add(i64::from(limit.days).days()).map_err(|_| MissingYear(Date::MAX.year()))
            }
            Unit::WorkingDay => self.after_working_days(start, limit.days),
        }
    }

    fn after_working_days(&self, start: Date, days: u32) -> Result<Date, MissingYear> {
        let mut date = start;
        let mut left = days;
        while left > 0 {
            date = date.tomorrow().map_err(|_| MissingYear(date.year()))?;
            if self.is_working_day(date)? {
                left -= 1;
            }
        }
        Ok(date)
    }

    /// How many working days lie after `start` up to and including `end`; 0 where `end` is not later.
    /// So a limit of that many working days from `start` is used up at the end of `end`.
    ///
    /// # Errors
    /// [`MissingYear`] where a day lies in a year that has not been announced.
    pub fn working_days_between(&self, start: Date, end: Date) -> Result<u32, MissingYear> {
        let mut count = 0;
        for date in start.series(1.day()).skip(1).take_while(|date| *date <= end) {
            count += u32::from(self.is_working_day(date)?);
        }
        Ok(count)
    }

    /// How many days of a unit lie after `start` up to and including `end`; 0 where `end` is not later.
    ///
    /// # Errors
    /// [`MissingYear`] as [`Calendar::working_days_between`].
    pub fn days_between(&self, start: Date, end: Date, unit: Unit) -> Result<u32, MissingYear> {
        match unit {
            Unit::OnTheSpot => Ok(0),
            Unit::NaturalDay => Ok(start.until(end).map_or(0, |span| u32::try_from(span.get_days()).unwrap_or(0))),
            Unit::WorkingDay => self.working_days_between(start, end),
        }
    }
}

/// What a file says about a year, to be checked.
struct Totals {
    year: i16,
    line: u32,
    working_days: u32,
    by_month: Vec<u32>,
}

/// China keeps one zone, eight hours before UTC, and no daylight time since 15 September 1991.
const CHINA: Offset = jiff::tz::offset(8);

/// The date in China at a moment given in milliseconds since 1970-01-01 UTC. Moments that no date can name give the
/// nearest that one can.
#[must_use]
pub fn local_date(millis_utc: i64) -> Date {
    let moment =
        Timestamp::from_millisecond(millis_utc).unwrap_or(if millis_utc < 0 { Timestamp::MIN } else { Timestamp::MAX });
    CHINA.to_datetime(moment).date()
}

/// A date as a number, `YYYYMMDD`; 0 for dates before the year 1.
#[must_use]
pub fn date_number(date: Date) -> u32 {
    let year = u32::try_from(date.year()).unwrap_or(0);
    if year == 0 {
        0
    } else {
        year * 10_000 + date.month().unsigned_abs() as u32 * 100 + date.day().unsigned_abs() as u32
    }
}

/// The date of a number `YYYYMMDD`; none where there is no such day.
#[must_use]
pub fn date_of_number(number: u32) -> Option<Date> {
    let part = |value: u32| i8::try_from(value).ok();
    let year = i16::try_from(number / 10_000).ok().filter(|year| *year > 0)?;
    Date::new(year, part(number / 100 % 100)?, part(number % 100)?).ok()
}
