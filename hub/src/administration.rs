//! The register over gRPC, for the hub's own command line.

use std::sync::Arc;

use sanji_log::{Hash, LogId, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::administration_server::Administration;
use sanji_station::Failure;
use sanji_station::bundle::Bundles;
use sanji_station::clock::now_ms;
use sanji_station::command::chain;
use sanji_station::config::is_host_port;
use sanji_station::service::Access;
use sanji_station::service::bundles::{Parts, in_parts};
use tonic::{Request, Response, Status};

use crate::codes::Invitation;
use crate::enroller::HubEnroller;
use crate::error::Error;
use crate::files::DistrictFiles;
use crate::register::{Issued, Register, keys_of};

/// The service.
pub(crate) struct Service {
    pub(crate) register: Register,
    pub(crate) access: Access,
    pub(crate) enroller: Arc<HubEnroller>,
    pub(crate) bundles: Bundles,
    /// "host:port" of the hub's enrolment, for the person who carries the code.
    pub(crate) enrolment_address: String,
}

impl Service {
    fn issued(&self, issued: Issued) -> proto::AddStationReply {
        proto::AddStationReply {
            code: issued.code.to_string(),
            until_ms: issued.until_ms,
            enrolment_address: self.enrolment_address.clone(),
            invitation: self.register.invitation().to_pem(),
        }
    }
}

#[tonic::async_trait]
impl Administration for Service {
    async fn add_station(
        &self,
        request: Request<proto::AddStationRequest>,
    ) -> Result<Response<proto::AddStationReply>, Status> {
        self.access.keeper(&request)?;
        let request = request.into_inner();
        let link_address = address(request.link_address)?;
        let upstream = address(request.upstream)?;
        let invited = self.register.add(station(request.station)?, link_address, upstream, request.without_line);
        Ok(Response::new(self.issued(invited.await.map_err(status)?)))
    }

    type AnswerEnrolmentStream = Parts;

    async fn answer_enrolment(
        &self,
        request: Request<proto::AnswerEnrolmentRequest>,
    ) -> Result<Response<Parts>, Status> {
        self.access.keeper(&request)?;
        let file = request.into_inner().file;
        let (enroller, bundles) = (self.enroller.clone(), self.bundles.clone());
        let answered = tokio::task::spawn_blocking(move || {
            let request =
                bundles.read_request(file.as_slice()).map_err(|fault| Status::invalid_argument(chain(&fault)))?;
            enroller.answer(&request).map(|enrolment| (request.station, request.key, enrolment)).map_err(Status::from)
        });
        let (station, key, enrolment) = answered.await.map_err(|_| Status::internal("the enrolment broke off"))??;
        let bundles = self.bundles.clone();
        Ok(Response::new(in_parts(move |output| bundles.answer(station, key, enrolment, output))))
    }

    async fn revoke_station(
        &self,
        request: Request<proto::RevokeStationRequest>,
    ) -> Result<Response<proto::RevokeStationReply>, Status> {
        self.access.keeper(&request)?;
        let request = request.into_inner();
        let reason = on_record(&request.reason)?;
        let keys = self.register.revoke(station(request.station)?, reason).await.map_err(status)?;
        Ok(Response::new(proto::RevokeStationReply { keys }))
    }

    async fn replace_station(
        &self,
        request: Request<proto::ReplaceStationRequest>,
    ) -> Result<Response<proto::AddStationReply>, Status> {
        self.access.keeper(&request)?;
        let request = request.into_inner();
        let (link_address, upstream) = (address(request.link_address)?, address(request.upstream)?);
        let reason = on_record(&request.reason)?;
        let replaced = self.register.replace(station(request.station)?, reason, link_address, upstream).await;
        Ok(Response::new(self.issued(replaced.map_err(status)?)))
    }

    async fn show_fork(
        &self,
        request: Request<proto::ShowForkRequest>,
    ) -> Result<Response<proto::ShowForkReply>, Status> {
        self.access.keeper(&request)?;
        let (register, log) = (self.register.clone(), log(request.into_inner().log)?);
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
        self.register.decide_fork(&log(request.log)?, hash, reason).await.map_err(status)?;
        Ok(Response::new(proto::DecideForkReply {}))
    }

    async fn decide_rest(
        &self,
        request: Request<proto::DecideRestRequest>,
    ) -> Result<Response<proto::DecideRestReply>, Status> {
        self.access.keeper(&request)?;
        let proto::DecideRestRequest { id, admit, reason } = request.into_inner();
        let reason = on_record(&reason)?;
        match self.register.station.decide_rest(&id, admit, reason, "").await {
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
        let linked = self.register.station.status().await.downstream;
        let is_linked = |code: StationCode| linked.iter().any(|link| link.station == code.number() && link.connected);
        let stations = rows(&self.register)
            .into_iter()
            .map(|(code, row)| proto::StationRow { linked: is_linked(code), ..row })
            .collect();
        Ok(Response::new(proto::ListStationsReply { stations }))
    }

    async fn publish(&self, request: Request<proto::PublishRequest>) -> Result<Response<proto::PublishReply>, Status> {
        self.access.keeper(&request)?;
        let texts = request.into_inner().files.into_iter().map(|file| {
            let text = String::from_utf8(file.content);
            text.map(|text| (file.path.clone(), text))
                .map_err(|_| Status::invalid_argument(format!("{} is not UTF-8", file.path)))
        });
        let files = DistrictFiles::from_texts(texts.collect::<Result<Vec<_>, _>>()?);
        let published = self.register.publish(&files).await.map_err(status)?;
        Ok(Response::new(proto::PublishReply { published }))
    }
}

/// One row for each station that was ever invited or certified, the hub left out.
fn rows(register: &Register) -> Vec<(StationCode, proto::StationRow)> {
    let reference = register.station.reference();
    let invitations = register.codes.all();
    let mut codes: Vec<StationCode> = reference.keys().values().map(|life| life.station).collect();
    codes.extend(invitations.iter().map(|invitation| invitation.station));
    codes.sort_unstable();
    codes.dedup();
    codes
        .into_iter()
        .filter(|code| *code != register.hub())
        .map(|code| {
            let newest =
                keys_of(&reference, code).max_by_key(|(_, life)| (life.is_living(), life.certificate_until_ms));
            let invitation = invitations.iter().find(|invitation| invitation.station == code);
            let state = match newest {
                None => proto::StationState::Invited,
                Some((_, life)) if life.revoked => proto::StationState::Revoked,
                Some((_, life)) if life.ended_ms.is_some() => proto::StationState::Ended,
                Some(_) => proto::StationState::Enrolled,
            };
            let row = proto::StationRow {
                station: code.number(),
                name: reference.station_name(code),
                state: state.into(),
                key: newest.map_or_else(Vec::new, |(key, _)| key.0.to_vec()),
                certificate_until_ms: newest.map_or(0, |(_, life)| life.certificate_until_ms),
                code_until_ms: open_until(invitation),
                link_address: invitation.and_then(|invitation| invitation.link_address.clone()).unwrap_or_default(),
                linked: false,
            };
            (code, row)
        })
        .collect()
}

fn open_until(invitation: Option<&Invitation>) -> u64 {
    invitation.filter(|invitation| invitation.is_open(now_ms())).map_or(0, |invitation| invitation.until_ms)
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
fn address(text: String) -> Result<Option<String>, Status> {
    match text.as_str() {
        "" => Ok(None),
        given if is_host_port(given) => Ok(Some(text)),
        given => Err(Status::invalid_argument(format!("'{given}' is not an address \"host:port\""))),
    }
}

fn status(fault: Error) -> Status {
    match &fault {
        Error::Input(_) | Error::Faults(_) => Status::invalid_argument(fault.to_string()),
        _ => {
            tracing::error!(error = chain(&fault), "administration failed");
            Status::internal(chain(&fault))
        }
    }
}
