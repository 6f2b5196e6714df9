//! 准予 or 不予. After a disagreement in a round the deciding stage has the word: it denies, asks the departments once
//! more, or, where nothing was passed over, approves with its reasons.

use jiff::civil::Date;

use super::action::Action;
use super::body::StepEvent;
use super::command::Draft;
use super::handling::Handling;
use super::input::{self, LONGEST_NAME, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::round::{self, Round};
use super::turn::Turn;
use crate::code::StageId;

const ART_38: &str = "《行政许可法》第三十八条第二款";

/// A decision as entered.
pub(super) struct Ruling<'a> {
    pub(super) approved: bool,
    pub(super) reason: &'a str,
    pub(super) basis: &'a str,
    pub(super) ground: u32,
    pub(super) document_number: &'a str,
    pub(super) answered_on: Option<Date>,
    /// Which of the stages that run in parallel; none: the actor's first.
    pub(super) stage: Option<&'a StageId>,
}

/// Approved, the case goes on to the next stage, which may decide too; denied, straight to delivery.
pub(super) fn decide(handling: &Handling<'_>, ruling: &Ruling<'_>) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::Decide, ruling.stage)?;
    let (reason, basis) = if ruling.approved {
        turn.may_approve_after_referral()?;
        handling.nothing_follows()?;
        let reason = turn.reason_to_approve(ruling.reason)?;
        (reason, input::optional(ruling.basis, "basis", LONGEST_TEXT)?)
    } else {
        grounds(&turn, ruling)?
    };
    let event = StepEvent::Decided {
        stage: turn.stage.id.clone(),
        approved: ruling.approved,
        basis,
        ground: if ruling.approved { 0 } else { ruling.ground },
        document_number: document_number(&turn, ruling.document_number)?,
        answered_on: turn.answered_on(ruling.answered_on)?,
    };
    let next = if ruling.approved { turn.onwards() } else { turn.to_delivery() };
    Ok(turn.step(event, next, Private::of_words(reason), &[]))
}

/// 重新征求意见: the departments that disagree, and those that had not answered when the case was put to the decision.
pub(super) fn consult_again(handling: &Handling<'_>, words: &str) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::ConsultAgain, None)?;
    let words = input::required(words, "words", LONGEST_TEXT, || {
        input::reason_missing("请写明重新征求意见的理由和需要研究的问题。")
    })?;
    let route = &handling.route;
    let asked: Vec<usize> = Round::before(turn.case(), route).map_or_else(Vec::new, |round| round.unsettled());
    let first = round::first_of(route, asked.clone(), turn.holder);
    let stages = asked.iter().filter_map(|at| route.stage(*at)).map(|stage| stage.id.clone()).collect();
    let event = StepEvent::ConsultedAgain { stages };
    let next = first.map_or_else(|| turn.stay(), |first| turn.just_to(first));
    Ok(turn.step(event, next, Private::of_words(words), &[]))
}

impl Turn<'_> {
    /// The round from which a disagreement brought the case here.
    fn disagreement(&self) -> Option<Round> {
        let round = Round::before(self.case(), &self.handling.route);
        round.filter(|round| round.disagreeing().next().is_some())
    }

    /// Whether departments may be asked once more.
    pub(super) fn may_consult_again(&self) -> bool {
        self.decides() && !self.duty.external && self.case().outcome().is_none() && self.disagreement().is_some()
    }

    /// An approval against a department's opinion gives its reasons, and can't pass over stages that come before it.
    fn reason_to_approve(&self, reason: &str) -> Result<String, Refusal> {
        let Some(round) = self.disagreement().filter(|_| !self.duty.external) else {
            return input::optional(reason, "reason", LONGEST_TEXT);
        };
        let route = &self.handling.route;
        let who: Vec<&str> = round.disagreeing().filter_map(|at| route.stage(at)).map(|stage| &*stage.name).collect();
        let who = who.join("、");
        let passed_over = round.disagreeing().next().and_then(|at| route.after(at)) != Some(self.position);
        if passed_over {
            let sentence =
                format!("“{who}”的意见是不同意，后面的环节还没有办理：请重新征求意见，或者作出不予批准的决定。");
            return Err(Refusal::new(RefusalCode::Disagreed, sentence));
        }
        input::required(reason, "reason", LONGEST_TEXT, || {
            input::reason_missing("有部门不同意，仍要准予的，请写明理由。")
        })
    }
}

/// No refusal without reason and basis (明确答复制).
fn grounds(turn: &Turn<'_>, ruling: &Ruling<'_>) -> Result<(String, String), Refusal> {
    let known = turn.handling.item.refuse_when.len();
    if usize::try_from(ruling.ground).is_ok_and(|ground| ground > known) {
        let sentence = format!("本事项列明的不予批准情形只有{known}项，请重新选择。");
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("ground"));
    }
    let reason = input::required(ruling.reason, "reason", LONGEST_TEXT, || {
        input::reason_missing("作出不予批准的决定应当说明理由，请填写理由。").because_of(ART_38)
    })?;
    let basis = input::required(ruling.basis, "basis", LONGEST_TEXT, || {
        input::basis_missing("作出不予批准的决定应当有法律依据，请填写法律名称和条款。").because_of(ART_38)
    })?;
    Ok((reason, basis))
}

/// Where an outside body decides, its document's number is the proof.
fn document_number(turn: &Turn<'_>, given: &str) -> Result<String, Refusal> {
    if !turn.duty.external {
        return input::optional(given, "document_number", LONGEST_NAME);
    }
    input::required(given, "document_number", LONGEST_NAME, || {
        Refusal::new(RefusalCode::OutsideNumberMissing, "本环节由外部单位决定，请填写其答复的文号。")
    })
}
