//! Backups of a working store, and what is none.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;

use sanji_store::{Commit, DiskStore, Options, Store as _, WrappedKey};

use super::*;
use crate::folder::DataFolder;

const STATION: &str = "990106101203";

fn lock() -> (Lock, Opener) {
    let identity = age::x25519::Identity::generate();
    (Lock::Recipient(identity.to_public()), Opener::Identity(identity))
}

/// A folder with a store and some keys.
fn station(data: &DataFolder) -> DiskStore {
    let options = Options { segment_bytes: 1 << 16, ..Options::default() };
    let store = DiskStore::open(data.path(), options).unwrap();
    let secrets = ["signing.key", "enrolling.key", "enrolling.code"].map(|name| (name, "secret"));
    for (name, content) in secrets.into_iter().chain([("master.key", "master"), ("station.json", "{}")]) {
        crate::folder::replace(&data.keys().join(name), content.as_bytes()).unwrap();
    }
    store
}

fn commit(store: &DiskStore, serial: u16) {
    let case = sanji_log::CaseId::new(STATION.parse().unwrap(), 1, serial, [1; 7]).unwrap();
    let case_keys = vec![WrappedKey { case, bytes: vec![7; 60] }];
    store.commit(&Commit { time_ms: 1, case_keys, ..Commit::default() }).unwrap();
}

fn back_up(data: &DataFolder, store: &DiskStore, lock: Lock) -> Vec<u8> {
    let source = Source {
        data,
        station: STATION.parse().unwrap(),
        program: "node",
        durable: store.durable_files().unwrap(),
        entries: 0,
        now_ms: 1,
    };
    // What comes after the files were listed is not in the backup, and does not harm it.
    commit(store, 2);
    let mut bytes = Vec::new();
    write(source, lock, &mut bytes, &mut |done, all| assert!(done <= all)).unwrap();
    bytes
}

#[test]
fn a_backup_of_a_working_store_opens_as_it_stood_and_has_no_signing_key() {
    let root = tempfile::tempdir().unwrap();
    let (data, back) = (DataFolder::new(root.path().join("a")), DataFolder::new(root.path().join("b")));
    let store = station(&data);
    commit(&store, 1);
    let (lock, opener) = lock();
    let bytes = back_up(&data, &store, lock);

    let manifest = restore(bytes.as_slice(), &opener, &back, "node", &mut |_, _| {}).unwrap();
    assert_eq!(manifest.station, STATION.parse().unwrap());
    assert_eq!(fs::read(back.keys().join("master.key")).unwrap(), b"master");
    assert!(!back.holds_station(), "a backup is no clone");
    let asks = ["enrolling.key", "enrolling.code"].iter().any(|name| back.keys().join(name).exists());
    assert!(!asks, "it asks anew");
    let restored = DiskStore::open(back.path(), Options::default()).unwrap();
    let key = |serial| {
        let case = sanji_log::CaseId::new(STATION.parse().unwrap(), 1, serial, [1; 7]).unwrap();
        restored.case_key(&case).unwrap().here().is_some()
    };
    assert!(key(1) && !key(2), "up to the moment at which the files were listed");
    assert_eq!(restored.verify(&mut |_, _| {}).unwrap().faults, Vec::<String>::new());
}

#[test]
fn what_goes_while_a_backup_is_written_is_left_out_and_the_rest_is_whole() {
    const CUT: usize = 100;
    let root = tempfile::tempdir().unwrap();
    let (data, back) = (DataFolder::new(root.path().join("a")), DataFolder::new(root.path().join("b")));
    let store = station(&data);
    commit(&store, 1);
    let put = |fill: u8| store.put_upload(&mut std::iter::once(vec![fill; 50_000]), b"note").unwrap().id;
    let [stays, expires, moves, shrinks] = [1, 2, 3, 4].map(put);
    let (lock, opener) = lock();
    let source = Source {
        data: &data,
        station: STATION.parse().unwrap(),
        program: "node",
        durable: store.durable_files().unwrap(),
        entries: 0,
        now_ms: 1,
    };
    // Between the listing and the reading.
    let file = |id: &sanji_log::AttachmentId| {
        let id = id.to_hex();
        std::path::Path::new("attachments").join(&id[..2]).join(&id)
    };
    let full = |id| data.path().join(file(id));
    store.drop_upload(&expires, b"note").unwrap();
    fs::rename(full(&moves), full(&moves).with_extension("partial")).unwrap();
    fs::OpenOptions::new().write(true).open(full(&shrinks)).unwrap().set_len(CUT as u64).unwrap();
    let mut bytes = Vec::new();
    let mut heard = (0, 0);
    let written = write(source, lock, &mut bytes, &mut |done, all| heard = (done, all)).unwrap();
    assert_eq!(heard.0, heard.1, "all that was promised is there");

    let manifest = restore(bytes.as_slice(), &opener, &back, "node", &mut |_, _| {}).unwrap();
    assert_eq!(manifest, written);
    assert!(manifest.files.iter().all(|file| fs::metadata(back.path().join(&file.path)).unwrap().len() == file.size));
    for gone in [&expires, &moves] {
        assert!(!back.path().join(file(gone)).exists(), "nothing passes for it");
        assert!(manifest.files.iter().all(|listed| listed.path != file(gone)), "nor is it said to be there");
    }
    let restored = DiskStore::open(back.path(), Options::default()).unwrap();
    let is_whole = |id| restored.attachment(id).unwrap().complete;
    assert_eq!([&stays, &expires, &moves].map(is_whole), [true, false, false]);
    assert!(restored.chunk(&stays, 0).unwrap().is_some());
    assert!(restored.chunk(&shrinks, 1).is_err(), "what was cut is found damaged");
    assert!(!is_whole(&shrinks), "and comes again");

    // Of the journal nothing may be missing.
    let durable = store.durable_files().unwrap();
    fs::remove_file(data.path().join(&durable[0].path)).unwrap();
    let source =
        Source { data: &data, station: STATION.parse().unwrap(), program: "node", durable, entries: 0, now_ms: 1 };
    let refused = write(source, self::lock().0, std::io::sink(), &mut |_, _| {});
    assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
}

#[test]
fn what_is_no_whole_backup_leaves_nothing_behind() {
    let root = tempfile::tempdir().unwrap();
    let data = DataFolder::new(root.path().join("a"));
    let store = station(&data);
    commit(&store, 1);
    let (lock, opener) = lock();
    let bytes = back_up(&data, &store, lock);
    let back = DataFolder::new(root.path().join("b"));
    let refused = |bytes: &[u8], opener: &Opener, program: &str| {
        let error = restore(bytes, opener, &back, program, &mut |_, _| {}).unwrap_err().to_string();
        let names: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a"], "{error}");
        error
    };
    let cut = refused(&bytes[..bytes.len() - 100], &opener, "node");
    assert!(cut.contains("cut or was altered"), "{cut}");
    let mut altered = bytes.clone();
    altered[bytes.len() / 2] ^= 1;
    assert!(refused(&altered, &opener, "node").contains("cut or was altered"));
    assert!(refused(&bytes, &self::lock().1, "node").contains("can't decrypt"));
    assert!(refused(&bytes, &opener, "hub").contains("use sanji-node restore"));
    assert!(matches!(restore(bytes.as_slice(), &opener, &data, "node", &mut |_, _| {}), Err(Error::Occupied { .. })));
}

/// A stick that fails at one call, and takes half of what it is given then.
struct Stick {
    calls_left: usize,
    taken: Vec<u8>,
    /// It has taken all bytes and failed to say that they stay.
    failed_to_flush: bool,
}

impl Stick {
    fn call(&mut self) -> std::io::Result<()> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(())
    }
}

impl std::io::Write for &mut Stick {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Err(full) = self.call() {
            self.taken.extend_from_slice(&bytes[..bytes.len() / 2]);
            return Err(full);
        }
        self.taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let flushed = self.call();
        self.failed_to_flush |= flushed.is_err();
        flushed
    }
}

#[test]
fn a_backup_that_broke_off_at_any_call_says_so_and_is_never_taken_for_one() {
    let root = tempfile::tempdir().unwrap();
    let data = DataFolder::new(root.path().join("a"));
    let store = station(&data);
    commit(&store, 1);
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public();
    let opener = Opener::Identity(identity);
    let back = DataFolder::new(root.path().join("b"));
    for calls in 0..10_000 {
        let mut stick = Stick { calls_left: calls, taken: Vec::new(), failed_to_flush: false };
        let source = Source {
            data: &data,
            station: STATION.parse().unwrap(),
            program: "node",
            durable: store.durable_files().unwrap(),
            entries: 0,
            now_ms: 1,
        };
        let written = write(source, Lock::Recipient(recipient.clone()), &mut stick, &mut |_, _| {});
        let restored = restore(stick.taken.as_slice(), &opener, &back, "node", &mut |_, _| {});
        if written.is_ok() {
            assert!(calls > 3, "{calls} calls");
            assert_eq!(restored.unwrap().station, STATION.parse().unwrap());
            return;
        }
        match restored {
            Ok(_) => {
                assert!(stick.failed_to_flush, "{calls}");
                fs::remove_dir_all(back.path()).unwrap();
            }
            Err(_) => assert!(!back.path().exists(), "{calls}"),
        }
    }
    panic!("the stick never took the whole backup");
}
