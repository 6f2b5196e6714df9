//! Forms about fees: notice of payment, payment, refund. Sums are typed in yuan and sent in fen.

use sanji_domain::money;
use sanji_proto::v1 as proto;
use sanji_proto::v1::act_request::Action;

use crate::form::{Faults, Form};
use crate::words;

/// The command that a form about fees stands for. None: no such action.
pub(crate) fn command(action: &str, form: &Form, faults: &mut Faults) -> Option<Action> {
    let text = |field: &str| form.value(field).to_owned();
    Some(match action {
        "issue_fee" => Action::IssueFee(proto::IssueFee { lines: lines(form, faults) }),
        "register_payment" => Action::RegisterPayment(proto::RegisterPayment {
            notice: form.number("notice"),
            receipt_number: text("receipt_number"),
            amount_fen: sum(form, faults, "amount_fen"),
            paid_ms: paid_at(form, faults),
            bank: text("bank"),
            serial: text("serial"),
        }),
        "void_fee" => Action::VoidFee(proto::VoidFee { reason: text("reason") }),
        "abandon_fee" => Action::AbandonFee(proto::AbandonFee {}),
        "request_refund" => Action::RequestRefund(proto::RequestRefund {
            notice: form.number("notice"),
            amount_fen: sum(form, faults, "amount_fen"),
            reason: text("reason"),
            account: text("account"),
        }),
        "decide_refund" => Action::DecideRefund(proto::DecideRefund {
            notice: form.number("notice"),
            approved: form.value("approved") == "1",
            words: text("words"),
        }),
        "register_refund" => Action::RegisterRefund(proto::RegisterRefund {
            notice: form.number("notice"),
            receipt_number: text("receipt_number"),
        }),
        _ => return None,
    })
}

/// The fees with a quantity. What is waived is left empty or a sum; a ground alone waives all.
fn lines(form: &Form, faults: &mut Faults) -> Vec<proto::FeeInput> {
    let codes: Vec<String> = form.all("code").map(str::to_owned).collect();
    let mut lines = Vec::new();
    for code in codes {
        let typed = form.value(&format!("quantity-{code}"));
        if typed.is_empty() {
            continue;
        }
        let field = format!("waived-{code}");
        let waived_fen = if form.value(&field).is_empty() { 0 } else { sum(form, faults, &field) };
        let Ok(quantity) = typed.parse() else {
            faults.add(format!("quantity-{code}"), "数量请填写整数。");
            continue;
        };
        let ground = form.value(&format!("ground-{code}")).to_owned();
        lines.push(proto::FeeInput { code, quantity, waived_fen, ground });
    }
    lines
}

/// A sum in yuan, as fen.
fn sum(form: &Form, faults: &mut Faults, field: &str) -> u64 {
    money::read(form.value(field)).unwrap_or_else(|| {
        faults.add(field, "金额请按元填写，最多两位小数，例如20.00。");
        0
    })
}

fn paid_at(form: &Form, faults: &mut Faults) -> u64 {
    words::read_time(form.value("paid_ms")).unwrap_or_else(|| {
        faults.add("paid_ms", "请按银行回单填写缴款时间。");
        0
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn form(values: &[(&str, &str)]) -> Form {
        Form::from_pairs(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn only_fees_with_a_quantity_are_charged() {
        let mut faults = Faults::default();
        let typed = form(&[
            ("code", "a"),
            ("quantity-a", ""),
            ("code", "b"),
            ("quantity-b", "3"),
            ("waived-b", "1.5"),
            ("ground-b", "减免"),
        ]);
        let Some(Action::IssueFee(issue)) = command("issue_fee", &typed, &mut faults) else { panic!("no notice") };
        assert!(faults.is_empty());
        let expected = proto::FeeInput { code: "b".into(), quantity: 3, waived_fen: 150, ground: "减免".into() };
        assert_eq!(issue.lines, [expected]);
    }

    #[test]
    fn a_payment_without_a_sum_or_a_time_is_not_sent() {
        let mut faults = Faults::default();
        command("register_payment", &form(&[("amount_fen", "二十"), ("paid_ms", "")]), &mut faults).unwrap();
        assert!(!faults.of("amount_fen").is_empty() && !faults.of("paid_ms").is_empty());
        let mut faults = Faults::default();
        let typed = form(&[("amount_fen", "20"), ("paid_ms", "2026-07-03T09:30")]);
        let Some(Action::RegisterPayment(paid)) = command("register_payment", &typed, &mut faults) else {
            panic!("no payment")
        };
        assert_eq!((paid.amount_fen, paid.paid_ms, faults.is_empty()), (2000, 1_783_042_200_000, true));
    }
}
