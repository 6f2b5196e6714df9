//! Hashes and signatures of release 1, frozen: the same input gives these bytes for ever.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sanji_log::seal::public_key;
use sanji_log::{
    AttachmentId, AttachmentRef, CaseId, EntryDraft, Hash, Head, HybridTime, LogId, Reach, Receipt, Seal, SigningKey,
};

fn check(what: &str, found: &[u8], frozen: &str) {
    assert_eq!(HEXLOWER.encode(found), frozen, "{what} has changed");
}

#[test]
fn hashes_and_signatures_are_those_of_release_1() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let home = "990106101203".parse().unwrap();
    let log = LogId { reach: Reach::Private, home, key: public_key(&key) };
    let case = CaseId::new(home, 9824, 42, [1, 2, 3, 4, 5, 6, 7]).unwrap();
    assert_eq!(case.number().as_str(), "9901061012032026112400425");
    let draft = EntryDraft {
        case: Some(case),
        actor: "990106101203-1".into(),
        kind: 1,
        body: Bytes::from_static(b"body"),
        attachments: vec![AttachmentRef { id: AttachmentId([9; 32]), size: 40_000 }],
        opens_case: true,
    };
    let first = draft.chain(log, None, HybridTime::from_millis(1_780_000_000_000));
    let second = draft.chain(log, Some((1, first.hash())), HybridTime::from_millis(1_780_000_000_001));
    check(
        "the hash of an entry",
        second.hash().as_bytes(),
        "ff864567c7a8e1b4b33e9d46f7954d9ff9d80c980b3a42f494a63259ee3a6396",
    );
    let seal = Seal::sign(&key, &log, 2, second.hash());
    check(
        "a seal",
        &seal.signature,
        "3d5e1ecdc52aa6ab9c0d6c31aefcb1a70ebad7f8e4ba2277bcb5cf5867021e03ba4c5c1abe655c176fffce11e790a1394ca22c360535df4806e38cd629a7a608",
    );
    let head = Head { log, seq: 2, hash: Hash([3; 32]) };
    let receipt = Receipt::sign(&key, home, head, 1_780_000_000_002);
    check(
        "a receipt",
        &receipt.signature,
        "de872bb47b2cab4194b56396b25cc735a6ebe4b40712850f074a4948c4f1fead4bd6b537d68441aca8e66cc99584088af780cd14dd5ce8cfe5867ac9a4352804",
    );
}

#[test]
fn the_root_of_an_attachment_is_that_of_release_1() {
    let content = vec![5; 40_000];
    let manifest = sanji_log::attachment::manifest(&content);
    let id = sanji_log::attachment::root(40_000, &manifest);
    check(
        "the root of an attachment",
        id.as_bytes(),
        "b4e3a7fdf9827beb847263449ecf25f087052a47c4451580a52432575575fcac",
    );
}
