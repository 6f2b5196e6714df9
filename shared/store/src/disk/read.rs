//! Reading entries: the index says where a run stands, the journal has its bytes, and each is checked.

use bytes::Bytes;
use sanji_log::run::{RUN_MAX_BYTES, RUN_MAX_ENTRIES};
use sanji_log::{CaseId, EntryBytes, LogId, Run};

use super::DiskStore;
use crate::contract::{CaseEntry, Error};
use crate::index::Index;
use crate::index::keys::{self, CaseRow, RunRow};
use crate::journal::{Journal, Position, damaged, damaged_entry};
use crate::record::{Malformed, RunTable};

/// Rows of the index read at once.
const ROWS: usize = 256;

/// The run that holds a position of a log. Where runs overlap, since some stand in place of damaged ones, the one
/// that begins last.
pub(super) fn run_row_at(index: &Index, log: u32, seq: u64) -> Result<Option<RunRow>, Error> {
    let mut found = None;
    index.scan(&keys::run(log, 0), &keys::run(log, seq.saturating_add(1)), true, &mut |key, value| {
        let row = RunRow::decode(key, value);
        found = row.filter(|row| row.last_seq() >= seq);
        let reaches = row.is_some_and(|row| row.first_seq.saturating_add(RUN_MAX_ENTRIES as u64) > seq);
        found.is_none() && reaches
    })?;
    Ok(found)
}

/// Head and table of a run.
pub(super) fn run_table(journal: &Journal, place: Position, count: u32) -> Result<RunTable, Error> {
    let bytes = journal.read(place, RunTable::size(count))?;
    RunTable::decode(&bytes).map_err(|Malformed(why)| damaged(place, why))
}

impl DiskStore {
    pub(super) fn read_run(&self, log: &LogId, from: u64, max_bytes: usize) -> Result<Option<Run>, Error> {
        let Some(head) = self.log(log).filter(|row| row.seq >= from) else { return Ok(None) };
        let max_bytes = max_bytes.min(RUN_MAX_BYTES);
        let mut row = self.run_at(log, head.number, from)?;
        let mut read: Option<Run> = None;
        let (mut size, mut next) = (0, from);
        loop {
            let mut following = self.rows_from(head.number, row.last_seq() + 1)?.into_iter().peekable();
            loop {
                let table = match self.noting(row.place, run_table(&self.journal, row.place, row.count)) {
                    // What stands before the damage can be read all the same.
                    Err(Error::Damaged { .. }) if read.is_some() => return Ok(read),
                    table => table?,
                };
                let first = usize::try_from(next.saturating_sub(row.first_seq)).unwrap_or(usize::MAX);
                let (_, bytes) = table.place_from(first).ok_or_else(|| damaged(row.place, "an entry is missing"))?;
                size += bytes as usize;
                let entries_after = row.last_seq() + 1 - from;
                if read.is_some() && (size > max_bytes || entries_after > RUN_MAX_ENTRIES as u64) {
                    return Ok(read);
                }
                let entries = match self.noting(row.place, self.entries(&table, row.place, first)) {
                    Err(Error::Damaged { .. }) if read.is_some() => return Ok(read),
                    entries => entries?,
                };
                next = row.last_seq() + 1;
                match &mut read {
                    Some(run) => {
                        run.entries.extend(entries);
                        run.seal = table.seal;
                    }
                    None => read = Some(Run { log: *log, entries, seal: table.seal }),
                }
                match following.next_if(|following| following.first_seq == next) {
                    Some(following) => row = following,
                    None => break,
                }
            }
            if next > self.log(log).map_or(0, |row| row.seq) {
                return Ok(read);
            }
            // A run that was committed since the rows were read, or one that begins within another.
            match run_row_at(&self.index(), head.number, next)? {
                Some(following) => row = following,
                None => return Ok(read),
            }
        }
    }

    pub(super) fn read_entry(&self, log: &LogId, seq: u64) -> Result<Option<EntryBytes>, Error> {
        let Some(head) = self.log(log).filter(|row| (1..=row.seq).contains(&seq)) else { return Ok(None) };
        let row = self.run_at(log, head.number, seq)?;
        let table = self.noting(row.place, run_table(&self.journal, row.place, row.count))?;
        let index = usize::try_from(seq - row.first_seq).unwrap_or(usize::MAX);
        self.noting(row.place, self.one_entry(&table, row.place, index)).map(Some)
    }

    pub(super) fn read_case(&self, case: &CaseId) -> Result<Vec<CaseEntry>, Error> {
        let from = keys::case(case);
        let mut rows = Vec::new();
        self.index().scan(&from, &keys::prefix_end(&from), false, &mut |key, value| {
            rows.extend(CaseRow::decode_all(key, value));
            true
        })?;
        let mut entries = Vec::new();
        for row in rows {
            let table = self.noting(row.place, run_table(&self.journal, row.place, row.count))?;
            for index in row.entries {
                let entry = self.noting(row.place, self.one_entry(&table, row.place, index as usize))?;
                entries.push(CaseEntry { entry, arrived_ms: row.arrived_ms });
            }
        }
        Ok(entries)
    }

    /// The frames that hold a key of a case, oldest first.
    pub(super) fn key_places(&self, case: &CaseId) -> Result<Vec<Position>, Error> {
        let from = keys::case_keys(case);
        let mut places = Vec::new();
        self.index().scan(&from, &keys::prefix_end(&from), false, &mut |key, _| {
            places.extend(keys::parse_case_key(key));
            true
        })?;
        Ok(places)
    }

    fn run_at(&self, log: &LogId, number: u32, seq: u64) -> Result<RunRow, Error> {
        run_row_at(&self.index(), number, seq)?
            .ok_or_else(|| damaged_entry(log, seq, Malformed("the index doesn't know where it is")))
    }

    fn rows_from(&self, log: u32, first_seq: u64) -> Result<Vec<RunRow>, Error> {
        let mut rows = Vec::new();
        self.index().scan(
            &keys::run(log, first_seq),
            &keys::prefix_end(&keys::runs(log)),
            false,
            &mut |key, value| {
                rows.extend(RunRow::decode(key, value));
                rows.len() < ROWS
            },
        )?;
        Ok(rows)
    }

    /// The entries of a run from `first` on.
    fn entries(&self, table: &RunTable, place: Position, first: usize) -> Result<Vec<EntryBytes>, Error> {
        let (start, length) = table.place_from(first).ok_or_else(|| damaged(place, "an entry is missing"))?;
        let count = table.count();
        let bytes = Bytes::from(self.journal.read(entries_at(place, count).plus(start.into()), length as usize)?);
        let mut at = 0;
        let mut entries = Vec::new();
        for index in first..count as usize {
            let length = table.place(index).map_or(0, |(_, length)| length as usize);
            let entry = bytes.slice(at..at + length);
            table
                .check(index, &entry)
                .map_err(|why| damaged_entry(&table.log, table.first_seq() + index as u64, why))?;
            entries.push(EntryBytes(entry));
            at += length;
        }
        Ok(entries)
    }

    /// A run as it was committed; none where it can't be read in full.
    pub(super) fn whole_run(&self, log: &LogId, row: &RunRow) -> Option<Run> {
        let table = run_table(&self.journal, row.place, row.count).ok()?;
        let entries = self.entries(&table, row.place, 0).ok()?;
        Some(Run { log: *log, entries, seal: table.seal })
    }

    fn one_entry(&self, table: &RunTable, place: Position, index: usize) -> Result<EntryBytes, Error> {
        let (start, length) = table.place(index).ok_or_else(|| damaged(place, "an entry is missing"))?;
        let bytes = self.journal.read(entries_at(place, table.count()).plus(start.into()), length as usize)?;
        table.check(index, &bytes).map_err(|why| damaged_entry(&table.log, table.first_seq() + index as u64, why))?;
        Ok(EntryBytes(bytes.into()))
    }
}

/// Where the entries of a run begin.
fn entries_at(place: Position, count: u32) -> Position {
    place.plus(RunTable::size(count) as u64)
}
