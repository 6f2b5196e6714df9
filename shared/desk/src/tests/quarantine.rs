//! 隔离区 at the desk: what happened and what to do is told in plain words, and what is done has its reason.

use axum::http::StatusCode;
use sanji_proto::v1::{self as proto, QuarantineKind};

use super::browser::Browser;
use super::fake::HOSTILE;
use crate::office::{Failure, Settling};
use sanji_domain::case::{Refusal, RefusalCode};

const PAGE: &str = "/desk/quarantine";

fn row(id: &str, kind: QuarantineKind, reason: &str) -> proto::Quarantined {
    proto::Quarantined {
        id: id.to_owned(),
        kind: kind.into(),
        seq: 4,
        until: 9,
        reason: reason.to_owned(),
        seen_ms: 1_782_869_400_000,
        from: 990_106_101_203,
        ..proto::Quarantined::default()
    }
}

#[tokio::test]
async fn each_kind_is_told_with_what_to_do() {
    let mut browser = Browser::agent();
    browser.memory().administrator = true;
    browser.get(PAGE).await.shows(&["隔离区是空的"]);
    browser.memory().quarantined = vec![
        row("a1", QuarantineKind::Refused, "BAD_SEAL"),
        row("b2", QuarantineKind::Rest, "REVOKED"),
        row("c3", QuarantineKind::Rejected, HOSTILE),
        row("e5", QuarantineKind::Rejected, "NotHolder"),
        row("f6", QuarantineKind::Unreadable, "File: 2 faults, the first: <b>"),
        row("d4", QuarantineKind::Waiting, "NO_ITEM"),
    ];
    let answer = browser.get(PAGE).await;
    answer.shows(&["签章不对", "第4条至第9条记录", "由区中心决定", "等待事项目录", "2026年7月1日 09:30"]);
    answer.shows(&["书写时办件不在该站点手中", "所带的资料文件有错误"]);
    assert!(!answer.body.contains("<script>alert"), "what others say is never markup");
    assert!(!answer.body.contains("NotHolder") && !answer.body.contains("faults"), "no words of the program");
    // A village doesn't decide on a revoked station's rest.
    assert!(!answer.body.contains("value=\"admit\""));
}

#[tokio::test]
async fn who_decides_on_a_revoked_stations_rest_sees_which_cases_it_is_about() {
    let entry = |case_number: &str, kind: &str| proto::DumpedEntry {
        case_number: case_number.to_owned(),
        kind: kind.to_owned(),
        ..proto::DumpedEntry::default()
    };
    let (opened, known, question) =
        ("9901061012032026070100427", "9901061012032026063000518", "9901061012032026070190001");
    let mut browser = Browser::agent();
    browser.memory().quarantined = vec![row("b2", QuarantineKind::Rest, "REVOKED")];
    browser.memory().quarantined_entries = vec![
        entry(known, "side.note"),
        entry(opened, "step.submitted"),
        entry(opened, "side.note"),
        entry("", "absence"),
        entry(question, "matter.question_asked"),
        entry(HOSTILE, "unreadable"),
    ];
    let told = [
        format!("{}：新登记的办件，2条记录", crate::words::grouped(opened)),
        format!("{}：已登记过的办件，1条记录", crate::words::grouped(known)),
        format!("{}：投诉、咨询等事项，1条记录", crate::words::grouped(question)),
        "不属于办件的记录（如人员、资料），1条".to_owned(),
    ];
    // Whoever can't decide sees no more of other people's cases than before.
    let answer = browser.get(PAGE).await;
    told.iter().for_each(|line| answer.hides(&[line]));
    browser.memory().administrator = true;
    let answer = browser.get(PAGE).await;
    told.iter().for_each(|line| {
        answer.shows(&[line]);
    });
    assert!(!answer.body.contains("<script>alert"));

    let many = (0..150).map(|serial| entry(&format!("99010610120320260701{serial:05}"), "step.submitted"));
    browser.memory().quarantined_entries = many.collect();
    browser.get(PAGE).await.shows(&["另有50件"]);
}

#[tokio::test]
async fn what_is_done_is_passed_on_with_its_reason_and_a_refusal_is_told() {
    let mut browser = Browser::agent();
    browser.memory().quarantined = vec![row("a1", QuarantineKind::Refused, "GAP")];
    let csrf = browser.get(PAGE).await.field("csrf").to_owned();
    let form = |settling| {
        [("csrf", csrf.clone()), ("id", "a1".to_owned()), ("settling", settling), ("reason", "测试机".to_owned())]
    };
    for (settling, expected) in [
        ("redrive", Settling::Redrive),
        ("drop", Settling::Drop("测试机".to_owned())),
        ("admit", Settling::Admit("测试机".to_owned())),
    ] {
        let form = form(settling.to_owned());
        let values: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(browser.post(PAGE, &values).await.status, StatusCode::SEE_OTHER, "{settling}");
        let settled = browser.memory().settled.pop().unwrap();
        assert_eq!((settled.1.as_str(), settled.2), ("a1", expected));
    }
    let form = form("burn".to_owned());
    let values: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(browser.post(PAGE, &values).await.status, StatusCode::BAD_REQUEST);
    let refusal = Refusal::new(RefusalCode::NotEntitled, "隔离区由系统管理员查看和处理。");
    browser.memory().failure = Some(Failure::Refused(refusal));
    let answer = browser.post(PAGE, &[("csrf", &csrf), ("id", "a1"), ("settling", "redrive")]).await;
    answer.shows(&["隔离区由系统管理员查看和处理"]);
}

#[tokio::test]
async fn a_villages_agent_comes_to_the_quarantine_and_tries_again_and_no_more() {
    let mut browser = Browser::agent();
    browser.memory().quarantined =
        vec![row("a1", QuarantineKind::Refused, "BAD_SEAL"), row("c3", QuarantineKind::Rejected, "NotHolder")];
    browser.get("/desk/station").await.shows(&["查看隔离区", "href=\"/desk/quarantine\""]);
    let answer = browser.get(PAGE).await;
    answer.shows(&["value=\"redrive\"", "签章不对", "移出隔离区由区政务服务中心管理员处理"]);
    answer.hides(&["value=\"drop\"", "value=\"admit\"", "填写原因"]);
    browser.memory().quarantined.clear();
    browser.get(PAGE).await.shows(&["没有需要本站处理的记录"]);

    let mut supervisor = Browser::agent();
    supervisor.memory().other_role = true;
    supervisor.memory().quarantined = vec![row("a1", QuarantineKind::Refused, "BAD_SEAL")];
    let station = supervisor.get("/desk/station").await;
    station.shows(&["请联系管理员在“隔离区”处理"]);
    station.hides(&["href=\"/desk/quarantine\""]);
}

#[tokio::test]
async fn what_became_of_trying_again_is_told() {
    let mut browser = Browser::agent();
    for (kind, by_bundles, words) in [
        (QuarantineKind::Refused, false, "已请对方重新发送"),
        (QuarantineKind::Refused, true, "请让对方重新导出离线包"),
        (QuarantineKind::Unreadable, false, "仍然读不懂"),
        (QuarantineKind::Rejected, false, "仍不能计入办理（书写时办件不在该站点手中）"),
        (QuarantineKind::Waiting, false, "所用的事项目录仍没有到"),
    ] {
        browser.memory().by_bundles = by_bundles;
        browser.memory().quarantined = vec![row("a1", kind, "NotHolder")];
        let csrf = browser.get(PAGE).await.field("csrf").to_owned();
        let answer = browser.post(PAGE, &[("csrf", &csrf), ("id", "a1"), ("settling", "redrive")]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let page = answer.location().to_owned();
        browser.get(&page).await.shows(&["tell warn", words]);
        browser.memory().quarantined.clear();
        browser.get(&page).await.shows(&["tell good", "这一项已经处理好"]);
    }
    browser.get(PAGE).await.hides(&["tell good", "tell warn"]);
    let hostile = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect::<String>();
    browser.get(&format!("{PAGE}?done={hostile}")).await.hides(&["<script>alert", "tell good"]);
}

#[tokio::test]
async fn of_a_fork_nobody_is_told_to_try_again() {
    let mut browser = Browser::agent();
    browser.memory().quarantined = vec![row("a1", QuarantineKind::Refused, "FORK")];
    let answer = browser.get(PAGE).await;
    answer.shows(&["两台电脑", "请不要再导入该站点的离线包"]);
    answer.hides(&["处理好后点“再试一次”"]);
}
