//! What everybody asks about: a case of each way, a complaint, a letter, a question, an order, a survey.

use sanji_proto::v1::open_matter_request::Opening;
use sanji_proto::v1::{self as proto, act_matter_request::Action as MatterAct, act_request::Action};

use crate::seen::{Marks, texts};
use crate::wire::Messages;
use crate::world::{
    ASKED_BECAUSE, ASKED_OF_RS_BECAUSE, CIRCULAR, NEIGHBOUR, Number, OF_MZ, OF_NEIGHBOUR, OF_RS, OTHERS, PHOTOGRAPHED,
    SUSPENDED_BECAUSE, TOWNSHIP, VILLAGE, World, code, request,
};

/// Words that stand in one place only.
const NOTE: &str = "窗口内部备注壬癸";
const REQUIREMENT: &str = "请补交子丑寅卯";
const ORDERED: &str = "督办要求辰巳午未";
const EXPLAINED: &str = "预警说明申酉戌亥";
const FILE_NAME: &str = "户口簿天干地支.jpg";

impl World {
    /// Files everything that rows of the table are about.
    pub(crate) async fn file(&mut self) {
        self.file_rs().await;
        self.file_others().await;
        self.file_acted().await;
        self.file_complaints().await;
        self.file_other_matters().await;
        self.in_sync().await;
        self.wait_for_all().await;
    }

    /// 参保: corrected twice with leave, so that there is an alert; accepted, with a note and an order on it.
    async fn file_rs(&mut self) {
        let mut application = self.application("rs-canbao", VILLAGE, OF_RS, true);
        let file = self.photograph("v.agent", &application.request, "", FILE_NAME).await.unwrap();
        application.materials[0].attachments.push(file.clone());
        let rs = self.submit("v.agent", &application).await;
        let number = rs.number.clone();
        for round in [1, 2] {
            self.stage("t.window", &number, "accept").await;
            if round == 2 {
                let leave = proto::AllowSecondCorrection { reason: "材料有新的缺失".into() };
                self.does("t.approver", &number, Action::AllowSecondCorrection(leave)).await;
            }
            self.does("t.window", &number, correction()).await;
            let v = self.person("v.agent");
            self.wait("the correction in the village", async || {
                v.view(&number)
                    .await
                    .ok()
                    .filter(|case| case.actions.iter().any(|action| action == "supply_correction"))
            })
            .await;
            self.does("v.agent", &number, supply()).await;
        }
        let window = self.person("t.window");
        self.wait("the case back in the township", async || {
            window.view(&number).await.ok().filter(|case| case.actions.iter().any(|action| action == "accept"))
        })
        .await;
        self.does("t.window", &number, Action::Accept(proto::Accept::default())).await;
        self.does("t.window", &number, Action::AddNote(proto::AddNote { words: NOTE.into() })).await;
        let alert = self.person("t.window").view(&number).await.unwrap().alerts.remove(0).alert;
        let answer = proto::AnswerAlert { alert: alert.clone(), words: EXPLAINED.into() };
        self.does("t.window", &number, Action::AnswerAlert(answer)).await;
        let supervisor = self.person("d.supervisor");
        self.wait("the case accepted at the district", async || {
            supervisor.view(&number).await.ok().filter(|case| case.stage == "first")
        })
        .await;
        let order = proto::IssueOrder {
            station: code(TOWNSHIP).number(),
            department: "township".into(),
            until: today(),
            words: ORDERED.into(),
        };
        self.does("d.supervisor", &number, Action::IssueOrder(order)).await;
        let sign = proto::SignVoucherRequest { case_number: number.clone(), ..Default::default() };
        let signed: proto::SignVoucherReply =
            self.person("v.agent").ask("RecordService.SignVoucher", &sign).await.unwrap();

        let mut marks = self.case_marks(&rs, OF_RS, &[NOTE, REQUIREMENT]);
        marks.plain.push(PHOTOGRAPHED.to_vec());
        // A file's name is shown with the materials, to whoever sees the case in full.
        marks.masked.push(FILE_NAME.as_bytes().to_vec());
        self.marks.insert("rs", marks);
        let shows = [b"\x06".to_vec(), rs.code.clone().into_bytes()].concat();
        self.marks.insert("query code of rs", Marks { plain: vec![shows], ..Marks::default() });
        self.marks.insert("alert", Marks { shows: texts(&[&alert]), content: texts(&[EXPLAINED]), ..Marks::default() });
        self.marks.insert("order", Marks { content: texts(&[ORDERED]), ..Marks::default() });
        self.cases.insert("rs", rs.clone());
        self.cases.insert("alert", rs);
        (self.attachment, self.alert, self.voucher) = (file, alert, signed.text);
    }

    /// 低保 of the same village; 居住证明 of the neighbour, done and badly rated; one that nobody has rated.
    async fn file_others(&mut self) {
        let mz = self.submit("v.agent", &self.application("mz-dibao", VILLAGE, OF_MZ, true)).await;
        self.marks.insert("mz", self.case_marks(&mz, OF_MZ, &[]));
        self.cases.insert("mz", mz);
        for (name, by, village, of) in [
            ("neighbour", "w.agent", NEIGHBOUR, OF_NEIGHBOUR),
            ("rated", "v.agent", VILLAGE, OTHERS),
            ("ended", "v.agent", VILLAGE, OTHERS),
        ] {
            let case = self.submit(by, &self.application("cun-juzhu", village, of, true)).await;
            let decide = proto::Decide { approved: true, document_number: "1".into(), ..Default::default() };
            self.does(by, &case.number, Action::Decide(decide)).await;
            let method = proto::DeliveryMethod::InPerson.into();
            let deliver = proto::Deliver { method, receiver: of.name.into(), signed_on: 0 };
            self.does(by, &case.number, Action::Deliver(deliver)).await;
            if name == "neighbour" {
                let rate = proto::Rate { satisfaction: 1, words: "态度不好".into() };
                self.does(by, &case.number, Action::Rate(rate)).await;
            }
            self.marks.insert(name, self.case_marks(&case, of, &[]));
            self.cases.insert(name, case);
        }
        self.marks.remove("rated");
        self.marks.remove("ended");
    }

    /// Seat B decides while A is away: the ledger of substitutes names the case.
    async fn file_acted(&mut self) {
        self.opened = self.application("rs-canbao", VILLAGE, OTHERS, false);
        let case = self.submit("t.window", &self.opened).await;
        let number = case.number.clone();
        self.does("t.window", &number, Action::Accept(proto::Accept::default())).await;
        self.does("t.reviewer", &number, agree()).await;
        let until_ms = sanji_station::clock::now_ms() + 86_400_000;
        let away = proto::RecordAbsenceRequest { until_ms, reason: "开会".into(), ..Default::default() };
        let chief = self.person("d.chief-a");
        let recorded: proto::AbsenceView = chief.ask("StaffService.RecordAbsence", &away).await.unwrap();
        self.stage("d.chief-b", &number, "approve").await;
        let decide = proto::Decide { approved: true, document_number: "2".into(), ..Default::default() };
        self.does("d.chief-b", &number, Action::Decide(decide)).await;
        let back = proto::EndAbsenceRequest { id: recorded.id, staff: String::new() };
        chief.ask::<proto::AbsenceView>("StaffService.EndAbsence", &back).await.unwrap();
        self.marks.insert("acted", Marks { shows: texts(&[&number]), ..Marks::default() });
        self.cases.insert("acted", case);
    }

    async fn file_complaints(&mut self) {
        let complaint = |person: &str, name: &str, telephone: &str, words: &str| {
            Opening::Complaint(proto::OpenComplaint {
                way: proto::Way::Visit.into(),
                against: Some(proto::Against { person: person.into(), ..Default::default() }),
                name: name.into(),
                telephone: telephone.into(),
                words: words.into(),
                ..Default::default()
            })
        };
        for (about, person, by, [name, masked, telephone, words]) in [
            ("complaint about mz", "mz-01", "d.complaints", ["周素云", "周**", "13711112221", "拖着不办一二三四"]),
            (
                "complaint about the desk",
                "sp-05",
                "d.complaints",
                ["吴月娥", "吴**", "13711112222", "接待生硬五六七八"],
            ),
            ("letter", "990106101-03", "v.agent", ["郑秋菊", "郑**", "13711112223", "索要好处九零一二"]),
        ] {
            let opened = self.open(by, complaint(person, name, telephone, words)).await;
            let number = opened.number.clone();
            if about == "complaint about mz" {
                self.does_matter(by, &number, MatterAct::Accept(proto::AcceptComplaint {})).await;
                let assign = proto::AssignComplaint { department: "rs".into(), words: "请核实".into() };
                self.does_matter(by, &number, MatterAct::Assign(assign)).await;
            }
            let (shows, content) = (texts(&[&number]), texts(&[words]));
            let marks = Marks { shows, content, masked: texts(&[masked]), plain: texts(&[name, telephone]) };
            self.marks.insert(about, marks);
            self.matters.insert(about, Number { number, code: opened.query_code });
        }
    }

    async fn file_other_matters(&mut self) {
        let question = Opening::Question(proto::OpenQuestion {
            way: proto::Way::Visit.into(),
            item: "rs-canbao".into(),
            name: "王翠花".into(),
            telephone: "13711113333".into(),
            words: "断缴两年还能补吗".into(),
            ..Default::default()
        });
        let rectification = Opening::Rectification(proto::OpenRectification {
            source: proto::RectificationSource::Patrol.into(),
            station: code(TOWNSHIP).number(),
            until: today(),
            title: "公示栏过期".into(),
            words: "公示内容三五七九没有更新".into(),
            ..Default::default()
        });
        let survey = Opening::Survey(proto::OpenSurvey {
            title: "窗口评议".into(),
            groups: vec![proto::SurveyGroup { name: "窗口".into(), units: vec!["民政".into()] }],
            questions: vec!["态度".into()],
            from: today(),
            until: today(),
            codes: 3,
        });
        for (about, by, opening, content, masked, plain) in [
            ("question", "t.window", question, "断缴两年还能补吗", "王**", "王翠花"),
            ("rectification", "d.supervisor", rectification, "公示内容三五七九没有更新", "", ""),
            ("survey", "d.supervisor", survey, "", "", ""),
        ] {
            let opened = self.open(by, opening).await;
            let given = |text: &str| if text.is_empty() { Vec::new() } else { texts(&[text]) };
            let (shows, content) = (texts(&[&opened.number]), given(content));
            self.marks.insert(about, Marks { shows, content, masked: given(masked), plain: given(plain) });
            self.matters.insert(about, Number { number: opened.number, code: opened.query_code });
            if about == "survey" {
                self.survey_codes = opened.codes;
            }
        }
        let circular = proto::PublishNoticeRequest {
            request: request(),
            kind: proto::NoticeKind::Circular.into(),
            title: CIRCULAR.into(),
            text: "各站点注意".into(),
            from: today(),
            until: today(),
        };
        let supervisor = self.person("d.supervisor");
        supervisor.ask::<proto::NoticeView>("MatterService.PublishNotice", &circular).await.unwrap();
        self.marks.insert("circular", Marks { content: texts(&[CIRCULAR]), ..Marks::default() });
        let because = Marks { content: texts(&[SUSPENDED_BECAUSE]), ..Marks::default() };
        self.marks.insert("reason of a suspension", because);
        let asked = |because| Marks { content: texts(&[because]), ..Marks::default() };
        self.marks.insert("change of a window of mz", asked(ASKED_BECAUSE));
        self.marks.insert("change of a window of rs", asked(ASKED_OF_RS_BECAUSE));
    }

    /// Until every station shows what has been filed last.
    async fn wait_for_all(&self) {
        let rs = self.number("rs");
        for name in ["v.agent", "t.window", "d.window"] {
            let person = self.person(name);
            self.wait("the order everywhere", async || {
                let view = person.view(&rs).await.ok()?;
                let order = name == "t.window" && view.orders.is_empty();
                (view.stage == "first" && !order && view.steps.iter().any(|step| step.words.contains(NOTE)))
                    .then_some(())
            })
            .await;
        }
        for (name, about) in [
            ("t.window", "rectification"),
            ("d.complaints", "letter"),
            ("d.complaints", "question"),
            ("v.agent", "letter"),
        ] {
            let (person, number) = (self.person(name), self.number(about));
            self.wait(about, async || person.matter(&number).await.ok()).await;
        }
        for name in ["d.supervisor", "t.supervisor"] {
            let (person, number) = (self.person(name), self.number("neighbour"));
            self.wait("the rating above", async || {
                let view = person.view(&number).await.ok()?;
                view.steps.iter().any(|step| step.title.contains("评价")).then_some(())
            })
            .await;
        }
        for name in ["v.agent", "w.agent", "t.window", "u.window"] {
            let person = self.person(name);
            self.wait("the circular below", async || {
                let ask = proto::NoticesRequest { all: false, circulars: true };
                let heard: Messages = person
                    .caller
                    .call("MatterService.Notices", vec![prost::Message::encode_to_vec(&ask)])
                    .await
                    .ok()?;
                (self.marks_of("circular").seen(&heard) == crate::table::Outcome::Content).then_some(())
            })
            .await;
        }
        let (person, attachment) = (self.person("d.window"), self.attachment.clone());
        self.wait("the photograph at the district", async || {
            let ask = proto::GetAttachmentRequest { case_number: rs.clone(), id: attachment.clone() };
            person.caller.call("CaseService.GetAttachment", vec![prost::Message::encode_to_vec(&ask)]).await.ok()
        })
        .await;
    }
}

/// Today in China, as YYYYMMDD.
pub(crate) fn today() -> u32 {
    let now_ms = i64::try_from(sanji_station::clock::now_ms()).unwrap();
    sanji_domain::calendar::date_number(sanji_domain::calendar::local_date(now_ms))
}

pub(crate) fn correction() -> Action {
    let fault =
        proto::FaultInput { material: 0, kind: proto::FaultKind::Missing.into(), requirement: REQUIREMENT.into() };
    Action::RequestCorrection(proto::RequestCorrection { faults: vec![fault] })
}

pub(crate) fn supply() -> Action {
    let material = proto::MaterialInput { material: 0, originals: 1, copies: 1, attachments: Vec::new() };
    Action::SupplyCorrection(proto::SupplyCorrection { materials: vec![material], answers: Vec::new() })
}

pub(crate) fn agree() -> Action {
    let opinion = proto::Opinion::Agree.into();
    Action::FinishStage(proto::FinishStage {
        opinion, words: "材料属实，同意上报。".into(), ..Default::default()
    })
}
