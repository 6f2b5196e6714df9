//! The people of the fake station: one agent, one request about them.

use async_trait::async_trait;
use sanji_proto::v1 as proto;

use super::fake::FakeOffice;
use crate::office::{Actor, Failure, PeopleOffice};

#[async_trait]
impl PeopleOffice for FakeOffice {
    fn people(&self, actor: &Actor) -> Result<proto::ListStaffReply, Failure> {
        let one = proto::StaffView {
            id: actor.staff.id.to_string(),
            name: actor.staff.name.clone(),
            roles: vec!["代办员".to_owned()],
            state: "在岗".to_owned(),
            ..proto::StaffView::default()
        };
        Ok(proto::ListStaffReply { staff: vec![one], on_duty_today: vec!["程成军".to_owned()] })
    }

    async fn absences(&self, _: &Actor) -> Result<proto::ListAbsencesReply, Failure> {
        let row =
            proto::AbsenceView { staff_name: "周敏".to_owned(), reason: "培训".to_owned(), ..Default::default() };
        Ok(proto::ListAbsencesReply { absences: vec![row] })
    }

    async fn record_absence(
        &self,
        _: &Actor,
        request: proto::RecordAbsenceRequest,
    ) -> Result<proto::AbsenceView, Failure> {
        self.memory.lock().expect("lock").absences.push(request);
        Ok(proto::AbsenceView::default())
    }

    async fn end_absence(&self, _: &Actor, _: proto::EndAbsenceRequest) -> Result<proto::AbsenceView, Failure> {
        Ok(proto::AbsenceView::default())
    }

    async fn suspend(&self, _: &Actor, _: proto::SuspendStaffRequest) -> Result<proto::StaffView, Failure> {
        Ok(proto::StaffView::default())
    }

    async fn reinstate(&self, _: &Actor, _: proto::ReinstateStaffRequest) -> Result<proto::StaffView, Failure> {
        Ok(proto::StaffView::default())
    }

    async fn station_register(&self) -> Result<proto::StationRegisterReply, Failure> {
        let one =
            proto::RegisteredStation { name: "石板村便民服务站".to_owned(), services: 3, ..Default::default() };
        Ok(proto::StationRegisterReply { stations: vec![one] })
    }

    async fn upward_cases(&self, _: &Actor) -> Result<proto::UpwardCasesReply, Failure> {
        Ok(proto::UpwardCasesReply::default())
    }

    fn staff_member(&self, actor: &Actor, _: &str) -> Result<proto::StaffView, Failure> {
        self.people(actor)?.staff.into_iter().next().ok_or(Failure::NotFound)
    }

    fn staff_history(&self, actor: &Actor, staff: &str) -> Result<Option<Vec<proto::StaffHistoryRow>>, Failure> {
        if actor.staff.id.as_str() != staff {
            return Ok(None);
        }
        let staff = Some(self.staff_member(actor, staff)?);
        let row = proto::StaffHistoryRow { from_ms: 1_782_869_400_000, staff, ..Default::default() };
        Ok(Some(vec![row.clone(), proto::StaffHistoryRow { reason: "轮岗".to_owned(), ..row }]))
    }

    fn powers(&self, _: &Actor, _: &str) -> Result<Vec<proto::ItemAuthorisation>, Failure> {
        let power = |power: &str, source: &str| proto::ItemAuthorisation {
            item: "mz-dibao".to_owned(),
            item_name: "最低生活保障审核确认".to_owned(),
            power: Some(proto::AuthorisationView {
                power: power.to_owned(),
                source: source.to_owned(),
                staff: vec!["陈桂英（990106101203-01）".to_owned()],
                document: if source == "授权" { "澄民授〔2026〕1号".to_owned() } else { String::new() },
                ..Default::default()
            }),
        };
        Ok(vec![power("受理", "岗位"), power("审核", "授权")])
    }

    fn staff_requests(&self, _: &Actor, _: &str) -> Result<Vec<proto::StaffRequestView>, Failure> {
        let change = proto::StaffDifference {
            field: "岗位角色".to_owned(),
            before: "代办员".to_owned(),
            after: "窗口受理".to_owned(),
        };
        Ok(vec![proto::StaffRequestView {
            id: vec![0xab; 16],
            staff: "990106101203-01".to_owned(),
            staff_name: "陈桂英".to_owned(),
            changes: vec![change],
            reason: "轮岗".to_owned(),
            state: "待批".to_owned(),
            warnings: vec!["该人员自2025年7月1日起任现岗位，不满两年。".to_owned()],
            may_decide: true,
            may_withdraw: true,
            ..Default::default()
        }])
    }

    fn asks_for_change(&self, _: &Actor, staff: &str) -> bool {
        // About the agent a request waits already.
        staff != "990106101203-01"
    }

    async fn ask_staff_change(
        &self,
        _: &Actor,
        change: proto::ChangeStaffRequest,
    ) -> Result<proto::StaffRequestView, Failure> {
        let mut memory = self.memory.lock().expect("lock");
        if let Some(failure) = memory.failure.take() {
            return Err(failure);
        }
        memory.asked.push(change);
        Ok(proto::StaffRequestView::default())
    }

    async fn decide_staff_change(
        &self,
        _: &Actor,
        request: proto::DecideStaffChangeRequest,
    ) -> Result<proto::StaffRequestView, Failure> {
        self.memory.lock().expect("lock").decided.push(request);
        Ok(proto::StaffRequestView::default())
    }

    async fn withdraw_staff_change(&self, _: &Actor, id: Vec<u8>) -> Result<proto::StaffRequestView, Failure> {
        self.memory.lock().expect("lock").withdrawn.push(id);
        Ok(proto::StaffRequestView::default())
    }
}
