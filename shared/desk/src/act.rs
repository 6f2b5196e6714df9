//! Actions on a case: a form becomes one command to the station.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use data_encoding::HEXLOWER;
use sanji_domain::Item;
use sanji_proto::v1 as proto;
use sanji_proto::v1::act_request::Action;

use crate::apply::add_refusal;
use crate::case::{Failed, show_failed};
use crate::form::{Faults, Form};
use crate::guard::{Person, Posted};
use crate::materials;
use crate::office::Failure;
use crate::problem::Problem;
use crate::state::Desk;
use crate::words;

/// Field of `SupplyCorrection.answers` that the form's free text goes to.
const CORRECTION_FIELD: &str = "更正说明";

/// `POST /desk/case/{number}/act/{action}`
pub(crate) async fn post(
    State(desk): State<Desk>,
    Path((number, action)): Path<(String, String)>,
    Posted { person, mut form }: Posted,
) -> Result<Response, Problem> {
    let case_number = words::digits(&number);
    let request = form.request()?;
    let view = proto::GetRequest { case_number: case_number.clone(), unmasked: false };
    let case = desk.office().case(&person.actor, view).await?;
    let (_, item) = desk.office().item(&case.item, case.item_version).ok_or_else(Problem::not_found)?;

    let mut faults = Faults::default();
    let head = proto::AttachmentHead { case_number: case_number.clone(), ..Default::default() };
    materials::store_uploads(&desk, &person.actor, &mut form, &head, &mut faults).await?;
    let command = command(&action, &form, &item, &mut faults).ok_or_else(Problem::not_found)?;
    if !faults.is_empty() {
        return show_failed(&desk, &person, &number, Failed { action, form, faults, stale: false }).await;
    }
    let request = proto::ActRequest {
        request: request.as_bytes().to_vec(),
        case_number: case_number.clone(),
        expected_rev: form.number("rev"),
        action: Some(command),
    };
    match desk.office().act(&person.actor, request).await {
        Ok(_) => Ok(Redirect::to(&format!("/desk/case/{case_number}?done={action}")).into_response()),
        Err(Failure::Refused(refusal)) => {
            add_refusal(&mut faults, &refusal);
            show_failed(&desk, &person, &number, Failed { action, form, faults, stale: false }).await
        }
        Err(Failure::Stale) => show_failed(&desk, &person, &number, Failed { action, form, faults, stale: true }).await,
        Err(failure) => Err(failure.into()),
    }
}

/// `GET` of the same address, from an address bar or after a login: there is nothing to show but the case.
pub(crate) async fn back(Path((number, _)): Path<(String, String)>, _: Person) -> Redirect {
    Redirect::to(&format!("/desk/case/{}", words::digits(&number)))
}

/// The command that a form stands for. None: no such action. What can't be read becomes a fault; what is
/// missing is for the station to say.
fn command(action: &str, form: &Form, item: &Item, faults: &mut Faults) -> Option<Action> {
    let text = |field: &str| form.value(field).to_owned();
    let enumeration = |field: &str| i32::try_from(form.number(field)).unwrap_or_default();
    Some(match action {
        "accept" => Action::Accept(proto::Accept {}),
        "refuse_acceptance" => Action::RefuseAcceptance(proto::RefuseAcceptance {
            reason: text("reason"),
            basis: basis(form),
            competent_office: text("competent_office"),
        }),
        "request_correction" => Action::RequestCorrection(correction(form, item, faults)),
        "supply_correction" => Action::SupplyCorrection(proto::SupplyCorrection {
            materials: materials::inputs(item, form, false),
            answers: answers(form),
        }),
        "finish_stage" => Action::FinishStage(proto::FinishStage {
            opinion: enumeration("opinion"),
            words: text("words"),
            outside_number: text("outside_number"),
            together_with: staff_ids(form.value("together_with")),
            materials: Vec::new(),
        }),
        "post_publicity" => Action::PostPublicity(proto::PostPublicity {
            place: text("place"),
            photographs: materials::attachments(form, "photographs"),
        }),
        "end_publicity" => Action::EndPublicity(proto::EndPublicity {
            objection: form.value("objection") == "1",
            words: text("words"),
        }),
        "suspend" => Action::Suspend(proto::Suspend {
            kind: text("kind"),
            reason: text("reason"),
            expected_days: form.number("expected_days"),
            told_on: day(form, faults, "told_on"),
        }),
        "resume" => Action::Resume(proto::Resume { outside_number: text("outside_number") }),
        "decide" => Action::Decide(decision(form)),
        "return" => {
            Action::Return(proto::Return { reason: enumeration("reason"), words: text("words"), basis: basis(form) })
        }
        "deliver" => Action::Deliver(proto::Deliver {
            method: enumeration("method"),
            receiver: text("receiver"),
            signed_on: day(form, faults, "signed_on"),
        }),
        "add_note" => Action::AddNote(proto::AddNote { words: text("words") }),
        "remind" => Action::Remind(proto::Remind {}),
        "request_withdrawal" => Action::RequestWithdrawal(proto::RequestWithdrawal { words: text("words") }),
        "confirm_withdrawal" => Action::ConfirmWithdrawal(proto::ConfirmWithdrawal {}),
        "rate" => Action::Rate(proto::Rate { satisfaction: form.number("satisfaction"), words: text("words") }),
        "extend" => Action::Extend(proto::Extend {
            reason: text("reason"),
            told_by: enumeration("told_by"),
            told_on: day(form, faults, "told_on"),
            approval_number: text("approval_number"),
        }),
        "reclaim" => Action::Reclaim(proto::Reclaim { reason: text("reason") }),
        "hand_over" => Action::HandOver(proto::HandOver {
            to: form.value("to").parse().unwrap_or_default(),
            reason: text("reason"),
        }),
        "check_superseded" => Action::CheckSuperseded(proto::CheckSuperseded {
            step: words::unhex(form.value("step")),
            redone: form.value("redone") == "1",
            words: text("words"),
        }),
        "issue_order" => Action::IssueOrder(proto::IssueOrder {
            until: words::read_day(form.value("until")).unwrap_or(0),
            words: text("words"),
            ..Default::default()
        }),
        "answer_order" => Action::AnswerOrder(proto::AnswerOrder {
            order: HEXLOWER.decode(form.value("order").as_bytes()).unwrap_or_default(),
            words: text("words"),
        }),
        _ => return None,
    })
}

/// What was typed wins over what was chosen.
fn basis(form: &Form) -> String {
    match form.value("basis_other") {
        "" => form.value("basis").to_owned(),
        typed => typed.to_owned(),
    }
}

/// A decision; the grounds of a refusal are left out where the answer is yes.
fn decision(form: &Form) -> proto::Decide {
    let document_number = form.value("document_number").to_owned();
    if form.value("approved") == "1" {
        return proto::Decide { approved: true, document_number, ..Default::default() };
    }
    proto::Decide {
        approved: false,
        reason: form.value("reason").to_owned(),
        basis: basis(form),
        ground: form.number("ground"),
        document_number,
    }
}

fn correction(form: &Form, item: &Item, faults: &mut Faults) -> proto::RequestCorrection {
    let positions = (0..).take(item.materials.len()).chain([u32::MAX]);
    let mut listed = Vec::new();
    for material in positions {
        let kind = form.number(&format!("kind-{material}"));
        let requirement_field = format!("requirement-{material}");
        let requirement = form.value(&requirement_field);
        match (kind, requirement) {
            (0, "") => {}
            (0, _) | (_, "") => faults.add(requirement_field, "请同时选择存在的问题并写明补正要求。"),
            (kind, requirement) => listed.push(proto::FaultInput {
                material,
                kind: i32::try_from(kind).unwrap_or_default(),
                requirement: requirement.to_owned(),
            }),
        }
    }
    if listed.is_empty() && faults.is_empty() {
        faults.add("faults", "请至少列出一项需要补正的内容。");
    }
    proto::RequestCorrection { faults: listed }
}

fn answers(form: &Form) -> Vec<proto::Answer> {
    match form.value("answer") {
        "" => Vec::new(),
        value => vec![proto::Answer { field: CORRECTION_FIELD.to_owned(), value: value.to_owned() }],
    }
}

fn staff_ids(typed: &str) -> Vec<String> {
    let separators = [',', '，', '、', ' ', '　', ';', '；'];
    typed.split(separators).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// A day that may be left out.
fn day(form: &Form, faults: &mut Faults, field: &'static str) -> u32 {
    let typed = form.value(field);
    if typed.is_empty() {
        return 0;
    }
    words::read_day(typed).unwrap_or_else(|| {
        faults.add(field, "不是有效日期，请重新选择。");
        0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(values: &[(&str, &str)]) -> Form {
        Form::from_pairs(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_yes_carries_no_grounds_of_refusal() {
        let yes =
            decision(&form(&[("approved", "1"), ("reason", "旧草稿"), ("ground", "2"), ("document_number", "证1")]));
        assert!(yes.approved && yes.reason.is_empty() && yes.ground == 0 && yes.document_number == "证1", "{yes:?}");
        let no = decision(&form(&[
            ("approved", "0"),
            ("reason", "收入超过规定"),
            ("basis", "《甲》"),
            ("basis_other", "《乙》第一条"),
        ]));
        assert!(!no.approved && no.basis == "《乙》第一条", "{no:?}");
        // A form without a choice must not approve.
        assert!(!decision(&form(&[])).approved);
    }

    #[test]
    fn people_separate_ids_as_they_like() {
        assert_eq!(staff_ids("a-1，b-2、c-3 d-4,"), ["a-1", "b-2", "c-3", "d-4"]);
    }
}
