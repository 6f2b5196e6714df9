//! How stations are: who is told, who is believed, and for whom.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use sanji_log::Have;
use sanji_proto::v1 as proto;
use sanji_replication::limits::{PROTOCOL_CONDITIONS, PROTOCOL_MAX, PROTOCOL_MIN};
use sanji_replication::{Action, Directory, Event, Hello, Message, Session, Settings, StationCondition};
use support::{HUB, NEIGHBOUR, TOWNSHIP, VILLAGE, code, directory, public};

const NOW_MS: u64 = 1_000_000;

fn condition(station: &str) -> StationCondition {
    let wire = proto::StationCondition { station: code(station).number(), writable: true, ..Default::default() };
    wire.try_into().unwrap()
}

/// A session that is open: between two stations, with a peer that speaks protocols up to this one.
fn open(me: &str, peer: &str, directory: &Directory, protocol_max: u32) -> Session {
    let mut session = Session::new(Settings::new(code(me), code(peer), public(peer)));
    let hello = Hello {
        protocol_min: PROTOCOL_MIN,
        protocol_max,
        station: code(peer),
        software: "9.9.9".to_owned(),
        clock_ms: NOW_MS,
        instance: None,
        compression: None,
        revoked: false,
    };
    assert!(!session.hears_conditions(), "nothing was said yet");
    session.on(Event::Started { have: &Have::default() }, directory, NOW_MS);
    for message in [Message::Hello(hello), Message::Have(Vec::new())] {
        session.on(Event::Received(message), directory, NOW_MS);
    }
    session
}

/// What a session says of stations, given these conditions.
fn told(session: &mut Session, stations: &[&str]) -> Vec<u64> {
    let conditions = stations.iter().map(|station| condition(station)).collect();
    let actions = session.on(Event::Conditions(conditions), &directory(), NOW_MS);
    let told = actions.into_iter().flat_map(|action| match action {
        Action::Send(Message::Conditions(part)) => part,
        other => panic!("{other:?}"),
    });
    told.map(|condition| condition.station.number()).collect()
}

/// What a session believes of these conditions. None: it has closed.
fn believed(session: &mut Session, directory: &Directory, stations: &[&str]) -> Option<Vec<u64>> {
    let conditions = stations.iter().map(|station| condition(station)).collect();
    let actions = session.on(Event::Received(Message::Conditions(conditions)), directory, NOW_MS);
    let mut kept = Vec::new();
    for action in actions {
        match action {
            Action::KeepConditions(part) => kept.extend(part.iter().map(|condition| condition.station.number())),
            Action::Close { .. } => return None,
            Action::Send(_) => {}
            other => panic!("{other:?}"),
        }
    }
    Some(kept)
}

fn numbers(stations: &[&str]) -> Vec<u64> {
    stations.iter().map(|station| code(station).number()).collect()
}

#[test]
fn a_station_is_told_of_those_below_it_if_it_understands_it() {
    let all = [HUB, TOWNSHIP, VILLAGE, NEIGHBOUR];
    for (me, peer, protocol, expected) in [
        (VILLAGE, TOWNSHIP, PROTOCOL_MAX, &[VILLAGE][..]),
        (VILLAGE, HUB, PROTOCOL_CONDITIONS, &[VILLAGE]),
        (TOWNSHIP, HUB, PROTOCOL_MAX, &[TOWNSHIP, VILLAGE, NEIGHBOUR]),
        (TOWNSHIP, HUB, PROTOCOL_CONDITIONS - 1, &[]),
        (TOWNSHIP, VILLAGE, PROTOCOL_MAX, &[]),
        (HUB, TOWNSHIP, PROTOCOL_MAX, &[]),
    ] {
        let mut session = open(me, peer, &directory(), protocol);
        assert_eq!(session.hears_conditions(), !expected.is_empty(), "{me} and {peer}");
        assert_eq!(told(&mut session, &all), numbers(expected), "{me} tells {peer}");
        assert!(told(&mut session, &all).is_empty(), "it was just told");
    }
}

#[test]
fn nobody_is_believed_about_others_and_the_link_goes_on() {
    let all = [HUB, TOWNSHIP, VILLAGE, NEIGHBOUR, "990106102000", "990106102201"];
    for (me, peer, expected) in [
        (TOWNSHIP, VILLAGE, &[VILLAGE][..]),
        (HUB, VILLAGE, &[VILLAGE]),
        (HUB, TOWNSHIP, &[TOWNSHIP, VILLAGE, NEIGHBOUR]),
        (VILLAGE, TOWNSHIP, &[]),
        (TOWNSHIP, HUB, &[]),
    ] {
        let mut session = open(me, peer, &directory(), PROTOCOL_MAX);
        let kept = believed(&mut session, &directory(), &all);
        assert_eq!(kept.expect("the link goes on"), numbers(expected), "{me} believes {peer}");
        assert!(session.in_sync());
    }
    let mut revoked = directory();
    revoked.revoke(public(VILLAGE));
    let mut session = open(TOWNSHIP, VILLAGE, &revoked, PROTOCOL_MAX);
    assert_eq!(believed(&mut session, &revoked, &[VILLAGE]), Some(Vec::new()), "a revoked station");
}

#[test]
fn before_the_link_is_open_nothing_is_told_or_believed() {
    let mut session = Session::new(Settings::new(code(TOWNSHIP), code(VILLAGE), public(VILLAGE)));
    session.on(Event::Started { have: &Have::default() }, &directory(), NOW_MS);
    assert_eq!(believed(&mut session, &directory(), &[VILLAGE]), None, "a message out of order ends the link");
    let mut session = Session::new(Settings::new(code(VILLAGE), code(TOWNSHIP), public(TOWNSHIP)));
    session.on(Event::Started { have: &Have::default() }, &directory(), NOW_MS);
    assert!(told(&mut session, &[VILLAGE]).is_empty());
}
