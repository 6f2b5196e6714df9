//! What happens rarely, so that its pages are seen: money that is paid back, a limit that is extended, departments that
//! answer together, a step that was taken after its case was called back, work of a station that was revoked.

use std::time::Duration;

use sanji_log::StationCode;
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_tests::client::{Client, failed};
use sanji_tests::story;

use super::furnish::Furnished;
use super::walk::Walk;

const SOON: Duration = Duration::from_secs(30);
/// At the township's window; the colleague is away.
const WINDOW: &str = "990106101-04";
/// Of the police station in the township, its department in the district, and the fee window.
const POLICE: &str = "990106101-12";
const POLICE_WINDOW: &str = "ga-05";
const POLICE_CHIEF: &str = "ga-01";
const CASHIER: &str = "cz-01";

fn agree() -> Action {
    let opinion = proto::Opinion::Agree.into();
    Action::FinishStage(proto::FinishStage { opinion, words: "材料属实，同意。".into(), ..Default::default() })
}

fn accept() -> Action {
    Action::Accept(proto::Accept::default())
}

impl Furnished {
    async fn at(&self, station: StationCode, staff: &str) -> Client {
        let token = self.district.token(station, staff).unwrap();
        Client::connect(self.district.address(station).unwrap().api, &token).await.unwrap()
    }

    /// Files an application for the first resident of the village: as an agent, or at a window without a mandate.
    async fn filed(&self, station: StationCode, staff: &str, item: &str) -> String {
        let village = self.district.plan.villages[0];
        let mut client = self.at(station, staff).await;
        let application = story::application(&self.district, &mut client, village, item).await.unwrap();
        let mandate = application.mandate.filter(|_| station == village);
        let application = proto::SubmitRequest { mandate, ..application };
        client.cases.submit(application).await.map_err(failed("Submit")).unwrap().into_inner().case_number
    }

    /// Acts once the case allows it.
    async fn does(&self, station: StationCode, staff: &str, number: &str, name: &str, action: Action) {
        let mut client = self.at(station, staff).await;
        story::until(&format!("{name} of {number} for {staff}"), SOON, async || {
            client.get(number).await.ok().filter(|case| case.actions.iter().any(|offered| offered == name))
        })
        .await
        .unwrap();
        client.act(number, action).await.unwrap();
    }

    /// A fee that is paid, and paid back in part; the limit of the same case is extended.
    pub(crate) async fn refund(&mut self, walk: &mut Walk) {
        let (hub, ..) = self.desks();
        let (district, township) = (self.district.plan.hub, self.district.plan.townships[0]);
        let number = self.filed(township, POLICE, "ga-sfz").await;
        self.does(township, POLICE, &number, "accept", accept()).await;
        let line = proto::FeeInput { code: "ga-sfz-hl".into(), quantity: 1, ..Default::default() };
        let issue = Action::IssueFee(proto::IssueFee { lines: vec![line] });
        self.does(district, POLICE_WINDOW, &number, "issue_fee", issue).await;
        let extend = Action::Extend(proto::Extend {
            reason: "制证设备检修，需要延长办理期限。".into(),
            told_by: proto::DeliveryMethod::InPerson.into(),
            told_on: 0,
            approval_number: "澄公批〔2026〕9号".into(),
        });
        self.does(district, POLICE_CHIEF, &number, "extend", extend).await;
        let paid = Action::RegisterPayment(proto::RegisterPayment {
            receipt_number: "澄财票0001234".into(),
            amount_fen: 2000,
            paid_ms: sanji_station::clock::now_ms(),
            bank: "澄川农商行".into(),
            serial: "20261128000017".into(),
            notice: 0,
        });
        self.does(district, CASHIER, &number, "register_payment", paid).await;
        let page = format!("/desk/case/{number}");
        let act = |action: &str| format!("{page}/act/{action}");
        walk.log_in(&hub, POLICE_WINDOW).await;
        walk.see(&page).await;
        let asked = [
            ("amount_fen", "10.00"),
            ("reason", "符合减半收取的条件，多收的部分退还。"),
            ("account", "李秀英，澄川农商行，6230 0000 0000 1234"),
        ];
        walk.send(&page, &act("request_refund"), &asked).await;
        walk.log_in(&hub, POLICE_CHIEF).await;
        walk.see(&page).await;
        walk.send(&page, &act("decide_refund"), &[("approved", "1")]).await;
        walk.log_in(&hub, CASHIER).await;
        walk.see("/desk").await;
        walk.see(&page).await;
        walk.send(&page, &act("register_refund"), &[("receipt_number", "澄财退0000018")]).await;
        walk.log_in(&hub, POLICE_CHIEF).await;
        for link in walk.see(&page).await.iter().filter(|link| link.contains("/paper/")) {
            walk.see(link).await;
        }
    }

    /// A joint case: one department has signed for its copy, one disagrees.
    pub(crate) async fn joint(&mut self, walk: &mut Walk) {
        let (hub, township, village) =
            (self.district.plan.hub, self.district.plan.townships[0], self.district.plan.villages[0]);
        let number = self.filed(village, &self.staff("代办员"), "zj-gongzufang").await;
        self.does(township, WINDOW, &number, "accept", accept()).await;
        self.does(township, &self.staff("审核"), &number, "finish_stage", agree()).await;
        let copy = Action::SignForCopy(proto::SignForCopy::default());
        self.does(hub, "rs-03", &number, "sign_for_copy", copy).await;
        let disagree = proto::FinishStage {
            opinion: proto::Opinion::Disagree.into(),
            words: "申请人家庭人均收入超过规定标准，不符合保障条件。".into(),
            ..Default::default()
        };
        self.does(hub, "mz-03", &number, "finish_stage", Action::FinishStage(disagree)).await;
        let desk = self.desks().0;
        walk.log_in(&desk, "js-01").await;
        walk.see("/desk/supervision").await;
        walk.see("/desk/supervision/cases").await;
        walk.see(&format!("/desk/case/{number}")).await;
        walk.log_in(&desk, "zj-01").await;
        for link in walk.see(&format!("/desk/case/{number}")).await.iter().filter(|link| link.contains("/paper/")) {
            walk.see(link).await;
        }
    }

    /// A case that the village goes on with, not knowing that the township has called it back.
    pub(crate) async fn called_back(&mut self, walk: &mut Walk) {
        let (township, village) = (self.district.plan.townships[0], self.district.plan.villages[0]);
        let agent = self.staff("代办员");
        let number = self.filed(village, &agent, "rs-canbao").await;
        let fault = proto::FaultInput {
            material: 0,
            kind: proto::FaultKind::Missing.into(),
            requirement: "请补交户口簿本人页复印件。".into(),
        };
        let correction = Action::RequestCorrection(proto::RequestCorrection { faults: vec![fault] });
        self.does(township, WINDOW, &number, "request_correction", correction).await;
        let mut client = self.at(village, &agent).await;
        story::until("the correction in the village", SOON, async || {
            client.get(&number).await.ok().filter(|case| case.actions.iter().any(|one| one == "supply_correction"))
        })
        .await
        .unwrap();
        self.district.stop(village).unwrap();
        let reclaim = Action::Reclaim(proto::Reclaim { reason: "村站电脑送修，改由镇里办理。".into() });
        self.does(township, &self.staff("全程代办"), &number, "reclaim", reclaim).await;
        self.district.in_sync(township, SOON).await.unwrap();
        self.district.stop(township).unwrap();
        self.district.serve(village).unwrap();
        let material = proto::MaterialInput { material: 0, originals: 1, copies: 1, attachments: Vec::new() };
        let supply = proto::SupplyCorrection { materials: vec![material], answers: Vec::new() };
        self.does(village, &agent, &number, "supply_correction", Action::SupplyCorrection(supply)).await;
        self.district.serve(township).unwrap();
        self.district.in_sync(village, SOON).await.unwrap();
        self.district.in_sync(township, SOON).await.unwrap();
        let (hub, desk, _) = self.desks();
        for (base, staff) in [(&desk, self.staff("全程代办")), (&hub, "sp-02".to_owned())] {
            walk.log_in(base, &staff).await;
            walk.see("/desk/deadlines").await;
            assert!(walk.text().await.contains("待核对"), "{staff}");
            walk.see(&format!("/desk/case/{number}")).await;
        }
    }

    /// The village loses its line for good, and is told what a stick has to carry. Then it has one again.
    pub(crate) async fn without_a_line(&mut self, walk: &mut Walk) {
        let village = self.district.plan.villages[0];
        let agent = self.staff("代办员");
        self.district.in_sync(village, SOON).await.unwrap();
        self.district.stop(village).unwrap();
        self.district.configure(village, "upstream = \"none\"\n").unwrap();
        self.district.serve(village).unwrap();
        let number = self.filed(village, &agent, "rs-canbao").await;
        let (_, _, of_village) = self.desks();
        walk.log_in(&of_village, &agent).await;
        walk.see("/desk").await;
        let told = walk.text().await;
        assert!(told.contains("有1条记录待用离线包") && !told.contains("自动报送"), "{told}");
        walk.see(&format!("/desk/case/{number}")).await;
        walk.see(&format!("/desk/case/{number}/paper/receipt")).await;
        let receipt = walk.text().await;
        assert!(receipt.contains("离线包") && !receipt.contains("即时报送"), "{receipt}");
        walk.see("/desk/station").await;
        walk.see("/desk/quarantine").await;
        self.district.stop(village).unwrap();
        self.district.configure(village, "").unwrap();
        self.district.serve(village).unwrap();
    }

    /// The village is revoked with work that nobody else has; its rest waits for a decision. Nothing goes on afterwards.
    pub(crate) async fn revoked(&mut self, walk: &mut Walk) {
        let (hub, township, village) =
            (self.district.plan.hub, self.district.plan.townships[0], self.district.plan.villages[0]);
        self.district.in_sync(village, SOON).await.unwrap();
        self.district.stop(township).unwrap();
        let agent = self.staff("代办员");
        self.filed(village, &agent, "rs-canbao").await;
        let (desk, _, of_village) = self.desks();
        story::until("the village's line to be down", SOON, async || {
            let status = self.district.command(village, &["status"]).ok()?;
            (status["upstream"]["connected"] != true).then_some(())
        })
        .await
        .unwrap();
        walk.log_in(&of_village, &agent).await;
        walk.see("/desk").await;
        let down = walk.text().await;
        assert!(down.contains("线路中断") && down.contains("待报送1条"), "{down}");
        walk.see("/desk/station").await;
        let code = village.to_string();
        self.district.command(hub, &["station", "revoke", &code, "--reason", "电脑遗失"]).unwrap();
        self.district.serve(township).unwrap();
        story::until("the rest at the hub", SOON, async || {
            self.district.command(hub, &["quarantine", "list"]).ok().filter(|row| row["id"].is_string())
        })
        .await
        .unwrap();
        walk.log_in(&desk, "sp-06").await;
        walk.see("/desk/quarantine").await;
        let rest = walk.text().await;
        assert!(rest.contains("已注销站点没有报送的记录"), "{rest}");
        walk.see("/desk/station").await;
        story::until("the village to be told", SOON, async || {
            let status = self.district.command(village, &["status"]).ok()?;
            (status["upstream"]["distrust"] == "DISTRUST_REVOKED").then_some(())
        })
        .await
        .unwrap();
        walk.log_in(&of_village, &agent).await;
        walk.see("/desk").await;
        let told = walk.text().await;
        assert!(told.contains("本站证书已被区中心吊销，不再受理"), "{told}");
        walk.see("/desk/station").await;
        walk.see("/desk/new/rs-canbao").await;
    }

    /// The district gives codes to stations whose machines are gone, and revokes one; none of them has a machine here.
    pub(crate) async fn administration(&mut self, walk: &mut Walk) {
        let (hub, ..) = self.desks();
        walk.log_in(&hub, "sp-06").await;
        let list = "/desk/administration";
        walk.see(list).await;
        walk.see(&format!("{list}?words=99010600100")).await;
        walk.see(&format!("{list}/answer")).await;
        let (township, village) = (format!("{list}/990106001000"), format!("{list}/990106001001"));
        walk.see(&township).await;
        let replace = format!("{township}/replace");
        walk.send_wrong(&township, &replace, &[("link_address", "10.6.1.2")]).await;
        walk.send(&township, &replace, &[("reason", "硬盘损坏，更换新电脑"), ("link_address", "10.6.1.2:7100")]).await;
        walk.see(&replace).await;
        assert!(walk.text().await.contains("等待新电脑注册"));
        walk.send(&township, &format!("{township}/code"), &[("without_line", "1")]).await;
        let revoke = format!("{village}/revoke");
        walk.send_wrong(&village, &revoke, &[("reason", "电脑被盗")]).await;
        walk.send(&village, &revoke, &[("reason", "电脑被盗"), ("sure", "1")]).await;
        assert!(walk.text().await.contains("已吊销"));
        walk.send_wrong(list, &format!("{list}/answer"), &[]).await;
        walk.log_in(&hub, "sp-04").await;
        walk.see_answered(list, 422).await;
    }

    /// The ledgers that the wanderers don't come to, and a form that tells what an agent may not do with the item.
    pub(crate) async fn ledgers(&mut self, walk: &mut Walk) {
        let (hub, township, village) = self.desks();
        walk.log_in(&hub, "sp-04").await;
        for ledger in ["acceptance", "delivery", "complaints", "substitutions", "agency", "fees", "alerts", "publicity"]
        {
            walk.see(&format!("/desk/ledgers?ledger={ledger}")).await;
        }
        walk.log_in(&township, WINDOW).await;
        walk.see("/desk/ledgers?ledger=substitutions").await;
        walk.see("/desk/ledgers?ledger=agency").await;
        walk.log_in(&village, &self.staff("代办员")).await;
        walk.see("/desk/new/ga-juzhuzheng").await;
    }
}
