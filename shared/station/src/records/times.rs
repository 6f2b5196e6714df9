//! Days and times as ledgers have them: in the district's time, so that a spreadsheet can sort them.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};
use sanji_domain::calendar::local_date;

/// China has had one time without daylight saving since 1991.
const CHINA: Offset = Offset::constant(8);
/// For periods: one day, in milliseconds.
pub(super) const DAY_MS: u64 = 86_400_000;

/// The day of a time; both by the station's clock.
pub(super) fn date(time_ms: u64) -> Date {
    local_date(i64::try_from(time_ms).unwrap_or(i64::MAX))
}

/// When a day begins: milliseconds since 1970-01-01 UTC; 0 for days before that.
pub(super) fn begin_ms(day: Date) -> u64 {
    let begin = TimeZone::fixed(CHINA).to_timestamp(day.to_datetime(Time::midnight()));
    begin.map_or(0, |begin| u64::try_from(begin.as_millisecond()).unwrap_or(0))
}

/// `2026-07-01 10:00`; empty for 0.
pub(super) fn minute(time_ms: u64) -> String {
    written(time_ms, "%Y-%m-%d %H:%M")
}

/// `2026-07-01 10:00:05`; empty for 0.
pub(super) fn second(time_ms: u64) -> String {
    written(time_ms, "%Y-%m-%d %H:%M:%S")
}

/// A time as it stands in a sentence: `2026年7月1日 10:00`; empty for 0.
pub(super) fn in_words(time_ms: u64) -> String {
    written(time_ms, "%Y年%-m月%-d日 %H:%M")
}

/// `2026-07-01`; empty for 0.
pub(super) fn day(time_ms: u64) -> String {
    written(time_ms, "%Y-%m-%d")
}

fn written(time_ms: u64, format: &str) -> String {
    let time = i64::try_from(time_ms).ok().filter(|time| *time > 0);
    let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
    time.map(|time| TimeZone::fixed(CHINA).to_datetime(time).strftime(format).to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_china() {
        let day_of = jiff::civil::date(2026, 7, 3);
        let begin = begin_ms(day_of);
        assert_eq!((date(begin), date(begin - 1)), (day_of, jiff::civil::date(2026, 7, 2)));
        assert_eq!((minute(begin).as_str(), day(begin).as_str()), ("2026-07-03 00:00", "2026-07-03"));
        assert_eq!(second(begin + 61_000), "2026-07-03 00:01:01");
        assert_eq!(in_words(begin + 61_000), "2026年7月3日 00:01");
        assert_eq!((minute(0), minute(u64::MAX)), (String::new(), String::new()));
    }
}
