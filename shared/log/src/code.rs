//! Division codes (区划代码): 12 digits that name a station and say who is above it.
//!
//! Structure after the statistical division codes: 6 digits district (GB/T 2260), 3 township, 3 village;
//! `000` stands for the level itself.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// The level of a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// 区县
    District,
    /// 乡镇 or 街道
    Township,
    /// 村 or 社区
    Village,
}

/// Id of a station: its 12-digit division code, for example `990106101203`.
///
/// The code is also a scope (辖区): a station's scope is every code with the same prefix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct StationCode(u64);

impl StationCode {
    /// Reads a code as it stands in messages: a number of 12 digits.
    ///
    /// # Errors
    /// [`Error::StationCode`] where the number has no district, or a village without a township.
    pub fn from_number(number: u64) -> Result<Self, Error> {
        let bad = || Error::StationCode(number.to_string());
        let district = number / 1_000_000;
        if !(100_000..=999_999).contains(&district) {
            return Err(bad());
        }
        if (number / 1000).is_multiple_of(1000) && !number.is_multiple_of(1000) {
            return Err(bad());
        }
        Ok(Self(number))
    }

    /// The code as a number of 12 digits.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// The level of the station.
    #[must_use]
    pub fn tier(self) -> Tier {
        if !self.0.is_multiple_of(1000) {
            Tier::Village
        } else if !(self.0 / 1000).is_multiple_of(1000) {
            Tier::Township
        } else {
            Tier::District
        }
    }

    /// The station directly above; none for a district.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        match self.tier() {
            Tier::District => None,
            Tier::Township => Some(self.district()),
            Tier::Village => Some(Self(self.0 / 1000 * 1000)),
        }
    }

    /// The district of this station.
    #[must_use]
    pub fn district(self) -> Self {
        Self(self.0 / 1_000_000 * 1_000_000)
    }

    /// This station's ancestor-or-self at a tier; none where the station itself stands higher.
    #[must_use]
    pub fn at_tier(self, tier: Tier) -> Option<Self> {
        let mut station = self;
        while station.tier() > tier {
            station = station.parent()?;
        }
        (station.tier() == tier).then_some(station)
    }

    /// Whether this station lies in the scope of `other`: it is `other` or below it.
    #[must_use]
    pub fn within(self, other: Self) -> bool {
        match other.tier() {
            Tier::District => self.0 / 1_000_000 == other.0 / 1_000_000,
            Tier::Township => self.0 / 1000 == other.0 / 1000,
            Tier::Village => self == other,
        }
    }
}

impl TryFrom<u64> for StationCode {
    type Error = Error;
    fn try_from(number: u64) -> Result<Self, Error> {
        Self::from_number(number)
    }
}

impl From<StationCode> for u64 {
    fn from(code: StationCode) -> Self {
        code.0
    }
}

impl FromStr for StationCode {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::StationCode(text.chars().take(32).collect());
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad());
        }
        text.parse().ok().and_then(|number| Self::from_number(number).ok()).ok_or_else(bad)
    }
}

impl fmt::Display for StationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

impl fmt::Debug for StationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> StationCode {
        text.parse().expect(text)
    }

    #[test]
    fn the_tree_is_in_the_digits() {
        let village = code("990106101203");
        assert_eq!(village.tier(), Tier::Village);
        assert_eq!(village.parent(), Some(code("990106101000")));
        assert_eq!(village.district(), code("990106000000"));
        assert_eq!(village.at_tier(Tier::Township), Some(code("990106101000")));
        assert_eq!(code("990106101000").at_tier(Tier::Village), None);
        assert!(village.within(code("990106101000")));
        assert!(village.within(code("990106000000")));
        assert!(village.within(village));
        assert!(!code("990106101000").within(village));
        assert!(!village.within(code("990106102000")));
    }

    #[test]
    fn wrong_codes_are_refused() {
        for text in
            ["", "99010610120", "9901061012030", "99010610120x", "990106000203", "000000000000", "99０106101203"]
        {
            assert!(text.parse::<StationCode>().is_err(), "{text}");
        }
    }
}
