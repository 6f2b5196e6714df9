//! What can be asked of the data folder of a stopped hub.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use crate::support::{AGENT_OF_HUB, DISTRICT, Hub, fails, run, sample, succeeds};

#[test]
fn a_new_district_is_whole_and_private() {
    let hub = Hub::new();
    let data = hub.data();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for line in succeeds(&["dump", "--jsonl", "--data", &data]).lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert_eq!(entry["hash"].as_str().unwrap().len(), 64);
        *kinds.entry(entry["kind"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let expected = [("file", 52), ("staff", 633), ("station.enrolled", 1)];
    assert_eq!(kinds, expected.map(|(kind, count)| (kind.to_owned(), count)).into());
    assert!(succeeds(&["verify", "--data", &data]).ends_with(": 0 faults\n"));
    for file in ["signing.key", "master.key", "authority.key", "keeper.token"] {
        let mode = std::fs::metadata(hub.path("keys").join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let again = ["init", "--data", &data, "--district", "990106000000", "--sample", "x"];
    assert!(!run(&again).status.success());
}

#[test]
fn names_without_a_folder_are_of_the_current_one() {
    let root = tempfile::tempdir().unwrap();
    let init = Command::new(env!("CARGO_BIN_EXE_sanji-hub"))
        .args(["init", "--data", "hub", "--district", DISTRICT, "--passwords", "passwords.txt", "--sample"])
        .arg(sample())
        .current_dir(root.path())
        .output()
        .unwrap();
    assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
    let passwords = std::fs::read_to_string(root.path().join("passwords.txt")).unwrap();
    assert!(passwords.contains(AGENT_OF_HUB), "{passwords}");
    assert!(root.path().join("hub/keys/signing.key").exists());
}

#[test]
fn one_changed_byte_is_found() {
    let hub = Hub::new();
    let journal = std::fs::read_dir(hub.path("journal")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes[20_000] ^= 1;
    std::fs::write(&journal, bytes).unwrap();
    let output = run(&["verify", "--json", "--data", &hub.data()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: ") && said.lines().count() == 1, "{said}");
}

#[test]
fn tokens_are_issued_listed_and_revoked() {
    let hub = Hub::new();
    let data = hub.data();
    assert_eq!(fails(&["token", "issue", "nobody-1", "--data", &data]), "no 'nobody-1' works at this station");
    assert_eq!(fails(&["token", "issue", "990106101-01", "--data", &data]), "no '990106101-01' works at this station");
    let issued: Value =
        serde_json::from_str(&succeeds(&["token", "issue", AGENT_OF_HUB, "--json", "--data", &data])).unwrap();
    assert!(issued["token"].as_str().unwrap().starts_with("sanji_"));
    let listed = succeeds(&["token", "list", "--json", "--data", &data]);
    let all: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let holders: Vec<_> = all.iter().map(|token| token["holder"].as_str().unwrap()).collect();
    assert_eq!(holders, ["keeper", AGENT_OF_HUB]);
    let name = all[1]["name"].as_str().unwrap();
    succeeds(&["token", "revoke", name, "--data", &data]);
    assert_eq!(
        fails(&["token", "revoke", name, "--data", &data]),
        format!("'{name}' names no token, or more than one")
    );
}
