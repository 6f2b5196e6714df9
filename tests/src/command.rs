//! Runs one command of a program and reads what it prints.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::Error;

/// Runs a command to its end.
///
/// # Errors
/// [`Error::Command`] with what it said on standard error where it ends with another status than 0.
pub fn run<I, S>(program: &Path, arguments: I) -> Result<String, Error>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let output = output(program, arguments)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Command {
        program: program.display().to_string(),
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// As [`run`], for commands that print one JSON value.
///
/// # Errors
/// [`Error::Command`]; [`Error::Json`] where standard output is not JSON.
pub fn run_json<I, S>(program: &Path, arguments: I) -> Result<Value, Error>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let text = run(program, arguments)?;
    serde_json::from_str(text.trim()).map_err(|source| Error::Json { what: "a command's output", source })
}

/// Runs a command to its end, whatever its status.
///
/// # Errors
/// [`Error::Io`] where it can't be started.
pub fn output<I, S>(program: &Path, arguments: I) -> Result<Output, Error>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    Command::new(program)
        .args(arguments)
        .env_remove("RUST_LOG")
        .output()
        .map_err(|source| Error::Io { operation: "start a program", source })
}
