//! The state of a case depends on the set of its entries, not on their order or on duplicates.

use proptest::prelude::*;
use proptest::sample::subsequence;
use sanji_domain::case::{
    Action, Body, Case, CaseEntry, CaseState, Opinion, Rejection, Side, SideEvent, Step, StepEvent,
};
use sanji_log::{CaseId, Hash, RequestId};

use crate::district::{DISTRICT, TOWNSHIP, VILLAGE, code};
use crate::journey::{FULL_MANDATE, Journey, hash, log};

const COMMAND: RequestId = RequestId([8; 16]);

/// A case from its opening to its end, with an entry of every other sort between.
fn tangled() -> Vec<CaseEntry> {
    let mut journey = Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    while journey.forward().is_some() {}
    let mut entries = journey.entries;
    let straight = entries.len();
    for at in 0..straight {
        let number = 100 + 10 * at as u64;
        // A disk was cloned: the same predecessor, another hash.
        entries.push(altered(&entries[at], number, |_| {}));
        // What follows the clone.
        let clone = entries.last().unwrap().clone();
        entries.push(altered(&clone, number + 1, |step| follow(step, clone.hash)));
        // Of a writer that does not hold the case, of a wrong rev, of a wrong term, off the way.
        let stranger = altered(&entries[at], number + 2, |_| {});
        entries.push(CaseEntry { writer: code("990106102000"), ..stranger });
        entries.push(altered(&entries[at], number + 3, |step| step.rev += 1));
        entries.push(altered(&entries[at], number + 4, |step| step.term += 1));
        entries.push(altered(&entries[at], number + 5, |step| step.holder = code("990106101204")));
        // After one that was refused, and after one that never comes.
        let refused = hash(number + 3);
        entries.push(altered(&entries[at], number + 6, |step| follow(step, refused)));
        entries.push(altered(&entries[at], number + 7, |step| follow(step, hash(9_999))));
        // Two machines of a cloned disk answer the same command.
        let note = Body::Side(Side { actor: Default::default(), request: Some(COMMAND), event: SideEvent::Note });
        entries.push(CaseEntry { hash: hash(number + 8), body: note, ..entries[at].clone() });
        entries.push(altered(&entries[at], number + 9, |step| {
            step.event = StepEvent::Reclaimed { from: code(TOWNSHIP) };
            (step.holder, step.term) = (code(DISTRICT), step.term + 1);
        }));
        entries.last_mut().unwrap().writer = code(DISTRICT);
    }
    entries
}

fn altered(entry: &CaseEntry, number: u64, change: impl FnOnce(&mut Step)) -> CaseEntry {
    let mut entry = CaseEntry { hash: hash(number), ..entry.clone() };
    let Body::Step(step) = &mut entry.body else { panic!("not a step") };
    change(step);
    entry
}

fn follow(step: &mut Step, previous: Hash) {
    step.previous = Some(previous);
    step.rev += 1;
    step.event = StepEvent::StageFinished {
        stage: "survey".parse().unwrap(),
        opinion: Opinion::Agree,
        outside_number: String::new(),
        together_with: Vec::new(),
        materials: Vec::new(),
        answered_on: None,
    };
}

fn fold(entries: &[CaseEntry]) -> Case {
    let mut case = Case::new(CaseId::new(code(VILLAGE), 9557, 1, [7; 7]).unwrap());
    for entry in entries {
        case.apply(entry);
    }
    case
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_order_and_duplicates_of_any_part_give_the_same_case(
        (part, shuffled) in subsequence(tangled(), 1..88)
            .prop_flat_map(|part| (Just(part.clone()), Just([part.clone(), part].concat()).prop_shuffle()))
    ) {
        let case = fold(&part);
        prop_assert_eq!(&fold(&shuffled), &case);
        let snapshot = postcard::to_stdvec(&case).unwrap();
        prop_assert_eq!(&postcard::from_bytes::<Case>(&snapshot).unwrap(), &case);
        // Taken one by one, it is at any moment what it would be if it were linked anew.
        let mut growing = fold(&[]);
        for some in shuffled.chunks(shuffled.len().div_ceil(6)) {
            some.iter().for_each(|entry| growing.apply(entry));
            let anew = postcard::to_stdvec(&growing).unwrap();
            prop_assert_eq!(&postcard::from_bytes::<Case>(&anew).unwrap(), &growing);
        }
        let (half, rest) = shuffled.split_at(part.len());
        let mut resumed: Case = postcard::from_bytes(&postcard::to_stdvec(&fold(half)).unwrap()).unwrap();
        rest.iter().for_each(|entry| resumed.apply(entry));
        prop_assert_eq!(&resumed, &case);
    }
}

#[test]
fn of_side_entries_that_answer_one_command_that_with_the_lowest_hash_is_named() {
    let mut entries = tangled();
    let mut case = fold(&[]);
    assert_eq!(case.request(&COMMAND), None);
    entries.retain(|entry| matches!(entry.body, Body::Side(_)));
    let mut lowest: Option<Hash> = None;
    for entry in entries.iter().rev() {
        case.apply(entry);
        lowest = Some(lowest.map_or(entry.hash, |before| before.min(entry.hash)));
        assert_eq!(case.request(&COMMAND), lowest.map(|hash| (0, hash)));
    }
    assert_eq!(case.request(&RequestId([9; 16])), None);
}

#[test]
fn a_step_waits_for_its_predecessor() {
    let mut journey = Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    journey.until(Action::Decide);
    let case = fold(&journey.entries[1..]);
    assert_eq!((case.rev(), case.state()), (0, CaseState::Incomplete));
    assert_eq!(case.waiting().count(), journey.entries.len() - 1);
    let mut case = fold(&[&journey.entries[..2], &journey.entries[3..]].concat());
    assert_eq!((case.rev(), case.waiting().count()), (2, journey.entries.len() - 3));
    case.apply(&journey.entries[2]);
    assert_eq!(case, journey.case);
}

#[test]
fn a_reclaim_overtakes_the_lost_station() {
    let mut journey = Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    journey.forward();
    journey.forward();
    let at_district = |number, previous: &CaseEntry, change: fn(&mut Step)| {
        let mut entry = altered(previous, number, |step| {
            (step.rev, step.term, step.previous) = (step.rev + 1, 1, Some(previous.hash));
            (step.holder, step.event) = (code(DISTRICT), StepEvent::Unknown);
            change(step);
        });
        (entry.writer, entry.log) = (code(DISTRICT), log(code(VILLAGE), code(DISTRICT)));
        entry
    };
    // The district reclaims after the acceptance; the township has gone on meanwhile.
    let reclaimed =
        at_district(50, &journey.entries[1], |step| step.event = StepEvent::Reclaimed { from: code(TOWNSHIP) });
    let next = at_district(51, &reclaimed, |_| {});
    let mut case = journey.case.clone();
    assert_eq!((case.rev(), case.term(), case.holder()), (3, 0, Some(code(TOWNSHIP))));
    case.apply(&next);
    case.apply(&reclaimed);
    assert_eq!((case.rev(), case.term(), case.holder()), (4, 1, Some(code(DISTRICT))));
    let superseded: Vec<u64> = case.superseded().map(|facts| facts.seq).collect();
    assert_eq!(superseded, [3], "kept, shown, not applied");
    // What the lost station writes later is superseded too.
    let late = altered(&journey.entries[2], 52, |step| follow(step, journey.entries[2].hash));
    case.apply(&late);
    assert_eq!((case.rev(), case.superseded().count()), (4, 2));
    // Nobody below may reclaim.
    let mut wrong = at_district(53, &next, |step| {
        (step.term, step.event) = (2, StepEvent::Reclaimed { from: code(DISTRICT) });
        step.holder = code(TOWNSHIP);
    });
    wrong.writer = code(TOWNSHIP);
    case.apply(&wrong);
    assert_eq!(case.rejected().map(|(_, entry)| entry.reason).collect::<Vec<_>>(), [Rejection::WrongReclaim]);
}

#[test]
fn of_two_lives_of_a_disk_the_lower_hash_counts() {
    let mut journey = Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    journey.forward();
    let original = journey.entries[1].clone();
    let twins: Vec<CaseEntry> = (60..64).map(|number| altered(&original, number, |_| {})).collect();
    let mut case = journey.case;
    twins.iter().for_each(|twin| case.apply(twin));
    let lowest = twins.iter().map(|twin| twin.hash).chain([original.hash]).min();
    assert_eq!((case.last(), case.superseded().count()), (lowest, 4));
}

#[test]
fn what_breaks_the_chain_is_kept_as_rejected() {
    let journey = Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    let opening = journey.entries[0].clone();
    let reason = |entry: CaseEntry| {
        let mut case = journey.case.clone();
        case.apply(&entry);
        assert_eq!((case.rev(), case.waiting().count(), case.superseded().count()), (1, 0, 0));
        case.rejected().map(|(_, entry)| entry.reason).next()
    };
    let next = |change: fn(&mut Step)| {
        let mut entry = altered(&opening, 70, |step| {
            (step.rev, step.previous, step.event) = (2, Some(opening.hash), StepEvent::Unknown);
            change(step);
        });
        entry.writer = code(TOWNSHIP);
        entry
    };
    assert_eq!(reason(CaseEntry { writer: code(VILLAGE), ..next(|_| {}) }), Some(Rejection::NotHolder));
    assert_eq!(reason(next(|step| step.rev = 3)), Some(Rejection::WrongRev));
    assert_eq!(reason(next(|step| step.term = 1)), Some(Rejection::WrongTerm));
    assert_eq!(reason(next(|step| step.holder = code("990106102000"))), Some(Rejection::OffTheWay));
    assert_eq!(reason(altered(&opening, 71, |step| step.term = 1)), Some(Rejection::NotAnOpening));
    let again = CaseEntry {
        writer: code(TOWNSHIP),
        ..altered(&opening, 72, |step| (step.rev, step.previous) = (2, Some(opening.hash)))
    };
    assert_eq!(reason(again), Some(Rejection::OpensAgain));
    let elsewhere = CaseEntry { hash: hash(73), log: log(code(TOWNSHIP), code(TOWNSHIP)), ..opening.clone() };
    assert_eq!(reason(elsewhere), Some(Rejection::OtherHome));
    // A step of a newer release counts, though nobody here knows what it says.
    let mut case = journey.case.clone();
    case.apply(&next(|_| {}));
    assert_eq!((case.rev(), case.rejected().count()), (2, 0));
}
