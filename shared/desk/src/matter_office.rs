//! What the desk asks of a station's matters, as a trait so that pages can be tested without one.

use std::net::IpAddr;

use async_trait::async_trait;
use sanji_domain::organisation::DepartmentKind;
use sanji_proto::v1 as proto;

use crate::office::{Actor, Failure, Station};

/// The matters of one station. See the methods of the same names in `sanji_station::Station`. What is not overridden
/// finds nothing.
#[async_trait]
pub(crate) trait MatterOffice: Send + Sync + 'static {
    /// Stations with their full names: those of this scope, or all.
    fn stations(&self, _all: bool) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Departments of the district with their names.
    fn departments(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    async fn open_matter(
        &self,
        _actor: Option<&Actor>,
        _request: proto::OpenMatterRequest,
        _client: IpAddr,
    ) -> Result<proto::MatterReply, Failure> {
        Err(Failure::NotFound)
    }

    async fn act_matter(
        &self,
        _actor: &Actor,
        _request: proto::ActMatterRequest,
    ) -> Result<proto::MatterReply, Failure> {
        Err(Failure::NotFound)
    }

    async fn matter(&self, _actor: &Actor, _request: proto::GetMatterRequest) -> Result<proto::MatterView, Failure> {
        Err(Failure::NotFound)
    }

    async fn matters(
        &self,
        _actor: &Actor,
        _request: proto::ListMattersRequest,
    ) -> Result<proto::ListMattersReply, Failure> {
        Ok(proto::ListMattersReply::default())
    }

    async fn complaints_of(&self, _actor: &Actor, _case_number: &str) -> Result<Vec<proto::MatterRow>, Failure> {
        Ok(Vec::new())
    }

    async fn query_matter(
        &self,
        _request: proto::QueryMatterRequest,
        _client: IpAddr,
    ) -> Result<proto::QueryMatterReply, Failure> {
        Err(Failure::NotFound)
    }

    async fn rate_as_public(&self, _request: proto::RateAsPublicRequest, _client: IpAddr) -> Result<(), Failure> {
        Err(Failure::NotFound)
    }

    async fn answers(&self, _request: proto::AnswersRequest) -> Result<proto::AnswersReply, Failure> {
        Ok(proto::AnswersReply::default())
    }

    fn notices(&self, _actor: Option<&Actor>, _request: &proto::NoticesRequest) -> proto::NoticesReply {
        proto::NoticesReply::default()
    }

    async fn publish_notice(
        &self,
        _actor: &Actor,
        _request: proto::PublishNoticeRequest,
    ) -> Result<proto::NoticeView, Failure> {
        Err(Failure::NotFound)
    }

    async fn withdraw_notice(&self, _actor: &Actor, _id: &[u8]) -> Result<proto::NoticeView, Failure> {
        Err(Failure::NotFound)
    }

    async fn questionnaires(
        &self,
        _request: proto::QuestionnaireRequest,
    ) -> Result<proto::QuestionnaireReply, Failure> {
        Ok(proto::QuestionnaireReply::default())
    }

    async fn answer_survey(&self, _request: proto::AnswerSurveyRequest, _client: IpAddr) -> Result<(), Failure> {
        Err(Failure::NotFound)
    }

    async fn call_backs(&self, _actor: &Actor) -> Result<proto::CallBacksReply, Failure> {
        Ok(proto::CallBacksReply::default())
    }

    async fn assess(&self, _actor: &Actor, _request: proto::AssessRequest) -> Result<proto::Assessment, Failure> {
        Err(Failure::NotFound)
    }
}

#[async_trait]
impl MatterOffice for Station {
    fn stations(&self, all: bool) -> Vec<(String, String)> {
        let here = self.info().code;
        let reference = self.reference();
        let Some(organisation) = reference.organisation() else { return Vec::new() };
        let wanted = organisation.stations().filter(|station| all || station.code.within(here));
        let name = |name: &str, tier| crate::words::official_name(name, tier);
        wanted.map(|station| (station.code.to_string(), name(&station.full_name, station.code.tier()))).collect()
    }

    fn departments(&self) -> Vec<(String, String)> {
        let reference = self.reference();
        let Some(organisation) = reference.organisation() else { return Vec::new() };
        let wanted = organisation.departments.iter();
        let wanted =
            wanted.filter(|department| matches!(department.kind, DepartmentKind::District | DepartmentKind::Hub));
        wanted.map(|department| (department.code.to_string(), department.name.clone())).collect()
    }

    async fn open_matter(
        &self,
        actor: Option<&Actor>,
        request: proto::OpenMatterRequest,
        client: IpAddr,
    ) -> Result<proto::MatterReply, Failure> {
        match actor {
            Some(actor) => self.open_matter(actor, request).await,
            None => self.open_matter_as_public(request, client).await,
        }
    }

    async fn act_matter(&self, actor: &Actor, request: proto::ActMatterRequest) -> Result<proto::MatterReply, Failure> {
        self.act_matter(actor, request).await
    }

    async fn matter(&self, actor: &Actor, request: proto::GetMatterRequest) -> Result<proto::MatterView, Failure> {
        self.matter(actor, request).await
    }

    async fn matters(
        &self,
        actor: &Actor,
        request: proto::ListMattersRequest,
    ) -> Result<proto::ListMattersReply, Failure> {
        self.matters(actor, request).await
    }

    async fn complaints_of(&self, actor: &Actor, case_number: &str) -> Result<Vec<proto::MatterRow>, Failure> {
        self.complaints_of(actor, case_number).await
    }

    async fn query_matter(
        &self,
        request: proto::QueryMatterRequest,
        client: IpAddr,
    ) -> Result<proto::QueryMatterReply, Failure> {
        self.query_matter(request, client).await
    }

    async fn rate_as_public(&self, request: proto::RateAsPublicRequest, client: IpAddr) -> Result<(), Failure> {
        self.rate_as_public(request, client).await
    }

    async fn answers(&self, request: proto::AnswersRequest) -> Result<proto::AnswersReply, Failure> {
        self.answers(request).await
    }

    fn notices(&self, actor: Option<&Actor>, request: &proto::NoticesRequest) -> proto::NoticesReply {
        self.notices(actor, request)
    }

    async fn publish_notice(
        &self,
        actor: &Actor,
        request: proto::PublishNoticeRequest,
    ) -> Result<proto::NoticeView, Failure> {
        self.publish_notice(actor, request).await
    }

    async fn withdraw_notice(&self, actor: &Actor, id: &[u8]) -> Result<proto::NoticeView, Failure> {
        self.withdraw_notice(actor, id).await
    }

    async fn questionnaires(&self, request: proto::QuestionnaireRequest) -> Result<proto::QuestionnaireReply, Failure> {
        self.questionnaires(request).await
    }

    async fn answer_survey(&self, request: proto::AnswerSurveyRequest, client: IpAddr) -> Result<(), Failure> {
        self.answer_survey(request, client).await
    }

    async fn call_backs(&self, actor: &Actor) -> Result<proto::CallBacksReply, Failure> {
        self.call_backs(actor, proto::CallBacksRequest { limit: 200 }).await
    }

    async fn assess(&self, actor: &Actor, request: proto::AssessRequest) -> Result<proto::Assessment, Failure> {
        self.assess(actor, request).await
    }
}
