//! 统一送达台账: every decision and notice that was handed over (requirements 41, 42).
//!
//! The store of a station knows no number of copies, so that column stays empty for the pen; the number of the receipt
//! (回证编号) is the beginning of the hash of the entry that records the delivery.

use sanji_domain::case::{Outcome, StepEvent};

use super::{Ledger, Row, Rows, short};
use crate::error::Error;
use crate::records::eye::Eye;
use crate::records::times;

pub(super) static LEDGER: Ledger = Ledger {
    name: "delivery",
    title: "统一送达台账",
    period_of: "送达登记时间",
    by_opening: false,
    number: "办件编号",
    columns: &[
        "文书或证照名称",
        "文书或证照编号",
        "份数",
        "受送达人",
        "送达方式",
        "送出时间",
        "签收时间",
        "签收人",
        "送达人",
        "送达机构",
        "回证编号",
        "备注",
    ],
    rows: Rows::OfCase(rows),
};

fn rows(eye: &Eye<'_>) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for facts in eye.case.steps() {
        let StepEvent::Delivered { method, signed_on, by_proxy } = &facts.body.event else { continue };
        let number = eye.case.decision().map(|decision| decision.document_number.clone()).unwrap_or_default();
        let cells = vec![
            document(eye),
            number,
            String::new(),
            eye.applicant()?,
            method.term().to_owned(),
            eye.answer().map(|answer| eye.minute(answer)).unwrap_or_default(),
            signed_on.to_string(),
            eye.name(&facts.log, facts.seq, |private| private.receiver.clone())?,
            facts.body.actor.name.clone(),
            eye.station(facts.writer),
            short(&facts.hash),
            if *by_proxy { "由他人代收" } else { "" }.to_owned(),
        ];
        let at_ms = facts.time.millis();
        rows.push(Row { entry: facts.hash, at_ms, overdue: is_late(eye, at_ms), cells });
    }
    Ok(rows)
}

/// What was handed over.
fn document(eye: &Eye<'_>) -> String {
    match eye.case.outcome() {
        Some(Outcome::Approved) => eye.item.result.name.clone(),
        Some(Outcome::Denied) => "不予批准决定书".to_owned(),
        Some(Outcome::NotAccepted) => "不予受理通知书".to_owned(),
        Some(Outcome::Returned) => "退回件通知书".to_owned(),
        Some(Outcome::Withdrawn) | None => String::new(),
    }
}

/// Handed over later than the rules allow after the answer (行政许可法 art. 44: ten working days).
fn is_late(eye: &Eye<'_>, delivered_ms: u64) -> bool {
    let (Some(answer), Some(defaults)) = (eye.answer(), eye.reference.defaults()) else { return false };
    let within = defaults.decision.deliver_within;
    let until = eye.reference.calendar().deadline(times::date(answer.time.millis()), within);
    until.is_ok_and(|until| times::date(delivered_ms) > until)
}
