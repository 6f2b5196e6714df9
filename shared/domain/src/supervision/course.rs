//! How a case went: which office had it in which stage, from when to when, and what it waited for there.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sanji_log::{Hash, StationCode};
use serde::{Deserialize, Serialize};

use crate::calendar::local_date;
use crate::case::clock::trusted_times;
use crate::case::{Case, Reference, SideEvent, StepEvent, StepFacts, duty_at};
use crate::catalogue::Item;
use crate::code::{DepartmentCode, StaffId, StageId};

/// A department at a station: what answers for what is done there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Office {
    /// The station.
    pub station: StationCode,
    /// The department, or the station's own office.
    pub department: DepartmentCode,
}

/// A person as an entry names them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person {
    /// Their id.
    pub id: StaffId,
    /// Their name then.
    pub name: String,
    /// The role in which they acted.
    pub role: String,
}

/// When the steps that handed a case over were durable at the station they handed it to, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrivals(BTreeMap<Hash, Option<u64>>);

impl Arrivals {
    /// A step arrived, in milliseconds since 1970-01-01 UTC.
    pub fn arrived(&mut self, step: Hash, at_ms: u64) {
        self.0.insert(step, Some(at_ms));
    }

    /// A step is on its way.
    pub fn on_the_way(&mut self, step: Hash) {
        self.0.insert(step, None);
    }
}

/// Why a case stood still in a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The kind of special procedure; 公示 for a public notice.
    pub kind: String,
    /// Whether it stopped the clock.
    pub stops: bool,
    /// Its first day.
    pub from: Date,
    /// Its last day; none: it goes on.
    pub to: Option<Date>,
    /// The applicant has a notice to pay: the money comes when they bring it, and nobody in the hall can hasten it.
    pub pays: bool,
}

impl Pause {
    /// Whether it covers a day; the day on which it begins it does not.
    pub(super) fn covers(&self, day: Date) -> bool {
        self.from < day && self.to.is_none_or(|to| day <= to)
    }
}

/// A stay of a case in a stage at an office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The stage.
    pub stage: StageId,
    /// Whose turn it was.
    pub office: Office,
    /// The day it came.
    pub from: Date,
    /// The day it went; none: it is there.
    pub to: Option<Date>,
    /// The day on which it could be seen there; none: as soon as it came, or nobody knows.
    pub arrived: Option<Date>,
    /// It has not arrived there at all.
    pub on_the_way: bool,
    /// It waits for the applicant's correction.
    pub waits_for_applicant: bool,
    /// Position of the step that began it, among the steps that count.
    pub begun: usize,
    /// Who acted in it, and when, in order; the last of them ended it, if it has ended.
    pub acts: Vec<(Date, Person)>,
    /// What it waited for.
    pub pauses: Vec<Pause>,
}

impl Visit {
    /// Who ended it.
    #[must_use]
    pub fn ended_by(&self) -> Option<&Person> {
        self.to.and_then(|_| self.acts.last()).map(|(_, person)| person)
    }

    /// The first person who acted on a day or later.
    #[must_use]
    pub fn acts_next(&self, day: Date) -> Option<&Person> {
        self.acts.iter().find(|(acted, _)| *acted >= day).map(|(_, person)| person)
    }

    /// A pause that covers a day. The day on which it begins is still the office's.
    pub(super) fn paused_on(&self, day: Date) -> Option<&Pause> {
        self.pauses.iter().find(|pause| !pause.pays && pause.covers(day))
    }

    /// Whether the applicant had a notice to pay on a day; the day on which it is issued is still the office's.
    pub(super) fn pays_on(&self, day: Date) -> bool {
        self.pauses.iter().any(|pause| pause.pays && pause.covers(day))
    }

    fn close_pauses(&mut self, day: Date) {
        for pause in self.pauses.iter_mut().filter(|pause| pause.to.is_none()) {
            pause.to = Some(day);
        }
    }
}

/// The day in China of a moment in milliseconds since 1970-01-01 UTC.
pub(super) fn day_of(time_ms: u64) -> Date {
    local_date(i64::try_from(time_ms).unwrap_or(i64::MAX))
}

/// The days of the steps that count, whatever the clock of a station says. They never run backwards.
pub(super) fn days(case: &Case) -> Vec<Date> {
    let days = trusted_times(case).into_iter().map(day_of);
    days.scan(Date::MIN, |latest, day| {
        *latest = day.max(*latest);
        Some(*latest)
    })
    .collect()
}

/// The person of a step; none where the station itself acted.
pub(super) fn person(facts: &StepFacts) -> Option<Person> {
    let id = facts.actor.parse().ok()?;
    Some(Person { id, name: facts.body.actor.name.clone(), role: facts.body.actor.role.clone() })
}

/// The stays of a case, in order. Where the station that a step hands the case over to has noted when it received it, that
/// is when it arrived.
#[must_use]
pub fn course(case: &Case, item: &Item, reference: &Reference<'_>, arrivals: &Arrivals) -> Vec<Visit> {
    let noted: BTreeMap<(Hash, StationCode), u64> = case
        .sides()
        .filter_map(|facts| match &facts.body.event {
            SideEvent::TimeNoted(noted) => Some(((noted.entry, facts.writer), noted.received_ms)),
            _ => None,
        })
        .collect();
    let mut visits: Vec<Visit> = Vec::new();
    for (at, (facts, today)) in case.steps().zip(days(case)).enumerate() {
        if let Some(visit) = visits.last_mut() {
            note(visit, facts, today);
            if stays(visit, facts) {
                continue;
            }
            visit.to = Some(today);
            visit.close_pauses(today);
        }
        let Some(stage) = &facts.body.stage else { continue };
        let station = facts.body.holder;
        let department = duty_at(case, reference, stage, station).map(|duty| duty.department);
        let handed_over = station != facts.writer;
        let noted = noted.get(&(facts.hash, station)).filter(|_| handed_over).map(|at| Some(*at));
        let arrival = arrivals.0.get(&facts.hash).copied().or(noted);
        visits.push(Visit {
            stage: stage.clone(),
            office: Office { station, department: department.unwrap_or_else(|| item.department.clone()) },
            from: today,
            to: None,
            arrived: arrival.flatten().map(|at| day_of(at).max(today)),
            on_the_way: arrival == Some(None),
            waits_for_applicant: matches!(facts.body.event, StepEvent::CorrectionRequested { .. }),
            begun: at,
            acts: Vec::new(),
            pauses: Vec::new(),
        });
    }
    await_payments(case, &mut visits);
    visits
}

/// The stays during which a notice waited for the applicant's money: from the day it was issued to the day the bank got it,
/// or on which the notice counted no more.
fn await_payments(case: &Case, visits: &mut [Visit]) {
    for notice in case.fees().notices.iter().filter(|notice| notice.issued.payable_fen() > 0) {
        let from = day_of(notice.by.time.millis());
        let paid = notice.payment.as_ref().map(|(payment, by)| (payment.paid_ms, by.time.millis()));
        let paid = paid.map(|(paid_ms, registered_ms)| day_of(paid_ms.min(registered_ms)).max(from));
        let to = paid.or_else(|| notice.ended_at().map(|at| day_of(at.millis())));
        let within =
            |visit: &&mut Visit| visit.to.is_none_or(|end| from <= end) && to.is_none_or(|to| visit.from <= to);
        for visit in visits.iter_mut().filter(within) {
            let to = to.map_or(visit.to, |to| Some(visit.to.map_or(to, |end| end.min(to))));
            let from = from.max(visit.from);
            visit.pauses.push(Pause { kind: "缴费".to_owned(), stops: true, from, to, pays: true });
        }
    }
}

/// What a step says of the stay in which it was taken.
fn note(visit: &mut Visit, facts: &StepFacts, today: Date) {
    match &facts.body.event {
        StepEvent::Suspended { kind, .. } => {
            visit.pauses.push(Pause { kind: kind.clone(), stops: true, from: today, to: None, pays: false });
        }
        StepEvent::PublicityPosted { until, .. } => {
            let to = until.map(|until| until.max(today));
            visit.pauses.push(Pause { kind: "公示".to_owned(), stops: false, from: today, to, pays: false });
        }
        StepEvent::Resumed { .. } => visit.close_pauses(today),
        _ => {}
    }
    visit.acts.extend(person(facts).map(|person| (today, person)));
}

fn stays(visit: &Visit, facts: &StepFacts) -> bool {
    let begins_anew = matches!(
        facts.body.event,
        StepEvent::CorrectionRequested { .. } | StepEvent::CorrectionSupplied { .. } | StepEvent::Reclaimed { .. }
    );
    !begins_anew && facts.body.stage.as_ref() == Some(&visit.stage) && facts.body.holder == visit.office.station
}
