//! Fees: only what the catalogue allows, paid to the treasury, registered by nobody who decides.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sanji_domain::Role;
use sanji_domain::case::fee::{FeeInput, NoticeState, PaymentInput};
use sanji_domain::case::{
    Action, Body, CaseState, Command, Outcome, RefusalCode, SideEvent, StepEvent, decide, responsible,
};
use sanji_domain::organisation::{ALONE, Staff};

use crate::district::{MONDAY, code, district};
use crate::journey::{FULL_MANDATE, Journey};

const CHARGED: [(&str, &str, bool); 5] = [
    ("cg-zhanyong", "sp-08", false),
    ("ga-sfz", "990106101-12", false),
    ("ga-juzhuzheng", "990106101203-1", true),
    ("ly-lindi", "sp-08", false),
    ("zr-budongchan", "990106101203-1", true),
];

fn open(item: &str, actor: &str, by_agent: bool) -> Journey {
    Journey::open(item, actor, by_agent.then_some(FULL_MANDATE)).unwrap()
}

pub(crate) fn line(code: &str, quantity: u64) -> FeeInput {
    FeeInput { code: code.into(), quantity, waived_fen: 0, ground: String::new() }
}

pub(crate) fn issue(journey: &mut Journey, lines: Vec<FeeInput>) -> Result<(), sanji_domain::case::Refusal> {
    let actor = issuer(journey);
    journey.try_act(actor, Command::IssueFee { lines })
}

/// Someone at the holder who may issue a notice.
fn issuer(journey: &Journey) -> &'static Staff {
    let mut people = district().people_at(journey.case.holder().unwrap());
    people.find(|staff| journey.names(staff).contains(&"issue_fee")).expect("somebody issues")
}

/// 临时占用道路, decided and waiting for the notice.
pub(crate) fn road() -> Journey {
    let mut journey = open("cg-zhanyong", "sp-08", false);
    while journey.stage() != "pay" {
        journey.forward();
    }
    journey
}

#[test]
fn a_stage_of_payment_is_passed_by_the_money_alone() {
    let mut journey = road();
    assert!(!journey.case.fees().is_settled());
    // Before there is a notice, the department that handles the case has the turn; then the fee window.
    let duty = responsible(&journey.case, &district().reference()).unwrap();
    assert_eq!((duty.department.as_str(), duty.role), ("cg", Role::Window));
    assert!(journey.act("cz-01", journey.approving(Action::RegisterPayment)).is_err());
    issue(&mut journey, vec![line("cg-zyf", 120)]).unwrap();
    let duty = responsible(&journey.case, &district().reference()).unwrap();
    assert_eq!((duty.department.as_str(), duty.role), ("cz", Role::Cashier));
    let fees = journey.case.fees();
    let notice = fees.open().unwrap();
    assert_eq!((notice.issued.payable_fen(), notice.by.by.is_empty()), (3600, false));
    assert_eq!(notice.issued.until, Some("2026-03-11".parse().unwrap()), "seven working days");
    assert_eq!(journey.case.notice_number(1), format!("{}-01", journey.case.id().number()));

    let wrong = PaymentInput { amount_fen: 3599, ..journey.receipt() };
    let refusal = journey.act("cz-01", Command::RegisterPayment(wrong)).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::AmountDiffers);
    assert!(refusal.sentence.contains("35.99") && refusal.sentence.contains("36.00"), "{}", refusal.sentence);
    assert!(journey.act("cz-01", journey.approving(Action::FinishStage)).is_err(), "a word is no money");
    journey.act("cz-01", journey.approving(Action::RegisterPayment)).unwrap();
    assert_eq!((journey.stage(), journey.case.fees().is_settled()), ("deliver", true));
    assert_eq!(journey.case.fees().notices[0].state(), NoticeState::Paid);
    while journey.forward().is_some() {}
    assert_eq!(journey.case.state(), CaseState::Concluded);
}

#[test]
fn every_fee_of_the_catalogue_is_charged_at_its_price_and_paid() {
    let mut charged = BTreeSet::new();
    for (item, actor, by_agent) in CHARGED {
        let mut journey = open(item, actor, by_agent);
        while journey.case.holder().unwrap().tier() == sanji_log::Tier::Village || journey.case.accepted_at().is_none()
        {
            journey.forward();
        }
        while journey.offered(Action::IssueFee).is_none() {
            journey.forward();
        }
        let three = journey.every_fee().into_iter().map(|fee| FeeInput { quantity: 3, ..fee }).collect();
        issue(&mut journey, three).unwrap();
        let fees = journey.case.fees();
        for (line, fee) in fees.notices[0].issued.lines.iter().zip(journey.item.fee.items()) {
            assert_eq!((line.code.as_str(), line.payable_fen()), (fee.code.as_str(), 3 * fee.amount_fen));
            charged.insert(fee.code.clone());
        }
        while journey.case.outcome() != Some(Outcome::Approved) {
            journey.forward();
        }
        while !journey.case.fees().is_settled() {
            assert!(journey.case.is_open(), "{item} was delivered before it was paid");
            // The fee window need not be where the case is.
            journey.act("cz-01", journey.approving(Action::RegisterPayment)).unwrap();
        }
        while journey.forward().is_some() {}
        assert_eq!(journey.case.state(), CaseState::Concluded, "{item}");
    }
    let all: BTreeSet<String> =
        district().catalogue.iter().flat_map(|(_, item)| item.fee.items()).map(|fee| fee.code.clone()).collect();
    assert_eq!(charged, all);
}

#[test]
fn nothing_else_may_be_charged() {
    for (given, code) in [
        (vec![line("cg-xyz", 1)], RefusalCode::FeeNotLawful),
        (vec![line("ga-sfz-hl", 1)], RefusalCode::FeeNotLawful),
        (vec![line("cg-zyf", 1), line("cg-zyf", 1)], RefusalCode::FeeNotLawful),
        (vec![line("cg-zyf", 0)], RefusalCode::InvalidInput),
        (vec![line("cg-zyf", u64::MAX)], RefusalCode::InvalidInput),
        (vec![], RefusalCode::InvalidInput),
        (vec![FeeInput { ground: "熟人".into(), ..line("cg-zyf", 1) }], RefusalCode::FeeNotLawful),
        (vec![FeeInput { waived_fen: 10, ..line("cg-zyf", 1) }], RefusalCode::InvalidInput),
        (
            vec![FeeInput {
                waived_fen: 31, ground: "政府投资的市政公用设施抢修".into(), ..line("cg-zyf", 1)
            }],
            RefusalCode::InvalidInput,
        ),
    ] {
        let refusal = issue(&mut road(), given.clone()).unwrap_err();
        assert_eq!(refusal.code, code, "{given:?}");
        assert!(refusal.basis.is_some() || code == RefusalCode::InvalidInput);
    }
    // A free item can't be charged by anybody at any stage.
    let mut dibao = open("mz-dibao", "990106101203-1", true);
    while dibao.case.stage().is_some() {
        for staff in district().people_at(dibao.case.holder().unwrap()) {
            assert!(!dibao.names(staff).contains(&"issue_fee"));
            let asked = dibao.clone().try_act(staff, Command::IssueFee { lines: vec![line("cg-zyf", 1)] }).unwrap_err();
            assert!(matches!(asked.code, RefusalCode::FeeNotLawful | RefusalCode::NotEntitled), "{asked:?}");
        }
        dibao.forward();
    }
    // Paid once is enough.
    let mut journey = road();
    issue(&mut journey, vec![line("cg-zyf", 1)]).unwrap();
    journey.act("cz-01", journey.approving(Action::RegisterPayment)).unwrap();
    assert!(journey.act("cg-04", Command::IssueFee { lines: vec![line("cg-zyf", 1)] }).is_err());
}

#[test]
fn a_notice_is_offered_as_long_as_a_fee_is_left() {
    // Fees are paid beside the route here, so the case goes on being handled.
    let mut journey = open("ga-sfz", "990106101-12", false);
    while journey.offered(Action::IssueFee).is_none() {
        journey.forward();
    }
    let actor = issuer(&journey);
    let fees = journey.every_fee();
    assert!(fees.len() > 1);
    for (at, fee) in fees.iter().enumerate() {
        assert_eq!(journey.every_fee(), fees[at..]);
        issue(&mut journey, vec![fee.clone()]).unwrap();
        journey.act("cz-01", journey.approving(Action::RegisterPayment)).unwrap();
    }
    assert_eq!(journey.offered(Action::IssueFee), None);
    let again = journey.try_act(actor, Command::IssueFee { lines: vec![fees[0].clone()] }).unwrap_err();
    assert_eq!(again.code, RefusalCode::AlreadyDone);
    assert!(again.sentence.contains("都已开具"), "{}", again.sentence);
}

#[test]
fn every_ground_of_waiver_waives_its_fee_and_no_other() {
    for (item, actor, by_agent) in CHARGED {
        let mut opened = open(item, actor, by_agent);
        while opened.offered(Action::IssueFee).is_none() {
            opened.forward();
        }
        let fees = opened.item.fee.items();
        for ground in fees.iter().flat_map(|fee| &fee.waive) {
            for fee in fees {
                let mut journey = opened.clone();
                let asked = FeeInput { ground: ground.clone(), ..line(&fee.code, 2) };
                let issued = issue(&mut journey, vec![asked]);
                if !fee.waive.contains(ground) {
                    assert_eq!(issued.unwrap_err().code, RefusalCode::FeeNotLawful, "{ground} for {}", fee.code);
                    continue;
                }
                issued.unwrap();
                let state = journey.case.fees().notices[0].state();
                assert_eq!((state, journey.case.fees().is_settled()), (NoticeState::Waived, true));
                while journey.forward().is_some() {}
                assert_eq!(journey.case.state(), CaseState::Concluded, "{item}: {ground}");
            }
        }
    }
}

#[test]
fn a_part_may_be_waived_with_its_ground() {
    let mut journey = road();
    let ground = "政府投资的市政公用设施抢修".to_owned();
    issue(&mut journey, vec![FeeInput { waived_fen: 1000, ground, ..line("cg-zyf", 100) }]).unwrap();
    assert_eq!(journey.case.fees().open().unwrap().issued.payable_fen(), 2000);
}

#[test]
fn one_notice_at_a_time_and_a_voided_one_keeps_its_number() {
    let mut journey = road();
    issue(&mut journey, vec![line("cg-zyf", 10)]).unwrap();
    assert!(journey.offered(Action::IssueFee).is_none());
    let refusal = journey.act("cg-04", Command::IssueFee { lines: vec![line("cg-zyf", 1)] }).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::AlreadyDone);
    journey.act("cg-04", journey.approving(Action::VoidFee)).unwrap();
    issue(&mut journey, vec![line("cg-zyf", 12)]).unwrap();
    let fees = journey.case.fees();
    let states: Vec<_> = fees.notices.iter().map(|notice| (notice.issued.number, notice.state())).collect();
    assert_eq!(states, [(1, NoticeState::Voided), (2, NoticeState::Open)]);
}

#[test]
fn the_result_is_handed_over_only_when_it_is_paid() {
    let mut journey = open("zr-budongchan", "990106101203-1", true);
    while journey.stage() != "approve" {
        journey.forward();
    }
    issue(&mut journey, vec![line("zr-bdc-gbf", 1)]).unwrap();
    let number = journey.case.rev();
    journey.until(Action::Decide);
    journey.do_it(journey.approving(Action::Decide));
    assert_eq!(journey.stage(), "deliver");
    let windows = district().people_at(journey.case.holder().unwrap());
    let deliver = journey.approving(Action::Deliver);
    let refused: Vec<_> = windows.filter_map(|staff| journey.clone().try_act(staff, deliver.clone()).err()).collect();
    assert!(refused.iter().any(|refusal| refusal.code == RefusalCode::FeeUnpaid));
    assert!(journey.offered(Action::Deliver).is_none());
    // It is registered at the district, beside the route, wherever the case is.
    journey.act("cz-01", journey.approving(Action::RegisterPayment)).unwrap();
    let last = &journey.drafts.last().unwrap().body;
    assert!(matches!(last, Body::Side(side) if matches!(side.event, SideEvent::FeePaid(_))), "{last:?}");
    assert!(journey.case.rev() > number);
    while journey.forward().is_some() {}
    assert_eq!(journey.case.state(), CaseState::Concluded);

    // Who gets a no pays nothing.
    let mut denied = open("zr-budongchan", "990106101203-1", true);
    while denied.stage() != "approve" {
        denied.forward();
    }
    issue(&mut denied, vec![line("zr-bdc-gbf", 1)]).unwrap();
    denied.do_it(Command::Decide {
        approved: false,
        reason: "权属有争议".into(),
        basis: "《不动产登记暂行条例》第二十二条".into(),
        ground: 1,
        document_number: String::new(),
        answered_on: None,
        stage: None,
    });
    assert_eq!(denied.forward(), Some(Action::Deliver));
}

#[test]
fn who_does_not_pay_in_time_gives_up_where_the_item_says_so() {
    let mut journey = road();
    issue(&mut journey, vec![line("cg-zyf", 10)]).unwrap();
    let asked = journey.act("cg-04", Command::AbandonFee).unwrap_err();
    assert_eq!(asked.code, RefusalCode::PaymentRunning);
    journey.days_pass(15);
    assert!(journey.act("cz-01", Command::AbandonFee).is_err(), "the fee window ends no case");
    // The department that was consulted, and the hall's window that took the case in, leave it to the one in the lead.
    for other in ["ga-03", "sp-08"] {
        for undone in [Command::AbandonFee, journey.approving(Action::VoidFee)] {
            assert_eq!(journey.act(other, undone).unwrap_err().code, RefusalCode::NotEntitled, "{other}");
        }
    }
    journey.act("cg-04", Command::AbandonFee).unwrap();
    assert_eq!((journey.case.state(), journey.case.stage()), (CaseState::Withdrawn, None));
    assert_eq!(journey.case.fees().notices[0].state(), NoticeState::Abandoned);

    let mut forest = open("ly-lindi", "sp-08", false);
    while forest.stage() != "pay" {
        forest.forward();
    }
    issue(&mut forest, vec![line("ly-zbhf-qm", 200)]).unwrap();
    forest.days_pass(90);
    assert_eq!(forest.act("ly-04", Command::AbandonFee).unwrap_err().code, RefusalCode::WrongStage);
}

#[test]
fn a_refund_takes_three_people() {
    let mut journey = road();
    issue(&mut journey, vec![line("cg-zyf", 100)]).unwrap();
    assert!(journey.act("cg-04", journey.approving(Action::RequestRefund)).is_err(), "nothing has been paid");
    journey.act("cz-01", journey.approving(Action::RegisterPayment)).unwrap();
    let too_much = Command::RequestRefund { notice: 1, amount_fen: 3001, reason: "多".into(), account: "1".into() };
    assert_eq!(journey.act("cg-04", too_much).unwrap_err().code, RefusalCode::InvalidInput);
    journey.act("cg-01", journey.approving(Action::RequestRefund)).unwrap();
    assert!(journey.act("cg-01", journey.approving(Action::DecideRefund)).is_err(), "not by who asked");
    assert!(journey.act("cz-01", journey.approving(Action::RegisterRefund)).is_err(), "not before it is approved");
    journey.act("cg-02", journey.approving(Action::DecideRefund)).unwrap();
    assert!(journey.act("cg-01", journey.approving(Action::RegisterRefund)).is_err());
    journey.act("cz-02", journey.approving(Action::RegisterRefund)).unwrap();
    let fees = journey.case.fees();
    let refund = fees.notices[0].refund.as_ref().unwrap();
    assert_eq!((refund.words(), refund.amount_fen, refund.asked.by.as_str()), ("已退付", 3000, "cg-01"));
    assert_eq!(refund.paid.as_ref().unwrap().1.by, "cz-02");
    assert_eq!(fees.notices[0].words(), "已退付");

    let part =
        Command::RequestRefund { notice: 1, amount_fen: 1000, reason: "面积核减".into(), account: "1".into() };
    let mut journey = road();
    issue(&mut journey, vec![line("cg-zyf", 100)]).unwrap();
    journey.act("cz-01", journey.approving(Action::RegisterPayment)).unwrap();
    journey.act("cg-01", part).unwrap();
    journey.act("cg-02", journey.approving(Action::DecideRefund)).unwrap();
    assert_eq!(journey.case.fees().notices[0].words(), "退付已批准");
    journey.act("cz-02", journey.approving(Action::RegisterRefund)).unwrap();
    assert_eq!(journey.case.fees().notices[0].words(), "已部分退付");
}

#[test]
fn standards_begin_and_end_on_a_day() {
    let text = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sample/catalogue/items/cg-zhanyong.toml"),
    )
    .unwrap();
    let basis = "basis = \"城市道路管理条例第三十七条；省收费标准\"";
    let dated =
        |dates: &str| sanji_domain::Item::parse("cg-zhanyong.toml", &text.replace(basis, &format!("{basis}\n{dates}")));
    let fee = |dates: &str| dated(dates).unwrap().fee.items()[0].clone();
    let day = |text: &str| text.parse().unwrap();
    let ended = fee("until = 2026-03-31");
    assert!(ended.is_in_force(day("2026-03-31")) && !ended.is_in_force(day("2026-04-01")));
    let begins = fee("from = 2026-04-01");
    assert!(!begins.is_in_force(day("2026-03-31")) && begins.is_in_force(day("2026-04-01")));
    assert!(dated("from = 2026-04-01\nuntil = 2026-03-01").is_err());
}

fn person(id: &str, roles: Vec<Role>) -> Staff {
    Staff { id: id.parse().unwrap(), roles, ..district().person("cz-01").clone() }
}

fn roles() -> impl Strategy<Value = Vec<Role>> {
    prop::collection::vec(prop::sample::select(Role::ALL.to_vec()), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whoever holds a role that decides, examines or takes in registers no money, whatever else they hold; and
    /// without the role of the fee window nobody does.
    #[test]
    fn nobody_who_decides_registers_money(roles in roles(), department in prop::sample::select(vec!["cz", "cg", "sp"])) {
        static ISSUED: std::sync::OnceLock<Journey> = std::sync::OnceLock::new();
        let journey = ISSUED.get_or_init(|| {
            let mut journey = road();
            issue(&mut journey, vec![line("cg-zyf", 7)]).unwrap();
            journey
        });
        let staff = Staff { department: department.parse().unwrap(), ..person("any-01", roles.clone()) };
        let context = district().at_desk_as(&staff, &ALONE, journey.now_ms);
        let registered = decide(&journey.case, None, journey.approving(Action::RegisterPayment), &context);
        let deciding = [Role::Approver, Role::ChiefRepresentative, Role::Reviewer, Role::Window, Role::Supervisor, Role::Agent];
        let allowed = roles.contains(&Role::Cashier) && !roles.iter().any(|role| deciding.contains(role));
        prop_assert_eq!(registered.is_ok(), allowed, "{:?}", roles);
        // And who may register can't have issued it.
        let mut again = road();
        let issues = again.names(&staff).contains(&"issue_fee");
        prop_assert!(!(issues && roles.contains(&Role::Cashier)), "{:?}", roles);
        if issues {
            again.try_act(&staff, Command::IssueFee { lines: vec![line("cg-zyf", 7)] }).unwrap();
            let turned = Staff { roles: vec![Role::Cashier], ..staff };
            let context = district().at_desk_as(&turned, &ALONE, again.now_ms);
            prop_assert!(decide(&again.case, None, again.approving(Action::RegisterPayment), &context).is_err());
        }
    }

    /// A payment that is said twice, or before its notice has come, gives the same fees in any order of arrival.
    #[test]
    fn fees_do_not_depend_on_the_order(order in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle()) {
        let mut journey = open("zr-budongchan", "990106101203-1", true);
        while journey.stage() != "approve" {
            journey.forward();
        }
        issue(&mut journey, vec![line("zr-bdc-gbf", 1)]).unwrap();
        let before = journey.clone();
        journey.act("cz-01", journey.approving(Action::RegisterPayment)).unwrap();
        let mut other = before.clone();
        other.now_ms += 5000;
        other.act("cz-02", other.approving(Action::RegisterPayment)).unwrap();
        let mut second = other.entries.last().unwrap().clone();
        second.hash = crate::journey::hash(900);
        journey.act("zr-01", journey.approving(Action::RequestRefund)).unwrap();
        let entries: Vec<_> = journey.entries.iter().cloned().chain([second]).collect();
        let mut shuffled = sanji_domain::case::Case::new(journey.case.id());
        for at in order.into_iter().filter(|at| *at < entries.len()) {
            shuffled.apply(&entries[at]);
        }
        let mut straight = sanji_domain::case::Case::new(journey.case.id());
        entries.iter().for_each(|entry| straight.apply(entry));
        prop_assert_eq!(shuffled.fees(), straight.fees());
        let registered = &straight.fees().notices[0];
        prop_assert_eq!(&registered.payment.as_ref().unwrap().1.by, "cz-01", "the first counts");
    }
}

#[test]
fn the_places_of_the_sample_are_what_the_tests_think() {
    assert_eq!(district().person("cz-01").place, code(crate::district::DISTRICT));
    assert!(MONDAY > 0 && matches!(road().case.steps().last().unwrap().body.event, StepEvent::Decided { .. }));
}
