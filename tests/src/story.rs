//! Scripted cases, told hop by hop: what happened, where, and how long after the beginning.

use std::time::{Duration, Instant};

use sanji_log::StationCode;
use sanji_proto::v1::{self as proto, act_request::Action};

use crate::Error;
use crate::client::{Client, failed};
use crate::district::District;

/// How long the next station may take to hear of something on a healthy line.
const HOP_WITHIN: Duration = Duration::from_secs(20);

/// Something that happened to a case.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Hop {
    /// Since the story began, in milliseconds.
    pub after_ms: f64,
    /// Division code of the station.
    pub station: String,
    /// What, in Chinese.
    pub what: String,
}

/// What became of one scripted case.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Story {
    /// Name of the item.
    pub item: String,
    /// 25 digits.
    pub case_number: String,
    /// Six digits.
    pub query_code: String,
    /// Hop by hop.
    pub hops: Vec<Hop>,
}

/// Asks again and again until there is an answer.
///
/// # Errors
/// [`Error::Timeout`].
pub async fn until<T>(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> Result<T, Error> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        if started.elapsed() > within {
            return Err(Error::Timeout { what: what.to_owned(), seconds: within.as_secs() });
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A story that is being told.
struct Teller {
    started: Instant,
    story: Story,
}

impl Teller {
    fn hop(&mut self, station: StationCode, what: impl Into<String>) {
        let after_ms = (self.started.elapsed().as_secs_f64() * 1e5).round() / 100.0;
        self.story.hops.push(Hop { after_ms, station: station.to_string(), what: what.into() });
    }

    /// Waits until a station shows the case in a stage, then acts there.
    async fn act(
        &mut self,
        district: &District,
        (station, department, role): (StationCode, &str, &str),
        stage: &str,
        what: &str,
        action: Action,
    ) -> Result<(), Error> {
        let mut client = district.client(station, department, role).await?;
        let number = self.story.case_number.clone();
        until(&format!("{number} in stage {stage} at {station}"), HOP_WITHIN, async || {
            client.get(&number).await.ok().filter(|case| case.stage == stage && case.holder == station.number())
        })
        .await?;
        self.hop(station, "收到");
        client.act(&number, action).await?;
        self.hop(station, what);
        Ok(())
    }
}

/// All the rights of a mandate, until the case is concluded.
fn full_mandate() -> proto::Mandate {
    proto::Mandate {
        may_submit: true,
        may_correct: true,
        may_sign_for_documents: true,
        may_collect_result: true,
        until: 0,
    }
}

/// An application by the first resident of a village with every mandatory material on paper.
///
/// # Errors
/// [`Error::Sample`] where the village has no resident, [`Error::Call`] where the item is not in the catalogue.
pub async fn application(
    district: &District,
    client: &mut Client,
    village: StationCode,
    item: &str,
) -> Result<proto::SubmitRequest, Error> {
    let resident = district.sample.resident_of(village)?;
    let request = proto::GetItemRequest { code: item.to_owned(), version: 0 };
    let view = client.cases.get_item(request).await.map_err(failed("GetItem"))?.into_inner();
    let text = String::from_utf8(view.content).map_err(|_| Error::Sample(format!("readable item {item}")))?;
    let parsed: toml::Table = toml::from_str(&text).map_err(|_| Error::Sample(format!("readable item {item}")))?;
    let materials = parsed.get("material").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let amount = |material: &toml::Value, name: &str| {
        material.get(name).and_then(toml::Value::as_integer).and_then(|amount| u32::try_from(amount).ok()).unwrap_or(0)
    };
    let materials = (0u32..)
        .zip(&materials)
        .filter(|(_, material)| material.get("mandatory").and_then(toml::Value::as_bool) == Some(true))
        .map(|(index, material)| {
            let (originals, copies) = (amount(material, "originals"), amount(material, "copies"));
            let originals = if originals == 0 && copies == 0 { 1 } else { originals };
            proto::MaterialInput { material: index, originals, copies, attachments: Vec::new() }
        })
        .collect();
    Ok(proto::SubmitRequest {
        request: rand::random::<[u8; 16]>().to_vec(),
        item: item.to_owned(),
        applicant: Some(proto::Applicant {
            name: resident.name.clone(),
            id_number: resident.id_number.clone(),
            telephone: "13800000000".into(),
            address: "一组".into(),
        }),
        answers: vec![proto::Answer { field: "家庭人口数".into(), value: "2".into() }],
        materials,
        mandate: Some(full_mandate()),
        witnesses: String::new(),
        village: village.number(),
        ..proto::SubmitRequest::default()
    })
}

/// A small valid JPEG, as a camera's preview would be.
#[must_use]
pub fn photograph() -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10];
    bytes.extend_from_slice(b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0");
    bytes.extend((0..90_000u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8));
    bytes.extend_from_slice(&[0xff, 0xd9]);
    bytes
}

async fn submit(district: &District, village: StationCode, item: &str) -> Result<Teller, Error> {
    let mut agent = district.client(village, "village", "代办员").await?;
    let mut application = application(district, &mut agent, village, item).await?;
    let content = photograph();
    let head = proto::AttachmentHead {
        request: application.request.clone(),
        case_number: String::new(),
        file_name: "身份证.jpg".into(),
        media_type: "image/jpeg".into(),
        size: content.len() as u64,
    };
    let attachment = agent.put_attachment(head, &content).await?;
    if let Some(material) = application.materials.get_mut(0) {
        material.attachments.push(attachment);
    }
    let started = Instant::now();
    let reply = agent.cases.submit(application).await.map_err(failed("Submit"))?.into_inner();
    let story =
        Story { item: item.to_owned(), case_number: reply.case_number, query_code: reply.query_code, hops: Vec::new() };
    let mut teller = Teller { started, story };
    teller.hop(village, "代办员登记，已存本站 ✓");
    Ok(teller)
}

/// 即办件: accepted, done and delivered in the village.
///
/// # Errors
/// The first step that is refused or does not arrive.
pub async fn on_the_spot(district: &District, village: StationCode) -> Result<Story, Error> {
    let mut teller = submit(district, village, "cun-juzhu").await?;
    let agent = (village, "village", "代办员");
    let decide = proto::Decide { approved: true, document_number: "1".into(), ..Default::default() };
    teller.act(district, agent, "handle", "当场办结：准予", Action::Decide(decide)).await?;
    deliver(district, &mut teller, village).await?;
    Ok(teller.story)
}

/// 承诺件: from the village to the district and back.
///
/// # Errors
/// As for [`on_the_spot`].
pub async fn up_and_down(district: &District, village: StationCode) -> Result<Story, Error> {
    let township = village.parent().ok_or_else(|| Error::Sample("township".into()))?;
    let mut teller = submit(district, village, "rs-canbao").await?;
    let window = (township, "township", "窗口受理");
    teller.act(district, window, "accept", "受理", Action::Accept(proto::Accept::default())).await?;
    teller.act(district, (township, "township", "审核"), "first", "初审同意", finish("材料属实，同意上报。")).await?;
    let approver = (village.district(), "rs", "审批");
    let decide = proto::Decide { approved: true, document_number: "〔2026〕1号".into(), ..Default::default() };
    teller.act(district, approver, "approve", "批准：准予", Action::Decide(decide)).await?;
    deliver(district, &mut teller, village).await?;
    Ok(teller.story)
}

/// 农村低保, as far as it goes in one day: up to the seven days of its public notice.
///
/// # Errors
/// As for [`on_the_spot`].
pub async fn minimum_living(district: &District, village: StationCode) -> Result<Story, Error> {
    let township = village.parent().ok_or_else(|| Error::Sample("township".into()))?;
    let mut teller = submit(district, village, "mz-dibao").await?;
    let window = (township, "township", "窗口受理");
    let reviewer = (township, "township", "审核");
    teller.act(district, window, "accept", "受理", Action::Accept(proto::Accept::default())).await?;
    let second = district.sample.staff_of(township, "township", "窗口受理")?.id.clone();
    let survey = proto::FinishStage {
        opinion: proto::Opinion::Agree.into(),
        words: "两人入户调查，家庭情况属实。".into(),
        together_with: vec![second],
        ..Default::default()
    };
    teller.act(district, reviewer, "survey", "入户调查完成", Action::FinishStage(survey)).await?;
    teller.act(district, reviewer, "first", "初审同意", finish("人均收入低于标准，拟同意。")).await?;
    let mut client = district.client(township, "township", "窗口受理").await?;
    let content = photograph();
    let head = proto::AttachmentHead {
        request: Vec::new(),
        case_number: teller.story.case_number.clone(),
        file_name: "公示照片.jpg".into(),
        media_type: "image/jpeg".into(),
        size: content.len() as u64,
    };
    let photograph = client.put_attachment(head, &content).await?;
    let post = proto::PostPublicity { place: "村务公开栏".into(), photographs: vec![photograph] };
    teller.act(district, window, "notice", "张贴公示（7天）", Action::PostPublicity(post)).await?;
    let hub = village.district();
    let number = teller.story.case_number.clone();
    let mut department = district.client(hub, "mz", "审批").await?;
    until("the notice at the hub", HOP_WITHIN, async || {
        department.get(&number).await.ok().filter(|case| case.stage == "notice" && case.rev >= 5)
    })
    .await?;
    teller.hop(hub, "区民政局可查看办理过程 ✓✓✓");
    Ok(teller.story)
}

fn finish(words: &str) -> Action {
    let opinion = proto::Opinion::Agree.into();
    Action::FinishStage(proto::FinishStage { opinion, words: words.into(), ..Default::default() })
}

/// The agent hands the result to the applicant; the applicant then sees it on the hub's public page.
async fn deliver(district: &District, teller: &mut Teller, village: StationCode) -> Result<(), Error> {
    let receiver = district.sample.resident_of(village)?.name.clone();
    let deliver = proto::Deliver { method: proto::DeliveryMethod::InPerson.into(), receiver, signed_on: 0 };
    let agent = (village, "village", "代办员");
    teller.act(district, agent, "deliver", "送达，申请人签收", Action::Deliver(deliver)).await?;
    let hub = village.district();
    let query = proto::QueryRequest {
        case_number: teller.story.case_number.clone(),
        query_code: teller.story.query_code.clone(),
    };
    let mut anybody = district.client(hub, "sp", "窗口受理").await?;
    until("the delivery on the public page", HOP_WITHIN, async || {
        let reply = anybody.cases.query(query.clone()).await.ok()?.into_inner();
        (reply.steps.iter().any(|step| step.title.contains("送达"))).then_some(())
    })
    .await?;
    teller.hop(hub, "公众查询可见：已送达 ✓✓✓");
    Ok(())
}
