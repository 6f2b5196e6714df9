//! Members of staff.

use std::collections::BTreeSet;

use sanji_log::StationCode;
use serde::{Deserialize, Serialize};

use crate::code::{DepartmentCode, StaffId};
use crate::organisation::{Organisation, Role, StageTier};
use crate::term::terms;
use crate::toml_file::{FileFault, Section, read_file};

terms! {
    /// The seat of a chief representative: B acts with the same powers while A is away, on record.
    pub enum Seat ("A、B角") {
        /// The deputy head of the department.
        A = "A",
        /// The head of the window.
        B = "B",
    }
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// The person's id.
    pub id: StaffId,
    /// The person's name.
    pub name: String,
    /// What they may do; never two roles that exclude each other.
    pub roles: Vec<Role>,
    /// Their post, in words.
    pub post: String,
    /// The level they belong to.
    pub tier: StageTier,
    /// Their department.
    pub department: DepartmentCode,
    /// The station where they work.
    pub place: StationCode,
    /// Seat A or B of a chief representative.
    pub seat: Option<Seat>,
    /// Who stands in for them.
    pub backup: Option<StaffId>,
    /// Further departments for which their window takes in and hands over (综合窗口).
    #[serde(default)]
    pub serves: Vec<DepartmentCode>,
}

impl Staff {
    /// Reads `staff.toml`: places and departments exist, nobody holds roles that exclude each other, whoever stands
    /// in for somebody is on the list.
    ///
    /// # Errors
    /// Everything that is wrong with the file, by line.
    pub fn parse_all(file: &str, text: &str, organisation: &Organisation) -> Result<Vec<Self>, Vec<FileFault>> {
        read_file(file, text, |section| {
            let staff = section.sections("staff", |section| Self::read(section, organisation))?;
            let mut ids = BTreeSet::new();
            for (index, person) in staff.iter().enumerate() {
                if !ids.insert(&person.id) {
                    section.fault_at(section.line_in("staff", index, "id"), format!("人员编号“{}”重复", person.id));
                }
            }
            for (index, person) in staff.iter().enumerate() {
                if let Some(backup) = person.backup.as_ref().filter(|id| **id == person.id || !ids.contains(id)) {
                    let line = section.line_in("staff", index, "backup");
                    section.fault_at(line, format!("替补人员“{backup}”不在名册中或是本人"));
                }
            }
            Some(staff)
        })
    }

    fn read(section: &mut Section<'_>, organisation: &Organisation) -> Option<Self> {
        let (id, name, roles) = (section.code("id"), section.text("name"), section.terms("roles"));
        let (post, tier, department) = (section.text("post"), section.term("tier"), section.code("department"));
        let (place, seat, backup) =
            (section.code("place"), section.optional_term("seat"), section.optional_code("backup"));
        let person = Self {
            id: id?,
            name: name?,
            roles: roles?,
            post: post?,
            tier: tier?,
            department: department?,
            place: place?,
            seat,
            backup,
            serves: section.optional_codes("serves"),
        };
        if let Some((one, other)) = organisation.roles.conflict(&person.roles) {
            section.fault("roles", format!("“{one}”和“{other}”不得由同一人兼任"));
        }
        if organisation.department(&person.department).is_none() {
            section.fault("department", format!("没有代码为“{}”的部门", person.department));
        }
        if let Some(unknown) = person.serves.iter().find(|code| organisation.department(code).is_none()) {
            section.fault("serves", format!("没有代码为“{unknown}”的部门"));
        }
        if organisation.station(&person.place).is_none() {
            section.fault("place", format!("没有代码为“{}”的机构", person.place));
        }
        if person.tier.station_tier() != Some(person.place.tier()) {
            section.fault("tier", format!("所在机构不属于“{}”", person.tier));
        }
        Some(person)
    }
}
