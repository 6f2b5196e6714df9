//! Ledgers, vouchers, case files and exchange, as a running station gives them: read beside the running tasks, and who
//! took what goes on record.

use std::io::Write;

use sanji_proto::v1::{self as proto, LedgerFormat};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Actor, Station};
use crate::clock::now_ms;
use crate::error::Failure;
use crate::records::parts::{Parts, in_parts};

/// Records of an exchange that wait for a slow reader.
const RECORDS_AHEAD: usize = 64;
/// Who acts where nobody of the staff does.
const KEEPER: &str = "keeper";

/// Records of an exchange as they are read.
pub type ExchangeParts = ReceiverStream<Result<proto::ExchangePart, Failure>>;

impl Station {
    /// Every ledger and its columns.
    #[must_use]
    pub fn ledgers(&self) -> Vec<proto::LedgerKind> {
        self.reader().ledgers()
    }

    /// A page of a ledger as the person may see it; names are masked.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none.
    pub async fn read_ledger(
        &self,
        actor: &Actor,
        request: proto::ReadLedgerRequest,
    ) -> Result<proto::LedgerPage, Failure> {
        let staff = actor.staff.clone();
        self.read(move |reader| reader.read_ledger(&staff, &request, now_ms())).await
    }

    /// A page of the public excerpt.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none.
    pub async fn read_public_ledger(
        &self,
        request: proto::ReadPublicLedgerRequest,
    ) -> Result<proto::LedgerPage, Failure> {
        self.read(move |reader| reader.read_public_ledger(&request, now_ms())).await
    }

    /// Begins to write a whole ledger as a file.
    #[must_use]
    pub fn export_ledger(&self, actor: &Actor, request: proto::ExportLedgerRequest) -> Parts {
        let masked = if request.unmasked { "names in full" } else { "names masked" };
        let format = match request.format() {
            LedgerFormat::Xlsx => "xlsx",
            LedgerFormat::Json => "json",
            LedgerFormat::Csv | LedgerFormat::Unspecified => "csv",
        };
        // The name of a ledger is a short word; whatever else was asked for is refused before a row is read.
        let ledger: String = request.ledger.chars().take(32).collect();
        self.record("ledger.exported", actor.staff.id.as_str(), &ledger, &format!("{format}, {masked}"));
        let (reader, staff) = (self.reader().clone(), actor.staff.clone());
        in_parts(move |output| reader.export_ledger(&staff, &request, now_ms(), output))
    }

    /// Signs the line for a paper of a case.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where the case is not the person's to see in full.
    pub async fn sign_voucher(
        &self,
        actor: &Actor,
        request: proto::SignVoucherRequest,
    ) -> Result<proto::SignVoucherReply, Failure> {
        let staff = actor.staff.clone();
        self.read(move |reader| reader.sign_voucher(&staff, &request, now_ms())).await
    }

    /// Whether the line on a paper is genuine.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the store can't be read.
    pub async fn check_voucher(
        &self,
        request: proto::CheckVoucherRequest,
    ) -> Result<proto::CheckVoucherReply, Failure> {
        self.read(move |reader| reader.check_voucher(&request)).await
    }

    /// Begins to write the file of a case.
    #[must_use]
    pub fn export_case_file(&self, actor: &Actor, request: proto::ExportCaseFileRequest) -> Parts {
        let (station, staff) = (self.clone(), actor.staff.clone());
        in_parts(move |output: &mut (dyn Write + Send)| {
            let file = station.reader().export_case_file(&staff, &request, now_ms(), output)?;
            let detail = if request.neighbours { "with neighbours" } else { "without neighbours" };
            station.record("case_file.exported", staff.id.as_str(), &request.case_number, detail);
            Ok(file)
        })
    }

    /// Begins to read the records for the platform above.
    #[must_use]
    pub fn export_exchange(&self, request: proto::ExportExchangeRequest) -> ExchangeParts {
        let since = if request.since.is_empty() { "everything" } else { "what has changed" };
        self.record("exchange.exported", KEEPER, "", since);
        let reader = self.reader().clone();
        let (sender, receiver) = mpsc::channel(RECORDS_AHEAD);
        tokio::task::spawn_blocking(move || {
            let mut gone = false;
            let exported = reader.export_exchange(request, now_ms(), &mut |part| {
                gone = gone || sender.blocking_send(Ok(part)).is_err();
                if gone { Err(Failure::NotFound) } else { Ok(()) }
            });
            if let Err(failure) = exported
                && !gone
            {
                // The reader may go at this moment; then nobody asks any more.
                let _ = sender.blocking_send(Err(failure));
            }
        });
        ReceiverStream::new(receiver)
    }
}
