//! 事务 at the desk and for everybody: forms become messages, nothing typed is lost, nothing hostile is left raw.

use axum::http::StatusCode;
use sanji_proto::v1::{self as proto, act_matter_request::Action, open_matter_request::Opening};

use super::browser::Browser;
use super::fake::{HOSTILE, NUMBER, refusal};
use crate::office::Failure;

const REQUEST: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn nothing_hostile_is_left_raw() {
    let mut browser = Browser::agent();
    for path in [
        "/desk/matters".to_owned(),
        format!("/desk/matter/{NUMBER}"),
        format!("/surveys/{NUMBER}"),
        "/desk/assessment".to_owned(),
    ] {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        answer.hides(&[HOSTILE, "<script>alert"]);
    }
}

#[tokio::test]
async fn a_list_says_what_is_late_and_what_waits_for_the_person() {
    let answer = Browser::agent().get("/desk/matters?kind=complaint&closed=1").await;
    answer.shows(&["已超期", "待您办理", "目标为零", "aria-current=\"page\""]);
    assert_eq!(Browser::agent().get("/desk/matters?kind=unheard").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_complaint_at_the_desk_and_by_the_public() {
    for (path, by_staff) in [("/desk/matters/new/complaint", true), ("/complain", false)] {
        let mut browser = Browser::agent();
        let csrf = browser.get(path).await.field("csrf").to_owned();
        let values = [
            ("csrf", csrf.as_str()),
            ("request", REQUEST),
            ("way", "2"),
            ("station", "990106101000"),
            ("against_words", "3号窗口"),
            ("words", "推诿"),
            ("case_number", "990106 101203 20260701 00427"),
        ];
        let answer = browser.post(path, &values).await;
        answer.shows(&["384056", "20260701"]);
        let memory = browser.memory();
        let (staff, request) = memory.opened.last().unwrap();
        assert_eq!((*staff, request.request.len()), (by_staff, 16));
        let Some(Opening::Complaint(complaint)) = &request.opening else { panic!("{request:?}") };
        assert_eq!(complaint.against.as_ref().unwrap().station, 990_106_101_000);
        assert_eq!(complaint.case_number, NUMBER);
        assert_eq!((complaint.words.as_str(), complaint.way), ("推诿", 2));
    }
}

#[tokio::test]
async fn what_was_typed_is_kept_when_it_is_refused() {
    for path in ["/desk/matters/new/complaint", "/complain"] {
        let mut browser = Browser::agent();
        let csrf = browser.get(path).await.field("csrf").to_owned();
        browser.memory().failure = Some(Failure::Refused(refusal("against", "请写明投诉哪个单位。")));
        let answer = browser.post(path, &[("csrf", &csrf), ("request", REQUEST), ("words", HOSTILE)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        answer.shows(&["请写明投诉哪个单位。", "alert(&#39;x&#39;)"]);
        answer.hides(&[HOSTILE]);
    }
}

#[tokio::test]
async fn actions_become_commands_on_the_rev_that_was_seen() {
    let mut browser = Browser::agent();
    let shown = browser.get(&format!("/desk/matter/{NUMBER}")).await;
    let csrf = shown.field("csrf").to_owned();
    let path = format!("/desk/matter/{NUMBER}/act/conclude");
    let values = [
        ("csrf", csrf.as_str()),
        ("request", REQUEST),
        ("rev", "3"),
        ("finding", "1"),
        ("words", "批评教育"),
        ("reply", "已处理"),
        ("propose_suspension", "1"),
    ];
    let answer = browser.post(&path, &values).await;
    assert_eq!(answer.location(), format!("/desk/matter/{NUMBER}?done=1"));
    let expected = proto::ConcludeComplaint {
        finding: 1,
        words: "批评教育".to_owned(),
        reply: "已处理".to_owned(),
        propose_suspension: true,
    };
    let sent = browser.memory().acted_on_matter.last().cloned().unwrap();
    assert_eq!((sent.expected_rev, sent.action), (3, Some(Action::Conclude(expected))));

    browser.memory().failure = Some(Failure::Stale);
    let answer = browser.post(&path, &values).await;
    answer.shows(&["本件已有新进展", "批评教育"]);
}

#[tokio::test]
async fn an_answer_is_rated_with_the_code_that_was_shown() {
    let mut browser = Browser::stranger();
    let csrf = browser.get("/matter").await.field("csrf").to_owned();
    let wrong = browser.post("/matter", &[("csrf", &csrf), ("number", NUMBER), ("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let found = browser.post("/matter", &[("csrf", &csrf), ("number", NUMBER), ("code", "384056")]).await;
    found.shows(&["已责令整改", "请评价"]);
    let (number, code) = (found.field("number").to_owned(), found.field("code").to_owned());
    let rating =
        [("csrf", csrf.as_str()), ("number", &number), ("code", &code), ("matter", "1"), ("satisfaction", "2")];
    browser.post("/rate", &rating).await.shows(&["1个工作日内与您联系"]);
    let memory = browser.memory();
    let rated = memory.rated.last().unwrap();
    assert_eq!(
        (rated.number.as_str(), rated.query_code.as_str(), rated.satisfaction, rated.matter),
        (NUMBER, "384056", 2, true)
    );
}

#[tokio::test]
async fn the_assessment_is_a_table_and_a_file() {
    let mut browser = Browser::agent();
    browser.get("/desk/assessment?year=2026").await.shows(&["枫溪镇", "导出表格（XLSX）", "导出CSV"]);
    let file = browser.get("/desk/assessment?year=2026&file=csv").await;
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    file.shows(&["乡镇（街道）"]);
    let file = browser.get("/desk/assessment?year=2026&file=xlsx").await;
    assert!(file.headers["content-type"].to_str().unwrap().contains("spreadsheetml") && file.body.starts_with("PK"));
}
