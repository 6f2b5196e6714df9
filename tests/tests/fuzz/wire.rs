//! What stations send one another and keep.

use std::path::Path;

use bytes::Bytes;
use prost::Message as _;
use sanji_domain::case::{Body, Opinion, SideEvent, codec};
use sanji_log::seal::public_key;
use sanji_log::{Entry, EntryBytes, EntryDraft, HybridTime, LogId, Reach, Receipt, Run, Seal, SigningKey, StationCode};
use sanji_proto::v1 as proto;
use sanji_replication::Message;
use sanji_replication::attachment::AttachmentMessage;
use sanji_replication::bundle::Frame;

use crate::input::fuzz;

/// The frozen bytes of release 1 whose names begin so.
fn golden(beginning: &str) -> Vec<Vec<u8>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/golden/release-1.txt");
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(' ')).filter(|(name, _)| name.starts_with(beginning));
    let examples: Vec<_> = lines.map(|(_, hex)| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()).collect();
    assert!(!examples.is_empty(), "nothing is frozen as {beginning}");
    examples
}

pub(crate) fn station(text: &str) -> StationCode {
    text.parse().unwrap()
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// A run of three entries as a village would write it.
fn run() -> Run {
    let key = signing_key();
    let log = LogId { home: station("990106101203"), reach: Reach::Private, key: public_key(&key) };
    let mut head = None;
    let mut entries = Vec::new();
    for number in 1..=3_u64 {
        let draft = EntryDraft {
            case: None,
            actor: "990106101203-1".to_owned(),
            kind: proto::Kind::Audit as u32,
            body: Bytes::from(vec![number as u8; 20]),
            attachments: Vec::new(),
            opens_case: false,
        };
        let bytes = draft.chain(log, head, HybridTime::from_millis(1_782_871_200_000 + number));
        head = Some((number, bytes.hash()));
        entries.push(bytes);
    }
    let (seq, hash) = head.unwrap();
    Run { log, entries, seal: Seal::sign(&key, &log, seq, hash) }
}

/// What a decoded entry says, written again.
fn written_again(entry: &Entry) -> EntryBytes {
    let draft = EntryDraft {
        case: entry.case,
        actor: entry.actor.clone(),
        kind: entry.kind,
        body: entry.body.clone(),
        attachments: entry.attachments.clone(),
        opens_case: entry.opens_case,
    };
    draft.chain(entry.log, entry.prev.map(|prev| (entry.seq - 1, prev)), entry.time)
}

#[test]
fn entries() {
    let mut examples = golden("log.entry");
    examples.extend(run().entries.into_iter().map(|entry| entry.0.to_vec()));
    fuzz!(20, examples, |chosen, bytes: &[u8], edited: bool| {
        let bytes = EntryBytes(Bytes::copy_from_slice(bytes));
        let Ok(entry) = bytes.decode() else {
            // The frozen one has every field set, and a case of no station.
            return assert!(edited || chosen == 0, "a written entry is refused");
        };
        assert_eq!(entry.hash, bytes.hash());
        assert_eq!(entry.prev.is_none(), entry.seq == 1);
        let again = written_again(&entry);
        assert_eq!(again.decode().unwrap(), Entry { hash: again.hash(), ..entry });
        assert!(edited || again == bytes, "a written entry has one form");
    });
}

#[test]
fn runs() {
    let sealed = run();
    let held: Vec<_> = sealed.entries.clone();
    fuzz!(100, vec![proto::Run::from(sealed).encode_to_vec()], |_, bytes: &[u8], edited: bool| {
        let accepted = proto::Run::decode(bytes).ok().and_then(|run| Run::try_from(run).ok());
        let accepted = accepted.filter(|run| run.verify(None).is_ok());
        assert!(edited || accepted.is_some(), "a sealed run is refused");
        // Nobody but the writer makes another run that counts.
        assert!(accepted.is_none_or(|run| run.entries == held));
    });
}

#[test]
fn seals() {
    let run = run();
    let (log, seal) = (run.log, run.seal);
    fuzz!(100, vec![proto::Seal::from(run.seal).encode_to_vec()], |_, bytes: &[u8], edited: bool| {
        let read = proto::Seal::decode(bytes).ok().and_then(|seal| Seal::try_from(seal).ok());
        let valid = read.filter(|seal| seal.verify(&log).is_ok());
        assert!(edited || valid.is_some());
        assert!(valid.is_none_or(|valid| valid == seal), "a seal that nobody gave");
    });
}

#[test]
fn receipts() {
    let receipt = Receipt::sign(&signing_key(), station("990106101000"), run().head(), 1_782_871_200_000);
    let given = receipt.clone();
    fuzz!(100, vec![proto::Receipt::from(receipt).encode_to_vec()], |_, bytes: &[u8], edited: bool| {
        let read = proto::Receipt::decode(bytes).ok().and_then(|receipt| Receipt::try_from(receipt).ok());
        // Whoever has another key signs with it: only the key's own word counts here.
        let valid = read.filter(|receipt| receipt.key == given.key && receipt.verify().is_ok());
        assert!(edited || valid.is_some());
        assert!(valid.is_none_or(|valid| valid == given), "a receipt that nobody gave");
    });
}

#[test]
fn link_messages() {
    let mut examples = golden("link.");
    examples.push(proto::LinkMessage::from(Message::Ping { clock_ms: 5 }).encode_to_vec());
    fuzz!(20, examples, |_, bytes: &[u8], edited: bool| {
        let Ok(wire) = proto::LinkMessage::decode(bytes) else { return assert!(edited) };
        let Ok(message) = Message::try_from(wire) else { return };
        let again = proto::LinkMessage::from(message.clone()).encode_to_vec();
        assert_eq!(Message::try_from(proto::LinkMessage::decode(again.as_slice()).unwrap()), Ok(message));
    });
}

#[test]
fn attachment_messages() {
    fuzz!(20, golden("attachment."), |_, bytes: &[u8], edited: bool| {
        let Ok(wire) = proto::AttachmentMessage::decode(bytes) else { return assert!(edited) };
        let Ok(message) = AttachmentMessage::try_from(wire) else { return };
        let again = proto::AttachmentMessage::from(message.clone()).encode_to_vec();
        let again = proto::AttachmentMessage::decode(again.as_slice()).unwrap();
        assert_eq!(AttachmentMessage::try_from(again), Ok(message));
    });
}

#[test]
fn bundle_frames() {
    fuzz!(20, golden("bundle."), |_, bytes: &[u8], edited: bool| {
        let Ok(wire) = proto::BundleFrame::decode(bytes) else { return assert!(edited) };
        let Ok(frame) = Frame::try_from(wire) else { return };
        let again = proto::BundleFrame::from(frame.clone()).encode_to_vec();
        assert_eq!(Frame::try_from(proto::BundleFrame::decode(again.as_slice()).unwrap()), Ok(frame));
    });
}

/// An opinion that only a newer release knows is an answer all the same, but its number is not kept: such an entry is
/// held and handed on as the bytes it came in, and nobody writes it again.
fn answers_in_words_of_a_newer_release(body: &Body) -> bool {
    let Body::Side(side) = body else { return false };
    matches!(side.event, SideEvent::Consulted { opinion: Some(Opinion::Unknown), .. })
}

#[test]
fn bodies_of_cases() {
    for (kind, beginning) in [(proto::Kind::CaseStep, "step."), (proto::Kind::CaseSide, "side.")] {
        let kind = kind as u32;
        fuzz!(40, golden(beginning), |_, bytes: &[u8], edited: bool| {
            let bytes = bytes.to_vec().into();
            assert!(!codec::kind_name(kind, &bytes).is_empty());
            let Ok(Some(decoded)) = codec::decode(kind, &bytes) else { return assert!(edited) };
            if answers_in_words_of_a_newer_release(&decoded.body) {
                return assert!(edited);
            }
            let (again, body) = codec::encode(&decoded.body, decoded.sealed.clone());
            assert_eq!(again, kind);
            assert_eq!(codec::decode(kind, &body.into()).unwrap(), Some(decoded));
        });
    }
}
