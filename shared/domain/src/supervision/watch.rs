//! The rules, asked of a case on a day.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::alert::{Alert, AlertKey, Delay, Hearing};
use super::condition::Condition;
use super::course::{Arrivals, Office, Person, Visit, course, days, person};
use super::division::Division;
use super::rule::{Level, Rule};
use super::{charges, limits, procedure};
use crate::case::{Case, CaseClock, Reference, StepFacts, case_clock};
use crate::catalogue::Item;
use crate::code::{RuleId, StageId};

/// A case under watch.
pub(super) struct Watch<'a> {
    pub(super) case: &'a Case,
    pub(super) item: &'a Item,
    pub(super) reference: &'a Reference<'a>,
    pub(super) visits: &'a [Visit],
    /// The days of the steps.
    pub(super) days: &'a [Date],
    pub(super) clock: &'a CaseClock,
    pub(super) today: Date,
}

/// Something that a rule has found.
pub(super) struct Hit {
    pub(super) stage: Option<StageId>,
    /// The levels reached, in rising order, and since when. Never empty.
    pub(super) levels: Vec<(Level, Date)>,
    pub(super) office: Office,
    pub(super) person: Option<Person>,
    /// What was found, in words.
    pub(super) words: String,
    pub(super) due: Option<Date>,
    pub(super) delay: Option<Delay>,
    pub(super) division: Option<Division>,
}

impl Watch<'_> {
    /// The stay in which a step was taken; none for the opening.
    pub(super) fn visit_of(&self, step: usize) -> Option<&Visit> {
        self.visits.iter().rev().find(|visit| visit.begun < step)
    }

    /// The office that took a step: the one whose turn it was, else the one that the step names.
    pub(super) fn office_of(&self, step: usize, facts: &StepFacts) -> Office {
        let visit = self.visit_of(step).filter(|visit| visit.office.station == facts.writer);
        visit.map_or_else(
            || Office {
                station: facts.writer,
                department: facts.body.actor.department.parse().unwrap_or_else(|_| self.item.department.clone()),
            },
            |visit| visit.office.clone(),
        )
    }

    /// The day of a step.
    pub(super) fn day(&self, step: usize) -> Date {
        self.days.get(step).copied().unwrap_or(self.today)
    }

    /// What is wrong with a single step: red since its day.
    pub(super) fn wrong(&self, step: usize, facts: &StepFacts, stage: Option<StageId>, words: String) -> Hit {
        Hit {
            stage,
            levels: vec![(Level::Red, self.day(step))],
            office: self.office_of(step, facts),
            person: person(facts),
            words,
            due: None,
            delay: None,
            division: None,
        }
    }

    fn hits(&self, rule: &Rule) -> Vec<Hit> {
        // Where the calendar of a year is missing nobody can say what is late.
        match &rule.when {
            Condition::Promised => limits::promised(self).unwrap_or_default(),
            Condition::Statutory => limits::statutory(self).unwrap_or_default(),
            Condition::Stage => limits::stages(self).unwrap_or_default(),
            Condition::Answer(within) => limits::answer(self, *within).unwrap_or_default(),
            Condition::Corrections(most) => limits::corrections(self, *most),
            Condition::Special => limits::special(self).unwrap_or_default(),
            Condition::Tacit => limits::tacit(self),
            Condition::Skipped => procedure::skipped(self),
            Condition::Notice => procedure::notice(self),
            Condition::Visitors(least) => procedure::visitors(self, *least),
            Condition::Document(kinds) => procedure::document(self, kinds),
            Condition::Power => procedure::power(self),
            Condition::Material => procedure::material(self),
            Condition::Reason => procedure::reason(self),
            Condition::FeeUnlisted => charges::unlisted(self),
            Condition::FeeAmount => charges::amount(self),
            Condition::FeeOfFree => charges::of_free(self),
            Condition::IssuedUnpaid => charges::issued_unpaid(self),
            Condition::PaidUnissued(within) => charges::paid_unissued(self, *within).unwrap_or_default(),
        }
    }
}

/// The alerts of a case on a day, in the order of the rules. A function of the set of its entries: the order in which
/// they came does not matter.
///
/// None of a case whose opening or item is not here.
#[must_use]
pub fn alerts(case: &Case, reference: &Reference<'_>, arrivals: &Arrivals, today: Date) -> Vec<Alert> {
    let Ok(item) = reference.item_of(case) else { return Vec::new() };
    let visits = course(case, item, reference, arrivals);
    let clock = case_clock(case, item, reference.calendar, reference.defaults, today);
    watched(&Watch { case, item, reference, visits: &visits, days: &days(case), clock: &clock, today })
}

/// The alerts of a case whose course and clock are known.
pub(super) fn watched(watch: &Watch<'_>) -> Vec<Alert> {
    let (reference, today) = (watch.reference, watch.today);
    let hearing = Hearing::of(watch.case);
    let mut alerts = Vec::new();
    for rule in reference.rules.iter() {
        let mut times: BTreeMap<(RuleId, Option<StageId>), u32> = BTreeMap::new();
        for hit in watch.hits(rule) {
            let occurrence = times.entry((rule.id.clone(), hit.stage.clone())).or_default();
            *occurrence += 1;
            let key = AlertKey { rule: rule.id.clone(), stage: hit.stage.clone(), occurrence: *occurrence };
            alerts.extend(Alert::of(key, rule, hit, &hearing, reference, today));
        }
    }
    alerts
}
