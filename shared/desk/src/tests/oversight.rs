//! The screens of supervision, on an office with one late case.

use async_trait::async_trait;
use axum::http::StatusCode;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::act_request::Action;

use super::browser::Browser;
use super::fake::{FakeOffice, HOSTILE, NUMBER, refusal};
use crate::office::{Actor, Failure};
use crate::oversight::Oversight;

const ALERT: &str = "over-promised.-.1";

fn row() -> proto::AlertRow {
    proto::AlertRow {
        case_number: NUMBER.to_owned(),
        item_name: "最低生活保障审核确认".to_owned(),
        alert: ALERT.to_owned(),
        name: "超过承诺期限".to_owned(),
        kind: "期限".to_owned(),
        level: proto::AlertLevel::Red.into(),
        state: "待回复".to_owned(),
        since: 20_260_807,
        answer_until: 20_260_812,
        department_name: "枫溪镇便民服务中心".to_owned(),
        person_name: HOSTILE.to_owned(),
        points: 4,
        ..Default::default()
    }
}

fn view() -> proto::AlertView {
    let charge = |cause: &str, days| proto::ChargeView { cause: cause.to_owned(), days, ..Default::default() };
    proto::AlertView {
        row: Some(row()),
        text: "应当在承诺期限内办结。".to_owned(),
        words: "承诺期限到2026年8月6日为止".to_owned(),
        delay_days: 3,
        delay_unit: "工作日".to_owned(),
        charges: vec![charge("个人", 2), charge("线路或设备", 1)],
        heads: vec!["常川新（中心主任）".to_owned()],
        said: vec![proto::SaidView {
            title: "预警回复".to_owned(), words: HOSTILE.to_owned(), ..Default::default()
        }],
        actions: vec!["answer_alert".to_owned(), "appeal_alert".to_owned()],
        ..Default::default()
    }
}

fn sum() -> proto::RankingSum {
    proto::RankingSum {
        cases: 8,
        on_time: 7,
        led: 4,
        used_days: 18,
        promised_days: 40,
        points: 4,
        ..Default::default()
    }
}

/// Supervisors only, as the station has it.
impl FakeOffice {
    fn supervises(&self) -> Result<(), Failure> {
        let supervisor = self.memory.lock().expect("lock").other_role;
        let no = || Failure::Refused(Refusal::new(RefusalCode::NotEntitled, "只有监察人员可以查看。"));
        supervisor.then_some(()).ok_or_else(no)
    }
}

#[async_trait]
impl Oversight for FakeOffice {
    async fn board(&self, _: &Actor) -> Result<proto::BoardReply, Failure> {
        self.supervises()?;
        let cell = |link: &str, cases| proto::BoardCell {
            link: link.to_owned(),
            cases,
            red: cases / 2,
            days: cases * 3,
            days_most: 9,
            ..Default::default()
        };
        let cells = vec![cell("申请", 0), cell("受理", 4), cell("审核", 2), cell("批准", 0), cell("办结", 1)];
        let row = proto::BoardRow {
            code: "mz".to_owned(),
            name: HOSTILE.to_owned(),
            cells: cells.clone(),
            ..Default::default()
        };
        Ok(proto::BoardReply { day: 20_260_810, time_ms: 1_786_000_000_000, rows: vec![row], total: cells })
    }

    async fn board_cases(&self, _: &Actor, _: proto::BoardCasesRequest) -> Result<proto::BoardCasesReply, Failure> {
        self.supervises()?;
        let case = proto::BoardCase {
            case_number: NUMBER.to_owned(),
            item_name: "最低生活保障审核确认".to_owned(),
            link: "审核".to_owned(),
            level: proto::AlertLevel::Yellow.into(),
            ..Default::default()
        };
        Ok(proto::BoardCasesReply { cases: vec![case], total: 1 })
    }

    async fn alerts(&self, _: &Actor, _: proto::ListAlertsRequest) -> Result<proto::ListAlertsReply, Failure> {
        Ok(proto::ListAlertsReply { alerts: vec![row()], total: 300 })
    }

    async fn alert(&self, _: &Actor, request: proto::GetAlertRequest) -> Result<proto::AlertView, Failure> {
        if request.alert == ALERT { Ok(view()) } else { Err(Failure::NotFound) }
    }

    async fn orders(&self, _: &Actor, _: proto::ListOrdersRequest) -> Result<proto::ListOrdersReply, Failure> {
        let order = proto::OrderView {
            case_number: NUMBER.to_owned(),
            words: HOSTILE.to_owned(),
            state: "待反馈".to_owned(),
            until: 20_260_812,
            ..Default::default()
        };
        Ok(proto::ListOrdersReply { orders: vec![order] })
    }

    async fn ranking(&self, _: &Actor, _: proto::RankingRequest) -> Result<proto::RankingReply, Failure> {
        self.supervises()?;
        let row = proto::RankingRow {
            place: 1,
            code: "mz".to_owned(),
            name: HOSTILE.to_owned(),
            sum: Some(sum()),
            case_numbers: Vec::new(),
        };
        Ok(proto::RankingReply { from: 20_260_801, to: 20_260_831, rows: vec![row] })
    }

    async fn ranking_cases(
        &self,
        _: &Actor,
        _: proto::RankingCasesRequest,
    ) -> Result<proto::RankingCasesReply, Failure> {
        self.supervises()?;
        let case = proto::RankingCase {
            case_number: NUMBER.to_owned(),
            sum: Some(sum()),
            alerts: vec![ALERT.to_owned()],
            ..Default::default()
        };
        Ok(proto::RankingCasesReply { cases: vec![case] })
    }

    async fn responsibility(
        &self,
        _: &Actor,
        _: proto::ResponsibilityRequest,
    ) -> Result<proto::ResponsibilityReply, Failure> {
        self.supervises()?;
        let held = proto::HeldView {
            stage_name: "调查".to_owned(),
            from: 20_260_702,
            people: vec![HOSTILE.to_owned()],
            ..Default::default()
        };
        Ok(proto::ResponsibilityReply {
            case_number: NUMBER.to_owned(),
            alert: Some(view()),
            office_name: "枫溪镇便民服务中心".to_owned(),
            chain: vec![held],
            ..Default::default()
        })
    }

    fn watch_rules(&self) -> proto::RulesReply {
        let rule = proto::RuleView {
            name: "超过承诺期限".to_owned(),
            text: HOSTILE.to_owned(),
            points: 2,
            ..Default::default()
        };
        proto::RulesReply { version: 3, rules: vec![rule] }
    }
}

fn supervisor() -> Browser {
    let browser = Browser::agent();
    browser.memory().other_role = true;
    browser
}

const FOR_SUPERVISORS: [&str; 6] = [
    "/desk/supervision",
    "/desk/supervision/live",
    "/desk/supervision/cases?link=%E5%8F%97%E7%90%86&code=mz",
    "/desk/supervision/ranking?period=2026-08&table=staff",
    "/desk/supervision/ranking/cases?period=2026-08&table=staff&code=mz",
    "/desk/supervision/responsibility/9901061012032026070100427",
];

#[tokio::test]
async fn supervisors_see_how_cases_run_and_hostile_words_stay_words() {
    for path in FOR_SUPERVISORS {
        let answer = supervisor().get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        answer.hides(&["<script>alert", "13812340000", "99010619560312016X"]);
    }
    let mut browser = supervisor();
    browser.get("/desk/supervision").await.shows(&["红2", "停留3.0天，最长9天", "/desk/supervision/live"]);
    browser.get(FOR_SUPERVISORS[3]).await.shows(&["87.5%", "4.5", "10.0"]);
    browser.get(FOR_SUPERVISORS[5]).await.shows(&["责任认定表", "枫溪镇便民服务中心", "线路或设备"]);
    browser.get("/desk/supervision/rules").await.shows(&["第3版", "超过承诺期限"]);
}

#[tokio::test]
async fn others_are_told_that_it_is_not_theirs() {
    for path in FOR_SUPERVISORS {
        let answer = Browser::agent().get(path).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        answer.shows(&["只有监察人员"]);
    }
    Browser::agent().get("/desk").await.hides(&["/desk/supervision"]);
}

#[tokio::test]
async fn an_alert_is_answered_on_its_page() {
    let mut browser = Browser::agent();
    browser.get("/desk/alerts").await.shows(&["超过承诺期限", "待回复", "skip=1"]);
    let path = format!("/desk/alerts/{NUMBER}/{ALERT}");
    let answer = browser.get(&path).await;
    answer.shows(&["超期3个工作日的归因", "个人", "answer_alert", "appeal_alert", "常川新"]);
    answer.hides(&["revoke_alert", "<script>alert"]);
    let (csrf, request) = (answer.field("csrf"), answer.field("request"));
    let fields = [("csrf", csrf), ("request", request), ("words", "已整改")];
    let said = browser.post(&format!("{path}/answer_alert"), &fields).await;
    assert_eq!(said.status, StatusCode::SEE_OTHER);
    assert_eq!(said.location(), format!("{path}?done=answer_alert"));
    let acted = browser.memory().acted.pop().unwrap();
    let expected = proto::AnswerAlert { alert: ALERT.to_owned(), words: "已整改".to_owned() };
    assert_eq!(acted.action, Some(Action::AnswerAlert(expected)));

    // A refusal is told where it was typed, and what was typed is kept.
    browser.memory().failure = Some(Failure::Refused(refusal("words", "请写明原因。")));
    let fields = [("csrf", csrf), ("request", request), ("words", "线路中断")];
    let again = browser.post(&format!("{path}/appeal_alert"), &fields).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    again.shows(&["请写明原因。", "线路中断"]);
    assert_eq!(browser.get(&format!("/desk/alerts/{NUMBER}/nothing.-.1")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_supervisor_issues_an_order_on_the_case_page() {
    let mut browser = supervisor();
    browser.memory().actions = vec!["issue_order"];
    let path = format!("/desk/case/{NUMBER}");
    let answer = browser.get(&path).await;
    answer.shows(&["发督办单", "反馈期限"]);
    let action = format!("{path}/act/issue_order");
    let (csrf, request) = (answer.field("csrf"), answer.field("request"));
    let fields = [("csrf", csrf), ("request", request), ("words", "请抓紧"), ("until", "2026-08-12")];
    assert_eq!(browser.post(&action, &fields).await.status, StatusCode::SEE_OTHER);
    let acted = browser.memory().acted.pop().unwrap();
    let expected = proto::IssueOrder { until: 20_260_812, words: "请抓紧".to_owned(), ..Default::default() };
    assert_eq!(acted.action, Some(Action::IssueOrder(expected)));
}
