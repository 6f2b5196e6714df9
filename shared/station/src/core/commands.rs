//! From the messages of case.proto to commands: every field is looked at here once, and everything that is wrong
//! is told in one go.

use std::collections::BTreeSet;

use jiff::civil::Date;
use sanji_domain::calendar::date_of_number;
use sanji_domain::case::{
    ApplicantInput, Command, DeliveryMethod, ExtensionInput, FaultInput, FaultKind, FieldFault, MaterialInput, Opinion,
    Refusal, RefusalCode, ReturnReason, StoredAttachment, Submission, codec,
};
use sanji_domain::supervision::Office;
use sanji_log::{AttachmentId, Hash, RequestId, StationCode};
use sanji_proto::v1::{self as proto, act_request::Action};

/// Collects what is wrong with a request.
#[derive(Default)]
struct Faults(Vec<FieldFault>);

impl Faults {
    fn note(&mut self, field: impl Into<String>, sentence: &str) {
        self.0.push(FieldFault { field: field.into(), sentence: sentence.to_owned() });
    }

    fn or<T>(self, value: Option<T>) -> Result<T, Refusal> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Refusal::of_fields(RefusalCode::InvalidInput, self.0)),
        }
    }
}

/// The 16 bytes by which a command is known.
pub(super) fn request(bytes: &[u8]) -> Result<RequestId, Refusal> {
    let mut faults = Faults::default();
    let request = RequestId::try_from(bytes).ok();
    if request.is_none() {
        faults.note("request", "请求编号缺失或长度不对，请刷新页面后重新提交。");
    }
    faults.or(request)
}

/// The attachments that a submission names.
pub(super) fn named_by_submit(request: &proto::SubmitRequest) -> BTreeSet<AttachmentId> {
    named(request.materials.iter().flat_map(|material| &material.attachments))
}

/// The attachments that an action names.
pub(super) fn named_by_act(action: &Action) -> BTreeSet<AttachmentId> {
    match action {
        Action::SupplyCorrection(supply) => named(supply.materials.iter().flat_map(|material| &material.attachments)),
        Action::FinishStage(finish) => named(finish.materials.iter().flat_map(|material| &material.attachments)),
        Action::PostPublicity(post) => named(post.photographs.iter()),
        _ => BTreeSet::new(),
    }
}

fn named<'a>(ids: impl Iterator<Item = &'a Vec<u8>>) -> BTreeSet<AttachmentId> {
    ids.filter_map(|id| AttachmentId::try_from(id.as_slice()).ok()).collect()
}

/// An application.
pub(super) fn submission(
    request_id: RequestId,
    request: proto::SubmitRequest,
    query_code: String,
    attachments: Vec<StoredAttachment>,
) -> Result<Submission, Refusal> {
    let mut faults = Faults::default();
    let item = request.item.parse().ok();
    if item.is_none() {
        faults.note("item", "请选择要办理的事项。");
    }
    let applicant = request.applicant.unwrap_or_default();
    let materials = materials(&mut faults, "materials", request.materials);
    let mandate = request.mandate.map(codec::decode_mandate).transpose();
    let mandate = mandate.unwrap_or_else(|_| {
        faults.note("mandate.until", "委托期限不是有效的日期。");
        None
    });
    let village = match request.village {
        0 => None,
        number => {
            let village = StationCode::from_number(number).ok();
            if village.is_none() {
                faults.note("village", "申请人所在村（社区）的代码不正确。");
            }
            village
        }
    };
    let submission = item.map(|item| Submission {
        request: request_id,
        item,
        applicant: ApplicantInput {
            name: applicant.name,
            id_number: applicant.id_number,
            telephone: applicant.telephone,
            address: applicant.address,
        },
        answers: answers(request.answers),
        materials,
        mandate,
        witnesses: request.witnesses,
        village,
        query_code,
        attachments,
    });
    faults.or(submission)
}

/// An action on a case.
pub(super) fn command(action: Action, attachments: Vec<StoredAttachment>) -> Result<Command, Refusal> {
    let mut faults = Faults::default();
    let command = match action {
        Action::Accept(proto::Accept {}) => Command::Accept,
        Action::RefuseAcceptance(refuse) => Command::RefuseAcceptance {
            reason: refuse.reason,
            basis: refuse.basis,
            competent_office: refuse.competent_office,
        },
        Action::RequestCorrection(correction) => Command::RequestCorrection {
            faults: correction
                .faults
                .into_iter()
                .map(|fault| FaultInput {
                    material: fault.material,
                    kind: FaultKind::from_number(fault.kind),
                    requirement: fault.requirement,
                })
                .collect(),
        },
        Action::SupplyCorrection(supply) => Command::SupplyCorrection {
            materials: materials(&mut faults, "supply_correction.materials", supply.materials),
            answers: answers(supply.answers),
            attachments,
        },
        Action::FinishStage(finish) => Command::FinishStage {
            opinion: Opinion::from_number(finish.opinion),
            words: finish.words,
            outside_number: finish.outside_number,
            together_with: staff(&mut faults, "finish_stage.together_with", finish.together_with),
            materials: materials(&mut faults, "finish_stage.materials", finish.materials),
            attachments,
        },
        Action::PostPublicity(post) => Command::PostPublicity {
            place: post.place,
            photographs: ids(&mut faults, "post_publicity.photographs", &post.photographs),
            attachments,
        },
        Action::EndPublicity(end) => Command::EndPublicity { objection: end.objection, words: end.words },
        Action::Suspend(suspend) => Command::Suspend {
            told_on: day(&mut faults, "suspend.told_on", suspend.told_on),
            kind: suspend.kind,
            reason: suspend.reason,
            expected_days: suspend.expected_days,
        },
        Action::Resume(resume) => Command::Resume { outside_number: resume.outside_number },
        Action::Decide(decide) => Command::Decide {
            approved: decide.approved,
            reason: decide.reason,
            basis: decide.basis,
            ground: decide.ground,
            document_number: decide.document_number,
        },
        Action::Return(back) => {
            Command::Return { reason: ReturnReason::from_number(back.reason), words: back.words, basis: back.basis }
        }
        Action::Deliver(deliver) => {
            let signed_on = date_of_number(deliver.signed_on);
            if deliver.signed_on != 0 && signed_on.is_none() {
                faults.note("deliver.signed_on", "签收日期不是有效的日期。");
            }
            Command::Deliver {
                method: DeliveryMethod::from_number(deliver.method),
                receiver: deliver.receiver,
                signed_on,
            }
        }
        Action::AddNote(note) => Command::AddNote { words: note.words },
        Action::Remind(proto::Remind {}) => Command::Remind,
        Action::RequestWithdrawal(withdrawal) => Command::RequestWithdrawal { words: withdrawal.words },
        Action::ConfirmWithdrawal(proto::ConfirmWithdrawal {}) => Command::ConfirmWithdrawal,
        Action::Rate(rate) => Command::Rate { satisfaction: rate.satisfaction, words: rate.words },
        Action::Extend(extend) => Command::Extend(ExtensionInput {
            told_on: day(&mut faults, "extend.told_on", extend.told_on),
            reason: extend.reason,
            told_by: DeliveryMethod::from_number(extend.told_by),
            approval_number: extend.approval_number,
        }),
        Action::Reclaim(reclaim) => Command::Reclaim { reason: reclaim.reason },
        Action::HandOver(hand_over) => {
            Command::HandOver { to: StationCode::from_number(hand_over.to).ok(), reason: hand_over.reason }
        }
        Action::CheckSuperseded(check) => {
            let step = Hash::try_from(check.step.as_slice());
            if step.is_err() {
                faults.note("check_superseded.step", "请选择要核对的步骤。");
            }
            Command::CheckSuperseded { step: step.unwrap_or(Hash([0; 32])), redone: check.redone, words: check.words }
        }
        Action::AnswerAlert(answer) => Command::AnswerAlert { alert: answer.alert, words: answer.words },
        Action::AppealAlert(appeal) => Command::AppealAlert { alert: appeal.alert, words: appeal.words },
        Action::ReviewAlert(review) => {
            Command::ReviewAlert { alert: review.alert, revoked: review.revoked, words: review.words }
        }
        Action::IssueOrder(order) => {
            let until = date_of_number(order.until);
            if until.is_none() {
                faults.note("issue_order.until", "请填写督办期限。");
            }
            let office = office(&mut faults, order.station, order.department);
            Command::IssueOrder { office, until: until.unwrap_or_default(), words: order.words }
        }
        Action::AnswerOrder(answer) => {
            let order = Hash::try_from(answer.order.as_slice());
            if order.is_err() {
                faults.note("answer_order.order", "督办单编号不正确，请刷新后重新选择。");
            }
            Command::AnswerOrder { order: order.unwrap_or(Hash([0; 32])), words: answer.words }
        }
    };
    faults.or(Some(command))
}

/// A day that may be left out.
fn day(faults: &mut Faults, field: &str, number: u32) -> Option<Date> {
    let day = date_of_number(number);
    if number != 0 && day.is_none() {
        faults.note(field, "日期不是有效的日期。");
    }
    day
}

/// The office that an order is for; none: the one whose turn it is.
fn office(faults: &mut Faults, station: u64, department: String) -> Option<Office> {
    if station == 0 && department.is_empty() {
        return None;
    }
    match (StationCode::from_number(station), department.parse()) {
        (Ok(station), Ok(department)) => Some(Office { station, department }),
        _ => {
            faults.note("issue_order.station", "被督办的站点或部门代码不正确。");
            None
        }
    }
}

fn answers(answers: Vec<proto::Answer>) -> Vec<(String, String)> {
    answers.into_iter().map(|answer| (answer.field, answer.value)).collect()
}

fn materials(faults: &mut Faults, field: &str, materials: Vec<proto::MaterialInput>) -> Vec<MaterialInput> {
    let read = |(position, material): (usize, proto::MaterialInput)| MaterialInput {
        material: material.material,
        originals: material.originals,
        copies: material.copies,
        attachments: ids(faults, &format!("{field}[{position}].attachments"), &material.attachments),
    };
    materials.into_iter().enumerate().map(read).collect()
}

fn ids(faults: &mut Faults, field: &str, ids: &[Vec<u8>]) -> Vec<AttachmentId> {
    let read: Option<Vec<_>> = ids.iter().map(|id| AttachmentId::try_from(id.as_slice()).ok()).collect();
    if read.is_none() {
        faults.note(field, "附件编号不正确，请重新上传附件。");
    }
    read.unwrap_or_default()
}

fn staff(faults: &mut Faults, field: &str, ids: Vec<String>) -> Vec<sanji_domain::StaffId> {
    let read: Option<Vec<_>> = ids.into_iter().map(|id| id.parse().ok()).collect();
    if read.is_none() {
        faults.note(field, "参加人员的工号不正确。");
    }
    read.unwrap_or_default()
}
