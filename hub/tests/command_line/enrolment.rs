//! One-time codes against a running hub, from the new station's side.

use sanji_link::{EnrolRefusal, EnrolmentCode, Error};
use sanji_log::{SigningKey, StationCode};
use serde_json::Value;

use crate::support::{Hub, VILLAGE, fails, succeeds};

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32])
}

fn add(data: &str) -> EnrolmentCode {
    let added = succeeds(&["station", "add", VILLAGE, "--upstream", "town:7100", "--json", "--data", data]);
    let added: Value = serde_json::from_str(&added).unwrap();
    added["code"].as_str().unwrap().parse().unwrap()
}

fn state(data: &str) -> String {
    let row: Value = serde_json::from_str(succeeds(&["station", "list", "--json", "--data", data]).trim()).unwrap();
    row["state"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_one_key_until_the_station_is_revoked() {
    let mut hub = Hub::new();
    let data = hub.data();
    let address = hub.serve()["enrolment"].as_str().unwrap().to_owned();
    let village: StationCode = VILLAGE.parse().unwrap();
    let township: StationCode = "990106101000".parse().unwrap();
    let code = add(&data);
    assert_eq!(state(&data), "invited");
    let denied = |result: Result<_, Error>| {
        matches!(result, Err::<sanji_link::EnrolReply, _>(Error::EnrolmentRefused { source: EnrolRefusal::Denied }))
    };
    let enrol = async |station, code: &EnrolmentCode, byte| {
        sanji_link::enrol(&address, station, code, &key(byte), "test").await
    };
    let wrong = EnrolmentCode { secret: "000000000000".to_owned(), ..code.clone() };
    assert!(denied(enrol(village, &wrong, 1).await), "wrong code");
    assert!(denied(enrol(township, &code, 1).await), "code of another station");

    let reply = enrol(village, &code, 1).await.unwrap();
    assert_eq!(reply.upstream.as_deref(), Some("town:7100"));
    assert!(reply.runs.iter().all(|run| run.log.held_by(village)), "nothing of the neighbours");
    assert_eq!(state(&data), "enrolled");
    let again = enrol(village, &code, 1).await.unwrap();
    assert_eq!(again.certificate, reply.certificate, "the reply was lost: the same key gets it again");
    assert!(denied(enrol(village, &code, 2).await), "a used code");

    succeeds(&["station", "revoke", VILLAGE, "--reason", "PC stolen", "--data", &data]);
    assert_eq!(state(&data), "revoked");
    assert!(denied(enrol(village, &code, 1).await), "a revoked key");
    let code = add(&data);
    enrol(village, &code, 3).await.unwrap();
    assert_eq!(state(&data), "enrolled", "a new life");

    let kinds = succeeds(&["dump", "--jsonl", "--data", &data]);
    assert_eq!(kinds.matches("\"audit\"").count(), 9, "{kinds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slowed_down() {
    let mut hub = Hub::new();
    let data = hub.data();
    let address = hub.serve()["enrolment"].as_str().unwrap().to_owned();
    let code = add(&data);
    let wrong = EnrolmentCode { secret: "000000000000".to_owned(), ..code.clone() };
    let village: StationCode = VILLAGE.parse().unwrap();
    for _ in 0..10 {
        let refused = sanji_link::enrol(&address, village, &wrong, &key(1), "test").await.unwrap_err();
        assert!(matches!(refused, Error::EnrolmentRefused { source: EnrolRefusal::Denied }), "{refused}");
    }
    let refused = sanji_link::enrol(&address, village, &code, &key(1), "test").await.unwrap_err();
    assert!(
        matches!(refused, Error::EnrolmentRefused { source: EnrolRefusal::TooManyAttempts { .. } }),
        "the right code too: {refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_living_station_is_replaced_and_not_added_again() {
    let mut hub = Hub::new();
    let data = hub.data();
    let address = hub.serve()["enrolment"].as_str().unwrap().to_owned();
    let village: StationCode = VILLAGE.parse().unwrap();
    let first = add(&data);
    sanji_link::enrol(&address, village, &first, &key(1), "test").await.unwrap();
    let refused = fails(&["station", "add", VILLAGE, "--data", &data]);
    let sentence = "is enrolled already: for another machine in its place, use `sanji-hub station replace`";
    assert_eq!(refused, format!("{VILLAGE} {sentence}"));
    sanji_link::enrol(&address, village, &first, &key(1), "test").await.expect("the reply was lost");

    // It has no line: its successor is invited by a file.
    let invitation = hub.path("../invitation.pem").to_str().unwrap().to_owned();
    let mut replace = vec!["station", "replace", VILLAGE, "--reason", "its disk died", "--data", &data, "--json"];
    replace.extend(["--invitation", &invitation]);
    let replaced: Value = serde_json::from_str(&succeeds(&replace)).unwrap();
    let days = (replaced["until_ms"].as_u64().unwrap() - sanji_station::clock::now_ms()) / 86_400_000;
    assert_eq!(days, 29, "a code that is carried is good for longer");
    assert!(fails(&replace).ends_with("is there already"));
    let code: EnrolmentCode = replaced["code"].as_str().unwrap().parse().unwrap();
    let text = std::fs::read_to_string(&invitation).unwrap();
    sanji_link::Invitation::from_pem(&text).unwrap().hub_key(village, &code).unwrap();
    assert!(sanji_link::enrol(&address, village, &code, &key(1), "test").await.is_err(), "its life has ended");
    assert_eq!(state(&data), "ended");
}
