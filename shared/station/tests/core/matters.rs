//! Matters over two and three stations: who holds what, and what travels in a sealed letter.

use std::net::IpAddr;

use sanji_log::{CaseId, Reach};
use sanji_proto::v1::{self as proto, act_matter_request::Action, open_matter_request::Opening};
use sanji_station::Failure;
use sanji_station::core::MatterWritten;
use sanji_store::Upload;

use crate::crash::Filling;
use crate::district::{AGENT, DAY_MS, District, HUB, SUPERVISOR, TOWNSHIP, VILLAGE, WINDOW, code, noise, staff};

pub(crate) const DESK: &str = "sp-04";
const DISTRICT_SUPERVISOR: &str = "js-01";
const COMPLAINANT: &str = "钱大妈";
/// The case that the complaint is about.
const CASE: &str = "9901061012032026070100420";
const TOLD: &str = "办低保三次不受理";
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

impl District {
    pub(crate) fn open_matter(
        &mut self,
        station: &str,
        actor: Option<&str>,
        opening: Opening,
    ) -> Result<MatterWritten, Failure> {
        self.now_ms += 1000;
        let message = proto::OpenMatterRequest { request: self.request(), opening: Some(opening) };
        let (now_ms, mut state) = (self.now_ms, self.now_ms);
        let core = &mut self.member(station).core;
        let actor = actor.map(staff);
        let written = core.open_matter(actor.as_ref(), message, now_ms, &mut noise(&mut state))?;
        core.commit(now_ms).unwrap();
        Ok(written)
    }

    pub(crate) fn act_matter(
        &mut self,
        station: &str,
        actor: &str,
        id: &CaseId,
        action: Action,
    ) -> Result<MatterWritten, Failure> {
        self.now_ms += 1000;
        let request = self.request();
        let message =
            proto::ActMatterRequest { request, number: id.number().to_string(), expected_rev: 0, action: Some(action) };
        let (now_ms, mut state) = (self.now_ms, self.now_ms);
        let core = &mut self.member(station).core;
        let written = core.act_matter(&staff(actor), message, now_ms, &mut noise(&mut state))?;
        core.commit(now_ms).unwrap();
        Ok(written)
    }

    fn matter_view(&mut self, station: &str, actor: &str, id: &CaseId) -> Result<proto::MatterView, Failure> {
        let request = proto::GetMatterRequest { number: id.number().to_string(), unmasked: false };
        let now_ms = self.now_ms;
        let member = self.member(station);
        member.core.reader().matter_view(&member.person(actor), &request, now_ms).map(|(view, _)| view)
    }

    fn matters(&mut self, station: &str, actor: &str, kind: &str, closed: bool) -> proto::ListMattersReply {
        let request = proto::ListMattersRequest { kind: kind.to_owned(), closed, ..Default::default() };
        let now_ms = self.now_ms;
        let member = self.member(station);
        member.core.reader().matters(&member.person(actor), &request, now_ms).unwrap()
    }

    /// Numbers of the complaints about [`CASE`] that a person may see.
    fn complaints(&mut self, station: &str, actor: &str) -> Vec<String> {
        let now_ms = self.now_ms;
        let member = self.member(station);
        let rows = member.core.reader().complaints_of(&member.person(actor), CASE, now_ms).unwrap();
        rows.into_iter().map(|row| row.number).collect()
    }

    /// Everything that a station has on its disk, in the clear.
    fn bytes_at(&mut self, station: &str) -> Vec<u8> {
        let member = self.member(station);
        let have = member.store.have();
        let mut bytes = Vec::new();
        for head in have.heads() {
            for seq in 1..=head.seq {
                bytes.extend_from_slice(&member.store.entry(&head.log, seq).unwrap().unwrap().0);
            }
        }
        bytes
    }
}

fn complaint() -> Opening {
    Opening::Complaint(proto::OpenComplaint {
        way: proto::Way::Visit.into(),
        against: Some(proto::Against { station: code(TOWNSHIP).number(), ..Default::default() }),
        name: COMPLAINANT.to_owned(),
        telephone: "13811112222".to_owned(),
        words: TOLD.to_owned(),
        case_number: CASE.to_owned(),
        ..Default::default()
    })
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_complaint_taken_down_in_a_village_passes_its_township_unread() {
    let mut district = District::new();
    let sent = district.open_matter(VILLAGE, Some(AGENT), complaint()).unwrap();
    assert_eq!(sent.query_code.len(), 6);
    district.sync();
    // On the way it is a letter; nobody below the district has a key to anything.
    for (station, actor) in [(VILLAGE, AGENT), (TOWNSHIP, WINDOW), (TOWNSHIP, SUPERVISOR)] {
        let bytes = district.bytes_at(station);
        assert!(!contains(&bytes, COMPLAINANT) && !contains(&bytes, TOLD), "{station}");
        assert!(district.member(station).core.reader().case_key(&sent.matter).unwrap().is_none(), "{station}");
        let view = district.matter_view(station, actor, &sent.matter);
        match station {
            VILLAGE => assert_eq!(view.unwrap().state, "报送中"),
            _ => assert!(matches!(view, Err(Failure::NotFound)), "{station} {actor}"),
        }
    }
    let listed = district.matters(HUB, DESK, "complaint", false);
    assert_eq!((listed.rows.len(), listed.rows[0].todo), (1, true));

    let opened = district.act_matter(HUB, DESK, &sent.matter, Action::OpenLetter(proto::OpenLetter {})).unwrap();
    assert_eq!(opened.matter.home(), Some(code(HUB)), "the district goes on in a log of its own");
    assert_eq!(district.complaints(HUB, DESK), [opened.matter.number().to_string()]);
    assert!(district.complaints(HUB, "mz-03").is_empty(), "a department that has no part in it does not hear of it");
    let view = district.matter_view(HUB, DESK, &opened.matter).unwrap();
    let fact = |name: &str| view.facts.iter().find(|fact| fact.field == name).map(|fact| fact.value.clone());
    assert_eq!(fact("投诉人").unwrap(), "钱**", "masked");
    assert_eq!(view.steps[0].words, TOLD);
    assert!(fact("被投诉方").unwrap().contains("枫溪"));

    district.sync();
    assert_eq!(district.matter_view(VILLAGE, AGENT, &sent.matter).unwrap().state, "区中心已收到");
    for station in [VILLAGE, TOWNSHIP] {
        let reader = district.member(station).core.reader().clone();
        assert!(reader.matter(&opened.matter).unwrap().is_none(), "{station} holds nothing of it");
        let logs: Vec<_> = district.member(station).store.have().heads().map(|head| head.log).collect();
        assert!(!logs.iter().any(|log| log.home == code(HUB) && log.reach == Reach::Private), "{station}");
    }
    let again = district.act_matter(HUB, DESK, &sent.matter, Action::OpenLetter(proto::OpenLetter {}));
    assert!(matches!(again, Err(Failure::Refused(_))), "a letter is opened once");

    // Whoever complained has the letter's number and a code, and learns how it stands.
    district.act_matter(HUB, DESK, &opened.matter, Action::Accept(proto::AcceptComplaint {})).unwrap();
    let conclude = proto::ConcludeComplaint {
        finding: proto::Finding::Upheld.into(),
        words: "约谈".to_owned(),
        reply: "已责令受理".to_owned(),
        propose_suspension: false,
    };
    district.act_matter(HUB, DESK, &opened.matter, Action::Conclude(conclude)).unwrap();
    let query = proto::QueryMatterRequest { number: sent.matter.number().to_string(), query_code: sent.query_code };
    let codes = sanji_station::views::WrongCodes::default();
    let now_ms = district.now_ms;
    let reader = district.hub.core.reader().clone();
    let told = reader.query_matter(&codes, &query, CLIENT, now_ms).unwrap();
    assert_eq!((told.reply.as_str(), told.state.as_str(), told.may_rate), ("已责令受理", "已办结", true));
    let wrong = proto::QueryMatterRequest { query_code: "000000".to_owned(), ..query };
    for attempt in 0..6 {
        let failure = reader.query_matter(&codes, &wrong, CLIENT, now_ms).unwrap_err();
        assert_eq!(matches!(failure, Failure::TooManyAttempts { .. }), attempt >= 5, "{attempt}");
    }
    assert_eq!(district.matters(HUB, DESK, "complaint", true).upheld, 1);
}

fn order_to_the_township() -> Opening {
    Opening::Rectification(proto::OpenRectification {
        source: proto::RectificationSource::Patrol.into(),
        station: code(TOWNSHIP).number(),
        until: 20_260_710,
        title: "公示栏过期".to_owned(),
        words: "公示内容没有更新".to_owned(),
        ..Default::default()
    })
}

#[test]
fn an_order_goes_down_and_its_report_comes_up_after_days_without_a_line() {
    let mut district = District::new();
    let order = order_to_the_township();
    let issued = district.open_matter(HUB, Some(DISTRICT_SUPERVISOR), order.clone()).unwrap();
    let once = district.matters(HUB, DISTRICT_SUPERVISOR, "rectification", false).rows.len();
    let message = proto::OpenMatterRequest { request: vec![district.last_request(); 16], opening: Some(order) };
    let now_ms = district.now_ms;
    let again = district.hub.core.open_matter(Some(&staff(DISTRICT_SUPERVISOR)), message, now_ms, &mut noise(&mut 3));
    assert_eq!((again.unwrap().matter, once), (issued.matter, 1), "a request sent twice issues one order");
    district.sync();
    let listed = district.matters(TOWNSHIP, WINDOW, "rectification", false);
    assert_eq!(
        (listed.rows[0].title.as_str(), listed.rows[0].todo, listed.rows[0].overdue),
        ("公示栏过期", true, false)
    );
    assert!(district.member(VILLAGE).core.reader().matter(&issued.matter).unwrap().is_none(), "not the village's");
    let view = district.matter_view(TOWNSHIP, WINDOW, &issued.matter).unwrap();
    assert_eq!(view.steps[0].words, "公示内容没有更新", "the key came with the opening");

    district.now_ms += 15 * DAY_MS;
    assert!(district.matters(TOWNSHIP, WINDOW, "rectification", false).rows[0].overdue);
    let report = Action::Report(proto::ReportRectification { words: "已更新".to_owned(), evidence: Vec::new() });
    district.act_matter(TOWNSHIP, WINDOW, &issued.matter, report).unwrap();
    assert_eq!(district.matter_view(HUB, DISTRICT_SUPERVISOR, &issued.matter).unwrap().state, "整改中");
    district.sync();
    let view = district.matter_view(HUB, DISTRICT_SUPERVISOR, &issued.matter).unwrap();
    assert_eq!((view.state.as_str(), view.steps[1].words.as_str()), ("待验收", "已更新"));
    let close = Action::Close(proto::CloseRectification { words: "已核实".to_owned() });
    district.act_matter(HUB, DISTRICT_SUPERVISOR, &issued.matter, close).unwrap();
    district.sync();
    assert!(district.matters(TOWNSHIP, WINDOW, "rectification", false).rows.is_empty());
    assert_eq!(district.matters(TOWNSHIP, WINDOW, "rectification", true).rows.len(), 1);

    // All of it follows from the entries: a station that starts again knows the same.
    district.township.reopen();
    assert_eq!(district.matter_view(TOWNSHIP, WINDOW, &issued.matter).unwrap().state, "已销号");
}

#[test]
fn the_evidence_of_a_report_is_never_taken_for_an_upload_that_nobody_named() {
    let mut district = District::new();
    let issued = district.open_matter(HUB, Some(DISTRICT_SUPERVISOR), order_to_the_township()).unwrap();
    district.sync();
    let photograph = district.photograph(TOWNSHIP, WINDOW, &format!("M{}", issued.matter.number()));
    let evidence = vec![photograph.0.to_vec()];
    let report = Action::Report(proto::ReportRectification { words: "已更新".to_owned(), evidence });
    district.act_matter(TOWNSHIP, WINDOW, &issued.matter, report).unwrap();
    let filling = Filling::of(&district.township.store, false);
    // The note of an upload for an action: see the core's uploads.
    let note = [&[2][..], issued.matter.as_bytes()].concat();
    *filling.marked_again.lock().unwrap() = Some(Upload { id: photograph, note, since_ms: 0 });
    district.township.store = filling;
    district.township.reopen();
    assert_eq!(district.township.core.drop_uploads(u64::MAX).unwrap(), 0);
    assert!(district.township.store.attachment(&photograph).unwrap().complete);
}

#[test]
fn a_damaged_matter_holds_nothing_up_that_comes_with_more_of_it() {
    let mut district = District::new();
    let issued = district.open_matter(HUB, Some(DISTRICT_SUPERVISOR), order_to_the_township()).unwrap();
    district.sync();
    let filling = Filling::of(&district.hub.store, false);
    district.hub.store = filling.clone();
    district.hub.reopen();
    *filling.damaged.lock().unwrap() = Some(issued.matter);
    let report = Action::Report(proto::ReportRectification { words: "已更新".to_owned(), evidence: Vec::new() });
    district.act_matter(TOWNSHIP, WINDOW, &issued.matter, report).unwrap();
    let case = district.submit().unwrap().case.unwrap();
    district.sync();
    assert!(district.hub.core.reader().case(&case).unwrap().is_some());
    // Once it can be read, all of it is there.
    *filling.damaged.lock().unwrap() = None;
    assert_eq!(district.matter_view(HUB, DISTRICT_SUPERVISOR, &issued.matter).unwrap().state, "待验收");
}

#[test]
fn what_two_stations_open_for_one_before_they_hear_of_each_other_gets_different_numbers() {
    let mut district = District::new();
    let question = Opening::Question(proto::OpenQuestion {
        way: proto::Way::Visit.into(),
        words: "低保怎么办".to_owned(),
        ..Default::default()
    });
    let order = order_to_the_township();
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let asked = district.open_matter(TOWNSHIP, Some(WINDOW), question.clone()).unwrap();
        let issued = district.open_matter(HUB, Some(DISTRICT_SUPERVISOR), order.clone()).unwrap();
        numbers.extend([asked.matter, issued.matter].map(|id| id.number().to_string()));
    }
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), 4, "{numbers:?}");
}

#[test]
fn a_notice_reaches_the_stations_below_and_a_question_is_found_by_its_words() {
    let mut district = District::new();
    let input = sanji_domain::matter::notice::NoticeInput {
        id: sanji_log::RequestId([5; 16]),
        kind: sanji_domain::matter::notice::NoticeKind::Public,
        title: "放假安排".to_owned(),
        text: "周六照常办公".to_owned(),
        from: Some(jiff::civil::date(2026, 7, 1)),
        until: Some(jiff::civil::date(2026, 7, 10)),
    };
    let now_ms = district.now_ms;
    let message = sanji_station::core::NoticeMessage::Publish(input);
    district.township.core.notify(&staff(SUPERVISOR), message, now_ms).unwrap();
    district.township.core.commit(now_ms).unwrap();
    district.sync();
    for station in [HUB, TOWNSHIP, VILLAGE] {
        let now_ms = district.now_ms;
        let reply =
            district.member(station).core.reader().notice_views(None, &proto::NoticesRequest::default(), now_ms);
        assert_eq!(reply.notices.len(), 1, "{station}");
        assert_eq!(reply.notices[0].station, code(TOWNSHIP).number());
    }
    district.hub.reopen();
    let reply = district.hub.core.reader().notice_views(None, &proto::NoticesRequest::default(), now_ms + 11 * DAY_MS);
    assert!(reply.notices.is_empty(), "its period is over");

    let question = Opening::Question(proto::OpenQuestion {
        words: "低保怎么办".to_owned(),
        item: "mz-dibao".to_owned(),
        ..Default::default()
    });
    let asked = district.open_matter(HUB, None, question).unwrap();
    let answer = Action::Answer(proto::AnswerQuestion {
        reply: "到村站申请".to_owned(),
        public_question: "低保在哪里申请".to_owned(),
        public_answer: "到本村便民服务站申请".to_owned(),
    });
    district.act_matter(HUB, DESK, &asked.matter, answer).unwrap();
    for (words, expect) in [("低保", 1), ("村 申请", 1), ("住房", 0), ("", 1)] {
        let request = proto::AnswersRequest { words: words.to_owned(), ..Default::default() };
        assert_eq!(district.hub.core.reader().answers(&request).unwrap().answers.len(), expect, "{words}");
    }
}

#[test]
fn a_request_sent_twice_opens_one_matter() {
    let mut district = District::new();
    let message = proto::OpenMatterRequest { request: vec![77; 16], opening: Some(complaint()) };
    let now_ms = district.now_ms;
    let core = &mut district.hub.core;
    let mut open = || core.open_matter(Some(&staff(DESK)), message.clone(), now_ms, &mut noise(&mut 3)).unwrap().matter;
    let (first, second) = (open(), open());
    assert_eq!(first, second);
    core.commit(now_ms).unwrap();
    let third = core.open_matter(Some(&staff(DESK)), message, now_ms, &mut noise(&mut 4)).unwrap();
    assert_eq!((third.matter, third.query_code.as_str()), (first, ""), "the code is told once");
}
