//! How the time of a case went by, as people see it.

use jiff::civil::Date;
use sanji_domain::Item;
use sanji_domain::calendar::{date_number, local_date};
use sanji_domain::case::{self, Body, Case, CaseClock, SideEvent, clock_ledger, words};
use sanji_proto::v1 as proto;

use crate::core::{Reader, ReferenceData};
use crate::error::Error;
use crate::vault::CaseKey;

/// The clock; `tacit_after` is the last day after which silence counts as consent.
pub(super) fn clock_view(clock: &CaseClock, tacit_after: Option<Date>) -> proto::ClockView {
    let number = |date: Option<Date>| date.map_or(0, date_number);
    proto::ClockView {
        accepted_on: number(clock.accepted_on),
        promised_until: number(clock.promised_until),
        statutory_until: number(clock.statutory_until),
        stage_until: number(clock.stage_until),
        used_days: clock.used_days,
        suspended: clock.suspended,
        words: clock.words.clone(),
        received_on: number(clock.received_on),
        joint_until: number(clock.joint_until),
        extended_from: number(clock.extended_from),
        missing_year: clock.missing_year.and_then(|year| u32::try_from(year).ok()).unwrap_or(0),
        tacit_after: number(tacit_after),
    }
}

/// The last day after which silence counts as consent.
pub(super) fn tacit_after(reference: &ReferenceData, case: &Case, item: Option<&Item>, now_ms: u64) -> Option<Date> {
    case::due::tacit_after(case, item?, reference.calendar(), reference.defaults()?, today(now_ms))
}

/// The ledger of the clock, oldest first.
pub(super) fn ledger(reference: &ReferenceData, case: &Case, item: &Item, now_ms: u64) -> Vec<proto::ClockSpan> {
    let Some(defaults) = reference.defaults() else { return Vec::new() };
    let spans = clock_ledger(case, item, reference.calendar(), defaults, today(now_ms));
    let view = |span: case::ClockSpan| {
        let stage = item.stage(&span.stage).map(|stage| stage.name.clone());
        let longest = span.longest;
        proto::ClockSpan {
            from_ms: span.from_ms,
            to_ms: span.to_ms.unwrap_or(0),
            from: date_number(span.from),
            to: date_number(span.to),
            stage: span.stage.to_string(),
            stage_name: stage.unwrap_or_default(),
            holder: span.holder.number(),
            holder_name: reference.station_name(span.holder),
            cause: span.cause.name().to_owned(),
            cause_words: span.cause.words(),
            basis: span.basis,
            promised: span.promised.name().to_owned(),
            statutory: span.statutory.name().to_owned(),
            days: span.days.unwrap_or(0),
            unit: span.unit.to_string(),
            uncountable: span.days.is_none(),
            longest_days: longest.map_or(0, |longest| longest.limit.days),
            longest_unit: longest.map_or_else(String::new, |longest| longest.limit.unit.to_string()),
            longest_until: longest.and_then(|longest| longest.until).map_or(0, date_number),
            days_over: longest.and_then(|longest| longest.over).unwrap_or(0),
        }
    };
    spans.into_iter().map(view).collect()
}

/// The stages that are open.
pub(super) fn open_stages(reference: &ReferenceData, case: &Case, item: &Item, now_ms: u64) -> Vec<proto::OpenStage> {
    let clock = super::case::clock(reference, case, Some(item), now_ms).unwrap_or_default();
    let view = |open: case::clock::OpenStage| {
        let stage = item.stage(&open.stage);
        proto::OpenStage {
            stage: open.stage.to_string(),
            stage_name: stage.map(|stage| stage.name.clone()).unwrap_or_default(),
            department: stage.map(|stage| stage.department.to_string()).unwrap_or_default(),
            since: date_number(open.since),
            until: open.until.map_or(0, date_number),
            tacit: open.tacit,
        }
    };
    clock.open_stages.into_iter().map(view).collect()
}

/// Steps that don't count, with what a person said of them.
pub(super) fn superseded(
    reader: &Reader,
    reference: &ReferenceData,
    case: &Case,
    key: Option<&CaseKey>,
) -> Result<Vec<proto::SupersededStep>, Error> {
    let item = super::case::item_of(reference, case);
    let mut views = Vec::new();
    for (facts, said) in case::superseded(case) {
        let private = match key {
            Some(key) => reader.private(&case.id(), key, &facts.log, facts.seq)?,
            None => None,
        };
        let redone =
            said.is_some_and(|said| matches!(said.body.event, SideEvent::SupersededChecked { redone: true, .. }));
        views.push(proto::SupersededStep {
            hash: facts.hash.0.to_vec(),
            rev: facts.rev,
            term: facts.body.term,
            title: words::title(&Body::Step(facts.body.clone()), item),
            time_ms: facts.time.millis(),
            station: facts.writer.number(),
            station_name: reference.station_name(facts.writer),
            actor_name: facts.body.actor.name.clone(),
            words: private.map(|private| private.words).unwrap_or_default(),
            checked: said.is_some(),
            redone,
            checked_by: said.map(|said| said.body.actor.name.clone()).unwrap_or_default(),
        });
    }
    Ok(views)
}

fn today(now_ms: u64) -> Date {
    local_date(i64::try_from(now_ms).unwrap_or(i64::MAX))
}
