//! Cases from the command line: what a person does at the desk, with that person's token.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use sanji_log::{CaseNumber, LogId, RequestId};
use sanji_proto::v1 as proto;
use serde_json::{Map, Value, json};

use super::output::pretty;
use super::{At, Error, Output, attachments, json, print_line};

/// Commands on cases.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open a case from a file
    ///
    /// The file is a SubmitRequest of the contract in JSON; "request" may be left out, and a material may name
    /// "files" to attach (photographs or PDF, paths from the file's folder). Prints one line of JSON once the
    /// case is on the station's disk: case_number, query_code, log, seq, hash.
    #[command(after_help = "Example:\n  sanji-node submit --data village --token sanji_… --file case.json\n\n  \
        {\"item\": \"mz-dibao\", \"applicant\": {\"name\": \"…\", \"id_number\": \"…\"},\n   \
        \"mandate\": {\"may_submit\": true},\n   \
        \"materials\": [{\"material\": 0, \"originals\": 1, \"files\": [\"form.jpg\"]}]}")]
    Submit {
        #[command(flatten)]
        at: At,
        /// The case, JSON.
        #[arg(long, value_name = "CASE.json")]
        file: PathBuf,
        /// 32 hexadecimal digits: sent again, they answer the same case.
        #[arg(long, value_name = "HEX")]
        request: Option<RequestId>,
    },
    /// Take a step on a case, or say something beside its route
    #[command(after_help = "Example:\n  sanji-node act --data township --token sanji_… 9901061012032026070100427 \
        finish_stage '{\"opinion\": \"OPINION_AGREE\", \"words\": \"情况属实\"}'\n\n\
        Actions are the fields of ActRequest's action in the contract: accept, refuse_acceptance,\n\
        request_correction, supply_correction, finish_stage, post_publicity, end_publicity, suspend, resume,\n\
        decide, return, deliver, add_note, remind, request_withdrawal, confirm_withdrawal, rate,\n\
        extend, reclaim, hand_over, check_superseded, answer_alert, appeal_alert, review_alert,\n\
        issue_order, answer_order.")]
    Act {
        #[command(flatten)]
        at: At,
        /// Case number, 25 digits.
        case_number: CaseNumber,
        /// What to do, for example "accept".
        action: String,
        /// Its fields, JSON.
        #[arg(default_value = "{}")]
        fields: String,
        /// Refuse if the case has moved on from this rev.
        #[arg(long, value_name = "REV", default_value_t = 0)]
        expected_rev: u32,
        /// 32 hexadecimal digits: sent again, they answer the same step.
        #[arg(long, value_name = "HEX")]
        request: Option<RequestId>,
    },
    /// Show a case
    #[command(after_help = "Example:\n  sanji-node get --data village --token sanji_… 9901061012032026070100427")]
    Get {
        #[command(flatten)]
        at: At,
        /// Case number, 25 digits.
        case_number: CaseNumber,
        /// Personal data in full, where the person may; a look from outside the case's route goes on record.
        #[arg(long)]
        unmasked: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Show a work list
    #[command(after_help = "Example:\n  sanji-node list todo --data township --token sanji_… --json")]
    List {
        #[command(flatten)]
        at: At,
        /// Which.
        #[arg(value_enum, default_value_t = WorkList::Todo)]
        list: WorkList,
        /// At most this many, 1 to 200.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// Go on after an earlier list: its "next".
        #[arg(long, value_name = "NEXT", default_value = "")]
        after: String,
        #[command(flatten)]
        output: Output,
    },
    /// Tell of changes to cases as they happen, one line of JSON each
    #[command(after_help = "Example:\n  sanji-node watch --data village --token sanji_…")]
    Watch {
        #[command(flatten)]
        at: At,
        /// Of this case only.
        case_number: Option<CaseNumber>,
    },
    /// Look a case up as its applicant: by number and query code, without a token
    #[command(after_help = "Example:\n  sanji-hub query --data hub 9901061012032026070100427 384056")]
    Query {
        #[command(flatten)]
        at: At,
        /// Case number, 25 digits.
        case_number: CaseNumber,
        /// Six digits.
        query_code: String,
        #[command(flatten)]
        output: Output,
    },
    /// List the catalogue's items as the station holds them
    #[command(after_help = "Example:\n  sanji-node items --data village --token sanji_… 低保")]
    Items {
        #[command(flatten)]
        at: At,
        /// Words to search for.
        #[arg(default_value = "")]
        words: String,
        #[command(flatten)]
        output: Output,
    },
    /// Print an item's file
    #[command(after_help = "Example:\n  sanji-node item --data village --token sanji_… mz-dibao")]
    Item {
        #[command(flatten)]
        at: At,
        /// Code of the item.
        code: String,
        /// Its version; 0: the newest.
        #[arg(long, value_name = "N", default_value_t = 0)]
        item_version: u32,
    },
    /// Write an attachment of a case to a file
    #[command(after_help = "Example:\n  sanji-node attachment --data township --token sanji_… \
        9901061012032026070100427 fKQ…= --out form.jpg")]
    Attachment {
        #[command(flatten)]
        at: At,
        /// Case number, 25 digits.
        case_number: CaseNumber,
        /// Id of the attachment, base64, as `get` shows it.
        id: String,
        /// File to write; it must not be there yet.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Work lists.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum WorkList {
    /// 待办
    Todo,
    /// 在办
    Open,
    /// 已办结
    Closed,
}

impl From<WorkList> for proto::WorkList {
    fn from(list: WorkList) -> Self {
        match list {
            WorkList::Todo => Self::Todo,
            WorkList::Open => Self::Open,
            WorkList::Closed => Self::Closed,
        }
    }
}

impl Command {
    pub(super) async fn run(self) -> Result<(), Error> {
        match self {
            Self::Submit { at, file, request } => submit(&at, &file, request).await,
            Self::Act { at, case_number, action, fields, expected_rev, request } => {
                let fields = object(&fields, "the action's fields")?;
                let head = json!({ "case_number": case_number.as_str(), "expected_rev": expected_rev });
                act(&at, &case_number, &action, fields, head, request).await
            }
            Self::Get { at, case_number, unmasked, output } => {
                let request = proto::GetRequest { case_number: case_number.to_string(), unmasked };
                let view = at.connect().await?.cases().get(request).await?.into_inner();
                output.print(&json::show("CaseView", &view)?, pretty)
            }
            Self::List { at, list, limit, after, output } => {
                let request = proto::ListRequest { list: proto::WorkList::from(list).into(), limit, after };
                let reply = at.connect().await?.cases().list(request).await?.into_inner();
                output.print(&json::show("ListReply", &reply)?, |_| case_table(&reply))
            }
            Self::Watch { at, case_number } => watch(&at, case_number).await,
            Self::Query { at, case_number, query_code, output } => {
                let request = proto::QueryRequest { case_number: case_number.to_string(), query_code };
                let reply = at.connect().await?.cases().query(request).await?.into_inner();
                output.print(&json::show("QueryReply", &reply)?, pretty)
            }
            Self::Items { at, words, output } => {
                let reply =
                    at.connect().await?.cases().list_items(proto::ListItemsRequest { words }).await?.into_inner();
                output.print(&json::show("ListItemsReply", &reply)?, |_| item_table(&reply))
            }
            Self::Item { at, code, item_version: version } => {
                let item = at.connect().await?.cases().get_item(proto::GetItemRequest { code, version }).await?;
                print_line(String::from_utf8_lossy(&item.into_inner().content).trim_end())
            }
            Self::Attachment { at, case_number, id, out } => attachments::save(&at, &case_number, &id, &out).await,
        }
    }
}

async fn submit(at: &At, file: &Path, request: Option<RequestId>) -> Result<(), Error> {
    let text = std::fs::read_to_string(file).map_err(|source| Error::File {
        operation: "read",
        path: file.to_owned(),
        source,
    })?;
    let mut case = object(&text, &file.display().to_string())?;
    let request = chosen(request, &mut case)?;
    let client = at.connect().await?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let head = proto::AttachmentHead { request: request.0.to_vec(), ..Default::default() };
    attachments::store_all(&client, &mut case, folder, &head).await?;
    let message: proto::SubmitRequest = json::read("SubmitRequest", case.into())?;
    let reply = client.cases().submit(message).await?.into_inner();
    let mut line = place(reply.log, reply.seq, &reply.hash)?;
    line.insert("case_number".to_owned(), reply.case_number.into());
    line.insert("query_code".to_owned(), reply.query_code.into());
    print_line(&Value::from(line).to_string())
}

async fn act(
    at: &At,
    case_number: &CaseNumber,
    action: &str,
    mut fields: Map<String, Value>,
    mut command: Value,
    request: Option<RequestId>,
) -> Result<(), Error> {
    let client = at.connect().await?;
    let head = proto::AttachmentHead { case_number: case_number.to_string(), ..Default::default() };
    attachments::store_all(&client, &mut fields, Path::new("."), &head).await?;
    command[action] = fields.into();
    command["request"] = json::bytes(&chosen(request, &mut Map::new())?.0);
    let message: proto::ActRequest = json::read("ActRequest", command)?;
    let reply = client.cases().act(message).await?.into_inner();
    let mut line = place(reply.log, reply.seq, &reply.hash)?;
    line.insert("rev".to_owned(), reply.rev.into());
    print_line(&Value::from(line).to_string())
}

async fn watch(at: &At, case_number: Option<CaseNumber>) -> Result<(), Error> {
    let case_number = case_number.map_or_else(String::new, |number| number.to_string());
    let mut changes = at.connect().await?.cases().watch(proto::WatchRequest { case_number }).await?.into_inner();
    while let Some(change) = changes.message().await? {
        print_line(&json::show("CaseChange", &change)?.to_string())?;
    }
    Ok(())
}

/// The request id: the one named on the command line, the one in the file, or a new one. It is in the file after.
fn chosen(named: Option<RequestId>, case: &mut Map<String, Value>) -> Result<RequestId, Error> {
    let in_file = case.get("request").and_then(Value::as_str).map(|text| {
        data_encoding::BASE64
            .decode(text.as_bytes())
            .ok()
            .and_then(|bytes| RequestId::try_from(bytes.as_slice()).ok())
            .ok_or_else(|| Error::Input("\"request\" is not 16 bytes in base64".to_owned()))
    });
    let request = match named.map(Ok).or(in_file) {
        Some(request) => request?,
        None => {
            let mut random = [0; 16];
            getrandom::fill(&mut random)
                .map_err(|fault| Error::Io { operation: "draw a request id", source: std::io::Error::other(fault) })?;
            RequestId(random)
        }
    };
    case.insert("request".to_owned(), json::bytes(&request.0));
    Ok(request)
}

/// Where an entry stands, in the words of `dump`.
fn place(log: Option<proto::LogId>, seq: u64, hash: &[u8]) -> Result<Map<String, Value>, Error> {
    let log = log
        .and_then(|log| LogId::try_from(log).ok())
        .ok_or_else(|| Error::Input("the station's reply names no log".to_owned()))?;
    let mut place = Map::new();
    place.insert("log".to_owned(), log.to_string().into());
    place.insert("seq".to_owned(), seq.into());
    place.insert("hash".to_owned(), data_encoding::HEXLOWER.encode(hash).into());
    Ok(place)
}

fn object(text: &str, what: &str) -> Result<Map<String, Value>, Error> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Error::Input(format!("{what}: not a JSON object"))),
        Err(fault) => Err(Error::Input(format!("{what}: {fault}"))),
    }
}

fn case_table(reply: &proto::ListReply) -> String {
    let row = |case: &proto::CaseRow| {
        format!("{}  {}  {}  {}", case.case_number, case.state, case.item_name, case.holder_name)
    };
    let mut lines: Vec<_> = reply.cases.iter().map(row).collect();
    if lines.is_empty() {
        lines.push("no cases".to_owned());
    }
    if !reply.next.is_empty() {
        lines.push(format!("more: --after {}", reply.next));
    }
    lines.join("\n")
}

fn item_table(reply: &proto::ListItemsReply) -> String {
    let row = |item: &proto::ItemRow| format!("{}  {}  {}  {}", item.code, item.case_type, item.name, item.why_not);
    reply.items.iter().map(row).map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
