//! Uploads: contents that were handed in and that no command has named yet.
//!
//! ```text
//! attachments/uploads/7.partial     being written, before its id is known
//! attachments/uploads/ab12…-NOTE    empty: the attachment ab12… is whole, and what it waits for is in the note
//! ```
//!
//! All that is to be known of an upload stands in the name of an empty file, which a file system makes durable with
//! the content that is synced after it. Where one is lost in a power cut all the same, an unnamed content stays on
//! the disk; nothing that is needed can be lost.

use std::sync::atomic::Ordering;

use data_encoding::HEXLOWER;
use sanji_log::attachment::{CHUNK_BYTES, chunk_hash, root};
use sanji_log::entry::ATTACHMENT_MAX_BYTES;
use sanji_log::{AttachmentId, AttachmentRef};

use super::{Attachments, manifest_name, subfolder, whole};
use crate::contract::{Error, Upload};
use crate::files::{Folder, failed, remove_if_there};

/// Name of the folder.
const FOLDER: &str = "uploads";
/// Most bytes of a note.
const NOTE_MAX_BYTES: usize = 64;
const PARTIAL: &str = ".partial";

impl Attachments {
    /// Keeps a content whose id is not known before it has been read.
    pub(crate) fn put_upload(
        &self,
        parts: &mut dyn Iterator<Item = Vec<u8>>,
        note: &[u8],
    ) -> Result<AttachmentRef, Error> {
        if note.len() > NOTE_MAX_BYTES {
            return Err(Error::Invalid { what: "the note of an upload is too long" });
        }
        self.folder.make_folder(FOLDER).map_err(|error| failed("create", &self.folder.path().join(FOLDER), error))?;
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        let beside = format!("{FOLDER}/{number}{PARTIAL}");
        let kept = write(&*self.folder, &beside, parts)
            .and_then(|(reference, manifest)| self.keep(&beside, note, reference, &manifest).map(|()| reference));
        if kept.is_err() {
            // Where even this fails, the next start removes it.
            let _ = self.folder.remove(&beside);
        }
        kept
    }

    /// Gives a written content its name. One that is whole here already is not touched: it may have been named.
    fn keep(&self, beside: &str, note: &[u8], reference: AttachmentRef, manifest: &[u8]) -> Result<(), Error> {
        let AttachmentRef { id, size } = reference;
        if self.state(&id)?.complete {
            return remove_if_there(&*self.folder, beside);
        }
        self.put_manifest(&id, manifest, size)?;
        let name_it = || {
            self.folder.create(&mark(&id, note))?;
            self.folder.open(beside)?.sync()?;
            self.folder.rename(beside, &whole(&id))
        };
        name_it().map_err(|error| failed("keep", &self.folder.path().join(beside), error))?;
        self.forget(&id);
        self.folder.sync(&subfolder(&id)).map_err(|error| {
            // Its name may not be on the disk, so it must not be taken for whole.
            let _ = self.folder.remove(&whole(&id));
            failed("sync", self.folder.path(), error)
        })?;
        self.whole_again(&id);
        Ok(())
    }

    /// Uploads that wait, in no order.
    pub(crate) fn waiting_uploads(&self) -> Result<Vec<Upload>, Error> {
        let mut uploads = Vec::new();
        for name in self.unnamed()? {
            let Some((id, note)) = parse(&name) else { continue };
            // One that a command has named meanwhile is gone.
            let Ok(since_ms) = self.folder.modified_ms(&format!("{FOLDER}/{name}")) else { continue };
            uploads.push(Upload { id, note, since_ms });
        }
        Ok(uploads)
    }

    /// A command has named an upload: it is an attachment like any other now.
    pub(crate) fn upload_named(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        remove_if_there(&*self.folder, &mark(id, note))
    }

    /// Removes an upload with its content.
    pub(crate) fn drop_upload(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        self.forget(id);
        self.whole_again(id);
        // The mark goes last: what is left over after a crash is removed by the next attempt.
        let names = [whole(id), manifest_name(id), mark(id, note)];
        names.iter().try_for_each(|name| remove_if_there(&*self.folder, name))
    }

    /// What was being written when the process ended helps nobody.
    pub(super) fn forget_unfinished_uploads(&self) -> Result<(), Error> {
        let names = self.unnamed()?;
        let mut unfinished = names.iter().filter(|name| name.ends_with(PARTIAL));
        unfinished.try_for_each(|name| remove_if_there(&*self.folder, &format!("{FOLDER}/{name}")))
    }

    fn unnamed(&self) -> Result<Vec<String>, Error> {
        self.folder.names(FOLDER).map_err(|error| failed("list", &self.folder.path().join(FOLDER), error))
    }
}

/// Writes a content and says what it is.
fn write(
    folder: &dyn Folder,
    name: &str,
    parts: &mut dyn Iterator<Item = Vec<u8>>,
) -> Result<(AttachmentRef, Vec<u8>), Error> {
    let fault = |error| failed("write", &folder.path().join(name), error);
    let file = folder.create(name).map_err(fault)?;
    let (mut size, mut manifest, mut rest) = (0, Vec::new(), Vec::new());
    for part in parts {
        file.write_at(&part, size).map_err(fault)?;
        size += part.len() as u64;
        if size > ATTACHMENT_MAX_BYTES {
            return Err(Error::Invalid { what: "the content of an attachment is too long" });
        }
        // Whole chunks are hashed where they lie; what is left over begins the next.
        let fill = if rest.is_empty() { 0 } else { part.len().min(CHUNK_BYTES - rest.len()) };
        let (head, part) = part.split_at(fill);
        rest.extend_from_slice(head);
        if rest.len() == CHUNK_BYTES {
            manifest.extend(chunk_hash(&rest));
            rest.clear();
        }
        let chunks = part.chunks_exact(CHUNK_BYTES);
        rest.extend_from_slice(chunks.remainder());
        manifest.extend(chunks.flat_map(chunk_hash));
    }
    if !rest.is_empty() {
        manifest.extend(chunk_hash(&rest));
    }
    if size == 0 {
        return Err(Error::Invalid { what: "an attachment without content" });
    }
    Ok((AttachmentRef { id: root(size, &manifest), size }, manifest))
}

fn mark(id: &AttachmentId, note: &[u8]) -> String {
    format!("{FOLDER}/{}-{}", id.to_hex(), HEXLOWER.encode(note))
}

fn parse(name: &str) -> Option<(AttachmentId, Vec<u8>)> {
    let (id, note) = name.split_once('-')?;
    Some((id.parse().ok()?, HEXLOWER.decode(note.as_bytes()).ok()?))
}
