//! The sample district: its data and its people.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use sanji_domain::case::{Context, Reference};
use sanji_domain::organisation::OrganisationFiles;
use sanji_domain::{Calendar, Catalogue, Defaults, Item, Organisation, Rules, Staff};
use sanji_log::StationCode;

pub(crate) const VILLAGE: &str = "990106101203";
pub(crate) const TOWNSHIP: &str = "990106101000";
pub(crate) const DISTRICT: &str = "990106000000";

/// Monday 2 March 2026, 9:00 in China.
pub(crate) const MONDAY: u64 = 1_772_413_200_000;
pub(crate) const DAY: u64 = 86_400_000;

pub(crate) struct District {
    pub(crate) catalogue: Catalogue,
    pub(crate) organisation: Organisation,
    pub(crate) calendar: Calendar,
    pub(crate) defaults: Defaults,
    pub(crate) rules: Rules,
    pub(crate) staff: Vec<Staff>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/sample")
}

fn text(path: &str) -> String {
    fs::read_to_string(folder().join(path)).expect(path)
}

/// The district, read once.
pub(crate) fn district() -> &'static District {
    static READ: OnceLock<District> = OnceLock::new();
    READ.get_or_init(|| {
        let mut catalogue = Catalogue::default();
        for file in fs::read_dir(folder().join("catalogue/items")).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            catalogue.insert(1, Item::parse(&name, &text(&format!("catalogue/items/{name}"))).unwrap());
        }
        let organisation = Organisation::parse(OrganisationFiles {
            district: &text("organisation/district.toml"),
            departments: &text("organisation/departments.toml"),
            roles: &text("organisation/roles.toml"),
            townships: &text("organisation/townships.toml"),
            villages: &text("organisation/villages.toml"),
        })
        .unwrap();
        let staff = Staff::parse_all("staff.toml", &text("organisation/staff.toml"), &organisation).unwrap();
        District {
            catalogue,
            staff,
            calendar: Calendar::parse("cn-workdays.toml", &text("calendar/cn-workdays.toml")).unwrap(),
            defaults: Defaults::parse("defaults.toml", &text("catalogue/defaults.toml")).unwrap(),
            rules: Rules::parse("rules.toml", &text("supervision/rules.toml")).unwrap(),
            organisation,
        }
    })
}

impl District {
    pub(crate) fn reference(&self) -> Reference<'_> {
        Reference {
            catalogue: &self.catalogue,
            organisation: &self.organisation,
            calendar: &self.calendar,
            defaults: &self.defaults,
            rules: &self.rules,
        }
    }

    pub(crate) fn item(&self, code: &str) -> &Item {
        self.catalogue.latest(&code.parse().unwrap()).expect(code).1
    }

    pub(crate) fn person(&self, id: &str) -> &Staff {
        self.staff.iter().find(|staff| staff.id.as_str() == id).expect(id)
    }

    pub(crate) fn people_at(&self, station: StationCode) -> impl Iterator<Item = &Staff> {
        self.staff.iter().filter(move |staff| staff.place == station)
    }

    pub(crate) fn at_desk<'a>(&'a self, actor: &'a Staff, now_ms: u64) -> Context<'a> {
        Context { now_ms, station: actor.place, actor, reference: self.reference() }
    }
}

pub(crate) fn code(text: &str) -> StationCode {
    text.parse().expect(text)
}
