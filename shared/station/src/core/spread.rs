//! Where attachments are: which stations of a case's line are known to hold each. A row is kept only while one of
//! them is not known to, so the list doesn't grow with history; what is lost of it is asked for again.

use sanji_log::{AttachmentId, AttachmentRef, CaseId, StationCode};
use sanji_store::Row;
use serde::{Deserialize, Serialize};

use super::rows::{UNCONFIRMED, missing_key, no_row, row};
use super::{Core, Reader};
use crate::error::{Error, store, stored};

/// The value of a row of [`UNCONFIRMED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// Size as the case's entry gives it, in bytes.
    pub(crate) size: u64,
    /// Stations that are known to hold all of it, this one not among them.
    held_by: Vec<StationCode>,
}

/// The stations that shall hold what belongs to a case: its home and those above it.
pub(crate) fn line(case: &CaseId) -> impl Iterator<Item = StationCode> {
    std::iter::successors(case.home(), |station| station.parent())
}

impl Spread {
    /// Of an attachment that an entry of `writer` names.
    pub(super) fn new(reference: &AttachmentRef, writer: Option<StationCode>, me: StationCode) -> Self {
        Self { size: reference.size, held_by: writer.into_iter().filter(|writer| *writer != me).collect() }
    }

    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        postcard::from_bytes(value).ok()
    }

    /// Stations of the line, without `me`, that are not known to hold it.
    pub(crate) fn lacking(&self, case: &CaseId, me: StationCode) -> impl Iterator<Item = StationCode> {
        line(case).filter(move |station| *station != me && !self.held_by.contains(station))
    }

    /// Whether no station of the line above `me` is known to hold it.
    pub(crate) fn is_held_by_none_above(&self, case: &CaseId, me: StationCode) -> bool {
        let mut above = line(case).filter(|station| *station != me && me.within(*station));
        above.all(|station| !self.held_by.contains(&station))
    }

    /// The row that says it; none is needed where all hold it.
    pub(super) fn row(&self, case: &CaseId, id: &AttachmentId, me: StationCode) -> Row {
        let key = missing_key(case, id);
        match self.lacking(case, me).next() {
            Some(_) => row(UNCONFIRMED, key, postcard::to_allocvec(self).unwrap_or_default()),
            None => no_row((UNCONFIRMED.to_vec(), key)),
        }
    }
}

impl Reader {
    /// What is known of an attachment that not all stations of its case's line are known to hold.
    pub(crate) fn spread(&self, case: &CaseId, id: &AttachmentId) -> Result<Option<Spread>, Error> {
        let value = self.noted()?.row(UNCONFIRMED, &missing_key(case, id)).map_err(store("look an attachment up"))?;
        value.map(|value| postcard::from_bytes(&value).map_err(stored("row"))).transpose()
    }

    /// The stations of the line that are known to hold all of an attachment of a case.
    pub(crate) fn holders(&self, case: &CaseId, id: &AttachmentId) -> Result<Vec<StationCode>, Error> {
        let me = self.me();
        let complete = self.store().attachment(id).map_err(store("look an attachment up"))?.complete;
        let lacking: Vec<_> =
            self.spread(case, id)?.into_iter().flat_map(|spread| Vec::from_iter(spread.lacking(case, me))).collect();
        Ok(line(case).filter(|station| if *station == me { complete } else { !lacking.contains(station) }).collect())
    }
}

impl Core {
    /// Stages that other stations hold an attachment of a case. What the open group has staged of it counts.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Stored`].
    pub fn attachment_held(&mut self, case: &CaseId, id: &AttachmentId, by: &[StationCode]) -> Result<(), Error> {
        let me = self.reader.me();
        let key = missing_key(case, id);
        let spread = match self.staged_row(UNCONFIRMED, &key) {
            Some(value) => value.and_then(Spread::decode),
            None => self.reader.spread(case, id)?,
        };
        let Some(mut spread) = spread else { return Ok(()) };
        let news: Vec<_> = spread.lacking(case, me).filter(|station| by.contains(station)).collect();
        if !news.is_empty() {
            spread.held_by.extend(news);
            self.stage_row(spread.row(case, id, me));
        }
        Ok(())
    }
}
