//! 预警: the list of those that concern a person, one alert with its forms, and orders on cases.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use sanji_proto::v1 as proto;
use sanji_proto::v1::act_request::Action;
use serde::Deserialize;

use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted};
use crate::office::Failure;
use crate::problem::{Problem, again, page};
use crate::state::Desk;
use crate::words;

/// Rows of one page.
const ROWS: u32 = 100;

/// Which alerts.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    filter: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    period: String,
    #[serde(default)]
    skip: u32,
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsPage {
    frame: Frame,
    filter: &'static str,
    kind: String,
    period: String,
    rows: Vec<proto::AlertRow>,
    total: u32,
    /// Where the next page begins; 0: there is none.
    next: u32,
    today: u32,
}

impl AlertsPage {
    fn is_kind(&self, kind: &str) -> bool {
        self.kind == kind
    }
}

/// `GET /desk/alerts`
pub(crate) async fn list(
    State(desk): State<Desk>,
    Query(wanted): Query<Wanted>,
    person: Person,
) -> Result<Response, Problem> {
    let (filter, name) = match wanted.filter.as_str() {
        "unanswered" => (proto::AlertFilter::Unanswered, "unanswered"),
        "appealed" => (proto::AlertFilter::Appealed, "appealed"),
        "all" => (proto::AlertFilter::All, "all"),
        _ => (proto::AlertFilter::Current, "current"),
    };
    let request = proto::ListAlertsRequest {
        filter: filter.into(),
        kind: wanted.kind.clone(),
        period: wanted.period.trim().to_owned(),
        limit: ROWS,
        skip: wanted.skip,
        ..Default::default()
    };
    let reply = desk.office().alerts(&person.actor, request).await?;
    let frame = Frame::staff(&desk, &person, Tab::Alerts).await;
    let shown = wanted.skip.saturating_add(u32::try_from(reply.alerts.len()).unwrap_or(u32::MAX));
    let next = if shown < reply.total { shown } else { 0 };
    let today = words::today(frame.clock_ms);
    page(&AlertsPage {
        frame,
        filter: name,
        kind: wanted.kind,
        period: wanted.period,
        rows: reply.alerts,
        total: reply.total,
        next,
        today,
    })
}

#[derive(Template)]
#[template(path = "alert.html")]
struct AlertPage {
    frame: Frame,
    view: proto::AlertView,
    row: proto::AlertRow,
    /// What was just done; empty: nothing.
    done: &'static str,
    /// Why it was refused; empty: it was not.
    refused: String,
    /// What was typed, and for which action.
    kept: String,
    kept_for: String,
}

impl AlertPage {
    fn may(&self, action: &str) -> bool {
        self.view.actions.iter().any(|offered| offered == action)
    }

    fn typed(&self, action: &str) -> &str {
        if self.kept_for == action { &self.kept } else { "" }
    }
}

/// What was just done.
#[derive(Deserialize)]
pub(crate) struct Done {
    #[serde(default)]
    done: String,
}

/// `GET /desk/alerts/{number}/{id}`
pub(crate) async fn show(
    State(desk): State<Desk>,
    Path((number, alert)): Path<(String, String)>,
    Query(done): Query<Done>,
    person: Person,
) -> Result<Response, Problem> {
    page(&alert_page(&desk, &person, &number, &alert, title(&done.done)).await?)
}

async fn alert_page(
    desk: &Desk,
    person: &Person,
    number: &str,
    alert: &str,
    done: &'static str,
) -> Result<AlertPage, Problem> {
    let request = proto::GetAlertRequest { case_number: words::digits(number), alert: alert.to_owned() };
    let mut view = desk.office().alert(&person.actor, request).await?;
    let row = view.row.take().unwrap_or_default();
    let frame = Frame::staff(desk, person, Tab::Alerts).await;
    let (refused, kept, kept_for) = Default::default();
    Ok(AlertPage { frame, view, row, done, refused, kept, kept_for })
}

fn title(action: &str) -> &'static str {
    match action {
        "answer_alert" => "已回复",
        "appeal_alert" => "已申诉，等待监察人员审核",
        "revoke_alert" => "已核销",
        "uphold_alert" => "已维持",
        _ => "",
    }
}

/// `POST /desk/alerts/{number}/{id}/{action}`
pub(crate) async fn say(
    State(desk): State<Desk>,
    Path((number, alert, action)): Path<(String, String, String)>,
    Posted { person, form }: Posted,
) -> Result<Response, Problem> {
    let (case_number, said) = (words::digits(&number), form.value("words").to_owned());
    let (about, words) = (alert.clone(), said.clone());
    let command = match action.as_str() {
        "answer_alert" => Action::AnswerAlert(proto::AnswerAlert { alert: about, words }),
        "appeal_alert" => Action::AppealAlert(proto::AppealAlert { alert: about, words }),
        "revoke_alert" => Action::ReviewAlert(proto::ReviewAlert { alert: about, revoked: true, words }),
        "uphold_alert" => Action::ReviewAlert(proto::ReviewAlert { alert: about, revoked: false, words }),
        _ => return Err(Problem::not_found()),
    };
    let request = proto::ActRequest {
        request: form.request()?.as_bytes().to_vec(),
        case_number: case_number.clone(),
        expected_rev: 0,
        action: Some(command),
    };
    match desk.office().act(&person.actor, request).await {
        Ok(_) => Ok(Redirect::to(&format!("/desk/alerts/{case_number}/{alert}?done={action}")).into_response()),
        Err(Failure::Refused(refusal)) => {
            let shown = alert_page(&desk, &person, &number, &alert, "").await?;
            again(&AlertPage { refused: refusal.sentence, kept: said, kept_for: action, ..shown })
        }
        Err(failure) => Err(failure.into()),
    }
}

/// `GET` of the address of a form, after a login: there is nothing to show but the alert.
pub(crate) async fn back(Path((number, alert, _)): Path<(String, String, String)>, _: Person) -> Redirect {
    let alert: String = form_urlencoded::byte_serialize(alert.as_bytes()).collect();
    Redirect::to(&format!("/desk/alerts/{}/{alert}", words::digits(&number)))
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    orders: Vec<proto::OrderView>,
}

/// `GET /desk/orders`
pub(crate) async fn orders(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    let reply = desk.office().orders(&person.actor, proto::ListOrdersRequest { open: false }).await?;
    let frame = Frame::staff(&desk, &person, Tab::Alerts).await;
    page(&OrdersPage { frame, orders: reply.orders })
}
