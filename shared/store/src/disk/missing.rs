//! Entries that can't be read any more: noted when they are met, listed, and replaced by what a peer holds.

use std::collections::{BTreeMap, BTreeSet};

use sanji_log::{CaseId, LogId, Run, Stretch};

use super::DiskStore;
use crate::contract::{Commit, Error, Extension};
use crate::index::Index;
use crate::index::keys::{self, LogRow, RunRow};
use crate::index::rows::{Changes, Placed};
use crate::journal::Position;

/// Stretches of entries that can't be read, by log and first position. None touches another.
#[derive(Debug, Clone, Default)]
pub(super) struct Missing(BTreeMap<(LogId, u64), u64>);

impl Missing {
    /// Reads what the index remembers. False: a row can't be read.
    pub(super) fn load(&mut self, index: &Index) -> Result<bool, Error> {
        let mut readable = true;
        index.scan(keys::MISSING, &keys::prefix_end(keys::MISSING), false, &mut |key, value| {
            match keys::parse_missing(key, value) {
                Some((log, from, until)) => _ = self.0.insert((log, from), until),
                None => readable = false,
            }
            readable
        })?;
        Ok(readable)
    }

    /// Notes a stretch. The changes of the index; none where it was known.
    pub(super) fn note(&mut self, log: LogId, mut from: u64, mut until: u64) -> Changes {
        if self.stretch(&log, from).is_some_and(|known| known.until >= until) {
            return Changes::new();
        }
        let mut changes = Changes::new();
        let reach = until.saturating_add(1);
        let touching: Vec<(u64, u64)> = self
            .0
            .range((log, 0)..=(log, reach))
            .filter(|(_, known)| known.saturating_add(1) >= from)
            .map(|((_, known), last)| (*known, *last))
            .collect();
        for (known, last) in touching {
            self.0.remove(&(log, known));
            changes.push((keys::missing(&log, known).into(), None));
            (from, until) = (from.min(known), until.max(last));
        }
        self.0.insert((log, from), until);
        changes.push((keys::missing(&log, from).into(), Some(until.to_be_bytes()[..].into())));
        changes
    }

    /// The stretch that holds a position.
    pub(super) fn stretch(&self, log: &LogId, seq: u64) -> Option<Stretch> {
        let ((found, from), until) = self.0.range(..=(*log, seq)).next_back()?;
        (found == log && *until >= seq).then_some(Stretch { log: *log, from: *from, until: *until })
    }

    pub(super) fn all(&self) -> Vec<Stretch> {
        self.0.iter().map(|((log, from), until)| Stretch { log: *log, from: *from, until: *until }).collect()
    }

    /// A run takes the place of the beginning of a stretch. None: it may not, since it begins elsewhere or ends within
    /// a record that stands there.
    pub(super) fn replace(
        &mut self,
        index: &Index,
        logs: &BTreeMap<LogId, LogRow>,
        placed: &Placed<'_>,
    ) -> Result<Option<Changes>, Error> {
        let mut changes = placed.applied();
        // A row of a case that is on its way may be made one with others meanwhile.
        index.settle()?;
        for (place, run) in &placed.runs {
            let (first, last) = (run.first_seq(), run.seal.seq);
            let stretch = self.stretch(&run.log, first).filter(|stretch| stretch.from == first);
            let (Some(stretch), Some(row)) = (stretch, logs.get(&run.log)) else { return Ok(None) };
            let end = last.min(stretch.until);
            for old in rows_within(index, row.number, first, end)? {
                if old.last_seq() > last {
                    return Ok(None);
                }
                changes.push((keys::run(row.number, old.first_seq).into(), None));
                for case in cases_of(run) {
                    forget_run(index, &case, old.place, &mut changes)?;
                }
            }
            placed.place_run(row.number, *place, run, end, &mut changes);
            self.0.remove(&(run.log, first));
            changes.push((keys::missing(&run.log, first).into(), None));
            if end < stretch.until {
                changes.extend(self.note(run.log, end + 1, stretch.until));
            }
        }
        Ok(Some(changes))
    }
}

fn cases_of(run: &Run) -> BTreeSet<CaseId> {
    run.entries.iter().filter_map(|entry| entry.case().case).collect()
}

/// Takes a run out of the row of a case in which it stands.
fn forget_run(index: &Index, case: &CaseId, place: Position, changes: &mut Changes) -> Result<(), Error> {
    let rows = keys::case(case);
    // What was changed just now hides what the index has.
    let changed: Changes = changes.iter().filter(|(key, _)| key.starts_with(&rows)).cloned().collect();
    index.scan(&rows, &keys::prefix_end(&rows), false, &mut |key, value| {
        let newest = changed.iter().rev().find(|(of, _)| of == key).map(|(_, value)| value.as_deref());
        let left = newest.unwrap_or(Some(value)).and_then(|value| keys::without(key, value, place));
        changes.extend(left.map(|left| (key.into(), left.map(Into::into))));
        true
    })
}

/// The rows of runs that begin in a stretch of a log.
fn rows_within(index: &Index, log: u32, from: u64, until: u64) -> Result<Vec<RunRow>, Error> {
    let mut rows = Vec::new();
    index.scan(&keys::run(log, from), &keys::run(log, until.saturating_add(1)), false, &mut |key, value| {
        rows.extend(RunRow::decode(key, value));
        true
    })?;
    Ok(rows)
}

impl DiskStore {
    /// Notes that what stands from a place up to another can't be read: the entries there are missing. How many runs.
    pub(super) fn note_damage(&self, from: Position, until: Position) -> Result<usize, Error> {
        let mut found: Vec<(u32, RunRow)> = Vec::new();
        self.index().scan(keys::RUNS, &keys::prefix_end(keys::RUNS), false, &mut |key, value| {
            let row = RunRow::decode(key, value).filter(|row| (from..until).contains(&row.place));
            found.extend(keys::log_of_run(key).zip(row));
            true
        })?;
        if found.is_empty() {
            return Ok(0);
        }
        let by_number: BTreeMap<u32, LogId> = self.logs().iter().map(|(log, row)| (row.number, *log)).collect();
        let mut missing = self.missing_entries();
        let mut changes = Changes::new();
        for (number, row) in &found {
            let Some(log) = by_number.get(number) else { continue };
            let noted = missing.note(*log, row.first_seq, row.last_seq());
            if !noted.is_empty() {
                tracing::error!(log = %log, log.seq = row.first_seq, until = row.last_seq(), "entries are damaged");
            }
            changes.extend(noted);
        }
        if !changes.is_empty() {
            self.index().push(changes);
        }
        Ok(found.len())
    }

    /// Looks after stretches that can be read after all: where the journal is damaged around them, they are written
    /// again; else they are forgotten, since a disk may have failed for a moment.
    pub(super) fn look_again(&self, damaged: bool) -> Result<(), Error> {
        let stretches = self.missing_entries().all();
        for Stretch { log, from, until } in stretches {
            let Some(row) = self.log(&log) else { continue };
            let mut runs = Vec::new();
            for run in rows_within(&self.index(), row.number, from, until)? {
                let next = runs.last().map_or(from, |last: &Run| last.seal.seq + 1);
                match self.whole_run(&log, &run).filter(|_| run.first_seq == next) {
                    Some(run) => runs.push(run),
                    None => break,
                }
            }
            if runs.last().is_none_or(|last| last.seal.seq < until) {
                continue;
            }
            if damaged {
                let healed = runs.iter().try_for_each(|run| self.heal_run(run, 0).map(|_| ()));
                if let Err(error) = healed {
                    tracing::warn!(%error, "entries in a damaged place of the journal can't be written again");
                }
            } else {
                self.missing_entries().0.remove(&(log, from));
                self.index().push(vec![(keys::missing(&log, from).into(), None)]);
            }
            self.known_damage().clear();
        }
        Ok(())
    }

    /// Passes on what was read at a place; where it is damaged, that is noted.
    pub(super) fn noting<T>(&self, place: Position, read: Result<T, Error>) -> Result<T, Error> {
        if matches!(read, Err(Error::Damaged { .. }))
            && self.known_damage().insert(place)
            && let Err(error) = self.note_damage(place, place.plus(1))
        {
            tracing::error!(%error, "damaged entries can't be noted");
        }
        read
    }

    pub(super) fn heal_run(&self, run: &Run, time_ms: u64) -> Result<bool, Error> {
        let progress = &mut *self.progress();
        self.check_room()?;
        let stretch = self.missing_entries().stretch(&run.log, run.first_seq());
        if stretch.is_none_or(|stretch| stretch.from != run.first_seq()) {
            return Err(Error::Invalid { what: "nothing is missing where the run begins" });
        }
        // Tried first on a copy, since what is appended must count.
        let place = Position::default();
        let trial = Placed::of_one(place, place, (place, run), self.arrival(run).unwrap_or(time_ms));
        if self.missing_entries().clone().replace(&self.index(), &self.logs(), &trial)?.is_none() {
            return Ok(false);
        }
        let extension = Extension { extends: None, run: run.clone() };
        let commit = Commit { time_ms: trial.time_ms, extensions: vec![extension], ..Commit::default() };
        let appended = self.journal.append_healed(&commit).map_err(|error| self.note_failure(error))?;
        let at = appended.runs.first().copied().unwrap_or_default();
        let placed = Placed::of_one(appended.write, appended.end, (at, run), trial.time_ms);
        let changes = self.missing_entries().replace(&self.index(), &self.logs(), &placed)?;
        if let Some(changes) = changes {
            self.index().push(changes);
        }
        // What follows from it is not shown yet: asked for again after a crash.
        progress.end = appended.end;
        tracing::info!(log = %run.log, log.seq = run.first_seq(), until = run.seal.seq, "damaged entries were healed");
        Ok(true)
    }

    /// When the entries had first come, where that is known.
    fn arrival(&self, run: &Run) -> Option<u64> {
        let row = self.log(&run.log)?;
        let rows = rows_within(&self.index(), row.number, run.first_seq(), run.first_seq()).ok()?;
        rows.first().map(|old| old.arrived_ms)
    }
}
