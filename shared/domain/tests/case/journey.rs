//! A case on its way through the district: people act, entries are written, the case is applied.

use sanji_domain::case::{
    Action, ApplicantInput, Case, CaseEntry, Command, DeliveryMethod, Draft, ExtensionInput, FaultInput, FaultKind,
    Mandate, MaterialProvided, Opinion, Refusal, ReturnReason, StepEvent, StoredAttachment, Submission, available,
    codec, decide, is_todo, submit,
};
use sanji_domain::catalogue::{MaterialForm, Special, SpecialClock};
use sanji_domain::{Item, Staff};
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
        for draft in drafts {
            let (kind, bytes) = codec::encode(&draft.body, None);
            let read = codec::decode(kind, &bytes).unwrap().unwrap().body;
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
            Action::Accept => Command::Accept,
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
                let of_stage = self.case.stage().and_then(|stage| self.item.special_of(stage).find(stops));
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
            },
            Action::Return => Command::Return {
                reason: if self.case.correction().is_some() {
                    ReturnReason::CorrectionOverdue
                } else {
                    ReturnReason::Duplicate
                },
                words: "请按通知书办理".into(),
                basis: "本区政务服务事项办理规程第十二条".into(),
            },
            Action::Deliver => {
                Command::Deliver { method: DeliveryMethod::InPerson, receiver: "丁波刚".into(), signed_on: None }
            }
            Action::AddNote => Command::AddNote { words: "已电话联系".into() },
            Action::Remind => Command::Remind,
            Action::RequestWithdrawal => Command::RequestWithdrawal { words: "不再申请".into() },
            Action::ConfirmWithdrawal => Command::ConfirmWithdrawal,
            Action::Rate => Command::Rate { satisfaction: 5, words: "很方便".into() },
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
            other => panic!("{} needs to know who acts", other.name()),
        }
    }

    /// Takes the next step towards approval; days pass while a notice hangs. Gives the action, none at the end.
    pub(crate) fn forward(&mut self) -> Option<Action> {
        const TOWARDS: [Action; 6] = [
            Action::Accept,
            Action::FinishStage,
            Action::PostPublicity,
            Action::EndPublicity,
            Action::Decide,
            Action::Deliver,
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
