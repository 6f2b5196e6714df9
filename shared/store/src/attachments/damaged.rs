//! Attachments that were whole and were found damaged: they count as having come in part, and are to come again.
//!
//! An empty file of the attachment's name says so, so that a restart does not forget it. It is never synced: whoever
//! reads the attachment finds the damage anew.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::{MutexGuard, PoisonError};

use sanji_log::AttachmentId;

use super::{Attachments, partial, whole};
use crate::contract::Error;
use crate::files::{failed, remove_if_there};

/// Name of the folder.
const FOLDER: &str = "damaged";

impl Attachments {
    /// Those that are not whole again, in order.
    pub(crate) fn damaged(&self) -> Vec<AttachmentId> {
        self.known_damaged().iter().copied().collect()
    }

    /// Reads what was noted before the last start.
    pub(super) fn remember_damaged(&self) -> Result<(), Error> {
        let names = self.folder.names(FOLDER);
        let names = names.map_err(|error| failed("list", &self.folder.path().join(FOLDER), error))?;
        self.known_damaged().extend(names.iter().filter_map(|name| name.parse::<AttachmentId>().ok()));
        Ok(())
    }

    /// A complete attachment that is damaged counts as one that has come in part: what is good of its beginning stays.
    pub(super) fn lay_open(&self, id: &AttachmentId) {
        self.forget(id);
        if let Err(error) = self.folder.rename(&whole(id), &partial(id))
            && error.kind() != ErrorKind::NotFound
        {
            tracing::error!(attachment = %id, error = %error, "a damaged attachment can't be laid open");
        }
        if !self.known_damaged().insert(*id) {
            return;
        }
        tracing::error!(attachment = %id, "an attachment is damaged");
        let noted = self.folder.make_folder(FOLDER).and_then(|()| self.folder.create(&note(id)));
        if let Err(error) = noted {
            tracing::warn!(attachment = %id, error = %error, "a damaged attachment is remembered until the next start only");
        }
    }

    /// All of an attachment is here and durable.
    pub(super) fn whole_again(&self, id: &AttachmentId) {
        if self.known_damaged().remove(id)
            && let Err(error) = remove_if_there(&*self.folder, &note(id))
        {
            tracing::warn!(attachment = %id, %error, "an attachment that is whole again is still noted as damaged");
        }
    }

    fn known_damaged(&self) -> MutexGuard<'_, BTreeSet<AttachmentId>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note(id: &AttachmentId) -> String {
    format!("{FOLDER}/{}", id.to_hex())
}
