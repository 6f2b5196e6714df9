//! A hub whose records are in PostgreSQL, with real processes: they are moved there and back, a server that is killed
//! loses nothing, and a second hub takes over.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sanji_log::StationCode;
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_tests::binaries::Binaries;
use sanji_tests::client::Client;
use sanji_tests::district::{District, Plan};
use sanji_tests::postgres::Server;
use sanji_tests::{command, story};

const SOON: Duration = Duration::from_secs(30);

struct Scene {
    district: District,
    server: Server,
    url: String,
    hub: StationCode,
    township: StationCode,
    village: StationCode,
    folder: tempfile::TempDir,
}

impl Scene {
    /// A district with a case, whose hub's records were moved into a database then.
    async fn moved() -> (Self, String) {
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::line().unwrap();
        let (hub, township, village) = (plan.hub, plan.townships[0], plan.villages[0]);
        let mut district =
            District::new(&folder.path().join("district"), plan, Binaries::build(true).unwrap()).unwrap();
        district.start(&|_| ()).unwrap();
        let server = Server::start(&[]).unwrap();
        let url = server.database("sanji").unwrap();
        let mut scene = Self { district, server, url, hub, township, village, folder };
        let number = scene.submit().await;
        scene.in_sync().await;
        let moved = scene.district.move_hub(&scene.url).unwrap();
        assert!(moved["entries"].as_u64() > Some(50) && moved["attachments"] == 1, "{moved}");
        (scene, number)
    }

    async fn submit(&self) -> String {
        let mut agent = self.district.client(self.village, "village", "代办员").await.unwrap();
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
        held(&mut client, number, station).await;
        client.act(number, action).await.unwrap();
    }

    /// From the township's counter to the decision at the district, and back to the village.
    async fn decide(&self, number: &str) {
        self.act((self.township, "township", "窗口受理"), number, Action::Accept(proto::Accept::default())).await;
        let finish = proto::FinishStage {
            opinion: proto::Opinion::Agree.into(),
            words: "材料属实，同意上报。".into(),
            ..Default::default()
        };
        self.act((self.township, "township", "审核"), number, Action::FinishStage(finish)).await;
        let decide = proto::Decide { approved: true, document_number: "〔2026〕1号".into(), ..Default::default() };
        self.act((self.hub, "rs", "审批"), number, Action::Decide(decide)).await;
        let mut agent = self.district.client(self.village, "village", "代办员").await.unwrap();
        story::until("the decision at the village", SOON, async || {
            agent.get(number).await.ok().filter(|case| case.state == "待送达")
        })
        .await
        .unwrap();
    }

    async fn in_sync(&self) {
        for station in [self.village, self.township] {
            self.district.in_sync(station, SOON).await.unwrap();
        }
        story::until("the attachments at the hub", SOON, async || {
            (self.status().await?.attachments_missing == 0).then_some(())
        })
        .await
        .unwrap();
    }

    async fn status(&self) -> Option<proto::StatusReply> {
        let mut keeper = self.district.keeper(self.hub).await.ok()?;
        keeper.health.status(proto::StatusRequest {}).await.ok().map(tonic::Response::into_inner)
    }

    fn verified(&self) -> u64 {
        let reply = self.district.command(self.hub, &["verify"]).unwrap();
        assert!(reply["faults"].as_array().is_none_or(Vec::is_empty), "{reply}");
        reply["entries"].as_u64().unwrap()
    }

    /// A folder for a second hub: what an administrator copies to another machine.
    fn second_folder(&self, name: &str) -> PathBuf {
        let second = self.folder.path().join(name);
        fs::create_dir(&second).unwrap();
        let first = self.district.data(self.hub);
        fs::copy(first.join("sanji.toml"), second.join("sanji.toml")).unwrap();
        for folder in ["keys", "tokens"] {
            fs::create_dir(second.join(folder)).unwrap();
            for file in fs::read_dir(first.join(folder)).unwrap().flatten() {
                fs::copy(file.path(), second.join(folder).join(file.file_name())).unwrap();
            }
        }
        second
    }

    fn fault(&self, arguments: &[&str], data: &Path) -> String {
        let data = data.display().to_string();
        let arguments = arguments.iter().copied().chain(["--data", &data]);
        command::run(self.district.program(self.hub), arguments).unwrap_err().to_string()
    }
}

async fn held(client: &mut Client, number: &str, station: StationCode) {
    story::until(&format!("{number} held at {station}"), SOON, async || {
        client.get(number).await.ok().filter(|case| case.holder == station.number())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_records_of_a_hub_are_moved_into_a_database_and_back() {
    let (mut scene, first) = Scene::moved().await;
    let hub = scene.hub;
    scene.decide(&first).await;
    let second = scene.submit().await;
    scene.in_sync().await;
    let backup = scene.folder.path().join("hub.backup").display().to_string();
    let key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let refused = scene.fault(&["backup", "--file", &backup, "--recipient", key], &scene.district.data(hub));
    assert!(refused.contains("pg_dump"), "{refused}");
    scene.district.stop(hub).unwrap();
    let entries = scene.verified();

    // Neither the folder nor another database is taken for the hub's.
    scene.district.configure(hub, "").unwrap();
    let folder = scene.district.data(hub);
    let refused = scene.fault(&["serve"], &folder);
    assert!(refused.contains("were moved to a PostgreSQL database"), "{refused}");
    let empty = scene.server.database("other").unwrap();
    scene.district.configure(hub, &format!("[store]\ndatabase = \"{empty}\"")).unwrap();
    let refused = scene.fault(&["serve"], &folder);
    assert!(refused.contains("it has no records"), "{refused}");

    scene.district.configure(hub, &format!("[store]\ndatabase = \"{}\"", scene.url)).unwrap();
    let refused = scene.fault(&["store", "move", "--to", "folder"], &folder);
    assert!(refused.contains("were moved to"), "{refused}");
    for former in ["journal", "index", "attachments"] {
        fs::remove_dir_all(folder.join(former)).unwrap();
    }
    fs::remove_file(folder.join("MOVED")).unwrap();
    let moved = scene.district.command(hub, &["store", "move", "--to", "folder"]).unwrap();
    let refused = scene.fault(&["serve"], &folder);
    assert!(refused.contains("were moved to the data folder"), "{refused}");
    scene.district.configure(hub, moved["configuration"].as_str().unwrap()).unwrap();
    assert_eq!(scene.verified(), entries);
    scene.district.serve(hub).unwrap();
    scene.decide(&second).await;
    scene.in_sync().await;
    scene.district.stop_all().unwrap();
    assert!(scene.verified() > entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_database_is_killed_under_load() {
    let (mut scene, first) = Scene::moved().await;
    let mut numbers = vec![first];
    for _ in 0..3 {
        for _ in 0..4 {
            numbers.push(scene.submit().await);
        }
        // What the village has is on its way while the server dies, and more comes until it is back.
        scene.server.kill();
        numbers.push(scene.submit().await);
        story::until("the hub to stop taking writes", SOON, async || {
            scene.status().await.filter(|status| !status.writable)
        })
        .await
        .unwrap();
        scene.server.serve().unwrap();
        story::until("the hub to take writes again", SOON, async || {
            scene.status().await.filter(|status| status.writable)
        })
        .await
        .unwrap();
    }
    scene.in_sync().await;
    let mut supervisor = scene.district.client(scene.hub, "rs", "审批").await.unwrap();
    for number in &numbers[1..] {
        assert!(supervisor.get(number).await.is_ok(), "{number}");
    }
    scene.decide(&numbers[3]).await;
    scene.district.stop_all().unwrap();
    scene.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_begins_a_new_life_on_a_database_that_was_brought_back() {
    let (mut scene, first) = Scene::moved().await;
    let hub = scene.hub;
    scene.district.stop(hub).unwrap();
    scene.server.sql("postgres", "CREATE DATABASE backup TEMPLATE sanji").unwrap();
    scene.district.serve(hub).unwrap();
    scene.decide(&first).await;
    scene.district.kill(hub);

    let older = scene.url.replace("/sanji?", "/backup?");
    scene.district.configure(hub, &format!("[store]\ndatabase = \"{older}\"")).unwrap();
    let folder = scene.district.data(hub);
    let refused = scene.fault(&["store", "renew"], &folder);
    assert!(refused.contains("remove keys/signing.key"), "{refused}");
    fs::remove_file(folder.join("keys/signing.key")).unwrap();
    scene.district.command(hub, &["store", "renew"]).unwrap();
    scene.district.serve(hub).unwrap();
    story::until("the hub whole again", SOON, async || {
        scene.status().await.filter(|status| status.healing.is_none() && status.writable)
    })
    .await
    .unwrap();
    let mut department = scene.district.client(hub, "rs", "审批").await.unwrap();
    story::until("what the database had lost", SOON, async || {
        department.get(&first).await.ok().filter(|case| case.state == "待送达")
    })
    .await
    .unwrap();
    let second = scene.submit().await;
    scene.decide(&second).await;
    scene.in_sync().await;
    assert!(scene.status().await.unwrap().forks.is_empty());
    scene.district.stop_all().unwrap();
    scene.verified();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hub_takes_over_when_the_first_is_gone_or_cut_off() {
    let (mut scene, first) = Scene::moved().await;
    let hub = scene.hub;
    let second = scene.second_folder("second");
    let standby = scene.district.standby(hub, &second).unwrap();
    story::until("the second hub waiting", SOON, async || {
        standby.log().ok().filter(|log| log.contains("waits to take over"))
    })
    .await
    .unwrap();
    scene.decide(&first).await;
    let on_the_way = scene.submit().await;
    scene.district.kill(hub);
    assert!(scene.district.take_over(standby, &second).unwrap().is_none());
    scene.decide(&on_the_way).await;
    scene.in_sync().await;

    // The session of the second ends, as when its machine is cut off from the database, while a third waits.
    let third = scene.second_folder("third");
    let standby = scene.district.standby(hub, &third).unwrap();
    story::until("the third hub waiting", SOON, async || {
        standby.log().ok().filter(|log| log.contains("waits to take over"))
    })
    .await
    .unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted";
    assert_eq!(scene.server.sql("sanji", cut).unwrap(), "t");
    let next = scene.submit().await;
    let former = scene.district.take_over(standby, &third).unwrap();
    assert!(!former.unwrap().ended().unwrap(), "it says that it was replaced");
    let said = fs::read_to_string(second.with_extension("log")).unwrap();
    assert!(said.contains("another hub process has taken over the database"), "{said}");
    scene.decide(&next).await;
    scene.in_sync().await;
    scene.district.stop_all().unwrap();
    scene.verified();
}
