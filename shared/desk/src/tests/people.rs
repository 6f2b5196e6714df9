//! The pages about people and stations.

use axum::http::StatusCode;

use super::browser::Browser;

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
