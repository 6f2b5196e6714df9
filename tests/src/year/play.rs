//! The year, event by event: people come, act, wait; lines carry what was done or are dead.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use jiff::civil::{Date, Weekday};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sanji_domain::case::{Action, Case, Context, available, responsible};
use sanji_domain::organisation::LinkQuality;
use sanji_domain::{Item, ItemCode, Limit, StaffId, Unit};
use sanji_log::{CaseId, StationCode, Tier};
use sanji_proto::v1 as proto;

use super::act::{Deed, choose};
use super::district::District;
use super::people::People;
use super::{Made, Order, demand};
use crate::Error;
use crate::sample::{Resident, Sample};

/// What people do within so long is committed together, as on a busy day: 10 minutes.
const GROUP_MS: u64 = 600_000;
const MINUTE_MS: u64 = 60_000;
/// Offices open at half past eight and work so many minutes before and after noon.
pub(super) const OPENS_AT: u64 = 8 * 60 + 30;
const MORNING: u64 = 210;
const AFTERNOON: u64 = 210;
/// From the opening to the afternoon.
const NOON_BREAK: u64 = 120;
/// Share of concluded cases that are rated, by how content people are, from 5 down to 1.
const RATED: f64 = 0.3;
const CONTENT: [(u32, f64); 5] = [(5, 0.62), (4, 0.26), (3, 0.08), (2, 0.03), (1, 0.01)];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Somebody applies.
    Apply(StationCode, ItemCode),
    /// Somebody at a station looks at a case.
    Turn(StationCode, CaseId),
    /// The applicant says how it was.
    Rate(StationCode, CaseId),
}

/// A year that is being played.
pub struct Play {
    district: District,
    people: People,
    residents: Vec<Resident>,
    items: Vec<Item>,
    random: StdRng,
    from: Date,
    until: Date,
    usual: f64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    scheduled: u64,
    /// At which rev a case waits for somebody at a station.
    waiting: BTreeMap<(StationCode, CaseId), u32>,
    /// Stations that have staged something.
    dirty: BTreeSet<StationCode>,
    /// Until when a station's line is dead.
    dead: BTreeMap<StationCode, u64>,
    /// Stations whose line has something to carry.
    behind: BTreeSet<StationCode>,
    now_ms: u64,
    made: Made,
}

/// The moment of a minute on a day in China, in milliseconds since 1970-01-01 UTC.
#[must_use]
pub fn moment(day: Date, minute: u64) -> u64 {
    let midnight = day.to_datetime(jiff::civil::Time::midnight());
    let utc = jiff::tz::offset(8).to_timestamp(midnight).map_or(0, |at| at.as_millisecond());
    u64::try_from(utc).unwrap_or(0) + minute * MINUTE_MS
}

impl Play {
    /// Prepares a year of a district.
    ///
    /// # Errors
    /// Where the sample lacks residents, or the district its reference data.
    pub fn new(order: &Order, mut district: District) -> Result<Self, Error> {
        let residents = Sample::of(&order.sample)?.residents;
        let hub = district.hub;
        let reference = district.member(hub)?.core.reader().reference();
        let people = People::new(reference.all_staff().values().map(|entry| entry.staff.clone()), order.seed);
        let items: Vec<Item> = reference.catalogue().iter().map(|(_, item)| item.clone()).collect();
        let days = working_days(&reference, order.from, order.until);
        Ok(Self {
            district,
            people,
            residents,
            items,
            random: StdRng::seed_from_u64(order.seed),
            from: order.from,
            until: order.until,
            usual: f64::from(order.cases) / f64::from(days.max(1)),
            events: BinaryHeap::new(),
            scheduled: 0,
            waiting: BTreeMap::new(),
            dirty: BTreeSet::new(),
            dead: BTreeMap::new(),
            behind: BTreeSet::new(),
            now_ms: moment(order.from, 0),
            made: Made::default(),
        })
    }

    /// Plays it to its end.
    ///
    /// # Errors
    /// Where a station fails.
    pub fn run(mut self, tell: &mut dyn FnMut(Date, &Made)) -> Result<Made, Error> {
        let mut day = self.from;
        while day <= self.until {
            self.day(day)?;
            tell(day, &self.made);
            day = day.tomorrow().map_err(|_| Error::Sample("a day after the last".into()))?;
        }
        // At last every line works once more.
        self.dead.clear();
        let stations: Vec<_> = self.district.stations().collect();
        self.behind.extend(stations);
        for _ in 0..2 {
            self.settle(moment(self.until, 23 * 60 + 59))?;
        }
        self.made.entries = self.district.entries(self.district.hub)?;
        self.made.memory_bytes = crate::machine::peak_resident_kib(std::process::id()).unwrap_or(0) * 1024;
        Ok(self.made)
    }

    fn day(&mut self, day: Date) -> Result<(), Error> {
        self.lines(day)?;
        if self.is_working_day(day)? {
            for _ in 0..demand::on_day(day, self.usual, &mut self.random) {
                self.somebody_comes(day)?;
            }
        }
        let end = moment(day, 24 * 60);
        while let Some(Reverse((at, _, _))) = self.events.peek()
            && *at < end
        {
            let Some(Reverse((at, _, event))) = self.events.pop() else { break };
            if at >= self.now_ms + GROUP_MS {
                self.settle(at)?;
            }
            self.now_ms = self.now_ms.max(at);
            match event {
                Event::Apply(station, item) => self.apply(station, &item)?,
                Event::Turn(station, case) => self.turn(station, &case)?,
                Event::Rate(station, case) => self.rate(station, &case)?,
            }
        }
        self.settle(end - 1)
    }

    /// Which lines die today, and which medium is carried.
    fn lines(&mut self, day: Date) -> Result<(), Error> {
        let stations: Vec<_> = self.district.stations().filter(|station| station.tier() != Tier::District).collect();
        let reference = self.district.member(self.district.hub)?.core.reader().reference();
        for station in stations {
            let known = reference.organisation().and_then(|organisation| organisation.station(&station)?.link);
            let (dies, days) = match known {
                Some(LinkQuality::Carried) => (1.0, 5),
                Some(LinkQuality::WeakMobile) => (0.06, 4),
                Some(LinkQuality::Mobile) => (0.015, 2),
                _ => (0.002, 1),
            };
            let start = moment(day, 0);
            if self.dead.get(&station).is_none_or(|until| *until <= start) && self.random.random_bool(dies) {
                let days = self.random.random_range(1..=days);
                self.dead.insert(station, start + days * 24 * 60 * MINUTE_MS);
            }
            if self.dead.get(&station).is_some_and(|until| *until > start) {
                self.made.dead_line_days += 1;
            }
        }
        Ok(())
    }

    fn is_working_day(&mut self, day: Date) -> Result<bool, Error> {
        let reference = self.district.member(self.district.hub)?.core.reader().reference();
        let known = reference.calendar().is_working_day(day);
        Ok(known.unwrap_or(!matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)))
    }

    fn somebody_comes(&mut self, day: Date) -> Result<(), Error> {
        let tier = demand::tier(&mut self.random);
        let places: Vec<_> = self.district.stations().filter(|station| station.tier() == tier).collect();
        let at = self.random.random_range(0..places.len().max(1));
        let Some(station) = places.get(at).copied() else { return Ok(()) };
        if let Some(item) = demand::item(&self.items, day.month(), &mut self.random) {
            let at = moment(day, self.minute());
            self.schedule(at, Event::Apply(station, item));
        }
        Ok(())
    }

    /// A minute of the day at which offices are open.
    fn minute(&mut self) -> u64 {
        let worked = self.random.random_range(0..MORNING + AFTERNOON);
        OPENS_AT + worked + if worked < MORNING { 0 } else { NOON_BREAK }
    }

    fn schedule(&mut self, at_ms: u64, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((at_ms, self.scheduled, event)));
    }

    fn today(&self) -> Date {
        sanji_domain::calendar::local_date(i64::try_from(self.now_ms).unwrap_or(i64::MAX))
    }

    // ------------------------------------------------------------------------------------------------- events

    fn apply(&mut self, station: StationCode, item: &ItemCode) -> Result<(), Error> {
        let (now_ms, today) = (self.now_ms, self.today());
        let Some(person) = self.people.reception(station, today) else { return Ok(()) };
        let Some(item) = self.items.iter().find(|known| known.code == *item) else { return Ok(()) };
        let request = demand::application(item, station, &self.residents, today, &mut self.random);
        let mut random = StdRng::from_rng(&mut self.random);
        let core = &mut self.district.member(station)?.core;
        match core.submit(&person.id, request, now_ms, &mut |bytes| random.fill(bytes)) {
            Ok(_) => {
                self.made.cases += 1;
                self.dirty.insert(station);
            }
            Err(failure) => self.note_refused(&failure)?,
        }
        Ok(())
    }

    fn turn(&mut self, station: StationCode, id: &CaseId) -> Result<(), Error> {
        let now_ms = self.now_ms;
        let rev = self.waiting.remove(&(station, *id));
        let core = &self.district.member(station)?.core;
        let reader = core.reader().clone();
        let Some(case) = reader.case(id).map_err(year("read a case"))? else { return Ok(()) };
        if case.holder() != Some(station) || Some(case.rev()) != rev {
            return Ok(());
        }
        let reference = reader.reference();
        let Some(rules) = reference.rules() else { return Ok(()) };
        let Some(duty) = responsible(&case, &rules) else { return Ok(()) };
        let Ok(item) = rules.item_of(&case) else { return Ok(()) };
        let today = self.today();
        let mut candidates = self.people.candidates(&duty, today);
        if candidates.is_empty() {
            candidates = self.people.at(station).to_vec();
        }
        for person in candidates {
            let standing = reader.standing(&reference, &person, now_ms);
            let context = Context { now_ms, station, actor: &person, standing: &standing, reference: rules };
            let offered = available(&case, &context);
            let colleagues: Vec<StaffId> = self
                .people
                .at(station)
                .iter()
                .filter(|other| other.id != person.id)
                .take(1)
                .map(|other| other.id.clone())
                .collect();
            let Some(deed) = choose(&offered, &case, item, &colleagues, today, &mut self.random) else { continue };
            let number = id.number().to_string();
            let action = match deed {
                Deed::Ready(action) => action,
                Deed::WithPhotograph(action) => {
                    // What is staged must be readable first.
                    self.settle(now_ms)?;
                    let photograph = self.district.photograph(station, &person, &number, now_ms)?;
                    action(photograph.as_bytes().to_vec())
                }
            };
            return self.take(station, &person.id, number, action);
        }
        let stage = case.stage().map_or_else(String::new, ToString::to_string);
        *self.made.stuck.entry(format!("{} {stage}", item.code)).or_default() += 1;
        Ok(())
    }

    fn take(
        &mut self,
        station: StationCode,
        person: &StaffId,
        case_number: String,
        action: proto::act_request::Action,
    ) -> Result<(), Error> {
        let mut request = [0; 16];
        self.random.fill(&mut request);
        let name = name_of(&action);
        let message =
            proto::ActRequest { request: request.to_vec(), case_number, expected_rev: 0, action: Some(action) };
        let (now_ms, mut random) = (self.now_ms, StdRng::from_rng(&mut self.random));
        let core = &mut self.district.member(station)?.core;
        match core.act(person, message, now_ms, &mut |bytes| random.fill(bytes)) {
            Ok(_) => {
                self.dirty.insert(station);
                *self.made.actions.entry(name).or_default() += 1;
            }
            Err(failure) => self.note_refused(&failure)?,
        }
        Ok(())
    }

    fn rate(&mut self, station: StationCode, id: &CaseId) -> Result<(), Error> {
        let Some(person) = self.people.reception(station, self.today()) else { return Ok(()) };
        let mut lot = self.random.random::<f64>();
        let mut satisfaction = 5;
        for (level, share) in CONTENT {
            satisfaction = level;
            lot -= share;
            if lot < 0.0 {
                break;
            }
        }
        let rate = proto::Rate { satisfaction, words: String::new() };
        self.take(station, &person.id, id.number().to_string(), proto::act_request::Action::Rate(rate))
    }

    fn note_refused(&mut self, failure: &sanji_station::Failure) -> Result<(), Error> {
        match failure {
            sanji_station::Failure::Refused(refusal) => {
                *self.made.refused.entry(refusal.code.as_str().to_owned()).or_default() += 1;
                Ok(())
            }
            // Who sits at the window may not see every department's cases.
            sanji_station::Failure::NotFound => {
                *self.made.refused.entry("not_found".to_owned()).or_default() += 1;
                Ok(())
            }
            other => Err(Error::Lost(format!("a station failed: {other}"))),
        }
    }

    // --------------------------------------------------------------------------------------------- afterwards

    /// Commits what is staged, lets the lines carry it, and gives everybody what waits for them.
    fn settle(&mut self, now_ms: u64) -> Result<(), Error> {
        self.now_ms = self.now_ms.max(now_ms);
        let now_ms = self.now_ms;
        let mut changed: BTreeSet<(StationCode, CaseId)> = BTreeSet::new();
        for station in std::mem::take(&mut self.dirty) {
            let cases = self.district.commit(station, now_ms)?;
            changed.extend(cases.into_iter().map(|case| (station, case)));
            self.behind.insert(station);
        }
        // Up: villages first, then townships; then down again.
        let alive = |dead: &BTreeMap<StationCode, u64>, station: &StationCode| {
            dead.get(station).is_none_or(|until| *until <= now_ms)
        };
        let behind = std::mem::take(&mut self.behind);
        let (mut up, mut kept) = (BTreeSet::new(), BTreeSet::new());
        for station in behind {
            if station.tier() == Tier::District || alive(&self.dead, &station) {
                up.insert(station);
            } else {
                kept.insert(station);
            }
        }
        let mut lines: Vec<StationCode> =
            up.iter().copied().filter(|station| station.tier() != Tier::District).collect();
        lines.sort_by_key(|station| Reverse(station.tier()));
        let mut touched: BTreeSet<StationCode> = lines.iter().copied().collect();
        for station in lines {
            if let Some(above) = station.parent().filter(|above| above.tier() == Tier::Township) {
                touched.insert(above);
            }
            let carried = self.district.exchange(station, now_ms)?;
            changed.extend(carried);
        }
        // What came from above goes on down to the villages that it concerns.
        let concerned: BTreeSet<StationCode> = changed.iter().filter_map(|(_, case)| case.home()).collect();
        for home in concerned {
            for station in
                [home.parent().filter(|above| above.tier() == Tier::Township), Some(home)].into_iter().flatten()
            {
                if station.tier() == Tier::District {
                    continue;
                }
                if !alive(&self.dead, &station) {
                    kept.insert(station);
                    continue;
                }
                let carried = self.district.exchange(station, now_ms)?;
                changed.extend(carried);
            }
        }
        self.behind = kept;
        for (station, case) in changed {
            self.await_turn(station, &case)?;
        }
        Ok(())
    }

    /// Puts a case on the desk of its holder.
    fn await_turn(&mut self, station: StationCode, id: &CaseId) -> Result<(), Error> {
        let reader = self.district.member(station)?.core.reader().clone();
        let Some(case) = reader.case(id).map_err(year("read a case"))? else { return Ok(()) };
        if !case.is_open() && case.home() == Some(station) && case.rating().is_none() && case.stage().is_none() {
            if self.waiting.insert((station, *id), u32::MAX).is_none() && self.random.random_bool(RATED) {
                let days = self.random.random_range(1..6);
                let at = self.after_days(days)?;
                self.schedule(at, Event::Rate(station, *id));
            }
            return Ok(());
        }
        if case.holder() != Some(station) || case.stage().is_none() {
            return Ok(());
        }
        if self.waiting.insert((station, *id), case.rev()) == Some(case.rev()) {
            return Ok(());
        }
        let at = self.when(&case, &reader.reference())?;
        self.schedule(at, Event::Turn(station, *id));
        Ok(())
    }

    /// When somebody gets round to a case.
    fn when(&mut self, case: &Case, reference: &sanji_station::core::ReferenceData) -> Result<u64, Error> {
        if let Some(run) = case.publicity() {
            return self.after(run.until);
        }
        if let Some(correction) = case.correction() {
            let late = self.random.random_bool(0.08);
            let days = self.random.random_range(1..10);
            return if late { self.after(correction.until) } else { self.after_days(days) };
        }
        if case.suspension().is_some() {
            let days = self.random.random_range(2..12);
            return self.after_days(days);
        }
        let rules = reference.rules();
        let duty = rules.as_ref().and_then(|rules| responsible(case, rules));
        let item = rules.as_ref().and_then(|rules| rules.item_of(case).ok());
        let stage = item.zip(case.stage()).and_then(|(item, stage)| item.stage(stage));
        let person = duty.and_then(|duty| self.people.candidates(&duty, self.today()).into_iter().next());
        let days = match (stage, person) {
            (Some(stage), Some(person)) if stage.limit != Limit { days: 0, unit: Unit::OnTheSpot } => {
                self.people.days_taken(&person.id, stage.limit.days, &mut self.random)
            }
            _ => 0,
        };
        if days == 0 { Ok(self.now_ms + self.random.random_range(2..90) * MINUTE_MS) } else { self.after_days(days) }
    }

    /// A moment on a working day, so many working days from now.
    fn after_days(&mut self, days: u32) -> Result<u64, Error> {
        let mut day = self.today();
        let mut left = days;
        while left > 0 {
            day = day.tomorrow().unwrap_or(day);
            if self.is_working_day(day)? {
                left -= 1;
            }
        }
        self.on(day)
    }

    /// The day after a last day; where the calendar knows none, some day.
    fn after(&mut self, until: Option<Date>) -> Result<u64, Error> {
        match until.and_then(|until| until.tomorrow().ok()) {
            Some(day) => self.on(day),
            None => self.after_days(10),
        }
    }

    /// A moment on a day, or on the first working day after it.
    fn on(&mut self, day: Date) -> Result<u64, Error> {
        let mut day = day;
        while !self.is_working_day(day)? {
            day = day.tomorrow().map_err(|_| Error::Sample("a working day".into()))?;
        }
        Ok(moment(day, self.minute()).max(self.now_ms + MINUTE_MS))
    }
}

fn working_days(reference: &sanji_station::core::ReferenceData, from: Date, until: Date) -> u32 {
    reference.calendar().working_days_between(from, until).unwrap_or(1)
}

/// The name of an action, as the rules call it.
fn name_of(action: &proto::act_request::Action) -> String {
    let shown = format!("{action:?}");
    let variant = shown.split(['(', ' ', '{']).next().unwrap_or_default();
    let known = Action::ALL.iter().find(|known| format!("{known:?}") == variant);
    known.map_or_else(|| variant.to_owned(), |known| known.name().to_owned())
}

fn year<E: std::error::Error + Send + Sync + 'static>(operation: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::Year { operation, source: Box::new(source) }
}
