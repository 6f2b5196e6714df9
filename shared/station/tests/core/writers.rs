//! Many people at once, through the running station.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sanji_proto::v1 as proto;
use sanji_station::config::Program;
use sanji_station::{Actor, Station};
use tokio_stream::StreamExt;

use crate::district::{AGENT, District, Member, dibao, staff};

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
    let mut changes = sanji_link::Host::subscribe(&station);
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
async fn a_watcher_hears_of_a_case_and_a_stopped_station_says_so() {
    let district = District::new();
    let (station, actor) = open(&district.village).await;
    let mut changes = Box::pin(station.watch(&actor, proto::WatchRequest::default()).unwrap());
    let reply = station.submit(&actor, dibao(&[1; 16])).await.unwrap();
    let change = changes.next().await.unwrap();
    assert_eq!((change.case_number, change.rev, change.state.as_str()), (reply.case_number, 1, "待受理"));
    station.close().await;
    let refused = station.submit(&actor, dibao(&[2; 16])).await;
    assert!(matches!(refused, Err(sanji_station::Failure::Internal(sanji_station::Error::Stopped))));
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
    let id = station.put_attachment(&actor, head.clone(), content.clone()).await.unwrap();
    let mut request = dibao(&[1; 16]);
    request.materials[2].attachments = vec![id.0.to_vec()];
    let reply = station.submit(&actor, request).await.unwrap();
    let read = station.attachment(&actor, &reply.case_number, &id).await.unwrap();
    assert_eq!((read.file_name.as_str(), read.media_type.as_str()), ("户口簿.jpg", "image/jpeg"));
    assert!(read.bytes == content);
    assert_eq!(station.status().await.attachments_missing, 0);

    let script = b"<script>alert(1)</script>".to_vec();
    let wrong = proto::AttachmentHead { size: script.len() as u64, ..head };
    assert!(station.put_attachment(&actor, wrong, script).await.is_err(), "content that is not what it says");
    station.close().await;
}
