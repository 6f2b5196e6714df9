//! A disk that fails, fills up, or loses its power.

use std::io::ErrorKind;

use super::*;
use crate::files::unreliable::{Lasting, UnreliableFolder};

fn open_on(folder: &TempDir, disk: &UnreliableFolder) -> DiskStore {
    let disk = disk.clone();
    super::open::open(folder.path(), OPTIONS, &move |_| Ok(Box::new(disk.clone()))).unwrap()
}

#[test]
fn a_failed_sync_is_final_until_the_store_has_recovered_or_is_opened_again() {
    for recovers in [true, false] {
        let (folder, disk) = (TempDir::new().unwrap(), UnreliableFolder::default());
        let mut writer = Writer::new(1);
        let store = open_on(&folder, &disk);
        store.commit(&rich_commit(&mut writer, 1, 1, 100)).unwrap();
        let mut acknowledged = writer.clone();
        disk.fail_sync_after(0);
        let failed = store.commit(&rich_commit(&mut writer, 1, 1, 100));
        assert!(matches!(failed, Err(Error::Io { operation: "sync", .. })), "{failed:?}");
        assert!(failed.unwrap_err().is_permanent());
        assert!(store.read_only().unwrap().to_string().contains("the disk has failed"));
        // The head that was read before is still the head: what was not confirmed does not show.
        assert_eq!(store.have().get(&writer.log()), acknowledged.head());
        assert!(store.recover().is_err(), "the disk still fails");
        if !recovers {
            disk.cut_power(&mut || false);
        }
        let refused = store.commit(&rich_commit(&mut acknowledged.clone(), 1, 1, 100));
        assert!(matches!(refused, Err(Error::ReadOnly { .. })), "{refused:?}");
        assert!(matches!(store.destroy_case_key(&case(1)), Err(Error::ReadOnly { .. })));
        assert_eq!(store.read(&writer.log(), 1, 1000).unwrap().unwrap().entries.len(), 1);
        let store = if recovers {
            disk.mend();
            store.recover().unwrap();
            store
        } else {
            drop(store);
            open_on(&folder, &disk)
        };
        assert_eq!((store.read_only(), store.missing()), (None, vec![]));
        keep(&store, &rich_commit(&mut acknowledged, 1, 1, 4000));
        assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
        drop(store);
        // What failed never comes back, though it may be on the disk.
        let store = open_on(&folder, &disk);
        assert_eq!(store.have().get(&writer.log()), acknowledged.head());
        assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
    }
}

#[test]
fn a_block_that_the_disk_cannot_read_is_damage_and_stops_nothing() {
    let mut met = 0;
    for block in 0..64 {
        let (folder, disk) = (TempDir::new().unwrap(), UnreliableFolder::default());
        let mut writer = Writer::new(1);
        let store = open_on(&folder, &disk);
        for serial in 1..=5 {
            keep(&store, &rich_commit(&mut writer, serial, 2, 900));
        }
        let id = store.put_upload(&mut [vec![7; 300_000]].into_iter(), b"").unwrap().id;
        drop(store);
        let attachment = format!("{}/{id}", &id.to_string()[..2]);
        let is_spoiled = |name: &str| disk.spoil(name, block);
        let (in_journal, in_attachment) = (is_spoiled("segment-00000001"), is_spoiled(&attachment));
        met += usize::from(in_journal) + usize::from(in_attachment);
        let store = open_on(&folder, &disk);
        for seq in 1..=10 {
            let entry = store.entry(&writer.log(), seq);
            assert!(matches!(entry, Ok(Some(_)) | Err(Error::Damaged { .. })), "block {block}, {seq}: {entry:?}");
        }
        let chunks: Vec<_> = (0..10).map(|chunk| store.chunk(&id, chunk)).collect();
        assert!(chunks.iter().all(|chunk| matches!(chunk, Ok(_) | Err(Error::Damaged { .. }))), "{chunks:?}");
        assert_eq!(chunks.iter().any(Result::is_err), in_attachment, "block {block}");
        store.verify(&mut |_, _| ()).unwrap();
        assert_eq!(store.read_only(), None);
        keep(&store, &rich_commit(&mut writer, 1, 1, 10));
    }
    assert!(met > 64, "{met} blocks were there to be spoiled");
}

#[test]
fn what_a_failed_sync_has_lost_of_an_acknowledged_record_is_found_on_recovering() {
    let (folder, disk) = (TempDir::new().unwrap(), UnreliableFolder::default());
    let mut writer = Writer::new(1);
    let store = open_on(&folder, &disk);
    keep(&store, &rich_commit(&mut writer, 1, 1, 100));
    keep(&store, &rich_commit(&mut writer, 1, 1, 100));
    disk.damage("segment-00000001", 64 + 300);
    disk.fail_write_after(0, ErrorKind::Other);
    assert!(store.commit(&rich_commit(&mut writer.clone(), 1, 1, 100)).is_err());
    store.recover().unwrap();
    assert_eq!(store.missing(), [Stretch { log: writer.log(), from: 1, until: 1 }]);
    keep(&store, &rich_commit(&mut writer, 1, 1, 100));
}

#[test]
fn a_failed_index_is_begun_anew_while_the_store_runs() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let mut writer = Writer::new(1);
    for serial in 1..=5 {
        keep(&store, &rich_commit(&mut writer, serial, 2, 700));
    }
    let before = all_reads(&store);
    store.index().fail_for_tests();
    let refused = store.commit(&rich_commit(&mut writer.clone(), 1, 1, 10));
    assert!(matches!(refused, Err(Error::Index { .. })), "{refused:?}");
    store.recover().unwrap();
    assert_eq!(store.read_only(), None);
    assert_eq!(catch_up(&store), 5);
    assert_eq!(all_reads(&store), before);
    keep(&store, &rich_commit(&mut writer, 1, 1, 10));
    let before = all_reads(&store);
    drop(store);
    let store = open(&folder);
    assert_eq!((catch_up(&store), all_reads(&store)), (0, before));
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
}

/// A day at a station: commits over several segments, attachments in chunks and as uploads, a destroyed key. Stops
/// where `goes_on` says so after a failure. What was acknowledged:
#[derive(Default)]
struct Acknowledged {
    heads: Vec<(Writer, Writer)>,
    attachments: Vec<(AttachmentId, Vec<u8>)>,
}

fn work(store: &DiskStore, goes_on: &mut dyn FnMut(&DiskStore) -> bool) -> Acknowledged {
    let mut done = Acknowledged { heads: vec![(Writer::new(1), Writer::new(1)); 1], ..Acknowledged::default() };
    let content = |seed: u8| (0..70_000u32).map(|at| (at % 251) as u8 ^ seed).collect::<Vec<u8>>();
    for round in 0..6u8 {
        let [(acknowledged, tried)] = &mut done.heads[..] else { panic!("one writer") };
        *tried = acknowledged.clone();
        let commit = rich_commit(tried, u16::from(round % 5) + 1, 2, 3500);
        if store.commit(&commit).is_ok() {
            *acknowledged = tried.clone();
            drop(store.project(&projection_of(&commit.extensions[0].run)));
        } else if !goes_on(store) {
            return done;
        }
        let bytes = content(round);
        let manifest = sanji_log::attachment::manifest(&bytes);
        let id = sanji_log::attachment::root(bytes.len() as u64, &manifest);
        let kept = if round % 2 == 0 {
            let mut chunks = bytes.chunks(32_768).zip(0..);
            store.put_manifest(&id, &manifest, bytes.len() as u64).is_ok()
                && chunks.try_fold(false, |_, (data, chunk)| store.put_chunk(&id, chunk, data).ok()) == Some(true)
        } else {
            store.put_upload(&mut [bytes.clone()].into_iter(), b"note").is_ok()
        };
        if kept {
            done.attachments.push((id, bytes));
        } else if !goes_on(store) {
            return done;
        }
    }
    done
}

fn check_acknowledged(store: &DiskStore, done: &Acknowledged, at: &str) {
    let [(acknowledged, tried)] = &done.heads[..] else { panic!("one writer") };
    let head = store.have().get(&acknowledged.log());
    assert!(head == acknowledged.head() || head == tried.head(), "{at}: {head:?}");
    assert_eq!((store.read_only(), store.missing()), (None, vec![]), "{at}");
    if let Some(run) = store.read(&acknowledged.log(), 1, usize::MAX).unwrap() {
        run.verify(None).unwrap();
    }
    for (id, bytes) in &done.attachments {
        assert!(store.attachment(id).unwrap().complete, "{at}: an attachment is lost");
        for (data, chunk) in bytes.chunks(32_768).zip(0..) {
            assert_eq!(store.chunk(id, chunk).unwrap().as_deref(), Some(data), "{at}");
        }
    }
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new(), "{at}");
    let mut next = if head == tried.head() { tried.clone() } else { acknowledged.clone() };
    keep(store, &rich_commit(&mut next, 1, 1, 100));
}

/// How many calls that change the disk a day has, the opening included.
fn calls_of_a_day() -> u32 {
    let (folder, disk) = (TempDir::new().unwrap(), UnreliableFolder::default());
    let store = open_on(&folder, &disk);
    let done = work(&store, &mut |_| panic!("nothing fails"));
    assert_eq!(done.attachments.len(), 6);
    assert!(store.journal.end().segment() >= 3);
    disk.calls()
}

#[test]
fn a_fault_of_any_call_loses_nothing_and_is_recovered_from() {
    let calls = calls_of_a_day();
    assert!(calls > 80, "{calls}");
    for call in 0..calls {
        for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
            // Each takes its time, so the two take turns.
            for lasting in [[Lasting::Once, Lasting::UntilMended][(call as usize + kind as usize) % 2]] {
                let at = format!("call {call} of {calls}, {kind}, {lasting:?}");
                let (folder, disk) = (TempDir::new().unwrap(), UnreliableFolder::default());
                disk.fail_call_after(call, kind, lasting);
                let opened = super::super::open::open(folder.path(), OPTIONS, &{
                    let disk = disk.clone();
                    move |_| Ok(Box::new(disk.clone()))
                });
                let Ok(store) = opened else {
                    disk.mend();
                    check_acknowledged(
                        &open_on(&folder, &disk),
                        &Acknowledged { heads: vec![(Writer::new(1), Writer::new(1))], ..Acknowledged::default() },
                        &at,
                    );
                    continue;
                };
                let mut failed = false;
                let done = work(&store, &mut |store| {
                    failed = true;
                    if lasting == Lasting::UntilMended {
                        // Nothing is taken before the disk is well again …
                        let mut next = Writer::new(9);
                        assert!(store.commit(&rich_commit(&mut next, 1, 1, 100)).is_err(), "{at}");
                        disk.mend();
                    }
                    // … and then it goes on without a person.
                    store.recover().unwrap_or_else(|error| panic!("{at}: {error}"));
                    true
                });
                if !failed && lasting == Lasting::UntilMended {
                    disk.mend();
                }
                let acknowledged = &done.heads[0].0;
                assert_eq!(store.have().get(&acknowledged.log()), acknowledged.head(), "{at}");
                drop(store);
                let reopened = open_on(&folder, &disk);
                assert_eq!(
                    reopened.have().get(&acknowledged.log()),
                    acknowledged.head(),
                    "{at}: a failed commit is back"
                );
                check_acknowledged(&reopened, &done, &at);
            }
        }
    }
}

#[test]
fn a_power_cut_at_any_call_loses_nothing_acknowledged() {
    let calls = calls_of_a_day();
    for call in 0..calls {
        for pattern in [call % 4, (call + 2) % 4] {
            let at = format!("call {call} of {calls}, pattern {pattern}");
            let (folder, disk) = (TempDir::new().unwrap(), UnreliableFolder::default());
            disk.fail_call_after(call, ErrorKind::Other, Lasting::UntilMended);
            let opened = super::super::open::open(folder.path(), OPTIONS, &{
                let disk = disk.clone();
                move |_| Ok(Box::new(disk.clone()))
            });
            let nothing = || Acknowledged { heads: vec![(Writer::new(1), Writer::new(1))], ..Acknowledged::default() };
            let done = match &opened {
                Ok(store) => work(store, &mut |_| false),
                Err(_) => nothing(),
            };
            drop(opened);
            let mut turn = call;
            disk.cut_power(&mut || {
                turn = turn.wrapping_mul(2_654_435_761).wrapping_add(pattern);
                match pattern {
                    0 => false,
                    1 => true,
                    _ => turn >> 20 & 1 == 0,
                }
            });
            if pattern % 2 == 0 {
                index::remove(&folder.path().join("index")).unwrap();
            }
            check_acknowledged(&open_on(&folder, &disk), &done, &at);
        }
    }
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
            Ok(found) => prop_assert!(found.here().is_none_or(|found| found == key)),
            Err(error) => prop_assert!(matches!(error, Error::Damaged { .. }), "{error}"),
        }
        store.destroy_case_key(&case(1)).unwrap();
        prop_assert_eq!(store.case_key(&case(1)).unwrap(), HeldKey::Destroyed);
        prop_assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
    }
}
