//! A generated year stays within the rules: nothing gets stuck, the hub holds all of it, the same seed gives the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use jiff::civil::date;
use sanji_store::{DiskStore, Options, Store as _};
use sanji_tests::sample;
use sanji_tests::year::{Made, Order, make};

/// Weeks with a make-up day, a holiday before them and enough time for a case to come to its end.
fn weeks(data: &Path) -> Made {
    let order = Order {
        data: data.to_owned(),
        sample: sample::folder(),
        cases: 80,
        from: date(2026, 10, 9),
        until: date(2026, 10, 30),
        seed: 3,
    };
    make(&order, &mut |_, _| ()).unwrap()
}

#[test]
fn some_weeks_of_a_district_pass_by_its_rules_and_the_same_seed_gives_the_same_weeks() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("hub");
    let made = weeks(&data);
    assert!((60..=100).contains(&made.cases), "{made:?}");
    assert!(made.stuck.is_empty(), "cases wait for what nobody does: {:?}", made.stuck);
    for action in ["accept", "decide", "deliver", "finish_stage"] {
        assert!(made.actions.get(action).is_some_and(|count| *count > 10), "{action}: {:?}", made.actions);
    }
    assert!(made.dead_line_days > 50, "lines hardly ever died: {}", made.dead_line_days);

    let store = DiskStore::open(&data, Options::default()).unwrap();
    let faults = store.verify(&mut |_, _| ()).unwrap();
    assert!(faults.faults.is_empty(), "{faults:?}");
    let held: u64 = store.have().heads().map(|head| head.seq).sum();
    assert_eq!(held, made.entries);
    // Every case is one entry more, and every action.
    assert!(held > u64::from(made.cases + made.actions.values().sum::<u32>()));

    let again = weeks(&folder.path().join("again"));
    assert_eq!((again.cases, &again.actions, &again.refused), (made.cases, &made.actions, &made.refused));
    assert_eq!(again.entries, made.entries);
}
