//! How large a batch is.
//!
//! What a batch brings counts once all of it has arrived. A line that stands for half a minute at a time would never
//! carry a backlog in batches that take longer than that; so a link begins with small ones, and they grow while they
//! are acknowledged soon.

/// First and smallest batch, in bytes of entries: about two seconds of 64 kbit/s.
const FIRST_BYTES: usize = 16 << 10;
/// Batches that are acknowledged within this time may be larger, in milliseconds.
const SOON_MS: u64 = 1_000;
/// Batches that take longer than this are too large, in milliseconds.
const LATE_MS: u64 = 8_000;

/// The size of the next batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    bytes: usize,
    most: usize,
}

impl Pace {
    /// Begins small. Batches never become larger than `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { bytes: FIRST_BYTES.min(most), most }
    }

    /// Bytes of entries in the next batch; a run that is larger goes alone.
    pub(super) fn bytes(self) -> usize {
        self.bytes
    }

    /// A batch was acknowledged after so many milliseconds.
    pub(super) fn acknowledged(&mut self, after_ms: u64) {
        if after_ms <= SOON_MS {
            self.bytes = (self.bytes * 2).min(self.most);
        } else if after_ms > LATE_MS {
            self.bytes = (self.bytes / 2).max(FIRST_BYTES.min(self.most));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_on_a_fast_line_and_shrink_again_on_one_that_has_become_slow() {
        let mut pace = Pace::new(256 << 10);
        let mut sizes = |after_ms: u64, times: usize| {
            (0..times).for_each(|_| pace.acknowledged(after_ms));
            pace.bytes()
        };
        assert_eq!(sizes(3_000, 5), 16 << 10, "a thin line keeps small batches");
        assert_eq!(sizes(20, 2), 64 << 10);
        assert_eq!(sizes(20, 9), 256 << 10, "never more than it may be");
        assert_eq!(sizes(3_000, 5), 256 << 10);
        assert_eq!(sizes(30_000, 1), 128 << 10);
        assert_eq!(sizes(30_000, 9), 16 << 10);
        assert_eq!(Pace::new(1024).bytes(), 1024);
    }
}
