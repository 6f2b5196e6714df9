//! 人员调整申请: what offices have asked for and may take back, and the centre's answer.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use sanji_proto::v1 as proto;

use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted};
use crate::office::Failure;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

#[derive(Template)]
#[template(path = "staff_requests.html")]
struct RequestsPage {
    frame: Frame,
    requests: Vec<proto::StaffRequestView>,
    /// What went wrong; empty: nothing.
    refusal: String,
}

/// `GET /desk/staff-requests`
pub(crate) async fn show(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    requests_page(&desk, &person, String::new()).await
}

async fn requests_page(desk: &Desk, person: &Person, refusal: String) -> Result<Response, Problem> {
    let mut requests = desk.office().staff_requests(&person.actor, "")?;
    // What waits comes first; each part has the newest first.
    requests.sort_by_key(|request| request.decided_ms != 0 || request.withdrawn_ms != 0);
    let frame = Frame::staff(desk, person, Tab::People).await;
    page(&RequestsPage { frame, requests, refusal })
}

/// `POST /desk/staff-requests`: consents to one, refuses it, or takes it back.
pub(crate) async fn decide(State(desk): State<Desk>, posted: Posted) -> Result<Response, Problem> {
    let Posted { person, form } = posted;
    let id = words::unhex(form.value("id"));
    let done = if form.value("what") == "withdraw" {
        desk.office().withdraw_staff_change(&person.actor, id).await
    } else {
        let from = match form.value("from") {
            "" => Some(0),
            day => words::read_day(day),
        };
        let Some(from) = from else {
            return requests_page(&desk, &person, "生效日期没有填对，请重新选择；不填为立即生效。".to_owned()).await;
        };
        let request = proto::DecideStaffChangeRequest {
            id,
            approved: form.value("what") == "approve",
            words: form.value("words").to_owned(),
            number: form.value("number").to_owned(),
            from,
        };
        desk.office().decide_staff_change(&person.actor, request).await
    };
    match done {
        Ok(_) => Ok(Redirect::to("/desk/staff-requests").into_response()),
        Err(Failure::Refused(refusal)) => requests_page(&desk, &person, refusal.sentence).await,
        Err(failure) => Err(failure.into()),
    }
}

/// The id of a request in a form.
pub(crate) fn id(request: &proto::StaffRequestView) -> String {
    words::hex(&request.id)
}
