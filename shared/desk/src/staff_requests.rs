//! 人员调整申请: what offices have asked for, and the centre's answer.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use sanji_proto::v1 as proto;

use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted};
use crate::office::Failure;
use crate::problem::{Problem, page};
use crate::state::Desk;

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
    requests.sort_by_key(|request| request.decided_ms != 0);
    let frame = Frame::staff(desk, person, Tab::People).await;
    page(&RequestsPage { frame, requests, refusal })
}

/// `POST /desk/staff-requests`: consents to one, or refuses it.
pub(crate) async fn decide(State(desk): State<Desk>, posted: Posted) -> Result<Response, Problem> {
    let Posted { person, form } = posted;
    let request = proto::DecideStaffChangeRequest {
        id: data_encoding::HEXLOWER.decode(form.value("id").as_bytes()).unwrap_or_default(),
        approved: form.value("what") == "approve",
        words: form.value("words").to_owned(),
        number: form.value("number").to_owned(),
    };
    match desk.office().decide_staff_change(&person.actor, request).await {
        Ok(_) => Ok(Redirect::to("/desk/staff-requests").into_response()),
        Err(Failure::Refused(refusal)) => requests_page(&desk, &person, refusal.sentence).await,
        Err(failure) => Err(failure.into()),
    }
}

/// The id of a request in a form.
pub(crate) fn id(request: &proto::StaffRequestView) -> String {
    data_encoding::HEXLOWER.encode(&request.id)
}
