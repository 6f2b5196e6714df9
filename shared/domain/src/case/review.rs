//! 复核: within ten working days of a returned case's notice the applicant may ask the hall to look at it again.

use jiff::civil::Date;
use sanji_log::{HybridTime, Tier};

use super::action::Action;
use super::body::SideEvent;
use super::command::Draft;
use super::handling::Handling;
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::state::Case;
use super::summary::{CaseState, Outcome};
use super::words::date_words;
use crate::calendar::{Calendar, MissingYear};
use crate::limit::Limit;
use crate::organisation::{DepartmentKind, Role};

/// 异议期: from the day on which the notice was received (退回件通知书).
const REVIEW_WITHIN: Limit = Limit::working_days(10);

/// A review as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// When it was asked for.
    pub asked: HybridTime,
    /// Whether the objection is right; none: not answered.
    pub upheld: Option<bool>,
}

impl Case {
    /// The review, if one was asked for. Of several answers the first by time counts, then the lower hash.
    #[must_use]
    pub fn review(&self) -> Option<Review> {
        let of = |answered: bool| {
            let entries = self.sides().filter_map(move |facts| match facts.body.event {
                SideEvent::Review { upheld } if upheld.is_some() == answered => Some((facts.time, facts.hash, upheld)),
                _ => None,
            });
            entries.min()
        };
        let (asked, ..) = of(false)?;
        Some(Review { asked, upheld: of(true).and_then(|(.., upheld)| upheld) })
    }
}

/// The last day on which a review may be asked for; none: the case was not returned, or its notice not received.
#[must_use]
pub fn review_until(case: &Case, calendar: &Calendar) -> Option<Result<Date, MissingYear>> {
    let received = case.delivered().filter(|_| case.outcome() == Some(Outcome::Returned))?;
    Some(calendar.deadline(received.signed_on, REVIEW_WITHIN))
}

impl Handling<'_> {
    /// Whether the actor answers reviews: those of the hall's own office who coordinate it or take complaints. Supervisors
    /// and administrators change no case.
    pub(super) fn answers_reviews(&self) -> bool {
        let actor = self.context.actor;
        let office = self.context.reference.organisation.department(&actor.department);
        let answers = |role: &Role| matches!(role, Role::JointCoordinator | Role::ComplaintDesk);
        actor.place.tier() == Tier::District
            && actor.roles.iter().any(answers)
            && office.is_some_and(|office| office.kind == DepartmentKind::Hub)
    }

    pub(super) fn review_to_ask(&self) -> Result<(), Refusal> {
        if self.case.state() != CaseState::Returned {
            return Err(Refusal::new(RefusalCode::WrongStage, "收到退回件通知书以后才能申请复核。"));
        }
        if self.case.review().is_some() {
            return Err(Refusal::new(RefusalCode::AlreadyDone, "已经申请过复核，请等待答复。"));
        }
        match review_until(self.case, self.context.reference.calendar) {
            Some(Ok(until)) if self.today > until => {
                let sentence = format!("申请复核的期限已于{}届满（收到通知书之日起10个工作日）。", date_words(until));
                Err(Refusal::new(RefusalCode::ReviewOverdue, sentence))
            }
            // Where the calendar lacks the year nobody can say that it is too late.
            _ => Ok(()),
        }
    }

    pub(super) fn review_to_answer(&self) -> Result<(), Refusal> {
        match self.case.review() {
            Some(Review { upheld: None, .. }) => Ok(()),
            Some(_) => Err(Refusal::new(RefusalCode::AlreadyDone, "复核已经答复。")),
            None => Err(Refusal::new(RefusalCode::WrongStage, "该办件没有人申请复核。")),
        }
    }
}

/// 申请复核
pub(super) fn ask(handling: &Handling<'_>, words: &str) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::AskReview)?;
    let words = input::required(words, "words", LONGEST_TEXT, || input::reason_missing("请写明申请复核的理由。"))?;
    Ok(handling.say(SideEvent::Review { upheld: None }, Private::of_words(words)))
}

/// 答复复核
pub(super) fn answer(handling: &Handling<'_>, upheld: bool, words: &str) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::AnswerReview)?;
    let words = input::required(words, "words", LONGEST_TEXT, || {
        input::reason_missing("请写明复核意见；异议成立的，写明怎样重新办理。")
    })?;
    Ok(handling.say(SideEvent::Review { upheld: Some(upheld) }, Private::of_words(words)))
}
