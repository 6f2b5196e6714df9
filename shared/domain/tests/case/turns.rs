//! Whatever people try, a case never comes into a state that breaks the rules.

use proptest::prelude::*;
use sanji_domain::case::{Action, Body, CaseState, Step, StepEvent};
use sanji_domain::catalogue::SupervisedLink;

use crate::district::{DISTRICT, TOWNSHIP, VILLAGE, code, district};
use crate::journey::{FULL_MANDATE, Journey, application};

/// Who tries what, and how many days later.
#[derive(Debug, Clone)]
struct Attempt {
    person: usize,
    action: usize,
    days: u64,
    fitting: bool,
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let attempt = (0..1000usize, 0..Action::ALL.len(), 0..4u64, prop::bool::weighted(0.7))
        .prop_map(|(person, action, days, fitting)| Attempt { person, action, days, fitting });
    prop::collection::vec(attempt, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn attempts_of_anybody_keep_the_rules(item in 0..43usize, home in 0..3usize, attempts in attempts()) {
        let item = district().catalogue.iter().nth(item).unwrap().1;
        let home = [VILLAGE, TOWNSHIP, DISTRICT][home];
        let mandate = (home == VILLAGE).then_some(FULL_MANDATE);
        let mut people = district().people_at(code(home));
        let opened = people.find_map(|actor| Journey::open_with(item, actor, application(item, mandate)).ok());
        let Some(mut journey) = opened else { return Ok(()) };
        for attempt in attempts {
            journey.days_pass(attempt.days);
            try_one(&mut journey, &attempt)?;
        }
        check(&journey)?;
    }
}

fn try_one(journey: &mut Journey, attempt: &Attempt) -> Result<(), TestCaseError> {
    let before = journey.case.clone();
    let people: Vec<_> = if attempt.fitting {
        district()
            .people_at(before.holder().unwrap())
            .filter(|staff| journey.names(staff).iter().any(|name| is_step(name)))
            .collect()
    } else {
        [VILLAGE, TOWNSHIP, DISTRICT].into_iter().flat_map(|station| district().people_at(code(station))).collect()
    };
    let Some(actor) = (!people.is_empty()).then(|| people[attempt.person % people.len()]) else { return Ok(()) };
    let names = journey.names(actor);
    let offered: Vec<Action> = Action::ALL.iter().copied().filter(|action| names.contains(&action.name())).collect();
    let action = match offered.get(attempt.action % offered.len().max(1)) {
        Some(action) if attempt.fitting => *action,
        _ => Action::ALL[attempt.action],
    };
    let command = if action.is_supervision() { journey.supervising(actor, action) } else { journey.approving(action) };
    let done = journey.try_act(actor, command);
    if done.is_ok() {
        prop_assert!(names.contains(&action.name()), "{} was carried out but not offered", action.name());
        if action.is_step() {
            prop_assert_eq!(journey.case.rev(), before.rev() + 1);
            match action {
                Action::Reclaim => prop_assert!(before.holder().is_some_and(|holder| holder.within(actor.place))),
                _ => prop_assert_eq!(before.holder(), Some(actor.place)),
            }
        }
    } else {
        prop_assert_eq!(&journey.case, &before);
        prop_assert!(!names.contains(&action.name()), "{} was offered but refused: {:?}", action.name(), done);
    }
    Ok(())
}

fn is_step(name: &str) -> bool {
    Action::ALL.iter().any(|action| action.name() == name && action.is_step())
}

/// The rules that no sequence of steps may break.
fn check(journey: &Journey) -> Result<(), TestCaseError> {
    let steps: Vec<&Step> = journey.case.steps().map(|facts| &facts.body).collect();
    prop_assert_eq!(steps.len(), journey.drafts.iter().filter(|draft| matches!(draft.body, Body::Step(_))).count());
    let item = journey.item;
    let position = |step: &Step| step.stage.as_ref().map(|stage| item.position(stage).expect("a stage of the item"));
    let needs_acceptance = item.first_of(SupervisedLink::Acceptance).is_some();
    let (mut accepted, mut answered, mut notice_until) = (false, false, None);
    for (at, step) in steps.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| position(steps[before]));
        match &step.event {
            StepEvent::Accepted { .. } => {
                prop_assert!(!accepted, "accepted twice");
                accepted = true;
            }
            StepEvent::NotAccepted { basis, .. } | StepEvent::Returned { basis, .. } => {
                prop_assert!(!accepted && !answered && !basis.is_empty());
                answered = true;
            }
            StepEvent::CorrectionRequested { .. } => prop_assert!(!accepted && !answered),
            StepEvent::Decided { approved, basis, .. } => {
                prop_assert!(accepted || !needs_acceptance, "decided before it was accepted");
                prop_assert!(*approved || !basis.is_empty());
                accepted = true;
                answered = true;
            }
            StepEvent::PublicityPosted { until, photographs, .. } => {
                prop_assert!(!photographs.is_empty());
                notice_until = Some(*until);
            }
            StepEvent::PublicityEnded { .. } => {
                prop_assert!(notice_until.take().is_some(), "a notice ended that nobody posted");
            }
            StepEvent::Withdrawn => prop_assert!(!answered && step.stage.is_none()),
            StepEvent::Delivered { .. } => prop_assert!(answered, "delivered before there was an answer"),
            _ => {}
        }
        // No stage is skipped: a step stays, goes on by one, or an answer of no goes to delivery.
        let no = matches!(
            step.event,
            StepEvent::NotAccepted { .. } | StepEvent::Returned { .. } | StepEvent::Decided { approved: false, .. }
        );
        match (before, position(step)) {
            (Some(before), Some(after)) if !no => prop_assert!(after == before || after == before + 1, "skipped"),
            (Some(_), Some(after)) => prop_assert_eq!(item.stages[after].id.as_str(), "deliver"),
            _ => {}
        }
    }
    let closed = matches!(journey.case.state(), CaseState::Concluded | CaseState::Denied);
    prop_assert!(!closed || (accepted && answered));
    Ok(())
}
