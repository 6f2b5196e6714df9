//! 停职、调岗: what the district says of a person. At the hub: its administrators suspend, and change who stands in;
//! another post is asked for and consented to, see `requests`. Each change is a record with its reason, and the records
//! of a person are the assignment history.

use prost::Message as _;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_domain::organisation::{Role, Roles, Seat, StageTier, administers, is_change_of_post, may_stand_in};
use sanji_domain::{DepartmentCode, Staff, StaffId};
use sanji_log::{Reach, StationCode, Tier};
use sanji_proto::v1 as proto;

use super::{knows_why, name_of, no_such_person, not_entitled, reason, record_view};
use crate::core::ReferenceData;
use crate::core::input_fault;
use crate::core::reference::{Assignment, StaffEntry, staff_of};
use crate::error::Failure;
use crate::station::{Actor, Administrative, Station};

/// What stands for nobody or nothing in a request that leaves empty fields as they are.
const NONE: &str = "-";

impl Station {
    /// 停职、待岗: from now on the person can neither act nor log in, at their station as soon as it has heard of it,
    /// and the substitute does the work.
    ///
    /// # Errors
    /// [`Failure::Refused`].
    pub async fn suspend(
        &self,
        caller: Option<&Actor>,
        request: proto::SuspendStaffRequest,
    ) -> Result<proto::StaffView, Failure> {
        let known = self.to_be_changed(caller, &request.staff)?;
        if known.inactive {
            return Err(Failure::Refused(Refusal::new(RefusalCode::AlreadyDone, "该人员已经停职或者离开。")));
        }
        let reason = reason(&request.reason, "请写明停职（待岗）的原因。")?;
        let record = proto::StaffRecord {
            inactive: true,
            suspended_reason: reason.clone(),
            change_reason: format!("停职（待岗）：{reason}"),
            ..known.record()
        };
        self.write_staff(caller, vec![record], "staff.suspended").await?;
        self.accounts().sessions().end_all(known.staff.id.as_str());
        self.reader().presence().gone(&known.staff.id);
        self.view_of(&known.staff.id)
    }

    /// Back to work.
    ///
    /// # Errors
    /// [`Failure::Refused`].
    pub async fn reinstate(
        &self,
        caller: Option<&Actor>,
        request: proto::ReinstateStaffRequest,
    ) -> Result<proto::StaffView, Failure> {
        let known = self.to_be_changed(caller, &request.staff)?;
        if !known.is_suspended() {
            return Err(Failure::Refused(Refusal::new(RefusalCode::AlreadyDone, "该人员没有停职。")));
        }
        let reason = reason(&request.reason, "请写明恢复上岗的原因。")?;
        let record = proto::StaffRecord {
            inactive: false,
            suspended_reason: String::new(),
            change_reason: format!("恢复上岗：{reason}"),
            ..known.record()
        };
        self.write_staff(caller, vec![record], "staff.reinstated").await?;
        self.view_of(&known.staff.id)
    }

    /// Who stands in for a person, and for which departments their window takes in. A change of post needs consent: see
    /// [`Station::ask_staff_change`].
    ///
    /// # Errors
    /// [`Failure::Refused`] also where what is asked for is another post.
    pub async fn change_staff(
        &self,
        caller: Option<&Actor>,
        request: proto::ChangeStaffRequest,
    ) -> Result<proto::ChangeStaffReply, Failure> {
        let known = self.to_be_changed(caller, &request.staff)?;
        let reference = self.reference();
        let change_reason = reason(&request.reason, "请写明调整的原因。")?;
        let mut record = proto::StaffRecord { change_reason, ..known.record() };
        apply(&mut record, &request);
        let changed = check(&reference, &record, self.reader().me())?;
        if request.leaves || is_change_of_post(&known.staff, &changed) {
            let sentence = "岗位、部门、机构、席位的调整和离任，须先由所在部门（乡镇、街道）提出申请，经区中心同意后自动生效，\
                            不能直接修改。";
            return Err(Failure::Refused(Refusal::new(RefusalCode::NotEntitled, sentence)));
        }
        self.write_staff(caller, vec![record], "staff.changed").await?;
        Ok(proto::ChangeStaffReply { staff: Some(self.view_of(&known.staff.id)?), warnings: Vec::new() })
    }

    /// The assignment history of a person, oldest first.
    ///
    /// # Errors
    /// [`Failure::Refused`].
    pub fn staff_history(
        &self,
        caller: Option<&Actor>,
        request: &proto::StaffHistoryRequest,
    ) -> Result<proto::StaffHistoryReply, Failure> {
        if !knows_why(caller, &request.staff) {
            return Err(not_entitled("任职记录只有本人、管理员和监察人员可以查看。"));
        }
        let reference = self.reference();
        let id: StaffId = request.staff.parse().map_err(|_| no_such_person())?;
        let rows = reference.assignments(&id).into_iter().map(|assignment| {
            let Assignment { from_ms, entry, reason, consent, recorded_by, .. } = assignment;
            let state = if entry.is_suspended() {
                "停职"
            } else if entry.inactive {
                "已离开"
            } else {
                "在岗"
            };
            let staff = proto::StaffView {
                state: state.to_owned(),
                suspended_reason: entry.suspended_reason.to_string(),
                ..record_view(&reference, &entry.staff)
            };
            let (reason, consent) = (reason.to_string(), consent.to_string());
            proto::StaffHistoryRow { from_ms, staff: Some(staff), reason, consent, recorded_by }
        });
        Ok(proto::StaffHistoryReply { rows: rows.collect() })
    }

    /// A person whom the caller may change: only the hub's administrators and its keeper may, and nobody themselves.
    fn to_be_changed(&self, caller: Option<&Actor>, staff: &str) -> Result<StaffEntry, Failure> {
        let me = self.reader().me();
        if me.tier() != Tier::District {
            return Err(not_entitled("人员由区中心管理，请在区中心办理。"));
        }
        if caller.is_some_and(|actor| !administers(&actor.staff, me)) {
            return Err(not_entitled("人员调整和停职由管理员办理，您没有这项权限。"));
        }
        if caller.is_some_and(|actor| actor.staff.id.as_str() == staff) {
            return Err(not_entitled("不能调整本人，请由其他管理员办理。"));
        }
        let id: StaffId = staff.parse().map_err(|_| no_such_person())?;
        self.reference().staff(&id).cloned().ok_or_else(no_such_person)
    }

    pub(super) async fn write_staff(
        &self,
        caller: Option<&Actor>,
        records: Vec<proto::StaffRecord>,
        event: &'static str,
    ) -> Result<(), Failure> {
        let mut entries = Vec::new();
        let staff = records.first().map(|record| record.id.clone()).unwrap_or_default();
        for record in records {
            let home = StationCode::from_number(record.place).map_err(|_| no_such_station())?;
            let (reach, kind) = (Reach::Private, proto::Kind::Staff);
            entries.push(Administrative { home, reach, kind, body: record.encode_to_vec() });
        }
        self.administer(name_of(caller), entries).await?;
        self.record(event, name_of(caller), &staff, "by the administrator");
        Ok(())
    }

    fn view_of(&self, id: &StaffId) -> Result<proto::StaffView, Failure> {
        let reference = self.reference();
        let entry = reference.staff(id).ok_or_else(no_such_person)?;
        Ok(self.staff_view(&reference, entry, self.now_ms()))
    }
}

/// Puts what a request names into a record; what it leaves empty stays. Whoever goes elsewhere leaves the substitute
/// behind.
pub(super) fn apply(record: &mut proto::StaffRecord, request: &proto::ChangeStaffRequest) {
    let set = |field: &mut String, given: &str| match given.trim() {
        "" => {}
        NONE => field.clear(),
        given => given.clone_into(field),
    };
    set(&mut record.post, &request.post);
    set(&mut record.department, &request.department);
    set(&mut record.seat, &request.seat);
    set(&mut record.backup, &request.backup);
    if !request.roles.is_empty() {
        record.roles.clone_from(&request.roles);
    }
    match request.serves.as_slice() {
        [] => {}
        [none] if none == NONE => record.serves.clear(),
        serves => record.serves = serves.to_vec(),
    }
    if let Ok(place) = StationCode::from_number(request.place) {
        if record.place != request.place && request.backup.trim().is_empty() {
            record.backup.clear();
        }
        record.place = request.place;
        record.tier = StageTier::from(place.tier()).to_string();
    }
    // A change of post lifts no suspension; only going away ends it.
    if request.leaves || record.suspended_reason.is_empty() {
        record.inactive = request.leaves;
        record.suspended_reason = String::new();
    }
}

/// The person as a record says, where it may be given: everything that it names exists, and its roles don't exclude each
/// other.
pub(super) fn check(
    reference: &ReferenceData,
    record: &proto::StaffRecord,
    hub: StationCode,
) -> Result<Staff, Failure> {
    let organisation = reference.organisation().ok_or(Failure::NotHereYet)?;
    let place = StationCode::from_number(record.place).ok().filter(|place| organisation.station(place).is_some());
    let place = place.filter(|place| place.within(hub)).ok_or_else(no_such_station)?;
    let roles: Option<Vec<Role>> = record.roles.iter().map(|role| Role::from_term(role)).collect();
    let Some(roles) = roles.filter(|roles| !roles.is_empty() || record.inactive) else {
        return Err(input_fault("roles", "岗位角色不正确，请按岗位角色表填写。"));
    };
    conflict(&organisation.roles, &roles)?;
    let known =
        |code: &String| code.parse::<DepartmentCode>().is_ok_and(|code| organisation.department(&code).is_some());
    if !known(&record.department) {
        return Err(input_fault("department", "没有这个部门，请核对部门代码。"));
    }
    if !record.serves.iter().all(known) {
        return Err(input_fault("serves", "综合窗口服务的部门中有不存在的部门代码，请核对。"));
    }
    if !record.seat.is_empty() && Seat::from_term(&record.seat).is_none() {
        return Err(input_fault("seat", "席位只能是A角或者B角。"));
    }
    let changed = staff_of(record).ok_or_else(no_such_person)?;
    if changed.backup.is_none() {
        return Ok(changed);
    }
    let backup = changed.backup.as_ref().and_then(|id| reference.staff(id));
    let Some(backup) = backup.filter(|backup| backup.staff.place == place && backup.staff.id != changed.id) else {
        return Err(input_fault("backup", "替补人员须是同一机构的其他人员。"));
    };
    if !may_stand_in(&backup.staff, &changed, &organisation.roles) {
        return Err(input_fault("backup", "替补人员的岗位与该岗位不得由同一人兼任，请另选替补人员。"));
    }
    Ok(changed)
}

fn conflict(roles: &Roles, given: &[Role]) -> Result<(), Failure> {
    match roles.conflict(given) {
        None => Ok(()),
        Some((one, other)) => {
            let sentence = format!("“{one}”和“{other}”不得由同一人兼任（职责分离），请调整岗位。");
            Err(input_fault("roles", &sentence))
        }
    }
}

fn no_such_station() -> Failure {
    input_fault("place", "没有这个机构，请核对机构代码。")
}
