//! Attachments: content-addressed files.
//!
//! ```text
//! attachments/ab/ab12….manifest   size u64 little endian, then the hash of each chunk; durable before the first chunk
//! attachments/ab/ab12….partial    the chunks that have come so far
//! attachments/ab/ab12…            the whole content: synced, renamed, the folder synced
//! ```

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sanji_log::AttachmentId;
use sanji_log::attachment::{CHUNK_BYTES, chunk_count, chunk_hash, chunk_hash_in, chunk_length, manifest_matches};
use sanji_log::planted::{Bug, planted};

use crate::contract::{AttachmentState, Error};
use crate::files::{create_folder, failed, sync_folder, write_whole};

/// The folder of attachments.
#[derive(Debug)]
pub(crate) struct Attachments {
    path: PathBuf,
    /// Chunks of unfinished attachments that were found good, so that each is hashed once a run of the program.
    unfinished: Mutex<HashMap<AttachmentId, u32>>,
}

/// Checks that a chunk is the next one and what the manifest says.
pub(crate) fn check_chunk(id: &AttachmentId, state: &AttachmentState, chunk: u32, data: &[u8]) -> Result<(), Error> {
    let wrong = |why: &str| Err(Error::Damaged { what: format!("chunk {chunk} of attachment {id}: {why}") });
    if state.manifest.is_empty() {
        return wrong("its manifest is not known");
    }
    if state.chunks != chunk || state.complete {
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
        Ok(Self { path: path.to_owned(), unfinished: Mutex::default() })
    }

    pub(crate) fn state(&self, id: &AttachmentId) -> Result<AttachmentState, Error> {
        let Some((size, manifest)) = self.manifest(id)? else { return Ok(AttachmentState::default()) };
        let complete = self.whole(id).exists();
        let chunks = if complete { chunk_count(size) } else { self.good_chunks(id, size, &manifest)? };
        Ok(AttachmentState { chunks, size, manifest, complete })
    }

    pub(crate) fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), Error> {
        if !manifest_matches(id, size, manifest) {
            return Err(damaged(id, "its manifest is not that of the id"));
        }
        if matches!(self.manifest(id), Ok(Some(_))) {
            return Ok(());
        }
        let path = self.file(id, ".manifest");
        path.parent().map_or(Ok(()), create_folder)?;
        write_whole(&path, &[&size.to_le_bytes(), manifest].concat())
    }

    pub(crate) fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<(), Error> {
        let state = self.state(id)?;
        check_chunk(id, &state, chunk, data)?;
        let path = self.file(id, ".partial");
        let is_last = chunk + 1 == chunk_count(state.size);
        let write = || {
            let file = fs::File::options().write(true).create(true).truncate(false).open(&path)?;
            file.write_all_at(data, u64::from(chunk) * CHUNK_BYTES as u64)?;
            if is_last {
                file.set_len(state.size)?;
                file.sync_all()?;
                fs::rename(&path, self.whole(id))?;
            }
            Ok(())
        };
        write().map_err(|error| failed("write", &path, error))?;
        if is_last {
            path.parent().map_or(Ok(()), sync_folder)?;
            self.unfinished().remove(id);
        } else {
            self.unfinished().insert(*id, chunk + 1);
        }
        Ok(())
    }

    pub(crate) fn chunk(&self, id: &AttachmentId, chunk: u32) -> Result<Option<Vec<u8>>, Error> {
        let Some((size, manifest)) = self.manifest(id)? else { return Ok(None) };
        let whole = self.whole(id);
        let (path, held) = if whole.exists() {
            (whole, chunk_count(size))
        } else {
            (self.file(id, ".partial"), self.good_chunks(id, size, &manifest)?)
        };
        let Some(length) = chunk_length(size, chunk).filter(|_| chunk < held) else { return Ok(None) };
        let data = read_chunk(&path, chunk, length).map_err(|error| failed("read", &path, error))?;
        if chunk_hash_in(&manifest, chunk) != Some(chunk_hash(&data)) {
            return Err(damaged(id, &format!("chunk {chunk} is not what was written")));
        }
        Ok(Some(data))
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
        for folder in list(&self.path)? {
            for path in list(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let Some(id) = name.strip_suffix(".manifest").and_then(|name| name.parse().ok()) else { continue };
                match self.check(&id) {
                    Ok(checked) => complete += u64::from(checked),
                    Err(error @ Error::Damaged { .. }) => faults.push(error.to_string()),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok((complete, faults))
    }

    /// Whether an attachment is complete; fails where it is damaged.
    fn check(&self, id: &AttachmentId) -> Result<bool, Error> {
        let state = self.state(id)?;
        if !state.complete {
            return Ok(false);
        }
        for chunk in 0..state.chunks {
            self.chunk(id, chunk)?;
        }
        let whole = self.whole(id);
        let size = fs::metadata(&whole).map_err(|error| failed("read", &whole, error))?.len();
        if size == state.size { Ok(true) } else { Err(damaged(id, "its file has a wrong size")) }
    }

    /// How many chunks of the partial file are what the manifest says: after a power cut its end may not be.
    fn good_chunks(&self, id: &AttachmentId, size: u64, manifest: &[u8]) -> Result<u32, Error> {
        if let Some(chunks) = self.unfinished().get(id) {
            return Ok(*chunks);
        }
        let path = self.file(id, ".partial");
        if !path.exists() {
            return Ok(0);
        }
        let mut good = 0;
        while let Some(length) = chunk_length(size, good) {
            match read_chunk(&path, good, length) {
                Ok(data) if chunk_hash_in(manifest, good) == Some(chunk_hash(&data)) => good += 1,
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(failed("read", &path, error)),
            }
        }
        // All chunks may be here with the last step missing: the last one is then asked for again.
        let good = good.min(chunk_count(size) - 1);
        self.unfinished().insert(*id, good);
        Ok(good)
    }

    fn manifest(&self, id: &AttachmentId) -> Result<Option<(u64, Vec<u8>)>, Error> {
        let path = self.file(id, ".manifest");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", &path, error)),
        };
        let parsed = bytes.split_first_chunk().map(|(size, manifest)| (u64::from_le_bytes(*size), manifest.to_vec()));
        let good = parsed.filter(|(size, manifest)| manifest_matches(id, *size, manifest));
        good.map(Some).ok_or_else(|| damaged(id, "its manifest is not what was written"))
    }

    fn whole(&self, id: &AttachmentId) -> PathBuf {
        self.file(id, "")
    }

    fn file(&self, id: &AttachmentId, suffix: &str) -> PathBuf {
        let name = id.to_hex();
        self.path.join(&name[..2]).join(format!("{name}{suffix}"))
    }

    fn unfinished(&self) -> MutexGuard<'_, HashMap<AttachmentId, u32>> {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_chunk(path: &Path, chunk: u32, length: usize) -> io::Result<Vec<u8>> {
    let mut data = vec![0; length];
    fs::File::open(path)?.read_exact_at(&mut data, u64::from(chunk) * CHUNK_BYTES as u64)?;
    Ok(data)
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
