//! Electronic supervision from the command line.

use clap::{Subcommand, ValueEnum};
use sanji_log::{CaseNumber, RequestId};
use sanji_proto::v1 as proto;
use serde_json::Value;

use super::output::pretty;
use super::{At, Error, Output, json};

/// Commands of electronic supervision.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Running cases by office and link
    #[command(after_help = "Example:\n  sanji-hub supervision board --data hub --token sanji_…")]
    Board {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// The running cases behind a cell of the board
    #[command(after_help = "Example:\n  sanji-hub supervision cases --data hub --token sanji_… --code mz --link 审核")]
    Cases {
        #[command(flatten)]
        at: At,
        /// 申请, 受理, 审核, 批准 or 办结; all without.
        #[arg(long, default_value = "")]
        link: String,
        /// Code of a department, or division code of a township; all without.
        #[arg(long, default_value = "")]
        code: String,
        /// At most this many, 1 to 500.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Alerts: all of the station for a supervisor, for others those that concern them
    #[command(after_help = "Example:\n  sanji-hub supervision alerts unanswered --data hub --token sanji_… --json")]
    Alerts {
        #[command(flatten)]
        at: At,
        /// Which.
        #[arg(value_enum, default_value_t = Filter::Current)]
        filter: Filter,
        /// 条件, 程序, 期限 or 收费; all without.
        #[arg(long, default_value = "")]
        kind: String,
        /// 2026-07, 2026-Q3 or 2026: those that reached their level in it.
        #[arg(long, default_value = "")]
        period: String,
        /// At most this many, 1 to 500.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        /// Skip so many.
        #[arg(long, default_value_t = 0)]
        skip: u32,
        #[command(flatten)]
        output: Output,
    },
    /// One alert: rule, office, how the delay divides, what was said
    #[command(after_help = "Example:\n  sanji-hub supervision alert --data hub --token sanji_… \
        9901061012032026070100427 over-promised.-.1")]
    Alert {
        #[command(flatten)]
        at: At,
        /// Case number, 25 digits.
        case_number: CaseNumber,
        /// The alert, as `alerts` lists it.
        alert: String,
        #[command(flatten)]
        output: Output,
    },
    /// Answer an alert, appeal against it, or (a supervisor) revoke or uphold it
    #[command(after_help = "Example:\n  sanji-node supervision say answer --data township --token sanji_… \
        9901061012032026070100427 over-promised.-.1 --words '入户三次无人在家，已整改'")]
    Say {
        /// What.
        #[arg(value_enum)]
        saying: Saying,
        #[command(flatten)]
        at: At,
        /// Case number, 25 digits.
        case_number: CaseNumber,
        /// The alert, as `alerts` lists it.
        alert: String,
        /// The words; the supervisor reads them, so no personal data.
        #[arg(long)]
        words: String,
        #[command(flatten)]
        output: Output,
    },
    /// Order the office whose turn it is to act on a case (督办单)
    #[command(after_help = "Example:\n  sanji-hub supervision order --data hub --token sanji_… \
        9901061012032026070100427 --until 20260709 --words '请于期限内办结并反馈'")]
    Order {
        #[command(flatten)]
        at: At,
        /// Case number, 25 digits.
        case_number: CaseNumber,
        /// Last day to answer, YYYYMMDD.
        #[arg(long)]
        until: u32,
        /// What is ordered; the office reads it.
        #[arg(long)]
        words: String,
        #[command(flatten)]
        output: Output,
    },
    /// List orders: all of the station for a supervisor, for others those that they may answer
    #[command(after_help = "Example:\n  sanji-node supervision orders --data township --token sanji_… --open")]
    Orders {
        #[command(flatten)]
        at: At,
        /// Only those that wait for an answer.
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Answer an order
    #[command(after_help = "Example:\n  sanji-node supervision answer-order --data township --token sanji_… \
        9901061012032026070100427 5fQ…= --words '已安排人员，明日办结'")]
    AnswerOrder {
        #[command(flatten)]
        at: At,
        /// Case number, 25 digits.
        case_number: CaseNumber,
        /// The order, base64, as `orders` lists it.
        order: String,
        /// What was done.
        #[arg(long)]
        words: String,
        #[command(flatten)]
        output: Output,
    },
    /// Compare departments, townships or people over a period
    #[command(after_help = "Example:\n  sanji-hub supervision ranking --data hub --token sanji_… \
        --period 2026-Q3 --table townships --cases --json")]
    Ranking {
        #[command(flatten)]
        at: At,
        /// 2026-07, 2026-Q3 or 2026; the present month without.
        #[arg(long, default_value = "")]
        period: String,
        /// Whom.
        #[arg(long, value_enum, default_value_t = Table::Departments)]
        table: Table,
        /// With the numbers of the cases behind each row.
        #[arg(long)]
        cases: bool,
        #[command(flatten)]
        output: Output,
    },
    /// The cases behind a row of the ranking, with what each adds
    #[command(after_help = "Example:\n  sanji-hub supervision trace mz --data hub --token sanji_… --period 2026-07")]
    Trace {
        /// Code of the department, division code of the township, or staff id.
        code: String,
        #[command(flatten)]
        at: At,
        /// As in `ranking`.
        #[arg(long, default_value = "")]
        period: String,
        /// As in `ranking`.
        #[arg(long, value_enum, default_value_t = Table::Departments)]
        table: Table,
        #[command(flatten)]
        output: Output,
    },
    /// Who is responsible for a case that ran over its promise, with the chain of who held it when
    #[command(after_help = "Example:\n  sanji-hub supervision responsibility --data hub --token sanji_… \
        9901061012032026070100427")]
    Responsibility {
        #[command(flatten)]
        at: At,
        /// Case number, 25 digits.
        case_number: CaseNumber,
        #[command(flatten)]
        output: Output,
    },
    /// The rules in force
    #[command(after_help = "Example:\n  sanji-hub supervision rules --data hub")]
    Rules {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
}

/// Which alerts.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Filter {
    /// Of open cases, and those that wait for somebody
    Current,
    /// Those that wait for their answer
    Unanswered,
    /// Those that were appealed against
    Appealed,
    /// All, revoked ones included
    All,
}

/// What to say about an alert.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Saying {
    /// 回复
    Answer,
    /// 申诉
    Appeal,
    /// 核销
    Revoke,
    /// 维持
    Uphold,
}

/// Whom a ranking is about.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Table {
    /// 区级部门
    Departments,
    /// 乡镇街道
    Townships,
    /// 工作人员
    Staff,
}

impl From<Table> for proto::RankingTable {
    fn from(table: Table) -> Self {
        match table {
            Table::Departments => Self::Departments,
            Table::Townships => Self::Townships,
            Table::Staff => Self::Staff,
        }
    }
}

impl Command {
    pub(super) async fn run(self) -> Result<(), Error> {
        match self {
            Self::Board { at, output } => {
                let board = at.connect().await?.supervision().board(proto::BoardRequest {}).await?.into_inner();
                output.print(&json::show("BoardReply", &board)?, |_| board_table(&board))
            }
            Self::Cases { at, link, code, limit, output } => {
                let request = proto::BoardCasesRequest { link, code, limit };
                let reply = at.connect().await?.supervision().board_cases(request).await?.into_inner();
                output.print(&json::show("BoardCasesReply", &reply)?, |_| case_table(&reply))
            }
            Self::Alerts { at, filter, kind, period, limit, skip, output } => {
                let filter = match filter {
                    Filter::Current => proto::AlertFilter::Current,
                    Filter::Unanswered => proto::AlertFilter::Unanswered,
                    Filter::Appealed => proto::AlertFilter::Appealed,
                    Filter::All => proto::AlertFilter::All,
                };
                let filter = filter.into();
                let request = proto::ListAlertsRequest { filter, level: 0, kind, period, limit, skip };
                let reply = at.connect().await?.supervision().list_alerts(request).await?.into_inner();
                output.print(&json::show("ListAlertsReply", &reply)?, |_| alert_table(&reply))
            }
            Self::Alert { at, case_number, alert, output } => {
                let request = proto::GetAlertRequest { case_number: case_number.to_string(), alert };
                let view = at.connect().await?.supervision().get_alert(request).await?.into_inner();
                output.print(&json::show("AlertView", &view)?, pretty)
            }
            Self::Say { saying, at, case_number, alert, words, output } => {
                let review = |revoked, alert, words| {
                    proto::act_request::Action::ReviewAlert(proto::ReviewAlert { alert, revoked, words })
                };
                let action = match saying {
                    Saying::Answer => proto::act_request::Action::AnswerAlert(proto::AnswerAlert { alert, words }),
                    Saying::Appeal => proto::act_request::Action::AppealAlert(proto::AppealAlert { alert, words }),
                    Saying::Revoke => review(true, alert, words),
                    Saying::Uphold => review(false, alert, words),
                };
                act(&at, &case_number, action, output).await
            }
            Self::Order { at, case_number, until, words, output } => {
                let order = proto::IssueOrder { station: 0, department: String::new(), until, words };
                act(&at, &case_number, proto::act_request::Action::IssueOrder(order), output).await
            }
            Self::Orders { at, open, output } => {
                let request = proto::ListOrdersRequest { open };
                let reply = at.connect().await?.supervision().list_orders(request).await?.into_inner();
                output.print(&json::show("ListOrdersReply", &reply)?, pretty)
            }
            Self::AnswerOrder { at, case_number, order, words, output } => {
                let order = data_encoding::BASE64.decode(order.as_bytes());
                let order = order.map_err(|_| Error::Input("the order is not base64".to_owned()))?;
                let answer = proto::AnswerOrder { order, words };
                act(&at, &case_number, proto::act_request::Action::AnswerOrder(answer), output).await
            }
            Self::Ranking { at, period, table, cases, output } => {
                let table = proto::RankingTable::from(table).into();
                let request = proto::RankingRequest { period, table, with_cases: cases };
                let reply = at.connect().await?.supervision().ranking(request).await?.into_inner();
                output.print(&json::show("RankingReply", &reply)?, |_| ranking_table(&reply))
            }
            Self::Trace { code, at, period, table, output } => {
                let table = proto::RankingTable::from(table).into();
                let request = proto::RankingCasesRequest { period, table, code };
                let reply = at.connect().await?.supervision().ranking_cases(request).await?.into_inner();
                output.print(&json::show("RankingCasesReply", &reply)?, pretty)
            }
            Self::Responsibility { at, case_number, output } => {
                let request = proto::ResponsibilityRequest { case_number: case_number.to_string() };
                let reply = at.connect().await?.supervision().responsibility(request).await?.into_inner();
                output.print(&json::show("ResponsibilityReply", &reply)?, pretty)
            }
            Self::Rules { at, output } => {
                let reply = at.connect().await?.supervision().rules(proto::RulesRequest {}).await?.into_inner();
                output.print(&json::show("RulesReply", &reply)?, |_| rule_table(&reply))
            }
        }
    }
}

async fn act(
    at: &At,
    case_number: &CaseNumber,
    action: proto::act_request::Action,
    output: Output,
) -> Result<(), Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|fault| Error::Io { operation: "draw a request id", source: std::io::Error::other(fault) })?;
    let request = proto::ActRequest {
        request: RequestId(random).0.to_vec(),
        case_number: case_number.to_string(),
        expected_rev: 0,
        action: Some(action),
    };
    let reply = at.connect().await?.cases().act(request).await?.into_inner();
    output.print(&json::show("ActReply", &reply)?, |_: &Value| "done".to_owned())
}

fn level(level: i32) -> &'static str {
    match proto::AlertLevel::try_from(level) {
        Ok(proto::AlertLevel::Prompt) => "提示",
        Ok(proto::AlertLevel::Yellow) => "黄色",
        Ok(proto::AlertLevel::Red) => "红色",
        _ => "—",
    }
}

fn board_table(board: &proto::BoardReply) -> String {
    let line = |name: &str, cells: &[proto::BoardCell]| {
        let cells =
            cells.iter().map(|cell| format!("{} {} (red {}, yellow {})", cell.link, cell.cases, cell.red, cell.yellow));
        format!("{name}: {}", cells.collect::<Vec<_>>().join(", "))
    };
    let rows = board.rows.iter().map(|row| line(&format!("{} {}", row.code, row.name), &row.cells));
    rows.chain([line("all", &board.total)]).collect::<Vec<_>>().join("\n")
}

fn case_table(reply: &proto::BoardCasesReply) -> String {
    let row = |case: &proto::BoardCase| {
        let (number, stage, office) = (&case.case_number, &case.stage_name, &case.department_name);
        format!("{number}  {}  {}：{stage}  {office}  since {}", level(case.level), case.link, case.since)
    };
    let rows = reply.cases.iter().map(row);
    rows.chain([format!("{} of {} cases", reply.cases.len(), reply.total)]).collect::<Vec<_>>().join("\n")
}

fn alert_table(reply: &proto::ListAlertsReply) -> String {
    let row = |alert: &proto::AlertRow| {
        let (number, key, state) = (&alert.case_number, &alert.alert, &alert.state);
        let who = if alert.person_name.is_empty() { &alert.department_name } else { &alert.person_name };
        format!("{number}  {key}  {}  {}  {state}  {who}", level(alert.level), alert.name)
    };
    let rows = reply.alerts.iter().map(row);
    rows.chain([format!("{} of {} alerts", reply.alerts.len(), reply.total)]).collect::<Vec<_>>().join("\n")
}

fn ranking_table(reply: &proto::RankingReply) -> String {
    let row = |row: &proto::RankingRow| {
        let sum = row.sum.unwrap_or_default();
        let (code, name) = (&row.code, &row.name);
        format!(
            "{:>3}  {code}  {name}  on time {}/{}  days {}/{} promised  red {} yellow {}  points {}",
            row.place, sum.on_time, sum.cases, sum.used_days, sum.promised_days, sum.red, sum.yellow, sum.points
        )
    };
    let rows = reply.rows.iter().map(row);
    [format!("{} to {}", reply.from, reply.to)].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

fn rule_table(reply: &proto::RulesReply) -> String {
    let row = |rule: &proto::RuleView| {
        format!("{}  {}  {}  {}  {} points", rule.id, rule.kind, level(rule.level), rule.name, rule.points)
    };
    reply.rules.iter().map(row).collect::<Vec<_>>().join("\n")
}
