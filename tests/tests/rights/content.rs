//! A whole request for each action on a case and on a matter: whatever is refused is refused for a right or a rule, and
//! not because something is missing.

use sanji_domain::case::Action as Name;
use sanji_domain::matter::MatterAction;
use sanji_proto::v1::{self as proto, act_matter_request::Action as MatterAct, act_request::Action};

use crate::filed::{agree, correction, supply, today};
use crate::world::{VILLAGE, code};

const WORDS: &str = "按规定办理";
const BASIS: &str = "《行政许可法》第三十二条";

/// An action at a station with everything that it needs, as far as the view of the case tells it.
pub(crate) fn action(name: Name, view: &proto::CaseView, here: u64) -> Action {
    let words = || WORDS.to_owned();
    let material = || proto::MaterialInput { material: 0, originals: 1, copies: 1, attachments: Vec::new() };
    let fault = || proto::FaultInput { material: 0, kind: proto::FaultKind::Missing.into(), requirement: words() };
    let alert = || view.alerts.first().map(|alert| alert.alert.clone()).unwrap_or_default();
    let order = || view.orders.first().map_or_else(|| vec![0; 32], |order| order.order.clone());
    match name {
        Name::Accept => Action::Accept(proto::Accept::default()),
        Name::RequestCorrection => correction(),
        Name::RefuseAcceptance => {
            let (reason, basis) = (words(), BASIS.to_owned());
            Action::RefuseAcceptance(proto::RefuseAcceptance { reason, basis, competent_office: "区民政局".into() })
        }
        Name::Return => Action::Return(proto::Return {
            reason: proto::ReturnReason::ConditionsNotMet.into(),
            words: words(),
            basis: BASIS.into(),
            what_now: words(),
            materials_back: Vec::new(),
        }),
        Name::SupplyCorrection => supply(),
        Name::FinishStage => agree(),
        Name::PostPublicity => {
            Action::PostPublicity(proto::PostPublicity { place: "村务公开栏".into(), photographs: Vec::new() })
        }
        Name::EndPublicity => Action::EndPublicity(proto::EndPublicity::default()),
        Name::Suspend => {
            let kind = special(&view.item, &view.stage).unwrap_or_else(|| "调查核实".to_owned());
            let suspend = proto::Suspend { kind, reason: words(), ..Default::default() };
            Action::Suspend(suspend)
        }
        Name::Resume => Action::Resume(proto::Resume::default()),
        Name::Decide => {
            // Whoever leads a joint case may not approve what a department disagrees with.
            let approved = !view.joint.iter().flat_map(|joint| &joint.departments).any(|one| one.opinion == "不同意");
            let (reason, basis) = (words(), BASIS.to_owned());
            Action::Decide(proto::Decide { approved, reason, basis, document_number: "3".into(), ..Default::default() })
        }
        Name::Deliver => {
            let method = proto::DeliveryMethod::InPerson.into();
            Action::Deliver(proto::Deliver { method, receiver: "李秀英".into(), signed_on: 0 })
        }
        Name::ConfirmWithdrawal => Action::ConfirmWithdrawal(proto::ConfirmWithdrawal::default()),
        Name::RequestWithdrawal => Action::RequestWithdrawal(proto::RequestWithdrawal { words: words() }),
        Name::Remind => Action::Remind(proto::Remind {}),
        Name::AddNote => Action::AddNote(proto::AddNote { words: words() }),
        Name::Rate => Action::Rate(proto::Rate { satisfaction: 5, words: String::new() }),
        Name::Extend => Action::Extend(proto::Extend {
            reason: words(),
            told_by: proto::DeliveryMethod::InPerson.into(),
            told_on: 0,
            approval_number: "区政〔2026〕9号".into(),
        }),
        Name::Reclaim => Action::Reclaim(proto::Reclaim { reason: words() }),
        Name::HandOver => {
            // To its home, or from there to the district.
            let to = if view.holder == view.home { code(VILLAGE).district().number() } else { view.home };
            Action::HandOver(proto::HandOver { to, reason: words() })
        }
        Name::CheckSuperseded => {
            let step = view.superseded.iter().find(|step| !step.checked);
            let step = step.map_or_else(|| vec![0; 32], |step| step.hash.clone());
            Action::CheckSuperseded(proto::CheckSuperseded { step, redone: true, words: words() })
        }
        Name::FollowUp => {
            Action::FollowUp(proto::RecordFollowUp { what: proto::FollowUp::Contacted.into(), words: words() })
        }
        Name::AnswerAlert => Action::AnswerAlert(proto::AnswerAlert { alert: alert(), words: words() }),
        Name::AppealAlert => Action::AppealAlert(proto::AppealAlert { alert: alert(), words: words() }),
        Name::RevokeAlert | Name::UpholdAlert => {
            let revoked = name == Name::RevokeAlert;
            Action::ReviewAlert(proto::ReviewAlert { alert: alert(), revoked, words: words() })
        }
        Name::IssueOrder => {
            Action::IssueOrder(proto::IssueOrder { until: today(), words: words(), ..Default::default() })
        }
        Name::AnswerOrder => Action::AnswerOrder(proto::AnswerOrder { order: order(), words: words() }),
        Name::IssueFee => {
            let charged = |code: &String| view.fees.iter().flat_map(|fee| &fee.lines).any(|line| line.code == *code);
            let mut open = view.chargeable.iter().map(|fee| &fee.code).filter(|code| !charged(code));
            let fee = open.next().cloned().unwrap_or_default();
            let line = proto::FeeInput { code: fee, quantity: 1, waived_fen: 0, ground: String::new() };
            Action::IssueFee(proto::IssueFee { lines: vec![line] })
        }
        Name::RegisterPayment => Action::RegisterPayment(proto::RegisterPayment {
            notice: 0,
            receipt_number: "P-1".into(),
            amount_fen: view.fees.last().map_or(0, |fee| fee.payable_fen),
            paid_ms: sanji_station::clock::now_ms(),
            bank: "澄川农商行".into(),
            serial: "S-1".into(),
        }),
        Name::VoidFee => Action::VoidFee(proto::VoidFee { reason: words() }),
        Name::AbandonFee => Action::AbandonFee(proto::AbandonFee {}),
        Name::RequestRefund => Action::RequestRefund(proto::RequestRefund {
            notice: 0,
            amount_fen: 100,
            reason: words(),
            account: "6200 0000".into(),
        }),
        Name::DecideRefund => {
            Action::DecideRefund(proto::DecideRefund { notice: 0, approved: true, words: String::new() })
        }
        Name::RegisterRefund => {
            Action::RegisterRefund(proto::RegisterRefund { notice: 0, receipt_number: "R-1".into() })
        }
        Name::FinishAtOnce => Action::FinishAtOnce(proto::FinishAtOnce {
            words: words(),
            document_number: "4".into(),
            ..Default::default()
        }),
        Name::ChooseVariant => Action::ChooseVariant(proto::ChooseVariant { variant: 1, reason: words() }),
        Name::SendUp => Action::SendUp(proto::SendUp { body: String::new(), sent_on: 0, outside_number: "W-1".into() }),
        Name::Chase => Action::Chase(proto::Chase { on: 0, words: words() }),
        Name::RegisterAnswer => Action::RegisterAnswer(proto::RegisterAnswer {
            answered_on: 0,
            outside_number: "W-2".into(),
            approved: true,
            words: words(),
        }),
        Name::AllowSecondCorrection => Action::AllowSecondCorrection(proto::AllowSecondCorrection { reason: words() }),
        Name::CorrectAtOnce => {
            Action::CorrectAtOnce(proto::CorrectAtOnce { materials: vec![material()], answers: Vec::new() })
        }
        Name::Transfer => {
            let to = view.transfer_to.first().map_or("sp", |to| to.code.as_str());
            Action::Transfer(proto::Transfer { department: to.to_owned(), reason: words() })
        }
        Name::ConsultAgain => Action::ConsultAgain(proto::ConsultAgain { words: words() }),
        Name::AnswerPreliminary => {
            Action::AnswerPreliminary(proto::AnswerPreliminary { faults: vec![fault()], words: words() })
        }
        Name::SubmitPreliminary => Action::SubmitPreliminary(proto::SubmitPreliminary::default()),
        Name::SetMark => Action::SetMark(proto::SetMark {
            mark: proto::Mark::Urgent.into(),
            remove: view.urgent.is_some(),
            reason: words(),
            until: 0,
        }),
        Name::AnswerCopy => Action::AnswerCopy(proto::AnswerCopy {
            opinion: proto::Opinion::Agree.into(),
            words: words(),
            stage: String::new(),
        }),
        Name::SignForCopy => Action::SignForCopy(proto::SignForCopy::default()),
        Name::RecordVisit => Action::RecordVisit(proto::RecordVisit {
            on: today(),
            place: "现场".into(),
            departments: vec!["mz".into()],
            ..Default::default()
        }),
        Name::FinishDuty => Action::FinishDuty(proto::FinishDuty {
            variant: false,
            words: words(),
            materials: view
                .duties
                .iter()
                .map(|duty| proto::MaterialInput { material: duty.material, ..material() })
                .collect(),
        }),
        Name::AskReview => Action::AskReview(proto::AskReview { words: words() }),
        Name::AnswerReview => Action::AnswerReview(proto::AnswerReview { upheld: false, words: words() }),
        Name::VoidDocument => {
            let own = |step: &&proto::StepView| step.documents.iter().any(|document| !document.void);
            let step = view.steps.iter().rfind(|step| own(step) && step.station == here);
            let document = step.and_then(|step| step.documents.iter().find(|document| !document.void));
            Action::VoidDocument(proto::VoidDocument {
                step: step.map_or_else(|| vec![0; 32], |step| step.hash.clone()),
                kind: document.map_or(0, |document| document.kind),
                reason: words(),
                replace: true,
            })
        }
    }
}

/// The special procedure that an item knows in a stage.
fn special(item: &str, stage: &str) -> Option<String> {
    let path = sanji_tests::sample::folder().join(format!("catalogue/items/{item}.toml"));
    let item: toml::Table = toml::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    let word = |special: &toml::Value, name: &str| special.get(name)?.as_str().map(str::to_owned);
    let mut specials = item.get("special")?.as_array()?.iter();
    specials.find(|special| word(special, "stage").as_deref() == Some(stage)).and_then(|special| word(special, "kind"))
}

/// An action on a matter with everything that it needs.
pub(crate) fn matter_action(name: MatterAction) -> MatterAct {
    let words = || WORDS.to_owned();
    match name {
        MatterAction::Accept => MatterAct::Accept(proto::AcceptComplaint {}),
        MatterAction::Refuse => MatterAct::Refuse(proto::RefuseComplaint { reason: words() }),
        MatterAction::Assign => MatterAct::Assign(proto::AssignComplaint { department: "rs".into(), words: words() }),
        MatterAction::Investigate => MatterAct::Investigate(proto::InvestigateComplaint {
            finding: proto::Finding::Upheld.into(),
            words: words(),
        }),
        MatterAction::Conclude => MatterAct::Conclude(proto::ConcludeComplaint {
            finding: proto::Finding::Upheld.into(),
            words: words(),
            reply: words(),
            propose_suspension: false,
        }),
        MatterAction::OpenLetter => MatterAct::OpenLetter(proto::OpenLetter {}),
        MatterAction::Answer => MatterAct::Answer(proto::AnswerQuestion { reply: words(), ..Default::default() }),
        MatterAction::Report => MatterAct::Report(proto::ReportRectification { words: words(), evidence: Vec::new() }),
        MatterAction::SendBack => MatterAct::SendBack(proto::SendBackRectification { until: today(), words: words() }),
        MatterAction::Close => MatterAct::Close(proto::CloseRectification { words: words() }),
        MatterAction::CloseSurvey => MatterAct::CloseSurvey(proto::CloseSurvey { called_in: Vec::new() }),
        MatterAction::Note => MatterAct::Note(proto::NoteMatter { words: words() }),
        MatterAction::Remind => MatterAct::Remind(proto::RemindMatter {}),
        MatterAction::Rate => MatterAct::Rate(proto::RateMatter { satisfied: true, words: String::new() }),
        MatterAction::Cancel => MatterAct::Cancel(proto::CancelMatter { reason: words() }),
    }
}
