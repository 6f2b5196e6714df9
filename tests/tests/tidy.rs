//! House rules as tests: crate borders, purity, the README's map, files that tell one story.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which crates of the workspace a crate may depend on, and whether it is pure.
const BORDERS: [(&str, &[&str], bool); 11] = [
    ("proto", &[], true),
    ("shared/log", &["proto"], true),
    ("shared/domain", &["proto", "log"], true),
    ("shared/replication", &["proto", "log"], true),
    ("shared/store", &["log"], false),
    ("shared/link", &["proto", "log", "replication"], false),
    ("shared/station", &["proto", "log", "domain", "replication", "store", "link"], false),
    ("shared/desk", &["proto", "log", "domain", "station"], false),
    ("hub", &["proto", "log", "domain", "store", "link", "station", "desk"], false),
    ("node", &["proto", "log", "store", "link", "station", "desk"], false),
    ("tests", &["proto", "log", "domain", "replication", "store", "link", "station", "desk"], false),
];

/// What a pure crate may use besides crates of the workspace: nothing that reads a clock, a disk, a network or
/// a source of randomness. proto's stubs are behind its feature `grpc`.
const PURE: &[&str] = &[
    "blake3",
    "bytes",
    "data-encoding",
    "ed25519-dalek",
    "jiff",
    "postcard",
    "prost",
    "serde",
    "serde_spanned",
    "thiserror",
    "toml",
    "tonic",
    "tonic-prost",
];

/// What no source of a pure crate says.
const IMPURE_WORDS: &[&str] =
    &["std::fs", "std::net", "std::env", "std::thread", "SystemTime", "Instant::now", "Zoned::now", "Timestamp::now"];

/// Longest source file, in lines without its tests.
const FILE_MAX_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn manifest(folder: &str) -> toml::Table {
    toml::from_str(&std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap()).unwrap()
}

fn dependencies(folder: &str) -> BTreeSet<String> {
    manifest(folder)
        .get("dependencies")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect()
}

/// Every file below a folder of the repository with an extension, without what is generated or built.
fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "generated", ".git"].contains(&name.as_str()) {
                files(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(&root(), "rs", &mut found);
    assert!(found.len() > 50, "the sources were not found");
    found
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.strip_prefix(root()).unwrap().display().to_string(), text)
        })
        .collect()
}

#[test]
fn crates_depend_only_downwards() {
    for (folder, allowed, _) in BORDERS {
        for name in dependencies(folder) {
            if let Some(part) = name.strip_prefix("sanji-") {
                assert!(allowed.contains(&part), "{folder} must not depend on {name}");
            }
        }
    }
}

#[test]
fn every_crate_of_the_workspace_has_its_border() {
    let workspace = manifest(".");
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(members, BORDERS.iter().map(|(folder, ..)| *folder).collect());
}

#[test]
fn pure_crates_are_pure_by_their_manifest_and_their_words() {
    for (folder, _, pure) in BORDERS {
        if !pure {
            continue;
        }
        for name in dependencies(folder) {
            assert!(
                name.starts_with("sanji-") || PURE.contains(&name.as_str()),
                "{folder} is pure and must not use {name}"
            );
        }
        let mut found = Vec::new();
        files(&root().join(folder).join("src"), "rs", &mut found);
        for path in found {
            let text = std::fs::read_to_string(&path).unwrap();
            for word in IMPURE_WORDS {
                assert!(!text.contains(word), "{} is pure and must not say {word}", path.display());
            }
        }
    }
    let jiff = manifest(".")["workspace"]["dependencies"]["jiff"].clone();
    assert_eq!(jiff.get("default-features").and_then(toml::Value::as_bool), Some(false), "jiff would read the clock");
}

#[test]
fn versions_stand_once_and_lints_hold_everywhere() {
    for (folder, ..) in BORDERS {
        let manifest = manifest(folder);
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{folder} must take the workspace's lints");
        for table in ["dependencies", "dev-dependencies"] {
            for (name, value) in manifest.get(table).and_then(toml::Value::as_table).into_iter().flatten() {
                let from_root = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                assert!(from_root, "{folder}: the version of {name} belongs into the root's Cargo.toml");
            }
        }
    }
    assert_eq!(manifest(".")["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
}

#[test]
fn the_top_level_is_what_it_must_be() {
    let allowed =
        ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "proto", "hub", "node", "shared", "tests", "target"];
    for file in std::fs::read_dir(root()).unwrap() {
        let name = file.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || allowed.contains(&name.as_str()), "{name} has no place at the top level");
    }
}

#[test]
fn the_readme_is_a_front_door_and_its_map_is_true() {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(text.lines().count() <= 200, "the README is longer than 200 lines");
    for (folder, ..) in BORDERS {
        assert!(text.contains(&format!("`{folder}/`")), "the README's map lacks `{folder}/`");
    }
    // Whatever looks like a path of the repository must be there.
    for piece in text.split('`').skip(1).step_by(2) {
        let path_like = piece.contains('/') && !piece.contains([' ', '<', ':', '*']) && !piece.starts_with(['/', '.']);
        if path_like {
            assert!(root().join(piece).exists(), "the README names {piece}, which does not exist");
        }
    }
}

#[test]
fn every_file_says_what_it_is_and_none_has_grown() {
    for (path, text) in sources() {
        let first = text.lines().find(|line| !line.starts_with("#!")).unwrap_or_default();
        assert!(first.starts_with("//!"), "{path} does not begin with a line that says what it is");
        let own = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().lines().count();
        // Tables of cases may be long.
        let is_test = path.contains("/tests/");
        assert!(is_test || own <= FILE_MAX_LINES, "{path} has {own} lines; split it by question asked");
        let name = path.rsplit('/').next().unwrap_or_default();
        assert!(
            !["util.rs", "utils.rs", "common.rs", "helpers.rs", "misc.rs"].contains(&name),
            "{path} is a dumping ground"
        );
    }
}

#[test]
fn nothing_is_left_to_do_and_no_personal_habit_is_told() {
    let unfinished = ["TO", "DO"].concat();
    let broken = ["FIX", "ME"].concat();
    for (path, text) in sources() {
        for word in [unfinished.as_str(), broken.as_str(), "unimplemented!", "/work/", "/home/"] {
            let own_list = path == "tests/tests/tidy.rs";
            assert!(own_list || !text.contains(word), "{path} says {word}");
        }
    }
}

#[test]
fn the_sample_district_is_complete() {
    let mut items = Vec::new();
    files(&root().join("tests/sample/catalogue/items"), "toml", &mut items);
    assert_eq!(items.len(), 43);
}
