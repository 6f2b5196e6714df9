//! A disk that is really full: a small tmpfs, so only for root.

use std::fs;

use super::*;

/// Mounted until it is dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// None where this user may not mount.
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self(folder))
    }

    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("of-others");
        let mut file = fs::File::create(&path).unwrap();
        let written = std::io::copy(&mut std::io::repeat(7), &mut file);
        assert_eq!(written.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_disk_stops_writes_loses_nothing_and_goes_on_by_itself() {
    let Some(disk) = SmallDisk::mount(64) else {
        // Whoever runs all checks does so as root.
        assert_ne!(std::env::var("USER").as_deref(), Ok("root"), "root may mount");
        return;
    };
    let data = disk.0.path().join("data");
    let options = Options { segment_bytes: 1 << 20, ..OPTIONS };
    let store = DiskStore::open(&data, options).unwrap();
    let mut writer = Writer::new(1);
    for serial in 1..=5 {
        keep(&store, &rich_commit(&mut writer, serial, 4, 20_000));
    }
    for opened_while_full in [false, true] {
        store.index().rest_for_tests();
        let others = disk.fill();
        std::thread::sleep(Duration::from_millis(150));
        let full = store.commit(&rich_commit(&mut writer.clone(), 1, 4, 20_000));
        assert!(matches!(full, Err(Error::Full { .. })), "{full:?}");
        assert_eq!(store.read_only(), Some(Halt::Full));
        let upload = store.put_upload(&mut [vec![1; 100_000]].into_iter(), b"");
        assert!(matches!(upload, Err(Error::Full { .. })), "{upload:?}");
        assert!(matches!(store.recover(), Err(Error::Full { .. })));
        // All that was acknowledged can be read, and the index gets what it lacks.
        let before = all_reads(&store);
        store.settle().unwrap();
        assert_eq!(all_reads(&store), before);
        assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
        if opened_while_full {
            let again = copy(&data);
            let store = DiskStore::open(again.path(), options).unwrap();
            assert_eq!(all_reads(&store), before);
        }
        fs::remove_file(others).unwrap();
        std::thread::sleep(Duration::from_millis(150));
        if opened_while_full {
            store.recover().unwrap();
            assert_eq!(store.read_only(), None);
        }
        keep(&store, &rich_commit(&mut writer, 1, 4, 20_000));
        assert_eq!(store.read_only(), None);
    }
    let before = all_reads(&store);
    drop(store);
    let others = disk.fill();
    // Opening needs no room and no person, nor does what the index missed when it was closed.
    let store = DiskStore::open(&data, options).unwrap();
    catch_up(&store);
    assert_eq!(all_reads(&store), before);
    fs::remove_file(others).unwrap();
    std::thread::sleep(Duration::from_millis(150));
    keep(&store, &rich_commit(&mut writer, 1, 4, 20_000));
    assert_eq!(store.have().get(&writer.log()), writer.head());
}

/// Of what is durable, as a backup makes it.
fn copy(data: &Path) -> TempDir {
    let copied = TempDir::new().unwrap();
    fs::create_dir(copied.path().join("journal")).unwrap();
    fs::copy(data.join("FORMAT"), copied.path().join("FORMAT")).unwrap();
    for segment in fs::read_dir(data.join("journal")).unwrap() {
        let segment = segment.unwrap();
        fs::copy(segment.path(), copied.path().join("journal").join(segment.file_name())).unwrap();
    }
    let store = open(&copied);
    catch_up(&store);
    drop(store);
    copied
}
