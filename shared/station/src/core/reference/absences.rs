//! Absences: recorded by the station where the person works, or one above it. Of each the latest record counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use prost::Message;
use sanji_domain::StaffId;
use sanji_domain::organisation::{Absence, AbsenceId, Colleague, Staff, Standing};
use sanji_log::{Entry, Hash, HybridTime, StationCode};
use sanji_proto::v1 as proto;

use super::{Ignored, ReferenceData};

/// An absence with who recorded it, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsenceEntry {
    /// What was recorded.
    pub absence: Absence,
    /// A staff id; empty: the station's keeper.
    pub recorded_by: String,
    /// Milliseconds since 1970-01-01 UTC, of the record that counts.
    pub recorded_ms: u64,
    version: (HybridTime, Hash),
}

impl AbsenceEntry {
    /// The entry that counts.
    #[must_use]
    pub fn entry(&self) -> Hash {
        self.version.1
    }
}

impl ReferenceData {
    pub(super) fn fold_absence(&mut self, entry: &Entry) -> Result<Vec<u8>, Ignored> {
        let record = proto::AbsenceRecord::decode(entry.body.clone()).map_err(|_| Ignored::Malformed)?;
        let absence = checked(record, entry.log.home).ok_or(Ignored::Malformed)?;
        if !self.writer(entry).is_some_and(|writer| entry.log.home.within(writer)) {
            return Err(Ignored::NotAuthorised);
        }
        let version = (entry.time, entry.hash);
        let key = (absence.place, absence.id);
        let known = self.absence_entries.get(&key);
        if known.is_some_and(|known| known.version >= version) {
            return Err(Ignored::Superseded);
        }
        let (recorded_by, recorded_ms) = (entry.actor.clone(), entry.time.millis());
        if let Some(substitute) = absence.substitute.clone() {
            self.note_substitute(substitute, absence.staff.clone());
        }
        Arc::make_mut(&mut self.absences).insert(absence.clone());
        let said = AbsenceEntry { absence, recorded_by, recorded_ms, version };
        Arc::make_mut(&mut self.absence_entries).insert(key, said);
        let mut row = key.0.number().to_be_bytes().to_vec();
        row.extend(key.1);
        Ok(row)
    }

    pub(super) fn note_substitute(&mut self, substitute: StaffId, of: StaffId) {
        let known = self.substitutes.get(&substitute).is_some_and(|all| all.contains(&of));
        if !known {
            Arc::make_mut(&mut self.substitutes).entry(substitute).or_default().insert(of);
        }
    }

    /// All absences that are known here.
    pub fn absences(&self) -> impl Iterator<Item = &AbsenceEntry> {
        self.absence_entries.values()
    }

    /// An absence that was recorded for a station.
    #[must_use]
    pub fn absence(&self, place: StationCode, id: &AbsenceId) -> Option<&AbsenceEntry> {
        self.absence_entries.get(&(place, *id))
    }

    /// The absence of a person that runs.
    #[must_use]
    pub fn running_absence(&self, staff: &Staff, now_ms: u64) -> Option<&AbsenceEntry> {
        let running = self.absences.running(staff, now_ms)?;
        self.absence_entries.get(&(running.place, running.id))
    }

    /// For whom a person acts at a moment besides themselves, and whether they may act.
    pub(crate) fn standing(&self, staff: &Staff, on_duty: &dyn Fn(&StaffId) -> bool, now_ms: u64) -> Standing {
        let Some(organisation) = self.organisation() else { return Standing::default() };
        let asked = self.substitutes.get(&staff.id).into_iter().flatten().chain(&staff.backup);
        let asked: BTreeSet<&StaffId> = asked.collect();
        let colleagues = asked.into_iter().filter_map(|id| self.staff.get(id));
        let colleagues = colleagues.filter(|entry| !entry.inactive || entry.is_suspended()).map(|entry| Colleague {
            staff: &entry.staff,
            suspended: entry.is_suspended(),
            on_duty: on_duty(&entry.staff.id),
        });
        Standing::of(staff, colleagues, &self.absences, &organisation.roles, now_ms)
    }
}

fn checked(record: proto::AbsenceRecord, place: StationCode) -> Option<Absence> {
    let id: AbsenceId = record.id.try_into().ok()?;
    let substitute = if record.substitute.is_empty() { None } else { Some(record.substitute.parse().ok()?) };
    let staff = record.staff.parse().ok()?;
    let (from_ms, until_ms, reason) = (record.from_ms, record.until_ms, record.reason);
    Some(Absence { id, staff, place, from_ms, until_ms, reason, substitute })
}
