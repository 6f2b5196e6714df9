//! The pages about people and stations.

use axum::http::StatusCode;

use super::browser::Browser;
use crate::office::Failure;

#[tokio::test]
async fn absences_are_recorded_at_the_desk() {
    let mut browser = Browser::agent();
    let page = browser.get("/desk/people").await;
    page.shows(&["人员与顶岗", "今日带班领导：程成军", "A/B角顶岗台账", "周敏"]);
    assert!(!page.body.contains("停职（待岗）"), "only administrators of the hub suspend");
    let token = page.field("csrf").to_owned();
    let form =
        [("csrf", token.as_str()), ("staff", "990106101203-01"), ("reason", "培训"), ("until", "2026-07-06T08:30")];
    let answer = browser.post("/desk/people/absence", &form).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/desk/people"));
    let recorded = browser.memory().absences.clone();
    assert_eq!((recorded.len(), recorded[0].from_ms, recorded[0].until_ms), (1, 0, 1_783_297_800_000));
    let without_time = [("csrf", token.as_str()), ("staff", "990106101203-01"), ("until", "明天")];
    browser.post("/desk/people/absence", &without_time).await.shows(&["请填写离岗和返岗的时间。"]);
    assert_eq!(browser.memory().absences.len(), 1);
}

#[tokio::test]
async fn the_register_of_stations_and_the_list_of_what_goes_up_are_pages() {
    let mut browser = Browser::agent();
    browser.get("/desk/stations").await.shows(&["站点名册", "石板村便民服务站", "3项"]);
    browser.get("/desk/upward").await.shows(&["全程代办", "目前没有须报区级以上的在办办件"]);
}

#[tokio::test]
async fn the_page_of_a_person_shows_posts_powers_and_what_was_asked_for() {
    let mut browser = Browser::agent();
    browser
        .get("/desk/people")
        .await
        .shows(&["href=\"/desk/person/990106101203-01\"", "href=\"/desk/staff-requests\""]);
    let page = browser.get("/desk/person/990106101203-01").await;
    page.shows(&["任职记录", "2026年7月1日 09:30", "轮岗", "最低生活保障审核确认", "授权：澄民授〔2026〕1号"]);
    page.shows(&["岗位角色：代办员 → 窗口受理", "不满两年", "待批"]);
    assert!(!page.body.contains("申请调整岗位或者离任"), "one request waits already");
    let other = browser.get("/desk/person/mz-05").await;
    assert!(!other.body.contains("任职记录"), "not for everybody");
    browser.get("/desk/authorisations").await.shows(&[
        "窗口授权",
        "陈桂英（990106101203-01）",
        "授权：澄民授〔2026〕1号",
    ]);
}

#[tokio::test]
async fn another_post_is_asked_for_and_answered_at_the_desk() {
    let mut browser = Browser::agent();
    let token = browser.get("/desk/staff-requests").await.field("csrf").to_owned();
    let form = [
        ("csrf", token.as_str()),
        ("role", "审核"),
        ("role", "窗口受理"),
        ("post", "股长"),
        ("leaves", "yes"),
        ("reason", "<b>轮岗</b>"),
    ];
    browser.memory().failure = Some(Failure::Refused(super::fake::refusal("change", "该人员已有一份待批的调整申请。")));
    let refused = browser.post("/desk/person/990106101203-01", &form).await;
    refused.shows(&["该人员已有一份待批的调整申请。"]);
    let answer = browser.post("/desk/person/990106101203-01", &form).await;
    assert_eq!(answer.location(), "/desk/person/990106101203-01#requests");
    let asked = browser.memory().asked.clone();
    assert_eq!((asked.len(), asked[0].roles.as_slice()), (1, ["审核".to_owned(), "窗口受理".to_owned()].as_slice()));
    assert!(asked[0].leaves && asked[0].staff == "990106101203-01" && asked[0].place == 0);

    let page = browser.get("/desk/staff-requests").await;
    page.shows(&["不填为立即生效", "岗位角色：代办员 → 窗口受理"]);
    let id = page.field("id").to_owned();
    let refuse = [("csrf", token.as_str()), ("id", id.as_str()), ("what", "refuse"), ("words", "不满两年")];
    assert_eq!(browser.post("/desk/staff-requests", &refuse).await.location(), "/desk/staff-requests");
    let decided = browser.memory().decided.clone();
    assert_eq!((decided[0].id.as_slice(), decided[0].approved), ([0xab_u8; 16].as_slice(), false));
    let later = [("csrf", token.as_str()), ("id", id.as_str()), ("what", "approve"), ("from", "2026-12-01")];
    browser.post("/desk/staff-requests", &later).await;
    let decided = browser.memory().decided.clone();
    assert_eq!((decided[1].approved, decided[1].from), (true, 20_261_201));
    let wrong = [("csrf", token.as_str()), ("id", id.as_str()), ("what", "approve"), ("from", "明天")];
    browser.post("/desk/staff-requests", &wrong).await.shows(&["生效日期没有填对"]);
    assert_eq!(browser.memory().decided.len(), 2, "nothing was decided for a day that is none");

    page.shows(&["撤回申请"]);
    let back = [("csrf", token.as_str()), ("id", id.as_str()), ("what", "withdraw")];
    assert_eq!(browser.post("/desk/staff-requests", &back).await.location(), "/desk/staff-requests");
    assert_eq!(browser.memory().withdrawn, [vec![0xab; 16]]);
    assert_eq!(browser.memory().decided.len(), 2, "a withdrawal is no answer");
}
