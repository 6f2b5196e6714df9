//! What the desk asks of electronic supervision, as a trait so that its screens can be tested without a station.

use async_trait::async_trait;
use sanji_proto::v1 as proto;

use crate::office::{Actor, Failure, Station};

/// Supervision at one station. See the methods of the same names in `sanji_station::Station`.
#[async_trait]
pub(crate) trait Oversight: Send + Sync + 'static {
    async fn board(&self, actor: &Actor) -> Result<proto::BoardReply, Failure>;
    async fn board_cases(
        &self,
        actor: &Actor,
        request: proto::BoardCasesRequest,
    ) -> Result<proto::BoardCasesReply, Failure>;
    async fn alerts(&self, actor: &Actor, request: proto::ListAlertsRequest)
    -> Result<proto::ListAlertsReply, Failure>;
    async fn alert(&self, actor: &Actor, request: proto::GetAlertRequest) -> Result<proto::AlertView, Failure>;
    async fn orders(&self, actor: &Actor, request: proto::ListOrdersRequest)
    -> Result<proto::ListOrdersReply, Failure>;
    async fn ranking(&self, actor: &Actor, request: proto::RankingRequest) -> Result<proto::RankingReply, Failure>;
    async fn ranking_cases(
        &self,
        actor: &Actor,
        request: proto::RankingCasesRequest,
    ) -> Result<proto::RankingCasesReply, Failure>;
    async fn responsibility(
        &self,
        actor: &Actor,
        request: proto::ResponsibilityRequest,
    ) -> Result<proto::ResponsibilityReply, Failure>;
    fn watch_rules(&self) -> proto::RulesReply;
}

#[async_trait]
impl Oversight for Station {
    async fn board(&self, actor: &Actor) -> Result<proto::BoardReply, Failure> {
        self.board(actor).await
    }

    async fn board_cases(
        &self,
        actor: &Actor,
        request: proto::BoardCasesRequest,
    ) -> Result<proto::BoardCasesReply, Failure> {
        self.board_cases(actor, request).await
    }

    async fn alerts(
        &self,
        actor: &Actor,
        request: proto::ListAlertsRequest,
    ) -> Result<proto::ListAlertsReply, Failure> {
        self.alerts(actor, request).await
    }

    async fn alert(&self, actor: &Actor, request: proto::GetAlertRequest) -> Result<proto::AlertView, Failure> {
        self.alert_view(actor, request).await
    }

    async fn orders(
        &self,
        actor: &Actor,
        request: proto::ListOrdersRequest,
    ) -> Result<proto::ListOrdersReply, Failure> {
        self.orders(actor, request).await
    }

    async fn ranking(&self, actor: &Actor, request: proto::RankingRequest) -> Result<proto::RankingReply, Failure> {
        self.ranking(actor, request).await
    }

    async fn ranking_cases(
        &self,
        actor: &Actor,
        request: proto::RankingCasesRequest,
    ) -> Result<proto::RankingCasesReply, Failure> {
        self.ranking_cases(actor, request).await
    }

    async fn responsibility(
        &self,
        actor: &Actor,
        request: proto::ResponsibilityRequest,
    ) -> Result<proto::ResponsibilityReply, Failure> {
        self.responsibility(actor, request).await
    }

    fn watch_rules(&self) -> proto::RulesReply {
        self.watch_rules()
    }
}
