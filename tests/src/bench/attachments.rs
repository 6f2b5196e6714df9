//! Attachments: 20 files of 2 MB from the village to the hub, each tier durable, while applications go on.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::RngCore as _;
use sanji_proto::v1 as proto;

use super::line::Line;
use super::sheet::{Row, Sheet};
use super::{Setting, books, percentile, trip};
use crate::client::{Client, failed};
use crate::{Error, story};

/// Bytes of a file.
const FILE_BYTES: usize = 2_000_000;
/// An application is written this often meanwhile.
const EVERY: Duration = Duration::from_millis(20);
/// How long the files may take altogether.
const PATIENCE: Duration = Duration::from_secs(120);

const NAME: &str = "attachments";
const RATE: Row = Row::at_least(NAME, "20 files of 2 MB: from the village's disk to the hub's", "MB/s", 110.0);
const STORED: Row = Row::told(NAME, "20 files of 2 MB: from a program to the village's disk", "MB/s");
const MEANWHILE: Row = Row::at_most(NAME, "an entry written meanwhile: seen at the hub, p95", "ms", 50.0);

/// Runs the workload.
///
/// # Errors
/// Where a station fails, or a file or an entry is lost.
pub async fn measure(setting: &Setting, sheet: &mut Sheet) -> Result<(), Error> {
    let files = setting.size(20, 4);
    let line = Line::start(setting).await?;
    let (mut agent, _) = line.application().await?;
    let template = story::application(&line.district, &mut agent, line.village, trip::ITEM).await?;
    let mut window = line.district.client(line.district.plan.hub, "sc", "窗口受理").await?;
    let hub_files = line.district.data(line.district.plan.hub).join("attachments");
    let mut cases = 0;
    for run in 0..setting.runs {
        setting.tell(&format!("attachments: run {}", run + 1));
        let started = Instant::now();
        let mut applications = Vec::with_capacity(files);
        for _ in 0..files {
            applications.push(with_file(&mut agent, &template).await?);
        }
        let stored = started.elapsed();
        let mut at_hub = trip::changes(&mut window, 1..=u32::MAX).await?;
        let done = Arc::new(AtomicBool::new(false));
        let meanwhile = tokio::spawn(write_meanwhile(agent.clone(), template.clone(), done.clone()));
        let started = Instant::now();
        let mut wanted = Vec::with_capacity(files);
        for (application, file) in applications {
            agent.cases.submit(application).await.map_err(failed("Submit"))?;
            wanted.push(hub_files.join(file));
        }
        story::until("all files at the hub", PATIENCE, async || wanted.iter().all(|file| file.exists()).then_some(()))
            .await?;
        let at = started.elapsed();
        done.store(true, Ordering::Relaxed);
        let begun = meanwhile.await.map_err(|_| Error::Writers("nobody wrote meanwhile".into()))??;
        cases += files + begun.len();
        let mut times = trip::all(&mut at_hub, &begun).await?;
        let megabytes = (files * FILE_BYTES) as f64 / 1e6;
        sheet.note(RATE, megabytes / at.as_secs_f64());
        sheet.note(STORED, megabytes / stored.as_secs_f64());
        sheet.note(MEANWHILE, percentile(&mut times, 95));
    }
    line.finish(&books::Expected::from([("step.submitted", cases)])).await
}

/// Stores a file of its own for a new application; the application, and where its file lies in a folder of attachments.
async fn with_file(
    agent: &mut Client,
    template: &proto::SubmitRequest,
) -> Result<(proto::SubmitRequest, PathBuf), Error> {
    let mut application = proto::SubmitRequest { request: rand::random::<[u8; 16]>().to_vec(), ..template.clone() };
    // It begins as a photograph does; the rest can't be compressed, as that of a photograph.
    let mut content = vec![0; FILE_BYTES];
    rand::rng().fill_bytes(&mut content);
    for (at, byte) in [0xff, 0xd8, 0xff, 0xe0].into_iter().enumerate() {
        if let Some(place) = content.get_mut(at) {
            *place = byte;
        }
    }
    let head = proto::AttachmentHead {
        request: application.request.clone(),
        case_number: String::new(),
        file_name: "材料.jpg".into(),
        media_type: "image/jpeg".into(),
        size: content.len() as u64,
    };
    let id = agent.put_attachment(head, &content).await?;
    let name: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let material = application.materials.first_mut().ok_or_else(|| Error::Sample("material".into()))?;
    material.attachments.push(id);
    Ok((application, PathBuf::from(name.get(..2).unwrap_or_default()).join(&name)))
}

/// Writes one application after the other until told to end; when each was begun.
async fn write_meanwhile(
    mut agent: Client,
    template: proto::SubmitRequest,
    done: Arc<AtomicBool>,
) -> Result<HashMap<String, Instant>, Error> {
    let mut begun = HashMap::new();
    let mut tick = tokio::time::interval(EVERY);
    while !done.load(Ordering::Relaxed) {
        tick.tick().await;
        let submit = proto::SubmitRequest { request: rand::random::<[u8; 16]>().to_vec(), ..template.clone() };
        let started = Instant::now();
        let reply = agent.cases.submit(submit).await.map_err(failed("Submit"))?.into_inner();
        begun.insert(reply.case_number, started);
    }
    Ok(begun)
}
