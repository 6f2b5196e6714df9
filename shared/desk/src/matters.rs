//! 事务: complaints, questions, rectifications and surveys at the desk: lists, one of them, a new one, actions.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use data_encoding::HEXLOWER;
use sanji_domain::matter::{MatterKind, may_open};
use sanji_proto::v1 as proto;
use serde::Deserialize;

use crate::apply::add_refusal;
use crate::form::{Faults, Form};
use crate::frame::{Frame, Tab};
use crate::guard::{ClientAddress, Person, Posted};
use crate::materials;
use crate::matter_form::{self, MatterForm};
use crate::office::Failure;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

/// Rows of one page.
const ROWS: u32 = 50;

/// Tabs of 事务: address and title.
pub(crate) const TABS: [(&str, &str); 7] = [
    ("/desk/matters?kind=complaint", "投诉"),
    ("/desk/matters?kind=question", "咨询"),
    ("/desk/call-backs", "回访"),
    ("/desk/matters?kind=rectification", "督办整改"),
    ("/desk/matters?kind=survey", "调查"),
    ("/desk/notices", "公告通报"),
    ("/desk/assessment", "考核"),
];

#[derive(Template)]
#[template(path = "matters.html")]
struct MattersPage {
    frame: Frame,
    kind: String,
    title: &'static str,
    tab: String,
    closed: bool,
    /// Whether the person opens such matters.
    opens: bool,
    reply: proto::ListMattersReply,
    next: String,
}

#[derive(Template)]
#[template(path = "matter.html")]
struct MatterPage {
    frame: Frame,
    matter: proto::MatterView,
    forms: Vec<MatterForm>,
    tab: String,
    full: bool,
    stale: bool,
    done: bool,
}

#[derive(Template)]
#[template(path = "matter_new.html")]
struct NewPage {
    frame: Frame,
    kind: String,
    tab: String,
    form: MatterForm,
}

#[derive(Template)]
#[template(path = "matter_opened.html")]
struct OpenedPage {
    frame: Frame,
    tab: String,
    kind: String,
    reply: proto::MatterReply,
}

/// Which list, and from where on.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    closed: String,
    #[serde(default)]
    after: String,
}

/// How a matter is shown.
#[derive(Deserialize)]
pub(crate) struct Shown {
    #[serde(default)]
    full: String,
    #[serde(default)]
    done: String,
}

fn title_of(kind: &str) -> Option<&'static str> {
    let address = tab_of(kind);
    TABS.iter().find(|(tab, _)| *tab == address).map(|(_, title)| *title)
}

fn tab_of(kind: &str) -> String {
    let kind = if kind == "letter" { "complaint" } else { kind };
    format!("/desk/matters?kind={kind}")
}

/// `GET /desk/matters`
pub(crate) async fn list(
    State(desk): State<Desk>,
    Query(wanted): Query<Wanted>,
    person: Person,
) -> Result<Response, Problem> {
    let kind = if wanted.kind.is_empty() { "complaint".to_owned() } else { wanted.kind };
    let title = title_of(&kind).ok_or_else(Problem::not_found)?;
    let closed = !wanted.closed.is_empty();
    let after = HEXLOWER.decode(wanted.after.as_bytes()).unwrap_or_default();
    let request = proto::ListMattersRequest { kind: kind.clone(), closed, limit: ROWS, after };
    let reply = desk.office().matters(&person.actor, request).await?;
    let frame = Frame::staff(&desk, &person, Tab::Matters).await;
    let next = HEXLOWER.encode(&reply.next);
    let opens = MatterKind::from_name(&kind).is_some_and(|kind| may_open(kind, &person.actor.staff));
    page(&MattersPage { frame, title, tab: tab_of(&kind), kind, closed, opens, reply, next })
}

/// `GET /desk/matters/new/{kind}`
pub(crate) async fn new(
    State(desk): State<Desk>,
    Path(kind): Path<String>,
    person: Person,
) -> Result<Response, Problem> {
    let form = matter_form::opening(&desk, &kind, false).ok_or_else(Problem::not_found)?;
    let frame = Frame::staff(&desk, &person, Tab::Matters).await;
    page(&NewPage { frame, tab: tab_of(&kind), kind, form })
}

/// `POST /desk/matters/new/{kind}`
pub(crate) async fn open(
    State(desk): State<Desk>,
    Path(kind): Path<String>,
    ClientAddress(client): ClientAddress,
    Posted { person, form }: Posted,
) -> Result<Response, Problem> {
    let request = form.request()?;
    let empty = matter_form::opening(&desk, &kind, false).ok_or_else(Problem::not_found)?;
    let opening = matter_form::read_opening(&kind, &form);
    let message = proto::OpenMatterRequest { request: request.as_bytes().to_vec(), opening };
    let opened = desk.office().open_matter(Some(&person.actor), message, client).await;
    let frame = Frame::staff(&desk, &person, Tab::Matters).await;
    let tab = tab_of(&kind);
    match opened {
        Ok(reply) => page(&OpenedPage { frame, tab, kind, reply }),
        Err(Failure::Refused(refusal)) => {
            let mut faults = Faults::default();
            add_refusal(&mut faults, &refusal);
            let form = empty.again(&form, &faults);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&NewPage { frame, tab, kind, form })?).into_response())
        }
        Err(failure) => Err(failure.into()),
    }
}

/// `GET /desk/matter/{number}`
pub(crate) async fn show(
    State(desk): State<Desk>,
    Path(number): Path<String>,
    Query(shown): Query<Shown>,
    person: Person,
) -> Result<Response, Problem> {
    let full = !shown.full.is_empty();
    let matter = matter_page(&desk, &person, &number, full, None, false, !shown.done.is_empty()).await?;
    page(&matter)
}

/// `POST /desk/matter/{number}/act/{action}`
pub(crate) async fn act(
    State(desk): State<Desk>,
    Path((number, action)): Path<(String, String)>,
    Posted { person, mut form }: Posted,
) -> Result<Response, Problem> {
    let number = words::digits(&number);
    let request = form.request()?;
    let mut faults = Faults::default();
    let head = proto::AttachmentHead { case_number: format!("M{number}"), ..Default::default() };
    materials::store_uploads(&desk, &person.actor, &mut form, &head, &mut faults).await?;
    let command = matter_form::read_action(&action, &form).ok_or_else(Problem::not_found)?;
    let failed = |faults: Faults, form: Form| Some((action.clone(), form, faults));
    let (failed, stale) = if faults.is_empty() {
        let message = proto::ActMatterRequest {
            request: request.as_bytes().to_vec(),
            number: number.clone(),
            expected_rev: form.number("rev"),
            action: Some(command),
        };
        match desk.office().act_matter(&person.actor, message).await {
            // An opened letter goes on under the number of the complaint in it.
            Ok(reply) => return Ok(Redirect::to(&format!("/desk/matter/{}?done=1", reply.number)).into_response()),
            Err(Failure::Refused(refusal)) => {
                add_refusal(&mut faults, &refusal);
                (failed(faults, form), false)
            }
            Err(Failure::Stale) => (failed(faults, form), true),
            Err(failure) => return Err(failure.into()),
        }
    } else {
        (failed(faults, form), false)
    };
    let matter = matter_page(&desk, &person, &number, false, failed, stale, false).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&matter)?).into_response())
}

/// `GET` of the same address: there is nothing to show but the matter.
pub(crate) async fn back(Path((number, _)): Path<(String, String)>, _: Person) -> Redirect {
    Redirect::to(&format!("/desk/matter/{}", words::digits(&number)))
}

async fn matter_page(
    desk: &Desk,
    person: &Person,
    number: &str,
    full: bool,
    failed: Option<(String, Form, Faults)>,
    stale: bool,
    done: bool,
) -> Result<MatterPage, Problem> {
    let request = proto::GetMatterRequest { number: words::digits(number), unmasked: full };
    let matter = desk.office().matter(&person.actor, request).await?;
    let forms = matter.actions.iter().filter_map(|action| {
        let form = matter_form::action(desk, action)?;
        Some(match &failed {
            Some((of, sent, faults)) if of == action => form.again(sent, faults),
            _ => form,
        })
    });
    let forms = forms.collect();
    let frame = Frame::staff(desk, person, Tab::Matters).await;
    Ok(MatterPage { frame, tab: tab_of(&matter.kind), forms, full: full && !matter.masked, matter, stale, done })
}
