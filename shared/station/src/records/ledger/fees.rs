//! 收费台账: every payment notice with what came of it (requirements 61 to 63). Sums are in yuan, with two places.

use sanji_domain::case::StepEvent;
use sanji_domain::case::fee::{self, Notice, NoticeState, Refund};
use sanji_domain::money::in_figures;

use super::{Ledger, Row, Rows};
use crate::error::Error;
use crate::records::eye::Eye;
use crate::records::times;

pub(super) static LEDGER: Ledger = Ledger {
    name: "fees",
    title: "收费台账",
    period_of: "开单时间",
    by_opening: false,
    number: "办件编号",
    columns: &[
        "缴款通知编号",
        "事项",
        "收费项目",
        "缴款人",
        "应收",
        "减免",
        "实收",
        "票据号",
        "缴款日期",
        "代收银行",
        "发证日期",
        "状态",
        "退付",
        "开单时间",
        "开单人",
        "收费登记人",
    ],
    rows: Rows::OfCase(rows),
};

fn rows(eye: &Eye<'_>) -> Result<Vec<Row>, Error> {
    let fees = eye.case.fees();
    let mut rows = Vec::new();
    for facts in eye.case.steps() {
        let StepEvent::FeeIssued(issued) = &facts.body.event else { continue };
        let Some(notice) = fees.notices.iter().find(|notice| notice.issued.number == issued.number) else { continue };
        let listed = issued
            .lines
            .iter()
            .fold(0_u64, |sum, line| sum.saturating_add(line.quantity.saturating_mul(line.price_fen)));
        let payment = notice.payment.as_ref();
        let refund = notice.refund.as_ref();
        let delivered = eye.case.delivered().map(|delivered| delivered.signed_on.to_string()).unwrap_or_default();
        let cells = vec![
            eye.case.notice_number(issued.number),
            eye.item.name.clone(),
            names(eye, notice),
            eye.applicant()?,
            in_figures(listed),
            in_figures(listed.saturating_sub(issued.payable_fen())),
            payment.map(|(payment, _)| in_figures(payment.amount_fen)).unwrap_or_default(),
            payment.map(|(payment, _)| payment.receipt_number.clone()).unwrap_or_default(),
            payment.map(|(payment, _)| times::day(payment.paid_ms)).unwrap_or_default(),
            payment.map(|(payment, _)| payment.bank.clone()).unwrap_or_default(),
            delivered,
            notice.state().words().to_owned(),
            refund.map(Refund::words).unwrap_or_default().to_owned(),
            eye.minute(facts),
            facts.body.actor.name.clone(),
            payment.map(|(_, by)| by.name.clone()).unwrap_or_default(),
        ];
        let overdue = notice.state() == NoticeState::Abandoned;
        rows.push(Row { entry: facts.hash, at_ms: facts.time.millis(), overdue, cells });
    }
    Ok(rows)
}

/// The fees of a notice by their names in the catalogue.
fn names(eye: &Eye<'_>, notice: &Notice) -> String {
    let known = fee::known_fees(eye.item, eye.reference.catalogue());
    let name = |code: &String| {
        let known = known.iter().find(|fee| fee.code == *code);
        known.map_or_else(|| code.clone(), |fee| fee.name.clone())
    };
    notice.issued.lines.iter().map(|line| name(&line.code)).collect::<Vec<_>>().join("、")
}
