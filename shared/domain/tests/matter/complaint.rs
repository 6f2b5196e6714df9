//! The life of a complaint: its steps, its limits, what is refused, and that order of arrival is no matter.

use jiff::civil::date;
use proptest::prelude::*;
use sanji_domain::case::RefusalCode;
use sanji_domain::matter::{self, Against, ComplaintInput, Finding, Matter, MatterCommand, MatterState, Way, clock};
use sanji_log::Hash;

use crate::district::{TOWNSHIP, VILLAGE, code};
use crate::world::{DESK, SUPERVISOR, WINDOW, World, assign, complaint, conclude, investigate};

#[test]
fn a_complaint_is_settled() {
    let mut world = World::complaint(complaint());
    assert_eq!(world.matter.state(), MatterState::Registered);
    world.act(DESK, &MatterCommand::Accept).unwrap();
    world.act(DESK, &assign("js")).unwrap();
    world.act(SUPERVISOR, &investigate()).unwrap();
    world.act(DESK, &conclude(Finding::Upheld, true)).unwrap();
    assert_eq!(world.matter.state(), MatterState::Concluded(Finding::Upheld));
    assert!(!world.matter.is_open());
    world.act(DESK, &MatterCommand::Rate { satisfied: false, words: String::new() }).unwrap();
    assert_eq!(world.matter.rated(), Some(false));
    let again = world.act(DESK, &MatterCommand::Rate { satisfied: true, words: String::new() });
    assert_eq!(again.unwrap_err().code, RefusalCode::WrongStage, "it was said once");
}

#[test]
fn limits_run_from_the_day_it_was_taken_down() {
    let due = |world: &World| clock::due(&world.matter, &world.district.reference()).unwrap();
    let mut world = World::complaint(complaint());
    // Monday 2 March 2026: five working days, then fifteen.
    assert_eq!(due(&world), Some(date(2026, 3, 9)));
    world.days_pass(1);
    world.act(DESK, &MatterCommand::Accept).unwrap();
    assert_eq!(due(&world), Some(date(2026, 3, 23)));
    world.act(DESK, &conclude(Finding::NotUpheld, false)).unwrap();
    assert_eq!(due(&world), None);
    for (today, expect) in [(date(2026, 3, 23), false), (date(2026, 3, 24), true)] {
        assert_eq!(clock::is_overdue(Some(date(2026, 3, 23)), today), expect, "{today}");
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let cases: Vec<(ComplaintInput, &str)> = vec![
        (ComplaintInput { words: "  ".into(), ..complaint() }, "words"),
        (ComplaintInput { way: None, ..complaint() }, "way"),
        (ComplaintInput { way: Some(Way::Unknown), ..complaint() }, "way"),
        (ComplaintInput { telephone: String::new(), ..complaint() }, "telephone"),
        (ComplaintInput { case_number: "123".into(), ..complaint() }, "case_number"),
        (ComplaintInput { against: Against::default(), ..complaint() }, "against"),
        (
            ComplaintInput {
                against: Against { department: Some("nobody".parse().unwrap()), ..Against::default() },
                ..complaint()
            },
            "against.department",
        ),
    ];
    let world = World::complaint(complaint());
    let desk = world.person(DESK);
    for (input, field) in cases {
        let refusal = matter::check_complaint(input, &world.context(Some(desk))).err().expect(field);
        assert_eq!(refusal.code, RefusalCode::InvalidInput, "{field}");
        assert_eq!(refusal.fields[0].field, field);
    }
    let anonymous = ComplaintInput { name: String::new(), telephone: String::new(), ..complaint() };
    assert!(matter::check_complaint(anonymous, &world.context(Some(desk))).is_ok(), "no name, no telephone");
}

#[test]
fn nobody_is_asked_to_look_into_a_complaint_about_themselves() {
    let mut world = World::complaint(complaint());
    world.act(DESK, &MatterCommand::Accept).unwrap();
    let refusal = world.act(DESK, &assign("mz")).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::NotCompetent);
    assert!(refusal.basis.is_some());
    for department in ["township", "", "nobody"] {
        assert_eq!(world.act(DESK, &assign(department)).unwrap_err().code, RefusalCode::InvalidInput, "{department}");
    }
    world.act(DESK, &assign("rs")).unwrap();
}

#[test]
fn a_named_complaint_is_answered_and_only_a_proven_one_proposes_suspension() {
    let mut world = World::complaint(complaint());
    world.act(DESK, &MatterCommand::Accept).unwrap();
    let silent = MatterCommand::Conclude {
        finding: Finding::Upheld,
        words: "批评教育".into(),
        reply: String::new(),
        propose_suspension: false,
    };
    assert_eq!(world.act(DESK, &silent).unwrap_err().fields[0].field, "reply");
    let unfounded = world.act(DESK, &conclude(Finding::NotUpheld, true)).unwrap_err();
    assert_eq!(unfounded.fields[0].field, "propose_suspension");
    let mut nobody = World::complaint(ComplaintInput {
        name: String::new(),
        telephone: String::new(),
        against: Against { person: None, ..complaint().against },
        ..complaint()
    });
    nobody.act(DESK, &MatterCommand::Accept).unwrap();
    assert!(nobody.act(DESK, &conclude(Finding::Upheld, true)).is_err(), "about nobody in particular");
    nobody.act(DESK, &silent).unwrap();
}

#[test]
fn below_the_district_a_complaint_is_a_letter() {
    let world = World::complaint(complaint());
    let window = world.person(WINDOW);
    let refusal = matter::register_complaint(None, complaint(), None, &world.context(Some(window))).err().unwrap();
    assert_eq!(refusal.code, RefusalCode::NotCompetent);
    for (home, person) in [(TOWNSHIP, WINDOW), (VILLAGE, "990106101203-1")] {
        let mut world = World::new(home);
        let sender = world.person(person);
        let draft = matter::send_letter(None, vec![1, 2, 3], &world.context(Some(sender))).unwrap();
        assert!(!draft.opens, "no key travels with it");
        assert!(draft.private.is_empty());
        world.write(draft, sender.place);
        assert_eq!(world.matter.state(), MatterState::Sent);
        assert_eq!(world.matter.holder(), Some(code(crate::district::DISTRICT)));
        assert!(world.act(person, &MatterCommand::OpenLetter).is_err(), "{home}: only the district");
        world.act(DESK, &MatterCommand::OpenLetter).unwrap();
        assert_eq!(world.matter.state(), MatterState::Opened);
    }
}

proptest! {
    /// The same set of entries gives the same matter, in any order and twice.
    #[test]
    fn order_of_arrival_is_no_matter(order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(), twice in 0..6_usize) {
        let mut world = World::complaint(complaint());
        world.act(DESK, &MatterCommand::Accept).unwrap();
        world.act(DESK, &assign("js")).unwrap();
        world.act(SUPERVISOR, &investigate()).unwrap();
        world.act(DESK, &conclude(Finding::PartlyUpheld, false)).unwrap();
        world.act(DESK, &MatterCommand::Rate { satisfied: true, words: String::new() }).unwrap();
        let mut folded = Matter::new(world.matter.id());
        for at in order.into_iter().chain([twice]) {
            folded.apply(&world.entries[at]);
        }
        prop_assert_eq!(&folded, &world.matter);
    }

    /// A step by a station that does not hold the matter, or on the wrong step, never counts.
    #[test]
    fn forged_steps_never_count(rev in 1_u32..4, wrong_writer in any::<bool>()) {
        let mut world = World::complaint(complaint());
        world.act(DESK, &MatterCommand::Accept).unwrap();
        let mut forged = world.entries[1].clone();
        forged.hash = Hash([99; 32]);
        forged.time = sanji_log::HybridTime::from_millis(1);
        if let matter::MatterBody::Step(step) = &mut forged.body {
            step.rev = rev;
            if rev == 1 {
                step.previous = None;
            }
        }
        if wrong_writer {
            forged.writer = code(TOWNSHIP);
        } else if rev == 2 {
            return Ok(());
        }
        let before = world.matter.state();
        world.matter.apply(&forged);
        prop_assert_eq!(world.matter.state(), before);
        prop_assert_eq!(world.matter.rev(), 2);
    }
}
