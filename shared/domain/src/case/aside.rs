//! What is said beside the route: 备注, 催办, 撤回申请, 评价.

use super::body::SideEvent;
use super::command::{Action, Draft};
use super::handling::Handling;
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};

pub(super) fn note(handling: &Handling<'_>, words: &str) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::AddNote)?;
    let words =
        input::required(words, "words", LONGEST_TEXT, || Refusal::new(RefusalCode::InvalidInput, "请填写备注内容。"))?;
    Ok(handling.say(SideEvent::Note, Private::of_words(&words)))
}

pub(super) fn remind(handling: &Handling<'_>) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::Remind)?;
    let station = handling.case.holder().unwrap_or(handling.route.home);
    Ok(handling.say(SideEvent::Reminder { station }, Private::default()))
}

pub(super) fn ask_withdrawal(handling: &Handling<'_>, words: &str) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::RequestWithdrawal)?;
    let words = input::optional(words, "words", LONGEST_TEXT)?;
    Ok(handling.say(SideEvent::WithdrawalRequested, Private::of_words(&words)))
}

pub(super) fn rate(handling: &Handling<'_>, satisfaction: u32, words: &str) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::Rate)?;
    if !(1..=5).contains(&satisfaction) {
        let sentence = "请从“非常满意”到“非常不满意”中选择一项评价。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("satisfaction"));
    }
    let words = input::optional(words, "words", LONGEST_TEXT)?;
    Ok(handling.say(SideEvent::Rating { satisfaction }, Private::of_words(&words)))
}
