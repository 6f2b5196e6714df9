//! A cloned data folder: what is kept of the branch that is not in the log, and what a decision changes.

use prost::Message;
use sanji_log::seal::public_key;
use sanji_log::{Hash, LogId, Reach, Run};
use sanji_proto::v1 as proto;

use crate::district::{District, HUB, START_MS, TOWNSHIP, VILLAGE, WINDOW, code, missing, noise, verified};
use crate::receive::foreign_run;

fn from(run: &Run, seq: usize) -> Run {
    Run { entries: run.entries[seq - 1..].to_vec(), ..run.clone() }
}

#[test]
fn a_branch_is_kept_from_the_parting_on_and_nothing_else_is() {
    let mut district = District::new();
    let signing = district.village.keys.signing.clone();
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: public_key(&signing) };
    let (one, other) = (foreign_run(&signing, 5, "one"), foreign_run(&signing, 3, "other"));
    let now_ms = district.now_ms;
    let core = &mut district.township.core;
    core.receive(code(VILLAGE), vec![verified(one.clone())], &[], now_ms, &mut noise(&mut 1)).unwrap();
    core.commit(now_ms).unwrap();
    let mut keep = |run: &Run| {
        let wanted = core.keep_branch(code(VILLAGE), run.clone(), &[], now_ms, &mut noise(&mut 1)).unwrap();
        let written = core.commit(now_ms).unwrap().heads.len();
        (wanted, written)
    };
    let longer = foreign_run(&signing, 6, "other");
    let mut forged = other.clone();
    forged.seal.signature[0] ^= 1;
    assert_eq!(keep(&forged), (None, 0), "nobody forges evidence");
    assert_eq!(keep(&from(&other, 3)), (Some(1), 0), "it does not meet what is held: from further back");
    assert_eq!(keep(&one), (None, 0), "the same is no branch");
    assert_eq!(keep(&from(&foreign_run(&signing, 6, "one"), 6)), (None, 0), "what goes on is none either");
    assert_eq!(keep(&other), (Some(4), 1));
    assert_eq!(keep(&other), (Some(4), 0), "once");
    assert_eq!(keep(&from(&longer, 4)), (Some(7), 1), "it goes on where the evidence ends");

    district.township.reopen();
    let reference = district.township.core.reader().reference();
    let fork = &reference.forks()[&log];
    assert_eq!((fork.seq(), fork.decided.is_none()), (1, true));
    district.sync();
    assert!(district.hub.core.reader().reference().forks().contains_key(&log), "evidence is an entry, so it travels");
    assert!(district.village.core.reader().branch_wanted(&log, 1).is_none(), "nobody asks for his own");
}

#[test]
fn two_machines_with_one_key_are_noted_once() {
    let mut district = District::new();
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() };
    let core = &mut district.township.core;
    for written in [1, 0] {
        core.note_clone(log, START_MS).unwrap();
        assert_eq!(core.commit(START_MS).unwrap().heads.len(), written);
    }
    assert_eq!(core.reader().reference().forks()[&log].seq(), 0, "nothing is contradicted yet");
}

/// The village's folder is copied, both go on, and the township has one of them in the log.
fn cloned() -> (District, LogId, [Hash; 2]) {
    let mut district = District::new();
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() };
    let mut clone = District::new();
    clone.differ();
    for machine in [&mut district, &mut clone] {
        machine.submit().unwrap();
    }
    let runs = [&district, &clone].map(|machine| missing(&machine.village, &machine.township));
    let [one, other] = &runs;
    let now_ms = district.now_ms;
    let core = &mut district.township.core;
    core.receive(code(VILLAGE), vec![verified(one[0].0.clone())], &one[0].1, now_ms, &mut noise(&mut 1)).unwrap();
    core.commit(now_ms).unwrap();
    core.keep_branch(code(VILLAGE), other[0].0.clone(), &other[0].1, now_ms, &mut noise(&mut 2)).unwrap();
    core.commit(now_ms).unwrap();
    let begins = runs.each_ref().map(|runs| runs[0].0.entries[0].hash());
    district.sync();
    (district, log, begins)
}

fn decide(district: &mut District, log: LogId, hash: Hash) {
    let decided =
        proto::ForkDecided { log: Some(log.into()), seq: 1, hash: hash.0.to_vec(), reason: "counter".to_owned() };
    let record = proto::StationRecord { record: Some(proto::station_record::Record::ForkDecided(decided)) };
    let (kind, body) = (proto::Kind::Station as u32, record.encode_to_vec());
    let now_ms = district.now_ms;
    district.hub.core.write(code(VILLAGE), Reach::Public, "", kind, body, now_ms).unwrap();
    district.hub.core.commit(now_ms).unwrap();
    district.sync();
}

#[test]
fn the_branch_that_the_district_chooses_counts_at_every_station() {
    for chosen in [0, 1] {
        let (mut district, log, begins) = cloned();
        let ids = |district: &mut District, station: &str| {
            let reader = district.member(station).core.reader().clone();
            let cases = reader.indexed().unwrap().cases_with_prefix(&[], 10).unwrap();
            let applied: Vec<_> = cases
                .iter()
                .filter(|id| reader.case(id).unwrap().is_some_and(|case| case.rev() > 0))
                .copied()
                .collect();
            let keys = applied.iter().all(|id| reader.case_key(id).unwrap().is_some());
            (applied, keys)
        };
        let before = ids(&mut district, TOWNSHIP).0;
        assert_eq!(before.len(), 1, "evidence is not applied");
        decide(&mut district, log, begins[chosen]);
        for station in [TOWNSHIP, HUB] {
            let (after, keys) = ids(&mut district, station);
            assert_eq!(after.len(), 1, "{station}");
            assert_eq!(after == before, chosen == 0, "{station}");
            assert!(keys, "{station} can read the case that counts");
            district.member(station).reopen();
            assert_eq!(ids(&mut district, station).0, after, "{station}, opened again");
        }
        let number = ids(&mut district, TOWNSHIP).0[0].number().to_string();
        assert_eq!(district.view(TOWNSHIP, WINDOW, &number).unwrap().applicant.unwrap().name, "朱**");
    }
}
