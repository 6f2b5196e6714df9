//! Rules about time.

use jiff::civil::Date;

use super::alert::Delay;
use super::course::{Office, Visit};
use super::division::{Window, divide};
use super::run::{Run, days};
use super::watch::{Hit, Watch};
use crate::calendar::MissingYear;
use crate::case::clock::received_on;
use crate::case::words::date_words;
use crate::case::{Outcome, StepEvent, StepFacts, duty_at};
use crate::catalogue::{DELIVERY_STAGE, SupervisedLink};
use crate::code::StageId;
use crate::limit::{Limit, Unit};

type Hits = Result<Vec<Hit>, MissingYear>;

/// 超过承诺期限
pub(super) fn promised(watch: &Watch<'_>) -> Hits {
    let (Some(from), Some(due)) = (watch.clock.accepted_on, watch.clock.promised_until) else { return Ok(Vec::new()) };
    let limit = watch.item.limits.promised;
    whole(watch, "承诺期限", Run { limit, due, ended: answered_on(watch) }, from, true)
}

/// 超过法定期限
pub(super) fn statutory(watch: &Watch<'_>) -> Hits {
    let (Some(from), Some(due), Some(limit)) =
        (watch.clock.accepted_on, watch.clock.statutory_until, watch.item.limits.statutory)
    else {
        return Ok(Vec::new());
    };
    whole(watch, "法定期限", Run { limit, due, ended: answered_on(watch) }, from, false)
}

/// The day on which the answer was ready to be handed over, or the case ended without one.
pub(super) fn answered_on(watch: &Watch<'_>) -> Option<Date> {
    let accepted = watch.case.accepted_at()?;
    let steps = watch.case.steps().enumerate().skip_while(|(_, facts)| facts.time != accepted);
    let is_ready =
        |(_, facts): &(usize, &StepFacts)| facts.body.stage.as_ref().is_none_or(|id| id.as_str() == DELIVERY_STAGE);
    steps.filter(is_ready).map(|(at, _)| watch.day(at)).next()
}

/// A limit over the whole of a case.
fn whole(watch: &Watch<'_>, name: &str, run: Run, from: Date, counted_only: bool) -> Hits {
    let window = Window { from, to: run.last(watch.today), unit: run.limit.unit, counted_only, whole: true };
    let visits: Vec<&Visit> =
        watch.visits.iter().filter(|visit| visit.stage.as_str() != DELIVERY_STAGE && visit.from <= window.to).collect();
    hit(watch, None, name, run, &visits, window).map(|hit| hit.into_iter().collect())
}

/// What a limit has reached; none where that is nothing.
fn hit(
    watch: &Watch<'_>,
    stage: Option<StageId>,
    name: &str,
    run: Run,
    visits: &[&Visit],
    window: Window,
) -> Result<Option<Hit>, MissingYear> {
    let calendar = watch.reference.calendar;
    let levels = run.levels(calendar, &watch.reference.defaults.supervision, watch.today)?;
    if levels.is_empty() {
        return Ok(None);
    }
    let days = run.delay(calendar, watch.today)?;
    let delay = (days > 0).then_some(Delay { days, unit: super::run::counting(run.limit.unit) });
    let division = delay.map(|delay| divide(delay.days, visits, watch.item, window, calendar)).transpose()?;
    let words = match delay {
        Some(delay) => {
            format!("{name}到{}为止，{}超过{}个{}", date_words(run.due), still(&run), delay.days, delay.unit)
        }
        None => format!("{name}到{}为止", date_words(run.due)),
    };
    let last = visits.last();
    let gravest = division.as_ref().and_then(|division| division.gravest()).cloned();
    let office =
        gravest.as_ref().and_then(|charge| charge.office.clone()).or_else(|| last.map(|visit| visit.office.clone()));
    let office = office.unwrap_or_else(|| home_office(watch));
    let person = match &gravest {
        Some(charge) => charge.person.clone(),
        None => last.and_then(|visit| visit.ended_by().cloned()),
    };
    Ok(Some(Hit { stage, levels, office, person, words, due: Some(run.due), delay, division }))
}

fn still(run: &Run) -> &'static str {
    if run.ended.is_some() { "办结时已" } else { "至今已" }
}

fn home_office(watch: &Watch<'_>) -> Office {
    let home = watch.case.home().unwrap_or(watch.reference.organisation.district.code);
    Office { station: home, department: watch.item.department.clone() }
}

/// 环节超时: each stay in a stage. The answer to an application has a rule of its own.
pub(super) fn stages(watch: &Watch<'_>) -> Hits {
    let mut hits = Vec::new();
    for visit in watch.visits {
        let Some(stage) = watch.item.stage(&visit.stage) else { continue };
        let answers = stage.link == SupervisedLink::Acceptance;
        if visit.waits_for_applicant || answers || is_open_ended(watch, visit) {
            continue;
        }
        let stood = stood(watch, visit, stage.limit.unit)?;
        let allowed = Limit { days: stage.limit.days + stood, ..stage.limit };
        let due = watch.reference.calendar.deadline(visit.from, allowed)?;
        // What is done on the spot has no days to add: it waits until the applicant has paid.
        let end = visit.to.unwrap_or(watch.today);
        let paid = visit.pauses.iter().filter(|pause| pause.pays).map(|pause| pause.to.unwrap_or(end));
        let due = if stage.limit.unit == Unit::OnTheSpot { paid.fold(due, Date::max) } else { due };
        // A notice can only be taken down when its last day is over.
        let notice = visit.pauses.iter().filter(|pause| !pause.stops).filter_map(|pause| pause.to).max();
        let taken_down =
            notice.map(|last| watch.reference.calendar.deadline(last, Limit::working_days(1))).transpose()?;
        let due = taken_down.map_or(due, |taken_down| due.max(taken_down));
        let run = Run { limit: stage.limit, due, ended: visit.to };
        let window = Window {
            from: visit.from,
            to: run.last(watch.today),
            unit: stage.limit.unit,
            counted_only: false,
            whole: false,
        };
        let name = format!("“{}”环节", stage.name);
        let found = hit(watch, Some(visit.stage.clone()), &name, run, &[visit], window)?;
        // While a notice hangs there is nothing to hurry.
        hits.extend(found.filter(|hit| notice.is_none() || hit.delay.is_some()));
    }
    Ok(hits)
}

/// A case that has ended is in no stage that runs, whatever its follow-up.
fn is_open_ended(watch: &Watch<'_>, visit: &Visit) -> bool {
    visit.to.is_none() && !watch.case.is_open()
}

/// Days for which the clock of a stay stood.
fn stood(watch: &Watch<'_>, visit: &Visit, unit: Unit) -> Result<u32, MissingYear> {
    let end = visit.to.unwrap_or(watch.today);
    if unit == Unit::OnTheSpot {
        return Ok(0);
    }
    let stands = |day: &Date| visit.pauses.iter().any(|pause| pause.stops && pause.covers(*day));
    let stood = days(watch.reference.calendar, visit.from, end, unit)?.into_iter().filter(stands).count();
    Ok(u32::try_from(stood).unwrap_or(u32::MAX))
}

/// 受理超过5个工作日未答复
pub(super) fn answer(watch: &Watch<'_>, within: Limit) -> Hits {
    let is_answer = |event: &StepEvent| {
        matches!(
            event,
            StepEvent::Accepted { .. }
                | StepEvent::NotAccepted { .. }
                | StepEvent::CorrectionRequested { .. }
                | StepEvent::Returned { .. }
                | StepEvent::Decided { .. }
                | StepEvent::TacitlyApproved { .. }
                | StepEvent::Withdrawn { .. }
        )
    };
    let Some(acceptance) = watch.item.first_of(SupervisedLink::Acceptance) else { return Ok(Vec::new()) };
    // A correction is an answer, and begins the time anew when it is made.
    let mut hits = Vec::new();
    let mut from: Option<Date> = None;
    let mut waiting: Vec<&Visit> = Vec::new();
    let received = received_on(watch.case, watch.item);
    let mut close = |from: Date, ended: Option<Date>, visits: &[&Visit]| -> Result<(), MissingYear> {
        let due = watch.reference.calendar.deadline(from, within)?;
        let run = Run { limit: within, due, ended };
        let window = Window { from, to: run.last(watch.today), unit: within.unit, counted_only: false, whole: true };
        hits.extend(hit(watch, Some(acceptance.id.clone()), "受理答复期限", run, visits, window)?);
        Ok(())
    };
    let mut answered = false;
    for (at, facts) in watch.case.steps().enumerate() {
        let event = &facts.body.event;
        if is_answer(event) {
            let deemed = matches!(event, StepEvent::Accepted { deemed: true, .. });
            let begun = if deemed { received } else { from };
            if let Some(begun) = begun.or(from).filter(|_| !answered) {
                close(begun, Some(watch.day(at)), &waiting)?;
            }
            answered = true;
        }
        let restarts = match event {
            StepEvent::Submitted(_) | StepEvent::CorrectionSupplied { .. } => true,
            StepEvent::StageFinished { stage, .. } | StepEvent::PublicityEnded { stage, .. } => {
                !answered && watch.item.stage(stage).is_some_and(|stage| stage.link == SupervisedLink::Application)
            }
            _ => false,
        };
        if restarts && watch.case.accepted_at().is_none_or(|accepted| facts.time <= accepted) {
            from = Some(watch.day(at));
            answered = false;
            waiting.clear();
        }
        waiting.extend(watch.visits.iter().filter(|visit| visit.begun == at && !visit.waits_for_applicant));
    }
    let waits = !answered && watch.case.is_open() && watch.case.stage() == Some(&acceptance.id);
    if let Some(from) = from.filter(|_| waits) {
        close(from, None, &waiting)?;
    }
    Ok(hits)
}

/// 补正告知超过一次
pub(super) fn corrections(watch: &Watch<'_>, most: u32) -> Vec<Hit> {
    let asked = watch.case.steps().enumerate();
    let asked = asked.filter(|(_, facts)| matches!(facts.body.event, StepEvent::CorrectionRequested { .. }));
    let beyond = (1_u32..).zip(asked).filter(|(number, _)| *number > most);
    let wrong = |(number, (at, facts)): (u32, (usize, &StepFacts))| {
        watch.wrong(at, facts, facts.body.stage.clone(), format!("第{number}次要求补正，应当一次告知"))
    };
    beyond.map(wrong).collect()
}

/// 特别程序超时: a procedure that stops the clock for longer than the item allows.
pub(super) fn special(watch: &Watch<'_>) -> Hits {
    let mut hits = Vec::new();
    for visit in watch.visits {
        for pause in visit.pauses.iter().filter(|pause| pause.stops && !pause.pays) {
            let Some(special) = watch.item.special_of(&visit.stage).find(|special| special.kind == pause.kind) else {
                continue;
            };
            let due = watch.reference.calendar.deadline(pause.from, special.limit)?;
            let run = Run { limit: special.limit, due, ended: pause.to };
            if run.last(watch.today) <= due {
                continue;
            }
            let delay = run.delay(watch.reference.calendar, watch.today)?;
            let unit = super::run::counting(special.limit.unit);
            hits.push(Hit {
                stage: Some(visit.stage.clone()),
                levels: vec![(super::rule::Level::Yellow, due.tomorrow().unwrap_or(due))],
                office: visit.office.clone(),
                person: visit.acts_next(pause.from).cloned(),
                words: format!("特别程序“{}”应当在{}前完成，已超过{delay}个{unit}", pause.kind, date_words(due)),
                due: Some(due),
                delay: None,
                division: None,
            });
        }
    }
    Ok(hits)
}

/// 超时默认: the office that owed the answer was silent, so that the law or the item took it for consent.
pub(super) fn tacit(watch: &Watch<'_>) -> Vec<Hit> {
    let found = |(at, facts): (usize, &StepFacts)| {
        let StepEvent::TacitlyApproved { stage, due, .. } = &facts.body.event else { return None };
        let visit = watch.visit_of(at)?;
        let owed_by = duty_at(watch.case, watch.reference, stage, visit.office.station);
        let office = owed_by.map(|duty| Office { station: duty.station, department: duty.department });
        let words = format!("{}前没有作出决定，超时默认", date_words(*due));
        let hit = watch.wrong(at, facts, Some(stage.clone()), words);
        Some(Hit { office: office.unwrap_or_else(|| visit.office.clone()), ..hit })
    };
    watch.case.steps().enumerate().filter_map(found).collect()
}

/// Whether a case was approved and handed over.
pub(super) fn is_handed_over(watch: &Watch<'_>) -> bool {
    watch.case.outcome() == Some(Outcome::Approved) && watch.case.delivered().is_some()
}
