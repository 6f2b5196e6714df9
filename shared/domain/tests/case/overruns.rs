//! Supervision of limits: the statutory limit, special procedures that take too long, silence that counted as consent.
//! Each fires exactly where it must, with office, person and its division; in the case next to it, it is silent.

use jiff::civil::{Date, date};
use sanji_domain::Limit;
use sanji_domain::calendar::local_date;
use sanji_domain::case::{Action, Case, Command, Opinion};
use sanji_domain::supervision::{Alert, Arrivals, Cause, Level, alerts};

use crate::district::{DAY, MONDAY, TOWNSHIP, VILLAGE, code, district};
use crate::journey::{FULL_MANDATE, Journey};

const AGENT: &str = "990106101203-1";
const POLICE: &str = "990106101-12";

/// Monday 2 March 2026, on which all of these cases begin.
fn begun() -> Date {
    local_date(i64::try_from(MONDAY).unwrap())
}

fn on(day: Date) -> u64 {
    MONDAY + u64::try_from(begun().until(day).unwrap().get_days()).unwrap() * DAY
}

fn after(day: Date, limit: Limit) -> Date {
    district().calendar.deadline(day, limit).unwrap()
}

fn fired(case: &Case, rule: &str, day: Date) -> Vec<Alert> {
    fired_with(case, rule, day, &Arrivals::default())
}

fn fired_with(case: &Case, rule: &str, day: Date, arrivals: &Arrivals) -> Vec<Alert> {
    let found = alerts(case, &district().reference(), arrivals, day);
    found.into_iter().filter(|alert| alert.key.rule.as_str() == rule).collect()
}

fn accepted(item: &str) -> Journey {
    let mut journey = Journey::open(item, AGENT, Some(FULL_MANDATE)).unwrap();
    journey.do_it(Command::Accept { tolerated: Vec::new() });
    journey
}

/// What is told of a limit: level, days of the delay, and how many of them are a person's, the office's, the line's.
type Told = (Level, Option<u32>, [u32; 3]);

fn told(found: &[Alert]) -> Option<Told> {
    let [alert] = found else { return None };
    let division = alert.division.clone().unwrap_or_default();
    let days = [Cause::Person, Cause::Office, Cause::Line].map(|cause| division.of(cause));
    assert_eq!(division.total(), alert.delay.map_or(0, |delay| delay.days), "every day is somebody's");
    Some((alert.level, alert.delay.map(|delay| delay.days), days))
}

#[test]
fn the_statutory_limit_is_told_of_whoever_holds_the_case() {
    // 30 working days of 低保; the first nine tenths are quiet.
    let dibao = accepted("mz-dibao");
    let due = after(begun(), Limit::working_days(30));
    let [early, one, four] = [26, 31, 34].map(|days| after(begun(), Limit::working_days(days)));
    let cases = [
        (early, None),
        (due, Some((Level::Yellow, None, [0, 0, 0]))),
        (one, Some((Level::Red, Some(1), [0, 1, 0]))),
        (four, Some((Level::Red, Some(4), [0, 4, 0]))),
    ];
    for (day, expected) in cases {
        let found = fired(&dibao.case, "over-statutory", day);
        assert_eq!(told(&found), expected, "{day}");
        if let [alert] = &found[..] {
            assert_eq!((alert.office.station, alert.office.department.as_str()), (code(TOWNSHIP), "township"));
            assert_eq!((alert.due, alert.person.as_ref()), (Some(due), None), "nobody has acted in the survey");
        }
    }
}

#[test]
fn a_statutory_delay_is_charged_to_the_person_who_ended_the_stage_and_stays() {
    let mut dibao = accepted("mz-dibao");
    let late = after(begun(), Limit::working_days(33));
    dibao.now_ms = on(late);
    dibao.do_it(dibao.approving(Action::FinishStage));
    let surveyor = dibao.entries.last().unwrap().actor.clone();
    while dibao.forward().is_some() {}
    let found = fired(&dibao.case, "over-statutory", date(2026, 12, 1));
    let (level, delay, [person, ..]) = told(&found).unwrap();
    assert_eq!((level, found[0].person.as_ref().map(|person| person.id.to_string())), (Level::Red, Some(surveyor)));
    assert!(delay >= Some(3) && person >= 3, "{delay:?}, {person}");
    assert!(found[0].points > 5, "points for each day");
    assert_eq!(fired(&dibao.case, "over-statutory", date(2026, 6, 30))[0].division, found[0].division, "it stays so");
}

#[test]
fn in_time_or_without_a_statutory_limit_nothing_is_told() {
    let mut prompt = accepted("mz-dibao");
    while prompt.forward().is_some() {}
    assert_eq!(fired(&prompt.case, "over-statutory", date(2026, 12, 1)).len(), 0, "answered in time");
    let housing = accepted("zj-gongzufang");
    assert_eq!(fired(&housing.case, "over-statutory", date(2026, 12, 1)).len(), 0, "the item has no statutory limit");
    assert_eq!(fired(&housing.case, "over-promised", date(2026, 12, 1)).len(), 1, "it has a promise");
    let waits = Journey::open("mz-dibao", AGENT, Some(FULL_MANDATE)).unwrap();
    assert_eq!(fired(&waits.case, "over-statutory", date(2026, 12, 1)).len(), 0, "it runs from acceptance");
}

#[test]
fn days_for_which_a_statutory_delay_lay_on_the_line_cost_nobody_points() {
    let dibao = accepted("mz-dibao");
    let mut arrivals = Arrivals::default();
    arrivals.on_the_way(dibao.entries.last().unwrap().hash);
    let over = after(begun(), Limit::working_days(32));
    let found = fired_with(&dibao.case, "over-statutory", over, &arrivals);
    assert_eq!((told(&found), found[0].points), (Some((Level::Red, Some(2), [0, 0, 2])), 0));
    let here = fired(&dibao.case, "over-statutory", over);
    assert_eq!(told(&here), Some((Level::Red, Some(2), [0, 2, 0])), "what has arrived is the office's");
    assert!(here[0].points > 0);
}

/// 出生登记, for which the police station inquires; the clock stands.
fn inquired() -> Journey {
    let mut journey = Journey::open("ga-chusheng", POLICE, None).unwrap();
    let suspend = journey.approving(Action::Suspend);
    journey.act(POLICE, suspend).unwrap();
    journey
}

fn longest() -> Limit {
    let item = district().item("ga-chusheng");
    item.special.iter().find(|special| special.stage.as_str() == "handle").unwrap().limit
}

#[test]
fn a_special_procedure_is_told_when_it_takes_longer_than_the_item_allows() {
    let inquiry = inquired();
    let due = after(begun(), longest());
    let late = due.tomorrow().unwrap();
    assert_eq!(fired(&inquiry.case, "over-special", due).len(), 0, "the last day is not over");
    let found = fired(&inquiry.case, "over-special", late);
    let [alert] = &found[..] else { panic!("{} alerts", found.len()) };
    assert_eq!((alert.level, alert.points, alert.due), (Level::Yellow, 0, Some(due)));
    assert_eq!((alert.office.station, alert.office.department.as_str()), (code(TOWNSHIP), "ga-station"));
    assert_eq!(alert.person.as_ref().map(|person| person.id.as_str()), Some(POLICE), "who began it");
    assert_eq!(alert.division, None, "the clock stands: no day of a limit is late");
    assert!(alert.words.contains("调查核实"));
    assert_eq!(fired(&inquiry.case, "over-special", date(2026, 12, 1)).len(), 1, "once, however long");
}

#[test]
fn a_special_procedure_that_ends_on_its_last_day_is_told_never() {
    let due = after(begun(), longest());
    let ended = |day: Date| {
        let mut journey = inquired();
        journey.now_ms = on(day);
        journey.do_it(Command::Resume { outside_number: String::new() });
        journey.case
    };
    assert_eq!(fired(&ended(due), "over-special", date(2026, 12, 1)).len(), 0);
    let late = ended(due.tomorrow().unwrap());
    assert_eq!(fired(&late, "over-special", date(2026, 12, 1)).len(), 1, "it stays told");
    let quiet = Journey::open("ga-chusheng", POLICE, None).unwrap();
    assert_eq!(fired(&quiet.case, "over-special", date(2026, 12, 1)).len(), 0, "none was begun");
}

/// 义务教育缓学: approved by silence after five working days.
fn silent() -> (Journey, Date) {
    let mut leave = accepted("jy-huanxue");
    let due = after(begun(), Limit::working_days(5));
    leave.now_ms = on(due.tomorrow().unwrap());
    assert!(leave.itself(TOWNSHIP).is_some());
    (leave, due)
}

#[test]
fn silence_that_counts_as_consent_is_told_of_the_office_that_owed_the_answer() {
    let (leave, due) = silent();
    let written = due.tomorrow().unwrap();
    let found = fired(&leave.case, "tacit-approval", written);
    let [alert] = &found[..] else { panic!("{} alerts", found.len()) };
    assert_eq!((alert.level, alert.levels.clone()), (Level::Red, vec![(Level::Red, written)]));
    assert_eq!((alert.office.station, alert.office.department.as_str()), (code(TOWNSHIP), "township"));
    assert_eq!((alert.person.as_ref(), alert.points), (None, 5), "the station wrote it, the office was silent");
    assert_eq!((alert.delay, alert.division.as_ref()), (None, None));
    assert_eq!(fired(&leave.case, "tacit-approval", date(2026, 12, 1)).len(), 1, "once");
}

#[test]
fn an_answer_in_time_is_no_silence() {
    let mut leave = accepted("jy-huanxue");
    let due = after(begun(), Limit::working_days(5));
    leave.now_ms = on(due);
    while leave.forward().is_some() {}
    assert_eq!(fired(&leave.case, "tacit-approval", date(2026, 12, 1)).len(), 0, "decided on the last day");
    let mut dibao = accepted("mz-dibao");
    dibao.now_ms = on(date(2026, 9, 1));
    assert!([VILLAGE, TOWNSHIP].iter().all(|station| dibao.itself(station).is_none()), "no silence is consent to it");
    assert_eq!(fired(&dibao.case, "tacit-approval", date(2026, 9, 1)).len(), 0);
}

#[test]
fn a_department_that_disagrees_has_skipped_nothing() {
    let mut housing = accepted("zj-gongzufang");
    while housing.stage() != "mz" {
        housing.forward();
    }
    let disagree = |opinion| Command::FinishStage {
        opinion,
        words: "收入超过标准".into(),
        outside_number: String::new(),
        together_with: Vec::new(),
        materials: Vec::new(),
        attachments: Vec::new(),
        answered_on: None,
        stage: Some("mz".parse().unwrap()),
    };
    housing.act("mz-03", disagree(Opinion::Disagree)).unwrap();
    assert_eq!(housing.stage(), "approve", "straight to whoever decides");
    let today = local_date(i64::try_from(housing.now_ms).unwrap());
    assert_eq!(fired(&housing.case, "skipped-stage", today).len(), 0);
}
