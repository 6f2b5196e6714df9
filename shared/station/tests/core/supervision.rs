//! Electronic supervision over three stations: what each sees, and what is remembered between two looks.

use std::time::Instant;

use jiff::civil::date;
use sanji_domain::supervision::{Contribution, Period, contributions};
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_station::Failure;
use sanji_station::core::Reader;
use sanji_station::core::scan::Which;
use sanji_station::supervision::Digests;

use crate::district::{
    AGENT, APPROVER, DAY_MS, District, HUB, ID_NUMBER, NAME, REVIEWER, SECOND, START_MS, SUPERVISOR, TOWNSHIP, VILLAGE,
    WINDOW, code, dibao, missing, noise, staff, verified,
};
use crate::journey::handle;

const AT_HUB: &str = "js-01";

impl District {
    fn look<T>(&mut self, station: &str, actor: &str, look: impl FnOnce(&Reader, &sanji_domain::Staff, u64) -> T) -> T {
        let now_ms = self.now_ms;
        let member = self.member(station);
        let person = member.person(actor);
        look(member.core.reader(), &person, now_ms)
    }

    fn alerts(&mut self, station: &str, actor: &str, digests: &Digests) -> Vec<(String, String)> {
        let request = proto::ListAlertsRequest::default();
        let reply = self.look(station, actor, |reader, staff, now| reader.alerts(digests, staff, &request, now));
        reply.unwrap().alerts.into_iter().map(|row| (row.alert, row.state)).collect()
    }

    fn board(&mut self, station: &str, actor: &str, digests: &Digests) -> Result<Vec<(String, u32, u32)>, Failure> {
        let board = self.look(station, actor, |reader, staff, now| reader.board(digests, staff, now))?;
        Ok(board
            .total
            .into_iter()
            .filter(|cell| cell.cases > 0)
            .map(|cell| (cell.link, cell.cases, cell.red))
            .collect())
    }

    /// A case that lies in the township's survey until its limit is over.
    fn late(&mut self) -> String {
        let number = self.submit().unwrap().case.unwrap().number().to_string();
        self.sync();
        self.act(TOWNSHIP, WINDOW, &number, Action::Accept(proto::Accept::default())).unwrap();
        self.now_ms += 20 * DAY_MS;
        self.sync();
        number
    }
}

fn say(key: &str, words: &str) -> Action {
    Action::AnswerAlert(proto::AnswerAlert { alert: key.to_owned(), words: words.to_owned() })
}

#[test]
fn an_alert_is_seen_by_whom_it_concerns_and_its_words_by_the_supervisor() {
    let mut district = District::new();
    let digests = Digests::default();
    let number = district.late();
    let key = "over-stage.survey.1";
    let unanswered = [(key.to_owned(), "待回复".to_owned())];
    // Ten working days for the survey; now it is the fourteenth.
    assert_eq!(district.board(HUB, AT_HUB, &digests).unwrap(), [("审核".to_owned(), 1, 1)]);
    for (station, actor) in [(HUB, AT_HUB), (TOWNSHIP, SUPERVISOR), (TOWNSHIP, REVIEWER), (TOWNSHIP, SECOND)] {
        assert_eq!(district.alerts(station, actor, &Digests::default()), unanswered, "{actor}");
    }
    for (station, actor) in [(VILLAGE, AGENT), (HUB, APPROVER)] {
        assert_eq!(district.alerts(station, actor, &Digests::default()), [], "{actor}");
    }
    assert!(matches!(district.board(HUB, APPROVER, &digests), Err(Failure::Refused(_))));

    district.act(TOWNSHIP, REVIEWER, &number, say(key, "入户三次无人在家")).unwrap();
    district.sync();
    let request = proto::GetAlertRequest { case_number: number.clone(), alert: key.to_owned() };
    let shown = district.look(HUB, AT_HUB, |reader, staff, now| reader.alert(staff, &request, now)).unwrap();
    assert_eq!(shown.said[0].words, "入户三次无人在家");
    assert_eq!(shown.actions, ["revoke_alert", "uphold_alert"]);
    assert_eq!(shown.charges.iter().map(|charge| charge.days).sum::<u32>(), shown.delay_days);
    assert!(!shown.heads.is_empty());
    let case = district.view(HUB, AT_HUB, &number).unwrap();
    let all = format!("{shown:?}{case:?}");
    assert!(!all.contains(NAME) && !all.contains(ID_NUMBER), "supervisors see no personal data");
    assert_eq!(case.alerts.len(), 1);
    let other = district.look(HUB, APPROVER, |reader, staff, now| reader.alert(staff, &request, now));
    assert!(matches!(other, Err(Failure::NotFound)));

    // What was remembered is forgotten when the case changes.
    assert_eq!(district.alerts(HUB, AT_HUB, &digests), [(key.to_owned(), "已回复".to_owned())]);
    let review = proto::ReviewAlert { alert: key.to_owned(), revoked: true, words: "情况属实".to_owned() };
    district.act(HUB, AT_HUB, &number, Action::ReviewAlert(review)).unwrap();
    assert_eq!(district.alerts(HUB, AT_HUB, &digests), [], "a revoked one is no longer current");
    district.sync();
    let view = district.view(TOWNSHIP, REVIEWER, &number).unwrap();
    assert_eq!((view.alerts[0].state.as_str(), view.alerts[0].points), ("已核销", 0), "and stays visible");
    assert_eq!(district.board(HUB, AT_HUB, &digests).unwrap(), [("审核".to_owned(), 1, 0)]);
}

/// Days of the alerts about the stages of a case by what they are charged to, as a station divides them.
fn charged(district: &mut District, station: &str, actor: &str, number: &str) -> Vec<(String, String, u32)> {
    let request = proto::ListAlertsRequest { filter: proto::AlertFilter::All.into(), ..Default::default() };
    let digests = Digests::default();
    let reply = district.look(station, actor, |reader, staff, now| reader.alerts(&digests, staff, &request, now));
    let mut charged = Vec::new();
    for row in reply.unwrap().alerts.into_iter().filter(|row| row.case_number == number) {
        let request = proto::GetAlertRequest { case_number: number.to_owned(), alert: row.alert.clone() };
        let shown = district.look(station, actor, |reader, staff, now| reader.alert(staff, &request, now)).unwrap();
        charged.extend(shown.charges.into_iter().map(|charge| (row.alert.clone(), charge.cause, charge.days)));
    }
    charged
}

/// Hands over what one member has for another as links do: with what the receiver notes of times.
fn link(district: &mut District, from: &str, to: &str) {
    let now_ms = district.now_ms;
    let runs = {
        let (village, township) = (&district.village, &district.township);
        if from == VILLAGE { missing(village, township) } else { missing(township, village) }
    };
    for (run, keys) in runs {
        let runs = vec![verified(run)];
        let core = &mut district.member(to).core;
        let doubtful = core.doubtful(code(from), &runs, 0, now_ms);
        core.receive(code(from), runs, &keys, now_ms, &mut noise(&mut 5)).unwrap();
        core.note_times(code(from), &doubtful, 0, now_ms).unwrap();
        core.commit(now_ms).unwrap();
    }
}

#[test]
fn days_on_a_dead_line_are_charged_to_the_line_however_many_cases_came_at_once() {
    let mut district = District::new();
    let first = district.submit().unwrap().case.unwrap().number().to_string();
    let second = district.submit().unwrap().case.unwrap().number().to_string();
    // The village's line is dead for three weeks; then both come in one go, so that one receipt covers both.
    district.now_ms += 21 * DAY_MS;
    link(&mut district, VILLAGE, TOWNSHIP);
    district.sync();
    for number in [&first, &second] {
        for (station, actor) in [(TOWNSHIP, SUPERVISOR), (HUB, AT_HUB)] {
            let charges = charged(&mut district, station, actor, number);
            assert!(!charges.is_empty(), "nobody has answered for three weeks");
            assert!(charges.iter().all(|(_, cause, _)| cause == "线路或设备"), "{station}: {charges:?}");
        }
    }
    // What comes on the day on which it was written needs no note, and is the office's.
    let third = district.submit().unwrap().case.unwrap().number().to_string();
    link(&mut district, VILLAGE, TOWNSHIP);
    district.sync();
    district.now_ms += 21 * DAY_MS;
    let charges = charged(&mut district, HUB, AT_HUB, &third);
    assert!(!charges.is_empty() && charges.iter().all(|(_, cause, _)| cause == "部门"), "{charges:?}");
}

#[test]
fn days_pass_and_what_is_remembered_of_open_cases_is_reckoned_anew() {
    let mut district = District::new();
    let digests = Digests::default();
    district.submit().unwrap();
    district.sync();
    assert_eq!(district.alerts(TOWNSHIP, WINDOW, &digests), []);
    district.now_ms += 9 * DAY_MS;
    let waits = ("no-answer.accept.1".to_owned(), "待回复".to_owned());
    assert_eq!(district.alerts(TOWNSHIP, WINDOW, &digests), [waits]);
    district.now_ms += 9 * DAY_MS;
    let overdue = ("no-answer.accept.1".to_owned(), "逾期未回复".to_owned());
    assert_eq!(district.alerts(TOWNSHIP, WINDOW, &digests), [overdue]);
}

#[test]
fn orders_travel_down_and_answers_up() {
    let mut district = District::new();
    let digests = Digests::default();
    let number = district.late();
    let order =
        proto::IssueOrder { until: 20_260_810, words: "请于期限内办结".to_owned(), ..Default::default() };
    assert!(district.act(TOWNSHIP, REVIEWER, &number, Action::IssueOrder(order.clone())).is_err());
    district.act(HUB, AT_HUB, &number, Action::IssueOrder(order)).unwrap();
    district.sync();
    let open = proto::ListOrdersRequest { open: true };
    let listed = |district: &mut District, station, actor| {
        district
            .look(station, actor, |reader, staff, now| reader.orders(&Digests::default(), staff, open, now))
            .unwrap()
            .orders
    };
    let shown = listed(&mut district, TOWNSHIP, REVIEWER).remove(0);
    assert_eq!((shown.words.as_str(), shown.state.as_str(), shown.may_answer), ("请于期限内办结", "待反馈", true));
    assert!(listed(&mut district, HUB, APPROVER).is_empty());
    let answer = proto::AnswerOrder { order: shown.order, words: "已安排人员".to_owned() };
    district.act(TOWNSHIP, REVIEWER, &number, Action::AnswerOrder(answer)).unwrap();
    district.sync();
    assert!(listed(&mut district, HUB, AT_HUB).is_empty());
    let all = proto::ListOrdersRequest { open: false };
    let orders = district.look(HUB, AT_HUB, |reader, staff, now| reader.orders(&digests, staff, all, now)).unwrap();
    assert_eq!(orders.orders[0].answers[0].words, "已安排人员");
}

#[test]
fn every_number_of_a_row_is_the_sum_of_its_cases() {
    let mut district = District::new();
    let digests = Digests::default();
    let late = district.late();
    finish_late(&mut district, &late);
    let prompt = district.submit().unwrap().case.unwrap().number().to_string();
    handle(&mut district, &prompt);
    deliver(&mut district, &prompt);
    for table in [proto::RankingTable::Townships, proto::RankingTable::Departments, proto::RankingTable::Staff] {
        let request = proto::RankingRequest { period: "2026".to_owned(), table: table.into(), with_cases: true };
        let ranking = |reader: &Reader, staff: &_, now| reader.ranking(&digests, staff, &request, now);
        let rows = district.look(HUB, AT_HUB, ranking).unwrap().rows;
        assert!(!rows.is_empty(), "{table:?}");
        for row in rows {
            let request =
                proto::RankingCasesRequest { period: "2026".to_owned(), table: table.into(), code: row.code.clone() };
            let traced = |reader: &Reader, staff: &_, now| reader.ranking_cases(&digests, staff, &request, now);
            let cases = district.look(HUB, AT_HUB, traced).unwrap().cases;
            let numbers: Vec<_> = cases.iter().map(|case| case.case_number.clone()).collect();
            assert_eq!(numbers, row.case_numbers);
            let of = |sum: &proto::RankingSum| {
                [sum.cases, sum.on_time, sum.led, sum.used_days, sum.promised_days, sum.yellow, sum.red, sum.points]
            };
            let mut sums = [0; 8];
            for case in &cases {
                let adds = of(&case.sum.unwrap());
                sums.iter_mut().zip(adds).for_each(|(sum, more)| *sum += more);
            }
            assert_eq!(sums, of(&row.sum.unwrap()), "{} {}", row.code, row.name);
        }
    }
    let townships = proto::RankingRequest {
        period: "2026-Q3".to_owned(),
        table: proto::RankingTable::Townships.into(),
        with_cases: false,
    };
    let rows =
        district.look(HUB, AT_HUB, |reader, staff, now| reader.ranking(&digests, staff, &townships, now)).unwrap();
    let sum = rows.rows[0].sum.unwrap();
    assert_eq!((sum.cases, sum.on_time), (2, 1));
    let record = proto::ResponsibilityRequest { case_number: late };
    let shown = district.look(HUB, AT_HUB, |reader, staff, now| reader.responsibility(staff, &record, now)).unwrap();
    assert!(shown.chain.len() >= 6 && !shown.person_name.is_empty());
    let none = proto::ResponsibilityRequest { case_number: prompt };
    let other = district.look(HUB, AT_HUB, |reader, staff, now| reader.responsibility(staff, &none, now));
    assert!(matches!(other, Err(Failure::NotFound)));
}

fn finish_late(district: &mut District, number: &str) {
    let finish = |together: &[&str]| {
        Action::FinishStage(proto::FinishStage {
            opinion: proto::Opinion::Agree.into(),
            words: "属实".to_owned(),
            together_with: together.iter().map(|id| (*id).to_owned()).collect(),
            ..Default::default()
        })
    };
    district.now_ms += 20 * DAY_MS;
    district.act(TOWNSHIP, REVIEWER, number, finish(&[SECOND])).unwrap();
    district.act(TOWNSHIP, REVIEWER, number, finish(&[])).unwrap();
    let photograph = district.photograph(TOWNSHIP, WINDOW, number);
    let post = proto::PostPublicity { place: String::new(), photographs: vec![photograph.0.to_vec()] };
    district.act(TOWNSHIP, WINDOW, number, Action::PostPublicity(post)).unwrap();
    district.now_ms += 8 * DAY_MS;
    district.act(TOWNSHIP, WINDOW, number, Action::EndPublicity(proto::EndPublicity::default())).unwrap();
    district.act(TOWNSHIP, WINDOW, number, finish(&[])).unwrap();
    district.sync();
    let decide =
        proto::Decide {
            approved: true, document_number: "澄民低保〔2026〕2号".to_owned(), ..Default::default()
        };
    district.act(HUB, APPROVER, number, Action::Decide(decide)).unwrap();
    deliver(district, number);
}

fn deliver(district: &mut District, number: &str) {
    district.sync();
    let deliver =
        proto::Deliver { method: proto::DeliveryMethod::Agent.into(), receiver: NAME.to_owned(), signed_on: 0 };
    district.act(VILLAGE, AGENT, number, Action::Deliver(deliver)).unwrap();
    district.sync();
}

/// How long a ranking takes over many closed cases, cold and warm. `SANJI_CASES=100000 cargo test --release -p
/// sanji-station --test core many_cases -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn many_cases_are_ranked() {
    let wanted: usize = std::env::var("SANJI_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let mut district = District::new();
    let core = &mut district.village.core;
    let (mut random, mut now_ms) = (11, START_MS);
    let began = Instant::now();
    for at in 0..wanted {
        now_ms += 60_000;
        let mut request = dibao(&request(2 * at));
        (request.item, request.materials) = ("cun-juzhu".to_owned(), vec![material(0)]);
        let opened = core.submit(&staff(AGENT), request, now_ms, &mut noise(&mut random)).unwrap();
        let number = opened.case.unwrap().number().to_string();
        for (step, action) in [decide(), hand_over()].into_iter().enumerate() {
            let act = proto::ActRequest {
                request: self::request(10 * wanted + 3 * at + step),
                case_number: number.clone(),
                expected_rev: 0,
                action: Some(action),
            };
            core.act(&staff(AGENT), act, now_ms, &mut noise(&mut random)).unwrap();
        }
        if at % 100 == 99 {
            core.commit(now_ms).unwrap();
        }
    }
    core.commit(now_ms).unwrap();
    eprintln!("{wanted} cases written in {:?}", began.elapsed());
    let digests = Digests::default();
    let period = Period { from: date(2026, 1, 1), to: date(2027, 12, 31) };
    for what in ["cold", "warm", "warm"] {
        let began = Instant::now();
        let mut sum = Contribution::default();
        let mut counted = 0;
        digests
            .walk(core.reader(), Which::Closed, 0, date(2026, 12, 1), |digest| {
                counted += 1;
                contributions(&digest, period).values().for_each(|more| sum.add(more));
            })
            .unwrap();
        eprintln!("{what}: {counted} cases ranked in {:?}", began.elapsed());
        assert_eq!(counted, wanted);
        assert!(sum.cases as usize >= wanted);
    }
    assert_eq!(core.reader().me(), code(VILLAGE));
}

fn request(number: usize) -> Vec<u8> {
    [number as u128 + 1].iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn material(material: u32) -> proto::MaterialInput {
    proto::MaterialInput { material, originals: 1, copies: 1, attachments: Vec::new() }
}

fn decide() -> Action {
    Action::Decide(proto::Decide { approved: true, document_number: "村证1号".to_owned(), ..Default::default() })
}

fn hand_over() -> Action {
    Action::Deliver(proto::Deliver {
        method: proto::DeliveryMethod::InPerson.into(),
        receiver: NAME.to_owned(),
        signed_on: 0,
    })
}
