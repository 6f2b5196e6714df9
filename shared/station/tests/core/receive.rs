//! What is taken of what a peer sends.

use prost::Message;
use sanji_link::Authority;
use sanji_log::seal::public_key;
use sanji_log::{EntryDraft, Head, HybridTime, LogId, Reach, Receipt, Run, Seal, SigningKey};
use sanji_proto::v1 as proto;
use sanji_replication::{CaseKeyMessage, RefusalReason};
use sanji_station::Error;

use crate::district::{
    AGENT, District, HUB, START_MS, TOWNSHIP, VILLAGE, WINDOW, code, enrolled, missing, noise, staff, verified,
};

#[test]
fn what_two_links_bring_is_taken_once() {
    let mut district = District::new();
    district.submit().unwrap();
    let first = missing(&district.village, &district.township);
    district.submit().unwrap();
    let both = missing(&district.village, &district.township);
    let now_ms = district.now_ms;
    let core = &mut district.township.core;
    for (run, keys) in first.iter().chain(&both).chain(&first) {
        let outcome =
            core.receive(code(VILLAGE), vec![verified(run.clone())], keys, now_ms, &mut noise(&mut 1)).unwrap();
        assert_eq!((outcome.accepted, outcome.refused), (vec![run.log], vec![]));
    }
    let committed = core.commit(now_ms).unwrap();
    assert_eq!(committed.heads.len(), 1);
    assert_eq!((committed.heads[0].seq, committed.receipts.len(), committed.cases.len()), (2, 1, 2));
    assert!(committed.receipts[0].verify().is_ok());
    assert_eq!(core.reader().open_cases().unwrap(), 2);
    // Sent again once durable, it is confirmed again and changes nothing.
    for (run, keys) in both {
        core.receive(code(VILLAGE), vec![verified(run)], &keys, now_ms, &mut noise(&mut 1)).unwrap();
    }
    let again = core.commit(now_ms).unwrap();
    assert_eq!((again.heads.len(), again.receipts.len(), again.cases.len()), (0, 1, 0));
}

#[test]
fn a_receipt_is_for_what_is_so_and_by_a_key_that_counts() {
    let mut district = District::new();
    district.submit().unwrap();
    district.submit().unwrap();
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() };
    let hash_at = |district: &District, seq| district.village.store.entry(&log, seq).unwrap().unwrap().hash();
    let (first, second) = (hash_at(&district, 1), hash_at(&district, 2));
    let (signing, now_ms) = (district.township.keys.signing.clone(), district.now_ms);
    let receipt =
        |signing: &SigningKey, seq, hash| Receipt::sign(signing, code(TOWNSHIP), Head { log, seq, hash }, now_ms + seq);
    let keep = |district: &mut District, receipt: Receipt| {
        district.village.core.keep_receipts(vec![receipt]);
        district.village.core.commit(now_ms).unwrap();
        let kept = district.village.store.receipts(&log);
        kept.first().map(|receipt| (receipt.key, receipt.head.seq))
    };
    let key = public_key(&signing);
    assert_eq!(keep(&mut district, receipt(&signing, 2, first)), None, "the township has another entry there");
    assert_eq!(keep(&mut district, receipt(&signing, 3, first)), None, "the village has not written so much");
    assert_eq!(keep(&mut district, receipt(&signing, 1, first)), Some((key, 1)));
    assert_eq!(keep(&mut district, receipt(&signing, 2, second)), Some((key, 2)));
    let renewed = SigningKey::from_bytes(&[77; 32]);
    assert_eq!(keep(&mut district, receipt(&renewed, 1, first)), Some((key, 2)), "less than is known");

    // What a station had under a key that is revoked, it need not have any more.
    let revoked = proto::StationRevoked { key: key.0.to_vec(), reason: "stolen".to_owned() };
    let record = proto::StationRecord { record: Some(proto::station_record::Record::Revoked(revoked)) };
    let kind = proto::Kind::Station as u32;
    district.hub.core.write(code(TOWNSHIP), Reach::Public, "", kind, record.encode_to_vec(), now_ms).unwrap();
    district.hub.core.commit(now_ms).unwrap();
    for (run, keys) in missing(&district.hub, &district.village) {
        let runs = vec![verified(run)];
        district.village.core.receive(code(HUB), runs, &keys, now_ms, &mut noise(&mut 1)).unwrap();
    }
    district.village.core.commit(now_ms).unwrap();
    assert_eq!(keep(&mut district, receipt(&renewed, 1, first)), Some((public_key(&renewed), 1)));
    let late = keep(&mut district, receipt(&signing, 2, second));
    assert_eq!(late, Some((public_key(&renewed), 1)), "nothing goes round in circles");
    district.village.reopen();
    assert_eq!(keep(&mut district, receipt(&renewed, 2, second)), Some((public_key(&renewed), 2)));
}

pub(crate) fn foreign_run(signing: &SigningKey, seqs: u64, note: &str) -> Run {
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: public_key(signing) };
    let mut head = None;
    let mut entries = Vec::new();
    for number in 0..seqs {
        let body = proto::AuditRecord { event: note.to_owned(), subject: String::new(), detail: String::new() };
        let draft = EntryDraft {
            case: None,
            actor: String::new(),
            kind: proto::Kind::Audit as u32,
            body: body.encode_to_vec().into(),
            attachments: Vec::new(),
            opens_case: false,
        };
        let bytes = draft.chain(log, head, HybridTime::from_millis(START_MS + number));
        head = Some((number + 1, bytes.hash()));
        entries.push(bytes);
    }
    let (seq, hash) = head.unwrap();
    Run { log, entries, seal: Seal::sign(signing, &log, seq, hash) }
}

#[test]
fn gaps_and_forks_are_refused_and_nothing_else_is() {
    let mut district = District::new();
    let signing = district.village.keys.signing.clone();
    let now_ms = district.now_ms;
    let core = &mut district.township.core;
    let mut receive = |run: Run| {
        let outcome = core.receive(code(VILLAGE), vec![verified(run)], &[], now_ms, &mut noise(&mut 1)).unwrap();
        core.commit(now_ms).unwrap();
        outcome.refused.first().map(|refused| refused.reason)
    };
    let whole = foreign_run(&signing, 5, "one");
    let tail = Run { entries: whole.entries[3..].to_vec(), ..whole.clone() };
    assert_eq!(receive(tail.clone()), Some(RefusalReason::Gap));
    assert_eq!(receive(foreign_run(&signing, 3, "one")), None);
    assert_eq!(receive(foreign_run(&signing, 2, "other")), Some(RefusalReason::Fork), "below the head");
    assert_eq!(receive(foreign_run(&signing, 5, "other")), Some(RefusalReason::Fork), "across the head");
    assert_eq!(receive(tail), None, "just after the head");
    assert_eq!(receive(whole), None, "all of it is held");
}

#[test]
fn a_wrong_key_is_not_kept_and_the_right_one_still_comes() {
    let mut district = District::new();
    let case = district.submit().unwrap().case.unwrap();
    let runs = missing(&district.village, &district.township);
    let (run, keys) = &runs[0];
    let wrong = [CaseKeyMessage { case, key: Some([9; 32]) }];
    let now_ms = district.now_ms;
    let member = &mut district.township;
    for (sent, held) in [(&[][..], false), (&wrong[..], false), (&keys[..], true), (&wrong[..], true)] {
        member.core.receive(code(VILLAGE), vec![verified(run.clone())], sent, now_ms, &mut noise(&mut 1)).unwrap();
        member.core.commit(now_ms).unwrap();
        assert_eq!(member.core.reader().case_key(&case).unwrap().is_some(), held);
    }
    let number = case.number().to_string();
    assert_eq!(district.view(TOWNSHIP, WINDOW, &number).unwrap().applicant.unwrap().name, "朱**");
}

#[test]
fn only_certified_writers_are_adopted() {
    let mut district = District::new();
    let stranger = SigningKey::from_bytes(&[66; 32]);
    let run = foreign_run(&stranger, 1, "x");
    let adopted = district.township.core.adopt(vec![run], &[], START_MS, &mut noise(&mut 1));
    assert!(matches!(adopted, Err(Error::Entry { .. })), "{adopted:?}");
    assert!(district.township.core.commit(START_MS).unwrap().heads.is_empty());
}

#[test]
fn a_key_enters_the_directory_by_certificate_and_leaves_by_the_hubs_word() {
    let mut district = District::new();
    let (forger, _) = Authority::generate(code(HUB), START_MS).unwrap();
    let stranger = public_key(&SigningKey::from_bytes(&[66; 32]));
    let kind = proto::Kind::Station as u32;
    let known = |district: &District| district.hub.core.reader().reference().directory().get(&stranger);
    let record = proto::StationRecord { record: Some(enrolled(&forger, TOWNSHIP, stranger, START_MS)) };
    let hub = &mut district.hub.core;
    hub.write(code(TOWNSHIP), Reach::Public, "", kind, record.encode_to_vec(), START_MS).unwrap();
    hub.commit(START_MS).unwrap();
    assert_eq!(known(&district), None, "another authority's certificate proves nothing");

    let village = district.village.key();
    let revoked = proto::StationRevoked { key: village.0.to_vec(), reason: "lost".to_owned() };
    let record = proto::StationRecord { record: Some(proto::station_record::Record::Revoked(revoked)) };
    let body = record.encode_to_vec();
    let is_revoked =
        |district: &District| district.township.core.reader().reference().directory().get(&village).unwrap().revoked;
    let township = &mut district.township.core;
    township.write(code(VILLAGE), Reach::Public, "", kind, body.clone(), START_MS).unwrap();
    township.commit(START_MS).unwrap();
    assert!(!is_revoked(&district), "a township can't revoke");
    district.hub.core.write(code(VILLAGE), Reach::Public, "", kind, body, START_MS).unwrap();
    district.hub.core.commit(START_MS).unwrap();
    district.sync();
    assert!(is_revoked(&district));
    district.township.reopen();
    assert!(is_revoked(&district));
}

#[test]
fn a_station_keeps_its_peoples_passwords_and_nobody_gives_himself_powers() {
    let mut district = District::new();
    let kind = proto::Kind::Staff as u32;
    let known = district.village.core.reader().reference().staff(&staff(AGENT)).unwrap().record();
    let changed = proto::StaffRecord {
        password_hash: "$argon2id$new".to_owned(),
        roles: vec!["监察".to_owned()],
        ..known.clone()
    };
    district.now_ms += 1000;
    let now_ms = district.now_ms;
    let village = &mut district.village.core;
    village.write(code(VILLAGE), Reach::Private, AGENT, kind, changed.encode_to_vec(), now_ms).unwrap();
    village.commit(now_ms).unwrap();
    district.sync();
    for station in [VILLAGE, TOWNSHIP, HUB] {
        district.member(station).reopen();
        let record = district.member(station).core.reader().reference().staff(&staff(AGENT)).unwrap().record();
        assert_eq!((record.password_hash.as_str(), &record.roles), ("$argon2id$new", &known.roles), "{station}");
    }
}
