//! A store with a little of everything, and whether two stores hold the same.

use bytes::Bytes;
use sanji_log::attachment::{CHUNK_BYTES, manifest, root};
use sanji_log::{AttachmentRef, EntryDraft, Head, Receipt};

use super::writer::{Writer, case, home};
use crate::contract::{Commit, Store, WrappedKey};

/// Two logs in turns, keys of which one was destroyed, receipts, attachments whole and half, an upload.
pub fn fill(store: &dyn Store) {
    let mut writers = [Writer::new(1), Writer::new(2)];
    for round in 0..12u64 {
        let mut commit = Commit { time_ms: 5000 + round / 3, ..Commit::default() };
        let [first, second] = &mut writers;
        commit.extensions.extend(first.commit(Some(case(1)), 3, 100).extensions);
        if round % 2 == 0 {
            commit.extensions.extend(second.commit(None, 1, 2000).extensions);
        }
        store.commit(&commit).unwrap();
    }
    let contents: Vec<Vec<u8>> =
        [2, 3].map(|chunks| (0..CHUNK_BYTES * chunks + 5).map(|at| (at % 249) as u8).collect()).to_vec();
    let [first, _] = &mut writers;
    for (serial, content) in (11..).zip(&contents) {
        let (size, manifest) = (content.len() as u64, manifest(content));
        let id = root(size, &manifest);
        store.put_manifest(&id, &manifest, size).unwrap();
        // Of the second one all but the last chunk.
        let come = content.chunks(CHUNK_BYTES).count() - usize::from(serial == 12);
        for (chunk, data) in (0..).zip(content.chunks(CHUNK_BYTES).take(come)) {
            store.put_chunk(&id, chunk, data).unwrap();
        }
        let draft = EntryDraft {
            case: Some(case(serial)),
            actor: String::new(),
            kind: 1,
            body: Bytes::from_static(b"opened"),
            attachments: vec![AttachmentRef { id, size }],
            opens_case: true,
        };
        let case_keys = vec![WrappedKey { case: case(serial), bytes: vec![serial as u8; 72] }];
        let extensions = vec![first.extend_with(&draft)];
        store.commit(&Commit { time_ms: 9000, extensions, case_keys, receipts: Vec::new() }).unwrap();
    }
    store.destroy_case_key(&case(12)).unwrap();
    store.put_upload(&mut [vec![9; CHUNK_BYTES + 1]].into_iter(), b"case 7").unwrap();
    let (seq, hash) = first.head().unwrap();
    let township = home().parent().unwrap();
    let receipt = Receipt::sign(first.key(), township, Head { log: first.log(), seq, hash }, 9001);
    store.commit(&Commit { time_ms: 9001, receipts: vec![receipt], ..Commit::default() }).unwrap();
}

/// Fails where two stores that [`fill`] has filled differ in what was committed.
pub fn same(one: &dyn Store, other: &dyn Store) {
    assert_eq!(one.have(), other.have());
    assert!(!one.have().0.is_empty());
    let runs = |store: &dyn Store| {
        let mut runs = Vec::new();
        let damage = store.for_each_run(&mut |run, arrived_ms| {
            runs.push((run, arrived_ms));
            Ok(())
        });
        assert_eq!(damage.unwrap(), Vec::<String>::new());
        runs
    };
    assert_eq!(runs(one), runs(other), "the same runs in the same order");
    for head in one.have().heads() {
        assert_eq!(one.receipts(&head.log), other.receipts(&head.log));
    }
    for serial in [1, 11, 12] {
        assert_eq!(one.case_entries(&case(serial)).unwrap(), other.case_entries(&case(serial)).unwrap());
        assert_eq!(one.case_key(&case(serial)).unwrap(), other.case_key(&case(serial)).unwrap());
        for held in one.case_entries(&case(serial)).unwrap() {
            for attachment in held.entry.decode().unwrap().attachments {
                let state = one.attachment(&attachment.id).unwrap();
                assert_eq!(state, other.attachment(&attachment.id).unwrap());
                for chunk in 0..state.chunks {
                    let [one, other] = [one, other].map(|store| store.chunk(&attachment.id, chunk).unwrap());
                    assert!(one.is_some() && one == other);
                }
            }
        }
    }
    let uploads = |store: &dyn Store| -> Vec<_> {
        store.uploads().unwrap().into_iter().map(|upload| (upload.id, upload.note)).collect()
    };
    assert_eq!(uploads(one), uploads(other));
    assert_eq!(uploads(one).len(), 1);
    assert_eq!(other.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
}
