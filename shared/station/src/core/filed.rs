//! A case as the index keeps it: folded, with the rows where it is filed.

use std::sync::Arc;

use sanji_domain::case::{Case, CaseEntry, codec};
use sanji_log::{Entry, StationCode};

use super::rows::RowKey;

/// First byte of a snapshot. A snapshot of another version is dropped and the case folded anew from its entries.
const VERSION: u8 = 3;
const SNAPSHOT_MAX_BYTES: usize = 16 << 20;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct FiledCase {
    pub(crate) case: Arc<Case>,
    /// Rows in the index at present. Kept, since what was filed under an older catalogue must be found again.
    pub(crate) rows: Vec<RowKey>,
}

impl FiledCase {
    pub(crate) fn new(case: Case) -> Self {
        Self { case: Arc::new(case), rows: Vec::new() }
    }

    /// None only where the case can't be encoded at all; then it is folded anew each time.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let plain = postcard::to_allocvec(&(&*self.case, &self.rows)).ok()?;
        let mut bytes = vec![VERSION];
        // Written far more often than anything else here, so the fastest will do.
        bytes.extend(lz4_flex::compress_prepend_size(&plain));
        Some(bytes)
    }

    /// None: of another version, or damaged.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let compressed = bytes.strip_prefix(&[VERSION])?;
        let (size, compressed) = lz4_flex::block::uncompressed_size(compressed).ok()?;
        if size > SNAPSHOT_MAX_BYTES {
            return None;
        }
        let plain = lz4_flex::decompress(compressed, size).ok()?;
        let (case, rows): (Case, Vec<RowKey>) = postcard::from_bytes(&plain).ok()?;
        Some(Self { case: Arc::new(case), rows })
    }
}

impl FiledCase {
    /// The case with entries that have waited.
    pub(super) fn fold<'a>(filed: &mut Arc<Self>, waiting: impl IntoIterator<Item = &'a CaseEntry>) {
        // Copied, should a reader hold it: it goes on seeing the case as it was.
        let case = Arc::make_mut(&mut Arc::make_mut(filed).case);
        waiting.into_iter().for_each(|entry| case.apply(entry));
    }
}

/// An entry as a case takes it. None: of another kind, malformed, or by a key that nobody knows. Such an entry is
/// kept and passed on; it says nothing here.
pub(crate) fn case_entry(entry: &Entry, writer: Option<StationCode>) -> Option<CaseEntry> {
    let decoded = codec::decode(entry.kind, &entry.body).ok()??;
    Some(CaseEntry {
        hash: entry.hash,
        log: entry.log,
        seq: entry.seq,
        writer: writer?,
        time: entry.time,
        actor: entry.actor.clone(),
        body: decoded.body,
    })
}
