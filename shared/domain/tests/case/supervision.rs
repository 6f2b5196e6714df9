//! Supervision: each rule against a case that breaks it, how delays divide, what people may say, and the ranking.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use sanji_domain::Staff;
use sanji_domain::calendar::local_date;
use sanji_domain::case::{Action, Body, Case, CaseEntry, Command, RefusalCode, Step, StepEvent, decide};
use sanji_domain::supervision::say::may_say_of;
use sanji_domain::supervision::{
    Alert, AlertState, Arrivals, Cause, Level, Period, Saying, Subject, alerts, contributions, digest, orders, rank,
    responsibility,
};
use sanji_log::CaseId;

use crate::district::{DAY, DISTRICT, MONDAY, TOWNSHIP, VILLAGE, code, district};
use crate::journey::{FULL_MANDATE, Journey};

const AGENT: &str = "990106101203-1";
pub(crate) const SUPERVISOR: &str = "js-01";

fn day(month: i8, day: i8) -> Date {
    date(2026, month, day)
}

fn opened(item: &str) -> Journey {
    Journey::open(item, AGENT, Some(FULL_MANDATE)).unwrap()
}

pub(crate) fn at(case: &Case, on: Date) -> Vec<Alert> {
    alerts(case, &district().reference(), &Arrivals::default(), on)
}

/// Key and level of each alert.
fn told(case: &Case, on: Date) -> Vec<(String, Level)> {
    at(case, on).into_iter().map(|alert| (alert.key.to_string(), alert.level)).collect()
}

pub(crate) fn folded(entries: &[CaseEntry]) -> Case {
    let mut case = Case::new(CaseId::new(entries[0].log.home, 9557, 1, [7; 7]).unwrap());
    entries.iter().for_each(|entry| case.apply(entry));
    case
}

impl Journey {
    fn go_to(&mut self, on: Date) -> &mut Self {
        self.now_ms = MONDAY + u64::try_from(date(2026, 3, 2).until(on).unwrap().get_days()).unwrap() * DAY;
        self
    }

    fn take(&mut self, action: Action) -> &mut Self {
        self.do_it(self.approving(action));
        self
    }

    pub(crate) fn today(&self) -> Date {
        local_date(i64::try_from(self.now_ms).unwrap())
    }

    /// What a person would say to a matter of supervision that is theirs; to nothing where none is.
    pub(crate) fn supervising(&self, actor: &Staff, action: Action) -> Command {
        let saying = match action {
            Action::AnswerAlert => Saying::Answer,
            Action::AppealAlert => Saying::Appeal,
            _ => Saying::Review { revoked: action == Action::RevokeAlert },
        };
        let theirs = at(&self.case, self.today()).into_iter().find(|alert| may_say_of(alert, saying, actor));
        let (alert, words) = (theirs.map_or_else(String::new, |alert| alert.key.to_string()), "说明情况".to_owned());
        match action {
            Action::AnswerAlert => Command::AnswerAlert { alert, words },
            Action::AppealAlert => Command::AppealAlert { alert, words },
            Action::RevokeAlert => Command::ReviewAlert { alert, revoked: true, words },
            Action::UpholdAlert => Command::ReviewAlert { alert, revoked: false, words },
            Action::IssueOrder => Command::IssueOrder { office: None, until: self.today(), words },
            _ => {
                let order = orders(&self.case).into_iter().find(|order| order.office.station == actor.place);
                Command::AnswerOrder { order: order.map_or(crate::journey::hash(0), |order| order.hash), words }
            }
        }
    }

    /// The entries with one step changed, as a station of another release might have written it.
    fn altered(&self, which: impl Fn(&StepEvent) -> bool, change: impl Fn(&mut Step)) -> Vec<CaseEntry> {
        let mut entries = self.entries.clone();
        let changed = entries.iter_mut().find_map(|entry| match &mut entry.body {
            Body::Step(step) if which(&step.event) => Some(step),
            _ => None,
        });
        change(changed.expect("a step to change"));
        entries
    }
}

#[test]
fn a_limit_is_told_before_it_ends_and_after() {
    // 25 working days from Monday 2 March: Tuesday 7 April, after the holiday of 4 to 6 April.
    let mut dibao = opened("mz-dibao");
    dibao.take(Action::Accept);
    let promised = |on| {
        let found = at(&dibao.case, on).into_iter().find(|alert| alert.key.rule.as_str() == "over-promised");
        found.map(|alert| (alert.level, alert.delay.map(|delay| delay.days), alert.answer_until))
    };
    let cases = [
        (day(4, 1), None),
        // 23 of 25 days are 92 %.
        (day(4, 2), Some((Level::Yellow, None, Some(day(4, 8))))),
        (day(4, 7), Some((Level::Yellow, None, Some(day(4, 8))))),
        (day(4, 8), Some((Level::Red, Some(1), Some(day(4, 13))))),
        (day(4, 13), Some((Level::Red, Some(4), Some(day(4, 13))))),
    ];
    for (on, expected) in cases {
        assert_eq!(promised(on), expected, "{on}");
    }
}

#[test]
fn a_short_limit_is_prompted_on_the_working_day_before() {
    // Five working days to answer: until Monday 9 March.
    let waits = opened("mz-dibao").case;
    let answer = |on| told(&waits, on).into_iter().find(|(key, _)| key == "no-answer.accept.1").map(|(_, level)| level);
    let cases = [
        (day(3, 5), None),
        (day(3, 6), Some(Level::Prompt)),
        (day(3, 8), Some(Level::Prompt)),
        (day(3, 9), Some(Level::Yellow)),
        (day(3, 10), Some(Level::Red)),
    ];
    for (on, expected) in cases {
        assert_eq!(answer(on), expected, "{on}");
    }
}

#[test]
fn what_is_done_in_time_raises_nothing() {
    let mut journey = opened("mz-dibao");
    while journey.forward().is_some() {}
    assert_eq!(told(&journey.case, day(12, 1)), []);
    // Whatever happens later: a case that is closed gets no alert.
    assert_eq!(told(&journey.case, day(12, 30)), []);
}

#[test]
fn every_item_handled_in_time_raises_nothing() {
    let district = district();
    for (_, item) in district.catalogue.iter() {
        let home = [VILLAGE, TOWNSHIP, DISTRICT].into_iter().find_map(|home| {
            let mandate = (home == VILLAGE).then_some(FULL_MANDATE);
            let mut people = district.people_at(code(home));
            people.find_map(|actor| Journey::open(item.code.as_str(), actor.id.as_str(), mandate).ok())
        });
        let Some(mut journey) = home else { continue };
        while journey.forward().is_some() {}
        let found: Vec<String> =
            at(&journey.case, journey.today()).iter().map(|alert| format!("{} {}", alert.key, alert.words)).collect();
        assert_eq!(found, Vec::<String>::new(), "{}", item.code);
    }
}

/// A case that breaks one rule, and the alert that tells of it.
fn broken() -> Vec<(&'static str, &'static str, Vec<CaseEntry>)> {
    let whole = |item: &str, actor: &str| {
        let mandate = actor.starts_with("990106101203").then_some(FULL_MANDATE);
        let mut journey = Journey::open(item, actor, mandate).unwrap();
        while journey.forward().is_some() {}
        journey
    };
    let dibao = whole("mz-dibao", AGENT);
    let felling = whole("ly-caifa", "990106101-04");
    let corrected = {
        let mut journey = opened("mz-dibao");
        journey.take(Action::RequestCorrection).take(Action::SupplyCorrection).take(Action::Accept);
        // Of a release that allows a second one.
        let mut entries = journey.entries.clone();
        if let Body::Step(step) = &mut entries[3].body {
            step.stage = Some("accept".parse().unwrap());
            step.event = StepEvent::CorrectionRequested {
                faults: Vec::new(),
                until: Some(day(3, 23)),
                back_to: code(TOWNSHIP),
                back_to_stage: "accept".parse().unwrap(),
            };
        }
        entries
    };
    let denied = |mut journey: Journey| {
        journey.until(Action::Decide);
        let command = Command::Decide {
            approved: false,
            reason: "不符合".into(),
            basis: "办法第五条".into(),
            ground: 0,
            document_number: String::new(),
            answered_on: None,
            stage: None,
        };
        journey.do_it(command);
        journey
    };
    let is_survey =
        |event: &StepEvent| matches!(event, StepEvent::StageFinished { stage, .. } if stage.as_str() == "survey");
    let is_decided = |event: &StepEvent| matches!(event, StepEvent::Decided { .. });
    let mut skipped = dibao.altered(is_survey, |step| step.stage = Some("forward".parse().unwrap()));
    skipped.truncate(3);
    vec![
        ("second correction", "second-correction.accept.1", corrected),
        ("skipped stages", "skipped-stage.first.1", skipped),
        (
            "a notice that hung too short",
            "notice-short.notice.1",
            dibao.altered(
                |event| matches!(event, StepEvent::PublicityPosted { .. }),
                |step| {
                    if let StepEvent::PublicityPosted { until, from, .. } = &mut step.event {
                        *until = Some(*from);
                    }
                },
            ),
        ),
        (
            "a visit by one",
            "few-visitors.site.1",
            felling.altered(
                |event| matches!(event, StepEvent::StageFinished { stage, .. } if stage.as_str() == "site"),
                |step| {
                    if let StepEvent::StageFinished { together_with, .. } = &mut step.event {
                        together_with.clear();
                    }
                },
            ),
        ),
        (
            "no document",
            "no-document.-.1",
            felling.altered(is_decided, |step| {
                if let StepEvent::Decided { document_number, .. } = &mut step.event {
                    document_number.clear();
                }
            }),
        ),
        ("no power", "no-power.approve.1", dibao.altered(is_decided, |step| step.actor.role = "窗口受理".into())),
        (
            "another department",
            "no-power.approve.1",
            dibao.altered(is_decided, |step| step.actor.department = "rs".into()),
        ),
        (
            "material missing",
            "material-missing.accept.1",
            dibao.altered(
                |event| matches!(event, StepEvent::Submitted(_)),
                |step| {
                    if let StepEvent::Submitted(submitted) = &mut step.event {
                        submitted.materials.clear();
                    }
                },
            ),
        ),
        (
            "no reason",
            "no-reason.approve.1",
            denied(opened("mz-dibao")).altered(is_decided, |step| {
                if let StepEvent::Decided { basis, .. } = &mut step.event {
                    basis.clear();
                }
            }),
        ),
    ]
}

#[test]
fn each_rule_finds_what_breaks_it() {
    for (what, key, entries) in broken() {
        let case = folded(&entries);
        assert!(case.rev() > 1, "{what}: the case is whole");
        let found = at(&case, day(4, 3));
        let alert = found.iter().find(|alert| alert.key.to_string() == key);
        let alert = alert.unwrap_or_else(|| panic!("{what}: {:?}", told(&case, day(4, 3))));
        assert_eq!((alert.level, alert.division.as_ref()), (Level::Red, None), "{what}");
        assert!(alert.points > 0 && !alert.words.is_empty(), "{what}");
        // And whatever the order in which its entries came, and twice.
        let mut shuffled = entries.clone();
        shuffled.reverse();
        shuffled.extend(entries);
        assert_eq!(at(&folded(&shuffled), day(4, 3)), found, "{what}");
    }
}

#[test]
fn a_stage_that_takes_too_long_is_charged_to_whoever_took_it() {
    let mut dibao = opened("mz-dibao");
    dibao.take(Action::Accept);
    // Ten working days for the survey: until 16 March. It takes four more.
    let over = |case: &Case, on| {
        let found = at(case, on).into_iter().find(|alert| alert.key.to_string() == "over-stage.survey.1").unwrap();
        let division = found.division.clone().unwrap_or_default();
        (found.level, division.of(Cause::Person), division.of(Cause::Office), found.person.map(|person| person.id))
    };
    assert_eq!(over(&dibao.case, day(3, 20)), (Level::Red, 0, 4, None), "nobody has acted: the office's");
    dibao.go_to(day(3, 20)).take(Action::FinishStage);
    let who = dibao.entries.last().unwrap().actor.parse().ok();
    assert_eq!(over(&dibao.case, day(3, 20)), (Level::Red, 4, 0, who.clone()));
    assert_eq!(over(&dibao.case, day(9, 1)), (Level::Red, 4, 0, who), "it stays so");
}

#[test]
fn days_on_the_way_are_the_lines() {
    let dibao = opened("mz-dibao");
    let mut arrivals = Arrivals::default();
    // Written on 2 March, at the township only on Friday 13 March: four days after the limit of five.
    arrivals.arrived(dibao.entries[0].hash, MONDAY + 11 * DAY);
    let on = |arrivals: &Arrivals, day| {
        let found = alerts(&dibao.case, &district().reference(), arrivals, day);
        let alert = found.into_iter().find(|alert| alert.key.rule.as_str() == "no-answer").unwrap();
        let division = alert.division.unwrap();
        (alert.delay.unwrap().days, division.of(Cause::Line), division.of(Cause::Office), alert.points)
    };
    assert_eq!(on(&arrivals, day(3, 13)), (4, 4, 0, 0), "a dead line costs nobody points");
    let mut never = Arrivals::default();
    never.on_the_way(dibao.entries[0].hash);
    assert_eq!(on(&never, day(3, 20)), (9, 9, 0, 0));
    assert_eq!(on(&Arrivals::default(), day(3, 13)).1, 0, "unknown is not the line's");
}

/// A dibao case whose promise is over because the survey took too long, closed on 30 April.
pub(crate) fn late() -> Journey {
    let mut journey = opened("mz-dibao");
    journey.take(Action::Accept);
    journey.go_to(day(4, 10)).take(Action::FinishStage);
    while journey.forward().is_some() {}
    journey
}

#[test]
fn an_overrun_case_yields_who_is_responsible() {
    let late = late();
    let reference = district().reference();
    let record = responsibility(&late.case, &reference, &Arrivals::default(), late.today()).unwrap();
    let surveyor: sanji_domain::StaffId = late.entries[2].actor.parse().unwrap();
    assert_eq!(record.person.as_ref().map(|person| &person.id), Some(&surveyor));
    assert_eq!(record.office.as_ref().map(|office| office.station), Some(code(TOWNSHIP)));
    let division = record.division().unwrap();
    assert_eq!(Some(division.total()), record.alert.delay.map(|delay| delay.days));
    let stages: Vec<&str> = record.chain.iter().map(|held| held.stage.as_str()).collect();
    assert_eq!(stages, ["accept", "survey", "first", "notice", "forward", "approve", "deliver"]);
    assert!(record.chain.iter().all(|held| held.to.is_some() && !held.people.is_empty()));
    let mut prompt = opened("mz-dibao");
    while prompt.forward().is_some() {}
    assert_eq!(responsibility(&prompt.case, &reference, &Arrivals::default(), day(12, 1)), None);
}

#[test]
fn alerts_are_answered_appealed_and_revoked_and_all_is_kept() {
    let mut late = late();
    let surveyor = late.entries[2].actor.clone();
    let key = "over-promised.-.1";
    let promised = |journey: &Journey| {
        at(&journey.case, journey.today()).into_iter().find(|alert| alert.key.to_string() == key).unwrap()
    };
    let before = promised(&late);
    assert!(before.points > 0 && before.is_open());
    let words = |text: &str| (key.to_owned(), text.to_owned());
    let answer = |text: &str| {
        let (alert, words) = words(text);
        Command::AnswerAlert { alert, words }
    };
    // Not theirs, no words, personal data, no such alert.
    let refused = |journey: &mut Journey, who: &str, command: Command| journey.act(who, command).unwrap_err().code;
    assert_eq!(refused(&mut late, "rs-01", answer("不是我")), RefusalCode::NotEntitled);
    assert_eq!(refused(&mut late, &surveyor, answer(" ")), RefusalCode::ReasonMissing);
    assert_eq!(refused(&mut late, &surveyor, answer("申请人电话13800000000")), RefusalCode::InvalidInput);
    let none = Command::AnswerAlert { alert: "over-stage.first.1".into(), words: "无".into() };
    assert_eq!(refused(&mut late, &surveyor, none), RefusalCode::InvalidInput);

    late.act(&surveyor, answer("入户三次无人在家")).unwrap();
    assert_eq!(promised(&late).state, AlertState::Answered);
    assert_eq!(refused(&mut late, &surveyor, answer("再说一次")), RefusalCode::AlreadyDone);
    let (alert, words) = words("农忙，申请人外出");
    late.act(&surveyor, Command::AppealAlert { alert: alert.clone(), words }).unwrap();
    assert_eq!(promised(&late).state, AlertState::Appealed);
    let review = |revoked| Command::ReviewAlert { alert: alert.clone(), revoked, words: "已核实".into() };
    assert_eq!(refused(&mut late, &surveyor, review(true)), RefusalCode::NotEntitled);
    late.act(SUPERVISOR, review(false)).unwrap();
    let upheld = promised(&late);
    assert_eq!((upheld.state, upheld.points), (AlertState::Upheld, before.points));
    late.act(SUPERVISOR, review(true)).unwrap();
    let revoked = promised(&late);
    assert_eq!((revoked.state, revoked.points, revoked.said.len()), (AlertState::Revoked, 0, 4));
    let record = responsibility(&late.case, &district().reference(), &Arrivals::default(), late.today());
    assert_eq!(record, None, "nobody is responsible for a revoked alert");
    let mut backwards = late.entries.clone();
    backwards.reverse();
    assert_eq!(at(&folded(&backwards), late.today()), at(&late.case, late.today()));
}

#[test]
fn orders_are_issued_by_supervisors_and_answered_by_the_office() {
    let mut dibao = opened("mz-dibao");
    dibao.take(Action::Accept);
    let order = || Command::IssueOrder { office: None, until: day(3, 10), words: "请于期限内办结".into() };
    assert_eq!(dibao.act("mz-01", order()).unwrap_err().code, RefusalCode::NotEntitled);
    let past = Command::IssueOrder { office: None, until: day(3, 1), words: "晚了".into() };
    assert_eq!(dibao.act(SUPERVISOR, past).unwrap_err().code, RefusalCode::InvalidInput);
    dibao.act(SUPERVISOR, order()).unwrap();
    let issued = orders(&dibao.case).remove(0);
    assert_eq!((issued.office.station, issued.until), (code(TOWNSHIP), day(3, 10)));
    assert_eq!((issued.state(day(3, 10)), issued.state(day(3, 11))), ("待反馈", "逾期未反馈"));
    let answer = |words: &str| Command::AnswerOrder { order: issued.hash, words: words.into() };
    assert_eq!(dibao.act("mz-01", answer("不归我")).unwrap_err().code, RefusalCode::NotEntitled);
    let reviewer = district().people_at(code(TOWNSHIP)).find(|staff| dibao.names(staff).contains(&"answer_order"));
    dibao.try_act(reviewer.unwrap(), answer("已安排人员")).unwrap();
    assert_eq!(orders(&dibao.case)[0].state(day(12, 1)), "已反馈");
}

#[test]
fn supervisors_change_no_case() {
    let supervisor = district().person(SUPERVISOR);
    let mut journey = opened("mz-dibao");
    loop {
        let names = journey.names(supervisor);
        let steps: Vec<&Action> =
            Action::ALL.iter().filter(|action| action.is_step() && names.contains(&action.name())).collect();
        assert_eq!(steps, Vec::<&Action>::new());
        for action in Action::ALL.iter().filter(|action| action.is_step()) {
            let command = journey.approving(*action);
            assert!(decide(&journey.case, None, command, &district().at_desk(supervisor, journey.now_ms)).is_err());
        }
        if journey.forward().is_none() {
            break;
        }
    }
}

#[test]
fn every_number_of_the_ranking_is_traced_to_cases() {
    let reference = district().reference();
    let mut prompt = opened("mz-dibao");
    while prompt.forward().is_some() {}
    let cases = [late(), prompt];
    let digests: Vec<_> = cases
        .iter()
        .map(|journey| digest(&journey.case, &reference, &Arrivals::default(), day(7, 1)).unwrap())
        .collect();
    let year = Period::parse("2026").unwrap();
    let mut rows = BTreeMap::new();
    for digest in &digests {
        for (subject, more) in contributions(digest, year) {
            let row: &mut sanji_domain::supervision::Contribution = rows.entry(subject).or_default();
            row.add(&more);
        }
    }
    let township = rows[&Subject::Township(code(TOWNSHIP))];
    let department = rows[&Subject::Department("mz".parse().unwrap())];
    assert_eq!((township.cases, township.on_time), (2, 1), "the survey was the township's");
    assert_eq!((department.cases, department.on_time), (2, 2), "the department was in time");
    assert_eq!((department.led, department.promised_days, department.statutory_days), (2, 50, 60));
    assert_eq!(department.points, 0);
    assert!(township.points > 0 && township.alerts[2] > 0);
    let surveyor = Subject::Staff(cases[0].entries[2].actor.parse().unwrap());
    assert_eq!(rows[&surveyor].on_time, rows[&surveyor].cases - 1);
    let ranked = rank(rows);
    assert!(ranked.windows(2).all(|pair| pair[0].place <= pair[1].place || pair[1].place == 0));
    // Nothing of a case counts in a month in which neither it was closed nor an alert was raised.
    assert_eq!(contributions(&digests[1], Period::parse("2026-02").unwrap()), BTreeMap::new());
    // A digest survives its store.
    let bytes = postcard::to_stdvec(&digests[0]).unwrap();
    assert_eq!(postcard::from_bytes::<sanji_domain::supervision::Digest>(&bytes).unwrap(), digests[0]);
}

#[test]
fn periods_are_months_quarters_and_years() {
    let period = |text| Period::parse(text).map(|period| (period.from, period.to));
    assert_eq!(period("2026-02"), Some((day(2, 1), day(2, 28))));
    assert_eq!(period("2026-Q4"), Some((day(10, 1), day(12, 31))));
    assert_eq!(period("2026"), Some((day(1, 1), day(12, 31))));
    for wrong in ["", "2026-", "2026-13", "2026-Q5", "2026-Q0", "2026-2", "x", "0", "2026-02-01", "-5"] {
        assert_eq!(period(wrong), None, "{wrong}");
    }
}

/// Days between the steps of a case, and items.
fn paces() -> impl Strategy<Value = (usize, Vec<u64>, Vec<Option<u64>>)> {
    let slow = prop::collection::vec(prop_oneof![3 => 0_u64..3, 1 => 3_u64..30], 12);
    (0..43_usize, slow, prop::collection::vec(prop::option::of(0_u64..12), 12))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn whatever_the_pace_the_parts_add_up_and_no_order_of_arrival_matters(
        (item, pace, on_the_way) in paces(),
        seed in any::<u64>(),
    ) {
        let district = district();
        let item = district.catalogue.iter().nth(item).unwrap().1;
        let opened = [VILLAGE, TOWNSHIP, DISTRICT].into_iter().find_map(|home| {
            let mandate = (home == VILLAGE).then_some(FULL_MANDATE);
            let mut people = district.people_at(code(home));
            people.find_map(|actor| Journey::open(item.code.as_str(), actor.id.as_str(), mandate).ok())
        });
        let Some(mut journey) = opened else { return Ok(()) };
        for days in pace {
            if journey.today() > day(9, 1) || journey.forward().is_none() {
                break;
            }
            journey.days_pass(days);
        }
        let mut arrivals = Arrivals::default();
        for (entry, late) in journey.entries.iter().zip(on_the_way) {
            match late {
                Some(0) => arrivals.on_the_way(entry.hash),
                Some(days) => arrivals.arrived(entry.hash, entry.time.millis() + days * DAY),
                None => {}
            }
        }
        let mut shuffled = journey.entries.clone();
        let turn = usize::try_from(seed % shuffled.len() as u64).unwrap();
        shuffled.rotate_left(turn);
        if seed % 2 == 0 {
            shuffled.reverse();
        }
        let mut other = Case::new(journey.case.id());
        shuffled.iter().for_each(|entry| other.apply(entry));
        let reference = district.reference();
        let mut earlier: BTreeMap<String, Level> = BTreeMap::new();
        for later in [0, 1, 5, 20] {
            let today = local_date(i64::try_from(journey.now_ms + later * DAY).unwrap());
            let found = alerts(&journey.case, &reference, &arrivals, today);
            prop_assert_eq!(&alerts(&other, &reference, &arrivals, today), &found);
            for alert in &found {
                let parts = alert.division.as_ref().map(|division| division.total());
                prop_assert_eq!(parts, alert.delay.map(|delay| delay.days), "{} of {}", alert.key, item.code);
                prop_assert!(alert.levels.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
            }
            // An alert does not go away, nor does its level fall, while only days pass.
            let now: BTreeMap<String, Level> =
                found.iter().map(|alert| (alert.key.to_string(), alert.level)).collect();
            for (key, level) in &earlier {
                prop_assert!(now.get(key).is_some_and(|now| now >= level), "{} of {}", key, item.code);
            }
            earlier = now;
        }
    }
}

#[test]
fn a_district_that_publishes_none_has_the_samples_rules() {
    assert_eq!(sanji_domain::Rules::built_in(), district().rules);
    assert!(district().rules.iter().count() >= 18);
}

#[test]
fn a_rules_file_with_a_hole_is_refused_by_line() {
    let rule = |head: &str, when: &str| {
        format!(
            "schema = 1\n[[rule]]\nid = \"r\"\n{head}\nname = \"n\"\ntext = \"t\"\nlevel = \"红色\"\npoints = 1\n{when}\n"
        )
    };
    let told = |text: &str| -> Vec<String> {
        let faults = sanji_domain::Rules::parse("rules.toml", text).unwrap_err();
        faults.iter().map(ToString::to_string).collect()
    };
    let wrong_kind = rule("kind = \"收费\"", "when = { test = \"promised\" }");
    assert_eq!(told(&wrong_kind), ["rules.toml 第 4 行：条件“promised”属于“期限”类规则"]);
    let no_limit = rule("kind = \"期限\"", "when = { test = \"answer\" }");
    assert_eq!(told(&no_limit), ["rules.toml 第 9 行：缺少“within”"]);
    assert_eq!(told(&rule("kind = \"期限\"", "when = { test = \"luck\" }")).len(), 1);
    let twice = rule("kind = \"期限\"", "when = { test = \"promised\" }");
    let twice = format!("{twice}{}", twice.trim_start_matches("schema = 1\n"));
    assert_eq!(told(&twice), ["rules.toml 第 11 行：规则“r”重复，或者两个版本的有效日期重叠"]);
}
