//! All stations and lines together: one happening after the other, each carried out as the running program would.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;

use prost::Message as _;
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use sanji_log::{CaseId, LogId, Reach, Receipt, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::Kind;
use sanji_replication::Event;
use sanji_station::core::Committed;
use sanji_store::Store;

use super::agenda::{Agenda, Happening};
use super::attachments::missing;
use super::bundles::Bundle;
use super::faults::{Counters, Fault, repertoire};
use super::ledger::{Ledger, stands_over};
use super::liar::Liar;
use super::links::Sent;
use super::model::Model;
use super::network::{Network, StreamId};
use super::people::Asked;
use super::sample::{District, HUB, STATIONS, parent};
use super::station::{Station, Waiting};
use super::{Report, Trace};

/// For how long people work and things fail, in virtual milliseconds.
const WORK_MS: u64 = 40_000;
/// Within which time all stations must agree once everything works again, in virtual milliseconds. A stream that
/// is broken without a sign is found by its silence, which alone takes a minute.
pub const HEALING_MS: u64 = 300_000;
/// For how long the last receipts may travel.
const LAST_RECEIPTS_MS: u64 = 2_000;
pub(super) const TICK_MS: u64 = 5_000;

/// The district.
pub struct World {
    pub(super) random: StdRng,
    pub(super) agenda: Agenda,
    pub(super) network: Network,
    /// The stations, and behind them second folders of some.
    pub(super) stations: Vec<Station>,
    pub(super) counters: Counters,
    pub(super) model: Model,
    pub(super) ledger: Ledger,
    /// What goes wrong in this run.
    pub(super) repertoire: Vec<Fault>,
    /// A village that has no line at all.
    pub(super) without_line: Option<usize>,
    /// What was last asked for at each station.
    pub(super) last_asked: Vec<Option<Asked>>,
    /// The stream of the message that arrived last at each station, and when it was sent.
    pub(super) last_arrived: Vec<(StreamId, u64)>,
    /// Batches that were sent and are not acknowledged, by stream and sender.
    pub(super) in_flight: BTreeMap<(StreamId, usize), BTreeMap<u64, Sent>>,
    /// Most bytes of entries that were under way from one end of a link.
    pub(super) most_in_flight: usize,
    /// Streams on which somebody altered something.
    pub(super) altered: BTreeSet<StreamId>,
    pub(super) bundles: Vec<Bundle>,
    /// The bundle that was read last.
    pub(super) last_bundle: Option<usize>,
    /// The township that falls into wrong hands in this run.
    pub(super) liar: Option<Liar>,
    trace: Trace,
    working: bool,
}

impl World {
    /// The district before its first day: the hub runs and has published its files, the others are enrolled in
    /// the first seconds.
    #[must_use]
    pub fn new(seed: u64, trace: Trace) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let repertoire = repertoire(&mut random);
        let villages = (0..STATIONS.len()).filter(|place| parent(*place).is_some_and(|above| above != HUB));
        let villages: Vec<usize> = villages.collect();
        let without_line = random.random_bool(0.25).then(|| villages[random.random_range(0..villages.len())]);
        let mut world = Self {
            random,
            agenda: Agenda::default(),
            network: Network::default(),
            stations: Vec::new(),
            counters: Counters::default(),
            model: Model::default(),
            ledger: Ledger::default(),
            repertoire,
            without_line,
            last_asked: Vec::new(),
            last_arrived: Vec::new(),
            in_flight: BTreeMap::new(),
            most_in_flight: 0,
            altered: BTreeSet::new(),
            bundles: Vec::new(),
            last_bundle: None,
            liar: Liar::of_seed(seed),
            trace,
            working: true,
        };
        for place in 0..STATIONS.len() {
            let skew_ms = world.random.random_range(-3000..3000);
            world.join(Station::new(place, skew_ms));
        }
        for place in 1..STATIONS.len() {
            let above = parent(place).expect("a station above");
            if Some(place) != without_line {
                world.network.lay(place, above);
                if above != HUB {
                    world.network.lay(place, HUB);
                }
            }
            let after = world.random.random_range(100..15_000);
            world.agenda.put(after, Happening::Enrol { at: place });
        }
        world.agenda.put(2000, Happening::Fault);
        world.agenda.put(6000, Happening::Courier);
        world.found();
        world.expect_lies();
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
        self.stations.iter_mut().for_each(Station::mend_disk);
        self.restart(HUB);
        self.unmasked();
        self.settle_lives();
        for at in 0..self.stations.len() {
            self.restart(at);
        }
        let until_ms = self.agenda.now_ms() + HEALING_MS;
        loop {
            self.round_of_bundles();
            if self.is_settled() {
                break;
            }
            assert!(self.agenda.now_ms() < until_ms, "the stations don't come to rest: {}", self.unsettled());
            self.pass(1000);
        }
        // Receipts are on no session's list of what is under way.
        self.pass(LAST_RECEIPTS_MS);
        self.round_of_bundles();
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
    pub fn check(&mut self) {
        self.model.check(&self.stations, &self.ledger);
        let superseded = self.model.superseded(&self.stations[HUB]);
        self.counters.superseded += superseded;
    }

    /// What the run has shown.
    #[must_use]
    pub fn into_report(self) -> Report {
        Report { counters: self.counters, most_in_flight: self.most_in_flight, trace: self.trace }
    }

    pub(super) fn note(&mut self, what: Arguments<'_>) {
        self.trace.note(self.agenda.now_ms(), what);
    }

    /// The code of a station.
    pub(super) fn code(&self, at: usize) -> StationCode {
        self.stations[at].code
    }

    /// Whether a station has no line at all.
    pub(super) fn is_without_line(&self, at: usize) -> bool {
        self.without_line == Some(self.stations[at].place)
    }

    /// Whether people work and things fail.
    pub(super) fn is_working(&self) -> bool {
        self.working
    }

    /// A bundle that is still carried may bring what the stations then pass on.
    fn is_settled(&self) -> bool {
        !self.agenda.carries_a_bundle() && (0..self.stations.len()).all(|at| self.is_at_rest(at))
    }

    /// Whether a station has nothing to do and lacks nothing that can still come.
    fn is_at_rest(&self, at: usize) -> bool {
        let station = &self.stations[at];
        if station.retired {
            return true;
        }
        let Some(running) = &station.running else { return false };
        let linked = self.is_without_line(at) || parent(station.place).is_none_or(|above| self.has_end(at, above));
        let whole = |stream: &StreamId| self.network.stream(*stream).is_some_and(|stream| stream.whole);
        let wanted = missing(station, station.code);
        let lost =
            |id| self.model.is_lost(id) || !self.stations.iter().any(|other| !other.retired && other.has_whole(id));
        linked
            && running.waiting.is_empty()
            && !running.commit_due
            && !station.healing
            && wanted.iter().all(|wanted| lost(&wanted.id) || self.is_parted(&wanted.case))
            && running.ends.iter().all(|(stream, end)| whole(stream) && end.session.in_sync())
    }

    /// Whether a case was written by two machines with one key, and stations hold different branches of it: one between that
    /// holds the other does not know its attachments, and passes none on before people have decided.
    fn is_parted(&self, case: &CaseId) -> bool {
        let is_of = |station: &&Station| case.home().is_some_and(|home| stands_over(station.code, home));
        let line = self.stations.iter().filter(|station| !station.retired).filter(is_of);
        let held: Vec<_> =
            line.map(|station| station.store.case_entries(case).expect("the entries of a case can be read")).collect();
        let differs = held.windows(2).any(|two| two[0].len() != two[1].len());
        let mut entries = held.iter().flatten().map(|held| held.entry.decode().expect("an entry that was kept"));
        differs && entries.any(|entry| self.ledger.cloned.contains(&entry.log.key))
    }

    fn unsettled(&self) -> String {
        let restless = (0..self.stations.len()).filter(|at| !self.is_at_rest(*at));
        let told = restless.map(|at| {
            let station = &self.stations[at];
            let wanted = missing(station, station.code).into_iter().map(|wanted| {
                let whole = self.stations.iter().filter(|other| !other.retired && other.has_whole(&wanted.id));
                let whole: Vec<_> = whole.map(|other| other.code.to_string()).collect();
                format!("{} of {}, whole at {whole:?}", wanted.id, wanted.case.number())
            });
            let wanted: Vec<_> = wanted.collect();
            let ends = station.running.iter().flat_map(|running| running.ends.values());
            let peers: Vec<_> =
                ends.map(|end| format!("{} in sync: {}", self.code(end.peer), end.session.in_sync())).collect();
            let (code, runs, healing) = (station.code, station.is_running(), station.healing);
            format!("{code} (runs: {runs}, heals: {healing}, lacks {wanted:?}, links {peers:?})")
        });
        told.collect::<Vec<_>>().join("; ")
    }

    fn carry_on(&mut self, happening: Happening) {
        match happening {
            Happening::Arrival { stream, at, sent_ms, bytes } => self.arrive(stream, at, sent_ms, &bytes),
            Happening::Freight { stream, at, bytes } => self.freight_arrives(stream, at, &bytes),
            Happening::Broken { stream, at } => self.end(stream, at),
            Happening::Loaded { stream, at, log, from, max_bytes } => {
                let (run, case_keys) = self.stations[at].load(&log, from, max_bytes);
                self.feed(at, stream, Event::Loaded { log, run, case_keys });
            }
            Happening::TakenOver => self.taken_over(),
            Happening::Unmasked if self.working => self.unmasked(),
            Happening::Unmasked => {}
            Happening::Commit { at, start } if self.stations[at].starts == start => self.commit(at),
            Happening::Dial { at, start } if self.stations[at].starts == start => self.dial(at),
            Happening::Commit { .. } | Happening::Dial { .. } => {}
            Happening::Enrol { at } => self.enrol(at),
            Happening::Person { at } if self.working => {
                self.person(at);
                let after = self.random.random_range(200..2000);
                self.agenda.put(after, Happening::Person { at });
            }
            Happening::Fault if self.working => self.fault(),
            Happening::Cut { line } if self.working => self.cut(line),
            Happening::Courier if self.working => self.courier(),
            Happening::Person { .. } | Happening::Fault | Happening::Cut { .. } | Happening::Courier => {}
            Happening::Carried { bundle, at } => self.carried(bundle, at),
            Happening::Tick { at } => {
                self.feed_all(at, |_| Event::Tick);
                self.fetch_all(at);
                self.agenda.put(TICK_MS, Happening::Tick { at });
            }
            Happening::Restored { line } => {
                self.note(format_args!("line {line} works"));
                (self.network.lines[line].up, self.network.lines[line].slowness) = (true, 1);
            }
            Happening::DiskWell { at } => self.stations[at].mend_disk(),
            Happening::Restarted { at } => self.restart(at),
        }
    }

    /// The hub founds the district: its own key, the files, the staff.
    fn found(&mut self) {
        self.stations[HUB].start();
        self.stations[HUB].enrolled = true;
        self.write_as_hub(HUB, Reach::Public, Kind::Station, District::get().enrolled(HUB, 0).encode_to_vec());
        for (path, text) in &District::get().files {
            let file = proto::PublishedFile { path: path.clone(), version: 1, content: text.clone().into_bytes() };
            self.write_as_hub(HUB, Reach::Public, Kind::File, file.encode_to_vec());
        }
        for record in &District::get().staff {
            let place = (0..STATIONS.len()).find(|at| self.code(*at).number() == record.place);
            self.write_as_hub(place.expect("a station"), Reach::Private, Kind::Staff, record.encode_to_vec());
        }
        self.commit_now(HUB);
    }

    pub(super) fn write_as_hub(&mut self, home: usize, reach: Reach, kind: Kind, body: Vec<u8>) {
        let (home, now_ms) = (self.code(home), self.stations[HUB].clock_ms(self.agenda.now_ms()));
        let running = self.stations[HUB].running.as_mut().expect("the hub runs");
        running.core.write(home, reach, "", kind as u32, body, now_ms).expect("the hub writes");
    }

    /// A station joins, or comes back with a new key: the hub certifies the key and hands it what is public.
    fn enrol(&mut self, at: usize) {
        if !self.stations[HUB].is_running() {
            return self.agenda.put(1000, Happening::Enrol { at });
        }
        let Station { place, life, code, .. } = self.stations[at];
        self.note(format_args!("{code} joins with key {life}"));
        self.write_as_hub(at, Reach::Public, Kind::Station, District::get().enrolled(place, life).encode_to_vec());
        self.commit_now(HUB);
        let have = self.stations[HUB].store.have();
        let public = have.heads().filter(|head| head.log.reach == Reach::Public && head.log.held_by(code));
        let read = |log: LogId| self.stations[HUB].store.read(&log, 1, usize::MAX).expect("a log can be read");
        let runs = public.filter_map(|head| read(head.log)).collect();
        self.stations[at].start();
        self.stations[at].enrolled = true;
        self.ledger.observe(at, &self.stations[at]);
        let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
        let running = self.stations[at].running.as_mut().expect("it runs");
        running.core.adopt(runs, &[], now_ms, &mut |bytes| self.random.fill_bytes(bytes)).expect("the runs hold");
        self.commit_now(at);
        self.dial_soon(at);
    }

    pub(super) fn restart(&mut self, at: usize) {
        let station = &mut self.stations[at];
        if station.is_running() || !station.enrolled || station.retired {
            return;
        }
        station.start();
        self.note(format_args!("{} starts again", self.code(at)));
        self.ledger.observe(at, &self.stations[at]);
        self.model.check_writer(at, &self.stations[at]);
        self.ledger.check_receipts(&self.stations[at]);
        self.check_all_cases(at);
        self.dial_soon(at);
    }

    /// Whatever a crash has left, each case is what the entries say.
    fn check_all_cases(&self, at: usize) {
        self.stations[at].cases().iter().for_each(|case| self.ledger.check_case(&self.stations[at], case));
    }

    /// The open group goes to the disk soon.
    pub(super) fn commit_soon(&mut self, at: usize) {
        let Station { starts: start, ref disk_ms, .. } = self.stations[at];
        let after = disk_ms.clone();
        let Some(running) = self.stations[at].running.as_mut() else { return };
        if !std::mem::replace(&mut running.commit_due, true) {
            let after = self.random.random_range(after);
            self.agenda.put(after, Happening::Commit { at, start });
        }
    }

    /// The disk takes the open group, unless power fails before it has.
    fn commit(&mut self, at: usize) {
        if self.working && self.random.random_bool(0.01) {
            // Two groups on their way to the disk, one after the other.
            for _ in 0..2 {
                let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
                if let Some(running) = self.stations[at].running.as_mut() {
                    running.core.commit(now_ms).expect("the store takes a commit");
                }
                self.person(at);
            }
            return self.crash(at);
        }
        self.commit_now(at);
    }

    pub(super) fn commit_now(&mut self, at: usize) {
        let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
        let Some(running) = self.stations[at].running.as_mut() else { return };
        running.commit_due = false;
        let waiting = std::mem::take(&mut running.waiting);
        let committed = running.core.commit(now_ms).expect("the store takes a commit");
        self.stations[at].store.make_durable();
        self.observe_commit(at, &committed);
        if self.working && !waiting.is_empty() && self.random.random_bool(0.005) && at != HUB {
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

    /// What must be true after every commit.
    pub(super) fn observe_commit(&mut self, at: usize, committed: &Committed) {
        if !committed.heads.is_empty() {
            self.ledger.observe(at, &self.stations[at]);
        }
        committed.cases.iter().for_each(|case| self.ledger.check_case(&self.stations[at], case));
    }

    pub(super) fn publish(&mut self, at: usize, committed: &Committed) {
        if !committed.heads.is_empty() {
            self.feed_all(at, |_| Event::Local { heads: committed.heads.clone() });
        }
        if committed.reference_changed {
            self.feed_all(at, |_| Event::DirectoryChanged);
            self.drop_revoked(at);
        }
        if !committed.receipts.is_empty() {
            self.feed_all(at, |_| Event::Receipts(committed.receipts.clone()));
        }
        if committed.attachments_changed {
            self.fetch_all(at);
        }
    }

    fn answer(&mut self, at: usize, waiting: Vec<Waiting>, receipts: &[Receipt]) {
        let station = self.code(at);
        for waiting in waiting {
            match waiting {
                Waiting::Person(deed) => self.model.acknowledge(at, deed, &self.stations[at]),
                Waiting::Peer { stream, batch, accepted, refused } => {
                    let own = |receipt: &&Receipt| receipt.station == station && accepted.contains(&receipt.head.log);
                    let receipts = receipts.iter().filter(own).cloned().collect();
                    self.feed(at, stream, Event::Stored { batch, receipts, refused });
                }
                Waiting::Aside { stream, batch } => self.feed(at, stream, Event::KeptAside { batch }),
            }
        }
    }
}
