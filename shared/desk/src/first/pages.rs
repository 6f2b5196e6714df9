//! The page, what is shown while the person waits, and the addresses of both.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::cookie::CookieJar;

use super::{Enrolled, Failed, First, SoFar, Way, forms};
use crate::frame::Frame;
use crate::guard::Visitor;
use crate::problem::Problem;
use crate::{assets, bundles, headers, words};

/// Where the page stands: whoever loads it again once there is a station finds the login.
pub(super) const PAGE: &str = "/desk/login";
/// Largest form that is typed.
const TYPED_BYTES: usize = 16 * 1024;
/// An invitation has a few thousand bytes; whoever chose a photograph shall be told so.
const INVITATION_BYTES: usize = 8 * 1024 * 1024;
/// How long a form may take to come; the answer as long as a bundle.
const FORM_TIME: Duration = Duration::from_secs(60);
const ANSWER_TIME: Duration = Duration::from_secs(60 * 60);
const ANSWER_PATH: &str = "/desk/enrol/answer";

/// The first page as a service.
pub(super) fn router(first: First) -> Router {
    Router::new()
        .route(PAGE, get(show))
        .route("/desk/enrol", post(forms::by_line).layer(DefaultBodyLimit::max(TYPED_BYTES)))
        .route("/desk/enrol/request", get(download).post(forms::request).layer(DefaultBodyLimit::max(INVITATION_BYTES)))
        .route(ANSWER_PATH, post(forms::answer).layer(DefaultBodyLimit::max(bundles::BUNDLE_LIMIT_BYTES)))
        .route("/assets/desk.css", get(assets::style))
        .route("/assets/desk.js", get(assets::script))
        // Whatever else was kept as a bookmark leads here.
        .fallback(|| async { Redirect::to(PAGE) })
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn(from_here))
        .layer(middleware::from_fn(told))
        .layer(middleware::from_fn(headers::secure))
        .with_state(first)
}

async fn in_time(request: Request, next: Next) -> Response {
    let time = if request.uri().path() == ANSWER_PATH { ANSWER_TIME } else { FORM_TIME };
    match tokio::time::timeout(time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::too_slow().into_response(),
    }
}

/// Only a browser on this machine that was told this machine's own name, and only forms of this page. The listener is on
/// loopback, but any site may send a browser there, and may give its own name this machine's address: it would read the
/// page's token as its own and enrol the station into a district of its own.
async fn from_here(request: Request, next: Next) -> Response {
    match not_from_here(&request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn not_from_here(request: &Request) -> Option<Problem> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_this_machine(host));
    let Some(host) = host else {
        let sentence = "注册页面只能在本机上打开。请在这台电脑的浏览器中输入以http://127.0.0.1开头的地址。";
        return Some(Problem::bad_request(sentence));
    };
    // Old browsers send no origin with a form: the form's token is enough for them.
    let origin = request.headers().get(ORIGIN).filter(|_| request.method() == Method::POST)?;
    (origin.as_bytes() != format!("http://{host}").as_bytes()).then(|| {
        tracing::warn!("desk.form.forged");
        Problem::forged()
    })
}

fn is_this_machine(host: &str) -> bool {
    host.parse::<Authority>().is_ok_and(|authority| {
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    })
}

async fn told(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let Some(problem) = Problem::in_answer(&mut response) else { return response };
    let status = response.status();
    problem.told(status, Frame::first(String::new()), (PAGE, "返回注册页面"))
}

#[derive(Template)]
#[template(path = "first.html")]
struct FirstPage {
    frame: Frame,
    so_far: SoFar,
    /// What went wrong with this form; empty: nothing.
    by_line: Fault,
    request: Fault,
    answer: Fault,
    station: String,
    hub: String,
    /// Whether the request that was made can be saved.
    made: bool,
    /// Whether the way without a line is unfolded, and not the other.
    by_file: bool,
}

/// What is wrong with a form.
#[derive(Default)]
struct Fault {
    sentence: String,
    field: &'static str,
}

impl Fault {
    /// Class of a field.
    fn class(&self, field: &str) -> &'static str {
        if self.field == field { " wrong" } else { "" }
    }

    /// What a screen reader says of a field.
    fn aria(&self, field: &str) -> &'static str {
        if self.field == field { " aria-invalid=\"true\"" } else { "" }
    }
}

#[derive(Template)]
#[template(path = "first_wait.html")]
struct WaitPage {
    frame: Frame,
    title: &'static str,
    sentence: &'static str,
    /// Seconds until the browser looks again, and where.
    seconds: u32,
    next: String,
}

/// `GET /desk/login`
pub(super) async fn show(State(first): State<First>, cookies: CookieJar) -> Response {
    let visitor = first.visitor(&cookies);
    (visitor.cookie_named(first.0.form_token_cookie.clone(), false), first.page(&visitor)).into_response()
}

/// `GET /desk/enrol/request`: the request that was made, for the stick. It is encrypted to the hub.
async fn download(State(first): State<First>) -> Response {
    let Some(request) = first.request() else { return Redirect::to(PAGE).into_response() };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (CONTENT_DISPOSITION, words::saved_as(&format!("注册请求-{}.sanji", request.station))),
    ];
    (headers, request.bytes).into_response()
}

impl First {
    pub(super) fn visitor(&self, cookies: &CookieJar) -> Visitor {
        Visitor::of(cookies, &self.0.form_token_cookie, &self.0.form_secret)
    }

    /// What there is to see now.
    fn page(&self, visitor: &Visitor) -> Response {
        let frame = Frame::first(visitor.csrf.clone());
        if let Some(enrolled) = self.0.outcome.get() {
            return rendered(StatusCode::OK, &self.starting(frame, *enrolled));
        }
        if self.is_working() {
            let wait = WaitPage {
                frame,
                title: "正在注册",
                sentence: "正在与区中心联系，请稍候，不要关闭电脑。线路较慢时可能需要几分钟。",
                seconds: 2,
                next: PAGE.to_owned(),
            };
            return rendered(StatusCode::OK, &wait);
        }
        self.form(frame, self.failed(), StatusCode::OK)
    }

    fn starting(&self, frame: Frame, enrolled: Enrolled) -> WaitPage {
        // A desk at another address can't be asked here whether it is there.
        let (seconds, next) = match self.0.desk {
            None => (2, PAGE.to_owned()),
            Some(desk) => (8, format!("http://{desk}{PAGE}")),
        };
        let sentence = match enrolled {
            Enrolled::Whole => "本站已经注册成功，正在启动，几秒钟后自动打开登录页面。",
            Enrolled::Partly => {
                "本站已经注册成功，正在启动。区中心给的资料有一部分没有存下来：有网络的会自动补齐；\
                 没有网络的，登录不了时请联系管理员重新导入答复文件。"
            }
        };
        WaitPage { frame, title: "注册成功，正在启动", sentence, seconds, next }
    }

    /// The form again, with what was wrong.
    pub(super) fn again(&self, visitor: &Visitor, failed: Failed) -> Response {
        self.form(Frame::first(visitor.csrf.clone()), Some(failed), StatusCode::UNPROCESSABLE_ENTITY)
    }

    fn form(&self, frame: Frame, failed: Option<Failed>, status: StatusCode) -> Response {
        let (so_far, unusable) = match self.0.enrolling.so_far() {
            Ok(so_far) => (so_far, None),
            Err(hindrance) => (SoFar::default(), Some(hindrance)),
        };
        let fault = |way: Way| {
            // An answer to nothing: its form is not there, and the first step is what is to be done.
            let shown_at = |of: Way| if of == Way::Answer && so_far.asked.is_none() { Way::Request } else { of };
            let of = failed.as_ref().filter(|failed| shown_at(failed.way) == way).map(|failed| &failed.hindrance);
            let hindrance = of.or(unusable.as_ref().filter(|_| way == Way::Line));
            hindrance.map(|it| Fault { sentence: it.sentence(), field: it.field() }).unwrap_or_default()
        };
        let known = so_far.backup.or(so_far.asked).map(|station| station.to_string()).unwrap_or_default();
        let typed = failed.as_ref().map(|failed| failed.station.clone()).filter(|station| !station.is_empty());
        let page = FirstPage {
            frame,
            by_line: fault(Way::Line),
            request: fault(Way::Request),
            answer: fault(Way::Answer),
            station: typed.unwrap_or(known),
            hub: failed.as_ref().map(|failed| failed.hub.clone()).unwrap_or_default(),
            made: self.request().is_some(),
            by_file: failed.as_ref().map_or(so_far.asked.is_some(), |failed| failed.way != Way::Line),
            so_far,
        };
        rendered(status, &page)
    }
}

fn rendered(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => Problem::broken(&error).into_response(),
    }
}
