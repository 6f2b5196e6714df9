//! Members of staff. Who works where with which powers is the district's word; the password may also be set by
//! the person's own station. Of each the latest record counts.

use std::collections::BTreeMap;
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
    /// 停职、待岗: why; empty: not suspended.
    pub suspended_reason: Arc<str>,
    /// Why it was changed, and who consented.
    change_reason: Arc<str>,
    consent: Arc<str>,
}

/// One record of the district about a person: the assignment history is all of them.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// From when: milliseconds since 1970-01-01 UTC.
    pub from_ms: u64,
    /// The same, as the log orders it.
    pub at: HybridTime,
    /// The person as it stood then.
    pub entry: StaffEntry,
    /// Why it was changed; empty for the first.
    pub reason: Arc<str>,
    /// Who consented, under which number.
    pub consent: Arc<str>,
    /// Who recorded it: a staff id; empty: the keeper of the hub.
    pub recorded_by: String,
}

impl StaffEntry {
    /// Whether the person is suspended, and not gone.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.inactive && !self.suspended_reason.is_empty()
    }

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
            serves: staff.serves.iter().map(ToString::to_string).collect(),
            suspended_reason: self.suspended_reason.to_string(),
            change_reason: String::new(),
            consent: String::new(),
        }
    }
}

/// The records of one person that count.
#[derive(Debug, Clone, Default)]
pub(super) struct Records {
    by_district: Option<Record>,
    /// Everything that the district has said of the person, by its version.
    history: BTreeMap<(HybridTime, Hash), (StaffEntry, String)>,
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
        let staff = staff_of(&record).ok_or(Ignored::Malformed)?;
        let writer = self.writer(entry);
        let by_district = writer == Some(entry.log.home.district());
        if staff.place != entry.log.home || !(by_district || writer == Some(staff.place)) {
            return Err(Ignored::NotAuthorised);
        }
        let id = staff.id.clone();
        let records = Arc::make_mut(&mut self.staff_records).entry(id.clone()).or_default();
        let version = (entry.time, entry.hash);
        let backup = staff.backup.clone();
        let said = StaffEntry {
            staff: Arc::new(staff),
            password_hash: record.password_hash.into(),
            inactive: record.inactive,
            suspended_reason: record.suspended_reason.into(),
            change_reason: record.change_reason.into(),
            consent: record.consent.into(),
        };
        let mut row = vec![u8::from(by_district)];
        row.extend_from_slice(id.as_str().as_bytes());
        if by_district {
            // Each has a row of its own, in the order of their times: the history is kept.
            row.push(0);
            row.extend(entry.time.millis().to_be_bytes());
            row.extend_from_slice(&entry.hash.0);
            records.history.insert(version, (said.clone(), entry.actor.clone()));
        }
        let slot = if by_district { &mut records.by_district } else { &mut records.by_station };
        if slot.as_ref().is_none_or(|known| known.version < version) {
            *slot = Some(Record { version, entry: said });
        } else if !by_district {
            return Err(Ignored::Superseded);
        }
        if let Some(backup) = backup {
            self.note_substitute(backup, id.clone());
        }
        let records = Arc::make_mut(&mut self.staff_records).entry(id.clone()).or_default();
        if let Some(effective) = records.effective() {
            Arc::make_mut(&mut self.staff).insert(id, effective);
        }
        Ok(row)
    }
}

impl ReferenceData {
    /// Everything that the district has said of a person, oldest first.
    #[must_use]
    pub fn assignments(&self, id: &StaffId) -> Vec<Assignment> {
        let history = self.staff_records.get(id).map(|records| &records.history);
        let assignment = |(version, (entry, actor)): (&(HybridTime, Hash), &(StaffEntry, String))| Assignment {
            from_ms: version.0.millis(),
            at: version.0,
            reason: entry.change_reason.clone(),
            consent: entry.consent.clone(),
            entry: entry.clone(),
            recorded_by: actor.clone(),
        };
        history.into_iter().flatten().map(assignment).collect()
    }
}

/// The person that a record describes; none where it is malformed.
pub(crate) fn staff_of(record: &proto::StaffRecord) -> Option<Staff> {
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
        serves: record.serves.iter().map(|code| code.parse().ok()).collect::<Option<_>>()?,
    })
}
