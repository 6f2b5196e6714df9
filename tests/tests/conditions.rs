//! How stations are, told from below up: by the line through the township, and in a bundle.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::Duration;

use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_tests::binaries::Binaries;
use sanji_tests::client::failed;
use sanji_tests::district::{District, Plan};
use sanji_tests::{command, story};

/// A township asks itself four times a minute how it and its villages are.
const SOON: Duration = Duration::from_secs(60);

fn district(folder: &Path) -> District {
    District::new(folder, Plan::line().unwrap(), Binaries::build(true).unwrap()).unwrap()
}

async fn status(district: &District, station: StationCode) -> proto::StatusReply {
    let mut keeper = district.keeper(station).await.unwrap();
    keeper.health.status(proto::StatusRequest {}).await.unwrap().into_inner()
}

/// What a station knows of one below, once it has heard something that will do.
async fn heard(
    district: &District,
    at: StationCode,
    of: StationCode,
    will_do: impl Fn(&proto::StationCondition) -> bool,
) -> proto::StationCondition {
    story::until(&format!("{at} has heard how {of} is"), SOON, async || {
        let known = status(district, at).await.conditions_below;
        known.into_iter().find(|condition| condition.station == of.number() && will_do(condition))
    })
    .await
    .unwrap()
}

async fn submit(district: &District, village: StationCode) {
    let mut agent = district.client(village, "village", "代办员").await.unwrap();
    let application = story::application(district, &mut agent, village, "rs-canbao").await.unwrap();
    agent.cases.submit(application).await.map_err(failed("Submit")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_hears_through_the_township_how_a_village_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = district(folder.path());
    district.start(&|_| ()).unwrap();
    let (hub, township, village) = (district.plan.hub, district.plan.townships[0], district.plan.villages[0]);
    let known = heard(&district, hub, village, |_| true).await;
    let of_hub = status(&district, hub).await;
    assert!(of_hub.downstream.iter().all(|link| link.station != village.number()), "it is not linked to the hub");
    assert_eq!((known.software, known.writable), (of_hub.software, true));
    assert!(0 < known.disk_free_bytes && known.disk_free_bytes <= known.disk_total_bytes);
    assert!(known.clock_offset_ms.is_some_and(|offset_ms| offset_ms.unsigned_abs() < 2000), "one machine, one clock");
    assert!(known.age_ms < 60_000, "{} ms", known.age_ms);
    heard(&district, hub, township, |_| true).await;

    let data = district.data(hub).display().to_string();
    let lines = command::run(district.program(hub), ["station", "list", "--json", "--data", &data]).unwrap();
    let mut rows = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let row = rows.find(|row| row["station"] == village.to_string()).unwrap();
    assert_eq!(row["condition"]["software"], status(&district, village).await.software);
    assert!(row["condition"]["disk_free_bytes"].as_u64().is_some_and(|free| free > 0), "{row}");

    // The township is away: the village says itself what waits there.
    district.kill(township);
    let is_cut = async || status(&district, village).await.upstream.filter(|link| !link.connected);
    story::until("the village has noticed", SOON, is_cut).await.unwrap();
    submit(&district, village).await;
    let own = status(&district, village).await;
    let condition = own.condition.unwrap();
    assert!(condition.entries_unconfirmed > 0 && condition.entries_unconfirmed == own.entries_unconfirmed);
    assert!(condition.unconfirmed_for_ms < 60_000 && condition.linked_for_ms == 0, "{condition:?}");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let later = status(&district, village).await.condition.unwrap();
    assert!(later.unconfirmed_for_ms > condition.unconfirmed_for_ms, "what waits grows old");
    let grown = status(&district, hub).await.conditions_below;
    let grown = grown.iter().find(|known| known.station == village.number()).unwrap();
    assert!(grown.age_ms > known.age_ms, "at the hub the last word grows old");
    district.stop_all().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_says_how_a_village_without_a_line_is() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::line().unwrap();
    let (hub, township, village) = (plan.hub, plan.townships[0], plan.villages[0]);
    let mut district = district(&folder.path().join("district")).without_line(village);
    district.start(&|_| ()).unwrap();
    submit(&district, village).await;
    let file = folder.path().join("up.sanji").display().to_string();
    district.command(village, &["export", "--to", &township.to_string(), "--file", &file]).unwrap();
    assert!(status(&district, township).await.conditions_below.is_empty());
    tokio::time::sleep(Duration::from_millis(300)).await;
    district.command(township, &["import", "--file", &file]).unwrap();
    let known = heard(&district, township, village, |_| true).await;
    assert!(known.entries_unconfirmed > 0 && known.disk_total_bytes > 0, "{known:?}");
    assert!(known.age_ms >= 300 && known.linked_for_ms == 0, "the way took its time: {known:?}");
    // The township passes it on over its own line.
    let passed_on = heard(&district, hub, village, |_| true).await;
    assert_eq!(passed_on.entries_unconfirmed, known.entries_unconfirmed);
    district.stop_all().unwrap();
}
