//! Rows and snapshots.

use bytes::Bytes;
use sanji_log::Run;

use super::writer::{Writer, case};
use crate::bounds::ADDITION_MAX_BYTES;
use crate::contract::{CaseSnapshot, Commit, Error, HeldSnapshot, Projection, Replay, Row, Show, Store, WrappedKey};

fn set(list: &[u8], key: &[u8], value: Option<&[u8]>) -> Row {
    Row { list: list.to_vec(), key: key.to_vec(), value: value.map(<[u8]>::to_vec) }
}

fn project(store: &dyn Store, projection: Projection) {
    store.project(&projection).unwrap();
}

pub(super) fn rows_come_in_order_and_lists_do_not_mix(store: &dyn Store) {
    let mut projection = Projection::default();
    for key in [5u8, 1, 255, 3, 0, 9] {
        projection.rows.push(set(b"work", &[key], Some(&[key])));
        projection.rows.push(set(b"work-old", &[key], Some(b"other")));
        projection.rows.push(set(b"wor", &[key], Some(b"other")));
    }
    projection.rows.push(set(b"work", b"", Some(b"empty")));
    projection.rows.push(set(b"work", &[3], None));
    projection.rows.push(set(b"work", &[9, 9], Some(b"")));
    project(store, projection);

    let keys = |after: Option<&[u8]>, newest_first, limit| -> Vec<Vec<u8>> {
        store.rows(b"work", after, newest_first, limit).unwrap().into_iter().map(|(key, _)| key).collect()
    };
    let all: Vec<Vec<u8>> = vec![vec![], vec![0], vec![1], vec![5], vec![9], vec![9, 9], vec![255]];
    assert_eq!(keys(None, false, 100), all);
    assert_eq!(keys(None, true, 100), all.iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(keys(Some(&[1]), false, 2), [vec![5], vec![9]]);
    assert_eq!(keys(Some(&[3]), false, 1), [vec![5]]);
    assert_eq!(keys(Some(&[9, 9]), true, 2), [vec![9], vec![5]]);
    assert_eq!(keys(Some(&[9]), false, 1), [vec![9, 9]]);
    assert_eq!(keys(Some(&[255]), false, 5), Vec::<Vec<u8>>::new());
    assert_eq!(keys(None, false, 0), Vec::<Vec<u8>>::new());
    assert_eq!(store.row(b"work", &[5]).unwrap(), Some(vec![5]));
    assert_eq!(store.row(b"work", &[9, 9]).unwrap(), Some(vec![]));
    assert_eq!(store.row(b"work", &[3]).unwrap(), None);
    assert_eq!(store.row(b"none", &[5]).unwrap(), None);

    let changed = vec![set(b"work", &[5], Some(b"new")), set(b"work", &[255], None)];
    project(store, Projection { rows: changed, ..Projection::default() });
    assert_eq!(store.row(b"work", &[5]).unwrap(), Some(b"new".to_vec()));
    assert_eq!(keys(Some(&[5]), false, 9), [vec![9], vec![9, 9]]);
}

pub(super) fn a_snapshot_of_any_size_replaces_the_one_before(store: &dyn Store) {
    for size in [10, 0, 3500, 3501, 100_000, 7000, 20_000, 1] {
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let cases = vec![CaseSnapshot { case: case(7), bytes: bytes.clone(), is_addition: false }];
        project(store, Projection { cases, ..Projection::default() });
        let held = HeldSnapshot { whole: bytes.into(), additions: Vec::new() };
        assert_eq!(store.snapshot(&case(7)).unwrap(), Some(held), "{size}");
    }
    let snapshot = |serial| CaseSnapshot { case: case(serial), bytes: vec![1; 9000], is_addition: false };
    let cases = [9, 8].map(snapshot).to_vec();
    project(store, Projection { cases, ..Projection::default() });
    assert_eq!(store.cases_with_prefix(&case(7).0[..8], 10).unwrap(), [case(7), case(8), case(9)]);
    assert_eq!(store.cases_with_prefix(&[], 2).unwrap(), [case(7), case(8)]);
    assert_eq!(store.cases_with_prefix(&case(8).number_prefix(), 10).unwrap(), [case(8)]);
    assert_eq!(store.cases_with_prefix(&case(6).number_prefix(), 10).unwrap(), []);
}

pub(super) fn what_is_added_to_a_snapshot_stands_behind_it_until_another_replaces_it(store: &dyn Store) {
    let show = |bytes: &[u8], is_addition| {
        let cases = vec![CaseSnapshot { case: case(6), bytes: bytes.to_vec(), is_addition }];
        store.project(&Projection { cases, ..Projection::default() })
    };
    let held = |whole: &[u8], additions: &[&[u8]]| {
        let additions = additions.iter().map(|bytes| Bytes::copy_from_slice(bytes)).collect();
        Some(HeldSnapshot { whole: Bytes::copy_from_slice(whole), additions })
    };
    assert!(matches!(show(b"more", true), Err(Error::Invalid { .. })), "there is nothing to add to");
    assert_eq!(store.snapshot(&case(6)).unwrap(), None);
    for whole in [b"first".as_slice(), b"second", b"second"] {
        show(whole, false).unwrap();
        assert_eq!(store.snapshot(&case(6)).unwrap(), held(whole, &[]));
        show(b"a", true).unwrap();
        show(b"", true).unwrap();
        show(&[7; ADDITION_MAX_BYTES], true).unwrap();
        assert_eq!(store.snapshot(&case(6)).unwrap(), held(whole, &[b"a", b"", &[7; ADDITION_MAX_BYTES]]));
    }
    assert!(matches!(show(&[7; ADDITION_MAX_BYTES + 1], true), Err(Error::Invalid { .. })));
    assert_eq!(store.read_only(), None);
    assert_eq!(store.cases_with_prefix(&case(6).number_prefix(), 10).unwrap(), [case(6)]);
}

pub(super) fn nothing_is_unprojected_in_a_store_that_lost_nothing(store: &dyn Store) {
    let mut writer = Writer::new(1);
    let never = &mut |_, _| panic!("nothing is lost");
    assert_eq!(store.unprojected(never).unwrap(), 0);
    for _ in 0..3 {
        store.commit(&writer.commit(None, 1, 10)).unwrap();
        store.project(&Projection::default()).unwrap();
    }
    assert_eq!(store.unprojected(never).unwrap(), 0);
}

pub(super) fn a_part_shows_and_what_was_committed_is_asked_for_all_the_same(store: &dyn Store) {
    let part = |value: &[u8]| Projection {
        rows: vec![set(b"parts", &[1], Some(value))],
        cases: vec![CaseSnapshot { case: case(5), bytes: value.to_vec(), is_addition: false }],
    };
    let mut writer = Writer::new(1);
    store.commit(&writer.commit(None, 1, 10)).unwrap();
    store.project_part(&part(b"first")).unwrap();
    store.commit(&writer.commit(None, 1, 10)).unwrap();
    store.project_part(&part(b"second")).unwrap();
    assert_eq!(store.row(b"parts", &[1]).unwrap(), Some(b"second".to_vec()));
    assert_eq!(store.snapshot(&case(5)).unwrap().unwrap().whole, b"second"[..]);
    let refused = store.project_part(&Projection { rows: vec![set(b"", &[1; 513], None)], ..Projection::default() });
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");

    let mut asked_for = 0;
    let visited = store.unprojected(&mut |_, _| {
        asked_for += 1;
        Ok(part(b"again"))
    });
    assert_eq!((visited.unwrap(), asked_for), (2, 2));
    assert_eq!(store.row(b"parts", &[1]).unwrap(), Some(b"again".to_vec()));
    store.project_part(&Projection::default()).unwrap();
    assert_eq!(store.unprojected(&mut |_, _| panic!("nothing was committed since")).unwrap(), 0);
}

/// Shows what it has taken in with every second run, and breaks off before one.
struct Pairs {
    taken: Vec<u64>,
    breaks_off_at: u64,
}

impl Pairs {
    fn show(&mut self, show: &mut Show<'_>) -> Result<(), Error> {
        let rows = self.taken.drain(..).map(|seq| set(b"pairs", &[seq as u8], Some(b""))).collect();
        show(&Projection { rows, ..Projection::default() })
    }
}

impl Replay for Pairs {
    fn run(&mut self, run: Run, _: u64, show: &mut Show<'_>) -> Result<bool, Error> {
        if run.seal.seq == self.breaks_off_at {
            return Err(Error::Damaged { what: "broken off".to_owned() });
        }
        self.taken.push(run.seal.seq);
        let is_pair = self.taken.len() == 2;
        if is_pair {
            self.show(show)?;
        }
        Ok(is_pair)
    }

    fn end(&mut self, show: &mut Show<'_>) -> Result<(), Error> {
        self.show(show)
    }
}

pub(super) fn a_replay_that_breaks_off_begins_after_what_it_has_shown(store: &dyn Store) {
    let mut writer = Writer::new(1);
    for serial in 1..=5 {
        store.commit(&writer.commit(None, 1, 10)).unwrap();
        // Nothing follows from these, shown or not.
        let case_keys = vec![WrappedKey { case: case(serial), bytes: vec![1; 60] }];
        store.commit(&Commit { case_keys, ..Commit::default() }).unwrap();
    }
    let shown = |store: &dyn Store| -> Vec<u8> {
        store.rows(b"pairs", None, false, 9).unwrap().into_iter().map(|(key, _)| key[0]).collect()
    };
    store.unprojected(&mut Pairs { taken: Vec::new(), breaks_off_at: 4 }).unwrap_err();
    assert_eq!(shown(store), [1, 2]);
    assert_eq!(store.unprojected(&mut Pairs { taken: Vec::new(), breaks_off_at: 0 }).unwrap(), 3, "3 was not shown");
    assert_eq!(shown(store), [1, 2, 3, 4, 5]);
    assert_eq!(store.unprojected(&mut Pairs { taken: Vec::new(), breaks_off_at: 5 }).unwrap(), 0);
}

pub(super) fn a_projection_beyond_the_bounds_is_refused_whole(store: &dyn Store) {
    let row = |list: &[u8], key: usize, value: usize| Row {
        list: list.to_vec(),
        key: vec![1; key],
        value: Some(vec![1; value]),
    };
    for wrong in [row(&[1; 65], 1, 1), row(b"list", 513, 1), row(b"list", 512, 4097), row(b"li\0st", 1, 1)] {
        let rows = vec![set(b"list", b"good", Some(b"")), wrong];
        let refused = store.project(&Projection { rows, ..Projection::default() });
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    }
    assert_eq!(store.row(b"list", b"good").unwrap(), None);
    assert_eq!(store.read_only(), None);
    project(store, Projection { rows: vec![row(&[1; 64], 512, 4096)], ..Projection::default() });
    assert_eq!(store.row(&[1; 64], &[1; 512]).unwrap(), Some(vec![1; 4096]));
}
