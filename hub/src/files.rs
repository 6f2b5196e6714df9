//! The district's data folder: catalogue, organisation and calendar, read and checked as a whole before a line of
//! it is published or reckoned with.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use sanji_domain::case::Reference;
use sanji_domain::catalogue::CatalogueFault;
use sanji_domain::organisation::{Authorisations, DutyRota, OrganisationFiles};
use sanji_domain::{Calendar, Catalogue, Defaults, FileFault, Item, Organisation, Rules, Staff};

use crate::error::Error;

const DEFAULTS: &str = "catalogue/defaults.toml";
const ITEMS: &str = "catalogue/items";
const CALENDAR: &str = "calendar/cn-workdays.toml";
/// The only file that a district may do without.
const RULES: &str = "supervision/rules.toml";
const ORGANISATION: [&str; 5] = ["district", "departments", "roles", "townships", "villages"];
/// Files of the organisation that a district may do without.
const OPTIONAL: [&str; 2] = ["organisation/authorisations.toml", "organisation/rota.toml"];
const STAFF: &str = "organisation/staff.toml";

/// Texts of the files that are published, by their path in the folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DistrictFiles {
    texts: BTreeMap<String, String>,
    /// Files that are no text.
    unreadable: Vec<FileFault>,
}

/// What the files say, once nothing is wrong with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct District {
    pub(crate) organisation: Organisation,
    pub(crate) catalogue: Catalogue,
    pub(crate) calendar: Calendar,
    pub(crate) defaults: Defaults,
    pub(crate) rules: Rules,
}

impl District {
    /// As the rules of cases take it.
    pub(crate) fn reference(&self) -> Reference<'_> {
        Reference {
            catalogue: &self.catalogue,
            organisation: &self.organisation,
            calendar: &self.calendar,
            defaults: &self.defaults,
            rules: &self.rules,
        }
    }
}

impl DistrictFiles {
    /// Reads a folder with catalogue/, organisation/ and calendar/. A file that is missing or no text is a fault that
    /// [`DistrictFiles::check`] tells together with all others.
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let mut paths = vec![DEFAULTS.to_owned(), CALENDAR.to_owned(), RULES.to_owned()];
        paths.extend(ORGANISATION.map(organisation_path));
        paths.extend(OPTIONAL.map(str::to_owned));
        let items = folder.join(ITEMS);
        let fault = |source| Error::File { operation: "read", path: items.clone(), source };
        for entry in std::fs::read_dir(&items).map_err(fault)? {
            let name = entry.map_err(fault)?.file_name();
            let name = name.to_str().filter(|name| name.ends_with(".toml"));
            paths.extend(name.map(|name| format!("{ITEMS}/{name}")));
        }
        let mut files = Self::default();
        for path in paths {
            match read_text(folder, &path) {
                Ok(Some(Ok(text))) => drop(files.texts.insert(path, text)),
                Ok(Some(Err(fault))) => files.unreadable.push(fault),
                Ok(None) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }

    /// Takes files as they came over a call.
    pub(crate) fn from_texts(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { texts: texts.into_iter().collect(), unreadable: Vec::new() }
    }

    /// The files, by path.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Checks every file, and that they fit together.
    ///
    /// # Errors
    /// [`Error::Faults`] with everything that is wrong, file by file.
    pub(crate) fn check(&self) -> Result<District, Error> {
        if let Some((path, _)) = self.iter().find(|(path, _)| !is_published(path)) {
            return Err(Error::Input(format!("'{path}' is not a file that a district publishes")));
        }
        let mut faults = self.unreadable.clone();
        let organisation = self.organisation(&mut faults);
        let calendar = self.one(CALENDAR, Calendar::parse, &mut faults);
        let defaults = self.one(DEFAULTS, Defaults::parse, &mut faults);
        let rules = match self.texts.contains_key(RULES) {
            true => self.one(RULES, Rules::parse, &mut faults),
            false => Some(Rules::built_in()),
        };
        let mut catalogue = Catalogue::default();
        for (path, text) in self.iter().filter(|(path, _)| item_name(path).is_some()) {
            if let Some(item) = keep(&mut faults, Item::parse(path, text)) {
                catalogue.insert(1, item);
            }
        }
        if let Some(organisation) = &organisation {
            // An item whose file has faults of its own is not missing.
            let unfit = catalogue.check(organisation).into_iter();
            let unfit = unfit.filter(|fault| !self.texts.contains_key(&item_path(&fault.named)));
            faults.extend(unfit.map(|fault| self.located(fault)));
        }
        faults.extend(organisation.iter().flat_map(|organisation| unknown_in(organisation, &catalogue)));
        match (organisation, calendar, defaults, rules) {
            (Some(organisation), Some(calendar), Some(defaults), Some(rules)) if faults.is_empty() => {
                Ok(District { organisation, catalogue, calendar, defaults, rules })
            }
            _ => {
                faults.sort();
                Err(Error::Faults(faults))
            }
        }
    }

    /// What is not wrong and yet worth a look, of the items that can be read.
    pub(crate) fn remarks(&self) -> Vec<FileFault> {
        let mut catalogue = Catalogue::default();
        for (path, text) in self.iter().filter(|(path, _)| item_name(path).is_some()) {
            if let Ok(item) = Item::parse(path, text) {
                catalogue.insert(1, item);
            }
        }
        catalogue.remarks().into_iter().map(|remark| self.located(remark)).collect()
    }

    /// The organisation alone; what is wrong with it is added to `faults`.
    pub(crate) fn organisation(&self, faults: &mut Vec<FileFault>) -> Option<Organisation> {
        let paths = ORGANISATION.map(organisation_path);
        let [district, departments, roles, townships, villages] = paths.map(|path| self.text(&path, faults));
        let files = OrganisationFiles {
            district: district?,
            departments: departments?,
            roles: roles?,
            townships: townships?,
            villages: villages?,
        };
        let read = Organisation::parse(files).map_err(|found| found.into_iter().map(in_organisation).collect());
        let mut organisation = keep(faults, read)?;
        let [authorisations, rota] = OPTIONAL;
        if let Some(text) = self.texts.get(authorisations) {
            organisation = organisation.with_authorisations(keep(faults, Authorisations::parse(authorisations, text))?);
        }
        if let Some(text) = self.texts.get(rota) {
            organisation = organisation.with_rota(keep(faults, DutyRota::parse(rota, text))?);
        }
        Some(organisation)
    }

    fn one<T>(
        &self,
        path: &str,
        parse: impl FnOnce(&str, &str) -> Result<T, Vec<FileFault>>,
        faults: &mut Vec<FileFault>,
    ) -> Option<T> {
        let text = self.text(path, faults)?;
        keep(faults, parse(path, text))
    }

    fn text(&self, path: &str, faults: &mut Vec<FileFault>) -> Option<&str> {
        let text = self.texts.get(path).map(String::as_str);
        if text.is_none() && !faults.iter().any(|fault| fault.file == path) {
            faults.push(missing(path));
        }
        text
    }

    /// Where the file of an item names what does not fit the other files: the first line, comments aside.
    fn located(&self, fault: CatalogueFault) -> FileFault {
        let file = item_path(fault.item.as_str());
        let quoted = [format!("\"{}\"", fault.named), format!("'{}'", fault.named)];
        let names = |line: &str| {
            !line.trim_start().starts_with('#') && quoted.iter().any(|quoted| line.contains(quoted.as_str()))
        };
        let line = self.texts.get(&file).and_then(|text| text.lines().position(names));
        FileFault { line: line.and_then(|line| u32::try_from(line + 1).ok()).unwrap_or(1), file, reason: fault.reason }
    }
}

/// Reads the calendar of a folder, which needs no other file.
pub(crate) fn read_calendar(folder: &Path) -> Result<Calendar, Error> {
    let text = read_text(folder, CALENDAR)?.unwrap_or_else(|| Err(missing(CALENDAR)));
    let text = text.map_err(|fault| Error::Faults(vec![fault]))?;
    Calendar::parse(CALENDAR, &text).map_err(Error::Faults)
}

/// Reads the staff, who are not published: each person's record goes to the logs of the place of work only.
pub(crate) fn read_staff(folder: &Path, organisation: &Organisation) -> Result<Vec<Staff>, Error> {
    read_staff_if_any(folder, organisation)?.ok_or_else(|| Error::Faults(vec![missing(STAFF)]))
}

/// Reads the staff; none where the folder has no such file.
pub(crate) fn read_staff_if_any(folder: &Path, organisation: &Organisation) -> Result<Option<Vec<Staff>>, Error> {
    let Some(text) = read_text(folder, STAFF)? else { return Ok(None) };
    let text = text.map_err(|fault| Error::Faults(vec![fault]))?;
    Staff::parse_all(STAFF, &text, organisation).map(Some).map_err(Error::Faults)
}

/// The text of a file; none where there is no such file, a fault where it is no text.
fn read_text(folder: &Path, path: &str) -> Result<Option<Result<String, FileFault>>, Error> {
    let bytes = match std::fs::read(folder.join(path)) {
        Ok(bytes) => bytes,
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::File { operation: "read", path: folder.join(path), source }),
    };
    Ok(Some(String::from_utf8(bytes).map_err(|fault| {
        let good = fault.as_bytes().iter().take(fault.utf8_error().valid_up_to());
        let line = good.filter(|byte| **byte == b'\n').count() as u32 + 1;
        FileFault {
            file: path.to_owned(), line, reason: "不是 UTF-8 编码的文字，请另存为 UTF-8".to_owned()
        }
    })))
}

/// What the authorisations name that no other file knows.
fn unknown_in(organisation: &Organisation, catalogue: &Catalogue) -> Vec<FileFault> {
    let [file, _] = OPTIONAL.map(str::to_owned);
    let fault = |reason: String| FileFault { file: file.clone(), line: 1, reason };
    let mut faults = Vec::new();
    for said in organisation.authorisations.iter() {
        if catalogue.latest(&said.item).is_none() {
            faults.push(fault(format!("授权的事项“{}”不在事项目录中", said.item)));
        }
        if organisation.department(&said.department).is_none() {
            faults.push(fault(format!("没有代码为“{}”的部门", said.department)));
        }
    }
    faults
}

fn missing(path: &str) -> FileFault {
    FileFault { file: path.to_owned(), line: 1, reason: "缺少这个文件".to_owned() }
}

/// The organisation's parser knows its files by their bare names.
fn in_organisation(fault: FileFault) -> FileFault {
    FileFault { file: format!("organisation/{}", fault.file), ..fault }
}

fn organisation_path(name: &str) -> String {
    format!("organisation/{name}.toml")
}

fn item_path(code: &str) -> String {
    format!("{ITEMS}/{code}.toml")
}

fn item_name(path: &str) -> Option<&str> {
    path.strip_prefix(ITEMS)?.strip_prefix('/')
}

fn is_published(path: &str) -> bool {
    path == DEFAULTS
        || path == CALENDAR
        || path == RULES
        || OPTIONAL.contains(&path)
        || ORGANISATION.iter().any(|name| organisation_path(name) == path)
        || item_name(path).is_some_and(|name| name.ends_with(".toml") && !name.contains('/'))
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

    fn told(files: &DistrictFiles) -> Vec<String> {
        match files.check() {
            Err(Error::Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn the_sample_district_can_be_published() {
        let files = sample();
        assert_eq!(files.check().unwrap().organisation.district.code.to_string(), "990106000000");
        assert_eq!(files.iter().filter(|(path, _)| item_name(path).is_some()).count(), 43);
        assert!(files.iter().all(|(path, _)| !path.contains("residents") && !path.contains("staff")));
    }

    #[test]
    fn a_file_with_a_fault_or_out_of_place_stops_all() {
        let mut files = sample();
        files.texts.insert("catalogue/items/mz-dibao.toml".to_owned(), "schema = 1\n".to_owned());
        let fault = files.check().unwrap_err().to_string();
        assert!(fault.starts_with("catalogue/items/mz-dibao.toml") && fault.ends_with("more faults)"), "{fault}");
        let mut files = sample();
        files.texts.insert("../keys/signing.key".to_owned(), String::new());
        assert_eq!(
            files.check().unwrap_err().to_string(),
            "'../keys/signing.key' is not a file that a district publishes"
        );
    }

    #[test]
    fn faults_of_all_files_are_told_together_by_file_and_line() {
        let mut files = sample();
        files.texts.remove("organisation/roles.toml");
        files.texts.insert(CALENDAR.to_owned(), "schema = 1\ncountry = \"CN\"\nsurprise = 1\n".to_owned());
        let told = told(&files);
        assert_eq!(told.len(), 3, "{told:#?}");
        assert_eq!(told[1], "calendar/cn-workdays.toml 第 3 行：不认识的字段“surprise”");
        assert_eq!(told[2], "organisation/roles.toml 第 1 行：缺少这个文件");
    }

    #[test]
    fn what_does_not_fit_another_file_is_told_with_its_line() {
        let mut files = sample();
        let path = "catalogue/items/lh-chusheng.toml";
        let text = files.texts[path].replace("\"wj-clinic\"", "\"nobody\"");
        let line = text.lines().position(|line| line == "department = \"nobody\"").unwrap() + 1;
        files.texts.insert(path.to_owned(), format!("# \"nobody\"\n{text}"));
        assert_eq!(told(&files), [format!("{path} 第 {} 行：没有代码为“nobody”的部门", line + 1)]);
    }

    #[test]
    fn a_file_that_is_no_text_is_told_by_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("calendar")).unwrap();
        std::fs::write(folder.path().join(CALENDAR), b"schema = 1\nname = \"\xff\"\n").unwrap();
        let fault = read_calendar(folder.path()).unwrap_err().to_string();
        assert_eq!(fault, "calendar/cn-workdays.toml 第 2 行：不是 UTF-8 编码的文字，请另存为 UTF-8");
        std::fs::remove_file(folder.path().join(CALENDAR)).unwrap();
        assert!(read_calendar(folder.path()).unwrap_err().to_string().ends_with("缺少这个文件"));
    }
}
