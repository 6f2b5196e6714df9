//! What is said beside the route: 备注, 催办, 撤回申请, 评价, 回访.

use super::action::Action;
use super::body::{ActorFacts, Body, FollowUp, Side, SideEvent};
use super::command::Draft;
use super::handling::{Handling, draft};
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::state::Case;

pub(super) fn note(handling: &Handling<'_>, words: &str) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::AddNote)?;
    let words =
        input::required(words, "words", LONGEST_TEXT, || Refusal::new(RefusalCode::InvalidInput, "请填写备注内容。"))?;
    Ok(handling.say(SideEvent::Note, Private::of_words(words)))
}

pub(super) fn remind(handling: &Handling<'_>) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::Remind)?;
    let station = handling.case.holder().unwrap_or(handling.route.home);
    Ok(handling.say(SideEvent::Reminder { station }, Private::default()))
}

pub(super) fn ask_withdrawal(handling: &Handling<'_>, words: &str) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::RequestWithdrawal)?;
    let words = input::optional(words, "words", LONGEST_TEXT)?;
    Ok(handling.say(SideEvent::WithdrawalRequested, Private::of_words(words)))
}

pub(super) fn rate(handling: &Handling<'_>, satisfaction: u32, words: &str) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::Rate)?;
    let words = check_rating(satisfaction, words)?;
    Ok(handling.say(SideEvent::Rating { satisfaction }, Private::of_words(words)))
}

/// The applicant, who has shown the query code, rates the service; no member of staff has a part in it.
///
/// # Errors
/// A refusal where the case has not ended, or was rated before.
pub fn rate_as_applicant(case: &Case, satisfaction: u32, words: &str) -> Result<Draft, Refusal> {
    if case.is_open() {
        return Err(Refusal::new(RefusalCode::WrongStage, "办件办结送达后才能评价。"));
    }
    if case.rating().is_some() {
        return Err(Refusal::new(RefusalCode::AlreadyDone, "该办件已经评价过了。"));
    }
    let words = check_rating(satisfaction, words)?;
    let event = SideEvent::Rating { satisfaction };
    let side = Side { actor: ActorFacts::default(), request: None, event };
    Ok(draft(Body::Side(side), Private::of_words(words), &[]))
}

fn check_rating(satisfaction: u32, words: &str) -> Result<String, Refusal> {
    if !(1..=5).contains(&satisfaction) {
        let sentence = "请从“非常满意”到“非常不满意”中选择一项评价。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("satisfaction"));
    }
    input::optional(words, "words", LONGEST_TEXT)
}

pub(super) fn follow_up(handling: &Handling<'_>, what: FollowUp, words: &str) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::FollowUp)?;
    if what == FollowUp::Unknown {
        let sentence = "请选择回访结果：已联系、未联系上、已整改或核实后不属实。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("what"));
    }
    let words = input::required(words, "words", LONGEST_TEXT, || {
        Refusal::new(RefusalCode::InvalidInput, "请写明回访或整改的情况。")
    })?;
    Ok(handling.say(SideEvent::FollowedUp { what }, Private::of_words(words)))
}
