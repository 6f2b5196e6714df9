//! What may be done with a case now, and by whom: the checks before any rule of a single action.

use jiff::civil::Date;
use sanji_log::{Hash, RequestId, StationCode};

use super::body::{ActorFacts, Body, Side, SideEvent, Step, StepEvent};
use super::clock;
use super::command::{Action, Draft, StoredAttachment};
use super::context::Context;
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::route::{Duty, Route};
use super::sight::{Sight, may_see};
use super::state::{Case, Outcome};
use super::words::date_words;
use crate::catalogue::{DELIVERY_STAGE, Item, SpecialClock, Stage, SupervisedLink};
use crate::code::StageId;
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

/// A case whose stage the actor may handle: what a step builds on.
pub(super) struct Turn<'a> {
    pub(super) handling: &'a Handling<'a>,
    pub(super) stage: &'a Stage,
    pub(super) position: usize,
    pub(super) duty: Duty,
    holder: StationCode,
    last: Hash,
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

    fn sight(&self) -> Sight {
        may_see(self.case, self.context)
    }

    /// Whether the actor is one of those who took the application in.
    fn receives(&self) -> bool {
        self.context.station == self.route.home && self.route.receives(self.context.actor)
    }

    fn aside(&self, action: Action, sight: Sight, receives: bool) -> Result<(), Refusal> {
        let allowed = match action {
            Action::Remind => sight != Sight::None,
            Action::AddNote => sight == Sight::Full,
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
        let (Some(holder), Some(last)) = (self.case.holder(), self.case.last()) else { return Err(not_here_yet()) };
        let stage = self.case.stage().ok_or_else(ended)?;
        if self.context.station != holder {
            return Err(not_holder(self.context, holder));
        }
        let position = self.route.position(stage).ok_or_else(not_here_yet)?;
        let (Some(stage), Some(duty)) = (self.route.stage(position), self.duty_now(position, holder)) else {
            return Err(not_here_yet());
        };
        let turn = Turn { handling: self, stage, position, duty, holder, last };
        if self.performs(&turn.duty) { Ok(turn) } else { Err(turn.not_yours()) }
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

impl<'a> Turn<'a> {
    pub(super) fn case(&self) -> &'a Case {
        self.handling.case
    }

    pub(super) fn today(&self) -> Date {
        self.handling.today
    }

    /// Whether the application waits for an answer whether it is accepted, and this stage gives it.
    pub(super) fn accepts(&self) -> bool {
        self.case().accepted_at().is_none()
            && self.case().outcome().is_none()
            && self.handling.route.acceptance() == Some(self.position)
    }

    pub(super) fn delivers(&self) -> bool {
        self.stage.id.as_str() == DELIVERY_STAGE
    }

    /// Kinds of special procedure that stop the clock in this stage and have not been used in it yet. A public notice
    /// does so by itself.
    pub(super) fn special_kinds(&self) -> Vec<&'a str> {
        if self.has_publicity() || self.delivers() {
            return Vec::new();
        }
        let item = self.handling.item;
        let used = |kind: &str| {
            self.case().steps().any(|facts| {
                matches!(&facts.body.event, StepEvent::Suspended { stage, kind: of } if *stage == self.stage.id && of == kind)
            })
        };
        let stops = |clock: SpecialClock| clock == SpecialClock::Paused;
        let kinds = item.special.iter().filter(|special| special.stage == self.stage.id && stops(special.clock));
        kinds.map(|special| special.kind.as_str()).filter(|kind| !used(kind)).collect()
    }

    fn has_publicity(&self) -> bool {
        self.handling.item.publicity_of(&self.stage.id).is_some()
    }

    fn fits(&self, action: Action) -> Result<(), Refusal> {
        let case = self.case();
        if action == Action::ConfirmWithdrawal {
            return self.withdrawal_fits();
        }
        let fits = if case.correction().is_some() {
            matches!(action, Action::SupplyCorrection | Action::Return)
        } else if case.suspension().is_some() {
            action == Action::Resume
        } else if case.publicity().is_some() {
            action == Action::EndPublicity
        } else {
            match action {
                Action::Accept => self.accepts() && self.stage.link == SupervisedLink::Acceptance,
                Action::RequestCorrection if self.accepts() => {
                    self.first_correction()?;
                    true
                }
                Action::RefuseAcceptance | Action::Return => self.accepts(),
                Action::FinishStage => self.finishes(),
                Action::PostPublicity => self.has_publicity(),
                Action::Suspend => !self.special_kinds().is_empty(),
                Action::Decide => {
                    self.stage.link == SupervisedLink::Approval && case.outcome() != Some(Outcome::Denied)
                }
                Action::Deliver => self.delivers(),
                _ => false,
            }
        };
        if fits { self.in_time(action) } else { Err(self.wrong_stage(action)) }
    }

    /// Actions that come too early or too late.
    fn in_time(&self, action: Action) -> Result<(), Refusal> {
        let today = self.today();
        match (action, self.case().correction(), self.case().publicity()) {
            (Action::SupplyCorrection, Some(correction), _) if today > correction.until => {
                let until = date_words(correction.until);
                let sentence = format!("补正期限已于{until}届满，应当作退回件处理；申请人可以重新申请。");
                Err(Refusal::new(RefusalCode::CorrectionOverdue, sentence))
            }
            // At the window that asked, the applicant comes in person.
            (Action::SupplyCorrection, Some(correction), _) if correction.asked_by != self.holder => {
                let over = self.case().mandate().is_some_and(|mandate| !mandate.holds_on(today));
                let sentence = "委托期限已过，代办员不能代为补正，请申请人重新委托。";
                if over { Err(Refusal::new(RefusalCode::MandateExceeded, sentence)) } else { Ok(()) }
            }
            (Action::Return, Some(correction), _) if today <= correction.until => {
                let sentence = format!("补正期限到{}为止，期限内不能退回。", date_words(correction.until));
                Err(Refusal::new(RefusalCode::CorrectionRunning, sentence))
            }
            (Action::EndPublicity, _, Some(run)) if today <= run.until => {
                let sentence = format!("公示期到{}为止，期满后才能进入下一环节。", date_words(run.until));
                Err(Refusal::new(RefusalCode::PublicityRunning, sentence))
            }
            (Action::RequestCorrection | Action::RefuseAcceptance | Action::Return, None, _) if self.is_deemed() => {
                let within = self.handling.context.reference.defaults.acceptance.decide_within;
                let sentence =
                    format!("收到申请材料已超过{within}，依法自收到之日起视为受理，不能再要求补正、不予受理或者退回。");
                Err(Refusal::new(RefusalCode::AcceptanceDeemed, sentence).because_of(ART_32))
            }
            _ => Ok(()),
        }
    }

    /// Whether the time to answer is over, so that the law deems the application accepted. Without the calendar of a
    /// year nobody can say that it is.
    pub(super) fn is_deemed(&self) -> bool {
        let reference = &self.handling.context.reference;
        let received = clock::received_on(self.case(), self.handling.item);
        let last = received.map(|day| reference.calendar.deadline(day, reference.defaults.acceptance.decide_within));
        matches!(last, Some(Ok(last)) if self.today() > last)
    }

    /// Whether the stage is done by saying so: no acceptance, notice, decision or delivery of its own.
    fn finishes(&self) -> bool {
        let answers = self.accepts() && self.stage.link == SupervisedLink::Acceptance;
        !answers && !self.has_publicity() && !self.delivers() && self.stage.link != SupervisedLink::Approval
    }

    fn withdrawal_fits(&self) -> Result<(), Refusal> {
        if self.case().outcome().is_some() {
            Err(decided())
        } else if !self.case().withdrawal_requested() {
            Err(Refusal::new(RefusalCode::NoWithdrawalRequest, "申请人没有申请撤回，不能办理撤回。"))
        } else {
            Ok(())
        }
    }

    fn first_correction(&self) -> Result<(), Refusal> {
        let rounds = self.handling.context.reference.defaults.correction.max_rounds;
        if self.case().correction_rounds() < rounds {
            return Ok(());
        }
        let sentence = "补正内容已经一次性告知过，不能再次要求补正；请根据现有材料决定是否受理。";
        Err(Refusal::new(RefusalCode::SecondCorrection, sentence)
            .because_of("《行政许可法》第三十二条第一款第（四）项"))
    }

    fn wrong_stage(&self, action: Action) -> Refusal {
        let case = self.case();
        let sentence = if case.correction().is_some() {
            "该办件正在等待申请人补正，补正后再办理。".to_owned()
        } else if let Some(suspension) = case.suspension() {
            format!("该办件正在进行特别程序（{}），恢复计时后再办理。", suspension.kind)
        } else if case.publicity().is_some() {
            "该办件正在公示，公示期满后再办理。".to_owned()
        } else {
            format!("当前环节是“{}”，不能办理“{}”。", self.stage.name, action.title())
        };
        Refusal::new(RefusalCode::WrongStage, sentence)
    }

    fn not_yours(&self) -> Refusal {
        let organisation = self.handling.context.reference.organisation;
        let department = organisation.department(&self.duty.department);
        let name = department.map_or_else(|| self.duty.department.to_string(), |department| department.name.clone());
        let sentence =
            format!("当前环节“{}”由{}的{}人员办理，您没有这项权限。", self.stage.name, name, self.duty.role.term());
        Refusal::new(RefusalCode::NotEntitled, sentence)
    }

    // ----------------------------------------------------------------------------------------------------- steps

    /// Hands the case to a stage: its station and id. None: the route ends here.
    pub(super) fn to(&self, position: Option<usize>) -> (StationCode, Option<StageId>) {
        let receives = self.case().mandate().is_some_and(|mandate| mandate.may_receive(self.today()));
        match position.and_then(|position| Some((position, self.handling.route.stage(position)?))) {
            Some((position, stage)) => (self.handling.route.station(position, receives), Some(stage.id.clone())),
            None => (self.holder, None),
        }
    }

    /// The stage after this one.
    pub(super) fn onwards(&self) -> (StationCode, Option<StageId>) {
        self.to(self.handling.route.after(self.position))
    }

    /// Straight to delivery: the answer is no.
    pub(super) fn to_delivery(&self) -> (StationCode, Option<StageId>) {
        self.to(self.handling.route.delivery())
    }

    /// The case stays where it is.
    pub(super) fn stay(&self) -> (StationCode, Option<StageId>) {
        (self.holder, Some(self.stage.id.clone()))
    }

    /// A step to a station and stage.
    pub(super) fn step(
        &self,
        event: StepEvent,
        (holder, stage): (StationCode, Option<StageId>),
        private: Private,
        attachments: &[StoredAttachment],
    ) -> Draft {
        let step = Step {
            rev: self.case().rev() + 1,
            term: self.case().term(),
            previous: Some(self.last),
            holder,
            stage,
            request: self.handling.request,
            actor: actor_facts(self.handling.context, Some(self.duty.role)),
            event,
        };
        draft(Body::Step(step), private, attachments)
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

fn not_holder(context: &Context<'_>, holder: StationCode) -> Refusal {
    let sentence = format!("该办件现在由{}办理，本站不能办理。", station_name(context, holder));
    Refusal::new(RefusalCode::NotHolder, sentence)
}

fn ended() -> Refusal {
    Refusal::new(RefusalCode::CaseEnded, "该办件已经办结，不能再办理。")
}

fn decided() -> Refusal {
    Refusal::new(RefusalCode::WrongStage, "该办件已经作出决定，不能再撤回。")
}

fn not_here_yet() -> Refusal {
    Refusal::new(RefusalCode::NotHereYet, "该办件的资料尚未全部传到本站，请稍后再办理。")
}

fn not_entitled() -> Refusal {
    Refusal::new(RefusalCode::NotEntitled, "该办件不在您的办理范围内，您没有这项权限。")
}
