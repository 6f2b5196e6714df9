//! A district with something on every page: some weeks of cases at the hub, a township and a village that hold their
//! part of them, and what people enter at the desk.

use std::path::Path;
use std::time::Duration;

use jiff::{ToSpan, Zoned};
use sanji_log::StationCode;
use sanji_tests::binaries::Binaries;
use sanji_tests::district::{District, Plan};
use sanji_tests::year::{Order, make};
use sanji_tests::{sample, story};

use super::walk::Walk;

/// About so many cases, over so many weeks up to yesterday.
const CASES: u32 = 60;
const WEEKS: i64 = 6;
/// How long a new machine may take to fetch what its station had.
const HEALED_WITHIN: Duration = Duration::from_secs(60);

pub(crate) struct Furnished {
    pub(crate) district: District,
    /// A case that ended well: its number and query code.
    concluded: (String, String),
    complaint: (String, String),
    photograph: String,
}

/// The date so many days from today, as a date's field takes it.
fn day(days: i64) -> String {
    (Zoned::now().date() + days.days()).to_string()
}

impl Furnished {
    pub(crate) async fn make(folder: &Path) -> Self {
        let plan = Plan::line().unwrap();
        let (hub, township, village) = (plan.hub, plan.townships[0], plan.villages[0]);
        let mut district = District::new(folder, plan, Binaries::build(true).unwrap()).unwrap();
        let today = Zoned::now().date();
        let order = Order {
            data: district.data(hub),
            sample: sample::folder(),
            cases: std::env::var("PAGES_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES),
            from: today - WEEKS.weeks(),
            until: today - 1.day(),
            seed: 5,
        };
        tokio::task::spawn_blocking(move || make(&order, &mut |_, _| ())).await.unwrap().unwrap();
        district.serve(hub).unwrap();
        // The year's nodes lived in memory alone: these two get new machines, and their cases back from the hub.
        for station in [township, village] {
            district.replace(station).unwrap();
            district.serve(station).unwrap();
            if station == township {
                // Its other villages have no machines that it could hear.
                district.command(station, &["healing", "--end", "--reason", "其他村站没有开机"]).unwrap();
            }
            let mut keeper = district.keeper(station).await.unwrap();
            story::until("everything of the station's former life", HEALED_WITHIN, async || {
                let status = keeper.health.status(sanji_proto::v1::StatusRequest {}).await.ok()?.into_inner();
                status.writable.then_some(())
            })
            .await
            .unwrap();
        }
        let concluded = story::on_the_spot(&district, village).await.unwrap();
        let photograph = folder.join("现场照片.jpg");
        std::fs::write(&photograph, story::photograph()).unwrap();
        Self {
            district,
            concluded: (concluded.case_number, concluded.query_code),
            complaint: Default::default(),
            photograph: photograph.display().to_string(),
        }
    }

    fn desk(&self, station: StationCode) -> String {
        format!("http://{}", self.district.address(station).unwrap().desk)
    }

    /// Addresses of the three desks.
    pub(crate) fn desks(&self) -> (String, String, String) {
        let plan = &self.district.plan;
        (self.desk(plan.hub), self.desk(plan.townships[0]), self.desk(plan.villages[0]))
    }

    /// Who has a role in the township or the village.
    pub(crate) fn staff(&self, role: &str) -> String {
        let plan = &self.district.plan;
        let station = if role == "代办员" { plan.villages[0] } else { plan.townships[0] };
        self.district.sample.staff_of(station, "", role).unwrap().id.clone()
    }

    /// Complaints, questions, a survey, a notice, a rectification: entered, and as far as they go.
    pub(crate) async fn matters(&mut self, walk: &mut Walk) {
        let (hub, township, _) = self.desks();
        let number = self.concluded.0.clone();
        walk.visit(&hub, "public").await;
        walk.send(
            "/complain",
            "/complain",
            &[
                ("department", "mz"),
                ("against_words", "二楼3号窗口"),
                ("case_number", &number),
                ("words", "6月3日上午去窗口办理，工作人员说材料不全，没有一次说清楚要补什么，来回跑了三趟。"),
                ("name", "王建国"),
                ("telephone", "13812345678"),
            ],
        )
        .await;
        self.complaint = number_and_code(&walk.text().await);
        // As long as it may be, without a blank at which it could be broken.
        let long = "Wifi2026".repeat(60);
        let name = "阿".repeat(60);
        walk.send("/ask", "/ask", &[("words", &long), ("name", &name), ("telephone", "13812345678")]).await;
        walk.send(
            "/ask",
            "/ask",
            &[("item", "mz-dibao"), ("words", "家里有两亩承包地，算不算收入？"), ("name", "李秀英")],
        )
        .await;
        let question = number_and_code(&walk.text().await).0;

        walk.log_in(&hub, "sp-04").await;
        let complaint = self.complaint.0.clone();
        let act = |number: &str, action: &str| format!("/desk/matter/{number}/act/{action}");
        let page = |number: &str| format!("/desk/matter/{number}");
        walk.send(&page(&complaint), &act(&complaint, "accept"), &[]).await;
        walk.send(
            &page(&complaint),
            &act(&complaint, "assign"),
            &[("department", "rs"), ("words", "请核实窗口告知情况。")],
        )
        .await;
        walk.send(
            &page(&question),
            &act(&question, "answer"),
            &[
                ("reply", "承包地的经营性收入计入家庭收入，自种自食的部分按当地规定核算。"),
                ("public_question", "承包地收入算不算家庭收入？"),
                ("public_answer", "经营性收入计入家庭收入。"),
            ],
        )
        .await;

        walk.log_in(&hub, "js-01").await;
        walk.send(
            "/desk/matters/new/survey",
            "/desk/matters/new/survey",
            &[
                ("title", "2026年度群众评议"),
                ("groups", "区直部门：民政局，人社局，医保局\n乡镇：枫溪镇，青岚镇"),
                ("questions", "服务态度\n办事效率"),
                ("from", &day(-1)),
                ("until", &day(30)),
                ("codes", "20"),
            ],
        )
        .await;
        walk.send(
            "/desk/notices",
            "/desk/notices",
            &[
                ("title", "关于春节期间窗口值班安排的公告"),
                ("text", "春节期间各窗口实行预约办理，预约电话见各站点公开栏。"),
                ("from", &day(0)),
                ("until", &day(20)),
            ],
        )
        .await;
        let station = self.district.plan.townships[0].to_string();
        walk.send(
            "/desk/matters/new/rectification",
            "/desk/matters/new/rectification",
            &[
                ("source", "2"),
                ("station", &station),
                ("until", &day(10)),
                ("title", "窗口上班时间无人值守"),
                ("words", "11月20日上午9时暗访，受理窗口无人值守20分钟。请查明原因，落实AB角顶岗。"),
            ],
        )
        .await;
        let rectification = number_after(&walk.text().await, "编号", 25).unwrap();
        self.district.in_sync(self.district.plan.townships[0], Duration::from_secs(20)).await.unwrap();
        walk.log_in(&township, &self.staff("审核")).await;
        let photograph = self.photograph.clone();
        let report =
            [("words", "已核实，当日值班人员生病，未及时顶岗。已制定顶岗表。"), ("evidence.files", &photograph)];
        let links = walk.send(&page(&rectification), &act(&rectification, "report"), &report).await;
        walk.see_file(&links).await;
        walk.see(&act(&rectification, "report")).await;
    }

    /// What supervision does on its own: an order on a case, an answer to an alert.
    pub(crate) async fn oversight(&mut self, walk: &mut Walk) {
        let (hub, ..) = self.desks();
        walk.log_in(&hub, "js-01").await;
        let cases = walk.see("/desk/supervision/cases").await;
        let case = cases.iter().find(|link| link.starts_with("/desk/case/")).unwrap();
        let action = format!("{case}/act/issue_order");
        let order = [("words", "本件已临近承诺期限，请抓紧办理，并书面说明原因。"), ("until", &*day(5))];
        walk.send(case, &action, &order).await;
        walk.see(&action).await;
        for part in [&*format!("{case}/ticks"), "/desk/supervision/live", "/assets/desk.css", "/assets/desk.js"] {
            walk.see(part).await;
        }
        let alerts = walk.see("/desk/alerts?filter=all").await;
        let late = alerts.iter().find(|link| link.contains("/over-promised.")).unwrap();
        walk.see(late).await;
        walk.see(&format!("{late}/answer_alert")).await;
        let number = late.split('/').nth(3).unwrap();
        walk.see(&format!("/desk/supervision/responsibility/{number}")).await;
    }

    /// Somebody is away, somebody is suspended, somebody is to have another post, and somebody may not leave.
    pub(crate) async fn people(&mut self, walk: &mut Walk) {
        let (hub, township, _) = self.desks();
        walk.log_in(&township, &self.staff("窗口受理")).await;
        let until = format!("{}T17:30", day(3));
        walk.send("/desk/people", "/desk/people/absence", &[("until", &until), ("reason", "参加区里培训")]).await;
        walk.log_in(&hub, "sp-06").await;
        let asked = [("post", "审批股科员"), ("reason", "轮岗交流")];
        walk.send("/desk/person/mz-05", "/desk/person/mz-05", &asked).await;
        let leaves = [("leaves", "yes"), ("reason", &*"调往".repeat(90))];
        walk.send("/desk/person/mz-03", "/desk/person/mz-03", &leaves).await;
        walk.log_in(&hub, "sp-01").await;
        let refused = [("what", "refuse"), ("words", "任职不满两年，工作离不开。")];
        walk.send("/desk/staff-requests", "/desk/staff-requests", &refused).await;
        let from = day(30);
        let later = [("what", "approve"), ("number", "澄政务〔2026〕7号"), ("from", &from)];
        walk.send("/desk/staff-requests", "/desk/staff-requests", &later).await;
        walk.log_in(&hub, "sp-06").await;
        walk.send("/desk/person/mz-04", "/desk/person/mz-04", &asked).await;
        walk.send("/desk/staff-requests", "/desk/staff-requests", &[("what", "withdraw")]).await;
        walk.send("/desk/person/mz-04", "/desk/person/mz-04", &asked).await;
        let suspended = [("staff", "yc-04"), ("reason", "投诉查实"), ("what", "suspend")];
        walk.send("/desk/people", "/desk/people/suspend", &suspended).await;
    }

    /// What a resident does with a paper, with numbers and codes.
    pub(crate) async fn resident(&mut self, walk: &mut Walk) {
        let (hub, _, village) = self.desks();
        let (number, code) = self.concluded.clone();
        walk.log_in(&village, &self.staff("代办员")).await;
        let links = walk.see(&format!("/desk/case/{number}")).await;
        walk.see_file(&links).await;
        walk.see(&format!("/desk/case/{number}/paper/receipt")).await;
        let said = walk.text().await;
        let voucher = said.split("校验：").nth(1).unwrap().split_whitespace().next().unwrap();
        walk.visit(&hub, "public").await;
        walk.see(&format!("/V/{voucher}")).await;
        walk.send("/", "/query", &[("number", &number), ("code", &code)]).await;
        let rating = [("satisfaction", "1"), ("words", "等了很久。")];
        let shown = walk.browser.send_form("/rate", &rating).await;
        shown.unwrap();
        walk.read("/query → /rate", 200).await;
        let (number, code) = self.complaint.clone();
        walk.send("/matter", "/matter", &[("number", &number), ("code", &code)]).await;
    }
}

/// The first run of so many digits behind a label, blanks left out.
fn number_after(text: &str, label: &str, count: usize) -> Option<String> {
    let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let digits = |rest: &str| -> String { rest.chars().take_while(char::is_ascii_digit).take(count).collect() };
    text.split(label).skip(1).map(digits).find(|digits| digits.len() == count)
}

fn number_and_code(text: &str) -> (String, String) {
    let found = number_after(text, "编号", 25).zip(number_after(text, "查询码", 6));
    found.unwrap_or_else(|| panic!("no number and code in:\n{text}"))
}
