//! A disk for tests: it fails or fills up when told to, and on a power cut keeps any part of what was not synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{File, Folder};

const SECTOR: usize = 512;

/// A folder on the disk; clones are the same folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnreliableFolder(Arc<Mutex<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    files: BTreeMap<u32, Content>,
    names: BTreeMap<String, u32>,
    durable_names: BTreeMap<String, u32>,
    /// Writes that still succeed, then how one fails.
    write_fault: Option<(u32, io::ErrorKind)>,
    /// Syncs that still succeed; then all fail.
    sync_fault: Option<u32>,
}

#[derive(Debug, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

struct OpenFile {
    disk: Arc<Mutex<Disk>>,
    id: u32,
}

impl UnreliableFolder {
    /// After `count` more writes one fails half way; those after it succeed again.
    pub(crate) fn fail_write_after(&self, count: u32, kind: io::ErrorKind) {
        self.disk().write_fault = Some((count, kind));
    }

    /// After `count` more syncs all fail, until the power is cut.
    pub(crate) fn fail_sync_after(&self, count: u32) {
        self.disk().sync_fault = Some(count);
    }

    /// Cuts the power: of what was not synced, each sector and name stays or not, as `keeps` says.
    pub(crate) fn cut_power(&self, keeps: &mut dyn FnMut() -> bool) {
        let disk = &mut *self.disk();
        (disk.write_fault, disk.sync_fault) = (None, None);
        if keeps() {
            disk.durable_names = disk.names.clone();
        } else {
            disk.names = disk.durable_names.clone();
        }
        for content in disk.files.values_mut() {
            // The size is synced with the data, so an unsynced file may be short.
            let mut kept = content.durable.clone();
            for sector in std::mem::take(&mut content.dirty) {
                if keeps() {
                    let end = content.seen.len().min((sector + 1) * SECTOR);
                    kept.resize(kept.len().max(end), 0);
                    kept[sector * SECTOR..end].copy_from_slice(&content.seen[sector * SECTOR..end]);
                }
            }
            (content.seen, content.durable) = (kept.clone(), kept);
        }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.0)
    }
}

fn lock(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    fn id(&self, name: &str) -> io::Result<u32> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn check_sync(&mut self) -> io::Result<()> {
        match &mut self.sync_fault {
            Some(0) => Err(io::Error::other("the disk has failed")),
            Some(count) => {
                *count -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn write(&mut self, id: u32, bytes: &[u8], offset: usize) {
        let Some(content) = self.files.get_mut(&id).filter(|_| !bytes.is_empty()) else { return };
        let end = offset + bytes.len();
        content.seen.resize(content.seen.len().max(end), 0);
        content.seen[offset..end].copy_from_slice(bytes);
        content.dirty.extend(offset / SECTOR..=(end - 1) / SECTOR);
    }
}

impl File for OpenFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let disk = lock(&self.disk);
        let seen = disk.files.get(&self.id).map(|content| content.seen.as_slice()).unwrap_or_default();
        let rest = seen.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut disk = lock(&self.disk);
        match disk.write_fault {
            Some((0, kind)) => {
                disk.write_fault = None;
                disk.write(self.id, &bytes[..bytes.len() / 2], offset as usize);
                Err(kind.into())
            }
            fault => {
                disk.write_fault = fault.map(|(count, kind)| (count - 1, kind));
                disk.write(self.id, bytes, offset as usize);
                Ok(())
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = lock(&self.disk);
        disk.check_sync()?;
        if let Some(content) = disk.files.get_mut(&self.id) {
            content.durable = content.seen.clone();
            content.dirty.clear();
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(lock(&self.disk).files.get(&self.id).map_or(0, |content| content.seen.len() as u64))
    }
}

impl Folder for UnreliableFolder {
    fn path(&self) -> &Path {
        Path::new("unreliable")
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.disk().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        let mut disk = self.disk();
        let id = disk.files.keys().last().map_or(0, |last| last + 1);
        disk.files.insert(id, Content::default());
        disk.names.insert(name.to_owned(), id);
        Ok(Box::new(OpenFile { disk: self.0.clone(), id }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn File>> {
        let id = self.disk().id(name)?;
        Ok(Box::new(OpenFile { disk: self.0.clone(), id }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        let id = disk.id(from)?;
        disk.names.remove(from);
        disk.names.insert(to.to_owned(), id);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.id(name)?;
        disk.names.remove(name);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk();
        disk.check_sync()?;
        disk.durable_names = disk.names.clone();
        Ok(())
    }
}
