//! What a station's people are told of it: what is in quarantine, whether a line leads up, whether its life is over.

use prost::Message as _;
use sanji_link::{Host as _, LinkState};
use sanji_log::{LogId, Reach};
use sanji_proto::v1 as proto;
use sanji_station::config::Program;
use sanji_station::station::Settling;
use sanji_station::{Actor, Failure, Station};

use crate::district::{AGENT, District, Member, START_MS, TOWNSHIP, VILLAGE, WINDOW, bring, code, dibao, staff};

/// A village whose work is none of this one's business.
const NEIGHBOUR: &str = "990106101208";

async fn open(member: &Member, who: &str) -> (Station, Actor) {
    let station = Station::open(member.store.clone(), member.keys.clone(), Program::Node).await.unwrap();
    let actor = station.actor(&staff(who)).unwrap();
    (station, actor)
}

/// Notes at a station that of three logs something was refused: of the village's own, of a neighbour's, and of a public one.
fn refuse(member: &mut Member, district_key: sanji_log::PublicKey) {
    for (home, reach) in [(VILLAGE, Reach::Private), (NEIGHBOUR, Reach::Private), (TOWNSHIP, Reach::Public)] {
        let log = LogId { home: code(home), reach, key: district_key };
        member.core.note_refused(code(TOWNSHIP), log, 4, "BAD_SEAL", "the signature is wrong", START_MS).unwrap();
    }
    member.core.commit(START_MS).unwrap();
}

fn homes(rows: &[proto::Quarantined]) -> Vec<u64> {
    let mut homes: Vec<_> = rows.iter().map(|row| row.log.as_ref().unwrap().home).collect();
    homes.sort_unstable();
    homes
}

#[tokio::test]
async fn a_villages_agent_sees_what_concerns_the_village_and_may_try_it_again() {
    let mut district = District::new();
    let key = district.hub.key();
    refuse(&mut district.village, key);
    let (station, agent) = open(&district.village, AGENT).await;
    let all = station.quarantine().unwrap();
    assert_eq!(all.len(), 3);
    assert!(agent.may_look_into_quarantine() && !agent.is_administrator());
    let theirs = station.quarantine_for(&agent).await.unwrap();
    assert_eq!(homes(&theirs), [code(TOWNSHIP).number(), code(VILLAGE).number()]);

    let own = &theirs[0].id;
    station.settle_quarantined(&agent, own, Settling::Redrive).await.unwrap();
    for settling in [Settling::Drop("why".to_owned()), Settling::Admit("why".to_owned())] {
        let refused = station.settle_quarantined(&agent, own, settling).await;
        assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
    }
    let foreign = &all.iter().find(|row| !theirs.contains(row)).unwrap().id;
    for id in [foreign, "", &own[..4]] {
        let refused = station.settle_quarantined(&agent, id, Settling::Redrive).await;
        assert!(matches!(refused, Err(Failure::NotFound)), "{id:?}: {refused:?}");
    }
    assert_eq!(station.quarantine().unwrap().len(), 3, "nothing was settled");
    station.close().await;
}

#[tokio::test]
async fn what_is_held_and_can_not_be_read_is_shown_to_the_agent_and_tried_again() {
    let mut district = District::new();
    let core = &mut district.village.core;
    core.write(code(VILLAGE), Reach::Public, "", proto::Kind::Station as u32, vec![0xff; 3], START_MS).unwrap();
    core.commit(START_MS).unwrap();
    let (station, agent) = open(&district.village, AGENT).await;
    let rows = station.quarantine_for(&agent).await.unwrap();
    assert_eq!((rows.len(), rows[0].kind()), (1, proto::QuarantineKind::Unreadable));
    station.settle_quarantined(&agent, &rows[0].id, Settling::Redrive).await.unwrap();
    assert_eq!(station.quarantine_for(&agent).await.unwrap(), rows, "it is as unreadable as before");
    station.close().await;
}

#[tokio::test]
async fn above_a_village_the_quarantine_stays_the_administrators() {
    let mut district = District::new();
    let key = district.hub.key();
    refuse(&mut district.township, key);
    let (station, window) = open(&district.township, WINDOW).await;
    assert!(!window.may_look_into_quarantine());
    assert!(matches!(station.quarantine_for(&window).await, Err(Failure::Refused(_))));
    let id = station.quarantine().unwrap()[0].id.clone();
    let refused = station.settle_quarantined(&window, &id, Settling::Redrive).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
    station.close().await;
}

#[tokio::test]
async fn a_station_lives_by_bundles_where_its_configuration_says_so() {
    let district = District::new();
    let (village, _) = open(&district.village, AGENT).await;
    assert!(!village.info().by_bundles, "a line that is down is a line");
    village.live_by_bundles();
    assert!(village.info().by_bundles);
    village.close().await;
}

#[tokio::test]
async fn after_a_restart_a_peer_was_last_heard_when_it_signed_its_newest_receipt() {
    let mut district = District::new();
    district.submit().unwrap();
    bring(&mut district.village, &mut district.township, START_MS + 5000);
    let store = &district.village.store;
    let have = store.have();
    let receipts = have.heads().flat_map(|head| store.receipts(&head.log));
    let newest = receipts.filter(|receipt| receipt.station == code(TOWNSHIP)).map(|receipt| receipt.time_ms).max();
    let (village, _) = open(&district.village, AGENT).await;
    let down = LinkState { last_error: Some("refused".to_owned()), ..LinkState::default() };
    village.link_changed(code(TOWNSHIP), down);
    assert_eq!(village.status().await.upstream.unwrap().last_heard_ms, newest.unwrap());
    let heard = LinkState { last_heard_ms: START_MS + 9000, ..LinkState::default() };
    village.link_changed(code(TOWNSHIP), heard);
    assert_eq!(village.status().await.upstream.unwrap().last_heard_ms, START_MS + 9000);
    village.close().await;
}

#[tokio::test]
async fn a_revoked_station_is_over_and_not_only_read_only() {
    let mut district = District::new();
    let (village, _) = open(&district.village, AGENT).await;
    assert_eq!(village.info().over, None);
    village.close().await;

    let record = proto::station_record::Record::Revoked(proto::StationRevoked {
        key: district.village.key().0.to_vec(),
        reason: "stolen".to_owned(),
    });
    let body = proto::StationRecord { record: Some(record) }.encode_to_vec();
    district.hub.core.write(code(VILLAGE), Reach::Public, "", proto::Kind::Station as u32, body, START_MS).unwrap();
    district.hub.core.commit(START_MS).unwrap();
    bring(&mut district.hub, &mut district.village, START_MS);
    let (village, agent) = open(&district.village, AGENT).await;
    let info = village.info();
    assert!(info.over.as_ref().unwrap().contains("吊销") && info.read_only == info.over, "{info:?}");
    assert!(matches!(village.submit(&agent, dibao(&[1; 16])).await, Err(Failure::ReadOnly(_))));
    village.close().await;
}
