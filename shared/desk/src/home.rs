//! The work lists: what to do, what is under way, what is done.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use sanji_log::{StationCode, Tier};
use sanji_proto::v1 as proto;
use serde::Deserialize;

use crate::frame::{Frame, Tab};
use crate::guard::Person;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::ticks::Ticks;
use crate::words;

/// Rows of one page.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    frame: Frame,
    title: &'static str,
    list: &'static str,
    rows: Vec<Row>,
    /// Whether the list of what goes to the district is of use here.
    township: bool,
    /// Where the next page begins; empty: there is none.
    next: String,
}

struct Row {
    case: proto::CaseRow,
    /// The case number in two lines: station, then day and number of the day.
    number_head: String,
    number_tail: String,
    /// The nearest deadline.
    until: String,
    late: bool,
    ticks: Ticks,
}

/// Which list, and from where on.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    list: String,
    #[serde(default)]
    after: String,
}

/// `GET /desk`
pub(crate) async fn show(
    State(desk): State<Desk>,
    Query(wanted): Query<Wanted>,
    person: Person,
) -> Result<Response, Problem> {
    let (list, title, name) = match wanted.list.as_str() {
        "open" => (proto::WorkList::Open, "在办", "open"),
        "closed" => (proto::WorkList::Closed, "已办结", "closed"),
        "marked" => (proto::WorkList::Marked, "急办、重点", "marked"),
        "outside" => (proto::WorkList::Outside, "报批在外", "outside"),
        "duties" => (proto::WorkList::Duties, "待补手续", "duties"),
        _ => (proto::WorkList::Todo, "我的待办", "todo"),
    };
    let request = proto::ListRequest { list: list.into(), limit: ROWS, after: wanted.after };
    let reply = desk.office().list(&person.actor, request).await?;
    let frame = Frame::staff(&desk, &person, Tab::Cases).await;
    let today = words::today(frame.clock_ms);
    let rows = reply.cases.into_iter().map(|case| Row::new(desk.station(), case, today)).collect();
    let township = desk.station().tier() == Tier::Township;
    page(&HomePage { frame, title, list: name, rows, township, next: reply.next })
}

impl Row {
    fn new(here: StationCode, case: proto::CaseRow, today: u32) -> Self {
        let grouped = words::grouped(&case.case_number);
        let (head, tail) = grouped.split_at_checked(13).unwrap_or((&grouped, ""));
        let until = [case.stage_until, case.promised_until].into_iter().filter(|day| *day != 0).min().unwrap_or(0);
        Self {
            number_head: head.trim_end().to_owned(),
            number_tail: tail.trim_start().to_owned(),
            until: words::day(&until),
            late: until != 0 && until < today,
            ticks: Ticks::new(here, words::home_of(&case.case_number), 0, &case.delivery.unwrap_or_default()),
            case,
        }
    }
}
