//! Extension, deemed and tacit steps, wrong clocks, reclaim: what moves a deadline, and what doesn't.

use expect_test::expect;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use sanji_domain::Calendar;
use sanji_domain::case::clock::{TOLERANCE_MS, trusted_times};
use sanji_domain::case::due::{self, Automatic};
use sanji_domain::case::{
    Action, ActorFacts, Body, Case, CaseClock, CaseEntry, CaseState, Cause, Command, Counting, DeliveryMethod,
    ExtensionInput, Outcome, RefusalCode, Side, SideEvent, StepEvent, TimeNoted, case_clock, clock_ledger, superseded,
    unchecked,
};
use sanji_log::{HybridTime, RequestId};

use crate::district::{DAY, DISTRICT, MONDAY, TOWNSHIP, VILLAGE, code, district};
use crate::journey::{FULL_MANDATE, Journey, hash, log};

const AGENT: &str = "990106101203-1";
const HEAD: &str = "mz-01";

fn day(month: i8, day: i8) -> Date {
    date(2026, month, day)
}

fn at(on: Date) -> u64 {
    MONDAY + u64::try_from(date(2026, 3, 2).until(on).unwrap().get_days()).unwrap() * DAY
}

fn opened(item: &str, on: Date) -> Journey {
    Journey::open_at(item, AGENT, Some(FULL_MANDATE), at(on)).unwrap()
}

fn clock(journey: &Journey, on: Date) -> CaseClock {
    let district = district();
    case_clock(&journey.case, journey.item, &district.calendar, &district.defaults, on)
}

fn told(on: Option<Date>) -> ExtensionInput {
    ExtensionInput {
        reason: "需要异地核查家庭收入".into(),
        told_by: DeliveryMethod::InPerson,
        told_on: on,
        approval_number: String::new(),
    }
}

fn refused(journey: &Journey, actor: &str, given: ExtensionInput) -> RefusalCode {
    journey.clone().act(actor, Command::Extend(given)).unwrap_err().code
}

// --------------------------------------------------------------------------------------------------- extension

#[test]
fn an_extension_moves_every_limit_once() {
    let mut dibao = opened("mz-dibao", day(3, 30));
    dibao.do_it(Command::Accept { tolerated: Vec::new() });
    let before = clock(&dibao, day(4, 1));
    assert_eq!((before.promised_until, before.statutory_until), (Some(day(5, 8)), Some(day(5, 14))));
    dibao.now_ms = at(day(4, 30));
    // The head of the district's bureau, while the case is at the township.
    assert_eq!(dibao.case.holder(), Some(code(TOWNSHIP)));
    dibao.act(HEAD, Command::Extend(told(None))).unwrap();
    let after = clock(&dibao, day(4, 30));
    // 15 working days after 8 May: 9 (made up), 11–15, 18–22, 25–28 May; after 14 May: to 4 June.
    assert_eq!((after.promised_until, after.statutory_until), (Some(day(5, 28)), Some(day(6, 4))));
    assert_eq!(after.extended_from, Some(day(5, 8)));
    assert_eq!(refused(&dibao, HEAD, told(None)), RefusalCode::AlreadyDone);
    // A second one of a station that did not know of the first changes nothing.
    let mut again = dibao.clone();
    let second = CaseEntry { hash: hash(999), ..again.entries.last().unwrap().clone() };
    again.case.apply(&second);
    assert_eq!(clock(&again, day(4, 30)), after);
}

#[test]
fn an_extension_comes_before_the_deadline_from_the_right_person_with_notice() {
    let mut dibao = opened("mz-dibao", day(3, 30));
    assert_eq!(refused(&dibao, HEAD, told(None)), RefusalCode::WrongStage);
    dibao.do_it(Command::Accept { tolerated: Vec::new() });
    assert_eq!(refused(&dibao, "990106101-03", told(None)), RefusalCode::NotEntitled);
    let silent = ExtensionInput { told_by: DeliveryMethod::Unknown, ..told(None) };
    assert_eq!(refused(&dibao, HEAD, silent), RefusalCode::NoticeMissing);
    assert_eq!(refused(&dibao, HEAD, told(Some(day(3, 31)))), RefusalCode::NoticeMissing);
    dibao.now_ms = at(day(5, 9));
    let late = dibao.clone().act(HEAD, Command::Extend(told(None))).unwrap_err();
    expect!["承诺期限已于2026年5月8日届满；延长应当在期限届满前作出，现在不能再延长。"].assert_eq(&late.sentence);
    assert_eq!(late.basis.as_deref(), Some("《社会救助暂行办法》"));

    let mut pension = opened("rs-daiyu", day(3, 30));
    pension.do_it(Command::Accept { tolerated: Vec::new() });
    assert_eq!(refused(&pension, "rs-01", told(None)), RefusalCode::ExtensionNotAllowed);
}

#[test]
fn what_a_government_approves_bears_its_number() {
    let mut restaurant = Journey::open_at("sc-canyin", "sc-03", None, at(day(3, 30)));
    if restaurant.is_err() {
        let receives = district().people_at(code(DISTRICT)).find(|staff| {
            let item = district().item("sc-canyin");
            sanji_domain::case::may_open(item, &district().at_desk(staff, MONDAY)).is_ok()
        });
        restaurant = Journey::open_at("sc-canyin", receives.unwrap().id.as_str(), None, at(day(3, 30)));
    }
    let mut restaurant = restaurant.unwrap();
    restaurant.do_it(Command::Accept { tolerated: Vec::new() });
    let coordinates = |staff: &&sanji_domain::Staff| staff.roles.contains(&sanji_domain::Role::JointCoordinator);
    let coordinator = district().people_at(code(DISTRICT)).find(coordinates).unwrap().id.as_str();
    assert_eq!(refused(&restaurant, coordinator, told(None)), RefusalCode::ApprovalMissing);
    let numbered = ExtensionInput { approval_number: "澄府批〔2026〕3号".into(), ..told(None) };
    restaurant.act(coordinator, Command::Extend(numbered)).unwrap();
    let clock = clock(&restaurant, day(3, 30));
    // 8 and 15 working days; 45 and 15.
    assert_eq!(clock.extended_from, Some(day(4, 10)));
    assert_eq!(clock.promised_until, Some(day(5, 6)));
    assert_eq!(clock.joint_until, clock.statutory_until);
}

// ----------------------------------------------------------------------------------------------------- silence

impl Journey {
    /// What a station writes by itself.
    pub(crate) fn itself(&mut self, station: &str) -> Option<Automatic> {
        let reference = self.district.reference();
        let number = self.entries.len() as u64 + 1;
        let request = |_: &Automatic| RequestId([u8::try_from(number).unwrap(); 16]);
        let (what, draft) = due::write_due(&self.case, &reference, code(station), self.now_ms, request)?;
        let Body::Step(step) = &draft.body else { panic!("a step") };
        assert_eq!(step.actor, ActorFacts::default());
        let entry = CaseEntry {
            hash: hash(number),
            log: log(self.case.home().unwrap(), code(station)),
            seq: number,
            writer: code(station),
            time: HybridTime::from_millis(self.now_ms + number),
            actor: String::new(),
            body: draft.body.clone(),
        };
        self.case.apply(&entry);
        self.entries.push(entry);
        self.drafts.push(draft);
        Some(what)
    }
}

#[test]
fn after_five_working_days_the_holder_writes_that_it_counts_as_accepted() {
    let mut dibao = opened("mz-dibao", day(4, 22));
    // 23, 24, 27, 28, 29 April.
    dibao.now_ms = at(day(4, 29));
    assert_eq!(dibao.itself(TOWNSHIP), None);
    dibao.now_ms = at(day(4, 30));
    assert_eq!((dibao.itself(VILLAGE), dibao.itself(DISTRICT)), (None, None));
    assert_eq!(dibao.itself(TOWNSHIP), Some(Automatic::DeemedAcceptance));
    assert!(dibao.case.acceptance_deemed());
    assert_eq!(clock(&dibao, day(4, 30)).accepted_on, Some(day(4, 22)));
    assert_eq!(dibao.itself(TOWNSHIP), None, "written once");
    let ledger = clock_ledger(&dibao.case, dibao.item, &district().calendar, &district().defaults, day(5, 6));
    let told: Vec<_> = ledger.iter().map(|span| (span.cause.clone(), span.promised, span.days)).collect();
    assert_eq!(told, [(Cause::Answering, Counting::Runs, Some(6)), (Cause::Handling, Counting::Runs, Some(1))]);
}

#[test]
fn a_correction_that_is_waited_for_is_no_silence() {
    let mut dibao = opened("mz-dibao", day(4, 22));
    dibao.do_it(dibao.approving(Action::RequestCorrection));
    dibao.now_ms = at(day(5, 11));
    for station in [VILLAGE, TOWNSHIP, DISTRICT] {
        assert_eq!(dibao.itself(station), None);
    }
}

#[test]
fn silence_is_consent_where_the_item_says_so() {
    let mut leave = opened("jy-huanxue", day(4, 22));
    leave.do_it(Command::Accept { tolerated: Vec::new() });
    // Five working days: 23, 24, 27, 28, 29 April.
    leave.now_ms = at(day(4, 29));
    assert_eq!(leave.itself(TOWNSHIP), None);
    leave.now_ms = at(day(4, 30));
    assert_eq!(leave.itself(TOWNSHIP), Some(Automatic::TacitApproval));
    assert_eq!(leave.case.state(), CaseState::AwaitingDelivery(Outcome::Approved));
    let step = leave.case.steps().last().unwrap().body.clone();
    let expected =
        StepEvent::TacitlyApproved { stage: "check".parse().unwrap(), due: day(4, 29), department: "township".into() };
    assert_eq!(step.event, expected);
    leave.do_it(leave.approving(Action::Deliver));
    assert_eq!(leave.case.state(), CaseState::Concluded);
}

#[test]
fn what_is_decided_on_the_spot_is_consented_to_when_the_time_to_answer_is_over() {
    let mut card = opened("mz-laonian", day(4, 22));
    card.now_ms = at(day(4, 29));
    assert_eq!(card.itself(TOWNSHIP), None);
    card.now_ms = at(day(4, 30));
    assert_eq!(card.itself(TOWNSHIP), Some(Automatic::TacitApproval));
}

#[test]
fn the_hub_takes_a_case_only_after_the_grace() {
    let mut leave = opened("jy-huanxue", day(4, 22));
    leave.do_it(Command::Accept { tolerated: Vec::new() });
    let reclaims = |journey: &Journey, on: Date, grace: u32| {
        let request = |_: &Automatic| RequestId([7; 16]);
        let reference = district().reference();
        due::write_reclaim(&journey.case, &reference, code(DISTRICT), at(on), grace, request).is_some()
    };
    // Due after 29 April.
    assert!(!reclaims(&leave, day(4, 29), 0) && reclaims(&leave, day(4, 30), 0));
    assert!(!reclaims(&leave, day(5, 6), 7) && reclaims(&leave, day(5, 7), 7));
    let dibao = opened("mz-dibao", day(4, 22));
    assert!(!reclaims(&dibao, day(9, 1), 0), "nobody consents to that by silence");
}

#[test]
fn no_item_is_consented_to_that_does_not_say_so_and_nothing_is_due_without_a_calendar() {
    for (_, item) in district().catalogue.iter() {
        let Ok(mut journey) = Journey::open_at(item.code.as_str(), AGENT, Some(FULL_MANDATE), MONDAY) else { continue };
        loop {
            let today = sanji_domain::calendar::local_date(i64::try_from(journey.now_ms).unwrap());
            let due = due::due(&journey.case, &district().reference(), today);
            let consents = due.iter().any(|due| due.what == Automatic::TacitApproval);
            assert!(!consents || item.limits.tacit_approval, "{}", item.code);
            let answers = due.iter().filter_map(|due| match &due.what {
                Automatic::TacitAnswer(stage) => item.stage(stage),
                _ => None,
            });
            assert!(answers.into_iter().all(|stage| stage.tacit), "{}", item.code);
            let calendar = Calendar::default();
            let mut blind = district().reference();
            blind.calendar = &calendar;
            let natural = item.limits.promised.unit != sanji_domain::Unit::WorkingDay;
            assert!(natural || due::due(&journey.case, &blind, today).is_empty(), "{}", item.code);
            if journey.forward().is_none() {
                break;
            }
        }
    }
}

// ------------------------------------------------------------------------------------------------ wrong clocks

/// A station's note of an entry.
fn note(case: &Case, by: &str, from: &str, number: u64, received_ms: u64, offset_ms: i64, of: u64) -> CaseEntry {
    let noted = TimeNoted { entry: hash(of), received_ms, from: code(from), offset_ms };
    let side = Side { actor: ActorFacts::default(), request: None, event: SideEvent::TimeNoted(noted) };
    CaseEntry {
        hash: hash(number),
        log: log(case.home().unwrap(), code(by)),
        seq: number,
        writer: code(by),
        time: HybridTime::from_millis(received_ms),
        actor: String::new(),
        body: Body::Side(side),
    }
}

/// A case that was opened when the village's clock showed `shown` days after the true day, with notes as (by, from,
/// received, offset), in days from the true day.
fn noted(shown: i64, notes: &[(&str, &str, i64, i64)]) -> (Case, u64) {
    let true_ms = MONDAY + 500 * DAY;
    let days = |days: i64| true_ms.saturating_add_signed(days * i64::try_from(DAY).unwrap());
    let mut case = Journey::open_at("mz-dibao", AGENT, Some(FULL_MANDATE), days(shown)).unwrap().case;
    for (number, (by, from, received, offset)) in (100..).zip(notes) {
        let entry = note(&case, by, from, number, days(*received), offset * i64::try_from(DAY).unwrap(), 1);
        case.apply(&entry);
    }
    (case, true_ms)
}

#[test]
fn a_wrong_clock_moves_no_time() {
    for (shown, notes, expected) in [
        (0, &[][..], 0),
        // 400 days ahead, seen at once; and put right before it was seen.
        (400, &[(TOWNSHIP, VILLAGE, 0, 400)][..], 0),
        (400, &[(TOWNSHIP, VILLAGE, 2, 0)][..], 2),
        // Three days behind.
        (-3, &[(TOWNSHIP, VILLAGE, 0, -3)][..], 0),
        (-3, &[(TOWNSHIP, VILLAGE, 1, -3)][..], 0),
        // The clock went wrong after it was written.
        (0, &[(TOWNSHIP, VILLAGE, 3, 10)][..], 0),
        // The township's clock is behind, not the village's: the hub puts that right.
        (0, &[(TOWNSHIP, VILLAGE, -3, 3), (DISTRICT, TOWNSHIP, 0, -3)][..], 0),
        // Both are behind by as much, so the township noticed nothing.
        (-3, &[(DISTRICT, TOWNSHIP, 0, -3)][..], 0),
        // Straight to the hub, and later over the township.
        (5, &[(DISTRICT, VILLAGE, 0, 5), (TOWNSHIP, VILLAGE, 2, 5)][..], 0),
        // Who is not above the writer, or says that it came from elsewhere, proves nothing.
        (5, &[(VILLAGE, VILLAGE, 0, 5)][..], 5),
        (5, &[(TOWNSHIP, DISTRICT, 0, 5)][..], 5),
    ] {
        let (case, true_ms) = noted(shown, notes);
        let expected = true_ms.saturating_add_signed(expected * i64::try_from(DAY).unwrap());
        let time = trusted_times(&case)[0];
        assert!(time.abs_diff(expected) <= TOLERANCE_MS, "{shown} {notes:?}: {time} and not {expected}");
    }
}

#[test]
fn a_step_is_not_older_than_the_one_before_it() {
    let mut dibao = opened("mz-dibao", day(4, 22));
    dibao.do_it(Command::Accept { tolerated: Vec::new() });
    dibao.now_ms = at(day(4, 20));
    dibao.do_it(dibao.approving(Action::FinishStage));
    let times = trusted_times(&dibao.case);
    assert!(times.is_sorted(), "{times:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the order in which notes arrive, and however wrong they are, a time is the same everywhere, and never
    /// after the first receipt by the highest station.
    #[test]
    fn notes_commute(
        shown in -400..400_i64,
        notes in proptest::collection::vec((0..3_usize, 0..3_usize, -400..400_i64, -400..400_i64), 0..6),
        turned in any::<bool>(),
    ) {
        let stations = [VILLAGE, TOWNSHIP, DISTRICT];
        let mut notes: Vec<_> = notes.into_iter().map(|(by, from, at, off)| (stations[by], stations[from], at, off)).collect();
        let (one, true_ms) = noted(shown, &notes);
        let one_on = notes.len().min(1);
        if turned { notes.reverse() } else { notes.rotate_left(one_on) }
        // The same notes have other hashes in another order, so they are compared by what they say alone.
        let (other, _) = noted(shown, &notes);
        prop_assert_eq!(trusted_times(&one), trusted_times(&other));
        if let Some(received) = notes.iter().filter(|(by, from, ..)| *by == DISTRICT && *from != DISTRICT).map(|(.., at, _)| *at).min() {
            let received = true_ms.saturating_add_signed(received * i64::try_from(DAY).unwrap());
            prop_assert!(trusted_times(&one)[0] <= received);
        }
    }
}

// --------------------------------------------------------------------------------------------------- the ledger

#[test]
fn a_procedure_that_takes_too_long_shows_and_a_used_up_limit_stays_used_up() {
    let mut refund = opened("yb-baoxiao", day(3, 2));
    refund.do_it(Command::Accept { tolerated: Vec::new() });
    refund.do_it(refund.approving(Action::FinishStage));
    refund.do_it(refund.approving(Action::Suspend));
    // 20 working days: to 30 March.
    refund.now_ms = at(day(4, 1));
    refund.do_it(refund.approving(Action::Resume));
    let ledger = clock_ledger(&refund.case, refund.item, &district().calendar, &district().defaults, day(4, 2));
    let special = ledger.iter().find(|span| matches!(span.cause, Cause::Special(_))).unwrap();
    let longest = special.longest.unwrap();
    assert_eq!((special.promised, special.days), (Counting::Stands, Some(22)));
    assert_eq!((longest.until, longest.over, longest.is_over()), (Some(day(3, 30)), Some(2), true));

    // Overrun first: what stops the clock later brings nothing back.
    let mut late = opened("yb-baoxiao", day(3, 2));
    late.do_it(Command::Accept { tolerated: Vec::new() });
    late.do_it(late.approving(Action::FinishStage));
    let until = clock(&late, day(3, 2)).promised_until.unwrap();
    late.now_ms = at(until) + 3 * DAY;
    late.do_it(late.approving(Action::Suspend));
    assert_eq!(clock(&late, day(5, 29)).promised_until, Some(until));
}

#[test]
fn the_spans_of_every_walk_follow_one_another_and_add_up() {
    let district = district();
    for (_, item) in district.catalogue.iter() {
        let Ok(mut journey) = Journey::open_at(item.code.as_str(), AGENT, Some(FULL_MANDATE), MONDAY) else { continue };
        while journey.forward().is_some() {
            journey.days_pass(u64::try_from(journey.entries.len() % 3).unwrap());
            let today = sanji_domain::calendar::local_date(i64::try_from(journey.now_ms).unwrap());
            let ledger = clock_ledger(&journey.case, item, &district.calendar, &district.defaults, today);
            assert!(ledger.windows(2).all(|two| two[0].to == two[1].from), "{}", item.code);
            let clock = case_clock(&journey.case, item, &district.calendar, &district.defaults, today);
            let ran = ledger.iter().filter(|span| span.promised == Counting::Runs).map(|span| span.days.unwrap());
            let ran: u32 = ran.sum();
            if item.limits.promised.unit != sanji_domain::Unit::OnTheSpot {
                assert_eq!(ran, clock.used_days, "{}", item.code);
            }
        }
    }
}

// ------------------------------------------------------------------------------------------ reclaim and hand-over

#[test]
fn a_case_is_taken_from_a_lost_station_and_what_it_still_writes_is_put_before_a_person() {
    let mut house = opened("zr-zhaijidi", day(4, 7));
    assert_eq!(house.case.holder(), Some(code(VILLAGE)));
    // The village is lost, and writes on.
    let mut lost = house.clone();
    lost.do_it(lost.approving(Action::FinishStage));
    let full_course = |staff: &&sanji_domain::Staff| staff.roles.contains(&sanji_domain::Role::FullCourseAgent);
    let mover = district().people_at(code(TOWNSHIP)).find(full_course).unwrap().id.as_str();
    let window = house.clone().act("990106101-03", house.approving(Action::Reclaim)).unwrap_err();
    assert_eq!(window.code, RefusalCode::NotEntitled);
    let silent = house.clone().act(mover, Command::Reclaim { reason: " ".into() }).unwrap_err();
    assert_eq!(silent.code, RefusalCode::ReasonMissing);
    house.act(mover, house.approving(Action::Reclaim)).unwrap();
    assert_eq!((house.case.holder(), house.case.term()), (Some(code(TOWNSHIP)), 1));
    let again = house.clone().act(mover, house.approving(Action::Reclaim)).unwrap_err();
    assert_eq!(again.code, RefusalCode::NothingToReclaim);

    let mut late = lost.entries.last().unwrap().clone();
    late.hash = hash(500);
    house.case.apply(&late);
    assert_eq!((house.case.rev(), unchecked(&house.case)), (2, 1));
    let sees = district().people_at(code(TOWNSHIP)).find(|staff| house.names(staff).contains(&"check_superseded"));
    let sees = sees.unwrap().id.as_str();
    let wrong = Command::CheckSuperseded { step: hash(3), redone: true, words: "已办".into() };
    assert_eq!(house.clone().act(sees, wrong).unwrap_err().code, RefusalCode::InvalidInput);
    house.act(sees, house.approving(Action::CheckSuperseded)).unwrap();
    assert_eq!(unchecked(&house.case), 0);
    assert!(superseded(&house.case).iter().all(|(_, said)| said.is_some()));

    // The village has a new machine: back to it, and no further than its line.
    let away = Command::HandOver { to: Some(code("990106102000")), reason: "站点恢复".into() };
    assert_eq!(house.clone().act(mover, away).unwrap_err().code, RefusalCode::OffTheWay);
    house.act(mover, Command::HandOver { to: Some(code(VILLAGE)), reason: "站点恢复".into() }).unwrap();
    assert_eq!((house.case.holder(), house.case.term(), house.case.rev()), (Some(code(VILLAGE)), 1, 3));
    house.do_it(house.approving(Action::FinishStage));
}
