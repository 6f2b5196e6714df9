//! A revoked station's unsent work, and entries that were damaged: nothing is lost.

use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use prost::Message;
use sanji_log::{CaseId, Hash, LogId, Reach, Stretch};
use sanji_proto::v1 as proto;
use sanji_replication::CaseKeyMessage;
use sanji_store::{DiskStore, Options, Store as _};

use crate::district::{
    AGENT, District, HUB, Member, START_MS, TOWNSHIP, VILLAGE, WINDOW, bring, code, dibao, missing, noise, verified,
};

fn revoke(district: &mut District) {
    revoke_only_at_the_hub(district);
    bring(&mut district.hub, &mut district.township, district.now_ms);
}

fn revoke_only_at_the_hub(district: &mut District) {
    let record = proto::station_record::Record::Revoked(proto::StationRevoked {
        key: district.village.key().0.to_vec(),
        reason: "stolen".to_owned(),
    });
    write(district, record);
}

fn write(district: &mut District, record: proto::station_record::Record) {
    let body = proto::StationRecord { record: Some(record) }.encode_to_vec();
    let now_ms = district.now_ms;
    let core = &mut district.hub.core;
    core.write(code(VILLAGE), Reach::Public, "", proto::Kind::Station as u32, body, now_ms).unwrap();
    core.commit(now_ms).unwrap();
}

/// A village that has submitted a case and delivered it, one more that it has not, and is revoked then; what it had not
/// delivered is kept aside at the township.
fn with_a_rest() -> (District, LogId, [String; 2]) {
    let mut district = District::new();
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() };
    let first = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    let second = district.submit().unwrap().case.unwrap().number().to_string();
    revoke(&mut district);
    for _ in 0..2 {
        for (run, keys) in missing(&district.village, &district.township) {
            let now_ms = district.now_ms;
            let core = &mut district.township.core;
            core.keep_aside(code(VILLAGE), vec![run], &keys, now_ms, &mut noise(&mut 3)).unwrap();
            core.commit(now_ms).unwrap();
        }
    }
    bring(&mut district.township, &mut district.hub, district.now_ms);
    (district, log, [first, second])
}

fn rest(district: &mut District, station: &str, log: LogId) -> Option<(u64, (u64, Hash))> {
    let reader = district.member(station).core.reader().clone();
    let reference = reader.reference();
    let facts = reference.asides().get(&(log, "REVOKED".to_owned()))?;
    let run = district.village.store.read(&log, facts.seq, usize::MAX).unwrap().unwrap();
    facts.is_kept().then_some((facts.seq, (run.seal.seq, run.seal.hash)))
}

fn sees(district: &mut District, station: &str, number: &str) -> bool {
    let reader = district.member(station).core.reader().clone();
    let found = reader.find(&number.parse().unwrap()).unwrap();
    found.iter().any(|id| reader.case(id).unwrap().is_some_and(|case| case.rev() > 0))
}

#[test]
fn what_a_revoked_station_had_not_delivered_is_kept_and_counts_once_it_is_admitted() {
    for admitted in [true, false] {
        let (mut district, log, [first, second]) = with_a_rest();
        let held = district.township.store.have().get(&log).unwrap();
        let (seq, (until, hash)) = rest(&mut district, HUB, log).expect("evidence travels to the hub");
        assert_eq!(seq, held.0 + 1);
        for station in [TOWNSHIP, HUB] {
            assert!(sees(&mut district, station, &first) && !sees(&mut district, station, &second), "{station}");
            let kept =
                district.member(station).store.have().heads().filter(|head| head.log.home == code(VILLAGE)).count();
            district.member(station).reopen();
            assert_eq!(rest(&mut district, station, log), Some((seq, (until, hash))), "{station}, opened again");
            assert!(kept > 0);
        }
        let decided = proto::RestDecided {
            log: Some(log.into()),
            from: seq,
            until,
            hash: hash.0.to_vec(),
            admitted,
            reason: "asked the agent".to_owned(),
        };
        write(&mut district, proto::station_record::Record::RestDecided(decided));
        bring(&mut district.hub, &mut district.township, district.now_ms);
        for station in [HUB, TOWNSHIP] {
            let now_ms = district.now_ms;
            let core = &mut district.member(station).core;
            let entries = core.admit(log, now_ms).unwrap();
            core.commit(now_ms).unwrap();
            assert_eq!(entries > 0, admitted, "{station}");
            assert_eq!(core.admit(log, now_ms).unwrap(), 0, "{station}: once");
            core.commit(now_ms).unwrap();
            assert_eq!(sees(&mut district, station, &second), admitted, "{station}");
            district.member(station).reopen();
            assert_eq!(sees(&mut district, station, &second), admitted, "{station}, opened again");
        }
        if admitted {
            assert_eq!(district.township.store.have().get(&log), district.village.store.have().get(&log));
            let view = district.view(TOWNSHIP, WINDOW, &second).unwrap();
            assert_eq!(view.applicant.unwrap().name, "朱**", "its key has come, too");
        }
    }
}

/// The township takes a case before it hears that the village's key was revoked, and works on it. What the district
/// decides then holds there, too; a later word on more of the same log may turn it round.
#[test]
fn what_a_township_had_taken_before_it_heard_of_the_revocation_counts_only_if_the_district_admits_it() {
    for admitted in [true, false] {
        let mut district = District::new();
        let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() };
        let submit = |district: &mut District| district.submit().unwrap().case.unwrap().number().to_string();
        let first = submit(&mut district);
        district.sync();
        let held = district.hub.store.head(&log).unwrap().0;
        let request = district.request();
        let photograph = district.photograph_for(VILLAGE, AGENT, "", &request);
        let mut with_a_file = dibao(&request);
        with_a_file.materials[2].attachments = vec![photograph.0.to_vec()];
        let second = district.submit_as(with_a_file).unwrap().case.unwrap().number().to_string();
        let third = submit(&mut district);
        revoke_only_at_the_hub(&mut district);
        let now_ms = district.now_ms;
        keep_aside(&district.village, &mut district.hub, now_ms);
        bring(&mut district.village, &mut district.township, now_ms);
        bring(&mut district.hub, &mut district.township, now_ms);
        let seen =
            |district: &mut District, station| [&first, &second, &third].map(|case| sees(district, station, case));
        assert_eq!(
            seen(&mut district, TOWNSHIP),
            [true; 3],
            "what was taken in good faith goes on until it is decided"
        );
        assert_eq!(seen(&mut district, HUB), [true, false, false]);
        let waits = |district: &District| {
            let indexed = district.township.core.reader().indexed().unwrap();
            [b"missing".as_slice(), b"unconfirmed"].map(|list| indexed.rows(list, None, false, 9).unwrap().len())
        };
        assert_eq!(waits(&district), [1, 1], "its photograph is to come");

        let decide = |district: &mut District, until: u64, admitted| {
            let hash = district.village.store.entry(&log, until).unwrap().unwrap().hash();
            let decided = proto::RestDecided {
                log: Some(log.into()),
                from: held + 1,
                until,
                hash: hash.0.to_vec(),
                admitted,
                reason: "asked the agent".to_owned(),
            };
            write(district, proto::station_record::Record::RestDecided(decided));
            let now_ms = district.now_ms;
            bring(&mut district.hub, &mut district.township, now_ms);
            district.hub.core.admit(log, now_ms).unwrap();
            district.hub.core.commit(now_ms).unwrap();
        };
        let last = district.village.store.head(&log).unwrap().0;
        decide(&mut district, last - 1, false);
        for reopened in [false, true] {
            for station in [TOWNSHIP, HUB] {
                if reopened {
                    district.member(station).reopen();
                }
                assert_eq!(seen(&mut district, station), [true, false, false], "{station}, opened again: {reopened}");
            }
            assert_eq!(waits(&district), [0, 0], "nothing is wanted that does not count");
        }
        decide(&mut district, last, admitted);
        for station in [TOWNSHIP, HUB] {
            assert_eq!(seen(&mut district, station), [true, admitted, admitted], "{station}");
            district.member(station).reopen();
            assert_eq!(seen(&mut district, station), [true, admitted, admitted], "{station}, opened again");
        }
        assert_eq!(waits(&district), [usize::from(admitted); 2]);
        if admitted {
            let view = district.view(TOWNSHIP, WINDOW, &third).unwrap();
            assert_eq!(view.applicant.unwrap().name, "朱**");
        }
    }
}

/// What a station holds and another lacks of a log is kept aside there.
fn keep_aside(from: &Member, to: &mut Member, now_ms: u64) {
    for (run, keys) in missing(from, to).into_iter().filter(|(run, _)| run.log.key == from.key()) {
        to.core.keep_aside(code(VILLAGE), vec![run], &keys, now_ms, &mut noise(&mut 3)).unwrap();
        to.core.commit(now_ms).unwrap();
    }
}

/// Two machines have written under the key before it was revoked, the same at first; what the district admits is one of
/// the two branches, and all stations take that, whichever came first.
#[test]
fn of_two_branches_under_a_revoked_key_the_decided_one_counts() {
    for decided in [0, 1] {
        let mut district = District::new();
        let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() };
        district.submit().unwrap();
        district.sync();
        let both = district.submit().unwrap().case.unwrap().number().to_string();
        let mut clone = Member::new(VILLAGE, 3, &district.authority);
        let runs = missing(&district.village, &clone).into_iter().map(|(run, _)| run).collect();
        clone.core.adopt(runs, &[], district.now_ms, &mut noise(&mut 1)).unwrap();
        clone.core.commit(district.now_ms).unwrap();
        let first = district.submit().unwrap().case.unwrap();
        std::mem::swap(&mut district.village, &mut clone);
        district.differ();
        let second = district.submit().unwrap().case.unwrap();
        let stolen = Member::new(VILLAGE, 3, &district.authority);
        let branches = [clone, std::mem::replace(&mut district.village, stolen)];
        revoke(&mut district);
        let now_ms = district.now_ms;
        // The hub hears them the other way round.
        for (station, order) in [(TOWNSHIP, [0, 1]), (HUB, [1, 0])] {
            for at in order {
                keep_aside(&branches[at], district.member(station), now_ms);
            }
        }
        bring(&mut district.township, &mut district.hub, now_ms);
        bring(&mut district.hub, &mut district.township, now_ms);
        let (until, hash) = branches[decided].store.head(&log).unwrap();
        assert_eq!(branches[0].store.head(&log).unwrap().0, branches[1].store.head(&log).unwrap().0);
        let decision = proto::RestDecided {
            log: Some(log.into()),
            from: until - 1,
            until,
            hash: hash.0.to_vec(),
            admitted: true,
            reason: "the machine in the office".to_owned(),
        };
        write(&mut district, proto::station_record::Record::RestDecided(decision));
        bring(&mut district.hub, &mut district.township, now_ms);
        // The other branch is not taken over a line, either.
        let head = district.township.store.head(&log).unwrap().0;
        let run = branches[1 - decided].store.read(&log, head + 1, usize::MAX).unwrap().unwrap();
        let outcome =
            district.township.core.receive(code(VILLAGE), vec![verified(run)], &[], now_ms, &mut noise(&mut 5));
        assert_eq!(outcome.unwrap().refused.len(), 1);
        for station in [HUB, TOWNSHIP] {
            let core = &mut district.member(station).core;
            assert!(core.admit(log, now_ms).unwrap() > 0, "{station}");
            core.commit(now_ms).unwrap();
            assert_eq!(district.member(station).store.head(&log), Some((until, hash)), "{station}");
            let seen = [first, second].map(|case| {
                let case = district.member(station).core.reader().case(&case).unwrap();
                case.is_some_and(|case| case.rev() > 0)
            });
            assert_eq!(seen, [decided == 0, decided == 1], "{station}");
            assert!(sees(&mut district, station, &both), "{station}");
        }
    }
}

/// The hub has kept more than the township lacks: what both have is admitted at each from where its log ends.
#[test]
fn what_is_admitted_may_begin_before_the_end_of_the_log() {
    let mut district = District::new();
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() };
    district.submit().unwrap();
    district.sync();
    district.submit().unwrap();
    bring(&mut district.village, &mut district.township, district.now_ms);
    district.submit().unwrap();
    let now_ms = district.now_ms;
    let (until, hash) = district.village.store.head(&log).unwrap();
    let (held, _) = district.township.store.head(&log).unwrap();
    assert!(held < until && district.hub.store.head(&log).unwrap().0 < held);
    revoke_only_at_the_hub(&mut district);
    keep_aside(&district.village, &mut district.hub, now_ms);
    let decision = proto::RestDecided {
        log: Some(log.into()),
        from: held,
        until,
        hash: hash.0.to_vec(),
        admitted: true,
        reason: "asked the agent".to_owned(),
    };
    write(&mut district, proto::station_record::Record::RestDecided(decision));
    bring(&mut district.hub, &mut district.township, now_ms);
    for station in [HUB, TOWNSHIP] {
        let core = &mut district.member(station).core;
        assert!(core.admit(log, now_ms).unwrap() > 0, "{station}");
        core.commit(now_ms).unwrap();
        assert_eq!(district.member(station).store.head(&log), Some((until, hash)), "{station}");
    }
}

#[test]
fn what_was_refused_is_noted_once_until_somebody_settles_it() {
    let mut district = District::new();
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() };
    let core = &mut district.township.core;
    let mut note = |settled: bool| {
        if settled {
            core.settle_aside(log, 4, "BAD_SEAL", "a test machine", "", START_MS).unwrap();
            core.commit(START_MS).unwrap();
        }
        core.note_refused(code(VILLAGE), log, 4, "BAD_SEAL", "the signature is wrong", START_MS).unwrap();
        core.commit(START_MS).unwrap().heads.len()
    };
    assert_eq!([note(false), note(false), note(true), note(false)], [1, 0, 1, 0]);
    let reference = core.reader().reference();
    let facts = &reference.asides()[&(log, "BAD_SEAL".to_owned())];
    assert_eq!((facts.seq, facts.is_kept(), facts.is_settled()), (4, false, false));
}

/// Changes a byte of something in the journal on the disk; says how often it stood there.
fn spoil(store: &DiskStore, folder: &Path, what: &[u8], byte: usize) -> usize {
    let mut found = 0;
    for name in 1..=store.durable_files().unwrap().len() as u32 {
        let path = folder.join(format!("journal/segment-{name:08}"));
        let Ok(bytes) = std::fs::read(&path) else { break };
        if let Some(at) = bytes.windows(what.len()).position(|window| window == what) {
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.write_all_at(&[bytes[at + byte] ^ 1], (at + byte) as u64).unwrap();
            found += 1;
        }
    }
    found
}

#[test]
fn a_key_that_did_not_come_is_asked_for_and_a_destroyed_one_does_not_come_back() {
    let mut district = District::new();
    let case = district.submit().unwrap().case.unwrap();
    let sent = missing(&district.village, &district.township);
    let runs: Vec<_> = sent.iter().map(|(run, _)| run.clone()).collect();
    let own = LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() };
    let opening = sent.iter().find(|(run, _)| run.log == own).map(|(run, _)| run.clone()).unwrap();
    let key = district.village.core.reader().case_key(&case).unwrap().unwrap();
    let message = |bytes| CaseKeyMessage { case, key: Some(bytes) };

    // Between, somebody has let the key fall, or put another in its place.
    let core = &mut district.township.core;
    core.adopt(runs.clone(), &[message([9; 32])], START_MS, &mut noise(&mut 1)).unwrap();
    core.commit(START_MS).unwrap();
    let reader = core.reader().clone();
    let wanted = Stretch { log: own, from: opening.first_seq(), until: opening.first_seq() };
    assert_eq!(reader.openings_of_sought_keys(START_MS), [wanted]);
    core.heal(code(VILLAGE), opening.clone(), &[], START_MS, &mut noise(&mut 2)).unwrap();
    assert_eq!(reader.openings_of_sought_keys(START_MS), [], "the village does not have it either");
    assert!(reader.case_key(&case).unwrap().is_none());
    assert_eq!(reader.openings_of_sought_keys(START_MS), [wanted], "somebody misses it");
    core.heal(code(VILLAGE), opening.clone(), &[message(key.bytes())], START_MS, &mut noise(&mut 3)).unwrap();
    core.commit(START_MS).unwrap();
    assert_eq!(reader.case_key(&case).unwrap().unwrap().bytes(), key.bytes());
    assert_eq!(reader.openings_of_sought_keys(START_MS), []);

    district.township.reopen();
    district.township.store.destroy_case_key(&case).unwrap();
    let core = &mut district.township.core;
    core.adopt(runs, &[message(key.bytes())], START_MS, &mut noise(&mut 4)).unwrap();
    core.heal(code(VILLAGE), opening, &[message(key.bytes())], START_MS, &mut noise(&mut 5)).unwrap();
    core.commit(START_MS).unwrap();
    assert!(core.reader().case_key(&case).unwrap().is_none());
    assert_eq!(core.reader().openings_of_sought_keys(START_MS), [], "nobody is asked for what was destroyed");
}

#[test]
fn a_damaged_key_is_healed_by_what_a_station_above_holds_and_a_destroyed_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = District::new();
    let store = Arc::new(DiskStore::open(folder.path(), Options::default()).unwrap());
    district.village.store = store.clone();
    district.village.reopen();
    let runs = missing(&district.hub, &district.village).into_iter().map(|(run, _)| run).collect();
    district.village.core.adopt(runs, &[], START_MS, &mut noise(&mut 1)).unwrap();
    district.village.core.commit(START_MS).unwrap();
    let case = district.submit().unwrap().case.unwrap();
    district.sync();
    let key = district.township.core.reader().case_key(&case).unwrap().unwrap();
    let wrapped = store.case_key(&case).unwrap().here().unwrap();
    assert_eq!(spoil(&store, folder.path(), &wrapped.bytes, 20), 1);

    let reader = district.village.core.reader().clone();
    assert_eq!(reader.openings_of_sought_keys(START_MS), [], "nobody has looked");
    assert!(reader.case_key(&case).is_err());
    let [Stretch { log, from, .. }] = reader.openings_of_sought_keys(START_MS)[..] else { panic!("one opening") };
    assert_eq!(log, LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() });

    let answer = district.township.store.read(&log, from, 1 << 17).unwrap().unwrap();
    let other = CaseKeyMessage { case, key: Some([9; 32]) };
    let right = CaseKeyMessage { case, key: Some(key.bytes()) };
    let core = &mut district.village.core;
    let mut heal = |message: &CaseKeyMessage| {
        let keys = std::slice::from_ref(message);
        assert_eq!(core.heal(code(TOWNSHIP), answer.clone(), keys, START_MS, &mut noise(&mut 4)).unwrap(), None);
        core.commit(START_MS).unwrap();
    };
    heal(&other);
    assert!(reader.case_key(&case).is_err(), "another key does not open the case");
    heal(&CaseKeyMessage { case: CaseId([7; 16]), key: Some([9; 32]) });
    assert_eq!(reader.openings_of_sought_keys(START_MS), [], "whoever has no key is not asked every few seconds");
    assert_eq!(reader.openings_of_sought_keys(START_MS + 10 * 60 * 1000).len(), 1, "but later");
    assert!(reader.case_key(&case).is_err());
    assert_eq!(reader.openings_of_sought_keys(START_MS).len(), 1, "it is missed again");
    heal(&right);
    assert_eq!(reader.case_key(&case).unwrap().unwrap().bytes(), key.bytes());
    assert_eq!(reader.openings_of_sought_keys(START_MS), []);

    let wrapped = store.case_key(&case).unwrap().here().unwrap();
    assert_eq!(spoil(&store, folder.path(), &wrapped.bytes, 20), 1);
    assert!(reader.case_key(&case).is_err());
    store.destroy_case_key(&case).unwrap();
    heal(&right);
    assert!(reader.case_key(&case).unwrap().is_none(), "what was destroyed stays so");
}

#[test]
fn damaged_entries_are_healed_by_what_a_station_above_or_below_holds() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = District::new();
    let options = Options { segment_bytes: 64 << 10, cache_bytes: 1 << 20, ..Options::default() };
    let store = Arc::new(DiskStore::open(folder.path(), options).unwrap());
    district.village.store = store.clone();
    district.village.reopen();
    let runs = missing(&district.hub, &district.village).into_iter().map(|(run, _)| run).collect();
    district.village.core.adopt(runs, &[], START_MS, &mut noise(&mut 1)).unwrap();
    district.village.core.commit(START_MS).unwrap();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    district.village.core.reader().project().unwrap();
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() };
    let own = store.read(&log, 1, usize::MAX).unwrap().unwrap();
    // One byte of this station's own entry changes on the disk.
    assert_eq!(spoil(&store, folder.path(), &own.entries[0].0, 9), 1);
    assert!(store.entry(&log, 1).is_err());
    let [stretch] = store.missing()[..] else { panic!("one stretch") };
    assert_eq!((stretch.log, stretch.from), (log, 1));

    let answer = district.township.store.read(&log, stretch.from, 1 << 17).unwrap().unwrap();
    let mut forged = answer.clone();
    forged.seal.signature[5] ^= 1;
    let core = &mut district.village.core;
    let mut heal = |run| core.heal(code(TOWNSHIP), run, &[], START_MS, &mut noise(&mut 4)).unwrap();
    assert_eq!(heal(forged), None);
    assert_eq!(store.missing(), [stretch], "nobody forges what stood there");
    assert_eq!(heal(answer), None);
    assert_eq!(store.missing(), []);
    assert_eq!(store.read(&log, 1, usize::MAX).unwrap(), Some(own));
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
    district.village.core.commit(START_MS).unwrap();
    let view = district.view(VILLAGE, crate::district::AGENT, &number).unwrap();
    assert_eq!(view.case_number, number);
}
