//! Every item of the catalogue is walked from every station that takes it in, by real staff who choose only what they
//! are offered.

use std::collections::BTreeSet;

use sanji_domain::case::{
    Action, CaseState, Command, Outcome, RefusalCode, StepEvent, Submission, may_open, my_stages, responsible,
};
use sanji_domain::catalogue::{SpecialClock, Stage, SupervisedLink};
use sanji_domain::{Item, Staff};

use crate::district::{DISTRICT, MONDAY, TOWNSHIP, VILLAGE, code, district};
use crate::journey::{FULL_MANDATE, Journey, application};

/// A case of every item at every tier that takes it in, just opened.
fn openings() -> Vec<Journey> {
    let mut journeys = Vec::new();
    for (_, item) in district().catalogue.iter() {
        for home in [VILLAGE, TOWNSHIP, DISTRICT] {
            if let Some(actor) = receptionist(item, home) {
                journeys.push(Journey::open_with(item, actor, at_home(item, home)).unwrap());
            }
        }
    }
    journeys
}

fn receptionist(item: &Item, home: &str) -> Option<&'static Staff> {
    let mut people = district().people_at(code(home));
    people.find(|staff| may_open(item, &district().at_desk(staff, MONDAY)).is_ok())
}

/// Ids of the stages that run in parallel, group by group.
fn groups(item: &Item) -> Vec<Vec<String>> {
    let names: BTreeSet<&String> = item.stages.iter().filter_map(|stage| stage.group.as_ref()).collect();
    let of = |name: &String| {
        let same = item.stages.iter().filter(|stage| stage.group.as_ref() == Some(name));
        same.map(|stage| stage.id.to_string()).collect()
    };
    names.into_iter().map(of).collect()
}

fn at_home(item: &Item, home: &str) -> Submission {
    application(item, (home == VILLAGE).then_some(FULL_MANDATE))
}

#[test]
fn every_item_is_taken_in_somewhere_and_elsewhere_the_applicant_is_told_where() {
    let mut homes = 0;
    for (_, item) in district().catalogue.iter() {
        let mut taken_in = false;
        for home in [VILLAGE, TOWNSHIP, DISTRICT] {
            if receptionist(item, home).is_some() {
                (taken_in, homes) = (true, homes + 1);
                continue;
            }
            for staff in district().people_at(code(home)) {
                let refusal = may_open(item, &district().at_desk(staff, MONDAY)).unwrap_err();
                assert!(
                    matches!(refusal.code, RefusalCode::NotCompetent | RefusalCode::AgentNotAllowed),
                    "{refusal:?}"
                );
                assert!(refusal.sentence.contains(&item.channels.join("、")), "{refusal:?}");
            }
        }
        assert!(taken_in, "{}", item.code);
    }
    assert_eq!(homes, 40 + 41 + 15);
}

#[test]
fn every_item_reaches_its_end_stage_by_stage() {
    for mut journey in openings() {
        let item = journey.item;
        let registered = item.stages.iter().take_while(|stage| Some(&stage.id) != journey.case.stage()).count();
        let mut visited: Vec<String> = Vec::new();
        while let Some(stage) = journey.case.stage().cloned() {
            let steps = journey.case.steps().count();
            let duty = responsible(&journey.case, &district().reference()).unwrap();
            assert_eq!(Some(duty.station), journey.case.holder());
            journey.forward();
            // Stages that run in parallel are done in whatever order: what was done tells which.
            let done = match &journey.case.steps().nth(steps).unwrap().body.event {
                StepEvent::StageFinished { stage, .. } | StepEvent::Decided { stage, .. } => stage.clone(),
                _ => stage,
            };
            if visited.last().map(String::as_str) != Some(done.as_str()) {
                visited.push(done.to_string());
            }
        }
        for group in groups(item) {
            let places: Vec<usize> = (0..visited.len()).filter(|at| group.contains(&visited[*at])).collect();
            assert_eq!(places.len(), group.len(), "each once, one after the other");
            visited[places[0]..places[0] + group.len()].sort_by_key(|id| group.iter().position(|of| of == id));
        }
        let route: Vec<String> = item.stages.iter().skip(registered).map(|stage| stage.id.to_string()).collect();
        assert_eq!(visited, route, "{}", item.code);
        assert!(item.stages[..registered].iter().all(|stage| stage.link == SupervisedLink::Application));
        assert_eq!(journey.case.state(), CaseState::Concluded, "{}", item.code);
        assert_eq!(journey.case.outcome(), Some(Outcome::Approved));
        assert!(journey.case.accepted_at() <= journey.case.decision().map(|decision| decision.time));
        assert_eq!(journey.case.rev() as usize, journey.entries.len());
        assert_eq!((journey.case.waiting().count(), journey.case.rejected().count()), (0, 0));
    }
}

#[test]
fn a_case_stays_small() {
    let mut largest = 0;
    for mut journey in openings() {
        while journey.forward().is_some() {}
        largest = largest.max(postcard::to_stdvec(&journey.case).unwrap().len());
    }
    assert!(largest < 4096, "{largest} bytes");
}

#[test]
fn every_deciding_stage_can_deny() {
    for opening in openings() {
        let item = opening.item;
        let deciding: Vec<_> = item.stages.iter().filter(|stage| stage.link == SupervisedLink::Approval).collect();
        for stage in deciding {
            let mut journey = opening.clone();
            while !journey.open_stages().contains(&stage.id) {
                assert!(journey.forward().is_some(), "{} of {} never comes", stage.id, item.code);
            }
            if journey.offered(Action::SendUp).is_some() {
                journey.do_it(journey.approving(Action::SendUp));
            }
            let mut people = district().people_at(journey.case.holder().unwrap());
            let decides = |staff: &&Staff| {
                let at_desk = district().at_desk(staff, journey.now_ms);
                my_stages(&journey.case, &at_desk).contains(&stage.id) && journey.names(staff).contains(&"decide")
            };
            let actor = people.find(decides).unwrap();
            let denial = Command::Decide {
                approved: false,
                reason: "经审查不符合条件".into(),
                basis: "《行政许可法》第三十八条第二款".into(),
                ground: 1,
                document_number: "澄不字〔2026〕1号".into(),
                answered_on: None,
                stage: Some(stage.id.clone()),
            };
            journey.try_act(actor, denial).unwrap();
            assert_eq!(journey.case.state(), CaseState::AwaitingDelivery(Outcome::Denied));
            assert_eq!(journey.forward(), Some(Action::Deliver));
            assert_eq!(journey.forward(), None);
            assert_eq!(journey.case.state(), CaseState::Denied);
        }
    }
}

#[test]
fn every_item_can_be_refused_and_returned_at_acceptance() {
    for opening in openings() {
        for (action, outcome, state) in [
            (Action::RefuseAcceptance, Outcome::NotAccepted, CaseState::NotAccepted),
            (Action::Return, Outcome::Returned, CaseState::Returned),
        ] {
            let mut journey = opening.clone();
            journey.until(action);
            assert_eq!(journey.case.accepted_at(), None);
            journey.do_it(journey.approving(action));
            assert_eq!(journey.case.state(), CaseState::AwaitingDelivery(outcome));
            assert_eq!(journey.forward(), Some(Action::Deliver));
            assert_eq!(journey.forward(), None);
            assert_eq!(journey.case.state(), state);
        }
    }
}

#[test]
fn every_item_can_be_corrected_once_and_goes_back_ahead_of_the_queue() {
    for mut journey in openings() {
        journey.until(Action::RequestCorrection);
        let (asked_by, stage) = (journey.case.holder(), journey.stage().to_owned());
        journey.do_it(journey.approving(Action::RequestCorrection));
        assert_eq!(journey.case.state(), CaseState::Correcting);
        assert_eq!(journey.case.holder(), journey.case.home());
        assert!(journey.offered(Action::Return).is_none());

        let mut late = journey.clone();
        late.days_pass(60);
        assert!(late.offered(Action::SupplyCorrection).is_none());
        late.do_it(late.approving(Action::Return));
        assert_eq!(late.case.state(), CaseState::AwaitingDelivery(Outcome::Returned));

        journey.do_it(journey.approving(Action::SupplyCorrection));
        assert_eq!((journey.case.holder(), journey.stage()), (asked_by, stage.as_str()));
        assert!(journey.case.ahead());
        assert_eq!(journey.case.correction_rounds(), 1);
        assert_eq!(journey.case.materials()[&0].attachments.len(), 1);
        assert!(journey.offered(Action::RequestCorrection).is_none());
        while journey.forward().is_some() {}
        assert_eq!(journey.case.state(), CaseState::Concluded, "{}", journey.item.code);
    }
}

#[test]
fn every_item_can_be_withdrawn_at_every_point_before_a_decision() {
    for mut journey in openings() {
        while journey.case.outcome().is_none() {
            assert!(journey.offered(Action::ConfirmWithdrawal).is_none());
            let mut leaving = journey.clone();
            let home = leaving.case.home().unwrap();
            let asks =
                leaving.district.people_at(home).find(|staff| leaving.names(staff).contains(&"request_withdrawal"));
            leaving.try_act(asks.unwrap(), leaving.approving(Action::RequestWithdrawal)).unwrap();
            leaving.do_it(leaving.approving(Action::ConfirmWithdrawal));
            assert_eq!((leaving.case.state(), leaving.stage()), (CaseState::Withdrawn, ""));
            assert!(!leaving.case.is_open());
            journey.forward();
        }
    }
}

#[test]
fn every_special_procedure_that_stops_the_clock_can_be_used_once_in_its_stage() {
    let mut used = BTreeSet::new();
    for mut journey in openings() {
        while journey.case.stage().is_some() {
            while journey.offered(Action::Suspend).is_some() {
                journey.do_it(journey.approving(Action::Suspend));
                let suspension = journey.case.suspension().unwrap();
                used.insert((journey.item.code.to_string(), suspension.kind.clone()));
                assert_eq!(journey.case.state(), CaseState::Suspended);
                journey.do_it(journey.approving(Action::Resume));
                assert!(journey.case.suspension().is_none());
            }
            journey.forward();
        }
    }
    let mut expected = BTreeSet::new();
    for (_, item) in district().catalogue.iter() {
        for special in item.special.iter().filter(|special| special.clock == SpecialClock::Paused) {
            if item.publicity_of(&special.stage).is_none() {
                expected.insert((item.code.to_string(), special.kind.clone()));
            }
        }
    }
    assert_eq!(used, expected);
}

#[test]
fn an_objection_leads_back_to_the_stage_before_the_notice() {
    let mut objections = BTreeSet::new();
    for mut journey in openings() {
        if journey.item.publicity.is_empty() {
            continue;
        }
        while journey.case.publicity().is_none() {
            journey.forward();
        }
        let stage = journey.case.stage().unwrap().clone();
        let before = journey.item.position(&stage).unwrap().saturating_sub(1);
        let group = &journey.item.stages[before].group;
        let same = |of: &Stage| group.is_some() && of.group == *group;
        let before = journey.item.stages.iter().position(same).unwrap_or(before);
        journey.days_pass(60);
        journey.do_it(Command::EndPublicity { objection: true, words: "收入情况不实".into() });
        assert_eq!(journey.case.stage(), Some(&journey.item.stages[before].id), "{}", journey.item.code);
        while journey.forward().is_some() {}
        assert_eq!(journey.case.state(), CaseState::Concluded);
        let notices = journey
            .case
            .steps()
            .filter(|facts| matches!(&facts.body.event, StepEvent::PublicityPosted { stage: of, .. } if *of == stage));
        assert_eq!(notices.count(), 2);
        objections.insert(journey.item.code.clone());
    }
    let with_notice = district().catalogue.iter().filter(|(_, item)| !item.publicity.is_empty());
    assert_eq!(objections.len(), with_notice.count());
}

#[test]
fn what_seat_b_decides_is_on_record_for_seat_a() {
    let mut journey = Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    journey.until(Action::Decide);
    let acting_for = |actor: &str| {
        let mut journey = journey.clone();
        journey.act(actor, journey.approving(Action::Decide)).unwrap();
        let step = journey.case.steps().last().unwrap().body.clone();
        assert_eq!(step.actor.name, district().person(actor).name);
        step.actor.acting_for
    };
    assert_eq!((acting_for("mz-01").as_str(), acting_for("mz-02").as_str()), ("", "mz-01"));
}
