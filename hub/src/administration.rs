//! The register over gRPC, for the hub's own command line.

use sanji_log::{Hash, LogId, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::administration_server::Administration;
use sanji_station::Failure;
use sanji_station::command::chain;
use sanji_station::config::is_host_port;
use sanji_station::service::Access;
use sanji_station::service::bundles::Parts;
use tonic::{Request, Response, Status};

use crate::duties::{Duties, Unanswered};
use crate::error::Error;
use crate::files::DistrictFiles;
use crate::register::Terms;

/// Who acts here: nobody in particular.
const KEEPER: &str = "";

/// The service.
pub(crate) struct Service {
    pub(crate) duties: Duties,
    pub(crate) access: Access,
}

#[tonic::async_trait]
impl Administration for Service {
    async fn add_station(
        &self,
        request: Request<proto::AddStationRequest>,
    ) -> Result<Response<proto::AddStationReply>, Status> {
        self.access.keeper(&request)?;
        let request = request.into_inner();
        let terms = terms(request.link_address, request.upstream, request.without_line)?;
        let invited = self.duties.add(station(request.station)?, terms, KEEPER).await;
        invited.map(Response::new).map_err(status)
    }

    type AnswerEnrolmentStream = Parts;

    async fn answer_enrolment(
        &self,
        request: Request<proto::AnswerEnrolmentRequest>,
    ) -> Result<Response<Parts>, Status> {
        self.access.keeper(&request)?;
        let file = request.into_inner().file;
        let answered = self.duties.answer(file).await;
        answered.map(Response::new).map_err(|fault| match fault {
            Unanswered::Unreadable(fault) => Status::invalid_argument(chain(&fault)),
            Unanswered::Refused(refusal) => refusal.into(),
            Unanswered::BrokeOff => Status::internal(fault.to_string()),
        })
    }

    async fn revoke_station(
        &self,
        request: Request<proto::RevokeStationRequest>,
    ) -> Result<Response<proto::RevokeStationReply>, Status> {
        self.access.keeper(&request)?;
        let request = request.into_inner();
        let reason = on_record(&request.reason)?;
        let keys = self.duties.register.revoke(station(request.station)?, reason, KEEPER).await.map_err(status)?;
        Ok(Response::new(proto::RevokeStationReply { keys }))
    }

    async fn replace_station(
        &self,
        request: Request<proto::ReplaceStationRequest>,
    ) -> Result<Response<proto::AddStationReply>, Status> {
        self.access.keeper(&request)?;
        let request = request.into_inner();
        let terms = terms(request.link_address, request.upstream, false)?;
        let reason = on_record(&request.reason)?;
        let replaced = self.duties.replace(station(request.station)?, reason, terms, KEEPER).await;
        replaced.map(Response::new).map_err(status)
    }

    async fn show_fork(
        &self,
        request: Request<proto::ShowForkRequest>,
    ) -> Result<Response<proto::ShowForkReply>, Status> {
        self.access.keeper(&request)?;
        let (register, log) = (self.duties.register.clone(), log(request.into_inner().log)?);
        let shown = tokio::task::spawn_blocking(move || register.fork(&log)).await;
        let shown = shown.map_err(|_| Status::internal("the look at the branches ended early"))?;
        shown.map(Response::new).map_err(status)
    }

    async fn decide_fork(
        &self,
        request: Request<proto::DecideForkRequest>,
    ) -> Result<Response<proto::DecideForkReply>, Status> {
        self.access.keeper(&request)?;
        let request = request.into_inner();
        let hash =
            Hash::try_from(request.hash.as_slice()).map_err(|fault| Status::invalid_argument(fault.to_string()))?;
        let reason = on_record(&request.reason)?;
        self.duties.register.decide_fork(&log(request.log)?, hash, reason).await.map_err(status)?;
        Ok(Response::new(proto::DecideForkReply {}))
    }

    async fn decide_rest(
        &self,
        request: Request<proto::DecideRestRequest>,
    ) -> Result<Response<proto::DecideRestReply>, Status> {
        self.access.keeper(&request)?;
        let proto::DecideRestRequest { id, admit, reason } = request.into_inner();
        let reason = on_record(&reason)?;
        match self.duties.register.station.decide_rest(&id, admit, reason, KEEPER).await {
            Ok(entries) => Ok(Response::new(proto::DecideRestReply { entries })),
            Err(Failure::NotFound) => {
                Err(Status::not_found("no rest of a revoked station, or more than one, has an id that begins so"))
            }
            Err(failure) => Err(status(Error::Write { operation: "write the decision", source: failure })),
        }
    }

    async fn list_stations(
        &self,
        request: Request<proto::ListStationsRequest>,
    ) -> Result<Response<proto::ListStationsReply>, Status> {
        self.access.keeper(&request)?;
        Ok(Response::new(proto::ListStationsReply { stations: self.duties.rows().await }))
    }

    async fn publish(&self, request: Request<proto::PublishRequest>) -> Result<Response<proto::PublishReply>, Status> {
        self.access.keeper(&request)?;
        let texts = request.into_inner().files.into_iter().map(|file| {
            let text = String::from_utf8(file.content);
            text.map(|text| (file.path.clone(), text))
                .map_err(|_| Status::invalid_argument(format!("{} is not UTF-8", file.path)))
        });
        let files = DistrictFiles::from_texts(texts.collect::<Result<Vec<_>, _>>()?);
        let published = self.duties.register.publish(&files).await.map_err(status)?;
        Ok(Response::new(proto::PublishReply { published }))
    }
}

#[allow(clippy::result_large_err)]
fn log(log: Option<proto::LogId>) -> Result<LogId, Status> {
    let log = log.ok_or_else(|| Status::invalid_argument("say which log"))?;
    log.try_into().map_err(|fault: sanji_log::Error| Status::invalid_argument(fault.to_string()))
}

#[allow(clippy::result_large_err)]
fn on_record(reason: &str) -> Result<&str, Status> {
    match reason.trim() {
        "" => Err(Status::invalid_argument("say the reason: it goes on record")),
        reason => Ok(reason),
    }
}

#[allow(clippy::result_large_err)]
fn station(number: u64) -> Result<StationCode, Status> {
    StationCode::from_number(number).map_err(|fault| Status::invalid_argument(fault.to_string()))
}

#[allow(clippy::result_large_err)]
fn terms(link_address: String, upstream: String, without_line: bool) -> Result<Terms, Status> {
    Ok(Terms { link_address: address(link_address)?, upstream: address(upstream)?, without_line })
}

#[allow(clippy::result_large_err)]
fn address(text: String) -> Result<Option<String>, Status> {
    match text.as_str() {
        "" => Ok(None),
        given if is_host_port(given) => Ok(Some(text)),
        given => Err(Status::invalid_argument(format!("'{given}' is not an address \"host:port\""))),
    }
}

fn status(fault: Error) -> Status {
    match &fault {
        Error::Input(_) | Error::Unfit(_) | Error::Faults(_) => Status::invalid_argument(fault.to_string()),
        _ => {
            tracing::error!(error = chain(&fault), "administration failed");
            Status::internal(chain(&fault))
        }
    }
}
