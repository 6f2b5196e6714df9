//! Reading: over a connection that all readers share.

use std::collections::BTreeMap;

use bytes::Bytes;
use sanji_log::run::{RUN_MAX_BYTES, RUN_MAX_ENTRIES};
use sanji_log::{CaseId, EntryBytes, Hash, LogId, Run, Seal};
use tokio_postgres::Row;

use super::session::get;
use super::{PostgresStore, hash, signed, unsigned};
use crate::contract::{CaseEntry, Error, Faults, HeldKey, HeldSnapshot, Projection, Replay, Show, Visit, WrappedKey};

/// Runs that are read at once, where all are walked over.
const RUNS: i64 = 64;

const READ: &str = "read a log";
const READ_CASE: &str = "read a case";
const READ_LIST: &str = "read a list";

/// A run as the table has it, with its position and the time of its arrival.
struct Placed {
    position: i64,
    run: Run,
    arrived_ms: u64,
}

impl PostgresStore {
    pub(super) fn read_run(&self, log: &LogId, from: u64, max_bytes: usize) -> Result<Option<Run>, Error> {
        let Some(id) = self.logs().get(log).map(|held| held.id) else { return Ok(None) };
        let sql = "SELECT last_seq, hash, signature, bytes FROM run WHERE log = $1 AND last_seq >= $2 \
                   ORDER BY last_seq LIMIT $3";
        let most = signed(RUN_MAX_ENTRIES as u64);
        let runs = self.session.query(READ, sql, vec![Box::new(id), Box::new(signed(from)), Box::new(most)])?;
        let (mut end, mut size) = (None, 0);
        for row in &runs {
            let seal = seal(row, 0)?;
            size += unsigned(row, 3)?;
            let fits = size <= max_bytes.min(RUN_MAX_BYTES) as u64 && seal.seq + 1 - from <= RUN_MAX_ENTRIES as u64;
            if end.is_some() && !fits {
                break;
            }
            end = Some(seal);
        }
        let Some(seal) = end else { return Ok(None) };
        self.run_of(*log, id, from, seal).map(Some)
    }

    /// The entries of a log from a position on, with the seal over the last.
    fn run_of(&self, log: LogId, id: i64, from: u64, seal: Seal) -> Result<Run, Error> {
        let sql = "SELECT bytes FROM entry WHERE log = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq";
        let range = vec![Box::new(id) as _, Box::new(signed(from)) as _, Box::new(signed(seal.seq)) as _];
        let entries = self.session.query(READ, sql, range)?;
        let entries: Vec<_> = entries.iter().map(|row| entry(row, 0)).collect::<Result<_, _>>()?;
        if entries.len() as u64 != seal.seq + 1 - from {
            return Err(Error::Damaged { what: format!("log {log}: entries are missing from {from} to {}", seal.seq) });
        }
        Ok(Run { log, entries, seal })
    }

    pub(super) fn read_entry(&self, log: &LogId, seq: u64) -> Result<Option<EntryBytes>, Error> {
        let Some(id) = self.logs().get(log).map(|held| held.id) else { return Ok(None) };
        let sql = "SELECT bytes FROM entry WHERE log = $1 AND seq = $2";
        let rows = self.session.query("read an entry", sql, vec![Box::new(id), Box::new(signed(seq))])?;
        rows.first().map(|row| entry(row, 0)).transpose()
    }

    pub(super) fn read_case(&self, case: &CaseId) -> Result<Vec<CaseEntry>, Error> {
        let sql = "SELECT entry.bytes, run.arrived_ms FROM entry JOIN run USING (position) WHERE case_id = $1 \
                   ORDER BY position, seq";
        let rows = self.session.query(READ_CASE, sql, vec![Box::new(case.as_bytes().to_vec())])?;
        rows.iter().map(|row| Ok(CaseEntry { entry: entry(row, 0)?, arrived_ms: unsigned(row, 1)? })).collect()
    }

    pub(super) fn read_key(&self, case: &CaseId) -> Result<HeldKey, Error> {
        let sql = "SELECT wrapped FROM case_key WHERE case_id = $1";
        let rows = self.session.query("read the key of a case", sql, vec![Box::new(case.as_bytes().to_vec())])?;
        let Some(row) = rows.first() else { return Ok(HeldKey::Never) };
        let wrapped: Option<Vec<u8>> = get(row, 0)?;
        Ok(wrapped.map_or(HeldKey::Destroyed, |bytes| HeldKey::Here(WrappedKey { case: *case, bytes })))
    }

    pub(super) fn read_snapshot(&self, case: &CaseId) -> Result<Option<HeldSnapshot>, Error> {
        let sql = "SELECT bytes FROM snapshot WHERE case_id = $1 ORDER BY part";
        let rows = self.session.query(READ_CASE, sql, vec![Box::new(case.as_bytes().to_vec())])?;
        let mut parts = rows.iter().map(|row| Ok(Bytes::from(get::<Vec<u8>>(row, 0)?)));
        let Some(whole) = parts.next().transpose()? else { return Ok(None) };
        Ok(Some(HeldSnapshot { whole, additions: parts.collect::<Result<_, Error>>()? }))
    }

    pub(super) fn read_cases(&self, prefix: &[u8], limit: usize) -> Result<Vec<CaseId>, Error> {
        let sql = "SELECT case_id FROM snapshot WHERE part = 0 AND case_id >= $1 ORDER BY case_id LIMIT $2";
        let rows =
            self.session.query("list cases", sql, vec![Box::new(prefix.to_vec()), Box::new(signed(limit as u64))])?;
        let mut cases = Vec::new();
        for row in &rows {
            let case = CaseId::try_from(get::<&[u8]>(row, 0)?);
            let case = case.map_err(|_| Error::Damaged { what: "the id of a case".to_owned() })?;
            if !case.as_bytes().starts_with(prefix) {
                break;
            }
            cases.push(case);
        }
        Ok(cases)
    }

    #[allow(clippy::type_complexity)]
    pub(super) fn read_rows(
        &self,
        list: &[u8],
        after: Option<&[u8]>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        let sql = match (newest_first, after) {
            (false, None) => "SELECT key, value FROM list_row WHERE list = $1 ORDER BY key LIMIT $2",
            (false, Some(_)) => "SELECT key, value FROM list_row WHERE list = $1 AND key > $3 ORDER BY key LIMIT $2",
            (true, None) => "SELECT key, value FROM list_row WHERE list = $1 ORDER BY key DESC LIMIT $2",
            (true, Some(_)) => {
                "SELECT key, value FROM list_row WHERE list = $1 AND key < $3 ORDER BY key DESC LIMIT $2"
            }
        };
        let mut parameters = vec![Box::new(list.to_vec()) as _, Box::new(signed(limit as u64)) as _];
        if let Some(after) = after {
            parameters.push(Box::new(after.to_vec()) as _);
        }
        let rows = self.session.query(READ_LIST, sql, parameters)?;
        rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect()
    }

    pub(super) fn read_row(&self, list: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let sql = "SELECT value FROM list_row WHERE list = $1 AND key = $2";
        let rows = self.session.query(READ_LIST, sql, vec![Box::new(list.to_vec()), Box::new(key.to_vec())])?;
        rows.first().map(|row| get(row, 0)).transpose()
    }

    pub(super) fn replay_unprojected(&self, replay: &mut dyn Replay) -> Result<u64, Error> {
        let show: &mut Show<'_> = &mut |projection| self.show(projection, |writer| writer.projected);
        let mut visited = 0;
        loop {
            // The replay may read the store, so nothing is held while it runs.
            let (projected, end) = {
                let writer = self.writer();
                (writer.projected, writer.end)
            };
            if projected >= end {
                return Ok(visited);
            }
            self.each_placed_after(projected, &mut |placed| {
                let all_is_shown = replay.run(placed.run, placed.arrived_ms, show)?;
                visited += 1;
                if all_is_shown {
                    self.show(&Projection::default(), |_| placed.position)?;
                }
                Ok(())
            })?;
            replay.end(show)?;
            self.show(&Projection::default(), |_| end)?;
        }
    }

    /// Gives every run behind a position to `visit`, in the order of the commits.
    pub(super) fn each_run_after(&self, position: i64, visit: &mut Visit<'_>) -> Result<(), Error> {
        self.each_placed_after(position, &mut |placed| visit(placed.run, placed.arrived_ms))
    }

    fn each_placed_after(
        &self,
        mut position: i64,
        visit: &mut dyn FnMut(Placed) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let names: BTreeMap<i64, LogId> = self.logs().iter().map(|(log, held)| (held.id, *log)).collect();
        let sql = "SELECT last_seq, hash, signature, arrived_ms, position, log, first_seq FROM run \
                   WHERE position > $1 ORDER BY position LIMIT $2";
        loop {
            let rows = self.session.query(READ, sql, vec![Box::new(position), Box::new(RUNS)])?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                position = get(row, 4)?;
                let id: i64 = get(row, 5)?;
                let lost = || Error::Damaged { what: format!("the run at position {position}: its log is not known") };
                let run = self.run_of(*names.get(&id).ok_or_else(lost)?, id, unsigned(row, 6)?, seal(row, 0)?)?;
                visit(Placed { position, run, arrived_ms: unsigned(row, 3)? })?;
            }
        }
    }

    pub(super) fn verify_all(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Faults, Error> {
        let end = u64::try_from(self.writer().end).unwrap_or_default();
        let mut faults = Faults::default();
        let mut heads: BTreeMap<LogId, (u64, Hash)> = BTreeMap::new();
        let mut checked = 0;
        self.each_placed_after(0, &mut |Placed { run, position, .. }| {
            if let Err(error) = run.verify(heads.get(&run.log).copied()) {
                faults.faults.push(format!("log {}: {error}", run.log));
            }
            faults.frames += 1;
            faults.seals += 1;
            faults.entries += run.entries.len() as u64;
            heads.insert(run.log, (run.seal.seq, run.seal.hash));
            checked = u64::try_from(position).unwrap_or_default();
            progress(checked, end.max(checked));
            Ok(())
        })?;
        faults.logs = heads.len() as u64;
        for (log, held) in self.heads(|_| true).0 {
            if heads.get(&log).is_none_or(|(seq, _)| *seq < held.0) {
                faults.faults.push(format!("log {log}: it ends before its head {}", held.0));
            }
        }
        let (attachments, damaged) = self.verify_attachments()?;
        faults.attachments = attachments;
        faults.faults.extend(damaged);
        progress(end, end);
        Ok(faults)
    }
}

fn entry(row: &Row, column: usize) -> Result<EntryBytes, Error> {
    Ok(EntryBytes(get::<Vec<u8>>(row, column)?.into()))
}

/// Position, hash and signature in three columns.
fn seal(row: &Row, column: usize) -> Result<Seal, Error> {
    let signature = get::<&[u8]>(row, column + 2)?.try_into();
    let signature = signature.map_err(|_| Error::Damaged { what: "a signature".to_owned() })?;
    Ok(Seal { seq: unsigned(row, column)?, hash: hash(row, column + 1)?, signature })
}
