//! Cases and matters in each state in which something can be done with them.

use std::sync::Mutex;
use std::time::Duration;

use sanji_proto::v1::open_matter_request::Opening;
use sanji_proto::v1::{self as proto, act_matter_request::Action as MatterAct, act_request::Action};

use crate::actions::State;
use crate::content;
use crate::filed::{agree, correction, supply, today};
use crate::world::{OTHERS, TOWNSHIP, VILLAGE, World, code};

const WORDS: &str = "按规定办理";
/// How long a station may take to hear of something on a healthy line.
const SOON: Duration = Duration::from_secs(30);

/// One step of the way to a state: who does what, once the case is there.
pub(crate) type Leg = (&'static str, Action);

fn finish(opinion: proto::Opinion) -> Action {
    Action::FinishStage(proto::FinishStage { opinion: opinion.into(), words: WORDS.into(), ..Default::default() })
}

fn decide() -> Action {
    Action::Decide(proto::Decide { approved: true, document_number: "3".into(), ..Default::default() })
}

fn deliver() -> Action {
    let method = proto::DeliveryMethod::InPerson.into();
    Action::Deliver(proto::Deliver { method, receiver: OTHERS.name.into(), signed_on: 0 })
}

fn plain(name: sanji_domain::case::Action) -> Action {
    content::action(name, &proto::CaseView::default(), 0)
}

/// Who files a case of which item, and the way of it to a state. `away`: the chief representative in seat A is.
pub(crate) struct Way {
    pub(crate) item: &'static str,
    pub(crate) by: &'static str,
    pub(crate) legs: Vec<Leg>,
    pub(crate) preliminary: bool,
}

/// The way to a state.
///
/// # Panics
/// Where nobody knows the state.
pub(crate) fn way(state: &str) -> Way {
    use sanji_domain::case::Action as Name;
    let accept = || ("t.window", Action::Accept(proto::Accept::default()));
    let reviewed = || ("t.reviewer", agree());
    let of = |item, by, legs| Way { item, by, legs, preliminary: false };
    let rs = |legs| of("rs-canbao", "v.agent", legs);
    let corrected_twice = || {
        let leave = proto::AllowSecondCorrection { reason: WORDS.into() };
        vec![
            ("t.window", correction()),
            ("v.agent", supply()),
            ("t.approver", Action::AllowSecondCorrection(leave)),
            ("t.window", correction()),
            ("v.agent", supply()),
        ]
    };
    let returned = || vec![("t.window", plain(Name::Return)), ("v.agent", deliver())];
    let police = |legs| of("ga-sfz", "t.police", legs);
    let charge = || {
        let line = proto::FeeInput { code: "ga-sfz-hl".into(), quantity: 1, ..Default::default() };
        ("d.police-window", Action::IssueFee(proto::IssueFee { lines: vec![line] }))
    };
    let pay = || {
        let paid = proto::RegisterPayment {
            receipt_number: "P-1".into(),
            amount_fen: 2000,
            paid_ms: sanji_station::clock::now_ms(),
            bank: "澄川农商行".into(),
            serial: "S-1".into(),
            notice: 0,
        };
        ("d.cashier", Action::RegisterPayment(paid))
    };
    let taken_by_police = || ("t.police", Action::Accept(proto::Accept::default()));
    let joint = |legs: Vec<Leg>| {
        let begun = vec![accept(), reviewed()];
        of("zj-gongzufang", "v.agent", begun.into_iter().chain(legs).collect())
    };
    let outside = |legs: Vec<Leg>| {
        let begun = vec![accept(), reviewed(), ("d.reviewer", agree())];
        of("rs-chuangye", "v.agent", begun.into_iter().chain(legs).collect())
    };
    match state {
        "submitted" => rs(vec![]),
        "reviewing" => rs(vec![accept()]),
        "deciding" | "deciding, A away" => rs(vec![accept(), reviewed()]),
        "delivering" => rs(vec![accept(), reviewed(), ("d.chief-a", decide())]),
        "ended" => rs(vec![accept(), reviewed(), ("d.chief-a", decide()), ("v.agent", deliver())]),
        "badly rated" => {
            let rate = Action::Rate(proto::Rate { satisfaction: 1, words: String::new() });
            let ended = vec![accept(), reviewed(), ("d.chief-a", decide()), ("v.agent", deliver()), ("v.agent", rate)];
            rs(ended)
        }
        "correcting" => rs(vec![("t.window", correction())]),
        "corrected once" => rs(vec![("t.window", correction()), ("v.agent", supply())]),
        "corrected twice" => rs(corrected_twice()),
        "appealed" => rs(corrected_twice().into_iter().chain([("t.window", plain(Name::AppealAlert))]).collect()),
        "ordered" => rs(vec![accept(), ("d.supervisor", plain(Name::IssueOrder))]),
        "withdrawing" => rs(vec![("v.agent", plain(Name::RequestWithdrawal))]),
        "tolerated" => {
            let tolerated = vec![proto::ToleratedInput { material: 3, until: 0 }];
            rs(vec![("t.window", Action::Accept(proto::Accept { tolerated }))])
        }
        "returned" => rs(returned()),
        "objected" => rs(returned().into_iter().chain([("v.agent", plain(Name::AskReview))]).collect()),
        "draft" => Way { preliminary: true, ..rs(vec![]) },
        "answered draft" => Way { preliminary: true, ..rs(vec![("t.window", plain(Name::AnswerPreliminary))]) },
        "at once" => of("yb-canbao", "v.agent", vec![]),
        "with variants" => of("mz-linshi", "v.agent", vec![]),
        "to be noticed" => of("rs-kunnan", "v.agent", vec![accept(), reviewed()]),
        "noticed" => of("rs-kunnan", "v.agent", vec![accept(), reviewed(), ("t.window", plain(Name::PostPublicity))]),
        "investigated" => of("ga-chusheng", "t.police", vec![]),
        "suspended" => of("ga-chusheng", "t.police", vec![("t.police", plain(Name::Suspend))]),
        "to be sent up" => outside(vec![]),
        "sent up" => outside(vec![("d.reviewer", plain(Name::SendUp))]),
        "to be charged" => police(vec![taken_by_police()]),
        "charged" => police(vec![taken_by_police(), charge()]),
        "paid" => police(vec![taken_by_police(), charge(), pay()]),
        "refund asked" => {
            police(vec![taken_by_police(), charge(), pay(), ("d.police-window", plain(Name::RequestRefund))])
        }
        "refund approved" => police(vec![
            taken_by_police(),
            charge(),
            pay(),
            ("d.police-window", plain(Name::RequestRefund)),
            ("d.police-chief", plain(Name::DecideRefund)),
        ]),
        "joint" => joint(vec![]),
        // The district's departments are asked while the township has the case back.
        "copied" => {
            of("zj-gongzufang", "t.window", vec![accept(), reviewed(), ("d.coordinator", plain(Name::HandOver))])
        }
        "disagreed" => joint(vec![("d.other-reviewer", finish(proto::Opinion::Disagree))]),
        _ => panic!("nobody knows the way to {state}"),
    }
}

impl World {
    /// A new case in a state: who filed it sees it, and whoever acts waits until the case allows it.
    pub(crate) async fn case_in(&self, state: &str) -> String {
        if let Some(prepared) = self.prepared.get(state) {
            return prepared.lock().unwrap().pop().expect("enough cases");
        }
        let Way { item, by, legs, preliminary } = way(state);
        let application = self.application(item, VILLAGE, OTHERS, by == "v.agent");
        let number = self.submit(by, &proto::SubmitRequest { preliminary, ..application }).await.number;
        for (by, action) in legs {
            self.leg(&number, by, action).await;
        }
        number
    }

    /// Cases with which the village goes on, not knowing that the township has called them back: as many as a state needs.
    pub(crate) async fn supersede(&mut self, state: &State) {
        let mut numbers = Vec::new();
        for _ in 0..state.cases() {
            numbers.push(self.case_in("correcting").await);
        }
        self.in_sync().await;
        let (township, village) = (code(TOWNSHIP), code(VILLAGE));
        self.district.stop(village).unwrap();
        for number in &numbers {
            let reason = WORDS.into();
            self.leg(number, "t.full-course", Action::Reclaim(proto::Reclaim { reason })).await;
        }
        self.district.in_sync(township, SOON).await.unwrap();
        self.district.stop(township).unwrap();
        self.district.serve(village).unwrap();
        for number in &numbers {
            self.leg(number, "v.agent", supply()).await;
        }
        self.district.serve(township).unwrap();
        for number in &numbers {
            let window = self.person("t.window");
            self.wait(&format!("what the village did on {number}"), async || {
                window.view(number).await.ok().filter(|view| !view.superseded.is_empty())
            })
            .await;
        }
        self.in_sync().await;
        self.prepared.insert("superseded", Mutex::new(numbers));
    }

    async fn leg(&self, number: &str, by: &str, action: Action) {
        let person = self.person(by);
        let wanted = name_of(&action);
        let view = self
            .wait(&format!("{wanted} of {number} for {by}"), async || {
                let view = person.view(number).await.ok()?;
                view.actions.iter().any(|offered| offered == wanted).then_some(view)
            })
            .await;
        self.does(by, number, self.complete(by, number, &view, action).await).await;
    }

    /// Puts in what only the case itself tells: its alert, where it goes, a photograph.
    pub(crate) async fn complete(&self, by: &str, number: &str, view: &proto::CaseView, action: Action) -> Action {
        match action {
            Action::AppealAlert(_) => content::action(sanji_domain::case::Action::AppealAlert, view, 0),
            Action::HandOver(_) => content::action(sanji_domain::case::Action::HandOver, view, 0),
            Action::PostPublicity(post) => {
                let photograph = self.photograph(by, &[], number, "公示.jpg").await.unwrap();
                Action::PostPublicity(proto::PostPublicity { photographs: vec![photograph], ..post })
            }
            other => other,
        }
    }

    /// A new matter in a state.
    pub(crate) async fn matter_in(&self, state: &str) -> String {
        let complaint = Opening::Complaint(proto::OpenComplaint {
            way: proto::Way::Visit.into(),
            against: Some(proto::Against { person: "mz-01".into(), ..Default::default() }),
            words: "排队太久".into(),
            ..Default::default()
        });
        let question = Opening::Question(proto::OpenQuestion {
            way: proto::Way::Visit.into(),
            item: "rs-canbao".into(),
            words: "几点开门".into(),
            ..Default::default()
        });
        let rectification = Opening::Rectification(proto::OpenRectification {
            source: proto::RectificationSource::Patrol.into(),
            station: code(TOWNSHIP).number(),
            until: today(),
            title: "标识不清".into(),
            words: "请更换".into(),
            ..Default::default()
        });
        let survey = Opening::Survey(proto::OpenSurvey {
            title: "评议".into(),
            groups: vec![proto::SurveyGroup { name: "窗口".into(), units: vec!["民政".into()] }],
            questions: vec!["效率".into()],
            from: today(),
            until: today(),
            codes: 1,
        });
        use sanji_domain::matter::MatterAction as Name;
        let desk = |name| ("d.complaints", content::matter_action(name));
        let (by, opening, legs): (&str, Opening, Vec<(&str, MatterAct)>) = match state {
            "registered" => ("d.complaints", complaint, vec![]),
            "accepted" => ("d.complaints", complaint, vec![desk(Name::Accept)]),
            "assigned" => ("d.complaints", complaint, vec![desk(Name::Accept), desk(Name::Assign)]),
            "investigated" => {
                let found = ("d.reviewer", content::matter_action(Name::Investigate));
                ("d.complaints", complaint, vec![desk(Name::Accept), desk(Name::Assign), found])
            }
            "concluded" => ("d.complaints", complaint, vec![desk(Name::Accept), desk(Name::Conclude)]),
            "sealed" => ("v.agent", complaint, vec![]),
            "asked" => ("t.window", question, vec![]),
            "answered" => ("t.window", question, vec![desk(Name::Answer)]),
            "issued" => ("d.supervisor", rectification, vec![]),
            "reported" => ("d.supervisor", rectification, vec![("t.window", content::matter_action(Name::Report))]),
            "running" => ("d.supervisor", survey, vec![]),
            _ => panic!("nobody knows the way to {state}"),
        };
        let number = self.open(by, opening).await.number;
        for (by, action) in legs {
            let person = self.person(by);
            let may = async || person.matter(&number).await.ok().filter(|view| !view.actions.is_empty());
            self.wait(&format!("{number} for {by}"), may).await;
            self.does_matter(by, &number, action).await;
        }
        number
    }
}

/// The name of an action as the contract has it.
pub(crate) fn name_of(action: &Action) -> &'static str {
    match action {
        Action::Accept(_) => "accept",
        Action::RequestCorrection(_) => "request_correction",
        Action::SupplyCorrection(_) => "supply_correction",
        Action::FinishStage(_) => "finish_stage",
        Action::Decide(_) => "decide",
        Action::Deliver(_) => "deliver",
        Action::Rate(_) => "rate",
        Action::AllowSecondCorrection(_) => "allow_second_correction",
        Action::AppealAlert(_) => "appeal_alert",
        Action::IssueOrder(_) => "issue_order",
        Action::RequestWithdrawal(_) => "request_withdrawal",
        Action::Return(_) => "return",
        Action::AskReview(_) => "ask_review",
        Action::AnswerPreliminary(_) => "answer_preliminary",
        Action::PostPublicity(_) => "post_publicity",
        Action::Suspend(_) => "suspend",
        Action::SendUp(_) => "send_up",
        Action::HandOver(_) => "hand_over",
        Action::Reclaim(_) => "reclaim",
        Action::IssueFee(_) => "issue_fee",
        Action::RegisterPayment(_) => "register_payment",
        Action::RequestRefund(_) => "request_refund",
        Action::DecideRefund(_) => "decide_refund",
        other => panic!("no way to a state has {other:?}"),
    }
}
