//! What may be charged for an item: the fees of its file and of its parts, on the days on which they are in force.

use jiff::civil::Date;

use super::ART_58;
use super::notice::{FeeLine, Fees, NoticeState};
use crate::case::refusal::{FieldFault, Refusal, RefusalCode};
use crate::case::state::Case;
use crate::catalogue::{Catalogue, FeeItem, Item, PartWork};

/// Most units of one fee: no sum comes near the end of its type.
const MOST_UNITS: u64 = 1_000_000_000;

/// A line of a notice as entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeInput {
    /// Code of the fee.
    pub code: String,
    /// Units.
    pub quantity: u64,
    /// What is waived, in fen; 0 with a ground: all of it.
    pub waived_fen: u64,
    /// Ground as the catalogue has it; empty: nothing is waived.
    pub ground: String,
}

/// The fees that may be charged for a case of an item on a day. Those of the parts of a joint item are paid with
/// its own (一站收费).
#[must_use]
pub fn chargeable<'c>(item: &'c Item, catalogue: &'c Catalogue, on: Date) -> Vec<&'c FeeItem> {
    known_fees(item, catalogue).into_iter().filter(|fee| fee.is_in_force(on)).collect()
}

/// The same, without those on a notice of the case that counts: nothing is charged twice.
#[must_use]
pub fn still_chargeable<'c>(case: &Case, item: &'c Item, catalogue: &'c Catalogue, on: Date) -> Vec<&'c FeeItem> {
    let fees = case.fees();
    chargeable(item, catalogue, on).into_iter().filter(|fee| !is_charged(&fees, &fee.code)).collect()
}

/// All of them, whether they are in force or not: what a notice of another day may name.
#[must_use]
pub fn known_fees<'c>(item: &'c Item, catalogue: &'c Catalogue) -> Vec<&'c FeeItem> {
    let parts = item.parts.iter().filter_map(|part| match &part.work {
        PartWork::Item(code) if *code != item.code => catalogue.latest(code).map(|(_, item)| item),
        _ => None,
    });
    item.fee.items().iter().chain(parts.flat_map(|part| part.fee.items())).collect()
}

/// The lines of a notice: codes and prices of the catalogue, waivers on the catalogue's grounds, nothing twice.
pub(super) fn lines(given: &[FeeInput], known: &[&FeeItem], fees: &Fees) -> Result<Vec<FeeLine>, Refusal> {
    if given.is_empty() {
        let sentence = "请从事项目录中选择收费项目，填写数量。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("lines"));
    }
    let (mut lines, mut faults, mut unlawful) = (Vec::<FeeLine>::new(), Vec::new(), false);
    for (at, input) in given.iter().enumerate() {
        let mut fault = |field: &str, sentence: String| {
            faults.push(FieldFault { field: format!("lines[{at}].{field}"), sentence });
        };
        let Some(fee) = known.iter().find(|fee| fee.code == input.code.trim()) else {
            unlawful = true;
            fault("code", format!("目录中没有收费项目“{}”，不得收取。", input.code.trim()));
            continue;
        };
        if lines.iter().any(|line| line.code == fee.code) || is_charged(fees, &fee.code) {
            unlawful = true;
            fault("code", format!("“{}”已经开具，不得重复收取。", fee.name));
        }
        if input.quantity == 0 || input.quantity > MOST_UNITS {
            fault("quantity", format!("请填写“{}”的数量（{}）。", fee.name, fee.unit));
            continue;
        }
        let full = input.quantity.saturating_mul(fee.amount_fen);
        let ground = input.ground.trim();
        if input.waived_fen > full {
            fault("waived_fen", format!("减免金额不能超过“{}”的应收金额。", fee.name));
        }
        if !ground.is_empty() && !fee.waive.iter().any(|known| known == ground) {
            unlawful = true;
            fault("ground", format!("“{ground}”不是“{}”的减免情形，不能减免。", fee.name));
        }
        if ground.is_empty() && input.waived_fen > 0 {
            fault("ground", format!("减免“{}”须选择目录列明的减免情形。", fee.name));
        }
        let waived_fen = if ground.is_empty() || input.waived_fen > 0 { input.waived_fen } else { full };
        lines.push(FeeLine {
            code: fee.code.clone(),
            quantity: input.quantity,
            price_fen: fee.amount_fen,
            waived_fen,
            ground: ground.to_owned(),
        });
    }
    if faults.is_empty() {
        return Ok(lines);
    }
    let code = if unlawful { RefusalCode::FeeNotLawful } else { RefusalCode::InvalidInput };
    Err(Refusal::of_fields(code, faults).because_of(ART_58))
}

/// Whether a fee stands on a notice that counts.
fn is_charged(fees: &Fees, code: &str) -> bool {
    let counts = |state| matches!(state, NoticeState::Open | NoticeState::Paid | NoticeState::Waived);
    let lines = fees.notices.iter().filter(|notice| counts(notice.state())).flat_map(|notice| &notice.issued.lines);
    lines.into_iter().any(|line| line.code == code)
}
