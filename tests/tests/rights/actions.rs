//! Every action on cases and matters in every state, for everybody: what is offered is what the table says, what is
//! offered can be done, and whatever else is tried is refused and leaves no trace.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sanji_domain::case::Action as Name;
use sanji_domain::matter::MatterAction;
use sanji_proto::v1 as proto;
use serde::Deserialize;
use tonic::{Code, Status};

use crate::content;
use crate::table::{Entry, Table, read};
use crate::world::{Person, World};

/// How long it may take on a healthy line until everybody sees the same.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatesFile {
    groups: BTreeMap<String, Vec<String>>,
    state: Vec<RawState>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawState {
    name: String,
    why: String,
    #[serde(default = "yes")]
    open: bool,
    #[serde(default)]
    full: Vec<String>,
    #[serde(default)]
    watch: Vec<String>,
    #[serde(default)]
    nothing: Vec<String>,
    also: Vec<Also>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Also {
    who: Vec<String>,
    may: Vec<String>,
}

fn yes() -> bool {
    true
}

/// What everybody may do in a state. People who are not in it do not see the case or matter.
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) may: BTreeMap<String, BTreeSet<String>>,
}

/// The states of one of the two tables.
pub(crate) struct States {
    pub(crate) states: Vec<State>,
}

impl States {
    pub(crate) fn of_cases(table: &mut Table) -> Self {
        Self::load(table, "actions")
    }

    pub(crate) fn of_matters(table: &mut Table) -> Self {
        Self::load(table, "matter_actions")
    }

    fn load(table: &mut Table, file: &str) -> Self {
        let StatesFile { groups, state } = read(file);
        table.add_groups(groups);
        let states = state.into_iter().map(|raw| State::new(table, raw)).collect();
        Self { states }
    }

    /// Every action that somebody may take in some state; others are only taken later.
    pub(crate) fn taken(&self) -> BTreeSet<&str> {
        self.states.iter().flat_map(|state| state.may.values().flatten()).map(String::as_str).collect()
    }
}

impl State {
    /// How many cases everybody needs to take every step of their own.
    pub(crate) fn cases(&self) -> usize {
        let own = |action: &&Name| !is_beside(**action);
        let steps =
            |may: &BTreeSet<String>| Name::ALL.iter().filter(own).filter(|action| may.contains(action.name())).count();
        1 + self.may.values().map(steps).sum::<usize>()
    }

    fn new(table: &Table, raw: RawState) -> Self {
        assert!(!raw.why.is_empty(), "{}: say why", raw.name);
        let mut may: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let urged = |actions: &mut BTreeSet<String>| {
            if raw.open {
                actions.insert("remind".into());
            }
        };
        for person in table.people_of(&raw.full) {
            let actions = may.entry(person).or_default();
            actions.insert("add_note".into());
            urged(actions);
        }
        for person in table.people_of(&raw.watch) {
            let supervises = table.people[&person].role == "监察";
            let actions = may.entry(person).or_default();
            urged(actions);
            if supervises && raw.open {
                actions.insert("issue_order".into());
            }
        }
        for also in &raw.also {
            for person in table.people_of(&also.who) {
                may.entry(person).or_default().extend(also.may.iter().cloned());
            }
        }
        for person in table.people_of(&raw.nothing) {
            may.insert(person, BTreeSet::new());
        }
        Self { name: raw.name, may }
    }
}

/// Everybody who has a good token of their own.
fn staff(table: &Table) -> impl Iterator<Item = (&String, &Entry)> {
    table.people.iter().filter(|(_, entry)| !entry.is_tokenless() && !entry.keeper)
}

/// How many entries each station holds.
async fn held(world: &World) -> Vec<u64> {
    let mut held = Vec::new();
    for keeper in ["d.keeper", "t.keeper", "v.keeper"] {
        let checkpoint = world.person(keeper).ask("Keeper.Checkpoint", &proto::CheckpointRequest {}).await;
        held.push(checkpoint.map(|reply: proto::CheckpointReply| reply.entries).unwrap());
    }
    held
}

/// Whether an answer is a no: of a right, of a rule, or that there is no such case. What was asked for is whole, so that
/// nothing is missing in it but what nobody could put in.
fn is_refused<T>(answer: &Result<T, Status>, sees: bool) -> bool {
    let code = answer.as_ref().err().map(Status::code);
    match sees {
        true => {
            matches!(code, Some(Code::PermissionDenied | Code::FailedPrecondition | Code::InvalidArgument))
        }
        false => code == Some(Code::NotFound),
    }
}

impl World {
    /// Checks every action in a state of a case.
    pub(crate) async fn check_case(&self, table: &Table, state: &State) -> Vec<String> {
        let number = self.case_in(&state.name).await;
        let arrived = self.arrived(state, async |person| {
            let view = person.view(&number).await.ok()?;
            Some((view.rev, view.steps.len()))
        });
        let mut faults: Vec<String> = arrived.await.into_iter().collect();
        let before = held(self).await;
        let anybodys: BTreeSet<&str> = state.may.values().flatten().map(String::as_str).collect();
        for (name, entry) in staff(table) {
            let person = self.person(name);
            let view = person.view(&number).await;
            let sees = state.may.contains_key(name);
            if view.is_ok() != sees {
                faults.push(format!("{}, {name}: sees it: {}, should: {sees}", state.name, view.is_ok()));
            }
            let view = view.unwrap_or_default();
            let nothing = BTreeSet::new();
            let may = state.may.get(name).unwrap_or(&nothing);
            faults.extend(compare(state, name, &view.actions, may));
            // Whoever does not see the case is answered before the action is looked at: what others can do is enough.
            let tried = |action: &&Name| !may.contains(action.name()) && (sees || anybodys.contains(action.name()));
            for action in Name::ALL.iter().filter(tried) {
                let here = crate::world::code(&entry.station).number();
                let answer = person.act(&number, content::action(*action, &view, here)).await;
                if !is_refused(&answer, sees) {
                    faults.push(format!("{}, {name} tries {}: {answer:?}", state.name, action.name()));
                }
            }
        }
        let after = held(self).await;
        if before != after {
            faults.push(format!("{}: what was refused has left a trace: {before:?}, {after:?}", state.name));
        }
        faults.extend(self.do_beside(state, &number).await);
        faults
    }

    /// What is said beside the route is said on the same case; the first who does so succeeds, and nobody is refused for
    /// a right.
    async fn do_beside(&self, state: &State, number: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let mut done = BTreeSet::new();
        for (name, may) in &state.may {
            let person = self.person(name);
            for action in Name::ALL.iter().filter(|action| is_beside(**action) && may.contains(action.name())) {
                let view = person.view(number).await.unwrap_or_default();
                let here = crate::world::code(&person.entry.station).number();
                let answer = person.act(number, content::action(*action, &view, here)).await;
                let first = done.insert(*action);
                let refused = matches!(&answer, Err(status) if status.code() == Code::PermissionDenied);
                if refused || (first && answer.is_err()) {
                    faults.push(format!("{}, {name} does {}: {answer:?}", state.name, action.name()));
                }
            }
        }
        faults
    }

    /// Whatever else somebody may do is done, on a case of its own.
    pub(crate) async fn do_steps(&self, state: &State) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, may) in &state.may {
            for action in Name::ALL.iter().filter(|action| !is_beside(**action) && may.contains(action.name())) {
                let number = self.case_in(&state.name).await;
                let person = self.person(name);
                let offered = async || {
                    let view = person.view(&number).await.ok()?;
                    view.actions.iter().any(|offered| offered == action.name()).then_some(view)
                };
                let what = format!("{} offered to {name} in {}", action.name(), state.name);
                let Ok(view) = sanji_tests::story::until(&what, Duration::from_secs(6), offered).await else {
                    faults.push(format!("not {what}"));
                    continue;
                };
                let here = crate::world::code(&person.entry.station).number();
                let whole = content::action(*action, &view, here);
                let answer = person.act(&number, self.complete(name, &number, &view, whole).await).await;
                if let Err(status) = answer {
                    faults.push(format!("{}, {name} does {}: {status}", state.name, action.name()));
                }
            }
        }
        faults
    }

    /// Checks every action in a state of a matter.
    pub(crate) async fn check_matter(&self, table: &Table, state: &State) -> Vec<String> {
        let number = self.matter_in(&state.name).await;
        let arrived = self.arrived(state, async |person| {
            let view = person.matter(&number).await.ok()?;
            Some((view.rev, view.steps.len()))
        });
        let mut faults: Vec<String> = arrived.await.into_iter().collect();
        let before = held(self).await;
        for (name, _) in staff(table) {
            let person = self.person(name);
            let view = person.matter(&number).await;
            let sees = view.is_ok();
            let nothing = BTreeSet::new();
            let may = state.may.get(name).unwrap_or(&nothing);
            let offered = view.map(|view| view.actions).unwrap_or_default();
            faults.extend(compare(state, name, &offered, may));
            for action in MatterAction::ALL.iter().filter(|action| !may.contains(action.name())) {
                let answer = person.act_matter(&number, content::matter_action(*action)).await;
                if !is_refused(&answer, sees) {
                    faults.push(format!("{}, {name} tries {}: {answer:?}", state.name, action.name()));
                }
            }
        }
        let after = held(self).await;
        if before != after {
            faults.push(format!("{}: what was refused has left a trace: {before:?}, {after:?}", state.name));
        }
        for (name, may) in &state.may {
            for action in MatterAction::ALL.iter().filter(|action| may.contains(action.name())) {
                let number = self.matter_in(&state.name).await;
                let person = self.person(name);
                let offered = async || {
                    let view = person.matter(&number).await.ok()?;
                    view.actions.iter().any(|offered| offered == action.name()).then_some(())
                };
                self.wait(&format!("{} offered to {name} in {}", action.name(), state.name), offered).await;
                let answer = person.act_matter(&number, content::matter_action(*action)).await;
                // A survey runs to the end of its last day, so that its result waits for another day.
                let waits = matches!(&answer, Err(status) if status.code() == Code::FailedPrecondition)
                    && *action == MatterAction::CloseSurvey;
                if let Err(status) = answer
                    && !waits
                {
                    faults.push(format!("{}, {name} does {}: {status}", state.name, action.name()));
                }
            }
        }
        faults
    }

    /// Waits until everybody who sees a thing sees the same of it. Where they don't, what each sees tells more.
    async fn arrived<T: Ord>(&self, state: &State, look: impl AsyncFn(&Person) -> Option<T>) -> Option<String> {
        let what = format!("{} the same for everybody", state.name);
        let same = sanji_tests::story::until(&what, ARRIVES_WITHIN, async || {
            let mut seen = BTreeSet::new();
            for name in state.may.keys() {
                seen.insert(look(self.person(name)).await?);
            }
            (seen.len() == 1).then_some(())
        });
        same.await.err().map(|fault| fault.to_string())
    }
}

/// Whether an action can be taken by one after the other on the same case.
fn is_beside(action: Name) -> bool {
    matches!(
        action,
        Name::Remind
            | Name::AddNote
            | Name::SetMark
            | Name::FollowUp
            | Name::SignForCopy
            | Name::RecordVisit
            | Name::FinishDuty
            | Name::IssueOrder
            | Name::VoidDocument
            | Name::CheckSuperseded
    )
}

/// What is offered against what may be done.
fn compare(state: &State, name: &str, offered: &[String], may: &BTreeSet<String>) -> Option<String> {
    let offered: BTreeSet<String> = offered.iter().cloned().collect();
    let too_much: Vec<_> = offered.difference(may).collect();
    let too_little: Vec<_> = may.difference(&offered).collect();
    let same = too_much.is_empty() && too_little.is_empty();
    (!same).then(|| format!("{}, {name}: is offered {too_much:?} too much, lacks {too_little:?}", state.name))
}
