//! A case on its way through the district: people act, entries are written, the case is applied.

use std::collections::BTreeSet;

use sanji_domain::calendar::local_date;
use sanji_domain::case::fee::{FeeInput, PaymentInput, still_chargeable};
use sanji_domain::case::{
    Action, ApplicantInput, Body, Case, CaseDocument, CaseEntry, Command, DeliveryMethod, DocumentKind, Draft,
    ExtensionInput, FaultInput, FaultKind, FollowUp, Mandate, Mark, MaterialProvided, Opinion, Refusal, ReturnReason,
    StepEvent, StoredAttachment, Submission, Visit, available, codec, decide, duties, is_todo, my_stages, submit,
    transfer_targets,
};
use sanji_domain::catalogue::{MaterialForm, Special, SpecialClock};
use sanji_domain::{DepartmentCode, Item, Staff, StageId};
use sanji_log::{
    AttachmentId, AttachmentRef, CaseId, Hash, HybridTime, LogId, PublicKey, Reach, RequestId, StationCode,
};

use crate::district::{DAY, District, MONDAY, district};

#[derive(Clone)]
pub(crate) struct Journey {
    pub(crate) district: &'static District,
    pub(crate) item: &'static Item,
    pub(crate) case: Case,
    pub(crate) now_ms: u64,
    pub(crate) entries: Vec<CaseEntry>,
    pub(crate) drafts: Vec<Draft>,
}

/// Everything that an agent may be allowed.
pub(crate) const FULL_MANDATE: Mandate = Mandate {
    may_submit: true,
    may_correct: true,
    may_sign_for_documents: true,
    may_collect_result: true,
    until: None,
};

/// An application with all that is mandatory.
pub(crate) fn application(item: &Item, mandate: Option<Mandate>) -> Submission {
    let handed_in = item.materials.iter().enumerate();
    let handed_in = handed_in.filter(|(_, material)| material.mandatory && material.form != MaterialForm::Shared);
    Submission {
        request: RequestId([1; 16]),
        item: item.code.clone(),
        applicant: ApplicantInput {
            name: "丁波刚".into(),
            id_number: "99010619520121129X".into(),
            telephone: "13800000000".into(),
            address: "杨家坝村3组".into(),
        },
        answers: vec![("家庭人口".into(), "3".into())],
        materials: handed_in
            .map(|(at, material)| MaterialProvided {
                material: u32::try_from(at).unwrap(),
                originals: material.originals,
                copies: material.copies.max(1),
                attachments: Vec::new(),
            })
            .collect(),
        mandate,
        witnesses: String::new(),
        village: None,
        query_code: "042137".into(),
        attachments: Vec::new(),
        variant: 0,
        urgent_reason: String::new(),
        preliminary: false,
    }
}

pub(crate) fn photograph(number: u8) -> StoredAttachment {
    StoredAttachment {
        reference: AttachmentRef { id: AttachmentId([number; 32]), size: 1000 },
        file_name: format!("照片{number}.jpg"),
        media_type: "image/jpeg".into(),
    }
}

/// A number that looks like a hash: spread evenly, the same in every run.
pub(crate) fn hash(number: u64) -> Hash {
    let mut bytes = [0; 32];
    let mut state = number.wrapping_add(1);
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        chunk.copy_from_slice(&(state ^ (state >> 29)).to_be_bytes());
    }
    Hash(bytes)
}

/// The private log of a case's home that a station writes.
pub(crate) fn log(home: StationCode, writer: StationCode) -> LogId {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&writer.number().to_be_bytes());
    LogId { reach: Reach::Private, home, key: PublicKey(key) }
}

impl Journey {
    /// Opens a case with everything that is mandatory.
    pub(crate) fn open(code: &str, actor: &str, mandate: Option<Mandate>) -> Result<Self, Refusal> {
        Self::open_at(code, actor, mandate, MONDAY)
    }

    pub(crate) fn open_at(code: &str, actor: &str, mandate: Option<Mandate>, now_ms: u64) -> Result<Self, Refusal> {
        let item = district().item(code);
        Self::file(item, district().person(actor), application(item, mandate), now_ms)
    }

    pub(crate) fn open_with(item: &'static Item, actor: &Staff, submission: Submission) -> Result<Self, Refusal> {
        Self::file(item, actor, submission, MONDAY)
    }

    fn file(item: &'static Item, actor: &Staff, submission: Submission, now_ms: u64) -> Result<Self, Refusal> {
        let district = district();
        let drafts = submit(submission, &district.at_desk(actor, now_ms))?;
        let case = Case::new(CaseId::new(actor.place, 9557, 1, [7; 7]).unwrap());
        let mut journey = Self { district, item, case, now_ms, entries: Vec::new(), drafts: Vec::new() };
        journey.write(drafts, actor);
        Ok(journey)
    }

    /// What a station does with drafts: encode, write, read back, apply.
    fn write(&mut self, drafts: Vec<Draft>, actor: &Staff) {
        let mut last = None;
        for mut draft in drafts {
            if let Body::Step(step) = &mut draft.body {
                step.previous = last.or(step.previous);
            }
            let (kind, bytes) = codec::encode(&draft.body, None);
            let read = codec::decode(kind, &bytes.into()).unwrap().unwrap().body;
            assert_eq!(read, draft.body);
            let number = self.entries.len() as u64 + 1;
            let entry = CaseEntry {
                hash: hash(number),
                log: log(self.case.home().unwrap(), actor.place),
                seq: number,
                writer: actor.place,
                time: HybridTime::from_millis(self.now_ms + number),
                actor: actor.id.to_string(),
                body: read,
            };
            self.case.apply(&entry);
            last = Some(entry.hash);
            self.entries.push(entry);
            self.drafts.push(draft);
        }
    }

    pub(crate) fn try_act(&mut self, actor: &Staff, command: Command) -> Result<(), Refusal> {
        let request = RequestId([u8::try_from(self.entries.len() + 1).unwrap(); 16]);
        let drafts = decide(&self.case, Some(request), command, &self.district.at_desk(actor, self.now_ms))?;
        self.write(drafts, actor);
        Ok(())
    }

    pub(crate) fn act(&mut self, actor: &str, command: Command) -> Result<(), Refusal> {
        self.try_act(self.district.person(actor), command)
    }

    /// Acts as someone at the holder who is offered this.
    pub(crate) fn do_it(&mut self, command: Command) {
        let actor = self.offered(command.action()).unwrap_or_else(|| panic!("nobody may {}", command.action().name()));
        self.try_act(actor, command).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    }

    pub(crate) fn names(&self, actor: &Staff) -> Vec<&'static str> {
        available(&self.case, &self.district.at_desk(actor, self.now_ms))
    }

    /// Those at the holder whose turn it is.
    fn in_turn(&self) -> impl Iterator<Item = &'static Staff> {
        let people = self.district.people_at(self.case.holder().unwrap());
        people.filter(|staff| is_todo(&self.case, &self.district.at_desk(staff, self.now_ms)))
    }

    /// The stages in which anybody at the holder may act now.
    pub(crate) fn open_stages(&self) -> BTreeSet<StageId> {
        let at_desk = |staff| self.district.at_desk(staff, self.now_ms);
        self.in_turn().flat_map(|staff| my_stages(&self.case, &at_desk(staff))).collect()
    }

    /// Someone at the holder who is offered a step.
    pub(crate) fn offered(&self, action: Action) -> Option<&'static Staff> {
        self.in_turn().find(|staff| self.names(staff).contains(&action.name()))
    }

    pub(crate) fn days_pass(&mut self, days: u64) {
        self.now_ms += days * DAY;
    }

    pub(crate) fn stage(&self) -> &str {
        self.case.stage().map_or("", |stage| stage.as_str())
    }

    /// The words of a person for whom all is well.
    pub(crate) fn approving(&self, action: Action) -> Command {
        let fault =
            FaultInput { material: 0, kind: FaultKind::Unclear, requirement: "请重新填写并签名".into() };
        match action {
            Action::Accept => Command::Accept { tolerated: Vec::new() },
            Action::RefuseAcceptance => Command::RefuseAcceptance {
                reason: "不属于本机关职权范围".into(),
                basis: "《行政许可法》第三十二条第一款第（二）项".into(),
                competent_office: "邻区政务服务中心".into(),
            },
            Action::RequestCorrection => Command::RequestCorrection { faults: vec![fault] },
            Action::SupplyCorrection => Command::SupplyCorrection {
                materials: vec![MaterialProvided {
                    material: 0,
                    originals: 1,
                    copies: 0,
                    attachments: vec![AttachmentId([9; 32])],
                }],
                answers: Vec::new(),
                attachments: vec![photograph(9)],
            },
            Action::FinishStage => Command::FinishStage {
                opinion: Opinion::Agree,
                words: "情况属实，同意。".into(),
                outside_number: "澄财票2026-0001".into(),
                together_with: vec!["colleague".parse().unwrap()],
                materials: Vec::new(),
                attachments: Vec::new(),
                answered_on: None,
                stage: None,
            },
            Action::PostPublicity => Command::PostPublicity {
                place: String::new(),
                photographs: vec![AttachmentId([5; 32])],
                attachments: vec![photograph(5)],
            },
            Action::EndPublicity => Command::EndPublicity { objection: false, words: String::new() },
            Action::Suspend => {
                let used = |special: &Special| {
                    self.case.steps().any(
                        |facts| matches!(&facts.body.event, StepEvent::Suspended { kind, .. } if *kind == special.kind),
                    )
                };
                let stops = |special: &&Special| special.clock == SpecialClock::Paused && !used(special);
                let at_desk = |staff| self.district.at_desk(staff, self.now_ms);
                let stages: Vec<_> =
                    self.offered(action).map(|staff| my_stages(&self.case, &at_desk(staff))).unwrap_or_default();
                let of_stage = stages.iter().find_map(|stage| self.item.special_of(stage).find(stops));
                let kind = of_stage.map(|special| special.kind.clone()).unwrap_or_default();
                Command::Suspend { kind, reason: "需要进行特别程序".into(), expected_days: 0, told_on: None }
            }
            Action::Resume => Command::Resume { outside_number: "报告1号".into() },
            Action::Decide => Command::Decide {
                approved: true,
                reason: "符合条件".into(),
                basis: String::new(),
                ground: 0,
                document_number: "澄准字〔2026〕1号".into(),
                answered_on: None,
                stage: None,
            },
            Action::Return => Command::Return {
                reason: if self.case.correction().is_some() {
                    ReturnReason::CorrectionOverdue
                } else {
                    ReturnReason::Duplicate
                },
                words: "请按通知书办理".into(),
                basis: "本区政务服务事项办理规程第十二条".into(),
                what_now: "材料齐全后可以到原窗口重新申请".into(),
                materials_back: Vec::new(),
            },
            Action::Deliver => {
                Command::Deliver { method: DeliveryMethod::InPerson, receiver: "丁波刚".into(), signed_on: None }
            }
            Action::AddNote => Command::AddNote { words: "已电话联系".into() },
            Action::Remind => Command::Remind,
            Action::RequestWithdrawal => Command::RequestWithdrawal { words: "不再申请".into() },
            Action::ConfirmWithdrawal => Command::ConfirmWithdrawal { materials_back: Vec::new() },
            Action::Rate => Command::Rate { satisfaction: 5, words: "很方便".into() },
            Action::FollowUp => Command::FollowUp { what: FollowUp::Rectified, words: "已上门更正".into() },
            Action::Extend => Command::Extend(ExtensionInput {
                reason: "需要异地核查".into(),
                told_by: DeliveryMethod::InPerson,
                told_on: None,
                approval_number: "澄府批〔2026〕1号".into(),
            }),
            Action::Reclaim => Command::Reclaim { reason: "站点设备损坏".into() },
            Action::HandOver => {
                let home = self.case.home();
                let to = if self.case.holder() == home { home.and_then(|home| home.parent()) } else { home };
                Command::HandOver { to, reason: "站点搬迁".into() }
            }
            Action::CheckSuperseded => Command::CheckSuperseded {
                step: self.case.superseded().next().map_or(hash(0), |facts| facts.hash),
                redone: true,
                words: "已重新办理".into(),
            },
            Action::FinishAtOnce => Command::FinishAtOnce {
                words: String::new(),
                document_number: String::new(),
                receiver: "丁波刚".into(),
                method: DeliveryMethod::InPerson,
            },
            Action::ChooseVariant => {
                Command::ChooseVariant { variant: 1, reason: "符合该程序的适用情形".into() }
            }
            Action::SendUp => {
                Command::SendUp { body: "市主管部门".into(), sent_on: None, outside_number: "市收2026-7".into() }
            }
            Action::Chase => Command::Chase { on: None, words: "电话催办，答复本周内批复".into() },
            Action::RegisterAnswer => Command::RegisterAnswer {
                answered_on: None,
                outside_number: "市批〔2026〕7号".into(),
                approved: true,
                words: String::new(),
            },
            Action::AllowSecondCorrection => Command::AllowSecondCorrection {
                reason: "补正材料仍有涂改，申请人请求再次补正".into(),
            },
            Action::CorrectAtOnce => Command::CorrectAtOnce {
                materials: Vec::new(),
                answers: vec![("家庭人口".into(), "4".into())],
                attachments: Vec::new(),
            },
            Action::Transfer => Command::Transfer {
                department: self.transfer_target().unwrap_or_else(|| "nobody".parse().unwrap()),
                reason: "该窗口今日停电".into(),
            },
            Action::ConsultAgain => Command::ConsultAgain { words: "请就补充材料再提意见".into() },
            Action::AnswerPreliminary => {
                Command::AnswerPreliminary { faults: vec![fault], words: "其余材料齐全".into() }
            }
            Action::SubmitPreliminary => Command::SubmitPreliminary {
                materials: application(self.item, None).materials,
                answers: Vec::new(),
                attachments: Vec::new(),
            },
            Action::SetMark => Command::SetMark {
                mark: Mark::Urgent,
                remove: false,
                reason: "申请人病重，急需办理".into(),
                until: None,
            },
            Action::AnswerCopy => {
                Command::AnswerCopy { opinion: Opinion::Agree, words: "无不同意见".into(), stage: None }
            }
            Action::SignForCopy => Command::SignForCopy { stage: None },
            Action::RecordVisit => Command::RecordVisit {
                visit: Visit {
                    on: local_date(i64::try_from(self.now_ms).unwrap()),
                    place: "申请地块".into(),
                    departments: vec![self.item.department.clone()],
                    held: false,
                    attended: Vec::new(),
                    attachments: Vec::new(),
                },
                words: String::new(),
                attachments: Vec::new(),
            },
            Action::FinishDuty => {
                let open: Vec<_> = duties(&self.case, self.item, &self.district.calendar);
                let open: Vec<_> = open.into_iter().filter(|duty| duty.done.is_none()).collect();
                let given =
                    |material: u32| MaterialProvided { material, originals: 1, copies: 0, attachments: Vec::new() };
                Command::FinishDuty {
                    variant: open.iter().any(|duty| duty.material.is_none()),
                    words: "手续已经补齐".into(),
                    materials: open.iter().filter_map(|duty| duty.material).map(given).collect(),
                    attachments: Vec::new(),
                }
            }
            Action::AskReview => Command::AskReview { words: "材料并无重复".into() },
            Action::AnswerReview => Command::AnswerReview { upheld: false, words: "经复核，退回正确".into() },
            Action::VoidDocument => {
                let issued = self.case.documents().into_iter().find(|issued| !issued.void);
                let issued = issued.map(|issued| (issued.step, issued.document.kind));
                let (step, kind) = issued.unwrap_or((hash(0), DocumentKind::Accepted));
                Command::VoidDocument { step, kind, reason: "打印错误".into(), replace: true }
            }
            Action::IssueFee => Command::IssueFee { lines: self.every_fee() },
            Action::RegisterPayment => Command::RegisterPayment(self.receipt()),
            Action::VoidFee => Command::VoidFee { reason: "数量有误".into() },
            Action::AbandonFee => Command::AbandonFee,
            Action::RequestRefund => Command::RequestRefund {
                notice: 0,
                amount_fen: self
                    .case
                    .fees()
                    .notices
                    .iter()
                    .map(|notice| notice.issued.payable_fen())
                    .max()
                    .unwrap_or(0),
                reason: "重复缴款".into(),
                account: "6222000000000000".into(),
            },
            Action::DecideRefund => Command::DecideRefund { notice: 0, approved: true, words: String::new() },
            Action::RegisterRefund => Command::RegisterRefund { notice: 0, receipt_number: "退2026-1".into() },
            other => panic!("{} needs to know who acts", other.name()),
        }
    }

    /// One unit of each fee that may still be charged.
    pub(crate) fn every_fee(&self) -> Vec<FeeInput> {
        let today = local_date(i64::try_from(self.now_ms).unwrap());
        let fees = still_chargeable(&self.case, self.item, &self.district.catalogue, today).into_iter();
        fees.map(|fee| FeeInput { code: fee.code.clone(), quantity: 1, waived_fen: 0, ground: String::new() }).collect()
    }

    /// The bank's receipt for the notice that is open.
    pub(crate) fn receipt(&self) -> PaymentInput {
        PaymentInput {
            notice: 0,
            receipt_number: "澄财票2026-0001".into(),
            amount_fen: self.case.fees().open().map_or(0, |notice| notice.issued.payable_fen()),
            paid_ms: self.now_ms,
            bank: "澄川农商行".into(),
            serial: "880001".into(),
        }
    }

    /// The same for a certain person, where it depends on who acts.
    pub(crate) fn approving_by(&self, actor: &Staff, action: Action) -> Command {
        let at_desk = self.district.at_desk(actor, self.now_ms);
        match self.approving(action) {
            Command::Transfer { reason, .. } => Command::Transfer {
                department: transfer_targets(&self.case, &at_desk).pop().unwrap_or_else(|| "nobody".parse().unwrap()),
                reason,
            },
            Command::VoidDocument { step, kind, reason, replace } => {
                let void = |step, kind| Command::VoidDocument { step, kind, reason: reason.clone(), replace };
                // Of several, one that the actor's office has issued.
                let theirs = |issued: &CaseDocument| {
                    decide(&self.case, None, void(issued.step, issued.document.kind), &at_desk).is_ok()
                };
                let issued = self.case.documents().into_iter().find(theirs);
                let (step, kind) = issued.map_or((step, kind), |issued| (issued.step, issued.document.kind));
                void(step, kind)
            }
            command => command,
        }
    }

    /// Some department to which whoever has the turn may transfer the present stage.
    fn transfer_target(&self) -> Option<DepartmentCode> {
        let at_desk = |staff| self.district.at_desk(staff, self.now_ms);
        self.in_turn().find_map(|staff| transfer_targets(&self.case, &at_desk(staff)).into_iter().next())
    }

    /// Takes the next step towards approval; days pass while a notice hangs. Gives the action, none at the end.
    pub(crate) fn forward(&mut self) -> Option<Action> {
        const TOWARDS: [Action; 10] = [
            Action::RegisterPayment,
            Action::Accept,
            Action::SubmitPreliminary,
            Action::SendUp,
            Action::FinishStage,
            Action::PostPublicity,
            Action::EndPublicity,
            Action::Decide,
            Action::Deliver,
            Action::IssueFee,
        ];
        self.case.stage()?;
        for _ in 0..40 {
            let actor = self.in_turn().next();
            if let Some(actor) = actor {
                let names = self.names(actor);
                if let Some(action) = TOWARDS.into_iter().find(|action| names.contains(&action.name())) {
                    self.try_act(actor, self.approving(action)).unwrap_or_else(|refusal| panic!("{refusal:?}"));
                    return Some(action);
                }
            }
            assert!(self.case.publicity().is_some(), "stuck in {} of {}", self.stage(), self.item.code);
            self.days_pass(1);
        }
        panic!("the notice in {} of {} never ends", self.stage(), self.item.code);
    }

    /// Goes on until this action is offered to someone.
    pub(crate) fn until(&mut self, action: Action) {
        while self.offered(action).is_none() {
            assert!(self.forward().is_some(), "{} was never offered in {}", action.name(), self.item.code);
        }
    }
}
