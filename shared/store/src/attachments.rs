//! Attachments: content-addressed files.
//!
//! ```text
//! attachments/ab/ab12….manifest   size u64 little endian, then the hash of each chunk
//! attachments/ab/ab12….partial    the chunks that have come so far
//! attachments/ab/ab12…            the whole content: synced, renamed, the folder synced
//! attachments/uploads/            contents that no command has named yet, see `uploads`
//! ```
//!
//! A manifest is never synced, since it proves itself: one that a power cut has torn is written again while chunks
//! are missing, and computed again from the whole content. So an attachment costs two syncs, however many chunks
//! it has.

mod opened;
mod uploads;

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sanji_log::AttachmentId;
use sanji_log::attachment::{chunk_count, chunk_hash, chunk_hash_in, chunk_length, manifest_matches};
use sanji_log::planted::{Bug, planted};

use crate::contract::{AttachmentState, Error};
use crate::files::{create_folder, failed, sync_folder};
use opened::{Opened, manifest_of};

/// Attachments whose files and manifests are kept at hand: those that links read and write at the moment. A
/// manifest has at most 51 KB.
const OPENED_MAX: usize = 64;

/// The folder of attachments.
#[derive(Debug)]
pub(crate) struct Attachments {
    path: PathBuf,
    /// Last used last.
    opened: Mutex<VecDeque<Arc<Opened>>>,
    /// Numbers the uploads that are being written.
    uploads: AtomicU64,
}

/// Checks that a chunk is the next one and what the manifest says.
pub(crate) fn check_chunk(id: &AttachmentId, state: &AttachmentState, chunk: u32, data: &[u8]) -> Result<(), Error> {
    let wrong = |why: &str| Err(Error::Damaged { what: format!("chunk {chunk} of attachment {id}: {why}") });
    if state.manifest.is_empty() {
        return wrong("its manifest is not known");
    }
    if state.chunks != chunk {
        return wrong("it is not the next one");
    }
    let same = chunk_hash_in(&state.manifest, chunk) == Some(chunk_hash(data)) || planted(Bug::SkipChunkHash);
    if chunk_length(state.size, chunk) != Some(data.len()) || !same {
        return wrong("it is not what the manifest says");
    }
    Ok(())
}

impl Attachments {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        create_folder(path)?;
        let attachments = Self { path: path.to_owned(), opened: Mutex::default(), uploads: AtomicU64::default() };
        attachments.forget_unfinished_uploads()?;
        Ok(attachments)
    }

    pub(crate) fn state(&self, id: &AttachmentId) -> Result<AttachmentState, Error> {
        Ok(self.opened(id)?.map_or_else(AttachmentState::default, |opened| opened.state()))
    }

    pub(crate) fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), Error> {
        if !manifest_matches(id, size, manifest) {
            return Err(damaged(id, "its manifest is not that of the id"));
        }
        if self.opened(id)?.is_some() {
            return Ok(());
        }
        let path = self.file(id, ".manifest");
        path.parent().map_or(Ok(()), create_folder)?;
        fs::write(&path, [&size.to_le_bytes(), manifest].concat()).map_err(|error| failed("write", &path, error))
    }

    /// Whether the attachment is complete with it.
    pub(crate) fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, Error> {
        let Some(opened) = self.opened(id)? else {
            return Err(damaged(id, "a chunk comes before the manifest"));
        };
        let partial = self.file(id, ".partial");
        let complete = opened.put(chunk, data, &partial, || {
            fs::rename(&partial, self.whole(id)).map_err(|error| failed("rename", &partial, error))?;
            partial.parent().map_or(Ok(()), sync_folder)
        });
        if complete.is_err() {
            // What is on disk now is found out anew.
            self.forget(id);
        }
        complete
    }

    pub(crate) fn chunk(&self, id: &AttachmentId, chunk: u32) -> Result<Option<Bytes>, Error> {
        self.opened(id)?.map_or(Ok(None), |opened| opened.read(chunk))
    }

    /// The files of every complete attachment.
    pub(crate) fn durable(&self) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        for folder in list(&self.path)? {
            for path in list(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let Some(id) = name.strip_suffix(".manifest").and_then(|name| name.parse().ok()) else { continue };
                let whole = self.whole(&id);
                if whole.exists() {
                    files.extend([path, whole]);
                }
            }
        }
        Ok(files)
    }

    /// Checks every complete attachment: how many there are, and what is wrong with them.
    pub(crate) fn verify(&self) -> Result<(u64, Vec<String>), Error> {
        let (mut complete, mut faults) = (0, Vec::new());
        for folder in list(&self.path)?.iter().filter(|path| !path.ends_with(uploads::FOLDER)) {
            for path in list(folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let Ok(id) = name.parse() else { continue };
                match self.check(&id) {
                    Ok(()) => complete += 1,
                    Err(error @ Error::Damaged { .. }) => faults.push(error.to_string()),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok((complete, faults))
    }

    /// Fails where a complete attachment is damaged.
    fn check(&self, id: &AttachmentId) -> Result<(), Error> {
        let whole = self.whole(id);
        let Some((size, manifest)) = self.manifest(id)? else {
            return Err(damaged(id, "its manifest is not what was written"));
        };
        let file = fs::File::open(&whole).map_err(|error| failed("read", &whole, error))?;
        let found = file.metadata().map_err(|error| failed("read", &whole, error))?.len();
        if found != size {
            return Err(damaged(id, "its file has a wrong size"));
        }
        let opened = Opened::whole(*id, whole, file, size, manifest);
        (0..chunk_count(size)).try_for_each(|chunk| opened.read(chunk).map(|_| ()))
    }

    /// An attachment with its files open. None: nothing of it is here.
    fn opened(&self, id: &AttachmentId) -> Result<Option<Arc<Opened>>, Error> {
        let mut at_hand = self.at_hand();
        if let Some(place) = at_hand.iter().position(|opened| opened.id() == id) {
            let opened = at_hand.remove(place);
            at_hand.extend(opened.clone());
            return Ok(opened);
        }
        let Some(opened) = self.open_one(id)? else { return Ok(None) };
        let opened = Arc::new(opened);
        at_hand.push_back(opened.clone());
        if at_hand.len() > OPENED_MAX {
            // Never one that is in use: two halves of an attachment must not know different numbers of chunks.
            if let Some(place) = at_hand.iter().position(|opened| Arc::strong_count(opened) == 1) {
                at_hand.remove(place);
            }
        }
        Ok(Some(opened))
    }

    fn open_one(&self, id: &AttachmentId) -> Result<Option<Opened>, Error> {
        let whole = self.whole(id);
        let manifest = self.manifest(id)?;
        match fs::File::open(&whole) {
            Ok(file) => {
                let (size, manifest) = match manifest {
                    Some(manifest) => manifest,
                    None => self.manifest_again(id, &whole, &file)?,
                };
                Ok(Some(Opened::whole(*id, whole, file, size, manifest)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let Some((size, manifest)) = manifest else { return Ok(None) };
                Opened::partial(*id, self.file(id, ".partial"), size, manifest).map(Some)
            }
            Err(error) => Err(failed("open", &whole, error)),
        }
    }

    /// Computes a manifest that a power cut has taken, and writes it again.
    fn manifest_again(&self, id: &AttachmentId, whole: &Path, file: &fs::File) -> Result<(u64, Bytes), Error> {
        let (size, manifest) = manifest_of(file).map_err(|error| failed("read", whole, error))?;
        if !manifest_matches(id, size, &manifest) {
            return Err(damaged(id, "neither its manifest nor its content is what was written"));
        }
        let path = self.file(id, ".manifest");
        fs::write(&path, [&size.to_le_bytes(), manifest.as_slice()].concat())
            .map_err(|error| failed("write", &path, error))?;
        Ok((size, manifest.into()))
    }

    /// Size and manifest as they were written. None: they never were, or are torn.
    fn manifest(&self, id: &AttachmentId) -> Result<Option<(u64, Bytes)>, Error> {
        let path = self.file(id, ".manifest");
        let bytes = match fs::read(&path) {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path, error)),
        };
        let size = bytes.first_chunk().map(|size| u64::from_le_bytes(*size));
        let parsed = size.map(|size| (size, bytes.slice(size_of::<u64>()..)));
        Ok(parsed.filter(|(size, manifest)| manifest_matches(id, *size, manifest)))
    }

    fn forget(&self, id: &AttachmentId) {
        self.at_hand().retain(|opened| opened.id() != id);
    }

    fn whole(&self, id: &AttachmentId) -> PathBuf {
        self.file(id, "")
    }

    fn file(&self, id: &AttachmentId, suffix: &str) -> PathBuf {
        let name = id.to_hex();
        self.path.join(&name[..2]).join(format!("{name}{suffix}"))
    }

    fn at_hand(&self) -> MutexGuard<'_, VecDeque<Arc<Opened>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn list(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut paths: Vec<_> =
        entries.map_err(|error| failed("list", path, error))?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    Ok(paths)
}

fn damaged(id: &AttachmentId, why: &str) -> Error {
    Error::Damaged { what: format!("attachment {id}: {why}") }
}
