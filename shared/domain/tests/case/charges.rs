//! Supervision of money: each rule fires exactly where it must and names the step's office and person; in the case next
//! to it, it is silent.

use jiff::civil::Date;
use sanji_domain::case::fee::{FeeInput, FeeIssued, FeeLine};
use sanji_domain::case::{Action, Body, Case, CaseEntry, Command, DeliveryMethod, StepEvent};
use sanji_domain::limit::Unit;
use sanji_domain::supervision::{Alert, Arrivals, Cause, Level, alerts};
use sanji_domain::{Limit, Staff};

use crate::district::{DAY, DISTRICT, MONDAY, code, district};
use crate::journey::{FULL_MANDATE, Journey};

const ROAD: &str = "cg-zhanyong";
const AGENT: &str = "990106101203-1";

/// 临时占用道路, decided and waiting for the notice.
fn road() -> Journey {
    let mut journey = Journey::open(ROAD, "sp-08", None).unwrap();
    while journey.stage() != "pay" {
        journey.forward();
    }
    journey
}

fn issuer(journey: &Journey) -> &'static Staff {
    let mut people = district().people_at(journey.case.holder().unwrap());
    people.find(|staff| journey.names(staff).contains(&"issue_fee")).expect("somebody issues")
}

/// With its notice, for so many square metres and days.
fn charged(quantity: u64) -> Journey {
    let mut journey = road();
    let line = FeeInput { code: "cg-zyf".into(), quantity, waived_fen: 0, ground: String::new() };
    let actor = issuer(&journey);
    journey.try_act(actor, Command::IssueFee { lines: vec![line] }).unwrap();
    journey
}

fn paid() -> Journey {
    let mut journey = charged(120);
    journey.act("cz-01", journey.approving(Action::RegisterPayment)).unwrap();
    journey
}

fn delivered(mut journey: Journey) -> Journey {
    let deliver = Command::Deliver { method: DeliveryMethod::InPerson, receiver: "李四".into(), signed_on: None };
    journey.do_it(deliver);
    journey
}

/// The entries with one step's event changed, as a station of another release might have written it.
fn altered(journey: &Journey, change: impl Fn(&mut StepEvent) -> bool) -> Case {
    let mut entries: Vec<CaseEntry> = journey.entries.clone();
    let changed = entries.iter_mut().any(|entry| match &mut entry.body {
        Body::Step(step) => change(&mut step.event),
        Body::Side(_) => false,
    });
    assert!(changed, "a step to change");
    let mut case = Case::new(journey.case.id());
    entries.iter().for_each(|entry| case.apply(entry));
    case
}

/// Changes the first line of the notice.
fn with_line(journey: &Journey, change: impl Fn(&mut FeeLine)) -> Case {
    altered(journey, |event| match event {
        StepEvent::FeeIssued(issued) => {
            change(&mut issued.lines[0]);
            true
        }
        _ => false,
    })
}

fn on(day: u64) -> Date {
    sanji_domain::calendar::local_date(i64::try_from(MONDAY + day * DAY).unwrap())
}

fn fired(case: &Case, rule: &str, day: Date) -> Vec<Alert> {
    let found = alerts(case, &district().reference(), &Arrivals::default(), day);
    found.into_iter().filter(|alert| alert.key.rule.as_str() == rule).collect()
}

/// One alert of a rule, red from the first, that names an office and a person and divides nothing.
fn one(case: &Case, rule: &str, day: Date, department: &str, person: &str) {
    let found = fired(case, rule, day);
    let [alert] = &found[..] else { panic!("{rule}: {} alerts", found.len()) };
    assert_eq!(alert.level, Level::Red, "{rule}");
    assert_eq!((alert.office.station, alert.office.department.as_str()), (code(DISTRICT), department), "{rule}");
    assert_eq!(alert.person.as_ref().map(|person| person.id.as_str()), Some(person), "{rule}");
    assert_eq!((alert.delay, alert.division.as_ref()), (None, None), "{rule}: nothing is late, so nothing divides");
    assert!(alert.points > 0 && !alert.words.is_empty(), "{rule}");
}

#[test]
fn money_that_is_charged_as_the_catalogue_has_it_raises_nothing() {
    let whole = delivered(paid());
    for rule in ["fee-unlisted", "fee-amount", "fee-of-free", "issued-unpaid", "paid-unissued"] {
        for case in [&charged(120).case, &paid().case, &whole.case] {
            assert_eq!(fired(case, rule, on(1)).len(), 0, "{rule}");
        }
        assert_eq!(fired(&whole.case, rule, on(300)).len(), 0, "{rule}, long after");
    }
}

#[test]
fn a_fee_that_the_catalogue_does_not_have_is_told_of_whoever_asked_for_it() {
    let journey = charged(120);
    let who = issuer(&road()).id.to_string();
    let other = with_line(&journey, |line| line.code = "cg-xyz".into());
    one(&other, "fee-unlisted", on(1), "cg", &who);
    assert!(fired(&other, "fee-unlisted", on(1))[0].words.contains("cg-xyz"));
    // There is no standard that it could differ from, and the item is not free.
    assert_eq!((fired(&other, "fee-amount", on(1)).len(), fired(&other, "fee-of-free", on(1)).len()), (0, 0));
}

#[test]
fn an_amount_beside_the_standard_is_told_to_the_fen() {
    let journey = charged(120);
    let who = issuer(&road()).id.to_string();
    for change in [1, -1] {
        let other = with_line(&journey, |line| line.price_fen = line.price_fen.saturating_add_signed(change));
        one(&other, "fee-amount", on(1), "cg", &who);
        assert_eq!(fired(&other, "fee-unlisted", on(1)).len(), 0);
    }
    // More units at the same price are more money, and a lawful waiver leaves the price as it is.
    let more = with_line(&journey, |line| line.quantity = 500);
    let waived = with_line(&journey, |line| line.waived_fen = line.price_fen);
    assert_eq!((fired(&more, "fee-amount", on(1)).len(), fired(&waived, "fee-amount", on(1)).len()), (0, 0));
}

#[test]
fn whatever_is_charged_for_a_free_item_is_told() {
    let mut dibao = Journey::open("mz-dibao", AGENT, Some(FULL_MANDATE)).unwrap();
    while dibao.stage() != "approve" {
        dibao.forward();
    }
    dibao.do_it(dibao.approving(Action::Decide));
    let decided_by = dibao.entries.last().unwrap().actor.clone();
    let price = FeeLine { code: "mz-any".into(), quantity: 1, price_fen: 500, waived_fen: 0, ground: String::new() };
    let charge = |event: &mut StepEvent| match event {
        StepEvent::Decided { .. } => {
            let lines = vec![price.clone()];
            *event =
                StepEvent::FeeIssued(FeeIssued { number: 1, lines, until: None, department: "mz".parse().unwrap() });
            true
        }
        _ => false,
    };
    let charged = altered(&dibao, charge);
    one(&charged, "fee-of-free", on(60), "mz", &decided_by);
    assert!(fired(&charged, "fee-of-free", on(60))[0].words.contains("5.00元"));
    // The catalogue knows no fee of it at all, so none is missing there and none has a standard.
    assert_eq!((fired(&charged, "fee-unlisted", on(60)).len(), fired(&charged, "fee-amount", on(60)).len()), (0, 0));
    assert_eq!(fired(&dibao.case, "fee-of-free", on(60)).len(), 0, "nothing was charged");
}

#[test]
fn a_result_that_is_handed_over_unpaid_is_told_of_whoever_handed_it_over() {
    let journey = delivered(paid());
    let handed_over_by = journey.entries.last().unwrap().actor.clone();
    let without = |receipt: &'static str| {
        altered(&journey, move |event| match event {
            StepEvent::FeePaid(_) => {
                *event = StepEvent::StageFinished {
                    stage: "pay".parse().unwrap(),
                    opinion: sanji_domain::case::Opinion::NoOpinion,
                    outside_number: receipt.to_owned(),
                    together_with: Vec::new(),
                    materials: Vec::new(),
                    answered_on: None,
                };
                true
            }
            _ => false,
        })
    };
    let department = district().person(&handed_over_by).department.to_string();
    one(&without(""), "issued-unpaid", on(1), &department, &handed_over_by);
    // Before there were notices, the number of a receipt said that it was paid.
    assert_eq!(fired(&without("P-1"), "issued-unpaid", on(1)).len(), 0);
    assert_eq!(fired(&paid().case, "issued-unpaid", on(300)).len(), 0, "nothing is handed over yet");
}

#[test]
fn what_is_paid_and_approved_is_handed_over_in_ten_working_days() {
    let journey = paid();
    let begun = sanji_domain::calendar::local_date(i64::try_from(journey.now_ms).unwrap());
    let due = district().calendar.deadline(begun, Limit::working_days(10)).unwrap();
    let late = due.tomorrow().unwrap();
    assert_eq!(fired(&journey.case, "paid-unissued", due).len(), 0, "the last day is not over");
    let found = fired(&journey.case, "paid-unissued", late);
    let [alert] = &found[..] else { panic!("{} alerts", found.len()) };
    assert_eq!((alert.level, alert.due, alert.levels.clone()), (Level::Red, Some(due), vec![(Level::Red, late)]));
    assert_eq!((alert.office.station, alert.office.department.as_str()), (code(DISTRICT), "cg"));
    assert_eq!(alert.person, None, "nobody has acted: the office's");

    let on_day = |day: Date| {
        let mut journey = paid();
        while sanji_domain::calendar::local_date(i64::try_from(journey.now_ms).unwrap()) < day {
            journey.days_pass(1);
        }
        delivered(journey)
    };
    assert_eq!(fired(&on_day(due).case, "paid-unissued", on(300)).len(), 0, "handed over on the last day");
    let too_late = on_day(late);
    let who = too_late.entries.last().unwrap().actor.clone();
    let found = fired(&too_late.case, "paid-unissued", on(300));
    assert_eq!(found.len(), 1, "it stays told");
    assert_eq!(found[0].person.as_ref().map(|person| person.id.to_string()), Some(who));
    // Charged and not paid is the applicant's to do.
    assert_eq!(fired(&charged(120).case, "paid-unissued", on(300)).len(), 0);
}

fn day(journey: &Journey, later: u64) -> Date {
    sanji_domain::calendar::local_date(i64::try_from(journey.now_ms + later * DAY).unwrap())
}

fn over_stage(journey: &Journey, on: Date) -> Vec<Alert> {
    let found = alerts(&journey.case, &district().reference(), &Arrivals::default(), on);
    let of_pay = |alert: &Alert| {
        alert.key.rule.as_str() == "over-stage" && alert.key.stage.as_ref().is_some_and(|id| id.as_str() == "pay")
    };
    found.into_iter().filter(of_pay).collect()
}

#[test]
fn while_a_notice_waits_for_money_nobody_in_the_hall_is_late() {
    let mut journey = charged(120);
    // The item gives the stage seven working days; the notice is the applicant's to pay, however long it takes.
    for later in [0, 6, 12, 40] {
        assert_eq!(over_stage(&journey, day(&journey, later)).len(), 0, "{later} days after the notice");
    }
    journey.days_pass(40);
    let paid_ms = journey.now_ms;
    let paid_on = day(&journey, 0);
    // The money is at the bank, and the fee window leaves it there.
    let Command::RegisterPayment(payment) = journey.approving(Action::RegisterPayment) else { panic!("a payment") };
    journey.days_pass(20);
    let payment = sanji_domain::case::fee::PaymentInput { paid_ms, ..payment };
    journey.act("cz-01", Command::RegisterPayment(payment)).unwrap();
    let found = over_stage(&journey, day(&journey, 60));
    let [alert] = &found[..] else { panic!("{found:?}") };
    let division = alert.division.clone().unwrap();
    assert_eq!(alert.person.as_ref().map(|person| person.id.as_str()), Some("cz-01"));
    assert_eq!(division.of(Cause::Person), division.total(), "what the fee window lost, and no day of the applicant's");
    let lay = district().calendar.days_between(paid_on, day(&journey, 0), Unit::WorkingDay).unwrap();
    assert!(division.total() <= lay, "{division:?} of {lay}");

    let mut prompt = charged(120);
    prompt.days_pass(40);
    prompt.act("cz-01", prompt.approving(Action::RegisterPayment)).unwrap();
    assert_eq!(over_stage(&prompt, day(&prompt, 60)).len(), 0, "registered on the day on which it was paid");
}
