//! Matters as the station keeps them: folded from their few entries when somebody looks, with two rows each in the
//! index, so that lists and numbers are found without folding anything. Their ids and keys are made as those of cases.

use std::ops::RangeInclusive;
use std::sync::Arc;

use sanji_domain::matter::{Matter, MatterEntry, MatterKind, MatterPrivate, codec};
use sanji_log::{CaseId, CaseNumber, Entry, EntryBytes, LogId, StationCode};
use sanji_store::Row;
use serde::{Deserialize, Serialize};

use super::Reader;
use super::forks::CountingBranches;
use super::rows::{no_row, row};
use crate::error::{Error, store, stored};
use crate::vault::CaseKey;

/// Every matter, by id: name of its kind.
pub(crate) const MATTERS: &[u8] = b"matters";
/// Complaints that came in a letter, by the letter's id: the complaint's.
pub(crate) const LETTERS: &[u8] = b"letters";
/// Complaints about cases, by the number of the case and the complaint's id.
const COMPLAINTS: &[u8] = b"complaints";
/// Cases with a bad rating about which something has to be done.
pub(crate) const CALL_BACKS: &[u8] = b"call_backs";

/// What a row of a list of closed questions says of one that was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Published {
    /// Code of the item; empty: none.
    pub(crate) item: String,
    pub(crate) question: String,
    pub(crate) answer: String,
}

/// The list of a kind's matters that are open or closed.
pub(crate) fn list_of(kind: MatterKind, open: bool) -> Vec<u8> {
    format!("matters/{}/{}", kind.name(), if open { "open" } else { "closed" }).into_bytes()
}

/// Orders a list by the time of opening.
fn list_key(opened_ms: u64, id: &CaseId) -> Vec<u8> {
    [&opened_ms.to_be_bytes()[..], id.as_bytes()].concat()
}

/// Id and time of opening of a list's row.
pub(crate) fn of_list_key(key: &[u8]) -> Option<(CaseId, u64)> {
    let (opened, id) = key.split_at_checked(8)?;
    Some((CaseId::from_bytes(id).ok()?, u64::from_be_bytes(opened.try_into().ok()?)))
}

/// What the index shall show of a matter.
pub(super) fn rows_of(matter: &Matter) -> Vec<Row> {
    let id = matter.id();
    let (Some(kind), Some(opening)) = (matter.kind(), matter.opening()) else { return Vec::new() };
    let key = list_key(opening.time.millis(), &id);
    let published = matter.published().map(|(question, answer)| Published {
        item: matter.question().and_then(|asked| asked.item.as_ref()).map(ToString::to_string).unwrap_or_default(),
        question: question.to_owned(),
        answer: answer.to_owned(),
    });
    let value = published.and_then(|published| postcard::to_allocvec(&published).ok()).unwrap_or_default();
    let mut rows = vec![
        row(MATTERS, id.as_bytes().to_vec(), kind.name().as_bytes().to_vec()),
        row(&list_of(kind, matter.is_open()), key.clone(), value),
        no_row((list_of(kind, !matter.is_open()), key)),
    ];
    if let Some(case) = matter.complaint().and_then(|complaint| complaint.case.as_ref()) {
        rows.push(row(COMPLAINTS, [&case.prefix()[..], id.as_bytes()].concat(), Vec::new()));
    }
    if let Some(letter) = matter.complaint().and_then(|complaint| complaint.letter) {
        rows.push(row(LETTERS, letter.as_bytes().to_vec(), id.as_bytes().to_vec()));
    }
    rows
}

/// An entry as a matter takes it. None: of another kind, malformed, or by a key that nobody knows.
pub(super) fn matter_entry(entry: &Entry, writer: Option<StationCode>) -> Option<MatterEntry> {
    let decoded = codec::decode(entry.kind, &entry.body).ok()??;
    Some(MatterEntry {
        hash: entry.hash,
        log: entry.log,
        seq: entry.seq,
        writer: writer?,
        time: entry.time,
        actor: entry.actor.clone(),
        body: decoded.body,
    })
}

/// The private part of a matter's entry. None: it has none, or it can't be read with this key.
pub(super) fn open_matter(id: &CaseId, key: &CaseKey, bytes: &EntryBytes) -> Result<Option<MatterPrivate>, Error> {
    let entry = bytes.decode().map_err(stored("entry"))?;
    let sealed = codec::decode(entry.kind, &entry.body).ok().flatten().and_then(|decoded| decoded.sealed);
    Ok(sealed.and_then(|sealed| key.open(id, &sealed).ok()).and_then(|plain| MatterPrivate::decode(&plain)))
}

impl Reader {
    /// A matter; none where no entry of it is held.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn matter(&self, id: &CaseId) -> Result<Option<Arc<Matter>>, Error> {
        if let Some(matter) = self.matter_ahead(id) {
            return Ok(Some(matter));
        }
        let matter = self.fold_matter(id, &self.counting_branches()?)?;
        Ok((matter.kind().is_some() || matter.sides().next().is_some()).then(|| Arc::new(matter)))
    }

    /// A matter from its entries.
    pub(super) fn fold_matter(&self, id: &CaseId, branches: &CountingBranches) -> Result<Matter, Error> {
        let reference = self.reference();
        let mut matter = Matter::new(*id);
        for entry in self.counting_entries(id, branches)? {
            if let Some(entry) = matter_entry(&entry, self.writer(&reference, &entry)) {
                matter.apply(&entry);
            }
        }
        Ok(matter)
    }

    /// The private part of an entry of a matter. None: it has none, the entry is not here, or it can't be read.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn matter_private(
        &self,
        id: &CaseId,
        key: &CaseKey,
        log: &LogId,
        seq: u64,
    ) -> Result<Option<MatterPrivate>, Error> {
        let bytes = self.counting_entry(log, seq)?;
        bytes.map_or(Ok(None), |bytes| open_matter(id, key, &bytes))
    }

    /// Matters with a number: one, save where two lives of a station gave the same.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn find_matters(&self, number: &CaseNumber) -> Result<Vec<CaseId>, Error> {
        const SAME_NUMBER_MAX: usize = 16;
        let prefix = number.prefix();
        let from = prefix_before(&prefix);
        let rows = self.indexed()?.rows(MATTERS, Some(&from), false, SAME_NUMBER_MAX);
        let rows = rows.map_err(store("look a matter's number up"))?;
        let ids = rows.into_iter().filter_map(|(key, _)| CaseId::from_bytes(&key).ok());
        Ok(ids.filter(|id| id.number_prefix() == prefix).collect())
    }

    /// Complaints about the case of a number, oldest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn complaints_about(&self, case: &CaseNumber) -> Result<Vec<CaseId>, Error> {
        const COMPLAINTS_MAX: usize = 50;
        let prefix = case.prefix();
        let rows = self.indexed()?.rows(COMPLAINTS, Some(&prefix_before(&prefix)), false, COMPLAINTS_MAX);
        let rows = rows.map_err(store("look for complaints about a case"))?;
        let about = rows.into_iter().filter_map(|(key, _)| key.strip_prefix(&prefix).map(CaseId::from_bytes));
        Ok(about.filter_map(Result::ok).collect())
    }

    /// Every matter of a kind that is open or closed, the oldest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn all_matters(&self, kind: MatterKind, open: bool) -> Result<Vec<CaseId>, Error> {
        const PAGE: usize = 512;
        let list = list_of(kind, open);
        let (mut matters, mut after) = (Vec::new(), None::<Vec<u8>>);
        loop {
            let page = self.indexed()?.rows(&list, after.as_deref(), false, PAGE).map_err(store("read a list"))?;
            let Some((last, _)) = page.last() else { return Ok(matters) };
            after = Some(last.clone());
            matters.extend(page.iter().filter_map(|(key, _)| of_list_key(key)).map(|(id, _)| id));
        }
    }

    /// The complaint that came in a letter.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn complaint_of_letter(&self, letter: &CaseId) -> Result<Option<CaseId>, Error> {
        let value = self.indexed()?.row(LETTERS, letter.as_bytes()).map_err(store("look a letter up"))?;
        Ok(value.and_then(|value| CaseId::from_bytes(&value).ok()))
    }

    /// The highest of some numbers of the day that a matter of a station has, as far as the index knows.
    pub(super) fn highest_matter(
        &self,
        home: StationCode,
        day: u16,
        serials: &RangeInclusive<u16>,
    ) -> Result<Option<u16>, Error> {
        let Ok(last) = CaseId::new(home, day, *serials.end(), [u8::MAX; 7]) else { return Ok(None) };
        let behind = [last.as_bytes(), &[u8::MAX][..]].concat();
        let rows =
            self.indexed()?.rows(MATTERS, Some(&behind), true, 1).map_err(store("look for the day's matters"))?;
        let newest = rows.into_iter().next().and_then(|(key, _)| CaseId::from_bytes(&key).ok());
        let same_day = newest.filter(|id| id.as_bytes()[..7] == last.as_bytes()[..7]);
        Ok(same_day.map(|id| id.serial()).filter(|serial| serials.contains(serial)))
    }
}

/// The largest key that sorts before everything with a prefix, for a reader that starts behind a key.
fn prefix_before(prefix: &[u8; 9]) -> Vec<u8> {
    let number = prefix.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    let mut before = number.saturating_sub(1).to_be_bytes()[7..].to_vec();
    before.extend([u8::MAX; 8]);
    before
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_found_from_just_before_them() {
        let id = |serial, rest| CaseId::new("990106101203".parse().unwrap(), 9678, serial, [rest; 7]).unwrap();
        let before = prefix_before(&id(256, 0).number_prefix());
        assert!(before.as_slice() > id(255, u8::MAX).as_bytes());
        assert!(before.as_slice() < id(256, 0).as_bytes());
    }
}
