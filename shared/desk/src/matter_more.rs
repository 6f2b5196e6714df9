//! 回访, 公告通报 and 考核 at the desk.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use data_encoding::HEXLOWER;
use sanji_proto::v1 as proto;
use sanji_station::views::assessment_file;
use serde::Deserialize;

use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted};
use crate::ledgers;
use crate::office::Failure;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

#[derive(Template)]
#[template(path = "matter_call_backs.html")]
struct CallBacksPage {
    frame: Frame,
    tab: &'static str,
    rows: Vec<proto::CallBackRow>,
}

#[derive(Template)]
#[template(path = "matter_notices.html")]
struct NoticesPage {
    frame: Frame,
    tab: &'static str,
    notices: Vec<proto::NoticeView>,
    /// Whether the person may publish.
    publishes: bool,
    wrong: String,
    title: String,
    text: String,
}

#[derive(Template)]
#[template(path = "matter_assessment.html")]
struct AssessmentPage {
    frame: Frame,
    tab: &'static str,
    year: u32,
    month: u32,
    wrong: String,
    table: proto::Assessment,
}

/// `GET /desk/call-backs`
pub(crate) async fn call_backs(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    let rows = desk.office().call_backs(&person.actor).await?.rows;
    let frame = Frame::staff(&desk, &person, Tab::Matters).await;
    page(&CallBacksPage { frame, tab: "/desk/call-backs", rows })
}

/// `GET /desk/notices`
pub(crate) async fn notices(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    page(&notices_page(&desk, &person, String::new()).await)
}

async fn notices_page(desk: &Desk, person: &Person, wrong: String) -> NoticesPage {
    use sanji_domain::Role;
    let request = proto::NoticesRequest { all: true, circulars: true };
    let notices = desk.office().notices(Some(&person.actor), &request).notices;
    let roles = &person.actor.staff.roles;
    let publishes = roles.iter().any(|role| matches!(role, Role::Administrator | Role::Supervisor));
    let frame = Frame::staff(desk, person, Tab::Matters).await;
    NoticesPage { frame, tab: "/desk/notices", notices, publishes, wrong, title: String::new(), text: String::new() }
}

/// `POST /desk/notices`
pub(crate) async fn publish(State(desk): State<Desk>, Posted { person, form }: Posted) -> Result<Response, Problem> {
    let request = proto::PublishNoticeRequest {
        request: form.request()?.as_bytes().to_vec(),
        kind: i32::try_from(form.number("kind")).unwrap_or_default(),
        title: form.value("title").to_owned(),
        text: form.value("text").to_owned(),
        from: words::read_day(form.value("from")).unwrap_or_default(),
        until: words::read_day(form.value("until")).unwrap_or_default(),
    };
    let (title, text) = (request.title.clone(), request.text.clone());
    match desk.office().publish_notice(&person.actor, request).await {
        Ok(_) => Ok(Redirect::to("/desk/notices").into_response()),
        Err(Failure::Refused(refusal)) => {
            let again = NoticesPage { title, text, ..notices_page(&desk, &person, refusal.sentence).await };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&again)?).into_response())
        }
        Err(failure) => Err(failure.into()),
    }
}

/// `POST /desk/notices/withdraw`
pub(crate) async fn withdraw(State(desk): State<Desk>, Posted { person, form }: Posted) -> Result<Response, Problem> {
    let id = HEXLOWER.decode(form.value("id").as_bytes()).map_err(|_| Problem::not_found())?;
    desk.office().withdraw_notice(&person.actor, &id).await?;
    Ok(Redirect::to("/desk/notices").into_response())
}

/// Which period, and in which form.
#[derive(Deserialize)]
pub(crate) struct Period {
    #[serde(default)]
    year: String,
    #[serde(default)]
    month: String,
    /// `csv` or `xlsx`: as a file.
    #[serde(default)]
    file: String,
}

/// `GET /desk/assessment`
pub(crate) async fn assessment(
    State(desk): State<Desk>,
    Query(period): Query<Period>,
    person: Person,
) -> Result<Response, Problem> {
    let frame = Frame::staff(&desk, &person, Tab::Matters).await;
    let year = period.year.parse().unwrap_or(words::today(frame.clock_ms) / 10_000);
    let month = period.month.parse().unwrap_or(0);
    let request = proto::AssessRequest { year, month };
    let (table, wrong) = match desk.office().assess(&person.actor, request).await {
        Ok(table) => (table, String::new()),
        Err(Failure::Refused(refusal)) => (proto::Assessment::default(), refusal.sentence),
        Err(failure) => return Err(failure.into()),
    };
    if !period.file.is_empty() && wrong.is_empty() {
        let (format, ending, media_type) = ledgers::file_format(&period.file);
        let staff = &person.actor.staff;
        let file = assessment_file(&table, format, &format!("导出人：{}（{}）", staff.name, staff.id))?;
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(media_type)),
            (CONTENT_DISPOSITION, words::saved_as(&format!("考核-{year}-{month:02}.{ending}"))),
        ];
        return Ok((headers, file).into_response());
    }
    page(&AssessmentPage { frame, tab: "/desk/assessment", year, month, wrong, table })
}

/// A score or points as they are kept, in tenths.
pub(crate) fn tenths(value: &u32) -> String {
    format!("{}.{}", value / 10, value % 10)
}

/// The words of a group of the assessment.
pub(crate) fn group(name: &str) -> &'static str {
    match name {
        "staff" => "工作人员",
        "department" => "部门",
        _ => "乡镇（街道）",
    }
}
