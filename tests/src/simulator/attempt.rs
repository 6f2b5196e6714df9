//! A run whose failure is a value: what was found, and what had happened until then.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

use sanji_log::planted::Bug;

use super::{Report, Trace, play};

/// What was found wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}: {found}")]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// What was found, and where in the code.
    pub found: String,
}

thread_local! {
    /// What was found in the run of this thread; none while it is not in a run.
    static FOUND: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Plays a seed to its end.
///
/// # Errors
/// [`Failure`] where a station does what it must not, or the stations don't agree after healing.
pub fn attempt(seed: u64, trace: Trace) -> Result<Report, Failure> {
    listen();
    FOUND.set(Some(String::new()));
    let played = panic::catch_unwind(AssertUnwindSafe(|| play(seed, trace)));
    let found = FOUND.take().unwrap_or_default();
    played.map_err(|_| Failure { seed, found })
}

/// A panic of a run is kept instead of printed; any other is told as usual.
fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            let in_a_run = FOUND.with_borrow_mut(|found| found.as_mut().map(|found| *found = describe(panicked)));
            if in_a_run.is_none() {
                tell(panicked);
            }
        }));
    });
}

fn describe(panicked: &PanicHookInfo<'_>) -> String {
    let what = panicked.payload_as_str().unwrap_or("something that is no text");
    panicked.location().map_or_else(|| what.to_owned(), |place| format!("{what} ({}:{})", place.file(), place.line()))
}

/// A bug by its name.
///
/// # Errors
/// The names, where there is no such bug or this program can't plant any.
pub fn bug(name: &str) -> Result<Bug, String> {
    if cfg!(not(feature = "planted-bugs")) {
        return Err("this program was built without the feature planted-bugs".to_owned());
    }
    let names = || Bug::ALL.map(|bug| format!("{bug:?}")).join(", ");
    let bug = Bug::ALL.into_iter().find(|bug| format!("{bug:?}") == name);
    bug.ok_or_else(|| format!("the bugs are {}", names()))
}

/// Plants a bug in the runs of this thread, or none. Does nothing without the feature `planted-bugs`.
pub fn plant(bug: Option<Bug>) {
    #[cfg(feature = "planted-bugs")]
    sanji_log::planted::plant(bug);
    #[cfg(not(feature = "planted-bugs"))]
    let _ = bug;
}
