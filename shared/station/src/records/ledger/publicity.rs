//! 公示台账: every public notice that hung, with what came of it.

use sanji_domain::case::{StepEvent, StepFacts};

use super::{Ledger, Row, Rows};
use crate::error::Error;
use crate::records::eye::Eye;

pub(super) static LEDGER: Ledger = Ledger {
    name: "publicity",
    title: "公示台账",
    period_of: "张贴时间",
    by_opening: false,
    number: "办件编号",
    columns: &[
        "事项",
        "公示环节",
        "公示地点",
        "张贴时间",
        "公示首日",
        "公示末日",
        "照片张数",
        "公示机构",
        "张贴人",
        "期满记录时间",
        "有无异议",
        "记录人",
    ],
    rows: Rows::OfCase(rows),
};

fn rows(eye: &Eye<'_>) -> Result<Vec<Row>, Error> {
    let steps: Vec<&StepFacts> = eye.case.steps().collect();
    let mut rows = Vec::new();
    for (at, facts) in steps.iter().enumerate() {
        let StepEvent::PublicityPosted { stage, from, until, place, photographs } = &facts.body.event else { continue };
        let ended = steps.iter().skip(at).find_map(|later| match &later.body.event {
            StepEvent::PublicityEnded { stage: of, objection } if of == stage => Some((*later, *objection)),
            _ => None,
        });
        let cells = vec![
            eye.item.name.clone(),
            eye.stage(stage),
            place.clone(),
            eye.minute(facts),
            from.to_string(),
            until.map(|until| until.to_string()).unwrap_or_default(),
            photographs.len().to_string(),
            eye.station(facts.writer),
            facts.body.actor.name.clone(),
            ended.map(|(facts, _)| eye.minute(facts)).unwrap_or_default(),
            ended.map_or("", |(_, objection)| if objection { "有" } else { "无" }).to_owned(),
            ended.map(|(facts, _)| facts.body.actor.name.clone()).unwrap_or_default(),
        ];
        rows.push(Row { entry: facts.hash, at_ms: facts.time.millis(), overdue: false, cells });
    }
    Ok(rows)
}
