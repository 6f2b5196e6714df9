//! Watching cases: each watcher has the set of cases that have changed since it last looked, so a slow one misses
//! nothing and costs no more than one id a case.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sanji_log::CaseId;
use tokio::sync::Notify;

/// Everybody who watches.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<Vec<Weak<Watcher>>>);

/// One who watches, until it is dropped.
#[derive(Default)]
pub(crate) struct Watcher {
    changed: Mutex<BTreeSet<CaseId>>,
    news: Notify,
}

impl Watchers {
    /// Begins to watch.
    pub(crate) fn add(&self) -> Arc<Watcher> {
        let watcher = Arc::<Watcher>::default();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.strong_count() > 0);
        all.push(Arc::downgrade(&watcher));
        watcher
    }

    /// Whether nobody watches.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().all(|watcher| watcher.strong_count() == 0)
    }

    /// Tells all that cases have changed.
    pub(crate) fn tell(&self, cases: &[CaseId]) {
        if cases.is_empty() {
            return;
        }
        for watcher in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade) {
            watcher.changed.lock().unwrap_or_else(PoisonError::into_inner).extend(cases);
            watcher.news.notify_one();
        }
    }
}

impl Watcher {
    /// Waits for changes and takes them. Nothing is lost where the caller stops waiting.
    pub(crate) async fn changed(&self) -> BTreeSet<CaseId> {
        loop {
            let changed = std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner));
            if !changed.is_empty() {
                return changed;
            }
            self.news.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn a_slow_watcher_hears_of_every_case_once() {
        let case = |serial| CaseId::new("990106101203".parse().unwrap(), 9678, serial, [1; 7]).unwrap();
        let watchers = Watchers::default();
        assert!(watchers.is_empty());
        let watcher = watchers.add();
        assert!(!watchers.is_empty());
        for _ in 0..3 {
            watchers.tell(&[case(1)]);
        }
        watchers.tell(&[case(2)]);
        assert_eq!(watcher.changed().await, [case(1), case(2)].into());
        watchers.tell(&[case(1)]);
        assert_eq!(watcher.changed().await, [case(1)].into());
        drop(watcher);
        assert!(watchers.is_empty());
    }
}
