//! Logs, cases, keys, receipts.

use sanji_log::{Have, Head, Receipt, Run, SigningKey};

use super::writer::{Writer, case, home};
use crate::contract::{Commit, Error, HeldKey, Store, WrappedKey};

pub(super) fn an_empty_store_has_nothing(store: &dyn Store) {
    let log = Writer::new(1).log();
    assert!(store.have().0.is_empty());
    assert_eq!(store.read(&log, 1, 1000).unwrap(), None);
    assert_eq!(store.entry(&log, 1).unwrap(), None);
    assert_eq!(store.case_entries(&case(1)).unwrap(), []);
    assert_eq!(store.case_key(&case(1)).unwrap(), HeldKey::Never);
    assert_eq!(store.receipts(&log), []);
    assert_eq!(store.snapshot(&case(1)).unwrap(), None);
    assert_eq!(store.row(b"list", b"key").unwrap(), None);
    assert_eq!(store.read_only(), None);
    store.destroy_case_key(&case(1)).unwrap();
    store.commit(&Commit::default()).unwrap();
    assert!(store.have().0.is_empty());
}

pub(super) fn reads_give_the_very_bytes(store: &dyn Store) {
    let (mut first, mut second) = (Writer::new(1), Writer::new(2));
    let mut written = Vec::new();
    for count in [1, 3, 300] {
        let mut commit = first.commit(None, count, 100);
        commit.extensions.extend(second.commit(None, 2, 5000).extensions);
        store.commit(&commit).unwrap();
        written.extend(commit.extensions[0].run.entries.clone());
    }
    assert_eq!(store.have().get(&first.log()), first.head());
    assert_eq!(store.have().get(&second.log()), second.head());
    assert_eq!(store.head(&second.log()), second.head());
    assert_eq!(store.head(&Writer::new(3).log()), None);
    let neighbour = "990106101204".parse().unwrap();
    assert!(!first.log().held_by(neighbour) && first.log().held_by(home()));
    assert_eq!((store.have_for(home()), store.have_for(neighbour)), (store.have(), Have::default()));
    let run = store.read(&first.log(), 1, usize::MAX).unwrap().unwrap();
    assert_eq!(run.entries, written);
    assert_eq!(run.verify(None).unwrap().len(), 304);
    for (seq, entry) in (1..).zip(&written) {
        assert_eq!(store.entry(&first.log(), seq).unwrap().as_ref(), Some(entry));
    }
    assert_eq!(store.entry(&first.log(), 0).unwrap(), None);
    assert_eq!(store.entry(&first.log(), 305).unwrap(), None);
    assert_eq!(store.read(&first.log(), 305, usize::MAX).unwrap(), None);
    assert_eq!(store.read(&Writer::new(3).log(), 1, usize::MAX).unwrap(), None);
}

pub(super) fn a_read_ends_under_a_seal_and_within_its_limit(store: &dyn Store) {
    let mut writer = Writer::new(1);
    let mut heads = vec![None];
    for _ in 0..10 {
        store.commit(&writer.commit(None, 3, 1000)).unwrap();
        heads.push(writer.head());
    }
    let one = store.read(&writer.log(), 1, 0).unwrap().unwrap();
    assert_eq!((one.entries.len(), one.seal.seq), (3, 3));
    let size = one.size();
    let two = store.read(&writer.log(), 4, 2 * size + 100).unwrap().unwrap();
    assert_eq!((two.first_seq(), two.seal.seq), (4, 9));
    two.verify(heads[1]).unwrap();
    let rest = store.read(&writer.log(), 30, usize::MAX).unwrap().unwrap();
    assert_eq!((rest.first_seq(), rest.seal.seq), (30, 30));
    let tail = store.read(&writer.log(), 5, 1).unwrap().unwrap();
    assert_eq!((tail.first_seq(), tail.seal.seq), (5, 6));
    assert_eq!(store.read(&writer.log(), 0, usize::MAX).unwrap().unwrap().entries.len(), 30);

    for _ in 0..5 {
        store.commit(&writer.commit(None, 1000, 10)).unwrap();
    }
    let most = store.read(&writer.log(), 31, usize::MAX).unwrap().unwrap();
    assert_eq!(most.entries.len(), 4000, "a run of more than 4096 entries would be refused by a peer");
}

pub(super) fn a_commit_on_an_old_head_is_refused_whole(store: &dyn Store) {
    let (mut writer, mut other) = (Writer::new(1), Writer::new(2));
    let before = writer.clone();
    store.commit(&writer.commit(None, 2, 10)).unwrap();
    let have = store.have();

    let mut stale = before.clone().commit(None, 1, 99);
    stale.extensions.insert(0, other.clone().commit(None, 1, 10).extensions.remove(0));
    stale.case_keys.push(WrappedKey { case: case(1), bytes: vec![1; 40] });
    let refused = store.commit(&stale);
    assert!(matches!(refused, Err(Error::HeadMoved { expected: 0, found: 2, .. })), "{refused:?}");

    let mut forked = before;
    forked.commit(None, 2, 20);
    let refused = store.commit(&forked.commit(None, 1, 10));
    assert!(matches!(refused, Err(Error::HeadMoved { expected: 2, found: 2, .. })), "{refused:?}");

    let mut ahead = writer.clone();
    ahead.commit(None, 1, 10);
    let refused = store.commit(&ahead.commit(None, 1, 10));
    assert!(matches!(refused, Err(Error::HeadMoved { expected: 3, found: 2, .. })), "{refused:?}");

    assert_eq!(store.have(), have);
    assert_eq!(store.read(&other.log(), 1, 1000).unwrap(), None);
    assert_eq!(store.case_key(&case(1)).unwrap(), HeldKey::Never);
    assert_eq!(store.read_only(), None);
    store.commit(&writer.commit(None, 1, 10)).unwrap();
    store.commit(&other.commit(None, 1, 10)).unwrap();
    assert_eq!(store.have().get(&writer.log()), writer.head());
}

pub(super) fn a_commit_beyond_the_bounds_is_refused_whole(store: &dyn Store) {
    let mut writer = Writer::new(1);
    let good = writer.clone().commit(None, 1, 10);
    let mut wrong = vec![good.clone(); 3];
    wrong[0].extensions.push(good.extensions[0].clone());
    wrong[1].extensions[0].run.entries.clear();
    wrong[2].case_keys.push(WrappedKey { case: case(1), bytes: vec![1; 257] });
    for commit in wrong {
        let refused = store.commit(&commit);
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    }
    assert!(store.have().0.is_empty());
    assert_eq!(store.read_only(), None);
    let mut largest = writer.commit(None, 1, 10);
    largest.case_keys.push(WrappedKey { case: case(1), bytes: vec![1; 256] });
    store.commit(&largest).unwrap();
}

pub(super) fn the_entries_of_a_case_come_in_order_of_arrival(store: &dyn Store) {
    let (mut village, mut township) = (Writer::new(1), Writer::new(2));
    let mut expected = Vec::new();
    for round in 0..20u64 {
        let writer = if round % 3 == 0 { &mut township } else { &mut village };
        let (mine, other) = (case(1), case(2));
        let extension = writer.extend(&[(Some(mine), b"a"), (Some(other), b"b"), (None, b"c"), (Some(mine), b"d")]);
        expected.push((extension.run.entries[0].clone(), 5000 + round));
        expected.push((extension.run.entries[3].clone(), 5000 + round));
        store.commit(&Commit { time_ms: 5000 + round, extensions: vec![extension], ..Commit::default() }).unwrap();
    }
    let found: Vec<_> =
        store.case_entries(&case(1)).unwrap().into_iter().map(|found| (found.entry, found.arrived_ms)).collect();
    assert_eq!(found, expected);
    assert_eq!(store.case_entries(&case(2)).unwrap().len(), 20);
    assert_eq!(store.case_entries(&case(3)).unwrap(), []);
}

pub(super) fn a_destroyed_key_is_gone_and_its_entries_stay(store: &dyn Store) {
    let mut writer = Writer::new(1);
    for serial in 1..=3 {
        let mut commit = writer.commit(Some(case(serial)), 2, 200);
        commit.case_keys.push(WrappedKey { case: case(serial), bytes: vec![serial as u8; 72] });
        store.commit(&commit).unwrap();
    }
    store
        .commit(&Commit { case_keys: vec![WrappedKey { case: case(2), bytes: vec![9; 80] }], ..Commit::default() })
        .unwrap();
    assert_eq!(store.case_key(&case(2)).unwrap(), HeldKey::Here(WrappedKey { case: case(2), bytes: vec![9; 80] }));
    store.destroy_case_key(&case(2)).unwrap();
    store.destroy_case_key(&case(2)).unwrap();
    assert_eq!(store.case_key(&case(2)).unwrap(), HeldKey::Destroyed);
    assert_eq!(store.case_key(&case(4)).unwrap(), HeldKey::Never);
    assert_eq!(store.case_entries(&case(2)).unwrap().len(), 2);
    for serial in [1, 3] {
        let key = store.case_key(&case(serial)).unwrap();
        assert_eq!(key, HeldKey::Here(WrappedKey { case: case(serial), bytes: vec![serial as u8; 72] }));
    }
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
}

pub(super) fn the_furthest_receipt_is_kept(store: &dyn Store) {
    let mut writer = Writer::new(1);
    let township = home().parent().unwrap();
    let signer = SigningKey::from_bytes(&[8; 32]);
    let mut receipt = |count: usize, station| {
        let commit = writer.commit(None, count, 10);
        let (seq, hash) = writer.head().unwrap();
        let head = Head { log: writer.log(), seq, hash };
        (commit, Receipt::sign(&signer, station, head, 1_700_000_000_000 + seq))
    };
    let (first, near) = receipt(2, township);
    let (second, far) = receipt(3, township);
    let (third, other) = receipt(1, township.district());
    for commit in [first, second, third] {
        store.commit(&commit).unwrap();
    }
    for receipts in [vec![far.clone()], vec![near.clone(), other.clone()]] {
        store.commit(&Commit { receipts, ..Commit::default() }).unwrap();
    }
    let kept = store.receipts(&near.head.log);
    assert_eq!(kept.len(), 2);
    assert!(kept.contains(&far) && kept.contains(&other));
    let renewed = Receipt::sign(&SigningKey::from_bytes(&[9; 32]), township, near.head, near.time_ms);
    store.commit(&Commit { receipts: vec![renewed.clone()], ..Commit::default() }).unwrap();
    let kept = store.receipts(&near.head.log);
    assert!(kept.len() == 2 && kept.contains(&renewed), "a station's new key takes the place of its former one");
}

pub(super) fn verify_counts_what_it_checks(store: &dyn Store) {
    let mut writers = [Writer::new(1), Writer::new(2)];
    for _ in 0..4 {
        for writer in &mut writers {
            store.commit(&writer.commit(Some(case(1)), 5, 300)).unwrap();
        }
    }
    let mut heard = Vec::new();
    let found = store.verify(&mut |checked, all| heard.push((checked, all))).unwrap();
    assert_eq!((found.logs, found.entries, found.seals), (2, 40, 8));
    assert_eq!(found.faults, Vec::<String>::new());
    assert!(heard.last().is_some_and(|(checked, all)| checked == all), "{heard:?}");
    let whole: Run = store.read(&writers[0].log(), 1, usize::MAX).unwrap().unwrap();
    whole.verify(None).unwrap();
}
