//! When the index is told of what was committed: not while writers are at work, for telling it takes about as much of the
//! processor as writing. Whoever reads sees all of it in any case, and a case that changes several times meanwhile is
//! written once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::core::Reader;
use crate::error::Error;

/// The index is told when nothing was committed for this long. While somebody looks at lists, no commit waits longer: they
/// would have to wait for it.
const CALM: Duration = Duration::from_secs(5);
/// The index is told when it has been behind for this long, whatever is committed.
const LONGEST: Duration = Duration::from_secs(30);

/// How far the index is behind.
#[derive(Default)]
pub(crate) struct Lag {
    behind: Mutex<Option<Behind>>,
    wake: Notify,
}

/// When the first and the last commit came that the index does not show.
#[derive(Debug, Clone, Copy)]
struct Behind {
    first: Instant,
    last: Instant,
}

impl Behind {
    fn due(self, is_looked_at: bool) -> Instant {
        if is_looked_at { self.first + CALM } else { (self.last + CALM).min(self.first + LONGEST) }
    }
}

impl Lag {
    /// Notes a commit.
    pub(crate) fn note_commit(&self, reader: &Reader) {
        let now = Instant::now();
        let was_behind = {
            let mut behind = self.behind();
            let first = behind.map_or(now, |behind| behind.first);
            behind.replace(Behind { first, last: now }).is_some()
        };
        // In a burst nobody is woken for every commit.
        if !was_behind || reader.is_filling() || reader.is_looked_at() {
            self.wake.notify_one();
        }
    }

    /// Tells the index whenever that is due, for ever.
    pub(crate) async fn keep_short(self: Arc<Self>, reader: Reader) {
        loop {
            let Some(due) = self.behind().map(|behind| behind.due(reader.is_looked_at())) else {
                self.wake.notified().await;
                continue;
            };
            if due > Instant::now() {
                if !reader.is_filling() {
                    // Whether woken or not: more may have been committed since.
                    drop(timeout_at(due, self.wake.notified()).await);
                    continue;
                }
                told(&reader, Reader::project_most).await;
                if !reader.is_filling() {
                    continue;
                }
            }
            *self.behind() = None;
            bring_up_to_date(&reader).await;
            reader.note_round();
        }
    }

    fn behind(&self) -> MutexGuard<'_, Option<Behind>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the index of all that was committed.
pub(crate) async fn bring_up_to_date(reader: &Reader) {
    told(reader, Reader::project).await;
}

async fn told(reader: &Reader, tell: fn(&Reader) -> Result<(), Error>) {
    let reader = reader.clone();
    // The task fails only where the runtime ends; then the index is brought up to date on opening.
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || tell(&reader)).await {
        tracing::error!(reason = &error as &dyn std::error::Error, "the index was not brought up to date");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_in_a_calm_or_after_a_while_and_soon_where_somebody_looks() {
        let first = Instant::now();
        let after = |last: u64, is_looked_at: bool| {
            let behind = Behind { first, last: first + Duration::from_secs(last) };
            (behind.due(is_looked_at) - first).as_secs()
        };
        assert_eq!([0, 3, 24, 25, 26, 100].map(|last| after(last, false)), [5, 8, 29, 30, 30, 30]);
        assert_eq!([0, 3, 24].map(|last| after(last, true)), [5, 5, 5]);
    }
}
