//! The log of a village through several lives of its machine, every order of writing, passing on, backing up, dying,
//! coming back and revoking. Entries are real ones, sealed with real keys; what is taken is for the product's own
//! [`verify`] and [`Directory`] to say.

use bytes::Bytes;
use sanji_log::seal::public_key;
use sanji_log::{EntryDraft, Hash, HybridTime, LogId, Reach, Run, Seal, SigningKey, StationCode};
use sanji_replication::Directory;
use sanji_replication::verify::{Ends, Verdict, verify};
use stateright::{Model, Property};

use super::{broken_by, explore};

const VILLAGE: usize = 0;
const TOWNSHIP: usize = 1;
const HUB: usize = 2;
const STATIONS: [&str; 3] = ["990106101203", "990106101000", "990106000000"];
/// Most lives of the village.
const LIVES: usize = 2;
/// Most entries of one life.
const ENTRIES_MAX: usize = 2;
/// Most entries that are ever written.
const WRITTEN_MAX: u8 = 3;

/// What a station holds: of each life of the village the contents of its entries.
type Disk = [Vec<u8>; LIVES];

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct District {
    disks: [Disk; 3],
    backup: Option<Disk>,
    life: usize,
    /// The village has come back and not yet heard what it had written.
    must_heal: bool,
    /// Counts what was ever written: each entry has a content of its own.
    written: u8,
    /// Lives that the hub believes no longer, with what it held of them then.
    revoked: [Option<usize>; LIVES],
    /// The village wrote while somebody above it held more of its entries than itself.
    wrote_blind: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Write,
    /// One station offers another all that it holds of one life.
    Offer {
        from: usize,
        to: usize,
        life: usize,
    },
    BackUp,
    /// The disk dies; the village comes back with its backup, or with nothing, under a new key.
    ComeBack {
        from_backup: bool,
    },
    /// The village has heard from those above it.
    Healed,
    /// The hub believes a life no longer; the township has not heard of it.
    Revoke {
        life: usize,
    },
}

/// A mistake in what stations do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// A restored station goes on under its old key.
    KeepKey,
    /// A restored station writes before it has heard from anybody.
    WriteBeforeHealing,
    /// The hub revokes a key and does not enter it in its directory.
    ForgetRevocation,
    /// The directory names a neighbour as the owner of the key.
    NameNeighbour,
}

struct Lives {
    mistake: Option<Mistake>,
}

fn station(at: usize) -> StationCode {
    STATIONS[at].parse().unwrap()
}

fn key(life: usize) -> SigningKey {
    SigningKey::from_bytes(&[1 + life as u8; 32])
}

fn log(life: usize) -> LogId {
    LogId { home: station(VILLAGE), reach: Reach::Private, key: public_key(&key(life)) }
}

/// A log of these contents as its writer would have sealed it.
fn run(life: usize, contents: &[u8]) -> Option<Run> {
    let log = log(life);
    let mut head: Option<(u64, Hash)> = None;
    let mut entries = Vec::new();
    for content in contents {
        let draft = EntryDraft {
            case: None,
            actor: String::new(),
            kind: 1,
            body: Bytes::copy_from_slice(&[*content]),
            attachments: Vec::new(),
            opens_case: false,
        };
        let entry = draft.chain(log, head, HybridTime::from_millis(1));
        head = Some((entries.len() as u64 + 1, entry.hash()));
        entries.push(entry);
    }
    let (seq, hash) = head?;
    Some(Run { log, entries, seal: Seal::sign(&key(life), &log, seq, hash) })
}

impl Lives {
    fn directory(&self, state: &District, at: usize) -> Directory {
        let mut directory = Directory::default();
        for life in 0..=state.life {
            let is_mistaken = self.mistake == Some(Mistake::NameNeighbour) && life > 0;
            let owner = if is_mistaken { "990106102200".parse().unwrap() } else { station(VILLAGE) };
            directory.insert(public_key(&key(life)), owner);
            let is_known = at == HUB && self.mistake != Some(Mistake::ForgetRevocation);
            if is_known && state.revoked[life].is_some() {
                directory.revoke(public_key(&key(life)));
            }
        }
        directory
    }

    /// What a station makes of an offer: its copy afterwards; none where nothing comes of it.
    fn take(&self, state: &District, from: usize, to: usize, life: usize) -> Option<Vec<u8>> {
        let (offered, held) = (&state.disks[from][life], &state.disks[to][life]);
        let tail = run(life, held).map(|run| (run.seal.seq, run.seal.hash));
        let ends = Ends { me: station(to), peer: station(from) };
        match verify(ends, &self.directory(state, to), false, run(life, offered)?, tail) {
            Verdict::Fresh(fresh) => {
                let contents = fresh.entries.iter().map(|entry| entry.body[0]);
                Some(held.iter().copied().chain(contents).collect())
            }
            Verdict::Held | Verdict::Refused(_) | Verdict::Aside(..) => None,
        }
    }

    fn may_write(&self, state: &District) -> bool {
        !state.must_heal || self.mistake == Some(Mistake::WriteBeforeHealing)
    }
}

/// Whether nobody holds more of the village's entries than itself. The township alone is not enough to ask: what
/// went straight to the hub while it was away, it lacks.
fn knows_all(state: &District) -> bool {
    let above = |life: usize| [TOWNSHIP, HUB].map(|at| state.disks[at][life].len());
    (0..LIVES).all(|life| above(life).iter().all(|held| state.disks[VILLAGE][life].len() >= *held))
}

impl Model for Lives {
    type State = District;
    type Action = Action;

    fn init_states(&self) -> Vec<District> {
        vec![District {
            disks: Default::default(),
            backup: None,
            life: 0,
            must_heal: false,
            written: 0,
            revoked: [None; LIVES],
            wrote_blind: false,
        }]
    }

    fn actions(&self, state: &District, actions: &mut Vec<Action>) {
        let own = &state.disks[VILLAGE][state.life];
        if self.may_write(state) && own.len() < ENTRIES_MAX && state.written < WRITTEN_MAX {
            actions.push(Action::Write);
        }
        for (from, to) in
            [(VILLAGE, TOWNSHIP), (TOWNSHIP, VILLAGE), (TOWNSHIP, HUB), (HUB, TOWNSHIP), (VILLAGE, HUB), (HUB, VILLAGE)]
        {
            let lives = (0..=state.life).filter(|life| !state.disks[from][*life].is_empty());
            actions.extend(lives.map(|life| Action::Offer { from, to, life }));
        }
        actions.push(Action::BackUp);
        if state.life + 1 < LIVES {
            actions.push(Action::ComeBack { from_backup: false });
            if state.backup.is_some() {
                actions.push(Action::ComeBack { from_backup: true });
            }
        }
        if state.must_heal && knows_all(state) {
            actions.push(Action::Healed);
        }
        if state.life == 1 && state.revoked[0].is_none() {
            actions.push(Action::Revoke { life: 0 });
        }
    }

    fn next_state(&self, last: &District, action: Action) -> Option<District> {
        let mut state = last.clone();
        match action {
            Action::Write => {
                state.wrote_blind |= !knows_all(last);
                state.written += 1;
                state.disks[VILLAGE][last.life].push(state.written);
            }
            Action::Offer { from, to, life } => state.disks[to][life] = self.take(last, from, to, life)?,
            Action::BackUp => state.backup = Some(last.disks[VILLAGE].clone()),
            Action::ComeBack { from_backup } => {
                let copy = if from_backup { last.backup.clone() } else { None };
                state.disks[VILLAGE] = copy.unwrap_or_default();
                state.life += usize::from(self.mistake != Some(Mistake::KeepKey));
                state.must_heal = true;
            }
            Action::Healed => state.must_heal = false,
            Action::Revoke { life } => state.revoked[life] = Some(last.disks[HUB][life].len()),
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no position of a log is written twice", |_, state: &District| {
                let copies = |life: usize| (0..3).map(move |at| &state.disks[at][life]);
                (0..LIVES).all(|life| copies(life).all(|one| copies(life).all(|other| agree(one, other))))
            }),
            Property::always("nobody writes before he has heard what he had written", |_, state: &District| {
                !state.wrote_blind
            }),
            Property::always("a revoked key brings nothing more to those who know", |_, state: &District| {
                (0..LIVES).all(|life| state.revoked[life].is_none_or(|held| state.disks[HUB][life].len() <= held))
            }),
            Property::always("what those above lack of a good life they can be given", |model, state: &District| {
                [(VILLAGE, TOWNSHIP), (TOWNSHIP, HUB)].into_iter().all(|(from, to)| {
                    let lacks = |life: &usize| state.disks[from][*life].len() > state.disks[to][*life].len();
                    let good = (0..=state.life).filter(|life| state.revoked[*life].is_none());
                    good.filter(lacks).all(|life| model.take(state, from, to, life).is_some())
                })
            }),
            Property::sometimes("a restored village gets its former entries back", |_, state: &District| {
                state.life > 0
                    && !state.must_heal
                    && !state.disks[VILLAGE][0].is_empty()
                    && state.backup.as_ref().is_none_or(|backup| backup[0].is_empty())
            }),
            Property::sometimes("the last words of a revoked key stay with the township", |_, state: &District| {
                state.revoked[0].is_some_and(|held| state.disks[TOWNSHIP][0].len() > held)
            }),
            Property::sometimes("both lives have written", |_, state: &District| {
                (0..LIVES).all(|life| !state.disks[HUB][life].is_empty())
            }),
        ]
    }
}

/// Whether one copy is the beginning of the other.
fn agree(one: &[u8], other: &[u8]) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other)
}

/// How many states there are within the bounds.
const STATES: usize = 1_478;

#[test]
fn a_station_that_comes_back_harms_nothing_in_every_order_of_events() {
    assert_eq!(explore(Lives { mistake: None }), STATES);
}

#[test]
fn a_mistake_about_lives_is_found() {
    for mistake in [Mistake::KeepKey, Mistake::WriteBeforeHealing, Mistake::ForgetRevocation, Mistake::NameNeighbour] {
        assert!(broken_by(Lives { mistake: Some(mistake) }).is_some(), "nothing is wrong with {mistake:?}");
    }
}
