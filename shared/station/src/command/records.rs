//! Ledgers, vouchers, case files and exchange from the command line.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use sanji_log::{CaseNumber, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::record_part::Part;
use serde_json::json;
use tonic::Streaming;

use super::{At, Error, Output, bundles, json};
use crate::records::case_file::verify;

/// Commands on records.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read ledgers (台账), or write a whole one to a file
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Write the file of a case: one archive that `verify-file` checks on any machine
    #[command(subcommand)]
    CaseFile(CaseFileCommand),
    /// Check a case file: chain, seals, certificates, receipts, attachments, summary
    ///
    /// Needs no station and no store. Exit status 1 where anything is altered, missing or can't be proved. Compare the
    /// printed mark of the district's certificate with the one that the district publishes, or give its certificate.
    #[command(after_help = "Example:\n  sanji-hub verify-file 案卷.zip --json\n  \
        sanji-hub verify-file 案卷.zip --authority authority.pem")]
    VerifyFile {
        /// The file.
        file: PathBuf,
        /// The certificate of the district's authority, PEM: was it this district?
        #[arg(long, value_name = "FILE")]
        authority: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Check the signed line of a paper: is it genuine, which station, when, is the case unchanged?
    ///
    /// Works at any station, without a line and without a token. Exit status 1 where the paper can't be relied on.
    #[command(after_help = "Example:\n  sanji-hub verify-receipt --data hub SJAEAY…")]
    VerifyReceipt {
        #[command(flatten)]
        at: At,
        /// The line as it is printed, or the link of the code. Blanks don't matter.
        #[arg(required = true)]
        text: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Print the signed line for a paper of a case
    #[command(after_help = "Example:\n  sanji-node sign-receipt --data village --token sanji_… \
        9901061012032026070100427")]
    SignReceipt {
        #[command(flatten)]
        at: At,
        /// Case number, 25 digits.
        case_number: CaseNumber,
        #[command(flatten)]
        output: Output,
    },
}

/// Commands on ledgers.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// List the ledgers and their columns
    #[command(after_help = "Example:\n  sanji-node ledger list --data township --token sanji_…")]
    List {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Print rows, newest first, names masked
    #[command(
        after_help = "Example:\n  sanji-node ledger show acceptance --from 20260701 --data township --token sanji_…"
    )]
    Show {
        #[command(flatten)]
        at: At,
        /// Name of the ledger, as `ledger list` shows it.
        ledger: String,
        #[command(flatten)]
        filter: Filter,
        /// Rows, 1 to 200.
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        /// Where the page before ended.
        #[arg(long, value_name = "MARK", default_value = "")]
        after: String,
        #[command(flatten)]
        output: Output,
    },
    /// Write a whole ledger to a file, oldest first; goes on record
    #[command(
        after_help = "Example:\n  sanji-hub ledger export acceptance --format xlsx --from 20260701 --until 20260731 \
        --out 受理台账.xlsx --data hub --token sanji_…"
    )]
    Export {
        #[command(flatten)]
        at: At,
        /// Name of the ledger, as `ledger list` shows it.
        ledger: String,
        #[command(flatten)]
        filter: Filter,
        /// Kind of file.
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
        /// Names in full where the person sees the case in full.
        #[arg(long)]
        unmasked: bool,
        /// The file, which must not be there yet.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        output: Output,
    },
}

/// Which rows.
#[derive(Debug, Clone, clap::Args)]
pub struct Filter {
    /// First day, YYYYMMDD.
    #[arg(long, value_name = "DAY", default_value_t = 0, hide_default_value = true)]
    from: u32,
    /// Last day, YYYYMMDD.
    #[arg(long, value_name = "DAY", default_value_t = 0, hide_default_value = true)]
    until: u32,
    /// Cases opened at this station or below it.
    #[arg(long, value_name = "CODE")]
    station: Option<StationCode>,
    /// Code of the item.
    #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
    item: String,
    /// Code of the department in the lead.
    #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
    department: String,
    /// Which cases.
    #[arg(long, value_enum, default_value_t = State::All)]
    state: State,
}

impl Filter {
    fn message(self) -> proto::LedgerFilter {
        let state = match self.state {
            State::All => proto::LedgerState::Unspecified,
            State::Open => proto::LedgerState::Open,
            State::Closed => proto::LedgerState::Closed,
            State::Overdue => proto::LedgerState::Overdue,
        };
        proto::LedgerFilter {
            from: self.from,
            until: self.until,
            station: self.station.map_or(0, StationCode::number),
            item: self.item,
            department: self.department,
            state: state.into(),
        }
    }
}

/// States of cases.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    /// All
    All,
    /// 在办
    Open,
    /// 已办结
    Closed,
    /// 超过期限的
    Overdue,
}

/// Kinds of file.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    /// For any spreadsheet program
    Csv,
    /// Excel 2007 and later
    Xlsx,
    /// One object a line
    Json,
}

/// Commands on case files.
#[derive(Debug, Subcommand)]
pub enum CaseFileCommand {
    /// Write the file of a case; goes on record
    #[command(
        after_help = "Example:\n  sanji-hub case-file export 9901061012032026070100427 --out 案卷.zip --data hub --token sanji_…"
    )]
    Export {
        #[command(flatten)]
        at: At,
        /// Case number, 25 digits.
        case_number: CaseNumber,
        /// With entries of other cases that stand between an entry and the seal over it: then nothing rests on this
        /// station's word. They say which other cases there are.
        #[arg(long)]
        neighbours: bool,
        /// The file, which must not be there yet.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        output: Output,
    },
}

impl Command {
    pub(super) async fn run(self) -> Result<(), Error> {
        match self {
            Self::Ledger(command) => command.run().await,
            Self::CaseFile(CaseFileCommand::Export { at, case_number, neighbours, out, output }) => {
                let request = proto::ExportCaseFileRequest { case_number: case_number.to_string(), neighbours };
                let client = at.connect().await?;
                let file = bundles::write_new(&out, async |path| {
                    save(client.records().export_case_file(request).await?.into_inner(), path).await
                });
                told(&file.await?, &out, output)
            }
            Self::VerifyFile { file, authority, output } => verify_file(&file, authority.as_deref(), output),
            Self::VerifyReceipt { at, text, output } => {
                let request = proto::CheckVoucherRequest { text: text.concat() };
                let reply = at.connect().await?.records().check_voucher(request).await?.into_inner();
                output.print(&json::show("CheckVoucherReply", &reply)?, |_| checked(&reply))?;
                if is_reliable(&reply) { Ok(()) } else { Err(Error::Unproved) }
            }
            Self::SignReceipt { at, case_number, output } => {
                let request = proto::SignVoucherRequest {
                    case_number: case_number.to_string(),
                    paper: proto::Paper::Receipt.into(),
                    entry: Vec::new(),
                };
                let reply = at.connect().await?.records().sign_voucher(request).await?.into_inner();
                output.print(&json!({ "text": reply.text }), |_| reply.text.clone())
            }
        }
    }
}

impl LedgerCommand {
    async fn run(self) -> Result<(), Error> {
        match self {
            Self::List { at, output } => {
                let request = proto::ListLedgersRequest {};
                let reply = at.connect().await?.ledgers().list_ledgers(request).await?.into_inner();
                let line = |ledger: &proto::LedgerKind| {
                    format!("{}  {}（{}）：{}", ledger.name, ledger.title, ledger.period_of, ledger.columns.join("、"))
                };
                output.print(&json::show("ListLedgersReply", &reply)?, |_| {
                    reply.ledgers.iter().map(line).collect::<Vec<_>>().join("\n")
                })
            }
            Self::Show { at, ledger, filter, limit, after, output } => {
                let request = proto::ReadLedgerRequest { ledger, filter: Some(filter.message()), limit, after };
                let page = at.connect().await?.ledgers().read_ledger(request).await?.into_inner();
                output.print(&json::show("LedgerPage", &page)?, |_| table(&page))
            }
            Self::Export { at, ledger, filter, format, unmasked, out, output } => {
                let format = match format {
                    Format::Csv => proto::LedgerFormat::Csv,
                    Format::Xlsx => proto::LedgerFormat::Xlsx,
                    Format::Json => proto::LedgerFormat::Json,
                };
                let filter = Some(filter.message());
                let request = proto::ExportLedgerRequest { ledger, filter, format: format.into(), unmasked };
                let client = at.connect().await?;
                let file = bundles::write_new(&out, async |path| {
                    save(client.ledgers().export_ledger(request).await?.into_inner(), path).await
                });
                told(&file.await?, &out, output)
            }
        }
    }
}

/// Writes what comes to a file, durably.
async fn save(mut parts: Streaming<proto::RecordPart>, path: &Path) -> Result<proto::RecordFile, Error> {
    let fault = |source| Error::File { operation: "write", path: path.to_owned(), source };
    let mut file = BufWriter::new(File::create_new(path).map_err(fault)?);
    while let Some(part) = parts.message().await? {
        match part.part {
            Some(Part::Data(data)) => file.write_all(&data).map_err(fault)?,
            Some(Part::Finished(finished)) => {
                let file = file.into_inner().map_err(|error| fault(error.into_error()))?;
                file.sync_all().map_err(fault)?;
                return Ok(finished);
            }
            None => {}
        }
    }
    Err(Error::Input("the station broke off; nothing was kept".to_owned()))
}

fn told(file: &proto::RecordFile, out: &Path, output: Output) -> Result<(), Error> {
    let value = json!({ "file": out.display().to_string(), "rows": file.rows, "media_type": file.media_type });
    output.print(&value, |_| format!("{}: {} rows", out.display(), file.rows))
}

fn table(page: &proto::LedgerPage) -> String {
    let mut lines = vec![page.title.clone(), page.columns.join(" | ")];
    lines.extend(page.rows.iter().map(|row| row.cells.join(" | ")));
    if !page.next.is_empty() {
        lines.push(format!("more: --after {}", page.next));
    }
    lines.join("\n")
}

fn checked(reply: &proto::CheckVoucherReply) -> String {
    let mut lines = vec![reply.sentence.clone()];
    if !reply.case_number.is_empty() {
        lines.push(format!("{}  {}", reply.paper_name, reply.item_name));
        lines.push(format!("办件编号：{}", reply.case_number));
        lines.push(format!("出具：{}，{}", reply.station_name, crate::records::time_words(reply.time_ms)));
    }
    lines.join("\n")
}

/// Whether a person may rely on the paper.
fn is_reliable(reply: &proto::CheckVoucherReply) -> bool {
    use proto::{VoucherCase as Held, VoucherVerdict as Verdict};
    match reply.verdict() {
        Verdict::Genuine | Verdict::KeyEnded => matches!(reply.held(), Held::Unchanged | Held::NotHere),
        Verdict::KeyRevoked => reply.held() == Held::Unchanged,
        _ => false,
    }
}

fn verify_file(path: &Path, authority: Option<&Path>, output: Output) -> Result<(), Error> {
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { operation: "read", path, source }
    };
    let authority = authority.map(|path| {
        let text = std::fs::read_to_string(path).map_err(fault(path))?;
        let pem = pem::parse(text).map_err(|_| Error::Input(format!("{} is not PEM", path.display())))?;
        Ok::<_, Error>(pem.into_contents())
    });
    let authority = authority.transpose()?;
    let file = File::open(path).map_err(fault(path))?;
    let report = verify::verify(std::io::BufReader::new(file), authority.as_deref()).map_err(fault(path))?;
    let value = serde_json::to_value(&report).unwrap_or_default();
    output.print(&value, |_| words(&report))?;
    if report.intact { Ok(()) } else { Err(Error::Unproved) }
}

fn words(report: &verify::Report) -> String {
    let mut lines = Vec::new();
    lines.push(if report.intact {
        format!("案卷完整、真实：办件{}", report.case_number)
    } else {
        format!("案卷有{}处问题：办件{}", report.findings.len(), report.case_number)
    });
    lines.extend((1..).zip(&report.findings).map(|(number, finding)| {
        let severity = match finding.severity {
            verify::Severity::Altered => "被改动",
            verify::Severity::Missing => "缺失或无法证明",
        };
        format!("{number}. 【{severity}】{}", finding.sentence)
    }));
    let by = if report.taken_by.is_empty() { "站点管理员" } else { &report.taken_by };
    let written = crate::records::time_words(report.written_ms);
    lines.push(format!("由{}于{written}导出，导出人：{by}", report.written_by));
    lines.push(format!(
        "记录{}条：{}条由书写站点的签章证明，{}条由导出站点担保；回执{}份；附件{}个",
        report.entries, report.entries_sealed, report.entries_vouched, report.receipts, report.attachments
    ));
    lines.push(match report.authority_known {
        Some(true) => "区中心证书与您提供的一致".to_owned(),
        Some(false) => "区中心证书与您提供的不一致".to_owned(),
        None => format!("区中心证书的校验码：{}（请与区中心公布的核对）", report.authority),
    });
    lines.join("\n")
}
