//! A case as the index keeps it: folded, with the rows where it is filed. What is new of it is added to what the index has,
//! and now and then all of it is written anew: a case that has many entries must not be written whole for each.

use std::sync::Arc;

use sanji_domain::case::{Case, CaseEntry, Facts, codec};
use sanji_log::{Entry, StationCode};
use sanji_store::bounds::ADDITION_MAX_BYTES;
use sanji_store::{CaseSnapshot, HeldSnapshot};

use super::rows::RowKey;

/// First byte of a snapshot. A snapshot of another version is dropped and the case folded anew from its entries.
const VERSION: u8 = 3;
/// First byte of an addition; the same holds for it.
const ADDITION_VERSION: u8 = 2;
const SNAPSHOT_MAX_BYTES: usize = 16 << 20;
/// So many entries may stand in additions, however few the snapshot has. Beyond that, as many as the snapshot has: so a
/// case is written whole about as often as it doubles.
const ADDED_ENTRIES: usize = 8;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct FiledCase {
    pub(crate) case: Arc<Case>,
    /// Rows in the index at present. Kept, since what was filed under an older catalogue must be found again.
    pub(crate) rows: Vec<RowKey>,
    /// Entries that the index was not told of, oldest first.
    untold: Vec<Facts>,
    told: Option<Told>,
}

/// What the index was told of a case.
#[derive(Debug, Clone, Copy)]
struct Told {
    /// Entries in the snapshot.
    whole: usize,
    /// Entries in its additions.
    added: usize,
}

impl FiledCase {
    /// A case of which the index is to be told as a whole.
    pub(crate) fn new(case: Case) -> Self {
        Self { case: Arc::new(case), rows: Vec::new(), untold: Vec::new(), told: None }
    }

    /// Entries that the index was not told of, oldest first.
    pub(super) fn untold(&self) -> &[Facts] {
        &self.untold
    }

    /// The entries with which the case as the index has it becomes this one. None: another has taken its place.
    pub(super) fn since_told(&self) -> Option<&[Facts]> {
        let follows = self.told.is_some() || self.untold.len() >= self.case.entries();
        follows.then_some(&self.untold)
    }

    /// Another case takes its place, with fewer entries perhaps: the index is to be told of it as a whole.
    pub(super) fn replace(&mut self, case: Case) {
        *self = Self { rows: std::mem::take(&mut self.rows), ..Self::new(case) };
    }

    /// What the index is to be told, and the case as it is then, where its rows will be these.
    pub(super) fn tell(&self, rows: Vec<RowKey>) -> (CaseSnapshot, Self) {
        let (bytes, told, is_addition) = match self.addition(&rows) {
            Some((bytes, told)) => (bytes, told, true),
            None => (self.whole(&rows), Told { whole: self.case.entries(), added: 0 }, false),
        };
        let snapshot = CaseSnapshot { case: self.case.id(), bytes, is_addition };
        (snapshot, Self { case: self.case.clone(), rows, untold: Vec::new(), told: Some(told) })
    }

    /// None: it is to be written whole. Where the index was told of the case meanwhile, an addition brings entries once
    /// more, which changes nothing: a case takes an entry once.
    fn addition(&self, rows: &[RowKey]) -> Option<(Vec<u8>, Told)> {
        let Told { whole, added } = self.told?;
        let added = added + self.untold.len();
        if added > ADDED_ENTRIES.max(whole) {
            return None;
        }
        let moved = (self.rows != rows).then_some(rows);
        let bytes = postcard::to_extend(&(&self.untold, moved), vec![ADDITION_VERSION]).ok()?;
        (bytes.len() <= ADDITION_MAX_BYTES).then_some((bytes, Told { whole, added }))
    }

    /// Empty only where the case can't be encoded at all; then it is folded anew each time.
    fn whole(&self, rows: &[RowKey]) -> Vec<u8> {
        let Ok(plain) = postcard::to_allocvec(&(&*self.case, rows)) else { return Vec::new() };
        let mut bytes = vec![VERSION];
        // Written far more often than anything else here, so the fastest will do.
        bytes.extend(lz4_flex::compress_prepend_size(&plain));
        bytes
    }

    /// None: of another version, or damaged.
    pub(crate) fn decode(held: &HeldSnapshot) -> Option<Self> {
        let compressed = held.whole.strip_prefix(&[VERSION])?;
        let (size, compressed) = lz4_flex::block::uncompressed_size(compressed).ok()?;
        if size > SNAPSHOT_MAX_BYTES {
            return None;
        }
        let plain = lz4_flex::decompress(compressed, size).ok()?;
        let (mut case, mut rows): (Case, Vec<RowKey>) = postcard::from_bytes(&plain).ok()?;
        let mut told = Told { whole: case.entries(), added: 0 };
        for bytes in &held.additions {
            let plain = bytes.strip_prefix(&[ADDITION_VERSION])?;
            let (entries, moved): (Vec<Facts>, Option<Vec<RowKey>>) = postcard::from_bytes(plain).ok()?;
            entries.iter().for_each(|entry| case.take(entry));
            told.added += entries.len();
            rows = moved.unwrap_or(rows);
        }
        Some(Self { case: Arc::new(case), rows, untold: Vec::new(), told: Some(told) })
    }

    /// The case with entries that have waited.
    pub(super) fn fold(filed: &mut Arc<Self>, waiting: impl IntoIterator<Item = Facts>) {
        // Copied, should a reader hold it: it goes on seeing the case as it was.
        let filed = Arc::make_mut(filed);
        let case = Arc::make_mut(&mut filed.case);
        for entry in waiting {
            case.take(&entry);
            filed.untold.push(entry);
        }
    }
}

/// An entry as a case takes it. None: of another kind, malformed, or by a key that nobody knows. Such an entry is
/// kept and passed on; it says nothing here.
pub(crate) fn case_entry(entry: &Entry, writer: Option<StationCode>) -> Option<Facts> {
    let decoded = codec::decode(entry.kind, &entry.body).ok()??;
    let entry = CaseEntry {
        hash: entry.hash,
        log: entry.log,
        seq: entry.seq,
        writer: writer?,
        time: entry.time,
        actor: entry.actor.clone(),
        body: decoded.body,
    };
    Some(entry.into())
}
