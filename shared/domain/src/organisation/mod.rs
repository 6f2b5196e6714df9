//! The organisation: one district, its stations, departments and roles.

use std::collections::BTreeMap;

use sanji_log::StationCode;

use crate::code::DepartmentCode;
use crate::identity::CreditCode;
use crate::term::terms;

mod absence;
mod assignment;
mod authorisation;
mod read;
mod role;
mod rota;
mod staff;

pub use absence::{ALONE, Absence, AbsenceId, Absences, Colleague, Ground, StandIn, Standing, may_stand_in};
pub use assignment::{
    administers, asks_for_change, consents_to_changes, differences, has_served_term, heads_office_of,
    is_change_of_post, is_same_post, leaves_to_principal, may_begin,
};
pub use authorisation::{Authorisation, Authorisations, Power};
pub use read::OrganisationFiles;
pub use role::{Role, StageTier};
pub use rota::{DutyRota, DutyTurn};
pub use staff::{Seat, Staff};

/// The district and everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// The district.
    pub district: District,
    /// Departments, offices that stations keep, and outside bodies, in the file's order.
    pub departments: Vec<Department>,
    /// What each role may do and which exclude each other.
    pub roles: Roles,
    /// Who may do what with an item, where the district says more than the roles.
    pub authorisations: Authorisations,
    /// Which leaders sit in the hall.
    pub rota: DutyRota,
    stations: BTreeMap<StationCode, StationInfo>,
}

/// The district.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct District {
    /// Its division code.
    pub code: StationCode,
    /// Its name.
    pub name: String,
    /// The city above it.
    pub city: String,
    /// The name of its service hall.
    pub hub: String,
    /// When the hall is open, in words.
    pub working_hours: String,
    /// The parts of the hall.
    pub halls: Vec<Hall>,
    /// Where fees are paid to; none: the file says nothing.
    pub treasury: Option<Treasury>,
}

/// The account to which fees are paid (财政专户或国库).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Treasury {
    /// Its name.
    pub name: String,
    /// The bank that keeps it.
    pub bank: String,
    /// Its number.
    pub account: String,
}

/// A part of the district's hall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hall {
    /// Its name.
    pub name: String,
    /// Its windows.
    pub windows: Vec<String>,
}

terms! {
    /// What a department of the file is.
    pub enum DepartmentKind ("部门类别") {
        /// A department of the district.
        District = "district",
        /// The hall's own office.
        Hub = "hub",
        /// An office that every township or village keeps.
        Station = "station",
        /// A body outside the district, such as a bank or a provincial office.
        External = "external",
    }
}

/// A department, an office of stations, or an outside body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Department {
    /// Its code, as items name it.
    pub code: DepartmentCode,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: DepartmentKind,
    /// Its window in the district's hall.
    pub window: Option<String>,
    /// Its unified social credit code.
    pub credit_code: Option<CreditCode>,
    /// Who sits at its window, in words.
    pub seats: Option<String>,
    /// A remark.
    pub note: Option<String>,
}

terms! {
    /// What a station is the station of.
    pub enum StationKind ("机构类别") {
        /// A district.
        District = "区县",
        /// A sub-district in town.
        Subdistrict = "街道",
        /// A town.
        Town = "镇",
        /// A rural township.
        RuralTownship = "乡",
        /// A community with a residents' committee.
        Community = "社区",
        /// A village with a villagers' committee.
        Village = "村",
    }
}

terms! {
    /// How a station reaches the one above it.
    pub enum LinkQuality ("网络条件") {
        /// A leased line.
        Leased = "专线",
        /// Fibre.
        Fibre = "光纤",
        /// Mobile network.
        Mobile = "4G",
        /// Mobile network that comes and goes.
        WeakMobile = "弱信号4G",
        /// No line: data is carried on a medium.
        Carried = "无固定网络（移动介质摆渡）",
    }
}

/// A station, as people speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationInfo {
    /// Its code.
    pub code: StationCode,
    /// Its own name. Villages of different townships may share one.
    pub name: String,
    /// The name that tells it apart: township and village.
    pub full_name: String,
    /// What it is the station of.
    pub kind: StationKind,
    /// Its line; the district has none above it.
    pub link: Option<LinkQuality>,
    /// When it is open, in words, where the file says so.
    pub open: Option<String>,
}

/// The rules of `roles.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles {
    /// What each role may do, in words.
    pub may: BTreeMap<Role, String>,
    /// Pairs that one person must not hold together.
    pub exclusive: Vec<(Role, Role)>,
}

impl Roles {
    /// The first pair among these roles that one person must not hold together.
    #[must_use]
    pub fn conflict(&self, roles: &[Role]) -> Option<(Role, Role)> {
        self.exclusive.iter().copied().find(|(one, other)| roles.contains(one) && roles.contains(other))
    }
}

impl Organisation {
    /// A station of the district.
    #[must_use]
    pub fn station(&self, code: &StationCode) -> Option<&StationInfo> {
        self.stations.get(code)
    }

    /// Every station of the district, by code: each township before its villages.
    pub fn stations(&self) -> impl Iterator<Item = &StationInfo> {
        self.stations.values()
    }

    /// The stations directly below one.
    pub fn children(&self, of: StationCode) -> impl Iterator<Item = &StationInfo> {
        self.stations.values().filter(move |station| station.code.parent() == Some(of))
    }

    /// A department.
    #[must_use]
    pub fn department(&self, code: &DepartmentCode) -> Option<&Department> {
        self.departments.iter().find(|department| department.code == *code)
    }
}
