//! The staff service: each call checks its token, asks the station and maps the answer. Rights are the station's.

use sanji_proto::v1 as proto;
use sanji_proto::v1::staff_service_server::StaffService;
use tonic::{Request, Response, Status};

use super::access::Access;
use super::failure::status;
use crate::station::Station;

type Answer<T> = Result<Response<T>, Status>;

pub(super) struct People {
    pub(super) station: Station,
    pub(super) access: Access,
}

#[tonic::async_trait]
impl StaffService for People {
    async fn list_staff(&self, request: Request<proto::ListStaffRequest>) -> Answer<proto::ListStaffReply> {
        let caller = self.access.staff_or_keeper(&request)?;
        self.station.staff_list(caller.as_ref(), &request.into_inner()).map(Response::new).map_err(status)
    }

    async fn record_absence(&self, request: Request<proto::RecordAbsenceRequest>) -> Answer<proto::AbsenceView> {
        let caller = self.access.staff_or_keeper(&request)?;
        let recorded = self.station.record_absence(caller.as_ref(), request.into_inner()).await;
        recorded.map(Response::new).map_err(status)
    }

    async fn end_absence(&self, request: Request<proto::EndAbsenceRequest>) -> Answer<proto::AbsenceView> {
        let caller = self.access.staff_or_keeper(&request)?;
        self.station.end_absence(caller.as_ref(), request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn list_absences(&self, request: Request<proto::ListAbsencesRequest>) -> Answer<proto::ListAbsencesReply> {
        let caller = self.access.staff_or_keeper(&request)?;
        self.station.absences(caller.as_ref(), request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn suspend_staff(&self, request: Request<proto::SuspendStaffRequest>) -> Answer<proto::StaffView> {
        let caller = self.access.staff_or_keeper(&request)?;
        self.station.suspend(caller.as_ref(), request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn reinstate_staff(&self, request: Request<proto::ReinstateStaffRequest>) -> Answer<proto::StaffView> {
        let caller = self.access.staff_or_keeper(&request)?;
        self.station.reinstate(caller.as_ref(), request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn change_staff(&self, request: Request<proto::ChangeStaffRequest>) -> Answer<proto::ChangeStaffReply> {
        let caller = self.access.staff_or_keeper(&request)?;
        self.station.change_staff(caller.as_ref(), request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn ask_staff_change(
        &self,
        request: Request<proto::AskStaffChangeRequest>,
    ) -> Answer<proto::StaffRequestView> {
        let caller = self.access.staff_or_keeper(&request)?;
        self.station.ask_staff_change(caller.as_ref(), request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn decide_staff_change(
        &self,
        request: Request<proto::DecideStaffChangeRequest>,
    ) -> Answer<proto::StaffRequestView> {
        let actor = self.access.staff(&request)?;
        self.station.decide_staff_change(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn withdraw_staff_change(
        &self,
        request: Request<proto::WithdrawStaffChangeRequest>,
    ) -> Answer<proto::StaffRequestView> {
        let caller = self.access.staff_or_keeper(&request)?;
        let withdrawn = self.station.withdraw_staff_change(caller.as_ref(), request.into_inner()).await;
        withdrawn.map(Response::new).map_err(status)
    }

    async fn list_staff_requests(
        &self,
        request: Request<proto::ListStaffRequestsRequest>,
    ) -> Answer<proto::ListStaffRequestsReply> {
        let caller = self.access.staff_or_keeper(&request)?;
        self.station.staff_requests(caller.as_ref(), &request.into_inner()).map(Response::new).map_err(status)
    }

    async fn staff_history(&self, request: Request<proto::StaffHistoryRequest>) -> Answer<proto::StaffHistoryReply> {
        let caller = self.access.staff_or_keeper(&request)?;
        self.station.staff_history(caller.as_ref(), &request.into_inner()).map(Response::new).map_err(status)
    }

    async fn station_register(
        &self,
        request: Request<proto::StationRegisterRequest>,
    ) -> Answer<proto::StationRegisterReply> {
        self.access.anybody(&request)?;
        self.station.station_register().await.map(Response::new).map_err(status)
    }

    async fn authorisations(
        &self,
        request: Request<proto::AuthorisationsRequest>,
    ) -> Answer<proto::AuthorisationsReply> {
        self.access.anybody(&request)?;
        self.station.authorisations(&request.into_inner()).map(Response::new).map_err(status)
    }

    async fn list_authorisations(
        &self,
        request: Request<proto::ListAuthorisationsRequest>,
    ) -> Answer<proto::ListAuthorisationsReply> {
        let caller = self.access.staff_or_keeper(&request)?;
        self.station.list_authorisations(caller.as_ref(), &request.into_inner()).map(Response::new).map_err(status)
    }

    async fn upward_cases(&self, request: Request<proto::UpwardCasesRequest>) -> Answer<proto::UpwardCasesReply> {
        let actor = self.access.staff(&request)?;
        self.station.upward_cases(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }
}
