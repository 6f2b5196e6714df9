//! A bundle of a revoked station is not taken; the file is kept aside, for a person to say what becomes of it.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

/// Bytes remembered: more than is read before the sender is known.
const START_MAX_BYTES: usize = 1 << 20;

/// Remembers the beginning of what is read, so that a file can be kept whole once its sender is known.
pub(super) struct Remembering<R> {
    input: R,
    start: Vec<u8>,
    is_whole: bool,
}

impl<R: Read> Remembering<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, start: Vec::new(), is_whole: true }
    }

    /// Writes the file, from its first byte to its last, into a folder. The same file gets the same name: beside it
    /// first, since it may be that very file which is read.
    pub(super) fn keep_in(mut self, folder: &Path, sender: &str) -> io::Result<PathBuf> {
        if !self.is_whole {
            return Err(io::Error::other("too much was read before the sender was known"));
        }
        fs::create_dir_all(folder)?;
        let name = blake3::hash(&self.start).to_hex();
        let path = folder.join(format!("aside-{sender}-{}", name.get(..16).unwrap_or_default()));
        let beside = path.with_extension("partial");
        let mut file = File::create(&beside)?;
        file.write_all(&self.start)?;
        io::copy(&mut self.input, &mut file)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        Ok(path)
    }
}

/// The files of a sender that are kept in a folder. What can't be listed is not there.
pub(super) fn kept_of(folder: &Path, sender: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|file| file.path());
    let begins = format!("aside-{sender}-");
    let is_kept = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        path.extension().is_none() && name.is_some_and(|name| name.starts_with(&begins))
    };
    let mut kept: Vec<_> = files.filter(is_kept).collect();
    kept.sort();
    kept
}

impl<R: Read> Read for Remembering<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        let read = buffer.get(..count).unwrap_or_default();
        if self.start.len() + read.len() <= START_MAX_BYTES {
            self.start.extend_from_slice(read);
        } else {
            self.is_whole = false;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_whole_file_is_kept_wherever_reading_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..300_000_u32).map(|place| (place % 251) as u8).collect();
        let mut reading = Remembering::new(content.as_slice());
        reading.read_exact(&mut [0; 70_000]).unwrap();
        let path = reading.keep_in(folder.path(), "990106101203").unwrap();
        assert!(fs::read(&path).unwrap() == content);

        // Also where what is read is the kept file itself.
        let mut reading = Remembering::new(File::open(&path).unwrap());
        reading.read_exact(&mut [0; 70_000]).unwrap();
        assert_eq!(reading.keep_in(folder.path(), "990106101203").unwrap(), path);
        assert!(fs::read(&path).unwrap() == content);
        File::create(folder.path().join("aside-990106101204-00")).unwrap();
        assert_eq!(kept_of(folder.path(), "990106101203"), [path]);
        assert!(kept_of(&folder.path().join("none"), "990106101203").is_empty());
    }

    #[test]
    fn what_is_no_longer_whole_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let content = vec![7; START_MAX_BYTES + 2];
        let mut reading = Remembering::new(content.as_slice());
        reading.read_exact(&mut vec![0; START_MAX_BYTES + 1]).unwrap();
        assert!(reading.keep_in(folder.path(), "990106101203").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
