//! Many people at once, through the running station.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prost::Message;
use sanji_link::Host;
use sanji_log::{Reach, Receipt};
use sanji_proto::v1 as proto;
use sanji_station::config::Program;
use sanji_station::station::Administrative;
use sanji_station::{Actor, Failure, Station};
use tokio_stream::StreamExt;

use crate::crash::Filling;
use crate::district::{AGENT, District, HUB, Member, TOWNSHIP, VILLAGE, code, dibao, staff, verified};

async fn open(member: &Member) -> (Station, Actor) {
    let station = Station::open(member.store.clone(), member.keys.clone(), Program::Node).await.unwrap();
    let actor = station.actor(&staff(AGENT)).unwrap();
    (station, actor)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_share_few_commits() {
    const WRITERS: u16 = 256;
    let district = District::new();
    let before = district.village.store.have();
    let (station, actor) = open(&district.village).await;
    let commits = Arc::new(AtomicUsize::new(0));
    let mut changes = station.subscribe();
    let counted = commits.clone();
    let counting = tokio::spawn(async move {
        while let Ok(change) = changes.recv().await {
            if matches!(change, sanji_link::Change::Heads(_)) {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let submits = (0..WRITERS).map(|number| {
        let (station, actor) = (station.clone(), actor.clone());
        let request = [&number.to_be_bytes()[..], &[0; 14]].concat();
        tokio::spawn(async move { station.submit(&actor, dibao(&request)).await.unwrap() })
    });
    let mut numbers = std::collections::BTreeSet::new();
    for submit in submits.collect::<Vec<_>>() {
        numbers.insert(submit.await.unwrap().case_number);
    }
    assert_eq!(numbers.len(), usize::from(WRITERS), "no number twice");
    assert_eq!(station.status().await.open_cases, u64::from(WRITERS));
    station.close().await;
    drop(station);
    counting.abort();
    let groups = commits.load(Ordering::Relaxed);
    assert!((1..=64).contains(&groups), "{groups} commits");
    assert_eq!(district.village.store.have().0.len(), before.0.len() + 1);
    assert!(district.village.store.verify(&mut |_, _| {}).unwrap().faults.is_empty());
}

#[tokio::test]
async fn a_peer_whose_parts_did_not_fit_is_asked_for_none_until_the_next_start() {
    let district = District::new();
    let (station, _) = open(&district.village).await;
    let (township, hub) = (code(TOWNSHIP), code(HUB));
    let asked = station.compression(township);
    assert!(asked.is_some());
    assert!(station.restore(township, proto::BareEntries::default()).is_err());
    assert_eq!((station.compression(township), station.compression(hub)), (None, asked));
    station.close().await;
    let (station, _) = open(&district.village).await;
    assert_eq!(station.compression(township), asked);
}

#[tokio::test]
async fn a_watcher_hears_of_a_case_and_a_stopped_station_says_so() {
    let district = District::new();
    let (station, actor) = open(&district.village).await;
    let mut changes = Box::pin(station.watch(&actor, proto::WatchRequest::default()).unwrap());
    let reply = station.submit(&actor, dibao(&[1; 16])).await.unwrap();
    let change = changes.next().await.unwrap();
    assert_eq!((change.case_number, change.rev, change.state.as_str()), (reply.case_number, 1, "待受理"));
    station.close().await;
    let refused = station.submit(&actor, dibao(&[2; 16])).await;
    assert!(matches!(refused, Err(Failure::Internal(sanji_station::Error::Stopped))));
}

#[tokio::test]
async fn an_attachment_is_read_back_by_those_who_may() {
    let district = District::new();
    let (station, actor) = open(&district.village).await;
    let content = [&[0xFF, 0xD8, 0xFF][..], &[5; 70_000]].concat();
    let head = proto::AttachmentHead {
        request: vec![1; 16],
        case_number: String::new(),
        file_name: "户口簿.jpg".to_owned(),
        media_type: "image/jpeg".to_owned(),
        size: content.len() as u64,
    };
    let id = station.put_attachment(&actor, head.clone(), content.clone().into()).await.unwrap();
    let mut request = dibao(&[1; 16]);
    request.materials[2].attachments = vec![id.0.to_vec()];
    let reply = station.submit(&actor, request).await.unwrap();
    let read = station.attachment(&actor, &reply.case_number, &id).await.unwrap();
    assert_eq!((read.file_name.as_str(), read.media_type.as_str()), ("户口簿.jpg", "image/jpeg"));
    assert_eq!(read.size, content.len() as u64);
    assert!(tokio::task::spawn_blocking(|| read.whole()).await.unwrap().unwrap() == content);
    assert_eq!(station.status().await.attachments_missing, 0);

    let script = b"<script>alert(1)</script>".to_vec();
    let wrong = proto::AttachmentHead { size: script.len() as u64, ..head };
    assert!(station.put_attachment(&actor, wrong, script.into()).await.is_err(), "content that is not what it says");
    station.close().await;
}

#[tokio::test]
async fn a_full_disk_is_told_in_a_sentence_and_passes() {
    let mut district = District::new();
    let filling = Filling::of(&district.village.store, true);
    district.village.store = filling.clone();
    let (station, actor) = open(&district.village).await;
    match station.submit(&actor, dibao(&[1; 16])).await {
        Err(Failure::ReadOnly(sentence)) => assert!(sentence.contains("磁盘空间已满"), "{sentence}"),
        other => panic!("{other:?}"),
    }
    filling.full.store(false, Ordering::Relaxed);
    assert!(station.submit(&actor, dibao(&[1; 16])).await.is_ok());
    assert_eq!(station.status().await.open_cases, 1);
    station.close().await;
}

#[tokio::test]
async fn a_link_takes_a_case_up_and_its_receipt_back() {
    let mut district = District::new();
    let (village, agent) = open(&district.village).await;
    let keys = district.township.keys.clone();
    let township = Station::open(district.township.store.clone(), keys.clone(), Program::Node).await.unwrap();
    let mut changes = Box::pin(village.watch(&agent, proto::WatchRequest::default()).unwrap());
    let reply = village.submit(&agent, dibao(&[1; 16])).await.unwrap();
    assert_eq!(changes.next().await.unwrap().delivery.unwrap().township_ms, 0);
    assert_eq!(village.status().await.entries_unconfirmed, 1);

    let log = reply.log.unwrap().try_into().unwrap();
    let (run, case_keys) = village.load(&log, 1, usize::MAX).unwrap().unwrap();
    assert_eq!(case_keys.len(), 1, "the key travels with the opening entry");
    let taken = Host::store(&township, code(VILLAGE), vec![verified(run)], case_keys).await;
    let outcome = taken.unwrap();
    let receipts: Vec<Receipt> = outcome.receipts;
    assert_eq!((receipts.len(), outcome.refused.len(), receipts[0].station), (1, 0, code(TOWNSHIP)));
    let told = township.receipts_for(code(crate::district::HUB));
    assert!(told.contains(&receipts[0]), "the hub shall know it too");

    let mut pushed = village.subscribe();
    village.keep_receipts(code(TOWNSHIP), receipts.clone());
    village.keep_receipts(code(TOWNSHIP), receipts.clone());
    let change = changes.next().await.unwrap();
    assert_eq!(change.case_number, reply.case_number);
    assert_eq!(change.delivery.unwrap().township_ms, receipts[0].time_ms);
    assert_eq!(pushed.recv().await.unwrap(), sanji_link::Change::Receipts(receipts));
    assert_eq!(village.status().await.entries_unconfirmed, 0);
    village.close().await;
    assert!(pushed.try_recv().is_err(), "a receipt that says nothing new goes no further");
    township.close().await;
    district.township.reopen();
    assert_eq!(district.todo(TOWNSHIP, crate::district::WINDOW), [reply.case_number]);
}

#[tokio::test]
async fn receipts_that_wait_for_company_go_with_the_next_commit_or_with_the_last() {
    for stops_at_once in [false, true] {
        let district = District::new();
        let (village, agent) = open(&district.village).await;
        let first = village.submit(&agent, dibao(&[1; 16])).await.unwrap();
        let log = first.log.unwrap().try_into().unwrap();
        let (seq, hash) = district.village.store.have().get(&log).unwrap();
        let head = sanji_log::Head { log, seq, hash };
        let receipt = Receipt::sign(&district.township.keys.signing, code(TOWNSHIP), head, district.now_ms);
        village.keep_receipts(code(TOWNSHIP), vec![receipt.clone()]);
        if !stops_at_once {
            village.submit(&agent, dibao(&[2; 16])).await.unwrap();
            assert_eq!(district.village.store.receipts(&log), std::slice::from_ref(&receipt), "it came with the next");
        }
        village.close().await;
        assert_eq!(district.village.store.receipts(&log), [receipt]);
    }
}

#[tokio::test]
async fn a_refused_log_is_shown_each_time_and_recorded_once() {
    let district = District::new();
    let (station, _) = open(&district.village).await;
    let log = district.village.store.have().heads().next().unwrap().log;
    let before = station.status().await.entries;
    for seq in [4, 5] {
        sanji_link::Host::alert(
            &station,
            code(TOWNSHIP),
            log,
            seq,
            sanji_replication::RefusalReason::Fork,
            "two entries".to_owned(),
        );
    }
    station.close().await;
    let status = station.status().await;
    assert_eq!(status.entries, before + 2, "one audit record, and one of what is aside");
    assert_eq!((status.refused.len(), status.refused[0].seq, status.refused[0].reason.as_str()), (1, 5, "FORK"));
}

#[tokio::test]
async fn of_several_administrative_entries_all_are_written_or_none() {
    let district = District::new();
    let (station, _) = open(&district.village).await;
    let heads = district.village.store.have();
    let audit = |home: &str| Administrative {
        home: code(home),
        reach: Reach::Private,
        kind: proto::Kind::Audit,
        body: proto::AuditRecord::default().encode_to_vec(),
    };
    assert!(station.administer("", vec![audit(VILLAGE), audit(TOWNSHIP)]).await.is_err(), "not for a station above");
    assert_eq!(district.village.store.have(), heads);
    let record = proto::AuditRecord { event: "test".to_owned(), ..proto::AuditRecord::default() };
    let said = Administrative { body: record.encode_to_vec(), ..audit(VILLAGE) };
    assert_eq!(station.administer("", vec![said.clone(), said]).await.unwrap().len(), 2);
    station.close().await;
}

#[tokio::test]
async fn of_commands_that_share_a_commit_each_stands_for_itself() {
    let district = District::new();
    let (station, actor) = open(&district.village).await;
    let reply = station.submit(&actor, dibao(&[1; 16])).await.unwrap();
    let mut changes = station.subscribe();
    let note = |number: u16, case: &str, words: &str| proto::ActRequest {
        request: [&number.to_be_bytes()[..], &[9; 14]].concat(),
        case_number: case.to_owned(),
        expected_rev: 0,
        action: Some(proto::act_request::Action::AddNote(proto::AddNote { words: words.to_owned() })),
    };
    let mut notes: Vec<_> = (0..64).map(|number| note(number, &reply.case_number, "已电话告知申请人")).collect();
    notes[7] = note(7, "9901061012082026070100019", "没有这件办件");
    let replies = station.act_together(&actor, notes).await.unwrap();
    let refused: Vec<usize> = (0..64).filter(|at| replies[*at].is_err()).collect();
    assert_eq!(refused, [7]);
    let last = replies.iter().flatten().map(|reply| reply.seq).max().unwrap();
    assert_eq!(last, reply.seq + 63, "one entry for each that was not refused");
    let heads = |change: &_| matches!(change, sanji_link::Change::Heads(_));
    let commits = std::iter::from_fn(|| changes.try_recv().ok()).filter(heads).count();
    assert_eq!(commits, 1);

    // More than one group holds: several commits, and nothing is left out.
    let long = "长".repeat(2000);
    let notes: Vec<_> = (100..2500).map(|number| note(number, &reply.case_number, &long)).collect();
    let replies = station.act_together(&actor, notes).await.unwrap();
    assert!(replies.len() == 2400 && replies.iter().all(Result::is_ok));
    let commits = std::iter::from_fn(|| changes.try_recv().ok()).filter(heads).count();
    assert!((2..10).contains(&commits), "{commits} commits");
    station.close().await;
}
