//! 代办台账: what agents took over for residents, and what became of it (requirements 20, 21).

use sanji_domain::case::{StepEvent, StepFacts, words};
use sanji_log::Tier;

use super::{Ledger, Row, Rows};
use crate::error::Error;
use crate::records::eye::Eye;

pub(super) static LEDGER: Ledger = Ledger {
    name: "agency",
    title: "代办台账",
    period_of: "委托日期",
    by_opening: true,
    number: "办件编号",
    columns: &[
        "委托日期",
        "委托人",
        "事项",
        "移交材料",
        "代办员",
        "代办机构",
        "报送日期",
        "乡镇签收人",
        "办结日期",
        "送达日期",
        "委托人签收",
        "回访",
        "备注",
    ],
    rows: Rows::OfCase(rows),
};

fn rows(eye: &Eye<'_>) -> Result<Vec<Row>, Error> {
    let (Some(opening), Some(_)) = (eye.case.steps().next(), eye.case.mandate()) else { return Ok(Vec::new()) };
    let home = eye.case.home();
    let handed_on = eye.case.steps().find(|facts| Some(facts.body.holder) != home);
    let signed_for = eye.case.steps().find(|facts| facts.writer.tier() == Tier::Township && Some(facts.writer) != home);
    let delivered = eye.case.steps().rfind(|facts| matches!(facts.body.event, StepEvent::Delivered { .. }));
    let signed_on = |facts: &StepFacts| match &facts.body.event {
        StepEvent::Delivered { signed_on, .. } => signed_on.to_string(),
        _ => String::new(),
    };
    let receiver = match delivered {
        Some(facts) => eye.name(&facts.log, facts.seq, |private| private.receiver.clone())?,
        None => String::new(),
    };
    let minute = |facts: Option<&StepFacts>| facts.map(|facts| eye.minute(facts)).unwrap_or_default();
    let overdue = eye.is_overdue();
    let cells = vec![
        eye.minute(opening),
        eye.applicant()?,
        eye.item.name.clone(),
        eye.handed_in(),
        opening.body.actor.name.clone(),
        home.map(|home| eye.station(home)).unwrap_or_default(),
        minute(handed_on),
        signed_for.map(|facts| facts.body.actor.name.clone()).unwrap_or_default(),
        minute(eye.answer()),
        delivered.map(signed_on).unwrap_or_default(),
        receiver,
        eye.case.rating().map(|rating| words::satisfaction(rating).to_owned()).unwrap_or_default(),
        eye.remarks(),
    ];
    Ok(vec![Row { entry: opening.hash, at_ms: opening.time.millis(), overdue, cells }])
}
