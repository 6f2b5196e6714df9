//! Stages that run in parallel, outside bodies, second corrections, variants, drafts, marks and what is left to be
//! made up: every item of the catalogue along each of these branches.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sanji_domain::case::{
    Action, Body, Case, CaseState, Command, DocumentKind, Mark, MaterialProvided, Opinion, Outcome, RefusalCode,
    SideEvent, StepEvent, ToleratedInput, consulted, duties, my_stages, responsibles, variant,
};
use sanji_domain::catalogue::{CaseType, SupervisedLink};
use sanji_domain::{Item, Staff, StageId};
use sanji_log::Tier;

use crate::district::{DISTRICT, TOWNSHIP, VILLAGE, code, district};
use crate::journey::{FULL_MANDATE, Journey, application};

/// A case of an item, opened at the lowest tier that takes it in.
fn opened(item: &'static Item) -> Journey {
    let homes = [VILLAGE, TOWNSHIP, DISTRICT];
    let open = |home: &str| {
        let mandate = (home == VILLAGE).then_some(FULL_MANDATE);
        let mut people = district().people_at(code(home));
        people.find_map(|actor| Journey::open_with(item, actor, application(item, mandate)).ok())
    };
    homes.into_iter().find_map(open).expect("some station takes it in")
}

fn items() -> impl Iterator<Item = &'static Item> {
    district().catalogue.iter().map(|(_, item)| item)
}

/// Goes on until one of the stages that run in parallel is open.
fn into_group(journey: &mut Journey, group: &str) {
    let is_open = |journey: &Journey| {
        let stage = journey.case.stage().and_then(|stage| journey.item.stage(stage));
        stage.is_some_and(|stage| stage.group.as_deref() == Some(group))
    };
    while !is_open(journey) {
        assert!(journey.forward().is_some(), "{group} of {} never comes", journey.item.code);
    }
}

fn answerable(journey: &Journey) -> Vec<(&'static Staff, StageId)> {
    let holder = journey.case.holder().unwrap();
    let people = district().people_at(holder);
    let open = people.flat_map(|staff| {
        let stages = my_stages(&journey.case, &district().at_desk(staff, journey.now_ms));
        stages.into_iter().map(move |stage| (staff, stage))
    });
    open.collect()
}

/// Answers one of the stages that run in parallel, whichever way it is answered.
fn answer(journey: &mut Journey, staff: &Staff, stage: &StageId, opinion: Opinion) {
    let decides = journey.item.stage(stage).unwrap().link == SupervisedLink::Approval;
    let command = match journey.approving(if decides { Action::Decide } else { Action::FinishStage }) {
        Command::Decide { reason, document_number, .. } => Command::Decide {
            approved: opinion != Opinion::Disagree,
            reason,
            basis: "《办法》第九条".into(),
            ground: 0,
            document_number,
            answered_on: None,
            stage: Some(stage.clone()),
        },
        Command::FinishStage { words, outside_number, together_with, .. } => Command::FinishStage {
            opinion,
            words,
            outside_number,
            together_with,
            materials: Vec::new(),
            attachments: Vec::new(),
            answered_on: None,
            stage: Some(stage.clone()),
        },
        _ => unreachable!(),
    };
    journey.try_act(staff, command).unwrap();
}

fn groups(item: &Item) -> Vec<(&str, BTreeSet<StageId>)> {
    let names: BTreeSet<&str> = item.stages.iter().filter_map(|stage| stage.group.as_deref()).collect();
    let of = |name: &str| {
        let stages = item.stages.iter().filter(|stage| stage.group.as_deref() == Some(name));
        stages.map(|stage| stage.id.clone()).collect()
    };
    names.into_iter().map(|name| (name, of(name))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn departments_answer_in_any_order_each_once(choices in prop::collection::vec(0..100usize, 40)) {
        let mut seen = 0;
        for item in items().filter(|item| item.stages.iter().any(|stage| stage.group.is_some())) {
            for (group, members) in groups(item) {
                let mut journey = opened(item);
                into_group(&mut journey, group);
                let mut answered = BTreeSet::new();
                while journey.case.stage().is_some_and(|stage| members.contains(stage)) {
                    let open = answerable(&journey);
                    prop_assert!(!open.is_empty(), "stuck in {} of {}", journey.stage(), item.code);
                    prop_assert!(open.iter().all(|(_, stage)| !answered.contains(stage)), "asked twice");
                    let (staff, stage) = &open[choices[answered.len()] % open.len()];
                    answer(&mut journey, staff, stage, Opinion::Agree);
                    answered.insert(stage.clone());
                }
                prop_assert_eq!(&answered, &members, "{}", &item.code);
                let shown: BTreeSet<StageId> = consulted(&journey.case, &district().reference())
                    .into_iter()
                    .filter(|consulted| consulted.answer.is_some())
                    .map(|consulted| consulted.stage)
                    .collect();
                prop_assert!(shown.is_superset(&members));
                while journey.forward().is_some() {}
                prop_assert_eq!(journey.case.state(), CaseState::Concluded);
                seen += 1;
            }
        }
        prop_assert_eq!(seen, 6);
    }
}

#[test]
fn what_a_department_of_another_station_says_meanwhile_counts() {
    let mut journey = opened(district().item("zr-zhaijidi"));
    into_group(&mut journey, "joint");
    assert_eq!(journey.case.holder(), Some(code(TOWNSHIP)));
    // The district's departments are asked although the township holds the case.
    let asked: BTreeSet<String> = responsibles(&journey.case, &district().reference())
        .into_iter()
        .filter(|duty| duty.station == code(DISTRICT))
        .map(|duty| duty.department.to_string())
        .collect();
    assert_eq!(asked, ["ly", "sl"].map(String::from).into());
    for department in ["ly", "sl"] {
        let mut people = district().people_at(code(DISTRICT));
        let staff = people
            .find(|staff| staff.department.as_str() == department && journey.names(staff).contains(&"answer_copy"));
        let staff = staff.unwrap();
        journey.try_act(staff, Command::SignForCopy { stage: None }).unwrap();
        journey.try_act(staff, journey.approving(Action::AnswerCopy)).unwrap();
        let again = journey.try_act(staff, journey.approving(Action::AnswerCopy)).unwrap_err();
        assert_eq!(again.code, RefusalCode::WrongStage);
    }
    // So the case need not go there any more.
    while journey.stage() != "merge" {
        assert_eq!(journey.case.holder(), Some(code(TOWNSHIP)));
        journey.forward();
    }
    let answers = consulted(&journey.case, &district().reference());
    assert!(answers.iter().all(|answer| answer.answer.is_some()), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.signed.is_some()).count(), 2);
}

#[test]
fn an_answer_that_crosses_the_case_on_its_way_leaves_nobody_stuck() {
    let mut journey = opened(district().item("zr-zhaijidi"));
    into_group(&mut journey, "joint");
    let before = journey.clone();
    let answers = ["ly", "sl"].map(|department| {
        let mut aside = before.clone();
        let mut people = district().people_at(code(DISTRICT));
        let staff =
            people.find(|staff| staff.department.as_str() == department && aside.names(staff).contains(&"answer_copy"));
        aside.try_act(staff.unwrap(), aside.approving(Action::AnswerCopy)).unwrap();
        aside.entries.pop().unwrap()
    });
    // The township has not heard of them when it hands the case up.
    while journey.case.holder() == Some(code(TOWNSHIP)) {
        journey.forward();
    }
    for (number, answer) in (200..).zip(answers) {
        journey.case.apply(&sanji_domain::case::CaseEntry { hash: crate::journey::hash(number), ..answer });
    }
    while journey.forward().is_some() {}
    assert_eq!(journey.case.state(), CaseState::Concluded);
}

#[test]
fn a_disagreement_goes_straight_to_the_decision_and_may_be_asked_again() {
    let mut passed_over = 0;
    for item in items().filter(|item| item.case_type == CaseType::Joint) {
        for (group, members) in groups(item) {
            let reviews = item.stages.iter().filter(|stage| members.contains(&stage.id));
            for member in reviews.filter(|stage| stage.link == SupervisedLink::Review) {
                let mut journey = opened(item);
                into_group(&mut journey, group);
                let (staff, stage) = loop {
                    let open = answerable(&journey);
                    match open.iter().find(|(_, stage)| *stage == member.id) {
                        Some((staff, stage)) => break (*staff, stage.clone()),
                        None => answer(&mut journey, open[0].0, &open[0].1.clone(), Opinion::Agree),
                    }
                };
                answer(&mut journey, staff, &stage, Opinion::Disagree);
                let decides = item.stage(journey.case.stage().unwrap()).unwrap();
                assert_eq!(decides.link, SupervisedLink::Approval, "{}", item.code);

                let mut denied = journey.clone();
                denied.do_it(Command::Decide {
                    approved: false,
                    reason: "协办部门不同意".into(),
                    basis: "《办法》第九条".into(),
                    ground: 0,
                    document_number: String::new(),
                    answered_on: None,
                    stage: None,
                });
                assert_eq!(denied.case.outcome(), Some(Outcome::Denied));

                let last = item.stages.iter().rposition(|stage| members.contains(&stage.id)).unwrap();
                let adjacent = item.stages[last + 1].id == decides.id;
                let decider = journey.offered(Action::Decide).unwrap();
                let mut approved = journey.clone();
                let outcome = approved.try_act(decider, approved.approving(Action::Decide));
                match outcome {
                    Ok(()) => assert!(adjacent),
                    Err(refusal) => {
                        assert!(!adjacent);
                        assert_eq!(refusal.code, RefusalCode::Disagreed);
                        passed_over += 1;
                    }
                }

                journey.do_it(journey.approving(Action::ConsultAgain));
                assert!(members.contains(journey.case.stage().unwrap()));
                while journey.forward().is_some() {}
                assert_eq!(journey.case.state(), CaseState::Concluded, "{} after {}", item.code, member.id);
            }
        }
    }
    assert!(passed_over > 0);
}

#[test]
fn an_agreement_on_condition_sends_the_question_up_before_an_approval() {
    let mut asked = 0;
    for item in items().filter(|item| item.case_type == CaseType::Joint) {
        let Some((group, _)) = groups(item).into_iter().find(|(_, members)| {
            item.stages.iter().any(|stage| members.contains(&stage.id) && stage.link == SupervisedLink::Review)
        }) else {
            continue;
        };
        let mut journey = opened(item);
        into_group(&mut journey, group);
        let (staff, stage) = answerable(&journey).remove(0);
        answer(&mut journey, staff, &stage, Opinion::ReferUp);
        while journey.offered(Action::Decide).is_none() {
            journey.forward();
        }
        let decider = journey.offered(Action::Decide).unwrap();
        let refusal = journey.try_act(decider, journey.approving(Action::Decide)).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::OutsideAnswerMissing, "{}", item.code);
        journey.do_it(journey.approving(Action::SendUp));
        assert!(journey.case.is_outside());
        journey.do_it(journey.approving(Action::Chase));
        let refusal = journey.try_act(decider, journey.approving(Action::Decide)).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::OutsideAnswerMissing);
        journey.do_it(journey.approving(Action::RegisterAnswer));
        let outside = journey.case.outside().unwrap();
        assert_eq!((outside.chased_on.len(), outside.answer.unwrap().1.as_str()), (1, "市批〔2026〕7号"));
        while journey.forward().is_some() {}
        assert_eq!(journey.case.state(), CaseState::Concluded);
        asked += 1;
    }
    assert_eq!(asked, 5);
}

#[test]
fn every_outside_stage_is_sent_chased_and_answered_and_stays_on_a_list_meanwhile() {
    let reference = district().reference();
    let mut stages = BTreeSet::new();
    for item in items() {
        let mut journey = opened(item);
        while journey.case.stage().is_some() {
            if journey.offered(Action::SendUp).is_some() {
                let stage = journey.case.stage().unwrap().clone();
                assert!(responsibles(&journey.case, &reference)[0].external);
                journey
                    .do_it(Command::SendUp { body: String::new(), sent_on: None, outside_number: "收文12".into() });
                let waits = sanji_domain::case::chased_by(&journey.case, journey.case.holder().unwrap());
                assert!(waits || journey.case.outcome().is_some());
                journey.do_it(journey.approving(Action::Chase));
                assert_eq!(journey.case.stage(), Some(&stage));
                stages.insert(format!("{}/{stage}", item.code));
                let sent = journey.case.outside().unwrap();
                assert!(!sent.body.is_empty() && sent.chased_on.len() == 1, "{sent:?}");
                journey.days_pass(3);
                journey.forward();
                let outside = journey.case.outside().unwrap();
                let (answered_on, number, _) = outside.answer.unwrap();
                assert!(answered_on > outside.sent_on && !number.is_empty());
                continue;
            }
            journey.forward();
        }
        assert_eq!(journey.case.state(), CaseState::Concluded);
    }
    let external = |stage: &sanji_domain::catalogue::Stage| {
        let department = district().organisation.department(&stage.department);
        stage.tier.station_tier().is_none()
            || department.is_some_and(|of| of.kind == sanji_domain::organisation::DepartmentKind::External)
    };
    let expected: BTreeSet<String> = items()
        .flat_map(|item| {
            item.stages.iter().filter(|stage| external(stage)).map(move |stage| format!("{}/{}", item.code, stage.id))
        })
        .collect();
    assert_eq!(stages, expected);
}

#[test]
fn a_second_correction_needs_leave_that_names_who_gave_it() {
    let mut allowed = 0;
    for item in items() {
        let mut journey = opened(item);
        journey.until(Action::RequestCorrection);
        journey.do_it(journey.approving(Action::RequestCorrection));
        journey.do_it(journey.approving(Action::SupplyCorrection));
        let window = journey.offered(Action::FinishStage).or(journey.offered(Action::Accept));
        let window = window.or(journey.offered(Action::Decide)).unwrap();
        let refusal = journey.try_act(window, journey.approving(Action::RequestCorrection)).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::SecondCorrection);
        let holder = journey.case.holder().unwrap();
        let mut people = district().people_at(holder);
        let chief = people.find(|staff| journey.names(staff).contains(&"allow_second_correction"));
        let Some(chief) = chief else {
            assert!(holder.tier() != Tier::District, "{} has nobody who gives leave", item.code);
            continue;
        };
        journey.try_act(chief, journey.approving(Action::AllowSecondCorrection)).unwrap();
        let leave = journey.case.steps().last().unwrap().body.clone();
        assert_eq!((leave.event, leave.actor.name.as_str()), (StepEvent::SecondCorrectionAllowed, &*chief.name));
        journey.do_it(journey.approving(Action::RequestCorrection));
        journey.do_it(journey.approving(Action::SupplyCorrection));
        assert_eq!(journey.case.correction_rounds(), 2);
        assert!(journey.offered(Action::RequestCorrection).is_none(), "leave is for one round");
        while journey.forward().is_some() {}
        assert_eq!(journey.case.state(), CaseState::Concluded);
        allowed += 1;
    }
    assert!(allowed >= 30, "{allowed}");
}

#[test]
fn what_can_be_put_right_at_once_takes_nothing_of_the_one_round() {
    for item in items() {
        let mut journey = opened(item);
        journey.until(Action::CorrectAtOnce);
        journey.do_it(journey.approving(Action::CorrectAtOnce));
        assert_eq!((journey.case.correction_rounds(), journey.case.ahead()), (0, false));
        assert!(journey.offered(Action::RequestCorrection).is_some());
        while journey.forward().is_some() {}
        assert_eq!(journey.case.state(), CaseState::Concluded);
    }
}

#[test]
fn what_is_done_at_once_is_done_by_one_command() {
    let mut done = 0;
    for item in items().filter(|item| item.case_type == CaseType::OnTheSpot) {
        let mut journey = opened(item);
        while journey.offered(Action::FinishAtOnce).is_none() {
            journey.forward().expect("it is offered");
        }
        let mut decided_only = journey.clone();
        decided_only.do_it(Command::FinishAtOnce {
            words: String::new(),
            document_number: String::new(),
            receiver: String::new(),
            method: sanji_domain::case::DeliveryMethod::Unknown,
        });
        assert_eq!(decided_only.case.state(), CaseState::AwaitingDelivery(Outcome::Approved));
        journey.do_it(journey.approving(Action::FinishAtOnce));
        // A village agent who may receive delivers at home: that is no longer this person's.
        let elsewhere = journey.case.stage().is_some() && journey.case.holder() == journey.case.home();
        let waits = CaseState::AwaitingDelivery(Outcome::Approved);
        let expected = if elsewhere { waits } else { CaseState::Concluded };
        assert_eq!(journey.case.state(), expected, "{}", item.code);
        assert!(journey.case.documents().iter().any(|issued| issued.document.kind == DocumentKind::Approved));
        done += 1;
    }
    assert_eq!(done, items().filter(|item| item.case_type == CaseType::OnTheSpot).count());
}

#[test]
fn a_variant_leaves_out_its_stages_promises_its_time_and_leaves_its_duty() {
    let mut chosen = 0;
    for item in items() {
        for (number, variant) in (1..).zip(&item.variants) {
            let mut journey = opened(item);
            journey.until(Action::ChooseVariant);
            journey.do_it(Command::ChooseVariant { variant: number, reason: "情况紧急".into() });
            assert_eq!(journey.case.variant(), Some(number));
            assert_eq!(variant::promised(&journey.case, item), variant.promised.unwrap_or(item.limits.promised));
            let mut visited = BTreeSet::new();
            while let Some(stage) = journey.case.stage().cloned() {
                visited.insert(stage);
                journey.forward();
            }
            assert!(variant.skip.iter().all(|stage| !visited.contains(stage)), "{}", item.code);
            assert_eq!(journey.case.state(), CaseState::Concluded);
            let open = |journey: &Journey| duties(&journey.case, item, &district().calendar);
            assert_eq!(open(&journey).len(), usize::from(variant.after.is_some()));
            if let Some(duty) = open(&journey).first() {
                assert!(duty.until.is_some() && duty.done.is_none(), "open though concluded");
                let mut people = district().people_at(journey.case.holder().unwrap());
                let staff = people.find(|staff| journey.names(staff).contains(&"finish_duty")).unwrap();
                journey.try_act(staff, journey.approving(Action::FinishDuty)).unwrap();
                assert!(open(&journey)[0].done.is_some());
            }
            chosen += 1;
        }
    }
    assert_eq!(chosen, 2);
}

#[test]
fn optional_materials_may_follow_and_an_approval_waits_for_them() {
    let mut tolerated = 0;
    for item in items() {
        let Some(missing) = item.materials.iter().position(|material| !material.mandatory) else { continue };
        let missing = u32::try_from(missing).unwrap();
        let mut journey = opened(item);
        if item.first_of(SupervisedLink::Acceptance).is_none() {
            continue;
        }
        journey.until(Action::Accept);
        let given = vec![ToleratedInput { material: missing, until: None }];
        journey.do_it(Command::Accept { tolerated: given });
        assert_eq!(duties(&journey.case, item, &district().calendar).len(), 1);
        while journey.offered(Action::Decide).is_none() {
            journey.forward();
        }
        let decider = journey.offered(Action::Decide).unwrap();
        let refusal = journey.try_act(decider, journey.approving(Action::Decide)).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::MaterialOutstanding, "{}", item.code);
        let home = journey.case.home().unwrap();
        let mut people = district().people_at(home);
        let staff = people.find(|staff| journey.names(staff).contains(&"finish_duty")).unwrap();
        journey.try_act(staff, journey.approving(Action::FinishDuty)).unwrap();
        while journey.forward().is_some() {}
        assert_eq!(journey.case.state(), CaseState::Concluded);
        tolerated += 1;
    }
    assert!(tolerated >= 20, "{tolerated}");
}

#[test]
fn mandatory_materials_cannot_be_tolerated_missing() {
    let mut journey = Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    journey.until(Action::Accept);
    let window = journey.offered(Action::Accept).unwrap();
    let command = Command::Accept { tolerated: vec![ToleratedInput { material: 0, until: None }] };
    assert_eq!(journey.try_act(window, command).unwrap_err().code, RefusalCode::InvalidInput);
}

#[test]
fn a_draft_is_answered_and_becomes_an_application_without_typing_it_again() {
    for item in items() {
        let home = [VILLAGE, TOWNSHIP, DISTRICT].into_iter().find_map(|home| {
            let mandate = (home == VILLAGE).then_some(FULL_MANDATE);
            let mut draft = application(item, mandate);
            (draft.preliminary, draft.materials) = (true, Vec::new());
            district().people_at(code(home)).find_map(|actor| Journey::open_with(item, actor, draft.clone()).ok())
        });
        let mut journey = home.unwrap();
        assert_eq!(journey.case.state(), CaseState::Preliminary);
        assert!(journey.offered(Action::Accept).is_none() && journey.offered(Action::RequestCorrection).is_none());
        assert_eq!(sanji_domain::case::clock::received_on(&journey.case, item), None, "no time runs");
        journey.days_pass(10);
        journey.do_it(journey.approving(Action::AnswerPreliminary));
        assert_eq!(journey.case.holder(), journey.case.home());
        let mut incomplete = journey.clone();
        let needs = item.materials.iter().any(|material| {
            material.mandatory
                && material.form != sanji_domain::catalogue::MaterialForm::Shared
                && !(incomplete.case.mandate().is_some() && material.name.contains("委托代办书"))
        });
        let agent = incomplete.offered(Action::SubmitPreliminary).unwrap();
        let nothing = Command::SubmitPreliminary { materials: vec![], answers: vec![], attachments: vec![] };
        let outcome = incomplete.try_act(agent, nothing);
        assert_eq!(outcome.is_err(), needs, "{}: {outcome:?}", item.code);
        journey.do_it(journey.approving(Action::SubmitPreliminary));
        assert_eq!(journey.case.preliminary(), None);
        while journey.forward().is_some() {}
        assert_eq!(journey.case.state(), CaseState::Concluded, "{}", item.code);
    }
}

#[test]
fn a_stage_goes_to_another_window_of_the_station() {
    let mut transferred = 0;
    for item in items() {
        let mut journey = opened(item);
        while journey.case.stage().is_some() {
            if journey.offered(Action::Transfer).is_some() {
                let (stage, holder) = (journey.stage().to_owned(), journey.case.holder());
                journey.do_it(journey.approving(Action::Transfer));
                assert_eq!((journey.stage(), journey.case.holder()), (stage.as_str(), holder));
                let Some(StepEvent::Transferred { department, .. }) =
                    journey.case.steps().last().map(|facts| facts.body.event.clone())
                else {
                    panic!("not transferred")
                };
                let duties = responsibles(&journey.case, &district().reference());
                assert!(duties.iter().any(|duty| duty.department == department), "{}", item.code);
                transferred += 1;
                break;
            }
            journey.forward();
        }
    }
    assert!(transferred >= 20, "{transferred}");
}

#[test]
fn marks_go_first_and_only_those_who_lead_choose_key_projects() {
    let mut journey = opened(district().item("cg-zhanyong"));
    assert_eq!(journey.case.rank(), 0);
    let window = journey.offered(Action::Accept).unwrap();
    journey.try_act(window, journey.approving(Action::SetMark)).unwrap();
    assert_eq!(journey.case.rank(), 3);
    let priority =
        |remove| Command::SetMark { mark: Mark::Priority, remove, reason: "区重点项目".into(), until: None };
    let refused = journey.try_act(window, priority(false)).unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotEntitled);
    let mut people = district().people_at(code(DISTRICT));
    let coordinator = people.find(|staff| staff.roles.contains(&sanji_domain::Role::JointCoordinator)).unwrap();
    journey.try_act(coordinator, priority(false)).unwrap();
    journey.days_pass(1);
    let mark = Command::SetMark { mark: Mark::Urgent, remove: true, reason: "情况已经缓解".into(), until: None };
    journey.try_act(window, mark).unwrap();
    assert_eq!(journey.case.rank(), 2);
    assert_eq!(journey.case.marked(Mark::Urgent), None);
}

#[test]
fn a_returned_case_can_be_reviewed_within_ten_working_days() {
    let mut journey = opened(district().item("mz-dibao"));
    journey.until(Action::Return);
    let Command::Return { reason, words, basis, materials_back, .. } = journey.approving(Action::Return) else {
        unreachable!()
    };
    let window = journey.offered(Action::Return).unwrap();
    let without = Command::Return { reason, words, basis, materials_back, what_now: String::new() };
    assert_eq!(journey.try_act(window, without).unwrap_err().code, RefusalCode::ReasonMissing);
    journey.do_it(journey.approving(Action::Return));
    while journey.forward().is_some() {}
    assert_eq!(journey.case.state(), CaseState::Returned);
    let home = journey.case.home().unwrap();
    let asks =
        |journey: &Journey| district().people_at(home).find(|staff| journey.names(staff).contains(&"ask_review"));
    let mut late = journey.clone();
    late.days_pass(16);
    assert!(asks(&late).is_none());
    journey.days_pass(13);
    let agent = asks(&journey).unwrap();
    journey.try_act(agent, journey.approving(Action::AskReview)).unwrap();
    assert!(asks(&journey).is_none());
    let hall = district().people_at(code(DISTRICT)).find(|staff| journey.names(staff).contains(&"answer_review"));
    journey.try_act(hall.unwrap(), journey.approving(Action::AnswerReview)).unwrap();
    assert_eq!(journey.case.review().unwrap().upheld, Some(false));
}

#[test]
fn only_what_came_in_goes_back() {
    let mut journey = opened(district().item("mz-dibao"));
    journey.until(Action::Return);
    let window = journey.offered(Action::Return).unwrap();
    let held = journey.case.materials()[&0].clone();
    let with = |originals: u32| {
        let Command::Return { reason, words, basis, what_now, .. } = journey.approving(Action::Return) else {
            unreachable!()
        };
        let back = MaterialProvided { originals, attachments: Vec::new(), ..held.clone() };
        Command::Return { reason, words, basis, what_now, materials_back: vec![back] }
    };
    let (much, right) = (with(held.originals + 1), with(held.originals));
    assert_eq!(journey.try_act(window, much).unwrap_err().code, RefusalCode::InvalidInput);
    journey.try_act(window, right).unwrap();
}

#[test]
fn nobody_answers_tacitly_by_hand() {
    let mut journey = opened(district().item("sc-canyin"));
    into_group(&mut journey, "joint");
    let (staff, stage) = answerable(&journey).remove(0);
    let Command::FinishStage { words, outside_number, together_with, .. } = journey.approving(Action::FinishStage)
    else {
        unreachable!()
    };
    let tacit = Command::FinishStage {
        opinion: Opinion::Tacit,
        words,
        outside_number,
        together_with,
        materials: Vec::new(),
        attachments: Vec::new(),
        answered_on: None,
        stage: Some(stage),
    };
    assert_eq!(journey.try_act(staff, tacit).unwrap_err().code, RefusalCode::InvalidInput);
}

/// A joint case with entries of every sort of this module, in the order in which they came about.
fn everything() -> Journey {
    let mut journey = opened(district().item("zr-zhaijidi"));
    into_group(&mut journey, "joint");
    for department in ["ly", "sl"] {
        let mut people = district().people_at(code(DISTRICT));
        let staff = people
            .find(|staff| staff.department.as_str() == department && journey.names(staff).contains(&"answer_copy"));
        journey.try_act(staff.unwrap(), journey.approving(Action::SignForCopy)).unwrap();
        journey.try_act(staff.unwrap(), journey.approving(Action::AnswerCopy)).unwrap();
    }
    let lead = journey.offered(Action::FinishStage).unwrap();
    journey.try_act(lead, journey.approving(Action::RecordVisit)).unwrap();
    journey.try_act(lead, journey.approving(Action::SetMark)).unwrap();
    let (staff, stage) = answerable(&journey).remove(0);
    answer(&mut journey, staff, &stage, Opinion::Disagree);
    journey.do_it(journey.approving(Action::ConsultAgain));
    while journey.forward().is_some() {}
    journey
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_order_of_arrival_changes_what_a_case_shows(
        entries in Just(everything().entries).prop_shuffle()
    ) {
        let straight = everything().case;
        let mut case = Case::new(straight.id());
        entries.iter().for_each(|entry| case.apply(entry));
        prop_assert_eq!(&case, &straight);
        let reference = district().reference();
        prop_assert_eq!(consulted(&case, &reference), consulted(&straight, &reference));
        prop_assert_eq!(case.documents(), straight.documents());
        prop_assert_eq!(case.rank(), straight.rank());
        let answers = entries.iter().filter(|entry| {
            matches!(&entry.body, Body::Side(side) if matches!(side.event, SideEvent::Consulted { .. }))
        });
        prop_assert_eq!(answers.count(), 4);
    }
}

#[test]
fn no_two_organs_of_the_district_have_one_word() {
    let organisation = &district().organisation;
    let mut words = BTreeSet::new();
    let mut organs = 0;
    for station in organisation.stations() {
        for department in &organisation.departments {
            use sanji_domain::organisation::DepartmentKind::{District, Hub, Station};
            let sits_here = match station.code.tier() {
                Tier::District => matches!(department.kind, District | Hub),
                Tier::Township => department.kind == Station && department.code.as_str() != "village",
                Tier::Village => department.code.as_str() == "village",
            };
            if sits_here {
                organs += 1;
                words.insert(sanji_domain::case::document::organ_word(organisation, station.code, &department.code));
            }
        }
    }
    assert_eq!(words.len(), organs);
}
