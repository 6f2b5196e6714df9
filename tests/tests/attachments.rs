//! Attachments between real processes: resumed after kills, behind the entries, and shown while they are on their way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sanji_log::StationCode;
use sanji_log::attachment::CHUNK_BYTES;
use sanji_proto::v1 as proto;
use sanji_tests::binaries::Binaries;
use sanji_tests::client::Client;
use sanji_tests::district::{District, Plan};
use sanji_tests::{command, story};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Chunks that may be sent twice for a kill: those that were on their way.
const TWICE_MAX: u64 = 70;

/// Content that does not compress and is like no other.
fn scan(megabytes: usize, seed: u8) -> Vec<u8> {
    let mut content = vec![0; megabytes << 20];
    blake3::Hasher::new_keyed(&[seed; 32]).finalize_xof().fill(&mut content);
    content.splice(..3, [0xff, 0xd8, 0xff]);
    content
}

/// Hands in files with an application; its number.
async fn submit(district: &District, agent: &mut Client, village: StationCode, files: &[Vec<u8>]) -> String {
    let mut application = story::application(district, agent, village, "rs-canbao").await.unwrap();
    for (number, content) in files.iter().enumerate() {
        let head = proto::AttachmentHead {
            request: application.request.clone(),
            case_number: String::new(),
            file_name: format!("{number}.jpg"),
            media_type: "image/jpeg".into(),
            size: content.len() as u64,
        };
        let id = agent.put_attachment(head, content).await.unwrap();
        application.materials[0].attachments.push(id);
    }
    agent.cases.submit(application).await.unwrap().into_inner().case_number
}

/// The lines of the `attachments` command.
fn progress(district: &District, station: StationCode) -> Vec<Value> {
    let data = district.data(station).display().to_string();
    let output = command::output(district.program(station), ["attachments", "--json", "--data", &data]).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Bytes of attachments that are here and incomplete.
async fn bytes_here(keeper: &mut Client) -> u64 {
    let mut rows = keeper.health.attachments(proto::AttachmentsRequest {}).await.unwrap().into_inner();
    let mut here = 0;
    while let Some(row) = rows.message().await.unwrap() {
        here += row.size_here;
    }
    here
}

async fn complete(district: &District, station: StationCode) {
    let mut keeper = district.keeper(station).await.unwrap();
    story::until(&format!("all attachments at {station}"), Duration::from_secs(90), async || {
        let status = keeper.health.status(proto::StatusRequest {}).await.ok()?.into_inner();
        (status.attachments_missing == 0).then_some(())
    })
    .await
    .unwrap();
}

async fn chunks_sent(district: &District, station: StationCode) -> u64 {
    let mut stream = tokio::net::TcpStream::connect(district.address(station).unwrap().metrics).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("sanji_attachment_chunks_sent_total "));
    line.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

async fn read_back(client: &mut Client, case_number: &str) -> Vec<Vec<u8>> {
    let view = client.get(case_number).await.unwrap();
    let mut files = Vec::new();
    for file in view.materials.iter().flat_map(|material| &material.attachments) {
        let request = proto::GetAttachmentRequest { case_number: case_number.to_owned(), id: file.id.clone() };
        let mut parts = client.cases.get_attachment(request).await.unwrap().into_inner();
        let mut content = Vec::new();
        while let Some(part) = parts.message().await.unwrap() {
            content.extend(part.data);
        }
        files.push(content);
    }
    files
}

/// A hub, a township and a village, all running, and the village's agent.
async fn line(folder: &Path) -> (District, [StationCode; 3], Client) {
    let plan = Plan::line().unwrap();
    let stations @ [_, _, village] = [plan.hub, plan.townships[0], plan.villages[0]];
    let mut district = District::new(folder, plan, Binaries::build(true).unwrap()).unwrap();
    district.start(&|_| ()).unwrap();
    let agent = district.client(village, "village", "代办员").await.unwrap();
    (district, stations, agent)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_on_where_it_was_when_the_village_and_then_the_township_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut district, [hub, township, village], mut agent) = line(folder.path()).await;
    let content = scan(20, 1);
    let chunks = (content.len() / CHUNK_BYTES) as u64 + 1;
    // The township is away while the case is handed in, so that the transfer begins with the kills in sight.
    district.kill(township);
    let case = submit(&district, &mut agent, village, std::slice::from_ref(&content)).await;
    let shown = progress(&district, village);
    let lacking = shown[0]["lacking_at"].as_array().unwrap();
    assert_eq!((shown.len(), lacking.len(), shown[0]["size_here"] == shown[0]["size"]), (1, 2, true), "{shown:?}");
    district.serve(township).unwrap();

    // Chunks that the village sends after its own kill, and once more after the township's.
    let mut left = 0..=0;
    for killed in [village, township] {
        let mut keeper = district.keeper(township).await.unwrap();
        let before = bytes_here(&mut keeper).await;
        let started = Instant::now();
        loop {
            let here = bytes_here(&mut keeper).await;
            if here > before + (2 << 20) {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "nothing comes: {before} then {here} bytes");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let held = bytes_here(&mut keeper).await;
        district.kill(killed);
        district.serve(killed).unwrap();
        let mut keeper = district.keeper(township).await.unwrap();
        let kept = bytes_here(&mut keeper).await;
        assert!(kept >= held, "{killed} was killed at {held} bytes, and {kept} are left");
        if killed == village {
            let lacking = |bytes: u64| chunks - bytes / CHUNK_BYTES as u64;
            left = lacking(kept)..=lacking(held) + TWICE_MAX;
        }
    }
    complete(&district, township).await;
    complete(&district, hub).await;
    let sent = chunks_sent(&district, village).await;
    assert!(left.contains(&sent), "{sent} chunks were sent, of {left:?}");
    let mut department = district.client(hub, "rs", "审批").await.unwrap();
    assert!(read_back(&mut department, &case).await == [content], "the hub has other bytes");

    // The village learns where its file is, and nothing is left to tell.
    story::until("the village knows", Duration::from_secs(60), async || {
        progress(&district, village).is_empty().then_some(())
    })
    .await
    .unwrap();
    let view = agent.get(&case).await.unwrap();
    let held_by = &view.materials[0].attachments[0].held_by;
    assert_eq!(held_by, &[village, township, hub].map(StationCode::number));
    district.stop_all().unwrap();
    for station in [hub, township, village] {
        let data = district.data(station).display().to_string();
        command::run(district.program(station), ["verify", "--data", &data]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_overtake_attachments() {
    let folder = tempfile::tempdir().unwrap();
    let (mut district, [hub, township, village], mut agent) = line(folder.path()).await;
    let mut department = district.client(hub, "rs", "审批").await.unwrap();
    let template = story::application(&district, &mut agent, village, "rs-canbao").await.unwrap();
    district.kill(township);
    let files: Vec<_> = (0..20).map(|seed| scan(2, seed)).collect();
    let begun = Instant::now();
    let case = submit(&district, &mut agent, village, &files).await;
    let uploaded = begun.elapsed();
    // Handed in once more for the same case, it is the same attachment.
    let again = proto::AttachmentHead {
        request: Vec::new(),
        case_number: case.clone(),
        file_name: "again.jpg".to_owned(),
        media_type: "image/jpeg".into(),
        size: files[0].len() as u64,
    };
    let again = agent.put_attachment(again, &files[0]).await.unwrap();
    assert_eq!(again, agent.get(&case).await.unwrap().materials[0].attachments[0].id);
    let stored = |folder: &std::path::Path| {
        let names =
            std::fs::read_dir(folder).unwrap().flat_map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap());
        names.filter(|entry| entry.as_ref().unwrap().file_name().len() == 64).count()
    };
    assert_eq!(stored(&district.data(village).join("attachments")), files.len());
    district.serve(township).unwrap();

    let mut keeper = district.keeper(hub).await.unwrap();
    let mut delays = Vec::new();
    let mut began: Option<Instant> = None;
    let took = loop {
        let submit = proto::SubmitRequest { request: rand::random::<[u8; 16]>().to_vec(), ..template.clone() };
        let written = Instant::now();
        let number = agent.cases.submit(submit).await.unwrap().into_inner().case_number;
        story::until("an entry at the hub", Duration::from_secs(30), async || department.get(&number).await.ok())
            .await
            .unwrap();
        let status = keeper.health.status(proto::StatusRequest {}).await.unwrap().into_inner();
        if department.get(&case).await.is_ok() {
            let began = *began.get_or_insert(written);
            delays.push(written.elapsed());
            if status.attachments_missing == 0 {
                break began.elapsed();
            }
        }
        assert!(delays.len() < 5000, "the attachments do not arrive");
    };
    delays.sort_unstable();
    let p95 = delays[delays.len() * 95 / 100];
    eprintln!("uploaded in {uploaded:?}, at the hub after {took:?}; {} entries, p95 {p95:?}", delays.len());
    assert!(p95 < Duration::from_secs(2), "entries wait behind attachments: p95 {p95:?}");
    assert!(read_back(&mut department, &case).await == files);
    district.stop_all().unwrap();
}

/// The files of a station's whole attachments.
fn files_of(district: &District, station: StationCode) -> Vec<PathBuf> {
    let list = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>();
    let folders = list(&district.data(station).join("attachments"));
    let folders = folders.into_iter().filter(|path| path.file_name().unwrap().len() == 2);
    folders.flat_map(|folder| list(&folder)).filter(|path| path.extension().is_none()).collect()
}

/// Changes a bit in the middle.
fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_damaged_or_gone_is_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut district, [hub, township, village], mut agent) = line(folder.path()).await;
    let content = scan(1, 3);
    let case = submit(&district, &mut agent, village, std::slice::from_ref(&content)).await;
    let mut window = district.client(township, "township", "窗口受理").await.unwrap();
    story::until("the case at the township", Duration::from_secs(30), async || window.get(&case).await.ok())
        .await
        .unwrap();
    complete(&district, township).await;
    story::until("the file at the hub", Duration::from_secs(30), async || {
        (!files_of(&district, hub).is_empty()).then_some(())
    })
    .await
    .unwrap();

    // Damage is found by a check, even where nobody reads the file. It is remembered over a restart.
    damage(&files_of(&district, hub)[0]);
    let data = district.data(hub).display().to_string();
    let verify = ["verify", "--data", &data];
    district.kill(township);
    let fault = command::run(district.program(hub), verify).unwrap_err().to_string();
    assert!(fault.contains("faults found"), "{fault}");
    district.stop(hub).unwrap();
    assert_eq!(files_of(&district, hub), Vec::<PathBuf>::new());
    for station in [hub, township] {
        district.serve(station).unwrap();
    }
    story::until("the file at the hub again", Duration::from_secs(30), async || {
        (!files_of(&district, hub).is_empty()).then_some(())
    })
    .await
    .unwrap();
    command::run(district.program(hub), verify).unwrap();

    // Somebody opens the case of a file that is gone altogether.
    district.stop(township).unwrap();
    std::fs::remove_file(files_of(&district, township).remove(0)).unwrap();
    district.serve(township).unwrap();
    let mut window = district.client(township, "township", "窗口受理").await.unwrap();
    story::until("the file at the township again", Duration::from_secs(30), async || {
        window.get(&case).await.ok()?;
        (!files_of(&district, township).is_empty()).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(read_back(&mut window, &case).await, [content]);

    // Somebody reads a file that is damaged: it is served again once it has come again.
    district.stop(village).unwrap();
    damage(&files_of(&district, village)[0]);
    district.serve(village).unwrap();
    let mut agent = district.client(village, "village", "代办员").await.unwrap();
    let view = agent.get(&case).await.unwrap();
    let id = view.materials.iter().flat_map(|material| &material.attachments).next().unwrap().id.clone();
    let request = proto::GetAttachmentRequest { case_number: case.clone(), id };
    let mut parts = agent.cases.get_attachment(request).await.unwrap().into_inner();
    let read = async {
        while parts.message().await?.is_some() {}
        Ok::<_, tonic::Status>(())
    };
    read.await.unwrap_err();
    story::until("the file at the village again", Duration::from_secs(30), async || {
        (!files_of(&district, village).is_empty()).then_some(())
    })
    .await
    .unwrap();
    assert_eq!(read_back(&mut agent, &case).await.len(), 1);
}
