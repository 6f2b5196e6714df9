//! 预申报: a draft that the window looks at before anything is filed.
//!
//! A draft is a case whose opening says so. It has its number and query code, travels and is kept like any other, so
//! that nothing that was confirmed is lost; but nothing is accepted and no limit runs. The window answers what is
//! missing, and the draft goes back to where it was written; there it becomes an application by one step that brings
//! what was missing, and takes the item's route from its beginning.

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::body::{Fault, MaterialProvided, StepEvent};
use super::command::{Draft, FaultInput, StoredAttachment};
use super::correction;
use super::handling::{Handling, not_here_yet};
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::submit::{check_mandatory, check_window};

/// How far a draft is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preliminary {
    /// The window has not answered.
    Asked,
    /// The window has answered; the applicant may submit it.
    Answered,
}

impl Preliminary {
    /// What the draft waits for.
    pub(super) fn action(self) -> Action {
        match self {
            Self::Asked => Action::AnswerPreliminary,
            Self::Answered => Action::SubmitPreliminary,
        }
    }
}

/// 答复预申报: everything that is missing; nothing, where the draft can be submitted as it is.
pub(super) fn answer(handling: &Handling<'_>, faults: &[FaultInput], words: &str) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::AnswerPreliminary, None)?;
    correction::check_faults(&turn, faults)?;
    let words = input::optional(words, "words", LONGEST_TEXT)?;
    let event = StepEvent::PreliminaryAnswered {
        faults: faults.iter().map(|fault| Fault { material: fault.material, kind: fault.kind }).collect(),
    };
    let requirements = faults.iter().map(|fault| fault.requirement.trim().to_owned()).collect();
    let private = Private { words, requirements, ..Private::default() };
    let back = (handling.route.home, turn.case().stage().cloned());
    Ok(turn.step(event, back, private, &[]))
}

/// 转为正式申请: what is mandatory must be there now.
pub(super) fn submit(
    handling: &Handling<'_>,
    materials: &[MaterialProvided],
    answers: &[(String, String)],
    attachments: &[StoredAttachment],
) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::SubmitPreliminary, None)?;
    input::materials(materials, handling.item, attachments)?;
    let answers = input::answers(answers)?;
    let mut given = turn.case().materials().clone();
    given.extend(materials.iter().map(|material| (material.material, material.clone())));
    let given: Vec<MaterialProvided> = given.into_values().collect();
    check_mandatory(&given, handling.item, turn.case().mandate().is_some())?;
    check_window(handling.item, turn.today())?;
    let mandate_over = turn.case().mandate().is_some_and(|mandate| !mandate.holds_on(turn.today()));
    if mandate_over {
        return Err(Refusal::new(RefusalCode::MandateExceeded, "委托期限已过，请申请人重新委托。"));
    }
    let first = handling.route.first().ok_or_else(not_here_yet)?;
    let event = StepEvent::PreliminarySubmitted { materials: materials.to_vec() };
    let private = Private { answers, attachment_names: input::names(attachments), ..Private::default() };
    Ok(turn.step(event, turn.to(Some(first)), private, attachments))
}
