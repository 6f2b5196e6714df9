//! Builds and finds the two programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// `sanji-hub`
    pub hub: PathBuf,
    /// `sanji-node`
    pub node: PathBuf,
}

impl Binaries {
    /// Builds the programs with the profile and into the target folder of the running program, so that a test
    /// or the demo never meets an old one. cargo's own progress goes to standard error where `quiet` is false.
    /// Where SANJI_BUILT is set, whoever runs this has just built the whole workspace, and they are only found.
    ///
    /// # Errors
    /// [`Error::Build`] where cargo fails, [`Error::Io`] where it can't be started.
    pub fn build(quiet: bool) -> Result<Self, Error> {
        let folder = profile_folder()?;
        let found = Self { hub: folder.join("sanji-hub"), node: folder.join("sanji-node") };
        if std::env::var_os("SANJI_BUILT").is_some() && found.hub.exists() && found.node.exists() {
            return Ok(found);
        }
        let release = folder.file_name().is_some_and(|name| name == "release");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        // Of the whole workspace, as the program itself was built: a part of it would choose other features of the
        // dependencies and compile them again.
        command.args(["build", "--workspace", "--bin", "sanji-hub", "--bin", "sanji-node"]);
        command.arg("--manifest-path").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml"));
        if let Some(target) = folder.parent() {
            command.arg("--target-dir").arg(target);
        }
        // `cargo run` tells its program what package it is. A cargo that inherits this takes it for a changed
        // environment, of which build scripts (ring's for one) want to know, and compiles half of all again.
        for (name, _) in std::env::vars_os() {
            let said = name.to_string_lossy();
            if said.starts_with("CARGO_PKG_") || said.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        if release {
            command.arg("--release");
        }
        if quiet {
            command.arg("--quiet");
        }
        let status = command.status().map_err(|source| Error::Io { operation: "start cargo", source })?;
        if !status.success() {
            return Err(Error::Build);
        }
        Ok(found)
    }
}

/// `target/debug` or `target/release`, whichever the running program was built into.
fn profile_folder() -> Result<PathBuf, Error> {
    let program =
        std::env::current_exe().map_err(|source| Error::Io { operation: "find the running program", source })?;
    program
        .ancestors()
        .skip(1)
        .find(|folder| folder.file_name().is_some_and(|name| name == "debug" || name == "release"))
        .map(Path::to_path_buf)
        .ok_or(Error::Build)
}
