//! What people write: the district's files, configuration, codes and numbers.

use std::path::Path;

use sanji_domain::identity::{CitizenId, CreditCode, normalise};
use sanji_domain::organisation::OrganisationFiles;
use sanji_domain::{Calendar, FileFault, Item, Organisation};
use sanji_link::EnrolmentCode;
use sanji_log::{CaseNumber, StationCode};
use sanji_station::config::{Config, Program};

use crate::input::{fuzz_text, iterations};

fn sample(path: &str) -> String {
    std::fs::read_to_string(sanji_tests::sample::folder().join(path)).unwrap()
}

/// A refusal names at least one fault, in a line that the file has.
fn in_the_file(text: &str, faults: &[FileFault]) {
    assert!(!faults.is_empty(), "refused without a reason");
    let lines = text.split('\n').count();
    for fault in faults {
        assert!((1..=lines).contains(&(fault.line as usize)), "line {} of {lines}: {fault}", fault.line);
        assert!(!fault.reason.contains('\n'), "{fault}");
    }
}

#[test]
fn items() {
    let examples = ["mz-dibao", "rs-canbao", "cg-zhanyong"].map(|item| sample(&format!("catalogue/items/{item}.toml")));
    let examples = examples.each_ref().map(String::as_str);
    fuzz_text!(4000, examples, |text: &str| {
        if let Err(faults) = Item::parse("item.toml", text) {
            in_the_file(text, &faults);
        }
    });
}

#[test]
fn calendars() {
    let calendar = sample("calendar/cn-workdays.toml");
    fuzz_text!(4000, [calendar.as_str()], |text: &str| {
        if let Err(faults) = Calendar::parse("calendar.toml", text) {
            in_the_file(text, &faults);
        }
    });
}

#[test]
fn organisations() {
    let texts =
        ["district", "departments", "roles", "townships"].map(|name| sample(&format!("organisation/{name}.toml")));
    // A few of the hundreds of villages, so that an input takes no second.
    let villages = sample("organisation/villages.toml");
    let villages: String = villages.split_inclusive("\n[[").take(6).collect::<String>();
    let villages = villages.trim_end_matches("[[").to_owned();
    let [district, departments, roles, townships] = texts.each_ref().map(String::as_str);
    let all = [district, departments, roles, townships, villages.as_str()];
    bolero::check!().with_iterations(iterations(20_000)).with_type::<(u8, crate::input::Input)>().for_each(
        |(which, input)| {
            let which = usize::from(*which) % all.len();
            let edited = input.apply_text(&[all[which]]);
            let mut texts = all;
            texts[which] = &edited;
            let [district, departments, roles, townships, villages] = texts;
            let files = OrganisationFiles { district, departments, roles, townships, villages };
            if let Err(faults) = Organisation::parse(files) {
                assert!(!faults.is_empty(), "refused without a reason");
            }
        },
    );
}

#[test]
fn configurations() {
    for program in [Program::Hub, Program::Node] {
        fuzz_text!(1000, [program.example()], |text: &str| {
            if let Err(fault) = Config::parse(text, Path::new("sanji.toml"), program) {
                assert!(!fault.to_string().contains('\n'), "one line: {fault}");
            }
        });
    }
}

#[test]
fn case_numbers() {
    fuzz_text!(20, ["9901061012032026070100427", "990106 101203 20260701 00427", "2026"], |text: &str| {
        let Ok(number) = text.parse::<CaseNumber>() else { return };
        assert_eq!(number.as_str().len(), 25);
        assert_eq!(number.as_str().parse::<CaseNumber>().unwrap(), number);
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(number.as_str(), digits, "a number is what was typed");
    });
}

#[test]
fn station_codes() {
    fuzz_text!(20, ["990106000000", "990106101000", "990106101203"], |text: &str| {
        let Ok(code) = text.parse::<StationCode>() else { return };
        assert_eq!(code.to_string(), text);
        assert!(code.within(code.district()) && code.parent().is_none_or(|parent| code.within(parent)));
    });
}

#[test]
fn identity_numbers() {
    fuzz_text!(20, ["99010619560312016X", "990106195910310995", "91990106MA00000000"], |text: &str| {
        if let Ok(number) = text.parse::<CitizenId>() {
            assert_eq!((number.as_str(), text.len()), (text, 18));
            assert!(number.birth_date().is_some());
        }
        if let Ok(code) = CreditCode::parse(text) {
            assert_eq!(code.as_str().len(), 18);
            let _ = code.organisation_code_holds();
        }
        let plain = normalise(text);
        assert_eq!(normalise(&plain), plain, "normalised once is normalised");
    });
}

#[test]
fn enrolment_codes() {
    let code = EnrolmentCode { secret: "7ZK0M4P2Q9XA".to_owned(), fingerprint: "0123456789ABCDE".to_owned() };
    let code = code.to_string();
    fuzz_text!(20, [code.as_str(), "oil-1"], |text: &str| {
        let Ok(read) = text.parse::<EnrolmentCode>() else { return };
        assert_eq!(read.to_string().parse::<EnrolmentCode>().unwrap(), read);
    });
}
