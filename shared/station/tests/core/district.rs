//! A small district: three cores over stores in memory, with the sample's data, and a line that is a function call.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use prost::Message;
use sanji_domain::organisation::OrganisationFiles;
use sanji_domain::{Organisation, Staff, StaffId};
use sanji_link::Authority;
use sanji_log::seal::public_key;
use sanji_log::{AttachmentId, PublicKey, Reach, Run, SigningKey, StationCode};
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_replication::{CaseKeyMessage, VerifiedRun};
use sanji_station::Failure;
use sanji_station::core::{Core, ReceiveOutcome, StationKeys, Written};
use sanji_station::vault::MasterKey;
use sanji_store::{MemoryStore, Store};

pub(crate) const HUB: &str = "990106000000";
pub(crate) const TOWNSHIP: &str = "990106101000";
pub(crate) const VILLAGE: &str = "990106101203";
pub(crate) const AGENT: &str = "990106101203-1";
pub(crate) const WINDOW: &str = "990106101-03";
pub(crate) const REVIEWER: &str = "990106101-05";
pub(crate) const SECOND: &str = "990106101-02";
pub(crate) const APPROVER: &str = "mz-01";
pub(crate) const SUPERVISOR: &str = "990106101-10";

pub(crate) const NAME: &str = "朱帆军";
pub(crate) const ID_NUMBER: &str = "990106195910310995";

/// 2026-07-01, ten o'clock in China.
pub(crate) const START_MS: u64 = 1_782_871_200_000;
pub(crate) const DAY_MS: u64 = 86_400_000;

pub(crate) struct Member {
    pub(crate) core: Core,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: StationKeys,
}

pub(crate) struct District {
    pub(crate) authority: Authority,
    pub(crate) hub: Member,
    pub(crate) township: Member,
    pub(crate) village: Member,
    pub(crate) now_ms: u64,
    requests: u8,
    noise: u64,
}

pub(crate) fn code(text: &str) -> StationCode {
    text.parse().unwrap()
}

pub(crate) fn staff(text: &str) -> StaffId {
    text.parse().unwrap()
}

pub(crate) fn sample(path: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/sample").join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

const FILES: [&str; 9] = [
    "organisation/district.toml",
    "organisation/departments.toml",
    "organisation/roles.toml",
    "organisation/townships.toml",
    "organisation/villages.toml",
    "calendar/cn-workdays.toml",
    "catalogue/defaults.toml",
    "catalogue/items/mz-dibao.toml",
    "catalogue/items/cun-juzhu.toml",
];

/// The people of the three stations. Reading them takes a while, so all tests share them.
fn sample_staff() -> &'static [Staff] {
    static STAFF: OnceLock<Vec<Staff>> = OnceLock::new();
    STAFF.get_or_init(|| {
        let here = [HUB, TOWNSHIP, VILLAGE].map(code);
        read_staff().into_iter().filter(|person| here.contains(&person.place)).collect()
    })
}

fn read_staff() -> Vec<Staff> {
    let [district, departments, roles, townships, villages] = std::array::from_fn(|at| sample(FILES[at]));
    let files = OrganisationFiles {
        district: &district,
        departments: &departments,
        roles: &roles,
        townships: &townships,
        villages: &villages,
    };
    let organisation = Organisation::parse(files).unwrap();
    Staff::parse_all("staff.toml", &sample("organisation/staff.toml"), &organisation).unwrap()
}

/// Noise that is the same in every run.
pub(crate) fn noise(state: &mut u64) -> impl FnMut(&mut [u8]) + '_ {
    move |bytes| {
        for byte in bytes {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (*state >> 33) as u8;
        }
    }
}

impl Member {
    pub(crate) fn new(station: &str, life: u8, authority: &Authority) -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let keys = StationKeys {
            station: code(station),
            signing: SigningKey::from_bytes(&[life; 32]),
            master: MasterKey::from_bytes([life.wrapping_add(100); 32]),
            authority_der: authority.certificate_der().to_vec(),
        };
        Self { core: Core::open(store.clone(), keys.clone()).unwrap(), store, keys }
    }

    pub(crate) fn key(&self) -> PublicKey {
        public_key(&self.keys.signing)
    }

    pub(crate) fn station(&self) -> StationCode {
        self.keys.station
    }

    /// Forgets everything in memory, as a stop of the process does.
    pub(crate) fn reopen(&mut self) {
        self.core = Core::open(self.store.clone(), self.keys.clone()).unwrap();
    }

    pub(crate) fn person(&self, id: &str) -> Arc<Staff> {
        self.core.reader().reference().staff(&staff(id)).expect(id).staff.clone()
    }
}

/// Runs that `to` lacks, with the keys of the cases that they open, as a link would bring them.
pub(crate) fn missing(from: &Member, to: &Member) -> Vec<(Run, Vec<CaseKeyMessage>)> {
    let mut runs = Vec::new();
    let have = from.store.have().held_by(to.station());
    for gap in have.missing_in(&to.store.have()) {
        let mut next = gap.from;
        while let Some(run) = from.store.read(&gap.log, next, 1 << 20).unwrap() {
            next = run.head().seq + 1;
            let entries = run.entries.iter().map(|bytes| bytes.decode().unwrap());
            let opened = entries.filter(|entry| entry.opens_case).filter_map(|entry| entry.case);
            let key = |case| {
                let key = from.core.reader().case_key(&case).unwrap()?;
                Some(CaseKeyMessage { case, key: Some(key.bytes()) })
            };
            let keys = opened.filter_map(key).collect();
            runs.push((run, keys));
        }
    }
    runs
}

pub(crate) fn verified(run: Run) -> VerifiedRun {
    let first = run.entries[0].decode().unwrap();
    let extends = first.prev.map(|prev| (first.seq - 1, prev));
    let entries = run.verify(extends).unwrap();
    VerifiedRun { extends, run, entries }
}

/// Brings everything that `to` lacks, durably, and the receipts back.
pub(crate) fn bring(from: &mut Member, to: &mut Member, now_ms: u64) -> Vec<ReceiveOutcome> {
    let mut state = now_ms;
    let mut outcomes = Vec::new();
    for (run, keys) in missing(from, to) {
        let peer = from.station();
        let runs = vec![verified(run)];
        outcomes.push(to.core.receive(peer, runs, &keys, now_ms, &mut noise(&mut state)).unwrap());
    }
    let committed = to.core.commit(now_ms).unwrap();
    from.core.keep_receipts(committed.receipts);
    for log in to.store.have().held_by(from.station()).heads() {
        from.core.keep_receipts(to.store.receipts(&log.log));
    }
    from.core.commit(now_ms).unwrap();
    outcomes
}

impl District {
    pub(crate) fn new() -> Self {
        let now_ms = START_MS;
        let (authority, _) = Authority::generate(code(HUB), now_ms).unwrap();
        let mut hub = Member::new(HUB, 1, &authority);
        let mut township = Member::new(TOWNSHIP, 2, &authority);
        let mut village = Member::new(VILLAGE, 3, &authority);
        for member in [(HUB, hub.key()), (TOWNSHIP, township.key()), (VILLAGE, village.key())] {
            let record = proto::StationRecord { record: Some(enrolled(&authority, member.0, member.1, now_ms)) };
            let kind = proto::Kind::Station as u32;
            hub.core.write(code(member.0), Reach::Public, "", kind, record.encode_to_vec(), now_ms).unwrap();
        }
        for path in FILES {
            let file = proto::PublishedFile { path: path.to_owned(), version: 1, content: sample(path).into_bytes() };
            let kind = proto::Kind::File as u32;
            hub.core.write(code(HUB), Reach::Public, "", kind, file.encode_to_vec(), now_ms).unwrap();
        }
        for person in sample_staff() {
            let kind = proto::Kind::Staff as u32;
            let body = record(person).encode_to_vec();
            hub.core.write(person.place, Reach::Private, "", kind, body, now_ms).unwrap();
        }
        hub.core.commit(now_ms).unwrap();
        for member in [&mut township, &mut village] {
            let runs = missing(&hub, member).into_iter().map(|(run, _)| run).collect();
            member.core.adopt(runs, &[], now_ms, &mut noise(&mut 1)).unwrap();
            member.core.commit(now_ms).unwrap();
        }
        Self { authority, hub, township, village, now_ms, requests: 0, noise: 7 }
    }

    /// The hub publishes a file anew.
    pub(crate) fn publish(&mut self, path: &str, version: u32) {
        self.now_ms += 1000;
        let file = proto::PublishedFile { path: path.to_owned(), version, content: sample(path).into_bytes() };
        let kind = proto::Kind::File as u32;
        self.hub.core.write(code(HUB), Reach::Public, "", kind, file.encode_to_vec(), self.now_ms).unwrap();
        self.hub.core.commit(self.now_ms).unwrap();
    }

    /// All lines are up: everything arrives everywhere.
    pub(crate) fn sync(&mut self) {
        self.now_ms += 1000;
        bring(&mut self.village, &mut self.township, self.now_ms);
        bring(&mut self.township, &mut self.hub, self.now_ms);
        bring(&mut self.hub, &mut self.township, self.now_ms);
        bring(&mut self.township, &mut self.village, self.now_ms);
        // Receipts of the hub go on to the village.
        for log in self.village.store.have().heads() {
            let receipts = self.township.store.receipts(&log.log);
            self.village.core.keep_receipts(receipts);
        }
        self.village.core.commit(self.now_ms).unwrap();
    }

    pub(crate) fn member(&mut self, station: &str) -> &mut Member {
        match station {
            HUB => &mut self.hub,
            TOWNSHIP => &mut self.township,
            _ => &mut self.village,
        }
    }

    pub(crate) fn request(&mut self) -> Vec<u8> {
        self.requests += 1;
        vec![self.requests; 16]
    }

    /// The request that was given out last.
    pub(crate) fn last_request(&self) -> u8 {
        self.requests
    }

    /// Goes on as another machine would: with other requests and other randomness.
    pub(crate) fn differ(&mut self) {
        (self.requests, self.noise) = (100, 99);
    }

    pub(crate) fn submit(&mut self) -> Result<Written, Failure> {
        let request = self.request();
        self.submit_as(dibao(&request))
    }

    pub(crate) fn submit_as(&mut self, request: proto::SubmitRequest) -> Result<Written, Failure> {
        self.now_ms += 1000;
        let (core, mut state) = (&mut self.village.core, self.noise);
        let written = core.submit(&staff(AGENT), request, self.now_ms, &mut noise(&mut state));
        self.noise = state;
        let written = written?;
        core.commit(self.now_ms).unwrap();
        Ok(written)
    }

    pub(crate) fn act(&mut self, station: &str, actor: &str, number: &str, action: Action) -> Result<Written, Failure> {
        self.now_ms += 1000;
        let message = proto::ActRequest {
            request: self.request(),
            case_number: number.to_owned(),
            expected_rev: 0,
            action: Some(action),
        };
        let (now_ms, mut state) = (self.now_ms, self.noise);
        let core = &mut self.member(station).core;
        let written = core.act(&staff(actor), message, now_ms, &mut noise(&mut state));
        let written = written?;
        core.commit(now_ms).unwrap();
        self.noise = state;
        Ok(written)
    }

    pub(crate) fn photograph(&mut self, station: &str, actor: &str, number: &str) -> AttachmentId {
        self.photograph_for(station, actor, number, &[])
    }

    /// For a case, or for the request that will open one.
    pub(crate) fn photograph_for(&mut self, station: &str, actor: &str, number: &str, request: &[u8]) -> AttachmentId {
        let content = [&[0xFF, 0xD8, 0xFF][..], &[9; 40_000]].concat();
        let head = proto::AttachmentHead {
            request: request.to_vec(),
            case_number: number.to_owned(),
            file_name: "东墙第三块.jpg".to_owned(),
            media_type: "image/jpeg".to_owned(),
            size: content.len() as u64,
        };
        let now_ms = self.now_ms;
        let member = self.member(station);
        let (reader, pending) = (member.core.reader(), member.core.pending());
        reader.put_attachment(pending, &member.person(actor), head, &content, now_ms, &mut noise(&mut 5)).unwrap()
    }

    pub(crate) fn view(&mut self, station: &str, actor: &str, number: &str) -> Result<proto::CaseView, Failure> {
        let request = proto::GetRequest { case_number: number.to_owned(), unmasked: false };
        let now_ms = self.now_ms;
        let member = self.member(station);
        member.core.reader().case_view(&member.person(actor), &request, now_ms).map(|look| look.view)
    }

    pub(crate) fn todo(&mut self, station: &str, actor: &str) -> Vec<String> {
        self.list(station, actor, proto::WorkList::Todo)
    }

    pub(crate) fn list(&mut self, station: &str, actor: &str, list: proto::WorkList) -> Vec<String> {
        let request = proto::ListRequest { list: list.into(), ..proto::ListRequest::default() };
        let now_ms = self.now_ms;
        let member = self.member(station);
        let reply = member.core.reader().list(&member.person(actor), &request, now_ms).unwrap();
        reply.cases.into_iter().map(|row| row.case_number).collect()
    }
}

pub(crate) fn enrolled(
    authority: &Authority,
    station: &str,
    key: PublicKey,
    now_ms: u64,
) -> proto::station_record::Record {
    let certificate = authority.issue(code(station), key, now_ms, 365).unwrap();
    proto::station_record::Record::Enrolled(proto::StationEnrolled { key: key.0.to_vec(), certificate })
}

fn record(person: &Staff) -> proto::StaffRecord {
    proto::StaffRecord {
        id: person.id.to_string(),
        name: person.name.clone(),
        roles: person.roles.iter().map(ToString::to_string).collect(),
        post: person.post.clone(),
        tier: person.tier.to_string(),
        department: person.department.to_string(),
        place: person.place.number(),
        seat: person.seat.map_or_else(String::new, |seat| seat.to_string()),
        backup: person.backup.as_ref().map_or_else(String::new, ToString::to_string),
        password_hash: String::new(),
        inactive: false,
        ..proto::StaffRecord::default()
    }
}

/// A whole application for 低保.
pub(crate) fn dibao(request: &[u8]) -> proto::SubmitRequest {
    let material = |material| proto::MaterialInput { material, originals: 1, copies: 0, attachments: Vec::new() };
    proto::SubmitRequest {
        request: request.to_vec(),
        item: "mz-dibao".to_owned(),
        applicant: Some(proto::Applicant {
            name: NAME.to_owned(),
            id_number: ID_NUMBER.to_owned(),
            telephone: "13812340000".to_owned(),
            address: "赵家溪村三组".to_owned(),
        }),
        answers: vec![proto::Answer { field: "家庭人口".to_owned(), value: "三口人".to_owned() }],
        materials: [0, 1, 2, 3, 8].into_iter().map(material).collect(),
        mandate: Some(proto::Mandate {
            may_submit: true,
            may_correct: true,
            may_sign_for_documents: true,
            may_collect_result: true,
            until: 0,
        }),
        witnesses: String::new(),
        village: 0,
        ..proto::SubmitRequest::default()
    }
}
