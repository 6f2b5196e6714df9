//! Ledgers, vouchers and case files on the screen.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use super::browser::Browser;
use super::fake::{HOSTILE, NUMBER};
use super::fake_records::VOUCHER;

#[tokio::test]
async fn a_ledger_is_asked_for_by_period_and_goes_on_page_by_page() {
    let mut browser = Browser::agent();
    let first = browser.get("/desk/ledgers").await;
    first.shows(&["统一受理台账", "赵**", "990106101203 20260701 00427", "打印视图", "导出表格（XLSX）"]);
    let address = "/desk/ledgers?ledger=acceptance&from=2026-07-01&until=2026-07-31&state=overdue&item=ga-sfz";
    let answer = browser.get(address).await;
    let next = "/desk/ledgers?ledger=acceptance&#38;from=2026-07-01&#38;until=2026-07-31";
    assert!(answer.body.contains(next) && answer.body.contains("after=12-ab"), "{}", answer.body);
    let asked = browser.memory().ledgers.clone();
    let filter = asked[1].filter.clone().unwrap();
    assert_eq!((filter.from, filter.until, filter.item.as_str()), (20_260_701, 20_260_731, "ga-sfz"));
    assert_eq!(filter.state(), sanji_proto::v1::LedgerState::Overdue);
    assert_ne!(asked[0].filter.clone().unwrap().from, 0, "without a question this month is shown");
    let printed = browser.get(&format!("{address}&print=1")).await;
    printed.shows(&["2026年7月1日至2026年7月31日", "返回台账"]);
    assert!(!printed.body.contains("<select"), "the printer gets the table alone");
    browser.memory().name = Some(HOSTILE.to_owned());
    browser.get(address).await.shows(&["&#60;script&#62;alert"]);
}

#[tokio::test]
async fn ledgers_and_case_files_are_saved_by_the_browser() {
    let mut browser = Browser::agent();
    let token = browser.get("/desk/ledgers").await.field("csrf").to_owned();
    let values = [("csrf", token.as_str()), ("ledger", "acceptance"), ("format", "xlsx"), ("unmasked", "1")];
    let saved = browser.post("/desk/ledgers/export", &values).await;
    assert_eq!(saved.status, StatusCode::OK);
    assert_eq!(saved.body, "990106101203-01 acceptance 2 true");
    let disposition = saved.headers[CONTENT_DISPOSITION].to_str().unwrap();
    assert!(disposition.starts_with("attachment;") && disposition.ends_with(".xlsx"), "{disposition}");
    let wrong = browser.post("/desk/ledgers/export", &[("csrf", &token), ("ledger", "secrets")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);

    let saved = browser.post(&format!("/desk/case/{NUMBER}/file"), &[("csrf", &token), ("neighbours", "1")]).await;
    assert_eq!(saved.headers[CONTENT_TYPE], "application/zip");
    assert_eq!(saved.body, format!("990106101203-01 {NUMBER} true"));
}

#[tokio::test]
async fn a_voucher_is_checked_by_anybody() {
    let mut browser = Browser::stranger();
    let token = browser.get("/voucher").await.field("csrf").to_owned();
    let genuine = browser.post("/voucher", &[("csrf", &token), ("text", VOUCHER)]).await;
    genuine.shows(&["凭证真实，记录一致", "990106 101203 20260701 00427", "代办登记单"]);
    let altered = browser.post("/voucher", &[("csrf", &token), ("text", HOSTILE)]).await;
    altered.shows(&["凭证被改动", "&#60;script&#62;alert"]);
    browser.get(&format!("/V/{VOUCHER}")).await.shows(&["凭证真实，记录一致"]);
    let mut agent = Browser::agent();
    let token = agent.get("/desk/voucher").await.field("csrf").to_owned();
    agent.post("/desk/voucher", &[("csrf", &token), ("text", VOUCHER)]).await.shows(&["凭证真实，记录一致"]);
}

#[tokio::test]
async fn every_paper_carries_its_signed_line() {
    let mut browser = Browser::agent();
    let receipt = browser.get(&format!("/desk/case/{NUMBER}/paper/receipt")).await;
    receipt.shows(&["校验：SJAEBAGB AF1", "<svg", "扫码查验真伪"]);
    browser.get(&format!("/desk/case/{NUMBER}/paper/accepted")).await.shows(&["校验：SJAEBAGB AF3"]);
}
