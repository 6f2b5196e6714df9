//! What becomes of whole stations: disks die, older copies come back under a new key, folders run twice, keys are
//! stolen, the hub takes cases from stations that are lost.

use std::sync::Arc;

use prost::Message as _;
use rand::seq::IndexedRandom;
use rand::{Rng, RngCore};
use sanji_domain::case::{ActorFacts, Body, Case, Step, StepEvent, codec};
use sanji_log::{EntryDraft, HybridTime, LogId, PublicKey, Reach, Run, Seal, StationCode};
use sanji_proto::v1::Kind;
use sanji_replication::VerifiedRun;
use sanji_store::Store;

use super::agenda::Happening;
use super::sample::{District, HUB, LIVES, STATIONS, parent, signing_key};
use super::station::Station;
use super::world::World;

impl World {
    pub(super) fn back_up(&mut self, at: usize) {
        if self.stations[at].enrolled && self.stations[at].place != HUB {
            self.stations[at].backup = Some(Arc::new(self.stations[at].store.copy_durable()));
            self.counters.backups += 1;
            self.note(format_args!("{} is backed up", self.code(at)));
        }
    }

    /// Whether a station may have one more life in the middle of a run; the last is kept for healing.
    pub(super) fn may_be_reborn(&self, at: usize) -> bool {
        let station = &self.stations[at];
        let original = at < STATIONS.len() && station.place != HUB;
        original && station.enrolled && !station.retired && station.life + 2 < LIVES
    }

    /// A disk dies. The station comes back from its backup where there is one, else with nothing.
    pub(super) fn disk_death(&mut self, at: usize) {
        // Who has no line has the most to lose.
        let at = self.without_line.filter(|_| self.random.random_bool(0.3)).unwrap_or(at);
        if !self.may_be_reborn(at) {
            return;
        }
        self.note(format_args!("the disk of {} dies", self.code(at)));
        self.lose_computer(at);
        match self.stations[at].backup.take() {
            Some(copy) => {
                self.stations[at].store = copy;
                self.counters.restores += 1;
            }
            None => self.counters.replacements += 1,
        }
        self.rebirth(at);
        self.model.note_losses(&self.stations);
    }

    /// All that was on a station's disk is gone.
    pub(super) fn lose_computer(&mut self, at: usize) {
        self.stop(at);
        self.stations[at].lose_disk();
        self.ledger.set_back.insert(self.code(at));
        self.ledger.forget(at);
    }

    /// A station will get a new key and go on with the disk that it has.
    pub(super) fn rebirth(&mut self, at: usize) {
        if self.stations[at].is_running() {
            self.stop(at);
        }
        let station = &mut self.stations[at];
        (station.life, station.enrolled, station.healing) = (station.life + 1, false, true);
        let after = self.random.random_range(500..8_000);
        self.agenda.put(after, Happening::Enrol { at });
    }

    /// A data folder is copied and started on a second machine.
    pub(super) fn clone_folder(&mut self, at: usize) {
        let once = self.stations.len() == STATIONS.len();
        if !once || !self.may_be_reborn(at) || !self.stations[at].is_running() || self.is_without_line(at) {
            return;
        }
        let twin = self.stations.len();
        self.note(format_args!("the folder of {} is copied and run as number {twin}", self.code(at)));
        self.counters.clones += 1;
        self.ledger.cloned.insert(self.stations[at].key());
        let station = self.stations[at].cloned();
        self.join(station);
        self.stations[twin].start();
        let place = self.stations[twin].place;
        for above in [parent(place), Some(HUB)].into_iter().flatten() {
            if self.network.line(twin, above).is_none() {
                self.network.lay(twin, above);
            }
        }
        self.ledger.observe(twin, &self.stations[twin]);
        self.dial_soon(twin);
    }

    /// A key falls into wrong hands and is revoked. The station goes on until it hears of it.
    pub(super) fn steal(&mut self, at: usize) {
        if !self.may_be_reborn(at) || !self.stations[HUB].is_running() {
            return;
        }
        let key = self.stations[at].key();
        if self.ledger.revoked.contains(&key) || self.ledger.cloned.contains(&key) {
            return;
        }
        self.counters.revocations += 1;
        self.revoke(at, key);
    }

    pub(super) fn revoke(&mut self, at: usize, key: PublicKey) {
        self.note(format_args!("a key of {} is revoked", self.code(at)));
        self.ledger.revoked.insert(key);
        self.write_as_hub(at, Reach::Public, Kind::Station, District::get().revoked(key).encode_to_vec());
        self.commit_now(HUB);
    }

    /// When everything is to work again: stations whose key ran twice or is revoked get another. Of two folders the
    /// first goes on; what only the other had stays on its disk.
    pub(super) fn settle_lives(&mut self) {
        for twin in STATIONS.len()..self.stations.len() {
            if self.stations[twin].is_running() {
                self.stop(twin);
            }
            self.stations[twin].retired = true;
        }
        self.model.note_losses(&self.stations);
        for at in 0..STATIONS.len() {
            let key = self.stations[at].key();
            if !self.stations[at].enrolled {
                continue;
            }
            if self.ledger.cloned.contains(&key) && !self.ledger.revoked.contains(&key) {
                self.revoke(at, key);
            }
            if self.ledger.revoked.contains(&key) {
                self.rebirth(at);
            }
        }
    }

    /// The hub takes a case from the station that holds it.
    pub(super) fn reclaim(&mut self) {
        if !self.stations[HUB].is_running() {
            return;
        }
        self.commit_now(HUB);
        let Some(case) = self.some_case(HUB, |case, hub| case.is_open() && case.holder() != Some(hub)) else { return };
        let Some(from) = case.holder() else { return };
        let step = Step {
            term: case.term() + 1,
            holder: self.code(HUB),
            documents: Vec::new(),
            event: StepEvent::Reclaimed { from },
            ..idle_step(&case, self.code(HUB))
        };
        self.counters.reclaims += 1;
        self.note(format_args!("the hub reclaims {} from {from}", case.id().number()));
        self.write_step(HUB, &case, step, false);
    }

    /// A station takes a step in a case that another holds, as a broken program might.
    pub(super) fn trespass(&mut self, at: usize) {
        if self.stations[at].is_running() && !self.stations[at].healing {
            self.commit_now(at);
            let Some(case) = self.some_case(at, |case, me| case.holder().is_some_and(|holder| holder != me)) else {
                return;
            };
            self.counters.trespasses += 1;
            self.note(format_args!("{} moves {} on without holding it", self.code(at), case.id().number()));
            let step = idle_step(&case, self.code(at));
            self.write_step(at, &case, step, true);
        }
    }

    fn some_case(&mut self, at: usize, fits: impl Fn(&Case, StationCode) -> bool) -> Option<Arc<Case>> {
        let (me, reader) = (self.code(at), self.stations[at].running.as_ref()?.core.reader().clone());
        let cases = self.stations[at].cases();
        (0..4).find_map(|_| reader.case(cases.choose(&mut self.random)?).ok()?.filter(|case| fits(case, me)))
    }

    /// Writes a step that no command can write.
    fn write_step(&mut self, at: usize, case: &Case, step: Step, is_trespass: bool) {
        let Some(home) = case.home() else { return };
        let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
        let signing = signing_key(self.stations[at].place, self.stations[at].life);
        let log = LogId { home, reach: Reach::Private, key: self.stations[at].key() };
        let extends = self.stations[at].store.have().get(&log);
        let (kind, body) = codec::encode(&Body::Step(step), None);
        let draft = EntryDraft {
            case: Some(case.id()),
            actor: String::new(),
            kind,
            body: body.into(),
            attachments: Vec::new(),
            opens_case: false,
        };
        let entry = draft.chain(log, extends, HybridTime::from_millis(now_ms));
        let (seq, hash) = (extends.map_or(1, |(seq, _)| seq + 1), entry.hash());
        let run = Run { log, entries: vec![entry], seal: Seal::sign(&signing, &log, seq, hash) };
        let entries = run.verify(extends).expect("a run that was just made");
        if is_trespass {
            self.ledger.trespasses.insert(hash);
        }
        let me = self.code(at);
        let Some(running) = self.stations[at].running.as_mut() else { return };
        let mut random = |bytes: &mut [u8]| self.random.fill_bytes(bytes);
        let received = running.core.receive(me, vec![VerifiedRun { extends, run, entries }], &[], now_ms, &mut random);
        received.expect("the core receives");
        self.commit_now(at);
    }

    /// A further folder of the district: its people and its timers.
    pub(super) fn join(&mut self, station: Station) {
        let at = self.stations.len();
        self.stations.push(station);
        self.last_asked.push(None);
        self.last_arrived.push((0, 0));
        self.agenda.put(500, Happening::Person { at });
        self.agenda.put(super::world::TICK_MS, Happening::Tick { at });
    }
}

/// A step after the last that changes nothing.
fn idle_step(case: &Case, actor: StationCode) -> Step {
    Step {
        rev: case.rev() + 1,
        term: case.term(),
        previous: case.last(),
        holder: case.holder().unwrap_or(actor),
        stage: case.stage().cloned(),
        request: None,
        actor: ActorFacts::default(),
        documents: Vec::new(),
        event: StepEvent::Resumed { outside_number: String::new() },
    }
}
