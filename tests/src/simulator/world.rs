//! All stations and lines together: one happening after the other, each carried out as the running program would.

use std::fmt::Arguments;

use prost::Message as _;
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use sanji_log::{LogId, Reach, Receipt};
use sanji_proto::v1 as proto;
use sanji_proto::v1::Kind;
use sanji_replication::Event;
use sanji_station::core::Committed;
use sanji_store::Store;

use super::agenda::{Agenda, Happening};
use super::faults::Counters;
use super::model::Model;
use super::network::{Network, StreamId};
use super::people::Asked;
use super::sample::{District, HUB, STATIONS, code, parent};
use super::station::{Station, Waiting};
use super::{Report, Trace};

/// For how long people work and things fail, in virtual milliseconds.
const WORK_MS: u64 = 40_000;
/// Within which time all stations must agree once everything works again, in virtual milliseconds. A stream that
/// is broken without a sign is found by its silence, which alone takes a minute.
pub const HEALING_MS: u64 = 240_000;
/// For how long the last receipts may travel.
const LAST_RECEIPTS_MS: u64 = 2_000;
const TICK_MS: u64 = 5_000;

/// The district.
pub struct World {
    pub(super) random: StdRng,
    pub(super) agenda: Agenda,
    pub(super) network: Network,
    pub(super) stations: Vec<Station>,
    pub(super) counters: Counters,
    pub(super) model: Model,
    /// What was last asked for at each station.
    pub(super) last_asked: Vec<Option<Asked>>,
    trace: Trace,
    working: bool,
    /// The stream of the message that arrived last at each station, and when it was sent.
    pub(super) last_arrived: Vec<(StreamId, u64)>,
}

impl World {
    /// The district before its first day: the hub runs and has published its files, the others are enrolled in
    /// the first seconds.
    #[must_use]
    pub fn new(seed: u64, trace: Trace) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let district = District::get();
        let stations =
            (0..STATIONS.len()).map(|at| Station::new(district.keys(at), random.random_range(-3000..3000))).collect();
        let mut world = Self {
            random,
            agenda: Agenda::default(),
            network: Network::default(),
            stations,
            counters: Counters::default(),
            model: Model::default(),
            last_asked: vec![None; STATIONS.len()],
            trace,
            working: true,
            last_arrived: vec![(0, 0); STATIONS.len()],
        };
        for at in 1..STATIONS.len() {
            let above = parent(at).expect("a station above");
            world.network.lay(at, above);
            if above != HUB {
                world.network.lay(at, HUB);
            }
            let after = world.random.random_range(100..15_000);
            world.agenda.put(after, Happening::Enrol { at });
        }
        for at in 0..STATIONS.len() {
            world.agenda.put(500, Happening::Person { at });
            world.agenda.put(TICK_MS, Happening::Tick { at });
        }
        world.agenda.put(2000, Happening::Fault);
        world.found();
        world
    }

    /// People work while things fail.
    pub fn work(&mut self) {
        self.pass(WORK_MS);
    }

    /// Everything works again; nobody does anything new.
    pub fn heal(&mut self) {
        self.working = false;
        self.note(format_args!("healing"));
        for line in &mut self.network.lines {
            (line.up, line.slowness) = (true, 1);
        }
        let until_ms = self.agenda.now_ms() + HEALING_MS;
        for at in 0..self.stations.len() {
            if self.stations[at].enrolled && !self.stations[at].is_running() {
                self.restart(at);
            }
        }
        while !self.is_settled() {
            assert!(self.agenda.now_ms() < until_ms, "the stations don't come to rest");
            self.pass(500);
        }
        // Receipts are on no session's list of what is under way.
        self.pass(LAST_RECEIPTS_MS);
        self.note(format_args!("settled"));
    }

    fn pass(&mut self, span_ms: u64) {
        let until_ms = self.agenda.now_ms() + span_ms;
        while let Some(happening) = self.agenda.next_until(until_ms) {
            self.carry_on(happening);
        }
    }

    /// Whether the stations agree with the model.
    pub fn check(&self) {
        self.model.check(&self.stations);
    }

    /// What the run has shown.
    #[must_use]
    pub fn into_report(self) -> Report {
        Report { counters: self.counters, trace: self.trace }
    }

    pub(super) fn note(&mut self, what: Arguments<'_>) {
        self.trace.note(self.agenda.now_ms(), what);
    }

    fn is_settled(&self) -> bool {
        self.stations.iter().enumerate().all(|(at, station)| {
            let Some(running) = &station.running else { return false };
            let linked = parent(at).is_none_or(|above| running.ends.values().any(|end| end.peer == above));
            let whole = |stream: &StreamId| self.network.stream(*stream).is_some_and(|stream| stream.whole);
            linked
                && running.waiting.is_empty()
                && !running.commit_due
                && running.ends.iter().all(|(stream, end)| whole(stream) && end.session.in_sync())
        })
    }

    fn carry_on(&mut self, happening: Happening) {
        match happening {
            Happening::Arrival { stream, at, sent_ms, bytes } => self.arrive(stream, at, sent_ms, &bytes),
            Happening::Broken { stream, at } => self.end(stream, at),
            Happening::Loaded { stream, at, log, from, max_bytes } => {
                let (run, case_keys) = self.stations[at].load(&log, from, max_bytes);
                self.feed(at, stream, Event::Loaded { log, run, case_keys });
            }
            Happening::Commit { at, life } if self.stations[at].life == life => self.commit(at),
            Happening::Dial { at, life } if self.stations[at].life == life => self.dial(at),
            Happening::Commit { .. } | Happening::Dial { .. } => {}
            Happening::Enrol { at } => self.enrol(at),
            Happening::Person { at } if self.working => {
                self.person(at);
                let after = self.random.random_range(200..2000);
                self.agenda.put(after, Happening::Person { at });
            }
            Happening::Fault if self.working => self.fault(),
            Happening::Person { .. } | Happening::Fault => {}
            Happening::Tick { at } => {
                self.feed_all(at, |_| Event::Tick);
                self.agenda.put(TICK_MS, Happening::Tick { at });
            }
            Happening::Restored { line } => {
                self.note(format_args!("line {line} works"));
                (self.network.lines[line].up, self.network.lines[line].slowness) = (true, 1);
            }
            Happening::Restarted { at } => self.restart(at),
        }
    }

    /// The hub founds the district: its own key, the files, the staff.
    fn found(&mut self) {
        self.stations[HUB].start();
        self.stations[HUB].enrolled = true;
        self.write_as_hub(HUB, Reach::Public, Kind::Station, District::get().enrolled(HUB).encode_to_vec());
        for (path, text) in &District::get().files {
            let file = proto::PublishedFile { path: path.clone(), version: 1, content: text.clone().into_bytes() };
            self.write_as_hub(HUB, Reach::Public, Kind::File, file.encode_to_vec());
        }
        for record in &District::get().staff {
            let place = (0..STATIONS.len()).find(|at| self.stations[*at].code.number() == record.place);
            self.write_as_hub(place.expect("a station"), Reach::Private, Kind::Staff, record.encode_to_vec());
        }
        self.commit_now(HUB);
    }

    fn write_as_hub(&mut self, home: usize, reach: Reach, kind: Kind, body: Vec<u8>) {
        let (home, now_ms) = (self.stations[home].code, self.stations[HUB].clock_ms(self.agenda.now_ms()));
        let running = self.stations[HUB].running.as_mut().expect("the hub runs");
        running.core.write(home, reach, "", kind as u32, body, now_ms).expect("the hub writes");
    }

    /// A station joins: the hub certifies its key and hands it what is public.
    fn enrol(&mut self, at: usize) {
        if !self.stations[HUB].is_running() {
            return self.agenda.put(1000, Happening::Enrol { at });
        }
        self.note(format_args!("{} joins", code(at)));
        self.write_as_hub(at, Reach::Public, Kind::Station, District::get().enrolled(at).encode_to_vec());
        self.commit_now(HUB);
        let station = code(at);
        let have = self.stations[HUB].store.have();
        let public = have.heads().filter(|head| head.log.reach == Reach::Public && head.log.held_by(station));
        let read = |log: LogId| self.stations[HUB].store.read(&log, 1, usize::MAX).expect("a log can be read");
        let runs = public.filter_map(|head| read(head.log)).collect();
        self.stations[at].start();
        self.stations[at].enrolled = true;
        let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
        let running = self.stations[at].running.as_mut().expect("it runs");
        running.core.adopt(runs, &[], now_ms, &mut |bytes| self.random.fill_bytes(bytes)).expect("the runs hold");
        self.commit_now(at);
        self.dial_soon(at);
    }

    pub(super) fn restart(&mut self, at: usize) {
        if !self.stations[at].is_running() {
            self.stations[at].start();
            self.note(format_args!("{} starts again", code(at)));
            self.dial_soon(at);
        }
    }

    /// The open group goes to the disk soon.
    pub(super) fn commit_soon(&mut self, at: usize) {
        let life = self.stations[at].life;
        let Some(running) = self.stations[at].running.as_mut() else { return };
        if !std::mem::replace(&mut running.commit_due, true) {
            let after = self.random.random_range(1..25);
            self.agenda.put(after, Happening::Commit { at, life });
        }
    }

    /// The disk takes the open group, unless power fails before it has.
    fn commit(&mut self, at: usize) {
        if self.working && self.random.random_bool(0.005) {
            let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
            if let Some(running) = self.stations[at].running.as_mut() {
                running.core.commit(now_ms).expect("the store takes a commit");
            }
            return self.crash(at);
        }
        self.commit_now(at);
    }

    fn commit_now(&mut self, at: usize) {
        let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
        let Some(running) = self.stations[at].running.as_mut() else { return };
        running.commit_due = false;
        let waiting = std::mem::take(&mut running.waiting);
        let committed = running.core.commit(now_ms).expect("the store takes a commit");
        self.stations[at].store.make_durable();
        if self.working && !waiting.is_empty() && self.random.random_bool(0.005) {
            self.counters.unanswered += 1;
            return self.crash(at);
        }
        // The program publishes and answers from two tasks.
        if self.random.random_bool(0.5) {
            self.publish(at, &committed);
            self.answer(at, waiting, &committed.receipts);
        } else {
            self.answer(at, waiting, &committed.receipts);
            self.publish(at, &committed);
        }
    }

    fn publish(&mut self, at: usize, committed: &Committed) {
        if !committed.heads.is_empty() {
            self.feed_all(at, |_| Event::Local { heads: committed.heads.clone() });
        }
        if committed.reference_changed {
            self.feed_all(at, |_| Event::DirectoryChanged);
        }
        if !committed.receipts.is_empty() {
            self.feed_all(at, |_| Event::Receipts(committed.receipts.clone()));
        }
    }

    fn answer(&mut self, at: usize, waiting: Vec<Waiting>, receipts: &[Receipt]) {
        let station = code(at);
        for waiting in waiting {
            match waiting {
                Waiting::Person(deed) => self.model.acknowledge(at, deed),
                Waiting::Peer { stream, batch, accepted, refused } => {
                    let own = |receipt: &&Receipt| receipt.station == station && accepted.contains(&receipt.head.log);
                    let receipts = receipts.iter().filter(own).cloned().collect();
                    self.feed(at, stream, Event::Stored { batch, receipts, refused });
                }
            }
        }
    }
}
