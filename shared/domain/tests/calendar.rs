//! Working days and deadlines, against days counted by hand on the official notices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use sanji_domain::calendar::{MissingYear, date_number, date_of_number, local_date};
use sanji_domain::{Calendar, Limit, Unit};

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/sample/calendar/cn-workdays.toml");
    fs::read_to_string(path).unwrap()
});
static CALENDAR: LazyLock<Calendar> = LazyLock::new(|| Calendar::parse("cn-workdays.toml", &TEXT).unwrap());

#[test]
fn days_around_the_holidays_of_2026() {
    let cases = [
        (date(2026, 1, 1), false, "元旦, a Thursday"),
        (date(2026, 1, 4), true, "a Sunday made up"),
        (date(2026, 2, 14), true, "a Saturday made up before 春节"),
        (date(2026, 2, 15), false, "春节 begins"),
        (date(2026, 2, 23), false, "春节 ends, a Monday"),
        (date(2026, 2, 24), true, "the first day after"),
        (date(2026, 2, 28), true, "a Saturday made up after 春节"),
        (date(2026, 3, 1), false, "a plain Sunday"),
        (date(2026, 4, 6), false, "清明节, a Monday"),
        (date(2026, 5, 9), true, "a Saturday made up"),
        (date(2026, 9, 20), true, "a Sunday made up"),
        (date(2026, 10, 10), true, "a Saturday made up"),
    ];
    for (day, works, what) in cases {
        assert_eq!(CALENDAR.is_working_day(day), Ok(works), "{day}: {what}");
    }
    assert_eq!(CALENDAR.holiday(date(2026, 2, 20)), Some("春节"));
    assert_eq!(CALENDAR.holiday(date(2026, 2, 24)), None);
}

#[test]
fn the_years_have_the_working_days_of_the_notices() {
    for (year, expected) in [(2024, 251), (2025, 248), (2026, 248)] {
        let days = date(year, 1, 1).series(1.day()).take_while(|day| day.year() == year);
        assert_eq!(days.filter(|day| CALENDAR.is_working_day(*day).unwrap()).count(), expected, "{year}");
    }
}

#[test]
fn deadlines_counted_by_hand() {
    let cases = [
        // Friday 13 February: Saturday 14 is made up, 15 to 23 are off, so 24 is the second day and 25 the third.
        (date(2026, 2, 13), Limit::working_days(1), date(2026, 2, 14)),
        (date(2026, 2, 13), Limit::working_days(3), date(2026, 2, 25)),
        // 24, 25, 26, 27 and the made-up Saturday 28, then Monday 2 March.
        (date(2026, 2, 14), Limit::working_days(5), date(2026, 2, 28)),
        (date(2026, 2, 14), Limit::working_days(6), date(2026, 3, 2)),
        // Accepted on a day off: the next working day is the first.
        (date(2026, 2, 18), Limit::working_days(1), date(2026, 2, 24)),
        // 2025: 26 January is a made-up Sunday, 28 January to 4 February are off, 8 February is a made-up Saturday.
        (date(2025, 1, 24), Limit::working_days(5), date(2025, 2, 7)),
        (date(2025, 1, 24), Limit::working_days(6), date(2025, 2, 8)),
        // Over the turn of the year: 30 and 31 December, 2 and 3 January.
        (date(2024, 12, 27), Limit::working_days(4), date(2025, 1, 3)),
        // 25 working days of a 低保 from Wednesday 1 July 2026: three weeks to the 22nd, two more to 5 August.
        (date(2026, 7, 1), Limit::working_days(25), date(2026, 8, 5)),
        // Consecutive days take no notice of holidays.
        (date(2026, 2, 13), Limit::natural_days(7), date(2026, 2, 20)),
        (date(2024, 2, 28), Limit::natural_days(2), date(2024, 3, 1)),
        (date(2026, 2, 18), Limit::ON_THE_SPOT, date(2026, 2, 18)),
        (date(2026, 2, 18), Limit::working_days(0), date(2026, 2, 18)),
    ];
    for (start, limit, expected) in cases {
        assert_eq!(CALENDAR.deadline(start, limit), Ok(expected), "{limit} from {start}");
    }
}

#[test]
fn nobody_guesses_a_year_that_is_not_announced() {
    assert_eq!(CALENDAR.is_working_day(date(2027, 1, 4)), Err(MissingYear(2027)));
    assert_eq!(CALENDAR.deadline(date(2026, 12, 28), Limit::working_days(4)), Err(MissingYear(2027)));
    assert_eq!(CALENDAR.deadline(date(2026, 12, 28), Limit::working_days(3)), Ok(date(2026, 12, 31)));
    assert_eq!(CALENDAR.deadline(date(2026, 12, 28), Limit::natural_days(10)), Ok(date(2027, 1, 7)));
    assert_eq!(CALENDAR.working_days_between(date(2026, 12, 30), date(2027, 1, 2)), Err(MissingYear(2027)));
}

#[test]
fn totals_that_do_not_fit_are_refused() {
    let faults = Calendar::parse("cn-workdays.toml", &TEXT.replacen("working_days = 251", "working_days = 250", 1));
    let faults = faults.unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].reason, "2024 年的工作日总数应为 251");
    let line = faults[0].line as usize;
    assert_eq!(TEXT.lines().nth(line - 1), Some("working_days = 251"));

    // A made-up day forgotten shows in the month and in the year.
    let faults = Calendar::parse("cn-workdays.toml", &TEXT.replacen("2026-02-14, ", "", 1)).unwrap_err();
    assert_eq!(faults.len(), 2);
    assert!(faults.iter().all(|fault| fault.reason.starts_with("2026 年")), "{faults:?}");
}

#[test]
fn a_break_that_ends_before_it_begins_is_refused() {
    let text = TEXT.replacen("to = 2026-02-23", "to = 2026-02-03", 1);
    let faults = Calendar::parse("cn-workdays.toml", &text).unwrap_err();
    assert!(faults.iter().any(|fault| fault.reason == "春节的最后一天早于第一天"), "{faults:?}");
    let text = TEXT.replacen("to = 2026-02-23", "to = 2026-02-30", 1);
    assert!(Calendar::parse("cn-workdays.toml", &text).is_err());
}

#[test]
fn the_day_turns_at_midnight_in_china() {
    // 2026-02-13T16:00:00Z is midnight in China.
    assert_eq!(local_date(1_770_998_399_999), date(2026, 2, 13));
    assert_eq!(local_date(1_770_998_400_000), date(2026, 2, 14));
    assert_eq!(local_date(0), date(1970, 1, 1));
    assert!(local_date(i64::MAX).year() > 9000);
    assert!(local_date(i64::MIN).year() < 0);
}

#[test]
fn dates_as_numbers() {
    assert_eq!(date_number(date(2026, 2, 14)), 20_260_214);
    assert_eq!(date_of_number(20_260_214), Some(date(2026, 2, 14)));
    for number in [0, 20_260_229, 20_261_301, 20_260_100, 99_999_999, u32::MAX] {
        assert_eq!(date_of_number(number), None, "{number}");
    }
}

/// Days early enough for a limit of sixty working days to end within the calendar.
fn start() -> impl Strategy<Value = Date> {
    (0_i64..950).prop_map(|days| date(2024, 1, 1).checked_add(days.days()).unwrap())
}

proptest! {
    #[test]
    fn a_deadline_in_working_days_is_a_working_day(start in start(), days in 1_u32..60) {
        let end = CALENDAR.deadline(start, Limit::working_days(days)).unwrap();
        prop_assert!(CALENDAR.is_working_day(end).unwrap());
        prop_assert_eq!(CALENDAR.working_days_between(start, end), Ok(days));
    }

    #[test]
    fn more_days_or_a_later_start_never_end_earlier(start in start(), days in 0_u32..59, unit in 0_usize..2) {
        let unit = Unit::ALL[unit];
        let end = CALENDAR.deadline(start, Limit { days, unit }).unwrap();
        let longer = CALENDAR.deadline(start, Limit { days: days + 1, unit }).unwrap();
        prop_assert!(longer > end);
        let later = CALENDAR.deadline(start.tomorrow().unwrap(), Limit { days, unit }).unwrap();
        prop_assert!(later >= end);
        prop_assert_eq!(CALENDAR.days_between(start, end, unit), Ok(days));
    }

    #[test]
    fn working_days_last_at_least_as_long_as_natural_days(start in start(), days in 0_u32..60) {
        let working = CALENDAR.deadline(start, Limit::working_days(days)).unwrap();
        prop_assert!(working >= CALENDAR.deadline(start, Limit::natural_days(days)).unwrap());
    }

    #[test]
    fn numbers_of_dates_come_back(start in start()) {
        prop_assert_eq!(date_of_number(date_number(start)), Some(start));
    }
}
