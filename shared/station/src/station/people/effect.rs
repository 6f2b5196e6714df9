//! What a consent to a change of staff does: the records that follow from it, at once, or on the day that it names.

use prost::Message as _;
use sanji_log::{Reach, StationCode, Tier};
use sanji_proto::v1 as proto;
use sanji_proto::v1::staff_request_record::Record;

use super::change::{apply, check};
use super::no_such_person;
use super::requests::day_of;
use crate::core::reference::{StaffDecision, StaffRequest, StaffRequestId};
use crate::core::{ReferenceData, input_fault};
use crate::error::Failure;
use crate::station::{Administrative, Station};

impl Station {
    /// Does what was consented to for a day that has come. What can't be done any more, since the person has left or
    /// works elsewhere, is noted with its reason and not tried again. How many changes were done; only the hub does any.
    ///
    /// # Errors
    /// [`Failure`] where the station may not write now; what was done before stays.
    pub async fn effect_staff_changes(&self, now_ms: u64) -> Result<usize, Failure> {
        let me = self.reader().me();
        if me.tier() != Tier::District {
            return Ok(0);
        }
        let today = day_of(now_ms);
        let is_due = |known: &StaffRequest| known.waits_until().is_some_and(|day| day <= today);
        let due: Vec<StaffRequest> = self.reference().staff_requests().filter(is_due).collect();
        let mut done = 0;
        for asked in due {
            let Some(decision) = &asked.decision else { continue };
            let (mut entries, hindered) = match records(&self.reference(), &asked, decision, me) {
                Ok(records) => (records, String::new()),
                Err(Failure::Refused(refusal)) => (Vec::new(), refusal.sentence),
                Err(failure) => return Err(failure),
            };
            let was_done = hindered.is_empty();
            entries.insert(0, effected(&asked, hindered));
            self.administer(&decision.by, entries).await?;
            let detail = if was_done { "done on its day" } else { "hindered on its day" };
            self.record("staff.change_effected", &decision.by, asked.staff.as_str(), detail);
            if was_done && asked.change.leaves {
                self.gone(&asked.staff);
            }
            done += usize::from(was_done);
        }
        Ok(done)
    }
}

/// The records that a consent gives: where the person moves, their former station must hear that they work there no more.
pub(super) fn records(
    reference: &ReferenceData,
    asked: &StaffRequest,
    decision: &StaffDecision,
    hub: StationCode,
) -> Result<Vec<Administrative>, Failure> {
    let person = reference.staff(&asked.staff).filter(|person| person.staff.place == asked.place);
    let Some(person) = person.filter(|person| !person.inactive || person.is_suspended()) else {
        return Err(input_fault("id", "该人员已经离开或者已在别的机构，不能再按这份申请调整。"));
    };
    let change_reason = asked.change.reason.clone();
    let consent = format!("{}（{}）{}", decision.decided.actor_name, decision.by, decision.decided.number);
    let mut record = proto::StaffRecord { change_reason, consent, ..person.record() };
    apply(&mut record, &change_of(&asked.change));
    check(reference, &record, hub)?;
    let mut records = Vec::new();
    if record.place != asked.place.number() {
        let (change_reason, consent) = (record.change_reason.clone(), record.consent.clone());
        records.push(proto::StaffRecord { inactive: true, change_reason, consent, ..person.record() });
    }
    records.push(record);
    records.iter().map(staff_entry).collect::<Option<_>>().ok_or_else(no_such_person)
}

/// Notes what became of a consent on its day.
pub(super) fn effected(asked: &StaffRequest, hindered: String) -> Administrative {
    request_entry(asked.place, &asked.id, Record::Effected(proto::StaffChangeEffected { hindered }))
}

pub(super) fn change_of(asked: &proto::StaffChangeAsked) -> proto::ChangeStaffRequest {
    proto::ChangeStaffRequest {
        staff: asked.staff.clone(),
        roles: asked.roles.clone(),
        post: asked.post.clone(),
        department: asked.department.clone(),
        place: asked.place,
        seat: asked.seat.clone(),
        backup: asked.backup.clone(),
        serves: asked.serves.clone(),
        reason: asked.reason.clone(),
        consent: String::new(),
        leaves: asked.leaves,
    }
}

pub(super) fn request_entry(home: StationCode, id: &StaffRequestId, record: Record) -> Administrative {
    let message = proto::StaffRequestRecord { id: id.to_vec(), record: Some(record) };
    Administrative { home, reach: Reach::Private, kind: proto::Kind::StaffRequest, body: message.encode_to_vec() }
}

fn staff_entry(record: &proto::StaffRecord) -> Option<Administrative> {
    let home = StationCode::from_number(record.place).ok()?;
    Some(Administrative { home, reach: Reach::Private, kind: proto::Kind::Staff, body: record.encode_to_vec() })
}
