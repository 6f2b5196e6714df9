//! Who may see what: only what is theirs.

use sanji_domain::case::{Sight, may_see};

use crate::district::district;
use crate::journey::{FULL_MANDATE, Journey};

fn sights(journey: &Journey, people: &[&str]) -> Vec<Sight> {
    let of = |id: &&str| may_see(&journey.case, &district().at_desk(district().person(id), journey.now_ms));
    people.iter().map(of).collect()
}

#[test]
fn a_case_is_seen_by_those_on_its_way_and_by_those_who_watch() {
    let dibao = Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    use Sight::{Full, None, Process};
    // Agents: of the village, of the next one.
    assert_eq!(sights(&dibao, &["990106101203-1", "990106101204-1"]), [Full, None]);
    // The township: window, review, approval, full-course agent; then supervision, administration.
    let centre = ["990106101-03", "990106101-05", "990106101-01", "990106101-09"];
    assert_eq!(sights(&dibao, &centre), [Full; 4]);
    assert_eq!(sights(&dibao, &["990106101-10", "990106101-11"]), [Process, None]);
    // Offices in the township that have no part in it, and another township.
    assert_eq!(sights(&dibao, &["990106101-07", "990106101-12", "990106102-03"]), [None; 3]);
    // The district: the department of the item, others, the general window.
    assert_eq!(sights(&dibao, &["mz-01", "mz-05", "rs-01", "cl-03", "sp-08"]), [Full, Full, None, None, None]);
    // Coordination, complaints, supervision, administration.
    assert_eq!(sights(&dibao, &["sp-01", "sp-04", "js-01", "sp-06"]), [Process, Process, Process, None]);
}

#[test]
fn departments_of_a_joint_case_see_it() {
    use Sight::{Full, None};
    let joint = Journey::open("zr-zhaijidi", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    let involved = ["nn-01", "ly-03", "sl-03", "990106101-07", "990106101-08"];
    assert_eq!(sights(&joint, &involved), [Full; 5]);
    assert_eq!(sights(&joint, &["mz-01", "990106101-12"]), [None; 2]);
    let canyin = Journey::open("sc-canyin", "sp-08", Option::None).unwrap();
    assert_eq!(sights(&canyin, &["sp-01", "sp-08", "xf-03", "cg-03", "990106101-03"]), [Full, Full, Full, Full, None]);
}
