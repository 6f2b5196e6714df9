//! 公示: a notice that must hang for its days before the case goes on.

use sanji_log::AttachmentId;

use super::action::Action;
use super::body::StepEvent;
use super::command::{Draft, StoredAttachment};
use super::correction::calendar_missing;
use super::handling::Handling;
use super::input::{self, LONGEST_NAME, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use crate::calendar::MissingYear;

/// 张贴公示. It counts from the day after it was posted.
pub(super) fn post(
    handling: &Handling<'_>,
    place: &str,
    photographs: &[AttachmentId],
    attachments: &[StoredAttachment],
) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::PostPublicity, None)?;
    let Some(publicity) = handling.item.publicity_of(&turn.stage.id) else {
        return Err(Refusal::new(RefusalCode::WrongStage, "本环节不需要公示。"));
    };
    if photographs.is_empty() {
        let sentence = "请上传公示张贴后的照片；没有照片的不能进入下一环节。";
        return Err(Refusal::new(RefusalCode::PhotographMissing, sentence).at("photographs"));
    }
    input::attachments(photographs, attachments, "photographs")?;
    let place = match input::optional(place, "place", LONGEST_NAME)? {
        place if place.is_empty() => publicity.place.clone(),
        place => place,
    };
    let calendar = handling.context.reference.calendar;
    let from = turn.today().tomorrow().map_err(|_| calendar_missing(MissingYear(turn.today().year())))?;
    // Where nobody knows the working days of that year yet, the last day follows once they are announced.
    let until = calendar.deadline(turn.today(), publicity.limit).ok();
    let event = StepEvent::PublicityPosted {
        stage: turn.stage.id.clone(),
        from,
        until,
        place,
        photographs: photographs.to_vec(),
    };
    let private = Private { attachment_names: input::names(attachments), ..Private::default() };
    Ok(turn.step(event, turn.stay(), private, attachments))
}

/// 公示期满. Not before its last day has ended; with an objection the stage before it is done again.
pub(super) fn end(handling: &Handling<'_>, objection: bool, words: &str) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::EndPublicity, None)?;
    let words = if objection {
        input::required(words, "words", LONGEST_TEXT, || {
            input::reason_missing("有异议的，请写明异议内容，以便重新调查。")
        })?
    } else {
        input::optional(words, "words", LONGEST_TEXT)?
    };
    let next = if objection { turn.to(Some(handling.route.before(turn.position))) } else { turn.onwards() };
    let event = StepEvent::PublicityEnded { stage: turn.stage.id.clone(), objection };
    Ok(turn.step(event, next, Private::of_words(words), &[]))
}
