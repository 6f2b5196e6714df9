//! Matters from the command line: what a person does with complaints, questions, rectifications, surveys and notices
//! at the desk, with that person's token.

use std::path::Path;

use clap::Subcommand;
use sanji_log::RequestId;
use sanji_proto::v1::{self as proto, LedgerFormat};
use serde_json::{Map, Value, json};

use super::cases::{chosen, object};
use super::output::pretty;
use super::{At, Error, Output, attachments, json, print_line};
use crate::error::Failure;
use crate::views::assessment_file;

/// Commands on matters.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Complaints, questions, rectifications, surveys, notices, call-backs, assessment
    #[command(subcommand)]
    Matter(Matter),
}

/// What can be done with matters.
#[derive(Debug, Subcommand)]
pub enum Matter {
    /// Open a matter
    ///
    /// KIND is complaint, question, rectification or survey; FIELDS those of the contract's Open… message in JSON.
    /// Prints one line of JSON once it is on the station's disk: number, query_code, rev, codes of a survey.
    #[command(after_help = "Examples:\n  sanji-node matter open --data village --token sanji_… complaint \
        '{\"way\": \"WAY_VISIT\", \"against_words\": \"某某窗口\", \"words\": \"办事拖延\"}'\n  \
        sanji-hub matter open --data hub --token sanji_… rectification '{\"source\": \
        \"RECTIFICATION_SOURCE_PATROL\", \"station\": 990106101000, \"until\": 20260731, \"title\": \"窗口无人\", \
        \"words\": \"工作时间窗口无人值守，请整改\"}'")]
    Open {
        #[command(flatten)]
        at: At,
        /// Which kind.
        kind: String,
        /// Its fields, JSON.
        fields: String,
        /// 32 hexadecimal digits: sent again, they answer the same matter.
        #[arg(long, value_name = "HEX")]
        request: Option<RequestId>,
    },
    /// Take a step on a matter, or say something beside it
    #[command(after_help = "Example:\n  sanji-hub matter act --data hub --token sanji_… \
        9901060000002026070100010 assign '{\"department\": \"js\", \"words\": \"请核实\"}'\n\n\
        Actions are the fields of ActMatterRequest's action in the contract: accept, refuse, assign, investigate,\n\
        conclude, open_letter, answer, report, send_back, close, close_survey, note, remind, rate, cancel.\n\
        A report may name \"files\" to attach (photographs or PDF).")]
    Act {
        #[command(flatten)]
        at: At,
        /// Number of the matter, 25 digits.
        number: String,
        /// What to do, for example "accept".
        action: String,
        /// Its fields, JSON.
        #[arg(default_value = "{}")]
        fields: String,
        /// Refuse if the matter has moved on from this rev.
        #[arg(long, value_name = "REV", default_value_t = 0)]
        expected_rev: u32,
        /// 32 hexadecimal digits: sent again, they answer the same step.
        #[arg(long, value_name = "HEX")]
        request: Option<RequestId>,
    },
    /// Show a matter
    #[command(after_help = "Example:\n  sanji-hub matter get --data hub --token sanji_… 9901060000002026070100010")]
    Get {
        #[command(flatten)]
        at: At,
        /// Number of the matter, 25 digits.
        number: String,
        /// Who complains or asks in full, where the person may see it; the look goes on record.
        #[arg(long)]
        unmasked: bool,
        #[command(flatten)]
        output: Output,
    },
    /// List matters
    #[command(after_help = "Example:\n  sanji-hub matter list --data hub --token sanji_… complaint --closed --json")]
    List {
        #[command(flatten)]
        at: At,
        /// complaint, question, rectification or survey; all without.
        #[arg(default_value = "")]
        kind: String,
        /// Those that have ended.
        #[arg(long)]
        closed: bool,
        /// At most this many, 1 to 200.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Look a complaint or a question up by number and query code, without a token
    #[command(after_help = "Example:\n  sanji-hub matter query --data hub 9901060000002026070100010 384056")]
    Query {
        #[command(flatten)]
        at: At,
        /// Number, 25 digits.
        number: String,
        /// Six digits.
        query_code: String,
        #[command(flatten)]
        output: Output,
    },
    /// Search published answers, without a token
    #[command(after_help = "Example:\n  sanji-hub matter answers --data hub 低保")]
    Answers {
        #[command(flatten)]
        at: At,
        /// Words that must all be there.
        #[arg(default_value = "")]
        words: String,
        #[command(flatten)]
        output: Output,
    },
    /// Publish a notice or a circular
    #[command(after_help = "Example:\n  sanji-hub matter notify --data hub --token sanji_… '{\"kind\": \
        \"NOTICE_KIND_PUBLIC\", \"title\": \"国庆放假安排\", \"text\": \"……\", \"from\": 20260925, \"until\": 20261008}'")]
    Notify {
        #[command(flatten)]
        at: At,
        /// PublishNoticeRequest, JSON.
        fields: String,
    },
    /// Take a notice back
    #[command(after_help = "Example:\n  sanji-hub matter withdraw --data hub --token sanji_… \
        000102030405060708090a0b0c0d0e0f")]
    Withdraw {
        #[command(flatten)]
        at: At,
        /// Id of the notice, 32 hexadecimal digits.
        id: RequestId,
    },
    /// List notices
    #[command(after_help = "Example:\n  sanji-hub matter notices --data hub\n  \
        sanji-node matter notices --data township --token sanji_… --circulars --all")]
    Notices {
        #[command(flatten)]
        at: At,
        /// Those that are over or withdrawn too; needs a token.
        #[arg(long)]
        all: bool,
        /// 通报 too; needs a token.
        #[arg(long)]
        circulars: bool,
        #[command(flatten)]
        output: Output,
    },
    /// List cases with a bad rating that wait for somebody
    ///
    /// What was done is recorded on the case: act NUMBER follow_up '{"what": "FOLLOW_UP_CONTACTED", "words": "…"}'.
    #[command(after_help = "Example:\n  sanji-hub matter call-backs --data hub --token sanji_… --json")]
    CallBacks {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Scores and grades of a year or a month
    #[command(after_help = "Example:\n  sanji-hub matter assess --data hub --token sanji_… 2026 --csv > 2026.csv")]
    Assess {
        #[command(flatten)]
        at: At,
        /// The year.
        year: u32,
        /// A month of it; the whole year without.
        #[arg(long, default_value_t = 0)]
        month: u32,
        /// As a table for the personnel office, CSV.
        #[arg(long)]
        csv: bool,
        #[command(flatten)]
        output: Output,
    },
}

impl Command {
    pub(super) async fn run(self) -> Result<(), Error> {
        let Self::Matter(matter) = self;
        matter.run().await
    }
}

impl Matter {
    async fn run(self) -> Result<(), Error> {
        match self {
            Self::Open { at, kind, fields, request } => open(&at, &kind, &fields, request).await,
            Self::Act { at, number, action, fields, expected_rev, request } => {
                let fields = object(&fields, "the action's fields")?;
                let head = json!({ "number": number, "expected_rev": expected_rev });
                act(&at, &number, &action, fields, head, request).await
            }
            Self::Get { at, number, unmasked, output } => {
                let request = proto::GetMatterRequest { number, unmasked };
                let view = at.connect().await?.matters().get(request).await?.into_inner();
                output.print(&json::show("MatterView", &view)?, pretty)
            }
            Self::List { at, kind, closed, limit, output } => {
                let request = proto::ListMattersRequest { kind, closed, limit, after: Vec::new() };
                let reply = at.connect().await?.matters().list(request).await?.into_inner();
                output.print(&json::show("ListMattersReply", &reply)?, |_| matter_table(&reply))
            }
            Self::Query { at, number, query_code, output } => {
                let request = proto::QueryMatterRequest { number, query_code };
                let reply = at.connect().await?.matters().query(request).await?.into_inner();
                output.print(&json::show("QueryMatterReply", &reply)?, pretty)
            }
            Self::Answers { at, words, output } => {
                let request = proto::AnswersRequest { words, item: String::new(), limit: 0 };
                let reply = at.connect().await?.matters().answers(request).await?.into_inner();
                output.print(&json::show("AnswersReply", &reply)?, pretty)
            }
            Self::Notify { at, fields } => {
                let mut fields = object(&fields, "the notice")?;
                chosen(None, &mut fields)?;
                let request: proto::PublishNoticeRequest = json::read("PublishNoticeRequest", fields.into())?;
                let view = at.connect().await?.matters().publish_notice(request).await?.into_inner();
                print_notice(&view)
            }
            Self::Withdraw { at, id } => {
                let request = proto::WithdrawNoticeRequest { id: id.0.to_vec() };
                let view = at.connect().await?.matters().withdraw_notice(request).await?.into_inner();
                print_notice(&view)
            }
            Self::Notices { at, all, circulars, output } => {
                let request = proto::NoticesRequest { all, circulars };
                let reply = at.connect().await?.matters().notices(request).await?.into_inner();
                output.print(&json::show("NoticesReply", &reply)?, |_| notice_table(&reply))
            }
            Self::CallBacks { at, output } => {
                let request = proto::CallBacksRequest { limit: 0 };
                let reply = at.connect().await?.matters().call_backs(request).await?.into_inner();
                output.print(&json::show("CallBacksReply", &reply)?, |_| call_back_table(&reply))
            }
            Self::Assess { at, year, month, csv, output } => {
                let request = proto::AssessRequest { year, month };
                let reply = at.connect().await?.matters().assess(request).await?.into_inner();
                if csv {
                    let table = assessment_file(&reply, LedgerFormat::Csv, "").map_err(|failure| match failure {
                        Failure::Internal(error) => Error::Station(error),
                        refused => Error::Input(refused.to_string()),
                    })?;
                    return print_line(String::from_utf8_lossy(&table).trim_end());
                }
                output.print(&json::show("Assessment", &reply)?, pretty)
            }
        }
    }
}

async fn open(at: &At, kind: &str, fields: &str, request: Option<RequestId>) -> Result<(), Error> {
    let mut message = Map::new();
    message.insert(kind.to_owned(), object(fields, "the fields")?.into());
    chosen(request, &mut message)?;
    let message: proto::OpenMatterRequest = json::read("OpenMatterRequest", message.into())?;
    let reply = at.connect().await?.matters().open(message).await?.into_inner();
    print_line(&json::show("MatterReply", &reply)?.to_string())
}

async fn act(
    at: &At,
    number: &str,
    action: &str,
    mut fields: Map<String, Value>,
    mut command: Value,
    request: Option<RequestId>,
) -> Result<(), Error> {
    let client = at.connect().await?;
    let head = proto::AttachmentHead { case_number: format!("M{number}"), ..Default::default() };
    attachments::store_named(&client, &mut fields, "evidence", Path::new("."), &head).await?;
    command[action] = fields.into();
    command["request"] = json::bytes(&chosen(request, &mut Map::new())?.0);
    let message: proto::ActMatterRequest = json::read("ActMatterRequest", command)?;
    let reply = client.matters().act(message).await?.into_inner();
    print_line(&json::show("MatterReply", &reply)?.to_string())
}

fn print_notice(view: &proto::NoticeView) -> Result<(), Error> {
    let mut line = json::show("NoticeView", view)?;
    line["id"] = data_encoding::HEXLOWER.encode(&view.id).into();
    print_line(&line.to_string())
}

fn or_none(lines: Vec<String>, none: &str) -> String {
    if lines.is_empty() { none.to_owned() } else { lines.join("\n") }
}

fn matter_table(reply: &proto::ListMattersReply) -> String {
    let row = |row: &proto::MatterRow| {
        let due = if row.due == 0 { String::new() } else { format!("  {}", row.due) };
        let overdue = if row.overdue { "  overdue" } else { "" };
        format!("{}  {}  {}  {}{due}{overdue}", row.number, row.kind_name, row.state, row.title)
    };
    or_none(reply.rows.iter().map(row).collect(), "no matters")
}

fn notice_table(reply: &proto::NoticesReply) -> String {
    let row = |notice: &proto::NoticeView| {
        let id = data_encoding::HEXLOWER.encode(&notice.id);
        format!("{id}  {}–{}  {}  {}", notice.from, notice.until, notice.station_name, notice.title)
    };
    or_none(reply.notices.iter().map(row).collect(), "no notices")
}

fn call_back_table(reply: &proto::CallBacksReply) -> String {
    let row = |row: &proto::CallBackRow| {
        let overdue = if row.overdue { "  overdue" } else { "" };
        format!(
            "{}  {}  rated {}  contact by {}  rectify by {}{overdue}",
            row.case_number, row.item_name, row.satisfaction, row.contact_until, row.rectify_until
        )
    };
    or_none(reply.rows.iter().map(row).collect(), "nobody to call back")
}
