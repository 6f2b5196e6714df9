//! Attachments that were whole here and are not any more: found, and wanted again.

use sanji_log::{AttachmentId, AttachmentRef, CaseId, Head, LogId};

use super::rows::{MISSING, missing_key, row};
use super::{Core, Reader};
use crate::error::{Error, store, stored};

/// Bytes of entries read at a time.
const READ_BYTES: usize = 1 << 20;

/// An attachment, and a case that names it.
pub(crate) type Named = (CaseId, AttachmentRef);

impl Reader {
    /// Of those asked for: what entries name, is not whole here, and is not wanted. Reads every entry that is held.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Stored`].
    pub(crate) fn lost_attachments(&self, asked: impl Fn(&AttachmentId) -> bool) -> Result<Vec<Named>, Error> {
        let mut lost = Vec::new();
        for Head { log, seq, .. } in self.store().have().heads() {
            let mut next = 1;
            while next <= seq {
                let run = match self.store().read(&log, next, READ_BYTES) {
                    Ok(Some(run)) => run,
                    Ok(None) => break,
                    Err(sanji_store::Error::Damaged { .. }) => {
                        let Some(behind) = self.behind_damage(&log, next) else { break };
                        next = behind;
                        continue;
                    }
                    Err(source) => return Err(store("read a log")(source)),
                };
                for bytes in &run.entries {
                    let entry = bytes.decode().map_err(stored("entry"))?;
                    let Some(case) = entry.case else { continue };
                    for named in entry.attachments.iter().filter(|named| asked(&named.id)) {
                        if self.is_lost(&case, &named.id)? {
                            lost.push((case, *named));
                        }
                    }
                }
                next = run.seal.seq + 1;
            }
        }
        Ok(lost)
    }

    /// First position behind damaged entries.
    fn behind_damage(&self, log: &LogId, seq: u64) -> Option<u64> {
        let missing = self.store().missing();
        missing
            .iter()
            .find(|lost| lost.log == *log && (lost.from..=lost.until).contains(&seq))
            .map(|lost| lost.until + 1)
    }

    fn is_lost(&self, case: &CaseId, id: &AttachmentId) -> Result<bool, Error> {
        let held = self.store().attachment(id).map_err(store("look an attachment up"))?;
        let is_wanted = || self.noted()?.row(MISSING, &missing_key(case, id)).map_err(store("look an attachment up"));
        Ok(!held.complete && is_wanted()?.is_none())
    }
}

impl Core {
    /// Stages that attachments are missing here.
    pub(crate) fn want_again(&mut self, lost: &[Named]) {
        for (case, AttachmentRef { id, size }) in lost {
            self.stage_row(row(MISSING, missing_key(case, id), size.to_be_bytes().to_vec()));
        }
    }

    /// Stages that an attachment of a case is missing here, where it is and was not known to be.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Stored`].
    pub(crate) fn want_if_lost(&mut self, case: &CaseId, id: &AttachmentId) -> Result<(), Error> {
        if !self.reader.is_lost(case, id)? {
            return Ok(());
        }
        let entries = self.reader.store().case_entries(case).map_err(store("read the entries of a case"))?;
        for held in &entries {
            let entry = held.entry.decode().map_err(stored("entry"))?;
            if let Some(named) = entry.attachments.iter().find(|named| named.id == *id) {
                self.want_again(&[(*case, *named)]);
                return Ok(());
            }
        }
        Ok(())
    }
}
