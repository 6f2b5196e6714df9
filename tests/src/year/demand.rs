//! Who applies for what, where, on which day.

use jiff::civil::{Date, Weekday};
use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use sanji_domain::catalogue::{CaseType, MaterialForm};
use sanji_domain::{Item, ItemCode};
use sanji_log::{StationCode, Tier};
use sanji_proto::v1 as proto;

use crate::sample::Resident;

/// How much of the demand comes in at the windows of townships, and at the district's.
const AT_TOWNSHIPS: f64 = 0.25;
const AT_DISTRICT: f64 = 0.06;

/// How many applications come in on a day, where an average working day has `usual`.
pub fn on_day(day: Date, usual: f64, random: &mut StdRng) -> u32 {
    let weekday = match day.weekday() {
        Weekday::Monday => 1.3,
        Weekday::Friday => 0.8,
        _ => 1.0,
    };
    // Before Spring Festival few come, after it many; summer is quiet.
    let season = [0.7, 0.6, 1.4, 1.2, 1.0, 1.0, 0.85, 0.9, 1.15, 1.1, 1.1, 1.0];
    let season = season.get(usize::from(day.month().unsigned_abs()).saturating_sub(1)).copied().unwrap_or(1.0);
    (usual * weekday * season * random.random_range(0.8..1.2)).round().max(0.0) as u32
}

/// The tier at which somebody comes.
pub fn tier(random: &mut StdRng) -> Tier {
    let lot: f64 = random.random();
    if lot < AT_DISTRICT {
        Tier::District
    } else if lot < AT_DISTRICT + AT_TOWNSHIPS {
        Tier::Township
    } else {
        Tier::Village
    }
}

/// What somebody applies for in a month: simple things far more often than rare ones.
pub fn item(items: &[Item], month: i8, random: &mut StdRng) -> Option<ItemCode> {
    let weight = |item: &Item| {
        let usual = match item.case_type {
            CaseType::OnTheSpot => 6.0,
            CaseType::Promised => 2.0,
            CaseType::Joint => 0.6,
            CaseType::Referred => 0.4,
        };
        // Each item has its season.
        let peak = f64::from(u32::from(blake3::hash(item.code.as_str().as_bytes()).as_bytes()[0] % 12));
        usual * (1.0 + 0.6 * ((f64::from(month) - peak) * std::f64::consts::TAU / 12.0).cos())
    };
    items.choose_weighted(random, weight).ok().map(|item| item.code.clone())
}

/// A whole application.
pub fn application(
    item: &Item,
    home: StationCode,
    residents: &[Resident],
    born_before: Date,
    random: &mut StdRng,
) -> proto::SubmitRequest {
    let mut request = [0; 16];
    random.fill(&mut request);
    let materials = item.materials.iter().zip(0..);
    let handed_in = materials.filter(|(material, _)| material.mandatory && material.form != MaterialForm::Shared);
    let handed_in = handed_in.map(|(material, at)| proto::MaterialInput {
        material: at,
        originals: material.originals,
        copies: material.copies.max(1),
        attachments: Vec::new(),
    });
    let mandate = proto::Mandate {
        may_submit: true,
        may_correct: random.random_bool(0.9),
        may_sign_for_documents: random.random_bool(0.8),
        may_collect_result: random.random_bool(0.8),
        until: 0,
    };
    proto::SubmitRequest {
        request: request.to_vec(),
        item: item.code.to_string(),
        applicant: Some(applicant(residents, born_before, random)),
        answers: vec![proto::Answer {
            field: "家庭人口".into(), value: format!("{}人", random.random_range(1..7))
        }],
        materials: handed_in.collect(),
        mandate: (home.tier() == Tier::Village).then_some(mandate),
        ..Default::default()
    }
}

/// Somebody who does not exist: names of the sample, mixed, and a number with the district's unassigned prefix.
fn applicant(residents: &[Resident], born_before: Date, random: &mut StdRng) -> proto::Applicant {
    let of = |random: &mut StdRng| residents.choose(random).map(|person| person.name.clone()).unwrap_or_default();
    let (family, given) = (of(random), of(random));
    let name: String = family.chars().take(1).chain(given.chars().skip(1)).collect();
    let days = random.random_range(6_600..30_000);
    let birth = born_before.checked_sub(jiff::Span::new().days(days)).unwrap_or(born_before);
    let sequence = random.random_range(1..1000);
    let digits = format!("990106{:04}{:02}{:02}{sequence:03}", birth.year(), birth.month(), birth.day());
    let telephone = format!("139{:08}", random.random_range(0..100_000_000));
    proto::Applicant {
        name,
        id_number: format!("{digits}{}", check_character(&digits)),
        telephone,
        address: format!("第{}组", random.random_range(1..13)),
    }
}

/// The check character of a citizen's number (GB 11643, ISO 7064 MOD 11-2).
fn check_character(digits: &str) -> char {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits.chars().filter_map(|digit| digit.to_digit(10)).zip(weights).map(|(a, b)| a * b).sum();
    "10X98765432".chars().nth((sum % 11) as usize).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn applicants_have_numbers_that_hold() {
        let day = jiff::civil::date(2026, 7, 1);
        let residents = crate::sample::Sample::load().unwrap().residents;
        let mut random = StdRng::seed_from_u64(1);
        for _ in 0..1000 {
            let applicant = applicant(&residents, day, &mut random);
            sanji_domain::SubjectId::parse(&applicant.id_number, day).unwrap();
        }
    }
}
