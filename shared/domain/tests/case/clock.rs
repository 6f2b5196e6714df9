//! Deadlines, against dates counted by hand on the calendar of 2026. Off in spring: Qingming 4–6 April, Labour Day
//! 1–5 May; Saturday 9 May is made up.

use jiff::civil::{Date, date};
use sanji_domain::case::{Action, CaseClock, case_clock};

use crate::district::{DAY, MONDAY, district};
use crate::journey::{FULL_MANDATE, Journey};

const AGENT: &str = "990106101203-1";

fn day(month: i8, day: i8) -> Date {
    date(2026, month, day)
}

fn days_since_monday(day: Date) -> u64 {
    u64::try_from(date(2026, 3, 2).until(day).unwrap().get_days()).unwrap()
}

/// A case opened at the village on a day.
fn opened(item: &str, on: Date) -> Journey {
    Journey::open_at(item, AGENT, Some(FULL_MANDATE), MONDAY + days_since_monday(on) * DAY).unwrap()
}

impl Journey {
    fn on(&mut self, on: Date) -> &mut Self {
        self.now_ms = MONDAY + days_since_monday(on) * DAY;
        self
    }

    fn step(&mut self, action: Action) -> &mut Self {
        self.do_it(self.approving(action));
        self
    }

    fn shows(&self, on: Date) -> CaseClock {
        let district = district();
        case_clock(&self.case, self.item, &district.calendar, &district.defaults, on)
    }
}

#[test]
fn working_days_skip_holidays_and_take_made_up_saturdays() {
    let mut dibao = opened("mz-dibao", day(3, 30));
    let waiting = dibao.shows(day(3, 31));
    assert_eq!((waiting.accepted_on, waiting.promised_until), (None, None));
    // 31 March, 1–3 and 7 April.
    assert_eq!(waiting.stage_until, Some(day(4, 7)));
    assert_eq!(waiting.words, "剩余4个工作日");

    dibao.step(Action::Accept);
    let clock = dibao.shows(day(4, 3));
    assert_eq!(clock.accepted_on, Some(day(3, 30)));
    // March 1, April 21 less those of the holiday = 22 days by 30 April, then 6, 7 and 8 May.
    assert_eq!(clock.promised_until, Some(day(5, 8)));
    // … then 9 (made up), 11, 12, 13, 14 May.
    assert_eq!(clock.statutory_until, Some(day(5, 14)));
    assert_eq!((clock.used_days, clock.suspended), (4, false));
    assert_eq!(clock.words, "剩余21个工作日");
    assert_eq!(dibao.shows(day(5, 8)).words, "今日到期");
    assert_eq!(dibao.shows(day(5, 11)).words, "已超期2个工作日");
}

#[test]
fn natural_days_run_on() {
    let mut permit = opened("ga-juzhuzheng", day(4, 22));
    permit.step(Action::Accept);
    let clock = permit.shows(day(4, 30));
    assert_eq!(clock.promised_until, Some(day(5, 2)));
    assert_eq!(clock.statutory_until, Some(day(5, 7)));
    assert_eq!((clock.used_days, clock.words.as_str()), (8, "剩余2个自然日"));
    assert_eq!(permit.shows(day(5, 3)).words, "已超期1个自然日");
}

#[test]
fn a_special_procedure_stops_the_clock() {
    let mut refund = opened("yb-baoxiao", day(4, 22));
    refund.step(Action::Accept).step(Action::FinishStage);
    assert_eq!(refund.stage(), "check");
    // 23, 24, 27–30 April, 6–9, 11–15 May.
    assert_eq!(refund.shows(day(4, 22)).promised_until, Some(day(5, 15)));

    refund.on(day(4, 29)).step(Action::Suspend);
    let clock = refund.shows(day(5, 6));
    // 30 April and 6 May stood.
    assert_eq!((clock.promised_until, clock.used_days, clock.suspended), (Some(day(5, 19)), 5, true));
    assert_eq!(clock.words, "计时暂停（票据真伪与外伤调查）");
    refund.on(day(5, 7)).step(Action::Resume);
    let clock = refund.shows(day(5, 8));
    // 7 May stood too.
    assert_eq!((clock.promised_until, clock.used_days, clock.suspended), (Some(day(5, 20)), 6, false));
    // 30 working days from 22 April end on 5 June; three stood.
    assert_eq!(clock.statutory_until, Some(day(6, 10)));
    // The stage's 8 days from 22 April end on 7 May; three stood.
    assert_eq!(clock.stage_until, Some(day(5, 11)));
    assert_eq!(clock.words, "剩余9个工作日");
}

#[test]
fn stages_that_do_not_count_stop_the_promise() {
    let mut chronic = opened("yb-mante", day(4, 22));
    chronic.step(Action::Accept);
    chronic.on(day(4, 24)).step(Action::FinishStage);
    assert_eq!(chronic.stage(), "expert");
    chronic.on(day(4, 30)).step(Action::FinishStage);
    let clock = chronic.shows(day(4, 30));
    // 27–30 April stood: 10 + 4 days from 22 April, and 20 + 4.
    assert_eq!((clock.promised_until, clock.statutory_until), (Some(day(5, 14)), Some(day(5, 28))));
    assert_eq!((clock.used_days, clock.words.as_str()), (2, "剩余8个工作日"));
    // Once decided, the clock stays as it is.
    chronic.on(day(5, 6)).step(Action::Decide);
    let clock = chronic.shows(day(5, 25));
    assert_eq!((clock.promised_until, clock.used_days), (Some(day(5, 14)), 3));
    chronic.step(Action::Deliver);
    assert_eq!(chronic.shows(day(5, 25)).words, "");
}

#[test]
fn a_notice_hangs_for_its_days_from_the_day_after() {
    let mut aid = opened("mz-linshi", day(4, 27));
    aid.step(Action::Accept).step(Action::FinishStage).step(Action::PostPublicity);
    let run = aid.case.publicity().unwrap();
    // Three working days: 28, 29, 30 April.
    assert_eq!((run.from, run.until), (day(4, 28), Some(day(4, 30))));
    assert_eq!(aid.shows(day(4, 28)).words, "公示至2026年4月30日");
    aid.on(day(4, 30));
    assert!(aid.offered(Action::EndPublicity).is_none());
    aid.on(day(5, 1));
    assert!(aid.offered(Action::EndPublicity).is_some());
}

#[test]
fn a_correction_begins_the_time_anew() {
    let mut dibao = opened("mz-dibao", day(4, 22));
    dibao.on(day(4, 23)).step(Action::RequestCorrection);
    // 15 working days: 24, 27–30 April, 6–9, 11–15, 18 May.
    assert_eq!(dibao.case.correction().unwrap().until, Some(day(5, 18)));
    assert_eq!(dibao.shows(day(4, 24)).words, "等待补正，2026年5月18日前补齐");
    dibao.on(day(4, 30)).step(Action::SupplyCorrection);
    // 6–9 and 11 May.
    assert_eq!(dibao.shows(day(4, 30)).stage_until, Some(day(5, 11)));
    dibao.on(day(5, 11)).step(Action::Accept);
    assert!(!dibao.case.acceptance_deemed());
    assert_eq!(dibao.shows(day(5, 11)).accepted_on, Some(day(5, 11)));
}

#[test]
fn a_correction_begins_a_stage_anew_that_decides_at_once() {
    let mut note = opened("cun-juzhu", day(3, 2));
    assert_eq!(note.shows(day(3, 2)).stage_until, Some(day(3, 2)));
    note.step(Action::RequestCorrection).on(day(3, 20)).step(Action::SupplyCorrection);
    let clock = note.shows(day(3, 20));
    assert_eq!((clock.stage_until, clock.words.as_str()), (Some(day(3, 20)), "今日到期"));
}

#[test]
fn who_does_not_answer_has_accepted_on_the_day_of_receipt() {
    let mut dibao = opened("mz-dibao", day(4, 22));
    // 23, 24, 27, 28, 29 April.
    dibao.on(day(4, 29));
    assert!(dibao.offered(Action::RefuseAcceptance).is_some());
    dibao.on(day(4, 30));
    assert!(dibao.offered(Action::RefuseAcceptance).is_none());
    dibao.step(Action::Accept);
    assert!(dibao.case.acceptance_deemed());
    let clock = dibao.shows(day(4, 30));
    assert_eq!((clock.accepted_on, clock.used_days), (Some(day(4, 22)), 6));
    // 25 days from 22 April: 6 by 30 April, 4 by 9 May, then three weeks.
    assert_eq!(clock.promised_until, Some(day(5, 29)));
}

#[test]
fn the_time_to_answer_begins_when_the_village_has_done_its_part() {
    let mut house = opened("zr-zhaijidi", day(4, 7));
    house.step(Action::FinishStage).step(Action::PostPublicity);
    house.on(day(4, 15)).step(Action::EndPublicity);
    house.on(day(4, 22)).step(Action::FinishStage);
    assert_eq!(house.stage(), "accept");
    assert_eq!(house.shows(day(4, 22)).stage_until, Some(day(4, 29)));
}

#[test]
fn nobody_guesses_the_holidays_of_an_unknown_year() {
    let mut dibao = opened("mz-dibao", day(12, 15));
    dibao.step(Action::Accept);
    let clock = dibao.shows(day(12, 16));
    assert_eq!((clock.accepted_on, clock.promised_until), (Some(day(12, 15)), None));
    assert_eq!(clock.words, "缺少2027年工作日历，暂不能计算期限");
}

#[test]
fn a_deadline_that_is_over_stays_known_in_a_year_that_nobody_knows() {
    let mut dibao = opened("mz-dibao", day(11, 2));
    dibao.step(Action::Accept);
    // 25 working days from 2 November.
    let clock = dibao.shows(date(2027, 1, 5));
    assert_eq!((clock.promised_until, clock.missing_year), (Some(day(12, 7)), Some(2027)));
    assert_eq!(clock.words, "已超期");
}

#[test]
fn a_clock_that_runs_behind_moves_no_deadline_back() {
    let mut dibao = opened("mz-dibao", day(4, 22));
    dibao.step(Action::Accept);
    let expected = dibao.shows(day(4, 24)).promised_until;
    // The next step bears a time before the acceptance.
    dibao.on(day(4, 20)).step(Action::FinishStage);
    assert!(dibao.case.steps().last().unwrap().time < dibao.case.accepted_at().unwrap());
    assert_eq!(dibao.shows(day(4, 24)).promised_until, expected);
}
