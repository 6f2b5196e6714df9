//! A new case: form, review, submission.
//!
//! Nothing is kept at the desk between the pages: what was typed travels in the form, and files are stored as
//! attachments under the form's request id as soon as they arrive, so that nothing has to be chosen twice.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::Date;
use sanji_domain::{Item, Role, SubjectId};
use sanji_log::Tier;
use sanji_proto::v1 as proto;

use crate::agency;
use crate::form::{Faults, Form, fresh_request};
use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted};
use crate::materials::{self, MaterialField};
use crate::office::{Failure, Refusal};
use crate::problem::{Problem, again, page};
use crate::state::Desk;
use crate::words;

/// Field of `SubmitRequest.answers` that the form's free text goes to.
const REASON_FIELD: &str = "申请事由";

#[derive(Template)]
#[template(path = "apply.html")]
struct ApplyPage {
    frame: Frame,
    item: Arc<Item>,
    materials: Vec<MaterialField>,
    /// Largest file that is taken, in MB.
    file_limit_mb: u64,
    person_name: String,
    /// Villages to choose from, code and name; empty at a village, which is the applicant's.
    villages: Vec<(String, String)>,
    /// Whether the person files for somebody else, under a mandate.
    agent: bool,
    request: String,
    form: Form,
    faults: Faults,
}

impl ApplyPage {
    fn kept(&self, _prefix: &str, field: &str) -> &str {
        self.form.value(field)
    }

    fn chosen(&self, _prefix: &str, field: &str, value: &str) -> bool {
        self.form.all(field).any(|sent| sent == value)
    }

    fn fault(&self, _prefix: &str, field: &str) -> String {
        self.faults.of(field)
    }
}

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewPage {
    frame: Frame,
    item: Arc<Item>,
    materials: Vec<MaterialField>,
    agent: bool,
    /// The rights of the mandate in words, and what they leave to the applicant.
    rights: String,
    agency: agency::Agency,
    until: String,
    form: Form,
}

impl ReviewPage {
    /// Names of mandatory materials of which nothing has been handed in.
    fn missing(&self) -> String {
        let missing: Vec<_> = self
            .materials
            .iter()
            .filter(|material| material.is_missing())
            .map(|material| material.name.as_str())
            .collect();
        missing.join("、")
    }
}

/// `GET /desk/new/{item}`
pub(crate) async fn form(
    State(desk): State<Desk>,
    Path(code): Path<String>,
    person: Person,
) -> Result<Response, Problem> {
    let (_, item) = desk.office().item(&code, 0).ok_or_else(Problem::not_found)?;
    if let Some(row) = desk.office().items(&person.actor, "").into_iter().find(|row| row.code == code)
        && !row.may_submit
    {
        return Err(Problem::bad_request(format!("本站不能登记“{}”：{}", row.name, row.why_not)));
    }
    let frame = Frame::staff(&desk, &person, Tab::NewCase).await;
    page(&apply_page(&desk, frame, &person, item, Form::default(), Faults::default()))
}

/// `POST /desk/new/{item}`: `step` says whether to review, to go back to the form, or to submit.
pub(crate) async fn post(
    State(desk): State<Desk>,
    Path(code): Path<String>,
    Posted { person, mut form }: Posted,
) -> Result<Response, Problem> {
    let (_, item) = desk.office().item(&code, 0).ok_or_else(Problem::not_found)?;
    let request = form.request()?;
    let mut faults = Faults::default();
    let head = proto::AttachmentHead { request: request.as_bytes().to_vec(), ..Default::default() };
    materials::store_uploads(&desk, &person.actor, &mut form, &head, &mut faults).await?;

    let frame = Frame::staff(&desk, &person, Tab::NewCase).await;
    if form.value("step") == "edit" {
        return page(&apply_page(&desk, frame, &person, item, form, faults));
    }
    check(&person, &form, words::local_date(frame.clock_ms), &mut faults);
    if !faults.is_empty() {
        return again(&apply_page(&desk, frame, &person, item, form, faults));
    }
    if form.value("step") != "submit" {
        return page(&review_page(frame, &person, item, form));
    }
    let submission = submission(&item, is_agent(&person), &form)?;
    match desk.office().submit(&person.actor, submission).await {
        Ok(reply) => Ok(Redirect::to(&format!("/desk/case/{}/paper/receipt", reply.case_number)).into_response()),
        Err(Failure::Refused(refusal)) => {
            add_refusal(&mut faults, &refusal);
            again(&apply_page(&desk, frame, &person, item, form, faults))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// What can be said before anything is sent to the station, so that the review shows a form that will pass.
fn check(person: &Person, form: &Form, today: Option<Date>, faults: &mut Faults) {
    for (field, sentence) in [
        ("applicant.name", "请填写申请人姓名或单位名称。"),
        ("applicant.id_number", "请填写公民身份号码或统一社会信用代码。"),
        ("applicant.telephone", "请填写联系电话。"),
        ("applicant.address", "请填写住址。"),
    ] {
        let value = form.value(field);
        if value.is_empty() {
            faults.add(field, sentence);
        } else if field == "applicant.id_number"
            && let Some(Err(fault)) = today.map(|today| SubjectId::parse(value, today))
        {
            faults.add(field, fault.sentence());
        }
    }
    if is_agent(person) && !form.ticked("mandate.may_submit") {
        faults.add("mandate.may_submit", "代办须有申请人委托，请勾选“代为提交申请”。");
    }
    let until = form.value("mandate.until");
    if !until.is_empty() && words::read_day(until).is_none() {
        faults.add("mandate.until", "委托期限不是有效日期，请重新选择。");
    }
    if !form.ticked("truth") {
        faults.add("truth", "请向申请人宣读真实性承诺，并勾选。");
    }
}

fn submission(item: &Item, agent: bool, form: &Form) -> Result<proto::SubmitRequest, Problem> {
    let reason = form.value("answer");
    let answers = if reason.is_empty() {
        Vec::new()
    } else {
        vec![proto::Answer { field: REASON_FIELD.to_owned(), value: reason.to_owned() }]
    };
    Ok(proto::SubmitRequest {
        request: form.request()?.as_bytes().to_vec(),
        item: item.code.as_str().to_owned(),
        applicant: Some(proto::Applicant {
            name: form.value("applicant.name").to_owned(),
            id_number: form.value("applicant.id_number").to_owned(),
            telephone: form.value("applicant.telephone").to_owned(),
            address: form.value("applicant.address").to_owned(),
        }),
        answers,
        materials: materials::inputs(item, form, agent),
        mandate: agent.then(|| mandate(form)),
        witnesses: form.value("witnesses").to_owned(),
        village: form.value("village").parse().unwrap_or_default(),
        variant: form.number("variant"),
        urgent_reason: form.value("urgent_reason").to_owned(),
        preliminary: form.ticked("preliminary"),
    })
}

/// Takes over what the station says against a form; each sentence goes to its field.
pub(crate) fn add_refusal(faults: &mut Faults, refusal: &Refusal) {
    let basis = refusal.basis.as_deref().map(|basis| format!("（{basis}）")).unwrap_or_default();
    if refusal.fields.is_empty() {
        faults.add("", format!("{}{basis}", refusal.sentence));
    }
    for fault in &refusal.fields {
        faults.add(fault.field.clone(), fault.sentence.clone());
    }
}

fn is_agent(person: &Person) -> bool {
    person.actor.staff.roles.contains(&Role::Agent)
}

fn apply_page(desk: &Desk, frame: Frame, person: &Person, item: Arc<Item>, form: Form, faults: Faults) -> ApplyPage {
    let request = match form.value("request") {
        "" => fresh_request(),
        sent => sent.to_owned(),
    };
    ApplyPage {
        frame,
        materials: materials::fields(&item, &form, is_agent(person)),
        file_limit_mb: desk.office().attachment_max_bytes() >> 20,
        villages: villages(desk),
        person_name: person.actor.staff.name.clone(),
        agent: is_agent(person),
        item,
        request,
        form,
        faults,
    }
}

fn villages(desk: &Desk) -> Vec<(String, String)> {
    if desk.station().tier() == Tier::Village {
        return Vec::new();
    }
    desk.office().villages().into_iter().map(|(code, name)| (code.to_string(), name)).collect()
}

fn review_page(frame: Frame, person: &Person, item: Arc<Item>, form: Form) -> ReviewPage {
    let rights: Vec<_> = [
        ("mandate.may_submit", "代为提交申请"),
        ("mandate.may_correct", "代为补正"),
        ("mandate.may_sign_for_documents", "代为签收文书"),
        ("mandate.may_collect_result", "代为领取证照"),
    ]
    .into_iter()
    .filter_map(|(field, words)| form.ticked(field).then_some(words))
    .collect();
    ReviewPage {
        frame,
        materials: materials::fields(&item, &form, is_agent(person)),
        agent: is_agent(person),
        rights: rights.join("、"),
        agency: agency::Agency::of(Some(&mandate(&form)), Some(&item)),
        until: words::read_day(form.value("mandate.until")).map(|day| words::day(&day)).unwrap_or_default(),
        item,
        form,
    }
}

/// The mandate as the form says.
fn mandate(form: &Form) -> proto::Mandate {
    proto::Mandate {
        may_submit: form.ticked("mandate.may_submit"),
        may_correct: form.ticked("mandate.may_correct"),
        may_sign_for_documents: form.ticked("mandate.may_sign_for_documents"),
        may_collect_result: form.ticked("mandate.may_collect_result"),
        until: words::read_day(form.value("mandate.until")).unwrap_or_default(),
    }
}
