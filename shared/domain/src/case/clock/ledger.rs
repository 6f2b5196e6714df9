//! The ledger of a case's clock (计时台账): every span of time with what it was for, under which law, and whether it
//! counted. Supervision divides a delay by it.

use jiff::civil::Date;
use sanji_log::StationCode;

use super::Reading;
use super::spans::{Cause, Counting};
use crate::calendar::Calendar;
use crate::case::state::Case;
use crate::catalogue::{Defaults, Item, Special};
use crate::code::StageId;
use crate::limit::{Limit, Unit};

/// Between two steps, or since the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockSpan {
    /// Day of the step that began it. It is not counted.
    pub from: Date,
    /// Day of the step that ended it, or today. It is counted.
    pub to: Date,
    /// When it began, in milliseconds since 1970-01-01 UTC, by [trusted times](super::trusted_times).
    pub from_ms: u64,
    /// When it ended; none: it lasts.
    pub to_ms: Option<u64>,
    /// The stage.
    pub stage: StageId,
    /// The station that held the case.
    pub holder: StationCode,
    /// What the case waited for.
    pub cause: Cause,
    /// The law or document behind it; empty: none is named.
    pub basis: String,
    /// What the promised limit did.
    pub promised: Counting,
    /// What the statutory limit did.
    pub statutory: Counting,
    /// Its days in `unit`; none: it reaches into a year whose working days are not known.
    pub days: Option<u32>,
    /// The unit of the promise; working days where that is given on the spot.
    pub unit: Unit,
    /// The longest that it may take.
    pub longest: Option<Longest>,
}

/// The bound of a special procedure (`max_days`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Longest {
    /// How long.
    pub limit: Limit,
    /// Its last day; none: not known.
    pub until: Option<Date>,
    /// By how many days, of its unit, it was over; none: not known.
    pub over: Option<u32>,
}

impl Longest {
    /// Whether the procedure took longer than it may.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.is_some_and(|over| over > 0)
    }
}

/// The ledger of a case on a day, oldest first. Its spans follow one another without a gap.
#[must_use]
pub fn clock_ledger(case: &Case, item: &Item, calendar: &Calendar, defaults: &Defaults, today: Date) -> Vec<ClockSpan> {
    let reading = Reading::of(case, item, calendar, defaults, today);
    let unit = match reading.promise().unit {
        Unit::NaturalDay => Unit::NaturalDay,
        Unit::WorkingDay | Unit::OnTheSpot => Unit::WorkingDay,
    };
    let spans = reading.spans().into_iter().map(|span| ClockSpan {
        from: span.from,
        to: span.to,
        from_ms: span.from_ms,
        to_ms: span.to_ms,
        stage: span.stage.id.clone(),
        holder: span.holder,
        basis: basis(&span.cause, span.special.and_then(|special| special.basis.as_deref())),
        cause: span.cause,
        promised: span.promised,
        statutory: span.statutory,
        days: calendar.days_between(span.from, span.to, unit).ok(),
        unit,
        longest: span.special.map(|special| longest(calendar, special, span.since, span.to, span.hangs)),
    });
    spans.collect()
}

fn longest(calendar: &Calendar, special: &Special, since: Date, to: Date, hangs: bool) -> Longest {
    let until = calendar.deadline(since, special.limit).ok();
    // A notice hangs to the end of its last day; it is taken down on the next working day.
    let allowed = until.and_then(|until| match hangs {
        true => calendar.deadline(until, Limit::working_days(1)).ok(),
        false => Some(until),
    });
    let over = allowed.and_then(|allowed| calendar.days_between(allowed, to, special.limit.unit).ok());
    Longest { limit: special.limit, until, over }
}

fn basis(cause: &Cause, of_special: Option<&str>) -> String {
    let basis = match cause {
        Cause::Answering | Cause::Correction => "《行政许可法》第三十二条",
        Cause::Special(_) | Cause::Publicity | Cause::Payment => of_special.unwrap_or("《行政许可法》第四十五条"),
        Cause::Delivery => "《行政许可法》第四十四条",
        Cause::Preparing | Cause::Handling | Cause::Aside => "",
    };
    basis.to_owned()
}
