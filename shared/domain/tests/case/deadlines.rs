//! Deadlines of every item on every branch, against a count that was made another way: `deadlines.py` counts day by day
//! what this crate computes span by span.
//!
//! `UPDATE_EVENTS=1 cargo test -p sanji-domain --test case deadlines` writes what happens to each case anew, and
//! `python3 shared/domain/tests/deadlines.py` what follows from it.

use std::fmt::Write as _;
use std::path::PathBuf;

use jiff::civil::Date;
use sanji_domain::Item;
use sanji_domain::calendar::local_date;
use sanji_domain::case::{Action, SideEvent, StepEvent, case_clock};
use sanji_domain::catalogue::SupervisedLink;

use crate::district::{DISTRICT, MONDAY, TOWNSHIP, VILLAGE, code, district};
use crate::journey::{FULL_MANDATE, Journey, application};

/// Days that pass between two steps.
const STEADY: [u64; 6] = [1, 0, 2, 5, 0, 3];
const SLOW: [u64; 3] = [11, 4, 9];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Branch {
    Steady,
    Slow,
    Correct,
    Suspend,
    Extend,
    Deemed,
    Silent,
    Easier,
}

impl Branch {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Steady, "steady"),
        (Self::Slow, "slow"),
        (Self::Correct, "correct"),
        (Self::Suspend, "suspend"),
        (Self::Extend, "extend"),
        (Self::Deemed, "deemed"),
        (Self::Silent, "silent"),
        (Self::Easier, "easier"),
    ];
}

fn opened(item: &'static Item) -> Journey {
    for home in [VILLAGE, TOWNSHIP, DISTRICT] {
        let people = district().people_at(code(home));
        for staff in people {
            let submission = application(item, (home == VILLAGE).then_some(FULL_MANDATE));
            if let Ok(journey) = Journey::open_with(item, staff, submission) {
                return journey;
            }
        }
    }
    panic!("nobody takes {} in", item.code);
}

fn today(journey: &Journey) -> Date {
    local_date(i64::try_from(journey.now_ms).unwrap())
}

/// Walks a case; none where the item does not know the branch.
fn walk(item: &'static Item, branch: Branch) -> Option<Journey> {
    let mut journey = opened(item);
    let gaps: &[u64] = if branch == Branch::Slow { &SLOW } else { &STEADY };
    let mut took_branch = matches!(branch, Branch::Steady | Branch::Slow);
    for turn in 0.. {
        journey.days_pass(gaps[turn % gaps.len()]);
        let has = |action: Action, journey: &Journey| journey.offered(action).is_some();
        match branch {
            Branch::Correct if !took_branch && has(Action::RequestCorrection, &journey) => {
                journey.do_it(journey.approving(Action::RequestCorrection));
                journey.days_pass(4);
                journey.do_it(journey.approving(Action::SupplyCorrection));
                took_branch = true;
                continue;
            }
            // 简易、紧急程序: its own promise, and stages that are left out.
            Branch::Easier if !took_branch && has(Action::ChooseVariant, &journey) => {
                journey.do_it(journey.approving(Action::ChooseVariant));
                took_branch = true;
                continue;
            }
            Branch::Suspend if has(Action::Suspend, &journey) => {
                journey.do_it(journey.approving(Action::Suspend));
                journey.days_pass(6);
                journey.do_it(journey.approving(Action::Resume));
                took_branch = true;
                continue;
            }
            Branch::Extend if !took_branch => {
                let line = [VILLAGE, TOWNSHIP, DISTRICT].map(code);
                let approver = line.into_iter().flat_map(|station| district().people_at(station));
                let approver = approver.into_iter().find(|staff| journey.names(staff).contains(&"extend"));
                if let Some(approver) = approver {
                    journey.try_act(approver, journey.approving(Action::Extend)).unwrap();
                    took_branch = true;
                }
            }
            Branch::Deemed | Branch::Silent if !took_branch => {
                let accepts = journey.case.stage().and_then(|stage| item.stage(stage)).map(|stage| stage.link);
                let waits = accepts == Some(SupervisedLink::Acceptance);
                if (branch == Branch::Deemed) == waits {
                    let mut silent = journey.clone();
                    silent.days_pass(40);
                    if silent.itself(&journey.case.holder().unwrap().to_string()).is_some() {
                        (journey, took_branch) = (silent, true);
                        continue;
                    }
                }
            }
            _ => {}
        }
        if journey.forward().is_none() {
            break;
        }
    }
    took_branch.then_some(journey)
}

/// What happened: day, step, the stage that it was about, the stage after it.
fn events(journey: &Journey) -> String {
    let mut lines: Vec<(Date, usize, String)> = Vec::new();
    for (at, facts) in journey.case.steps().enumerate() {
        let about = match &facts.body.event {
            StepEvent::StageFinished { stage, .. } | StepEvent::PublicityEnded { stage, .. } => stage.as_str(),
            StepEvent::Accepted { deemed: true, .. } => "deemed",
            _ => "",
        };
        let day = local_date(i64::try_from(facts.time.millis()).unwrap());
        let stage = facts.body.stage.as_ref().map_or("", |stage| stage.as_str());
        lines.push((day, at, format!("{day} {} {about} {stage}", facts.body.event.name())));
    }
    for facts in journey.case.sides() {
        if let SideEvent::Extended(_) = facts.body.event {
            let day = local_date(i64::try_from(facts.time.millis()).unwrap());
            lines.push((day, usize::MAX, format!("{day} extended  ")));
        }
    }
    lines.sort();
    lines.into_iter().map(|(_, _, line)| line).collect::<Vec<_>>().join(",")
}

fn results(journey: &Journey) -> String {
    let district = district();
    let clock = case_clock(&journey.case, journey.item, &district.calendar, &district.defaults, today(journey));
    let date = |date: Option<Date>| date.map_or_else(|| "-".to_owned(), |date| date.to_string());
    format!(
        "received {} accepted {} promised {} statutory {} joint {} used {}",
        date(clock.received_on),
        date(clock.accepted_on),
        date(clock.promised_until),
        date(clock.statutory_until),
        date(clock.joint_until),
        if clock.missing_year.is_some() { "-".to_owned() } else { clock.used_days.to_string() },
    )
}

#[test]
fn deadlines_agree_with_a_count_day_by_day() {
    assert_eq!(today(&opened(district().item("mz-dibao"))).to_string(), "2026-03-02", "{MONDAY}");
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/deadlines.txt");
    let (mut happened, mut told, mut walks) = (String::new(), String::new(), [0; 8]);
    for (_, item) in district().catalogue.iter() {
        for (number, (branch, name)) in Branch::ALL.into_iter().enumerate() {
            let Some(journey) = walk(item, branch) else { continue };
            walks[number] += 1;
            let head = format!("{} {name} {} | {}", item.code, today(&journey), events(&journey));
            let _ = writeln!(happened, "{head}");
            let _ = writeln!(told, "{head} | {}", results(&journey));
        }
    }
    if std::env::var_os("UPDATE_EVENTS").is_some() {
        std::fs::write(&file, &happened).unwrap();
    }
    // So many items can be walked, corrected, suspended, extended, deemed accepted, so many answered by silence, and so
    // many know an easier procedure.
    assert_eq!(walks, [43, 43, 43, 18, 11, 34, 8, 2]);
    let counted = std::fs::read_to_string(&file).unwrap();
    for (told, counted) in told.lines().zip(counted.lines()) {
        assert_eq!(told, counted);
    }
    assert_eq!(told.lines().count(), counted.lines().count());
}
