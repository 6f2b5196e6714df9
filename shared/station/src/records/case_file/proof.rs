//! What the evidence of a case file proves: certificates, chains, seals, receipts.

use std::collections::{BTreeMap, BTreeSet};

use sanji_link::check_certificate;
use sanji_log::{CaseId, Entry, EntryBytes, LogId, PublicKey, Receipt, Seal, StationCode};
use sanji_proto::v1 as proto;

use super::verify::{Findings, Part};

/// Which station each certified key is. Certificates that do not hold are passed over.
pub(super) fn writers(evidence: &proto::CaseFileEvidence) -> BTreeMap<PublicKey, StationCode> {
    let certified = evidence.certificates.iter();
    let certified = certified.filter_map(|der| check_certificate(der, &evidence.authority, None).ok());
    certified.map(|certified| (certified.key, certified.station)).collect()
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Proved {
    /// Entries of the case.
    pub(super) entries: u64,
    /// Of these, those that their writer's seal covers, through a chain that is in the file.
    pub(super) sealed: u64,
    /// Of these, those for which the station that wrote the file vouches.
    pub(super) vouched: u64,
    /// Entries of other cases.
    pub(super) neighbours: u64,
    /// Receipts that hold.
    pub(super) receipts: u64,
}

/// Checks certificates, entries, seals and receipts.
pub(super) fn check(
    case: CaseId,
    evidence: &proto::CaseFileEvidence,
    writers: &BTreeMap<PublicKey, StationCode>,
    findings: &mut Findings,
) -> (Proved, Vec<Entry>) {
    let mut proved = Proved::default();
    let mut entries = Vec::new();
    for der in &evidence.certificates {
        if let Err(error) = check_certificate(der, &evidence.authority, None) {
            let reason = &error as &dyn std::error::Error;
            tracing::debug!(reason, "a certificate does not hold");
            findings.altered(Part::Certificate, "有一张站点证书不是区中心签发的，或者被改动过");
        }
    }
    let mut known_logs = BTreeSet::new();
    for evidence_log in &evidence.logs {
        let Some(log) = evidence_log.log.clone().and_then(|log| LogId::try_from(log).ok()) else {
            findings.altered(Part::Entry, "有一组记录没有注明属于哪本账");
            continue;
        };
        if !known_logs.insert(log) {
            findings.altered(Part::Entry, "同一本账的记录出现了两次");
        }
        match writers.get(&log.key) {
            None => findings.missing(Part::Certificate, &format!("缺少密钥{:?}的站点证书，不能证明是谁写的", log.key)),
            Some(station) if !log.writable_by(*station) => {
                findings.altered(Part::Entry, &format!("{station}无权在{}的账本里写记录", log.home));
            }
            Some(_) => {}
        }
        let mut last = 0;
        for run in &evidence_log.runs {
            let read = check_run(&log, run, findings);
            if read.first().is_some_and(|first| first.seq <= last) {
                findings.altered(Part::Entry, "记录的次序不对");
            }
            last = read.last().map_or(last, |entry| entry.seq);
            let (own, others): (Vec<Entry>, Vec<Entry>) = read.into_iter().partition(|entry| entry.case == Some(case));
            proved.neighbours += others.len() as u64;
            proved.entries += own.len() as u64;
            match run.seal {
                Some(_) => proved.sealed += own.len() as u64,
                None => proved.vouched += own.len() as u64,
            }
            entries.extend(own);
        }
    }
    for message in &evidence.receipts {
        let receipt = Receipt::try_from(message.clone()).ok().filter(|receipt| receipt.verify().is_ok());
        match receipt {
            Some(receipt) if writers.get(&receipt.key) == Some(&receipt.station) => proved.receipts += 1,
            Some(receipt) if !writers.contains_key(&receipt.key) => {
                findings.missing(Part::Receipt, &format!("缺少{}的证书，它的一份回执不能证明", receipt.station));
            }
            _ => findings.altered(Part::Receipt, "有一份回执的签名不对"),
        }
    }
    (proved, entries)
}

/// Reads the entries of a run: each follows the one before it, and the seal covers the last.
fn check_run(log: &LogId, run: &proto::EvidenceRun, findings: &mut Findings) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::with_capacity(run.entries.len());
    for bytes in &run.entries {
        let Ok(entry) = EntryBytes(bytes.clone().into()).decode() else {
            findings.altered(Part::Entry, "有一条记录读不出来");
            return entries;
        };
        let follows = entries.last().is_none_or(|last| entry.prev == Some(last.hash) && entry.seq == last.seq + 1);
        if entry.log != *log || !follows {
            findings.altered(Part::Entry, &format!("第{}条记录与它前面的记录接不上", entry.seq));
            return entries;
        }
        entries.push(entry);
    }
    let Some(last) = entries.last() else {
        findings.altered(Part::Entry, "有一组记录是空的");
        return entries;
    };
    let read = |seal: &proto::Seal| Seal::try_from(seal.clone()).ok().filter(|seal| seal.verify(log).is_ok());
    let fits = match (&run.seal, &run.later_seal) {
        (Some(seal), None) => read(seal).is_some_and(|seal| (seal.seq, seal.hash) == (last.seq, last.hash)),
        (None, Some(later)) => read(later).is_some_and(|seal| seal.seq > last.seq),
        _ => false,
    };
    if !fits {
        findings.altered(Part::Seal, &format!("{}第{}条记录的签章不对", log.home, last.seq));
    }
    entries
}
