//! What stands on the pages: the words people look for, labels for every input, nothing hostile left raw.

use axum::http::StatusCode;

use super::browser::{Answer, Browser};
use super::fake::{HOSTILE, NUMBER};

const ALL_ACTIONS: [&str; 21] = [
    "accept",
    "refuse_acceptance",
    "request_correction",
    "supply_correction",
    "finish_stage",
    "post_publicity",
    "end_publicity",
    "suspend",
    "resume",
    "decide",
    "return",
    "deliver",
    "add_note",
    "remind",
    "request_withdrawal",
    "confirm_withdrawal",
    "rate",
    "extend",
    "reclaim",
    "hand_over",
    "check_superseded",
];

fn case() -> String {
    format!("/desk/case/{NUMBER}")
}

/// Every input that a person fills in has a label, an id that is there once, and a name.
fn check_labels(path: &str, answer: &Answer) {
    let body = &answer.body;
    assert!(body.contains("<html lang=\"zh-CN\">"), "{path}");
    let mut ids: Vec<&str> = body.split(" id=\"").skip(1).map(|rest| &rest[..rest.find('"').unwrap()]).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "{path} has an id twice");
    for tag in ["<input", "<select", "<textarea"] {
        for (start, _) in body.match_indices(tag) {
            let element = &body[start..start + body[start..].find('>').unwrap()];
            if element.contains("type=\"hidden\"") {
                continue;
            }
            let wrapped = body[..start].rfind("<label").is_some_and(|open| !body[open..start].contains("</label>"));
            let named = element.contains("aria-label=");
            let labelled = element
                .split("id=\"")
                .nth(1)
                .is_some_and(|rest| body.contains(&format!("for=\"{}\"", &rest[..rest.find('"').unwrap()])));
            assert!(wrapped || named || labelled, "{path}: no label for {element}");
        }
    }
}

#[tokio::test]
async fn every_input_of_every_page_has_a_label() {
    let mut browser = Browser::agent();
    browser.memory().actions = ALL_ACTIONS.to_vec();
    for path in [
        "/",
        "/items",
        "/items/mz-dibao",
        "/ledger",
        "/voucher",
        "/desk/login",
        "/desk",
        "/desk?list=closed",
        "/desk/password",
        "/desk/new",
        "/desk/new/mz-dibao",
        "/desk/items/ga-sfz",
        "/desk/bundles",
        "/desk/ledgers",
        "/desk/voucher",
        "/desk/station",
        "/desk/deadlines",
        "/desk/alerts",
        "/desk/alerts/9901061012032026070100427/over-promised.-.1",
        "/desk/orders",
        "/desk/supervision/rules",
        &case(),
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        check_labels(path, &answer);
    }
}

#[tokio::test]
async fn the_case_page_offers_what_the_station_offers_and_no_more() {
    let mut browser = Browser::agent();
    browser.memory().actions = vec!["accept", "return"];
    let answer = browser.get(&case()).await;
    answer.shows(&[
        "act/accept",
        "act/return",
        "待受理",
        "剩余22个工作日",
        "乡镇已收",
        "区中心待收",
        "赵*",
        "138****0000",
    ]);
    answer.hides(&["act/decide", "act/add_note", "13812340000"]);
    // Each form has an id of its own, so that two actions are never taken for one.
    let ids: Vec<_> = answer.body.split("name=\"request\" value=\"").skip(1).map(|rest| &rest[..32]).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn personal_data_is_shown_in_full_only_on_demand() {
    let mut browser = Browser::agent();
    browser.get(&case()).await.hides(&["赵德明", "99010619560312016X"]);
    assert_eq!(browser.memory().unmasked, 0);
    browser.get(&format!("{}?full=1", case())).await.shows(&["赵德明", "99010619560312016X", "已记录"]);
    assert_eq!(browser.memory().unmasked, 1);
}

#[tokio::test]
async fn hostile_words_stay_words() {
    let mut browser = Browser::agent();
    browser.memory().name = Some(HOSTILE.to_owned());
    browser.memory().actions = ALL_ACTIONS.to_vec();
    let query = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect::<String>();
    let pages = [
        "/desk".to_owned(),
        format!("{}?full=1", case()),
        format!("{}?done={query}", case()),
        format!("{}/paper/receipt", case()),
        format!("/desk/new?q={query}"),
        format!("/items?q={query}"),
        format!("/desk/login?next={query}"),
        format!("/desk?list={query}"),
    ];
    for path in pages {
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        answer.hides(&["<script>alert", "alert('x')"]);
    }
    browser.get(&format!("{}/paper/receipt", case())).await.shows(&["&#60;script&#62;alert"]);
}

#[tokio::test]
async fn the_line_is_on_every_page_of_the_desk() {
    let mut browser = Browser::agent();
    browser.get("/desk").await.shows(&["与上级连接正常", "枫溪镇石板村便民服务站", "我的待办", "陈桂英"]);
    browser.memory().line_down = true;
    for path in ["/desk", "/desk/new", "/desk/station", &case()] {
        browser.get(path).await.shows(&["线路中断，可照常办理，数据已存本站，待恢复后自动报送", "待报送4条", "截至"]);
    }
}

#[tokio::test]
async fn the_list_marks_what_is_late_and_what_goes_first() {
    let answer = Browser::agent().get("/desk").await;
    answer.shows(&[
        "补正送回，请优先办理",
        "2026年6月30日（已超期）",
        "990106 101203<br>20260701 00427",
        "list=todo&amp;after=older",
    ]);
    answer.hides(&["2026年7月3日（已超期）"]);
}

#[tokio::test]
async fn papers_carry_the_words_that_the_law_and_the_district_want() {
    let mut browser = Browser::agent();
    for (kind, words) in [
        (
            "receipt",
            vec!["代办登记单", "本凭证不代表已受理", "482913", "990106 101203 20260701 00427", "<svg", "尚缺材料"],
        ),
        (
            "mandate",
            vec![
                "委托代办书",
                "代为提交申请、代为补正",
                "代办服务不收取任何费用；依法应缴的规费由委托人直接缴纳",
                "真实性负责",
            ],
        ),
        (
            "accepted",
            vec!["受理通知书", "决定予以受理", "法定期限为30个工作日", "2026年8月6日前作出决定", "本事项不收费"],
        ),
        (
            "correction",
            vec![
                "一次性告知书",
                "居民户口簿：过期",
                "逾期未补正的，作退回件处理，可重新申请",
                "办理时限从材料补齐、受理之日起计算",
            ],
        ),
        ("returned", vec!["退回件通知书", "已于6月提交同一申请", "10个工作日内"]),
        (
            "denied",
            vec![
                "不予批准决定书",
                "经调查人均收入超过规定",
                "民发〔2021〕57号",
                "向澄川区人民政府申请行政复议",
                "澄川区民政局（印章）",
                "6个月内",
            ],
        ),
        ("concluded", vec!["办结通知书", "退回（重复申请）"]),
    ] {
        let answer = browser.get(&format!("{}/paper/{kind}", case())).await;
        assert_eq!(answer.status, StatusCode::OK, "{kind}");
        answer.shows(&words);
        answer.shows(&["赵德明"]);
    }
}

#[tokio::test]
async fn the_guide_discloses_all_six_things() {
    for path in ["/items/ga-sfz", "/desk/items/ga-sfz"] {
        Browser::agent().get(path).await.shows(&[
            "审批内容",
            "审批依据",
            "审批条件",
            "审批程序",
            "审批时限",
            "收费标准",
            "￥20.00",
        ]);
    }
}

#[tokio::test]
async fn attachments_are_shown_in_a_cage() {
    let mut browser = Browser::agent();
    let answer = browser.get(&format!("{}/attachment/{}", case(), "07".repeat(32))).await;
    assert_eq!(answer.headers["content-type"], "image/jpeg");
    assert!(answer.headers["content-disposition"].to_str().unwrap().starts_with("inline; filename*=UTF-8''%E8%BA%AB"));
    assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    browser.get(&format!("{}/attachment/{}", case(), "08".repeat(32))).await.shows(&["尚未到达本站"]);
}

#[tokio::test]
async fn a_resident_looks_a_case_up() {
    let mut browser = Browser::stranger();
    let csrf = browser.get("/").await.field("csrf").to_owned();
    let found = browser
        .post("/query", &[("csrf", &csrf), ("number", "990106 101203 20260701 00427"), ("code", "４８２９１３")])
        .await;
    found.shows(&["待补正", "您需要做的", "2026年7月22日前", "截至2026年7月1日 09:31"]);
    let wrong = browser.post("/query", &[("csrf", &csrf), ("number", NUMBER), ("code", "000000")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.shows(&["没有找到这个办件", NUMBER]);
    browser.post("/query", &[("csrf", &csrf), ("number", NUMBER), ("code", "999999")]).await.shows(&["请11分钟后再试"]);
}
