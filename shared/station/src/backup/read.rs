//! Unpacking a backup into an empty folder.
//!
//! It is unpacked beside the folder and takes its name when all of it is there and durable: what broke off leaves
//! nothing that could be taken for a station.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use tar::Archive;

use super::{BackedUp, Error, FORMAT, GONE, MANIFEST, Manifest, Opener};
use crate::folder::{self, DataFolder};

/// Largest list of files that is read: a million attachments.
const MANIFEST_MAX_BYTES: u64 = 256 << 20;

/// Unpacks a backup, but for what was gone when it was written: that is not in the list that is returned either.
/// `progress` hears of the bytes done and of all. What is there afterwards is a station without a
/// signing key: it has to begin a new life.
///
/// # Errors
/// [`Error`]; the folder is as it was.
pub fn restore(
    input: impl Read,
    opener: &Opener,
    data: &DataFolder,
    program: &str,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Manifest, Error> {
    let target = data.path();
    let is_free = match fs::read_dir(target) {
        Ok(mut names) => names.next().is_none(),
        Err(missing) => missing.kind() == io::ErrorKind::NotFound,
    };
    if !is_free {
        return Err(Error::Occupied { path: target.to_owned() });
    }
    let mut name = target.as_os_str().to_owned();
    name.push(".restoring");
    let beside = PathBuf::from(name);
    remove(&beside)?;
    let unpacked = unpack(input, opener, &beside, program, progress).and_then(|manifest| {
        fs::rename(&beside, target).map_err(fault("name", target))?;
        sync(folder::folder_of(target))?;
        Ok(manifest)
    });
    if unpacked.is_err() {
        remove(&beside)?;
    }
    unpacked
}

fn unpack(
    input: impl Read,
    opener: &Opener,
    into: &Path,
    program: &str,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Manifest, Error> {
    let mut archive = Archive::new(opener.decrypt(input)?);
    let mut entries = archive.entries().map_err(unreadable)?;
    let first = entries.next().ok_or_else(|| damaged("it is empty"))?.map_err(unreadable)?;
    let mut manifest = read_manifest(first, program)?;
    let mut left: BTreeMap<&Path, &BackedUp> = manifest.files.iter().map(|file| (file.path.as_path(), file)).collect();
    let all = manifest.bytes();
    let mut done = 0;
    make(into)?;
    let mut folders = BTreeSet::from([into.to_owned()]);
    let mut gone = BTreeSet::new();
    for entry in entries {
        let mut entry = entry.map_err(unreadable)?;
        let path = entry.path().map_err(unreadable)?.into_owned();
        let file =
            left.remove(path.as_path()).ok_or_else(|| damaged(&format!("it does not list {}", path.display())))?;
        if !entry.header().entry_type().is_file() || entry.size() != file.bytes {
            return Err(damaged(&format!("{} is not what it lists", path.display())));
        }
        let full = into.join(inside(&path)?);
        done += file.bytes;
        if entry.header().mode().map_err(unreadable)? == GONE {
            gone.insert(path);
            progress(done, all);
            continue;
        }
        for folder in full.ancestors().skip(1).take_while(|folder| folder.starts_with(into)) {
            folders.insert(folder.to_owned());
        }
        full.parent().map_or(Ok(()), make)?;
        keep(&mut entry, &full, file)?;
        progress(done, all);
    }
    if let Some(missing) = left.keys().next() {
        return Err(damaged(&format!("it ends before {}", missing.display())));
    }
    folders.iter().try_for_each(|folder| sync(folder))?;
    manifest.files.retain(|file| !gone.contains(&file.path));
    Ok(manifest)
}

fn read_manifest(entry: tar::Entry<'_, impl Read>, program: &str) -> Result<Manifest, Error> {
    if entry.path().map_err(unreadable)?.as_ref() != Path::new(MANIFEST) {
        return Err(damaged("it does not begin with its list of files"));
    }
    let mut text = Vec::new();
    entry.take(MANIFEST_MAX_BYTES).read_to_end(&mut text).map_err(unreadable)?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|fault| damaged(&fault.to_string()))?;
    if manifest.format > FORMAT {
        return Err(damaged("it was written by a later version of the program"));
    }
    if manifest.program != program {
        return Err(damaged(&format!("it is of {}: use sanji-{} restore", manifest.station, manifest.program)));
    }
    Ok(manifest)
}

/// A path that leads nowhere else.
fn inside(path: &Path) -> Result<&Path, Error> {
    let is_plain = path.components().all(|component| matches!(component, Component::Normal(_)));
    if is_plain { Ok(path) } else { Err(damaged(&format!("{} leads out of the folder", path.display()))) }
}

fn keep(content: &mut impl Read, path: &Path, listed: &BackedUp) -> Result<(), Error> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fault("write", path))?;
    let written = io::copy(content, &mut file).map_err(fault("write", path))?;
    if written != listed.bytes {
        return Err(damaged(&format!("{} is cut", path.display())));
    }
    file.set_len(listed.size.max(listed.bytes)).and_then(|()| file.sync_all()).map_err(fault("write", path))
}

fn make(path: &Path) -> Result<(), Error> {
    folder::make_private(path).map_err(|error| match error {
        folder::Error::Io { operation, path, source } => Error::Io { operation, path, source },
        other => damaged(&other.to_string()),
    })
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(fault("remove", path)(source)),
        _ => Ok(()),
    }
}

fn sync(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|opened| opened.sync_all()).map_err(fault("sync", folder))
}

fn unreadable(source: io::Error) -> Error {
    damaged(&format!("it is cut or was altered ({source})"))
}

fn damaged(problem: &str) -> Error {
    Error::Damaged { problem: problem.to_owned() }
}

fn fault(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Io { operation, path, source }
}
