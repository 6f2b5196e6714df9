//! 投诉台账 (requirements 75, 76): every complaint that the person may know of, and what became of it.
//!
//! 信访工作条例: who complains must not become known to those complained about, and a ledger is copied, printed and passed on.
//! So it has nothing of whoever complains, for nobody, the desk for complaints included: no name, no words, no case (whose
//! applicant would be as good as a name), no village where it was taken down, no hour. Whoever has to know more opens the
//! complaint, which goes on record. Nor can any of it be asked for: the filter's station and department are those
//! complained about.

use sanji_domain::matter::{self, Matter, MatterContext, MatterKind, MatterSight, MatterState, clock};
use sanji_log::Tier;
use sanji_proto::v1::LedgerState;

use super::{Asks, Filter, Ledger, NumberedRow, Rows, in_groups};
use crate::core::{ReferenceData, input_fault};
use crate::error::Failure;
use crate::records::times::day;
use crate::views::{against_unit, department_name, matter_context};

pub(super) static LEDGER: Ledger = Ledger {
    name: "complaints",
    title: "投诉台账",
    period_of: "登记日期",
    by_opening: true,
    number: "投诉编号",
    columns: &[
        "登记日期",
        "投诉方式",
        "登记机构",
        "被投诉单位",
        "承办单位",
        "状态",
        "应办日期",
        "办结日期",
        "调查结论",
        "是否满意",
    ],
    rows: Rows::Beside(rows),
};

fn rows(asks: &Asks<'_>) -> Result<Vec<NumberedRow>, Failure> {
    if asks.filter.item.is_some() {
        return Err(input_fault("item", "投诉台账不按事项查询，请选择全部事项。"));
    }
    let reference = asks.reader.reference();
    let context = matter_context(&reference, asks.reader.me(), Some(asks.staff), asks.now_ms)?;
    let states: &[bool] = match asks.filter.state {
        LedgerState::Open => &[true],
        LedgerState::Closed => &[false],
        LedgerState::Overdue | LedgerState::Unspecified => &[true, false],
    };
    let mut found = Vec::new();
    for open in states {
        for id in asks.reader.all_matters(MatterKind::Complaint, *open)? {
            let Some(matter) = asks.reader.matter(&id)? else { continue };
            if matter::may_see(&matter, &context) != MatterSight::None && is_about(&matter, asks.filter) {
                found.extend(row(&matter, &reference, &context));
            }
        }
    }
    found.retain(|row| asks.filter.wants_row(row.at_ms, row.overdue));
    found.sort_by(|one, other| (one.at_ms, &one.number).cmp(&(other.at_ms, &other.number)));
    Ok(found)
}

/// Whether it is about an office that the filter names.
fn is_about(matter: &Matter, filter: &Filter) -> bool {
    let Some(complaint) = matter.complaint() else { return false };
    let against = &complaint.against;
    let everywhere = filter.within.tier() == Tier::District;
    let here = everywhere || against.station.is_some_and(|station| station.within(filter.within));
    let wanted = |code| filter.departments.as_ref().is_none_or(|wanted| wanted.contains(code));
    here && against.department.as_ref().map_or(filter.departments.is_none(), wanted)
}

fn row(matter: &Matter, reference: &ReferenceData, context: &MatterContext<'_>) -> Option<NumberedRow> {
    let (complaint, opening, head) = (matter.complaint()?, matter.opening()?, matter.head()?);
    let due = clock::due(matter, &context.reference).ok().flatten();
    let finding = match matter.state() {
        MatterState::Concluded(finding) => finding.term(),
        _ => "",
    };
    let office = complaint.registered_at.at_tier(Tier::Township).unwrap_or(complaint.registered_at);
    let closed = if matter.is_open() { String::new() } else { day(head.time.millis()) };
    let cells = vec![
        day(complaint.registered_ms),
        complaint.way.term().to_owned(),
        reference.station_name(office),
        against_unit(&complaint.against, reference),
        matter.assigned().map(|code| department_name(code, reference)).unwrap_or_default(),
        matter.state().words().to_owned(),
        due.map(|due| due.to_string()).unwrap_or_default(),
        closed,
        finding.to_owned(),
        matter.rated().map_or("", |satisfied| if satisfied { "满意" } else { "不满意" }).to_owned(),
    ];
    let number = matter.id().number().to_string();
    Some(NumberedRow {
        number: in_groups(&number),
        matter: number,
        entry: Some(opening.hash),
        at_ms: complaint.registered_ms,
        overdue: matter.is_open() && clock::is_overdue(due, context.today()),
        cells,
    })
}
