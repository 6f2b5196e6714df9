//! One member of staff: posts with their dates, what they may do with which item, and the form by which their office
//! asks for another post; beside it, what each window of the station has.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use sanji_domain::Role;
use sanji_proto::v1 as proto;

use crate::form::Form;
use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted};
use crate::office::Failure;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

/// An item with who may do what with it.
struct ItemPowers {
    code: String,
    name: String,
    powers: Vec<proto::AuthorisationView>,
}

impl ItemPowers {
    fn has(&self, name: &str) -> bool {
        self.powers.iter().any(|power| power.power == name)
    }
}

/// From what a power follows, in words.
pub(crate) fn source(power: &proto::AuthorisationView) -> String {
    match (power.document.as_str(), power.until) {
        ("", _) => power.source.clone(),
        (document, 0) => format!("{}：{document}", power.source),
        (document, until) => format!("{}：{document}，至{}", power.source, words::day(&until)),
    }
}

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    frame: Frame,
    one: proto::StaffView,
    /// None: it is not for whoever looks.
    history: Option<Vec<proto::StaffHistoryRow>>,
    items: Vec<ItemPowers>,
    requests: Vec<proto::StaffRequestView>,
    /// Whether whoever looks may ask for another post.
    asks: bool,
    form: Asked,
    /// What went wrong; empty: nothing.
    refusal: String,
}

/// What stands in the form.
#[derive(Default)]
struct Asked {
    roles: Vec<String>,
    post: String,
    department: String,
    place: String,
    seat: String,
    reason: String,
    leaves: bool,
    /// What can be chosen.
    all_roles: Vec<&'static str>,
    departments: Vec<(String, String)>,
    stations: Vec<(String, String)>,
}

impl Asked {
    /// What the form names; nothing where the page is opened.
    fn read(desk: &Desk, form: Option<&Form>) -> Self {
        // Nobody is made an applicant or an outside authority.
        let works = |role: &&Role| !matches!(role, Role::Applicant | Role::HigherAuthority);
        let all_roles = Role::ALL.iter().filter(works).map(|role| role.term()).collect();
        let (departments, stations) = (desk.office().departments(), desk.office().stations(false));
        let empty = Self { all_roles, departments, stations, ..Self::default() };
        let Some(form) = form else { return empty };
        Self {
            roles: form.all("role").map(str::to_owned).collect(),
            post: form.value("post").to_owned(),
            department: form.value("department").to_owned(),
            place: form.value("place").to_owned(),
            seat: form.value("seat").to_owned(),
            reason: form.value("reason").to_owned(),
            leaves: form.ticked("leaves"),
            ..empty
        }
    }

    fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|chosen| chosen == role)
    }

    fn change(&self, staff: String) -> proto::ChangeStaffRequest {
        proto::ChangeStaffRequest {
            staff,
            roles: self.roles.clone(),
            post: self.post.clone(),
            department: self.department.clone(),
            place: self.place.parse().unwrap_or(0),
            seat: self.seat.clone(),
            reason: self.reason.clone(),
            leaves: self.leaves,
            ..proto::ChangeStaffRequest::default()
        }
    }
}

/// `GET /desk/person/{staff}`
pub(crate) async fn show(
    State(desk): State<Desk>,
    Path(staff): Path<String>,
    person: Person,
) -> Result<Response, Problem> {
    person_page(&desk, &person, &staff, None, String::new()).await
}

/// `POST /desk/person/{staff}`: asks for another post.
pub(crate) async fn ask(
    State(desk): State<Desk>,
    Path(staff): Path<String>,
    posted: Posted,
) -> Result<Response, Problem> {
    let Posted { person, form } = posted;
    let change = Asked::read(&desk, Some(&form)).change(staff.clone());
    match desk.office().ask_staff_change(&person.actor, change).await {
        Ok(_) => Ok(Redirect::to(&format!("/desk/person/{staff}#requests")).into_response()),
        Err(Failure::Refused(refusal)) => person_page(&desk, &person, &staff, Some(&form), refusal.sentence).await,
        Err(failure) => Err(failure.into()),
    }
}

async fn person_page(
    desk: &Desk,
    person: &Person,
    staff: &str,
    form: Option<&Form>,
    refusal: String,
) -> Result<Response, Problem> {
    let office = desk.office();
    let one = office.staff_member(&person.actor, staff)?;
    let history = office.staff_history(&person.actor, staff)?;
    let items = by_item(office.powers(&person.actor, staff)?);
    let requests = office.staff_requests(&person.actor, staff)?;
    let asks = office.asks_for_change(&person.actor, staff);
    let form = Asked::read(desk, form);
    let frame = Frame::staff(desk, person, Tab::People).await;
    page(&PersonPage { frame, one, history, items, requests, asks, form, refusal })
}

#[derive(Template)]
#[template(path = "authorisations.html")]
struct AuthorisationsPage {
    frame: Frame,
    items: Vec<ItemPowers>,
}

/// `GET /desk/authorisations`: which window has which items.
pub(crate) async fn authorisations(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    let items = by_item(desk.office().powers(&person.actor, "")?);
    let frame = Frame::staff(&desk, &person, Tab::People).await;
    page(&AuthorisationsPage { frame, items })
}

/// Powers, each item once.
fn by_item(rows: Vec<proto::ItemAuthorisation>) -> Vec<ItemPowers> {
    let mut items: BTreeMap<String, ItemPowers> = BTreeMap::new();
    for proto::ItemAuthorisation { item, item_name, power } in rows {
        let known = items.entry(item.clone());
        let known = known.or_insert_with(|| ItemPowers { code: item, name: item_name, powers: Vec::new() });
        known.powers.extend(power);
    }
    items.into_values().collect()
}
