//! What a commit frame of the journal carries: runs with the very bytes of their entries, and receipts. All
//! numbers are little endian.
//!
//! ```text
//! commit   time_ms u64 · runs u32 · receipts u32 · run … · receipt …
//! run      crc u32 · count u32 · home u64 · reach u8 · key [32] · first u64 · prev [32] · hash [32] · signature [64]
//!          then count × (length u32 · crc u32), then the entries
//! receipt  home u64 · reach u8 · key [32] · seq u64 · hash [32] · station u64 · key [32] · time_ms u64 · signature [64]
//! ```
//!
//! A run's crc covers its head and its table, and the table has a crc for each entry: so one entry can be read
//! and checked without the rest of the frame.

use bytes::Bytes;
use sanji_log::{EntryBytes, Hash, Head, LogId, PublicKey, Reach, Receipt, Run, Seal, StationCode};

use crate::contract::{Commit, Extension};

/// Bytes of a run before its table.
pub(crate) const RUN_HEAD_BYTES: usize = 4 + 4 + 8 + 1 + 32 + 8 + 32 + 32 + 64;
/// Bytes of the table for each entry.
pub(crate) const TABLE_ROW_BYTES: usize = 8;

/// Bytes are not what this module writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// What a commit frame holds, with where each run begins in the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) time_ms: u64,
    pub(crate) runs: Vec<(u32, Extension)>,
    pub(crate) receipts: Vec<Receipt>,
}

/// Head and table of a run: enough to find each entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunTable {
    pub(crate) log: LogId,
    pub(crate) extends: Option<(u64, Hash)>,
    pub(crate) seal: Seal,
    /// For each entry: where it begins after the table, its length, its crc.
    rows: Vec<(u32, u32, u32)>,
}

/// Encodes a commit; tells where each run begins.
pub(crate) fn encode(commit: &Commit) -> (Vec<u8>, Vec<u32>) {
    let size: usize = commit.extensions.iter().map(|extension| extension.run.size()).sum();
    let mut out = Vec::with_capacity(size + 4096);
    out.extend_from_slice(&commit.time_ms.to_le_bytes());
    put_length(&mut out, commit.extensions.len());
    put_length(&mut out, commit.receipts.len());
    let mut starts = Vec::with_capacity(commit.extensions.len());
    for extension in &commit.extensions {
        starts.push(to_u32(out.len()));
        put_run(&mut out, extension);
    }
    for receipt in &commit.receipts {
        put_receipt(&mut out, receipt);
    }
    (out, starts)
}

/// Decodes a commit; the entries share the payload's memory.
pub(crate) fn decode(payload: &Bytes) -> Result<Record, Malformed> {
    let mut cursor = Cursor { bytes: payload, at: 0 };
    let time_ms = cursor.u64()?;
    let (runs, receipts) = (cursor.u32()?, cursor.u32()?);
    let mut record = Record { time_ms, runs: Vec::new(), receipts: Vec::new() };
    for _ in 0..runs {
        let start = cursor.at;
        let table = RunTable::take(&mut cursor)?;
        let entries = table
            .rows
            .iter()
            .map(|(_, length, crc)| {
                let at = cursor.at;
                checked_entry(cursor.take(*length as usize)?, *crc)?;
                Ok(EntryBytes(payload.slice(at..cursor.at)))
            })
            .collect::<Result<Vec<_>, Malformed>>()?;
        let run = Run { log: table.log, entries, seal: table.seal };
        record.runs.push((to_u32(start), Extension { extends: table.extends, run }));
    }
    for _ in 0..receipts {
        record.receipts.push(take_receipt(&mut cursor)?);
    }
    if cursor.at == payload.len() { Ok(record) } else { Err(Malformed("bytes are left over")) }
}

/// Encodes a receipt.
pub(crate) fn encode_receipt(receipt: &Receipt) -> Vec<u8> {
    let mut out = Vec::with_capacity(200);
    put_receipt(&mut out, receipt);
    out
}

/// Decodes a receipt.
pub(crate) fn decode_receipt(bytes: &[u8]) -> Result<Receipt, Malformed> {
    take_receipt(&mut Cursor { bytes, at: 0 })
}

impl RunTable {
    /// Bytes of a run's head and table.
    pub(crate) fn size(count: u32) -> usize {
        RUN_HEAD_BYTES + count as usize * TABLE_ROW_BYTES
    }

    /// Decodes and checks head and table.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::take(&mut Cursor { bytes, at: 0 })
    }

    fn take(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let crc = cursor.u32()?;
        let checked_from = cursor.at;
        let count = cursor.u32()?;
        let log = take_log(cursor)?;
        let first = cursor.u64()?;
        let prev = Hash(cursor.array()?);
        let hash = Hash(cursor.array()?);
        let signature = cursor.array()?;
        let mut rows = Vec::new();
        let mut start = 0u32;
        for _ in 0..count {
            let (length, crc) = (cursor.u32()?, cursor.u32()?);
            rows.push((start, length, crc));
            start = start.checked_add(length).ok_or(Malformed("a run is too long"))?;
        }
        if crc32c::crc32c(&cursor.bytes[checked_from..cursor.at]) != crc {
            return Err(Malformed("the checksum of a run's head is wrong"));
        }
        if first == 0 || count == 0 {
            return Err(Malformed("a run is empty"));
        }
        let seal = Seal { seq: first - 1 + u64::from(count), hash, signature };
        Ok(Self { log, extends: (first > 1).then_some((first - 1, prev)), seal, rows })
    }

    /// How many entries there are.
    pub(crate) fn count(&self) -> u32 {
        to_u32(self.rows.len())
    }

    /// Position of the first entry.
    pub(crate) fn first_seq(&self) -> u64 {
        self.extends.map_or(1, |(seq, _)| seq + 1)
    }

    /// Where an entry's bytes begin after the table, and how many there are; `index` counts from 0.
    pub(crate) fn place(&self, index: usize) -> Option<(u32, u32)> {
        self.rows.get(index).map(|(start, length, _)| (*start, *length))
    }

    /// Where all entries from `index` on begin after the table, and how many bytes they are.
    pub(crate) fn place_from(&self, index: usize) -> Option<(u32, u32)> {
        let (start, ..) = self.rows.get(index)?;
        let (last, length, _) = self.rows.last()?;
        Some((*start, last + length - start))
    }

    /// Checks the bytes of one entry.
    pub(crate) fn check(&self, index: usize, bytes: &[u8]) -> Result<(), Malformed> {
        let (_, length, crc) = self.rows.get(index).ok_or(Malformed("an entry is missing"))?;
        if bytes.len() != *length as usize {
            return Err(Malformed("an entry is cut short"));
        }
        checked_entry(bytes, *crc).map(|_| ())
    }
}

fn checked_entry(bytes: &[u8], crc: u32) -> Result<&[u8], Malformed> {
    if crc32c::crc32c(bytes) == crc { Ok(bytes) } else { Err(Malformed("the checksum of an entry is wrong")) }
}

fn put_run(out: &mut Vec<u8>, extension: &Extension) {
    let run = &extension.run;
    let crc_at = out.len();
    out.extend_from_slice(&[0; 4]);
    put_length(out, run.entries.len());
    put_log(out, &run.log);
    out.extend_from_slice(&run.first_seq().to_le_bytes());
    out.extend_from_slice(&extension.extends.map_or([0; 32], |(_, hash)| hash.0));
    out.extend_from_slice(&run.seal.hash.0);
    out.extend_from_slice(&run.seal.signature);
    for entry in &run.entries {
        put_length(out, entry.0.len());
        out.extend_from_slice(&crc32c::crc32c(&entry.0).to_le_bytes());
    }
    let crc = crc32c::crc32c(&out[crc_at + 4..]);
    out[crc_at..crc_at + 4].copy_from_slice(&crc.to_le_bytes());
    for entry in &run.entries {
        out.extend_from_slice(&entry.0);
    }
}

fn put_receipt(out: &mut Vec<u8>, receipt: &Receipt) {
    put_log(out, &receipt.head.log);
    out.extend_from_slice(&receipt.head.seq.to_le_bytes());
    out.extend_from_slice(&receipt.head.hash.0);
    out.extend_from_slice(&receipt.station.number().to_le_bytes());
    out.extend_from_slice(&receipt.key.0);
    out.extend_from_slice(&receipt.time_ms.to_le_bytes());
    out.extend_from_slice(&receipt.signature);
}

fn take_receipt(cursor: &mut Cursor<'_>) -> Result<Receipt, Malformed> {
    Ok(Receipt {
        head: Head { log: take_log(cursor)?, seq: cursor.u64()?, hash: Hash(cursor.array()?) },
        station: take_station(cursor)?,
        key: PublicKey(cursor.array()?),
        time_ms: cursor.u64()?,
        signature: cursor.array()?,
    })
}

/// Encodes a log's name: 41 bytes.
pub(crate) fn put_log(out: &mut Vec<u8>, log: &LogId) {
    out.extend_from_slice(&log.home.number().to_le_bytes());
    out.push(log.reach.number());
    out.extend_from_slice(&log.key.0);
}

/// Decodes a log's name.
pub(crate) fn decode_log(bytes: &[u8]) -> Result<LogId, Malformed> {
    take_log(&mut Cursor { bytes, at: 0 })
}

fn take_log(cursor: &mut Cursor<'_>) -> Result<LogId, Malformed> {
    let home = take_station(cursor)?;
    let [reach] = cursor.array()?;
    let reach = Reach::from_number(reach.into()).map_err(|_| Malformed("a reach is unknown"))?;
    Ok(LogId { reach, home, key: PublicKey(cursor.array()?) })
}

fn take_station(cursor: &mut Cursor<'_>) -> Result<StationCode, Malformed> {
    StationCode::from_number(cursor.u64()?).map_err(|_| Malformed("a division code is wrong"))
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&to_u32(length).to_le_bytes());
}

/// Lengths within a frame; the journal refuses commits of 2 GB and more before they are encoded.
fn to_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count).ok_or(Malformed("bytes are missing"))?;
        let taken = self.bytes.get(self.at..end).ok_or(Malformed("bytes are missing"))?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed("bytes are missing"))
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }
}
