//! Forms of joint handling, outside bodies, easier procedures, drafts, marks, and what is left to be made up.

use sanji_domain::Item;
use sanji_proto::v1 as proto;
use sanji_proto::v1::act_request::Action;

use crate::act::{answers, day, listed, staff_ids};
use crate::form::{Faults, Form};
use crate::materials;
use crate::words;

/// The command that a form stands for. None: no such action.
pub(crate) fn command(action: &str, form: &Form, item: &Item, faults: &mut Faults) -> Option<Action> {
    let text = |field: &str| form.value(field).to_owned();
    let enumeration = |field: &str| i32::try_from(form.number(field)).unwrap_or_default();
    let yes = |field: &str| form.value(field) == "1";
    Some(match action {
        "finish_at_once" => Action::FinishAtOnce(proto::FinishAtOnce {
            words: text("words"),
            document_number: text("document_number"),
            receiver: text("receiver"),
            method: proto::DeliveryMethod::InPerson.into(),
        }),
        "choose_variant" => {
            Action::ChooseVariant(proto::ChooseVariant { variant: form.number("variant"), reason: text("reason") })
        }
        "send_up" => Action::SendUp(proto::SendUp {
            body: text("body"),
            sent_on: day(form, faults, "sent_on"),
            outside_number: text("outside_number"),
        }),
        "chase" => Action::Chase(proto::Chase { on: day(form, faults, "on"), words: text("words") }),
        "register_answer" => Action::RegisterAnswer(proto::RegisterAnswer {
            answered_on: day(form, faults, "answered_on"),
            outside_number: text("outside_number"),
            approved: yes("approved"),
            words: text("words"),
        }),
        "allow_second_correction" => {
            Action::AllowSecondCorrection(proto::AllowSecondCorrection { reason: text("reason") })
        }
        "correct_at_once" => Action::CorrectAtOnce(proto::CorrectAtOnce {
            materials: materials::inputs(item, form, false),
            answers: answers(form),
        }),
        "transfer" => Action::Transfer(proto::Transfer { department: text("department"), reason: text("reason") }),
        "consult_again" => Action::ConsultAgain(proto::ConsultAgain { words: text("words") }),
        "answer_preliminary" => Action::AnswerPreliminary(proto::AnswerPreliminary {
            faults: listed(form, item, faults),
            words: text("words"),
        }),
        "submit_preliminary" => Action::SubmitPreliminary(proto::SubmitPreliminary {
            materials: materials::inputs(item, form, false),
            answers: answers(form),
        }),
        "set_mark" => Action::SetMark(proto::SetMark {
            mark: enumeration("mark"),
            remove: yes("remove"),
            reason: text("reason"),
            until: day(form, faults, "until"),
        }),
        "answer_copy" => Action::AnswerCopy(proto::AnswerCopy {
            opinion: enumeration("opinion"),
            words: text("words"),
            stage: text("stage"),
        }),
        "sign_for_copy" => Action::SignForCopy(proto::SignForCopy { stage: text("stage") }),
        "record_visit" => Action::RecordVisit(proto::RecordVisit {
            on: day(form, faults, "on"),
            place: text("place"),
            departments: form.all("departments").map(str::to_owned).collect(),
            held: yes("held"),
            attended: staff_ids(form.value("attended")),
            words: text("words"),
            attachments: materials::attachments(form, "photographs"),
        }),
        "finish_duty" => Action::FinishDuty(proto::FinishDuty {
            variant: yes("variant"),
            words: text("words"),
            materials: materials::inputs(item, form, false),
        }),
        "ask_review" => Action::AskReview(proto::AskReview { words: text("words") }),
        "answer_review" => Action::AnswerReview(proto::AnswerReview { upheld: yes("upheld"), words: text("words") }),
        "void_document" => Action::VoidDocument(void(form)),
        _ => return None,
    })
}

/// The form names a document by the hash of its step and its kind.
fn void(form: &Form) -> proto::VoidDocument {
    let (step, kind) = form.value("document").split_once(' ').unwrap_or_default();
    proto::VoidDocument {
        step: words::unhex(step),
        kind: kind.parse().unwrap_or_default(),
        reason: form.value("reason").to_owned(),
        replace: form.value("replace") == "1",
    }
}
