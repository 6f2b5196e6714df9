//! The parts of a joint case: which stage does which, and what the board shows of each department.

use jiff::civil::Date;
use sanji_domain::Limit;
use sanji_domain::calendar::local_date;
use sanji_domain::case::{Action, Command, Opinion};
use sanji_domain::catalogue::PartWork;
use sanji_domain::supervision::{Arrivals, OpenDigest, digest};

use crate::district::district;
use crate::journey::Journey;

fn today(journey: &Journey) -> Date {
    local_date(i64::try_from(journey.now_ms).unwrap())
}

fn open_digest(journey: &Journey, on: Date) -> OpenDigest {
    digest(&journey.case, &district().reference(), &Arrivals::default(), on).unwrap().open.unwrap()
}

/// Department, whether it owes its part, and whether that is late.
fn parts(journey: &Journey, on: Date) -> Vec<(String, bool, bool)> {
    let open = open_digest(journey, on);
    open.parts.iter().map(|part| (part.office.department.to_string(), part.owed, part.is_late(on))).collect()
}

#[test]
fn the_board_has_each_department_of_a_joint_case_with_its_own_part_and_limit() {
    let mut road = Journey::open("cg-zhanyong", "sp-08", None).unwrap();
    assert!(open_digest(&road, today(&road)).parts.is_empty(), "nothing is copied before acceptance");
    while !road.stage().starts_with("cg") {
        road.forward().unwrap();
    }
    let copied = today(&road);
    let owed = |department: &str, owed, late| (department.to_owned(), owed, late);
    assert_eq!(parts(&road, copied), [owed("cg", true, false), owed("ga", true, false)]);
    let until: Vec<Date> = open_digest(&road, copied).parts.iter().filter_map(|part| part.until).collect();
    let of_stage = |id: &str| road.item.stages.iter().find(|stage| stage.id.as_str() == id).unwrap().limit;
    let expected = ["cg", "ga"].map(|id| district().calendar.deadline(copied, of_stage(id)).unwrap());
    assert_eq!(until, expected);

    // One answers; the other lets its time pass.
    let answer = Command::FinishStage {
        opinion: Opinion::Agree,
        words: "不影响市容".into(),
        outside_number: String::new(),
        together_with: Vec::new(),
        materials: Vec::new(),
        attachments: Vec::new(),
        answered_on: None,
        stage: None,
    };
    road.act("cg-03", answer).unwrap();
    let late = district().calendar.deadline(copied, Limit::working_days(20)).unwrap();
    let silent = road.item.stages.iter().find(|stage| stage.id.as_str() == "ga").unwrap().tacit;
    assert_eq!(parts(&road, late), [owed("cg", false, false), owed("ga", !silent, !silent)]);
    let answered = open_digest(&road, late).parts.remove(0);
    assert_eq!(answered.opinion, Some(Opinion::Agree));

    // Once the route has gone past them, nobody owes anything.
    while road.stage() != "pay" {
        road.forward().unwrap();
    }
    assert!(parts(&road, late).iter().all(|(_, owed, _)| !owed));
    assert!(road.offered(Action::IssueFee).is_some());
}

#[test]
fn a_part_is_done_by_the_stage_of_its_name_its_department_or_its_departments_station() {
    let named = |item: &str| -> Vec<(String, String)> {
        let item = district().item(item);
        let of = |(part, stage): (usize, usize)| {
            let work = match &item.parts[part].work {
                PartWork::Item(code) => code.to_string(),
                PartWork::Named(name) => name.clone(),
            };
            (work, item.stages[stage].id.to_string())
        };
        item.parts_by_stage().into_iter().map(of).collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(part, stage)| ((*part).to_owned(), (*stage).to_owned())).collect()
    };
    let birth = [("预防接种建档", "vac"), ("ga-chusheng", "hukou"), ("yb-canbao", "ybins"), ("社会保障卡申领", "card")];
    assert_eq!(named("lh-chusheng"), pairs(&birth));
    // 生育登记 is the township's in this item, and nothing in the file ties it to the part of the department.
    let remarks = district().catalogue.remarks();
    let told: Vec<(&str, &str)> = remarks.iter().map(|one| (one.item.as_str(), one.named.as_str())).collect();
    assert!(told.contains(&("lh-chusheng", "wj-shengyu")), "{told:?}");
    assert!(!told.iter().any(|(_, part)| ["ga-chusheng", "yb-canbao"].contains(part)), "{told:?}");
    assert!(remarks[0].reason.contains("没有对应的环节"));
}
