//! The first page on a program that only says what it was asked: every reason is told, nothing secret comes back, and
//! nobody but a browser on this machine gets in.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{Request, StatusCode};
use tokio::sync::Notify;
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;

use super::browser::{Answer, Browser};
use crate::first::router;
use crate::{Enrolled, Enrolling, EnrolmentRequest, Hindrance, SoFar, Upload};

const PAGE: &str = "/desk/login";
const ENROL: &str = "/desk/enrol";
const REQUEST: &str = "/desk/enrol/request";
const ANSWER: &str = "/desk/enrol/answer";
const CODE: &str = "3K8Q-7ZK0-M4P2-Q9XA-0123-4567-89AB";

/// What the program will say, and what it was asked.
#[derive(Default)]
struct Program {
    so_far: Mutex<SoFar>,
    hindrance: Mutex<Option<Hindrance>>,
    asked: Mutex<Vec<String>>,
    /// Attempts end only when told to.
    slow: Option<Notify>,
}

impl Program {
    async fn done(&self, asked: String) -> Result<(), Hindrance> {
        self.asked.lock().unwrap().push(asked);
        if let Some(slow) = &self.slow {
            slow.notified().await;
        }
        self.hindrance.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Enrolling for Program {
    fn so_far(&self) -> Result<SoFar, Hindrance> {
        Ok(*self.so_far.lock().unwrap())
    }

    async fn enrol(&self, station: &str, hub: &str, code: &str) -> Result<Enrolled, Hindrance> {
        self.done(format!("{station} at {hub} with {code}")).await.map(|()| Enrolled::Whole)
    }

    async fn request(&self, station: &str, code: &str, invitation: &str) -> Result<EnrolmentRequest, Hindrance> {
        self.done(format!("{station} by {invitation} with {code}")).await?;
        let station = station.parse().unwrap();
        self.so_far.lock().unwrap().asked = Some(station);
        Ok(EnrolmentRequest { station, bytes: "request".into() })
    }

    async fn keep_answer(&self, mut answer: Upload<'_>) -> Result<(), Hindrance> {
        let mut kept = String::new();
        while let Some(part) = answer.next().await {
            kept.push_str(std::str::from_utf8(&part.map_err(|_| Hindrance::Upload)?).unwrap());
        }
        self.asked.lock().unwrap().push(kept);
        Ok(())
    }

    async fn open_answer(&self) -> Result<Enrolled, Hindrance> {
        self.done("open".to_owned()).await.map(|()| Enrolled::Partly)
    }
}

struct Visit {
    browser: Browser,
    program: Arc<Program>,
    enrolled: CancellationToken,
    csrf: String,
}

async fn visit(program: Program) -> Visit {
    let (program, enrolled) = (Arc::new(program), CancellationToken::new());
    let mut browser = Browser::over(router(program.clone(), None, enrolled.clone()).unwrap());
    let csrf = browser.get(PAGE).await.field("csrf").to_owned();
    Visit { browser, program, enrolled, csrf }
}

impl Visit {
    async fn enrol(&mut self, station: &str, hub: &str, code: &str) -> Answer {
        let values = [("csrf", self.csrf.as_str()), ("station", station), ("hub", hub), ("code", code)];
        self.browser.post(ENROL, &values).await
    }

    fn asked(&self) -> Vec<String> {
        self.program.asked.lock().unwrap().clone()
    }

    fn fail(&self, hindrance: Hindrance) {
        *self.program.hindrance.lock().unwrap() = Some(hindrance);
    }
}

#[tokio::test]
async fn every_reason_is_told_with_what_to_do_and_the_code_never_comes_back() {
    let station = "990106101203".parse().unwrap();
    let mut visit = visit(Program::default()).await;
    for (hindrance, words) in [
        (Hindrance::NoStation, "12位数字"),
        (Hindrance::District, "请填写本站自己的机构代码"),
        (Hindrance::BackupOf(station), "请把机构代码改为990106101203"),
        (Hindrance::NoAddress, "主机:端口"),
        (Hindrance::NoCode { characters: 0 }, "请输入区中心发来的一次性注册码"),
        (Hindrance::NoCode { characters: 27 }, "您输入了27位"),
        (Hindrance::NoCode { characters: 28 }, "逐位核对"),
        (Hindrance::Unreachable, "连不上区中心。请检查"),
        (Hindrance::NoHub, "不是区中心的注册服务"),
        (Hindrance::WrongAuthority, "注册码没有发出去"),
        (Hindrance::WrongInvitation, "请选择与这个注册码一起发来的邀请文件"),
        (Hindrance::OtherDistrict, "请核对机构代码的前6位"),
        (Hindrance::Clock, "请先把电脑的日期和时间调准"),
        (Hindrance::BrokeOff, "用同一个注册码再注册一次"),
        (Hindrance::Denied, "请区中心重新发一个注册码"),
        (Hindrance::TooManyAttempts { retry_after_s: 61 }, "请2分钟后再试"),
        (Hindrance::HubUnavailable, "请过几分钟再试"),
        (Hindrance::NotUnderstood, "核对软件版本"),
        (Hindrance::Folder, "请联系管理员处理后再试"),
    ] {
        visit.fail(hindrance.clone());
        let answer = visit.enrol("990106 101203", "hub。example：7101", CODE).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{hindrance:?}");
        answer.shows(&[words, "id=\"faults\"", "value=\"990106 101203\"", "value=\"hub.example:7101\""]);
        answer.hides(&[CODE, "3K8Q"]);
        // Whoever loads the page again is told so again.
        let page = visit.browser.get(PAGE).await;
        page.shows(&[words]);
        page.hides(&["3K8Q"]);
    }
    assert_eq!(visit.asked()[0], format!("990106101203 at hub.example:7101 with {CODE}"));
    assert!(!visit.enrolled.is_cancelled());
}

#[tokio::test]
async fn once_enrolled_the_page_says_so_and_leads_to_the_login_without_script() {
    let mut visit = visit(Program::default()).await;
    visit.browser.get("/").await.shows(&[]);
    assert_eq!(visit.browser.get("/desk/new").await.location(), PAGE);
    let answer = visit.enrol("990106101203", "hub.example:7101", CODE).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, PAGE));
    assert!(visit.enrolled.is_cancelled());
    let page = visit.browser.get(PAGE).await;
    page.shows(&["注册成功，正在启动", "http-equiv=\"refresh\" content=\"2;url=/desk/login\""]);
    page.hides(&["<form", "3K8Q"]);
    // A form that is sent once more does nothing.
    assert_eq!(visit.enrol("990106101203", "hub.example:7101", CODE).await.location(), PAGE);
    assert_eq!(visit.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_attempt_at_a_time_goes_on_to_its_end_though_nobody_waits() {
    let mut visit = visit(Program { slow: Some(Notify::new()), ..Program::default() }).await;
    let first = visit.enrol("990106101203", "hub.example:7101", CODE).await;
    assert_eq!(first.location(), PAGE, "after some seconds the person is told that it goes on");
    visit.browser.get(PAGE).await.shows(&["正在注册", "content=\"2;url=/desk/login\""]);
    assert_eq!(visit.enrol("990106101202", "hub.example:7101", CODE).await.location(), PAGE);
    assert_eq!(visit.asked().len(), 1);
    visit.fail(Hindrance::Denied);
    visit.program.slow.as_ref().unwrap().notify_one();
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    visit.browser.get(PAGE).await.shows(&["请区中心重新发一个注册码", "value=\"990106101203\""]);
}

#[tokio::test]
async fn three_files_go_their_way_and_the_page_knows_how_far_they_are() {
    let mut visit = visit(Program::default()).await;
    let csrf = visit.csrf.clone();
    let page = visit.browser.get(PAGE).await;
    page.shows(&["第一步：制作请求文件"]);
    page.hides(&["第三步", "<details class=\"more\" id=\"by-file\" open"]);
    assert_eq!(visit.browser.get(REQUEST).await.location(), PAGE, "there is none yet");
    let values = [("csrf", csrf.as_str()), ("station", "990106101203"), ("code", CODE)];
    for (name, content) in [("", b"".as_slice()), ("x.jpg", b"\xff\xd8\xff"), ("x", &[b'x'; 70_000])] {
        let answer = visit.browser.upload(REQUEST, &values, ("invitation.files", name, content)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        answer.shows(&["一起给的邀请文件", "open>", "value=\"990106101203\""]);
        answer.hides(&["3K8Q"]);
    }
    let answer = visit.browser.upload(REQUEST, &values, ("invitation.files", "invitation.pem", b"PEM")).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, PAGE), "{}", answer.body);
    visit.browser.get(PAGE).await.shows(&["已为站点990106101203做好请求文件", "第三步", "by-file\" open"]);
    let file = visit.browser.get(REQUEST).await;
    assert_eq!(file.body, "request");
    assert!(file.headers[CONTENT_DISPOSITION].to_str().unwrap().ends_with("-990106101203.sanji"));

    let none = visit.browser.upload(ANSWER, &[("csrf", &csrf)], ("answer.files", "", b"")).await;
    none.shows(&["请先选择区中心给的答复文件"]);
    let station = "990106101000".parse().unwrap();
    for (hindrance, words) in [
        (Hindrance::NotAsked, "请先做第一步"),
        (Hindrance::NoAnswer, "不是区中心对本站请求的答复"),
        (Hindrance::AnswerFor(station), "是给站点990106101000的"),
        (Hindrance::AnswerToEarlier, "以前的请求"),
        (Hindrance::Damaged, "没有拷全"),
        (Hindrance::Later, "更新本站的软件"),
        (Hindrance::Upload, "不要拔出U盘"),
    ] {
        visit.fail(hindrance);
        let refused = visit.browser.upload(ANSWER, &[("csrf", &csrf)], ("answer.files", "a.sanji", b"answer")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        refused.shows(&[words]);
    }
    *visit.program.hindrance.lock().unwrap() = None;
    let opened = visit.browser.upload(ANSWER, &[("csrf", &csrf)], ("answer.files", "a.sanji", b"answer")).await;
    assert_eq!(opened.location(), PAGE);
    assert_eq!(visit.asked()[visit.asked().len() - 2..], ["answer", "open"]);
    visit.browser.get(PAGE).await.shows(&["注册成功，正在启动", "有一部分没有存下来"]);
}

#[tokio::test]
async fn a_form_of_another_page_is_refused_and_another_host_sees_nothing() {
    let mut visit = visit(Program::default()).await;
    let csrf = visit.csrf.clone();
    for token in ["", "0000"] {
        let values = [("csrf", token), ("station", "990106101203"), ("hub", "hub.example:7101"), ("code", CODE)];
        for answer in [
            visit.browser.post(ENROL, &values).await,
            visit.browser.upload(REQUEST, &values, ("invitation.files", "x", b"x")).await,
            visit.browser.upload(ANSWER, &values[..1], ("answer.files", "x", b"x")).await,
        ] {
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
            answer.shows(&["页面已失效", "返回注册页面"]);
        }
    }
    let body = format!("csrf={csrf}&station=990106101203&hub=hub.example%3A7101&code={CODE}");
    let form = |host: &str, origin: Option<&str>| {
        let request = Request::post(ENROL).header(CONTENT_TYPE, "application/x-www-form-urlencoded").header(HOST, host);
        let request = origin.into_iter().fold(request, |request, origin| request.header(ORIGIN, origin));
        request.body(Body::from(body.clone())).unwrap()
    };
    for origin in ["null", "http://evil.example", "http://127.0.0.1:7181", "https://127.0.0.1:7180"] {
        assert_eq!(visit.browser.send(form("127.0.0.1:7180", Some(origin))).await.status, StatusCode::FORBIDDEN);
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "192.168.1.5:7180", "localhost.evil.example:7180", ""] {
        let answer = visit.browser.send(form(host, None)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{host}");
        let seen = Request::get(PAGE).header(HOST, host).body(Body::empty()).unwrap();
        let answer = visit.browser.send(seen).await;
        answer.shows(&["只能在本机上打开"]);
        answer.hides(&["name=\"csrf\" value=\"0", "<form"]);
    }
    assert!(visit.asked().is_empty());
    for host in ["localhost:7180", "[::1]:7180", "127.0.0.1"] {
        let seen = Request::get(PAGE).header(HOST, host).body(Body::empty()).unwrap();
        let page = visit.browser.send(seen).await;
        page.shows(&["站点注册"]);
        for header in ["content-security-policy", "x-frame-options", "referrer-policy"] {
            assert!(page.headers.contains_key(header), "{header}");
        }
        assert_eq!(page.headers["cache-control"], "no-store");
    }
    let own = visit.browser.send(form("localhost:7180", Some("http://localhost:7180"))).await;
    assert_eq!(own.location(), PAGE);
}

#[tokio::test]
async fn a_form_that_is_too_large_is_not_read_and_a_backup_is_named() {
    let mut visit = visit(Program::default()).await;
    let long = "x".repeat(20_000);
    let answer = visit.enrol(&long, "hub.example:7101", CODE).await;
    assert!(answer.status.is_client_error() && visit.asked().is_empty(), "{}", answer.status);
    visit.program.so_far.lock().unwrap().backup = Some("990106101203".parse().unwrap());
    visit.browser.get(PAGE).await.shows(&["已恢复站点990106101203的备份", "value=\"990106101203\""]);
}
