//! Whatever the order and whatever is cut: two stations end with the union of what each holds of the logs that
//! both may hold, and with nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use proptest::prelude::*;
use sanji_log::{LogId, Reach};
use sanji_replication::Message;
use support::link::{Link, Side};
use support::truth::{Truth, case_keys};
use support::{HUB, NEIGHBOUR, TOWNSHIP, VILLAGE, code, directory, key_of, public};

/// The logs of the test: home, reach, writer.
const LOGS: [(&str, Reach, &str); 9] = [
    (HUB, Reach::Public, HUB),
    (TOWNSHIP, Reach::Public, TOWNSHIP),
    (VILLAGE, Reach::Public, HUB),
    (VILLAGE, Reach::Private, VILLAGE),
    (VILLAGE, Reach::Private, TOWNSHIP),
    (VILLAGE, Reach::Private, HUB),
    (NEIGHBOUR, Reach::Private, NEIGHBOUR),
    (NEIGHBOUR, Reach::Public, HUB),
    (TOWNSHIP, Reach::Private, TOWNSHIP),
];

fn log(number: usize) -> LogId {
    let (home, reach, writer) = LOGS[number];
    LogId { home: code(home), reach, key: public(writer) }
}

/// How a log began: the sizes of the entries of each run, and how many runs each side holds.
#[derive(Debug, Clone)]
struct Beginning {
    runs: Vec<Vec<usize>>,
    held: [usize; 2],
}

fn beginning() -> impl Strategy<Value = Beginning> {
    let sizes = prop_oneof![9 => 0..200_usize, 1 => 3000..6000_usize];
    let runs = prop::collection::vec(prop::collection::vec(sizes, 1..5), 0..7);
    (runs, 0..8_usize, 0..8_usize).prop_map(|(runs, left, right)| Beginning { runs, held: [left, right] })
}

#[derive(Debug, Clone)]
enum Step {
    Deliver(usize),
    Load(usize),
    Store(usize),
    Write(usize, Vec<usize>),
    OtherPath(usize, usize),
    Cut,
    Alter(usize, usize, u8),
}

fn step(altering: bool) -> impl Strategy<Value = Step> {
    let side = 0..2_usize;
    prop_oneof![
        12 => side.clone().prop_map(Step::Deliver),
        8 => side.clone().prop_map(Step::Load),
        8 => side.clone().prop_map(Step::Store),
        4 => (side.clone(), prop::collection::vec(0..300_usize, 1..4)).prop_map(|(at, sizes)| Step::Write(at, sizes)),
        4 => (side.clone(), 0..LOGS.len()).prop_map(|(at, log)| Step::OtherPath(at, log)),
        1 => Just(Step::Cut),
        if altering { 6 } else { 0 } => (side, any::<usize>(), 1..=u8::MAX).prop_map(|(at, place, by)| Step::Alter(at, place, by)),
    ]
}

fn begin(beginnings: &[Beginning]) -> Link {
    let mut truth = Truth::default();
    let mut village = Side::new(VILLAGE, TOWNSHIP, directory());
    let mut township = Side::new(TOWNSHIP, VILLAGE, directory());
    for (number, beginning) in beginnings.iter().enumerate() {
        let log = log(number);
        let ends: Vec<u64> =
            beginning.runs.iter().map(|sizes| truth.write(&key_of(LOGS[number].2), log, sizes).seq).collect();
        for (side, runs) in [&mut village, &mut township].into_iter().zip(beginning.held) {
            let own = LOGS[number].2 == side.name;
            let runs = if own { ends.len() } else { runs.min(ends.len()) };
            if runs > 0 && log.held_by(code(side.name)) {
                side.adopt(&truth, log, ends[runs - 1]);
            }
        }
    }
    Link::new(truth, village, township)
}

fn play(link: &mut Link, steps: &[Step]) {
    link.connect();
    for step in steps {
        match step {
            Step::Deliver(at) => drop(link.deliver(*at)),
            Step::Load(at) => drop(link.load(*at)),
            Step::Store(at) => drop(link.store(*at)),
            Step::Write(at, sizes) => {
                let own = log(if *at == 0 { 3 } else { 4 });
                link.write(*at, own, sizes);
            }
            Step::OtherPath(at, number) => {
                let log = log(*number);
                if log.held_by(code(link.sides[*at].name)) {
                    link.other_path(*at, log);
                }
            }
            Step::Cut => link.connect(),
            Step::Alter(at, place, by) => alter(&mut link.sides[*at].inbox, *place, *by),
        }
    }
}

/// Changes one byte of an entry or a seal on its way.
fn alter(inbox: &mut std::collections::VecDeque<Message>, place: usize, by: u8) {
    let Some(Message::Entries(entries)) = inbox.iter_mut().find(|message| matches!(message, Message::Entries(_)))
    else {
        return;
    };
    let run_number = place % entries.runs.len();
    let run = &mut entries.runs[run_number];
    match place / 7 % 4 {
        0 => run.seal.signature[place % 64] ^= by,
        1 => run.seal.hash.0[place % 32] ^= by,
        2 if run.entries.len() > 1 => drop(run.entries.remove(place % run.entries.len())),
        _ => {
            let number = place % run.entries.len();
            let entry = &mut run.entries[number];
            let mut bytes = entry.0.to_vec();
            let byte = place / 11 % bytes.len();
            bytes[byte] ^= by;
            entry.0 = bytes.into();
        }
    }
}

/// Both hold the union of what they held, of the logs that both may hold; and the keys of its cases.
fn assert_converged(link: &Link) {
    let [left, right] = &link.sides;
    for number in 0..LOGS.len() {
        let log = log(number);
        if log.held_by(code(left.name)) && log.held_by(code(right.name)) {
            assert_eq!(left.seq(&log), right.seq(&log), "{log}");
            if let Some(run) = link.truth.read(&log, 1, left.seq(&log), usize::MAX) {
                for key in case_keys(&run) {
                    assert_eq!(left.case_keys.get(&key.case), Some(&key.key), "{log}");
                    assert_eq!(right.case_keys.get(&key.case), Some(&key.key), "{log}");
                }
            }
        } else {
            let stranger = if log.held_by(code(left.name)) { right } else { left };
            assert_eq!(stranger.seq(&log), 0, "{log} is not for {}", stranger.name);
        }
    }
    assert!(left.session.in_sync() && right.session.in_sync());
    assert_eq!((&left.closed, &right.closed), (&None, &None));
}

proptest! {
    #[test]
    fn two_stations_converge(
        beginnings in prop::collection::vec(beginning(), LOGS.len()),
        steps in prop::collection::vec(step(false), 0..150),
    ) {
        let mut link = begin(&beginnings);
        play(&mut link, &steps);
        link.settle();
        assert_converged(&link);
        prop_assert!(link.sides.iter().all(|side| side.alerts.is_empty()));
    }

    #[test]
    fn altered_runs_are_never_stored_and_a_new_link_repairs(
        beginnings in prop::collection::vec(beginning(), LOGS.len()),
        steps in prop::collection::vec(step(true), 50..150),
    ) {
        let mut link = begin(&beginnings);
        play(&mut link, &steps);
        link.settle();
        link.connect();
        link.settle();
        assert_converged(&link);
    }
}
