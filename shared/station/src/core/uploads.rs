//! Uploads: files that were handed in and that no command has named. What waits too long is removed, and never one
//! that an entry names.

use sanji_log::{AttachmentId, CaseId, RequestId};
use sanji_store::Upload;

use super::Core;
use crate::error::{Error, store};
use crate::pending::Purpose;
use crate::views;

const FOR_REQUEST: u8 = 1;
const FOR_CASE: u8 = 2;

/// What the store notes of an upload: the request or the case that it is for.
pub(super) fn note(purpose: &Purpose) -> Vec<u8> {
    match purpose {
        Purpose::Submit(_, request) => [&[FOR_REQUEST], &request.0[..]].concat(),
        Purpose::Act(_, case) => [&[FOR_CASE], &case.0[..]].concat(),
    }
}

impl Core {
    /// Removes uploads that have waited since before a time. How many were removed.
    ///
    /// Runs where commands are staged, so no command names one meanwhile.
    ///
    /// # Errors
    /// [`Error::Store`]; what was not looked at is looked at the next time.
    pub fn drop_uploads(&mut self, waiting_since_before_ms: u64) -> Result<usize, Error> {
        let mut dropped = 0;
        for upload in self.reader.store().uploads().map_err(store("list uploads"))? {
            if upload.since_ms >= waiting_since_before_ms || self.is_staged(&upload.id) {
                continue;
            }
            self.pending.forget(&upload.id);
            let Some(named) = self.is_named(&upload)? else {
                tracing::warn!(attachment = %upload.id, "an upload has a note that can't be read; it is left alone");
                continue;
            };
            let store_now = self.reader.store();
            if named {
                store_now.upload_named(&upload.id, &upload.note).map_err(store("note that an upload was named"))?;
            } else {
                store_now.drop_upload(&upload.id, &upload.note).map_err(store("remove an upload"))?;
                dropped += 1;
            }
        }
        Ok(dropped)
    }

    /// Whether the case of an upload names it. None: the note says nothing.
    fn is_named(&self, upload: &Upload) -> Result<Option<bool>, Error> {
        let case = match upload.note.split_first() {
            Some((&FOR_REQUEST, request)) => match RequestId::try_from(request) {
                Ok(request) => self.reader.case_of_request(&request)?,
                Err(_) => return Ok(None),
            },
            Some((&FOR_CASE, case)) => match CaseId::from_bytes(case) {
                Ok(case) => Some(case),
                Err(_) => return Ok(None),
            },
            _ => return Ok(None),
        };
        let Some(case) = case else { return Ok(Some(false)) };
        views::names_attachment(&self.reader, &case, &upload.id).map(Some)
    }

    fn is_staged(&self, id: &AttachmentId) -> bool {
        self.staged_uses().any(|named| named.contains(id))
    }
}
