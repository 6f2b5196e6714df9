//! The people of a station: who is here, who is away, who acts for whom. Rights are checked here.

mod change;
mod effect;
mod ledger;
mod powers;
mod register;
mod requests;

pub(crate) use ledger::substitutions;

use prost::Message as _;
use sanji_domain::StaffId;
use sanji_domain::calendar::local_date;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_domain::organisation::{Absence, Role, Staff, administers, heads_office_of, may_stand_in};
use sanji_log::{Reach, StationCode};
use sanji_proto::v1 as proto;

use super::{Actor, Administrative, Station, random};
use crate::core::ReferenceData;
use crate::core::input_fault;
use crate::core::reference::{AbsenceEntry, StaffEntry};
use crate::error::Failure;

/// Longest reason, and longest number of a document, in characters.
const LONGEST_REASON: usize = 200;
/// Longest absence, and longest time after which one may be recorded, in milliseconds.
const LONGEST_ABSENCE_MS: u64 = 400 * DAY_MS;
const LATEST_RECORD_MS: u64 = 31 * DAY_MS;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Station {
    /// The people of a place, those who have left aside. The keeper, administrators, supervisors and the hall's
    /// coordinators may ask for all whose records are held here, others for their own station's. Why somebody is
    /// suspended is not for colleagues.
    ///
    /// # Errors
    /// [`Failure::Refused`].
    pub fn staff_list(
        &self,
        caller: Option<&Actor>,
        request: &proto::ListStaffRequest,
    ) -> Result<proto::ListStaffReply, Failure> {
        let me = self.reader().me();
        let reference = self.reference();
        let only: Option<StaffId> = match request.staff.trim() {
            "" => None,
            staff => Some(staff.parse().map_err(|_| no_such_person())?),
        };
        let place = match (request.place, &only) {
            (_, Some(staff)) => reference.staff(staff).ok_or_else(no_such_person)?.staff.place,
            (0, None) => me,
            (number, None) => StationCode::from_number(number).map_err(|_| input_fault("place", "机构代码不正确。"))?,
        };
        if place != me && !sees_all(caller) {
            return Err(not_entitled("您只能查看本站人员。"));
        }
        let people = reference.all_staff().values().filter(|entry| entry.staff.place == place);
        let people = people.filter(|entry| only.as_ref().is_none_or(|only| entry.staff.id == *only));
        let present = people.filter(|entry| !entry.inactive || entry.is_suspended());
        let told = |view: proto::StaffView| match knows_why(caller, &view.id) {
            true => view,
            false => proto::StaffView { suspended_reason: String::new(), ..view },
        };
        let staff = present.map(|entry| told(self.staff_view(&reference, entry, self.now_ms()))).collect();
        let today = local_date(i64::try_from(self.now_ms()).unwrap_or(i64::MAX));
        let rota = reference.organisation().into_iter().flat_map(|organisation| organisation.rota.on(today));
        let on_duty_today = rota.map(|turn| turn.name.clone()).collect();
        Ok(proto::ListStaffReply { staff, on_duty_today })
    }

    /// Records that somebody is away: oneself, or as the head, the substitute or the administrator of another. Needs no
    /// line: it is written where the person works, or above.
    ///
    /// # Errors
    /// [`Failure::Refused`].
    pub async fn record_absence(
        &self,
        caller: Option<&Actor>,
        request: proto::RecordAbsenceRequest,
    ) -> Result<proto::AbsenceView, Failure> {
        let (now, reference) = (self.now_ms(), self.reference());
        let person = self.person(&reference, caller, &request.staff)?;
        may_record(caller, &person.staff)?;
        let from_ms = if request.from_ms == 0 { now } else { request.from_ms };
        let until_ms = request.until_ms;
        if until_ms <= from_ms || until_ms - from_ms > LONGEST_ABSENCE_MS || from_ms + LATEST_RECORD_MS < now {
            let sentence = "离岗的起止时间不对：返岗时间须晚于离岗时间，补登不超过31天，请核对。";
            return Err(input_fault("until_ms", sentence));
        }
        if let Some(other) = overlapping(&reference, &person.staff, from_ms, until_ms) {
            let sentence = format!("这段时间已经登记过离岗（{}），请先销假。", other.absence.reason);
            return Err(Failure::Refused(Refusal::new(RefusalCode::AlreadyDone, sentence)));
        }
        let reason = reason(&request.reason, "请填写离岗原因。")?;
        let substitute = substitute(&reference, &person.staff, &request.substitute)?;
        let mut id = [0; 16];
        random(&mut id);
        let absence = Absence {
            id,
            staff: person.staff.id.clone(),
            place: person.staff.place,
            from_ms,
            until_ms,
            reason,
            substitute,
        };
        self.write_absence(caller, &absence).await
    }

    /// 销假: the person is back, or does not go.
    ///
    /// # Errors
    /// [`Failure::Refused`].
    pub async fn end_absence(
        &self,
        caller: Option<&Actor>,
        request: proto::EndAbsenceRequest,
    ) -> Result<proto::AbsenceView, Failure> {
        let (now, reference) = (self.now_ms(), self.reference());
        let found = if request.id.is_empty() {
            let person = self.person(&reference, caller, &request.staff)?;
            reference.running_absence(&person.staff, now)
        } else {
            reference.absences().find(|entry| entry.absence.id[..] == request.id[..] && entry.absence.until_ms > now)
        };
        let Some(entry) = found else {
            return Err(Failure::Refused(Refusal::new(RefusalCode::AlreadyDone, "没有正在生效的离岗登记。")));
        };
        let person = self.person(&reference, caller, entry.absence.staff.as_str())?;
        may_record(caller, &person.staff)?;
        let until_ms = now.max(entry.absence.from_ms);
        self.write_absence(caller, &Absence { until_ms, ..entry.absence.clone() }).await
    }

    async fn write_absence(&self, caller: Option<&Actor>, absence: &Absence) -> Result<proto::AbsenceView, Failure> {
        let record = proto::AbsenceRecord {
            id: absence.id.to_vec(),
            staff: absence.staff.to_string(),
            from_ms: absence.from_ms,
            until_ms: absence.until_ms,
            reason: absence.reason.clone(),
            substitute: absence.substitute.as_ref().map_or_else(String::new, ToString::to_string),
        };
        let entry = Administrative {
            home: absence.place,
            reach: Reach::Private,
            kind: proto::Kind::Absence,
            body: record.encode_to_vec(),
        };
        self.administer(name_of(caller), vec![entry]).await?;
        let reference = self.reference();
        let written = reference.absence(absence.place, &absence.id).ok_or(Failure::NotHereYet)?;
        Ok(absence_view(&reference, written))
    }

    /// The person that a request names: the caller where it names nobody. Of this station's scope only.
    fn person(&self, reference: &ReferenceData, caller: Option<&Actor>, named: &str) -> Result<StaffEntry, Failure> {
        let id = match (named.trim(), caller) {
            ("", Some(actor)) => actor.staff.id.clone(),
            (named, _) => named.parse().map_err(|_| no_such_person())?,
        };
        let person: Option<&StaffEntry> = reference.staff(&id);
        let here = person.filter(|person| person.staff.place.within(self.reader().me()));
        here.cloned().ok_or_else(no_such_person)
    }

    fn staff_view(&self, reference: &ReferenceData, entry: &StaffEntry, now_ms: u64) -> proto::StaffView {
        let staff = &entry.staff;
        let absence = reference.running_absence(staff, now_ms);
        let state = match (entry.inactive, entry.is_suspended(), absence) {
            (_, true, _) => "停职",
            (true, ..) => "已离开",
            (_, _, Some(_)) => "离岗",
            _ => "在岗",
        };
        let standing = self.reader().standing(reference, staff, now_ms);
        proto::StaffView {
            state: state.to_owned(),
            absence: absence.map(|absence| absence_view(reference, absence)),
            suspended_reason: entry.suspended_reason.to_string(),
            acts_for: standing.for_others.iter().map(|other| other.staff.id.to_string()).collect(),
            ..record_view(reference, staff)
        }
    }
}

/// What a person's record says.
fn record_view(reference: &ReferenceData, staff: &Staff) -> proto::StaffView {
    let department = reference.organisation().and_then(|organisation| organisation.department(&staff.department));
    proto::StaffView {
        id: staff.id.to_string(),
        name: staff.name.clone(),
        roles: staff.roles.iter().map(ToString::to_string).collect(),
        post: staff.post.clone(),
        department: staff.department.to_string(),
        department_name: department.map(|department| department.name.clone()).unwrap_or_default(),
        place: staff.place.number(),
        place_name: reference.station_name(staff.place),
        seat: staff.seat.map_or_else(String::new, |seat| seat.to_string()),
        backup: staff.backup.as_ref().map_or_else(String::new, StaffId::to_string),
        serves: staff.serves.iter().map(ToString::to_string).collect(),
        ..proto::StaffView::default()
    }
}

fn absence_view(reference: &ReferenceData, entry: &AbsenceEntry) -> proto::AbsenceView {
    let absence = &entry.absence;
    let of_person = reference.staff(&absence.staff).and_then(|person| person.staff.backup.clone());
    let substitute = absence.substitute.clone().or(of_person);
    let name = |id: &StaffId| reference.staff(id).map(|person| person.staff.name.clone()).unwrap_or_default();
    proto::AbsenceView {
        id: absence.id.to_vec(),
        staff: absence.staff.to_string(),
        staff_name: name(&absence.staff),
        from_ms: absence.from_ms,
        until_ms: absence.until_ms,
        reason: absence.reason.clone(),
        substitute_name: substitute.as_ref().map(name).unwrap_or_default(),
        substitute: substitute.map_or_else(String::new, |id| id.to_string()),
        recorded_by: entry.recorded_by.clone(),
        recorded_ms: entry.recorded_ms,
        cases: Vec::new(),
        entry: entry.entry().0.to_vec(),
    }
}

fn overlapping<'r>(
    reference: &'r ReferenceData,
    staff: &Staff,
    from_ms: u64,
    until_ms: u64,
) -> Option<&'r AbsenceEntry> {
    let theirs = |entry: &&AbsenceEntry| entry.absence.staff == staff.id && entry.absence.place == staff.place;
    let touches = |entry: &&AbsenceEntry| entry.absence.from_ms < until_ms && from_ms < entry.absence.until_ms;
    reference.absences().filter(theirs).find(touches)
}

/// Who does the work: the one that was named, if they may, else whom the person's record names.
fn substitute(reference: &ReferenceData, person: &Staff, named: &str) -> Result<Option<StaffId>, Failure> {
    if named.trim().is_empty() {
        return Ok(None);
    }
    let id: StaffId = named.trim().parse().map_err(|_| input_fault("substitute", "没有这名顶岗人员。"))?;
    let other = reference.staff(&id).filter(|other| !other.inactive && id != person.id);
    let Some(other) = other.filter(|other| other.staff.place == person.place) else {
        return Err(input_fault("substitute", "顶岗人员须是同一机构的在岗人员，请重新选择。"));
    };
    let fits = reference.organisation().is_none_or(|known| may_stand_in(&other.staff, person, &known.roles));
    if !fits {
        let sentence = format!("{}的岗位与离岗人员的岗位不得由同一人兼任，请另选顶岗人员。", other.staff.name);
        return Err(input_fault("substitute", &sentence));
    }
    Ok(Some(id))
}

/// The person, whoever heads their office (who is away is said at once, so seat B need not wait for A), their substitute, or
/// an administrator of their station or above; the keeper too.
fn may_record(caller: Option<&Actor>, person: &Staff) -> Result<(), Failure> {
    let Some(Actor { staff: actor }) = caller else { return Ok(()) };
    let own = actor.id == person.id;
    let substitute = person.backup.as_ref() == Some(&actor.id);
    if own || substitute || heads_office_of(actor, person) || administers(actor, person.place) {
        return Ok(());
    }
    Err(not_entitled("离岗由本人、本部门负责人、顶岗人员或者管理员登记，您没有这项权限。"))
}

/// Whether the caller may read what is on record of a person: it is their own, or they are the keeper, an administrator
/// or a supervisor.
fn knows_why(caller: Option<&Actor>, person: &str) -> bool {
    let answers = |role: &Role| matches!(role, Role::Administrator | Role::Supervisor);
    caller.is_none_or(|actor| actor.staff.id.as_str() == person || actor.staff.roles.iter().any(answers))
}

/// The keeper, administrators, supervisors, and those who run the hall: they see who is where.
fn sees_all(caller: Option<&Actor>) -> bool {
    caller.is_none_or(|actor| watches_all(&actor.staff))
}

fn watches_all(staff: &Staff) -> bool {
    let watches = |role: &Role| matches!(role, Role::Administrator | Role::Supervisor | Role::JointCoordinator);
    staff.roles.iter().any(watches)
}

fn name_of(caller: Option<&Actor>) -> &str {
    caller.map_or("", |actor| actor.staff.id.as_str())
}

fn reason(given: &str, missing: &str) -> Result<String, Failure> {
    let given = given.trim();
    match given.chars().count() {
        0 => Err(input_fault("reason", missing)),
        length if length > LONGEST_REASON => Err(input_fault("reason", "填写的内容太长，请精简。")),
        _ => Ok(given.to_owned()),
    }
}

fn not_entitled(sentence: &str) -> Failure {
    Failure::Refused(Refusal::new(RefusalCode::NotEntitled, sentence))
}

fn no_such_person() -> Failure {
    input_fault("staff", "没有这名工作人员，请核对工号。")
}
