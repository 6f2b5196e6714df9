//! What the desk asks of a station's records, as a trait so that the screens can be tested without one.

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sanji_proto::v1 as proto;
use sanji_proto::v1::record_part::Part;
use sanji_station::records::parts::Parts;
use tokio_stream::StreamExt as _;

use crate::office::{Actor, Failure, Station};
use crate::problem::Problem;
use crate::words;

/// The records of one station. See the methods of the same names in `sanji_station::Station`.
#[async_trait]
pub(crate) trait Records: Send + Sync {
    fn ledgers(&self) -> Vec<proto::LedgerKind>;
    /// Departments that lead items, with their names.
    fn leading_departments(&self) -> Vec<(String, String)>;
    async fn read_ledger(&self, actor: &Actor, request: proto::ReadLedgerRequest)
    -> Result<proto::LedgerPage, Failure>;
    async fn read_public_ledger(&self, request: proto::ReadPublicLedgerRequest) -> Result<proto::LedgerPage, Failure>;
    fn export_ledger(&self, actor: &Actor, request: proto::ExportLedgerRequest) -> Parts;
    async fn sign_voucher(
        &self,
        actor: &Actor,
        request: proto::SignVoucherRequest,
    ) -> Result<proto::SignVoucherReply, Failure>;
    async fn check_voucher(&self, request: proto::CheckVoucherRequest) -> Result<proto::CheckVoucherReply, Failure>;
    fn export_case_file(&self, actor: &Actor, request: proto::ExportCaseFileRequest) -> Parts;
}

#[async_trait]
impl Records for Station {
    fn ledgers(&self) -> Vec<proto::LedgerKind> {
        self.ledgers()
    }

    fn leading_departments(&self) -> Vec<(String, String)> {
        let reference = self.reference();
        let leads: std::collections::BTreeSet<_> =
            reference.catalogue().iter().map(|(_, item)| item.department.clone()).collect();
        let name = |code: &sanji_domain::DepartmentCode| {
            let known = reference.organisation().and_then(|organisation| organisation.department(code));
            known.map_or_else(|| code.to_string(), |department| department.name.clone())
        };
        leads.iter().map(|code| (code.to_string(), name(code))).collect()
    }

    async fn read_ledger(
        &self,
        actor: &Actor,
        request: proto::ReadLedgerRequest,
    ) -> Result<proto::LedgerPage, Failure> {
        self.read_ledger(actor, request).await
    }

    async fn read_public_ledger(&self, request: proto::ReadPublicLedgerRequest) -> Result<proto::LedgerPage, Failure> {
        self.read_public_ledger(request).await
    }

    fn export_ledger(&self, actor: &Actor, request: proto::ExportLedgerRequest) -> Parts {
        self.export_ledger(actor, request)
    }

    async fn sign_voucher(
        &self,
        actor: &Actor,
        request: proto::SignVoucherRequest,
    ) -> Result<proto::SignVoucherReply, Failure> {
        self.sign_voucher(actor, request).await
    }

    async fn check_voucher(&self, request: proto::CheckVoucherRequest) -> Result<proto::CheckVoucherReply, Failure> {
        self.check_voucher(request).await
    }

    fn export_case_file(&self, actor: &Actor, request: proto::ExportCaseFileRequest) -> Parts {
        self.export_case_file(actor, request)
    }
}

/// A file for the browser to save. What fails at once is told on a page; what fails later breaks the download off.
pub(crate) async fn download(mut parts: Parts, file_name: &str, media_type: &'static str) -> Result<Response, Problem> {
    let first = parts.next().await.unwrap_or_else(|| Ok(proto::RecordPart::default()))?;
    let content = tokio_stream::once(Ok(first)).chain(parts).map(|part| match part {
        Ok(part) => match part.part {
            Some(Part::Data(data)) => Ok(Bytes::from(data)),
            Some(Part::Finished(_)) | None => Ok(Bytes::new()),
        },
        Err(failure) => Err(std::io::Error::other(failure)),
    });
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static(media_type)), (CONTENT_DISPOSITION, words::saved_as(file_name))];
    Ok((headers, Body::from_stream(content)).into_response())
}
