//! 报批: what an outside body decides or answers. It does not log in: whoever handed the case up records when it was
//! sent, under which number, when its answer was asked for, and the answer. Until then the case stays on their list.
//!
//! The route names outside bodies as stages of their own. Besides, a department may agree on condition that a higher
//! authority does (同意，但需报上级批准): then the deciding stage sends the question up before it may approve.

use jiff::civil::Date;
use sanji_log::StationCode;

use super::action::Action;
use super::body::{Opinion, SideEvent, StepEvent};
use super::command::Draft;
use super::handling::Handling;
use super::input::{self, LONGEST_NAME, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::state::Case;
use super::turn::Turn;

/// What an outside body was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// Its name.
    pub body: String,
    /// When it was sent there.
    pub sent_on: Date,
    /// Its number there; empty: not known yet.
    pub outside_number: String,
    /// When it was asked where its answer is.
    pub chased_on: Vec<Date>,
    /// Day and number of its answer, and whether it agrees.
    pub answer: Option<(Date, String, bool)>,
}

impl Case {
    /// What the last outside body was asked, if any was.
    #[must_use]
    pub fn outside(&self) -> Option<Outside> {
        let mut asked: Option<Outside> = None;
        let mut of = None;
        for facts in self.steps() {
            match (&facts.body.event, &mut asked) {
                (StepEvent::SentUp { stage, body, sent_on, outside_number }, _) => {
                    of = Some(stage);
                    asked = Some(Outside {
                        body: body.clone(),
                        sent_on: *sent_on,
                        outside_number: outside_number.clone(),
                        chased_on: Vec::new(),
                        answer: None,
                    });
                }
                (StepEvent::Chased { on, .. }, Some(asked)) => asked.chased_on.push(*on),
                (StepEvent::OutsideAnswered { answered_on, outside_number, approved, .. }, Some(asked)) => {
                    asked.answer = Some((*answered_on, outside_number.clone(), *approved));
                }
                (
                    StepEvent::StageFinished { stage, outside_number, answered_on: Some(on), opinion, .. },
                    Some(asked),
                ) if of == Some(stage) => {
                    asked.answer = Some((*on, outside_number.clone(), *opinion != Opinion::Disagree));
                }
                (StepEvent::Decided { stage, document_number, answered_on: Some(on), approved, .. }, Some(asked))
                    if of == Some(stage) =>
                {
                    asked.answer = Some((*on, document_number.clone(), *approved));
                }
                _ => {}
            }
        }
        asked
    }

    /// Whether an outside body's answer is waited for.
    #[must_use]
    pub fn is_outside(&self) -> bool {
        self.outcome().is_none() && self.outside().is_some_and(|outside| outside.answer.is_none())
    }

    /// Whether some department has agreed on condition that a higher authority does, and that has not answered since;
    /// and what it answered.
    fn referral(&self) -> Referral {
        let mut referral = Referral::None;
        for facts in self.steps() {
            match &facts.body.event {
                StepEvent::StageFinished { opinion: Opinion::ReferUp, .. } => referral = Referral::Open,
                StepEvent::OutsideAnswered { approved, .. } if referral == Referral::Open || *approved => {
                    referral = Referral::Answered(*approved);
                }
                _ => {}
            }
        }
        let refers = |event: &SideEvent| matches!(event, SideEvent::Consulted { opinion: Some(Opinion::ReferUp), .. });
        let beside = self.sides().any(|facts| refers(&facts.body.event));
        if beside && referral == Referral::None { Referral::Open } else { referral }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Referral {
    None,
    Open,
    Answered(bool),
}

impl Turn<'_> {
    /// Whether the question of this stage lies with an outside body.
    pub(super) fn waits_for_outside(&self) -> bool {
        let mut waits = false;
        for facts in self.case().steps() {
            match &facts.body.event {
                StepEvent::SentUp { stage, .. } if *stage == self.stage.id => waits = true,
                StepEvent::StageFinished { stage, .. }
                | StepEvent::Decided { stage, .. }
                | StepEvent::OutsideAnswered { stage, .. }
                    if *stage == self.stage.id =>
                {
                    waits = false;
                }
                _ => {}
            }
        }
        waits
    }

    /// Whether this stage has something to send to an outside body.
    pub(super) fn to_be_sent_up(&self) -> bool {
        let refers = self.decides() && self.case().referral() == Referral::Open;
        (self.duty.external || refers) && !self.waits_for_outside()
    }

    /// What an outside body has answered can be recorded only once it was sent there.
    pub(super) fn sent_up(&self) -> Result<(), Refusal> {
        if !self.duty.external || self.waits_for_outside() {
            return Ok(());
        }
        let sentence = format!("“{}”由外部单位办理，请先登记报送时间和报送单位，再登记答复。", self.stage.name);
        Err(Refusal::new(RefusalCode::WrongStage, sentence))
    }

    /// Where a department made its agreement depend on a higher authority, nobody here decides in its place.
    pub(super) fn may_approve_after_referral(&self) -> Result<(), Refusal> {
        if self.duty.external {
            return Ok(());
        }
        let sentence = match self.case().referral() {
            Referral::None | Referral::Answered(true) => return Ok(()),
            Referral::Open => "有部门的意见是“同意，但需报上级批准”，请先报送上级并登记批复，再作出准予决定。",
            Referral::Answered(false) => "上级机关没有批准，不能作出准予决定。",
        };
        Err(Refusal::new(RefusalCode::OutsideAnswerMissing, sentence))
    }

    /// The day on which an outside body answered: not before it was asked, not after today. None where none acts here.
    pub(super) fn answered_on(&self, given: Option<Date>) -> Result<Option<Date>, Refusal> {
        if self.duty.external { self.day_of_answer(given).map(Some) } else { Ok(None) }
    }

    fn day_of_answer(&self, given: Option<Date>) -> Result<Date, Refusal> {
        let sent_on = self.case().outside().map(|outside| outside.sent_on);
        let day = past(self, given, "answered_on")?;
        if sent_on.is_some_and(|sent_on| day < sent_on) {
            let sentence = "答复日期不能早于报送日期，请核对。";
            return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("answered_on"));
        }
        Ok(day)
    }
}

fn past(turn: &Turn<'_>, given: Option<Date>, field: &str) -> Result<Date, Refusal> {
    let day = given.unwrap_or(turn.today());
    if day > turn.today() {
        return Err(Refusal::new(RefusalCode::InvalidInput, "日期不能晚于今天，请核对。").at(field));
    }
    Ok(day)
}

/// 登记报送
pub(super) fn send_up(
    handling: &Handling<'_>,
    body: &str,
    sent_on: Option<Date>,
    outside_number: &str,
) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::SendUp, None)?;
    let body = match input::optional(body, "body", LONGEST_NAME)? {
        body if body.is_empty() && turn.duty.external => {
            let organisation = handling.context.reference.organisation;
            let department = organisation.department(&turn.stage.department);
            department.map_or_else(|| turn.stage.department.to_string(), |department| department.name.clone())
        }
        body if body.is_empty() => {
            return Err(Refusal::new(RefusalCode::InvalidInput, "请填写报送的上级机关名称。").at("body"));
        }
        body => body,
    };
    let outside_number = input::optional(outside_number, "outside_number", LONGEST_NAME)?;
    let sent_on = past(&turn, sent_on, "sent_on")?;
    let event = StepEvent::SentUp { stage: turn.stage.id.clone(), body, sent_on, outside_number };
    Ok(turn.step(event, turn.stay(), Private::default(), &[]))
}

/// 登记催办
pub(super) fn chase(handling: &Handling<'_>, on: Option<Date>, words: &str) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::Chase, None)?;
    let words = input::required(words, "words", LONGEST_TEXT, || {
        Refusal::new(RefusalCode::InvalidInput, "请写明催办的方式和对方的答复。")
    })?;
    let event = StepEvent::Chased { stage: turn.stage.id.clone(), on: past(&turn, on, "on")? };
    Ok(turn.step(event, turn.stay(), Private::of_words(words), &[]))
}

/// 登记批复
pub(super) fn register_answer(
    handling: &Handling<'_>,
    answered_on: Option<Date>,
    outside_number: &str,
    approved: bool,
    words: &str,
) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::RegisterAnswer, None)?;
    let outside_number = input::required(outside_number, "outside_number", LONGEST_NAME, || {
        Refusal::new(RefusalCode::OutsideNumberMissing, "请填写上级机关批复的文号。")
    })?;
    let words = if approved {
        input::optional(words, "words", LONGEST_TEXT)?
    } else {
        input::required(words, "words", LONGEST_TEXT, || input::reason_missing("上级没有批准的，请写明理由。"))?
    };
    let event = StepEvent::OutsideAnswered {
        stage: turn.stage.id.clone(),
        answered_on: turn.day_of_answer(answered_on)?,
        outside_number,
        approved,
    };
    Ok(turn.step(event, turn.stay(), Private::of_words(words), &[]))
}

/// Whether a case lies with an outside body and this station has to keep chasing it.
#[must_use]
pub fn chased_by(case: &Case, station: StationCode) -> bool {
    case.is_outside() && case.holder() == Some(station)
}
