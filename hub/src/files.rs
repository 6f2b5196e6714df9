//! The district's data folder: catalogue, organisation and calendar, read and checked as a whole before a line of
//! it is published.

use std::collections::BTreeMap;
use std::path::Path;

use sanji_domain::organisation::OrganisationFiles;
use sanji_domain::{Calendar, Catalogue, Defaults, FileFault, Item, Organisation, Staff};

use crate::error::Error;

const DEFAULTS: &str = "catalogue/defaults.toml";
const CALENDAR: &str = "calendar/cn-workdays.toml";
const ORGANISATION: [&str; 5] = ["district", "departments", "roles", "townships", "villages"];
const STAFF: &str = "organisation/staff.toml";

/// Texts of the files that are published, by their path in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DistrictFiles(BTreeMap<String, String>);

impl DistrictFiles {
    /// Reads a folder with catalogue/, organisation/ and calendar/.
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let mut paths = vec![DEFAULTS.to_owned(), CALENDAR.to_owned()];
        paths.extend(ORGANISATION.map(organisation_path));
        let items = folder.join("catalogue/items");
        let fault = |source| Error::File { operation: "read", path: items.clone(), source };
        for entry in std::fs::read_dir(&items).map_err(fault)? {
            let name = entry.map_err(fault)?.file_name();
            paths.extend(
                name.to_str().filter(|name| name.ends_with(".toml")).map(|name| format!("catalogue/items/{name}")),
            );
        }
        let read = |path: String| read_text(folder, &path).map(|text| (path, text));
        paths.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Takes files as they came over a call.
    pub(crate) fn from_texts(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(texts.into_iter().collect())
    }

    /// The files, by path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Checks every file, and that they fit together. What they say of the district comes back.
    pub(crate) fn check(&self) -> Result<Organisation, Error> {
        let mut faults = Vec::new();
        if let Some((path, _)) = self.iter().find(|(path, _)| !is_published(path)) {
            return Err(Error::Input(format!("'{path}' is not a file that a district publishes")));
        }
        let [district, departments, roles, townships, villages] =
            ORGANISATION.map(|name| self.text(&organisation_path(name)));
        let files = OrganisationFiles {
            district: district?,
            departments: departments?,
            roles: roles?,
            townships: townships?,
            villages: villages?,
        };
        let organisation = keep(&mut faults, Organisation::parse(files));
        keep(&mut faults, Calendar::parse(CALENDAR, self.text(CALENDAR)?));
        keep(&mut faults, Defaults::parse(DEFAULTS, self.text(DEFAULTS)?));
        let mut catalogue = Catalogue::default();
        for (path, text) in self.iter().filter(|(path, _)| path.starts_with("catalogue/items/")) {
            if let Some(item) = keep(&mut faults, Item::parse(path, text)) {
                catalogue.insert(1, item);
            }
        }
        let mut lines: Vec<String> = faults.iter().map(FileFault::to_string).collect();
        if let Some(organisation) = &organisation {
            lines.extend(catalogue.check(organisation).iter().map(ToString::to_string));
        }
        match (organisation, lines.first()) {
            (Some(organisation), None) => Ok(organisation),
            (_, first) => Err(Error::Faults { first: first.cloned().unwrap_or_default(), count: lines.len() }),
        }
    }

    fn text(&self, path: &str) -> Result<&str, Error> {
        self.0.get(path).map(String::as_str).ok_or_else(|| Error::Input(format!("{path} is missing")))
    }
}

/// Reads the staff, who are not published: each person's record goes to the logs of the place of work only.
pub(crate) fn read_staff(folder: &Path, organisation: &Organisation) -> Result<Vec<Staff>, Error> {
    Staff::parse_all(STAFF, &read_text(folder, STAFF)?, organisation).map_err(|faults| Error::Faults {
        first: faults.first().map_or_else(String::new, ToString::to_string),
        count: faults.len(),
    })
}

fn read_text(folder: &Path, path: &str) -> Result<String, Error> {
    let path = folder.join(path);
    std::fs::read_to_string(&path).map_err(|source| Error::File { operation: "read", path, source })
}

fn organisation_path(name: &str) -> String {
    format!("organisation/{name}.toml")
}

fn is_published(path: &str) -> bool {
    path == DEFAULTS
        || path == CALENDAR
        || ORGANISATION.iter().any(|name| organisation_path(name) == path)
        || path.strip_prefix("catalogue/items/").is_some_and(|name| name.ends_with(".toml") && !name.contains('/'))
}

fn keep<T>(faults: &mut Vec<FileFault>, read: Result<T, Vec<FileFault>>) -> Option<T> {
    read.map_err(|found| faults.extend(found)).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sample() -> DistrictFiles {
        DistrictFiles::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sample")).unwrap()
    }

    #[test]
    fn the_sample_district_can_be_published() {
        let files = sample();
        assert_eq!(files.check().unwrap().district.code.to_string(), "990106000000");
        assert_eq!(files.iter().filter(|(path, _)| path.starts_with("catalogue/items/")).count(), 43);
        assert!(files.iter().all(|(path, _)| !path.contains("residents") && !path.contains("staff")));
    }

    #[test]
    fn a_file_with_a_fault_or_out_of_place_stops_all() {
        let mut files = sample();
        files.0.insert("catalogue/items/mz-dibao.toml".to_owned(), "schema = 1\n".to_owned());
        let fault = files.check().unwrap_err().to_string();
        assert!(fault.starts_with("catalogue/items/mz-dibao.toml") && fault.ends_with("more faults)"), "{fault}");
        let mut files = sample();
        files.0.insert("../keys/signing.key".to_owned(), String::new());
        assert_eq!(
            files.check().unwrap_err().to_string(),
            "'../keys/signing.key' is not a file that a district publishes"
        );
        let mut files = sample();
        files.0.remove("organisation/roles.toml");
        assert_eq!(files.check().unwrap_err().to_string(), "organisation/roles.toml is missing");
    }
}
