//! The clock of a case: limits, pauses and deadlines, from its entries and the calendar alone. It is the same on every
//! station, and recomputed whenever the calendar changes.
//!
//! | module | holds |
//! | --- | --- |
//! | `times` | when steps were written, whatever a PC's clock says |
//! | `spans`, `ledger` | what the case waited for, and whether the limits ran meanwhile |
//! | `stages` | the open stages and their last days |
//! | `extension` | by how much limits may be extended, and which extension counts |
//!
//! Between two steps the clock either runs or stands. The promised limit stands while a special procedure has stopped
//! it and in stages that the item does not count; the statutory limit only in special procedures. A deadline is the day
//! on which the limit is used up by days on which it ran, as if it ran from today on; the starting day is never
//! counted, and a limit that is used up stays so. An extension is counted from the deadline that it extends.

mod extension;
mod ledger;
mod spans;
mod stages;
mod times;

use jiff::civil::Date;

use super::body::StepEvent;
use super::facts::StepFacts;
use super::route::REGISTRATION_STAGE;
use super::state::Case;
use super::variant;
use super::words::date_words;
use crate::calendar::{Calendar, MissingYear, local_date};
use crate::catalogue::{CaseType, Defaults, Item, SupervisedLink};
use crate::code::StageId;
use crate::limit::{Limit, Unit};

pub use extension::{ExtensionRule, extension_rule};
pub use ledger::{ClockSpan, Longest, clock_ledger};
pub use spans::{Cause, Counting};
pub use stages::OpenStage;
pub use times::{TOLERANCE_MS, trusted_times};

pub(super) use times::Notes;

use spans::Span;

/// What the clock of a case shows on a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseClock {
    /// Day from which the time to answer counts.
    pub received_on: Option<Date>,
    /// Day of acceptance; of a deemed one, the day of receipt. None: not accepted.
    pub accepted_on: Option<Date>,
    /// Last day of the promised limit, as far as the pauses are known today.
    pub promised_until: Option<Date>,
    /// Last day of the statutory limit, as far as the pauses are known today.
    pub statutory_until: Option<Date>,
    /// Last day of the aggregate limit of a joint case (行政许可法 art. 42 para. 2).
    pub joint_until: Option<Date>,
    /// The promise as it was before it was extended; none: it was not.
    pub extended_from: Option<Date>,
    /// Last day of the present stage.
    pub stage_until: Option<Date>,
    /// The stages that are open, the present one among them.
    pub open_stages: Vec<OpenStage>,
    /// Days of the promised limit that are used up, in its own unit.
    pub used_days: u32,
    /// Whether a special procedure has stopped the clock.
    pub suspended: bool,
    /// A year whose working days are needed and not known.
    pub missing_year: Option<i16>,
    /// In words, for example `剩余3个工作日`. Empty: no limit runs.
    pub words: String,
}

/// Reads the clock of a case on a day.
#[must_use]
pub fn case_clock(case: &Case, item: &Item, calendar: &Calendar, defaults: &Defaults, today: Date) -> CaseClock {
    Reading::of(case, item, calendar, defaults, today).clock()
}

/// The day from which the time to answer counts: when the application, or its correction, was complete at the first
/// station. What a village has to do before it may apply at all comes before that day.
#[must_use]
pub fn received_on(case: &Case, item: &Item) -> Option<Date> {
    let times = trusted_times(case);
    let received = received(case, item)?;
    times.get(received).map(|time_ms| day(*time_ms))
}

/// The position of the step with which the application, or its correction, was complete.
fn received(case: &Case, item: &Item) -> Option<usize> {
    let restarts = |facts: &StepFacts| match &facts.body.event {
        StepEvent::Submitted(submitted) => !submitted.preliminary,
        StepEvent::CorrectionSupplied { .. } | StepEvent::PreliminarySubmitted { .. } => true,
        StepEvent::StageFinished { stage, .. } | StepEvent::PublicityEnded { stage, .. } => prepares(item, stage),
        _ => false,
    };
    case.steps().enumerate().filter(|(_, facts)| restarts(facts)).map(|(at, _)| at).last()
}

/// A stage before acceptance that is more than taking in and sending up.
fn prepares(item: &Item, stage: &StageId) -> bool {
    let link = item.stage(stage).map(|stage| stage.link);
    link == Some(SupervisedLink::Application) && stage.as_str() != REGISTRATION_STAGE
}

/// The last day to make good what is wrong: as the notice says, or, where nobody knew it then, as the calendar says
/// now. None: no correction is waited for.
#[must_use]
pub fn correction_until(case: &Case, calendar: &Calendar, defaults: &Defaults) -> Option<Result<Date, MissingYear>> {
    let correction = case.correction()?;
    let asked_on = || day(time_of(case, |event| matches!(event, StepEvent::CorrectionRequested { .. })));
    Some(correction.until.map_or_else(|| calendar.deadline(asked_on(), defaults.correction.reply_within), Ok))
}

/// The last day on which the public notice must hang, likewise. None: no notice hangs.
#[must_use]
pub fn publicity_until(case: &Case, item: &Item, calendar: &Calendar) -> Option<Result<Date, MissingYear>> {
    let run = case.publicity()?;
    let limit = item.publicity_of(&run.stage)?.limit;
    let posted_on = || day(time_of(case, |event| matches!(event, StepEvent::PublicityPosted { .. })));
    Some(run.until.map_or_else(|| calendar.deadline(posted_on(), limit), Ok))
}

/// When the last step of a kind was written, in milliseconds since 1970-01-01 UTC.
fn time_of(case: &Case, is_wanted: impl Fn(&StepEvent) -> bool) -> u64 {
    let steps = case.steps().zip(trusted_times(case));
    steps.filter(|(facts, _)| is_wanted(&facts.body.event)).map(|(_, time_ms)| time_ms).last().unwrap_or(0)
}

fn day(time_ms: u64) -> Date {
    local_date(i64::try_from(time_ms).unwrap_or(i64::MAX))
}

/// A step that counts, and when it was written.
pub(super) struct Moment<'a> {
    facts: &'a StepFacts,
    time_ms: u64,
    day: Date,
}

/// A case on a day, read by its item's limits and a calendar.
pub(super) struct Reading<'a> {
    case: &'a Case,
    item: &'a Item,
    calendar: &'a Calendar,
    defaults: &'a Defaults,
    today: Date,
    moments: Vec<Moment<'a>>,
}

#[derive(Clone, Copy)]
enum Limits {
    Promised,
    Statutory,
}

impl<'a> Reading<'a> {
    pub(super) fn of(
        case: &'a Case,
        item: &'a Item,
        calendar: &'a Calendar,
        defaults: &'a Defaults,
        today: Date,
    ) -> Self {
        let moments = case.steps().zip(trusted_times(case));
        let moments = moments.map(|(facts, time_ms)| Moment { facts, time_ms, day: day(time_ms) });
        Self { case, item, calendar, defaults, today, moments: moments.collect() }
    }

    fn clock(&self) -> CaseClock {
        let spans = self.spans();
        let accepted_on = self.begun_on();
        let plain_promise = accepted_on.map(|from| self.until(from, self.promise(), &spans, Limits::Promised, None));
        let extension = self.promise_extension(&spans);
        let extend = |until: Result<Date, MissingYear>| match extension {
            Some(by) => until.and_then(|until| self.calendar.deadline(until, by)),
            None => until,
        };
        let promised = plain_promise.map(extend);
        let statutory = self.statutory_start().zip(self.item.limits.statutory);
        let statutory = statutory.map(|(from, limit)| extend(self.until(from, limit, &spans, Limits::Statutory, None)));
        let joint = accepted_on.filter(|_| self.item.case_type == CaseType::Joint);
        let joint =
            joint.map(|from| extend(self.until(from, self.defaults.joint.limit, &spans, Limits::Statutory, None)));
        let stage = self.current().and_then(|stage| self.stage_until(stage));
        let used = self.days(&spans, self.promise().unit, |span| span.promised == Counting::Runs);
        // What people are told first; the other limits may lie in a year that nobody needs to know yet.
        let missing = [promised, stage].into_iter().flatten().find_map(Result::err);
        let missing_year = missing.or([statutory, joint].into_iter().flatten().find_map(Result::err)).or(used.err());
        let known = |until: Option<Result<Date, MissingYear>>| until.and_then(Result::ok);
        CaseClock {
            received_on: self.received().and_then(|at| self.moments.get(at)).map(|moment| moment.day),
            accepted_on,
            promised_until: known(promised),
            statutory_until: known(statutory),
            joint_until: known(joint),
            extended_from: extension.and(known(plain_promise)),
            stage_until: known(stage),
            open_stages: self.open(),
            used_days: used.unwrap_or(0),
            suspended: self.case.suspension().is_some(),
            missing_year: missing_year.map(|MissingYear(year)| year),
            words: match missing {
                Some(MissingYear(year)) => format!("缺少{year}年工作日历，暂不能计算期限"),
                None => self.words(known(promised), known(stage)).unwrap_or_default(),
            },
        }
    }

    /// By how much the limits of the case are extended.
    fn promise_extension(&self, spans: &[Span<'_>]) -> Option<Limit> {
        let from = self.begun_on()?;
        let until = |day: Date| self.until(from, self.promise(), spans, Limits::Promised, Some(day)).ok();
        self.extension(until).map(|(_, by)| by)
    }

    /// The limit that the district promises for this case.
    pub(super) fn promise(&self) -> Limit {
        variant::promised(self.case, self.item)
    }

    /// The position of the step from which the promise counts: acceptance, or receipt where that is deemed.
    pub(super) fn begun(&self) -> Option<usize> {
        if self.case.acceptance_deemed() { self.received() } else { self.accepted() }
    }

    /// The position of the step that accepts, or decides what nobody had to accept first.
    pub(super) fn accepted(&self) -> Option<usize> {
        let accepts = |moment: &Moment<'_>| matches!(moment.facts.body.event, StepEvent::Accepted { .. });
        let decides = |moment: &Moment<'_>| {
            matches!(moment.facts.body.event, StepEvent::Decided { .. } | StepEvent::TacitlyApproved { .. })
        };
        self.moments.iter().rposition(accepts).or_else(|| self.moments.iter().position(decides))
    }

    fn begun_on(&self) -> Option<Date> {
        self.moments.get(self.begun()?).map(|moment| moment.day)
    }

    pub(super) fn received(&self) -> Option<usize> {
        received(self.case, self.item)
    }

    /// Where the statutory limit begins: at acceptance, or for some items at the application.
    fn statutory_start(&self) -> Option<Date> {
        if self.item.limits.statutory_from.is_some() {
            return self.moments.get(self.received()?).map(|moment| moment.day);
        }
        self.begun_on()
    }

    /// How many days some spans take.
    fn days(&self, spans: &[Span<'_>], unit: Unit, counts: impl Fn(&Span<'_>) -> bool) -> Result<u32, MissingYear> {
        let counted = spans.iter().filter(|span| counts(span));
        counted.map(|span| self.calendar.days_between(span.from, span.to, unit)).sum()
    }

    /// The last day of a limit, as it was known on a day; none: today.
    fn until(
        &self,
        from: Date,
        limit: Limit,
        spans: &[Span<'_>],
        of: Limits,
        as_known_on: Option<Date>,
    ) -> Result<Date, MissingYear> {
        let stretches = spans.iter().filter_map(|span| {
            let counting = match of {
                Limits::Promised => span.promised,
                Limits::Statutory => span.statutory,
            };
            let to = as_known_on.map_or(span.to, |day| day.min(span.to));
            match counting {
                Counting::Outside => None,
                Counting::Runs => Some((span.from, to, true)),
                Counting::Stands => Some((span.from, to, false)),
            }
        });
        self.use_up(from, limit, stretches)
    }

    /// Uses a limit up, stretch by stretch: from a day, to a day, and whether it ran in between. Once it is used up,
    /// nothing that stops the clock later brings it back.
    fn use_up(
        &self,
        start: Date,
        limit: Limit,
        stretches: impl Iterator<Item = (Date, Date, bool)>,
    ) -> Result<Date, MissingYear> {
        if limit.unit == Unit::OnTheSpot {
            return Ok(start);
        }
        let (mut left, mut day) = (limit.days, start);
        for (from, to, runs) in stretches {
            if to <= from {
                continue;
            }
            if !runs {
                day = to;
                continue;
            }
            if left == 0 {
                // Over a weekend too: the last day was before it.
                if to > day {
                    return Ok(day);
                }
                continue;
            }
            // What was used up before the year that nobody knows stays known.
            let days = self.calendar.days_between(from, to, limit.unit).ok().filter(|days| *days < left);
            let Some(days) = days else {
                day = self.calendar.deadline(from, Limit { days: left, ..limit })?;
                if to > day {
                    return Ok(day);
                }
                left = 0;
                continue;
            };
            (day, left) = (to, left - days);
        }
        self.calendar.deadline(day, Limit { days: left, ..limit })
    }

    fn words(&self, promised: Option<Date>, stage_until: Option<Date>) -> Option<String> {
        let stage = self.current()?;
        if !self.case.is_open() {
            return None;
        }
        if self.case.correction().is_some() {
            return Some(match stage_until {
                Some(until) if self.today > until => format!("补正期限已于{}届满", date_words(until)),
                Some(until) => format!("等待补正，{}前补齐", date_words(until)),
                None => "等待补正".to_owned(),
            });
        }
        if let Some(suspension) = self.case.suspension() {
            return Some(format!("计时暂停（{}）", suspension.kind));
        }
        if self.case.publicity().is_some() {
            return Some(
                stage_until.map_or_else(|| "公示中".to_owned(), |until| format!("公示至{}", date_words(until))),
            );
        }
        let promise = self.promise();
        let (until, unit) = match promised {
            Some(until) if stage.counted => (until, promise.unit),
            _ => (stage_until?, stage.limit.unit),
        };
        // What is done on the spot has no days to count.
        let unit = if unit == Unit::OnTheSpot { Unit::WorkingDay } else { unit };
        let days = |from: Date, to: Date| self.calendar.days_between(from, to, unit);
        // Which day it is needs no calendar; how many days lie in between may.
        let (Ok(left), Ok(over)) = (days(self.today, until), days(until, self.today)) else {
            return Some(if self.today > until {
                "已超期".to_owned()
            } else {
                format!("{}到期", date_words(until))
            });
        };
        Some(match (left, over) {
            (0, 0) if self.today > until => "已超期".to_owned(),
            (0, 0) => "今日到期".to_owned(),
            (0, over) => format!("已超期{over}个{unit}"),
            (left, _) => format!("剩余{left}个{unit}"),
        })
    }
}
