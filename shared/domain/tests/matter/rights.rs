//! Who may see and do what: every member of staff of the district, on matters in every state.

use sanji_domain::matter::{
    self, ComplaintInput, Finding, MatterAction, MatterCommand, MatterSight, available, may_see,
};
use sanji_domain::organisation::Role;

use crate::world::{
    DESK, HEAD, SUPERVISOR, TOWNSHIP_SUPERVISOR, WINDOW, World, assign, complaint, conclude, investigate,
};

/// A complaint in each of its states.
fn complaints() -> Vec<World> {
    let steps: [(&str, MatterCommand); 4] = [
        (DESK, MatterCommand::Accept),
        (DESK, assign("js")),
        (SUPERVISOR, investigate()),
        (DESK, conclude(Finding::Upheld, false)),
    ];
    (0..=steps.len())
        .map(|count| {
            let mut world = World::complaint(complaint());
            steps.iter().take(count).for_each(|(person, command)| world.act(person, command).unwrap());
            world
        })
        .collect()
}

#[test]
fn those_complained_about_know_nothing() {
    for world in complaints() {
        for person in &world.district.staff {
            let sight = may_see(&world.matter, &world.context(Some(person)));
            let actions = available(&world.matter, &world.context(Some(person)));
            let about_them = person.department.as_str() == "mz" && person.place.to_string() == "990106000000";
            if about_them || person.place.to_string() != "990106000000" {
                assert_eq!(sight, MatterSight::None, "{}", person.id);
            }
            if sight == MatterSight::None {
                assert!(actions.is_empty(), "{}: {actions:?}", person.id);
            }
            let desk = person.roles.contains(&Role::ComplaintDesk);
            assert_eq!(sight == MatterSight::Full, desk, "only the desk sees who complains: {}", person.id);
        }
    }
}

#[test]
fn a_complaint_about_the_centre_itself_is_the_supervisors() {
    let mut about_centre = complaint();
    about_centre.against.department = Some("sp".parse().unwrap());
    about_centre.against.person = Some("sp-05".parse().unwrap());
    let mut world = World::new("990106000000");
    let supervisor = world.person(SUPERVISOR);
    let draft = matter::register_complaint(None, about_centre, None, &world.context(Some(supervisor))).unwrap();
    world.write(draft, supervisor.place);
    for (id, expect) in [(DESK, MatterSight::None), ("sp-05", MatterSight::None), (SUPERVISOR, MatterSight::Full)] {
        let person = world.person(id);
        assert_eq!(may_see(&world.matter, &world.context(Some(person))), expect, "{id}");
    }
    world.act(SUPERVISOR, &MatterCommand::Accept).unwrap();
    assert!(world.act(DESK, &conclude(Finding::NotUpheld, false)).is_err());
}

#[test]
fn each_action_is_offered_to_those_who_may_take_it_and_then_carried_out() {
    use MatterAction as Action;
    type Offered<'a> = &'a [(&'a str, &'a [Action])];
    let expected: [(usize, Offered<'_>); 5] = [
        (
            0,
            &[(DESK, &[Action::Accept, Action::Refuse, Action::Remind, Action::Note]), (SUPERVISOR, &[Action::Remind])],
        ),
        (
            1,
            &[
                (DESK, &[Action::Assign, Action::Conclude, Action::Remind, Action::Note]),
                (SUPERVISOR, &[Action::Remind]),
            ],
        ),
        (
            2,
            &[
                (DESK, &[Action::Assign, Action::Remind, Action::Note]),
                (SUPERVISOR, &[Action::Investigate, Action::Remind, Action::Note]),
            ],
        ),
        (
            3,
            &[
                (DESK, &[Action::Assign, Action::Conclude, Action::Remind, Action::Note]),
                (SUPERVISOR, &[Action::Remind, Action::Note]),
            ],
        ),
        (4, &[(DESK, &[Action::Rate, Action::Note]), (SUPERVISOR, &[Action::Note])]),
    ];
    let worlds = complaints();
    for (state, people) in expected {
        let world = &worlds[state];
        for (id, actions) in people {
            let person = world.person(id);
            assert_eq!(available(&world.matter, &world.context(Some(person))), *actions, "state {state}, {id}");
        }
        let head = world.person(HEAD);
        assert!(available(&world.matter, &world.context(Some(head))).is_empty());
    }
    // Somebody of the public can say whether they are content, and nothing else.
    for (state, world) in worlds.iter().enumerate() {
        let expect: &[Action] = if state == 4 { &[Action::Rate] } else { &[] };
        assert_eq!(available(&world.matter, &world.context(None)), expect);
    }
}

#[test]
fn only_those_who_take_complaints_down_may() {
    for (id, expect) in [(DESK, true), (SUPERVISOR, true), ("sp-06", false), (HEAD, false), ("mz-04", true)] {
        let world = World::new("990106000000");
        let person = world.person(id);
        let input: ComplaintInput = complaint();
        assert_eq!(matter::check_complaint(input, &world.context(Some(person))).is_ok(), expect, "{id}");
    }
}

#[test]
fn an_order_to_put_right_is_the_supervisors_and_the_stations() {
    let world = World::rectification();
    for (id, expect) in [
        (SUPERVISOR, MatterSight::Full),
        (TOWNSHIP_SUPERVISOR, MatterSight::Full),
        (WINDOW, MatterSight::Full),
        (HEAD, MatterSight::None),
        (DESK, MatterSight::None),
        ("990106100-10", MatterSight::None),
    ] {
        let person = world.person(id);
        assert_eq!(may_see(&world.matter, &world.context(Some(person))), expect, "{id}");
    }
}
