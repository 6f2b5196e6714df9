//! One attachment with its file open and its manifest in memory: chunks are added at the end and read anywhere.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sanji_log::AttachmentId;
use sanji_log::attachment::{CHUNK_BYTES, chunk_count, chunk_hash, chunk_hash_in, chunk_length};

use super::{check_chunk, damaged};
use crate::contract::{AttachmentState, Error};
use crate::files::failed;

/// An attachment of which at least the manifest is here.
#[derive(Debug)]
pub(super) struct Opened {
    id: AttachmentId,
    /// For messages: where the file was when it was opened.
    path: PathBuf,
    size: u64,
    manifest: Bytes,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// None before the first chunk.
    file: Option<fs::File>,
    /// Good chunks from the first on.
    chunks: u32,
    complete: bool,
}

impl Opened {
    /// A complete attachment.
    pub(super) fn whole(id: AttachmentId, path: PathBuf, file: fs::File, size: u64, manifest: Bytes) -> Self {
        let held = Held { file: Some(file), chunks: chunk_count(size), complete: true };
        Self { id, path, size, manifest, held: Mutex::new(held) }
    }

    /// One that is still coming. Of the partial file those chunks count that are what the manifest says: after a
    /// power cut its end may not be.
    pub(super) fn partial(id: AttachmentId, path: PathBuf, size: u64, manifest: Bytes) -> Result<Self, Error> {
        let file = match fs::File::options().read(true).write(true).open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed("open", &path, error)),
        };
        let mut good = 0;
        while let (Some(file), Some(length)) = (&file, chunk_length(size, good)) {
            match read_chunk(file, good, length) {
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
    /// Whether it was the last.
    pub(super) fn put(
        &self,
        chunk: u32,
        data: &[u8],
        partial: &Path,
        finish: impl FnOnce() -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let mut held = self.held();
        if chunk < held.chunks {
            return Ok(held.complete);
        }
        check_chunk(&self.id, &self.state_of(&held), chunk, data)?;
        let is_last = chunk + 1 == chunk_count(self.size);
        let mut write = || {
            let file = match held.file.take() {
                Some(file) => file,
                None => fs::File::options().read(true).write(true).create(true).truncate(false).open(partial)?,
            };
            file.write_all_at(data, u64::from(chunk) * CHUNK_BYTES as u64)?;
            if is_last {
                file.set_len(self.size)?;
                file.sync_all()?;
            }
            held.file = Some(file);
            Ok(())
        };
        write().map_err(|error| failed("write", partial, error))?;
        if is_last {
            finish()?;
        }
        (held.chunks, held.complete) = (chunk + 1, is_last);
        Ok(is_last)
    }

    /// Reads a chunk and checks it. None where it is not here.
    pub(super) fn read(&self, chunk: u32) -> Result<Option<Bytes>, Error> {
        let held = self.held();
        let length = chunk_length(self.size, chunk).filter(|_| chunk < held.chunks);
        let (Some(length), Some(file)) = (length, &held.file) else { return Ok(None) };
        let data = read_chunk(file, chunk, length).map_err(|error| failed("read", &self.path, error))?;
        drop(held);
        if chunk_hash_in(&self.manifest, chunk) != Some(chunk_hash(&data)) {
            return Err(damaged(&self.id, &format!("chunk {chunk} is not what was written")));
        }
        Ok(Some(data.into()))
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
pub(super) fn manifest_of(file: &fs::File) -> io::Result<(u64, Vec<u8>)> {
    let size = file.metadata()?.len();
    let mut manifest = Vec::new();
    for chunk in 0..chunk_count(size) {
        let Some(length) = chunk_length(size, chunk) else { break };
        manifest.extend(chunk_hash(&read_chunk(file, chunk, length)?));
    }
    Ok((size, manifest))
}

fn read_chunk(file: &fs::File, chunk: u32, length: usize) -> io::Result<Vec<u8>> {
    let mut data = vec![0; length];
    file.read_exact_at(&mut data, u64::from(chunk) * CHUNK_BYTES as u64)?;
    Ok(data)
}
