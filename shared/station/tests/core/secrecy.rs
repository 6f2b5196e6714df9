//! Nothing that a store holds names a resident.

use sanji_log::Have;
use sanji_proto::v1 as proto;
use sanji_station::Failure;
use sanji_station::views::WrongCodes;
use sanji_store::Store;

use crate::district::{AGENT, District, HUB, ID_NUMBER, NAME, TOWNSHIP, VILLAGE};
use crate::journey::handle;

/// All bytes that a store gives, but for attachments' content.
fn all_bytes(store: &dyn Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    let have: Have = store.have();
    for head in have.heads() {
        let run = store.read(&head.log, 1, usize::MAX).unwrap().unwrap();
        bytes.extend(run.entries.iter().flat_map(|entry| entry.0.to_vec()));
    }
    for case in store.cases_with_prefix(&[], usize::MAX).unwrap() {
        let held = store.snapshot(&case).unwrap().unwrap();
        bytes.extend([held.whole].into_iter().chain(held.additions).flatten());
        bytes.extend(store.case_key(&case).unwrap().here().unwrap().bytes);
    }
    for list in ["todo", "open", "closed", "requests", "missing", "unfiled", "todo/mz", "open/mz", "closed/mz"] {
        for (key, value) in store.rows(list.as_bytes(), None, false, usize::MAX).unwrap() {
            bytes.extend(key);
            bytes.extend(value);
        }
    }
    bytes
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn no_store_holds_a_name_or_number_in_the_clear() {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    handle(&mut district, &number);
    for station in [VILLAGE, TOWNSHIP, HUB] {
        let bytes = all_bytes(&*district.member(station).store);
        assert!(has(&bytes, "mz-dibao"), "{station}: the search itself works");
        for secret in [NAME, ID_NUMBER, "13812340000", "三口人", "入户调查属实", "东墙第三块"] {
            assert!(!has(&bytes, secret), "{station} holds '{secret}'");
        }
    }
}

#[test]
fn five_wrong_query_codes_lock_a_case_for_a_while() {
    let mut district = District::new();
    let written = district.submit().unwrap();
    let number = written.case.unwrap().number().to_string();
    let reader = district.village.core.reader().clone();
    let (wrong_codes, now_ms) = (WrongCodes::default(), district.now_ms);
    let ask = |number: &str, code: &str, now_ms| {
        let request = proto::QueryRequest { case_number: number.to_owned(), query_code: code.to_owned() };
        reader.query(&wrong_codes, &request, "192.0.2.7".parse().unwrap(), &|_| 0, now_ms)
    };
    let right = ask(&number, &written.query_code, now_ms).unwrap();
    assert_eq!((right.state.as_str(), right.steps.len(), right.result.as_str()), ("待受理", 1, ""));
    let wrong = if written.query_code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        assert!(matches!(ask(&number, wrong, now_ms), Err(Failure::NotFound)));
    }
    let locked = ask(&number, &written.query_code, now_ms);
    assert!(matches!(locked, Err(Failure::TooManyAttempts { retry_after_ms }) if retry_after_ms > 0));
    assert!(ask(&number, &written.query_code, now_ms + 16 * 60 * 1000).is_ok());
    let other = district.submit().unwrap();
    assert!(
        ask(&other.case.unwrap().number().to_string(), &other.query_code, now_ms).is_ok(),
        "other cases are not locked"
    );
}

#[test]
fn a_case_without_its_key_shows_no_person() {
    let mut district = District::new();
    let written = district.submit().unwrap();
    let number = written.case.unwrap().number().to_string();
    district.village.store.destroy_case_key(&written.case.unwrap()).unwrap();
    let view = district.view(VILLAGE, AGENT, &number).unwrap();
    assert_eq!((view.state.as_str(), view.applicant, view.steps.len()), ("待受理", None, 1));
}
