//! A new life of a station that has not got back all that the one before wrote.

use prost::Message as _;
use sanji_domain::case::{DocumentKind, codec};
use sanji_log::{LogId, Reach};
use sanji_proto::v1::{self as proto, act_request::Action, station_record::Record};
use sanji_station::core::Core;

use crate::district::{
    DAY_MS, District, HUB, Member, TOWNSHIP, VILLAGE, WINDOW, bring, code, enrolled, missing, noise,
};

/// The machine of a station dies, and its successor enrols at the hub.
fn succeed(district: &mut District, station: &str, life: u8) {
    let District { authority, hub, now_ms, .. } = district;
    let (authority, now_ms) = (&*authority, *now_ms);
    let former = if station == TOWNSHIP { &mut district.township } else { &mut district.village };
    let heads = hub.store.have().heads().filter(|head| head.log.key == former.key()).map(Into::into).collect();
    let ended = proto::StationEnded {
        key: former.key().0.to_vec(),
        at_ms: now_ms,
        heads,
        reason: "replaced by another machine".to_owned(),
    };
    let mut successor = Member::new(station, life, authority);
    let enrolled = enrolled(authority, station, successor.key(), now_ms);
    for record in [Record::Ended(ended), enrolled] {
        let body = proto::StationRecord { record: Some(record) }.encode_to_vec();
        hub.core.write(code(station), Reach::Public, "", proto::Kind::Station as u32, body, now_ms).unwrap();
    }
    hub.core.commit(now_ms).unwrap();
    let runs = missing(hub, &successor).into_iter().map(|(run, _)| run);
    let public = runs.filter(|run| run.log.reach == Reach::Public).collect();
    successor.core.adopt(public, &[], now_ms, &mut noise(&mut 1)).unwrap();
    successor.core.commit(now_ms).unwrap();
    *former = successor;
}

/// Submits a case in the village, which the township accepts. The number of its 受理通知书.
fn accept(district: &mut District) -> u32 {
    let case = district.submit().unwrap().case.unwrap();
    bring(&mut district.village, &mut district.township, district.now_ms);
    let number = case.number().to_string();
    district.act(TOWNSHIP, WINDOW, &number, Action::Accept(proto::Accept::default())).unwrap();
    let case = district.township.core.reader().case(&case).unwrap().unwrap();
    let documents = case.documents();
    let accepted = documents.iter().find(|issued| issued.document.kind == DocumentKind::Accepted);
    accepted.unwrap().document.number
}

#[test]
fn a_document_number_that_was_given_on_paper_alone_is_not_given_again() {
    let mut district = District::new();
    assert_eq!([accept(&mut district), accept(&mut district)], [1, 2]);
    district.sync();
    // The line to the hub is down, then the disk dies.
    assert_eq!(accept(&mut district), 3);
    let (store, keys) = (district.township.store.clone(), district.township.keys.clone());
    succeed(&mut district, TOWNSHIP, 4);
    district.differ();
    bring(&mut district.hub, &mut district.township, district.now_ms);
    assert_eq!([accept(&mut district), accept(&mut district)], [301, 302], "two weeks are left, up to a round hundred");
    district.township.reopen();
    assert_eq!(accept(&mut district), 303, "and once only");

    // The village turns out to have heard more of the former life.
    let mut former = Member { core: Core::open(store.clone(), keys.clone()).unwrap(), store, keys };
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: former.key() };
    let given = former.store.read(&log, 1, usize::MAX).unwrap().unwrap();
    let decoded = given.entries.iter().map(|bytes| bytes.decode().unwrap());
    let read = decoded.filter_map(|entry| codec::decode(entry.kind, &entry.body).unwrap());
    let mut body = read.map(|read| read.body).find(|body| !body.documents().is_empty()).unwrap();
    body.documents_mut()[0].number = 150;
    let (kind, body) = codec::encode(&body, None);
    former.core.write(code(VILLAGE), Reach::Private, "", kind, body, district.now_ms).unwrap();
    former.core.commit(district.now_ms).unwrap();
    bring(&mut former, &mut district.village, district.now_ms);
    bring(&mut district.village, &mut district.township, district.now_ms);
    assert_eq!(accept(&mut district), 401, "what is known now is not all, either");
    // In the next year nothing is left.
    district.now_ms += 200 * DAY_MS;
    assert_eq!(accept(&mut district), 1);
}

#[test]
fn a_number_that_only_the_hub_has_heard_of_is_not_given_again() {
    let mut district = District::new();
    let first = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    // The township is away: the next goes straight to the hub.
    let second = district.submit().unwrap().case.unwrap().number().to_string();
    bring(&mut district.village, &mut district.hub, district.now_ms);
    succeed(&mut district, VILLAGE, 4);
    bring(&mut district.township, &mut district.village, district.now_ms);
    let held = |number: &str| district.village.core.reader().find(&number.parse().unwrap()).unwrap().len();
    assert_eq!((held(&first), held(&second)), (1, 0), "the successor has heard its township alone");

    district.differ();
    let third = district.submit().unwrap().case.unwrap().number().to_string();
    let fourth = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    district.sync();
    for number in [&first, &second, &third, &fourth] {
        for station in [HUB, VILLAGE] {
            let found = district.member(station).core.reader().find(&number.parse().unwrap()).unwrap();
            assert_eq!(found.len(), 1, "{number} at {station}");
        }
    }
    // On the next day nothing is left free.
    district.now_ms += DAY_MS;
    let tomorrow = district.submit().unwrap().case.unwrap();
    assert_eq!(tomorrow.serial(), 1);
}
