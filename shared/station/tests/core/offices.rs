//! What a running hub lets whom do with its people: exclusions, consent to another post, suspension, absences, powers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message as _;
use sanji_domain::calendar::{date_number, local_date};
use sanji_domain::case::RefusalCode;
use sanji_log::{Reach, StationCode};
use sanji_proto::v1 as proto;
use sanji_station::config::Program;
use sanji_station::station::Administrative;
use sanji_station::{Actor, Failure, Station};

use crate::district::{DAY_MS, District, START_MS, WINDOW, staff};

/// A minute after the district has begun.
const NOW_MS: u64 = START_MS + 60_000;

async fn hub() -> Station {
    hub_at(Arc::new(AtomicU64::new(NOW_MS))).await
}

/// A hub with a clock that the test moves.
async fn hub_at(clock: Arc<AtomicU64>) -> Station {
    let district = District::new();
    let (store, keys) = (district.hub.store.clone(), district.hub.keys.clone());
    drop(district);
    let clock = Arc::new(move || clock.load(Ordering::Relaxed));
    Station::open_with_clock(store, keys, Program::Hub, clock).await.unwrap()
}

fn actor(hub: &Station, id: &str) -> Actor {
    hub.actor(&staff(id)).expect(id)
}

fn code<T: std::fmt::Debug>(done: Result<T, Failure>) -> RefusalCode {
    match done {
        Err(Failure::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

fn change(of: &str, roles: &[&str]) -> proto::ChangeStaffRequest {
    proto::ChangeStaffRequest {
        staff: of.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        reason: "轮岗".to_owned(),
        ..proto::ChangeStaffRequest::default()
    }
}

fn ask(of: &str, roles: &[&str]) -> proto::AskStaffChangeRequest {
    proto::AskStaffChangeRequest { change: Some(change(of, roles)) }
}

fn decide(id: &[u8], approved: bool) -> proto::DecideStaffChangeRequest {
    let (words, number) = ("任职不满两年".to_owned(), "澄政务〔2026〕7号".to_owned());
    proto::DecideStaffChangeRequest { id: id.to_vec(), approved, words, number, from: 0 }
}

fn withdraw(id: &[u8]) -> proto::WithdrawStaffChangeRequest {
    proto::WithdrawStaffChangeRequest { id: id.to_vec() }
}

fn request(hub: &Station, id: &[u8]) -> proto::StaffRequestView {
    let all = hub.staff_requests(None, &proto::ListStaffRequestsRequest::default()).unwrap().requests;
    all.into_iter().find(|known| known.id == id).unwrap()
}

/// A record as the district writes it, whatever the rules say.
fn of_staff(record: &proto::StaffRecord) -> Administrative {
    let home = StationCode::from_number(record.place).unwrap();
    Administrative { home, reach: Reach::Private, kind: proto::Kind::Staff, body: record.encode_to_vec() }
}

fn roles_of(hub: &Station, id: &str) -> Vec<String> {
    hub.reference().staff(&staff(id)).unwrap().record().roles
}

#[tokio::test]
async fn nobody_gets_roles_that_exclude_each_other_or_that_do_not_exist() {
    let hub = hub().await;
    let head = actor(&hub, "mz-01");
    for roles in [["审核", "收费"].as_slice(), &["审批", "监察"], &["管理员", "审批"], &["收费", "监察", "窗口受理"]]
    {
        let refused = hub.ask_staff_change(Some(&head), ask("mz-05", roles)).await;
        let Err(Failure::Refused(refusal)) = refused else { panic!("{refused:?}") };
        assert!(refusal.sentence.contains("不得由同一人兼任"), "{}", refusal.sentence);
    }
    let wrong = |change| proto::AskStaffChangeRequest { change: Some(change) };
    for wrong in [
        wrong(proto::ChangeStaffRequest { department: "nowhere".to_owned(), ..change("mz-05", &["审核"]) }),
        wrong(proto::ChangeStaffRequest { backup: "mz-05".to_owned(), ..change("mz-05", &["审核"]) }),
        wrong(proto::ChangeStaffRequest { seat: "C".to_owned(), ..change("mz-05", &["审核"]) }),
        wrong(proto::ChangeStaffRequest { serves: vec!["nowhere".to_owned()], ..change("mz-05", &["审核"]) }),
        wrong(proto::ChangeStaffRequest { reason: " ".to_owned(), ..change("mz-05", &["审核"]) }),
        wrong(change("mz-05", &["局长"])),
        // Nothing that needs consent.
        wrong(change("mz-05", &[])),
    ] {
        assert_eq!(code(hub.ask_staff_change(Some(&head), wrong).await), RefusalCode::InvalidInput);
    }
    hub.close().await;
}

#[tokio::test]
async fn another_post_counts_once_the_centre_has_consented() {
    let hub = hub().await;
    let (head, director) = (actor(&hub, "mz-01"), actor(&hub, "sp-01"));
    // Whoever keeps the records can't write another post into them, nor make somebody leave.
    for direct in [
        change("mz-05", &["审核"]),
        proto::ChangeStaffRequest { leaves: true, ..change("mz-05", &[]) },
        proto::ChangeStaffRequest { seat: "B".to_owned(), ..change("mz-05", &[]) },
    ] {
        for caller in [None, Some(&actor(&hub, "sp-06"))] {
            assert_eq!(code(hub.change_staff(caller, direct.clone()).await), RefusalCode::NotEntitled);
        }
    }
    let substitute = proto::ChangeStaffRequest { backup: "mz-04".to_owned(), ..change("mz-05", &[]) };
    assert_eq!(hub.change_staff(None, substitute).await.unwrap().staff.unwrap().backup, "mz-04");

    let asked = hub.ask_staff_change(Some(&head), ask("mz-05", &["审核"])).await.unwrap();
    assert_eq!((asked.state.as_str(), asked.asked_by.as_str(), asked.may_decide), ("待批", "mz-01", false));
    let [changed] = asked.changes.as_slice() else { panic!("{:?}", asked.changes) };
    let changed = (changed.field.as_str(), changed.before.as_str(), changed.after.as_str());
    assert_eq!(changed, ("岗位角色", "窗口受理", "审核"));
    assert!(asked.warnings[0].contains("不满两年"), "{:?}", asked.warnings);
    assert_eq!(roles_of(&hub, "mz-05"), ["窗口受理"], "nothing counts yet");
    assert_eq!(code(hub.ask_staff_change(None, ask("mz-05", &["审核"])).await), RefusalCode::AlreadyDone);

    for who in ["mz-01", "sp-06", "js-01", "mz-05", "sp-08"] {
        let refused = hub.decide_staff_change(&actor(&hub, who), decide(&asked.id, true)).await;
        assert_eq!(code(refused), RefusalCode::NotEntitled, "{who}");
    }
    let without_reason = proto::DecideStaffChangeRequest { words: " ".to_owned(), ..decide(&asked.id, false) };
    assert_eq!(code(hub.decide_staff_change(&director, without_reason).await), RefusalCode::ReasonMissing);
    let refused = hub.decide_staff_change(&director, decide(&asked.id, false)).await.unwrap();
    assert_eq!((refused.state.as_str(), refused.words.as_str()), ("未同意", "任职不满两年"));
    assert_eq!(roles_of(&hub, "mz-05"), ["窗口受理"], "a refusal changes nothing");
    assert_eq!(code(hub.decide_staff_change(&director, decide(&asked.id, true)).await), RefusalCode::AlreadyDone);

    let again = hub.ask_staff_change(Some(&head), ask("mz-05", &["审核"])).await.unwrap();
    let consented = hub.decide_staff_change(&director, decide(&again.id, true)).await.unwrap();
    assert_eq!((consented.state.as_str(), consented.decided_by_name.as_str()), ("已同意", "夏军"));
    assert_eq!(roles_of(&hub, "mz-05"), ["审核"]);
    let history = hub.staff_history(None, &proto::StaffHistoryRequest { staff: "mz-05".to_owned() }).unwrap().rows;
    let last = history.last().unwrap();
    assert_eq!((last.reason.as_str(), last.recorded_by.as_str()), ("轮岗", "sp-01"));
    assert!(last.consent.contains("夏军（sp-01）澄政务〔2026〕7号"), "{}", last.consent);
    let all = hub.staff_requests(Some(&director), &proto::ListStaffRequestsRequest::default()).unwrap().requests;
    assert_eq!(all.len(), 2, "the refused one is kept");
    let changes = |request: &proto::StaffRequestView| request.changes[0].before.clone();
    assert!(all.iter().all(|request| changes(request) == "窗口受理"), "as it stood when it was asked for: {all:?}");
    hub.close().await;
}

/// The day so many days after the district's first, as a date's number.
fn day(days: u64) -> u32 {
    let ms = i64::try_from(NOW_MS + days * DAY_MS).unwrap();
    date_number(local_date(ms))
}

#[tokio::test]
async fn a_consent_for_a_day_counts_from_that_day_on() {
    let clock = Arc::new(AtomicU64::new(NOW_MS));
    let hub = hub_at(clock.clone()).await;
    let later = |days: u64| clock.store(NOW_MS + days * DAY_MS, Ordering::Relaxed);
    let (head, director) = (actor(&hub, "mz-01"), actor(&hub, "sp-01"));
    let from = |id: &[u8], from| proto::DecideStaffChangeRequest { from, ..decide(id, true) };
    let asked = hub.ask_staff_change(Some(&head), ask("mz-05", &["审核"])).await.unwrap();
    let yesterday = from(&asked.id, date_number(jiff::civil::date(2026, 6, 30)));
    for wrong in [yesterday, from(&asked.id, day(400)), from(&asked.id, 20_260_231)] {
        assert_eq!(code(hub.decide_staff_change(&director, wrong).await), RefusalCode::InvalidInput);
    }
    let consented = hub.decide_staff_change(&director, from(&asked.id, day(10))).await.unwrap();
    assert_eq!((consented.state.as_str(), consented.from), ("待生效", day(10)));
    assert_eq!(hub.effect_staff_changes(hub.now_ms()).await.unwrap(), 0);
    assert_eq!(roles_of(&hub, "mz-05"), ["窗口受理"], "the day has not come");
    let Err(Failure::Refused(refusal)) = hub.ask_staff_change(Some(&head), ask("mz-05", &["审核"])).await else {
        panic!("another one before the day");
    };
    assert!(refusal.sentence.contains("将于2026年7月11日生效"), "{}", refusal.sentence);

    later(10);
    assert_eq!(hub.effect_staff_changes(hub.now_ms()).await.unwrap(), 1);
    assert_eq!(roles_of(&hub, "mz-05"), ["审核"]);
    assert_eq!(request(&hub, &asked.id).state, "已同意");
    let history = hub.staff_history(None, &proto::StaffHistoryRequest { staff: "mz-05".to_owned() }).unwrap().rows;
    let last = history.last().unwrap();
    assert_eq!((last.from_ms, last.recorded_by.as_str()), (NOW_MS + 10 * DAY_MS, "sp-01"));
    assert!(last.consent.contains("夏军（sp-01）澄政务〔2026〕7号"), "{}", last.consent);
    assert_eq!(hub.effect_staff_changes(hub.now_ms()).await.unwrap(), 0, "once");

    // Today is at once; and what can't be done any more on its day is told.
    let again = hub.ask_staff_change(Some(&head), ask("mz-05", &["窗口受理"])).await.unwrap();
    assert_eq!(hub.decide_staff_change(&director, from(&again.id, day(10))).await.unwrap().state, "已同意");
    assert_eq!(roles_of(&hub, "mz-05"), ["窗口受理"]);
    assert_eq!(hub.effect_staff_changes(hub.now_ms()).await.unwrap(), 0, "it is done already");
    let post = proto::ChangeStaffRequest { post: "出纳".to_owned(), ..change("mz-04", &[]) };
    let post = proto::AskStaffChangeRequest { change: Some(post) };
    let hindered = hub.ask_staff_change(Some(&head), post).await.unwrap();
    hub.decide_staff_change(&director, from(&hindered.id, day(20))).await.unwrap();
    let gone = proto::StaffRecord { inactive: true, ..hub.reference().staff(&staff("mz-04")).unwrap().record() };
    hub.administer("sp-06", vec![of_staff(&gone)]).await.unwrap();
    later(21);
    assert_eq!(hub.effect_staff_changes(hub.now_ms()).await.unwrap(), 0);
    let told = request(&hub, &hindered.id);
    assert_eq!(told.state, "未能生效");
    assert!(told.hindered.contains("已经离开"), "{}", told.hindered);
    hub.close().await;
}

#[tokio::test]
async fn whoever_asked_takes_it_back_until_it_is_decided() {
    let hub = hub().await;
    let (head, deputy, director) = (actor(&hub, "mz-01"), actor(&hub, "mz-02"), actor(&hub, "sp-01"));
    let asked = hub.ask_staff_change(Some(&head), ask("mz-05", &["审核"])).await.unwrap();
    assert!(asked.may_withdraw);
    for other in [Some(&deputy), Some(&director), None] {
        assert_eq!(code(hub.withdraw_staff_change(other, withdraw(&asked.id)).await), RefusalCode::NotEntitled);
    }
    let stranger = actor(&hub, "rs-01");
    let unknown = hub.withdraw_staff_change(Some(&stranger), withdraw(&asked.id)).await;
    assert_eq!(code(unknown), RefusalCode::InvalidInput, "as one that there is not");
    let back = hub.withdraw_staff_change(Some(&head), withdraw(&asked.id)).await.unwrap();
    assert_eq!((back.state.as_str(), back.withdrawn_ms, back.may_withdraw), ("已撤回", NOW_MS, false));
    assert_eq!(code(hub.withdraw_staff_change(Some(&head), withdraw(&asked.id)).await), RefusalCode::AlreadyDone);
    assert_eq!(code(hub.decide_staff_change(&director, decide(&asked.id, true)).await), RefusalCode::AlreadyDone);
    assert_eq!(roles_of(&hub, "mz-05"), ["窗口受理"]);

    let again = hub.ask_staff_change(Some(&head), ask("mz-05", &["审核"])).await.unwrap();
    hub.decide_staff_change(&director, decide(&again.id, true)).await.unwrap();
    assert_eq!(code(hub.withdraw_staff_change(Some(&head), withdraw(&again.id)).await), RefusalCode::AlreadyDone);
    hub.close().await;
}

#[tokio::test]
async fn a_deputy_asks_while_the_head_is_away() {
    let hub = hub().await;
    let (head, deputy) = (actor(&hub, "mz-01"), actor(&hub, "mz-02"));
    // Whoever uses the desk is on duty.
    let password_hash = sanji_station::accounts::password::hash("一个很长的口令").unwrap();
    let record = proto::StaffRecord { password_hash, ..hub.reference().staff(&staff("mz-01")).unwrap().record() };
    hub.administer("sp-06", vec![of_staff(&record)]).await.unwrap();
    let client = std::net::IpAddr::from([127, 0, 0, 1]);
    let session = hub.login("mz-01", "一个很长的口令", client).await.unwrap();
    assert!(hub.session(&session).is_some());
    assert!(hub.may_ask_for_change(&head, "mz-05") && !hub.may_ask_for_change(&deputy, "mz-05"));
    let refused = hub.ask_staff_change(Some(&deputy), ask("mz-05", &["审核"])).await;
    assert_eq!(code(refused), RefusalCode::PrincipalOnDuty);
    let absence = proto::RecordAbsenceRequest {
        staff: "mz-01".to_owned(),
        until_ms: NOW_MS + DAY_MS,
        reason: "开会".to_owned(),
        ..Default::default()
    };
    hub.record_absence(Some(&head), absence).await.unwrap();
    assert!(hub.may_ask_for_change(&deputy, "mz-05"));
    let asked = hub.ask_staff_change(Some(&deputy), ask("mz-05", &["审核"])).await.unwrap();
    assert_eq!(asked.asked_by, "mz-02");
    hub.close().await;
}

#[tokio::test]
async fn nobody_asks_or_decides_for_themselves_and_strangers_learn_nothing_of_it() {
    let hub = hub().await;
    for (who, of, allowed) in [
        ("mz-01", "mz-01", false),
        ("rs-01", "mz-04", false),
        ("mz-03", "mz-04", false),
        ("js-01", "mz-04", false),
        ("sp-06", "sp-06", false),
        ("mz-02", "mz-04", true),
        ("sp-06", "sp-02", true),
        ("sp-06", "990106101-11", true),
    ] {
        let leaves = proto::ChangeStaffRequest { leaves: true, ..change(of, &[]) };
        let request = proto::AskStaffChangeRequest { change: Some(leaves) };
        let done = hub.ask_staff_change(Some(&actor(&hub, who)), request).await;
        assert_eq!(done.is_ok(), allowed, "{who} for {of}: {done:?}");
    }
    let seen = |who: &str| {
        let listed = hub.staff_requests(Some(&actor(&hub, who)), &proto::ListStaffRequestsRequest::default());
        let mut about: Vec<String> = listed.unwrap().requests.into_iter().map(|one| one.staff).collect();
        about.sort();
        about
    };
    let all = ["990106101-11", "mz-04", "sp-02"];
    assert_eq!(seen("sp-01"), all);
    assert_eq!(seen("js-01"), all);
    assert_eq!(seen("mz-01"), ["mz-04"]);
    assert_eq!(seen("mz-04"), ["mz-04"]);
    assert!(seen("rs-01").is_empty() && seen("mz-05").is_empty());
    let about_director =
        hub.staff_requests(None, &proto::ListStaffRequestsRequest { open: true, staff: "sp-02".into() });
    let id = about_director.unwrap().requests[0].id.clone();
    assert_eq!(code(hub.decide_staff_change(&actor(&hub, "sp-02"), decide(&id, true)).await), RefusalCode::NotEntitled);
    hub.decide_staff_change(&actor(&hub, "sp-01"), decide(&id, true)).await.unwrap();
    assert!(hub.actor(&staff("sp-02")).is_none(), "who has left acts no more");
    hub.close().await;
}

#[tokio::test]
async fn only_administrators_of_the_hub_change_people_and_none_themselves() {
    let hub = hub().await;
    let suspend = |of: &str| proto::SuspendStaffRequest { staff: of.to_owned(), reason: "投诉查实".to_owned() };
    for (who, of, allowed) in [
        ("mz-01", "mz-05", false),
        ("js-01", "mz-05", false),
        ("sp-06", "sp-06", false),
        ("sp-06", "mz-05", true),
        ("sp-06", WINDOW, true),
    ] {
        let done = hub.suspend(Some(&actor(&hub, who)), suspend(of)).await;
        assert_eq!(done.is_ok(), allowed, "{who} suspends {of}: {done:?}");
    }
    assert!(hub.actor(&staff("mz-05")).is_none(), "at once");
    assert_eq!(code(hub.suspend(None, suspend("mz-05")).await), RefusalCode::AlreadyDone);
    // A change of post lifts no suspension.
    let asked = hub.ask_staff_change(None, ask("mz-05", &["审核"])).await.unwrap();
    hub.decide_staff_change(&actor(&hub, "sp-01"), decide(&asked.id, true)).await.unwrap();
    let list = proto::ListStaffRequest { staff: "mz-05".to_owned(), ..Default::default() };
    let changed = hub.staff_list(None, &list).unwrap().staff.remove(0);
    assert_eq!((changed.state.as_str(), changed.suspended_reason.as_str()), ("停职", "投诉查实"));
    assert_eq!(changed.roles, ["审核"]);
    let reinstate = proto::ReinstateStaffRequest { staff: "mz-05".to_owned(), reason: "整改合格".to_owned() };
    assert_eq!(hub.reinstate(None, reinstate).await.unwrap().state, "在岗");
    assert!(hub.actor(&staff("mz-05")).is_some());
    hub.close().await;
}

#[tokio::test]
async fn an_absence_is_recorded_by_the_person_the_head_the_substitute_or_an_administrator() {
    let hub = hub().await;
    let absence = |of: &str, hours: u64| proto::RecordAbsenceRequest {
        staff: of.to_owned(),
        from_ms: 0,
        until_ms: NOW_MS + hours * 3_600_000,
        reason: "病假".to_owned(),
        substitute: String::new(),
    };
    let back = |of: &str| proto::EndAbsenceRequest { id: Vec::new(), staff: of.to_owned() };
    for (who, of, allowed) in [
        ("mz-05", "mz-05", true),
        ("mz-01", "mz-05", true),
        ("mz-02", "mz-01", true),
        ("mz-02", "mz-05", true),
        ("sp-06", "mz-03", true),
        ("mz-05", "mz-03", false),
        ("rs-01", "mz-05", false),
        ("js-01", "mz-05", false),
    ] {
        let done = hub.record_absence(Some(&actor(&hub, who)), absence(of, 8)).await;
        assert_eq!(done.is_ok(), allowed, "{who} for {of}: {done:?}");
        if allowed {
            assert_eq!(code(hub.record_absence(None, absence(of, 4)).await), RefusalCode::AlreadyDone);
            let ended = hub.end_absence(Some(&actor(&hub, who)), back(of)).await.unwrap();
            assert_eq!(ended.until_ms, NOW_MS.max(ended.from_ms));
            assert_eq!(code(hub.end_absence(None, back(of)).await), RefusalCode::AlreadyDone);
        }
    }
    for wrong in [
        proto::RecordAbsenceRequest { reason: String::new(), ..absence("mz-05", 8) },
        proto::RecordAbsenceRequest { until_ms: NOW_MS - 1, ..absence("mz-05", 8) },
        // Nobody of the fee window's powers falls to a department, and nobody of another place stands in.
        proto::RecordAbsenceRequest { substitute: "mz-05".to_owned(), ..absence("cz-01", 8) },
        proto::RecordAbsenceRequest { substitute: WINDOW.to_owned(), ..absence("mz-05", 8) },
    ] {
        assert_eq!(code(hub.record_absence(None, wrong).await), RefusalCode::InvalidInput);
    }
    let ledger = hub.absences(None, proto::ListAbsencesRequest::default()).await.unwrap().absences;
    assert_eq!(ledger.len(), 5);
    assert!(ledger.iter().all(|row| row.cases.is_empty() && row.reason == "病假"));
    hub.close().await;
}

#[tokio::test]
async fn the_register_and_the_powers_tell_what_is_known() {
    let hub = hub().await;
    let register = hub.station_register().await.unwrap().stations;
    let state = |number: u64| register.iter().find(|one| one.station == number).map(|one| one.state.clone());
    assert_eq!(state(990_106_101_203).as_deref(), Some("运行中"));
    assert_eq!(state(990_106_102_000).as_deref(), Some("未启用"));
    let village = register.iter().find(|one| one.station == 990_106_101_203).unwrap();
    assert!(village.people[0].contains("村"), "{:?}", village.people);
    assert!(village.services >= 1);
    let request = proto::AuthorisationsRequest { item: "mz-dibao".to_owned() };
    let powers = hub.authorisations(&request).unwrap().powers;
    let decide = powers.iter().find(|power| power.power == "决定").unwrap();
    assert_eq!(decide.source, "岗位");
    assert!(decide.staff.iter().any(|name| name.contains("mz-01")) && decide.staff.len() == 2, "{decide:?}");
    // The same of every item, and of one person.
    let all = hub.list_authorisations(None, &proto::ListAuthorisationsRequest::default()).unwrap().rows;
    let same = |row: &proto::ItemAuthorisation| row.item == "mz-dibao" && row.power.as_ref() == Some(decide);
    assert!(all.iter().any(same), "{all:?}");
    let of = |staff: &str| proto::ListAuthorisationsRequest { staff: staff.to_owned() };
    let window = hub.list_authorisations(Some(&actor(&hub, "mz-01")), &of("mz-05")).unwrap().rows;
    assert!(window.iter().all(|row| row.power.as_ref().is_some_and(|power| power.staff == ["侯娟真（mz-05）"])));
    assert_eq!(code(hub.list_authorisations(Some(&actor(&hub, "mz-01")), &of(WINDOW))), RefusalCode::NotEntitled);
    let below = hub.list_authorisations(Some(&actor(&hub, "js-01")), &of(WINDOW)).unwrap().rows;
    let accepts = |row: &proto::ItemAuthorisation| row.power.as_ref().is_some_and(|power| power.power == "受理");
    assert!(below.iter().any(accepts), "at the place where the person works: {below:?}");
    hub.close().await;
}
