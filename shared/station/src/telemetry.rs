//! Logging and the panic hook. Logs go to standard error; no personal data goes into any of them.

use std::backtrace::Backtrace;
use std::io::{IsTerminal as _, Write as _};

use tracing_subscriber::EnvFilter;

use crate::config::Log;

/// Reads filter directives such as "info,sanji_link=debug".
///
/// # Errors
/// Where they can't be parsed.
pub fn filter(level: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    EnvFilter::builder().parse(level)
}

/// Starts logging for the whole process. A second call changes nothing.
pub fn start(log: &Log) {
    let filter = filter(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Fails only where a subscriber is already set, for example by a test.
    let _ = if log.json { builder.json().try_init() } else { builder.try_init() };
}

/// On a bug: say which version it was and where, then end the process. tokio alone would limp on with one task
/// less, and what the task held would stay half done; the next start begins from the disk. Panics of the index engine on a
/// damaged folder are none of ours: the store turns them into errors.
pub fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        if sanji_store::contains_panics() {
            return tracing::warn!("the index engine has panicked, and the index will be built again: {panic}");
        }
        let backtrace = Backtrace::force_capture();
        let version = env!("CARGO_PKG_VERSION");
        if tracing::dispatcher::has_been_set() {
            tracing::error!(version, "bug, the process ends: {panic}\n{backtrace}");
        } else {
            let _ = writeln!(std::io::stderr(), "sanji {version}: bug, the process ends: {panic}\n{backtrace}");
        }
        std::process::abort();
    }));
}
