//! The matter service: complaints, questions, rectifications, surveys, notices, for programs.

use std::net::IpAddr;

use sanji_proto::v1 as proto;
use sanji_proto::v1::matter_service_server::MatterService;
use tonic::{Request, Response, Status};

use super::access::Access;
use super::failure::status;
use crate::station::Station;

type Answer<T> = Result<Response<T>, Status>;

pub(super) struct Matters {
    pub(super) station: Station,
    pub(super) access: Access,
}

/// Where a call without a token comes from.
fn client<T>(request: &Request<T>) -> IpAddr {
    request.remote_addr().map_or(IpAddr::from([127, 0, 0, 1]), |address| address.ip())
}

#[tonic::async_trait]
impl MatterService for Matters {
    async fn open(&self, request: Request<proto::OpenMatterRequest>) -> Answer<proto::MatterReply> {
        let actor = self.access.staff(&request)?;
        self.station.open_matter(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn act(&self, request: Request<proto::ActMatterRequest>) -> Answer<proto::MatterReply> {
        let actor = self.access.staff(&request)?;
        self.station.act_matter(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn get(&self, request: Request<proto::GetMatterRequest>) -> Answer<proto::MatterView> {
        let actor = self.access.staff(&request)?;
        self.station.matter(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn list(&self, request: Request<proto::ListMattersRequest>) -> Answer<proto::ListMattersReply> {
        let actor = self.access.staff(&request)?;
        self.station.matters(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn open_as_public(&self, request: Request<proto::OpenMatterRequest>) -> Answer<proto::MatterReply> {
        let client = client(&request);
        self.station.open_matter_as_public(request.into_inner(), client).await.map(Response::new).map_err(status)
    }

    async fn rate_as_public(&self, request: Request<proto::RateAsPublicRequest>) -> Answer<proto::RateAsPublicReply> {
        let client = client(&request);
        self.station.rate_as_public(request.into_inner(), client).await.map_err(status)?;
        Ok(Response::new(proto::RateAsPublicReply {}))
    }

    async fn questionnaire(&self, request: Request<proto::QuestionnaireRequest>) -> Answer<proto::QuestionnaireReply> {
        self.station.questionnaires(request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn answer_survey(&self, request: Request<proto::AnswerSurveyRequest>) -> Answer<proto::AnswerSurveyReply> {
        let client = client(&request);
        self.station.answer_survey(request.into_inner(), client).await.map_err(status)?;
        Ok(Response::new(proto::AnswerSurveyReply {}))
    }

    async fn query(&self, request: Request<proto::QueryMatterRequest>) -> Answer<proto::QueryMatterReply> {
        let client = client(&request);
        self.station.query_matter(request.into_inner(), client).await.map(Response::new).map_err(status)
    }

    async fn answers(&self, request: Request<proto::AnswersRequest>) -> Answer<proto::AnswersReply> {
        self.station.answers(request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn publish_notice(&self, request: Request<proto::PublishNoticeRequest>) -> Answer<proto::NoticeView> {
        let actor = self.access.staff(&request)?;
        self.station.publish_notice(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn withdraw_notice(&self, request: Request<proto::WithdrawNoticeRequest>) -> Answer<proto::NoticeView> {
        let actor = self.access.staff(&request)?;
        let id = request.into_inner().id;
        self.station.withdraw_notice(&actor, &id).await.map(Response::new).map_err(status)
    }

    async fn notices(&self, request: Request<proto::NoticesRequest>) -> Answer<proto::NoticesReply> {
        let wants_staff = request.get_ref().all || request.get_ref().circulars;
        let actor = if wants_staff { Some(self.access.staff(&request)?) } else { None };
        Ok(Response::new(self.station.notices(actor.as_ref(), request.get_ref())))
    }

    async fn call_backs(&self, request: Request<proto::CallBacksRequest>) -> Answer<proto::CallBacksReply> {
        let actor = self.access.staff(&request)?;
        self.station.call_backs(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn assess(&self, request: Request<proto::AssessRequest>) -> Answer<proto::Assessment> {
        let actor = self.access.staff(&request)?;
        self.station.assess(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }
}
