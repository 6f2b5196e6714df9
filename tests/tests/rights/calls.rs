//! The call that each row of the table is about, for one person.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prost::Message;
use sanji_proto::v1::open_matter_request::Opening;
use sanji_proto::v1::{self as proto, act_request::Action};
use tonic::Status;

use crate::filed::today;
use crate::wire::Messages;
use crate::world::{
    ASKED_BECAUSE, ASKED_OF_RS_BECAUSE, HUB, NEIGHBOUR, OTHER_TOWNSHIP, OTHERS, Person, TOWNSHIP, VILLAGE, World, code,
    nonexistent, request, upload,
};

/// How long somebody who watches listens.
const LISTENS: Duration = Duration::from_millis(1500);
const DAY_MS: u64 = 86_400_000;
/// Days on which somebody is away: no two absences may touch.
static AWAY: AtomicU64 = AtomicU64::new(10);

fn one(message: &impl Message) -> Messages {
    vec![message.encode_to_vec()]
}

impl World {
    /// Makes the call of a row for a person. `turn` is another number each time.
    ///
    /// # Panics
    /// Where the contract has an RPC that nothing is known of here.
    pub(crate) async fn call(&self, rpc: &str, about: &str, person: &Person, turn: u64) -> Result<Messages, Status> {
        let (service, method) = rpc.split_once('.').expect("Service.Method");
        let messages = match service {
            "CaseService" | "DeadlineService" => match self.of_cases(method, about, person).await {
                Ok(messages) => messages,
                Err(answer) => return answer,
            },
            "Health" | "Keeper" | "Administration" | "Enrolment" | "Link" => self.of_the_station(method, person),
            "LedgerService" | "RecordService" => self.of_records(method, about),
            "StaffService" => self.of_staff(method, about, person, turn).await,
            "SupervisionService" => self.of_supervision(method),
            "MatterService" => self.of_matters(method, about, person).await,
            _ => panic!("nothing is known of {rpc}"),
        };
        person.caller.call(rpc, messages).await
    }

    /// Messages, or the answer where the call is of another shape.
    async fn of_cases(&self, method: &str, about: &str, person: &Person) -> Result<Messages, Result<Messages, Status>> {
        let case_number = self.number(about.split(' ').next().unwrap_or_default());
        Ok(match method {
            "Submit" if about.is_empty() => one(&self.application_of(person)),
            "Submit" => one(&self.opened),
            "Get" if about == "query code of rs" => {
                one(&proto::GetRequest { case_number: self.number("rs"), unmasked: false })
            }
            "Get" => one(&proto::GetRequest { case_number, unmasked: about.ends_with("in full") }),
            "List" => {
                let mut all = Vec::new();
                for list in [proto::WorkList::Todo, proto::WorkList::Open, proto::WorkList::Closed] {
                    let ask = proto::ListRequest { list: list.into(), limit: 200, after: String::new() };
                    match person.caller.call("CaseService.List", one(&ask)).await {
                        Ok(page) => all.extend(page),
                        refused => return Err(refused),
                    }
                }
                return Err(Ok(all));
            }
            "Watch" => {
                let ask = one(&proto::WatchRequest { case_number: String::new() });
                return Err(person.caller.listen("CaseService.Watch", ask, LISTENS).await);
            }
            "PutAttachment" => upload(&[], &case_number, "补充.jpg"),
            "GetAttachment" if about.ends_with("by the number of mz") => {
                one(&proto::GetAttachmentRequest { case_number: self.number("mz"), id: self.attachment.clone() })
            }
            "GetAttachment" => one(&proto::GetAttachmentRequest { case_number, id: self.attachment.clone() }),
            "ListItems" => one(&proto::ListItemsRequest { words: String::new() }),
            "GetItem" => one(&proto::GetItemRequest { code: "rs-canbao".into(), version: 0 }),
            "Query" => {
                let known = self.cases.get("rs").expect("the rs case");
                let query_code = if about == "rs" { known.code.clone() } else { wrong(&known.code) };
                one(&proto::QueryRequest { case_number, query_code })
            }
            "ListMoved" => one(&proto::ListMovedRequest::default()),
            "ListSuperseded" => one(&proto::ListSupersededRequest::default()),
            _ => panic!("nothing is known of CaseService.{method}"),
        })
    }

    /// An application as the person would take it in at their station.
    fn application_of(&self, person: &Person) -> proto::SubmitRequest {
        let station = person.entry.station.as_str();
        match station {
            VILLAGE | NEIGHBOUR => self.application("rs-canbao", station, OTHERS, true),
            HUB => self.application("rs-chuangye", VILLAGE, OTHERS, false),
            OTHER_TOWNSHIP => self.application("rs-canbao", "990106100203", OTHERS, false),
            _ => self.application("rs-canbao", VILLAGE, OTHERS, false),
        }
    }

    fn of_the_station(&self, method: &str, person: &Person) -> Messages {
        // A station that the sample has and this district does not: nothing that is asked of it has an effect.
        let absent = code("990106102000").number();
        let reason = || "试验".to_owned();
        let id = || "0000000000000000".to_owned();
        match method {
            "Enrol" => one(&proto::EnrolRequest::default()),
            "Replicate" => one(&proto::LinkMessage::default()),
            "Status" => one(&proto::StatusRequest {}),
            "Dump" => one(&proto::DumpRequest {}),
            "Verify" => one(&proto::VerifyRequest {}),
            // Of Health, and of Link: both are empty messages.
            "Attachments" => one(&proto::AttachmentsRequest {}),
            "IssueToken" => one(&proto::IssueTokenRequest { staff: String::new() }),
            "ExportBundle" => {
                let to = if person.entry.station == HUB { TOWNSHIP } else { HUB };
                one(&proto::ExportBundleRequest { station: code(to).number(), attachments_max_bytes: Some(0) })
            }
            "ImportBundle" => one(&proto::ImportBundlePart { data: b"no bundle".to_vec() }),
            "Checkpoint" => one(&proto::CheckpointRequest {}),
            "EndHealing" => one(&proto::EndHealingRequest { reason: reason() }),
            "ListQuarantine" => one(&proto::ListQuarantineRequest {}),
            "ShowQuarantined" => one(&proto::ShowQuarantinedRequest { id: id() }),
            "RedriveQuarantined" => one(&proto::RedriveQuarantinedRequest { id: String::new() }),
            "DropQuarantined" => one(&proto::DropQuarantinedRequest { id: id(), reason: reason() }),
            "AddStation" => one(&proto::AddStationRequest { station: absent, ..Default::default() }),
            "AnswerEnrolment" => one(&proto::AnswerEnrolmentRequest { file: b"no request".to_vec() }),
            "RevokeStation" => one(&proto::RevokeStationRequest { station: absent, reason: reason() }),
            "ReplaceStation" => {
                one(&proto::ReplaceStationRequest { station: absent, reason: reason(), ..Default::default() })
            }
            "ShowFork" => one(&proto::ShowForkRequest::default()),
            "DecideFork" => one(&proto::DecideForkRequest::default()),
            "DecideRest" => one(&proto::DecideRestRequest { id: id(), admit: true, reason: reason() }),
            "ListStations" => one(&proto::ListStationsRequest {}),
            "Publish" => {
                let file = proto::FileToPublish { path: "elsewhere.toml".into(), content: b"a = 1".to_vec() };
                one(&proto::PublishRequest { files: vec![file] })
            }
            _ => panic!("nothing is known of {method}"),
        }
    }

    fn of_records(&self, method: &str, about: &str) -> Messages {
        let case_number = self.number(about.split(' ').next().unwrap_or_default());
        let ledger = match about {
            "alert" => "alerts",
            "acted" => "substitutions",
            about if about.starts_with("complaint") => "complaints",
            _ => "acceptance",
        };
        let ledger = ledger.to_owned();
        match method {
            "ListLedgers" => one(&proto::ListLedgersRequest {}),
            "ReadLedger" => one(&proto::ReadLedgerRequest { ledger, limit: 200, ..Default::default() }),
            "ExportLedger" => {
                // In lines of JSON a case number stands as it is.
                let (format, unmasked) = (proto::LedgerFormat::Json.into(), about.ends_with("in full"));
                one(&proto::ExportLedgerRequest { ledger, format, unmasked, filter: None })
            }
            "ReadPublicLedger" => {
                let station = if about.ends_with("by village") { code(VILLAGE).number() } else { 0 };
                let filter = Some(proto::LedgerFilter { station, ..Default::default() });
                one(&proto::ReadPublicLedgerRequest { filter, limit: 200, after: String::new() })
            }
            "SignVoucher" => one(&proto::SignVoucherRequest { case_number, ..Default::default() }),
            "CheckVoucher" => one(&proto::CheckVoucherRequest { text: self.voucher.clone() }),
            "ExportCaseFile" => one(&proto::ExportCaseFileRequest { case_number, neighbours: false }),
            "ExportExchange" => one(&proto::ExportExchangeRequest::default()),
            _ => panic!("nothing is known of {method}"),
        }
    }

    async fn of_staff(&self, method: &str, about: &str, person: &Person, turn: u64) -> Messages {
        let keeper = self.person("d.keeper");
        let (reason, spare) = ("试验".to_owned(), "mz-04".to_owned());
        let colleague = "rs-03".to_owned();
        let own = person.entry.staff.clone();
        let absence = |staff: &str| {
            let from_ms = sanji_station::clock::now_ms() + AWAY.fetch_add(1, Ordering::Relaxed) * DAY_MS;
            let (staff, reason) = (staff.to_owned(), "培训".to_owned());
            proto::RecordAbsenceRequest { staff, from_ms, until_ms: from_ms + DAY_MS / 2, reason, ..Default::default() }
        };
        match method {
            "ListStaff" => {
                let place = if about == "village" { code(VILLAGE).number() } else { 0 };
                one(&proto::ListStaffRequest { place, staff: String::new() })
            }
            "RecordAbsence" if about == "oneself" => one(&absence("")),
            "RecordAbsence" => one(&absence(&colleague)),
            // Of a keeper, who can't be away, nothing is recorded; where it is refused nothing is ended.
            "EndAbsence" if about == "oneself" => {
                let recorded = person.ask("StaffService.RecordAbsence", &absence("")).await;
                let id = recorded.map(|absence: proto::AbsenceView| absence.id).unwrap_or_default();
                one(&proto::EndAbsenceRequest { id, staff: String::new() })
            }
            "EndAbsence" => {
                let recorded = keeper.ask("StaffService.RecordAbsence", &absence(&colleague)).await;
                let id = recorded.map(|absence: proto::AbsenceView| absence.id).unwrap();
                one(&proto::EndAbsenceRequest { id, staff: String::new() })
            }
            "ListAbsences" => one(&proto::ListAbsencesRequest::default()),
            "SuspendStaff" => {
                // Whoever was suspended in the turn before works again; nobody was in the first.
                let back = proto::ReinstateStaffRequest { staff: spare.clone(), reason: reason.clone() };
                let _ = keeper.ask::<proto::StaffView>("StaffService.ReinstateStaff", &back).await;
                one(&proto::SuspendStaffRequest { staff: spare, reason })
            }
            "ReinstateStaff" => {
                // Suspended already where the turn before was refused.
                let suspend = proto::SuspendStaffRequest { staff: spare.clone(), reason: reason.clone() };
                let _ = keeper.ask::<proto::StaffView>("StaffService.SuspendStaff", &suspend).await;
                one(&proto::ReinstateStaffRequest { staff: spare, reason })
            }
            "ChangeStaff" => {
                let staff = if about == "oneself" { own } else { spare };
                // Needs no consent; another post would be refused to everybody.
                let serves = vec![if turn.is_multiple_of(2) { "rs" } else { "yb" }.to_owned()];
                one(&proto::ChangeStaffRequest { staff, serves, reason, ..Default::default() })
            }
            "AskStaffChange" if about.ends_with("of rs") => {
                self.answer_open_requests(&colleague).await;
                one(&proto::AskStaffChangeRequest { change: Some(another_post(&colleague, turn, ASKED_OF_RS_BECAUSE)) })
            }
            "AskStaffChange" => {
                self.answer_open_requests(&spare).await;
                one(&proto::AskStaffChangeRequest { change: Some(another_post(&spare, turn, ASKED_BECAUSE)) })
            }
            "DecideStaffChange" => {
                self.answer_open_requests(&spare).await;
                let ask = proto::AskStaffChangeRequest { change: Some(another_post(&spare, turn, ASKED_BECAUSE)) };
                let asked = keeper.ask("StaffService.AskStaffChange", &ask).await;
                let id = asked.map(|asked: proto::StaffRequestView| asked.id).unwrap();
                one(&proto::DecideStaffChangeRequest { id, approved: true, ..Default::default() })
            }
            "WithdrawStaffChange" => {
                self.answer_open_requests(&spare).await;
                let ask = proto::AskStaffChangeRequest { change: Some(another_post(&spare, turn, ASKED_BECAUSE)) };
                let asked = self.person("d.other-chief").ask("StaffService.AskStaffChange", &ask).await;
                let id = asked.map(|asked: proto::StaffRequestView| asked.id).unwrap();
                one(&proto::WithdrawStaffChangeRequest { id })
            }
            "ListStaffRequests" => one(&proto::ListStaffRequestsRequest::default()),
            "ListAuthorisations" => {
                let staff = if about == "village" { "990106101208-1".to_owned() } else { String::new() };
                one(&proto::ListAuthorisationsRequest { staff })
            }
            "StaffHistory" => {
                let asked = if about == "oneself" && !own.is_empty() { own } else { colleague };
                one(&proto::StaffHistoryRequest { staff: asked })
            }
            "StationRegister" => one(&proto::StationRegisterRequest {}),
            "Authorisations" => one(&proto::AuthorisationsRequest { item: "rs-canbao".into() }),
            "UpwardCases" => one(&proto::UpwardCasesRequest { closed: true }),
            _ => panic!("nothing is known of {method}"),
        }
    }

    /// Of one person one request waits at a time: the one of the turn before is answered.
    async fn answer_open_requests(&self, staff: &str) {
        let list = proto::ListStaffRequestsRequest { open: true, staff: staff.to_owned() };
        let open = self.person("d.keeper").ask("StaffService.ListStaffRequests", &list).await;
        for request in open.map(|open: proto::ListStaffRequestsReply| open.requests).unwrap() {
            let (id, words) = (request.id, "试验".to_owned());
            let refuse = proto::DecideStaffChangeRequest { id, words, ..Default::default() };
            let coordinator = self.person("d.coordinator");
            coordinator.ask::<proto::StaffRequestView>("StaffService.DecideStaffChange", &refuse).await.unwrap();
        }
    }

    fn of_supervision(&self, method: &str) -> Messages {
        let case_number = self.number("rs");
        match method {
            "Board" => one(&proto::BoardRequest {}),
            "BoardCases" => one(&proto::BoardCasesRequest { limit: 500, ..Default::default() }),
            "ListAlerts" => one(&proto::ListAlertsRequest {
                filter: proto::AlertFilter::All.into(),
                limit: 500,
                ..Default::default()
            }),
            "GetAlert" => one(&proto::GetAlertRequest { case_number, alert: self.alert.clone() }),
            "ListOrders" => one(&proto::ListOrdersRequest { open: false }),
            "Ranking" => one(&proto::RankingRequest { with_cases: true, ..Default::default() }),
            "RankingCases" => one(&proto::RankingCasesRequest {
                table: proto::RankingTable::Townships.into(),
                code: TOWNSHIP.into(),
                ..Default::default()
            }),
            "Responsibility" => one(&proto::ResponsibilityRequest { case_number }),
            "Rules" => one(&proto::RulesRequest {}),
            _ => panic!("nothing is known of {method}"),
        }
    }

    async fn of_matters(&self, method: &str, about: &str, person: &Person) -> Messages {
        let named = self.matters.keys().filter(|name| about.starts_with(**name)).max_by_key(|name| name.len());
        let number = named.map_or_else(nonexistent, |name| self.number(name));
        let code_of =
            |number: &str| self.matters.values().find(|known| known.number == number).map(|known| known.code.clone());
        match method {
            "Open" => one(&proto::OpenMatterRequest { request: request(), opening: Some(self.opening(about, person)) }),
            "OpenAsPublic" => {
                one(&proto::OpenMatterRequest { request: request(), opening: Some(self.opening("question", person)) })
            }
            "Get" => one(&proto::GetMatterRequest { number, unmasked: about.ends_with("in full") }),
            "List" => one(&proto::ListMattersRequest { limit: 200, ..Default::default() }),
            "RateAsPublic" => {
                let rated = self.cases.get("rated").expect("a case that can be rated");
                let query_code = if about == "rated" { rated.code.clone() } else { wrong(&rated.code) };
                let number = rated.number.clone();
                one(&proto::RateAsPublicRequest {
                    request: request(),
                    number,
                    query_code,
                    satisfaction: 5,
                    ..Default::default()
                })
            }
            "Questionnaire" => one(&proto::QuestionnaireRequest::default()),
            "AnswerSurvey" => {
                let known = self.survey_codes.first().expect("a code of the survey");
                let code = if about.is_empty() { known.clone() } else { "AAAAAAAA".to_owned() };
                one(&proto::AnswerSurveyRequest { number: self.number("survey"), code, marks: vec![5] })
            }
            "Query" => {
                let known = code_of(&number).unwrap_or_default();
                let query_code = if about.ends_with("wrong code") { wrong(&known) } else { known };
                one(&proto::QueryMatterRequest { number, query_code })
            }
            "Answers" => one(&proto::AnswersRequest::default()),
            "PublishNotice" => one(&notice()),
            "WithdrawNotice" => {
                let by = match (about, person.entry.station.as_str()) {
                    ("hub", _) | (_, HUB) => Some("d.supervisor"),
                    (_, TOWNSHIP) => Some("t.supervisor"),
                    (_, OTHER_TOWNSHIP) => Some("u.supervisor"),
                    _ => None,
                };
                let id = match by {
                    Some(by) => {
                        let notice = self.person(by).ask("MatterService.PublishNotice", &notice()).await;
                        notice.map(|notice: proto::NoticeView| notice.id).unwrap()
                    }
                    None => request(),
                };
                one(&proto::WithdrawNoticeRequest { id })
            }
            "Notices" => {
                let circulars = about == "circular";
                one(&proto::NoticesRequest { all: circulars, circulars })
            }
            "CallBacks" => one(&proto::CallBacksRequest { limit: 200 }),
            "Assess" => one(&proto::AssessRequest { year: today() / 10_000, month: 0 }),
            _ => panic!("nothing is known of {method}"),
        }
    }

    fn opening(&self, about: &str, person: &Person) -> Opening {
        let station = code(&person.entry.station).number();
        match about {
            "complaint" => Opening::Complaint(proto::OpenComplaint {
                way: proto::Way::Visit.into(),
                against: Some(proto::Against { station: code(TOWNSHIP).number(), ..Default::default() }),
                words: "排队太久".into(),
                ..Default::default()
            }),
            "question" => Opening::Question(proto::OpenQuestion {
                way: proto::Way::Visit.into(),
                words: "几点开门".into(),
                ..Default::default()
            }),
            "rectification" => Opening::Rectification(proto::OpenRectification {
                source: proto::RectificationSource::Patrol.into(),
                station,
                department: if person.entry.station == HUB { "mz".into() } else { String::new() },
                until: today(),
                title: "窗口标识不清".into(),
                words: "请更换".into(),
                ..Default::default()
            }),
            _ => Opening::Survey(proto::OpenSurvey {
                title: "评议".into(),
                groups: vec![proto::SurveyGroup { name: "窗口".into(), units: vec!["民政".into()] }],
                questions: vec!["效率".into()],
                from: today(),
                until: today(),
                codes: 1,
            }),
        }
    }

    /// Lets everybody who watches hear of the rs case.
    pub(crate) async fn stir(&self) {
        let words = "有新的备注".to_owned();
        self.does("t.window", &self.number("rs"), Action::AddNote(proto::AddNote { words })).await;
    }
}

/// Another post of a window, with the mark by which it is known.
fn another_post(staff: &str, turn: u64, because: &str) -> proto::ChangeStaffRequest {
    let (staff, post, reason) = (staff.to_owned(), format!("窗口科员{turn}"), because.to_owned());
    proto::ChangeStaffRequest { staff, post, reason, ..Default::default() }
}

/// Six digits that are not the code.
fn wrong(code: &str) -> String {
    if code == "000000" { "000001".into() } else { "000000".into() }
}

fn notice() -> proto::PublishNoticeRequest {
    proto::PublishNoticeRequest {
        request: request(),
        kind: proto::NoticeKind::Public.into(),
        title: "放假安排".into(),
        text: "照常办公".into(),
        from: today(),
        until: today(),
    }
}
