//! Logging in and out, and changing the password. Works without any line.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use serde::Deserialize;

use crate::frame::{Frame, Tab};
use crate::guard::{ClientAddress, Person, Posted, PostedByAnyone, Visitor, cookie};
use crate::office::LoginFailure;
use crate::problem::{Problem, again, page};
use crate::state::Desk;

/// Shortest new password, in characters.
const PASSWORD_LENGTH: usize = 8;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    staff: String,
    next: String,
    wrong: String,
}

/// Where the person wanted to go.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    next: String,
}

/// `GET /desk/login`
pub(crate) async fn form(
    State(desk): State<Desk>,
    Query(wanted): Query<Wanted>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let login = LoginPage {
        frame: Frame::visitor(&desk, &visitor),
        staff: String::new(),
        next: inside(&wanted.next).to_owned(),
        wrong: String::new(),
    };
    Ok((visitor.cookie(&desk), page(&login)?).into_response())
}

/// `POST /desk/login`
pub(crate) async fn log_in(
    State(desk): State<Desk>,
    ClientAddress(client): ClientAddress,
    PostedByAnyone { form, visitor }: PostedByAnyone,
) -> Result<Response, Problem> {
    let staff = form.value("staff");
    let next = inside(form.value("next"));
    let wrong = match desk.office().login(staff, form.value("password"), client).await {
        Ok(token) => {
            let session = CookieJar::new().add(cookie(&desk, desk.session_cookie(), token));
            return Ok((session, Redirect::to(next)).into_response());
        }
        Err(failure) => failure.sentence(),
    };
    let login =
        LoginPage { frame: Frame::visitor(&desk, &visitor), staff: staff.to_owned(), next: next.to_owned(), wrong };
    Ok((StatusCode::UNAUTHORIZED, visitor.cookie(&desk), Html(login.render()?)).into_response())
}

/// Only pages of the desk are followed after the login.
fn inside(next: &str) -> &str {
    let path = next.strip_prefix("/desk").unwrap_or("?");
    if (path.is_empty() || path.starts_with('/')) && !next.contains(['\\', '\r', '\n']) { next } else { "/desk" }
}

/// `POST /desk/logout`
pub(crate) async fn log_out(State(desk): State<Desk>, Posted { person, .. }: Posted) -> Response {
    desk.office().logout(&person.token);
    let mut gone = cookie(&desk, desk.session_cookie(), String::new());
    gone.make_removal();
    (CookieJar::new().add(gone), Redirect::to("/desk/login")).into_response()
}

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    /// Id of the person, so that the browser keeps the new password under it.
    staff: String,
    wrong: String,
    done: bool,
}

/// Whether the password has just been changed.
#[derive(Deserialize)]
pub(crate) struct Changed {
    #[serde(default)]
    done: String,
}

/// `GET /desk/password`
pub(crate) async fn password_form(
    State(desk): State<Desk>,
    Query(changed): Query<Changed>,
    person: Person,
) -> Result<Response, Problem> {
    let frame = Frame::staff(&desk, &person, Tab::None).await;
    let staff = person.actor.staff.id.to_string();
    page(&PasswordPage { frame, staff, wrong: String::new(), done: !changed.done.is_empty() })
}

/// `POST /desk/password`
pub(crate) async fn change_password(
    State(desk): State<Desk>,
    Posted { person, form }: Posted,
) -> Result<Response, Problem> {
    let new = form.value("new");
    let wrong = if new.chars().count() < PASSWORD_LENGTH {
        format!("新密码不少于{PASSWORD_LENGTH}个字符。")
    } else if new != form.value("repeat") {
        "两次输入的新密码不一致。".to_owned()
    } else {
        match desk.office().change_password(&person.actor, form.value("old"), new).await {
            Ok(()) => return Ok(Redirect::to("/desk/password?done=1").into_response()),
            Err(LoginFailure::Wrong) => "原密码不正确。".to_owned(),
            Err(failure) => failure.sentence(),
        }
    };
    let frame = Frame::staff(&desk, &person, Tab::None).await;
    let staff = person.actor.staff.id.to_string();
    again(&PasswordPage { frame, staff, wrong, done: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_never_leads_elsewhere() {
        assert_eq!(inside("/desk/case/1"), "/desk/case/1");
        assert_eq!(inside("/desk"), "/desk");
        for outside in
            ["", "/", "//evil.example", "https://evil.example", "/desk.evil", "/desk\\evil", "/desk/\r\nX: y"]
        {
            assert_eq!(inside(outside), "/desk", "{outside}");
        }
    }
}
