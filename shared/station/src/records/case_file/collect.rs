//! Evidence of a case as a station holds it: entries with the seals over them, receipts, certificates.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use sanji_domain::case::Case;
use sanji_log::{AttachmentRef, EntryBytes, LogId, PublicKey, Seal, StationCode};
use sanji_proto::v1 as proto;

use super::summary::words_of_item;
use crate::core::Reader;
use crate::error::{Error, store, stored};
use crate::views;

/// What goes into a case file, and the attachments that are to be written.
pub(super) struct Collected {
    pub(super) evidence: proto::CaseFileEvidence,
    /// In the order in which entries name them.
    pub(super) attachments: Vec<AttachmentRef>,
    /// Entries of the case.
    pub(super) entries: u64,
}

/// Entries of the case in one log, by position.
type Positions = BTreeMap<u64, EntryBytes>;

impl Reader {
    /// Collects what proves a case. `neighbours`: also the entries of other cases up to the next seal.
    pub(super) fn collect(&self, case: &Case, neighbours: bool) -> Result<Collected, Error> {
        let mut by_log: BTreeMap<LogId, Positions> = BTreeMap::new();
        let mut attachments: Vec<AttachmentRef> = Vec::new();
        let held = self.store().case_entries(&case.id()).map_err(store("read the entries of a case"))?;
        let entries = held.len() as u64;
        for held in held {
            let entry = held.entry.decode().map_err(stored("entry"))?;
            for attachment in &entry.attachments {
                if !attachments.iter().any(|known| known.id == attachment.id) {
                    attachments.push(*attachment);
                }
            }
            by_log.entry(entry.log).or_default().insert(entry.seq, held.entry);
        }
        let mut evidence = proto::CaseFileEvidence { authority: self.authority_der().to_vec(), ..Default::default() };
        let mut keys: BTreeSet<PublicKey> = BTreeSet::from([self.key()]);
        for (log, positions) in by_log {
            keys.insert(log.key);
            for receipt in self.store().receipts(&log) {
                keys.insert(receipt.key);
                evidence.receipts.push(receipt.into());
            }
            let runs = self.runs(&log, positions, neighbours)?;
            evidence.logs.push(proto::EvidenceLog { log: Some(log.into()), runs });
        }
        let reference = self.reference();
        let mut stations: BTreeSet<StationCode> = case.steps().map(|facts| facts.body.holder).collect();
        for key in &keys {
            let Some(life) = reference.keys().get(key) else { continue };
            stations.insert(life.station);
            evidence.certificates.push(life.certificate_der.clone());
        }
        let name = |station: StationCode| proto::StationName {
            station: station.number(),
            name: reference.station_name(station),
        };
        evidence.stations = stations.into_iter().map(name).collect();
        if let Some((code, version)) = case.item() {
            evidence.item_file = self.published(&words_of_item(code), version)?.unwrap_or_default();
        }
        if let Some(key) = self.case_key(&case.id())? {
            evidence.case_key = key.bytes().to_vec();
            let names = views::attachment_names(self, case, &key)?;
            for attachment in &attachments {
                let name = names.get(&attachment.id);
                evidence.attachments.push(proto::EvidenceAttachment {
                    id: attachment.id.0.to_vec(),
                    name: String::new(),
                    file_name: name.map(|name| name.file_name.clone()).unwrap_or_default(),
                    media_type: name.map(|name| name.media_type.clone()).unwrap_or_default(),
                });
            }
        }
        Ok(Collected { evidence, attachments, entries })
    }

    /// The entries of one log with the nearest seals.
    fn runs(&self, log: &LogId, mut positions: Positions, neighbours: bool) -> Result<Vec<proto::EvidenceRun>, Error> {
        let mut runs = Vec::new();
        while let Some((first, _)) = positions.first_key_value() {
            let first = *first;
            let run = if log.key == self.key() {
                let entries = consecutive(&mut positions, first, u64::MAX);
                let last = entries.last().map(EntryBytes::hash).unwrap_or(sanji_log::Hash([0; 32]));
                let seal = Seal::sign(self.signing(), log, first + entries.len() as u64 - 1, last);
                proto::EvidenceRun { entries: words(entries), seal: Some(seal.into()), later_seal: None }
            } else {
                let sealed = self.store().read(log, first, 1).map_err(store("read a log"))?;
                let Some(sealed) = sealed else { break };
                let own = consecutive(&mut positions, first, sealed.seal.seq);
                if own.len() == sealed.entries.len() {
                    proto::EvidenceRun { entries: words(own), seal: Some(sealed.seal.into()), later_seal: None }
                } else if neighbours {
                    positions.retain(|seq, _| *seq > sealed.seal.seq);
                    let entries = words(sealed.entries);
                    proto::EvidenceRun { entries, seal: Some(sealed.seal.into()), later_seal: None }
                } else {
                    proto::EvidenceRun { entries: words(own), seal: None, later_seal: Some(sealed.seal.into()) }
                }
            };
            runs.push(run);
        }
        Ok(runs)
    }
}

/// Takes the entries that follow one another from `first` on, up to `last`.
fn consecutive(positions: &mut Positions, first: u64, last: u64) -> Vec<EntryBytes> {
    let mut taken = Vec::new();
    let mut next = first;
    while next <= last
        && let Some(entry) = positions.remove(&next)
    {
        taken.push(entry);
        next += 1;
    }
    taken
}

fn words(entries: Vec<EntryBytes>) -> Vec<Vec<u8>> {
    entries.into_iter().map(|entry| Bytes::into(entry.0)).collect()
}
