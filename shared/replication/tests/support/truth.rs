//! The logs as their writers wrote them.

use std::collections::BTreeMap;

use bytes::Bytes;
use sanji_log::{
    CaseId, EntryBytes, EntryDraft, Hash, Have, Head, HybridTime, LogId, Reach, Run, Seal, SigningKey, StationCode,
};
use sanji_replication::CaseKeyMessage;

/// Every entry ever written, and where the writers sealed.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    logs: BTreeMap<LogId, Written>,
}

#[derive(Debug, Clone, Default)]
struct Written {
    entries: Vec<(EntryBytes, Hash)>,
    seals: BTreeMap<u64, Seal>,
}

impl Truth {
    pub fn logs(&self) -> impl Iterator<Item = LogId> + '_ {
        self.logs.keys().copied()
    }

    pub fn len(&self, log: &LogId) -> u64 {
        self.logs.get(log).map_or(0, |written| written.entries.len() as u64)
    }

    /// Writes a run of entries with bodies of the given sizes. The first entry opens a case in private logs.
    pub fn write(&mut self, key: &SigningKey, log: LogId, sizes: &[usize]) -> Head {
        let written = self.logs.entry(log).or_default();
        for size in sizes {
            let seq = written.entries.len() as u64 + 1;
            let case = case_of(log.home, seq).filter(|_| log.reach == Reach::Private);
            let draft = EntryDraft {
                case,
                actor: String::new(),
                kind: 1000,
                body: Bytes::from(vec![seq as u8; *size]),
                attachments: vec![],
                opens_case: case.is_some() && seq % 3 == 1,
            };
            let prev = written.entries.last().map(|(_, hash)| (seq - 1, *hash));
            let bytes = draft.chain(log, prev, HybridTime::from_number(seq));
            let hash = bytes.hash();
            written.entries.push((bytes, hash));
        }
        let seq = written.entries.len() as u64;
        let hash = written.entries.last().unwrap().1;
        written.seals.insert(seq, Seal::sign(key, &log, seq, hash));
        Head { log, seq, hash }
    }

    pub fn head(&self, log: LogId, seq: u64) -> Head {
        Head { log, seq, hash: self.logs[&log].entries[seq as usize - 1].1 }
    }

    /// The first sealed position from `seq` on.
    pub fn sealed_from(&self, log: &LogId, seq: u64) -> Option<u64> {
        self.logs.get(log)?.seals.range(seq..).next().map(|(seq, _)| *seq)
    }

    /// As a store reads: whole sealed runs, at least one, at most `max_bytes`, up to `until`.
    pub fn read(&self, log: &LogId, from: u64, until: u64, max_bytes: usize) -> Option<Run> {
        let written = self.logs.get(log).filter(|_| from <= until)?;
        let mut best = None;
        for (end, seal) in written.seals.range(from..=until) {
            let entries: Vec<_> =
                written.entries[from as usize - 1..*end as usize].iter().map(|(entry, _)| entry.clone()).collect();
            let run = Run { log: *log, entries, seal: *seal };
            if best.is_some() && run.size() > max_bytes {
                break;
            }
            best = Some(run);
        }
        best
    }

    /// Whether every entry of a run is the one that was written there.
    pub fn contains(&self, run: &Run) -> bool {
        let first = run.first_seq() as usize;
        self.logs.get(&run.log).is_some_and(|written| {
            written
                .entries
                .get(first - 1..first - 1 + run.entries.len())
                .is_some_and(|entries| entries.iter().zip(&run.entries).all(|((written, _), got)| written == got))
        })
    }

    pub fn have(&self, held: &BTreeMap<LogId, u64>) -> Have {
        held.iter().filter(|(_, seq)| **seq > 0).map(|(log, seq)| self.head(*log, *seq)).collect()
    }
}

/// A case for the entry at a position.
fn case_of(home: StationCode, seq: u64) -> Option<CaseId> {
    CaseId::new(home, 1, u16::try_from(seq.div_ceil(3)).ok()?, [0; 7]).ok()
}

/// The keys that travel with a run.
pub fn case_keys(run: &Run) -> Vec<CaseKeyMessage> {
    let opened = run.entries.iter().map(|entry| entry.decode().unwrap()).filter(|entry| entry.opens_case);
    opened.map(|entry| CaseKeyMessage { case: entry.case.unwrap(), key: Some([entry.seq as u8; 32]) }).collect()
}
