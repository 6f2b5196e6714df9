//! Real processes, real TLS, real disks: cases go their way with the lines up and down.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use sanji_log::StationCode;
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_tests::binaries::Binaries;
use sanji_tests::client::{Client, failed};
use sanji_tests::district::{District, Plan};
use sanji_tests::forms::{Answer, Visitor};
use sanji_tests::{command, story};
use tonic::Code;

fn district(folder: &Path, plan: Plan) -> District {
    let mut district = District::new(folder, plan, Binaries::build(true).unwrap()).unwrap();
    district.start(&|_| ()).unwrap();
    district
}

async fn submit(district: &District, village: StationCode, item: &str) -> proto::SubmitReply {
    let mut agent = district.client(village, "village", "代办员").await.unwrap();
    let application = story::application(district, &mut agent, village, item).await.unwrap();
    agent.cases.submit(application).await.map_err(failed("Submit")).unwrap().into_inner()
}

async fn stage_at(client: &mut Client, number: &str, stage: &str) -> proto::CaseView {
    story::until(&format!("{number} in stage {stage}"), Duration::from_secs(30), async || {
        client.get(number).await.ok().filter(|case| case.stage == stage)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripted_cases_go_their_way_and_every_station_holds_what_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = district(folder.path(), Plan::demo().unwrap());
    let [first, second, third] = district.plan.villages.clone()[..] else { panic!("three villages") };
    let stories = [
        story::on_the_spot(&district, second).await.unwrap(),
        story::up_and_down(&district, first).await.unwrap(),
        story::minimum_living(&district, third).await.unwrap(),
    ];
    for station in district.plan.stations().skip(1) {
        district.in_sync(station, Duration::from_secs(30)).await.unwrap();
    }

    // The hub holds every entry; each other station exactly those that home and reach give it.
    let hub = district.dump(district.plan.hub).unwrap();
    for station in district.plan.stations().skip(1) {
        let held = district.dump(station).unwrap();
        assert!(held.len() > 40, "{station} holds hardly anything");
        for (place, hash) in &held {
            assert_eq!(hub.get(place), Some(hash), "{station} holds {place:?}, the hub does not");
        }
        let theirs: BTreeSet<_> = hub
            .keys()
            .filter(|(home, reach, ..)| home.within(station) || (reach == "public" && station.within(*home)))
            .collect();
        assert_eq!(held.keys().collect::<BTreeSet<_>>(), theirs, "{station}");
    }

    // A neighbour's case is unknown to a village.
    let mut neighbour = district.client(first, "village", "代办员").await.unwrap();
    let request = proto::GetRequest { case_number: stories[0].case_number.clone(), unmasked: false };
    assert_eq!(neighbour.cases.get(request).await.unwrap_err().code(), Code::NotFound);

    let residents: Vec<_> =
        district.plan.villages.iter().map(|v| district.sample.resident_of(*v).unwrap().clone()).collect();
    district.stop_all().unwrap();
    for station in district.plan.stations() {
        district.verify(station).unwrap();
        for resident in &residents {
            for needle in [&resident.name, &resident.id_number] {
                assert!(!holds_text(&district.data(station), needle.as_bytes()), "{station} has {needle} in the clear");
            }
        }
    }

    // The next run of the same folder goes on where this one ended.
    drop(district);
    let mut again = self::district(folder.path(), Plan::demo().unwrap());
    let next = story::on_the_spot(&again, second).await.unwrap();
    assert_ne!(next.case_number, stories[0].case_number);
    again.stop_all().unwrap();
}

/// Whether any file below a folder contains some bytes.
fn holds_text(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let path = file.unwrap().path();
        if path.is_dir() {
            return holds_text(&path, needle);
        }
        memchr::memmem::find(&std::fs::read(&path).unwrap(), needle).is_some()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_goes_on_while_a_line_is_down_and_all_arrives_once_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = district(folder.path(), Plan::line().unwrap());
    let (hub, township, village) = (district.plan.hub, district.plan.townships[0], district.plan.villages[0]);
    let before = submit(&district, village, "rs-canbao").await;
    let mut window = district.client(township, "township", "窗口受理").await.unwrap();
    stage_at(&mut window, &before.case_number, "accept").await;

    // The township is away: the village goes on.
    district.kill(township);
    let mut numbers = vec![before.case_number.clone()];
    for _ in 0..5 {
        numbers.push(submit(&district, village, "rs-canbao").await.case_number);
    }
    let mut agent = district.client(village, "village", "代办员").await.unwrap();
    let case = agent.get(&numbers[1]).await.unwrap();
    assert_eq!(case.delivery.unwrap().township_ms, 0, "nobody can have confirmed it");

    // The hub goes, the township comes back: village and township go on between themselves.
    district.kill(hub);
    district.serve(township).unwrap();
    let mut window = district.client(township, "township", "窗口受理").await.unwrap();
    for number in &numbers {
        stage_at(&mut window, number, "accept").await;
        window.act(number, Action::Accept(proto::Accept::default())).await.unwrap();
    }
    stage_at(&mut agent, &numbers[5], "first").await;

    // The hub comes back: everything arrives, once, in order.
    district.serve(hub).unwrap();
    let mut department = district.client(hub, "rs", "审批").await.unwrap();
    for number in &numbers {
        let case = stage_at(&mut department, number, "first").await;
        let kinds: Vec<_> = case.steps.iter().filter(|step| step.rev > 0).map(|step| step.kind.as_str()).collect();
        assert_eq!(kinds, ["submitted", "accepted"]);
    }
    story::until("the district's tick at the village", Duration::from_secs(30), async || {
        agent.get(&numbers[5]).await.ok()?.delivery.filter(|delivery| delivery.district_ms > 0).map(|_| ())
    })
    .await
    .unwrap();
    for station in [village, township] {
        district.in_sync(station, Duration::from_secs(30)).await.unwrap();
    }
    district.stop_all().unwrap();
    for station in [hub, township, village] {
        district.verify(station).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_station_is_cut_off_within_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = district(folder.path(), Plan::line().unwrap());
    let (hub, township, village) = (district.plan.hub, district.plan.townships[0], district.plan.villages[0]);
    let case = submit(&district, village, "rs-canbao").await;
    let mut window = district.client(township, "township", "窗口受理").await.unwrap();
    stage_at(&mut window, &case.case_number, "accept").await;

    let data = district.data(hub).display().to_string();
    let revoke = ["station", "revoke", &village.to_string(), "--reason", "stolen", "--data", &data].map(str::to_owned);
    command::run(district.program(hub), revoke).unwrap();
    let mut keeper = district.keeper(township).await.unwrap();
    story::until("the village's link to be cut", Duration::from_secs(5), async || {
        let status = keeper.health.status(proto::StatusRequest {}).await.ok()?.into_inner();
        let linked = status.downstream.iter().any(|link| link.station == village.number() && link.connected);
        (!linked).then_some(())
    })
    .await
    .unwrap();

    // What it writes before it hears of that does not count above, and once it has heard it writes nothing more.
    let mut agent = district.client(village, "village", "代办员").await.unwrap();
    let application = story::application(&district, &mut agent, village, "rs-canbao").await.unwrap();
    let mut uncounted = Vec::new();
    let refused = story::until("the village to hear of it", Duration::from_secs(60), async || {
        let request = rand::random::<[u8; 16]>().to_vec();
        let submit = proto::SubmitRequest { request, ..application.clone() };
        match agent.cases.submit(submit).await {
            Ok(reply) => uncounted.push(reply.into_inner().case_number),
            Err(status) => return Some(status),
        }
        None
    });
    let refused = refused.await.unwrap();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("已被区中心吊销"), "{refused:?}");
    let status = district.command(village, &["status"]).unwrap();
    assert!(status["read_only_reason"].as_str().unwrap().contains("已被区中心吊销"), "{status}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    for case_number in uncounted {
        let request = proto::GetRequest { case_number, unmasked: false };
        assert_eq!(window.cases.get(request).await.unwrap_err().code(), Code::NotFound);
    }
    district.stop_all().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_input_gets_a_clear_answer_and_nothing_is_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = district(folder.path(), Plan::line().unwrap());
    let (hub, village) = (district.plan.hub, district.plan.villages[0]);
    let mut agent = district.client(village, "village", "代办员").await.unwrap();
    let good = story::application(&district, &mut agent, village, "mz-dibao").await.unwrap();

    let mut wrong_id = good.clone();
    wrong_id.applicant.as_mut().unwrap().id_number = "990106194607010160".into();
    let mut no_mandate = good.clone();
    no_mandate.mandate = None;
    let mut no_material = good.clone();
    no_material.materials.pop();
    let mut unknown_item = good.clone();
    unknown_item.item = "xx-nothing".into();
    let expected = [
        (wrong_id, Code::InvalidArgument),
        (no_mandate, Code::PermissionDenied),
        (no_material, Code::InvalidArgument),
        (unknown_item, Code::InvalidArgument),
    ];
    for (request, code) in expected {
        let status = agent.cases.submit(request).await.unwrap_err();
        assert_eq!(status.code(), code, "{status}");
        let chinese = status.message().chars().any(|character| ('\u{4e00}'..='\u{9fff}').contains(&character));
        assert!(chinese, "not a sentence for the person: {}", status.message());
    }
    let list = proto::ListRequest { list: proto::WorkList::Open.into(), limit: 0, after: String::new() };
    assert!(agent.cases.list(list.clone()).await.unwrap().into_inner().cases.is_empty(), "a refused form left a case");

    // The same form sent twice is one case.
    let once = agent.cases.submit(good.clone()).await.unwrap().into_inner();
    let again = agent.cases.submit(good).await.unwrap().into_inner();
    assert_eq!(once, again);
    assert_eq!(agent.cases.list(list).await.unwrap().into_inner().cases.len(), 1);

    // A step by somebody who may not; no token; a wrong token.
    let status = agent.act(&once.case_number, Action::Accept(proto::Accept::default())).await.unwrap_err();
    assert!(status.to_string().contains("Act failed"), "{status}");
    let mut nobody = Client::connect(district.address(village).unwrap().api, "wrong").await.unwrap();
    let request = proto::GetRequest { case_number: once.case_number.clone(), unmasked: false };
    assert_eq!(nobody.cases.get(request).await.unwrap_err().code(), Code::Unauthenticated);

    // A second process on the same folder; a used code; a wrong code.
    let data = district.data(village).display().to_string();
    let second = command::output(district.program(village), ["serve", "--data", &data]).unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).trim().to_owned();
    assert_eq!(said.lines().filter(|line| line.starts_with("error:")).count(), 1, "{said}");
    let other = folder.path().join("other").display().to_string();
    let enrolment = district.address(hub).unwrap().enrolment.unwrap().to_string();
    let station = village.to_string();
    let code = "0000-0000-0000-0000-0000-0000-0000";
    let arguments = ["enrol", "--data", &other, "--station", &station, "--hub", &enrolment, "--code", code];
    let refused = command::output(district.program(village), arguments).unwrap();
    assert!(!refused.status.success());
    assert_eq!(String::from_utf8_lossy(&refused.stderr).trim().lines().count(), 1);
    district.stop_all().unwrap();
}

/// Opens the first page until it, or the desk after it, says something.
async fn page_saying(visitor: &mut Visitor, words: &str) -> Answer {
    story::until(words, Duration::from_secs(30), async || {
        visitor.get("/desk/login").ok().filter(|page| page.text().contains(words))
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_is_enrolled_in_a_browser_and_goes_on_as_the_running_station() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = District::new(folder.path(), Plan::line().unwrap(), Binaries::build(true).unwrap()).unwrap();
    let (hub, township) = (district.plan.hub, district.plan.townships[0]);
    district.make_hub("").unwrap();
    let code = district.code_for(township).unwrap();
    let enrolment = district.address(hub).unwrap().enrolment.unwrap().to_string();
    let station = township.to_string();

    // Told to stop before anybody came, it ends well.
    let unenrolled = district.serve_unenrolled(township, "127.0.0.1:0").unwrap();
    unenrolled.stop().unwrap();
    assert!(!district.data(township).exists(), "a page that nobody used has made something");

    let unenrolled = district.serve_unenrolled(township, "127.0.0.1:0").unwrap();
    let page = unenrolled.page;
    let mut visitor = Visitor::new(page);
    assert_eq!(visitor.get("/").unwrap().location, "/desk/login");
    let csrf = visitor.get("/desk/login").unwrap().field("csrf");
    let mut send = |station: &str, hub: &str, code: &str| {
        let values = [("csrf", csrf.as_str()), ("station", station), ("hub", hub), ("code", code)];
        visitor.post("/desk/enrol", &values, None).unwrap()
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let link = district.address(hub).unwrap().link.unwrap().to_string();
    let desk = district.address(hub).unwrap().desk.to_string();
    let another = "0000-0000-0000-0000-0000-0000-0000";
    let mut swapped: Vec<char> = code.chars().filter(|character| *character != '-').collect();
    swapped[0] = if swapped[0] == '0' { '1' } else { '0' };
    let swapped: String = swapped.into_iter().collect();
    for (given, words) in [
        ((station.as_str(), enrolment.as_str(), "ABCD"), "您输入了4位"),
        ((&station, &enrolment, &swapped), "逐位核对"),
        (("9901", &enrolment, &code), "机构代码应为12位数字"),
        (("990106000000", &enrolment, &code), "区中心的代码"),
        ((&station, "hub", &code), "主机:端口"),
        ((&station, &format!("http://{enrolment}"), &code), "主机:端口"),
        ((&station, &free, &code), "连不上区中心"),
        ((&station, &desk, &code), "不是区中心的注册服务"),
        ((&station, &link, &code), "身份与注册码对不上"),
        ((&station, &enrolment, another), "身份与注册码对不上"),
        (("990107101000", &enrolment, &code), "不属于发出注册码的这个区"),
        (("990106100000", &enrolment, &code), "区中心没有接受这个注册码"),
    ] {
        let answer = send(given.0, given.1, given.2);
        let text = answer.text();
        assert!(answer.status == 422 && text.contains(words), "{given:?} → {}: {text}", answer.status);
        assert!(text.contains(&format!("value=\"{}\"", given.1)) && !text.contains(given.2), "{given:?}: {text}");
    }

    // As somebody types it who has it on paper; the same process is the station then.
    let typed = code.to_lowercase().replace('-', " ");
    let answer = send(&format!(" {station} "), &enrolment.replace(':', "："), &typed);
    assert_eq!((answer.status, answer.location.as_str()), (303, "/desk/login"), "{}", answer.text());
    page_saying(&mut visitor, "工作人员登录").await;
    district.enrolled(unenrolled).unwrap();
    assert_eq!(district.address(township).unwrap().desk, page, "the browser finds the desk where the page was");
    district.in_sync(township, Duration::from_secs(30)).await.unwrap();
    district.client(township, "township", "窗口受理").await.unwrap();
    let log = std::fs::read_to_string(folder.path().join(format!("{township}.log"))).unwrap();
    let secret: String = code.chars().take(9).collect();
    assert!(!log.contains(&secret) && !log.contains(&typed[..9]) && !log.contains(&swapped), "{log}");
    district.stop_all().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_station_without_a_line_is_enrolled_in_a_browser_by_three_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = District::new(folder.path(), Plan::line().unwrap(), Binaries::build(true).unwrap()).unwrap();
    let (hub, village) = (district.plan.hub, district.plan.villages[0]);
    district.make_hub("").unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (invitation, request, answer) = (file("invitation.pem"), file("request.sanji"), file("answer.sanji"));
    let station = village.to_string();
    let added = district.command(hub, &["station", "add", &station, "--invitation", &invitation]).unwrap();
    let code = added["code"].as_str().unwrap();
    let invitation = std::fs::read(&invitation).unwrap();

    let unenrolled = district.serve_unenrolled(village, "0.0.0.0:0").unwrap();
    let mut visitor = Visitor::new(unenrolled.page);
    let csrf = visitor.get("/desk/login").unwrap().field("csrf");
    let values = [("csrf", csrf.as_str()), ("station", &station), ("code", code)];
    let early = visitor.post("/desk/enrol/answer", &values[..1], Some(("answer.files", b"x"))).unwrap();
    assert!(early.text().contains("请先做第一步"), "{}", early.text());
    for (of, content, words) in [
        (&station, b"no invitation".as_slice(), "一起给的邀请文件"),
        (&"990107101203".to_owned(), &invitation, "不属于发出注册码的这个区"),
    ] {
        let values = [("csrf", csrf.as_str()), ("station", of), ("code", code)];
        let refused = visitor.post("/desk/enrol/request", &values, Some(("invitation.files", content))).unwrap();
        assert!(refused.status == 422 && refused.text().contains(words), "{}", refused.text());
    }
    let made = visitor.post("/desk/enrol/request", &values, Some(("invitation.files", &invitation))).unwrap();
    assert_eq!(made.status, 303, "{}", made.text());
    let page = visitor.get("/desk/login").unwrap().text();
    assert!(page.contains("下载请求文件") && page.contains("第三步"), "{page}");
    std::fs::write(&request, visitor.get("/desk/enrol/request").unwrap().body).unwrap();
    district.command(hub, &["station", "answer", "--request", &request, "--file", &answer]).unwrap();

    // Somebody switches the machine off in between: the page knows how far it was.
    unenrolled.stop().unwrap();
    let unenrolled = district.serve_unenrolled(village, "0.0.0.0:0").unwrap();
    let mut visitor = Visitor::new(unenrolled.page);
    let page = visitor.get("/desk/login").unwrap();
    assert!(page.text().contains("正在等区中心的答复") && page.text().contains("第三步"), "{}", page.text());
    let csrf = page.field("csrf");
    let answer = std::fs::read(&answer).unwrap();
    for (content, words) in
        [(std::fs::read(&request).unwrap(), "不是给本站的"), (answer[..answer.len() - 1].to_vec(), "没有拷全")]
    {
        let refused = visitor.post("/desk/enrol/answer", &[("csrf", &csrf)], Some(("answer.files", &content))).unwrap();
        assert!(refused.status == 422 && refused.text().contains(words), "{words}: {}", refused.text());
    }
    let opened = visitor.post("/desk/enrol/answer", &[("csrf", &csrf)], Some(("answer.files", &answer))).unwrap();
    assert_eq!(opened.status, 303, "{}", opened.text());
    page_saying(&mut visitor, "工作人员登录").await;
    let page = unenrolled.page;
    district.enrolled(unenrolled).unwrap();
    // The page is for this machine alone, the desk for the whole office, at the same port.
    assert_eq!(page.ip().to_string(), "127.0.0.1");
    assert_eq!(district.address(village).unwrap().desk.to_string(), format!("0.0.0.0:{}", page.port()));
    district.client(village, "village", "代办员").await.unwrap();
    let left: Vec<_> =
        std::fs::read_dir(district.data(village)).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("answer")), "{left:?}");
    district.stop_all().unwrap();
}
