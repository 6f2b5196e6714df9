//! A running hub: who may ask it what, and how it stops.

use serde_json::Value;

use crate::support::{AGENT_OF_HUB, Hub, VILLAGE, fails, sample, succeeds};

#[test]
fn a_running_hub_answers_its_keeper_and_stops_when_told() {
    let mut hub = Hub::new();
    let data = hub.data();
    let addresses = hub.serve();
    let status: Value = serde_json::from_str(&succeeds(&["status", "--json", "--data", &data])).unwrap();
    assert_eq!((&status["program"], &status["writable"]), (&"hub".into(), &true.into()));
    assert_eq!(succeeds(&["dump", "--jsonl", "--data", &data]).lines().count(), 686);
    assert!(succeeds(&["verify", "--data", &data]).ends_with(": 0 faults\n"));

    let metrics = addresses["metrics"].as_str().unwrap();
    assert_eq!(page(metrics, "/readyz"), "ready\n");
    assert!(page(metrics, "/metrics").lines().any(|line| line == "sanji_entries 686"));

    let second = fails(&["serve", "--data", &data, "--listen-api", "127.0.0.1:0"]);
    assert_eq!(
        second.lines().last().unwrap(),
        format!("can't open the store: another process uses the data folder {data}")
    );

    assert!(hub.terminate(), "status 0 after SIGTERM");
    assert_eq!(fails(&["status", "--data", &data]), format!("no station is running on {data}"));
    assert_eq!(succeeds(&["dump", "--jsonl", "--data", &data]).lines().count(), 686, "the folder is free again");
}

#[test]
fn each_token_opens_its_own_door() {
    let mut hub = Hub::new();
    let data = hub.data();
    hub.serve();
    let issued: Value =
        serde_json::from_str(&succeeds(&["token", "issue", AGENT_OF_HUB, "--json", "--data", &data])).unwrap();
    let token = issued["token"].as_str().unwrap();
    succeeds(&["list", "todo", "--data", &data, "--token", token]);
    assert_eq!(fails(&["list", "todo", "--data", &data]), "站点管理令牌不能办理业务，请使用工作人员的令牌。");
    assert_eq!(fails(&["dump", "--data", &data, "--token", token]), "this needs the keeper's token");
    assert_eq!(fails(&["station", "list", "--data", &data, "--token", token]), "this needs the keeper's token");
    assert_eq!(fails(&["list", "--data", &data, "--token", "sanji_no"]), "no access: 令牌无效或已撤销，请重新签发。");
    assert_eq!(fails(&["token", "issue", "nobody-1", "--data", &data]), "no 'nobody-1' works at this station");
    let listed = succeeds(&["token", "list", "--json", "--data", &data]);
    let last: Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    succeeds(&["token", "revoke", last["name"].as_str().unwrap(), "--data", &data]);
    assert!(fails(&["list", "todo", "--data", &data, "--token", token]).starts_with("no access: "));
}

#[test]
fn the_register_refuses_what_is_not_the_districts() {
    let mut hub = Hub::new();
    let data = hub.data();
    hub.serve();
    let add = |code: &str| fails(&["station", "add", code, "--data", &data]);
    assert_eq!(add("990106000000"), "990106000000 is not below the hub 990106000000");
    assert_eq!(add("990107101000"), "990107101000 is not below the hub 990106000000");
    assert_eq!(add("990106101999"), "the district's organisation lists no station 990106101999");
    let revoke = |code: &str, reason: &str| fails(&["station", "revoke", code, "--reason", reason, "--data", &data]);
    assert_eq!(revoke(VILLAGE, "lost"), format!("no station {VILLAGE} was ever added"));
    assert_eq!(revoke(VILLAGE, " "), "say the reason: it goes on record");
    let wrong = ["station", "add", VILLAGE, "--upstream", "nowhere", "--data", &data];
    assert_eq!(fails(&wrong), "'nowhere' is not an address \"host:port\"");
}

#[test]
fn only_what_has_changed_is_published() {
    let mut hub = Hub::new();
    let data = hub.data();
    hub.serve();
    let folder = tempfile::tempdir().unwrap();
    copy(&sample(), folder.path());
    let folder_path = folder.path().to_str().unwrap();
    assert_eq!(succeeds(&["publish", folder_path, "--data", &data]), "nothing has changed\n");
    let item = folder.path().join("catalogue/items/mz-dibao.toml");
    let text = std::fs::read_to_string(&item).unwrap();
    std::fs::write(&item, format!("{text}\n# a remark\n")).unwrap();
    assert_eq!(succeeds(&["publish", folder_path, "--data", &data]), "catalogue/items/mz-dibao.toml\n");
    std::fs::write(&item, text.replacen("[[stage]]", "[[stag]]", 1)).unwrap();
    assert!(fails(&["publish", folder_path, "--data", &data]).starts_with("catalogue/items/mz-dibao.toml "));
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The body of a page over plain HTTP/1.1.
fn page(address: &str, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}
