//! Hybrid logical time: a clock value that follows the wall clock and never runs backwards.
//!
//! After Kulkarni, Demirbas, Madappa, Avva, Leone: "Logical Physical Clocks" (2014).

use serde::{Deserialize, Serialize};

/// Upper 48 bits: milliseconds since 1970-01-01 UTC. Lower 16 bits: a counter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HybridTime(u64);

impl HybridTime {
    /// From the number in an entry.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The wall clock's time with counter 0; milliseconds since 1970-01-01 UTC, cut to 48 bits.
    #[must_use]
    pub fn from_millis(millis: u64) -> Self {
        Self(millis << 16)
    }

    /// As it stands in an entry.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn millis(self) -> u64 {
        self.0 >> 16
    }

    /// The next time of a clock that last gave or saw `self`, when the wall clock shows `wall_millis`:
    /// the wall's time, or one more than `self` where the wall lags.
    #[must_use]
    pub fn next(self, wall_millis: u64) -> Self {
        Self::from_millis(wall_millis).max(Self(self.0.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_grows_when_the_wall_stands_or_jumps_back() {
        let first = HybridTime::default().next(1000);
        let second = first.next(1000);
        let third = second.next(10);
        assert!(first < second && second < third);
        assert_eq!((first.millis(), third.millis()), (1000, 1000));
        assert_eq!(third.next(2000), HybridTime::from_millis(2000));
    }
}
