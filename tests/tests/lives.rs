//! The lives of a station, with real processes: a dead machine is replaced, a station comes back from a backup, the
//! hub too. Nothing that was confirmed is lost or doubled, and nothing is written before the former life is back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use sanji_log::StationCode;
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_tests::binaries::Binaries;
use sanji_tests::client::{Client, failed};
use sanji_tests::district::{District, Plan};
use sanji_tests::process::Process;
use sanji_tests::{command, story};
use tonic::Code;

const SOON: Duration = Duration::from_secs(30);

struct Scene {
    district: District,
    hub: StationCode,
    township: StationCode,
    village: StationCode,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::line().unwrap();
        let (hub, township, village) = (plan.hub, plan.townships[0], plan.villages[0]);
        let binaries = Binaries::build(true).unwrap();
        let mut district = District::new(&folder.path().join("district"), plan, binaries).unwrap();
        district.start(&|_| ()).unwrap();
        Self { district, hub, township, village, _folder: folder }
    }

    async fn agent(&self) -> Client {
        self.district.client(self.village, "village", "代办员").await.unwrap()
    }

    async fn try_submit(&self) -> Result<String, sanji_tests::Error> {
        let mut agent = self.agent().await;
        let application = story::application(&self.district, &mut agent, self.village, "rs-canbao").await.unwrap();
        let reply = agent.cases.submit(application).await.map_err(failed("Submit"))?;
        Ok(reply.into_inner().case_number)
    }

    async fn submit(&self) -> String {
        self.try_submit().await.unwrap()
    }

    async fn submit_with_a_file(&self) -> String {
        let mut agent = self.agent().await;
        let mut application = story::application(&self.district, &mut agent, self.village, "rs-canbao").await.unwrap();
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
        agent.cases.submit(application).await.unwrap().into_inner().case_number
    }

    async fn act(&self, (station, department, role): (StationCode, &str, &str), number: &str, action: Action) {
        let mut client = self.district.client(station, department, role).await.unwrap();
        story::until(&format!("{number} held at {station}"), SOON, async || {
            client.get(number).await.ok().filter(|case| case.holder == station.number())
        })
        .await
        .unwrap();
        client.act(number, action).await.unwrap();
    }

    async fn accept(&self, number: &str) {
        self.act((self.township, "township", "窗口受理"), number, Action::Accept(proto::Accept::default())).await;
    }

    /// What the township still has to do, until the case is before the district.
    async fn forward(&self, number: &str) {
        let opinion = proto::Opinion::Agree.into();
        let finish =
            proto::FinishStage { opinion, words: "材料属实，同意上报。".into(), ..Default::default() };
        self.act((self.township, "township", "审核"), number, Action::FinishStage(finish)).await;
    }

    async fn decide(&self, number: &str) {
        let decide = proto::Decide { approved: true, document_number: "〔2026〕1号".into(), ..Default::default() };
        self.act((self.hub, "rs", "审批"), number, Action::Decide(decide)).await;
    }

    async fn status(&self, station: StationCode) -> proto::StatusReply {
        let mut keeper = self.district.keeper(station).await.unwrap();
        keeper.health.status(proto::StatusRequest {}).await.unwrap().into_inner()
    }

    async fn in_sync(&self) {
        for station in [self.village, self.township] {
            self.district.in_sync(station, SOON).await.unwrap();
        }
    }

    async fn healed(&self, station: StationCode) {
        story::until(&format!("{station} healed"), SOON, async || {
            self.status(station).await.healing.is_none().then_some(())
        })
        .await
        .unwrap();
    }

    /// Loses a machine: its process and its disk.
    fn lose(&mut self, station: StationCode) {
        self.district.kill(station);
        let data = self.district.data(station);
        fs::rename(&data, data.with_extension("lost")).unwrap();
    }

    /// Every entry by log and position, with its hash. No position is held twice.
    fn held(&self, station: StationCode) -> BTreeMap<(String, u64), String> {
        let data = self.district.data(station).display().to_string();
        let lines = command::run(self.district.program(station), ["dump", "--jsonl", "--data", &data]).unwrap();
        let mut held = BTreeMap::new();
        for line in lines.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            let log = format!("{}/{}/{}", entry["home"], entry["reach"], entry["key"]);
            let hash = entry["hash"].as_str().unwrap().to_owned();
            assert!(held.insert((log, entry["seq"].as_u64().unwrap()), hash).is_none(), "a position is held twice");
        }
        held
    }

    /// Nothing of `before` is missing or altered at a station.
    fn holds(&self, station: StationCode, before: &BTreeMap<(String, u64), String>) {
        let now = self.held(station);
        for (place, hash) in before {
            assert_eq!(now.get(place), Some(hash), "{station} lacks {place:?}");
        }
    }

    /// What the hub has written in public about a station: keys, revocations, decisions.
    fn public_records_of(&self, station: StationCode) -> BTreeMap<(String, u64), String> {
        let (home, mut records) = (format!("{}/", station.number()), self.held(self.hub));
        records.retain(|(log, _), _| log.replace('"', "").starts_with(&home) && log.contains("public"));
        assert!(!records.is_empty());
        records
    }

    async fn holds_soon(&self, station: StationCode, expected: &BTreeMap<(String, u64), String>) {
        story::until(&format!("what {station} is to hold"), SOON, async || {
            let now = self.held(station);
            expected.iter().all(|(place, hash)| now.get(place) == Some(hash)).then_some(())
        })
        .await
        .unwrap();
    }

    /// What the hub keeps aside of a revoked station.
    async fn rest(&self) -> serde_json::Value {
        story::until("a rest at the hub", SOON, async || {
            self.district.command(self.hub, &["quarantine", "list"]).ok().filter(|row| row["id"].is_string())
        })
        .await
        .unwrap()
    }

    fn stop_and_verify(mut self) {
        self.district.stop_all().unwrap();
        for station in [self.hub, self.township, self.village] {
            let data = self.district.data(station).display().to_string();
            command::run(self.district.program(station), ["verify", "--data", &data]).unwrap();
        }
    }

    fn back_up(&self, station: StationCode) -> Vec<String> {
        let folder = self.district.data(station).with_extension("backup");
        fs::create_dir(&folder).unwrap();
        let [pass, file] = ["pass", "file"].map(|name| folder.join(name).display().to_string());
        fs::write(&pass, "correct horse battery staple\n").unwrap();
        let made = self.district.command(station, &["backup", "--file", &file, "--passphrase-file", &pass]).unwrap();
        assert_eq!(made["station"], station.to_string());
        let sealed = fs::read(&file).unwrap();
        let master = fs::read(self.district.data(station).join("keys/master.key")).unwrap();
        assert!(!sealed.windows(master.len()).any(|window| window == master), "the keys are encrypted");
        ["--file".into(), file, "--passphrase-file".into(), pass].to_vec()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_village_pc_is_replaced_and_goes_on() {
    let mut scene = Scene::start();
    let (township, village) = (scene.township, scene.village);
    let (first, second) = (scene.submit().await, scene.submit().await);
    scene.accept(&first).await;
    scene.in_sync().await;
    let before = scene.held(village);

    scene.lose(village);
    scene.district.replace(village).unwrap();
    // The township is away: the new machine takes nothing, and says so.
    scene.district.kill(township);
    scene.district.serve(village).unwrap();
    let refused = scene.try_submit().await.unwrap_err();
    assert!(format!("{refused:?}").contains("正在取回以前的办理记录"), "{refused:?}");
    let status = scene.status(village).await;
    assert!(!status.writable && status.read_only_reason.contains("正在等待"), "{}", status.read_only_reason);
    assert_eq!(status.healing.unwrap().awaited, [scene.hub.number(), township.number()]);

    scene.district.serve(township).unwrap();
    scene.healed(village).await;
    scene.holds(village, &before);
    let mut agent = scene.agent().await;
    for number in [&first, &second] {
        let case = agent.get(number).await.unwrap();
        assert!(!case.applicant.unwrap_or_default().name.is_empty(), "its key was handed over");
    }
    let third = scene.submit().await;
    assert!(third != first && third != second, "no number is given twice");
    // The cases of the former life go on.
    scene.accept(&second).await;
    scene.forward(&first).await;
    scene.decide(&first).await;
    story::until("the decision at the new machine", SOON, async || {
        agent.get(&first).await.ok().filter(|case| case.stage == "deliver")
    })
    .await
    .unwrap();
    let receiver = scene.district.sample.resident_of(village).unwrap().name.clone();
    let deliver = proto::Deliver { method: proto::DeliveryMethod::InPerson.into(), receiver, signed_on: 0 };
    agent.act(&first, Action::Deliver(deliver)).await.unwrap();
    scene.in_sync().await;

    // The former machine comes up again elsewhere: nobody talks to it.
    let lost = scene.district.data(village).with_extension("lost");
    let program = scene.district.program(village).to_owned();
    let former = Process::start(&program, village, &lost, &ANYWHERE, lost.with_extension("log")).unwrap();
    let data = lost.display().to_string();
    story::until("the former life is turned away", SOON, async || {
        let status = command::run_json(&program, ["status", "--json", "--data", &data]).ok()?;
        assert_ne!(status["upstream"]["connected"], true, "{status}");
        status["upstream"]["last_error"].as_str().map(str::to_owned)
    })
    .await
    .unwrap();
    former.stop().unwrap();
    scene.stop_and_verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_village_comes_back_from_a_backup_with_what_came_after_it() {
    let mut scene = Scene::start();
    let village = scene.village;
    let first = scene.submit().await;
    let backup = scene.back_up(village);
    let second = scene.submit().await;
    scene.in_sync().await;
    let before = scene.held(village);
    let key = scene.status(village).await.key;

    scene.lose(village);
    scene.district.replace_from(village, &backup).unwrap();
    scene.district.serve(village).unwrap();
    scene.healed(village).await;
    scene.holds(village, &before);
    assert_ne!(scene.status(village).await.key, key, "a key is one life");
    let third = scene.submit().await;
    for number in [&first, &second, &third] {
        scene.accept(number).await;
    }
    scene.stop_and_verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_comes_back_from_a_backup_and_decides_nothing_twice() {
    let mut scene = Scene::start();
    let (hub, township, village) = (scene.hub, scene.township, scene.village);
    let backup = scene.back_up(hub);
    let (first, second) = (scene.submit().await, scene.submit().await);
    for number in [&first, &second] {
        scene.accept(number).await;
        scene.forward(number).await;
    }
    scene.decide(&first).await;
    story::until("the decision in the village", SOON, async || {
        scene.agent().await.get(&first).await.ok().filter(|case| case.stage == "deliver")
    })
    .await
    .unwrap();
    scene.in_sync().await;
    let before = scene.held(hub);

    scene.district.kill(township);
    scene.lose(hub);
    let mut restore = vec!["restore".to_owned(), "--data".into(), scene.district.data(hub).display().to_string()];
    restore.extend(backup);
    command::run(scene.district.program(hub), restore).unwrap();
    scene.district.serve(hub).unwrap();
    let status = scene.status(hub).await;
    assert_eq!(status.healing.unwrap().awaited, [township.number()]);
    let mut approver = scene.district.client(hub, "rs", "审批").await.unwrap();
    let request = proto::GetRequest { case_number: first.clone(), unmasked: false };
    assert_eq!(approver.cases.get(request).await.unwrap_err().code(), Code::NotFound, "it came after the backup");

    scene.district.serve(township).unwrap();
    scene.healed(hub).await;
    scene.holds(hub, &before);
    assert_eq!(approver.get(&first).await.unwrap().stage, "deliver", "it is decided, and not again");
    scene.decide(&second).await;
    // Its new key reaches the village through the township.
    story::until("the new life's decision in the village", SOON, async || {
        scene.agent().await.get(&second).await.ok().filter(|case| case.stage == "deliver")
    })
    .await
    .unwrap();
    assert!(scene.status(village).await.refused.is_empty());
    // It goes on to administer: a village's machine is replaced.
    scene.lose(village);
    scene.district.replace(village).unwrap();
    scene.district.serve(village).unwrap();
    scene.healed(village).await;
    scene.submit().await;
    scene.stop_and_verify();
}

/// A copy of a data folder that runs on a second machine.
struct Clone {
    process: Process,
    data: String,
    program: std::path::PathBuf,
}

impl Clone {
    fn start(scene: &Scene, of: StationCode) -> Self {
        let folder = scene.district.data(of).with_extension("clone");
        let program = scene.district.program(of).to_owned();
        let process = Process::start(&program, of, &folder, &ANYWHERE, folder.with_extension("log")).unwrap();
        Self { process, data: folder.display().to_string(), program }
    }

    async fn agent(&self, scene: &Scene) -> Client {
        let staff = scene.district.sample.staff_of(scene.village, "village", "代办员").unwrap();
        let issue = ["token", "issue", &staff.id, "--json", "--data", &self.data];
        let issued = command::run_json(&self.program, issue).unwrap();
        Client::connect(self.process.addresses.api, issued["token"].as_str().unwrap()).await.unwrap()
    }
}

const ANYWHERE: [&str; 6] =
    ["--listen-desk", "127.0.0.1:0", "--listen-api", "127.0.0.1:0", "--listen-metrics", "127.0.0.1:0"];
/// Both machines link in turns, with pauses that grow.
const MINUTE: Duration = Duration::from_secs(60);

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (source, target) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if source.is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}

impl Scene {
    async fn submit_item(&self, agent: &mut Client, item: &str) -> Result<String, sanji_tests::Error> {
        let application = story::application(&self.district, agent, self.village, item).await.unwrap();
        let reply = agent.cases.submit(application).await.map_err(failed("Submit"))?;
        Ok(reply.into_inner().case_number)
    }

    async fn forked(&self, station: StationCode, holds: impl Fn(&proto::Fork) -> bool) {
        story::until(&format!("the clone noticed at {station}"), MINUTE, async || {
            self.status(station).await.forks.iter().any(&holds).then_some(())
        })
        .await
        .unwrap();
    }
}

/// Damages the journal of a stopped station where entries stand: one byte in every eighth of what is written.
fn damage_journal(scene: &Scene, station: StationCode) {
    let segment = scene.district.data(station).join("journal/segment-00000001");
    let mut bytes = fs::read(&segment).unwrap();
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for eighth in 1..8 {
        bytes[written * eighth / 8] ^= 0x20;
    }
    fs::write(&segment, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_records_are_fetched_again_over_the_link() {
    let mut scene = Scene::start();
    let (hub, township, village) = (scene.hub, scene.township, scene.village);
    let mut numbers = Vec::new();
    for _ in 0..6 {
        numbers.push(scene.submit().await);
    }
    scene.accept(&numbers[0]).await;
    scene.in_sync().await;
    for station in [village, township, hub] {
        let before = scene.held(station);
        scene.district.stop(station).unwrap();
        damage_journal(&scene, station);
        let data = scene.district.data(station).display().to_string();
        let verify = ["verify", "--data", &data];
        let fault = command::run(scene.district.program(station), verify).unwrap_err().to_string();
        assert!(fault.contains("faults found"), "{fault}");

        scene.district.serve(station).unwrap();
        story::until(&format!("{station} whole again"), SOON, async || {
            let status = scene.status(station).await;
            let mut missing = status.missing.iter().filter_map(|stretch| stretch.log.as_ref());
            // What is the hub's alone only a backup has.
            let healed = missing.all(|log| log.home == hub.number() && log.reach() == proto::Reach::Private);
            (healed && status.writable).then_some(())
        })
        .await
        .unwrap();
        scene.in_sync().await;
        if station == hub {
            assert!(!scene.status(hub).await.missing.is_empty(), "what nobody else holds is still named");
        } else {
            scene.holds(station, &before);
        }
    }
    // Nothing needs a person: what was healed is read, and goes on.
    let mut agent = scene.agent().await;
    for number in &numbers {
        assert!(!agent.get(number).await.unwrap().applicant.unwrap_or_default().name.is_empty());
    }
    scene.accept(&numbers[5]).await;
    scene.in_sync().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_revoked_station_had_written_is_handed_over_and_counts_when_it_is_admitted() {
    let mut scene = Scene::start();
    let (hub, township, village) = (scene.hub, scene.township, scene.village);
    scene.submit().await;
    scene.in_sync().await;
    scene.district.kill(township);
    let (first, second) = (scene.submit_with_a_file().await, scene.submit().await);
    let written = scene.held(village);
    let code = village.to_string();
    let revoked = scene.district.command(hub, &["station", "revoke", &code, "--reason", "遗失"]).unwrap();
    assert_eq!(revoked["keys"], 1);

    // The township hears of it before the village brings what it has.
    scene.district.stop(village).unwrap();
    scene.district.serve(township).unwrap();
    scene.holds_soon(township, &scene.public_records_of(village)).await;
    scene.district.serve(village).unwrap();
    let row = scene.rest().await;
    let mut window = scene.district.client(township, "township", "窗口受理").await.unwrap();
    for number in [&first, &second] {
        assert!(window.get(number).await.is_err(), "nothing counts by itself");
    }

    // Once it has handed over what it had, the station itself knows why nothing goes on.
    story::until("the village to be told", SOON, async || {
        let status = scene.district.command(village, &["status"]).ok()?;
        (status["upstream"]["distrust"] == "DISTRUST_REVOKED").then_some(())
    })
    .await
    .unwrap();

    let id = row["id"].as_str().unwrap();
    let admitted = scene.district.command(hub, &["rest", "admit", id, "--reason", "已向代办员核实"]).unwrap();
    assert_eq!(admitted["admitted"], true);
    let mut counted = Vec::new();
    for number in [&first, &second] {
        let what = format!("{number} at the township");
        let case = story::until(&what, SOON, async || window.get(number).await.ok()).await.unwrap();
        counted.push(case.case_number);
    }
    assert_eq!(counted, [first.clone(), second.clone()]);
    scene.holds(hub, &written);
    scene.accept(&first).await;
    // It was let go before the file was wanted, and would come back within the hour.
    scene.district.kill(village);
    scene.district.serve(village).unwrap();
    for station in [township, hub] {
        story::until("the file of the admitted case", MINUTE, async || {
            (scene.status(station).await.attachments_missing == 0).then_some(())
        })
        .await
        .unwrap();
    }
    let listed = scene.district.command(hub, &["quarantine", "list"]);
    assert!(!listed.is_ok_and(|row| row["id"] == id), "a decided rest waits no longer");
}

/// The district is not to be reached when the village's key is revoked, and the township works on what it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_township_took_before_it_heard_of_a_revocation_is_gone_when_the_district_rejects_it() {
    let mut scene = Scene::start();
    let (hub, township, village) = (scene.hub, scene.township, scene.village);
    let first = scene.submit().await;
    scene.in_sync().await;
    scene.district.kill(hub);
    let second = scene.submit().await;
    scene.accept(&second).await;
    for station in [village, township] {
        scene.district.stop(station).unwrap();
    }
    scene.district.serve(hub).unwrap();
    let code = village.to_string();
    scene.district.command(hub, &["station", "revoke", &code, "--reason", "遗失"]).unwrap();
    scene.district.serve(township).unwrap();
    let row = scene.rest().await;
    scene.holds_soon(township, &scene.public_records_of(village)).await;
    let mut window = scene.district.client(township, "township", "窗口受理").await.unwrap();
    let mut department = scene.district.client(hub, "rs", "审批").await.unwrap();
    assert!(window.get(&second).await.is_ok(), "it was taken in good faith, and a person has not decided yet");
    assert!(department.get(&second).await.is_err());

    let id = row["id"].as_str().unwrap();
    let rejected = scene.district.command(hub, &["rest", "reject", id, "--reason", "不是代办员本人所报"]).unwrap();
    assert_eq!(rejected["admitted"], false);
    story::until("the case gone at the township", SOON, async || match window.get(&second).await {
        Err(sanji_tests::Error::Call { status, .. }) => (status.code() == Code::NotFound).then_some(()),
        _ => None,
    })
    .await
    .unwrap();
    scene.district.kill(township);
    scene.district.serve(township).unwrap();
    let mut window = scene.district.client(township, "township", "窗口受理").await.unwrap();
    assert!(window.get(&second).await.is_err(), "nor is it there after a restart");
    assert!(window.get(&first).await.is_ok());
    scene.accept(&first).await;
    scene.forward(&first).await;
    scene.decide(&first).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloned_folder_is_noticed_both_branches_are_kept_and_the_chosen_one_counts() {
    let mut scene = Scene::start();
    let (hub, township, village) = (scene.hub, scene.township, scene.village);
    let first = scene.submit().await;
    scene.in_sync().await;
    scene.district.stop(village).unwrap();
    copy(&scene.district.data(village), &scene.district.data(village).with_extension("clone"));
    scene.district.serve(village).unwrap();
    let clone = Clone::start(&scene, village);

    // Linked in turns with one key, before either has written anything.
    for station in [township, hub] {
        scene.forked(station, |fork| fork.station == village.number()).await;
    }

    // Each goes on by itself while the line is down, under the same number.
    scene.district.kill(township);
    let mut agents = (scene.agent().await, clone.agent(&scene).await);
    let one = scene.submit_item(&mut agents.0, "rs-canbao").await.unwrap();
    let other = scene.submit_item(&mut agents.1, "mz-dibao").await.unwrap();
    assert_eq!(one, other);
    // Started again, so that neither waits long before it dials.
    clone.process.kill();
    scene.district.kill(village);
    scene.district.serve(township).unwrap();
    scene.district.serve(village).unwrap();
    scene.district.in_sync(village, MINUTE).await.unwrap();
    let clone = Clone::start(&scene, village);
    for station in [township, hub] {
        scene.forked(station, |fork| fork.seq > 0).await;
    }

    // Alert: status, metrics, the desks concerned. Both machines stop; the others go on.
    let metrics = scene.district.address(hub).unwrap().metrics;
    let page = metrics_page(metrics).await;
    assert!(page.contains("sanji_forks_undecided 1") || page.contains("sanji_forks_undecided 2"), "{page}");
    let mut agents = (scene.agent().await, clone.agent(&scene).await);
    for agent in [&mut agents.0, &mut agents.1] {
        story::until("the notice at the desk", MINUTE, async || {
            let refused = scene.submit_item(agent, "rs-canbao").await.err()?;
            format!("{refused:?}").contains("两台电脑").then_some(())
        })
        .await
        .unwrap();
    }
    scene.accept(&first).await;
    scene.forward(&first).await;

    let shown = scene.district.command(hub, &["status"]).unwrap();
    let forked = shown["forks"].as_array().unwrap().iter().find(|fork| fork["seq"].as_u64() > Some(0)).unwrap();
    assert!(forked["decided"].is_null());
    let log = format!("{village}/private/{}", hex_key(&scene, village).await);
    let branches = branches(&scene, &log);
    let [held, evidence] = branches.as_slice() else { panic!("{branches:?}") };
    assert!(held["held"] == true && evidence["held"] == false);
    for branch in [held, evidence] {
        assert!(branch["entries"].as_array().unwrap().iter().any(|entry| entry["case"] == one.as_str()), "{branch}");
    }

    // The branch counts that the log does not hold.
    let chosen = evidence["branch"].as_str().unwrap();
    let decide = ["fork", "decide", &log, "--branch", chosen, "--reason", "the PC at the counter"];
    scene.district.command(hub, &decide).unwrap();
    assert!(scene.district.command(hub, &decide).is_err(), "once");
    let item = async |client: &mut Client| client.get(&one).await.ok().map(|case| case.item);
    let mut window = scene.district.client(township, "township", "窗口受理").await.unwrap();
    story::until("the chosen branch at the township", SOON, async || {
        item(&mut window).await.filter(|item| item == "mz-dibao")
    })
    .await
    .unwrap();
    clone.process.kill();
    scene.lose(village);
    scene.district.replace(village).unwrap();
    scene.district.serve(village).unwrap();
    scene.healed(village).await;
    let mut agent = scene.agent().await;
    let case = agent.get(&one).await.unwrap();
    assert_eq!(case.item, "mz-dibao");
    assert!(!case.applicant.unwrap_or_default().name.is_empty(), "the key of the branch's case came along");
    assert_eq!(agent.get(&first).await.unwrap().holder, hub.number());
    let fates: Vec<_> = self::branches(&scene, &log).iter().map(|branch| branch["fate"].clone()).collect();
    assert_eq!(fates, ["evidence", "counts"]);
    assert_ne!(scene.submit().await, one);
    scene.in_sync().await;
    // It is derived, and derived the same again.
    scene.district.stop(township).unwrap();
    fs::remove_dir_all(scene.district.data(township).join("index")).unwrap();
    scene.district.serve(township).unwrap();
    let mut window = scene.district.client(township, "township", "窗口受理").await.unwrap();
    assert_eq!(item(&mut window).await.as_deref(), Some("mz-dibao"));
    scene.stop_and_verify();
}

async fn hex_key(scene: &Scene, station: StationCode) -> String {
    scene.status(station).await.key.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The branches of a log, the one that it holds first.
fn branches(scene: &Scene, log: &str) -> Vec<serde_json::Value> {
    let data = scene.district.data(scene.hub).display().to_string();
    let show = ["fork", "show", log, "--json", "--data", &data];
    let lines = command::run(scene.district.program(scene.hub), show).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A page of a station's metrics.
async fn metrics_page(address: std::net::SocketAddr) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    page
}
