//! A district with everybody of the table in it, one case and one matter of each kind, and what is secret about them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use prost::Message;
use sanji_log::StationCode;
use sanji_proto::v1::{self as proto, act_matter_request::Action as MatterAct, act_request::Action};
use sanji_tests::binaries::Binaries;
use sanji_tests::district::{District, Plan};
use sanji_tests::{sample, story};
use tonic::Status;

use crate::seen::{Marks, texts};
use crate::table::{Entry, Table};
use crate::wire::Caller;

pub(crate) const HUB: &str = "990106000000";
pub(crate) const TOWNSHIP: &str = "990106101000";
pub(crate) const OTHER_TOWNSHIP: &str = "990106100000";
pub(crate) const VILLAGE: &str = "990106101208";
pub(crate) const NEIGHBOUR: &str = "990106101202";

/// How long a station may take to hear of something on a healthy line.
const WITHIN: Duration = Duration::from_secs(30);

/// Why rs-04 is suspended.
pub(crate) const SUSPENDED_BECAUSE: &str = "甲乙丙丁投诉查实";
/// Why another post is asked for.
pub(crate) const ASKED_BECAUSE: &str = "壬癸子丑轮岗交流";
/// The same in the other department.
pub(crate) const ASKED_OF_RS_BECAUSE: &str = "寅卯辰巳轮岗交流";
pub(crate) const CIRCULAR: &str = "戊己庚辛内部通报";

pub(crate) fn code(text: &str) -> StationCode {
    text.parse().unwrap()
}

/// Somebody of the table, with a way to call.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) entry: Entry,
    pub(crate) caller: Caller,
}

impl Person {
    /// Asks as a typed message.
    pub(crate) async fn ask<A: Message + Default>(&self, rpc: &str, message: &impl Message) -> Result<A, Status> {
        let answer = self.caller.call(rpc, vec![message.encode_to_vec()]).await?;
        Ok(A::decode(answer.first().map(Vec::as_slice).unwrap_or_default()).unwrap())
    }

    pub(crate) async fn act(&self, number: &str, action: Action) -> Result<proto::ActReply, Status> {
        let (request, case_number) = (request(), number.to_owned());
        let message = proto::ActRequest { request, case_number, expected_rev: 0, action: Some(action) };
        self.ask("CaseService.Act", &message).await
    }

    pub(crate) async fn act_matter(&self, number: &str, action: MatterAct) -> Result<proto::MatterReply, Status> {
        let (request, number) = (request(), number.to_owned());
        let message = proto::ActMatterRequest { request, number, expected_rev: 0, action: Some(action) };
        self.ask("MatterService.Act", &message).await
    }

    pub(crate) async fn view(&self, number: &str) -> Result<proto::CaseView, Status> {
        self.ask("CaseService.Get", &proto::GetRequest { case_number: number.to_owned(), unmasked: false }).await
    }

    pub(crate) async fn matter(&self, number: &str) -> Result<proto::MatterView, Status> {
        let message = proto::GetMatterRequest { number: number.to_owned(), unmasked: false };
        self.ask("MatterService.Get", &message).await
    }
}

pub(crate) fn request() -> Vec<u8> {
    rand::random::<[u8; 16]>().to_vec()
}

/// Number and query code of a case or matter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Number {
    pub(crate) number: String,
    pub(crate) code: String,
}

/// Who applies, and what is secret about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Applicant {
    /// Whose identity number it is: position among the sample's residents.
    pub(crate) resident: usize,
    pub(crate) name: &'static str,
    pub(crate) masked: &'static str,
    pub(crate) telephone: &'static str,
    pub(crate) address: &'static str,
    pub(crate) answer: &'static str,
}

pub(crate) const OF_RS: Applicant = Applicant {
    resident: 0,
    name: "赵桂兰",
    masked: "赵**",
    telephone: "13711110001",
    address: "槐树岭三组",
    answer: "家有老人两名",
};
pub(crate) const OF_MZ: Applicant = Applicant {
    resident: 1,
    name: "钱玉珍",
    masked: "钱**",
    telephone: "13711110002",
    address: "柳树沟五组",
    answer: "全家共有四口",
};
pub(crate) const OF_NEIGHBOUR: Applicant = Applicant {
    resident: 2,
    name: "孙淑芬",
    masked: "孙**",
    telephone: "13711110003",
    address: "枣林湾七组",
    answer: "长期在此居住",
};
/// Whoever else applies, about whom nothing is looked for.
pub(crate) const OTHERS: Applicant =
    Applicant {
        resident: 3, name: "李秀英", masked: "李**", telephone: "13711110004", address: "一组", answer: "无"
    };

/// The district, and everything that calls are about.
pub(crate) struct World {
    pub(crate) district: District,
    pub(crate) people: BTreeMap<String, Person>,
    pub(crate) cases: BTreeMap<&'static str, Number>,
    pub(crate) matters: BTreeMap<&'static str, Number>,
    pub(crate) marks: BTreeMap<&'static str, Marks>,
    /// The request with which t.window has opened a case.
    pub(crate) opened: proto::SubmitRequest,
    /// The attachment of the rs case.
    pub(crate) attachment: Vec<u8>,
    /// The alert on the rs case.
    pub(crate) alert: String,
    /// The signed line of a paper of the rs case.
    pub(crate) voucher: String,
    /// Cases that were brought into a state together, by the state.
    pub(crate) prepared: BTreeMap<&'static str, Mutex<Vec<String>>>,
    /// Codes of the survey.
    pub(crate) survey_codes: Vec<String>,
}

impl World {
    /// Starts the stations and gives everybody a token.
    pub(crate) async fn start(folder: &Path, table: &Table) -> Self {
        let plan = Plan {
            hub: code(HUB),
            townships: vec![code(OTHER_TOWNSHIP), code(TOWNSHIP)],
            villages: vec![code(VILLAGE), code(NEIGHBOUR)],
        };
        let mut district = District::new(folder, plan, Binaries::build(true).unwrap()).unwrap();
        district.start(&|_| ()).unwrap();
        let mut people = BTreeMap::new();
        let mut tokens: BTreeMap<String, String> = BTreeMap::new();
        let keepers = table.people.iter().filter(|(_, entry)| entry.keeper);
        let own = keepers.map(|(_, entry)| entry.station.clone());
        let mut at: BTreeMap<String, Person> = BTreeMap::new();
        for station in own.chain([OTHER_TOWNSHIP.to_owned(), NEIGHBOUR.to_owned()]) {
            let token = district.token(code(&station), "keeper").unwrap();
            let caller = Caller::connect(district.address(code(&station)).unwrap().api, Some(&token)).await.unwrap();
            let name = format!("keeper of {station}");
            let entry = table.people["d.keeper"].clone();
            at.insert(station.clone(), Person { name, entry: Entry { station, ..entry }, caller });
        }
        for (name, entry) in table.people.iter().filter(|(_, entry)| !entry.staff.is_empty()) {
            let ask = proto::IssueTokenRequest { staff: entry.staff.clone() };
            let issued: proto::IssueTokenReply = at[&entry.station].ask("Keeper.IssueToken", &ask).await.unwrap();
            tokens.insert(name.clone(), issued.token);
        }
        for (name, entry) in &table.people {
            let of = if entry.token_of.is_empty() { name } else { &entry.token_of };
            let address = district.address(code(&entry.station)).unwrap().api;
            let caller = match entry.keeper {
                true => at[&entry.station].caller.clone(),
                false => Caller::connect(address, tokens.get(of).map(String::as_str)).await.unwrap(),
            };
            people.insert(name.clone(), Person { name: name.clone(), entry: entry.clone(), caller });
        }
        for (station, keeper) in at {
            people.insert(format!("keeper of {station}"), keeper);
        }
        let world = Self {
            district,
            people,
            cases: BTreeMap::new(),
            matters: BTreeMap::new(),
            marks: BTreeMap::new(),
            opened: proto::SubmitRequest::default(),
            attachment: Vec::new(),
            alert: String::new(),
            voucher: String::new(),
            prepared: BTreeMap::new(),
            survey_codes: Vec::new(),
        };
        let suspend = proto::SuspendStaffRequest { staff: "rs-04".into(), reason: SUSPENDED_BECAUSE.into() };
        world.person("d.keeper").ask::<proto::StaffView>("StaffService.SuspendStaff", &suspend).await.unwrap();
        world
    }

    pub(crate) fn person(&self, name: &str) -> &Person {
        self.people.get(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// The number of a case or matter that calls are about; one that nobody has for any other word.
    pub(crate) fn number(&self, about: &str) -> String {
        let known = self.cases.get(about).or_else(|| self.matters.get(about));
        known.map_or_else(nonexistent, |known| known.number.clone())
    }

    /// Marks of what a row is about, by its first words.
    pub(crate) fn marks_of(&self, about: &str) -> Marks {
        let found = self.marks.iter().filter(|(name, _)| about.starts_with(**name));
        found.max_by_key(|(name, _)| name.len()).map(|(_, marks)| marks.clone()).unwrap_or_default()
    }

    /// An application with every mandatory material on paper.
    pub(crate) fn application(&self, item: &str, village: &str, of: Applicant, by_agent: bool) -> proto::SubmitRequest {
        let resident = &self.district.sample.residents[of.resident];
        let mandate = proto::Mandate {
            may_submit: true,
            may_correct: true,
            may_sign_for_documents: true,
            may_collect_result: true,
            until: 0,
        };
        let material = |material| proto::MaterialInput { material, originals: 1, copies: 1, attachments: Vec::new() };
        proto::SubmitRequest {
            request: request(),
            item: item.to_owned(),
            applicant: Some(proto::Applicant {
                name: of.name.into(),
                id_number: resident.id_number.clone(),
                telephone: of.telephone.into(),
                address: of.address.into(),
            }),
            answers: vec![proto::Answer { field: "家庭情况".into(), value: of.answer.into() }],
            materials: mandatory(item).into_iter().map(material).collect(),
            mandate: by_agent.then_some(mandate),
            village: code(village).number(),
            ..proto::SubmitRequest::default()
        }
    }

    /// Opens a case.
    pub(crate) async fn submit(&self, by: &str, application: &proto::SubmitRequest) -> Number {
        let opened = self.person(by).ask::<proto::SubmitReply>("CaseService.Submit", application).await;
        let opened = opened.unwrap_or_else(|status| panic!("{by} submits {}: {status}", application.item));
        Number { number: opened.case_number, code: opened.query_code }
    }

    /// Stores a photograph for an application that is to be submitted, or for a case.
    pub(crate) async fn photograph(
        &self,
        by: &str,
        request: &[u8],
        case_number: &str,
        name: &str,
    ) -> Result<Vec<u8>, Status> {
        let answer =
            self.person(by).caller.call("CaseService.PutAttachment", upload(request, case_number, name)).await?;
        Ok(proto::PutAttachmentReply::decode(answer[0].as_slice()).unwrap().id)
    }

    /// Waits until a case is in a stage at the station of somebody who sees it.
    pub(crate) async fn stage(&self, person: &str, number: &str, stage: &str) -> proto::CaseView {
        let person = self.person(person);
        story::until(&format!("{number} in {stage} for {}", person.name), WITHIN, async || {
            person.view(number).await.ok().filter(|case| case.stage == stage)
        })
        .await
        .unwrap()
    }

    /// Waits until somebody sees a thing that has not arrived at once.
    pub(crate) async fn wait<T>(&self, what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
        story::until(what, WITHIN, ask).await.unwrap()
    }

    /// Acts, and ends the test where it is refused.
    pub(crate) async fn does(&self, by: &str, number: &str, action: Action) {
        let told = format!("{by} on {number}: {action:?}");
        self.person(by).act(number, action).await.unwrap_or_else(|status| panic!("{told}: {status}"));
    }

    /// The same for a matter.
    pub(crate) async fn does_matter(&self, by: &str, number: &str, action: MatterAct) {
        let told = format!("{by} on {number}: {action:?}");
        self.person(by).act_matter(number, action).await.unwrap_or_else(|status| panic!("{told}: {status}"));
    }

    /// Opens a matter.
    pub(crate) async fn open(&self, by: &str, opening: proto::open_matter_request::Opening) -> proto::MatterReply {
        let message = proto::OpenMatterRequest { request: request(), opening: Some(opening) };
        let opened = self.person(by).ask("MatterService.Open", &message).await;
        opened.unwrap_or_else(|status| panic!("{by} opens a matter: {status}"))
    }

    /// All stations hold everything that is theirs.
    pub(crate) async fn in_sync(&self) {
        for station in self.district.plan.stations().skip(1) {
            self.district.in_sync(station, WITHIN).await.unwrap();
        }
    }

    /// Marks of a case by its applicant.
    pub(crate) fn case_marks(&self, number: &Number, of: Applicant, content: &[&str]) -> Marks {
        let id = self.district.sample.residents[of.resident].id_number.clone();
        let masked_id = format!("{}********{}", &id[..6], &id[14..]);
        let plain = texts(&[of.name, &id, of.telephone, of.address, of.answer]);
        let masked = texts(&[of.masked, &masked_id]);
        // A table writes the number in groups.
        let number = number.number.as_str();
        let grouped = format!("{} {} {}", &number[..12], &number[12..20], &number[20..]);
        Marks { shows: texts(&[number, &grouped]), content: texts(content), masked, plain }
    }
}

/// A well-formed number that no case and no matter has.
pub(crate) fn nonexistent() -> String {
    let id = sanji_log::CaseId::new(code(VILLAGE), 9_000, 999, [7; 7]).unwrap();
    id.number().to_string()
}

/// The messages that hand a photograph in.
pub(crate) fn upload(request: &[u8], case_number: &str, name: &str) -> Vec<Vec<u8>> {
    use proto::put_attachment_request::Part;
    let content = photograph();
    let head = proto::AttachmentHead {
        request: request.to_vec(),
        case_number: case_number.to_owned(),
        file_name: name.to_owned(),
        media_type: "image/jpeg".into(),
        size: content.len() as u64,
    };
    let part = |part| proto::PutAttachmentRequest { part: Some(part) }.encode_to_vec();
    vec![part(Part::Head(head)), part(Part::Data(content))]
}

/// A small file that begins as a photograph does.
pub(crate) fn photograph() -> Vec<u8> {
    [&[0xFF, 0xD8, 0xFF][..], PHOTOGRAPHED, &[9; 2000]].concat()
}

/// What stands in the photograph and nowhere else.
pub(crate) const PHOTOGRAPHED: &[u8] = b"what the photograph shows";

/// Positions of the mandatory materials of an item.
fn mandatory(item: &str) -> Vec<u32> {
    let text = std::fs::read_to_string(sample::folder().join(format!("catalogue/items/{item}.toml"))).unwrap();
    let item: toml::Table = toml::from_str(&text).unwrap();
    let materials = item.get("material").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let is_mandatory = |material: &toml::Value| material.get("mandatory").and_then(toml::Value::as_bool) == Some(true);
    (0..).zip(&materials).filter(|(_, material)| is_mandatory(material)).map(|(at, _)| at).collect()
}
