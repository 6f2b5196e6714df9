//! A new life of a station that has not got back all that the one before wrote.

use prost::Message as _;
use sanji_log::Reach;
use sanji_proto::v1::{self as proto, station_record::Record};

use crate::district::{DAY_MS, District, HUB, Member, VILLAGE, bring, code, enrolled, missing, noise};

/// The village's machine dies, and its successor enrols at the hub.
fn succeed(district: &mut District) {
    let District { authority, hub, village, now_ms, .. } = district;
    let heads = hub.store.have().heads().filter(|head| head.log.key == village.key()).map(Into::into).collect();
    let ended = proto::StationEnded {
        key: village.key().0.to_vec(),
        at_ms: *now_ms,
        heads,
        reason: "replaced by another machine".to_owned(),
    };
    let mut successor = Member::new(VILLAGE, 4, authority);
    let enrolled = enrolled(authority, VILLAGE, successor.key(), *now_ms);
    for record in [Record::Ended(ended), enrolled] {
        let body = proto::StationRecord { record: Some(record) }.encode_to_vec();
        hub.core.write(code(VILLAGE), Reach::Public, "", proto::Kind::Station as u32, body, *now_ms).unwrap();
    }
    hub.core.commit(*now_ms).unwrap();
    let runs = missing(hub, &successor).into_iter().map(|(run, _)| run);
    let public = runs.filter(|run| run.log.reach == Reach::Public).collect();
    successor.core.adopt(public, &[], *now_ms, &mut noise(&mut 1)).unwrap();
    successor.core.commit(*now_ms).unwrap();
    *village = successor;
}

#[test]
fn a_number_that_only_the_hub_has_heard_of_is_not_given_again() {
    let mut district = District::new();
    let first = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    // The township is away: the next goes straight to the hub.
    let second = district.submit().unwrap().case.unwrap().number().to_string();
    bring(&mut district.village, &mut district.hub, district.now_ms);
    succeed(&mut district);
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
