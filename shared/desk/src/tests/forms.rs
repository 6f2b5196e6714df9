//! Forms: nothing typed is lost, nothing is done twice, and what moved meanwhile is shown.

use axum::http::StatusCode;
use sanji_proto::v1::act_request::Action;

use super::browser::{Answer, Browser};
use super::fake::{HOSTILE, NUMBER, refusal};
use crate::office::Failure;

const REQUEST: &str = "0123456789abcdef0123456789abcdef";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a photograph";

/// A complete application, but for the token.
fn application<'a>(csrf: &'a str, step: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("csrf", csrf),
        ("request", REQUEST),
        ("applicant.name", "赵德明"),
        ("applicant.id_number", "11010519491231002X"),
        ("applicant.telephone", "13812340000"),
        ("applicant.address", "枫溪镇石板村3组"),
        ("materials[0].originals", "1"),
        ("mandate.may_submit", "1"),
        ("mandate.may_correct", "1"),
        ("truth", "1"),
        ("step", step),
    ]
}

async fn csrf(browser: &mut Browser) -> String {
    browser.get("/desk/new/mz-dibao").await.field("csrf").to_owned()
}

async fn act(browser: &mut Browser, action: &str, values: &[(&str, &str)]) -> Answer {
    let csrf = csrf(browser).await;
    let mut sent = vec![("csrf", csrf.as_str()), ("request", REQUEST), ("rev", "4")];
    sent.extend(values);
    browser.post(&format!("/desk/case/{NUMBER}/act/{action}"), &sent).await
}

#[tokio::test]
async fn an_application_goes_through_review_to_the_receipt_once() {
    let mut browser = Browser::agent();
    let csrf = csrf(&mut browser).await;
    let photo = ("materials[1].files", "身份证.jpg", JPEG);
    let review = browser.upload("/desk/new/mz-dibao", &application(&csrf, "review"), photo).await;
    assert_eq!(review.status, StatusCode::OK);
    review.shows(&["请与申请人核对", "11010519491231002X", "身份证.jpg", "代为提交申请、代为补正", "确认提交"]);
    assert_eq!(review.field("request"), REQUEST);
    let kept = review.field("materials[1].kept").to_owned();

    let mut confirmed = application(&csrf, "submit");
    confirmed.push(("materials[1].kept", &kept));
    for _ in 0..2 {
        let done = browser.post("/desk/new/mz-dibao", &confirmed).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER);
        assert_eq!(done.location(), format!("/desk/case/{NUMBER}/paper/receipt"));
    }
    let memory = browser.memory();
    let [submitted] = memory.submitted.as_slice() else { panic!("{} cases", memory.submitted.len()) };
    assert_eq!(submitted.applicant.as_ref().unwrap().name, "赵德明");
    assert!(submitted.mandate.as_ref().unwrap().may_correct);
    let photo = submitted.materials.iter().find(|material| material.material == 1).unwrap();
    assert_eq!(photo.attachments, [vec![1; 32]]);
    // The recorded mandate counts as the written one.
    assert!(submitted.materials.iter().any(|material| material.material == 9 && material.originals == 1));
    let (head, content) = &memory.attachments[0];
    assert_eq!((head.media_type.as_str(), content.as_slice()), ("image/jpeg", JPEG));
    assert_eq!(head.request.len(), 16);
}

#[tokio::test]
async fn after_a_fault_the_form_is_as_it_was_typed() {
    let mut browser = Browser::agent();
    let csrf = csrf(&mut browser).await;
    let mut wrong = application(&csrf, "review");
    for (name, value) in &mut wrong {
        match *name {
            "applicant.id_number" => *value = "110105194912310021",
            "applicant.address" => *value = HOSTILE,
            "truth" => *value = "",
            _ => {}
        }
    }
    let photo = ("materials[1].files", "身份证.jpg", JPEG);
    let again = browser.upload("/desk/new/mz-dibao", &wrong, photo).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    again.shows(&[
        "还不能提交",
        "href=\"#applicant.id_number\"",
        "href=\"#truth\"",
        "value=\"110105194912310021\"",
        "value=\"赵德明\"",
        "已上传：身份证.jpg",
        "aria-invalid=\"true\"",
        "&#60;script&#62;",
    ]);
    again.hides(&["<script>alert"]);
    assert_eq!(again.field("request"), REQUEST);
    assert!(browser.memory().submitted.is_empty());
}

#[tokio::test]
async fn what_the_station_refuses_stands_at_its_field() {
    let mut browser = Browser::agent();
    let csrf = csrf(&mut browser).await;
    browser.memory().failure = Some(Failure::Refused(refusal("materials[2]", "缺少必要材料“居民户口簿”。")));
    let again = browser.post("/desk/new/mz-dibao", &application(&csrf, "submit")).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    again.shows(&[
        "href=\"#materials[2]\"",
        "id=\"materials[2]-fault\">缺少必要材料“居民户口簿”。",
        "value=\"赵德明\"",
    ]);
}

#[tokio::test]
async fn files_of_other_types_are_refused_by_their_bytes() {
    let mut browser = Browser::agent();
    let csrf = csrf(&mut browser).await;
    let page = ("materials[1].files", "身份证.jpg", b"<html>not a photograph".as_slice());
    let again = browser.upload("/desk/new/mz-dibao", &application(&csrf, "review"), page).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    again.shows(&["不是JPG、PNG或PDF文件"]);
    assert!(browser.memory().attachments.is_empty());
}

#[tokio::test]
async fn a_file_above_the_limit_of_the_station_is_refused_at_its_field() {
    let mut browser = Browser::agent();
    let csrf = csrf(&mut browser).await;
    browser.get("/desk/new/mz-dibao").await.shows(&["单个不超过1 MB"]);
    let mut large = JPEG.to_vec();
    large.resize((1 << 20) + 1, 0);
    let page = ("materials[1].files", "户口簿.jpg", large.as_slice());
    let again = browser.upload("/desk/new/mz-dibao", &application(&csrf, "review"), page).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    again.shows(&["“户口簿.jpg”超过1 MB，请压缩后再上传，或者分成几个文件上传。", "value=\"赵德明\""]);
    assert!(browser.memory().attachments.is_empty());
}

#[tokio::test]
async fn an_item_closed_to_agents_can_not_be_begun() {
    let answer = Browser::agent().get("/desk/new/ga-sfz").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    answer.shows(&["本站不能登记", "须由本人到派出所窗口办理"]);
}

#[tokio::test]
async fn an_action_is_sent_once_and_leads_back_to_the_case() {
    let mut browser = Browser::agent();
    for _ in 0..2 {
        let answer = act(&mut browser, "accept", &[]).await;
        assert_eq!(
            (answer.status, answer.location()),
            (StatusCode::SEE_OTHER, "/desk/case/9901061012032026070100427?done=accept")
        );
    }
    assert_eq!(browser.memory().acted.len(), 1);
    let acted = browser.memory().acted[0].clone();
    assert_eq!((acted.expected_rev, acted.action), (4, Some(Action::Accept(sanji_proto::v1::Accept::default()))));
    browser.get(&format!("/desk/case/{NUMBER}?done=accept")).await.shows(&["已完成：受理"]);
}

#[tokio::test]
async fn a_correction_notice_lists_everything_at_once() {
    let mut browser = Browser::agent();
    browser.memory().actions = vec!["request_correction"];
    act(&mut browser, "request_correction", &[]).await.shows(&["请至少列出一项"]);
    let half =
        act(&mut browser, "request_correction", &[("kind-2", "2"), ("requirement-2", ""), ("requirement-1", "补交")])
            .await;
    half.shows(&["请同时选择", "value=\"补交\"", "<option value=\"2\" selected>过期"]);
    let whole =
        [("kind-2", "2"), ("requirement-2", "换新"), ("kind-4294967295", "5"), ("requirement-4294967295", "更正住址")];
    assert_eq!(act(&mut browser, "request_correction", &whole).await.status, StatusCode::SEE_OTHER);
    let Some(Action::RequestCorrection(sent)) = browser.memory().acted[0].action.clone() else {
        panic!("another action")
    };
    let listed: Vec<_> =
        sent.faults.iter().map(|fault| (fault.material, fault.kind, fault.requirement.as_str())).collect();
    assert_eq!(listed, [(2, 2, "换新"), (u32::MAX, 5, "更正住址")]);
}

#[tokio::test]
async fn a_refused_action_keeps_its_words() {
    let mut browser = Browser::agent();
    browser.memory().actions = vec!["decide", "add_note"];
    browser.memory().failure = Some(Failure::Refused(refusal("basis", "不予决定须写明法律依据。")));
    let again = act(&mut browser, "decide", &[("approved", "0"), ("reason", "收入超过规定"), ("ground", "3")]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    again.shows(&[
        "href=\"#decide-basis\"",
        "id=\"act-decide\" open",
        "收入超过规定</textarea>",
        "<option value=\"3\" selected>",
        "name=\"approved\" value=\"0\" checked",
    ]);
    // The words stay in the form that they were typed into.
    again.hides(&["id=\"act-add_note\" open"]);
}

#[tokio::test]
async fn what_has_changed_meanwhile_is_shown() {
    let mut browser = Browser::agent();
    browser.memory().actions = vec!["add_note"];
    browser.memory().failure = Some(Failure::Stale);
    let answer = act(&mut browser, "add_note", &[("words", "请电话联系")]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    answer.shows(&[
        "本件已有新进展",
        "<strong>退回（重复申请）</strong> <span class=\"kind\">新</span>",
        "请电话联系</textarea>",
    ]);
    answer.hides(&["<strong>登记申请</strong> <span class=\"kind\">新</span>"]);
}

#[tokio::test]
async fn a_new_password_is_typed_twice() {
    let mut browser = Browser::agent();
    let csrf = browser.get("/desk/password").await.field("csrf").to_owned();
    for (old, new, repeat, words) in [
        ("right", "short", "short", "不少于8个字符"),
        ("right", "long enough", "long enouhg", "不一致"),
        ("wrong", "long enough", "long enough", "原密码不正确"),
    ] {
        let values = [("csrf", csrf.as_str()), ("old", old), ("new", new), ("repeat", repeat)];
        let answer = browser.post("/desk/password", &values).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        answer.shows(&[words]);
    }
    let values = [("csrf", csrf.as_str()), ("old", "right"), ("new", "long enough"), ("repeat", "long enough")];
    assert_eq!(browser.post("/desk/password", &values).await.location(), "/desk/password?done=1");
}
