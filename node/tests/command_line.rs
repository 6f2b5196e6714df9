//! `sanji-node` as its keeper meets it: what is typed wrong is told in one line, and nothing is made of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sanji-node"))
        .args(arguments)
        .env_remove("SANJI_DATA")
        .env_remove("SANJI_TOKEN")
        .output()
        .unwrap()
}

/// The one line that a command says which fails.
fn fails(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(said.starts_with("error: ") && said.trim_end().lines().count() == 1, "{arguments:?}: {said}");
    said.trim_end().trim_start_matches("error: ").to_owned()
}

#[test]
fn a_mistyped_enrolment_makes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("village").to_str().unwrap().to_owned();
    let enrol = |station: &str, hub: &str, code: &str| {
        fails(&["enrol", "--data", &data, "--station", station, "--hub", hub, "--code", code])
    };
    let code = sanji_link::EnrolmentCode::generate("000000000000000").unwrap().to_string();
    assert!(enrol("9901", "hub:7101", &code).contains("'9901' is not a 12-digit division code"));
    assert!(enrol("990106101203", "hub:7101", "ABCD-EFGH").contains("not an enrolment code"));
    let swapped = code.replacen(&code[..1], if code.starts_with('0') { "1" } else { "0" }, 1);
    assert!(enrol("990106101203", "hub:7101", &swapped).contains("it is mistyped"));
    assert!(enrol("990106000000", "hub:7101", &code).contains("is made by `sanji-hub init`"));
    assert_eq!(enrol("990106101203", "hub", &code), "'hub' is not an address \"host:port\"");
    assert!(!root.path().join("village").exists());
}

#[test]
fn a_hub_that_does_not_answer_leaves_no_station() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().to_str().unwrap();
    let code = sanji_link::EnrolmentCode::generate("000000000000000").unwrap().to_string();
    let enrol = ["enrol", "--data", data, "--station", "990106101203", "--hub", "127.0.0.1:1", "--code", &code];
    assert!(fails(&enrol).starts_with("can't enrol at 127.0.0.1:1: "));
    assert!(fails(&["verify", "--data", data]).contains("holds no station yet"));
    let key = std::fs::read(root.path().join("keys/enrolling.key")).unwrap();
    fails(&enrol);
    assert_eq!(
        std::fs::read(root.path().join("keys/enrolling.key")).unwrap(),
        key,
        "the next attempt has the same key"
    );
}

#[test]
fn a_hubs_settings_are_not_a_nodes() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("sanji.toml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "upstream = \"town:7100\"\n[listen]\nenrolment = \"127.0.0.1:1\"\n").unwrap();
    let fault = format!("the configuration can't be used: {path}: listen.enrolment is for a hub only");
    assert_eq!(fails(&["config", "check", path]), fault);
}

#[test]
fn another_code_asks_with_another_key() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().to_str().unwrap();
    let asks_with = || {
        let code = sanji_link::EnrolmentCode::generate("000000000000000").unwrap().to_string();
        fails(&["enrol", "--data", data, "--station", "990106101203", "--hub", "127.0.0.1:1", "--code", &code]);
        std::fs::read(root.path().join("keys/enrolling.key")).unwrap()
    };
    assert_ne!(asks_with(), asks_with(), "the hub may have ended the life of the first");
}

#[test]
fn a_request_by_file_has_the_key_of_its_code() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name).to_str().unwrap().to_owned();
    let hub = "990106000000".parse().unwrap();
    let now_ms = sanji_station::clock::now_ms();
    let (authority, _) = sanji_link::Authority::generate(hub, now_ms).unwrap();
    let hub_key = sanji_log::seal::public_key(&sanji_log::SigningKey::from_bytes(&[1; 32]));
    let invitation = sanji_link::Invitation {
        hub_certificate: authority.issue(hub, hub_key, now_ms, 30).unwrap(),
        authority: authority.certificate_der().to_vec(),
    };
    std::fs::write(path("invitation.pem"), invitation.to_pem()).unwrap();
    let codes = [0; 2].map(|_| sanji_link::EnrolmentCode::generate(&authority.fingerprint()).unwrap().to_string());
    let keys = [("a", &codes[0]), ("b", &codes[0]), ("c", &codes[1])].map(|(file, code)| {
        let (data, invitation, request) = (path("village"), path("invitation.pem"), path(file));
        let ask = ["enrol-by-file", "request", "--data", &data, "--station", "990106101203", "--code", code];
        let with = ["--invitation", &invitation, "--request", &request, "--json"];
        let output = run(&[&ask[..], &with[..]].concat());
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains(r#""station":"990106101203""#), "{said}");
        std::fs::read(root.path().join("village/keys/enrolling.key")).unwrap()
    });
    assert_eq!(keys[0], keys[1], "the same code asks again");
    assert_ne!(keys[0], keys[2], "the hub may have ended the life of the first");
}
