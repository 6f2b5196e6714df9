//! A village that never has a line: bundles carry everything, both ways, between real processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use sanji_log::StationCode;
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_tests::binaries::Binaries;
use sanji_tests::client::{Client, failed};
use sanji_tests::district::{District, Plan};
use sanji_tests::{command, story};
use serde_json::Value;
use tonic::Code;

/// A stick, and the programs at which it is plugged in.
struct Stick<'a> {
    district: &'a District,
    folder: PathBuf,
}

impl Stick<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn export(&self, from: StationCode, to: StationCode, name: &str) -> Value {
        let (data, file, to) = (self.district.data(from), self.file(name), to.to_string());
        let [data, file] = [data, file].map(|path| path.display().to_string());
        let arguments = ["export", "--to", &to, "--file", &file, "--json", "--data", &data];
        command::run_json(self.district.program(from), arguments).unwrap()
    }

    fn import(&self, at: StationCode, name: &str) -> Value {
        let output = self.import_output(at, name);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{at} refuses {name}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Why an import is refused: the one line on standard error.
    fn refused(&self, at: StationCode, name: &str) -> String {
        let output = self.import_output(at, name);
        assert_eq!(output.status.code(), Some(1), "{at} takes {name}");
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    }

    fn import_output(&self, at: StationCode, name: &str) -> std::process::Output {
        let [data, file] = [self.district.data(at), self.file(name)].map(|path| path.display().to_string());
        command::output(self.district.program(at), ["import", "--file", &file, "--json", "--data", &data]).unwrap()
    }
}

/// A number of a reply; JSON leaves 0 out.
fn number(reply: &Value, field: &str) -> u64 {
    reply[field].as_u64().unwrap_or(0)
}

fn alter(file: &Path, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(file).unwrap();
    change(&mut bytes);
    std::fs::write(file.with_file_name(name), bytes).unwrap();
}

async fn submit(district: &District, agent: &mut Client, village: StationCode) -> String {
    let mut application = story::application(district, agent, village, "rs-canbao").await.unwrap();
    let content = story::photograph();
    let head = proto::AttachmentHead {
        request: application.request.clone(),
        case_number: String::new(),
        file_name: "身份证.jpg".into(),
        media_type: "image/jpeg".into(),
        size: content.len() as u64,
    };
    let attachment = agent.put_attachment(head, &content).await.unwrap();
    application.materials[0].attachments.push(attachment);
    agent.cases.submit(application).await.map_err(failed("Submit")).unwrap().into_inner().case_number
}

async fn act(
    district: &District,
    (station, department, role): (StationCode, &str, &str),
    number: &str,
    action: Action,
) {
    let mut client = district.client(station, department, role).await.unwrap();
    story::until(&format!("{number} held at {station}"), Duration::from_secs(30), async || {
        client.get(number).await.ok().filter(|case| case.holder == station.number())
    })
    .await
    .unwrap();
    client.act(number, action).await.unwrap();
}

async fn attachments_missing(district: &District, station: StationCode) -> u64 {
    let mut keeper = district.keeper(station).await.unwrap();
    keeper.health.status(proto::StatusRequest {}).await.unwrap().into_inner().attachments_missing
}

#[tokio::test(flavor = "multi_thread")]
async fn a_village_without_a_line_works_by_bundles_alone() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::line().unwrap();
    let (hub, township, village) = (plan.hub, plan.townships[0], plan.villages[0]);
    let district = District::new(&folder.path().join("district"), plan, Binaries::build(true).unwrap()).unwrap();
    let mut district = district.without_line(village);
    district.start(&|_| ()).unwrap();
    let stick = Stick { district: &district, folder: folder.path().to_owned() };

    // The first stick from above, then a case goes up by stick and on by line.
    stick.export(township, village, "1-down");
    stick.import(village, "1-down");
    let mut agent = district.client(village, "village", "代办员").await.unwrap();
    let case = submit(&district, &mut agent, village).await;
    let packed = stick.export(village, township, "2-up");
    assert!(number(&packed, "entries") > 0 && number(&packed, "attachments") == 1, "{packed}");
    let mut window = district.client(township, "township", "窗口受理").await.unwrap();
    let request = proto::GetRequest { case_number: case.clone(), unmasked: false };
    assert_eq!(window.cases.get(request).await.unwrap_err().code(), Code::NotFound, "there is no line");

    // An altered and a cut file, and a wrong receiver, are refused with a reason.
    let file = stick.file("2-up");
    alter(&file, "altered", |bytes| *bytes.last_mut().unwrap() ^= 1);
    alter(&file, "cut", |bytes| bytes.truncate(bytes.len() / 2));
    alter(&file, "other", |bytes| bytes.splice(..8, *b"PK345678").for_each(drop));
    for (name, reason) in [("altered", "damaged"), ("cut", "damaged"), ("other", "is not one")] {
        let said = stick.refused(township, name);
        assert!(said.contains(reason), "{said}");
    }
    let said = stick.refused(hub, "2-up");
    assert!(said.contains(&format!("is for {township}")), "{said}");

    stick.import(township, "2-up");
    let again = stick.import(township, "2-up");
    assert_eq!(number(&again, "entries"), 0, "twice is harmless: {again}");
    act(&district, (township, "township", "窗口受理"), &case, Action::Accept(proto::Accept {})).await;
    let opinion = proto::Opinion::Agree.into();
    let finish = proto::FinishStage { opinion, words: "材料属实，同意上报。".into(), ..Default::default() };
    act(&district, (township, "township", "审核"), &case, Action::FinishStage(finish)).await;
    let decide = proto::Decide { approved: true, document_number: "〔2026〕1号".into(), ..Default::default() };
    act(&district, (hub, "rs", "审批"), &case, Action::Decide(decide)).await;
    story::until("the decision at the township", Duration::from_secs(30), async || {
        window.get(&case).await.ok().filter(|case| case.stage == "deliver")
    })
    .await
    .unwrap();
    story::until("the photograph at the hub", Duration::from_secs(30), async || {
        (attachments_missing(&district, hub).await == 0).then_some(())
    })
    .await
    .unwrap();

    // The decision comes back by stick, with the receipts of both stations above.
    stick.export(township, village, "3-down");
    stick.import(village, "3-down");
    let view = agent.get(&case).await.unwrap();
    assert_eq!(view.stage, "deliver");
    let delivery = view.delivery.unwrap();
    assert!(delivery.township_ms > 0 && delivery.district_ms > 0, "{delivery:?}");
    let receiver = district.sample.resident_of(village).unwrap().name.clone();
    let deliver = proto::Deliver { method: proto::DeliveryMethod::InPerson.into(), receiver, signed_on: 0 };
    agent.act(&case, Action::Deliver(deliver)).await.unwrap();

    // Nothing goes twice that is known to have arrived; the way may be another, and the order any.
    let packed = stick.export(village, hub, "4-up");
    assert!(number(&packed, "entries") <= 4 && number(&packed, "attachments") == 0, "{packed}");
    stick.import(hub, "4-up");
    stick.import(village, "1-down");
    let mut department = district.client(hub, "rs", "审批").await.unwrap();
    let steps = department.get(&case).await.unwrap().steps;
    assert!(steps.iter().any(|step| step.kind == "delivered"), "{steps:?}");
    story::until("the delivery at the township, over its line", Duration::from_secs(30), async || {
        let steps = window.get(&case).await.ok()?.steps;
        steps.iter().any(|step| step.kind == "delivered").then_some(())
    })
    .await
    .unwrap();

    // What it brings after it was revoked is kept aside, whole.
    let data = district.data(hub).display().to_string();
    let revoke = ["station", "revoke", &village.to_string(), "--reason", "stolen", "--data", &data].map(str::to_owned);
    command::run(district.program(hub), revoke).unwrap();
    let later = submit(&district, &mut agent, village).await;
    stick.export(village, hub, "5-up");
    let said = stick.refused(hub, "5-up");
    let aside = said.split_once("kept aside in ").unwrap_or_else(|| panic!("{said}")).1;
    assert!(std::fs::read(aside).unwrap() == std::fs::read(stick.file("5-up")).unwrap());
    let request = proto::GetRequest { case_number: later, unmasked: false };
    assert_eq!(department.cases.get(request).await.unwrap_err().code(), Code::NotFound);

    district.stop_all().unwrap();
    for station in [hub, township, village] {
        let data = district.data(station).display().to_string();
        command::run(district.program(station), ["verify", "--data", &data]).unwrap();
    }
}
