//! What goes into a backup.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write};
use std::path::{Path, PathBuf};

use sanji_log::StationCode;
use sanji_store::DurableFile;
use tar::{Builder, EntryType, Header};

use super::{BackedUp, Error, FORMAT, GONE, Lock, MANIFEST, Manifest, THERE};
use crate::folder::DataFolder;

/// What the store lists itself, what only a running station has, and what is made anew for a new life. The signing
/// key is among them: a backup is no clone.
const LEFT_OUT: [&str; 13] = [
    "journal",
    "index",
    "attachments",
    "FORMAT",
    "LOCK",
    "RESERVE",
    "run",
    "healing.json",
    "keys/signing.key",
    "keys/enrolling.key",
    "keys/enrolling.code",
    "keys/keeper.token",
    "keys/certificate.der",
];
/// Bytes read at a time.
const PIECE_BYTES: usize = 1 << 20;
/// The only files of the store that may go while a backup is written: an upload that nobody has named expires, an
/// attachment that was found damaged is laid open.
const MAY_GO: &str = "attachments";

/// What is backed up.
pub struct Source<'a> {
    /// The data folder.
    pub data: &'a DataFolder,
    /// Its station.
    pub station: StationCode,
    /// "hub" or "node".
    pub program: &'static str,
    /// Files of the store, as far as they are durable.
    pub durable: Vec<DurableFile>,
    /// Entries in them.
    pub entries: u64,
    /// The clock: milliseconds since 1970-01-01 UTC.
    pub now_ms: u64,
}

/// A small file, read before the backup says how long it is: it may be replaced meanwhile.
struct Setting {
    path: PathBuf,
    content: Vec<u8>,
}

/// Writes a backup. `progress` hears of the bytes done and of all. What is returned lists what is in the backup.
///
/// # Errors
/// [`Error`]; what was written so far is no backup then.
pub fn write(
    source: Source<'_>,
    lock: Lock,
    output: impl Write,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Manifest, Error> {
    let data = source.data.path();
    let mut settings = Vec::new();
    read_settings(data, Path::new(""), &mut settings)?;
    let durable = source.durable.into_iter();
    let durable: Vec<_> =
        durable.map(|file| BackedUp { path: file.path, bytes: file.bytes, size: file.size }).collect();
    let small = settings.iter().map(|setting| {
        let bytes = setting.content.len() as u64;
        BackedUp { path: setting.path.clone(), bytes, size: bytes }
    });
    let mut manifest = Manifest {
        format: FORMAT,
        station: source.station,
        program: source.program.to_owned(),
        software: env!("CARGO_PKG_VERSION").to_owned(),
        created_ms: source.now_ms,
        entries: source.entries,
        files: small.chain(durable.iter().cloned()).collect(),
    };
    let all = manifest.bytes();
    let mut done = 0;
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Io { operation: "back up", path, source }
    };
    let mut archive = Builder::new(lock.encrypt(output)?);
    let listed = serde_json::to_vec_pretty(&manifest).map_err(std::io::Error::other).map_err(fault(data))?;
    append(&mut archive, Path::new(MANIFEST), &listed, source.now_ms).map_err(fault(data))?;
    for setting in &settings {
        append(&mut archive, &setting.path, &setting.content, source.now_ms).map_err(fault(&setting.path))?;
        done += setting.content.len() as u64;
        progress(done, all);
    }
    let mut gone = BTreeSet::new();
    for file in &durable {
        let path = data.join(&file.path);
        let may_go = file.path.starts_with(MAY_GO);
        let opened = match File::open(&path) {
            Err(missing) if missing.kind() == ErrorKind::NotFound && may_go => None,
            opened => Some(opened.map_err(fault(&path))?.take(file.bytes)),
        };
        let mut header = header(file.bytes, source.now_ms);
        if opened.is_none() {
            tracing::info!(path = %path.display(), "went while the backup was written, and is left out");
            header.set_mode(GONE);
            gone.insert(file.path.as_path());
        }
        let left = file.bytes;
        let mut counted = Counted { file: opened, pads: may_go, left, done: &mut done, all, progress };
        archive.append_data(&mut header, &file.path, &mut counted).map_err(fault(&path))?;
        if counted.left > 0 {
            return Err(Error::Damaged { problem: format!("{} is shorter than its station says", path.display()) });
        }
    }
    manifest.files.retain(|file| !gone.contains(file.path.as_path()));
    let finished = archive.into_inner().and_then(age::stream::StreamWriter::finish);
    finished.and_then(|mut output| output.flush()).map_err(fault(data))?;
    Ok(manifest)
}

fn header(bytes: u64, now_ms: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(THERE);
    header.set_mtime(now_ms / 1000);
    header.set_size(bytes);
    header
}

fn append(archive: &mut Builder<impl Write>, path: &Path, content: &[u8], now_ms: u64) -> std::io::Result<()> {
    archive.append_data(&mut header(content.len() as u64, now_ms), path, content)
}

/// Reads every file that is neither the store's nor left out, folder by folder, in the order of names.
fn read_settings(data: &Path, within: &Path, settings: &mut Vec<Setting>) -> Result<(), Error> {
    let folder = data.join(within);
    let fault = |source| Error::Io { operation: "read", path: folder.clone(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(fault)? {
        names.push(within.join(entry.map_err(fault)?.file_name()));
    }
    names.sort();
    for path in names {
        let unfinished = path.extension().is_some_and(|extension| extension == "partial");
        if unfinished || LEFT_OUT.iter().any(|left_out| path == Path::new(left_out)) {
            continue;
        }
        let full = data.join(&path);
        if full.is_dir() {
            read_settings(data, &path, settings)?;
            continue;
        }
        match std::fs::read(&full) {
            Ok(content) => settings.push(Setting { path, content }),
            // Removed since the folder was listed, as a token is that was revoked.
            Err(source) if source.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Io { operation: "read", path: full, source }),
        }
    }
    Ok(())
}

/// A file that tells how much of it was read.
struct Counted<'a> {
    /// None: it is gone.
    file: Option<std::io::Take<File>>,
    /// Whether zeros stand for what is missing at its end: the archive has said how long it is. No hash fits them.
    pads: bool,
    left: u64,
    done: &'a mut u64,
    all: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl std::io::Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let piece = buffer.len().min(PIECE_BYTES);
        let piece = buffer.get_mut(..piece).unwrap_or_default();
        let mut read = self.file.as_mut().map_or(Ok(0), |file| file.read(piece))?;
        if read == 0 && self.pads {
            read = usize::try_from(self.left).map_or(piece.len(), |left| left.min(piece.len()));
            piece.iter_mut().take(read).for_each(|byte| *byte = 0);
        }
        self.left -= read as u64;
        *self.done += read as u64;
        (self.progress)(*self.done, self.all);
        Ok(read)
    }
}
