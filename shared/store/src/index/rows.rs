//! What a commit changes in the index.

use std::collections::BTreeMap;

use bytes::Bytes;
use sanji_log::{CaseId, LogId, Receipt, Run};
use sled::IVec;

use super::Index;
use super::keys::{self, LogRow, RunRow};
use crate::bounds::ADDITION_MAX_BYTES;
use crate::contract::{Error, HeldSnapshot, Projection};
use crate::journal::Position;
use crate::record::encode_receipt;

/// Bytes of a snapshot in one row: sled puts values of more than about 8 KB into files that it never syncs.
const PART_BYTES: usize = ADDITION_MAX_BYTES;

/// Key and new value; none removes the row. As sled takes them: a commit of many cases has a row for each.
pub(crate) type Changes = Vec<(IVec, Option<IVec>)>;

/// A commit and where the journal put it.
pub(crate) struct Placed<'a> {
    pub(crate) time_ms: u64,
    pub(crate) write: Position,
    pub(crate) end: Position,
    pub(crate) runs: Vec<(Position, &'a Run)>,
    pub(crate) keys: &'a [(CaseId, Position)],
    /// Those that reach further than the ones kept.
    pub(crate) receipts: Vec<&'a Receipt>,
}

impl Placed<'_> {
    /// The changes that follow from the commit alone. `logs` gives and takes the logs' numbers and heads.
    pub(crate) fn changes(&self, logs: &mut BTreeMap<LogId, LogRow>) -> Changes {
        let mut changes = self.applied();
        for (place, run) in &self.runs {
            let head = run.head();
            let number = number_of(logs, &run.log);
            let row = LogRow { number, seq: head.seq, hash: head.hash };
            logs.insert(run.log, row);
            changes.push((keys::log(&run.log).into(), Some(row.encode().into())));
            self.place_run(number, *place, run, head.seq, &mut changes);
        }
        for (case, place) in self.keys {
            changes.push((keys::case_key(case, *place).into(), Some(IVec::default())));
        }
        for receipt in &self.receipts {
            let key = keys::receipt(&receipt.head.log, receipt.station);
            changes.push((key.into(), Some(encode_receipt(receipt).into())));
        }
        changes
    }
}

impl<'a> Placed<'a> {
    /// A write of one run and nothing else.
    pub(crate) fn of_one(write: Position, end: Position, run: (Position, &'a Run), time_ms: u64) -> Self {
        Self { time_ms, write, end, runs: vec![run], keys: &[], receipts: Vec::new() }
    }

    /// The row that says that the index has this write.
    pub(crate) fn applied(&self) -> Changes {
        vec![(keys::APPLIED.into(), Some(keys::positions(self.write, self.end).into()))]
    }

    /// The rows of a run; of cases those of entries up to `until`.
    pub(crate) fn place_run(&self, log: u32, place: Position, run: &Run, until: u64, changes: &mut Changes) {
        let count = u32::try_from(run.entries.len()).unwrap_or(u32::MAX);
        let first_seq = run.first_seq();
        let row = RunRow { first_seq, place, count, arrived_ms: self.time_ms };
        changes.push((keys::run(log, first_seq).into(), Some(row.encode().into())));
        let mut entries: Vec<(CaseId, u32)> = (0..)
            .zip(&run.entries)
            .take_while(|(index, _)| first_seq + u64::from(*index) <= until)
            .filter_map(|(index, entry)| Some((entry.case().case?, index)))
            .collect();
        entries.sort_unstable();
        let mut value = Vec::new();
        for of_case in entries.chunk_by(|(left, _), (right, _)| left == right) {
            let Some((case, _)) = of_case.first() else { continue };
            let of_case = of_case.iter().map(|(_, index)| *index);
            keys::put_case_run(&mut value, self.time_ms, count, of_case);
            changes.push((keys::case_run(case, place)[..].into(), Some(value[..].into())));
        }
    }
}

/// The changes of a projection.
pub(crate) fn projection(index: &Index, projection: &Projection) -> Result<Changes, Error> {
    let mut changes = Changes::new();
    for snapshot in &projection.cases {
        let held = index.get(&keys::snapshot_part(&snapshot.case, 0))?.and_then(|first| checksum_in(&first));
        if snapshot.is_addition {
            let whole = held.ok_or(Error::Invalid { what: "an addition to a snapshot that is not there" })?;
            let number = next_addition(index, &snapshot.case, whole)?;
            let number = number.ok_or(Error::Invalid { what: "too many additions" })?;
            let key = keys::addition(&snapshot.case, whole, number);
            changes.push((key.into(), Some(snapshot.bytes[..].into())));
            continue;
        }
        if let Some(before) = held {
            changes.extend(additions(index, &snapshot.case, before)?.into_iter().map(|(key, _)| (key.into(), None)));
        }
        let parts: Vec<&[u8]> = snapshot.bytes.chunks(PART_BYTES).collect();
        let count = u16::try_from(parts.len().max(1)).map_err(|_| Error::Invalid { what: "a snapshot too large" })?;
        for part in 0..count {
            let mut value = Vec::with_capacity(PART_BYTES + 6);
            if part == 0 {
                value.extend_from_slice(&count.to_be_bytes());
                value.extend_from_slice(&crc32c::crc32c(&snapshot.bytes).to_be_bytes());
            }
            value.extend_from_slice(parts.get(usize::from(part)).copied().unwrap_or_default());
            changes.push((keys::snapshot_part(&snapshot.case, part).into(), Some(value.into())));
        }
        // Parts of a longer snapshot before it stay and are never read: cases seldom shrink, and looking for such
        // parts would cost a read of the index for each snapshot.
    }
    for row in &projection.rows {
        changes.push((keys::list_row(&row.list, &row.key).into(), row.value.as_deref().map(IVec::from)));
    }
    Ok(changes)
}

/// Reads a snapshot and its additions. A commit between two of its parts shows in the checksum; then it is read again.
/// So it is where another has taken its place before the additions were read.
pub(crate) fn snapshot(index: &Index, case: &CaseId) -> Result<Option<HeldSnapshot>, Error> {
    const ATTEMPTS: u32 = 16;
    for _ in 0..ATTEMPTS {
        let first_key = keys::snapshot_part(case, 0);
        let Some(first) = index.get(&first_key)? else { return Ok(None) };
        let Some((head, start)) = first.split_at_checked(6) else { break };
        let mut bytes = start.to_vec();
        for part in 1..parts_in(&first) {
            bytes.extend_from_slice(&index.get(&keys::snapshot_part(case, part))?.unwrap_or_default());
        }
        let checksum = crc32c::crc32c(&bytes);
        if checksum.to_be_bytes() == head[2..] {
            let additions = additions(index, case, checksum)?.into_iter().map(|(_, bytes)| bytes).collect();
            if index.get(&first_key)?.is_some_and(|now| now == first) {
                return Ok(Some(HeldSnapshot { whole: bytes.into(), additions }));
            }
        }
    }
    Err(Error::Damaged { what: format!("snapshot of case {case} in the index") })
}

/// Keys and values of what was added to the snapshot of this checksum.
fn additions(index: &Index, case: &CaseId, whole: u32) -> Result<Vec<(Vec<u8>, Bytes)>, Error> {
    let from = keys::additions(case, whole);
    let mut found = Vec::new();
    index.scan(&from, &keys::prefix_end(&from), false, &mut |key, value| {
        found.push((key.to_vec(), Bytes::copy_from_slice(value)));
        true
    })?;
    Ok(found)
}

/// The number of what is added next to the snapshot of this checksum; none after the last possible one.
fn next_addition(index: &Index, case: &CaseId, whole: u32) -> Result<Option<u16>, Error> {
    let from = keys::additions(case, whole);
    let mut next = Some(0);
    index.scan(&from, &keys::prefix_end(&from), true, &mut |key, _| {
        next = keys::number_of_addition(key).and_then(|last| last.checked_add(1));
        false
    })?;
    Ok(next)
}

fn checksum_in(first: &[u8]) -> Option<u32> {
    first.get(2..6).and_then(|checksum| checksum.try_into().ok()).map(u32::from_be_bytes)
}

fn parts_in(first: &[u8]) -> u16 {
    first.get(..2).and_then(|count| count.try_into().ok()).map_or(0, u16::from_be_bytes)
}

/// Numbers are given in the order in which logs appear, so that a rebuild gives the same.
fn number_of(logs: &BTreeMap<LogId, LogRow>, log: &LogId) -> u32 {
    logs.get(log).map_or_else(|| u32::try_from(logs.len()).unwrap_or(u32::MAX), |row| row.number)
}
