//! 责任认定: who is responsible for a case that ran over, with the chain of who held it when.

use jiff::civil::Date;

use super::alert::{Alert, AlertState};
use super::condition::Condition;
use super::course::{Arrivals, Office, Person, course};
use super::division::Division;
use super::watch::alerts;
use crate::case::{Case, Reference};
use crate::code::StageId;

/// A stay of the case, for the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The stage.
    pub stage: StageId,
    /// The office.
    pub office: Office,
    /// The day it came.
    pub from: Date,
    /// The day it went; none: it is there.
    pub to: Option<Date>,
    /// Who handled it, in order.
    pub people: Vec<Person>,
    /// It waited for the applicant.
    pub waits_for_applicant: bool,
}

/// The record of responsibility of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responsibility {
    /// The alert about the limit of the whole case; it says by how much, and how that divides.
    pub alert: Alert,
    /// The office and person with the most days, of those that answer for any.
    pub office: Option<Office>,
    /// The person; none: the office as a whole.
    pub person: Option<Person>,
    /// Who had the case when.
    pub chain: Vec<Held>,
}

impl Responsibility {
    /// How the delay divides.
    #[must_use]
    pub fn division(&self) -> Option<&Division> {
        self.alert.division.as_ref()
    }
}

/// Who is responsible. None where the case has not run over its promise, or the alert was revoked.
#[must_use]
pub fn responsibility(
    case: &Case,
    reference: &Reference<'_>,
    arrivals: &Arrivals,
    today: Date,
) -> Option<Responsibility> {
    let item = reference.item_of(case).ok()?;
    let about_promise = |alert: &Alert| {
        alert.delay.is_some()
            && alert.state != AlertState::Revoked
            && reference.rules.get(&alert.key.rule).is_some_and(|rule| rule.when == Condition::Promised)
    };
    let alert = alerts(case, reference, arrivals, today).into_iter().find(about_promise)?;
    let gravest = alert.division.as_ref().and_then(Division::gravest);
    let (office, person) =
        (gravest.and_then(|charge| charge.office.clone()), gravest.and_then(|charge| charge.person.clone()));
    let chain = course(case, item, reference, arrivals).into_iter().map(|visit| {
        let mut people: Vec<Person> = visit.acts.into_iter().map(|(_, person)| person).collect();
        people.dedup();
        Held {
            stage: visit.stage,
            office: visit.office,
            from: visit.from,
            to: visit.to,
            people,
            waits_for_applicant: visit.waits_for_applicant,
        }
    });
    Some(Responsibility { office, person, chain: chain.collect(), alert })
}
