//! The journal: whatever a disk does to its bytes, the store opens or says why not, and never gives out another entry
//! than was written.

use std::path::{Path, PathBuf};

use sanji_store::{DiskStore, Options, Store as _};

use crate::input::fuzz;
use crate::wire::station;

/// A small store, stopped: its folder, the one segment of its journal, and what it held.
fn written(root: &Path) -> (PathBuf, Vec<u8>) {
    use sanji_log::seal::public_key;
    use sanji_log::{EntryDraft, HybridTime, LogId, Reach, Run, Seal, SigningKey};
    use sanji_store::{Commit, Extension};

    let key = SigningKey::from_bytes(&[7; 32]);
    let log = LogId { home: station("990106101203"), reach: Reach::Private, key: public_key(&key) };
    let store = DiskStore::open(root, options()).unwrap();
    let mut head = None;
    for number in 1..=6_u64 {
        let draft = EntryDraft {
            case: None,
            actor: String::new(),
            kind: 6,
            body: vec![number as u8; 300].into(),
            attachments: Vec::new(),
            opens_case: false,
        };
        let entry = draft.chain(log, head, HybridTime::from_millis(number));
        let hash = entry.hash();
        let run = Run { log, entries: vec![entry], seal: Seal::sign(&key, &log, number, hash) };
        store.commit(&Commit { extensions: vec![Extension { extends: head, run }], ..Commit::default() }).unwrap();
        head = Some((number, hash));
    }
    drop(store);
    let segment = std::fs::read_dir(root.join("journal")).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&segment).unwrap();
    (segment, bytes)
}

fn options() -> Options {
    Options { segment_bytes: 64 << 10, ..Options::default() }
}

#[test]
fn journals() {
    let folder = tempfile::tempdir().unwrap();
    let (segment, bytes) = written(folder.path());
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let held: Vec<_> = {
        let store = DiskStore::open(folder.path(), options()).unwrap();
        let log = store.have().heads().next().unwrap().log;
        (1..=6).map(|seq| (log, seq, store.entry(&log, seq).unwrap().unwrap())).collect()
    };
    fuzz!(20_000, vec![bytes[..used].to_vec()], |_, edited: &[u8], is_edited: bool| {
        std::fs::write(&segment, edited).unwrap();
        let _ = std::fs::remove_dir_all(folder.path().join("index"));
        let store = match DiskStore::open(folder.path(), options()) {
            Ok(store) => store,
            Err(error) => return assert!(is_edited, "{error}"),
        };
        for (log, seq, entry) in &held {
            if let Ok(Some(read)) = store.entry(log, *seq) {
                assert!(read == *entry, "seq {seq} was changed and is given out");
            }
        }
        let heads = store.have().heads().collect::<Vec<_>>();
        assert!(
            heads.iter().all(|head| held
                .iter()
                .any(|(log, seq, entry)| { (*log, *seq, entry.hash()) == (head.log, head.seq, head.hash) })),
            "a head that was never written: {heads:?}"
        );
    });
}
