//! Checking a case file on any machine, without a store: what was altered, what is missing, what can't be proved.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};

use prost::Message as _;
use sanji_log::attachment::{manifest, root};
use sanji_log::attest::Attested;
use sanji_log::{CaseId, Entry, PublicKey, StationCode};
use sanji_proto::v1 as proto;
use serde::Serialize;
use zip::ZipArchive;

use super::line::{LINE_BYTES, Line, hash_of};
use super::proof::{self, Proved};
use super::summary::{Summary, Told};
use super::{EVIDENCE, MANIFEST, SIGNATURE, SUMMARY_HTML, SUMMARY_JSON, VERSION, html};
use crate::records::times::second;
use crate::vault::CaseKey;

/// Largest part that is read, in bytes: an attachment, or the entries of a long case.
const PART_MAX_BYTES: u64 = 64 << 20;
/// Most parts of a file.
const PARTS_MAX: usize = 10_000;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The file as a whole.
    File,
    /// What the manifest lists.
    Manifest,
    /// A station's certificate.
    Certificate,
    /// An entry of the case.
    Entry,
    /// A writer's seal.
    Seal,
    /// A receipt.
    Receipt,
    /// An attachment.
    Attachment,
    /// The readable summary.
    Summary,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something was left out, or was not there when the file was written.
    Missing,
    /// Something is not what was written.
    Altered,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub part: Part,
    /// How bad.
    pub severity: Severity,
    /// One Chinese sentence.
    pub sentence: String,
}

/// Findings while they are gathered.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn altered(&mut self, part: Part, sentence: &str) {
        self.add(part, Severity::Altered, sentence);
    }

    pub(super) fn missing(&mut self, part: Part, sentence: &str) {
        self.add(part, Severity::Missing, sentence);
    }

    fn add(&mut self, part: Part, severity: Severity, sentence: &str) {
        let finding = Finding { part, severity, sentence: sentence.to_owned() };
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }
}

/// What became of the check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Everything is there and proved.
    pub intact: bool,
    /// What is wrong. Empty where intact.
    pub findings: Vec<Finding>,
    /// Case number; empty where not even that can be read.
    pub case_number: String,
    /// The station that wrote the file, and when.
    pub written_by: String,
    /// When: `2026-07-01 10:00:05`.
    pub written_at: String,
    /// The same in milliseconds since 1970-01-01 UTC.
    pub written_ms: u64,
    /// Staff id of the person who took it; empty: the keeper.
    pub taken_by: String,
    /// Entries of the case.
    pub entries: u64,
    /// Of these, those proved by their writer's seal.
    pub entries_sealed: u64,
    /// Of these, those for which the station that wrote the file vouches, since neighbours were left out.
    pub entries_vouched: u64,
    /// Entries of other cases that the chain needs.
    pub neighbours: u64,
    /// Receipts that hold.
    pub receipts: u64,
    /// Attachments that are those of the entries.
    pub attachments: u64,
    /// BLAKE3 of the authority's certificate: to be compared with what the district publishes.
    pub authority: String,
    /// Whether the authority is the one that was given for comparison; none where none was given.
    pub authority_known: Option<bool>,
}

/// Checks a case file. `authority`: the certificate (DER) that the district has published, if it is at hand.
///
/// # Errors
/// Where the file can't be read at all. Whatever is wrong with its content is a finding.
pub fn verify(mut file: impl Read + Seek, authority: Option<&[u8]>) -> std::io::Result<Report> {
    let mut findings = Findings::default();
    let mut report = Report::default();
    let line = check_line(&mut file, &mut findings)?;
    file.seek(SeekFrom::Start(0))?;
    match ZipArchive::new(&mut file) {
        Ok(archive) => check_archive(archive, line.as_ref(), authority, &mut findings, &mut report),
        Err(_) => findings.altered(Part::File, "这不是案卷文件，或者文件已经损坏，打不开"),
    }
    report.findings = findings.0;
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    report.intact = report.findings.is_empty();
    Ok(report)
}

/// The hash over the whole file.
fn check_line(file: &mut (impl Read + Seek), findings: &mut Findings) -> std::io::Result<Option<Line>> {
    let size = file.seek(SeekFrom::End(0))?;
    let Some(before) = size.checked_sub(LINE_BYTES as u64) else { return Ok(None) };
    file.seek(SeekFrom::Start(0))?;
    let hash = hash_of(file, before)?;
    let mut bytes = vec![0; LINE_BYTES];
    file.seek(SeekFrom::Start(before))?;
    file.read_exact(&mut bytes)?;
    let line = Line::parse(&bytes);
    match &line {
        None => findings.altered(Part::File, "文件末尾的整体校验行缺失或被改动，文件可能被截断或追加过内容"),
        Some(line) if line.hash != hash => {
            findings.altered(Part::File, "文件的整体校验不符：文件里至少有一个字节被改动过");
        }
        Some(_) => {}
    }
    Ok(line)
}

type Archive<'f, R> = ZipArchive<&'f mut R>;

fn check_archive<R: Read + Seek>(
    mut archive: Archive<'_, R>,
    line: Option<&Line>,
    authority: Option<&[u8]>,
    findings: &mut Findings,
    report: &mut Report,
) {
    let Some((manifest, bytes)) = read(&mut archive, MANIFEST)
        .and_then(|bytes| Some((proto::CaseFileManifest::decode(bytes.as_slice()).ok()?, bytes)))
    else {
        return findings.altered(Part::Manifest, "案卷的清单缺失或读不出来");
    };
    let (Ok(case), Ok(key), Ok(station)) = (
        CaseId::from_bytes(&manifest.case_id),
        PublicKey::try_from(manifest.key.as_slice()),
        StationCode::from_number(manifest.station),
    ) else {
        return findings.altered(Part::Manifest, "案卷的清单内容不对");
    };
    report.case_number = case.number().to_string();
    report.written_by = station.to_string();
    (report.written_at, report.written_ms) = (second(manifest.time_ms), manifest.time_ms);
    report.taken_by.clone_from(&manifest.taken_by);
    if manifest.version != VERSION {
        return findings.missing(Part::Manifest, "案卷由更新版本的软件导出，请用新版本的软件查验");
    }
    let signature = read(&mut archive, SIGNATURE).and_then(|bytes| bytes.try_into().ok());
    if signature.is_none_or(|signature| Attested::Manifest.verify(&key, &bytes, &signature).is_err()) {
        findings.altered(Part::Manifest, "清单的签名不对：清单被改动过，或者不是注明的站点导出的");
    }
    if !line.is_some_and(|line| line.is_signed_by(&key)) {
        findings.altered(Part::File, "文件整体校验的签名不对");
    }
    check_parts(&mut archive, &manifest, findings);
    let evidence = read(&mut archive, EVIDENCE);
    let Some(evidence) = evidence.and_then(|bytes| proto::CaseFileEvidence::decode(bytes.as_slice()).ok()) else {
        return findings.altered(Part::Manifest, "案卷的证据部分缺失或读不出来");
    };
    let writers = proof::writers(&evidence);
    report.authority = blake3::hash(&evidence.authority).to_hex().to_string();
    report.authority_known = authority.map(|authority| authority == evidence.authority);
    if report.authority_known == Some(false) {
        findings.altered(Part::Certificate, "案卷里的区中心证书与您提供的不是同一张，不能证明出自本区");
    }
    match writers.get(&key) {
        Some(certified) if *certified == station => {}
        Some(_) => findings.altered(Part::Certificate, "导出站点的证书属于另一个站点"),
        None => findings.missing(Part::Certificate, "缺少导出站点的证书，不能证明是谁导出的"),
    }
    if let Some(name) = evidence.stations.iter().find(|named| named.station == station.number()) {
        report.written_by = format!("{}（{station}）", name.name);
    }
    let (proved, entries) = proof::check(case, &evidence, &writers, findings);
    count(report, proved);
    let told = Told::new(case, &evidence, &writers);
    check_case(&told, &evidence, findings);
    report.attachments = check_attachments(&mut archive, &evidence, &entries, findings);
    check_summary(&mut archive, &told.summary(&evidence), &manifest, findings);
}

fn count(report: &mut Report, proved: Proved) {
    report.entries = proved.entries;
    report.entries_sealed = proved.sealed;
    report.entries_vouched = proved.vouched;
    report.neighbours = proved.neighbours;
    report.receipts = proved.receipts;
}

/// A part of the archive; none where it is not there, or larger than any part may be.
fn read<R: Read + Seek>(archive: &mut Archive<'_, R>, name: &str) -> Option<Vec<u8>> {
    let part = archive.by_name(name).ok()?;
    let mut bytes = Vec::new();
    part.take(PART_MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= PART_MAX_BYTES).then_some(bytes)
}

/// Every part is there as it was, and nothing else.
fn check_parts<R: Read + Seek>(
    archive: &mut Archive<'_, R>,
    manifest: &proto::CaseFileManifest,
    findings: &mut Findings,
) {
    if archive.len() > PARTS_MAX || manifest.parts.len() > PARTS_MAX {
        return findings.altered(Part::File, "案卷里的文件多得不正常");
    }
    let mut listed = BTreeSet::from([MANIFEST, SIGNATURE]);
    for part in &manifest.parts {
        listed.insert(&part.name);
        let what = format!("“{}”", part.name);
        match read(archive, &part.name) {
            None => findings.altered(Part::Manifest, &format!("清单里的{what}缺失或读不出来")),
            Some(bytes) if bytes.len() as u64 != part.size || blake3::hash(&bytes).as_bytes()[..] != part.hash => {
                findings.altered(Part::Manifest, &format!("{what}的内容被改动过"));
            }
            Some(_) => {}
        }
    }
    let names: Vec<String> = (0..archive.len())
        .filter_map(|at| {
            archive.by_index(at).ok().map(|part| part.name().map(|name| name.into_owned()).unwrap_or_default())
        })
        .collect();
    for name in names.iter().filter(|name| !listed.contains(name.as_str())) {
        findings.altered(Part::File, &format!("“{name}”不在清单里，是后来加进去的"));
    }
}

/// The chain of the case's own steps.
fn check_case(told: &Told, evidence: &proto::CaseFileEvidence, findings: &mut Findings) {
    if told.case.rev() == 0 {
        findings.missing(Part::Entry, "缺少登记申请的记录");
    }
    if told.case.waiting().next().is_some() {
        findings.missing(Part::Entry, "有的步骤缺少它前面的步骤，办理过程不完整");
    }
    if told.case.rejected().next().is_some() {
        findings.altered(Part::Entry, "有的步骤不符合办件记录的规则，不能算数");
    }
    if evidence.case_key.is_empty() {
        findings.missing(Part::Summary, "没有办件密钥（已销毁或未传到），个人信息和附件不能查验");
    } else if !told.unreadable.is_empty() {
        findings.altered(Part::Entry, "用案卷里的办件密钥打不开有的记录的保密部分");
    }
}

/// Encrypts each attachment again: only the one that the entry names gives the entry's hash.
fn check_attachments<R: Read + Seek>(
    archive: &mut Archive<'_, R>,
    evidence: &proto::CaseFileEvidence,
    entries: &[Entry],
    findings: &mut Findings,
) -> u64 {
    let Some(key) = <[u8; 32]>::try_from(evidence.case_key.as_slice()).ok().map(CaseKey::from_bytes) else { return 0 };
    let named: BTreeMap<&[u8], &proto::EvidenceAttachment> =
        evidence.attachments.iter().map(|attachment| (attachment.id.as_slice(), attachment)).collect();
    let mut proved = BTreeSet::new();
    for attachment in entries.iter().flat_map(|entry| &entry.attachments) {
        let Some(named) = named.get(attachment.id.0.as_slice()) else {
            findings.missing(Part::Attachment, &format!("缺少附件{:?}", attachment.id));
            continue;
        };
        let name = &named.file_name;
        if named.name.is_empty() {
            findings.missing(Part::Attachment, &format!("附件“{name}”导出时还没有传到导出站点"));
            continue;
        }
        let Some(plain) = read(archive, &named.name) else {
            findings.altered(Part::Attachment, &format!("附件“{name}”缺失或读不出来"));
            continue;
        };
        let encrypted: Option<Vec<u8>> = key.encrypt_attachment(&plain).ok().map(|parts| parts.flatten().collect());
        let id = encrypted.map(|bytes| root(bytes.len() as u64, &manifest(&bytes)));
        if id == Some(attachment.id) {
            proved.insert(attachment.id);
        } else {
            findings.altered(Part::Attachment, &format!("附件“{name}”不是办理时提交的那一份"));
        }
    }
    proved.len() as u64
}

/// The summary is the one that follows from the entries.
fn check_summary<R: Read + Seek>(
    archive: &mut Archive<'_, R>,
    follows: &Summary,
    manifest: &proto::CaseFileManifest,
    findings: &mut Findings,
) {
    let json = read(archive, SUMMARY_JSON).and_then(|bytes| serde_json::from_slice::<Summary>(&bytes).ok());
    if json.as_ref() != Some(follows) {
        findings.altered(Part::Summary, "摘要（summary.json）与办理记录不一致");
    }
    // Another version may word it otherwise; then the manifest alone stands for it.
    let same_program = manifest.program == env!("CARGO_PKG_VERSION");
    if same_program && read(archive, SUMMARY_HTML).is_none_or(|bytes| bytes != html::page(follows).as_bytes()) {
        findings.altered(Part::Summary, "摘要（summary.html）与办理记录不一致");
    }
}
