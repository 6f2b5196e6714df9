//! 监察: the board, the cases behind it, the ranking, who is responsible, the rules.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use sanji_proto::v1 as proto;
use serde::Deserialize;

use crate::frame::{Frame, Tab};
use crate::guard::Person;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

/// Rows of a list of cases.
const CASES: u32 = 200;

#[derive(Template)]
#[template(path = "board.html")]
struct BoardPage {
    frame: Frame,
    board: proto::BoardReply,
}

#[derive(Template)]
#[template(path = "board_table.html")]
struct BoardTable {
    board: proto::BoardReply,
}

/// `GET /desk/supervision`
pub(crate) async fn board(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    let board = desk.office().board(&person.actor).await?;
    let frame = Frame::staff(&desk, &person, Tab::Supervision).await;
    page(&BoardPage { frame, board })
}

/// `GET /desk/supervision/live`: the table alone, for a page that is open.
pub(crate) async fn live(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    let board = desk.office().board(&person.actor).await?;
    page(&BoardTable { board })
}

/// A cell of the board.
#[derive(Deserialize)]
pub(crate) struct Cell {
    #[serde(default)]
    link: String,
    #[serde(default)]
    code: String,
}

#[derive(Template)]
#[template(path = "board_cases.html")]
struct CasesPage {
    frame: Frame,
    /// What the cases have in common, in words.
    title: String,
    cases: Vec<proto::BoardCase>,
    total: u32,
    today: u32,
}

/// `GET /desk/supervision/cases`
pub(crate) async fn cases(
    State(desk): State<Desk>,
    Query(cell): Query<Cell>,
    person: Person,
) -> Result<Response, Problem> {
    let request = proto::BoardCasesRequest { link: cell.link.clone(), code: cell.code.clone(), limit: CASES };
    let reply = desk.office().board_cases(&person.actor, request).await?;
    let frame = Frame::staff(&desk, &person, Tab::Supervision).await;
    let link = if cell.link.is_empty() { "全部环节".to_owned() } else { format!("“{}”环节", cell.link) };
    let office = if cell.code.is_empty() { "全部单位".to_owned() } else { office_name(&desk, &cell.code) };
    let today = words::today(frame.clock_ms);
    page(&CasesPage { frame, title: format!("{office}　{link}"), cases: reply.cases, total: reply.total, today })
}

/// A department by its code, or a township by its division code.
fn office_name(desk: &Desk, code: &str) -> String {
    match code.parse() {
        Ok(station) => desk.office().station_name(station),
        Err(_) => desk.office().department_name(code),
    }
}

/// A table of the ranking.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    period: String,
    #[serde(default)]
    table: String,
    #[serde(default)]
    code: String,
}

impl Wanted {
    fn table(&self) -> proto::RankingTable {
        match self.table.as_str() {
            "townships" => proto::RankingTable::Townships,
            "staff" => proto::RankingTable::Staff,
            _ => proto::RankingTable::Departments,
        }
    }

    fn name(&self) -> &'static str {
        match self.table() {
            proto::RankingTable::Townships => "townships",
            proto::RankingTable::Staff => "staff",
            _ => "departments",
        }
    }
}

#[derive(Template)]
#[template(path = "ranking.html")]
struct RankingPage {
    frame: Frame,
    period: String,
    table: &'static str,
    from: u32,
    to: u32,
    rows: Vec<proto::RankingRow>,
}

/// `GET /desk/supervision/ranking`
pub(crate) async fn ranking(
    State(desk): State<Desk>,
    Query(wanted): Query<Wanted>,
    person: Person,
) -> Result<Response, Problem> {
    let request = proto::RankingRequest {
        period: wanted.period.trim().to_owned(),
        table: wanted.table().into(),
        with_cases: false,
    };
    let reply = desk.office().ranking(&person.actor, request).await?;
    let frame = Frame::staff(&desk, &person, Tab::Supervision).await;
    let (table, from, to) = (wanted.name(), reply.from, reply.to);
    let period = if wanted.period.trim().is_empty() { month(from) } else { wanted.period.trim().to_owned() };
    page(&RankingPage { frame, period, table, from, to, rows: reply.rows })
}

/// `2026-07` of a day.
fn month(day: u32) -> String {
    format!("{:04}-{:02}", day / 10_000, day / 100 % 100)
}

#[derive(Template)]
#[template(path = "ranking_cases.html")]
struct RankingCasesPage {
    frame: Frame,
    period: String,
    table: &'static str,
    /// Whose cases they are.
    name: String,
    cases: Vec<proto::RankingCase>,
    rules: Vec<proto::RuleView>,
}

impl RankingCasesPage {
    /// The name of an alert's rule.
    fn rule(&self, alert: &str) -> &str {
        let id = alert.split('.').next().unwrap_or_default();
        self.rules.iter().find(|rule| rule.id == id).map_or("预警", |rule| &rule.name)
    }
}

/// `GET /desk/supervision/ranking/cases`
pub(crate) async fn ranking_cases(
    State(desk): State<Desk>,
    Query(wanted): Query<Wanted>,
    person: Person,
) -> Result<Response, Problem> {
    let request = proto::RankingCasesRequest {
        period: wanted.period.clone(),
        table: wanted.table().into(),
        code: wanted.code.clone(),
    };
    let reply = desk.office().ranking_cases(&person.actor, request).await?;
    let frame = Frame::staff(&desk, &person, Tab::Supervision).await;
    let table = wanted.name();
    let whole =
        proto::RankingRequest { period: wanted.period.clone(), table: wanted.table().into(), with_cases: false };
    let rows = desk.office().ranking(&person.actor, whole).await?.rows;
    let name = rows.into_iter().find(|row| row.code == wanted.code).map(|row| row.name).unwrap_or_default();
    let rules = desk.office().watch_rules().rules;
    page(&RankingCasesPage { frame, period: wanted.period, table, name, cases: reply.cases, rules })
}

#[derive(Template)]
#[template(path = "responsibility.html")]
struct ResponsibilityPage {
    frame: Frame,
    record: proto::ResponsibilityReply,
    alert: proto::AlertView,
    today: u32,
}

/// `GET /desk/supervision/responsibility/{number}`
pub(crate) async fn responsibility(
    State(desk): State<Desk>,
    person: Person,
    Path(number): Path<String>,
) -> Result<Response, Problem> {
    let request = proto::ResponsibilityRequest { case_number: words::digits(&number) };
    let mut record = desk.office().responsibility(&person.actor, request).await?;
    let frame = Frame::staff(&desk, &person, Tab::Supervision).await;
    let (alert, today) = (record.alert.take().unwrap_or_default(), words::today(frame.clock_ms));
    page(&ResponsibilityPage { frame, record, alert, today })
}

#[derive(Template)]
#[template(path = "watch_rules.html")]
struct RulesPage {
    frame: Frame,
    rules: proto::RulesReply,
}

/// `GET /desk/supervision/rules`
pub(crate) async fn rules(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    let frame = Frame::staff(&desk, &person, Tab::Supervision).await;
    page(&RulesPage { frame, rules: desk.office().watch_rules() })
}

/// A level in words.
pub(crate) fn level(level: &i32) -> &'static str {
    match proto::AlertLevel::try_from(*level) {
        Ok(proto::AlertLevel::Prompt) => "提示",
        Ok(proto::AlertLevel::Yellow) => "黄色",
        Ok(proto::AlertLevel::Red) => "红色",
        _ => "",
    }
}

/// The class of a level's mark.
pub(crate) fn level_class(level: &i32) -> &'static str {
    match proto::AlertLevel::try_from(*level) {
        Ok(proto::AlertLevel::Yellow) => "yellow",
        Ok(proto::AlertLevel::Red) => "red",
        _ => "prompt",
    }
}

/// A part of a whole in percent with one digit, `98.5%`; `—` of nothing.
pub(crate) fn percent(part: &u32, whole: &u32) -> String {
    match (u64::from(*part) * 1000).checked_div(u64::from(*whole)) {
        Some(permille) => format!("{}.{}%", permille / 10, permille % 10),
        None => "—".to_owned(),
    }
}

/// A mean with one digit, `4.5`; `—` of nothing.
pub(crate) fn mean(sum: &u32, count: &u32) -> String {
    match (u64::from(*sum) * 10).checked_div(u64::from(*count)) {
        Some(tenths) => format!("{}.{}", tenths / 10, tenths % 10),
        None => "—".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_means_are_short() {
        assert_eq!(
            (percent(&197, &200), percent(&0, &3), percent(&1, &0)),
            ("98.5%".into(), "0.0%".into(), "—".into())
        );
        assert_eq!((mean(&9, &2), mean(&3, &0)), ("4.5".into(), "—".into()));
        assert_eq!(month(20_260_731), "2026-07");
    }
}
