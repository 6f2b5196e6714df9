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
//! C case[16], place of the first u64   1 u8, then for each of several runs: place u64, length u16, the value above
//! K case[16], place of the frame u64   empty
//! T log[41], station u64               receipt
//! S case[16], part u16                 part 0: parts u16, crc u32 of the whole; then bytes
//! D case[16], crc u32, number u16        addition to the snapshot of that checksum
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

pub(crate) fn case_run(id: &CaseId, place: Position) -> [u8; 25] {
    let mut key = [b'C'; 25];
    key[1..17].copy_from_slice(&id.0);
    key[17..].copy_from_slice(&place.number().to_be_bytes());
    key
}

/// Writes the value of a case's row of one run: entries of the whole run, and which of them are the case's.
pub(crate) fn put_case_run(value: &mut Vec<u8>, arrived_ms: u64, count: u32, entries: impl Iterator<Item = u32>) {
    value.clear();
    value.extend_from_slice(&arrived_ms.to_be_bytes());
    value.extend_from_slice(&count.to_be_bytes());
    entries.for_each(|entry| value.extend_from_slice(&entry.to_be_bytes()));
}

impl CaseRow {
    fn decode(place: Position, value: &[u8]) -> Option<Self> {
        let (_, entries) = value.split_at_checked(12)?;
        Some(Self {
            place,
            arrived_ms: u64_at(value, 0)?,
            count: u32_at(value, 8)?,
            entries: entries.chunks_exact(4).filter_map(|entry| u32_at(entry, 0)).collect(),
        })
    }

    /// The runs of a row.
    pub(crate) fn decode_all(key: &[u8], value: &[u8]) -> Vec<Self> {
        parts(key, value).filter_map(|(place, value)| Self::decode(place, value)).collect()
    }
}

/// First byte of a row of several runs. That of one begins with a time, so with 0 for some million years.
const SEVERAL: u8 = 1;

/// Place and value of each run of a case's row.
fn parts<'a>(key: &[u8], value: &'a [u8]) -> impl Iterator<Item = (Position, &'a [u8])> {
    let (alone, mut rest) = match value.strip_prefix(&[SEVERAL]) {
        Some(rest) => (None, rest),
        None => (u64_at(key, 17).map(|place| (Position::from_number(place), value)), &[][..]),
    };
    let of_several = std::iter::from_fn(move || {
        let (place, length) = (u64_at(rest, 0)?, u16_at(rest, 8)?);
        let (part, after) = rest.get(10..)?.split_at_checked(length.into())?;
        rest = after;
        Some((Position::from_number(place), part))
    });
    alone.into_iter().chain(of_several)
}

/// Adds a run to a row of several. None: longer than any run is.
fn put_part(row: &mut Vec<u8>, place: Position, part: &[u8]) -> Option<()> {
    let length = u16::try_from(part.len()).ok()?;
    row.extend_from_slice(&place.number().to_be_bytes());
    row.extend_from_slice(&length.to_be_bytes());
    row.extend_from_slice(part);
    Some(())
}

/// Makes one row of those of a case, each with its key and value, as far as they fit into `max_bytes`: the key of the
/// first and a value, and how many are in it. None: nothing to gain.
pub(crate) fn merged<'a>(
    rows: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    max_bytes: usize,
) -> Option<(&'a [u8], Vec<u8>, usize)> {
    let (first, _) = rows.clone().next().filter(|(key, _)| key.starts_with(b"C"))?;
    let of_case = rows.take_while(|(key, _)| key.get(..17) == first.get(..17));
    // Measured beforehand: most rows stay alone, and for those nothing is to be copied.
    let (mut bytes, mut taken) = (1, 0);
    for (key, value) in of_case.clone() {
        let with = bytes + parts(key, value).map(|(_, part)| 10 + part.len()).sum::<usize>();
        if with > max_bytes {
            break;
        }
        (bytes, taken) = (with, taken + 1);
    }
    if taken < 2 {
        return None;
    }
    let mut merged = Vec::with_capacity(bytes);
    merged.push(SEVERAL);
    for (place, part) in of_case.take(taken).flat_map(|(key, value)| parts(key, value)) {
        put_part(&mut merged, place, part)?;
    }
    Some((first, merged, taken))
}

/// The value of a case's row without one of its runs: none where nothing is left. The outer none: the run is not in it.
pub(crate) fn without(key: &[u8], value: &[u8], place: Position) -> Option<Option<Vec<u8>>> {
    if parts(key, value).all(|(of, _)| of != place) {
        return None;
    }
    let mut left = vec![SEVERAL];
    for (of, part) in parts(key, value).filter(|(of, _)| *of != place) {
        put_part(&mut left, of, part)?;
    }
    Some((left.len() > 1).then_some(left))
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

/// What was added to the snapshot of this checksum.
pub(crate) fn additions(case: &CaseId, whole: u32) -> Vec<u8> {
    [b"D".as_slice(), &case.0, &whole.to_be_bytes()].concat()
}

pub(crate) fn addition(case: &CaseId, whole: u32, number: u16) -> Vec<u8> {
    let mut key = additions(case, whole);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

pub(crate) fn number_of_addition(key: &[u8]) -> Option<u16> {
    u16_at(key, 21)
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

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    impl CaseRow {
        fn encode(&self) -> Vec<u8> {
            let mut value = Vec::new();
            put_case_run(&mut value, self.arrived_ms, self.count, self.entries.iter().copied());
            value
        }
    }

    fn row(place: u64, entries: &[u32]) -> CaseRow {
        CaseRow { place: Position::from_number(place), arrived_ms: 7, count: 9, entries: entries.to_vec() }
    }

    #[test]
    fn runs_of_a_case_stand_together_and_can_be_taken_out_again() {
        let rows = [row(1, &[0, 3]), row(2, &[1]), row(3, &[2])];
        let key = |case: u8, place: u64| case_run(&CaseId([case; 16]), Position::from_number(place));
        let single: Vec<_> = rows.iter().map(|row| (key(1, row.place.number()), row.encode())).collect();
        let other = (key(2, 4), row(4, &[0]).encode());
        let all = || single.iter().chain([&other]).map(|(key, value)| (&key[..], &value[..]));

        let (first, value, taken) = merged(all(), 1000).unwrap();
        assert_eq!((first, taken), (&key(1, 1)[..], 3), "not with another case");
        assert_eq!(CaseRow::decode_all(first, &value), rows);
        assert_eq!(merged(all(), 70).map(|(_, _, taken)| taken), Some(2), "as far as they fit");
        assert_eq!(merged(all().skip(2), 1000), None, "one alone stays as it is");
        let again = [(first, &value[..]), (&other.0[..], &other.1[..])];
        assert_eq!(merged(again.into_iter(), 1000), None);
        let more = [(first, &value[..]), (&key(1, 9)[..], &row(9, &[5]).encode()[..])]
            .map(|(key, value)| (key.to_vec(), value.to_vec()));
        let (_, value, _) = merged(more.iter().map(|(key, value)| (&key[..], &value[..])), 1000).unwrap();
        assert_eq!(CaseRow::decode_all(first, &value).len(), 4);

        let left = without(first, &value, Position::from_number(2)).unwrap().unwrap();
        assert_eq!(CaseRow::decode_all(first, &left), [row(1, &[0, 3]), row(3, &[2]), row(9, &[5])]);
        assert_eq!(without(first, &left, Position::from_number(2)), None, "it is not there");
        let (key, value) = &single[0];
        assert_eq!(without(key, value, Position::from_number(1)), Some(None), "nothing is left");
    }
}
