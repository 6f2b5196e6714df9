//! One case, three stations, every order of steps, reclaims and deliveries. What a station makes of the entries that
//! it holds is for the product's own [`Case`] to say.

use sanji_domain::case::{ActorFacts, Body, Case, CaseEntry, Channel, Step, StepEvent, Submitted};
use sanji_log::{CaseId, Hash, HybridTime, LogId, PublicKey, Reach, StationCode};
use stateright::{Model, Property};

use super::{broken_by, explore};

/// The village where the case was opened, its township, the hub.
const STATIONS: [&str; 3] = ["990106101203", "990106101000", "990106000000"];
/// Most steps that one station writes.
const STEPS_MAX: usize = 2;
/// Most reclaims.
const TERM_MAX: u32 = 1;

/// One step as the model keeps it: all of it that the rules look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Written {
    previous: Option<(usize, usize)>,
    rev: u32,
    term: u32,
    holder: usize,
    reclaimed_from: Option<usize>,
}

/// What each station has written, and how much of it each holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct District {
    logs: [Vec<Written>; 3],
    /// By holder and writer: how many of the writer's steps.
    held: [[usize; 3]; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// The holder takes a step and hands the case to a station, perhaps to itself.
    Step { at: usize, to: usize },
    /// A station takes the case from one below it.
    Reclaim { at: usize },
    /// The next of a writer's steps goes from one station to another.
    Carry { from: usize, to: usize, writer: usize },
}

/// A mistake in what stations do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// Whoever holds a copy takes steps.
    StepWithoutHolding,
    /// A reclaim does not raise the term.
    ReclaimWithoutTerm,
    /// Who has handed the case on forgets that he has.
    ForgetHandingOn,
    /// A village takes the case from its township.
    ReclaimFromAbove,
}

struct Cases {
    mistake: Option<Mistake>,
}

fn station(at: usize) -> StationCode {
    STATIONS[at].parse().unwrap()
}

fn id() -> CaseId {
    CaseId::new(station(0), 9678, 1, [0; 7]).unwrap()
}

/// The name of an entry; any will do that differs, and it decides between two reclaims of the same term.
fn hash(writer: usize, index: usize) -> Hash {
    Hash([1 + (writer * 16 + index) as u8; 32])
}

fn entry(district: &District, writer: usize, index: usize) -> CaseEntry {
    let Written { previous, rev, term, holder, reclaimed_from } = district.logs[writer][index];
    let event = match reclaimed_from {
        Some(from) => StepEvent::Reclaimed { from: station(from) },
        None if rev == 1 => StepEvent::Submitted(Submitted {
            item: "mz-dibao".parse().unwrap(),
            item_version: 1,
            channel: Channel::Village,
            village: None,
            materials: Vec::new(),
            mandate: None,
            variant: 0,
            urgent: false,
            preliminary: false,
        }),
        None => StepEvent::Resumed { outside_number: String::new() },
    };
    let step = Step {
        rev,
        term,
        previous: previous.map(|(writer, index)| hash(writer, index)),
        holder: station(holder),
        stage: None,
        request: None,
        actor: ActorFacts::default(),
        documents: Vec::new(),
        event,
    };
    CaseEntry {
        hash: hash(writer, index),
        log: LogId { home: station(0), reach: Reach::Private, key: PublicKey([writer as u8; 32]) },
        seq: index as u64 + 1,
        writer: station(writer),
        time: HybridTime::from_millis(1),
        actor: String::new(),
        body: Body::Step(step),
    }
}

impl District {
    fn entries(&self, at: usize) -> Vec<CaseEntry> {
        let of = |writer| (0..self.held[at][writer]).map(move |index| (writer, index));
        (0..3).flat_map(of).map(|(writer, index)| entry(self, writer, index)).collect()
    }

    fn case(&self, at: usize) -> Case {
        fold(self.entries(at).iter())
    }

    fn write(&mut self, at: usize, written: Written) {
        self.logs[at].push(written);
        self.held[at][at] += 1;
    }

    /// A step after the last that counts at a station.
    fn next(&self, case: &Case, holder: usize) -> Option<Written> {
        let last = case.last()?;
        let places = (0..3).flat_map(|writer| (0..self.logs[writer].len()).map(move |index| (writer, index)));
        let previous = places.into_iter().find(|(writer, index)| hash(*writer, *index) == last);
        Some(Written { previous, rev: case.rev() + 1, term: case.term(), holder, reclaimed_from: None })
    }
}

fn fold<'a>(entries: impl Iterator<Item = &'a CaseEntry>) -> Case {
    let mut case = Case::new(id());
    entries.for_each(|entry| case.apply(entry));
    case
}

fn holder_of(case: &Case) -> Option<usize> {
    (0..3).find(|at| case.holder() == Some(station(*at)))
}

impl Model for Cases {
    type State = District;
    type Action = Action;

    fn init_states(&self) -> Vec<District> {
        let opening = Written { previous: None, rev: 1, term: 0, holder: 0, reclaimed_from: None };
        let mut district = District { logs: Default::default(), held: Default::default() };
        district.write(0, opening);
        vec![district]
    }

    fn actions(&self, state: &District, actions: &mut Vec<Action>) {
        for at in 0..3 {
            let holder = holder_of(&state.case(at));
            let has_room = state.logs[at].len() < STEPS_MAX;
            let may_step =
                holder == Some(at) || (self.mistake == Some(Mistake::StepWithoutHolding) && holder.is_some());
            let forgets =
                self.mistake == Some(Mistake::ForgetHandingOn) && state.logs[at].len() == 1 && holder.is_some();
            if has_room && (may_step || forgets) {
                actions.extend((0..3).map(|to| Action::Step { at, to }));
            }
            let below = holder.is_some_and(|holder| holder < at);
            let above = self.mistake == Some(Mistake::ReclaimFromAbove) && holder.is_some_and(|holder| holder > at);
            if has_room && (below || above) && state.case(at).term() < TERM_MAX {
                actions.push(Action::Reclaim { at });
            }
            for (to, writer) in (0..3).flat_map(|to| (0..3).map(move |writer| (to, writer))) {
                if state.held[at][writer] > state.held[to][writer] {
                    actions.push(Action::Carry { from: at, to, writer });
                }
            }
        }
    }

    fn next_state(&self, last: &District, action: Action) -> Option<District> {
        let mut state = last.clone();
        match action {
            Action::Carry { to, writer, .. } => state.held[to][writer] += 1,
            Action::Step { at, to } => {
                let case = match self.mistake {
                    // As if the last of its own steps had never been.
                    Some(Mistake::ForgetHandingOn) => fold(last.entries(at).iter().filter(|entry| {
                        entry.writer != station(at) || entry.seq < last.logs[at].len() as u64 || entry.seq == 1
                    })),
                    _ => last.case(at),
                };
                let written = last.next(&case, to)?;
                state.write(at, written);
            }
            Action::Reclaim { at } => {
                let case = last.case(at);
                let raise = u32::from(self.mistake != Some(Mistake::ReclaimWithoutTerm));
                let written = last.next(&case, at)?;
                let reclaimed_from = holder_of(&case);
                state.write(at, Written { term: written.term + raise, reclaimed_from, ..written });
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one station at a time moves the case on", |_, state: &District| {
                let steps: Vec<&Written> =
                    state.logs.iter().flatten().filter(|step| step.reclaimed_from.is_none()).collect();
                steps.iter().enumerate().all(|(index, step)| {
                    steps[..index].iter().all(|other| (other.previous, other.term) != (step.previous, step.term))
                })
            }),
            Property::always("a step of an older term never counts beside a reclaim", |_, state: &District| {
                (0..3).all(|at| {
                    let (case, entries) = (state.case(at), state.entries(at));
                    let counts: Vec<&Step> = case.steps().map(|step| &step.body).collect();
                    let reclaims = entries.iter().filter_map(|entry| match &entry.body {
                        Body::Step(step) if matches!(step.event, StepEvent::Reclaimed { .. }) => Some(step),
                        _ => None,
                    });
                    let terms_rise = counts.windows(2).all(|two| two[0].term <= two[1].term);
                    let beside = |reclaim: &Step| {
                        counts.iter().all(|step| step.previous != reclaim.previous || step.term >= reclaim.term)
                    };
                    terms_rise && reclaims.into_iter().all(beside)
                })
            }),
            Property::always("what honest stations write is never turned down", |_, state: &District| {
                (0..3).all(|at| state.case(at).rejected().next().is_none())
            }),
            Property::always("the order of arrival does not matter", |_, state: &District| {
                (0..3).all(|at| fold(state.entries(at).iter().rev()) == state.case(at))
            }),
            Property::always("who holds all agrees, and nothing waits", |_, state: &District| {
                let all = [state.logs[0].len(), state.logs[1].len(), state.logs[2].len()];
                let whole: Vec<Case> = (0..3).filter(|at| state.held[*at] == all).map(|at| state.case(at)).collect();
                whole
                    .iter()
                    .all(|case| case.waiting().next().is_none() && holder_of(case).is_some() && *case == whole[0])
            }),
            Property::sometimes("a late step is superseded", |_, state: &District| {
                (0..3).any(|at| state.case(at).superseded().next().is_some())
            }),
            Property::sometimes("two stations reclaim at once", |_, state: &District| {
                state.logs.iter().flatten().filter(|step| step.reclaimed_from.is_some()).count() > 1
            }),
            Property::sometimes("the case goes up and comes back", |_, state: &District| {
                (0..3).all(|writer| !state.logs[writer].is_empty())
                    && holder_of(&state.case(0)) == Some(0)
                    && state.case(0).rev() >= 3
            }),
        ]
    }
}

#[test]
fn a_case_has_one_holder_in_every_order_of_events() {
    assert_eq!(explore(Cases { mistake: None }), STATES);
}

/// How many states there are within the bounds.
const STATES: usize = 41_179;

#[test]
fn a_mistake_about_the_holder_is_found() {
    for mistake in
        [Mistake::StepWithoutHolding, Mistake::ReclaimWithoutTerm, Mistake::ForgetHandingOn, Mistake::ReclaimFromAbove]
    {
        assert!(broken_by(Cases { mistake: Some(mistake) }).is_some(), "nothing is wrong with {mistake:?}");
    }
}
