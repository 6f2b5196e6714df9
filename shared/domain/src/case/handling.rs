//! What may be done with a case now, and by whom: the checks before any rule of a single action.

use jiff::civil::Date;
use sanji_log::{RequestId, StationCode};

use super::body::{ActorFacts, Body, Side, SideEvent};
use super::clock::{CaseClock, case_clock};
use super::command::{Action, Draft, StoredAttachment};
use super::context::Context;
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::route::{Duty, Route};
use super::sight::{Sight, may_see};
use super::state::Case;
use super::supervised;
use super::turn::Turn;
use super::{extend, reclaim, superseded};
use crate::catalogue::Item;
use crate::organisation::{Role, Seat};

pub(super) const ART_32: &str = "《行政许可法》第三十二条";

/// A case on somebody's desk, with its item.
pub(super) struct Handling<'a> {
    pub(super) case: &'a Case,
    pub(super) request: Option<RequestId>,
    pub(super) context: &'a Context<'a>,
    pub(super) item: &'a Item,
    pub(super) route: Route<'a>,
    pub(super) today: Date,
}

impl<'a> Handling<'a> {
    pub(super) fn open(case: &'a Case, request: Option<RequestId>, context: &'a Context<'a>) -> Result<Self, Refusal> {
        let item = context.reference.item_of(case)?;
        let home = case.home().ok_or_else(not_here_yet)?;
        let route = Route { item, home, organisation: context.reference.organisation };
        Ok(Self { case, request, context, item, route, today: context.today() })
    }

    /// The actions that the actor may take now, in the order in which a desk offers them.
    pub(super) fn actions(&self) -> Vec<Action> {
        let (turn, sight, receives) = (self.my_turn(), self.sight(), self.receives());
        let permits = |action: &&Action| match action.is_step() {
            true if reclaim::concerns(**action) => reclaim::fits(self, **action).is_ok(),
            true => turn.as_ref().is_ok_and(|turn| turn.fits(**action).is_ok()),
            false => self.aside(**action, sight, receives).is_ok(),
        };
        Action::ALL.iter().filter(permits).copied().collect()
    }

    /// Whether it is the actor's turn to take some step.
    pub(super) fn is_todo(&self) -> bool {
        let steps = || Action::ALL.iter().filter(|action| action.is_step());
        self.my_turn().is_ok_and(|turn| steps().any(|action| turn.fits(*action).is_ok()))
    }

    /// Whether the actor may say something beside the route.
    pub(super) fn permits_aside(&self, action: Action) -> Result<(), Refusal> {
        self.aside(action, self.sight(), self.receives())
    }

    /// The clock of the case today.
    pub(super) fn clock(&self) -> CaseClock {
        let reference = &self.context.reference;
        case_clock(self.case, self.item, reference.calendar, reference.defaults, self.today)
    }

    fn sight(&self) -> Sight {
        may_see(self.case, self.context)
    }

    /// Whether the actor is one of those who took the application in.
    fn receives(&self) -> bool {
        self.context.station == self.route.home && self.route.receives(self.context.actor)
    }

    fn aside(&self, action: Action, sight: Sight, receives: bool) -> Result<(), Refusal> {
        if action.is_supervision() {
            let offered = supervised::is_offered(self.case, action, self.context);
            return if offered { Ok(()) } else { Err(not_entitled()) };
        }
        let allowed = match action {
            Action::Remind => sight != Sight::None,
            Action::AddNote => sight == Sight::Full,
            Action::Extend => return extend::fits(self).map(|_| ()),
            Action::CheckSuperseded => return superseded::fits(self, sight),
            _ => receives,
        };
        if !allowed {
            return Err(not_entitled());
        }
        match action {
            Action::Remind | Action::RequestWithdrawal if !self.case.is_open() => Err(ended()),
            Action::RequestWithdrawal if self.case.outcome().is_some() => Err(decided()),
            Action::RequestWithdrawal if self.case.withdrawal_requested() => {
                Err(Refusal::new(RefusalCode::AlreadyDone, "已经申请撤回，请等待办理站点确认。"))
            }
            Action::Rate if self.case.is_open() => {
                Err(Refusal::new(RefusalCode::WrongStage, "办件办结送达后才能评价。"))
            }
            Action::Rate if self.case.rating().is_some() => {
                Err(Refusal::new(RefusalCode::AlreadyDone, "该办件已经评价过了。"))
            }
            _ => Ok(()),
        }
    }

    /// The actor's turn to take this step.
    pub(super) fn turn(&'a self, action: Action) -> Result<Turn<'a>, Refusal> {
        let turn = self.my_turn()?;
        turn.fits(action)?;
        Ok(turn)
    }

    /// The actor's turn: the case is here, and its stage is theirs.
    fn my_turn(&'a self) -> Result<Turn<'a>, Refusal> {
        let turn = self.turn_here()?;
        if self.performs(&turn.duty) { Ok(turn) } else { Err(turn.not_yours()) }
    }

    /// The turn of whoever may act: the case is here.
    pub(super) fn turn_here(&'a self) -> Result<Turn<'a>, Refusal> {
        let (Some(holder), Some(last)) = (self.case.holder(), self.case.last()) else { return Err(not_here_yet()) };
        let stage = self.case.stage().ok_or_else(ended)?;
        if self.context.station != holder {
            return Err(not_holder(self.context, holder));
        }
        let position = self.route.position(stage).ok_or_else(not_here_yet)?;
        let (Some(stage), Some(duty)) = (self.route.stage(position), self.duty_now(position, holder)) else {
            return Err(not_here_yet());
        };
        Ok(Turn { handling: self, stage, position, duty, holder, last })
    }

    /// Whether the case waits where it was handed in: then those act who took it in.
    fn waits_at_home(&self, holder: StationCode) -> bool {
        self.case.correction().is_some() && holder == self.route.home
    }

    fn duty_now(&self, position: usize, holder: StationCode) -> Option<Duty> {
        if self.waits_at_home(holder) { self.route.reception() } else { self.route.duty(position, holder) }
    }

    fn performs(&self, duty: &Duty) -> bool {
        let actor = self.context.actor;
        if self.waits_at_home(duty.station) { self.route.receives(actor) } else { self.route.performs(actor, duty) }
    }

    /// A side entry with its words. Nobody needs another's powers to say something.
    pub(super) fn say(&self, event: SideEvent, private: Private) -> Draft {
        let facts = actor_facts(self.context, self.context.actor.roles.first().copied());
        let actor = ActorFacts { acting_for: String::new(), ..facts };
        let side = Side { actor, request: self.request, event };
        draft(Body::Side(side), private, &[])
    }
}

/// The person as they stand now. Whoever sits in seat B uses the powers of seat A, and the record says so.
pub(super) fn actor_facts(context: &Context<'_>, role: Option<Role>) -> ActorFacts {
    let actor = context.actor;
    let deciding = matches!(role, Some(Role::Approver | Role::ChiefRepresentative));
    let acting_for = match (&actor.seat, &actor.backup) {
        (Some(Seat::B), Some(principal)) if deciding => principal.to_string(),
        _ => String::new(),
    };
    let mut name = actor.name.clone();
    while name.len() > sanji_log::entry::ACTOR_MAX_BYTES {
        name.pop();
    }
    ActorFacts {
        name,
        department: actor.department.to_string(),
        role: role.map_or_else(String::new, |role| role.term().to_owned()),
        acting_for,
    }
}

pub(super) fn draft(body: Body, private: Private, attachments: &[StoredAttachment]) -> Draft {
    let private = Some(private).filter(|private| !private.is_empty());
    let attachments = attachments.iter().map(|attachment| attachment.reference).collect();
    Draft { body, private, attachments, opens_case: false }
}

/// The name by which people know a station.
pub(super) fn station_name(context: &Context<'_>, station: StationCode) -> String {
    let known = context.reference.organisation.station(&station);
    known.map_or_else(|| station.to_string(), |station| station.full_name.clone())
}

pub(super) fn not_holder(context: &Context<'_>, holder: StationCode) -> Refusal {
    let sentence = format!("该办件现在由{}办理，本站不能办理。", station_name(context, holder));
    Refusal::new(RefusalCode::NotHolder, sentence)
}

pub(super) fn ended() -> Refusal {
    Refusal::new(RefusalCode::CaseEnded, "该办件已经办结，不能再办理。")
}

pub(super) fn decided() -> Refusal {
    Refusal::new(RefusalCode::WrongStage, "该办件已经作出决定，不能再撤回。")
}

pub(super) fn not_here_yet() -> Refusal {
    Refusal::new(RefusalCode::NotHereYet, "该办件的资料尚未全部传到本站，请稍后再办理。")
}

pub(super) fn not_entitled() -> Refusal {
    Refusal::new(RefusalCode::NotEntitled, "该办件不在您的办理范围内，您没有这项权限。")
}
