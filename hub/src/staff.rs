//! The first passwords of the staff.

use std::fmt::Write as _;
use std::path::Path;

use sanji_domain::Staff;
use sanji_proto::v1 as proto;
use sanji_station::accounts::password;
use sanji_station::folder;
use zeroize::Zeroizing;

use crate::error::Error;

/// Where the passwords of an import come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Passwords<'a> {
    /// Everybody gets one of their own; the list is written once, to a file that only its owner reads.
    Listed(&'a Path),
    /// Everybody has the same, for a demonstration.
    Same(&'a str),
    /// Nobody can log in until a password is set.
    None,
}

/// The records of members of staff with their passwords. `progress` hears how many are done.
pub(crate) fn records(
    staff: &[Staff],
    passwords: Passwords<'_>,
    progress: &mut dyn FnMut(usize),
) -> Result<Vec<proto::StaffRecord>, Error> {
    let mut list = Zeroizing::new(String::new());
    let mut records = Vec::with_capacity(staff.len());
    for person in staff {
        let password_hash = match passwords {
            Passwords::None => String::new(),
            Passwords::Same(same) => hash(same)?,
            Passwords::Listed(_) => {
                let invented = Zeroizing::new(password::invent().map_err(|fault| Error::Password(fault.to_string()))?);
                let _ = writeln!(list, "{}\t{}\t{}\t{}", person.place, person.id, person.name, *invented);
                hash(&invented)?
            }
        };
        records.push(record(person, password_hash));
        progress(records.len());
    }
    if let Passwords::Listed(path) = passwords {
        folder::replace(path, list.as_bytes())?;
    }
    Ok(records)
}

fn hash(text: &str) -> Result<String, Error> {
    password::hash(text).map_err(|fault| Error::Password(fault.to_string()))
}

fn record(person: &Staff, password_hash: String) -> proto::StaffRecord {
    proto::StaffRecord {
        id: person.id.to_string(),
        name: person.name.clone(),
        roles: person.roles.iter().map(ToString::to_string).collect(),
        post: person.post.clone(),
        tier: person.tier.to_string(),
        department: person.department.to_string(),
        place: person.place.number(),
        seat: person.seat.map_or_else(String::new, |seat| seat.to_string()),
        backup: person.backup.as_ref().map_or_else(String::new, ToString::to_string),
        password_hash,
        inactive: false,
        serves: person.serves.iter().map(ToString::to_string).collect(),
        ..proto::StaffRecord::default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::files::{DistrictFiles, read_staff};

    #[test]
    fn each_person_gets_a_password_that_only_the_list_tells() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sample");
        let organisation = DistrictFiles::read(&sample).unwrap().check().unwrap().organisation;
        let staff = read_staff(&sample, &organisation).unwrap();
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("passwords");
        let mut done = 0;
        let records = records(&staff[..3], Passwords::Listed(&path), &mut |count| done = count).unwrap();
        assert_eq!((done, records.len()), (3, 3));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let list = std::fs::read_to_string(&path).unwrap();
        for (line, record) in list.lines().zip(&records) {
            let [place, id, _, password] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
            assert_eq!((place, id), (record.place.to_string().as_str(), record.id.as_str()));
            assert!(password::matches(password, Some(&record.password_hash)));
        }
    }

    #[test]
    fn one_password_for_all_has_a_salt_for_each() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sample");
        let organisation = DistrictFiles::read(&sample).unwrap().check().unwrap().organisation;
        let staff = read_staff(&sample, &organisation).unwrap();
        let records = records(&staff[..2], Passwords::Same("demonstration"), &mut |_| {}).unwrap();
        assert_ne!(records[0].password_hash, records[1].password_hash);
    }
}
