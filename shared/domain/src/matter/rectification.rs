//! 督办整改: a finding with its limit, the measures and the evidence, acceptance and closing.

use jiff::civil::Date;
use sanji_log::{AttachmentId, RequestId, Tier};

use super::body::{MatterEvent, RectificationIssued, Source};
use super::command::{MatterDraft, RectificationInput};
use super::complaint::{fault, input_fault, opening};
use super::context::MatterContext;
use super::decide::Turn;
use super::private::MatterPrivate;
use crate::case::input::{LONGEST_NAME, LONGEST_TEXT, attachments, names, optional, required};
use crate::case::{Refusal, StoredAttachment};
use crate::organisation::Role;

/// Roles that issue one.
pub(super) const ISSUES: &[Role] = &[Role::Supervisor];

/// Issues an order to put something right. Its home is the station that has to act.
///
/// # Errors
/// A refusal that says what is missing, or that the person may not.
pub fn issue(
    request: Option<RequestId>,
    input: &RectificationInput,
    context: &MatterContext<'_>,
) -> Result<MatterDraft, Refusal> {
    context.with_role(ISSUES, "督办整改由监察人员下发。")?;
    if input.source == Source::Unknown {
        return Err(fault("source", "请选择问题来源。"));
    }
    if !input.station.within(context.station) || context.reference.organisation.station(&input.station).is_none() {
        return Err(fault("station", "只能向本站或下级站点下发整改，请重新选择。"));
    }
    let department = match input.department.trim() {
        "" => None,
        code => {
            let known = code.parse().ok().filter(|code| context.reference.organisation.department(code).is_some());
            Some(known.ok_or_else(|| fault("department", "没有这个部门，请重新选择整改部门。"))?)
        }
    };
    if department.is_none() && input.station.tier() == Tier::District {
        return Err(fault("department", "区级单位整改的，请选择整改部门。"));
    }
    let title = required(&input.title, "title", LONGEST_NAME, || input_fault("请用一句话写明要整改的问题。"))?;
    let words = required(&input.words, "words", LONGEST_TEXT, || input_fault("请写明查明的问题和整改要求。"))?;
    let event = MatterEvent::RectificationIssued(RectificationIssued {
        source: input.source,
        department,
        issuer: context.station,
        until: last_day(input.until, context)?,
        concerns: optional(&input.concerns, "concerns", LONGEST_NAME)?,
        title,
    });
    let private = MatterPrivate::of_words(&words);
    Ok(opening(request, event, input.station, private, ISSUES, context))
}

fn last_day(until: Option<Date>, context: &MatterContext<'_>) -> Result<Date, Refusal> {
    let until = until.ok_or_else(|| fault("until", "请选择整改期限。"))?;
    if until < context.today() {
        return Err(fault("until", "整改期限不能早于今天。"));
    }
    Ok(until)
}

pub(super) fn report(
    turn: &Turn<'_>,
    words: &str,
    evidence: &[AttachmentId],
    stored: &[StoredAttachment],
) -> Result<MatterDraft, Refusal> {
    let words = required(words, "words", LONGEST_TEXT, || input_fault("请写明整改的措施和结果。"))?;
    attachments(evidence, stored, "evidence")?;
    let issuer = turn.matter.rectification().map_or(turn.context.station, |issued| issued.issuer);
    let private = MatterPrivate { words, attachment_names: names(stored), ..MatterPrivate::default() };
    let draft = turn.step_to(issuer, MatterEvent::RectificationReported { evidence: evidence.to_vec() }, private);
    Ok(MatterDraft { attachments: stored.to_vec(), ..draft })
}

pub(super) fn send_back(turn: &Turn<'_>, until: Option<Date>, words: &str) -> Result<MatterDraft, Refusal> {
    let words = required(words, "words", LONGEST_TEXT, || input_fault("请写明哪里还不符合要求。"))?;
    let until = last_day(until, turn.context)?;
    let target = turn.matter.id().home().unwrap_or(turn.context.station);
    Ok(turn.step_to(target, MatterEvent::RectificationSentBack { until }, MatterPrivate::of_words(&words)))
}

pub(super) fn close(turn: &Turn<'_>, words: &str) -> Result<MatterDraft, Refusal> {
    let words = required(words, "words", LONGEST_TEXT, || input_fault("请写明验收的情况。"))?;
    Ok(turn.step(MatterEvent::RectificationClosed, MatterPrivate::of_words(&words)))
}
