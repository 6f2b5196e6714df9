//! Opening: the index says up to where it knows the journal, the rest is replayed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use sanji_log::LogId;

use super::missing::Missing;
use super::room::Room;
use super::{DiskStore, OpenFolder, Options, Progress, folder};
use crate::attachments::Attachments;
use crate::contract::{Error, Halt};
use crate::files::Folder;
use crate::index::keys::{self, LogRow};
use crate::index::rows::Placed;
use crate::index::{self, Index, IndexOptions};
use crate::journal::{Committed, Damage, Journal, Position};
use crate::receipts::Receipts;
use crate::record::decode_receipt;

/// Logs whose last run is compared with the index on opening.
const SAMPLES: usize = 16;

/// What the index knows when it is opened.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) logs: BTreeMap<LogId, LogRow>,
    receipts: Receipts,
    pub(super) missing: Missing,
    /// The last commit that is in the index: its first frame and its end.
    applied: Option<(Position, Position)>,
    projected: Position,
}

/// Index and journal, as far as each other.
struct Parts {
    index: Index,
    journal: Journal,
    known: Known,
    /// What the index knows and the journal has no more.
    damage: Vec<Damage>,
    may_lack: bool,
    halt: Option<Halt>,
}

pub(super) fn open(path: &Path, options: Options, open_folder: &OpenFolder) -> Result<DiskStore, Error> {
    let lock = folder::take(path)?;
    // First, since the index needs what is kept in reserve where the disk is full.
    let room = Room::new(open_folder(&path.join("journal"))?, path);
    let attachments = Attachments::open(open_folder(&path.join("attachments"))?)?;
    let parts = match open_parts(path, options, open_folder)? {
        Some(parts) => parts,
        None => {
            tracing::warn!("the index doesn't agree with the journal; it is built again");
            index::remove(&path.join("index"))?;
            open_parts(path, options, open_folder)?
                .ok_or_else(|| Error::Damaged { what: "the journal can't be indexed".to_owned() })?
        }
    };
    let store = DiskStore {
        path: path.to_owned(),
        progress: Mutex::new(Progress { end: parts.known.end(), projected: parts.known.projected }),
        journal: parts.journal,
        options,
        index: RwLock::new(Arc::new(parts.index)),
        attachments,
        logs: RwLock::new(parts.known.logs),
        receipts: RwLock::new(parts.known.receipts),
        halt: Mutex::new(parts.halt),
        room,
        missing: Mutex::new(parts.known.missing),
        known_damage: Mutex::default(),
        may_lack: parts.may_lack,
        _lock: lock,
    };
    for Damage { what, from, until } in parts.damage {
        let runs = store.note_damage(from, until)?;
        tracing::error!(what, runs, "the journal is damaged; the store opens without what can't be read");
    }
    Ok(store)
}

pub(super) fn index_options(options: Options) -> IndexOptions {
    IndexOptions { cache_bytes: options.cache_bytes, open_timeout: options.index_open_timeout }
}

/// Opens index and journal. None where the index is not this journal's.
fn open_parts(path: &Path, options: Options, open_folder: &OpenFolder) -> Result<Option<Parts>, Error> {
    let index = Index::open(&path.join("index"), index_options(options))?;
    let mut known = match Known::load(&index) {
        Ok(Some(known)) => known,
        Ok(None) => return Ok(None),
        Err(Error::Index { operation, source }) => {
            tracing::warn!(operation, error = %source, "the index can't be read");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let indexed = known.end();
    let (journal, damage, halt) = replay(open_folder(&path.join("journal"))?, options, &index, &mut known)?;
    let belongs = match agreement(&journal, &index, &known) {
        Some(agrees) => agrees,
        // In a damaged journal the places of the samples may be what is damaged.
        None => known.logs.is_empty() || !damage.is_empty(),
    };
    let may_lack = damage.iter().any(|damage| damage.until > indexed);
    Ok(belongs.then_some(Parts { index, journal, known, damage, may_lack, halt }))
}

/// Opens the journal and brings the index up to its end. Returns the journal's damage, too, and why nothing can be
/// written yet.
fn replay(
    folder: Box<dyn Folder>,
    options: Options,
    index: &Index,
    known: &mut Known,
) -> Result<(Journal, Vec<Damage>, Option<Halt>), Error> {
    let applied = known.applied;
    let from = applied.map_or(Position::default(), |(write, _)| write);
    let mut met = applied.is_none();
    let mut commits = 0u64;
    let (journal, opening) = Journal::open(folder, options.segment_bytes, from, &mut |committed| {
        if applied.is_some_and(|(_, end)| committed.end <= end) {
            met |= applied == Some((committed.write, committed.end));
            return Ok(());
        }
        commits += 1;
        known.apply(&committed, index)
    })?;
    let mut halt = None;
    let mut damage = opening.damage;
    let is_known = |from: Position| damage.iter().any(|damage| damage.from <= from && from < damage.until);
    if let Some((write, until)) = applied.filter(|(write, _)| !met && !is_known(*write)) {
        // Nothing may be written where the index thinks that something stands.
        let from = journal.end().min(write);
        if journal.end() < until
            && let Err(error) = journal.leave_segment()
        {
            halt = Some(Halt::Failed { reason: format!("no new segment can be begun: {error}") });
        }
        let what = "it lacks commits that the index knows".to_owned();
        damage.push(Damage { what, from, until });
    }
    tracing::info!(
        journal.replayed_commits = commits,
        journal.cut_bytes = opening.cut_bytes,
        journal.end = %journal.end(),
        "the journal is open"
    );
    Ok((journal, damage, halt))
}

impl Known {
    /// None where a row can't be read.
    fn load(index: &Index) -> Result<Option<Self>, Error> {
        let mut known = Self::default();
        let mut readable = true;
        index.scan(keys::LOGS, &keys::prefix_end(keys::LOGS), false, &mut |key, value| {
            match keys::parse_log(key).zip(LogRow::decode(value)) {
                Some((log, row)) => _ = known.logs.insert(log, row),
                None => readable = false,
            }
            readable
        })?;
        index.scan(keys::RECEIPTS, &keys::prefix_end(keys::RECEIPTS), false, &mut |_, value| {
            match decode_receipt(value) {
                Ok(receipt) => _ = known.receipts.keep(&receipt),
                Err(_) => readable = false,
            }
            readable
        })?;
        readable &= known.missing.load(index)?;
        if let Some(value) = index.get(keys::APPLIED)? {
            known.applied = keys::parse_positions(&value);
            readable &= known.applied.is_some();
        }
        if let Some(value) = index.get(keys::PROJECTED)? {
            known.projected = keys::parse_position(&value).unwrap_or_default();
        }
        readable &= known.applied.is_some() || known.logs.is_empty();
        Ok(readable.then_some(known))
    }

    /// Takes over a commit that the index lacks. Entries that should stand before it are missing.
    pub(super) fn apply(&mut self, committed: &Committed, index: &Index) -> Result<(), Error> {
        let record = &committed.record;
        let mut lost = Vec::new();
        // What was healed at the end of a log goes on where the log is known to end now.
        let mut in_place = committed.healed;
        for (_, extension) in &record.runs {
            let (log, first) = (extension.run.log, extension.run.first_seq());
            let head = self.logs.get(&log).map_or(0, |row| row.seq);
            in_place &= first <= head;
            if head + 1 < first {
                lost.extend(self.missing.note(log, head + 1, first - 1));
            }
        }
        let placed = Placed {
            time_ms: record.time_ms,
            write: committed.write,
            end: committed.end,
            runs: record
                .runs
                .iter()
                .map(|(start, extension)| (committed.payload.plus((*start).into()), &extension.run))
                .collect(),
            keys: &committed.keys,
            receipts: record.receipts.iter().filter(|receipt| self.receipts.keep(receipt)).collect(),
        };
        index.wait_for_room()?;
        let changes = if in_place {
            // None: the stretch was healed before.
            self.missing.replace(index, &self.logs, &placed)?.unwrap_or_else(|| placed.applied())
        } else {
            placed.changes(&mut self.logs)
        };
        index.push(lost.into_iter().chain(changes).collect());
        self.applied = Some((committed.write, committed.end));
        Ok(())
    }

    /// Just after the last commit.
    fn end(&self) -> Position {
        self.applied.map_or(Position::default(), |(_, end)| end)
    }
}

/// Whether the first and last runs of some logs stand where the index says. None: none of them can be read.
fn agreement(journal: &Journal, index: &Index, known: &Known) -> Option<bool> {
    let mut agreed = None;
    for (log, row) in known.logs.iter().take(SAMPLES) {
        for seq in [1, row.seq] {
            let Ok(Some(run)) = super::read::run_row_at(index, row.number, seq) else { continue };
            let Ok(table) = super::read::run_table(journal, run.place, run.count) else { continue };
            let is_end = table.seal.seq != row.seq || table.seal.hash == row.hash;
            if table.log != *log || table.first_seq() != run.first_seq || !is_end {
                return Some(false);
            }
            agreed = Some(true);
        }
    }
    agreed
}
