//! A station that writes one log, for checks.

use bytes::Bytes;
use sanji_log::seal::public_key;
use sanji_log::{CaseId, EntryDraft, Hash, HybridTime, LogId, Reach, Run, Seal, SigningKey, StationCode};

use crate::contract::{Commit, Extension};

/// Writes the private log of a village.
#[derive(Debug, Clone)]
pub struct Writer {
    key: SigningKey,
    log: LogId,
    head: Option<(u64, Hash)>,
    time: HybridTime,
}

impl Writer {
    /// The same `seed` gives the same keys, hence the same log.
    #[must_use]
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let log = LogId { reach: Reach::Private, home: home(), key: public_key(&key) };
        Self { key, log, head: None, time: HybridTime::from_millis(1_700_000_000_000) }
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> LogId {
        self.log
    }

    /// Its signing key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Position and hash of its last entry.
    #[must_use]
    pub fn head(&self) -> Option<(u64, Hash)> {
        self.head
    }

    /// Extends the log by one entry for each body, and seals it.
    pub fn extend(&mut self, entries: &[(Option<CaseId>, &[u8])]) -> Extension {
        let extends = self.head;
        let mut written = Vec::new();
        for (case, body) in entries {
            self.time = self.time.next(0);
            let draft = EntryDraft {
                case: *case,
                actor: String::new(),
                kind: 1,
                body: Bytes::copy_from_slice(body),
                attachments: Vec::new(),
                opens_case: false,
            };
            let entry = draft.chain(self.log, self.head, self.time);
            self.head = Some((self.head.map_or(1, |(seq, _)| seq + 1), entry.hash()));
            written.push(entry);
        }
        let (seq, hash) = self.head.expect("at least one entry");
        Extension {
            extends,
            run: Run { log: self.log, entries: written, seal: Seal::sign(&self.key, &self.log, seq, hash) },
        }
    }

    /// Extends the log by one entry, and seals it.
    pub fn extend_with(&mut self, draft: &EntryDraft) -> Extension {
        let extends = self.head;
        self.time = self.time.next(0);
        let entry = draft.chain(self.log, self.head, self.time);
        let (seq, hash) = (self.head.map_or(1, |(seq, _)| seq + 1), entry.hash());
        self.head = Some((seq, hash));
        let seal = Seal::sign(&self.key, &self.log, seq, hash);
        Extension { extends, run: Run { log: self.log, entries: vec![entry], seal } }
    }

    /// A commit of a run of `count` entries of about `size` bytes each, which belong to `case`.
    pub fn commit(&mut self, case: Option<CaseId>, count: usize, size: usize) -> Commit {
        let first = self.head.map_or(0, |(seq, _)| seq);
        let bodies: Vec<Vec<u8>> = (0..count as u64).map(|index| body(first + index, size)).collect();
        let entries: Vec<_> = bodies.iter().map(|body| (case, body.as_slice())).collect();
        Commit { time_ms: 1_700_000_000_000 + first, extensions: vec![self.extend(&entries)], ..Commit::default() }
    }
}

/// The home of all logs here.
pub(super) fn home() -> StationCode {
    StationCode::from_number(990_106_101_203).expect("a division code")
}

/// A case of that home.
#[must_use]
pub fn case(serial: u16) -> CaseId {
    CaseId::new(home(), 9678, serial, [7; 7]).expect("a case id")
}

/// Bytes that differ from one position to the next and hold no stretch of zeros.
fn body(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
