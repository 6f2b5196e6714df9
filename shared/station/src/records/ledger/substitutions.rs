//! 顶岗台账 (requirements 23, 24): who was away, who acted for them, on which cases. The same that the page of people shows,
//! to the same people.

use sanji_log::Hash;
use sanji_proto::v1::{self as proto, LedgerState};

use super::{Asks, Ledger, NumberedRow, Rows};
use crate::core::input_fault;
use crate::error::Failure;
use crate::records::times::{DAY_MS, minute};
use crate::station::people::substitutions;

pub(super) static LEDGER: Ledger = Ledger {
    name: "substitutions",
    title: "A/B角顶岗台账",
    period_of: "离岗日期",
    by_opening: true,
    number: "离岗人工号",
    columns: &["离岗人", "机构", "部门", "顶岗人工号", "顶岗人", "离岗时间", "返岗时间", "原因", "登记人", "交接办件"],
    rows: Rows::Beside(rows),
};

fn rows(asks: &Asks<'_>) -> Result<Vec<NumberedRow>, Failure> {
    let filter = asks.filter;
    if filter.item.is_some() {
        return Err(input_fault("item", "顶岗台账不按事项查询，请选择全部事项。"));
    }
    let reference = asks.reader.reference();
    let until_ms = filter.until_ms.min(asks.now_ms + DAY_MS);
    let absences = substitutions(asks.reader, Some(asks.staff), filter.from_ms, until_ms, asks.now_ms)?;
    let row = |absence: proto::AbsenceView| {
        // Of somebody above this station, for whom somebody acted on a case from here, no more is known than the id.
        let person = absence.staff.parse().ok().and_then(|id| reference.staff(&id));
        let department = reference.organisation().zip(person);
        let department = department.and_then(|(known, person)| known.department(&person.staff.department));
        let runs = absence.until_ms > asks.now_ms;
        let wanted = match filter.state {
            LedgerState::Open => runs,
            LedgerState::Closed => !runs,
            LedgerState::Unspecified => true,
            // Nothing is promised of an absence.
            LedgerState::Overdue => false,
        };
        let everywhere = filter.within == asks.reader.me();
        let here = person.map_or(everywhere, |person| person.staff.place.within(filter.within));
        let of_department = filter
            .departments
            .as_ref()
            .is_none_or(|wanted| person.is_some_and(|person| wanted.contains(&person.staff.department)));
        if !(wanted && here && of_department) {
            return None;
        }
        let cells = vec![
            absence.staff_name,
            person.map(|person| reference.station_name(person.staff.place)).unwrap_or_default(),
            department.map(|known| known.name.clone()).unwrap_or_default(),
            absence.substitute,
            absence.substitute_name,
            minute(absence.from_ms),
            minute(absence.until_ms),
            absence.reason,
            absence.recorded_by,
            absence.cases.join("、"),
        ];
        Some(NumberedRow {
            number: absence.staff,
            matter: String::new(),
            entry: Hash::try_from(absence.entry.as_slice()).ok(),
            at_ms: absence.from_ms,
            overdue: false,
            cells,
        })
    };
    let mut found: Vec<NumberedRow> = absences.into_iter().filter_map(row).collect();
    found.retain(|row| filter.wants_row(row.at_ms, row.overdue));
    found.sort_by(|one, other| (one.at_ms, &one.number).cmp(&(other.at_ms, &other.number)));
    Ok(found)
}
