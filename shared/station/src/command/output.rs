//! Printing on standard output, for people or for programs.

use std::io::Write as _;

use serde_json::Value;

use super::Error;

/// Prints a line. A reader that has gone away ends the command with an error and not with a panic.
///
/// # Errors
/// [`Error::Io`].
pub fn print_line(line: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|source| Error::Io { operation: "write to standard output", source })
}

/// How a command answers.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Output {
    /// Answer in JSON, one value a line, for programs.
    #[arg(long)]
    pub json: bool,
}

impl Output {
    /// Prints a value for a program as one line, or what `words` makes of it for a person.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn print(self, value: &Value, words: impl FnOnce(&Value) -> String) -> Result<(), Error> {
        if self.json { print_line(&value.to_string()) } else { print_line(&words(value)) }
    }
}

/// JSON in lines, for a person who asked for something that has no better form.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
