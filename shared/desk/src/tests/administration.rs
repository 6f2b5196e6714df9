//! 站点管理: who sees it, what it says of each station, and that a code is shown once.

use axum::http::StatusCode;
use axum::http::header::CONTENT_DISPOSITION;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_proto::v1::{self as proto, StationState};

use super::browser::Browser;
use super::fake::HOSTILE;
use super::fake_administration::{CODE, Registered};
use crate::office::Failure;

const PAGE: &str = "/desk/administration";
const TOWNSHIP: &str = "/desk/administration/990106101000";
const VILLAGE: &str = "/desk/administration/990106101203";
/// Later than the fake station's clock.
const LATER_MS: u64 = 1_800_000_000_000;

fn row(station: u64, name: &str, state: StationState) -> proto::StationRow {
    proto::StationRow { station, name: name.to_owned(), state: state.into(), ..Default::default() }
}

/// An administrator of a district with two townships.
fn administrator() -> Browser {
    let browser = Browser::agent();
    let mut memory = browser.memory();
    (memory.administrator, memory.of_district) = (true, true);
    let enrolled = |station, name| proto::StationRow {
        certificate_until_ms: LATER_MS,
        ..row(station, name, StationState::Enrolled)
    };
    memory.stations = vec![
        proto::StationRow { link_address: "10.6.1.2:7100".into(), ..enrolled(990_106_101_000, "枫溪镇") },
        enrolled(990_106_101_201, "枫溪镇石板村"),
        row(990_106_101_203, "枫溪镇桃坡村", StationState::Unspecified),
        row(990_106_102_000, "青竹乡", StationState::Invited),
        proto::StationRow { code_until_ms: LATER_MS, ..row(990_106_102_201, HOSTILE, StationState::Ended) },
        row(990_106_102_202, "青竹乡梨园村", StationState::Revoked),
    ];
    drop(memory);
    browser
}

async fn token(browser: &mut Browser) -> String {
    browser.get(PAGE).await.field("csrf").to_owned()
}

#[tokio::test]
async fn every_station_stands_under_its_township_and_those_that_need_somebody_stand_first() {
    let mut browser = administrator();
    let answer = browser.get(PAGE).await;
    answer.shows(&[
        "本区共有6个站点：已开通2个，等待注册1个，等待新电脑注册1个，已吊销1个，未开通1个。",
        "需要处理：2个站点",
        "枫溪镇<span class=\"soft\">已开通2个，未开通1个；需要处理1个",
        "href=\"/desk/administration/990106101203\"",
        "注册码没有使用",
        "经乡镇报送",
        "注册码有效期至2027年1月15日",
    ]);
    answer.hides(&["<script>alert"]);
    let urgent = answer.body.find("青竹乡</a>").unwrap();
    assert!(urgent < answer.body.find("全部站点</h2>").unwrap(), "the township whose code was not used comes first");
    let found = browser.get(&format!("{PAGE}?words=9901061012")).await;
    found.shows(&["2个站点", "石板村", "桃坡村"]);
    found.hides(&["梨园村", "全部站点</h2>"]);
    browser.get(&format!("{PAGE}?words=%E6%A2%A8%E5%9B%AD")).await.shows(&["1个站点", "梨园村"]);
    browser.get(&format!("{PAGE}?words=zzz")).await.shows(&["没有找到这样的站点"]);
    for page in ["/desk/station", "/desk/stations"] {
        browser.get(page).await.shows(&["href=\"/desk/administration\""]);
    }
}

#[tokio::test]
async fn what_a_village_says_of_itself_is_shown_and_what_to_do_comes_first() {
    const GB: u64 = 1 << 30;
    let mut browser = administrator();
    browser.memory().conditions_below = vec![proto::StationCondition {
        station: 990_106_101_201,
        age_ms: 60_000,
        software: HOSTILE.to_owned(),
        entries_unconfirmed: 12,
        unconfirmed_for_ms: 3_600_000,
        attachments_unconfirmed: 3,
        attachments_missing: 2,
        disk_free_bytes: GB / 2,
        disk_total_bytes: 64 * GB,
        clock_offset_ms: Some(-5000),
        writable: true,
        quarantined: 4,
        ..Default::default()
    }];
    let answer = browser.get(PAGE).await;
    let told = ["12条记录（最早", "3个附件", "等待收取2个附件", "磁盘剩余512.0 MB，共64 GB", "时钟慢5秒"];
    answer.shows(&told);
    answer.shows(&["需要处理：3个站点", "磁盘只剩512.0 MB，不足3.1 GB"]);
    answer.hides(&["<script>alert"]);
    let page = browser.get("/desk/administration/990106101201").await;
    page.shows(&["12条记录（最早", "2个附件", "剩余512.0 MB", "4项没有计入办理的记录", "<dt>报告时间</dt>"]);
    page.hides(&["<script>alert"]);
    browser.get(TOWNSHIP).await.hides(&["<dt>磁盘</dt>"]);
}

#[tokio::test]
async fn a_page_of_a_station_offers_what_can_be_done_with_it() {
    let mut browser = administrator();
    let township = browser.get(TOWNSHIP).await;
    township.shows(&["枫溪镇", "10.6.1.2:7100", "更换电脑", "吊销后", "村（社区）连接本站的地址"]);
    township.hides(&["990106101000/code\""]);
    let village = browser.get(VILLAGE).await;
    village.shows(&["未开通", "需要开通时，请发放注册码", "990106101203/code\"", "没有网络线路"]);
    village.hides(&["/replace\"", "/revoke\"", "村（社区）连接本站的地址"]);
    browser.get("/desk/administration/990106102201").await.shows(&["/code\"", "/revoke\"", "等待新电脑注册"]);
    for nowhere in ["/desk/administration/990106999000", "/desk/administration/x"] {
        assert_eq!(browser.get(nowhere).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn whoever_does_not_look_after_the_district_is_refused() {
    let form = |csrf: &str| vec![("csrf", csrf.to_owned()), ("reason", "x".to_owned()), ("sure", "1".to_owned())];
    for (administrator, of_district) in [(false, false), (true, false), (false, true)] {
        let mut browser = self::administrator();
        (browser.memory().administrator, browser.memory().of_district) = (administrator, of_district);
        browser.get("/desk/station").await.hides(&[PAGE]);
        browser.get("/desk/stations").await.hides(&[PAGE]);
        for page in [PAGE, TOWNSHIP] {
            let answer = browser.get(page).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
            answer.shows(&["站点管理由区政务服务中心的管理员使用"]);
            answer.hides(&["枫溪镇石板村</a>", "更换电脑"]);
        }
        let csrf = browser.get("/desk/password").await.field("csrf").to_owned();
        let form = form(&csrf);
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for action in ["code", "replace", "revoke", "invitation"] {
            let answer = browser.post(&format!("{TOWNSHIP}/{action}"), &form).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{action}");
        }
        let answer = browser.upload(&format!("{PAGE}/answer"), &[("csrf", &csrf)], ("file", "x.sanji", b"x")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(browser.memory().registered.is_empty());
    }
}

#[tokio::test]
async fn a_node_has_no_such_page() {
    let mut browser = Browser::at_a_node().logged_in();
    (browser.memory().administrator, browser.memory().of_district) = (true, true);
    browser.get("/desk/station").await.hides(&[PAGE]);
    let csrf = browser.get("/desk/password").await.field("csrf").to_owned();
    for page in [PAGE, TOWNSHIP] {
        assert_eq!(browser.get(page).await.status, StatusCode::NOT_FOUND, "{page}");
    }
    for page in [format!("{TOWNSHIP}/code"), format!("{TOWNSHIP}/invitation"), format!("{PAGE}/answer")] {
        assert_eq!(browser.post(&page, &[("csrf", &csrf)]).await.status, StatusCode::NOT_FOUND, "{page}");
    }
}

#[tokio::test]
async fn a_code_is_shown_once_and_never_again() {
    let mut browser = administrator();
    let csrf = token(&mut browser).await;
    let answer = browser.post(&format!("{VILLAGE}/code"), &[("csrf", &csrf), ("link_address", "")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    for group in CODE.split_inclusive('-') {
        answer.shows(&[&format!("<span>{group}</span>")]);
    }
    answer.shows(&["只显示这一次", "枫溪镇桃坡村", "990106101203", "hub.example:7101", "2026年7月5日 09:30", "打印"]);
    answer.hides(&["邀请文件", "原来的电脑已停用"]);
    let request = proto::AddStationRequest { station: 990_106_101_203, ..Default::default() };
    assert_eq!(browser.memory().registered, [("990106101203-01".to_owned(), Registered::Issued(request))]);
    for page in [PAGE, VILLAGE, "/desk/station"] {
        browser.get(page).await.hides(&["0123-", "RSTV"]);
    }
    let back = browser.get(&format!("{VILLAGE}/code")).await;
    assert_eq!((back.status, back.location()), (StatusCode::SEE_OTHER, VILLAGE));
}

#[tokio::test]
async fn a_station_without_a_line_gets_an_invitation_beside_its_code() {
    let mut browser = administrator();
    let csrf = token(&mut browser).await;
    let form = [("csrf", csrf.as_str()), ("without_line", "1")];
    let answer = browser.post(&format!("{VILLAGE}/code"), &form).await;
    answer.shows(&["邀请文件", "用U盘注册", "/desk/administration/990106101203/invitation"]);
    answer.hides(&["hub.example:7101"]);
    let csrf = answer.field("csrf").to_owned();
    let file = browser.post(&format!("{VILLAGE}/invitation"), &[("csrf", &csrf)]).await;
    assert_eq!((file.status, file.body.as_str()), (StatusCode::OK, "-----BEGIN CERTIFICATE-----"));
    let name = file.headers[CONTENT_DISPOSITION].to_str().unwrap();
    assert!(name.starts_with("attachment; ") && name.ends_with(".pem"), "{name}");
    let answered = browser.upload(&format!("{PAGE}/answer"), &[("csrf", &csrf)], ("file", "x.sanji", b"asked")).await;
    assert_eq!((answered.status, answered.body.as_str()), (StatusCode::OK, "answer"));
    assert!(answered.headers[CONTENT_DISPOSITION].to_str().unwrap().ends_with(".sanji"));
    let done: Vec<_> = browser.memory().registered.drain(..).map(|(_, done)| done).collect();
    let request = proto::AddStationRequest { station: 990_106_101_203, without_line: true, ..Default::default() };
    assert_eq!(done, [Registered::Issued(request), Registered::Answered(b"asked".to_vec())]);
}

#[tokio::test]
async fn a_station_is_replaced_and_revoked_with_a_reason_by_somebody_with_a_name() {
    let mut browser = administrator();
    let csrf = token(&mut browser).await;
    let (reason, link) = ("硬盘损坏", "10.6.1.3:7100");
    let form = [("csrf", csrf.as_str()), ("reason", reason), ("link_address", link), ("without_line", "1")];
    browser.post(&format!("{TOWNSHIP}/replace"), &form).await.shows(&["0123-", "原来的电脑已停用", "邀请文件"]);
    let form = [("csrf", csrf.as_str()), ("reason", "电脑被盗"), ("sure", "1")];
    let revoked = browser.post(&format!("{TOWNSHIP}/revoke"), &form).await;
    assert_eq!(revoked.location(), format!("{TOWNSHIP}?done=revoke"));
    browser.get(revoked.location()).await.hides(&["tell good"]);
    browser.memory().stations[0].set_state(StationState::Revoked);
    browser.get(revoked.location()).await.shows(&["tell good", "已吊销。该站点不能再连接"]);
    let station = 990_106_101_000;
    let (reason, link_address) = (reason.to_owned(), link.to_owned());
    let replace = proto::ReplaceStationRequest { station, reason, link_address, upstream: String::new() };
    let revoke = proto::RevokeStationRequest { station, reason: "电脑被盗".to_owned() };
    let by = || "990106101203-01".to_owned();
    let done = [(by(), Registered::Replaced(replace, true)), (by(), Registered::Revoked(revoke))];
    assert_eq!(browser.memory().registered, done);
}

#[tokio::test]
async fn what_is_wrong_is_said_at_its_place_and_what_was_typed_stays() {
    let mut browser = administrator();
    let csrf = token(&mut browser).await;
    for (action, typed, fault, kept) in [
        ("replace", ("link_address", "10.6.1.3"), "请填写原因", "value=\"10.6.1.3\""),
        ("replace", ("link_address", "10.6.1.3"), "请写成“地址:端口”", "value=\"10.6.1.3\""),
        ("revoke", ("reason", HOSTILE), "请核对站点名称，确认后勾选", "&#60;script&#62;"),
        ("revoke", ("sure", "1"), "请填写原因", "value=\"1\" checked"),
    ] {
        let answer = browser.post(&format!("{TOWNSHIP}/{action}"), &[("csrf", &csrf), typed]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{action}");
        answer.shows(&["还不能提交", fault, kept, "<details class=\"act\" open>"]);
        answer.hides(&["<script>alert"]);
    }
    browser.memory().failure =
        Some(Failure::Refused(Refusal::new(RefusalCode::InvalidInput, "该站点已经开通，不能重复发放注册码。")));
    let answer = browser.post(&format!("{VILLAGE}/code"), &[("csrf", &csrf), ("without_line", "1")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.shows(&["该站点已经开通", "name=\"without_line\" value=\"1\" checked"]);
    browser.memory().failure = Some(Failure::ReadOnly("本站磁盘空间已满".to_owned()));
    let answer = browser.post(&format!("{VILLAGE}/code"), &[("csrf", &csrf)]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let answer = browser.post(&format!("{VILLAGE}/burn"), &[("csrf", &csrf)]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let answer = browser.upload(&format!("{PAGE}/answer"), &[("csrf", &csrf)], ("file", "", b"")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.shows(&["请先选择站点带来的请求文件"]);
    browser.memory().failure =
        Some(Failure::Refused(Refusal::new(RefusalCode::InvalidInput, "这个文件不是本区站点的请求文件。").at("file")));
    let answer = browser.upload(&format!("{PAGE}/answer"), &[("csrf", &csrf)], ("file", "x", b"x")).await;
    answer.shows(&["这个文件不是本区站点的请求文件", "href=\"#file\""]);
    assert!(browser.memory().registered.is_empty());
}
