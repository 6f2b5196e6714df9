//! The rows of the index: one tree, a letter before each kind. Numbers in keys are big endian, so that rows
//! sort by them.
//!
//! ```text
//! A                                    applied: write u64, end u64 of the last commit in the index
//! P                                    projected: position up to which projections are in the index
//! L log[41]                            number u32, head seq u64, head hash[32]
//! R log number u32, first seq u64      place of the run u64, entries u32, time of arrival u64
//! C case[16], place of the run u64     time of arrival u64, entries of the run u32, index in the run of each
//!                                      entry of the case u32 …
//! K case[16], place of the frame u64   empty
//! T log[41], station u64               receipt
//! S case[16], part u16                 part 0: parts u16, crc u32 of the whole; then bytes
//! W list, 0, key                       value
//! M log[41], first seq u64             last seq u64: entries that can't be read
//! ```

use sanji_log::{CaseId, Hash, LogId, StationCode};

use crate::journal::Position;
use crate::record::{decode_log, put_log};

pub(crate) const APPLIED: &[u8] = b"A";
pub(crate) const PROJECTED: &[u8] = b"P";
pub(crate) const LOGS: &[u8] = b"L";
pub(crate) const RECEIPTS: &[u8] = b"T";
pub(crate) const MISSING: &[u8] = b"M";
pub(crate) const RUNS: &[u8] = b"R";

/// A log as the index names it, and its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogRow {
    pub(crate) number: u32,
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunRow {
    pub(crate) first_seq: u64,
    pub(crate) place: Position,
    pub(crate) count: u32,
    pub(crate) arrived_ms: u64,
}

/// Entries of a case in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaseRow {
    pub(crate) place: Position,
    pub(crate) arrived_ms: u64,
    /// Entries of the whole run.
    pub(crate) count: u32,
    /// Which of them are the case's, counted from 0.
    pub(crate) entries: Vec<u32>,
}

/// The first key after all that begin with `prefix`, which is not all 255.
pub(crate) fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

pub(crate) fn log(log: &LogId) -> Vec<u8> {
    let mut key = LOGS.to_vec();
    put_log(&mut key, log);
    key
}

pub(crate) fn parse_log(key: &[u8]) -> Option<LogId> {
    decode_log(key.strip_prefix(LOGS)?).ok()
}

impl LogRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut value = self.number.to_be_bytes().to_vec();
        value.extend_from_slice(&self.seq.to_be_bytes());
        value.extend_from_slice(&self.hash.0);
        value
    }

    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        Some(Self { number: u32_at(value, 0)?, seq: u64_at(value, 4)?, hash: Hash(value.get(12..)?.try_into().ok()?) })
    }
}

pub(crate) fn runs(log: u32) -> Vec<u8> {
    [b"R".as_slice(), &log.to_be_bytes()].concat()
}

pub(crate) fn run(log: u32, first_seq: u64) -> Vec<u8> {
    let mut key = runs(log);
    key.extend_from_slice(&first_seq.to_be_bytes());
    key
}

impl RunRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut value = self.place.number().to_be_bytes().to_vec();
        value.extend_from_slice(&self.count.to_be_bytes());
        value.extend_from_slice(&self.arrived_ms.to_be_bytes());
        value
    }

    pub(crate) fn decode(key: &[u8], value: &[u8]) -> Option<Self> {
        Some(Self {
            first_seq: u64_at(key, 5)?,
            place: Position::from_number(u64_at(value, 0)?),
            count: u32_at(value, 8)?,
            arrived_ms: u64_at(value, 12)?,
        })
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.first_seq + u64::from(self.count) - 1
    }
}

pub(crate) fn case(case: &CaseId) -> Vec<u8> {
    [b"C".as_slice(), &case.0].concat()
}

pub(crate) fn case_run(id: &CaseId, place: Position) -> Vec<u8> {
    let mut key = case(id);
    key.extend_from_slice(&place.number().to_be_bytes());
    key
}

impl CaseRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut value = self.arrived_ms.to_be_bytes().to_vec();
        value.extend_from_slice(&self.count.to_be_bytes());
        for entry in &self.entries {
            value.extend_from_slice(&entry.to_be_bytes());
        }
        value
    }

    pub(crate) fn decode(key: &[u8], value: &[u8]) -> Option<Self> {
        let (_, entries) = value.split_at_checked(12)?;
        Some(Self {
            place: Position::from_number(u64_at(key, 17)?),
            arrived_ms: u64_at(value, 0)?,
            count: u32_at(value, 8)?,
            entries: entries.chunks_exact(4).filter_map(|entry| u32_at(entry, 0)).collect(),
        })
    }
}

pub(crate) fn case_keys(case: &CaseId) -> Vec<u8> {
    [b"K".as_slice(), &case.0].concat()
}

pub(crate) fn case_key(case: &CaseId, place: Position) -> Vec<u8> {
    let mut key = case_keys(case);
    key.extend_from_slice(&place.number().to_be_bytes());
    key
}

pub(crate) fn parse_case_key(key: &[u8]) -> Option<Position> {
    u64_at(key, 17).map(Position::from_number)
}

pub(crate) fn receipt(log: &LogId, station: StationCode) -> Vec<u8> {
    let mut key = RECEIPTS.to_vec();
    put_log(&mut key, log);
    key.extend_from_slice(&station.number().to_be_bytes());
    key
}

pub(crate) fn snapshots(prefix: &[u8]) -> Vec<u8> {
    [b"S".as_slice(), prefix].concat()
}

pub(crate) fn snapshot_part(case: &CaseId, part: u16) -> Vec<u8> {
    let mut key = snapshots(&case.0);
    key.extend_from_slice(&part.to_be_bytes());
    key
}

pub(crate) fn parse_snapshot_part(key: &[u8]) -> Option<(CaseId, u16)> {
    let part = u16::from_be_bytes(key.get(17..)?.try_into().ok()?);
    Some((CaseId(key.get(1..17)?.try_into().ok()?), part))
}

pub(crate) fn list(list: &[u8]) -> Vec<u8> {
    [b"W".as_slice(), list, &[0]].concat()
}

pub(crate) fn list_row(name: &[u8], key: &[u8]) -> Vec<u8> {
    [&list(name), key].concat()
}

pub(crate) fn missing(log: &LogId, from: u64) -> Vec<u8> {
    let mut key = MISSING.to_vec();
    put_log(&mut key, log);
    key.extend_from_slice(&from.to_be_bytes());
    key
}

/// Log, first and last seq of a row of missing entries.
pub(crate) fn parse_missing(key: &[u8], value: &[u8]) -> Option<(LogId, u64, u64)> {
    Some((decode_log(key.get(1..42)?).ok()?, u64_at(key, 42)?, u64_at(value, 0)?))
}

/// The log's number of a row of a run.
pub(crate) fn log_of_run(key: &[u8]) -> Option<u32> {
    u32_at(key, 1)
}

pub(crate) fn positions(write: Position, end: Position) -> Vec<u8> {
    [write.number().to_be_bytes(), end.number().to_be_bytes()].concat()
}

pub(crate) fn parse_positions(value: &[u8]) -> Option<(Position, Position)> {
    Some((Position::from_number(u64_at(value, 0)?), Position::from_number(u64_at(value, 8)?)))
}

pub(crate) fn position(at: Position) -> Vec<u8> {
    at.number().to_be_bytes().to_vec()
}

pub(crate) fn parse_position(value: &[u8]) -> Option<Position> {
    u64_at(value, 0).map(Position::from_number)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
