//! Bundles on a USB stick: write one for another station, read one, and see what went to and fro last.

use std::io;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sanji_log::StationCode;
use sanji_proto::v1::export_bundle_part::Part;
use sanji_station::service::bundles::Parts;
use tokio_stream::StreamExt as _;

use crate::exchange::{Brought, Confirmed, LastExchange, may_exchange};
use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted};
use crate::incoming::Incoming;
use crate::problem::{Problem, page};
use crate::refusals;
use crate::state::Desk;
use crate::words;

/// Largest file that is taken: what FAT32, the usual format of a stick, can hold.
pub(crate) const BUNDLE_LIMIT_BYTES: usize = u32::MAX as usize;
/// Stations whose last exchange is shown; a hub has hundreds below it.
const SHOWN: usize = 50;
/// Choices for the attachments of one bundle, in megabytes.
const ATTACHMENTS_MB: [(&str, &str); 3] =
    [("", "全部带上（最多2 GB）"), ("200", "最多200 MB，其余下次再带"), ("0", "不带附件，只带办理记录")];

#[derive(Template)]
#[template(path = "bundles.html")]
struct BundlesPage {
    frame: Frame,
    /// Whether the person may write and read bundles.
    allowed: bool,
    /// Code and name; stations above come first.
    partners: Vec<(String, String)>,
    choices: &'static [(&'static str, &'static str)],
    last: Vec<Partner>,
    news: Option<News>,
}

/// A station with which bundles were exchanged.
struct Partner {
    name: String,
    exchange: LastExchange,
    confirmed: Confirmed,
}

/// What became of the bundle that was just brought.
struct News {
    /// Class of the box: `good`, `warn` or `bad`.
    class: &'static str,
    sentence: String,
    details: Vec<String>,
}

/// `GET /desk/bundles`
pub(crate) async fn show(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    page(&bundles_page(&desk, &person, None).await)
}

/// `POST /desk/bundles/export`: the file, for the browser to save.
pub(crate) async fn export(State(desk): State<Desk>, posted: Posted) -> Result<Response, Problem> {
    check_may(&posted.person)?;
    let to: StationCode =
        posted.form.value("to").parse().map_err(|_| Problem::bad_request("请选择接收离线包的站点。"))?;
    if !desk.exchange().partners().contains(&to) {
        return Err(Problem::bad_request("不能为这个站点制作离线包：只能选择本站的上级或下级站点。"));
    }
    let megabytes: Option<u64> = posted.form.value("attachments").parse().ok();
    let parts = desk.exchange().export(to, megabytes.map(|megabytes| megabytes.saturating_mul(1_000_000)));
    save(parts, &file_name(&desk, to).await).await
}

/// A bundle for the browser to save.
pub(crate) async fn save(mut parts: Parts, file_name: &str) -> Result<Response, Problem> {
    // What fails at once is told on a page; what fails later breaks the download off.
    let first = match parts.next().await {
        Some(Ok(first)) => first,
        Some(Err(_)) | None => return Err(Problem::bundle("离线包没有制作成功。请重试；再次出现请联系管理员。")),
    };
    let content = tokio_stream::once(Ok(first)).chain(parts).map(|part| match part {
        Ok(part) => match part.part {
            Some(Part::Data(data)) => Ok(Bytes::from(data)),
            Some(Part::Exported(_)) | None => Ok(Bytes::new()),
        },
        Err(status) => Err(io::Error::other(status)),
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (CONTENT_DISPOSITION, words::saved_as(file_name)),
    ];
    Ok((headers, Body::from_stream(content)).into_response())
}

/// `POST /desk/bundles/import`: the file is read as it comes, so its size costs no memory.
pub(crate) async fn import(State(desk): State<Desk>, person: Person, request: Request) -> Result<Response, Problem> {
    let mut incoming = Incoming::of(request, &person.csrf).await?;
    check_may(&person)?;
    let Some(upload) = incoming.file().await? else {
        return answer(&desk, &person, News::bad("请先选择要导入的离线包文件。".to_owned(), Vec::new())).await;
    };
    let read = desk.exchange().import(person.actor.staff.id.as_str(), upload).await;
    let Some((brought, read)) = read else { return Err(Problem::bundle("离线包没有读完。请重试。")) };
    let name = |code| full_name(&desk, code);
    let mut details = brought.as_ref().map(|brought| details(brought, &name(brought.sender))).unwrap_or_default();
    let refused = refusals::told(&brought.map(|brought| brought.refused).unwrap_or_default(), name);
    let news = match read {
        Ok(()) if !refused.is_empty() => {
            details.splice(..0, refused);
            let sentence = "离线包已导入，但有部分记录没有接收。请按下列提示处理，其余内容已存入本站：".to_owned();
            News { class: "warn", sentence, details }
        }
        Ok(()) => News { class: "good", sentence: "离线包已导入，内容已存入本站。".to_owned(), details },
        Err(error) => News::bad(error.sentence(name), details),
    };
    answer(&desk, &person, news).await
}

impl News {
    fn bad(sentence: String, details: Vec<String>) -> Self {
        Self { class: "bad", sentence, details }
    }
}

async fn answer(desk: &Desk, person: &Person, news: News) -> Result<Response, Problem> {
    let status = if news.class == "bad" { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, page(&bundles_page(desk, person, Some(news)).await)?).into_response())
}

fn details(brought: &Brought, sender: &str) -> Vec<String> {
    let mut details = vec![
        format!("制作：{sender}，{}", words::time(&brought.created_ms)),
        format!("新收到{}条办理记录、{}个完整附件", brought.entries, brought.attachments),
        format!("对方确认已收到的回执{}份", brought.receipts),
    ];
    if brought.entries_not_taken > 0 {
        details.push(format!("{}条记录本站已有或未接收，已略过（重复导入无妨）", brought.entries_not_taken));
    }
    details
}

fn check_may(person: &Person) -> Result<(), Problem> {
    if may_exchange(&person.actor.staff) {
        return Ok(());
    }
    Err(Problem::not_yours("离线包由代办员、窗口人员或管理员导出和导入。"))
}

async fn bundles_page(desk: &Desk, person: &Person, news: Option<News>) -> BundlesPage {
    let frame = Frame::staff(desk, person, Tab::Bundles).await;
    let name = |code: StationCode| full_name(desk, code);
    let exchange = desk.exchange();
    let last = exchange.history(SHOWN).await.into_iter();
    let last = last.map(|(station, exchange, confirmed)| Partner { name: name(station), exchange, confirmed });
    BundlesPage {
        frame,
        allowed: may_exchange(&person.actor.staff),
        last: last.collect(),
        partners: exchange.partners().into_iter().map(|code| (code.to_string(), name(code))).collect(),
        choices: &ATTACHMENTS_MB,
        news,
    }
}

fn full_name(desk: &Desk, station: StationCode) -> String {
    words::official_name(&desk.office().station_name(station), station.tier())
}

/// Says from whom to whom and when, for whoever finds three files on a stick.
async fn file_name(desk: &Desk, to: StationCode) -> String {
    let from = desk.office().info().name;
    let at = words::stamp(desk.office().status().await.clock_ms);
    format!("离线包-{from}-给{}-{at}.sanji", desk.office().station_name(to))
}
