//! A hub in a folder of its own, and its command line.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const DISTRICT: &str = "990106000000";
pub(crate) const VILLAGE: &str = "990106101203";
pub(crate) const AGENT_OF_HUB: &str = "mz-01";

pub(crate) fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sample")
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sanji-hub"))
        .args(arguments)
        .env_remove("SANJI_DATA")
        .env_remove("SANJI_TOKEN")
        .output()
        .unwrap()
}

/// What a command prints that succeeds.
pub(crate) fn succeeds(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line that a command says which fails.
pub(crate) fn fails(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(said.starts_with("error: ") && said.trim_end().lines().count() == 1, "{arguments:?}: {said}");
    said.trim_end().trim_start_matches("error: ").to_owned()
}

/// A hub that was made with the staff of the hub's own departments left out but for one village.
pub(crate) struct Hub {
    root: TempDir,
    serving: Option<Child>,
}

impl Hub {
    pub(crate) fn new() -> Self {
        let hub = Self { root: tempfile::tempdir().unwrap(), serving: None };
        let sample = sample();
        succeeds(&["init", "--data", &hub.data(), "--district", DISTRICT, "--sample", sample.to_str().unwrap()]);
        hub
    }

    pub(crate) fn data(&self) -> String {
        self.root.path().join("hub").to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("hub").join(name)
    }

    /// Starts the hub; answers its addresses.
    pub(crate) fn serve(&mut self) -> Value {
        let any = "127.0.0.1:0";
        let mut child = Command::new(env!("CARGO_BIN_EXE_sanji-hub"))
            .args(["serve", "--json", "--data", &self.data()])
            .args(["--listen-link", any, "--listen-enrolment", any, "--listen-desk", any])
            .args(["--listen-api", any, "--listen-metrics", any])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.serving = Some(child);
        serde_json::from_str(&line).unwrap()
    }

    /// Tells the hub to stop as a service manager does; whether it ended with status 0 in time.
    pub(crate) fn terminate(&mut self) -> bool {
        let mut child = self.serving.take().unwrap();
        let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let begun = Instant::now();
        let mut in_time = false;
        while !in_time && begun.elapsed() < Duration::from_secs(10) {
            in_time = child.try_wait().unwrap().is_some();
            std::thread::sleep(Duration::from_millis(10));
        }
        // Of a process that has ended already: does nothing.
        child.kill().unwrap();
        in_time && child.wait().unwrap().success()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(mut child) = self.serving.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
