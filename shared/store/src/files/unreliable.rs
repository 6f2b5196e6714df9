//! A disk for tests: it fails or fills up when told to, and on a power cut keeps any part of what was not synced.
//!
//! A failed sync is as bad as it is on Linux: what it should have written is lost, and a later sync says nothing of
//! it; reads go on showing it until the system forgets what it has cached. Changes of names are kept in their order,
//! folder by folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{DiskRoom, File, Folder};

const SECTOR: usize = 512;
/// What can't be read is as large.
const BLOCK: usize = 4096;
/// What Linux says of a block that can't be read.
const EIO: i32 = 5;

/// A folder on the disk; clones are the same folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnreliableFolder(Arc<Mutex<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    files: BTreeMap<u32, Content>,
    names: BTreeMap<String, u32>,
    durable_names: BTreeMap<String, u32>,
    folders: BTreeSet<String>,
    /// Changes of names that are not durable, oldest first.
    unsynced: Vec<Change>,
    /// Writes that still succeed, then how one fails.
    write_fault: Option<(u32, io::ErrorKind)>,
    /// Syncs that still succeed; then all fail.
    sync_fault: Option<u32>,
    /// Calls that change something and still succeed; then how one fails, or all from there on.
    call_fault: Option<(u32, io::ErrorKind, Lasting)>,
    /// Calls that changed something or tried to.
    calls: u32,
    /// Files and their blocks that can't be read until they are written.
    bad_blocks: BTreeSet<(u32, usize)>,
}

/// Whether a fault passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// One call fails.
    Once,
    /// All calls fail until the disk is mended.
    UntilMended,
}

#[derive(Debug, Clone)]
enum Change {
    Named(String, u32),
    /// Whole or not at all, as file systems with a journal do it.
    Renamed(String, String, u32),
    Removed(String),
}

#[derive(Debug, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
    /// Sectors that a failed sync has dropped.
    lost: BTreeSet<usize>,
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

    /// After `count` more syncs all fail, until the power is cut or the disk is mended.
    pub(crate) fn fail_sync_after(&self, count: u32) {
        self.disk().sync_fault = Some(count);
    }

    /// After `count` more calls that write, sync, make, rename or remove something, one fails or all.
    pub(crate) fn fail_call_after(&self, count: u32, kind: io::ErrorKind, lasting: Lasting) {
        self.disk().call_fault = Some((count, kind, lasting));
    }

    /// Nothing fails any more.
    pub(crate) fn mend(&self) {
        let disk = &mut *self.disk();
        (disk.write_fault, disk.sync_fault, disk.call_fault) = (None, None, None);
    }

    /// How many calls there were that write, sync, make, rename or remove something.
    pub(crate) fn calls(&self) -> u32 {
        self.disk().calls
    }

    /// Changes a byte on the disk, as age does.
    pub(crate) fn damage(&self, name: &str, offset: usize) {
        let disk = &mut *self.disk();
        if let Some(content) = disk.names.get(name).and_then(|id| disk.files.get_mut(id)) {
            content.seen[offset] ^= 0x10;
            content.durable[offset] ^= 0x10;
        }
    }

    /// From now on a block can't be read, until it is written. Returns whether the file reaches so far.
    pub(crate) fn spoil(&self, name: &str, block: usize) -> bool {
        let disk = &mut *self.disk();
        let Some(id) = disk.names.get(name).copied() else { return false };
        let size = disk.files.get(&id).map_or(0, |content| content.seen.len());
        block * BLOCK < size && disk.bad_blocks.insert((id, block))
    }

    /// Cuts the power: of what was not synced, each sector and name stays or not, as `keeps` says.
    pub(crate) fn cut_power(&self, keeps: &mut dyn FnMut() -> bool) {
        self.mend();
        let disk = &mut *self.disk();
        let mut over: BTreeSet<String> = BTreeSet::new();
        for change in std::mem::take(&mut disk.unsynced) {
            // What follows a change that is lost in the same folder is lost too.
            let folder = folder_of(change.name()).to_owned();
            if !over.contains(&folder) && keeps() {
                change.apply(&mut disk.durable_names);
            } else {
                over.insert(folder);
            }
        }
        disk.names = disk.durable_names.clone();
        for content in disk.files.values_mut() {
            // The size is synced with the data, so an unsynced file may be short.
            let mut kept = content.durable.clone();
            let lost = std::mem::take(&mut content.lost);
            for sector in std::mem::take(&mut content.dirty).union(&lost) {
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

fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Change {
    fn name(&self) -> &str {
        match self {
            Self::Named(name, _) | Self::Renamed(_, name, _) | Self::Removed(name) => name,
        }
    }

    fn apply(self, names: &mut BTreeMap<String, u32>) {
        match self {
            Self::Named(name, id) => _ = names.insert(name, id),
            Self::Renamed(from, to, id) => {
                names.remove(&from);
                names.insert(to, id);
            }
            Self::Removed(name) => _ = names.remove(&name),
        }
    }
}

impl Disk {
    fn id(&self, name: &str) -> io::Result<u32> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Counts a call, and fails it where that is its turn.
    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        match &mut self.call_fault {
            Some((0, kind, lasting)) => {
                let error = io::Error::from(*kind);
                if *lasting == Lasting::Once {
                    self.call_fault = None;
                }
                Err(error)
            }
            Some((count, ..)) => {
                *count -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn check_sync(&mut self) -> io::Result<()> {
        self.call()?;
        match &mut self.sync_fault {
            Some(0) => Err(io::Error::other("the disk has failed")),
            Some(count) => {
                *count -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.names);
        self.unsynced.push(change);
    }

    fn write(&mut self, id: u32, bytes: &[u8], offset: usize) {
        let Some(content) = self.files.get_mut(&id).filter(|_| !bytes.is_empty()) else { return };
        let end = offset + bytes.len();
        content.seen.resize(content.seen.len().max(end), 0);
        content.seen[offset..end].copy_from_slice(bytes);
        let sectors = offset / SECTOR..=(end - 1) / SECTOR;
        sectors.clone().for_each(|sector| _ = content.lost.remove(&sector));
        (offset / BLOCK..=(end - 1) / BLOCK).for_each(|block| _ = self.bad_blocks.remove(&(id, block)));
        content.dirty.extend(sectors);
    }
}

impl File for OpenFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let disk = lock(&self.disk);
        let seen = disk.files.get(&self.id).map(|content| content.seen.as_slice()).unwrap_or_default();
        let rest = seen.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        let mut blocks = offset as usize / BLOCK..=(offset as usize + count.max(1) - 1) / BLOCK;
        if blocks.any(|block| disk.bad_blocks.contains(&(self.id, block))) {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut disk = lock(&self.disk);
        let half = &bytes[..bytes.len() / 2];
        if let Err(error) = disk.call() {
            disk.write(self.id, half, offset as usize);
            return Err(error);
        }
        match disk.write_fault {
            Some((0, kind)) => {
                disk.write_fault = None;
                disk.write(self.id, half, offset as usize);
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
        let synced = disk.check_sync();
        let Some(content) = disk.files.get_mut(&self.id) else { return synced };
        let dirty = std::mem::take(&mut content.dirty);
        if synced.is_err() {
            content.lost.extend(dirty);
            return synced;
        }
        content.durable.resize(content.seen.len(), 0);
        for sector in dirty {
            let end = content.seen.len().min((sector + 1) * SECTOR);
            if sector * SECTOR < end {
                content.durable[sector * SECTOR..end].copy_from_slice(&content.seen[sector * SECTOR..end]);
            }
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(lock(&self.disk).files.get(&self.id).map_or(0, |content| content.seen.len() as u64))
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        let mut disk = lock(&self.disk);
        disk.call()?;
        let content = disk.files.get_mut(&self.id).into_iter();
        content.for_each(|content| content.seen.resize(size as usize, 0));
        Ok(())
    }

    fn forget_cached(&self) -> io::Result<()> {
        let mut disk = lock(&self.disk);
        let Some(content) = disk.files.get_mut(&self.id) else { return Ok(()) };
        for sector in std::mem::take(&mut content.lost) {
            let end = content.seen.len().min((sector + 1) * SECTOR);
            for at in sector * SECTOR..end {
                content.seen[at] = content.durable.get(at).copied().unwrap_or_default();
            }
        }
        Ok(())
    }
}

impl Folder for UnreliableFolder {
    fn path(&self) -> &Path {
        Path::new("unreliable")
    }

    fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        let disk = self.disk();
        let mut names: BTreeSet<&str> = disk
            .names
            .keys()
            .filter(|name| folder_of(name) == folder)
            .map(|name| name.rsplit_once('/').map_or(name.as_str(), |(_, name)| name))
            .collect();
        if folder.is_empty() {
            names.extend(disk.folders.iter().map(String::as_str));
        }
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    /// Folders are durable at once: the few that there are would only make the tests longer.
    fn make_folder(&self, folder: &str) -> io::Result<()> {
        let mut disk = self.disk();
        if !disk.folders.contains(folder) {
            disk.call()?;
            disk.folders.insert(folder.to_owned());
        }
        Ok(())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        let mut disk = self.disk();
        disk.call()?;
        let id = disk.files.keys().last().map_or(0, |last| last + 1);
        disk.files.insert(id, Content::default());
        disk.change(Change::Named(name.to_owned(), id));
        Ok(Box::new(OpenFile { disk: self.0.clone(), id }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn File>> {
        let id = self.disk().id(name)?;
        Ok(Box::new(OpenFile { disk: self.0.clone(), id }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.call()?;
        let id = disk.id(from)?;
        disk.change(Change::Renamed(from.to_owned(), to.to_owned(), id));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.call()?;
        disk.id(name)?;
        disk.change(Change::Removed(name.to_owned()));
        Ok(())
    }

    fn sync(&self, folder: &str) -> io::Result<()> {
        let disk = &mut *self.disk();
        disk.check_sync()?;
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            std::mem::take(&mut disk.unsynced).into_iter().partition(|change| folder_of(change.name()) == folder);
        here.into_iter().for_each(|change| change.apply(&mut disk.durable_names));
        disk.unsynced = elsewhere;
        Ok(())
    }

    fn modified_ms(&self, name: &str) -> io::Result<u64> {
        self.disk().id(name).map(|_| 0)
    }

    fn room(&self) -> io::Result<DiskRoom> {
        Ok(DiskRoom { free_bytes: u64::MAX, total_bytes: u64::MAX })
    }
}
