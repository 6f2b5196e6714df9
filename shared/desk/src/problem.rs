//! One error type that becomes a page: a status, one sentence for the person, and where to go from there.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;

use crate::frame::{Frame, Tab};
use crate::guard::Person;
use crate::office::{Failure, Refusal};
use crate::state::Desk;

/// Why a page can't be shown.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    title: &'static str,
    sentence: String,
    /// Legal source of a refusal; empty: none.
    basis: String,
    /// Where the person goes instead of seeing a page.
    go_to: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, title: &'static str, sentence: impl Into<String>) -> Self {
        Self { status, title, sentence: sentence.into(), basis: String::new(), go_to: None }
    }

    /// The browser sent something that the desk can't read.
    pub(crate) fn bad_request(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "提交的内容有误", sentence)
    }

    /// The form was not made by this desk for this person.
    pub(crate) fn forged() -> Self {
        Self::new(StatusCode::FORBIDDEN, "页面已失效", "为保障安全，本次提交未被接受。请返回上一页，刷新后重新提交。")
    }

    /// No such page, case or attachment, or not for this person.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "没有找到", "没有找到您要的内容，或者您无权查看。请核对编号后重试。")
    }

    /// What the person asks for is somebody else's work.
    pub(crate) fn not_yours(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "您不能进行这项操作", sentence)
    }

    /// A bundle could not be written or read.
    pub(crate) fn bundle(sentence: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "离线包没有处理完", sentence)
    }

    /// More bytes than the desk takes.
    pub(crate) fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "文件过大",
            "单个文件不超过50 MB，一次提交合计不超过64 MB。请压缩或分次提交。",
        )
    }

    /// The request took too long to arrive.
    pub(crate) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "等待超时", "网络较慢，本次提交没有完整收到。请重试。")
    }

    /// The person has to log in first, and comes back to `path` then.
    pub(crate) fn login(path: &str) -> Self {
        let next: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
        let mut problem = Self::new(StatusCode::SEE_OTHER, "请先登录", "请先登录。");
        problem.go_to = Some(format!("/desk/login?next={next}"));
        problem
    }

    /// A page could not be made: a bug, not the person's fault.
    pub(crate) fn broken(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "desk.page.failed");
        Self::internal()
    }

    fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "系统出现故障",
            "本次操作没有完成，已自动记录故障。请稍后重试，或联系管理员。",
        )
    }

    /// The problem that an answer stands for; none where it is an answer as it should be.
    pub(crate) fn in_answer(response: &mut Response) -> Option<Self> {
        match response.extensions_mut().remove::<Self>() {
            Some(problem) => Some(problem),
            None if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
                Some(Self::bad_request("这个地址不能这样打开。请从首页进入。"))
            }
            None if response.status() == StatusCode::PAYLOAD_TOO_LARGE => Some(Self::too_large()),
            None => None,
        }
    }

    /// Its page. `back`: where the person goes on, and what is there.
    pub(crate) fn told(self, status: StatusCode, frame: Frame, back: (&'static str, &'static str)) -> Response {
        match (ErrorPage { frame, problem: self, back }).render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(error) => {
                tracing::error!(error = &error as &(dyn std::error::Error + 'static), "desk.page.failed");
                status.into_response()
            }
        }
    }

    /// The sentence for the person.
    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "暂不能办理", refusal.sentence);
        problem.basis = refusal.basis.unwrap_or_default();
        problem
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::NotFound => Self::not_found(),
            Failure::Stale => Self::new(
                StatusCode::CONFLICT,
                "本件已有新进展",
                "在您操作期间，本件已由他人办理。请打开办件查看最新情况后再办。",
            ),
            Failure::NotHereYet => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "附件尚未到达本站",
                "该附件还没有到齐，到达后即可打开。请稍后再试；没有线路的，待离线包带来。",
            ),
            Failure::TooManyAttempts { retry_after_ms } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "尝试次数过多",
                format!("查询码多次输入错误。请{}分钟后再试。", retry_after_ms.div_ceil(60_000).max(1)),
            ),
            Failure::ReadOnly(reason) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "没有保存", reason),
            Failure::Internal(error) => {
                tracing::error!(error = &error as &(dyn std::error::Error + 'static), "desk.station.failed");
                Self::internal()
            }
        }
    }
}

impl From<askama::Error> for Problem {
    fn from(error: askama::Error) -> Self {
        Self::broken(&error)
    }
}

impl IntoResponse for Problem {
    /// The page itself is made by [`show`], which knows the station.
    fn into_response(self) -> Response {
        match &self.go_to {
            Some(path) => Redirect::to(path).into_response(),
            None => {
                let mut response = self.status.into_response();
                response.extensions_mut().insert(self);
                response
            }
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    problem: Problem,
    /// Where the person goes on, and what is there.
    back: (&'static str, &'static str),
}

/// Gives a [`Problem`] its page.
pub(crate) async fn show(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let cookies = CookieJar::from_headers(request.headers());
    let at_desk = request.uri().path().starts_with("/desk");
    let mut response = next.run(request).await;
    let Some(problem) = Problem::in_answer(&mut response) else { return response };
    let status = response.status();
    let (frame, back) = match Person::of(&desk, &cookies).filter(|_| at_desk) {
        Some(person) => (Frame::staff(&desk, &person, Tab::None).await, ("/desk", "返回我的待办")),
        None if at_desk || !desk.options().public_pages => (Frame::nobody(&desk), ("/desk", "返回登录")),
        None => (Frame::public(&desk, String::new(), Tab::None), ("/", "返回首页")),
    };
    problem.told(status, frame, back)
}

/// Renders a page.
pub(crate) fn page(template: &impl Template) -> Result<Response, Problem> {
    Ok(Html(template.render()?).into_response())
}

/// Renders a form that has to be filled in again.
pub(crate) fn again(template: &impl Template) -> Result<Response, Problem> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(template.render()?)).into_response())
}
