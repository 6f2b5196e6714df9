//! What a case's flow leaves at a station: numbers of papers without a hole, its own lists, and one step for each act.

use sanji_proto::v1::{self as proto, act_request::Action};

use crate::district::{AGENT, District, TOWNSHIP, VILLAGE, WINDOW, dibao};

fn opened(district: &mut District) -> String {
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    number
}

fn accept(district: &mut District, number: &str) {
    district.act(TOWNSHIP, WINDOW, number, Action::Accept(proto::Accept::default())).unwrap();
}

/// The numbers of the papers that a kind of step has issued.
fn numbers(district: &mut District, number: &str, kind: &str) -> Vec<String> {
    let view = district.view(TOWNSHIP, WINDOW, number).unwrap();
    let steps = view.steps.iter().filter(|step| step.kind == kind);
    let documents = steps.flat_map(|step| &step.documents);
    documents.map(|issued| format!("{}{}", issued.number, if issued.void { "作废" } else { "" })).collect()
}

#[test]
fn a_station_numbers_its_papers_without_a_hole_also_after_it_was_opened_again() {
    let mut district = District::new();
    let [first, second, third] = std::array::from_fn(|_| opened(&mut district));
    accept(&mut district, &first);
    accept(&mut district, &second);
    assert_eq!(numbers(&mut district, &first, "accepted"), ["澄枫溪镇受字〔2026〕1号"]);
    assert_eq!(numbers(&mut district, &second, "accepted"), ["澄枫溪镇受字〔2026〕2号"]);
    // Another kind of paper counts by itself.
    let back = proto::Return {
        reason: proto::ReturnReason::Duplicate.into(),
        words: "同一申请已经在办".to_owned(),
        basis: "《办法》第九条".to_owned(),
        what_now: "等待前一申请的结果".to_owned(),
        materials_back: Vec::new(),
    };
    district.act(TOWNSHIP, WINDOW, &third, Action::Return(back)).unwrap();
    assert_eq!(numbers(&mut district, &third, "returned"), ["澄枫溪镇退字〔2026〕1号"]);
    // A number that is void stays, and the next one is never the same.
    let view = district.view(TOWNSHIP, WINDOW, &second).unwrap();
    let step = view.steps.iter().find(|step| step.kind == "accepted").unwrap().hash.clone();
    let void = proto::VoidDocument {
        step,
        kind: proto::DocumentKind::Accepted.into(),
        reason: "打印错误".to_owned(),
        replace: true,
    };
    district.act(TOWNSHIP, WINDOW, &second, Action::VoidDocument(void)).unwrap();
    let now = ["澄枫溪镇受字〔2026〕2号作废", "澄枫溪镇受字〔2026〕3号"];
    assert_eq!(numbers(&mut district, &second, "accepted"), now);
    district.township.reopen();
    let fourth = opened(&mut district);
    accept(&mut district, &fourth);
    assert_eq!(numbers(&mut district, &fourth, "accepted"), ["澄枫溪镇受字〔2026〕4号"]);
    // Everybody sees the same.
    district.sync();
    let at_home = district.view(VILLAGE, AGENT, &fourth).unwrap();
    assert!(at_home.steps.iter().any(|step| step.documents.iter().any(|issued| issued.number.ends_with("4号"))));
}

#[test]
fn urgent_cases_have_a_list_of_their_own_and_go_first() {
    let mut district = District::new();
    let [first, second] = std::array::from_fn(|_| opened(&mut district));
    assert_eq!(district.todo(TOWNSHIP, WINDOW), [second.clone(), first.clone()], "newest first");
    assert!(district.list(TOWNSHIP, WINDOW, proto::WorkList::Marked).is_empty());
    let mark =
        proto::SetMark {
            mark: proto::Mark::Urgent.into(), remove: false, reason: "申请人病重".to_owned(), until: 0
        };
    district.act(TOWNSHIP, WINDOW, &first, Action::SetMark(mark)).unwrap();
    assert_eq!(district.todo(TOWNSHIP, WINDOW), [first.clone(), second]);
    assert_eq!(district.list(TOWNSHIP, WINDOW, proto::WorkList::Marked), std::slice::from_ref(&first));
    assert!(district.view(TOWNSHIP, WINDOW, &first).unwrap().urgent.is_some());
}

#[test]
fn a_case_with_something_left_to_be_made_up_stays_on_a_list_until_it_is() {
    let mut district = District::new();
    let number = opened(&mut district);
    let tolerated = vec![proto::ToleratedInput { material: 4, until: 0 }];
    district.act(TOWNSHIP, WINDOW, &number, Action::Accept(proto::Accept { tolerated })).unwrap();
    assert_eq!(district.list(TOWNSHIP, WINDOW, proto::WorkList::Duties), std::slice::from_ref(&number));
    district.sync();
    let materials = vec![proto::MaterialInput { material: 4, originals: 1, ..proto::MaterialInput::default() }];
    let finish = proto::FinishDuty { variant: false, words: String::new(), materials };
    district.act(VILLAGE, AGENT, &number, Action::FinishDuty(finish)).unwrap();
    district.sync();
    assert!(district.list(TOWNSHIP, WINDOW, proto::WorkList::Duties).is_empty());
    let view = district.view(TOWNSHIP, WINDOW, &number).unwrap();
    assert!(view.materials.iter().any(|material| material.material == 4 && material.originals == 1));
    assert!(view.duties.iter().all(|duty| duty.done));
}

#[test]
fn what_is_done_at_once_is_several_steps_of_one_request() {
    let mut district = District::new();
    let identity = proto::MaterialInput { material: 0, originals: 1, ..proto::MaterialInput::default() };
    let request = district.request();
    let application =
        proto::SubmitRequest { item: "cun-juzhu".to_owned(), materials: vec![identity], ..dibao(&request) };
    let number = district.submit_as(application).unwrap().case.unwrap().number().to_string();
    let finish = proto::FinishAtOnce { receiver: "朱帆军".to_owned(), ..proto::FinishAtOnce::default() };
    let written = district.act(VILLAGE, AGENT, &number, Action::FinishAtOnce(finish)).unwrap();
    assert_eq!(written.rev, 3, "decided and delivered");
    let view = district.view(VILLAGE, AGENT, &number).unwrap();
    assert_eq!(view.state, "已办结");
    district.sync();
    assert_eq!(district.view(TOWNSHIP, WINDOW, &number).unwrap().rev, 3);
}
