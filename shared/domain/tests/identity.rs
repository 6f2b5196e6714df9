//! Identity numbers and credit codes, against the sample's cases and the two standards' examples.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use sanji_domain::identity::{IdentityFault, normalise};
use sanji_domain::{CitizenId, CreditCode, SubjectId};

const TODAY: Date = date(2026, 7, 1);

/// The values of a list of `identifier-cases.toml`, with their notes.
fn cases(list: &str) -> Vec<(String, String)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/sample/organisation/identifier-cases.toml");
    let file: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
    let text = |case: &toml::Value, field: &str| case[field].as_str().unwrap().to_owned();
    let cases: Vec<_> =
        file[list].as_array().unwrap().iter().map(|case| (text(case, "value"), text(case, "note"))).collect();
    assert!(!cases.is_empty());
    cases
}

#[test]
fn citizens_of_the_sample() {
    for (value, note) in cases("citizen_valid") {
        let number = CitizenId::parse(&value, TODAY).unwrap_or_else(|fault| panic!("{value} ({note}): {fault}"));
        assert_eq!(number.as_str(), value);
    }
    for (value, note) in cases("citizen_invalid") {
        assert!(CitizenId::parse(&value, TODAY).is_err(), "{value} ({note})");
        assert!(SubjectId::parse(&value, TODAY).is_err(), "{value} ({note})");
    }
}

#[test]
fn bodies_of_the_sample() {
    for (value, note) in cases("uscc_valid") {
        let code = CreditCode::parse(&value).unwrap_or_else(|fault| panic!("{value} ({note}): {fault}"));
        assert_eq!(SubjectId::parse(&value, TODAY), Ok(SubjectId::Body(code)));
    }
    for (value, note) in cases("uscc_invalid") {
        assert!(CreditCode::parse(&value).is_err(), "{value} ({note})");
    }
}

#[test]
fn each_mistake_has_its_reason() {
    let citizen = |text: &str| CitizenId::parse(text, TODAY).unwrap_err();
    assert_eq!(citizen(""), IdentityFault::Empty);
    assert_eq!(citizen("990106800101001"), IdentityFault::OldNumber);
    assert_eq!(citizen("9901061946070101"), IdentityFault::Length);
    assert_eq!(citizen("99010619460701016X0"), IdentityFault::Length);
    assert_eq!(citizen("1101051949123l002X"), IdentityFault::Character { place: 14 });
    assert_eq!(citizen("11010519491231002Ⅹ"), IdentityFault::Character { place: 18 });
    assert_eq!(citizen("11010519491231002x"), IdentityFault::Character { place: 18 });
    assert_eq!(citizen("990106198102290010"), IdentityFault::BirthDate);
    assert_eq!(citizen("990106209912310010"), IdentityFault::Future);
    assert_eq!(citizen("990106198001010008"), IdentityFault::Sequence);
    assert_eq!(citizen("99010619460701061X"), IdentityFault::Check);
    let body = |text: &str| CreditCode::parse(text).unwrap_err();
    assert_eq!(body("91990106O48104398H"), IdentityFault::Character { place: 9 });
    assert_eq!(body("91990106648104398"), IdentityFault::Length);
    assert_eq!(body("91990106648104398J"), IdentityFault::Check);
}

#[test]
fn someone_born_today_is_born() {
    let newborn = "990106202606201981";
    assert!(CitizenId::parse(newborn, date(2026, 6, 20)).is_ok());
    assert_eq!(CitizenId::parse(newborn, date(2026, 6, 19)), Err(IdentityFault::Future));
}

#[test]
fn what_is_typed_is_brought_to_its_plain_form() {
    assert_eq!(normalise(" 11010519491231002x "), "11010519491231002X");
    assert_eq!(normalise("１１０１０５１９４９１２３１００２ｘ"), "11010519491231002X");
    assert_eq!(normalise("91990106648104398h"), "91990106648104398H");
    assert_eq!(normalise("1101051949123100 X"), "1101051949123100 X");
    assert_eq!(normalise("11010519491231002Ⅹ"), "11010519491231002Ⅹ");
}

#[test]
fn a_number_tells_birth_and_sex() {
    let number = CitizenId::parse("11010519491231002X", TODAY).unwrap();
    assert_eq!(number.birth_date(), Some(date(1949, 12, 31)));
    assert!(!number.is_male());
    assert!(CitizenId::parse("440524188001010014", TODAY).unwrap().is_male());
}

#[test]
fn a_body_mistyped_is_told_as_a_body() {
    assert_eq!(SubjectId::parse("91350100M000100Y44", TODAY), Err(IdentityFault::Check));
    assert_eq!(SubjectId::parse("91990106O48104398H", TODAY), Err(IdentityFault::Character { place: 9 }));
    assert_eq!(SubjectId::parse("990106198102290010", TODAY), Err(IdentityFault::BirthDate));
}

#[test]
fn the_organisation_code_is_only_a_hint() {
    for (value, note) in cases("uscc_valid").into_iter().filter(|(_, note)| note.starts_with("虚构")) {
        assert!(CreditCode::parse(&value).unwrap().organisation_code_holds(), "{value} ({note})");
    }
}

#[test]
fn debug_output_has_no_number_in_it() {
    let subject = SubjectId::parse("11010519491231002X", TODAY).unwrap();
    assert_eq!(format!("{subject:?}"), "110105********002X");
}

proptest! {
    #[test]
    fn one_wrong_digit_is_always_found(place in 0_usize..17, digit in 0_u8..10) {
        let sound = "11010519491231002X";
        let mut bytes = sound.as_bytes().to_vec();
        bytes[place] = b'0' + digit;
        let changed = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(CitizenId::parse(&changed, TODAY).is_ok(), changed == sound);
    }

    #[test]
    fn no_text_upsets_the_parsers(text in "\\PC{0,24}") {
        if let Ok(subject) = SubjectId::parse(&text, TODAY) {
            prop_assert_eq!(subject.as_str(), normalise(&text));
        }
    }
}
