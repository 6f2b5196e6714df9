//! Properties of logs: they hold for any content.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use proptest::prelude::*;
use sanji_log::entry::SEQ_MAX;
use sanji_log::seal::public_key;
use sanji_log::{
    AttachmentId, AttachmentRef, CaseId, EntryBytes, EntryDraft, Hash, Have, Head, HybridTime, LogId, PublicKey, Reach,
    Receipt, Run, Seal, SigningKey, StationCode,
};

fn station() -> impl Strategy<Value = StationCode> {
    (0u64..400, 0u64..400).prop_map(|(township, village)| {
        let village = if township == 0 { 0 } else { village };
        StationCode::from_number(990_106_000_000 + township * 1000 + village).unwrap()
    })
}

fn reach() -> impl Strategy<Value = Reach> {
    prop_oneof![Just(Reach::Private), Just(Reach::Public)]
}

fn draft(home: StationCode) -> impl Strategy<Value = EntryDraft> {
    (
        proptest::option::of((any::<u16>(), 1u16..=9999, any::<[u8; 7]>())),
        "[a-z0-9-]{0,20}",
        1u32..100,
        proptest::collection::vec(any::<u8>(), 0..400),
        proptest::collection::vec((any::<[u8; 32]>(), 1u64..1_000_000), 0..3),
        any::<bool>(),
    )
        .prop_map(move |(case, actor, kind, body, attachments, opens)| {
            let case = case.map(|(day, serial, random)| CaseId::new(home, day, serial, random).unwrap());
            EntryDraft {
                case,
                actor,
                kind,
                body: Bytes::from(body),
                attachments: attachments
                    .into_iter()
                    .map(|(id, size)| AttachmentRef { id: AttachmentId(id), size })
                    .collect(),
                opens_case: opens && case.is_some(),
            }
        })
}

/// A sealed run from the first entry on, and the key that wrote it.
fn run() -> impl Strategy<Value = Run> {
    (station(), reach(), any::<[u8; 32]>())
        .prop_flat_map(|(home, reach, secret)| {
            (Just((home, reach, secret)), proptest::collection::vec(draft(home), 1..8))
        })
        .prop_map(|((home, reach, secret), drafts)| {
            let key = SigningKey::from_bytes(&secret);
            let log = LogId { reach, home, key: public_key(&key) };
            let mut head: Option<(u64, Hash)> = None;
            let mut time = HybridTime::default();
            let entries: Vec<EntryBytes> = drafts
                .iter()
                .map(|draft| {
                    time = time.next(1_780_000_000_000);
                    let entry = draft.chain(log, head, time);
                    head = Some((head.map_or(1, |(seq, _)| seq + 1), entry.hash()));
                    entry
                })
                .collect();
            let (seq, hash) = head.unwrap();
            Run { log, entries, seal: Seal::sign(&key, &log, seq, hash) }
        })
}

proptest! {
    #[test]
    fn a_sealed_run_verifies_and_gives_back_what_was_drafted(run in run()) {
        let entries = run.verify(None).unwrap();
        prop_assert_eq!(entries.len(), run.entries.len());
        prop_assert_eq!(run.first_seq(), 1);
        let message = sanji_proto::v1::Run::from(run.clone());
        prop_assert_eq!(Run::try_from(message).unwrap(), run);
    }

    #[test]
    fn one_changed_byte_anywhere_is_found(run in run(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut whole: Vec<Vec<u8>> = run.entries.iter().map(|entry| entry.0.to_vec()).collect();
        whole.push(run.seal.seq.to_le_bytes().to_vec());
        whole.push(run.seal.hash.0.to_vec());
        whole.push(run.seal.signature.to_vec());
        let total: usize = whole.iter().map(Vec::len).sum();
        let mut place = at.index(total);
        for part in &mut whole {
            if place < part.len() {
                part[place] ^= flip;
                break;
            }
            place -= part.len();
        }
        let signature: [u8; 64] = whole.pop().unwrap().try_into().unwrap();
        let hash = Hash(whole.pop().unwrap().try_into().unwrap());
        let seq = u64::from_le_bytes(whole.pop().unwrap().try_into().unwrap());
        let entries = whole.into_iter().map(|bytes| EntryBytes(bytes.into())).collect();
        let changed = Run { log: run.log, entries, seal: Seal { seq, hash, signature } };
        prop_assert!(changed.verify(None).is_err());
    }

    #[test]
    fn entries_taken_out_swapped_or_moved_to_another_log_are_found(run in run(), other in any::<[u8; 32]>()) {
        if run.entries.len() > 1 {
            let mut shorter = run.clone();
            shorter.entries.remove(0);
            prop_assert!(shorter.verify(None).is_err());
            let mut swapped = run.clone();
            swapped.entries.swap(0, 1);
            prop_assert!(swapped.verify(None).is_err());
        }
        let mut moved = run.clone();
        moved.log.key = PublicKey(other);
        prop_assert!(moved.verify(None).is_err());
        prop_assert!(run.verify(Some((1, Hash([1; 32])))).is_err());
    }

    #[test]
    fn any_bytes_decode_or_are_refused_but_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let entry = EntryBytes(Bytes::from(bytes));
        if let Ok(decoded) = entry.decode() {
            prop_assert_eq!(decoded.hash, entry.hash());
        }
    }

    #[test]
    fn a_receipt_holds_only_as_it_was_signed(secret in any::<[u8; 32]>(), home in station(), seq in 1..SEQ_MAX, at in any::<u64>()) {
        let key = SigningKey::from_bytes(&secret);
        let log = LogId { reach: Reach::Private, home, key: PublicKey([7; 32]) };
        let receipt = Receipt::sign(&key, home.district(), Head { log, seq, hash: Hash([9; 32]) }, at);
        prop_assert!(receipt.verify().is_ok());
        let mut later = receipt.clone();
        later.time_ms ^= 1;
        prop_assert!(later.verify().is_err());
        let mut further = receipt.clone();
        further.head.seq ^= 1;
        prop_assert!(further.verify().is_err());
        prop_assert_eq!(Receipt::try_from(sanji_proto::v1::Receipt::from(receipt.clone())).unwrap(), receipt);
    }

    #[test]
    fn sending_what_is_missing_makes_both_equal(
        here in proptest::collection::btree_map(0u8..6, 1u64..50, 0..6),
        there in proptest::collection::btree_map(0u8..6, 1u64..50, 0..6),
    ) {
        let home = StationCode::from_number(990_106_101_203).unwrap();
        let have = |heads: &std::collections::BTreeMap<u8, u64>| -> Have {
            heads
                .iter()
                .map(|(key, seq)| Head {
                    log: LogId { reach: Reach::Private, home, key: PublicKey([*key; 32]) },
                    seq: *seq,
                    hash: Hash([u8::try_from(*seq).unwrap(); 32]),
                })
                .collect()
        };
        let (here, there) = (have(&here), have(&there));
        let (mut here_after, mut there_after) = (here.clone(), there.clone());
        for gap in here.missing_in(&there) {
            prop_assert_eq!(gap.from, there.get(&gap.log).map_or(1, |(seq, _)| seq + 1));
            there_after.0.insert(gap.log, here.get(&gap.log).unwrap());
        }
        for gap in there.missing_in(&here) {
            here_after.0.insert(gap.log, there.get(&gap.log).unwrap());
        }
        prop_assert_eq!(&here_after, &there_after);
        prop_assert!(here_after.missing_in(&there_after).is_empty());
    }

    #[test]
    fn who_holds_what_follows_from_home_and_reach(a in station(), b in station()) {
        let private = LogId { reach: Reach::Private, home: a, key: PublicKey([0; 32]) };
        let public = LogId { reach: Reach::Public, ..private };
        prop_assert_eq!(private.held_by(b), a.within(b));
        prop_assert_eq!(public.held_by(b), a.within(b) || b.within(a));
        if a != b && a.tier() == b.tier() {
            prop_assert!(!private.held_by(b) && !public.held_by(b));
        }
        prop_assert!(private.held_by(a.district()) && public.held_by(a.district()));
        prop_assert_eq!(private.writable_by(b), a.within(b));
    }
}
