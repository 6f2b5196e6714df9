//! A village's node, its township's and the hub are killed in turn in the middle of submissions, again and again: nothing
//! acknowledged is missing, nothing is doubled, and each opens every time without a person.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sanji_proto::v1 as proto;
use sanji_tests::binaries::Binaries;
use sanji_tests::district::{District, Plan};
use sanji_tests::{command, story};

/// Rounds, or as many as fit into a minute.
const ROUNDS: usize = 200;
const TIME: Duration = Duration::from_secs(60);
const WRITERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_in_the_middle_of_submissions_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = District::new(folder.path(), Plan::line().unwrap(), Binaries::build(true).unwrap()).unwrap();
    district.start(&|_| ()).unwrap();
    let village = district.plan.villages[0];
    let stations = [village, district.plan.townships[0], district.plan.hub];
    let mut agent = district.client(village, "village", "代办员").await.unwrap();
    let template = story::application(&district, &mut agent, village, "rs-canbao").await.unwrap();

    // request → what was acknowledged; a request whose answer was lost is sent again after the restart.
    let acknowledged: Arc<Mutex<BTreeMap<Vec<u8>, proto::SubmitReply>>> = Arc::default();
    let unanswered: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let torn = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut rounds = 0;
    while rounds < ROUNDS && started.elapsed() < TIME {
        rounds += 1;
        let client = district.client(village, "village", "代办员").await.unwrap();
        let mut writers = Vec::new();
        for _ in 0..WRITERS {
            let (mut client, template) = (client.clone(), template.clone());
            let (acknowledged, unanswered, torn) = (acknowledged.clone(), unanswered.clone(), torn.clone());
            writers.push(tokio::spawn(async move {
                for _ in 0..40 {
                    let request = unanswered.lock().unwrap().pop();
                    let request = request.unwrap_or_else(|| rand::random::<[u8; 16]>().to_vec());
                    let submit = proto::SubmitRequest { request: request.clone(), ..template.clone() };
                    match client.cases.submit(submit).await {
                        Ok(reply) => {
                            let earlier = acknowledged.lock().unwrap().insert(request, reply.get_ref().clone());
                            assert!(earlier.is_none());
                        }
                        Err(_) => {
                            torn.fetch_add(1, Ordering::Relaxed);
                            unanswered.lock().unwrap().push(request);
                            return;
                        }
                    }
                }
            }));
        }
        tokio::time::sleep(Duration::from_millis(5 + rand::random::<u64>() % 120)).await;
        let victim = stations[rounds % stations.len()];
        district.kill(victim);
        if victim != village {
            // The village goes on meanwhile, and the station comes back in the middle of that.
            district.serve(victim).unwrap();
        }
        for writer in writers {
            writer.await.unwrap();
        }
        if victim == village {
            district.serve(village).unwrap();
        }
    }
    let villages_kills = rounds / stations.len();
    assert!(torn.load(Ordering::Relaxed) > villages_kills / 2, "the kills did not hit submissions");
    assert!(villages_kills > 1, "each is killed more than once");

    district.in_sync(village, Duration::from_secs(60)).await.unwrap();
    district.in_sync(stations[1], Duration::from_secs(60)).await.unwrap();
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(acknowledged.len() > rounds, "hardly anything was submitted");
    for station in stations {
        let data = district.data(station).display().to_string();
        let text = command::run(district.program(station), ["dump", "--jsonl", "--data", &data]).unwrap();
        let mut opened: BTreeMap<String, usize> = BTreeMap::new();
        let mut hashes = BTreeMap::new();
        for line in text.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            if entry["kind"] == "step.submitted" {
                *opened.entry(entry["case"].as_str().unwrap().to_owned()).or_default() += 1;
            }
            let place =
                (entry["key"].as_str().unwrap().to_owned(), entry["home"].to_string(), entry["reach"].to_string());
            hashes.insert((place, entry["seq"].as_u64().unwrap()), entry["hash"].as_str().unwrap().to_owned());
        }
        assert!(opened.values().all(|times| *times == 1), "{station}: a case was opened twice");
        for reply in acknowledged.values() {
            assert!(opened.contains_key(&reply.case_number), "{station} lost {}", reply.case_number);
            let hash: String = reply.hash.iter().map(|byte| format!("{byte:02x}")).collect();
            let found = hashes.iter().any(|((_, seq), held)| *seq == reply.seq && *held == hash);
            assert!(found, "{station}: the entry of {} was altered", reply.case_number);
        }
    }
    // Every request became one case at the most: two requests never share one, and no case has no request.
    let mut numbers: Vec<_> = acknowledged.values().map(|reply| reply.case_number.clone()).collect();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), acknowledged.len());
    println!("{rounds} rounds, {} acknowledged, {} torn", acknowledged.len(), torn.load(Ordering::Relaxed));
    district.stop_all().unwrap();
}
