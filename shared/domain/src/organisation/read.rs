//! From the organisation's files to an [`Organisation`].

use std::collections::BTreeMap;

use sanji_log::{StationCode, Tier};

use super::{Department, District, Hall, Organisation, Role, Roles, StationInfo, StationKind, Treasury};
use crate::toml_file::{FileFault, Section, read_file};

/// The texts of the files that make up the organisation.
#[derive(Debug, Clone, Copy)]
pub struct OrganisationFiles<'t> {
    /// `district.toml`
    pub district: &'t str,
    /// `departments.toml`
    pub departments: &'t str,
    /// `roles.toml`
    pub roles: &'t str,
    /// `townships.toml`
    pub townships: &'t str,
    /// `villages.toml`
    pub villages: &'t str,
}

impl Organisation {
    /// Reads the organisation's files and checks them against one another.
    ///
    /// # Errors
    /// Everything that is wrong with the files, file by file, by line.
    pub fn parse(files: OrganisationFiles<'_>) -> Result<Self, Vec<FileFault>> {
        let mut faults = Vec::new();
        let district = keep(&mut faults, read_file("district.toml", files.district, District::read));
        let departments = keep(&mut faults, read_file("departments.toml", files.departments, Department::read_all));
        let roles = keep(&mut faults, read_file("roles.toml", files.roles, Roles::read));
        let mut stations = BTreeMap::new();
        if let Some(district) = &district {
            stations.insert(district.code, district.station());
        }
        let read = read_file("townships.toml", files.townships, |section| {
            read_stations(section, "townships", Tier::Township, &mut stations)
        });
        keep(&mut faults, read);
        let read = read_file("villages.toml", files.villages, |section| {
            read_stations(section, "villages", Tier::Village, &mut stations)
        });
        keep(&mut faults, read);
        match (district, departments, roles) {
            (Some(district), Some(departments), Some(roles)) if faults.is_empty() => {
                let (authorisations, rota) = Default::default();
                Ok(Self { district, departments, roles, authorisations, rota, stations })
            }
            _ => Err(faults),
        }
    }
}

fn keep<T>(faults: &mut Vec<FileFault>, read: Result<T, Vec<FileFault>>) -> Option<T> {
    read.map_err(|found| faults.extend(found)).ok()
}

impl District {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        section.skip(&["numbering"]);
        let halls = section.sections("hall", |section| {
            let (name, windows) = (section.text("name"), section.some_texts("windows"));
            Some(Hall { name: name?, windows: windows? })
        });
        let treasury = section.optional_section("treasury", |section| {
            let (name, bank, account) = (section.text("name"), section.text("bank"), section.text("account"));
            Some(Treasury { name: name?, bank: bank?, account: account? })
        });
        section.section("district", |section| {
            section.skip(&["division_code", "province", "townships", "subdistricts", "towns", "rural_townships"]);
            section.skip(&["communities", "villages", "population", "time_zone"]);
            let (code, name, city) = (section.code("code"), section.text("name"), section.text("city"));
            let (hub, working_hours) = (section.text("hub"), section.text("working_hours"));
            let code: StationCode = code?;
            if code.tier() != Tier::District {
                section.fault("code", format!("“{code}”不是区县的代码"));
            }
            Some(Self {
                code,
                name: name?,
                city: city?,
                hub: hub?,
                working_hours: working_hours?,
                halls: halls?,
                treasury,
            })
        })
    }

    fn station(&self) -> StationInfo {
        StationInfo {
            code: self.code,
            name: self.name.clone(),
            full_name: self.name.clone(),
            kind: StationKind::District,
            link: None,
            open: Some(self.working_hours.clone()),
        }
    }
}

impl Department {
    fn read_all(section: &mut Section<'_>) -> Option<Vec<Self>> {
        let departments = section.some_sections("department", Self::read)?;
        for (index, department) in departments.iter().enumerate() {
            if departments.iter().take(index).any(|earlier| earlier.code == department.code) {
                section.fault_at(
                    section.line_in("department", index, "code"),
                    format!("部门代码“{}”重复", department.code),
                );
            }
        }
        Some(departments)
    }

    fn read(section: &mut Section<'_>) -> Option<Self> {
        let (code, name, kind) = (section.code("code"), section.text("name"), section.term("kind"));
        let (window, credit_code) = (section.optional_text("window"), section.optional_code("uscc"));
        let (seats, note) = (section.optional_text("seats"), section.optional_text("note"));
        Some(Self { code: code?, name: name?, kind: kind?, window, credit_code, seats, note })
    }
}

impl Roles {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let pairs: Option<Vec<Vec<Role>>> = section.term_lists("exclusive");
        let may = section.some_sections("role", |section| {
            section.skip(&["tier"]);
            let (role, may) = (section.term("name"), section.text("may"));
            Some((role?, may?))
        })?;
        let pairs = pairs?.into_iter().map(|pair| match pair[..] {
            [one, other] if one != other => Some((one, other)),
            _ => {
                section.fault("exclusive", "不得兼任的岗位应两两列出");
                None
            }
        });
        Some(Self { exclusive: pairs.collect::<Option<_>>()?, may: may.into_iter().collect() })
    }
}

/// Reads the stations of one tier; those above them are already known.
fn read_stations(
    section: &mut Section<'_>,
    list: &'static str,
    tier: Tier,
    stations: &mut BTreeMap<StationCode, StationInfo>,
) -> Option<()> {
    section.some_sections(list, |section| {
        let station = StationInfo::read(section, tier, stations)?;
        if stations.contains_key(&station.code) {
            section.fault("code", format!("代码“{}”重复", station.code));
        }
        stations.insert(station.code, station);
        Some(())
    })?;
    Some(())
}

impl StationInfo {
    fn read(section: &mut Section<'_>, tier: Tier, above: &BTreeMap<StationCode, Self>) -> Option<Self> {
        section.skip(&["centre", "communities", "villages", "urban_rural", "households", "population", "distance_km"]);
        let (code, name, kind) = (section.code("code"), section.text("name"), section.term("kind"));
        let (link, open) = (section.term("link"), section.optional_text("open"));
        let township: Option<StationCode> = section.optional_code("township");
        let (code, kind): (StationCode, StationKind) = (code?, kind?);
        if code.tier() != tier || kind.tier() != tier {
            section.fault("code", format!("代码“{code}”或类别“{kind}”不属于本文件的层级"));
        }
        let parent = code.parent();
        if tier == Tier::Village && township != parent {
            section.fault("township", format!("“{code}”不在所填的乡镇之下"));
        }
        let Some(parent) = parent.and_then(|code| above.get(&code)) else {
            section.fault("code", format!("“{code}”的上级机构不存在"));
            return None;
        };
        let name = name?;
        let full_name = if tier == Tier::Village { format!("{}{name}", parent.name) } else { name.clone() };
        Some(Self { code, name, full_name, kind, link: Some(link?), open })
    }
}

impl StationKind {
    /// The tier of stations of this kind.
    #[must_use]
    pub fn tier(self) -> Tier {
        match self {
            Self::District => Tier::District,
            Self::Subdistrict | Self::Town | Self::RuralTownship => Tier::Township,
            Self::Community | Self::Village => Tier::Village,
        }
    }
}
