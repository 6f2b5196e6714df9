//! Ledgers, vouchers, case files and exchange for programs.

use std::pin::Pin;

use sanji_log::Tier;
use sanji_proto::v1 as proto;
use sanji_proto::v1::ledger_service_server::LedgerService;
use sanji_proto::v1::record_service_server::RecordService;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

use super::access::Access;
use super::failure::status;
use crate::Failure;
use crate::station::Station;

type Answer<T> = Result<Response<T>, Status>;
type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The services of records.
#[derive(Clone)]
pub(super) struct Records {
    pub(super) station: Station,
    pub(super) access: Access,
}

fn parts<T: 'static>(parts: impl Stream<Item = Result<T, Failure>> + Send + 'static) -> Response<Parts<T>> {
    Response::new(Box::pin(parts.map(|part| part.map_err(status))))
}

#[tonic::async_trait]
impl LedgerService for Records {
    async fn list_ledgers(&self, request: Request<proto::ListLedgersRequest>) -> Answer<proto::ListLedgersReply> {
        self.access.staff(&request)?;
        Ok(Response::new(proto::ListLedgersReply { ledgers: self.station.ledgers() }))
    }

    async fn read_ledger(&self, request: Request<proto::ReadLedgerRequest>) -> Answer<proto::LedgerPage> {
        let actor = self.access.staff(&request)?;
        self.station.read_ledger(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    type ExportLedgerStream = Parts<proto::RecordPart>;

    async fn export_ledger(&self, request: Request<proto::ExportLedgerRequest>) -> Answer<Self::ExportLedgerStream> {
        let actor = self.access.staff(&request)?;
        Ok(parts(self.station.export_ledger(&actor, request.into_inner())))
    }

    async fn read_public_ledger(&self, request: Request<proto::ReadPublicLedgerRequest>) -> Answer<proto::LedgerPage> {
        if self.station.reader().me().tier() != Tier::District {
            return Err(Status::unimplemented("公开台账由区中心提供。"));
        }
        self.station.read_public_ledger(request.into_inner()).await.map(Response::new).map_err(status)
    }
}

#[tonic::async_trait]
impl RecordService for Records {
    async fn sign_voucher(&self, request: Request<proto::SignVoucherRequest>) -> Answer<proto::SignVoucherReply> {
        let actor = self.access.staff(&request)?;
        self.station.sign_voucher(&actor, request.into_inner()).await.map(Response::new).map_err(status)
    }

    async fn check_voucher(&self, request: Request<proto::CheckVoucherRequest>) -> Answer<proto::CheckVoucherReply> {
        self.station.check_voucher(request.into_inner()).await.map(Response::new).map_err(status)
    }

    type ExportCaseFileStream = Parts<proto::RecordPart>;

    async fn export_case_file(
        &self,
        request: Request<proto::ExportCaseFileRequest>,
    ) -> Answer<Self::ExportCaseFileStream> {
        let actor = self.access.staff(&request)?;
        Ok(parts(self.station.export_case_file(&actor, request.into_inner())))
    }

    type ExportExchangeStream = Parts<proto::ExchangePart>;

    async fn export_exchange(
        &self,
        request: Request<proto::ExportExchangeRequest>,
    ) -> Answer<Self::ExportExchangeStream> {
        self.access.keeper(&request)?;
        if self.station.reader().me().tier() != Tier::District {
            return Err(Status::unimplemented("the exchange is for the hub"));
        }
        Ok(parts(self.station.export_exchange(request.into_inner())))
    }
}
