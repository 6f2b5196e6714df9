//! Steps that stations write by themselves, clocks that are wrong, calendars that change, cases that are reclaimed.

use prost::Message as _;
use sanji_domain::Role;
use sanji_log::{CaseId, CaseNumber, Reach};
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_station::core::AsOf;

use crate::district::{
    AGENT, DAY_MS, District, HUB, Member, REVIEWER, SUPERVISOR, TOWNSHIP, VILLAGE, WINDOW, code, dibao, missing, noise,
    sample, verified,
};

/// Days for which a hub waits for a holder.
const GRACE: u32 = 7;

fn id_of(member: &Member, number: &str) -> CaseId {
    let number: CaseNumber = number.parse().unwrap();
    member.core.reader().find(&number).unwrap()[0]
}

fn write_due(member: &mut Member, number: &str, now_ms: u64) -> Vec<&'static str> {
    let id = id_of(member, number);
    let written = member.core.write_due(&id, GRACE, AsOf::right(now_ms), now_ms, &mut noise(&mut 3)).unwrap();
    member.core.commit(now_ms).unwrap();
    written
}

/// By a clock that nobody has confirmed.
fn write_due_unsure(member: &mut Member, number: &str, now_ms: u64) -> Vec<&'static str> {
    let id = id_of(member, number);
    let as_of = AsOf { trusted_ms: now_ms, silence_ms: now_ms - u64::from(GRACE) * DAY_MS };
    let written = member.core.write_due(&id, GRACE, as_of, now_ms, &mut noise(&mut 3)).unwrap();
    member.core.commit(now_ms).unwrap();
    written
}

fn person_with(member: &Member, role: Role) -> String {
    let reference = member.core.reader().reference();
    let mut people = reference.all_staff().values().map(|entry| &entry.staff);
    let person = people.find(|staff| staff.place == member.station() && staff.roles.contains(&role));
    person.unwrap().id.to_string()
}

fn submitted(district: &mut District) -> String {
    let written = district.submit().unwrap();
    written.case.unwrap().number().to_string()
}

#[test]
fn the_holder_writes_once_that_the_law_deems_an_application_accepted() {
    let mut district = District::new();
    let number = submitted(&mut district);
    district.sync();
    // Received on 1 July, a Wednesday: the fifth working day is 8 July.
    let late = district.now_ms + 8 * DAY_MS;
    assert_eq!(write_due(&mut district.township, &number, district.now_ms + 7 * DAY_MS), Vec::<&str>::new());
    for other in [VILLAGE, HUB] {
        assert_eq!(write_due(district.member(other), &number, late), Vec::<&str>::new(), "{other} is not the holder");
    }
    assert_eq!(write_due(&mut district.township, &number, late), ["deemed_acceptance"]);
    assert_eq!(write_due(&mut district.township, &number, late), Vec::<&str>::new());
    district.township.reopen();
    assert_eq!(write_due(&mut district.township, &number, late), Vec::<&str>::new());
    district.now_ms = late;
    district.sync();
    for (station, actor) in [(VILLAGE, AGENT), (TOWNSHIP, WINDOW)] {
        let view = district.view(station, actor, &number).unwrap();
        let accepted = view.steps.iter().find(|step| step.kind == "accepted").unwrap();
        assert_eq!((accepted.title.as_str(), accepted.actor_name.as_str()), ("依法视为受理", ""));
        assert_eq!(view.clock.unwrap().accepted_on, 20_260_701);
    }
}

#[test]
fn silence_is_no_consent_by_a_clock_that_nobody_has_confirmed() {
    let mut district = District::new();
    let path = "catalogue/items/mz-laonian.toml";
    let content = sample(path).into_bytes();
    let file = proto::PublishedFile { path: path.to_owned(), version: 1, content };
    let (kind, now_ms) = (proto::Kind::File as u32, district.now_ms);
    district.hub.core.write(code(HUB), Reach::Public, "", kind, file.encode_to_vec(), now_ms).unwrap();
    district.hub.core.commit(now_ms).unwrap();
    district.sync();
    let mut card = proto::SubmitRequest { item: "mz-laonian".to_owned(), ..dibao(&[77; 16]) };
    card.materials.truncate(4);
    let number = district.submit_as(card).unwrap().case.unwrap().number().to_string();
    district.sync();
    let late = district.now_ms + 8 * DAY_MS;
    assert_eq!(write_due_unsure(&mut district.township, &number, late), Vec::<&str>::new());
    assert_eq!(write_due_unsure(&mut district.township, &number, late + 7 * DAY_MS), ["tacit_approval"]);

    // That the law deems an application accepted is no consent: the right clock says the same later.
    let other = submitted(&mut district);
    district.sync();
    assert_eq!(write_due_unsure(&mut district.township, &other, late), ["deemed_acceptance"]);
}

#[test]
fn a_village_clock_that_is_a_year_ahead_moves_no_deadline_on_any_tier() {
    let mut district = District::new();
    let true_ms = district.now_ms;
    district.now_ms += 400 * DAY_MS;
    let number = submitted(&mut district);
    district.now_ms = true_ms + 60_000;

    // What the link's host does with what a village hands over.
    let offset_ms = i64::try_from(400 * DAY_MS).unwrap();
    let now_ms = district.now_ms;
    for (run, keys) in missing(&district.village, &district.township) {
        let (runs, core) = (vec![verified(run)], &mut district.township.core);
        let doubtful = core.doubtful(code(VILLAGE), &runs, offset_ms, now_ms);
        core.receive(code(VILLAGE), runs, &keys, now_ms, &mut noise(&mut 5)).unwrap();
        assert_eq!(core.note_times(code(VILLAGE), &doubtful, offset_ms, now_ms).unwrap(), doubtful.len());
        assert_eq!(core.note_times(code(VILLAGE), &doubtful, offset_ms, now_ms).unwrap(), 0, "noted once");
    }
    district.township.core.commit(now_ms).unwrap();
    district.sync();
    let accept = Action::Accept(proto::Accept::default());
    district.act(TOWNSHIP, WINDOW, &number, accept).unwrap();
    district.sync();
    for (station, actor) in [(VILLAGE, AGENT), (TOWNSHIP, WINDOW)] {
        let view = district.view(station, actor, &number).unwrap();
        let clock = view.clock.unwrap();
        assert_eq!((clock.received_on, clock.accepted_on), (20_260_701, 20_260_701), "{station}");
        assert_eq!(view.ledger.first().map(|span| span.from), Some(20_260_701), "{station}");
    }
}

#[test]
fn a_clock_that_is_right_is_noted_by_nobody() {
    let mut district = District::new();
    submitted(&mut district);
    let now_ms = district.now_ms;
    for (run, _) in missing(&district.village, &district.township) {
        let runs = vec![verified(run)];
        assert!(district.township.core.doubtful(code(VILLAGE), &runs, 90_000, now_ms).is_empty());
        // Nor what comes from above.
        assert!(district.township.core.doubtful(code(HUB), &runs, 400 * 86_400_000, now_ms).is_empty());
    }
}

/// 2027 as it will be announced, with the holiday that this test needs.
const NEXT_YEAR: &str = r#"
[[year]]
year = 2027
notice = "试"
calendar_days = 365
working_days = 260
working_days_by_month = [20, 20, 23, 22, 21, 22, 22, 22, 22, 21, 22, 23]

  [[year.break]]
  name = "元旦"
  from = 2027-01-01
  to = 2027-01-03
  makeup_workdays = []
"#;

#[test]
fn a_new_calendar_says_which_deadlines_it_has_moved() {
    let mut district = District::new();
    let early = submitted(&mut district);
    district.sync();
    district.act(TOWNSHIP, WINDOW, &early, Action::Accept(proto::Accept::default())).unwrap();
    // 15 December 2026.
    district.now_ms += 167 * DAY_MS;
    let late = submitted(&mut district);
    district.sync();
    district.act(TOWNSHIP, WINDOW, &late, Action::Accept(proto::Accept::default())).unwrap();
    let moved = |district: &mut District| {
        let request = proto::ListMovedRequest::default();
        let (staff, now_ms) = (district.township.person(WINDOW), district.now_ms);
        district.township.core.reader().moved_deadlines(&staff, &request, now_ms).unwrap()
    };
    let before = moved(&mut district);
    assert_eq!((before.since_version, before.missing_year, before.cases.len()), (0, 2027, 0));
    let clock = district.view(TOWNSHIP, WINDOW, &late).unwrap().clock.unwrap();
    assert_eq!((clock.promised_until, clock.missing_year), (0, 2027));

    let path = "calendar/cn-workdays.toml";
    let text = std::fs::read_to_string(format!("{}/../../tests/sample/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let file = proto::PublishedFile { path: path.to_owned(), version: 2, content: (text + NEXT_YEAR).into_bytes() };
    let kind = proto::Kind::File as u32;
    let now_ms = district.now_ms;
    district.hub.core.write(code(HUB), Reach::Public, "", kind, file.encode_to_vec(), now_ms).unwrap();
    district.hub.core.commit(now_ms).unwrap();
    district.sync();
    let after = moved(&mut district);
    assert_eq!((after.since_version, after.version, after.missing_year), (1, 2, 0));
    assert_eq!(after.new_years, [2027]);
    // Only the case whose days lie in the new year: 25 working days after 15 December.
    let told: Vec<_> = after.cases.iter().map(|case| (case.case_number.as_str(), case.promised)).collect();
    assert_eq!(told, [(late.as_str(), Some(proto::MovedDeadline { old: 0, new: 20_270_120 }))]);
    assert!(district.view(TOWNSHIP, SUPERVISOR, &early).is_ok());
}

#[test]
fn what_a_station_writes_after_it_was_reclaimed_is_put_before_a_person() {
    let mut district = District::new();
    let number = submitted(&mut district);
    district.sync();
    district.act(TOWNSHIP, WINDOW, &number, Action::Accept(proto::Accept::default())).unwrap();
    district.sync();
    // The township can't be heard; it goes on all the same.
    let coordinator = person_with(&district.hub, Role::JointCoordinator);
    let reclaim = Action::Reclaim(proto::Reclaim { reason: "乡镇机房失火".to_owned() });
    district.act(HUB, &coordinator, &number, reclaim).unwrap();
    let finish = Action::FinishStage(proto::FinishStage {
        opinion: proto::Opinion::Agree.into(),
        words: "入户核实，情况属实".to_owned(),
        together_with: vec!["990106101-02".to_owned()],
        ..proto::FinishStage::default()
    });
    district.act(TOWNSHIP, REVIEWER, &number, finish).unwrap();
    district.sync();
    let waiting = |district: &mut District| {
        let staff = district.hub.person(&person_with(&district.hub, Role::JointCoordinator));
        let now_ms = district.now_ms;
        district.hub.core.reader().superseded_cases(&staff, &proto::ListSupersededRequest::default(), now_ms).unwrap()
    };
    let listed = waiting(&mut district);
    assert_eq!(
        listed.cases.iter().map(|case| (case.case_number.as_str(), case.unchecked)).collect::<Vec<_>>(),
        [(number.as_str(), 1)]
    );
    let view = district.view(HUB, "mz-01", &number).unwrap();
    assert_eq!((view.holder, view.term, view.superseded.len()), (990_106_000_000, 1, 1));
    assert_eq!(view.superseded[0].words, "入户核实，情况属实");
    let check = Action::CheckSuperseded(proto::CheckSuperseded {
        step: view.superseded[0].hash.clone(),
        redone: true,
        words: "已在区里重新核实".to_owned(),
    });
    district.act(HUB, "mz-01", &number, check).unwrap();
    assert!(waiting(&mut district).cases.is_empty());
    let view = district.view(HUB, "mz-01", &number).unwrap();
    assert!(view.superseded[0].checked && view.superseded[0].redone);
}
