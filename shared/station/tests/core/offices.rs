//! What a running hub lets whom do with its people: exclusions, consent, suspension, absences.

use std::sync::Arc;

use sanji_domain::case::RefusalCode;
use sanji_proto::v1 as proto;
use sanji_station::config::Program;
use sanji_station::{Actor, Failure, Station};

use crate::district::{District, START_MS, WINDOW, staff};

/// A minute after the district has begun.
const NOW_MS: u64 = START_MS + 60_000;

async fn hub() -> Station {
    let district = District::new();
    let (store, keys) = (district.hub.store.clone(), district.hub.keys.clone());
    drop(district);
    Station::open_with_clock(store, keys, Program::Hub, Arc::new(|| NOW_MS)).await.unwrap()
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
        consent: "程成军 澄政务〔2026〕7号".to_owned(),
        ..proto::ChangeStaffRequest::default()
    }
}

#[tokio::test]
async fn nobody_gets_roles_that_exclude_each_other_and_nothing_changes_without_consent() {
    let hub = hub().await;
    let reference = hub.reference();
    let pairs = reference.organisation().unwrap().roles.exclusive.clone();
    assert_eq!(pairs.len(), 4);
    for (one, other) in pairs {
        let refusal = match hub.change_staff(None, change("mz-05", &[one.term(), other.term()])).await {
            Err(Failure::Refused(refusal)) => refusal,
            done => panic!("{done:?}"),
        };
        let said = format!("“{one}”和“{other}”不得由同一人兼任");
        assert!(refusal.sentence.contains(&said), "{}", refusal.sentence);
    }
    let without = proto::ChangeStaffRequest { consent: " ".to_owned(), ..change("mz-05", &["审核"]) };
    assert_eq!(code(hub.change_staff(None, without).await), RefusalCode::InvalidInput);
    for wrong in [
        proto::ChangeStaffRequest { department: "nowhere".to_owned(), ..change("mz-05", &["审核"]) },
        proto::ChangeStaffRequest { backup: "mz-05".to_owned(), ..change("mz-05", &["审核"]) },
        proto::ChangeStaffRequest { seat: "C".to_owned(), ..change("mz-05", &["审核"]) },
        proto::ChangeStaffRequest { serves: vec!["nowhere".to_owned()], ..change("mz-05", &["审核"]) },
        change("mz-05", &["局长"]),
    ] {
        assert_eq!(code(hub.change_staff(None, wrong).await), RefusalCode::InvalidInput);
    }
    let done = hub.change_staff(None, change("mz-05", &["审核"])).await.unwrap();
    assert_eq!(done.staff.unwrap().roles, ["审核"]);
    assert!(done.warnings[0].contains("不满两年"), "{:?}", done.warnings);
    let request = proto::StaffHistoryRequest { staff: "mz-05".to_owned() };
    let history = hub.staff_history(None, &request).unwrap().rows;
    assert_eq!((history.len(), history[1].reason.as_str()), (2, "轮岗"));
    assert!(history[1].consent.contains("7号"));
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
    let changed = hub.change_staff(None, change("mz-05", &["审核"])).await.unwrap().staff.unwrap();
    assert_eq!((changed.state.as_str(), changed.suspended_reason.as_str()), ("停职", "投诉查实"));
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
    assert_eq!(ledger.len(), 4);
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
    hub.close().await;
}
