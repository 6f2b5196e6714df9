//! 预警台账: every alert that the person may know of, as it stands now (requirement 66). An alert rests on the case as a
//! whole, so a row names the newest step of it; revoked ones stay.

use sanji_domain::calendar::date_of_number;
use sanji_domain::supervision::AlertState;

use super::{Ledger, Row, Rows};
use crate::error::{Error, Failure};
use crate::records::eye::Eye;
use crate::records::times;
use crate::supervision::level_word;

pub(super) static LEDGER: Ledger = Ledger {
    name: "alerts",
    title: "预警台账",
    period_of: "触发日期",
    by_opening: false,
    number: "办件编号",
    columns: &[
        "预警编号",
        "级别",
        "类别",
        "预警事项",
        "事项",
        "环节",
        "责任机构",
        "责任部门",
        "责任人",
        "触发日期",
        "应回复日期",
        "状态",
        "扣分",
    ],
    rows: Rows::OfCase(rows),
};

fn rows(eye: &Eye<'_>) -> Result<Vec<Row>, Error> {
    let (Some(staff), Some(entry)) = (eye.staff, eye.case.last()) else { return Ok(Vec::new()) };
    let alerts = match eye.reader.alerts_of(eye.case, staff, eye.now_ms) {
        Ok(alerts) => alerts,
        Err(Failure::Internal(error)) => return Err(error),
        // Without the district's files there are no rules, hence no alerts.
        Err(_) => return Ok(Vec::new()),
    };
    let day = |number: u32| date_of_number(number).map(|day| day.to_string()).unwrap_or_default();
    let row = |alert: sanji_proto::v1::AlertRow| {
        let level = level_word(alert.level());
        let at_ms = date_of_number(alert.since).map_or(0, times::begin_ms);
        Row {
            entry,
            at_ms,
            overdue: alert.state == AlertState::Overdue.term(),
            cells: vec![
                alert.alert,
                level.to_owned(),
                alert.kind,
                alert.name,
                alert.item_name,
                alert.stage_name,
                alert.station_name,
                alert.department_name,
                alert.person_name,
                day(alert.since),
                day(alert.answer_until),
                alert.state,
                alert.points.to_string(),
            ],
        }
    };
    Ok(alerts.into_iter().map(row).collect())
}
