//! Whose turn it is: the actions that a stage knows, when they come too early or too late, and the step they make.

use jiff::civil::Date;
use sanji_log::{Hash, StationCode};

use super::action::Action;
use super::body::{Body, Opinion, Step, StepEvent};
use super::clock;
use super::command::{Draft, StoredAttachment};
use super::correction::calendar_missing;
use super::document;
use super::fee;
use super::handling::{ART_32, Handling, decided, draft};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::round::{self, Round};
use super::route::Duty;
use super::state::Case;
use super::summary::Outcome;
use super::words::date_words;
use crate::catalogue::{DELIVERY_STAGE, SpecialClock, Stage, SupervisedLink};
use crate::code::StageId;

/// A case whose stage the actor may handle: what a step builds on.
pub(super) struct Turn<'a> {
    pub(super) handling: &'a Handling<'a>,
    pub(super) stage: &'a Stage,
    pub(super) position: usize,
    pub(super) duty: Duty,
    pub(super) holder: StationCode,
    pub(super) last: Hash,
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
            && self.case().preliminary().is_none()
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
                matches!(&facts.body.event, StepEvent::Suspended { stage, kind: of, .. } if *stage == self.stage.id && of == kind)
            })
        };
        let stops = |clock: SpecialClock| clock == SpecialClock::Paused;
        let kinds = item.special.iter().filter(|special| special.stage == self.stage.id && stops(special.clock));
        kinds.map(|special| special.kind.as_str()).filter(|kind| !used(kind)).collect()
    }

    fn has_publicity(&self) -> bool {
        self.handling.item.publicity_of(&self.stage.id).is_some()
    }

    pub(super) fn fits(&self, action: Action) -> Result<(), Refusal> {
        let case = self.case();
        if action == Action::ConfirmWithdrawal {
            return self.withdrawal_fits();
        }
        let fits = if let Some(draft) = case.preliminary() {
            action == draft.action()
        } else if action == Action::Transfer {
            case.suspension().is_none() && case.correction().is_none() && !self.transfer_targets().is_empty()
        } else if case.correction().is_some() {
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
                Action::RefuseAcceptance | Action::Return | Action::CorrectAtOnce => self.accepts(),
                Action::ChooseVariant => {
                    self.accepts() && case.variant().is_none() && !self.handling.item.variants.is_empty()
                }
                Action::FinishStage => {
                    self.finishes() && {
                        self.sent_up()?;
                        true
                    }
                }
                Action::FinishAtOnce => self.finishes_at_once(),
                Action::SendUp => self.to_be_sent_up(),
                Action::Chase => self.waits_for_outside(),
                Action::RegisterAnswer => self.waits_for_outside() && !self.duty.external,
                Action::ConsultAgain => self.may_consult_again(),
                Action::PostPublicity => self.has_publicity(),
                Action::Suspend => !self.special_kinds().is_empty(),
                Action::Decide if self.decides() => {
                    self.sent_up()?;
                    true
                }
                Action::Deliver => self.delivers(),
                _ => false,
            }
        };
        if fits { self.in_time(action) } else { Err(self.wrong_stage(action)) }
    }

    /// Whether this stage decides.
    pub(super) fn decides(&self) -> bool {
        self.stage.link == SupervisedLink::Approval && self.case().outcome() != Some(Outcome::Denied)
    }

    /// Actions that come too early or too late.
    fn in_time(&self, action: Action) -> Result<(), Refusal> {
        let today = self.today();
        let reference = &self.handling.context.reference;
        let correction_until = clock::correction_until(self.case(), reference.calendar, reference.defaults);
        let publicity_until = clock::publicity_until(self.case(), self.handling.item, reference.calendar);
        match (action, correction_until, self.case().correction()) {
            (Action::SupplyCorrection, Some(Ok(until)), _) if today > until => {
                let until = date_words(until);
                let sentence = format!("补正期限已于{until}届满，应当作退回件处理；申请人可以重新申请。");
                return Err(Refusal::new(RefusalCode::CorrectionOverdue, sentence));
            }
            // At the window that asked, the applicant comes in person.
            (Action::SupplyCorrection, _, Some(correction)) if correction.asked_by != self.holder => {
                let over = self.case().mandate().is_some_and(|mandate| !mandate.holds_on(today));
                let sentence = "委托期限已过，代办员不能代为补正，请申请人重新委托。";
                return if over { Err(Refusal::new(RefusalCode::MandateExceeded, sentence)) } else { Ok(()) };
            }
            (Action::Return, Some(Ok(until)), _) if today <= until => {
                let sentence = format!("补正期限到{}为止，期限内不能退回。", date_words(until));
                return Err(Refusal::new(RefusalCode::CorrectionRunning, sentence));
            }
            // Whoever takes a right away because a day is over must know the day.
            (Action::Return, Some(Err(missing)), _) => return Err(calendar_missing(missing)),
            _ => {}
        }
        match (action, publicity_until) {
            (Action::EndPublicity, Some(Ok(until))) if today <= until => {
                let sentence = format!("公示期到{}为止，期满后才能进入下一环节。", date_words(until));
                Err(Refusal::new(RefusalCode::PublicityRunning, sentence))
            }
            (Action::EndPublicity, Some(Err(missing))) => Err(calendar_missing(missing)),
            (Action::RequestCorrection | Action::RefuseAcceptance | Action::Return, _)
                if self.case().correction().is_none() && self.is_deemed() =>
            {
                let within = self.handling.context.reference.defaults.acceptance.decide_within;
                let sentence =
                    format!("收到申请材料已超过{within}，依法自收到之日起视为受理，不能再要求补正、不予受理或者退回。");
                Err(Refusal::new(RefusalCode::AcceptanceDeemed, sentence).because_of(ART_32))
            }
            (Action::Deliver, ..) => fee::check_released(self),
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
        // A stage of payment is done by the money; by a word only where all of it is waived or has come before.
        if fee::is_payment(self.stage) {
            return self.case().fees().is_settled();
        }
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
        if self.case().correction_rounds() < rounds + self.case().corrections_allowed() {
            return Ok(());
        }
        let sentence = "补正内容已经一次性告知过，不能再次要求补正；确需再次补正的，须经首席代表批准，并报监察。";
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
        } else if case.preliminary().is_some() {
            "该件是预申报，转为正式申请后再办理。".to_owned()
        } else {
            format!("当前环节是“{}”，不能办理“{}”。", self.stage.name, action.title())
        };
        Refusal::new(RefusalCode::WrongStage, sentence)
    }

    pub(super) fn not_yours(&self) -> Refusal {
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
        let position = position.map(|position| round::enter(&self.handling.route, position, self.holder));
        self.at(position, receives)
    }

    /// Hands the case to just this stage, also where others run in parallel with it.
    pub(super) fn just_to(&self, position: usize) -> (StationCode, Option<StageId>) {
        self.at(Some(position), false)
    }

    fn at(&self, position: Option<usize>, receives: bool) -> (StationCode, Option<StageId>) {
        match position.and_then(|position| Some((position, self.handling.route.stage(position)?))) {
            Some((position, stage)) => (self.handling.route.station(position, receives), Some(stage.id.clone())),
            None => (self.holder, None),
        }
    }

    /// The stage after this one; of those that run in parallel, one that is still open.
    pub(super) fn onwards(&self) -> (StationCode, Option<StageId>) {
        self.onwards_after(Opinion::Agree)
    }

    /// The same, after an opinion. A disagreement in a round goes straight to the stage that decides.
    pub(super) fn onwards_after(&self, opinion: Opinion) -> (StationCode, Option<StageId>) {
        let route = &self.handling.route;
        let Some(round) = Round::now(self.case(), route) else { return self.to(route.after(self.position)) };
        if opinion == Opinion::Disagree || round.disagreeing().next().is_some() {
            return self.to(route.next_decision(self.position).or_else(|| route.after(self.position)));
        }
        match round.next(route, self.position, self.holder) {
            Some(open) => self.just_to(open),
            None => self.to(route.after(self.position)),
        }
    }

    /// Straight to delivery: the answer is no.
    pub(super) fn to_delivery(&self) -> (StationCode, Option<StageId>) {
        self.to(self.handling.route.delivery())
    }

    /// The case stays where it is.
    pub(super) fn stay(&self) -> (StationCode, Option<StageId>) {
        (self.holder, self.case().stage().cloned())
    }

    /// A step to a station and stage.
    pub(super) fn step(
        &self,
        event: StepEvent,
        (holder, stage): (StationCode, Option<StageId>),
        private: Private,
        attachments: &[StoredAttachment],
    ) -> Draft {
        let organisation = self.handling.context.reference.organisation;
        let organ = document::organ_word(organisation, self.holder, &self.duty.department);
        let documents = document::issued_by(&event, self.handling.item, &organ, self.today());
        let step = Step {
            documents,
            rev: self.case().rev() + 1,
            term: self.case().term(),
            previous: Some(self.last),
            holder,
            stage,
            request: self.handling.request,
            actor: self.handling.facts_of(&self.duty),
            event,
        };
        draft(Body::Step(step), private, attachments)
    }
}
