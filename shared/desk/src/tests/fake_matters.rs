//! An office that shows one complaint and remembers what was asked of matters.

use std::net::IpAddr;

use async_trait::async_trait;
use sanji_proto::v1 as proto;

use super::fake::{FakeOffice, HOSTILE, NUMBER};
use crate::office::{Actor, Failure, MatterOffice};

fn row() -> proto::MatterRow {
    proto::MatterRow {
        number: NUMBER.to_owned(),
        kind: "complaint".to_owned(),
        kind_name: "投诉".to_owned(),
        title: HOSTILE.to_owned(),
        state: "待受理".to_owned(),
        due: 20_260_708,
        overdue: true,
        todo: true,
        ..proto::MatterRow::default()
    }
}

#[async_trait]
impl MatterOffice for FakeOffice {
    fn stations(&self, _: bool) -> Vec<(String, String)> {
        vec![("990106101000".to_owned(), "枫溪镇便民服务中心".to_owned())]
    }

    fn departments(&self) -> Vec<(String, String)> {
        vec![("mz".to_owned(), "民政局".to_owned())]
    }

    async fn open_matter(
        &self,
        actor: Option<&Actor>,
        request: proto::OpenMatterRequest,
        _: IpAddr,
    ) -> Result<proto::MatterReply, Failure> {
        let mut memory = self.memory.lock().expect("lock");
        if let Some(failure) = memory.failure.take() {
            return Err(failure);
        }
        memory.opened.push((actor.is_some(), request));
        let (number, query_code) = (NUMBER.to_owned(), "384056".to_owned());
        Ok(proto::MatterReply { number, query_code, rev: 1, codes: Vec::new() })
    }

    async fn act_matter(&self, _: &Actor, request: proto::ActMatterRequest) -> Result<proto::MatterReply, Failure> {
        let mut memory = self.memory.lock().expect("lock");
        if let Some(failure) = memory.failure.take() {
            return Err(failure);
        }
        memory.acted_on_matter.push(request);
        Ok(proto::MatterReply { number: NUMBER.to_owned(), ..proto::MatterReply::default() })
    }

    async fn matter(&self, _: &Actor, request: proto::GetMatterRequest) -> Result<proto::MatterView, Failure> {
        if request.number != NUMBER {
            return Err(Failure::NotFound);
        }
        Ok(proto::MatterView {
            number: NUMBER.to_owned(),
            kind: "complaint".to_owned(),
            kind_name: "投诉".to_owned(),
            state: "调查中".to_owned(),
            title: "投诉民政局".to_owned(),
            rev: 3,
            open: true,
            facts: vec![proto::Answer { field: "被投诉方".to_owned(), value: HOSTILE.to_owned() }],
            steps: vec![proto::MatterStepView { words: HOSTILE.to_owned(), ..proto::MatterStepView::default() }],
            actions: sanji_domain::matter::MatterAction::ALL.iter().map(|action| action.name().to_owned()).collect(),
            masked: !request.unmasked,
            ..proto::MatterView::default()
        })
    }

    async fn matters(&self, _: &Actor, _: proto::ListMattersRequest) -> Result<proto::ListMattersReply, Failure> {
        Ok(proto::ListMattersReply { rows: vec![row()], next: Vec::new(), upheld: 2 })
    }

    async fn query_matter(
        &self,
        request: proto::QueryMatterRequest,
        _: IpAddr,
    ) -> Result<proto::QueryMatterReply, Failure> {
        if request.query_code != "384056" {
            return Err(Failure::NotFound);
        }
        Ok(proto::QueryMatterReply {
            number: request.number,
            kind_name: "投诉".to_owned(),
            state: "已办结".to_owned(),
            reply: "已责令整改".to_owned(),
            may_rate: true,
            ..proto::QueryMatterReply::default()
        })
    }

    async fn rate_as_public(&self, request: proto::RateAsPublicRequest, _: IpAddr) -> Result<(), Failure> {
        self.memory.lock().expect("lock").rated.push(request);
        Ok(())
    }

    async fn questionnaires(&self, _: proto::QuestionnaireRequest) -> Result<proto::QuestionnaireReply, Failure> {
        let group =
            proto::SurveyGroup { name: "部门".to_owned(), units: vec![HOSTILE.to_owned(), "人社局".to_owned()] };
        Ok(proto::QuestionnaireReply {
            surveys: vec![proto::Questionnaire {
                number: NUMBER.to_owned(),
                title: "年度评议".to_owned(),
                groups: vec![group],
                questions: vec!["态度".to_owned(), "效率".to_owned()],
                ..proto::Questionnaire::default()
            }],
        })
    }

    async fn assess(&self, _: &Actor, request: proto::AssessRequest) -> Result<proto::Assessment, Failure> {
        let row =
            proto::AssessedRow { group: "township".to_owned(), name: "枫溪镇".to_owned(), ..Default::default() };
        Ok(proto::Assessment { year: request.year, rows: vec![row], ..proto::Assessment::default() })
    }
}
