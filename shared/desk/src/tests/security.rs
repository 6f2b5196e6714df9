//! Nobody gets in without a session, nothing is done without a form token, every answer has its headers.

use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;

use super::browser::Browser;
use super::fake::{NUMBER, TOKEN};
use crate::routes::{Access, table};

/// An address of the table with its places filled in.
fn address(path: &str) -> String {
    path.replace("{number}", NUMBER)
        .replace("{item}", "mz-dibao")
        .replace("{code}", "mz-dibao")
        .replace("{kind}", "receipt")
        .replace("{action}", "accept")
        .replace("{id}", &"07".repeat(32))
        .replace("{station}", "990106101000")
        .replace("{text}", "SJAEBAGBAF")
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    for route in table() {
        for answer in
            [Browser::stranger().get(&address(route.path)).await, Browser::agent().get(&address(route.path)).await]
        {
            for header in ["content-security-policy", "x-content-type-options", "referrer-policy", "cache-control"] {
                assert!(answer.headers.contains_key(header), "{} lacks {header}", route.path);
            }
            let policy = answer.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'"), "{}: {policy}", route.path);
            let personal = route.access == Access::Staff;
            let kept = answer.headers["cache-control"].to_str().unwrap();
            assert!(!personal || kept == "no-store", "{}: {kept}", route.path);
        }
    }
}

#[tokio::test]
async fn without_a_session_staff_pages_lead_to_the_login() {
    for route in table().iter().filter(|route| route.access == Access::Staff) {
        let path = address(route.path);
        for answer in [Browser::stranger().get(&path).await, Browser::stranger().post(&path, &[("csrf", "x")]).await] {
            if answer.status == StatusCode::METHOD_NOT_ALLOWED {
                continue;
            }
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
            assert!(answer.location().starts_with("/desk/login?next=%2Fdesk"), "{path}: {}", answer.location());
            assert!(answer.body.is_empty(), "{path} says something to a stranger");
        }
    }
}

#[tokio::test]
async fn a_form_without_its_token_is_refused() {
    let request = "0123456789abcdef0123456789abcdef";
    for route in table() {
        let path = address(route.path);
        for token in ["", "0000", TOKEN] {
            let mut browser = Browser::agent();
            let answer = browser
                .post(&path, &[("csrf", token), ("request", request), ("staff", "agent"), ("password", "right")])
                .await;
            if answer.status == StatusCode::METHOD_NOT_ALLOWED {
                continue;
            }
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            answer.shows(&["页面已失效"]);
            assert!(browser.memory().acted.is_empty() && browser.memory().submitted.is_empty(), "{path}");
        }
    }
}

#[tokio::test]
async fn a_token_of_one_browser_is_worth_nothing_in_another() {
    let token = Browser::stranger().get("/desk/login").await.field("csrf").to_owned();
    let answer =
        Browser::stranger().post("/desk/login", &[("csrf", &token), ("staff", "agent"), ("password", "right")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_login_gives_a_cookie_that_scripts_and_other_sites_never_see() {
    let mut browser = Browser::stranger();
    let form = browser.get("/desk/login?next=/desk/new").await;
    let csrf = form.field("csrf").to_owned();
    let wrong = browser.post("/desk/login", &[("csrf", &csrf), ("staff", "agent"), ("password", "wrong")]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    wrong.shows(&["工号或密码不正确", "value=\"agent\""]);
    let locked = browser.post("/desk/login", &[("csrf", &csrf), ("staff", "locked"), ("password", "x")]).await;
    locked.shows(&["14分钟后再试"]);

    let right = browser
        .post("/desk/login", &[("csrf", &csrf), ("staff", "agent"), ("password", "right"), ("next", "//evil.example")])
        .await;
    assert_eq!((right.status, right.location()), (StatusCode::SEE_OTHER, "/desk"));
    let cookie = right.headers[SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"), "{cookie}");
    assert_eq!(browser.get("/desk").await.status, StatusCode::OK);
}

#[tokio::test]
async fn unknown_addresses_and_methods_get_a_page() {
    let mut browser = Browser::agent();
    for (answer, status, back) in [
        (browser.get("/nothing").await, StatusCode::NOT_FOUND, "返回首页"),
        (browser.get("/desk/case/1").await, StatusCode::NOT_FOUND, "返回我的待办"),
        (browser.get(&format!("/desk/case/{NUMBER}/paper/unknown")).await, StatusCode::NOT_FOUND, "返回我的待办"),
        (browser.get("/desk/logout").await, StatusCode::METHOD_NOT_ALLOWED, "返回我的待办"),
    ] {
        assert_eq!(answer.status, status);
        answer.shows(&["lang=\"zh-CN\"", back]);
    }
}
