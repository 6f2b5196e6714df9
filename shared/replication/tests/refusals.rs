//! One log is refused, the others go on: forks, keys, rights, forged seals.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use sanji_log::{LogId, Reach, Seal};
use sanji_replication::limits::{DELIVERED_MS, DELIVERING_FILES_MS};
use sanji_replication::verify::{Ends, Verdict, verify};
use sanji_replication::{CaseKeyMessage, Directory, Event, Message, RefusalReason, Refused, Rest, Session, Settings};
use support::link::{Link, Side};
use support::truth::Truth;
use support::{HUB, NEIGHBOUR, TOWNSHIP, VILLAGE, code, directory, key_of, public};

fn log(home: &str, reach: Reach, writer: &str) -> LogId {
    LogId { home: code(home), reach, key: public(writer) }
}

fn village_log() -> LogId {
    log(VILLAGE, Reach::Private, VILLAGE)
}

fn other_log() -> LogId {
    log(VILLAGE, Reach::Private, TOWNSHIP)
}

/// A village with three runs in its log, a township with one in its own for that village, linked and settled.
fn linked(directories: [Directory; 2]) -> Link {
    let [left, right] = directories;
    let mut truth = Truth::default();
    let mut village = Side::new(VILLAGE, TOWNSHIP, left);
    let mut township = Side::new(TOWNSHIP, VILLAGE, right);
    for _ in 0..3 {
        let head = truth.write(&key_of(VILLAGE), village_log(), &[40, 50]);
        village.adopt(&truth, head.log, head.seq);
    }
    let head = truth.write(&key_of(TOWNSHIP), other_log(), &[60]);
    township.adopt(&truth, head.log, head.seq);
    let mut link = Link::new(truth, village, township);
    link.connect();
    link.settle();
    link
}

fn judge(directory: &Directory, me: &str, peer: &str, log: LogId, change: impl Fn(&mut sanji_log::Run)) -> Verdict {
    let mut truth = Truth::default();
    let writer = [HUB, TOWNSHIP, VILLAGE, NEIGHBOUR].into_iter().find(|name| public(name) == log.key).unwrap();
    truth.write(&key_of(writer), log, &[10, 20, 30]);
    let mut run = truth.read(&log, 1, 3, usize::MAX).unwrap();
    change(&mut run);
    verify(Ends { me: code(me), peer: code(peer) }, directory, false, run, None)
}

fn reason(verdict: Verdict) -> Option<RefusalReason> {
    match verdict {
        Verdict::Refused(refused) => Some(refused.reason),
        Verdict::Aside(_) => Some(RefusalReason::Revoked),
        Verdict::Fresh(_) | Verdict::Held => None,
    }
}

#[test]
fn each_reason_is_told_apart() {
    let all = directory();
    let mut revoked = directory();
    revoked.revoke(public(VILLAGE));
    let unknown = Directory::default();
    let keep = |_: &mut sanji_log::Run| {};
    let own = village_log();
    let check = |directory: &Directory, me, peer, log, expected| {
        assert_eq!(reason(judge(directory, me, peer, log, keep)), expected, "{me} takes {log} from {peer}");
    };
    check(&all, TOWNSHIP, VILLAGE, own, None);
    check(&unknown, TOWNSHIP, VILLAGE, own, Some(RefusalReason::UnknownKey));
    check(&all, TOWNSHIP, VILLAGE, log(NEIGHBOUR, Reach::Private, NEIGHBOUR), Some(RefusalReason::NotYours));
    check(&all, VILLAGE, TOWNSHIP, log(NEIGHBOUR, Reach::Private, NEIGHBOUR), Some(RefusalReason::NotYours));
    check(&all, HUB, TOWNSHIP, log(TOWNSHIP, Reach::Private, VILLAGE), Some(RefusalReason::NotYours));
    check(&revoked, TOWNSHIP, VILLAGE, own, Some(RefusalReason::Revoked));
    check(&revoked, HUB, TOWNSHIP, own, Some(RefusalReason::Revoked));
    check(&revoked, VILLAGE, TOWNSHIP, own, None);

    let changed = |change: &dyn Fn(&mut sanji_log::Run)| reason(judge(&all, TOWNSHIP, VILLAGE, own, change));
    assert_eq!(changed(&|run| run.seal.signature[9] ^= 1), Some(RefusalReason::BadSeal));
    assert_eq!(changed(&|run| drop(run.entries.remove(1))), Some(RefusalReason::BadSeal));
    assert_eq!(changed(&|run| run.entries[2].0 = vec![0xff; 40].into()), Some(RefusalReason::Malformed));
    let thief = |run: &mut sanji_log::Run| {
        run.seal = Seal::sign(&key_of(NEIGHBOUR), &run.log, run.seal.seq, run.seal.hash);
    };
    assert_eq!(changed(&thief), Some(RefusalReason::BadSeal));
}

#[test]
fn what_a_revoked_station_had_written_is_kept_aside_until_it_is_decided_on() {
    let mut revoked = directory();
    revoked.revoke(public(VILLAGE));
    let keep = |_: &mut sanji_log::Run| {};
    let judged = |directory: &Directory| judge(directory, HUB, TOWNSHIP, village_log(), keep);
    assert!(matches!(judged(&revoked), Verdict::Aside(run) if run.seal.seq == 3));
    let forged = judge(&revoked, HUB, TOWNSHIP, village_log(), |run| run.seal.signature[9] ^= 1);
    assert!(matches!(forged, Verdict::Refused(Refused { reason: RefusalReason::BadSeal, .. })));
    for (rest, fresh) in [(Rest::Admitted(3), true), (Rest::Admitted(2), false), (Rest::Rejected, false)] {
        revoked.decide_rest(village_log(), rest);
        assert_eq!(matches!(judged(&revoked), Verdict::Fresh(_)), fresh, "{rest:?}");
    }
    assert!(matches!(judged(&revoked), Verdict::Refused(Refused { reason: RefusalReason::Revoked, .. })));
}

#[test]
fn a_revoked_station_may_deliver_and_hears_nothing() {
    let mut revoked = directory();
    revoked.revoke(public(VILLAGE));
    let mut truth = Truth::default();
    let mut village = Side::new(VILLAGE, TOWNSHIP, directory());
    let mut township = Side::new(TOWNSHIP, VILLAGE, revoked);
    let head = truth.write(&key_of(VILLAGE), village_log(), &[40, 50, 60]);
    village.adopt(&truth, head.log, head.seq);
    let head = truth.write(&key_of(TOWNSHIP), other_log(), &[60]);
    township.adopt(&truth, head.log, head.seq);
    let of_hub = truth.write(&key_of(HUB), log(VILLAGE, Reach::Private, HUB), &[30, 30]);
    village.adopt(&truth, of_hub.log, of_hub.seq);
    let mut link = Link::new(truth, village, township);
    link.connect();
    link.settle();
    assert_eq!(link.sides[1].seq(&of_hub.log), 0, "others bring what they wrote themselves");
    assert!(link.sides.iter().all(|side| side.alerts.is_empty()), "that log is sound");
    assert_eq!(link.sides[1].aside.iter().map(|run| run.entries.len()).sum::<usize>(), 3);
    assert_eq!(link.sides[1].seq(&village_log()), 0, "it does not count");
    assert_eq!(link.sides[0].seq(&other_log()), 0, "it hears nothing");
    assert!(link.sides[0].receipts.is_empty());
    assert!(link.sides[0].is_distrusted && !link.sides[1].is_distrusted, "it is told at once, while it delivers");
}

#[test]
fn entries_that_were_lost_are_asked_for_again_of_peers_that_know_how() {
    let mut link = linked([directory(), directory()]);
    let held = link.sides[1].seq(&village_log());
    link.feed(0, Event::EntriesNeeded { log: village_log(), from: 1 });
    link.feed(0, Event::EntriesNeeded { log: log(NEIGHBOUR, Reach::Private, NEIGHBOUR), from: 1 });
    link.settle();
    assert_eq!(link.sides[0].again.iter().map(|run| run.seal.seq).collect::<Vec<_>>(), [held]);

    // An earlier release is not asked.
    for (protocol_max, asked) in [(2, 0), (3, 1)] {
        let mut session = Session::new(Settings::new(code(VILLAGE), code(TOWNSHIP), public(TOWNSHIP)));
        session.on(Event::Started { have: &sanji_log::Have::default() }, &directory(), 0);
        let hello = sanji_replication::Hello {
            protocol_min: 1,
            protocol_max,
            station: code(TOWNSHIP),
            software: String::new(),
            clock_ms: 1,
            instance: None,
            compression: None,
            revoked: false,
        };
        session.on(Event::Received(Message::Hello(hello)), &directory(), 0);
        session.on(Event::Received(Message::Have(Vec::new())), &directory(), 0);
        let actions = session.on(Event::EntriesNeeded { log: village_log(), from: 1 }, &directory(), 0);
        assert_eq!(actions.len(), asked, "protocol {protocol_max}");
    }
}

#[test]
fn a_run_beyond_the_end_is_a_gap_and_one_before_it_is_held() {
    let mut truth = Truth::default();
    for _ in 0..3 {
        truth.write(&key_of(VILLAGE), village_log(), &[10, 20]);
    }
    let ends = Ends { me: code(TOWNSHIP), peer: code(VILLAGE) };
    let tail = |seq| Some((seq, truth.head(village_log(), seq).hash));
    let read = |from, until| truth.read(&village_log(), from, until, usize::MAX).unwrap();
    assert_eq!(reason(verify(ends, &directory(), false, read(3, 4), None)), Some(RefusalReason::Gap));
    assert_eq!(verify(ends, &directory(), false, read(1, 4), tail(4)), Verdict::Held);
    assert_eq!(verify(ends, &directory(), false, read(1, 2), tail(4)), Verdict::Held);
    let Verdict::Fresh(fresh) = verify(ends, &directory(), false, read(1, 6), tail(4)) else { panic!("not fresh") };
    assert_eq!((fresh.extends, fresh.run.first_seq(), fresh.entries.len()), (tail(4), 5, 2));
}

#[test]
fn a_cloned_disk_is_found_when_both_have_the_same_length() {
    let mut link = linked([directory(), directory()]);
    // The clone writes something else at the same position.
    let mut clone = link.truth.clone();
    link.truth.write(&key_of(VILLAGE), village_log(), &[7]);
    let head = clone.write(&key_of(VILLAGE), village_log(), &[8]);
    link.sides[1].held.insert(village_log(), 7);
    link.sides[0].held.insert(village_log(), 7);
    link.connect();
    for message in &mut link.sides[1].inbox {
        if let Message::Have(heads) = message {
            heads.retain(|head| head.log != village_log());
            heads.push(head);
        }
    }
    link.settle();
    link.write(0, village_log(), &[9]);
    link.write(1, other_log(), &[9]);
    link.settle();
    assert_eq!(link.sides[1].alerts, [(village_log(), 7, RefusalReason::Fork)]);
    assert_eq!(link.sides[1].seq(&village_log()), 7, "the forked log stops");
    assert_eq!(link.sides[0].seq(&other_log()), 2, "other logs go on");
}

#[test]
fn a_cloned_disk_is_found_when_a_run_does_not_fit() {
    let mut link = linked([directory(), directory()]);
    let mut clone = link.truth.clone();
    link.truth.write(&key_of(VILLAGE), village_log(), &[7]);
    clone.write(&key_of(VILLAGE), village_log(), &[8]);
    let head = clone.write(&key_of(VILLAGE), village_log(), &[8]);
    link.sides[1].held.insert(village_log(), 7);
    // The village is now the clone; the township holds the other version at seq 7.
    link.connect();
    link.settle();
    std::mem::swap(&mut link.truth, &mut clone);
    link.sides[0].held.insert(village_log(), head.seq);
    link.feed(0, Event::Local { heads: vec![head] });
    link.settle();
    for side in &link.sides {
        assert_eq!(side.alerts, [(village_log(), 8, RefusalReason::Fork)], "{}", side.name);
    }
    assert_eq!(link.sides[1].seq(&village_log()), 7);
    link.write(1, other_log(), &[9]);
    link.settle();
    assert_eq!(link.sides[0].seq(&other_log()), 2, "other logs go on");
    assert!(link.sides.iter().all(|side| side.session.in_sync() && side.closed.is_none()));
}

#[test]
fn an_unknown_key_is_asked_for_again_when_the_directory_knows_it() {
    let mut few = Directory::default();
    few.insert(public(TOWNSHIP), code(TOWNSHIP));
    let mut link = linked([directory(), few]);
    link.write(0, village_log(), &[5]);
    link.settle();
    assert_eq!(link.sides[1].seq(&village_log()), 0);
    assert_eq!(link.sides[0].seq(&other_log()), 1, "other logs go on");
    assert!(link.sides.iter().all(|side| !side.session.in_sync()));

    link.sides[1].directory.insert(public(VILLAGE), code(VILLAGE));
    link.feed(1, Event::DirectoryChanged);
    link.settle();
    assert_eq!(link.sides[1].seq(&village_log()), 7);
    assert!(link.sides.iter().all(|side| side.session.in_sync() && side.alerts.is_empty()));
}

#[test]
fn the_beginning_of_a_public_log_may_prove_whose_it_is() {
    let mut few = Directory::default();
    few.insert(public(TOWNSHIP), code(TOWNSHIP));
    let mut link = linked([directory(), few]);
    let public_log = log(VILLAGE, Reach::Public, VILLAGE);
    link.write(0, public_log, &[5]);
    link.write(0, village_log(), &[5]);
    link.settle();
    assert_eq!(link.sides[1].introduced, [public_log], "its first entry, and no private log");
    link.write(0, public_log, &[5]);
    link.settle();
    assert_eq!(link.sides[1].introduced, [public_log], "what follows proves nothing");
}

#[test]
fn a_branch_is_handed_over_as_evidence_and_enters_no_log() {
    let mut link = linked([directory(), directory()]);
    link.feed(1, Event::BranchNeeded { log: village_log(), from: 3 });
    link.feed(1, Event::BranchNeeded { log: log(NEIGHBOUR, Reach::Private, NEIGHBOUR), from: 1 });
    link.feed(1, Event::BranchNeeded { log: village_log(), from: 70 });
    link.settle();
    let kept: Vec<_> = link.sides[1].branches.iter().map(|run| (run.log, run.first_seq(), run.seal.seq)).collect();
    assert_eq!(kept, [(village_log(), 3, 6)], "of logs that both may hold, and where there is anything");
    assert_eq!(link.sides[1].seq(&village_log()), 6);
    assert!(link.sides.iter().all(|side| side.session.in_sync() && side.closed.is_none()));
}

#[test]
fn a_forged_seal_stops_its_log_and_is_reported_on_both_sides() {
    let mut link = linked([directory(), directory()]);
    link.write(0, village_log(), &[5]);
    assert!(link.load(0));
    for message in &mut link.sides[1].inbox {
        if let Message::Entries(entries) = message {
            entries.runs[0].seal.signature[0] ^= 1;
        }
    }
    link.settle();
    link.write(0, village_log(), &[5]);
    link.write(1, other_log(), &[9]);
    link.settle();
    assert_eq!(link.sides[1].seq(&village_log()), 6);
    assert_eq!(link.sides[0].seq(&other_log()), 2);
    for side in &link.sides {
        assert_eq!(side.alerts, [(village_log(), 7, RefusalReason::BadSeal)], "{}", side.name);
    }
    link.connect();
    link.settle();
    assert_eq!(link.sides[1].seq(&village_log()), 8, "the next link brings the true entries");
}

#[test]
fn what_a_person_or_the_district_has_put_right_comes_with_the_next_link() {
    let stopped = || {
        let mut link = linked([directory(), directory()]);
        link.write(0, village_log(), &[5]);
        assert!(link.load(0));
        for message in &mut link.sides[1].inbox {
            if let Message::Entries(entries) = message {
                entries.runs[0].seal.signature[0] ^= 1;
            }
        }
        link.settle();
        link
    };
    let mut link = stopped();
    link.feed(1, Event::AskAgain { log: other_log() });
    assert!(link.sides[1].closed.is_none(), "of that log nothing was refused");
    link.feed(1, Event::AskAgain { log: village_log() });
    assert_eq!(link.sides[1].closed.as_deref(), Some("a person asks to try again"));
    link.connect();
    link.settle();
    assert_eq!(link.sides[1].seq(&village_log()), 7);
}

#[test]
fn all_that_a_station_has_taken_of_a_revoked_one_is_kept_aside_and_counts_once_it_is_admitted() {
    // The township passes on what the village wrote, and the hub has heard that the village is revoked.
    let mut truth = Truth::default();
    let mut township = Side::new(TOWNSHIP, HUB, directory());
    let mut revoked = directory();
    revoked.revoke(public(VILLAGE));
    let hub = Side::new(HUB, TOWNSHIP, revoked);
    for _ in 0..2 {
        truth.write(&key_of(VILLAGE), village_log(), &[700, 700]);
    }
    let head = truth.write(&key_of(VILLAGE), village_log(), &[40, 50]);
    township.adopt(&truth, head.log, head.seq);
    let mut link = Link::new(truth, township, hub);
    link.connect();
    link.settle();
    assert_eq!(link.sides[1].seq(&village_log()), 0);
    assert_eq!(link.sides[1].aside.iter().map(|run| run.entries.len()).sum::<usize>(), 6, "all of it is kept");
    assert!(link.sides.iter().all(|side| side.session.in_sync() && side.alerts.is_empty()));
    link.sides[1].directory.decide_rest(village_log(), Rest::Admitted(head.seq));
    link.connect();
    link.settle();
    assert_eq!(link.sides[1].seq(&village_log()), head.seq);
}

#[test]
fn a_revoked_station_above_is_no_witness_of_what_it_has_signed_itself() {
    let mut revoked = directory();
    revoked.revoke(public(TOWNSHIP));
    let mut truth = Truth::default();
    let head = truth.write(&key_of(TOWNSHIP), other_log(), &[60]);
    let mut township = Side::new(TOWNSHIP, VILLAGE, directory());
    township.adopt(&truth, head.log, head.seq);
    let mut link = Link::new(truth, Side::new(VILLAGE, TOWNSHIP, revoked), township);
    link.connect();
    link.settle();
    assert_eq!((link.sides[0].seq(&other_log()), link.sides[0].aside.len()), (0, 1));
}

#[test]
fn a_log_that_could_not_be_read_is_tried_again_after_a_while() {
    let mut link = linked([directory(), directory()]);
    link.write(0, village_log(), &[5]);
    let (log, ..) = link.sides[0].loads.pop_front().unwrap();
    link.feed(0, Event::Loaded { log, run: None, case_keys: Vec::new() });
    link.settle();
    assert_eq!(link.sides[1].seq(&village_log()), 6);
    let mut pass = |seconds| {
        for _ in 0..seconds {
            link.now_ms += 1_000;
            (0..2).for_each(|at| link.feed(at, Event::Tick));
            link.settle();
        }
        link.sides[1].seq(&village_log())
    };
    assert_eq!(pass(59), 6, "not yet");
    assert_eq!(pass(1), 7);
}

#[test]
fn a_revoked_station_that_has_more_to_hand_over_is_waited_for() {
    let mut revoked = directory();
    revoked.revoke(public(VILLAGE));
    let mut truth = Truth::default();
    let mut village = Side::new(VILLAGE, TOWNSHIP, directory());
    let head = truth.write(&key_of(VILLAGE), village_log(), &[40, 50, 60]);
    village.adopt(&truth, head.log, head.seq);
    let mut link = Link::new(truth, village, Side::new(TOWNSHIP, VILLAGE, revoked));
    link.connect();
    while link.sides[1].inbox.iter().any(|message| !matches!(message, Message::Entries(_))) && link.deliver(1) {}
    // The batch is on a thin line for longer than one who has nothing more may be silent.
    for _ in 0..20 {
        link.now_ms += 1_000;
        link.feed(1, Event::Tick);
    }
    assert!(link.sides[1].closed.is_none());
    link.settle();
    assert_eq!(link.sides[1].aside.len(), 1);
    for _ in 0..5 {
        link.now_ms += 1_000;
        link.feed(1, Event::Tick);
    }
    assert!(link.sides[1].closed.is_some(), "it has handed over all that it has");
}

#[test]
fn a_revoked_station_whose_attachments_are_wanted_is_waited_for_but_not_for_ever() {
    let mut revoked = directory();
    revoked.revoke(public(VILLAGE));
    // How many seconds it is waited for while attachments are expected for the first `expected` of them.
    let waited = |expected: u64| {
        let village = Side::new(VILLAGE, TOWNSHIP, directory());
        let mut link = Link::new(Truth::default(), village, Side::new(TOWNSHIP, VILLAGE, revoked.clone()));
        link.connect();
        link.settle();
        for second in 0..10_000 {
            if link.sides[1].closed.is_some() {
                return second;
            }
            link.now_ms += 1_000;
            if second < expected {
                link.feed(1, Event::FilesExpected);
            }
            link.feed(0, Event::Tick);
            link.feed(1, Event::Tick);
            link.settle();
        }
        panic!("for ever");
    };
    let seconds = |ms: u64| ms / 1_000;
    for (expected, least) in [(0, 0), (600, 600), (u64::MAX, seconds(DELIVERING_FILES_MS))] {
        let waited = waited(expected);
        assert!((least..=least + seconds(DELIVERED_MS) + 1).contains(&waited), "{expected}: {waited}");
    }
}

#[test]
fn a_peer_can_neither_refuse_what_is_not_held_nor_name_more_than_it_can_hold() {
    let mut link = linked([directory(), directory()]);
    let invented = |number: u16| {
        let mut key = [7; 32];
        key[..2].copy_from_slice(&number.to_be_bytes());
        LogId { key: sanji_log::PublicKey(key), ..village_log() }
    };
    let refused =
        |number| Refused { log: invented(number), seq: 1, reason: RefusalReason::BadSeal, detail: String::new() };
    link.feed(1, Event::Received(Message::LogRefused(refused(1))));
    assert!(link.sides[1].alerts.is_empty());
    let head = |number| sanji_log::Head { log: invented(number), seq: 1, hash: sanji_log::Hash([1; 32]) };
    let have: Vec<_> = (0..=u16::MAX).map(head).collect();
    link.feed(1, Event::Received(Message::Have(have)));
    assert_eq!(link.sides[1].closed.as_deref(), Some("more logs than a station can hold"));
}

#[test]
fn a_peer_that_breaks_the_protocol_is_left() {
    let gone = |message: Message| {
        let mut link = linked([directory(), directory()]);
        link.feed(1, Event::Received(message));
        link.sides[1].closed.clone()
    };
    let ack = Message::Ack(sanji_replication::Ack { batch: 900, receipts: vec![] });
    assert_eq!(gone(ack).as_deref(), Some("an acknowledgement of what was never sent"));
    let hello = sanji_replication::Hello {
        protocol_min: 1,
        protocol_max: 1,
        station: code(VILLAGE),
        software: String::new(),
        clock_ms: 1,
        instance: None,
        compression: None,
        revoked: false,
    };
    assert_eq!(gone(Message::Hello(hello)).as_deref(), Some("a message out of order"));
    let batch = sanji_replication::Entries { batch: 77, runs: vec![], case_keys: vec![] };
    assert_eq!(gone(Message::Entries(batch)).as_deref(), Some("a batch is missing or came twice"));
}

#[test]
fn a_message_at_the_limits_of_its_numbers_does_no_harm() {
    let mut link = linked([directory(), directory()]);
    link.write(0, village_log(), &[5]);
    assert!(link.load(0));
    let Some(Message::Entries(entries)) = link.sides[1].inbox.pop_front() else { panic!("no entries") };
    let mut wire = sanji_proto::v1::LinkMessage::from(Message::Entries(entries.clone()));
    if let Some(sanji_proto::v1::link_message::Message::Entries(entries)) = &mut wire.message {
        entries.runs[0].seal.as_mut().unwrap().seq = u64::MAX;
    }
    assert!(Message::try_from(wire).is_err());

    let draft = sanji_log::EntryDraft {
        case: None,
        actor: String::new(),
        kind: 1,
        body: bytes::Bytes::new(),
        attachments: vec![],
        opens_case: false,
    };
    let last = draft.chain(village_log(), Some((u64::MAX - 1, entries.runs[0].seal.hash)), Default::default());
    let mut runs = entries.runs;
    runs[0].seal = Seal::sign(&key_of(VILLAGE), &village_log(), 7, last.hash());
    runs[0].entries = vec![last.clone(), last];
    link.feed(
        1,
        Event::Received(Message::Entries(sanji_replication::Entries { batch: entries.batch, runs, case_keys: vec![] })),
    );
    assert_eq!(link.sides[1].alerts, [(village_log(), 6, RefusalReason::Malformed)]);
}

#[test]
fn a_peer_can_destroy_no_key_but_with_the_entry_that_opens_its_case() {
    let mut link = linked([directory(), directory()]);
    let kept = link.sides[1].case_keys.clone();
    assert_eq!(kept.len(), 2);
    link.write(0, village_log(), &[5, 5]);
    assert!(link.load(0));
    for message in &mut link.sides[1].inbox {
        if let Message::Entries(entries) = message {
            entries.case_keys.extend(kept.keys().map(|case| CaseKeyMessage { case: *case, key: None }));
        }
    }
    link.settle();
    assert_eq!(link.sides[1].seq(&village_log()), 8);
    assert_eq!(link.sides[1].case_keys.len(), 3, "the key of the new case came");
    assert!(kept.iter().all(|(case, key)| link.sides[1].case_keys.get(case) == Some(key)));
}
