//! 预警回复、申诉、核销, 督办: what supervision says beside the route, and what it is told.

use jiff::civil::Date;
use sanji_log::Hash;

use super::action::Action;
use super::command::Draft;
use super::context::Context;
use super::handling::Handling;
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::Refusal;
use super::state::Case;
use crate::supervision::say as rules;
use crate::supervision::{Office, Saying};

fn saying(action: Action) -> Option<Saying> {
    match action {
        Action::AnswerAlert => Some(Saying::Answer),
        Action::AppealAlert => Some(Saying::Appeal),
        Action::RevokeAlert => Some(Saying::Review { revoked: true }),
        Action::UpholdAlert => Some(Saying::Review { revoked: false }),
        _ => None,
    }
}

/// Whether the person has anything to say of this kind.
pub(super) fn is_offered(case: &Case, action: Action, context: &Context<'_>) -> bool {
    match (action, saying(action)) {
        (_, Some(saying)) => rules::may_say(case, saying, context),
        (Action::IssueOrder, _) => rules::may_order(case, context),
        (Action::AnswerOrder, _) => rules::may_answer_order(case, context),
        _ => false,
    }
}

pub(super) fn say(handling: &Handling<'_>, action: Action, alert: &str, words: &str) -> Result<Draft, Refusal> {
    let saying = saying(action).unwrap_or(Saying::Answer);
    let event = rules::say(handling.case, alert, saying, handling.context)?;
    let missing = match saying {
        Saying::Answer => "请写明超期或违规的原因和整改情况。",
        Saying::Appeal => "请写明申诉的理由。",
        Saying::Review { revoked: true } => "核销预警应当写明理由。",
        Saying::Review { revoked: false } => "维持预警应当写明理由。",
    };
    Ok(handling.say(event, words_of(words, missing)?))
}

pub(super) fn order(
    handling: &Handling<'_>,
    office: Option<Office>,
    until: Date,
    words: &str,
) -> Result<Draft, Refusal> {
    let event = rules::order(handling.case, office, until, handling.context)?;
    Ok(handling.say(event, words_of(words, "请写明督办要求。")?))
}

pub(super) fn answer_order(handling: &Handling<'_>, order: Hash, words: &str) -> Result<Draft, Refusal> {
    let event = rules::answer_order(handling.case, order, handling.context)?;
    Ok(handling.say(event, words_of(words, "请写明办理情况。")?))
}

fn words_of(words: &str, missing: &str) -> Result<Private, Refusal> {
    let words = input::required(words, "words", LONGEST_TEXT, || input::reason_missing(missing))?;
    rules::no_numbers(&words)?;
    Ok(Private::of_words(words))
}
