//! Records of the sample office: one row of each ledger, one genuine voucher, one file.

use async_trait::async_trait;
use sanji_proto::v1 as proto;
use sanji_proto::v1::record_part::Part;
use sanji_station::records::parts::Parts;
use tokio::sync::mpsc;

use super::fake::{FakeOffice, NUMBER};
use crate::office::{Actor, Failure};
use crate::records::Records;

/// The text of a voucher that is genuine.
pub(super) const VOUCHER: &str = "SJAEBAGBAF";

fn page(title: &str, name: &str, next: &str) -> proto::LedgerPage {
    let cells = ["990106101203 20260701 00427", name, "待受理", "3f9a0c71d2b4"];
    proto::LedgerPage {
        title: title.to_owned(),
        columns: ["办件编号", "申请人", "结果", "记录校验码"].map(str::to_owned).to_vec(),
        rows: vec![proto::LedgerRow {
            matter_number: String::new(),
            case_number: NUMBER.to_owned(),
            entry: vec![7; 32],
            cells: cells.map(str::to_owned).to_vec(),
        }],
        next: next.to_owned(),
    }
}

fn file(content: &str) -> Parts {
    let (sender, receiver) = mpsc::channel(4);
    for part in [Part::Data(content.as_bytes().to_vec()), Part::Finished(proto::RecordFile::default())] {
        let _ = sender.try_send(Ok(proto::RecordPart { part: Some(part) }));
    }
    Parts::new(receiver)
}

#[async_trait]
impl Records for FakeOffice {
    fn ledgers(&self) -> Vec<proto::LedgerKind> {
        let kind = |name: &str, title: &str| proto::LedgerKind {
            name: name.to_owned(),
            title: title.to_owned(),
            columns: Vec::new(),
            period_of: "收件时间".to_owned(),
        };
        vec![kind("acceptance", "统一受理台账"), kind("delivery", "统一送达台账")]
    }

    fn leading_departments(&self) -> Vec<(String, String)> {
        vec![("mz".to_owned(), "澄川区民政局".to_owned())]
    }

    async fn read_ledger(&self, _: &Actor, request: proto::ReadLedgerRequest) -> Result<proto::LedgerPage, Failure> {
        let name = self.memory.lock().expect("lock").name.clone().unwrap_or_else(|| "赵**".to_owned());
        self.memory.lock().expect("lock").ledgers.push(request.clone());
        Ok(page("统一受理台账", &name, if request.after.is_empty() { "12-ab" } else { "" }))
    }

    async fn read_public_ledger(&self, _: proto::ReadPublicLedgerRequest) -> Result<proto::LedgerPage, Failure> {
        Ok(page("统一受理公开台账", "", ""))
    }

    fn export_ledger(&self, actor: &Actor, request: proto::ExportLedgerRequest) -> Parts {
        file(&format!("{} {} {} {}", actor.staff.id, request.ledger, request.format, request.unmasked))
    }

    async fn sign_voucher(
        &self,
        _: &Actor,
        request: proto::SignVoucherRequest,
    ) -> Result<proto::SignVoucherReply, Failure> {
        Ok(proto::SignVoucherReply { text: format!("{VOUCHER}{}", request.paper) })
    }

    async fn check_voucher(&self, request: proto::CheckVoucherRequest) -> Result<proto::CheckVoucherReply, Failure> {
        if request.text != VOUCHER {
            return Ok(proto::CheckVoucherReply {
                verdict: proto::VoucherVerdict::Altered.into(),
                sentence: "签名与内容不符".to_owned(),
                ..Default::default()
            });
        }
        Ok(proto::CheckVoucherReply {
            verdict: proto::VoucherVerdict::Genuine.into(),
            held: proto::VoucherCase::Unchanged.into(),
            sentence: "凭证真实，由枫溪镇石板村出具。".to_owned(),
            case_number: NUMBER.to_owned(),
            paper_name: "代办登记单（收件凭证）".to_owned(),
            item_name: "最低生活保障审核确认".to_owned(),
            entry: vec![7; 32],
            ..Default::default()
        })
    }

    fn export_case_file(&self, actor: &Actor, request: proto::ExportCaseFileRequest) -> Parts {
        file(&format!("{} {} {}", actor.staff.id, request.case_number, request.neighbours))
    }
}
