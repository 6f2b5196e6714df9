//! The engine of a station: on a real disk, on one that fails, and after damage.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::HeldSnapshot;
use crate::conformance::{self, Writer, case};

mod damage;
mod faults;
mod full;
mod release;

/// Small segments, so that tests cross their borders.
const OPTIONS: Options =
    Options { segment_bytes: 16 << 10, cache_bytes: 1 << 20, index_open_timeout: Duration::from_secs(60) };

fn open(folder: &TempDir) -> DiskStore {
    DiskStore::open(folder.path(), OPTIONS).unwrap()
}

/// A commit with everything that a commit can have.
fn rich_commit(writer: &mut Writer, serial: u16, count: usize, size: usize) -> Commit {
    let mut commit = writer.commit(Some(case(serial)), count, size);
    commit.case_keys.push(WrappedKey { case: case(serial), bytes: vec![0xa5; 72] });
    commit
}

/// What a station would derive from a run: here its last position, as a row and as a snapshot.
fn projection_of(run: &Run) -> Projection {
    let value = run.seal.seq.to_be_bytes().to_vec();
    let key = [run.log.key.as_bytes(), &value].concat();
    let serial = u16::try_from(run.seal.seq % 5 + 1).unwrap();
    Projection {
        cases: vec![crate::CaseSnapshot { case: case(serial), bytes: value.repeat(700), is_addition: false }],
        rows: vec![crate::Row { list: b"runs".to_vec(), key, value: Some(value) }],
    }
}

/// Commits and shows what follows.
fn keep(store: &DiskStore, commit: &Commit) {
    store.commit(commit).unwrap();
    store.project(&projection_of(&commit.extensions[0].run)).unwrap();
}

/// Everything that can be read.
fn all_reads(store: &DiskStore) -> String {
    let have = store.have();
    let runs: Vec<_> = have.0.keys().map(|log| store.read(log, 1, usize::MAX).unwrap()).collect();
    let cases: Vec<_> = (1..=5)
        .map(|serial| {
            let case = case(serial);
            (store.case_entries(&case).unwrap(), store.case_key(&case).unwrap(), store.snapshot(&case).unwrap())
        })
        .collect();
    let receipts: Vec<_> = have.0.keys().map(|log| store.receipts(log)).collect();
    let rows = store.rows(b"runs", None, false, usize::MAX).unwrap();
    let prefix = store.cases_with_prefix(&[], usize::MAX).unwrap();
    format!("{have:?} {runs:?} {cases:?} {receipts:?} {rows:?} {prefix:?}")
}

fn catch_up(store: &DiskStore) -> u64 {
    store.unprojected(&mut |run, _| Ok(projection_of(&run))).unwrap()
}

#[test]
fn the_disk_engine_conforms() {
    let mut folders = Vec::new();
    conformance::check_all(&mut || {
        let folder = TempDir::new().unwrap();
        let store = open(&folder);
        folders.push(folder);
        Box::new(store)
    });
}

#[test]
fn reopening_and_rebuilding_give_the_same_reads() {
    let folder = TempDir::new().unwrap();
    let mut writers = [Writer::new(1), Writer::new(2)];
    let store = open(&folder);
    for round in 0..30u16 {
        let writer = &mut writers[usize::from(round % 2)];
        keep(&store, &rich_commit(writer, round % 5 + 1, usize::from(round % 4) + 1, 700));
    }
    store.destroy_case_key(&case(3)).unwrap();
    let before = all_reads(&store);
    drop(store);

    let store = open(&folder);
    assert_eq!(catch_up(&store), 0);
    assert_eq!(all_reads(&store), before);
    drop(store);

    let store = DiskStore::rebuild(folder.path(), OPTIONS).unwrap();
    assert_eq!(catch_up(&store), 30);
    assert_eq!(all_reads(&store), before);
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
    let mut walked = 0;
    let damage = store.for_each_run(&mut |_, _| {
        walked += 1;
        Ok(())
    });
    assert_eq!(damage.unwrap(), Vec::<String>::new());
    assert_eq!(walked, 30);
    drop(store);
    assert_eq!(catch_up(&open(&folder)), 0);
}

#[test]
fn projections_lost_half_way_are_asked_for_again() {
    let folder = TempDir::new().unwrap();
    let mut writer = Writer::new(1);
    let store = open(&folder);
    for _ in 0..5 {
        keep(&store, &rich_commit(&mut writer, 1, 1, 100));
    }
    let before = all_reads(&store);
    drop(store);
    let store = DiskStore::rebuild(folder.path(), OPTIONS).unwrap();
    let mut left = 2;
    let stopped = store.unprojected(&mut |run, _| {
        left -= 1;
        if left < 0 { Err(Error::Damaged { what: "stopped".to_owned() }) } else { Ok(projection_of(&run)) }
    });
    assert!(stopped.is_err());
    // A commit before the index is whole must not hide what it lacks.
    store.commit(&Commit::default()).unwrap();
    drop(store);
    let store = open(&folder);
    assert_eq!(catch_up(&store), 3);
    assert_eq!(all_reads(&store), before);
}

#[test]
fn one_projection_may_stand_for_many_commits_and_may_never_come() {
    let folder = TempDir::new().unwrap();
    let mut writer = Writer::new(1);
    let store = open(&folder);
    let runs: Vec<Run> = (0..5)
        .map(|_| {
            let commit = rich_commit(&mut writer, 1, 1, 100);
            store.commit(&commit).unwrap();
            commit.extensions[0].run.clone()
        })
        .collect();
    let all = runs[..3].iter().map(projection_of).fold(Projection::default(), |mut all, next| {
        all.cases.extend(next.cases);
        all.rows.extend(next.rows);
        all
    });
    store.project(&all).unwrap();
    keep(&store, &rich_commit(&mut writer, 2, 1, 100));
    drop(store);
    assert_eq!(catch_up(&open(&folder)), 0, "the last projection stood for all before it");

    let store = open(&folder);
    store.commit(&rich_commit(&mut writer, 1, 1, 100)).unwrap();
    store.commit(&rich_commit(&mut writer, 2, 1, 100)).unwrap();
    drop(store);
    let store = open(&folder);
    assert_eq!(catch_up(&store), 2, "nothing was projected after these two");
}

#[test]
fn readers_see_every_head_with_its_entries_while_commits_go_on() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let mut writer = Writer::new(1);
    let log = writer.log();
    let done = std::sync::atomic::AtomicBool::new(false);
    let projected = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let Some((head, hash)) = store.have().get(&log) else { continue };
                assert!(head >= seen);
                seen = head;
                assert_eq!(store.entry(&log, head).unwrap().unwrap().hash(), hash);
                assert!(store.read(&log, head, 1).unwrap().unwrap().seal.seq >= head);
                assert!(store.case_entries(&case(1)).unwrap().len() as u64 >= head);
                let shown = projected.load(std::sync::atomic::Ordering::Acquire);
                let key = [log.key.as_bytes(), shown.to_be_bytes().as_slice()].concat();
                assert_eq!(store.row(b"runs", &key).unwrap().is_some(), shown > 0);
                let first_of = |bytes: &Bytes| bytes.first().copied().unwrap_or_default();
                if let Some(HeldSnapshot { whole, additions }) = store.snapshot(&case(1)).unwrap() {
                    let all: Vec<u8> = [first_of(&whole)].into_iter().chain(additions.iter().map(first_of)).collect();
                    assert!(all.iter().skip(1).zip(&all).all(|(next, one)| *next == one + 1), "{all:?}");
                    assert!(u64::from(all[all.len() - 1]) >= shown, "{all:?} after {shown}");
                }
            }
            seen
        });
        for _ in 0..200 {
            let commit = rich_commit(&mut writer, 1, 1, 300);
            store.commit(&commit).unwrap();
            let seq = commit.extensions[0].run.seal.seq;
            let is_addition = seq > 1 && !seq.is_multiple_of(3);
            let bytes = vec![seq as u8; if is_addition { 900 } else { 9000 }];
            let cases = vec![crate::CaseSnapshot { case: case(1), bytes, is_addition }];
            store.project(&Projection { cases, ..projection_of(&commit.extensions[0].run) }).unwrap();
            projected.store(seq, std::sync::atomic::Ordering::Release);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert_eq!(store.have().get(&log), writer.head());
}

#[test]
fn what_is_committed_during_a_check_is_no_fault() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let mut writers = [Writer::new(1), Writer::new(2)];
    for _ in 0..20 {
        keep(&store, &rich_commit(&mut writers[0], 1, 3, 300));
    }
    let mut more = 0;
    let faults = store.verify(&mut |_, _| {
        writers.iter_mut().for_each(|writer| keep(&store, &rich_commit(writer, 2, 1, 300)));
        more += 1;
    });
    let faults = faults.unwrap();
    assert_eq!((faults.faults, faults.entries, faults.logs), (Vec::new(), 60, 1));
    assert!(more > 1);
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().entries, 60 + 2 * more);
}

#[test]
fn a_second_process_is_refused() {
    const FOLDER: &str = "SANJI_STORE_TEST_LOCKED";
    if let Some(path) = std::env::var_os(FOLDER) {
        let refused = DiskStore::open(Path::new(&path), OPTIONS);
        assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
        return;
    }
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    assert!(matches!(DiskStore::open(folder.path(), OPTIONS), Err(Error::Locked { .. })));
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "disk::tests::a_second_process_is_refused"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && output.contains("1 passed"), "{output}");
    drop(store);
    open(&folder);
}

#[test]
fn a_folder_of_a_later_format_is_refused() {
    let folder = TempDir::new().unwrap();
    drop(open(&folder));
    let file = folder.path().join("FORMAT");
    let text = "sanji data folder\nformat 2\n";
    std::fs::write(&file, format!("{text}checksum {:08x}\n", crc32c::crc32c(text.as_bytes()))).unwrap();
    let refused = DiskStore::open(folder.path(), OPTIONS);
    assert!(matches!(refused, Err(Error::Format { found: 2, readable: 1, .. })), "{refused:?}");
    std::fs::write(&file, text).unwrap();
    assert!(matches!(DiskStore::open(folder.path(), OPTIONS), Err(Error::Damaged { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is committed, both engines give the same reads, before and after reopening.
    #[test]
    fn disk_and_memory_agree(steps in prop::collection::vec((0..3u8, 1..5u16, 1..8usize, 0..4000usize, any::<bool>()), 1..25)) {
        let folder = TempDir::new().unwrap();
        let mut disk = open(&folder);
        let memory = crate::MemoryStore::new();
        let mut writers = [Writer::new(1), Writer::new(2), Writer::new(3)];
        for (writer, serial, count, size, special) in steps {
            let commit = rich_commit(&mut writers[usize::from(writer)], serial, count, size);
            disk.commit(&commit).unwrap();
            memory.commit(&commit).unwrap();
            let mut projection = projection_of(&commit.extensions[0].run);
            for snapshot in &mut projection.cases {
                if special && memory.snapshot(&snapshot.case).unwrap().is_some() {
                    snapshot.bytes.truncate(count * 100);
                    snapshot.is_addition = true;
                }
            }
            disk.project(&projection).unwrap();
            memory.project(&projection).unwrap();
            if special && count > 5 {
                drop(disk);
                disk = open(&folder);
                prop_assert_eq!(catch_up(&disk), 0);
            } else if special {
                disk.destroy_case_key(&case(serial)).unwrap();
                memory.destroy_case_key(&case(serial)).unwrap();
            }
        }
        prop_assert_eq!(disk.have(), memory.have());
        for (log, (head, _)) in memory.have().0 {
            for from in [1, head / 2, head] {
                for max_bytes in [1, 5000, usize::MAX] {
                    prop_assert_eq!(disk.read(&log, from, max_bytes).unwrap(), memory.read(&log, from, max_bytes).unwrap());
                }
                prop_assert_eq!(disk.entry(&log, from).unwrap(), memory.entry(&log, from).unwrap());
            }
        }
        for serial in 1..=5 {
            let case = case(serial);
            prop_assert_eq!(disk.case_entries(&case).unwrap(), memory.case_entries(&case).unwrap());
            prop_assert_eq!(disk.case_key(&case).unwrap(), memory.case_key(&case).unwrap());
            prop_assert_eq!(disk.snapshot(&case).unwrap(), memory.snapshot(&case).unwrap());
        }
        for newest_first in [false, true] {
            prop_assert_eq!(disk.rows(b"runs", None, newest_first, 7).unwrap(), memory.rows(b"runs", None, newest_first, 7).unwrap());
        }
    }
}

#[test]
fn a_new_store_takes_little_room_and_its_segments_grow_with_it() {
    let folder = TempDir::new().unwrap();
    let options = Options { segment_bytes: 14 << 20, ..Options::default() };
    let store = DiskStore::open(folder.path(), options).unwrap();
    let size =
        |number: u32| std::fs::metadata(folder.path().join(format!("journal/segment-{number:08}"))).unwrap().len();
    assert_eq!(size(1), 4 << 20);
    let mut writer = Writer::new(1);
    for serial in 1..=16 {
        keep(&store, &rich_commit(&mut writer, serial, 16, 60_000));
    }
    assert_eq!([size(2), size(3)], [8 << 20, 14 << 20]);
    let before = all_reads(&store);
    drop(store);
    assert_eq!(all_reads(&open(&folder)), before);
}
