//! Ledgers (台账): a filter, a table, a view for the printer, and whole ledgers as files. And the public excerpt.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use sanji_log::StationCode;
use sanji_proto::v1::{self as proto, LedgerFormat, LedgerState};
use sanji_station::records::ledger::this_month;
use serde::Deserialize;

use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted};
use crate::problem::{Problem, page};
use crate::records::download;
use crate::state::Desk;
use crate::words;

/// Rows of a page on the screen, and of one for the printer.
const ROWS: u32 = 50;
const ROWS_PRINTED: u32 = 200;
/// What may be asked for by state: value and words.
const STATES: [(&str, &str); 4] = [("", "全部"), ("open", "在办"), ("closed", "已办结"), ("overdue", "超过期限")];

/// What was asked for, as an address carries it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    ledger: String,
    /// As a date input gives them: `2026-07-01`.
    from: String,
    until: String,
    station: String,
    item: String,
    department: String,
    state: String,
    after: String,
    /// Not empty: for the printer.
    print: String,
}

impl Asked {
    fn filter(&self) -> proto::LedgerFilter {
        let state = match self.state.as_str() {
            "open" => LedgerState::Open,
            "closed" => LedgerState::Closed,
            "overdue" => LedgerState::Overdue,
            _ => LedgerState::Unspecified,
        };
        proto::LedgerFilter {
            from: words::read_day(&self.from).unwrap_or(0),
            until: words::read_day(&self.until).unwrap_or(0),
            station: self.station.parse().map_or(0, StationCode::number),
            item: self.item.clone(),
            department: self.department.clone(),
            state: state.into(),
        }
    }

    /// The same question, going on elsewhere.
    fn address(&self, path: &str, after: &str, print: &str) -> String {
        let pairs = [
            ("ledger", self.ledger.as_str()),
            ("from", &self.from),
            ("until", &self.until),
            ("station", &self.station),
            ("item", &self.item),
            ("department", &self.department),
            ("state", &self.state),
            ("after", after),
            ("print", print),
        ];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        format!("{path}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
    }
}

/// One choice of a list: value, words, whether it is chosen.
struct Choice {
    value: String,
    words: String,
    chosen: &'static str,
}

fn choices(chosen: &str, all: impl IntoIterator<Item = (String, String)>) -> Vec<Choice> {
    let choice = |(value, words): (String, String)| {
        let chosen = if value == chosen { " selected" } else { "" };
        Choice { value, words, chosen }
    };
    all.into_iter().map(choice).collect()
}

#[derive(Template)]
#[template(path = "ledgers.html")]
struct LedgersPage {
    frame: Frame,
    ledgers: Vec<Choice>,
    stations: Vec<Choice>,
    items: Vec<Choice>,
    departments: Vec<Choice>,
    states: Vec<Choice>,
    asked: Asked,
    period_of: String,
    ledger: proto::LedgerPage,
    /// Addresses; empty: there is none.
    next: String,
    print: String,
    printing: bool,
    /// The period in words.
    period: String,
}

/// `GET /desk/ledgers`
pub(crate) async fn show(
    State(desk): State<Desk>,
    Query(mut asked): Query<Asked>,
    person: Person,
) -> Result<Response, Problem> {
    let frame = Frame::staff(&desk, &person, Tab::Ledgers).await;
    let records = desk.office().records();
    let kinds = records.ledgers();
    if asked.ledger.is_empty() {
        let (from, until) = this_month(frame.clock_ms);
        asked.ledger = kinds.first().map(|kind| kind.name.clone()).unwrap_or_default();
        (asked.from, asked.until) = (words::input_day(from), words::input_day(until));
    }
    let printing = !asked.print.is_empty();
    let request = proto::ReadLedgerRequest {
        ledger: asked.ledger.clone(),
        filter: Some(asked.filter()),
        limit: if printing { ROWS_PRINTED } else { ROWS },
        after: asked.after.clone(),
    };
    let ledger = records.read_ledger(&person.actor, request).await?;
    let next = match ledger.next.as_str() {
        "" => String::new(),
        after => asked.address("/desk/ledgers", after, &asked.print),
    };
    let any = |words: &str| (String::new(), words.to_owned());
    let stations = desk.office().villages().into_iter().map(|(code, name)| (code.to_string(), name));
    let items = desk.office().published_items("").into_iter().map(|item| (item.code, item.name));
    let period_of = kinds.iter().find(|kind| kind.name == asked.ledger).map(|kind| kind.period_of.clone());
    page(&LedgersPage {
        ledgers: choices(&asked.ledger, kinds.into_iter().map(|kind| (kind.name, kind.title))),
        stations: choices(&asked.station, std::iter::once(any("本站及下级全部")).chain(stations)),
        items: choices(&asked.item, std::iter::once(any("全部事项")).chain(items)),
        departments: choices(&asked.department, std::iter::once(any("全部部门")).chain(records.leading_departments())),
        states: choices(&asked.state, STATES.map(|(value, words)| (value.to_owned(), words.to_owned()))),
        print: asked.address("/desk/ledgers", &asked.after, "1"),
        period: period(&asked),
        period_of: period_of.unwrap_or_default(),
        printing,
        next,
        ledger,
        asked,
        frame,
    })
}

fn period(asked: &Asked) -> String {
    let day = |text: &str, otherwise: &str| match words::read_day(text) {
        Some(number) => words::day(&number),
        None => otherwise.to_owned(),
    };
    format!("{}至{}", day(&asked.from, "最早"), day(&asked.until, "现在"))
}

/// `POST /desk/ledgers/export`: the file, for the browser to save.
pub(crate) async fn export(State(desk): State<Desk>, posted: Posted) -> Result<Response, Problem> {
    let value = |name: &str| posted.form.value(name).to_owned();
    let asked = Asked {
        ledger: value("ledger"),
        from: value("from"),
        until: value("until"),
        station: value("station"),
        item: value("item"),
        department: value("department"),
        state: value("state"),
        ..Asked::default()
    };
    let (format, ending, media_type) = file_format(posted.form.value("format"));
    let kinds = desk.office().records().ledgers();
    let title = kinds.into_iter().find(|kind| kind.name == asked.ledger).map(|kind| kind.title);
    let title = title.ok_or_else(|| Problem::bad_request("没有这种台账，请重新选择。"))?;
    let at = words::stamp(desk.office().status().await.clock_ms);
    let request = proto::ExportLedgerRequest {
        filter: Some(asked.filter()),
        ledger: asked.ledger,
        format: format.into(),
        unmasked: posted.form.value("unmasked") == "1",
    };
    let parts = desk.office().records().export_ledger(&posted.person.actor, request);
    download(parts, &format!("{title}-{at}.{ending}"), media_type).await
}

/// The format of a table that people save, its ending and its media type.
pub(crate) fn file_format(wanted: &str) -> (LedgerFormat, &'static str, &'static str) {
    match wanted {
        "xlsx" => (LedgerFormat::Xlsx, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        _ => (LedgerFormat::Csv, "csv", "text/csv; charset=utf-8"),
    }
}

#[derive(Template)]
#[template(path = "public_ledger.html")]
struct PublicLedger {
    frame: Frame,
    asked: Asked,
    items: Vec<Choice>,
    ledger: proto::LedgerPage,
    next: String,
}

/// `GET /ledger`
pub(crate) async fn public(State(desk): State<Desk>, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let frame = Frame::public(&desk, String::new(), Tab::Ledgers);
    // Nobody looks for a village here: that would say where a case comes from.
    let filter = proto::LedgerFilter { station: 0, department: String::new(), ..asked.filter() };
    let request = proto::ReadPublicLedgerRequest { filter: Some(filter), limit: ROWS, after: asked.after.clone() };
    let ledger = desk.office().records().read_public_ledger(request).await?;
    let next = match ledger.next.as_str() {
        "" => String::new(),
        after => asked.address("/ledger", after, ""),
    };
    let items = desk.office().published_items("").into_iter().map(|item| (item.code, item.name));
    let items = choices(&asked.item, std::iter::once((String::new(), "全部事项".to_owned())).chain(items));
    page(&PublicLedger { frame, asked, items, ledger, next })
}

/// Whether a column holds letters and digits that nobody reads as words.
pub(crate) fn is_code(columns: &[String], column: &usize) -> bool {
    columns.get(*column).is_some_and(|name| name == "回证编号")
}
