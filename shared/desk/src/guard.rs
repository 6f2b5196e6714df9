//! Who is asking, and did the form come from this desk: the extractors that every handler goes through.
//!
//! The session is the station's; its token travels in a cookie that scripts and other sites can't use. Each
//! form carries a value derived from that token with a secret of this process, so that nothing has to be kept
//! for it. Forms for people who are not logged in (login, public query) use a token of their own, made before.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::RequestExt;
use axum::extract::multipart::Multipart;
use axum::extract::{FromRequest, FromRequestParts, RawForm, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use data_encoding::HEXLOWER;
use subtle::ConstantTimeEq;

use crate::form::{Form, fresh_request};
use crate::office::Actor;
use crate::problem::Problem;
use crate::state::Desk;

/// Address of the browser, set by the listener for each connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

/// A member of staff with a session.
pub(crate) struct Person {
    pub(crate) actor: Actor,
    pub(crate) token: String,
    /// Value that each of the person's forms must carry.
    pub(crate) csrf: String,
}

impl FromRequestParts<Desk> for Person {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Problem> {
        let cookies = CookieJar::from_headers(&parts.headers);
        Self::of(desk, &cookies).ok_or_else(|| Problem::login(parts.uri.path()))
    }
}

impl Person {
    /// The member of staff whose session a browser carries.
    pub(crate) fn of(desk: &Desk, cookies: &CookieJar) -> Option<Self> {
        let token = cookies.get(&desk.session_cookie()).map(|cookie| cookie.value().to_owned()).unwrap_or_default();
        let actor = desk.office().session(&token)?;
        Some(Self { actor, csrf: form_token(desk.form_secret(), &token), token })
    }
}

/// A form sent by a member of staff from a page of this desk.
pub(crate) struct Posted {
    pub(crate) person: Person,
    pub(crate) form: Form,
}

impl FromRequest<Desk> for Posted {
    type Rejection = Problem;

    async fn from_request(request: Request, desk: &Desk) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        // The session comes first: nobody else's body is read.
        let person = Person::from_request_parts(&mut parts, desk).await?;
        let form = read_form(Request::from_parts(parts, body)).await?;
        check(&form, &person.csrf)?;
        Ok(Self { person, form })
    }
}

/// A form sent by somebody who is not logged in, from a page of this desk.
pub(crate) struct PostedByAnyone {
    pub(crate) form: Form,
    pub(crate) visitor: Visitor,
}

impl FromRequest<Desk> for PostedByAnyone {
    type Rejection = Problem;

    async fn from_request(request: Request, desk: &Desk) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, desk).await?;
        let form = read_form(Request::from_parts(parts, body)).await?;
        check(&form, &visitor.csrf)?;
        Ok(Self { form, visitor })
    }
}

/// Somebody who is not logged in, with the token that ties a form to this browser.
pub(crate) struct Visitor {
    pub(crate) csrf: String,
    token: String,
}

impl Visitor {
    /// The visitor whose token stands in the cookie `name`, or a new one.
    pub(crate) fn of(cookies: &CookieJar, name: &str, form_secret: &[u8; 32]) -> Self {
        let token = match cookies.get(name) {
            Some(cookie) if !cookie.value().is_empty() => cookie.value().to_owned(),
            _ => fresh_request(),
        };
        Self { csrf: form_token(form_secret, &token), token }
    }

    /// The cookie to set with the page that holds the form.
    pub(crate) fn cookie(&self, desk: &Desk) -> CookieJar {
        self.cookie_named(desk.visitor_cookie(), desk.options().secure_cookies)
    }

    /// The same under a name, where there is no desk yet.
    pub(crate) fn cookie_named(&self, name: String, secure: bool) -> CookieJar {
        CookieJar::new().add(own_cookie(name, self.token.clone(), secure))
    }
}

impl FromRequestParts<Desk> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Problem> {
        let cookies = CookieJar::from_headers(&parts.headers);
        Ok(Self::of(&cookies, &desk.visitor_cookie(), desk.form_secret()))
    }
}

/// A cookie that only this desk gets back, and no script.
pub(crate) fn cookie(desk: &Desk, name: String, value: String) -> Cookie<'static> {
    own_cookie(name, value, desk.options().secure_cookies)
}

fn own_cookie(name: String, value: String, secure: bool) -> Cookie<'static> {
    Cookie::build((name, value)).path("/").http_only(true).same_site(SameSite::Strict).secure(secure).build()
}

fn form_token(form_secret: &[u8; 32], token: &str) -> String {
    HEXLOWER.encode(blake3::keyed_hash(form_secret, token.as_bytes()).as_bytes())
}

fn check(form: &Form, expected: &str) -> Result<(), Problem> {
    check_token(form.value("csrf"), expected)
}

/// Whether a form carries the value that was given out with it.
pub(crate) fn check_token(sent: &str, expected: &str) -> Result<(), Problem> {
    if bool::from(sent.as_bytes().ct_eq(expected.as_bytes())) {
        Ok(())
    } else {
        tracing::warn!("desk.form.forged");
        Err(Problem::forged())
    }
}

/// The form of a request, in either of the two encodings.
pub(crate) async fn read_form(request: Request) -> Result<Form, Problem> {
    let multipart =
        request.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"multipart/form-data"));
    let unreadable = || Problem::bad_request("提交的内容没有完整收到，请返回上一页重试。");
    if multipart {
        let parts: Multipart = request.extract().await.map_err(|_| unreadable())?;
        Form::from_multipart(parts).await
    } else {
        let RawForm(bytes) = request.extract().await.map_err(|_| unreadable())?;
        Ok(Form::from_pairs(form_urlencoded::parse(&bytes).into_owned()))
    }
}
