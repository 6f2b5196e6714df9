//! How dates, times, numbers and sizes are written for people: in the district's time, in plain Chinese.
//!
//! Functions that templates call take references, since that is what askama hands over.

use axum::http::HeaderValue;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use sanji_log::Tier;
use sanji_proto::v1 as proto;

/// China has had one time without daylight saving since 1991; no time zone data is needed for it.
const CHINA: Offset = Offset::constant(8);

fn local(time_ms: u64) -> Option<DateTime> {
    let timestamp = Timestamp::from_millisecond(i64::try_from(time_ms).ok()?).ok()?;
    Some(TimeZone::fixed(CHINA).to_datetime(timestamp))
}

/// `2026年7月3日 14:05`; empty for 0.
pub(crate) fn time(time_ms: &u64) -> String {
    match local(*time_ms) {
        Some(at) if *time_ms != 0 => {
            format!("{}年{}月{}日 {:02}:{:02}", at.year(), at.month(), at.day(), at.hour(), at.minute())
        }
        _ => String::new(),
    }
}

/// What a person can do about a link that is down.
pub(crate) fn why_down(link: &proto::LinkStatus) -> &'static str {
    distrusted(link).unwrap_or("请检查网络；可照常办理，恢复后自动补传")
}

/// What a person can do where the station above does not take this one's certificate; none where it does.
pub(crate) fn distrusted(link: &proto::LinkStatus) -> Option<&'static str> {
    match link.distrust() {
        proto::Distrust::Unspecified => None,
        proto::Distrust::Revoked => {
            Some("本站证书已被区中心吊销，不能再与上级交换办件；已存的办件仍可查阅，请联系区中心")
        }
        proto::Distrust::Expired => {
            Some("上级不接受本站证书（已过期或者时钟不准），数据已存本站；请核对本机时间，仍不能连接的联系区中心")
        }
    }
}

/// A time as it stands in the name of a file: `20260703-1405`.
pub(crate) fn stamp(time_ms: u64) -> String {
    local(time_ms).map(|at| at.strftime("%Y%m%d-%H%M").to_string()).unwrap_or_default()
}

/// The header with which a browser saves a file under a name in any script (RFC 6266, 8187).
pub(crate) fn saved_as(name: &str) -> HeaderValue {
    let encoded: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    // A blank is %20 there, and + is itself.
    let disposition = format!("attachment; filename*=UTF-8''{}", encoded.replace('+', "%20"));
    HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment"))
}

/// The day of a time, `2026年7月3日`; empty for 0.
pub(crate) fn day_of(time_ms: &u64) -> String {
    match local(*time_ms) {
        Some(at) if *time_ms != 0 => date_in_words(at.date()),
        _ => String::new(),
    }
}

/// A date as messages carry it (YYYYMMDD), `2026年7月3日`; empty for 0 or a day that does not exist.
pub(crate) fn day(number: &u32) -> String {
    date_of(*number).map(date_in_words).unwrap_or_default()
}

fn date_in_words(date: Date) -> String {
    format!("{}年{}月{}日", date.year(), date.month(), date.day())
}

fn date_of(number: u32) -> Option<Date> {
    let part = |value: u32| i8::try_from(value).ok();
    Date::new(i16::try_from(number / 10_000).ok()?, part(number / 100 % 100)?, part(number % 100)?).ok()
}

/// Today in the district as YYYYMMDD, by a station's clock.
pub(crate) fn today(clock_ms: u64) -> u32 {
    local(clock_ms).map_or(0, |at| number_of(at.date()))
}

/// The date in the district, by a station's clock.
pub(crate) fn local_date(clock_ms: u64) -> Option<Date> {
    local(clock_ms).map(|at| at.date())
}

fn number_of(date: Date) -> u32 {
    u32::from(date.year().unsigned_abs()) * 10_000
        + u32::from(date.month().unsigned_abs()) * 100
        + u32::from(date.day().unsigned_abs())
}

/// Reads the value of a date input (`2026-07-03`) as YYYYMMDD. None: not a day of the calendar.
pub(crate) fn read_day(text: &str) -> Option<u32> {
    text.parse().ok().map(number_of)
}

/// The value of a date input for a day as messages carry it; empty for 0 or a day that does not exist.
pub(crate) fn input_day(number: u32) -> String {
    date_of(number).map(|date| date.to_string()).unwrap_or_default()
}

/// A case number in groups that can be read aloud: district, station, day, number of the day.
pub(crate) fn grouped(number: &str) -> String {
    if number.len() != 25 || !number.is_ascii() {
        return number.to_owned();
    }
    format!("{} {} {} {}", &number[..6], &number[6..12], &number[12..20], &number[20..])
}

/// The uniform name of a station: 便民服务站, 便民服务中心 or 政务服务中心 after the name of its place.
pub(crate) fn official_name(place: &str, tier: Tier) -> String {
    let office = match tier {
        Tier::Village => "便民服务站",
        Tier::Township => "便民服务中心",
        Tier::District => "政务服务中心",
    };
    // Until the organisation has arrived, the place is a code.
    let known = !place.bytes().all(|byte| byte.is_ascii_digit());
    if known && !place.ends_with(office) { format!("{place}{office}") } else { place.to_owned() }
}

/// The station where a case was opened: the first twelve digits of its number. 0: not a case number.
pub(crate) fn home_of(number: &str) -> u64 {
    number.get(..12).and_then(|home| home.parse().ok()).unwrap_or_default()
}

/// The digits of what a person typed as a number: groups, dashes and full-width digits are welcome.
pub(crate) fn digits(typed: &str) -> String {
    typed
        .chars()
        .filter_map(|character| match character {
            '０'..='９' => char::from_digit(u32::from(character) - u32::from('０'), 10),
            _ => character.is_ascii_digit().then_some(character),
        })
        .collect()
}

/// `64 GB`, `2.1 GB`, `1.4 MB`, `320 KB`.
pub(crate) fn size(bytes: &u64) -> String {
    const KB: u64 = 1024;
    const MB: u64 = 1024 * KB;
    const GB: u64 = 1024 * MB;
    if *bytes >= 10 * GB {
        format!("{} GB", bytes / GB)
    } else if *bytes >= GB {
        format!("{}.{} GB", bytes / GB, bytes % GB * 10 / GB)
    } else if *bytes >= MB {
        format!("{}.{} MB", bytes / MB, bytes % MB * 10 / MB)
    } else {
        format!("{} KB", bytes.div_ceil(KB))
    }
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// The bytes that [`hex`] wrote; empty where it is something else.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap_or_default()
}

/// `￥20.00`
pub(crate) fn yuan(fen: &u64) -> String {
    format!("￥{}.{:02}", fen / 100, fen % 100)
}

/// A sum in figures and words, as papers write it.
pub(crate) fn sum_on_paper(fen: &u64) -> String {
    sanji_domain::money::on_paper(*fen)
}

/// Reads the value of a time input (`2026-07-03T14:05`), or of a date input for the beginning of that day, as
/// milliseconds since 1970-01-01 UTC. None: no such moment.
pub(crate) fn read_time(text: &str) -> Option<u64> {
    let day = || text.parse::<Date>().ok().map(|day| day.to_datetime(jiff::civil::Time::midnight()));
    let at = text.parse::<DateTime>().ok().or_else(day)?;
    let at = TimeZone::fixed(CHINA).to_timestamp(at).ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_written_in_the_districts_time() {
        // 2026-07-02T18:30:00Z is already the next day in China.
        assert_eq!(time(&1_783_017_000_000), "2026年7月3日 02:30");
        assert_eq!(day_of(&1_783_017_000_000), "2026年7月3日");
        assert_eq!(time(&0), "");
        assert_eq!(day(&20_260_703), "2026年7月3日");
        for none in [0, 20_260_230, u32::MAX] {
            assert_eq!(day(&none), "", "{none}");
        }
        assert_eq!(read_day("2026-07-03"), Some(20_260_703));
        assert_eq!(read_day("2026-02-30"), None);
    }

    #[test]
    fn numbers_are_grouped_and_read_back() {
        let number = "9901061012032026070100427";
        assert_eq!(grouped(number), "990106 101203 20260701 00427");
        assert_eq!(digits(&grouped(number)), number);
        assert_eq!(digits(" ９９0-106 "), "990106");
        assert_eq!(grouped("<b>"), "<b>");
    }

    #[test]
    fn stations_carry_their_uniform_names() {
        assert_eq!(official_name("枫溪镇桃坡村", Tier::Village), "枫溪镇桃坡村便民服务站");
        assert_eq!(official_name("枫溪镇便民服务中心", Tier::Township), "枫溪镇便民服务中心");
        assert_eq!(official_name("澄川区", Tier::District), "澄川区政务服务中心");
        assert_eq!(official_name("990106101208", Tier::Village), "990106101208");
    }

    #[test]
    fn sizes_and_amounts_are_short() {
        assert_eq!(size(&1), "1 KB");
        assert_eq!(size(&1_572_864), "1.5 MB");
        assert_eq!((size(&(5 << 29)), size(&(64 << 30))), ("2.5 GB".to_owned(), "64 GB".to_owned()));
        assert_eq!(yuan(&2005), "￥20.05");
    }
}
