//! A period of time as laws and the catalogue write it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::term::terms;
use crate::toml_file::Section;

/// The longest limit that a file may state, in days: ten years, beyond which no limit of a case lies.
pub const LONGEST_LIMIT_DAYS: u32 = 3660;

terms! {
    /// How a limit counts.
    pub enum Unit ("期限单位") {
        /// Days on which offices work, made-up days included, public holidays excluded.
        WorkingDay = "工作日",
        /// Consecutive days.
        NaturalDay = "自然日",
        /// On the same day, while the applicant waits. The number of days is 0.
        OnTheSpot = "当场",
    }
}

/// A number of days in a unit. [`Calendar::deadline`](crate::Calendar::deadline) turns it into a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limit {
    /// The number of days; 0 where the unit is [`Unit::OnTheSpot`].
    pub days: u32,
    /// How they count.
    pub unit: Unit,
}

impl Limit {
    /// The limit of a step that is done while the applicant waits.
    pub const ON_THE_SPOT: Self = Self { days: 0, unit: Unit::OnTheSpot };

    /// Reads the fields `days` and `unit` of a table.
    pub(crate) fn read(section: &mut Section<'_>) -> Option<Self> {
        Self::read_as("days", section)
    }

    /// Reads a limit whose number stands in a field of another name.
    pub(crate) fn read_as(days: &'static str, section: &mut Section<'_>) -> Option<Self> {
        let (number, unit) = (section.number(days), section.term("unit"));
        let limit = Self { days: number?, unit: unit? };
        if limit.unit == Unit::OnTheSpot && limit.days > 0 {
            section.fault(days, "“当场”的天数应为 0");
        }
        if limit.days > LONGEST_LIMIT_DAYS {
            section.fault(days, format!("期限最长 {LONGEST_LIMIT_DAYS} 天"));
        }
        Some(limit)
    }

    /// So many working days.
    #[must_use]
    pub const fn working_days(days: u32) -> Self {
        Self { days, unit: Unit::WorkingDay }
    }

    /// So many consecutive days.
    #[must_use]
    pub const fn natural_days(days: u32) -> Self {
        Self { days, unit: Unit::NaturalDay }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::OnTheSpot => f.write_str("当场"),
            Unit::WorkingDay | Unit::NaturalDay => write!(f, "{}个{}", self.days, self.unit),
        }
    }
}
