//! What goes first, how much is under way, who is alive, and whose receipts are believed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use sanji_log::{Head, LogId, Reach, Receipt, Run};
use sanji_replication::limits::PROTOCOL_MAX;
use sanji_replication::{Action, Directory, Event, Goodbye, Hello, Message, Session, Settings};
use support::link::{BATCH, Link, Side, WINDOW};
use support::truth::Truth;
use support::{HUB, TOWNSHIP, VILLAGE, code, directory, key_of, public};

fn log(home: &str, reach: Reach, writer: &str) -> LogId {
    LogId { home: code(home), reach, key: public(writer) }
}

/// A township with the given runs of one entry each to send to a village.
fn sender(logs: &[(LogId, &str, &[usize])]) -> Link {
    let mut truth = Truth::default();
    let mut township = Side::new(TOWNSHIP, VILLAGE, directory());
    for (log, writer, sizes) in logs {
        for size in *sizes {
            let head = truth.write(&key_of(writer), *log, &[*size]);
            township.adopt(&truth, *log, head.seq);
        }
    }
    let mut link = Link::new(truth, township, Side::new(VILLAGE, TOWNSHIP, directory()));
    link.connect();
    while link.deliver(0) || link.deliver(1) {}
    link
}

fn logs_sent(link: &Link) -> Vec<LogId> {
    let batches = link.sides[1].inbox.iter().filter_map(|message| match message {
        Message::Entries(entries) => Some(entries),
        _ => None,
    });
    batches.flat_map(|entries| entries.runs.iter().map(|run| run.log)).collect()
}

#[test]
fn public_logs_go_first_and_equals_take_turns() {
    let notice = log(HUB, Reach::Public, HUB);
    let long = log(VILLAGE, Reach::Private, HUB);
    let short = log(VILLAGE, Reach::Private, TOWNSHIP);
    let size = BATCH - 200;
    let mut link = sender(&[(long, HUB, &[size; 6]), (short, TOWNSHIP, &[size; 2]), (notice, HUB, &[size; 2])]);
    let mut order = Vec::new();
    loop {
        while link.load(0) {}
        order.extend(logs_sent(&link));
        let moved = [link.deliver(1), link.store(1), link.deliver(0)];
        if !moved.contains(&true) {
            break;
        }
        while link.deliver(1) || link.store(1) || link.deliver(0) {}
    }
    assert_eq!(order.len(), 10);
    assert_eq!(order[0], notice);
    let last_notice = order.iter().rposition(|log| *log == notice).unwrap();
    let last_short = order.iter().rposition(|log| *log == short).unwrap();
    assert!(last_notice < order.iter().rposition(|log| *log == long).unwrap());
    assert!(last_short < 7, "the long log has not held up the short one: {order:?}");
}

#[test]
fn a_backlog_gets_over_a_line_that_never_stands_for_long() {
    // 64 kbit/s, and every time it breaks after 48 KB of entries.
    const BYTES_A_MILLISECOND: usize = 8;
    const UNTIL_IT_BREAKS: usize = 48 << 10;
    let own = log(VILLAGE, Reach::Private, TOWNSHIP);
    let mut link = sender(&[(own, TOWNSHIP, &[1000; 300])]);
    link.sides[0].limits = (2 << 20, 256 << 10);
    for _ in 0..12 {
        link.connect();
        let mut carried = 0;
        loop {
            while link.load(0) || link.store(1) || link.deliver(0) {}
            let bytes = match link.sides[1].inbox.front() {
                Some(Message::Entries(entries)) => entries.runs.iter().map(Run::size).sum(),
                Some(_) => 0,
                None => break,
            };
            carried += bytes;
            if carried > UNTIL_IT_BREAKS {
                break;
            }
            link.now_ms += (bytes / BYTES_A_MILLISECOND) as u64;
            link.deliver(1);
        }
    }
    assert_eq!(link.sides[1].seq(&own), 300);
}

#[test]
fn the_window_fills_and_waits_for_the_disk_of_the_peer() {
    let own = log(VILLAGE, Reach::Private, TOWNSHIP);
    let mut link = sender(&[(own, TOWNSHIP, &[700; 20])]);
    while link.load(0) {}
    let sent = logs_sent(&link).len();
    assert!((2..=WINDOW / 700).contains(&sent), "{sent} runs are under way");
    while link.deliver(1) {}
    assert!(!link.load(0), "nothing more before an acknowledgement");
    assert!(!link.deliver(0), "no acknowledgement before the disk");
    assert!(link.store(1) && link.deliver(0) && link.load(0));
    link.settle();
    assert_eq!(link.sides[1].seq(&own), 20);
}

#[test]
fn a_few_entries_are_gathered_while_two_batches_are_under_way() {
    let own = log(VILLAGE, Reach::Private, TOWNSHIP);
    let mut link = sender(&[(own, TOWNSHIP, &[10])]);
    while link.load(0) {}
    for _ in 0..5 {
        link.write(0, own, &[10]);
        while link.load(0) {}
    }
    assert_eq!(logs_sent(&link).len(), 2, "two go at once, four wait");
    while link.deliver(1) {}
    assert!(link.store(1) && link.deliver(0));
    while link.load(0) {}
    assert_eq!(logs_sent(&link).len(), 1, "the four go together");
    link.settle();
    assert_eq!(link.sides[1].seq(&own), 6);

    // So many that they are worth a batch don't wait.
    link.write(0, own, &[10]);
    link.write(0, own, &[10; 40]);
    while link.load(0) {}
    link.write(0, own, &[10; 40]);
    link.write(0, own, &[10; 40]);
    while link.load(0) {}
    link.settle();
    assert_eq!(link.sides[1].seq(&own), 6 + 121);
}

#[test]
fn a_run_larger_than_the_window_goes_alone() {
    let own = log(VILLAGE, Reach::Private, TOWNSHIP);
    let other = log(VILLAGE, Reach::Private, HUB);
    let mut link = sender(&[(own, TOWNSHIP, &[300, WINDOW * 3, 300]), (other, HUB, &[300; 3])]);
    link.settle();
    assert_eq!((link.sides[1].seq(&own), link.sides[1].seq(&other)), (3, 3));
}

#[test]
fn receipts_are_kept_from_the_peer_and_passed_on_for_others() {
    let own = log(VILLAGE, Reach::Private, VILLAGE);
    let mut truth = Truth::default();
    let head = truth.write(&key_of(VILLAGE), own, &[10]);
    let mut village = Side::new(VILLAGE, TOWNSHIP, directory());
    village.adopt(&truth, own, head.seq);
    let mut link = Link::new(truth, Side::new(TOWNSHIP, VILLAGE, directory()), village);
    link.connect();
    link.settle();
    let of_township =
        |receipts: &[Receipt]| receipts.iter().map(|receipt| (receipt.station, receipt.head)).collect::<Vec<_>>();
    assert_eq!(of_township(&link.sides[1].receipts), [(code(TOWNSHIP), head)]);

    let of_hub = Receipt::sign(&key_of(HUB), code(HUB), head, 5);
    let forged = Receipt { time_ms: 1, ..of_hub.clone() };
    let by_thief = Receipt::sign(&key_of(VILLAGE), code(HUB), head, 5);
    let secret = Head { log: log(TOWNSHIP, Reach::Private, TOWNSHIP), ..head };
    let not_for_village = Receipt::sign(&key_of(HUB), code(HUB), secret, 5);
    link.sides[1].receipts.clear();
    link.feed(0, Event::Receipts(vec![forged, by_thief, not_for_village, of_hub.clone()]));
    let passed_on: Vec<_> = link.sides[1].inbox.iter().collect();
    let [Message::Receipts(receipts)] = passed_on.as_slice() else { panic!("{passed_on:?}") };
    assert!(receipts.len() == 3 && receipts.iter().all(|receipt| receipt.head.log == own));
    link.settle();
    assert_eq!(link.sides[1].receipts, [of_hub]);
}

#[test]
fn a_receipt_is_not_sent_to_whom_it_came_from_or_goes_with_the_acknowledgement() {
    let own = log(VILLAGE, Reach::Private, VILLAGE);
    let decided = log(VILLAGE, Reach::Private, TOWNSHIP);
    let mut truth = Truth::default();
    let head = truth.write(&key_of(VILLAGE), own, &[10]);
    let of_above = truth.write(&key_of(TOWNSHIP), decided, &[10]);
    let (mut village, mut township) =
        (Side::new(VILLAGE, TOWNSHIP, directory()), Side::new(TOWNSHIP, VILLAGE, directory()));
    village.adopt(&truth, own, head.seq);
    township.adopt(&truth, decided, of_above.seq);
    let mut link = Link::new(truth, township, village);
    link.connect();
    link.settle();
    let by_township = |head: Head| Receipt::sign(&key_of(TOWNSHIP), code(TOWNSHIP), head, 5);
    let by_hub = |seq: u64| Receipt::sign(&key_of(HUB), code(HUB), Head { seq, ..head }, 5);
    let sent = |link: &mut Link, at: usize, receipt: Receipt| {
        link.feed(at, Event::Receipts(vec![receipt]));
        let sent = link.sides[1 - at].inbox.iter().filter(|message| matches!(message, Message::Receipts(_))).count();
        link.settle();
        sent
    };
    // Its own for what the village has sent: that one has it with the acknowledgement.
    assert_eq!(sent(&mut link, 0, by_township(head)), 0);
    assert_eq!(sent(&mut link, 0, by_township(Head { seq: head.seq + 1, ..head })), 1, "that came over another link");
    assert_eq!(sent(&mut link, 0, by_township(of_above)), 1, "that came from elsewhere too");
    // The hub's, which the township passes on: the village keeps it and does not send it back.
    assert_eq!(sent(&mut link, 0, by_hub(1)), 1);
    assert_eq!(sent(&mut link, 1, by_hub(1)), 0);
    assert_eq!(sent(&mut link, 1, by_hub(2)), 1, "the township has not had this one");
    assert_eq!(sent(&mut link, 0, by_hub(2)), 0);
}

#[test]
fn receipts_that_come_before_their_keys_are_known_are_not_lost() {
    let own = log(VILLAGE, Reach::Private, VILLAGE);
    let mut truth = Truth::default();
    let head = truth.write(&key_of(VILLAGE), own, &[10]);
    // The village has joined long ago, and knows neither the new hub nor the new township.
    let mut few = Directory::default();
    few.insert(public(VILLAGE), code(VILLAGE));
    let (mut township, mut village) = (Side::new(TOWNSHIP, VILLAGE, directory()), Side::new(VILLAGE, TOWNSHIP, few));
    township.adopt(&truth, own, head.seq);
    village.adopt(&truth, own, head.seq);
    let mut link = Link::new(truth, township, village);
    link.connect();
    let by = |station| Receipt::sign(&key_of(station), code(station), head, 5);
    link.feed(0, Event::Receipts(vec![by(TOWNSHIP), by(HUB)]));
    link.settle();
    assert_eq!(link.sides[1].receipts, [by(TOWNSHIP)], "its key is that of its certificate");
    link.sides[1].directory = directory();
    link.feed(1, Event::DirectoryChanged);
    assert_eq!(link.sides[1].receipts, [by(TOWNSHIP), by(HUB)]);
}

fn quiet_session() -> (Session, Settings) {
    let settings = Settings::new(code(VILLAGE), code(TOWNSHIP), public(TOWNSHIP));
    let mut session = Session::new(settings.clone());
    session.on(Event::Started { have: &Default::default() }, &directory(), 1000);
    (session, settings)
}

fn hello() -> Hello {
    Hello {
        protocol_min: 1,
        protocol_max: PROTOCOL_MAX,
        station: code(TOWNSHIP),
        software: String::new(),
        clock_ms: 61_000,
        instance: None,
        compression: None,
        revoked: false,
    }
}

#[test]
fn the_handshake_measures_the_clock_and_refuses_strangers() {
    let say = |hello: Hello| quiet_session().0.on(Event::Received(Message::Hello(hello)), &directory(), 1000);
    assert_eq!(say(hello()), [Action::ClockOffset(60_000), Action::Believed]);
    assert_eq!(say(Hello { revoked: true, ..hello() }), [Action::ClockOffset(60_000), Action::Distrusted]);
    for wrong in [
        Hello { station: code(HUB), ..hello() },
        Hello { protocol_min: PROTOCOL_MAX + 1, protocol_max: PROTOCOL_MAX + 1, ..hello() },
    ] {
        let actions = say(wrong);
        assert!(matches!(
            actions.as_slice(),
            [Action::Send(Message::Goodbye(_)), Action::Close { come_back_after_ms: 0, .. }]
        ));
    }
}

#[test]
fn a_quiet_link_pings_and_a_dead_one_closes() {
    let (mut session, settings) = quiet_session();
    let mut tick = |now_ms| session.on(Event::Tick, &directory(), now_ms);
    assert_eq!(tick(1000 + settings.heartbeat_ms - 1), []);
    let now_ms = 1000 + settings.heartbeat_ms;
    assert_eq!(tick(now_ms), [Action::Send(Message::Ping { clock_ms: now_ms })]);
    assert_eq!(tick(now_ms + 1), []);
    let actions = tick(1000 + settings.silence_ms);
    assert!(matches!(actions.as_slice(), [Action::Send(Message::Goodbye(_)), Action::Close { .. }]));
    assert_eq!(tick(1000 + 10 * settings.silence_ms), [], "a closed session is silent");
}

#[test]
fn a_clock_set_back_neither_closes_nor_silences_the_link() {
    let (mut session, settings) = quiet_session();
    let mut tick = |now_ms| session.on(Event::Tick, &directory(), now_ms);
    assert_eq!(tick(0), []);
    assert_eq!(tick(settings.heartbeat_ms).len(), 1);
}

#[test]
fn a_goodbye_says_when_to_come_back() {
    for revoked in [false, true] {
        let (mut session, _) = quiet_session();
        let goodbye = Goodbye { reason: "busy".to_owned(), come_back_after_ms: 30_000, revoked };
        let actions = session.on(Event::Received(Message::Goodbye(goodbye)), &directory(), 1000);
        assert_eq!(actions, [Action::Close { reason: "busy".to_owned(), come_back_after_ms: 30_000, revoked }]);
    }
}
