//! 统一受理台账: every application that was handed in, whatever became of it (requirement 41).

use sanji_domain::case::{StepEvent, StepFacts};

use super::{Ledger, Row, Rows};
use crate::error::Error;
use crate::records::eye::Eye;
use crate::records::times;

pub(super) static LEDGER: Ledger = Ledger {
    name: "acceptance",
    title: "统一受理台账",
    period_of: "收件时间",
    by_opening: true,
    number: "办件编号",
    columns: &[
        "收件时间",
        "申请人",
        "事项",
        "办件类型",
        "来源",
        "收件机构",
        "代办员",
        "受理结果",
        "受理时间",
        "承诺截止日期",
        "承办部门",
        "当前环节",
        "办结时间",
        "结果",
        "是否超时",
        "备注",
    ],
    rows: Rows::OfCase(rows),
};

fn rows(eye: &Eye<'_>) -> Result<Vec<Row>, Error> {
    let Some(opening) = eye.case.steps().next() else { return Ok(Vec::new()) };
    // A draft (预申报) is no application yet.
    if eye.case.preliminary().is_some() {
        return Ok(Vec::new());
    }
    let (accepted, accepted_at) = acceptance(eye);
    let agent = if eye.case.mandate().is_some() { opening.body.actor.name.clone() } else { String::new() };
    let answer = eye.answer();
    let until = eye.clock().promised_until.map(|day| day.to_string()).unwrap_or_default();
    let home = eye.case.home().map(|home| eye.station(home)).unwrap_or_default();
    let overdue = eye.is_overdue();
    let cells = vec![
        eye.minute(opening),
        eye.applicant()?,
        eye.item.name.clone(),
        eye.item.case_type.to_string(),
        eye.case.channel().term().to_owned(),
        home,
        agent,
        accepted.to_owned(),
        accepted_at,
        until,
        eye.department(&eye.item.department),
        eye.case.stage().map(|stage| eye.stage(stage)).unwrap_or_default(),
        answer.map(|facts| eye.minute(facts)).unwrap_or_default(),
        result(eye, answer),
        if overdue { "超时" } else { "否" }.to_owned(),
        eye.remarks(),
    ];
    Ok(vec![Row { entry: opening.hash, at_ms: opening.time.millis(), overdue, cells }])
}

/// Whether it was accepted, and when.
fn acceptance(eye: &Eye<'_>) -> (&'static str, String) {
    let refused = eye.case.steps().find(|facts| matches!(facts.body.event, StepEvent::NotAccepted { .. }));
    if let Some(refused) = refused {
        return ("不予受理", eye.minute(refused));
    }
    match eye.case.accepted_at() {
        Some(time) if eye.case.acceptance_deemed() => ("视为受理", times::minute(time.millis())),
        Some(time) => ("受理", times::minute(time.millis())),
        None if eye.case.correction().is_some() => ("一次性告知补正", String::new()),
        None => ("未答复", String::new()),
    }
}

/// The outcome, once there is one; before that where the case stands.
fn result(eye: &Eye<'_>, answer: Option<&StepFacts>) -> String {
    match eye.case.outcome().filter(|_| answer.is_some()) {
        Some(outcome) => outcome.words().to_owned(),
        None => eye.case.state().words().to_owned(),
    }
}
