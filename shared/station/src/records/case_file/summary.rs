//! The readable summary of a case. It follows from the evidence alone, so that whoever checks the file makes it again
//! and compares.

use std::collections::BTreeMap;

use sanji_domain::case::codec::{self, decode_private};
use sanji_domain::case::{Body, Case, Private, words};
use sanji_domain::{Item, ItemCode};
use sanji_log::{CaseId, EntryBytes, Hash, PublicKey, StationCode};
use sanji_proto::v1 as proto;
use serde::{Deserialize, Serialize};

use crate::core::filed::case_entry;
use crate::records::times::{minute, second};
use crate::vault::CaseKey;

/// What a case file says of its case, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Summary {
    pub(super) case_number: String,
    pub(super) item: String,
    pub(super) item_version: u32,
    pub(super) item_name: String,
    pub(super) case_type: String,
    pub(super) state: String,
    pub(super) outcome: String,
    pub(super) opened: String,
    pub(super) opened_at: String,
    pub(super) applicant: Vec<(String, String)>,
    pub(super) answers: Vec<(String, String)>,
    pub(super) materials: Vec<Material>,
    pub(super) steps: Vec<Line>,
    /// Steps that lost against another; kept, and not counted.
    pub(super) superseded: Vec<Line>,
    pub(super) attachments: Vec<Attachment>,
    /// False: the key of the case was destroyed or never came, so that nothing personal can be read.
    pub(super) readable: bool,
}

/// A material that was handed in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Material {
    pub(super) name: String,
    pub(super) originals: u32,
    pub(super) copies: u32,
    pub(super) attachments: Vec<String>,
}

/// One entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    /// 0: said beside the route.
    pub(super) rev: u32,
    pub(super) title: String,
    pub(super) time: String,
    pub(super) station: String,
    pub(super) actor: String,
    pub(super) role: String,
    pub(super) words: String,
    pub(super) basis: String,
    pub(super) entry: String,
}

/// A file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Attachment {
    pub(super) file_name: String,
    pub(super) media_type: String,
    /// Name in the archive; empty: it was not there when the file was written.
    pub(super) name: String,
    pub(super) id: String,
}

/// The path under which the district publishes an item.
pub(super) fn words_of_item(code: &ItemCode) -> String {
    format!("catalogue/items/{code}.toml")
}

/// Evidence that has been read: the case and the private parts of its entries.
pub(super) struct Told {
    pub(super) case: Case,
    private: BTreeMap<Hash, Private>,
    /// Entries whose private part the key does not open.
    pub(super) unreadable: Vec<Hash>,
    item: Option<Item>,
}

impl Told {
    /// Folds the entries of a case. `writers` says which station a key is.
    pub(super) fn new(
        id: CaseId,
        evidence: &proto::CaseFileEvidence,
        writers: &BTreeMap<PublicKey, StationCode>,
    ) -> Self {
        let key = <[u8; 32]>::try_from(evidence.case_key.as_slice()).ok().map(CaseKey::from_bytes);
        let mut told = Self { case: Case::new(id), private: BTreeMap::new(), unreadable: Vec::new(), item: None };
        let runs = evidence.logs.iter().flat_map(|log| &log.runs);
        for bytes in runs.flat_map(|run| &run.entries) {
            let Ok(entry) = EntryBytes(bytes.clone().into()).decode() else { continue };
            if entry.case != Some(id) {
                continue;
            }
            if let Some(sealed) = codec::decode(entry.kind, &entry.body).ok().flatten().and_then(|read| read.sealed) {
                let opened = key.as_ref().and_then(|key| key.open(&id, &sealed).ok());
                match opened.and_then(|plain| decode_private(&plain).ok()) {
                    Some(private) => drop(told.private.insert(entry.hash, private)),
                    None => told.unreadable.push(entry.hash),
                }
            }
            if let Some(entry) = case_entry(&entry, writers.get(&entry.log.key).copied()) {
                told.case.take(&entry);
            }
        }
        let item = std::str::from_utf8(&evidence.item_file).ok().zip(told.case.item());
        told.item = item.and_then(|(text, (code, _))| Item::parse(&format!("{code}.toml"), text).ok());
        told
    }

    /// The summary.
    pub(super) fn summary(&self, evidence: &proto::CaseFileEvidence) -> Summary {
        let stations: BTreeMap<u64, &str> =
            evidence.stations.iter().map(|station| (station.station, station.name.as_str())).collect();
        let station = |code: StationCode| match stations.get(&code.number()) {
            Some(name) => (*name).to_owned(),
            None => code.to_string(),
        };
        let line = |hash: &Hash, time_ms: u64, writer, rev, body: &Body| {
            let (actor, basis) = match body {
                Body::Step(step) => (&step.actor, step.event.basis()),
                Body::Side(side) => (&side.actor, ""),
            };
            Line {
                rev,
                title: words::title(body, self.item.as_ref()),
                time: second(time_ms),
                station: station(writer),
                actor: actor.name.clone(),
                role: actor.role.clone(),
                words: self.private.get(hash).map(said).unwrap_or_default(),
                basis: basis.to_owned(),
                entry: hash.to_hex(),
            }
        };
        let of_step = |facts: &sanji_domain::case::StepFacts| {
            let body = Body::Step(facts.body.clone());
            (facts.time, line(&facts.hash, facts.time.millis(), facts.writer, facts.rev, &body))
        };
        let of_side = |facts: &sanji_domain::case::SideFacts| {
            let body = Body::Side(facts.body.clone());
            (facts.time, line(&facts.hash, facts.time.millis(), facts.writer, 0, &body))
        };
        // Steps stay in their order; what was said beside the route comes in between by its time.
        let mut latest = sanji_log::HybridTime::default();
        let steps = self.case.steps().map(|facts| {
            latest = latest.max(facts.time);
            (latest, of_step(facts).1)
        });
        let mut lines: Vec<_> = steps.collect();
        lines.extend(self.case.sides().map(of_side));
        lines.sort_by(|(one, a), (other, b)| {
            (one, a.rev == 0, a.rev, &a.entry).cmp(&(other, b.rev == 0, b.rev, &b.entry))
        });
        let opening = self.case.steps().next();
        let private = opening.and_then(|facts| self.private.get(&facts.hash));
        let item = self.item.as_ref();
        Summary {
            case_number: self.case.id().number().to_string(),
            item: self.case.item().map(|(code, _)| code.to_string()).unwrap_or_default(),
            item_version: self.case.item().map_or(0, |(_, version)| version),
            item_name: item.map(|item| item.name.clone()).unwrap_or_default(),
            case_type: item.map(|item| item.case_type.to_string()).unwrap_or_default(),
            state: self.case.state().words().to_owned(),
            outcome: self.case.outcome().map(|outcome| outcome.words().to_owned()).unwrap_or_default(),
            opened: self.case.home().map(station).unwrap_or_default(),
            opened_at: opening.map(|facts| minute(facts.time.millis())).unwrap_or_default(),
            applicant: private.map(applicant).unwrap_or_default(),
            answers: self.answers(),
            materials: self.materials(evidence),
            steps: lines.into_iter().map(|(_, line)| line).collect(),
            superseded: self.case.superseded().map(|facts| of_step(facts).1).collect(),
            attachments: evidence.attachments.iter().map(attachment).collect(),
            readable: !evidence.case_key.is_empty(),
        }
    }

    /// Later answers in place of earlier ones of the same field.
    fn answers(&self) -> Vec<(String, String)> {
        let mut answers: Vec<(String, String)> = Vec::new();
        let private = self.case.steps().filter_map(|facts| self.private.get(&facts.hash));
        for (field, value) in private.flat_map(|private| &private.answers) {
            match answers.iter_mut().find(|(known, _)| known == field) {
                Some((_, known)) => known.clone_from(value),
                None => answers.push((field.clone(), value.clone())),
            }
        }
        answers
    }

    fn materials(&self, evidence: &proto::CaseFileEvidence) -> Vec<Material> {
        let file_name = |id: &sanji_log::AttachmentId| {
            let named = evidence.attachments.iter().find(|attachment| attachment.id == id.0);
            named.map_or_else(|| id.to_hex(), |named| named.file_name.clone())
        };
        let material = |provided: &sanji_domain::case::MaterialProvided| {
            let listed = usize::try_from(provided.material).ok().zip(self.item.as_ref());
            let listed = listed.and_then(|(at, item)| item.materials.get(at));
            Material {
                name: listed.map_or_else(|| format!("材料{}", provided.material), |listed| listed.name.clone()),
                originals: provided.originals,
                copies: provided.copies,
                attachments: provided.attachments.iter().map(file_name).collect(),
            }
        };
        self.case.materials().values().map(material).collect()
    }
}

fn applicant(private: &Private) -> Vec<(String, String)> {
    let Some(applicant) = &private.applicant else { return Vec::new() };
    [
        ("申请人", &applicant.name),
        ("证件号码", &applicant.id_number),
        ("联系电话", &applicant.telephone),
        ("住址", &applicant.address),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value.clone()))
    .collect()
}

/// Words, requirements and who signed, as they follow one another on paper.
fn said(private: &Private) -> String {
    let mut said = vec![private.words.clone()];
    said.extend((1..).zip(&private.requirements).map(|(number, requirement)| format!("{number}. {requirement}")));
    if !private.receiver.is_empty() {
        said.push(format!("签收人：{}", private.receiver));
    }
    said.retain(|part| !part.is_empty());
    said.join("\n")
}

fn attachment(attachment: &proto::EvidenceAttachment) -> Attachment {
    Attachment {
        file_name: attachment.file_name.clone(),
        media_type: attachment.media_type.clone(),
        name: attachment.name.clone(),
        id: data_encoding::HEXLOWER.encode(&attachment.id),
    }
}
