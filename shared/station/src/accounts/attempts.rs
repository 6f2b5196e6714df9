//! Counting wrong attempts, so that passwords and query codes can't be guessed.

use std::collections::BTreeMap;

/// Most subjects remembered; beyond it those whose last attempt is oldest are forgotten.
const SUBJECTS_MAX: usize = 16_384;

/// How many wrong attempts are allowed in which time.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Wrong attempts within the window after which a subject is locked.
    pub attempts: usize,
    /// Length of the window, in milliseconds.
    pub window_ms: u64,
}

/// Wrong attempts by subject: a staff id, an address, a case number. Kept in memory: a restart forgets them.
#[derive(Debug)]
pub struct Attempts {
    limit: Limit,
    wrong_ms: BTreeMap<String, Vec<u64>>,
}

impl Attempts {
    /// Nobody has tried yet.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        Self { limit, wrong_ms: BTreeMap::new() }
    }

    /// Milliseconds until the subject may try again; none if it may now.
    #[must_use]
    pub fn locked_for_ms(&self, subject: &str, now_ms: u64) -> Option<u64> {
        let recent: Vec<u64> = self.recent(self.wrong_ms.get(subject)?, now_ms).collect();
        let oldest = *recent.len().checked_sub(self.limit.attempts).and_then(|first| recent.get(first))?;
        Some((oldest + self.limit.window_ms).saturating_sub(now_ms))
    }

    /// Notes a wrong attempt. True where it is the one that locks the subject.
    pub fn wrong(&mut self, subject: &str, now_ms: u64) -> bool {
        if self.wrong_ms.len() >= SUBJECTS_MAX && !self.wrong_ms.contains_key(subject) {
            self.forget(now_ms);
        }
        let kept = self.wrong_ms.get(subject).map_or_else(Vec::new, |all| self.recent(all, now_ms).collect());
        let attempts = self.wrong_ms.entry(subject.to_owned()).or_default();
        *attempts = kept;
        attempts.push(now_ms);
        attempts.len() == self.limit.attempts
    }

    /// Forgets the wrong attempts of a subject that has shown who it is.
    pub fn right(&mut self, subject: &str) {
        self.wrong_ms.remove(subject);
    }

    fn recent<'a>(&self, all: &'a [u64], now_ms: u64) -> impl Iterator<Item = u64> + use<'a> {
        let since = now_ms.saturating_sub(self.limit.window_ms);
        all.iter().copied().filter(move |attempt| *attempt > since || since == 0)
    }

    fn forget(&mut self, now_ms: u64) {
        let since = now_ms.saturating_sub(self.limit.window_ms);
        self.wrong_ms.retain(|_, attempts| attempts.last().is_some_and(|last| *last > since));
        if self.wrong_ms.len() >= SUBJECTS_MAX {
            let oldest = self.wrong_ms.iter().min_by_key(|(_, attempts)| attempts.last().copied());
            if let Some(subject) = oldest.map(|(subject, _)| subject.clone()) {
                self.wrong_ms.remove(&subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn five_wrong_attempts_lock_for_the_rest_of_the_window() {
        let mut attempts = Attempts::new(Limit { attempts: 5, window_ms: 15 * MINUTE });
        let start = 1_000 * MINUTE;
        for minute in 0..4 {
            assert!(!attempts.wrong("mz-01", start + minute * MINUTE));
            assert_eq!(attempts.locked_for_ms("mz-01", start + minute * MINUTE), None);
        }
        assert!(attempts.wrong("mz-01", start + 4 * MINUTE));
        assert_eq!(attempts.locked_for_ms("mz-01", start + 5 * MINUTE), Some(10 * MINUTE));
        assert_eq!(attempts.locked_for_ms("mz-02", start + 5 * MINUTE), None);
        assert_eq!(attempts.locked_for_ms("mz-01", start + 15 * MINUTE), None);
        attempts.right("mz-01");
        assert!(!attempts.wrong("mz-01", start + 15 * MINUTE));
    }

    #[test]
    fn memory_is_bounded() {
        let mut attempts = Attempts::new(Limit { attempts: 5, window_ms: 15 * MINUTE });
        for number in 0..SUBJECTS_MAX as u64 + 100 {
            attempts.wrong(&number.to_string(), number);
        }
        assert!(attempts.wrong_ms.len() <= SUBJECTS_MAX);
        assert!(!attempts.wrong_ms.contains_key("0"), "the oldest is forgotten first");
    }
}
