//! One case from the village through the township to the district and back.

use sanji_log::Reach;
use sanji_proto::v1::{self as proto, WorkList, act_request::Action};
use sanji_station::Failure;

use crate::district::{
    AGENT, APPROVER, DAY_MS, District, HUB, NAME, REVIEWER, SECOND, SUPERVISOR, TOWNSHIP, VILLAGE, WINDOW, bring,
    missing, noise,
};

fn finish(words: &str, together_with: &[&str]) -> Action {
    Action::FinishStage(proto::FinishStage {
        opinion: proto::Opinion::Agree.into(),
        words: words.to_owned(),
        together_with: together_with.iter().map(|id| (*id).to_owned()).collect(),
        ..proto::FinishStage::default()
    })
}

/// Everything between submission and delivery.
pub(crate) fn handle(district: &mut District, number: &str) {
    district.sync();
    district.act(TOWNSHIP, WINDOW, number, Action::Accept(proto::Accept::default())).unwrap();
    district.act(TOWNSHIP, REVIEWER, number, finish("入户调查属实", &[SECOND])).unwrap();
    district.act(TOWNSHIP, REVIEWER, number, finish("符合条件", &[])).unwrap();
    let photograph = district.photograph(TOWNSHIP, WINDOW, number);
    let post = proto::PostPublicity { place: String::new(), photographs: vec![photograph.0.to_vec()] };
    district.act(TOWNSHIP, WINDOW, number, Action::PostPublicity(post)).unwrap();
    district.now_ms += 8 * DAY_MS;
    district.act(TOWNSHIP, WINDOW, number, Action::EndPublicity(proto::EndPublicity::default())).unwrap();
    district.act(TOWNSHIP, WINDOW, number, finish("报送区民政局", &[])).unwrap();
    district.sync();
    let decide =
        proto::Decide {
            approved: true, document_number: "澄民低保〔2026〕1号".to_owned(), ..Default::default()
        };
    district.act(HUB, APPROVER, number, Action::Decide(decide)).unwrap();
    district.sync();
}

#[test]
fn a_case_goes_up_and_comes_back() {
    let mut district = District::new();
    let written = district.submit().unwrap();
    let number = written.case.unwrap().number().to_string();
    assert_eq!((written.seq, written.rev, written.query_code.len()), (1, 1, 6));

    let ticks = |view: &proto::CaseView| {
        let delivery = view.delivery.unwrap();
        (delivery.here, delivery.township_ms > 0, delivery.district_ms > 0)
    };
    assert_eq!(ticks(&district.view(VILLAGE, AGENT, &number).unwrap()), (true, false, false));
    assert!(matches!(district.view(TOWNSHIP, WINDOW, &number), Err(Failure::NotFound)));
    district.sync();
    assert_eq!(ticks(&district.view(VILLAGE, AGENT, &number).unwrap()), (true, true, true));
    assert_eq!(district.todo(TOWNSHIP, WINDOW), [number.as_str()]);
    assert!(district.todo(TOWNSHIP, REVIEWER).is_empty());

    handle(&mut district, &number);
    for (station, actor) in [(VILLAGE, AGENT), (TOWNSHIP, WINDOW), (HUB, APPROVER)] {
        let view = district.view(station, actor, &number).unwrap();
        assert_eq!(view.state, "待送达", "{station}");
        assert_eq!(view.applicant.unwrap().name, "朱**", "{station}: masked, but readable");
        assert_eq!(view.steps.len(), 8, "{station}");
        assert_eq!(view.query_code.is_empty(), station != VILLAGE, "{station}");
    }
    assert!(district.view(VILLAGE, AGENT, &number).unwrap().delivery.unwrap().home_ms > 0);

    assert_eq!(district.todo(VILLAGE, AGENT), [number.as_str()]);
    let deliver =
        proto::Deliver { method: proto::DeliveryMethod::Agent.into(), receiver: NAME.to_owned(), signed_on: 0 };
    district.act(VILLAGE, AGENT, &number, Action::Deliver(deliver)).unwrap();
    district.sync();
    for (station, actor) in [(VILLAGE, AGENT), (TOWNSHIP, WINDOW), (HUB, APPROVER)] {
        assert_eq!(district.view(station, actor, &number).unwrap().state, "已办结", "{station}");
        assert_eq!(district.list(station, actor, WorkList::Closed), [number.as_str()], "{station}");
        assert!(district.list(station, actor, WorkList::Open).is_empty(), "{station}");
        assert_eq!(district.member(station).core.reader().open_cases().unwrap(), 0, "{station}");
    }
}

#[test]
fn a_supervisor_sees_the_process_and_no_words() {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    let view = district.view(TOWNSHIP, SUPERVISOR, &number).unwrap();
    assert_eq!(view.state, "待受理");
    assert_eq!((view.applicant, view.answers.len(), view.materials.len()), (None, 0, 0));
    assert!(view.steps.iter().all(|step| step.words.is_empty()));
    assert!(matches!(
        district.act(TOWNSHIP, SUPERVISOR, &number, Action::Accept(proto::Accept::default())),
        Err(Failure::Refused(_))
    ));
}

#[test]
fn the_same_request_is_carried_out_once() {
    let mut district = District::new();
    let request = crate::district::dibao(&[77; 16]);
    let first = district.submit_as(request.clone()).unwrap();
    let again = district.submit_as(request.clone()).unwrap();
    assert!(again.already && !first.already);
    assert_eq!(
        (again.case, again.seq, again.hash, &again.query_code),
        (first.case, first.seq, first.hash, &first.query_code)
    );
    district.village.reopen();
    let later = district.submit_as(request).unwrap();
    assert!(later.already);
    assert_eq!((later.case, &later.query_code), (first.case, &first.query_code));
    let second = district.submit().unwrap();
    assert_eq!(second.case.unwrap().serial(), first.case.unwrap().serial() + 1);
}

#[test]
fn an_action_on_an_older_rev_is_stale() {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    let message = |request: u8, expected_rev| proto::ActRequest {
        request: vec![request; 16],
        case_number: number.clone(),
        expected_rev,
        action: Some(Action::Accept(proto::Accept::default())),
    };
    let actor = crate::district::staff(WINDOW);
    let now_ms = district.now_ms;
    let core = &mut district.township.core;
    let mut random = |bytes: &mut [u8]| bytes.fill(3);
    let accepted = core.act(&actor, message(200, 1), now_ms, &mut random).unwrap();
    assert_eq!((accepted.rev, accepted.already), (2, false));
    assert!(core.act(&actor, message(200, 1), now_ms, &mut random).unwrap().already, "within the same group");
    core.commit(now_ms).unwrap();
    assert!(core.act(&actor, message(200, 1), now_ms, &mut random).unwrap().already);
    assert!(matches!(core.act(&actor, message(201, 1), now_ms, &mut random), Err(Failure::Stale)));
}

#[test]
fn a_case_that_overtakes_its_item_is_filed_when_the_item_comes() {
    let mut district = District::new();
    district.publish("catalogue/items/mz-dibao.toml", 2);
    let now_ms = district.now_ms;
    bring(&mut district.hub, &mut district.village, now_ms);
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    for (run, keys) in missing(&district.village, &district.township) {
        if run.log.reach == Reach::Private {
            district.township.core.adopt(vec![run], &keys, now_ms, &mut noise(&mut 2)).unwrap();
        }
    }
    district.township.core.commit(now_ms).unwrap();
    assert!(district.todo(TOWNSHIP, WINDOW).is_empty(), "nobody knows yet whose it is");
    bring(&mut district.hub, &mut district.township, now_ms);
    assert_eq!(district.todo(TOWNSHIP, WINDOW), [number.as_str()]);
    assert_eq!(district.view(TOWNSHIP, WINDOW, &number).unwrap().item_version, 2);
}

#[test]
fn a_full_look_by_somebody_who_has_no_hand_in_the_case_goes_on_record() {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    let now_ms = district.now_ms;
    let mut look = |station: &str, actor: &str, unmasked| {
        let member = district.member(station);
        let request = proto::GetRequest { case_number: number.clone(), unmasked };
        member.core.reader().case_view(&member.person(actor), &request, now_ms).unwrap()
    };
    let masked = look(HUB, APPROVER, false);
    assert_eq!((masked.on_record, masked.view.applicant.unwrap().name.as_str()), (false, "朱**"));
    let full = look(HUB, APPROVER, true);
    assert_eq!((full.on_record, full.view.applicant.unwrap().name.as_str()), (true, NAME));
    assert!(!look(TOWNSHIP, WINDOW, true).on_record, "the township has the case on its desk");
}
