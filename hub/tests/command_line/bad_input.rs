//! Whatever is typed wrong is told in one line, and the exit status is not 0.

use crate::support::{DISTRICT, fails, run, sample, succeeds};

#[test]
fn wrong_commands_are_one_line() {
    assert_eq!(fails(&["frobnicate"]), "unrecognized subcommand 'frobnicate'; see --help");
    assert!(fails(&["init"]).starts_with("the following required arguments were not provided: --data <DIR>"));
    assert!(fails(&["serve", "--data", "x", "--listen-api", "nowhere"]).contains("'nowhere'"));
    assert_eq!(fails(&["status"]), "say which station: --data DIR or --address HOST:PORT");
    assert!(fails(&["station", "add", "9901", "--data", "x"]).contains("'9901' is not a 12-digit division code"));
    assert!(fails(&["get", "123", "--data", "x"]).contains("it must have 25 digits"));
    assert!(fails(&["status", "--address", "127.0.0.1:1"]).starts_with("no station answers at 127.0.0.1:1: "));
    assert_eq!(run(&["frobnicate"]).status.code(), Some(2));
}

#[test]
fn a_folder_without_a_station_is_said_to_be_one() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().to_str().unwrap();
    let vacant = format!("the data folder can't be used: {data} holds no station yet: run `sanji-hub init` first");
    assert_eq!(fails(&["serve", "--data", data]), vacant);
    for command in [["dump", "--data", data], ["verify", "--data", data]] {
        assert!(fails(&command).contains("holds no station yet"));
    }
    assert_eq!(fails(&["status", "--data", data]), format!("no station is running on {data}"));
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "looking makes nothing");
}

#[test]
fn init_refuses_before_it_writes() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("hub").to_str().unwrap().to_owned();
    let sample = sample().to_str().unwrap().to_owned();
    let init = |district: &str, more: &[&str]| {
        let mut arguments = vec!["init", "--data", &data, "--district", district, "--sample", &sample];
        arguments.extend(more);
        fails(&arguments)
    };
    assert_eq!(init("990106101000", &[]), "990106101000 is not the code of a district");
    assert_eq!(init("990107000000", &[]), "the files are those of district 990106000000");
    assert_eq!(init(DISTRICT, &["--staff-of", "990106999000"]), "the organisation lists no station 990106999000");
    assert!(init(DISTRICT, &["--passwords", "a", "--demo-password", "b"]).contains("cannot be used with"));
    let nowhere = ["init", "--data", &data, "--district", DISTRICT, "--sample", "nowhere"];
    assert!(fails(&nowhere).starts_with("can't read nowhere/catalogue/items: "));
    assert!(!root.path().join("hub").exists());
    std::fs::create_dir(root.path().join("hub")).unwrap();
    std::fs::write(root.path().join("hub/letter.txt"), "").unwrap();
    assert_eq!(init(DISTRICT, &[]), format!("{data} is not empty: it has letter.txt"));
}

#[test]
fn a_configuration_is_checked_by_line() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("sanji.toml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, succeeds(&["config", "example"])).unwrap();
    assert_eq!(succeeds(&["config", "check", path]), format!("{path}: no faults\n"));
    std::fs::write(&file, "[listen]\nlink = \"0.0.0.0:7100\"\ndesks = \"127.0.0.1:80\"\n").unwrap();
    let fault = fails(&["config", "check", path]);
    assert!(
        fault.starts_with(&format!("the configuration can't be used: {path}, line 3: unknown field `desks`")),
        "{fault}"
    );
    assert!(fails(&["config", "check", "nowhere.toml"]).contains("can't read nowhere.toml: "));
}
