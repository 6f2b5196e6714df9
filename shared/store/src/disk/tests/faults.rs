//! A disk that fails, fills up, or loses its power.

use std::io::ErrorKind;

use super::*;
use crate::files::unreliable::UnreliableFolder;

fn open_on(folder: &TempDir, disk: &UnreliableFolder) -> DiskStore {
    let disk = disk.clone();
    super::open::open(folder.path(), OPTIONS, &move |_| Ok(Box::new(disk.clone()))).unwrap()
}

#[test]
fn a_failed_sync_is_final_until_reopened() {
    let (folder, disk) = (TempDir::new().unwrap(), UnreliableFolder::default());
    let mut writer = Writer::new(1);
    let store = open_on(&folder, &disk);
    store.commit(&rich_commit(&mut writer, 1, 1, 100)).unwrap();
    let acknowledged = writer.clone();
    disk.fail_sync_after(0);
    let failed = store.commit(&rich_commit(&mut writer, 1, 1, 100));
    assert!(matches!(failed, Err(Error::Io { operation: "sync", .. })), "{failed:?}");
    assert!(failed.unwrap_err().is_permanent());
    assert!(store.read_only().unwrap().contains("the disk has failed"));
    // The head that was read before is still the head: what was not confirmed does not show.
    assert_eq!(store.have().get(&writer.log()), acknowledged.head());
    disk.cut_power(&mut || false);
    let refused = store.commit(&rich_commit(&mut acknowledged.clone(), 1, 1, 100));
    assert!(matches!(refused, Err(Error::ReadOnly { .. })), "{refused:?}");
    assert!(matches!(store.destroy_case_key(&case(1)), Err(Error::ReadOnly { .. })));
    assert_eq!(store.read(&writer.log(), 1, 1000).unwrap().unwrap().entries.len(), 1);
    drop(store);

    let store = open_on(&folder, &disk);
    assert_eq!(store.read_only(), None);
    store.commit(&rich_commit(&mut acknowledged.clone(), 1, 1, 100)).unwrap();
}

#[test]
fn a_failed_write_is_final() {
    let (folder, disk) = (TempDir::new().unwrap(), UnreliableFolder::default());
    let mut writer = Writer::new(1);
    let store = open_on(&folder, &disk);
    disk.fail_write_after(0, ErrorKind::Other);
    assert!(matches!(store.commit(&rich_commit(&mut writer, 1, 1, 100)), Err(Error::Io { operation: "write", .. })));
    assert!(store.read_only().is_some());
}

#[test]
fn a_full_disk_refuses_a_commit_whole_and_takes_the_next() {
    let (folder, disk) = (TempDir::new().unwrap(), UnreliableFolder::default());
    let mut writer = Writer::new(1);
    let store = open_on(&folder, &disk);
    let mut full = 0;
    for round in 0..20 {
        // Larger and smaller commits, so that the write that fails is at times that of a new segment.
        let size = 500 + round % 7 * 900;
        disk.fail_write_after(0, ErrorKind::StorageFull);
        let commit = rich_commit(&mut writer.clone(), 1, 3, size);
        let refused = store.commit(&commit);
        assert!(matches!(refused, Err(Error::Full { .. })), "{refused:?}");
        assert!(!refused.unwrap_err().is_permanent());
        assert_eq!(store.have().get(&writer.log()), writer.head());
        full += 1;
        keep(&store, &rich_commit(&mut writer, 1, 1, size));
    }
    assert_eq!((full, store.read_only()), (20, None));
    assert!(store.journal.end().segment() > 3, "segments were made, too");
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
    drop(store);
    let store = open_on(&folder, &disk);
    assert_eq!(store.read_only(), None);
    assert_eq!(store.have().get(&writer.log()), writer.head());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// The power fails in the middle of a commit; any sectors of it may be on the disk. What was acknowledged is
    /// there, the commit under way is there whole or not at all, and the station goes on.
    #[test]
    fn a_power_cut_loses_nothing_acknowledged(
        sizes in prop::collection::vec((1..4usize, 0..5000usize), 1..12),
        syncs in 0..14u32,
        keeps in prop::collection::vec(any::<bool>(), 1..64),
        keeps_index in any::<bool>(),
    ) {
        let (folder, disk) = (TempDir::new().unwrap(), UnreliableFolder::default());
        let mut writer = Writer::new(1);
        let store = open_on(&folder, &disk);
        disk.fail_sync_after(syncs);
        let mut acknowledged = writer.clone();
        for (count, size) in sizes {
            if store.commit(&rich_commit(&mut writer, 1, count, size)).is_err() {
                break;
            }
            acknowledged = writer.clone();
        }
        drop(store);
        let mut keeps = keeps.into_iter().cycle();
        disk.cut_power(&mut || keeps.next().unwrap_or(true));
        if !keeps_index {
            index::remove(&folder.path().join("index")).unwrap();
        }

        let store = open_on(&folder, &disk);
        prop_assert_eq!(store.read_only(), None);
        let head = store.have().get(&writer.log());
        prop_assert!(head == acknowledged.head() || head == writer.head(), "{head:?}");
        if let Some(run) = store.read(&writer.log(), 1, usize::MAX).unwrap() {
            run.verify(None).unwrap();
        }
        let mut next = if head == writer.head() { writer } else { acknowledged };
        keep(&store, &rich_commit(&mut next, 2, 1, 100));
        prop_assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
    }

    /// The power fails while a key is destroyed; whatever sectors of its frame are new, nothing else is lost and
    /// the destruction can be finished.
    #[test]
    fn a_destruction_cut_short_can_be_finished(
        before in 0..1000usize,
        key_bytes in 0..=256usize,
        more in any::<bool>(),
        keeps in prop::collection::vec(any::<bool>(), 1..8),
        keeps_index in any::<bool>(),
    ) {
        let (folder, disk) = (TempDir::new().unwrap(), UnreliableFolder::default());
        let mut writer = Writer::new(1);
        let store = open_on(&folder, &disk);
        store.commit(&writer.commit(None, 1, before)).unwrap();
        let mut commit = writer.commit(Some(case(1)), 1, 100);
        let key = WrappedKey { case: case(1), bytes: vec![0xa5; key_bytes] };
        commit.case_keys.push(key.clone());
        store.commit(&commit).unwrap();
        if more {
            store.commit(&writer.commit(Some(case(1)), 1, 100)).unwrap();
        }
        disk.fail_sync_after(0);
        prop_assert!(store.destroy_case_key(&case(1)).is_err());
        drop(store);
        let mut keeps = keeps.into_iter().cycle();
        disk.cut_power(&mut || keeps.next().unwrap_or(true));
        if !keeps_index {
            index::remove(&folder.path().join("index")).unwrap();
        }

        let store = open_on(&folder, &disk);
        prop_assert_eq!(store.read_only(), None);
        prop_assert_eq!(store.have().get(&writer.log()), writer.head());
        match store.case_key(&case(1)) {
            Ok(found) => prop_assert!(found.is_none_or(|found| found == key)),
            Err(error) => prop_assert!(matches!(error, Error::Damaged { .. }), "{error}"),
        }
        store.destroy_case_key(&case(1)).unwrap();
        prop_assert_eq!(store.case_key(&case(1)).unwrap(), None);
        prop_assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
    }
}
