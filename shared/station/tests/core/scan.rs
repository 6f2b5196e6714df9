//! Walking all cases of a station: each once, in order, within bounds.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sanji_domain::case::Case;
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_station::core::{Scan, Which};

use crate::district::{AGENT, DAY_MS, District, NAME, START_MS, VILLAGE, code, dibao, noise, staff};

/// More than two pages of a shelf.
const CASES: u16 = 600;

/// A village with many cases: every third is closed. Their numbers in the order in which they were opened.
fn busy() -> (District, Vec<(String, bool)>) {
    let mut district = District::new();
    let mut state = 3;
    let mut opened = Vec::new();
    for number in 0..CASES {
        // Two of three in the same millisecond.
        district.now_ms = START_MS + u64::from(number / 3);
        let now_ms = district.now_ms;
        let core = &mut district.village.core;
        let request = residence(&[&number.to_be_bytes()[..], &[0; 14]].concat());
        let written = core.submit(&staff(AGENT), request, now_ms, &mut noise(&mut state)).unwrap();
        opened.push((now_ms, written.case.unwrap(), number % 3 == 0));
        if core.is_full() {
            core.commit(now_ms).unwrap();
        }
    }
    district.village.core.commit(district.now_ms).unwrap();
    district.now_ms += 1;
    for (_, case, _) in opened.iter().filter(|(_, _, closed)| *closed) {
        close(&mut district, &case.number().to_string());
    }
    opened.sort();
    let numbers = opened.into_iter().map(|(_, case, closed)| (case.number().to_string(), closed)).collect();
    (district, numbers)
}

/// A statement of residence, which the village gives and hands over itself.
fn residence(request: &[u8]) -> proto::SubmitRequest {
    let identity = proto::MaterialInput { material: 0, originals: 0, copies: 1, attachments: Vec::new() };
    proto::SubmitRequest { item: "cun-juzhu".to_owned(), materials: vec![identity], ..dibao(request) }
}

fn close(district: &mut District, number: &str) {
    let (now_ms, mut state) = (district.now_ms, u64::from(number.bytes().map(u32::from).sum::<u32>()));
    let core = &mut district.village.core;
    let decide = proto::Decide { approved: true, document_number: "居字1号".to_owned(), ..Default::default() };
    let deliver =
        proto::Deliver { method: proto::DeliveryMethod::InPerson.into(), receiver: NAME.to_owned(), signed_on: 0 };
    for (at, action) in [(1, Action::Decide(decide)), (2, Action::Deliver(deliver))] {
        let message = proto::ActRequest {
            request: [&number.as_bytes()[9..24], &[at]].concat(),
            case_number: number.to_owned(),
            expected_rev: 0,
            action: Some(action),
        };
        core.act(&staff(AGENT), message, now_ms, &mut noise(&mut state)).unwrap();
    }
    core.commit(now_ms).unwrap();
}

fn numbers(district: &District, scan: Scan) -> Vec<String> {
    let cases = district.village.core.reader().scan(scan);
    cases.map(|case| case.unwrap().id().number().to_string()).collect()
}

#[test]
fn every_case_is_visited_once_in_order() {
    let (district, opened) = busy();
    let all = |which, newest_first| Scan { which, newest_first, ..Scan::all(code(VILLAGE)) };
    let wanted = |which| -> Vec<String> {
        let fits = |closed: bool| match which {
            Which::All => true,
            Which::Open => !closed,
            Which::Closed => closed,
        };
        opened.iter().filter(|(_, closed)| fits(*closed)).map(|(number, _)| number.clone()).collect()
    };
    for which in [Which::All, Which::Open, Which::Closed] {
        let mut expected = wanted(which);
        assert!(numbers(&district, all(which, false)) == expected, "{which:?}");
        expected.reverse();
        assert!(numbers(&district, all(which, true)) == expected, "{which:?}, newest first");
    }
    assert!(numbers(&district, Scan::all("990106101204".parse().unwrap())).is_empty(), "another village");
    let other = BTreeSet::from(["mz".parse().unwrap()]);
    let scan = Scan { departments: Some(other), ..Scan::all(code(VILLAGE)) };
    assert!(numbers(&district, scan).is_empty(), "another department's items");

    proptest!(ProptestConfig::with_cases(32), |(from in 0..220_u64, days in 0..220_u64, newest_first: bool)| {
        let (from_ms, until_ms) = (START_MS + from, START_MS + from + days);
        let scan = Scan { from_ms, until_ms, newest_first, ..Scan::all(code(VILLAGE)) };
        let first = usize::from(CASES).min(from as usize * 3);
        let last = usize::from(CASES).min((from + days) as usize * 3);
        let mut expected: Vec<_> = opened[first..last].iter().map(|(number, _)| number.clone()).collect();
        if newest_first {
            expected.reverse();
        }
        prop_assert!(numbers(&district, scan.clone()) == expected);
        // In pages, each behind the last case of the one before.
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let scan = Scan { after, ..scan.clone() };
            let page: Vec<_> = district.village.core.reader().scan(scan).take(70).map(Result::unwrap).collect();
            let Some(last) = page.last() else { break };
            after = Some((last.submitted_at().unwrap().millis(), last.id()));
            pages.extend(page.iter().map(|case| case.id().number().to_string()));
        }
        prop_assert!(pages == expected, "in pages");
    });
    let later = Scan { from_ms: START_MS + DAY_MS, ..Scan::all(code(VILLAGE)) };
    assert!(numbers(&district, later).is_empty());
}

#[test]
fn a_case_that_closes_meanwhile_is_visited_once() {
    let (mut district, opened) = busy();
    let reader = district.village.core.reader().clone();
    let cases = reader.scan(Scan::all(code(VILLAGE)));
    let mut visited: Vec<String> = Vec::new();
    let number = |case: &Case| case.id().number().to_string();
    for case in cases {
        visited.push(number(&case.unwrap()));
        // One that comes soon, and one that is far ahead.
        for ahead in [1, 300] {
            let next = opened.get(visited.len() + ahead).filter(|(_, closed)| !closed);
            if let Some((number, _)) = next.filter(|_| visited.len().is_multiple_of(7))
                && reader.case(&reader.find(&number.parse().unwrap()).unwrap()[0]).unwrap().unwrap().is_open()
            {
                close(&mut district, number);
            }
        }
    }
    assert!(visited == opened.into_iter().map(|(number, _)| number).collect::<Vec<_>>());
}
