//! A village that never has a line: it enrols by files, and bundles carry everything, both ways, between real
//! processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use sanji_log::StationCode;
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_tests::binaries::Binaries;
use sanji_tests::client::{Client, failed};
use sanji_tests::district::{District, Plan};
use sanji_tests::{command, sample, story};
use serde_json::Value;
use tonic::Code;

/// A stick.
struct Stick {
    folder: PathBuf,
}

impl Stick {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn export(&self, district: &District, from: StationCode, to: StationCode, name: &str) -> Value {
        let (data, file, to) = (district.data(from), self.file(name), to.to_string());
        let [data, file] = [data, file].map(|path| path.display().to_string());
        let arguments = ["export", "--to", &to, "--file", &file, "--json", "--data", &data];
        command::run_json(district.program(from), arguments).unwrap()
    }

    fn import(&self, district: &District, at: StationCode, name: &str) -> Value {
        let output = self.import_output(district, at, name);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{at} refuses {name}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Why an import is refused: the one line on standard error.
    fn refused(&self, district: &District, at: StationCode, name: &str) -> String {
        let output = self.import_output(district, at, name);
        assert_eq!(output.status.code(), Some(1), "{at} takes {name}");
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    }

    fn import_output(&self, district: &District, at: StationCode, name: &str) -> std::process::Output {
        let [data, file] = [district.data(at), self.file(name)].map(|path| path.display().to_string());
        command::output(district.program(at), ["import", "--file", &file, "--json", "--data", &data]).unwrap()
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

/// The hub publishes an item under another name.
fn publish(district: &District, folder: &Path, item: &str, name: &str) {
    let copy = folder.join("sample");
    copy_folder(&sample::folder(), &copy);
    let file = copy.join(format!("catalogue/items/{item}.toml"));
    let text = std::fs::read_to_string(&file).unwrap();
    // The item's own name is the first.
    let (before, rest) = text.split_once("\nname = ").unwrap();
    let after = rest.split_once('\n').unwrap().1;
    std::fs::write(&file, format!("{before}\nname = \"{name}\"\n{after}")).unwrap();
    let [copy, data] = [copy, district.data(district.plan.hub)].map(|path| path.display().to_string());
    command::run(district.program(district.plan.hub), ["publish", &copy, "--data", &data]).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => std::fs::copy(entry.path(), target).map(|_| ()).unwrap(),
        }
    }
}

fn revoke(district: &District, station: StationCode) {
    let data = district.data(district.plan.hub).display().to_string();
    let station = station.to_string();
    let revoke = ["station", "revoke", &station, "--reason", "stolen", "--data", &data];
    command::run(district.program(district.plan.hub), revoke).unwrap();
}

/// Whether one station does not know that another holds every attachment.
async fn lacks_attachments(district: &District, at: StationCode, of: StationCode) -> bool {
    let mut keeper = district.keeper(at).await.unwrap();
    let mut rows = keeper.health.attachments(proto::AttachmentsRequest {}).await.unwrap().into_inner();
    while let Some(row) = rows.message().await.unwrap() {
        if row.lacking_at.contains(&of.number()) {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_village_without_a_line_works_by_bundles_alone() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::line().unwrap();
    let (hub, township, village) = (plan.hub, plan.townships[0], plan.villages[0]);
    let district = District::new(&folder.path().join("district"), plan, Binaries::build(true).unwrap()).unwrap();
    let mut district = district.without_line(village);
    district.start(&|_| ()).unwrap();
    let stick = Stick { folder: folder.path().to_owned() };

    // With its enrolment it has all that it needs: the township, which can't know that, brings nothing new.
    let mut agent = district.client(village, "village", "代办员").await.unwrap();
    stick.export(&district, township, village, "1-down");
    let taken = stick.import(&district, village, "1-down");
    assert_eq!(number(&taken, "entries"), 0, "{taken}");

    // A case goes up by stick and on by line.
    let case = submit(&district, &mut agent, village).await;
    let packed = stick.export(&district, village, township, "2-up");
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
        let said = stick.refused(&district, township, name);
        assert!(said.contains(reason), "{said}");
    }
    let said = stick.refused(&district, hub, "2-up");
    assert!(said.contains(&format!("is for {township}")), "{said}");

    stick.import(&district, township, "2-up");
    let again = stick.import(&district, township, "2-up");
    assert_eq!(number(&again, "entries"), 0, "twice is harmless: {again}");
    act(&district, (township, "township", "窗口受理"), &case, Action::Accept(proto::Accept::default())).await;
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
    // The township has to know it too: the village hears only what the township's stick says.
    story::until("the photograph at the hub, as the township knows", Duration::from_secs(30), async || {
        (!lacks_attachments(&district, township, hub).await).then_some(())
    })
    .await
    .unwrap();

    // The decision comes back by stick, with the receipts of both stations above; the station need not run.
    stick.export(&district, township, village, "3-down");
    district.stop(village).unwrap();
    stick.import(&district, village, "3-down");
    let packed = stick.export(&district, village, township, "3-up");
    assert!(number(&packed, "receipts") > 0, "{packed}");
    district.serve(village).unwrap();
    let view = agent.get(&case).await.unwrap();
    assert_eq!(view.stage, "deliver");
    let delivery = view.delivery.unwrap();
    assert!(delivery.township_ms > 0 && delivery.district_ms > 0, "{delivery:?}");
    let receiver = district.sample.resident_of(village).unwrap().name.clone();
    let deliver = proto::Deliver { method: proto::DeliveryMethod::InPerson.into(), receiver, signed_on: 0 };
    agent.act(&case, Action::Deliver(deliver)).await.unwrap();

    // Nothing goes twice that is known to have arrived; the way may be another, and the order any.
    let packed = stick.export(&district, village, hub, "4-up");
    assert!(number(&packed, "entries") <= 4 && number(&packed, "attachments") == 0, "{packed}");
    stick.import(&district, hub, "4-up");
    stick.import(&district, village, "1-down");
    let mut department = district.client(hub, "rs", "审批").await.unwrap();
    let steps = department.get(&case).await.unwrap().steps;
    assert!(steps.iter().any(|step| step.kind == "delivered"), "{steps:?}");
    story::until("the delivery at the township, over its line", Duration::from_secs(30), async || {
        let steps = window.get(&case).await.ok()?.steps;
        steps.iter().any(|step| step.kind == "delivered").then_some(())
    })
    .await
    .unwrap();

    // An item changes at the hub: the village learns of it by stick, and of nothing that it has already.
    let name = "参保登记（2027年版）";
    publish(&district, folder.path(), "rs-canbao", name);
    let packed = stick.export(&district, hub, village, "5-down");
    assert!(number(&packed, "entries") <= 8, "{packed}");
    stick.import(&district, village, "5-down");
    let item = proto::GetItemRequest { code: "rs-canbao".into(), version: 0 };
    let item = agent.cases.get_item(item).await.unwrap().into_inner();
    assert!(String::from_utf8(item.content).unwrap().contains(name) && item.version == 2);

    // That the township was revoked arrives by stick too; its bundles are not believed from then on.
    stick.export(&district, township, village, "6-down");
    revoke(&district, township);
    stick.export(&district, hub, village, "7-down");
    stick.import(&district, village, "7-down");
    let said = stick.refused(&district, village, "6-down");
    assert!(said.contains(&format!("comes from {township}, whose key was revoked")), "{said}");

    // What the village brings after it was revoked itself is kept aside, whole.
    revoke(&district, village);
    let later = submit(&district, &mut agent, village).await;
    stick.export(&district, village, hub, "8-up");
    let said = stick.refused(&district, hub, "8-up");
    let aside = said.split_once("kept aside in ").unwrap_or_else(|| panic!("{said}")).1;
    assert!(std::fs::read(aside).unwrap() == std::fs::read(stick.file("8-up")).unwrap());
    let request = proto::GetRequest { case_number: later, unmasked: false };
    assert_eq!(department.cases.get(request).await.unwrap_err().code(), Code::NotFound);

    // Nobody could tell it over a line. A stick does, and has nothing else for it than what is public.
    assert!(status(&district, village).await.writable);
    let packed = stick.export(&district, hub, village, "9-down");
    assert!(number(&packed, "entries") > 0 && number(&packed, "attachments") == 0, "{packed}");
    stick.import(&district, village, "9-down");
    let now = status(&district, village).await;
    assert!(!now.writable && now.read_only_reason.contains("吊销"), "{now:?}");

    district.stop_all().unwrap();
    for station in [hub, township, village] {
        let data = district.data(station).display().to_string();
        command::run(district.program(station), ["verify", "--data", &data]).unwrap();
    }
}

/// Damages one byte in every eighth of what stands in a stopped station's journal, and the middle of each attachment.
fn damage(district: &District, station: StationCode) {
    let data = district.data(station);
    let flip = |path: &Path, places: &dyn Fn(usize) -> Vec<usize>| {
        alter(path, path.file_name().unwrap().to_str().unwrap(), |bytes| {
            let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
            places(written).into_iter().for_each(|place| bytes[place] ^= 0x20);
        });
    };
    flip(&data.join("journal/segment-00000001"), &|written| (1..8).map(|eighth| written * eighth / 8).collect());
    let files = attachments(&data);
    assert!(!files.is_empty(), "{station} has no attachments");
    files.iter().for_each(|file| flip(file, &|written| vec![written / 2]));
}

/// The files of whole attachments.
fn attachments(data: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>();
    let folders = list(&data.join("attachments")).into_iter().filter(|path| path.file_name().unwrap().len() == 2);
    folders.flat_map(|folder| list(&folder)).filter(|path| path.extension().is_none()).collect()
}

async fn status(district: &District, station: StationCode) -> proto::StatusReply {
    let mut keeper = district.keeper(station).await.unwrap();
    keeper.health.status(proto::StatusRequest {}).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_village_without_a_line_gets_what_is_damaged_again_by_bundles() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::line().unwrap();
    let (township, village) = (plan.townships[0], plan.villages[0]);
    let district = District::new(&folder.path().join("district"), plan, Binaries::build(true).unwrap()).unwrap();
    let mut district = district.without_line(village);
    district.start(&|_| ()).unwrap();
    let stick = Stick { folder: folder.path().to_owned() };
    let mut agent = district.client(village, "village", "代办员").await.unwrap();
    let mut cases = Vec::new();
    for _ in 0..4 {
        cases.push(submit(&district, &mut agent, village).await);
    }
    stick.export(&district, village, township, "1-up");
    stick.import(&district, township, "1-up");
    let whole = district.dump(village).unwrap();

    district.stop(village).unwrap();
    damage(&district, village);
    district.serve(village).unwrap();
    let data = district.data(village).display().to_string();
    let fault = command::run(district.program(village), ["verify", "--data", &data]).unwrap_err().to_string();
    assert!(fault.contains("faults found"), "{fault}");
    let damaged = status(&district, village).await;
    assert!(!damaged.missing.is_empty(), "{damaged:?}");
    story::until("the damaged attachments to be wanted", Duration::from_secs(10), async || {
        (status(&district, village).await.attachments_missing == cases.len() as u64).then_some(())
    })
    .await
    .unwrap();

    // What it asks for is lost once with its stick, and asked for again.
    stick.export(&district, village, township, "2-up");
    stick.export(&district, village, township, "3-up");
    stick.import(&district, township, "3-up");
    let packed = stick.export(&district, township, village, "4-down");
    assert_eq!(number(&packed, "attachments"), cases.len() as u64, "{packed}");
    stick.import(&district, village, "4-down");
    stick.import(&district, village, "4-down");
    story::until("the village to be whole again", Duration::from_secs(10), async || {
        let now = status(&district, village).await;
        (now.missing.is_empty() && now.attachments_missing == 0).then_some(())
    })
    .await
    .unwrap();
    command::run(district.program(village), ["verify", "--data", &data]).unwrap();
    let held = district.dump(village).unwrap();
    let lost = whole.iter().find(|(place, hash)| held.get(*place) != Some(*hash));
    assert_eq!(lost, None);
    let mut agent = district.client(village, "village", "代办员").await.unwrap();
    for case in &cases {
        assert!(!agent.get(case).await.unwrap().applicant.unwrap_or_default().name.is_empty());
    }

    // What has come is not asked for any more.
    stick.export(&district, village, township, "5-up");
    stick.import(&district, township, "5-up");
    let bytes = |name: &str| std::fs::metadata(stick.file(name)).unwrap().len();
    stick.export(&district, township, village, "6-down");
    assert!(bytes("6-down") * 2 < bytes("4-down"), "{} of {} bytes", bytes("6-down"), bytes("4-down"));
}
