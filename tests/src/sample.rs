//! The sample district: its files and the people in them.

pub mod wide;

use std::path::{Path, PathBuf};

use sanji_log::StationCode;
use serde::Deserialize;

use crate::Error;

/// The folder of the sample district's files.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample")
}

/// A resident of the sample.
#[derive(Debug, Clone, Deserialize)]
pub struct Resident {
    /// Full name.
    pub name: String,
    /// Citizen identity number.
    pub id_number: String,
    /// Division code of the village.
    pub village: String,
}

/// A member of staff of the sample.
#[derive(Debug, Clone, Deserialize)]
pub struct StaffMember {
    /// For example `mz-03`.
    pub id: String,
    /// Full name.
    pub name: String,
    /// Chinese names of the roles.
    pub roles: Vec<String>,
    /// Department code.
    pub department: String,
    /// Division code of the station.
    pub place: String,
}

/// The people of the sample.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Residents, in the order of the file.
    pub residents: Vec<Resident>,
    /// Staff, in the order of the file.
    pub staff: Vec<StaffMember>,
}

#[derive(Deserialize)]
struct Residents {
    residents: Vec<Resident>,
}

#[derive(Deserialize)]
struct StaffFile {
    staff: Vec<StaffMember>,
}

impl Sample {
    /// Reads the people of the sample district.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Sample`] where a file is missing or is not what it should be.
    pub fn load() -> Result<Self, Error> {
        Self::of(&folder())
    }

    /// Reads the people of a district's folder.
    ///
    /// # Errors
    /// As for [`Sample::load`].
    pub fn of(folder: &Path) -> Result<Self, Error> {
        let residents: Residents = read(folder, "organisation/residents-sample.toml")?;
        let staff: StaffFile = read(folder, "organisation/staff.toml")?;
        Ok(Self { residents: residents.residents, staff: staff.staff })
    }

    /// The first resident of a village.
    ///
    /// # Errors
    /// [`Error::Sample`] where nobody lives there.
    pub fn resident_of(&self, village: StationCode) -> Result<&Resident, Error> {
        let code = village.to_string();
        self.residents
            .iter()
            .find(|resident| resident.village == code)
            .ok_or_else(|| Error::Sample(format!("resident of {village}")))
    }

    /// The first member of staff of a station and department with a role; any department where that is empty.
    ///
    /// # Errors
    /// [`Error::Sample`] where there is none.
    pub fn staff_of(&self, station: StationCode, department: &str, role: &str) -> Result<&StaffMember, Error> {
        let code = station.to_string();
        self.staff
            .iter()
            .find(|person| {
                person.place == code
                    && (department.is_empty() || person.department == department)
                    && person.roles.iter().any(|held| held == role)
            })
            .ok_or_else(|| Error::Sample(format!("{role} of {department} at {station}")))
    }
}

fn read<T: serde::de::DeserializeOwned>(folder: &Path, path: &str) -> Result<T, Error> {
    let text = std::fs::read_to_string(folder.join(path))
        .map_err(|source| Error::Io { operation: "read a file of the sample district", source })?;
    toml::from_str(&text).map_err(|fault| Error::Sample(format!("readable {path}: {}", fault.message())))
}
