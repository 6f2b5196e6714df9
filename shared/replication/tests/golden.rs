//! Links of release 1 and of the first that spoke protocol 6, frozen: what each side said, byte for byte. Every later
//! release must understand either side of them and say nothing that a station of that release can't read.
//!
//! The first release that speaks a newer protocol adds a file of its own (`ADD_GOLDEN=1` writes what is missing). No
//! file is ever changed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use prost::Message as _;
use sanji_log::{LogId, Reach, Receipt};
use sanji_proto::v1 as proto;
use sanji_replication::{Event, Message, StationCondition};
use support::link::{BATCH, Link, Side};
use support::truth::Truth;
use support::{HUB, TOWNSHIP, VILLAGE, code, directory, key_of, public};

/// A frozen link.
struct Frozen {
    file: &'static str,
    /// Kinds of messages that its release reads: the fields of `LinkMessage`.
    reads: &'static [u32],
    /// Kinds that its sides said.
    said: &'static [u32],
    /// Whether the village said how it is.
    tells_conditions: bool,
}

const FROZEN: [Frozen; 2] = [
    Frozen {
        file: "link-1.txt",
        reads: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15],
        // Hello, Have, Entries, Ack, Receipts, Ping, Goodbye, EntriesWanted, EntriesAgain.
        said: &[1, 2, 3, 4, 5, 7, 8, 11, 12],
        tells_conditions: false,
    },
    Frozen {
        file: "link-6.txt",
        reads: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16],
        // Conditions beside them.
        said: &[1, 2, 3, 4, 5, 7, 8, 11, 12, 16],
        tells_conditions: true,
    },
];
const SIDES: [&str; 2] = [VILLAGE, TOWNSHIP];

fn log(home: &str, reach: Reach, writer: &str) -> LogId {
    LogId { home: code(home), reach, key: public(writer) }
}

/// Before the link: the village holds entries of its own that the township lacks, the township decisions and notices
/// that the village lacks, and each a part of a log that the other has more of. Kinds of entry nobody knows (1000).
fn before() -> Link {
    let mut truth = Truth::default();
    let (mut village, mut township) =
        (Side::new(VILLAGE, TOWNSHIP, directory()), Side::new(TOWNSHIP, VILLAGE, directory()));
    let own = log(VILLAGE, Reach::Private, VILLAGE);
    let decided = log(VILLAGE, Reach::Private, TOWNSHIP);
    let notices = log(HUB, Reach::Public, HUB);
    for size in [300, 40, 900, 700, 10] {
        truth.write(&key_of(VILLAGE), own, &[size, 20]);
    }
    truth.write(&key_of(TOWNSHIP), decided, &[100, BATCH]);
    for size in [50, 60, 70] {
        truth.write(&key_of(HUB), notices, &[size]);
    }
    village.adopt(&truth, own, 10);
    township.adopt(&truth, own, 4);
    township.adopt(&truth, decided, 2);
    village.adopt(&truth, notices, 1);
    township.adopt(&truth, notices, 3);
    Link::new(truth, village, township)
}

/// What happens at a side, one scene after the other; both come to rest after each.
fn act(link: &mut Link, scene: usize, at: usize) {
    let (own, notices) = (log(VILLAGE, Reach::Private, VILLAGE), log(HUB, Reach::Public, HUB));
    match (scene, at) {
        (1, 0) => link.write(0, own, &[80]),
        (2, 1) => {
            let receipt = Receipt::sign(&key_of(HUB), code(HUB), link.truth.head(own, 11), link.now_ms);
            link.feed(1, Event::Receipts(vec![receipt]));
        }
        (3, 0) => link.feed(0, Event::EntriesNeeded { log: notices, from: 2 }),
        (4, _) => {
            link.now_ms += 20_000;
            link.feed(at, Event::Tick);
            link.feed(at, Event::Conditions(vec![condition()]));
        }
        (5, 1) => link.feed(1, Event::Closing { reason: "the station stops".to_owned(), come_back_after_ms: 1500 }),
        _ => {}
    }
}

const SCENES: usize = 6;

/// The village, with something to tell in every field.
fn condition() -> StationCondition {
    let wire = proto::StationCondition {
        station: code(VILLAGE).number(),
        age_ms: 40,
        software: "6.0.0".to_owned(),
        entries_unconfirmed: 5,
        unconfirmed_for_ms: 90_000,
        attachments_missing: 1,
        attachments_unconfirmed: 2,
        attachment_bytes: 300_000,
        disk_free_bytes: 12_000_000_000,
        disk_total_bytes: 64_000_000_000,
        clock_offset_ms: Some(-1200),
        writable: true,
        quarantined: 3,
        linked_for_ms: 7_200_000,
    };
    wire.try_into().unwrap()
}

impl Frozen {
    fn path(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(self.file)
    }
}

/// A message as it was sent: in which scene, by which side.
struct Said {
    scene: usize,
    at: usize,
    bytes: Bytes,
}

fn tape(frozen: &Frozen) -> Vec<Said> {
    if std::env::var_os("ADD_GOLDEN").is_some() && !frozen.path().exists() {
        std::fs::write(frozen.path(), record()).unwrap();
    }
    let text = std::fs::read_to_string(frozen.path()).unwrap();
    let line = |line: &str| {
        let [scene, side, hex] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        Said {
            scene: scene.parse().unwrap(),
            at: SIDES.iter().position(|name| *name == side).unwrap(),
            bytes: HEXLOWER.decode(hex.as_bytes()).unwrap().into(),
        }
    };
    text.lines().map(line).collect()
}

fn record() -> String {
    let mut link = before();
    link.connect();
    let mut text = String::new();
    for scene in 0..SCENES {
        act(&mut link, scene, 0);
        act(&mut link, scene, 1);
        link.settle();
        for (at, message) in std::mem::take(&mut link.said) {
            let hex = HEXLOWER.encode(&proto::LinkMessage::from(message).encode_to_vec());
            writeln!(text, "{scene} {} {hex}", SIDES[at]).unwrap();
        }
    }
    text
}

fn field(bytes: &[u8]) -> u32 {
    prost::encoding::decode_key(&mut &*bytes).unwrap().0
}

#[test]
fn either_side_of_a_frozen_link_can_be_this_release() {
    FROZEN.iter().for_each(either_side_can_be_this_release);
}

fn either_side_can_be_this_release(frozen: &Frozen) {
    let tape = tape(frozen);
    for me in 0..2 {
        let mut link = before();
        link.connect();
        for scene in 0..SCENES {
            act(&mut link, scene, 0);
            act(&mut link, scene, 1);
            // The other side says what it said then, whatever this one says now.
            link.sides[me].inbox.clear();
            while link.load(me) || link.store(me) {}
            for said in tape.iter().filter(|said| said.scene == scene && said.at != me) {
                let wire = proto::LinkMessage::decode(said.bytes.clone()).unwrap();
                link.sides[me].inbox.push_back(Message::try_from(wire).expect("what that release said can be read"));
                while link.deliver(me) || link.load(me) || link.store(me) {}
            }
            assert!(scene == 5 || link.sides[me].session.in_sync(), "{} after scene {scene}", SIDES[me]);
        }
        let side = &link.sides[me];
        let own = log(VILLAGE, Reach::Private, VILLAGE);
        let logs = [own, log(VILLAGE, Reach::Private, TOWNSHIP), log(HUB, Reach::Public, HUB)];
        assert_eq!(logs.map(|log| side.seq(&log)), [11, 2, 3], "{} has everything", side.name);
        assert!(side.alerts.is_empty(), "{:?}", side.alerts);
        assert_eq!(side.closed.as_deref(), Some("the station stops"));
        let keys: Vec<_> = side.case_keys.values().filter(|key| key.is_some()).collect();
        assert!(keys.len() >= 4, "the keys of cases came along: {}", keys.len());
        assert_eq!(side.again.len(), usize::from(me == 0), "the village had asked for an entry once more");
        assert_eq!(side.receipts.iter().any(|receipt| receipt.station == code(HUB)), me == 0);
        // A village is heard, and says how it is to whoever understands it.
        let heard = if me == 1 && frozen.tells_conditions { vec![condition()] } else { Vec::new() };
        assert_eq!(side.conditions, heard, "{}", frozen.file);
        // What that release lacked it was sent, in messages that it knows.
        let sent = || link.said.iter().filter(|(at, _)| *at == me).map(|(_, message)| message.clone());
        let entries = |message| match message {
            Message::Entries(entries) => entries.runs.iter().map(|run| run.entries.len()).sum(),
            _ => 0,
        };
        assert_eq!(sent().map(entries).sum::<usize>(), [7, 4][me], "entries that {} sent", side.name);
        for message in sent() {
            let bytes = proto::LinkMessage::from(message).encode_to_vec();
            assert!(frozen.reads.contains(&field(&bytes)), "{} knows no field {}", frozen.file, field(&bytes));
        }
        let told = sent().filter(|message| matches!(message, Message::Conditions(_))).count();
        assert_eq!(told, usize::from(me == 0 && frozen.tells_conditions), "{}", frozen.file);
    }
}

#[test]
fn a_frozen_link_holds_every_kind_of_message_of_a_good_day() {
    for frozen in &FROZEN {
        let fields: BTreeSet<u32> = tape(frozen).iter().map(|said| field(&said.bytes)).collect();
        assert_eq!(fields, frozen.said.iter().copied().collect(), "{}", frozen.file);
    }
}
