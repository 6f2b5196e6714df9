//! Offices and people in words.

use sanji_domain::organisation::{DepartmentKind, Role, Seat};
use sanji_domain::supervision::say::is_head;
use sanji_domain::supervision::{Level, Office, Person, Subject};
use sanji_domain::{DepartmentCode, Item, ItemCode, StaffId, StageId};
use sanji_log::Tier;
use sanji_proto::v1 as proto;

use crate::core::ReferenceData;

/// The district's words for things.
#[derive(Clone, Copy)]
pub(super) struct Names<'a>(pub(super) &'a ReferenceData);

impl Names<'_> {
    pub(super) fn department(self, code: &DepartmentCode) -> String {
        let known = self.0.organisation().and_then(|organisation| organisation.department(code));
        known.map_or_else(|| code.to_string(), |department| department.name.clone())
    }

    /// At the district a department, elsewhere the station, with its office where that is not the station's own.
    pub(super) fn office(self, office: &Office) -> String {
        let department = self.department(&office.department);
        if office.station.tier() == Tier::District {
            return department;
        }
        let station = self.0.station_name(office.station);
        match office.department.as_str() {
            "township" | "village" => station,
            _ if self.kind(&office.department) == Some(DepartmentKind::Station) => format!("{station}（{department}）"),
            _ => station,
        }
    }

    fn kind(self, code: &DepartmentCode) -> Option<DepartmentKind> {
        self.0.organisation()?.department(code).map(|department| department.kind)
    }

    pub(super) fn staff(self, id: &StaffId) -> String {
        self.0.staff(id).map_or_else(|| id.to_string(), |entry| entry.staff.name.clone())
    }

    pub(super) fn person(self, person: Option<&Person>) -> String {
        person.map_or_else(String::new, |person| {
            if person.name.is_empty() { self.staff(&person.id) } else { person.name.clone() }
        })
    }

    pub(super) fn subject(self, subject: &Subject) -> String {
        match subject {
            Subject::Department(code) => self.department(code),
            Subject::Township(code) => self.0.station_name(*code),
            Subject::Staff(id) => self.staff(id),
        }
    }

    pub(super) fn item(&self, code: &ItemCode) -> Option<&Item> {
        self.0.catalogue().latest(code).map(|(_, item)| item)
    }

    pub(super) fn item_name(self, code: &ItemCode) -> String {
        self.item(code).map_or_else(|| code.to_string(), |item| item.name.clone())
    }

    pub(super) fn stage(self, item: &ItemCode, stage: Option<&StageId>) -> String {
        let Some(stage) = stage else { return String::new() };
        let known = self.item(item).and_then(|item| item.stage(stage));
        known.map_or_else(|| stage.to_string(), |stage| stage.name.clone())
    }

    /// Those who head an office, seat A first.
    pub(super) fn heads(self, office: &Office) -> Vec<String> {
        let mut heads: Vec<_> = self
            .0
            .all_staff()
            .values()
            .filter(|entry| !entry.inactive && entry.staff.place == office.station)
            .map(|entry| &entry.staff)
            .filter(|staff| {
                let centre = office.station.tier() != Tier::District && staff.department.as_str() == "township";
                let village = office.station.tier() == Tier::Village;
                is_head(staff) && (staff.department == office.department || centre || village)
            })
            .collect();
        heads.sort_by_key(|staff| (staff.seat != Some(Seat::A), !staff.roles.contains(&Role::Approver), &staff.id));
        heads.into_iter().map(|staff| format!("{}（{}）", staff.name, staff.post)).collect()
    }
}

/// How loud an alert is, in a word.
pub(crate) fn level_word(level: proto::AlertLevel) -> &'static str {
    match level {
        proto::AlertLevel::Red => Level::Red.term(),
        proto::AlertLevel::Yellow => Level::Yellow.term(),
        _ => Level::Prompt.term(),
    }
}

pub(super) fn level(level: Level) -> proto::AlertLevel {
    match level {
        Level::Prompt => proto::AlertLevel::Prompt,
        Level::Yellow => proto::AlertLevel::Yellow,
        Level::Red => proto::AlertLevel::Red,
    }
}
