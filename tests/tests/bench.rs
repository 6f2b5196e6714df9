//! The benchmark's quick form: every workload runs, and loses and doubles nothing. Its figures are not looked at, for
//! a test says nothing about speed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_workload_runs_and_its_books_are_right() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("bench.json");
    let bench = env!("CARGO_BIN_EXE_bench");
    let ended = Command::new(bench).arg("--quick").arg("--json").arg(&json).env("SANJI_BUILT", "1").output().unwrap();
    let table = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{table}\n{}", String::from_utf8_lossy(&ended.stderr));

    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(report["quick"], true);
    let figures = report["figures"].as_array().unwrap();
    let workloads: BTreeSet<&str> = figures.iter().filter_map(|figure| figure["workload"].as_str()).collect();
    let all = ["relay", "submissions", "trip", "catch-up", "fan-in", "thin", "attachments", "herd", "store"];
    assert_eq!(workloads, BTreeSet::from(all), "{table}");
    for figure in figures {
        // What is not a number is written as null.
        assert!(figure["median"].as_f64().is_some(), "{figure}");
        assert!(table.contains(figure["what"].as_str().unwrap()), "{figure}");
    }
    // Bytes are no matter of speed: sealed, each form by itself, they would be 37 KB and more.
    let is_up = |figure: &&Value| {
        figure["what"].as_str().is_some_and(|what| what.starts_with("line there") && what.contains("bytes up"))
    };
    let up = figures.iter().find(is_up).unwrap();
    assert!(up["median"].as_f64().is_some_and(|kilobytes| kilobytes < 30.0), "{up}");
}
