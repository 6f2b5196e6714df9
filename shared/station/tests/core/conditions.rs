//! How a station is, by its own word, and what it keeps of the word of others.

use std::sync::Arc;
use std::time::Duration;

use sanji_link::{Host as _, LinkState};
use sanji_proto::v1 as proto;
use sanji_replication::StationCondition;
use sanji_station::config::Program;
use sanji_station::{Actor, Station};

use crate::district::{AGENT, District, HUB, Member, START_MS, TOWNSHIP, VILLAGE, bring, code, dibao, staff};

const HOUR_MS: u64 = 60 * 60 * 1000;

/// A station whose clock stands still, so many milliseconds after the district's beginning.
async fn open(member: &Member, after_ms: u64) -> Station {
    let clock = Arc::new(move || START_MS + after_ms);
    Station::open_with_clock(member.store.clone(), member.keys.clone(), Program::Node, clock).await.unwrap()
}

async fn condition(station: &Station) -> proto::StationCondition {
    station.status().await.condition.unwrap()
}

#[tokio::test]
async fn what_no_station_above_has_confirmed_waits_since_it_was_written() {
    let mut district = District::new();
    let from_ms = district.now_ms - START_MS;
    district.sync();
    district.submit().unwrap();
    let written_ms = district.now_ms - START_MS;
    district.now_ms += HOUR_MS;
    district.submit().unwrap();
    let village = open(&district.village, written_ms + 3 * HOUR_MS).await;
    let waiting = condition(&village).await;
    assert!(waiting.entries_unconfirmed >= 2 && from_ms < written_ms, "{waiting:?}");
    assert_eq!(waiting.unconfirmed_for_ms, 3 * HOUR_MS, "the first of both counts");
    assert!(waiting.writable && waiting.clock_offset_ms.is_none() && waiting.linked_for_ms == 0);
    assert_eq!((waiting.disk_total_bytes, waiting.age_ms), (0, 0), "this store has no files");

    let above = LinkState { connected: true, since_ms: 1, clock_offset_ms: Some(-4000), ..LinkState::default() };
    village.link_changed(code(TOWNSHIP), above);
    let linked = condition(&village).await;
    assert_eq!(linked.clock_offset_ms, Some(4000), "its own clock is ahead");
    assert!(linked.linked_for_ms > HOUR_MS);
    village.close().await;

    bring(&mut district.village, &mut district.township, district.now_ms);
    let village = open(&district.village, written_ms + 3 * HOUR_MS).await;
    let confirmed = condition(&village).await;
    assert_eq!((confirmed.entries_unconfirmed, confirmed.unconfirmed_for_ms), (0, 0));
    village.close().await;
    let hub = open(&district.hub, written_ms).await;
    assert_eq!(condition(&hub).await.entries_unconfirmed, 0, "nobody is above it");
    hub.close().await;
}

#[tokio::test]
async fn an_attachment_waits_until_a_station_above_holds_it() {
    let district = District::new();
    let village = open(&district.village, 1000).await;
    let agent: Actor = village.actor(&staff(AGENT)).unwrap();
    let content = [&[0xFF, 0xD8, 0xFF][..], &[5; 70_000]].concat();
    let head = proto::AttachmentHead {
        request: vec![1; 16],
        case_number: String::new(),
        file_name: "户口簿.jpg".to_owned(),
        media_type: "image/jpeg".to_owned(),
        size: content.len() as u64,
    };
    let id = village.put_attachment(&agent, head, content.into()).await.unwrap();
    let mut request = dibao(&[1; 16]);
    request.materials[2].attachments = vec![id.0.to_vec()];
    village.submit(&agent, request).await.unwrap();
    let waiting = condition(&village).await;
    assert_eq!((waiting.attachments_unconfirmed, waiting.attachments_missing), (1, 0));
    assert!(waiting.attachment_bytes >= 70_000, "{}", waiting.attachment_bytes);
    let (case, _) = village.unconfirmed_attachments(code(TOWNSHIP), 9)[0];
    village.keep_holders(case, id, vec![code(HUB)]);
    for _ in 0..200 {
        if condition(&village).await.attachments_unconfirmed == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let held = condition(&village).await;
    assert_eq!(
        (held.attachments_unconfirmed, held.attachment_bytes),
        (0, 0),
        "the hub has it, whatever the township has"
    );
    village.close().await;
}

#[tokio::test]
async fn a_station_remembers_how_those_below_it_are_and_passes_it_on_with_its_own() {
    let district = District::new();
    let township = open(&district.township, 1000).await;
    let said = |station: &str, age_ms| -> StationCondition {
        let wire = proto::StationCondition { station: code(station).number(), age_ms, ..Default::default() };
        wire.try_into().unwrap()
    };
    let all = [VILLAGE, TOWNSHIP, HUB, "990106101999", "990106102000"].map(|station| said(station, 5000)).to_vec();
    township.keep_conditions(code(VILLAGE), all);
    let below = || async { township.status().await.conditions_below };
    let stations = |known: Vec<proto::StationCondition>| known.iter().map(|one| one.station).collect::<Vec<_>>();
    assert_eq!(stations(below().await), [code(VILLAGE).number()], "of stations below that the directory knows");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(below().await[0].age_ms >= 5020, "it grows old");
    let told = township.conditions();
    assert_eq!(told.iter().map(|one| one.station).collect::<Vec<_>>(), [code(TOWNSHIP), code(VILLAGE)]);
    assert!(told[0].age_ms == 0 && told[1].age_ms >= 5020);
    township.close().await;
    let again = open(&district.township, 1000).await;
    assert!(again.status().await.conditions_below.is_empty(), "it is kept in memory alone");
    again.close().await;
}
