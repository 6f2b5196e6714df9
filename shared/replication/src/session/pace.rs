//! How large a batch is, and whether the line is quick or thin.
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
/// A line is quick that carries so many bytes in a millisecond and has them acknowledged: 8 Mbit/s …
const QUICK_BYTES_A_MS: u64 = 1_000;
/// … or answers within this time, in milliseconds: both ends stand in one town.
const QUICK_MS: u64 = 10;

/// A line is thin over which hands were shaken no sooner than this, in milliseconds: it is long or carries little …
const THIN_MS: u64 = 100;
/// … and whose acknowledgements have not shown that it carries so many bytes in a millisecond: 256 kbit/s. Whoever is
/// only busy is slow to shake hands too, and shows it then.
const THIN_BYTES_A_MS: u64 = 32;

/// The size of the next batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    bytes: usize,
    most: usize,
    is_quick: bool,
    is_thin: bool,
}

impl Pace {
    /// Begins small. Batches never become larger than `most` bytes. `handshake_ms`: how long shaking hands took.
    pub(super) fn new(most: usize, handshake_ms: u64) -> Self {
        Self { bytes: FIRST_BYTES.min(most), most, is_quick: false, is_thin: handshake_ms >= THIN_MS }
    }

    /// Bytes of entries in the next batch; a run that is larger goes alone.
    pub(super) fn bytes(self) -> usize {
        self.bytes
    }

    /// Whether the last batch that was acknowledged went over a line that has room to spare.
    pub(super) fn is_quick(self) -> bool {
        self.is_quick
    }

    /// Whether everything that is known of the line says that it is worth much work to send less.
    pub(super) fn is_thin(self) -> bool {
        self.is_thin
    }

    /// A batch was acknowledged after so many milliseconds. In that time the line has carried `bytes`: those of the
    /// batch and of the batches before it that were under way.
    pub(super) fn acknowledged(&mut self, bytes: usize, after_ms: u64) {
        self.is_quick = after_ms <= QUICK_MS || bytes as u64 >= after_ms.saturating_mul(QUICK_BYTES_A_MS);
        self.is_thin &= after_ms >= THIN_MS && (bytes as u64) < after_ms.saturating_mul(THIN_BYTES_A_MS);
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
        let mut pace = Pace::new(256 << 10, 0);
        let mut sizes = |after_ms: u64, times: usize| {
            (0..times).for_each(|_| pace.acknowledged(1, after_ms));
            pace.bytes()
        };
        assert_eq!(sizes(3_000, 5), 16 << 10, "a thin line keeps small batches");
        assert_eq!(sizes(20, 2), 64 << 10);
        assert_eq!(sizes(20, 9), 256 << 10, "never more than it may be");
        assert_eq!(sizes(3_000, 5), 256 << 10);
        assert_eq!(sizes(30_000, 1), 128 << 10);
        assert_eq!(sizes(30_000, 9), 16 << 10);
        assert_eq!(Pace::new(1024, 0).bytes(), 1024);
    }

    #[test]
    fn a_line_is_quick_that_answers_at_once_or_carries_much() {
        let mut pace = Pace::new(256 << 10, 0);
        assert!(!pace.is_quick(), "nothing is known of it");
        let mut is_quick = |bytes: usize, after_ms: u64| {
            pace.acknowledged(bytes, after_ms);
            pace.is_quick()
        };
        assert!(is_quick(500, 3));
        assert!(!is_quick(500, 11));
        assert!(is_quick(4 << 20, 400), "much was under way");
        assert!(!is_quick(16 << 10, 2_000), "64 kbit/s");
    }

    #[test]
    fn a_line_is_thin_that_shakes_hands_slowly_until_it_shows_better() {
        let after = |handshake_ms: u64, acknowledged: &[(usize, u64)]| {
            let mut pace = Pace::new(256 << 10, handshake_ms);
            acknowledged.iter().for_each(|(bytes, after_ms)| pace.acknowledged(*bytes, *after_ms));
            pace.is_thin()
        };
        assert!(!after(40, &[]) && after(700, &[]));
        assert!(after(700, &[(600, 650), (16 << 10, 2_600)]), "64 kbit/s, 600 ms there and back");
        assert!(!after(700, &[(600, 20)]), "the parent was only starting");
        assert!(!after(700, &[(16 << 10, 300)]), "the parent was only busy");
        assert!(!after(700, &[(600, 20), (600, 650)]), "and is so again");
    }
}
