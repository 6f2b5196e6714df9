//! Pages for everybody, on the hub: looking up a case with its number and query code.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use sanji_proto::v1 as proto;

use crate::frame::{Frame, Tab};
use crate::guard::{ClientAddress, PostedByAnyone, Visitor};
use crate::office::Failure;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

#[derive(Template)]
#[template(path = "public_home.html")]
struct PublicHome {
    frame: Frame,
    number: String,
    wrong: String,
}

#[derive(Template)]
#[template(path = "public_case.html")]
struct PublicCase {
    frame: Frame,
    /// As they were typed, for the form with which the case is rated.
    number: String,
    code: String,
    case: proto::QueryReply,
}

/// `GET /`: the public home on a hub, the desk elsewhere.
pub(crate) async fn home(State(desk): State<Desk>, visitor: Visitor) -> Result<Response, Problem> {
    if !desk.options().public_pages {
        return Ok(Redirect::to("/desk").into_response());
    }
    let frame = Frame::public(&desk, visitor.csrf.clone(), Tab::Cases);
    let home = page(&PublicHome { frame, number: String::new(), wrong: String::new() })?;
    Ok((visitor.cookie(&desk), home).into_response())
}

/// `POST /query`. The answer comes at once and not after a redirect: number and code belong into no address.
pub(crate) async fn query(
    State(desk): State<Desk>,
    ClientAddress(client): ClientAddress,
    PostedByAnyone { form, visitor }: PostedByAnyone,
) -> Result<Response, Problem> {
    let number = form.value("number").to_owned();
    let code = words::digits(form.value("code"));
    let request = proto::QueryRequest { case_number: words::digits(&number), query_code: code.clone() };
    let frame = Frame::public(&desk, visitor.csrf.clone(), Tab::Cases);
    let wrong = match desk.office().query(request, client).await {
        Ok(case) => return page(&PublicCase { frame, number, code, case }),
        Err(Failure::NotFound) => {
            "没有找到这个办件，请核对办件编号和查询码。刚登记的办件，可能还没有报送到区中心。".to_owned()
        }
        Err(failure @ (Failure::Refused(_) | Failure::TooManyAttempts { .. })) => {
            Problem::from(failure).sentence().to_owned()
        }
        Err(failure) => return Err(failure.into()),
    };
    let again = PublicHome { frame, number, wrong };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, visitor.cookie(&desk), Html(again.render()?)).into_response())
}
