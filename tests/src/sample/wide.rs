//! A district of any size: the sample's catalogue and departments, with made-up townships, villages and agents.

use std::path::Path;

use sanji_log::StationCode;
use serde::Serialize;

use crate::Error;
use crate::district::Plan;

/// Division code of the sample's district, six digits.
const DISTRICT: &str = "990106";
/// First number of a rural township, by the rules in `district.toml`.
const FIRST_TOWNSHIP: usize = 200;
/// First number of a village in its township.
const FIRST_VILLAGE: usize = 200;

#[derive(Serialize)]
struct Townships {
    schema: u32,
    townships: Vec<Place>,
}

#[derive(Serialize)]
struct Villages {
    schema: u32,
    villages: Vec<Place>,
}

#[derive(Serialize)]
struct Place {
    code: String,
    name: String,
    kind: &'static str,
    link: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    township: Option<String>,
}

/// Writes the files of a district with so many townships of so many villages each into an empty folder. Each village
/// has one agent and the sample's first resident.
///
/// # Errors
/// [`Error::Io`], [`Error::Sample`].
pub fn write(folder: &Path, townships: usize, villages_each: usize) -> Result<Plan, Error> {
    copy(&super::folder(), folder)?;
    let township_codes: Vec<String> =
        (FIRST_TOWNSHIP..FIRST_TOWNSHIP + townships).map(|number| format!("{DISTRICT}{number:03}000")).collect();
    let village_codes: Vec<String> = (FIRST_TOWNSHIP..FIRST_TOWNSHIP + townships)
        .flat_map(|township| {
            let numbers = FIRST_VILLAGE..FIRST_VILLAGE + villages_each;
            numbers.map(move |number| format!("{DISTRICT}{township:03}{number:03}"))
        })
        .collect();
    let township = |code: &String| Place {
        code: code.clone(),
        name: format!("{}乡", code.get(6..9).unwrap_or_default()),
        kind: "乡",
        link: "专线",
        township: None,
    };
    let village = |code: &String| Place {
        code: code.clone(),
        name: format!("{}村", code.get(6..12).unwrap_or_default()),
        kind: "村",
        link: "光纤",
        township: code.get(..9).map(|above| format!("{above}000")),
    };
    let written = Townships { schema: 1, townships: township_codes.iter().map(township).collect() };
    save(folder, "organisation/townships.toml", &written)?;
    let written = Villages { schema: 1, villages: village_codes.iter().map(village).collect() };
    save(folder, "organisation/villages.toml", &written)?;
    write_people(folder, &village_codes)?;
    let codes = |codes: &[String]| codes.iter().map(|code| station(code)).collect::<Result<Vec<_>, _>>();
    Ok(Plan {
        hub: station(&format!("{DISTRICT}000000"))?,
        townships: codes(&township_codes)?,
        villages: codes(&village_codes)?,
    })
}

/// The hub's staff stay; each village gets an agent and a resident.
fn write_people(folder: &Path, villages: &[String]) -> Result<(), Error> {
    let hub = format!("{DISTRICT}000000");
    let mut staff = read(folder, "organisation/staff.toml")?;
    rows(&mut staff, "staff")?.retain(|person| person.get("place").and_then(toml::Value::as_str) == Some(&hub));
    for village in villages {
        let agent = format!(
            "id = \"{village}-1\"\nname = \"代办员\"\nroles = [\"代办员\"]\npost = \"村会计\"\ntier = \"村\"\n\
             department = \"village\"\nplace = \"{village}\"\n"
        );
        let agent: toml::Table = toml::from_str(&agent).map_err(|_| Error::Sample("agent".into()))?;
        rows(&mut staff, "staff")?.push(toml::Value::Table(agent));
    }
    save(folder, "organisation/staff.toml", &staff)?;
    let mut residents = read(folder, "organisation/residents-sample.toml")?;
    let everybody = rows(&mut residents, "residents")?;
    let first = everybody.first().cloned().ok_or_else(|| Error::Sample("resident".into()))?;
    *everybody = villages
        .iter()
        .map(|village| {
            let mut resident = first.clone();
            if let Some(resident) = resident.as_table_mut() {
                resident.insert("village".into(), toml::Value::String(village.clone()));
            }
            resident
        })
        .collect();
    save(folder, "organisation/residents-sample.toml", &residents)
}

fn station(code: &str) -> Result<StationCode, Error> {
    code.parse().map_err(|_| Error::Sample(format!("station {code}")))
}

fn rows<'t>(table: &'t mut toml::Table, list: &str) -> Result<&'t mut Vec<toml::Value>, Error> {
    table.get_mut(list).and_then(toml::Value::as_array_mut).ok_or_else(|| Error::Sample(format!("list {list}")))
}

fn read(folder: &Path, path: &str) -> Result<toml::Table, Error> {
    let text = std::fs::read_to_string(folder.join(path)).map_err(io("read a file of the district"))?;
    toml::from_str(&text).map_err(|fault| Error::Sample(format!("readable {path}: {}", fault.message())))
}

fn save(folder: &Path, path: &str, content: &impl Serialize) -> Result<(), Error> {
    let text = toml::to_string(content).map_err(|_| Error::Sample(format!("writable {path}")))?;
    std::fs::write(folder.join(path), text).map_err(io("write a file of the district"))
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(to).map_err(io("make a folder of the district"))?;
    for entry in std::fs::read_dir(from).map_err(io("read the sample"))? {
        let entry = entry.map_err(io("read the sample"))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            std::fs::copy(&path, &target).map_err(io("copy the sample"))?;
        }
    }
    Ok(())
}

fn io(operation: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::Io { operation, source }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sanji_domain::Organisation;
    use sanji_domain::organisation::{OrganisationFiles, Staff};

    use super::*;
    use crate::sample::Sample;

    #[test]
    fn a_made_up_district_passes_the_checks_of_a_real_one() {
        let folder = tempfile::tempdir().unwrap();
        let plan = write(folder.path(), 20, 10).unwrap();
        assert_eq!((plan.townships.len(), plan.villages.len()), (20, 200));
        let text = |name: &str| {
            std::fs::read_to_string(folder.path().join("organisation").join(format!("{name}.toml"))).unwrap()
        };
        let [district, departments, roles, townships, villages] =
            ["district", "departments", "roles", "townships", "villages"].map(text);
        let organisation = Organisation::parse(OrganisationFiles {
            district: &district,
            departments: &departments,
            roles: &roles,
            townships: &townships,
            villages: &villages,
        })
        .unwrap();
        assert!(plan.stations().all(|station| organisation.station(&station).is_some()));
        assert!(Staff::parse_all("staff.toml", &text("staff"), &organisation).unwrap().len() > 200);
        let sample = Sample::of(folder.path()).unwrap();
        for village in &plan.villages {
            assert!(sample.staff_of(*village, "village", "代办员").is_ok() && sample.resident_of(*village).is_ok());
        }
    }
}
