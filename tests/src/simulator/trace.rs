//! What happened, line by line. The lines name no hash and no key, so a seed gives the same lines on every machine.

use std::fmt::{Arguments, Write};

/// The record of a run.
#[derive(Debug, Default)]
pub struct Trace {
    lines: String,
    print: bool,
}

impl Trace {
    /// Keeps the lines.
    #[must_use]
    pub fn kept() -> Self {
        Self::default()
    }

    /// Prints each line as it happens, and keeps it.
    #[must_use]
    pub fn printed() -> Self {
        Self { print: true, ..Self::default() }
    }

    /// Adds a line.
    pub fn note(&mut self, now_ms: u64, what: Arguments<'_>) {
        let start = self.lines.len();
        // Writing to a string can't fail.
        let _ = writeln!(self.lines, "{:>9.3} {what}", now_ms as f64 / 1000.0);
        if self.print {
            #[allow(clippy::print_stdout)]
            {
                print!("{}", &self.lines[start..]);
            }
        }
    }

    /// A hash of all lines.
    #[must_use]
    pub fn digest(&self) -> String {
        blake3::hash(self.lines.as_bytes()).to_hex().to_string()
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self) -> &str {
        &self.lines
    }
}
