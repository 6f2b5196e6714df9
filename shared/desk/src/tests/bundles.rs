//! Bundles at the desk: the file goes out as it comes, an upload is read without being kept, every outcome is told.

use axum::http::StatusCode;
use axum::http::header::CONTENT_DISPOSITION;
use sanji_proto::v1::RefusalReason;
use sanji_station::bundle::Error;

use super::browser::Browser;

const BUNDLES: &str = "/desk/bundles";
const EXPORT: &str = "/desk/bundles/export";
const IMPORT: &str = "/desk/bundles/import";

async fn token(browser: &mut Browser) -> String {
    browser.get(BUNDLES).await.field("csrf").to_owned()
}

#[tokio::test]
async fn the_page_says_what_went_and_what_is_confirmed() {
    let answer = Browser::agent().get(BUNDLES).await;
    answer.shows(&["带给哪个站点", "枫溪镇", "12条记录、2个附件，另有4个附件待下次", "还有3条未确认", "从未"]);
    answer.shows(&["不超过4 GB", "aria-current=\"page\">离线包"]);
}

#[tokio::test]
async fn a_bundle_is_downloaded_under_a_name_that_says_whose_it_is() {
    let mut browser = Browser::agent();
    let csrf = token(&mut browser).await;
    let form = |to, attachments| [("csrf", csrf.clone()), ("to", to), ("attachments", attachments)];
    for (attachments, most) in [("", "None"), ("200", "Some(200000000)"), ("0", "Some(0)")] {
        let form = form("990106101000".to_owned(), attachments.to_owned());
        let values: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = browser.post(EXPORT, &values).await;
        assert_eq!((answer.status, answer.body), (StatusCode::OK, format!("bundle for 990106101000, {most}")));
        let name = answer.headers[CONTENT_DISPOSITION].to_str().unwrap();
        assert!(name.starts_with("attachment; filename*=UTF-8''%E7%A6%BB") && name.ends_with(".sanji"), "{name}");
    }
    for to in ["", "990106101204", "990107000000"] {
        let answer = browser.post(EXPORT, &[("csrf", &csrf), ("to", to)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{to}");
        assert!(!answer.headers.contains_key(CONTENT_DISPOSITION), "{to}");
    }
    browser.memory().bundle_refused = Some(Error::UnknownStation("990106101000".parse().unwrap()));
    let answer = browser.post(EXPORT, &[("csrf", &csrf), ("to", "990106101000")]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    answer.shows(&["没有制作成功"]);
}

#[tokio::test]
async fn what_a_bundle_brought_is_told_and_by_whom_it_was_brought_is_passed_on() {
    let mut browser = Browser::agent();
    let csrf = token(&mut browser).await;
    let content = vec![7; 300_000];
    let file = ("file", "包.sanji", content.as_slice());
    let answer = browser.upload(IMPORT, &[("csrf", &csrf)], file).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.shows(&["已导入", "新收到31条办理记录、1个完整附件", "5条记录本站已有", "2026年7月1日 09:30"]);
    assert_eq!(browser.memory().imported, [("990106101203-01".to_owned(), content.clone())]);
}

#[tokio::test]
async fn what_was_not_taken_is_told_by_reason() {
    let mut browser = Browser::agent();
    let csrf = token(&mut browser).await;
    let village = "990106101203".parse().unwrap();
    for (reason, words) in [
        (RefusalReason::Gap, "请先导入更早的离线包"),
        (RefusalReason::UnknownKey, "请先导入上级最近导出的离线包"),
        (RefusalReason::Fork, "可能有两台电脑在用同一站点的密钥"),
        (RefusalReason::Revoked, "书写的站点已被注销"),
        (RefusalReason::BadSeal, "签章不对"),
    ] {
        browser.memory().bundle_refusals = vec![(village, reason)];
        let answer = browser.upload(IMPORT, &[("csrf", &csrf)], ("file", "x.sanji", b"x")).await;
        answer.shows(&["tell warn", "有部分记录没有接收", words, "新收到31条办理记录"]);
        if reason != RefusalReason::Gap {
            answer.hides(&["更早的离线包"]);
        }
    }
    browser.memory().bundle_refusals = vec![(village, RefusalReason::Gap), (village, RefusalReason::Fork)];
    let answer = browser.upload(IMPORT, &[("csrf", &csrf)], ("file", "x.sanji", b"x")).await;
    answer.shows(&["请不要再导入该站点的离线包", "请先导入更早的离线包"]);
}

#[tokio::test]
async fn why_a_bundle_is_refused_is_told_in_plain_words() {
    let mut browser = Browser::agent();
    let csrf = token(&mut browser).await;
    let sender = "990106101000".parse().unwrap();
    browser.memory().bundle_refused = Some(Error::Aside { sender, path: "/secret/place".into() });
    let answer = browser.upload(IMPORT, &[("csrf", &csrf)], ("file", "x", b"x")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.shows(&["密钥已被注销", "管理员"]);
    answer.hides(&["/secret/place"]);
    let answer = browser.upload(IMPORT, &[("csrf", &csrf)], ("file", "", b"")).await;
    answer.shows(&["请先选择要导入的离线包文件"]);
    assert_eq!(browser.memory().imported.len(), 1);
}

#[tokio::test]
async fn an_upload_without_the_forms_token_is_not_read() {
    let mut browser = Browser::agent();
    for values in [&[("csrf", "0000")][..], &[]] {
        let answer = browser.upload(IMPORT, values, ("file", "x.sanji", b"x")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{values:?}");
    }
    assert!(browser.memory().imported.is_empty());
}

#[tokio::test]
async fn whoever_has_other_work_sees_the_exchange_and_can_not_do_it() {
    let mut browser = Browser::agent();
    browser.memory().other_role = true;
    let page = browser.get(BUNDLES).await;
    page.shows(&["由代办员、窗口人员或管理员", "最近的交换"]);
    page.hides(&[EXPORT, IMPORT]);
    let csrf = browser.get("/desk/password").await.field("csrf").to_owned();
    let answer = browser.post(EXPORT, &[("csrf", &csrf), ("to", "990106101000")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    answer.shows(&["您不能进行这项操作"]);
    let answer = browser.upload(IMPORT, &[("csrf", &csrf)], ("file", "x.sanji", b"x")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(browser.memory().imported.is_empty());
}
