//! Electronic supervision, for programs. Each call checks its token, asks the station and maps the answer.

use sanji_proto::v1 as proto;
use sanji_proto::v1::supervision_service_server::SupervisionService;
use tonic::{Request, Response, Status};

use super::access::Access;
use super::failure::status;
use crate::station::Station;

type Answer<T> = Result<Response<T>, Status>;

pub(super) struct Supervision {
    pub(super) station: Station,
    pub(super) access: Access,
}

#[tonic::async_trait]
impl SupervisionService for Supervision {
    async fn board(&self, request: Request<proto::BoardRequest>) -> Answer<proto::BoardReply> {
        let actor = self.access.staff(&request)?;
        self.station.board(&actor).await.map(Response::new).map_err(status)
    }

    async fn board_cases(&self, request: Request<proto::BoardCasesRequest>) -> Answer<proto::BoardCasesReply> {
        let actor = self.access.staff(&request)?;
        self.station.board_cases(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn list_alerts(&self, request: Request<proto::ListAlertsRequest>) -> Answer<proto::ListAlertsReply> {
        let actor = self.access.staff(&request)?;
        self.station.alerts(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn get_alert(&self, request: Request<proto::GetAlertRequest>) -> Answer<proto::AlertView> {
        let actor = self.access.staff(&request)?;
        self.station.alert_view(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn list_orders(&self, request: Request<proto::ListOrdersRequest>) -> Answer<proto::ListOrdersReply> {
        let actor = self.access.staff(&request)?;
        self.station.orders(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn ranking(&self, request: Request<proto::RankingRequest>) -> Answer<proto::RankingReply> {
        let actor = self.access.staff(&request)?;
        self.station.ranking(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn ranking_cases(&self, request: Request<proto::RankingCasesRequest>) -> Answer<proto::RankingCasesReply> {
        let actor = self.access.staff(&request)?;
        self.station.ranking_cases(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn responsibility(
        &self,
        request: Request<proto::ResponsibilityRequest>,
    ) -> Answer<proto::ResponsibilityReply> {
        let actor = self.access.staff(&request)?;
        self.station.responsibility(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn rules(&self, request: Request<proto::RulesRequest>) -> Answer<proto::RulesReply> {
        self.access.anybody(&request)?;
        Ok(Response::new(self.station.watch_rules()))
    }
}
