//! A village that lives by bundles, and one whose life is over: neither is promised what will not happen.

use axum::http::StatusCode;

use super::browser::Browser;
use super::fake::NUMBER;
use crate::office::Failure;

/// What promises that something goes or comes by itself over a line.
const PROMISES: [&str; 5] = ["自动报送", "即时报送", "恢复后立即报送", "已排到最前接收", "线路中断"];

#[tokio::test]
async fn nothing_goes_up_by_itself_where_there_is_no_line() {
    let mut browser = Browser::agent();
    browser.memory().by_bundles = true;
    browser.memory().file_missing = true;
    let strip =
        ["本站没有与上级的线路", "有4条记录待用离线包（U盘）带到上级", "<a href=\"/desk/bundles\">去离线包</a>"];
    let (case, receipt) = (format!("/desk/case/{NUMBER}"), format!("/desk/case/{NUMBER}/paper/receipt"));
    for (path, words) in [
        ("/desk", "我的待办"),
        ("/desk/station", "用<a href=\"/desk/bundles\">离线包</a>交换"),
        (&case, "没有到齐（768 KB／1.5 MB），待离线包带来"),
        (&format!("{case}?done=add_note"), "已存本站，待用离线包带到上级"),
        (&receipt, "登记后由本站用离线包（U盘）带到上级报送"),
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        answer.shows(&strip);
        answer.shows(&[words]);
        answer.hides(&PROMISES);
    }
}

#[tokio::test]
async fn with_a_line_everything_is_told_as_before() {
    let mut browser = Browser::agent();
    browser.memory().file_missing = true;
    let case = format!("/desk/case/{NUMBER}");
    browser.get(&format!("{case}?done=add_note")).await.shows(&["已存本站，将自动报送", "已排到最前接收"]);
    let receipt = browser.get(&format!("{case}/paper/receipt")).await;
    receipt.shows(&["登记后即时报送；网络中断的，恢复后立即报送"]);
    receipt.hides(&["去离线包"]);
}

#[tokio::test]
async fn a_revoked_station_says_for_good_that_it_takes_nothing_new() {
    let mut browser = Browser::agent();
    browser.memory().over = Some("本站证书已被区中心吊销，不再受理和办理业务；已存的办件仍可查阅。".to_owned());
    for path in ["/desk", "/desk/station"] {
        let answer = browser.get(path).await;
        answer.shows(&["line stopped", "不再受理和办理业务"]);
        answer.hides(&["暂时"]);
    }
    let form = browser.get("/desk/new/mz-dibao").await;
    assert_eq!(form.status, StatusCode::OK);
    form.shows(&["本站不再登记新的办件", "不再受理和办理业务"]);
    form.hides(&["applicant.name", "name=\"step\""]);
    let picker = browser.get("/desk/new").await;
    picker.shows(&["本站不再登记新的办件", "最低生活保障审核确认"]);
    picker.hides(&["/desk/new/mz-dibao"]);
    browser.get("/desk/items/mz-dibao").await.hides(&["/desk/new/mz-dibao"]);
    let case = browser.get(&format!("/desk/case/{NUMBER}")).await;
    case.shows(&["line stopped"]);
    case.hides(&["可以办理"]);
    // What was begun before is refused, and not for the moment.
    let csrf = browser.get("/desk/quarantine").await.field("csrf").to_owned();
    browser.memory().failure = Some(Failure::ReadOnly("本站证书已被区中心吊销。".to_owned()));
    let form = [("csrf", csrf.as_str()), ("id", "a1"), ("settling", "redrive")];
    let answer = browser.post("/desk/quarantine", &form).await;
    answer.shows(&["没有保存", "本站证书已被区中心吊销"]);
    answer.hides(&["暂时"]);
}
