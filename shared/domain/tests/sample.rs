//! The sample district's files, read whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;

use sanji_domain::catalogue::{Fee, SupervisedLink};
use sanji_domain::organisation::{LinkQuality, OrganisationFiles, Seat};
use sanji_domain::{Calendar, Catalogue, Defaults, Item, Limit, Organisation, Role, Staff, Unit};
use sanji_log::Tier;

fn sample(path: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/sample");
    fs::read_to_string(folder.join(path)).expect(path)
}

fn organisation() -> Organisation {
    Organisation::parse(OrganisationFiles {
        district: &sample("organisation/district.toml"),
        departments: &sample("organisation/departments.toml"),
        roles: &sample("organisation/roles.toml"),
        townships: &sample("organisation/townships.toml"),
        villages: &sample("organisation/villages.toml"),
    })
    .unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn catalogue() -> Catalogue {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/sample/catalogue/items");
    let mut catalogue = Catalogue::default();
    for file in fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let item = Item::parse(&name, &sample(&format!("catalogue/items/{name}")));
        catalogue.insert(1, item.unwrap_or_else(|faults| panic!("{faults:#?}")));
    }
    catalogue
}

#[test]
fn every_item_is_read_and_fits_the_organisation() {
    let catalogue = catalogue();
    assert_eq!(catalogue.iter().count(), 43);
    assert_eq!(catalogue.check(&organisation()), []);
    let codes: Vec<_> = catalogue.iter().map(|(_, item)| item.code.as_str()).collect();
    assert!(codes.is_sorted());
}

#[test]
fn an_item_says_what_its_file_says() {
    let catalogue = catalogue();
    let (version, item) = catalogue.latest(&"mz-dibao".parse().unwrap()).unwrap();
    assert_eq!(version, 1);
    assert_eq!(item.limits.statutory, Some(Limit::working_days(30)));
    assert_eq!(item.limits.promised, Limit::working_days(25));
    assert_eq!(item.limits.extension.as_ref().unwrap().limit, Limit::working_days(15));
    let ids: Vec<_> = item.stages.iter().map(|stage| stage.id.as_str()).collect();
    assert_eq!(ids, ["apply", "accept", "survey", "first", "notice", "forward", "approve", "deliver"]);
    let notice = item.stage(&"notice".parse().unwrap()).unwrap();
    assert_eq!((notice.link, notice.role, notice.counted), (SupervisedLink::Review, Role::Window, true));
    assert_eq!(notice.limit, Limit::natural_days(7));
    assert!(item.publicity_of(&notice.id).unwrap().hide.contains(&"银行账号".to_owned()));
    assert_eq!(item.materials.len(), 10);
    assert_eq!(item.fee, Fee::Free);
}

#[test]
fn fees_parts_variants_and_windows_are_read() {
    let catalogue = catalogue();
    let item = |code: &str| catalogue.latest(&code.parse().unwrap()).unwrap().1;
    let prices: Vec<u64> = item("ly-lindi").fee.items().iter().map(|fee| fee.amount_fen).collect();
    assert_eq!(prices, [1000, 600, 300]);
    let parts = &item("lh-chusheng").parts;
    assert_eq!(parts.len(), 5);
    assert_eq!(parts[2].after, [parts[0].work.clone()]);
    let urgent = &item("mz-linshi").variants[0];
    assert_eq!(urgent.promised, Some(Limit::working_days(1)));
    assert_eq!(urgent.after.as_ref().unwrap().limit, Limit::working_days(10));
    let window = item("wj-jiangfu").apply_window.as_ref().unwrap();
    assert!(window.is_open("2026-01-01".parse().unwrap()));
    assert!(window.is_open("2026-03-31".parse().unwrap()));
    assert!(!window.is_open("2026-04-01".parse().unwrap()));
    let next = |day: &str| window.next_open_day(day.parse().unwrap()).unwrap().to_string();
    assert_eq!(next("2026-02-03"), "2026-02-03");
    assert_eq!(next("2026-04-01"), "2027-01-01");
    assert_eq!(next("2026-12-31"), "2027-01-01");
}

#[test]
fn a_department_or_part_that_is_not_there_is_told() {
    let mut catalogue = catalogue();
    let text = sample("catalogue/items/lh-chusheng.toml");
    let text = text.replace(r#"item = "wj-shengyu""#, r#"item = "wj-none""#);
    let text = text.replace(r#"after = ["wj-shengyu"]"#, "after = []").replace(r#""wj-clinic""#, r#""nobody""#);
    catalogue.insert(2, Item::parse("lh-chusheng.toml", &text).unwrap());
    let told: Vec<String> = catalogue.check(&organisation()).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["lh-chusheng：没有代码为“nobody”的部门", "lh-chusheng：联办部分“wj-none”不在事项目录中",]);
}

#[test]
fn the_rules_common_to_all_items_are_read() {
    let defaults = Defaults::parse("defaults.toml", &sample("catalogue/defaults.toml")).unwrap();
    assert_eq!(defaults.acceptance.decide_within, Limit::working_days(5));
    assert_eq!(defaults.correction.reply_within, Limit::working_days(15));
    assert_eq!(defaults.correction.max_rounds, 1);
    assert_eq!(defaults.agent.carry_max, Limit { days: 7, unit: Unit::NaturalDay });
    assert_eq!(defaults.supervision.yellow_at_percent, 90);
    assert_eq!(defaults.evaluation.bad_levels.len(), 2);
}

#[test]
fn stations_are_told_apart_by_township() {
    let organisation = organisation();
    let of = |tier| organisation.stations().filter(|station| station.code.tier() == tier).count();
    assert_eq!((of(Tier::District), of(Tier::Township), of(Tier::Village)), (1, 18, 219));
    let mut names: Vec<&str> = organisation.stations().map(|station| station.full_name.as_str()).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    let carried = organisation.stations().filter(|station| station.link == Some(LinkQuality::Carried)).count();
    assert_eq!(carried, 7);
    let village = organisation.station(&"990106101203".parse().unwrap()).unwrap();
    assert!(village.full_name.starts_with("枫溪镇") && village.full_name.ends_with(&village.name));
    assert_eq!(organisation.children(organisation.district.code).count(), 18);
}

#[test]
fn staff_hold_no_roles_that_exclude_each_other() {
    let organisation = organisation();
    let text = sample("organisation/staff.toml");
    let staff = Staff::parse_all("staff.toml", &text, &organisation).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(staff.len(), 633);
    assert_eq!(staff[0].seat, Some(Seat::A));
    assert_eq!(staff[0].backup, Some(staff[1].id.clone()));

    let both = text.replacen(r#"["首席代表", "审批"]"#, r#"["监察", "审批"]"#, 1);
    let faults = Staff::parse_all("staff.toml", &both, &organisation).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].to_string(), "staff.toml 第 5 行：“审批”和“监察”不得由同一人兼任");
}

#[test]
fn the_calendar_is_read() {
    let calendar = Calendar::parse("cn-workdays.toml", &sample("calendar/cn-workdays.toml")).unwrap();
    assert_eq!(calendar.years().collect::<Vec<_>>(), [2024, 2025, 2026]);
}
