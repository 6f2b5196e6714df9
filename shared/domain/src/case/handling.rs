//! What may be done with a case now, and by whom: the checks before any rule of a single action.

use jiff::civil::Date;
use sanji_log::{RequestId, StationCode, Tier};

use super::action::Action;
use super::body::{ActorFacts, Body, Side, SideEvent};
use super::clock::{CaseClock, case_clock};
use super::command::{Draft, StoredAttachment};
use super::context::Context;
use super::fee;
use super::preliminary::Preliminary;
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::round::Round;
use super::route::{Duty, Route};
use super::sight::{Sight, may_see};
use super::state::Case;
use super::supervised;
use super::transfer;
use super::turn::Turn;
use super::{extend, reclaim, superseded};
use crate::catalogue::Item;
use crate::code::StageId;
use crate::matter::follow_up;
use crate::organisation::{Role, Seat, Staff};

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
        present(context)?;
        let item = context.reference.item_of(case)?;
        let organisation = context.reference.organisation;
        let route = Route::of(case, item, organisation, context.today()).ok_or_else(not_here_yet)?;
        Ok(Self { case, request, context, item, route, today: context.today() })
    }

    /// The actions that the actor may take now, in the order in which a desk offers them.
    pub(super) fn actions(&self) -> Vec<Action> {
        let turns = self.my_turns().unwrap_or_default();
        let (sight, receives) = (self.sight(), self.receives());
        let permits = |action: &&Action| match **action {
            Action::AllowSecondCorrection => self.leave().is_ok(),
            action if action.is_fee() => fee::fits(self, action).is_ok(),
            action if reclaim::concerns(action) => reclaim::fits(self, action).is_ok(),
            action if action.is_step() => turns.iter().any(|turn| turn.fits(action).is_ok()),
            action => self.aside(action, sight, receives).is_ok(),
        };
        Action::ALL.iter().filter(permits).copied().collect()
    }

    /// Whether it is the actor's turn to take some step, or to answer as a consulted department.
    pub(super) fn is_todo(&self) -> bool {
        let steps = || Action::ALL.iter().filter(|action| action.is_step() && !action.is_fee());
        let fees = [Action::IssueFee, Action::RegisterPayment];
        let turns = self.my_turns().unwrap_or_default();
        let acts = |turn: &Turn<'_>| {
            steps().any(|action| turn.fits(*action).is_ok())
                || (fee::is_payment(turn.stage) && fees.iter().any(|action| fee::fits(self, *action).is_ok()))
        };
        turns.iter().any(acts) || self.copies().iter().any(|copy| copy.may_answer)
    }

    /// The stages in which the actor may act now.
    pub(super) fn my_stages(&self) -> Vec<StageId> {
        self.my_turns().unwrap_or_default().into_iter().map(|turn| turn.stage.id.clone()).collect()
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

    pub(super) fn sight(&self) -> Sight {
        may_see(self.case, self.context)
    }

    /// Whether the actor is one of those who took the application in.
    pub(super) fn receives(&self) -> bool {
        self.context.station == self.route.home && self.context.powers().any(|staff| self.route.receives(staff))
    }

    fn aside(&self, action: Action, sight: Sight, receives: bool) -> Result<(), Refusal> {
        if action.is_supervision() {
            let offered = supervised::is_offered(self.case, action, self.context);
            return if offered { Ok(()) } else { Err(not_entitled()) };
        }
        let allowed = match action {
            Action::Remind => sight != Sight::None,
            Action::AddNote | Action::FinishDuty | Action::VoidDocument => sight == Sight::Full,
            Action::Extend => return extend::fits(self).map(|_| ()),
            Action::CheckSuperseded => return superseded::fits(self, sight),
            Action::FollowUp => sight == Sight::Full || calls_back(self.context.actor) && sight != Sight::None,
            Action::SignForCopy | Action::AnswerCopy => !self.copies().is_empty(),
            // Whoever coordinates the hall arranges visits of cases of which they see no more than how they run.
            Action::RecordVisit => sight != Sight::None && self.may_arrange(),
            Action::SetMark => sight != Sight::None && (receives || self.my_turns().is_ok() || self.leads()),
            Action::AnswerReview => sight != Sight::None && self.answers_reviews(),
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
            Action::FollowUp if !follow_up::is_due(self.case, self.context.reference.defaults) => {
                Err(Refusal::new(RefusalCode::WrongStage, "该办件没有需要回访整改的差评，或者已经整改完毕。"))
            }
            Action::SetMark if !self.case.is_open() => Err(ended()),
            Action::SignForCopy => self.copy_to_sign(None).map(drop),
            Action::AnswerCopy => self.copy_to_answer(None).map(drop),
            Action::RecordVisit => self.visit_fits(),
            Action::FinishDuty => self.duty_fits(),
            Action::AskReview => self.review_to_ask(),
            Action::AnswerReview => self.review_to_answer(),
            Action::VoidDocument => self.document_fits(),
            _ => Ok(()),
        }
    }

    /// The actor's turn to take this step, in the stage that is named where several run in parallel.
    pub(super) fn turn(&'a self, action: Action, named: Option<&StageId>) -> Result<Turn<'a>, Refusal> {
        let mut refusal = None;
        for turn in self.my_turns()? {
            if named.is_some_and(|named| *named != turn.stage.id) {
                continue;
            }
            match turn.fits(action) {
                Ok(()) => return Ok(turn),
                Err(reason) => refusal = refusal.or(Some(reason)),
            }
        }
        Err(refusal.unwrap_or_else(stage_not_open))
    }

    /// The actor's turns: the case is here, and its stage, or one of those that run in parallel, is theirs. Never empty.
    fn my_turns(&'a self) -> Result<Vec<Turn<'a>>, Refusal> {
        let mut turns = Vec::new();
        let mut refusal = None;
        for turn in self.turns_here()? {
            if self.performs(&turn.duty) {
                turns.push(turn);
                continue;
            }
            // Only the seat stands in the way: A is there.
            let seat_waits =
                self.context.standing.principal_on_duty && self.route.performs(self.context.actor, &turn.duty);
            let reason = || if seat_waits { principal_on_duty() } else { turn.not_yours() };
            refusal = refusal.or_else(|| Some(reason()));
        }
        if turns.is_empty() { Err(refusal.unwrap_or_else(not_here_yet)) } else { Ok(turns) }
    }

    /// The first of them.
    pub(super) fn turn_here(&'a self) -> Result<Turn<'a>, Refusal> {
        self.turns_here()?.into_iter().next().ok_or_else(not_here_yet)
    }

    /// What anybody at this station may be asked to do with the case now.
    pub(super) fn turns_here(&'a self) -> Result<Vec<Turn<'a>>, Refusal> {
        let (Some(holder), Some(last)) = (self.case.holder(), self.case.last()) else { return Err(not_here_yet()) };
        let present = self.case.stage().ok_or_else(ended)?;
        if self.context.station != holder {
            return Err(not_holder(self.context, holder));
        }
        let turn = |position: usize| {
            let (stage, duty) = (self.route.stage(position)?, duty_now(self.case, &self.route, position, holder)?);
            Some(Turn { handling: self, stage, position, duty, holder, last })
        };
        let positions = positions_now(self.case, &self.route, present, holder);
        Ok(positions.into_iter().filter_map(turn).collect())
    }

    /// The turn of whoever may give leave for one more correction: the chief representative of the office whose stage
    /// it is; in a township, whoever decides there.
    pub(super) fn leave(&'a self) -> Result<Turn<'a>, Refusal> {
        let mut turns = self.turns_here()?;
        let mut turn = if turns.is_empty() { return Err(not_here_yet()) } else { turns.swap_remove(0) };
        turn.duty.role = chief(turn.holder.tier());
        turn.leave_fits()?;
        if self.performs(&turn.duty) { Ok(turn) } else { Err(turn.not_yours()) }
    }

    /// Whether the actor leads cases of this item, or coordinates joint ones, at the district; in a township, decides.
    pub(super) fn leads(&self) -> bool {
        let actor = self.context.actor;
        let has = |role: Role| actor.roles.contains(&role);
        match actor.place.tier() {
            Tier::Village => false,
            Tier::Township => has(Role::Approver),
            Tier::District => {
                has(Role::JointCoordinator)
                    || (actor.department == self.item.department
                        && (has(Role::Approver) || has(Role::ChiefRepresentative)))
            }
        }
    }

    fn performs(&self, duty: &Duty) -> bool {
        self.acting(duty).is_some()
    }

    /// The person as whom the actor does a duty: themselves where they may, else one for whom they stand in.
    fn acting(&self, duty: &Duty) -> Option<&'a Staff> {
        let home = waits_at_home(self.case, self.route.home, duty.station);
        let does = |staff: &&Staff| if home { self.route.receives(staff) } else { self.route.performs(staff, duty) };
        self.context.powers_for(duty.role).find(does)
    }

    /// The person as they stand now, in the role of a duty, and for whom they act.
    pub(super) fn facts_of(&self, duty: &Duty) -> ActorFacts {
        let facts = actor_facts(self.context, Some(duty.role));
        match self.acting(duty) {
            Some(other) if other.id != self.context.actor.id => {
                ActorFacts { acting_for: other.id.to_string(), ..facts }
            }
            _ => facts,
        }
    }

    /// A side entry with its words. Nobody needs another's powers to say something.
    pub(super) fn say(&self, event: SideEvent, private: Private) -> Draft {
        self.say_with(event, private, &[])
    }

    /// A side entry that takes a power: in a role that the actor has, or one for whom they stand in.
    pub(super) fn say_as(&self, role: Role, event: SideEvent, private: Private) -> Draft {
        let facts = actor_facts(self.context, Some(role));
        let own = self.context.actor.roles.contains(&role);
        let other = self.context.powers().find(|staff| staff.roles.contains(&role)).filter(|_| !own);
        let actor = match other {
            Some(other) => ActorFacts { acting_for: other.id.to_string(), ..facts },
            None => facts,
        };
        draft(Body::Side(Side { actor, request: self.request, event }), private, &[])
    }

    /// A side entry with attachments.
    pub(super) fn say_with(&self, event: SideEvent, private: Private, attachments: &[StoredAttachment]) -> Draft {
        let facts = actor_facts(self.context, self.context.actor.roles.first().copied());
        let actor = ActorFacts { acting_for: String::new(), ..facts };
        let side = Side { actor, request: self.request, event };
        draft(Body::Side(side), private, attachments)
    }
}

/// Whoever is recorded as away has handed the work over.
pub(super) fn present(context: &Context<'_>) -> Result<(), Refusal> {
    if !context.standing.away {
        return Ok(());
    }
    let sentence = "您已登记离岗，业务由顶岗人员办理；返岗后请先办理销假。";
    Err(Refusal::new(RefusalCode::Away, sentence))
}

fn principal_on_duty() -> Refusal {
    let sentence = "A角在岗，由A角办理；A角离岗时，登记离岗后由您行使同等权限。";
    Refusal::new(RefusalCode::PrincipalOnDuty, sentence)
}

/// Whether a person calls people back whose cases they don't handle.
fn calls_back(actor: &Staff) -> bool {
    actor.roles.contains(&Role::ComplaintDesk)
}

/// The stages in which somebody at the holder may act now.
pub(super) fn positions_now(case: &Case, route: &Route<'_>, present: &StageId, holder: StationCode) -> Vec<usize> {
    // What has been begun in one of the stages is ended before anything else.
    let begun = case.suspension().map(|begun| &begun.stage).or(case.publicity().map(|begun| &begun.stage));
    if let Some(begun) = begun.or(case.correction().map(|begun| &begun.stage)) {
        return route.position(begun).into_iter().collect();
    }
    match Round::now(case, route) {
        Some(round) => round.answerable(route, present, holder),
        None => route.position(present).into_iter().collect(),
    }
}

/// Whether the case waits where it was handed in: then those act who took it in.
pub(super) fn waits_at_home(case: &Case, home: StationCode, holder: StationCode) -> bool {
    holder == home && (case.correction().is_some() || case.preliminary() == Some(Preliminary::Answered))
}

/// Who acts in a stage: whoever took the case in while it waits for the applicant, or the department to which the stage
/// was handed over.
pub(super) fn duty_now(case: &Case, route: &Route<'_>, position: usize, holder: StationCode) -> Option<Duty> {
    if waits_at_home(case, route.home, holder) {
        return route.reception();
    }
    if fee::awaits_notice(case, route, position) {
        return fee::issuing_duty(route, holder);
    }
    let duty = route.duty(position, holder)?;
    let department = transfer::department(case, &route.stage(position)?.id, holder);
    Some(Duty { department: department.unwrap_or(duty.department), ..duty })
}

fn chief(tier: Tier) -> Role {
    if tier == Tier::District { Role::ChiefRepresentative } else { Role::Approver }
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

fn stage_not_open() -> Refusal {
    Refusal::new(RefusalCode::WrongStage, "该环节现在不能办理，或者已经反馈过意见，请刷新后再办理。")
}

pub(super) fn not_entitled() -> Refusal {
    Refusal::new(RefusalCode::NotEntitled, "该办件不在您的办理范围内，您没有这项权限。")
}
