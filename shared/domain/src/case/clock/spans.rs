//! How the time of a case goes by: between two steps the case waits for something, and each limit runs, stands, or has
//! nothing to do with it.

use jiff::civil::Date;
use sanji_log::StationCode;

use super::Reading;
use crate::case::body::StepEvent;
use crate::catalogue::{DELIVERY_STAGE, Special, SpecialClock, Stage, SupervisedLink};
use crate::code::StageId;
use crate::organisation::Role;

/// What a case waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The first station has work to do before it can apply at all.
    Preparing,
    /// The window has to answer whether it accepts.
    Answering,
    /// The applicant has to make good what is wrong.
    Correction,
    /// An office works on it.
    Handling,
    /// A special procedure, by its kind.
    Special(String),
    /// A public notice hangs.
    Publicity,
    /// The applicant has to pay.
    Payment,
    /// A stage that the promise leaves out, such as work after the decision.
    Aside,
    /// The answer waits to be handed over.
    Delivery,
}

impl Cause {
    /// The name that programs use, for example `correction`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Answering => "answering",
            Self::Correction => "correction",
            Self::Handling => "handling",
            Self::Special(_) => "special",
            Self::Publicity => "publicity",
            Self::Payment => "payment",
            Self::Aside => "aside",
            Self::Delivery => "delivery",
        }
    }

    /// The words on a screen.
    #[must_use]
    pub fn words(&self) -> String {
        let words = match self {
            Self::Preparing => "受理前准备",
            Self::Answering => "等待受理答复",
            Self::Correction => "等待申请人补正",
            Self::Handling => "办理",
            Self::Special(kind) => return format!("特别程序（{kind}）"),
            Self::Publicity => "公示公告",
            Self::Payment => "等待缴费",
            Self::Aside => "不计入承诺时限的环节",
            Self::Delivery => "等待送达",
        };
        words.to_owned()
    }
}

/// What a limit does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// It has not begun, or is over.
    Outside,
    /// It runs.
    Runs,
    /// It stands: its last day moves by as much.
    Stands,
}

impl Counting {
    /// The name that programs use; empty: it has nothing to do with it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Outside => "",
            Self::Runs => "runs",
            Self::Stands => "stands",
        }
    }
}

/// Between two steps, or since the last: the days after `from` up to and including `to`.
pub(super) struct Span<'a> {
    pub(super) from: Date,
    pub(super) to: Date,
    pub(super) from_ms: u64,
    /// None: it lasts.
    pub(super) to_ms: Option<u64>,
    pub(super) stage: &'a Stage,
    pub(super) holder: StationCode,
    pub(super) cause: Cause,
    /// The procedure that it belongs to, which has a longest duration.
    pub(super) special: Option<&'a Special>,
    /// The day since which the case has been waiting for the same thing.
    pub(super) since: Date,
    /// A public notice hangs.
    pub(super) hangs: bool,
    pub(super) promised: Counting,
    pub(super) statutory: Counting,
}

/// What has happened so far, as far as the clock asks.
#[derive(Default)]
struct Progress {
    correcting: bool,
    suspended: Option<String>,
    hangs: bool,
    /// The answer has been given: nothing is decided after it.
    answered: bool,
    /// The answer was ready to be handed over.
    ready: bool,
}

impl Progress {
    fn take(&mut self, event: &StepEvent, decides_later: bool) {
        match event {
            StepEvent::CorrectionRequested { .. } => self.correcting = true,
            StepEvent::CorrectionSupplied { .. } => self.correcting = false,
            StepEvent::Suspended { kind, .. } => self.suspended = Some(kind.clone()),
            StepEvent::Resumed { .. } => self.suspended = None,
            StepEvent::PublicityPosted { .. } => self.hangs = true,
            StepEvent::PublicityEnded { .. } => self.hangs = false,
            StepEvent::Decided { approved, .. } => self.answered = !approved || !decides_later,
            StepEvent::TacitlyApproved { .. } | StepEvent::NotAccepted { .. } | StepEvent::Returned { .. } => {
                *self = Self { answered: true, ready: self.ready, ..Self::default() };
            }
            _ => {}
        }
    }
}

impl<'a> Reading<'a> {
    /// From the opening to today, or to the end of the route.
    pub(super) fn spans(&self) -> Vec<Span<'a>> {
        let mut progress = Progress::default();
        let (begun, received, accepted_at) = (self.begun(), self.received(), self.accepted());
        let mut began: Option<(StageId, Cause, Date)> = None;
        let mut spans = Vec::new();
        for (at, moment) in self.moments.iter().enumerate() {
            let step = &moment.facts.body;
            let current = step.stage.as_ref().and_then(|stage| self.item.stage(stage));
            let Some(stage) = current else { break };
            progress.take(&step.event, self.decides_after(stage));
            progress.ready |= stage.id.as_str() == DELIVERY_STAGE;
            let next = self.moments.get(at + 1);
            let counts = begun.is_some_and(|begun| at >= begun);
            let accepted = accepted_at.is_some_and(|accepted| at >= accepted);
            // The limits of a deemed acceptance run while nobody answers.
            let (stage_counts, pauses) = match counts && !accepted {
                true => (true, false),
                false => (stage.counted, !stage.counted && self.pausing_special(stage).is_some()),
            };
            let (cause, special) = self.cause(stage, &progress, accepted);
            // A procedure goes on through several steps, such as a hand-over.
            let since = match began {
                Some((of, what, since)) if of == stage.id && what == cause => since,
                _ => moment.day,
            };
            began = Some((stage.id.clone(), cause.clone(), since));
            let stands = progress.suspended.is_some();
            let promised = match (counts && !progress.ready, stage_counts && !stands) {
                (false, _) => Counting::Outside,
                (true, true) => Counting::Runs,
                (true, false) => Counting::Stands,
            };
            let applied = self.item.limits.statutory_from.is_some() && received.is_some_and(|received| at >= received);
            let statutory = match (counts, applied) {
                _ if progress.answered || progress.ready => Counting::Outside,
                (true, _) if pauses || stands => Counting::Stands,
                (true, _) | (false, true) => Counting::Runs,
                (false, false) => Counting::Outside,
            };
            spans.push(Span {
                from: moment.day,
                to: next.map_or(self.today, |next| next.day).max(moment.day),
                from_ms: moment.time_ms,
                to_ms: next.map(|next| next.time_ms),
                stage,
                holder: step.holder,
                cause,
                special,
                since,
                hangs: progress.hangs,
                promised,
                statutory,
            });
        }
        spans
    }

    fn cause(&self, stage: &'a Stage, progress: &Progress, accepted: bool) -> (Cause, Option<&'a Special>) {
        if progress.correcting {
            return (Cause::Correction, None);
        }
        if let Some(kind) = &progress.suspended {
            let special = self.item.special.iter().find(|special| special.stage == stage.id && special.kind == *kind);
            return (Cause::Special(kind.clone()), special);
        }
        let of_stage = || self.item.special.iter().find(|special| special.stage == stage.id);
        if self.item.publicity_of(&stage.id).is_some() {
            return (Cause::Publicity, of_stage().filter(|_| progress.hangs));
        }
        if stage.id.as_str() == DELIVERY_STAGE {
            return (Cause::Delivery, None);
        }
        if stage.role == Role::Cashier {
            return (Cause::Payment, of_stage());
        }
        if !accepted {
            let before = stage.link == SupervisedLink::Application;
            return (if before { Cause::Preparing } else { Cause::Answering }, None);
        }
        if stage.counted {
            return (Cause::Handling, None);
        }
        match self.pausing_special(stage) {
            Some(special) => (Cause::Special(special.kind.clone()), Some(special)),
            None => (Cause::Aside, None),
        }
    }

    /// The special procedure that makes a stage stand by itself.
    fn pausing_special(&self, stage: &Stage) -> Option<&'a Special> {
        let stops = |special: &&Special| special.stage == stage.id && special.clock == SpecialClock::Paused;
        self.item.special.iter().find(stops)
    }

    /// Whether a stage at or after this one decides.
    fn decides_after(&self, stage: &Stage) -> bool {
        let position = self.item.position(&stage.id).unwrap_or(0);
        self.item.stages.iter().skip(position).any(|stage| stage.link == SupervisedLink::Approval)
    }
}
