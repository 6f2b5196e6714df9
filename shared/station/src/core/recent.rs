//! Runs that were committed just now, in memory: links send them on at once, without a look at the disk.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sanji_log::run::{RUN_MAX_BYTES, RUN_MAX_ENTRIES};
use sanji_log::{Hash, LogId, Run};

/// Bytes of entries that are kept, save that the last run always is.
const BYTES: usize = 1 << 20;
/// Runs that are kept.
const RUNS: usize = 256;

/// The runs of the last commits.
#[derive(Default)]
pub(super) struct Recent(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    runs: VecDeque<Run>,
    bytes: usize,
}

impl Recent {
    /// Keeps the runs of a commit that is durable.
    pub(super) fn keep(&self, runs: impl IntoIterator<Item = Run>) {
        let mut kept = self.kept();
        for run in runs {
            kept.bytes += run.size();
            kept.runs.push_back(run);
        }
        while kept.runs.len() > RUNS || (kept.bytes > BYTES && kept.runs.len() > 1) {
            let bytes = kept.runs.pop_front().map_or(0, |run| run.size());
            kept.bytes -= bytes;
        }
    }

    /// What a read of the store would give. None: not all of it is here.
    pub(super) fn read(&self, log: &LogId, from: u64, max_bytes: usize) -> Option<Run> {
        let max_bytes = max_bytes.min(RUN_MAX_BYTES);
        let kept = self.kept();
        let mut of_log = kept.runs.iter().filter(|run| run.log == *log && run.seal.seq >= from);
        let first = of_log.next().filter(|run| run.first_seq() <= from)?;
        let held = usize::try_from(from - first.first_seq()).ok()?;
        let mut read = Run { log: *log, entries: first.entries.get(held..)?.to_vec(), seal: first.seal };
        let mut size = read.size();
        for next in of_log {
            size += next.size();
            if size > max_bytes || read.entries.len() + next.entries.len() > RUN_MAX_ENTRIES {
                break;
            }
            read.entries.extend_from_slice(&next.entries);
            read.seal = next.seal;
        }
        Some(read)
    }

    /// The hash of an entry with which a run ends, if that run is here.
    pub(super) fn sealed(&self, log: &LogId, seq: u64) -> Option<Hash> {
        let kept = self.kept();
        kept.runs.iter().find(|run| run.seal.seq == seq && run.log == *log).map(|run| run.seal.hash)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bytes::Bytes;
    use sanji_log::{EntryBytes, PublicKey, Reach, Seal};

    use super::*;

    fn log(key: u8) -> LogId {
        LogId { home: "990106101203".parse().unwrap(), reach: Reach::Private, key: PublicKey([key; 32]) }
    }

    fn run(log: LogId, first: u64, sizes: &[usize]) -> Run {
        let seq = first + sizes.len() as u64 - 1;
        let entries = sizes.iter().map(|size| EntryBytes(Bytes::from(vec![0; *size]))).collect();
        Run { log, entries, seal: Seal { seq, hash: Hash([0; 32]), signature: [0; 64] } }
    }

    #[test]
    fn runs_of_a_log_are_read_together_up_to_a_size() {
        let recent = Recent::default();
        recent.keep([run(log(1), 5, &[10, 20]), run(log(2), 1, &[10]), run(log(1), 7, &[30])]);
        let read = |from, max_bytes| {
            let run = recent.read(&log(1), from, max_bytes)?;
            Some((run.first_seq(), run.seal.seq, run.size()))
        };
        assert_eq!(read(5, 1000), Some((5, 7, 60)));
        assert_eq!(read(6, 1000), Some((6, 7, 50)));
        assert_eq!(read(6, 49), Some((6, 6, 20)));
        assert_eq!(read(7, 1), Some((7, 7, 30)), "one run at least");
        assert_eq!((read(4, 1000), read(8, 1000)), (None, None));
        assert_eq!((recent.sealed(&log(1), 6), recent.sealed(&log(1), 5)), (Some(Hash([0; 32])), None));
    }

    #[test]
    fn what_is_old_is_on_the_disk_only() {
        let recent = Recent::default();
        recent.keep((0..3).map(|at| run(log(1), at + 1, &[BYTES / 2])));
        assert!(recent.read(&log(1), 1, 10).is_none() && recent.read(&log(1), 2, 10).is_some());
        recent.keep([run(log(1), 4, &[2 * BYTES])]);
        assert!(recent.read(&log(1), 3, 10).is_none() && recent.read(&log(1), 4, 10).is_some());
        recent.keep((0..RUNS as u64).map(|at| run(log(2), at + 1, &[1])));
        assert!(recent.read(&log(1), 4, 10).is_none() && recent.read(&log(2), 1, 10).is_some());
    }
}
