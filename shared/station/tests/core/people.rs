//! Absences, suspension and the assignment history as the logs carry them between stations.

use prost::Message as _;
use sanji_domain::case::RefusalCode;
use sanji_log::Reach;
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_station::Failure;

use crate::district::{AGENT, DAY_MS, District, HUB, REVIEWER, TOWNSHIP, VILLAGE, WINDOW, code, staff};

/// The other window of the township, substitute of [`WINDOW`].
const BACKUP: &str = "990106101-04";

pub(crate) fn absence(
    district: &mut District,
    at: &str,
    home: &str,
    of: &str,
    from_ms: u64,
    until_ms: u64,
    substitute: &str,
) {
    let record = proto::AbsenceRecord {
        id: vec![7; 16],
        staff: of.to_owned(),
        from_ms,
        until_ms,
        reason: "培训".to_owned(),
        substitute: substitute.to_owned(),
    };
    district.now_ms += 1000;
    let now_ms = district.now_ms;
    let core = &mut district.member(at).core;
    core.write(code(home), Reach::Private, of, proto::Kind::Absence as u32, record.encode_to_vec(), now_ms).unwrap();
    core.commit(now_ms).unwrap();
}

fn refused(done: Result<sanji_station::core::Written, Failure>) -> RefusalCode {
    match done {
        Err(Failure::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

fn accept() -> Action {
    Action::Accept(proto::Accept::default())
}

#[test]
fn an_absence_hands_the_work_over_offline_and_back() {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    let begins = district.now_ms;
    // A reviewer stands in who is no window: the list comes to them, and goes back.
    absence(&mut district, TOWNSHIP, TOWNSHIP, WINDOW, begins, begins + DAY_MS, REVIEWER);
    assert!(district.todo(TOWNSHIP, WINDOW).is_empty());
    assert_eq!(district.todo(TOWNSHIP, REVIEWER), [number.as_str()]);
    assert_eq!(refused(district.act(TOWNSHIP, WINDOW, &number, accept())), RefusalCode::Away);
    district.now_ms = begins + DAY_MS;
    assert!(district.todo(TOWNSHIP, REVIEWER).is_empty());
    assert_eq!(district.todo(TOWNSHIP, WINDOW), [number.as_str()]);
    district.now_ms = begins + 5000;
    district.act(TOWNSHIP, REVIEWER, &number, accept()).unwrap();
    district.sync();
    // Every station that holds the home's private logs knows of it, after a restart too.
    for station in [TOWNSHIP, HUB] {
        district.member(station).reopen();
        let reference = district.member(station).core.reader().reference();
        let known: Vec<_> = reference.absences().map(|entry| entry.absence.staff.to_string()).collect();
        assert_eq!(known, [WINDOW], "{station}");
    }
    assert_eq!(district.member(VILLAGE).core.reader().reference().absences().count(), 0);
    let view = district.view(TOWNSHIP, REVIEWER, &number).unwrap();
    let last = view.steps.last().unwrap();
    let window = district.member(TOWNSHIP).person(WINDOW).name.clone();
    assert_eq!((last.kind.as_str(), &last.actor_role), ("accepted", &format!("窗口受理，代{window}")));
}

#[test]
fn a_station_says_nothing_about_people_of_others() {
    let mut district = District::new();
    let begins = district.now_ms;
    // The village claims in its own log that a window of the township is away.
    absence(&mut district, VILLAGE, VILLAGE, WINDOW, begins, begins + DAY_MS, "");
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    assert_eq!(district.todo(TOWNSHIP, WINDOW), [number.as_str()]);
    district.act(TOWNSHIP, WINDOW, &number, accept()).unwrap();
}

#[test]
fn whoever_is_suspended_does_nothing_and_the_substitute_does_it() {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    let known = district.member(HUB).core.reader().reference().staff(&staff(WINDOW)).unwrap().record();
    assert_eq!(known.backup, BACKUP);
    for (inactive, reason) in [(true, "投诉查实"), (false, "")] {
        district.now_ms += 1000;
        let now_ms = district.now_ms;
        let change_reason = if inactive { "待岗" } else { "恢复上岗" }.to_owned();
        let suspended_reason = reason.to_owned();
        let record = proto::StaffRecord { inactive, suspended_reason, change_reason, ..known.clone() };
        let (hub, kind) = (&mut district.member(HUB).core, proto::Kind::Staff as u32);
        hub.write(code(TOWNSHIP), Reach::Private, "sp-06", kind, record.encode_to_vec(), now_ms).unwrap();
        hub.commit(now_ms).unwrap();
        district.sync();
        if inactive {
            assert_eq!(refused(district.act(TOWNSHIP, WINDOW, &number, accept())), RefusalCode::NotEntitled);
            let reader = district.member(TOWNSHIP).core.reader().clone();
            let person = district.member(TOWNSHIP).person(BACKUP);
            let standing = reader.standing(&reader.reference(), &person, now_ms);
            assert_eq!(standing.for_others.len(), 1);
            assert_eq!(district.todo(TOWNSHIP, BACKUP), [number.as_str()]);
        }
    }
    district.act(TOWNSHIP, WINDOW, &number, accept()).unwrap();
    // All that was said of the person is kept, in order, on every station that holds it.
    for station in [HUB, TOWNSHIP] {
        district.member(station).reopen();
        let history = district.member(station).core.reader().reference().assignments(&staff(WINDOW));
        let reasons: Vec<_> = history.iter().map(|assignment| assignment.reason.to_string()).collect();
        assert_eq!(reasons, ["", "待岗", "恢复上岗"], "{station}");
        assert_eq!(history[1].recorded_by, "sp-06");
    }
    assert!(district.member(VILLAGE).core.reader().reference().assignments(&staff(WINDOW)).is_empty());
    assert!(!district.todo(VILLAGE, AGENT).contains(&number));
}

fn staff_request(district: &mut District, at: &str, actor: &str, record: proto::staff_request_record::Record) {
    let message = proto::StaffRequestRecord { id: vec![9; 16], record: Some(record) };
    district.now_ms += 1000;
    let now_ms = district.now_ms;
    let core = &mut district.member(at).core;
    let kind = proto::Kind::StaffRequest as u32;
    core.write(code(TOWNSHIP), Reach::Private, actor, kind, message.encode_to_vec(), now_ms).unwrap();
    core.commit(now_ms).unwrap();
}

#[test]
fn a_change_that_was_asked_for_is_known_up_and_down_and_only_the_district_consents_to_it() {
    use proto::staff_request_record::Record;
    let mut district = District::new();
    let (staff_id, reason) = (WINDOW.to_owned(), "轮岗".to_owned());
    let asked = proto::StaffChangeAsked { staff: staff_id, post: "审批股".to_owned(), reason, ..Default::default() };
    staff_request(&mut district, TOWNSHIP, "990106101-01", Record::Asked(asked));
    let yes = |words: &str| {
        Record::Decided(proto::StaffChangeDecided { approved: true, words: words.to_owned(), ..Default::default() })
    };
    // The township consents to its own wish.
    staff_request(&mut district, TOWNSHIP, "990106101-01", yes("自行同意"));
    district.sync();
    let decisions = |district: &mut District, at: &str| -> Vec<Option<String>> {
        let reference = district.member(at).core.reader().reference();
        reference.staff_requests().map(|known| known.decision.map(|decision| decision.decided.words)).collect()
    };
    assert_eq!(decisions(&mut district, HUB), [None]);
    staff_request(&mut district, HUB, "sp-01", yes("同意"));
    // A second word of the district comes too late, and so does whoever asked, who has not heard of the answer.
    staff_request(&mut district, HUB, "sp-02", yes("再次同意"));
    staff_request(&mut district, TOWNSHIP, "990106101-01", Record::Withdrawn(Default::default()));
    district.sync();
    for station in [HUB, TOWNSHIP] {
        for _ in 0..2 {
            assert_eq!(decisions(&mut district, station), [Some("同意".to_owned())], "{station}");
            district.member(station).reopen();
        }
    }
    assert!(decisions(&mut district, VILLAGE).is_empty());
    let withdrawn = |district: &mut District| -> Vec<bool> {
        let reference = district.member(HUB).core.reader().reference();
        reference.staff_requests().map(|known| known.withdrawn_ms.is_some()).collect()
    };
    assert_eq!(withdrawn(&mut district), [false], "what was decided is decided");
}

#[test]
fn only_whoever_asked_takes_a_change_back() {
    use proto::staff_request_record::Record;
    let mut district = District::new();
    let asked = proto::StaffChangeAsked { staff: WINDOW.to_owned(), leaves: true, ..Default::default() };
    // The withdrawal may be known before the question.
    staff_request(&mut district, TOWNSHIP, "990106101-02", Record::Withdrawn(Default::default()));
    staff_request(&mut district, TOWNSHIP, "990106101-01", Record::Asked(asked));
    district.sync();
    let open = |district: &mut District, at: &str| -> Vec<bool> {
        let reference = district.member(at).core.reader().reference();
        reference.staff_requests().map(|known| known.is_open()).collect()
    };
    assert_eq!(open(&mut district, HUB), [true], "not by somebody else");
    // Nor does what somebody else has said stand in the way of the one who may.
    staff_request(&mut district, TOWNSHIP, "990106101-01", Record::Withdrawn(Default::default()));
    district.sync();
    for station in [HUB, TOWNSHIP] {
        for _ in 0..2 {
            assert_eq!(open(&mut district, station), [false], "{station}");
            district.member(station).reopen();
        }
    }
}
