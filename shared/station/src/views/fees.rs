//! Payment notices of a case and what may be charged, as people see them. Nothing of it is personal.

use sanji_domain::Item;
use sanji_domain::calendar::date_number;
use sanji_domain::case::Case;
use sanji_domain::case::fee::{self, Notice};
use sanji_domain::money;
use sanji_proto::v1 as proto;

use crate::core::ReferenceData;

/// The notices of a case, in the order of their numbers.
pub(super) fn notices(reference: &ReferenceData, case: &Case, item: Option<&Item>) -> Vec<proto::FeeNoticeView> {
    case.fees().notices.iter().map(|notice| view(reference, case, item, notice)).collect()
}

/// What may be charged today and has not been yet.
pub(super) fn chargeable(
    reference: &ReferenceData,
    case: &Case,
    item: Option<&Item>,
    now_ms: u64,
) -> Vec<proto::ChargeableView> {
    let Some(item) = item else { return Vec::new() };
    let today = sanji_domain::calendar::local_date(i64::try_from(now_ms).unwrap_or(i64::MAX));
    let fees = fee::still_chargeable(case, item, reference.catalogue(), today).into_iter();
    let view = |fee: &sanji_domain::catalogue::FeeItem| proto::ChargeableView {
        code: fee.code.clone(),
        name: fee.name.clone(),
        price_fen: fee.amount_fen,
        unit: fee.unit.clone(),
        basis: fee.basis.clone(),
        grounds: fee.waive.clone(),
    };
    fees.map(view).collect()
}

fn view(reference: &ReferenceData, case: &Case, item: Option<&Item>, notice: &Notice) -> proto::FeeNoticeView {
    let issued = &notice.issued;
    let known = item.map(|item| fee::known_fees(item, reference.catalogue())).unwrap_or_default();
    let lines = issued.lines.iter().map(|line| {
        let fee = known.iter().find(|fee| fee.code == line.code);
        proto::FeeLineView {
            code: line.code.clone(),
            name: fee.map(|fee| fee.name.clone()).unwrap_or_default(),
            basis: fee.map(|fee| fee.basis.clone()).unwrap_or_default(),
            unit: fee.map(|fee| fee.unit.clone()).unwrap_or_default(),
            quantity: line.quantity,
            price_fen: line.price_fen,
            waived_fen: line.waived_fen,
            ground: line.ground.clone(),
            payable_fen: line.payable_fen(),
        }
    });
    let organisation = reference.organisation();
    let department = organisation.and_then(|organisation| organisation.department(&issued.department));
    let treasury = organisation.and_then(|organisation| organisation.district.treasury.clone());
    let payment = notice.payment.as_ref();
    let refund = notice.refund.as_ref();
    proto::FeeNoticeView {
        number: issued.number,
        notice_number: case.notice_number(issued.number),
        payment_code: case.payment_code(issued.number),
        lines: lines.collect(),
        payable_fen: issued.payable_fen(),
        payable_words: money::in_words(issued.payable_fen()),
        until: issued.until.map_or(0, date_number),
        department_name: department.map_or_else(|| issued.department.to_string(), |known| known.name.clone()),
        department_code: department
            .and_then(|known| known.credit_code.as_ref().map(|code| code.as_str().to_owned()))
            .unwrap_or_else(|| issued.department.to_string()),
        issued_ms: notice.by.time.millis(),
        issued_by: notice.by.name.clone(),
        state: notice.words().to_owned(),
        payment: payment.map(|(payment, _)| proto::FeePaid {
            notice: payment.notice,
            receipt_number: payment.receipt_number.clone(),
            amount_fen: payment.amount_fen,
            paid_ms: payment.paid_ms,
            bank: payment.bank.clone(),
            serial: payment.serial.clone(),
        }),
        registered_by: payment.map(|(_, by)| by.name.clone()).unwrap_or_default(),
        refund_fen: refund.map_or(0, |refund| refund.amount_fen),
        refund_receipt: refund
            .and_then(|refund| refund.paid.as_ref())
            .map(|(receipt, _)| receipt.clone())
            .unwrap_or_default(),
        account_name: treasury.as_ref().map(|treasury| treasury.name.clone()).unwrap_or_default(),
        account_bank: treasury.as_ref().map(|treasury| treasury.bank.clone()).unwrap_or_default(),
        account_number: treasury.map(|treasury| treasury.account).unwrap_or_default(),
    }
}
