//! What a day has to pass for, and what comes after an outside body was asked: everybody of the whole sample who works
//! at a station is asked, not only the people of the table. The stations have ended by then; each is opened again on a
//! clock of the test's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sanji_domain::case::{Action as Name, RefusalCode};
use sanji_log::{StationCode, Tier};
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_station::config::Program;
use sanji_station::folder::DataFolder;
use sanji_station::keys::Keys;
use sanji_station::run::{open_store, station_keys};
use sanji_station::{Actor, Failure, Station};
use serde::Deserialize;

use crate::content;
use crate::table::read;
use crate::world::{HUB, OTHERS, World, code, request};

const DAY_MS: u64 = 86_400_000;

/// A state that a case comes into when days have passed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Late {
    /// The way to it: of `states` where it begins while the stations run, else of [`road`].
    pub(crate) state: String,
    days: u64,
    pub(crate) action: String,
    why: String,
    who: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LateFile {
    late: Vec<Late>,
}

pub(crate) fn load() -> Vec<Late> {
    read::<LateFile>("late").late
}

/// A use of the road that the district alone decides on: who does what, up to a state.
fn road(state: &str) -> Vec<(&'static str, Action)> {
    let finish = |opinion: proto::Opinion, together: &[&str]| {
        let (words, together_with) = ("现场情况属实。".into(), together.iter().map(ToString::to_string).collect());
        Action::FinishStage(proto::FinishStage { opinion: opinion.into(), words, together_with, ..Default::default() })
    };
    let decide = Action::Decide(proto::Decide { approved: true, document_number: "9".into(), ..Default::default() });
    let police = |opinion| {
        vec![
            ("cg-04", Action::Accept(proto::Accept::default())),
            // Two go to the place together.
            ("cg-03", finish(proto::Opinion::Agree, &["cg-04"])),
            ("cg-03", finish(proto::Opinion::Agree, &[])),
            ("ga-03", finish(opinion, &[])),
        ]
    };
    let line = |code: &str| proto::FeeInput { code: code.into(), quantity: 1, ..Default::default() };
    match state {
        "road charged" => {
            let fee = Action::IssueFee(proto::IssueFee { lines: vec![line("cg-zyf")] });
            police(proto::Opinion::Agree).into_iter().chain([("cg-01", decide), ("cg-04", fee)]).collect()
        }
        "road sent up" => {
            let send = proto::SendUp { body: "市城市管理局".into(), sent_on: 0, outside_number: "W-9".into() };
            police(proto::Opinion::ReferUp).into_iter().chain([("cg-01", Action::SendUp(send))]).collect()
        }
        _ => panic!("nobody knows the way to {state}"),
    }
}

/// The stations on a later day.
struct Later {
    stations: BTreeMap<StationCode, Station>,
    clock: Arc<AtomicU64>,
}

impl Later {
    async fn open(world: &World) -> Self {
        let clock = Arc::new(AtomicU64::new(sanji_station::clock::now_ms()));
        let mut stations = BTreeMap::new();
        for station in world.district.plan.stations() {
            let data = DataFolder::new(world.district.data(station));
            let program = if station.tier() == Tier::District { Program::Hub } else { Program::Node };
            let keys = Keys::read(&data, "the test").unwrap();
            let (store, clock) = (open_store(&data).await.unwrap(), clock.clone());
            let now = Arc::new(move || clock.load(Ordering::Relaxed));
            let opened = Station::open_with_clock(store, station_keys(&keys), program, now).await.unwrap();
            stations.insert(station, opened);
        }
        Self { stations, clock }
    }

    /// What an action needs is read off the case as whoever takes it sees it.
    async fn act(&self, station: &Station, actor: &Actor, number: &str, action: Action) -> Result<(), Failure> {
        let (request, case_number) = (request(), number.to_owned());
        let act = proto::ActRequest { request, case_number, expected_rev: 0, action: Some(action) };
        station.act(actor, act).await.map(drop)
    }

    async fn view(&self, station: &Station, actor: &Actor, number: &str) -> Option<proto::CaseView> {
        station.case(actor, proto::GetRequest { case_number: number.to_owned(), unmasked: false }).await.ok()
    }

    /// A case that begins and stays at the hub.
    async fn on_the_road(&self, world: &World, state: &str) -> String {
        let hub = &self.stations[&code(HUB)];
        let actor = |id: &str| hub.actor(&id.parse().unwrap()).unwrap_or_else(|| panic!("{id} works at the hub"));
        let application = world.application("cg-zhanyong", crate::world::VILLAGE, OTHERS, false);
        let opened = hub.submit(&actor("sp-08"), application).await.unwrap().case_number;
        for (by, action) in road(state) {
            let told = format!("{by} on the way to {state}: {action:?}");
            self.act(hub, &actor(by), &opened, action).await.unwrap_or_else(|fault| panic!("{told}: {fault:?}"));
        }
        opened
    }
}

impl World {
    /// Cases of the states that begin while the stations run: one that everybody is asked about, one for each who may.
    pub(crate) async fn begin_late(&self, all: &[Late]) -> BTreeMap<String, Vec<String>> {
        let mut begun: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for late in all.iter().filter(|late| !late.state.starts_with("road")) {
            for _ in 0..=late.who.len() {
                let number = self.case_in(&late.state).await;
                begun.entry(late.state.clone()).or_default().push(number);
            }
        }
        self.in_sync().await;
        begun
    }

    /// Everybody at every station, days later. The stations have ended.
    pub(crate) async fn check_late(&self, all: &[Late], begun: &BTreeMap<String, Vec<String>>) -> Vec<String> {
        let later = Later::open(self).await;
        let mut cases = Vec::new();
        for late in all {
            let mut numbers = begun.get(&late.state).cloned().unwrap_or_default();
            while numbers.len() <= late.who.len() {
                numbers.push(later.on_the_road(self, &late.state).await);
            }
            cases.push((late, numbers));
        }
        let began = later.clock.load(Ordering::Relaxed);
        let mut faults = Vec::new();
        cases.sort_by_key(|(late, _)| late.days);
        for (late, mut numbers) in cases {
            later.clock.store(began + late.days * DAY_MS, Ordering::Relaxed);
            assert!(!late.why.is_empty(), "{}: say why", late.state);
            let looked_at = numbers.pop().unwrap();
            let asked = self.ask_everybody(&later, late, &looked_at).await;
            faults.extend(asked);
            for (id, number) in late.who.iter().zip(&numbers) {
                faults.extend(self.does_late(&later, late, id, number).await);
            }
        }
        for station in later.stations.into_values() {
            station.close().await;
        }
        faults
    }

    /// Whether the action is offered to those who may take it, and to nobody else, who is refused too.
    async fn ask_everybody(&self, later: &Later, late: &Late, number: &str) -> Vec<String> {
        let name = Name::ALL.iter().find(|name| name.name() == late.action).copied().unwrap();
        let mut faults = Vec::new();
        let mut found = BTreeSet::new();
        for (code, station) in &later.stations {
            for person in self.district.sample.staff.iter().filter(|person| person.place == code.to_string()) {
                let Some(actor) = station.actor(&person.id.parse().unwrap()) else { continue };
                let view = later.view(station, &actor, number).await;
                let offered = view.iter().flat_map(|view| &view.actions).any(|action| *action == late.action);
                let may = late.who.contains(&person.id);
                found.extend(may.then(|| person.id.clone()));
                if offered != may {
                    faults.push(format!("{}, {}: offered {}: {offered}", late.state, person.id, late.action));
                }
                let whole = content::action(name, &view.unwrap_or_default(), code.number());
                if !may && !is_refused(&later.act(station, &actor, number, whole).await) {
                    faults.push(format!("{}, {} tries {} and is not refused", late.state, person.id, late.action));
                }
            }
        }
        if found != late.who {
            faults.push(format!("{}: of {:?} only {found:?} work at a station", late.state, late.who));
        }
        faults
    }

    async fn does_late(&self, later: &Later, late: &Late, id: &str, number: &str) -> Option<String> {
        let name = Name::ALL.iter().find(|name| name.name() == late.action).copied().unwrap();
        let id = id.parse().unwrap();
        let found = later.stations.iter().find_map(|(code, station)| Some((code, station, station.actor(&id)?)));
        let (code, station, actor) = found?;
        let view = later.view(station, &actor, number).await.unwrap_or_default();
        let whole = content::action(name, &view, code.number());
        let done = later.act(station, &actor, number, whole).await;
        done.err().map(|fault| format!("{}, {id} does {}: {fault:?}", late.state, late.action))
    }
}

/// Whether an answer is a no: of a right, of a rule, or that there is no such case.
fn is_refused(done: &Result<(), Failure>) -> bool {
    match done {
        Err(Failure::Refused(refusal)) => refusal.code != RefusalCode::InvalidInput,
        Err(Failure::NotFound) => true,
        _ => false,
    }
}
