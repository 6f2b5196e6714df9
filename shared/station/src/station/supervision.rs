//! Electronic supervision over the cases of this station.

use std::sync::Arc;

use sanji_domain::organisation::Staff;
use sanji_proto::v1 as proto;

use super::{Actor, Station};
use crate::clock::now_ms;
use crate::core::Reader;
use crate::error::Failure;
use crate::supervision::Digests;

impl Station {
    /// Running cases by office and link.
    ///
    /// # Errors
    /// [`Failure::Refused`] for anybody but supervisors.
    pub async fn board(&self, actor: &Actor) -> Result<proto::BoardReply, Failure> {
        self.supervise(actor, |reader, digests, staff| reader.board(digests, staff, now_ms())).await
    }

    /// The running cases behind a cell of the board.
    ///
    /// # Errors
    /// As [`Station::board`].
    pub async fn board_cases(
        &self,
        actor: &Actor,
        request: proto::BoardCasesRequest,
    ) -> Result<proto::BoardCasesReply, Failure> {
        self.supervise(actor, move |reader, digests, staff| reader.board_cases(digests, staff, &request, now_ms()))
            .await
    }

    /// Alerts: all for supervisors, for others those that concern them.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none.
    pub async fn alerts(
        &self,
        actor: &Actor,
        request: proto::ListAlertsRequest,
    ) -> Result<proto::ListAlertsReply, Failure> {
        self.supervise(actor, move |reader, digests, staff| reader.alerts(digests, staff, &request, now_ms())).await
    }

    /// One alert.
    ///
    /// # Errors
    /// [`Failure::NotFound`] also where it does not concern the person.
    pub async fn alert(&self, actor: &Actor, request: proto::GetAlertRequest) -> Result<proto::AlertView, Failure> {
        self.supervise(actor, move |reader, _, staff| reader.alert(staff, &request, now_ms())).await
    }

    /// Orders on cases: all for supervisors, for others those that they may answer.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn orders(
        &self,
        actor: &Actor,
        request: proto::ListOrdersRequest,
    ) -> Result<proto::ListOrdersReply, Failure> {
        self.supervise(actor, move |reader, digests, staff| reader.orders(digests, staff, request, now_ms())).await
    }

    /// A table of the ranking.
    ///
    /// # Errors
    /// [`Failure::Refused`] for anybody but supervisors, and for a period that is none.
    pub async fn ranking(&self, actor: &Actor, request: proto::RankingRequest) -> Result<proto::RankingReply, Failure> {
        self.supervise(actor, move |reader, digests, staff| reader.ranking(digests, staff, &request, now_ms())).await
    }

    /// The cases behind a row of the ranking.
    ///
    /// # Errors
    /// As [`Station::ranking`].
    pub async fn ranking_cases(
        &self,
        actor: &Actor,
        request: proto::RankingCasesRequest,
    ) -> Result<proto::RankingCasesReply, Failure> {
        self.supervise(actor, move |reader, digests, staff| reader.ranking_cases(digests, staff, &request, now_ms()))
            .await
    }

    /// Who is responsible for a case that ran over.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where it has not; [`Failure::Refused`] for anybody but supervisors.
    pub async fn responsibility(
        &self,
        actor: &Actor,
        request: proto::ResponsibilityRequest,
    ) -> Result<proto::ResponsibilityReply, Failure> {
        self.supervise(actor, move |reader, _, staff| reader.responsibility(staff, &request, now_ms())).await
    }

    /// The rules of supervision in force.
    #[must_use]
    pub fn watch_rules(&self) -> proto::RulesReply {
        self.reader().watch_rules()
    }

    pub(super) async fn supervise<T: Send + 'static>(
        &self,
        actor: &Actor,
        look: impl FnOnce(&Reader, &Digests, &Staff) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (staff, digests) = (actor.staff.clone(), Arc::clone(&self.0.digests));
        self.read(move |reader| look(reader, &digests, &staff)).await
    }
}
