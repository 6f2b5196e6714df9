//! 咨询: a question about an item, answered on the spot or by the district, and published where it helps others
//! (行政许可法 art. 30).

use sanji_log::{RequestId, Tier};

use super::body::{MatterBody, MatterEvent, MatterStep, QuestionAsked, Way};
use super::command::{MatterDraft, QuestionInput};
use super::complaint::{fault, input_fault, opening};
use super::context::MatterContext;
use super::decide::Turn;
use super::private::MatterPrivate;
use super::sight::OFFICE_ROLES;
use crate::case::Refusal;
use crate::case::input::{LONGEST_NAME, LONGEST_TEXT, optional, required};

/// Longest question as published, in characters: with the answer it fits a row of the index.
const LONGEST_PUBLIC_QUESTION: usize = 200;
/// Longest answer as published, in characters.
const LONGEST_PUBLIC_ANSWER: usize = 800;

/// Opens a question; with its answer where it is given on the spot.
///
/// # Errors
/// A refusal that says what is missing, or that the person may not.
pub fn ask(
    request: Option<RequestId>,
    input: QuestionInput,
    context: &MatterContext<'_>,
) -> Result<Vec<MatterDraft>, Refusal> {
    if context.actor.is_some() {
        context.with_role(OFFICE_ROLES, "咨询由窗口、代办员或投诉受理人员登记。")?;
    }
    let way = match (input.way, context.actor) {
        (_, None) => Way::Online,
        (Some(way), Some(_)) if way != Way::Unknown => way,
        _ => return Err(fault("way", "请选择咨询方式：网上、电话、来访或意见箱。")),
    };
    let words = required(&input.words, "words", LONGEST_TEXT, || input_fault("请写明要咨询的问题。"))?;
    let answer = optional(&input.answer, "answer", LONGEST_TEXT)?;
    let item = match input.item.trim() {
        "" => None,
        code => {
            let known = code.parse().ok().filter(|code| context.reference.catalogue.latest(code).is_some());
            Some(known.ok_or_else(|| fault("item", "没有这个事项，请重新选择，或者不选。"))?)
        }
    };
    let private = MatterPrivate {
        name: optional(&input.name, "name", LONGEST_NAME)?,
        telephone: optional(&input.telephone, "telephone", LONGEST_NAME)?,
        words,
        query_code: input.query_code,
        ..MatterPrivate::default()
    };
    let event = MatterEvent::QuestionAsked(QuestionAsked { way, item });
    let at_once = !answer.is_empty() && context.actor.is_some();
    let holder = if at_once { context.station } else { context.station.district() };
    let mut drafts = vec![opening(request, event, holder, private, OFFICE_ROLES, context)];
    if at_once {
        let event = MatterEvent::QuestionAnswered { public_question: String::new(), public_answer: String::new() };
        // Rev and the step before it are given where the drafts are written.
        let actor = context.facts(OFFICE_ROLES);
        let step = MatterStep { rev: 2, previous: None, holder, request: None, actor, event };
        let private = MatterPrivate { reply: answer, ..MatterPrivate::default() };
        drafts.push(MatterDraft { body: MatterBody::Step(step), private, attachments: Vec::new(), opens: false });
    }
    Ok(drafts)
}

pub(super) fn answer(
    turn: &Turn<'_>,
    reply: &str,
    public_question: &str,
    public_answer: &str,
) -> Result<MatterDraft, Refusal> {
    let reply = required(reply, "reply", LONGEST_TEXT, || input_fault("请写明答复的内容。"))?;
    let public_question = optional(public_question, "public_question", LONGEST_PUBLIC_QUESTION)?;
    let public_answer = optional(public_answer, "public_answer", LONGEST_PUBLIC_ANSWER)?;
    if public_question.is_empty() != public_answer.is_empty() {
        return Err(fault("public_answer", "要公开的，请把公开的问题和公开的答复都填上；不公开的，两项都不填。"));
    }
    if turn.context.station.tier() != Tier::District && !public_answer.is_empty() {
        return Err(fault("public_answer", "只有区中心可以公开答复。"));
    }
    if has_personal_number(&public_question) || has_personal_number(&public_answer) {
        return Err(fault("public_answer", "公开的内容里像是有身份证号或手机号，请删去后再公开。"));
    }
    let event = MatterEvent::QuestionAnswered { public_question, public_answer };
    Ok(turn.step(event, MatterPrivate { reply, ..MatterPrivate::default() }))
}

/// Whether a text holds what looks like a mobile or identity number: a run of 11 digits that begins with 1, or one of
/// 15 and more (a last X too).
fn has_personal_number(text: &str) -> bool {
    let digits = text.split(|character: char| !character.is_ascii_digit());
    digits.into_iter().any(|run| run.len() == 11 && run.starts_with('1') || run.len() >= 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_persons_are_noticed() {
        for (text, expect) in [
            ("请拨打83570001咨询", false),
            ("联系13800000000", true),
            ("99010619700101001X的低保", true),
            ("编号20260701", false),
            ("23800000000", false),
        ] {
            assert_eq!(has_personal_number(text), expect, "{text}");
        }
    }
}
