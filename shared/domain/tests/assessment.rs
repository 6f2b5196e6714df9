//! Scores, grades and the quota of the yearly assessment.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sanji_domain::matter::assessment::{Grade, Record, assess, quota, score};

fn record(code: usize, cases: u32, on_time: u32) -> Record {
    Record { code: format!("{code:03}"), cases, on_time, ..Record::default() }
}

#[test]
fn a_score_is_what_is_left_of_a_hundred() {
    let base = Record { cases: 10, on_time: 10, ..Record::default() };
    for (record, expect) in [
        (base.clone(), 1000),
        (Record { on_time: 9, ..base.clone() }, 950),
        (Record { on_time: 0, ..base.clone() }, 500),
        (Record { ratings: 4, bad_ratings: 1, ..base.clone() }, 925),
        (Record { upheld_complaints: 2, ..base.clone() }, 900),
        (Record { points_off: 35, ..base.clone() }, 965),
        (Record { on_time: 0, ratings: 1, bad_ratings: 1, upheld_complaints: 9, ..base }, 0),
    ] {
        assert_eq!(score(&record), expect, "{record:?}");
    }
}

#[test]
fn the_quota_is_a_ceiling() {
    for (group, expect) in [(0, 0), (1, 0), (6, 0), (7, 1), (13, 1), (14, 2), (20, 3), (100, 15)] {
        assert_eq!(quota(group), expect, "{group}");
    }
    let best = |records| {
        let table = assess(records);
        table
            .into_iter()
            .filter(|line| line.grade == Some(Grade::Excellent))
            .map(|line| line.record.code)
            .collect::<Vec<_>>()
    };
    // Seven, one of them ahead.
    let mut seven: Vec<Record> = (0..7).map(|code| record(code, 10, 9)).collect();
    assert!(best(seven.clone()).is_empty(), "seven equals, and one place");
    seven[3].on_time = 10;
    assert_eq!(best(seven.clone()), ["003"]);
    seven[3].upheld_complaints = 1;
    assert!(best(seven).is_empty(), "an upheld complaint rules it out");
    // Twenty: three places, two at the top and two that tie for the third.
    let mut twenty: Vec<Record> = (0..20).map(|code| record(code, 20, 18)).collect();
    (twenty[0].on_time, twenty[1].on_time, twenty[2].on_time, twenty[3].on_time) = (20, 20, 19, 19);
    assert_eq!(best(twenty), ["000", "001"], "the two that tie don't both fit in");
}

#[test]
fn who_has_no_case_is_not_graded_and_takes_no_place() {
    let mut records: Vec<Record> = (0..7).map(|code| record(code, 5, 5)).collect();
    records.push(record(7, 0, 0));
    let table = assess(records);
    let last = table.last().unwrap();
    assert_eq!((last.record.code.as_str(), last.grade, last.place), ("007", None, 0));
}

proptest! {
    #[test]
    fn never_more_than_the_quota_and_never_a_worse_one_before_a_better(
        cases in proptest::collection::vec((0_u32..20, 0_u32..20, 0_u32..3, 0_u32..200), 0..60)
    ) {
        let records: Vec<Record> = cases
            .into_iter()
            .enumerate()
            .map(|(code, (cases, late, upheld, points))| Record {
                upheld_complaints: upheld / 2,
                points_off: points,
                ..record(code, cases, cases.saturating_sub(late))
            })
            .collect();
        let mut shuffled = records.clone();
        shuffled.reverse();
        let table = assess(records);
        prop_assert_eq!(&assess(shuffled), &table, "whatever the order of the records");
        let graded = table.iter().filter(|line| line.grade.is_some()).count();
        let best: Vec<_> = table.iter().filter(|line| line.grade == Some(Grade::Excellent)).collect();
        prop_assert!(best.len() <= quota(graded));
        prop_assert!(best.iter().all(|line| line.score >= 850 && line.record.upheld_complaints == 0));
        // Nobody who could be 优秀 and is not has more than somebody who is.
        let lowest = best.iter().map(|line| line.score).min();
        for line in table.iter().filter(|line| line.grade != Some(Grade::Excellent) && line.record.upheld_complaints == 0) {
            prop_assert!(line.grade.is_none() || lowest.is_none_or(|lowest| line.score < lowest));
        }
        for pair in table.windows(2) {
            prop_assert!(pair[1].grade.is_none() || pair[0].score >= pair[1].score);
        }
    }
}
