//! One attachment with its file open and its manifest in memory: chunks are added at the end and read anywhere.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sanji_log::AttachmentId;
use sanji_log::attachment::{CHUNK_BYTES, chunk_count, chunk_hash, chunk_hash_in, chunk_length};

use super::{check_chunk, damaged, partial};
use crate::contract::{AttachmentState, Error};
use crate::files::{File, Folder, failed, open_if_there, read_past_bad_blocks, remove_if_there};

/// An attachment of which at least the manifest is here.
pub(super) struct Opened {
    id: AttachmentId,
    /// For messages: where the file was when it was opened.
    path: PathBuf,
    size: u64,
    manifest: Bytes,
    held: Mutex<Held>,
}

struct Held {
    /// None before the first chunk.
    file: Option<Box<dyn File>>,
    /// Good chunks from the first on.
    chunks: u32,
    complete: bool,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Opened {
    /// A complete attachment.
    pub(super) fn whole(id: AttachmentId, path: PathBuf, file: Box<dyn File>, size: u64, manifest: Bytes) -> Self {
        let held = Held { file: Some(file), chunks: chunk_count(size), complete: true };
        Self { id, path, size, manifest, held: Mutex::new(held) }
    }

    /// One that is still coming. Of the partial file those chunks count that are what the manifest says: after a
    /// power cut its end may not be.
    pub(super) fn partial(id: AttachmentId, folder: &dyn Folder, size: u64, manifest: Bytes) -> Result<Self, Error> {
        let path = folder.path().join(partial(&id));
        let file = open_if_there(folder, &partial(&id)).map_err(|error| failed("open", &path, error))?;
        let mut good = 0;
        while let (Some(file), Some(length)) = (&file, chunk_length(size, good)) {
            match read_chunk(&**file, good, length) {
                Ok(data) if chunk_hash_in(&manifest, good) == Some(chunk_hash(&data)) => good += 1,
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(failed("read", &path, error)),
            }
        }
        // All chunks may be here with the last step missing: the last one is then asked for again.
        let chunks = good.min(chunk_count(size).saturating_sub(1));
        Ok(Self { id, path, size, manifest, held: Mutex::new(Held { file, chunks, complete: false }) })
    }

    pub(super) fn id(&self) -> &AttachmentId {
        &self.id
    }

    pub(super) fn state(&self) -> AttachmentState {
        self.state_of(&self.held())
    }

    /// Appends the next chunk, and with the last one makes the content durable; `finish` then gives it its name.
    /// Whether it was the last. After a failed sync nothing of the file is believed, since the system may show what the
    /// disk never got: it comes again from its first chunk on.
    pub(super) fn put(
        &self,
        chunk: u32,
        data: &[u8],
        folder: &dyn Folder,
        finish: impl FnOnce() -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let mut held = self.held();
        if chunk < held.chunks {
            return Ok(held.complete);
        }
        check_chunk(&self.id, &self.state_of(&held), chunk, data)?;
        let name = partial(&self.id);
        let path = || folder.path().join(&name);
        let is_last = chunk + 1 == chunk_count(self.size);
        let file = match held.file.take() {
            Some(file) => file,
            None => match open_if_there(folder, &name) {
                Ok(Some(file)) => file,
                Ok(None) => folder.create(&name).map_err(|error| failed("write", &path(), error))?,
                Err(error) => return Err(failed("open", &path(), error)),
            },
        };
        file.write_at(data, u64::from(chunk) * CHUNK_BYTES as u64).map_err(|error| failed("write", &path(), error))?;
        if is_last {
            file.set_size(self.size).map_err(|error| failed("write", &path(), error))?;
            if let Err(error) = file.sync() {
                remove_if_there(folder, &name)?;
                return Err(failed("sync", &path(), error));
            }
            finish()?;
        }
        *held = Held { file: Some(file), chunks: chunk + 1, complete: is_last };
        Ok(is_last)
    }

    /// Reads a chunk and checks it. None where it is not here.
    pub(super) fn read(&self, chunk: u32) -> Result<Option<Bytes>, Error> {
        let held = self.held();
        let length = chunk_length(self.size, chunk).filter(|_| chunk < held.chunks);
        let (Some(length), Some(file)) = (length, &held.file) else { return Ok(None) };
        let data = match read_chunk(&**file, chunk, length) {
            Ok(data) => data,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Vec::new(),
            Err(error) => return Err(failed("read", &self.path, error)),
        };
        drop(held);
        if chunk_hash_in(&self.manifest, chunk) != Some(chunk_hash(&data)) {
            return Err(damaged(&self.id, &format!("chunk {chunk} is not what was written")));
        }
        Ok(Some(data.into()))
    }

    /// Fails where the file is longer or shorter than the content.
    pub(super) fn check_size(&self) -> Result<(), Error> {
        let found = self.held().file.as_ref().map(|file| file.size()).transpose();
        match found.map_err(|error| failed("read", &self.path, error))? {
            Some(found) if found != self.size => Err(damaged(&self.id, "its file has a wrong size")),
            _ => Ok(()),
        }
    }

    fn state_of(&self, held: &Held) -> AttachmentState {
        AttachmentState {
            chunks: held.chunks,
            size: self.size,
            manifest: self.manifest.clone(),
            complete: held.complete,
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Size and manifest of a content.
pub(super) fn manifest_of(file: &dyn File) -> io::Result<(u64, Vec<u8>)> {
    let size = file.size()?;
    let mut manifest = Vec::new();
    for chunk in 0..chunk_count(size) {
        let Some(length) = chunk_length(size, chunk) else { break };
        manifest.extend(chunk_hash(&read_chunk(file, chunk, length)?));
    }
    Ok((size, manifest))
}

fn read_chunk(file: &dyn File, chunk: u32, length: usize) -> io::Result<Vec<u8>> {
    let mut data = vec![0; length];
    match read_past_bad_blocks(file, &mut data, u64::from(chunk) * CHUNK_BYTES as u64)? {
        count if count == length => Ok(data),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
