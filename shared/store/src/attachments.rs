//! Attachments: content-addressed files.
//!
//! ```text
//! attachments/ab/ab12….manifest   size u64 little endian, then the hash of each chunk
//! attachments/ab/ab12….partial    the chunks that have come so far
//! attachments/ab/ab12…            the whole content: synced, renamed, the folder synced
//! attachments/uploads/            contents that no command has named yet, see `uploads`
//! attachments/damaged/            those that were whole and are not any more, see `damaged`
//! ```
//!
//! A manifest is never synced, since it proves itself: one that a power cut has torn is written again while chunks
//! are missing, and computed again from the whole content. So an attachment costs two syncs, however many chunks
//! it has.

mod damaged;
mod opened;
mod uploads;

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sanji_log::AttachmentId;
use sanji_log::attachment::{chunk_count, chunk_hash, chunk_hash_in, chunk_length, manifest_matches};
use sanji_log::planted::{Bug, planted};

use crate::contract::{AttachmentState, Error};
use crate::files::{File, Folder, failed, open_if_there};
use opened::{Opened, manifest_of};

/// Attachments whose files and manifests are kept at hand: those that links read and write at the moment. A
/// manifest has at most 51 KB.
const OPENED_MAX: usize = 64;

/// The folder of attachments.
#[derive(Debug)]
pub(crate) struct Attachments {
    folder: Box<dyn Folder>,
    /// Last used last.
    opened: Mutex<VecDeque<Arc<Opened>>>,
    /// Found damaged and not yet whole again.
    damaged: Mutex<BTreeSet<AttachmentId>>,
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
    pub(crate) fn open(folder: Box<dyn Folder>) -> Result<Self, Error> {
        let attachments =
            Self { folder, opened: Mutex::default(), damaged: Mutex::default(), uploads: AtomicU64::default() };
        attachments.forget_unfinished_uploads()?;
        attachments.remember_damaged()?;
        Ok(attachments)
    }

    /// How much of an attachment is here. What can't be made out of its files any more is not.
    pub(crate) fn state(&self, id: &AttachmentId) -> Result<AttachmentState, Error> {
        let opened = match self.opened(id) {
            Err(Error::Damaged { .. }) => {
                self.lay_open(id);
                self.opened(id)
            }
            opened => opened,
        };
        Ok(opened?.map_or_else(AttachmentState::default, |opened| opened.state()))
    }

    pub(crate) fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), Error> {
        if !manifest_matches(id, size, manifest) {
            return Err(damaged(id, "its manifest is not that of the id"));
        }
        if self.opened(id)?.is_some() {
            return Ok(());
        }
        self.write_manifest(id, manifest, size)
    }

    /// Whether the attachment is complete with it.
    pub(crate) fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, Error> {
        let Some(opened) = self.opened(id)? else {
            return Err(damaged(id, "a chunk comes before the manifest"));
        };
        let partial = partial(id);
        let complete = opened.put(chunk, data, &*self.folder, || {
            let path = self.folder.path().join(&partial);
            self.folder.rename(&partial, &whole(id)).map_err(|error| failed("rename", &path, error))?;
            self.folder.sync(&subfolder(id)).map_err(|error| {
                // Its name may not be on the disk, so it must not be taken for whole.
                let _ = self.folder.rename(&whole(id), &partial);
                failed("sync", &path, error)
            })
        });
        match &complete {
            Ok(true) => self.whole_again(id),
            Ok(false) => {}
            // What is on disk now is found out anew.
            Err(_) => self.forget(id),
        }
        complete
    }

    /// Reads a chunk and checks it. One that is damaged is dropped, with those after it: they are to come again.
    pub(crate) fn chunk(&self, id: &AttachmentId, chunk: u32) -> Result<Option<Bytes>, Error> {
        let read = self.opened(id).and_then(|opened| opened.map_or(Ok(None), |opened| opened.read(chunk)));
        if matches!(read, Err(Error::Damaged { .. })) {
            self.lay_open(id);
        }
        read
    }

    /// The files of every complete attachment.
    pub(crate) fn durable(&self) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        self.each_whole(&mut |id| {
            files.extend([manifest_name(id), whole(id)].map(|name| self.folder.path().join(name)));
            Ok(())
        })?;
        Ok(files)
    }

    /// Checks every complete attachment: how many there are, and what is wrong with them. Those that are damaged are
    /// laid open.
    pub(crate) fn verify(&self) -> Result<(u64, Vec<String>), Error> {
        let mut complete = 0;
        self.each_whole(&mut |id| {
            match self.check(id) {
                Ok(()) => complete += 1,
                Err(Error::Damaged { .. }) => self.lay_open(id),
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        let lacking = |id: &AttachmentId| format!("attachment {id} is damaged and has not come again");
        Ok((complete, self.damaged().iter().map(lacking).collect()))
    }

    fn each_whole(&self, visit: &mut dyn FnMut(&AttachmentId) -> Result<(), Error>) -> Result<(), Error> {
        let list = |folder: &str| self.folder.names(folder).map_err(|error| failed("list", self.folder.path(), error));
        for folder in list("")?.iter().filter(|name| name.len() == SUBFOLDER_LETTERS) {
            for id in list(folder)?.iter().filter_map(|name| name.parse().ok()) {
                visit(&id)?;
            }
        }
        Ok(())
    }

    /// Fails where a complete attachment is damaged. Its manifest alone can be made again.
    fn check(&self, id: &AttachmentId) -> Result<(), Error> {
        let Some(opened) = self.open_one(id)? else { return Ok(()) };
        opened.check_size()?;
        (0..chunk_count(opened.state().size)).try_for_each(|chunk| opened.read(chunk).map(|_| ()))
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
        let path = self.folder.path().join(whole(id));
        let manifest = self.manifest(id)?;
        let found = open_if_there(&*self.folder, &whole(id)).map_err(|error| failed("open", &path, error))?;
        if let Some(file) = found {
            let (size, manifest) = match manifest {
                Some(manifest) => manifest,
                None => self.manifest_again(id, &*file)?,
            };
            return Ok(Some(Opened::whole(*id, path, file, size, manifest)));
        }
        let Some((size, manifest)) = manifest else { return Ok(None) };
        Opened::partial(*id, &*self.folder, size, manifest).map(Some)
    }

    /// Computes a manifest that a power cut has taken, and writes it again.
    fn manifest_again(&self, id: &AttachmentId, file: &dyn File) -> Result<(u64, Bytes), Error> {
        let path = self.folder.path().join(whole(id));
        let (size, manifest) = manifest_of(file).map_err(|error| failed("read", &path, error))?;
        if !manifest_matches(id, size, &manifest) {
            return Err(damaged(id, "neither its manifest nor its content is what was written"));
        }
        self.write_manifest(id, &manifest, size)?;
        Ok((size, manifest.into()))
    }

    fn write_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), Error> {
        let name = manifest_name(id);
        let write = || {
            self.folder.make_folder(&subfolder(id))?;
            self.folder.create(&name)?.write_at(&[&size.to_le_bytes(), manifest].concat(), 0)
        };
        write().map_err(|error| failed("write", &self.folder.path().join(&name), error))
    }

    /// Size and manifest as they were written. None: they never were, or are torn.
    fn manifest(&self, id: &AttachmentId) -> Result<Option<(u64, Bytes)>, Error> {
        let name = manifest_name(id);
        let read = || {
            let Some(file) = open_if_there(&*self.folder, &name)? else { return Ok(None) };
            let mut bytes = vec![0; usize::try_from(file.size()?).unwrap_or_default().min(MANIFEST_MAX_BYTES)];
            let count = file.read_at(&mut bytes, 0)?;
            bytes.truncate(count);
            Ok(Some(Bytes::from(bytes)))
        };
        let bytes = read().map_err(|error| failed("read", &self.folder.path().join(&name), error))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let size = bytes.first_chunk().map(|size| u64::from_le_bytes(*size));
        let parsed = size.map(|size| (size, bytes.slice(size_of::<u64>()..)));
        Ok(parsed.filter(|(size, manifest)| manifest_matches(id, *size, manifest)))
    }

    fn forget(&self, id: &AttachmentId) {
        self.at_hand().retain(|opened| opened.id() != id);
    }

    fn at_hand(&self) -> MutexGuard<'_, VecDeque<Arc<Opened>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Letters of an id that name its subfolder.
const SUBFOLDER_LETTERS: usize = 2;
/// More than the longest manifest has.
const MANIFEST_MAX_BYTES: usize = 1 << 20;

fn subfolder(id: &AttachmentId) -> String {
    let mut name = id.to_hex();
    name.truncate(SUBFOLDER_LETTERS);
    name
}

fn whole(id: &AttachmentId) -> String {
    format!("{}/{}", subfolder(id), id.to_hex())
}

fn partial(id: &AttachmentId) -> String {
    format!("{}.partial", whole(id))
}

fn manifest_name(id: &AttachmentId) -> String {
    format!("{}.manifest", whole(id))
}

/// The fault of an attachment whose bytes are not what was written.
fn damaged(id: &AttachmentId, why: &str) -> Error {
    Error::Damaged { what: format!("attachment {id}: {why}") }
}
