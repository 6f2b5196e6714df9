//! Deadlines that moved and superseded steps, for programs.

use sanji_proto::v1 as proto;
use sanji_proto::v1::deadline_service_server::DeadlineService;
use tonic::{Request, Response, Status};

use super::access::Access;
use super::failure::status;
use crate::station::Station;

pub(super) struct Deadlines {
    pub(super) station: Station,
    pub(super) access: Access,
}

#[tonic::async_trait]
impl DeadlineService for Deadlines {
    async fn list_moved(
        &self,
        request: Request<proto::ListMovedRequest>,
    ) -> Result<Response<proto::ListMovedReply>, Status> {
        let actor = self.access.staff(&request)?;
        self.station.moved_deadlines(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn list_superseded(
        &self,
        request: Request<proto::ListSupersededRequest>,
    ) -> Result<Response<proto::ListSupersededReply>, Status> {
        let actor = self.access.staff(&request)?;
        self.station.superseded_cases(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }
}
