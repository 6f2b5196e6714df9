//! 准予 or 不予.

use super::body::StepEvent;
use super::command::{Action, Draft};
use super::handling::Handling;
use super::input::{self, LONGEST_NAME, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::turn::Turn;

const ART_38: &str = "《行政许可法》第三十八条第二款";

/// A decision as entered.
pub(super) struct Ruling<'a> {
    pub(super) approved: bool,
    pub(super) reason: &'a str,
    pub(super) basis: &'a str,
    pub(super) ground: u32,
    pub(super) document_number: &'a str,
}

/// Approved, the case goes on to the next stage, which may decide too; denied, straight to delivery.
pub(super) fn decide(handling: &Handling<'_>, ruling: &Ruling<'_>) -> Result<Draft, Refusal> {
    let turn = handling.turn(Action::Decide)?;
    let (reason, basis) = if ruling.approved {
        let reason = input::optional(ruling.reason, "reason", LONGEST_TEXT)?;
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
    };
    let next = if ruling.approved { turn.onwards() } else { turn.to_delivery() };
    Ok(turn.step(event, next, Private::of_words(&reason), &[]))
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
