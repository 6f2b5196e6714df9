//! Opening: the index says up to where it knows the journal, the rest is replayed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, RwLock};

use sanji_log::LogId;

use super::{DiskStore, Options, Progress, folder};
use crate::attachments::Attachments;
use crate::contract::Error;
use crate::files::Folder;
use crate::index::keys::{self, LogRow};
use crate::index::rows::Placed;
use crate::index::{self, Index, IndexOptions};
use crate::journal::{Committed, Journal, Position};
use crate::receipts::Receipts;
use crate::record::decode_receipt;

/// Logs whose last run is compared with the index on opening.
const SAMPLES: usize = 16;

/// What the index knows when it is opened.
#[derive(Debug, Default)]
struct Known {
    logs: BTreeMap<LogId, LogRow>,
    receipts: Receipts,
    /// The last commit that is in the index: its first frame and its end.
    applied: Option<(Position, Position)>,
    projected: Position,
}

/// Opens the journal's folder, or makes it.
pub(super) type OpenFolder = dyn Fn(&Path) -> Result<Box<dyn Folder>, Error>;

/// Index and journal, as far as each other.
struct Parts {
    index: Index,
    journal: Journal,
    known: Known,
    damage: Vec<String>,
}

pub(super) fn open(path: &Path, options: Options, open_folder: &OpenFolder) -> Result<DiskStore, Error> {
    let lock = folder::take(path)?;
    let attachments = Attachments::open(&path.join("attachments"))?;
    let parts = match open_parts(path, options, open_folder)? {
        Some(parts) => parts,
        None => {
            tracing::warn!("the index doesn't agree with the journal; it is built again");
            index::remove(&path.join("index"))?;
            open_parts(path, options, open_folder)?
                .ok_or_else(|| Error::Damaged { what: "the journal can't be indexed".to_owned() })?
        }
    };
    let failure = (!parts.damage.is_empty()).then(|| format!("the journal is damaged: {}", parts.damage.join("; ")));
    if let Some(reason) = &failure {
        tracing::error!(%reason, "the store opens read-only");
    }
    Ok(DiskStore {
        path: path.to_owned(),
        progress: Mutex::new(Progress { end: parts.known.end(), projected: parts.known.projected }),
        journal: parts.journal,
        index: parts.index,
        attachments,
        logs: RwLock::new(parts.known.logs),
        receipts: RwLock::new(parts.known.receipts),
        failure: Mutex::new(failure),
        _lock: lock,
    })
}

/// Opens index and journal. None where the index is not this journal's.
fn open_parts(path: &Path, options: Options, open_folder: &OpenFolder) -> Result<Option<Parts>, Error> {
    let index_options = IndexOptions { cache_bytes: options.cache_bytes, open_timeout: options.index_open_timeout };
    let index = Index::open(&path.join("index"), index_options)?;
    let Some(mut known) = Known::load(&index)? else { return Ok(None) };
    let (journal, damage) = replay(open_folder(&path.join("journal"))?, options, &index, &mut known)?;
    // In a damaged journal the places of the samples may be what is damaged.
    let agrees = !damage.is_empty() || agrees(&journal, &index, &known);
    Ok(agrees.then_some(Parts { index, journal, known, damage }))
}

/// Opens the journal and brings the index up to its end. Returns the journal's damage, too.
fn replay(
    folder: Box<dyn Folder>,
    options: Options,
    index: &Index,
    known: &mut Known,
) -> Result<(Journal, Vec<String>), Error> {
    let applied = known.applied;
    let from = applied.map_or(Position::default(), |(write, _)| write);
    let mut met = applied.is_none();
    let mut damage = Vec::new();
    let mut commits = 0u64;
    let (journal, opening) = Journal::open(folder, options.segment_bytes, from, &mut |committed| {
        if applied.is_some_and(|(_, end)| committed.end <= end) {
            met |= applied == Some((committed.write, committed.end));
            return Ok(());
        }
        commits += 1;
        known.apply(&committed, index, &mut damage)
    })?;
    if !met {
        damage.push("it lacks commits that the index knows".to_owned());
    }
    damage.extend(opening.damage);
    tracing::info!(
        journal.replayed_commits = commits,
        journal.cut_bytes = opening.cut_bytes,
        journal.end = %journal.end(),
        "the journal is open"
    );
    Ok((journal, damage))
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

    /// Takes over a commit that the index lacks.
    fn apply(&mut self, committed: &Committed, index: &Index, damage: &mut Vec<String>) -> Result<(), Error> {
        let record = &committed.record;
        for (_, extension) in &record.runs {
            let log = extension.run.log;
            let head = self.logs.get(&log).map(|row| (row.seq, row.hash));
            if extension.extends != head {
                damage.push(format!("log {log} has a gap before seq {}", extension.run.first_seq()));
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
        index.push(placed.changes(&mut self.logs));
        self.applied = Some((committed.write, committed.end));
        Ok(())
    }

    /// Just after the last commit.
    fn end(&self) -> Position {
        self.applied.map_or(Position::default(), |(_, end)| end)
    }
}

/// Whether the last runs of some logs stand where the index says.
fn agrees(journal: &Journal, index: &Index, known: &Known) -> bool {
    known.logs.iter().take(SAMPLES).all(|(log, row)| {
        let last = super::read::run_row_at(index, row.number, row.seq).ok().flatten();
        let table = last.and_then(|last| super::read::run_table(journal, last.place, last.count).ok());
        table.is_some_and(|table| table.log == *log && table.seal.seq == row.seq && table.seal.hash == row.hash)
    })
}
