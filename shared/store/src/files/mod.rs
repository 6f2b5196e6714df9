//! The few file operations that journal and attachments need, behind traits: tests put a disk in their place that
//! fails, fills up or forgets.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::contract::{DiskRoom, Error};

#[cfg(test)]
pub(crate) mod unreliable;

/// An open file, read and written at offsets. Its errors are those of the system.
pub trait File: Send + Sync {
    /// Fills `buffer` from `offset` on; returns fewer bytes only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes written bytes durable, and the size where it changed.
    fn sync(&self) -> io::Result<()>;
    /// Size in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Cuts the file, or fills it up with zeros.
    fn set_size(&self, size: u64) -> io::Result<()>;
    /// Reads come from the disk from now on, and not from what the system remembers: after a failed sync it may
    /// remember what the disk never got.
    fn forget_cached(&self) -> io::Result<()>;
}

/// A folder of files. Names are relative to it; a `/` in them leads into a subfolder. Its errors are those of the
/// system.
pub trait Folder: Send + Sync + std::fmt::Debug {
    /// Where it is.
    fn path(&self) -> &Path;
    /// Names of the files and folders in a subfolder, or in the folder itself for an empty name; sorted, without its
    /// own name before them. Empty where there is no such subfolder.
    fn names(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Makes a subfolder, durably; nothing happens where it is there.
    fn make_folder(&self, folder: &str) -> io::Result<()>;
    /// Makes an empty file, in place of any file of that name.
    fn create(&self, name: &str) -> io::Result<Box<dyn File>>;
    /// Opens a file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Box<dyn File>>;
    /// Renames a file, in place of any file of the new name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes the names in a subfolder durable, or those in the folder itself for an empty name.
    fn sync(&self, folder: &str) -> io::Result<()>;
    /// When a file was changed last: milliseconds since 1970-01-01 UTC.
    fn modified_ms(&self, name: &str) -> io::Result<u64>;
    /// Bytes that may still be written to the file system, and bytes of it in all.
    fn room(&self) -> io::Result<DiskRoom>;
}

/// Opens a file, none where there is none.
pub(crate) fn open_if_there(folder: &dyn Folder, name: &str) -> io::Result<Option<Box<dyn File>>> {
    match folder.open(name) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a file; nothing happens where there is none.
pub(crate) fn remove_if_there(folder: &dyn Folder, name: &str) -> Result<(), Error> {
    match folder.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed("remove", &folder.path().join(name), error))
        }
        _ => Ok(()),
    }
}

/// A folder of the system's file system.
#[derive(Debug)]
pub(crate) struct SystemFolder(PathBuf);

impl SystemFolder {
    /// Opens a folder, or makes it, durably.
    pub(crate) fn open_or_create(path: &Path) -> Result<Self, Error> {
        create_folder(path)?;
        Ok(Self(path.to_owned()))
    }
}

/// The unit in which a disk fails to read, in bytes.
const BLOCK: usize = 4096;
/// What a block reads as that the disk can't read. Not zeros, which would pass for what was never written.
const UNREADABLE: u8 = 0xb1;

/// As [`File::read_at`], save that a bad block is no error: it reads as bytes that nobody wrote. Whoever reads knows by
/// their checksum that they are damaged, and that those beside them are not.
///
/// # Errors
/// Other failures than of the disk.
pub(crate) fn read_past_bad_blocks(file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    match file.read_at(buffer, offset) {
        Err(error) if is_bad_block(&error) => {}
        read => return read,
    }
    let mut filled = 0;
    while filled < buffer.len() {
        let at = offset + filled as u64;
        let in_block = usize::try_from(at % BLOCK as u64).unwrap_or(0);
        let end = buffer.len().min(filled + BLOCK - in_block);
        let block = &mut buffer[filled..end];
        let wanted = block.len();
        let read = match file.read_at(block, at) {
            Err(error) if is_bad_block(&error) => {
                tracing::error!(file.offset = at, "the disk can't read a block");
                block.fill(UNREADABLE);
                wanted
            }
            read => read?,
        };
        filled += read;
        if read < wanted {
            break;
        }
    }
    Ok(filled)
}

fn is_bad_block(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

impl File for fs::File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match FileExt::read_at(self, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn forget_cached(&self) -> io::Result<()> {
        Ok(rustix::fs::fadvise(self, 0, None, rustix::fs::Advice::DontNeed)?)
    }
}

impl Folder for SystemFolder {
    fn path(&self) -> &Path {
        &self.0
    }

    fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.0.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = entries
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        let path = self.0.join(folder);
        if path.is_dir() {
            return Ok(());
        }
        fs::create_dir(&path)?;
        fs::File::open(&path)?.sync_all()?;
        self.sync("")
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        let file = fs::File::options().read(true).write(true).create(true).truncate(true).open(self.0.join(name))?;
        Ok(Box::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn File>> {
        Ok(Box::new(fs::File::options().read(true).write(true).open(self.0.join(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        fs::File::open(self.0.join(folder))?.sync_all()
    }

    fn modified_ms(&self, name: &str) -> io::Result<u64> {
        let modified = fs::metadata(self.0.join(name))?.modified()?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn room(&self) -> io::Result<DiskRoom> {
        let found = rustix::fs::statvfs(&self.0)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(DiskRoom { free_bytes: bytes(found.f_bavail), total_bytes: bytes(found.f_blocks) })
    }
}

/// Makes a folder and those above it, durably.
pub(crate) fn create_folder(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_folder(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed("create", path, error)),
        _ => {}
    }
    sync_folder(path)?;
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    fs::File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| failed("sync", path, error))
}

/// Puts a file in place whole or not at all: written beside, synced, renamed, and the folder synced.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<(), Error> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let write = || {
        let file = fs::File::create(&partial)?;
        file.write_all_at(content, 0)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|error| failed("write", path, error))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Tells a full disk, which passes, from a failing one.
pub(crate) fn failed(operation: &'static str, path: &Path, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { source },
        _ => Error::Io { operation, path: path.to_owned(), source },
    }
}
