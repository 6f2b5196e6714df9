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

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::UNIX_EPOCH;

use data_encoding::HEXLOWER;
use sanji_log::attachment::{CHUNK_BYTES, chunk_hash, root};
use sanji_log::entry::ATTACHMENT_MAX_BYTES;
use sanji_log::{AttachmentId, AttachmentRef};

use super::Attachments;
use crate::contract::{Error, Upload};
use crate::files::{create_folder, failed, sync_folder};

/// Name of the folder.
pub(super) const FOLDER: &str = "uploads";
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
        let folder = self.path.join(FOLDER);
        create_folder(&folder)?;
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        let beside = folder.join(format!("{number}{PARTIAL}"));
        let kept = write(&beside, parts).and_then(|(reference, manifest)| {
            let marked = folder.join(name(&reference.id, note));
            self.keep(&beside, &marked, reference, &manifest).map(|()| reference)
        });
        if kept.is_err() {
            // Where even this fails, the next start removes it.
            let _ = fs::remove_file(&beside);
        }
        kept
    }

    /// Gives a written content its name. One that is whole here already is not touched: it may have been named.
    fn keep(&self, beside: &Path, marked: &Path, reference: AttachmentRef, manifest: &[u8]) -> Result<(), Error> {
        let AttachmentRef { id, size } = reference;
        if self.state(&id)?.complete {
            return fs::remove_file(beside).map_err(|error| failed("remove", beside, error));
        }
        self.put_manifest(&id, manifest, size)?;
        fs::File::create(marked).map_err(|error| failed("write", marked, error))?;
        fs::File::open(beside).and_then(|file| file.sync_all()).map_err(|error| failed("sync", beside, error))?;
        let whole = self.whole(&id);
        fs::rename(beside, &whole).map_err(|error| failed("rename", beside, error))?;
        self.forget(&id);
        whole.parent().map_or(Ok(()), sync_folder)
    }

    /// Uploads that wait, in no order.
    pub(crate) fn waiting_uploads(&self) -> Result<Vec<Upload>, Error> {
        let folder = self.path.join(FOLDER);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("list", &folder, error)),
        };
        let mut uploads = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| failed("list", &folder, error))?;
            let Some((id, note)) = entry.file_name().to_str().and_then(parse) else { continue };
            // One that a command has named meanwhile is gone.
            let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
            let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
            uploads.push(Upload { id, note, since_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) });
        }
        Ok(uploads)
    }

    /// A command has named an upload: it is an attachment like any other now.
    pub(crate) fn upload_named(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        remove(&self.path.join(FOLDER).join(name(id, note)))
    }

    /// Removes an upload with its content.
    pub(crate) fn drop_upload(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        self.forget(id);
        // The mark goes last: what is left over after a crash is removed by the next attempt.
        for path in [self.whole(id), self.file(id, ".manifest"), self.path.join(FOLDER).join(name(id, note))] {
            remove(&path)?;
        }
        Ok(())
    }

    /// What was being written when the process ended helps nobody.
    pub(super) fn forget_unfinished_uploads(&self) -> Result<(), Error> {
        let folder = self.path.join(FOLDER);
        if !folder.is_dir() {
            return Ok(());
        }
        let unfinished = super::list(&folder)?;
        let mut unfinished = unfinished.iter().filter(|path| path.to_string_lossy().ends_with(PARTIAL));
        unfinished.try_for_each(|path| remove(path))
    }
}

/// Writes a content and says what it is.
fn write(path: &Path, parts: &mut dyn Iterator<Item = Vec<u8>>) -> Result<(AttachmentRef, Vec<u8>), Error> {
    let mut file = fs::File::create(path).map_err(|error| failed("write", path, error))?;
    let (mut size, mut manifest, mut rest) = (0, Vec::new(), Vec::new());
    for part in parts {
        file.write_all(&part).map_err(|error| failed("write", path, error))?;
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

fn name(id: &AttachmentId, note: &[u8]) -> String {
    format!("{}-{}", id.to_hex(), HEXLOWER.encode(note))
}

fn parse(name: &str) -> Option<(AttachmentId, Vec<u8>)> {
    let (id, note) = name.split_once('-')?;
    Some((id.parse().ok()?, HEXLOWER.decode(note.as_bytes()).ok()?))
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path, error)),
        _ => Ok(()),
    }
}
