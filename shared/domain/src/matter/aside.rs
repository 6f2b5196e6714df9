//! What is said beside a matter's chain: 备注, 催办, 满意与否, 撤销.

use super::body::MatterSideEvent;
use super::command::MatterDraft;
use super::complaint::input_fault;
use super::decide::Turn;
use super::private::MatterPrivate;
use crate::case::input::{LONGEST_TEXT, optional, required};
use crate::case::{Refusal, RefusalCode};

pub(super) fn note(turn: &Turn<'_>, words: &str) -> Result<MatterDraft, Refusal> {
    let words = required(words, "words", LONGEST_TEXT, || input_fault("请填写备注内容。"))?;
    Ok(turn.say(MatterSideEvent::Note, MatterPrivate::of_words(&words)))
}

pub(super) fn remind(turn: &Turn<'_>) -> MatterDraft {
    let station = turn.matter.holder().unwrap_or(turn.context.station);
    turn.say(MatterSideEvent::Reminded { station }, MatterPrivate::default())
}

pub(super) fn rate(turn: &Turn<'_>, satisfied: bool, words: &str) -> Result<MatterDraft, Refusal> {
    let words = optional(words, "words", LONGEST_TEXT)?;
    Ok(turn.say(MatterSideEvent::Rated { satisfied }, MatterPrivate::of_words(&words)))
}

pub(super) fn cancel(turn: &Turn<'_>, reason: &str) -> Result<MatterDraft, Refusal> {
    let reason =
        required(reason, "reason", LONGEST_TEXT, || Refusal::new(RefusalCode::ReasonMissing, "请写明撤销的理由。"))?;
    let opener = turn.matter.opening().map(|opening| opening.writer);
    if opener != Some(turn.context.station) {
        return Err(Refusal::new(RefusalCode::NotEntitled, "只有下发的站点可以撤销。"));
    }
    Ok(turn.say(MatterSideEvent::Cancelled, MatterPrivate::of_words(&reason)))
}
