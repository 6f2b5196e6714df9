//! An office that shows one sample case and remembers what it was asked to do.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Bytes;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_domain::{Item, Role, Staff, StageTier};
use sanji_log::{AttachmentId, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::export_bundle_part::Part;
use sanji_station::bundle::history::Exported;
use sanji_station::service::bundles::Parts;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;

use super::fake_administration::Registered;
use crate::exchange::{Brought, Confirmed, Error as BundleError, Exchange, LastExchange, Upload};
use crate::office::{Actor, Failure, LoginFailure, Office, Settling, StationSummary, StoredFile};

pub(super) const NUMBER: &str = "9901061012032026070100427";
pub(super) const TOKEN: &str = "5e55105e55105e55105e55105e55105e55105e55105e55105e55105e55105e55";
/// What somebody with bad intentions types into a field.
pub(super) const HOSTILE: &str = "<script>alert('x')</script>\"'&";
const VILLAGE: u64 = 990_106_101_203;
const TOWNSHIP: u64 = 990_106_101_000;
const DISTRICT: u64 = 990_106_000_000;
/// 2026-07-01 09:30 in China.
const SUBMITTED_MS: u64 = 1_782_869_400_000;

/// What was asked, and what is to be answered. Shared with the test.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) submitted: Vec<proto::SubmitRequest>,
    pub(super) acted: Vec<proto::ActRequest>,
    pub(super) attachments: Vec<(proto::AttachmentHead, Vec<u8>)>,
    pub(super) unmasked: u32,
    /// The next `submit` or `act` fails so.
    pub(super) failure: Option<Failure>,
    pub(super) actions: Vec<&'static str>,
    pub(super) name: Option<String>,
    pub(super) line_down: bool,
    /// The station has no line up.
    pub(super) by_bundles: bool,
    /// Why the station's life is over.
    pub(super) over: Option<String>,
    /// A file of the case has come to half.
    pub(super) file_missing: bool,
    /// The person is at the desk for something else than agents' work.
    pub(super) other_role: bool,
    /// The person looks after the program.
    pub(super) administrator: bool,
    /// The person has a post in the district, and not in the village.
    pub(super) of_district: bool,
    /// The district's stations.
    pub(super) stations: Vec<proto::StationRow>,
    /// What the station says of itself, what those below have said, and the links to them.
    pub(super) condition: proto::StationCondition,
    pub(super) conditions_below: Vec<proto::StationCondition>,
    pub(super) downstream: Vec<proto::LinkStatus>,
    /// Who did what with the register of stations.
    pub(super) registered: Vec<(String, Registered)>,
    /// Files that were imported, and by whom.
    pub(super) imported: Vec<(String, Vec<u8>)>,
    /// The next bundle is refused so.
    pub(super) bundle_refused: Option<crate::exchange::Error>,
    /// What was asked of the ledgers.
    pub(super) ledgers: Vec<proto::ReadLedgerRequest>,
    /// Logs of the next bundle of which something is refused, and why.
    pub(super) bundle_refusals: Vec<(StationCode, proto::RefusalReason)>,
    pub(super) quarantined: Vec<proto::Quarantined>,
    /// Entries of each row.
    pub(super) quarantined_entries: Vec<proto::DumpedEntry>,
    /// Who settled what, and how.
    pub(super) settled: Vec<(String, String, Settling)>,
    /// Matters that were opened: whether by a member of staff, and what was said.
    pub(super) opened: Vec<(bool, proto::OpenMatterRequest)>,
    pub(super) acted_on_matter: Vec<proto::ActMatterRequest>,
    /// Ratings by the public.
    pub(super) rated: Vec<proto::RateAsPublicRequest>,
    /// Absences that were recorded.
    pub(super) absences: Vec<proto::RecordAbsenceRequest>,
    /// Changes of staff that were asked for.
    pub(super) asked: Vec<proto::ChangeStaffRequest>,
    /// Answers to such.
    pub(super) decided: Vec<proto::DecideStaffChangeRequest>,
    pub(super) withdrawn: Vec<Vec<u8>>,
}

pub(super) struct FakeOffice {
    pub(super) memory: Arc<Mutex<Memory>>,
    items: BTreeMap<String, Arc<Item>>,
}

impl FakeOffice {
    pub(super) fn new(memory: Arc<Mutex<Memory>>) -> Self {
        let files = [
            ("mz-dibao", include_str!("../../../../tests/sample/catalogue/items/mz-dibao.toml")),
            ("ga-sfz", include_str!("../../../../tests/sample/catalogue/items/ga-sfz.toml")),
            ("ly-caifa", include_str!("../../../../tests/sample/catalogue/items/ly-caifa.toml")),
        ];
        let items = files.map(|(code, text)| {
            (code.to_owned(), Arc::new(Item::parse(&format!("{code}.toml"), text).expect("sample item")))
        });
        Self { memory, items: items.into() }
    }

    fn actor(&self) -> Actor {
        let memory = self.memory.lock().expect("lock");
        let role = match (memory.administrator, memory.other_role) {
            (true, _) => Role::Administrator,
            (false, true) => Role::Supervisor,
            (false, false) => Role::Agent,
        };
        let agent = Staff {
            id: "990106101203-01".parse().expect("id"),
            name: "陈桂英".to_owned(),
            roles: vec![role],
            post: "村委会副主任".to_owned(),
            tier: StageTier::Village,
            department: "village".parse().expect("code"),
            place: StationCode::from_number(if memory.of_district { DISTRICT } else { VILLAGE }).expect("code"),
            seat: None,
            backup: None,
            serves: Vec::new(),
        };
        Actor { staff: Arc::new(agent) }
    }

    fn rows(&self, words: &str) -> Vec<proto::ItemRow> {
        let row = |item: &Arc<Item>| proto::ItemRow {
            code: item.code.as_str().to_owned(),
            name: item.name.clone(),
            short_name: item.short_name.clone(),
            case_type: item.case_type.term().to_owned(),
            department: item.department.as_str().to_owned(),
            may_submit: item.agent_allowed,
            why_not: if item.agent_allowed {
                String::new()
            } else {
                "须由本人到派出所窗口办理。".to_owned()
            },
        };
        self.items
            .values()
            .filter(|item| item.name.contains(words) || item.short_name.contains(words))
            .map(row)
            .collect()
    }

    fn case(&self, unmasked: bool) -> proto::CaseView {
        let memory = self.memory.lock().expect("lock");
        let name = memory.name.clone().unwrap_or_else(|| "赵德明".to_owned());
        let step =
            |rev: u32, kind: &str, title: &str, hours: u64, station: u64, words: &str, basis: &str| proto::StepView {
                rev,
                kind: kind.to_owned(),
                title: title.to_owned(),
                time_ms: SUBMITTED_MS + hours * 3_600_000,
                station,
                station_name: if station == VILLAGE {
                    "枫溪镇石板村便民服务站"
                } else {
                    "枫溪镇便民服务中心"
                }
                .to_owned(),
                actor_name: if station == VILLAGE { "陈桂英" } else { "周敏" }.to_owned(),
                actor_role: if station == VILLAGE { "代办员" } else { "窗口受理" }.to_owned(),
                words: words.to_owned(),
                basis: basis.to_owned(),
                until: if kind == "correction_requested" { 20_260_722 } else { 0 },
                ..Default::default()
            };
        proto::CaseView {
            case_number: NUMBER.to_owned(),
            item: "mz-dibao".to_owned(),
            item_version: 1,
            item_name: "最低生活保障审核确认".to_owned(),
            case_type: "承诺件".to_owned(),
            state: "待受理".to_owned(),
            rev: 4,
            holder: TOWNSHIP,
            holder_name: "枫溪镇便民服务中心".to_owned(),
            stage: "accept".to_owned(),
            stage_name: "受理".to_owned(),
            role: "窗口受理".to_owned(),
            actions: memory.actions.iter().map(|action| (*action).to_owned()).collect(),
            applicant: Some(proto::Applicant {
                name: if unmasked { name } else { format!("{}*", name.chars().next().unwrap_or('*')) },
                id_number: if unmasked { "99010619560312016X" } else { "990106********016X" }.to_owned(),
                telephone: if unmasked { "13812340000" } else { "138****0000" }.to_owned(),
                address: "枫溪镇石板村3组".to_owned(),
            }),
            answers: vec![proto::Answer {
                field: "申请事由".to_owned(), value: "因病致困，家庭收入减少。".to_owned()
            }],
            materials: vec![
                proto::MaterialView {
                    material: 0,
                    name: "最低生活保障申请表（含诚信承诺与核对授权）".to_owned(),
                    mandatory: true,
                    originals: 1,
                    ..Default::default()
                },
                proto::MaterialView {
                    material: 1,
                    name: "共同生活的家庭成员居民身份证".to_owned(),
                    mandatory: true,
                    copies: 1,
                    attachments: vec![proto::AttachmentView {
                        id: vec![7; 32],
                        file_name: "身份证正面.jpg".to_owned(),
                        media_type: "image/jpeg".to_owned(),
                        size: 1_572_864,
                        size_here: if memory.file_missing { 786_432 } else { 1_572_864 },
                        held_by: vec![VILLAGE, TOWNSHIP],
                    }],
                    ..Default::default()
                },
            ],
            steps: vec![
                step(1, "submitted", "登记申请", 0, VILLAGE, "", ""),
                step(
                    2,
                    "correction_requested",
                    "一次性告知补正（2026年7月22日前）",
                    2,
                    TOWNSHIP,
                    "1. 居民户口簿：过期，请提供新换发的户口簿复印件1份",
                    "",
                ),
                step(3, "correction_supplied", "已补正", 26, VILLAGE, "", ""),
                step(0, "note", "备注", 27, VILLAGE, "老人行动不便，请电话联系其子。", ""),
                step(4, "accepted", "受理", 28, TOWNSHIP, "", ""),
                step(
                    5,
                    "decided",
                    "审核确认：不予批准",
                    30,
                    DISTRICT,
                    "经调查人均收入超过规定。",
                    "《最低生活保障审核确认办法》（民发〔2021〕57号）",
                ),
                step(
                    6,
                    "returned",
                    "退回（重复申请）",
                    30,
                    TOWNSHIP,
                    "已于6月提交同一申请。",
                    "《社会救助暂行办法》第九条",
                ),
                step(7, "delivered", "直接送达", 31, VILLAGE, "", ""),
            ],
            delivery: Some(proto::Delivery { here: true, township_ms: SUBMITTED_MS + 60_000, ..Default::default() }),
            clock: Some(proto::ClockView {
                accepted_on: 20_260_702,
                promised_until: 20_260_806,
                statutory_until: 20_260_813,
                stage_until: 20_260_703,
                used_days: 3,
                words: "剩余22个工作日".to_owned(),
                ..Default::default()
            }),
            query_code: "482913".to_owned(),
            mandate: Some(proto::Mandate { may_submit: true, may_correct: true, ..Default::default() }),
            home: VILLAGE,
            ..Default::default()
        }
    }
}

#[async_trait]
impl Office for FakeOffice {
    fn records(&self) -> &dyn crate::records::Records {
        self
    }

    fn info(&self) -> StationSummary {
        let memory = self.memory.lock().expect("lock");
        StationSummary {
            code: StationCode::from_number(VILLAGE).expect("code"),
            name: "枫溪镇石板村便民服务站".to_owned(),
            tier: sanji_log::Tier::Village,
            district_name: "澄川区".to_owned(),
            read_only: memory.over.clone(),
            over: memory.over.clone(),
            by_bundles: memory.by_bundles,
        }
    }

    async fn status(&self) -> proto::StatusReply {
        let memory = self.memory.lock().expect("lock");
        let connected = !memory.line_down && !memory.by_bundles;
        let upstream = proto::LinkStatus {
            station: TOWNSHIP,
            connected,
            since_ms: SUBMITTED_MS,
            last_heard_ms: SUBMITTED_MS + 119_000_000,
            clock_offset_ms: -95_000,
            last_error: "connection refused".to_owned(),
            distrust: 0,
        };
        proto::StatusReply {
            station: VILLAGE,
            name: "枫溪镇石板村便民服务站".to_owned(),
            software: "0.1.0".to_owned(),
            clock_ms: SUBMITTED_MS + 120_000_000,
            writable: memory.over.is_none(),
            read_only_reason: memory.over.clone().unwrap_or_default(),
            upstream: (!memory.by_bundles).then_some(upstream),
            quarantined: memory.quarantined.len() as u64,
            open_cases: 3,
            entries_unconfirmed: u64::from(!connected) * 4,
            certificate_until_ms: SUBMITTED_MS + 30_000_000_000,
            condition: Some(memory.condition.clone()),
            conditions_below: memory.conditions_below.clone(),
            downstream: memory.downstream.clone(),
            ..Default::default()
        }
    }

    fn station_name(&self, _: StationCode) -> String {
        "枫溪镇便民服务中心".to_owned()
    }

    fn villages(&self) -> Vec<(StationCode, String)> {
        vec![(StationCode::from_number(VILLAGE).expect("code"), "枫溪镇石板村".to_owned())]
    }

    async fn login(&self, staff: &str, password: &str, _: IpAddr) -> Result<String, LoginFailure> {
        match (staff, password) {
            ("locked", _) => Err(LoginFailure::Locked { minutes: 14 }),
            ("agent", "right") => Ok(TOKEN.to_owned()),
            _ => Err(LoginFailure::Wrong),
        }
    }

    fn session(&self, token: &str) -> Option<Actor> {
        (token == TOKEN).then(|| self.actor())
    }

    fn logout(&self, _: &str) {}

    async fn change_password(&self, _: &Actor, old: &str, _: &str) -> Result<(), LoginFailure> {
        if old == "right" { Ok(()) } else { Err(LoginFailure::Wrong) }
    }

    fn items(&self, _: &Actor, words: &str) -> Vec<proto::ItemRow> {
        self.rows(words)
    }

    fn published_items(&self, words: &str) -> Vec<proto::ItemRow> {
        self.rows(words)
    }

    fn item(&self, code: &str, _: u32) -> Option<(u32, Arc<Item>)> {
        Some((1, Arc::clone(self.items.get(code)?)))
    }

    fn department_name(&self, code: &str) -> String {
        match code {
            "mz" => "澄川区民政局",
            "ga" => "澄川区公安局",
            _ => "澄川区林业局",
        }
        .to_owned()
    }

    async fn submit(&self, _: &Actor, request: proto::SubmitRequest) -> Result<proto::SubmitReply, Failure> {
        let mut memory = self.memory.lock().expect("lock");
        if let Some(failure) = memory.failure.take() {
            return Err(failure);
        }
        if !memory.submitted.iter().any(|earlier| earlier.request == request.request) {
            memory.submitted.push(request);
        }
        Ok(proto::SubmitReply { case_number: NUMBER.to_owned(), ..Default::default() })
    }

    async fn act(&self, _: &Actor, request: proto::ActRequest) -> Result<proto::ActReply, Failure> {
        let mut memory = self.memory.lock().expect("lock");
        if let Some(failure) = memory.failure.take() {
            return Err(failure);
        }
        if !memory.acted.iter().any(|earlier| earlier.request == request.request) {
            memory.acted.push(request);
        }
        Ok(proto::ActReply::default())
    }

    async fn case(&self, _: &Actor, request: proto::GetRequest) -> Result<proto::CaseView, Failure> {
        if request.case_number != NUMBER {
            return Err(Failure::NotFound);
        }
        self.memory.lock().expect("lock").unmasked += u32::from(request.unmasked);
        Ok(self.case(request.unmasked))
    }

    async fn list(&self, _: &Actor, _: proto::ListRequest) -> Result<proto::ListReply, Failure> {
        let name = self.memory.lock().expect("lock").name.clone().unwrap_or_else(|| "赵**".to_owned());
        let row = |state: &str, ahead: bool, stage_until: u32| proto::CaseRow {
            case_number: NUMBER.to_owned(),
            item_name: "最低生活保障审核确认".to_owned(),
            case_type: "承诺件".to_owned(),
            state: state.to_owned(),
            stage_name: "受理".to_owned(),
            holder: TOWNSHIP,
            holder_name: "枫溪镇便民服务中心".to_owned(),
            applicant_name: name.clone(),
            submitted_ms: SUBMITTED_MS,
            stage_until,
            promised_until: 0,
            delivery: Some(proto::Delivery { here: true, township_ms: SUBMITTED_MS, ..Default::default() }),
            ahead,
            ..proto::CaseRow::default()
        };
        let cases = vec![row("待受理", true, 20_260_703), row("办理中", false, 20_260_630), row("待补正", false, 0)];
        Ok(proto::ListReply { cases, next: "older".to_owned() })
    }

    async fn put_attachment(
        &self,
        _: &Actor,
        head: proto::AttachmentHead,
        content: Bytes,
    ) -> Result<AttachmentId, Failure> {
        let mut memory = self.memory.lock().expect("lock");
        memory.attachments.push((head, content.to_vec()));
        Ok(AttachmentId([u8::try_from(memory.attachments.len()).expect("few"); 32]))
    }

    async fn moved_deadlines(&self, _: &Actor, _: proto::ListMovedRequest) -> Result<proto::ListMovedReply, Failure> {
        let moved = proto::MovedDeadlines {
            case_number: NUMBER.to_owned(),
            item_name: "最低生活保障审核确认".to_owned(),
            promised: Some(proto::MovedDeadline { old: 0, new: 20_270_105 }),
            ..Default::default()
        };
        Ok(proto::ListMovedReply {
            cases: vec![moved],
            since_version: 1,
            version: 2,
            new_years: vec![2027],
            ..Default::default()
        })
    }

    async fn superseded(
        &self,
        _: &Actor,
        _: proto::ListSupersededRequest,
    ) -> Result<proto::ListSupersededReply, Failure> {
        let case = proto::SupersededCase { case_number: NUMBER.to_owned(), unchecked: 2, ..Default::default() };
        Ok(proto::ListSupersededReply { cases: vec![case], next: String::new() })
    }

    fn attachment_max_bytes(&self) -> u64 {
        1 << 20
    }

    async fn attachment(&self, _: &Actor, _: &str, id: &AttachmentId) -> Result<StoredFile, Failure> {
        if *id != AttachmentId([7; 32]) {
            return Err(Failure::NotHereYet);
        }
        let (sender, parts) = mpsc::channel(2);
        for part in [b"\xff\xd8".as_slice(), b"\xff\xe0"] {
            sender.send(Ok(Bytes::from_static(part))).await.expect("room for both");
        }
        let (file_name, media_type) = ("身份证\"正面.jpg".to_owned(), "image/jpeg".to_owned());
        Ok(StoredFile { file_name, media_type, size: 4, parts })
    }

    async fn quarantine_for(&self, _: &Actor) -> Result<Vec<proto::Quarantined>, Failure> {
        Ok(self.memory.lock().unwrap().quarantined.clone())
    }

    async fn quarantined_entries(&self, _: &str) -> Result<Vec<proto::DumpedEntry>, Failure> {
        Ok(self.memory.lock().unwrap().quarantined_entries.clone())
    }

    async fn settle_quarantined(&self, actor: &Actor, id: &str, settling: Settling) -> Result<(), Failure> {
        let mut memory = self.memory.lock().unwrap();
        if let Some(failure) = memory.failure.take() {
            return Err(failure);
        }
        memory.settled.push((actor.staff.id.to_string(), id.to_owned(), settling));
        Ok(())
    }

    async fn query(&self, request: proto::QueryRequest, _: IpAddr) -> Result<proto::QueryReply, Failure> {
        match (request.case_number.as_str(), request.query_code.as_str()) {
            (NUMBER, "482913") => Ok(proto::QueryReply {
                case_number: NUMBER.to_owned(),
                item_name: "最低生活保障审核确认".to_owned(),
                state: "待补正".to_owned(),
                holder_name: "枫溪镇便民服务中心".to_owned(),
                stage_name: "受理".to_owned(),
                promised_until: 20_260_806,
                result: String::new(),
                steps: vec![proto::QueryStep {
                    title: "登记申请".to_owned(),
                    time_ms: SUBMITTED_MS,
                    station_name: "枫溪镇石板村便民服务站".to_owned(),
                }],
                as_of_ms: SUBMITTED_MS + 60_000,
                next_for_applicant: "请在2026年7月22日前按一次性告知书补正材料。".to_owned(),
            }),
            (NUMBER, "999999") => Err(Failure::TooManyAttempts { retry_after_ms: 600_001 }),
            _ => Err(Failure::NotFound),
        }
    }
}

/// A refusal of one field.
pub(super) fn refusal(field: &str, sentence: &str) -> Refusal {
    Refusal::new(RefusalCode::InvalidInput, sentence).at(field)
}

/// Bundles of the same sample station.
pub(super) struct FakeExchange {
    pub(super) memory: Arc<Mutex<Memory>>,
}

#[async_trait]
impl Exchange for FakeExchange {
    fn partners(&self) -> Vec<StationCode> {
        [DISTRICT, TOWNSHIP].map(|code| StationCode::from_number(code).expect("code")).to_vec()
    }

    async fn history(&self, _: usize) -> Vec<(StationCode, LastExchange, Confirmed)> {
        let exported =
            Exported { time_ms: SUBMITTED_MS, entries: 12, receipts: 1, attachments: 2, attachments_left: 4 };
        let exchange = LastExchange { exported: Some(exported), imported: None };
        let confirmed = Confirmed { entries_waiting: 3, last_ms: Some(SUBMITTED_MS) };
        vec![(StationCode::from_number(TOWNSHIP).expect("code"), exchange, confirmed)]
    }

    fn export(&self, to: StationCode, attachments_max_bytes: Option<u64>) -> Parts {
        let (sender, receiver) = mpsc::channel(8);
        let data = format!("bundle for {to}, {attachments_max_bytes:?}").into_bytes();
        let broken = self.memory.lock().expect("lock").bundle_refused.is_some();
        let first = if broken { Err(tonic::Status::internal("no")) } else { Ok(part(Part::Data(data))) };
        let _ = sender.try_send(first);
        let _ = sender.try_send(Ok(part(Part::Exported(proto::ExportedBundle::default()))));
        Parts::new(receiver)
    }

    async fn import(&self, by: &str, mut file: Upload<'_>) -> Option<(Option<Brought>, Result<(), BundleError>)> {
        let mut content = Vec::new();
        while let Some(Ok(bytes)) = file.next().await {
            content.extend_from_slice(&bytes);
        }
        let mut memory = self.memory.lock().expect("lock");
        memory.imported.push((by.to_owned(), content));
        if let Some(refused) = memory.bundle_refused.take() {
            return Some((None, Err(refused)));
        }
        let brought = Brought {
            sender: StationCode::from_number(TOWNSHIP).expect("code"),
            created_ms: SUBMITTED_MS,
            entries: 31,
            entries_not_taken: 5,
            receipts: 2,
            attachments: 1,
            refused: memory.bundle_refusals.clone(),
        };
        Some((Some(brought), Ok(())))
    }
}

fn part(part: Part) -> proto::ExportBundlePart {
    proto::ExportBundlePart { part: Some(part) }
}
