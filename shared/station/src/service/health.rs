//! How the station is, and the keeper's own calls.

use std::pin::Pin;

use sanji_domain::StaffId;
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_proto::v1::health_server::Health;
use sanji_proto::v1::keeper_server::Keeper;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::access::Access;
use super::bundles;
use crate::bundle::Bundles;
use crate::clock::now_ms;
use crate::error::Failure;
use crate::station::Station;
use crate::tokens::{Holder, Tokens};
use crate::{command::chain, dump};

/// Entries of a dump, or lines of a list, that wait for a slow reader.
const DUMP_AHEAD: usize = 256;

pub(super) struct Care {
    pub(super) station: Station,
    pub(super) bundles: Bundles,
    pub(super) access: Access,
    pub(super) tokens: Tokens,
}

#[tonic::async_trait]
impl Health for Care {
    async fn status(&self, request: Request<proto::StatusRequest>) -> Result<Response<proto::StatusReply>, Status> {
        self.access.anybody(&request)?;
        Ok(Response::new(self.station.status().await))
    }

    type DumpStream = Pin<Box<dyn Stream<Item = Result<proto::DumpedEntry, Status>> + Send>>;

    async fn dump(&self, request: Request<proto::DumpRequest>) -> Result<Response<Self::DumpStream>, Status> {
        self.access.keeper(&request)?;
        let (sender, receiver) = mpsc::channel(DUMP_AHEAD);
        let store = self.station.store();
        tokio::task::spawn_blocking(move || {
            let result = dump::dump(&*store, &mut |entry| sender.blocking_send(Ok(entry)).is_ok());
            if let Err(fault) = result {
                // The reader may be gone; then nobody asks any more.
                let _ = sender.blocking_send(Err(failed(&fault)));
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    type AttachmentsStream = Pin<Box<dyn Stream<Item = Result<proto::AttachmentProgress, Status>> + Send>>;

    async fn attachments(
        &self,
        request: Request<proto::AttachmentsRequest>,
    ) -> Result<Response<Self::AttachmentsStream>, Status> {
        self.access.keeper(&request)?;
        let (sender, receiver) = mpsc::channel(DUMP_AHEAD);
        let station = self.station.clone();
        tokio::task::spawn_blocking(move || {
            station.attachment_progress(&mut |progress| sender.blocking_send(Ok(progress)).is_ok());
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn verify(&self, request: Request<proto::VerifyRequest>) -> Result<Response<proto::VerifyReply>, Status> {
        self.access.keeper(&request)?;
        let store = self.station.store();
        let checked = tokio::task::spawn_blocking(move || store.verify(&mut |_, _| {}));
        let faults = checked.await.map_err(|_| Status::internal("the check ended early"))?;
        let mut faults = faults.map_err(|fault| failed(&fault))?;
        let gone = self.station.want_again(None).await.map_err(|fault| failed(&fault))?;
        if gone > 0 {
            faults
                .faults
                .push(format!("{gone} attachments that were here are gone or damaged; they are fetched again"));
        }
        Ok(Response::new(dump::verify_reply(faults)))
    }
}

#[tonic::async_trait]
impl Keeper for Care {
    async fn issue_token(
        &self,
        request: Request<proto::IssueTokenRequest>,
    ) -> Result<Response<proto::IssueTokenReply>, Status> {
        self.access.keeper(&request)?;
        let staff = request.into_inner().staff;
        let holder = if staff.is_empty() {
            Holder::Keeper
        } else {
            let known = staff.parse::<StaffId>().ok().and_then(|id| self.station.actor(&id));
            known.ok_or_else(|| Status::invalid_argument(format!("no '{staff}' works at this station")))?;
            Holder::Staff(staff)
        };
        let token = self.tokens.issue(holder, now_ms()).map_err(|fault| failed(&fault))?;
        Ok(Response::new(proto::IssueTokenReply { token: token.to_string() }))
    }

    async fn checkpoint(
        &self,
        request: Request<proto::CheckpointRequest>,
    ) -> Result<Response<proto::CheckpointReply>, Status> {
        self.access.keeper(&request)?;
        let store = self.station.store();
        let listed = tokio::task::spawn_blocking(move || dump::checkpoint(&*store));
        let listed = listed.await.map_err(|_| Status::internal("the look at the store ended early"))?;
        listed.map(Response::new).map_err(|fault| failed(&fault))
    }

    async fn end_healing(
        &self,
        request: Request<proto::EndHealingRequest>,
    ) -> Result<Response<proto::EndHealingReply>, Status> {
        self.access.keeper(&request)?;
        let reason = request.into_inner().reason;
        if reason.trim().is_empty() {
            return Err(Status::invalid_argument("say the reason: it goes on record"));
        }
        match self.station.end_healing(reason.trim()) {
            Ok(unheard) => {
                let unheard = unheard.into_iter().map(StationCode::number).collect();
                Ok(Response::new(proto::EndHealingReply { unheard }))
            }
            Err(Failure::NotFound) => Err(Status::failed_precondition("the station waits for nobody")),
            Err(failure) => Err(failed(&failure)),
        }
    }

    async fn list_quarantine(
        &self,
        request: Request<proto::ListQuarantineRequest>,
    ) -> Result<Response<proto::ListQuarantineReply>, Status> {
        self.access.keeper(&request)?;
        let station = self.station.clone();
        let listed = tokio::task::spawn_blocking(move || station.quarantine()).await;
        let rows = listed.map_err(|_| broke_off())?.map_err(|failure| failed(&failure))?;
        Ok(Response::new(proto::ListQuarantineReply { rows }))
    }

    async fn show_quarantined(
        &self,
        request: Request<proto::ShowQuarantinedRequest>,
    ) -> Result<Response<proto::ShowQuarantinedReply>, Status> {
        self.access.keeper(&request)?;
        let (station, id) = (self.station.clone(), request.into_inner().id);
        let shown = tokio::task::spawn_blocking(move || station.show_quarantined(&id)).await;
        shown.map_err(|_| broke_off())?.map(Response::new).map_err(not_there)
    }

    async fn redrive_quarantined(
        &self,
        request: Request<proto::RedriveQuarantinedRequest>,
    ) -> Result<Response<proto::RedriveQuarantinedReply>, Status> {
        self.access.keeper(&request)?;
        let (tried, settled) = self.station.redrive(&request.into_inner().id).await.map_err(not_there)?;
        Ok(Response::new(proto::RedriveQuarantinedReply { tried, settled }))
    }

    async fn drop_quarantined(
        &self,
        request: Request<proto::DropQuarantinedRequest>,
    ) -> Result<Response<proto::DropQuarantinedReply>, Status> {
        self.access.keeper(&request)?;
        let proto::DropQuarantinedRequest { id, reason } = request.into_inner();
        if reason.trim().is_empty() {
            return Err(Status::invalid_argument("say the reason: it goes on record"));
        }
        self.station.drop_quarantined(&id, reason.trim(), "").await.map_err(not_there)?;
        Ok(Response::new(proto::DropQuarantinedReply {}))
    }

    type ExportBundleStream = Pin<Box<dyn Stream<Item = Result<proto::ExportBundlePart, Status>> + Send>>;

    async fn export_bundle(
        &self,
        request: Request<proto::ExportBundleRequest>,
    ) -> Result<Response<Self::ExportBundleStream>, Status> {
        self.access.keeper(&request)?;
        let request = request.into_inner();
        let to = StationCode::from_number(request.station).map_err(|fault| Status::invalid_argument(chain(&fault)))?;
        let parts = bundles::export(self.bundles.clone(), to, request.attachments_max_bytes);
        Ok(Response::new(Box::pin(parts)))
    }

    async fn import_bundle(
        &self,
        request: Request<Streaming<proto::ImportBundlePart>>,
    ) -> Result<Response<proto::ImportBundleReply>, Status> {
        self.access.keeper(&request)?;
        bundles::import(self.bundles.clone(), request.into_inner()).await.map(Response::new)
    }
}

fn broke_off() -> Status {
    Status::internal("the look at the quarantine ended early")
}

fn not_there(failure: Failure) -> Status {
    match failure {
        Failure::NotFound => Status::not_found("nothing in quarantine, or more than one, has an id that begins so"),
        Failure::Refused(refusal) => Status::failed_precondition(refusal.sentence),
        failure => failed(&failure),
    }
}

fn failed(fault: &dyn std::error::Error) -> Status {
    Status::internal(chain(fault))
}
