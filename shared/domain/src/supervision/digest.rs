//! A case in short: what the board, the ranking and the assessment of offices and people need of it. A few hundred
//! bytes, so that a hundred thousand can be kept, and computed anew whenever the case, the rules or the day change.

use std::collections::BTreeSet;

use jiff::civil::Date;
use sanji_log::{CaseId, Hash, StationCode};
use serde::{Deserialize, Serialize};

use super::alert::{Alert, AlertKey, AlertState, orders};
use super::course::{Arrivals, Office, course, day_of, days};
use super::rule::{Level, WatchKind};
use super::watch::{Watch, watched};
use crate::case::{Case, Consulted, Opinion, Outcome, Reference, case_clock, consulted};
use crate::catalogue::{CaseType, Item, SupervisedLink};
use crate::code::{DepartmentCode, ItemCode, StaffId, StageId};
use crate::limit::Limit;

/// A case in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The case.
    pub case: CaseId,
    /// Its item.
    pub item: ItemCode,
    /// The department in the lead.
    pub lead: DepartmentCode,
    /// The day it was opened.
    pub submitted: Date,
    /// The day it was closed; none: it is open.
    pub closed: Option<Date>,
    /// Whether it ended with a decision in favour.
    pub approved: bool,
    /// The limit promised.
    pub promised: Limit,
    /// The limit by law.
    pub statutory: Option<Limit>,
    /// Days of the promise that were used, in its unit.
    pub used_days: u32,
    /// The applicant's rating, 1 (worst) to 5 (best).
    pub rating: Option<u32>,
    /// Who had a hand in it: each office and person once.
    pub turns: Vec<Turn>,
    /// Its alerts.
    pub alerts: Vec<AlertDigest>,
    /// Orders on it.
    pub orders: Vec<OrderDigest>,
    /// Where it stands; none once it is closed.
    pub open: Option<OpenDigest>,
}

/// An order in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDigest {
    /// The entry that issued it.
    pub order: Hash,
    /// The office that must answer.
    pub office: Office,
    /// Last day to answer.
    pub until: Date,
    /// Whether it was answered.
    pub answered: bool,
}

/// An office, and a person of it, that had a hand in a case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Turn {
    /// The office.
    pub office: Office,
    /// The person; none: nobody has acted there.
    pub person: Option<StaffId>,
}

/// An alert in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertDigest {
    /// Which alert of the case.
    pub key: AlertKey,
    /// Kind of its rule.
    pub kind: WatchKind,
    /// How grave it is.
    pub level: Level,
    /// Since when it is so grave.
    pub since: Date,
    /// Last day to answer it.
    pub answer_until: Option<Date>,
    /// Where it stands.
    pub state: AlertState,
    /// The office that answers for it.
    pub office: Office,
    /// The person.
    pub person: Option<StaffId>,
    /// Points that it costs them.
    pub points: u32,
    /// Offices and people with days of the delay for which points are taken.
    pub late: Vec<Turn>,
}

/// Where an open case stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenDigest {
    /// The supervised link.
    pub link: SupervisedLink,
    /// The stage.
    pub stage: StageId,
    /// Whose turn it is.
    pub office: Office,
    /// Since when.
    pub since: Date,
    /// Last day of the stage.
    pub stage_until: Option<Date>,
    /// Last day of the promise; none: not accepted yet.
    pub promised_until: Option<Date>,
    /// The clock stands in a special procedure, or the case waits for the applicant.
    pub waits: bool,
    /// Of an accepted joint case: the part of each department.
    pub parts: Vec<PartDigest>,
}

/// The part that a department has in a joint case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartDigest {
    /// The department where it answers.
    pub office: Office,
    /// Its stage.
    pub stage: StageId,
    /// The link of that stage.
    pub link: SupervisedLink,
    /// The day it got its copy.
    pub since: Date,
    /// Last day to answer; none while the calendar lacks the year.
    pub until: Option<Date>,
    /// Somebody there has looked at the copy.
    pub signed: bool,
    /// Its answer.
    pub opinion: Option<Opinion>,
    /// It owes an answer: the route has not gone past it, and its silence is none.
    pub owed: bool,
}

impl PartDigest {
    /// Whether its answer is late on a day.
    #[must_use]
    pub fn is_late(&self, today: Date) -> bool {
        self.owed && self.until.is_some_and(|until| until < today)
    }
}

impl Digest {
    /// The gravest level of its alerts that were not revoked.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.alerts.iter().filter(|alert| alert.state != AlertState::Revoked).map(|alert| alert.level).max()
    }

    /// The township of the case's home; none where it was handed in at the district.
    #[must_use]
    pub fn township(&self) -> Option<StationCode> {
        self.case.home().and_then(|home| home.at_tier(sanji_log::Tier::Township))
    }
}

impl AlertDigest {
    /// Whether somebody has to answer it.
    #[must_use]
    pub fn waits(&self) -> bool {
        matches!(self.state, AlertState::Unanswered | AlertState::Overdue)
    }

    fn of(alert: &Alert) -> Option<Self> {
        let charges = alert.division.iter().flat_map(|division| &division.0);
        let late: BTreeSet<Turn> = charges
            .filter(|charge| charge.cause.costs())
            .filter_map(|charge| {
                let person = charge.person.as_ref().map(|person| person.id.clone());
                charge.office.clone().map(|office| Turn { office, person })
            })
            .collect();
        Some(Self {
            key: alert.key.clone(),
            kind: alert.kind,
            level: alert.level,
            since: alert.since()?,
            answer_until: alert.answer_until,
            state: alert.state,
            office: alert.office.clone(),
            person: alert.person.as_ref().map(|person| person.id.clone()),
            points: alert.points,
            late: late.into_iter().collect(),
        })
    }
}

/// A case in short, on a day. None where its opening or its item is not here.
#[must_use]
pub fn digest(case: &Case, reference: &Reference<'_>, arrivals: &Arrivals, today: Date) -> Option<Digest> {
    let item = reference.item_of(case).ok()?;
    let clock = case_clock(case, item, reference.calendar, reference.defaults, today);
    let visits = course(case, item, reference, arrivals);
    let days = days(case);
    let alerts = watched(&Watch { case, item, reference, visits: &visits, days: &days, clock: &clock, today });
    let ended = case.steps().position(ends).or(days.len().checked_sub(1)).filter(|_| !case.is_open());
    let closed = ended.and_then(|at| days.get(at).copied());
    let mut turns = BTreeSet::new();
    for visit in visits.iter().filter(|visit| !visit.waits_for_applicant) {
        let turn = |person| Turn { office: visit.office.clone(), person };
        turns.extend(visit.acts.iter().map(|(_, person)| turn(Some(person.id.clone()))));
        if visit.acts.is_empty() {
            turns.insert(turn(None));
        }
    }
    let open = visits.last().filter(|_| closed.is_none()).map(|visit| OpenDigest {
        link: item.stage(&visit.stage).map_or(SupervisedLink::Application, |stage| stage.link),
        stage: visit.stage.clone(),
        office: visit.office.clone(),
        since: visit.from,
        stage_until: clock.stage_until,
        promised_until: clock.promised_until,
        waits: clock.suspended || case.correction().is_some(),
        parts: parts(case, item, reference, today),
    });
    Some(Digest {
        case: case.id(),
        item: item.code.clone(),
        lead: item.department.clone(),
        submitted: days.first().copied()?,
        closed,
        approved: case.outcome() == Some(Outcome::Approved),
        promised: item.limits.promised,
        statutory: item.limits.statutory,
        used_days: clock.used_days,
        rating: case.rating(),
        turns: turns.into_iter().collect(),
        alerts: alerts.iter().filter_map(AlertDigest::of).collect(),
        orders: orders(case)
            .into_iter()
            .map(|order| OrderDigest {
                order: order.hash,
                office: order.office,
                until: order.until,
                answered: !order.answers.is_empty(),
            })
            .collect(),
        open,
    })
}

/// The part of each department of a joint case.
fn parts(case: &Case, item: &Item, reference: &Reference<'_>, today: Date) -> Vec<PartDigest> {
    if item.case_type != CaseType::Joint {
        return Vec::new();
    }
    let position = |stage: &StageId| item.stages.iter().position(|one| one.id == *stage);
    let now = case.stage().and_then(position);
    let part = |part: Consulted| {
        let stage = item.stage(&part.stage)?;
        let opinion = part.answer.map(|(_, opinion)| opinion);
        let silent = part.tacit && part.reply_until.is_some_and(|until| until < today);
        Some(PartDigest {
            office: Office { station: part.station, department: part.department },
            link: stage.link,
            since: day_of(part.copied.millis()),
            until: part.reply_until,
            signed: part.signed.is_some(),
            owed: opinion.is_none() && !silent && now <= position(&part.stage),
            stage: part.stage,
            opinion,
        })
    };
    consulted(case, reference).into_iter().filter_map(part).collect()
}

/// The step after which nothing is to be decided or delivered any more; stages that follow up come after it.
fn ends(facts: &crate::case::StepFacts) -> bool {
    matches!(facts.body.event, crate::case::StepEvent::Delivered { .. } | crate::case::StepEvent::Withdrawn { .. })
}
