//! What the desk asks of a station's people, as a trait so that pages can be tested without one.

use async_trait::async_trait;
use sanji_domain::case::RefusalCode;
use sanji_proto::v1 as proto;

use crate::office::{Actor, Failure, Station};

/// The people of one station. See the methods of the same names in `sanji_station::Station`.
#[async_trait]
pub(crate) trait PeopleOffice: Send + Sync + 'static {
    /// The people of this station.
    fn people(&self, actor: &Actor) -> Result<proto::ListStaffReply, Failure>;
    async fn absences(&self, actor: &Actor) -> Result<proto::ListAbsencesReply, Failure>;
    async fn record_absence(
        &self,
        actor: &Actor,
        request: proto::RecordAbsenceRequest,
    ) -> Result<proto::AbsenceView, Failure>;
    async fn end_absence(
        &self,
        actor: &Actor,
        request: proto::EndAbsenceRequest,
    ) -> Result<proto::AbsenceView, Failure>;
    async fn suspend(&self, actor: &Actor, request: proto::SuspendStaffRequest) -> Result<proto::StaffView, Failure>;
    async fn reinstate(
        &self,
        actor: &Actor,
        request: proto::ReinstateStaffRequest,
    ) -> Result<proto::StaffView, Failure>;
    async fn station_register(&self) -> Result<proto::StationRegisterReply, Failure>;
    async fn upward_cases(&self, actor: &Actor) -> Result<proto::UpwardCasesReply, Failure>;
    /// A person of this station, or of another where the actor may see them.
    fn staff_member(&self, actor: &Actor, staff: &str) -> Result<proto::StaffView, Failure>;
    /// What a person has been, oldest first. None: it is not for the actor.
    fn staff_history(&self, actor: &Actor, staff: &str) -> Result<Option<Vec<proto::StaffHistoryRow>>, Failure>;
    /// What one may do with which item; an empty id: everybody of this station.
    fn powers(&self, actor: &Actor, staff: &str) -> Result<Vec<proto::ItemAuthorisation>, Failure>;
    /// Changes of staff that were asked for; an empty id: all that the actor may know of.
    fn staff_requests(&self, actor: &Actor, staff: &str) -> Result<Vec<proto::StaffRequestView>, Failure>;
    /// Whether the actor may now ask that a person be changed.
    fn asks_for_change(&self, actor: &Actor, staff: &str) -> bool;
    async fn ask_staff_change(
        &self,
        actor: &Actor,
        change: proto::ChangeStaffRequest,
    ) -> Result<proto::StaffRequestView, Failure>;
    async fn decide_staff_change(
        &self,
        actor: &Actor,
        request: proto::DecideStaffChangeRequest,
    ) -> Result<proto::StaffRequestView, Failure>;
    /// Takes back what the actor has asked for; by its id.
    async fn withdraw_staff_change(&self, actor: &Actor, id: Vec<u8>) -> Result<proto::StaffRequestView, Failure>;
}

#[async_trait]
impl PeopleOffice for Station {
    fn people(&self, actor: &Actor) -> Result<proto::ListStaffReply, Failure> {
        self.staff_list(Some(actor), &proto::ListStaffRequest::default())
    }

    async fn absences(&self, actor: &Actor) -> Result<proto::ListAbsencesReply, Failure> {
        self.absences(Some(actor), proto::ListAbsencesRequest::default()).await
    }

    async fn record_absence(
        &self,
        actor: &Actor,
        request: proto::RecordAbsenceRequest,
    ) -> Result<proto::AbsenceView, Failure> {
        self.record_absence(Some(actor), request).await
    }

    async fn end_absence(
        &self,
        actor: &Actor,
        request: proto::EndAbsenceRequest,
    ) -> Result<proto::AbsenceView, Failure> {
        self.end_absence(Some(actor), request).await
    }

    async fn suspend(&self, actor: &Actor, request: proto::SuspendStaffRequest) -> Result<proto::StaffView, Failure> {
        self.suspend(Some(actor), request).await
    }

    async fn reinstate(
        &self,
        actor: &Actor,
        request: proto::ReinstateStaffRequest,
    ) -> Result<proto::StaffView, Failure> {
        self.reinstate(Some(actor), request).await
    }

    async fn station_register(&self) -> Result<proto::StationRegisterReply, Failure> {
        self.station_register().await
    }

    async fn upward_cases(&self, actor: &Actor) -> Result<proto::UpwardCasesReply, Failure> {
        self.upward_cases(actor, proto::UpwardCasesRequest::default()).await
    }

    fn staff_member(&self, actor: &Actor, staff: &str) -> Result<proto::StaffView, Failure> {
        let request = proto::ListStaffRequest { staff: staff.to_owned(), ..Default::default() };
        self.staff_list(Some(actor), &request)?.staff.into_iter().next().ok_or(Failure::NotFound)
    }

    fn staff_history(&self, actor: &Actor, staff: &str) -> Result<Option<Vec<proto::StaffHistoryRow>>, Failure> {
        match self.staff_history(Some(actor), &proto::StaffHistoryRequest { staff: staff.to_owned() }) {
            Ok(reply) => Ok(Some(reply.rows)),
            Err(Failure::Refused(refusal)) if refusal.code == RefusalCode::NotEntitled => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    fn powers(&self, actor: &Actor, staff: &str) -> Result<Vec<proto::ItemAuthorisation>, Failure> {
        let request = proto::ListAuthorisationsRequest { staff: staff.to_owned() };
        self.list_authorisations(Some(actor), &request).map(|reply| reply.rows)
    }

    fn staff_requests(&self, actor: &Actor, staff: &str) -> Result<Vec<proto::StaffRequestView>, Failure> {
        let request = proto::ListStaffRequestsRequest { open: false, staff: staff.to_owned() };
        self.staff_requests(Some(actor), &request).map(|reply| reply.requests)
    }

    fn asks_for_change(&self, actor: &Actor, staff: &str) -> bool {
        self.may_ask_for_change(actor, staff)
    }

    async fn ask_staff_change(
        &self,
        actor: &Actor,
        change: proto::ChangeStaffRequest,
    ) -> Result<proto::StaffRequestView, Failure> {
        self.ask_staff_change(Some(actor), proto::AskStaffChangeRequest { change: Some(change) }).await
    }

    async fn decide_staff_change(
        &self,
        actor: &Actor,
        request: proto::DecideStaffChangeRequest,
    ) -> Result<proto::StaffRequestView, Failure> {
        self.decide_staff_change(actor, request).await
    }

    async fn withdraw_staff_change(&self, actor: &Actor, id: Vec<u8>) -> Result<proto::StaffRequestView, Failure> {
        self.withdraw_staff_change(Some(actor), proto::WithdrawStaffChangeRequest { id }).await
    }
}
