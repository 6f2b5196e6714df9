//! One journey in a real browser, as the people of the three levels and a resident take it. Pictures of every page are
//! kept in the folder that SCREENSHOTS names, if it is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use fantoccini::Locator;
use sanji_log::StationCode;
use sanji_tests::binaries::Binaries;
use sanji_tests::browser::Browser;
use sanji_tests::district::{District, PASSWORD, Plan};
use sanji_tests::story;

/// A person at a desk, in a browser of their own.
struct Person {
    browser: Browser,
    desk: String,
    name: String,
}

impl Person {
    async fn log_in(district: &District, station: StationCode, department: &str, role: &str) -> Self {
        let browser = Browser::open(1024, 768).await.unwrap();
        let desk = format!("http://{}", district.address(station).unwrap().desk);
        let staff = district.sample.staff_of(station, department, role).unwrap();
        browser.go(&format!("{desk}/desk")).await.unwrap();
        browser.fill("staff", &staff.id).await.unwrap();
        browser.fill("password", "wrong").await.unwrap();
        browser.follow("main form button").await.unwrap();
        assert!(!browser.text().await.unwrap().contains("我的待办"), "a wrong password was let in");
        browser.fill("staff", &staff.id).await.unwrap();
        browser.fill("password", PASSWORD).await.unwrap();
        browser.follow("main form button").await.unwrap();
        let person = Self { browser, desk, name: format!("{station}-{role}") };
        person.says("我的待办").await;
        person
    }

    async fn says(&self, words: &str) {
        let text = self.browser.text().await.unwrap();
        assert!(text.contains(words), "{}: the page does not say {words}:\n{text}", self.name);
    }

    async fn open(&self, case: &str) {
        self.browser.go(&format!("{}/desk/case/{case}", self.desk)).await.unwrap();
    }

    /// Opens the form of an action that the case page offers, unless it is open already.
    async fn begin(&self, action: &str) {
        if self.browser.window.find(Locator::Css(&format!("#act-{action}[open]"))).await.is_err() {
            self.browser.click(&format!("#act-{action} summary")).await.unwrap();
        }
    }

    async fn send(&self, action: &str) {
        self.browser.follow(&format!("#act-{action} form button")).await.unwrap();
        self.says("已完成").await;
    }

    async fn picture(&self, name: &str) {
        picture(&self.browser, &format!("{name}-{}", self.name)).await;
    }
}

async fn picture(browser: &Browser, name: &str) {
    if let Some(folder) = std::env::var_os("SCREENSHOTS") {
        browser.screenshot(&PathBuf::from(folder).join(format!("{name}.png"))).await.unwrap();
    }
}

/// The digits that stand right after a label, blanks between them left out.
fn digits_after(text: &str, label: &str, count: usize) -> String {
    let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    text.split(label)
        .skip(1)
        .map(|rest| rest.trim_start_matches('：').chars().take_while(char::is_ascii_digit).take(count).collect())
        .find(|digits: &String| digits.len() == count)
        .unwrap_or_else(|| panic!("no {label} in:\n{text}"))
}

/// The agent's part: picks the item, fills in the form with a photograph, checks, submits.
async fn apply(agent: &Person, district: &District, village: StationCode, photograph: &str) -> (String, String) {
    let resident = district.sample.resident_of(village).unwrap();
    let browser = &agent.browser;
    browser.go(&format!("{}/desk/new?q=养老", agent.desk)).await.unwrap();
    agent.picture("02-items").await;
    browser.follow("a[href='/desk/new/rs-canbao']").await.unwrap();
    browser.fill("applicant.name", &resident.name).await.unwrap();
    browser.fill("applicant.id_number", "990106194607010160").await.unwrap();
    browser.fill("applicant.telephone", "13800000000").await.unwrap();
    browser.fill("applicant.address", "三组").await.unwrap();
    for tick in browser.window.find_all(Locator::Css("input[type='checkbox']:not([name='preliminary'])")).await.unwrap()
    {
        if !tick.is_selected().await.unwrap() {
            tick.click().await.unwrap();
        }
    }
    let file = browser.window.find(Locator::Css("input[type='file']")).await.unwrap();
    file.send_keys(photograph).await.unwrap();
    agent.picture("03-form").await;
    browser.follow("button[value='review']").await.unwrap();
    if !browser.text().await.unwrap().contains("请先改正") {
        browser.follow("button[value='submit']").await.unwrap();
    }
    agent.says("请先改正以下内容").await;
    agent.picture("04-wrong-number").await;
    let kept = browser.window.find(Locator::Css("[name='applicant.address']")).await.unwrap();
    assert_eq!(kept.prop("value").await.unwrap().as_deref(), Some("三组"), "what was typed is lost after a fault");
    browser.fill("applicant.id_number", &resident.id_number).await.unwrap();
    browser.follow("button[value='review']").await.unwrap();
    agent.says("请与申请人核对").await;
    agent.picture("05-review").await;
    browser.follow("button[value='submit']").await.unwrap();
    agent.picture("06-submitted").await;
    let text = browser.text().await.unwrap();
    let (number, code) = (digits_after(&text, "办件编号", 25), digits_after(&text, "查询码", 6));
    assert!(number.parse::<sanji_log::CaseNumber>().is_ok(), "{number} is no case number:\n{text}");
    // Loading the page again changes nothing.
    browser.window.refresh().await.unwrap();
    browser.go(&format!("{}/desk?list=open", agent.desk)).await.unwrap();
    let rows = browser.window.find_all(Locator::Css("table a.number")).await.unwrap();
    assert_eq!(rows.len(), 1, "the application was filed twice");
    (number, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_goes_from_the_village_to_the_district_and_back_in_the_browser() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = District::new(folder.path(), Plan::line().unwrap(), Binaries::build(true).unwrap()).unwrap();
    district.start(&|_| ()).unwrap();
    let (hub, township, village) = (district.plan.hub, district.plan.townships[0], district.plan.villages[0]);
    let photograph = folder.path().join("身份证.jpg");
    std::fs::write(&photograph, story::photograph()).unwrap();

    let agent = Person::log_in(&district, village, "village", "代办员").await;
    agent.picture("01-home").await;
    let (number, code) = apply(&agent, &district, village, photograph.to_str().unwrap()).await;
    agent.open(&number).await;
    agent.browser.wait_for("✓✓✓").await.unwrap();
    agent.picture("07-case").await;
    agent.browser.go(&format!("{}/desk/case/{number}/paper/receipt", agent.desk)).await.unwrap();
    agent.says("本凭证不代表已受理").await;
    agent.picture("08-receipt").await;

    let window = Person::log_in(&district, township, "township", "窗口受理").await;
    window.browser.wait_for("待受理").await.unwrap();
    window.picture("09-todo").await;
    window.open(&number).await;
    window.begin("request_correction").await;
    window.browser.click("#act-request_correction select[name='kind-0'] option[value='3']").await.unwrap();
    window.browser.fill("requirement-0", "申请表字迹不清，请重新填写。").await.unwrap();
    window.picture("10-correction").await;
    window.send("request_correction").await;

    agent.open(&number).await;
    agent.browser.wait_for("待补正").await.unwrap();
    agent.begin("supply_correction").await;
    for tick in
        agent.browser.window.find_all(Locator::Css("#act-supply_correction input[type='checkbox']")).await.unwrap()
    {
        if !tick.is_selected().await.unwrap() {
            tick.click().await.unwrap();
        }
    }
    agent.picture("11-supply").await;
    agent.send("supply_correction").await;

    window.open(&number).await;
    wait_for_action(&window, "accept").await;
    window.begin("accept").await;
    window.send("accept").await;
    window.picture("12-accepted").await;

    let reviewer = Person::log_in(&district, township, "township", "审核").await;
    reviewer.open(&number).await;
    wait_for_action(&reviewer, "finish_stage").await;
    reviewer.begin("finish_stage").await;
    reviewer.browser.fill("words", "材料属实，同意上报。").await.unwrap();
    reviewer.picture("13-review").await;
    reviewer.send("finish_stage").await;

    let approver = Person::log_in(&district, hub, "rs", "审批").await;
    approver.open(&number).await;
    wait_for_action(&approver, "decide").await;
    approver.picture("14-approver").await;
    approver.begin("decide").await;
    approver.browser.fill("document_number", "澄人社〔2026〕1号").await.unwrap();
    approver.picture("15-decide").await;
    approver.send("decide").await;

    agent.open(&number).await;
    wait_for_action(&agent, "deliver").await;
    agent.begin("deliver").await;
    agent.browser.fill("receiver", &district.sample.resident_of(village).unwrap().name).await.unwrap();
    agent.picture("16-deliver").await;
    agent.send("deliver").await;
    agent.browser.wait_for("已办结").await.unwrap();
    agent.picture("17-concluded").await;

    // The resident, on a telephone.
    let resident = Browser::open(390, 844).await.unwrap();
    let public = format!("http://{}/", district.address(hub).unwrap().desk);
    let mut said = String::new();
    for _ in 0..40 {
        resident.go(&public).await.unwrap();
        picture(&resident, "18-public").await;
        resident.fill("number", &number).await.unwrap();
        resident.fill("code", &code).await.unwrap();
        resident.follow("form[action='/query'] button").await.unwrap();
        said = resident.text().await.unwrap();
        if said.contains("已办结") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    picture(&resident, "19-public-case").await;
    assert!(said.contains("已办结"), "the public page says:\n{said}");
    let name = &district.sample.resident_of(village).unwrap().name;
    assert!(!said.contains(name.as_str()), "the public page names the applicant");
    resident.go(&public).await.unwrap();
    resident.fill("number", &number).await.unwrap();
    resident.fill("code", "000000").await.unwrap();
    resident.follow("form[action='/query'] button").await.unwrap();
    assert!(!resident.text().await.unwrap().contains("已办结"), "a wrong query code was answered");
    for person in [agent, window, reviewer, approver] {
        person.browser.close().await.unwrap();
    }
    resident.close().await.unwrap();
    district.stop_all().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_machine_becomes_a_station_in_the_browser() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = District::new(folder.path(), Plan::line().unwrap(), Binaries::build(true).unwrap()).unwrap();
    let (hub, township) = (district.plan.hub, district.plan.townships[0]);
    district.make_hub("").unwrap();
    let code = district.code_for(township).unwrap();
    let enrolment = district.address(hub).unwrap().enrolment.unwrap().to_string();
    let unenrolled = district.serve_unenrolled(township, "127.0.0.1:0").unwrap();
    let browser = Browser::open(1024, 768).await.unwrap();
    browser.go(&format!("http://{}/", unenrolled.page)).await.unwrap();
    picture(&browser, "20-first").await;
    browser.fill("station", &township.to_string()).await.unwrap();
    browser.fill("hub", &enrolment).await.unwrap();
    browser.fill("code", &"0".repeat(28)).await.unwrap();
    browser.follow("form[action='/desk/enrol'] button").await.unwrap();
    let said = browser.text().await.unwrap();
    assert!(said.contains("身份与注册码对不上"), "{said}");
    picture(&browser, "21-first-wrong").await;
    browser.fill("code", &code).await.unwrap();
    browser.follow("form[action='/desk/enrol'] button").await.unwrap();
    picture(&browser, "22-starting").await;
    // By itself: nobody loads the page again.
    story::until("the login", std::time::Duration::from_secs(30), async || {
        browser.text().await.ok().filter(|text| text.contains("工作人员登录"))
    })
    .await
    .unwrap();
    district.enrolled(unenrolled).unwrap();
    let staff = district.sample.staff_of(township, "township", "窗口受理").unwrap();
    browser.fill("staff", &staff.id).await.unwrap();
    browser.fill("password", PASSWORD).await.unwrap();
    browser.follow("main form button").await.unwrap();
    picture(&browser, "23-first-login").await;
    let said = browser.text().await.unwrap();
    assert!(said.contains("我的待办"), "{said}");
    browser.close().await.unwrap();
    district.stop_all().unwrap();
}

/// Loads the case again until it offers an action.
async fn wait_for_action(person: &Person, action: &str) {
    for _ in 0..60 {
        let selector = format!("#act-{action}");
        if person.browser.window.find(Locator::Css(&selector)).await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        person.browser.window.refresh().await.unwrap();
    }
    panic!("{} is never offered {action}:\n{}", person.name, person.browser.text().await.unwrap());
}
