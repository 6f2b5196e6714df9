//! Members of staff. Who works where with which powers is the district's word; the password may also be set by
//! the person's own station. Of each the latest record counts.

use std::sync::Arc;

use prost::Message;
use sanji_domain::StaffId;
use sanji_domain::organisation::{Role, Seat, Staff, StageTier};
use sanji_log::{Entry, Hash, HybridTime, StationCode};
use sanji_proto::v1 as proto;

use super::{Ignored, ReferenceData};

/// A member of staff as the records that count say.
#[derive(Debug, Clone)]
pub struct StaffEntry {
    /// The person.
    pub staff: Arc<Staff>,
    /// Argon2id in PHC format; empty: can't log in.
    pub password_hash: Arc<str>,
    /// Has left or is suspended: can neither log in nor act.
    pub inactive: bool,
}

impl StaffEntry {
    /// The record that says the same: where a change begins.
    #[must_use]
    pub fn record(&self) -> proto::StaffRecord {
        let staff = &self.staff;
        proto::StaffRecord {
            id: staff.id.to_string(),
            name: staff.name.clone(),
            roles: staff.roles.iter().map(Role::to_string).collect(),
            post: staff.post.clone(),
            tier: staff.tier.to_string(),
            department: staff.department.to_string(),
            place: staff.place.number(),
            seat: staff.seat.map_or_else(String::new, |seat| seat.to_string()),
            backup: staff.backup.as_ref().map_or_else(String::new, StaffId::to_string),
            password_hash: self.password_hash.to_string(),
            inactive: self.inactive,
        }
    }
}

/// The records of one person that count.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    by_district: Option<Record>,
    by_station: Option<Record>,
}

#[derive(Debug, Clone)]
struct Record {
    /// Decides which of two records is the later one, whatever the order of arrival.
    version: (HybridTime, Hash),
    entry: StaffEntry,
}

impl Records {
    fn effective(&self) -> Option<StaffEntry> {
        let district = self.by_district.as_ref()?;
        let mut effective = district.entry.clone();
        let password = self
            .by_station
            .as_ref()
            .filter(|station| station.entry.staff.place == effective.staff.place && station.version > district.version);
        if let Some(station) = password {
            effective.password_hash = station.entry.password_hash.clone();
        }
        Some(effective)
    }
}

impl ReferenceData {
    pub(super) fn fold_staff(&mut self, entry: &Entry) -> Result<Vec<u8>, Ignored> {
        let record = proto::StaffRecord::decode(entry.body.clone()).map_err(|_| Ignored::Malformed)?;
        let staff = checked(&record).ok_or(Ignored::Malformed)?;
        let writer = self.writer(entry);
        let by_district = writer == Some(entry.log.home.district());
        if staff.place != entry.log.home || !(by_district || writer == Some(staff.place)) {
            return Err(Ignored::NotAuthorised);
        }
        let id = staff.id.clone();
        let records = Arc::make_mut(&mut self.staff_records).entry(id.clone()).or_default();
        let slot = if by_district { &mut records.by_district } else { &mut records.by_station };
        let version = (entry.time, entry.hash);
        if slot.as_ref().is_some_and(|known| known.version >= version) {
            return Err(Ignored::Superseded);
        }
        let said = StaffEntry {
            staff: Arc::new(staff),
            password_hash: record.password_hash.into(),
            inactive: record.inactive,
        };
        *slot = Some(Record { version, entry: said });
        let mut row = vec![u8::from(by_district)];
        row.extend_from_slice(id.as_str().as_bytes());
        if let Some(effective) = records.effective() {
            Arc::make_mut(&mut self.staff).insert(id, effective);
        }
        Ok(row)
    }
}

fn checked(record: &proto::StaffRecord) -> Option<Staff> {
    Some(Staff {
        id: record.id.parse().ok()?,
        name: record.name.clone(),
        roles: record.roles.iter().map(|role| Role::from_term(role)).collect::<Option<_>>()?,
        post: record.post.clone(),
        tier: StageTier::from_term(&record.tier)?,
        department: record.department.parse().ok()?,
        place: StationCode::from_number(record.place).ok()?,
        seat: if record.seat.is_empty() { None } else { Some(Seat::from_term(&record.seat)?) },
        backup: if record.backup.is_empty() { None } else { Some(record.backup.parse().ok()?) },
    })
}
